//! Chains: checked definitions in; chains and how they stand out, in `view`.

mod view;

use std::sync::Arc;

use ains_api::{Compensation, Json, SubmitStep, SubmitTask, Tolerance};
use ains_core::Name;
use ains_core::chain::{
    self, Definition, Join, MAX_ITEMS, MAX_ITERATIONS, MAX_PARALLEL, OnFailure, Plan, StepDefinition,
    StepTask,
};
use serde::Deserialize;
pub(crate) use view::{cancelled, edges, graph, submitted, summary, whole, written};

use super::task;
use crate::json::Faults;

/// The joins and their words, the default first.
const JOINS: [(&str, Join); 3] = [
    ("all", Join::All),
    ("any", Join::Any),
    ("all_done", Join::AllDone),
];

/// What a failure can mean, and the words for it, the default first.
const ON_FAILURE: [(&str, OnFailure); 3] = [
    ("fail", OnFailure::Fail),
    ("continue", OnFailure::Continue),
    ("compensate", OnFailure::Compensate),
];

/// Characters of a step's name that a message repeats.
const SHOWN: usize = 64;

/// Items of a step that may fail.
const FAILURES: std::ops::RangeInclusive<usize> = 0..=MAX_ITEMS;

/// Percent of the items of a step that may fail.
const PERCENT: std::ops::RangeInclusive<f64> = 0.0..=100.0;

/// How messages say which step they are about, if it has a name.
pub(crate) fn about(sent: &Json) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }

    let Named { name } = sent.to().ok()?;
    Some(about_named(&name)).filter(|_| !name.is_empty())
}

fn about_named(name: &str) -> String {
    let name: String = name.chars().take(SHOWN).collect();
    format!("in step `{name}`: ")
}

/// Checks a step on its own. Where something is wrong with it, something else stands in for that, so that the chain can be
/// looked at as a whole all the same.
pub(crate) fn step(step: SubmitStep, faults: &mut Faults) -> StepDefinition {
    let SubmitStep {
        name,
        use_previous_output,
        depends_on,
        join,
        when,
        for_each,
        max_parallel,
        tolerate_failures,
        repeat_until,
        max_iterations,
        on_failure,
        compensate_with,
        template_id,
        task_type,
        capability_required,
        input_data,
        priority,
        timeout_seconds,
        max_retries,
        routing_strategy,
        retry_policy,
        timeout_policy,
        min_trust,
        heartbeat_timeout_seconds,
    } = step;
    faults.parse::<Name>("/name", &name);
    let own = Compensation {
        template_id,
        task_type,
        capability_required,
        input_data,
        priority,
        timeout_seconds,
        max_retries,
        routing_strategy,
        retry_policy,
        timeout_policy,
        min_trust,
        heartbeat_timeout_seconds,
    };
    let (task, input) = asked(own, faults);
    let max_parallel = faults.within_opt("/max_parallel", max_parallel, &(1..=MAX_PARALLEL));
    let max_iterations = faults.within_opt("/max_iterations", max_iterations, &(1..=MAX_ITERATIONS));
    let compensate_with = compensate_with.map(|undo| {
        let (task, input) = faults.below("/compensate_with", |faults| asked(undo, faults));
        chain::Compensation { task, input }
    });
    StepDefinition {
        name,
        task,
        input,
        use_previous_output: use_previous_output.unwrap_or(false),
        depends_on,
        join: faults
            .choice("/join", join.as_deref(), &JOINS)
            .unwrap_or_default(),
        when,
        for_each,
        max_parallel: max_parallel.flatten(),
        tolerate_failures: tolerance(tolerate_failures, faults).unwrap_or_default(),
        repeat_until,
        max_iterations: max_iterations.flatten(),
        on_failure: faults
            .choice("/on_failure", on_failure.as_deref(), &ON_FAILURE)
            .unwrap_or_default(),
        compensate_with,
    }
}

