//! Every change of the clocks of every zone from 1970 to 2037: a fixed entry fires exactly once on each date that it
//! names and that exists.

use std::collections::{BTreeMap, BTreeSet};

use ains_core::cron::{Cron, Dst};
use chrono::NaiveDate;
use chrono_tz::{TZ_VARIANTS, Tz};

use super::{instant, naive, offset};

const DAY: i64 = 86_400;

/// 1970-01-01 and 2038-01-01, in seconds since 1970.
const YEARS: (i64, i64) = (0, 2_145_916_800);

/// A change of a zone's offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Change {
    /// The first instant with the new offset, in seconds since 1970.
    pub(crate) at: i64,
    /// The offset before, in seconds.
    before: i64,
    /// The offset after, in seconds.
    after: i64,
}

/// The changes of a zone, found by its offsets: no two are within five days of each other.
pub(crate) fn transitions(zone: Tz) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut before = offset(zone, YEARS.0);
    for start in (YEARS.0..YEARS.1).step_by(5 * 86_400) {
        let end = start + 5 * DAY;
        let after = offset(zone, end);
        if before != after {
            let (mut low, mut high) = (start, end);
            while high - low > 1 {
                let middle = low.midpoint(high);
                *if offset(zone, middle) == before {
                    &mut low
                } else {
                    &mut high
                } = middle;
            }
            changes.push(Change {
                at: high,
                before,
                after,
            });
        }
        before = after;
    }
    changes
}

/// All zones, without those that are other names for one that has been.
fn zones() -> Vec<(Tz, Vec<Change>)> {
    let mut seen = BTreeSet::new();
    let zones = TZ_VARIANTS.into_iter().map(|zone| (zone, transitions(zone)));
    zones
        .filter(|(zone, changes)| seen.insert((offset(*zone, 0), changes.clone())))
        .collect()
}

/// How often a fixed entry fires on each date around a change.
fn dates(cron: &Cron, zone: Tz, dst: Dst, change: &Change) -> BTreeMap<NaiveDate, usize> {
    let slots = cron.occurrences(instant(change.at - 4 * DAY), zone, dst);
    let mut dates = BTreeMap::new();
    let mut last = instant(change.at - 4 * DAY);
    for slot in slots.take_while(|slot| slot.at <= instant(change.at + 4 * DAY)) {
        assert!(last < slot.at, "`{cron}` in {zone} at {last}, then {}", slot.at);
        last = slot.at;
        *dates.entry(slot.local.date()).or_default() += 1;
    }
    dates
}

#[test]
fn a_fixed_entry_fires_once_on_every_date_that_exists() {
    let (mut changes, mut checked) = (0, 0);
    for (zone, transitions) in zones() {
        for change in transitions {
            changes += 1;
            let (old, new) = (change.at + change.before, change.at + change.after);
            let (begin, end) = (old.min(new), old.max(new));
            let middle = begin.midpoint(end);
            let times = [
                begin - 60,
                begin,
                begin + 60,
                middle,
                end - 60,
                end,
                end + 60,
                end - end.rem_euclid(DAY),
            ];
            let minutes: BTreeSet<i64> = times.iter().map(|time| time.rem_euclid(DAY) / 60).collect();
            for minute in minutes {
                let cron = Cron::parse(&format!("{} {} * * *", minute % 60, minute / 60)).unwrap();
                let dates = dates(&cron, zone, Dst::default(), &change);
                for around in -2..=2 {
                    let date = naive(change.at + around * DAY + change.before).date();
                    let swallowed = naive(old - 1).date() < date && date < naive(new).date();
                    let count = dates.get(&date).copied().unwrap_or(0);
                    let context = format!("`{cron}` on {date} in {zone}, whose clocks change: {change:?}");
                    assert_eq!(count, usize::from(!swallowed), "{context}");
                    checked += 1;
                }
            }
        }
    }
    println!("{changes} changes, {checked} dates");
    assert!(
        changes > 10_000,
        "{changes} changes are too few: the zones have lost their rules"
    );
}

/// What the search relies upon.
#[test]
fn no_clocks_change_twice_within_days_or_by_more_than_a_day() {
    for (zone, changes) in zones() {
        let mut days = (YEARS.0..YEARS.1).step_by(86_400).map(|day| offset(zone, day));
        let mut last = days.next();
        let count = days
            .filter(|offset| last.replace(*offset) != Some(*offset))
            .count();
        assert_eq!(count, changes.len(), "{zone} has changes that undo each other");
        let is_apart = |pair: &[Change]| pair[1].at - pair[0].at > 3 * DAY;
        assert!(changes.windows(2).all(is_apart), "{zone}: {changes:?}");
        let is_short = |change: &Change| (change.after - change.before).abs() <= DAY;
        assert!(changes.iter().all(is_short), "{zone}: {changes:?}");
    }
}
