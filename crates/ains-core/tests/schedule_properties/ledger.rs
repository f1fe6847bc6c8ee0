//! What becomes of slots by the rules (semantics §6), one slot after the other, each with a line of its own.

use std::collections::{BTreeMap, BTreeSet};

use ains_core::Timestamp;
use ains_core::dependency::Ending;
use ains_core::schedule::{Catchup, MAX_SLOTS, ON_TIME, Overlap, SlotKind, Standing};

use super::drawn::{Drawn, SECOND, at};
use super::slots::{Slots, span};

/// What became of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Fired(SlotKind),
    Waits(SlotKind),
    Dropped,
    Skipped,
    Missed,
    Excluded,
}

/// A schedule by the rules.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) standing: Standing,
    pub(crate) decided: i64,
    pub(crate) fates: BTreeMap<i64, Fate>,
    /// Those that wait.
    pub(crate) waiting: BTreeMap<i64, SlotKind>,
    pub(crate) open: u32,
    /// Runs that were cancelled, but of which nobody has said so yet.
    pub(crate) cancelled: u32,
    pub(crate) fired: u64,
    pub(crate) total: u64,
    pub(crate) successful: u64,
    pub(crate) failed: u64,
    pub(crate) failures_in_a_row: u32,
    pub(crate) last_run_at: Option<i64>,
    /// What began by this very event, while nothing else was unfinished.
    begun: Vec<i64>,
    /// How many fire by this very event.
    fresh: usize,
    pub(crate) last_asked: i64,
}

/// What the rules are about: a definition, its slots, and when they are due.
pub(crate) struct Rules<'a> {
    pub(crate) drawn: &'a Drawn,
    pub(crate) slots: &'a Slots,
    pub(crate) due: &'a dyn Fn(i64) -> i64,
    /// Whether there is a slot after an instant, be it after all that `slots` has.
    pub(crate) goes_on: &'a dyn Fn(i64) -> bool,
}

impl Rules<'_> {
    fn between(&self, after: i64, until: i64) -> Vec<i64> {
        self.slots.slots.range(span(after, until)).copied().collect()
    }

    fn most(&self) -> u64 {
        self.drawn.definition.max_runs.unwrap_or(u64::MAX)
    }
}

impl Ledger {
    pub(crate) fn new(now: i64) -> Self {
        Self {
            standing: Standing::Active,
            decided: now,
            fates: BTreeMap::new(),
            waiting: BTreeMap::new(),
            open: 0,
            cancelled: 0,
            fired: 0,
            total: 0,
            successful: 0,
            failed: 0,
            failures_in_a_row: 0,
            last_run_at: None,
            begun: Vec::new(),
            fresh: 0,
            last_asked: i64::MIN,
        }
    }

    /// The instants that a backfill leaves alone.
    pub(crate) fn taken(&self) -> BTreeSet<Timestamp> {
        let taken = self
            .fates
            .iter()
            .filter(|(_, fate)| matches!(fate, Fate::Fired(_) | Fate::Waits(_)));
        taken.map(|(slot, _)| at(*slot)).collect()
    }

    fn tell(&mut self, at: i64, fate: Fate) {
        let before = self.fates.insert(at, fate);
        let is_free = !matches!(before, Some(Fate::Fired(_)));
        assert!(
            is_free,
            "{} has fired and is now {fate:?}",
            Timestamp::from_micros(at)
        );
        self.waiting.remove(&at);
        if let Fate::Waits(kind) = fate {
            self.waiting.insert(at, kind);
        }
    }

    fn tell_excluded(&mut self, rules: &Rules<'_>, until: i64) {
        for excluded in rules.slots.excluded.range(span(self.decided, until)) {
            self.fates.insert(*excluded.0, Fate::Excluded);
        }
    }

    fn fire(&mut self, at: i64, kind: SlotKind, now: i64) {
        self.tell(at, Fate::Fired(kind));
        self.open += 1;
        self.fired += u64::from(kind == SlotKind::Cron);
        self.fresh += 1;
        self.last_run_at = Some(now);
    }

    fn drop_waiting(&mut self) {
        for at in std::mem::take(&mut self.waiting).into_keys() {
            self.tell(at, Fate::Dropped);
        }
    }

