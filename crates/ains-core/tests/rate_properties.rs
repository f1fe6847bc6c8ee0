//! Any number of servers that draw from one count, in any interleaving: the limit is never overshot, and all of it passes
//! if all keep asking.

use std::collections::BTreeMap;
use std::time::Duration;

use ains_core::Timestamp;
use ains_core::rate::{Answer, Draw, Drawn, Meter, Period, Quota, block};
use proptest::prelude::*;

/// 2026-01-01T00:59:50Z: an hour is about to turn.
const START: i64 = 1_767_229_190_000_000;

/// What happens next. The number picks a server.
#[derive(Debug, Clone, Copy)]
enum Step {
    Ask(usize),
    /// Its draw reaches the count.
    Count(usize),
    /// The answer of the count reaches it.
    Hear(usize),
    /// The answer of the count is lost.
    Lose(usize),
    /// The clock of all moves on, or back, by so many seconds.
    Move(i64),
    /// The limits are changed, which each server hears of when it is next asked.
    Change(Quota),
}

/// A draw on its way there or back.
#[derive(Debug, Clone)]
enum Way {
    There(Vec<Draw>),
    Back(Vec<(Draw, Option<Drawn>)>),
}

#[derive(Debug, Default)]
struct Server {
    meter: Meter,
    way: Option<Way>,
}

#[derive(Debug)]
struct World {
    now: Timestamp,
    quota: Quota,
    servers: Vec<Server>,
    /// The count: what was drawn of the latest window.
    count: BTreeMap<Period, (Timestamp, u32)>,
    /// What passed, by window.
    passed: BTreeMap<(Period, Timestamp), u32>,
    /// The highest limit that there was while a window was the latest.
    highest: BTreeMap<(Period, Timestamp), u32>,
}

impl World {
    fn new(servers: usize, quota: Quota) -> Self {
        Self {
            now: Timestamp::from_micros(START),
            quota,
            servers: (0..servers).map(|_| Server::default()).collect(),
            count: BTreeMap::new(),
            passed: BTreeMap::new(),
            highest: BTreeMap::new(),
        }
    }

    fn step(&mut self, step: Step) {
        let servers = self.servers.len();
        match step {
            Step::Ask(at) => drop(self.ask(at % servers)),
            Step::Count(at) => self.count(at % servers),
            Step::Hear(at) => self.hear(at % servers),
            Step::Lose(at) => {
                let way = &mut self.servers[at % servers].way;
                way.take_if(|way| matches!(way, Way::Back(_)));
            }
            Step::Move(seconds) => {
                self.now = Timestamp::from_micros(self.now.as_micros() + seconds * 1_000_000);
            }
            Step::Change(quota) => self.quota = quota,
        }
    }

    fn ask(&mut self, at: usize) -> Answer {
        let (now, quota) = (self.now, self.quota);
        let server = &mut self.servers[at];
        let answer = server.meter.ask(quota, now);
        let standing = server.meter.standing(now);
        if server.way.is_none() {
            let draws = server.meter.draws(answer);
            server.way = (!draws.is_empty()).then_some(Way::There(draws));
        }
        for (period, figure) in standing.figures() {
            let window = (period, figure.window);
            let highest = self.highest.entry(window).or_default();
            *highest = figure.limit.max(*highest);
            if answer == Answer::Passed {
                *self.passed.entry(window).or_default() += 1;
            }
        }
        assert_eq!(
            standing.exhausted().is_some(),
            standing.figures().any(|(_, figure)| figure.remaining == 0)
        );
        if answer == Answer::Refused {
            assert!(standing.exhausted().is_some(), "{standing:?}");
        }
        answer
    }

    fn count(&mut self, at: usize) {
        let Some(Way::There(draws)) = self.servers[at].way.take() else {
            return;
        };
        let answers = draws.into_iter().map(|draw| {
            let (window, used) = self.count.entry(draw.period).or_insert((draw.window, 0));
            if draw.window > *window {
                (*window, *used) = (draw.window, 0);
            }
            let granted = draw.block.min(draw.limit.saturating_sub(*used));
            *used += granted;
            let drawn = Drawn {
                window: *window,
                granted,
                used: *used,
            };
            (draw, (granted > 0).then_some(drawn))
        });
        self.servers[at].way = Some(Way::Back(answers.collect()));
    }

    fn hear(&mut self, at: usize) {
        let server = &mut self.servers[at];
        if let Some(Way::Back(answers)) = server.way.take_if(|way| matches!(way, Way::Back(_))) {
            for (draw, drawn) in answers {
                server.meter.drawn(draw, drawn);
            }
        }
    }

