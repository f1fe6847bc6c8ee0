//! Handing over what became ready in this batch by the same commit, as far as this server knows
//! of an agent that waits or is pushed to (semantics §4). The rest is matched after the commit.

use std::collections::BTreeSet;

use ains_core::{AgentId, TaskId};
use ains_store::tasks::{self, StoredTask};
use ains_store::{StoreError, agents};

use super::plan::MATCH;
use super::{Batch, Context, Plan};
use crate::engine::Pick;

impl Batch<'_> {
    /// Gives tasks that became ready to agents with room.
    pub(super) fn route_ready(&mut self, context: &Context<'_>, plan: &mut Plan) -> Result<(), StoreError> {
        let picks = self.pick_for_ready(context, plan);
        if picks.is_empty() {
            return Ok(());
        }
        // The tasks are locked already, so nobody may be waited for here.
        let unknown: BTreeSet<AgentId> = picks
            .iter()
            .map(|(_, pick)| pick.agent.clone())
            .filter(|agent| !self.agents.contains_key(agent))
            .collect();
        if !unknown.is_empty() {
            let unknown: Vec<AgentId> = unknown.into_iter().collect();
            let locked = agents::lock_free(self.tx.conn, &unknown)?;
            let counted: Vec<AgentId> = locked.iter().map(|agent| agent.id.clone()).collect();
            self.take_in(locked, &counted)?;
        }
        let mut received = Vec::new();
        for (id, pick) in picks {
            let known = self.agents.contains_key(&pick.agent);
            let Some(mut task) = self.tasks.get(&id).map(|loaded| loaded.stored.task.clone()) else {
                plan.reject(pick);
                continue;
            };
            if !known {
                plan.reject(pick);
                continue;
            }
            let receiver = self.give(&mut task, pick, plan);
            if !task.status.is_leased() {
                continue;
            }
            self.note_served(task.lane(), task.priority);
            if let Some(loaded) = self.tasks.get_mut(&id) {
                loaded.stored.task = task;
                loaded.stored.claim_id = receiver.as_ref().and_then(|(_, _, id)| id.clone());
            }
            received.extend(receiver.map(|receiver| (id, receiver)));
        }
        let ids: Vec<TaskId> = received.iter().map(|(id, _)| *id).collect();
        // With the documents, which are not loaded for decisions.
        let read = tasks::by_ids(self.tx.conn, &ids)?;
        for (whole, (id, (agent, number, claim_id))) in read.into_iter().zip(received) {
            let Some(loaded) = self.tasks.get(&id) else {
                continue;
            };
            let stored = StoredTask {
                task: loaded.stored.task.clone(),
                claim_id,
                ..whole
            };
            let claim = self.tx.after.deliveries.entry((agent, number)).or_default();
            claim.push(stored);
        }
        Ok(())
    }

    /// Chooses agents for the first tasks that became ready.
    fn pick_for_ready(&mut self, context: &Context<'_>, plan: &mut Plan) -> Vec<(TaskId, Pick)> {
        let became_ready = self.tasks.values().filter(|loaded| {
            let task = &loaded.stored.task;
            loaded.dirty && task.is_ready() && task.queue_key.is_none()
        });
        became_ready
            .take(MATCH as usize)
            .filter_map(|loaded| {
                let pick = plan.pick(context, &loaded.stored.task)?;
                Some((loaded.stored.task.id, pick))
            })
            .collect()
    }
}
