//! Chains in a batch: what clients do with them, what the ends of their tasks mean for them, and the
//! tasks that they start and cancel.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ains_core::chain::{
    Cancel, Chain, Decision, Event, Output, Place, Plan as ChainPlan, Previous, Refusal, Start,
};
use ains_core::dependency::Ending;
use ains_core::{ChainId, ChainStatus, ScheduleId, Status, Task, TaskId};
use ains_store::StoreError;
use ains_store::chains::{self, StoredChain};
use ains_store::slots::Run;
use ains_store::tasks::{Documents, StoredTask};
use ains_store::templates as templates_store;

use super::once::{earlier_answer, keep_answer};
use super::{Batch, Loaded, Outcome};
use crate::chains::summary;
use crate::engine::Subject;
use crate::entropy::mint;
use crate::error::Error;
use crate::input::{Raw, raw, to_raw, with};
use crate::metrics::ChainTurn;
use crate::model::{Answer, ChainSummary, NewChain, Once};
use crate::op::{Found, Op};
use crate::templates;

/// A chain that this batch works on.
pub(super) struct LoadedChain {
    stored: StoredChain,
    plan: Arc<ChainPlan>,
    /// Its input, if it is new.
    new: Option<Box<str>>,
    /// The state that was told of last; none of a new one.
    told: Option<ChainStatus>,
    is_changed: bool,
    /// Whether it had ended when it was loaded.
    was_ended: bool,
}

