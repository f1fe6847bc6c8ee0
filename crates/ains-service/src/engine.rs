//! What a server knows in memory: the agents, who waits for work, which lanes may hold some, who
//! waits for a task to end.
//!
//! The engine changes after a commit, and before one only by reservations, which are undone when
//! the transaction fails. What it knows of other servers may be some milliseconds old; the
//! database is asked again wherever that matters.

mod changes;
mod ends;
mod hooks;
mod lanes;
mod roster;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use ains_core::agent::{Agent, AgentStatus};
use ains_core::directory::{Card, Directory, Offer};
use ains_core::routing::{AgentPool, Ask, Door, Health, Profile, Reservation, Seat, Strategy};
use ains_core::{AgentId, ChainId, ClientId, Lane, TaskId, Timestamp};
use ains_store::tasks::Load;
use tokio::sync::Notify;

use self::changes::Changes;
pub(crate) use self::ends::{EndWatch, Subject};
use self::hooks::Hooks;
use self::lanes::Lanes;
pub(crate) use self::lanes::{Part, Ready};
pub(crate) use self::roster::{Known, Waiter};
use crate::entropy::Entropy;
use crate::feed::Feed;
use crate::metrics::Spread;
use crate::op::Claim;

/// The memory of one server.
#[derive(Default)]
pub(crate) struct Engine {
    state: Mutex<State>,
    /// Who waits for the end of a task or a chain.
    pub(crate) ends: EndWatch,
    /// Woken when [`State::next_instant`] may have come nearer.
    pub(crate) timer: Notify,
    /// Woken when there is something to tell other servers.
    pub(crate) news: Notify,
    /// Whether the next batch locks the graphs first, because one turned out to go far.
    pub(crate) graphs_first: AtomicBool,
    /// Woken when a chain waits for expressions to be evaluated.
    pub(crate) questions: Notify,
    /// Those who follow what happens.
    pub(crate) feed: Feed,
    /// The webhooks that are told of it.
    pub(crate) hooks: Hooks,
    /// The agents as people look for them. Locked before the state, where both are.
    directory: RwLock<Directory>,
}

/// The agents and lanes.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) pool: AgentPool,
    pub(crate) roster: BTreeMap<AgentId, Known>,
    pub(crate) lanes: Lanes,
    /// Claims that wait for a subset of their agent's capabilities: the pool does not know of them.
    pub(crate) choosy: BTreeSet<(AgentId, u64)>,
    /// Agents of which a claim waits here.
    pub(crate) waiting: BTreeSet<AgentId>,
    /// The next instant at which a lease ends, a task is due, or one expires.
    pub(crate) next_instant: Option<Timestamp>,
    /// Agents with signs of life that are not stored yet.
    pub(crate) unstored_signs: BTreeSet<AgentId>,
    /// Agents of which something older was read than is known: to be read again.
    pub(crate) outdated: BTreeSet<AgentId>,
    /// What other servers should hear.
    pub(crate) news: News,
    /// How the trust of the agents is spread.
    pub(crate) spread: Spread,
    /// What the directory has not been told yet.
    pub(crate) untold: Changes,
    /// Chains that wait for expressions to be evaluated; the store knows them too.
    pub(crate) asking: BTreeSet<ChainId>,
}

/// What other servers should hear of.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// Lanes in which a task became ready.
    pub(crate) ready: BTreeSet<String>,
    /// Those of them in which a task of a client became ready that has agents of its own.
    pub(crate) own: BTreeSet<(String, ClientId)>,
    /// Agents that changed: to be read again.
    pub(crate) agents: BTreeSet<AgentId>,
    /// What agents hold now.
    pub(crate) loads: BTreeMap<AgentId, Load>,
    /// What ended.
    pub(crate) ended: BTreeSet<Subject>,
    /// What agents should stop working on.
    pub(crate) stops: BTreeSet<(AgentId, TaskId)>,
    /// Whether there is more for those who follow what happens.
    pub(crate) told: bool,
    /// Whether somebody here follows what happens.
    pub(crate) follows: bool,
}

/// A task given to an agent, before its transaction is committed.
#[derive(Debug, Clone)]
pub(crate) struct Pick {
    pub(crate) reservation: Reservation,
    pub(crate) agent: AgentId,
    /// The claim that it is handed to; `None` if it is pushed.
    pub(crate) waiter: Option<u64>,
}

/// How the agent of a task is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct How<'a> {
    /// Whose task it is.
    pub(crate) client: &'a ClientId,
    pub(crate) strategy: Strategy,
    pub(crate) heartbeat_needed: bool,
}

