//! Calendars: named sets of dates, which a schedule leaves out or keeps to (semantics §6).
//!
//! A calendar is made of dates that are listed, of days of the week, and of the public holidays of countries;
//! it holds a date if any of them does. Dates are dates of the schedule's own time zone: a calendar has none.
//!
//! - [`holidays`]: the public holidays of five countries, by rule.
//! - [`icalendar`]: the dates of an iCalendar text.
//! - [`Dates::named`]: whether a date is in the set, and what it is called. It is made for being asked date by date.

pub mod holidays;
pub mod icalendar;
mod listed;
#[cfg(test)]
mod tests;
mod weekdays;

use std::borrow::Cow;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

pub use holidays::{Country, Holidays};
pub use icalendar::{ImportFault, import};
pub use listed::ListedDate;
pub use weekdays::Weekdays;

use crate::ids::{CalendarId, ClientId, Name};
use crate::time::Timestamp;
use holidays::Rule;

/// Most dates that a calendar may list.
pub const MAX_DATES: usize = 10_000;
/// Longest name of a listed date, in characters.
pub const MAX_DATE_NAME: usize = 200;
/// The last year of a listed date; the first is 1.
pub const LAST_YEAR: i32 = 9999;

/// A named set of dates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// Its id.
    pub id: CalendarId,
    /// Whose it is.
    pub client_id: ClientId,
    /// What it is called.
    pub name: Name,
    /// What it is for.
    pub description: Option<String>,
    /// The dates that it holds.
    pub dates: Dates,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What a calendar is made of. It holds a date if one of its parts does.
///
/// It is stored as JSON text; parts that are empty are left out:
/// `{"dates": [{"date": "2026-12-24", "name": "Christmas Eve"}], "weekdays": ["SAT", "SUN"],
/// "holidays": [{"country": "GB", "region": "scotland"}]}`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Parts", into = "Parts")]
pub struct Dates {
    parts: Parts,
    /// The indexes of the listed dates, by date; those of one date in the order in which they are listed.
    order: Box<[u32]>,
    /// The holidays that are known, in order.
    rules: Box<[Rule]>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Parts {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    dates: Vec<ListedDate>,
    #[serde(default, skip_serializing_if = "Weekdays::is_empty")]
    weekdays: Weekdays,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    holidays: Vec<Holidays>,
}

/// What is wrong with the dates of a calendar.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {reason}")]
pub struct CalendarFault {
    /// Where: a JSON pointer into the [`Dates`], such as `/dates/3/name`.
    pub pointer: String,
    /// What is wrong with it, readable behind the pointer.
    pub reason: String,
}

impl Dates {
    /// The set of the dates that are listed, of those on certain days of the week, and of public holidays.
    pub fn new(dates: Vec<ListedDate>, weekdays: Weekdays, holidays: Vec<Holidays>) -> Self {
        Parts {
            dates,
            weekdays,
            holidays,
        }
        .into()
    }

    /// The dates that are listed, in the order in which they were given.
    pub fn listed(&self) -> &[ListedDate] {
        &self.parts.dates
    }

    /// The days of the week that it holds.
    pub fn weekdays(&self) -> Weekdays {
        self.parts.weekdays
    }

    /// The public holidays that it holds.
    pub fn holidays(&self) -> &[Holidays] {
        &self.parts.holidays
    }

    /// Whether it may be the content of a calendar: at most [`MAX_DATES`] listed dates of the years 1 to
    /// [`LAST_YEAR`] whose names have at most [`MAX_DATE_NAME`] characters, regions that are known, and no holidays
    /// named twice. A date may be listed twice; its first name counts.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), CalendarFault> {
        let listed = &self.parts.dates;
        if listed.len() > MAX_DATES {
            return Err(CalendarFault {
                pointer: "/dates".to_owned(),
                reason: format!("{} dates; at most {MAX_DATES}", listed.len()),
            });
        }
        for (index, listed) in listed.iter().enumerate() {
            listed.check().map_err(|fault| fault.within("dates", index))?;
        }
        let holidays = &self.parts.holidays;
        for (index, rule) in holidays.iter().enumerate() {
            rule.check().map_err(|fault| fault.within("holidays", index))?;
            if let Some(first) = holidays[..index].iter().position(|other| other.same_as(rule)) {
                return Err(CalendarFault {
                    pointer: format!("/holidays/{index}"),
                    reason: format!("these are named at {first} already"),
                });
            }
        }
        Ok(())
    }

    /// Whether it holds a date; if it does, what that is called: by the name that it is listed with, the name of the
    /// holiday, the day of the week, or else the date itself.
    pub fn named(&self, date: NaiveDate) -> Option<Cow<'_, str>> {
        let listed = self.find(date);
        if let Some(name) = listed.and_then(|listed| listed.name.as_deref()) {
            return Some(Cow::Borrowed(name));
        }
        if let Some(holiday) = self.rules.iter().find_map(|rule| rule.on(date)) {
            return Some(holiday.name());
        }
        let weekday = date.weekday();
        if self.parts.weekdays.contains(weekday) {
            return Some(Cow::Borrowed(weekdays::full_name(weekday)));
        }
        listed.map(|listed| Cow::Owned(listed.date.to_string()))
    }

    /// Whether it holds a date.
    pub fn contains(&self, date: NaiveDate) -> bool {
        self.parts.weekdays.contains(date.weekday())
            || self.find(date).is_some()
            || self.rules.iter().any(|rule| rule.on(date).is_some())
    }

    /// The dates from `from` to `to`, both included, that it holds, in order, and their names. Every date between the
    /// two is looked at.
    pub fn within(&self, from: NaiveDate, to: NaiveDate) -> impl Iterator<Item = (NaiveDate, String)> + '_ {
        from.iter_days()
            .take_while(move |date| *date <= to)
            .filter_map(|date| Some((date, self.named(date)?.into_owned())))
    }

    /// The entry of a listed date that counts: the first with a name, or else the first.
    fn find(&self, date: NaiveDate) -> Option<&ListedDate> {
        let at = |index: &u32| &self.parts.dates[*index as usize];
        let first = self.order.partition_point(|index| at(index).date < date);
        let mut entries = self.order[first..]
            .iter()
            .map(at)
            .take_while(|listed| listed.date == date);
        let first = entries.next()?;
        if first.name.is_some() {
            return Some(first);
        }
        Some(entries.find(|listed| listed.name.is_some()).unwrap_or(first))
    }
}

impl From<Parts> for Dates {
    fn from(parts: Parts) -> Self {
        let mut order: Box<[u32]> = (0..).take(parts.dates.len()).collect();
        order.sort_by_key(|index| parts.dates[*index as usize].date);
        // What is not known is reported by `check`, and holds nothing.
        let rules = parts
            .holidays
            .iter()
            .filter_map(|rule| rule.rule().ok())
            .collect();
        Self { parts, order, rules }
    }
}

impl From<Dates> for Parts {
    fn from(dates: Dates) -> Self {
        dates.parts
    }
}

impl CalendarFault {
    fn new(field: &str, reason: impl Into<String>) -> Self {
        Self {
            pointer: format!("/{field}"),
            reason: reason.into(),
        }
    }

    /// The same fault, of an item of a list.
    fn within(mut self, list: &str, index: usize) -> Self {
        self.pointer = format!("/{list}/{index}{}", self.pointer);
        self
    }
}
