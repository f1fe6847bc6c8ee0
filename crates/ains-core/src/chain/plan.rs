//! A definition that is right, made ready to run: who follows whom, and expressions parsed.

use super::definition::{Definition, Join, OnFailure, StepDefinition, StepTask, Tolerance};
use super::place::Place;
use super::{MAX_PARALLEL, Previous};
use crate::expression::{Expression, Template};

/// A definition that was checked, with steps and names resolved to indexes, and expressions parsed.
///
/// It does not change while the chain runs, and can be shared between threads.
#[derive(Debug, Clone)]
pub struct Plan {
    definition: Definition,
    steps: Vec<Step>,
    order: Vec<u32>,
}

/// What a plan adds to a step's definition.
#[derive(Debug, Clone, Default)]
pub(super) struct Step {
    pub(super) predecessors: Vec<u32>,
    pub(super) successors: Vec<u32>,
    pub(super) when: Option<Expression>,
    pub(super) for_each: Option<Expression>,
    pub(super) repeat_until: Option<Expression>,
    /// If the input holds expressions.
    pub(super) input: Option<Template>,
    /// If the compensation's input does.
    pub(super) undo_input: Option<Template>,
}

impl Plan {
    pub(super) fn new(definition: Definition, steps: Vec<Step>, order: Vec<u32>) -> Self {
        debug_assert_eq!(definition.steps.len(), steps.len(), "a step each");
        debug_assert_eq!(order.len(), steps.len(), "a step each");
        Self {
            definition,
            steps,
            order,
        }
    }

    /// How many steps there are.
    pub fn len(&self) -> u32 {
        u32::try_from(self.steps.len()).unwrap_or(u32::MAX)
    }

    /// Never: a chain has at least one step.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// What it was made of.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// The definition of a step.
    ///
    /// # Panics
    /// If there is no such step.
    pub fn step(&self, step: u32) -> &StepDefinition {
        &self.definition.steps[step as usize]
    }

    /// The index of a step.
    pub fn index(&self, name: &str) -> Option<u32> {
        let at = self.definition.steps.iter().position(|step| step.name == name)?;
        u32::try_from(at).ok()
    }

    /// The indexes of the steps that a step comes after, as its definition lists them.
    ///
    /// # Panics
    /// If there is no such step.
    pub fn predecessors(&self, step: u32) -> &[u32] {
        &self.steps[step as usize].predecessors
    }

    /// The indexes of the steps that come after a step, in order.
    ///
    /// # Panics
    /// If there is no such step.
    pub fn successors(&self, step: u32) -> &[u32] {
        &self.steps[step as usize].successors
    }

    /// The indexes of all steps, each after all that it comes after.
    pub fn order(&self) -> &[u32] {
        &self.order
    }

    /// What is asked of an agent at a place.
    ///
    /// # Panics
    /// If there is no such place in this chain.
    pub fn task(&self, place: Place) -> &StepTask {
        let step = self.step(place.step);
        match &step.compensate_with {
            Some(compensation) if place.compensation => &compensation.task,
            _ => &step.task,
        }
    }

    /// The input at a place, as it is defined: `${{ … }}` is still in it.
    ///
    /// # Panics
    /// If there is no such place in this chain.
    pub fn input(&self, place: Place) -> &str {
        let step = self.step(place.step);
        match &step.compensate_with {
            Some(compensation) if place.compensation => &compensation.input,
            _ => &step.input,
        }
    }

    /// What is added to the input at a place as `previous_output`.
    ///
    /// # Panics
    /// If there is no such place in this chain.
    pub fn previous(&self, place: Place) -> Previous {
        if place.compensation {
            return Previous::Step(place.step);
        }
        if place.iteration > 1 {
            let iteration = place.iteration - 1;
            return Previous::Own(Place { iteration, ..place });
        }
        match self.predecessors(place.step) {
            _ if !self.step(place.step).use_previous_output => Previous::None,
            [] => Previous::None,
            [only] => Previous::Step(*only),
            several => Previous::Named(several.to_vec()),
        }
    }

    /// The expressions in the input at a place, if there are any.
    pub(super) fn template(&self, place: Place) -> Option<&Template> {
        let step = self.parsed(place.step);
        if place.compensation {
            step.undo_input.as_ref()
        } else {
            step.input.as_ref()
        }
    }

    pub(super) fn parsed(&self, step: u32) -> &Step {
        &self.steps[step as usize]
    }

    /// Most items of a step at once.
    pub(super) fn width(&self, step: u32) -> u32 {
        self.step(step)
            .max_parallel
            .unwrap_or(MAX_PARALLEL)
            .clamp(1, MAX_PARALLEL)
    }

    pub(super) fn join(&self, step: u32) -> Join {
        self.step(step).join
    }

    pub(super) fn tolerance(&self, step: u32) -> Tolerance {
        self.step(step).tolerate_failures
    }

    pub(super) fn on_failure(&self, step: u32) -> OnFailure {
        self.step(step).on_failure
    }
}
