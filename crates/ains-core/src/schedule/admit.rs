//! Whether a slot fires while an earlier run is unfinished.

use super::definition::Overlap;
use super::{Decision, Firing, MAX_SLOTS, Record, SlotKind, SlotState};
use crate::time::Timestamp;

pub(super) const UNFINISHED: &str = "an earlier run was unfinished";
pub(super) const NEWER: &str = "a newer slot took its place";
pub(super) const FULL: &str = "1000 slots waited already";
pub(super) const ENOUGH: &str = "`max_runs` slots have fired or wait";
pub(super) const CANCELLED: &str = "a newer slot of its schedule came";

/// What becomes of slots that are wanted, one after the other.
#[derive(Debug)]
pub(super) struct Admission<'a> {
    pub(super) overlap: Overlap,
    /// Runs that are unfinished before any of these.
    pub(super) open_runs: u32,
    /// Slots that wait already.
    pub(super) buffered: u32,
    /// Those of them that `max_runs` limits.
    pub(super) reserved: u32,
    /// How many that it limits may fire yet, those that wait among them.
    pub(super) left: u64,
    pub(super) decision: &'a mut Decision,
}

impl Admission<'_> {
    /// Whether `max_runs` slots fire with those of this decision. Only slots that it limits have been admitted.
    pub(super) fn is_over(&self) -> bool {
        self.decision.fire.len() as u64 >= self.left
    }

    /// Decides about a slot.
    pub(super) fn admit(&mut self, slot_at: Timestamp, kind: SlotKind) {
        let runs = self.open_runs as usize + self.decision.fire.len();
        let firing = Firing { slot_at, kind };
        let is_enough = || {
            let taken = self.decision.fire.len() as u64 + u64::from(self.reserved);
            kind == SlotKind::Cron && taken >= self.left
        };
        match self.overlap {
            _ if runs == 0 && self.buffered == 0 => self.decision.fire.push(firing),
            Overlap::AllowAll => self.decision.fire.push(firing),
            Overlap::Skip => self.record(firing, SlotState::Skipped, UNFINISHED),
            Overlap::BufferOne => {
                self.drop_buffered();
                self.buffer(firing);
            }
            Overlap::BufferAll if is_enough() => self.record(firing, SlotState::Skipped, ENOUGH),
            Overlap::BufferAll if self.buffered as usize >= MAX_SLOTS => {
                self.record(firing, SlotState::Dropped, FULL);
            }
            Overlap::BufferAll => self.buffer(firing),
            Overlap::CancelOther => {
                // Those of this very decision have not begun: they are not made in the first place.
                for earlier in std::mem::take(&mut self.decision.fire) {
                    self.record(earlier, SlotState::Skipped, NEWER);
                }
                self.drop_buffered();
                if self.open_runs > 0 {
                    self.decision.cancel_runs = Some(CANCELLED.to_owned());
                }
                self.decision.fire.push(firing);
            }
        }
    }

    fn buffer(&mut self, firing: Firing) {
        self.record(firing, SlotState::Buffered, UNFINISHED);
        self.buffered += 1;
        self.reserved += u32::from(firing.kind == SlotKind::Cron);
    }

    /// What waits is dropped: what is stored, and what was to be.
    fn drop_buffered(&mut self) {
        if self.buffered == 0 {
            return;
        }
        self.decision.drop_buffered = Some(NEWER.to_owned());
        for record in &mut self.decision.records {
            if record.state == SlotState::Buffered {
                record.state = SlotState::Dropped;
                NEWER.clone_into(&mut record.reason);
            }
        }
        self.buffered = 0;
        self.reserved = 0;
    }

    fn record(&mut self, firing: Firing, state: SlotState, reason: &str) {
        self.decision.records.push(Record {
            slot_at: firing.slot_at,
            until: firing.slot_at,
            count: 1,
            kind: firing.kind,
            state,
            reason: reason.to_owned(),
        });
    }
}
