//! Calendars: holidays against what the laws promise, iCalendar texts against another reader's rules, and what hostile
//! texts may do.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

#[path = "calendar_properties/dates.rs"]
mod dates;
#[path = "calendar_properties/hostile.rs"]
mod hostile;
#[path = "calendar_properties/kept.rs"]
mod kept;
#[path = "calendar_properties/recurrence.rs"]
mod recurrence;

use ains_core::calendar::{Country, Dates, Holidays, Weekdays};
use chrono::NaiveDate;
use proptest::prelude::ProptestConfig;
use proptest::test_runner::RngSeed;

/// The same cases each time.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::with_cases(cases)
    }
}

fn date(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

/// Only the holidays of a country or region, as they are kept, or as they are named for days.
fn holidays(country: Country, region: Option<&str>, observed: bool) -> Dates {
    let holidays = Holidays {
        country,
        region: region.map(str::to_owned),
        observed,
    };
    Dates::new(Vec::new(), Weekdays::default(), vec![holidays])
}
