//! What an event brings about.

use std::collections::BTreeSet;

use super::admit::Admission;
use super::definition::{Overlap, Timing};
use super::late::{Verdict, judge};
use super::timeline::{INSTANT, Timeline};
use super::{
    Decision, Event, MAX_SLOTS, Pace, Refusal, Schedule, SlotKind, SlotState, Standing, jitter, tally::Range,
};
use crate::dependency::Ending;
use crate::ids::ScheduleId;
use crate::time::Timestamp;

const ALL_FIRED: &str = "`max_runs` slots have fired";
const NO_MORE: &str = "it has no further slot";

/// Dates with slots that are looked at to say how many too many there are.
const DATES_COUNTED: usize = 400;

impl Schedule {
    /// A schedule that is made at `now`: it has slots after that only.
    ///
    /// # Errors
    /// [`Refusal::NoSlot`] if it has none.
    pub fn new(id: ScheduleId, timeline: &Timeline<'_>, now: Timestamp) -> Result<Self, Refusal> {
        let mut schedule = Self {
            standing: Standing::Active,
            reason: None,
            decided_until: now,
            next_at: None,
            due_at: None,
            open_runs: 0,
            buffered: 0,
            reserved: 0,
            fired: 0,
            total_runs: 0,
            successful_runs: 0,
            failed_runs: 0,
            failures_in_a_row: 0,
            last_run_at: None,
            last_asked: None,
            unfired: None,
        };
        schedule.look_ahead(id, timeline);
        match schedule.standing {
            Standing::Ended => Err(Refusal::NoSlot),
            _ => Ok(schedule),
        }
    }

    /// Takes in what happened, and says what follows.
    ///
    /// # Errors
    /// When it cannot be done; then nothing has changed.
    pub fn on(
        &mut self,
        id: ScheduleId,
        timeline: &Timeline<'_>,
        event: Event,
        now: Timestamp,
    ) -> Result<Decision, Refusal> {
        let mut decision = Decision::default();
        match event {
            Event::Due => {
                let pace = Pace {
                    most: usize::MAX,
                    since: now,
                };
                self.come(id, timeline, pace, now, &mut decision);
            }
            Event::Changed { reason } => self.changed(id, timeline, &reason, now, &mut decision),
            Event::RunNow => self.run_now(timeline, now, &mut decision),
            Event::Backfill {
                from,
                to,
                overlap,
                taken,
            } => {
                let overlap = overlap.unwrap_or(timeline.definition.overlap);
                self.backfill(timeline, (from, to.min(now)), overlap, &taken, &mut decision)?;
            }
            Event::RunEnded(ending) => self.run_ended(timeline, ending, now, &mut decision),
            Event::Forgotten(slots) => self.forget(slots),
            Event::Pause { reason } => self.pause(timeline, reason, now, &mut decision),
            Event::Resume => self.resume(id, timeline, now)?,
        }
        self.take_in(&mut decision, timeline, now);
        Ok(decision)
    }

    /// Takes in that the time may have come, at the pace of the server: [`Event::Due`], for as many slots as it can fire
    /// at once.
    pub fn due(&mut self, id: ScheduleId, timeline: &Timeline<'_>, pace: Pace, now: Timestamp) -> Decision {
        let mut decision = Decision::default();
        self.come(id, timeline, pace, now, &mut decision);
        self.take_in(&mut decision, timeline, now);
        decision
    }

    /// Takes in that one of its calendars was changed at `since`: its slots until then are those of the old dates, and
    /// are not looked for in the new ones, but for the one that had come and was not due yet. It may have slots again.
    pub fn calendar_changed(&mut self, timeline: &Timeline<'_>, since: Timestamp) {
        let pending = self.next_at.filter(|next| *next <= since);
        let until = pending.map_or(since, |next| next - INSTANT);
        self.decided_until = self.decided_until.max(until);
        // What is in a row with the old dates may not be with the new.
        self.unfired = None;
        if self.standing == Standing::Ended && !self.has_fired_all(timeline) {
            self.standing = Standing::Active;
            self.reason = None;
        }
    }

