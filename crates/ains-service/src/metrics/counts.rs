//! What one batch did, in plain numbers: it is counted after the commit, so that a batch which is rolled back, or run
//! again, counts once.

use std::time::Duration;

use ains_core::chain::StepStatus;
use ains_core::{ChainStatus, Timestamp};

/// What is found later than this was missed, and not only about to be done.
pub(crate) const LATE: Duration = Duration::from_secs(2);

/// What background re-checks put right (semantics §1.1): 0 of each in a healthy system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repair {
    /// A change of an agent by another server that was not heard of.
    Agent,
    /// The end of a task or a chain that its waiting reader was not woken for.
    End,
    /// An instant that the timer did not know of, found by its slow look.
    Instant,
    /// A ready task and an agent with room that were not brought together.
    Match,
    /// A question of a chain that nobody was about to answer.
    Question,
    /// The end of a task whose dependants were not told, as by a server that was killed.
    Settle,
}

impl Repair {
    pub(super) const NAMES: [&'static str; 6] = ["agent", "end", "instant", "match", "question", "settle"];
}

/// What can happen to a chain, for its counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChainTurn {
    Created,
    Completed,
    Failed,
    Cancelled,
}

impl ChainTurn {
    pub(super) const NAMES: [&'static str; 4] = ["created", "completed", "failed", "cancelled"];

    /// The end that `status` is, if it is one.
    pub(crate) fn of(status: ChainStatus) -> Option<Self> {
        match status {
            ChainStatus::Completed => Some(Self::Completed),
            ChainStatus::Failed => Some(Self::Failed),
            ChainStatus::Cancelled => Some(Self::Cancelled),
            ChainStatus::Pending | ChainStatus::Running | ChainStatus::Paused => None,
        }
    }
}

/// How steps end, in the order of their counters.
pub(super) const STEP_ENDS: [&str; 4] = ["completed", "failed", "skipped", "cancelled"];

/// What schedules make, in the order of their counters.
pub(super) const RUNS: [&str; 2] = ["task", "chain"];

/// What one batch did.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(super) created: u64,
    pub(super) failed: u64,
    pub(super) retries: u64,
    pub(super) timeouts: u64,
    /// How long the completed tasks took, in seconds; one for each.
    pub(super) completed: Vec<f64>,
    /// How long what was handed out had been ready, in seconds.
    pub(super) waits: Vec<f64>,
    pub(super) chains: [u64; ChainTurn::NAMES.len()],
    /// How long the completed chains took, in seconds.
    pub(super) chain_seconds: Vec<f64>,
    pub(super) steps: [u64; STEP_ENDS.len()],
    pub(super) runs: [u64; RUNS.len()],
    pub(super) repairs: [u64; Repair::NAMES.len()],
}

impl Counts {
    /// A task was stored.
    pub(crate) fn created(&mut self) {
        self.created += 1;
    }

    /// A task was completed, after so long.
    pub(crate) fn completed(&mut self, took: Duration) {
        self.completed.push(took.as_secs_f64());
    }

    /// A task ended FAILED.
    pub(crate) fn failed(&mut self) {
        self.failed += 1;
    }

    /// A task is tried again.
    pub(crate) fn retried(&mut self) {
        self.retries += 1;
    }

    /// An attempt took longer than its task allows.
    pub(crate) fn timed_out(&mut self) {
        self.timeouts += 1;
    }

    /// A task that was ready since `ready` is handed out.
    pub(crate) fn handed_out(&mut self, ready: Option<Timestamp>, now: Timestamp) {
        let waited = ready.map_or(Duration::ZERO, |ready| now.since(ready));
        self.waits.push(waited.as_secs_f64());
    }

    /// A chain was stored, or ended.
    pub(crate) fn chain(&mut self, turn: ChainTurn) {
        self.chains[turn as usize] += 1;
    }

    /// A chain was completed, so long after it was created.
    pub(crate) fn chain_took(&mut self, took: Duration) {
        self.chain_seconds.push(took.as_secs_f64());
    }

    /// A step of a chain ended.
    pub(crate) fn step(&mut self, status: StepStatus) {
        let place = match status {
            StepStatus::Completed => 0,
            StepStatus::Failed => 1,
            StepStatus::Skipped => 2,
            StepStatus::Cancelled => 3,
            StepStatus::Pending | StepStatus::Running => return,
        };
        self.steps[place] += 1;
    }

    /// A schedule made a task, or a chain.
    pub(crate) fn scheduled(&mut self, chain: bool) {
        self.runs[usize::from(chain)] += 1;
    }

    /// A re-check put something right.
    pub(crate) fn repaired(&mut self, repair: Repair) {
        self.repairs[repair as usize] += 1;
    }
}
