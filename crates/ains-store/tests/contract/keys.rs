//! API keys.

use ains_core::{Key, KeyId, Mint, Scope, Scopes};
use ains_store::keys::{self, OpenedKey, StoredKey};
use ains_store::{Conn, StoreError};
use ains_testkit::TestDb;
use rand::SeedableRng as _;

use crate::support::{at, open};

ains_testkit::contract!(
    a_key_reads_back_unchanged,
    a_secret_is_stored_once,
    a_rotation_leaves_the_secret_before_for_a_while_and_no_other,
    a_changed_key_reads_back_unchanged,
    keys_are_listed_newest_first,
    the_last_use_is_the_latest_that_was_told,
);

fn all(n: u64) -> Vec<Key> {
    let mut rng = rand::rngs::StdRng::seed_from_u64(1);
    let mut mint = Mint::default();
    let mut key = |i: u64| Key {
        id: KeyId::mint(&mut mint, at(1), &mut rng),
        name: format!("ä 'key' {i}"),
        description: (i == 0).then(|| "why".to_owned()),
        client: Some(if i < 2 { "c" } else { "d" }.parse().unwrap()),
        agent: (i == 1).then(|| "a".parse().unwrap()),
        scopes: Scopes::NONE.with(Scope::TaskRead).with(Scope::AgentAct),
        per_minute: (i == 0).then_some(60),
        per_hour: Some(10_000_000),
        active: true,
        created_at: at(1),
        updated_at: at(2),
        expires_at: (i == 0).then(|| at(9)),
        revoked_at: None,
    };
    (0..n).map(&mut key).collect()
}

fn key() -> Key {
    all(1).remove(0)
}

fn put(conn: &mut Conn, key: &Key, secret: &str) -> bool {
    conn.transact(|conn| keys::insert(conn, key, secret)).unwrap()
}

fn a_key_reads_back_unchanged(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    assert!(!keys::any(&mut conn).unwrap());
    for (i, key) in all(3).iter().enumerate() {
        let secret = format!("secret {i}");
        assert!(put(&mut conn, key, &secret));
        let opened = keys::open(&mut conn, &secret).unwrap();
        let expected = OpenedKey {
            key: key.clone(),
            good_until: None,
        };
        assert_eq!(opened, Some(expected));
        let stored = keys::find(&mut conn, key.id).unwrap();
        let expected = StoredKey {
            key: key.clone(),
            last_used_at: None,
        };
        assert_eq!(stored, Some(expected));
    }
    assert_eq!(keys::open(&mut conn, "another").unwrap(), None);
    assert!(keys::any(&mut conn).unwrap());
}

fn a_secret_is_stored_once(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let two = all(2);
    assert!(put(&mut conn, &two[0], "ab"));
    assert!(!put(&mut conn, &two[1], "ab"));
    assert_eq!(keys::open(&mut conn, "ab").unwrap().unwrap().key, two[0]);
    assert_eq!(keys::find(&mut conn, two[1].id).unwrap(), None);
}

fn a_rotation_leaves_the_secret_before_for_a_while_and_no_other(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let key = key();
    put(&mut conn, &key, "first");
    let mut rotate = |secret: &str, until: i64| {
        conn.transact(|conn| keys::rotate(conn, key.id, secret, at(until)))
            .unwrap();
        ["first", "second", "third"].map(|secret| {
            keys::open(&mut conn, secret)
                .unwrap()
                .map(|opened| opened.good_until)
        })
    };
    assert_eq!(rotate("second", 5), [Some(Some(at(5))), Some(None), None]);
    assert_eq!(rotate("third", 7), [None, Some(Some(at(7))), Some(None)]);
}

fn a_changed_key_reads_back_unchanged(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let key = key();
    put(&mut conn, &key, "s");
    let changed = Key {
        name: "other".to_owned(),
        description: None,
        scopes: Scopes::NONE,
        per_minute: None,
        per_hour: Some(1),
        active: false,
        updated_at: at(8),
        revoked_at: Some(at(8)),
        ..key
    };
    conn.transact(|conn| {
        assert!(keys::lock(conn, changed.id)?.is_some());
        keys::save(conn, &changed)?;
        Ok::<_, StoreError>(())
    })
    .unwrap();
    assert_eq!(keys::find(&mut conn, changed.id).unwrap().unwrap().key, changed);
}

fn keys_are_listed_newest_first(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut three = all(3);
    three[0].active = false;
    for (i, key) in three.iter().enumerate() {
        put(&mut conn, key, &i.to_string());
    }
    let mut list = |client: Option<&str>, active_only, before: Option<usize>| {
        let client = client.map(|client| client.parse().unwrap());
        let before = before.map(|i| three[i].id);
        let found = keys::list(&mut conn, client.as_ref(), active_only, before, 2).unwrap();
        let place = |found: StoredKey| three.iter().position(|key| *key == found.key).unwrap();
        found.into_iter().map(place).collect::<Vec<_>>()
    };
    assert_eq!(list(None, false, None), [2, 1]);
    assert_eq!(list(None, false, Some(1)), [0]);
    assert_eq!(list(None, true, Some(1)), [] as [usize; 0]);
    assert_eq!(list(Some("c"), false, None), [1, 0]);
    assert_eq!(list(Some("c"), true, None), [1]);
    assert_eq!(list(Some("e"), false, None), [] as [usize; 0]);
}

fn the_last_use_is_the_latest_that_was_told(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let [a, b] = all(2).try_into().unwrap();
    for (key, secret) in [(&a, "1"), (&b, "2")] {
        assert!(put(&mut conn, key, secret));
    }
    keys::used(&mut conn, &[]).unwrap();
    for uses in [
        &[(a.id, at(5)), (b.id, at(6))][..],
        &[(a.id, at(4))],
        &[(b.id, at(7))],
    ] {
        conn.transact(|conn| keys::used(conn, uses)).unwrap();
    }
    let mut last = |id| keys::find(&mut conn, id).unwrap().unwrap().last_used_at;
    assert_eq!([last(a.id), last(b.id)], [Some(at(5)), Some(at(7))]);
}
