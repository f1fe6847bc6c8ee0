//! Slots whose time has passed.

use super::{Case, at, rows, tell, word};
use crate::schedule::{Catchup, Event};

/// A schedule that was made at 10:00, and is looked at later for the first time: `catchup`, the window, its slots, when it
/// is looked at, and what becomes of the slots.
const LATE: &str = "
    # On time, up to 10 s after.
    none | 3600  | every 600 | 10:10           | fire 10:10
    none | 3600  | every 600 | 10:10:10        | fire 10:10
    none | 3600  | every 600 | 10:10:10.000001 | miss 10:10
    none | 0     | every 600 | 10:10:10        | fire 10:10
    last | 0     | every 600 | 10:10:10        | fire 10:10
    last | 0     | every 600 | 10:10:10.000001 | miss 10:10
    all  | 0     | every 600 | 10:10:10        | fire 10:10
    all  | 0     | every 600 | 10:10:10.000001 | miss 10:10
    # A single one.
    none | 3600  | every 600 | 10:11           | miss 10:10
    last | 3600  | every 600 | 10:11           | fire 10:10
    all  | 3600  | every 600 | 10:11           | fire 10:10
    # Several, of which none is on time.
    none | 3600  | every 600 | 10:35           | miss 10:10..10:30 (3)
    last | 3600  | every 600 | 10:35           | miss 10:10..10:20 (2), fire 10:30
    all  | 3600  | every 600 | 10:35           | fire 10:10 10:20 10:30
    # Several, of which one is on time.
    none | 3600  | every 600 | 10:30:05        | miss 10:10..10:20 (2), fire 10:30
    last | 3600  | every 600 | 10:30:05        | miss 10:10..10:20 (2), fire 10:30
    all  | 3600  | every 600 | 10:30:05        | fire 10:10 10:20 10:30
    # The window: up to it, it is caught up.
    all  | 900   | every 600 | 10:35           | miss 10:10, fire 10:20 10:30
    all  | 899   | every 600 | 10:35           | miss 10:10..10:20 (2), fire 10:30
    all  | 299   | every 600 | 10:35           | miss 10:10..10:30 (3)
    last | 300   | every 600 | 10:35           | miss 10:10..10:20 (2), fire 10:30
    last | 1200  | every 600 | 10:35           | miss 10:10, miss 10:20, fire 10:30
    last | 299   | every 600 | 10:35           | miss 10:10..10:30 (3)
    none | 300   | every 600 | 10:35           | miss 10:10..10:30 (3)
    # Many within ten seconds are all on time.
    none | 3600  | every 1   | 10:00:04        | fire 10:00:01 10:00:02 10:00:03 10:00:04
    last | 3600  | every 1   | 10:00:04        | fire 10:00:01 10:00:02 10:00:03 10:00:04
    last | 3600  | every 1   | 10:00:12        | miss 10:00:01..10:00:11 (11), fire 10:00:12
    none | 3600  | every 5   | 10:00:21        | miss 10:00:05..10:00:10 (2), fire 10:00:15 10:00:20
    # At most 1000 are caught up, the newest.
    all  | 86400 | every 1   | 10:30           | miss 10:00:01..10:13:20 (800), fire …
    all  | 86400 | * * * * * * | 10:30         | miss 10:00:01..10:13:20 (800), fire …
    last | 86400 | every 1   | 10:30           | miss 10:00:01..10:29:59 (1799), fire …
    none | 86400 | every 1   | 10:30           | miss 10:00:01..10:29:49 (1789), fire …
    # Nothing yet.
    last | 3600  | every 600 | 10:09:59        |
    last | 3600  | every 600 | 09:00           |
";

