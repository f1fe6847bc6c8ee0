//! Calendars: checked sets of dates in, calendars and their dates out.

use std::collections::BTreeSet;

use ains_api::{
    Calendar, CalendarDate, CalendarDates, CalendarDeleted, CalendarImported, CalendarSummary, NamedDate,
    PublicHolidays, Word,
};
use ains_core::calendar::{Country, Dates, Holidays, ListedDate, MAX_DATES, Weekdays, import};
use ains_core::{CalendarId, Timestamp};
use ains_service::model::CalendarView;
use chrono::{DateTime, NaiveDate, Weekday};

use super::{at, word};
use crate::json::Faults;

/// The days of the week and their words, Monday first.
const WEEKDAYS: [(&str, Weekday); 7] = [
    ("MON", Weekday::Mon),
    ("TUE", Weekday::Tue),
    ("WED", Weekday::Wed),
    ("THU", Weekday::Thu),
    ("FRI", Weekday::Fri),
    ("SAT", Weekday::Sat),
    ("SUN", Weekday::Sun),
];

/// Holidays that one calendar names: all regions there are, observed and not, and then some.
const MAX_HOLIDAYS: usize = 100;

/// Checks `/dates`.
pub(crate) fn listed(sent: &[CalendarDate], faults: &mut Faults) -> Option<Vec<ListedDate>> {
    if sent.len() > MAX_DATES {
        faults.add("/dates", format!("must have at most {MAX_DATES} elements"));
        return None;
    }
    let mut one = |index: usize, sent: &CalendarDate| {
        let Some(date) = date(sent.date()) else {
            let field = match sent {
                CalendarDate::Date(_) => "",
                CalendarDate::Named { .. } => "/date",
            };
            faults.add(&format!("/dates/{index}{field}"), NO_DATE);
            return None;
        };
        let name = sent.name().map(Box::from);
        Some(ListedDate { date, name })
    };
    let read: Vec<_> = sent
        .iter()
        .enumerate()
        .map(|(index, sent)| one(index, sent))
        .collect();
    read.into_iter().collect()
}

/// What is said of a text that should be a date.
pub(crate) const NO_DATE: &str = "must be a date (YYYY-MM-DD)";

/// The date of a text `YYYY-MM-DD`; chrono alone would take `+12026-1-5`, too.
pub(crate) fn date(text: &str) -> Option<NaiveDate> {
    let is_plain = text.len() == 10 && text.as_bytes()[0].is_ascii_digit();
    is_plain.then(|| text.parse().ok()).flatten()
}

/// Checks `/weekdays`.
pub(crate) fn weekdays(sent: &[String], faults: &mut Faults) -> Option<Weekdays> {
    let read: Vec<_> = sent
        .iter()
        .enumerate()
        .map(|(index, day)| faults.choice(&format!("/weekdays/{index}"), Some(day), &WEEKDAYS))
        .collect();
    read.into_iter().collect()
}

/// Checks `/holidays`.
pub(crate) fn holidays(sent: &[PublicHolidays], faults: &mut Faults) -> Option<Vec<Holidays>> {
    if sent.len() > MAX_HOLIDAYS {
        faults.add("/holidays", format!("must have at most {MAX_HOLIDAYS} elements"));
        return None;
    }
    let countries = Country::ALL.map(|country| (country.code(), country));
    let mut one = |index: usize, sent: &PublicHolidays| {
        let at = format!("/holidays/{index}/country");
        let country = faults.choice(&at, Some(&sent.country), &countries)?;
        Some(Holidays {
            region: sent.region.clone(),
            observed: sent.observed.unwrap_or(true),
            ..Holidays::of(country)
        })
    };
    let read: Vec<_> = sent
        .iter()
        .enumerate()
        .map(|(index, sent)| one(index, sent))
        .collect();
    read.into_iter().collect()
}

/// Checks a set of dates as a whole.
pub(crate) fn checked(dates: Dates, faults: &mut Faults) -> Option<Dates> {
    let fault = dates.check().err();
    if let Some(fault) = &fault {
        faults.add(&fault.pointer, &*fault.reason);
    }
    fault.is_none().then_some(dates)
}

/// Reads the dates of the iCalendar text that is `place`.
pub(crate) fn imported(
    place: &str,
    text: &str,
    now: Timestamp,
    faults: &mut Faults,
) -> Option<Vec<ListedDate>> {
    let read = import(text, today(now));
    read.map_err(|fault| faults.add(place, format!("cannot be imported: {fault}")))
        .ok()
}

