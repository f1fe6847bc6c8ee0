//! Slots: when they are, and what calendars do to them.

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::{Case, at, each, rows, word};
use crate::schedule::timeline::INSTANT;
use crate::schedule::{OnExcluded, ScheduleDefinition, Use};
use crate::time::Timestamp;

/// The slots after an instant, in local time, with the offset, until it is as many as are expected.
fn slots(case: &Case, after: &str, count: usize) -> Vec<String> {
    let timeline = case.timeline();
    let slots = timeline.after(at(after)).take(count);
    slots
        .map(|slot| timeline.local(slot.at).format("%m-%d %H:%M %:z").to_string())
        .collect()
}

/// Slots, `on_excluded` with the weekend off, after when, and the slots; 2026-01-01 is a Thursday.
const MOVED: &str = "
    0 9 * * *    | skip                  | 2026-01-02 12:00 | 01-05 09:00; 01-06 09:00
    0 9 * * *    | next_business_day     | 2026-01-02 12:00 | 01-05 09:00; 01-06 09:00
    0 9 3 * *    | skip                  | 2026-01-02 12:00 | 02-03 09:00; 03-03 09:00
    0 9 3 * *    | next_business_day     | 2026-01-02 12:00 | 01-05 09:00; 02-03 09:00
    0 9 3 * *    | previous_business_day | 2026-01-01 12:00 | 01-02 09:00; 02-03 09:00
    # Friday's own slot and those of Saturday and Sunday are one.
    0 9 2-4 1 *  | previous_business_day | 2026-01-01 12:00 | 01-02 09:00
    every 86400  | skip                  | 2026-01-02 12:00 | 01-05 00:00; 01-06 00:00
    every 86400  | next_business_day     | 2026-01-02 12:00 | 01-05 00:00; 01-06 00:00
    every 172800 | next_business_day     | 2026-01-01 12:00 | 01-05 00:00; 01-07 00:00; 01-09 00:00
    every 172800 | previous_business_day | 2026-01-01 12:00 | 01-02 00:00; 01-05 00:00; 01-07 00:00
    every 28800  | previous_business_day | 2026-01-02 12:00 | 01-02 16:00; 01-05 00:00
    # From Saturday and Sunday, at times of their own.
    every 61200  | next_business_day     | 2026-01-05 00:00 | 01-05 03:00; 01-05 06:00; 01-05 13:00; 01-05 20:00; 01-05 23:00
    once 2026-01-03 07:00 | skip                  | 2026-01-01 00:00 |
    once 2026-01-03 07:00 | next_business_day     | 2026-01-01 00:00 | 01-05 07:00
    once 2026-01-03 07:00 | previous_business_day | 2026-01-01 00:00 | 01-02 07:00
    # Too late: a slot is not moved to before it was looked for.
    once 2026-01-03 07:00 | previous_business_day | 2026-01-02 07:00 |
";

#[test]
fn slots_are_where_calendars_let_them() {
    for row in rows(MOVED) {
        let [when, on_excluded, after, expected] = row;
        let case = Case::new(when).moves(word(on_excluded));
        let expected: Vec<String> = each(expected)
            .iter()
            .map(|slot| format!("{slot} +00:00"))
            .collect();
        assert_eq!(slots(&case, after, expected.len().max(1)), expected, "{row:?}");
    }
}

