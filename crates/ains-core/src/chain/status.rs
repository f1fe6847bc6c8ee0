//! The state machines of a chain and of its steps (semantics §3).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where a chain stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ChainStatus {
    /// It has not begun.
    #[default]
    Pending,
    /// Its steps are being done, or undone.
    Running,
    /// What runs goes on, nothing new starts.
    Paused,
    /// Every step ended, and no failure was in the way.
    Completed,
    /// A step failed that it could not do without.
    Failed,
    /// It was given up by whoever wanted it.
    Cancelled,
}

/// What can happen to a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChainEvent {
    /// Its first steps may start.
    Begun,
    /// Someone wants it to stand still.
    Paused,
    /// Someone wants it to go on.
    Resumed,
    /// Its last step ended.
    Completed,
    /// A step failed that it could not do without, and all that was to be undone was.
    Failed,
    /// It is no longer wanted.
    Cancelled,
    /// A person gave it another chance: a new run.
    Retried,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StepStatus {
    /// It waits: for other steps, for its condition, for its input.
    #[default]
    Pending,
    /// It has begun.
    Running,
    /// Done.
    Completed,
    /// Ended without an output.
    Failed,
    /// Not needed: its condition did not hold, or nothing before it was done.
    Skipped,
    /// Given up: its task was cancelled, or its chain ended first.
    Cancelled,
}

/// What can happen to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StepEvent {
    /// Its first task was made, or the list that it goes through is known.
    Started,
    /// It ended with an output.
    Completed,
    /// It ended without one.
    Failed,
    /// It is not needed.
    Skipped,
    /// Its task was cancelled, or its chain ended first.
    Cancelled,
    /// A new run of the chain begins with it.
    Retried,
}

/// An event that cannot happen to a chain in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a chain that is {from} cannot be {event}")]
pub struct Refusal {
    /// The state it is in.
    pub from: ChainStatus,
    /// What was to happen.
    pub event: ChainEvent,
}

/// An event that cannot happen to a step in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a step that is {from} cannot be {event}")]
pub struct IllegalStep {
    /// The state it is in.
    pub from: StepStatus,
    /// What was to happen.
    pub event: StepEvent,
}

/// A text that names no state of a chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a chain status")]
pub struct UnknownChainStatus(pub String);

/// A text that names no state of a step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a step status")]
pub struct UnknownStepStatus(pub String);

impl ChainStatus {
    /// All of them, in order of a chain's life.
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::Running,
        Self::Paused,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The status after `event`.
    ///
    /// # Errors
    /// The refusal names both the state and the event.
    pub fn after(self, event: ChainEvent) -> Result<Self, Refusal> {
        Ok(match (self, event) {
            (Self::Pending, ChainEvent::Begun)
            | (Self::Paused, ChainEvent::Resumed)
            | (Self::Failed, ChainEvent::Retried) => Self::Running,
            (Self::Pending | Self::Running, ChainEvent::Paused) => Self::Paused,
            (Self::Running | Self::Paused, ChainEvent::Completed) => Self::Completed,
            (Self::Running | Self::Paused, ChainEvent::Failed) => Self::Failed,
            (Self::Pending | Self::Running | Self::Paused, ChainEvent::Cancelled) => Self::Cancelled,
            (from, event) => return Err(Refusal { from, event }),
        })
    }

    /// Whether nothing but a retry can change it any more.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Paused => "PAUSED",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

impl ChainEvent {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Begun,
        Self::Paused,
        Self::Resumed,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
        Self::Retried,
    ];
}

impl StepStatus {
    /// All of them, in order of a step's life.
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::Running,
        Self::Completed,
        Self::Failed,
        Self::Skipped,
        Self::Cancelled,
    ];

    /// The status after `event`.
    ///
    /// # Errors
    /// The refusal names both the state and the event.
    pub fn after(self, event: StepEvent) -> Result<Self, IllegalStep> {
        Ok(match (self, event) {
            (Self::Pending, StepEvent::Started) => Self::Running,
            (Self::Running, StepEvent::Completed) => Self::Completed,
            (Self::Pending | Self::Running, StepEvent::Failed) => Self::Failed,
            (Self::Pending, StepEvent::Skipped) => Self::Skipped,
            (Self::Pending | Self::Running, StepEvent::Cancelled) => Self::Cancelled,
            // A completed step only if it was undone.
            (Self::Completed | Self::Failed | Self::Cancelled, StepEvent::Retried) => Self::Pending,
            (from, event) => return Err(IllegalStep { from, event }),
        })
    }

    /// Whether it has ended, in whatever way.
    pub fn is_finished(self) -> bool {
        !matches!(self, Self::Pending | Self::Running)
    }

    /// The name on the wire, in the store, and in `steps.<name>.status`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
            Self::Skipped => "SKIPPED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

impl StepEvent {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Started,
        Self::Completed,
        Self::Failed,
        Self::Skipped,
        Self::Cancelled,
        Self::Retried,
    ];
}

impl fmt::Display for ChainStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for StepStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for ChainEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Begun => "begun",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Retried => "retried",
        })
    }
}

impl fmt::Display for StepEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Started => "started",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
            Self::Retried => "retried",
        })
    }
}

impl AsRef<str> for ChainStatus {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for StepStatus {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl FromStr for ChainStatus {
    type Err = UnknownChainStatus;

    fn from_str(name: &str) -> Result<Self, UnknownChainStatus> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == name)
            .ok_or_else(|| UnknownChainStatus(name.chars().take(64).collect()))
    }
}

impl FromStr for StepStatus {
    type Err = UnknownStepStatus;

    fn from_str(name: &str) -> Result<Self, UnknownStepStatus> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == name)
            .ok_or_else(|| UnknownStepStatus(name.chars().take(64).collect()))
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn every_status_of_a_chain_meets_every_event_as_written_down() {
        let mut matrix = String::from("| from | event | to |\n|---|---|---|\n");
        for from in ChainStatus::ALL {
            for event in ChainEvent::ALL {
                let to = from.after(event).map_or("refused", ChainStatus::as_str);
                writeln!(matrix, "| {from} | {event} | {to} |").unwrap();
            }
        }
        insta::assert_snapshot!("chain_matrix", matrix);
    }

    #[test]
    fn every_status_of_a_step_meets_every_event_as_written_down() {
        let mut matrix = String::from("| from | event | to |\n|---|---|---|\n");
        for from in StepStatus::ALL {
            for event in StepEvent::ALL {
                let to = from.after(event).map_or("refused", StepStatus::as_str);
                writeln!(matrix, "| {from} | {event} | {to} |").unwrap();
            }
        }
        insta::assert_snapshot!("step_matrix", matrix);
    }

    #[test]
    fn a_status_reads_back_from_its_name() {
        for status in ChainStatus::ALL {
            assert_eq!(status.to_string().parse(), Ok(status));
        }
        for status in StepStatus::ALL {
            assert_eq!(status.to_string().parse(), Ok(status));
        }
        let unknown = "x".repeat(1000).parse::<StepStatus>().unwrap_err();
        assert_eq!(unknown.0.len(), 64, "no more than shows which it was");
        let refusal = ChainStatus::Completed.after(ChainEvent::Paused).unwrap_err();
        assert_eq!(refusal.to_string(), "a chain that is COMPLETED cannot be paused");
    }
}