/// `listed`, and those of `others` that are not among them; how many these are.
pub(crate) fn joined(mut listed: Vec<ListedDate>, others: Vec<ListedDate>) -> (Vec<ListedDate>, usize) {
    let known: BTreeSet<ListedDate> = listed.iter().cloned().collect();
    let before = listed.len();
    listed.extend(others.into_iter().filter(|other| !known.contains(other)));
    let added = listed.len() - before;
    (listed, added)
}

/// The date at an instant, in UTC.
pub(crate) fn today(now: Timestamp) -> NaiveDate {
    DateTime::from_timestamp_micros(now.as_micros()).map_or(NaiveDate::MAX, |now| now.date_naive())
}

/// The whole calendar.
pub(crate) fn whole(view: &CalendarView) -> Calendar {
    let summary = summary(view);
    let dates = view.calendar.dates.listed().iter().map(|listed| {
        let date = listed.date.to_string();
        match listed.name.as_deref() {
            None => CalendarDate::Date(date),
            Some(name) => CalendarDate::Named {
                date,
                name: Some(name.to_owned()),
            },
        }
    });
    Calendar {
        calendar_id: summary.calendar_id,
        name: summary.name,
        client_id: summary.client_id,
        description: summary.description,
        dates: dates.collect(),
        weekdays: summary.weekdays,
        holidays: summary.holidays,
        created_at: summary.created_at,
        updated_at: summary.updated_at,
    }
}

/// What lists show of a calendar.
pub(crate) fn summary(view: &CalendarView) -> CalendarSummary {
    let calendar = &view.calendar;
    let holidays = calendar.dates.holidays().iter().map(|holidays| PublicHolidays {
        country: holidays.country.code().to_owned(),
        region: holidays.region.clone(),
        observed: Some(holidays.observed),
    });
    CalendarSummary {
        calendar_id: calendar.id.into(),
        name: calendar.name.to_string(),
        client_id: calendar.client_id.to_string(),
        description: calendar.description.clone(),
        listed_dates: number(calendar.dates.listed().len()),
        weekdays: calendar
            .dates
            .weekdays()
            .iter()
            .map(|day| word(&WEEKDAYS, day))
            .collect(),
        holidays: holidays.collect(),
        created_at: at(calendar.created_at),
        updated_at: at(calendar.updated_at),
    }
}

/// The answer to an import of so many dates, of which some were not listed yet.
pub(crate) fn after_import(view: &CalendarView, imported: usize, added: usize) -> CalendarImported {
    CalendarImported {
        calendar_id: view.calendar.id.into(),
        imported: number(imported),
        added: number(added),
        listed_dates: number(view.calendar.dates.listed().len()),
    }
}

/// The answer to a removal.
pub(crate) fn deleted(id: CalendarId) -> CalendarDeleted {
    CalendarDeleted {
        calendar_id: id.into(),
        message: Word::Borrowed("Calendar deleted successfully"),
    }
}

/// The dates from `from` to `to` that a calendar holds.
pub(crate) fn dates(view: &CalendarView, from: NaiveDate, to: NaiveDate) -> CalendarDates {
    let held = view
        .calendar
        .dates
        .within(from, to)
        .map(|(date, name)| NamedDate {
            date: date.to_string(),
            name,
        });
    CalendarDates {
        calendar_id: view.calendar.id.into(),
        dates: held.collect(),
    }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_has_four_two_and_two_digits() {
        assert_eq!(date("2026-02-28"), NaiveDate::from_ymd_opt(2026, 2, 28));
        for text in [
            "",
            "2026-02-29",
            "2026-2-28",
            "+12026-1-5",
            "26-02-28",
            "2026-02-28Z",
            "2026/02/28",
        ] {
            assert_eq!(date(text), None, "{text}");
        }
    }

    #[test]
    fn a_date_is_joined_once_for_each_of_its_names() {
        let one = |name: Option<&str>| ListedDate {
            date: NaiveDate::MIN,
            name: name.map(Box::from),
        };
        let (all, added) = joined(
            vec![one(None), one(Some("a"))],
            vec![one(Some("a")), one(Some("b")), one(None)],
        );
        assert_eq!((all.len(), added), (3, 1));
        assert_eq!(all[2], one(Some("b")));
    }
}
