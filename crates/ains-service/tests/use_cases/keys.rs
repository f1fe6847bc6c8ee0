//! API keys: what opens what, until when, and who may give it.

use std::time::Duration;

use ains_core::key::Misfit;
use ains_core::{KeyId, Reach, Scope, Scopes};
use ains_service::{Actor, Ains, Error, KeyChange, KeyFilter, NewKey, Principal};
use ains_testkit::TestDb;

use crate::world::{World, tell};

ains_testkit::contract!(
    a_key_opens_what_it_is_for_until_it_expires,
    the_first_key_is_made_once,
    a_revoked_key_opens_nothing_for_ever,
    a_key_is_switched_off_and_on,
    another_server_hears_of_it_within_a_second,
    a_rotation_leaves_the_secret_before_for_its_grace,
    nobody_gives_more_than_they_have,
    a_key_that_cannot_be_is_refused,
    keys_are_kept_as_digests,
    keys_survive_a_restart,
    what_lasts_ends_with_the_secret_and_with_what_it_allowed,
    nobody_makes_a_key_that_outlives_their_own,
);

const SECOND: Duration = Duration::from_secs(1);

fn wanted() -> NewKey {
    NewKey {
        name: "k".to_owned(),
        description: None,
        client: Some("c".parse().unwrap()),
        agent: None,
        scopes: Scopes::NONE.with(Scope::TaskRead).with(Scope::KeyWrite),
        per_minute: Some(60),
        per_hour: None,
        expires_in: None,
    }
}

async fn opens(ains: &Ains, secret: &str) -> bool {
    ains.authenticate(secret, None).await.unwrap().is_some()
}

async fn whom(ains: &Ains, secret: &str) -> Principal {
    let principal = ains.authenticate(secret, None).await.unwrap();
    (*principal.expect("it opens")).clone()
}

fn a_key_opens_what_it_is_for_until_it_expires(db: &TestDb) {
    tell(db, async |world: World| {
        let expires_in = Some(Duration::from_secs(10));
        let made = world
            .ains
            .create_key(
                &Actor::NOBODY,
                NewKey {
                    expires_in,
                    ..wanted()
                },
                None,
            )
            .await
            .unwrap();
        assert!(made.secret.starts_with("ains_") && made.secret.len() == 48);
        let principal = whom(&world.ains, &made.secret).await;
        assert_eq!(principal.key, Some(made.key.id));
        assert_eq!(principal.reach, Reach::Client("c".parse().unwrap()));
        assert_eq!(principal.scopes, wanted().scopes);
        assert_eq!((principal.per_minute, principal.per_hour), (Some(60), None));
        for wrong in ["", "ains_", "k", &made.secret[1..], &format!("{}x", made.secret)] {
            assert!(!opens(&world.ains, wrong).await, "{wrong}");
        }
        // Read again and again, it is believed for a while, but not for longer than it is good.
        for _ in 0..99 {
            world.clock.advance(Duration::from_millis(100));
            assert!(opens(&world.ains, &made.secret).await);
        }
        world.clock.advance(Duration::from_millis(100));
        assert!(!opens(&world.ains, &made.secret).await);
        assert_eq!(world.ains.key(made.key.id).await.unwrap().key, made.key);
    });
}

fn the_first_key_is_made_once(db: &TestDb) {
    tell(db, async |world: World| {
        let first = world.ains.first_admin_key().await.unwrap().unwrap();
        assert!(whom(&world.ains, &first).await.is_admin());
        assert_eq!(world.ains.first_admin_key().await.unwrap(), None);
    });
}

fn a_revoked_key_opens_nothing_for_ever(db: &TestDb) {
    tell(db, async |world: World| {
        let made = world
            .ains
            .create_key(&Actor::NOBODY, wanted(), None)
            .await
            .unwrap();
        assert!(opens(&world.ains, &made.secret).await);
        let revoked = world
            .ains
            .revoke_key(&Actor::NOBODY, made.key.id, None)
            .await
            .unwrap();
        assert!(!opens(&world.ains, &made.secret).await, "at once on this server");
        world.clock.advance(SECOND);
        let again = world
            .ains
            .revoke_key(&Actor::NOBODY, made.key.id, None)
            .await
            .unwrap();
        assert_eq!(again.revoked_at, revoked.revoked_at);
        let on = KeyChange {
            active: Some(true),
            ..KeyChange::default()
        };
        let refused = world.ains.change_key(&Actor::NOBODY, made.key.id, on, None).await;
        assert!(matches!(refused, Err(Error::KeyRevoked)), "{refused:?}");
        let refused = world
            .ains
            .rotate_key(&Actor::NOBODY, made.key.id, SECOND, None)
            .await;
        assert!(matches!(refused, Err(Error::KeyRevoked)), "{refused:?}");
        assert!(!opens(&world.ains, &made.secret).await);
        let unknown: KeyId = "key_00000000000000000000000000000000".parse().unwrap();
        let missing = world.ains.revoke_key(&Actor::NOBODY, unknown, None).await;
        assert!(matches!(missing, Err(Error::NotFound { .. })), "{missing:?}");
    });
}

