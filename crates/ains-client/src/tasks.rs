//! Calls about tasks, from a client's side.

use ains_api::{
    Attempts, BatchAnswer, BatchSubmit, CancelTask, Cancelled, PatchTask, RetryAnswer, SubmitTask, Task,
    TaskCreated, TaskFilter, TaskList,
};
use reqwest::Method;

use crate::client::{Call, LONGEST_WAIT, segment};
use crate::{Client, Error};

impl Client {
    /// Submits a task: `POST /ains/tasks`.
    ///
    /// # Errors
    ///
    /// If the task is refused (422), names a dependency that does not exist (404), or the call fails.
    pub async fn submit(&self, task: &SubmitTask) -> Result<TaskCreated, Error> {
        self.call_with(
            Call::once(Method::POST, "/ains/tasks").keyed(self.idempotency_key()),
            task,
        )
        .await
    }

    /// Submits a task under a key of the caller's: the same key and task within a day give the first answer again.
    ///
    /// # Errors
    ///
    /// As [`submit`](Self::submit); and if the key was used for another task (422).
    pub async fn submit_with_key(
        &self,
        task: &SubmitTask,
        key: impl Into<String>,
    ) -> Result<TaskCreated, Error> {
        self.call_with(
            Call::once(Method::POST, "/ains/tasks").keyed(Some(key.into())),
            task,
        )
        .await
    }

    /// Submits 1 to 1,000 tasks: `POST /ains/tasks/batch`.
    ///
    /// # Errors
    ///
    /// If an atomic batch is refused, or the call fails.
    pub async fn submit_batch(&self, batch: &BatchSubmit) -> Result<BatchAnswer, Error> {
        self.call_with(
            Call::once(Method::POST, "/ains/tasks/batch").keyed(self.idempotency_key()),
            batch,
        )
        .await
    }

    /// Reads a task: `GET /ains/tasks/{id}`.
    ///
    /// # Errors
    ///
    /// If there is no such task (404), or the call fails.
    pub async fn task(&self, task_id: &str) -> Result<Task, Error> {
        self.call(Call::get(format!("/ains/tasks/{}", segment(task_id))))
            .await
    }

    /// Reads a task when it has ended, or after this many seconds, whichever is first.
    ///
    /// # Errors
    ///
    /// If there is no such task (404), or a call fails.
    pub async fn wait_for_task(&self, task_id: &str, seconds: u64) -> Result<Task, Error> {
        let mut left = seconds;
        loop {
            let wait = left.min(LONGEST_WAIT);
            let call = Call::get(format!("/ains/tasks/{}", segment(task_id))).with("wait_seconds", wait);
            let task: Task = self.call(call.waiting(i64::try_from(wait).ok())).await?;
            left -= wait;
            if left == 0 || matches!(&*task.status, "COMPLETED" | "FAILED" | "CANCELLED") {
                return Ok(task);
            }
        }
    }

    /// Reads one page of tasks: `GET /ains/tasks`.
    ///
    /// # Errors
    ///
    /// If a filter is refused (422), or the call fails.
    pub async fn tasks(&self, filter: &TaskFilter) -> Result<TaskList, Error> {
        self.call_with_query(Call::get("/ains/tasks"), filter).await
    }

    /// Cancels a task: `POST /ains/tasks/{id}/cancel`.
    ///
    /// # Errors
    ///
    /// If the task has ended (400), is not there (404), or the call fails.
    pub async fn cancel_task(&self, task_id: &str, reason: Option<&str>) -> Result<Cancelled, Error> {
        let body = CancelTask {
            reason: reason.map(str::to_owned),
        };
        self.call_with(
            Call::once(Method::POST, format!("/ains/tasks/{}/cancel", segment(task_id))),
            &body,
        )
        .await
    }

    /// Changes an unfinished task: `PATCH /ains/tasks/{id}`.
    ///
    /// # Errors
    ///
    /// If the change is refused, or the call fails.
    pub async fn patch_task(&self, task_id: &str, patch: &PatchTask) -> Result<Task, Error> {
        let call = Call::repeatable(Method::PATCH, format!("/ains/tasks/{}", segment(task_id)));
        self.call_with(call, patch).await
    }

    /// Tries a FAILED task again: `POST /ains/tasks/{id}/retry`; with `cascade` also what failed because of it.
    ///
    /// # Errors
    ///
    /// If the task is not FAILED (400), or the call fails.
    pub async fn retry_task(&self, task_id: &str, cascade: bool) -> Result<RetryAnswer, Error> {
        let call = Call::once(Method::POST, format!("/ains/tasks/{}/retry", segment(task_id)));
        self.call(if cascade { call.with("cascade", true) } else { call })
            .await
    }

    /// Reads every hand-out of a task: `GET /ains/tasks/{id}/attempts`.
    ///
    /// # Errors
    ///
    /// If there is no such task (404), or the call fails.
    pub async fn task_attempts(&self, task_id: &str) -> Result<Attempts, Error> {
        self.call(Call::get(format!("/ains/tasks/{}/attempts", segment(task_id))))
            .await
    }
}
