//! The values of properties: dates, times, lengths and texts (RFC 5545, section 3.3).

use std::sync::Arc;

use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;

use super::line::Property;
use super::shown;
use crate::calendar::MAX_DATE_NAME;

/// A date, perhaps with a time of day, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) date: NaiveDate,
    pub(super) time: Option<(NaiveTime, Zone)>,
}

/// Where a time of day is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Zone {
    /// Wherever one is.
    Floating,
    Utc,
    /// The time zone of this name.
    Named(Arc<str>),
}

impl Moment {
    /// The date, or date and time, of a property that has one.
    pub(super) fn of(property: &Property<'_>) -> Result<Self, String> {
        let mut moments = Self::list(property)?;
        match (moments.pop(), moments.pop()) {
            (Some(moment), None) => Ok(moment),
            _ => Err(format!("{} must have one value", shown(property.name))),
        }
    }

    /// Those of a property that has several.
    pub(super) fn list(property: &Property<'_>) -> Result<Vec<Self>, String> {
        let kind = property.parameter("VALUE");
        let known = |kind: &str| {
            ["DATE", "DATE-TIME"]
                .iter()
                .any(|known| kind.eq_ignore_ascii_case(known))
        };
        if let Some(kind) = kind.filter(|kind| !known(kind)) {
            return Err(format!(
                "{} with VALUE={} is not supported",
                shown(property.name),
                shown(kind)
            ));
        }
        let zone = property.parameter("TZID").map(Arc::from);
        property
            .value
            .split(',')
            .map(|text| Self::parse(text.trim(), zone.as_ref()).ok_or_else(|| not_a_date(text)))
            .collect()
    }

    /// The moment of a text that names no time zone.
    pub(super) fn parse_bare(text: &str) -> Result<Self, String> {
        Self::parse(text, None).ok_or_else(|| not_a_date(text))
    }

    fn parse(text: &str, zone: Option<&Arc<str>>) -> Option<Self> {
        let (day, time) = match text.split_once(['T', 't']) {
            Some((day, time)) => (day, Some(time)),
            None => (text, None),
        };
        let date = parse_date(day)?;
        let Some(time) = time else {
            return Some(Self { date, time: None });
        };
        let (digits, zone) = match (time.strip_suffix(['Z', 'z']), zone) {
            (Some(digits), _) => (digits, Zone::Utc),
            (None, Some(zone)) => (time, Zone::Named(Arc::clone(zone))),
            (None, None) => (time, Zone::Floating),
        };
        let [hour, minute, second] = [0, 2, 4].map(|at| number(digits.get(at..at + 2)?));
        // A leap second, 60, is put back into its minute.
        let time = NaiveTime::from_hms_opt(hour?, minute?, if second? == 60 { 59 } else { second? })?;
        (digits.len() == 6).then_some(Self {
            date,
            time: Some((time, zone)),
        })
    }

    /// The date and time, at midnight if there is none, as clocks show it where `other` is meant; if either names no
    /// place, as it is written.
    pub(super) fn where_meant(&self, other: &Self) -> Result<NaiveDateTime, String> {
        let Some((time, zone)) = &self.time else {
            return Ok(self.date.and_time(NaiveTime::MIN));
        };
        let moment = self.date.and_time(*time);
        match (zone, &other.time) {
            (_, None) | (Zone::Floating, _) => Ok(moment),
            (zone, Some((_, other))) if zone == other => Ok(moment),
            (Zone::Utc, Some((_, Zone::Named(name)))) => name
                .parse::<Tz>()
                .map(|zone| zone.from_utc_datetime(&moment).naive_local())
                .map_err(|_| format!("this is in UTC, and the time zone `{}` is not known", shown(name))),
            _ => Err("this is in another time zone than DTSTART".to_owned()),
        }
    }
}

fn not_a_date(text: &str) -> String {
    format!(
        "`{}` is not a date (YYYYMMDD) or a date and time (YYYYMMDDThhmmss)",
        shown(text)
    )
}

/// The date of `YYYYMMDD`.
fn parse_date(text: &str) -> Option<NaiveDate> {
    let year: u32 = number(text.get(..4)?)?;
    let [month, day] = [4, 6].map(|at| number(text.get(at..at + 2)?));
    (text.len() == 8 && year > 0)
        .then(|| NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month?, day?))
        .flatten()
}

/// The value of digits and nothing else.
pub(super) fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// A length, such as `P1W`, `P1DT12H` or `PT30M`; whole days count as days.
pub(super) fn duration(text: &str) -> Result<TimeDelta, String> {
    parse_duration(text.trim()).ok_or_else(|| {
        format!(
            "`{}` is not a length (P1D, P1W, PT30M) of at most 10,000 days",
            shown(text)
        )
    })
}

fn parse_duration(text: &str) -> Option<TimeDelta> {
    let mut rest = text.strip_prefix('+').unwrap_or(text).strip_prefix(['P', 'p'])?;
    let mut length = TimeDelta::zero();
    let mut in_time = false;
    let mut any = false;
    while !rest.is_empty() {
        if let Some(time) = rest.strip_prefix(['T', 't']).filter(|_| !in_time) {
            (in_time, any, rest) = (true, false, time);
            continue;
        }
        let end = rest.find(|char: char| !char.is_ascii_digit())?;
        let count = i64::from(number(&rest[..end])?);
        let seconds = match (in_time, rest.as_bytes()[end].to_ascii_uppercase()) {
            (false, b'W') => 7 * 86_400,
            (false, b'D') => 86_400,
            (true, b'H') => 3_600,
            (true, b'M') => 60,
            (true, b'S') => 1,
            _ => return None,
        };
        length = length.checked_add(&TimeDelta::try_seconds(count * seconds)?)?;
        rest = &rest[end + 1..];
        any = true;
    }
    (any && length.num_days() <= 10_000).then_some(length)
}

/// The last date, before which `end` lies or on which it does: an end at midnight is the end of the day before.
pub(super) fn last_date(start: NaiveDateTime, end: NaiveDateTime) -> NaiveDate {
    if end > start && end.time() == NaiveTime::MIN {
        return end.date().checked_sub_days(Days::new(1)).unwrap_or(end.date());
    }
    end.date()
}

/// The name that a text gives: on one line, without what is not shown; `None` if nothing is left.
pub(super) fn name(text: &str) -> Option<Box<str>> {
    let mut name = String::new();
    let mut length = 0;
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        let char = match char {
            '\\' => match chars.next() {
                Some('n' | 'N') | None => ' ',
                Some(other) => other,
            },
            other => other,
        };
        let char = if char.is_control() { ' ' } else { char };
        let double = char == ' ' && (name.is_empty() || name.ends_with(' '));
        if !double {
            name.push(char);
            length += 1;
        }
        if length == MAX_DATE_NAME {
            break;
        }
    }
    let name = name.trim();
    (!name.is_empty()).then(|| name.into())
}
