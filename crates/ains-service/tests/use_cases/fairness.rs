//! Whose turn it is.

use std::collections::BTreeMap;

use ains_core::fair::Weight;
use ains_core::routing::Strategy;
use ains_testkit::TestDb;

use crate::world::{a_task, an_agent, tell};

ains_testkit::contract!(
    a_late_client_is_served_within_the_next_hand_outs,
    priorities_go_first_but_the_lowest_does_not_starve,
    a_heavier_client_gets_its_share,
    round_robin_spreads_evenly,
    an_agent_of_several_capabilities_takes_turns_among_them,
);

fn a_late_client_is_served_within_the_next_hand_outs(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 1000).await;
        world.claim(&agent, 1).await;
        for _ in 0..5 {
            world.submit("big", 1000).await;
        }
        world.claim(&agent, 100).await;
        world.submit("small", 10).await;
        let mut order = Vec::new();
        for _ in 0..30 {
            order.extend(world.claim(&agent, 1).await);
        }
        let last = order
            .iter()
            .rposition(|stored| stored.task.client.as_str() == "small");
        let small = order
            .iter()
            .filter(|stored| stored.task.client.as_str() == "small")
            .count();
        assert_eq!(small, 10, "all within 30 hand-outs");
        assert!(last < Some(24), "{last:?}");
    });
}

fn priorities_go_first_but_the_lowest_does_not_starve(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 1000).await;
        world.claim(&agent, 1).await;
        for priority in [1, 5, 10] {
            let tasks = (0..50).map(|_| {
                let mut new = a_task("c");
                new.spec.priority = priority;
                new
            });
            world.submit_all(tasks.collect()).await;
        }
        let mut order = Vec::new();
        for _ in 0..24 {
            order.extend(
                world
                    .claim(&agent, 1)
                    .await
                    .iter()
                    .map(|stored| stored.task.priority),
            );
        }
        let mut expected = vec![10; 24];
        (expected[7], expected[15], expected[23]) = (1, 5, 1);
        assert_eq!(order, expected);
        let batch: Vec<u8> = world
            .claim(&agent, 16)
            .await
            .iter()
            .map(|stored| stored.task.priority)
            .collect();
        assert_eq!(
            batch.iter().filter(|priority| **priority == 10).count(),
            14,
            "{batch:?}"
        );
    });
}

fn a_heavier_client_gets_its_share(db: &TestDb) {
    tell(db, |world| async move {
        world
            .ains
            .set_weight("heavy".parse().unwrap(), Weight::new(3.0).unwrap())
            .await
            .unwrap();
        let agent = world.agent("a", 1000).await;
        world.claim(&agent, 1).await;
        world.submit("light", 100).await;
        world.submit("heavy", 100).await;
        let claimed = world.claim(&agent, 40).await;
        let heavy = claimed
            .iter()
            .filter(|stored| stored.task.client.as_str() == "heavy")
            .count();
        assert!((29..=31).contains(&heavy), "{heavy} of 40");
    });
}

fn round_robin_spreads_evenly(db: &TestDb) {
    tell(db, |world| async move {
        for name in ["a", "b", "c"] {
            world.agent(name, 100).await;
        }
        let mut counts: BTreeMap<_, usize> = BTreeMap::new();
        for task in world.submit("c", 100).await {
            *counts.entry(task.agent.unwrap()).or_default() += 1;
        }
        let (least, most) = (counts.values().min(), counts.values().max());
        assert!(
            counts.len() == 3 && most.zip(least).is_some_and(|(most, least)| most - least <= 1),
            "{counts:?}"
        );
        let mut new = a_task("c");
        new.spec.strategy = Strategy::LeastLoaded;
        assert!(world.submit_all(vec![new]).await[0].agent.is_some());
    });
}

fn an_agent_of_several_capabilities_takes_turns_among_them(db: &TestDb) {
    tell(db, |world| async move {
        let mut agent = an_agent("a");
        agent.tags.push("image:v1".parse().unwrap());
        agent.max_concurrency = 100;
        let agent = world.register(agent).await;
        world.claim(&agent, 1).await;
        world.submit("c", 20).await;
        let images = (0..20).map(|_| {
            let mut new = a_task("c");
            new.spec.capability = "image:v1".parse().unwrap();
            new
        });
        world.submit_all(images.collect()).await;
        let claimed = world.claim(&agent, 10).await;
        let images = claimed
            .iter()
            .filter(|stored| stored.task.capability.as_str() == "image:v1")
            .count();
        assert_eq!(images, 5);
    });
}
