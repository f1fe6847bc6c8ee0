//! What clients do.

use std::time::Duration;

use ains_core::Status;
use ains_core::task::ReportKind;
use ains_service::{Answer, Error, Once, Page, TaskChange, TaskFilter};
use ains_testkit::TestDb;

use crate::world::{a_task, failed, tell};

ains_testkit::contract!(
    a_task_goes_from_submission_to_its_result,
    a_task_without_an_agent_waits,
    a_cancelled_task_refuses_its_agents_report,
    waiting_for_the_end_answers_when_it_comes,
    the_same_key_gets_the_first_answer_and_another_body_is_refused,
    lists_show_what_they_are_asked_for,
    a_list_by_agent_holds_what_it_has_and_what_it_ended,
    statistics_follow_every_change,
    a_large_input_comes_back_unchanged,
    a_failed_task_is_retried_by_hand,
    an_edit_changes_a_waiting_task,
);

fn a_task_goes_from_submission_to_its_result(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        let task = world.submit("c", 1).await.remove(0);
        assert_eq!(
            (task.status, task.agent.as_ref()),
            (Status::Assigned, Some(&agent)),
            "pushed to an agent that polls"
        );
        world.report(&agent, task.id, 1, ReportKind::Start).await.unwrap();
        world.wait(2);
        world
            .report(&agent, task.id, 1, ReportKind::Complete)
            .await
            .unwrap();
        let stored = world.ains.task(task.id, Duration::ZERO).await.unwrap();
        assert_eq!(stored.task.status, Status::Completed);
        assert_eq!(stored.documents.result.as_deref(), Some(r#"{"ok":true}"#));
        assert_eq!(stored.documents.input.as_deref(), Some(r#"{"n":1}"#));
        let view = world.ains.agent(agent).await.unwrap();
        assert_eq!((view.active, view.agent.completed), (0, 1));
        assert_eq!(view.agent.trust.get(), 0.55, "done in less than half of the time");
        assert_eq!(view.agent.average_seconds, Some(2.0));
    });
}

fn a_task_without_an_agent_waits(db: &TestDb) {
    tell(db, |world| async move {
        let task = world.submit("c", 1).await.remove(0);
        assert!(task.is_ready() && task.queue_key == Some(0));
        let agent = world.agent("late", 10).await;
        let held = world.ains.task(task.id, Duration::from_secs(5));
        // The registration opened capacity, so the task is pushed without anybody asking.
        let assigned = loop {
            let task = world.task(task.id).await;
            if task.status == Status::Assigned {
                break task;
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(assigned.agent, Some(agent));
        drop(held);
    });
}

fn a_cancelled_task_refuses_its_agents_report(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        let task = world.submit("c", 1).await.remove(0);
        world.report(&agent, task.id, 1, ReportKind::Start).await.unwrap();
        let other = Some("other".parse().unwrap());
        assert!(matches!(
            world.ains.cancel(task.id, "x".into(), other).await,
            Err(Error::NotOwner)
        ));
        let cancelled = world
            .ains
            .cancel(task.id, "not wanted".into(), None)
            .await
            .unwrap();
        assert_eq!(
            (cancelled.status, cancelled.error.as_deref()),
            (Status::Cancelled, Some("not wanted"))
        );
        let late = world.report(&agent, task.id, 1, ReportKind::Complete).await;
        assert!(matches!(late, Err(Error::Refused(_))), "{late:?}");
        assert_eq!(world.ains.agent(agent).await.unwrap().active, 0);
    });
}

fn waiting_for_the_end_answers_when_it_comes(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        let task = world.submit("c", 1).await.remove(0);
        let waiter = tokio::spawn({
            let ains = world.ains.clone();
            async move { ains.task(task.id, Duration::from_secs(60)).await.unwrap() }
        });
        world.report(&agent, task.id, 1, ReportKind::Start).await.unwrap();
        world
            .report(&agent, task.id, 1, ReportKind::Complete)
            .await
            .unwrap();
        assert_eq!(waiter.await.unwrap().task.status, Status::Completed);
    });
}

fn once(fingerprint: &str) -> Option<Once<[ains_core::Task]>> {
    Some(Once {
        scope: "s".into(),
        key: "k".into(),
        fingerprint: fingerprint.into(),
        render: Box::new(|tasks| tasks[0].id.to_string()),
    })
}

