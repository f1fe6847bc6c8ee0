//! The search and the leaderboard follow what happens at once.

use ains_core::agent::HeartbeatStatus;
use ains_core::directory::{Search, SortBy, Viewer};
use ains_core::task::ReportKind;
use ains_core::{AgentId, TrustScore};
use ains_service::{Actor, AgentChange, Answer, Heartbeat, NewCapability};
use ains_testkit::TestDb;

use crate::world::{World, an_agent, tell};

ains_testkit::contract!(
    what_is_published_is_found_at_once,
    a_capability_of_the_same_name_is_replaced,
    an_agent_that_is_gone_is_not_found_but_keeps_its_rank,
    what_is_removed_is_forgotten_and_may_come_back,
    an_end_moves_an_agent_on_the_leaderboard_at_once,
);

pub(crate) fn anyone() -> Search {
    Search {
        viewer: Viewer::Everything,
        capability: None,
        tags: Vec::new(),
        min_trust: TrustScore::clamped(0.0),
        max_price: None,
        max_latency_ms: None,
        sort: SortBy::Trust,
        limit: 10,
        offset: 0,
    }
}

fn a_capability(name: &str, price: f64) -> NewCapability {
    NewCapability {
        name: name.parse().unwrap(),
        description: String::new(),
        input_schema: "{}".into(),
        output_schema: "{}".into(),
        pricing_model: "per_call".into(),
        price,
        latency_p99_ms: 10,
        availability_percent: 99.0,
    }
}

impl World {
    async fn publish(&self, agent: &AgentId, name: &str, price: f64) {
        let published = self
            .ains
            .publish(agent.clone(), a_capability(name, price), None)
            .await;
        assert!(matches!(published, Ok(Answer::Fresh(_))), "{published:?}");
    }

    /// Who is found, and what they offer.
    async fn found(&self, search: Search) -> Vec<(String, Vec<String>)> {
        let found = self.ains.search(search).await.unwrap();
        assert_eq!(found.total, found.agents.len());
        let agents = found.agents.into_iter();
        agents
            .map(|agent| {
                let names = agent.capabilities.iter().map(ToString::to_string);
                (agent.id.to_string(), names.collect())
            })
            .collect()
    }
}

fn found(expected: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
    expected
        .iter()
        .map(|(id, names)| ((*id).to_owned(), names.iter().map(ToString::to_string).collect()))
        .collect()
}

fn what_is_published_is_found_at_once(db: &TestDb) {
    tell(db, |world| async move {
        let (a, b) = (world.agent("a", 1).await, world.agent("b", 1).await);
        let sorting = Search {
            capability: Some("SORT".into()),
            sort: SortBy::Price,
            ..anyone()
        };
        assert_eq!(world.found(sorting.clone()).await, []);
        world.publish(&a, "Sort:V1", 2.0).await;
        assert_eq!(world.found(sorting.clone()).await, found(&[("a", &["Sort:V1"])]));
        world.publish(&b, "quicksort", 1.0).await;
        world.publish(&b, "other", 5.0).await;
        let both = found(&[("b", &["quicksort", "other"]), ("a", &["Sort:V1"])]);
        assert_eq!(world.found(sorting.clone()).await, both);
        let change = AgentChange {
            tags: Some(vec!["Nights".parse().unwrap()]),
            ..AgentChange::default()
        };
        world.ains.change_agent(a.clone(), change).await.unwrap();
        let at_night = Search {
            tags: vec!["nights".into()],
            ..anyone()
        };
        assert_eq!(world.found(at_night).await, both[1..]);
        let world = world.restarted().await;
        assert_eq!(world.found(sorting).await, both);
        world.ains.stop().await;
    });
}

fn a_capability_of_the_same_name_is_replaced(db: &TestDb) {
    tell(db, |world| async move {
        let a = world.agent("a", 1).await;
        world.publish(&a, "sort", 2.0).await;
        world.publish(&a, "other", 2.0).await;
        world.publish(&a, "SORT", 1.0).await;
        let cheap = Search {
            max_price: Some(1.0),
            ..anyone()
        };
        assert_eq!(world.found(cheap).await, found(&[("a", &["other", "SORT"])]));
        let dear = Search {
            capability: Some("sort".into()),
            sort: SortBy::Price,
            ..anyone()
        };
        assert_eq!(world.found(dear).await.len(), 1);
        let stored = world.ains.capabilities(a.clone()).await.unwrap();
        let prices: Vec<_> = stored.iter().map(|one| (one.name.as_str(), one.price)).collect();
        assert_eq!(prices, [("other", 2.0), ("SORT", 1.0)]);
        assert_eq!(world.ains.stats().await.unwrap().capabilities, 2);
        world.ains.remove_agent(&Actor::NOBODY, a, false).await.unwrap();
        assert_eq!(world.ains.stats().await.unwrap().capabilities, 0);
    });
}

