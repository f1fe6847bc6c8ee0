//! The public holidays of Japan.
//!
//! Source: the Act on National Holidays (国民の祝日に関する法律, Act 178 of 1948), article 2 for the days, article 3
//! (2) for substitute holidays and (3) for the day between two holidays, as amended; the acts for the single days of
//! 1993 and 2019; the special acts on the Olympic Games for 2020 and 2021. The equinoxes are announced in February of
//! the year before; they are computed here.

use chrono::{Datelike, NaiveDate, Weekday};

use super::Holiday;
use super::moving::is_nth;

/// The holiday on `date`: a national holiday; with `observed` a substitute for one on a Sunday; a day between two.
pub(super) fn holiday(date: NaiveDate, observed: bool) -> Option<Holiday> {
    if let Some(name) = national(date) {
        return Some(Holiday::Itself(name));
    }
    let substitute = substituted(date).map(Holiday::Observed);
    if substitute.is_some() {
        // Not a day between two either, by article 3 (3) until 2006; since then no day was both.
        return substitute.filter(|_| observed);
    }
    between_two(date).then_some(Holiday::Itself("Citizens' Holiday"))
}

/// The national holiday on a Sunday for which `date`, which is none, is a substitute. Since 2007 it is the next day
/// that is not a national holiday; until then it was the Monday.
fn substituted(date: NaiveDate) -> Option<&'static str> {
    let mut before = date.pred_opt()?;
    while let Some(name) = national(before) {
        if before.weekday() == Weekday::Sun {
            return Some(name);
        }
        if date.year() < 2007 {
            return None;
        }
        before = before.pred_opt()?;
    }
    None
}

/// Whether `date`, which is no national holiday, lies between two. Until 2006 a Sunday did not count.
fn between_two(date: NaiveDate) -> bool {
    let is_national = |date: Option<NaiveDate>| date.and_then(national).is_some();
    (date.year() >= 2007 || date.weekday() != Weekday::Sun)
        && is_national(date.pred_opt())
        && is_national(date.succ_opt())
}

fn national(date: NaiveDate) -> Option<&'static str> {
    let (year, month, day) = (date.year(), date.month(), date.day());
    let monday = |nth| is_nth(date, nth, Weekday::Mon);
    // Moved for the Olympic Games.
    let olympic = matches!(year, 2020 | 2021);
    Some(match (month, day) {
        (1, 1) => "New Year's Day",
        // Mondays since 2000.
        (1, 15) if year <= 1999 => COMING_OF_AGE,
        (1, _) if year >= 2000 && monday(2) => COMING_OF_AGE,
        (2, 11) => "National Foundation Day",
        (2, 23) if year >= 2020 => EMPEROR,
        (3, _) if day == vernal_equinox(year) => "Vernal Equinox Day",
        (4, 29) if year >= 2007 => "Showa Day",
        (4, 29) => GREENERY,
        (5, 1) if year == 2019 => "Accession of the Emperor",
        (5, 3) => "Constitution Memorial Day",
        (5, 4) if year >= 2007 => GREENERY,
        (5, 5) => "Children's Day",
        (6, 9) if year == 1993 => "Wedding of the Crown Prince",
        // A holiday since 1996, a Monday since 2003.
        (7, 20) if (1996..=2002).contains(&year) => MARINE,
        (7, 23) if year == 2020 => MARINE,
        (7, 22) if year == 2021 => MARINE,
        (7, _) if year >= 2003 && !olympic && monday(3) => MARINE,
        (7, 24) if year == 2020 => SPORTS,
        (7, 23) if year == 2021 => SPORTS,
        (8, 10) if year == 2020 => MOUNTAIN,
        (8, 8) if year == 2021 => MOUNTAIN,
        (8, 11) if year >= 2016 && !olympic => MOUNTAIN,
        // A Monday since 2003.
        (9, 15) if year <= 2002 => AGED,
        (9, _) if year >= 2003 && monday(3) => AGED,
        (9, _) if day == autumnal_equinox(year) => "Autumnal Equinox Day",
        // A Monday since 2000, of another name since 2020.
        (10, 10) if year <= 1999 => HEALTH_AND_SPORTS,
        (10, _) if (2000..=2019).contains(&year) && monday(2) => HEALTH_AND_SPORTS,
        (10, _) if year >= 2022 && monday(2) => SPORTS,
        (10, 22) if year == 2019 => "Enthronement Ceremony",
        (11, 3) => "Culture Day",
        (11, 23) => "Labour Thanksgiving Day",
        (12, 23) if year <= 2018 => EMPEROR,
        _ => return None,
    })
}

const COMING_OF_AGE: &str = "Coming of Age Day";
const EMPEROR: &str = "Emperor's Birthday";
const GREENERY: &str = "Greenery Day";
const MARINE: &str = "Marine Day";
const SPORTS: &str = "Sports Day";
const HEALTH_AND_SPORTS: &str = "Health and Sports Day";
const MOUNTAIN: &str = "Mountain Day";
const AGED: &str = "Respect for the Aged Day";

/// The day of March. Source of both formulas, which hold from 1980 to 2099: 海上保安庁水路部「新こよみ便利帳」.
fn vernal_equinox(year: i32) -> u32 {
    equinox(year, 20_843_100)
}

/// The day of September.
fn autumnal_equinox(year: i32) -> u32 {
    equinox(year, 23_248_800)
}

/// The day of an equinox that was at the day `in_1980`, in millionths.
fn equinox(year: i32, in_1980: i32) -> u32 {
    let years = year - 1980;
    let day = (in_1980 + 242_194 * years) / 1_000_000 - years / 4;
    u32::try_from(day).unwrap_or(0)
}
