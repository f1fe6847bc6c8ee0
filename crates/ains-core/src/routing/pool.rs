//! The agents in memory, and the choice among them.

use std::collections::{BTreeMap, HashMap, HashSet};

use rand_core::Rng;

use crate::ids::{AgentId, ClientId};
use crate::routing::circle::Circle;
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
    capabilities: HashMap<String, Provided>,
    providers: Vec<Providers>,
    free_providers: Vec<usize>,
    /// The last sequence number given to an assignment.
    newest: u64,
    /// How many agents have joined so far: tells an agent from a later one on the same seat.
    joined: u64,
}

/// Who provides one capability, as indices into `AgentPool::providers`.
#[derive(Debug, Default)]
struct Provided {
    /// Those that serve everybody.
    shared: Option<usize>,
    /// Those that serve one client alone.
    own: BTreeMap<ClientId, usize>,
}

impl Provided {
    #[inline]
    fn of(&self, reserved_for: Option<&ClientId>) -> Option<usize> {
        match reserved_for {
            None => self.shared,
            Some(client) => self.own.get(client).copied(),
        }
    }
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
            let moved = profile.capabilities != member.profile.capabilities
                || profile.reserved_for != member.profile.reserved_for;
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

    /// Sets whose tasks alone an agent is given.
    pub fn set_reserved_for(&mut self, seat: Seat, client: Option<&ClientId>) {
        if self
            .get(seat)
            .is_some_and(|agent| agent.reserved_for.as_ref() != client)
        {
            self.leave_all(seat);
            self.change(seat, |agent| agent.reserved_for = client.cloned());
            self.join_all(seat);
        }
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
        let (shared, own) = self.indices(ask.capability, ask.client);
        let choice = self.circle(shared, own).choose(ask, rng)?;
        let counted = own
            .or(shared)
            .filter(|_| ask.strategy == Strategy::FastestResponse)
            .map(|index| (index, self.providers[index].count(choice.trial)));
        Some(Reservation {
            counted,
            ..self.reserve(choice.seat)
        })
    }

    /// Whom [`take`](Self::take) would choose, changing nothing.
    pub fn choose<R: Rng + ?Sized>(&self, ask: &Ask<'_>, rng: &mut R) -> Option<Seat> {
        let circle = self.circle_of(ask.capability, ask.client);
        circle.choose(ask, rng).map(|choice| choice.seat)
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
    /// not could be given it. Without `client` only others that serve everybody count.
    pub fn must_yield(&self, seat: Seat, client: Option<&ClientId>, capability: &str, tenth: u8) -> bool {
        self.get(seat)
            .is_some_and(|agent| agent.health == Health::Degraded)
            && self.circle_of(capability, client).any_able(tenth)
    }

    /// Whether any agent that serves `client` provides this, whatever its state.
    pub fn provides(&self, client: &ClientId, capability: &str) -> bool {
        self.capabilities
            .get(capability)
            .is_some_and(|provided| provided.shared.is_some() || provided.own.contains_key(client))
    }

    /// Whether any agent that serves `client` alone provides this, whatever its state.
    pub fn has_own(&self, client: &ClientId, capability: &str) -> bool {
        self.capabilities
            .get(capability)
            .is_some_and(|provided| provided.own.contains_key(client))
    }

    /// Whether an agent that is reserved for this client (`None`: for nobody) stands at the door for work of
    /// `tenth`; work that does not demand a heartbeat.
    pub fn is_open(&self, reserved_for: Option<&ClientId>, capability: &str, tenth: u8) -> bool {
        self.capabilities
            .get(capability)
            .and_then(|provided| provided.of(reserved_for))
            .is_some_and(|index| self.providers[index].any_open(tenth))
    }

    /// The clients of which an agent of their own stands at the door for such work, in order.
    pub fn open_clients(&self, capability: &str, tenth: u8) -> impl Iterator<Item = &ClientId> {
        let provided = self.capabilities.get(capability).into_iter();
        provided
            .flat_map(|provided| &provided.own)
            .filter(move |(_, index)| self.providers[**index].any_open(tenth))
            .map(|(client, _)| client)
    }

    /// How many leases an agent may still be given.
    pub fn room(&self, seat: Seat) -> u32 {
        self.get(seat).map_or(0, Profile::room)
    }

    /// The last sequence number given to an assignment.
    pub(super) fn newest(&self) -> u64 {
        self.newest
    }

    /// Who provides this and may do the work of `client`.
    #[inline]
    pub(super) fn circle_of(&self, capability: &str, client: Option<&ClientId>) -> Circle<'_> {
        let (shared, own) = self.indices(capability, client);
        self.circle(shared, own)
    }

    #[inline]
    fn circle(&self, shared: Option<usize>, own: Option<usize>) -> Circle<'_> {
        Circle {
            shared: shared.map(|index| &self.providers[index]),
            own: own.map(|index| &self.providers[index]),
        }
    }

    /// Where those stand that serve everybody, and those that serve `client` alone.
    #[inline]
    fn indices(&self, capability: &str, client: Option<&ClientId>) -> (Option<usize>, Option<usize>) {
        self.capabilities
            .get(capability)
            .map_or((None, None), |provided| {
                let own = client.filter(|_| !provided.own.is_empty());
                (provided.shared, own.and_then(|client| provided.of(Some(client))))
            })
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
            let known = self.capabilities.get(capability);
            let reserved_for = member.profile.reserved_for.as_ref();
            let known = known.and_then(|provided| provided.of(reserved_for));
            let providers = known.unwrap_or_else(|| {
                let index = self.free_providers.pop().unwrap_or_else(|| {
                    self.providers.push(Providers::default());
                    self.providers.len() - 1
                });
                let provided = self.capabilities.entry(capability.clone()).or_default();
                match reserved_for {
                    None => provided.shared = Some(index),
                    Some(client) => drop(provided.own.insert(client.clone(), index)),
                }
                index
            });
            let slot = self.providers[providers].join(member.home, standing);
            member.places.push(Place { providers, slot });
        }
    }

    /// Takes an agent out everywhere, and forgets what nobody else provides.
    fn leave_all(&mut self, seat: Seat) {
        let Some(Some(member)) = self.members.get_mut(seat.index()) else {
            return;
        };
        for (capability, place) in member.profile.capabilities.iter().zip(member.places.drain(..)) {
            let providers = &mut self.providers[place.providers];
            providers.leave(member.home, place.slot);
            if !providers.is_empty() {
                continue;
            }
            *providers = Providers::default();
            self.free_providers.push(place.providers);
            if let Some(provided) = self.capabilities.get_mut(capability) {
                match &member.profile.reserved_for {
                    None => provided.shared = None,
                    Some(client) => drop(provided.own.remove(client)),
                }
                if provided.shared.is_none() && provided.own.is_empty() {
                    self.capabilities.remove(capability);
                }
            }
        }
    }
}