    /// Everybody is asked until everybody refuses.
    fn exhaust(&mut self) {
        for _ in 0..10_000 {
            let mut refused = 0;
            for at in 0..self.servers.len() {
                refused += usize::from(self.ask(at) == Answer::Refused);
                self.count(at);
                self.hear(at);
            }
            if refused == self.servers.len() {
                return;
            }
        }
        panic!("it never ends: {self:?}");
    }

    fn passed_now(&self, period: Period) -> u32 {
        let window = (period, period.window(self.now));
        self.passed.get(&window).copied().unwrap_or(0)
    }

    fn check(&self) {
        for (window, passed) in &self.passed {
            let highest = self.highest[window];
            assert!(*passed <= highest, "{passed} passed of {highest} in {window:?}");
        }
    }
}

fn limit() -> impl Strategy<Value = u32> {
    prop_oneof![0_u32..25, 25_u32..130]
}

fn quota() -> impl Strategy<Value = Quota> {
    (
        proptest::option::weighted(0.8, limit()),
        proptest::option::weighted(0.6, limit()),
    )
        .prop_map(|(per_minute, per_hour)| Quota { per_minute, per_hour })
}

fn step(changes: bool, lost: bool) -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => (0_usize..8).prop_map(Step::Ask),
        5 => (0_usize..8).prop_map(Step::Count),
        5 => (0_usize..8).prop_map(Step::Hear),
        u32::from(lost) => (0_usize..8).prop_map(Step::Lose),
        1 => prop_oneof![0_i64..30, -30_i64..0].prop_map(Step::Move),
        u32::from(changes) => quota().prop_map(Step::Change),
    ]
}

fn steps(changes: bool, lost: bool) -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(step(changes, lost), 0..600)
}

proptest! {
    #[test]
    fn a_limit_is_never_overshot(servers in 1_usize..6, quota in quota(), steps in steps(false, true)) {
        let mut world = World::new(servers, quota);
        for step in steps {
            world.step(step);
            world.check();
        }
    }

    #[test]
    fn a_changed_limit_is_not_overshot_either(servers in 1_usize..6, quota in quota(), steps in steps(true, true)) {
        let mut world = World::new(servers, quota);
        for step in steps {
            world.step(step);
            world.check();
        }
    }

    /// With one limit. With two, what is left of the one here may have been drawn where nothing is left of the other.
    #[test]
    fn all_of_a_limit_passes(servers in 1_usize..6, limit in limit(), hourly: bool, steps in steps(false, false)) {
        let (period, quota) = if hourly {
            (Period::Hour, Quota { per_minute: None, per_hour: Some(limit) })
        } else {
            (Period::Minute, Quota { per_minute: Some(limit), per_hour: None })
        };
        let mut world = World::new(servers, quota);
        for step in steps {
            world.step(step);
        }
        // Draws on their way arrive before the window that is looked at begins.
        for at in 0..servers {
            world.count(at);
            world.hear(at);
        }
        for _ in 0..2 {
            world.now = world.now + Duration::from_secs(2 * 3600);
            world.exhaust();
            prop_assert_eq!(world.passed_now(period), limit);
            world.check();
        }
    }

    #[test]
    fn of_two_limits_at_most_a_block_a_server_is_left(servers in 1_usize..6, minute in limit(), hour in limit()) {
        let quota = Quota { per_minute: Some(minute), per_hour: Some(hour) };
        let mut world = World::new(servers, quota);
        world.exhaust();
        let blocks = [minute, hour].map(|limit| block(limit) * u32::try_from(servers).unwrap());
        let minute_left = minute - world.passed_now(Period::Minute);
        let hour_left = hour - world.passed_now(Period::Hour);
        prop_assert!(minute_left <= 2 * blocks[0] || hour_left <= 2 * blocks[1]);
        world.check();
    }

    #[test]
    fn a_changed_limit_takes_effect(servers in 1_usize..6, before in limit(), after in limit(), asked in 0_usize..200) {
        let of = |limit| Quota { per_minute: Some(limit), per_hour: None };
        let mut world = World::new(servers, of(before));
        for request in 0..asked {
            let at = request % servers;
            world.ask(at);
            world.count(at);
            world.hear(at);
        }
        let passed = world.passed_now(Period::Minute);
        world.quota = of(after);
        world.exhaust();
        let then = world.passed_now(Period::Minute);
        if after >= before {
            prop_assert_eq!(then, after, "a raised one is used at once");
        } else {
            prop_assert!(then <= after.max(passed), "{passed}, then {then}");
        }
        world.now = world.now + Duration::from_secs(60);
        world.exhaust();
        prop_assert_eq!(world.passed_now(Period::Minute), after);
    }
}
