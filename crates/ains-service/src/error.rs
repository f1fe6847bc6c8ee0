//! Why a use case did not happen. Each variant is something that a caller can act on.

use ains_core::TaskId;
use ains_core::task::{IllegalTransition, NotPending, NotRetryable, Refusal};
use ains_store::StoreError;

/// Why a use case did not happen; nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such thing.
    #[error("{entity} `{id}` does not exist")]
    NotFound {
        /// `Task`, `Agent`: how the API calls it.
        entity: &'static str,
        /// Which one.
        id: String,
    },
    /// An agent's report does not fit the lease or the state.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A change does not fit the state of the task.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
    /// The dependencies of a task were to be changed that waits no more.
    #[error(transparent)]
    NotPending(#[from] NotPending),
    /// A task was to wait for one that does not exist.
    #[error("dependency task `{0}` does not exist")]
    UnknownDependency(TaskId),
    /// Tasks would wait for each other; they are named in order, the first again at the end.
    #[error("the dependencies form a cycle: {0}")]
    Cycle(String),
    /// What a client wants of a chain does not fit its state.
    #[error(transparent)]
    ChainRefused(#[from] ains_core::chain::Refusal),
    /// What a client wants of a schedule does not fit how it stands.
    #[error(transparent)]
    ScheduleRefused(#[from] ains_core::schedule::Refusal),
    /// A schedule was to heed a calendar that does not exist, or is another client's.
    #[error("calendar `{0}` does not exist")]
    UnknownCalendar(ains_core::CalendarId),
    /// A schedule or a chain was to refer to a template that does not exist, or is another client's.
    #[error("template `{0}` does not exist")]
    UnknownTemplate(ains_core::TemplateId),
    /// An input is not as its template wants it.
    #[error("the input is not as the template wants it")]
    BadInput(Vec<crate::schema::Fault>),
    /// A template is not removed while schedules or chains refer to it.
    #[error("schedules or chains refer to the template")]
    TemplateInUse(ains_store::templates::References),
    /// Somebody else changed it meanwhile; it may be read and changed again.
    #[error("{entity} `{id}` was changed meanwhile")]
    Stale {
        /// `Schedule`, `Calendar`: how the API calls it.
        entity: &'static str,
        /// Which one.
        id: String,
    },
    /// A backfill was to begin where it is not known any more what has fired.
    #[error("it is known since {0} only which slots have fired")]
    ForgottenSlots(ains_core::Timestamp),
    /// A backfill would make more than one transaction may.
    #[error("the runs of {0} slots are too much at once; ask for a shorter time")]
    TooMuchAtOnce(u64),
    /// A calendar is not removed while a schedule heeds it.
    #[error("schedule `{0}` heeds the calendar")]
    CalendarInUse(ains_core::ScheduleId),
    /// This service was started without anybody who calls webhooks.
    #[error("this service calls no webhooks")]
    NoWebhooks,
    /// A secret cannot be sealed or opened.
    #[error(transparent)]
    Locked(#[from] crate::vault::Locked),
    /// The address of a webhook may not be called, which the sentence says why: `is …`, `leads to …`.
    #[error("the address {0}")]
    RefusedAddress(String),
    /// There are as many webhooks as every server keeps in memory.
    #[error("there are {0} active webhooks already")]
    TooManyWebhooks(usize),
    /// The client or agent has as many webhooks as it may.
    #[error("it has {0} active webhooks already")]
    TooManyWebhooksOfOne(usize),
    /// The webhook belongs to another client or agent.
    #[error("the webhook belongs to somebody else")]
    NotTheWebhooksOwner,
    /// The webhook is called no more.
    #[error("the webhook is called no more")]
    WebhookInactive,
    /// The delivery has not ended, so it cannot be made again.
    #[error("the delivery has not ended yet")]
    DeliveryPending,
    /// The task belongs to a chain, which alone may try it again.
    #[error("the task belongs to chain `{0}`")]
    OfChain(ains_core::ChainId),
    /// A submission has more dependencies than one transaction may store.
    #[error("a submission has at most {0} dependencies in all")]
    TooManyDependencies(usize),
    /// More tasks are concerned than one request may look at.
    #[error("more than {0} tasks are concerned")]
    TooManyTasks(usize),
    /// The failed task has no retry left, or its error is not of a kind that is retried.
    #[error("no retry is left, or the error is of a kind that is not retried")]
    RetrySpent,
    /// It belongs to another client.
    #[error("it belongs to another client")]
    NotOwner,
    /// A key cannot be as it is wanted.
    #[error(transparent)]
    KeyMisfit(#[from] ains_core::key::Misfit),
    /// A key was to get scopes, or limits, beyond those of whoever gives them.
    #[error("these {0} are more than the caller's own")]
    MoreThanOwn(&'static str),
    /// A key was to be bound to a client and to an agent that is not that client's.
    #[error("agent `{0}` is not that client's")]
    NotTheClientsAgent(ains_core::AgentId),
    /// The key is revoked for ever.
    #[error("the key is revoked")]
    KeyRevoked,
    /// An agent that belongs to no client was to serve only its own.
    #[error("agent `{0}` belongs to no client, so it serves every client")]
    AgentOfNobody(String),
    /// An agent of that id is registered.
    #[error("agent `{0}` is already registered")]
    AgentExists(String),
    /// The agent holds tasks, so it is not removed without force.
    #[error("agent `{id}` holds {held} tasks")]
    AgentBusy {
        /// Which agent.
        id: String,
        /// How many tasks it holds.
        held: u32,
    },
    /// The agent's key or signature is not what it should be.
    #[error("invalid signature: {0}")]
    InvalidSignature(#[from] ains_core::identity::IdentityError),
    /// Work from the earlier protocol names a client that is no registered agent.
    #[error("client agent `{0}` is not registered")]
    UnknownClientAgent(String),
    /// Work from the earlier protocol needs a capability that no agent provides.
    #[error("no agent provides `{0}`")]
    NoProvider(String),
    /// An agent may provide at most this many capabilities, tags included.
    #[error("an agent provides at most {0} capabilities")]
    TooManyCapabilities(usize),
    /// The idempotency key was used with another body.
    #[error("the idempotency key was used with another body")]
    KeyReused,
    /// The first request with this idempotency key is still running.
    #[error("the first request with this idempotency key is still running")]
    KeyInFlight,
    /// There were too many requests.
    #[error("there were too many requests; the next may come in {retry_after} s")]
    TooManyRequests {
        /// Seconds until the next may come.
        retry_after: u64,
    },
    /// The queue to the writer is full.
    #[error("too much is waiting to be written")]
    Overloaded,
    /// The service is shutting down.
    #[error("the service is shutting down")]
    Stopping,
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl From<NotRetryable> for Error {
    fn from(refusal: NotRetryable) -> Self {
        match refusal {
            NotRetryable::Illegal(illegal) => Self::Illegal(illegal),
            NotRetryable::Spent => Self::RetrySpent,
        }
    }
}
