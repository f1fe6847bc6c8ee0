//! Tasks, one at a time.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse};
use ains_api::{
    Attempts, CancelTask, Cancelled, PatchTask, RetryAnswer, RetryQuery, SubmitTask, Task, TaskCreated,
    TaskList, WaitQuery,
};
use ains_core::task::limits;
use ains_core::{Status, TaskId};
use ains_service::model::{Page, TaskChange, TaskFilter};
use serde::Serialize;

use super::{State, templates};
use crate::auth::Caller;
use crate::convert::dependency;
use crate::convert::task as convert;
use crate::convert::template::{self, Templates};
use crate::convert::work::WAIT_SECONDS;
use crate::json::{Body, Faults};
use crate::once::{IdempotencyKey, answered, earlier};
use crate::page;
use crate::path::Id;
use crate::problem::{Problem, Wording};
use crate::query::Query;
use crate::reply::{Answer, Reply};

/// What a cancellation says that names no reason.
const CANCELLED: &str = "Cancelled by client";

/// Submit a task; it is routed before the answer.
#[utoipa::path(
    post,
    path = "/ains/tasks",
    tag = "Tasks",
    request_body = SubmitTask,
    responses(
        (status = OK, body = TaskCreated),
        (status = FORBIDDEN, description = "The key is bound to another client"),
        (status = NOT_FOUND, description = "The template, or a task that this one waits for, does not exist")
    )
)]
pub(crate) async fn submit(
    state: State,
    caller: Caller,
    key: IdempotencyKey,
    body: Body<SubmitTask>,
) -> Result<HttpResponse, Problem> {
    submitted(state, caller, key, body, convert::created).await
}

/// Submits a task, and answers with what `answer` makes of it and of what it waits for.
pub(super) async fn submitted<A: Serialize + 'static>(
    state: State,
    caller: Caller,
    key: IdempotencyKey,
    body: Body<SubmitTask>,
    answer: fn(&ains_core::Task, Vec<ains_api::Dependency>) -> A,
) -> Result<HttpResponse, Problem> {
    let raw = body.raw();
    let templates = template::named(body.peek().and_then(|task| task.template_id.as_deref()));
    let templates = if templates.is_empty() {
        Templates::new()
    } else {
        if let Some(answer) = earlier(&state, &key, &caller, &raw).await? {
            return Ok(answer);
        }
        templates::to_use(&state, &caller, templates).await?
    };
    let task = body.check(|task, faults| convert::new_task(task, caller.client(), &templates, faults))?;
    caller.acts_for(&task.spec.client)?;
    caller.may_wait_for(&state, &task.depends_on).await?;
    let depends_on = dependency::listed(&task.depends_on);
    let render = move |tasks: &[ains_core::Task]| answer(&tasks[0], depends_on.clone());
    let once = key.once(&caller, &raw, render.clone());
    let made = state.ains.submit(vec![task], once).await?;
    Ok(answered(made, |tasks| render(tasks)))
}

/// One task, whole; on request as soon as it has ended.
#[utoipa::path(
    get,
    path = "/ains/tasks/{id}",
    tag = "Tasks",
    params(("id" = String, Path, description = "The task."), WaitQuery),
    responses((status = OK, body = Task))
)]
pub(crate) async fn one(state: State, Id(id): Id<TaskId>, mut query: Query) -> Answer<Task> {
    let wait = query.within("wait_seconds", &WAIT_SECONDS, 0);
    let wait = query.finish(Some(wait))?;
    let task = state.ains.task(id, Duration::from_secs(wait.into())).await?;
    Ok(Reply(convert::whole(task)))
}

/// Tasks, newest first.
#[utoipa::path(
    get,
    path = "/ains/tasks",
    tag = "Tasks",
    params(ains_api::TaskFilter),
    responses((
        status = OK,
        body = TaskList,
        headers(("Link" = String, description = "`<…>; rel=\"next\"` where there is a next page."))
    ))
)]
pub(crate) async fn list(
    state: State,
    caller: Caller,
    request: HttpRequest,
    mut query: Query,
) -> Result<HttpResponse, Problem> {
    let filter = TaskFilter {
        client: query.parse("client_id"),
        status: query.parse::<Status>("status"),
        task_type: query.parse("task_type"),
        capability: query.parse("capability"),
        agent: query.parse("assigned_agent_id"),
        graph: query.parse("graph_id"),
        chain: query.parse("chain_id"),
        schedule: query.parse("schedule_id"),
        template: query.parse("template_id"),
        created_after: query.instant("created_after"),
        created_before: query.instant("created_before"),
    };
    let limit = query.within("limit", &page::LIMIT, page::DEFAULT_LIMIT);
    let before = query.parse::<TaskId>("cursor");
    query.finish(Some(()))?;
    let page = Page {
        limit: limit + 1,
        offset: 0,
        before,
    };
    let filter = caller.narrow(filter)?;
    let mut tasks = state.ains.tasks(filter, page).await?;
    let more = page::cut(&mut tasks, limit);
    let next_cursor = tasks.last().filter(|_| more).map(|last| last.task.id.to_string());
    let list = TaskList {
        tasks: tasks.into_iter().map(convert::whole).collect(),
        next_cursor,
    };
    Ok(page::answer(&request, &list, list.next_cursor.as_deref()))
}

