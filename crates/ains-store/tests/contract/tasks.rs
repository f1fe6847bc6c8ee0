//! Tasks.

use std::time::Duration;

use ains_core::task::{Failure, Report, ReportKind, RetryPolicy, TaskSpec, TimeoutPolicy};
use ains_core::{Status, Task, TrustScore};
use ains_store::tasks::{self, Documents, Filter, INLINE_LIMIT, Page, Save};
use ains_testkit::TestDb;

use crate::support::{Maker, at, open, stored};

ains_testkit::contract!(
    a_saved_task_reads_back_unchanged,
    inserting_the_same_task_again_changes_nothing,
    a_document_that_is_not_saved_stays,
    a_document_of_any_size_reads_back_unchanged,
    what_an_agent_holds_is_counted,
    instants_that_have_come_are_found,
    ended_tasks_are_removed_in_pieces,
    tasks_come_once_each_in_the_order_asked,
    a_list_of_a_time_goes_by_the_submission_and_not_by_the_id,
);

fn everything(maker: &mut Maker) -> Task {
    let mut spec = TaskSpec::new(
        "ä 'client'".parse().unwrap(),
        "a\"b".parse().unwrap(),
        "X:Y".parse().unwrap(),
    );
    spec.heartbeat_needed = true;
    spec.priority = 9;
    spec.strategy = ains_core::routing::Strategy::FastestResponse;
    spec.min_trust = TrustScore::clamped(0.35);
    spec.timeout = Duration::from_secs(86_400);
    spec.timeout_policy = TimeoutPolicy::Fail;
    spec.heartbeat_timeout = Some(Duration::from_secs(7));
    spec.max_retries = 10;
    spec.retry_policy = RetryPolicy::Linear;
    spec.expires_at = Some(at(9_999));
    Task::submitted(maker.id(), spec, at(100))
}

fn a_saved_task_reads_back_unchanged(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let mut task = everything(&mut maker);
    conn.transact(|conn| tasks::insert(conn, &[stored(task.clone())]))
        .unwrap();
    let read = |conn: &mut _, task: &Task| tasks::by_ids(conn, &[task.id]).unwrap().remove(0);
    assert_eq!(read(&mut conn, &task), stored(task.clone()));
    let mut save = |task: &Task, claim_id: Option<&str>| {
        let documents = Documents::default();
        conn.transact(|conn| {
            tasks::save(
                conn,
                &[Save {
                    task,
                    documents: &documents,
                    claim_id,
                }],
            )
        })
        .unwrap();
        let found = read(&mut conn, task);
        assert_eq!((&found.task, found.claim_id.as_deref()), (task, claim_id));
    };
    task.hand_over("agent".parse().unwrap(), at(101)).unwrap();
    save(&task, Some("claim"));
    task.judge(ains_core::task::Verdict::LeaseLost, 0.0, at(102))
        .unwrap();
    save(&task, None);
    task.assign("b".parse().unwrap(), Duration::from_secs(60), at(103))
        .unwrap();
    save(&task, None);
    let failure = Failure {
        message: "it's \"bad\" \\ ü".into(),
        ..Failure::default()
    };
    let report = Report {
        task: task.id,
        agent: "b".parse().unwrap(),
        attempt: None,
        kind: ReportKind::Fail(failure),
    };
    task.apply(&report, 0.0, at(104)).unwrap();
    save(&task, None);
    task.cancel("enough", at(105)).unwrap();
    save(&task, None);
}

fn inserting_the_same_task_again_changes_nothing(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut task = Maker::new().ready("c", 0);
    conn.transact(|conn| tasks::insert(conn, std::slice::from_ref(&task)))
        .unwrap();
    task.task.priority = 1;
    conn.transact(|conn| tasks::insert(conn, std::slice::from_ref(&task)))
        .unwrap();
    assert_eq!(
        tasks::by_ids(&mut conn, &[task.task.id]).unwrap()[0]
            .task
            .priority,
        5
    );
}

