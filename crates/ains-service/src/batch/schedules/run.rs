//! The tasks and chains that slots make, and what becomes of earlier ones.

use std::sync::Arc;

use ains_core::schedule::{Event, Fires, Firing, SlotState};
use ains_core::{ChainId, ScheduleId, SlotId, Task, TaskId};
use ains_store::StoreError;
use ains_store::slots::{self, Run, StoredSlot};
use ains_store::tasks::{Documents, StoredTask};

use super::super::{Batch, Loaded};
use crate::entropy::mint;
use crate::input::{to_raw, with};
use crate::model::NewChain;

/// Characters of input that count as much as a task.
const CHARACTERS: usize = 32 << 10;

/// What a run costs: one for a task, and for each step of a chain that may start at once, and one for every 32 KiB of
/// input.
pub(super) fn cost(fires: &Fires) -> usize {
    let (tasks, input) = match fires {
        Fires::Task { input, metadata, .. } => (1, input.len() + metadata.as_deref().map_or(0, str::len)),
        Fires::Chain {
            definition, input, ..
        } => {
            let inputs = definition.steps.iter().map(|step| step.input.len());
            (1 + definition.steps.len(), input.len() + inputs.sum::<usize>())
        }
    };
    tasks + input / CHARACTERS
}

impl Batch<'_> {
    /// What a run of a schedule costs; at least 1.
    pub(super) fn cost(&self, id: ScheduleId) -> usize {
        let loaded = self.schedules.loaded.get(&id);
        loaded.map_or(1, |loaded| {
            let definition = &loaded.stored.definition;
            cost(&definition.fires) + self.default_inputs(&definition.templates()) / CHARACTERS
        })
    }

    /// Makes what a schedule makes, for a slot; what cannot be made counts as a run that failed.
    pub(super) fn fire(&mut self, id: ScheduleId, firing: Firing) -> Result<StoredSlot, StoreError> {
        let now = self.tx.now;
        let (run, reason) = match self.make(id, firing)? {
            Ok(run) => (Some(run), None),
            Err(reason) => {
                self.schedules.unmade.push(id);
                (None, Some(reason))
            }
        };
        if let Some(run) = run {
            let chain = matches!(run, Run::Chain(_));
            self.tx.after.counts.scheduled(chain);
        }
        let state = if run.is_some() {
            SlotState::Fired
        } else {
            SlotState::Skipped
        };
        Ok(StoredSlot {
            id: SlotId::of(id, firing.slot_at),
            schedule: id,
            slot_at: firing.slot_at,
            until: None,
            count: 1,
            kind: firing.kind,
            state,
            reason,
            run,
            fired_at: run.map(|_| now),
            ended_at: None,
            outcome: None,
            decided_at: now,
        })
    }

    /// Makes what a schedule makes, for a slot; why it cannot be made.
    fn make(&mut self, id: ScheduleId, firing: Firing) -> Result<Result<Run, String>, StoreError> {
        let Some(loaded) = self.schedules.loaded.get_mut(&id) else {
            return Ok(Err("the schedule is gone".to_owned()));
        };
        let (client, definition) = (
            loaded.stored.client.clone(),
            Arc::clone(&loaded.stored.definition),
        );
        let slot_at = to_raw(&firing.slot_at.to_string());
        let now = self.tx.now;
        Ok(Ok(match &definition.fires {
            Fires::Task {
                task,
                input,
                metadata,
            } => {
                let (mut spec, input) = match self.asked(task, client, input.clone())? {
                    Ok(asked) => asked,
                    Err(why) => return Ok(Err(format!("the task cannot be made: {why}"))),
                };
                spec.schedule = Some(id);
                let metadata = metadata.as_deref().unwrap_or("{}");
                let stored = StoredTask {
                    task: Task::submitted(mint!(self.tx.entropy, TaskId, now), spec, now),
                    documents: Documents {
                        input: Some(input),
                        metadata: Some(with(metadata, [("slot_at", slot_at)])),
                        ..Documents::default()
                    },
                    claim_id: None,
                    depends_on: Vec::new(),
                };
                let task = stored.task.id;
                self.tasks.insert(task, Loaded::new_task(stored));
                Run::Task(task)
            }
            Fires::Chain {
                name,
                definition,
                input,
            } => {
                let plan = match &loaded.plan {
                    Some(plan) => Arc::clone(plan),
                    // It was right when it was stored; what is right may have changed since.
                    None => match definition.clone().check() {
                        Ok(plan) => Arc::clone(loaded.plan.insert(Arc::new(plan))),
                        Err(faults) => {
                            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
                            return Ok(Err(format!("the chain cannot be made: {}", faults.join("; "))));
                        }
                    },
                };
                let new = NewChain {
                    client,
                    name: name.clone(),
                    plan,
                    input: with(input, [("slot_at", slot_at)]),
                };
                let chain = mint!(self.tx.entropy, ChainId, now);
                // A new chain can begin.
                let _ = self.begin_chain(chain, &new, Some(id))?;
                Run::Chain(chain)
            }
        }))
    }

    /// Lets the oldest slot fire that waits.
    pub(super) fn release(&mut self, id: ScheduleId) -> Result<(), StoreError> {
        self.store_slots()?;
        let Some(buffered) = slots::oldest_buffered(self.tx.conn, id)? else {
            let loaded = self.schedules.loaded.get(&id);
            let waiting = loaded.map_or(0, |loaded| loaded.stored.schedule.buffered);
            // Nothing waits, so nothing is released again.
            let _ = self.decide_schedule(id, Event::Forgotten(waiting));
            return Ok(());
        };
        let now = self.tx.now;
        self.with_schedule(id, |schedule, timeline, _| {
            schedule.released(timeline, buffered.kind, now);
        });
        let firing = Firing {
            slot_at: buffered.slot_at,
            kind: buffered.kind,
        };
        let fired = self.fire(id, firing)?;
        self.tell_slots(id, std::slice::from_ref(&fired));
        self.record_slots([fired]);
        Ok(())
    }

    /// Cancels the runs of a schedule that have not ended.
    pub(super) fn cancel_runs(&mut self, id: ScheduleId, reason: &str) -> Result<(), StoreError> {
        self.store_slots()?;
        let runs = slots::open_runs(self.tx.conn, id)?;
        let tasks: Vec<TaskId> = runs
            .iter()
            .filter_map(|run| match run {
                Run::Task(task) => Some(*task),
                Run::Chain(_) => None,
            })
            .collect();
        self.load(tasks.iter().copied())?;
        for task in tasks {
            let Some(loaded) = self.tasks.get_mut(&task) else {
                continue;
            };
            // What has ended in this very batch is left as it is.
            if let Ok(effects) = loaded.stored.task.cancel(reason, self.tx.now) {
                loaded.dirty = true;
                self.apply(task, effects);
            }
        }
        for run in runs {
            if let Run::Chain(chain) = run {
                self.cancel_chain(chain, reason)?;
            }
        }
        Ok(())
    }
}
