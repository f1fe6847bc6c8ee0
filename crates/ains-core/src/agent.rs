//! An agent: who does the work.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{AgentId, CapabilityId, ClientId, Name};
use crate::time::Timestamp;
use crate::trust::TrustScore;

/// Bounds and defaults of a registration (semantics §1.2, §4; api.md).
pub mod limits {
    /// Seconds between two heartbeats.
    pub const HEARTBEAT_SECONDS: std::ops::RangeInclusive<u32> = 1..=86_400;
    /// Seconds between two heartbeats where the agent does not say.
    pub const DEFAULT_HEARTBEAT_SECONDS: u32 = 300;
    /// Tasks an agent may hold at once.
    pub const MAX_CONCURRENCY: std::ops::RangeInclusive<u32> = 1..=10_000;
    /// Tasks an agent may hold at once where it does not say.
    pub const DEFAULT_MAX_CONCURRENCY: u32 = 10;
    /// Intervals without a sign of life after which an agent counts as silent.
    pub const SILENT_AFTER: u32 = 3;
    /// Capabilities of one agent, tags included.
    pub const CAPABILITIES: usize = 64;
}

/// What an agent last said of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AgentStatus {
    /// In good order.
    Active,
    /// Working, but to be spared while others can do the work.
    Degraded,
    /// Gone: by its own word, or silent for too long.
    Inactive,
}

/// Whether an agent can take work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Availability {
    /// It has room.
    Available,
    /// It holds as much as it may.
    Busy,
    /// It is gone.
    Inactive,
    /// It finishes what it holds and takes nothing new.
    Draining,
}

/// A text that names no status of an agent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an agent status")]
pub struct UnknownAgentStatus(pub String);

impl AgentStatus {
    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Degraded => "DEGRADED",
            Self::Inactive => "INACTIVE",
        }
    }
}

impl Availability {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Available => "AVAILABLE",
            Self::Busy => "BUSY",
            Self::Inactive => "INACTIVE",
            Self::Draining => "DRAINING",
        }
    }
}

impl AsRef<str> for AgentStatus {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for AgentStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for AgentStatus {
    type Err = UnknownAgentStatus;

    fn from_str(name: &str) -> Result<Self, UnknownAgentStatus> {
        match name {
            "ACTIVE" => Ok(Self::Active),
            "DEGRADED" => Ok(Self::Degraded),
            "INACTIVE" => Ok(Self::Inactive),
            _ => Err(UnknownAgentStatus(name.chars().take(64).collect())),
        }
    }
}

/// What an agent says in a heartbeat: its health, or (the original's other words) how busy it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeartbeatStatus {
    /// In good order.
    Active,
    /// In good order, with room.
    Available,
    /// In good order, without room.
    Busy,
    /// To be spared.
    Degraded,
    /// Going.
    Offline,
    /// Gone.
    Inactive,
}

impl HeartbeatStatus {
    /// The word itself.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Available => "AVAILABLE",
            Self::Busy => "BUSY",
            Self::Degraded => "DEGRADED",
            Self::Offline => "OFFLINE",
            Self::Inactive => "INACTIVE",
        }
    }

    /// The status that the word amounts to.
    pub fn status(self) -> AgentStatus {
        match self {
            Self::Active | Self::Available | Self::Busy => AgentStatus::Active,
            Self::Degraded => AgentStatus::Degraded,
            Self::Offline | Self::Inactive => AgentStatus::Inactive,
        }
    }
}

impl FromStr for HeartbeatStatus {
    type Err = UnknownAgentStatus;

    fn from_str(name: &str) -> Result<Self, UnknownAgentStatus> {
        [
            Self::Active,
            Self::Available,
            Self::Busy,
            Self::Degraded,
            Self::Offline,
            Self::Inactive,
        ]
        .into_iter()
        .find(|status| status.as_str() == name)
        .ok_or_else(|| UnknownAgentStatus(name.chars().take(64).collect()))
    }
}