fn a_document_that_is_not_saved_stays(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut task = Maker::new().ready("c", 0).task;
    conn.transact(|conn| tasks::insert(conn, &[stored(task.clone())]))
        .unwrap();
    let agent: ains_core::AgentId = "a".parse().unwrap();
    task.hand_over(agent.clone(), at(101)).unwrap();
    let progress = Documents {
        progress: Some(r#"{"percent":5}"#.into()),
        ..Documents::default()
    };
    tasks::save(
        &mut conn,
        &[Save {
            task: &task,
            documents: &progress,
            claim_id: None,
        }],
    )
    .unwrap();
    task.apply(
        &Report {
            task: task.id,
            agent,
            attempt: None,
            kind: ReportKind::Complete,
        },
        0.0,
        at(102),
    )
    .unwrap();
    let result = Documents {
        result: Some("[1]".into()),
        usage: Some(r#"{"cost":1}"#.into()),
        ..Documents::default()
    };
    tasks::save(
        &mut conn,
        &[Save {
            task: &task,
            documents: &result,
            claim_id: None,
        }],
    )
    .unwrap();
    let documents = tasks::by_ids(&mut conn, &[task.id]).unwrap().remove(0).documents;
    let expected = Documents {
        input: Some(r#"{"n":1}"#.into()),
        progress: progress.progress,
        ..result
    };
    assert_eq!(documents, expected);
}

fn a_document_of_any_size_reads_back_unchanged(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    for size in [
        0,
        INLINE_LIMIT - 10,
        INLINE_LIMIT - 9,
        INLINE_LIMIT - 8,
        INLINE_LIMIT,
        1 << 20,
    ] {
        let text = |c: &str| Some(format!(r#"{{"t":"{}"}}"#, c.repeat(size)).into());
        let mut task = maker.ready("c", 0);
        task.documents = Documents {
            input: text("x"),
            metadata: text("m"),
            ..Documents::default()
        };
        conn.transact(|conn| tasks::insert(conn, std::slice::from_ref(&task)))
            .unwrap();
        assert_eq!(
            tasks::by_ids(&mut conn, &[task.task.id]).unwrap(),
            [task.clone()],
            "{size}"
        );
        for other in [text("n"), Some("{}".into()), text("o")] {
            let documents = Documents {
                metadata: other,
                ..Documents::default()
            };
            tasks::save(
                &mut conn,
                &[Save {
                    task: &task.task,
                    documents: &documents,
                    claim_id: None,
                }],
            )
            .unwrap();
            task.documents.metadata = documents.metadata;
            assert_eq!(
                tasks::by_ids(&mut conn, &[task.task.id]).unwrap(),
                [task.clone()],
                "{size}"
            );
        }
    }
}

fn what_an_agent_holds_is_counted(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let (a, b): (ains_core::AgentId, ains_core::AgentId) = ("a".parse().unwrap(), "b".parse().unwrap());
    let mut held = Vec::new();
    for holder in [Some(&a), Some(&a), Some(&b), None] {
        let mut task = maker.ready("c", 0);
        if let Some(holder) = holder {
            task.task.hand_over(holder.clone(), at(101)).unwrap();
        }
        held.push(task);
    }
    held[2].task.cancel("x", at(102)).unwrap();
    conn.transact(|conn| tasks::insert(conn, &held)).unwrap();
    let loads = tasks::loads(&mut conn, &[a.clone(), b.clone()]).unwrap();
    let load = |agent| {
        loads
            .iter()
            .find(|(other, _)| *other == agent)
            .map_or(0, |(_, load)| load.held)
    };
    assert_eq!((load(a.clone()), load(b)), (2, 0));
    assert_eq!(tasks::all_loads(&mut conn).unwrap(), [(a.clone(), 2)]);
    assert_eq!(
        tasks::held_by(&mut conn, &a).unwrap(),
        [held[0].task.id, held[1].task.id]
    );
}

fn instants_that_have_come_are_found(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    assert_eq!(tasks::next_instant(&mut conn).unwrap(), None);
    let mut leased = maker.ready("c", 0);
    leased
        .task
        .assign("a".parse().unwrap(), Duration::from_secs(60), at(100))
        .unwrap();
    let mut due = maker.ready("c", 0);
    (due.task.queue_key, due.task.gate) = (None, Some(ains_core::task::Gate::NotDue));
    due.task.due_at = Some(at(150));
    let mut expiring = maker.ready("c", 0);
    expiring.task.expires_at = Some(at(140));
    let mut ended = maker.ready("c", 0);
    ended.task.expires_at = Some(at(110));
    ended.task.cancel("x", at(101)).unwrap();
    let all = [leased.clone(), due.clone(), expiring.clone(), ended];
    conn.transact(|conn| tasks::insert(conn, &all)).unwrap();
    assert_eq!(tasks::next_instant(&mut conn).unwrap(), Some(at(140)));
    let found = |conn: &mut _, seconds| {
        tasks::overdue(conn, at(seconds), 10)
            .unwrap()
            .into_iter()
            .map(|(id, _)| id)
            .collect::<Vec<_>>()
    };
    assert_eq!(found(&mut conn, 139), []);
    assert_eq!(found(&mut conn, 140), [expiring.task.id]);
    assert_eq!(
        found(&mut conn, 160),
        [leased.task.id, due.task.id, expiring.task.id]
    );
}

fn ended_tasks_are_removed_in_pieces(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let tasks: Vec<_> = (0..5)
        .map(|n| {
            let mut task = maker.ready("c", 0);
            task.documents.input = Some(format!(r#"{{"t":"{}"}}"#, "x".repeat(INLINE_LIMIT)).into());
            if n < 4 {
                task.task.cancel("x", at(100 + n)).unwrap();
            }
            task
        })
        .collect();
    conn.transact(|conn| tasks::insert(conn, &tasks)).unwrap();
    let ids: Vec<_> = tasks.iter().map(|stored| stored.task.id).collect();
    let mut remove = |after| {
        conn.transact(|conn| tasks::remove_ended(conn, Status::Cancelled, at(103), after, 2))
            .unwrap()
    };
    let piece = |removed: &[_], last| tasks::Piece {
        removed: removed.to_vec(),
        last,
    };
    assert_eq!(remove(None), piece(&ids[..2], Some(ids[1])));
    assert_eq!(
        remove(Some(ids[1])),
        piece(&ids[2..3], Some(ids[3])),
        "the last is not old"
    );
    assert_eq!(remove(Some(ids[3])), piece(&[], None));
    assert_eq!(remove(None), piece(&[], None), "one is looked at, and stays");
    let left = tasks::list(
        &mut conn,
        &Filter::default(),
        Page {
            limit: 10,
            offset: 0,
            before: None,
        },
    )
    .unwrap();
    assert_eq!(
        left.iter().map(|left| left.task.status).collect::<Vec<_>>(),
        [Status::Pending, Status::Cancelled]
    );
}

fn tasks_come_once_each_in_the_order_asked(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let tasks = [0; 3].map(|key| maker.ready("c", key));
    conn.transact(|conn| tasks::insert(conn, &tasks)).unwrap();
    let [a, b, c] = tasks.clone().map(|stored| stored.task.id);
    let asked = [c, a, maker.id(), b];
    let found = tasks::by_ids(&mut conn, &asked).unwrap();
    assert_eq!(found, [tasks[2].clone(), tasks[0].clone(), tasks[1].clone()]);
    assert_eq!(tasks::by_ids(&mut conn, &[a, a]).unwrap(), tasks[..1]);
    assert_eq!(tasks::by_ids(&mut conn, &[]).unwrap(), []);
    let given = tasks::results(&mut conn, &[b, a, b], 100).unwrap();
    assert_eq!(given.len(), 2);
}

/// Ids are minted when a submission arrives; it is stored a little later. Their time also runs ahead,
/// where many are minted at once, or the clock is set back.
fn a_list_of_a_time_goes_by_the_submission_and_not_by_the_id(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let agent: ains_core::AgentId = "a".parse().unwrap();
    let tasks: Vec<_> = [92, 98, 101, 105, 160, 215]
        .into_iter()
        .flat_map(|seconds| {
            let mut some = [0; 3].map(|key| maker.ready("c", key));
            some[1].task.hand_over(agent.clone(), at(215)).unwrap();
            some[2].task.cancel("x", at(215)).unwrap();
            // Their ids say 100 seconds.
            some.map(|mut stored| {
                stored.task.created_at = at(seconds);
                stored
            })
        })
        .collect();
    conn.transact(|conn| tasks::insert(conn, &tasks)).unwrap();
    let mut seconds = |filter: &Filter| -> Vec<i64> {
        let page = Page {
            limit: 100,
            offset: 0,
            before: None,
        };
        let listed = tasks::list(&mut conn, filter, page).unwrap();
        let counted = tasks::count(&mut conn, filter, 100).unwrap();
        assert_eq!(counted, i64::try_from(listed.len()).unwrap());
        listed
            .iter()
            .rev()
            .map(|stored| stored.task.created_at.as_micros() / 1_000_000)
            .collect()
    };
    let time = |after: i64, before: i64| Filter {
        created_after: Some(at(after)),
        created_before: Some(at(before)),
        ..Filter::default()
    };
    for status in [
        Status::Pending,
        Status::Assigned,
        Status::Active,
        Status::Cancelled,
    ] {
        let expected: &[i64] = match status {
            Status::Pending | Status::Cancelled => &[98, 101, 105],
            _ if tasks[1].task.status == status => &[98, 101, 105],
            _ => &[],
        };
        let filter = Filter {
            status: Some(status),
            ..time(98, 160)
        };
        assert_eq!(seconds(&filter), expected, "{status}");
    }
    assert_eq!(
        seconds(&time(98, 160)),
        [98, 98, 98, 101, 101, 101, 105, 105, 105]
    );
    assert_eq!(seconds(&time(0, 93)), [92, 92, 92], "the clock was set back");
    assert_eq!(
        seconds(&time(161, 300)),
        [215, 215, 215],
        "it waited for the writer"
    );
    let of_agent = Filter {
        agent: Some(agent),
        ..time(100, 200)
    };
    assert_eq!(seconds(&of_agent), [101, 105, 160]);
}
