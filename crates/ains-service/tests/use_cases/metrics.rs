//! Metrics: what happened is counted once, after its commit, and re-checks count what they put right.

use std::collections::BTreeMap;
use std::time::Duration;

use ains_core::chain::{OnFailure, StepDefinition};
use ains_core::task::Gate;
use ains_core::{Condition, Task, TaskId};
use ains_service::{Actor, DeliveryOutcome, EventFilter};
use ains_testkit::TestDb;

use crate::chains::{a_step, after};
use crate::dependencies::{complete, for_good};
use crate::schedules::every;
use crate::world::{World, a_task, asking, failed, tell};

ains_testkit::contract!(
    nothing_has_happened_at_the_start,
    tasks_are_counted_once_however_often_their_end_is_told,
    retries_and_time_outs_are_counted,
    a_task_that_fails_before_it_begins_is_counted,
    waiting_in_the_queue_is_measured_for_every_hand_out,
    the_queue_and_the_agents_are_read_when_they_are_asked_for,
    chains_and_their_steps_are_counted_as_they_end,
    what_schedules_make_is_counted,
    a_restart_begins_to_count_anew_but_the_system_is_as_it_was,
    what_a_killed_server_left_is_a_repair,
    a_ready_task_that_nobody_told_of_is_a_repair,
    an_instant_that_the_timer_did_not_know_is_a_repair,
    whoever_delivers_says_how_it_went,
    events_and_followers_are_shown,
);

const REPAIRS: [&str; 6] = ["agent", "end", "instant", "match", "question", "settle"];

/// Every series and its value.
pub(crate) async fn figures(world: &World) -> BTreeMap<String, f64> {
    let text = world.ains.metrics_text().await;
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let samples = samples.map(|line| line.rsplit_once(' ').unwrap());
    samples
        .map(|(series, value)| (series.to_owned(), value.parse().unwrap()))
        .collect()
}

/// Checks some series.
async fn expect(world: &World, expected: &[(&str, f64)]) {
    let figures = figures(world).await;
    for (series, value) in expected {
        assert_eq!(figures.get(*series), Some(value), "{series}");
    }
}

fn repairs(kind: &str) -> String {
    format!("ains_repairs_total{{kind=\"{kind}\"}}")
}

/// Nothing had to be put right.
async fn is_healthy(world: &World) {
    let figures = figures(world).await;
    for kind in REPAIRS {
        assert_eq!(figures.get(&repairs(kind)), Some(&0.0), "{kind}");
    }
}

fn nothing_has_happened_at_the_start(db: &TestDb) {
    tell(db, |world| async move {
        let exceptions = ["ains_database_up", "ains_db_query_", "ains_writer_batch_size"];
        for (series, value) in figures(&world).await {
            if exceptions.iter().all(|own| !series.starts_with(own)) {
                assert_eq!(value, 0.0, "{series}");
            }
        }
        expect(&world, &[("ains_database_up", 1.0)]).await;
    });
}

fn tasks_are_counted_once_however_often_their_end_is_told(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let tasks = world.submit("c", 5).await;
        let held = world.claim(&agent, 4).await;
        world.wait(20);
        for task in &held[..2] {
            for _ in 0..3 {
                world.report(&agent, task.task.id, 1, complete()).await.unwrap();
            }
        }
        for _ in 0..3 {
            world
                .report(&agent, held[2].task.id, 1, for_good())
                .await
                .unwrap();
        }
        // Neither of these changes anything.
        assert!(
            world
                .report(&agent, held[2].task.id, 1, complete())
                .await
                .is_err()
        );
        assert!(
            world
                .report(&agent, held[3].task.id, 7, complete())
                .await
                .is_err()
        );
        assert_eq!(tasks.len(), 5);
        expect(
            &world,
            &[
                ("ains_tasks_created_total", 5.0),
                ("ains_tasks_completed_total", 2.0),
                ("ains_tasks_failed_total", 1.0),
                ("ains_task_duration_seconds_count", 2.0),
                ("ains_task_duration_seconds_sum", 40.0),
                ("ains_task_duration_seconds_bucket{le=\"15\"}", 0.0),
                ("ains_task_duration_seconds_bucket{le=\"60\"}", 2.0),
                ("ains_task_hand_out_seconds_count", 4.0),
                ("ains_task_retries_total", 0.0),
            ],
        )
        .await;
        is_healthy(&world).await;
    });
}

fn retries_and_time_outs_are_counted(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let mut task = a_task("c");
        task.spec.timeout = Duration::from_secs(10);
        task.spec.max_retries = 1;
        let task = world.submit_one(task).await;
        world.end(&agent, task.id, failed("oh")).await;
        world.wait(5);
        world.ains.check_timeouts().await.unwrap();
        assert_eq!(world.claim(&agent, 1).await.len(), 1);
        world.wait(11);
        world.ains.check_timeouts().await.unwrap();
        world.ains.task(task.id, Duration::from_secs(60)).await.unwrap();
        expect(
            &world,
            &[
                ("ains_task_retries_total", 1.0),
                ("ains_task_timeouts_total", 1.0),
                ("ains_tasks_failed_total", 1.0),
                ("ains_task_queue_wait_seconds_count", 2.0),
            ],
        )
        .await;
        is_healthy(&world).await;
    });
}

