//! How one step of a chain stands: small counters, never results.

use serde::{Deserialize, Serialize};

use super::items::Items;
use super::place::Place;
use super::status::StepStatus;
use crate::time::Timestamp;

/// How a step stands.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StepState {
    /// Its state.
    #[serde(rename = "s", default, skip_serializing_if = "is_default")]
    pub status: StepStatus,
    /// The run of the chain in which it was done; 0 as long as it waits for other steps.
    #[serde(rename = "r", default, skip_serializing_if = "is_default")]
    pub run: u32,
    /// From 1; 0 before its first task.
    #[serde(rename = "i", default, skip_serializing_if = "is_default")]
    pub iteration: u32,
    /// How many items it goes through, once that is known; `None` without `for_each`.
    #[serde(rename = "n", default, skip_serializing_if = "is_default")]
    pub total: Option<u32>,
    /// How many of its items have completed.
    #[serde(rename = "c", default, skip_serializing_if = "is_default")]
    pub completed: u32,
    /// How many of its items have failed.
    #[serde(rename = "f", default, skip_serializing_if = "is_default")]
    pub failed: u32,
    /// When its first task was made.
    #[serde(rename = "b", default, skip_serializing_if = "is_default")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(rename = "e", default, skip_serializing_if = "is_default")]
    pub ended_at: Option<Timestamp>,
    /// What went wrong, or why it was skipped or cancelled.
    #[serde(rename = "x", default, skip_serializing_if = "is_default")]
    pub error: Option<String>,
    /// Whether it has been undone, if that has begun.
    #[serde(rename = "u", default, skip_serializing_if = "is_default")]
    pub undo: Option<Undo>,
    /// What went wrong when it was undone.
    #[serde(rename = "y", default, skip_serializing_if = "is_default")]
    pub undo_error: Option<String>,
    /// What it waits for.
    #[serde(rename = "w", default, skip_serializing_if = "is_default")]
    pub(super) stage: Stage,
    /// The first item whose task has neither been made nor asked about.
    #[serde(rename = "t", default, skip_serializing_if = "is_default")]
    pub(super) next: u32,
    /// The items whose input is being found out.
    #[serde(rename = "q", default, skip_serializing_if = "Items::is_empty")]
    pub(super) asked: Items,
    /// The items whose task has not ended.
    #[serde(rename = "o", default, skip_serializing_if = "Items::is_empty")]
    pub(super) open: Items,
    /// Its number among the steps that completed, if it can be undone; from 1.
    #[serde(rename = "z", default, skip_serializing_if = "is_default")]
    pub(super) sequence: u32,
}

/// How far a step is with being undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Undo {
    /// The input of its compensation is being found out.
    Pending,
    /// Its compensation runs.
    Running,
    /// It is undone.
    Completed,
    /// Its compensation failed; that is only recorded.
    Failed,
    /// Its compensation was given up, with the chain.
    Cancelled,
}

/// What a step that has not ended waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) enum Stage {
    /// For its predecessors, or for the chain to go on.
    #[default]
    #[serde(rename = "")]
    Turn,
    /// For the value of `when`.
    #[serde(rename = "w")]
    When,
    /// For the value of `for_each`.
    #[serde(rename = "f")]
    ForEach,
    /// For its tasks.
    #[serde(rename = "t")]
    Tasks,
    /// For the value of `repeat_until`.
    #[serde(rename = "u")]
    RepeatUntil,
    /// For its output to be put together.
    #[serde(rename = "o")]
    Output,
}

/// How every step stands at first.
pub(super) static UNTOUCHED: StepState = StepState {
    status: StepStatus::Pending,
    run: 0,
    iteration: 0,
    total: None,
    completed: 0,
    failed: 0,
    started_at: None,
    ended_at: None,
    error: None,
    undo: None,
    undo_error: None,
    stage: Stage::Turn,
    next: 0,
    asked: Items::new(),
    open: Items::new(),
    sequence: 0,
};

impl StepState {
    /// How many of its tasks run.
    pub fn running(&self) -> u32 {
        self.open.len()
    }

    /// The place of its task for an item, or of its only task, in the run and iteration that it is in.
    pub(super) fn place(&self, step: u32, item: u32) -> Place {
        Place {
            step,
            run: self.run,
            iteration: self.iteration,
            item: self.total.is_some().then_some(item),
            compensation: false,
        }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