    /// One slot that is wanted.
    fn admit(&mut self, rules: &Rules<'_>, overlap: Overlap, at: i64, kind: SlotKind, now: i64) {
        let limited = || {
            self.waiting
                .values()
                .filter(|kind| **kind == SlotKind::Cron)
                .count() as u64
        };
        let is_free = self.open == 0 && self.waiting.is_empty();
        match overlap {
            _ if is_free => {
                self.fire(at, kind, now);
                self.begun.push(at);
            }
            Overlap::AllowAll => self.fire(at, kind, now),
            Overlap::Skip => self.tell(at, Fate::Skipped),
            Overlap::BufferOne => {
                self.drop_waiting();
                self.tell(at, Fate::Waits(kind));
            }
            Overlap::BufferAll if kind == SlotKind::Cron && self.fired + limited() >= rules.most() => {
                self.tell(at, Fate::Skipped);
            }
            Overlap::BufferAll if self.waiting.len() >= MAX_SLOTS => self.tell(at, Fate::Dropped),
            Overlap::BufferAll => self.tell(at, Fate::Waits(kind)),
            Overlap::CancelOther => {
                self.drop_waiting();
                for begun in std::mem::take(&mut self.begun) {
                    self.fates.insert(begun, Fate::Skipped);
                    self.open -= 1;
                    self.fresh -= 1;
                    self.fired -= u64::from(kind == SlotKind::Cron);
                }
                self.cancelled = self.open;
                self.fire(at, kind, now);
                self.begun.push(at);
            }
        }
    }

    /// Its time may have come, for a server that lets so many slots fire at once, and could not follow since then.
    pub(crate) fn due(&mut self, rules: &Rules<'_>, most: usize, since: i64, now: i64) {
        if self.standing != Standing::Active {
            return self.settle(rules, now);
        }
        let definition = &rules.drawn.definition;
        let come = rules.between(self.decided, now);
        let come: Vec<i64> = come.into_iter().filter(|at| (rules.due)(*at) <= now).collect();
        let lateness = |at: i64| now - (rules.due)(at);
        let on_time = now - since + i64::try_from(ON_TIME.as_micros()).unwrap();
        let window = i64::from(definition.catchup_window_seconds) * SECOND;
        let was_away = come.iter().any(|at| lateness(*at) > on_time);
        let mut decided = self.decided;
        self.begun.clear();
        self.fresh = 0;
        for (index, slot) in come.iter().enumerate() {
            if self.fired >= rules.most() || self.fresh >= most {
                break;
            }
            decided = *slot;
            let later = come.len() - index - 1;
            let is_late = lateness(*slot) > on_time;
            let is_missed = match definition.catchup {
                Catchup::None => is_late,
                Catchup::Last => (was_away && later > 0) || (is_late && lateness(*slot) > window),
                Catchup::All => is_late && (lateness(*slot) > window || later >= MAX_SLOTS),
            };
            if is_missed {
                self.tell(*slot, Fate::Missed);
            } else {
                self.admit(rules, definition.overlap, *slot, SlotKind::Cron, now);
            }
        }
        self.tell_excluded(rules, decided);
        self.decided = decided;
        self.settle(rules, now);
    }

    pub(crate) fn run_now(&mut self, rules: &Rules<'_>, slot: i64, now: i64) {
        let earliest = now.max(self.last_asked.saturating_add(1));
        assert!(
            (earliest..earliest + 3).contains(&slot),
            "asked at {}, run at {}",
            at(now),
            at(slot)
        );
        assert!(
            slot % SECOND != 0 && !self.fates.contains_key(&slot),
            "{} is another slot's",
            at(slot)
        );
        self.last_asked = slot;
        self.begun.clear();
        self.admit(rules, rules.drawn.definition.overlap, slot, SlotKind::RunNow, now);
        self.settle(rules, now);
    }

    /// The slots that a backfill fires.
    pub(crate) fn wanted(&self, rules: &Rules<'_>, from: i64, to: i64, now: i64) -> Vec<i64> {
        let last = if self.standing == Standing::Active {
            self.decided.min(now)
        } else {
            now
        };
        let taken = self.taken();
        let slots = rules.between(from - 1, to.min(last));
        slots
            .into_iter()
            .filter(|slot| !taken.contains(&at(*slot)))
            .collect()
    }

