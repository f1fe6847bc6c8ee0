//! Webhooks: who is told of which events, and what became of it.

use actix_web::{HttpRequest, HttpResponse};
use ains_api::{
    DeleteWebhookQuery, DeliveryFilter, DeliveryList, RotateSecret, SubmitWebhook, Webhook, WebhookDeleted,
    WebhookDelivery, WebhookList,
};
use ains_core::webhook::Pattern;
use ains_core::{ClientId, DeliveryId, WebhookId};
use ains_service::model::WebhookFilter;

use super::State;
use crate::auth::Caller;
use crate::convert::webhook as convert;
use crate::json::Body;
use crate::once::{IdempotencyKey, answered};
use crate::page;
use crate::path::Id;
use crate::problem::Problem;
use crate::query::Query;
use crate::reply::{Answer, Reply};

/// Register a webhook: an address that is told of events.
///
/// Deliveries are signed as Standard Webhooks says. A secret that the server makes is shown in this answer only.
#[utoipa::path(
    post,
    path = "/ains/webhooks",
    tag = "Webhooks",
    request_body = SubmitWebhook,
    responses(
        (status = OK, body = Webhook),
        (status = BAD_REQUEST, description = "The address may not be called"),
        (status = FORBIDDEN, description = "The key is bound to another client")
    )
)]
pub(crate) async fn submit(
    state: State,
    caller: Caller,
    key: IdempotencyKey,
    body: Body<SubmitWebhook>,
) -> Result<HttpResponse, Problem> {
    let once = key.once(&caller, &body.raw(), convert::made);
    let new = body.check(|sent, faults| convert::new(sent, caller.client(), faults))?;
    caller.acts_for(&new.owner)?;
    caller.hears_all(new.events.iter().map(Pattern::types))?;
    Ok(answered(
        state.ains.create_webhook(new, once).await?,
        convert::made,
    ))
}

/// Webhooks, newest first.
#[utoipa::path(
    get,
    path = "/ains/webhooks",
    tag = "Webhooks",
    params(ains_api::WebhookFilter),
    responses((
        status = OK,
        body = WebhookList,
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
    let filter = WebhookFilter {
        owner: query.parse("agent_id"),
        active_only: query.flag_or("active_only", true),
        before: query.parse("cursor"),
        limit: limit + 1,
    };
    let mut filter = query.finish(Some(filter))?;
    filter.owner = caller.only(filter.owner)?;
    let mut hooks = state.ains.webhooks(filter).await?;
    let more = page::cut(&mut hooks, limit);
    let next_cursor = hooks.last().filter(|_| more).map(|last| last.id.to_string());
    let list = WebhookList {
        webhooks: hooks.iter().map(convert::whole).collect(),
        next_cursor,
    };
    Ok(page::answer(&request, &list, list.next_cursor.as_deref()))
}

/// One webhook. Its secret is not shown.
#[utoipa::path(
    get,
    path = "/ains/webhooks/{id}",
    tag = "Webhooks",
    params(("id" = String, Path, description = "The webhook.")),
    responses((status = OK, body = Webhook))
)]
pub(crate) async fn one(state: State, Id(id): Id<WebhookId>) -> Answer<Webhook> {
    Ok(Reply(convert::whole(&state.ains.webhook(id).await?)))
}

/// Call a webhook no more. What it has not been told is cancelled.
#[utoipa::path(
    delete,
    path = "/ains/webhooks/{id}",
    tag = "Webhooks",
    params(("id" = String, Path, description = "The webhook."), DeleteWebhookQuery),
    responses(
        (status = OK, body = WebhookDeleted),
        (status = FORBIDDEN, description = "It belongs to somebody else")
    )
)]
pub(crate) async fn remove(
    state: State,
    caller: Caller,
    Id(id): Id<WebhookId>,
    mut query: Query,
) -> Answer<WebhookDeleted> {
    let owner: Option<ClientId> = query.required_parse("agent_id");
    let owner = query.finish(owner)?;
    caller.acts_for(&owner)?;
    state
        .ains
        .delete_webhook(&caller.actor(), id, Some(owner))
        .await?;
    Ok(Reply(WebhookDeleted {
        webhook_id: id.to_string(),
        status: "deactivated".to_owned(),
    }))
}

