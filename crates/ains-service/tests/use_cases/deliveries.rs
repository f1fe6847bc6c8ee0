//! Deliveries to webhooks: when they are tried, in which order, and what becomes of them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ains_core::webhook::{DeliveryState, Outcome, Webhook};
use ains_core::{DeliveryId, Mint, WebhookId};
use ains_service::{Actor, Error, StoredDelivery};
use ains_store::deliveries::{self, NewDelivery};
use ains_testkit::TestDb;
use rand::SeedableRng as _;

use crate::receivers::failed;
use crate::webhooks::{create, test, until};
use crate::world::{World, tell};

ains_testkit::contract!(
    a_delivery_follows_the_plan_until_it_is_dead,
    a_dead_delivery_is_delivered_again_with_the_same_id_and_body,
    a_receiver_that_asks_to_be_left_alone_is,
    a_receiver_that_is_gone_is_called_no_more,
    deliveries_of_a_subject_arrive_in_order,
    a_target_that_does_not_answer_holds_up_nobody_else,
    what_a_killed_server_had_claimed_is_sent_again,
    two_servers_deliver_each_once,
    a_server_that_stops_gives_back_what_it_has_not_sent,
    what_was_not_told_to_a_webhook_that_ends_is_cancelled,
);

static SEED: AtomicU64 = AtomicU64::new(1000);

