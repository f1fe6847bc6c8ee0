//! Runs that somebody asks for: now, and for slots of the past.

use std::collections::BTreeSet;

use super::{Case, at, id, tell};
use crate::dependency::Ending;
use crate::schedule::{Decision, Event, Overlap, Refusal, SlotKind, Standing};
use crate::time::Timestamp;

fn backfill(from: &str, to: &str, overlap: Option<Overlap>, taken: &[&str]) -> Event {
    let taken = taken.iter().map(|taken| at(taken)).collect();
    Event::Backfill {
        from: at(from),
        to: at(to),
        overlap,
        taken,
    }
}

fn pause() -> Event {
    Event::Pause {
        reason: "somebody wants it".to_owned(),
    }
}

#[test]
fn a_run_now_has_an_instant_of_its_own() {
    let asked = |case: &mut Case, now: &str| {
        let decision = case.on(Event::RunNow, now);
        let [firing] = decision.fire[..] else {
            panic!("{decision:?}")
        };
        assert_eq!(firing.kind, SlotKind::RunNow);
        super::time(firing.slot_at)
    };
    for when in ["* * * * * *", "every 1", "once 2026-01-06 00:00"] {
        let mut case = Case::new(when).begin("2026-01-05 10:00");
        assert_eq!(
            asked(&mut case, "2026-01-05 10:00:00.123456"),
            "10:00:00.123456",
            "`{when}`"
        );
        // Twice in the same microsecond, and after the clock has gone back.
        assert_eq!(
            asked(&mut case, "2026-01-05 10:00:00.123456"),
            "10:00:00.123457",
            "`{when}`"
        );
        assert_eq!(
            asked(&mut case, "2026-01-05 09:00:00"),
            "10:00:00.123458",
            "`{when}`"
        );
        // At a whole second, and where that is reached by twos.
        assert_eq!(
            asked(&mut case, "2026-01-05 10:00:01"),
            "10:00:01.000001",
            "`{when}`"
        );
        assert_eq!(
            asked(&mut case, "2026-01-05 10:00:01.999999"),
            "10:00:01.999999",
            "`{when}`"
        );
        assert_eq!(
            asked(&mut case, "2026-01-05 10:00:01.999999"),
            "10:00:02.000001",
            "`{when}`"
        );
        assert_eq!((case.now().fired, case.now().open_runs), (0, 6));
    }
    // The slots of an interval need not be whole seconds.
    let mut case = Case::new("every 1").with(|it| {
        let anchor_at = at("2026-01-01 00:00:00.000001");
        it.timing = crate::schedule::Timing::Interval {
            seconds: 1,
            anchor_at,
        };
    });
    case = case.begin("2026-01-05 10:00");
    assert_eq!(asked(&mut case, "2026-01-05 10:00:01"), "10:00:01.000002");
    assert_eq!(
        case.due("2026-01-05 10:00:01.000001"),
        "fire 10:00:00.000001 10:00:01.000001"
    );
}

#[test]
fn a_run_now_overlaps_as_slots_do() {
    let cases = [
        (Overlap::AllowAll, "fire 10:11:00.5"),
        (Overlap::Skip, "skip 10:11:00.5"),
        (Overlap::BufferOne, "wait 10:11:00.5"),
        (Overlap::BufferAll, "wait 10:11:00.5"),
        (Overlap::CancelOther, "cancel, fire 10:11:00.5"),
    ];
    for (overlap, expected) in cases {
        let mut case = Case::new("every 600")
            .with(|it| it.overlap = overlap)
            .begin("2026-01-05 10:00");
        assert_eq!(case.due("2026-01-05 10:10"), "fire 10:10");
        assert_eq!(
            tell(&case.on(Event::RunNow, "2026-01-05 10:11:00.5")),
            expected,
            "{overlap:?}"
        );
        // Paused and ended ones run, too.
        case.on(pause(), "2026-01-05 10:12");
        case.ended(Ending::Completed, "2026-01-05 10:13");
    }
    let mut case = Case::new("every 600")
        .with(|it| it.max_runs = Some(1))
        .begin("2026-01-05 10:00");
    assert_eq!(case.due("2026-01-05 10:10"), "fire 10:10");
    assert_eq!(case.now().standing, Standing::Ended);
    assert_eq!(
        tell(&case.on(Event::RunNow, "2026-01-05 10:11:00.5")),
        "fire 10:11:00.5"
    );
    assert_eq!((case.now().standing, case.now().fired), (Standing::Ended, 1));
}