impl Batch<'_> {
    /// Locks and loads chains that are not loaded yet.
    pub(super) fn load_chains(&mut self, ids: impl IntoIterator<Item = ChainId>) -> Result<(), StoreError> {
        let missing: BTreeSet<ChainId> = ids
            .into_iter()
            .filter(|id| !self.chains.contains_key(id))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let missing: Vec<ChainId> = missing.into_iter().collect();
        for stored in chains::lock(self.tx.conn, &missing)? {
            let plan = self.plans.of(self.tx.conn, stored.id)?;
            let loaded = LoadedChain {
                told: Some(stored.chain.status),
                was_ended: stored.chain.status.is_terminal(),
                stored,
                plan,
                new: None,
                is_changed: false,
            };
            self.chains.insert(loaded.stored.id, loaded);
        }
        Ok(())
    }

    /// Does what clients want of chains, and takes in what was found out for them.
    pub(super) fn steer_chains(&mut self, ops: &[Op], outcomes: &mut [Outcome]) -> Result<(), StoreError> {
        for (op, outcome) in ops.iter().zip(outcomes) {
            match op {
                Op::CreateChain { id, new, once, .. } => {
                    *outcome = Outcome::Chain(self.create_chain(*id, new, once.as_ref())?);
                }
                Op::SteerChain {
                    chain, owner, event, ..
                } => *outcome = Outcome::Chain(self.steer_chain(*chain, owner.as_ref(), event)?),
                Op::Advance(found) => self.advance_chain(found)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Tells chains of their tasks that have ended, or could not be made; whether there was any.
    pub(super) fn tell_chains(&mut self) -> Result<bool, StoreError> {
        let ended: Vec<(ChainId, Place, TaskId)> = self
            .tasks
            .values()
            .filter(|loaded| loaded.dirty && loaded.stored.task.status.is_terminal())
            .filter_map(|loaded| {
                let (chain, place) = loaded.stored.task.chain?;
                Some((chain, place, loaded.stored.task.id))
            })
            .filter(|(_, _, task)| !self.followed.contains(task))
            .collect();
        self.load_chains(ended.iter().map(|(chain, _, _)| *chain))?;
        for (chain, place, id) in &ended {
            self.followed.insert(*id);
            let Some(loaded) = self.tasks.get_mut(id) else {
                continue;
            };
            // Before what it means for the chain.
            self.tx
                .tell_task(&mut loaded.stored.task, &loaded.stored.documents);
            let task = &loaded.stored.task;
            let Some(ending) = task.ending() else { continue };
            let event = Event::TaskEnded {
                place: *place,
                ending,
                error: task.error.clone(),
            };
            // A chain takes in the end of any of its tasks in any state.
            let _ = self.tell_chain(*chain, event)?;
        }
        let unstartable = std::mem::take(&mut self.unstartable);
        let is_any = !ended.is_empty() || !unstartable.is_empty();
        for (chain, place, error) in unstartable {
            let event = Event::TaskEnded {
                place,
                ending: Ending::Failed,
                error: Some(error),
            };
            let _ = self.tell_chain(chain, event)?;
        }
        Ok(is_any)
    }

    /// The chains of this batch that schedules made and that have ended.
    pub(super) fn ended_scheduled_chains(&self) -> impl Iterator<Item = (Run, Status)> + '_ {
        let changed = self.chains.values().filter(|loaded| loaded.is_changed);
        changed.filter_map(|loaded| {
            let stored = &loaded.stored;
            let status = match stored.chain.status {
                ChainStatus::Completed => Status::Completed,
                ChainStatus::Failed => Status::Failed,
                ChainStatus::Cancelled => Status::Cancelled,
                ChainStatus::Pending | ChainStatus::Running | ChainStatus::Paused => return None,
            };
            stored.schedule.map(|_| (Run::Chain(stored.id), status))
        })
    }

    fn create_chain(
        &mut self,
        id: ChainId,
        new: &NewChain,
        once: Option<&Once<ChainSummary>>,
    ) -> Result<Result<Answer<ChainSummary>, Error>, StoreError> {
        let now = self.tx.now;
        if let Some(once) = once
            && let Some(earlier) = earlier_answer(self.tx.conn, once, now)?
        {
            return Ok(earlier.map(Answer::Replayed));
        }
        let templates = new.plan.definition().templates();
        if let Err(error) = templates::kept(self.tx.conn, &templates, &new.client)? {
            return Ok(Err(error));
        }
        if let Err(refusal) = self.begin_chain(id, new, None)? {
            return Ok(Err(refusal.into()));
        }
        let created = self.summary_of(id);
        if let (Some(once), Ok(created)) = (once, &created) {
            keep_answer(self.tx.conn, once, (once.render)(created), now)?;
        }
        Ok(created.map(Answer::Fresh))
    }

    /// Makes a chain and starts its first steps.
    pub(super) fn begin_chain(
        &mut self,
        id: ChainId,
        new: &NewChain,
        schedule: Option<ScheduleId>,
    ) -> Result<Result<(), Refusal>, StoreError> {
        let now = self.tx.now;
        let stored = StoredChain {
            id,
            client: new.client.clone(),
            name: new.name.clone(),
            chain: Chain::new(),
            current_step: 0,
            total_steps: new.plan.len(),
            created_at: now,
            updated_at: now,
            asked_at: None,
            schedule,
        };
        self.plans.put(id, &new.plan);
        self.chains.insert(
            id,
            LoadedChain {
                stored,
                plan: Arc::clone(&new.plan),
                new: Some(new.input.clone()),
                told: None,
                is_changed: true,
                was_ended: false,
            },
        );
        self.tell_chain(id, Event::Begin)
    }

    /// Cancels a chain, if it has not ended.
    pub(super) fn cancel_chain(&mut self, id: ChainId, reason: &str) -> Result<(), StoreError> {
        self.load_chains([id])?;
        let reason = reason.to_owned();
        // What has ended is left as it is.
        let _ = self.tell_chain(id, Event::Cancel { reason })?;
        Ok(())
    }

    fn steer_chain(
        &mut self,
        id: ChainId,
        owner: Option<&ains_core::ClientId>,
        event: &Event,
    ) -> Result<Result<Answer<ChainSummary>, Error>, StoreError> {
        let Some(loaded) = self.chains.get(&id) else {
            return Ok(Err(no_chain(id)));
        };
        if owner.is_some_and(|owner| *owner != loaded.stored.client) {
            return Ok(Err(Error::NotOwner));
        }
        if let Err(refusal) = self.tell_chain(id, event.clone())? {
            return Ok(Err(refusal.into()));
        }
        Ok(self.summary_of(id).map(Answer::Fresh))
    }

    /// Takes in answers. What is not asked any more is passed over, by the chain and here.
    fn advance_chain(&mut self, found: &Found) -> Result<(), StoreError> {
        let Some(loaded) = self.chains.get(&found.chain) else {
            return Ok(());
        };
        for answered in &found.answers {
            if let Some(list) = &answered.list
                && loaded.stored.chain.is_open(&loaded.plan, &answered.question)
            {
                chains::keep(self.tx.conn, found.chain, answered.question.step(), list)?;
            }
        }
        let answers = found.answers.iter();
        let answers = answers.map(|answered| (answered.question, answered.answer.clone()));
        // A chain takes in answers in any state.
        let _ = self.tell_chain(found.chain, Event::Evaluated(answers.collect()))?;
        Ok(())
    }

    fn summary_of(&self, id: ChainId) -> Result<ChainSummary, Error> {
        let loaded = self.chains.get(&id).ok_or_else(|| no_chain(id))?;
        Ok(summary(&loaded.stored, &loaded.plan))
    }

    /// Tells a loaded chain what happened, and does what it decides.
    fn tell_chain(&mut self, id: ChainId, event: Event) -> Result<Result<(), Refusal>, StoreError> {
        let now = self.tx.now;
        let Some(loaded) = self.chains.get_mut(&id) else {
            return Ok(Ok(()));
        };
        let was_ended = loaded.stored.chain.status.is_terminal();
        let decision = match loaded.stored.chain.on(&loaded.plan, event, now) {
            Ok(decision) => decision,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if !decision.changed {
            return Ok(Ok(()));
        }
        loaded.is_changed = true;
        loaded.stored.updated_at = now.max(loaded.stored.updated_at);
        let before = loaded.told.replace(loaded.stored.chain.status);
        self.tx.tell_chain(&loaded.stored, before);
        let turn = ChainTurn::of(loaded.stored.chain.status).filter(|_| !was_ended);
        if let Some(turn) = turn {
            self.tx.after.ended.push(Subject::Chain(id));
            self.tx.after.counts.chain(turn);
        }
        if turn == Some(ChainTurn::Completed) {
            self.tx
                .after
                .counts
                .chain_took(now.since(loaded.stored.created_at));
        }
        let Decision {
            start,
            cancel,
            finished,
            ..
        } = decision;
        for ended in finished {
            self.tx.after.counts.step(ended.status);
        }
        if !cancel.is_empty() {
            self.cancel_steps(id, &cancel)?;
        }
        self.start_tasks(id, start)?;
        Ok(Ok(()))
    }

    /// Cancels the running tasks of steps.
    fn cancel_steps(&mut self, id: ChainId, cancels: &[Cancel]) -> Result<(), StoreError> {
        let stored = chains::unfinished(self.tx.conn, id)?;
        let new = self.tasks.values().filter_map(|loaded| {
            let (chain, place) = loaded.stored.task.chain?;
            (loaded.before.is_none() && chain == id).then_some((place, loaded.stored.task.id))
        });
        let running: Vec<(Place, TaskId)> = stored.into_iter().chain(new).collect();
        let concerned = |place: &Place| {
            cancels
                .iter()
                .find(|cancel| cancel.step == place.step && cancel.compensation == place.compensation)
        };
        let wanted: Vec<(TaskId, &Cancel)> = running
            .iter()
            .filter_map(|(place, task)| Some((*task, concerned(place)?)))
            .collect();
        self.load(wanted.iter().map(|(task, _)| *task))?;
        for (task, cancel) in wanted {
            let Some(loaded) = self.tasks.get_mut(&task) else {
                continue;
            };
            // What has ended in this very batch is left as it is.
            if let Ok(effects) = loaded.stored.task.cancel(&cancel.reason, self.tx.now) {
                loaded.dirty = true;
                self.apply(task, effects);
            }
        }
        Ok(())
    }

    /// Makes the tasks that a chain starts.
    fn start_tasks(&mut self, id: ChainId, starts: Vec<Start>) -> Result<(), StoreError> {
        if let Some(loaded) = self.chains.get(&id) {
            let plan = Arc::clone(&loaded.plan);
            let named = starts.iter().filter_map(|start| plan.task(start.place).template);
            self.read_templates(named)?;
        }
        let mut outputs = Outputs::default();
        for start in starts {
            // The items of a step without expressions all have one input: it is not looked at again.
            let is_same = start.input.is_none() && start.place.item.is_some();
            let same = is_same.then_some((id, start.place.step));
            if let Some(why) = same.and_then(|same| self.unfit.get(&same)) {
                self.unstartable.push((id, start.place, why.clone()));
                continue;
            }
            let Some(loaded) = self.chains.get(&id) else {
                return Ok(());
            };
            let (client, plan) = (loaded.stored.client.clone(), Arc::clone(&loaded.plan));
            let schedule = loaded.stored.schedule;
            let previous = self.previous(id, &start.previous, &mut outputs)?;
            let input = start.input.unwrap_or_else(|| plan.input(start.place).into());
            let input = match previous {
                Some(previous) => with(&input, [("previous_output", Some(previous))]),
                None => input,
            };
            let (mut spec, input) = match self.asked(plan.task(start.place), client, input)? {
                Ok(asked) => asked,
                Err(why) => {
                    if let Some(same) = same {
                        self.unfit.insert(same, why.clone());
                    }
                    self.unstartable.push((id, start.place, why));
                    continue;
                }
            };
            spec.name = plan.step(start.place.step).name.parse().ok();
            spec.chain = Some((id, start.place));
            spec.schedule = schedule;
            let task = mint!(self.tx.entropy, TaskId, self.tx.now);
            let stored = StoredTask {
                task: Task::submitted(task, spec, self.tx.now),
                documents: Documents {
                    input: Some(input),
                    ..Documents::default()
                },
                claim_id: None,
                depends_on: Vec::new(),
            };
            self.tasks.insert(task, Loaded::new_task(stored));
        }
        Ok(())
    }

    /// What is put into the input of a task as `previous_output`.
    fn previous(
        &mut self,
        id: ChainId,
        previous: &Previous,
        outputs: &mut Outputs,
    ) -> Result<Option<Raw>, StoreError> {
        Ok(match previous {
            Previous::None => None,
            Previous::Step(step) => Some(self.output_of(id, *step, outputs)?),
            Previous::Own(place) => Some(self.result_at(id, *place)?),
            Previous::Named(steps) => {
                let mut named: BTreeMap<String, Raw> = BTreeMap::new();
                for step in steps {
                    let output = self.output_of(id, *step, outputs)?;
                    if let Some(loaded) = self.chains.get(&id) {
                        named.insert(loaded.plan.step(*step).name.clone(), output);
                    }
                }
                to_raw(&named)
            }
        })
    }

    /// The output of a step; null if it has none.
    fn output_of(&mut self, id: ChainId, step: u32, outputs: &mut Outputs) -> Result<Raw, StoreError> {
        if let Some(known) = outputs.0.get(&step) {
            return Ok(known.clone());
        }
        let Some(loaded) = self.chains.get(&id) else {
            return Ok(null());
        };
        let output = match loaded.stored.chain.output(&loaded.plan, step) {
            Output::None => null(),
            Output::Task(place) => self.result_at(id, place)?,
            Output::Items { total: 0, .. } => raw("[]").unwrap_or_else(null),
            Output::Items { step, .. } => {
                let mut lists = chains::lists(self.tx.conn, id, &[step])?;
                let output = lists.remove(&step).and_then(|(_, output)| output);
                output.as_deref().and_then(raw).unwrap_or_else(null)
            }
        };
        outputs.0.insert(step, output.clone());
        Ok(output)
    }

    /// The result of the task at a place; null if it has none.
    fn result_at(&mut self, id: ChainId, place: Place) -> Result<Raw, StoreError> {
        let here = self
            .tasks
            .values()
            .find(|loaded| loaded.stored.task.chain == Some((id, place)));
        let in_this_batch = here.and_then(|loaded| loaded.stored.documents.result.clone());
        let result = match in_this_batch {
            None => {
                let mut placed = chains::results(self.tx.conn, id, &[place], usize::MAX)?;
                placed.remove(&place).and_then(|placed| placed.result)
            }
            completed => completed,
        };
        Ok(result.as_deref().and_then(raw).unwrap_or_else(null))
    }

    /// Saves the chains that changed.
    pub(super) fn save_chains(&mut self) -> Result<(), StoreError> {
        let now = self.tx.now;
        for loaded in self.chains.values_mut().filter(|loaded| loaded.is_changed) {
            let stored = &mut loaded.stored;
            stored.current_step = stored.chain.current_step(&loaded.plan);
            let asks = !stored.chain.questions(&loaded.plan).is_empty();
            stored.asked_at = asks.then_some(now);
            if asks {
                self.tx.after.asked.insert(stored.id);
            }
        }
        let changed = || self.chains.values().filter(|loaded| loaded.is_changed);
        let new: Vec<_> = changed()
            .filter_map(|loaded| Some((&loaded.stored, loaded.plan.definition(), loaded.new.as_deref()?)))
            .collect();
        chains::insert(self.tx.conn, &new)?;
        for _ in &new {
            self.tx.after.counts.chain(ChainTurn::Created);
        }
        let known = changed().filter(|loaded| loaded.new.is_none());
        let known: Vec<&StoredChain> = known.map(|loaded| &loaded.stored).collect();
        chains::save(self.tx.conn, &known)?;
        self.refer_to_templates()
    }

    /// Notes which templates the chains refer to that have begun, and forgets those of the ones that have ended.
    fn refer_to_templates(&mut self) -> Result<(), StoreError> {
        let mut refer = Vec::new();
        let mut forget = Vec::new();
        for (id, loaded) in self.chains.iter().filter(|(_, loaded)| loaded.is_changed) {
            let is_open = !loaded.stored.chain.status.is_terminal();
            let was_open = loaded.new.is_none() && !loaded.was_ended;
            if is_open == was_open {
                continue;
            }
            let templates = loaded.plan.definition().templates();
            if templates.is_empty() {
                continue;
            }
            if is_open {
                refer.push((*id, templates));
            } else {
                forget.push(*id);
            }
        }
        templates_store::refer(self.tx.conn, &refer)?;
        templates_store::forget(self.tx.conn, &forget)
    }
}

/// Outputs that have been read for the tasks of one decision, by step.
#[derive(Default)]
struct Outputs(BTreeMap<u32, Raw>);

fn null() -> Raw {
    serde_json::value::RawValue::NULL.to_owned()
}

fn no_chain(id: ChainId) -> Error {
    Error::NotFound {
        entity: "Chain",
        id: id.to_string(),
    }
}