/// Slots, zone, the dates of a calendar, and how it is used, `on_excluded`, after when, and the slots.
const CHANGES: &str = r#"
    # In Nuuk the clocks go from Saturday 23:00 to Sunday 00:00: a slot of Saturday, at Sunday's first instant.
    30 23 * * *     | America/Nuuk  | {"weekdays": ["SUN"]} | exclude | skip | 2026-03-28 12:00 | 03-29 00:00 -01:00; 03-30 23:30 -01:00
    0,30 0,23 * * * | America/Nuuk  | {"weekdays": ["SUN"]} | exclude | skip | 2026-03-28 12:00 | 03-29 00:00 -01:00; 03-30 00:00 -01:00
    30 23 * * *     | America/Nuuk  | {"weekdays": ["SAT", "SUN"]} | exclude | skip | 2026-03-28 12:00 | 03-30 23:30 -01:00
    30 23 * * *     | America/Nuuk  | {"weekdays": ["SAT", "SUN"]} | exclude | next_business_day | 2026-03-28 12:00 | 03-30 23:30 -01:00
    # Fixed times in gap and fold of the date to which they are moved.
    30 2 28 * *     | Europe/Berlin | {"weekdays": ["SAT"]} | exclude | next_business_day | 2026-03-27 12:00 | 03-29 03:00 +02:00
    30 2 24 10 *    | Europe/Berlin | {"weekdays": ["SAT"]} | exclude | next_business_day | 2026-10-23 12:00 | 10-25 02:30 +02:00
    # Moved from a fold, both passes come to the same time.
    every 1800      | Europe/Berlin | {"weekdays": ["SUN"]} | exclude | skip | 2026-10-24 21:30 | 10-26 00:00 +01:00; 10-26 00:30 +01:00
    every 3600      | Europe/Berlin | {"weekdays": ["SUN"]} | only | previous_business_day | 2026-10-25 00:30 | 10-25 02:00 +01:00; 10-25 03:00 +01:00
    # Samoa had no 30th: it takes no slots, and has none that could be moved.
    0 9 29 12 *     | Pacific/Apia  | {"dates": ["2011-12-29"]} | exclude | next_business_day | 2011-12-28 00:00 | 12-31 09:00 +14:00
    0 9 30 12 *     | Pacific/Apia  | {"dates": ["2011-12-30"]} | exclude | next_business_day | 2011-12-28 00:00 | 12-30 09:00 +14:00
    once 2011-12-29 19:00 | Pacific/Apia | {"dates": ["2011-12-29"]} | exclude | next_business_day | 2011-12-28 00:00 | 12-31 09:00 +14:00
    # At 00:01 on the 7th the clocks of St. John's went back to 23:01 on the 6th, which is off: not the minute between.
    every 3600      | America/St_Johns | {"dates": ["2010-11-06"]} | exclude | skip | 2010-11-06 12:00 | 11-07 00:30 -03:30; 11-07 01:30 -03:30
    every 60        | America/St_Johns | {"dates": ["2010-11-06"]} | exclude | skip | 2010-11-06 12:00 | 11-07 00:00 -02:30; 11-07 00:00 -03:30
    every 60        | America/St_Johns | {"dates": ["2010-11-07"]} | exclude | skip | 2010-11-07 02:29 | 11-06 23:01 -03:30; 11-06 23:02 -03:30
"#;

#[test]
fn the_clocks_change_on_excluded_dates_too() {
    for row in rows(CHANGES) {
        let [when, zone, dates, used, on_excluded, after, expected] = row;
        let case = Case::new(when)
            .zone(zone.parse().unwrap())
            .heeds(word(used), dates)
            .with(|it| it.on_excluded = word(on_excluded));
        let expected = each(expected);
        assert_eq!(slots(&case, after, expected.len()), expected, "{row:?}");
    }
}

#[test]
fn bounds_hold_of_where_slots_are() {
    use OnExcluded::{NextBusinessDay as Next, PreviousBusinessDay as Previous};
    // Saturday 2026-01-03 is moved to Monday the 5th, or to Friday the 2nd.
    let cases: [(OnExcluded, &str, &str, &[&str]); 8] = [
        (Next, "2026-01-05 09:00", "2026-02-01 00:00", &["01-05 09:00"]),
        (Next, "2026-01-05 09:00:00.000001", "2026-02-01 00:00", &[]),
        (Next, "2026-01-01 00:00", "2026-01-05 09:00", &["01-05 09:00"]),
        (Next, "2026-01-01 00:00", "2026-01-05 08:59:59", &[]),
        (Previous, "2026-01-02 09:00", "2026-02-01 00:00", &["01-02 09:00"]),
        (Previous, "2026-01-02 09:00:01", "2026-02-01 00:00", &[]),
        // Its own time is after the end, that to which it is moved is not.
        (Previous, "2026-01-01 00:00", "2026-01-02 09:00", &["01-02 09:00"]),
        (Previous, "2026-01-01 00:00", "2026-01-02 08:59:59", &[]),
    ];
    for when in ["0 9 3 1 *", "once 2026-01-03 09:00"] {
        for (on_excluded, start, end, expected) in cases {
            let bounds =
                |it: &mut ScheduleDefinition| (it.start_at, it.end_at) = (Some(at(start)), Some(at(end)));
            let case = Case::new(when).moves(on_excluded).with(bounds);
            let expected: Vec<String> = expected.iter().map(|slot| format!("{slot} +00:00")).collect();
            assert_eq!(
                slots(&case, "2025-12-01 00:00", 2),
                expected,
                "`{when}` {on_excluded:?} {start} to {end}"
            );
        }
    }
}

