//! What is kept so that whoever reads the database cannot read it.

use std::time::Duration;

use ains_core::WebhookId;
use ains_core::webhook::{DeliveryState, Sealed, Secret};
use ains_service::{Actor, Answer, Error, Locked, NewWebhook, Once, WebhookMade};
use ains_store::{idempotency, webhooks};
use ains_testkit::{Backend, TestDb};

use crate::webhooks::{create, new, test, until};
use crate::world::{SECRET_KEY, World, tell};

ains_testkit::contract!(
    no_secret_of_a_webhook_is_stored_in_the_clear,
    an_answer_that_shows_a_secret_is_kept_sealed,
    secrets_of_earlier_versions_are_sealed_at_the_start,
    another_key_takes_the_place_of_one,
    what_cannot_be_signed_waits_for_its_key,
    without_a_key_no_webhook_is_registered,
);

const ANOTHER_KEY: &str = "0202020202020202020202020202020202020202020202020202020202020202";

/// Everything that the database holds of webhooks and kept answers; of SQLite all of its files.
async fn stored(db: &TestDb, world: &World) -> Vec<u8> {
    let mut stored = world
        .store(|conn| {
            let hooks = webhooks::lock_secrets(conn, None, 1000)?;
            let secrets = hooks.iter().flat_map(|(_, secret, previous)| {
                [Some(secret.as_str()), previous.as_ref().map(Sealed::as_str)]
            });
            let mut all: Vec<u8> = secrets.flatten().flat_map(str::bytes).collect();
            let kept = idempotency::find(conn, "s", "k", ains_core::Timestamp::from_micros(0))?;
            all.extend(kept.into_iter().flat_map(|kept| kept.answer.into_bytes()));
            Ok(all)
        })
        .await;
    if db.backend() == Backend::Sqlite {
        let path = db.url().strip_prefix("sqlite://").unwrap().to_owned();
        for suffix in ["", "-wal", "-shm"] {
            stored.extend(std::fs::read(format!("{path}{suffix}")).unwrap_or_default());
        }
    }
    stored
}

fn holds(stored: &[u8], text: &str) -> bool {
    stored.windows(text.len()).any(|window| window == text.as_bytes())
}

fn given(secret: &str) -> NewWebhook {
    NewWebhook {
        secret: Some(secret.parse().unwrap()),
        ..new("c", "https://a")
    }
}

async fn made(world: &World, new: NewWebhook, once: Option<Once<WebhookMade>>) -> WebhookMade {
    match world.ains.create_webhook(new, once).await.unwrap() {
        Answer::Fresh(made) => made,
        Answer::Replayed(answer) => panic!("replayed {answer}"),
    }
}

/// The secrets that sign what is sent next to a webhook.
async fn signing(world: &World, id: WebhookId) -> Vec<String> {
    let before = world.receivers.seen().len();
    test(&world.ains, id).await;
    let attempts = world.receivers.begun(before + 1).await;
    let secrets = &attempts.last().unwrap().secrets;
    secrets.iter().map(|secret| secret.reveal().to_owned()).collect()
}

fn no_secret_of_a_webhook_is_stored_in_the_clear(db: &TestDb) {
    tell(db, |world| async move {
        let hook = made(&world, given("hunter-two"), None).await.webhook;
        let rotated = world.ains.rotate_secret(hook.id, None, None).await.unwrap();
        let shown = rotated.secret.as_ref().map(Secret::reveal).unwrap().to_owned();
        assert_eq!(signing(&world, hook.id).await, [&*shown, "hunter-two"]);
        let stored = stored(db, &world).await;
        assert!(!holds(&stored, "hunter-two") && !holds(&stored, &shown));
        assert!(!holds(&stored, shown.strip_prefix("whsec_").unwrap()));
        // A restart changes nothing about it.
        let world = world.restarted().await;
        assert_eq!(signing(&world, hook.id).await, [&*shown, "hunter-two"]);
    });
}

fn an_answer_that_shows_a_secret_is_kept_sealed(db: &TestDb) {
    let once = || Once {
        scope: "s".to_owned(),
        key: "k".to_owned(),
        fingerprint: "f".to_owned(),
        render: Box::new(|made: &WebhookMade| made.secret.as_ref().unwrap().reveal().to_owned()),
    };
    let new = || NewWebhook {
        secret: None,
        ..new("c", "https://a")
    };
    tell(db, |world| async move {
        let first = made(&world, new(), Some(once())).await;
        let shown = first.secret.unwrap().reveal().to_owned();
        assert!(!holds(&stored(db, &world).await, &shown));
        let again = world.ains.create_webhook(new(), Some(once())).await.unwrap();
        assert!(
            matches!(&again, Answer::Replayed(answer) if *answer == shown),
            "{again:?}"
        );
        let world = world.restarted_with_keys(ANOTHER_KEY).await;
        let refused = world.ains.create_webhook(new(), Some(once())).await;
        assert!(
            matches!(refused, Err(Error::Locked(Locked::OtherKey(_)))),
            "{refused:?}"
        );
    });
}

