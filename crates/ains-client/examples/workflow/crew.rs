//! The agents: one process holds them all, and they leave with it.

use std::sync::Arc;
use std::time::Duration;

use ains_client::worker::Summary;
use ains_client::{Client, Error, Task, TaskError, Worker};
use futures_util::future;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::progress::Progress;

/// The most tasks that an agent may hold at once.
const HOLDS: usize = 10_000;
/// Tasks that may become ready at once for each agent. One claim brings at most 100, so several agents share more out
/// faster than one; measured with 1,500 ready at once, four did best.
const EACH: usize = 400;
/// More agents than this only add requests.
const MOST: usize = 8;
/// How long what still sleeps may go on when the agents are to leave.
const DRAIN: Duration = Duration::from_millis(250);
/// Between two looks whether an agent has arrived.
const LOOK: Duration = Duration::from_millis(20);

/// How many agents take up a level of `width` tasks without delay.
pub(crate) fn enough(width: usize) -> usize {
    width.div_ceil(EACH).clamp(1, MOST)
}

/// Agents at work.
pub(crate) struct Crew {
    client: Client,
    ids: Vec<String>,
    workers: JoinSet<Result<Summary, Error>>,
    leave: watch::Sender<bool>,
}

impl Crew {
    /// Starts agents that provide `capability`. Each takes as many as all `tasks` at once, so that a task that is ready
    /// never waits for an agent.
    pub(crate) fn new(
        client: &Client,
        capability: &str,
        agents: usize,
        tasks: usize,
        progress: &Arc<Progress>,
    ) -> Self {
        let mut crew = Self {
            client: client.clone(),
            ids: (1..=agents)
                .map(|number| format!("{capability}-{number}"))
                .collect(),
            workers: JoinSet::new(),
            leave: watch::Sender::new(false),
        };
        for id in &crew.ids {
            let mut leave = crew.leave.subscribe();
            let worker = Worker::new(client.clone(), id)
                .description("sleeps, for the workflow example")
                .capability(capability)
                .concurrency(tasks.min(HOLDS))
                .drain_within(DRAIN)
                .without_signals()
                .shutdown_on(async move {
                    let _ = leave.wait_for(|leave| *leave).await;
                });
            let progress = Arc::clone(progress);
            crew.workers
                .spawn(worker.run(move |task| sleep(task, Arc::clone(&progress))));
        }
        crew
    }

    /// Waits until the server knows all of them, and what they can do.
    pub(crate) fn arrival(&self) -> impl Future<Output = Result<(), Error>> + use<> {
        let (client, ids) = (self.client.clone(), self.ids.clone());
        async move {
            for id in &ids {
                loop {
                    match client.agent(id).await {
                        Ok(agent) if !agent.capabilities.is_empty() => break,
                        Err(error) if error.status() != Some(404) => return Err(error),
                        _ => tokio::time::sleep(LOOK).await,
                    }
                }
            }
            Ok(())
        }
    }

    /// Why an agent ended; as long as none does, this waits.
    pub(crate) async fn failure(&mut self) -> Box<dyn std::error::Error + Send + Sync> {
        match self.workers.join_next().await {
            Some(Ok(Err(error))) => error.into(),
            Some(Err(broken)) => broken.into(),
            Some(Ok(Ok(_))) | None => "an agent left".into(),
        }
    }

    /// Lets them report what is done, give back what is not, and unregister.
    ///
    /// # Errors
    /// When one could not be unregistered.
    pub(crate) async fn leave(mut self) -> Result<(), Error> {
        self.leave.send_replace(true);
        while self.workers.join_next().await.is_some() {}
        let goodbyes = self.ids.iter().map(|id| self.client.delete_agent(id, true));
        for answer in future::join_all(goodbyes).await {
            match answer {
                // One that had not come yet is not there either.
                Err(error) if error.status() != Some(404) => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

/// What the agents do.
async fn sleep(task: Task, progress: Arc<Progress>) -> Result<Value, TaskError> {
    let seconds: f64 = task.input_field("seconds")?;
    let sleep =
        Duration::try_from_secs_f64(seconds).map_err(|error| TaskError::permanent(error.to_string()))?;
    tokio::time::sleep(sleep).await;
    progress.done(&task.task_id);
    Ok(json!({"slept": seconds}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_workflows_get_more_agents() {
        assert_eq!([1, 400, 401, 1500, 10_000].map(enough), [1, 1, 2, 4, 8]);
    }
}
