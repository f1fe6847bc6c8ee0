//! `trust_weighted`: at random, with probability proportional to max(trust, 0.1), among agents with
//! trust of 0.3 or more; if there is none, among all.

use rand_core::Rng;

use crate::routing::group::Group;
use crate::routing::profile::Seat;
use crate::routing::standing::Standing;

/// The tenth of trust from which an agent is preferred (semantics §4).
pub(super) const TRUSTED_TENTH: u8 = 3;

/// The least weight, in millionths (semantics §4).
const LEAST_WEIGHT: u32 = 100_000;

/// The share of an agent in the draw, in millionths.
pub(super) fn weight(standing: &Standing) -> u64 {
    u64::from(standing.trust.max(LEAST_WEIGHT))
}

/// One of `trusted`, or, if these groups are empty, of `all`.
pub(super) fn choose<'g, R: Rng + ?Sized>(
    trusted: impl Iterator<Item = &'g Group> + Clone,
    all: impl Iterator<Item = &'g Group> + Clone,
    rng: &mut R,
) -> Option<Seat> {
    draw(trusted, rng).or_else(|| draw(all, rng))
}

fn draw<'g, R: Rng + ?Sized>(groups: impl Iterator<Item = &'g Group> + Clone, rng: &mut R) -> Option<Seat> {
    let mut point = below(groups.clone().map(Group::weight).sum(), rng)?;
    for group in groups {
        match point.checked_sub(group.weight()) {
            Some(rest) => point = rest,
            None => return group.at_weight(point).map(|standing| standing.turn.seat),
        }
    }
    None
}

/// A number below `total`, by one draw; nothing, and no draw, if there is none.
///
/// The high half of draw × total: uneven by less than `total` / 2⁶⁴.
pub(super) fn below<R: Rng + ?Sized>(total: u64, rng: &mut R) -> Option<u64> {
    (total > 0)
        .then(|| (u128::from(rng.next_u64()) * u128::from(total)) >> 64)
        .and_then(|point| u64::try_from(point).ok())
}

/// The probability of such a share, 0.0..=1.0.
#[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
pub(super) fn score(weight: u64, total: u64) -> f64 {
    if total == 0 {
        0.0
    } else {
        weight as f64 / total as f64
    }
}
