//! What was refused is told to the audit log: who asked, for which route, and what was answered. It keeps nobody waiting.

use actix_web::{HttpMessage, HttpRequest};
use ains_core::AuditEvent;
use ains_service::audit::Refusal;

use crate::app::HttpState;
use crate::auth::Caller;
use crate::problem::{Kind, Problem};
use crate::requests::{UNMATCHED, Verb};

/// Marks a request for something that its caller does not reach, which is answered as if there were no such thing.
#[derive(Debug)]
pub(crate) struct OutOfReach;

/// Tells the audit log of a request that was answered with `problem`, if that was a refusal.
pub(crate) fn note(state: &HttpState, request: &HttpRequest, problem: &Problem) {
    let event = match problem.kind() {
        Kind::Unauthorized => AuditEvent::AuthFailed,
        Kind::Forbidden => AuditEvent::AccessDenied,
        Kind::RateLimited => AuditEvent::RateLimitExceeded,
        Kind::NotFound if request.extensions().contains::<OutOfReach>() => AuditEvent::AccessDenied,
        _ => return,
    };
    let by = Caller::of(request, &state.proxies).actor();
    let route = request.match_pattern();
    let route = route.as_deref().unwrap_or(UNMATCHED);
    state.ains.refused(Refusal {
        event,
        key: by.key,
        client: by.client,
        agent: by.agent,
        address: by.address,
        action: format!("{} {route}", Verb::of(request.method()).name()),
        reason: problem.detail().to_owned(),
    });
}
