//! The holidays of the federal government of the United States.
//!
//! Source: 5 U.S.C. 6103 (a) for the days, (b) for those that fall on a Saturday or a Sunday, with section 3 of
//! Executive Order 11582 (1971). Inauguration Day, (c), is a holiday in and around Washington only and is left out, as
//! are days on which the President lets federal offices close.

use chrono::{Datelike, NaiveDate, Weekday};

use super::Holiday;
use super::moving::{is_last, is_nth};

/// The holiday that `date` is named for.
pub(super) fn named_for(date: NaiveDate) -> Option<&'static str> {
    let nth = |nth, weekday| is_nth(date, nth, weekday);
    Some(match (date.month(), date.day()) {
        (1, 1) => "New Year's Day",
        (1, _) if nth(3, Weekday::Mon) => "Martin Luther King Jr. Day",
        (2, _) if nth(3, Weekday::Mon) => "Washington's Birthday",
        (5, _) if is_last(date, 31, Weekday::Mon) => "Memorial Day",
        // Public Law 117-17, in force from 17 June 2021.
        (6, 19) if date.year() >= 2021 => "Juneteenth National Independence Day",
        (7, 4) => "Independence Day",
        (9, _) if nth(1, Weekday::Mon) => "Labor Day",
        (10, _) if nth(2, Weekday::Mon) => "Columbus Day",
        (11, 11) => "Veterans Day",
        (11, _) if nth(4, Weekday::Thu) => "Thanksgiving Day",
        (12, 25) => "Christmas Day",
        _ => return None,
    })
}

/// The holiday that is kept on `date`: what falls on a Saturday on the Friday before, what falls on a Sunday on the
/// Monday after.
pub(super) fn observed(date: NaiveDate) -> Option<Holiday> {
    let itself = named_for(date).map(Holiday::Itself);
    let moved = match date.weekday() {
        Weekday::Sat | Weekday::Sun => return None,
        Weekday::Mon => date.pred_opt(),
        Weekday::Fri => date.succ_opt(),
        Weekday::Tue | Weekday::Wed | Weekday::Thu => None,
    };
    itself.or_else(|| moved.and_then(named_for).map(Holiday::Observed))
}
