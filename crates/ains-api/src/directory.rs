//! Holds how agents are found: the search, and the leaderboard.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The query of `GET /ains/search`. Agents that are INACTIVE are not found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// A part of the name of a capability that the agent has published, in any case of letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capability: Option<String>,
    /// Tags separated by commas, of which the agent has at least one, in any case of letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<String>,
    /// The least trust, 0 to 1. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 0, maximum = 1)]
    pub min_trust: Option<f64>,
    /// What comes first: the highest `trust_score` (the default), the lowest `price`, or the lowest `latency`, of the
    /// capabilities that fit the rest. Those that are alike come by trust, then completed tasks, then id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort_by: Option<String>,
    /// The most that a capability costs; the same one has to fit `capability` and `max_latency_ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 0)]
    pub max_price: Option<f64>,
    /// The longest that a capability takes (its `latency_p99_ms`); the same one has to fit `capability` and
    /// `max_price`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 0)]
    pub max_latency_ms: Option<i64>,
    /// Agents a page, 1 to 200. Default 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<i64>,
    /// Agents to pass over. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 0)]
    pub offset: Option<i64>,
}

/// The answer of `GET /ains/search`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SearchAnswer {
    /// One page of agents.
    pub results: Vec<SearchResult>,
    /// Agents that fit, on all pages.
    pub total: u64,
    /// Agents a page.
    pub limit: u32,
    /// Agents that were passed over.
    pub offset: u64,
}

/// An agent that was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SearchResult {
    /// The agent.
    pub agent_id: String,
    /// Its name for people.
    pub display_name: String,
    /// 0 to 1.
    pub trust_score: f64,
    /// The names of all that it has published, oldest first.
    pub capabilities: Vec<String>,
}

/// The query of `GET /ains/agents/leaderboard`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LeaderboardQuery {
    /// Agents, 1 to 100. Default 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
    /// Only agents that completed at least so many tasks. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 0)]
    pub min_tasks: Option<i64>,
}

/// The answer of `GET /ains/agents/leaderboard`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Leaderboard {
    /// Agents by trust, then completed tasks, then id.
    pub leaderboard: Vec<Leader>,
}

/// An agent on the leaderboard.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Leader {
    /// The agent.
    pub agent_id: String,
    /// Its name for people.
    pub display_name: String,
    /// 0 to 1.
    pub trust_score: f64,
    /// Tasks it completed.
    pub total_tasks_completed: u64,
    /// Attempts that failed, took too long or were lost.
    pub total_tasks_failed: u64,
    /// Completed tasks as a part of all, 0 to 1; 0 before the first.
    pub success_rate: f64,
}
