//! Routing, explained.

use std::collections::BTreeMap;

use ains_core::routing::{Ask, Strategy};
use ains_core::{AgentId, ClientId, Name};
use ains_store::agents;

use crate::ains::Ains;
use crate::error::Error;
use crate::model::{RoutingCandidate, RoutingView};

/// Most candidates that are shown.
const SHOWN: usize = 100;

impl Ains {
    /// Who would be chosen now for a task of `client` that needs `capability`, and why; without a client, of those
    /// that serve everybody. Changes nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn explain_routing(
        &self,
        client: Option<&ClientId>,
        capability: &Name,
        strategy: Strategy,
    ) -> Result<RoutingView, Error> {
        let capability = capability.as_str().to_lowercase();
        let ask = Ask {
            client,
            capability: &capability,
            tenth: 0,
            strategy,
            heartbeat_needed: false,
        };
        let (reason, chosen, mut candidates) = {
            let state = self.engine().lock();
            let explained = state.pool.explain(&ask, SHOWN, &mut *self.entropy().routing());
            let chosen = explained.chosen.map(|seat| state.pool.agent(seat).id.clone());
            let candidates: Vec<RoutingCandidate> = explained
                .candidates
                .into_iter()
                .map(|candidate| {
                    let profile = state.pool.agent(candidate.seat);
                    RoutingCandidate {
                        agent: profile.id.clone(),
                        display_name: String::new(),
                        trust: profile.trust.get(),
                        total_tasks: 0,
                        score: candidate.score,
                        eligible: candidate.eligible,
                        why_not: candidate.why_not.map(|why| why.to_string()),
                    }
                })
                .collect();
            (explained.reason, chosen, candidates)
        };
        let ids: Vec<AgentId> = candidates
            .iter()
            .map(|candidate| candidate.agent.clone())
            .collect();
        let rows = self.read(move |conn| agents::by_ids(conn, &ids)).await?;
        let rows: BTreeMap<_, _> = rows.into_iter().map(|agent| (agent.id.clone(), agent)).collect();
        for candidate in &mut candidates {
            if let Some(agent) = rows.get(&candidate.agent) {
                candidate.display_name.clone_from(&agent.display_name);
                candidate.total_tasks = agent.completed + agent.failed;
            }
        }
        let chosen = chosen.and_then(|id| candidates.iter().find(|candidate| candidate.agent == id).cloned());
        Ok(RoutingView {
            chosen,
            reason,
            candidates,
        })
    }
}
