//! What an event is called.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

/// What an event is called, and where a follower goes on that has seen it. Opaque to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventId {
    /// It is kept: the position of what its transaction told, and its place in that.
    Kept {
        /// 1 or more.
        position: i64,
        /// From 0.
        index: u32,
    },
    /// It is not: its number since the server started.
    Unkept(usize),
}

/// A text that names no event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the id of an event")]
pub struct UnknownEventId(pub String);

/// What tells the events of one run of a server that are not kept from those of another.
static RUN: LazyLock<String> = LazyLock::new(crate::entropy::unique);

impl EventId {
    pub(crate) fn kept(position: i64, index: usize) -> Self {
        Self::Kept {
            position,
            index: u32::try_from(index).unwrap_or(u32::MAX),
        }
    }

    pub(crate) fn unkept(number: usize) -> Self {
        Self::Unkept(number)
    }

    /// Everything up to and including `position`.
    pub(crate) fn all_of(position: i64) -> Self {
        Self::Kept {
            position,
            index: u32::MAX,
        }
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept {
                position,
                index: u32::MAX,
            } => write!(f, "{position}-end"),
            Self::Kept { position, index } => write!(f, "{position}-{index}"),
            Self::Unkept(number) => write!(f, "live-{}-{number}", *RUN),
        }
    }
}

impl FromStr for EventId {
    type Err = UnknownEventId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownEventId(text.to_owned());
        if let Some(rest) = text.strip_prefix("live-") {
            let (_, number) = rest.rsplit_once('-').ok_or_else(unknown)?;
            return number.parse().map(Self::Unkept).map_err(|_| unknown());
        }
        let (position, index) = text.split_once('-').ok_or_else(unknown)?;
        let position: i64 = position.parse().map_err(|_| unknown())?;
        let index = match index {
            "end" => u32::MAX,
            index => index.parse().map_err(|_| unknown())?,
        };
        if position < 0 {
            return Err(unknown());
        }
        Ok(Self::Kept { position, index })
    }
}
