//! The followers of this server, found by what they follow.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ains_core::ClientId;
use tokio::sync::mpsc::{self, error::TrySendError};

use super::{EventFilter, Happening};

/// Events that wait for one follower at most; one that lets more wait is let go.
pub(crate) const QUEUE: usize = 2048;

/// Followers of one server at most.
const FOLLOWERS: usize = 2000;

/// Who follows, and how far has been told.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    state: Mutex<State>,
    followers: AtomicUsize,
    /// Followers that were let go because they did not keep up.
    let_go: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    /// The last position that was told.
    position: i64,
    by_subject: HashMap<String, Vec<Line>>,
    by_client: HashMap<ClientId, Vec<Line>>,
    others: Vec<Line>,
}

/// The way to one follower.
#[derive(Debug)]
struct Line {
    number: u64,
    filter: EventFilter,
    queue: mpsc::Sender<Arc<Happening>>,
    too_slow: Arc<AtomicBool>,
}

/// What a follower has of the hub; it is let go when this is dropped.
#[derive(Debug)]
pub(crate) struct Membership {
    number: u64,
    pub(crate) filter: EventFilter,
    pub(crate) queue: mpsc::Receiver<Arc<Happening>>,
    pub(crate) too_slow: Arc<AtomicBool>,
    /// The last position that was told before it joined.
    pub(crate) joined_at: i64,
}

impl Hub {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many follow.
    pub(crate) fn followers(&self) -> usize {
        self.followers.load(Ordering::Relaxed)
    }

    /// How many have been let go because they did not keep up.
    pub(crate) fn let_go(&self) -> usize {
        self.let_go.load(Ordering::Relaxed)
    }

    /// The last position that was told.
    pub(crate) fn position(&self) -> i64 {
        self.lock().position
    }

    /// Everything up to `position` counts as told, if nobody follows whom it could be told.
    pub(crate) fn begin_at(&self, position: i64) {
        let mut state = self.lock();
        if self.followers() == 0 {
            state.position = state.position.max(position);
        }
    }

    /// Takes in a follower, unless there are too many. It hears all that is told from now on.
    pub(crate) fn join(&self, filter: EventFilter) -> Option<Membership> {
        let (queue, receiver) = mpsc::channel(QUEUE);
        let mut state = self.lock();
        if self.followers() >= FOLLOWERS {
            return None;
        }
        state.next += 1;
        let line = Line {
            number: state.next,
            filter: filter.clone(),
            queue,
            too_slow: Arc::default(),
        };
        let membership = Membership {
            number: line.number,
            filter,
            queue: receiver,
            too_slow: Arc::clone(&line.too_slow),
            joined_at: state.position,
        };
        state.lines(&membership.filter).push(line);
        self.followers.fetch_add(1, Ordering::Relaxed);
        Some(membership)
    }

    /// Lets a follower go.
    pub(crate) fn leave(&self, membership: &Membership) {
        let gone = self.lock().remove(membership.number, &membership.filter);
        self.followers.fetch_sub(gone, Ordering::Relaxed);
    }

    /// Hands on what happened, in order, to whoever wants to hear of it: everything up to the position `until`, if it
    /// is kept.
    pub(crate) fn publish(&self, told: impl Iterator<Item = Arc<Happening>>, until: Option<i64>) {
        let mut state = self.lock();
        state.position = state.position.max(until.unwrap_or(0));
        if self.followers() == 0 {
            return;
        }
        let mut slow = Vec::new();
        for happening in told {
            let event = &happening.event;
            let of_subject = state.by_subject.get(&event.subject);
            let of_client = event
                .client
                .as_ref()
                .and_then(|client| state.by_client.get(client));
            let lines = of_subject
                .into_iter()
                .chain(of_client)
                .chain([&state.others])
                .flatten();
            // Nothing comes after what one could not take in.
            let keeps_up = |line: &&Line| !line.too_slow.load(Ordering::Relaxed);
            for line in lines.filter(keeps_up).filter(|line| line.filter.passes(event)) {
                // One whose end is closed is about to leave.
                if let Err(TrySendError::Full(_)) = line.queue.try_send(Arc::clone(&happening)) {
                    line.too_slow.store(true, Ordering::Relaxed);
                    slow.push((line.number, line.filter.clone()));
                }
            }
        }
        for (number, filter) in slow {
            let gone = state.remove(number, &filter);
            self.followers.fetch_sub(gone, Ordering::Relaxed);
            self.let_go.fetch_add(gone, Ordering::Relaxed);
        }
    }
}

impl State {
    /// Where the followers of a filter stand.
    fn lines(&mut self, filter: &EventFilter) -> &mut Vec<Line> {
        match filter {
            EventFilter {
                subject: Some(subject),
                ..
            } => self.by_subject.entry(subject.clone()).or_default(),
            EventFilter {
                client: Some(client), ..
            } => self.by_client.entry(client.clone()).or_default(),
            _ => &mut self.others,
        }
    }

    /// Takes a follower out; how many there were.
    fn remove(&mut self, number: u64, filter: &EventFilter) -> usize {
        let lines = self.lines(filter);
        let before = lines.len();
        lines.retain(|line| line.number != number);
        let gone = before - lines.len();
        if lines.is_empty() {
            match filter {
                EventFilter {
                    subject: Some(subject),
                    ..
                } => drop(self.by_subject.remove(subject)),
                EventFilter {
                    client: Some(client), ..
                } => drop(self.by_client.remove(client)),
                _ => {}
            }
        }
        gone
    }
}
