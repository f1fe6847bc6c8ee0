//! The next slot: the next local time that matches, made an instant.
//!
//! Local times and instants are in the same order but at a fold. So what follows an instant is the first match after
//! its local time, unless that local time comes twice; only then the fold itself is looked at.

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta};
use chrono_tz::Tz;

use super::passes::{Fold, Passes, local, passes};
use super::times::Times;
use super::{Note, Occurrence};
use crate::time::Timestamp;

/// 0001-01-01T00:00:00Z and 10000-01-01T00:00:00Z, in seconds since 1970: slots are between them.
const YEARS: (i64, i64) = (-62_135_596_800, 253_402_300_800);

/// What is searched for.
pub(super) struct Search<'a, F> {
    pub(super) times: &'a Times,
    /// The first date, at a date or later, that the times are for.
    pub(super) dates: F,
    pub(super) zone: Tz,
    /// Whether what a gap leaves out comes after it.
    pub(super) after_gap: bool,
    /// Whether the second pass of a fold counts.
    pub(super) both_passes: bool,
}

/// The last whole second that is not after an instant; the nearest that is searched, if that is not.
pub(super) fn utc(instant: Timestamp) -> NaiveDateTime {
    let seconds = instant
        .as_micros()
        .div_euclid(1_000_000)
        .clamp(YEARS.0 - 1, YEARS.1);
    let instant = DateTime::from_timestamp_secs(seconds).expect("the years are those that dates have");
    instant.naive_utc()
}

fn occurrence(at: NaiveDateTime, local: NaiveDateTime, note: Option<Note>) -> Occurrence {
    let at = Timestamp::from_micros(at.and_utc().timestamp_micros());
    Occurrence { at, local, note }
}

impl<F: Fn(NaiveDate) -> Option<NaiveDate>> Search<'_, F> {
    /// The first slot after an instant.
    pub(super) fn after(&self, after: Timestamp) -> Option<Occurrence> {
        let (after, end) = (utc(after), Timestamp::from_micros(YEARS.1 * 1_000_000));
        let now = local(after, self.zone);
        let next = now + TimeDelta::seconds(1);
        let slot = match Fold::around(now, self.zone) {
            None => self.from(next),
            Some(fold) => self.within(&fold, fold.first(now) == after, next),
        };
        slot.filter(|slot| slot.at < end)
    }

    /// The first slot from a local time of a fold, in its first or second pass.
    fn within(&self, fold: &Fold, is_first: bool, next: NaiveDateTime) -> Option<Occurrence> {
        let before_end = |from| self.matching(from).filter(|local| *local < fold.end);
        if is_first && let Some(local) = before_end(next) {
            return Some(occurrence(fold.first(local), local, Some(Note::FirstPass)));
        }
        let second = if is_first { fold.begin } else { next };
        if self.both_passes
            && let Some(local) = before_end(second)
        {
            return Some(occurrence(fold.second(local), local, Some(Note::SecondPass)));
        }
        self.from(fold.end)
    }

    /// The first slot from a local time, when nothing from it on has come before.
    fn from(&self, mut from: NaiveDateTime) -> Option<Occurrence> {
        loop {
            let local = self.matching(from)?;
            let gap = match passes(local, self.zone) {
                Passes::Once(at) => return Some(occurrence(at, local, None)),
                Passes::Twice(at) => return Some(occurrence(at, local, Some(Note::FirstPass))),
                Passes::Never(gap) => gap,
            };
            if !self.after_gap {
                from = gap.end;
            } else if gap.swallows(local.date()) {
                from = local.date().succ_opt()?.into();
            } else if self.matching(gap.end) == Some(gap.end) {
                return Some(occurrence(gap.at, gap.end, None));
            } else {
                return Some(occurrence(gap.at, local, Some(Note::AfterGap)));
            }
        }
    }

    /// The first local time that matches, at one or later.
    fn matching(&self, from: NaiveDateTime) -> Option<NaiveDateTime> {
        let date = (self.dates)(from.date())?;
        if date != from.date() {
            return Some(date.and_time(self.times.first()));
        }
        if let Some(time) = self.times.at_or_after(from.time()) {
            return Some(date.and_time(time));
        }
        let date = (self.dates)(date.succ_opt()?)?;
        Some(date.and_time(self.times.first()))
    }
}
