//! Tasks that wait for tasks.

use std::collections::BTreeMap;
use std::time::Duration;

use ains_core::task::{Failure, Gate, Report, ReportKind};
use ains_core::{Condition, Dependency, Status, TaskId};
use ains_service::{Delivery, Direction, Error, Hindrance, TaskChange};
use ains_testkit::TestDb;

use crate::world::{World, a_task, a_task_after, failed, tell};

ains_testkit::contract!(
    a_task_waits_for_every_dependency_and_is_then_ready,
    each_condition_meets_each_ending,
    what_has_ended_is_judged_at_submission,
    an_unknown_dependency_is_refused_and_nothing_is_stored,
    only_the_final_outcome_counts,
    a_ladder_fails_from_its_top,
    a_fan_is_unblocked_as_one,
    what_one_transaction_cannot_tell_follows_before_the_answer,
    what_a_killed_server_left_unsettled_is_settled_at_the_start,
    a_graph_is_stored_as_a_whole,
    a_graph_with_a_cycle_is_refused_by_name,
    a_change_of_dependencies_blocks_and_unblocks,
    a_change_that_closes_a_cycle_is_refused,
    a_retry_with_cascade_revives_what_failed_because_of_it,
    a_retried_task_hears_what_ended_meanwhile,
    an_expired_task_fails_what_waits_for_it,
    results_of_dependencies_come_with_the_input,
    a_task_says_why_it_does_not_run,
    the_graph_around_a_task_is_cut_where_it_must_be,
    a_task_with_a_later_instant_waits_for_both,
    what_becomes_ready_is_handed_over_by_the_same_commit,
    two_ends_at_once_unblock_exactly_once,
    a_revived_task_that_fails_again_tells_those_that_were_revived_with_it,
    a_retry_and_the_end_of_what_it_waits_for_meet_in_any_order,
    what_became_ready_goes_to_agents_by_priority,
    a_change_of_dependencies_does_not_undercut_the_delay_of_a_retry,
    a_cascade_knows_its_victims_from_those_that_only_say_so,
    a_dependency_that_was_removed_is_in_nobodys_way,
);

use Condition::{Done, Failure as OnFailure, Success};
use Status::{Active, Cancelled, Failed, Pending};

fn complete() -> ReportKind {
    ReportKind::Complete
}

fn for_good() -> ReportKind {
    ReportKind::Fail(Failure {
        message: "no".into(),
        retryable: Some(false),
        ..Failure::default()
    })
}

async fn states(world: &World, ids: &[TaskId]) -> Vec<(Status, Option<String>)> {
    let tasks = world.ains.tasks_by_id(ids.to_vec()).await.unwrap();
    tasks
        .into_iter()
        .map(|stored| (stored.task.status, stored.task.error))
        .collect()
}

fn a_task_waits_for_every_dependency_and_is_then_ready(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let first = world.submit_one(a_task("c")).await;
        let second = world.submit_one(a_task("c")).await;
        let both = [(first.id, Success), (second.id, Success), (first.id, Success)];
        let last = world.submit_one(a_task_after(both)).await;
        assert_eq!((last.status, last.gate), (Status::Pending, Some(Gate::Blocked)));
        assert_eq!(
            (last.dependencies, last.unresolved),
            (2, 2),
            "what stands there twice counts once"
        );
        world.end(&agent, first.id, complete()).await;
        assert!(
            world
                .claim(&agent, 1)
                .await
                .iter()
                .all(|stored| stored.task.id != last.id)
        );
        let half = world.task(last.id).await;
        assert_eq!((half.gate, half.unresolved), (Some(Gate::Blocked), 1));
        world.wait(3);
        world.end(&agent, second.id, complete()).await;
        let ready = world.task(last.id).await;
        assert_eq!((ready.gate, ready.unresolved), (Some(Gate::Ready), 0));
        assert_eq!(ready.gate_since, Some(world.ains.now()));
        let stored = world.claim(&agent, 1).await.remove(0);
        let depends_on = [first.id, second.id].map(|on| Dependency { on, when: Success });
        assert_eq!(
            (stored.task.id, &stored.depends_on[..]),
            (last.id, &depends_on[..])
        );
    });
}

