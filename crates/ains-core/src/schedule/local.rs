//! Local dates and times of a schedule: when they are, in a zone whose clocks change.

use std::time::Duration;

use chrono::{
    DateTime, FixedOffset, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, Offset as _, TimeZone as _,
};
use chrono_tz::GapInfo;

use super::timeline::{INSTANT, Timeline, YEARS};
use crate::time::Timestamp;

const DAY: Duration = Duration::from_secs(86_400);

/// The instants around one, in which the local date stays the same.
#[derive(Debug, Clone, Copy)]
pub(super) struct Day {
    pub(super) date: NaiveDate,
    /// The first. In the second pass of a fold over midnight, that of the date.
    pub(super) begin: Timestamp,
    /// The first after the last. Where the clocks go back soon after midnight, it may be too early.
    pub(super) end: Timestamp,
    /// Whether the clocks do not change, neither in it nor as it begins or ends.
    pub(super) is_regular: bool,
}

impl Timeline<'_> {
    /// The local time at an instant.
    pub fn local(&self, at: Timestamp) -> DateTime<FixedOffset> {
        self.offset(at).from_utc_datetime(&utc(at))
    }

    /// The local date at an instant.
    pub(super) fn date(&self, at: Timestamp) -> NaiveDate {
        self.local(at).date_naive()
    }

    /// The first instant of a local date; of one that does not exist, the first after it.
    pub(super) fn begin(&self, date: NaiveDate) -> Timestamp {
        self.midnight(date).0
    }

    /// The first instant of a local date, and that of its second pass, if it begins twice.
    pub(super) fn midnight(&self, date: NaiveDate) -> (Timestamp, Timestamp) {
        self.passes(date.and_time(NaiveTime::MIN))
    }

    /// The stretch of one local date that an instant is in.
    pub(super) fn day(&self, at: Timestamp) -> Day {
        let date = self.date(at);
        let (begin, again) = self.midnight(date);
        let (end, end_again) = date.succ_opt().map_or((at, at), |date| self.midnight(date));
        if begin < again && at < again {
            // The clocks go back soon: to the date before.
            return Day {
                date,
                begin,
                end: at + INSTANT,
                is_regular: false,
            };
        }
        Day {
            date,
            begin: again,
            end: if at < end { end } else { end_again },
            // A gap may be at its end as well.
            is_regular: begin == again
                && end.since(begin) == DAY
                && self.offset(begin - INSTANT) == self.offset(end - INSTANT),
        }
    }

    /// Whether the clocks change at an instant.
    pub(super) fn is_after_change(&self, at: Timestamp) -> bool {
        self.offset(at - INSTANT) != self.offset(at)
    }

    pub(super) fn offset(&self, at: Timestamp) -> FixedOffset {
        self.definition.timezone.offset_from_utc_datetime(&utc(at)).fix()
    }

    /// Whether the midnight that a local date begins with comes twice.
    pub(super) fn begins_twice(&self, date: NaiveDate) -> bool {
        let (first, second) = self.midnight(date);
        first < second
    }

    /// The distance from UTC on a local date, if that does not change on it.
    pub(super) fn offset_on(&self, date: NaiveDate) -> Option<FixedOffset> {
        let (begin, end) = self.whole(date);
        let offset = self.offset(begin);
        (end.since(begin) == DAY && offset == self.offset(end - INSTANT)).then_some(offset)
    }

    /// The instants of a local date.
    pub(super) fn whole(&self, date: NaiveDate) -> (Timestamp, Timestamp) {
        let end = date.succ_opt().map_or(YEARS.1, |next| self.midnight(next).1);
        (self.begin(date), end)
    }

    /// The instant of a local time: the first of two, and the first after it if there is none.
    pub(super) fn at_local(&self, local: NaiveDateTime) -> Timestamp {
        self.passes(local).0
    }

    /// The first and the second instant of a local time; the first after it, if there is none.
    fn passes(&self, local: NaiveDateTime) -> (Timestamp, Timestamp) {
        let zone = self.definition.timezone;
        let instant = |offset: FixedOffset| {
            let at = local - chrono::TimeDelta::seconds(offset.local_minus_utc().into());
            Timestamp::from_micros(at.and_utc().timestamp_micros())
        };
        match zone.offset_from_local_datetime(&local) {
            LocalResult::Single(offset) => (instant(offset.fix()), instant(offset.fix())),
            LocalResult::Ambiguous(first, second) => (instant(first.fix()), instant(second.fix())),
            LocalResult::None => {
                let end = GapInfo::new(&local, &zone).and_then(|gap| gap.end);
                let end = end
                    .map_or(local, |end| end.naive_utc())
                    .and_utc()
                    .timestamp_micros();
                (Timestamp::from_micros(end), Timestamp::from_micros(end))
            }
        }
    }
}

fn utc(at: Timestamp) -> NaiveDateTime {
    let at = at.clamp(YEARS.0 - INSTANT, YEARS.1);
    let at = DateTime::from_timestamp_micros(at.as_micros()).expect("the years are those that dates have");
    at.naive_utc()
}
