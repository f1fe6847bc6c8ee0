//! What a server knows of an agent beyond what routing needs: its claims and signs of life.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use ains_core::agent::{Agent, limits};
use ains_core::routing::Door;
use ains_core::{ClientId, TaskId, Timestamp};

use super::Ready;
use crate::op::Claim;

/// Most cancellations that are kept for an agent's next heartbeat.
const MAX_STOPS: usize = 1000;

/// One agent.
pub(crate) struct Known {
    /// Who registered it, if that was a client. It stays so.
    pub(crate) client: Option<ClientId>,
    /// When it was registered: an id that was given up may be another's since.
    pub(crate) registered: Timestamp,
    /// Whether it has ever claimed.
    claims: bool,
    /// Whether it has ever sent a heartbeat.
    heard: bool,
    /// Whether it left an assignment unstarted and has not called since.
    unresponsive: bool,
    interval: Duration,
    /// When its row last changed, as far as this server has read it.
    pub(crate) updated_at: Timestamp,
    /// When what it holds was last counted, by the database's clock.
    pub(crate) counted_at: i64,
    /// When it last changed, what it holds, or a claim of it began to wait, as far as this server was told.
    pub(crate) stirred: Timestamp,
    /// The latest sign of life, stored or not.
    pub(crate) last_seen: Timestamp,
    stored_seen: Timestamp,
    pub(crate) last_heartbeat: Option<Timestamp>,
    pub(crate) last_assigned: Option<Timestamp>,
    /// Claims that wait, oldest first.
    pub(crate) waiting: VecDeque<Waiter>,
    /// What it should stop working on and has not been told.
    pub(crate) stops: BTreeSet<TaskId>,
    /// Leases that its latest heartbeat did not list.
    pub(crate) unlisted: BTreeMap<TaskId, u32>,
}

/// A claim that waits.
pub(crate) struct Waiter {
    pub(crate) claim: Claim,
    /// Tasks on their way to it.
    reserved: u32,
    /// Whether a batch that reserved for it is on its way: nobody else may.
    sealed: bool,
}

impl Waiter {
    pub(crate) fn new(claim: Claim) -> Self {
        Self {
            claim,
            reserved: 0,
            sealed: false,
        }
    }

    fn is_open(&self) -> bool {
        self.claim.capabilities.is_none()
            && !self.sealed
            && self.reserved < self.claim.max
            && !self.claim.reply.is_closed()
    }
}

impl Known {
    pub(crate) fn new(agent: &Agent) -> Self {
        Self {
            client: agent.client.clone(),
            registered: agent.created_at,
            claims: agent.claims,
            heard: agent.last_heartbeat_at.is_some(),
            unresponsive: agent.unresponsive,
            interval: agent.heartbeat_interval,
            updated_at: agent.updated_at,
            counted_at: 0,
            stirred: agent.updated_at,
            last_seen: agent.last_seen_at,
            stored_seen: agent.last_seen_at,
            last_heartbeat: agent.last_heartbeat_at,
            last_assigned: agent.last_assigned_at,
            waiting: VecDeque::new(),
            stops: BTreeSet::new(),
            unlisted: BTreeMap::new(),
        }
    }

    /// Takes in what the store says.
    pub(crate) fn refresh(&mut self, agent: &Agent) {
        self.claims |= agent.claims;
        self.heard |= agent.last_heartbeat_at.is_some();
        self.unresponsive = agent.unresponsive;
        self.interval = agent.heartbeat_interval;
        self.updated_at = self.updated_at.max(agent.updated_at);
        self.last_seen = self.last_seen.max(agent.last_seen_at);
        self.stored_seen = self.stored_seen.max(agent.last_seen_at);
        self.last_heartbeat = self.last_heartbeat.max(agent.last_heartbeat_at);
        self.last_assigned = self.last_assigned.max(agent.last_assigned_at);
    }

    /// Whether it owes a call.
    pub(crate) fn is_unresponsive(&self) -> bool {
        self.unresponsive
    }

