//! Records: slots in a row are one, and none is told of twice.

use std::collections::BTreeSet;

use super::{Case, at, each, rows};
use crate::dependency::Ending;
use crate::schedule::{Catchup, Event, OnExcluded, Overlap, Record, SlotKind, SlotState, Use};

#[test]
fn slots_in_a_row_are_one_record() {
    let mut case = Case::new("every 600")
        .with(|it| it.overlap = Overlap::Skip)
        .begin("2026-01-05 10:00");
    // A run of 10:10 that takes until 10:35; then one of 10:40, and the server is away.
    for (now, expected) in [
        ("10:10", "fire 10:10"),
        ("10:20", "skip 10:20"),
        ("10:30", "skip 10:20..10:30 (2)"),
        ("10:35", "ended"),
        ("10:40", "fire 10:40"),
        ("10:50", "skip 10:50"),
        (
            "12:12",
            "miss 11:00..11:10 (2), miss 11:20..12:00 (5), skip 12:10",
        ),
        ("12:13", "ended"),
        ("12:52", "miss 12:20..12:40 (3), fire 12:50"),
    ] {
        let now = format!("2026-01-05 {now}");
        if expected == "ended" {
            assert_eq!(case.ended(Ending::Completed, &now), "");
        } else {
            assert_eq!(case.due(&now), expected, "at {now}");
        }
    }
}

/// A slot that fires is between those that are skipped, in one decision.
#[test]
fn a_record_does_not_reach_over_a_slot_that_fired() {
    let mut case = Case::new("every 5")
        .with(|it| it.overlap = Overlap::Skip)
        .begin("2026-01-05 10:00");
    assert_eq!(case.due("2026-01-05 10:00:05"), "fire 10:00:05");
    assert_eq!(case.due("2026-01-05 10:00:10"), "skip 10:00:10");
    assert_eq!(case.ended(Ending::Completed, "2026-01-05 10:00:11"), "");
    assert_eq!(case.due("2026-01-05 10:00:20"), "skip 10:00:20, fire 10:00:15");
    assert_eq!(case.due("2026-01-05 10:00:25"), "skip 10:00:20..10:00:25 (2)");
}

/// `overlap_policy` was changed in between.
#[test]
fn a_record_does_not_reach_over_a_slot_that_waits() {
    let mut case = Case::new("every 600")
        .with(|it| it.overlap = Overlap::Skip)
        .begin("2026-01-05 10:00");
    assert_eq!(case.due("2026-01-05 10:10"), "fire 10:10");
    assert_eq!(case.due("2026-01-05 10:20"), "skip 10:20");
    case.definition.overlap = Overlap::BufferAll;
    assert_eq!(case.due("2026-01-05 10:30"), "wait 10:30");
    case.definition.overlap = Overlap::Skip;
    assert_eq!(case.due("2026-01-05 10:40"), "skip 10:40");
}

