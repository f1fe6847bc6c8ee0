//! What an event brings about.

use std::collections::{BTreeSet, VecDeque};

use super::definition::Join;
use super::place::{Place, Question};
use super::plan::Plan;
use super::state::{Stage, StepState, Undo};
use super::status::{ChainEvent, Refusal, StepEvent, StepStatus};
use super::{Cancel, Chain, ChainStatus, Decision, Event, MAX_ERROR};
use crate::time::Timestamp;

/// Why a step was given up with its chain.
const CHAIN_FAILED: &str = "the chain failed";
/// Why a step was given up with its chain.
const CHAIN_CANCELLED: &str = "the chain was cancelled";

impl Chain {
    /// Takes an event in, and returns what it brings about.
    ///
    /// Every event can come in every state. Ends of tasks that do not run in this chain (any more), and answers to
    /// questions that are not open (any more), change nothing: [`Decision::changed`] is false. So do answers while
    /// it is PAUSED: all open questions are asked anew when it goes on.
    ///
    /// # Errors
    /// [`Refusal`] if the chain is not in a state to begin, be cancelled, paused, resumed or retried: nothing has
    /// changed.
    pub fn on(&mut self, plan: &Plan, event: Event, now: Timestamp) -> Result<Decision, Refusal> {
        let mut turn = Turn::new(self, plan, now);
        match event {
            Event::Begin => turn.go_on(ChainEvent::Begun)?,
            Event::Resume => {
                turn.go_on(ChainEvent::Resumed)?;
                turn.ask_anew();
            }
            Event::Retry => turn.retry()?,
            Event::Pause => turn.move_chain(ChainEvent::Paused)?,
            Event::Cancel { reason } => turn.cancel(&reason)?,
            Event::TaskEnded { place, ending, error } => turn.task_ended(place, ending, error),
            Event::Evaluated(answers) => {
                for (question, answer) in answers {
                    turn.answered(question, answer);
                    turn.settle();
                }
            }
        }
        turn.settle();
        Ok(turn.decide())
    }

    /// The questions that are open: what it waits for an answer to. None while it is PAUSED.
    pub fn questions(&self, plan: &Plan) -> Vec<Question> {
        if self.status != ChainStatus::Running {
            return Vec::new();
        }
        let mut open = Vec::new();
        for (step, state) in self.steps() {
            let run = state.run;
            match state.stage {
                Stage::Turn => {}
                Stage::When => open.push(Question::When { step, run }),
                Stage::ForEach => open.push(Question::ForEach { step, run }),
                Stage::RepeatUntil => open.push(Question::RepeatUntil {
                    step,
                    run,
                    iteration: state.iteration,
                }),
                Stage::Output => open.push(Question::Output {
                    step,
                    run,
                    total: state.total.unwrap_or(0),
                }),
                Stage::Tasks => open.extend(state.asked.iter().map(|item| Question::Input {
                    place: state.place(step, item),
                })),
            }
            if state.undo == Some(Undo::Pending) {
                let place = self.undo_place(step);
                open.push(Question::Input { place });
            }
        }
        open.retain(|question| question.step() < plan.len());
        open
    }

    /// Whether a question is open: whether its answer would be taken in.
    pub fn is_open(&self, plan: &Plan, question: &Question) -> bool {
        self.questions(plan).contains(question)
    }

    /// The place of the task that undoes a step.
    pub(super) fn undo_place(&self, step: u32) -> Place {
        Place {
            step,
            run: self.run,
            iteration: 1,
            item: None,
            compensation: true,
        }
    }
}

/// The handling of one event.
pub(super) struct Turn<'t> {
    pub(super) chain: &'t mut Chain,
    pub(super) plan: &'t Plan,
    pub(super) now: Timestamp,
    pub(super) decision: Decision,
    touched: BTreeSet<u32>,
    /// The steps whose turn may have come.
    waiting: VecDeque<u32>,
    /// Which steps have ended and will not be done again before what comes after them; made when it is needed.
    settled: Option<Vec<bool>>,
}

/// Whether the turn of a step has come.
enum Verdict {
    Run,
    Skip,
    Wait,
}