#[test]
fn a_backfill_fires_what_did_not() {
    let cases: [(&str, &str, &[&str], &str); 7] = [
        (
            "2026-01-05 08:00",
            "2026-01-05 08:30",
            &[],
            "fire 08:00 08:10 08:20 08:30",
        ),
        (
            "2026-01-05 08:00:00.000001",
            "2026-01-05 08:29:59",
            &[],
            "fire 08:10 08:20",
        ),
        (
            "2026-01-05 08:00",
            "2026-01-05 08:30",
            &["2026-01-05 08:10", "2026-01-05 08:20"],
            "fire 08:00 08:30",
        ),
        ("2026-01-05 08:01", "2026-01-05 08:09", &[], ""),
        ("2026-01-05 08:30", "2026-01-05 08:00", &[], ""),
        // What is to come is not its own: the slot of 10:10 has come, but is not decided.
        ("2026-01-05 09:50", "2026-01-06 00:00", &[], "fire 09:50 10:00"),
        ("2026-01-06 00:00", "2026-01-07 00:00", &[], ""),
    ];
    for (from, to, taken, expected) in cases {
        let mut case = Case::new("every 600").begin("2026-01-05 10:00");
        assert_eq!(
            tell(&case.on(backfill(from, to, None, taken), "2026-01-05 10:15")),
            expected,
            "{from} to {to}"
        );
        assert_eq!(case.now().fired, 0);
        assert_eq!(case.due("2026-01-05 10:15"), "fire 10:10");
    }
}

#[test]
fn a_backfill_overlaps_as_it_is_told() {
    let cases = [
        (None, "skip 08:10, skip 08:20, fire 08:00"),
        (Some(Overlap::AllowAll), "fire 08:00 08:10 08:20"),
        (
            Some(Overlap::BufferOne),
            "drop, dropped 08:10, wait 08:20, fire 08:00",
        ),
        (Some(Overlap::BufferAll), "wait 08:10, wait 08:20, fire 08:00"),
        (Some(Overlap::CancelOther), "skip 08:00, skip 08:10, fire 08:20"),
    ];
    for (overlap, expected) in cases {
        let mut case = Case::new("every 600")
            .with(|it| it.overlap = Overlap::Skip)
            .begin("2026-01-05 10:00");
        let decision = case.on(
            backfill("2026-01-05 08:00", "2026-01-05 08:20", overlap, &[]),
            "2026-01-05 10:05",
        );
        assert_eq!(tell(&decision), expected, "{overlap:?}");
        assert!(
            decision
                .records
                .iter()
                .all(|record| record.kind == SlotKind::Backfill)
        );
    }
}

/// What a paused schedule has not fired may be filled; and it does not fire it again when it goes on.
#[test]
fn a_backfill_of_a_pause_is_done_once() {
    let mut case = Case::new("every 600").begin("2026-01-05 10:00");
    case.on(pause(), "2026-01-05 10:05");
    let fills = backfill(
        "2026-01-05 10:00",
        "2026-01-05 12:00",
        None,
        &["2026-01-05 10:00"],
    );
    assert_eq!(
        tell(&case.on(fills, "2026-01-05 10:31")),
        "fire 10:10 10:20 10:30"
    );
    // The clock has gone back.
    case.on(Event::Resume, "2026-01-05 10:12");
    assert_eq!(case.now().next_at, Some(at("2026-01-05 10:40")));
}

#[test]
fn a_backfill_is_limited() {
    let case = Case::new("every 1").begin("2026-01-05 10:00");
    let ask = |from: &str, to: &str, taken: &BTreeSet<Timestamp>| -> Result<Decision, Refusal> {
        let event = Event::Backfill {
            from: at(from),
            to: at(to),
            overlap: None,
            taken: taken.clone(),
        };
        case.now()
            .clone()
            .on(id(), &case.timeline(), event, at("2026-01-05 10:00:01"))
    };
    let none = BTreeSet::new();
    assert_eq!(
        ask("2026-01-05 09:00:01", "2026-01-05 09:16:40", &none)
            .unwrap()
            .fire
            .len(),
        1000
    );
    assert_eq!(
        ask("2026-01-05 09:00:01", "2026-01-05 09:16:41", &none),
        Err(Refusal::TooManySlots(1001))
    );
    assert_eq!(
        ask("2026-01-05 08:00:01", "2026-01-05 09:00:00", &none),
        Err(Refusal::TooManySlots(3600))
    );
    // Those that have fired do not count.
    let taken = BTreeSet::from([at("2026-01-05 09:10:00")]);
    assert_eq!(
        ask("2026-01-05 09:00:01", "2026-01-05 09:16:41", &taken)
            .unwrap()
            .fire
            .len(),
        1000
    );
    // Nobody waits until two thousand years are counted.
    let Err(Refusal::TooManySlots(count)) = ask("0001-01-01 00:00", "2026-01-05 10:00", &none) else {
        panic!("they are too many")
    };
    assert_eq!(count, 400 * 86_400);
}
