//! The audit log: who did what, and what was refused to whom.

use std::ops::RangeInclusive;

use actix_web::{HttpRequest, HttpResponse};
use ains_api::AuditEntry;
use ains_core::AuditId;
use ains_service::model::AuditFilter;

use super::State;
use crate::auth::Caller;
use crate::convert;
use crate::page;
use crate::problem::Problem;
use crate::query::Query;

/// Entries of a page (api.md part A).
const LIMIT: RangeInclusive<i64> = 1..=1000;

/// Entries of a page where the caller does not say (api.md part A).
const DEFAULT_LIMIT: i64 = 100;

/// Who did what, and what was refused to whom, newest first. A key that is bound to a client sees what was done with keys
/// of that client.
#[utoipa::path(
    get,
    path = "/ains/audit-logs",
    tag = "Audit",
    params(ains_api::AuditFilter),
    responses((
        status = OK,
        body = [AuditEntry],
        headers(("Link" = String, description = "`<…>; rel=\"next\"` where there is a next page."))
    ))
)]
pub(crate) async fn list(
    state: State,
    caller: Caller,
    request: HttpRequest,
    mut query: Query,
) -> Result<HttpResponse, Problem> {
    let limit = query.within("limit", &LIMIT, DEFAULT_LIMIT);
    let before = query.instant("created_before").map(AuditId::first_at);
    let cursor: Option<AuditId> = query.parse("cursor");
    let filter = AuditFilter {
        client: query.parse("client_id"),
        key: query.parse("key_id"),
        event: query.parse("event_type"),
        from: query.instant("created_after").map(AuditId::first_at),
        before: before.into_iter().chain(cursor).min(),
    };
    let mut filter = query.finish(Some(filter))?;
    filter.client = caller.only(filter.client)?;
    let mut entries = state.ains.audit_log(filter, limit + 1).await?;
    let more = page::cut(&mut entries, limit);
    let cursor = entries.last().filter(|_| more).map(|last| last.id.to_string());
    let entries: Vec<AuditEntry> = entries.into_iter().map(convert::audit::entry).collect();
    Ok(page::answer(&request, &entries, cursor.as_deref()))
}
