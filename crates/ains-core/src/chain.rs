//! A chain: a small workflow whose steps are tasks (semantics §3).
//!
//! | file | what |
//! |---|---|
//! | `definition` | what whoever submits a chain says |
//! | `validate` | what is wrong with that, all of it |
//! | `plan` | a definition that is right: who follows whom, expressions parsed |
//! | `status` | which state follows which |
//! | `state` | how a step stands: small counters, no results |
//! | `items` | a set of item numbers, one bit each |
//! | `place` | names of tasks, questions and answers |
//! | `advance` | what an event brings about: [`Chain::on`] |
//! | `step` | the course of one step |
//! | `undo` | compensation |
//! | `evaluate` | what a question needs, and its answer |
//!
//! Results never pass through here. A chain says which tasks to make, of which steps or tasks the
//! output goes into their input, and which expressions it must know the value of; whoever calls loads
//! and stores. So one event is a small decision over a small state, whatever the tasks produce:
//!
//! ```text
//!              ┌───────────────────────── Event::Evaluated ─────────────────────────┐
//!              ▼                                                                    │
//!  Event ─▶ Chain::on ─▶ Decision ─▶ start, cancel: in the same transaction         │
//!                                 └▶ ask: outside of it, Plan::needs and evaluate ──┘
//! ```

mod advance;
mod definition;
mod evaluate;
mod items;
mod place;
mod plan;
mod state;
mod status;
mod step;
#[cfg(test)]
mod tests;
mod undo;
mod validate;

use std::collections::BTreeMap;

pub use definition::{Compensation, Definition, Join, OnFailure, StepDefinition, StepTask, Tolerance};
pub use evaluate::{Evaluation, Needs};
pub use place::{Answer, InvalidPlace, Place, Question};
pub use plan::Plan;
use serde::{Deserialize, Serialize};
pub use state::{StepState, Undo};
pub use status::{
    ChainEvent, ChainStatus, IllegalStep, Refusal, StepEvent, StepStatus, UnknownChainStatus,
    UnknownStepStatus,
};
pub use validate::Fault;

use crate::dependency::Ending;
use crate::time::Timestamp;

/// Most steps of a chain (semantics §9).
pub const MAX_STEPS: usize = 1_000;

/// Most predecessors that all the steps of a chain name together.
pub const MAX_EDGES: usize = 20_000;

/// Most items of a `for_each` (semantics §3).
pub const MAX_ITEMS: usize = 10_000;

/// Most items of one step at once.
pub const MAX_PARALLEL: u32 = 1_000;

/// Most iterations of a `repeat_until` (semantics §3).
pub const MAX_ITERATIONS: u32 = 1_000;

/// Most characters of an error that a chain keeps.
pub const MAX_ERROR: usize = 2_000;

/// Where a chain stands: what changes while it runs.
///
/// It is stored as one JSON text. Steps that are still untouched are left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chain {
    /// Its state.
    pub status: ChainStatus,
    /// 1, and one more with every retry.
    #[serde(default = "first_run", skip_serializing_if = "is_first_run")]
    pub run: u32,
    /// Why it FAILED or was CANCELLED, or why it is undoing its steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When its first run began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Whether it is undoing its steps.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    undoing: bool,
    /// How many steps that can be undone have completed, in all runs.
    #[serde(default, skip_serializing_if = "is_zero")]
    sequence: u32,
    /// The steps that are not untouched, by index.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    steps: BTreeMap<u32, StepState>,
}

/// What happens to a chain.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// It begins.
    Begin,
    /// One of its tasks ended.
    TaskEnded {
        /// Which.
        place: Place,
        /// How.
        ending: Ending,
        /// What went wrong, or why it was cancelled.
        error: Option<String>,
    },
    /// Questions were answered, or could not be, for a reason that names the expression. It does not matter what else
    /// has happened to the chain meanwhile: answers to questions that are not open any more ([`Chain::is_open`]) are
    /// passed over, and as long as one is open, the answer stays right.
    Evaluated(Vec<(Question, Result<Answer, String>)>),
    /// It is no longer wanted.
    Cancel {
        /// Why, for those who ask.
        reason: String,
    },
    /// Nothing new is to start.
    Pause,
    /// It is to go on.
    Resume,
    /// It FAILED, and is to try again what it did not do.
    Retry,
}