    pub(crate) fn backfill(&mut self, rules: &Rules<'_>, slots: &[i64], overlap: Option<Overlap>, now: i64) {
        self.begun.clear();
        for slot in slots {
            self.admit(
                rules,
                overlap.unwrap_or(rules.drawn.definition.overlap),
                *slot,
                SlotKind::Backfill,
                now,
            );
            self.decided = self.decided.max(*slot);
        }
        self.settle(rules, now);
    }

    pub(crate) fn run_ended(&mut self, rules: &Rules<'_>, ending: Ending, now: i64) {
        self.open -= 1;
        self.total += 1;
        match ending {
            Ending::Completed => {
                self.successful += 1;
                self.failures_in_a_row = 0;
            }
            Ending::Failed => {
                self.failed += 1;
                self.failures_in_a_row += 1;
                let most = rules.drawn.definition.pause_after_failures;
                if most.is_some_and(|most| self.failures_in_a_row >= most) {
                    self.stop(rules, now);
                }
            }
            Ending::Cancelled | Ending::NotNeeded => {}
        }
        self.settle(rules, now);
    }

    fn stop(&mut self, rules: &Rules<'_>, now: i64) {
        if self.standing != Standing::Active {
            return;
        }
        for slot in rules.between(self.decided, now) {
            self.tell(slot, Fate::Skipped);
        }
        self.tell_excluded(rules, now);
        self.decided = self.decided.max(now);
        self.standing = Standing::Paused;
    }

    pub(crate) fn pause(&mut self, rules: &Rules<'_>, now: i64) {
        self.stop(rules, now);
        self.settle(rules, now);
    }

    /// Whether it can go on.
    pub(crate) fn resume(&mut self, rules: &Rules<'_>, now: i64) -> bool {
        match self.standing {
            Standing::Ended => return false,
            Standing::Active => {}
            Standing::Paused => {
                self.decided = self.decided.max(now);
                self.failures_in_a_row = 0;
                self.standing = Standing::Active;
            }
        }
        self.settle(rules, now);
        true
    }

    /// The rules are no longer those of `old`.
    pub(crate) fn changed(&mut self, old: &Rules<'_>, new: &Rules<'_>, now: i64) {
        if self.standing == Standing::Active
            && let Some(next) = old.between(self.decided, now).first()
        {
            self.tell(*next, Fate::Skipped);
        }
        self.decided = self.decided.max(now);
        if self.standing == Standing::Ended {
            self.standing = Standing::Active;
        }
        self.settle(new, now);
    }

    /// The dates of a calendar are no longer those of `old`.
    pub(crate) fn calendar_changed(&mut self, old: &Rules<'_>, new: &Rules<'_>, since: i64) {
        let next = old
            .between(self.decided, since)
            .into_iter()
            .find(|_| self.standing == Standing::Active);
        self.decided = self.decided.max(next.map_or(since, |next| next - 1));
        if self.standing == Standing::Ended && self.fired < new.most() {
            self.standing = Standing::Active;
        }
    }

    pub(crate) fn forget(&mut self, rules: &Rules<'_>, slot: i64, now: i64) {
        self.fates.remove(&slot);
        self.waiting.remove(&slot);
        self.settle(rules, now);
    }

    /// What follows from how things are.
    fn settle(&mut self, rules: &Rules<'_>, now: i64) {
        let oldest = self.waiting.iter().next().map(|(at, kind)| (*at, *kind));
        if let Some((at, kind)) = oldest.filter(|_| self.open == 0 && self.standing != Standing::Paused) {
            let is_limited = self.waiting.values().any(|kind| *kind == SlotKind::Cron);
            if is_limited && self.fired >= rules.most() {
                self.drop_waiting();
            } else {
                self.fire(at, kind, now);
            }
        }
        let is_over = self.fired >= rules.most() || !(rules.goes_on)(self.decided);
        if self.standing == Standing::Active && is_over {
            self.standing = Standing::Ended;
        }
    }
}
