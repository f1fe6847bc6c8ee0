//! Webhooks: who may do what, and what is shown.

use ains_core::WebhookId;
use ains_core::webhook::{DeliveryState, MAX_OF_ONE, Webhook};
use ains_service::{
    Actor, Ains, Answer, Error, NewWebhook, Once, StoredDelivery, WebhookFilter, WebhookMade,
};
use ains_testkit::TestDb;

use crate::world::tell;

ains_testkit::contract!(
    a_secret_is_shown_when_the_server_made_it,
    a_webhook_is_created_once_however_often_it_is_asked_for,
    a_refused_address_is_not_stored,
    an_owner_has_a_bounded_number_of_active_webhooks,
    webhooks_are_listed_by_owner,
    only_the_owner_ends_a_webhook,
    a_webhook_that_is_called_no_more_takes_no_orders,
    what_does_not_exist_is_not_found,
);

pub(crate) fn new(owner: &str, url: &str) -> NewWebhook {
    NewWebhook {
        clients_only: false,
        owner: owner.parse().unwrap(),
        url: url.into(),
        events: vec!["task.*".parse().unwrap()],
        secret: Some("a secret".parse().unwrap()),
    }
}

pub(crate) async fn create(ains: &Ains, url: &str) -> Webhook {
    match ains.create_webhook(new("c", url), None).await.unwrap() {
        Answer::Fresh(made) => made.webhook,
        Answer::Replayed(answer) => panic!("replayed {answer}"),
    }
}

/// Has a webhook tested; the delivery.
pub(crate) async fn test(ains: &Ains, id: WebhookId) -> StoredDelivery {
    match ains.test_webhook(id, None, None).await.unwrap() {
        Answer::Fresh(delivery) => delivery,
        Answer::Replayed(answer) => panic!("replayed {answer}"),
    }
}

/// Waits until the newest delivery of a webhook is as it should be.
pub(crate) async fn until(
    ains: &Ains,
    id: WebhookId,
    what: impl Fn(&StoredDelivery) -> bool,
) -> StoredDelivery {
    let look = async {
        loop {
            let newest = ains.deliveries(id, None, 1).await.unwrap().pop();
            match newest {
                Some(delivery) if what(&delivery) => return delivery,
                _ => tokio::task::yield_now().await,
            }
        }
    };
    let found = tokio::time::timeout(std::time::Duration::from_secs(30), look).await;
    found.expect("it becomes so")
}

fn a_secret_is_shown_when_the_server_made_it(db: &TestDb) {
    tell(db, async |world| {
        let given = world
            .ains
            .create_webhook(new("c", "https://a"), None)
            .await
            .unwrap();
        let Answer::Fresh(given) = given else {
            panic!("{given:?}")
        };
        assert_eq!(given.secret, None);
        let without = NewWebhook {
            secret: None,
            ..new("c", "https://a")
        };
        let made = world.ains.create_webhook(without, None).await.unwrap();
        let Answer::Fresh(made) = made else {
            panic!("{made:?}")
        };
        let shown = made.secret.as_ref().expect("it is shown");
        assert!(shown.reveal().starts_with("whsec_"));
        let rotated = world
            .ains
            .rotate_secret(made.webhook.id, None, None)
            .await
            .unwrap();
        assert!(rotated.secret.is_some());
        assert_ne!(rotated.secret, made.secret);
        let stored = world.ains.webhook(made.webhook.id).await.unwrap();
        assert_eq!(stored, rotated.webhook);
        assert_eq!(stored.secrets_at(world.ains.now()).len(), 2);
        let given = Some("another".parse().unwrap());
        let rotated = world
            .ains
            .rotate_secret(made.webhook.id, None, given)
            .await
            .unwrap();
        assert_eq!(rotated.secret, None);
    });
}

fn once(fingerprint: &str) -> Once<WebhookMade> {
    Once {
        scope: "s".to_owned(),
        key: "k".to_owned(),
        fingerprint: fingerprint.to_owned(),
        render: Box::new(|made| made.webhook.id.to_string()),
    }
}

fn a_webhook_is_created_once_however_often_it_is_asked_for(db: &TestDb) {
    tell(db, async |world| {
        let create = || world.ains.create_webhook(new("c", "https://a"), Some(once("f")));
        let (first, second) = tokio::join!(create(), create());
        let mut ids = Vec::new();
        for answer in [first.unwrap(), second.unwrap(), create().await.unwrap()] {
            ids.push(match answer {
                Answer::Fresh(made) => made.webhook.id.to_string(),
                Answer::Replayed(answer) => answer,
            });
        }
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        let other = world
            .ains
            .create_webhook(new("c", "https://b"), Some(once("g")))
            .await;
        assert!(matches!(other, Err(Error::KeyReused)), "{other:?}");
    });
}

fn a_refused_address_is_not_stored(db: &TestDb) {
    tell(db, async |world| {
        let refused = world.ains.create_webhook(new("c", "https://private"), None).await;
        let Err(Error::RefusedAddress(reason)) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(reason, "leads to a private address");
        let all = WebhookFilter {
            limit: 10,
            ..WebhookFilter::default()
        };
        assert_eq!(world.ains.webhooks(all).await.unwrap(), []);
    });
}

