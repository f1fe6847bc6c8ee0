//! What clients do with schedules.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ains_core::calendar::Calendar;
use ains_core::schedule::{Event, Overlap, Record, Refusal, Standing, Timeline};
use ains_core::{CalendarId, ClientId, ScheduleId, Timestamp};
use ains_store::StoreError;
use ains_store::schedules;
use ains_store::slots::{self, StoredSlot};

use super::super::once::{earlier_answer, keep_answer};
use super::super::{Batch, Outcome};
use super::BUDGET;
use crate::error::Error;
use crate::model::{Answer, Once, ScheduleChange, ScheduleSteer, Steered};
use crate::op::Op;
use crate::schedules::{PAUSED, heeded, no_schedule, view};
use crate::templates;

/// What is recorded of a slot whose schedule was changed before it fired.
const CHANGED: &str = "the schedule was changed";

/// Slots that have fired, or wait, and are read to fill the gaps between them: more than any backfill fires.
const TAKEN: i64 = 100_000;

impl Batch<'_> {
    /// Does what clients want of schedules.
    pub(in super::super) fn steer_schedules(
        &mut self,
        ops: &[Op],
        outcomes: &mut [Outcome],
    ) -> Result<(), StoreError> {
        for (op, outcome) in ops.iter().zip(outcomes) {
            if let Op::SteerSchedule {
                schedule,
                owner,
                steer,
                once,
                ..
            } = op
            {
                let steered = self.steer_once(*schedule, owner.as_ref(), steer, once.as_ref())?;
                *outcome = Outcome::Steered(steered.map(Box::new));
            }
        }
        Ok(())
    }

    fn steer_once(
        &mut self,
        id: ScheduleId,
        owner: Option<&ClientId>,
        steer: &ScheduleSteer,
        once: Option<&Once<Steered>>,
    ) -> Result<Result<Answer<Steered>, Error>, StoreError> {
        let now = self.tx.now;
        if let Some(once) = once
            && let Some(earlier) = earlier_answer(self.tx.conn, once, now)?
        {
            return Ok(earlier.map(Answer::Replayed));
        }
        let steered = self.steer_schedule(id, owner, steer)?;
        if let (Some(once), Ok(steered)) = (once, &steered) {
            keep_answer(self.tx.conn, once, (once.render)(steered), now)?;
        }
        Ok(steered.map(Answer::Fresh))
    }

    fn steer_schedule(
        &mut self,
        id: ScheduleId,
        owner: Option<&ClientId>,
        steer: &ScheduleSteer,
    ) -> Result<Result<Steered, Error>, StoreError> {
        let Some(loaded) = self.schedules.loaded.get(&id) else {
            return Ok(Err(no_schedule(id)));
        };
        if owner.is_some_and(|owner| *owner != loaded.stored.client) {
            return Ok(Err(Error::NotOwner));
        }
        let slots = match steer {
            ScheduleSteer::Pause { reason } => {
                let reason = reason.clone();
                self.stop_or_go(id, Event::Pause { reason })?
            }
            ScheduleSteer::Resume => self.stop_or_go(id, Event::Resume)?,
            ScheduleSteer::RunNow => self.tell_schedule(id, Event::RunNow)?.map_err(Error::from),
            ScheduleSteer::Backfill { from, to, overlap } => self.backfill(id, *from, *to, *overlap)?,
            ScheduleSteer::Change(change) => self.change_schedule(id, change)?,
        };
        let loaded = self.schedules.loaded.get(&id);
        Ok(match (slots, loaded) {
            (Ok(slots), Some(loaded)) => Ok(Steered {
                view: view(loaded.stored.clone()),
                slots,
            }),
            (Err(error), _) => Err(error),
            (Ok(_), None) => Err(no_schedule(id)),
        })
    }

    /// Pauses or resumes a schedule.
    fn stop_or_go(
        &mut self,
        id: ScheduleId,
        event: Event,
    ) -> Result<Result<Vec<StoredSlot>, Error>, StoreError> {
        let told = self.tell_schedule(id, event)?;
        if told.is_ok() {
            self.store_changed(id)?;
        }
        Ok(told.map_err(Error::from))
    }

    /// Stores a schedule that somebody changed.
    fn store_changed(&mut self, id: ScheduleId) -> Result<(), StoreError> {
        let now = self.tx.now;
        if let Some(loaded) = self.schedules.loaded.get_mut(&id) {
            loaded.stored.updated_at = now.max(loaded.stored.updated_at);
            schedules::change(self.tx.conn, &loaded.stored)?;
        }
        Ok(())
    }

    /// Changes a schedule, or nothing.
    fn change_schedule(
        &mut self,
        id: ScheduleId,
        change: &ScheduleChange,
    ) -> Result<Result<Vec<StoredSlot>, Error>, StoreError> {
        let Some(loaded) = self.schedules.loaded.get(&id) else {
            return Ok(Err(no_schedule(id)));
        };
        if loaded.stored.revision != change.revision {
            return Ok(Err(Error::Stale {
                entity: "Schedule",
                id: id.to_string(),
            }));
        }
        let calendars = match heeded(self.tx.conn, &change.definition, &loaded.stored.client)? {
            Ok(calendars) => calendars,
            Err(error) => return Ok(Err(error)),
        };
        let templates = change.definition.templates();
        if let Err(error) = templates::kept(self.tx.conn, &templates, &loaded.stored.client)? {
            return Ok(Err(error));
        }
        let timeline = Timeline::new(&change.definition, &calendars);
        let has_ended = loaded.stored.schedule.standing == Standing::Ended;
        let moves = has_ended || !loaded.stored.definition.has_slots_of(&change.definition);
        if moves && !has_ended && timeline.next_after(self.tx.now).is_none() {
            return Ok(Err(Refusal::NoSlot.into()));
        }
        let events = events(change, moves);
        // Tried on a copy first: if one of them is refused, nothing has happened.
        let mut trial = loaded.stored.schedule.clone();
        for event in events.clone() {
            if let Err(refusal) = trial.on(id, &timeline, event, self.tx.now) {
                return Ok(Err(refusal.into()));
            }
        }
        self.take_change(id, change, calendars);
        let mut slots = Vec::new();
        for event in events {
            match self.tell_schedule(id, event)? {
                Ok(decided) => slots.extend(decided),
                Err(refusal) => return Ok(Err(refusal.into())),
            }
        }
        self.store_changed(id)?;
        Ok(Ok(slots))
    }

    fn take_change(
        &mut self,
        id: ScheduleId,
        change: &ScheduleChange,
        calendars: std::collections::BTreeMap<CalendarId, Calendar>,
    ) {
        Arc::make_mut(&mut self.schedules.calendars).extend(calendars);
        if let Some(loaded) = self.schedules.loaded.get_mut(&id) {
            loaded.stored.name = change.name.clone();
            loaded.stored.definition = Arc::new(change.definition.clone());
            loaded.stored.revision += 1;
            loaded.plan = None;
        }
    }

    /// Fires what did not in a time of the past.
    fn backfill(
        &mut self,
        id: ScheduleId,
        from: Timestamp,
        to: Timestamp,
        overlap: Option<Overlap>,
    ) -> Result<Result<Vec<StoredSlot>, Error>, StoreError> {
        // What fired before that is not known any more.
        let known_since = self.tx.now - self.settings.slot_retention;
        if from < known_since {
            return Ok(Err(Error::ForgottenSlots(known_since)));
        }
        self.read_calendars(&[id])?;
        self.store_slots()?;
        let taken = slots::taken(self.tx.conn, id, from, to, TAKEN)?;
        if taken.len() >= usize::try_from(TAKEN).unwrap_or(usize::MAX) {
            return Ok(Err(Refusal::TooManySlots(taken.len() as u64).into()));
        }
        let event = Event::Backfill {
            from,
            to,
            overlap,
            taken: taken.into_iter().collect(),
        };
        let Some(loaded) = self.schedules.loaded.get(&id) else {
            return Ok(Err(no_schedule(id)));
        };
        let before = loaded.stored.schedule.clone();
        let templates = loaded.stored.definition.templates();
        // What they add counts.
        self.read_templates(templates)?;
        let decision = match self.decide_schedule(id, event) {
            Ok(decision) => decision,
            Err(refusal) => return Ok(Err(refusal.into())),
        };
        if decision.fire.len() * self.cost(id) > BUDGET.max(ains_core::schedule::MAX_SLOTS) {
            let slots = decision.fire.len() as u64;
            self.with_schedule(id, |schedule, _, _| *schedule = before);
            return Ok(Err(Error::TooMuchAtOnce(slots)));
        }
        let fired = decision.fire.iter().map(|firing| firing.slot_at);
        let recorded = decision.records.iter().map(|record| record.slot_at);
        let decided: BTreeSet<Timestamp> = fired.chain(recorded).collect();
        self.take_apart(id, &decided)?;
        let mut slots = self.carry_out(id, decision)?;
        slots.sort_by_key(|slot| slot.slot_at);
        Ok(Ok(slots))
    }

    /// Leaves of the records of several slots in a row only those that are not decided anew.
    fn take_apart(&mut self, id: ScheduleId, decided: &BTreeSet<Timestamp>) -> Result<(), StoreError> {
        let (Some(first), Some(last)) = (decided.first(), decided.last()) else {
            return Ok(());
        };
        let ranges = slots::ranges(self.tx.conn, id, *first, *last)?;
        let Some(loaded) = self.schedules.loaded.get(&id) else {
            return Ok(());
        };
        let timeline = Timeline::new(&loaded.stored.definition, &self.schedules.calendars);
        let mut gone = Vec::new();
        let mut pieces = Vec::new();
        for slot in ranges {
            let Some(until) = slot.until else { continue };
            if decided.range(slot.slot_at..=until).next().is_none() {
                continue;
            }
            // What calendars excluded is not in the timeline, and not fired now either.
            let own = timeline.tally(slot.slot_at - Duration::from_micros(1), until);
            if own.is_none_or(|range| range.count != slot.count) {
                continue;
            }
            let record = Record {
                slot_at: slot.slot_at,
                until,
                count: slot.count,
                kind: slot.kind,
                state: slot.state,
                reason: slot.reason.clone().unwrap_or_default(),
            };
            gone.push(slot.id);
            pieces.extend(record.without(decided, &timeline));
        }
        slots::remove(self.tx.conn, &gone)?;
        let pieces: Vec<StoredSlot> = pieces.into_iter().map(|piece| self.recorded(id, piece)).collect();
        self.record_slots(pieces);
        Ok(())
    }
}

/// What a change means for a schedule.
fn events(change: &ScheduleChange, moves: bool) -> Vec<Event> {
    let changed = moves.then(|| Event::Changed {
        reason: CHANGED.to_owned(),
    });
    let steer = change.active.map(|active| {
        if active {
            Event::Resume
        } else {
            Event::Pause {
                reason: PAUSED.to_owned(),
            }
        }
    });
    changed.into_iter().chain(steer).collect()
}
