//! `round_robin`: the least recently assigned first, by sequence and not by time.

use crate::routing::group::Group;
use crate::routing::profile::{Profile, Seat};
use crate::routing::standing::{Standing, Turn};

/// Who comes first: the lowest.
pub(super) fn rank(standing: &Standing) -> Turn {
    standing.turn
}

/// The best of these groups.
pub(super) fn choose<'g>(groups: impl Iterator<Item = &'g Group>) -> Option<Seat> {
    groups
        .filter_map(Group::least_recent)
        .map(rank)
        .min()
        .map(|turn| turn.seat)
}

/// How many assignments ago its last one was, of `newest` in all; for one never assigned, one more
/// than there were, plus its trust.
#[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
pub(super) fn score(agent: &Profile, newest: u64) -> f64 {
    match agent.last_assigned {
        0 => (newest + 1) as f64 + agent.trust.get(),
        last => newest.saturating_sub(last) as f64,
    }
}
