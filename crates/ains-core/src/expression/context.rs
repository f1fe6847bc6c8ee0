//! What the names in an expression stand for.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::chain::StepStatus;

/// What the names in an expression stand for. A name that was not set is null.
///
/// It borrows the values: setting one costs nothing, so for a thousand items only the item is set anew.
#[derive(Debug, Clone, Default)]
pub struct Context<'v> {
    pub(super) input: Option<&'v Value>,
    pub(super) steps: BTreeMap<&'v str, StepValue<'v>>,
    pub(super) item: Option<&'v Value>,
    pub(super) index: Option<u32>,
    pub(super) iteration: Option<u32>,
    pub(super) output: Option<&'v Value>,
}

/// What `steps.<name>` stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepValue<'v> {
    /// Its output, if it has one and it is needed.
    pub output: Option<&'v Value>,
    /// Its status.
    pub status: StepStatus,
    /// What went wrong, if anything did.
    pub error: Option<&'v str>,
}

impl<'v> Context<'v> {
    /// A context in which every name is null.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `input`.
    pub fn set_input(&mut self, input: &'v Value) {
        self.input = Some(input);
    }

    /// Sets `steps.<name>`.
    pub fn set_step(&mut self, name: &'v str, step: StepValue<'v>) {
        self.steps.insert(name, step);
    }

    /// Sets `item` and `index`.
    pub fn set_item(&mut self, index: u32, item: &'v Value) {
        self.index = Some(index);
        self.item = Some(item);
    }

    /// Sets `iteration`.
    pub fn set_iteration(&mut self, iteration: u32) {
        self.iteration = Some(iteration);
    }

    /// Sets `output`.
    pub fn set_output(&mut self, output: &'v Value) {
        self.output = Some(output);
    }
}
