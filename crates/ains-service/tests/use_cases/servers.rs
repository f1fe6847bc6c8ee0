//! Several servers on one PostgreSQL.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ains_core::directory::Viewer;
use ains_core::task::ReportKind;
use ains_core::{EventType, EventTypes, Status, TaskId};
use ains_service::{Actor, EventFilter, Followed};
use ains_testkit::{ManualClock, TestDb};

use crate::events::next;
use crate::world::{World, asking, tell};

/// Runs `story` with two servers on one PostgreSQL, if there is one.
pub(crate) fn two<F: Future<Output = ()>>(story: impl FnOnce(Arc<World>, Arc<World>) -> F) {
    let Some(db) = TestDb::postgres() else { return };
    tell(&db, |first| async {
        let second = World::start(&db.url(), first.clock.clone()).await;
        let (first, second) = (Arc::new(first), Arc::new(second));
        story(first, Arc::clone(&second)).await;
        second.ains.stop().await;
    });
}

/// Waits until `server` knows an agent.
pub(crate) async fn until_known(server: &World, agent: &ains_core::AgentId) {
    loop {
        let (known, _) = server
            .ains
            .agents(&Viewer::Everything, None, 100, 0)
            .await
            .unwrap();
        if known.iter().any(|view| view.agent.id == *agent) {
            return;
        }
    }
}

#[test]
fn an_agent_that_waits_at_one_server_gets_what_is_submitted_at_the_other() {
    two(|first, second| async move {
        let agent = first.agent("a", 10).await;
        until_known(&second, &agent).await;
        second.claim(&agent, 1).await;
        for _ in 0..20 {
            let waiting = tokio::spawn({
                let (second, agent) = (Arc::clone(&second), agent.clone());
                async move { second.ains.claim(agent, asking(1, 60)).await.unwrap() }
            });
            let task = first.submit("c", 1).await.remove(0);
            let got = waiting.await.unwrap();
            assert_eq!(got[0].task.id, task.id);
            first
                .report(&agent, task.id, 1, ReportKind::Complete)
                .await
                .unwrap();
        }
    });
}

#[test]
fn room_freed_at_one_server_is_filled_by_a_claim_that_waits_at_the_other() {
    two(|first, second| async move {
        let agent = first.agent("a", 1).await;
        until_known(&second, &agent).await;
        first.claim(&agent, 1).await;
        first.submit("c", 2).await;
        let held = first.claim(&agent, 1).await.remove(0);
        let waiting = tokio::spawn({
            let (second, agent) = (Arc::clone(&second), agent.clone());
            async move { second.ains.claim(agent, asking(1, 60)).await.unwrap() }
        });
        first
            .report(&agent, held.task.id, 1, ReportKind::Complete)
            .await
            .unwrap();
        assert_eq!(waiting.await.unwrap().len(), 1);
    });
}

#[test]
fn the_end_of_a_task_is_heard_at_the_other_server() {
    two(|first, second| async move {
        let agent = first.agent("a", 1).await;
        let task = first.submit("c", 1).await.remove(0);
        let waiting = tokio::spawn({
            let second = Arc::clone(&second);
            async move { second.ains.task(task.id, Duration::from_secs(60)).await.unwrap() }
        });
        first.report(&agent, task.id, 1, ReportKind::Start).await.unwrap();
        first
            .report(&agent, task.id, 1, ReportKind::Complete)
            .await
            .unwrap();
        assert_eq!(waiting.await.unwrap().task.status, Status::Completed);
    });
}

