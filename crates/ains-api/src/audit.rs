//! Holds the audit log: who did what, and what was refused to whom.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::words::{AuditEventType, Word};
use crate::{Json, Timestamp};

/// The query of `GET /ains/audit-logs`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditFilter {
    /// Only what was done, or tried, with keys of this client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(min_length = 1, max_length = 255)]
    pub client_id: Option<String>,
    /// Only what was done, or tried, with this key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// Only this type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<AuditEventType>)]
    pub event_type: Option<Word>,
    /// From this instant on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_after: Option<Timestamp>,
    /// Before this instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_before: Option<Timestamp>,
    /// Entries, 1 to 1000. Default 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<i64>,
    /// Where the page begins: the id of the last entry of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// An entry of the audit log: an element of `GET /ains/audit-logs`.
///
/// It stands for one request; or, where something was
/// refused, for all requests of one caller that were refused for that reason within a minute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// `audit_` and 32 hexadecimal digits.
    pub id: String,
    /// What kind of thing happened.
    #[schema(value_type = AuditEventType)]
    pub event_type: Word,
    /// What was done, as `delete`; of what was refused, method and route of the first request.
    pub action: String,
    /// The client that the key is bound to.
    pub client_id: Option<String>,
    /// The key that it was done or tried with.
    pub key_id: Option<String>,
    /// The agent that did or tried it.
    pub agent_id: Option<String>,
    /// The kind of what it happened to, as `agent`.
    pub resource_type: Option<String>,
    /// The id of what it happened to.
    pub resource_id: Option<String>,
    /// Whether it was done.
    pub success: bool,
    /// Why not: what the first request was answered.
    pub error_message: Option<String>,
    /// More about it; of what was refused, `last_action` and `last_at`: the last request, and when it came.
    #[schema(value_type = Object)]
    pub extra_metadata: Json,
    /// Where it came from; `many`, where there were too many to tell them apart.
    pub ip_address: Option<String>,
    /// The id of the request.
    pub request_id: Option<String>,
    /// How many requests it stands for.
    pub count: u64,
    /// When it happened; of what was refused, the beginning of the minute.
    pub created_at: Timestamp,
}
