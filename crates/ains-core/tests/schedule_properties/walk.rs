//! What [`Timeline`] says about slots, against the model.

use std::collections::BTreeSet;

use ains_core::Timestamp;
use ains_core::dependency::Ending;
use ains_core::schedule::{Event, Schedule, ScheduleDefinition, Timeline, Timing};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::drawn::{DAY, Drawn, SECOND, Window, at, id};
use super::slots::Slots;

const SEEDS: u64 = 500;

/// Instants of the window: slots and what is next to them, days' ends, and any.
fn draw_instant(rng: &mut StdRng, window: &Window, slots: &Slots) -> i64 {
    let some = slots.slots.iter().chain(slots.excluded.keys()).copied();
    let some: Vec<i64> = some.collect();
    match (rng.random_range(0..6), some.choose(rng)) {
        (0, Some(slot)) => *slot,
        (1, Some(slot)) => slot - 1,
        (2, Some(slot)) => slot + 1,
        (3, Some(slot)) => slot + rng.random_range(-4..4) * 1800 * SECOND,
        _ => window.instant(rng),
    }
}

#[test]
fn slots_are_those_of_the_model() {
    let (mut walked, mut moved, mut excluded) = (0, 0, 0);
    for seed in 0..SEEDS {
        let rng = &mut StdRng::seed_from_u64(seed);
        let mut window = Window::draw(rng);
        let drawn = Drawn::draw(rng, &window);
        window.narrow(&drawn);
        let timeline = Timeline::new(&drawn.definition, &drawn.calendars);
        let slots = Slots::of(&drawn, window.begin, window.end);
        let context = || format!("seed {seed}: {:?}", drawn.definition);

        let json = serde_json::to_string(&drawn.definition).unwrap();
        assert_eq!(
            serde_json::from_str::<ScheduleDefinition>(&json).unwrap(),
            drawn.definition,
            "{json}"
        );

        // From wherever one begins, the same slots come.
        for _ in 0..6 {
            let after = draw_instant(rng, &window, &slots).clamp(window.begin, window.end);
            let expected: Vec<Timestamp> = slots
                .slots
                .range(after + 1..)
                .map(|slot| at(*slot))
                .take(200)
                .collect();
            let found = timeline
                .after(at(after))
                .take_while(|slot| slot.at <= at(window.end))
                .take(200);
            let found: Vec<Timestamp> = found.map(|slot| slot.at).collect();
            assert_eq!(found, expected, "after {}, {}", at(after), context());
            walked += found.len();
        }

        for _ in 0..6 {
            let mut ends = [
                draw_instant(rng, &window, &slots),
                draw_instant(rng, &window, &slots),
            ];
            if rng.random_bool(0.8) {
                ends.sort_unstable();
            }
            let [after, until] = ends.map(|end| end.clamp(window.begin, window.end));
            let tally = timeline.tally(at(after), at(until));
            let tally = tally.map(|range| (range.first.as_micros(), range.last.as_micros(), range.count));
            assert_eq!(
                tally,
                slots.tally(after, until),
                "after {} until {}, {}",
                at(after),
                at(until),
                context()
            );

            let told = timeline.excluded(at(after), at(until)).into_iter();
            let told = told.map(|told| {
                (
                    told.range.first.as_micros(),
                    told.range.last.as_micros(),
                    told.range.count,
                    told.reason,
                )
            });
            let told: Vec<(i64, i64, u64, String)> = told.collect();
            assert_eq!(
                told,
                slots.excluded(after, until),
                "after {} until {}, {}",
                at(after),
                at(until),
                context()
            );
            excluded += told.len();
        }
        let notes = timeline
            .after(at(window.begin))
            .take_while(|slot| slot.at <= at(window.end))
            .take(50);
        moved += notes
            .filter(|slot| {
                slot.note
                    .as_ref()
                    .is_some_and(|note| note.starts_with("moved from"))
            })
            .count();
    }
    assert!(walked > 30_000, "{walked} slots are too few to mean anything");
    assert!(
        moved > 300 && excluded > 800,
        "{moved} moved and {excluded} excluded are too few"
    );
}

