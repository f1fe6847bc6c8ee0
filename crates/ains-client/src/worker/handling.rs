//! Runs the handler on one task: catches its panic, drops it when the task is cancelled, and renews the lease meanwhile.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use ains_api::{Json, TaskResult};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::task::JoinSet;

use super::{Task, TaskError};

/// The program's function, with its future boxed.
pub(super) type Handler = Arc<dyn Fn(Task) -> BoxFuture<'static, Result<Value, TaskError>> + Send + Sync>;

/// How a handler ended.
pub(super) struct Ended {
    pub(super) task_id: String,
    pub(super) attempt: u32,
    /// What to report; `None` if the handler was dropped.
    pub(super) result: Option<TaskResult>,
}

/// Runs the handler on one task, to its end or until the task is cancelled.
pub(super) async fn handle(handler: Handler, task: Task) -> Ended {
    let outcome = run(&handler, &task).await;
    let result = outcome.map(|outcome| TaskResult {
        task_id: task.task_id.clone(),
        attempt: Some(task.attempt.into()),
        ..result(outcome)
    });
    Ended {
        task_id: task.task_id.clone(),
        attempt: task.attempt,
        result,
    }
}

async fn run(handler: &Handler, task: &Task) -> Option<Result<Value, TaskError>> {
    if task.status == "ASSIGNED" && task.start().await.is_err() {
        return None;
    }
    // Renewed by a task of its own, so that a handler that computes for long without an await keeps its lease.
    let mut renewals = JoinSet::new();
    if let Some(limit) = task.heartbeat_timeout_seconds {
        renewals.spawn(renew(task.clone(), Duration::from_secs(limit.into()) / 3));
    }
    tokio::select! {
        // First the handler, so that one that waits for `cancelled()` itself gets a last word.
        biased;
        outcome = AssertUnwindSafe(handler(task.clone())).catch_unwind() => {
            Some(outcome.unwrap_or_else(|panic| Err(panicked(&*panic))))
        }
        () = task.cancelled() => None,
    }
}

/// Renews the lease of a task at this interval, until it is aborted.
async fn renew(task: Task, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        if let Err(error) = task.renew().await {
            tracing::warn!(task_id = task.task_id, %error, "could not renew a lease");
        }
    }
}

/// The failure that a panic is.
fn panicked(panic: &(dyn Any + Send)) -> TaskError {
    let about = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text.as_str(),
        _ => "no message",
    };
    TaskError {
        message: format!("the handler panicked: {about}"),
        retryable: None,
        retry_after: None,
    }
}

/// What to report of an outcome; the task is filled in by the caller.
fn result(outcome: Result<Value, TaskError>) -> TaskResult {
    match outcome {
        Ok(value) => TaskResult {
            status: "COMPLETED".to_owned(),
            result_data: Some(Json::from(value)),
            ..TaskResult::default()
        },
        Err(error) => TaskResult {
            status: "FAILED".to_owned(),
            error_message: Some(error.message),
            retryable: error.retryable,
            retry_after_seconds: error.retry_after.map(whole_seconds),
            ..TaskResult::default()
        },
    }
}

/// Seconds, rounded up.
fn whole_seconds(pause: Duration) -> i64 {
    let seconds = pause.as_secs() + u64::from(pause.subsec_nanos() > 0);
    i64::try_from(seconds).unwrap_or(i64::MAX)
}
