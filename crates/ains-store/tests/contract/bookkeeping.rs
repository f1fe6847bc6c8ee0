//! Counters, keys, idempotency, servers, migrations.

use ains_store::counters::{self, Deltas};
use ains_store::idempotency::{self, Answered};
use ains_store::{Backend, clients, migrate, nodes};
use ains_testkit::TestDb;

use crate::support::{at, open};

ains_testkit::contract!(
    counters_add_up_over_writers,
    an_answer_is_kept_for_its_time,
    servers_take_the_smallest_free_slot,
    a_weight_is_set_and_read,
    every_migration_can_be_taken_back,
);

fn counters_add_up_over_writers(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let delta = |name: &'static str, minute, by| Deltas::from([((name, minute), by)]);
    counters::add(&mut conn, "0.0", &delta("tasks", 0, 5)).unwrap();
    counters::add(&mut conn, "0.1", &delta("tasks", 0, 2)).unwrap();
    counters::add(&mut conn, "0.0", &delta("tasks", 0, -1)).unwrap();
    counters::add(&mut conn, "0.0", &delta("completed", 17, 3)).unwrap();
    assert_eq!(
        counters::totals(&mut conn).unwrap(),
        [("tasks".to_owned(), 6)].into()
    );
    assert_eq!(
        counters::since(&mut conn, 10, 20).unwrap(),
        [("completed".to_owned(), 3)].into()
    );
    counters::forget_before(&mut conn, 18).unwrap();
    assert_eq!(counters::since(&mut conn, 10, 20).unwrap(), [].into());
    assert_eq!(counters::totals(&mut conn).unwrap()["tasks"], 6);
}

fn an_answer_is_kept_for_its_time(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let answered = |answer: &str, seconds| Answered {
        scope: "s".into(),
        idempotency_key: "k".into(),
        fingerprint: "f".into(),
        answer: answer.into(),
        created_at: at(seconds).as_micros(),
    };
    idempotency::insert(&mut conn, &answered("one", 100), at(0)).unwrap();
    assert!(
        idempotency::insert(&mut conn, &answered("two", 101), at(0)).is_err(),
        "the first stays"
    );
    assert_eq!(
        idempotency::find(&mut conn, "s", "k", at(100))
            .unwrap()
            .unwrap()
            .answer,
        "one"
    );
    assert_eq!(idempotency::find(&mut conn, "s", "k", at(101)).unwrap(), None);
    assert_eq!(idempotency::find(&mut conn, "t", "k", at(0)).unwrap(), None);
    idempotency::insert(&mut conn, &answered("three", 200), at(150)).unwrap();
    assert_eq!(
        idempotency::find(&mut conn, "s", "k", at(150))
            .unwrap()
            .unwrap()
            .answer,
        "three"
    );
    assert_eq!(idempotency::remove_before(&mut conn, at(201), 10).unwrap(), 1);
}

fn servers_take_the_smallest_free_slot(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut join = |name: &str, now: i64| {
        conn.transact(|conn| nodes::join(conn, name, at(now), at(now - 6)))
            .unwrap()
    };
    let first = join("a", 100);
    assert_eq!([first.slot, join("b", 100).slot, join("c", 101).slot], [0, 1, 2]);
    let again = join("d", 106);
    assert_eq!(again.slot, 3, "all were seen within six seconds");
    assert_eq!(join("e", 107).slot, 0, "the first are dead");
    assert!(
        !nodes::beat(&mut conn, &first, at(108)).unwrap(),
        "its slot is another's"
    );
    assert!(nodes::beat(&mut conn, &again, at(108)).unwrap());
}

fn a_weight_is_set_and_read(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let (a, b) = ("a".parse().unwrap(), "b".parse().unwrap());
    for weight in [2.0, 3.0] {
        clients::set_weight(
            &mut conn,
            &a,
            ains_core::fair::Weight::new(weight).unwrap(),
            at(1),
        )
        .unwrap();
    }
    let weights = clients::weights(&mut conn, &[a.clone(), b]).unwrap();
    assert_eq!(weights, [(a, ains_core::fair::Weight::new(3.0).unwrap())]);
}

fn every_migration_can_be_taken_back(db: &TestDb) {
    let store = open(db);
    let mut conn = store.connect().unwrap();
    migrate::redo_all(&mut conn).unwrap();
    assert!(matches!(conn.backend(), Backend::Sqlite | Backend::Postgres));
    assert_eq!(counters::totals(&mut conn).unwrap(), [].into());
}
