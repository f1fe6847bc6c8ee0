//! Figures, summed from counters: never counted over tables.

use std::collections::BTreeMap;

use ains_core::Status;
use ains_core::task::limits::PRIORITY;
use ains_store::counters;

use crate::ains::Ains;
use crate::batch::{DELIVERIES, Swept, in_status, minute, pending_of};
use crate::error::Error;
use crate::model::{DatabaseRows, Health, Stats};
use crate::op::Op;
use crate::webhooks::HOOKS;

/// Agents whose workload is shown.
const WORKLOAD: usize = 1000;

impl Ains {
    /// Whether the database answers.
    pub async fn health(&self) -> Health {
        let answers = self.read(|conn| ains_store::nodes::all(conn).map(drop)).await;
        Health {
            database: answers.is_ok() && !self.is_stopping(),
        }
    }

    /// Figures of the whole system.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn stats(&self) -> Result<Stats, Error> {
        let now = minute(self.now());
        let (totals, hour) = self
            .read(move |conn| Ok((counters::totals(conn)?, counters::since(conn, now - 59, now)?)))
            .await?;
        let total = |name: &str| totals.get(name).copied().unwrap_or(0).max(0);
        let within = |name: &str| hour.get(name).copied().unwrap_or(0);
        let completed = within("completed");
        #[expect(clippy::cast_precision_loss, reason = "an average for people")]
        let average = (completed > 0).then(|| within("completion_micros") as f64 / 1e6 / completed as f64);
        Ok(Stats {
            total: total("tasks"),
            by_status: Status::ALL
                .into_iter()
                .map(|status| (status, total(in_status(status))))
                .collect(),
            pending_by_priority: PRIORITY
                .map(|priority| (priority, total(pending_of(priority))))
                .filter(|(_, pending)| *pending > 0)
                .collect(),
            submitted_last_hour: within("submitted"),
            completed_last_hour: completed,
            avg_completion_seconds: average,
            agents: total("agents"),
            agents_active: total("agents.active"),
            capabilities: total("capabilities"),
            workload: self.workload(),
        })
    }

    fn workload(&self) -> Vec<(ains_core::AgentId, u32)> {
        let state = self.engine().lock();
        let held = state.pool.iter().filter(|(_, profile)| profile.active > 0);
        let mut workload: Vec<_> = held
            .map(|(_, profile)| (profile.id.clone(), profile.active))
            .collect();
        drop(state);
        workload.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        workload.truncate(WORKLOAD);
        workload
    }

    /// How many rows the tables hold.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn database_rows(&self) -> Result<DatabaseRows, Error> {
        let totals = self.read(counters::totals).await?;
        let total = |name: &str| totals.get(name).copied().unwrap_or(0).max(0);
        let rows = BTreeMap::from([
            ("tasks", total("tasks")),
            ("agents", total("agents")),
            ("capabilities", total("capabilities")),
            ("webhooks", total(HOOKS)),
            ("webhook_deliveries", total(DELIVERIES)),
            ("trust_records", total("rows.trust_records")),
        ]);
        Ok(DatabaseRows { rows })
    }

    /// Judges now what has run out (the timer does it anyway); how many tasks.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn check_timeouts(&self) -> Result<u64, Error> {
        Ok(self.sweep().await?.tasks)
    }

    /// Looks what has come due.
    pub(crate) async fn sweep(&self) -> Result<Swept, Error> {
        self.ask(|reply| Op::Sweep { reply }).await
    }
}
