//! What agents have earned, recomputed from what is recorded of the work.

use std::collections::BTreeMap;
use std::time::Duration;

use ains_core::directory::Viewer;
use ains_core::effect::Outcome;
use ains_core::routing::Strategy;
use ains_core::task::{Failure, ReportKind};
use ains_core::{AgentId, Name, Status, Task, TaskId, Timestamp, TrustScore};
use ains_service::{Actor, Page, TaskFilter, TrustRecord};
use ains_testkit::TestDb;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::world::{World, a_task, failed, tell};

ains_testkit::contract!(
    trust_averages_and_counters_are_what_the_records_say,
    a_history_comes_in_pages_newest_first_without_gaps,
    why_trust_changed_is_told,
);

/// Something that moved an agent's trust, as the tasks and attempts tell it.
#[derive(Debug, Clone, PartialEq)]
struct Moved {
    at: Timestamp,
    event: &'static str,
    delta: f64,
}

/// Does the work of a random while: completions, failures, time-outs, lost leases, cancellations, retries, changes of
/// trust by hand. Returns those changes.
async fn happen(world: &World, agents: &[AgentId], seed: u64) -> Vec<(AgentId, Moved)> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut held: Vec<(AgentId, TaskId, u32)> = Vec::new();
    let mut known: Vec<TaskId> = Vec::new();
    let mut by_hand = Vec::new();
    for _ in 0..400 {
        world
            .clock
            .advance(Duration::from_micros(rng.random_range(1_000..1_500_000)));
        world.ains.check_timeouts().await.unwrap();
        // Nothing else happens in the same instant.
        world.clock.advance(Duration::from_micros(7));
        let agent = &agents[rng.random_range(0..agents.len())];
        match rng.random_range(0..100) {
            0..30 => {
                let mut new = a_task("c");
                new.spec.timeout = Duration::from_secs(rng.random_range(4..30));
                new.spec.max_retries = rng.random_range(0..3);
                new.spec.heartbeat_timeout = rng.random_bool(0.3).then_some(Duration::from_secs(3));
                known.push(world.submit_one(new).await.id);
            }
            30..55 => {
                for stored in world.claim(agent, 2).await {
                    held.push((agent.clone(), stored.task.id, stored.task.attempt));
                }
            }
            55..85 if !held.is_empty() => {
                let (agent, task, attempt) = held.swap_remove(rng.random_range(0..held.len()));
                let kind = match rng.random_range(0..10) {
                    0..6 => ReportKind::Complete,
                    6..8 => failed("it broke"),
                    8 => failed("not found"),
                    _ => ReportKind::Release,
                };
                // Some leases are lost by then, and the report is refused.
                let _ = world.report(&agent, task, attempt, kind).await;
            }
            85..90 => {
                let delta = f64::from(rng.random_range(-30..=30_i32)) / 100.0;
                let adjusted =
                    world
                        .ains
                        .adjust_trust(&Actor::NOBODY, agent.clone(), delta, "checked".into());
                assert_eq!(adjusted.await.unwrap().reason.as_deref(), Some("checked"));
                let at = world.ains.now();
                let event = "adjusted";
                by_hand.push((agent.clone(), Moved { at, event, delta }));
            }
            90..93 if !known.is_empty() => {
                let task = known[rng.random_range(0..known.len())];
                let _ = world.ains.cancel(task, "enough".into(), None).await;
            }
            93..97 if !known.is_empty() => {
                let task = known[rng.random_range(0..known.len())];
                let _ = world.ains.retry(task, false).await;
            }
            _ => world.wait(rng.random_range(1..9)),
        }
    }
    by_hand
}

async fn all_tasks(world: &World) -> Vec<Task> {
    let page = Page {
        limit: 10_000,
        offset: 0,
        before: None,
    };
    let stored = world.ains.tasks(TaskFilter::default(), page).await.unwrap();
    stored.into_iter().map(|stored| stored.task).collect()
}

