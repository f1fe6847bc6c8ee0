//! Holds an agent as it registers, reports itself and is listed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::words::{AgentStatus, Availability, Word};
use crate::{Capability, Json, Timestamp};

/// Free names and values on an agent, for people and selection.
pub type Labels = BTreeMap<String, String>;

/// The body of `POST /ains/agents`. Unknown fields are ignored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RegisterAgent {
    /// Chosen by the caller, `[A-Za-z0-9._:@-]{1,128}`; `leaderboard` is reserved.
    #[schema(min_length = 1, max_length = 128)]
    pub agent_id: String,
    /// Ed25519 public key, 64 hexadecimal digits.
    pub public_key: String,
    /// The name for people, 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    pub display_name: String,
    /// The URL of the agent.
    pub endpoint: String,
    /// Ed25519 signature over `agent_id` followed by `endpoint`, 128 hexadecimal digits.
    pub signature: String,
    /// What it is, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Words it is found by; each is also a capability.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// Seconds between its heartbeats; silent for three times as long, it is taken for gone. Default 300.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 86400, default = 300)]
    pub heartbeat_interval_seconds: Option<i64>,
    /// Tasks it holds at once, at most. Default 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, default = 10)]
    pub max_concurrency: Option<i64>,
    /// Whether it serves every client, and not only the one that it belongs to; only an admin says so. An agent that is
    /// registered without a client always does. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<bool>,
    /// Free names and values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    pub labels: Option<Labels>,
}

/// The answer of `POST /ains/agents`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AgentRegistered {
    /// The agent.
    pub agent_id: String,
    /// Ed25519 public key in hexadecimal.
    pub public_key: String,
    /// The name for people.
    pub display_name: String,
    /// What it is.
    pub description: Option<String>,
    /// The URL of the agent.
    pub endpoint: String,
    /// What it last said of itself; ACTIVE from registration.
    #[schema(value_type = AgentStatus)]
    pub status: Word,
    /// When it registered.
    pub created_at: Timestamp,
    /// 0 to 1, 0.5 at first.
    pub trust_score: f64,
    /// Words it is found by.
    pub tags: Vec<String>,
}

/// The body of `POST /ains/agents/{id}/rotate-key`. Unknown fields are refused.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateAgentKey {
    /// The new Ed25519 public key, 64 hexadecimal digits.
    pub public_key: String,
    /// The new key's signature over the agent's id followed by its endpoint, 128 hexadecimal digits.
    pub signature: String,
    /// The old key's signature over `ains-rotate-key:<agent_id>:<public_key>`, the key in lower case; 128 hexadecimal
    /// digits.
    pub proof: String,
}

/// The whole agent: the answer of `GET`, `PATCH` and `POST …/drain` and `…/resume` of `/ains/agents/{id}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Agent {
    /// The agent.
    pub agent_id: String,
    /// Ed25519 public key in hexadecimal.
    pub public_key: String,
    /// The name for people.
    pub display_name: String,
    /// What it is.
    pub description: Option<String>,
    /// The URL of the agent.
    pub endpoint: String,
    /// What it last said of itself.
    #[schema(value_type = AgentStatus)]
    pub status: Word,
    /// Whether it can take work.
    #[schema(value_type = Availability)]
    pub availability: Word,
    /// When it registered.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// 0 to 1, 0.5 at first.
    pub trust_score: f64,
    /// Words it is found by; each is also a capability.
    pub tags: Vec<String>,
    /// Free names and values.
    #[schema(value_type = BTreeMap<String, String>)]
    pub labels: Labels,
    /// The client that registered it, and that it belongs to; null if there is none, or the caller does not see its
    /// things.
    pub client_id: Option<String>,
    /// Whether it serves every client, and not only its own.
    pub shared: bool,
    /// Tasks it completed.
    pub total_tasks_completed: u64,
    /// Attempts that failed, took too long or were lost.
    pub total_tasks_failed: u64,
    /// Seconds from start to completion, recent ones weighing more; null before the first.
    pub avg_completion_time_seconds: Option<f64>,
    /// Tasks it holds now, ASSIGNED or ACTIVE.
    pub active_tasks: u32,
    /// Tasks it holds at once, at most.
    pub max_concurrency: u32,
    /// Seconds between its heartbeats.
    pub heartbeat_interval_seconds: u32,
    /// When it last sent a heartbeat.
    pub last_heartbeat: Option<Timestamp>,
    /// What it has published.
    pub capabilities: Vec<Capability>,
}

