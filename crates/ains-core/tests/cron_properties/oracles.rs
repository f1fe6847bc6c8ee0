//! Slots against two other crates, where the rules agree: entries are written out as plain lists for them.
//!
//! - `saffron` knows no zones, no seconds, no lists of `L`, `W` and `#`; its `29W` to `31W` are on dates that there are
//!   not (its issue is open since 2020).
//! - `croner` knows no `L-n`, and in `L,LW` only `LW`; it calls what has two times of day an interval job, which is ours to differ on: in zones
//!   only entries that both call the same are compared.

use ains_core::cron::{Cron, Dst};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::parser::{CronParser, Seconds};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::drawn::{Entry, Item, WEEKDAYS};
use super::{instant, naive, seconds};

/// Ordinary zones: `croner` gives up at a gap of more than two hours.
const ZONES: [Tz; 9] = [
    Tz::Europe__Berlin,
    Tz::Europe__London,
    Tz::America__New_York,
    Tz::America__Sao_Paulo,
    Tz::America__Havana,
    Tz::Africa__Casablanca,
    Tz::Africa__Cairo,
    Tz::Australia__Lord_Howe,
    Tz::Australia__Sydney,
];

/// From 1970 to 2050: how far apart draws are.
const SPAN: i64 = 80 * 365 * 86_400;

/// An entry written out: without names, steps and ranges but in the day of the week. Nothing, if day of month and day of
/// week are not combined as in the other crates.
fn canonical(entry: &Entry) -> Option<[String; 6]> {
    let plain = |field: usize| {
        let values = entry.values(field);
        let every = values.len() == Entry::length(field);
        let starred = matches!(entry.fields[field][0], Item::Every(_));
        match (every, starred) {
            (true, true) => Some("*".to_owned()),
            // What is every day but does not say so, and what says so but is not, are special to Vixie's rule.
            (true, false) | (false, true) if field == 3 || field == 5 => None,
            _ if field == 5 => Some(join(
                values.iter().map(|day| WEEKDAYS[*day as usize].to_uppercase()),
            )),
            _ => Some(join(values.iter().map(u32::to_string))),
        }
    };
    let special = |item: &Item| match item {
        Item::Last => Some("L".to_owned()),
        Item::BeforeLast(days) => Some(format!("L-{days}")),
        Item::Nearest(day) => Some(format!("{day}W")),
        Item::LastWorking => Some("LW".to_owned()),
        Item::Nth(day, nth) => Some(format!("{}#{nth}", WEEKDAYS[*day as usize].to_uppercase())),
        Item::LastOf(day) => Some(format!("{}L", WEEKDAYS[*day as usize].to_uppercase())),
        _ => None,
    };
    let mut fields = [0; 6].map(|_| String::new());
    for (field, text) in fields.iter_mut().enumerate() {
        let specials = entry.fields[field].iter().filter_map(special);
        let mut items: Vec<String> = specials.collect();
        if items.len() < entry.fields[field].len() {
            items.push(plain(field)?);
        }
        // `*` among others is special to Vixie's rule too.
        if items.len() > 1 && items.contains(&"*".to_owned()) {
            return None;
        }
        *text = items.join(",");
    }
    Some(fields)
}

fn join(values: impl Iterator<Item = String>) -> String {
    values.collect::<Vec<_>>().join(",")
}

fn utc(at: i64) -> DateTime<Utc> {
    naive(at).and_utc()
}

#[test]
fn slots_are_those_of_saffron() {
    let mut compared = 0;
    for seed in 0..6000 {
        let rng = &mut StdRng::seed_from_u64(seed);
        let entry = Entry::draw(rng);
        let is_known = |item: &Item| !matches!(item, Item::Nearest(29..=31));
        let (Ok(cron), Some(fields)) = (Cron::parse(&entry.text()), canonical(&entry)) else {
            continue;
        };
        let has_list =
            |field: &String| field.contains(',') && field.contains(['L', 'W', '#']) && !is_names(field);
        if entry.has_seconds || !entry.fields[3].iter().all(is_known) || fields.iter().any(has_list) {
            continue;
        }
        let text = fields[1..].join(" ");
        let saffron: saffron::Cron = text
            .parse()
            .unwrap_or_else(|_| panic!("saffron refuses `{text}` ({cron})"));
        let mut at = rng.random_range(0..SPAN);
        for _ in 0..3 {
            let expected = saffron.next_after(utc(at)).map(|at| at.timestamp());
            let slot = cron.next_after(instant(at), Tz::UTC, Dst::default());
            assert_eq!(
                slot.map(|slot| seconds(slot.at)),
                expected,
                "seed {seed}: `{cron}`, `{text}` after {}",
                utc(at)
            );
            compared += 1;
            at = expected.unwrap();
        }
    }
    assert!(compared > 5_000, "{compared} comparisons are too few");
}

