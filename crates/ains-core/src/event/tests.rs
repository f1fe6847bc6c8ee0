//! Names of events and sets of them.

use std::time::Duration;

use super::{EventType, EventTypes, UnknownEventType};
use crate::chain::ChainStatus;
use crate::ids::AgentId;
use crate::schedule::SlotState;
use crate::task::{Failure, Report, ReportKind, Task, TaskSpec};
use crate::time::Timestamp;

#[test]
fn every_event_is_found_by_its_name() {
    for kind in EventType::ALL {
        assert_eq!(kind.as_str().parse(), Ok(*kind));
        assert_eq!(
            EventTypes::named([kind.as_str()]),
            Ok([*kind].into_iter().collect())
        );
    }
    assert_eq!(
        "task.ended".parse::<EventType>(),
        Err(UnknownEventType("task.ended".to_owned()))
    );
}

#[test]
fn a_star_stands_for_all_of_a_noun() {
    let named = |names: &[&str]| EventTypes::named(names.iter().copied()).unwrap();
    assert_eq!(named(&["*"]), EventTypes::ALL);
    let of_tasks = named(&["task.*"]);
    assert!(
        EventType::ALL
            .iter()
            .all(|kind| of_tasks.contains(*kind) == kind.as_str().starts_with("task."))
    );
    assert_eq!(named(&["task.*", "task.created"]), of_tasks);
    assert_eq!(
        named(&["agent.*", "chain.failed"]).iter().collect::<Vec<_>>(),
        [
            EventType::ChainFailed,
            EventType::AgentRegistered,
            EventType::AgentInactive
        ]
    );
    for unknown in [
        "",
        "task",
        "task*",
        "task.",
        "*.completed",
        "tasks.*",
        "TASK.*",
        "**",
    ] {
        let refused = EventTypes::named(["task.created", unknown]);
        assert_eq!(refused, Err(UnknownEventType(unknown.to_owned())), "{unknown}");
    }
}

#[test]
fn what_is_told_of_a_chain_follows_from_where_it_comes() {
    use ChainStatus::{Cancelled, Completed, Failed, Paused, Pending, Running};
    let told = |before, after| -> Vec<&str> {
        EventType::of_chain(before, after)
            .map(EventType::as_str)
            .collect()
    };
    assert_eq!(told(None, Running), ["chain.created", "chain.started"]);
    assert_eq!(told(None, Pending), ["chain.created"]);
    assert_eq!(told(None, Completed), ["chain.created", "chain.completed"]);
    for (before, after, kind) in [
        (Pending, Running, "chain.started"),
        (Running, Paused, "chain.paused"),
        (Paused, Running, "chain.resumed"),
        (Failed, Running, "chain.retrying"),
        (Running, Completed, "chain.completed"),
        (Paused, Failed, "chain.failed"),
        (Pending, Cancelled, "chain.cancelled"),
    ] {
        assert_eq!(told(Some(before), after), [kind], "{before} to {after}");
        assert!(told(Some(after), after).is_empty(), "{after} again");
    }
}

#[test]
fn a_slot_that_waits_is_not_told_of() {
    let told = |state| EventType::of_slot(state).map(EventType::as_str);
    assert_eq!(told(SlotState::Fired), Some("schedule.fired"));
    assert_eq!(told(SlotState::Missed), Some("schedule.missed"));
    assert_eq!(told(SlotState::Skipped), Some("schedule.slot_skipped"));
    assert_eq!(told(SlotState::Dropped), Some("schedule.slot_skipped"));
    assert_eq!(told(SlotState::Buffered), None);
}

#[test]
fn a_task_notes_what_happens_to_it_with_the_attempt_and_the_agent() {
    let now = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
    let spec = TaskSpec::new(
        "client".parse().unwrap(),
        "type".parse().unwrap(),
        "capability:v1".parse().unwrap(),
    );
    let mut task = Task::submitted(
        "task_01a208a6f9ed7e8fb7e8c36d5862c871".parse().unwrap(),
        spec,
        now(0),
    );
    let (one, two): (AgentId, AgentId) = ("one".parse().unwrap(), "two".parse().unwrap());
    task.assign(one.clone(), Duration::from_secs(60), now(1)).unwrap();
    let report = |agent: &AgentId, kind| Report {
        task: "task_01a208a6f9ed7e8fb7e8c36d5862c871".parse().unwrap(),
        agent: agent.clone(),
        attempt: None,
        kind,
    };
    task.apply(&report(&one, ReportKind::Start), 0.0, now(2)).unwrap();
    task.apply(&report(&one, ReportKind::Start), 0.0, now(2)).unwrap();
    task.apply(&report(&one, ReportKind::Progress), 0.0, now(3))
        .unwrap();
    let failure = Failure {
        message: "the line is busy".to_owned(),
        ..Failure::default()
    };
    task.apply(&report(&one, ReportKind::Fail(failure)), 0.0, now(4))
        .unwrap();
    let copy = task.clone();
    assert!(
        task.apply(&report(&one, ReportKind::Complete), 0.0, now(5))
            .is_err()
    );
    task.judge(crate::task::Verdict::Due, 0.0, now(60)).unwrap();
    task.hand_over(two.clone(), now(61)).unwrap();
    task.apply(&report(&two, ReportKind::Complete), 0.0, now(62))
        .unwrap();
    let told: Vec<_> = task
        .log
        .take()
        .into_iter()
        .map(|entry| (entry.kind, entry.attempt, entry.agent))
        .collect();
    let (one, two) = (Some(one), Some(two));
    assert_eq!(
        told,
        [
            (EventType::TaskCreated, 0, None),
            (EventType::TaskAssigned, 1, one.clone()),
            (EventType::TaskStarted, 1, one.clone()),
            (EventType::TaskProgress, 1, one.clone()),
            (EventType::TaskRetrying, 1, one),
            (EventType::TaskAssigned, 2, two.clone()),
            (EventType::TaskStarted, 2, two.clone()),
            (EventType::TaskCompleted, 2, two),
        ]
    );
    assert!(task.log.take().is_empty());
    assert_eq!(
        copy.clone().log.take().len(),
        5,
        "a copy keeps what it was made with"
    );
}
