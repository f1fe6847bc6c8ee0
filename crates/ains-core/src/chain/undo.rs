//! Compensation: what COMPLETED is undone one after another, the last first.

use super::advance::{Turn, shortened};
use super::place::{Answer, Place, Question};
use super::state::Undo;
use super::status::{ChainEvent, StepStatus};
use super::step::{input, told};
use super::{Cancel, ChainStatus, Start};
use crate::dependency::Ending;

impl Turn<'_> {
    /// Goes on to undo, or ends the chain if nothing is left to be undone.
    pub(super) fn undo_next(&mut self) {
        let steps = || self.chain.steps();
        if steps().any(|(_, state)| matches!(state.undo, Some(Undo::Pending | Undo::Running))) {
            return;
        }
        let left = steps().filter(|(step, state)| {
            let is_done = state.status == StepStatus::Completed && state.undo.is_none();
            is_done && *step < self.plan.len() && self.plan.step(*step).compensate_with.is_some()
        });
        let Some((step, _)) = left.max_by_key(|(_, state)| state.sequence) else {
            return self.end(ChainEvent::Failed);
        };
        if self.chain.status != ChainStatus::Running {
            return;
        }
        let place = self.chain.undo_place(step);
        if self.plan.template(place).is_some() {
            self.touch(step).undo = Some(Undo::Pending);
            self.ask(Question::Input { place });
        } else {
            self.start_undo(place, None);
        }
    }

    fn start_undo(&mut self, place: Place, input: Option<Box<str>>) {
        self.touch(place.step).undo = Some(Undo::Running);
        let previous = self.plan.previous(place);
        self.decision.start.push(Start {
            place,
            input,
            previous,
        });
    }

    /// Takes in the end of the task that undoes a step, if it runs here.
    pub(super) fn undone(&mut self, place: Place, ending: Ending, error: Option<String>) {
        if self.is_at(place, Undo::Running) {
            let problem = (ending != Ending::Completed).then(|| told(ending, error).1);
            self.undo_ended(place.step, problem);
        }
    }

    pub(super) fn undo_answered(&mut self, place: Place, answer: Result<Answer, String>) {
        if self.is_at(place, Undo::Pending) {
            match input(answer) {
                Ok(input) => self.start_undo(place, Some(input)),
                Err(reason) => self.undo_ended(place.step, Some(reason)),
            }
        }
    }

    fn is_at(&self, place: Place, undo: Undo) -> bool {
        self.chain.undoing
            && self.chain.step(place.step).undo == Some(undo)
            && self.chain.undo_place(place.step) == place
    }

    fn undo_ended(&mut self, step: u32, problem: Option<String>) {
        let state = self.touch(step);
        state.undo = Some(if problem.is_none() {
            Undo::Completed
        } else {
            Undo::Failed
        });
        state.undo_error = problem.map(|problem| shortened(&problem));
    }

    /// Gives up undoing: the chain is no longer wanted.
    pub(super) fn stop_undoing(&mut self, reason: &str) {
        let steps: Vec<_> = self
            .chain
            .steps()
            .map(|(step, state)| (step, state.undo))
            .collect();
        for (step, undo) in steps {
            if undo == Some(Undo::Running) {
                self.decision.cancel.push(Cancel {
                    step,
                    compensation: true,
                    reason: reason.to_owned(),
                });
            }
            if matches!(undo, Some(Undo::Pending | Undo::Running)) {
                self.touch(step).undo = Some(Undo::Cancelled);
            }
        }
    }
}