async fn history(world: &World, agent: &AgentId) -> Vec<TrustRecord> {
    let mut all = Vec::new();
    loop {
        let before = all.last().map(|record: &TrustRecord| record.id);
        let page = world.ains.trust_history(agent.clone(), before, 7).await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

/// What moved the trust of each agent, in order, by what is recorded of the tasks.
async fn recorded(world: &World, tasks: &[Task]) -> BTreeMap<AgentId, Vec<Moved>> {
    let mut moved: BTreeMap<AgentId, Vec<Moved>> = BTreeMap::new();
    for task in tasks {
        if let (Status::Completed, Some(agent)) = (task.status, &task.agent) {
            let (started, ended) = (task.started_at.unwrap(), task.ended_at.unwrap());
            let quick = ended.since(started) * 2 < task.timeout;
            moved.entry(agent.clone()).or_default().push(Moved {
                at: ended,
                event: "completed",
                delta: if quick { 0.05 } else { 0.02 },
            });
        }
        for attempt in world.ains.history(task.id).await.unwrap().attempts {
            let event = match attempt.outcome {
                Outcome::Failed => "failed",
                Outcome::TimedOut => "timed_out",
                Outcome::LeaseLost => "lease_lost",
                _ => continue,
            };
            moved.entry(attempt.agent).or_default().push(Moved {
                at: attempt.ended_at,
                event,
                delta: -0.05,
            });
        }
    }
    moved
}

fn trust_averages_and_counters_are_what_the_records_say(db: &TestDb) {
    tell(db, |world| async move {
        let mut agents = Vec::new();
        for name in ["a", "b", "d"] {
            agents.push(world.agent(name, 4).await);
            world.claim(&agents[agents.len() - 1], 1).await;
        }
        // Never calls, so that what is pushed to it is never started.
        agents.push(world.agent("asleep", 2).await);
        let by_hand = happen(&world, &agents[..3], 20_261_123).await;

        let tasks = all_tasks(&world).await;
        let mut moved = recorded(&world, &tasks).await;
        for (agent, change) in by_hand {
            moved.entry(agent).or_default().push(change);
        }
        let mut seen = BTreeMap::new();
        let mut records = 0;
        for agent in &agents {
            let row = world.ains.agent(agent.clone()).await.unwrap().agent;
            let mut moved = moved.remove(agent).unwrap_or_default();
            moved.sort_by_key(|change| change.at);
            let (mut trust, mut expected) = (0.5_f64, Vec::new());
            for change in &moved {
                *seen.entry(change.event).or_insert(0) += 1;
                let before = trust;
                trust = ((trust + change.delta).clamp(0.0, 1.0) * 1e6).round() / 1e6;
                if trust != before || change.event == "adjusted" {
                    expected.push((change.event.to_owned(), before, trust));
                }
            }
            assert_eq!(row.trust.get(), trust, "{agent}: {moved:?}");

            let mut history = history(&world, agent).await;
            history.reverse();
            records += history.len() as i64;
            let told = history
                .iter()
                .map(|record| (record.event.clone(), record.before, record.after));
            assert_eq!(told.collect::<Vec<_>>(), expected, "{agent}");

            let count = |events: &[&str]| {
                let of = moved.iter().filter(|change| events.contains(&change.event));
                of.count() as i64
            };
            assert_eq!(row.completed, count(&["completed"]));
            assert_eq!(row.failed, count(&["failed", "timed_out", "lease_lost"]));

            let mut own: Vec<&Task> = tasks
                .iter()
                .filter(|task| task.status == Status::Completed && task.agent.as_ref() == Some(agent))
                .collect();
            own.sort_by_key(|task| task.ended_at);
            let average = own.iter().fold(None, |average: Option<f64>, task| {
                let took = task.ended_at.unwrap().since(task.started_at.unwrap());
                Some(average.map_or(took.as_secs_f64(), |old| 0.7 * old + 0.3 * took.as_secs_f64()))
            });
            let (known, average) = (row.average_seconds.unwrap_or(-1.0), average.unwrap_or(-1.0));
            assert!((known - average).abs() < 1e-9, "{agent}: {known} {average}");
            assert_eq!(row.last_completed_at, own.last().and_then(|task| task.ended_at));
        }
        for event in ["completed", "failed", "timed_out", "lease_lost", "adjusted"] {
            assert!(
                seen.get(event).is_some_and(|times| *times > 3),
                "{event}: {seen:?}"
            );
        }

        counters_agree(&world, &tasks, records).await;
        lists_agree(&world, &agents).await;
        let world = world.restarted().await;
        lists_agree(&world, &agents).await;
        world.ains.stop().await;
    });
}

async fn counters_agree(world: &World, tasks: &[Task], records: i64) {
    let stats = world.ains.stats().await.unwrap();
    let rows = world.ains.database_rows().await.unwrap().rows;
    for status in Status::ALL {
        let held = tasks.iter().filter(|task| task.status == status).count() as i64;
        assert_eq!(stats.by_status[&status], held, "{status}");
    }
    assert_eq!(
        (stats.total, rows["tasks"]),
        (tasks.len() as i64, tasks.len() as i64)
    );
    assert_eq!(rows["trust_records"], records);
    let mut pending: BTreeMap<u8, i64> = BTreeMap::new();
    for task in tasks.iter().filter(|task| task.status == Status::Pending) {
        *pending.entry(task.priority).or_default() += 1;
    }
    assert_eq!(stats.pending_by_priority, pending);
}

/// The leaderboard and the search are in the order of the rows, and routing goes by their averages.
async fn lists_agree(world: &World, agents: &[AgentId]) {
    let mut rows = Vec::new();
    for agent in agents {
        rows.push(world.ains.agent(agent.clone()).await.unwrap().agent);
    }
    rows.sort_by(|a, b| {
        let trust = b.trust.get().total_cmp(&a.trust.get());
        trust.then(b.completed.cmp(&a.completed)).then(a.id.cmp(&b.id))
    });
    let leaders = world.ains.leaderboard(&Viewer::Everything, 10, 0);
    let expected: Vec<_> = rows.iter().map(ains_core::directory::Card::from).collect();
    assert_eq!(leaders, expected);
    let some = rows[1].completed + 1;
    let most: Vec<_> = rows.iter().filter(|row| row.completed >= some).collect();
    let leaders: Vec<AgentId> = world
        .ains
        .leaderboard(&Viewer::Everything, 10, some)
        .into_iter()
        .map(|card| card.id)
        .collect();
    assert_eq!(leaders, most.iter().map(|row| row.id.clone()).collect::<Vec<_>>());

    let capability: Name = "text:v1".parse().unwrap();
    let view = world
        .ains
        .explain_routing(None, &capability, Strategy::FastestResponse)
        .await
        .unwrap();
    for row in &rows {
        let candidate = view.candidates.iter().find(|one| one.agent == row.id).unwrap();
        let score = row.average_seconds.map_or(0.0, |average| 1.0 / (1.0 + average));
        assert!((candidate.score - score).abs() < 1e-6, "{}", row.id);
        assert_eq!(candidate.trust, row.trust.get());
    }
}

fn a_history_comes_in_pages_newest_first_without_gaps(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 1).await;
        // All in one instant, and many in one transaction.
        let changes = (0..40).map(|n| {
            let (ains, agent) = (world.ains.clone(), agent.clone());
            let delta = if n % 3 == 0 { -0.02 } else { 0.01 };
            tokio::spawn(async move {
                ains.adjust_trust(&Actor::NOBODY, agent, delta, n.to_string())
                    .await
                    .unwrap()
            })
        });
        for change in changes.collect::<Vec<_>>() {
            change.await.unwrap();
        }
        let history = history(&world, &agent).await;
        assert_eq!(history.len(), 40);
        assert_eq!(history[39].before, TrustScore::INITIAL.get());
        for pair in history.windows(2) {
            let [newer, older] = pair else { unreachable!() };
            assert_eq!(newer.before, older.after, "{newer:?} after {older:?}");
            assert!(newer.created_at > older.created_at && newer.id > older.id);
        }
        let row = world.ains.agent(agent).await.unwrap().agent;
        assert_eq!(row.trust.get(), history[0].after);
    });
}

