//! What goes into the use cases of webhooks, and what comes out.

use ains_core::webhook::{Pattern, Secret, Webhook};
use ains_core::{ClientId, WebhookId};
pub use ains_store::deliveries::StoredDelivery;

/// A webhook to register.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// The client or agent whose events it hears of.
    pub owner: ClientId,
    /// Whether the owner is a client and nothing else; else it hears of the events of an agent of that name as well.
    pub clients_only: bool,
    /// Where it is called.
    pub url: Box<str>,
    /// What it hears of; not empty.
    pub events: Vec<Pattern>,
    /// What signs; the server makes one if there is none.
    pub secret: Option<Secret>,
}

/// A webhook that was made, or got another secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookMade {
    /// The webhook.
    pub webhook: Webhook,
    /// Its secret if the server made it: this is when it is shown.
    pub secret: Option<Secret>,
}

/// Which webhooks a list shows.
#[derive(Debug, Clone, Default)]
pub struct WebhookFilter {
    /// Only of this client or agent.
    pub owner: Option<ClientId>,
    /// Only those that are called.
    pub active_only: bool,
    /// Only ids below this one: the cursor.
    pub before: Option<WebhookId>,
    /// At most this many.
    pub limit: i64,
}
