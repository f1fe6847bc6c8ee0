//! Tasks: checked submissions in, tasks with their documents out.

use std::time::Duration;

use ains_api::{Attempt, Cancelled, RetryAnswer, SubmitTask, TaskCreated, Word};
use ains_core::effect::Outcome;
use ains_core::task::{Gate, TaskSpec, limits};
use ains_core::{ClientId, Status, Task, TrustScore};
use ains_service::model::{Documents, History, NewTask, StoredTask};

use super::{at, dependency, instant, json, seconds};
use crate::json::Faults;

/// Trust runs from 0 to 1.
const TRUST: std::ops::RangeInclusive<f64> = 0.0..=1.0;

/// Checks a submission; `client` is whose it is where it does not say.
pub(crate) fn new_task(task: SubmitTask, client: Option<&ClientId>, faults: &mut Faults) -> Option<NewTask> {
    let owner = owner(task.client_id.as_deref(), client, faults);
    of_owner(task, owner, faults)
}

/// Checks whose a submission is: the one that it names, or else `client`.
pub(crate) fn owner(named: Option<&str>, client: Option<&ClientId>, faults: &mut Faults) -> Option<ClientId> {
    let owner = named.map_or(client.cloned(), |named| faults.parse("/client_id", named));
    if owner.is_none() {
        faults.add("/client_id", "is missing");
    }
    owner
}

/// Checks a submission apart from whose it is; nothing comes of one without an owner.
pub(crate) fn of_owner(task: SubmitTask, owner: Option<ClientId>, faults: &mut Faults) -> Option<NewTask> {
    if task.template_id.is_some() {
        faults.add("/template_id", "templates are not available yet");
    }
    let depends_on = dependency::checked(task.depends_on.as_deref().unwrap_or_default(), faults);
    let task_type = faults.parse("/task_type", &task.task_type);
    let capability = faults.parse("/capability_required", &task.capability_required);
    let input = faults.object("/input_data", task.input_data);
    let priority = faults.within_or(
        "/priority",
        task.priority,
        &limits::PRIORITY,
        limits::DEFAULT_PRIORITY,
    );
    let timeout = faults.within_or(
        "/timeout_seconds",
        task.timeout_seconds,
        &limits::TIMEOUT_SECONDS,
        limits::DEFAULT_TIMEOUT_SECONDS,
    );
    let max_retries = faults.within_or(
        "/max_retries",
        task.max_retries,
        &limits::MAX_RETRIES,
        limits::DEFAULT_MAX_RETRIES,
    );
    let strategy = faults.parse_opt("/routing_strategy", task.routing_strategy.as_deref());
    let retry_policy = faults.parse_opt("/retry_policy", task.retry_policy.as_deref());
    let timeout_policy = faults.parse_opt("/timeout_policy", task.timeout_policy.as_deref());
    let metadata = faults.object_opt("/metadata", task.metadata);
    let min_trust = faults.number("/min_trust", task.min_trust.unwrap_or(0.0), &TRUST);
    let heartbeat_timeout = faults.within_opt(
        "/heartbeat_timeout_seconds",
        task.heartbeat_timeout_seconds,
        &limits::TIMEOUT_SECONDS,
    );
    Some(NewTask {
        spec: TaskSpec {
            client: owner?,
            task_type: task_type?,
            capability: capability?,
            heartbeat_needed: false,
            priority: priority?,
            strategy: strategy?.unwrap_or_default(),
            min_trust: TrustScore::clamped(min_trust?),
            timeout: Duration::from_secs(timeout?.into()),
            timeout_policy: timeout_policy?.unwrap_or_default(),
            heartbeat_timeout: heartbeat_timeout?.map(|seconds| Duration::from_secs(seconds.into())),
            max_retries: max_retries?,
            retry_policy: retry_policy?.unwrap_or_default(),
            expires_at: task.expires_at.map(instant),
            run_at: task.run_at.map(instant),
            results_from_dependencies: task.results_from_dependencies.unwrap_or(false),
            graph: None,
            name: None,
            chain: None,
            schedule: None,
        },
        input: input?,
        metadata: metadata?,
        depends_on: depends_on?,
    })
}

/// The answer to a submission; it says again what the task waits for.
pub(crate) fn created(task: &Task, depends_on: Vec<ains_api::Dependency>) -> TaskCreated {
    TaskCreated {
        task_id: task.id.to_string(),
        status: status(task),
        priority: task.priority,
        depends_on,
        is_blocked: is_blocked(task),
        routing_strategy: Word::Borrowed(task.strategy.as_str()),
        assigned_agent_id: task.agent.as_ref().map(ToString::to_string),
        created_at: at(task.created_at),
    }
}

