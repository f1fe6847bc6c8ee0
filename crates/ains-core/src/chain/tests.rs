//! What the rules of semantics §3 come to, one at a time. All of them together: `tests/chain_properties.rs`.

mod loops;
mod questions;
mod steering;

use super::*;

fn task(task_type: &str) -> StepTask {
    StepTask::new(task_type.parse().unwrap(), "worker".parse().unwrap())
}

fn step(name: &str) -> StepDefinition {
    StepDefinition::new(name, task(name))
}

fn after(name: &str, before: &[&str]) -> StepDefinition {
    StepDefinition {
        depends_on: Some(before.iter().map(ToString::to_string).collect()),
        ..step(name)
    }
}

fn each(name: &str) -> StepDefinition {
    StepDefinition {
        for_each: Some("input.list".to_owned()),
        ..step(name)
    }
}

fn undone_by(step: StepDefinition, input: &str) -> StepDefinition {
    let compensation = Compensation {
        task: task("undo"),
        input: input.into(),
    };
    StepDefinition {
        compensate_with: Some(compensation),
        ..step
    }
}

fn at(step: u32) -> Place {
    Place {
        step,
        run: 1,
        iteration: 1,
        item: None,
        compensation: false,
    }
}

fn item(step: u32, item: u32) -> Place {
    Place {
        item: Some(item),
        ..at(step)
    }
}

/// A chain that has begun.
struct Course {
    plan: Plan,
    chain: Chain,
    now: i64,
    last: Decision,
}

impl Course {
    fn of(steps: Vec<StepDefinition>) -> Self {
        let plan = Definition { steps }
            .check()
            .unwrap_or_else(|faults| panic!("{faults:?}"));
        let mut course = Self {
            plan,
            chain: Chain::new(),
            now: 0,
            last: Decision::default(),
        };
        course.on(Event::Begin);
        course
    }

    fn on(&mut self, event: Event) -> &Decision {
        self.now += 1;
        self.last = self
            .chain
            .on(&self.plan, event, Timestamp::from_micros(self.now))
            .unwrap();
        &self.last
    }

    fn ends(&mut self, place: Place, ending: Ending) -> &Decision {
        let error = (ending != Ending::Completed).then(|| "boom".to_owned());
        self.on(Event::TaskEnded { place, ending, error })
    }

    fn completes(&mut self, places: &[Place]) {
        for place in places {
            self.ends(*place, Ending::Completed);
        }
    }

    fn answer(&mut self, question: Question, answer: Answer) -> &Decision {
        self.on(Event::Evaluated(vec![(question, Ok(answer))]))
    }

    /// The places of the tasks that the last event started.
    fn started(&self) -> Vec<String> {
        self.last
            .start
            .iter()
            .map(|start| start.place.to_string())
            .collect()
    }

    /// The states of all steps, by their first letters.
    fn states(&self) -> String {
        let first = |step: u32| self.chain.step(step).status.as_str().chars().next();
        (0..self.plan.len()).filter_map(first).collect()
    }

    fn error(&self) -> &str {
        self.chain.error.as_deref().unwrap_or_default()
    }
}

#[test]
fn steps_run_one_after_another() {
    let second = StepDefinition {
        use_previous_output: true,
        ..step("b")
    };
    let mut course = Course::of(vec![step("a"), second]);
    assert_eq!(course.chain.status, ChainStatus::Running);
    assert_eq!(
        course.last.start,
        [Start {
            place: at(0),
            input: None,
            previous: Previous::None
        }]
    );
    course.ends(at(0), Ending::Completed);
    let output = Output::Task(at(0));
    assert_eq!(
        course.last.finished,
        [Finished {
            step: 0,
            status: StepStatus::Completed,
            output
        }]
    );
    assert_eq!(
        course.last.start,
        [Start {
            place: at(1),
            input: None,
            previous: Previous::Step(0)
        }]
    );
    assert_eq!(course.last.touched, [0, 1]);
    course.ends(at(1), Ending::Completed);
    assert_eq!(course.chain.status, ChainStatus::Completed);
    assert_eq!(course.chain.ended_at, Some(Timestamp::from_micros(3)));
    assert_eq!(course.chain.current_step(&course.plan), 2);
}

#[test]
fn a_step_with_several_before_it_gets_their_outputs_by_name() {
    let last = StepDefinition {
        use_previous_output: true,
        ..after("c", &["b", "a"])
    };
    let mut course = Course::of(vec![step("a"), after("b", &[]), last]);
    assert_eq!(course.started(), ["0.1.1", "1.1.1"]);
    course.completes(&[at(1), at(0)]);
    assert_eq!(course.last.start[0].previous, Previous::Named(vec![1, 0]));
}

