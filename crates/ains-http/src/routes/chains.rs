//! Chains: workflows as data, which the server runs.

use std::sync::Arc;
use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use ains_api::{
    CancelChain, ChainCancelled, ChainGraph, ChainSummary, GraphFormat, Json, SubmitChain, SubmitStep,
    TaskChain, WaitQuery,
};
use ains_core::chain::{MAX_STEPS, Plan};
use ains_core::{ChainId, ChainStatus, ClientId};
use ains_service::model::{ChainFilter, NewChain, Steer};
use serde::Deserialize;

use super::State;
use super::batch::{all, each};
use crate::auth::Caller;
use crate::convert::chain as convert;
use crate::convert::drawing::{FORMATS, Picture};
use crate::convert::task;
use crate::convert::work::WAIT_SECONDS;
use crate::json::{Body, Faults, LIMIT_MANY};
use crate::once::{IdempotencyKey, answered};
use crate::page;
use crate::path::Id;
use crate::problem::{Problem, Wording};
use crate::query::Query;
use crate::reply::{self, Answer, Reply};

/// What a cancellation says that names no reason.
const CANCELLED: &str = "Cancelled by client";

/// `SubmitChain` with its steps unread, so that a bad one is found on its own.
#[derive(Debug, Deserialize)]
pub(crate) struct Unread {
    name: String,
    client_id: Option<String>,
    input: Option<Json>,
    steps: Vec<Json>,
}

/// Submit a chain of 1 to 1,000 steps; its first steps are started before the answer.
///
/// Every fault is listed with its step and field: names that are given twice or to no step, steps that come after one
/// another in a circle, and what is wrong with an expression, and where in it.
#[utoipa::path(
    post,
    path = "/ains/task-chains",
    tag = "Chains",
    request_body = SubmitChain,
    responses(
        (status = OK, body = ChainSummary),
        (status = FORBIDDEN, description = "The key is bound to another client"),
        (status = NOT_FOUND, description = "A template does not exist")
    )
)]
pub(crate) async fn submit(
    state: State,
    caller: Caller,
    key: IdempotencyKey,
    body: Body<Unread, LIMIT_MANY>,
) -> Result<HttpResponse, Problem> {
    let once = key.once(&caller, &body.raw(), convert::summary);
    let client = caller.client().cloned();
    // A large chain takes a while, in which this thread has others to serve.
    let checked = web::block(move || body.check(|chain, faults| checked(chain, client.as_ref(), faults)));
    let new = checked.await.map_err(|_| Problem::internal())??;
    caller.acts_for(&new.client)?;
    let answer = state.ains.create_chain(new, once).await?;
    Ok(answered(answer, convert::summary))
}

/// Checks a chain as a whole: whose it is, and its steps.
fn checked(chain: Unread, client: Option<&ClientId>, faults: &mut Faults) -> Option<NewChain> {
    let owner = task::owner(chain.client_id.as_deref(), client, faults);
    let name = faults.parse("/name", &chain.name);
    let input = faults.object("/input", chain.input.unwrap_or_default());
    let plan = steps(&chain.steps, faults);
    Some(NewChain {
        client: owner?,
        name: name?,
        plan: plan?,
        input: input?,
    })
}

/// Checks the steps of a chain, each on its own, and then as a whole.
pub(super) fn steps(sent: &[Json], faults: &mut Faults) -> Option<Arc<Plan>> {
    if !(1..=MAX_STEPS).contains(&sent.len()) {
        faults.add("/steps", format!("must have 1 to {MAX_STEPS} elements"));
        return None;
    }
    let read = each("/steps", sent, |step: SubmitStep, faults| {
        Some(convert::step(step, faults))
    });
    let told = read.into_iter().zip(sent).map(|((step, faults), sent)| {
        let about = convert::about(sent).unwrap_or_default();
        (step, faults.about(&about))
    });
    let Some(steps) = all(told.collect(), faults) else {
        faults.leave_off();
        return None;
    };
    convert::planned(steps, faults)
}

/// One chain, whole; on request as soon as it has ended.
#[utoipa::path(
    get,
    path = "/ains/task-chains/{id}",
    tag = "Chains",
    params(("id" = String, Path, description = "The chain."), WaitQuery),
    responses((status = OK, body = TaskChain))
)]
pub(crate) async fn one(state: State, Id(id): Id<ChainId>, mut query: Query) -> Answer<TaskChain> {
    let wait = query.within("wait_seconds", &WAIT_SECONDS, 0);
    let wait = query.finish(Some(wait))?;
    let chain = state.ains.chain(id, Duration::from_secs(wait.into())).await?;
    Ok(Reply(convert::whole(chain)))
}

