//! Handing over what became ready in this batch by the same commit, as far as this server knows
//! of an agent that waits or is pushed to (semantics §4). The rest is matched after the commit.

use std::collections::{BTreeMap, BTreeSet};

use ains_core::{AgentId, TaskId};
use ains_store::tasks::{self, StoredTask};
use ains_store::{StoreError, agents};

use super::plan::MATCH;
use super::{Batch, Context, Plan};
use crate::engine::Pick;

impl Batch<'_> {
    /// Gives tasks that became ready to agents with room.
    pub(super) fn route_ready(&mut self, context: &Context<'_>, plan: &mut Plan) -> Result<(), StoreError> {
        let picks = self.pick_for_ready(context, plan)?;
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
        // New ones have their documents at hand; of the others they are not loaded for decisions.
        let is_new = |id: &TaskId| self.tasks.get(id).is_some_and(|loaded| loaded.before.is_none());
        let ids: Vec<TaskId> = received
            .iter()
            .map(|(id, _)| *id)
            .filter(|id| !is_new(id))
            .collect();
        let mut read: BTreeMap<TaskId, StoredTask> = tasks::by_ids(self.tx.conn, &ids)?
            .into_iter()
            .map(|stored| (stored.task.id, stored))
            .collect();
        for (id, (agent, number, claim_id)) in received {
            let Some(loaded) = self.tasks.get(&id) else {
                continue;
            };
            let whole = read.remove(&id).unwrap_or_else(|| loaded.stored.clone());
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

    /// Gives the tasks that became ready their positions, and chooses agents for the first of them: by
    /// priority and position, as they would be claimed.
    fn pick_for_ready(
        &mut self,
        context: &Context<'_>,
        plan: &mut Plan,
    ) -> Result<Vec<(TaskId, Pick)>, StoreError> {
        self.queue_ready()?;
        let mut ready: Vec<(std::cmp::Reverse<u8>, Option<i64>, TaskId)> = self
            .tasks
            .values()
            .filter(|loaded| loaded.queued)
            .map(|loaded| &loaded.stored.task)
            .map(|task| (std::cmp::Reverse(task.priority), task.queue_key, task.id))
            .collect();
        ready.sort_unstable();
        ready.truncate(MATCH as usize);
        let picks = ready.into_iter().filter_map(|(_, _, id)| {
            let task = &self.tasks.get(&id)?.stored.task;
            Some((id, plan.pick(context, task)?))
        });
        Ok(picks.collect())
    }

    /// Puts the tasks that became ready into their queues.
    fn queue_ready(&mut self) -> Result<(), StoreError> {
        for loaded in self.tasks.values_mut().filter(|loaded| loaded.dirty) {
            let task = &mut loaded.stored.task;
            if task.is_ready() && task.queue_key.is_none() {
                task.queue_key = Some(self.positions.of(self.tx.conn, task, loaded.was_leased)?);
                loaded.queued = true;
            }
        }
        Ok(())
    }
}