fn a_key_is_switched_off_and_on(db: &TestDb) {
    tell(db, async |world: World| {
        let made = world
            .ains
            .create_key(&Actor::NOBODY, wanted(), None)
            .await
            .unwrap();
        for on in [false, true] {
            let change = KeyChange {
                active: Some(on),
                ..KeyChange::default()
            };
            world
                .ains
                .change_key(&Actor::NOBODY, made.key.id, change, None)
                .await
                .unwrap();
            assert_eq!(opens(&world.ains, &made.secret).await, on);
            let filter = KeyFilter {
                active_only: true,
                limit: 10,
                ..KeyFilter::default()
            };
            let listed = world.ains.keys(filter).await.unwrap();
            assert_eq!(listed.len(), usize::from(on));
        }
    });
}

fn another_server_hears_of_it_within_a_second(db: &TestDb) {
    tell(db, async |world: World| {
        let Some(other) = world.another().await else {
            return;
        };
        let made = world
            .ains
            .create_key(&Actor::NOBODY, wanted(), None)
            .await
            .unwrap();
        assert!(opens(&other, &made.secret).await);
        world
            .ains
            .revoke_key(&Actor::NOBODY, made.key.id, None)
            .await
            .unwrap();
        world.clock.advance(SECOND);
        assert!(!opens(&other, &made.secret).await);
        other.stop().await;
    });
}

fn a_rotation_leaves_the_secret_before_for_its_grace(db: &TestDb) {
    tell(db, async |world: World| {
        let first = world
            .ains
            .create_key(&Actor::NOBODY, wanted(), None)
            .await
            .unwrap();
        let grace = Duration::from_secs(10);
        let (second, until) = world
            .ains
            .rotate_key(&Actor::NOBODY, first.key.id, grace, None)
            .await
            .unwrap();
        assert_eq!(until, world.ains.now() + grace);
        assert!(opens(&world.ains, &first.secret).await && opens(&world.ains, &second.secret).await);
        world.clock.advance(grace);
        assert!(!opens(&world.ains, &first.secret).await);
        assert!(opens(&world.ains, &second.secret).await);
        let (third, _) = world
            .ains
            .rotate_key(&Actor::NOBODY, first.key.id, grace, None)
            .await
            .unwrap();
        let (fourth, _) = world
            .ains
            .rotate_key(&Actor::NOBODY, first.key.id, Duration::ZERO, None)
            .await
            .unwrap();
        for old in [&first, &second, &third] {
            assert!(!opens(&world.ains, &old.secret).await);
        }
        let principal = whom(&world.ains, &fourth.secret).await;
        assert_eq!(principal.key, Some(first.key.id));
    });
}

fn nobody_gives_more_than_they_have(db: &TestDb) {
    tell(db, async |world: World| {
        let own = world
            .ains
            .create_key(&Actor::NOBODY, wanted(), None)
            .await
            .unwrap();
        let by = whom(&world.ains, &own.secret).await;
        let give = async |new: NewKey| {
            world
                .ains
                .create_key(&Actor::NOBODY, new, Some(&by))
                .await
                .map(|made| made.key.id)
        };
        let given = give(wanted()).await.unwrap();
        let other = NewKey {
            client: Some("d".parse().unwrap()),
            ..wanted()
        };
        assert!(matches!(give(other).await, Err(Error::NotOwner)));
        for scopes in [Scopes::ADMIN, wanted().scopes.with(Scope::TaskWrite)] {
            let more = give(NewKey { scopes, ..wanted() }).await;
            assert!(matches!(more, Err(Error::MoreThanOwn("scopes"))), "{more:?}");
        }
        for per_minute in [Some(61), None] {
            let more = give(NewKey {
                per_minute,
                ..wanted()
            })
            .await;
            assert!(matches!(more, Err(Error::MoreThanOwn("limits"))), "{more:?}");
        }
        let more = KeyChange {
            scopes: Some(Scopes::NONE.with(Scope::ChainRead)),
            ..KeyChange::default()
        };
        let refused = world
            .ains
            .change_key(&Actor::NOBODY, given, more.clone(), Some(&by))
            .await;
        assert!(
            matches!(refused, Err(Error::MoreThanOwn("scopes"))),
            "{refused:?}"
        );
        // Nor do they take hold of a key that is worth more.
        world
            .ains
            .change_key(&Actor::NOBODY, given, more, None)
            .await
            .unwrap();
        let taken = world
            .ains
            .rotate_key(&Actor::NOBODY, given, SECOND, Some(&by))
            .await;
        assert!(matches!(taken, Err(Error::MoreThanOwn("scopes"))), "{taken:?}");
        let renamed = KeyChange {
            name: Some("mine".to_owned()),
            ..KeyChange::default()
        };
        let taken = world
            .ains
            .change_key(&Actor::NOBODY, given, renamed, Some(&by))
            .await;
        assert!(matches!(taken, Err(Error::MoreThanOwn("scopes"))), "{taken:?}");
    });
}

