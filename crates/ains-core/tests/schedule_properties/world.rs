//! Schedules through random events, with what a store would keep of their decisions, against the [`Ledger`].

use std::collections::{BTreeMap, BTreeSet};

use ains_core::Timestamp;
use ains_core::dependency::Ending;
use ains_core::schedule::{
    Catchup, Decision, Event, MAX_SLOTS, Overlap, Pace, Refusal, Schedule, ScheduleDefinition, SlotKind,
    Standing, Timeline, Timing,
};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::drawn::{DAY, Drawn, SECOND, Window, at, id};
use super::ledger::{Ledger, Rules};
use super::slots::Slots;
use super::store::Stored;

/// A time in which the slots are the same.
pub(crate) struct Era {
    pub(crate) drawn: Drawn,
    pub(crate) slots: Slots,
    pub(crate) begin: i64,
}

pub(crate) struct World {
    pub(crate) rng: StdRng,
    pub(crate) window: Window,
    pub(crate) now: i64,
    pub(crate) eras: Vec<Era>,
    pub(crate) schedule: Schedule,
    pub(crate) ledger: Ledger,
    pub(crate) records: BTreeMap<Timestamp, Stored>,
    pub(crate) log: Vec<String>,
}

/// How often something happened, of all worlds.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) fired: u64,
    pub(crate) released: u64,
    pub(crate) dropped: u64,
    pub(crate) cancelled: u64,
    pub(crate) refused: u64,
    pub(crate) ended: u64,
    pub(crate) backfilled: u64,
    pub(crate) ranges: u64,
    pub(crate) missed: u64,
    pub(crate) excluded: u64,
}

fn overlaps() -> [Overlap; 5] {
    [
        Overlap::AllowAll,
        Overlap::Skip,
        Overlap::BufferOne,
        Overlap::BufferAll,
        Overlap::CancelOther,
    ]
}

fn draw_policies(rng: &mut StdRng, definition: &mut ScheduleDefinition) {
    definition.overlap = *overlaps().choose(rng).unwrap();
    definition.catchup = *[Catchup::None, Catchup::Last, Catchup::All].choose(rng).unwrap();
    definition.catchup_window_seconds = *[0, 5, 600, 3600, 100_000, 31_536_000].choose(rng).unwrap();
    definition.pause_after_failures = *[None, None, Some(1), Some(3)].choose(rng).unwrap();
}

impl Era {
    fn draw(rng: &mut StdRng, window: &mut Window, begin: i64) -> Self {
        let mut drawn = Drawn::draw(rng, window);
        window.narrow(&drawn);
        draw_policies(rng, &mut drawn.definition);
        // No slot of any time is at the instant of a run that was asked for at another.
        match &mut drawn.definition.timing {
            Timing::Interval { anchor_at: slot, .. } | Timing::Once(slot) => {
                *slot = at(slot.as_micros() - slot.as_micros().rem_euclid(SECOND));
            }
            Timing::Cron(_) => {}
        }
        drawn.definition.jitter_seconds = *[0, 0, 0, 5, 600, 86_400].choose(rng).unwrap();
        drawn.definition.max_runs = *[None, None, None, None, Some(2), Some(20)].choose(rng).unwrap();
        let slots = Slots::of(&drawn, window.begin - DAY, window.end + DAY);
        Self { drawn, slots, begin }
    }

    pub(crate) fn timeline(&self) -> Timeline<'_> {
        Timeline::new(&self.drawn.definition, &self.drawn.calendars)
    }
}

