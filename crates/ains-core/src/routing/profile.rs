//! What the pool knows of an agent.

use crate::ids::{AgentId, ClientId};
use crate::trust::TrustScore;

/// Handle of an agent in one pool: dense, and stable while the agent stays.
///
/// The seat of an agent that was removed is given to a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seat(pub(super) u32);

impl Seat {
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// How well an agent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Health {
    /// It serves.
    Active,
    /// It serves if nobody else can.
    Degraded,
    /// It is silent or switched off, and is given nothing.
    Inactive,
}

/// May work be handed to this agent unasked?
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Door {
    /// It claims its work itself, and no claim of its waits here.
    Closed,
    /// It never claimed and never sent a heartbeat: it is pushed only work that does not demand
    /// a heartbeat.
    Unheard,
    /// It never claimed (the original's kind), or a claim of its waits here.
    Open,
}

/// An agent as routing sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Who it is.
    pub id: AgentId,
    /// The client whose tasks alone it is given; `None`: everybody's.
    pub reserved_for: Option<ClientId>,
    /// What it provides; the pool puts it in lower case and drops repetitions.
    pub capabilities: Vec<String>,
    /// How far it is trusted.
    pub trust: TrustScore,
    /// How many leases it may hold at once.
    pub max_concurrency: u32,
    /// How well it is.
    pub health: Health,
    /// Whether it finishes what it holds and takes nothing new.
    pub draining: bool,
    /// Average completion time in seconds; none: it has no history. The pool takes a number that
    /// is not finite for none, and a negative one for 0.
    pub average_seconds: Option<f64>,
    /// How many leases it holds.
    pub active: u32,
    /// Whether work may be handed to it unasked.
    pub door: Door,
    /// When it was last given work, as a sequence number of the pool; 0: never.
    pub last_assigned: u64,
    /// Its place in the order of registration.
    pub registered: i64,
}

impl Profile {
    /// Makes of any average one that the pool compares.
    pub(super) fn tidy(average_seconds: Option<f64>) -> Option<f64> {
        average_seconds
            .filter(|average| average.is_finite())
            .map(|average| average.max(0.0))
    }

    /// Leases it may still be given.
    pub fn room(&self) -> u32 {
        self.max_concurrency.saturating_sub(self.active)
    }

    /// Whether it may be given work at all, if it stands at the door or asks.
    pub(super) fn able(&self) -> bool {
        self.health != Health::Inactive && !self.draining && self.room() > 0
    }
}
