//! The state machine of a task (semantics §1.1).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Waits behind its [`Gate`].
    Pending,
    /// Given to an agent that has not started it.
    Assigned,
    /// Being done by an agent.
    Active,
    /// Done.
    Completed,
    /// Ended without a result.
    Failed,
    /// Given up by whoever wanted it.
    Cancelled,
}

/// What a PENDING task waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// Only for an agent.
    Ready,
    /// For a dependency.
    Blocked,
    /// For an instant: `run_at`, or the delay before a retry.
    NotDue,
    /// For a place under a concurrency limit.
    Limited,
    /// For being resumed.
    Paused,
}

/// What can happen to a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// An agent was chosen for it.
    Assigned,
    /// The chosen agent began.
    Started,
    /// It left its agent without an outcome: not started, released, lost, or to be tried again.
    Requeued,
    /// Its agent reported a result.
    Completed,
    /// It ended without one.
    Failed,
    /// It is no longer wanted.
    Cancelled,
    /// A person gave it another chance.
    Retried,
}

/// An event that cannot happen in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a task that is {from} cannot be {event}")]
pub struct IllegalTransition {
    /// The state it is in.
    pub from: Status,
    /// What was to happen.
    pub event: Event,
}

/// A text that names no state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a task status")]
pub struct UnknownStatus(pub String);

impl Status {
    /// All of them, in order of a task's life.
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::Assigned,
        Self::Active,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The status after `event`.
    ///
    /// # Errors
    /// The refusal names both the state and the event.
    pub fn after(self, event: Event) -> Result<Self, IllegalTransition> {
        Ok(match (self, event) {
            (Self::Pending, Event::Assigned) => Self::Assigned,
            (Self::Assigned, Event::Started) => Self::Active,
            (Self::Assigned | Self::Active, Event::Requeued) | (Self::Failed, Event::Retried) => {
                Self::Pending
            }
            (Self::Active, Event::Completed) => Self::Completed,
            (Self::Pending | Self::Assigned | Self::Active, Event::Failed) => Self::Failed,
            (Self::Pending | Self::Assigned | Self::Active, Event::Cancelled) => Self::Cancelled,
            (from, event) => return Err(IllegalTransition { from, event }),
        })
    }

    /// Whether nothing but a manual retry can change it any more.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    /// Whether an agent holds it.
    pub fn is_leased(self) -> bool {
        matches!(self, Self::Assigned | Self::Active)
    }

    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Assigned => "ASSIGNED",
            Self::Active => "ACTIVE",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

impl Event {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Assigned,
        Self::Started,
        Self::Requeued,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
        Self::Retried,
    ];
}

impl Gate {
    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Blocked => "blocked",
            Self::NotDue => "not_due",
            Self::Limited => "limited",
            Self::Paused => "paused",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Assigned => "assigned",
            Self::Started => "started",
            Self::Requeued => "requeued",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Retried => "retried",
        })
    }
}

impl AsRef<str> for Status {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Gate {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl FromStr for Status {
    type Err = UnknownStatus;

    /// Reads a status; `RUNNING` is another name of `ACTIVE` (semantics §1.1).
    fn from_str(name: &str) -> Result<Self, UnknownStatus> {
        match name {
            "RUNNING" => Ok(Self::Active),
            _ => Self::ALL
                .into_iter()
                .find(|status| status.as_str() == name)
                .ok_or_else(|| UnknownStatus(name.chars().take(64).collect())),
        }
    }
}

impl FromStr for Gate {
    type Err = UnknownStatus;

    fn from_str(name: &str) -> Result<Self, UnknownStatus> {
        [
            Self::Ready,
            Self::Blocked,
            Self::NotDue,
            Self::Limited,
            Self::Paused,
        ]
        .into_iter()
        .find(|gate| gate.as_str() == name)
        .ok_or_else(|| UnknownStatus(name.chars().take(64).collect()))
    }
}