    /// How work may reach it.
    pub(crate) fn door(&self) -> Door {
        if self.waiting.iter().any(Waiter::is_open) {
            Door::Open
        } else if self.claims || self.unresponsive {
            Door::Closed
        } else if self.heard {
            Door::Open
        } else {
            Door::Unheard
        }
    }

    /// Reserves a place in the oldest claim that has one.
    pub(crate) fn reserve(&mut self) -> Option<u64> {
        let waiter = self.waiting.iter_mut().find(|waiter| waiter.is_open())?;
        waiter.reserved += 1;
        Some(waiter.claim.number)
    }

    pub(crate) fn unreserve(&mut self, number: u64) {
        if let Some(waiter) = self
            .waiting
            .iter_mut()
            .find(|waiter| waiter.claim.number == number)
        {
            waiter.reserved = waiter.reserved.saturating_sub(1);
            waiter.sealed &= waiter.reserved > 0;
        }
    }

    pub(crate) fn seal(&mut self, number: u64) {
        if let Some(waiter) = self
            .waiting
            .iter_mut()
            .find(|waiter| waiter.claim.number == number)
        {
            waiter.sealed = waiter.reserved > 0;
        }
    }

    /// Whether claim `number` waits although its time is over or its caller is gone.
    pub(crate) fn is_over(&self, number: u64) -> bool {
        let waiter = self
            .waiting
            .iter()
            .find(|waiter| waiter.claim.number == number && waiter.reserved == 0);
        waiter.is_some_and(|waiter| {
            let claim = &waiter.claim;
            claim.reply.is_closed() || claim.until.is_none_or(|until| until <= std::time::Instant::now())
        })
    }

    /// Takes a claim out; one that something is reserved for only if `served`.
    pub(crate) fn take(&mut self, number: u64, served: bool) -> Option<Claim> {
        let place = self
            .waiting
            .iter()
            .position(|waiter| waiter.claim.number == number && (served || waiter.reserved == 0))?;
        self.waiting.remove(place).map(|waiter| waiter.claim)
    }

    /// The caller's id of claim `number`.
    pub(crate) fn claim_id(&self, number: u64) -> Option<String> {
        self.waiting
            .iter()
            .find(|waiter| waiter.claim.number == number)?
            .claim
            .claim_id
            .clone()
    }

    /// Whether claim `number` waits for something of `ready`; of one client alone, if there is one.
    pub(crate) fn waits_for(&self, number: u64, reserved_for: Option<&ClientId>, ready: &Ready) -> bool {
        let claim = self.waiting.iter().find(|waiter| waiter.claim.number == number);
        let own = claim.and_then(|waiter| waiter.claim.capabilities.as_ref());
        own.is_some_and(|own| {
            ready
                .iter()
                .filter(|(_, clients)| reserved_for.is_none_or(|client| clients.contains(client)))
                .any(|(lane, _)| own.iter().any(|capability| **capability == *lane.capability))
        })
    }

    /// Notes a sign of life; whether it is worth storing: not more often than twice an interval,
    /// so that a heartbeat is not a write.
    pub(crate) fn sign(&mut self, now: Timestamp, heartbeat: bool) -> bool {
        self.last_seen = self.last_seen.max(now);
        if heartbeat {
            self.heard = true;
            self.last_heartbeat = Some(now);
        }
        now.since(self.stored_seen) * 2 >= self.interval
    }

    /// Notes a hand-out.
    pub(crate) fn assigned(&mut self, now: Timestamp) {
        self.last_assigned = Some(now);
    }

    /// The signs of life so far are being stored: when it counts as silent after them.
    pub(crate) fn stored(&mut self) -> Timestamp {
        self.stored_seen = self.last_seen;
        self.last_seen + self.interval * limits::SILENT_AFTER
    }

    /// Keeps a cancellation for the next heartbeat; the oldest are dropped beyond a bound (the
    /// agent's report will be refused all the same).
    pub(crate) fn stop(&mut self, task: TaskId) {
        self.stops.insert(task);
        if self.stops.len() > MAX_STOPS {
            self.stops.pop_first();
        }
    }
}