    /// Its next slots have come, or not.
    fn come(
        &mut self,
        id: ScheduleId,
        timeline: &Timeline<'_>,
        pace: Pace,
        now: Timestamp,
        decision: &mut Decision,
    ) {
        if self.standing != Standing::Active {
            return;
        }
        let due = |at, next| jitter::due(id, at, next, timeline.definition.jitter());
        let verdicts = judge(timeline, self.decided_until, now, pace.since, due);
        let mut admitted = Decision::default();
        let mut admission = self.admission(timeline, timeline.definition.overlap, &mut admitted);
        let mut missed = Vec::new();
        let mut decided = self.decided_until;
        for verdict in verdicts {
            if admission.is_over() || admission.decision.fire.len() >= pace.most.max(1) {
                break;
            }
            decided = verdict.last();
            match verdict {
                Verdict::Wanted(at) => admission.admit(at, SlotKind::Cron),
                Verdict::Missed(range, reason) => missed.push((range, reason)),
            }
        }
        self.record_excluded(timeline, decided, decision);
        self.decided_until = decided;
        for (range, reason) in missed {
            self.record(decision, range, SlotState::Missed, reason);
        }
        let mut fired = admitted.fire.iter().map(|firing| firing.slot_at).peekable();
        for record in admitted.records {
            while fired.next_if(|at| *at < record.slot_at).is_some() {
                self.unfired = None;
            }
            if record.state == SlotState::Buffered {
                // It may fire yet.
                self.unfired = None;
                decision.records.push(record);
            } else {
                self.record(decision, Range::one(record.slot_at), record.state, &record.reason);
            }
        }
        if fired.next().is_some() {
            self.unfired = None;
        }
        decision.drop_buffered = admitted.drop_buffered;
        decision.cancel_runs = admitted.cancel_runs;
        decision.fire = admitted.fire;
        self.look_ahead(id, timeline);
    }