#[test]
fn slots_are_counted_within_the_bounds() {
    // The first and the last date are not whole.
    let cases = [
        ("0 * * * *", "2026-01-01 12:30", "2026-01-04 10:30", 11 + 48 + 11),
        ("every 3600", "2026-01-01 12:30", "2026-01-04 10:30", 11 + 48 + 11),
        ("* * * * * *", "2026-01-01 12:00:01", "2026-01-01 12:00:05", 5),
        ("every 1", "2026-01-01 12:00:01", "2026-01-01 12:00:05", 5),
    ];
    for (when, start, end, count) in cases {
        let bounds =
            |it: &mut ScheduleDefinition| (it.start_at, it.end_at) = (Some(at(start)), Some(at(end)));
        let case = Case::new(when).with(bounds);
        let tally = case
            .timeline()
            .tally(at("2025-12-01 00:00"), at("2026-02-01 00:00"));
        assert_eq!(
            tally.map(|range| range.count),
            Some(count),
            "`{when}` {start} to {end}"
        );
    }
}

#[test]
fn dates_with_a_change_of_the_clocks_are_counted_as_they_are() {
    // Three dates; the clocks change on the first or the second.
    let cases = [
        (Tz::Europe__Berlin, "*/30 * * * *", "2026-03-28", [48, 46, 48]),
        (Tz::Europe__Berlin, "*/30 * * * *", "2026-10-24", [48, 50, 48]),
        (Tz::Europe__Berlin, "0,30 2 * * *", "2026-03-28", [2, 1, 2]),
        (Tz::Europe__Berlin, "0,30 2 * * *", "2026-10-24", [2, 2, 2]),
        (
            Tz::Australia__Lord_Howe,
            "*/10 * * * *",
            "2026-04-04",
            [144, 147, 144],
        ),
        // The gap is from 23:00 to midnight: the date before is an hour short, the one after has what was left out.
        (Tz::America__Nuuk, "30 0,23 * * *", "2026-03-28", [1, 3, 2]),
        (Tz::America__Nuuk, "*/30 * * * *", "2026-03-28", [46, 48, 48]),
        (
            Tz::America__Scoresbysund,
            "59 * * * *",
            "2034-03-25",
            [23, 24, 24],
        ),
        // At 00:01 the clocks go back to 23:01 of the date before.
        (Tz::America__St_Johns, "*/30 * * * *", "2010-11-06", [49, 49, 48]),
    ];
    for (zone, when, first, expected) in cases {
        let case = Case::new(when).zone(zone);
        let timeline = case.timeline();
        let first: NaiveDate = first.parse().unwrap();
        let dates: Vec<NaiveDate> = first.iter_days().take(4).collect();
        let slots = timeline.instants(timeline.begin(first) - INSTANT).take(600);
        let slots: Vec<NaiveDate> = slots.map(|slot| timeline.date(slot.at)).collect();
        let counted = [0, 1, 2].map(|day| slots.iter().filter(|date| **date == dates[day]).count() as u64);
        assert_eq!(counted, expected, "`{when}` in {zone}, one after the other");
        // Where the clocks go back over midnight, dates are not one after the other.
        let least = if zone == Tz::America__St_Johns { 3 } else { 1 };
        for days in least..=3 {
            let tally = timeline.tally(
                timeline.begin(first) - INSTANT,
                timeline.begin(dates[days]) - INSTANT,
            );
            let expected = expected[..days].iter().sum::<u64>();
            assert_eq!(tally.unwrap().count, expected, "`{when}` in {zone}, {days} dates");
        }
    }
}

