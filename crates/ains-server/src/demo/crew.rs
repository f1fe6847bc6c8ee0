//! The three agents: who they are, how they work, and how they stand with the server.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ains_client::{Client, Error, Task, TaskError, Worker};
use anyhow::{Context as _, anyhow};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::files::LARGEST;
use super::kinds::Kind;
use super::progress::Progress;
use super::{CAPABILITY, TICK};

/// What makes an agent different from the others.
pub(super) struct Character {
    pub(super) id: &'static str,
    pub(super) about: &'static str,
    /// Tasks at once.
    concurrency: usize,
    /// What each task takes beyond the work itself, as a model or a remote service would.
    pause: Duration,
    /// How often it fails on purpose, as a part of its attempts.
    failures: f64,
}

/// The agents. The slow one needs more than half of the time-out, so a success of its own earns less trust than one of the
/// others, and a failure costs it more than two successes earn.
pub(super) const CREW: [Character; 3] = [
    Character {
        id: "demo-swift",
        about: "quick, 32 tasks at once",
        concurrency: 32,
        pause: Duration::from_millis(25),
        failures: 0.0,
    },
    Character {
        id: "demo-steady",
        about: "takes its time, 12 tasks at once",
        concurrency: 12,
        pause: Duration::from_millis(120),
        failures: 0.0,
    },
    Character {
        id: "demo-shaky",
        about: "slow, 12 tasks at once, fails now and then on purpose",
        concurrency: 12,
        pause: Duration::from_millis(1600),
        failures: 0.3,
    },
];

/// Where the randomness of the failures begins unless a seed is set.
const SEED: u64 = 2;

/// Retries that a task may have used when an agent fails it on purpose: then one of the remaining ones completes it.
const SPARED_AFTER: u32 = 1;

/// How long an agent that is asked to leave may go on with what it has.
const DRAIN: Duration = Duration::from_secs(2);

/// How long the agents may take to register.
const ARRIVAL: Duration = Duration::from_secs(10);

/// The agents at work.
pub(super) struct Crew {
    workers: JoinSet<anyhow::Error>,
    before: Vec<Standing>,
}

/// What the server says of an agent.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Standing {
    pub(super) id: &'static str,
    /// Failed attempts.
    pub(super) failed: u64,
    /// 0 to 1.
    pub(super) trust: f64,
    /// Seconds from start to completion.
    pub(super) mean: Option<f64>,
}

/// How an agent stood before and after.
pub(super) type Change = (Standing, Standing);

impl Crew {
    /// Starts the agents, and waits until the server knows them.
    pub(super) async fn new(
        client: &Client,
        root: &Path,
        progress: &Arc<Progress>,
        seed: Option<u64>,
        stopped: watch::Receiver<bool>,
    ) -> anyhow::Result<Self> {
        let mut crew = Self {
            workers: JoinSet::new(),
            before: Vec::new(),
        };
        for character in &CREW {
            crew.before
                .push(standing(client, character.id).await?.unwrap_or(Standing {
                    id: character.id,
                    failed: 0,
                    trust: 0.5,
                    mean: None,
                }));
            let hand = Arc::new(Hand {
                character,
                root: root.to_owned(),
                progress: Arc::clone(progress),
                chance: Mutex::new(Chance {
                    rng: StdRng::seed_from_u64(seed.unwrap_or(SEED)),
                    begun: false,
                }),
            });
            let mut stopped = stopped.clone();
            let worker = Worker::new(client.clone(), character.id)
                .description(character.about)
                .capability(CAPABILITY)
                .concurrency(character.concurrency)
                .drain_within(DRAIN)
                .without_signals()
                .shutdown_on(async move {
                    let _ = stopped.wait_for(|stopped| *stopped).await;
                });
            crew.workers.spawn(async move {
                match worker.run(move |task| work(Arc::clone(&hand), task)).await {
                    Ok(_) => anyhow!("the agent {} left", character.id),
                    Err(error) => {
                        anyhow::Error::new(error).context(format!("the agent {} cannot work", character.id))
                    }
                }
            });
        }
        let arrived = tokio::time::timeout(ARRIVAL, arrival(client));
        tokio::select! {
            arrived = arrived => arrived.context("the agents did not register in time")??,
            failure = crew.failure() => return Err(failure),
        }
        Ok(crew)
    }

