//! The slots of a schedule: when they are, and what calendars do to them.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::NaiveDate;

use super::definition::{OnExcluded, ScheduleDefinition, Timing, Use};
use super::tally::Range;
use super::{jitter, limits};
use crate::calendar::Calendar;
use crate::cron::{Cron, Note};
use crate::ids::{CalendarId, ScheduleId};
use crate::time::Timestamp;

/// The first instant that slots may be at, and the first after the last: the years 1 to 9999, which RFC 3339 can write.
pub(super) const YEARS: (Timestamp, Timestamp) = (
    Timestamp::from_micros(-62_135_596_800_000_000),
    Timestamp::from_micros(253_402_300_800_000_000),
);

/// How far is looked for a date that calendars let through: further than the 28 years after which dates and
/// weekdays come together again, and the gap that the year 2100 makes in that.
const HORIZON: Duration = Duration::from_secs(41 * 366 * 86_400);

/// Most dates in a row that a slot is moved over: a year.
pub(super) const FARTHEST: usize = 366;

/// The smallest length.
pub(super) const INSTANT: Duration = Duration::from_micros(1);

/// The slots of a schedule, in order.
#[derive(Debug)]
pub struct Timeline<'a> {
    pub(super) definition: &'a ScheduleDefinition,
    rules: Vec<(&'a Calendar, Use)>,
}

/// A slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Its nominal instant.
    pub at: Timestamp,
    /// What is special about it: that the clocks changed, or that a calendar moved it.
    pub note: Option<String>,
}

/// Slots that there would be, if there were no calendars; in a row: no other slots are between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excluded {
    /// The first, the last, and how many.
    pub range: Range,
    /// Which calendar excludes them, and why.
    pub reason: String,
}

/// A slot that was found, with what can be said about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) at: Timestamp,
    /// The local date that it is of. What a gap before midnight leaves out is of the date before that midnight, though
    /// it is at the first instant of the date after.
    pub(super) date: NaiveDate,
    pub(super) note: Option<Note>,
    /// The date from which it was moved.
    pub(super) origin: Option<NaiveDate>,
}

impl<'a> Timeline<'a> {
    /// The slots of a schedule. What refers to a calendar that is not in `calendars` is passed over.
    pub fn new(definition: &'a ScheduleDefinition, calendars: &'a BTreeMap<CalendarId, Calendar>) -> Self {
        let uses = definition.calendars.iter();
        let rules = uses.filter_map(|used| Some((calendars.get(&used.calendar_id)?, used.used)));
        Self {
            definition,
            rules: rules.collect(),
        }
    }

    /// The first slot after an instant.
    pub fn next_after(&self, after: Timestamp) -> Option<Slot> {
        self.next(after).map(|found| self.tell(found))
    }

