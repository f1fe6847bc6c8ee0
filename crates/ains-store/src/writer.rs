//! The group-commit writer: dedicated threads that run everything that waits in one
//! transaction, commit once, and only then answer every caller.
//!
//! A durable commit costs one flush of the disk, about the price of thousands of inserts. There
//! is no artificial delay: a batch forms while the one before it is being flushed.
//!
//! The store does not know what the work is: a [`Work`] runs a batch of its operations on a
//! connection, and is told when they are durable, or why they are not.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TryRecvError, TrySendError};

use crate::connection::{Backend, Conn};
use crate::error::StoreError;
use crate::observer::Operation;
use crate::store::Store;

/// Most operations of one transaction, counted by [`Work::weight`] (architecture §3).
pub const BATCH: usize = 256;

/// How often a batch, and then each of its operations alone, is run again when another
/// transaction was in the way.
const ATTEMPTS: usize = 5;

/// How long a writer tries to reach a lost database before it refuses what waits, and the
/// longest pause between two tries.
const RECONNECT: (Duration, Duration) = (Duration::from_secs(5), Duration::from_millis(500));

/// What runs on the writers.
pub trait Work: Send + Sync + 'static {
    /// One operation, with whoever waits for its answer.
    type Op: Send + 'static;
    /// What a batch left to do after its commit: the answers, above all.
    type Outcome;

    /// How much of a transaction an operation fills; 1 for an ordinary one.
    fn weight(&self, op: &Self::Op) -> usize;

    /// Runs `ops` within one transaction. May be called again for the same operations: an
    /// error means that the transaction is rolled back, and whatever this reserved in memory
    /// must already have been given back.
    ///
    /// # Errors
    /// Anything that fails the whole transaction. What concerns one operation only is part of
    /// the outcome instead.
    fn run(&self, conn: &mut Conn, writer: usize, ops: &mut [Self::Op]) -> Result<Self::Outcome, StoreError>;

    /// The transaction of `outcome` was not committed after all.
    fn undo(&self, outcome: Self::Outcome);

    /// The transaction is durable: answer the callers. Returns operations that follow from it,
    /// which join this writer's next batch; they are refused when the writers are stopped.
    fn done(&self, writer: usize, ops: Vec<Self::Op>, outcome: Self::Outcome) -> Vec<Self::Op>;

    /// `op` could not be run.
    fn refuse(&self, op: Self::Op, error: StoreError);
}

/// The way to the writers. Cheap to clone; they end with [`Writer::stop`].
pub struct Writer<W: Work> {
    ops: Mutex<Option<Sender<W::Op>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl<W: Work> std::fmt::Debug for Writer<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

impl<W: Work> Writer<W> {
    /// Starts the threads: one for SQLite, `writers` for PostgreSQL. At most `queue` operations
    /// wait.
    ///
    /// # Errors
    /// When a connection cannot be opened.
    pub fn start(store: &Store, work: &Arc<W>, writers: usize, queue: usize) -> Result<Self, StoreError> {
        let writers = if store.backend() == Backend::Sqlite {
            1
        } else {
            writers.max(1)
        };
        let (sender, receiver) = crossbeam_channel::bounded(queue.max(1));
        let mut threads = Vec::with_capacity(writers);
        for number in 0..writers {
            let conn = Some(store.connect()?);
            let mut thread = Thread {
                store: store.clone(),
                work: Arc::clone(work),
                number,
                conn,
            };
            let receiver = receiver.clone();
            let started = std::thread::Builder::new()
                .name(format!("ains-writer-{number}"))
                .spawn(move || thread.serve(&receiver));
            threads.push(started.map_err(|error| StoreError::Unavailable(error.to_string()))?);
        }
        Ok(Self {
            ops: Mutex::new(Some(sender)),
            threads: Mutex::new(threads),
        })
    }

    /// Queues an operation.
    ///
    /// # Errors
    /// Gives the operation back when the queue is full, or the writers have been stopped.
    pub fn queue(&self, op: W::Op) -> Result<(), (W::Op, StoreError)> {
        let sender = self.ops.lock().unwrap_or_else(PoisonError::into_inner);
        match sender.as_ref() {
            None => Err((op, StoreError::Stopping)),
            Some(sender) => sender.try_send(op).map_err(|refused| match refused {
                TrySendError::Full(op) => (op, StoreError::Overloaded),
                TrySendError::Disconnected(op) => (op, StoreError::Stopping),
            }),
        }
    }