fn each_condition_meets_each_ending(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 100).await;
        world.claim(&agent, 1).await;
        for ending in ["completed", "failed", "cancelled", "not needed"] {
            let on = world.submit_one(a_task("c")).await;
            let mut waiting = BTreeMap::new();
            for when in Condition::ALL {
                let direct = world.submit_one(a_task_after([(on.id, when)])).await;
                let next = world.submit_one(a_task_after([(direct.id, Success)])).await;
                waiting.insert(when, [direct.id, next.id]);
            }
            match ending {
                "completed" => drop(world.end(&agent, on.id, complete()).await),
                "failed" => drop(world.end(&agent, on.id, for_good()).await),
                "cancelled" => drop(world.ains.cancel(on.id, "enough".into(), None).await.unwrap()),
                _ => drop(world.ains.cancel(on.id, "not needed".into(), None).await.unwrap()),
            }
            let not_needed = || vec![(Status::Cancelled, Some("not needed".to_owned())); 2];
            let fails = |how: &str, direct: TaskId| {
                let because = |id: TaskId, how: &str| Some(format!("Dependency task {id} {how}"));
                vec![
                    (Status::Failed, because(on.id, how)),
                    (Status::Failed, because(direct, "failed")),
                ]
            };
            let released = || vec![(Status::Pending, None); 2];
            for (when, ids) in &waiting {
                let expected = match (when, ending) {
                    (Done, _) | (Success, "completed") | (OnFailure, "failed") => released(),
                    (Success, "failed") => fails("failed", ids[0]),
                    (Success, "cancelled") => fails("was cancelled", ids[0]),
                    _ => not_needed(),
                };
                assert_eq!(states(&world, ids).await, expected, "{when} after {ending}");
                let direct = world.task(ids[0]).await;
                if direct.status == Status::Pending {
                    assert_eq!(direct.gate, Some(Gate::Ready), "{when} after {ending}");
                    world
                        .ains
                        .cancel(direct.id, "done with it".into(), None)
                        .await
                        .unwrap();
                }
            }
        }
    });
}

fn what_has_ended_is_judged_at_submission(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let good = world.submit_one(a_task("c")).await;
        world.end(&agent, good.id, complete()).await;
        let bad = world.submit_one(a_task("c")).await;
        world.end(&agent, bad.id, for_good()).await;
        let open = world.submit_one(a_task("c")).await;
        let ready = world
            .submit_one(a_task_after([
                (good.id, Success),
                (bad.id, Done),
                (bad.id, OnFailure),
            ]))
            .await;
        assert!(ready.is_ready(), "{ready:?}");
        let fails = world
            .submit_one(a_task_after([(open.id, Success), (bad.id, Success)]))
            .await;
        assert_eq!(fails.status, Status::Failed);
        assert_eq!(fails.error, Some(format!("Dependency task {} failed", bad.id)));
        assert!(fails.ended_at.is_some());
        let unneeded = world.submit_one(a_task_after([(good.id, OnFailure)])).await;
        assert_eq!(
            (unneeded.status, unneeded.error.as_deref()),
            (Status::Cancelled, Some("not needed"))
        );
        let waits = world
            .submit_one(a_task_after([(good.id, Success), (open.id, Success)]))
            .await;
        assert_eq!((waits.gate, waits.unresolved), (Some(Gate::Blocked), 1));
        let view = world.ains.dependencies(waits.id).await.unwrap();
        let seen: Vec<_> = view
            .dependencies
            .iter()
            .map(|one| (one.status, one.resolved))
            .collect();
        assert_eq!(
            seen,
            [(Some(Status::Completed), true), (Some(Status::Pending), false)]
        );
        let stats = world.ains.stats().await.unwrap();
        assert_eq!(stats.by_status[&Status::Failed], 2);
    });
}

