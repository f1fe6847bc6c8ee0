//! The earlier task protocol, one task at a time: the same use cases in its shapes and sentences.

use std::time::Duration;

use actix_web::HttpResponse;
use ains_api::{
    AitpAgentQuery, AitpCancel, AitpFilter, AitpPriorityAnswer, AitpSetPriority, AitpSetTimeout,
    AitpStatusAnswer, AitpStatusUpdate, AitpSubmitTask, AitpTask, AitpTaskCreated, AitpTaskList,
    AitpTimeoutAnswer, Cancelled, RetryAnswer,
};
use ains_core::task::{Failure, Report, ReportKind, limits};
use ains_core::{AgentId, ClientId, Status, TaskId};
use ains_service::access::{Thing, Use};
use ains_service::model::{Delivery, Page, TaskChange, TaskFilter};

use super::State;
use crate::auth::Caller;
use crate::convert::{aitp as convert, at, count, seconds, task};
use crate::json::Body;
use crate::once::{IdempotencyKey, answered};
use crate::path::Id;
use crate::problem::{Problem, Wording};
use crate::query::{Query, QueryOrBody};
use crate::reply::{Answer, Reply};

/// Tasks of a page (api.md part A).
const LIMIT: std::ops::RangeInclusive<i64> = 1..=100;

/// Tasks of a page where the caller does not say (api.md part A).
const DEFAULT_LIMIT: i64 = 20;

/// What the original answers to an `expires_at` that is no instant.
pub(super) const BAD_EXPIRY: &str = "Invalid expires_at timestamp format";

/// Submit a task; it is pushed to an agent after the answer.
#[utoipa::path(
    post,
    path = "/aitp/tasks",
    tag = "AITP",
    request_body = AitpSubmitTask,
    responses((status = OK, body = AitpTaskCreated), (status = FORBIDDEN, description = "The key is bound to another client"))
)]
pub(crate) async fn submit(
    state: State,
    caller: Caller,
    key: IdempotencyKey,
    body: Body<AitpSubmitTask>,
) -> Result<HttpResponse, Problem> {
    let once = key.once(&caller, &body.raw(), |tasks: &[ains_core::Task]| {
        convert::created(&tasks[0])
    });
    let task = body
        .check(|task, faults| convert::new_task(task, caller.client(), faults))?
        .map_err(|convert::BadExpiry| Problem::bad_request(BAD_EXPIRY))?;
    caller.acts_for(&task.spec.client)?;
    caller.may_wait_for(&state, &task.depends_on).await?;
    let answer = state.ains.submit_earlier(vec![task], once).await?;
    Ok(answered(answer, |tasks| convert::created(&tasks[0])))
}

/// Tasks, newest first.
#[utoipa::path(get, path = "/aitp/tasks", tag = "AITP", params(AitpFilter), responses((status = OK, body = AitpTaskList)))]
pub(crate) async fn list(state: State, caller: Caller, mut query: Query) -> Answer<AitpTaskList> {
    let filter = TaskFilter {
        client: query.parse("client_id"),
        status: query.parse::<Status>("status"),
        task_type: query.parse("task_type"),
        agent: query.parse("assigned_agent_id"),
        ..TaskFilter::default()
    };
    let limit = query.within("limit", &LIMIT, DEFAULT_LIMIT);
    let offset = query.within("offset", &(0..=i64::MAX), 0);
    query.finish(Some(()))?;
    let filter = caller.narrow(filter)?;
    let page = Page {
        limit,
        offset,
        before: None,
    };
    let (total, tasks) = futures_util::future::try_join(
        state.ains.count_tasks(filter.clone()),
        state.ains.tasks(filter, page),
    )
    .await?;
    Ok(Reply(AitpTaskList {
        tasks: tasks.into_iter().map(convert::summary).collect(),
        total: count(total),
        limit: u32::try_from(limit).unwrap_or(u32::MAX),
        offset: count(offset),
    }))
}

/// One task.
#[utoipa::path(
    get,
    path = "/aitp/tasks/{id}",
    tag = "AITP",
    params(("id" = String, Path, description = "The task.")),
    responses((status = OK, body = AitpTask))
)]
pub(crate) async fn one(state: State, Id(id): Id<TaskId>) -> Answer<AitpTask> {
    Ok(Reply(convert::with_input(
        state.ains.task(id, Duration::ZERO).await?,
    )))
}

