//! How much is done for one decision: never as much as there are slots.

use std::cell::Cell;

use super::{Case, at};
use crate::schedule::late::{Verdict, judge};
use crate::schedule::{Catchup, Event, MAX_SLOTS};
use crate::time::Timestamp;

const A_DAY: u64 = 86_400;
const AN_HOUR: u64 = 3600;

/// How often the next slot is looked for to count those of a time.
fn looks(case: &Case, after: Timestamp, until: Timestamp) -> (u64, u64) {
    let timeline = case.timeline();
    let looks = Cell::new(0);
    let next = |after| {
        looks.set(looks.get() + 1);
        timeline.next(after)
    };
    let ranges = timeline.ranges_of(after, until, timeline.moves(), next);
    let slots = ranges.map(|(range, _)| range.count).sum();
    (slots, looks.get())
}

#[test]
fn slots_of_a_year_are_counted_by_days() {
    let (after, until) = (at("2026-01-01 10:00"), at("2027-01-01 10:00"));
    let berlin = chrono_tz::Tz::Europe__Berlin;
    // A look for each date; for a cron expression, one for each slot of one hour, of those with a change of the
    // clocks, and of the parts of hours at the ends, and one for each hour of the dates that are not whole.
    let cases = [
        (Case::new("every 1"), 365 * A_DAY, 367),
        (Case::new("every 1").zone(berlin), 365 * A_DAY, 368),
        (Case::new("* * * * * *"), 365 * A_DAY, 365 + 2 * AN_HOUR + 100),
        (
            Case::new("* * * * * *").zone(berlin),
            365 * A_DAY,
            4 * A_DAY + 370,
        ),
        (
            Case::new("* * * * *").zone(berlin),
            365 * A_DAY / 60,
            4 * A_DAY / 60 + 370,
        ),
        (
            Case::new("0 9 * * *").moves(crate::schedule::OnExcluded::NextBusinessDay),
            261,
            2 * 261 + 4,
        ),
    ];
    for (case, slots, most) in cases {
        let (counted, looks) = looks(&case, after, until);
        assert_eq!(counted, slots, "{:?}", case.definition.timing);
        assert!(
            looks <= most,
            "{looks} looks, not {most}: {:?}",
            case.definition.timing
        );
    }
}

#[test]
fn what_is_listed_is_a_thousand_at_the_most() {
    for catchup in [Catchup::None, Catchup::Last, Catchup::All] {
        let case = Case::new("every 1").with(|it| {
            it.catchup = catchup;
            it.catchup_window_seconds = 31_536_000;
            it.jitter_seconds = 86_400;
        });
        let asked = Cell::new(0);
        let due = |slot: Timestamp, _| {
            asked.set(asked.get() + 1);
            slot
        };
        let timeline = case.timeline();
        let now = at("2027-01-01 00:00");
        let verdicts = judge(&timeline, at("2025-01-01 00:00"), now, now, due);
        assert!(
            asked.get() <= MAX_SLOTS + 1,
            "{} slots were looked at one by one",
            asked.get()
        );
        assert!(verdicts.len() <= MAX_SLOTS + 3);
        let count = |verdict: &Verdict| match verdict {
            Verdict::Wanted(_) => 1,
            Verdict::Missed(range, _) => range.count,
        };
        assert_eq!(
            verdicts.iter().map(count).sum::<u64>(),
            730 * A_DAY,
            "{catchup:?}: each slot has a verdict"
        );
        let wanted = verdicts
            .iter()
            .filter(|verdict| matches!(verdict, Verdict::Wanted(_)))
            .count();
        assert_eq!(
            wanted,
            match catchup {
                Catchup::None => 11,
                Catchup::Last => 1,
                Catchup::All => 1000,
            }
        );
    }
}

/// A server that has been away for ten years, and one whose clock is a thousand years ahead.
#[test]
fn a_long_absence_is_one_decision() {
    for (when, now, missed) in [
        ("every 1", "2036-01-01 00:00", 3652 * A_DAY - 1),
        ("0 0 * * *", "3026-01-01 00:00", 365_242 - 1),
    ] {
        let mut case = Case::new(when).begin("2026-01-01 00:00");
        let decision = case.on(Event::Due, now);
        assert_eq!(decision.fire.len(), 1, "`{when}`");
        let counts = decision.records.iter().map(|record| record.count);
        assert_eq!(counts.sum::<u64>(), missed, "`{when}`");
        assert_eq!(case.now().decided_until, at(now));
    }
}