impl Engine {
    /// An engine that knows `state`.
    pub(crate) fn with(state: State) -> Self {
        Self {
            state: Mutex::new(state),
            ..Self::default()
        }
    }

    /// The state. Held for moments, never over a wait.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The directory, told of everything that happened before.
    ///
    /// What changes an agent only leaves a note, one an agent at most: a writer never waits for a search.
    pub(crate) fn directory(&self) -> RwLockReadGuard<'_, Directory> {
        self.tell_directory();
        self.directory.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the directory what it has not been told.
    pub(crate) fn tell_directory(&self) {
        if self.lock().untold.is_empty() {
            return;
        }
        let mut directory = self.directory.write().unwrap_or_else(PoisonError::into_inner);
        // Taken while the directory is held: notes are told in the order in which they are taken.
        let changes = std::mem::take(&mut self.lock().untold);
        changes.tell(&mut directory);
    }
}

/// All that an agent provides, in lower case: its tags, and the names of what it offers.
pub(crate) fn provided(agent: &Agent, offers: &[Offer]) -> Vec<String> {
    let tags = agent.tags.iter().map(|tag| tag.as_str().to_lowercase());
    let names = offers.iter().map(|offer| offer.name.as_str().to_lowercase());
    let provided: BTreeSet<String> = tags.chain(names).collect();
    provided.into_iter().collect()
}

/// The health that the pool goes by.
fn health(status: AgentStatus) -> Health {
    match status {
        AgentStatus::Active => Health::Active,
        AgentStatus::Degraded => Health::Degraded,
        AgentStatus::Inactive => Health::Inactive,
    }
}

impl State {
    /// Takes in how much an agent holds, unless a later count is known: they do not arrive in the
    /// order of the commits.
    pub(crate) fn set_load(&mut self, agent: &AgentId, load: Load) {
        let (Some(seat), Some(known)) = (self.pool.seat(agent), self.roster.get_mut(agent)) else {
            return;
        };
        if load.counted_at >= known.counted_at {
            known.counted_at = load.counted_at;
            self.pool.set_active(seat, load.held);
        }
    }

    /// Takes in what the store says of an agent, and what it offers; unless something later is known: what other
    /// servers did is read, and does not arrive in the order of the commits.
    pub(crate) fn put(&mut self, agent: &Agent, offers: Vec<Offer>) {
        let is_another = |known: &Known| known.registered != agent.created_at;
        if self.roster.get(&agent.id).is_some_and(is_another) {
            // Of one id, but not the same: nothing that was known of the other holds, and nobody waits for it any more. It is
            // read once more, in case this was the earlier one of the two.
            self.remove(&agent.id);
            self.outdated.insert(agent.id.clone());
        }
        let seat = self.pool.seat(&agent.id);
        let current = seat.and_then(|seat| self.pool.get(seat));
        let active = current.map_or(0, |profile| profile.active);
        let trust_before = current.map(|profile| profile.trust);
        let known = self
            .roster
            .entry(agent.id.clone())
            .or_insert_with(|| Known::new(agent));
        if agent.updated_at < known.updated_at {
            // What it offers may be news all the same.
            self.outdated.insert(agent.id.clone());
            return;
        }
        if let Some(before) = trust_before {
            self.spread.take(before);
        }
        self.spread.add(agent.trust);
        known.refresh(agent);
        let profile = Profile {
            id: agent.id.clone(),
            reserved_for: agent.reserved_for().cloned(),
            capabilities: provided(agent, &offers),
            trust: agent.trust,
            max_concurrency: agent.max_concurrency,
            health: health(agent.status),
            draining: agent.draining,
            average_seconds: agent.average_seconds,
            active,
            door: known.door(),
            last_assigned: agent
                .last_assigned_at
                .map_or(0, |at| u64::try_from(at.as_micros()).unwrap_or(0)),
            registered: agent.created_at.as_micros(),
        };
        self.pool.put(profile);
        self.untold.put(Card::from(agent), Some(offers));
    }

    /// Takes in what a transaction changed about an agent that is known.
    pub(crate) fn update(&mut self, agent: &Agent) {
        let Some(seat) = self.pool.seat(&agent.id) else {
            return;
        };
        if let Some(known) = self.roster.get_mut(&agent.id) {
            // Rows do not arrive in the order of the commits.
            if agent.updated_at < known.updated_at {
                return;
            }
            known.refresh(agent);
        }
        self.spread.take(self.pool.agent(seat).trust);
        self.spread.add(agent.trust);
        self.pool.set_reserved_for(seat, agent.reserved_for());
        self.pool.set_trust(seat, agent.trust);
        self.pool.set_average(seat, agent.average_seconds);
        self.pool.set_health(seat, health(agent.status));
        self.pool.set_draining(seat, agent.draining);
        self.pool.set_max_concurrency(seat, agent.max_concurrency);
        self.reset_door(&agent.id);
        self.untold.put(Card::from(agent), None);
    }

