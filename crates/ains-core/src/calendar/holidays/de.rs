//! The public holidays of Germany: those of all Germany, and those of each Land.
//!
//! Source: article 2 (2) of the Unification Treaty of 1990 for 3 October, the laws on Sundays and holidays of the
//! Länder (Feiertagsgesetze) for all others; what each changed is named at its rule. A holiday on a Sunday is not kept
//! on another day. Towns of Saxony and Thuringia that keep Corpus Christi are left out.

use chrono::{Datelike, NaiveDate, Weekday};

use super::moving::days_after_easter;

/// The codes of the Länder, in the order of [`Land`].
pub(super) const LAENDER: [&str; 18] = [
    "BB",
    "BE",
    "BW",
    "BY",
    "BY-AUGSBURG",
    "BY-CATHOLIC",
    "HB",
    "HE",
    "HH",
    "MV",
    "NI",
    "NW",
    "RP",
    "SH",
    "SL",
    "SN",
    "ST",
    "TH",
];

/// A Land, or a part of one with holidays of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Land {
    Brandenburg,
    Berlin,
    BadenWuerttemberg,
    Bavaria,
    Augsburg,
    CatholicBavaria,
    Bremen,
    Hesse,
    Hamburg,
    MecklenburgVorpommern,
    LowerSaxony,
    NorthRhineWestphalia,
    RhinelandPalatinate,
    SchleswigHolstein,
    Saarland,
    Saxony,
    SaxonyAnhalt,
    Thuringia,
}

use Land::{
    Augsburg, BadenWuerttemberg, Bavaria, Berlin, Brandenburg, Bremen, CatholicBavaria, Hamburg, Hesse,
    LowerSaxony, MecklenburgVorpommern, NorthRhineWestphalia, RhinelandPalatinate, Saarland, Saxony,
    SaxonyAnhalt, SchleswigHolstein, Thuringia,
};

/// In the order of [`LAENDER`].
const ALL: [Land; 18] = [
    Brandenburg,
    Berlin,
    BadenWuerttemberg,
    Bavaria,
    Augsburg,
    CatholicBavaria,
    Bremen,
    Hesse,
    Hamburg,
    MecklenburgVorpommern,
    LowerSaxony,
    NorthRhineWestphalia,
    RhinelandPalatinate,
    SchleswigHolstein,
    Saarland,
    Saxony,
    SaxonyAnhalt,
    Thuringia,
];

impl Land {
    /// The Land of this code.
    pub(super) fn named(code: &str) -> Option<Self> {
        LAENDER
            .iter()
            .position(|known| *known == code)
            .map(|index| ALL[index])
    }
}

/// The holiday on `date`, in all Germany or in a Land.
pub(super) fn holiday(date: NaiveDate, land: Option<Land>) -> Option<&'static str> {
    everywhere(date).or_else(|| land.and_then(|land| in_land(date, land)))
}

fn everywhere(date: NaiveDate) -> Option<&'static str> {
    let year = date.year();
    let fixed = match (date.month(), date.day()) {
        (1, 1) => "New Year's Day",
        (5, 1) => "Labour Day",
        (10, 3) => "German Unity Day",
        // Once, for 500 years of it, by law or ordinance of each Land.
        (10, 31) if year == 2017 => REFORMATION,
        (11, _) if year <= 1994 && is_repentance_day(date) => REPENTANCE,
        (12, 25) => "Christmas Day",
        (12, 26) => "Second Day of Christmas",
        (3..=6, _) => {
            return match days_after_easter(date) {
                -2 => Some("Good Friday"),
                1 => Some("Easter Monday"),
                39 => Some("Ascension Day"),
                50 => Some("Whit Monday"),
                _ => None,
            };
        }
        _ => return None,
    };
    Some(fixed)
}

const REFORMATION: &str = "Reformation Day";
const REPENTANCE: &str = "Day of Repentance and Prayer";

/// The Wednesday before 23 November. All Länder but Saxony gave it up from 1995 on, to pay for the insurance of care.
fn is_repentance_day(date: NaiveDate) -> bool {
    date.weekday() == Weekday::Wed && (16..=22).contains(&date.day())
}

fn in_land(date: NaiveDate, land: Land) -> Option<&'static str> {
    let year = date.year();
    let bavaria = matches!(land, Bavaria | Augsburg | CatholicBavaria);
    let west = matches!(land, NorthRhineWestphalia | RhinelandPalatinate | Saarland);
    Some(match (date.month(), date.day()) {
        (1, 6) if bavaria || land == BadenWuerttemberg || land == SaxonyAnhalt => "Epiphany",
        // Berlin since 2019 (law of 30 January 2019), Mecklenburg-Vorpommern since 2023 (law of 11 July 2022).
        (3, 8) if land == Berlin && year >= 2019 => WOMEN,
        (3, 8) if land == MecklenburgVorpommern && year >= 2023 => WOMEN,
        // Berlin, once each: 75 and 80 years after the war, 75 years after the uprising in the GDR.
        (5, 8) if land == Berlin && matches!(year, 2020 | 2025) => "Day of Liberation",
        (6, 17) if land == Berlin && year == 2028 => "Anniversary of the Uprising of 1953",
        (8, 8) if land == Augsburg => "Peace Festival",
        (8, 15) if matches!(land, Saarland | Augsburg | CatholicBavaria) => "Assumption Day",
        // Law of 19 February 2019.
        (9, 20) if land == Thuringia && year >= 2019 => "World Children's Day",
        (10, 31) if keeps_reformation_day(land, year) => REFORMATION,
        (11, 1) if bavaria || west || land == BadenWuerttemberg => "All Saints' Day",
        (11, _) if land == Saxony && is_repentance_day(date) => REPENTANCE,
        (3..=6, _) => {
            return match days_after_easter(date) {
                0 if land == Brandenburg => Some("Easter Sunday"),
                49 if land == Brandenburg => Some("Whit Sunday"),
                60 if bavaria || west || matches!(land, BadenWuerttemberg | Hesse) => Some("Corpus Christi"),
                _ => None,
            };
        }
        _ => return None,
    })
}

const WOMEN: &str = "International Women's Day";

/// The northern Länder since 2018, by laws of that year.
fn keeps_reformation_day(land: Land, year: i32) -> bool {
    match land {
        Brandenburg | MecklenburgVorpommern | Saxony | SaxonyAnhalt | Thuringia => true,
        Bremen | Hamburg | LowerSaxony | SchleswigHolstein => year >= 2018,
        _ => false,
    }
}
