//! Pause, cancel, retry, and compensation.

use super::*;

#[test]
fn what_completed_is_undone_the_last_first() {
    let steps = vec![
        undone_by(step("a"), "{}"),
        undone_by(step("b"), r#"{"was": "${{ output }}"}"#),
        step("c"),
        StepDefinition {
            on_failure: OnFailure::Compensate,
            ..step("d")
        },
        undone_by(step("e"), "{}"),
    ];
    let mut course = Course::of(steps);
    course.completes(&[at(0), at(1), at(2)]);
    course.ends(at(3), Ending::Failed);
    assert_eq!(
        (course.states().as_str(), course.chain.status),
        ("CCCFC", ChainStatus::Running)
    );
    assert!(course.chain.is_undoing());
    let undo = |step| Place {
        compensation: true,
        ..at(step)
    };
    let question = Question::Input { place: undo(1) };
    assert_eq!(course.last.ask, [question]);
    assert_eq!(
        course.chain.needs(&course.plan, &question).output,
        Some(Output::Task(at(1)))
    );
    course.answer(question, Answer::Input(r#"{"was": 7}"#.into()));
    assert_eq!(course.last.start[0].previous, Previous::Step(1));
    assert_eq!(course.plan.task(undo(1)).task_type, "undo".parse().ok());
    // One that fails is recorded and passed over.
    course.ends(undo(1), Ending::Failed);
    assert_eq!(course.chain.step(1).undo_error.as_deref(), Some("boom"));
    assert_eq!(course.started(), ["c0.1.1"]);
    course.completes(&[undo(0)]);
    assert_eq!(
        (course.chain.status, course.error()),
        (ChainStatus::Failed, "step `d`: boom")
    );
    assert_eq!(
        [0, 1, 2].map(|step| course.chain.step(step).undo),
        [Some(Undo::Completed), Some(Undo::Failed), None]
    );

    // Another run does again what was undone, and keeps what was not.
    course.on(Event::Retry);
    assert_eq!((course.states().as_str(), course.chain.run), ("RPCPP", 2));
    assert_eq!(course.started(), ["0.2.1"]);
}

#[test]
fn a_retry_keeps_what_completed() {
    let mut course = Course::of(vec![step("a"), after("b", &[]), after("c", &["a", "b"])]);
    course.completes(&[at(0)]);
    course.ends(at(1), Ending::Failed);
    assert_eq!(course.states(), "CFC");
    course.on(Event::Retry);
    assert_eq!(
        (course.states().as_str(), course.started()),
        ("CRP", vec!["1.2.1".to_owned()])
    );
    assert_eq!(course.chain.error, None);
    let late = course.ends(at(1), Ending::Completed);
    assert_eq!(late, &Decision::default(), "that was in the first run");
    course.completes(&[Place { run: 2, ..at(1) }, Place { run: 2, ..at(2) }]);
    assert_eq!(course.chain.status, ChainStatus::Completed);
    assert_eq!(
        course.chain.output(&course.plan, 0),
        Output::Task(at(0)),
        "its output is of the first run"
    );
}

#[test]
fn nothing_new_starts_while_it_is_paused() {
    let definition = StepDefinition {
        max_parallel: Some(1),
        ..each("a")
    };
    let asks = StepDefinition {
        when: Some("true".to_owned()),
        ..after("b", &[])
    };
    let mut course = Course::of(vec![definition, asks]);
    course.answer(Question::ForEach { step: 0, run: 1 }, Answer::Items(2));
    course.on(Event::Pause);
    assert!(course.chain.questions(&course.plan).is_empty());
    let when = Question::When { step: 1, run: 1 };
    assert_eq!(course.answer(when, Answer::Truth(true)), &Decision::default());
    course.ends(item(0, 0), Ending::Completed);
    assert!(course.last.changed && course.last.start.is_empty());
    course.on(Event::Resume);
    assert_eq!(
        (course.last.ask.clone(), course.started()),
        (vec![when], vec!["0.1.1.1".to_owned()])
    );
}

#[test]
fn cancelling_ends_everything_and_undoes_nothing() {
    let mut course = Course::of(vec![undone_by(step("a"), "{}"), step("b"), step("c")]);
    course.completes(&[at(0)]);
    course.on(Event::Cancel {
        reason: "enough".to_owned(),
    });
    let reason = "enough".to_owned();
    assert_eq!(
        course.last.cancel,
        [Cancel {
            step: 1,
            compensation: false,
            reason
        }]
    );
    assert_eq!(
        (course.states().as_str(), course.chain.status, course.error()),
        ("CCC", ChainStatus::Cancelled, "enough")
    );
    assert_eq!(course.chain.step(0).status, StepStatus::Completed);
    assert!(course.last.start.is_empty());
    for event in [
        Event::Retry,
        Event::Pause,
        Event::Resume,
        Event::Begin,
        Event::Cancel {
            reason: String::new(),
        },
    ] {
        assert!(
            course
                .chain
                .on(&course.plan, event, Timestamp::from_micros(9))
                .is_err()
        );
    }
}

#[test]
fn cancelling_stops_undoing() {
    let fails = StepDefinition {
        on_failure: OnFailure::Compensate,
        ..step("b")
    };
    let mut course = Course::of(vec![undone_by(step("a"), "{}"), fails]);
    course.completes(&[at(0)]);
    course.ends(at(1), Ending::Failed);
    course.on(Event::Cancel {
        reason: "enough".to_owned(),
    });
    let reason = "enough".to_owned();
    assert_eq!(
        course.last.cancel,
        [Cancel {
            step: 0,
            compensation: true,
            reason
        }]
    );
    assert_eq!(course.chain.step(0).undo, Some(Undo::Cancelled));
}
