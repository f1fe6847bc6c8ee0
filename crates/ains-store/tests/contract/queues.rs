//! Queues of ready tasks.

use ains_core::fair::Ends;
use ains_core::{Lane, TrustScore};
use ains_store::tasks::{self, Look, Queue};
use ains_store::{Backend, Conn};
use ains_testkit::TestDb;

use crate::support::{Maker, open};

ains_testkit::contract!(
    heads_come_by_priority_then_position_then_age,
    the_ends_of_a_queue_are_seen_by_client,
    lanes_and_priorities_that_hold_tasks_are_listed,
    the_heads_of_one_client_are_found_behind_those_of_others,
    what_another_transaction_takes_is_passed_over,
);

fn lane() -> Lane {
    Lane::new("text:V1", TrustScore::clamped(0.0))
}

fn take(conn: &mut Conn, limit: i64) -> Vec<(u8, Option<i64>)> {
    let heads = tasks::heads(conn, &lane(), None, None, limit, Look::Take).unwrap();
    heads
        .iter()
        .map(|head| (head.task.priority, head.task.queue_key))
        .collect()
}

fn heads_come_by_priority_then_position_then_age(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let mut all = Vec::new();
    for (priority, key) in [(5, 7), (5, 3), (10, 9), (1, 0), (5, 3)] {
        let mut task = maker.ready("c", key);
        task.task.priority = priority;
        all.push(task);
    }
    conn.transact(|conn| tasks::insert(conn, &all)).unwrap();
    assert_eq!(
        take(&mut conn, 9),
        [
            (10, Some(9)),
            (5, Some(3)),
            (5, Some(3)),
            (5, Some(7)),
            (1, Some(0))
        ]
    );
    let ids: Vec<_> = tasks::heads(&mut conn, &lane(), None, Some(5), 2, Look::Peek)
        .unwrap()
        .iter()
        .map(|head| head.task.id)
        .collect();
    assert_eq!(ids, [all[1].task.id, all[4].task.id]);
}

fn the_ends_of_a_queue_are_seen_by_client(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let all = [("a", 5), ("a", 8), ("b", 3)].map(|(client, key)| maker.ready(client, key));
    conn.transact(|conn| tasks::insert(conn, &all)).unwrap();
    let queue = Queue {
        lane: lane(),
        priority: 5,
    };
    let mut ends =
        |client: &str, queue: &Queue| tasks::ends(&mut conn, queue, &client.parse().unwrap()).unwrap();
    assert_eq!(
        ends("a", &queue),
        Ends {
            lowest: Some(3),
            own_highest: Some(8)
        }
    );
    assert_eq!(
        ends("c", &queue),
        Ends {
            lowest: Some(3),
            own_highest: None
        }
    );
    assert_eq!(ends("a", &Queue { priority: 6, ..queue }), Ends::default());
}

fn lanes_and_priorities_that_hold_tasks_are_listed(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    assert_eq!(tasks::ready_lanes(&mut conn).unwrap(), []);
    let mut all = Vec::new();
    for (capability, priority) in [("B", 3), ("a", 9), ("b", 7), ("a", 9)] {
        let mut task = maker.ready("c", 0);
        (task.task.capability, task.task.priority) = (capability.parse().unwrap(), priority);
        all.push(task);
    }
    conn.transact(|conn| tasks::insert(conn, &all)).unwrap();
    let b = Lane::new("b", TrustScore::clamped(0.0));
    let a = Lane::new("a", TrustScore::clamped(0.0));
    assert_eq!(tasks::ready_lanes(&mut conn).unwrap(), [a.clone(), b.clone()]);
    assert_eq!(tasks::waiting_priorities(&mut conn, &b, None).unwrap(), [7, 3]);
    assert_eq!(tasks::waiting_priorities(&mut conn, &a, None).unwrap(), [9]);
}

fn the_heads_of_one_client_are_found_behind_those_of_others(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let mut all = Vec::new();
    for (client, priority, key) in [
        ("a", 9, 0),
        ("b", 5, 7),
        ("b", 5, 3),
        ("a", 5, 1),
        ("b", 2, 0),
        ("b", 5, 3),
    ] {
        let mut task = maker.ready(client, key);
        task.task.priority = priority;
        all.push(task);
    }
    conn.transact(|conn| tasks::insert(conn, &all)).unwrap();
    let b = "b".parse().unwrap();
    let mut heads = |priority, limit, look| -> Vec<_> {
        let heads = tasks::heads(&mut conn, &lane(), Some(&b), priority, limit, look).unwrap();
        heads.iter().map(|head| head.task.id).collect()
    };
    let expected = [2, 5, 1, 4].map(|place: usize| all[place].task.id);
    assert_eq!(heads(None, 9, Look::Take), expected);
    assert_eq!(heads(None, 1, Look::Peek), expected[..1]);
    assert_eq!(heads(Some(5), 2, Look::Peek), expected[..2]);
    assert_eq!(
        tasks::waiting_priorities(&mut conn, &lane(), Some(&b)).unwrap(),
        [5, 2]
    );
    let clients = ["b", "c", "a"].map(|client| client.parse().unwrap());
    let waiting = tasks::waiting_clients(&mut conn, &lane(), &clients).unwrap();
    assert_eq!(waiting, [clients[0].clone(), clients[2].clone()]);
    let other = Lane::new("other", TrustScore::clamped(0.0));
    assert_eq!(tasks::waiting_clients(&mut conn, &other, &clients).unwrap(), []);
}

fn what_another_transaction_takes_is_passed_over(db: &TestDb) {
    let store = open(db);
    if store.backend() == Backend::Sqlite {
        // One writer: there is no other transaction.
        return;
    }
    let (mut first, mut second) = (store.connect().unwrap(), store.connect().unwrap());
    let mut maker = Maker::new();
    let all: Vec<_> = (0..4).map(|key| maker.ready("c", key)).collect();
    first.transact(|conn| tasks::insert(conn, &all)).unwrap();
    first
        .transact(|first| {
            assert_eq!(take(first, 2).len(), 2);
            let seen = second.transact(|second| Ok(take(second, 9))).unwrap();
            assert_eq!(seen, [(5, Some(2)), (5, Some(3))]);
            Ok(())
        })
        .unwrap();
    assert_eq!(
        take(&mut second, 9).len(),
        4,
        "given back at the end of the transaction"
    );
}
