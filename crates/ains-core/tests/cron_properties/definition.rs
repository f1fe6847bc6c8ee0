//! Slots against the definition (semantics §6), walked through the seconds of UTC with nothing of a zone but its offset.

use std::collections::{BTreeMap, BTreeSet};

use ains_core::cron::{Cron, Dst, DstFold, DstGap, Note, Reason};
use chrono::{Days, NaiveDate};
use chrono_tz::{TZ_VARIANTS, Tz};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::drawn::{Entry, Item};
use super::transitions::{Change, transitions};
use super::{instant, naive, offset, seconds};

const DAY: i64 = 86_400;

/// A slot: instant, local time, note.
type Slot = (i64, i64, Option<Note>);

/// The slots of `(after, until]` by definition.
fn by_definition(entry: &Entry, zone: Tz, dst: Dst, after: i64, until: i64) -> Vec<Slot> {
    // A local time may have come before by one of these, or not exist by any of them.
    let offsets = (after - 2 * DAY..until + 2 * DAY)
        .step_by(900)
        .map(|at| offset(zone, at));
    let offsets: BTreeSet<i64> = offsets.chain([offset(zone, until)]).collect();
    let names_time = entry.times();
    let matches = |local: i64| names_time(naive(local)) && entry.names_date(naive(local).date());
    let exists = |local: i64| offsets.iter().any(|o| offset(zone, local - o) == *o);
    let step = step(entry, &offsets);
    let aligned = after - after.rem_euclid(step) + step;
    let mut slots = Vec::new();
    let mut last = aligned - step + offset(zone, aligned - step);
    for at in (aligned..=until).step_by(usize::try_from(step).unwrap()) {
        let local = at + offset(zone, at);
        let before = std::mem::replace(&mut last, local);
        if matches(local) {
            let passes = offsets
                .iter()
                .map(|o| local - o)
                .filter(|at| at + offset(zone, *at) == local);
            let passes: Vec<i64> = passes.collect();
            let note = match (passes.len(), passes.iter().min() == Some(&at)) {
                (1, _) => None,
                (_, true) => Some(Note::FirstPass),
                (_, false) => Some(Note::SecondPass),
            };
            if note != Some(Note::SecondPass) || !entry.is_fixed() || dst.fold == DstFold::Both {
                slots.push((at, local, note));
                continue;
            }
        }
        if entry.is_fixed() && dst.gap == DstGap::RunAfter && local - before > step {
            let mut left_out = (before + step..local).step_by(usize::try_from(step).unwrap());
            let first = left_out.find(|local| {
                let midnight = local - local.rem_euclid(DAY);
                matches(*local) && !exists(*local) && (midnight..midnight + DAY).step_by(60).any(exists)
            });
            slots.extend(first.map(|local| (at, local, Some(Note::AfterGap))));
        }
    }
    slots
}

/// Slots are this many seconds apart at the least: a minute, if the zone and the entry know no seconds.
fn step(entry: &Entry, offsets: &BTreeSet<i64>) -> i64 {
    let by_minute = !entry.has_seconds && offsets.iter().all(|offset| offset % 60 == 0);
    if by_minute { 60 } else { 1 }
}

/// Zones whose clocks have done something odd, and some ordinary ones.
const ZONES: [Tz; 16] = [
    Tz::UTC,
    Tz::Europe__Berlin,
    Tz::America__New_York,
    Tz::Europe__London,
    Tz::Australia__Lord_Howe,
    Tz::Pacific__Apia,
    Tz::Pacific__Kwajalein,
    Tz::Africa__Cairo,
    Tz::America__Sao_Paulo,
    Tz::America__Havana,
    Tz::Asia__Beirut,
    Tz::Africa__Monrovia,
    Tz::Africa__Casablanca,
    Tz::Antarctica__Troll,
    Tz::Antarctica__Casey,
    Tz::America__Scoresbysund,
];

/// An instant, most of the time within a day of a change of the zone's clocks.
fn draw_after(rng: &mut StdRng, changes: &[Change]) -> i64 {
    match changes.choose(rng) {
        Some(change) if rng.random_bool(0.9) => change.at + rng.random_range(-DAY..DAY / 4),
        _ => rng.random_range(0..68 * 365 * DAY),
    }
}

