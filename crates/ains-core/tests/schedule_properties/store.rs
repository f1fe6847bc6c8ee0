//! What a store keeps of decisions, and that it tells of every slot what the ledger does.

use std::collections::{BTreeMap, BTreeSet};

use ains_core::Timestamp;
use ains_core::schedule::{Decision, Event, Record, SlotKind, SlotState};

use super::drawn::at;
use super::ledger::Fate;
use super::world::{Seen, World};

/// A record, and the number of the era that it is of.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    record: Record,
    era: usize,
}

impl World {
    /// What a store does with a decision.
    pub(crate) fn carry_out(&mut self, event: &Event, decision: &Decision, seen: &mut Seen) {
        if let Some(reason) = &decision.drop_buffered {
            for stored in self
                .records
                .values_mut()
                .filter(|stored| stored.record.state == SlotState::Buffered)
            {
                stored.record.state = SlotState::Dropped;
                stored.record.reason.clone_from(reason);
                seen.dropped += 1;
            }
        }
        seen.cancelled += u64::from(decision.cancel_runs.is_some());
        assert!(decision.fire.is_sorted_by_key(|firing| firing.slot_at));
        if matches!(event, Event::Backfill { .. }) {
            self.take_apart(decision);
            seen.backfilled += decision.fire.len() as u64;
        }
        let era = self.eras.len() - 1;
        // What was pending when the slots changed is of the time before.
        let of = if matches!(event, Event::Changed { .. }) {
            era.saturating_sub(1)
        } else {
            era
        };
        let mut told = BTreeSet::new();
        for record in &decision.records {
            assert!(told.insert(record.slot_at), "two records of {}", record.slot_at);
            assert!(record.slot_at <= record.until && record.count > 0 && record.state != SlotState::Fired);
            let earlier = self.records.insert(
                record.slot_at,
                Stored {
                    record: record.clone(),
                    era: of,
                },
            );
            if let Some(Stored {
                record: earlier,
                era: same,
            }) = earlier
            {
                let is_longer = earlier.until < record.until && earlier.count < record.count && same == of;
                let is_same = earlier.state == record.state && earlier.reason == record.reason;
                let is_filled = record.kind == SlotKind::Backfill && earlier.state != SlotState::Buffered;
                assert!(
                    (is_longer && is_same) || is_filled,
                    "{earlier:?} is overwritten by {record:?}"
                );
                assert_ne!(earlier.state, SlotState::Fired, "{record:?}");
            }
            seen.ranges += u64::from(record.count > 1);
        }
        for firing in &decision.fire {
            self.fires(firing.slot_at, firing.kind, era);
            seen.fired += 1;
        }
        if decision.release {
            let oldest = self
                .records
                .values()
                .find(|stored| stored.record.state == SlotState::Buffered);
            let Stored { record, era } = oldest.expect("one waits").clone();
            self.records.remove(&record.slot_at);
            self.fires(record.slot_at, record.kind, era);
            let era = self.eras.last().unwrap();
            self.schedule.released(&era.timeline(), record.kind, at(self.now));
            seen.released += 1;
        }
    }

    fn fires(&mut self, slot_at: Timestamp, kind: SlotKind, era: usize) {
        let record = Record {
            slot_at,
            until: slot_at,
            count: 1,
            kind,
            state: SlotState::Fired,
            reason: String::new(),
        };
        let earlier = self.records.insert(slot_at, Stored { record, era });
        assert!(
            earlier.is_none_or(|it| kind == SlotKind::Backfill && it.record.state != SlotState::Fired),
            "{slot_at}"
        );
    }

    /// Records of which a backfill fills a part.
    fn take_apart(&mut self, decision: &Decision) {
        let fires = decision.fire.iter().map(|firing| firing.slot_at);
        let filled: BTreeSet<Timestamp> = fires
            .chain(decision.records.iter().map(|record| record.slot_at))
            .collect();
        let era = self.era();
        let timeline = era.timeline();
        let is_real = |record: &Record| !is_excluded(record);
        let parted: Vec<Stored> = self
            .records
            .values()
            .filter(|stored| is_real(&stored.record))
            .filter(|stored| {
                filled
                    .range(stored.record.slot_at..=stored.record.until)
                    .next()
                    .is_some()
            })
            .cloned()
            .collect();
        let left: Vec<Stored> = parted
            .iter()
            .flat_map(|stored| {
                let left = stored.record.without(&filled, &timeline);
                left.into_iter().map(|record| Stored {
                    record,
                    era: stored.era,
                })
            })
            .collect();
        for stored in parted {
            self.records.remove(&stored.record.slot_at);
        }
        for stored in left {
            assert!(self.records.insert(stored.record.slot_at, stored).is_none());
        }
    }

    /// Every slot has the fate that the ledger says, by one record.
    pub(crate) fn records_agree(&self, seen: &mut Seen) {
        let mut fates: BTreeMap<i64, Fate> = BTreeMap::new();
        for Stored { record, era } in self.records.values() {
            let slots = &self.eras[*era].slots;
            let (first, last) = (record.slot_at.as_micros(), record.until.as_micros());
            let fate = match record.state {
                SlotState::Fired => Fate::Fired(record.kind),
                SlotState::Buffered => Fate::Waits(record.kind),
                SlotState::Dropped => Fate::Dropped,
                SlotState::Missed => Fate::Missed,
                SlotState::Skipped if is_excluded(record) => Fate::Excluded,
                SlotState::Skipped => Fate::Skipped,
            };
            let told: Vec<i64> = match fate {
                _ if record.kind == SlotKind::RunNow => vec![first],
                Fate::Excluded => {
                    let excluded = slots.excluded.range(first..=last);
                    assert!(
                        excluded.clone().all(|(_, why)| *why == record.reason),
                        "{record:?}"
                    );
                    excluded.map(|(slot, _)| *slot).collect()
                }
                _ => slots.slots.range(first..=last).copied().collect(),
            };
            assert_eq!(told.len() as u64, record.count, "{record:?}");
            assert_eq!(
                (told.first(), told.last()),
                (Some(&first), Some(&last)),
                "{record:?}"
            );
            for slot in told {
                assert_eq!(fates.insert(slot, fate), None, "two records of {}", at(slot));
            }
        }
        seen.missed += fates.values().filter(|fate| **fate == Fate::Missed).count() as u64;
        seen.excluded += fates.values().filter(|fate| **fate == Fate::Excluded).count() as u64;
        let differs = fates
            .iter()
            .find(|(slot, fate)| self.ledger.fates.get(slot) != Some(fate));
        assert_eq!(
            differs.map(|(slot, fate)| (at(*slot), *fate)),
            None,
            "not in the ledger"
        );
        let lacks = self
            .ledger
            .fates
            .iter()
            .find(|(slot, _)| !fates.contains_key(slot));
        assert_eq!(
            lacks.map(|(slot, fate)| (at(*slot), *fate)),
            None,
            "only in the ledger"
        );
    }
}

fn is_excluded(record: &Record) -> bool {
    ["excluded by", "not in"]
        .iter()
        .any(|begin| record.reason.starts_with(begin))
}
