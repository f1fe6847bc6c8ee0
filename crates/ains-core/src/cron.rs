//! Cron: when an entry of a schedule is due, in local time that jumps (semantics §6).
//!
//! | file | what |
//! |---|---|
//! | `parse`, `item` | what is an entry, and what its fields hold; `error` says why a text is none |
//! | `times`, `days` | the two halves of an entry, as bit sets: times of day, and dates |
//! | `search` | the next slot: the next local time that matches, made an instant |
//! | `passes` | what a local time is in a zone: one instant, two, or none |
//! | `describe` | an entry in words |
//!
//! An entry is five fields: minute, hour, day of month, month, day of week; or six, with the second in front; or
//! `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`, `@yearly`, `@annually`. A field is a list of values,
//! names (in any case), ranges and steps; a range may wrap (`FRI-MON`, `22-2`). The day of month knows `L`, `L-n`,
//! `nW` and `LW`, the day of week `d#n` and `dL`, in lists too; either may be `?`, which is `*`.
//!
//! - Day of month and day of week: a date is named by either of them, if neither starts with `*` or is `?`;
//!   otherwise it must be named by both. So `0 0 */2 * MON` is the Mondays among the odd days (Vixie cron).
//! - `a/n` runs from `a` to the end of the field; a week runs from Sunday (0, or 7) to Saturday. A step is at most
//!   as long as the field: `*/90` is not a number of minutes.
//! - `nW` is the Monday to Friday nearest to day `n` within its month; where the month has no day `n`, nothing.
//! - An entry that names no date in any year is refused, by looking at all kinds of months.
//! - It is **elapsed** if its minute or hour field contains `*` or `/`, otherwise **fixed**: see [`Dst`]. The
//!   seconds do not count: `*/10 30 2 * * *` is a burst at a fixed minute.
//!
//! Slots are whole seconds in the years 1 to 9999 of UTC. The zones' rules are those of the tables of `chrono-tz`, which end
//! in 2100: after that a zone keeps its offset. Searching takes no memory but the stack, and time that does not
//! depend on how far away the slot is, but for the months that are looked at: 20 ns each, those
//! that are named in 40 years at the most.

mod days;
mod describe;
mod error;
mod item;
mod parse;
mod passes;
mod search;
#[cfg(test)]
mod tests;
mod times;

use std::fmt;

use chrono::{NaiveDate, NaiveDateTime};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use self::days::Days;
use self::search::Search;
use self::times::Times;
use crate::time::Timestamp;

pub use error::{CronError, Field, Reason};

/// Longest text of an entry, in bytes: room for lists of every second minute, hour and day.
pub const MAX_TEXT: usize = 256;

/// An entry: the dates and the times of day that it names.
///
/// Two are equal if they are written alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    text: Box<str>,
    days: Days,
    times: Times,
    is_fixed: bool,
}

/// What becomes of a fixed entry's local times when the clocks change.
///
/// An elapsed entry fires wherever local time matches, whatever this says: never in a gap, in both passes of a fold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Dst {
    /// Of those that the clocks jump over.
    pub gap: DstGap,
    /// Of those that come twice.
    pub fold: DstFold,
}

/// What becomes of a fixed entry's local times that do not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DstGap {
    /// All that are in one gap become one slot, at the first instant after it. If the local time of that instant is
    /// named too, that is the slot. A date that does not exist at all has no slot.
    #[default]
    RunAfter,
    /// They are left out.
    Skip,
}

/// What becomes of a fixed entry's local times that exist twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DstFold {
    /// They are slots the first time.
    #[default]
    First,
    /// They are slots both times.
    Both,
}

/// A slot of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Occurrence {
    /// When, a whole second.
    pub at: Timestamp,
    /// The local time that the entry names. In a gap this is the first of those that the slot stands for, so that it
    /// is earlier than the local time at [`at`](Self::at).
    pub local: NaiveDateTime,
    /// What is special about it.
    pub note: Option<Note>,
}

/// What is special about a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Note {
    /// Its local time does not exist; it is at the first instant after the gap.
    AfterGap,
    /// Its local time comes twice; this is the first time.
    FirstPass,
    /// Its local time comes twice; this is the second time.
    SecondPass,
}

impl Cron {
    /// Reads an entry. Space around it does not count.
    ///
    /// # Errors
    /// The first fault in the text, or that it never fires.
    pub fn parse(text: &str) -> Result<Self, CronError> {
        parse::parse(text)
    }

    /// Whether the date fields (day of month, month, day of week) name a date.
    pub fn names(&self, date: NaiveDate) -> bool {
        self.days.names(date)
    }

    /// The first slot after an instant; none if that would be after the year 9999.
    pub fn next_after(&self, after: Timestamp, zone: Tz, dst: Dst) -> Option<Occurrence> {
        self.search(zone, dst, |date| self.days.at_or_after(date))
            .after(after)
    }

    /// The first slot after an instant, until another, if not the date fields but `days` decides which dates the times
    /// of day are for: for calendars, which exclude dates and shift them.
    ///
    /// `days` is asked date by date, from that of `after` to the day after that of `until`, or to the slot; a date
    /// may be asked about more than once.
    pub fn next_after_on(
        &self,
        after: Timestamp,
        zone: Tz,
        dst: Dst,
        days: impl Fn(NaiveDate) -> bool,
        until: Timestamp,
    ) -> Option<Occurrence> {
        // Where the clocks go back over midnight, the first pass is on a later date than the second.
        let last = passes::local(search::utc(until), zone).date().succ_opt()?;
        let search = self.search(zone, dst, |date| {
            let mut dates = date.iter_days().take_while(|date| *date <= last);
            dates.find(|date| days(*date))
        });
        search.after(after).filter(|slot| slot.at <= until)
    }

    /// The slots after an instant, in order.
    pub fn occurrences(&self, after: Timestamp, zone: Tz, dst: Dst) -> impl Iterator<Item = Occurrence> {
        let next = move |slot: &Occurrence| self.next_after(slot.at, zone, dst);
        std::iter::successors(self.next_after(after, zone, dst), next)
    }

    /// The entry in words, such as `at 02:30 every day, Europe/Berlin`: what it names, with the zone's IANA name.
    pub fn describe(&self, zone: Tz) -> String {
        format!("{}, {}", describe::describe(&self.times, &self.days), zone.name())
    }

    /// Whether it is fixed, so that [`Dst`] applies to it, rather than elapsed.
    pub fn is_fixed(&self) -> bool {
        self.is_fixed
    }

    fn search<F: Fn(NaiveDate) -> Option<NaiveDate>>(&self, zone: Tz, dst: Dst, dates: F) -> Search<'_, F> {
        Search {
            times: &self.times,
            dates,
            zone,
            after_gap: self.is_fixed && dst.gap == DstGap::RunAfter,
            both_passes: !self.is_fixed || dst.fold == DstFold::Both,
        }
    }
}

/// Its text as it was written, without the space around it.
impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Note {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AfterGap => "after the gap",
            Self::FirstPass => "in the first pass",
            Self::SecondPass => "in the second pass",
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
