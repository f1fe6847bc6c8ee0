//! Expressions: what they need, what they come to, and faults in them.

use serde_json::{Value as Json, json};

use super::*;
use crate::expression::{Context, StepValue};

#[test]
fn a_fault_in_an_expression_fails_the_step() {
    let mut course = Course::of(vec![StepDefinition {
        when: Some("input.x > 1".to_owned()),
        ..step("a")
    }]);
    let question = Question::When { step: 0, run: 1 };
    let input = json!({"x": "one"});
    let mut context = Context::new();
    context.set_input(&input);
    let fault = course.plan.evaluate(&question, &context).unwrap_err();
    course.on(Event::Evaluated(vec![(question, Err(fault))]));
    assert_eq!(course.states(), "F");
    assert_eq!(course.error(), "step `a`: `input.x > 1`: a string > an int");
}

#[test]
fn what_a_decision_takes_back_was_never_made() {
    // Both answers come at once: the second fails the chain before the task of the first is made.
    let asks = |name| StepDefinition {
        when: Some("true".to_owned()),
        ..after(name, &[])
    };
    let mut course = Course::of(vec![asks("a"), asks("b")]);
    course.on(Event::Evaluated(vec![
        (Question::When { step: 0, run: 1 }, Ok(Answer::Truth(true))),
        (Question::When { step: 1, run: 1 }, Err("`true`: no".to_owned())),
    ]));
    assert_eq!(
        (
            course.last.start.len(),
            course.last.cancel.len(),
            course.states().as_str()
        ),
        (0, 0, "CF")
    );
}

#[test]
fn a_question_is_answered_from_what_it_needs() {
    let definition = StepDefinition {
        when: Some("steps.a.output.n > input.n && steps.b.status == 'SKIPPED'".to_owned()),
        input: r#"{"item": "${{ item }}", "at": "${{ index }} of ${{ steps.a.output.n }}"}"#.into(),
        for_each: Some("[steps.a.output.n, steps.b.error]".to_owned()),
        ..after("c", &["a", "b"])
    };
    let plan = Definition {
        steps: vec![step("a"), after("b", &[]), definition],
    }
    .check()
    .unwrap();
    let chain = Chain::new();
    let when = Question::When { step: 2, run: 1 };
    let needed = Needs {
        input: true,
        steps: vec![(0, true), (1, false)],
        ..Needs::default()
    };
    assert_eq!(chain.needs(&plan, &when), needed);
    let for_each = Question::ForEach { step: 2, run: 1 };
    assert_eq!(
        chain.needs(&plan, &for_each),
        Needs {
            input: false,
            ..needed
        }
    );
    let input = Question::Input { place: item(2, 5) };
    let needed = Needs {
        steps: vec![(0, true)],
        item: Some(5),
        ..Needs::default()
    };
    assert_eq!(chain.needs(&plan, &input), needed);

    let (given, output, list) = (json!({"n": 1}), json!({"n": 2}), json!("five"));
    let mut context = Context::new();
    context.set_input(&given);
    let (status, error) = (StepStatus::Completed, None);
    context.set_step(
        "a",
        StepValue {
            output: Some(&output),
            status,
            error,
        },
    );
    let (status, error) = (StepStatus::Skipped, None);
    context.set_step(
        "b",
        StepValue {
            output: None,
            status,
            error,
        },
    );
    context.set_item(5, &list);
    assert_eq!(plan.evaluate(&when, &context), Ok(Evaluation::Truth(true)));
    assert_eq!(
        plan.evaluate(&for_each, &context),
        Ok(Evaluation::Items(vec![json!(2), Json::Null]))
    );
    let filled = r#"{"item": "five", "at": "5 of 2"}"#;
    assert_eq!(
        plan.evaluate(&input, &context),
        Ok(Evaluation::Input(filled.into()))
    );
    for question in [
        Question::Output {
            step: 2,
            run: 1,
            total: 1,
        },
        Question::When { step: 9, run: 1 },
        Question::When { step: 0, run: 1 },
    ] {
        assert_eq!(
            plan.evaluate(&question, &context),
            Err("there is nothing to evaluate".to_owned())
        );
    }
}

#[test]
fn a_value_of_the_wrong_type_is_a_fault() {
    let definition = StepDefinition {
        when: Some("1".to_owned()),
        for_each: Some("'x'".to_owned()),
        ..step("a")
    };
    let plan = Definition {
        steps: vec![definition],
    }
    .check()
    .unwrap();
    let told = |question| plan.evaluate(&question, &Context::new()).unwrap_err();
    assert_eq!(
        told(Question::When { step: 0, run: 1 }),
        "`1`: it does not come to true or false"
    );
    assert_eq!(
        told(Question::ForEach { step: 0, run: 1 }),
        "`'x'`: it does not come to a list"
    );
}
