//! What a local time is in a zone: one instant, two, or none.
//!
//! No zone of the tables changes its offset twice within six days, nor by more than a day: gaps and folds do not
//! overlap, and no local time comes three times. A test holds all zones against it.

use chrono::{LocalResult, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone as _};
use chrono_tz::{GapInfo, Tz};

/// What a local time is. Instants are in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passes {
    Once(NaiveDateTime),
    /// It comes twice; the first instant.
    Twice(NaiveDateTime),
    /// The clocks jump over it.
    Never(Gap),
}

/// Local times that do not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gap {
    /// The first of them.
    pub(super) begin: NaiveDateTime,
    /// The first local time after them.
    pub(super) end: NaiveDateTime,
    /// The instant of `end`.
    pub(super) at: NaiveDateTime,
}

/// Local times that come twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fold {
    /// The first of them.
    pub(super) begin: NaiveDateTime,
    /// The first local time after them.
    pub(super) end: NaiveDateTime,
    /// The offset in the first pass.
    before: TimeDelta,
    /// The offset in the second pass.
    after: TimeDelta,
}

/// The local time at an instant.
pub(super) fn local(instant: NaiveDateTime, zone: Tz) -> NaiveDateTime {
    instant + length(&zone.offset_from_utc_datetime(&instant))
}

/// The instants of a local time.
pub(super) fn passes(local: NaiveDateTime, zone: Tz) -> Passes {
    match zone.offset_from_local_datetime(&local) {
        LocalResult::Single(offset) => Passes::Once(local - length(&offset)),
        LocalResult::Ambiguous(before, _) => Passes::Twice(local - length(&before)),
        LocalResult::None => Passes::Never(Gap::around(local, zone)),
    }
}

impl Gap {
    fn around(local: NaiveDateTime, zone: Tz) -> Self {
        let found = GapInfo::new(&local, &zone).and_then(|gap| Some((gap.begin?, gap.end?)));
        let ((begin, _), end) = found.expect("a gap is between two offsets");
        let at = end.naive_utc();
        let end = end.naive_local();
        Self { begin, end, at }
    }

    /// Whether no part of a date exists.
    pub(super) fn swallows(&self, date: NaiveDate) -> bool {
        self.begin <= date.and_time(NaiveTime::MIN) && date < self.end.date()
    }
}

impl Fold {
    /// The fold that a local time is in, if it comes twice.
    pub(super) fn around(local: NaiveDateTime, zone: Tz) -> Option<Self> {
        let LocalResult::Ambiguous(before, after) = zone.offset_from_local_datetime(&local) else {
            return None;
        };
        let (before, after) = (length(&before), length(&after));
        // The first instant of the second pass is between those of the local time.
        let (mut first, mut second) = (local - before, local - after);
        while second - first > TimeDelta::seconds(1) {
            let middle = first + TimeDelta::seconds((second - first).num_seconds() / 2);
            if length(&zone.offset_from_utc_datetime(&middle)) == before {
                first = middle;
            } else {
                second = middle;
            }
        }
        let (begin, end) = (second + after, second + before);
        Some(Self {
            begin,
            end,
            before,
            after,
        })
    }

    /// The instant of one of its local times in the first pass.
    pub(super) fn first(&self, local: NaiveDateTime) -> NaiveDateTime {
        local - self.before
    }

    /// The instant of one of its local times in the second pass.
    pub(super) fn second(&self, local: NaiveDateTime) -> NaiveDateTime {
        local - self.after
    }
}

/// From UTC to local time.
fn length(offset: &impl Offset) -> TimeDelta {
    TimeDelta::seconds(offset.fix().local_minus_utc().into())
}
