//! Tasks, and attempts at them.

use std::time::Duration;

use ains_core::dependency::Edge;
use ains_core::effect::{Attempt, Outcome};
use ains_core::task::{Failure, Report, ReportKind};
use ains_core::{AgentId, Condition, Status, TaskId};
use ains_store::attempts;
use ains_store::tasks::{self, Documents, INLINE_LIMIT, Look, Queue, Save, StoredTask};

use crate::support::{Maker, at};
use crate::trace::{Trace, call};

pub(crate) fn edge(on: TaskId, task: TaskId) -> Edge<TaskId> {
    Edge {
        on,
        task,
        when: Condition::Success,
    }
}

/// A document that stands outside of the row of its task.
fn large() -> Box<str> {
    format!("\"{}\"", "x".repeat(INLINE_LIMIT)).into()
}

/// Returns the ids of the tasks that it stored, the second waiting for the first.
pub(crate) fn call(trace: &mut Trace<'_>, maker: &mut Maker) -> Vec<TaskId> {
    let agent: AgentId = "a".parse().unwrap();
    let mut stored = [0; 3].map(|key| maker.ready("c", key));
    stored[0].documents.input = Some(large());
    stored[0].documents.result = Some("1".into());
    stored[1].task.set_dependencies(1, 1, at(100)).unwrap();
    stored[2]
        .task
        .assign(agent.clone(), Duration::from_secs(60), at(100))
        .unwrap();
    stored[2].claim_id = Some("claim".into());
    let ids: Vec<TaskId> = stored.iter().map(|stored| stored.task.id).collect();

    call!(trace, tasks::insert(&stored));
    call!(trace, "ended", tasks::insert(&ended(maker, &agent)));
    let documents = Documents {
        metadata: Some(large()),
        ..Documents::default()
    };
    let save = Save {
        task: &stored[0].task,
        documents: &documents,
        claim_id: None,
    };
    call!(trace, tasks::save(&[save]));
    call!(trace, tasks::lock(&ids));
    call!(trace, tasks::states(&ids));
    call!(trace, tasks::wholes(&ids));
    call!(trace, tasks::by_ids(&ids));
    call!(trace, tasks::add_dependencies(&mut stored.clone()));
    call!(trace, tasks::results(&ids, 100));
    let attempt = Attempt {
        task: ids[0],
        number: 1,
        agent: agent.clone(),
        assigned_at: at(1),
        started_at: None,
        ended_at: at(2),
        outcome: Outcome::Failed,
        error: None,
    };
    call!(trace, attempts::insert(&[attempt]));
    call!(trace, attempts::of_task(ids[0]));

    let lane = stored[0].task.lane();
    let client = "c".parse().unwrap();
    for (form, client, priority, look) in [
        ("peek", None, None, Look::Peek),
        ("take", None, None, Look::Take),
        ("peek at one priority", None, Some(5), Look::Peek),
        ("take of one priority", None, Some(5), Look::Take),
        ("peek at one client", Some(&client), None, Look::Peek),
        ("take of one client", Some(&client), None, Look::Take),
        (
            "peek at one client and priority",
            Some(&client),
            Some(5),
            Look::Peek,
        ),
        (
            "take of one client and priority",
            Some(&client),
            Some(5),
            Look::Take,
        ),
    ] {
        trace.call("tasks::heads", form, |conn| {
            tasks::heads(conn, &lane, client, priority, 10, look)
        });
    }
    let queue = Queue {
        lane: lane.clone(),
        priority: 5,
    };
    call!(trace, tasks::ends(&queue, &client));
    call!(trace, tasks::waiting_priorities(&lane, None));
    call!(
        trace,
        "of one client",
        tasks::waiting_priorities(&lane, Some(&client))
    );
    call!(trace, tasks::waiting_clients(&lane, [&client]));
    call!(trace, tasks::ready_lanes());
    call!(trace, tasks::before(&stored[0].task, 10));
    call!(trace, tasks::first(&lane, 10));

    call!(trace, tasks::held_by(&agent));
    call!(trace, tasks::held_for_claim(&agent, "claim"));
    call!(trace, tasks::assigned_to(&agent));
    call!(trace, tasks::loads(&[agent.clone(), "b".parse().unwrap()]));
    call!(trace, tasks::all_loads());
    call!(trace, tasks::overdue(at(0), 10));
    call!(trace, tasks::next_instant());

    ids
}

/// A task for each way to end.
fn ended(maker: &mut Maker, agent: &AgentId) -> Vec<StoredTask> {
    let mut tasks = vec![maker.ready("c", 3)];
    tasks[0].task.cancel("enough", at(101)).unwrap();
    for kind in [ReportKind::Complete, ReportKind::Fail(Failure::default())] {
        let mut one = maker.ready("c", 4);
        one.task.max_retries = 0;
        one.task.hand_over(agent.clone(), at(101)).unwrap();
        let report = Report {
            task: one.task.id,
            agent: agent.clone(),
            attempt: None,
            kind,
        };
        one.task.apply(&report, 0.0, at(102)).unwrap();
        tasks.push(one);
    }
    assert!(tasks.iter().all(|one| one.task.status.is_terminal()));
    tasks
}

/// Removes what has ended, after all that looks for it.
pub(crate) fn remove(trace: &mut Trace<'_>) {
    call!(trace, tasks::remove_ended(Status::Completed, at(1000), None, 10));
}
