//! Holds many tasks in one request.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::words::{TaskStatus, Word};
use crate::{Problem, SubmitTask, TaskResultAnswer};

/// The body of `POST /ains/tasks/batch`. Unknown fields are refused (those of a task are ignored, as elsewhere).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchSubmit {
    /// 1 to 1,000 tasks.
    #[schema(min_items = 1, max_items = 1000)]
    pub tasks: Vec<SubmitTask>,
    /// Whether one bad task refuses them all. Default true; else each stands alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(default = true)]
    pub atomic: Option<bool>,
    /// The client of the tasks that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub client_id: Option<String>,
}

/// The answer of `POST /ains/tasks/batch`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BatchAnswer {
    /// `batch_` and 32 hexadecimal digits; it names this request in logs.
    pub batch_id: String,
    /// Tasks that were made.
    pub created: u32,
    /// Tasks that were refused; 0 in an atomic batch.
    pub failed: u32,
    /// What became of each task, in the order of the request.
    pub tasks: Vec<BatchItem>,
}

/// What became of one task of a batch: an id and a status, or a problem.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BatchItem {
    /// The new task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    /// Its status after it was routed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<TaskStatus>)]
    pub status: Option<Word>,
    /// Why it was not made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// The body of `POST /ains/tasks/cancel` and `POST /ains/tasks/retry`: which tasks. Unknown fields are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ManyTasks {
    /// 1 to 1,000 tasks.
    #[schema(min_items = 1, max_items = 1000)]
    pub task_ids: Vec<String>,
    /// Why; of a cancellation only. Default `Cancelled by client`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The answer of `POST /ains/tasks/cancel` and `POST /ains/tasks/retry`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ManyAnswer {
    /// What became of each task, in the order of the request.
    pub results: Vec<TaskResultAnswer>,
}