fn an_unknown_dependency_is_refused_and_nothing_is_stored(db: &TestDb) {
    tell(db, |world| async move {
        let unknown: TaskId = "task_00000000000000000000000000000000".parse().unwrap();
        let refused = world
            .ains
            .submit(vec![a_task("c"), a_task_after([(unknown, Success)])], None)
            .await;
        assert!(matches!(refused, Err(Error::UnknownDependency(id)) if id == unknown));
        assert_eq!(world.ains.stats().await.unwrap().total, 0);
        assert_eq!(world.ains.unknown_tasks(vec![unknown]).await.unwrap(), [unknown]);
    });
}

fn only_the_final_outcome_counts(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let on = world.submit_one(a_task("c")).await;
        let handler = world.submit_one(a_task_after([(on.id, OnFailure)])).await;
        for retry in 0..4 {
            assert_eq!(
                world.task(handler.id).await.gate,
                Some(Gate::Blocked),
                "before retry {retry}"
            );
            world.end(&agent, on.id, failed("flaky")).await;
            world.wait(60);
            world.ains.check_timeouts().await.unwrap();
        }
        assert_eq!(world.task(on.id).await.status, Status::Failed);
        assert!(world.task(handler.id).await.is_ready());
    });
}

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

fn a_graph_is_stored_as_a_whole(db: &TestDb) {
    tell(db, |world| async move {
        let tasks = world
            .submit_graph(vec![
                vec![(1, Success)],
                vec![(2, Done)],
                vec![],
                vec![(2, Success), (0, OnFailure)],
            ])
            .await;
        let gates: Vec<_> = tasks.iter().map(|task| task.gate.unwrap()).collect();
        assert_eq!(gates, [Gate::Blocked, Gate::Blocked, Gate::Ready, Gate::Blocked]);
        assert!(
            tasks[2].id < tasks[1].id && tasks[1].id < tasks[0].id,
            "ids follow the edges"
        );
        let filter = ains_service::TaskFilter {
            graph: tasks[0].graph,
            ..Default::default()
        };
        let page = ains_service::Page {
            limit: 10,
            offset: 0,
            before: None,
        };
        assert_eq!(world.ains.tasks(filter.clone(), page).await.unwrap().len(), 4);
        assert_eq!(world.ains.count_tasks(filter).await.unwrap(), 4);
    });
}

fn a_graph_with_a_cycle_is_refused_by_name(db: &TestDb) {
    tell(db, |world| async move {
        let nodes = [vec![(2, Success)], vec![(0, Success)], vec![(1, Success)]];
        let nodes = nodes.into_iter().zip(["a", "b", "c"]).map(|(after, name)| {
            let mut task = a_task("c");
            task.spec.name = Some(name.parse().unwrap());
            ains_service::GraphNode { task, after }
        });
        let refused = world.ains.submit_graph(nodes.collect(), None).await;
        let Err(Error::Cycle(cycle)) = refused else {
            panic!("{refused:?}")
        };
        assert!(
            ["a -> b -> c -> a", "b -> c -> a -> b", "c -> a -> b -> c"].contains(&&*cycle),
            "{cycle}"
        );
        assert_eq!(world.ains.stats().await.unwrap().total, 0);
    });
}

fn now_after(depends_on: impl IntoIterator<Item = (TaskId, Condition)>) -> TaskChange {
    TaskChange {
        depends_on: Some(
            depends_on
                .into_iter()
                .map(|(on, when)| Dependency { on, when })
                .collect(),
        ),
        ..TaskChange::default()
    }
}

