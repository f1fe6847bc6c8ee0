//! What `docs/guides/schedules.md` says of changes of the clocks is so.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use ains_core::Timestamp;
use ains_core::cron::{Cron, Dst};
use chrono::{NaiveDate, NaiveTime, TimeZone as _, Utc};
use chrono_tz::Tz;

/// Zone, date, expression and slots of every row.
fn rows() -> Vec<[&'static str; 4]> {
    let page = include_str!("../../../docs/guides/schedules.md");
    let rows = page.lines().filter_map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [zone, date, expression, slots] = cells[..] else {
            return None;
        };
        zone.contains('/')
            .then_some([zone, date, expression.trim_matches('`'), slots])
    });
    rows.collect()
}

#[test]
fn the_worked_examples_are_true() {
    let rows = rows();
    assert_eq!(rows.len(), 12, "the table is found");
    for [zone, date, expression, expected] in rows {
        let tz: Tz = zone.parse().unwrap();
        let date: NaiveDate = date.parse().unwrap();
        let cron = Cron::parse(expression).unwrap();
        // Two days around it are enough in any zone; a slot is of the date that it names.
        let noon = Utc.from_utc_datetime(&date.and_time(NaiveTime::from_hms_opt(12, 0, 0).unwrap()));
        let from = Timestamp::from(noon - chrono::TimeDelta::days(2));
        let slots = cron
            .occurrences(from, tz, Dst::default())
            .take_while(|slot| slot.local.date() <= date)
            .filter(|slot| slot.local.date() == date);
        let local = |at: Timestamp| {
            let instant = Utc.timestamp_micros(at.as_micros()).unwrap();
            instant.with_timezone(&tz).to_rfc3339()
        };
        let found: Vec<String> = slots.map(|slot| local(slot.at)).collect();
        let expected: Vec<&str> = expected.split(' ').filter(|word| *word != "none").collect();
        assert_eq!(found, expected, "{zone} {date} {expression}");
    }
}