    fn admission<'a>(
        &self,
        timeline: &Timeline<'_>,
        overlap: Overlap,
        decision: &'a mut Decision,
    ) -> Admission<'a> {
        Admission {
            overlap,
            open_runs: self.open_runs,
            buffered: self.buffered,
            reserved: self.reserved,
            left: timeline
                .definition
                .max_runs
                .map_or(u64::MAX, |most| most.saturating_sub(self.fired)),
            decision,
        }
    }

    fn changed(
        &mut self,
        id: ScheduleId,
        timeline: &Timeline<'_>,
        reason: &str,
        now: Timestamp,
        decision: &mut Decision,
    ) {
        // What the old slots were is not known any more, but for the one that was next.
        if let Some(next) = self.next_at.filter(|next| *next <= now) {
            self.record(decision, Range::one(next), SlotState::Skipped, reason);
        }
        self.unfired = None;
        self.decided_until = self.decided_until.max(now);
        if self.standing == Standing::Ended {
            self.standing = Standing::Active;
            self.reason = None;
        }
        self.look_ahead(id, timeline);
    }

    /// A run at its own instant, at which there is no other slot: no slot whose time comes has the same fraction of a
    /// second.
    fn run_now(&mut self, timeline: &Timeline<'_>, now: Timestamp, decision: &mut Decision) {
        let fraction = |at: Timestamp| at.as_micros().rem_euclid(1_000_000);
        let taken = match &timeline.definition.timing {
            Timing::Cron(_) => 0,
            Timing::Interval { anchor_at: at, .. } | Timing::Once(at) => fraction(*at),
        };
        let mut at = self.last_asked.map_or(now, |last| now.max(last + INSTANT));
        for _ in 0..2 {
            // Slots that a gap moves are at whole seconds, whatever they were.
            if [0, taken].contains(&fraction(at)) {
                at = at + INSTANT;
            }
        }
        self.last_asked = Some(at);
        self.admission(timeline, timeline.definition.overlap, decision)
            .admit(at, SlotKind::RunNow);
    }

    fn backfill(
        &mut self,
        timeline: &Timeline<'_>,
        (from, to): (Timestamp, Timestamp),
        overlap: Overlap,
        taken: &BTreeSet<Timestamp>,
        decision: &mut Decision,
    ) -> Result<(), Refusal> {
        // What is still to come is not for a backfill.
        let to = match self.standing {
            Standing::Active => to.min(self.decided_until),
            Standing::Paused | Standing::Ended => to,
        };
        let from = from - INSTANT;
        let slots = timeline.instants(from).map(|slot| slot.at);
        let slots = slots.take_while(|at| *at <= to).filter(|at| !taken.contains(at));
        let slots: Vec<Timestamp> = slots.take(MAX_SLOTS + 1).collect();
        if slots.len() > MAX_SLOTS {
            let ranges = timeline.ranges(from, to).take(DATES_COUNTED);
            let count: u64 = ranges.map(|range| range.count).sum();
            let free = count.saturating_sub(taken.len() as u64);
            return Err(Refusal::TooManySlots(free.max(slots.len() as u64)));
        }
        // What is filled now does not come again, should the clock go back before this goes on.
        self.decided_until = slots
            .last()
            .map_or(self.decided_until, |last| self.decided_until.max(*last));
        // A range that was recorded may be taken apart now.
        self.unfired = None;
        let mut admission = self.admission(timeline, overlap, decision);
        for at in slots {
            admission.admit(at, SlotKind::Backfill);
        }
        Ok(())
    }

    fn run_ended(
        &mut self,
        timeline: &Timeline<'_>,
        ending: Ending,
        now: Timestamp,
        decision: &mut Decision,
    ) {
        self.open_runs = self.open_runs.saturating_sub(1);
        self.total_runs += 1;
        match ending {
            Ending::Completed => {
                self.successful_runs += 1;
                self.failures_in_a_row = 0;
            }
            Ending::Failed => {
                self.failed_runs += 1;
                self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
                let most = timeline.definition.pause_after_failures;
                if most.is_some_and(|most| self.failures_in_a_row >= most) {
                    let reason = format!("{} runs in a row failed", self.failures_in_a_row);
                    self.pause(timeline, reason, now, decision);
                }
            }
            Ending::Cancelled | Ending::NotNeeded => {}
        }
    }

    fn pause(&mut self, timeline: &Timeline<'_>, reason: String, now: Timestamp, decision: &mut Decision) {
        if self.standing != Standing::Active {
            return;
        }
        let come = if timeline.is_complete() {
            self.record_excluded(timeline, now, decision);
            timeline.tally(self.decided_until, now)
        } else {
            // Without its calendars only the next slot is known.
            self.next_at.filter(|next| *next <= now).map(Range::one)
        };
        if let Some(range) = come {
            self.record(decision, range, SlotState::Skipped, "the schedule was paused");
        }
        self.decided_until = self.decided_until.max(now);
        self.stand(Standing::Paused, reason);
    }

    fn resume(&mut self, id: ScheduleId, timeline: &Timeline<'_>, now: Timestamp) -> Result<(), Refusal> {
        match self.standing {
            Standing::Active => return Ok(()),
            Standing::Ended => return Err(Refusal::Ended(self.reason.clone().unwrap_or_default())),
            Standing::Paused => {}
        }
        self.standing = Standing::Active;
        self.reason = None;
        self.failures_in_a_row = 0;
        self.unfired = None;
        self.decided_until = self.decided_until.max(now);
        self.look_ahead(id, timeline);
        Ok(())
    }

    /// Counts what was decided, and decides what follows from the counts.
    fn take_in(&mut self, decision: &mut Decision, timeline: &Timeline<'_>, now: Timestamp) {
        if decision.drop_buffered.is_some() {
            self.buffered = 0;
            self.reserved = 0;
        }
        for record in &decision.records {
            if record.state == SlotState::Buffered {
                self.buffered += 1;
                self.reserved += u32::from(record.kind == SlotKind::Cron);
            }
        }
        for firing in &decision.fire {
            self.count_firing(firing.kind, timeline, now);
        }
        let is_free = self.open_runs == 0 && self.buffered > 0 && self.standing != Standing::Paused;
        if is_free && self.reserved > 0 && self.has_fired_all(timeline) {
            // `max_runs` or `overlap_policy` is not what it was when they began to wait.
            self.buffered = 0;
            self.reserved = 0;
            decision.drop_buffered = Some(ALL_FIRED.to_owned());
        } else if is_free {
            decision.release = true;
        }
    }

    /// The oldest slot that waited fires: a [`Decision::release`] was carried out.
    pub fn released(&mut self, timeline: &Timeline<'_>, kind: SlotKind, now: Timestamp) {
        self.reserved = self.reserved.saturating_sub(u32::from(kind == SlotKind::Cron));
        self.forget(1);
        self.count_firing(kind, timeline, now);
    }

    fn forget(&mut self, slots: u32) {
        self.buffered = self.buffered.saturating_sub(slots);
        self.reserved = self.reserved.min(self.buffered);
    }

    fn count_firing(&mut self, kind: SlotKind, timeline: &Timeline<'_>, now: Timestamp) {
        self.open_runs += 1;
        self.last_run_at = Some(now);
        if kind == SlotKind::Cron {
            self.fired += 1;
            if self.standing == Standing::Active && self.has_fired_all(timeline) {
                self.stand(Standing::Ended, ALL_FIRED.to_owned());
            }
        }
    }

    fn has_fired_all(&self, timeline: &Timeline<'_>) -> bool {
        timeline
            .definition
            .max_runs
            .is_some_and(|most| self.fired >= most)
    }

    /// Looks for the next slot.
    fn look_ahead(&mut self, id: ScheduleId, timeline: &Timeline<'_>) {
        if self.standing != Standing::Active {
            return;
        }
        if self.has_fired_all(timeline) {
            self.stand(Standing::Ended, ALL_FIRED.to_owned());
            return;
        }
        let Some(next) = timeline.next_after(self.decided_until) else {
            self.stand(Standing::Ended, NO_MORE.to_owned());
            return;
        };
        let jitter = timeline.definition.jitter();
        let after = (!jitter.is_zero())
            .then(|| timeline.next_after(next.at))
            .flatten();
        self.next_at = Some(next.at);
        self.due_at = Some(jitter::due(id, next.at, after.map(|slot| slot.at), jitter));
    }

    fn stand(&mut self, standing: Standing, reason: String) {
        self.standing = standing;
        self.reason = Some(reason);
        self.next_at = None;
        self.due_at = None;
    }
}