/// What calendars exclude is told besides: slots are in a row though something excluded is between them.
#[test]
fn what_is_excluded_has_records_of_its_own() {
    let only = r#"{"weekdays": ["MON", "WED"]}"#;
    let mut case = Case::new("0 9 * * *")
        .with(|it| it.catchup = Catchup::None)
        .heeds(Use::Only, only);
    case = case.begin("2026-01-04 10:00");
    let told = |case: &mut Case, now: &str| {
        let records = case.on(Event::Due, now).records;
        let record = |it: Record| {
            format!(
                "{}-{} {} {}",
                &it.slot_at.to_string()[8..10],
                &it.until.to_string()[8..10],
                it.count,
                it.state
            )
        };
        records.into_iter().map(record).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(told(&mut case, "2026-01-05 12:00"), "05-05 1 missed");
    assert_eq!(
        told(&mut case, "2026-01-08 12:00"),
        "06-06 1 skipped, 05-07 2 missed"
    );
    assert_eq!(
        told(&mut case, "2026-01-16 12:00"),
        "08-11 4 skipped, 13-13 1 skipped, 05-14 4 missed"
    );
    assert_eq!(told(&mut case, "2026-01-16 12:00"), "");
}

#[test]
fn a_moved_slot_is_told_of_where_it_was() {
    let case = Case::new("0 9 * * *").moves(OnExcluded::NextBusinessDay);
    let mut case = case.begin("2026-01-02 10:00");
    assert_eq!(case.due("2026-01-05 09:00"), "skip 09:00, skip 09:00, fire 09:00");
    let case = Case::new("0 9 * * SAT").moves(OnExcluded::PreviousBusinessDay);
    let mut case = case.begin("2026-01-01 10:00");
    assert_eq!(case.due("2026-01-02 09:00"), "fire 09:00");
    assert_eq!(case.due("2026-01-09 09:00"), "skip 09:00, fire 09:00");
}

/// Thirty years of weekends are a thousand records at the most.
#[test]
fn there_are_not_more_than_a_thousand_records_of_what_is_excluded() {
    let mut case = Case::new("0 9 * * *")
        .moves(OnExcluded::Skip)
        .begin("2026-01-01 10:00");
    let decision = case.on(Event::Due, "2056-01-03 09:00");
    let (excluded, others): (Vec<&Record>, Vec<&Record>) = decision
        .records
        .iter()
        .partition(|record| record.reason.starts_with("excluded"));
    assert_eq!((excluded.len(), others.len(), decision.fire.len()), (1001, 1, 1));
    let days = at("2056-01-03 09:00").since(at("2026-01-01 09:00")).as_secs() / 86_400;
    let count = |records: Vec<&Record>| records.iter().map(|record| record.count).sum::<u64>();
    assert_eq!(excluded[0].reason, "excluded by calendars");
    assert_eq!(count(excluded) + count(others) + 1, days);
}

/// What fires of the slots from 10:00 to 10:50, and what is left of their record.
const PARTS: &str = "
                                              | 10:00 10:50 6
    10:55; 09:50                              | 10:00 10:50 6
    10:00                                     | 10:10 10:50 5
    10:50                                     | 10:00 10:40 5
    10:20                                     | 10:00 10:10 2; 10:30 10:50 3
    10:20; 10:30                              | 10:00 10:10 2; 10:40 10:50 2
    10:10; 10:40                              | 10:00 10:00 1; 10:20 10:30 2; 10:50 10:50 1
    10:00; 10:10; 10:20; 10:30; 10:40; 10:50  |
";

#[test]
fn a_record_is_taken_apart() {
    let today = |time: &str| at(&format!("2026-01-05 {time}"));
    let record = |text: &str| {
        let [first, last, count] = text.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{text}")
        };
        Record {
            slot_at: today(first),
            until: today(last),
            count: count.parse().unwrap(),
            kind: SlotKind::Cron,
            state: SlotState::Missed,
            reason: "why not".to_owned(),
        }
    };
    let case = Case::new("every 600");
    for [fired, expected] in rows(PARTS) {
        let filled: BTreeSet<_> = each(fired).into_iter().map(today).collect();
        let left = record("10:00 10:50 6").without(&filled, &case.timeline());
        let expected: Vec<Record> = each(expected).into_iter().map(record).collect();
        assert_eq!(left, expected, "without {fired}");
    }
}

/// What is in a row with the dates of a calendar is not with others.
#[test]
fn a_record_does_not_reach_over_a_change_of_a_calendar() {
    let case = Case::new("every 600").with(|it| it.overlap = Overlap::Skip);
    let mut case = case.begin("2026-01-05 10:00");
    assert_eq!(case.due("2026-01-05 10:10"), "fire 10:10");
    assert_eq!(case.due("2026-01-05 10:20"), "skip 10:20");
    let mut schedule = case.schedule.take().unwrap();
    schedule.calendar_changed(&case.timeline(), at("2026-01-05 10:25"));
    case.schedule = Some(schedule);
    assert_eq!(case.due("2026-01-05 10:30"), "skip 10:30");
}
