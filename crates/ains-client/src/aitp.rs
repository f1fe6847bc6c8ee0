//! Calls of the earlier task protocol, `/aitp`, for programs that move over step by step.

use ains_api::{
    AitpBatch, AitpBatchAnswer, AitpBatchCancel, AitpBatchCancelled, AitpBatchStatus, AitpFilter,
    AitpPriorityAnswer, AitpStatusAnswer, AitpStatusUpdate, AitpSubmitTask, AitpTask, AitpTaskCreated,
    AitpTaskList, AitpTimeoutAnswer, Cancelled, RetryAnswer,
};
use reqwest::Method;

use crate::client::{Call, segment};
use crate::{Client, Error};

/// The path of a task, and of what is below it.
fn path(task_id: &str, rest: &str) -> String {
    format!("/aitp/tasks/{}{rest}", segment(task_id))
}

impl Client {
    /// Submits a task: `POST /aitp/tasks`.
    ///
    /// # Errors
    ///
    /// If the client is no agent or nobody provides the capability (400), or the call fails.
    pub async fn aitp_submit(&self, task: &AitpSubmitTask) -> Result<AitpTaskCreated, Error> {
        self.call_with(
            Call::once(Method::POST, "/aitp/tasks").keyed(self.idempotency_key()),
            task,
        )
        .await
    }

    /// Reads one page of tasks: `GET /aitp/tasks`.
    ///
    /// # Errors
    ///
    /// If a filter is refused (422), or the call fails.
    pub async fn aitp_tasks(&self, filter: &AitpFilter) -> Result<AitpTaskList, Error> {
        self.call_with_query(Call::get("/aitp/tasks"), filter).await
    }

    /// Reads a task: `GET /aitp/tasks/{id}`.
    ///
    /// # Errors
    ///
    /// If there is no such task (404), or the call fails.
    pub async fn aitp_task(&self, task_id: &str) -> Result<AitpTask, Error> {
        self.call(Call::get(path(task_id, ""))).await
    }

    /// Reports on a task: `PUT /aitp/tasks/{id}/status`.
    ///
    /// # Errors
    ///
    /// If the agent does not hold the task (403), the step is not possible (400), or the call fails.
    pub async fn aitp_set_status(
        &self,
        task_id: &str,
        agent_id: &str,
        update: &AitpStatusUpdate,
    ) -> Result<AitpStatusAnswer, Error> {
        self.call_with(
            Call::once(Method::PUT, path(task_id, "/status")).with("agent_id", agent_id),
            update,
        )
        .await
    }

    /// Cancels a task: `DELETE /aitp/tasks/{id}`.
    ///
    /// # Errors
    ///
    /// If the task is another client's (403) or has ended (400), or the call fails.
    pub async fn aitp_cancel(
        &self,
        task_id: &str,
        client_id: &str,
        reason: Option<&str>,
    ) -> Result<Cancelled, Error> {
        let call = Call::once(Method::DELETE, path(task_id, "")).with("client_id", client_id);
        self.call(if let Some(reason) = reason {
            call.with("reason", reason)
        } else {
            call
        })
        .await
    }

    /// Changes the priority of a task, 1 to 10: `PUT /aitp/tasks/{id}/priority`.
    ///
    /// # Errors
    ///
    /// If the task is another client's (403) or has ended (400), or the call fails.
    pub async fn aitp_set_priority(
        &self,
        task_id: &str,
        client_id: &str,
        new_priority: u8,
    ) -> Result<AitpPriorityAnswer, Error> {
        let call = Call::repeatable(Method::PUT, path(task_id, "/priority"));
        self.call(
            call.with("new_priority", new_priority)
                .with("client_id", client_id),
        )
        .await
    }

    /// Changes the time-out of a task, 1 to 86400 seconds: `PUT /aitp/tasks/{id}/timeout`.
    ///
    /// # Errors
    ///
    /// If the task is another client's (403) or has ended (400), or the call fails.
    pub async fn aitp_set_timeout(
        &self,
        task_id: &str,
        client_id: &str,
        timeout_seconds: u32,
    ) -> Result<AitpTimeoutAnswer, Error> {
        let call = Call::repeatable(Method::PUT, path(task_id, "/timeout"));
        self.call(
            call.with("timeout_seconds", timeout_seconds)
                .with("client_id", client_id),
        )
        .await
    }

    /// Tries a FAILED task again: `POST /aitp/tasks/{id}/retry`.
    ///
    /// # Errors
    ///
    /// If it is not FAILED or has no retry left (400), or the call fails.
    pub async fn aitp_retry(&self, task_id: &str) -> Result<RetryAnswer, Error> {
        self.call(Call::once(Method::POST, path(task_id, "/retry"))).await
    }

    /// Submits 1 to 1,000 tasks: `POST /aitp/tasks/batch`.
    ///
    /// # Errors
    ///
    /// If one of them is refused (422), or the call fails.
    pub async fn aitp_submit_batch(&self, batch: &AitpBatch) -> Result<AitpBatchAnswer, Error> {
        self.call_with(
            Call::once(Method::POST, "/aitp/tasks/batch").keyed(self.idempotency_key()),
            batch,
        )
        .await
    }

    /// Reads where tasks stand: `GET /aitp/tasks/batch/status`.
    ///
    /// # Errors
    ///
    /// If the call fails.
    pub async fn aitp_batch_status(&self, task_ids: &[impl AsRef<str>]) -> Result<AitpBatchStatus, Error> {
        let ids: Vec<_> = task_ids.iter().map(AsRef::as_ref).collect();
        self.call(Call::get("/aitp/tasks/batch/status").with("task_ids", ids.join(",")))
            .await
    }

    /// Cancels many tasks: `POST /aitp/tasks/batch/cancel`.
    ///
    /// # Errors
    ///
    /// If the call fails. A task that cannot be cancelled is named in the answer.
    pub async fn aitp_cancel_batch(&self, batch: &AitpBatchCancel) -> Result<AitpBatchCancelled, Error> {
        self.call_with(Call::once(Method::POST, "/aitp/tasks/batch/cancel"), batch)
            .await
    }
}
