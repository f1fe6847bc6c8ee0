//! The slots of a schedule by definition (semantics §6): every date on its own, and of a zone nothing but its offset.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use ains_core::cron::{DstFold, DstGap};
use ains_core::schedule::{OnExcluded, Timing};
use chrono::NaiveDate;
use chrono_tz::Tz;

use super::drawn::{DAY, Drawn, SECOND, dates, later, naive, offset};

/// Farthest that a slot is moved, in days.
const FARTHEST: i64 = 366;

/// The slots of a stretch of time, in microseconds since 1970.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    pub(crate) slots: BTreeSet<i64>,
    /// What calendars exclude, and why.
    pub(crate) excluded: BTreeMap<i64, String>,
}

/// What a local time is in a zone.
enum Local {
    /// The instants at which it is that time.
    Exists(Vec<i64>),
    /// The clocks jump over it, and from when they do so to when, in local time; the instant of that.
    Gap(i64, i64, i64),
}

/// No zone changes its clocks twice within so short a time as this looks at.
fn resolve(zone: Tz, local: i64) -> Local {
    let (mut low, mut high) = (local - 26 * 3600 * SECOND, local + 26 * 3600 * SECOND);
    let (before, after) = (offset(zone, low), offset(zone, high));
    let offsets = BTreeSet::from([before, after]);
    let instants = offsets
        .iter()
        .map(|offset| local - offset)
        .filter(|at| at + offset(zone, *at) == local);
    let instants: BTreeSet<i64> = instants.collect();
    if !instants.is_empty() {
        return Local::Exists(instants.into_iter().collect());
    }
    while high - low > 1 {
        let middle = low.midpoint(high);
        *if offset(zone, middle) == before {
            &mut low
        } else {
            &mut high
        } = middle;
    }
    Local::Gap(high + before, high + after, high)
}

fn midnight(date: NaiveDate) -> i64 {
    date.and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp_micros()
}

fn exists(zone: Tz, date: NaiveDate) -> bool {
    match resolve(zone, midnight(date)) {
        Local::Exists(_) => true,
        Local::Gap(begin, end, _) => midnight(date) < begin || end < midnight(date) + DAY,
    }
}

/// The slots on a date, if it is one that has slots.
fn on_date(drawn: &Drawn, date: NaiveDate) -> Vec<i64> {
    let (zone, dst) = (drawn.definition.timezone, drawn.definition.dst);
    let begin = midnight(date);
    let is_on = |at: &i64| naive(at + offset(zone, *at)).date() == date;
    match &drawn.definition.timing {
        Timing::Once(at) => Vec::from_iter(Some(at.as_micros()).filter(is_on)),
        Timing::Interval { seconds, anchor_at } => {
            let (step, anchor) = (i64::from(*seconds) * SECOND, anchor_at.as_micros());
            let first = begin - 16 * 3600 * SECOND;
            let first = first + (anchor - first).rem_euclid(step);
            let slots = (0..)
                .map(|index| first + index * step)
                .take_while(|at| *at < begin + 40 * 3600 * SECOND);
            slots.filter(is_on).collect()
        }
        Timing::Cron(_) => {
            let entry = drawn.entry.as_ref().unwrap();
            let mut slots = Vec::new();
            for time in &entry.times {
                match resolve(zone, begin + time * SECOND) {
                    Local::Exists(at) if entry.is_fixed && dst.fold == DstFold::First => slots.push(at[0]),
                    Local::Exists(at) => slots.extend(at),
                    Local::Gap(_, _, at)
                        if entry.is_fixed && dst.gap == DstGap::RunAfter && exists(zone, date) =>
                    {
                        slots.push(at);
                    }
                    Local::Gap(..) => {}
                }
            }
            slots
        }
    }
}

/// Where the slot of `from` at `at` comes to on another date. Those of cron expressions are the times of that date.
fn moved(drawn: &Drawn, at: i64, to: NaiveDate) -> i64 {
    let zone = drawn.definition.timezone;
    let time = (at + offset(zone, at)).rem_euclid(DAY);
    match resolve(zone, midnight(to) + time) {
        Local::Exists(at) => at[0],
        Local::Gap(_, _, at) => at,
    }
}

