//! Holds webhooks, and what they were told.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Timestamp;

/// The body of `POST /ains/webhooks`: who is told of which events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SubmitWebhook {
    /// The client or the agent whose events it is told of, 1 to 255 characters. May be left out when the key is bound to
    /// a client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub agent_id: Option<String>,
    /// Where it is called: http or https, and not of this machine or a private network unless the operator allows that.
    #[schema(max_length = 2048)]
    pub url: String,
    /// Types of events, as `task.completed`; `task.*` stands for all of tasks, `*` for all. 1 to 100.
    #[schema(min_items = 1, max_items = 100)]
    pub events: Vec<String>,
    /// What signs, 1 to 255 printable ASCII characters; after `whsec_`, the base64 of it. The server makes one if it is
    /// left out, and shows it in the answer to this request only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub secret: Option<String>,
}

/// The body of `POST /ains/webhooks/{id}/rotate-secret`. Unknown fields are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateSecret {
    /// The new secret; the server makes one if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub secret: Option<String>,
}

/// Who is told of which events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Webhook {
    /// Its id.
    pub webhook_id: String,
    /// The client or the agent whose events it is told of.
    pub agent_id: String,
    /// Where it is called.
    pub url: String,
    /// What it is told of, as it was registered.
    pub events: Vec<String>,
    /// Whether it is called.
    pub active: bool,
    /// The secret, if the server has just made it; it is never shown again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Until when the secret before the last rotation signs as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_secret_until: Option<Timestamp>,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// The query of `GET /ains/webhooks`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WebhookFilter {
    /// Only those of this client or agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// Only those that are called; the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(default = true)]
    pub active_only: Option<bool>,
    /// At most this many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
    /// Where the page before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// A page of webhooks, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookList {
    /// The webhooks.
    pub webhooks: Vec<Webhook>,
    /// Where the next page begins, if there is one.
    pub next_cursor: Option<String>,
}

/// The query of `DELETE /ains/webhooks/{id}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeleteWebhookQuery {
    /// Whose it is.
    pub agent_id: String,
}

/// The answer to `DELETE /ains/webhooks/{id}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookDeleted {
    /// Its id.
    pub webhook_id: String,
    /// `deactivated`.
    pub status: String,
}

/// The query of `GET /ains/webhooks/{id}/deliveries`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeliveryFilter {
    /// At most this many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
    /// Where the page before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// A page of what a webhook was told, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryList {
    /// The webhook.
    pub webhook_id: String,
    /// The deliveries.
    pub deliveries: Vec<WebhookDelivery>,
    /// Where the next page begins, if there is one.
    pub next_cursor: Option<String>,
}

/// One thing that a webhook was told, or is to be told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookDelivery {
    /// Its id: the header `webhook-id` of every attempt.
    pub delivery_id: String,
    /// The webhook.
    pub webhook_id: String,
    /// The type of the event.
    pub event_type: String,
    /// What the event is about: the id of a task, a chain, a schedule or an agent.
    pub subject: String,
    /// `pending`, `delivered`, `dead` (the last attempt failed) or `cancelled` (the webhook is called no more).
    pub status: String,
    /// Attempts that have begun, since it was last asked for.
    pub attempt_count: u32,
    /// What the last attempt was answered with, if it was.
    pub response_code: Option<i32>,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// When it happened.
    pub created_at: Timestamp,
    /// When it was delivered.
    pub delivered_at: Option<Timestamp>,
}
