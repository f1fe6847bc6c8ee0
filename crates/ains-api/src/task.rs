//! Holds a task as clients send it, read it and list it.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::words::{Gate, RetryPolicy, RoutingStrategy, TaskStatus, TimeoutPolicy, WhyGate, Word};
use crate::{Dependency, Json, Timestamp};

/// The body of `POST /ains/tasks`: a task to be made.
///
/// What is left out is as the template says, if one is named; otherwise it takes its default. Unknown fields are ignored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SubmitTask {
    /// Who the task belongs to, 1 to 255 characters. May be left out when the key is bound to a client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub client_id: Option<String>,
    /// The kind of work, for people and filters, 1 to 255 characters. Needed without a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub task_type: Option<String>,
    /// What an agent must provide to get it, 1 to 255 characters; compared without regard to case. Needed without a
    /// template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub capability_required: Option<String>,
    /// What the agent works on, an object; at most 1 MiB and 64 levels. Needed without a template; over that of a template it
    /// is laid member by member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub input_data: Option<Json>,
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
    /// Anything the client wants to find again with the task, an object; at most 1 MiB and 64 levels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Json>,
    /// The task fails with `expired` if it has not ended by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The task is not handed out before then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_at: Option<Timestamp>,
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
    /// The template that says what this leaves out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_id: Option<String>,
}

/// The answer of `POST /ains/tasks`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskCreated {
    /// The new task.
    pub task_id: String,
    /// Its status after it was routed.
    #[schema(value_type = TaskStatus)]
    pub status: Word,
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

/// The whole task: the answer of `GET /ains/tasks/{id}`, and what a claim hands out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Task {
    /// `task_` and 32 hexadecimal digits.
    pub task_id: String,
    /// Who it belongs to.
    pub client_id: String,
    /// The kind of work.
    pub task_type: String,
    /// What an agent must provide to get it.
    pub capability_required: String,
    /// Where it stands.
    #[schema(value_type = TaskStatus)]
    pub status: Word,
    /// What holds it back, while it is PENDING.
    #[schema(value_type = Option<Gate>)]
    pub gate: Option<Word>,
    /// Since when that holds it back.
    pub gate_since: Option<Timestamp>,
    /// Whether a dependency holds it back.
    pub is_blocked: bool,
    /// 1 to 10, 10 is handed out first.
    pub priority: u8,
    /// What it waits or waited for.
    pub depends_on: Vec<Dependency>,
    /// How many of those have not been resolved.
    pub unresolved_dependencies: u32,
    /// Whether the agent finds the results of the dependencies in the input, as `dependency_results`.
    pub results_from_dependencies: bool,
    /// The graph that it was submitted with.
    pub graph_id: Option<String>,
    /// Its name in that graph.
    pub name: Option<String>,
    /// The chain that it belongs to.
    pub chain_id: Option<String>,
    /// The name of its step in that chain.
    pub step: Option<String>,
    /// The schedule that made it, or its chain.
    pub schedule_id: Option<String>,
    /// The template that it was made from.
    pub template_id: Option<String>,
    /// How its agent is chosen.
    #[schema(value_type = RoutingStrategy)]
    pub routing_strategy: Word,
    /// The agent that holds it, or held it last.
    pub assigned_agent_id: Option<String>,
    /// What the agent works on.
    #[schema(value_type = Object)]
    pub input_data: Json,
    /// What the client wanted to find again with it.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Json>,
    /// What came out, once it is COMPLETED: any JSON, usually an object.
    #[schema(value_type = Json, required = false)]
    pub result_data: Option<Json>,
    /// What went wrong, last.
    pub error_message: Option<String>,
    /// Retries used.
    pub retry_count: u32,
    /// Attempts allowed after the first, 0 to 10.
    pub max_retries: u32,
    /// How the delay before a retry grows.
    #[schema(value_type = RetryPolicy)]
    pub retry_policy: Word,
    /// Seconds that one attempt may take.
    pub timeout_seconds: u32,
    /// What becomes of an attempt that takes too long.
    #[schema(value_type = TimeoutPolicy)]
    pub timeout_policy: Word,
    /// Seconds after which an attempt without a progress call is lost.
    pub heartbeat_timeout_seconds: Option<u32>,
    /// The least trust an agent must have, 0 to 1.
    pub min_trust: f64,
    /// The number of the latest hand-out, from 1; 0 before the first. Reports carry it.
    pub attempt: u32,
    /// Attempts lost in a row to agents that fell silent; the third ends the task.
    pub lost_leases: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When the agent got it.
    pub assigned_at: Option<Timestamp>,
    /// When the agent started it.
    pub started_at: Option<Timestamp>,
    /// When it ended, well or badly.
    pub completed_at: Option<Timestamp>,
    /// When it was cancelled.
    pub cancelled_at: Option<Timestamp>,
    /// Why it was cancelled.
    pub cancel_reason: Option<String>,
    /// It fails if it has not ended by then.
    pub expires_at: Option<Timestamp>,
    /// It is not handed out before then.
    pub run_at: Option<Timestamp>,
    /// When the next attempt may begin, while a retry waits for its delay.
    pub next_retry_at: Option<Timestamp>,
    /// Until when the current attempt may run without a sign from its agent.
    pub lease_expires_at: Option<Timestamp>,
    /// What the agent last said of its progress.
    pub progress: Option<Progress>,
}

