//! Finding agents: the leaderboard and the search, from memory.

use ains_core::directory::{Card, Found, Search, Viewer};

use crate::ains::Ains;
use crate::error::Error;
use crate::model::{FoundAgent, FoundAgents};

impl Ains {
    /// The first `limit` agents by trust, then completed tasks, then id, of those that completed at least `min_tasks`
    /// and that `viewer` sees.
    pub fn leaderboard(&self, viewer: &Viewer, limit: usize, min_tasks: i64) -> Vec<Card> {
        let directory = self.engine().directory();
        let leaders = directory.leaders(viewer, limit, min_tasks);
        leaders.into_iter().cloned().collect()
    }

    /// Looks for agents that are not INACTIVE.
    ///
    /// # Errors
    /// When the service stops.
    pub async fn search(&self, search: Search) -> Result<FoundAgents, Error> {
        let ains = self.clone();
        // One that looks at very many agents takes longer than others should wait for this thread.
        let found = tokio::task::spawn_blocking(move || {
            let directory = ains.engine().directory();
            let Found { total, entries } = directory.search(&search);
            let agents = entries.into_iter().map(|entry| FoundAgent {
                id: entry.card.id.clone(),
                display_name: entry.card.display_name.clone(),
                trust: entry.card.trust,
                capabilities: entry.offers.iter().map(|offer| offer.name.clone()).collect(),
            });
            FoundAgents {
                agents: agents.collect(),
                total,
            }
        });
        found.await.map_err(|_| Error::Stopping)
    }
}
