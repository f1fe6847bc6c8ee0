//! Registers the agents of a run, and lets them take and complete tasks as fast as they can.

use std::sync::Arc;
use std::time::Duration;

use ains_api::{AgentReport, AgentReportAnswer, ClaimRequest, Json, RegisterAgent, Task, TaskResult};
use ains_client::AgentKey;
use anyhow::Context as _;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::plan::Plan;
use crate::progress::Progress;

/// Seconds that an agent without work waits for some.
const IDLE: i64 = 1;
/// Seconds between heartbeats that the server may expect: longer than any run without calls.
const SILENCE: i64 = 3600;

/// What an agent did.
#[derive(Default)]
pub(crate) struct Worked {
    /// Measured tasks whose completion was acknowledged, one entry an acknowledgement.
    pub(crate) completed: Vec<String>,
    pub(crate) backlog_completed: usize,
    /// How long each request took that brought or took something.
    pub(crate) requests: Vec<Duration>,
    /// How old each measured task was when it was handed out.
    pub(crate) ages: Vec<Duration>,
}

impl Worked {
    pub(crate) fn merge(&mut self, other: Self) {
        self.completed.extend(other.completed);
        self.backlog_completed += other.backlog_completed;
        self.requests.extend(other.requests);
        self.ages.extend(other.ages);
    }

    /// A task was handed out: how it is completed.
    pub(crate) fn handle(&mut self, plan: &Plan, task: Task, output: &Json) -> TaskResult {
        if plan.is_measured(&task.client_id) {
            self.ages.extend(plan.age(&task));
        }
        TaskResult {
            attempt: Some(task.attempt.into()),
            task_id: task.task_id,
            status: "COMPLETED".to_owned(),
            result_data: Some(output.clone()),
            ..TaskResult::default()
        }
    }

    /// The server has answered; how many measured tasks are done by it.
    pub(crate) fn acknowledge(&mut self, answer: &mut AgentReportAnswer, measured: &[bool]) -> usize {
        let before = self.completed.len();
        for (result, measured) in answer.results.drain(..).zip(measured) {
            if result.status.as_deref() == Some("COMPLETED") {
                if *measured {
                    self.completed.push(result.task_id);
                } else {
                    self.backlog_completed += 1;
                }
            }
        }
        self.completed.len() - before
    }
}

/// Registers agents, and lets each claim once: an agent that has claimed is not pushed work that it did not ask for.
pub(crate) async fn register(plan: &Arc<Plan>, agents: usize) -> anyhow::Result<()> {
    let key = AgentKey::generate();
    for number in 0..agents {
        let (agent_id, endpoint) = (plan.agent_id(number), "https://agents.invalid/load".to_owned());
        let agent = RegisterAgent {
            public_key: key.public_hex(),
            display_name: agent_id.clone(),
            signature: key.sign(&[&agent_id, &endpoint]),
            tags: Some(vec![plan.capability().to_owned()]),
            heartbeat_interval_seconds: Some(SILENCE),
            // What is being reported still counts while the next claim is judged.
            max_concurrency: i64::try_from(4 * plan.claim()).ok().map(|tasks| tasks.max(100)),
            agent_id: agent_id.clone(),
            endpoint,
            ..RegisterAgent::default()
        };
        let client = plan.client(number);
        client
            .register_agent(&agent)
            .await
            .context("an agent could not be registered")?;
        let claim = ClaimRequest {
            max: Some(1),
            wait_seconds: Some(0),
            ..ClaimRequest::default()
        };
        let answer = client
            .claim(&agent_id, &claim)
            .await
            .context("an agent could not claim")?;
        anyhow::ensure!(
            answer.tasks.is_empty(),
            "a new agent was given a task of another run"
        );
    }
    Ok(())
}

/// Lets every agent take and complete tasks until all measured ones are done.
pub(crate) async fn work(
    plan: &Arc<Plan>,
    agents: usize,
    progress: &Arc<Progress>,
    window: Option<Arc<Semaphore>>,
) -> anyhow::Result<Worked> {
    let mut loops = JoinSet::new();
    for number in 0..agents {
        let (plan, progress, window) = (Arc::clone(plan), Arc::clone(progress), window.clone());
        loops.spawn(async move { one(&plan, number, &progress, window).await });
    }
    let mut all = Worked::default();
    while let Some(worked) = loops.join_next().await {
        all.merge(worked.context("an agent panicked")??);
    }
    Ok(all)
}

async fn one(
    plan: &Plan,
    number: usize,
    progress: &Progress,
    window: Option<Arc<Semaphore>>,
) -> anyhow::Result<Worked> {
    let (client, agent_id) = (plan.client(number), plan.agent_id(number));
    let output = Json::from_text("{\"done\":true}".to_owned()).expect("JSON");
    let max = i64::try_from(plan.claim()).ok();
    let mut worked = Worked::default();
    let (mut report, mut measured) = (AgentReport::default(), Vec::new());
    loop {
        // Results are not kept waiting for new work: only an agent with empty hands waits.
        let wait = if report.results.is_empty() { IDLE } else { 0 };
        let claim_id = plan.stubborn.then(|| client.mint());
        report.claim = Some(ClaimRequest {
            max,
            wait_seconds: Some(wait),
            capabilities: None,
            claim_id,
        });
        let begun = Instant::now();
        let mut answer = tokio::select! {
            answer = client.report(&agent_id, &report) => answer.context("a report failed")?,
            _ = progress.end() => return Ok(worked),
        };
        if !report.results.is_empty() || !answer.tasks.is_empty() {
            worked.requests.push(begun.elapsed());
        }
        let done = worked.acknowledge(&mut answer, &measured);
        if let Some(window) = &window {
            window.add_permits(done);
        }
        progress.add(done);
        report.results.clear();
        measured.clear();
        for task in answer.tasks {
            measured.push(plan.is_measured(&task.client_id));
            report.results.push(worked.handle(plan, task, &output));
        }
    }
}