/// Stores a secret as an earlier version did.
async fn store_in_the_clear(world: &World, id: WebhookId, secret: &'static str) {
    let clear = move || secret.parse().unwrap();
    let hook = world.ains.webhook(id).await.unwrap();
    let mut before = hook.clone();
    before.secret = clear();
    before.previous = Some((clear(), hook.updated_at + Duration::from_hours(24)));
    world
        .store(move |conn| webhooks::lock(conn, id).and_then(|_| webhooks::save(conn, &hook, &before)))
        .await;
}

fn secrets_of_earlier_versions_are_sealed_at_the_start(db: &TestDb) {
    tell(db, |world| async move {
        let first = create(&world.ains, "https://a").await.id;
        let second = create(&world.ains, "https://a").await.id;
        store_in_the_clear(&world, first, "hunter-two").await;
        store_in_the_clear(&world, second, "hunter-three").await;
        assert_eq!(signing(&world, first).await, ["hunter-two", "hunter-two"]);
        assert!(holds(&stored(db, &world).await, "hunter-two"));
        world
            .ains
            .delete_webhook(&Actor::NOBODY, second, None)
            .await
            .unwrap();
        let world = world.restarted().await;
        let stored = stored(db, &world).await;
        assert!(!holds(&stored, "hunter-two") && !holds(&stored, "hunter-three"));
        assert_eq!(signing(&world, first).await, ["hunter-two", "hunter-two"]);
    });
}

fn another_key_takes_the_place_of_one(db: &TestDb) {
    tell(db, |world| async move {
        let hook = made(&world, given("hunter-two"), None).await.webhook;
        // More than are sealed in one piece.
        for number in 0..205 {
            let new = NewWebhook {
                owner: format!("c{}", number / 100).parse().unwrap(),
                ..given("hunter-three")
            };
            made(&world, new, None).await;
        }
        let keys = format!("{ANOTHER_KEY},{SECRET_KEY}");
        let world = world.restarted_with_keys(&keys).await;
        assert_eq!(signing(&world, hook.id).await, ["hunter-two"]);
        let world = world.restarted_with_keys(ANOTHER_KEY).await;
        assert_eq!(signing(&world, hook.id).await, ["hunter-two"]);
        let hooks = world.store(|conn| webhooks::lock_secrets(conn, None, 1000)).await;
        assert_eq!(hooks.len(), 206);
        let names: std::collections::BTreeSet<&str> = hooks
            .iter()
            .map(|(_, secret, _)| secret.sealed().unwrap().split(':').nth(1).unwrap())
            .collect();
        assert_eq!(names.len(), 1, "all of them are under one key");
    });
}

fn what_cannot_be_signed_waits_for_its_key(db: &TestDb) {
    tell(db, |world| async move {
        let hook = made(&world, given("hunter-two"), None).await.webhook;
        let mut world = world;
        for keys in [ANOTHER_KEY, ""] {
            world = world.restarted_with_keys(keys).await;
            test(&world.ains, hook.id).await;
            let held = until(&world.ains, hook.id, |delivery| delivery.error.is_some()).await;
            assert_eq!((held.state, held.attempt_count), (DeliveryState::Pending, 0));
            let reason = held.error.unwrap();
            assert!(
                reason.starts_with("not sent: it is sealed under key "),
                "{reason}"
            );
        }
        assert_eq!(world.receivers.seen().len(), 0);
        let world = world.restarted().await;
        world.clock.advance(Duration::from_mins(1));
        world.ains.deliver_now();
        let attempts = world.receivers.begun(2).await;
        assert!(
            attempts
                .iter()
                .all(|attempt| attempt.secrets[0].reveal() == "hunter-two")
        );
    });
}

fn without_a_key_no_webhook_is_registered(db: &TestDb) {
    tell(db, |world| async move {
        let hook = made(&world, given("hunter-two"), None).await.webhook;
        let world = world.restarted_with_keys("").await;
        let refused = world.ains.create_webhook(given("hunter-three"), None).await;
        assert!(
            matches!(refused, Err(Error::Locked(Locked::NoKey))),
            "{refused:?}"
        );
        let refused = world.ains.rotate_secret(hook.id, None, None).await;
        assert!(
            matches!(refused, Err(Error::Locked(Locked::NoKey))),
            "{refused:?}"
        );
        // Nothing else fails.
        assert_eq!(world.ains.webhook(hook.id).await.unwrap().id, hook.id);
        world.submit("c", 1).await;
        world
            .ains
            .delete_webhook(&Actor::NOBODY, hook.id, None)
            .await
            .unwrap();
    });
}