    /// Lets an agent go; its waiting claims end empty.
    pub(crate) fn remove(&mut self, agent: &AgentId) {
        let profile = self.pool.seat(agent).and_then(|seat| self.pool.get(seat));
        if let Some(profile) = profile {
            self.spread.take(profile.trust);
        }
        self.pool.remove(agent);
        self.untold.remove(agent.clone());
        self.unstored_signs.remove(agent);
        self.waiting.remove(agent);
        if let Some(known) = self.roster.remove(agent) {
            for waiter in known.waiting {
                self.choosy.remove(&(agent.clone(), waiter.claim.number));
                let _ = waiter.claim.reply.send(Ok(Vec::new()));
            }
        }
    }

    /// Opens or closes an agent's door as its claims stand.
    pub(crate) fn reset_door(&mut self, agent: &AgentId) {
        if let (Some(known), Some(seat)) = (self.roster.get(agent), self.pool.seat(agent)) {
            let door = known.door();
            if self.pool.agent(seat).door != door {
                self.pool.set_door(seat, door);
            }
        }
    }

    /// Chooses an agent for a ready task and reserves it: one whose claim waits here, or one that
    /// work is pushed to.
    pub(crate) fn pick(&mut self, how: How<'_>, lane: &Lane, entropy: &Entropy) -> Option<Pick> {
        let ask = Ask {
            client: Some(how.client),
            capability: &lane.capability,
            tenth: lane.tenth,
            strategy: how.strategy,
            heartbeat_needed: how.heartbeat_needed,
        };
        let reservation = self.pool.take(&ask, &mut *entropy.routing())?;
        let agent = self.pool.agent(reservation.seat).id.clone();
        let waiter = self.roster.get_mut(&agent).and_then(Known::reserve);
        if waiter.is_some() {
            self.reset_door(&agent);
        }
        Some(Pick {
            reservation,
            agent,
            waiter,
        })
    }

    /// Takes a pick back.
    pub(crate) fn unpick(&mut self, pick: &Pick) {
        self.pool.undo(pick.reservation);
        if let (Some(waiter), Some(known)) = (pick.waiter, self.roster.get_mut(&pick.agent)) {
            known.unreserve(waiter);
            let over = known.is_over(waiter);
            self.reset_door(&pick.agent);
            if over && let Some(claim) = self.give_up(&pick.agent, waiter) {
                // Its time ran out, or its caller left, while something was on its way to it.
                let _ = claim.reply.send(Ok(Vec::new()));
            }
        }
    }

    /// Ends the reservations of a batch: claims that got something are served by it alone.
    pub(crate) fn seal(&mut self, picks: &[Pick]) {
        for pick in picks {
            if let (Some(waiter), Some(known)) = (pick.waiter, self.roster.get_mut(&pick.agent)) {
                known.seal(waiter);
                self.reset_door(&pick.agent);
            }
        }
    }

    /// Lets a claim wait, unless something that it may be given was put in one of its lanes since `seen`;
    /// then it is given back to be tried again.
    pub(crate) fn wait(&mut self, claim: Claim, seen: u64, now: Timestamp) -> Option<Claim> {
        let Some(seat) = self.pool.seat(&claim.agent) else {
            let _ = claim.reply.send(Ok(Vec::new()));
            return None;
        };
        let profile = self.pool.agent(seat);
        let own = claim.capabilities.as_ref().unwrap_or(&profile.capabilities);
        if own.iter().any(|capability| {
            self.lanes
                .marked_since(profile.reserved_for.as_ref(), capability, seen)
        }) {
            return Some(claim);
        }
        let agent = claim.agent.clone();
        if claim.capabilities.is_some() {
            self.choosy.insert((agent.clone(), claim.number));
        }
        if let Some(known) = self.roster.get_mut(&agent) {
            known.stirred = now;
            known.waiting.push_back(Waiter::new(claim));
            self.waiting.insert(agent.clone());
            self.reset_door(&agent);
        }
        None
    }

    /// Takes a waiting claim out, if it still waits and nothing is reserved for it.
    pub(crate) fn give_up(&mut self, agent: &AgentId, number: u64) -> Option<Claim> {
        let claim = self.roster.get_mut(agent)?.take(number, false)?;
        self.taken_out(agent, number);
        Some(claim)
    }

