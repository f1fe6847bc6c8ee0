//! The dates that an entry names.

use chrono::{Datelike as _, NaiveDate};

/// The last year that is looked at: in a zone ahead of UTC it begins before 9999 has ended in UTC.
const LAST_YEAR: i32 = 10_000;

/// Bits 0, 7, 14, 21 and 28: repeats a week.
const WEEKS: u64 = 1 | 1 << 7 | 1 << 14 | 1 << 21 | 1 << 28;

/// Day of month, month and day of week as bit sets: bit `n` is the value `n`; weeks begin with Sunday, bit 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Days {
    /// Days of the month: 1 to 31.
    pub(super) of_month: u64,
    /// `L` and `L-n`: how many days before the last.
    pub(super) before_last: u64,
    /// `nW`: the Monday to Friday nearest to day `n`.
    pub(super) nearest: u64,
    /// `LW`: the last Monday to Friday.
    pub(super) last_working: bool,
    /// Months: 1 to 12.
    pub(super) months: u64,
    /// Days of the week: 0 to 6.
    pub(super) weekdays: u64,
    /// `d#n`: days of the week that are the `n`th of their month, at `n - 1`.
    pub(super) nth: [u64; 5],
    /// `dL`: days of the week that are the last of their month.
    pub(super) last: u64,
    /// Whether a date is named by either of day of month and day of week, rather than by both.
    pub(super) either: bool,
}

impl Days {
    pub(super) fn names(&self, date: NaiveDate) -> bool {
        let first = (date.weekday().num_days_from_sunday() + 36 - date.day()) % 7;
        let length = u32::from(date.num_days_in_month());
        self.months >> date.month() & 1 == 1 && self.in_month(first, length) >> date.day() & 1 == 1
    }

    /// The first that it names, at `date` or later.
    pub(super) fn at_or_after(&self, date: NaiveDate) -> Option<NaiveDate> {
        let (mut year, mut month, mut day) = (date.year(), date.month(), date.day());
        while year <= LAST_YEAR {
            if self.months >> month & 1 == 1 {
                let first = NaiveDate::from_ymd_opt(year, month, 1)?;
                let length = u32::from(first.num_days_in_month());
                let rest = self.in_month(first.weekday().num_days_from_sunday(), length) >> day;
                if rest != 0 {
                    return first.with_day(day + rest.trailing_zeros());
                }
            }
            day = 1;
            let later = self.months >> (month + 1);
            if later == 0 {
                year += 1;
                month = self.months.trailing_zeros();
            } else {
                month += 1 + later.trailing_zeros();
            }
        }
        None
    }

    /// Whether it names a date in any year.
    ///
    /// In the 400 years of the calendar's cycle each month begins with each day of the week, February in both of its
    /// lengths; these are all the kinds there are.
    pub(super) fn exist(&self) -> bool {
        let lengths = (1..=12).filter(|month| self.months >> month & 1 == 1);
        lengths
            .flat_map(kinds)
            .any(|length| (0..7).any(|first| self.in_month(first, length) != 0))
    }

    /// The days of a month that it names, as bits 1 to 31, if it names the month: one of `length` days whose first is
    /// the day of the week `first`.
    fn in_month(&self, first: u32, length: u32) -> u64 {
        let days = self.by_day(first, length);
        let weekdays = self.by_weekday(first, length);
        let named = if self.either {
            days | weekdays
        } else {
            days & weekdays
        };
        named & ((2 << length) - 2)
    }

    fn by_day(&self, first: u32, length: u32) -> u64 {
        let mut named = self.of_month;
        for before in bits(self.before_last).take_while(|before| *before < length) {
            named |= 1 << (length - before);
        }
        for day in bits(self.nearest).take_while(|day| *day <= length) {
            named |= 1 << nearest_working(day, first, length);
        }
        if self.last_working {
            named |= 1 << nearest_working_before_end(first, length);
        }
        named
    }

    fn by_weekday(&self, first: u32, length: u32) -> u64 {
        let mut named = (from_weekday(self.weekdays, first) * WEEKS) << 1;
        for (weeks, weekdays) in (0..).zip(self.nth) {
            named |= from_weekday(weekdays, first) << (1 + 7 * weeks);
        }
        let last_week = length - 6;
        named | from_weekday(self.last, (first + last_week - 1) % 7) << last_week
    }
}

/// The lengths that a month may have.
fn kinds(month: u32) -> impl Iterator<Item = u32> {
    match month {
        2 => 28..=29,
        4 | 6 | 9 | 11 => 30..=30,
        _ => 31..=31,
    }
}

/// A set of days of the week, counted from the day of the week `first`.
fn from_weekday(weekdays: u64, first: u32) -> u64 {
    (weekdays >> first | weekdays << (7 - first)) & 0x7f
}

/// The Monday to Friday nearest to a day, in the same month.
fn nearest_working(day: u32, first: u32, length: u32) -> u32 {
    match (first + day - 1) % 7 {
        6 if day == 1 => 3,
        6 => day - 1,
        0 if day == length => day - 2,
        0 => day + 1,
        _ => day,
    }
}

/// The last Monday to Friday of a month.
fn nearest_working_before_end(first: u32, length: u32) -> u32 {
    match (first + length - 1) % 7 {
        6 => length - 1,
        0 => length - 2,
        _ => length,
    }
}

/// The values of a set, the least first.
pub(super) fn bits(mut set: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let least = (set != 0).then(|| set.trailing_zeros())?;
        set &= set - 1;
        Some(least)
    })
}
