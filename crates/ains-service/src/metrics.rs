//! What happened in this process since it started, and how the whole system stands, as Prometheus reads it.
//!
//! Two kinds, which docs/operations.md tells apart:
//!
//! - **Of the process**: counters and histograms from 0 at the start; a scraper sums them over servers. They are told
//!   of each batch after its commit ([`Metrics::committed`]), so they agree with what is stored.
//! - **Of the system**: gauges, read from the database when they are asked for; every server shows the same.
//!
//! Counting takes no lock and, but for the growth of a batch's own lists, allocates nothing. Every label has a fixed
//! set of values.

mod counts;
mod families;
mod made;
mod spread;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ains_core::Timestamp;
use ains_core::rate::Period;
use ains_store::{Observer, Operation, counters};
use prometheus::proto::{MetricFamily, MetricType};
use prometheus::{IntCounter, Registry, TextEncoder};
use tokio::sync::Semaphore;

pub(crate) use self::counts::{ChainTurn, Counts, LATE, Repair};
use self::families::{Chains, Database, System, Tasks};
pub(crate) use self::spread::Spread;
use crate::ains::Ains;
use crate::feed::FeedFigures;

/// How long a scrape waits for the database, before it shows the process alone.
const PATIENCE: Duration = Duration::from_secs(5);

const TRUST: &str = "ains_agent_trust_score";
const TRUST_HELP: &str = "Trust of the agents now, as this server knows it; not counted over time";

/// How a delivery to a webhook went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// It was accepted.
    Succeeded,
    /// It was not, and is tried again.
    Failed,
    /// It was not, and is not tried any more.
    Dead,
}

impl DeliveryOutcome {
    const NAMES: [&'static str; 3] = ["succeeded", "failed", "dead"];
}

/// What a request was refused for: there were too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// Of a key in a minute.
    Minute,
    /// Of a key in an hour.
    Hour,
    /// From an address, without a valid key.
    Address,
    /// From an address, with keys that are not known to be good.
    Guess,
}

impl Limit {
    const NAMES: [&'static str; 4] = ["minute", "hour", "address", "guess"];
}

impl From<Period> for Limit {
    fn from(period: Period) -> Self {
        match period {
            Period::Minute => Self::Minute,
            Period::Hour => Self::Hour,
        }
    }
}

/// The metrics of one service.
pub struct Metrics {
    /// What is of the process.
    process: Registry,
    tasks: Tasks,
    chains: Chains,
    database: Database,
    deliveries: [IntCounter; DeliveryOutcome::NAMES.len()],
    limited: [IntCounter; Limit::NAMES.len()],
    system: System,
    /// Lets one scrape after the other read the database, so that none pile up while it hangs.
    turn: Arc<Semaphore>,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Metrics of which nothing has happened yet.
    pub(crate) fn new() -> Self {
        let process = Registry::new();
        Self {
            tasks: Tasks::new(&process),
            chains: Chains::new(&process),
            database: Database::new(&process),
            deliveries: made::counters(
                &process,
                (
                    "ains_webhook_deliveries_total",
                    "Attempts to deliver to webhooks, by how they went",
                ),
                "outcome",
                DeliveryOutcome::NAMES,
            ),
            limited: made::counters(
                &process,
                (
                    "ains_rate_limited_requests_total",
                    "Requests refused with 429, by the limit they met",
                ),
                "limit",
                Limit::NAMES,
            ),
            system: System::new(),
            turn: Arc::new(Semaphore::new(1)),
            process,
        }
    }