/// Whether a field is a list of names of days only.
fn is_names(field: &str) -> bool {
    field
        .split(',')
        .all(|name| WEEKDAYS.iter().any(|day| day.eq_ignore_ascii_case(name)))
}

#[test]
fn slots_are_those_of_croner() {
    let (mut compared, mut in_zones) = (0, 0);
    let parser = CronParser::builder().seconds(Seconds::Required).build();
    for seed in 0..3000 {
        let rng = &mut StdRng::seed_from_u64(seed);
        let entry = Entry::draw(rng);
        let has = |kind: fn(&Item) -> bool| entry.fields[3].iter().any(kind);
        let (Ok(cron), Some(fields)) = (Cron::parse(&entry.text()), canonical(&entry)) else {
            continue;
        };
        let is_last = |item: &Item| matches!(item, Item::Last);
        let is_last_working = |item: &Item| matches!(item, Item::LastWorking);
        if has(|item| matches!(item, Item::BeforeLast(_))) || (has(is_last) && has(is_last_working)) {
            continue;
        }
        let text = fields.join(" ");
        let croner = parser
            .parse(&text)
            .unwrap_or_else(|error| panic!("croner refuses `{text}` ({cron}): {error}"));
        let is_single = !fields[..3].iter().any(|field| field.contains([',', '*']));
        let zone = if cron.is_fixed() == is_single {
            *ZONES.choose(rng).unwrap()
        } else {
            Tz::UTC
        };
        let mut at = rng.random_range(0..SPAN);
        for _ in 0..3 {
            let expected = croner
                .find_next_occurrence(&utc(at).with_timezone(&zone), false)
                .unwrap();
            let slot = cron.next_after(instant(at), zone, Dst::default()).unwrap();
            let context = format!("seed {seed}: `{cron}`, `{text}`, {zone} after {}", utc(at));
            assert_eq!(seconds(slot.at), expected.timestamp(), "{context}");
            compared += 1;
            in_zones += u32::from(zone != Tz::UTC);
            at = expected.timestamp();
        }
    }
    assert!(
        compared > 3_000 && in_zones > 1_000,
        "{compared} comparisons, {in_zones} in zones, are too few"
    );
}

#[test]
fn changes_of_the_clocks_are_those_of_croner() {
    let parser = CronParser::builder().seconds(Seconds::Required).build();
    let mut compared = 0;
    for seed in 0..400 {
        let rng = &mut StdRng::seed_from_u64(seed);
        let zone = *ZONES.choose(rng).unwrap();
        let changes = super::transitions::transitions(zone);
        let mut at = changes.choose(rng).unwrap().at - rng.random_range(0..2 * 86_400);
        let (minute, hour) = (rng.random_range(0..60), rng.random_range(0..5));
        let text = match rng.random_range(0..3) {
            0 => format!("{minute} {hour} * * *"),
            1 => format!("*/{} * * * *", minute + 1),
            _ => format!("{minute} */{} * * *", hour + 1),
        };
        let (cron, croner) = (
            Cron::parse(&text).unwrap(),
            parser.parse(&format!("0 {text}")).unwrap(),
        );
        for _ in 0..20 {
            let expected = croner
                .find_next_occurrence(&utc(at).with_timezone(&zone), false)
                .unwrap();
            let slot = cron.next_after(instant(at), zone, Dst::default()).unwrap();
            assert_eq!(
                seconds(slot.at),
                expected.timestamp(),
                "seed {seed}: `{cron}`, {zone} after {}",
                utc(at)
            );
            compared += 1;
            at = expected.timestamp();
        }
    }
    assert_eq!(compared, 8_000);
}
