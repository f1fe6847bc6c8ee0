//! What is recorded of slots that do not fire.

use std::collections::BTreeSet;

use super::tally::Range;
use super::timeline::{INSTANT, Timeline};
use super::{Decision, MAX_SLOTS, Record, Schedule, SlotKind, SlotState};
use crate::time::Timestamp;

const MANY_EXCLUDED: &str = "excluded by calendars";

impl Schedule {
    /// Records what calendars excluded until `until`: besides the other slots, which may be in a row nevertheless.
    pub(super) fn record_excluded(&self, timeline: &Timeline<'_>, until: Timestamp, decision: &mut Decision) {
        let mut excluded = timeline.excluded(self.decided_until, until);
        let surplus = excluded.len().saturating_sub(MAX_SLOTS);
        let older = excluded.drain(..surplus).map(|excluded| excluded.range);
        let older = older
            .reduce(Range::joined)
            .map(|range| (range, MANY_EXCLUDED.to_owned()));
        let newer = excluded
            .into_iter()
            .map(|excluded| (excluded.range, excluded.reason));
        for (range, reason) in older.into_iter().chain(newer) {
            decision
                .records
                .push(Record::of(range, SlotState::Skipped, reason));
        }
    }

    /// Records slots whose time came; together with those before them, if the same became of them.
    pub(super) fn record(&mut self, decision: &mut Decision, range: Range, state: SlotState, reason: &str) {
        let known = self.unfired.take();
        let known = known.filter(|known| known.state == state && known.reason == reason);
        let record = match known {
            Some(known) => Record {
                until: range.last,
                count: known.count + range.count,
                ..known
            },
            None => Record::of(range, state, reason.to_owned()),
        };
        decision.records.retain(|other| other.slot_at != record.slot_at);
        decision.records.push(record.clone());
        self.unfired = Some(record);
    }
}

impl Record {
    /// What is left of it when slots that it tells of have fired after all, as a backfill makes them: itself if none
    /// has, or what is before them, between them and behind them, each a record of its own.
    pub fn without(&self, fired: &BTreeSet<Timestamp>, timeline: &Timeline<'_>) -> Vec<Self> {
        let fired: Vec<Timestamp> = fired.range(self.slot_at..=self.until).copied().collect();
        if fired.is_empty() {
            return vec![self.clone()];
        }
        let begins = std::iter::once(self.slot_at - INSTANT).chain(fired.iter().copied());
        let ends = fired.iter().map(|at| *at - INSTANT).chain([self.until]);
        let left = begins
            .zip(ends)
            .filter_map(|(after, until)| timeline.tally(after, until));
        let of = |range: Range| Self {
            slot_at: range.first,
            until: range.last,
            count: range.count,
            ..self.clone()
        };
        left.map(of).collect()
    }

    /// What became of slots whose time came.
    fn of(range: Range, state: SlotState, reason: String) -> Self {
        Self {
            slot_at: range.first,
            until: range.last,
            count: range.count,
            kind: SlotKind::Cron,
            state,
            reason,
        }
    }
}