#[test]
fn what_is_late_is_caught_up_or_missed() {
    for row in rows(LATE) {
        let [catchup, window, when, now, expected] = row;
        let case = Case::new(when).with(|it| {
            it.catchup = word(catchup);
            it.catchup_window_seconds = window.parse().unwrap();
        });
        let decision = case
            .begin("2026-01-05 10:00")
            .on(Event::Due, &format!("2026-01-05 {now}"));
        let told = tell(&decision);
        let Some(begin) = expected.strip_suffix('…') else {
            assert_eq!(told, expected, "{row:?}");
            continue;
        };
        assert!(told.starts_with(begin), "{told} for {row:?}");
        let newest = decision.fire.last().map(|firing| firing.slot_at);
        assert_eq!(newest, Some(at("2026-01-05 10:30")));
        assert_eq!(decision.fire.len() as u64 + decision.records[0].count, 1800);
    }
}

/// What is late is late by when it was due, which is up to `jitter_seconds` after its instant.
#[test]
fn jitter_counts_neither_as_lateness_nor_for_the_window() {
    for catchup in [Catchup::None, Catchup::Last, Catchup::All] {
        for (late, is_on_time, is_in_window) in [
            (10, true, true),
            (11, false, true),
            (60, false, true),
            (61, false, false),
        ] {
            let case = Case::new("0 10 * * *").with(|it| {
                it.catchup = catchup;
                it.catchup_window_seconds = 60;
                it.jitter_seconds = 7200;
            });
            let mut case = case.begin("2026-01-05 09:00");
            let due = case.now().due_at.unwrap();
            let slot = at("2026-01-05 10:00");
            assert!(
                due.since(slot) > std::time::Duration::from_secs(120),
                "the case means nothing: due at {due}"
            );
            assert_eq!(case.due(&stamp(due - std::time::Duration::from_micros(1))), "");
            let now = stamp(due + std::time::Duration::from_secs(late));
            let is_wanted = is_on_time || (is_in_window && catchup != Catchup::None);
            let expected = if is_wanted { "fire 10:00" } else { "miss 10:00" };
            assert_eq!(case.due(&now), expected, "{catchup:?}, {late} s after it was due");
        }
    }
}

fn stamp(at: crate::time::Timestamp) -> String {
    at.to_string().replace('T', " ").replace('Z', "")
}

/// Each slot fires within its jitter, before the next one, at an instant that depends on nothing else.
#[test]
fn jitter_keeps_slots_in_order() {
    let cases = [
        ("every 60", 3600, 60),
        ("every 3600", 600, 600),
        ("0 0,1 * * *", 86_400, 86_400),
        ("*/7 * * * * *", 5, 5),
    ];
    for (when, jitter, most) in cases {
        let case = Case::new(when).with(|it| it.jitter_seconds = jitter);
        let timeline = case.timeline();
        let slots: Vec<_> = timeline
            .instants(at("2026-01-05 00:00"))
            .take(200)
            .map(|slot| slot.at)
            .collect();
        let mut spread = std::collections::BTreeSet::new();
        for pair in slots.windows(2) {
            let due = timeline.due(super::id(), pair[0]);
            assert!(
                pair[0] <= due && due < pair[1],
                "`{when}`: {} is due at {due}, next is {}",
                pair[0],
                pair[1]
            );
            assert!(due.since(pair[0]).as_secs() < most);
            assert_eq!(due, timeline.due(super::id(), pair[0]));
            spread.insert(due.since(pair[0]).as_millis());
        }
        assert!(spread.len() > 150, "`{when}`: {} different lengths", spread.len());
        // Another schedule of the same kind is due at other instants.
        let other = "sched_0190a1b2c3d47e5f8a9b0c1d2e3f4a5c".parse().unwrap();
        let same = slots
            .iter()
            .filter(|slot| timeline.due(other, **slot) == timeline.due(super::id(), **slot));
        assert!(same.count() < 5);
    }
}

