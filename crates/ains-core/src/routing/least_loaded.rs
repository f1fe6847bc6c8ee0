//! `least_loaded`: the fewest leases relative to `max_concurrency`; ties: the least recently
//! assigned.

use crate::routing::group::Group;
use crate::routing::profile::{Profile, Seat};
use crate::routing::standing::{Standing, Turn};

/// Who comes first: the lowest.
pub(super) fn rank(standing: &Standing) -> (u64, Turn) {
    (standing.load, standing.turn)
}

/// The best of these groups.
pub(super) fn choose<'g>(groups: impl Iterator<Item = &'g Group>) -> Option<Seat> {
    groups
        .filter_map(Group::least_loaded)
        .map(rank)
        .min()
        .map(|(_, turn)| turn.seat)
}

/// The share of its size that is free, 0.0..=1.0.
pub(super) fn score(agent: &Profile) -> f64 {
    if agent.max_concurrency == 0 {
        return 0.0;
    }
    f64::from(agent.room()) / f64::from(agent.max_concurrency)
}