#[test]
fn slots_are_those_of_the_definition() {
    let (mut compared, mut changes) = (0, BTreeMap::new());
    for seed in 0..500 {
        let rng = &mut StdRng::seed_from_u64(seed);
        let zone = *if rng.random_bool(0.7) {
            &ZONES[..]
        } else {
            &TZ_VARIANTS[..]
        }
        .choose(rng)
        .unwrap();
        let entry = if rng.random_bool(0.7) {
            Entry::draw_times(rng)
        } else {
            Entry::draw(rng)
        };
        let Ok(cron) = Cron::parse(&entry.text()) else {
            continue;
        };
        assert_eq!(cron.is_fixed(), entry.is_fixed(), "`{cron}`");
        let changes = changes.entry(zone.name()).or_insert_with(|| transitions(zone));
        let after = draw_after(rng, changes);
        let length = if entry.has_seconds { DAY / 12 } else { 3 * DAY / 2 };
        let until = after + length;
        let gap = *[DstGap::RunAfter, DstGap::Skip].choose(rng).unwrap();
        let fold = *[DstFold::First, DstFold::Both].choose(rng).unwrap();
        let dst = Dst { gap, fold };
        let expected = by_definition(&entry, zone, dst, after, until);
        let slots = cron.occurrences(instant(after), zone, dst);
        let slots = slots.map(|slot| (seconds(slot.at), slot.local.and_utc().timestamp(), slot.note));
        let slots: Vec<Slot> = slots.take_while(|(at, ..)| *at <= until).collect();
        assert_eq!(
            slots,
            expected,
            "seed {seed}: `{cron}`, {zone}, {dst:?}, after {}",
            instant(after)
        );
        compared += slots.len();

        // The same through the dates, and from within a second.
        let days = |date| entry.names_date(date);
        let after = instant(after) + std::time::Duration::from_micros(999_999);
        let by_days = cron.next_after_on(after, zone, dst, days, instant(until));
        assert_eq!(
            by_days.map(|slot| seconds(slot.at)),
            expected.first().map(|(at, ..)| *at),
            "seed {seed}: `{cron}`"
        );
    }
    println!("{compared} slots");
    assert!(compared > 20_000, "{compared} slots are too few to mean anything");
}

#[test]
fn dates_are_those_that_are_named() {
    let (mut refused, mut compared) = (0, 0);
    for seed in 0..300 {
        let rng = &mut StdRng::seed_from_u64(seed);
        let mut entry = Entry::draw(rng);
        for field in &mut entry.fields[..3] {
            *field = vec![Item::One(0)];
        }
        if rng.random_bool(0.2) {
            let days = [Item::One(30), Item::One(31), Item::Nearest(30), Item::Nearest(31)];
            entry.fields[3] = vec![days.choose(rng).unwrap().clone()];
            entry.fields[4] = [2, 4, 6, 9, 11].map(Item::One).sample(rng, 2).cloned().collect();
            entry.fields[5] = vec![Item::Every(None)];
        }
        let start = NaiveDate::from_ymd_opt(rng.random_range(1890..2110), 1, 1).unwrap();
        let start = start
            .checked_add_days(Days::new(rng.random_range(0..365)))
            .unwrap();
        // The calendar repeats after 400 years.
        let days = start.iter_days().skip(1).take(400 * 366);
        let mut named = days.filter(|date| entry.names_date(*date));
        match Cron::parse(&entry.text()) {
            Ok(cron) => {
                let midnight = start.and_hms_opt(0, 0, 0).unwrap().and_utc().into();
                let mut slots = cron.occurrences(midnight, Tz::UTC, Dst::default());
                for _ in 0..5 {
                    let date = slots.next().map(|slot| slot.local.date());
                    assert_eq!(date, named.next(), "seed {seed}: `{cron}` after {start}");
                    compared += 1;
                }
                for date in start.iter_days().take(400) {
                    assert_eq!(
                        cron.names(date),
                        entry.names_date(date),
                        "seed {seed}: `{cron}` on {date}"
                    );
                }
            }
            Err(error) => {
                assert_eq!(error.reason, Reason::Never, "seed {seed}: {entry:?}");
                assert_eq!(named.next(), None, "seed {seed}: {entry:?}");
                refused += 1;
            }
        }
    }
    assert!(
        compared > 1_000 && refused > 10,
        "{compared} dates and {refused} refusals"
    );
}