fn why_trust_changed_is_told(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let mut new = a_task("c");
        new.spec.timeout = Duration::from_secs(100);
        new.spec.max_retries = 0;
        let mut tasks = Vec::new();
        for _ in 0..4 {
            tasks.push(world.submit_one(new.clone()).await.id);
        }
        assert_eq!(world.claim(&agent, 4).await.len(), 4);
        let long = "x".repeat(5000);
        let message = ReportKind::Fail(Failure {
            message: long.clone(),
            ..Failure::default()
        });
        world
            .report(&agent, tasks[0], 1, ReportKind::Complete)
            .await
            .unwrap();
        world.report(&agent, tasks[1], 1, message).await.unwrap();
        world.wait(60);
        world
            .report(&agent, tasks[2], 1, ReportKind::Complete)
            .await
            .unwrap();
        world.wait(40);
        while world.task(tasks[3]).await.status != Status::Failed {
            world.ains.check_timeouts().await.unwrap();
        }
        let told: Vec<_> = history(&world, &agent)
            .await
            .into_iter()
            .map(|record| (record.event, record.delta, record.task.unwrap(), record.reason))
            .collect();
        let expected = [
            ("timed_out", -0.05, 3, Some("attempt 1 timed out after 100 s")),
            ("completed", 0.02, 2, None),
            ("failed", -0.05, 1, Some(&long[..500])),
            (
                "completed",
                0.05,
                0,
                Some("took less than half of the time allowed"),
            ),
        ]
        .map(|(event, delta, task, reason)| {
            (event.to_owned(), delta, tasks[task], reason.map(str::to_owned))
        });
        assert_eq!(told, expected);
    });
}
