//! Tasks that wait for tasks.

use std::collections::BTreeMap;
use std::time::Duration;

use ains_core::task::{Failure, Gate, ReportKind};
use ains_core::{Condition, Dependency, Status, TaskId};
use ains_service::{Direction, Error, Hindrance, TaskChange};
use ains_testkit::TestDb;

use crate::world::{World, a_task, a_task_after, failed, tell};

ains_testkit::contract!(
    a_task_waits_for_every_dependency_and_is_then_ready,
    each_condition_meets_each_ending,
    what_has_ended_is_judged_at_submission,
    an_unknown_dependency_is_refused_and_nothing_is_stored,
    only_the_final_outcome_counts,
    a_graph_is_stored_as_a_whole,
    a_graph_with_a_cycle_is_refused_by_name,
    a_change_of_dependencies_blocks_and_unblocks,
    a_change_that_closes_a_cycle_is_refused,
    results_of_dependencies_come_with_the_input,
    a_task_says_why_it_does_not_run,
    the_graph_around_a_task_is_cut_where_it_must_be,
    a_task_with_a_later_instant_waits_for_both,
    what_becomes_ready_is_handed_over_by_the_same_commit,
    what_became_ready_goes_to_agents_by_priority,
    a_change_of_dependencies_does_not_undercut_the_delay_of_a_retry,
    a_dependency_that_was_removed_is_in_nobodys_way,
);

use Condition::{Done, Failure as OnFailure, Success};

pub(crate) fn complete() -> ReportKind {
    ReportKind::Complete
}

pub(crate) fn for_good() -> ReportKind {
    ReportKind::Fail(Failure {
        message: "no".into(),
        retryable: Some(false),
        ..Failure::default()
    })
}

pub(crate) async fn states(world: &World, ids: &[TaskId]) -> Vec<(Status, Option<String>)> {
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