#[test]
fn what_comes_before_decides_by_the_join() {
    use Ending::{Completed, Failed};
    // Two steps, both of which may fail or be skipped, and one behind them.
    let cases = [
        (Join::All, [Some(Completed), Some(Failed)], "CFR"),
        (Join::All, [Some(Completed), None], "CSR"),
        (Join::All, [None, None], "SSS"),
        (Join::Any, [Some(Failed), Some(Completed)], "FCR"),
        (Join::Any, [Some(Failed), None], "FSS"),
        (Join::AllDone, [None, None], "SSR"),
        (Join::AllDone, [Some(Failed), None], "FSR"),
    ];
    for (join, ends, expected) in cases {
        let first = |name| StepDefinition {
            when: Some("input.go".to_owned()),
            on_failure: OnFailure::Continue,
            ..after(name, &[])
        };
        let last = StepDefinition {
            join,
            ..after("c", &["a", "b"])
        };
        let mut course = Course::of(vec![first("a"), first("b"), last]);
        for (step, end) in (0..).zip(ends) {
            course.answer(Question::When { step, run: 1 }, Answer::Truth(end.is_some()));
        }
        for (step, end) in (0..).zip(ends) {
            end.map(|end| course.ends(at(step), end).changed);
        }
        assert_eq!(course.states(), expected, "{join:?}");
    }
}

#[test]
fn any_runs_as_soon_as_one_has_completed() {
    let last = StepDefinition {
        join: Join::Any,
        ..after("c", &["a", "b"])
    };
    let mut course = Course::of(vec![step("a"), after("b", &[]), last]);
    course.ends(at(1), Ending::Completed);
    assert_eq!(course.started(), ["2.1.1"]);
    assert_eq!(course.chain.current_step(&course.plan), 0);
}

#[test]
fn what_a_failure_means_is_for_the_step_to_say() {
    for (on_failure, states, status) in [
        (OnFailure::Fail, "FCC", ChainStatus::Failed),
        (OnFailure::Continue, "FRR", ChainStatus::Running),
        (OnFailure::Compensate, "FCC", ChainStatus::Failed),
    ] {
        let first = StepDefinition {
            on_failure,
            ..step("a")
        };
        let mut course = Course::of(vec![first, after("b", &[]), after("c", &["a"])]);
        course.ends(at(0), Ending::Failed);
        assert_eq!((course.states().as_str(), course.chain.status), (states, status));
        if status == ChainStatus::Failed {
            assert_eq!(course.error(), "step `a`: boom");
            let reason = "step `a` failed".to_owned();
            assert_eq!(
                course.last.cancel,
                [Cancel {
                    step: 1,
                    compensation: false,
                    reason
                }]
            );
            assert_eq!(course.chain.step(1).error.as_deref(), Some("the chain failed"));
        }
    }
}

#[test]
fn a_task_that_is_cancelled_is_a_failure() {
    let mut course = Course::of(vec![step("a"), step("b")]);
    course.ends(at(0), Ending::Cancelled);
    assert_eq!(course.states(), "CC");
    assert_eq!(course.chain.step(0).status, StepStatus::Cancelled);
    assert_eq!(course.error(), "step `a`: its task was cancelled: boom");
    assert_eq!(course.chain.status, ChainStatus::Failed);
    let lenient = StepDefinition {
        on_failure: OnFailure::Continue,
        ..step("a")
    };
    let mut course = Course::of(vec![lenient, step("b")]);
    course.ends(at(0), Ending::NotNeeded);
    assert_eq!(course.states(), "CR");
}

#[test]
fn an_untouched_chain_is_stored_as_next_to_nothing() {
    assert_eq!(
        serde_json::to_string(&Chain::new()).unwrap(),
        r#"{"status":"PENDING"}"#
    );
    let mut course = Course::of(vec![step("a"), step("b"), step("c")]);
    course.completes(&[at(0)]);
    let text = serde_json::to_string(&course.chain).unwrap();
    let expected = r#"{"status":"RUNNING","started_at":1,"steps":{"0":{"s":"COMPLETED","r":1,"i":1,"b":1,"e":2},"1":{"s":"RUNNING","r":1,"i":1,"b":2,"w":"t","t":1,"o":"0:B"}}}"#;
    assert_eq!(text, expected);
    assert_eq!(serde_json::from_str::<Chain>(&text).unwrap(), course.chain);
}
