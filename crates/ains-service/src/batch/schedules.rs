//! Schedules in a batch: what clients do with them, what time does, what the ends of their runs mean for them, and the
//! tasks and chains that they make.
//!
//! | file | what |
//! |---|---|
//! | `steer` | what clients do with them |
//! | `run` | the tasks and chains that slots make, and what becomes of earlier ones |

mod run;
mod steer;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ains_core::calendar::Calendar;
use ains_core::chain::Plan as ChainPlan;
use ains_core::dependency::Ending;
use ains_core::schedule::{Decision, Event, Pace, Record, Refusal, Schedule, Timeline};
use ains_core::{CalendarId, ScheduleId, SlotId, Status, Timestamp};
use ains_store::schedules::{self, StoredSchedule};
use ains_store::slots::{self, Run, StoredSlot};
use ains_store::{StoreError, calendars};

use super::Batch;
use crate::metrics::LATE;

/// Most schedules that one batch takes because their time has come.
const DUE: i64 = 200;

/// How much slots may make in one batch, in units of [`run::cost`]; what comes after that stays due.
const BUDGET: usize = 512;

/// Why a schedule is paused that cannot know its slots.
const NO_CALENDAR: &str = "a calendar of the schedule cannot be read";

/// The schedules that a batch works on.
#[derive(Default)]
pub(super) struct Schedules {
    loaded: BTreeMap<ScheduleId, LoadedSchedule>,
    /// The calendars that have been read.
    calendars: Arc<BTreeMap<CalendarId, Calendar>>,
    /// Slots that are recorded, but not stored yet, by schedule and slot.
    slots: BTreeMap<(ScheduleId, Timestamp), StoredSlot>,
    /// What they made and has ended, and they have been told.
    counted: BTreeSet<Run>,
    /// Those with a run that could not be made, once for each.
    unmade: Vec<ScheduleId>,
}

/// A schedule that this batch works on.
struct LoadedSchedule {
    stored: StoredSchedule,
    /// What it makes, if that is a chain, once that is known.
    plan: Option<Arc<ChainPlan>>,
    is_changed: bool,
}

impl LoadedSchedule {
    /// Whether there is something to do for it because of time.
    fn is_due(&self, now: Timestamp) -> bool {
        self.stored.look_since.is_some() || self.stored.schedule.due_at.is_some_and(|due| due <= now)
    }
}

