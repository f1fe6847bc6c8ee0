//! What whoever makes a schedule says: as it is stored, what is wrong with it, and in words.

use chrono_tz::Tz;

use super::{Case, at, define};
use crate::cron::{Dst, DstFold, DstGap};
use crate::schedule::{
    Catchup, Event, OnExcluded, Overlap, Schedule, ScheduleDefinition, SlotKind, SlotState, Standing, Timing,
    Use,
};

/// What is left at its default is left out.
#[test]
fn a_definition_is_stored_as_short_as_it_is() {
    let fires = r#""fires":{"task":{"task":{"task_type":"report","capability":"report:v1"},"input":"{}"}}"#;
    let cases = [
        (
            define("30 2 * * *"),
            format!(r#"{{"timing":{{"cron":"30 2 * * *"}},{fires}}}"#),
        ),
        (
            define("every 600"),
            format!(r#"{{"timing":{{"interval":{{"seconds":600,"anchor_at":1767225600000000}}}},{fires}}}"#),
        ),
        (
            define("once 2026-01-01 00:00"),
            format!(r#"{{"timing":{{"once":1767225600000000}},{fires}}}"#),
        ),
    ];
    for (definition, expected) in cases {
        let json = serde_json::to_string(&definition).unwrap();
        assert_eq!(json, expected);
        assert_eq!(
            serde_json::from_str::<ScheduleDefinition>(&json).unwrap(),
            definition
        );
    }
}

#[test]
fn a_definition_reads_back_whole() {
    let case = Case::new("0 0 9 * * MON-FRI")
        .zone(Tz::Asia__Tokyo)
        .heeds(Use::Only, "{}")
        .heeds(Use::Exclude, "{}");
    let full = case.with(|it| {
        it.start_at = Some(at("2026-01-01 00:00"));
        it.end_at = Some(at("2027-01-01 00:00"));
        it.max_runs = Some(u64::MAX);
        it.jitter_seconds = 5;
        it.dst = Dst {
            gap: DstGap::Skip,
            fold: DstFold::Both,
        };
        it.on_excluded = OnExcluded::PreviousBusinessDay;
        it.overlap = Overlap::CancelOther;
        it.catchup = Catchup::All;
        it.catchup_window_seconds = 0;
        it.pause_after_failures = Some(3);
    });
    let json = serde_json::to_string(&full.definition).unwrap();
    assert_eq!(
        serde_json::from_str::<ScheduleDefinition>(&json).unwrap(),
        full.definition,
        "{json}"
    );
    for word in [
        "Asia/Tokyo",
        "only",
        "exclude",
        "previous_business_day",
        "cancel_other",
        r#""catchup":"all""#,
        "both",
    ] {
        assert!(json.contains(word), "`{word}` in {json}");
    }
    for wrong in [
        json.replace("Asia/Tokyo", "Asia/Tokio"),
        json.replace("MON-FRI", "MON-FRY"),
    ] {
        serde_json::from_str::<ScheduleDefinition>(&wrong).expect_err(&wrong);
    }
}

#[test]
fn how_it_stands_is_stored_as_short_as_it_is() {
    let mut case = Case::new("every 600")
        .with(|it| it.overlap = Overlap::Skip)
        .begin("2026-01-01 00:00");
    let new = r#"{"standing":"active","decided_until":1767225600000000,"next_at":1767226200000000,"due_at":1767226200000000,"fired":0,"total_runs":0,"successful_runs":0,"failed_runs":0}"#;
    assert_eq!(serde_json::to_string(case.now()).unwrap(), new);
    case.due("2026-01-01 00:10");
    case.due("2026-01-01 00:20");
    case.on(Event::RunNow, "2026-01-01 00:21");
    case.on(
        Event::Pause {
            reason: "why not".to_owned(),
        },
        "2026-01-01 00:22",
    );
    let json = serde_json::to_string(case.now()).unwrap();
    assert_eq!(
        serde_json::from_str::<Schedule>(&json).unwrap(),
        *case.now(),
        "{json}"
    );
}

#[test]
fn all_that_is_wrong_is_told() {
    type Change = fn(&mut ScheduleDefinition);
    let cases: [(&str, Change, &[&str]); 16] = [
        ("every 600", |_| (), &[]),
        ("every 1", |_| (), &[]),
        ("every 31536000", |_| (), &[]),
        ("every 0", |_| (), &["interval_seconds: must be 1 to 31536000"]),
        (
            "every 31536001",
            |_| (),
            &["interval_seconds: must be 1 to 31536000"],
        ),
        (
            "* * * * *",
            |it| it.jitter_seconds = 86_401,
            &["jitter_seconds: must be 0 to 86400"],
        ),
        (
            "* * * * *",
            |it| it.catchup_window_seconds = 31_536_001,
            &["catchup_window_seconds: must be 0 to 31536000"],
        ),
        (
            "* * * * *",
            |it| it.max_runs = Some(0),
            &["max_runs: must be at least 1"],
        ),
        (
            "* * * * *",
            |it| it.pause_after_failures = Some(0),
            &["pause_after_failures: must be at least 1"],
        ),
        (
            "* * * * *",
            |it| (it.start_at, it.end_at) = (Some(at("2026-01-02 00:00")), Some(at("2026-01-01 00:00"))),
            &["end_at: is before start_at, 2026-01-02T00:00:00.000000Z"],
        ),
        (
            "* * * * *",
            |it| (it.start_at, it.end_at) = (Some(at("2026-01-02 00:00")), Some(at("2026-01-02 00:00"))),
            &[],
        ),
        (
            "every 3599",
            |it| it.on_excluded = OnExcluded::NextBusinessDay,
            &["on_excluded: slots of an interval below 3600 seconds are not moved, only skipped"],
        ),
        (
            "every 3600",
            |it| it.on_excluded = OnExcluded::NextBusinessDay,
            &[],
        ),
        (
            "* * * * * *",
            |it| it.on_excluded = OnExcluded::NextBusinessDay,
            &[],
        ),
        (
            "* * * * *",
            |it| it.calendars = vec![it.calendars[0]; 2],
            &["calendars[1]: cal_0190a1b2c3d47e5f8a9b0c1d2e3f4a00 is named twice"],
        ),
        (
            "every 0",
            |it| it.max_runs = Some(0),
            &[
                "interval_seconds: must be 1 to 31536000",
                "max_runs: must be at least 1",
            ],
        ),
    ];
    for (when, change, expected) in cases {
        let case = Case::new(when).heeds(Use::Exclude, "{}").with(change);
        let faults = case.definition.check().err().unwrap_or_default();
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(faults, expected, "`{when}`");
    }
    let mut case = Case::new("* * * * *");
    for _ in 0..11 {
        case = case.heeds(Use::Exclude, "{}");
    }
    assert_eq!(
        case.definition.check().unwrap_err()[0].to_string(),
        "calendars: at most 10"
    );
    let mut definition = define("* * * * *");
    if let crate::schedule::Fires::Task { task, .. } = &mut definition.fires {
        (task.priority, task.timeout_seconds, task.max_retries) = (Some(11), Some(0), Some(11));
    }
    let faults = definition.check().unwrap_err();
    let fields: Vec<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(fields, ["priority", "timeout_seconds", "max_retries"]);
}

/// What was never checked does no harm.
#[test]
fn an_interval_of_no_length_is_one_of_a_second() {
    let case = Case::new("every 0");
    let slots: Vec<_> = case
        .timeline()
        .after(at("2026-01-05 10:00"))
        .take(2)
        .map(|slot| slot.at)
        .collect();
    assert_eq!(slots, [at("2026-01-05 10:00:01"), at("2026-01-05 10:00:02")]);
    let tally = case
        .timeline()
        .tally(at("2026-01-05 10:00"), at("2026-01-05 10:01"));
    assert_eq!(tally.map(|range| range.count), Some(60));
}

#[test]
fn slots_of_a_short_interval_are_not_moved() {
    let case = Case::new("every 1800").moves(OnExcluded::NextBusinessDay);
    let next = case.timeline().next_after(at("2026-01-02 23:30")).unwrap();
    assert_eq!((next.at, next.note), (at("2026-01-05 00:00"), None));
}

#[test]
fn what_does_not_move_slots_is_no_change_of_them() {
    type Change = fn(&mut ScheduleDefinition);
    let cases: [(Change, bool); 12] = [
        (|_| (), true),
        (|it| it.overlap = Overlap::Skip, true),
        (|it| it.catchup = Catchup::All, true),
        (|it| it.catchup_window_seconds = 1, true),
        (|it| it.pause_after_failures = Some(1), true),
        (|it| it.timing = Timing::Once(at("2026-01-01 00:00")), false),
        (|it| it.timezone = Tz::Asia__Tokyo, false),
        (|it| it.start_at = Some(at("2026-01-01 00:00")), false),
        (|it| it.end_at = Some(at("2027-01-01 00:00")), false),
        (|it| it.jitter_seconds = 1, false),
        (|it| it.dst.gap = DstGap::Skip, false),
        (|it| it.on_excluded = OnExcluded::NextBusinessDay, false),
    ];
    for (index, (change, expected)) in cases.into_iter().enumerate() {
        let (old, mut new) = (define("* * * * *"), define("* * * * *"));
        change(&mut new);
        assert_eq!(
            (old.has_slots_of(&new), new.has_slots_of(&old)),
            (expected, expected),
            "change {index}"
        );
    }
}

#[test]
fn a_schedule_is_told_in_words() {
    for (when, expected) in [
        ("30 2 * * *", "at 02:30 every day, UTC"),
        ("every 1", "every second"),
        ("every 90", "every 90 seconds"),
        ("every 60", "every minute"),
        ("every 5400", "every 90 minutes"),
        ("every 3600", "every hour"),
        ("every 7200", "every 2 hours"),
        ("every 86400", "every day"),
        ("every 604800", "every 7 days"),
        ("once 2026-01-01 00:00", "once, at 2026-01-01T00:00:00.000000Z"),
    ] {
        assert_eq!(define(when).describe(), expected, "`{when}`");
    }
}

#[test]
fn words_read_back() {
    for kind in [SlotKind::Cron, SlotKind::RunNow, SlotKind::Backfill] {
        assert_eq!(kind.to_string().parse(), Ok(kind));
        assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
    }
    for state in [
        SlotState::Fired,
        SlotState::Skipped,
        SlotState::Missed,
        SlotState::Buffered,
        SlotState::Dropped,
    ] {
        assert_eq!(state.to_string().parse(), Ok(state));
        assert_eq!(serde_json::to_string(&state).unwrap(), format!("\"{state}\""));
    }
    for standing in [Standing::Active, Standing::Paused, Standing::Ended] {
        assert_eq!(
            serde_json::to_string(&standing).unwrap(),
            format!("\"{}\"", standing.as_str())
        );
    }
    assert_eq!(
        "Fired".parse::<SlotState>().unwrap_err().to_string(),
        "`Fired` is not a state of a slot"
    );
    let long = "x".repeat(100).parse::<SlotKind>().unwrap_err().to_string();
    assert_eq!(long, format!("`{}` is not a kind of slot", "x".repeat(64)));
}
