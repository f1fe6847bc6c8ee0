//! Writing down what a batch decided.

use std::collections::BTreeMap;

use ains_core::agent::{Agent, AgentStatus};
use ains_core::{AgentId, EventType, Status};
use ains_store::tasks::{Documents, Save};
use ains_store::{StoreError, agents, attempts, counters, tasks, trust};

use super::{Batch, tally};
use crate::engine::Subject;

impl Batch<'_> {
    /// Saves the tasks that changed, and notes what that means for others.
    pub(super) fn save_tasks(&mut self) -> Result<(), StoreError> {
        let mut changed = Vec::new();
        for loaded in self.tasks.values_mut().filter(|loaded| loaded.dirty) {
            loaded.dirty = false;
            let task = &mut loaded.stored.task;
            if task.is_ready() && loaded.queued {
                self.tx.after.became_ready(task);
            }
            if !task.status.is_leased() {
                loaded.stored.claim_id = None;
            }
            let was_terminal = loaded.before.is_some_and(|(status, _)| status.is_terminal());
            if task.status.is_terminal() && !was_terminal {
                self.tx.after.ended.push(Subject::Task(task.id));
            }
            self.tx.after.due_with(task);
            self.tx.tell_task(task, &loaded.stored.documents);
            let after = (task.status, task.priority);
            tally::moved(&mut self.tx.after, loaded.before, after);
            let was_completed = loaded
                .before
                .is_some_and(|(status, _)| status == Status::Completed);
            if task.status == Status::Completed && !was_completed {
                tally::completed(&mut self.tx.after, task, self.tx.now);
            }
            if loaded.before.replace(after).is_none() {
                tally::submitted(&mut self.tx.after, self.tx.now);
                self.new_tasks.push(loaded.stored.clone());
                continue;
            }
            changed.push(&loaded.stored);
        }
        let saves: Vec<Save<'_>> = changed
            .iter()
            .map(|stored| Save {
                task: &stored.task,
                documents: &stored.documents,
                claim_id: stored.claim_id.as_deref(),
            })
            .collect();
        tasks::save(self.tx.conn, &saves)?;
        for loaded in self.tasks.values_mut() {
            loaded.stored.documents = Documents::default();
        }
        Ok(())
    }

    /// Saves everything else.
    pub(super) fn save_rest(&mut self, writer: &str) -> Result<(), StoreError> {
        attempts::insert(self.tx.conn, &self.attempts)?;
        if !self.trust.is_empty() {
            self.tx
                .after
                .count("rows.trust_records", i64::try_from(self.trust.len()).unwrap_or(0));
        }
        trust::insert(self.tx.conn, &self.trust)?;
        let changed = self.changed_agents.iter();
        let changed: BTreeMap<AgentId, Agent> = changed
            .filter_map(|id| self.agents.get(id).map(|agent| (id.clone(), agent.clone())))
            .collect();
        for (id, agent) in &changed {
            let inactive = |status: AgentStatus| i64::from(status == AgentStatus::Inactive);
            let before = self.agents_before.get(id).copied().unwrap_or(agent.status);
            if inactive(before) < inactive(agent.status) {
                self.tx.tell_agent(EventType::AgentInactive, agent);
            }
            self.tx
                .after
                .count("agents.active", inactive(before) - inactive(agent.status));
        }
        agents::save(self.tx.conn, &changed.values().collect::<Vec<_>>())?;
        self.save_told()?;
        counters::add(self.tx.conn, writer, &self.tx.after.deltas)?;
        self.tx.after.updated.extend(changed);
        self.count_uses()
    }
}
