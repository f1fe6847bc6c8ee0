//! How many slots there are in a time, without going through them all.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::NaiveDate;

use super::definition::Timing;
use super::timeline::{Found, INSTANT, Timeline};
use crate::time::Timestamp;

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
    /// All whole dates of a cron expression without a change of the clocks have equally many slots, if they have any;
    /// those of an interval are counted, unless they are `moved` one by one.
    pub(super) fn ranges_of<'t>(
        &'t self,
        after: Timestamp,
        until: Timestamp,
        moved: bool,
        next: impl Fn(Timestamp) -> Option<Found> + 't,
    ) -> impl Iterator<Item = (Range, NaiveDate)> + 't {
        let until = self.definition.end_at.map_or(until, |end| until.min(end));
        let next = move |after| next(after).filter(|found| found.at <= until);
        let mut a_day: Option<Range> = None;
        let mut cursor = self.not_before_start(after);
        std::iter::from_fn(move || {
            let found = next(cursor)?;
            let first = found.at;
            let day = self.day(first);
            let range = match (&self.definition.timing, a_day) {
                _ if found.date != day.date => Range::one(first),
                (Timing::Interval { seconds, .. }, _) if !moved => {
                    on_grid(first, until.min(day.end - INSTANT).max(first), *seconds)
                }
                (Timing::Cron(_), known)
                    if day.is_regular && cursor < day.begin && day.end - INSTANT <= until =>
                {
                    let range = known.map_or_else(
                        || count(first, day.end, &next),
                        |known| Range {
                            first,
                            last: first + known.last.since(known.first),
                            count: known.count,
                        },
                    );
                    a_day = Some(range);
                    range
                }
                _ => count(first, day.end, &next),
            };
            cursor = range.last;
            Some((range, found.date))
        })
    }
}

/// The slots from `first` on that are before `end`; at least that one.
fn count(first: Timestamp, end: Timestamp, next: impl Fn(Timestamp) -> Option<Found>) -> Range {
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