/// An agent as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Agent {
    /// What it calls itself.
    pub id: AgentId,
    /// Its Ed25519 key, in hex as it was given.
    pub public_key: String,
    /// Its name for people.
    pub display_name: String,
    /// What it does, for people.
    pub description: Option<String>,
    /// Where it can be reached.
    pub endpoint: String,
    /// What it can do, by tags.
    pub tags: Vec<Name>,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
    /// What it last said of itself.
    pub status: AgentStatus,
    /// Whether it takes nothing new.
    pub draining: bool,
    /// Who registered it, if that was a client: it belongs to it.
    pub client: Option<ClientId>,
    /// Whether it serves every client, and not only its own. One that belongs to nobody always does.
    pub shared: bool,
    /// How much it may hold at once.
    pub max_concurrency: u32,
    /// How often it reports.
    pub heartbeat_interval: Duration,
    /// Its trust.
    pub trust: TrustScore,
    /// Its average completion time in seconds, once it completed something.
    pub average_seconds: Option<f64>,
    /// How many tasks it completed.
    pub completed: i64,
    /// How many of its attempts failed, timed out or were lost.
    pub failed: i64,
    /// When it last completed one.
    pub last_completed_at: Option<Timestamp>,
    /// When it last gave a sign of life.
    pub last_seen_at: Timestamp,
    /// When it last sent a heartbeat.
    pub last_heartbeat_at: Option<Timestamp>,
    /// When it was last given a task.
    pub last_assigned_at: Option<Timestamp>,
    /// Whether it has ever claimed work itself; from then on nothing is pushed unless a claim waits.
    pub claims: bool,
    /// Whether it left an assignment unstarted and has not called since.
    pub unresponsive: bool,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Agent {
    /// Notes a change at `now`. `updated_at` grows with every change, also where the clocks of several servers
    /// differ: whoever hears of two states knows which is the later one. Returns it.
    pub fn touch(&mut self, now: Timestamp) -> Timestamp {
        self.updated_at = now.max(self.updated_at + Duration::from_micros(1));
        self.updated_at
    }

    /// The client whose tasks alone it is given; `None`: everybody's.
    pub fn reserved_for(&self) -> Option<&ClientId> {
        self.client.as_ref().filter(|_| !self.shared)
    }

    /// Whether it is given tasks of `client` (semantics §9).
    pub fn serves(&self, client: &ClientId) -> bool {
        self.reserved_for().is_none_or(|own| own == client)
    }

    /// When it counts as silent if it gives no further sign of life.
    pub fn silent_at(&self) -> Timestamp {
        self.last_seen_at + self.heartbeat_interval * limits::SILENT_AFTER
    }

    /// Whether it can take work, holding `active` tasks.
    pub fn availability(&self, active: u32) -> Availability {
        match self.status {
            AgentStatus::Inactive => Availability::Inactive,
            _ if self.draining => Availability::Draining,
            _ if active >= self.max_concurrency => Availability::Busy,
            _ => Availability::Available,
        }
    }

    /// The share of its attempts that ended well, 0.0..=1.0; 0 before the first.
    pub fn success_rate(&self) -> f64 {
        success_rate(self.completed, self.failed)
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
pub(crate) fn success_rate(completed: i64, failed: i64) -> f64 {
    match completed + failed {
        0 => 0.0,
        total => completed as f64 / total as f64,
    }
}

/// A capability that an agent published.
#[derive(Debug, Clone, PartialEq)]
pub struct Capability {
    /// Its id.
    pub id: CapabilityId,
    /// Whose it is.
    pub agent: AgentId,
    /// Its name; tasks ask for it in any case of letters.
    pub name: Name,
    /// What it does, for people.
    pub description: String,
    /// JSON text of the input's schema.
    pub input_schema: String,
    /// JSON text of the output's schema.
    pub output_schema: String,
    /// How it is paid for.
    pub pricing_model: String,
    /// The price.
    pub price: f64,
    /// The promised 99th percentile, in milliseconds.
    pub latency_p99_ms: i64,
    /// The promised availability, in percent.
    pub availability_percent: f64,
    /// Whether it is no longer offered.
    pub deprecated: bool,
    /// When it was published.
    pub created_at: Timestamp,
}
