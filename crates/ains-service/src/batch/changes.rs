//! What agents report, clients change and the clock says, applied to the loaded tasks.

use ains_core::agent::AgentStatus;
use ains_core::task::{Event, IllegalTransition, Refusal, ReportKind, Verdict};
use ains_core::{AgentId, Effect, Status, Task, TaskId};
use ains_store::{StoreError, attempts};

use super::{Batch, Outcome, Plan, Swept};
use crate::error::Error;
use crate::metrics::LATE;
use crate::model::{Changed, Delivery, Progress, TaskChange};
use crate::op::{Change, ChangeKind, Op};

impl Batch<'_> {
    /// Applies what an operation says about tasks that exist.
    pub(super) fn change(&mut self, op: &Op, plan: &Plan) -> Result<Outcome, StoreError> {
        Ok(match op {
            Op::Change { changes, .. } => {
                let results = changes.iter().map(|change| self.change_one(change));
                Outcome::Changed(results.collect::<Result<_, _>>()?)
            }
            Op::Report { deliveries, .. } => {
                let results = deliveries
                    .iter()
                    .map(|delivery| self.report(delivery))
                    .collect::<Result<_, _>>()?;
                Outcome::Reported {
                    results,
                    claimed: None,
                }
            }
            Op::Sweep { .. } => {
                let (judged, late) = self.sweep(plan);
                Outcome::Swept(Swept {
                    tasks: judged + self.silence(plan),
                    schedules: 0,
                    late,
                })
            }
            Op::Lost { agent, tasks } => {
                for task in tasks {
                    self.lose(*task, agent);
                }
                Outcome::Nothing
            }
            Op::Act(_)
            | Op::Submit { .. }
            | Op::CreateChain { .. }
            | Op::SteerChain { .. }
            | Op::SteerSchedule { .. }
            | Op::Advance(_)
            | Op::Claim(_)
            | Op::Match { .. }
            | Op::Settle { .. } => Outcome::Nothing,
        })
    }

    fn report(&mut self, delivery: &Delivery) -> Result<Result<Task, Error>, StoreError> {
        let report = &delivery.report;
        self.hears_from(&report.agent);
        let now = self.tx.now;
        let chance = self.tx.entropy.jitter();
        let Some(loaded) = self.tasks.get_mut(&report.task) else {
            return Ok(Err(Error::NotFound {
                entity: "Task",
                id: report.task.to_string(),
            }));
        };
        let before = loaded.stored.task.status;
        match loaded.stored.task.apply(report, chance, now) {
            Ok(effects) => {
                let documents = &mut loaded.stored.documents;
                match report.kind {
                    ReportKind::Complete if !before.is_terminal() => {
                        documents.result.clone_from(&delivery.result);
                        documents.usage.clone_from(&delivery.usage);
                    }
                    ReportKind::Progress => {
                        documents.progress =
                            delivery.progress.as_ref().map(|progress| progress.document(now));
                    }
                    _ => {}
                }
                // The same report again changes nothing, so nothing is written.
                let changed = loaded.stored.task.status != before || report.kind == ReportKind::Progress;
                loaded.dirty |= changed;
                let task = loaded.stored.task.clone();
                self.apply(task.id, effects);
                Ok(Ok(task))
            }
            Err(Refusal::LeaseLost { .. }) if matches!(report.kind, ReportKind::Fail(_)) => {
                let task = loaded.stored.task.clone();
                Ok(if self.failed_before(delivery)? {
                    Ok(task)
                } else {
                    Err(refused(&task, delivery))
                })
            }
            Err(refusal) => Ok(Err(refusal.into())),
        }
    }

    /// Whether this very failure has been recorded: the task may have gone on since.
    fn failed_before(&mut self, delivery: &Delivery) -> Result<bool, StoreError> {
        let report = &delivery.report;
        let current = self
            .tasks
            .get(&report.task)
            .map_or(0, |loaded| loaded.stored.task.attempt);
        let attempt = report.attempt.unwrap_or(current);
        let same = |record: &ains_core::effect::Attempt| {
            record.number == attempt
                && record.agent == report.agent
                && record.outcome == ains_core::effect::Outcome::Failed
        };
        Ok(self
            .attempts
            .iter()
            .any(|record| record.task == report.task && same(record))
            || attempts::of_task(self.tx.conn, report.task)?.iter().any(same))
    }

    fn change_one(&mut self, change: &Change) -> Result<Result<Changed, Error>, StoreError> {
        let id = change.task;
        let Some(loaded) = self.tasks.get(&id) else {
            return Ok(Err(Error::NotFound {
                entity: "Task",
                id: id.to_string(),
            }));
        };
        let before = loaded.stored.task.clone();
        if change.owner.as_ref().is_some_and(|owner| *owner != before.client) {
            return Ok(Err(Error::NotOwner));
        }
        let mut task = before.clone();
        let effects = match self.decide(&mut task, &change.kind) {
            Ok(effects) => effects,
            Err(refusal) => return Ok(Err(refusal)),
        };
        self.set(task);
        let concerning_others = match &change.kind {
            ChangeKind::RetryNow { cascade } => self.retried(id, *cascade)?,
            ChangeKind::RetryLater => self.retried(id, false)?,
            ChangeKind::Edit(TaskChange {
                depends_on: Some(depends_on),
                ..
            }) => self.change_dependencies(id, depends_on)?,
            ChangeKind::Edit(_) | ChangeKind::Cancel { .. } => Ok(()),
        };
        if let Err(refusal) = concerning_others {
            self.set(before);
            return Ok(Err(refusal));
        }
        self.apply(id, effects);
        let Some(loaded) = self.tasks.get_mut(&id) else {
            return Ok(Err(Error::Stopping));
        };
        loaded.dirty = true;
        if let ChangeKind::Edit(edit) = &change.kind
            && edit.metadata.is_some()
        {
            loaded.stored.documents.metadata.clone_from(&edit.metadata);
        }
        let after = loaded.stored.task.clone();
        Ok(Ok(Changed { before, after }))
    }

    /// Puts a task back after a decision.
    fn set(&mut self, task: Task) {
        if let Some(loaded) = self.tasks.get_mut(&task.id) {
            loaded.stored.task = task;
        }
    }

    /// What a client's or an operator's wish means for the task alone.
    fn decide(&self, task: &mut Task, kind: &ChangeKind) -> Result<Vec<Effect>, Error> {
        let now = self.tx.now;
        if let (Some((chain, _)), ChangeKind::RetryNow { .. } | ChangeKind::RetryLater) = (task.chain, kind) {
            return Err(Error::OfChain(chain));
        }
        Ok(match kind {
            ChangeKind::Cancel { reason } => task.cancel(reason, now)?,
            ChangeKind::RetryNow { .. } => task.retry_now(now)?,
            ChangeKind::RetryLater => task.retry_later(self.tx.entropy.jitter(), now)?,
            ChangeKind::Edit(edit) => {
                if edit.not_active && !matches!(task.status, Status::Pending | Status::Assigned) {
                    return Err(IllegalTransition {
                        from: task.status,
                        event: Event::Assigned,
                    }
                    .into());
                }
                if let Some(priority) = edit.priority {
                    task.set_priority(priority, now)?;
                }
                if let Some(timeout) = edit.timeout {
                    task.set_timeout(timeout, now)?;
                }
                if edit.metadata.is_some() {
                    task.touch(now)?;
                }
                Vec::new()
            }
        })
    }

    /// Judges the tasks for which an instant has come; how many, and how many of them late.
    fn sweep(&mut self, plan: &Plan) -> (u64, u64) {
        let now = self.tx.now;
        let (mut judged, mut late) = (0, 0);
        for (id, holder) in &plan.overdue {
            let Some(loaded) = self.tasks.get(id) else {
                continue;
            };
            // Another server may have been faster; and a task that has changed hands since is
            // left to the next sweep, because its agent is not locked.
            let task = &loaded.stored.task;
            if task.status.is_leased() && task.agent != *holder {
                continue;
            }
            let Some(verdict) = task.verdict(now) else {
                continue;
            };
            if verdict == Verdict::LeaseLost && self.is_too_early_for(holder.as_ref()) {
                self.tx.after.due(Some(now + std::time::Duration::from_secs(1)));
                continue;
            }
            let instants = [task.due_at, task.lease_expires_at, task.expires_at];
            let is_late = instants.into_iter().flatten().any(|at| at + LATE <= now);
            self.judge(*id, verdict);
            judged += 1;
            late += u64::from(is_late);
        }
        (judged, late)
    }

    /// Lets silent agents go, with what they hold; how many tasks.
    fn silence(&mut self, plan: &Plan) -> u64 {
        let mut judged = 0;
        for (id, held) in &plan.silent {
            let now = self.tx.now;
            let heard = self.engine.lock().roster.get(id).map(|known| {
                // A claim that waits is a sign of life too.
                if known.waiting.is_empty() {
                    known.last_seen
                } else {
                    now
                }
            });
            let Some(agent) = self.agents.get_mut(id) else {
                continue;
            };
            let mut seen = agent.clone();
            seen.last_seen_at = heard.map_or(seen.last_seen_at, |at| at.max(seen.last_seen_at));
            let gone = agent.status == AgentStatus::Inactive || seen.silent_at() > self.tx.now;
            if gone || self.is_too_early_for(Some(id)) {
                continue;
            }
            tracing::info!(agent = %id, "an agent fell silent");
            if let Some(agent) = self.agents.get_mut(id) {
                agent.status = AgentStatus::Inactive;
                agent.touch(self.tx.now);
                self.changed_agents.insert(id.clone());
            }
            judged += held.iter().filter(|task| self.lose(**task, id)).count() as u64;
        }
        judged
    }

    /// Takes a lease from an agent that is gone; whether it held it.
    fn lose(&mut self, task: TaskId, agent: &AgentId) -> bool {
        let held = self.tasks.get(&task).is_some_and(|loaded| {
            loaded.stored.task.status.is_leased() && loaded.stored.task.agent.as_ref() == Some(agent)
        });
        if held {
            self.judge(task, Verdict::LeaseLost);
        }
        held
    }

    fn judge(&mut self, id: TaskId, verdict: Verdict) {
        let chance = self.tx.entropy.jitter();
        let Some(loaded) = self.tasks.get_mut(&id) else {
            return;
        };
        // A verdict was made of the state it is carried out on, so it is never refused.
        if let Ok(effects) = loaded.stored.task.judge(verdict, chance, self.tx.now) {
            loaded.dirty = true;
            self.apply(id, effects);
        }
    }

    /// After a time without any server nothing is judged silent or lost until the agent had one
    /// interval to be heard (semantics §1.2).
    fn is_too_early_for(&self, agent: Option<&AgentId>) -> bool {
        let interval = agent
            .and_then(|agent| self.agents.get(agent))
            .map(|agent| agent.heartbeat_interval);
        interval.is_some_and(|interval| self.listening_since + interval > self.tx.now)
    }

    /// An agent has called: it is there, and answers for itself again.
    pub(super) fn hears_from(&mut self, id: &AgentId) {
        if let Some(agent) = self.agents.get_mut(id)
            && (agent.unresponsive || agent.status == AgentStatus::Inactive)
        {
            agent.unresponsive = false;
            if agent.status == AgentStatus::Inactive {
                agent.status = AgentStatus::Active;
            }
            agent.last_seen_at = agent.last_seen_at.max(self.tx.now);
            agent.touch(self.tx.now);
            self.changed_agents.insert(id.clone());
        }
    }
}

fn refused(task: &Task, delivery: &Delivery) -> Error {
    let own = task.agent.as_ref() == Some(&delivery.report.agent);
    Refusal::LeaseLost {
        status: task.status,
        attempt: task.attempt,
        own,
    }
    .into()
}

impl Progress {
    /// The JSON that is stored and shown.
    fn document(&self, now: ains_core::Timestamp) -> Box<str> {
        #[derive(serde::Serialize)]
        struct Shown<'a> {
            percent: Option<f64>,
            message: Option<&'a str>,
            data: Option<&'a serde_json::value::RawValue>,
            at: String,
        }
        let shown = Shown {
            percent: self.percent,
            message: self.message.as_deref(),
            data: self
                .data
                .as_deref()
                .and_then(|data| serde_json::from_str(data).ok()),
            at: now.to_string(),
        };
        serde_json::to_string(&shown)
            .unwrap_or_else(|_| "{}".to_owned())
            .into()
    }
}
