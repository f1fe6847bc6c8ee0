//! Chains as they stand.

use ains_api::{
    ChainCancelled, ChainGraph, ChainStep, ChainSummary, Compensation, CompensationStatus, StepCompensation,
    StepEdge, StepItems, StepNode, StepResult, SubmitStep, TaskChain, Tolerance, Word,
};
use ains_core::chain::{self, Plan, StepDefinition, StepState, StepTask, Undo};
use ains_core::routing::Strategy;
use ains_core::task::{RetryPolicy, limits};
use ains_service::model::{self, ChainView};

use super::{JOINS, ON_FAILURE};
use crate::convert::{at, json, word};

/// What lists show of a chain.
pub(crate) fn summary(chain: &model::ChainSummary) -> ChainSummary {
    ChainSummary {
        chain_id: chain.id.into(),
        name: chain.name.to_string(),
        status: Word::Borrowed(chain.status.as_str()),
        current_step: chain.current_step,
        total_steps: chain.total_steps,
        created_at: at(chain.created_at),
    }
}

/// The answer to a cancellation.
pub(crate) fn cancelled(chain: &model::ChainSummary) -> ChainCancelled {
    ChainCancelled {
        chain_id: chain.id.into(),
        message: Word::Borrowed("Chain cancelled successfully"),
    }
}

/// The whole chain.
pub(crate) fn whole(view: ChainView) -> TaskChain {
    let ChainView {
        summary,
        chain,
        plan,
        input,
        mut results,
    } = view;
    let steps = (0..plan.len()).map(|index| of_step(index, plan.step(index), chain.step(index)));
    let ended = chain.steps().filter(|(_, step)| step.status.is_finished());
    let step_results = ended.map(|(index, step)| {
        let (data, data_left_out) = match results.remove(&index) {
            None => (None, false),
            Some(model::StepResult::Shown(data)) => (Some(json(data)), false),
            Some(model::StepResult::LeftOut) => (None, true),
        };
        let result = StepResult {
            status: Word::Borrowed(step.status.as_str()),
            data,
            data_left_out,
            completed_at: step.ended_at.map(at),
        };
        (index, result)
    });
    TaskChain {
        chain_id: summary.id.into(),
        name: summary.name.into(),
        client_id: summary.client.into(),
        status: Word::Borrowed(summary.status.as_str()),
        run: chain.run,
        current_step: summary.current_step,
        total_steps: summary.total_steps,
        input: json(input),
        steps: steps.collect(),
        step_results: step_results.collect(),
        created_at: at(summary.created_at),
        started_at: chain.started_at.map(at),
        completed_at: chain.ended_at.map(at),
        error_message: chain.error.clone(),
    }
}

/// A step: as it was submitted, and how it stands.
fn of_step(index: u32, step: &StepDefinition, state: &StepState) -> ChainStep {
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
    } = written(step);
    let is_repeated = step.repeat_until.is_some() && state.iteration > 0;
    ChainStep {
        index,
        name,
        status: Word::Borrowed(state.status.as_str()),
        started_at: state.started_at.map(at),
        completed_at: state.ended_at.map(at),
        error_message: state.error.clone(),
        iteration: is_repeated.then_some(state.iteration),
        items: state.total.map(|total| StepItems {
            total,
            completed: state.completed,
            failed: state.failed,
        }),
        compensation: state.undo.map(|undo| StepCompensation {
            status: undone(undo).into(),
            error_message: state.undo_error.clone(),
        }),
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
    }
}

/// A step as it was submitted, with its defaults filled in.
pub(crate) fn written(step: &StepDefinition) -> SubmitStep {
    let Compensation {
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
    } = submitted(&step.task, &step.input);
    let compensate_with = step.compensate_with.as_ref();
    SubmitStep {
        name: step.name.clone(),
        use_previous_output: Some(step.use_previous_output),
        depends_on: step.depends_on.clone(),
        join: Some(word(&JOINS, step.join)),
        when: step.when.clone(),
        for_each: step.for_each.clone(),
        max_parallel: step.max_parallel.map(Into::into),
        tolerate_failures: match step.tolerate_failures {
            chain::Tolerance::None => None,
            chain::Tolerance::Count(count) => Some(Tolerance::Count(count.into())),
            chain::Tolerance::Percent(percent) => Some(Tolerance::Percent(format!("{percent}%"))),
        },
        repeat_until: step.repeat_until.clone(),
        max_iterations: step.max_iterations.map(Into::into),
        on_failure: Some(word(&ON_FAILURE, step.on_failure)),
        compensate_with: compensate_with.map(|undo| submitted(&undo.task, &undo.input)),
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
    }
}

/// What is asked of an agent, as it was submitted, with its defaults filled in, unless a template says them.
pub(crate) fn submitted(task: &StepTask, input: &str) -> Compensation {
    let own = task.template.is_none();
    let number = |given: Option<u32>, default: u32| given.or(own.then_some(default)).map(i64::from);
    let strategy = task.strategy.or(own.then(Strategy::default));
    let retry_policy = task.retry_policy.or(own.then(RetryPolicy::default));
    Compensation {
        template_id: task.template.map(Into::into),
        task_type: task.task_type.as_ref().map(ToString::to_string),
        capability_required: task.capability.as_ref().map(ToString::to_string),
        input_data: Some(json(input.into())),
        priority: number(task.priority.map(u32::from), limits::DEFAULT_PRIORITY.into()),
        timeout_seconds: number(task.timeout_seconds, limits::DEFAULT_TIMEOUT_SECONDS),
        max_retries: number(task.max_retries, limits::DEFAULT_MAX_RETRIES),
        routing_strategy: strategy.map(|strategy| strategy.as_str().to_owned()),
        retry_policy: retry_policy.map(|policy| policy.as_str().to_owned()),
        timeout_policy: Some(task.timeout_policy.as_str().to_owned()),
        min_trust: Some(task.min_trust.get()),
        heartbeat_timeout_seconds: task.heartbeat_timeout_seconds.map(Into::into),
    }
}

fn undone(undo: Undo) -> CompensationStatus {
    match undo {
        Undo::Pending => CompensationStatus::Pending,
        Undo::Running => CompensationStatus::Running,
        Undo::Completed => CompensationStatus::Completed,
        Undo::Failed => CompensationStatus::Failed,
        Undo::Cancelled => CompensationStatus::Cancelled,
    }
}

/// The steps of a chain, and which of them come after which.
pub(crate) fn graph(view: &ChainView) -> ChainGraph {
    let ChainView { plan, chain, .. } = view;
    let nodes = (0..plan.len()).map(|index| StepNode {
        index,
        name: plan.step(index).name.clone(),
        task_type: plan.step(index).task.task_type.as_ref().map(ToString::to_string),
        status: Word::Borrowed(chain.step(index).status.as_str()),
    });
    let edges = edges(plan).map(|(from, to)| StepEdge {
        from: plan.step(from).name.clone(),
        to: plan.step(to).name.clone(),
        resolved: chain.step(from).status.is_finished(),
    });
    ChainGraph {
        chain_id: view.summary.id.into(),
        nodes: nodes.collect(),
        edges: edges.collect(),
    }
}

/// Which step comes before which, by their indexes.
pub(crate) fn edges(plan: &Plan) -> impl Iterator<Item = (u32, u32)> {
    (0..plan.len()).flat_map(|to| plan.predecessors(to).iter().map(move |&from| (from, to)))
}
