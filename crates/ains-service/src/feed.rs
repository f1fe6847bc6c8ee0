//! Following what happens: from a transaction to those who listen.
//!
//! What a batch tells is stored with it, if it is kept. On SQLite it is then handed to the followers from memory, as
//! the writer commits; on PostgreSQL every server reads what all of them stored, in the order of the positions
//! (`ains_store::events`), and hands that on. A follower has a bounded queue: whoever does not empty it is let go, with
//! a notice. So telling never waits for a follower.
//!
//! | file | what |
//! |---|---|
//! | `hub` | the followers of this server, found by what they follow |
//! | `id` | what an event is called, and where a follower goes on |
//! | `follower` | one follower: what was told before it came, then what is told |

mod follower;
mod hub;
mod id;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use ains_core::{ClientId, Event, EventTypes, Timestamp};
use ains_store::events::Told;
use tokio::sync::Notify;

use crate::ains::Ains;

pub use self::follower::{Followed, Follower};
pub(crate) use self::hub::Hub;
pub use self::id::{EventId, UnknownEventId};

/// For how long a server believes that another has followers, once it has heard so.
const BELIEVED: Duration = Duration::from_secs(5);

/// Something that happened, as followers are told of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Happening {
    /// What it is called: where a follower goes on that has seen it.
    pub id: EventId,
    /// What happened.
    pub event: Event,
}

/// What a follower wants to hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFilter {
    /// Which kinds.
    pub types: EventTypes,
    /// Only what is this client's.
    pub client: Option<ClientId>,
    /// Only what happens to this task, chain, schedule or agent.
    pub subject: Option<String>,
}

impl Default for EventFilter {
    fn default() -> Self {
        Self {
            types: EventTypes::ALL,
            client: None,
            subject: None,
        }
    }
}

impl EventFilter {
    /// Whether `event` passes.
    pub fn passes(&self, event: &Event) -> bool {
        self.types.contains(event.kind)
            && (self.client.is_none() || self.client == event.client)
            && self
                .subject
                .as_ref()
                .is_none_or(|subject| *subject == event.subject)
    }
}

/// Figures of the feed of this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FeedFigures {
    /// Events since the start, heard by somebody or not.
    pub events: usize,
    /// Those who follow now.
    pub followers: usize,
    /// Followers that were let go since the start because they did not keep up.
    pub let_go: usize,
}

impl Ains {
    /// Figures of the feed of this server.
    pub fn feed_figures(&self) -> FeedFigures {
        self.engine().feed.figures()
    }
}

/// The feed of one server.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    pub(crate) hub: Hub,
    /// Woken when rows were stored that followers should hear of.
    pub(crate) stored: Notify,
    /// Woken when somebody began to follow.
    pub(crate) followed: Notify,
    /// Until when another server is believed to have followers, in microseconds.
    elsewhere_until: AtomicI64,
    /// Names what is told, but not kept.
    unkept: AtomicUsize,
    /// How much has happened.
    events: AtomicUsize,
}

impl Feed {
    /// Whether anybody, here or at another server, follows.
    pub(crate) fn is_followed(&self, now: Timestamp) -> bool {
        self.hub.followers() > 0 || self.is_followed_elsewhere(now)
    }

    /// Counts what happened.
    pub(crate) fn count(&self, events: usize) {
        self.events.fetch_add(events, Ordering::Relaxed);
    }

    fn figures(&self) -> FeedFigures {
        FeedFigures {
            events: self.events.load(Ordering::Relaxed),
            followers: self.hub.followers(),
            let_go: self.hub.let_go(),
        }
    }

    /// Whether another server said that it has followers.
    pub(crate) fn is_followed_elsewhere(&self, now: Timestamp) -> bool {
        self.elsewhere_until.load(Ordering::Relaxed) > now.as_micros()
    }

    /// Another server has followers.
    pub(crate) fn heard_of_followers(&self, now: Timestamp) {
        self.elsewhere_until
            .store((now + BELIEVED).as_micros(), Ordering::Relaxed);
    }

    /// Hands on what a transaction told, once it is committed; `positions` say where it is stored, if it is.
    pub(crate) fn told(&self, events: Vec<Event>, positions: &[(i64, usize)]) {
        let mut places = positions
            .iter()
            .flat_map(|(position, count)| (0..*count).map(|index| EventId::kept(*position, index)));
        let happenings = events.into_iter().map(|event| {
            let id = places
                .next()
                .unwrap_or_else(|| EventId::unkept(self.unkept.fetch_add(1, Ordering::Relaxed)));
            Arc::new(Happening { id, event })
        });
        self.hub
            .publish(happenings, positions.last().map(|(position, _)| *position));
    }

    /// Hands on what is stored.
    pub(crate) fn read(&self, told: Vec<Told>) {
        let until = told.last().map(|told| told.position);
        let happenings = told.into_iter().flat_map(|told| {
            let position = told.position;
            let events = told.events.into_iter().enumerate();
            events.map(move |(index, event)| {
                let id = EventId::kept(position, index);
                Arc::new(Happening { id, event })
            })
        });
        self.hub.publish(happenings, until);
    }
}