fn an_agent_that_is_gone_is_not_found_but_keeps_its_rank(db: &TestDb) {
    tell(db, |world| async move {
        let (a, b) = (world.agent("a", 1).await, world.agent("b", 1).await);
        let beat = |status| Heartbeat {
            status,
            holding: None,
        };
        let ids = |found: Vec<(String, Vec<String>)>| -> Vec<String> {
            found.into_iter().map(|(id, _)| id).collect()
        };
        for (said, expected) in [
            (HeartbeatStatus::Degraded, &["a", "b"][..]),
            (HeartbeatStatus::Offline, &["b"][..]),
            (HeartbeatStatus::Active, &["a", "b"][..]),
        ] {
            world.ains.heartbeat(a.clone(), beat(said)).await.unwrap();
            assert_eq!(ids(world.found(anyone()).await), expected);
            assert_eq!(world.ains.leaderboard(&Viewer::Everything, 10, 0).len(), 2);
        }
        world
            .ains
            .change_agent(
                b.clone(),
                AgentChange {
                    draining: Some(true),
                    ..AgentChange::default()
                },
            )
            .await
            .unwrap();
        assert_eq!(ids(world.found(anyone()).await), ["a", "b"], "it is still there");
        world.wait(901);
        while !world.found(anyone()).await.is_empty() {
            world.ains.check_timeouts().await.unwrap();
        }
        assert_eq!(
            world.ains.leaderboard(&Viewer::Everything, 10, 0).len(),
            2,
            "both fell silent"
        );
    });
}

fn what_is_removed_is_forgotten_and_may_come_back(db: &TestDb) {
    tell(db, |world| async move {
        let a = world.agent("a", 1).await;
        world.publish(&a, "sort", 2.0).await;
        world
            .ains
            .adjust_trust(&Actor::NOBODY, a.clone(), 0.3, "good".into())
            .await
            .unwrap();
        world
            .ains
            .remove_agent(&Actor::NOBODY, a.clone(), false)
            .await
            .unwrap();
        assert_eq!(world.found(anyone()).await, []);
        assert_eq!(world.ains.leaderboard(&Viewer::Everything, 10, 0), []);
        let mut again = an_agent("a");
        again.display_name = "A second one".into();
        world.register(again).await;
        assert_eq!(world.found(anyone()).await, found(&[("a", &[])]));
        let leader = world.ains.leaderboard(&Viewer::Everything, 10, 0).remove(0);
        assert_eq!(
            (leader.trust, leader.display_name.as_str()),
            (TrustScore::INITIAL, "A second one")
        );
    });
}

fn an_end_moves_an_agent_on_the_leaderboard_at_once(db: &TestDb) {
    tell(db, |world| async move {
        let mut agents = Vec::new();
        for name in ["a", "b", "c"] {
            let agent = world.agent(name, 10).await;
            world.claim(&agent, 1).await;
            agents.push(agent);
        }
        let leaders = |min| -> Vec<AgentId> {
            let leaders = world.ains.leaderboard(&Viewer::Everything, 10, min).into_iter();
            leaders.map(|card| card.id).collect()
        };
        assert_eq!(leaders(0), agents);
        for (agent, times) in [(1, 3), (2, 12), (0, 12)] {
            for task in world.submit("c", times).await {
                world.end(&agents[agent], task.id, ReportKind::Complete).await;
            }
        }
        // Two at the top, who completed as many: by id.
        let [a, b, c] = [0, 1, 2].map(|agent| agents[agent].clone());
        assert_eq!(leaders(0), [a.clone(), c.clone(), b]);
        assert_eq!(leaders(4), [a, c]);
        assert_eq!(leaders(13), []);
        assert_eq!(world.ains.leaderboard(&Viewer::Everything, 1, 0)[0].completed, 12);
    });
}
