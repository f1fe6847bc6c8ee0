//! The group-commit writer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use ains_store::counters::{self, Deltas};
use ains_store::idempotency::{self, Answered};
use ains_store::writer::{Work, Writer};
use ains_store::{Conn, Observer, Operation, StoreError};
use ains_testkit::TestDb;

use crate::support::{at, open};

ains_testkit::contract!(
    what_waits_is_committed_together_and_answered_after,
    one_failing_operation_fails_alone,
    a_full_queue_refuses_instead_of_growing,
    stopping_writes_what_is_queued,
    an_observer_is_told_of_every_transaction_and_read,
);

/// Counts, or stores an answer under a key that may be taken.
enum Op {
    Count(mpsc::Sender<Result<(), String>>),
    Take(&'static str, mpsc::Sender<Result<(), String>>),
    /// Holds the writer until the other end is dropped.
    Hold(Mutex<mpsc::Receiver<()>>),
}

#[derive(Default)]
struct Counting {
    commits: AtomicUsize,
}

impl Work for Counting {
    type Op = Op;
    type Outcome = ();

    fn weight(&self, _: &Op) -> usize {
        1
    }

    fn run(&self, conn: &mut Conn, writer: usize, ops: &mut [Op]) -> Result<(), StoreError> {
        for op in ops {
            match op {
                Op::Count(_) => {
                    let delta = Deltas::from([(("n", 0), 1)]);
                    counters::add(conn, &writer.to_string(), &delta)?;
                }
                Op::Take(key, _) => {
                    let answered = Answered {
                        scope: "s".into(),
                        idempotency_key: (*key).into(),
                        fingerprint: String::new(),
                        answer: String::new(),
                        created_at: 0,
                    };
                    idempotency::insert(conn, &answered, at(0))?;
                }
                Op::Hold(until) => drop(until.get_mut().unwrap().recv()),
            }
        }
        Ok(())
    }

    fn undo(&self, (): ()) {}

    fn done(&self, _: usize, ops: Vec<Op>, (): ()) -> Vec<Op> {
        self.commits.fetch_add(1, Ordering::SeqCst);
        for op in ops {
            if let Op::Count(reply) | Op::Take(_, reply) = op {
                let _ = reply.send(Ok(()));
            }
        }
        Vec::new()
    }

