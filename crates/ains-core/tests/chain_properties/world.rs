//! A world in which a chain runs: its tasks end and its questions are answered at random. The chain and
//! the interpreter are told the same, and compared after every event.

use std::collections::{BTreeMap, BTreeSet};

use ains_core::Timestamp;
use ains_core::chain::{
    Answer, Chain, ChainStatus, Decision, Event, Output, Place, Plan, Question, StepStatus, Undo,
};
use ains_core::dependency::Ending;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, IteratorRandom};
use rand::{RngExt, SeedableRng};

use crate::model::{End, Model, Reply};
use crate::shape::{Shape, plan};

pub(crate) struct World {
    plan: Plan,
    shapes: Vec<Shape>,
    pub(crate) chain: Chain,
    model: Model,
    rng: StdRng,
    now: i64,
    /// The tasks that were made, in order.
    started: Vec<Place>,
    /// Those of them that have neither ended nor been cancelled.
    working: BTreeSet<Place>,
    /// What was asked and has not been answered.
    asked: BTreeSet<Question>,
    /// The steps that completed, in order, of those that can be undone and were not.
    completed: Vec<u32>,
}

impl World {
    pub(crate) fn new(shapes: &[Shape], seed: u64) -> Self {
        Self {
            plan: plan(shapes),
            shapes: shapes.to_vec(),
            chain: Chain::new(),
            model: Model::new(shapes),
            rng: StdRng::seed_from_u64(seed),
            now: 0,
            started: Vec::new(),
            working: BTreeSet::new(),
            asked: BTreeSet::new(),
            completed: Vec::new(),
        }
    }

    /// Something happens, of whatever kind.
    pub(crate) fn something_happens(&mut self) {
        match self.rng.random_range(0..40) {
            0 => self.steer(Event::Pause, Model::pause),
            1..4 => self.steer(Event::Resume, Model::resume),
            4 if self.rng.random_bool(0.2) => {
                let reason = "no longer wanted".to_owned();
                self.steer(Event::Cancel { reason }, Model::cancel);
            }
            5..8 => self.steer(Event::Retry, Model::retry),
            8 => self.noise(),
            9 => self.reload(),
            10..13 => self.steer(Event::Begin, Model::begin),
            _ => self.goes_on(),
        }
    }

    /// Everything that can go on does, until the chain has ended.
    pub(crate) fn runs_to_its_end(&mut self) {
        if self.chain.status == ChainStatus::Pending {
            self.steer(Event::Begin, Model::begin);
        }
        let mut left = 200 * (self.shapes.len() + 200);
        while !self.chain.status.is_terminal() {
            if self.chain.status == ChainStatus::Paused {
                self.steer(Event::Resume, Model::resume);
            } else {
                assert!(
                    !self.working.is_empty() || !self.asked.is_empty(),
                    "it waits for nothing, and has not ended"
                );
                self.goes_on();
            }
            left -= 1;
            assert!(left > 0, "it does not end");
        }
        // What has ended stays as it is.
        self.noise();
    }

    /// A task ends, or questions are answered.
    fn goes_on(&mut self) {
        if !self.asked.is_empty() && (self.working.is_empty() || self.rng.random()) {
            self.questions_are_answered();
        } else if let Some(place) = self.working.iter().copied().choose(&mut self.rng) {
            self.task_ends(place);
        }
    }

    fn task_ends(&mut self, place: Place) {
        let bad = self.rng.random_bool(0.2);
        let end = match self.rng.random_range(0..3) {
            _ if !bad => End::Completed,
            0 => End::Cancelled,
            _ => End::Failed,
        };
        let ending = match end {
            End::Completed => Ending::Completed,
            End::Failed => Ending::Failed,
            End::Cancelled => *[Ending::Cancelled, Ending::NotNeeded]
                .choose(&mut self.rng)
                .unwrap(),
        };
        self.working.remove(&place);
        self.model.ended(place, end);
        let error = bad.then(|| "boom".to_owned());
        let decision = self.happens(Event::TaskEnded { place, ending, error });
        assert!(decision.changed);
        self.compare();
    }

    fn questions_are_answered(&mut self) {
        let count = self.rng.random_range(1..=self.asked.len());
        let questions = self.asked.iter().copied().sample(&mut self.rng, count);
        let mut answers = Vec::new();
        for question in questions {
            self.asked.remove(&question);
            let (reply, answer) = self.an_answer(question);
            self.model.answered(question, reply);
            answers.push((question, answer));
        }
        self.happens(Event::Evaluated(answers));
        self.compare();
    }

