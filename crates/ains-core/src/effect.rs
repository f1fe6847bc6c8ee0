//! Consequences: what a decision asks its caller to do in the same transaction.

use std::time::Duration;

use crate::ids::{AgentId, TaskId};
use crate::time::Timestamp;
use crate::trust::TrustEvent;

/// One consequence of a decision about a task.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// An agent holds one task fewer.
    Free(AgentId),
    /// An agent earned or lost trust; a completion also tells how long it took.
    Trust {
        /// The agent.
        agent: AgentId,
        /// What for.
        event: TrustEvent,
        /// How much; the score is clamped.
        delta: f64,
        /// How long a completed attempt took.
        took: Option<Duration>,
        /// Why: what the agent or the server said, where there is more to say than `event` does.
        reason: Option<String>,
    },
    /// An attempt ended without a result; the record of it.
    Attempt(Attempt),
    /// An agent did not start what it was given: no more is pushed to it until it calls.
    Unresponsive(AgentId),
    /// An agent works on something that is no longer wanted, and should be told.
    Stop {
        /// The agent.
        agent: AgentId,
        /// What it should stop.
        task: TaskId,
    },
    /// The task will be tried again.
    Retry,
}

/// An attempt that did not end in a result.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// The task.
    pub task: TaskId,
    /// Its number, from 1.
    pub number: u32,
    /// Who tried.
    pub agent: AgentId,
    /// When the task was handed out.
    pub assigned_at: Timestamp,
    /// When the agent began, if it did.
    pub started_at: Option<Timestamp>,
    /// When the attempt ended.
    pub ended_at: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
    /// What the agent or the server said of it.
    pub error: Option<String>,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// With a result.
    Completed,
    /// With an error that the agent reported.
    Failed,
    /// It took longer than the task allows.
    TimedOut,
    /// Its agent fell silent.
    LeaseLost,
    /// Its agent never began.
    NotStarted,
    /// Its agent gave it back.
    Released,
    /// The task was cancelled, or expired.
    Cancelled,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Completed,
        Self::Failed,
        Self::TimedOut,
        Self::LeaseLost,
        Self::NotStarted,
        Self::Released,
        Self::Cancelled,
    ];

    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::LeaseLost => "lease_lost",
            Self::NotStarted => "not_started",
            Self::Released => "released",
            Self::Cancelled => "cancelled",
        }
    }
}
