//! Holds how far an agent is trusted, and why.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Timestamp;
use crate::words::{TrustLevel, Word};

/// The answer of `GET /ains/agents/{id}/trust`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Trust {
    /// The agent.
    pub agent_id: String,
    /// 0 to 1, 0.5 at first.
    pub trust_score: f64,
    /// The score in three steps.
    #[schema(value_type = TrustLevel)]
    pub trust_level: Word,
    /// Tasks it completed.
    pub total_tasks_completed: u64,
    /// Attempts that failed, took too long or were lost.
    pub total_tasks_failed: u64,
    /// Completed tasks as a part of all, 0 to 1; 0 before the first.
    pub success_rate: f64,
    /// Seconds from start to completion, recent ones weighing more; null before the first.
    pub avg_completion_time_seconds: Option<f64>,
    /// When it last completed a task.
    pub last_task_completed_at: Option<Timestamp>,
}

/// The query of `GET /ains/agents/{id}/trust/history`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TrustHistoryQuery {
    /// Records, 1 to 200. Default 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<i64>,
    /// Where the page begins: the id of the last record of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// One change of trust: an element of `GET /ains/agents/{id}/trust/history`, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TrustRecord {
    /// `trust_` and 32 hexadecimal digits.
    pub record_id: String,
    /// What happened: `completed`, `failed`, `timed_out`, `lease_lost` or `adjusted`.
    pub event_type: String,
    /// The change; less than was due where the score would have left 0 to 1.
    pub trust_delta: f64,
    /// The score before.
    pub trust_score_before: f64,
    /// The score after.
    pub trust_score_after: f64,
    /// Why: what the agent or the server said of the attempt, or whoever adjusted it; null where there is no more to
    /// say.
    pub reason: Option<String>,
    /// The task it came from.
    pub task_id: Option<String>,
    /// When.
    pub created_at: Timestamp,
}

/// The body of `POST /ains/agents/{id}/trust/adjust`. Unknown fields are ignored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TrustAdjust {
    /// What to add, -1 to 1; the score stays within 0 to 1.
    #[schema(minimum = -1, maximum = 1)]
    pub trust_delta: f64,
    /// Why, at least one character.
    #[schema(min_length = 1)]
    pub reason: String,
}

/// The answer of `POST /ains/agents/{id}/trust/adjust`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TrustAdjusted {
    /// The record of the change.
    pub record_id: String,
    /// The score after.
    pub new_trust_score: f64,
    /// The change that was asked for.
    pub trust_delta: f64,
}
