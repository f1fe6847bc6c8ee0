//! Holds API keys: who may do what.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Timestamp;
use crate::schedule::given;

/// The body of `POST /ains/api-keys`: a key to be made. Unknown fields are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreateKey {
    /// The client whose things alone the key sees and changes, 1 to 255 characters. May be left out when the caller's key is
    /// bound to a client, for a key of an agent, and for an admin's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub client_id: Option<String>,
    /// The agent as which alone the key works. It then has no scopes but `agent:act`, `agent:read` and `task:read`, and sees
    /// the tasks that the agent holds or held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// What people call it, 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What it may be used for, such as `task:read`; `task:*` stands for all of tasks, `admin` for everything of everybody.
    /// Default: nothing. Not more than the caller's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 100)]
    pub scopes: Vec<String>,
    /// Requests a minute. Default 60; null for no limit. Not more than the caller's own.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(minimum = 1, maximum = 10_000_000, default = 60)]
    pub rate_limit_per_minute: Option<Option<i64>>,
    /// Requests an hour. Default 1,000; null for no limit. Not more than the caller's own.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(minimum = 1, maximum = 100_000_000, default = 1000)]
    pub rate_limit_per_hour: Option<Option<i64>>,
    /// Days after which it is good no more. Default: it does not expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 36500)]
    pub expires_in_days: Option<i64>,
}

/// The answer to `POST /ains/api-keys`: the key, and what opens it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyCreated {
    /// Its id.
    pub key_id: String,
    /// What opens it, to be sent as `X-API-Key`. It is shown in this answer only.
    pub api_key: String,
    /// The client whose things alone it sees and changes.
    pub client_id: Option<String>,
    /// The agent as which alone it works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// What people call it.
    pub name: String,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// Requests a minute; null for no limit.
    pub rate_limit_per_minute: Option<i64>,
    /// Requests an hour; null for no limit.
    pub rate_limit_per_hour: Option<i64>,
    /// From when on it is good no more.
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// That the secret is shown only now.
    pub warning: String,
}

impl fmt::Debug for KeyCreated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyCreated")
            .field("key_id", &self.key_id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A key, without what opens it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApiKey {
    /// Its id.
    pub key_id: String,
    /// The client whose things alone it sees and changes.
    pub client_id: Option<String>,
    /// The agent as which alone it works.
    pub agent_id: Option<String>,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// Whether it is neither switched off nor revoked. It may have expired.
    pub active: bool,
    /// Requests a minute; null for no limit.
    pub rate_limit_per_minute: Option<i64>,
    /// Requests an hour; null for no limit.
    pub rate_limit_per_hour: Option<i64>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is good no more.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute or so.
    pub last_used_at: Option<Timestamp>,
}

/// The query of `GET /ains/api-keys`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct KeyFilter {
    /// Only those of this client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Only those that are neither switched off nor revoked; the default.
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

/// The body of `PATCH /ains/api-keys/{id}`: what to change. What is left out stays as it is. Unknown fields are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PatchKey {
    /// What people call it, 1 to 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub name: Option<String>,
    /// What it is for; null for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub description: Option<Option<String>>,
    /// What it may be used for; they replace those that it has. Not more than the caller's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 100)]
    pub scopes: Option<Vec<String>>,
    /// Requests a minute; null for no limit. Not more than the caller's own.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(minimum = 1, maximum = 10_000_000)]
    pub rate_limit_per_minute: Option<Option<i64>>,
    /// Requests an hour; null for no limit. Not more than the caller's own.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(minimum = 1, maximum = 100_000_000)]
    pub rate_limit_per_hour: Option<Option<i64>>,
    /// Whether it may be used; a revoked one never again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
}

/// What became of a key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyAnswer {
    /// Its id.
    pub key_id: String,
    /// What became of it.
    pub message: String,
}

/// The body of `POST /ains/api-keys/{id}/rotate`. Unknown fields are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateKey {
    /// Seconds for which the secret before is good yet. Default 86,400, a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 2_592_000, default = 86_400)]
    pub grace_seconds: Option<i64>,
}

/// The answer to `POST /ains/api-keys/{id}/rotate`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyRotated {
    /// Its id.
    pub key_id: String,
    /// What opens it from now on. It is shown in this answer only.
    pub api_key: String,
    /// Until when the secret before opens it as well.
    pub previous_until: Timestamp,
}

impl fmt::Debug for KeyRotated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRotated")
            .field("key_id", &self.key_id)
            .field("previous_until", &self.previous_until)
            .finish_non_exhaustive()
    }
}

/// The query of `GET /ains/api-keys/{id}/usage`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct KeyUsageQuery {
    /// How many hours back, the present one among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 720, default = 24)]
    pub hours: Option<i64>,
}

/// The answer to `GET /ains/api-keys/{id}/usage`: how many requests were made with a key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyUsage {
    /// Its id.
    pub key_id: String,
    /// The client whose things alone it sees and changes.
    pub client_id: Option<String>,
    /// How many hours back.
    pub period_hours: i64,
    /// Requests that passed in these hours.
    pub total_requests: i64,
    /// Requests a minute; null for no limit.
    pub rate_limit_per_minute: Option<i64>,
    /// Requests an hour; null for no limit.
    pub rate_limit_per_hour: Option<i64>,
    /// Requests by the hour of UTC, `YYYY-MM-DD HH:00`; hours without any are left out.
    pub hourly_usage: BTreeMap<String, i64>,
    /// When it was last used, to the minute or so.
    pub last_used_at: Option<Timestamp>,
}

/// The answer to `GET /ains/protected/test`: whom the key is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProtectedTest {
    /// `Authentication successful!`
    pub message: String,
    /// The client that the key is bound to.
    pub client_id: Option<String>,
    /// What people call the key.
    pub key_name: String,
    /// What it may be used for.
    pub scopes: Vec<String>,
}
