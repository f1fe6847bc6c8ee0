//! Tasks: checked submissions in, tasks with their documents out.

use ains_api::{Attempt, Cancelled, RetryAnswer, SubmitTask, TaskCreated, Word};
use ains_core::chain::StepTask;
use ains_core::effect::Outcome;
use ains_core::ids::InvalidId;
use ains_core::task::{Gate, TaskSpec, limits};
use ains_core::{ClientId, Status, Task, TemplateId, TrustScore};
use ains_service::model::{Documents, History, NewTask, StoredTask, TemplateInUse};
use ains_service::schema::Fault;

use super::template::{TEMPLATE, Templates};
use super::{at, dependency, instant, json, seconds};
use crate::json::Faults;

/// Trust runs from 0 to 1.
const TRUST: std::ops::RangeInclusive<f64> = 0.0..=1.0;

/// Checks a submission; where it does not say whose it is, it is that of `client`, or else its template's.
pub(crate) fn new_task(
    task: SubmitTask,
    client: Option<&ClientId>,
    templates: &Templates,
    faults: &mut Faults,
) -> Option<NewTask> {
    let named = task.template_id.as_deref().and_then(|name| name.parse().ok());
    let template = named.and_then(|id: TemplateId| templates.get(&id));
    if task.template_id.is_some() && template.is_none() {
        faults.absent(TEMPLATE.to_owned());
    }
    // Whose a template is that does not exist is not known.
    let is_known = task.client_id.is_some() || client.is_some() || task.template_id.is_none();
    let owner = if is_known {
        owner(task.client_id.as_deref(), client, faults)
    } else {
        template.map(|template| template.client().clone())
    };
    of_owner(task, owner, template, faults)
}

/// Checks whose a submission is: the one that it names, or else `client`.
pub(crate) fn owner(named: Option<&str>, client: Option<&ClientId>, faults: &mut Faults) -> Option<ClientId> {
    let owner = named.map_or(client.cloned(), |named| faults.parse("/client_id", named));
    if owner.is_none() {
        faults.add("/client_id", "is missing");
    }
    owner
}

/// Checks what a submission asks of an agent, apart from its input.
pub(crate) fn asked(task: &SubmitTask, faults: &mut Faults) -> Option<StepTask> {
    let template = match task.template_id.as_deref().map(str::parse) {
        None => Some(None),
        Some(Ok(id)) => Some(Some(id)),
        Some(Err(InvalidId { .. })) => {
            faults.absent(TEMPLATE.to_owned());
            None
        }
    };
    let mut name = |at: &str, given: Option<&str>| {
        if given.is_none() && task.template_id.is_none() {
            faults.add(at, "is missing");
        }
        faults.parse_opt(at, given)
    };
    let task_type = name("/task_type", task.task_type.as_deref());
    let capability = name("/capability_required", task.capability_required.as_deref());
    let priority = faults.within_opt("/priority", task.priority, &limits::PRIORITY);
    let timeout = faults.within_opt("/timeout_seconds", task.timeout_seconds, &limits::TIMEOUT_SECONDS);
    let max_retries = faults.within_opt("/max_retries", task.max_retries, &limits::MAX_RETRIES);
    let strategy = faults.parse_opt("/routing_strategy", task.routing_strategy.as_deref());
    let retry_policy = faults.parse_opt("/retry_policy", task.retry_policy.as_deref());
    let timeout_policy = faults.parse_opt("/timeout_policy", task.timeout_policy.as_deref());
    let min_trust = faults.number("/min_trust", task.min_trust.unwrap_or(0.0), &TRUST);
    let heartbeat_timeout = faults.within_opt(
        "/heartbeat_timeout_seconds",
        task.heartbeat_timeout_seconds,
        &limits::TIMEOUT_SECONDS,
    );
    Some(StepTask {
        template: template?,
        task_type: task_type?,
        capability: capability?,
        priority: priority?,
        strategy: strategy?,
        min_trust: TrustScore::clamped(min_trust?),
        timeout_seconds: timeout?,
        timeout_policy: timeout_policy?.unwrap_or_default(),
        heartbeat_timeout_seconds: heartbeat_timeout?,
        max_retries: max_retries?,
        retry_policy: retry_policy?,
    })
}

/// Checks a submission apart from whose it is; nothing comes of one without an owner. What it does not say is as
/// `template` says.
pub(crate) fn of_owner(
    mut task: SubmitTask,
    owner: Option<ClientId>,
    template: Option<&TemplateInUse>,
    faults: &mut Faults,
) -> Option<NewTask> {
    let depends_on = dependency::checked(task.depends_on.as_deref().unwrap_or_default(), faults);
    let asked = asked(&task, faults);
    let input = match task.input_data.take() {
        Some(input) => faults.object("/input_data", input),
        None if task.template_id.is_some() => Some("{}".into()),
        None => {
            faults.add("/input_data", "is missing");
            None
        }
    };
    let metadata = faults.object_opt("/metadata", task.metadata);
    let (asked, owner, input) = (asked?, owner?, input?);
    let (spec, input) = match template {
        None => (asked.spec(owner)?, input),
        Some(template) => {
            let made = template.make(&asked, owner, &input);
            let wrong = |wrong: Vec<Fault>| {
                for fault in wrong {
                    faults.add_beside(&format!("/input_data{}", fault.pointer), fault.message);
                }
            };
            made.map_err(wrong).ok()?
        }
    };
    Some(NewTask {
        spec: TaskSpec {
            expires_at: task.expires_at.map(instant),
            run_at: task.run_at.map(instant),
            results_from_dependencies: task.results_from_dependencies.unwrap_or(false),
            ..spec
        },
        input,
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
        template_id: task.template.map(Into::into),
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