    /// Runs what is queued, then ends the threads. Blocks.
    pub fn stop(&self) {
        drop(self.ops.lock().unwrap_or_else(PoisonError::into_inner).take());
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a writer panicked");
            }
        }
    }
}

struct Thread<W: Work> {
    store: Store,
    work: Arc<W>,
    number: usize,
    conn: Option<Conn>,
}

impl<W: Work> Thread<W> {
    fn serve(&mut self, receiver: &Receiver<W::Op>) {
        let mut ops = Vec::new();
        loop {
            if ops.is_empty() {
                let Ok(first) = receiver.recv() else { return };
                ops.push(first);
            }
            let mut weight: usize = ops.iter().map(|op| self.work.weight(op)).sum();
            while weight < BATCH {
                match receiver.try_recv() {
                    Ok(op) => {
                        weight += self.work.weight(&op);
                        ops.push(op);
                    }
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => {
                        for op in self.carry_out(ops) {
                            self.work.refuse(op, StoreError::Stopping);
                        }
                        return;
                    }
                }
            }
            ops = self.carry_out(ops);
        }
    }

    /// Runs a batch; if it fails as a whole, each of its operations alone, so that only the one
    /// at fault fails. Returns what follows.
    fn carry_out(&mut self, mut ops: Vec<W::Op>) -> Vec<W::Op> {
        match self.attempt(&mut ops) {
            Ok(outcome) => self.work.done(self.number, ops, outcome),
            Err(error)
                if ops.len() == 1
                    || (error.is_unavailable() && !matches!(error, StoreError::Contended(_))) =>
            {
                let text = error.to_string();
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    ops = ops.len(),
                    "a transaction failed"
                );
                let mut error = Some(error);
                for op in ops {
                    let error = error
                        .take()
                        .unwrap_or_else(|| StoreError::Unavailable(text.clone()));
                    self.work.refuse(op, error);
                }
                Vec::new()
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    ops = ops.len(),
                    "running a batch one by one"
                );
                ops.into_iter().flat_map(|op| self.carry_out(vec![op])).collect()
            }
        }
    }

    /// One transaction, again while others are in its way.
    fn attempt(&mut self, ops: &mut [W::Op]) -> Result<W::Outcome, StoreError> {
        let mut tried = 0;
        loop {
            tried += 1;
            match self.transaction(ops) {
                Err(StoreError::Contended(_)) if tried < ATTEMPTS => {}
                Err(StoreError::Unavailable(_)) if tried == 1 => {}
                other => return other,
            }
        }
    }

    fn transaction(&mut self, ops: &mut [W::Op]) -> Result<W::Outcome, StoreError> {
        let mut conn = match self.conn.take() {
            Some(conn) => conn,
            None => self.reconnect()?,
        };
        let begun = Instant::now();
        conn.begin()?;
        // A thread that ended would take the whole service with it.
        let run = AssertUnwindSafe(|| self.work.run(&mut conn, self.number, ops));
        let ran = std::panic::catch_unwind(run).unwrap_or(Err(StoreError::Panicked));
        let outcome = match ran {
            Ok(outcome) => outcome,
            Err(error) => {
                if conn.rollback().is_ok() {
                    self.conn = Some(conn);
                }
                self.store.took(Operation::Rollback, begun.elapsed());
                return Err(error);
            }
        };
        let decided = Instant::now();
        match conn.commit() {
            Ok(()) => {
                self.store.took(Operation::Write, decided - begun);
                self.store.took(Operation::Commit, decided.elapsed());
                self.conn = Some(conn);
                Ok(outcome)
            }
            Err(error) => {
                self.store.took(Operation::Rollback, begun.elapsed());
                self.work.undo(outcome);
                // Whether a commit that broke is durable is unknown: not run again.
                Err(match error {
                    StoreError::Unavailable(reason) => {
                        tracing::error!(reason, "the connection broke during a commit");
                        StoreError::Stopping
                    }
                    contended => {
                        if conn.rollback().is_ok() {
                            self.conn = Some(conn);
                        }
                        contended
                    }
                })
            }
        }
    }

    fn reconnect(&self) -> Result<Conn, StoreError> {
        let mut waited = Duration::ZERO;
        let mut pause = Duration::from_millis(20);
        loop {
            match self.store.connect() {
                Err(_) if waited < RECONNECT.0 => {
                    std::thread::sleep(pause);
                    waited += pause;
                    pause = (pause * 2).min(RECONNECT.1);
                }
                other => return other,
            }
        }
    }
}
