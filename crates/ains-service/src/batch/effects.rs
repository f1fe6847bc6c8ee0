//! The consequences of a decision, in the same transaction.

use std::time::Duration;

use ains_core::effect::Outcome;
use ains_core::trust::{MAX_REASON, TrustEvent, average_seconds};
use ains_core::{AgentId, Effect, TaskId, TrustRecordId};
use ains_store::trust::TrustRecord;

use super::Batch;

impl Batch<'_> {
    /// Applies the effects of a decision about `task`.
    pub(super) fn apply(&mut self, task: TaskId, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Free(agent) => self.free(&agent),
                Effect::Trust {
                    agent,
                    event,
                    delta,
                    took,
                    reason,
                } => self.trust(&agent, event, delta, took, reason, task),
                Effect::Attempt(attempt) => {
                    if attempt.outcome == Outcome::TimedOut {
                        self.tx.after.counts.timed_out();
                    }
                    self.attempts.push(attempt);
                }
                Effect::Unresponsive(agent) => {
                    if let Some(row) = self.agents.get_mut(&agent) {
                        row.unresponsive = true;
                        row.touch(self.tx.now);
                        self.changed_agents.insert(agent);
                    }
                }
                Effect::Stop { agent, task } => self.tx.after.stops.push((agent, task)),
                Effect::Retry => {
                    self.tx.after.counts.retried();
                    self.tx.after.count("retries", 1);
                }
            }
        }
    }

    fn free(&mut self, agent: &AgentId) {
        match self.tx.after.loads.get_mut(agent) {
            Some(load) => load.held = load.held.saturating_sub(1),
            None => *self.tx.after.freed.entry(agent.clone()).or_default() += 1,
        }
    }

    fn trust(
        &mut self,
        id: &AgentId,
        event: TrustEvent,
        delta: f64,
        took: Option<Duration>,
        reason: Option<String>,
        task: TaskId,
    ) {
        let now = self.tx.now;
        // An agent that has been removed has no trust to change.
        let Some(agent) = self.agents.get_mut(id) else {
            return;
        };
        let before = agent.trust;
        agent.trust = before.moved(delta);
        let at = agent.touch(now);
        if let Some(took) = took {
            agent.completed += 1;
            agent.last_completed_at = Some(now);
            agent.average_seconds = Some(average_seconds(agent.average_seconds, took));
        } else {
            agent.failed += 1;
        }
        if agent.trust != before {
            self.trust.push(TrustRecord {
                id: self.tx.entropy.mint_at(at, TrustRecordId::mint),
                agent: id.clone(),
                event: event.as_str().to_owned(),
                delta: agent.trust.change_from(before),
                before: before.get(),
                after: agent.trust.get(),
                reason: reason.map(|text| text.chars().take(MAX_REASON).collect()),
                task: Some(task),
                created_at: at,
            });
        }
        self.changed_agents.insert(id.clone());
    }
}
