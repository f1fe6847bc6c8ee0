//! The agents in memory, and the choice among them.

use std::collections::{HashMap, HashSet};

use rand_core::Rng;

use crate::ids::AgentId;
use crate::routing::profile::{Door, Health, Profile, Seat};
use crate::routing::providers::{Counted, Providers};
use crate::routing::standing::{Home, Standing};
use crate::routing::{Ask, Strategy};
use crate::trust::TrustScore;

/// The agents in memory, indexed for every strategy.
///
/// A choice looks at no more than the roots of its capability's trees, a change of an agent walks
/// one path in each tree it concerns, and neither allocates; see [`routing`](super).
///
/// What happens to an agent is told to the pool by its seat. A seat that nobody holds any more is
/// ignored, except by [`agent`](Self::agent).
#[derive(Debug, Default)]
pub struct AgentPool {
    members: Vec<Option<Member>>,
    free_seats: Vec<Seat>,
    // The two maps are only asked, never iterated: their order is not the same in every process.
    seats: HashMap<AgentId, Seat>,
    capabilities: HashMap<String, usize>,
    providers: Vec<Providers>,
    free_providers: Vec<usize>,
    /// The last sequence number given to an assignment.
    newest: u64,
    /// How many agents have joined so far: tells an agent from a later one on the same seat.
    joined: u64,
}

#[derive(Debug)]
struct Member {
    profile: Profile,
    /// The value of `AgentPool::joined` when it joined.
    joined: u64,
    home: Home,
    places: Vec<Place>,
}

/// Where an agent sits for one of its capabilities.
#[derive(Debug)]
struct Place {
    /// Index into `AgentPool::providers`.
    providers: usize,
    /// In the group of the agent's home.
    slot: u32,
}

/// Work given to an agent, as long as it may still come to nothing.
#[derive(Debug, Clone, Copy)]
#[must_use = "a reservation that comes to nothing has to be undone"]
pub struct Reservation {
    /// Whom the work was given to.
    pub seat: Seat,
    joined: u64,
    /// Its sequence number, and the one the agent had before.
    sequence: u64,
    before: u64,
    /// For `fastest_response`: whose count it changed, and how.
    counted: Option<(usize, Counted)>,
}

impl AgentPool {
    /// A pool without agents.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes an agent in, or replaces what is known of it: it keeps its seat, and of its last
    /// assignment the later one counts.
    ///
    /// # Panics
    /// If there are 2³² agents.
    pub fn put(&mut self, mut profile: Profile) -> Seat {
        let mut seen = HashSet::new();
        for capability in &mut profile.capabilities {
            *capability = capability.to_lowercase();
        }
        profile
            .capabilities
            .retain(|capability| seen.insert(capability.clone()));
        profile.average_seconds = Profile::tidy(profile.average_seconds);
        self.newest = self.newest.max(profile.last_assigned);

        let seat = self.seats.get(&profile.id).copied();
        if let Some(seat) = seat
            && let Some(member) = &mut self.members[seat.index()]
        {
            profile.last_assigned = profile.last_assigned.max(member.profile.last_assigned);
            let moved = profile.capabilities != member.profile.capabilities;
            if moved {
                self.leave_all(seat);
            }
            self.change(seat, |current| *current = profile);
            if moved {
                self.join_all(seat);
            }
            return seat;
        }

        let seat = self.free_seats.pop().unwrap_or_else(|| {
            self.members.push(None);
            Seat(u32::try_from(self.members.len() - 1).expect("there are fewer than 2³² agents"))
        });
        self.seats.insert(profile.id.clone(), seat);
        self.joined += 1;
        let (home, joined) = (Home::of(&profile), self.joined);
        self.members[seat.index()] = Some(Member {
            profile,
            joined,
            home,
            places: Vec::new(),
        });
        self.join_all(seat);
        seat
    }

    /// Lets an agent go.
    pub fn remove(&mut self, id: &AgentId) {
        if let Some(seat) = self.seats.remove(id) {
            self.leave_all(seat);
            self.members[seat.index()] = None;
            self.free_seats.push(seat);
        }
    }

