//! The bank holidays of the United Kingdom.
//!
//! Source: the Banking and Financial Dealings Act 1971, schedule 1; the yearly royal proclamations under its section 1
//! (New Year's Day, the early May holiday, days in place of others, and days of a single year), as published in The
//! Gazette and on gov.uk (bank holidays); the St Andrew's Day Bank Holiday (Scotland) Act 2007.

use chrono::{Datelike, Days, NaiveDate, Weekday};

use super::Holiday;
use super::moving::{days_after_easter, is_last, is_nth};

/// The names of the divisions, in the order of [`Division`].
pub(super) const DIVISIONS: [&str; 3] = ["england-and-wales", "scotland", "northern-ireland"];

/// A part of the country with bank holidays of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Division {
    EnglandAndWales,
    Scotland,
    NorthernIreland,
}

impl Division {
    /// The division of this name; England and Wales without one.
    pub(super) fn named(name: Option<&str>) -> Option<Self> {
        let Some(name) = name else {
            return Some(Self::EnglandAndWales);
        };
        let index = DIVISIONS.iter().position(|known| *known == name)?;
        Some([Self::EnglandAndWales, Self::Scotland, Self::NorthernIreland][index])
    }
}

/// The holiday that `date` is named for.
pub(super) fn named_for(date: NaiveDate, division: Division) -> Option<&'static str> {
    of_one_year(date, division)
        .or_else(|| of_every_year(date, division))
        .or_else(|| with_easter(date, division))
}

/// The holiday that is kept on `date`. What falls on a Saturday or a Sunday is kept on the next day that is neither,
/// and no holiday itself; the earlier one first.
pub(super) fn observed(date: NaiveDate, division: Division) -> Option<Holiday> {
    let weekday = date.weekday();
    if matches!(weekday, Weekday::Sat | Weekday::Sun) {
        return None;
    }
    if let Some(name) = named_for(date, division) {
        return Some(Holiday::Itself(name));
    }
    let days_after_saturday = u64::from(weekday.num_days_from_monday()) + 2;
    let saturday = date.checked_sub_days(Days::new(days_after_saturday))?;
    let weekend = [Some(saturday), saturday.succ_opt()].into_iter().flatten();
    let mut moved = weekend.filter_map(|date| named_for(date, division));
    // The days since Monday that are no holiday have taken what was moved before.
    let free = saturday
        .iter_days()
        .skip(2)
        .take_while(|before| *before < date)
        .filter(|before| named_for(*before, division).is_none());
    moved.nth(free.count()).map(Holiday::Observed)
}

/// Days of a single year. They are the same in all divisions, but for one.
fn of_one_year(date: NaiveDate, division: Division) -> Option<&'static str> {
    Some(match (date.year(), date.month(), date.day()) {
        (1995 | 2020, 5, 8) => "Early May bank holiday (VE Day)",
        (1999, 12, 31) => "Millennium bank holiday",
        (2002, 6, 3) => "Golden Jubilee bank holiday",
        (2002 | 2012, 6, 4) | (2022, 6, 2) => SPRING,
        (2011, 4, 29) => "Royal wedding bank holiday",
        (2012, 6, 5) => "Diamond Jubilee bank holiday",
        (2022, 6, 3) => "Platinum Jubilee bank holiday",
        (2022, 9, 19) => "Bank holiday for the State Funeral of Queen Elizabeth II",
        (2023, 5, 8) => "Bank holiday for the coronation of King Charles III",
        (2026, 6, 15) if division == Division::Scotland => "World Cup bank holiday",
        _ => return None,
    })
}

const SPRING: &str = "Spring bank holiday";

fn of_every_year(date: NaiveDate, division: Division) -> Option<&'static str> {
    let scotland = division == Division::Scotland;
    let northern_ireland = division == Division::NorthernIreland;
    let monday = |nth| is_nth(date, nth, Weekday::Mon);
    let last_monday = is_last(date, 31, Weekday::Mon);
    let year = date.year();
    Some(match (date.month(), date.day()) {
        (1, 1) => "New Year's Day",
        (1, 2) if scotland => "2nd January",
        (3, 17) if northern_ireland => "St Patrick's Day",
        (5, _) if monday(1) && !matches!(year, 1995 | 2020) => "Early May bank holiday",
        (5, _) if last_monday && !matches!(year, 2002 | 2012 | 2022) => SPRING,
        (7, 12) if northern_ireland => "Battle of the Boyne (Orangemen's Day)",
        (8, _) if if scotland { monday(1) } else { last_monday } => "Summer bank holiday",
        (11, 30) if scotland && year >= 2007 => "St Andrew's Day",
        (12, 25) => "Christmas Day",
        (12, 26) => "Boxing Day",
        _ => return None,
    })
}

fn with_easter(date: NaiveDate, division: Division) -> Option<&'static str> {
    if !matches!(date.month(), 3 | 4) {
        return None;
    }
    match days_after_easter(date) {
        -2 => Some("Good Friday"),
        1 if division != Division::Scotland => Some("Easter Monday"),
        _ => None,
    }
}