/// Call a task off.
#[utoipa::path(
    post,
    path = "/ains/tasks/{id}/cancel",
    tag = "Tasks",
    params(("id" = String, Path, description = "The task.")),
    request_body(content = Option<CancelTask>),
    responses((status = OK, body = Cancelled))
)]
pub(crate) async fn cancel(
    state: State,
    caller: Caller,
    Id(id): Id<TaskId>,
    query: Query,
    body: Body<CancelTask>,
) -> Answer<Cancelled> {
    let sent = query.text("reason").map(str::to_owned);
    let reason = body.check(|cancel, faults| faults.text_opt("/reason", cancel.reason.or(sent)))?;
    let reason = reason.unwrap_or_else(|| CANCELLED.to_owned());
    let task = state.ains.cancel(id, reason, caller.client().cloned()).await;
    Ok(Reply(convert::cancelled(
        task.map_err(|error| Problem::of(error, Wording::Cancel))?,
    )))
}

/// Try a FAILED task again, now, with a fresh budget of retries.
#[utoipa::path(
    post,
    path = "/ains/tasks/{id}/retry",
    tag = "Tasks",
    params(("id" = String, Path, description = "The task."), RetryQuery),
    responses((status = OK, body = RetryAnswer), (status = CONFLICT, description = "The task has not failed"))
)]
pub(crate) async fn retry(state: State, Id(id): Id<TaskId>, mut query: Query) -> Answer<RetryAnswer> {
    let cascade = query.flag("cascade");
    let cascade = query.finish(Some(cascade))?;
    Ok(Reply(convert::retried(&state.ains.retry(id, cascade).await?)))
}

/// Change an unfinished task.
#[utoipa::path(
    patch,
    path = "/ains/tasks/{id}",
    tag = "Tasks",
    params(("id" = String, Path, description = "The task.")),
    request_body = PatchTask,
    responses(
        (status = OK, body = Task),
        (status = CONFLICT, description = "The task has ended, or it waits no more, or tasks would wait for each other")
    )
)]
pub(crate) async fn change(
    state: State,
    caller: Caller,
    Id(id): Id<TaskId>,
    body: Body<PatchTask>,
) -> Answer<Task> {
    let change = body.check(|patch, faults: &mut Faults| {
        let priority = faults.within_opt("/priority", patch.priority, &limits::PRIORITY);
        let timeout = faults.within_opt(
            "/timeout_seconds",
            patch.timeout_seconds,
            &limits::TIMEOUT_SECONDS,
        );
        let metadata = faults.object_opt("/metadata", patch.metadata);
        let depends_on = patch
            .depends_on
            .map_or(Some(None), |list| dependency::checked(&list, faults).map(Some));
        Some(TaskChange {
            priority: priority?,
            timeout: timeout?.map(|seconds| Duration::from_secs(seconds.into())),
            metadata: metadata?,
            depends_on: depends_on?,
            owner: caller.client().cloned(),
            not_active: false,
        })
    })?;
    caller
        .may_wait_for(&state, change.depends_on.iter().flatten())
        .await?;
    state.ains.change(id, change).await?;
    Ok(Reply(convert::whole(state.ains.task(id, Duration::ZERO).await?)))
}

/// Every hand-out of a task, oldest first.
#[utoipa::path(
    get,
    path = "/ains/tasks/{id}/attempts",
    tag = "Tasks",
    params(("id" = String, Path, description = "The task.")),
    responses((status = OK, body = Attempts))
)]
pub(crate) async fn attempts(state: State, Id(id): Id<TaskId>) -> Answer<Attempts> {
    Ok(Reply(Attempts {
        attempts: convert::attempts(state.ains.history(id).await?),
    }))
}
