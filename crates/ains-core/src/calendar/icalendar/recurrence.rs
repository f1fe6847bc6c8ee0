//! Rules by which an event repeats (`RRULE`; RFC 5545, section 3.3.10), as far as they go by days.
//!
//! What is read is listed in [`icalendar`](super); everything else is refused. `DTSTART` is a time of the event only if
//! the rule gives it; where the two do not agree, the standard leaves open what is meant.

mod expand;

use std::collections::BTreeSet;

use chrono::Weekday;

use super::shown;
use super::value::{Moment, number};
use crate::calendar::Weekdays;

/// A rule.
#[derive(Debug)]
pub(super) struct Rule {
    frequency: Frequency,
    /// Every how many days, weeks, months or years; at least 1.
    interval: u32,
    /// How often at most.
    count: Option<u32>,
    until: Option<Moment>,
    /// The day on which weeks begin.
    week_start: Weekday,
    /// The months, January the bit 1; 0 if all.
    months: u16,
    /// The days of the month, from its begin and from its end, the first the bit 1; 0 and 0 if all.
    month_days: [u32; 2],
    /// The days of the week, whichever of the month or year.
    weekdays: Weekdays,
    /// For each day of the week, Monday first: which ones, from the begin and from the end of the month or year, the
    /// first the bit 1.
    nth: [[u64; 2]; 7],
    /// Which of the times of one month or year; all if empty.
    positions: BTreeSet<i32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frequency {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

/// The days of the week as they are written here.
const DAYS: [(&str, Weekday); 7] = [
    ("MO", Weekday::Mon),
    ("TU", Weekday::Tue),
    ("WE", Weekday::Wed),
    ("TH", Weekday::Thu),
    ("FR", Weekday::Fri),
    ("SA", Weekday::Sat),
    ("SU", Weekday::Sun),
];

impl Rule {
    /// The rule of a text.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let parts = parts(text)?;
        let mut rule = Self::every(&parts)?;
        for (name, value) in &parts {
            let read = match name.as_str() {
                "FREQ" => Some(()),
                "INTERVAL" => number(value)
                    .filter(|count| *count > 0)
                    .map(|count| rule.interval = count),
                "COUNT" => number(value)
                    .filter(|count| *count > 0)
                    .map(|count| rule.count = Some(count)),
                "UNTIL" => {
                    rule.until = Some(Moment::parse_bare(value)?);
                    Some(())
                }
                "WKST" => weekday(value).map(|day| rule.week_start = day),
                "BYMONTH" => rule.by_month(value),
                "BYMONTHDAY" => rule.by_month_day(value),
                "BYDAY" => rule.by_day(value),
                "BYSETPOS" => rule.by_position(value),
                _ => return Err(format!("{} is not supported in RRULE", shown(name))),
            };
            read.ok_or_else(|| format!("{name}={} is not possible in RRULE", shown(value)))?;
        }
        rule.checked()
    }

    /// The last date, or date and time.
    pub(super) fn until(&self) -> Option<&Moment> {
        self.until.as_ref()
    }

    /// A rule of the frequency that is named among its parts.
    fn every(parts: &[(String, &str)]) -> Result<Self, String> {
        let frequency = parts.iter().find(|(name, _)| name == "FREQ");
        let frequency = frequency.ok_or("RRULE has no FREQ")?.1.to_ascii_uppercase();
        Ok(Self {
            frequency: match frequency.as_str() {
                "DAILY" => Frequency::Daily,
                "WEEKLY" => Frequency::Weekly,
                "MONTHLY" => Frequency::Monthly,
                "YEARLY" => Frequency::Yearly,
                other => return Err(format!("FREQ={} is not supported in RRULE", shown(other))),
            },
            interval: 1,
            count: None,
            until: None,
            week_start: Weekday::Mon,
            months: 0,
            month_days: [0; 2],
            weekdays: Weekdays::default(),
            nth: [[0; 2]; 7],
            positions: BTreeSet::new(),
        })
    }

    /// The rule, if its parts go together.
    fn checked(self) -> Result<Self, String> {
        let by_day_alone = matches!(self.frequency, Frequency::Daily | Frequency::Weekly);
        let refused = if self.count.is_some() && self.until.is_some() {
            "COUNT and UNTIL together are"
        } else if self.frequency == Frequency::Weekly && self.month_days != [0; 2] {
            "BYMONTHDAY with FREQ=WEEKLY is"
        } else if by_day_alone && self.has_nth() {
            "a number in BYDAY with FREQ=DAILY or WEEKLY is"
        } else if by_day_alone && !self.positions.is_empty() {
            "BYSETPOS with FREQ=DAILY or WEEKLY is"
        } else {
            return Ok(self);
        };
        Err(format!("{refused} not supported in RRULE"))
    }

    fn has_nth(&self) -> bool {
        self.nth.iter().flatten().any(|bits| *bits != 0)
    }

    fn by_month(&mut self, list: &str) -> Option<()> {
        for month in list.split(',') {
            self.months |= 1 << number(month).filter(|month| (1..=12).contains(month))?;
        }
        Some(())
    }

    fn by_month_day(&mut self, list: &str) -> Option<()> {
        for day in list.split(',') {
            let (from_end, day) = signed(day)?;
            self.month_days[usize::from(from_end)] |= 1 << Some(day).filter(|day| (1..=31).contains(day))?;
        }
        Some(())
    }

    fn by_day(&mut self, list: &str) -> Option<()> {
        for item in list.split(',') {
            let (nth, day) = item.split_at_checked(item.len().checked_sub(2)?)?;
            let day = weekday(day)?;
            if nth.is_empty() {
                self.weekdays = self.weekdays.iter().chain([day]).collect();
                continue;
            }
            let (from_end, nth) = signed(nth)?;
            let most = if self.frequency == Frequency::Monthly {
                5
            } else {
                53
            };
            let bit = 1 << Some(nth).filter(|nth| (1..=most).contains(nth))?;
            self.nth[day.num_days_from_monday() as usize][usize::from(from_end)] |= bit;
        }
        Some(())
    }

    fn by_position(&mut self, list: &str) -> Option<()> {
        for position in list.split(',') {
            let (from_end, position) = signed(position)?;
            let position = i32::try_from(position)
                .ok()
                .filter(|nth| (1..=366).contains(nth))?;
            self.positions.insert(if from_end { -position } else { position });
        }
        Some(())
    }
}

/// The parts of a rule: names in capitals, each once.
fn parts(text: &str) -> Result<Vec<(String, &str)>, String> {
    let mut parts: Vec<(String, &str)> = Vec::new();
    for part in text.trim().split(';').filter(|part| !part.is_empty()) {
        let (name, value) = part
            .split_once('=')
            .ok_or_else(|| format!("`{}` is not a part of RRULE (NAME=VALUE)", shown(part)))?;
        let name = name.trim().to_ascii_uppercase();
        if parts.iter().any(|(known, _)| *known == name) {
            return Err(format!("{} is there twice in RRULE", shown(&name)));
        }
        if parts.len() == 16 {
            return Err("RRULE has too many parts".to_owned());
        }
        parts.push((name, value.trim()));
    }
    Ok(parts)
}

fn weekday(text: &str) -> Option<Weekday> {
    let mut days = DAYS.iter();
    days.find(|(name, _)| name.eq_ignore_ascii_case(text))
        .map(|(_, day)| *day)
}

/// Whether a number counts from the end, and the number.
fn signed(text: &str) -> Option<(bool, u32)> {
    match text.strip_prefix('-') {
        Some(digits) => Some((true, number(digits)?)),
        None => Some((false, number(text.strip_prefix('+').unwrap_or(text))?)),
    }
}
