//! Holidays that move: with Easter, and to a day of the week.

use chrono::{Datelike, NaiveDate, Weekday};

/// Days from Easter Sunday of the same year to `date`: -2 is Good Friday, 39 Ascension.
pub(super) fn days_after_easter(date: NaiveDate) -> i64 {
    i64::from(date.ordinal()) - i64::from(easter(date.year()))
}

/// The day of the year of Easter Sunday in the Gregorian calendar, from 1. Source: the algorithm of J.-M. Oudin (1940),
/// as in the Explanatory Supplement to the Astronomical Almanac.
pub(super) fn easter(year: i32) -> u32 {
    let century = year / 100;
    let golden = year % 19;
    let epact = (century - century / 4 - (8 * century + 13) / 25 + 19 * golden + 15) % 30;
    let full_moon = epact - (epact / 28) * (1 - (epact / 28) * (29 / (epact + 1)) * ((21 - golden) / 11));
    let weekday = (year + year / 4 + full_moon + 2 - century + century / 4) % 7;
    let day_of_march = full_moon - weekday + 28;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    // Before 1 March there are 59 days, or 60.
    u32::try_from(day_of_march + 59 + i32::from(leap)).unwrap_or(0)
}

/// Whether `date` is the `nth` such day of the week in its month, from 1.
pub(super) fn is_nth(date: NaiveDate, nth: u32, weekday: Weekday) -> bool {
    date.weekday() == weekday && (date.day() - 1) / 7 + 1 == nth
}

/// Whether `date` is the last such day of the week in its month, which has `days` days.
pub(super) fn is_last(date: NaiveDate, days: u32, weekday: Weekday) -> bool {
    date.weekday() == weekday && date.day() + 7 > days
}
