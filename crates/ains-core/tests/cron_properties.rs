//! Cron: slots held against the definition walked second by second, against two other crates, and through every change of
//! the clocks that the zones' tables have; and texts of all kinds, which are refused or work.
//!
//! Everything drawn comes from fixed seeds.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

#[path = "cron_properties/definition.rs"]
mod definition;
#[path = "cron_properties/drawn.rs"]
mod drawn;
#[path = "cron_properties/oracles.rs"]
mod oracles;
#[path = "cron_properties/texts.rs"]
mod texts;
#[path = "cron_properties/transitions.rs"]
mod transitions;

use ains_core::Timestamp;
use chrono::{DateTime, NaiveDateTime, Offset as _, TimeZone as _};
use chrono_tz::Tz;

/// An instant, in seconds since 1970.
fn instant(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

/// Seconds since 1970.
fn seconds(at: Timestamp) -> i64 {
    assert_eq!(at.as_micros() % 1_000_000, 0, "a slot is a whole second");
    at.as_micros() / 1_000_000
}

/// A date and time of day `seconds` after 1970 began.
fn naive(seconds: i64) -> NaiveDateTime {
    DateTime::from_timestamp(seconds, 0).unwrap().naive_utc()
}

/// From UTC to local time at an instant, in seconds: all that the tests ask of a zone.
fn offset(zone: Tz, seconds: i64) -> i64 {
    let offset = zone.offset_from_utc_datetime(&naive(seconds));
    offset.fix().local_minus_utc().into()
}
