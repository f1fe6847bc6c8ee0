//! Edges between tasks.

use std::collections::BTreeSet;

use ains_core::dependency::Edge;
use ains_core::{Condition, Status, TaskId};
use ains_store::dependencies::{self, Along, NewEdge, Reader};
use ains_store::tasks::{self, StoredTask};
use ains_store::{Conn, StoreError};
use ains_testkit::TestDb;

use crate::support::{Maker, at, open, stored};

ains_testkit::contract!(
    an_edge_reads_back_in_the_order_given,
    a_judged_edge_and_a_task_that_waits_no_more_are_not_waiting,
    a_reader_gives_every_edge_once_however_far_it_looks_ahead,
    edges_go_with_the_task_that_waits,
    a_task_stays_while_an_unfinished_one_waited_for_it,
    a_task_that_very_many_waited_for_stays_until_they_are_gone,
    what_is_unsettled_is_remembered_until_it_is_settled,
    tasks_before_one_are_counted_in_the_order_of_the_queue,
    results_are_given_as_far_as_they_fit,
);

/// Removes what is cancelled and old, looking at so many tasks at once.
fn removed(conn: &mut Conn, limit: i64) -> Vec<TaskId> {
    let (mut removed, mut after) = (Vec::new(), None);
    loop {
        let piece = conn
            .transact(|conn| tasks::remove_ended(conn, Status::Cancelled, at(200), after, limit))
            .unwrap();
        removed.extend(piece.removed);
        after = piece.last;
        if after.is_none() {
            return removed;
        }
    }
}

fn edge(on: TaskId, task: TaskId, when: Condition) -> Edge<TaskId> {
    Edge { on, task, when }
}

/// Stores blocked tasks and what they wait for.
fn put(conn: &mut Conn, maker: &mut Maker, count: usize) -> Vec<TaskId> {
    let tasks: Vec<StoredTask> = (0..count)
        .map(|_| {
            let mut one = maker.ready("c", 0);
            one.task.set_dependencies(1, 1, at(100)).unwrap();
            one
        })
        .collect();
    let ids = tasks.iter().map(|stored| stored.task.id).collect();
    conn.transact(|conn| tasks::insert(conn, &tasks)).unwrap();
    ids
}

fn connect(conn: &mut Conn, edges: &[Edge<TaskId>]) {
    let new: Vec<NewEdge> = (0..)
        .zip(edges)
        .map(|(position, edge)| NewEdge {
            edge: *edge,
            position,
            resolved_at: None,
        })
        .collect();
    conn.transact(|conn| dependencies::insert(conn, &new)).unwrap();
}

fn an_edge_reads_back_in_the_order_given(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let ids = put(&mut conn, &mut Maker::new(), 4);
    let edges = [
        edge(ids[2], ids[3], Condition::Done),
        edge(ids[0], ids[3], Condition::Success),
        edge(ids[0], ids[3], Condition::Failure),
        edge(ids[1], ids[3], Condition::Success),
    ];
    connect(&mut conn, &edges);
    connect(&mut conn, &edges[1..2]);
    conn.transact(|conn| dependencies::resolve(conn, &edges[1..2], Some(at(7))))
        .unwrap();
    let read = dependencies::of_tasks(&mut conn, &[ids[3]]).unwrap();
    let found: Vec<_> = read.iter().map(|stored| stored.edge).collect();
    assert_eq!(found, edges);
    let resolved: Vec<_> = read.iter().map(|stored| stored.resolved_at).collect();
    assert_eq!(resolved, [None, Some(at(7)), None, None]);
    assert_eq!(dependencies::on_task(&mut conn, ids[0], 10).unwrap().len(), 2);
    assert_eq!(dependencies::on_task(&mut conn, ids[0], 1).unwrap().len(), 1);
    assert_eq!(dependencies::count_on(&mut conn, ids[0], 10).unwrap(), 2);
    conn.transact(|conn| dependencies::remove_of(conn, ids[3]))
        .unwrap();
    assert!(dependencies::of_tasks(&mut conn, &ids).unwrap().is_empty());
}

