//! API keys: who may do what.

use std::ops::RangeInclusive;

use actix_web::{HttpRequest, HttpResponse};
use ains_api::{
    ApiKey, CreateKey, KeyAnswer, KeyCreated, KeyRotated, KeyUsage, KeyUsageQuery, PatchKey, ProtectedTest,
    RotateKey,
};
use ains_core::KeyId;
use ains_service::model::KeyFilter;

use super::State;
use crate::auth::Caller;
use crate::convert::key as convert;
use crate::json::Body;
use crate::page;
use crate::path::Id;
use crate::problem::Problem;
use crate::query::Query;
use crate::reply::{Answer, Reply};

/// Hours of usage that are shown: at most as many as are kept.
const USAGE_HOURS: RangeInclusive<u32> = 1..=720;

/// Make a key. What opens it is shown in this answer only.
///
/// Nobody gives what they do not have: a key that is not an admin's makes keys of its own client only, with no scopes and
/// no limits beyond its own.
#[utoipa::path(
    post,
    path = "/ains/api-keys",
    tag = "API keys",
    request_body = CreateKey,
    responses(
        (status = OK, body = KeyCreated),
        (status = FORBIDDEN, description = "The key would allow more than the caller's own"),
        (status = NOT_FOUND, description = "The agent does not exist, or is another client's")
    )
)]
pub(crate) async fn create(state: State, caller: Caller, body: Body<CreateKey>) -> Answer<KeyCreated> {
    let new = body.check(|sent, faults| convert::new(sent, caller.client(), faults))?;
    let made = state
        .ains
        .create_key(&caller.actor(), new, caller.principal())
        .await?;
    Ok(Reply(convert::made(made)))
}

/// Keys, newest first.
#[utoipa::path(
    get,
    path = "/ains/api-keys",
    tag = "API keys",
    params(ains_api::KeyFilter),
    responses((
        status = OK,
        body = [ApiKey],
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
    let filter = KeyFilter {
        client: query.parse("client_id"),
        active_only: query.flag_or("active_only", true),
        before: query.parse("cursor"),
        limit: limit + 1,
    };
    let mut filter = query.finish(Some(filter))?;
    filter.client = caller.only(filter.client)?;
    let mut keys = state.ains.keys(filter).await?;
    let more = page::cut(&mut keys, limit);
    let cursor = keys.last().filter(|_| more).map(|last| last.key.id.to_string());
    let keys: Vec<ApiKey> = keys.into_iter().map(convert::whole).collect();
    Ok(page::answer(&request, &keys, cursor.as_deref()))
}

/// One key. What opens it is not shown.
#[utoipa::path(
    get,
    path = "/ains/api-keys/{id}",
    tag = "API keys",
    params(("id" = String, Path, description = "The key.")),
    responses((status = OK, body = ApiKey))
)]
pub(crate) async fn one(state: State, Id(id): Id<KeyId>) -> Answer<ApiKey> {
    Ok(Reply(convert::whole(state.ains.key(id).await?)))
}

/// Change a key. It holds within a second on every server.
#[utoipa::path(
    patch,
    path = "/ains/api-keys/{id}",
    tag = "API keys",
    params(("id" = String, Path, description = "The key.")),
    request_body = PatchKey,
    responses(
        (status = OK, body = KeyAnswer),
        (status = FORBIDDEN, description = "The key allows, or would allow, more than the caller's own"),
        (status = CONFLICT, description = "The key is revoked")
    )
)]
pub(crate) async fn change(
    state: State,
    caller: Caller,
    Id(id): Id<KeyId>,
    body: Body<PatchKey>,
) -> Answer<KeyAnswer> {
    let change = body.check(convert::change)?;
    state
        .ains
        .change_key(&caller.actor(), id, change, caller.principal())
        .await?;
    Ok(Reply(convert::answer(id, "API key updated successfully")))
}

/// Revoke a key, for ever. It holds within a second on every server.
#[utoipa::path(
    delete,
    path = "/ains/api-keys/{id}",
    tag = "API keys",
    params(("id" = String, Path, description = "The key.")),
    responses(
        (status = OK, body = KeyAnswer),
        (status = FORBIDDEN, description = "The key has scopes that the caller's own has not")
    )
)]
pub(crate) async fn revoke(state: State, caller: Caller, Id(id): Id<KeyId>) -> Answer<KeyAnswer> {
    state
        .ains
        .revoke_key(&caller.actor(), id, caller.principal())
        .await?;
    Ok(Reply(convert::answer(id, "API key revoked successfully")))
}

/// Give a key another secret, which is shown in this answer only. The one before is good for a time of grace yet; the one
/// before that no more.
#[utoipa::path(
    post,
    path = "/ains/api-keys/{id}/rotate",
    tag = "API keys",
    params(("id" = String, Path, description = "The key.")),
    request_body = Option<RotateKey>,
    responses(
        (status = OK, body = KeyRotated),
        (status = FORBIDDEN, description = "The key allows more than the caller's own"),
        (status = CONFLICT, description = "The key is revoked")
    )
)]
pub(crate) async fn rotate(
    state: State,
    caller: Caller,
    Id(id): Id<KeyId>,
    body: Body<RotateKey>,
) -> Answer<KeyRotated> {
    let grace = body.check(|sent, faults| convert::grace(sent.grace_seconds, faults))?;
    let (made, until) = state
        .ains
        .rotate_key(&caller.actor(), id, grace, caller.principal())
        .await?;
    Ok(Reply(convert::rotated(made, until)))
}

/// What a key was used for: how many requests passed, by the hour. What other servers counted may be a minute late.
#[utoipa::path(
    get,
    path = "/ains/api-keys/{id}/usage",
    tag = "API keys",
    params(("id" = String, Path, description = "The key."), KeyUsageQuery),
    responses((status = OK, body = KeyUsage))
)]
pub(crate) async fn usage(state: State, Id(id): Id<KeyId>, mut query: Query) -> Answer<KeyUsage> {
    let hours = query.within("hours", &USAGE_HOURS, 24);
    let hours = query.finish(Some(hours))?;
    let stored = state.ains.key(id).await?;
    let usage = state.ains.usage(id, hours).await?;
    Ok(Reply(convert::usage(stored, hours, &usage)))
}

/// Whom the key of this request is for. It needs one, even while authentication is off.
#[utoipa::path(
    get,
    path = "/ains/protected/test",
    tag = "API keys",
    responses((status = OK, body = ProtectedTest))
)]
pub(crate) async fn test(caller: Caller) -> Answer<ProtectedTest> {
    // The gate has seen to it that there is one.
    let whom = caller.principal().ok_or_else(Problem::internal)?;
    Ok(Reply(convert::whom(whom)))
}
