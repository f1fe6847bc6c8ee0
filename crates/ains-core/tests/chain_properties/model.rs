//! A simple interpreter of chains: every item has a state of its own, and after every event all rules are
//! tried on all steps until none of them applies.

use std::collections::BTreeSet;

use ains_core::chain::{ChainStatus, Join, OnFailure, Place, Question, StepStatus, Tolerance};

use crate::shape::Shape;

/// How an item of a step stands; a step without `for_each` has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    New,
    InputAsked,
    Works,
    Done,
    Bad,
}

/// What a step is asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asks {
    Nothing,
    When,
    List,
    Until,
    Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Undoing {
    No,
    InputAsked,
    Works,
    Over,
}

#[derive(Debug, Clone)]
struct Step {
    status: StepStatus,
    asks: Asks,
    run: u32,
    iteration: u32,
    begun: bool,
    items: Vec<Item>,
    undo: Undoing,
    /// Whether it ended in an earlier run.
    kept: bool,
}

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Completed,
    Failed,
    Cancelled,
}

/// What a question was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    Yes,
    No,
    Items(u32),
    Fault,
}

pub(crate) struct Model {
    shapes: Vec<Shape>,
    pub(crate) status: ChainStatus,
    pub(crate) run: u32,
    steps: Vec<Step>,
    /// The steps that completed, in order.
    order: Vec<usize>,
    undoing: bool,
}

fn untouched() -> Step {
    Step {
        status: StepStatus::Pending,
        asks: Asks::Nothing,
        run: 0,
        iteration: 0,
        begun: false,
        items: Vec::new(),
        undo: Undoing::No,
        kept: false,
    }
}

impl Model {
    pub(crate) fn new(shapes: &[Shape]) -> Self {
        Self {
            shapes: shapes.to_vec(),
            status: ChainStatus::Pending,
            run: 1,
            steps: vec![untouched(); shapes.len()],
            order: Vec::new(),
            undoing: false,
        }
    }

    pub(crate) fn step_status(&self, step: usize) -> StepStatus {
        self.steps[step].status
    }

    pub(crate) fn begin(&mut self) -> bool {
        self.turn_to(&[ChainStatus::Pending], ChainStatus::Running)
    }

    pub(crate) fn pause(&mut self) -> bool {
        self.turn_to(&[ChainStatus::Pending, ChainStatus::Running], ChainStatus::Paused)
    }

    pub(crate) fn resume(&mut self) -> bool {
        self.turn_to(&[ChainStatus::Paused], ChainStatus::Running)
    }

    pub(crate) fn cancel(&mut self) -> bool {
        let unfinished = [ChainStatus::Pending, ChainStatus::Running, ChainStatus::Paused];
        let can = self.turn_to(&unfinished, ChainStatus::Cancelled);
        if can {
            self.give_up();
            for step in &mut self.steps {
                if matches!(step.undo, Undoing::InputAsked | Undoing::Works) {
                    step.undo = Undoing::Over;
                }
            }
        }
        can
    }

    pub(crate) fn retry(&mut self) -> bool {
        if self.status != ChainStatus::Failed {
            return false;
        }
        self.status = ChainStatus::Running;
        self.run += 1;
        self.undoing = false;
        for (index, step) in self.steps.iter_mut().enumerate() {
            let unfinished = matches!(step.status, StepStatus::Failed | StepStatus::Cancelled);
            if unfinished || step.undo != Undoing::No {
                *step = untouched();
                self.order.retain(|done| *done != index);
            } else {
                step.kept = true;
            }
        }
        self.apply_rules();
        true
    }

    fn turn_to(&mut self, from: &[ChainStatus], to: ChainStatus) -> bool {
        let can = from.contains(&self.status);
        if can {
            self.status = to;
            self.apply_rules();
        }
        can
    }

    /// The places of the tasks that run.
    pub(crate) fn working(&self) -> BTreeSet<Place> {
        let mut places = BTreeSet::new();
        for (index, step) in self.steps.iter().enumerate() {
            let working = step
                .items
                .iter()
                .enumerate()
                .filter(|(_, item)| **item == Item::Works);
            places.extend(working.map(|(item, _)| self.place(index, item)));
            if step.undo == Undoing::Works {
                places.insert(self.undo_place(index));
            }
        }
        places
    }

