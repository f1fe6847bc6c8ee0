//! Holds what a run is made of: its names, its clients of the server, and its tasks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ains_api::{Json, SubmitTask};
use ains_client::{Client, Retry};
use tokio::time::Instant;

use crate::args::Options;

/// Bytes a body may have: the server's limit is 1 MiB.
const BODY: usize = 900 * 1024;
/// Bytes of a task beyond its payload, generously.
const FRAME: usize = 400;
/// Tasks in one submission, at most (api.md part B).
const SUBMISSION: usize = 1000;
/// Tasks in one claim, at most (api.md part B).
const CLAIM: usize = 100;

/// A run: everything its parts have in common.
pub(crate) struct Plan {
    clients: Vec<Client>,
    /// Begins the names of this run.
    name: String,
    /// The clients of the tasks that are measured.
    pub(crate) client_ids: Vec<String>,
    /// Tasks made so far.
    made: AtomicUsize,
    /// The client of the backlog.
    backlog_id: String,
    capability: String,
    padding: String,
    /// Whether claims have names and requests are repeated.
    pub(crate) stubborn: bool,
    /// Tasks in one submission.
    pub(crate) batch: usize,
    /// When the run began; submissions carry the time since.
    pub(crate) born: Instant,
}

impl Plan {
    pub(crate) fn new(options: &Options, batch: usize) -> anyhow::Result<Arc<Self>> {
        let clients = options
            .url
            .iter()
            .map(|url| client(options, url))
            .collect::<Result<Vec<_>, _>>()?;
        // 12 of 32 digits: short names keep the bodies small, and no two runs meet.
        let run = clients
            .first()
            .map(|client| client.mint()[..12].to_owned())
            .unwrap_or_default();
        let wanted = options.batch.map_or(batch, usize::from);
        Ok(Arc::new(Self {
            clients,
            name: format!("load-{run}"),
            client_ids: (0..options.clients)
                .map(|number| format!("load-{run}-{number}"))
                .collect(),
            made: AtomicUsize::new(0),
            backlog_id: format!("load-{run}-backlog"),
            capability: format!("load-{run}:v1"),
            padding: "x".repeat(options.payload),
            stubborn: options.stubborn,
            batch: wanted.min(fitting(options.payload)),
            born: Instant::now(),
        }))
    }

    /// The client for the part of the run with this number.
    pub(crate) fn client(&self, number: usize) -> &Client {
        &self.clients[number % self.clients.len()]
    }

    /// The id of an agent.
    pub(crate) fn agent_id(&self, number: usize) -> String {
        format!("{}-agent-{number}", self.name)
    }

    /// What the agents provide.
    pub(crate) fn capability(&self) -> &str {
        &self.capability
    }

    /// Tasks in one claim.
    pub(crate) fn claim(&self) -> usize {
        self.batch.min(CLAIM)
    }

    /// Tasks in one submission where speed is not measured.
    pub(crate) fn bulk(&self) -> usize {
        fitting(self.padding.len())
    }

    /// A task that is measured, submitted at this instant.
    pub(crate) fn task(&self, at: Instant) -> SubmitTask {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        SubmitTask {
            client_id: Some(self.client_ids[number % self.client_ids.len()].clone()),
            ..self.shape(at)
        }
    }

    /// What all tasks have in common.
    fn shape(&self, at: Instant) -> SubmitTask {
        let since = at.saturating_duration_since(self.born).as_nanos();
        let input = if self.padding.is_empty() {
            format!("{{\"at\":{since}}}")
        } else {
            format!("{{\"at\":{since},\"padding\":\"{}\"}}", self.padding)
        };
        SubmitTask {
            task_type: Some("load".to_owned()),
            capability_required: Some(self.capability.clone()),
            input_data: Some(Json::from_text(input).expect("written as JSON just now")),
            ..SubmitTask::default()
        }
    }

    /// A task of the backlog: of the lane that is measured but less urgent, or of one that nobody serves.
    pub(crate) fn backlog_task(&self, same_lane: bool) -> SubmitTask {
        let capability = if same_lane {
            self.capability.clone()
        } else {
            format!("nobody-{}", self.capability)
        };
        SubmitTask {
            client_id: Some(self.backlog_id.clone()),
            capability_required: Some(capability),
            priority: Some(1),
            ..self.shape(self.born)
        }
    }

    /// Whether a task is one that is measured.
    pub(crate) fn is_measured(&self, client_id: &str) -> bool {
        client_id != self.backlog_id
    }

    /// How long ago a task was submitted.
    pub(crate) fn age(&self, task: &ains_api::Task) -> Option<Duration> {
        let since = Duration::from_nanos(at(task.input_data.get())?);
        Some(self.born.elapsed().saturating_sub(since))
    }
}

/// Tasks with such a payload that fit one body.
fn fitting(payload: usize) -> usize {
    (BODY / (FRAME + payload)).clamp(1, SUBMISSION)
}

fn client(options: &Options, url: &str) -> Result<Client, ains_client::Error> {
    let client = Client::new(url)?;
    let client = match &options.key {
        Some(key) => client.with_key(key),
        None => client,
    };
    Ok(if options.stubborn {
        client.with_retry(Retry::default().endless())
    } else {
        client.without_idempotency_keys()
    })
}

/// The number that an input begins with; the server keeps payloads as they were sent, so nothing need be parsed.
fn at(input: &str) -> Option<u64> {
    let digits = input.strip_prefix("{\"at\":")?;
    digits[..digits.find([',', '}'])?].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_instant_of_submission_is_read_without_parsing() {
        assert_eq!(at(r#"{"at":17}"#), Some(17));
        assert_eq!(at(r#"{"at":17,"padding":"x"}"#), Some(17));
        assert_eq!(at(r#"{"other":17}"#), None);
    }

    #[test]
    fn batches_fit_a_body() {
        assert_eq!(fitting(0), 1000);
        assert_eq!(fitting(100_000), 9);
        assert_eq!(fitting(1_000_000), 1);
    }
}
