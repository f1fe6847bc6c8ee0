//! Steps of several tasks: `for_each` and `repeat_until`.

use super::*;

#[test]
fn items_run_in_order_a_few_at_once() {
    let definition = StepDefinition {
        max_parallel: Some(2),
        ..each("a")
    };
    let mut course = Course::of(vec![definition]);
    let question = Question::ForEach { step: 0, run: 1 };
    assert_eq!(course.last.ask, [question]);
    assert_eq!(course.states(), "P");
    course.answer(question, Answer::Items(3));
    assert_eq!(
        (course.states().as_str(), course.started()),
        ("R", vec!["0.1.1.0".to_owned(), "0.1.1.1".to_owned()])
    );
    course.ends(item(0, 1), Ending::Completed);
    assert_eq!(course.started(), ["0.1.1.2"]);
    // Once more: it has ended.
    assert_eq!(course.ends(item(0, 1), Ending::Completed), &Decision::default());
    course.completes(&[item(0, 0), item(0, 2)]);
    let output = Question::Output {
        step: 0,
        run: 1,
        total: 3,
    };
    assert_eq!(course.last.ask, [output]);
    course.answer(output, Answer::Output);
    let items = Output::Items {
        step: 0,
        run: 1,
        total: 3,
    };
    assert_eq!(
        course.last.finished,
        [Finished {
            step: 0,
            status: StepStatus::Completed,
            output: items
        }]
    );
    assert_eq!(course.chain.status, ChainStatus::Completed);
}

#[test]
fn an_empty_list_completes() {
    let mut course = Course::of(vec![each("a"), step("b")]);
    course.answer(Question::ForEach { step: 0, run: 1 }, Answer::Items(0));
    assert_eq!(
        (course.states().as_str(), course.started()),
        ("CR", vec!["1.1.1".to_owned()])
    );
    assert_eq!(
        course.last.finished[0].output,
        Output::Items {
            step: 0,
            run: 1,
            total: 0
        }
    );
}

#[test]
fn more_failures_than_are_tolerated_end_the_step_at_once() {
    for (tolerance, failures) in [
        (Tolerance::None, 1),
        (Tolerance::Count(2), 3),
        (Tolerance::Percent(20.0), 3),
        (Tolerance::Percent(29.9), 3),
        (Tolerance::Percent(30.0), 4),
    ] {
        let mut course = Course::of(vec![StepDefinition {
            tolerate_failures: tolerance,
            ..each("a")
        }]);
        course.answer(Question::ForEach { step: 0, run: 1 }, Answer::Items(10));
        for number in 0..failures {
            assert_eq!(course.states(), "R", "{tolerance:?}");
            course.ends(item(0, number), Ending::Failed);
        }
        assert_eq!(course.states(), "F", "{tolerance:?}");
        assert_eq!(course.error(), format!("step `a`: item {}: boom", failures - 1));
        assert_eq!(course.last.cancel.len(), 1, "the others are cancelled");
    }
}

#[test]
fn an_item_whose_input_cannot_be_made_has_failed() {
    let definition = StepDefinition {
        input: r#"{"x": "${{ item.x }}"}"#.into(),
        tolerate_failures: Tolerance::Count(1),
        ..each("a")
    };
    let mut course = Course::of(vec![definition]);
    course.answer(Question::ForEach { step: 0, run: 1 }, Answer::Items(2));
    let inputs = [0, 1].map(|number| Question::Input {
        place: item(0, number),
    });
    assert_eq!(course.last.ask, inputs);
    let fault = Err("`item.x`: there is no `x`".to_owned());
    let filled = Ok(Answer::Input(r#"{"x": 1}"#.into()));
    course.on(Event::Evaluated(vec![
        (inputs[0], fault.clone()),
        (inputs[1], filled),
    ]));
    assert_eq!(course.started(), ["0.1.1.1"]);
    assert_eq!(course.last.start[0].input.as_deref(), Some(r#"{"x": 1}"#));
    course.completes(&[item(0, 1)]);
    assert_eq!(
        (course.chain.step(0).completed, course.chain.step(0).failed),
        (1, 1)
    );
    // Without tolerance it is the end of the step.
    let strict = StepDefinition {
        input: r#"{"x": "${{ item.x }}"}"#.into(),
        ..each("a")
    };
    let mut course = Course::of(vec![strict]);
    course.answer(Question::ForEach { step: 0, run: 1 }, Answer::Items(2));
    course.on(Event::Evaluated(vec![(inputs[0], fault)]));
    assert_eq!(course.error(), "step `a`: item 0: `item.x`: there is no `x`");
}

#[test]
fn a_step_is_run_again_until_its_condition_holds() {
    let definition = || StepDefinition {
        repeat_until: Some("output.ok".to_owned()),
        max_iterations: Some(2),
        ..step("a")
    };
    let until = |iteration| Question::RepeatUntil {
        step: 0,
        run: 1,
        iteration,
    };
    let second = Place {
        iteration: 2,
        ..at(0)
    };
    let mut course = Course::of(vec![definition()]);
    course.completes(&[at(0)]);
    assert_eq!(course.last.ask, [until(1)]);
    course.answer(until(1), Answer::Truth(false));
    assert_eq!(
        course.last.start,
        [Start {
            place: second,
            input: None,
            previous: Previous::Own(at(0))
        }]
    );
    course.completes(&[second]);
    assert_eq!(
        course.chain.needs(&course.plan, &until(2)).output,
        Some(Output::Task(second))
    );
    course.answer(until(2), Answer::Truth(true));
    assert_eq!(course.last.finished[0].output, Output::Task(second));

    let mut course = Course::of(vec![definition()]);
    course.completes(&[at(0)]);
    course.answer(until(1), Answer::Truth(false));
    course.completes(&[second]);
    course.answer(until(2), Answer::Truth(false));
    assert_eq!(
        course.error(),
        "step `a`: `repeat_until` did not hold within 2 iterations"
    );
}