fn the_same_key_gets_the_first_answer_and_another_body_is_refused(db: &TestDb) {
    tell(db, |world| async move {
        let Answer::Fresh(first) = world.ains.submit(vec![a_task("c")], once("f")).await.unwrap() else {
            panic!("the first is fresh")
        };
        let again = world.ains.submit(vec![a_task("c")], once("f")).await.unwrap();
        assert!(matches!(again, Answer::Replayed(id) if id == first[0].id.to_string()));
        let other = world.ains.submit(vec![a_task("c")], once("g")).await;
        assert!(matches!(other, Err(Error::KeyReused)), "{other:?}");
        assert_eq!(world.ains.stats().await.unwrap().total, 1);
        let together = (0..20).map(|_| world.ains.submit(vec![a_task("c")], once("f")));
        for answer in futures(together).await {
            assert!(matches!(answer, Ok(Answer::Replayed(_))));
        }
        world.wait(24 * 3600 + 1);
        assert!(matches!(
            world.ains.submit(vec![a_task("c")], once("g")).await,
            Ok(Answer::Fresh(_))
        ));
    });
}

async fn futures<T>(all: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut done = Vec::new();
    for one in all {
        done.push(one.await);
    }
    done
}

fn lists_show_what_they_are_asked_for(db: &TestDb) {
    tell(db, |world| async move {
        let a = world.submit("a", 3).await;
        world.submit("b", 2).await;
        world.ains.cancel(a[0].id, "x".into(), None).await.unwrap();
        let page = |limit| Page {
            limit,
            offset: 0,
            before: None,
        };
        let of_a = TaskFilter {
            client: Some("a".parse().unwrap()),
            ..TaskFilter::default()
        };
        let found = world.ains.tasks(of_a.clone(), page(10)).await.unwrap();
        assert_eq!(
            found.iter().map(|stored| stored.task.id).collect::<Vec<_>>(),
            [a[2].id, a[1].id, a[0].id]
        );
        let next = Page {
            before: Some(a[2].id),
            ..page(1)
        };
        assert_eq!(world.ains.tasks(of_a, next).await.unwrap()[0].task.id, a[1].id);
        for (status, count) in [
            (Status::Pending, 4),
            (Status::Cancelled, 1),
            (Status::Active, 0),
            (Status::Failed, 0),
        ] {
            let filter = TaskFilter {
                status: Some(status),
                ..TaskFilter::default()
            };
            assert_eq!(
                world.ains.tasks(filter.clone(), page(10)).await.unwrap().len(),
                count,
                "{status}"
            );
            assert_eq!(world.ains.count_tasks(filter).await.unwrap(), count as i64);
        }
        let by_capability = TaskFilter {
            capability: Some("TEXT:v1".parse().unwrap()),
            ..TaskFilter::default()
        };
        assert_eq!(world.ains.tasks(by_capability, page(10)).await.unwrap().len(), 5);
    });
}

fn a_list_by_agent_holds_what_it_has_and_what_it_ended(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        let tasks = world.submit("c", 4).await;
        for task in [&tasks[0], &tasks[2]] {
            world.report(&agent, task.id, 1, ReportKind::Start).await.unwrap();
            world
                .report(&agent, task.id, 1, ReportKind::Complete)
                .await
                .unwrap();
        }
        let of_agent = TaskFilter {
            agent: Some(agent),
            ..TaskFilter::default()
        };
        let ids = async |limit, offset, before| {
            let found = world
                .ains
                .tasks(
                    of_agent.clone(),
                    Page {
                        limit,
                        offset,
                        before,
                    },
                )
                .await
                .unwrap();
            found.iter().map(|stored| stored.task.id).collect::<Vec<_>>()
        };
        assert_eq!(
            ids(9, 0, None).await,
            [tasks[3].id, tasks[2].id, tasks[1].id, tasks[0].id]
        );
        assert_eq!(ids(2, 1, None).await, [tasks[2].id, tasks[1].id]);
        assert_eq!(ids(9, 0, Some(tasks[2].id)).await, [tasks[1].id, tasks[0].id]);
        assert_eq!(world.ains.count_tasks(of_agent.clone()).await.unwrap(), 4);
        let active = TaskFilter {
            status: Some(Status::Assigned),
            ..TaskFilter::default()
        };
        assert_eq!(world.ains.count_tasks(active).await.unwrap(), 2);
    });
}

fn statistics_follow_every_change(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 1).await;
        let tasks = world.submit("c", 3).await;
        world
            .report(&agent, tasks[0].id, 1, ReportKind::Start)
            .await
            .unwrap();
        world.wait(4);
        world
            .report(&agent, tasks[0].id, 1, ReportKind::Complete)
            .await
            .unwrap();
        world.ains.cancel(tasks[2].id, "x".into(), None).await.unwrap();
        world.ains.retry(tasks[1].id, false).await.unwrap_err();
        let world = world.restarted().await;
        let stats = world.ains.stats().await.unwrap();
        assert_eq!(stats.total, 3);
        let by_status: Vec<i64> = Status::ALL.map(|status| stats.by_status[&status]).to_vec();
        assert_eq!(by_status, [0, 1, 0, 1, 0, 1]);
        assert_eq!((stats.completed_last_hour, stats.submitted_last_hour), (1, 3));
        assert_eq!(stats.avg_completion_seconds, Some(4.0));
        assert_eq!((stats.agents, stats.agents_active), (1, 1));
        assert_eq!(stats.workload, [(agent, 1)]);
        world.ains.stop().await;
    });
}