impl<'t> Turn<'t> {
    fn new(chain: &'t mut Chain, plan: &'t Plan, now: Timestamp) -> Self {
        Self {
            chain,
            plan,
            now,
            decision: Decision::default(),
            touched: BTreeSet::new(),
            waiting: VecDeque::new(),
            settled: None,
        }
    }

    fn decide(self) -> Decision {
        Decision {
            touched: self.touched.into_iter().collect(),
            ..self.decision
        }
    }

    /// Moves the chain to the state after `event`. Every change of its status passes here.
    pub(super) fn move_chain(&mut self, event: ChainEvent) -> Result<(), Refusal> {
        self.chain.status = self.chain.status.after(event)?;
        self.chain.ended_at = self.chain.status.is_terminal().then_some(self.now);
        self.decision.changed = true;
        Ok(())
    }

    /// Moves a step to the state after `event`. Every change of its status passes here.
    pub(super) fn move_step(&mut self, step: u32, event: StepEvent) {
        let now = self.now;
        self.settled = None;
        let state = self.touch(step);
        // An event that cannot happen is not asked for; if it were, the step would stay as it is.
        let after = state.status.after(event);
        debug_assert!(after.is_ok(), "step {step}: {after:?}");
        state.status = after.unwrap_or(state.status);
        match event {
            StepEvent::Started => state.started_at = Some(now),
            StepEvent::Retried => *state = StepState::default(),
            StepEvent::Completed | StepEvent::Failed | StepEvent::Skipped | StepEvent::Cancelled => {
                state.ended_at = Some(now);
                state.stage = Stage::Turn;
                state.next = 0;
                state.asked.clear();
                state.open.clear();
            }
        }
    }

    /// The state of a step, to be changed.
    pub(super) fn touch(&mut self, step: u32) -> &mut StepState {
        self.decision.changed = true;
        self.touched.insert(step);
        self.chain.steps.entry(step).or_default()
    }

    pub(super) fn is_running(&self) -> bool {
        self.chain.status == ChainStatus::Running
    }

    /// Asks, unless it is PAUSED: then the question is asked when it goes on.
    pub(super) fn ask(&mut self, question: Question) {
        if self.is_running() {
            self.decision.ask.push(question);
        }
    }

    fn ask_anew(&mut self) {
        self.decision.ask = self.chain.questions(self.plan);
    }

    /// The turn of all steps may have come.
    fn go_on(&mut self, event: ChainEvent) -> Result<(), Refusal> {
        self.move_chain(event)?;
        self.chain.started_at = self.chain.started_at.or(Some(self.now));
        self.waiting = (0..self.plan.len()).collect();
        Ok(())
    }

    /// The turn of those behind a step may have come.
    pub(super) fn wake_behind(&mut self, step: u32) {
        if self.chain.run == 1 {
            self.waiting.extend(self.plan.successors(step));
        } else {
            // Between it and those behind it, steps may lie that an earlier run has done.
            self.waiting.extend(0..self.plan.len());
        }
    }

    /// Whether a step has ended, and what it came after, too. In a new run, a step that completed earlier may come after
    /// one that is done again: what comes after both waits for that.
    fn has_ended(&mut self, step: u32) -> bool {
        let (chain, plan) = (&*self.chain, self.plan);
        if chain.run == 1 {
            return chain.step(step).status.is_finished();
        }
        let settled = self.settled.get_or_insert_with(|| {
            let mut settled = vec![false; plan.len() as usize];
            for &step in plan.order() {
                let state = chain.step(step);
                let is_of_this_run = state.run == chain.run;
                let before = || {
                    plan.predecessors(step)
                        .iter()
                        .all(|&before| settled[before as usize])
                };
                settled[step as usize] = state.status.is_finished() && (is_of_this_run || before());
            }
            settled
        });
        settled[step as usize]
    }

    /// Goes on as far as it can.
    fn settle(&mut self) {
        while let Some(step) = self.waiting.pop_front() {
            self.consider(step);
        }
        if self.chain.status.is_terminal() || self.chain.status == ChainStatus::Pending {
            return;
        }
        if self.chain.undoing {
            self.undo_next();
        } else if (0..self.plan.len()).all(|step| self.chain.step(step).status.is_finished()) {
            self.end(ChainEvent::Completed);
        }
    }