    /// The questions that are open.
    pub(crate) fn questions(&self) -> BTreeSet<Question> {
        let mut questions = BTreeSet::new();
        if self.status != ChainStatus::Running {
            return questions;
        }
        for (index, state) in self.steps.iter().enumerate() {
            let (step, run, iteration) = (number(index), state.run, state.iteration);
            match state.asks {
                Asks::Nothing => {}
                Asks::When => drop(questions.insert(Question::When { step, run })),
                Asks::List => drop(questions.insert(Question::ForEach { step, run })),
                Asks::Until => drop(questions.insert(Question::RepeatUntil { step, run, iteration })),
                Asks::Output => {
                    let total = number(state.items.len());
                    questions.insert(Question::Output { step, run, total });
                }
            }
            for (item, asked) in state.items.iter().enumerate() {
                if *asked == Item::InputAsked {
                    let place = self.place(index, item);
                    questions.insert(Question::Input { place });
                }
            }
            if state.undo == Undoing::InputAsked {
                let place = self.undo_place(index);
                questions.insert(Question::Input { place });
            }
        }
        questions
    }

    fn place(&self, step: usize, item: usize) -> Place {
        Place {
            step: number(step),
            run: self.steps[step].run,
            iteration: self.steps[step].iteration,
            item: self.shapes[step].each.then(|| number(item)),
            compensation: false,
        }
    }

    fn undo_place(&self, step: usize) -> Place {
        Place {
            step: number(step),
            run: self.run,
            iteration: 1,
            item: None,
            compensation: true,
        }
    }

    pub(crate) fn ended(&mut self, place: Place, end: End) {
        assert!(self.working().contains(&place));
        let step = place.step as usize;
        if place.compensation {
            self.steps[step].undo = Undoing::Over;
        } else {
            let item = place.item.unwrap_or(0) as usize;
            self.steps[step].items[item] = if end == End::Completed {
                Item::Done
            } else {
                Item::Bad
            };
            let cancelled = end == End::Cancelled && !self.shapes[step].each;
            self.judge_items(
                step,
                if cancelled {
                    StepStatus::Cancelled
                } else {
                    StepStatus::Failed
                },
            );
        }
        self.apply_rules();
    }

    pub(crate) fn answered(&mut self, question: Question, reply: Reply) {
        if !self.questions().contains(&question) {
            return;
        }
        let step = question.step() as usize;
        match (question, reply) {
            (Question::Input { place }, Reply::Fault) if place.compensation => {
                self.steps[step].undo = Undoing::Over;
            }
            (Question::Input { place }, _) if place.compensation => self.steps[step].undo = Undoing::Works,
            (Question::Input { place }, Reply::Fault) => {
                self.steps[step].items[place.item.unwrap_or(0) as usize] = Item::Bad;
                self.judge_items(step, StepStatus::Failed);
            }
            (Question::Input { place }, _) => {
                self.steps[step].items[place.item.unwrap_or(0) as usize] = Item::Works;
                self.steps[step].status = StepStatus::Running;
            }
            (_, Reply::Fault) => self.finish(step, StepStatus::Failed),
            (Question::When { .. }, Reply::No) => self.finish(step, StepStatus::Skipped),
            (Question::When { .. }, _) => self.after_when(step),
            (Question::ForEach { .. }, Reply::Items(items)) => {
                self.steps[step].status = StepStatus::Running;
                self.work(step, items as usize);
                if items == 0 {
                    self.finish(step, StepStatus::Completed);
                }
            }
            (Question::RepeatUntil { iteration, .. }, Reply::No) => {
                if Some(iteration) == self.shapes[step].until {
                    self.finish(step, StepStatus::Failed);
                } else {
                    self.work(step, 1);
                }
            }
            _ => self.finish(step, StepStatus::Completed),
        }
        self.apply_rules();
    }

    fn after_when(&mut self, step: usize) {
        self.steps[step].asks = Asks::Nothing;
        if self.shapes[step].each {
            self.steps[step].asks = Asks::List;
        } else {
            self.work(step, 1);
        }
    }

    fn work(&mut self, step: usize, items: usize) {
        let step = &mut self.steps[step];
        step.asks = Asks::Nothing;
        step.iteration += 1;
        step.items = vec![Item::New; items];
    }

    /// What the items that ended mean for their step.
    fn judge_items(&mut self, step: usize, failure: StepStatus) {
        let count = |wanted: Item| {
            self.steps[step]
                .items
                .iter()
                .filter(|item| **item == wanted)
                .count()
        };
        let (bad, done, all) = (count(Item::Bad), count(Item::Done), self.steps[step].items.len());
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let too_many = match self.shapes[step].tolerated {
            Tolerance::None => bad > 0,
            Tolerance::Count(tolerated) => bad > tolerated as usize,
            Tolerance::Percent(percent) => bad as f64 / all as f64 > percent / 100.0 + 1e-9,
        };
        if too_many {
            self.finish(step, failure);
        } else if bad + done == all {
            match (self.shapes[step].each, self.shapes[step].until) {
                (true, _) => self.steps[step].asks = Asks::Output,
                (false, Some(_)) => self.steps[step].asks = Asks::Until,
                (false, None) => self.finish(step, StepStatus::Completed),
            }
        }
    }