fn a_change_of_dependencies_blocks_and_unblocks(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let [a, b] = [
            world.submit_one(a_task("c")).await,
            world.submit_one(a_task("c")).await,
        ];
        let done = world.submit_one(a_task("c")).await;
        let task = world.submit_one(a_task("c")).await;
        world.claim(&agent, 3).await;
        world.report(&agent, done.id, 1, complete()).await.unwrap();
        let changed = world
            .ains
            .change(task.id, now_after([(a.id, Success), (done.id, Success)]))
            .await;
        let changed = changed.unwrap().after;
        assert_eq!(
            (changed.gate, changed.unresolved, changed.queue_key),
            (Some(Gate::Blocked), 1, None)
        );
        assert!(world.claim(&agent, 10).await.is_empty());
        let changed = world
            .ains
            .change(task.id, now_after([(b.id, Done)]))
            .await
            .unwrap()
            .after;
        assert_eq!((changed.dependencies, changed.unresolved), (1, 1));
        world.report(&agent, a.id, 1, for_good()).await.unwrap();
        assert_eq!(
            world.task(task.id).await.status,
            Status::Pending,
            "it does not wait for that any more"
        );
        world.report(&agent, b.id, 1, for_good()).await.unwrap();
        assert!(world.task(task.id).await.is_ready());
        world.ains.change(task.id, now_after([])).await.unwrap();
        assert!(world.task(task.id).await.is_ready());
        let changed = world
            .ains
            .change(task.id, now_after([(a.id, Success)]))
            .await
            .unwrap()
            .after;
        assert_eq!(changed.status, Status::Failed, "judged at once");
        assert!(matches!(
            world.ains.change(task.id, now_after([])).await,
            Err(Error::NotPending(_))
        ));
        let active = world.submit_one(a_task("c")).await;
        world.claim(&agent, 1).await;
        assert!(matches!(
            world.ains.change(active.id, now_after([])).await,
            Err(Error::NotPending(_))
        ));
    });
}

