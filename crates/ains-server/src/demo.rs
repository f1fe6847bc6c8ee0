//! `--demo`: three agents do real work on real files, through the real server.
//!
//! The agents reach the server over HTTP with the SDK, as any agent does, and the tasks are submitted in the same way. One of
//! the agents fails now and then on purpose, so that retries and trust can be seen. The demo ends well only if the server
//! says of every task that it is COMPLETED; then the agents stay, for whoever wants to go on.

mod crew;
mod figures;
mod files;
mod kinds;
mod progress;
mod show;
mod tables;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ains_client::Client;
use ains_client::api::{BatchSubmit, SubmitTask};
use anyhow::{Context as _, bail};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};

use crew::Crew;
use figures::Figures;
use files::Files;
use kinds::Kind;
use progress::Progress;

/// The demo, before it runs.
pub(crate) struct Demo {
    root: PathBuf,
    files: Files,
}

/// What an agent must provide to get a task of the demo.
const CAPABILITY: &str = "text:v1";

/// The tasks arrive over this time, so that latencies tell about the server and not about a queue.
const ARRIVAL: Duration = Duration::from_secs(6);

/// Between two submissions.
const TICK: Duration = Duration::from_millis(50);

/// Seconds an attempt may take. What takes more than half of it earns less trust (semantics.md §5), as the slow agent does.
const TIMEOUT: i64 = 3;

/// Attempts after the first; more than the agent that fails on purpose uses up.
const RETRIES: i64 = 5;

/// Without a completion for so long, the demo has failed.
const PATIENCE: Duration = Duration::from_secs(30);

impl Demo {
    /// Looks for files under `root`.
    ///
    /// # Errors
    /// When there is no text file.
    pub(crate) fn prepare(root: &Path) -> anyhow::Result<Self> {
        let files = Files::under(root);
        if files.paths.is_empty() {
            bail!("there is no text file of at most 1 MiB under {}", root.display());
        }
        Ok(Self {
            root: root.to_owned(),
            files,
        })
    }

    /// Runs it, then keeps the agents until `stopped`.
    ///
    /// # Errors
    /// When an agent cannot work, or not every task ends as COMPLETED.
    pub(crate) async fn run(
        self,
        client: Client,
        key: Option<String>,
        seed: Option<u64>,
        stopped: watch::Receiver<bool>,
    ) -> anyhow::Result<()> {
        let tasks = self.files.paths.len() * Kind::ALL.len();
        show::begins(&self.root, &self.files, tasks);
        let progress = Arc::new(Progress::new(tasks));
        let mut crew = Crew::new(&client, &self.root, &progress, seed, stopped.clone()).await?;
        let mut asked = stopped.clone();
        let ended = tokio::select! {
            figures = self.work(&client, &progress) => figures.map(Some),
            failure = crew.failure() => Err(failure),
            _ = asked.wait_for(|stopped| *stopped) => Ok(None),
        };
        progress.clear();
        let Some(figures) = ended? else {
            crew.gone().await;
            return Ok(());
        };
        let agents = crew.standings(&client).await?;
        show::ends(&figures, &agents);
        show::next(client.url(), key.as_deref(), self.files.example());
        tokio::select! {
            failure = crew.failure() => return Err(failure),
            _ = asked.wait_for(|stopped| *stopped) => {}
        }
        crew.gone().await;
        Ok(())
    }

    /// Submits everything, waits for its end, and reads what came of it.
    async fn work(&self, client: &Client, progress: &Progress) -> anyhow::Result<Figures> {
        let owner = format!("demo-{}", &client.mint()[..8]);
        let begun = Instant::now();
        self.submit(client, &owner, progress)
            .await
            .context("a submission failed")?;
        loop {
            progress.finished(PATIENCE).await?;
            let figures = Figures::read(client, &owner).await?;
            // A result may still be on its way to the server.
            if figures.unfinished == 0 || progress.idle_for(PATIENCE) {
                figures.verify(progress.tasks())?;
                return Ok(Figures {
                    took: begun.elapsed(),
                    ..figures
                });
            }
            tokio::time::sleep(TICK).await;
        }
    }

    /// Submits one task for each file and kind, a few at a time.
    async fn submit(&self, client: &Client, owner: &str, progress: &Progress) -> anyhow::Result<()> {
        let mut waiting = self
            .files
            .paths
            .iter()
            .flat_map(|path| Kind::ALL.map(|kind| task(path, kind)));
        let ticks = usize::try_from(ARRIVAL.as_millis() / TICK.as_millis()).unwrap_or(1);
        let at_once = progress.tasks().div_ceil(ticks);
        let mut clock = tokio::time::interval(TICK);
        clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
        loop {
            let tasks: Vec<_> = waiting.by_ref().take(at_once).collect();
            if tasks.is_empty() {
                return Ok(());
            }
            clock.tick().await;
            client
                .submit_batch(&BatchSubmit {
                    tasks,
                    atomic: Some(true),
                    client_id: Some(owner.to_owned()),
                })
                .await?;
        }
    }
}

fn task(path: &str, kind: Kind) -> SubmitTask {
    SubmitTask {
        task_type: Some(kind.name().to_owned()),
        capability_required: Some(CAPABILITY.to_owned()),
        input_data: Some(json!({"path": path}).into()),
        routing_strategy: Some(kind.strategy().to_owned()),
        timeout_seconds: Some(TIMEOUT),
        max_retries: Some(RETRIES),
        ..SubmitTask::default()
    }
}