    fn finish(&mut self, step: usize, status: StepStatus) {
        self.close(step, status);
        if status == StepStatus::Completed {
            self.order.push(step);
        }
        if matches!(status, StepStatus::Failed | StepStatus::Cancelled) {
            match self.shapes[step].on_failure {
                OnFailure::Continue => {}
                OnFailure::Fail => {
                    self.give_up();
                    self.status = ChainStatus::Failed;
                }
                OnFailure::Compensate => {
                    self.give_up();
                    self.undoing = true;
                }
            }
        }
    }

    fn close(&mut self, step: usize, status: StepStatus) {
        self.steps[step].status = status;
        self.steps[step].asks = Asks::Nothing;
        for item in &mut self.steps[step].items {
            if matches!(item, Item::Works | Item::InputAsked | Item::New) {
                *item = Item::Bad;
            }
        }
    }

    fn give_up(&mut self) {
        for step in 0..self.steps.len() {
            if !self.steps[step].status.is_finished() {
                self.close(step, StepStatus::Cancelled);
            }
        }
    }

    fn apply_rules(&mut self) {
        while matches!(self.status, ChainStatus::Running | ChainStatus::Paused) {
            let ruled = if self.undoing {
                self.undo_rule()
            } else {
                (0..self.steps.len()).any(|step| self.step_rule(step)) || self.end_rule()
            };
            if !ruled {
                return;
            }
        }
    }

    /// Applies one rule to a step, if one does apply.
    fn step_rule(&mut self, step: usize) -> bool {
        let (shape, state) = (self.shapes[step].clone(), self.steps[step].clone());
        let is_running = self.status == ChainStatus::Running;
        if state.status.is_finished() || state.asks != Asks::Nothing {
            return false;
        }
        if !state.begun {
            let before = shape.predecessors(step);
            let status = |step: &usize| self.steps[*step].status;
            let all_ended = before.iter().all(|step| self.has_ended(*step));
            let all_skipped = before.iter().all(|step| status(step) == StepStatus::Skipped);
            let one_completed = before
                .iter()
                .any(|step| status(step) == StepStatus::Completed && self.has_ended(*step));
            let skips = !before.is_empty()
                && all_ended
                && match shape.join {
                    Join::All => all_skipped,
                    Join::Any => !one_completed,
                    Join::AllDone => false,
                };
            let runs = all_ended || (shape.join == Join::Any && one_completed);
            if skips {
                self.finish(step, StepStatus::Skipped);
            } else if runs && is_running {
                self.steps[step].begun = true;
                self.steps[step].run = self.run;
                if shape.when {
                    self.steps[step].asks = Asks::When;
                } else {
                    self.after_when(step);
                }
            }
            return skips || (runs && is_running);
        }
        let busy = state
            .items
            .iter()
            .filter(|item| matches!(item, Item::Works | Item::InputAsked))
            .count();
        let next = state.items.iter().position(|item| *item == Item::New);
        let width = shape.width() as usize;
        match next {
            Some(item) if is_running && busy < width => {
                if shape.asks_input {
                    self.steps[step].items[item] = Item::InputAsked;
                } else {
                    self.steps[step].items[item] = Item::Works;
                    self.steps[step].status = StepStatus::Running;
                }
                true
            }
            _ => false,
        }
    }

    /// Whether it has ended; if that was in an earlier run, whether all before it has, too.
    fn has_ended(&self, step: usize) -> bool {
        let state = &self.steps[step];
        let before = || self.shapes[step].predecessors(step);
        state.status.is_finished()
            && (!state.kept || before().into_iter().all(|before| self.has_ended(before)))
    }

    fn undo_rule(&mut self) -> bool {
        let busy = |step: &Step| matches!(step.undo, Undoing::InputAsked | Undoing::Works);
        if self.steps.iter().any(busy) {
            return false;
        }
        let last = self
            .order
            .iter()
            .rev()
            .copied()
            .find(|step| self.shapes[*step].undo.is_some() && self.steps[*step].undo == Undoing::No);
        match last {
            None => self.status = ChainStatus::Failed,
            Some(_) if self.status == ChainStatus::Paused => return false,
            Some(step) => {
                let asks = self.shapes[step].undo == Some(true);
                self.steps[step].undo = if asks { Undoing::InputAsked } else { Undoing::Works };
            }
        }
        true
    }

    fn end_rule(&mut self) -> bool {
        let all_ended = self.steps.iter().all(|step| step.status.is_finished());
        if all_ended {
            self.status = ChainStatus::Completed;
        }
        all_ended
    }
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap()
}