/// The query of `GET /ains/agents`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AgentFilter {
    /// A status or an availability: ACTIVE, DEGRADED, INACTIVE, AVAILABLE, BUSY or DRAINING.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Agents a page, 1 to 200. Default 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<i64>,
    /// Agents to pass over. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 0)]
    pub offset: Option<i64>,
}

/// The answer of `GET /ains/agents`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AgentList {
    /// One page of agents, in the order of their registration.
    pub agents: Vec<AgentSummary>,
    /// Agents that match, on all pages.
    pub total: u64,
    /// Agents a page.
    pub limit: u32,
    /// Agents passed over.
    pub offset: u64,
}

/// One agent of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AgentSummary {
    /// The agent.
    pub agent_id: String,
    /// The name for people.
    pub display_name: String,
    /// What it last said of itself.
    #[schema(value_type = AgentStatus)]
    pub status: Word,
    /// Whether it can take work.
    #[schema(value_type = Availability)]
    pub availability: Word,
    /// 0 to 1.
    pub trust_score: f64,
}

/// The body of `PATCH /ains/agents/{id}`: what to change. Unknown fields are refused.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchAgent {
    /// Replaces the words it is found by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// The new URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Tasks it holds at once, at most; 1 or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub max_concurrency: Option<i64>,
    /// Replaces the free names and values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    pub labels: Option<Labels>,
    /// Seconds between its heartbeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 86400)]
    pub heartbeat_interval_seconds: Option<i64>,
    /// Whether it serves every client from now on, or only its own. What it holds of others it finishes. Only an admin
    /// sets it to true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<bool>,
}

/// The query of `DELETE /ains/agents/{id}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeleteAgentQuery {
    /// Also while it holds tasks, which are then lost to it. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub force: Option<bool>,
}

/// The answer of `DELETE /ains/agents/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AgentDeleted {
    /// The agent.
    pub agent_id: String,
    /// What was done, for people.
    pub message: String,
}

/// The body of `POST /ains/agents/{id}/drain` and `…/resume`: nothing, or `{}`. Unknown fields are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DrainAgent {}

/// The body of `POST /ains/agents/{id}/heartbeat`. Unknown fields are ignored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Heartbeat {
    /// The agent's clock, in seconds since the epoch; kept for people, never trusted.
    pub timestamp: i64,
    /// How it is: ACTIVE, DEGRADED or OFFLINE; or its availability: AVAILABLE, BUSY or INACTIVE.
    #[schema(example = "ACTIVE")]
    pub status: String,
    /// Milliseconds since it started.
    #[schema(minimum = 0)]
    pub uptime_ms: i64,
    /// Anything it measures, an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub metrics: Option<Json>,
    /// The tasks it holds; a task missing from two in a row is lost to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holding: Option<Vec<String>>,
}

/// The answer of `POST /ains/agents/{id}/heartbeat`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeartbeatAnswer {
    /// Always true.
    pub acknowledged: bool,
    /// Seconds until the next one is expected: the agent's interval.
    pub next_heartbeat_in: u32,
    /// The status as it was sent.
    pub agent_health_status: String,
    /// Whether the agent can take work.
    #[schema(value_type = Availability)]
    pub agent_status: Word,
    /// When this one arrived.
    pub last_heartbeat: Timestamp,
    /// Of `holding`: the tasks that were cancelled, or are no longer this agent's for another reason.
    pub cancelled: Vec<String>,
}
