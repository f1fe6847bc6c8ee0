//! Holds health, statistics and maintenance.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Timestamp;
use crate::words::Word;

/// The answer of `GET /health`, `/health/live` and `/health/ready`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// `healthy`.
    #[schema(value_type = String, example = "healthy")]
    pub status: Word,
    /// `AINS`.
    #[schema(value_type = String, example = "AINS")]
    pub service: Word,
    /// The version of the server.
    #[schema(value_type = String, example = "0.1.0")]
    pub version: Word,
}

/// The answer of `GET /health/aitp`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AitpHealth {
    /// `healthy`.
    #[schema(value_type = String, example = "healthy")]
    pub status: Word,
    /// `AITP`.
    #[schema(value_type = String, example = "AITP")]
    pub service: Word,
    /// Now.
    pub timestamp: Timestamp,
    /// The figures.
    pub metrics: AitpMetrics,
}

/// The figures of `GET /health/aitp`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AitpMetrics {
    /// Tasks that are PENDING.
    pub queue_depth: u64,
    /// Tasks that are ACTIVE.
    pub active_tasks: u64,
    /// Tasks that are ASSIGNED.
    pub assigned_tasks: u64,
    /// Tasks that are COMPLETED.
    pub completed_tasks: u64,
    /// Tasks that are FAILED.
    pub failed_tasks: u64,
    /// FAILED of FAILED and COMPLETED, 0 to 100.
    pub failure_rate_percent: f64,
}

/// The answer of `GET /ains/stats`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Stats {
    /// Tasks.
    pub tasks: TaskStats,
    /// Agents.
    pub agents: AgentStats,
    /// Capabilities.
    pub capabilities: CapabilityStats,
    /// Now.
    pub timestamp: Timestamp,
}

/// Figures about tasks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskStats {
    /// Tasks that are stored.
    pub total: u64,
    /// Tasks that are PENDING.
    pub pending: u64,
    /// Tasks that are ASSIGNED or ACTIVE.
    pub active: u64,
    /// Tasks that are COMPLETED.
    pub completed: u64,
    /// Tasks an hour, over the last hour.
    pub throughput_last_hour: f64,
    /// Tasks COMPLETED in the last hour.
    pub completed_last_hour: u64,
    /// Seconds from start to completion, of the tasks of the last hour; null if there was none.
    pub avg_completion_time_seconds: Option<f64>,
}

/// Figures about agents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AgentStats {
    /// Agents that are registered.
    pub total: u64,
    /// Agents that are not INACTIVE.
    pub active: u64,
}

/// Figures about capabilities.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CapabilityStats {
    /// Capabilities that are published.
    pub total: u64,
}

/// The answer of `GET /ains/stats/database`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DatabaseStats {
    /// Tasks.
    pub tasks: TableStats,
    /// Agents.
    pub agents: TableStats,
    /// Published capabilities.
    pub capabilities: TableStats,
    /// Webhooks.
    pub webhooks: TableStats,
    /// Deliveries of webhooks.
    pub webhook_deliveries: TableStats,
    /// Changes of trust.
    pub trust_records: TableStats,
}

/// Figures about one table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TableStats {
    /// Rows it holds.
    pub rows: u64,
}

/// The query of `POST /ains/maintenance/cleanup`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
pub struct CleanupQuery {
    /// Delete what ended more than this many days ago, 7 to 365. Default 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 7, maximum = 365)]
    #[schema(minimum = 7, maximum = 365, default = 30)]
    pub days: Option<i64>,
}

/// The answer of `POST /ains/maintenance/cleanup`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CleanupAnswer {
    /// Tasks that were deleted.
    pub deleted_tasks: u64,
    /// Deliveries of webhooks that were deleted.
    pub deleted_deliveries: u64,
}

/// The answer of `GET /aitp/queue/stats`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueueStats {
    /// What waits.
    pub queue: QueueDepth,
    /// Who works.
    pub workload: Workload,
    /// Now.
    pub timestamp: Timestamp,
}

/// PENDING tasks by priority.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueueDepth {
    /// Tasks of each priority, by its number as text; priorities without tasks may be missing.
    pub by_priority: BTreeMap<String, u64>,
    /// All of them.
    pub total_pending: u64,
    /// Priority 8 to 10.
    pub high_priority: u64,
    /// Priority 5 to 7.
    pub medium_priority: u64,
    /// Priority 1 to 4.
    pub low_priority: u64,
}

/// Running tasks by agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Workload {
    /// Agents that hold tasks.
    pub agents: Vec<AgentLoad>,
    /// Tasks they hold together.
    pub total_active: u64,
}

/// The load of one agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AgentLoad {
    /// The agent.
    pub agent_id: String,
    /// Tasks it holds.
    pub active_tasks: u32,
}

/// The answer of `POST /aitp/maintenance/check-timeouts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TimeoutCheck {
    /// Attempts that were found to have taken too long.
    pub timed_out_count: u64,
    /// Now.
    pub timestamp: Timestamp,
}