/// Does something with the ledger, by the rules of an era.
fn by_rules<T>(era: &Era, with: impl FnOnce(&Rules<'_>) -> T) -> T {
    let timeline = era.timeline();
    let due = |slot: i64| timeline.due(id(), at(slot)).as_micros();
    let goes_on = |after: i64| timeline.next_after(at(after)).is_some();
    with(&Rules {
        drawn: &era.drawn,
        slots: &era.slots,
        due: &due,
        goes_on: &goes_on,
    })
}

impl World {
    /// Nothing, if the schedule that was drawn has no slots.
    fn new(seed: u64) -> Option<Self> {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut window = Window::draw(&mut rng);
        let now = window.begin + rng.random_range(0..SECOND);
        let era = Era::draw(&mut rng, &mut window, now);
        let schedule = Schedule::new(id(), &era.timeline(), at(now));
        assert_eq!(schedule.is_err(), era.timeline().next_after(at(now)).is_none());
        let schedule = schedule.ok()?;
        Some(Self {
            rng,
            window,
            now,
            eras: vec![era],
            schedule,
            ledger: Ledger::new(now),
            records: BTreeMap::new(),
            log: Vec::new(),
        })
    }

    pub(crate) fn era(&self) -> &Era {
        self.eras.last().unwrap()
    }

    /// The clock goes on: a little, to the next slot or shortly after, for long; or back.
    fn time_passes(&mut self) {
        let next = self.schedule.due_at.map_or(self.now, Timestamp::as_micros);
        let rng = &mut self.rng;
        let now = match rng.random_range(0..30) {
            0..3 => self.now + rng.random_range(0..100),
            8 => self.now + rng.random_range(0..60 * SECOND),
            9 => self.now + rng.random_range(0..6 * 3600 * SECOND),
            3 => self.now + rng.random_range(0..2 * DAY),
            4 => self.now - rng.random_range(0..2 * 3600 * SECOND),
            5 => next - 1,
            6 => next.max(self.now) + 10 * SECOND,
            7 => next.max(self.now) + 10 * SECOND + 1,
            _ => next.max(self.now) + rng.random_range(0..2 * SECOND),
        };
        self.now = now.clamp(self.window.begin - DAY / 2, self.window.end);
    }

    fn something_happens(&mut self, seen: &mut Seen) {
        self.time_passes();
        if self.schedule.standing == Standing::Ended && self.rng.random_bool(0.3) {
            return self.changes(seen);
        }
        if self.schedule.standing == Standing::Paused && self.rng.random_bool(0.3) {
            return self.on(Event::Resume, seen);
        }
        match self.rng.random_range(0..40) {
            30.. | 0..=7 => {
                self.on(Event::Due, seen);
            }
            8 | 9 => self.comes_slowly(seen),
            10 | 11 => {
                self.on(Event::RunNow, seen);
            }
            12..=16 | 24..30 if self.ledger.open > 0 => {
                let endings = [
                    Ending::Completed,
                    Ending::Completed,
                    Ending::Failed,
                    Ending::Cancelled,
                    Ending::NotNeeded,
                ];
                let ending = *endings.choose(&mut self.rng).unwrap();
                self.on(Event::RunEnded(ending), seen);
            }
            17 => {
                self.on(
                    Event::Pause {
                        reason: "a test wants it".to_owned(),
                    },
                    seen,
                );
            }
            18 | 19 => {
                self.on(Event::Resume, seen);
            }
            20 if self.rng.random_bool(0.5) => self.changes(seen),
            20 => self.calendar_changes(seen),
            21 | 22 => self.backfills(seen),
            23 => self.forgets_or_changes_policy(seen),
            _ => {}
        }
    }

    fn changes(&mut self, seen: &mut Seen) {
        let mut era = if self.rng.random_bool(0.5) {
            Era::draw(&mut self.rng, &mut self.window, self.now)
        } else {
            let (drawn, slots) = (self.era().drawn.clone(), Slots::default());
            let mut era = Era {
                drawn,
                slots,
                begin: self.now,
            };
            era.drawn.draw_calendars(&mut self.rng, &self.window);
            era.drawn.definition.end_at = None;
            era.drawn.definition.max_runs = *[None, Some(2), Some(5)].choose(&mut self.rng).unwrap();
            era
        };
        era.begin = self.now.max(self.ledger.decided);
        era.slots = Slots::of(&era.drawn, self.window.begin - DAY, self.window.end + DAY);
        self.eras.push(era);
        self.on(
            Event::Changed {
                reason: "a test changed it".to_owned(),
            },
            seen,
        );
    }

    /// The server has much to do.
    fn comes_slowly(&mut self, seen: &mut Seen) {
        let now = self.now;
        let most = *[0, 1, 2, 50].choose(&mut self.rng).unwrap();
        let longest = *[SECOND, 20 * SECOND, 3600 * SECOND]
            .choose(&mut self.rng)
            .unwrap();
        let since = now - self.rng.random_range(0..longest);
        self.log
            .push(format!("{}: due, {most} at once, since {}", at(now), at(since)));
        let before = self.ledger.open;
        let era = self.eras.last().unwrap();
        let pace = Pace {
            most,
            since: at(since),
        };
        let decision = self.schedule.due(id(), &era.timeline(), pace, at(now));
        self.log.push(format!("  {decision:?}"));
        assert!(decision.fire.len() <= most.max(1));
        let ledger = &mut self.ledger;
        by_rules(era, |rules| ledger.due(rules, most.max(1), since, now));
        self.happened(&Event::Due, &decision, before, seen);
    }

    /// A calendar has been changed, a while ago.
    fn calendar_changes(&mut self, seen: &mut Seen) {
        let since = self.now - self.rng.random_range(0..2 * 3600 * SECOND);
        let mut era = Era {
            drawn: self.era().drawn.clone(),
            slots: Slots::default(),
            begin: 0,
        };
        let (on_excluded, uses) = (
            era.drawn.definition.on_excluded,
            era.drawn.definition.calendars.clone(),
        );
        for _ in 0..20 {
            era.drawn.draw_calendars(&mut self.rng, &self.window);
            if era.drawn.definition.calendars == uses {
                break;
            }
        }
        if era.drawn.definition.calendars != uses {
            return;
        }
        era.drawn.definition.on_excluded = on_excluded;
        era.slots = Slots::of(&era.drawn, self.window.begin - DAY, self.window.end + DAY);
        self.log.push(format!(
            "{}: its calendars were changed at {}",
            at(self.now),
            at(since)
        ));
        self.schedule.calendar_changed(&era.timeline(), at(since));
        let ledger = &mut self.ledger;
        by_rules(self.eras.last().unwrap(), |old| {
            by_rules(&era, |new| ledger.calendar_changed(old, new, since));
        });
        era.begin = self.now.max(self.ledger.decided);
        self.eras.push(era);
        self.on(Event::Due, seen);
    }

    fn backfills(&mut self, seen: &mut Seen) {
        let [from, to] = [
            self.window.instant(&mut self.rng),
            self.window.instant(&mut self.rng) + DAY,
        ];
        // What is left of records of other times cannot be told by the slots of this one.
        let from = from.max(self.era().begin + 1);
        let taken = self
            .ledger
            .taken()
            .range(at(from)..=at(to.max(from)))
            .copied()
            .collect();
        let overlap = overlaps()
            .choose(&mut self.rng)
            .copied()
            .filter(|_| self.rng.random_bool(0.5));
        self.on(
            Event::Backfill {
                from: at(from),
                to: at(to),
                overlap,
                taken,
            },
            seen,
        );
    }

    fn forgets_or_changes_policy(&mut self, seen: &mut Seen) {
        let waiting: Vec<i64> = self.ledger.waiting.keys().copied().collect();
        let some = waiting.choose(&mut self.rng).copied();
        // Which kind is forgotten is not said; with slots of one kind it is known.
        let kinds: BTreeSet<SlotKind> = self.ledger.waiting.values().copied().collect();
        match some.filter(|_| kinds.len() == 1) {
            Some(slot) => {
                self.records.remove(&at(slot));
                self.log
                    .push(format!("{}: {} is not there", at(self.now), at(slot)));
                let now = self.now;
                let (era, ledger) = (self.eras.last().unwrap(), &mut self.ledger);
                by_rules(era, |rules| ledger.forget(rules, slot, now));
                self.on(Event::Forgotten(1), seen);
            }
            None => draw_policies(&mut self.rng, &mut self.eras.last_mut().unwrap().drawn.definition),
        }
    }

    /// An event, here and in the ledger, and what follows from it.
    fn on(&mut self, event: Event, seen: &mut Seen) {
        self.log.push(format!("{}: {event:?}", at(self.now)));
        let now = self.now;
        let before = self.ledger.open;
        let json = serde_json::to_string(&self.schedule).unwrap();
        assert_eq!(
            serde_json::from_str::<Schedule>(&json).unwrap(),
            self.schedule,
            "{json}"
        );
        let earlier = self.schedule.clone();
        let era = self.eras.last().unwrap();
        let told = event.clone();
        let decided = self.schedule.on(id(), &era.timeline(), event, at(now));
        let Ok(decision) = decided else {
            seen.refused += 1;
            assert_eq!(self.schedule, earlier, "it was refused, and yet has changed");
            return self.is_refused(&told, &decided.unwrap_err());
        };
        self.log.push(format!("  {decision:?}"));
        self.follows(&told, &decision);
        self.happened(&told, &decision, before, seen);
    }

    /// What follows from a decision.
    fn happened(&mut self, event: &Event, decision: &Decision, before: u32, seen: &mut Seen) {
        let overlap = match event {
            Event::Backfill {
                overlap: Some(overlap),
                ..
            } => *overlap,
            _ => self.era().drawn.definition.overlap,
        };
        self.carry_out(event, decision, seen);
        self.counts();
        // Who is cancelled, ends.
        for _ in 0..std::mem::take(&mut self.ledger.cancelled) {
            self.on(Event::RunEnded(Ending::Cancelled), seen);
        }
        let most = if overlap == Overlap::AllowAll {
            u32::MAX
        } else {
            before.max(1)
        };
        assert!(
            self.ledger.open <= most,
            "{} runs are unfinished at {overlap:?}",
            self.ledger.open
        );
    }

    fn is_refused(&mut self, event: &Event, refusal: &Refusal) {
        let now = self.now;
        let (era, ledger) = (self.eras.last().unwrap(), &mut self.ledger);
        match (event, refusal) {
            (Event::Resume, Refusal::Ended(_)) => assert!(!by_rules(era, |rules| ledger.resume(rules, now))),
            (Event::Backfill { from, to, .. }, Refusal::TooManySlots(count)) => {
                let wanted = by_rules(era, |rules| {
                    ledger.wanted(rules, from.as_micros(), to.as_micros(), now)
                });
                assert!(
                    wanted.len() > MAX_SLOTS && *count <= wanted.len() as u64,
                    "{count} of {}",
                    wanted.len()
                );
            }
            other => panic!("{other:?}"),
        }
    }

    /// The same event in the ledger.
    fn follows(&mut self, event: &Event, decision: &Decision) {
        let now = self.now;
        let [old, era] =
            [self.eras.len().saturating_sub(2), self.eras.len() - 1].map(|index| &self.eras[index]);
        let ledger = &mut self.ledger;
        by_rules(era, |rules| match event {
            Event::Due => ledger.due(rules, usize::MAX, now, now),
            Event::Changed { .. } => by_rules(old, |old| ledger.changed(old, rules, now)),
            Event::RunNow => {
                let fires = decision.fire.iter().map(|firing| (firing.slot_at, firing.kind));
                let waits = decision
                    .records
                    .iter()
                    .map(|record| (record.slot_at, record.kind));
                let asked: Vec<Timestamp> = fires
                    .chain(waits)
                    .filter(|(_, kind)| *kind == SlotKind::RunNow)
                    .map(|(at, _)| at)
                    .collect();
                let [slot] = asked[..] else {
                    panic!("one run was asked for: {asked:?}")
                };
                ledger.run_now(rules, slot.as_micros(), now);
            }
            Event::Backfill {
                from, to, overlap, ..
            } => {
                let slots = ledger.wanted(rules, from.as_micros(), to.as_micros(), now);
                assert!(slots.len() <= MAX_SLOTS, "{} slots", slots.len());
                ledger.backfill(rules, &slots, *overlap, now);
            }
            Event::RunEnded(ending) => ledger.run_ended(rules, *ending, now),
            Event::Forgotten(_) => {}
            Event::Pause { .. } => ledger.pause(rules, now),
            Event::Resume => assert!(ledger.resume(rules, now)),
        });
    }

    /// Numbers agree after every event.
    fn counts(&self) {
        let (schedule, ledger) = (&self.schedule, &self.ledger);
        assert_eq!(schedule.standing, ledger.standing);
        assert_eq!(schedule.decided_until, at(ledger.decided), "decided until");
        assert_eq!(
            (schedule.open_runs, schedule.fired),
            (ledger.open, ledger.fired),
            "open runs, fired"
        );
        assert_eq!(schedule.buffered as usize, ledger.waiting.len(), "waiting");
        let totals = (
            schedule.total_runs,
            schedule.successful_runs,
            schedule.failed_runs,
        );
        assert_eq!(totals, (ledger.total, ledger.successful, ledger.failed), "totals");
        assert_eq!(schedule.failures_in_a_row, ledger.failures_in_a_row);
        assert_eq!(schedule.last_run_at, ledger.last_run_at.map(at));
        let timeline = self.era().timeline();
        let is_active = schedule.standing == Standing::Active;
        let next = is_active.then(|| {
            timeline
                .next_after(schedule.decided_until)
                .expect("it is active")
                .at
        });
        assert_eq!(schedule.next_at, next);
        assert_eq!(schedule.due_at, next.map(|next| timeline.due(id(), next)));
        assert_eq!(schedule.reason.is_some(), !is_active);
    }
}

#[test]
fn what_becomes_of_slots_is_what_the_ledger_says() {
    let mut seen = Seen::default();
    for seed in 0..300 {
        let Some(mut world) = World::new(seed) else {
            continue;
        };
        let events = world.rng.random_range(10..150);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for _ in 0..events {
                world.something_happens(&mut seen);
            }
            world.records_agree(&mut seen);
        }));
        if let Err(panic) = result {
            let tail = world.log.len().saturating_sub(40);
            println!("seed {seed}\n{}", world.log[tail..].join("\n"));
            println!("{:?}\n{:?}", world.era().drawn.definition, world.schedule);
            std::panic::resume_unwind(panic);
        }
        seen.ended += u64::from(world.schedule.standing == Standing::Ended);
    }
    println!("{seen:?}");
    let Seen {
        fired,
        released,
        dropped,
        cancelled,
        refused,
        ended,
        backfilled,
        ranges,
        missed,
        excluded,
    } = seen;
    for (count, least) in [
        (fired, 1_500),
        (released, 300),
        (dropped, 200),
        (cancelled, 100),
        (refused, 20),
        (ended, 5),
        (backfilled, 200),
        (ranges, 300),
        (missed, 5_000),
        (excluded, 500),
    ] {
        assert!(
            count >= least,
            "{count} is less than {least}: too few to mean anything"
        );
    }
}