    /// Where an agent sits.
    pub fn seat(&self, id: &AgentId) -> Option<Seat> {
        self.seats.get(id).copied()
    }

    /// The agent on a seat, as it is now.
    ///
    /// # Panics
    /// If nobody holds the seat.
    pub fn agent(&self, seat: Seat) -> &Profile {
        self.get(seat)
            .expect("a seat is asked for only while its agent stays")
    }

    /// The agent on a seat, as it is now, if anybody holds it.
    pub fn get(&self, seat: Seat) -> Option<&Profile> {
        Some(&self.members.get(seat.index())?.as_ref()?.profile)
    }

    /// How many agents there are.
    pub fn len(&self) -> usize {
        self.seats.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.seats.is_empty()
    }

    /// All agents, in the order of their seats.
    pub fn iter(&self) -> impl Iterator<Item = (Seat, &Profile)> {
        let members = self.members.iter().flatten();
        members.filter_map(|member| Some((self.seat(&member.profile.id)?, &member.profile)))
    }

    /// Sets how far an agent is trusted.
    pub fn set_trust(&mut self, seat: Seat, trust: TrustScore) {
        self.change(seat, |agent| agent.trust = trust);
    }

    /// Sets an agent's average completion time, in seconds.
    pub fn set_average(&mut self, seat: Seat, average_seconds: Option<f64>) {
        self.change(seat, |agent| {
            agent.average_seconds = Profile::tidy(average_seconds);
        });
    }

    /// Sets how well an agent is.
    pub fn set_health(&mut self, seat: Seat, health: Health) {
        self.change(seat, |agent| agent.health = health);
    }

    /// Sets whether an agent takes nothing new.
    pub fn set_draining(&mut self, seat: Seat, draining: bool) {
        self.change(seat, |agent| agent.draining = draining);
    }

    /// Sets whether an agent may be handed work unasked.
    pub fn set_door(&mut self, seat: Seat, door: Door) {
        self.change(seat, |agent| agent.door = door);
    }

    /// Sets how many leases an agent holds.
    pub fn set_active(&mut self, seat: Seat, active: u32) {
        self.change(seat, |agent| agent.active = active);
    }

    /// Sets how many leases an agent may hold.
    pub fn set_max_concurrency(&mut self, seat: Seat, max_concurrency: u32) {
        self.change(seat, |agent| agent.max_concurrency = max_concurrency);
    }

    /// Chooses for `ask` and reserves: one lease more, and the newest in the round.
    pub fn take<R: Rng + ?Sized>(&mut self, ask: &Ask<'_>, rng: &mut R) -> Option<Reservation> {
        let index = *self.capabilities.get(ask.capability)?;
        let providers = &mut self.providers[index];
        let choice = providers.choose(ask, rng)?;
        let counted =
            (ask.strategy == Strategy::FastestResponse).then(|| (index, providers.count(choice.trial)));
        Some(Reservation {
            counted,
            ..self.reserve(choice.seat)
        })
    }

    /// Whom [`take`](Self::take) would choose, changing nothing.
    pub fn choose<R: Rng + ?Sized>(&self, ask: &Ask<'_>, rng: &mut R) -> Option<Seat> {
        Some(self.providers(ask.capability)?.choose(ask, rng)?.seat)
    }

    /// Reserves for an agent that was chosen otherwise, by a pull for example.
    pub fn reserve(&mut self, seat: Seat) -> Reservation {
        self.newest += 1;
        let sequence = self.newest;
        let mut before = 0;
        self.change(seat, |agent| {
            before = std::mem::replace(&mut agent.last_assigned, sequence);
            agent.active = agent.active.saturating_add(1);
        });
        Reservation {
            seat,
            joined: self.joined_on(seat),
            sequence,
            before,
            counted: None,
        }
    }