    /// Starts or skips a step if its turn has come, or goes on with it after a pause.
    fn consider(&mut self, step: u32) {
        if self.chain.status.is_terminal() || self.chain.undoing {
            return;
        }
        let state = self.chain.step(step);
        match (state.status, state.stage) {
            (StepStatus::Pending, Stage::Turn) => match self.verdict(step) {
                Verdict::Run if self.is_running() => self.begin(step),
                Verdict::Skip => self.skip(step),
                Verdict::Run | Verdict::Wait => {}
            },
            (_, Stage::Tasks) => self.fill(step),
            _ => {}
        }
    }

    fn verdict(&mut self, step: u32) -> Verdict {
        let before = self.plan.predecessors(step);
        let ended: Vec<u32> = before
            .iter()
            .copied()
            .filter(|&step| self.has_ended(step))
            .collect();
        let all_ended = ended.len() == before.len();
        let chain = &*self.chain;
        let is = |status| move |&step: &u32| chain.step(step).status == status;
        match self.plan.join(step) {
            _ if before.is_empty() => Verdict::Run,
            Join::Any if ended.iter().any(is(StepStatus::Completed)) => Verdict::Run,
            _ if !all_ended => Verdict::Wait,
            Join::Any => Verdict::Skip,
            Join::All if ended.iter().all(is(StepStatus::Skipped)) => Verdict::Skip,
            Join::All | Join::AllDone => Verdict::Run,
        }
    }

    /// Ends the chain.
    pub(super) fn end(&mut self, event: ChainEvent) {
        let moved = self.move_chain(event);
        debug_assert!(moved.is_ok(), "{moved:?}");
    }

    fn cancel(&mut self, reason: &str) -> Result<(), Refusal> {
        self.move_chain(ChainEvent::Cancelled)?;
        self.chain.error = Some(shortened(reason));
        self.give_up(reason, CHAIN_CANCELLED);
        self.stop_undoing(reason);
        Ok(())
    }

    /// The chain cannot do without a step.
    pub(super) fn fail_chain(&mut self, step: u32, compensate: bool) {
        let name = self.plan.step(step).name.as_str();
        let why = self.chain.step(step).error.as_deref().unwrap_or("it failed");
        self.chain.error = Some(shortened(&format!("step `{name}`: {why}")));
        self.give_up(&format!("step `{name}` failed"), CHAIN_FAILED);
        if compensate {
            // What is to be undone, and whether anything is, is seen when all else is settled.
            self.chain.undoing = true;
        } else {
            self.end(ChainEvent::Failed);
        }
    }

    /// Cancels all steps that have not ended.
    fn give_up(&mut self, reason: &str, error: &str) {
        for step in 0..self.plan.len() {
            if !self.chain.step(step).status.is_finished() {
                self.stop_tasks(step, reason);
                self.move_step(step, StepEvent::Cancelled);
                self.touch(step).error = Some(error.to_owned());
                self.tell_finished(step);
            }
        }
    }

    /// Cancels the tasks of a step, and takes back what this decision was to make or ask for it.
    pub(super) fn stop_tasks(&mut self, step: u32, reason: &str) {
        let made = self.decision.start.len();
        self.decision
            .start
            .retain(|start| start.place.step != step || start.place.compensation);
        self.decision.ask.retain(|question| question.step() != step);
        let taken_back = made - self.decision.start.len();
        if self.chain.step(step).open.len() as usize > taken_back {
            self.decision.cancel.push(Cancel {
                step,
                compensation: false,
                reason: reason.to_owned(),
            });
        }
    }

    fn retry(&mut self) -> Result<(), Refusal> {
        self.go_on(ChainEvent::Retried)?;
        self.chain.run += 1;
        self.chain.error = None;
        self.chain.undoing = false;
        for step in 0..self.plan.len() {
            let state = self.chain.step(step);
            let is_unfinished = matches!(state.status, StepStatus::Failed | StepStatus::Cancelled);
            if is_unfinished || state.undo.is_some() {
                self.move_step(step, StepEvent::Retried);
            }
        }
        Ok(())
    }
}

/// As much of an error as a chain keeps.
pub(super) fn shortened(error: &str) -> String {
    error.chars().take(MAX_ERROR).collect()
}
