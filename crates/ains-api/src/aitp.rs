//! Holds the earlier task protocol, `/aitp`. Its inputs ignore unknown fields.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::words::{RetryPolicy, RoutingStrategy, TaskStatus, TimeoutPolicy, Word};
use crate::{Dependency, Json, Timestamp};

/// The body of `POST /aitp/tasks`, and a task of `POST /aitp/tasks/batch`.
///
/// The fields of [`SubmitTask`](crate::SubmitTask), but instants are text: this protocol has an answer of its own to a bad one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AitpSubmitTask {
    /// Who the task belongs to: a registered agent. In a batch, the batch's where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub client_id: Option<String>,
    /// The kind of work, 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    pub task_type: String,
    /// What an agent must provide, 1 to 255 characters; at least one agent must.
    #[schema(min_length = 1, max_length = 255)]
    pub capability_required: String,
    /// What the agent works on, an object; at most 1 MiB and 64 levels.
    #[schema(value_type = Object)]
    pub input_data: Json,
    /// 10 is handed out first, 1 last. Default 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 10, default = 5)]
    pub priority: Option<i64>,
    /// Seconds that one attempt may take. Default 300.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 86400, default = 300)]
    pub timeout_seconds: Option<i64>,
    /// Attempts after the first. Default 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 10, default = 3)]
    pub max_retries: Option<i64>,
    /// Tasks that must end first, at most 10,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 10000)]
    pub depends_on: Option<Vec<Dependency>>,
    /// How the agent is chosen. Default `round_robin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<RoutingStrategy>)]
    pub routing_strategy: Option<String>,
    /// How the delay before a retry grows. Default `exponential`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<RetryPolicy>)]
    pub retry_policy: Option<String>,
    /// What becomes of an attempt that takes too long. Default `retry`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<TimeoutPolicy>)]
    pub timeout_policy: Option<String>,
    /// Anything the client wants to find again with the task, an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Json>,
    /// ISO 8601, with or without an offset (then UTC): the task fails if it has not ended by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// RFC 3339: the task is not handed out before then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_at: Option<String>,
    /// The least trust an agent must have, 0 to 1. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1)]
    pub min_trust: Option<f64>,
    /// Seconds after which an attempt without a progress call is lost. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 86400)]
    pub heartbeat_timeout_seconds: Option<i64>,
    /// Whether the agent finds the results of the dependencies in the input, as `dependency_results`. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub results_from_dependencies: Option<bool>,
}

/// The answer of `POST /aitp/tasks`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AitpTaskCreated {
    /// The task.
    pub task_id: String,
    /// Who it belongs to.
    pub client_id: String,
    /// The kind of work.
    pub task_type: String,
    /// What an agent must provide.
    pub capability_required: String,
    /// PENDING: it is pushed after the answer.
    #[schema(value_type = TaskStatus)]
    pub status: Word,
    /// 1 to 10.
    pub priority: u8,
    /// The agent that holds it.
    pub assigned_agent_id: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When the agent got it.
    pub assigned_at: Option<Timestamp>,
    /// When the agent started it.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// What came out: any JSON, usually an object.
    #[schema(value_type = Json, required = false)]
    pub result_data: Option<Json>,
    /// What went wrong.
    pub error_message: Option<String>,
    /// Retries used.
    pub retry_count: u32,
}

/// The answer of `GET /aitp/tasks/{id}`: the fields of [`AitpTaskCreated`], and the input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AitpTask {
    /// The task.
    pub task_id: String,
    /// Who it belongs to.
    pub client_id: String,
    /// The kind of work.
    pub task_type: String,
    /// What an agent must provide.
    pub capability_required: String,
    /// Where it stands.
    #[schema(value_type = TaskStatus)]
    pub status: Word,
    /// 1 to 10.
    pub priority: u8,
    /// The agent that holds it, or held it last.
    pub assigned_agent_id: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When the agent got it.
    pub assigned_at: Option<Timestamp>,
    /// When the agent started it.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// What came out: any JSON, usually an object.
    #[schema(value_type = Json, required = false)]
    pub result_data: Option<Json>,
    /// What went wrong.
    pub error_message: Option<String>,
    /// Retries used.
    pub retry_count: u32,
    /// What the agent works on.
    #[schema(value_type = Object)]
    pub input_data: Json,
}

/// The query of `GET /aitp/tasks`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AitpFilter {
    /// Tasks of this client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Tasks in this status; `RUNNING` means ACTIVE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Tasks of this type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_type: Option<String>,
    /// Tasks that this agent holds, or held last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned_agent_id: Option<String>,
    /// Tasks a page, 1 to 100. Default 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
    /// Tasks to pass over. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 0)]
    pub offset: Option<i64>,
}

/// The answer of `GET /aitp/tasks`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AitpTaskList {
    /// One page of tasks.
    pub tasks: Vec<AitpTaskSummary>,
    /// Tasks that match, on all pages.
    pub total: u64,
    /// Tasks a page.
    pub limit: u32,
    /// Tasks passed over.
    pub offset: u64,
}

/// One task of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AitpTaskSummary {
    /// The task.
    pub task_id: String,
    /// Who it belongs to.
    pub client_id: String,
    /// The kind of work.
    pub task_type: String,
    /// Where it stands.
    #[schema(value_type = TaskStatus)]
    pub status: Word,
    /// 1 to 10.
    pub priority: u8,
    /// The agent that holds it, or held it last.
    pub assigned_agent_id: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// What the agent works on.
    #[schema(value_type = Object)]
    pub input_data: Json,
}

