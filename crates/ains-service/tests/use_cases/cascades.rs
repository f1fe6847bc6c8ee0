//! Ends that go further: what fails because of what it waits for, and what is tried again with it.

use std::time::Duration;

use ains_core::task::{Failure, Gate, Report, ReportKind};
use ains_core::{Condition, Status, TaskId};
use ains_service::Delivery;
use ains_testkit::TestDb;

use crate::dependencies::{complete, for_good, states};
use crate::world::{a_task, a_task_after, tell};

use Condition::{Done, Failure as OnFailure, Success};
use Status::{Active, Cancelled, Failed, Pending};

ains_testkit::contract!(
    a_ladder_fails_from_its_top,
    a_fan_is_unblocked_as_one,
    what_one_transaction_cannot_tell_follows_before_the_answer,
    what_a_killed_server_left_unsettled_is_settled_at_the_start,
    a_retry_with_cascade_revives_what_failed_because_of_it,
    a_retried_task_hears_what_ended_meanwhile,
    an_expired_task_fails_what_waits_for_it,
    two_ends_at_once_unblock_exactly_once,
    a_revived_task_that_fails_again_tells_those_that_were_revived_with_it,
    a_retry_and_the_end_of_what_it_waits_for_meet_in_any_order,
    a_cascade_knows_its_victims_from_those_that_only_say_so,
);

fn a_ladder_fails_from_its_top(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let rungs = 2000;
        let ladder = (0..rungs).map(|place| match place {
            0 => vec![],
            _ => vec![(place - 1, Success)],
        });
        let tasks = world.submit_graph(ladder.collect()).await;
        world.end(&agent, tasks[0].id, for_good()).await;
        let states = states(&world, &tasks.iter().map(|task| task.id).collect::<Vec<_>>()).await;
        for (place, (status, error)) in states.iter().enumerate().skip(1) {
            assert_eq!(*status, Status::Failed, "rung {place}");
            let because = format!("Dependency task {} failed", tasks[place - 1].id);
            assert_eq!(error.as_ref(), Some(&because), "rung {place}");
        }
        let stats = world.ains.stats().await.unwrap();
        assert_eq!(stats.by_status[&Status::Failed], rungs as i64);
    });
}

fn a_fan_is_unblocked_as_one(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 100).await;
        world.claim(&agent, 1).await;
        let width = 1000;
        let mut nodes = vec![vec![]];
        nodes.extend((0..width).map(|_| vec![(0, Success)]));
        nodes.push((1..=width).map(|place| (place, Success)).collect());
        let tasks = world.submit_graph(nodes).await;
        world.end(&agent, tasks[0].id, complete()).await;
        let mut done = 0;
        while done < width {
            for stored in world.claim(&agent, 100).await {
                assert_ne!(stored.task.id, tasks[width + 1].id, "after {done}");
                world.report(&agent, stored.task.id, 1, complete()).await.unwrap();
                done += 1;
            }
        }
        let last = world.claim(&agent, 100).await;
        assert_eq!(last.len(), 1);
        assert_eq!(last[0].task.id, tasks[width + 1].id);
    });
}

fn what_one_transaction_cannot_tell_follows_before_the_answer(db: &TestDb) {
    tell(db, |world| async move {
        let world = world.restarted_with(7).await;
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        // A fan of 40, each with a ladder of three.
        let mut nodes = vec![vec![]];
        for branch in 0..40 {
            let at = 1 + branch * 3;
            nodes.extend([vec![(0, Success)], vec![(at, Success)], vec![(at + 1, Success)]]);
        }
        let tasks = world.submit_graph(nodes).await;
        world.end(&agent, tasks[0].id, for_good()).await;
        for stored in world
            .ains
            .tasks_by_id(tasks.iter().map(|task| task.id).collect())
            .await
            .unwrap()
        {
            assert_eq!(stored.task.status, Status::Failed, "{:?}", stored.task.name);
        }
        world.ains.stop().await;
    });
}