/// Stores deliveries as a transaction does in which something happened: (subject, how often).
async fn happen(world: &World, hook: &Webhook, subjects: &[&str]) -> Vec<DeliveryId> {
    let now = world.ains.now();
    let mut mint = Mint::default();
    // Others than those before.
    let mut rng = rand::rngs::StdRng::seed_from_u64(SEED.fetch_add(1, Ordering::Relaxed));
    let new = |(number, subject): (usize, &&str)| NewDelivery {
        id: DeliveryId::mint(&mut mint, now, &mut rng),
        webhook: hook.id,
        event_type: "task.completed".to_owned(),
        subject: (*subject).to_owned(),
        body: format!(r#"{{"n":{number}}}"#),
        created_at: now,
    };
    let all: Vec<NewDelivery> = subjects.iter().enumerate().map(new).collect();
    let ids = all.iter().map(|new| new.id).collect();
    world.store(move |conn| deliveries::insert(conn, &all)).await;
    world.ains.deliver_now();
    ids
}

async fn ended(world: &World, hook: WebhookId, state: DeliveryState) -> StoredDelivery {
    until(&world.ains, hook, |delivery| delivery.state == state).await
}

/// Waits until the newest delivery of a webhook was answered with `code`.
async fn tried(world: &World, hook: WebhookId, code: i32) -> StoredDelivery {
    until(&world.ains, hook, |delivery| delivery.response_code == Some(code)).await
}

fn a_delivery_follows_the_plan_until_it_is_dead(db: &TestDb) {
    tell(db, async |world| {
        let hook = create(&world.ains, "https://a").await;
        world.receivers.answer("https://a", (501..510).map(failed));
        let delivery = test(&world.ains, hook.id).await;
        let plan = [5, 30, 300, 1800, 7200, 21_600, 43_200, 86_400];
        for (tries, wait) in (1..).zip(plan) {
            let waiting = tried(&world, hook.id, 500 + tries).await;
            let due = waiting.due_at.unwrap().since(world.ains.now()).as_secs_f64();
            assert!((0.9..=1.1).contains(&(due / f64::from(wait))), "{due} of {wait}");
            assert_eq!(
                i32::try_from(world.receivers.seen().len()),
                Ok(tries),
                "not before its time"
            );
            world
                .clock
                .advance(Duration::from_secs_f64(due) + Duration::from_micros(1));
            world.ains.deliver_now();
        }
        let dead = ended(&world, hook.id, DeliveryState::Dead).await;
        assert_eq!((dead.attempt_count, dead.response_code), (9, Some(509)));
        assert_eq!(dead.error.as_deref(), Some("answered with 509"));
        let seen = world.receivers.seen();
        assert_eq!(seen.len(), 9);
        assert!(
            seen.iter()
                .all(|one| one.id == delivery.id && one.body == seen[0].body)
        );
        assert!(
            seen.is_sorted_by(|a, b| a.at < b.at),
            "each has the time of its attempt"
        );
    });
}

fn a_dead_delivery_is_delivered_again_with_the_same_id_and_body(db: &TestDb) {
    tell(db, async |world| {
        let hook = create(&world.ains, "https://a").await;
        let delivery = test(&world.ains, hook.id).await;
        ended(&world, hook.id, DeliveryState::Delivered).await;
        world.receivers.hush("https://a");
        let again = world.ains.redeliver(delivery.id, None).await.unwrap();
        assert_eq!((again.state, again.attempt_count), (DeliveryState::Pending, 0));
        let refused = world.ains.redeliver(delivery.id, None).await;
        assert!(matches!(refused, Err(Error::DeliveryPending)), "{refused:?}");
        world.receivers.speak("https://a", 1);
        let again = ended(&world, hook.id, DeliveryState::Delivered).await;
        assert_eq!((again.id, again.attempt_count), (delivery.id, 1));
        let seen = world.receivers.seen();
        assert_eq!(seen.len(), 2);
        assert_eq!((seen[0].id, &seen[0].body), (seen[1].id, &seen[1].body));
    });
}

fn a_receiver_that_asks_to_be_left_alone_is(db: &TestDb) {
    tell(db, async |world| {
        let hook = create(&world.ains, "https://a").await;
        let busy = Outcome::Failed {
            code: Some(429),
            error: "answered with 429".to_owned(),
            retry_after: Some(Duration::from_secs(600)),
        };
        world.receivers.answer("https://a", [busy]);
        test(&world.ains, hook.id).await;
        let waiting = tried(&world, hook.id, 429).await;
        assert_eq!(waiting.due_at, Some(world.ains.now() + Duration::from_secs(600)));
        world.wait(600);
        world.ains.deliver_now();
        let done = ended(&world, hook.id, DeliveryState::Delivered).await;
        assert_eq!((done.attempt_count, done.error), (2, None));
    });
}

fn a_receiver_that_is_gone_is_called_no_more(db: &TestDb) {
    tell(db, async |world| {
        let hook = create(&world.ains, "https://a").await;
        world.receivers.answer("https://a", [Outcome::Gone]);
        let ids = happen(&world, &hook, &["a", "a", "a"]).await;
        ended(&world, hook.id, DeliveryState::Cancelled).await;
        assert!(!world.ains.webhook(hook.id).await.unwrap().active);
        assert_eq!(world.receivers.seen().len(), 1);
        let all = world.ains.deliveries(hook.id, None, 10).await.unwrap();
        assert!(
            all.iter().all(|one| one.state == DeliveryState::Cancelled),
            "{all:?}"
        );
        assert_eq!((all[2].id, all[2].response_code), (ids[0], Some(410)));
        // What was told meanwhile by who did not know is cancelled, too.
        happen(&world, &hook, &["b"]).await;
        ended(&world, hook.id, DeliveryState::Cancelled).await;
        assert_eq!(world.receivers.seen().len(), 1);
    });
}

fn deliveries_of_a_subject_arrive_in_order(db: &TestDb) {
    tell(db, async |world| {
        let hook = create(&world.ains, "https://a").await;
        world.receivers.answer("https://a", [failed(500)]);
        let ids = happen(&world, &hook, &["a", "a", "a"]).await;
        world.receivers.begun(1).await;
        let oldest = async || {
            world
                .ains
                .deliveries(hook.id, None, 3)
                .await
                .unwrap()
                .pop()
                .unwrap()
        };
        while oldest().await.error.is_none() {
            tokio::task::yield_now().await;
        }
        let others = happen(&world, &hook, &["b"]).await;
        world.receivers.begun(2).await;
        world.wait(6);
        world.ains.deliver_now();
        let seen: Vec<DeliveryId> = world.receivers.begun(5).await.iter().map(|one| one.id).collect();
        assert_eq!(seen, [ids[0], others[0], ids[0], ids[1], ids[2]]);
    });
}

fn a_target_that_does_not_answer_holds_up_nobody_else(db: &TestDb) {
    tell(db, async |world| {
        let dead = create(&world.ains, "https://dead").await;
        let alive = create(&world.ains, "https://alive").await;
        world.receivers.hush("https://dead");
        let subjects: Vec<String> = (0..50).map(|number| number.to_string()).collect();
        let subjects: Vec<&str> = subjects.iter().map(String::as_str).collect();
        happen(&world, &dead, &subjects).await;
        world.receivers.begun(4).await;
        happen(&world, &alive, &subjects).await;
        let seen = world.receivers.begun(54).await;
        let at = |url: &str| seen.iter().filter(|one| &*one.url == url).count();
        assert_eq!((at("https://dead"), at("https://alive")), (4, 50));
        assert_eq!(world.receivers.most_at_once("https://dead"), 4);
        world.receivers.speak("https://dead", 50);
        world.receivers.begun(100).await;
        assert!(world.receivers.most_at_once("https://alive") <= 4);
    });
}

fn what_a_killed_server_had_claimed_is_sent_again(db: &TestDb) {
    tell(db, async |world| {
        let hook = create(&world.ains, "https://a").await;
        let (id, now) = (hook.id, world.ains.now());
        let lease = now + Duration::from_secs(60);
        let other = happen_quietly(&world, &hook).await;
        world
            .store(move |conn| {
                let claim = deliveries::claim(conn, id, now, lease, 10)?;
                assert_eq!(claim.taken.len(), 1);
                Ok(())
            })
            .await;
        world.ains.deliver_now();
        world.wait(59);
        test(&world.ains, hook.id).await;
        ended(&world, hook.id, DeliveryState::Delivered).await;
        assert_eq!(world.receivers.seen().len(), 1, "only the test");
        world.wait(1);
        world.ains.deliver_now();
        let seen = world.receivers.begun(2).await;
        assert_eq!(seen[1].id, other);
    });
}

/// A delivery that the sender has not been told of, and that is not due yet for it.
async fn happen_quietly(world: &World, hook: &Webhook) -> DeliveryId {
    let id: DeliveryId = "delivery_019b76da7800700080000000000000aa".parse().unwrap();
    let new = NewDelivery {
        id,
        webhook: hook.id,
        event_type: "task.completed".to_owned(),
        subject: "a".to_owned(),
        body: "{}".to_owned(),
        created_at: world.ains.now(),
    };
    world.store(move |conn| deliveries::insert(conn, &[new])).await;
    id
}

fn two_servers_deliver_each_once(db: &TestDb) {
    tell(db, async |world| {
        let Some(second) = world.another().await else {
            return;
        };
        let hook = create(&world.ains, "https://a").await;
        let subjects: Vec<String> = (0..100).map(|number| (number % 40).to_string()).collect();
        let subjects: Vec<&str> = subjects.iter().map(String::as_str).collect();
        let ids = happen(&world, &hook, &subjects).await;
        second.deliver_now();
        world.receivers.begun(100).await;
        let mut done = 0;
        while done < 100 {
            let all = world.ains.deliveries(hook.id, None, 200).await.unwrap();
            done = all
                .iter()
                .filter(|one| one.state == DeliveryState::Delivered)
                .count();
            world.ains.deliver_now();
        }
        let seen = world.receivers.seen();
        assert_eq!(seen.len(), 100);
        let place = |id: DeliveryId| seen.iter().position(|one| one.id == id).unwrap();
        for (early, late) in (0..60).map(|number| (number, number + 40)) {
            assert!(place(ids[early]) < place(ids[late]), "{early} before {late}");
        }
        second.stop().await;
    });
}

fn a_server_that_stops_gives_back_what_it_has_not_sent(db: &TestDb) {
    tell(db, async |world| {
        let hook = create(&world.ains, "https://a").await;
        world.receivers.hush("https://a");
        happen(&world, &hook, &["a", "b", "c", "d", "e", "f"]).await;
        world.receivers.begun(4).await;
        let receivers = world.receivers.clone();
        let stopped = world.restarted();
        receivers.speak("https://a", 100);
        let world = stopped.await;
        let seen = receivers.begun(6).await;
        assert_eq!(seen.len(), 6, "those that were under way were finished");
        let all = world.ains.deliveries(hook.id, None, 10).await.unwrap();
        assert!(all.iter().all(|one| one.attempt_count == 1), "{all:?}");
        world.ains.stop().await;
    });
}

fn what_was_not_told_to_a_webhook_that_ends_is_cancelled(db: &TestDb) {
    tell(db, async |world| {
        let hook = create(&world.ains, "https://a").await;
        world.receivers.answer("https://a", [failed(500)]);
        happen(&world, &hook, &["a", "a"]).await;
        world.receivers.begun(1).await;
        world
            .ains
            .delete_webhook(&Actor::NOBODY, hook.id, None)
            .await
            .unwrap();
        world.wait(60);
        world.ains.deliver_now();
        ended(&world, hook.id, DeliveryState::Cancelled).await;
        let all = world.ains.deliveries(hook.id, None, 10).await.unwrap();
        assert!(
            all.iter().all(|one| one.state == DeliveryState::Cancelled),
            "{all:?}"
        );
        assert_eq!(world.receivers.seen().len(), 1);
    });
}
