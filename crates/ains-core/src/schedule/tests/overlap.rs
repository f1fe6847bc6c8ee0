//! Slots whose time comes while a run is unfinished.

use super::{Case, tell};
use crate::dependency::Ending;
use crate::schedule::{Catchup, Event, Overlap, SlotState};

/// With one run of 10:10 that is unfinished if `open`, and the slot of 10:20 that waits if `waits`.
fn standing(overlap: Overlap, open: bool, waits: bool) -> Case {
    let mut case = Case::new("every 600")
        .with(|it| {
            it.overlap = if waits { Overlap::BufferAll } else { overlap };
            it.catchup = Catchup::All;
        })
        .begin("2026-01-05 10:00");
    assert_eq!(case.due("2026-01-05 10:10"), "fire 10:10");
    if waits {
        assert_eq!(case.due("2026-01-05 10:20"), "wait 10:20");
    } else if !open {
        assert_eq!(case.ended(Ending::Completed, "2026-01-05 10:11"), "");
    }
    case.definition.overlap = overlap;
    case
}

#[test]
fn overlap_is_decided_slot_by_slot() {
    use Overlap::{AllowAll, BufferAll, BufferOne, CancelOther, Skip};
    // At 10:30 with nothing unfinished, one run, one run and one that waits; and three slots at once.
    let cases: [(Overlap, [&str; 3], &str, &str); 5] = [
        (
            AllowAll,
            ["fire 10:20", "fire 10:20", "fire 10:30"],
            "fire 10:20 10:30 10:40",
            "fire 10:20 10:30 10:40",
        ),
        (
            Skip,
            ["fire 10:20", "skip 10:20", "skip 10:30"],
            "skip 10:30..10:40 (2), fire 10:20",
            "skip 10:20..10:40 (3)",
        ),
        (
            BufferOne,
            ["fire 10:20", "wait 10:20", "drop, wait 10:30"],
            "drop, dropped 10:30, wait 10:40, fire 10:20",
            "drop, dropped 10:20..10:30 (2), wait 10:40",
        ),
        (
            BufferAll,
            ["fire 10:20", "wait 10:20", "wait 10:30"],
            "wait 10:30, wait 10:40, fire 10:20",
            "wait 10:20, wait 10:30, wait 10:40",
        ),
        (
            CancelOther,
            ["fire 10:20", "cancel, fire 10:20", "drop, cancel, fire 10:30"],
            "skip 10:20..10:30 (2), fire 10:40",
            "cancel, skip 10:20..10:30 (2), fire 10:40",
        ),
    ];
    for (overlap, [free, busy, waits], three, three_busy) in cases {
        let at = |open, waits, now| standing(overlap, open, waits).due(now);
        assert_eq!(
            at(false, false, "2026-01-05 10:20"),
            free,
            "{overlap:?}, nothing is unfinished"
        );
        assert_eq!(
            at(true, false, "2026-01-05 10:20"),
            busy,
            "{overlap:?}, a run is unfinished"
        );
        assert_eq!(
            at(true, true, "2026-01-05 10:30"),
            waits,
            "{overlap:?}, and another waits"
        );
        assert_eq!(
            at(false, false, "2026-01-05 10:40"),
            three,
            "{overlap:?}, three at once"
        );
        assert_eq!(
            at(true, false, "2026-01-05 10:40"),
            three_busy,
            "{overlap:?}, three at once, a run is unfinished"
        );
    }
}

#[test]
fn a_run_that_ends_lets_the_oldest_begin() {
    let mut case = standing(Overlap::BufferAll, true, true);
    assert_eq!(case.due("2026-01-05 10:30"), "wait 10:30");
    assert_eq!((case.now().open_runs, case.now().buffered), (1, 2));
    for left in [1, 0] {
        assert_eq!(case.ended(Ending::Failed, "2026-01-05 10:31"), "release");
        assert_eq!((case.now().open_runs, case.now().buffered), (1, left));
    }
    assert_eq!(case.ended(Ending::Cancelled, "2026-01-05 10:32"), "");
    assert_eq!(
        (case.now().open_runs, case.now().buffered, case.now().fired),
        (0, 0, 3)
    );
}

