//! Holds a task in the hands of a handler.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use ains_api::{ProgressReport, StartReport};
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use super::TaskError;
use crate::{Client, Error, api};

/// A task in the hands of a handler; all fields of the wire type [`api::Task`] are there. Cloning is cheap.
#[derive(Clone)]
pub struct Task {
    wire: Arc<api::Task>,
    cancel: Cancel,
    agent_id: Arc<str>,
    client: Client,
}

/// The signal that a task is no longer wanted.
#[derive(Clone)]
pub(crate) struct Cancel(watch::Sender<bool>);

impl Cancel {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    pub(crate) fn cancel(&self) {
        self.0.send_replace(true);
    }

    fn is_cancelled(&self) -> bool {
        *self.0.borrow()
    }

    pub(crate) async fn cancelled(&self) {
        let mut receiver = self.0.subscribe();
        receiver
            .wait_for(|cancelled| *cancelled)
            .await
            .expect("the sender is held here");
    }
}

impl Task {
    pub(crate) fn new(task: api::Task, cancel: Cancel, agent_id: Arc<str>, client: Client) -> Self {
        Self {
            wire: Arc::new(task),
            cancel,
            agent_id,
            client,
        }
    }

    /// Reads the whole input.
    ///
    /// # Errors
    ///
    /// If it has another shape than `T`: a [permanent](TaskError::permanent) failure.
    pub fn input<T: DeserializeOwned>(&self) -> Result<T, TaskError> {
        self.input_data
            .to()
            .map_err(|error| TaskError::permanent(format!("invalid input: {error}")))
    }

    /// Reads one field of the input.
    ///
    /// # Errors
    ///
    /// If it is missing or has another shape than `T`: a [permanent](TaskError::permanent) failure.
    pub fn input_field<T: DeserializeOwned>(&self, name: &str) -> Result<T, TaskError> {
        let mut fields: serde_json::Map<String, serde_json::Value> = self.input()?;
        let field = fields.remove(name).unwrap_or_default();
        serde_json::from_value(field)
            .map_err(|error| TaskError::permanent(format!("invalid input: `{name}`: {error}")))
    }

    /// Tells the server how far the task is: `percent` from 0 to 100, and what is being done.
    ///
    /// # Errors
    ///
    /// If the call fails; most handlers go on all the same. If the task is no longer this agent's, the handler is dropped
    /// at its next await.
    pub async fn progress(&self, percent: f64, message: impl Into<String>) -> Result<(), Error> {
        self.report(Some(percent), Some(message.into())).await
    }

    /// Ends when the task is cancelled, or no longer this agent's. The handler is dropped then anyway; this is for work that goes
    /// on elsewhere.
    pub async fn cancelled(&self) {
        self.cancel.cancelled().await;
    }

    /// Whether the task is cancelled, or no longer this agent's: for work that blocks.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// Renews the lease without a word.
    pub(crate) async fn renew(&self) -> Result<(), Error> {
        self.report(None, None).await
    }

    /// Says that work begins, on a task that was handed out without being started.
    pub(crate) async fn start(&self) -> Result<(), Error> {
        let start = StartReport {
            agent_id: self.agent_id.to_string(),
            attempt: Some(self.attempt.into()),
        };
        self.client.start_task(&self.task_id, &start).await.map(drop)
    }

    async fn report(&self, percent: Option<f64>, message: Option<String>) -> Result<(), Error> {
        let progress = ProgressReport {
            agent_id: self.agent_id.to_string(),
            attempt: Some(self.attempt.into()),
            percent,
            message,
            data: None,
        };
        let answer = self.client.progress(&self.task_id, &progress).await;
        let lost = match &answer {
            Ok(answer) => answer.status != "ACTIVE",
            Err(error) => matches!(error.status(), Some(404 | 409)),
        };
        if lost {
            self.cancel.cancel();
        }
        answer.map(drop)
    }
}

impl Deref for Task {
    type Target = api::Task;

    fn deref(&self) -> &api::Task {
        &self.wire
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.wire.fmt(f)
    }
}