fn a_large_input_comes_back_unchanged(db: &TestDb) {
    tell(db, |world| async move {
        let input = format!(r#"{{"text":"{}"}}"#, "ä\\u0000\\\"".repeat(20_000));
        let metadata = format!(r#"{{"m":"{}"}}"#, "x".repeat(5_000));
        let mut new = a_task("c");
        new.input = input.clone().into();
        new.metadata = Some(metadata.clone().into());
        let task = world.submit_all(vec![new]).await.remove(0);
        let agent = world.agent("a", 10).await;
        let claimed = loop {
            let claimed = world.claim(&agent, 1).await;
            if let Some(stored) = claimed.into_iter().next() {
                break stored;
            }
            if world.task(task.id).await.status == Status::Assigned {
                break world.ains.task(task.id, Duration::ZERO).await.unwrap();
            }
        };
        assert_eq!(claimed.documents.input.as_deref(), Some(&*input));
        assert_eq!(claimed.documents.metadata.as_deref(), Some(&*metadata));
        let change = TaskChange {
            metadata: Some(r#"{"m":1}"#.into()),
            ..TaskChange::default()
        };
        world.ains.change(task.id, change).await.unwrap();
        let stored = world.ains.task(task.id, Duration::ZERO).await.unwrap();
        assert_eq!(stored.documents.metadata.as_deref(), Some(r#"{"m":1}"#));
        let change = TaskChange {
            metadata: Some(metadata.clone().into()),
            ..TaskChange::default()
        };
        world.ains.change(task.id, change).await.unwrap();
        let stored = world.ains.task(task.id, Duration::ZERO).await.unwrap();
        assert_eq!(stored.documents.metadata.as_deref(), Some(&*metadata));
        assert_eq!(stored.documents.input.as_deref(), Some(&*input));
    });
}

fn a_failed_task_is_retried_by_hand(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        let task = world.submit("c", 1).await.remove(0);
        world
            .report(&agent, task.id, 1, failed("not found"))
            .await
            .unwrap();
        assert!(matches!(
            world.ains.retry_later(task.id).await,
            Err(Error::RetrySpent)
        ));
        let again = world.ains.retry(task.id, false).await.unwrap();
        assert_eq!((again.status, again.retry_count), (Status::Pending, 0));
        assert!(matches!(
            world.ains.retry(task.id, false).await,
            Err(Error::Illegal(_))
        ));
        let history = world.ains.history(task.id).await.unwrap();
        assert_eq!(history.attempts.len(), 1);
        assert_eq!(history.attempts[0].error.as_deref(), Some("not found"));
    });
}

fn an_edit_changes_a_waiting_task(db: &TestDb) {
    tell(db, |world| async move {
        let tasks = world.submit("c", 2).await;
        let urgent = TaskChange {
            priority: Some(9),
            not_active: true,
            ..TaskChange::default()
        };
        let changed = world.ains.change(tasks[1].id, urgent).await.unwrap();
        assert_eq!((changed.before.priority, changed.after.priority), (5, 9));
        let agent = world.agent("a", 1).await;
        let first = loop {
            let held = world.ains.tasks(
                TaskFilter {
                    agent: Some(agent.clone()),
                    ..TaskFilter::default()
                },
                Page {
                    limit: 5,
                    offset: 0,
                    before: None,
                },
            );
            if let Some(stored) = held.await.unwrap().pop() {
                break stored.task;
            }
        };
        assert_eq!(first.id, tasks[1].id, "the urgent one first");
        world
            .report(&agent, first.id, 1, ReportKind::Start)
            .await
            .unwrap();
        let late = TaskChange {
            priority: Some(1),
            not_active: true,
            ..TaskChange::default()
        };
        assert!(matches!(
            world.ains.change(first.id, late).await,
            Err(Error::Illegal(_))
        ));
        let longer = TaskChange {
            timeout: Some(Duration::from_secs(500)),
            ..TaskChange::default()
        };
        let changed = world.ains.change(first.id, longer).await.unwrap().after;
        assert_eq!(
            changed.lease_expires_at,
            changed.started_at.map(|at| at + Duration::from_secs(500))
        );
    });
}