#[test]
fn what_was_forgotten_is_not_waited_for() {
    let mut case = standing(Overlap::BufferAll, true, true);
    assert_eq!(tell(&case.on(Event::Forgotten(1), "2026-01-05 10:21")), "");
    assert_eq!(case.ended(Ending::Completed, "2026-01-05 10:22"), "");
    // One of two: the other is let begin.
    let mut case = standing(Overlap::BufferAll, true, true);
    assert_eq!(case.due("2026-01-05 10:30"), "wait 10:30");
    let mut schedule = case.schedule.take().unwrap();
    let ended = schedule.on(
        super::id(),
        &case.timeline(),
        Event::RunEnded(Ending::Completed),
        super::at("2026-01-05 10:31"),
    );
    assert!(ended.unwrap().release, "but it is not found");
    case.schedule = Some(schedule);
    assert_eq!(tell(&case.on(Event::Forgotten(1), "2026-01-05 10:31")), "release");
    assert_eq!((case.now().open_runs, case.now().buffered), (1, 0));
    // More than there are.
    assert_eq!(tell(&case.on(Event::Forgotten(7), "2026-01-05 10:31")), "");
}

#[test]
fn a_thousand_slots_wait_at_most() {
    let mut case = Case::new("every 1")
        .with(|it| {
            it.overlap = Overlap::BufferAll;
            it.catchup = Catchup::All;
        })
        .begin("2026-01-05 10:00");
    assert_eq!(case.due("2026-01-05 10:00:01"), "fire 10:00:01");
    let waits = case.on(Event::Due, "2026-01-05 10:16:00");
    assert_eq!(
        waits
            .records
            .iter()
            .filter(|record| record.state == SlotState::Buffered)
            .count(),
        959
    );
    let more = case.on(Event::Due, "2026-01-05 10:17:01");
    assert_eq!(
        more.records
            .iter()
            .filter(|record| record.state == SlotState::Buffered)
            .count(),
        41
    );
    // The rest is one record, which grows.
    assert_eq!(
        tell(&more).rsplit(", ").next(),
        Some("dropped 10:16:42..10:17:01 (20)")
    );
    assert_eq!(case.due("2026-01-05 10:17:05"), "dropped 10:16:42..10:17:05 (24)");
    assert_eq!(case.now().buffered, 1000);
}

/// Runs that somebody asks for do not count for `max_runs`; slots that wait do.
#[test]
fn max_runs_are_slots_that_fire() {
    use Overlap::{AllowAll, BufferAll, BufferOne, CancelOther, Skip};
    // Two in all; at 10:10, at 10:20 and 10:30 with the first unfinished; then it ends, and each that follows.
    let cases: [(Overlap, [&str; 3], &[&str]); 5] = [
        (AllowAll, ["fire 10:10", "fire 10:20", ""], &["", ""]),
        (
            Skip,
            ["fire 10:10", "skip 10:20", "skip 10:20..10:30 (2)"],
            &["", "fire 10:40"],
        ),
        (
            BufferOne,
            ["fire 10:10", "wait 10:20", "drop, wait 10:30"],
            &["release", ""],
        ),
        (
            BufferAll,
            ["fire 10:10", "wait 10:20", "skip 10:30"],
            &["release", ""],
        ),
        (CancelOther, ["fire 10:10", "cancel, fire 10:20", ""], &["", ""]),
    ];
    for (overlap, expected, then) in cases {
        let limit = |it: &mut crate::schedule::ScheduleDefinition| {
            it.overlap = overlap;
            it.max_runs = Some(2);
        };
        let mut case = Case::new("every 600").with(limit).begin("2026-01-05 10:00");
        for (now, expected) in ["10:10", "10:20", "10:30"].into_iter().zip(expected) {
            assert_eq!(
                case.due(&format!("2026-01-05 {now}")),
                expected,
                "{overlap:?} at {now}"
            );
            if expected.starts_with("cancel") {
                assert_eq!(case.ended(Ending::Cancelled, &format!("2026-01-05 {now}")), "");
            }
        }
        assert_eq!(
            case.ended(Ending::Completed, "2026-01-05 10:31"),
            then[0],
            "{overlap:?}"
        );
        assert_eq!(case.due("2026-01-05 10:40"), then[1], "{overlap:?}");
        assert_eq!(case.now().fired, 2, "{overlap:?}");
        assert_eq!(
            case.now().reason.as_deref(),
            Some("`max_runs` slots have fired"),
            "{overlap:?}"
        );
    }
}

