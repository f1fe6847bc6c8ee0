//! What people do with schedules.

use super::{Case, at, id, tell};
use crate::dependency::Ending;
use crate::schedule::{Catchup, Event, Overlap, Refusal, Schedule, Standing};

fn pause() -> Event {
    Event::Pause {
        reason: "somebody wants it".to_owned(),
    }
}

fn changed() -> Event {
    Event::Changed {
        reason: "it was changed".to_owned(),
    }
}

#[test]
fn a_schedule_without_slots_is_refused() {
    for (when, now) in [
        ("once 2026-01-05 10:00", "2026-01-05 10:00"),
        ("once 2026-01-05 10:00", "2026-01-05 10:01"),
        ("0 0 29 2 *", "9999-01-01 00:00"),
    ] {
        let case = Case::new(when);
        assert_eq!(
            Schedule::new(id(), &case.timeline(), at(now)),
            Err(Refusal::NoSlot),
            "`{when}` at {now}"
        );
    }
    let case = Case::new("every 60").with(|it| it.end_at = Some(at("2026-01-05 10:00")));
    assert!(Schedule::new(id(), &case.timeline(), at("2026-01-05 09:59:30")).is_ok());
    assert_eq!(
        Schedule::new(id(), &case.timeline(), at("2026-01-05 10:00")),
        Err(Refusal::NoSlot)
    );
}

#[test]
fn it_begins_with_the_first_slot_after_it_was_made() {
    for (when, start, expected) in [
        ("every 600", None, "2026-01-05 10:10"),
        ("0 10 * * *", None, "2026-01-06 10:00"),
        ("every 600", Some("2026-01-05 09:00"), "2026-01-05 10:10"),
        ("every 600", Some("2026-01-05 12:00"), "2026-01-05 12:00"),
        ("every 600", Some("2026-01-05 12:00:01"), "2026-01-05 12:10"),
    ] {
        let case = Case::new(when)
            .with(|it| it.start_at = start.map(at))
            .begin("2026-01-05 10:00");
        assert_eq!(case.now().next_at, Some(at(expected)), "`{when}` from {start:?}");
    }
}

#[test]
fn it_ends_with_its_last_slot() {
    let mut case = Case::new("every 600").with(|it| it.end_at = Some(at("2026-01-05 10:20")));
    case = case.begin("2026-01-05 10:00");
    assert_eq!(case.due("2026-01-05 10:10"), "fire 10:10");
    assert_eq!(case.now().standing, Standing::Active);
    assert_eq!(case.due("2026-01-05 10:20"), "fire 10:20");
    assert_eq!((case.now().standing, case.now().next_at), (Standing::Ended, None));
    assert_eq!(case.now().reason.as_deref(), Some("it has no further slot"));
    let resumed =
        case.schedule
            .clone()
            .unwrap()
            .on(id(), &case.timeline(), Event::Resume, at("2026-01-05 10:21"));
    assert_eq!(resumed, Err(Refusal::Ended("it has no further slot".to_owned())));
    // It goes on if it is changed.
    case.definition.end_at = Some(at("2026-01-05 11:00"));
    assert_eq!(tell(&case.on(changed(), "2026-01-05 10:35")), "");
    assert_eq!(
        (case.now().standing, case.now().next_at),
        (Standing::Active, Some(at("2026-01-05 10:40")))
    );
    assert_eq!(case.now().reason, None);
}

#[test]
fn a_paused_schedule_misses_nothing() {
    let mut case = Case::new("every 600").begin("2026-01-05 10:00");
    // What had come before it was paused, but had not fired, is told of.
    assert_eq!(
        tell(&case.on(pause(), "2026-01-05 10:20:05")),
        "skip 10:10..10:20 (2)"
    );
    assert_eq!(
        (case.now().standing, case.now().next_at, case.now().due_at),
        (Standing::Paused, None, None)
    );
    assert_eq!(tell(&case.on(pause(), "2026-01-05 10:35")), "");
    assert_eq!(case.due("2026-01-05 10:45"), "");
    assert_eq!(tell(&case.on(Event::Resume, "2026-01-05 10:50")), "");
    assert_eq!(case.now().next_at, Some(at("2026-01-05 11:00")));
    assert_eq!(tell(&case.on(Event::Resume, "2026-01-05 10:55")), "");
    assert_eq!(case.due("2026-01-05 11:00"), "fire 11:00");
}