/// Slots, zone, the dates of a calendar, and how it is used, after when, until when, and what is told.
const EXCLUDED: &str = r#"
    0 9 * * * | UTC | {"weekdays": ["SAT", "SUN"]} | exclude | 2026-01-01 00:00 | 2026-01-06 00:00 | 01-03 09:00..01-03 09:00 (1) excluded by `c0`: Saturday; 01-04 09:00..01-04 09:00 (1) excluded by `c0`: Sunday
    # Mondays are between.
    0 9 * * * | UTC | {"weekdays": ["MON"]} | only | 2026-01-03 00:00 | 2026-01-15 00:00 | 01-03 09:00..01-04 09:00 (2) not in `c0`; 01-06 09:00..01-11 09:00 (6) not in `c0`; 01-13 09:00..01-14 09:00 (2) not in `c0`
    every 60  | UTC | {"weekdays": ["MON"]} | only | 2026-01-03 12:00 | 2026-01-15 00:00 | 01-03 12:01..01-04 23:59 (2159) not in `c0`; 01-06 00:00..01-11 23:59 (8640) not in `c0`; 01-13 00:00..01-15 00:00 (2881) not in `c0`
    once 2026-01-03 07:00 | UTC | {"weekdays": ["SAT", "SUN"]} | exclude | 2026-01-01 00:00 | 2026-01-06 00:00 | 01-03 07:00..01-03 07:00 (1) excluded by `c0`: Saturday
    # Saturday's 23:30 is at Sunday's first instant; so is Sunday's 00:00, which is not a slot any more.
    30 23 * * * | America/Nuuk | {"weekdays": ["SAT"]} | exclude | 2026-03-28 12:00 | 2026-03-30 12:00 | 03-29 00:00..03-29 00:00 (1) excluded by `c0`: Saturday
    0,30 0,23 * * * | America/Nuuk | {"weekdays": ["SUN"]} | exclude | 2026-03-28 12:00 | 2026-03-30 12:00 | 03-29 00:30..03-29 23:30 (3) excluded by `c0`: Sunday
"#;

#[test]
fn what_is_excluded_is_told_in_order_and_not_over_slots() {
    for row in rows(EXCLUDED) {
        let [when, zone, dates, used, after, until, expected] = row;
        let case = Case::new(when)
            .zone(zone.parse().unwrap())
            .heeds(word(used), dates);
        let timeline = case.timeline();
        let local = |at| timeline.local(at).format("%m-%d %H:%M");
        let told = timeline.excluded(at(after), at(until)).into_iter().map(|it| {
            let range = it.range;
            let (first, last) = (local(range.first), local(range.last));
            format!("{first}..{last} ({}) {}", range.count, it.reason)
        });
        assert_eq!(told.collect::<Vec<_>>(), each(expected), "{row:?}");
    }
}

#[test]
fn slots_far_away_are_found() {
    let in_three_years = r#"{"dates": ["2029-05-07", "2093-05-07"]}"#;
    let cases = [
        (Case::new("once 2126-07-01 08:00"), "2126-07-01T08:00:00.000000Z"),
        (
            Case::new("once 2126-07-01 08:00").moves(OnExcluded::Skip),
            "2126-07-01T08:00:00.000000Z",
        ),
        (Case::new("0 0 29 2 */7"), "2032-02-29T00:00:00.000000Z"),
        (
            Case::new("0 9 * * *").heeds(Use::Only, in_three_years),
            "2029-05-07T09:00:00.000000Z",
        ),
        (
            Case::new("every 3600").heeds(Use::Only, in_three_years),
            "2029-05-07T00:00:00.000000Z",
        ),
        (
            Case::new("every 3600")
                .heeds(Use::Only, in_three_years)
                .with(|it| it.on_excluded = OnExcluded::NextBusinessDay),
            "2029-05-07T00:00:00.000000Z",
        ),
        (
            Case::new("every 604800")
                .heeds(Use::Only, in_three_years)
                .with(|it| it.on_excluded = OnExcluded::PreviousBusinessDay),
            "2029-05-07T00:00:00.000000Z",
        ),
        (
            Case::new("every 60").with(|it| it.start_at = Some(at("2200-01-01 00:00:30"))),
            "2200-01-01T00:01:00.000000Z",
        ),
    ];
    for (case, expected) in cases {
        let next = case
            .timeline()
            .next_after(at("2026-01-01 00:00"))
            .map(|slot| slot.at.to_string());
        assert_eq!(next.as_deref(), Some(expected), "{:?}", case.definition.timing);
    }
}