    /// Takes a claim out to be answered.
    pub(crate) fn serve(&mut self, agent: &AgentId, number: u64) -> Option<Claim> {
        let claim = self.roster.get_mut(agent)?.take(number, true)?;
        self.taken_out(agent, number);
        Some(claim)
    }

    /// A claim no longer waits.
    fn taken_out(&mut self, agent: &AgentId, number: u64) {
        self.choosy.remove(&(agent.clone(), number));
        if self
            .roster
            .get(agent)
            .is_none_or(|known| known.waiting.is_empty())
        {
            self.waiting.remove(agent);
        }
        self.reset_door(agent);
    }

    /// Takes every claim out that waits and has nothing reserved.
    pub(crate) fn everyone_waiting(&mut self) -> Vec<Claim> {
        let waiting: Vec<(AgentId, u64)> = self
            .roster
            .iter()
            .flat_map(|(agent, known)| {
                known
                    .waiting
                    .iter()
                    .map(|waiter| (agent.clone(), waiter.claim.number))
            })
            .collect();
        waiting
            .into_iter()
            .filter_map(|(agent, number)| self.give_up(&agent, number))
            .collect()
    }

    /// Notes that tasks became ready.
    pub(crate) fn mark(&mut self, ready: &Ready) {
        for (lane, clients) in ready {
            let own = clients
                .iter()
                .filter(|client| self.pool.has_own(client, &lane.capability));
            self.lanes.mark(lane, own);
        }
    }

    /// What there is of `ready` for agents that stand at the door: those that serve everybody, and clients' own.
    pub(crate) fn open_parts(&self, ready: &Ready) -> BTreeSet<Part> {
        let parts = ready.iter().flat_map(|(lane, clients)| {
            let clients = clients.iter().cloned().map(Some);
            std::iter::once(None).chain(clients).map(|client| Part {
                lane: lane.clone(),
                client,
            })
        });
        parts.filter(|part| self.is_open(part)).collect()
    }

    /// Whether an agent stands at the door that could be handed work of `part` now.
    pub(crate) fn is_open(&self, part: &Part) -> bool {
        self.pool
            .is_open(part.client.as_ref(), &part.lane.capability, part.lane.tenth)
    }

    /// Choosy claims that wait for something of `ready`, to be tried again.
    pub(crate) fn choosy_for(&mut self, ready: &Ready) -> Vec<Claim> {
        let wanted: Vec<(AgentId, u64)> = self
            .choosy
            .iter()
            .filter(|(agent, number)| {
                let reserved_for = self.reserved_for(agent);
                self.roster
                    .get(agent)
                    .is_some_and(|known| known.waits_for(*number, reserved_for, ready))
            })
            .cloned()
            .collect();
        wanted
            .into_iter()
            .filter_map(|(agent, number)| self.give_up(&agent, number))
            .collect()
    }

    /// The client whose tasks alone an agent is given.
    pub(crate) fn reserved_for(&self, agent: &AgentId) -> Option<&ClientId> {
        let profile = self.pool.seat(agent).and_then(|seat| self.pool.get(seat))?;
        profile.reserved_for.as_ref()
    }

    /// The clients of which an agent of their own waits here for work of `lane`.
    pub(crate) fn clients_waiting(&self, lane: &Lane) -> BTreeSet<ClientId> {
        let open = self.pool.open_clients(&lane.capability, lane.tenth);
        let choosy = self
            .choosy
            .iter()
            .filter_map(|(agent, _)| self.reserved_for(agent))
            .filter(|client| self.pool.has_own(client, &lane.capability));
        open.chain(choosy).cloned().collect()
    }

    /// What may hold work for an agent, if its door is open.
    pub(crate) fn parts_for(&self, seat: Seat) -> Vec<Part> {
        let profile = self.pool.agent(seat);
        if profile.door == Door::Closed {
            return Vec::new();
        }
        let lanes = profile
            .capabilities
            .iter()
            .flat_map(|capability| self.lanes.of(capability, profile.trust.tenth()));
        lanes
            .map(|lane| Part {
                lane,
                client: profile.reserved_for.clone(),
            })
            .collect()
    }

    /// Notes that an agent changed just now, or what it holds: it may only be about to be given something.
    pub(crate) fn stir(&mut self, agent: &AgentId, now: Timestamp) {
        if let Some(known) = self.roster.get_mut(agent) {
            known.stirred = known.stirred.max(now);
        }
    }

    /// Notes a sign of life.
    pub(crate) fn sign(&mut self, agent: &AgentId, now: Timestamp, heartbeat: bool) {
        if let Some(known) = self.roster.get_mut(agent)
            && known.sign(now, heartbeat)
        {
            self.unstored_signs.insert(agent.clone());
        }
    }
}