impl Batch<'_> {
    /// Locks and loads schedules that are not loaded yet.
    pub(super) fn load_schedules(
        &mut self,
        ids: impl IntoIterator<Item = ScheduleId>,
    ) -> Result<(), StoreError> {
        let missing: BTreeSet<ScheduleId> = ids
            .into_iter()
            .filter(|id| !self.schedules.loaded.contains_key(id))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let missing: Vec<ScheduleId> = missing.into_iter().collect();
        let locked = schedules::lock(self.tx.conn, &missing)?;
        self.take_schedules(locked);
        Ok(())
    }

    /// Locks and loads the schedules whose time has come, or whose calendars have been changed, but for those that
    /// another server works on.
    pub(super) fn load_due_schedules(&mut self) -> Result<(), StoreError> {
        let due = schedules::lock_due(self.tx.conn, self.tx.now, DUE)?;
        let left = DUE.saturating_sub(i64::try_from(due.len()).unwrap_or(DUE));
        self.take_schedules(due);
        if left > 0 {
            let marked = schedules::lock_to_look(self.tx.conn, left)?;
            self.take_schedules(marked);
        }
        Ok(())
    }

    fn take_schedules(&mut self, locked: Vec<StoredSchedule>) {
        for stored in locked {
            let loaded = LoadedSchedule {
                stored,
                plan: None,
                is_changed: false,
            };
            let id = loaded.stored.id;
            self.schedules.loaded.entry(id).or_insert(loaded);
        }
    }

    /// The runs that loaded schedules may cancel because of time, or because of `named` ones' steering.
    pub(super) fn cancellable(&mut self, named: &BTreeSet<ScheduleId>) -> Result<Vec<Run>, StoreError> {
        use ains_core::schedule::Overlap;
        let now = self.tx.now;
        let loaded = self.schedules.loaded.values().filter(|loaded| {
            loaded.stored.definition.overlap == Overlap::CancelOther && loaded.stored.schedule.open_runs > 0
        });
        let cancels = loaded.filter(|loaded| loaded.is_due(now) || named.contains(&loaded.stored.id));
        let ids: Vec<ScheduleId> = cancels.map(|loaded| loaded.stored.id).collect();
        let mut runs = Vec::new();
        for id in ids {
            runs.extend(slots::open_runs(self.tx.conn, id)?);
        }
        Ok(runs)
    }

    /// Reads the calendars that loaded schedules heed, those that have not been read.
    fn read_calendars(&mut self, ids: &[ScheduleId]) -> Result<(), StoreError> {
        let known = &self.schedules.calendars;
        let heeding = ids.iter().filter_map(|id| self.schedules.loaded.get(id));
        let uses = heeding.flat_map(|loaded| &loaded.stored.definition.calendars);
        let missing: BTreeSet<CalendarId> = uses
            .map(|used| used.calendar_id)
            .filter(|id| !known.contains_key(id))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let missing: Vec<CalendarId> = missing.into_iter().collect();
        let found = calendars::find(self.tx.conn, &missing)?;
        let found = found.into_iter().map(|(id, stored)| (id, stored.calendar));
        Arc::make_mut(&mut self.schedules.calendars).extend(found);
        Ok(())
    }

    /// Whether all calendars are known that a schedule heeds.
    fn knows_calendars(&self, id: ScheduleId) -> bool {
        self.schedules.loaded.get(&id).is_none_or(|loaded| {
            let mut uses = loaded.stored.definition.calendars.iter();
            uses.all(|used| self.schedules.calendars.contains_key(&used.calendar_id))
        })
    }

    /// Lets the slots fire whose time has come, as many as fit into one batch; of how many schedules, and how many of
    /// them late.
    pub(super) fn fire_due(&mut self) -> Result<(u64, u64), StoreError> {
        let now = self.tx.now;
        let due = self.schedules.loaded.values().filter(|loaded| loaded.is_due(now));
        let due: Vec<ScheduleId> = due.map(|loaded| loaded.stored.id).collect();
        self.read_calendars(&due)?;
        let making = due.iter().filter_map(|id| self.schedules.loaded.get(id));
        let templates = making.flat_map(|loaded| loaded.stored.definition.templates());
        let templates: BTreeSet<_> = templates.collect();
        self.read_templates(templates)?;
        let mut left = BUDGET;
        let (mut told, mut late) = (0, 0);
        for id in due {
            if left == 0 {
                break;
            }
            told += 1;
            let loaded = self.schedules.loaded.get(&id);
            let due_at = loaded.and_then(|loaded| loaded.stored.schedule.due_at);
            late += u64::from(due_at.is_some_and(|due| due + LATE <= now));
            if !self.knows_calendars(id) {
                let reason = NO_CALENDAR.to_owned();
                // A pause is taken in however it stands.
                let _ = self.tell_schedule(id, Event::Pause { reason })?;
                continue;
            }
            let cost = self.cost(id);
            let pace = Pace {
                most: left / cost,
                since: self.behind_since.unwrap_or(now).min(now),
            };
            let decision = self.with_schedule(id, |schedule, timeline, look_since| {
                if let Some(since) = look_since.take() {
                    schedule.calendar_changed(timeline, since);
                }
                schedule.due(id, timeline, pace, now)
            });
            let Some(decision) = decision else { continue };
            left = left.saturating_sub(decision.fire.len() * cost).min(left - 1);
            self.carry_out(id, decision)?;
        }
        Ok((told, late))
    }

    /// Tells schedules of what they made and has ended; whether there was any.
    pub(super) fn tell_schedules(&mut self) -> Result<bool, StoreError> {
        let tasks = self.tasks.values().filter(|loaded| loaded.dirty);
        let tasks = tasks.filter_map(|loaded| {
            let task = &loaded.stored.task;
            let made = task.schedule.is_some() && task.chain.is_none() && task.status.is_terminal();
            made.then_some((Run::Task(task.id), task.status))
        });
        let ended: BTreeMap<Run, Status> = tasks
            .chain(self.ended_scheduled_chains())
            .filter(|(run, _)| !self.schedules.counted.contains(run))
            .collect();
        let unmade = std::mem::take(&mut self.schedules.unmade);
        if ended.is_empty() && unmade.is_empty() {
            return Ok(false);
        }
        for schedule in unmade {
            // A schedule takes in the end of a run however it stands.
            let _ = self.tell_schedule(schedule, Event::RunEnded(Ending::Failed))?;
        }
        self.schedules.counted.extend(ended.keys());
        self.store_slots()?;
        let known = slots::end(self.tx.conn, &ended, self.tx.now)?;
        self.load_schedules(known.iter().map(|(schedule, _)| *schedule))?;
        for (schedule, run) in known {
            let ending = match ended.get(&run) {
                Some(Status::Completed) => Ending::Completed,
                Some(Status::Failed) => Ending::Failed,
                _ => Ending::Cancelled,
            };
            let _ = self.tell_schedule(schedule, Event::RunEnded(ending))?;
        }
        Ok(true)
    }

    /// Tells a loaded schedule what happened, and does what it decides; the slots that were decided about.
    fn tell_schedule(
        &mut self,
        id: ScheduleId,
        event: Event,
    ) -> Result<Result<Vec<StoredSlot>, Refusal>, StoreError> {
        // The end of a run does not ask when slots are; its calendars are not read for that.
        if !matches!(event, Event::RunEnded(_)) {
            self.read_calendars(&[id])?;
        }
        Ok(match self.decide_schedule(id, event) {
            Ok(decision) => Ok(self.carry_out(id, decision)?),
            Err(refusal) => Err(refusal),
        })
    }

    fn decide_schedule(&mut self, id: ScheduleId, event: Event) -> Result<Decision, Refusal> {
        let now = self.tx.now;
        self.with_schedule(id, |schedule, timeline, _| schedule.on(id, timeline, event, now))
            .unwrap_or_else(|| Ok(Decision::default()))
    }

    /// Works on a loaded schedule, which is saved then; the mark that its calendars were changed can be taken away.
    fn with_schedule<T>(
        &mut self,
        id: ScheduleId,
        work: impl FnOnce(&mut Schedule, &Timeline<'_>, &mut Option<Timestamp>) -> T,
    ) -> Option<T> {
        let loaded = self.schedules.loaded.get_mut(&id)?;
        loaded.is_changed = true;
        let stored = &mut loaded.stored;
        let timeline = Timeline::new(&stored.definition, &self.schedules.calendars);
        Some(work(&mut stored.schedule, &timeline, &mut stored.look_since))
    }

    /// Does what a schedule decided; the slots that were decided about.
    fn carry_out(&mut self, id: ScheduleId, decision: Decision) -> Result<Vec<StoredSlot>, StoreError> {
        if let Some(reason) = &decision.drop_buffered {
            self.store_slots()?;
            for slot in slots::drop_buffered(self.tx.conn, id, reason)? {
                self.tell_slots(id, &[slot]);
            }
        }
        let mut decided: Vec<StoredSlot> = Vec::with_capacity(decision.records.len() + decision.fire.len());
        for record in decision.records {
            decided.push(self.recorded(id, record));
        }
        if let Some(reason) = &decision.cancel_runs {
            self.cancel_runs(id, reason)?;
        }
        for firing in decision.fire {
            decided.push(self.fire(id, firing)?);
        }
        self.tell_slots(id, &decided);
        self.record_slots(decided.iter().cloned());
        if decision.release {
            self.release(id)?;
        }
        Ok(decided)
    }

    fn recorded(&self, id: ScheduleId, record: Record) -> StoredSlot {
        StoredSlot {
            id: SlotId::of(id, record.slot_at),
            schedule: id,
            slot_at: record.slot_at,
            until: (record.count > 1).then_some(record.until),
            count: record.count,
            kind: record.kind,
            state: record.state,
            reason: Some(record.reason),
            run: None,
            fired_at: None,
            ended_at: None,
            outcome: None,
            decided_at: self.tx.now,
        }
    }

    /// Tells of slots that have been decided about.
    fn tell_slots(&mut self, id: ScheduleId, slots: &[StoredSlot]) {
        if let Some(loaded) = self.schedules.loaded.get(&id) {
            let stored = &loaded.stored;
            for slot in slots {
                self.tx.tell_slot(slot, &stored.client, stored.name.as_str());
            }
        }
    }

    /// Records slots; they are stored together.
    fn record_slots(&mut self, slots: impl IntoIterator<Item = StoredSlot>) {
        let keyed = slots
            .into_iter()
            .map(|slot| ((slot.schedule, slot.slot_at), slot));
        self.schedules.slots.extend(keyed);
    }

    /// Stores the slots that are recorded.
    fn store_slots(&mut self) -> Result<(), StoreError> {
        let recorded = std::mem::take(&mut self.schedules.slots);
        let recorded: Vec<StoredSlot> = recorded.into_values().collect();
        slots::put(self.tx.conn, &recorded)
    }

    /// Saves the schedules that changed, and what became of their slots.
    pub(super) fn save_schedules(&mut self) -> Result<(), StoreError> {
        self.store_slots()?;
        let changed = self.schedules.loaded.values().filter(|loaded| loaded.is_changed);
        let changed: Vec<&StoredSchedule> = changed.map(|loaded| &loaded.stored).collect();
        for stored in &changed {
            self.tx.after.due(stored.schedule.due_at);
        }
        schedules::save(self.tx.conn, &changed)
    }
}
