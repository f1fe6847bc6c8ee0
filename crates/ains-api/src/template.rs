//! Holds templates: what tasks of a kind have in common, kept once.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::schedule::given;
use crate::words::{RetryPolicy, RoutingStrategy, TaskStatus, Word};
use crate::{Dependency, Json, Timestamp};

/// The body of `POST /ains/task-templates`: a template to be made. Unknown fields are ignored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SubmitTemplate {
    /// What people call it, 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    pub name: String,
    /// Who it belongs to, 1 to 255 characters. May be left out when the key is bound to a client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub client_id: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The kind of work of its tasks, 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    pub task_type: String,
    /// What an agent must provide to get them, 1 to 255 characters; compared without regard to case.
    #[schema(min_length = 1, max_length = 255)]
    pub capability_required: String,
    /// The input that a task's own is laid over, member by member: an object; at most 1 MiB and 64 levels.
    #[schema(value_type = Object)]
    pub default_input_data: Json,
    /// 10 is handed out first, 1 last. Default 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 10, default = 5)]
    pub default_priority: Option<i64>,
    /// Seconds that one attempt may take. Default 300.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 86400, default = 300)]
    pub default_timeout: Option<i64>,
    /// Attempts after the first. Default 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 10, default = 3)]
    pub default_max_retries: Option<i64>,
    /// How the agent is chosen. Default `round_robin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<RoutingStrategy>)]
    pub default_routing_strategy: Option<String>,
    /// How the delay before a retry grows. Default `exponential`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<RetryPolicy>)]
    pub default_retry_policy: Option<String>,
    /// What every input must satisfy, once it is merged: a JSON Schema of at most 64 KiB, draft 6 to 2020-12, that refers to
    /// nothing outside of itself and does not contain itself. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub input_schema: Option<Json>,
}

/// The body of `PATCH /ains/task-templates/{id}`: what to change.
///
/// What is left out stays as it is; null puts a field back to its default. What was made from the template stays as it is.
/// Unknown fields are ignored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PatchTemplate {
    /// What people call it, 1 to 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub name: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub description: Option<Option<String>>,
    /// The kind of work of its tasks, 1 to 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub task_type: Option<String>,
    /// What an agent must provide to get them, 1 to 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub capability_required: Option<String>,
    /// The input that a task's own is laid over: an object, which replaces the whole old one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub default_input_data: Option<Json>,
    /// 10 is handed out first, 1 last.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(minimum = 1, maximum = 10)]
    pub default_priority: Option<Option<i64>>,
    /// Seconds that one attempt may take.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(minimum = 1, maximum = 86400)]
    pub default_timeout: Option<Option<i64>>,
    /// Attempts after the first.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(minimum = 0, maximum = 10)]
    pub default_max_retries: Option<Option<i64>>,
    /// How the agent is chosen.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(value_type = Option<RoutingStrategy>)]
    pub default_routing_strategy: Option<Option<String>>,
    /// How the delay before a retry grows.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(value_type = Option<RetryPolicy>)]
    pub default_retry_policy: Option<Option<String>>,
    /// What every input must satisfy.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(value_type = Option<Object>)]
    pub input_schema: Option<Option<Json>>,
}

/// The answer of `POST /ains/task-templates`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TemplateCreated {
    /// The new template.
    pub template_id: String,
    /// What people call it.
    pub name: String,
    /// The kind of work of its tasks.
    pub task_type: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A template in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TemplateSummary {
    /// `tmpl_` and 32 hexadecimal digits.
    pub template_id: String,
    /// What people call it.
    pub name: String,
    /// Who it belongs to.
    pub client_id: String,
    /// What it is for.
    pub description: Option<String>,
    /// The kind of work of its tasks.
    pub task_type: String,
    /// How many tasks were made from it.
    pub times_used: u64,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The whole template: the answer of `GET /ains/task-templates/{id}`, with its defaults filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskTemplate {
    /// `tmpl_` and 32 hexadecimal digits.
    pub template_id: String,
    /// What people call it.
    pub name: String,
    /// Who it belongs to.
    pub client_id: String,
    /// What it is for.
    pub description: Option<String>,
    /// The kind of work of its tasks.
    pub task_type: String,
    /// What an agent must provide to get them.
    pub capability_required: String,
    /// The input that a task's own is laid over.
    #[schema(value_type = Object)]
    pub default_input_data: Json,
    /// 1 to 10, 10 is handed out first.
    pub default_priority: u8,
    /// Seconds that one attempt may take.
    pub default_timeout: u32,
    /// Attempts after the first.
    pub default_max_retries: u32,
    /// How the agent is chosen.
    #[schema(value_type = RoutingStrategy)]
    pub default_routing_strategy: Word,
    /// How the delay before a retry grows.
    #[schema(value_type = RetryPolicy)]
    pub default_retry_policy: Word,
    /// What every input must satisfy.
    #[schema(value_type = Option<Object>)]
    pub input_schema: Option<Json>,
    /// How many tasks were made from it.
    pub times_used: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// The answer to changing or removing a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TemplateAnswer {
    /// The template.
    pub template_id: String,
    /// What was done, for people.
    #[schema(value_type = String)]
    pub message: Word,
}

/// The query of `GET /ains/task-templates`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TemplateFilter {
    /// Templates of this client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Templates a page, 1 to 200. Default 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<i64>,
    /// Where the page begins: the last id of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// The answer of `POST /ains/tasks/from-template`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskFromTemplate {
    /// The new task.
    pub task_id: String,
    /// The template that it was made from.
    pub template_id: String,
    /// Its status after it was routed.
    #[schema(value_type = TaskStatus)]
    pub status: Word,
    /// Who it belongs to.
    pub client_id: String,
    /// 1 to 10.
    pub priority: u8,
    /// What it waits for.
    pub depends_on: Vec<Dependency>,
    /// Whether a dependency holds it back.
    pub is_blocked: bool,
    /// How its agent is chosen.
    #[schema(value_type = RoutingStrategy)]
    pub routing_strategy: Word,
    /// The agent that got it at once.
    pub assigned_agent_id: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
}