#[test]
fn what_waits_after_the_last_run_fires_if_it_was_asked_for() {
    let limit = |it: &mut crate::schedule::ScheduleDefinition| {
        it.overlap = Overlap::BufferAll;
        it.max_runs = Some(1);
    };
    let mut case = Case::new("every 600").with(limit).begin("2026-01-05 10:00");
    assert_eq!(case.due("2026-01-05 10:10"), "fire 10:10");
    assert_eq!(
        tell(&case.on(Event::RunNow, "2026-01-05 10:11:00.5")),
        "wait 10:11:00.5"
    );
    let mut schedule = case.schedule.take().unwrap();
    let ended = schedule.on(
        super::id(),
        &case.timeline(),
        Event::RunEnded(Ending::Completed),
        super::at("2026-01-05 10:12"),
    );
    assert!(ended.unwrap().release);
    schedule.released(
        &case.timeline(),
        crate::schedule::SlotKind::RunNow,
        super::at("2026-01-05 10:12"),
    );
    assert_eq!((schedule.fired, schedule.buffered, schedule.open_runs), (1, 0, 1));
}

/// A run that was asked for, and that waits, takes nothing from `max_runs`.
#[test]
fn a_run_that_was_asked_for_takes_no_slot() {
    let limit = |it: &mut crate::schedule::ScheduleDefinition| {
        it.overlap = Overlap::BufferAll;
        it.max_runs = Some(2);
    };
    let mut case = Case::new("every 600").with(limit).begin("2026-01-05 10:00");
    assert_eq!(case.due("2026-01-05 10:10"), "fire 10:10");
    assert_eq!(
        tell(&case.on(Event::RunNow, "2026-01-05 10:11:00.5")),
        "wait 10:11:00.5"
    );
    assert_eq!(case.due("2026-01-05 10:20"), "wait 10:20");
    assert_eq!(case.due("2026-01-05 10:30"), "skip 10:30");
}

/// `max_runs` was lowered while slots waited.
#[test]
fn slots_that_wait_are_dropped_when_all_have_fired() {
    let mut case = standing(Overlap::BufferAll, true, true);
    case.definition.max_runs = Some(1);
    let reason = "changed".to_owned();
    assert_eq!(tell(&case.on(Event::Changed { reason }, "2026-01-05 10:21")), "");
    assert_eq!(case.ended(Ending::Completed, "2026-01-05 10:22"), "drop");
    assert_eq!(
        (case.now().buffered, case.now().open_runs, case.now().fired),
        (0, 0, 1)
    );
}

/// Slots of one decision, too.
#[test]
fn slots_that_wait_count_for_max_runs_as_they_begin_to() {
    let mut case = Case::new("every 5")
        .with(|it| {
            it.overlap = Overlap::BufferAll;
            it.max_runs = Some(3);
        })
        .begin("2026-01-05 10:00");
    let told = "wait 10:00:10, skip 10:00:15, fire 10:00:05";
    case.definition.max_runs = Some(2);
    assert_eq!(case.due("2026-01-05 10:00:15"), told);
    assert_eq!(case.due("2026-01-05 10:00:20"), "skip 10:00:15..10:00:20 (2)");
}
