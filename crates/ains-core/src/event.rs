//! What happens, told to whoever follows it (semantics §8).
//!
//! Events of one subject are told in the order in which they happened. What happened to a task is noted by the task
//! itself as it changes ([`Log`]); other subjects change seldom, and are compared before and after.

mod log;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

pub use log::{Entry, Log};

use crate::chain::ChainStatus;
use crate::ids::{AgentId, ClientId};
use crate::schedule::SlotState;
use crate::time::Timestamp;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What kind of thing.
    pub kind: EventType,
    /// The id of what it happened to: a task, chain, schedule or agent.
    pub subject: String,
    /// Whose it is, if it is a client's.
    pub client: Option<ClientId>,
    /// The agent that has part in it.
    pub agent: Option<AgentId>,
    /// When it happened.
    pub at: Timestamp,
    /// More about it: a JSON object.
    pub data: Box<str>,
}

macro_rules! event_types {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// A kind of thing that happens.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum EventType {
            $($(#[$doc])* $name,)*
        }

        impl EventType {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name on the wire and in the store, such as `task.completed`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

event_types! {
    /// A task was submitted, or made by a chain or a schedule.
    TaskCreated = "task.created",
    /// A task was given to an agent: a new attempt.
    TaskAssigned = "task.assigned",
    /// The agent began.
    TaskStarted = "task.started",
    /// The agent said how far it has come.
    TaskProgress = "task.progress",
    /// A task was done.
    TaskCompleted = "task.completed",
    /// A task ended without a result.
    TaskFailed = "task.failed",
    /// A task is no longer wanted.
    TaskCancelled = "task.cancelled",
    /// A task waits for an agent again: its attempt failed, was given back or lost, or somebody wants it tried again.
    TaskRetrying = "task.retrying",
    /// A chain was made.
    ChainCreated = "chain.created",
    /// The first steps of a chain were started.
    ChainStarted = "chain.started",
    /// A chain starts no further steps for now.
    ChainPaused = "chain.paused",
    /// A paused chain goes on.
    ChainResumed = "chain.resumed",
    /// A chain that had failed goes on.
    ChainRetrying = "chain.retrying",
    /// Every step of a chain has ended as it should.
    ChainCompleted = "chain.completed",
    /// A chain ended because a step failed.
    ChainFailed = "chain.failed",
    /// A chain is no longer wanted.
    ChainCancelled = "chain.cancelled",
    /// A slot of a schedule made its task or chain.
    ScheduleFired = "schedule.fired",
    /// A slot of a schedule was passed over, for a reason that is told.
    ScheduleSlotSkipped = "schedule.slot_skipped",
    /// A slot of a schedule went by while nobody could fire it.
    ScheduleMissed = "schedule.missed",
    /// An agent was registered.
    AgentRegistered = "agent.registered",
    /// An agent fell silent, or said that it is gone.
    AgentInactive = "agent.inactive",
}

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noun {
    /// A task.
    Task,
    /// A chain.
    Chain,
    /// A schedule.
    Schedule,
    /// An agent.
    Agent,
}

impl EventType {
    /// What it is about.
    pub fn noun(self) -> Noun {
        match self.as_str().split_once('.') {
            Some(("chain", _)) => Noun::Chain,
            Some(("schedule", _)) => Noun::Schedule,
            Some(("agent", _)) => Noun::Agent,
            _ => Noun::Task,
        }
    }

    /// What is told of a chain that has come from one state to another, in order; one that was in none is new.
    pub fn of_chain(before: Option<ChainStatus>, after: ChainStatus) -> impl Iterator<Item = Self> {
        use ChainStatus::{Cancelled, Completed, Failed, Paused, Pending, Running};
        let created = before.is_none().then_some(Self::ChainCreated);
        let became = match (before.unwrap_or(Pending), after) {
            (before, after) if before == after => None,
            (Pending, Running) => Some(Self::ChainStarted),
            (Paused, Running) => Some(Self::ChainResumed),
            (Completed | Failed | Cancelled, Running) => Some(Self::ChainRetrying),
            (_, Paused) => Some(Self::ChainPaused),
            (_, Completed) => Some(Self::ChainCompleted),
            (_, Failed) => Some(Self::ChainFailed),
            (_, Cancelled) => Some(Self::ChainCancelled),
            (_, Pending | Running) => None,
        };
        created.into_iter().chain(became)
    }

    /// What is told of a slot of which this became; nothing of one that waits, until it is known what becomes of it.
    pub fn of_slot(state: SlotState) -> Option<Self> {
        match state {
            SlotState::Fired => Some(Self::ScheduleFired),
            SlotState::Missed => Some(Self::ScheduleMissed),
            SlotState::Skipped | SlotState::Dropped => Some(Self::ScheduleSlotSkipped),
            SlotState::Buffered => None,
        }
    }
}

/// A text that names no event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an event: {known}", known = known())]
pub struct UnknownEventType(pub String);

/// The names, those of a noun together: `task.{created, assigned}`.
fn known() -> String {
    let mut text = String::new();
    let mut of = "";
    for (noun, what) in EventType::ALL
        .iter()
        .filter_map(|kind| kind.as_str().split_once('.'))
    {
        if noun == of {
            text.push(',');
        } else {
            text.push_str(if of.is_empty() { "" } else { "}, " });
            text.push_str(noun);
            text.push_str(".{");
            of = noun;
        }
        text.push_str(what);
    }
    text + "}, task.* and the like, or *"
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EventType {
    type Err = UnknownEventType;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|kind| kind.as_str() == text);
        found.copied().ok_or_else(|| UnknownEventType(text.to_owned()))
    }
}

/// A set of kinds of events.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EventTypes(u32);

const _: () = assert!(EventType::ALL.len() < 32, "each kind has a bit");

impl EventTypes {
    /// Every kind there is.
    pub const ALL: Self = Self((1 << EventType::ALL.len()) - 1);

    /// Whether it holds none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether it holds `kind`.
    pub fn contains(self, kind: EventType) -> bool {
        self.0 & (1 << kind as u32) != 0
    }

    /// The kinds that `names` stand for: `task.completed`, all of a noun as `task.*`, or `*`.
    ///
    /// # Errors
    /// Names the first that stands for none.
    pub fn named<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Self, UnknownEventType> {
        let mut kinds = Self(0);
        for name in names {
            let prefix = name
                .strip_suffix('*')
                .filter(|prefix| prefix.is_empty() || prefix.ends_with('.'));
            let stands_for = |kind: &EventType| match prefix {
                Some(prefix) => kind.as_str().starts_with(prefix),
                None => kind.as_str() == name,
            };
            let meant: Self = EventType::ALL.iter().copied().filter(stands_for).collect();
            if meant.0 == 0 {
                return Err(UnknownEventType(name.to_owned()));
            }
            kinds.0 |= meant.0;
        }
        Ok(kinds)
    }

    /// Its members, in the order of [`EventType::ALL`].
    pub fn iter(self) -> impl Iterator<Item = EventType> {
        EventType::ALL
            .iter()
            .copied()
            .filter(move |kind| self.contains(*kind))
    }
}

impl FromIterator<EventType> for EventTypes {
    fn from_iter<I: IntoIterator<Item = EventType>>(kinds: I) -> Self {
        Self(kinds.into_iter().fold(0, |all, kind| all | 1 << kind as u32))
    }
}

impl fmt::Debug for EventTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(EventType::as_str)).finish()
    }
}