fn a_key_that_cannot_be_is_refused(db: &TestDb) {
    tell(db, async |world: World| {
        let unbound = NewKey {
            client: None,
            ..wanted()
        };
        let refused = world.ains.create_key(&Actor::NOBODY, unbound, None).await;
        assert!(
            matches!(refused, Err(Error::KeyMisfit(Misfit::Unbound))),
            "{refused:?}"
        );
        let of_agent = NewKey {
            agent: Some("a".parse().unwrap()),
            scopes: Scopes::OF_AGENTS,
            ..wanted()
        };
        let made = world
            .ains
            .create_key(&Actor::NOBODY, of_agent, None)
            .await
            .unwrap();
        let principal = whom(&world.ains, &made.secret).await;
        assert_eq!(principal.reach, Reach::Agent("a".parse().unwrap()));
        let more = KeyChange {
            scopes: Some(Scopes::ADMIN),
            ..KeyChange::default()
        };
        let refused = world
            .ains
            .change_key(&Actor::NOBODY, made.key.id, more, None)
            .await;
        assert!(
            matches!(refused, Err(Error::KeyMisfit(Misfit::NotForAgents))),
            "{refused:?}"
        );
    });
}

fn keys_are_kept_as_digests(db: &TestDb) {
    tell(db, async |world: World| {
        let made = world
            .ains
            .create_key(&Actor::NOBODY, wanted(), None)
            .await
            .unwrap();
        assert!(!format!("{made:?}").contains(&made.secret), "not in logs either");
        let secret = made.secret.clone();
        let found = world
            .store(move |conn| ains_store::keys::open(conn, &secret))
            .await;
        assert_eq!(found, None, "the secret itself opens nothing");
    });
}

fn keys_survive_a_restart(db: &TestDb) {
    tell(db, async |world: World| {
        let kept = world
            .ains
            .create_key(&Actor::NOBODY, wanted(), None)
            .await
            .unwrap();
        let revoked = world
            .ains
            .create_key(&Actor::NOBODY, wanted(), None)
            .await
            .unwrap();
        world
            .ains
            .revoke_key(&Actor::NOBODY, revoked.key.id, None)
            .await
            .unwrap();
        let world = world.restarted().await;
        assert!(opens(&world.ains, &kept.secret).await);
        assert!(!opens(&world.ains, &revoked.secret).await);
        world.ains.stop().await;
    });
}

fn what_lasts_ends_with_the_secret_and_with_what_it_allowed(db: &TestDb) {
    tell(db, async |world: World| {
        let made = world
            .ains
            .create_key(&Actor::NOBODY, wanted(), None)
            .await
            .unwrap();
        let id = made.key.id;
        let first = whom(&world.ains, &made.secret).await;
        assert!(world.ains.is_still_good(&first).await.unwrap());
        let rotated = world
            .ains
            .rotate_key(&Actor::NOBODY, id, Duration::ZERO, None)
            .await
            .unwrap();
        world.clock.advance(SECOND);
        assert!(
            !world.ains.is_still_good(&first).await.unwrap(),
            "its secret is gone"
        );
        let second = whom(&world.ains, &rotated.0.secret).await;
        assert!(world.ains.is_still_good(&second).await.unwrap());
        let less = KeyChange {
            scopes: Some(Scopes::NONE),
            ..KeyChange::default()
        };
        world
            .ains
            .change_key(&Actor::NOBODY, id, less, None)
            .await
            .unwrap();
        world.clock.advance(SECOND);
        assert!(
            !world.ains.is_still_good(&second).await.unwrap(),
            "it allows less"
        );
    });
}

fn nobody_makes_a_key_that_outlives_their_own(db: &TestDb) {
    tell(db, async |world: World| {
        let expires_in = Some(Duration::from_secs(100));
        let own = NewKey {
            expires_in,
            ..wanted()
        };
        let own = world.ains.create_key(&Actor::NOBODY, own, None).await.unwrap();
        let by = whom(&world.ains, &own.secret).await;
        let longer = world.ains.create_key(&Actor::NOBODY, wanted(), Some(&by)).await;
        assert!(matches!(longer, Err(Error::MoreThanOwn("days"))), "{longer:?}");
        let expires_in = Some(Duration::from_secs(99));
        let shorter = NewKey {
            expires_in,
            ..wanted()
        };
        world
            .ains
            .create_key(&Actor::NOBODY, shorter, Some(&by))
            .await
            .unwrap();
    });
}