fn what_a_killed_server_left_unsettled_is_settled_at_the_start(db: &TestDb) {
    tell(db, |world| async move {
        let width = 1500;
        let mut nodes = vec![vec![]];
        nodes.extend((0..width).map(|_| vec![(0, Success)]));
        let tasks = world.submit_graph(nodes).await;
        // As if the server had been killed after its first transaction, which told nobody.
        let mut ended = world.task(tasks[0].id).await;
        ended.cancel("enough", world.ains.now()).unwrap();
        world.save_unsettled(&ended).await;
        let world = world.restarted().await;
        let last = world
            .ains
            .task(tasks[width].id, Duration::from_secs(30))
            .await
            .unwrap();
        assert_eq!(last.task.status, Failed);
        world.ains.check_timeouts().await.unwrap();
        for task in &tasks[1..] {
            assert_eq!(world.task(task.id).await.status, Failed);
        }
        world.ains.stop().await;
    });
}

fn a_retry_with_cascade_revives_what_failed_because_of_it(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        // 0 -> 1 -> 2, 3 waits for 1 and for the end of 0, 4 for the failure of 0, 5 fails by itself.
        let tasks = world
            .submit_graph(vec![
                vec![],
                vec![(0, Success)],
                vec![(1, Success)],
                vec![(0, Done), (1, Success)],
                vec![(0, OnFailure)],
                vec![],
                vec![(0, Success), (5, Success)],
            ])
            .await;
        let ids: Vec<TaskId> = tasks.iter().map(|task| task.id).collect();
        world.end(&agent, ids[0], for_good()).await;
        let status =
            |states: Vec<(Status, Option<String>)>| states.into_iter().map(|one| one.0).collect::<Vec<_>>();
        assert_eq!(
            status(states(&world, &ids).await),
            [Failed, Failed, Failed, Failed, Pending, Active, Failed]
        );
        world.end(&agent, ids[5], for_good()).await;
        world.ains.cancel(ids[4], "x".into(), None).await.unwrap();
        world.ains.retry(ids[0], true).await.unwrap();
        assert_eq!(
            status(states(&world, &ids).await),
            [Pending, Pending, Pending, Pending, Cancelled, Failed, Failed],
            "the last one fails again, because another of its dependencies failed meanwhile"
        );
        let both = world.task(ids[3]).await;
        assert_eq!((both.gate, both.unresolved), (Some(Gate::Blocked), 2));
        world.end(&agent, ids[0], complete()).await;
        world.end(&agent, ids[1], complete()).await;
        assert!(world.task(ids[2]).await.is_ready() && world.task(ids[3]).await.is_ready());
    });
}

fn a_retried_task_hears_what_ended_meanwhile(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let a = world.submit_one(a_task("c")).await;
        let b = world.submit_one(a_task("c")).await;
        let task = world
            .submit_one(a_task_after([(a.id, Success), (b.id, Success)]))
            .await;
        let next = world.submit_one(a_task_after([(task.id, Success)])).await;
        world.end(&agent, a.id, for_good()).await;
        assert_eq!(world.task(next.id).await.status, Status::Failed);
        // While b is open, the retried task waits for it; what failed it is not judged again.
        world.ains.retry(task.id, false).await.unwrap();
        assert_eq!(world.task(task.id).await.gate, Some(Gate::Blocked));
        world.end(&agent, b.id, for_good()).await;
        assert_eq!(world.task(task.id).await.status, Status::Failed);
        world.ains.retry(task.id, false).await.unwrap();
        assert!(world.task(task.id).await.is_ready(), "both have been judged");
    });
}

fn an_expired_task_fails_what_waits_for_it(db: &TestDb) {
    tell(db, |world| async move {
        let mut soon = a_task("c");
        soon.spec.expires_at = Some(world.ains.now() + Duration::from_secs(5));
        let on = world.submit_one(soon).await;
        let waits = world.submit_one(a_task_after([(on.id, Success)])).await;
        let mut own = a_task_after([(on.id, Done)]);
        own.spec.expires_at = Some(world.ains.now() + Duration::from_secs(4));
        let own = world.submit_one(own).await;
        let after_own = world.submit_one(a_task_after([(own.id, OnFailure)])).await;
        world.wait(6);
        world.ains.check_timeouts().await.unwrap();
        let expired = Some("expired".to_owned());
        let because = Some(format!("Dependency task {} failed", on.id));
        assert_eq!(
            states(&world, &[on.id, waits.id, own.id]).await,
            [
                (Status::Failed, expired.clone()),
                (Status::Failed, because),
                (Status::Failed, expired)
            ]
        );
        assert!(world.task(after_own.id).await.is_ready());
    });
}

