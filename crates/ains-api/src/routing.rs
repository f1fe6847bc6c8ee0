//! Holds the routing strategies and the explanation of a choice.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::words::{RoutingStrategy, Word};

/// The answer of `GET /ains/routing/strategies`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StrategyList {
    /// Every strategy, the original four first.
    pub strategies: Vec<Strategy>,
    /// The one a task takes that names none.
    #[schema(value_type = RoutingStrategy)]
    pub default: Word,
}

/// One routing strategy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Strategy {
    /// Its name in requests.
    #[schema(value_type = RoutingStrategy)]
    pub name: Word,
    /// How it chooses, in one sentence.
    #[schema(value_type = String)]
    pub description: Word,
}

/// The body of `POST /ains/routing/test`. Unknown fields are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RoutingTest {
    /// Whose task it would be: that of the caller's own client by default, and only that unless it is an admin. Without
    /// one, only agents that serve every client are considered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub client_id: Option<String>,
    /// What an agent must provide, 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    pub capability_required: String,
    /// How to choose. Default `round_robin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<RoutingStrategy>)]
    pub routing_strategy: Option<String>,
}

/// The answer of `POST /ains/routing/test`: what would be chosen now. Nothing is changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RoutingTestAnswer {
    /// The agent that would get the task; null if there is none.
    pub selected_agent: Option<SelectedAgent>,
    /// `No capable agents found` where that is so.
    #[schema(value_type = Option<String>)]
    pub message: Option<Word>,
    /// The strategy that was used.
    #[schema(value_type = RoutingStrategy)]
    pub strategy_used: Word,
    /// Why this agent.
    pub reason: Option<String>,
    /// The agents that were considered, at most 1,000.
    #[serde(default)]
    pub candidates: Vec<RoutingCandidate>,
}

/// The agent that would get the task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SelectedAgent {
    /// The agent.
    pub agent_id: String,
    /// The name for people.
    pub display_name: String,
    /// 0 to 1.
    pub trust_score: f64,
    /// Tasks it completed or failed.
    pub total_tasks: u64,
}

/// One agent that was considered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RoutingCandidate {
    /// The agent.
    pub agent_id: String,
    /// What the strategy compares; null where the agent was not eligible. What is better depends on the strategy.
    pub score: Option<f64>,
    /// Whether it could get the task.
    pub eligible: bool,
    /// Why it could not.
    #[schema(value_type = Option<String>)]
    pub why_not: Option<Word>,
}
