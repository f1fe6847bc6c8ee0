//! How far an agent is trusted, why, and setting it right.

use actix_web::{HttpRequest, HttpResponse};
use ains_api::{Trust, TrustAdjust, TrustAdjusted, TrustHistoryQuery, TrustRecord};
use ains_core::{AgentId, TrustRecordId};

use super::State;
use crate::auth::Caller;
use crate::convert;
use crate::json::Body;
use crate::page;
use crate::path::Id;
use crate::problem::Problem;
use crate::query::Query;
use crate::reply::{Answer, Reply};

/// How far an agent is trusted.
#[utoipa::path(
    get,
    path = "/ains/agents/{id}/trust",
    tag = "Agents",
    params(("id" = String, Path, description = "The agent.")),
    responses((status = OK, body = Trust))
)]
pub(crate) async fn trust(state: State, Id(id): Id<AgentId>) -> Answer<Trust> {
    Ok(Reply(convert::agent::trust(state.ains.agent(id).await?.agent)))
}

/// What changed an agent's trust, newest first.
#[utoipa::path(
    get,
    path = "/ains/agents/{id}/trust/history",
    tag = "Agents",
    params(("id" = String, Path, description = "The agent."), TrustHistoryQuery),
    responses((
        status = OK,
        body = Vec<TrustRecord>,
        headers(("Link" = String, description = "`<…>; rel=\"next\"` where there is a next page."))
    ))
)]
pub(crate) async fn history(
    state: State,
    caller: Caller,
    request: HttpRequest,
    Id(id): Id<AgentId>,
    mut query: Query,
) -> Result<HttpResponse, Problem> {
    let limit = query.within("limit", &page::LIMIT, page::DEFAULT_LIMIT);
    let before = query.parse::<TrustRecordId>("cursor");
    query.finish(Some(()))?;
    let mut records = state.ains.trust_history(id.clone(), before, limit + 1).await?;
    let more = page::cut(&mut records, limit);
    let cursor = records.last().filter(|_| more).map(|last| last.id.to_string());
    if caller.reach().agent() != Some(&id) {
        // Of others' tasks it is told how they ended, but neither which they are nor what was said of them.
        let tasks = records.iter().filter_map(|record| record.task).collect();
        let foreign = state.ains.out_of_reach(caller.reach(), tasks).await?;
        for record in &mut records {
            if record.task.is_some_and(|task| foreign.contains(&task)) {
                (record.task, record.reason) = (None, None);
            }
        }
    }
    let records: Vec<_> = records.into_iter().map(convert::trust::record).collect();
    Ok(page::answer(&request, &records, cursor.as_deref()))
}

/// Set an agent's trust right, by hand.
#[utoipa::path(
    post,
    path = "/ains/agents/{id}/trust/adjust",
    tag = "Agents",
    params(("id" = String, Path, description = "The agent.")),
    request_body = TrustAdjust,
    responses((status = OK, body = TrustAdjusted))
)]
pub(crate) async fn adjust(
    state: State,
    caller: Caller,
    Id(id): Id<AgentId>,
    body: Body<TrustAdjust>,
) -> Answer<TrustAdjusted> {
    let (delta, reason) = body.check(|adjust, faults| {
        let delta = faults.number("/trust_delta", adjust.trust_delta, &(-1.0..=1.0));
        let reason = faults.text("/reason", adjust.reason);
        if reason.as_ref().is_some_and(|reason| reason.trim().is_empty()) {
            faults.add("/reason", "must not be empty");
        }
        Some((delta?, reason?))
    })?;
    let record = state
        .ains
        .adjust_trust(&caller.actor(), id, delta, reason)
        .await?;
    Ok(Reply(TrustAdjusted {
        record_id: record.id.to_string(),
        new_trust_score: record.after,
        trust_delta: delta,
    }))
}