/// Report: ACTIVE begins, COMPLETED and FAILED end an attempt.
#[utoipa::path(
    put,
    path = "/aitp/tasks/{id}/status",
    tag = "AITP",
    params(("id" = String, Path, description = "The task."), AitpAgentQuery),
    request_body = AitpStatusUpdate,
    responses((status = OK, body = AitpStatusAnswer), (status = FORBIDDEN, description = "Agent not assigned to this task"))
)]
pub(crate) async fn report(
    state: State,
    caller: Caller,
    Id(id): Id<TaskId>,
    mut query: Query,
    body: Body<AitpStatusUpdate>,
) -> Answer<AitpStatusAnswer> {
    let agent = query.required_parse::<AgentId>("agent_id");
    let (update, result, message) = body.check(|mut update, faults| {
        faults.absorb(query.faults);
        let result = faults.object_opt("/result_data", update.result_data.take());
        let message = faults.text_opt("/error_message", update.error_message.take());
        Some((update, result?, message?.unwrap_or_default()))
    })?;
    let agent = agent.ok_or_else(Problem::internal)?;
    caller.acts_as(&state, &agent).await?;
    let (kind, asked) = match &*update.status {
        "ACTIVE" => (ReportKind::Start, Wording::Start),
        "COMPLETED" => (ReportKind::Complete, Wording::Complete),
        "FAILED" => (
            ReportKind::Fail(Failure {
                message,
                ..Failure::default()
            }),
            Wording::Fail,
        ),
        other => {
            // A task that is not there comes first.
            state.ains.task(id, Duration::ZERO).await?;
            let task = Thing::Task(id);
            state.ains.reaches(caller.reach(), &task, Use::Look).await?;
            let other: String = other.chars().take(64).collect();
            return Err(Problem::bad_request(format!("Invalid status: {other}")));
        }
    };
    let result = result.filter(|_| kind == ReportKind::Complete);
    let report = Report {
        task: id,
        agent,
        attempt: None,
        kind,
    };
    let delivery = Delivery {
        report,
        result,
        usage: None,
        progress: None,
    };
    let reported = match state.ains.report(delivery, None).await {
        Ok(reported) => reported,
        Err(refused) => {
            let refused = caller.told(&state, id, refused).await;
            return Err(Problem::of(refused, asked));
        }
    };
    Ok(Reply(AitpStatusAnswer {
        task_id: reported.task.id.to_string(),
        status: task::status(&reported.task),
        retry_count: reported.task.retry_count,
        updated_at: at(reported.task.updated_at),
    }))
}

/// Call a task off.
#[utoipa::path(
    delete,
    path = "/aitp/tasks/{id}",
    tag = "AITP",
    params(("id" = String, Path, description = "The task."), AitpCancel),
    responses((status = OK, body = Cancelled), (status = FORBIDDEN, description = "Not authorized to cancel this task"))
)]
pub(crate) async fn cancel(
    state: State,
    Id(id): Id<TaskId>,
    QueryOrBody(mut query): QueryOrBody,
) -> Answer<Cancelled> {
    let client = query.required_parse::<ClientId>("client_id");
    let reason = query
        .free_text("reason")
        .unwrap_or_else(|| "Cancelled by client".to_owned());
    let client = query.finish(client)?;
    let cancelled = state.ains.cancel(id, reason, Some(client)).await;
    Ok(Reply(task::cancelled(
        cancelled.map_err(|error| Problem::of(error, Wording::Cancel))?,
    )))
}

/// Change the priority of a task that no agent works on.
#[utoipa::path(
    put,
    path = "/aitp/tasks/{id}/priority",
    tag = "AITP",
    params(("id" = String, Path, description = "The task."), AitpSetPriority),
    responses((status = OK, body = AitpPriorityAnswer), (status = FORBIDDEN, description = "Not authorized to modify this task"))
)]
pub(crate) async fn set_priority(
    state: State,
    Id(id): Id<TaskId>,
    QueryOrBody(mut query): QueryOrBody,
) -> Answer<AitpPriorityAnswer> {
    let priority = query.required_within("new_priority", &limits::PRIORITY);
    let owner = query.required_parse::<ClientId>("client_id");
    query.finish(Some(()))?;
    let change = TaskChange {
        priority,
        owner,
        not_active: true,
        ..TaskChange::default()
    };
    let changed = state
        .ains
        .change(id, change)
        .await
        .map_err(|error| Problem::of(error, Wording::Priority))?;
    Ok(Reply(AitpPriorityAnswer {
        task_id: changed.after.id.to_string(),
        old_priority: changed.before.priority,
        new_priority: changed.after.priority,
        status: task::status(&changed.after),
    }))
}

/// Change what an attempt may take.
#[utoipa::path(
    put,
    path = "/aitp/tasks/{id}/timeout",
    tag = "AITP",
    params(("id" = String, Path, description = "The task."), AitpSetTimeout),
    responses((status = OK, body = AitpTimeoutAnswer), (status = FORBIDDEN, description = "Not authorized to modify this task"))
)]
pub(crate) async fn set_timeout(
    state: State,
    Id(id): Id<TaskId>,
    QueryOrBody(mut query): QueryOrBody,
) -> Answer<AitpTimeoutAnswer> {
    let timeout = query.required_within("timeout_seconds", &limits::TIMEOUT_SECONDS);
    let owner = query.required_parse::<ClientId>("client_id");
    query.finish(Some(()))?;
    let timeout = timeout.map(|seconds| Duration::from_secs(seconds.into()));
    let change = TaskChange {
        timeout,
        owner,
        ..TaskChange::default()
    };
    let changed = state
        .ains
        .change(id, change)
        .await
        .map_err(|error| Problem::of(error, Wording::Timeout))?;
    Ok(Reply(AitpTimeoutAnswer {
        task_id: changed.after.id.to_string(),
        timeout_seconds: seconds(changed.after.timeout),
        status: task::status(&changed.after),
    }))
}

/// Try a FAILED task again, as one retry more, after its delay.
#[utoipa::path(
    post,
    path = "/aitp/tasks/{id}/retry",
    tag = "AITP",
    params(("id" = String, Path, description = "The task.")),
    responses((status = OK, body = RetryAnswer))
)]
pub(crate) async fn retry(state: State, Id(id): Id<TaskId>) -> Answer<RetryAnswer> {
    let retried = state
        .ains
        .retry_later(id)
        .await
        .map_err(|error| Problem::of(error, Wording::Retry))?;
    Ok(Reply(task::retried(&retried)))
}