fn an_owner_has_a_bounded_number_of_active_webhooks(db: &TestDb) {
    tell(db, async |world| {
        let mut first = None;
        for _ in 0..MAX_OF_ONE {
            let hook = create(&world.ains, "https://a").await;
            first.get_or_insert(hook.id);
        }
        let more = world.ains.create_webhook(new("c", "https://a"), None).await;
        assert!(
            matches!(more, Err(Error::TooManyWebhooksOfOne(MAX_OF_ONE))),
            "{more:?}"
        );
        let other = world.ains.create_webhook(new("other", "https://a"), None).await;
        assert!(other.is_ok(), "{other:?}");
        world
            .ains
            .delete_webhook(&Actor::NOBODY, first.unwrap(), None)
            .await
            .unwrap();
        create(&world.ains, "https://a").await;
    });
}

fn webhooks_are_listed_by_owner(db: &TestDb) {
    tell(db, async |world| {
        let first = create(&world.ains, "https://a").await;
        let second = create(&world.ains, "https://b").await;
        world
            .ains
            .create_webhook(new("other", "https://c"), None)
            .await
            .unwrap();
        let listed = async |active_only| {
            let filter = WebhookFilter {
                owner: Some("c".parse().unwrap()),
                active_only,
                before: None,
                limit: 10,
            };
            let listed = world.ains.webhooks(filter).await.unwrap();
            listed.into_iter().map(|hook| hook.id).collect::<Vec<_>>()
        };
        assert_eq!(listed(true).await, [second.id, first.id]);
        world
            .ains
            .delete_webhook(&Actor::NOBODY, second.id, None)
            .await
            .unwrap();
        assert_eq!(listed(true).await, [first.id]);
        assert_eq!(listed(false).await, [second.id, first.id]);
    });
}

fn only_the_owner_ends_a_webhook(db: &TestDb) {
    tell(db, async |world| {
        let hook = create(&world.ains, "https://a").await;
        let other = Some("other".parse().unwrap());
        let refused = world
            .ains
            .delete_webhook(&Actor::NOBODY, hook.id, other.clone())
            .await;
        assert!(matches!(refused, Err(Error::NotTheWebhooksOwner)), "{refused:?}");
        let refused = world.ains.rotate_secret(hook.id, other.clone(), None).await;
        assert!(matches!(refused, Err(Error::NotTheWebhooksOwner)), "{refused:?}");
        let refused = world.ains.test_webhook(hook.id, other, None).await;
        assert!(matches!(refused, Err(Error::NotTheWebhooksOwner)), "{refused:?}");
        assert_eq!(world.ains.webhook(hook.id).await.unwrap(), hook);
        for _ in 0..2 {
            let owner = Some(hook.owner.clone());
            world
                .ains
                .delete_webhook(&Actor::NOBODY, hook.id, owner)
                .await
                .unwrap();
            assert!(!world.ains.webhook(hook.id).await.unwrap().active);
        }
    });
}

fn a_webhook_that_is_called_no_more_takes_no_orders(db: &TestDb) {
    tell(db, async |world| {
        let hook = create(&world.ains, "https://a").await;
        let delivery = test(&world.ains, hook.id).await;
        until(&world.ains, hook.id, |one| one.state == DeliveryState::Delivered).await;
        world
            .ains
            .delete_webhook(&Actor::NOBODY, hook.id, None)
            .await
            .unwrap();
        let refused = world.ains.test_webhook(hook.id, None, None).await;
        assert!(matches!(refused, Err(Error::WebhookInactive)), "{refused:?}");
        let refused = world.ains.rotate_secret(hook.id, None, None).await;
        assert!(matches!(refused, Err(Error::WebhookInactive)), "{refused:?}");
        let refused = world.ains.redeliver(delivery.id, None).await;
        assert!(matches!(refused, Err(Error::WebhookInactive)), "{refused:?}");
    });
}

fn what_does_not_exist_is_not_found(db: &TestDb) {
    tell(db, async |world| {
        let id: WebhookId = "webhook_ffffffffffffffffffffffffffffffff".parse().unwrap();
        let delivery = "delivery_ffffffffffffffffffffffffffffffff".parse().unwrap();
        let entity = |error: Error| match error {
            Error::NotFound { entity, .. } => entity,
            other => panic!("{other:?}"),
        };
        assert_eq!(entity(world.ains.webhook(id).await.unwrap_err()), "Webhook");
        assert_eq!(
            entity(
                world
                    .ains
                    .delete_webhook(&Actor::NOBODY, id, None)
                    .await
                    .unwrap_err()
            ),
            "Webhook"
        );
        assert_eq!(
            entity(world.ains.deliveries(id, None, 1).await.unwrap_err()),
            "Webhook"
        );
        assert_eq!(
            entity(world.ains.test_webhook(id, None, None).await.unwrap_err()),
            "Webhook"
        );
        assert_eq!(
            entity(world.ains.redeliver(delivery, None).await.unwrap_err()),
            "Delivery"
        );
    });
}
