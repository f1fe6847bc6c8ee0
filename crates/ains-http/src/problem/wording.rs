//! The original's sentences: the same refusal reads differently by what was asked for (api.md part A).

use ains_core::chain;
use ains_core::task::{IllegalTransition, Status};

use super::{Kind, Problem};

/// What was asked for, as far as it decides how a refusal reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wording {
    /// Something of AINS's own.
    Plain,
    /// To cancel a task.
    Cancel,
    /// To cancel a chain.
    CancelChain,
    /// `/aitp`: to start a task.
    Start,
    /// `/aitp`: to complete a task.
    Complete,
    /// `/aitp`: to fail a task.
    Fail,
    /// `/aitp`: to change a priority.
    Priority,
    /// `/aitp`: to change a time-out.
    Timeout,
    /// `/aitp`: to try a task again.
    Retry,
}

impl Wording {
    /// The task is in a state where that cannot happen.
    pub(super) fn illegal(self, illegal: IllegalTransition) -> Problem {
        match self {
            Self::Plain | Self::CancelChain => {
                Problem::new(Kind::IllegalTransition, capitalised(&illegal.to_string()))
            }
            other => Problem::bad_request(other.refusal(illegal.from)),
        }
    }

    /// The lease is not the caller's, or no longer. `own`: the task is, or was last, the caller's.
    pub(super) fn lease_lost(self, status: Status, attempt: u32, own: bool) -> Problem {
        match self {
            Self::Plain => Problem::new(
                Kind::LeaseLost,
                format!("The lease is lost: the task is {status}, its current attempt is {attempt}"),
            ),
            other if own => Problem::bad_request(other.refusal(status)),
            _ => Problem::new(Kind::Forbidden, "Agent not assigned to this task"),
        }
    }

    /// The chain is in a state where that cannot happen.
    pub(super) fn chain_refused(self, refusal: chain::Refusal) -> Problem {
        match self {
            Self::CancelChain => Problem::bad_request("Chain already completed or failed"),
            _ => Problem::new(Kind::IllegalTransition, capitalised(&refusal.to_string())),
        }
    }

    /// The task is another client's.
    pub(super) fn not_owner(self) -> &'static str {
        match self {
            Self::Cancel => "Not authorized to cancel this task",
            Self::CancelChain => "Not authorized to cancel this chain",
            Self::Priority | Self::Timeout => "Not authorized to modify this task",
            Self::Plain | Self::Start | Self::Complete | Self::Fail | Self::Retry => "Not authorized",
        }
    }

    fn refusal(self, status: Status) -> String {
        match self {
            Self::Plain | Self::CancelChain => format!("Not possible for a task in {status} status"),
            Self::Cancel => format!("Cannot cancel task in {status} status"),
            Self::Start => "Can only start ASSIGNED tasks".to_owned(),
            Self::Complete => "Can only complete ACTIVE tasks".to_owned(),
            Self::Fail => "Invalid status transition to FAILED".to_owned(),
            Self::Priority => format!("Cannot adjust priority of {status} task"),
            Self::Timeout => format!("Cannot set timeout on {status} task"),
            Self::Retry => format!("Can only retry FAILED tasks, current status: {status}"),
        }
    }
}

/// A sentence with a capital at its beginning.
pub(super) fn capitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