fn a_task_that_fails_before_it_begins_is_counted(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let graph = vec![
            vec![],
            vec![(0, Condition::Success)],
            vec![(1, Condition::Success)],
        ];
        let tasks = world.submit_graph(graph).await;
        world.end(&agent, tasks[0].id, for_good()).await;
        expect(
            &world,
            &[
                ("ains_tasks_created_total", 3.0),
                ("ains_tasks_failed_total", 3.0),
                ("ains_tasks_completed_total", 0.0),
            ],
        )
        .await;
        is_healthy(&world).await;
    });
}

fn waiting_in_the_queue_is_measured_for_every_hand_out(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        world.submit("c", 2).await;
        world.wait(7);
        assert_eq!(world.claim(&agent, 2).await.len(), 2);
        expect(
            &world,
            &[
                ("ains_task_queue_wait_seconds_count", 2.0),
                ("ains_task_queue_wait_seconds_sum", 14.0),
            ],
        )
        .await;
        // One that is handed over as it comes has not waited.
        let waiting = tokio::spawn({
            let (ains, agent) = (world.ains.clone(), agent.clone());
            async move { ains.claim(agent, asking(1, 60)).await.unwrap() }
        });
        world.submit("c", 1).await;
        assert_eq!(waiting.await.unwrap().len(), 1);
        expect(
            &world,
            &[
                ("ains_task_queue_wait_seconds_count", 3.0),
                ("ains_task_queue_wait_seconds_sum", 14.0),
            ],
        )
        .await;
    });
}

fn the_queue_and_the_agents_are_read_when_they_are_asked_for(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        let other = world.agent("b", 10).await;
        world.claim(&agent, 1).await;
        world.claim(&other, 1).await;
        let mut urgent = a_task("c");
        urgent.spec.priority = 9;
        world.submit_one(urgent).await;
        world.submit("c", 3).await;
        assert_eq!(world.claim(&agent, 1).await.len(), 1, "the urgent one");
        world
            .ains
            .adjust_trust(&Actor::NOBODY, other.clone(), 0.25, "good".into())
            .await
            .unwrap();
        expect(
            &world,
            &[
                ("ains_tasks_in_queue{priority=\"5\"}", 3.0),
                ("ains_tasks_in_queue{priority=\"9\"}", 0.0),
                ("ains_tasks_held", 1.0),
                ("ains_agents_total", 2.0),
                ("ains_agents_active", 2.0),
                ("ains_agent_trust_score_count", 2.0),
                ("ains_agent_trust_score_sum", 1.25),
                ("ains_agent_trust_score_bucket{le=\"0.4\"}", 0.0),
                ("ains_agent_trust_score_bucket{le=\"0.5\"}", 1.0),
                ("ains_agent_trust_score_bucket{le=\"0.8\"}", 2.0),
            ],
        )
        .await;
        world
            .ains
            .remove_agent(&Actor::NOBODY, other, false)
            .await
            .unwrap();
        expect(
            &world,
            &[
                ("ains_agents_total", 1.0),
                ("ains_agent_trust_score_count", 1.0),
                ("ains_agent_trust_score_sum", 0.5),
            ],
        )
        .await;
    });
}

fn chains_and_their_steps_are_counted_as_they_end(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let good = world.chain(vec![a_step("one"), a_step("two")], "{}").await;
        world.wait(30);
        world.run(&agent, good, |_, _| Ok("{}".into())).await;
        let tolerant = StepDefinition {
            on_failure: OnFailure::Continue,
            ..a_step("bad")
        };
        let skipped = StepDefinition {
            when: Some("false".into()),
            ..after("never", &[])
        };
        let mixed = world
            .chain(vec![tolerant, skipped, after("last", &["bad"])], "{}")
            .await;
        world
            .run(&agent, mixed, |name, _| match name {
                "bad" => Err("no".into()),
                _ => Ok("{}".into()),
            })
            .await;
        let broken = world.chain(vec![a_step("one"), a_step("two")], "{}").await;
        world.run(&agent, broken, |_, _| Err("no".into())).await;
        expect(
            &world,
            &[
                ("ains_chains_total{event=\"created\"}", 3.0),
                ("ains_chains_total{event=\"completed\"}", 2.0),
                ("ains_chains_total{event=\"failed\"}", 1.0),
                ("ains_chains_total{event=\"cancelled\"}", 0.0),
                ("ains_chain_steps_total{status=\"completed\"}", 3.0),
                ("ains_chain_steps_total{status=\"failed\"}", 2.0),
                ("ains_chain_steps_total{status=\"skipped\"}", 1.0),
                ("ains_chain_steps_total{status=\"cancelled\"}", 1.0),
                ("ains_chain_duration_seconds_count", 2.0),
                ("ains_chain_duration_seconds_sum", 30.0),
            ],
        )
        .await;
        is_healthy(&world).await;
    });
}