    /// The slots after an instant, in order.
    pub fn after(&self, after: Timestamp) -> impl Iterator<Item = Slot> + '_ {
        self.instants(after).map(|found| self.tell(found))
    }

    /// When a slot fires: as much later than its instant as the jitter says.
    pub fn due(&self, id: ScheduleId, slot_at: Timestamp) -> Timestamp {
        let jitter = self.definition.jitter();
        if jitter.is_zero() {
            return slot_at;
        }
        jitter::due(id, slot_at, self.next(slot_at).map(|next| next.at), jitter)
    }

    /// How many slots there are after `after` until `until`, and which are the first and the last.
    pub fn tally(&self, after: Timestamp, until: Timestamp) -> Option<Range> {
        self.ranges(after, until).reduce(Range::joined)
    }

    /// What calendars take away of the time after `after` until `until`, in order. Moved slots are told with where
    /// they were.
    pub fn excluded(&self, after: Timestamp, until: Timestamp) -> Vec<Excluded> {
        let mut found: Vec<Excluded> = Vec::new();
        if self.rules.is_empty() {
            return found;
        }
        let next = |after| {
            let next = |after| self.nominal(after, until, |date| !self.allows(date));
            // The first instant after a gap over midnight may be a slot of the other date.
            std::iter::successors(next(after), |found| next(found.at))
                .find(|found| !self.is_after_change(found.at) || !self.is_slot(found.at))
        };
        for (range, date) in self.ranges_of(after, until, false, next) {
            let reason = self.reason(date).unwrap_or_default();
            let is_next = |last: &Excluded| {
                let slot = self.next(last.range.last);
                slot.is_none_or(|slot| slot.at > range.first)
            };
            match found.last_mut() {
                Some(last) if last.reason == reason && is_next(last) => last.range = last.range.joined(range),
                _ => found.push(Excluded { range, reason }),
            }
        }
        found
    }

    /// Why there is no slot on a date; `None` if there may be one.
    pub(super) fn reason(&self, date: NaiveDate) -> Option<String> {
        self.rules.iter().find_map(|(calendar, used)| match used {
            Use::Exclude => {
                let why = calendar.dates.named(date)?;
                Some(format!("excluded by `{}`: {why}", calendar.name))
            }
            Use::Only => (!calendar.dates.contains(date)).then(|| format!("not in `{}`", calendar.name)),
        })
    }

    /// Whether calendars let a slot be on a date.
    pub(super) fn allows(&self, date: NaiveDate) -> bool {
        self.rules.iter().all(|(calendar, used)| match used {
            Use::Exclude => !calendar.dates.contains(date),
            Use::Only => calendar.dates.contains(date),
        })
    }

    /// Whether all calendars that it refers to are known.
    pub(super) fn is_complete(&self) -> bool {
        self.rules.len() == self.definition.calendars.len()
    }

    /// Whether slots may be moved.
    pub(super) fn moves(&self) -> bool {
        let is_movable = match self.definition.timing {
            Timing::Interval { seconds, .. } => seconds >= limits::MOVED_INTERVAL_SECONDS,
            Timing::Cron(_) | Timing::Once(_) => true,
        };
        is_movable && !self.rules.is_empty() && self.definition.on_excluded != OnExcluded::Skip
    }

    /// The first slot after an instant.
    pub(super) fn next(&self, after: Timestamp) -> Option<Found> {
        let after = self.not_before_start(after);
        let found = match &self.definition.timing {
            Timing::Cron(cron) if self.moves() => {
                self.next_of_cron(cron, after, self.horizon(after), |date| self.takes(cron, date))
            }
            _ if self.moves() => self.next_moved(after),
            _ => self.nominal(after, self.horizon(after), |date| self.allows(date)),
        };
        found.filter(|found| self.definition.end_at.is_none_or(|end| found.at <= end))
    }

    /// The slots after an instant, in order.
    pub(super) fn instants(&self, after: Timestamp) -> impl Iterator<Item = Found> + '_ {
        std::iter::successors(self.next(after), |found| self.next(found.at))
    }

    /// Whether there is a slot at an instant.
    fn is_slot(&self, at: Timestamp) -> bool {
        self.next(at - INSTANT).is_some_and(|slot| slot.at == at)
    }

    fn tell(&self, found: Found) -> Slot {
        let note = match found.origin {
            Some(origin) => Some(self.moved_from(origin)),
            None => found.note.map(|note| note.to_string()),
        };
        Slot { at: found.at, note }
    }

    /// The first slot after an instant and until another, as if there were no calendars, on dates that `days` lets
    /// through.
    fn nominal(&self, after: Timestamp, until: Timestamp, days: impl Fn(NaiveDate) -> bool) -> Option<Found> {
        match &self.definition.timing {
            Timing::Cron(cron) => {
                self.next_of_cron(cron, after, until, |date| cron.names(date) && days(date))
            }
            Timing::Interval { seconds, anchor_at } => {
                let mut at = next_on_grid(after, *anchor_at, *seconds)?;
                while at <= until && !self.rules.is_empty() && !days(self.date(at)) {
                    let tomorrow = self.day(at).end;
                    at = next_on_grid(at.max(tomorrow - INSTANT), *anchor_at, *seconds)?;
                }
                Some(self.plain(at))
            }
            Timing::Once(at) => {
                (within_years(*at) && *at > after && days(self.date(*at))).then(|| self.plain(*at))
            }
        }
        .filter(|found| found.at <= until)
    }

    /// A slot about which there is nothing to say.
    pub(super) fn plain(&self, at: Timestamp) -> Found {
        Found {
            at,
            date: self.date(at),
            note: None,
            origin: None,
        }
    }

    fn next_of_cron(
        &self,
        cron: &Cron,
        after: Timestamp,
        until: Timestamp,
        days: impl Fn(NaiveDate) -> bool,
    ) -> Option<Found> {
        let (zone, dst) = (self.definition.timezone, self.definition.dst);
        let next = if self.rules.is_empty() {
            cron.next_after(after, zone, dst)?
        } else {
            cron.next_after_on(after, zone, dst, days, until.min(YEARS.1 - INSTANT))?
        };
        let date = next.local.date();
        let is_moved = !self.rules.is_empty() && !cron.names(date);
        Some(Found {
            at: next.at,
            date,
            note: next.note,
            origin: is_moved.then(|| self.origin(cron, date)).flatten(),
        })
    }

    /// Whether a date has slots, its own or moved ones.
    fn takes(&self, cron: &Cron, date: NaiveDate) -> bool {
        self.allows(date) && (cron.names(date) || self.origin(cron, date).is_some())
    }

    /// The nearest date whose slots are moved to `date`.
    fn origin(&self, cron: &Cron, date: NaiveDate) -> Option<NaiveDate> {
        self.moved_here(date).find(|other| cron.names(*other))
    }

    /// The dates from which slots are moved to `date`, which is not excluded, the nearest first.
    pub(super) fn moved_here(&self, date: NaiveDate) -> impl Iterator<Item = NaiveDate> + '_ {
        let on_excluded = self.definition.on_excluded;
        let step = move |date: &NaiveDate| match on_excluded {
            OnExcluded::NextBusinessDay => date.pred_opt(),
            OnExcluded::PreviousBusinessDay => date.succ_opt(),
            OnExcluded::Skip => None,
        };
        std::iter::successors(step(&date), step)
            .take_while(|other| !self.receives(*other))
            .take(FARTHEST)
            .filter(|other| self.exists(*other))
    }

    /// Whether slots may be on a date, moved ones too.
    pub(super) fn receives(&self, date: NaiveDate) -> bool {
        self.allows(date) && self.exists(date)
    }

    /// Whether any part of a date exists.
    fn exists(&self, date: NaiveDate) -> bool {
        self.date(self.begin(date)) == date
    }

    fn moved_from(&self, origin: NaiveDate) -> String {
        format!("moved from {origin}, {}", self.reason(origin).unwrap_or_default())
    }

    pub(super) fn not_before_start(&self, after: Timestamp) -> Timestamp {
        let start = self.definition.start_at.map(|start| start - INSTANT);
        start.map_or(after, |start| start.max(after))
    }

    /// Until when is looked for a slot after `after`.
    pub(super) fn horizon(&self, after: Timestamp) -> Timestamp {
        let is_near = self.rules.is_empty() || matches!(self.definition.timing, Timing::Once(_));
        let farthest = if is_near { YEARS.1 } else { after + HORIZON };
        self.definition.end_at.map_or(farthest, |end| end.min(farthest))
    }
}

fn within_years(at: Timestamp) -> bool {
    YEARS.0 <= at && at < YEARS.1
}

/// The first instant after `after` that is a whole number of `seconds` from `anchor`; none after the year 9999.
pub(super) fn next_on_grid(after: Timestamp, anchor: Timestamp, seconds: u32) -> Option<Timestamp> {
    let after = i128::from(after.max(YEARS.0 - INSTANT).as_micros());
    let anchor = i128::from(anchor.as_micros());
    let step = i128::from(seconds.max(1)) * 1_000_000;
    let next = anchor + ((after - anchor).div_euclid(step) + 1) * step;
    let next = i64::try_from(next).ok().map(Timestamp::from_micros);
    next.filter(|next| within_years(*next))
}
