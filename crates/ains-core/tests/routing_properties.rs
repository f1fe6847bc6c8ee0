//! The agent pool against a model that scans every agent for every decision.

#[path = "routing_properties/model.rs"]
mod model;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use ains_core::routing::{AgentPool, Ask, Door, Health, Profile, Reservation, Seat, Strategy};
use ains_core::{AgentId, ClientId, TrustScore};
use proptest::prelude::*;
use proptest::strategy::Strategy as Generator;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use crate::model::{Crowd, Model};

const CAPABILITIES: [&str; 3] = ["translate", "summarise", "count"];

/// Three clients, the last of them without agents of its own.
static CLIENTS: LazyLock<[ClientId; 3]> =
    LazyLock::new(|| ["x", "y", "z"].map(|name| name.parse().expect("a client id")));

#[derive(Debug, Clone)]
enum Event {
    Put(Profile),
    Remove(AgentId),
    Trust(usize, TrustScore),
    Average(usize, Option<f64>),
    Health(usize, Health),
    Draining(usize, bool),
    ReservedFor(usize, Option<ClientId>),
    Door(usize, Door),
    Active(usize, u32),
    MaxConcurrency(usize, u32),
    Take(Wish),
    Reserve(usize),
    Release(usize),
    Undo,
}

/// An owned [`Ask`].
#[derive(Debug, Clone, Copy)]
struct Wish {
    /// In `CLIENTS`, or nobody's if there is none of that number.
    client: usize,
    capability: usize,
    tenth: u8,
    strategy: Strategy,
    heartbeat_needed: bool,
}

impl Wish {
    fn ask(self) -> Ask<'static> {
        Ask {
            client: CLIENTS.get(self.client),
            capability: CAPABILITIES[self.capability],
            tenth: self.tenth,
            strategy: self.strategy,
            heartbeat_needed: self.heartbeat_needed,
        }
    }

    fn all() -> impl Iterator<Item = Self> {
        (0..=CLIENTS.len()).flat_map(Self::all_of)
    }

    fn all_of(client: usize) -> impl Iterator<Item = Self> {
        (0..CAPABILITIES.len()).flat_map(move |capability| {
            [0, 3, 6].into_iter().flat_map(move |tenth| {
                Strategy::ALL.into_iter().flat_map(move |strategy| {
                    [false, true].map(|heartbeat_needed| Self {
                        client,
                        capability,
                        tenth,
                        strategy,
                        heartbeat_needed,
                    })
                })
            })
        })
    }
}

fn a_trust() -> impl Generator<Value = TrustScore> {
    // Few values, so that there are ties.
    prop::sample::select(vec![0.0, 0.05, 0.1, 0.29, 0.3, 0.5, 0.57, 0.62, 0.9, 1.0])
        .prop_map(TrustScore::clamped)
}

fn a_health() -> impl Generator<Value = Health> {
    prop_oneof![6 => Just(Health::Active), 2 => Just(Health::Degraded), 1 => Just(Health::Inactive)]
}

fn a_door() -> impl Generator<Value = Door> {
    prop_oneof![4 => Just(Door::Open), 2 => Just(Door::Unheard), 1 => Just(Door::Closed)]
}

fn a_reserve() -> impl Generator<Value = Option<ClientId>> {
    prop_oneof![3 => Just(None), 1 => Just(Some(CLIENTS[0].clone())), 1 => Just(Some(CLIENTS[1].clone()))]
}

fn an_average() -> impl Generator<Value = Option<f64>> {
    prop::option::weighted(0.6, prop::sample::select(vec![0.0, 0.25, 1.0, 1.5, 60.0]))
}

fn an_id() -> impl Generator<Value = AgentId> {
    (0..12).prop_map(|number| format!("agent-{number}").parse().expect("an agent id"))
}