/// What an event brings about, for the transaction that stores the chain.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Decision {
    /// Whether the chain is no longer as it was, and must be stored. If not, there is nothing else in here.
    pub changed: bool,
    /// The tasks to make.
    pub start: Vec<Start>,
    /// The running tasks to cancel.
    pub cancel: Vec<Cancel>,
    /// What must be found out before it can go on: outside of the transaction, then [`Event::Evaluated`]. A question
    /// that is repeated is to be answered again. After a crash, [`Chain::questions`] tells what is open.
    pub ask: Vec<Question>,
    /// The steps that ended, in the order in which they did.
    pub finished: Vec<Finished>,
    /// The indexes of the steps that are no longer as they were, in order.
    pub touched: Vec<u32>,
}

/// A task to make.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// Its place; [`Plan::task`] tells what is asked of an agent.
    pub place: Place,
    /// Its input, if that holds expressions; otherwise it is [`Plan::input`].
    pub input: Option<Box<str>>,
    /// What is added to its input as `previous_output`.
    pub previous: Previous,
}

/// What is added to the input of a task as `previous_output`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Previous {
    /// Nothing: no such key.
    None,
    /// The output of the step with this index; null if it has none.
    Step(u32),
    /// An object of name -> output of the steps with these indexes; null for those that have none.
    Named(Vec<u32>),
    /// The result of the task at this place: the iteration before.
    Own(Place),
}

/// Running tasks that are to be cancelled: all of one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancel {
    /// The index of the step.
    pub step: u32,
    /// Whether it is the task that undoes it, rather than those that do it.
    pub compensation: bool,
    /// Why.
    pub reason: String,
}

/// A step that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Its index.
    pub step: u32,
    /// How it ended.
    pub status: StepStatus,
    /// What its output is.
    pub output: Output,
}

/// What the output of a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// It has none: null.
    None,
    /// The result of the task at this place.
    Task(Place),
    /// The list of the results of its items, which are at the places `0..total` of this run; null where there is no
    /// task, or it did not complete. It is what was put together for [`Question::Output`]; of an empty list, for which
    /// nothing is asked, it is empty.
    Items {
        /// The index of the step.
        step: u32,
        /// The run in which it was done.
        run: u32,
        /// How many items it has.
        total: u32,
    },
}

impl Default for Chain {
    fn default() -> Self {
        Self::new()
    }
}

impl Chain {
    /// A chain that has not begun.
    pub fn new() -> Self {
        Self {
            status: ChainStatus::Pending,
            run: first_run(),
            error: None,
            started_at: None,
            ended_at: None,
            undoing: false,
            sequence: 0,
            steps: BTreeMap::new(),
        }
    }

    /// How a step stands.
    pub fn step(&self, step: u32) -> &StepState {
        self.steps.get(&step).unwrap_or(&state::UNTOUCHED)
    }

    /// The steps that are not untouched, with their indexes, in order.
    pub fn steps(&self) -> impl Iterator<Item = (u32, &StepState)> {
        self.steps.iter().map(|(&index, step)| (index, step))
    }

    /// The index of the first step that has not ended; how many steps there are if all have.
    pub fn current_step(&self, plan: &Plan) -> u32 {
        let unfinished = |&step: &u32| !self.step(step).status.is_finished();
        (0..plan.len()).find(unfinished).unwrap_or(plan.len())
    }

    /// Whether it is undoing its steps.
    pub fn is_undoing(&self) -> bool {
        self.undoing
    }
}

fn first_run() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_first_run(run: &u32) -> bool {
    *run == 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}
