//! How many slots there are in a time, without going through them all.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::{NaiveDate, Timelike as _};

use super::definition::Timing;
use super::local::Day;
use super::timeline::{Found, INSTANT, Timeline, YEARS};
use crate::time::Timestamp;

const HOUR: Duration = Duration::from_secs(3600);

/// Slots in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The first.
    pub first: Timestamp,
    /// The last.
    pub last: Timestamp,
    /// How many there are.
    pub count: u64,
}

impl Range {
    /// A single slot.
    pub(super) fn one(at: Timestamp) -> Self {
        Self {
            first: at,
            last: at,
            count: 1,
        }
    }

    /// The same slots, beginning at another instant.
    fn from(self, first: Timestamp) -> Self {
        Self {
            first,
            last: first + self.last.since(self.first),
            ..self
        }
    }

    /// This one, and the slots of a range that comes after.
    pub(super) fn joined(self, later: Self) -> Self {
        Self {
            first: self.first,
            last: later.last,
            count: self.count + later.count,
        }
    }
}

impl Timeline<'_> {
    /// The slots after `after` until `until`, by local dates.
    pub(super) fn ranges(&self, after: Timestamp, until: Timestamp) -> impl Iterator<Item = Range> + '_ {
        let ranges = self.ranges_of(after, until, self.moves(), |after| self.next(after));
        ranges.map(|(range, _)| range)
    }

    /// The same without the newest `most`; and the instant after which those are.
    pub(super) fn tally_but(
        &self,
        most: u64,
        after: Timestamp,
        until: Timestamp,
    ) -> (Option<Range>, Timestamp) {
        let mut older: Option<Range> = None;
        let mut take = |range: Range| older = Some(older.map_or(range, |older| older.joined(range)));
        let mut newer: VecDeque<Range> = VecDeque::new();
        let mut count = 0;
        for range in self.ranges(after, until) {
            count += range.count;
            newer.push_back(range);
            while let Some(first) = newer.front().filter(|first| count - first.count >= most).copied() {
                count -= first.count;
                newer.pop_front();
                take(first);
            }
        }
        let surplus = count.saturating_sub(most);
        if surplus > 0
            && let Some(range) = newer.front()
        {
            let mut slots = self.instants(range.first - INSTANT).map(|slot| slot.at);
            let last = usize::try_from(surplus - 1)
                .ok()
                .and_then(|index| slots.nth(index));
            take(Range {
                first: range.first,
                last: last.unwrap_or(range.last),
                count: surplus,
            });
        }
        (older, older.map_or(after, |older| older.last))
    }

    /// The slots after `after` until `until` of those that `next` gives, which is the next after an instant: by local
    /// dates, which are given too, or in smaller pieces.
    ///
    /// Slots of an interval are counted, unless they are `moved` one by one. Those of a cron expression are known from
    /// an earlier date, or an earlier hour: see [`Known`].
    pub(super) fn ranges_of<'t>(
        &'t self,
        after: Timestamp,
        until: Timestamp,
        moved: bool,
        next: impl Fn(Timestamp) -> Option<Found> + 't,
    ) -> impl Iterator<Item = (Range, NaiveDate)> + 't {
        let last = YEARS.1 - INSTANT;
        let until = until.min(self.definition.end_at.map_or(last, |end| end.min(last)));
        let next = move |after| next(after).filter(|found| found.at <= until);
        let mut known = Known::default();
        let mut cursor = self.not_before_start(after);
        std::iter::from_fn(move || {
            let found = next(cursor)?;
            let day = self.day(found.at);
            let range = match &self.definition.timing {
                _ if found.date != day.date => Range::one(found.at),
                Timing::Interval { seconds, .. } if !moved => {
                    on_grid(found.at, until.min(day.end - INSTANT).max(found.at), *seconds)
                }
                Timing::Cron(_) => known.on_day(self, cursor, found.at, &day, until, &next),
                Timing::Interval { .. } | Timing::Once(_) => one_by_one(found.at, day.end, &next),
            };
            cursor = range.last;
            Some((range, found.date))
        })
    }

    /// The hour of local time that an instant is in, and whether the clocks do not change in it, nor as it begins.
    fn hour(&self, at: Timestamp) -> (Timestamp, Timestamp, bool) {
        let passed = self.local(at).time().num_seconds_from_midnight() % 3600;
        let begin = at - Duration::from_secs(passed.into());
        let end = begin + HOUR;
        (
            begin,
            end,
            self.offset(begin - INSTANT) == self.offset(end - INSTANT),
        )
    }
}

/// The slots of a cron expression on a date and in an hour. All whole dates without a change of the clocks have equally
/// many, at the same times, if they have any; and so have all whole hours.
#[derive(Debug, Default)]
struct Known {
    day: Option<Range>,
    hour: Option<Range>,
}

impl Known {
    /// The slots on `day` from `first` on, which is the next after `cursor`; at least that one.
    fn on_day(
        &mut self,
        timeline: &Timeline<'_>,
        cursor: Timestamp,
        first: Timestamp,
        day: &Day,
        until: Timestamp,
        next: &impl Fn(Timestamp) -> Option<Found>,
    ) -> Range {
        let is_whole = day.is_regular && cursor < day.begin && day.end - INSTANT <= until;
        if let Some(known) = self.day.filter(|_| is_whole) {
            return known.from(first);
        }
        let mut range = self.in_hour(timeline, cursor, first, day.end, until, next);
        while let Some(found) = next(range.last).filter(|found| found.at < day.end) {
            range = range.joined(self.in_hour(timeline, range.last, found.at, day.end, until, next));
        }
        if is_whole {
            self.day = Some(range);
        }
        range
    }

    /// The slots of the hour of `first`, and before `end`, from `first` on; at least that one.
    fn in_hour(
        &mut self,
        timeline: &Timeline<'_>,
        cursor: Timestamp,
        first: Timestamp,
        end: Timestamp,
        until: Timestamp,
        next: &impl Fn(Timestamp) -> Option<Found>,
    ) -> Range {
        let (begin, hour_end, is_regular) = timeline.hour(first);
        let is_whole = is_regular && cursor < begin && hour_end <= end && hour_end - INSTANT <= until;
        if let Some(known) = self.hour.filter(|_| is_whole) {
            return known.from(first);
        }
        let range = one_by_one(first, end.min(hour_end).max(first + INSTANT), next);
        if is_whole {
            self.hour = Some(range);
        }
        range
    }
}

/// The slots from `first` on that are before `end`; at least that one.
fn one_by_one(first: Timestamp, end: Timestamp, next: impl Fn(Timestamp) -> Option<Found>) -> Range {
    let mut range = Range::one(first);
    while let Some(found) = next(range.last).filter(|found| found.at < end) {
        range.last = found.at;
        range.count += 1;
    }
    range
}

/// The slots of an interval from `first` until `until`.
fn on_grid(first: Timestamp, until: Timestamp, seconds: u32) -> Range {
    let step = u64::from(seconds.max(1)) * 1_000_000;
    let length = u64::try_from(until.since(first).as_micros()).unwrap_or(u64::MAX);
    let further = length / step;
    Range {
        first,
        last: first + Duration::from_micros(further * step),
        count: further + 1,
    }
}