    fn refuse(&self, op: Op, error: StoreError) {
        if let Op::Count(reply) | Op::Take(_, reply) = op {
            let _ = reply.send(Err(error.to_string()));
        }
    }
}

/// A writer whose threads are held up, so that what is queued next forms a batch.
struct Held {
    writer: Writer<Counting>,
    work: Arc<Counting>,
    hold: mpsc::Sender<()>,
    store: ains_store::Store,
}

fn held(db: &TestDb, queue: usize) -> Held {
    held_on(open(db), queue)
}

fn held_on(store: ains_store::Store, queue: usize) -> Held {
    let work = Arc::new(Counting::default());
    let writer = Writer::start(&store, &work, 1, queue).unwrap();
    let (hold, until) = mpsc::channel();
    assert!(writer.queue(Op::Hold(Mutex::new(until))).is_ok());
    Held {
        writer,
        work,
        hold,
        store,
    }
}

fn what_waits_is_committed_together_and_answered_after(db: &TestDb) {
    let Held {
        writer,
        work,
        hold,
        store,
    } = held(db, 1000);
    let (reply, answers) = mpsc::channel();
    for _ in 0..100 {
        assert!(writer.queue(Op::Count(reply.clone())).is_ok());
    }
    drop(hold);
    (0..100).for_each(|_| answers.recv().unwrap().unwrap());
    let commits = work.commits.load(Ordering::SeqCst);
    assert!(commits <= 3, "{commits} commits for 101 operations");
    assert_eq!(counters::totals(&mut store.connect().unwrap()).unwrap()["n"], 100);
    writer.stop();
}

fn one_failing_operation_fails_alone(db: &TestDb) {
    let Held {
        writer, hold, store, ..
    } = held(db, 1000);
    let (reply, answers) = mpsc::channel();
    let (taken, outcomes) = mpsc::channel();
    for key in ["a", "b", "a"] {
        assert!(writer.queue(Op::Count(reply.clone())).is_ok());
        assert!(writer.queue(Op::Take(key, taken.clone())).is_ok());
    }
    drop(hold);
    (0..3).for_each(|_| answers.recv().unwrap().unwrap());
    let outcomes: Vec<bool> = (0..3).map(|_| outcomes.recv().unwrap().is_ok()).collect();
    assert_eq!(outcomes.iter().filter(|ok| **ok).count(), 2);
    assert_eq!(
        counters::totals(&mut store.connect().unwrap()).unwrap()["n"],
        3,
        "each exactly once"
    );
    writer.stop();
}

fn a_full_queue_refuses_instead_of_growing(db: &TestDb) {
    let Held { writer, hold, .. } = held(db, 8);
    let (reply, answers) = mpsc::channel();
    let queued = (0..50)
        .filter(|_| writer.queue(Op::Count(reply.clone())).is_ok())
        .count();
    assert!((7..=9).contains(&queued), "{queued}");
    let refused = writer.queue(Op::Count(reply.clone()));
    assert!(matches!(refused, Err((_, StoreError::Overloaded))));
    drop(hold);
    (0..queued).for_each(|_| answers.recv().unwrap().unwrap());
    writer.stop();
}

fn stopping_writes_what_is_queued(db: &TestDb) {
    let Held {
        writer, hold, store, ..
    } = held(db, 1000);
    let (reply, answers) = mpsc::channel();
    for _ in 0..20 {
        assert!(writer.queue(Op::Count(reply.clone())).is_ok());
    }
    drop(hold);
    writer.stop();
    assert_eq!(answers.try_iter().flatten().count(), 20);
    assert_eq!(counters::totals(&mut store.connect().unwrap()).unwrap()["n"], 20);
    assert!(matches!(
        writer.queue(Op::Count(reply)),
        Err((_, StoreError::Stopping))
    ));
}

/// Counts what it is told of, by operation.
#[derive(Default)]
struct Watch([AtomicUsize; Operation::ALL.len()]);

impl Observer for Watch {
    fn took(&self, operation: Operation, _: Duration) {
        self.0[operation as usize].fetch_add(1, Ordering::SeqCst);
    }
}

fn an_observer_is_told_of_every_transaction_and_read(db: &TestDb) {
    let watch = Arc::new(Watch::default());
    let quiet = open(db);
    let store = quiet.observed_by(Arc::clone(&watch) as Arc<dyn Observer>);
    let told = |operation: Operation| watch.0[operation as usize].load(Ordering::SeqCst);
    let Held {
        writer, work, hold, ..
    } = held_on(store.clone(), 1000);
    let (taken, outcomes) = mpsc::channel();
    for _ in 0..2 {
        assert!(writer.queue(Op::Take("a", taken.clone())).is_ok());
    }
    drop(hold);
    assert_eq!((0..2).filter(|_| outcomes.recv().unwrap().is_ok()).count(), 1);
    writer.stop();
    let commits = work.commits.load(Ordering::SeqCst);
    assert_eq!(
        (told(Operation::Write), told(Operation::Commit)),
        (commits, commits)
    );
    // The second taker fails, and so does the batch that both are in, if they are in one.
    assert!((1..=2).contains(&told(Operation::Rollback)));
    assert_eq!(told(Operation::Read), 0);
    store.read_now(counters::totals).unwrap();
    assert!(
        store
            .clone()
            .read_now(|_| Err::<(), _>(StoreError::Stopping))
            .is_err()
    );
    quiet.read_now(counters::totals).unwrap();
    assert_eq!(told(Operation::Read), 2);
}