/// After an instant until another; nothing, if that is not later.
pub(crate) fn span(after: i64, until: i64) -> (Bound<i64>, Bound<i64>) {
    (Bound::Excluded(after), Bound::Included(until.max(after)))
}

impl Slots {
    /// The slots after `after` until `until`.
    pub(crate) fn of(drawn: &Drawn, after: i64, until: i64) -> Self {
        let definition = &drawn.definition;
        let zone = definition.timezone;
        let (first, last) = (later(naive(after).date(), -3), later(naive(until).date(), 3));
        let receives = |date: NaiveDate| drawn.excludes(date).is_none() && exists(zone, date);
        let has_slots = |date: NaiveDate| drawn.entry.as_ref().is_none_or(|entry| entry.names(date));
        let step = match definition.on_excluded {
            OnExcluded::Skip => 0,
            OnExcluded::NextBusinessDay => 1,
            OnExcluded::PreviousBusinessDay => -1,
        };
        let mut found = Self::default();
        let wide = if step == 0 || drawn.calendars.is_empty() {
            0
        } else {
            FARTHEST
        };
        // Of a run of excluded dates, the dates have the same target: walked once, against the direction.
        let mut target: Option<(i64, NaiveDate)> = None;
        let mut all: Vec<NaiveDate> = dates(later(first, -wide), later(last, wide)).collect();
        if step == 1 {
            all.reverse();
        }
        for date in all {
            let is_near = first <= date && date <= last;
            if receives(date) {
                target = Some((0, date));
                if is_near && has_slots(date) {
                    found.slots.extend(on_date(drawn, date));
                }
                continue;
            }
            target = target.map(|(distance, target)| (distance + 1, target));
            if !has_slots(date) || !exists(zone, date) {
                continue;
            }
            if is_near && let Some(reason) = drawn.excludes(date) {
                for at in on_date(drawn, date) {
                    // Of two dates with one instant, it is that of the later.
                    let later_date = found.excluded.contains_key(&at) && step == 1;
                    if !later_date {
                        found.excluded.insert(at, reason.clone());
                    }
                }
            }
            let lands = target
                .filter(|(distance, to)| step != 0 && *distance <= FARTHEST && (first..=last).contains(to));
            if let Some((_, to)) = lands {
                match definition.timing {
                    Timing::Cron(_) => found.slots.extend(on_date(drawn, to)),
                    _ => found
                        .slots
                        .extend(on_date(drawn, date).into_iter().map(|at| moved(drawn, at, to))),
                }
            }
        }
        let after = definition
            .start_at
            .map_or(after, |start| after.max(start.as_micros() - 1));
        let until = definition.end_at.map_or(until, |end| until.min(end.as_micros()));
        found.slots.retain(|at| after < *at && *at <= until);
        let slots = &found.slots;
        found
            .excluded
            .retain(|at, _| after < *at && *at <= until && !slots.contains(at));
        found
    }

    /// How many slots there are after `after` until `until`, with the first and the last.
    pub(crate) fn tally(&self, after: i64, until: i64) -> Option<(i64, i64, u64)> {
        let within = || self.slots.range(span(after, until)).copied();
        Some((within().next()?, within().next_back()?, within().count() as u64))
    }

    /// What is excluded after `after` until `until`: together if it is for one reason, with no slot in between.
    pub(crate) fn excluded(&self, after: i64, until: i64) -> Vec<(i64, i64, u64, String)> {
        let mut groups: Vec<(i64, i64, u64, String)> = Vec::new();
        for (at, reason) in self.excluded.range(span(after, until)) {
            match groups.last_mut() {
                Some((_, last, count, same))
                    if same == reason && self.slots.range(*last..*at).next().is_none() =>
                {
                    *last = *at;
                    *count += 1;
                }
                _ => groups.push((*at, *at, 1, reason.clone())),
            }
        }
        groups
    }
}
