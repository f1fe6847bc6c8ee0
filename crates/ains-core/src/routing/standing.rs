//! What a strategy compares: an agent's profile boiled down to whole numbers with a total order.

use crate::routing::profile::{Door, Health, Profile, Seat};

/// An agent's place in the round, first in order first: the least recently assigned; those never
/// assigned before all others, by trust descending, then by registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    last_assigned: u64,
    /// Millionths of trust it lacks; 0 once it has been assigned, when trust no longer counts.
    distrust: u32,
    registered: i64,
    /// Makes the order total, so that the choice does not depend on the shape of a tree.
    pub(super) seat: Seat,
}

/// An agent as the strategies see it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    pub(super) turn: Turn,
    /// `active / max_concurrency` in units of 2⁻⁶⁴, rounded down.
    ///
    /// As exact as multiplying crosswise: two different fractions with denominators below 2³² are
    /// more than 2⁻⁶⁴ apart, so they stay different and in order.
    pub(super) load: u64,
    /// The bits of the average completion time, which are ordered like the (non-negative) time.
    pub(super) average: Option<u64>,
    /// Trust in millionths.
    pub(super) trust: u32,
    /// Whether it has room and is neither inactive nor draining.
    pub(super) able: bool,
    /// Whether work may be handed to it unasked (if unheard: work that demands no heartbeat).
    pub(super) open: bool,
}

impl Standing {
    pub(super) fn new(seat: Seat, profile: &Profile) -> Self {
        let trust = millionths(profile);
        let distrust = if profile.last_assigned == 0 {
            1_000_000 - trust
        } else {
            0
        };
        Self {
            turn: Turn {
                last_assigned: profile.last_assigned,
                distrust,
                registered: profile.registered,
                seat,
            },
            load: load(profile),
            average: profile.average_seconds.map(|average| average.abs().to_bits()),
            trust,
            able: profile.able(),
            open: profile.door != Door::Closed,
        }
    }

    /// Whether it may be handed work now.
    pub(super) fn available(&self) -> bool {
        self.able && self.open
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "within 0..=1_000_000"
)]
fn millionths(profile: &Profile) -> u32 {
    (profile.trust.get() * 1e6).round() as u32
}

fn load(profile: &Profile) -> u64 {
    if profile.active >= profile.max_concurrency {
        return u64::MAX;
    }
    let share = (u128::from(profile.active) << 64) / u128::from(profile.max_concurrency);
    u64::try_from(share).unwrap_or(u64::MAX)
}

/// Tenths of trust: 0..=10.
pub(super) const TENTHS: usize = 11;

/// How many homes there are: degraded or not, unheard or not, and the tenth of trust.
pub(super) const HOMES: usize = 4 * TENTHS;

/// Which group of each of its capabilities an agent belongs to; full, closed, draining and
/// inactive agents keep their place there, without taking part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Home(usize);

impl Home {
    pub(super) fn of(profile: &Profile) -> Self {
        let first = Self::first(profile.health == Health::Degraded, profile.door == Door::Unheard);
        Self(first.0 + usize::from(profile.trust.tenth()).min(TENTHS - 1))
    }

    /// The home of such agents with the least trust; those of more trust follow.
    pub(super) fn first(degraded: bool, unheard: bool) -> Self {
        Self((usize::from(degraded) * 2 + usize::from(unheard)) * TENTHS)
    }

    pub(super) fn index(self) -> usize {
        self.0
    }
}
