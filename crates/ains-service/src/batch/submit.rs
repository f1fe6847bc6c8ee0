//! Storing new tasks, those that found an agent already in its hands.

use std::collections::{BTreeMap, BTreeSet};

use ains_core::{Task, TaskId};
use ains_store::StoreError;
use ains_store::tasks::{Documents, StoredTask};

use super::depend::end;
use super::once::{earlier_answer, keep_answer};
use super::{Batch, Outcome, Plan, tally};
use crate::error::Error;
use crate::model::{Answer, NewTask};
use crate::op::Op;

impl Batch<'_> {
    /// Makes the tasks of one submission; they are stored with those of the others.
    pub(super) fn submit(&mut self, number: usize, op: &Op, plan: &mut Plan) -> Result<Outcome, StoreError> {
        let Op::Submit { tasks: new, once, .. } = op else {
            return Ok(Outcome::Nothing);
        };
        let now = self.tx.now;
        if let Some(once) = once
            && let Some(earlier) = earlier_answer(self.tx.conn, once, now)?
        {
            give_back(number, new.len(), plan);
            return Ok(match earlier {
                Ok(answer) => Outcome::Submitted(Answer::Replayed(answer)),
                Err(error) => Outcome::Changed(vec![Err(error)]),
            });
        }
        if let Some(unknown) = self.unknown_dependency(new) {
            give_back(number, new.len(), plan);
            return Ok(Outcome::Changed(vec![Err(Error::UnknownDependency(unknown))]));
        }
        let mut created = Vec::with_capacity(new.len());
        let mut ended = BTreeMap::new();
        for (place, (id, new)) in new.iter().enumerate() {
            let mut task = Task::submitted(*id, new.spec.clone(), now);
            let depends_on = self.depend(&mut task, &new.depends_on, &ended);
            ended.extend(end(&task).map(|end| (*id, end)));
            let mut receiver = None;
            if let Some(pick) = plan.submitted.remove(&(number, place)) {
                receiver = self.give(&mut task, pick, plan);
            }
            if task.is_ready() {
                task.queue_key = Some(self.positions.of(self.tx.conn, &task, false)?);
                self.tx.after.became_ready(&task);
            }
            self.tx.after.due_with(&task);
            self.tx.tell_task(&mut task, &Documents::default());
            tally::submitted(&mut self.tx.after, now);
            tally::moved(&mut self.tx.after, None, (task.status, task.priority));
            let documents = Documents {
                input: Some(new.input.clone()),
                metadata: new.metadata.clone(),
                ..Documents::default()
            };
            let one = StoredTask {
                task,
                documents,
                claim_id: receiver.as_ref().and_then(|(_, _, id)| id.clone()),
                depends_on,
            };
            if let Some((agent, claim, _)) = receiver {
                self.tx
                    .after
                    .deliveries
                    .entry((agent, claim))
                    .or_default()
                    .push(one.clone());
            }
            created.push(one.task.clone());
            self.new_tasks.push(one);
        }
        if let Some(once) = once {
            keep_answer(self.tx.conn, once, (once.render)(&created), now)?;
        }
        Ok(Outcome::Submitted(Answer::Fresh(created)))
    }
    /// The first dependency that is neither stored nor one of the new tasks before.
    fn unknown_dependency(&self, new: &[(TaskId, NewTask)]) -> Option<TaskId> {
        let mut fresh = BTreeSet::new();
        new.iter().find_map(|(id, new)| {
            let mut on = new.depends_on.iter().map(|dependency| dependency.on);
            let unknown = on.find(|on| !self.tasks.contains_key(on) && !fresh.contains(on));
            fresh.insert(*id);
            unknown
        })
    }
}

/// Gives back what was picked for a submission that stores nothing.
fn give_back(number: usize, tasks: usize, plan: &mut Plan) {
    for place in 0..tasks {
        if let Some(pick) = plan.submitted.remove(&(number, place)) {
            plan.reject(pick);
        }
    }
}