/// Chains, newest first.
#[utoipa::path(
    get,
    path = "/ains/task-chains",
    tag = "Chains",
    params(ains_api::ChainFilter),
    responses((
        status = OK,
        body = Vec<ChainSummary>,
        headers(("Link" = String, description = "`<…>; rel=\"next\"` where there is a next page."))
    ))
)]
pub(crate) async fn list(
    state: State,
    caller: Caller,
    request: HttpRequest,
    mut query: Query,
) -> Result<HttpResponse, Problem> {
    let limit = query.within("limit", &page::LIMIT, page::DEFAULT_LIMIT);
    let filter = ChainFilter {
        client: query.parse("client_id"),
        status: query.parse::<ChainStatus>("status"),
        before: query.parse("cursor"),
        limit: limit + 1,
    };
    let mut filter = query.finish(Some(filter))?;
    filter.client = caller.only(filter.client)?;
    let mut chains = state.ains.chains(filter).await?;
    let more = page::cut(&mut chains, limit);
    let cursor = chains.last().filter(|_| more).map(|last| last.id.to_string());
    let chains: Vec<_> = chains.iter().map(convert::summary).collect();
    Ok(page::answer(&request, &chains, cursor.as_deref()))
}

/// Call a chain off: its unfinished tasks end at once, and nothing is undone.
#[utoipa::path(
    post,
    path = "/ains/task-chains/{id}/cancel",
    tag = "Chains",
    params(("id" = String, Path, description = "The chain.")),
    request_body(content = Option<CancelChain>),
    responses((status = OK, body = ChainCancelled))
)]
pub(crate) async fn cancel(
    state: State,
    caller: Caller,
    Id(id): Id<ChainId>,
    body: Body<CancelChain>,
) -> Answer<ChainCancelled> {
    let reason = body.check(|cancel, faults| faults.text_opt("/reason", cancel.reason))?;
    let reason = reason.unwrap_or_else(|| CANCELLED.to_owned());
    let owner = caller.client().cloned();
    let chain = state.ains.steer_chain(id, Steer::Cancel { reason }, owner).await;
    Ok(Reply(convert::cancelled(
        &chain.map_err(|error| Problem::of(error, Wording::CancelChain))?,
    )))
}

/// Pause a chain: what runs goes on, nothing new is started.
#[utoipa::path(
    post,
    path = "/ains/task-chains/{id}/pause",
    tag = "Chains",
    params(("id" = String, Path, description = "The chain.")),
    responses(
        (status = OK, body = ChainSummary),
        (status = CONFLICT, description = "The chain has ended, or is paused")
    )
)]
pub(crate) async fn pause(state: State, caller: Caller, Id(id): Id<ChainId>) -> Answer<ChainSummary> {
    steered(&state, &caller, id, Steer::Pause).await
}

/// Let a paused chain go on.
#[utoipa::path(
    post,
    path = "/ains/task-chains/{id}/resume",
    tag = "Chains",
    params(("id" = String, Path, description = "The chain.")),
    responses(
        (status = OK, body = ChainSummary),
        (status = CONFLICT, description = "The chain is not paused")
    )
)]
pub(crate) async fn resume(state: State, caller: Caller, Id(id): Id<ChainId>) -> Answer<ChainSummary> {
    steered(&state, &caller, id, Steer::Resume).await
}

/// Try a FAILED chain again: a new run of the steps that did not complete.
#[utoipa::path(
    post,
    path = "/ains/task-chains/{id}/retry",
    tag = "Chains",
    params(("id" = String, Path, description = "The chain.")),
    responses(
        (status = OK, body = ChainSummary),
        (status = CONFLICT, description = "The chain has not failed")
    )
)]
pub(crate) async fn retry(state: State, caller: Caller, Id(id): Id<ChainId>) -> Answer<ChainSummary> {
    steered(&state, &caller, id, Steer::Retry).await
}

async fn steered(state: &State, caller: &Caller, id: ChainId, steer: Steer) -> Answer<ChainSummary> {
    let chain = state
        .ains
        .steer_chain(id, steer, caller.client().cloned())
        .await?;
    Ok(Reply(convert::summary(&chain)))
}

/// The steps of a chain, and which of them come after which; on request as a drawing.
#[utoipa::path(
    get,
    path = "/ains/task-chains/{id}/graph",
    tag = "Chains",
    params(
        ("id" = String, Path, description = "The chain."),
        ("format" = inline(Option<GraphFormat>), Query, description = "How it is answered. Default `json`.")
    ),
    responses((
        status = OK,
        content(
            (ChainGraph = "application/json"),
            (String = "text/vnd.graphviz"),
            (String = "text/vnd.mermaid")
        )
    ))
)]
pub(crate) async fn graph(
    state: State,
    Id(id): Id<ChainId>,
    mut query: Query,
) -> Result<HttpResponse, Problem> {
    let format = query.choice("format", &FORMATS);
    query.finish(Some(()))?;
    let chain = state.ains.chain(id, Duration::ZERO).await?;
    Ok(match format {
        None => reply::json(reply::to_text(&convert::graph(&chain))),
        Some(language) => {
            let drawing = Picture::of_chain(&chain).drawn_in(language);
            reply::text(language.content_type(), drawing)
        }
    })
}
