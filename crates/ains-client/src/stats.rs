//! Calls about health, statistics and maintenance.

use ains_api::{AitpHealth, CleanupAnswer, DatabaseStats, Health, QueueStats, Stats, TimeoutCheck};
use reqwest::Method;

use crate::client::Call;
use crate::{Client, Error};

impl Client {
    /// Asks whether the server and its database are there: `GET /health`.
    ///
    /// # Errors
    ///
    /// If the database is gone (503), or the call fails.
    pub async fn health(&self) -> Result<Health, Error> {
        self.call(Call::get("/health")).await
    }

    /// Reads the figures of the earlier protocol: `GET /health/aitp`.
    ///
    /// # Errors
    ///
    /// If the call fails.
    pub async fn aitp_health(&self) -> Result<AitpHealth, Error> {
        self.call(Call::get("/health/aitp")).await
    }

    /// Reads the figures of the system: `GET /ains/stats`.
    ///
    /// # Errors
    ///
    /// If the call fails.
    pub async fn stats(&self) -> Result<Stats, Error> {
        self.call(Call::get("/ains/stats")).await
    }

    /// Reads the size of the tables: `GET /ains/stats/database`.
    ///
    /// # Errors
    ///
    /// If the call fails.
    pub async fn database_stats(&self) -> Result<DatabaseStats, Error> {
        self.call(Call::get("/ains/stats/database")).await
    }

    /// Deletes what ended more than this many days ago, 7 to 365: `POST /ains/maintenance/cleanup`.
    ///
    /// # Errors
    ///
    /// If the number is refused (422), or the call fails.
    pub async fn cleanup(&self, days: u32) -> Result<CleanupAnswer, Error> {
        self.call(Call::once(Method::POST, "/ains/maintenance/cleanup").with("days", days))
            .await
    }

    /// Reads what waits and who works: `GET /aitp/queue/stats`.
    ///
    /// # Errors
    ///
    /// If the call fails.
    pub async fn queue_stats(&self) -> Result<QueueStats, Error> {
        self.call(Call::get("/aitp/queue/stats")).await
    }

    /// Ends attempts that took too long, now: `POST /aitp/maintenance/check-timeouts`.
    ///
    /// # Errors
    ///
    /// If the call fails.
    pub async fn check_timeouts(&self) -> Result<TimeoutCheck, Error> {
        self.call(Call::repeatable(Method::POST, "/aitp/maintenance/check-timeouts"))
            .await
    }
}
