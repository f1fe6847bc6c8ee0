//! The families of metrics, by what they are about.

use std::collections::BTreeMap;

use ains_core::Status;
use ains_core::task::limits::PRIORITY;
use ains_store::Operation;
use prometheus::{Histogram, IntCounter, IntGauge, IntGaugeVec, Registry};

use super::counts::{ChainTurn, RUNS, Repair, STEP_ENDS};
use super::made::{counter, counters, gauge, gauges, histogram, histograms};
use crate::batch::{in_status, pending_of};

/// Seconds of what should be fast: statements, commits, hand-outs.
const SHORT: [f64; 15] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

/// Seconds of work and of queues: from what is at once to a day, the longest that an attempt may take.
const LONG: [f64; 15] = [
    0.001, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 43_200.0, 86_400.0,
];

/// Operations of one transaction, up to [`ains_store::writer::BATCH`] of the lightest; what followed from the one before
/// may come on top.
const SIZES: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// Of tasks, in this process.
pub(super) struct Tasks {
    pub(super) created: IntCounter,
    pub(super) completed: IntCounter,
    pub(super) failed: IntCounter,
    pub(super) retries: IntCounter,
    pub(super) timeouts: IntCounter,
    pub(super) seconds: Histogram,
    pub(super) waits: Histogram,
    pub(super) hand_outs: Histogram,
}

impl Tasks {
    pub(super) fn new(registry: &Registry) -> Self {
        let count = |name, help| counter(registry, name, help);
        let took = |name, help, buckets: &[f64]| histogram(registry, (name, help), buckets);
        Self {
            created: count("ains_tasks_created_total", "Tasks stored"),
            completed: count("ains_tasks_completed_total", "Tasks that ended COMPLETED"),
            failed: count("ains_tasks_failed_total", "Tasks that ended FAILED"),
            retries: count(
                "ains_task_retries_total",
                "Further attempts decided on, by rule or by hand",
            ),
            timeouts: count(
                "ains_task_timeouts_total",
                "Attempts that took longer than their task allows",
            ),
            seconds: took(
                "ains_task_duration_seconds",
                "Completed tasks, from the start of the last attempt to its end",
                &LONG,
            ),
            waits: took(
                "ains_task_queue_wait_seconds",
                "Hand-outs of tasks, from being ready to being handed out",
                &LONG,
            ),
            hand_outs: took(
                "ains_task_hand_out_seconds",
                "Tasks given to claims, from the decision to the answer after its commit",
                &SHORT,
            ),
        }
    }
}

/// Of chains and schedules, in this process.
pub(super) struct Chains {
    pub(super) turns: [IntCounter; ChainTurn::NAMES.len()],
    pub(super) seconds: Histogram,
    pub(super) steps: [IntCounter; STEP_ENDS.len()],
    pub(super) runs: [IntCounter; RUNS.len()],
}

impl Chains {
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            turns: counters(
                registry,
                ("ains_chains_total", "Chains, by what happened to them"),
                "event",
                ChainTurn::NAMES,
            ),
            seconds: histogram(
                registry,
                (
                    "ains_chain_duration_seconds",
                    "Completed chains, from their creation to their end",
                ),
                &LONG,
            ),
            steps: counters(
                registry,
                ("ains_chain_steps_total", "Steps of chains that ended, by how"),
                "status",
                STEP_ENDS,
            ),
            runs: counters(
                registry,
                (
                    "ains_scheduled_tasks_total",
                    "Tasks and chains that schedules made",
                ),
                "kind",
                RUNS,
            ),
        }
    }
}

/// Of the database and what is put right, in this process.
pub(super) struct Database {
    pub(super) up: IntGauge,
    pub(super) queries: [Histogram; Operation::ALL.len()],
    pub(super) batches: Histogram,
    pub(super) repairs: [IntCounter; Repair::NAMES.len()],
}

impl Database {
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            up: gauge(
                registry,
                "ains_database_up",
                "Whether the database answered this scrape; else the figures of the system are left out",
            ),
            queries: histograms(
                registry,
                (
                    "ains_db_query_duration_seconds",
                    "Transactions and reads of the database, by part",
                ),
                "operation",
                Operation::ALL.map(Operation::as_str),
                &SHORT,
            ),
            batches: histogram(
                registry,
                (
                    "ains_writer_batch_size",
                    "Operations of a committed transaction of a writer",
                ),
                &SIZES,
            ),
            repairs: counters(
                registry,
                (
                    "ains_repairs_total",
                    "What re-checks found missed and put right; 0 in a healthy system",
                ),
                "kind",
                Repair::NAMES,
            ),
        }
    }
}

/// Of the whole system, as it was last read.
pub(super) struct System {
    pub(super) registry: Registry,
    queue: IntGaugeVec,
    held: IntGauge,
    agents: IntGauge,
    agents_active: IntGauge,
}

impl System {
    pub(super) fn new() -> Self {
        let registry = Registry::new();
        Self {
            queue: gauges(
                &registry,
                (
                    "ains_tasks_in_queue",
                    "PENDING tasks of the whole system, by priority",
                ),
                "priority",
            ),
            held: gauge(
                &registry,
                "ains_tasks_held",
                "ASSIGNED and ACTIVE tasks of the whole system",
            ),
            agents: gauge(&registry, "ains_agents_total", "Agents of the whole system"),
            agents_active: gauge(
                &registry,
                "ains_agents_active",
                "Agents of the whole system that are not INACTIVE",
            ),
            registry,
        }
    }

    /// Takes in the sums of the stored counters.
    pub(super) fn set(&self, totals: &BTreeMap<String, i64>) {
        let total = |name: &str| totals.get(name).copied().unwrap_or(0).max(0);
        for priority in PRIORITY {
            let gauge = self.queue.with_label_values(&[&priority.to_string()]);
            gauge.set(total(pending_of(priority)));
        }
        let held = [Status::Assigned, Status::Active].map(|status| total(in_status(status)));
        self.held.set(held.iter().sum());
        self.agents.set(total("agents"));
        self.agents_active.set(total("agents.active"));
    }
}
