//! Agents belong to the client that registered them, and serve it alone unless they are shared.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ains_core::agent::HeartbeatStatus;
use ains_core::directory::{Search, Viewer};
use ains_core::routing::Strategy;
use ains_core::task::ReportKind;
use ains_core::{AgentId, ClientId, Status, TaskId};
use ains_service::{AgentChange, ClaimRequest, Error, Heartbeat, Hindrance, NewAgent, NewTask};
use ains_testkit::TestDb;

use crate::directory::anyone;
use crate::metrics::figures;
use crate::servers::{two, until_known};
use crate::world::{World, a_task, an_agent, asking, failed, tell};

ains_testkit::contract!(
    an_agent_of_one_client_is_given_its_tasks_from_behind_those_of_others,
    an_agent_that_waits_is_woken_by_its_clients_tasks_alone,
    a_claim_for_some_capabilities_is_woken_by_its_clients_tasks_alone,
    no_strategy_pushes_to_the_agent_of_another_client,
    a_task_that_comes_back_goes_to_those_that_serve_its_client,
    a_degraded_agent_leaves_work_only_to_those_that_serve_the_client,
    one_hand_out_in_eight_goes_to_the_priority_unserved_longest_for_a_client_too,
    an_agent_that_is_shared_no_more_finishes_what_it_holds,
    an_agent_of_nobody_serves_everybody,
    agents_of_others_are_neither_seen_nor_named,
    what_an_agent_is_given_is_as_before_after_a_restart,
);

fn client(name: &str) -> ClientId {
    name.parse().unwrap()
}

/// Registers an agent that belongs to `owner` and serves it alone.
async fn own(world: &World, name: &str, owner: &str) -> AgentId {
    let agent = NewAgent {
        client: Some(client(owner)),
        shared: false,
        max_concurrency: 1000,
        ..an_agent(name)
    };
    world.register(agent).await
}

async fn share(world: &World, agent: &AgentId, shared: bool) -> Result<(), Error> {
    let change = AgentChange {
        shared: Some(shared),
        ..AgentChange::default()
    };
    world.ains.change_agent(agent.clone(), change).await.map(drop)
}

/// Submits so many tasks in parts that fit into a transaction.
async fn submit_many(world: &World, client: &str, count: usize) {
    for _ in 0..count / 1000 {
        world.submit(client, 1000).await;
    }
}

/// Whose tasks an agent gets that asks for as many as there are.
async fn owners_of_claimed(world: &World, agent: &AgentId) -> Vec<String> {
    let claimed = world.claim(agent, 100).await;
    claimed
        .iter()
        .map(|stored| stored.task.client.to_string())
        .collect()
}

/// Lets a claim of `agent` wait.
fn waiting(
    world: &Arc<World>,
    agent: &AgentId,
    request: ClaimRequest,
) -> tokio::task::JoinHandle<Vec<TaskId>> {
    let (world, agent) = (Arc::clone(world), agent.clone());
    tokio::spawn(async move {
        let claimed = world.ains.claim(agent, request).await.unwrap();
        claimed.iter().map(|stored| stored.task.id).collect()
    })
}

async fn until_waiting(world: &World, claims: usize) {
    while world.ains.waiting_claims() < claims {
        tokio::task::yield_now().await;
    }
}

async fn within_a_minute<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future)
        .await
        .expect("within a minute")
}

fn an_agent_of_one_client_is_given_its_tasks_from_behind_those_of_others(db: &TestDb) {
    tell(db, |world| async move {
        let b = own(&world, "of-b", "b").await;
        world.claim(&b, 1).await;
        submit_many(&world, "a", 10_000).await;
        assert_eq!(owners_of_claimed(&world, &b).await, [""; 0]);
        let task = world.submit("b", 1).await.remove(0);
        assert_eq!(world.claim(&b, 100).await[0].task.id, task.id);
        assert_eq!(owners_of_claimed(&world, &b).await, [""; 0]);
        let (shared, a) = (world.agent("shared", 200).await, own(&world, "of-a", "a").await);
        for agent in [&shared, &a] {
            let owners = owners_of_claimed(&world, agent).await;
            assert!(
                !owners.is_empty() && owners.iter().all(|owner| owner == "a"),
                "{owners:?}"
            );
        }
        assert_eq!(owners_of_claimed(&world, &b).await, [""; 0]);
    });
}