#[test]
fn four_claimers_on_two_servers_share_the_work_without_exceeding_their_room() {
    const TASKS: usize = 600;
    two(|first, second| async move {
        let mut agents = Vec::new();
        for name in ["a", "b"] {
            agents.push(first.agent(name, 3).await);
        }
        for agent in &agents {
            until_known(&second, agent).await;
            first.claim(agent, 1).await;
        }
        for _ in 0..6 {
            first.submit("c", TASKS / 6).await;
        }
        let done = Arc::new(AtomicUsize::new(0));
        let claimers: Vec<_> = agents
            .iter()
            .flat_map(|agent| {
                [
                    (agent.clone(), Arc::clone(&first)),
                    (agent.clone(), Arc::clone(&second)),
                ]
            })
            .map(|(agent, server)| {
                let done = Arc::clone(&done);
                tokio::spawn(async move {
                    let mut got = Vec::new();
                    while done.load(Ordering::SeqCst) < TASKS {
                        for stored in server.ains.claim(agent.clone(), asking(3, 1)).await.unwrap() {
                            assert!(server.ains.agent(agent.clone()).await.unwrap().active <= 3);
                            let (id, attempt) = (stored.task.id, stored.task.attempt);
                            server
                                .report(&agent, id, attempt, ReportKind::Complete)
                                .await
                                .unwrap();
                            got.push(id);
                            done.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                    got
                })
            })
            .collect();
        let mut all: Vec<TaskId> = Vec::new();
        for claimer in claimers {
            all.extend(claimer.await.unwrap());
        }
        assert_eq!(
            all.iter().collect::<BTreeSet<_>>().len(),
            TASKS,
            "each exactly once"
        );
        assert_eq!(all.len(), TASKS);
        let stats = second.ains.stats().await.unwrap();
        assert_eq!(stats.by_status[&Status::Completed], TASKS as i64);
    });
}

#[test]
fn what_changes_an_agent_at_one_server_is_seen_at_the_other() {
    use crate::directory::anyone;
    two(|first, second| async move {
        let (a, b) = (first.agent("a", 10).await, second.agent("b", 10).await);
        until_known(&second, &a).await;
        until_known(&first, &b).await;
        let trusted = async |server: &World, expected: &[(&ains_core::AgentId, f64)]| {
            loop {
                let leaders = server.ains.leaderboard(&Viewer::Everything, 10, 0);
                let leaders: Vec<_> = leaders.iter().map(|card| (&card.id, card.trust.get())).collect();
                if leaders == expected {
                    break;
                }
                tokio::task::yield_now().await;
            }
            let found = server.ains.search(anyone()).await.unwrap();
            let found: Vec<_> = found
                .agents
                .iter()
                .map(|agent| (&agent.id, agent.trust.get()))
                .collect();
            assert_eq!(found, expected);
        };
        first
            .ains
            .adjust_trust(&Actor::NOBODY, b.clone(), 0.2, "good".into())
            .await
            .unwrap();
        trusted(&second, &[(&b, 0.7), (&a, 0.5)]).await;
        second
            .ains
            .adjust_trust(&Actor::NOBODY, a.clone(), 0.4, "better".into())
            .await
            .unwrap();
        trusted(&first, &[(&a, 0.9), (&b, 0.7)]).await;
        // Both move it at once, in the same instant: what both know in the end is what is stored.
        let turns = (0..40).map(|turn| {
            let (server, agent) = (
                Arc::clone(if turn % 2 == 0 { &first } else { &second }),
                a.clone(),
            );
            let delta = if turn % 3 == 0 { -0.03 } else { 0.01 };
            tokio::spawn(async move {
                server
                    .ains
                    .adjust_trust(&Actor::NOBODY, agent, delta, "x".into())
                    .await
                    .unwrap()
            })
        });
        for turn in turns.collect::<Vec<_>>() {
            turn.await.unwrap();
        }
        let stored = first.ains.agent(a.clone()).await.unwrap().agent.trust.get();
        let history = second.ains.trust_history(a.clone(), None, 200).await.unwrap();
        assert_eq!((history.len(), history[0].after), (41, stored));
        for pair in history.windows(2) {
            assert_eq!(
                pair[0].before, pair[1].after,
                "in the order in which they happened"
            );
        }
        let mut expected = [(&a, stored), (&b, 0.7)];
        expected.sort_by(|a, b| b.1.total_cmp(&a.1));
        trusted(&first, &expected).await;
        trusted(&second, &expected).await;
        first.ains.remove_agent(&Actor::NOBODY, a, false).await.unwrap();
        trusted(&second, &[(&b, 0.7)]).await;
    });
}

#[test]
fn servers_that_start_together_do_not_collide() {
    let Some(db) = TestDb::postgres() else { return };
    let url = db.url();
    let servers: Vec<_> = (0..4)
        .map(|_| {
            let options = ains_store::Options::new(url.parse().unwrap());
            std::thread::spawn(move || ains_store::Store::open(&options).map(drop))
        })
        .collect();
    for server in servers {
        server.join().unwrap().unwrap();
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let clock = ManualClock::new(1_767_225_600_000_000);
        World::start(&url, clock).await.ains.stop().await;
    });
}

#[test]
fn what_happens_at_either_server_is_heard_at_both_in_one_order() {
    const TASKS: usize = 100;
    two(|first, second| async move {
        let filter = EventFilter {
            types: EventTypes::named(["task.*"]).unwrap(),
            ..EventFilter::default()
        };
        let mut followers = Vec::new();
        for server in [&first, &second] {
            followers.push(server.ains.follow(filter.clone(), None).await.unwrap());
        }
        let agent = first.agent("a", 100).await;
        until_known(&second, &agent).await;
        first.claim(&agent, 1).await;
        let servers = [Arc::clone(&first), Arc::clone(&second)];
        let lives = (0..TASKS).map(|number| {
            let (here, there) = (
                Arc::clone(&servers[number % 2]),
                Arc::clone(&servers[1 - number % 2]),
            );
            tokio::spawn(async move {
                let task = here.submit("c", 1).await.remove(0);
                there.ains.cancel(task.id, "enough".into(), None).await.unwrap();
                here.ains.retry_later(task.id).await.unwrap_err();
            })
        });
        for life in lives.collect::<Vec<_>>() {
            life.await.unwrap();
        }
        let mut heard = Vec::new();
        for follower in &mut followers {
            let mut events = Vec::new();
            while events.len() < 2 * TASKS {
                match next(follower).await {
                    Some(Followed::Events(more)) => events.extend(more),
                    other => panic!("{other:?} after {events:?}"),
                }
            }
            assert_eq!(events.len(), 2 * TASKS);
            heard.push(events);
        }
        assert_eq!(heard[0], heard[1], "both hear the same");
        let mut created = BTreeSet::new();
        for happening in &heard[0] {
            let subject = happening.event.subject.clone();
            match happening.event.kind {
                EventType::TaskCreated => assert!(created.insert(subject)),
                _ => assert!(created.contains(&subject), "it ends after it begins"),
            }
        }
        // One that comes back at the other server goes on where it was.
        let half = heard[0][TASKS].id;
        let mut back = second.ains.follow(filter, Some(half)).await.unwrap();
        let mut rest = Vec::new();
        while rest.len() < TASKS - 1 {
            match next(&mut back).await {
                Some(Followed::Events(more)) => rest.extend(more),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(rest, heard[0][TASKS + 1..]);
    });
}