fn a_change_that_closes_a_cycle_is_refused(db: &TestDb) {
    tell(db, |world| async move {
        let rungs = 300;
        let ladder = (0..rungs).map(|place| match place {
            0 => vec![],
            _ => vec![(place - 1, Success)],
        });
        let tasks = world.submit_graph(ladder.collect()).await;
        let refused = world
            .ains
            .change(tasks[0].id, now_after([(tasks[rungs - 1].id, Done)]))
            .await;
        let Err(Error::Cycle(cycle)) = refused else {
            panic!("{refused:?}")
        };
        let mut expected: Vec<String> = tasks.iter().map(|task| task.id.to_string()).collect();
        expected.push(tasks[0].id.to_string());
        assert_eq!(cycle, expected.join(" -> "));
        let itself = world
            .ains
            .change(tasks[0].id, now_after([(tasks[0].id, Success)]))
            .await;
        assert!(matches!(itself, Err(Error::Cycle(_))));
        assert!(world.task(tasks[0].id).await.is_ready(), "nothing has changed");
        // The two halves of a cycle at the same time.
        let [a, b] = [
            world.submit_one(a_task("c")).await,
            world.submit_one(a_task("c")).await,
        ];
        let (one, other) = tokio::join!(
            world.ains.change(a.id, now_after([(b.id, Success)])),
            world.ains.change(b.id, now_after([(a.id, Success)])),
        );
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
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

fn results_of_dependencies_come_with_the_input(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let outside = world.submit_one(a_task("c")).await;
        world.end(&agent, outside.id, complete()).await;
        let mut first = a_task("c");
        first.spec.name = Some("first".parse().unwrap());
        let mut last = a_task_after([(outside.id, Success)]);
        last.spec.name = Some("last".parse().unwrap());
        last.spec.results_from_dependencies = true;
        let nodes = vec![
            ains_service::GraphNode {
                task: first,
                after: vec![],
            },
            ains_service::GraphNode {
                task: last,
                after: vec![(0, Done)],
            },
        ];
        let ains_service::Answer::Fresh(tasks) = world.ains.submit_graph(nodes, None).await.unwrap() else {
            panic!("replayed")
        };
        world.end(&agent, tasks[0].id, for_good()).await;
        let held = world.claim(&agent, 1).await.remove(0);
        let expected = format!(
            r#"{{"dependency_results":{{"first":null,"{}":{{"ok":true}}}},"n":1}}"#,
            outside.id
        );
        assert_eq!(held.documents.input.as_deref(), Some(&*expected));
        let read = world.ains.task(held.task.id, Duration::ZERO).await.unwrap();
        assert_eq!(read.documents.input.as_deref(), Some(&*expected));
    });
}

fn a_task_says_why_it_does_not_run(db: &TestDb) {
    tell(db, |world| async move {
        let hindrance = async |id| {
            let why = world.ains.why(id).await.unwrap();
            (why.hindrance, why.tasks, why.agents.len(), why.position)
        };
        let on = world.submit_one(a_task("c")).await;
        assert_eq!(
            hindrance(on.id).await,
            (Some(Hindrance::NoCapableAgent), vec![], 0, Some(1))
        );
        let waits = world.submit_one(a_task_after([(on.id, Success)])).await;
        assert_eq!(
            hindrance(waits.id).await,
            (Some(Hindrance::Dependency), vec![on.id], 0, None)
        );
        let detail = world.ains.why(waits.id).await.unwrap().detail;
        assert_eq!(detail, format!("waits for {} (PENDING)", on.id));
        let mut later = a_task("c");
        later.spec.run_at = Some(world.ains.now() + Duration::from_secs(60));
        let later = world.submit_one(later).await;
        assert_eq!(hindrance(later.id).await.0, Some(Hindrance::NotDue));
        let agent = world.agent("a", 1).await;
        world.claim(&agent, 1).await;
        assert_eq!(hindrance(on.id).await.0, None);
        world.wait(2);
        let next = world.submit_one(a_task("c")).await;
        assert_eq!(
            hindrance(next.id).await,
            (Some(Hindrance::AgentsBusy), vec![], 1, Some(1))
        );
        let mut choosy = a_task("c");
        choosy.spec.min_trust = ains_core::TrustScore::clamped(0.9);
        let choosy = world.submit_one(choosy).await;
        assert_eq!(hindrance(choosy.id).await.0, Some(Hindrance::Trust));
        let free = world.agent("b", 5).await;
        world
            .ains
            .claim(free.clone(), crate::world::asking(1, 0))
            .await
            .unwrap();
        let third = world.submit_one(a_task("c")).await;
        let fourth = world.submit_one(a_task("c")).await;
        let why = world.ains.why(fourth.id).await.unwrap();
        assert_eq!((why.hindrance, why.position), (Some(Hindrance::Queue), Some(2)));
        assert_eq!((why.tasks, why.since), (vec![third.id], world.ains.now()));
        let unknown = "task_00000000000000000000000000000000".parse().unwrap();
        assert!(matches!(
            world.ains.why(unknown).await,
            Err(Error::NotFound { .. })
        ));
    });
}

fn the_graph_around_a_task_is_cut_where_it_must_be(db: &TestDb) {
    tell(db, |world| async move {
        let rungs = 3000;
        let ladder = (0..rungs).map(|place| match place {
            0 => vec![],
            _ => vec![(place - 1, Success)],
        });
        let tasks = world.submit_graph(ladder.collect()).await;
        let view = async |place: usize, direction, depth| {
            let view = world.ains.graph(tasks[place].id, direction, depth).await.unwrap();
            (view.nodes.len(), view.edges.len(), view.truncated)
        };
        assert_eq!(view(0, Direction::Both, 10_000).await, (2000, 1999, true));
        assert_eq!(view(0, Direction::Dependencies, 10_000).await, (1, 0, false));
        assert_eq!(view(10, Direction::Both, 3).await, (7, 6, false));
        assert_eq!(
            view(1500, Direction::Dependents, 10_000).await,
            (1500, 1499, false)
        );
        assert_eq!(view(1500, Direction::Both, 10_000).await, (1999, 1998, true));
        let dependents = world.ains.dependents(tasks[5].id).await.unwrap();
        assert_eq!(
            (dependents.count, dependents.dependents[0].task.id),
            (1, tasks[6].id)
        );
    });
}

fn a_task_with_a_later_instant_waits_for_both(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let on = world.submit_one(a_task("c")).await;
        let mut later = a_task_after([(on.id, Success)]);
        later.spec.run_at = Some(world.ains.now() + Duration::from_secs(60));
        let later = world.submit_one(later).await;
        assert_eq!(later.gate, Some(Gate::Blocked));
        world.wait(10);
        world.end(&agent, on.id, complete()).await;
        let task = world.task(later.id).await;
        assert_eq!((task.gate, task.due_at), (Some(Gate::NotDue), task.run_at));
        world.wait(60);
        world.ains.check_timeouts().await.unwrap();
        assert!(world.task(later.id).await.is_ready());
    });
}