fn two_ends_at_once_unblock_exactly_once(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 500).await;
        world.claim(&agent, 1).await;
        let width = 200;
        let mut nodes = vec![vec![]; width];
        nodes.extend((1..width).map(|place| vec![(place - 1, Success), (place, Success)]));
        let tasks = world.submit_graph(nodes).await;
        let mut held = world.claim(&agent, 100).await;
        held.extend(world.claim(&agent, 100).await);
        let mut reports = tokio::task::JoinSet::new();
        for stored in held {
            let (ains, agent) = (world.ains.clone(), agent.clone());
            reports.spawn(async move {
                let report = Report {
                    task: stored.task.id,
                    agent,
                    attempt: Some(1),
                    kind: complete(),
                };
                let delivery = Delivery {
                    report,
                    result: None,
                    usage: None,
                    progress: None,
                };
                ains.report(delivery, None).await.unwrap().task.status
            });
        }
        assert!(
            reports
                .join_all()
                .await
                .iter()
                .all(|status| *status == Status::Completed)
        );
        for task in &tasks[width..] {
            let task = world.task(task.id).await;
            assert_eq!((task.unresolved, task.gate), (0, Some(Gate::Ready)));
        }
        let mut next = world.claim(&agent, 100).await;
        next.extend(world.claim(&agent, 100).await);
        assert_eq!(next.len(), width - 1);
    });
}

fn a_revived_task_that_fails_again_tells_those_that_were_revived_with_it(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let tasks = world
            .submit_graph(vec![
                vec![],
                vec![],
                vec![(0, Success), (1, Success)],
                vec![(2, Success)],
            ])
            .await;
        let ids: Vec<TaskId> = tasks.iter().map(|task| task.id).collect();
        world.claim(&agent, 2).await;
        world.end(&agent, ids[0], for_good()).await;
        world.end(&agent, ids[1], for_good()).await;
        world.ains.retry(ids[0], true).await.unwrap();
        let states = states(&world, &ids).await;
        assert_eq!(states[2].1, Some(format!("Dependency task {} failed", ids[1])));
        assert_eq!(
            states[3],
            (Failed, Some(format!("Dependency task {} failed", ids[2])))
        );
    });
}

fn a_retry_and_the_end_of_what_it_waits_for_meet_in_any_order(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 100).await;
        world.claim(&agent, 1).await;
        for _ in 0..20 {
            let [a, b] = [
                world.submit_one(a_task("c")).await.id,
                world.submit_one(a_task("c")).await.id,
            ];
            let waits = world
                .submit_one(a_task_after([(a, Success), (b, Success)]))
                .await
                .id;
            world.claim(&agent, 2).await;
            world.report(&agent, b, 1, for_good()).await.unwrap();
            // Both are likely to be in one transaction, behind what keeps the writer busy.
            let busy = world.submit("c", 200);
            let (_, retried, ended) = tokio::join!(
                busy,
                world.ains.retry(waits, false),
                world.report(&agent, a, 1, complete())
            );
            retried.unwrap();
            ended.unwrap();
            let task = world.task(waits).await;
            assert_eq!((task.unresolved, task.gate), (0, Some(Gate::Ready)));
            world
                .ains
                .cancel(waits, "done with it".into(), None)
                .await
                .unwrap();
            let page = ains_service::Page {
                limit: 1000,
                offset: 0,
                before: None,
            };
            let filter = ains_service::TaskFilter {
                status: Some(Pending),
                ..Default::default()
            };
            for stored in world.ains.tasks(filter, page).await.unwrap() {
                world
                    .ains
                    .cancel(stored.task.id, "done with it".into(), None)
                    .await
                    .unwrap();
            }
        }
    });
}

fn a_cascade_knows_its_victims_from_those_that_only_say_so(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let tasks = world.submit_graph(vec![vec![], vec![(0, Done)]]).await;
        world.end(&agent, tasks[0].id, for_good()).await;
        let says = ReportKind::Fail(Failure {
            message: format!("Dependency task {} failed", tasks[0].id),
            retryable: Some(false),
            ..Failure::default()
        });
        world.end(&agent, tasks[1].id, says).await;
        world.ains.retry(tasks[0].id, true).await.unwrap();
        assert_eq!(
            world.task(tasks[1].id).await.status,
            Failed,
            "it ran and failed by itself"
        );
    });
}