    /// Counts what a batch of so many operations did, which is durable now.
    pub(crate) fn committed(&self, operations: usize, counts: &Counts) {
        let add = |counter: &IntCounter, by: u64| {
            if by > 0 {
                counter.inc_by(by);
            }
        };
        #[expect(clippy::cast_precision_loss, reason = "a batch has at most some thousands")]
        self.database.batches.observe(operations as f64);
        let tasks = &self.tasks;
        add(&tasks.created, counts.created);
        add(&tasks.completed, counts.completed.len() as u64);
        add(&tasks.failed, counts.failed);
        add(&tasks.retries, counts.retries);
        add(&tasks.timeouts, counts.timeouts);
        let times = [
            (&tasks.seconds, &counts.completed),
            (&tasks.waits, &counts.waits),
            (&self.chains.seconds, &counts.chain_seconds),
        ];
        for (histogram, seconds) in times {
            for took in seconds {
                histogram.observe(*took);
            }
        }
        let families: [(&[IntCounter], &[u64]); 4] = [
            (&self.chains.turns, &counts.chains),
            (&self.chains.steps, &counts.steps),
            (&self.chains.runs, &counts.runs),
            (&self.database.repairs, &counts.repairs),
        ];
        for (family, by) in families {
            for (counter, by) in family.iter().zip(by) {
                add(counter, *by);
            }
        }
    }

    /// So many tasks were given to claims, so long after it was decided.
    pub(crate) fn handed_out(&self, tasks: usize, took: Duration) {
        (0..tasks).for_each(|_| self.tasks.hand_outs.observe(took.as_secs_f64()));
    }

    /// A re-check put so many things right.
    pub(crate) fn repaired(&self, repair: Repair, times: usize) {
        self.database.repairs[repair as usize].inc_by(times as u64);
    }

    /// Whoever waits for an end was woken, and saw it: long ago, unless `ended` is now or has not come.
    pub(crate) fn end_seen(&self, ended: Option<Timestamp>, now: Timestamp) {
        if ended.is_some_and(|ended| ended + LATE <= now) {
            self.repaired(Repair::End, 1);
        }
    }

    /// A webhook was called; to be told once for each attempt.
    pub fn delivered(&self, outcome: DeliveryOutcome) {
        self.deliveries[outcome as usize].inc();
    }

    /// A request was refused for this limit.
    pub(crate) fn limited(&self, limit: Limit) {
        self.limited[limit as usize].inc();
    }
}

impl Observer for Metrics {
    fn took(&self, operation: Operation, time: Duration) {
        self.database.queries[operation as usize].observe(time.as_secs_f64());
    }
}

impl Ains {
    /// What happens in this process, for those that have something to tell.
    pub fn metrics(&self) -> &Metrics {
        &self.inner.machine.metrics
    }

    /// All metrics in Prometheus' text format, version 0.0.4. While the database is gone, or takes more than 5 s, what
    /// is read from it is left out.
    pub async fn metrics_text(&self) -> String {
        let metrics = self.metrics();
        let totals = tokio::time::timeout(PATIENCE, self.totals()).await;
        let totals = totals.ok().flatten();
        metrics.database.up.set(totals.is_some().into());
        let mut families = metrics.process.gather();
        let spread = self.engine().lock().spread.clone();
        families.push(spread.family(TRUST, TRUST_HELP));
        families.extend(of_feed(self.feed_figures()));
        if let Some(totals) = totals {
            metrics.system.set(&totals);
            families.extend(metrics.system.registry.gather());
        }
        families.sort_by(|a, b| a.name().cmp(b.name()));
        encoded(&families)
    }

    /// The sums of the stored counters, if the database answers.
    async fn totals(&self) -> Option<BTreeMap<String, i64>> {
        let turn = Arc::clone(&self.metrics().turn).acquire_owned().await.ok()?;
        let read = self.read(move |conn| {
            // Kept until the read is over, even if nobody waits for it any more.
            let _turn = turn;
            counters::totals(conn)
        });
        read.await.ok()
    }
}

/// What the feed counts for itself.
fn of_feed(figures: FeedFigures) -> [MetricFamily; 3] {
    [
        made::shown(
            MetricType::COUNTER,
            ("ains_events_total", "Events that happened, followed or not"),
            figures.events,
        ),
        made::shown(
            MetricType::GAUGE,
            ("ains_event_followers", "Followers of events at this server now"),
            figures.followers,
        ),
        made::shown(
            MetricType::COUNTER,
            (
                "ains_event_followers_dropped_total",
                "Followers of events that were let go because they did not keep up",
            ),
            figures.let_go,
        ),
    ]
}

fn encoded(families: &[MetricFamily]) -> String {
    let encoded = TextEncoder::new().encode_to_string(families);
    encoded.expect("every family has a name and at least one series")
}