#[test]
fn slots_are_moved_a_year_at_most() {
    let cases = [
        (OnExcluded::NextBusinessDay, "2026-01-01", 1),
        (OnExcluded::NextBusinessDay, "2025-12-31", 0),
        (OnExcluded::PreviousBusinessDay, "2028-01-03", 1),
        (OnExcluded::PreviousBusinessDay, "2028-01-04", 0),
    ];
    for (on_excluded, date, count) in cases {
        let when = format!("once {date} 10:00");
        let case = Case::new(&when).heeds(Use::Only, r#"{"dates": ["2027-01-02"]}"#);
        let case = case.with(|it| it.on_excluded = on_excluded);
        assert_eq!(
            slots(&case, "2026-12-01 00:00", 1).len(),
            count,
            "`{when}` {on_excluded:?}"
        );
    }
    // Days of a leap year: it begins 367 days before the only date.
    let case = Case::new("0 10 1 1 *").heeds(Use::Only, r#"{"dates": ["2029-01-02"]}"#);
    let case = case.with(|it| it.on_excluded = OnExcluded::NextBusinessDay);
    let slot = case.timeline().next_after(at("2027-06-01 00:00")).unwrap();
    assert_eq!(slot.note.as_deref(), Some("moved from 2029-01-01, not in `c0`"));
    let case = Case::new("0 10 1 1 */7").heeds(Use::Only, r#"{"dates": ["2029-01-01"]}"#);
    let case = case.with(|it| it.on_excluded = OnExcluded::NextBusinessDay);
    assert_eq!(
        slots(&case, "2027-06-01 00:00", 1).len(),
        0,
        "2023 had the last Sunday"
    );
}

#[test]
fn a_slot_says_what_is_special_about_it() {
    let holiday = r#"{"dates": [{"date": "2026-04-03", "name": "Good Friday"}]}"#;
    let cases = [
        (Case::new("0 9 * * *"), "2026-01-01 00:00", None),
        (
            Case::new("30 2 * * *").zone(Tz::Europe__Berlin),
            "2026-03-28 12:00",
            Some("after the gap"),
        ),
        (
            Case::new("30 2 * * *").zone(Tz::Europe__Berlin),
            "2026-10-24 12:00",
            Some("in the first pass"),
        ),
        (
            Case::new("0 9 3 4 *")
                .heeds(Use::Exclude, holiday)
                .with(|it| it.on_excluded = OnExcluded::NextBusinessDay),
            "2026-01-01 00:00",
            Some("moved from 2026-04-03, excluded by `c0`: Good Friday"),
        ),
        // It would be there in any case.
        (
            Case::new("0 9 3,4 4 *")
                .heeds(Use::Exclude, holiday)
                .with(|it| it.on_excluded = OnExcluded::NextBusinessDay),
            "2026-01-01 00:00",
            None,
        ),
        (
            Case::new("every 86400").moves(OnExcluded::NextBusinessDay),
            "2026-01-02 12:00",
            None,
        ),
        (
            Case::new("every 172800").moves(OnExcluded::PreviousBusinessDay),
            "2026-01-01 12:00",
            Some("moved from 2026-01-03, excluded by `c0`: Saturday"),
        ),
    ];
    for (case, after, expected) in cases {
        let slot = case.timeline().next_after(at(after)).unwrap();
        assert_eq!(slot.note.as_deref(), expected, "{:?}", case.definition);
    }
}

/// There are slots in the years 1 to 9999.
#[test]
fn time_ends_with_the_year_9999() {
    let last = at("9999-12-31 23:59:59");
    for when in ["0 9 * * *", "every 3600", "once 9999-12-31 23:00"] {
        for on_excluded in [OnExcluded::Skip, OnExcluded::NextBusinessDay] {
            let case = Case::new(when)
                .zone(chrono_tz::Tz::America__Havana)
                .moves(on_excluded);
            let timeline = case.timeline();
            assert_eq!(timeline.next_after(last), None, "`{when}`");
            let left = timeline.after(at("9999-12-30 12:00")).count() as u64;
            let tally = timeline.tally(at("9999-12-30 12:00"), Timestamp::from_micros(i64::MAX));
            assert_eq!(tally.map_or(0, |range| range.count), left, "`{when}`");
            assert!(
                timeline
                    .excluded(last, Timestamp::from_micros(i64::MAX))
                    .is_empty(),
                "`{when}`"
            );
        }
    }
    let case = Case::new("every 86400");
    let first = case
        .timeline()
        .next_after(Timestamp::from_micros(i64::MIN))
        .unwrap();
    assert_eq!(first.at, at("0001-01-01 00:00"));
}
