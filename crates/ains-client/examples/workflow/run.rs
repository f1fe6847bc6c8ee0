//! Runs a workflow: agents of its own, one graph, and what the server recorded of each task.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use ains_client::api::{GraphTask, SubmitGraph, Task, TaskDefaults, TaskFilter};
use ains_client::{Client, Error};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::crew::Crew;
use crate::progress::Progress;
use crate::wfformat::Workflow;

/// Whatever ends a run early.
pub(crate) type Failure = Box<dyn StdError + Send + Sync>;

/// Beyond what it sleeps, a task may take this long; and nothing at all may be done for so long.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest that a task may sleep: the server allows an attempt a day.
pub(crate) const LONGEST_SLEEP: Duration = Duration::from_secs(86_400).saturating_sub(PATIENCE);
/// Who the tasks belong to.
const CLIENT: &str = "workflow-example";
/// Tasks a page, the most there may be.
const PAGE: i64 = 200;

/// What is to be run.
pub(crate) struct Plan<'a> {
    pub(crate) workflow: &'a Workflow,
    pub(crate) sleeps: &'a [Duration],
    pub(crate) agents: usize,
}

/// What came of it.
pub(crate) struct Outcome {
    pub(crate) graph_id: String,
    /// How long the call took that submitted everything.
    pub(crate) submission: Duration,
    /// What the server recorded of each job.
    pub(crate) tasks: Vec<Option<Task>>,
    pub(crate) end: End,
}

/// How a run came to its end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum End {
    /// The agents have done everything.
    Done,
    /// Nothing was done any more.
    StoodStill,
    /// Somebody did not want to wait.
    Stopped,
}

/// The graph as the server took it.
struct Graph {
    id: String,
    /// The id of each job's task.
    tasks: Vec<String>,
    submission: Duration,
}

/// Runs it, until it is done or `stopped`; `None` if it was stopped before there was a graph.
///
/// # Errors
/// When a call fails.
pub(crate) async fn run(
    client: &Client,
    plan: &Plan<'_>,
    mut stopped: watch::Receiver<bool>,
) -> Result<Option<Outcome>, Failure> {
    // Of this run alone, so that nobody else takes its tasks.
    let capability = format!("workflow-{}", &client.mint()[..8]);
    let tasks = plan.workflow.jobs.len();
    let progress = Arc::new(Progress::new(tasks));
    let mut crew = Crew::new(client, &capability, plan.agents, tasks, &progress);
    let mut graph = None;
    let arrival = crew.arrival();
    let work = async {
        arrival.await?;
        graph = Some(submit(client, plan, &capability).await?);
        let longest = plan.sleeps.iter().max().copied().unwrap_or_default();
        let done = progress.finished(longest + PATIENCE).await;
        Ok(if done { End::Done } else { End::StoodStill })
    };
    let end = tokio::select! {
        end = work => end,
        failure = crew.failure() => Err(failure),
        _ = stopped.wait_for(|stopped| *stopped) => Ok(End::Stopped),
    };
    let left = crew.leave().await;
    drop(progress);
    let Some(graph) = graph else {
        end?;
        return Ok(None);
    };
    let recorded = records(client, &graph.id).await;
    let cancelled = match (&end, &recorded) {
        (Ok(End::Done), _) | (_, Err(_)) => Ok(()),
        (_, Ok(recorded)) => cancel(client, recorded.values()).await,
    };
    // What came first is told.
    let end = end?;
    left?;
    let mut recorded = recorded?;
    cancelled?;
    Ok(Some(Outcome {
        tasks: graph.tasks.iter().map(|id| recorded.remove(id)).collect(),
        graph_id: graph.id,
        submission: graph.submission,
        end,
    }))
}

/// Submits everything, in one call.
async fn submit(client: &Client, plan: &Plan<'_>, capability: &str) -> Result<Graph, Failure> {
    let jobs = &plan.workflow.jobs;
    let tasks = jobs.iter().zip(plan.sleeps).map(|(job, sleep)| GraphTask {
        name: job.id.clone(),
        input_data: Some(json!({"seconds": sleep.as_secs_f64()}).into()),
        timeout_seconds: i64::try_from((*sleep + PATIENCE).as_secs()).ok(),
        depends_on: Some(
            job.parents
                .iter()
                .map(|&parent| jobs[parent].id.clone().into())
                .collect(),
        ),
        ..GraphTask::default()
    });
    let body = SubmitGraph {
        client_id: Some(CLIENT.to_owned()),
        defaults: Some(TaskDefaults {
            capability_required: Some(capability.to_owned()),
            task_type: Some("sleep".to_owned()),
            ..TaskDefaults::default()
        }),
        tasks: tasks.collect(),
        ..SubmitGraph::default()
    };
    let begun = Instant::now();
    let mut created = client.submit_graph(&body).await?;
    let submission = begun.elapsed();
    let ids = jobs.iter().map(|job| {
        let id = created.tasks.remove(&job.id);
        id.ok_or_else(|| format!("the server has made no task of `{}`", job.id).into())
    });
    Ok(Graph {
        tasks: ids.collect::<Result<_, Failure>>()?,
        id: created.graph_id,
        submission,
    })
}

/// What the server recorded of the tasks of a graph, by their ids.
async fn records(client: &Client, graph_id: &str) -> Result<HashMap<String, Task>, Error> {
    let mut all = HashMap::new();
    let mut filter = TaskFilter {
        graph_id: Some(graph_id.to_owned()),
        limit: Some(PAGE),
        ..TaskFilter::default()
    };
    loop {
        let page = client.tasks(&filter).await?;
        all.extend(page.tasks.into_iter().map(|task| (task.task_id.clone(), task)));
        filter.cursor = page.next_cursor;
        if filter.cursor.is_none() {
            return Ok(all);
        }
    }
}

/// Cancels what has not ended, since nobody is left to do it. What is blocked ends with what it waits for.
async fn cancel(client: &Client, tasks: impl Iterator<Item = &Task>) -> Result<(), Error> {
    let ended = |task: &Task| matches!(&*task.status, "COMPLETED" | "FAILED" | "CANCELLED");
    for task in tasks.filter(|task| !ended(task) && !task.is_blocked) {
        let reason = Some("the workflow was given up");
        client.cancel_task(&task.task_id, reason).await?;
    }
    Ok(())
}
