//! How long a receiver asks to be left alone (RFC 9110 §10.2.3).

use std::time::{Duration, SystemTime};

use ains_core::Timestamp;
use ains_core::webhook::LONGEST_WAIT;

/// Reads the header in both its forms, seconds and a date; at most a day. A date that has passed is no wait at all, and
/// what cannot be read asks for nothing.
pub(crate) fn read(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are longer than a day in any case.
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        let date = httpdate::parse_http_date(value).ok()?;
        let micros = u64::try_from(now.as_micros()).ok()?;
        let now = SystemTime::UNIX_EPOCH + Duration::from_micros(micros);
        date.duration_since(now).unwrap_or_default()
    };
    Some(wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_read_and_bounded() {
        // 2026-01-01T00:00:00Z, a Thursday.
        let now = Timestamp::from_micros(1_767_225_600_000_000);
        let day = 86_400;
        for (value, expected) in [
            ("0", Some(0)),
            ("120", Some(120)),
            (" 5 ", Some(5)),
            ("86401", Some(day)),
            ("99999999999999999999999", Some(day)),
            ("Thu, 01 Jan 2026 00:01:00 GMT", Some(60)),
            ("Thursday, 01-Jan-26 00:01:00 GMT", Some(60)),
            ("Thu Jan  1 00:01:00 2026", Some(60)),
            ("Wed, 31 Dec 2025 23:00:00 GMT", Some(0)),
            ("Fri, 01 Jan 2027 00:00:00 GMT", Some(day)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("+5", None),
            ("soon", None),
            ("5 seconds", None),
        ] {
            assert_eq!(read(value, now), expected.map(Duration::from_secs), "{value}");
        }
    }
}
