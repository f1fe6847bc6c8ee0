//! Webhooks: who is told of which events, and what becomes of an attempt to tell them (semantics §8).
//!
//! - [`Webhook`] is one registration, with the [`Secret`]s that sign what is sent to it, which are kept [`Sealed`];
//! - [`Pattern`] is what it wants to hear of, and [`Directory`] finds the hooks that want an event;
//! - [`body`] makes the text that is sent, once for all attempts;
//! - [`RetryPlan`] decides what follows from the [`Outcome`] of an attempt.

pub mod body;
mod directory;
mod pattern;
mod retry;
mod sealed;
mod secret;

pub use directory::Directory;
pub use pattern::{Pattern, TEST};
pub use retry::{InvalidPlan, LONGEST_WAIT, Outcome, RetryPlan, Verdict};
pub use sealed::Sealed;
pub use secret::{InvalidSecret, Secret};

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::event::EventType;
use crate::ids::{ClientId, DeliveryId, WebhookId};
use crate::time::Timestamp;

/// How long the secret before a rotation signs as well.
pub const OVERLAP: Duration = Duration::from_hours(24);

/// Most webhooks that are active at the same time; every server keeps them in memory.
pub const MAX_WEBHOOKS: usize = 10_000;

/// Most webhooks of one owner that are active at the same time.
pub const MAX_OF_ONE: usize = 100;

/// Most patterns of one webhook.
pub const MAX_PATTERNS: usize = 100;

/// Longest address, in bytes.
pub const MAX_URL: usize = 2048;

/// Somebody who wants to be told of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// The client or the agent whose events it hears of.
    pub owner: ClientId,
    /// Whether the owner is a client and nothing else: an agent that has the same name is another's, perhaps.
    pub clients_only: bool,
    /// Where it is called; judged when it was registered, and again whenever it is called.
    pub url: Box<str>,
    /// What it hears of; never empty.
    pub events: Vec<Pattern>,
    /// Whether it is called at all.
    pub active: bool,
    /// What signs.
    pub secret: Sealed,
    /// What signed before the last rotation, and until when it signs as well.
    pub previous: Option<(Sealed, Timestamp)>,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Webhook {
    /// Whether it wants to hear of events of type `kind`. One that is not active wants nothing.
    pub fn wants(&self, kind: EventType) -> bool {
        self.active && self.events.iter().any(|pattern| pattern.matches(kind))
    }

    /// The secrets that sign at `now`: the current one first.
    pub fn secrets_at(&self, now: Timestamp) -> Vec<Sealed> {
        let previous = self.previous.iter().filter(|(_, until)| now < *until);
        std::iter::once(&self.secret)
            .chain(previous.map(|(secret, _)| secret))
            .cloned()
            .collect()
    }

    /// Signs with `secret` from now on, and for [`OVERLAP`] with the one before as well. A secret before that signs no
    /// more.
    pub fn rotate(&mut self, secret: Sealed, now: Timestamp) {
        let before = std::mem::replace(&mut self.secret, secret);
        self.previous = Some((before, now + OVERLAP));
        self.updated_at = now.max(self.updated_at);
    }

    /// Calls it no more.
    pub fn deactivate(&mut self, now: Timestamp) {
        self.active = false;
        self.updated_at = now.max(self.updated_at);
    }
}

/// How a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeliveryState {
    /// It is tried, is tried again later, or waits for an earlier one of its subject.
    Pending,
    /// It was answered with a status code of 200 to 299.
    Delivered,
    /// The last attempt of the plan failed.
    Dead,
    /// Its webhook is called no more.
    Cancelled,
}

/// A text that names no state of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the state of a delivery")]
pub struct UnknownState(pub String);

impl DeliveryState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Delivered, Self::Dead, Self::Cancelled];

    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for DeliveryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for DeliveryState {
    type Err = UnknownState;

    fn from_str(name: &str) -> Result<Self, UnknownState> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == name)
            .ok_or_else(|| UnknownState(name.chars().take(64).collect()))
    }
}

/// One attempt: what is sent, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Where.
    pub url: Box<str>,
    /// The delivery: the same in every attempt, so that a receiver knows what it has seen.
    pub id: DeliveryId,
    /// When the attempt is made.
    pub at: Timestamp,
    /// What is sent: JSON, the same bytes in every attempt.
    pub body: Box<str>,
    /// What signs it: the current secret first; never empty.
    pub secrets: Vec<Secret>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Mint;
    use rand::SeedableRng;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn a_hook() -> Webhook {
        let mut rng = rand::rngs::StdRng::seed_from_u64(1);
        Webhook {
            id: WebhookId::mint(&mut Mint::default(), at(1), &mut rng),
            clients_only: false,
            owner: "c".parse().unwrap(),
            url: "https://example.com/".into(),
            events: vec!["task.*".parse().unwrap()],
            active: true,
            secret: "first".parse().unwrap(),
            previous: None,
            created_at: at(1),
            updated_at: at(1),
        }
    }

    #[test]
    fn a_rotated_secret_signs_beside_the_new_one_for_a_day() {
        let mut hook = a_hook();
        hook.rotate("second".parse().unwrap(), at(10));
        let shown = |hook: &Webhook, now| -> Vec<String> {
            let secrets = hook.secrets_at(now);
            secrets.iter().map(|secret| secret.as_str().to_owned()).collect()
        };
        assert_eq!(shown(&hook, at(10)), ["second", "first"]);
        assert_eq!(shown(&hook, at(10 + 86_399)), ["second", "first"]);
        assert_eq!(shown(&hook, at(10 + 86_400)), ["second"]);
        hook.rotate("third".parse().unwrap(), at(20));
        assert_eq!(shown(&hook, at(20)), ["third", "second"]);
        assert_eq!(hook.updated_at, at(20));
    }

    #[test]
    fn a_hook_that_is_not_active_wants_nothing() {
        let mut hook = a_hook();
        assert!(hook.wants(EventType::TaskCompleted) && !hook.wants(EventType::ChainCompleted));
        hook.deactivate(at(0));
        assert!(!hook.wants(EventType::TaskCompleted));
        assert_eq!(hook.updated_at, at(1), "it does not go back");
    }

    #[test]
    fn every_state_reads_back() {
        for state in DeliveryState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        assert!("PENDING".parse::<DeliveryState>().is_err());
    }
}