fn a_judged_edge_and_a_task_that_waits_no_more_are_not_waiting(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let ids = put(&mut conn, &mut maker, 3);
    let mut ended = maker.ready("c", 0);
    ended.task.cancel("x", at(100)).unwrap();
    conn.transact(|conn| tasks::insert(conn, std::slice::from_ref(&ended)))
        .unwrap();
    let edges = [
        edge(ids[0], ids[1], Condition::Success),
        edge(ids[0], ids[2], Condition::Done),
        edge(ids[0], ended.task.id, Condition::Success),
    ];
    connect(&mut conn, &edges);
    let waiting = |conn: &mut Conn| -> BTreeSet<_> {
        let read = Reader::new(Along::Waiting).read(conn, &[ids[0]]).unwrap();
        read.into_iter().map(|stored| stored.edge).collect()
    };
    assert_eq!(waiting(&mut conn), BTreeSet::from([edges[0], edges[1]]));
    conn.transact(|conn| dependencies::resolve(conn, &edges[..1], Some(at(9))))
        .unwrap();
    assert_eq!(waiting(&mut conn), BTreeSet::from([edges[1]]));
    conn.transact(|conn| dependencies::resolve(conn, &edges[..1], None))
        .unwrap();
    assert_eq!(waiting(&mut conn).len(), 2);
}

fn a_reader_gives_every_edge_once_however_far_it_looks_ahead(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let count = 900;
    let ids = put(&mut conn, &mut Maker::new(), count);
    // A ladder, with a rung left out now and then, and a fan at its foot.
    let mut edges: Vec<_> = (1..600)
        .map(|at| edge(ids[at - 1], ids[at], Condition::Success))
        .collect();
    edges.extend(
        (3..600)
            .step_by(7)
            .map(|at| edge(ids[at - 3], ids[at], Condition::Done)),
    );
    edges.extend((600..count).map(|at| edge(ids[599], ids[at], Condition::Success)));
    connect(&mut conn, &edges);
    let all: BTreeSet<_> = edges.iter().copied().collect();
    let walk = |conn: &mut Conn, along, start: TaskId| -> Result<BTreeSet<Edge<TaskId>>, StoreError> {
        let mut reader = Reader::new(along);
        let (mut seen, mut found) = (BTreeSet::from([start]), BTreeSet::new());
        let mut frontier = vec![start];
        while !frontier.is_empty() {
            let read = reader.read(conn, &frontier)?;
            frontier.clear();
            for stored in read {
                assert!(found.insert(stored.edge), "{:?} twice", stored.edge);
                let next = if along == Along::Dependencies {
                    stored.edge.on
                } else {
                    stored.edge.task
                };
                if seen.insert(next) {
                    frontier.push(next);
                }
            }
        }
        Ok(found)
    };
    assert_eq!(walk(&mut conn, Along::Waiting, ids[0]).unwrap(), all);
    assert_eq!(walk(&mut conn, Along::Dependents, ids[0]).unwrap(), all);
    let above = walk(&mut conn, Along::Dependencies, ids[599]).unwrap();
    assert_eq!(above.len(), all.len() - (count - 600));
    let mut reader = Reader::new(Along::Waiting);
    let looked = reader.look(&mut conn, &ids[..2]).unwrap();
    assert_eq!(
        reader.read(&mut conn, &ids[..2]).unwrap(),
        looked,
        "kept for later"
    );
}

fn edges_go_with_the_task_that_waits(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let ids = put(&mut conn, &mut maker, 1);
    let mut ended = maker.ready("c", 0);
    ended.task.set_dependencies(1, 1, at(100)).unwrap();
    ended.task.cancel("x", at(100)).unwrap();
    let gone = ended.task.id;
    conn.transact(|conn| tasks::insert(conn, &[ended])).unwrap();
    connect(
        &mut conn,
        &[
            edge(ids[0], gone, Condition::Success),
            edge(ids[0], ids[0], Condition::Done),
        ],
    );
    let removed = removed(&mut conn, 10);
    assert_eq!(removed, [gone]);
    assert!(dependencies::of_tasks(&mut conn, &[gone]).unwrap().is_empty());
    assert_eq!(
        dependencies::of_tasks(&mut conn, &ids).unwrap().len(),
        1,
        "those of others stay"
    );
}

/// Stores tasks that are cancelled, and waited for nothing.
fn put_ended(conn: &mut Conn, maker: &mut Maker, count: usize) -> Vec<TaskId> {
    let mut tasks: Vec<StoredTask> = (0..count).map(|_| maker.ready("c", 0)).collect();
    for stored in &mut tasks {
        stored.task.cancel("x", at(100)).unwrap();
    }
    conn.transact(|conn| tasks::insert(conn, &tasks)).unwrap();
    tasks.iter().map(|stored| stored.task.id).collect()
}

