//! Runs an agent: takes work, hands it to an async handler, and reports what came of it.
//!
//! Rules it keeps:
//!
//! - never more tasks at once than its concurrency;
//! - a claim keeps its `claim_id` until it is answered, so an answer lost on the wire loses no task;
//! - a result is reported until the server has answered; results that are ready while a report travels go together
//!   in the next one, and the claim for the slots they free goes with them;
//! - the handler of a task that was cancelled, or that is no longer this agent's, is dropped and not reported;
//! - on shutdown it takes nothing new, lets what runs finish for a while, and gives the rest back.

mod handling;
mod register;
mod results;
mod run;
mod shutdown;
mod task;
mod task_error;

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ains_api::{Labels, PublishCapability};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, future};
use serde_json::Value;

pub use run::Summary;
pub use task::Task;
pub use task_error::TaskError;

use crate::{AgentKey, Client, Error};

/// Seconds between heartbeats (semantics.md §1.2, silence: our SDK uses 15).
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long running handlers may go on after the shutdown began.
const DRAIN: Duration = Duration::from_secs(30);
/// Tasks a claim may ask for (api.md part B).
const CLAIM: usize = 100;

/// An agent, before it runs.
///
/// ```no_run
/// # use ains_client::{Client, Error, Task, Worker};
/// # async fn doc(client: Client) -> Result<(), Error> {
/// let echo = |task: Task| async move { Ok(task.input()?) };
/// Worker::new(client, "echo-1").capability("echo:v1").concurrency(8).run(echo).await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a worker does nothing until it is run"]
pub struct Worker {
    client: Client,
    display_name: String,
    agent_id: String,
    endpoint: Option<String>,
    description: Option<String>,
    key: KeySource,
    sign_requests: bool,
    capabilities: Vec<Offer>,
    tags: Vec<String>,
    labels: Labels,
    concurrency: usize,
    heartbeat: Duration,
    drain: Duration,
    signals: bool,
    shutdown: BoxFuture<'static, ()>,
}

/// Where the key of the agent comes from.
enum KeySource {
    /// A new one for every run.
    Fresh,
    /// This one.
    Given(AgentKey),
    /// The one in this file, made if it is not there.
    File(PathBuf),
}

/// A capability to publish.
enum Offer {
    /// Only its name matters.
    Name(String),
    /// With everything that can be said of it; the signature is added.
    Full(Box<PublishCapability>),
}

impl Worker {
    /// An agent called `name`, which is also its id unless [`agent_id`](Self::agent_id) says otherwise.
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        let name = name.into();
        Self {
            client,
            agent_id: name.clone(),
            display_name: name,
            endpoint: None,
            description: None,
            key: KeySource::Fresh,
            sign_requests: false,
            capabilities: Vec::new(),
            tags: Vec::new(),
            labels: Labels::new(),
            concurrency: 1,
            heartbeat: HEARTBEAT,
            drain: DRAIN,
            signals: true,
            shutdown: future::pending().boxed(),
        }
    }

    /// The id of the agent, `[A-Za-z0-9._:@-]{1,128}`. Default: its name.
    pub fn agent_id(mut self, id: impl Into<String>) -> Self {
        self.agent_id = id.into();
        self
    }

    /// The URL of the agent. Nobody calls an agent that takes its work itself, so the default only names it.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// What the agent is, for people.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// Signs with this key. Default: a new key for every run.
    pub fn key(mut self, key: AgentKey) -> Self {
        self.key = KeySource::Given(key);
        self
    }

    /// Signs with the key in this file, which is made if it is not there.
    pub fn key_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.key = KeySource::File(path.into());
        self
    }

    /// Once it is registered, signs its requests with the agent's key, instead of sending the client's API key: that is
    /// needed for registering only. The clock must be within a minute of the server's.
    pub fn sign_requests(mut self) -> Self {
        self.sign_requests = true;
        self
    }

    /// Provides a capability, such as `text:v1`. May be called several times.
    pub fn capability(mut self, name: impl Into<String>) -> Self {
        self.capabilities.push(Offer::Name(name.into()));
        self
    }

    /// Provides a capability with schemas, price and promises. An empty `signature` is filled in.
    pub fn capability_with(mut self, capability: PublishCapability) -> Self {
        self.capabilities.push(Offer::Full(Box::new(capability)));
        self
    }

    /// Adds a word the agent is found by.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Adds a free name and value.
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(name.into(), value.into());
        self
    }

    /// Tasks it works on at once; 1 or more. Default 1.
    pub fn concurrency(mut self, tasks: usize) -> Self {
        self.concurrency = tasks.max(1);
        self
    }

    /// The time between heartbeats. Default 15 seconds; the server is told the next whole second.
    pub fn heartbeat_every(mut self, interval: Duration) -> Self {
        self.heartbeat = interval.max(Duration::from_millis(1));
        self
    }

    /// How long running handlers may go on after the shutdown began. Default 30 seconds.
    pub fn drain_within(mut self, limit: Duration) -> Self {
        self.drain = limit;
        self
    }

    /// Shuts down when this future ends, as well as on a signal.
    pub fn shutdown_on(mut self, shutdown: impl Future<Output = ()> + Send + 'static) -> Self {
        self.shutdown = shutdown.boxed();
        self
    }

    /// Leaves SIGTERM and Ctrl-C to the program.
    pub fn without_signals(mut self) -> Self {
        self.signals = false;
        self
    }

    /// Registers the agent and works until it is shut down.
    ///
    /// The handler gets one task at a time, on as many tasks at once as the concurrency allows; what it returns is the
    /// task's result. It runs on the async runtime: work that blocks belongs in `tokio::task::spawn_blocking`.
    /// A panic fails the attempt. The first SIGTERM or Ctrl-C begins the shutdown, a second one ends the wait for handlers.
    ///
    /// # Errors
    ///
    /// If the agent cannot register, or the server refuses its claims (a key without the right, for instance). While
    /// the server cannot be reached the worker waits for it.
    pub async fn run<H, F>(self, handler: H) -> Result<Summary, Error>
    where
        H: Fn(Task) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Value, TaskError>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        let handler: handling::Handler = Arc::new(move |task| {
            // Called inside the future, so that a panic before the first await is caught as well.
            let handler = Arc::clone(&handler);
            async move { handler(task).await }.boxed()
        });
        run::run(self, handler).await
    }
}