/// The query of `PUT /aitp/tasks/{id}/status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AitpAgentQuery {
    /// The agent that reports.
    pub agent_id: String,
}

/// The body of `PUT /aitp/tasks/{id}/status`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AitpStatusUpdate {
    /// ACTIVE, COMPLETED or FAILED.
    #[schema(example = "COMPLETED")]
    pub status: String,
    /// With COMPLETED: what came out, an object; at most 1 MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub result_data: Option<Json>,
    /// With FAILED: what went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
}

/// The answer of `PUT /aitp/tasks/{id}/status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AitpStatusAnswer {
    /// The task.
    pub task_id: String,
    /// Its status now.
    #[schema(value_type = TaskStatus)]
    pub status: Word,
    /// Retries used.
    pub retry_count: u32,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What `DELETE /aitp/tasks/{id}` takes, in the query or as a body. The answer is [`Cancelled`](crate::Cancelled).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
pub struct AitpCancel {
    /// The client the task belongs to.
    pub client_id: String,
    /// Why. Default `Cancelled by client`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What `PUT /aitp/tasks/{id}/priority` takes, in the query or as a body.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
pub struct AitpSetPriority {
    /// 1 to 10.
    #[param(minimum = 1, maximum = 10)]
    #[schema(minimum = 1, maximum = 10)]
    pub new_priority: i64,
    /// The client the task belongs to.
    pub client_id: String,
}

/// The answer of `PUT /aitp/tasks/{id}/priority`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AitpPriorityAnswer {
    /// The task.
    pub task_id: String,
    /// The priority before.
    pub old_priority: u8,
    /// The priority now.
    pub new_priority: u8,
    /// Its status.
    #[schema(value_type = TaskStatus)]
    pub status: Word,
}

/// What `PUT /aitp/tasks/{id}/timeout` takes, in the query or as a body.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
pub struct AitpSetTimeout {
    /// Seconds that one attempt may take, 1 to 86400.
    #[param(minimum = 1, maximum = 86400)]
    #[schema(minimum = 1, maximum = 86400)]
    pub timeout_seconds: i64,
    /// The client the task belongs to.
    pub client_id: String,
}

/// The answer of `PUT /aitp/tasks/{id}/timeout`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AitpTimeoutAnswer {
    /// The task.
    pub task_id: String,
    /// Seconds that one attempt may take.
    pub timeout_seconds: u32,
    /// Its status.
    #[schema(value_type = TaskStatus)]
    pub status: Word,
}

/// The answer of `POST /aitp/tasks/{id}/retry`, and of `POST /ains/tasks/{id}/retry`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RetryAnswer {
    /// The task.
    pub task_id: String,
    /// PENDING, or what it became at once.
    #[schema(value_type = TaskStatus)]
    pub status: Word,
    /// Retries used.
    pub retry_count: u32,
    /// When the next attempt may begin; null if at once.
    pub next_retry_at: Option<Timestamp>,
}

/// The body of `POST /aitp/tasks/batch`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AitpBatch {
    /// The client of the tasks that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub client_id: Option<String>,
    /// 1 to 1,000 tasks.
    #[schema(min_items = 1, max_items = 1000)]
    pub tasks: Vec<AitpSubmitTask>,
}

/// The answer of `POST /aitp/tasks/batch`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AitpBatchAnswer {
    /// Names this request in logs.
    pub batch_id: String,
    /// True: one bad task refuses the whole batch.
    pub success: bool,
    /// Tasks that were made.
    pub created: u32,
    /// Tasks that were refused.
    pub failed: u32,
    /// The new tasks, in the order of the request.
    pub task_ids: Vec<String>,
    /// What was refused, and why.
    pub errors: Option<Vec<AitpBatchError>>,
}

/// One task of a batch that something went wrong with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AitpBatchError {
    /// The task.
    pub task_id: String,
    /// What went wrong.
    pub error: String,
}

/// The query of `GET /aitp/tasks/batch/status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AitpBatchStatusQuery {
    /// Ids, separated by commas, at most 1,000.
    pub task_ids: String,
}

/// The answer of `GET /aitp/tasks/batch/status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AitpBatchStatus {
    /// Tasks that were found.
    pub total: u64,
    /// How many of them are in each status.
    pub status_counts: BTreeMap<String, u64>,
    /// The tasks.
    pub tasks: Vec<AitpTaskStatus>,
}

/// Where one task of a batch stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AitpTaskStatus {
    /// The task.
    pub task_id: String,
    /// Where it stands.
    #[schema(value_type = TaskStatus)]
    pub status: Word,
    /// 1 to 10.
    pub priority: u8,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
}

/// The body of `POST /aitp/tasks/batch/cancel`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AitpBatchCancel {
    /// The tasks, at most 1,000.
    #[schema(max_items = 1000)]
    pub task_ids: Vec<String>,
    /// The client they belong to.
    pub client_id: String,
    /// Why. Default `Batch cancellation`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The answer of `POST /aitp/tasks/batch/cancel`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AitpBatchCancelled {
    /// Tasks that were cancelled.
    pub cancelled: u32,
    /// Tasks that were not.
    pub failed: u32,
    /// Why not; null if all were.
    pub errors: Option<Vec<AitpBatchError>>,
}