#[test]
fn what_waits_is_held_while_it_is_paused() {
    let mut case = Case::new("every 600")
        .with(|it| it.overlap = Overlap::BufferAll)
        .begin("2026-01-05 10:00");
    assert_eq!(case.due("2026-01-05 10:10"), "fire 10:10");
    assert_eq!(case.due("2026-01-05 10:20"), "wait 10:20");
    assert_eq!(tell(&case.on(pause(), "2026-01-05 10:25")), "");
    assert_eq!(case.ended(Ending::Completed, "2026-01-05 10:26"), "");
    assert_eq!((case.now().open_runs, case.now().buffered), (0, 1));
    assert_eq!(tell(&case.on(Event::Resume, "2026-01-05 10:27")), "release");
    assert_eq!((case.now().open_runs, case.now().buffered), (1, 0));
}

#[test]
fn failures_in_a_row_pause_it() {
    let mut case = Case::new("every 60")
        .with(|it| it.pause_after_failures = Some(2))
        .begin("2026-01-05 10:00");
    let cases = [
        (Ending::Failed, 1, Standing::Active),
        (Ending::Completed, 0, Standing::Active),
        (Ending::Failed, 1, Standing::Active),
        // Neither a success nor a failure.
        (Ending::Cancelled, 1, Standing::Active),
        (Ending::NotNeeded, 1, Standing::Active),
        (Ending::Failed, 2, Standing::Paused),
    ];
    for (index, (ending, failures, standing)) in cases.into_iter().enumerate() {
        let now = format!("2026-01-05 10:0{}", index + 1);
        assert_eq!(case.due(&now), format!("fire 10:0{}", index + 1));
        case.ended(ending, &now);
        assert_eq!(
            (case.now().failures_in_a_row, case.now().standing),
            (failures, standing),
            "after {ending:?}"
        );
    }
    assert_eq!(case.now().reason.as_deref(), Some("2 runs in a row failed"));
    let counts = (
        case.now().total_runs,
        case.now().successful_runs,
        case.now().failed_runs,
    );
    assert_eq!(counts, (6, 1, 3));
    case.on(Event::Resume, "2026-01-05 11:55");
    assert_eq!(
        (case.now().failures_in_a_row, case.now().standing),
        (0, Standing::Active)
    );
}

/// The slot of 10:20 had come when the run of 10:10 failed, but nobody had looked.
#[test]
fn a_slot_that_comes_as_failures_pause_it_is_told_of() {
    let mut case = Case::new("every 600")
        .with(|it| it.pause_after_failures = Some(1))
        .begin("2026-01-05 10:00");
    assert_eq!(case.due("2026-01-05 10:10"), "fire 10:10");
    assert_eq!(case.ended(Ending::Failed, "2026-01-05 10:20:00.1"), "skip 10:20");
    assert_eq!(case.now().decided_until, at("2026-01-05 10:20:00.1"));
}

#[test]
fn what_was_pending_when_it_changed_is_told_of() {
    // (jitter, when it is changed, what becomes of it): with jitter, its time has come and yet it is not due.
    for (jitter, now, expected, next) in [
        (0, "2026-01-05 10:05", "", "2026-01-05 10:10"),
        (0, "2026-01-05 10:10", "skip 10:10", "2026-01-05 10:20"),
        (0, "2026-01-05 10:12", "skip 10:10", "2026-01-05 10:20"),
        (
            600,
            "2026-01-05 10:10:00.000001",
            "skip 10:10",
            "2026-01-05 10:20",
        ),
        // What came later is not known any more.
        (0, "2026-01-05 10:32", "skip 10:10", "2026-01-05 10:40"),
        // The clock has gone back.
        (0, "2026-01-05 09:00", "", "2026-01-05 10:10"),
    ] {
        let mut case = Case::new("every 600")
            .with(|it| it.jitter_seconds = jitter)
            .begin("2026-01-05 10:00");
        assert_eq!(
            tell(&case.on(changed(), now)),
            expected,
            "jitter {jitter} at {now}"
        );
        assert_eq!(case.now().next_at, Some(at(next)), "jitter {jitter} at {now}");
    }
}

#[test]
fn a_change_does_not_look_back() {
    let mut case = Case::new("0 12 * * *")
        .with(|it| it.catchup = Catchup::All)
        .begin("2026-01-05 10:00");
    case.definition = super::define("every 600");
    assert_eq!(tell(&case.on(changed(), "2026-01-05 11:05")), "");
    assert_eq!(case.due("2026-01-05 11:10"), "fire 11:10");
    // One that is paused stays so.
    case.on(pause(), "2026-01-05 11:11");
    case.on(changed(), "2026-01-05 11:12");
    assert_eq!(
        (case.now().standing, case.now().next_at),
        (Standing::Paused, None)
    );
}