/// What is told of excluded slots is told once, wherever the time is cut into pieces.
#[test]
fn pieces_of_time_have_the_slots_of_the_whole() {
    let mut cut = 0;
    for seed in 0..300 {
        let rng = &mut StdRng::seed_from_u64(seed);
        let mut window = Window::draw(rng);
        let drawn = Drawn::draw(rng, &window);
        window.narrow(&drawn);
        let timeline = Timeline::new(&drawn.definition, &drawn.calendars);
        let mut ends: Vec<i64> = (0..8).map(|_| window.instant(rng)).collect();
        ends.extend([window.begin, window.end]);
        ends.sort_unstable();
        let pieces = || ends.windows(2).map(|ends| (at(ends[0]), at(ends[1])));
        let (begin, end) = (at(window.begin), at(window.end));
        let slots: u64 = pieces()
            .filter_map(|(after, until)| timeline.tally(after, until))
            .map(|range| range.count)
            .sum();
        let whole = timeline.tally(begin, end).map_or(0, |range| range.count);
        assert_eq!(slots, whole, "seed {seed}: {:?}", drawn.definition);
        let count = |(after, until)| {
            timeline
                .excluded(after, until)
                .iter()
                .map(|told| told.range.count)
                .sum::<u64>()
        };
        assert_eq!(
            pieces().map(count).sum::<u64>(),
            count((begin, end)),
            "seed {seed}: {:?}",
            drawn.definition
        );
        cut += whole;
    }
    assert!(cut > 10_000, "{cut} slots are too few to mean anything");
}

/// Nothing that anyone can say makes the arithmetic overflow, or walks for ever.
#[test]
fn the_ends_of_time_are_no_harm() {
    let extremes = [
        i64::MIN,
        i64::MIN + 1,
        -62_135_596_800 * SECOND,
        -1,
        0,
        1,
        253_402_300_799 * SECOND,
        i64::MAX,
    ];
    let rng = &mut StdRng::seed_from_u64(1);
    for seed in 0..24_usize {
        let window = Window::draw(rng);
        let mut drawn = Drawn::draw(rng, &window);
        let extreme = |index: usize| at(extremes[index % extremes.len()]);
        match &mut drawn.definition.timing {
            Timing::Interval { anchor_at, .. } => *anchor_at = extreme(seed),
            Timing::Once(when) => *when = extreme(seed),
            Timing::Cron(_) => {}
        }
        drawn.definition.start_at = (seed % 3 == 0).then(|| extreme(seed / 3));
        drawn.definition.end_at = (seed % 4 == 0).then(|| extreme(seed / 4));
        let timeline = Timeline::new(&drawn.definition, &drawn.calendars);
        for after in extremes {
            for slot in timeline.after(at(after)).take(3) {
                assert!(
                    slot.at > at(after),
                    "{} after {}: {:?}",
                    slot.at,
                    at(after),
                    drawn.definition
                );
            }
            let until = at(after.saturating_add(3 * DAY));
            let tally = timeline.tally(at(after), until);
            assert!(tally.is_none_or(|range| at(after) < range.first && range.last <= until));
            let excluded = timeline.excluded(at(after), until);
            assert!(
                excluded
                    .iter()
                    .all(|told| at(after) < told.range.first && told.range.last <= until)
            );
            let Ok(mut schedule) = Schedule::new(id(), &timeline, at(after)) else {
                continue;
            };
            // Some weeks later, at the ends, and back.
            let ends = if after > 253_000_000_000 * SECOND {
                [i64::MAX, i64::MIN]
            } else {
                [after, i64::MIN]
            };
            for now in [after.saturating_add(20 * DAY), ends[0], ends[1], after] {
                for event in [
                    Event::Due,
                    Event::RunNow,
                    Event::RunEnded(Ending::Failed),
                    Event::Backfill {
                        from: at(i64::MIN),
                        to: at(i64::MAX),
                        overlap: None,
                        taken: BTreeSet::new(),
                    },
                    Event::Pause {
                        reason: String::new(),
                    },
                    Event::Resume,
                    Event::Changed {
                        reason: String::new(),
                    },
                ] {
                    let decision = schedule.on(id(), &timeline, event, at(now)).unwrap_or_default();
                    let decided = schedule.decided_until;
                    assert!(
                        decision
                            .records
                            .iter()
                            .all(|record| record.slot_at <= record.until)
                    );
                    assert!(schedule.next_at.is_none_or(|next| next > decided));
                }
            }
        }
    }
}