    /// Why an agent ended; as long as none does, this waits.
    pub(super) async fn failure(&mut self) -> anyhow::Error {
        match self.workers.join_next().await {
            Some(Ok(failure)) => failure,
            Some(Err(broken)) => anyhow::Error::new(broken).context("an agent broke"),
            None => anyhow!("there is no agent left"),
        }
    }

    /// Waits until all have left.
    pub(super) async fn gone(mut self) {
        while self.workers.join_next().await.is_some() {}
    }

    /// How each stood before, and how it stands now.
    pub(super) async fn standings(&self, client: &Client) -> anyhow::Result<Vec<Change>> {
        let mut changes = Vec::new();
        for before in &self.before {
            let now = standing(client, before.id)
                .await?
                .context("an agent is not known any more")?;
            changes.push((before.clone(), now));
        }
        Ok(changes)
    }
}

/// Waits until every agent offers what it can do.
async fn arrival(client: &Client) -> Result<(), Error> {
    for character in &CREW {
        loop {
            match client.agent(character.id).await {
                Ok(agent) if !agent.capabilities.is_empty() => break,
                Err(error) if error.status() != Some(404) => return Err(error),
                _ => tokio::time::sleep(TICK).await,
            }
        }
    }
    Ok(())
}

/// How an agent stands; `None` if the server does not know it.
async fn standing(client: &Client, id: &'static str) -> Result<Option<Standing>, Error> {
    match client.agent(id).await {
        Ok(agent) => Ok(Some(Standing {
            id,
            failed: agent.total_tasks_failed,
            trust: agent.trust_score,
            mean: agent.avg_completion_time_seconds,
        })),
        Err(error) if error.status() == Some(404) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What the handler of an agent has at hand.
struct Hand {
    character: &'static Character,
    root: PathBuf,
    progress: Arc<Progress>,
    chance: Mutex<Chance>,
}

struct Chance {
    rng: StdRng,
    /// Whether the first attempt was made, which always fails where any does.
    begun: bool,
}

impl Hand {
    fn fails(&self, task: &Task) -> bool {
        let failures = self.character.failures;
        if failures == 0.0 || task.retry_count > SPARED_AFTER {
            return false;
        }
        let mut chance = self.chance.lock().expect("nothing panics while it draws");
        let first = !std::mem::replace(&mut chance.begun, true);
        chance.rng.random_bool(failures) || first
    }
}

async fn work(hand: Arc<Hand>, task: Task) -> Result<Value, TaskError> {
    let path: String = task.input_field("path")?;
    let kind = Kind::named(&task.task_type).ok_or_else(|| {
        TaskError::permanent(format!(
            "invalid input: there is no work called `{}`",
            task.task_type
        ))
    })?;
    if hand.fails(&task) {
        tokio::time::sleep(hand.character.pause / 2).await;
        hand.progress.failed(hand.character.id, kind, &path, task.attempt);
        return Err(TaskError::retryable(
            "failed on purpose, to show what happens then",
        ));
    }
    tokio::time::sleep(hand.character.pause).await;
    let root = hand.root.clone();
    let result = tokio::task::spawn_blocking(move || on_file(kind, &root, &path)).await??;
    hand.progress.completed();
    Ok(result)
}

/// Works on a file under `root`, and on none elsewhere: whoever submits tasks is not to read the whole disk.
fn on_file(kind: Kind, root: &Path, path: &str) -> Result<Value, TaskError> {
    let folder = if root.is_file() {
        root.parent().unwrap_or(root)
    } else {
        root
    };
    let file = folder.join(path).canonicalize()?;
    if !file.starts_with(folder) || file.metadata()?.len() > LARGEST {
        return Err(TaskError::permanent(format!(
            "invalid input: `{path}` is not a file of at most 1 MiB in the folder of the demo"
        )));
    }
    Ok(kind.work(path, &std::fs::read(file)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_elsewhere_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap().join("shown");
        std::fs::create_dir(&root).unwrap();
        std::fs::write(root.join("a.txt"), "one two").unwrap();
        std::fs::write(root.join("../secret.txt"), "secret").unwrap();
        let result = on_file(Kind::Words, &root, "a.txt").unwrap();
        assert_eq!(result["words"], 2);
        for path in ["../secret.txt", "/etc/hostname", "none.txt"] {
            assert!(on_file(Kind::Words, &root, path).is_err(), "{path}");
        }
    }
}
