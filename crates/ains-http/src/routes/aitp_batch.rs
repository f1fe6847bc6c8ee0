//! The earlier task protocol, many tasks at a time.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use ains_api::{
    AitpBatch, AitpBatchAnswer, AitpBatchCancel, AitpBatchCancelled, AitpBatchError, AitpBatchStatus,
    AitpBatchStatusQuery, AitpSubmitTask, Json,
};
use ains_core::{ClientId, Task, TaskId};
use serde::Deserialize;

use super::State;
use super::aitp::BAD_EXPIRY;
use super::batch::{MOST, all, each, each_within};
use crate::auth::Caller;
use crate::convert::aitp as convert;
use crate::json::{Body, Faults, LIMIT_MANY};
use crate::once::{IdempotencyKey, answered};
use crate::problem::{Problem, Wording};
use crate::query::{Query, QueryOrBody};
use crate::reply::{Answer, Reply};

/// `AitpBatch` with its tasks unread, so that a bad one is found by its place.
#[derive(Debug, Deserialize)]
pub(crate) struct Unread {
    client_id: Option<String>,
    tasks: Vec<Json>,
}

/// Submit 1 to 1,000 tasks, all or none.
#[utoipa::path(
    post,
    path = "/aitp/tasks/batch",
    tag = "AITP",
    request_body = AitpBatch,
    responses((status = OK, body = AitpBatchAnswer), (status = FORBIDDEN, description = "The key is bound to another client"))
)]
pub(crate) async fn submit(
    state: State,
    caller: Caller,
    key: IdempotencyKey,
    body: Body<Unread, LIMIT_MANY>,
) -> Result<HttpResponse, Problem> {
    let raw = body.raw();
    let batch = body.value()?;
    if batch.tasks.is_empty() {
        return Err(Problem::bad_request("Batch must contain at least one task"));
    }
    if batch.tasks.len() > MOST {
        return Err(Problem::bad_request(format!("Maximum {MOST} tasks per batch")));
    }
    let mut faults = Faults::default();
    let named = faults.parse_opt::<ClientId>("/client_id", batch.client_id.as_deref());
    let client = named.as_ref().and_then(Option::as_ref).or(caller.client());
    let checked = each("/tasks", &batch.tasks, |task: AitpSubmitTask, faults| {
        convert::new_task(task, client, faults)
    });
    let tasks = all(checked, &mut faults);
    let tasks = faults.into_result(tasks)?;
    let tasks: Result<Vec<_>, _> = tasks.into_iter().collect();
    let tasks = tasks.map_err(|convert::BadExpiry| Problem::bad_request(BAD_EXPIRY))?;
    for task in &tasks {
        caller.acts_for(&task.spec.client)?;
    }
    let waits = tasks.iter().flat_map(|task| &task.depends_on);
    caller.may_wait_for(&state, waits).await?;
    let batch_id = state.ids.batch(state.now());
    let render = move |tasks: &[Task]| AitpBatchAnswer {
        batch_id: batch_id.clone(),
        success: true,
        created: u32::try_from(tasks.len()).unwrap_or(u32::MAX),
        failed: 0,
        task_ids: tasks.iter().map(|task| task.id.to_string()).collect(),
        errors: None,
    };
    let once = key.once(&caller, &raw, render.clone());
    Ok(answered(state.ains.submit_earlier(tasks, once).await?, |tasks| {
        render(tasks)
    }))
}

/// Where many tasks stand; those that do not exist are left out.
#[utoipa::path(
    get,
    path = "/aitp/tasks/batch/status",
    tag = "AITP",
    params(AitpBatchStatusQuery),
    responses((status = OK, body = AitpBatchStatus))
)]
pub(crate) async fn status(state: State, caller: Caller, mut query: Query) -> Answer<AitpBatchStatus> {
    let texts = task_ids(&mut query);
    let texts = query.finish(texts)?;
    let ids = texts.iter().filter_map(|text| text.parse().ok()).collect();
    let mut tasks = state.ains.tasks_by_id(ids).await?;
    tasks.retain(|stored| caller.sees(&stored.task));
    let mut status_counts = BTreeMap::new();
    for stored in &tasks {
        *status_counts
            .entry(stored.task.status.as_str().to_owned())
            .or_insert(0_u64) += 1;
    }
    Ok(Reply(AitpBatchStatus {
        total: tasks.len() as u64,
        status_counts,
        tasks: tasks
            .iter()
            .map(|stored| convert::standing(&stored.task))
            .collect(),
    }))
}

fn task_ids(query: &mut Query) -> Option<Vec<String>> {
    let texts = query.list("task_ids");
    match &texts {
        None => query.faults.add("task_ids", "is missing"),
        Some(texts) if texts.len() > MOST => query
            .faults
            .add("task_ids", format!("must be at most {MOST} ids")),
        Some(_) => {}
    }
    texts
}

/// Call many tasks off; each stands alone.
#[utoipa::path(
    post,
    path = "/aitp/tasks/batch/cancel",
    tag = "AITP",
    params(
        ("task_ids" = Option<String>, Query, description = "Ids, separated by commas; or in the body."),
        ("client_id" = Option<String>, Query, description = "The client they belong to; or in the body."),
        ("reason" = Option<String>, Query, description = "Why; or in the body. Default `Batch cancellation`."),
    ),
    request_body(content = Option<AitpBatchCancel>),
    responses((status = OK, body = AitpBatchCancelled))
)]
pub(crate) async fn cancel(
    state: State,
    caller: Caller,
    QueryOrBody(mut query): QueryOrBody,
) -> Answer<AitpBatchCancelled> {
    let texts = task_ids(&mut query);
    let client = query.required_parse::<ClientId>("client_id");
    let reason = query
        .free_text("reason")
        .unwrap_or_else(|| "Batch cancellation".to_owned());
    let both = texts.zip(client);
    let (texts, client) = query.finish(both)?;
    let (known, unknown): (Vec<_>, Vec<_>) = texts.iter().partition(|text| text.parse::<TaskId>().is_ok());
    let ids = known.iter().filter_map(|text| text.parse().ok()).collect();
    caller.acts_for(&client)?;
    let cancel = |ids| state.ains.cancel_each(ids, reason, Some(client));
    let outcomes = each_within(&state, &caller, ids, cancel).await?;
    let refused = known.into_iter().zip(outcomes).filter_map(|(text, outcome)| {
        let error = Problem::of(outcome.err()?, Wording::Cancel).into_detail();
        Some(AitpBatchError {
            task_id: text.clone(),
            error,
        })
    });
    let unknown = unknown.into_iter().map(|text| AitpBatchError {
        task_id: text.clone(),
        error: Problem::not_found("Task").into_detail(),
    });
    let errors: Vec<_> = refused.chain(unknown).collect();
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Ok(Reply(AitpBatchCancelled {
        cancelled: number(texts.len() - errors.len()),
        failed: number(errors.len()),
        errors: (!errors.is_empty()).then_some(errors),
    }))
}