/// What a webhook was told, newest first.
#[utoipa::path(
    get,
    path = "/ains/webhooks/{id}/deliveries",
    tag = "Webhooks",
    params(("id" = String, Path, description = "The webhook."), DeliveryFilter),
    responses((
        status = OK,
        body = DeliveryList,
        headers(("Link" = String, description = "`<…>; rel=\"next\"` where there is a next page."))
    ))
)]
pub(crate) async fn deliveries(
    state: State,
    request: HttpRequest,
    Id(id): Id<WebhookId>,
    mut query: Query,
) -> Result<HttpResponse, Problem> {
    let limit = query.within("limit", &page::LIMIT, page::DEFAULT_LIMIT);
    let before: Option<DeliveryId> = query.parse("cursor");
    query.finish(Some(()))?;
    let mut found = state.ains.deliveries(id, before, limit + 1).await?;
    let more = page::cut(&mut found, limit);
    let next_cursor = found.last().filter(|_| more).map(|last| last.id.to_string());
    let list = DeliveryList {
        webhook_id: id.to_string(),
        deliveries: found.iter().map(convert::delivery).collect(),
        next_cursor,
    };
    Ok(page::answer(&request, &list, list.next_cursor.as_deref()))
}

/// Send a webhook a `webhook.test`, whatever it is told of; it waits for no other delivery.
#[utoipa::path(
    post,
    path = "/ains/webhooks/{id}/test",
    tag = "Webhooks",
    params(("id" = String, Path, description = "The webhook.")),
    responses(
        (status = OK, body = WebhookDelivery),
        (status = FORBIDDEN, description = "It belongs to somebody else"),
        (status = CONFLICT, description = "The webhook is called no more")
    )
)]
pub(crate) async fn test(
    state: State,
    caller: Caller,
    key: IdempotencyKey,
    Id(id): Id<WebhookId>,
) -> Result<HttpResponse, Problem> {
    let once = key.once(&caller, &[], convert::delivery);
    let owner = caller.client().cloned();
    Ok(answered(
        state.ains.test_webhook(id, owner, once).await?,
        convert::delivery,
    ))
}

/// Give a webhook another secret. For 24 hours the one before signs as well, so that receivers can change theirs.
#[utoipa::path(
    post,
    path = "/ains/webhooks/{id}/rotate-secret",
    tag = "Webhooks",
    params(("id" = String, Path, description = "The webhook.")),
    request_body = Option<RotateSecret>,
    responses(
        (status = OK, body = Webhook),
        (status = FORBIDDEN, description = "It belongs to somebody else"),
        (status = CONFLICT, description = "The webhook is called no more")
    )
)]
pub(crate) async fn rotate(
    state: State,
    caller: Caller,
    Id(id): Id<WebhookId>,
    body: Body<RotateSecret>,
) -> Answer<Webhook> {
    let given = body.check(|sent, faults| convert::secret(sent.secret.as_deref(), faults))?;
    let owner = caller.client().cloned();
    let made = state.ains.rotate_secret(id, owner, given).await?;
    Ok(Reply(convert::made(&made)))
}

/// Make a delivery that has ended once more: the same id, the same body, and all attempts anew.
#[utoipa::path(
    post,
    path = "/ains/webhook-deliveries/{id}/redeliver",
    tag = "Webhooks",
    params(("id" = String, Path, description = "The delivery.")),
    responses(
        (status = OK, body = WebhookDelivery),
        (status = FORBIDDEN, description = "Its webhook belongs to somebody else"),
        (status = CONFLICT, description = "It has not ended, or its webhook is called no more")
    )
)]
pub(crate) async fn redeliver(
    state: State,
    caller: Caller,
    Id(id): Id<DeliveryId>,
) -> Answer<WebhookDelivery> {
    let owner = caller.client().cloned();
    Ok(Reply(convert::delivery(&state.ains.redeliver(id, owner).await?)))
}
