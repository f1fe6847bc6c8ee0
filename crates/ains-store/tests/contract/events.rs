//! What happened, in an order that is final.

use ains_core::{Event, EventType};
use ains_store::events;
use ains_store::{Conn, StoreError};
use ains_testkit::{Backend, TestDb};
use diesel::RunQueryDsl as _;

use crate::locks::while_waiting;
use crate::support::{at, open};

ains_testkit::contract!(
    what_is_told_is_read_again_as_it_was,
    positions_go_up_by_one_and_are_not_given_twice,
    only_so_many_are_given_a_position_at_once,
    what_cannot_be_read_is_empty,
    the_oldest_is_removed_first_and_positions_go_on,
    what_is_committed_late_comes_after_what_was_read,
    who_looks_waits_for_who_looks,
);

fn event(number: i64) -> Event {
    Event {
        kind: EventType::ALL[usize::try_from(number).unwrap() % EventType::ALL.len()],
        subject: format!("subject \"{number}\" ö"),
        client: (number % 2 == 0).then(|| "client \\ one".parse().unwrap()),
        agent: (number % 3 == 0).then(|| "agent".parse().unwrap()),
        at: at(number),
        data: format!(r#"{{"number":{number},"text":"a\"\u0000b"}}"#).into(),
    }
}

fn numbered(conn: &mut Conn, most: u32) -> usize {
    conn.transact(|conn| events::number(conn, most)).unwrap()
}

/// The numbers of events that are read from a position on.
fn read(conn: &mut Conn, from: i64) -> Vec<(i64, Vec<i64>)> {
    let number = |event: &Event| event.at.as_micros() / 1_000_000;
    let told = events::from(conn, from, 100).unwrap();
    told.iter()
        .map(|told| (told.position, told.events.iter().map(number).collect()))
        .collect()
}

fn what_is_told_is_read_again_as_it_was(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let told: Vec<Event> = (0..2100).map(event).collect();
    let positions = events::insert(&mut conn, &told, at(1)).unwrap();
    if db.backend() == Backend::Sqlite {
        assert_eq!(positions, [(1, 1000), (2, 1000), (3, 100)]);
    } else {
        assert_eq!(
            (positions, read(&mut conn, 1)),
            (vec![], vec![]),
            "nobody has looked"
        );
        assert_eq!(numbered(&mut conn, 10), 3);
    }
    let found = events::from(&mut conn, 1, 100).unwrap();
    assert_eq!(
        found.iter().map(|told| told.position).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert_eq!(
        found.into_iter().flat_map(|told| told.events).collect::<Vec<_>>(),
        told
    );
    assert_eq!(events::insert(&mut conn, &[], at(1)).unwrap(), []);
    assert_eq!(events::last_position(&mut conn).unwrap(), 3);
}

fn positions_go_up_by_one_and_are_not_given_twice(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    assert_eq!(events::last_position(&mut conn).unwrap(), 0);
    assert_eq!(events::first_position(&mut conn).unwrap(), None);
    for number in 0..5 {
        events::insert(&mut conn, &[event(number)], at(number)).unwrap();
        if number % 2 == 0 {
            numbered(&mut conn, 10);
        }
    }
    let taken_back: Result<(), StoreError> = conn.transact(|conn| {
        events::insert(conn, &[event(77)], at(7))?;
        Err(StoreError::Stopping)
    });
    assert!(taken_back.is_err());
    assert_eq!(numbered(&mut conn, 10), 0);
    events::insert(&mut conn, &[event(5)], at(5)).unwrap();
    numbered(&mut conn, 10);
    let all: Vec<(i64, Vec<i64>)> = (0..6).map(|number| (number + 1, vec![number])).collect();
    assert_eq!(read(&mut conn, 0), all);
    assert_eq!(read(&mut conn, 4), all[3..]);
    assert_eq!(events::last_position(&mut conn).unwrap(), 6);
}

fn only_so_many_are_given_a_position_at_once(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    for number in 0..5 {
        events::insert(&mut conn, &[event(number)], at(number)).unwrap();
    }
    if db.backend() == Backend::Postgres {
        assert_eq!([2, 2, 2, 2].map(|most| numbered(&mut conn, most)), [2, 2, 1, 0]);
    }
    let all: Vec<(i64, Vec<i64>)> = (0..5).map(|number| (number + 1, vec![number])).collect();
    assert_eq!(read(&mut conn, 1), all);
    let first = events::from(&mut conn, 2, 2).unwrap();
    assert_eq!(first.iter().map(|told| told.position).collect::<Vec<_>>(), [2, 3]);
}

fn what_cannot_be_read_is_empty(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    for number in 0..3 {
        events::insert(&mut conn, &[event(number)], at(number)).unwrap();
    }
    numbered(&mut conn, 10);
    let spoil = "UPDATE events SET told = '[[\"task.vanished\",\"s\",null,null,1,{}]]' WHERE position = 2";
    match &mut conn {
        Conn::Sqlite(c) => diesel::sql_query(spoil).execute(c).unwrap(),
        Conn::Postgres(c) => diesel::sql_query(spoil).execute(c).unwrap(),
    };
    assert_eq!(read(&mut conn, 1), [(1, vec![0]), (2, vec![]), (3, vec![2])]);
}

fn the_oldest_is_removed_first_and_positions_go_on(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    for number in 0..6 {
        events::insert(&mut conn, &[event(number)], at(number)).unwrap();
    }
    numbered(&mut conn, 10);
    assert_eq!(events::remove_before(&mut conn, at(4), 3).unwrap(), 3);
    assert_eq!(events::first_position(&mut conn).unwrap(), Some(4));
    assert_eq!(events::remove_before(&mut conn, at(4), 3).unwrap(), 1);
    assert_eq!(events::remove_before(&mut conn, at(4), 3).unwrap(), 0);
    assert_eq!(read(&mut conn, 1), [(5, vec![4]), (6, vec![5])]);
    assert_eq!(events::remove_before(&mut conn, at(9), 3).unwrap(), 2);
    assert_eq!(events::first_position(&mut conn).unwrap(), None);
    assert_eq!(events::last_position(&mut conn).unwrap(), 6);
    events::insert(&mut conn, &[event(6)], at(6)).unwrap();
    numbered(&mut conn, 10);
    assert_eq!(read(&mut conn, 1), [(7, vec![6])]);
}

/// One transaction takes its id first and ends last.
fn what_is_committed_late_comes_after_what_was_read(db: &TestDb) {
    if db.backend() == Backend::Sqlite {
        return;
    }
    let store = open(db);
    let (mut early, mut late) = (store.connect().unwrap(), store.connect().unwrap());
    late.transact(|late| {
        events::insert(late, &[event(0)], at(0))?;
        early.transact(|early| events::insert(early, &[event(1)], at(1)))?;
        assert_eq!(numbered(&mut early, 10), 1);
        assert_eq!(read(&mut early, 1), [(1, vec![1])]);
        Ok(())
    })
    .unwrap();
    assert_eq!(numbered(&mut early, 10), 1);
    assert_eq!(read(&mut early, 2), [(2, vec![0])]);
}

/// Two that look at once give no position twice, and what the first has not seen the second has.
fn who_looks_waits_for_who_looks(db: &TestDb) {
    if db.backend() == Backend::Sqlite {
        return;
    }
    let store = open(db);
    let (mut one, mut two) = (store.connect().unwrap(), store.connect().unwrap());
    events::insert(&mut one, &[event(0)], at(0)).unwrap();
    let waiting = one
        .transact(|one| {
            assert_eq!(events::number(one, 10)?, 1);
            Ok(while_waiting(one, move || {
                events::insert(&mut two, &[event(1)], at(1)).unwrap();
                (numbered(&mut two, 10), two)
            }))
        })
        .unwrap();
    let (given, mut two) = waiting.join().unwrap();
    assert_eq!(given, 1);
    assert_eq!(read(&mut two, 1), [(1, vec![0]), (2, vec![1])]);
}