fn what_schedules_make_is_counted(db: &TestDb) {
    tell(db, |world| async move {
        world.schedule(every(60)).await;
        for _ in 0..3 {
            world.pass(60).await;
        }
        expect(
            &world,
            &[
                ("ains_scheduled_tasks_total{kind=\"task\"}", 3.0),
                ("ains_scheduled_tasks_total{kind=\"chain\"}", 0.0),
                ("ains_tasks_created_total", 3.0),
            ],
        )
        .await;
        is_healthy(&world).await;
    });
}

fn a_restart_begins_to_count_anew_but_the_system_is_as_it_was(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        world.submit("c", 3).await;
        let world = world.restarted().await;
        expect(
            &world,
            &[
                ("ains_tasks_created_total", 0.0),
                ("ains_tasks_in_queue{priority=\"5\"}", 3.0),
                ("ains_agents_total", 1.0),
                ("ains_agent_trust_score_count", 1.0),
            ],
        )
        .await;
        is_healthy(&world).await;
        world.ains.stop().await;
    });
}

fn what_a_killed_server_left_is_a_repair(db: &TestDb) {
    tell(db, |world| async move {
        let tasks = world
            .submit_graph(vec![vec![], vec![(0, Condition::Success)]])
            .await;
        // As if the server had been killed after its first transaction, which told nobody.
        let mut ended = world.task(tasks[0].id).await;
        ended.cancel("enough", world.ains.now()).unwrap();
        world.save_unsettled(&ended).await;
        world.wait(40);
        let world = world.restarted().await;
        let told = world.ains.task(tasks[1].id, Duration::from_secs(60));
        assert!(told.await.unwrap().task.status.is_terminal());
        expect(&world, &[(&repairs("settle"), 1.0), (&repairs("match"), 0.0)]).await;
        world.ains.stop().await;
    });
}

/// A task like any other, that is not stored.
fn unheard(world: &World) -> Task {
    let id: TaskId = "task_0199b2f0a1b27c3d8e4f5a6b7c8d9e0f".parse().unwrap();
    Task::submitted(id, a_task("c").spec, world.ains.now())
}

fn a_ready_task_that_nobody_told_of_is_a_repair(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        let mut ready = unheard(&world);
        ready.queue_key = Some(0);
        let waiting = tokio::spawn({
            let (ains, agent) = (world.ains.clone(), agent.clone());
            async move { ains.claim(agent, asking(1, 60)).await.unwrap() }
        });
        while world.ains.waiting_claims() == 0 {
            tokio::task::yield_now().await;
        }
        world.wait(5);
        world.save_unheard(ready.clone()).await;
        assert_eq!(waiting.await.unwrap()[0].task.id, ready.id);
        expect(&world, &[(&repairs("match"), 1.0), (&repairs("instant"), 0.0)]).await;
    });
}

fn an_instant_that_the_timer_did_not_know_is_a_repair(db: &TestDb) {
    tell(db, |world| async move {
        let mut later = unheard(&world);
        later.gate = Some(Gate::NotDue);
        later.due_at = Some(world.ains.now() + Duration::from_secs(10));
        world.save_unheard(later.clone()).await;
        world.wait(100);
        while world.task(later.id).await.gate != Some(Gate::Ready) {
            tokio::task::yield_now().await;
        }
        // The timer counts after the answer to its sweep.
        while figures(&world).await[&repairs("instant")] == 0.0 {
            tokio::task::yield_now().await;
        }
        expect(&world, &[(&repairs("instant"), 1.0), (&repairs("match"), 0.0)]).await;
    });
}

fn whoever_delivers_says_how_it_went(db: &TestDb) {
    tell(db, |world| async move {
        let metrics = world.ains.metrics();
        for outcome in [
            DeliveryOutcome::Succeeded,
            DeliveryOutcome::Failed,
            DeliveryOutcome::Failed,
            DeliveryOutcome::Dead,
        ] {
            metrics.delivered(outcome);
        }
        expect(
            &world,
            &[
                ("ains_webhook_deliveries_total{outcome=\"succeeded\"}", 1.0),
                ("ains_webhook_deliveries_total{outcome=\"failed\"}", 2.0),
                ("ains_webhook_deliveries_total{outcome=\"dead\"}", 1.0),
            ],
        )
        .await;
    });
}

fn events_and_followers_are_shown(db: &TestDb) {
    tell(db, |world| async move {
        let follower = world.ains.follow(EventFilter::default(), None).await.unwrap();
        let before = figures(&world).await["ains_events_total"];
        world.submit("c", 3).await;
        let expected = [
            ("ains_events_total", before + 3.0),
            ("ains_event_followers", 1.0),
            ("ains_event_followers_dropped_total", 0.0),
        ];
        expect(&world, &expected).await;
        drop(follower);
        expect(&world, &[("ains_event_followers", 0.0)]).await;
    });
}
