//! The kinds of problem: a slug, a status code, a title, and a page that explains it.

use actix_web::http::StatusCode;

/// What kind of problem an answer reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something about the request does not fit; the detail says what.
    BadRequest,
    /// The body is not JSON.
    MalformedJson,
    /// A key or signature is not what it should be.
    InvalidSignature,
    /// No key, or a wrong one.
    Unauthorized,
    /// The key, or the caller, may not do this.
    Forbidden,
    /// There is no such thing, or no such path.
    NotFound,
    /// The path exists, but not with this method.
    MethodNotAllowed,
    /// The body did not arrive in time.
    RequestTimeout,
    /// The thing to be made exists.
    AlreadyExists,
    /// The agent holds tasks.
    AgentBusy,
    /// The report is from an attempt that is over.
    LeaseLost,
    /// The change does not fit the state.
    IllegalTransition,
    /// Tasks would wait for each other.
    DependencyCycle,
    /// Others changed the thing at the same time, again and again.
    ChangedMeanwhile,
    /// Something else needs the thing that is to be removed.
    InUse,
    /// The first request with this idempotency key still runs.
    IdempotencyKeyInUse,
    /// The body is larger than is read.
    BodyTooLarge,
    /// The body is not declared to be JSON.
    UnsupportedMediaType,
    /// The input has faults, all of which are listed.
    InvalidInput,
    /// The idempotency key was used with another request.
    IdempotencyKeyReused,
    /// Too many requests of this key.
    RateLimited,
    /// A fault of the server.
    Internal,
    /// The server cannot do it now.
    Unavailable,
}

impl Kind {
    /// All of them, in the order of their status codes.
    pub const ALL: [Self; 23] = [
        Self::BadRequest,
        Self::MalformedJson,
        Self::InvalidSignature,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::AlreadyExists,
        Self::AgentBusy,
        Self::LeaseLost,
        Self::IllegalTransition,
        Self::DependencyCycle,
        Self::ChangedMeanwhile,
        Self::InUse,
        Self::IdempotencyKeyInUse,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::InvalidInput,
        Self::IdempotencyKeyReused,
        Self::RateLimited,
        Self::Internal,
        Self::Unavailable,
    ];