    /// Takes a reservation back, as if it had not happened: one lease fewer, and the agent's place
    /// in the round as before unless it was assigned again since.
    ///
    /// Several are undone newest first; then the pool is exactly as it was.
    pub fn undo(&mut self, reservation: Reservation) {
        if let Some((providers, counted)) = reservation.counted
            && let Some(providers) = self.providers.get_mut(providers)
        {
            providers.uncount(counted);
        }
        if self.joined_on(reservation.seat) == reservation.joined {
            self.change(reservation.seat, |agent| {
                agent.active = agent.active.saturating_sub(1);
                if agent.last_assigned == reservation.sequence {
                    agent.last_assigned = reservation.before;
                }
            });
        }
    }

    /// Notes that an agent holds one lease fewer.
    pub fn release(&mut self, seat: Seat) {
        self.change(seat, |agent| agent.active = agent.active.saturating_sub(1));
    }

    /// Whether an agent that asks must leave such work to others: it is degraded, and one that is
    /// not could be given it.
    pub fn must_yield(&self, seat: Seat, capability: &str, tenth: u8) -> bool {
        self.get(seat)
            .is_some_and(|agent| agent.health == Health::Degraded)
            && self
                .providers(capability)
                .is_some_and(|providers| providers.any_able(tenth))
    }

    /// Whether any agent provides this, whatever its state.
    pub fn provides(&self, capability: &str) -> bool {
        self.capabilities.contains_key(capability)
    }

    /// How many leases an agent may still be given.
    pub fn room(&self, seat: Seat) -> u32 {
        self.get(seat).map_or(0, Profile::room)
    }

    /// The last sequence number given to an assignment.
    pub(super) fn newest(&self) -> u64 {
        self.newest
    }

    pub(super) fn providers(&self, capability: &str) -> Option<&Providers> {
        Some(&self.providers[*self.capabilities.get(capability)?])
    }

    fn joined_on(&self, seat: Seat) -> u64 {
        let member = self.members.get(seat.index()).and_then(Option::as_ref);
        member.map_or(0, |member| member.joined)
    }

    /// Changes an agent and puts all trees right.
    fn change(&mut self, seat: Seat, change: impl FnOnce(&mut Profile)) {
        let Some(Some(member)) = self.members.get_mut(seat.index()) else {
            return;
        };
        change(&mut member.profile);
        let standing = Standing::new(seat, &member.profile);
        let before = std::mem::replace(&mut member.home, Home::of(&member.profile));
        for place in &mut member.places {
            let providers = &mut self.providers[place.providers];
            if member.home == before {
                providers.update(before, place.slot, standing);
            } else {
                providers.leave(before, place.slot);
                place.slot = providers.join(member.home, standing);
            }
        }
    }

    /// Enters an agent with all its capabilities.
    fn join_all(&mut self, seat: Seat) {
        let Some(Some(member)) = self.members.get_mut(seat.index()) else {
            return;
        };
        let standing = Standing::new(seat, &member.profile);
        for capability in &member.profile.capabilities {
            let providers = self.capabilities.get(capability).copied().unwrap_or_else(|| {
                let index = self.free_providers.pop().unwrap_or_else(|| {
                    self.providers.push(Providers::default());
                    self.providers.len() - 1
                });
                self.capabilities.insert(capability.clone(), index);
                index
            });
            let slot = self.providers[providers].join(member.home, standing);
            member.places.push(Place { providers, slot });
        }
    }

    /// Takes an agent out everywhere, and forgets capabilities that nobody else provides.
    fn leave_all(&mut self, seat: Seat) {
        let Some(Some(member)) = self.members.get_mut(seat.index()) else {
            return;
        };
        for (capability, place) in member.profile.capabilities.iter().zip(member.places.drain(..)) {
            let providers = &mut self.providers[place.providers];
            providers.leave(member.home, place.slot);
            if providers.is_empty() {
                *providers = Providers::default();
                self.capabilities.remove(capability);
                self.free_providers.push(place.providers);
            }
        }
    }
}