prop_compose! {
    fn a_profile()(
        id in an_id(),
        reserved_for in a_reserve(),
        capabilities in prop::collection::vec(prop::sample::select(vec![
            "translate", "Translate", "summarise", "count",
        ]), 0..4),
        trust in a_trust(),
        (max_concurrency, active) in (0..4_u32, 0..3_u32),
        health in a_health(),
        draining in prop::bool::weighted(0.1),
        average_seconds in an_average(),
        door in a_door(),
        last_assigned in prop_oneof![2 => Just(0), 1 => 1..6_u64],
        registered in -1..3_i64,
    ) -> Profile {
        Profile {
            id, reserved_for, capabilities: capabilities.into_iter().map(str::to_owned).collect(), trust, max_concurrency,
            health, draining, average_seconds, active, door, last_assigned, registered,
        }
    }
}

prop_compose! {
    fn a_wish()(
        client in 0..=CLIENTS.len(),
        capability in 0..CAPABILITIES.len(),
        tenth in prop_oneof![3 => Just(0_u8), 2 => 0..=10_u8],
        strategy in prop::sample::select(Strategy::ALL.to_vec()),
        heartbeat_needed in any::<bool>(),
    ) -> Wish {
        Wish { client, capability, tenth, strategy, heartbeat_needed }
    }
}

fn an_event() -> impl Generator<Value = Event> {
    let nth = 0..1000_usize;
    prop_oneof![
        6 => a_profile().prop_map(Event::Put),
        1 => an_id().prop_map(Event::Remove),
        2 => (nth.clone(), a_trust()).prop_map(|(nth, trust)| Event::Trust(nth, trust)),
        2 => (nth.clone(), an_average()).prop_map(|(nth, average)| Event::Average(nth, average)),
        2 => (nth.clone(), a_health()).prop_map(|(nth, health)| Event::Health(nth, health)),
        1 => (nth.clone(), any::<bool>()).prop_map(|(nth, draining)| Event::Draining(nth, draining)),
        2 => (nth.clone(), a_reserve()).prop_map(|(nth, client)| Event::ReservedFor(nth, client)),
        2 => (nth.clone(), a_door()).prop_map(|(nth, door)| Event::Door(nth, door)),
        1 => (nth.clone(), 0..4_u32).prop_map(|(nth, active)| Event::Active(nth, active)),
        1 => (nth.clone(), 0..5_u32).prop_map(|(nth, max)| Event::MaxConcurrency(nth, max)),
        20 => a_wish().prop_map(Event::Take),
        1 => nth.clone().prop_map(Event::Reserve),
        12 => nth.prop_map(Event::Release),
        3 => Just(Event::Undo),
    ]
}

/// A pool and its model, going through the same events.
struct Pair {
    pool: AgentPool,
    model: Model,
    rng: StdRng,
    held: Vec<Held>,
}

/// What undo has to bring back.
struct Held {
    reservation: Reservation,
    before: Profile,
    assigned: u64,
    counted: Option<(Crowd, Option<u32>)>,
}

impl Pair {
    fn new() -> Self {
        let rng = StdRng::seed_from_u64(7);
        Self {
            pool: AgentPool::new(),
            model: Model::default(),
            rng,
            held: Vec::new(),
        }
    }

    fn nth(&self, nth: usize) -> Option<Seat> {
        let seats: Vec<_> = self.model.agents.keys().copied().collect();
        (!seats.is_empty()).then(|| seats[nth % seats.len()])
    }

