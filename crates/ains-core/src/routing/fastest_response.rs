//! `fastest_response`: the lowest average completion time; ties: the least recently assigned.
//!
//! One choice in 20 of a capability goes to an agent without history, the least recently assigned
//! of them, so that new agents get measured. Where there is none that may do the work, the trial
//! waits for a choice that has one. If nobody has a history, every choice is such a trial.

use crate::routing::group::Group;
use crate::routing::profile::{Profile, Seat};
use crate::routing::standing::{Standing, Turn};

/// A trial is due when so many choices have gone by since the last one (semantics §4: one in 20).
pub(super) const CHOICES_BETWEEN_TRIALS: u32 = 19;

/// Who comes first of those with a history: the lowest.
pub(super) fn rank(standing: &Standing) -> Option<(u64, Turn)> {
    Some((standing.average?, standing.turn))
}

/// Who comes first of those without: the lowest.
pub(super) fn trial_rank(standing: &Standing) -> Option<Turn> {
    standing.average.is_none().then_some(standing.turn)
}

/// The best of these groups, and whether choosing it is a trial.
#[inline]
pub(super) fn choose<'g>(
    groups: impl Iterator<Item = &'g Group> + Clone,
    trial_due: bool,
) -> Option<(Seat, bool)> {
    if trial_due {
        trial(groups.clone()).or_else(|| fastest(groups))
    } else {
        fastest(groups.clone()).or_else(|| trial(groups))
    }
}

#[inline]
fn trial<'g>(groups: impl Iterator<Item = &'g Group>) -> Option<(Seat, bool)> {
    let best = groups.filter_map(Group::unmeasured).filter_map(trial_rank).min();
    best.map(|turn| (turn.seat, true))
}

#[inline]
fn fastest<'g>(groups: impl Iterator<Item = &'g Group>) -> Option<(Seat, bool)> {
    let best = groups.filter_map(Group::fastest).filter_map(rank).min();
    best.map(|(_, turn)| (turn.seat, false))
}

/// 1 / (1 + average in seconds): 1.0 is the fastest there can be; 0 without history.
pub(super) fn score(agent: &Profile) -> f64 {
    agent.average_seconds.map_or(0.0, |average| 1.0 / (1.0 + average))
}