fn a_task_stays_while_an_unfinished_one_waited_for_it(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let ended = put_ended(&mut conn, &mut maker, 6);
    let unfinished = put(&mut conn, &mut maker, 1);
    connect(
        &mut conn,
        &[
            edge(ended[1], unfinished[0], Condition::Success),
            edge(ended[4], unfinished[0], Condition::Done),
            edge(ended[0], ended[5], Condition::Success),
        ],
    );
    // Judged or not: it may want the result when it is handed out.
    let judged = edge(ended[4], unfinished[0], Condition::Done);
    conn.transact(|conn| dependencies::resolve(conn, &[judged], Some(at(100))))
        .unwrap();
    assert_eq!(removed(&mut conn, 2), [ended[0], ended[2], ended[3], ended[5]]);
    let mut stored = conn
        .transact(|conn| tasks::lock(conn, &unfinished))
        .unwrap()
        .remove(0);
    stored.task.cancel("x", at(150)).unwrap();
    let save = tasks::Save {
        task: &stored.task,
        documents: &tasks::Documents::default(),
        claim_id: None,
    };
    conn.transact(|conn| tasks::save(conn, &[save])).unwrap();
    assert_eq!(removed(&mut conn, 10), [ended[1], ended[4], unfinished[0]]);
}

fn a_task_that_very_many_waited_for_stays_until_they_are_gone(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let before = put_ended(&mut conn, &mut maker, 1);
    let hub = put_ended(&mut conn, &mut maker, 1);
    let after = put_ended(&mut conn, &mut maker, 2);
    let waited = put_ended(&mut conn, &mut maker, 10_001);
    let edges: Vec<_> = waited
        .iter()
        .map(|task| edge(hub[0], *task, Condition::Done))
        .collect();
    connect(&mut conn, &edges);
    let expected: Vec<TaskId> = [before, after, waited].concat();
    assert_eq!(removed(&mut conn, 1000), expected, "it is passed by");
    assert_eq!(removed(&mut conn, 1000), hub);
}

fn what_is_unsettled_is_remembered_until_it_is_settled(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let ids = put(&mut conn, &mut Maker::new(), 3);
    conn.transact(|conn| dependencies::note_unsettled(conn, &[ids[2], ids[0], ids[2]]))
        .unwrap();
    assert_eq!(dependencies::unsettled(&mut conn, 10).unwrap(), [ids[0], ids[2]]);
    assert_eq!(dependencies::unsettled(&mut conn, 1).unwrap(), [ids[0]]);
    conn.transact(|conn| dependencies::settled(conn, &ids[..1]))
        .unwrap();
    assert_eq!(dependencies::unsettled(&mut conn, 10).unwrap(), [ids[2]]);
}

fn tasks_before_one_are_counted_in_the_order_of_the_queue(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let mut queue: Vec<StoredTask> = [5, 3, 5, 9, 1].map(|key| maker.ready("c", key)).into();
    queue[4].task.priority = 2;
    queue[3].task.priority = 9;
    conn.transact(|conn| tasks::insert(conn, &queue)).unwrap();
    let before = |conn: &mut Conn, at: usize, most| tasks::before(conn, &queue[at].task, most).unwrap();
    let places: Vec<i64> = (0..5).map(|at| before(&mut conn, at, 100)).collect();
    assert_eq!(places, [2, 1, 3, 0, 4]);
    assert_eq!(before(&mut conn, 4, 3), 3, "counted no further");
    let first = tasks::first(&mut conn, &queue[0].task.lane(), 2).unwrap();
    assert_eq!(first, [queue[3].task.id, queue[1].task.id]);
}

fn results_are_given_as_far_as_they_fit(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let results = [Some("[1,2,3]"), None, Some("\"ä long one\""), Some("4")];
    let ids: Vec<TaskId> = results
        .iter()
        .map(|result| {
            let mut one = stored(maker.ready("c", 0).task);
            one.documents.result = result.map(Into::into);
            conn.transact(|conn| tasks::insert(conn, std::slice::from_ref(&one)))
                .unwrap();
            one.task.id
        })
        .collect();
    let asked = [ids[3], ids[0], ids[1], ids[2]];
    let given = tasks::results(&mut conn, &asked, 10).unwrap();
    let seen: Vec<_> = given
        .iter()
        .map(|one| (one.id, one.result.as_deref(), one.left_out))
        .collect();
    assert_eq!(
        seen,
        [
            (ids[3], Some("4"), false),
            (ids[0], Some("[1,2,3]"), false),
            (ids[1], None, false),
            (ids[2], None, true)
        ]
    );
}
