//! Slots when the clocks change, and at the ends of time.

use chrono::{Datelike as _, NaiveDate};
use chrono_tz::Tz;

use super::super::{Dst, DstFold, DstGap};
use super::cron;
use crate::time::Timestamp;

fn at(text: &str) -> Timestamp {
    chrono::DateTime::parse_from_rfc3339(text)
        .unwrap()
        .to_utc()
        .into()
}

/// The local times of slots with their notes, `2026-03-29 02:30 after the gap`.
fn slots(text: &str, zone: Tz, dst: Dst, after: &str, count: usize) -> Vec<String> {
    let cron = cron(text);
    let slots = cron.occurrences(at(after), zone, dst).take(count);
    slots
        .map(|slot| {
            let note = slot.note.map_or_else(String::new, |note| format!(" {note}"));
            format!(
                "{} {}{note}",
                &slot.at.to_string()[5..16],
                slot.local.format("%d %H:%M")
            )
        })
        .collect()
}

#[test]
fn a_fixed_entry_runs_after_the_gap_or_not_at_all() {
    let before = "2026-03-28T12:00:00Z";
    let skip = Dst {
        gap: DstGap::Skip,
        ..Dst::default()
    };
    let berlin = |text, dst| slots(text, Tz::Europe__Berlin, dst, before, 2);
    assert_eq!(
        berlin("30 2 * * *", Dst::default()),
        ["03-29T01:00 29 02:30 after the gap", "03-30T00:30 30 02:30"]
    );
    assert_eq!(
        berlin("30 2 * * *", skip),
        ["03-30T00:30 30 02:30", "03-31T00:30 31 02:30"]
    );
    let merged = ["03-29T01:00 29 02:15 after the gap", "03-30T00:15 30 02:15"];
    assert_eq!(berlin("15,45 2 * * *", Dst::default()), merged);
    assert_eq!(
        berlin("0,30 2-3 * * *", Dst::default()),
        ["03-29T01:00 29 03:00", "03-29T01:30 29 03:30"]
    );
    let elapsed = ["03-28T23:00 29 00:00", "03-29T01:00 29 03:00"];
    assert_eq!(
        slots(
            "0 */3 * * *",
            Tz::Europe__Berlin,
            Dst::default(),
            "2026-03-28T22:00:00Z",
            2
        ),
        elapsed
    );
    assert_eq!(
        berlin("30 2/12 * * *", Dst::default()),
        ["03-28T13:30 28 14:30", "03-29T12:30 29 14:30"]
    );
}

#[test]
fn a_fixed_entry_runs_in_the_first_pass_or_in_both() {
    let both = Dst {
        fold: DstFold::Both,
        ..Dst::default()
    };
    let berlin = |text, dst, after, count| slots(text, Tz::Europe__Berlin, dst, after, count);
    let before = "2026-10-24T12:00:00Z";
    let once = [
        "10-25T00:15 25 02:15 in the first pass",
        "10-25T00:45 25 02:45 in the first pass",
        "10-26T01:15 26 02:15",
    ];
    assert_eq!(berlin("15,45 2 * * *", Dst::default(), before, 3), once);
    let twice = [
        "10-25T00:15 25 02:15 in the first pass",
        "10-25T00:45 25 02:45 in the first pass",
        "10-25T01:15 25 02:15 in the second pass",
        "10-25T01:45 25 02:45 in the second pass",
        "10-26T01:15 26 02:15",
    ];
    assert_eq!(berlin("15,45 2 * * *", both, before, 5), twice);
    assert_eq!(
        berlin("*/30 2 * * *", Dst::default(), before, 4)[2],
        "10-25T01:00 25 02:00 in the second pass"
    );
    // From within the second pass, what was in the first does not come again.
    assert_eq!(
        berlin("15,45 2 * * *", Dst::default(), "2026-10-25T01:00:00Z", 1),
        once[2..]
    );
    assert_eq!(
        berlin("15,45 2 * * *", both, "2026-10-25T01:15:00.5Z", 1),
        twice[3..4]
    );
}

