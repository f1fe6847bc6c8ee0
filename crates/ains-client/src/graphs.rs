//! Calls about what tasks wait for: graphs submitted as a whole, and what can be seen of them.

use ains_api::{GraphCreated, GraphQuery, SubmitGraph, TaskDependencies, TaskDependents, TaskGraph, Why};
use reqwest::Method;

use crate::client::{Call, segment};
use crate::{Client, Error};

/// A look at a task from one side.
fn look(task_id: &str, at: &str) -> Call {
    Call::get(format!("/ains/tasks/{}/{at}", segment(task_id)))
}

impl Client {
    /// Submits 1 to 10,000 tasks that wait for each other, all or none: `POST /ains/tasks/graph`.
    ///
    /// ```no_run
    /// use ains_client::Client;
    /// use ains_client::api::{GraphTask, SubmitGraph, TaskDefaults};
    ///
    /// # async fn example(client: Client) -> Result<(), ains_client::Error> {
    /// let task = |name: &str, after: &[&str]| GraphTask {
    ///     name: name.into(),
    ///     depends_on: Some(after.iter().map(|name| (*name).into()).collect()),
    ///     ..GraphTask::default()
    /// };
    /// let graph = SubmitGraph {
    ///     client_id: Some("me".into()),
    ///     defaults: Some(TaskDefaults {
    ///         task_type: Some("job".into()),
    ///         capability_required: Some("text:v1".into()),
    ///         ..TaskDefaults::default()
    ///     }),
    ///     tasks: vec![
    ///         task("split", &[]),
    ///         task("left", &["split"]),
    ///         task("right", &["split"]),
    ///         task("join", &["left", "right"]),
    ///     ],
    ///     edges: None,
    /// };
    /// let created = client.submit_graph(&graph).await?;
    /// client.wait_for_task(&created.tasks["join"], 60).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// If anything in it is refused (422, with every fault), a task is to wait for one that does not exist (404), or the
    /// call fails.
    pub async fn submit_graph(&self, graph: &SubmitGraph) -> Result<GraphCreated, Error> {
        self.call_with(
            Call::once(Method::POST, "/ains/tasks/graph").keyed(self.idempotency_key()),
            graph,
        )
        .await
    }

    /// Reads what a task waits or waited for: `GET /ains/tasks/{id}/dependencies`.
    ///
    /// # Errors
    ///
    /// If there is no such task (404), or the call fails.
    pub async fn task_dependencies(&self, task_id: &str) -> Result<TaskDependencies, Error> {
        self.call(look(task_id, "dependencies")).await
    }

    /// Reads which tasks wait or waited for a task: `GET /ains/tasks/{id}/dependents`.
    ///
    /// # Errors
    ///
    /// If there is no such task (404), or the call fails.
    pub async fn task_dependents(&self, task_id: &str) -> Result<TaskDependents, Error> {
        self.call(look(task_id, "dependents")).await
    }

    /// Reads the dependency graph around a task: `GET /ains/tasks/{id}/graph`.
    ///
    /// # Errors
    ///
    /// If there is no such task (404), the query is refused (422), or the call fails.
    pub async fn task_graph(&self, task_id: &str, query: &GraphQuery) -> Result<TaskGraph, Error> {
        self.call_with_query(look(task_id, "graph"), query).await
    }

    /// Reads why a task is not running: `GET /ains/tasks/{id}/why`.
    ///
    /// # Errors
    ///
    /// If there is no such task (404), or the call fails.
    pub async fn why(&self, task_id: &str) -> Result<Why, Error> {
        self.call(look(task_id, "why")).await
    }
}
