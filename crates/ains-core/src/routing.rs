//! Which agent does a task: the strategies and the pool they choose from (semantics §4).
//!
//! - [`AgentPool`] holds the agents; [`AgentPool::take`] chooses and reserves.
//! - A strategy is one file: its `rank` says who comes first, its `choose` picks among the agents
//!   that may be given the work, its `score` is what `explain` shows.
//! - An agent that is reserved for a client is given that client's tasks alone: a choice is made among the
//!   shared agents and the client's own, as if they were one crowd (`circle`).
//! - Inside, every agent has one *home*: (degraded or not, ever heard of or not, tenth of trust).
//!   For each of its capabilities it sits in the group of that home, which keeps one small tree per
//!   strategy. A choice looks at the roots of at most 22 groups, and of as many if the client has agents
//!   of its own; a change of one agent touches one
//!   path of the trees whose order it changes. Both are O(log agents) and write in place: memory is
//!   allocated only when an agent joins a group (put, or moved by trust, health or first heartbeat).

mod circle;
mod explain;
mod fastest_response;
mod group;
mod least_loaded;
mod pool;
mod profile;
mod providers;
mod round_robin;
mod standing;
mod tree;
mod trust_weighted;

pub use explain::{Candidate, Explanation, WhyNot};
pub use pool::{AgentPool, Reservation};
pub use profile::{Door, Health, Profile, Seat};

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::ClientId;

/// How an agent is chosen among those that may do a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// The least recently assigned first.
    #[default]
    RoundRobin,
    /// The one with the fewest leases for its size.
    LeastLoaded,
    /// At random, in proportion to trust.
    TrustWeighted,
    /// The one with the lowest average completion time.
    FastestResponse,
}

/// A name that is not a strategy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a routing strategy")]
pub struct UnknownStrategy(pub String);

impl Strategy {
    /// All of them, in the order in which the API lists them.
    pub const ALL: [Self; 4] = [
        Self::RoundRobin,
        Self::LeastLoaded,
        Self::TrustWeighted,
        Self::FastestResponse,
    ];

    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RoundRobin => "round_robin",
            Self::LeastLoaded => "least_loaded",
            Self::TrustWeighted => "trust_weighted",
            Self::FastestResponse => "fastest_response",
        }
    }
}

impl AsRef<str> for Strategy {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Strategy {
    type Err = UnknownStrategy;

    fn from_str(name: &str) -> Result<Self, UnknownStrategy> {
        Self::ALL
            .into_iter()
            .find(|strategy| strategy.as_str() == name)
            .ok_or_else(|| UnknownStrategy(name.chars().take(64).collect()))
    }
}

/// The work an agent is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask<'a> {
    /// Whose work it is. `None`: nobody's in particular, so that only agents that serve everybody count.
    pub client: Option<&'a ClientId>,
    /// What the agent has to provide, in lower case.
    pub capability: &'a str,
    /// The tenth of trust it has to reach, 0..=10: [`lane_tenth`](crate::trust::lane_tenth) of
    /// the task's `min_trust`.
    pub tenth: u8,
    /// How to choose among several.
    pub strategy: Strategy,
    /// Whether only agents count that have been heard of, see [`Door::Unheard`].
    pub heartbeat_needed: bool,
}
