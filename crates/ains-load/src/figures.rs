//! Holds what a run found, and prints it.

use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use crate::cpu::Reading;

/// What a mode found.
pub(crate) trait Report: Serialize {
    /// It, for people.
    fn table(&self) -> Table;
}

/// What a run found.
#[derive(Serialize)]
pub(crate) struct Figures {
    pub(crate) mode: &'static str,
    pub(crate) tasks: usize,
    pub(crate) batch: usize,
    pub(crate) agents: usize,
    pub(crate) connections: usize,
    pub(crate) payload_bytes: usize,
    pub(crate) backlog: usize,
    /// Tasks of the backlog that were handed out and completed besides.
    pub(crate) backlog_completed: usize,
    /// Seconds from the first request to the last answer that counts.
    pub(crate) seconds: f64,
    /// Tasks a second.
    pub(crate) rate: f64,
    /// Requests that were answered.
    pub(crate) requests: usize,
    /// What the latency is measured between.
    pub(crate) latency_of: &'static str,
    pub(crate) latency_us: Latency,
    /// CPU time of this program, in microseconds a task.
    pub(crate) client_cpu_us_per_task: Option<f64>,
    /// CPU time of all server processes together, in microseconds a task.
    pub(crate) server_cpu_us_per_task: Option<f64>,
    /// CPU time of each server process, in microseconds a task.
    pub(crate) servers: Vec<ServerCpu>,
    /// Followers, and the events that they heard.
    pub(crate) followers: usize,
    pub(crate) events: usize,
    /// Whether every task was read back.
    pub(crate) checked: bool,
}

/// The CPU time of a server process.
#[derive(Serialize)]
pub(crate) struct ServerCpu {
    pub(crate) pid: u32,
    pub(crate) us_per_task: Option<f64>,
}

/// A distribution, in microseconds.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Latency {
    pub(crate) p50: u64,
    pub(crate) p90: u64,
    pub(crate) p99: u64,
    pub(crate) max: u64,
}

impl Latency {
    /// The distribution of some measurements.
    pub(crate) fn of(mut all: Vec<Duration>) -> Self {
        all.sort_unstable();
        let at = |percent: usize| {
            let rank = (all.len() * percent).div_ceil(100).saturating_sub(1);
            all.get(rank)
                .map_or(0, |value| u64::try_from(value.as_micros()).unwrap_or(u64::MAX))
        };
        Self {
            p50: at(50),
            p90: at(90),
            p99: at(99),
            max: at(100),
        }
    }
}

/// A count as a divisor.
pub(crate) fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}

impl Figures {
    /// Fills in the CPU time between two readings.
    pub(crate) fn with_cpu(mut self, before: &Reading, after: &Reading) -> Self {
        let per_task = |time: Duration| time.as_secs_f64() * 1e6 / count(self.tasks);
        let (own, servers) = after.since(before);
        let sum = servers.iter().map(|(_, time)| *time).sum::<Option<Duration>>();
        self.client_cpu_us_per_task = own.map(per_task);
        self.server_cpu_us_per_task = sum.filter(|_| !servers.is_empty()).map(per_task);
        self.servers = servers
            .iter()
            .map(|(pid, time)| ServerCpu {
                pid: *pid,
                us_per_task: time.map(per_task),
            })
            .collect();
        self
    }
}

impl Report for Figures {
    fn table(&self) -> Table {
        let mut table = Table::new();
        let latency = &self.latency_us;
        let cpu = |time: Option<f64>| time.map_or_else(|| "unknown".to_owned(), |us| format!("{us:.1} µs"));
        table.load_style(presets::UTF8_FULL_CONDENSED);
        table.set_header([self.mode, ""]);
        table.add_row(["tasks", &self.tasks.to_string()]);
        table.add_row(["time", &format!("{:.3} s", self.seconds)]);
        table.add_row(["rate", &format!("{:.0} tasks/s", self.rate)]);
        table.add_row(["requests", &self.requests.to_string()]);
        if self.backlog > 0 {
            table.add_row([
                "backlog",
                &format!("{} ({} of it completed)", self.backlog, self.backlog_completed),
            ]);
        }
        for (name, value) in [
            ("p50", latency.p50),
            ("p90", latency.p90),
            ("p99", latency.p99),
            ("max", latency.max),
        ] {
            table.add_row([format!("{}, {name}", self.latency_of), format!("{value} µs")]);
        }
        table.add_row(["client CPU a task", &cpu(self.client_cpu_us_per_task)]);
        if !self.servers.is_empty() {
            table.add_row(["server CPU a task", &cpu(self.server_cpu_us_per_task)]);
        }
        for server in self.servers.iter().filter(|_| self.servers.len() > 1) {
            table.add_row([format!("  process {}", server.pid), cpu(server.us_per_task)]);
        }
        table.add_row(["read back", if self.checked { "every task" } else { "nothing" }]);
        if self.followers > 0 {
            table.add_row([
                format!("heard by {} followers", self.followers),
                format!("{} events", self.events),
            ]);
        }
        if let Some(column) = table.column_mut(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_measurements_by_rank() {
        let all = (1..=200).rev().map(Duration::from_micros).collect();
        assert_eq!(
            Latency::of(all),
            Latency {
                p50: 100,
                p90: 180,
                p99: 198,
                max: 200
            }
        );
        assert_eq!(
            Latency::of(vec![]),
            Latency {
                p50: 0,
                p90: 0,
                p99: 0,
                max: 0
            }
        );
        assert_eq!(
            Latency::of(vec![Duration::from_micros(7)]),
            Latency {
                p50: 7,
                p90: 7,
                p99: 7,
                max: 7
            }
        );
    }
}