/// The whole task.
pub(crate) fn whole(stored: StoredTask) -> ains_api::Task {
    let StoredTask {
        task,
        documents,
        depends_on,
        ..
    } = stored;
    let Documents {
        input,
        metadata,
        result,
        progress,
        ..
    } = documents;
    let is_blocked = is_blocked(&task);
    let cancelled = task.status == Status::Cancelled;
    let (cancel_reason, error_message) = if cancelled {
        (task.error, None)
    } else {
        (None, task.error)
    };
    let (name, step) = if task.chain.is_some() {
        (None, task.name)
    } else {
        (task.name, None)
    };
    ains_api::Task {
        task_id: task.id.to_string(),
        client_id: task.client.into(),
        task_type: task.task_type.into(),
        capability_required: task.capability.into(),
        status: Word::Borrowed(task.status.as_str()),
        gate: task.gate.map(|gate| Word::Borrowed(gate.as_str())),
        gate_since: task.gate_since.map(at),
        is_blocked,
        priority: task.priority,
        depends_on: dependency::listed(&depends_on),
        unresolved_dependencies: task.unresolved,
        results_from_dependencies: task.results_from_dependencies,
        graph_id: task.graph.map(Into::into),
        name: name.map(Into::into),
        chain_id: task.chain.map(|(chain, _)| chain.into()),
        step: step.map(Into::into),
        schedule_id: task.schedule.map(Into::into),
        routing_strategy: Word::Borrowed(task.strategy.as_str()),
        assigned_agent_id: task.agent.map(Into::into),
        input_data: input.map(json).unwrap_or_default(),
        metadata: metadata.map(json),
        result_data: result.map(json),
        error_message,
        retry_count: task.retry_count,
        max_retries: task.max_retries,
        retry_policy: Word::Borrowed(task.retry_policy.as_str()),
        timeout_seconds: seconds(task.timeout),
        timeout_policy: Word::Borrowed(task.timeout_policy.as_str()),
        heartbeat_timeout_seconds: task.heartbeat_timeout.map(seconds),
        min_trust: task.min_trust.get(),
        attempt: task.attempt,
        lost_leases: u32::try_from(task.lost_to.len()).unwrap_or(u32::MAX),
        created_at: at(task.created_at),
        updated_at: at(task.updated_at),
        assigned_at: task.assigned_at.map(at),
        started_at: task.started_at.map(at),
        completed_at: task.ended_at.filter(|_| !cancelled).map(at),
        cancelled_at: task.ended_at.filter(|_| cancelled).map(at),
        cancel_reason,
        expires_at: task.expires_at.map(at),
        run_at: task.run_at.map(at),
        // Before the first attempt, what is not due waits for its `run_at`, not for a retry.
        next_retry_at: task.due_at.filter(|_| task.attempt > 0).map(at),
        lease_expires_at: task.lease_expires_at.map(at),
        progress: progress
            .as_deref()
            .and_then(|text| serde_json::from_str(text).ok()),
    }
}

/// The answer to a cancellation.
pub(crate) fn cancelled(task: Task) -> Cancelled {
    Cancelled {
        task_id: task.id.to_string(),
        status: status(&task),
        cancelled_at: at(task.ended_at.unwrap_or(task.updated_at)),
        reason: task.error,
    }
}

/// The answer to a retry.
pub(crate) fn retried(task: &Task) -> RetryAnswer {
    RetryAnswer {
        task_id: task.id.to_string(),
        status: status(task),
        retry_count: task.retry_count,
        next_retry_at: task.due_at.map(at),
    }
}

/// Where a task stands, in the API's word.
pub(crate) fn status(task: &Task) -> Word {
    Word::Borrowed(task.status.as_str())
}

/// Whether a dependency holds a task back.
pub(crate) fn is_blocked(task: &Task) -> bool {
    task.gate == Some(Gate::Blocked)
}

/// Every hand-out: those that ended without a result, and the one that runs or completed.
pub(crate) fn attempts(history: History) -> Vec<Attempt> {
    let ended = history.attempts.into_iter().map(|attempt| Attempt {
        attempt: attempt.number,
        agent_id: attempt.agent.into(),
        assigned_at: at(attempt.assigned_at),
        started_at: attempt.started_at.map(at),
        ended_at: Some(at(attempt.ended_at)),
        outcome: Word::Borrowed(attempt.outcome.as_str()),
        error_message: attempt.error,
    });
    let mut attempts: Vec<_> = ended.collect();
    let task = history.task;
    let outcome = match task.status {
        Status::Assigned | Status::Active => Some("running"),
        Status::Completed => Some(Outcome::Completed.as_str()),
        Status::Pending | Status::Failed | Status::Cancelled => None,
    };
    if let (Some(outcome), Some(agent)) = (outcome, task.agent) {
        attempts.push(Attempt {
            attempt: task.attempt,
            agent_id: agent.into(),
            assigned_at: at(task.assigned_at.unwrap_or(task.updated_at)),
            started_at: task.started_at.map(at),
            ended_at: task.ended_at.map(at),
            outcome: Word::Borrowed(outcome),
            error_message: None,
        });
    }
    attempts
}
