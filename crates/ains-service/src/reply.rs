//! The way back to callers: one wake-up for each thread and batch, not one for each answer.
//!
//! An answer from a writer to a task on another thread wakes that thread's event loop with a system
//! call, each time. So the answers of a batch go together to a task on the caller's own thread, its
//! desk, which hands them out there, where waking is only a push to a queue.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{mpsc, oneshot};

use crate::error::Error;

/// An answer on its way.
type Letter = Box<dyn FnOnce() + Send>;

/// The way back to a caller.
pub(crate) struct Reply<T> {
    sender: oneshot::Sender<Result<T, Error>>,
    desk: Desk,
}

/// Where the answers for the tasks of one thread are handed out. What waits there is bounded by
/// what may wait for a writer.
#[derive(Clone)]
struct Desk {
    number: u64,
    letters: mpsc::UnboundedSender<Vec<Letter>>,
}

thread_local! {
    static DESK: RefCell<Option<Desk>> = const { RefCell::new(None) };
}

static NEXT_DESK: AtomicU64 = AtomicU64::new(0);

impl Desk {
    /// The desk of this thread; opened when first needed, and again when its runtime has ended.
    fn here() -> Self {
        DESK.with_borrow_mut(|desk| match desk {
            Some(open) if !open.letters.is_closed() => open.clone(),
            closed => closed.insert(Self::open()).clone(),
        })
    }

    fn open() -> Self {
        let (letters, mut incoming) = mpsc::unbounded_channel::<Vec<Letter>>();
        tokio::spawn(async move {
            while let Some(batch) = incoming.recv().await {
                for letter in batch {
                    letter();
                }
            }
        });
        Self {
            number: NEXT_DESK.fetch_add(1, Ordering::Relaxed),
            letters,
        }
    }
}

impl<T: Send + 'static> Reply<T> {
    /// A way back to the current task, and where it waits.
    pub(crate) fn channel() -> (Self, oneshot::Receiver<Result<T, Error>>) {
        let (sender, receiver) = oneshot::channel();
        (
            Self {
                sender,
                desk: Desk::here(),
            },
            receiver,
        )
    }

    /// Whether nobody waits any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Answers now; gives the answer back when nobody waits for it.
    pub(crate) fn send(self, answer: Result<T, Error>) -> Result<(), Result<T, Error>> {
        self.sender.send(answer)
    }

    /// Answers with the rest of the batch. When nobody waits any more the answer is dropped.
    pub(crate) fn post(self, answer: Result<T, Error>, post: &mut Post) {
        let Self { sender, desk } = self;
        let letters = &mut post
            .bags
            .entry(desk.number)
            .or_insert_with(|| (desk, Vec::new()))
            .1;
        letters.push(Box::new(move || drop(sender.send(answer))));
    }
}

/// The answers of a batch, by desk.
#[derive(Default)]
pub(crate) struct Post {
    bags: BTreeMap<u64, (Desk, Vec<Letter>)>,
}

impl Post {
    /// Takes in the answers of another.
    pub(crate) fn join(&mut self, other: Self) {
        for (number, (desk, letters)) in other.bags {
            self.bags
                .entry(number)
                .or_insert_with(|| (desk, Vec::new()))
                .1
                .extend(letters);
        }
    }

    /// Sends them.
    pub(crate) fn deliver(self) {
        for (desk, letters) in self.bags.into_values() {
            // A desk whose runtime has ended hands nothing out; whoever waits may be elsewhere.
            if let Err(mpsc::error::SendError(letters)) = desk.letters.send(letters) {
                for letter in letters {
                    letter();
                }
            }
        }
    }
}