#[test]
fn a_date_that_does_not_exist_has_no_slot() {
    // In Samoa the 29th of December 2011 was followed by the 31st.
    let before = "2011-12-29T00:00:00Z";
    let samoa = |text| slots(text, Tz::Pacific__Apia, Dst::default(), before, 3);
    assert_eq!(
        samoa("0 9 * * *"),
        [
            "12-29T19:00 29 09:00",
            "12-30T19:00 31 09:00",
            "12-31T19:00 01 09:00"
        ]
    );
    assert_eq!(
        samoa("0 0 * * *"),
        [
            "12-29T10:00 29 00:00",
            "12-30T10:00 31 00:00",
            "12-31T10:00 01 00:00"
        ]
    );
    assert_eq!(samoa("0 9 30 * *")[0], "01-29T19:00 30 09:00");
}

#[test]
fn a_change_over_midnight_leaves_a_slot_on_its_date() {
    // Nuuk's jump from 23:00 to midnight.
    let nuuk = |text| slots(text, Tz::America__Nuuk, Dst::default(), "2026-03-28T12:00:00Z", 2);
    let late = ["03-29T01:00 28 23:30 after the gap", "03-30T00:30 29 23:30"];
    assert_eq!(nuuk("30 23 * * *"), late);
    assert_eq!(
        nuuk("30 23 28 * *")[0],
        late[0],
        "on its date, though the instant is on the next"
    );
    assert_eq!(
        nuuk("0 23,0 * * *"),
        ["03-29T01:00 29 00:00", "03-30T00:00 29 23:00"]
    );
    // Havana's go back from 01:00 to 00:00.
    let havana = |text| {
        slots(
            text,
            Tz::America__Havana,
            Dst::default(),
            "2026-10-31T12:00:00Z",
            2,
        )
    };
    assert_eq!(
        havana("30 0 * * *"),
        ["11-01T04:30 01 00:30 in the first pass", "11-02T05:30 02 00:30"]
    );
    // Cairo's jump from 00:00 to 01:00.
    let cairo = slots(
        "0 0 * * FRI",
        Tz::Africa__Cairo,
        Dst::default(),
        "2026-04-22T00:00:00Z",
        2,
    );
    assert_eq!(
        cairo,
        ["04-23T22:00 24 00:00 after the gap", "04-30T21:00 01 00:00"]
    );
}

#[test]
fn dates_can_be_decided_by_the_caller() {
    let cron = cron("30 9 * * MON");
    let (after, until) = (at("2026-01-01T00:00:00Z"), at("2026-01-10T09:30:00Z"));
    let only = |day: u32| {
        let days = move |date: NaiveDate| date.day() == day;
        cron.next_after_on(after, Tz::UTC, Dst::default(), days, until)
            .map(|slot| slot.at)
    };
    assert_eq!(only(9), Some(at("2026-01-09T09:30:00Z")));
    assert_eq!(only(10), Some(until));
    assert_eq!(only(11), None);
    let before = cron.next_after_on(until, Tz::UTC, Dst::default(), |_| true, after);
    assert_eq!(before, None);
}

#[test]
fn slots_are_in_the_years_one_to_9999() {
    let first = cron("@yearly").next_after(Timestamp::from_micros(i64::MIN), Tz::UTC, Dst::default());
    assert_eq!(first.map(|slot| slot.at), Some(at("0001-01-01T00:00:00Z")));
    let last = at("9999-12-31T23:59:00Z");
    assert_eq!(cron("* * * * *").next_after(last, Tz::UTC, Dst::default()), None);
    for zone in [Tz::America__Los_Angeles, Tz::Pacific__Kiritimati] {
        // 9999 ends later in Los Angeles, and sooner on Kiritimati.
        let next = |after| cron("* * * * *").next_after(after, zone, Dst::default());
        assert_eq!(
            next(at("9999-12-31T23:58:30Z")).map(|slot| slot.at),
            Some(last),
            "{zone}"
        );
        let end = Timestamp::from_micros(i64::MAX);
        assert_eq!((next(last), next(end)), (None, None), "{zone}");
        let on = cron("* * * * *").next_after_on(last, zone, Dst::default(), |_| true, end);
        assert_eq!(on, None, "{zone}");
    }
    assert_eq!(
        cron("@yearly")
            .occurrences(at("9997-01-01T00:00:00Z"), Tz::UTC, Dst::default())
            .count(),
        2
    );
}

#[test]
fn the_rarest_date_is_found() {
    let monday = at("2072-02-29T00:00:00Z");
    let next = cron("0 0 * 2 MON#5").next_after(monday, Tz::UTC, Dst::default());
    assert_eq!(
        next.map(|slot| slot.at),
        Some(at("2112-02-29T00:00:00Z")),
        "2100 has no such day"
    );
}