    /// Applies one change to the model and to the pool.
    fn set(&mut self, nth: usize, pool: impl FnOnce(&mut AgentPool, Seat), model: impl FnOnce(&mut Profile)) {
        if let Some(seat) = self.nth(nth) {
            pool(&mut self.pool, seat);
            model(self.model.agents.get_mut(&seat).expect("one of the seats"));
        }
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Put(profile) => self.put(profile),
            Event::Remove(id) => {
                if let Some(seat) = self.pool.seat(&id) {
                    self.model.agents.remove(&seat);
                    self.model.forget_unprovided();
                }
                self.pool.remove(&id);
                self.held.clear();
            }
            Event::Trust(nth, trust) => self.set(nth, |p, s| p.set_trust(s, trust), |m| m.trust = trust),
            Event::Average(nth, average) => {
                self.set(
                    nth,
                    |p, s| p.set_average(s, average),
                    |m| m.average_seconds = average,
                );
            }
            Event::Health(nth, health) => {
                self.set(nth, |p, s| p.set_health(s, health), |m| m.health = health);
            }
            Event::Draining(nth, draining) => {
                self.set(nth, |p, s| p.set_draining(s, draining), |m| m.draining = draining);
            }
            Event::ReservedFor(nth, client) => {
                let before = self
                    .nth(nth)
                    .map(|seat| self.model.agents[&seat].reserved_for.clone());
                if before.is_none_or(|before| before == client) {
                    return;
                }
                self.set(
                    nth,
                    |p, s| p.set_reserved_for(s, client.as_ref()),
                    |m| m.reserved_for.clone_from(&client),
                );
                self.model.forget_unprovided();
                self.held.clear();
            }
            Event::Door(nth, door) => self.set(nth, |p, s| p.set_door(s, door), |m| m.door = door),
            Event::Active(nth, active) => {
                self.set(nth, |p, s| p.set_active(s, active), |m| m.active = active);
            }
            Event::MaxConcurrency(nth, max) => {
                self.set(
                    nth,
                    |p, s| p.set_max_concurrency(s, max),
                    |m| m.max_concurrency = max,
                );
            }
            Event::Release(nth) => {
                self.set(nth, AgentPool::release, |m| m.active = m.active.saturating_sub(1));
            }
            Event::Take(wish) => self.take(&wish.ask()),
            Event::Reserve(nth) => {
                if let Some(seat) = self.nth(nth) {
                    let reservation = self.pool.reserve(seat);
                    self.hold(reservation, None);
                }
            }
            Event::Undo => self.undo(),
        }
    }

    fn put(&mut self, profile: Profile) {
        let mut expected = profile.clone();
        expected.capabilities = Vec::new();
        for capability in profile
            .capabilities
            .iter()
            .map(|capability| capability.to_lowercase())
        {
            if !expected.capabilities.contains(&capability) {
                expected.capabilities.push(capability);
            }
        }
        if let Some(seat) = self.pool.seat(&profile.id) {
            let before = self.model.agents[&seat].last_assigned;
            expected.last_assigned = expected.last_assigned.max(before);
        }
        self.model.newest = self.model.newest.max(profile.last_assigned);
        let seat = self.pool.put(profile);
        self.model.agents.insert(seat, expected);
        self.model.forget_unprovided();
        self.held.clear();
    }

    fn take(&mut self, ask: &Ask<'_>) {
        let expected = self.model.choices(ask);
        match self.pool.take(ask, &mut self.rng) {
            Some(reservation) => {
                let reserved_for = &self.pool.agent(reservation.seat).reserved_for;
                assert!(
                    reserved_for.is_none() || reserved_for.as_ref() == ask.client,
                    "{ask:?} gave one that is reserved for {reserved_for:?}"
                );
                assert!(
                    expected.contains(&reservation.seat),
                    "{ask:?} gave {reservation:?}, not {expected:?}"
                );
                self.hold(reservation, Some(ask));
            }
            None => assert!(expected.is_empty(), "{ask:?} gave nobody, not {expected:?}"),
        }
    }

    fn hold(&mut self, reservation: Reservation, ask: Option<&Ask<'_>>) {
        let before = self.model.agents[&reservation.seat].clone();
        let counted = ask
            .filter(|ask| ask.strategy == Strategy::FastestResponse)
            .map(|ask| {
                let crowd = self.model.crowd(ask);
                let count = self.model.since_trial.get(&crowd).copied();
                (crowd, count)
            });
        self.model.assigned(reservation.seat, ask);
        let assigned = self.model.newest;
        self.held.push(Held {
            reservation,
            before,
            assigned,
            counted,
        });
    }

    /// Undoes the newest reservation.
    fn undo(&mut self) {
        let Some(held) = self.held.pop() else { return };
        self.pool.undo(held.reservation);
        let agent = self
            .model
            .agents
            .get_mut(&held.reservation.seat)
            .expect("held ones stay");
        agent.active = agent.active.saturating_sub(1);
        if agent.last_assigned == held.assigned {
            agent.last_assigned = held.before.last_assigned;
        }
        if let Some((crowd, count)) = held.counted {
            self.model.since_trial.insert(crowd, count.unwrap_or(0));
        }
    }

    /// Compares everything that can be asked.
    fn check(&mut self) {
        let agents: Vec<_> = self
            .pool
            .iter()
            .map(|(seat, agent)| (seat, agent.clone()))
            .collect();
        let expected: Vec<_> = self
            .model
            .agents
            .iter()
            .map(|(seat, agent)| (*seat, agent.clone()))
            .collect();
        assert_eq!(agents, expected);
        assert_eq!(self.pool.len(), expected.len());
        for wish in Wish::all() {
            let ask = wish.ask();
            let choices = self.model.choices(&ask);
            let chosen = self.pool.choose(&ask, &mut self.rng);
            assert_eq!(chosen.is_some(), !choices.is_empty(), "{ask:?}");
            assert!(
                chosen.is_none_or(|seat| choices.contains(&seat)),
                "{ask:?}: {chosen:?} of {choices:?}"
            );
            if ask.strategy == Strategy::RoundRobin && !ask.heartbeat_needed {
                self.check_pull(&ask);
            }
            self.check_explanation(&ask);
        }
    }

    fn check_pull(&self, ask: &Ask<'_>) {
        let eligible = self.model.eligible(ask, |_| true);
        for (seat, agent) in &self.model.agents {
            let expected = agent.health == Health::Degraded
                && eligible.iter().any(|(_, other)| other.health == Health::Active);
            assert_eq!(
                self.pool.must_yield(*seat, ask.client, ask.capability, ask.tenth),
                expected,
                "{agent:?} {ask:?}"
            );
            assert_eq!(
                self.pool.room(*seat),
                agent.max_concurrency.saturating_sub(agent.active)
            );
        }
        let provided = |may: &dyn Fn(&Profile) -> bool| {
            let mut agents = self.model.agents.values();
            agents.any(|agent| may(agent) && agent.capabilities.iter().any(|own| own == ask.capability))
        };
        let at_the_door = |reserved_for: Option<&ClientId>| {
            let open = self.model.eligible(ask, |agent| {
                agent.door != Door::Closed && agent.reserved_for.as_ref() == reserved_for
            });
            !open.is_empty()
        };
        assert_eq!(
            self.pool.is_open(None, ask.capability, ask.tenth),
            at_the_door(None)
        );
        let Some(client) = ask.client else { return };
        assert_eq!(
            self.pool.provides(client, ask.capability),
            provided(&|agent| agent.reserved_for.is_none() || agent.reserved_for.as_ref() == Some(client))
        );
        assert_eq!(
            self.pool.has_own(client, ask.capability),
            provided(&|agent| agent.reserved_for.as_ref() == Some(client))
        );
        let open = self.pool.is_open(Some(client), ask.capability, ask.tenth);
        assert_eq!(open, at_the_door(Some(client)));
        let mut named = self.pool.open_clients(ask.capability, ask.tenth);
        assert_eq!(open, named.any(|named| named == client));
    }

    fn check_explanation(&mut self, ask: &Ask<'_>) {
        // The same draw for both, so that they have to choose the same at random, too.
        let seed = self.rng.random();
        let (mut rng, mut same) = (StdRng::seed_from_u64(seed), StdRng::seed_from_u64(seed));
        let told = self.pool.explain(ask, usize::MAX, &mut rng);
        let pushed = self.pool.choose(ask, &mut same);
        assert!(
            pushed.is_none() || told.chosen == pushed,
            "{told:?} but {pushed:?}"
        );
        let eligible: Vec<_> = told
            .candidates
            .iter()
            .filter(|candidate| candidate.eligible)
            .collect();
        assert_eq!(told.chosen.is_some(), !eligible.is_empty(), "{told:?}");
        assert!(
            told.chosen
                .is_none_or(|seat| eligible.iter().any(|one| one.seat == seat)),
            "{told:?}"
        );
        let probability = |candidate: &&ains_core::routing::Candidate| candidate.score;
        if ask.strategy == Strategy::TrustWeighted && !eligible.is_empty() {
            let total: f64 = eligible.iter().map(probability).sum();
            assert!((total - 1.0).abs() < 1e-9, "{told:?}");
        }
        assert!(
            told.candidates.is_sorted_by_key(|candidate| !candidate.eligible),
            "{told:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_pool_decides_like_a_model_that_scans_everything(
        events in prop::collection::vec(an_event(), 1..120),
    ) {
        let mut pair = Pair::new();
        for (step, event) in events.into_iter().enumerate() {
            pair.apply(event);
            if step % 8 == 0 {
                pair.check();
            }
        }
        pair.check();
    }

    #[test]
    fn in_a_crowd_of_equals_the_pool_decides_like_the_model(
        agents in 2..70_usize,
        events in prop::collection::vec(an_event(), 1..200),
    ) {
        // All in one group, so that its trees are deep and change their size.
        let mut pair = Pair::new();
        for number in 0..agents {
            pair.put(Profile {
                id: format!("one-of-many-{number}").parse().expect("an agent id"),
                reserved_for: (number % 4 == 3).then(|| CLIENTS[number % 8 / 4].clone()),
                capabilities: vec!["translate".to_owned()],
                trust: TrustScore::clamped(0.7),
                max_concurrency: 2,
                health: Health::Active,
                draining: false,
                average_seconds: (number % 3 > 0).then_some(2.0),
                active: 0,
                door: Door::Open,
                last_assigned: 0,
                registered: 0,
            });
        }
        for event in events {
            pair.apply(match event {
                Event::Take(wish) => Event::Take(Wish { capability: 0, ..wish }),
                Event::Remove(_) | Event::Put(_) | Event::Health(..) | Event::ReservedFor(..) => Event::Undo,
                other => other,
            });
        }
        pair.check();
    }

    #[test]
    fn undoing_the_newest_first_leaves_no_trace(
        profiles in prop::collection::vec(a_profile(), 1..12),
        wishes in prop::collection::vec(a_wish(), 1..60),
    ) {
        let mut pool = AgentPool::new();
        for profile in profiles {
            pool.put(profile);
        }
        let mut rng = StdRng::seed_from_u64(3);
        let state = |pool: &AgentPool| {
            let agents: Vec<_> = pool.iter().map(|(seat, agent)| (seat, agent.clone())).collect();
            let choices: Vec<_> = Wish::all()
                .map(|wish| pool.choose(&wish.ask(), &mut StdRng::seed_from_u64(5)))
                .collect();
            (agents, choices)
        };
        let mut states = Vec::new();
        let mut held = Vec::new();
        for wish in wishes {
            let before = state(&pool);
            if let Some(reservation) = pool.take(&wish.ask(), &mut rng) {
                states.push(before);
                held.push(reservation);
            }
        }
        while let (Some(reservation), Some(before)) = (held.pop(), states.pop()) {
            pool.undo(reservation);
            prop_assert_eq!(state(&pool), before);
        }
    }

    #[test]
    fn round_robin_counts_differ_by_at_most_one(
        profiles in prop::collection::vec(a_profile(), 1..30),
        rounds in 1..200_usize,
    ) {
        let mut pool = AgentPool::new();
        for profile in profiles {
            pool.put(Profile { max_concurrency: 1000, ..profile });
        }
        let ask = Ask {
            client: Some(&CLIENTS[0]), capability: "translate", tenth: 0, strategy: Strategy::RoundRobin, heartbeat_needed: false,
        };
        let mut counts = BTreeMap::new();
        let mut rng = StdRng::seed_from_u64(1);
        let explained = pool.explain(&ask, usize::MAX, &mut rng);
        let open = explained.candidates.iter().filter(|candidate| {
            candidate.eligible && pool.agent(candidate.seat).door != Door::Closed
        });
        for candidate in open {
            counts.insert(candidate.seat, 0_usize);
        }
        for _ in 0..rounds {
            if let Some(reservation) = pool.take(&ask, &mut rng) {
                *counts.get_mut(&reservation.seat).expect("only eligible ones are chosen") += 1;
            }
        }
        let (least, most) = (counts.values().min(), counts.values().max());
        prop_assert!(most.copied().unwrap_or(0) - least.copied().unwrap_or(0) <= 1, "{:?}", counts);
    }
}
