//! The largest chains: how much is decided and stored at each event.

use std::collections::VecDeque;

use ains_core::Timestamp;
use ains_core::chain::{Answer, Chain, ChainStatus, Event, Place, Plan, Question};
use ains_core::dependency::Ending;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::shape::{Shape, plan};

/// A chain all of whose tasks complete, in random order.
struct Run {
    plan: Plan,
    chain: Chain,
    working: Vec<Place>,
    asked: VecDeque<Question>,
    started: Vec<Place>,
    most_at_once: usize,
    longest_text: usize,
    events: i64,
}

impl Run {
    fn of(shapes: &[Shape], items: u32) -> Self {
        let mut run = Self {
            plan: plan(shapes),
            chain: Chain::new(),
            working: Vec::new(),
            asked: VecDeque::new(),
            started: Vec::new(),
            most_at_once: 0,
            longest_text: 0,
            events: 0,
        };
        let mut rng = StdRng::seed_from_u64(1);
        run.happens(Event::Begin);
        while !run.chain.status.is_terminal() {
            let event = if let Some(question) = run.asked.pop_front() {
                let answer = match question {
                    Question::ForEach { .. } => Answer::Items(items),
                    Question::Output { .. } => Answer::Output,
                    Question::Input { .. } => Answer::Input("{}".into()),
                    Question::When { .. } | Question::RepeatUntil { .. } => Answer::Truth(true),
                };
                Event::Evaluated(vec![(question, Ok(answer))])
            } else {
                let place = run.working.swap_remove(rng.random_range(0..run.working.len()));
                let ending = Ending::Completed;
                Event::TaskEnded {
                    place,
                    ending,
                    error: None,
                }
            };
            run.happens(event);
        }
        run
    }

    fn happens(&mut self, event: Event) {
        // As if it were stored in between, with an instant as it is.
        self.events += 1;
        let now = Timestamp::from_micros(1_760_000_000_000_000 + self.events * 1_234);
        let decision = self.chain.on(&self.plan, event, now).unwrap();
        self.asked.extend(decision.ask);
        self.working
            .extend(decision.start.iter().map(|start| start.place));
        self.started
            .extend(decision.start.iter().map(|start| start.place));
        self.most_at_once = self.most_at_once.max(self.working.len());
        if self.events % 50 == 0 || self.chain.status.is_terminal() {
            let text = serde_json::to_string(&self.chain).unwrap();
            self.longest_text = self.longest_text.max(text.len());
        }
    }
}

#[test]
fn a_chain_of_a_thousand_steps_runs_in_order() {
    let run = Run::of(&vec![Shape::plain(); 1_000], 0);
    assert_eq!(run.chain.status, ChainStatus::Completed);
    assert!(run.started.iter().map(|place| place.step).eq(0..1_000));
    assert_eq!(run.most_at_once, 1);
    assert!(run.longest_text < 80_000, "{} bytes", run.longest_text);
}

#[test]
fn a_thousand_steps_side_by_side_run_at_once() {
    let side = Shape {
        after: Some(Vec::new()),
        ..Shape::plain()
    };
    let run = Run::of(&vec![side; 1_000], 0);
    assert_eq!(run.chain.status, ChainStatus::Completed);
    assert_eq!(run.most_at_once, 1_000);
}

#[test]
fn a_step_of_ten_thousand_items_keeps_a_thousand_at_work() {
    for asks_input in [false, true] {
        let each = Shape {
            asks_input,
            ..Shape::each()
        };
        let run = Run::of(&[each], 10_000);
        assert_eq!(run.chain.status, ChainStatus::Completed);
        let items = run.started.iter().map(|place| place.item);
        assert!(items.eq((0..10_000).map(Some)), "in order, each once");
        assert_eq!(run.most_at_once, 1_000);
        assert!(run.longest_text < 2_000, "{} bytes", run.longest_text);
    }
}

#[test]
fn a_thousand_iterations_are_no_larger_than_one() {
    let until = Shape {
        until: Some(1_000),
        ..Shape::plain()
    };
    let run = Run::of(&[until], 0);
    assert!(run.longest_text < 200, "{} bytes", run.longest_text);
}