    fn an_answer(&mut self, question: Question) -> (Reply, Result<Answer, String>) {
        if self.rng.random_bool(0.05) {
            // One that is not of the question's kind is as good as none.
            let answer = match (self.rng.random(), question) {
                (true, Question::Output { .. }) => Ok(Answer::Truth(true)),
                (true, _) => Ok(Answer::Output),
                (false, _) => Err("`x`: there is no `x`".to_owned()),
            };
            return (Reply::Fault, answer);
        }
        let truth = self.rng.random_bool(0.6);
        let reply = if truth { Reply::Yes } else { Reply::No };
        match question {
            Question::When { .. } | Question::RepeatUntil { .. } => (reply, Ok(Answer::Truth(truth))),
            Question::ForEach { .. } => {
                let items = self.rng.random_range(0..8);
                (Reply::Items(items), Ok(Answer::Items(items)))
            }
            Question::Input { .. } => (Reply::Yes, Ok(Answer::Input("{}".into()))),
            Question::Output { .. } => (Reply::Yes, Ok(Answer::Output)),
        }
    }

    fn steer(&mut self, event: Event, tell: fn(&mut Model) -> bool) {
        let before = self.chain.clone();
        self.now += 1;
        let result = self.chain.on(&self.plan, event, Timestamp::from_micros(self.now));
        assert_eq!(result.is_ok(), tell(&mut self.model));
        match result {
            Ok(decision) => self.take(&before, &decision),
            Err(_) => assert_eq!(self.chain, before, "a refusal changes nothing"),
        }
        self.compare();
    }

    /// Ends of tasks that do not run, answers to questions that were not asked.
    fn noise(&mut self) {
        let before = self.chain.clone();
        let late = self
            .started
            .iter()
            .copied()
            .filter(|place| !self.working.contains(place));
        let mut places: Vec<Place> = late.sample(&mut self.rng, 5);
        places.extend((0..5).map(|_| Place {
            step: self.rng.random_range(0..12),
            run: self.rng.random_range(0..3),
            iteration: self.rng.random_range(0..3),
            item: [None, Some(0), Some(7), Some(u32::MAX)][self.rng.random_range(0..4)],
            compensation: self.rng.random_bool(0.2),
        }));
        places.retain(|place| !self.working.contains(place));
        for place in places {
            let (step, run, iteration) = (place.step, place.run, place.iteration);
            let questions = [
                Question::When { step, run },
                Question::ForEach { step, run },
                Question::RepeatUntil { step, run, iteration },
                Question::Output { step, run, total: 3 },
                Question::Input { place },
            ];
            let open = self.chain.questions(&self.plan);
            // The total does not tell a question about an output from another.
            let is_open = |question: &Question| {
                let is_output = matches!(question, Question::Output { .. });
                self.chain.is_open(&self.plan, question)
                    || (is_output && open.iter().any(|open| open.step() == step))
            };
            let answers = questions.into_iter().filter(|question| !is_open(question));
            let answers = answers
                .map(|question| (question, Ok(Answer::Truth(true))))
                .collect();
            let ended = Event::TaskEnded {
                place,
                ending: Ending::Completed,
                error: None,
            };
            for event in [ended, Event::Evaluated(answers)] {
                let decision = self.happens(event);
                assert_eq!(decision, Decision::default());
            }
        }
        assert_eq!(self.chain, before);
    }

    /// The server dies: what is stored is all that is left, and tells what was asked.
    fn reload(&mut self) {
        let text = serde_json::to_string(&self.chain).unwrap();
        let chain: Chain = serde_json::from_str(&text).unwrap();
        assert_eq!(chain, self.chain);
        assert_eq!(serde_json::to_string(&chain).unwrap(), text);
        self.chain = chain;
        let text = serde_json::to_string(self.plan.definition()).unwrap();
        let definition: ains_core::chain::Definition = serde_json::from_str(&text).unwrap();
        assert_eq!(&definition, self.plan.definition());
        self.plan = definition.check().unwrap();
    }

    fn happens(&mut self, event: Event) -> Decision {
        let before = self.chain.clone();
        self.now += 1;
        let decision = self
            .chain
            .on(&self.plan, event, Timestamp::from_micros(self.now))
            .unwrap();
        self.take(&before, &decision);
        decision
    }