/// Slots without a next one have all of the jitter; without jitter, none is late.
#[test]
fn the_last_slot_is_due_within_the_jitter() {
    let case = Case::new("once 2026-01-05 10:00").with(|it| it.jitter_seconds = 600);
    let due = case.timeline().due(super::id(), at("2026-01-05 10:00"));
    assert!(due > at("2026-01-05 10:00") && due < at("2026-01-05 10:10"));
    let case = Case::new("once 2026-01-05 10:00");
    assert_eq!(
        case.timeline().due(super::id(), at("2026-01-05 10:00")),
        at("2026-01-05 10:00")
    );
}

/// A server that could not follow was there nevertheless: what was on time when that began is.
#[test]
fn a_server_that_is_behind_misses_nothing_more() {
    use Catchup::{All, Last, None};
    let cases = [
        // (policy, the most at once, since when, what comes at 10:00:30, and after that)
        (
            None,
            usize::MAX,
            "10:00:30",
            "miss 10:00:05..10:00:15 (3), fire 10:00:20 10:00:25 10:00:30",
            "",
        ),
        (
            None,
            usize::MAX,
            "10:00:15",
            "fire 10:00:05 10:00:10 10:00:15 10:00:20 10:00:25 10:00:30",
            "",
        ),
        (
            None,
            usize::MAX,
            "10:00:15.000001",
            "miss 10:00:05, fire 10:00:10 10:00:15 10:00:20 10:00:25 10:00:30",
            "",
        ),
        (
            None,
            2,
            "10:00:15",
            "fire 10:00:05 10:00:10",
            "fire 10:00:15 10:00:20",
        ),
        (
            Last,
            2,
            "10:00:15",
            "fire 10:00:05 10:00:10",
            "fire 10:00:15 10:00:20",
        ),
        (
            Last,
            2,
            "10:00:30",
            "miss 10:00:05..10:00:25 (5), fire 10:00:30",
            "",
        ),
        (
            All,
            2,
            "10:00:30",
            "fire 10:00:05 10:00:10",
            "fire 10:00:15 10:00:20",
        ),
        // One at least.
        (All, 0, "10:00:30", "fire 10:00:05", "fire 10:00:10"),
    ];
    for (catchup, most, since, first, second) in cases {
        let mut case = Case::new("every 5")
            .with(|it| it.catchup = catchup)
            .begin("2026-01-05 10:00");
        let now = at("2026-01-05 10:00:30");
        let since = at(&format!("2026-01-05 {since}"));
        for (expected, has_more) in [(first, !second.is_empty()), (second, most < 3)] {
            let mut schedule = case.schedule.take().unwrap();
            let pace = crate::schedule::Pace { most, since };
            let decision = schedule.due(super::id(), &case.timeline(), pace, now);
            case.schedule = Some(schedule);
            assert_eq!(
                tell(&decision),
                expected,
                "{catchup:?}, {most} at once, since {since}"
            );
            let stays_due = case.now().due_at.is_some_and(|due| due <= now);
            assert_eq!(
                stays_due,
                has_more && !second.is_empty(),
                "{catchup:?}, {most} at once, since {since}"
            );
        }
    }
}

/// One that has come, but is not due yet, is none of the thousand.
#[test]
fn a_thousand_are_caught_up_beside_one_that_is_not_due() {
    let case = Case::new("every 60").with(|it| {
        it.catchup = Catchup::All;
        it.catchup_window_seconds = 86_400;
        it.jitter_seconds = 60;
    });
    let mut case = case.begin("2026-01-05 00:00");
    let due = case.timeline().due(super::id(), at("2026-01-05 20:00"));
    assert!(
        due > at("2026-01-05 20:00:01"),
        "the case means nothing: due at {due}"
    );
    let decision = case.on(Event::Due, "2026-01-05 20:00:01");
    let fired = &decision.fire;
    assert_eq!((fired.len(), fired[999].slot_at), (1000, at("2026-01-05 19:59")));
    assert_eq!(
        tell(&decision).split(", ").next(),
        Some("miss 00:01..03:19 (199)")
    );
    assert_eq!(case.now().next_at, Some(at("2026-01-05 20:00")));
}