#[test]
fn a_clock_that_goes_back_fires_nothing_twice() {
    let mut case = Case::new("every 600").begin("2026-01-05 10:00");
    assert_eq!(case.due("2026-01-05 10:10:01"), "fire 10:10");
    assert_eq!(case.due("2026-01-05 09:00"), "");
    assert_eq!(case.due("2026-01-05 10:10:01"), "");
    assert_eq!(tell(&case.on(pause(), "2026-01-05 09:30")), "");
    assert_eq!(tell(&case.on(Event::Resume, "2026-01-05 09:31")), "");
    assert_eq!(case.now().decided_until, at("2026-01-05 10:10"));
    assert_eq!(case.due("2026-01-05 10:20"), "fire 10:20");
}

/// The end of a run does not ask for calendars.
#[test]
fn a_pause_without_calendars_tells_of_the_next_slot_only() {
    let begin = || {
        let case = Case::new("0 * * * *").heeds(crate::schedule::Use::Exclude, super::WEEKEND);
        case.with(|it| it.pause_after_failures = Some(1))
            .begin("2026-01-02 20:59")
    };
    let mut case = begin();
    assert_eq!(case.due("2026-01-02 21:00"), "fire 21:00");
    case.calendars.clear();
    assert_eq!(case.ended(Ending::Failed, "2026-01-03 12:30"), "skip 22:00");
    let mut case = begin();
    assert_eq!(
        tell(&case.on(pause(), "2026-01-03 12:30")),
        "skip 00:00..12:00 (13), skip 21:00..23:00 (3)"
    );
}

#[test]
fn a_changed_calendar_does_not_look_back() {
    use crate::schedule::Use::Exclude;
    let day_off = |day: u32| format!(r#"{{"dates": ["2026-01-{day:02}"]}}"#);
    // The slots of Monday the 5th at 9:00 and 10:00; (jitter, off at first, when another day is instead, which, what
    // becomes of them after that at 10:30, and next).
    let cases = [
        (
            0,
            6,
            "2026-01-05 08:00",
            7,
            "miss 09:00, fire 10:00",
            "2026-01-05 11:00",
        ),
        (0, 6, "2026-01-05 08:00", 5, "", "2026-01-06 00:00"),
        // Off when its time came: not looked for again.
        (0, 5, "2026-01-05 09:30", 6, "fire 10:00", "2026-01-05 11:00"),
        // Its time had come, but it had not fired.
        (3600, 6, "2026-01-05 09:00:01", 5, "", "2026-01-06 00:00"),
        (
            3600,
            6,
            "2026-01-05 09:00:01",
            7,
            "miss 09:00, fire 10:00",
            "2026-01-05 11:00",
        ),
    ];
    for (jitter, off, since, instead, expected, next) in cases {
        let case = Case::new("0 * * * *")
            .heeds(Exclude, &day_off(off))
            .with(|it| it.jitter_seconds = jitter);
        let mut case = case.begin("2026-01-05 08:00");
        case.definition.calendars.clear();
        case.calendars.clear();
        let mut case = case.heeds(Exclude, &day_off(instead));
        let mut schedule = case.schedule.take().unwrap();
        schedule.calendar_changed(&case.timeline(), at(since));
        case.schedule = Some(schedule);
        let now = "2026-01-05 10:59:59";
        let told = case.due(now);
        let told: Vec<&str> = told
            .split(", ")
            .filter(|it| !it.starts_with("skip") && !it.is_empty())
            .collect();
        assert_eq!(
            told.join(", "),
            expected,
            "jitter {jitter}, the {off}th off, since {since} the {instead}th"
        );
        assert_eq!(
            case.now().next_at,
            Some(at(next)),
            "jitter {jitter}, the {off}th off, since {since} the {instead}th"
        );
    }
}

/// It has ended, for all its dates were off; or because as many have fired as shall.
#[test]
fn a_changed_calendar_may_let_it_go_on() {
    for (most, standing) in [(None, Standing::Active), (Some(1), Standing::Ended)] {
        let bounds = |it: &mut crate::schedule::ScheduleDefinition| {
            it.end_at = Some(at("2026-01-06 23:00"));
            it.max_runs = most;
        };
        let case =
            Case::new("0 9 * * *").heeds(crate::schedule::Use::Exclude, r#"{"dates": ["2026-01-06"]}"#);
        let mut case = case.with(bounds).begin("2026-01-05 08:00");
        assert_eq!(case.due("2026-01-05 09:00"), "fire 09:00");
        assert_eq!(case.now().standing, Standing::Ended);
        case.definition.calendars.clear();
        let mut schedule = case.schedule.take().unwrap();
        schedule.calendar_changed(&case.timeline(), at("2026-01-05 12:00"));
        case.schedule = Some(schedule);
        assert_eq!(case.due("2026-01-05 12:01"), "");
        assert_eq!(case.now().standing, standing, "{most:?}");
    }
}
