//! The public holidays of France.
//!
//! Source: Code du travail, article L3133-1; for Alsace and Moselle article L3134-13. The overseas territories have
//! further ones (article L3422-2), which are left out. A holiday on a Sunday is not kept on another day. Whit Monday
//! is one, though in many places it is worked as the day of solidarity (article L3133-11).

use chrono::{Datelike, NaiveDate};

use super::moving::days_after_easter;

/// The region of the departments Bas-Rhin, Haut-Rhin and Moselle.
pub(super) const ALSACE_MOSELLE: &str = "alsace-moselle";

/// The holiday on `date`. Good Friday is one in the towns of Alsace and Moselle that have a Protestant church, which
/// all larger ones do.
pub(super) fn holiday(date: NaiveDate, alsace_moselle: bool) -> Option<&'static str> {
    let fixed = match (date.month(), date.day()) {
        (1, 1) => "New Year's Day",
        (5, 1) => "Labour Day",
        (5, 8) => "Victory Day 1945",
        (7, 14) => "National Day",
        (8, 15) => "Assumption Day",
        (11, 1) => "All Saints' Day",
        (11, 11) => "Armistice Day 1918",
        (12, 25) => "Christmas Day",
        (12, 26) if alsace_moselle => "St Stephen's Day",
        _ => return with_easter(date, alsace_moselle),
    };
    Some(fixed)
}

fn with_easter(date: NaiveDate, alsace_moselle: bool) -> Option<&'static str> {
    if !(3..=6).contains(&date.month()) {
        return None;
    }
    Some(match days_after_easter(date) {
        -2 if alsace_moselle => "Good Friday",
        1 => "Easter Monday",
        39 => "Ascension Day",
        50 => "Whit Monday",
        _ => return None,
    })
}