/// What an agent last said of its progress.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Progress {
    /// How much is done, 0 to 100.
    #[schema(minimum = 0, maximum = 100)]
    pub percent: Option<f64>,
    /// What it is doing.
    pub message: Option<String>,
    /// Anything else.
    #[schema(value_type = Json, required = false)]
    pub data: Option<Json>,
    /// When it said so.
    pub at: Timestamp,
}

/// The query of `GET /ains/tasks/{id}` and of `GET /ains/task-chains/{id}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WaitQuery {
    /// Answer when it has ended, or after this many seconds, 0 to 60. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 0, maximum = 60)]
    pub wait_seconds: Option<i64>,
}

/// The query of `GET /ains/tasks`; every filter narrows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TaskFilter {
    /// Tasks of this client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Tasks in this status; `RUNNING` means ACTIVE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Tasks of this type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_type: Option<String>,
    /// Tasks that require this capability, in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capability: Option<String>,
    /// Tasks that this agent holds, or held last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned_agent_id: Option<String>,
    /// Tasks that were submitted with this graph.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graph_id: Option<String>,
    /// Tasks of this chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain_id: Option<String>,
    /// Tasks that this schedule made, alone or in chains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_id: Option<String>,
    /// Tasks made from this template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_id: Option<String>,
    /// Tasks made at or after this instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>, format = DateTime)]
    pub created_after: Option<Timestamp>,
    /// Tasks made before this instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>, format = DateTime)]
    pub created_before: Option<Timestamp>,
    /// Tasks a page, 1 to 200. Default 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<i64>,
    /// Where the page begins: `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// One page of tasks, newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskList {
    /// The tasks.
    pub tasks: Vec<Task>,
    /// Where the next page begins; null on the last.
    pub next_cursor: Option<String>,
}

/// The body of `POST /ains/tasks/{id}/cancel`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CancelTask {
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The answer to cancelling a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cancelled {
    /// The task.
    pub task_id: String,
    /// CANCELLED.
    #[schema(value_type = TaskStatus)]
    pub status: Word,
    /// When.
    pub cancelled_at: Timestamp,
    /// Why.
    pub reason: Option<String>,
}

/// The body of `PATCH /ains/tasks/{id}`: what to change of an unfinished task. Unknown fields are refused.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchTask {
    /// The new priority, 1 to 10; the task takes a new position in its queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 10)]
    pub priority: Option<i64>,
    /// Seconds that one attempt may take, from the next one on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 86400)]
    pub timeout_seconds: Option<i64>,
    /// Replaces what the client keeps with the task, an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Json>,
    /// Replaces the tasks that must end first, at most 10,000; only while the task is PENDING.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 10000)]
    pub depends_on: Option<Vec<Dependency>>,
}

/// The query of `POST /ains/tasks/{id}/retry`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RetryQuery {
    /// Also reset the tasks that failed because of this one. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cascade: Option<bool>,
}

/// The answer of `GET /ains/tasks/{id}/attempts`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attempts {
    /// Every hand-out of the task, oldest first.
    pub attempts: Vec<Attempt>,
}

/// One hand-out of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attempt {
    /// Its number, from 1.
    pub attempt: u32,
    /// The agent.
    pub agent_id: String,
    /// When the agent got it.
    pub assigned_at: Timestamp,
    /// When the agent started it.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    #[schema(value_type = crate::words::AttemptOutcome)]
    pub outcome: Word,
    /// What went wrong.
    pub error_message: Option<String>,
}

/// The answer of `GET /ains/tasks/{id}/why`: why the task is not running.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Why {
    /// The task.
    pub task_id: String,
    /// Where it stands.
    #[schema(value_type = TaskStatus)]
    pub status: Word,
    /// The first gate that is closed; null if the task is not PENDING.
    #[schema(value_type = Option<WhyGate>)]
    pub gate: Option<Word>,
    /// Since when it is; of a task that is not PENDING, since when it is in its status.
    pub since: Timestamp,
    /// The same for people, in one sentence.
    pub detail: String,
    /// The tasks that it waits for, or the next ones before it in its queue; at most 100.
    pub tasks: Vec<String>,
    /// The agents that it is about; at most 100.
    pub agents: Vec<String>,
    /// Its place in its queue, 1 for the next; null if it is in none, or behind 10,000 others.
    pub position: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_submission_keeps_its_input_as_text_and_ignores_what_it_does_not_know() {
        let text = r#"{"client_id":"c","task_type":"t","capability_required":"x:v1","input_data":{"n": 1.0},"new":1,"metadata":null}"#;
        let task: SubmitTask = serde_json::from_str(text).expect("a task");
        assert_eq!(task.input_data.expect("an input").get(), r#"{"n": 1.0}"#);
        assert_eq!((task.priority, task.metadata), (None, None));
    }

    #[test]
    fn a_patch_refuses_what_it_does_not_know() {
        let error = serde_json::from_str::<PatchTask>(r#"{"status":"FAILED"}"#).expect_err("unknown");
        assert!(error.to_string().contains("unknown field `status`"), "{error}");
    }

    #[test]
    fn what_is_unknown_of_a_task_is_null() {
        let text = serde_json::to_string(&Task::default()).expect("JSON");
        assert!(text.contains(r#""result_data":null"#), "{text}");
        assert_eq!(
            serde_json::from_str::<Task>(&text).expect("a task"),
            Task::default()
        );
    }
}