fn what_becomes_ready_is_handed_over_by_the_same_commit(db: &TestDb) {
    tell(db, |world| async move {
        let [worker, waiting] = [world.agent("a", 10).await, world.agent("b", 10).await];
        world.claim(&worker, 1).await;
        world.claim(&waiting, 1).await;
        let tasks = world
            .submit_graph(vec![
                vec![],
                vec![],
                vec![(0, Success)],
                vec![(0, Success), (1, Done)],
            ])
            .await;
        assert_eq!(world.claim(&worker, 10).await.len(), 2);
        let claim = tokio::spawn({
            let ains = world.ains.clone();
            let waiting = waiting.clone();
            async move { ains.claim(waiting, crate::world::asking(5, 30)).await.unwrap() }
        });
        crate::work::until_waiting(&world, &[&claim]).await;
        world.report(&worker, tasks[0].id, 1, complete()).await.unwrap();
        // Read after the answer, before anything else can have happened.
        let next = world.task(tasks[2].id).await;
        assert_eq!(
            (next.status, next.agent.as_ref()),
            (Status::Active, Some(&waiting))
        );
        assert_eq!(claim.await.unwrap()[0].task.id, tasks[2].id);
        assert_eq!(world.task(tasks[3].id).await.gate, Some(Gate::Blocked));
        world.report(&worker, tasks[1].id, 1, failed("x")).await.unwrap();
        assert_eq!(
            world.task(tasks[3].id).await.gate,
            Some(Gate::Blocked),
            "it is tried again"
        );
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

fn what_became_ready_goes_to_agents_by_priority(db: &TestDb) {
    tell(db, |world| async move {
        let worker = world.agent("worker", 1).await;
        world.claim(&worker, 1).await;
        let hub = world.submit_one(a_task("c")).await.id;
        world.claim(&worker, 1).await;
        for number in 0..8 {
            let mut task = a_task_after([(hub, Success)]);
            task.spec.priority = if number < 4 { 1 } else { 10 };
            world.submit_one(task).await;
        }
        let mut claims = Vec::new();
        for number in 0..4 {
            let agent = world.agent(&format!("a{number}"), 1).await;
            world.claim(&agent, 1).await;
            let ains = world.ains.clone();
            claims.push(tokio::spawn(async move {
                ains.claim(agent, crate::world::asking(1, 30)).await.unwrap()
            }));
        }
        crate::work::until_waiting(&world, &claims.iter().collect::<Vec<_>>()).await;
        world.report(&worker, hub, 1, complete()).await.unwrap();
        for claim in claims {
            assert_eq!(claim.await.unwrap()[0].task.priority, 10);
        }
    });
}

fn a_change_of_dependencies_does_not_undercut_the_delay_of_a_retry(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let done = world.submit_one(a_task("c")).await.id;
        world.end(&agent, done, complete()).await;
        let task = world.submit_one(a_task("c")).await.id;
        world.claim(&agent, 1).await;
        let later = ReportKind::Fail(Failure {
            message: "busy".into(),
            retryable: None,
            retry_after: Some(Duration::from_secs(600)),
        });
        world.report(&agent, task, 1, later).await.unwrap();
        let open = world.submit_one(a_task("other")).await.id;
        for depends_on in [vec![(done, Success)], vec![(open, Success)], vec![]] {
            world.ains.change(task, now_after(depends_on)).await.unwrap();
        }
        let held = world.task(task).await;
        assert_eq!(held.gate, Some(Gate::NotDue));
        assert_eq!(held.due_at, Some(world.ains.now() + Duration::from_secs(600)));
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

fn a_dependency_that_was_removed_is_in_nobodys_way(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let [a, b] = [
            world.submit_one(a_task("c")).await.id,
            world.submit_one(a_task("c")).await.id,
        ];
        let waits = world
            .submit_one(a_task_after([(a, Success), (b, Success)]))
            .await
            .id;
        world.claim(&agent, 2).await;
        world.report(&agent, a, 1, for_good()).await.unwrap();
        world.report(&agent, b, 1, complete()).await.unwrap();
        assert_eq!(world.clean_up_oldest().await, [b, a]);
        world.ains.retry(waits, false).await.unwrap();
        assert!(world.task(waits).await.is_ready());
    });
}
