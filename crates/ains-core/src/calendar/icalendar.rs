//! The dates of an iCalendar text (RFC 5545): each date on which one of its events is.
//!
//! What is read of an event: `DTSTART`, `DTEND` or `DURATION`, `SUMMARY` (the name), `STATUS` (a cancelled event is
//! left out), `RRULE`, `RDATE`, `EXDATE`, and `UID` with `RECURRENCE-ID` (one time of a repeated event that was moved
//! or cancelled). Other properties, such as `TRANSP`, and components other than `VEVENT` are skipped.
//!
//! - An event with a time of day is on the dates that are written, from its start to its end; the end itself does not
//!   count if it is midnight. A time in UTC counts at its date in UTC.
//! - Events that repeat are listed until [`HORIZON_YEARS`] years after today. `RRULE` may have `FREQ` `DAILY`, `WEEKLY`,
//!   `MONTHLY` or `YEARLY`, `INTERVAL`, `COUNT` or `UNTIL`, `WKST`, `BYMONTH`, `BYMONTHDAY` (not with `WEEKLY`), `BYDAY`
//!   (with numbers, as in `-1MO`, if `MONTHLY` or `YEARLY`), and `BYSETPOS` (if `MONTHLY` or `YEARLY`).
//! - Whatever else a text asks for is refused, with its line, and never ignored.
//! - What it takes is bounded by [`MAX_TEXT`], [`MAX_DATES`] and [`MAX_WORK`].
//!
//! The text is read here and not by a crate, because the crates know no lines, drop what they do not understand, or
//! can be made to take a whole stack or minutes (ADR 0014).

mod event;
mod line;
mod recurrence;
#[cfg(test)]
mod tests;
mod value;

use std::collections::BTreeMap;

use chrono::{Datelike, Months, NaiveDate};

use super::{LAST_YEAR, ListedDate, MAX_DATES};
use event::Event;
use line::{Lines, Property};
use value::Moment;

/// Longest text, in bytes.
pub const MAX_TEXT: usize = 1 << 20;
/// Years after today until which events that repeat are listed.
pub const HORIZON_YEARS: u32 = 10;
/// How many dates may be looked at to find those of all events that repeat: a tenth of a second.
pub const MAX_WORK: usize = 4_000_000;

/// Why an iCalendar text is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportFault {
    /// It is too long to be looked at.
    #[error("the text has {bytes} bytes; at most {MAX_TEXT}")]
    TooLarge {
        /// How long it is.
        bytes: usize,
    },
    /// Something in it is wrong, too much, or not supported.
    #[error("line {line}: {reason}")]
    At {
        /// The line, from 1; of a line that is folded the first.
        line: usize,
        /// What is wrong with it, readable behind the line.
        reason: String,
    },
}

/// The dates of the events of an iCalendar text, in order; a date stands there once for each name that it has. Names
/// are cut at [`MAX_DATE_NAME`](super::MAX_DATE_NAME) characters.
///
/// # Errors
/// The first thing that is wrong or not supported.
pub fn import(text: &str, today: NaiveDate) -> Result<Vec<ListedDate>, ImportFault> {
    if text.len() > MAX_TEXT {
        return Err(ImportFault::TooLarge { bytes: text.len() });
    }
    let events = events(text)?;
    let mut replaced: BTreeMap<&str, Vec<(usize, &Moment)>> = BTreeMap::new();
    for event in &events {
        if let Some((line, uid, moment)) = event.replaces() {
            replaced.entry(uid).or_default().push((line, moment));
        }
    }
    let horizon = today.checked_add_months(Months::new(12 * HORIZON_YEARS));
    let mut import = Import {
        horizon: horizon.unwrap_or(NaiveDate::MAX),
        work: MAX_WORK,
        dates: Vec::new(),
    };
    for event in events.iter().filter(|event| !event.is_cancelled()) {
        let replaced = event.uid().and_then(|uid| replaced.get(uid));
        event.list(replaced.map_or(&[], Vec::as_slice), &mut import)?;
    }
    let mut dates = import.dates;
    dates.sort();
    dates.dedup();
    Ok(dates)
}

/// What is gathered, and what may still be spent on it.
struct Import {
    /// The last date of what repeats.
    horizon: NaiveDate,
    /// How many dates may still be looked at.
    work: usize,
    dates: Vec<ListedDate>,
}

impl Import {
    /// Notes that `dates` dates are looked at.
    fn spend(&mut self, dates: usize, line: usize) -> Result<(), ImportFault> {
        self.work = self.work.checked_sub(dates).ok_or_else(|| {
            fault(
                line,
                format!("up to here, more than {MAX_WORK} dates must be looked at to find those that repeat"),
            )
        })?;
        Ok(())
    }

    /// Adds a date.
    fn push(&mut self, date: NaiveDate, name: Option<&str>, line: usize) -> Result<(), ImportFault> {
        if self.dates.len() == MAX_DATES {
            return Err(too_many(line));
        }
        if date.year() > LAST_YEAR {
            return Err(fault(line, format!("this event ends after the year {LAST_YEAR}")));
        }
        self.dates.push(ListedDate {
            date,
            name: name.map(Box::from),
        });
        Ok(())
    }
}

fn fault(line: usize, reason: impl Into<String>) -> ImportFault {
    ImportFault::At {
        line,
        reason: reason.into(),
    }
}

fn too_many(line: usize) -> ImportFault {
    fault(
        line,
        format!("with this event there are more than {MAX_DATES} dates"),
    )
}

/// The events of a text, in order.
fn events(text: &str) -> Result<Vec<Event>, ImportFault> {
    let mut events = Vec::new();
    // The components that are open, the innermost last, and the event among them.
    let mut open: Vec<(usize, String)> = Vec::new();
    let mut event: Option<Event> = None;
    let mut any = false;
    for (line, content) in Lines::of(text) {
        let property = Property::parse(&content).map_err(|reason| fault(line, reason))?;
        match property.name.to_ascii_uppercase().as_str() {
            "BEGIN" => {
                let component = property.value.trim().to_ascii_uppercase();
                if open.is_empty() && component != "VCALENDAR" {
                    return Err(fault(
                        line,
                        format!("{} outside of a VCALENDAR", shown(&component)),
                    ));
                }
                if open.len() == 1 && component == "VEVENT" {
                    event = Some(Event::at(line));
                }
                any = true;
                open.push((line, component));
            }
            "END" => {
                let component = property.value.trim().to_ascii_uppercase();
                if open.pop().is_none_or(|(_, begun)| begun != component) {
                    return Err(fault(
                        line,
                        format!("END:{} without its BEGIN", shown(&component)),
                    ));
                }
                if open.len() == 1 {
                    events.extend(event.take().map(Event::checked).transpose()?);
                }
            }
            _ if open.is_empty() => return Err(fault(line, "this is outside of a VCALENDAR")),
            name => {
                if let Some(event) = event.as_mut().filter(|_| open.len() == 2) {
                    event.add(line, name, &property)?;
                }
            }
        }
    }
    match open.pop() {
        Some((line, component)) => Err(fault(
            line,
            format!("BEGIN:{} without its END", shown(&component)),
        )),
        None if !any => Err(fault(1, "there is no VCALENDAR in this text")),
        None => Ok(events),
    }
}

/// The beginning of what a text says, for a message.
fn shown(text: &str) -> String {
    text.chars().filter(|char| !char.is_control()).take(64).collect()
}
