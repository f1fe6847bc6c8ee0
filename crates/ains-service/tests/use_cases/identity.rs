//! Agents prove who they are, and change their keys.

use std::sync::Arc;

use ains_core::identity::{registration, rotation};
use ains_core::{AgentId, Timestamp};
use ains_service::{Actor, Ains, Error, KeyRotation, Settings};
use ains_store::{Options, Store};
use ains_testkit::TestDb;
use ed25519_dalek::{Signer as _, SigningKey};

use crate::world::{World, an_agent, tell};

ains_testkit::contract!(
    only_the_holder_of_a_key_registers_with_it,
    a_key_is_changed_by_the_holder_of_both,
    without_verification_hex_will_do,
);

const ENDPOINT: &str = "http://a.example";

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn public(key: &SigningKey) -> String {
    hex::encode(key.verifying_key().as_bytes())
}

fn sign(key: &SigningKey, text: &str) -> String {
    hex::encode(key.sign(text.as_bytes()).to_bytes())
}

fn id() -> AgentId {
    "a".parse().unwrap()
}

/// What makes `new` the key where `old` is.
fn change(old: &SigningKey, new: &SigningKey) -> KeyRotation {
    KeyRotation {
        public_key: public(new),
        signature: sign(new, &registration(&id(), ENDPOINT)),
        proof: sign(old, &rotation(&id(), &public(new))),
    }
}

/// The same database with a service that verifies signatures.
async fn verifying(world: World, db: &TestDb) -> Ains {
    world.ains.stop().await;
    let options = Options::new(db.url().parse().unwrap());
    let store = tokio::task::spawn_blocking(move || Store::open(&options).unwrap())
        .await
        .unwrap();
    Ains::start(store, Settings::default(), Arc::new(world.clock))
        .await
        .unwrap()
}

fn refused<T: std::fmt::Debug>(outcome: Result<T, Error>) -> String {
    match outcome {
        Err(Error::InvalidSignature(reason)) => reason.to_string(),
        other => panic!("{other:?}"),
    }
}

fn only_the_holder_of_a_key_registers_with_it(db: &TestDb) {
    tell(db, |world| async move {
        let ains = verifying(world, db).await;
        let mut agent = an_agent("a");
        agent.public_key = public(&key(1));
        agent.signature = sign(&key(2), &registration(&agent.id, &agent.endpoint));
        assert_eq!(
            refused(ains.register(agent.clone(), None).await),
            "signature does not match public_key over agent_id followed by endpoint"
        );
        assert!(matches!(ains.agent(id()).await, Err(Error::NotFound { .. })));
        agent.signature = sign(&key(1), &registration(&agent.id, &agent.endpoint));
        ains.register(agent, None).await.unwrap();
        ains.stop().await;
    });
}

fn a_key_is_changed_by_the_holder_of_both(db: &TestDb) {
    tell(db, |world| async move {
        let ains = verifying(world, db).await;
        let (first, second, third) = (key(1), key(2), key(3));
        let nobody = ains
            .rotate_agent_key(&Actor::NOBODY, id(), change(&first, &second))
            .await;
        assert!(matches!(nobody, Err(Error::NotFound { entity: "Agent", .. })));
        let mut agent = an_agent("a");
        agent.public_key = public(&first);
        agent.signature = sign(&first, &registration(&agent.id, ENDPOINT));
        ains.register(agent, None).await.unwrap();

        let by_new_alone = KeyRotation {
            proof: sign(&second, &rotation(&id(), &public(&second))),
            ..change(&first, &second)
        };
        assert!(
            refused(ains.rotate_agent_key(&Actor::NOBODY, id(), by_new_alone).await)
                .starts_with("proof does not match")
        );
        let by_old_alone = KeyRotation {
            signature: sign(&first, &registration(&id(), ENDPOINT)),
            ..change(&first, &second)
        };
        assert!(
            refused(ains.rotate_agent_key(&Actor::NOBODY, id(), by_old_alone).await)
                .starts_with("signature does not")
        );
        assert_eq!(ains.agent(id()).await.unwrap().agent.public_key, public(&first));

        for _ in 0..2 {
            let view = ains
                .rotate_agent_key(&Actor::NOBODY, id(), change(&first, &second))
                .await
                .unwrap();
            assert_eq!(view.agent.public_key, public(&second));
        }
        // The first key has no say any more, and the second has.
        refused(
            ains.rotate_agent_key(&Actor::NOBODY, id(), change(&first, &third))
                .await,
        );
        ains.rotate_agent_key(&Actor::NOBODY, id(), change(&second, &third))
            .await
            .unwrap();
        let stored = ains.agent(id()).await.unwrap().agent;
        assert_eq!(stored.public_key, public(&third));
        assert!(stored.updated_at > Timestamp::from_micros(0));
        ains.stop().await;
    });
}

fn without_verification_hex_will_do(db: &TestDb) {
    tell(db, |world| async move {
        world.agent("a", 1).await;
        let rotation = |proof: &str| KeyRotation {
            public_key: "0a".into(),
            signature: "0b".into(),
            proof: proof.into(),
        };
        let odd = world
            .ains
            .rotate_agent_key(&Actor::NOBODY, id(), rotation("xyz"))
            .await;
        assert!(refused(odd).starts_with("proof is not hex"));
        let view = world
            .ains
            .rotate_agent_key(&Actor::NOBODY, id(), rotation("0c"))
            .await
            .unwrap();
        assert_eq!(view.agent.public_key, "0a");
    });
}
