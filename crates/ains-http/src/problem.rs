//! Every error as the wire shows it: RFC 9457, `application/problem+json`.
//!
//! This is the only place where an error of the service gets a status code ([`Problem::of`]). The
//! sentences are those of the original service, see [`Wording`]. What is wrong on our side (500,
//! 503) is logged with its causes by the front, and never shown.

mod kind;
#[cfg(test)]
mod tests;
mod wording;

use std::borrow::Cow;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use ains_api::FieldFault;
use ains_core::schedule;
use ains_core::task::Refusal;
use ains_service::model::References;
use ains_service::{Error, Locked};

use crate::reply;
pub use kind::Kind;
pub use wording::Wording;

/// How a caller is asked for a key.
const BEARER: &str = "Bearer";

/// Seconds after which a 503 may be tried again.
const RETRY_AFTER: &str = "1";

/// An error on its way to the wire.
#[derive(Debug)]
pub struct Problem(Box<Parts>);

#[derive(Debug)]
struct Parts {
    kind: Kind,
    detail: Cow<'static, str>,
    errors: Vec<FieldFault>,
    challenge: &'static str,
    /// Seconds after which it may be tried again.
    retry_after: Option<u64>,
    source: Option<Error>,
}

impl Problem {
    /// A problem of this kind, with what went wrong this time.
    pub fn new(kind: Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Parts {
            kind,
            detail: detail.into(),
            errors: Vec::new(),
            challenge: BEARER,
            retry_after: None,
            source: None,
        }))
    }

    /// 400 with a sentence.
    pub fn bad_request(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::BadRequest, detail)
    }

    /// 404: `Task not found`, `Agent not found`.
    pub fn not_found(entity: &str) -> Self {
        Self::new(Kind::NotFound, format!("{entity} not found"))
    }

    /// 422 with every fault, or with the first ones if there may be `more`.
    pub fn invalid(errors: Vec<FieldFault>, more: bool) -> Self {
        let mut detail = summed_up(&errors);
        if more {
            detail.push_str("; further faults were not looked for");
        }
        Self::with_errors(Kind::InvalidInput, detail, errors)
    }

    /// 400 with faults of values that have the right form, but mean nothing.
    pub fn unusable(errors: Vec<FieldFault>) -> Self {
        Self::with_errors(Kind::BadRequest, summed_up(&errors), errors)
    }

    fn with_errors(kind: Kind, detail: String, errors: Vec<FieldFault>) -> Self {
        let mut problem = Self::new(kind, detail);
        problem.0.errors = errors;
        problem
    }

    /// 500, for what must not happen.
    pub fn internal() -> Self {
        Self::new(
            Kind::Internal,
            "The server made a mistake; it is logged under this request's id",
        )
    }

    /// 503, for the while that the database is away.
    pub fn unavailable() -> Self {
        Self::new(Kind::Unavailable, "The database cannot be reached")
    }

    /// 429, for whoever may try again after so many seconds.
    pub fn limited(seconds: u64) -> Self {
        let mut problem = Self::new(Kind::RateLimited, "Rate limit exceeded");
        problem.0.retry_after = Some(seconds);
        problem
    }

    /// An answer of the framework's own, which says no more than its status.
    pub fn of_status(status: StatusCode) -> Self {
        let kind = Kind::of_status(status);
        let detail = match kind {
            Kind::NotFound => "There is nothing at this path",
            Kind::MethodNotAllowed => "This path does not take this method",
            other => other.title(),
        };
        Self::new(kind, detail)
    }

    /// The same, asking with `challenge` for a key.
    #[must_use]
    pub fn challenged(mut self, challenge: &'static str) -> Self {
        self.0.challenge = challenge;
        self
    }

    fn caused(kind: Kind, detail: impl Into<Cow<'static, str>>, source: Error) -> Self {
        let mut problem = Self::new(kind, detail);
        problem.0.source = Some(source);
        problem
    }

    fn too_many(detail: &str) -> Self {
        Self::new(Kind::InvalidInput, detail.to_owned())
    }

    /// What `error` is on the wire, in the words for what was `asked`.
    pub fn of(error: Error, asked: Wording) -> Self {
        match error {
            Error::NotFound { entity, .. } => Self::not_found(entity),
            Error::Refused(Refusal::LeaseLost { status, attempt, own }) => {
                asked.lease_lost(status, attempt, own)
            }
            Error::Refused(Refusal::Illegal(illegal)) | Error::Illegal(illegal) => asked.illegal(illegal),
            Error::UnknownDependency(id) => Self::not_found(&format!("Dependency task {id}")),
            Error::Cycle(cycle) => Self::new(
                Kind::DependencyCycle,
                format!("The dependencies form a cycle: {cycle}"),
            ),
            Error::ChainRefused(refusal) => asked.chain_refused(refusal),
            Error::ScheduleRefused(refusal) => Self::schedule_refused(&refusal),
            Error::UnknownCalendar(id) => Self::not_found(&format!("Calendar {id}")),
            Error::UnknownTemplate(id) => Self::not_found(&format!("Template {id}")),
            Error::BadInput(faults) => {
                let faults = faults.into_iter().map(|fault| FieldFault {
                    pointer: format!("/input_data{}", fault.pointer),
                    message: fault.message,
                });
                Self::invalid(faults.collect(), false)
            }
            Error::TemplateInUse(references) => Self::template_in_use(&references),
            Error::Stale { entity, .. } => Self::new(
                Kind::ChangedMeanwhile,
                format!("{entity} was changed again and again meanwhile"),
            ),
            Error::CalendarInUse(schedule) => {
                Self::new(Kind::InUse, format!("Schedule {schedule} heeds the calendar"))
            }
            Error::Locked(locked) => Self::locked(locked),
            Error::TooManyWebhooks(most) => {
                Self::too_many(&format!("There are {most} active webhooks already"))
            }
            Error::TooManyWebhooksOfOne(most) => Self::too_many(&format!(
                "This client or agent has {most} active webhooks already"
            )),
            Error::NotTheWebhooksOwner => Self::new(Kind::Forbidden, "Not authorized"),
            Error::OfChain(chain) => Self::new(
                Kind::IllegalTransition,
                format!("The task belongs to chain {chain}, which decides when it is tried again"),
            ),
            Error::TooManyDependencies(most) => {
                Self::too_many(&format!("A submission has at most {most} dependencies in all"))
            }
            Error::TooManyTasks(most) => Self::too_many(&format!("More than {most} tasks are concerned")),
            Error::RetrySpent => Self::bad_request("Task has exceeded maximum retries or is not retryable"),
            Error::NotOwner => Self::new(Kind::Forbidden, asked.not_owner()),
            Error::AgentOfNobody(_) => Self::new(
                Kind::IllegalTransition,
                "The agent belongs to no client, so it serves every client",
            ),
            Error::AgentExists(_) => Self::new(Kind::AlreadyExists, "Agent already registered"),
            Error::AgentBusy { held, .. } => Self::new(Kind::AgentBusy, format!("Agent holds {held} tasks")),
            Error::InvalidSignature(reason) => {
                Self::new(Kind::InvalidSignature, format!("Invalid signature: {reason}"))
            }
            Error::UnknownClientAgent(id) => Self::bad_request(format!("Client agent '{id}' not found")),
            Error::NoProvider(name) => Self::bad_request(format!("No agents provide capability '{name}'")),
            Error::TooManyCapabilities(most) => Self::too_many(&format!(
                "An agent provides at most {most} capabilities, tags included"
            )),
            error @ (Error::NotPending(_)
            | Error::ForgottenSlots(_)
            | Error::TooMuchAtOnce(_)
            | Error::NoWebhooks
            | Error::RefusedAddress(_)
            | Error::WebhookInactive
            | Error::DeliveryPending
            | Error::KeyMisfit(_)
            | Error::MoreThanOwn(_)
            | Error::NotTheClientsAgent(_)
            | Error::KeyRevoked) => Self::in_its_words(&error),
            Error::KeyReused => Self::new(
                Kind::IdempotencyKeyReused,
                "The Idempotency-Key was used with another request",
            ),
            Error::KeyInFlight => Self::new(
                Kind::IdempotencyKeyInUse,
                "The first request with this Idempotency-Key is still running",
            ),
            Error::TooManyRequests { retry_after } => Self::limited(retry_after),
            Error::Overloaded => Self::caused(
                Kind::Unavailable,
                "Too much is waiting to be written",
                Error::Overloaded,
            ),
            Error::Stopping => {
                Self::caused(Kind::Unavailable, "The server is shutting down", Error::Stopping)
            }
            error @ Error::Store(_) => Self::of_store(error),
        }
    }

    /// An error whose own sentence is what callers read.
    fn in_its_words(error: &Error) -> Self {
        let kind = match error {
            Error::NotPending(_) | Error::WebhookInactive | Error::DeliveryPending | Error::KeyRevoked => {
                Kind::IllegalTransition
            }
            Error::ForgottenSlots(_)
            | Error::TooMuchAtOnce(_)
            | Error::KeyMisfit(_)
            | Error::NotTheClientsAgent(_) => Kind::InvalidInput,
            Error::MoreThanOwn(_) => Kind::Forbidden,
            _ => Kind::BadRequest,
        };
        Self::new(kind, wording::capitalised(&error.to_string()))
    }

    /// What the store failed at: the database is away, or it is our fault.
    fn of_store(error: Error) -> Self {
        let is_away = matches!(&error, Error::Store(store) if store.is_unavailable());
        let mut problem = if is_away {
            Self::unavailable()
        } else {
            Self::internal()
        };
        problem.0.source = Some(error);
        problem
    }

    fn locked(locked: Locked) -> Self {
        let detail = wording::capitalised(&locked.to_string());
        Self::caused(Kind::Unavailable, detail, Error::Locked(locked))
    }

    /// What refers to a template is named; there may be more of it.
    fn template_in_use(references: &References) -> Self {
        let named = |kind: &str, ids: Vec<String>| match ids.as_slice() {
            [] => None,
            [only] => Some(format!("{kind} {only}")),
            several => Some(format!("{kind}s {}", several.join(", "))),
        };
        let schedules = references.schedules.iter().map(ToString::to_string);
        let chains = references.chains.iter().map(ToString::to_string);
        let named: Vec<_> = [
            named("schedule", schedules.collect()),
            named("chain", chains.collect()),
        ]
        .into_iter()
        .flatten()
        .collect();
        let named = format!("The template is referred to by {}", named.join(" and "));
        Self::new(Kind::InUse, named)
    }

    /// A schedule stands so that that cannot happen.
    fn schedule_refused(refusal: &schedule::Refusal) -> Self {
        let kind = match refusal {
            schedule::Refusal::Ended(_) => Kind::IllegalTransition,
            schedule::Refusal::NoSlot => Kind::BadRequest,
            schedule::Refusal::TooManySlots(_) => Kind::InvalidInput,
        };
        Self::new(kind, wording::capitalised(&refusal.to_string()))
    }

    /// What kind of problem it is.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The sentence.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The sentence and every fault, for a place that has room for one line.
    pub fn into_detail(self) -> String {
        self.0.detail.into_owned()
    }

    /// What caused it, where that is not the caller.
    pub fn cause(&self) -> Option<&Error> {
        self.0.source.as_ref()
    }

    /// The form on the wire, of the request `instance`.
    pub fn to_wire(&self, instance: Option<&str>) -> ains_api::Problem {
        ains_api::Problem {
            kind: self.0.kind.uri().into(),
            title: self.0.kind.title().into(),
            status: self.0.kind.status().as_u16(),
            detail: Some(self.0.detail.clone()),
            instance: instance.map(str::to_owned),
            errors: self.0.errors.clone(),
        }
    }

    /// The whole answer to the request `instance`.
    pub fn response(&self, instance: Option<&str>) -> HttpResponse {
        let body = reply::to_text(&self.to_wire(instance));
        let mut response = HttpResponse::build(self.0.kind.status());
        response.insert_header((
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        ));
        match self.0.kind {
            Kind::Unauthorized => {
                response.insert_header((
                    header::WWW_AUTHENTICATE,
                    HeaderValue::from_static(self.0.challenge),
                ));
            }
            Kind::Unavailable => {
                response.insert_header((header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER)));
            }
            _ => {}
        }
        if let Some(seconds) = self.0.retry_after {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        response.body(body)
    }
}

/// Faults in one sentence.
fn summed_up(errors: &[FieldFault]) -> String {
    match errors {
        [only] if only.pointer.is_empty() => format!("The body {}", only.message),
        [only] => format!("{} {}", only.pointer, only.message),
        several => format!("{} fields are wrong", several.len()),
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::of(error, Wording::Plain)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.detail)
    }
}

impl std::error::Error for Problem {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| source as _)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.0.kind.status()
    }

    /// The answer without the request's id, which the front adds.
    fn error_response(&self) -> HttpResponse {
        self.response(None)
    }
}
