//! Holds what passes between an agent and the server about tasks: claims and reports.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::words::{TaskStatus, Word};
use crate::{Json, Problem, Task, Timestamp};

/// The body of `POST /ains/agents/{id}/claim`; also `claim_next` and `claim` of reports. Unknown fields are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimRequest {
    /// Tasks to hand out at most, 1 to 100. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 100, default = 1)]
    pub max: Option<i64>,
    /// Seconds to wait for the first task, 0 to 60. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 60, default = 0)]
    pub wait_seconds: Option<i64>,
    /// Only tasks of these capabilities, a subset of the agent's own. Default: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<String>>,
    /// Names this claim, 1 to 255 characters; repeating it gives the same tasks again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub claim_id: Option<String>,
}

/// The answer of `POST /ains/agents/{id}/claim`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ClaimAnswer {
    /// Tasks that are now the agent's, ACTIVE, with `attempt` and `lease_expires_at`; empty if none came in time.
    pub tasks: Vec<Task>,
}

/// The body of `POST /ains/tasks/{id}/start`. Unknown fields are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartReport {
    /// The agent that reports.
    pub agent_id: String,
    /// The attempt it reports on, from 1; without one, the current.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub attempt: Option<i64>,
}

/// The body of `POST /ains/tasks/{id}/progress`. Unknown fields are refused.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProgressReport {
    /// The agent that reports.
    pub agent_id: String,
    /// The attempt it reports on, from 1; without one, the current.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub attempt: Option<i64>,
    /// How much is done, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 100)]
    pub percent: Option<f64>,
    /// What it is doing, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Anything else: any JSON, at most 1 MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Json, required = false)]
    pub data: Option<Json>,
}

/// The body of `POST /ains/tasks/{id}/complete`. Unknown fields are refused.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CompleteReport {
    /// The agent that reports.
    pub agent_id: String,
    /// The attempt it reports on, from 1; without one, the current.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub attempt: Option<i64>,
    /// What came out: any JSON, usually an object, at most 1 MiB. Null is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Json, required = false)]
    pub result_data: Option<Json>,
    /// What it took, an object such as `{"tokens": 812, "cost": 0.004}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub usage: Option<Json>,
    /// Claim more work with the same request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim_next: Option<ClaimRequest>,
}

/// The body of `POST /ains/tasks/{id}/fail`. Unknown fields are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FailReport {
    /// The agent that reports.
    pub agent_id: String,
    /// The attempt it reports on, from 1; without one, the current.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub attempt: Option<i64>,
    /// What went wrong.
    pub error_message: String,
    /// Whether another attempt can help; without a word, the message decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retryable: Option<bool>,
    /// Seconds to wait before the next attempt, at least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub retry_after_seconds: Option<i64>,
    /// Claim more work with the same request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim_next: Option<ClaimRequest>,
}

/// The body of `POST /ains/tasks/{id}/release`: the task is given back, and no retry is consumed. Unknown fields are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseReport {
    /// The agent that reports.
    pub agent_id: String,
    /// The attempt it gives back, from 1; without one, the current.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub attempt: Option<i64>,
}

/// The answer to every report on one task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReportAnswer {
    /// The task.
    pub task_id: String,
    /// Its status now.
    #[schema(value_type = TaskStatus)]
    pub status: Word,
    /// Retries used.
    pub retry_count: u32,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Until when the attempt may run without a sign from its agent; null when the agent no longer holds the task.
    #[serde(default)]
    pub lease_expires_at: Option<Timestamp>,
    /// Tasks handed out for `claim_next`; empty without one.
    #[serde(default)]
    pub next: Vec<Task>,
}

/// The body of `POST /ains/agents/{id}/report`: many results, and a claim, in one transaction. Unknown fields are refused.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentReport {
    /// What became of tasks, at most 1,000.
    #[serde(default)]
    #[schema(max_items = 1000)]
    pub results: Vec<TaskResult>,
    /// Claim more work with the same request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<ClaimRequest>,
}

/// What became of one task. Unknown fields are refused.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskResult {
    /// The task.
    pub task_id: String,
    /// The attempt, from 1; without one, the current.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub attempt: Option<i64>,
    /// COMPLETED or FAILED.
    #[schema(example = "COMPLETED")]
    pub status: String,
    /// With COMPLETED: what came out, any JSON, at most 1 MiB. Null is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Json, required = false)]
    pub result_data: Option<Json>,
    /// With COMPLETED: what it took, an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub usage: Option<Json>,
    /// With FAILED: what went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// With FAILED: whether another attempt can help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retryable: Option<bool>,
    /// With FAILED: seconds to wait before the next attempt, at least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub retry_after_seconds: Option<i64>,
}

/// The answer of `POST /ains/agents/{id}/report`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AgentReportAnswer {
    /// What became of each result, in the order of the request.
    pub results: Vec<TaskResultAnswer>,
    /// Tasks handed out for `claim`.
    pub tasks: Vec<Task>,
}

/// What became of one result: the task's status, or the problem that kept it from being recorded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskResultAnswer {
    /// The task.
    pub task_id: String,
    /// Its status now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<TaskStatus>)]
    pub status: Option<Word>,
    /// Retries used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_count: Option<u32>,
    /// When it last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// Why the result was not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}