    /// Does what was decided, and sees that it is in order.
    fn take(&mut self, before: &Chain, decision: &Decision) {
        assert_eq!(decision.changed, *before != self.chain);
        let changed = (0..self.plan.len()).filter(|&step| before.step(step) != self.chain.step(step));
        let touched: BTreeSet<u32> = decision.touched.iter().copied().collect();
        assert!(changed.clone().all(|step| touched.contains(&step)));
        self.take_finished(before, decision);
        for cancel in &decision.cancel {
            let is_meant =
                |place: &Place| place.step == cancel.step && place.compensation == cancel.compensation;
            assert!(self.working.iter().any(is_meant), "nothing to cancel: {cancel:?}");
            self.working.retain(|place| !is_meant(place));
        }
        for start in &decision.start {
            let place = start.place;
            assert!(!self.started.contains(&place), "started twice: {place}");
            assert_eq!(place.to_string().parse(), Ok(place));
            self.started.push(place);
            self.working.insert(place);
            if place.compensation {
                // The last that completed is undone first; what could not be undone is passed over.
                while let Some(step) = self.completed.pop().filter(|step| *step != place.step) {
                    assert_eq!(self.chain.step(step).undo, Some(Undo::Failed));
                }
                assert_eq!(self.chain.step(place.step).undo, Some(Undo::Running));
            } else {
                assert_eq!(place.run, self.chain.run);
                let width = self.shapes[place.step as usize].width();
                let at_work = self
                    .working
                    .iter()
                    .filter(|other| other.step == place.step)
                    .count();
                assert!(at_work <= width as usize);
            }
            let asks = if place.compensation {
                self.shapes[place.step as usize].undo == Some(true)
            } else {
                self.shapes[place.step as usize].asks_input
            };
            assert_eq!(start.input.is_some(), asks);
        }
        self.asked.extend(decision.ask.iter().copied());
        let open: BTreeSet<Question> = self.chain.questions(&self.plan).into_iter().collect();
        self.asked.retain(|question| open.contains(question));
        assert!(decision.ask.iter().all(|question| open.contains(question)));
        // What is open was asked, and is asked again after a pause: nothing waits for an answer that nobody gives.
        assert_eq!(self.asked, open);
    }

    fn take_finished(&mut self, before: &Chain, decision: &Decision) {
        let mut finished = BTreeMap::new();
        // A new run begins again with some steps, and may end them at once.
        let begins_again = |step: u32| {
            let state = before.step(step);
            let again =
                matches!(state.status, StepStatus::Failed | StepStatus::Cancelled) || state.undo.is_some();
            again && self.chain.run > before.run
        };
        let had_ended = |step: u32| before.step(step).status.is_finished() && !begins_again(step);
        self.completed.retain(|step| !begins_again(*step));
        for end in &decision.finished {
            assert!(!had_ended(end.step), "finished twice");
            assert!(finished.insert(end.step, end.status).is_none());
            assert_eq!(end.status, self.chain.step(end.step).status);
            assert_eq!(end.output, self.chain.output(&self.plan, end.step));
            assert_eq!(end.output == Output::None, end.status != StepStatus::Completed);
            if end.status == StepStatus::Completed && self.shapes[end.step as usize].undo.is_some() {
                self.completed.push(end.step);
            }
            let output_is_known = match end.output {
                Output::Task(place) => self.started.contains(&place),
                Output::None | Output::Items { .. } => true,
            };
            assert!(output_is_known, "{end:?}");
        }
        for step in 0..self.plan.len() {
            let is_new = self.chain.step(step).status.is_finished() && !had_ended(step);
            assert_eq!(is_new, finished.contains_key(&step));
        }
    }

    fn compare(&mut self) {
        assert_eq!(self.chain.status, self.model.status);
        assert_eq!(self.chain.run, self.model.run);
        assert_eq!(self.chain.ended_at.is_some(), self.chain.status.is_terminal());
        for step in 0..self.shapes.len() {
            let state = self.chain.step(u32::try_from(step).unwrap());
            assert_eq!(state.status, self.model.step_status(step), "step {step}");
            assert_eq!(state.ended_at.is_some(), state.status.is_finished());
        }
        let questions: BTreeSet<Question> = self.chain.questions(&self.plan).into_iter().collect();
        assert_eq!(questions, self.model.questions());
        assert_eq!(self.working, self.model.working());
        let current = self.chain.current_step(&self.plan);
        let unfinished = |step: u32| !self.chain.step(step).status.is_finished();
        assert!((0..current).all(|step| !unfinished(step)));
        assert!(current == self.plan.len() || unfinished(current));
    }
}
