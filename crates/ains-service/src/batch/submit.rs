//! Storing new tasks, those that found an agent already in its hands.

use ains_core::Task;
use ains_store::StoreError;
use ains_store::tasks::{Documents, StoredTask};

use super::once::{earlier_answer, keep_answer};
use super::{Batch, Outcome, Plan, tally};
use crate::model::Answer;
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
            for place in 0..new.len() {
                if let Some(pick) = plan.submitted.remove(&(number, place)) {
                    plan.reject(pick);
                }
            }
            return Ok(match earlier {
                Ok(answer) => Outcome::Submitted(Answer::Replayed(answer)),
                Err(error) => Outcome::Changed(vec![Err(error)]),
            });
        }
        let mut created = Vec::with_capacity(new.len());
        for (place, (id, new)) in new.iter().enumerate() {
            let mut task = Task::submitted(*id, new.spec.clone(), now);
            let mut receiver = None;
            if let Some(pick) = plan.submitted.remove(&(number, place)) {
                receiver = self.give(&mut task, pick, plan);
            }
            if task.is_ready() {
                task.queue_key = Some(self.positions.of(self.tx.conn, &task, false)?);
                self.tx.after.ready.insert(task.lane());
            }
            self.tx.after.due_with(&task);
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
}
