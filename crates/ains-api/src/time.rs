//! Holds an instant as it travels: a number inside, RFC 3339 outside.

use std::fmt;

use chrono::DateTime;
use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Microseconds of a second.
const SECOND: i64 = 1_000_000;
/// Seconds of a day; every day of UTC has the same number here.
const DAY: i64 = 86_400;
/// 0000-01-01T00:00:00Z, the earliest instant with a year of four digits, in microseconds since the epoch.
const MIN: i64 = -62_167_219_200 * SECOND;
/// The last microsecond of the year 9999, in microseconds since the epoch.
const MAX: i64 = 253_402_300_800 * SECOND - 1;
/// Bytes of `2026-01-02T03:04:05.678901Z`.
const LENGTH: usize = 27;

/// An instant: microseconds since 1970-01-01T00:00:00Z.
///
/// On the wire it is RFC 3339 in UTC with exactly six fractional digits, `2026-01-02T03:04:05.678901Z`. Any RFC 3339
/// instant is read, with any offset; digits below the microsecond are dropped. Only the years 0000 to 9999 have
/// such a form: what lies outside is refused when read, and written as the nearest instant inside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The instant that lies `micros` microseconds after the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Reads any RFC 3339 instant; `None` if the text is not one, or its year in UTC is not within 0000 to 9999.
    pub fn parse(text: &str) -> Option<Self> {
        let micros = DateTime::parse_from_rfc3339(text).ok()?.timestamp_micros();
        (MIN..=MAX).contains(&micros).then_some(Self(micros))
    }

    /// The text of the instant, on the stack.
    fn text(self) -> [u8; LENGTH] {
        let micros = self.0.clamp(MIN, MAX);
        let seconds = micros.div_euclid(SECOND);
        let (year, month, day) = civil(seconds.div_euclid(DAY));
        let of_day = seconds.rem_euclid(DAY);

        let mut out = *b"0000-00-00T00:00:00.000000Z";
        digits(&mut out[0..4], year);
        digits(&mut out[5..7], month);
        digits(&mut out[8..10], day);
        digits(&mut out[11..13], of_day / 3600);
        digits(&mut out[14..16], of_day / 60 % 60);
        digits(&mut out[17..19], of_day % 60);
        digits(&mut out[20..26], micros.rem_euclid(SECOND));
        out
    }
}

/// Writes `value`, which is not negative, right-aligned over the zeros of `out`.
fn digits(out: &mut [u8], mut value: i64) {
    for place in out.iter_mut().rev() {
        *place = b'0' + u8::try_from(value % 10).expect("a decimal digit fits a byte");
        value /= 10;
    }
}

/// Year, month and day of the Gregorian calendar, from the days since the epoch.
///
/// Howard Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
const fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(std::str::from_utf8(&self.text()).expect("digits and marks are ASCII"))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(std::str::from_utf8(&self.text()).expect("digits and marks are ASCII"))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Instant;

        impl Visitor<'_> for Instant {
            type Value = Timestamp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an RFC 3339 instant such as 2026-01-02T03:04:05Z")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Timestamp, E> {
                Timestamp::parse(text).ok_or_else(|| {
                    E::custom(format_args!(
                        "`{text}` is not an RFC 3339 instant such as 2026-01-02T03:04:05Z"
                    ))
                })
            }
        }

        deserializer.deserialize_str(Instant).map_err(D::Error::custom)
    }
}

impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some(
                "An instant: RFC 3339, UTC, six fractional digits. Any offset is accepted in inputs.",
            ))
            .examples([serde_json::Value::from("2026-01-02T03:04:05.678901Z")])
            .into()
    }
}

impl ToSchema for Timestamp {}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Timestamp, serde_json::Error> {
        serde_json::from_str(&format!("{text:?}"))
    }

    #[test]
    fn it_is_written_with_six_digits_and_z() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (951_782_400_000_001, "2000-02-29T00:00:00.000001Z"),
            (1_767_323_045_678_901, "2026-01-02T03:04:05.678901Z"),
            (i64::MIN, "0000-01-01T00:00:00.000000Z"),
            (i64::MAX, "9999-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(Timestamp(micros).to_string(), text);
            assert_eq!(
                serde_json::to_string(&Timestamp(micros)).ok(),
                Some(format!("{text:?}"))
            );
        }
    }

    #[test]
    fn it_agrees_with_the_calendar_on_every_day_of_four_hundred_years() {
        for day in -146_097..146_097 {
            let here = Timestamp(day * DAY * SECOND + 1);
            let there = DateTime::from_timestamp_micros(here.0).expect("a year of four digits");
            assert_eq!(
                here.to_string(),
                there.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
            );
            assert_eq!(Timestamp::parse(&here.to_string()), Some(here));
        }
    }

    #[test]
    fn any_offset_is_read() {
        let at = Timestamp(1_767_323_045_000_000);
        for text in [
            "2026-01-02T03:04:05Z",
            "2026-01-02T04:04:05+01:00",
            "2026-01-01T22:04:05.000-05:00",
        ] {
            assert_eq!(read(text).ok(), Some(at));
        }
        assert_eq!(
            read("2026-01-02T03:04:05.0000019Z").ok(),
            Some(Timestamp(at.0 + 1))
        );
    }

    #[test]
    fn other_text_is_refused_and_named() {
        for text in [
            "",
            "tomorrow",
            "2026-01-02",
            "2026-01-02T03:04:05",
            "9999-12-31T23:59:59-01:00",
        ] {
            let error = read(text).expect_err("not an instant").to_string();
            assert!(
                error.contains(&format!("`{text}` is not an RFC 3339 instant")),
                "{error}"
            );
        }
    }
}