/// Checks what is asked of an agent, of which a compensation says no more: the task, and its input.
pub(crate) fn asked(asked: Compensation, faults: &mut Faults) -> (StepTask, Box<str>) {
    let input = faults.object("/input_data", asked.input_data.unwrap_or_default());
    let alone = SubmitTask {
        template_id: asked.template_id,
        task_type: asked.task_type,
        capability_required: asked.capability_required,
        priority: asked.priority,
        timeout_seconds: asked.timeout_seconds,
        max_retries: asked.max_retries,
        routing_strategy: asked.routing_strategy,
        retry_policy: asked.retry_policy,
        timeout_policy: asked.timeout_policy,
        min_trust: asked.min_trust,
        heartbeat_timeout_seconds: asked.heartbeat_timeout_seconds,
        ..SubmitTask::default()
    };
    let task = task::asked(&alone, faults).unwrap_or_else(stand_in);
    (task, input.unwrap_or_else(|| "{}".into()))
}

/// Stands in for a task with which something is wrong.
pub(crate) fn stand_in() -> StepTask {
    let any: Name = "any".parse().expect("it is a name");
    StepTask::new(any.clone(), any)
}

fn tolerance(given: Option<Tolerance>, faults: &mut Faults) -> Option<chain::Tolerance> {
    const AT: &str = "/tolerate_failures";
    match given {
        None => Some(chain::Tolerance::None),
        Some(Tolerance::Count(count)) => {
            let count = faults.within(AT, count, &FAILURES)?;
            u32::try_from(count).ok().map(chain::Tolerance::Count)
        }
        Some(Tolerance::Percent(text)) => {
            let number = text.strip_suffix('%').filter(|number| {
                number
                    .chars()
                    .all(|letter| letter.is_ascii_digit() || letter == '.')
            });
            let percent = number.and_then(|number| number.parse().ok());
            if percent.is_none() {
                faults.add(AT, "must be a whole number, or a text such as `5%`");
            }
            let percent = faults.number(AT, percent?, &PERCENT);
            percent.map(chain::Tolerance::Percent)
        }
    }
}

/// Checks the chain as a whole: names, who comes after whom, expressions.
pub(crate) fn planned(steps: Vec<StepDefinition>, faults: &mut Faults) -> Option<Arc<Plan>> {
    let names: Vec<_> = steps.iter().map(|step| step.name.clone()).collect();
    let found = match (Definition { steps }).check() {
        Ok(plan) => return Some(Arc::new(plan)),
        Err(found) => found,
    };
    for fault in found {
        let field = pointer(&fault.field);
        match fault.step.and_then(|step| Some((step, names.get(step)?))) {
            Some((step, name)) => {
                faults.add(
                    &format!("/steps/{step}{field}"),
                    about_named(name) + &fault.message,
                );
            }
            None => faults.add(&field, fault.message),
        }
    }
    None
}

/// The pointer to what core calls `input_data.rows[0].query`.
pub(crate) fn pointer(field: &str) -> String {
    let path = field.replace('~', "~0").replace('/', "~1").replace(']', "");
    format!("/{}", path.replace(['.', '['], "/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_pointer() {
        for (field, expected) in [
            ("when", "/when"),
            ("steps", "/steps"),
            ("input_data.rows[0].query", "/input_data/rows/0/query"),
            (
                "compensate_with.input_data.a/b~c",
                "/compensate_with/input_data/a~1b~0c",
            ),
        ] {
            assert_eq!(pointer(field), expected);
        }
    }

    #[test]
    fn a_tolerance_is_a_number_or_a_percentage() {
        let read = |given: Tolerance| {
            let mut faults = Faults::default();
            let read = tolerance(Some(given), &mut faults);
            assert_eq!(read.is_none(), !faults.is_empty());
            read
        };
        for (given, expected) in [
            (0.into(), chain::Tolerance::Count(0)),
            (10_000.into(), chain::Tolerance::Count(10_000)),
            ("0%".into(), chain::Tolerance::Percent(0.0)),
            ("2.5%".into(), chain::Tolerance::Percent(2.5)),
            ("100%".into(), chain::Tolerance::Percent(100.0)),
        ] {
            assert_eq!(read(given), Some(expected));
        }
        for text in [
            "", "%", "5", "5 %", "-5%", "1e1%", "nan%", "1.2.3%", "100.1%", "5%%",
        ] {
            assert_eq!(read(text.into()), None, "{text}");
        }
        assert_eq!((read((-1).into()), read(10_001.into())), (None, None));
    }
}
