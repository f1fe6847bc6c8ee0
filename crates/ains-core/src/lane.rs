//! Lanes: the queues that ready tasks wait in (semantics §1.5).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::trust::{TrustScore, lane_tenth};

/// A capability in lower case and the trust that its tasks ask for, in tenths.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane {
    /// The capability, in lower case.
    pub capability: Arc<str>,
    /// The least trust, in tenths, 0..=10.
    pub tenth: u8,
}

/// A text that is not a lane.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a lane")]
pub struct InvalidLane(pub String);

impl Lane {
    /// The lane of tasks that need `capability` and at least `min_trust`.
    pub fn new(capability: &str, min_trust: TrustScore) -> Self {
        Self {
            capability: capability.to_lowercase().into(),
            tenth: lane_tenth(min_trust),
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}/{}", self.tenth, self.capability)
    }
}

impl FromStr for Lane {
    type Err = InvalidLane;

    fn from_str(text: &str) -> Result<Self, InvalidLane> {
        text.split_once('/')
            .and_then(|(tenth, capability)| {
                Some((tenth.parse().ok().filter(|tenth| *tenth <= 10)?, capability))
            })
            .map(|(tenth, capability)| Self {
                capability: capability.into(),
                tenth,
            })
            .ok_or_else(|| InvalidLane(text.to_owned()))
    }
}