fn an_agent_that_waits_is_woken_by_its_clients_tasks_alone(db: &TestDb) {
    tell(db, |world| async move {
        let world = Arc::new(world);
        let b = own(&world, "of-b", "b").await;
        world.claim(&b, 1).await;
        submit_many(&world, "a", 10_000).await;
        let claim = waiting(&world, &b, asking(10, 600));
        within_a_minute(until_waiting(&world, 1)).await;
        let operations = async || figures(&world).await["ains_writer_batch_size_sum"];
        let before = operations().await;
        for _ in 0..100 {
            world.submit("a", 1).await;
        }
        let done = operations().await - before;
        assert!(
            (100.0..120.0).contains(&done),
            "each submission is one operation, and no other follows: {done}"
        );
        assert_eq!(world.ains.waiting_claims(), 1);
        let task = world.submit("b", 1).await.remove(0);
        assert_eq!(within_a_minute(claim).await.unwrap(), [task.id]);
        world.report(&b, task.id, 1, ReportKind::Complete).await.unwrap();

        // One that became ready while it had no room comes with the room.
        let full = NewAgent {
            client: Some(client("b")),
            shared: false,
            ..an_agent("full")
        };
        let full = world
            .register(NewAgent {
                max_concurrency: 1,
                ..full
            })
            .await;
        world.claim(&full, 1).await;
        let held = world.submit("b", 1).await.remove(0);
        assert_eq!(world.claim(&full, 1).await[0].task.id, held.id);
        let next = world.submit("b", 1).await.remove(0);
        let claim = waiting(&world, &full, asking(1, 600));
        within_a_minute(until_waiting(&world, 1)).await;
        world
            .report(&full, held.id, 1, ReportKind::Complete)
            .await
            .unwrap();
        assert_eq!(within_a_minute(claim).await.unwrap(), [next.id]);
    });
}

fn a_claim_for_some_capabilities_is_woken_by_its_clients_tasks_alone(db: &TestDb) {
    tell(db, |world| async move {
        let world = Arc::new(world);
        let b = own(&world, "of-b", "b").await;
        let some = ClaimRequest {
            capabilities: Some(vec!["text:v1".parse().unwrap()]),
            ..asking(1, 600)
        };
        let claim = waiting(&world, &b, some);
        within_a_minute(until_waiting(&world, 1)).await;
        let foreign = world.submit("a", 1).await.remove(0);
        let task = world.submit("b", 1).await.remove(0);
        assert_eq!(within_a_minute(claim).await.unwrap(), [task.id]);
        assert_eq!(world.task(foreign.id).await.status, Status::Pending);
    });
}

