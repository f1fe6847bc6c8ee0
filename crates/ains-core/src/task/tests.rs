use proptest::prelude::{Just, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::strategy::Strategy as _;

use std::fmt::Write as _;

use super::*;
use crate::dependency::{self, Condition, Dependency, Ending};

const SECOND: Duration = Duration::from_secs(1);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn agent(name: &str) -> AgentId {
    name.parse().unwrap()
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn a_task() -> Task {
    let id = "task_00000000000000000000000000000001".parse().unwrap();
    Task::submitted(
        id,
        TaskSpec::new("c".parse().unwrap(), name("job"), name("Text:V1")),
        at(0),
    )
}

fn report(by: &str, attempt: Option<u32>, kind: ReportKind) -> Report {
    Report {
        task: a_task().id,
        agent: agent(by),
        attempt,
        kind,
    }
}

fn failed(message: &str) -> ReportKind {
    ReportKind::Fail(Failure {
        message: message.into(),
        ..Failure::default()
    })
}

#[test]
fn every_status_meets_every_event_as_written_down() {
    let mut matrix = String::from("| from | event | to |\n|---|---|---|\n");
    for from in Status::ALL {
        for event in Event::ALL {
            let to = from.after(event).map_or("refused", Status::as_str);
            writeln!(matrix, "| {from} | {event} | {to} |").unwrap();
        }
    }
    insta::assert_snapshot!("status_matrix", matrix);
}

#[test]
fn an_assignment_that_is_not_started_goes_back_without_using_a_retry() {
    let mut task = a_task();
    task.assign(agent("a"), 60 * SECOND, at(1)).unwrap();
    assert_eq!(task.verdict(at(60)), None);
    assert_eq!(task.verdict(at(61)), Some(Verdict::NotStarted));
    let effects = task.judge(Verdict::NotStarted, 0.0, at(61)).unwrap();
    assert!(effects.contains(&Effect::Unresponsive(agent("a"))));
    assert!(effects.contains(&Effect::Free(agent("a"))));
    assert!(task.is_ready());
    assert_eq!((task.retry_count, task.attempt, task.agent), (0, 1, None));
}

#[test]
fn a_report_about_an_old_attempt_changes_nothing() {
    let mut task = a_task();
    task.hand_over(agent("a"), at(1)).unwrap();
    task.judge(Verdict::LeaseLost, 0.0, at(2)).unwrap();
    task.hand_over(agent("b"), at(3)).unwrap();
    let before = task.clone();
    let late = task.apply(&report("a", Some(1), ReportKind::Complete), 0.0, at(4));
    assert_eq!(
        late,
        Err(Refusal::LeaseLost {
            status: Status::Active,
            attempt: 2,
            own: false
        })
    );
    let old = task.apply(&report("b", Some(1), ReportKind::Complete), 0.0, at(4));
    assert_eq!(
        old,
        Err(Refusal::LeaseLost {
            status: Status::Active,
            attempt: 2,
            own: true
        })
    );
    assert_eq!(task, before);
}

#[test]
fn start_complete_and_fail_may_be_repeated() {
    let mut task = a_task();
    task.assign(agent("a"), 60 * SECOND, at(1)).unwrap();
    task.apply(&report("a", Some(1), ReportKind::Start), 0.0, at(2))
        .unwrap();
    let started = task.clone();
    assert_eq!(
        task.apply(&report("a", Some(1), ReportKind::Start), 0.0, at(3)),
        Ok(vec![])
    );
    assert_eq!(task, started);
    task.apply(&report("a", None, ReportKind::Complete), 0.0, at(4))
        .unwrap();
    let completed = task.clone();
    assert_eq!(
        task.apply(&report("a", Some(1), ReportKind::Complete), 0.0, at(5)),
        Ok(vec![])
    );
    assert!(
        task.apply(&report("a", Some(1), failed("x")), 0.0, at(5))
            .is_err()
    );
    assert_eq!(task, completed);
}

#[test]
fn a_failure_is_retried_after_its_delay_until_no_retry_is_left() {
    let mut task = a_task();
    for retry in 1..=3 {
        task.hand_over(agent("a"), at(10 * retry)).unwrap();
        task.apply(&report("a", None, failed("boom")), 0.0, at(10 * retry))
            .unwrap();
        assert_eq!((task.status, task.gate), (Status::Pending, Some(Gate::NotDue)));
        assert_eq!(task.due_at, Some(at(10 * retry) + SECOND * (1 << (retry - 1))));
        task.judge(Verdict::Due, 0.0, at(10 * retry + 5)).unwrap();
        assert!(task.is_ready());
    }
    task.hand_over(agent("a"), at(100)).unwrap();
    task.apply(&report("a", None, failed("boom")), 0.0, at(101))
        .unwrap();
    assert_eq!(
        (task.status, task.retry_count, task.attempt),
        (Status::Failed, 3, 4)
    );
}

#[test]
fn a_permanent_error_is_not_retried_unless_the_agent_says_so() {
    let fail = |kind| {
        let mut task = a_task();
        task.hand_over(agent("a"), at(1)).unwrap();
        task.apply(&report("a", None, kind), 0.0, at(2)).unwrap();
        task.status
    };
    assert_eq!(fail(failed("Invalid input: x")), Status::Failed);
    let insist = Failure {
        message: "Not found".into(),
        retryable: Some(true),
        retry_after: None,
    };
    assert_eq!(fail(ReportKind::Fail(insist)), Status::Pending);
    let give_up = Failure {
        message: "boom".into(),
        retryable: Some(false),
        retry_after: None,
    };
    assert_eq!(fail(ReportKind::Fail(give_up)), Status::Failed);
}

#[test]
fn the_third_lost_lease_in_a_row_is_poison_and_names_the_agents() {
    let mut task = a_task();
    for (n, by) in ["a", "b", "c"].into_iter().enumerate() {
        assert_eq!(task.status, Status::Pending, "before agent {n}");
        task.hand_over(agent(by), at(1)).unwrap();
        task.judge(Verdict::LeaseLost, 0.0, at(2)).unwrap();
    }
    assert_eq!(task.status, Status::Failed);
    assert_eq!(task.error.as_deref(), Some("poison: lost with a, b, c"));
    assert_eq!(task.retry_count, 0);
}

#[test]
fn silence_is_judged_before_the_time_out_and_progress_puts_it_off() {
    let mut task = a_task();
    task.heartbeat_timeout = Some(10 * SECOND);
    task.hand_over(agent("a"), at(0)).unwrap();
    task.apply(&report("a", None, ReportKind::Progress), 0.0, at(9))
        .unwrap();
    assert_eq!(task.verdict(at(18)), None);
    assert_eq!(task.verdict(at(19)), Some(Verdict::LeaseLost));
    task.apply(&report("a", None, ReportKind::Progress), 0.0, at(295))
        .unwrap();
    assert_eq!(task.lease_expires_at, Some(at(300)), "never beyond the time-out");
    assert_eq!(task.verdict(at(300)), Some(Verdict::TimedOut));
}

#[test]
fn the_timeout_policy_decides_between_a_retry_and_the_end() {
    for (policy, after) in [
        (TimeoutPolicy::Retry, Status::Pending),
        (TimeoutPolicy::Fail, Status::Failed),
    ] {
        let mut task = a_task();
        task.timeout_policy = policy;
        task.hand_over(agent("a"), at(0)).unwrap();
        task.judge(Verdict::TimedOut, 0.0, at(300)).unwrap();
        assert_eq!(task.status, after);
    }
}

#[test]
fn a_manual_retry_restarts_the_budget_and_the_earlier_protocol_uses_one_more() {
    let mut task = a_task();
    task.hand_over(agent("a"), at(1)).unwrap();
    let give_up = Failure {
        message: "boom".into(),
        retryable: Some(false),
        retry_after: None,
    };
    task.apply(&report("a", None, ReportKind::Fail(give_up)), 0.0, at(2))
        .unwrap();
    let mut later = task.clone();
    later.retry_later(0.0, at(3)).unwrap();
    assert_eq!((later.gate, later.retry_count), (Some(Gate::NotDue), 1));
    task.retry_count = 3;
    assert_eq!(task.clone().retry_later(0.0, at(3)), Err(NotRetryable::Spent));
    task.retry_now(at(3)).unwrap();
    assert!(task.is_ready() && task.retry_count == 0);
}

/// What happens to a task in the random histories below.
#[derive(Debug, Clone)]
enum Step {
    Assign(u8),
    HandOver(u8),
    Report(u8, Option<u32>, u8),
    Clock,
    Cancel,
    Retry,
}

fn step() -> impl proptest::strategy::Strategy<Value = Step> {
    prop_oneof![
        (0..3_u8).prop_map(Step::Assign),
        (0..3_u8).prop_map(Step::HandOver),
        (0..3_u8, proptest::option::of(0..6_u32), 0..5_u8).prop_map(|(a, n, k)| Step::Report(a, n, k)),
        Just(Step::Clock),
        Just(Step::Cancel),
        Just(Step::Retry),
    ]
}

proptest! {
    #[test]
    fn no_history_breaks_a_tasks_invariants(steps in proptest::collection::vec((step(), 0..200_i64), 1..60)) {
        let mut task = a_task();
        let mut now = 0;
        let mut outcomes = 0;
        for (step, wait) in steps {
            now += wait;
            let before = task.clone();
            let by = |n: u8| agent(["a", "b", "c"][usize::from(n)]);
            let done = match step {
                Step::Assign(n) => task.assign(by(n), 60 * SECOND, at(now)).is_ok(),
                Step::HandOver(n) => task.hand_over(by(n), at(now)).is_ok(),
                Step::Report(n, attempt, kind) => {
                    let kind = match kind {
                        0 => ReportKind::Start,
                        1 => ReportKind::Progress,
                        2 => ReportKind::Complete,
                        3 => failed("boom"),
                        _ => ReportKind::Release,
                    };
                    task.apply(&Report { task: task.id, agent: by(n), attempt, kind }, 0.5, at(now)).is_ok()
                }
                Step::Clock => match task.verdict(at(now)) {
                    Some(verdict) => task.judge(verdict, -0.5, at(now)).is_ok(),
                    None => true,
                },
                Step::Cancel => task.cancel("enough", at(now)).is_ok(),
                Step::Retry => task.retry_now(at(now)).is_ok(),
            };
            if !done {
                prop_assert_eq!(&task, &before, "a refusal changes nothing");
            }
            if task.status == Status::Completed && before.status != Status::Completed {
                outcomes += 1;
            }
            prop_assert!(outcomes <= 1, "two results");
            prop_assert_eq!(task.gate.is_some(), task.status == Status::Pending);
            prop_assert_eq!(task.lease_expires_at.is_some(), task.status.is_leased());
            prop_assert_eq!(task.ended_at.is_some(), task.status.is_terminal());
            prop_assert_eq!(task.due_at.is_some(), task.gate == Some(Gate::NotDue));
            prop_assert!(!task.status.is_leased() || task.agent.is_some());
            prop_assert!(task.attempt >= before.attempt && task.attempt <= before.attempt + 1);
            prop_assert!(task.retry_count <= task.max_retries);
            prop_assert!(task.lost_to.len() <= limits::POISON_AFTER);
        }
    }
}

fn waiting_for(count: u32) -> (Task, Vec<Dependency>) {
    let mut task = a_task();
    task.set_dependencies(count, count, at(1)).unwrap();
    let on = |number: u32| format!("task_{number:032x}").parse().unwrap();
    let dependencies = (2..count + 2).map(|number| Dependency {
        on: on(number),
        when: Condition::Success,
    });
    (task, dependencies.collect())
}

#[test]
fn a_blocked_task_is_ready_when_the_last_of_its_dependencies_is_satisfied() {
    let (mut task, on) = waiting_for(2);
    assert_eq!((task.gate, task.gate_since), (Some(Gate::Blocked), Some(at(1))));
    assert_eq!(
        task.dependency_ended(on[0], Ending::Completed, at(2)),
        Some(dependency::Verdict::Satisfied)
    );
    assert_eq!((task.gate, task.gate_since), (Some(Gate::Blocked), Some(at(1))));
    task.dependency_ended(on[1], Ending::Completed, at(3));
    assert_eq!((task.is_ready(), task.gate_since), (true, Some(at(3))));
    assert_eq!(
        task.dependency_ended(on[1], Ending::Failed, at(4)),
        None,
        "it waits for nothing"
    );
}

#[test]
fn a_task_whose_dependency_fails_ends_and_hears_no_more() {
    let (mut task, on) = waiting_for(2);
    let verdict = task.dependency_ended(on[1], Ending::Cancelled, at(2));
    assert_eq!(verdict, Some(dependency::Verdict::Fails));
    let because = format!("Dependency task {} was cancelled", on[1].on);
    assert_eq!(
        (task.status, task.error.as_deref()),
        (Status::Failed, Some(&*because))
    );
    assert!(task.failed_because_of(on[1].on) && !task.failed_because_of(on[0].on));
    assert_eq!(
        (task.ended_at, task.gate, task.gate_since),
        (Some(at(2)), None, None)
    );
    assert_eq!(task.dependency_ended(on[0], Ending::Completed, at(3)), None);
    assert_eq!(task.unresolved, 1, "what it did not hear is still open");
    task.retry_with(1, at(4)).unwrap();
    assert_eq!((task.gate, task.unresolved), (Some(Gate::Blocked), 2));
}

#[test]
fn a_task_that_nobody_needs_is_cancelled_and_says_so_to_others() {
    let (mut task, on) = waiting_for(1);
    let only_after_failure = Dependency {
        when: Condition::Failure,
        ..on[0]
    };
    task.dependency_ended(only_after_failure, Ending::Completed, at(2));
    assert_eq!(task.ending(), Some(Ending::NotNeeded));
    assert_eq!(task.error.as_deref(), Some("not needed"));
}

#[test]
fn only_a_pending_task_can_be_given_dependencies() {
    let mut task = a_task();
    task.hand_over(agent("a"), at(1)).unwrap();
    assert_eq!(
        task.set_dependencies(1, 1, at(2)),
        Err(NotPending(Status::Active))
    );
    let (mut ready, _) = waiting_for(0);
    ready.queue_key = Some(7);
    ready.set_dependencies(0, 0, at(2)).unwrap();
    assert_eq!(
        ready.queue_key,
        Some(7),
        "it keeps its place when nothing holds it back"
    );
    ready.set_dependencies(1, 1, at(3)).unwrap();
    assert_eq!((ready.queue_key, ready.gate), (None, Some(Gate::Blocked)));
}

#[test]
fn the_instants_of_a_task_never_go_back_although_clocks_differ() {
    let (mut task, on) = waiting_for(2);
    task.dependency_ended(on[0], Ending::Completed, at(10));
    task.dependency_ended(on[1], Ending::Completed, at(8));
    assert_eq!(task.gate_since, Some(at(10)), "not before the latest of them");
    task.assign(agent("a"), 60 * SECOND, at(7)).unwrap();
    assert_eq!(
        (task.assigned_at, task.lease_expires_at),
        (Some(at(10)), Some(at(70)))
    );
    task.apply(&report("a", None, ReportKind::Start), 0.0, at(9))
        .unwrap();
    task.apply(&report("a", None, ReportKind::Complete), 0.0, at(6))
        .unwrap();
    assert_eq!((task.started_at, task.ended_at), (Some(at(10)), Some(at(10))));
}