    /// The reference that names it on the wire; it resolves to its page.
    pub fn uri(self) -> &'static str {
        match self {
            Self::BadRequest => "/problems/bad-request",
            Self::MalformedJson => "/problems/malformed-json",
            Self::InvalidSignature => "/problems/invalid-signature",
            Self::Unauthorized => "/problems/unauthorized",
            Self::Forbidden => "/problems/forbidden",
            Self::NotFound => "/problems/not-found",
            Self::MethodNotAllowed => "/problems/method-not-allowed",
            Self::RequestTimeout => "/problems/request-timeout",
            Self::AlreadyExists => "/problems/already-exists",
            Self::AgentBusy => "/problems/agent-busy",
            Self::LeaseLost => "/problems/lease-lost",
            Self::IllegalTransition => "/problems/illegal-transition",
            Self::DependencyCycle => "/problems/dependency-cycle",
            Self::ChangedMeanwhile => "/problems/changed-meanwhile",
            Self::InUse => "/problems/in-use",
            Self::IdempotencyKeyInUse => "/problems/idempotency-key-in-use",
            Self::BodyTooLarge => "/problems/body-too-large",
            Self::UnsupportedMediaType => "/problems/unsupported-media-type",
            Self::InvalidInput => "/problems/invalid-input",
            Self::IdempotencyKeyReused => "/problems/idempotency-key-reused",
            Self::RateLimited => "/problems/rate-limited",
            Self::Internal => "/problems/internal",
            Self::Unavailable => "/problems/unavailable",
        }
    }

    /// The kind that `slug` names.
    pub fn of_slug(slug: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.uri().strip_prefix("/problems/") == Some(slug))
    }

    /// The kind that says no more than a status code does.
    pub fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::UNAUTHORIZED => Self::Unauthorized,
            StatusCode::FORBIDDEN => Self::Forbidden,
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Self::MethodNotAllowed,
            StatusCode::REQUEST_TIMEOUT => Self::RequestTimeout,
            StatusCode::PAYLOAD_TOO_LARGE => Self::BodyTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::UnsupportedMediaType,
            StatusCode::TOO_MANY_REQUESTS => Self::RateLimited,
            StatusCode::SERVICE_UNAVAILABLE => Self::Unavailable,
            other if other.is_client_error() => Self::BadRequest,
            _ => Self::Internal,
        }
    }

    /// The status code it is answered with.
    pub fn status(self) -> StatusCode {
        match self {
            Self::BadRequest | Self::MalformedJson | Self::InvalidSignature => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::AlreadyExists
            | Self::AgentBusy
            | Self::LeaseLost
            | Self::IllegalTransition
            | Self::DependencyCycle
            | Self::ChangedMeanwhile
            | Self::InUse
            | Self::IdempotencyKeyInUse => StatusCode::CONFLICT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::InvalidInput | Self::IdempotencyKeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// A few words; the same for every occurrence.
    pub fn title(self) -> &'static str {
        match self {
            Self::BadRequest => "Bad request",
            Self::MalformedJson => "Malformed JSON",
            Self::InvalidSignature => "Invalid signature",
            Self::Unauthorized => "Unauthorized",
            Self::Forbidden => "Forbidden",
            Self::NotFound => "Not found",
            Self::MethodNotAllowed => "Method not allowed",
            Self::RequestTimeout => "Request timeout",
            Self::AlreadyExists => "Already exists",
            Self::AgentBusy => "Agent busy",
            Self::LeaseLost => "Lease lost",
            Self::IllegalTransition => "Illegal transition",
            Self::DependencyCycle => "Dependency cycle",
            Self::ChangedMeanwhile => "Changed meanwhile",
            Self::InUse => "In use",
            Self::IdempotencyKeyInUse => "Idempotency key in use",
            Self::BodyTooLarge => "Body too large",
            Self::UnsupportedMediaType => "Unsupported media type",
            Self::InvalidInput => "Invalid input",
            Self::IdempotencyKeyReused => "Idempotency key reused",
            Self::RateLimited => "Rate limited",
            Self::Internal => "Internal error",
            Self::Unavailable => "Unavailable",
        }
    }

    /// What it means and what to do about it, for the page of its URI.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::BadRequest => {
                "The request cannot be carried out as it is. The detail says why; where fields are the reason, the member errors lists them, each with a JSON pointer into the body."
            }
            Self::MalformedJson => {
                "The body is not JSON in UTF-8. The detail names the line and the column where reading stopped."
            }
            Self::InvalidSignature => {
                "A public key is not an Ed25519 key, or a signature is not that key's over what it should be; the detail says which."
            }
            Self::Unauthorized => {
                "The request needs an API key, in X-API-Key or as Authorization: Bearer, and carries none, or one that is not known."
            }
            Self::Forbidden => "Whoever asks is known, but may not do this.",
            Self::NotFound => "There is nothing of this id, or nothing at this path.",
            Self::MethodNotAllowed => {
                "The path exists, but not with this method. The header Allow lists those it takes."
            }
            Self::RequestTimeout => "The body of the request did not arrive in time. Send it again.",
            Self::AlreadyExists => "What is to be made exists already.",
            Self::AgentBusy => {
                "The agent holds tasks, so it is not removed. Drain it and wait, or send force=true, and it loses them."
            }
            Self::LeaseLost => {
                "The task is no longer this agent's, or a newer attempt has begun. Nothing was changed. Stop working on it."
            }
            Self::IllegalTransition => {
                "What was asked for cannot happen in the state that the task, the chain or the schedule is in."
            }
            Self::DependencyCycle => {
                "With these dependencies tasks would wait for each other for ever. The detail names them in order: each has to end before the one that follows it."
            }
            Self::ChangedMeanwhile => {
                "Others changed it at the same time, again and again, so that this change was never made from what it was. Nothing was changed. Ask again."
            }
            Self::InUse => {
                "Something else needs it, which the detail names, so it is not removed. Change or remove that first."
            }
            Self::IdempotencyKeyInUse => {
                "The first request with this Idempotency-Key is still being carried out. Ask again in a moment."
            }
            Self::BodyTooLarge => "The body is larger than the limit, which the detail names.",
            Self::UnsupportedMediaType => "The body has to be application/json, without a content encoding.",
            Self::InvalidInput => {
                "The input has the wrong form. The member errors lists every fault, each with a JSON pointer into the body, or the name of a query parameter."
            }
            Self::IdempotencyKeyReused => {
                "The Idempotency-Key was sent before, with another request. Use a new key for a new request."
            }
            Self::RateLimited => {
                "There were too many requests. The header Retry-After says when to try again."
            }
            Self::Internal => {
                "The server made a mistake. It has logged what happened, under the id in the member instance."
            }
            Self::Unavailable => {
                "The server cannot do this now: too much is waiting, the database is away, or it is shutting down. Try again after Retry-After seconds."
            }
        }
    }
}