fn no_strategy_pushes_to_the_agent_of_another_client(db: &TestDb) {
    tell(db, |world| async move {
        let heartbeat = Heartbeat {
            status: HeartbeatStatus::Active,
            holding: None,
        };
        let b = own(&world, "of-b", "b").await;
        world.ains.heartbeat(b.clone(), heartbeat.clone()).await.unwrap();
        let tasks = |client: &str| -> Vec<NewTask> {
            let each = Strategy::ALL.map(|strategy| {
                let mut task = a_task(client);
                task.spec.strategy = strategy;
                task
            });
            each.into()
        };
        let given = |tasks: Vec<ains_core::Task>| -> Vec<Option<String>> {
            let agents = tasks.into_iter().map(|task| task.agent);
            agents.map(|agent| agent.map(|id| id.to_string())).collect()
        };
        let for_a = given(world.submit_all(tasks("a")).await);
        assert_eq!(for_a, [const { None }; 4]);
        let for_b = given(world.submit_all(tasks("b")).await);
        assert_eq!(for_b, [const { Some("of-b") }; 4].map(|id| id.map(str::to_owned)));

        // Whoever may do it comes, and gets what waits.
        let a = own(&world, "of-a", "a").await;
        world.ains.heartbeat(a.clone(), heartbeat).await.unwrap();
        within_a_minute(async {
            while world.ains.agent(a.clone()).await.unwrap().active < 4 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert_eq!(world.ains.agent(b).await.unwrap().active, 4);
    });
}

fn a_task_that_comes_back_goes_to_those_that_serve_its_client(db: &TestDb) {
    tell(db, |world| async move {
        let (a, b) = (own(&world, "of-a", "a").await, own(&world, "of-b", "b").await);
        for agent in [&a, &b] {
            world.claim(agent, 1).await;
        }
        let task = world.submit("a", 1).await.remove(0);
        assert_eq!(world.claim(&b, 1).await.len(), 0);
        for attempt in 1..=2 {
            assert_eq!(world.claim(&a, 1).await[0].task.attempt, attempt);
            world.report(&a, task.id, attempt, failed("no")).await.unwrap();
            world.wait(300);
            world.ains.check_timeouts().await.unwrap();
            assert_eq!(world.claim(&b, 1).await.len(), 0);
        }
        assert_eq!(world.claim(&a, 1).await.len(), 1);
        world.report(&a, task.id, 3, ReportKind::Release).await.unwrap();
        assert_eq!(world.claim(&b, 1).await.len(), 0);
        assert_eq!(owners_of_claimed(&world, &a).await, ["a"]);
    });
}

fn a_degraded_agent_leaves_work_only_to_those_that_serve_the_client(db: &TestDb) {
    tell(db, |world| async move {
        let b = own(&world, "of-b", "b").await;
        let shared = world.agent("shared", 100).await;
        for agent in [&b, &shared] {
            world.claim(agent, 1).await;
        }
        let degraded = Heartbeat {
            status: HeartbeatStatus::Degraded,
            holding: None,
        };
        world
            .ains
            .heartbeat(shared.clone(), degraded.clone())
            .await
            .unwrap();
        world.submit("a", 2).await;
        world.submit("b", 2).await;
        assert_eq!(owners_of_claimed(&world, &shared).await, ["a"; 2]);
        assert_eq!(owners_of_claimed(&world, &b).await, ["b"; 2]);
        world.submit("b", 2).await;
        world.ains.heartbeat(b.clone(), degraded).await.unwrap();
        assert_eq!(
            owners_of_claimed(&world, &shared).await,
            ["b"; 2],
            "nobody better is left"
        );
    });
}

fn one_hand_out_in_eight_goes_to_the_priority_unserved_longest_for_a_client_too(db: &TestDb) {
    tell(db, |world| async move {
        let b = own(&world, "of-b", "b").await;
        world.claim(&b, 1).await;
        for (owner, priority) in [("a", 10), ("b", 1), ("b", 5), ("b", 9)] {
            let tasks = (0..50).map(|_| {
                let mut new = a_task(owner);
                new.spec.priority = priority;
                new
            });
            world.submit_all(tasks.collect()).await;
        }
        let mut order = Vec::new();
        for _ in 0..16 {
            let claimed = world.claim(&b, 1).await;
            order.extend(claimed.iter().map(|stored| stored.task.priority));
        }
        let mut expected = vec![9; 16];
        (expected[7], expected[15]) = (1, 5);
        assert_eq!(order, expected);
    });
}

fn an_agent_that_is_shared_no_more_finishes_what_it_holds(db: &TestDb) {
    tell(db, |world| async move {
        let agent = own(&world, "x", "b").await;
        world.claim(&agent, 1).await;
        world.submit("a", 2).await;
        world.submit("b", 1).await;
        share(&world, &agent, true).await.unwrap();
        let held = world.claim(&agent, 1).await.remove(0);
        assert_eq!(held.task.client, client("a"));
        share(&world, &agent, false).await.unwrap();
        world
            .report(&agent, held.task.id, 1, ReportKind::Progress)
            .await
            .unwrap();
        let done = world
            .report(&agent, held.task.id, 1, ReportKind::Complete)
            .await
            .unwrap();
        assert_eq!(done.status, Status::Completed);
        assert_eq!(owners_of_claimed(&world, &agent).await, ["b"]);

        // What waits for its client alone waits for others as soon as it is shared.
        let world = Arc::new(world);
        let claim = waiting(&world, &agent, asking(1, 600));
        within_a_minute(until_waiting(&world, 1)).await;
        share(&world, &agent, true).await.unwrap();
        assert_eq!(within_a_minute(claim).await.unwrap().len(), 1);
    });
}

fn an_agent_of_nobody_serves_everybody(db: &TestDb) {
    tell(db, |world| async move {
        let agent = NewAgent {
            shared: false,
            ..an_agent("x")
        };
        let agent = world.register(agent).await;
        world.claim(&agent, 1).await;
        assert!(world.ains.agent(agent.clone()).await.unwrap().agent.shared);
        let refused = share(&world, &agent, false).await;
        assert!(matches!(refused, Err(Error::AgentOfNobody(id)) if id == "x"));
        share(&world, &agent, true).await.unwrap();
        world.submit("a", 1).await;
        assert_eq!(owners_of_claimed(&world, &agent).await, ["a"]);
    });
}

fn agents_of_others_are_neither_seen_nor_named(db: &TestDb) {
    tell(db, |world| async move {
        own(&world, "a", "a").await;
        own(&world, "b", "b").await;
        own(&world, "b2", "b").await;
        world.agent("shared", 10).await;
        let ids = |ids: &[&str]| -> BTreeSet<AgentId> { ids.iter().map(|id| id.parse().unwrap()).collect() };
        for (viewer, seen) in [
            (Viewer::Everything, ids(&["a", "b", "b2", "shared"])),
            (Viewer::Client(client("a")), ids(&["a", "shared"])),
            (Viewer::Client(client("b")), ids(&["b", "b2", "shared"])),
            (Viewer::Client(client("c")), ids(&["shared"])),
            (Viewer::Nobody, ids(&["shared"])),
        ] {
            let (page, total) = world.ains.agents(&viewer, None, 10, 0).await.unwrap();
            let listed: BTreeSet<AgentId> = page.into_iter().map(|view| view.agent.id).collect();
            assert_eq!((&listed, total), (&seen, seen.len() as i64), "{viewer:?}");
            let (page, total) = world.ains.agents(&viewer, None, 1, 1).await.unwrap();
            let rest = seen.len() - 1;
            assert_eq!((page.len(), total), (rest.min(1), seen.len() as i64));
            let leaders = world.ains.leaderboard(&viewer, 10, 0);
            assert_eq!(
                leaders.into_iter().map(|card| card.id).collect::<BTreeSet<_>>(),
                seen
            );
            for tags in [Vec::new(), vec!["text:v1".to_owned()]] {
                let search = Search {
                    viewer: viewer.clone(),
                    tags,
                    limit: 1,
                    ..anyone()
                };
                let found = world.ains.search(search).await.unwrap();
                assert_eq!((found.total, found.agents.len()), (seen.len(), 1));
            }
        }
        let text = "text:v1".parse().unwrap();
        let considered = async |client: Option<&ClientId>| -> BTreeSet<AgentId> {
            let explained = world.ains.explain_routing(client, &text, Strategy::RoundRobin);
            let candidates = explained.await.unwrap().candidates;
            candidates.into_iter().map(|candidate| candidate.agent).collect()
        };
        assert_eq!(considered(Some(&client("a"))).await, ids(&["a", "shared"]));
        assert_eq!(considered(None).await, ids(&["shared"]));

        world
            .ains
            .remove_agent(&ains_service::Actor::NOBODY, "shared".parse().unwrap(), false)
            .await
            .unwrap();
        let task = world.submit("c", 1).await.remove(0);
        let why = world.ains.why(task.id).await.unwrap();
        assert_eq!(why.hindrance, Some(Hindrance::NoCapableAgent));
        assert_eq!(why.detail, "no agent provides `text:v1`");
        assert!(why.agents.is_empty());
        // By the earlier protocol a client is an agent.
        let refused = world.ains.submit_earlier(vec![a_task("a2")], None).await;
        assert!(matches!(refused, Err(Error::UnknownClientAgent(_))));
        own(&world, "c", "c2").await;
        let refused = world.ains.submit_earlier(vec![a_task("c")], None).await;
        assert!(matches!(refused, Err(Error::NoProvider(name)) if name == "text:v1"));
        assert!(world.ains.submit_earlier(vec![a_task("b")], None).await.is_ok());
    });
}

fn what_an_agent_is_given_is_as_before_after_a_restart(db: &TestDb) {
    tell(db, |world| async move {
        let b = own(&world, "of-b", "b").await;
        world.claim(&b, 1).await;
        world.submit("a", 3).await;
        world.submit("b", 3).await;
        let world = world.restarted().await;
        assert_eq!(owners_of_claimed(&world, &b).await, ["b"; 3]);
        world.ains.stop().await;
    });
}

#[test]
fn a_clients_own_agent_that_waits_at_one_server_gets_its_tasks_from_the_other() {
    two(|first, second| async move {
        let b = own(&first, "of-b", "b").await;
        within_a_minute(until_known(&second, &b)).await;
        second.claim(&b, 1).await;
        submit_many(&first, "a", 10_000).await;
        for _ in 0..20 {
            let claim = waiting(&second, &b, asking(10, 600));
            within_a_minute(until_waiting(&second, 1)).await;
            first.submit("a", 1).await;
            let task = first.submit("b", 1).await.remove(0);
            assert_eq!(within_a_minute(claim).await.unwrap(), [task.id]);
            first.report(&b, task.id, 1, ReportKind::Complete).await.unwrap();
        }
        let stats = second.ains.stats().await.unwrap();
        assert_eq!(stats.by_status[&Status::Pending], 10_020);
    });
}

#[test]
fn whether_an_agent_is_shared_counts_at_every_server() {
    two(|first, second| async move {
        let agent = own(&first, "x", "b").await;
        within_a_minute(until_known(&second, &agent)).await;
        second.claim(&agent, 1).await;
        first.submit("a", 2).await;
        assert_eq!(second.claim(&agent, 1).await.len(), 0);
        let claim = waiting(&second, &agent, asking(1, 600));
        within_a_minute(until_waiting(&second, 1)).await;
        share(&first, &agent, true).await.unwrap();
        assert_eq!(within_a_minute(claim).await.unwrap().len(), 1);
        // The row says so, whatever the other server has heard.
        share(&first, &agent, false).await.unwrap();
        assert_eq!(second.claim(&agent, 1).await.len(), 0);
        let seen = async |server: &World| server.ains.agents(&Viewer::Nobody, None, 1, 0).await.unwrap().1;
        within_a_minute(async {
            while seen(&second).await > 0 {
                tokio::task::yield_now().await;
            }
        })
        .await;
    });
}
