//! The course of one step: its condition, its list, its tasks, its iterations, its end.
//!
//! ```text
//! turn ─▶ when? ─▶ for_each? ─▶ tasks (each: input? ─▶ task) ─┬─▶ output? ─▶ COMPLETED
//!          │no                     ▲                          ├─▶ repeat_until? ─▶ COMPLETED
//!          ▼                       └──────────────────────────┼───────┘no
//!       SKIPPED                                               └─▶ FAILED, CANCELLED
//! ```
//!
//! Whatever bears a question mark is asked for, and the step waits for the answer.

use super::advance::{Turn, shortened};
use super::definition::OnFailure;
use super::place::{Answer, Place, Question};
use super::state::Stage;
use super::status::{StepEvent, StepStatus};
use super::{Finished, MAX_ITEMS, Start};
use crate::dependency::Ending;

/// An answer of a kind that the question does not have.
const NO_ANSWER: &str = "the answer is not one to the question";

impl Turn<'_> {
    /// Its turn has come.
    pub(super) fn begin(&mut self, step: u32) {
        let run = self.chain.run;
        self.touch(step).run = run;
        if self.plan.parsed(step).when.is_some() {
            self.touch(step).stage = Stage::When;
            self.ask(Question::When { step, run });
        } else {
            self.list(step);
        }
    }

    pub(super) fn skip(&mut self, step: u32) {
        self.move_step(step, StepEvent::Skipped);
        self.tell_finished(step);
        self.wake_behind(step);
    }

    /// Its condition holds.
    fn list(&mut self, step: u32) {
        let run = self.chain.step(step).run;
        if self.plan.parsed(step).for_each.is_some() {
            self.touch(step).stage = Stage::ForEach;
            self.ask(Question::ForEach { step, run });
        } else {
            self.iterate(step);
        }
    }

    /// What it goes through is known.
    fn go_through(&mut self, step: u32, total: u32) {
        self.touch(step).total = Some(total);
        self.move_step(step, StepEvent::Started);
        if total == 0 {
            self.complete(step);
        } else {
            self.iterate(step);
        }
    }

    /// Its next iteration begins.
    fn iterate(&mut self, step: u32) {
        let state = self.touch(step);
        state.iteration += 1;
        state.next = 0;
        state.stage = Stage::Tasks;
        self.fill(step);
    }

    /// Makes as many of its tasks as there may be.
    pub(super) fn fill(&mut self, step: u32) {
        if !self.is_running() {
            return;
        }
        loop {
            let state = self.chain.step(step);
            let item = state.next;
            let at_once = state.asked.len() + state.open.len();
            if item >= state.total.unwrap_or(1) || at_once >= self.plan.width(step) {
                return;
            }
            let place = state.place(step, item);
            self.touch(step).next += 1;
            if self.plan.template(place).is_some() {
                self.touch(step).asked.insert(item);
                self.ask(Question::Input { place });
            } else {
                self.start(place, None);
            }
        }
    }

    fn start(&mut self, place: Place, input: Option<Box<str>>) {
        if self.chain.step(place.step).status == StepStatus::Pending {
            self.move_step(place.step, StepEvent::Started);
        }
        self.touch(place.step).open.insert(place.item.unwrap_or(0));
        let previous = self.plan.previous(place);
        self.decision.start.push(Start {
            place,
            input,
            previous,
        });
    }

    /// Takes in the end of a task, if it runs here.
    pub(super) fn task_ended(&mut self, place: Place, ending: Ending, error: Option<String>) {
        if place.step >= self.plan.len() || self.chain.status.is_terminal() {
            return;
        }
        if place.compensation {
            return self.undone(place, ending, error);
        }
        let (step, item) = (place.step, place.item.unwrap_or(0));
        let state = self.chain.step(step);
        if state.place(step, item) != place || !state.open.contains(item) {
            return;
        }
        self.touch(step).open.remove(item);
        if ending == Ending::Completed {
            return self.task_completed(step);
        }
        let (event, error) = told(ending, error);
        self.task_failed(place, event, &error);
    }

    fn task_completed(&mut self, step: u32) {
        let plan = self.plan;
        let state = self.touch(step);
        let (run, iteration) = (state.run, state.iteration);
        if state.total.is_some() {
            state.completed += 1;
            self.item_ended(step);
        } else if plan.parsed(step).repeat_until.is_some() {
            state.stage = Stage::RepeatUntil;
            self.ask(Question::RepeatUntil { step, run, iteration });
        } else {
            self.complete(step);
        }
    }

    /// A task failed, or could not be made. Of several items, some may.
    fn task_failed(&mut self, place: Place, event: StepEvent, error: &str) {
        let (step, tolerance) = (place.step, self.plan.tolerance(place.step));
        let Some(item) = place.item else {
            return self.fail(step, event, error);
        };
        let state = self.touch(step);
        state.failed += 1;
        if tolerance.is_exceeded(state.failed, state.total.unwrap_or(0)) {
            self.fail(step, StepEvent::Failed, &format!("item {item}: {error}"));
        } else {
            self.item_ended(step);
        }
    }

    fn item_ended(&mut self, step: u32) {
        let state = self.chain.step(step);
        let (run, total) = (state.run, state.total.unwrap_or(0));
        if state.completed + state.failed < total {
            self.fill(step);
        } else {
            self.touch(step).stage = Stage::Output;
            self.ask(Question::Output { step, run, total });
        }
    }

    fn complete(&mut self, step: u32) {
        self.move_step(step, StepEvent::Completed);
        if self.plan.step(step).compensate_with.is_some() {
            self.chain.sequence += 1;
            self.touch(step).sequence = self.chain.sequence;
        }
        self.tell_finished(step);
        self.wake_behind(step);
    }

    fn fail(&mut self, step: u32, event: StepEvent, error: &str) {
        self.stop_tasks(step, &format!("step `{}` failed", self.plan.step(step).name));
        self.move_step(step, event);
        self.touch(step).error = Some(shortened(error));
        self.tell_finished(step);
        match self.plan.on_failure(step) {
            OnFailure::Continue => self.wake_behind(step),
            OnFailure::Fail => self.fail_chain(step, false),
            OnFailure::Compensate => self.fail_chain(step, true),
        }
    }

    pub(super) fn tell_finished(&mut self, step: u32) {
        self.decision.finished.push(Finished {
            step,
            status: self.chain.step(step).status,
            output: self.chain.output(self.plan, step),
        });
    }

    /// Takes in an answer, if the question is open.
    pub(super) fn answered(&mut self, question: Question, answer: Result<Answer, String>) {
        let step = question.step();
        if !self.is_running() || step >= self.plan.len() {
            return;
        }
        let state = self.chain.step(step);
        let is_at = |stage, run| state.stage == stage && state.run == run;
        match question {
            Question::When { run, .. } if is_at(Stage::When, run) => match answer {
                Ok(Answer::Truth(true)) => self.list(step),
                Ok(Answer::Truth(false)) => self.skip(step),
                other => self.fail_unanswered(step, other),
            },
            Question::ForEach { run, .. } if is_at(Stage::ForEach, run) => match answer {
                Ok(Answer::Items(total)) if total as usize <= MAX_ITEMS => self.go_through(step, total),
                Ok(Answer::Items(total)) => {
                    self.fail(
                        step,
                        StepEvent::Failed,
                        &format!("a list of {total} items; at most {MAX_ITEMS}"),
                    );
                }
                other => self.fail_unanswered(step, other),
            },
            Question::RepeatUntil { run, iteration, .. }
                if is_at(Stage::RepeatUntil, run) && state.iteration == iteration =>
            {
                match answer {
                    Ok(Answer::Truth(true)) => self.complete(step),
                    Ok(Answer::Truth(false)) => self.repeat(step),
                    other => self.fail_unanswered(step, other),
                }
            }
            Question::Output { run, .. } if is_at(Stage::Output, run) => match answer {
                Ok(Answer::Output) => self.complete(step),
                other => self.fail_unanswered(step, other),
            },
            Question::Input { place } if place.compensation => self.undo_answered(place, answer),
            Question::Input { place } => self.input_answered(place, answer),
            // It is not open any more.
            _ => {}
        }
    }

    fn fail_unanswered(&mut self, step: u32, answer: Result<Answer, String>) {
        let reason = answer.err().unwrap_or_else(|| NO_ANSWER.to_owned());
        self.fail(step, StepEvent::Failed, &reason);
    }

    fn input_answered(&mut self, place: Place, answer: Result<Answer, String>) {
        let (step, item) = (place.step, place.item.unwrap_or(0));
        let state = self.chain.step(step);
        if state.place(step, item) != place || !state.asked.contains(item) {
            return;
        }
        self.touch(step).asked.remove(item);
        match input(answer) {
            Ok(input) => self.start(place, Some(input)),
            Err(reason) => self.task_failed(place, StepEvent::Failed, &reason),
        }
    }

    /// An iteration completed, and `repeat_until` does not hold yet.
    fn repeat(&mut self, step: u32) {
        let most = self.plan.step(step).max_iterations.unwrap_or(1);
        if self.chain.step(step).iteration < most {
            self.iterate(step);
        } else {
            let error = format!("`repeat_until` did not hold within {most} iterations");
            self.fail(step, StepEvent::Failed, &error);
        }
    }
}

/// The input that an answer gives, or why there is none.
pub(super) fn input(answer: Result<Answer, String>) -> Result<Box<str>, String> {
    match answer? {
        Answer::Input(input) => Ok(input),
        _ => Err(NO_ANSWER.to_owned()),
    }
}

/// What the end of a task without a result means for its step.
pub(super) fn told(ending: Ending, error: Option<String>) -> (StepEvent, String) {
    match (ending, error) {
        (Ending::Failed | Ending::Completed, Some(error)) => (StepEvent::Failed, error),
        (Ending::Failed | Ending::Completed, None) => (StepEvent::Failed, "its task failed".to_owned()),
        (Ending::Cancelled | Ending::NotNeeded, error) => {
            let why = error.map(|error| format!(": {error}")).unwrap_or_default();
            (StepEvent::Cancelled, format!("its task was cancelled{why}"))
        }
    }
}
