//! Agents in order of trust, then completed tasks, then id.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::{Card, Slot};
use crate::ids::AgentId;

/// An agent among those of the same score: what it completed comes first.
type Peer = (Reverse<i64>, AgentId, Slot);

/// Agents by rank. Those of one score stand together, the one that completed most first: so those that completed
/// a number of tasks are at the head of each score.
#[derive(Debug, Default)]
pub(super) struct Ranks {
    /// By trust in millionths, which a score is rounded to.
    scores: BTreeMap<Reverse<u32>, BTreeSet<Peer>>,
}

/// A score in millionths.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a score is within 0..=1"
)]
pub(super) fn millionths(trust: f64) -> u32 {
    (trust * 1e6).round() as u32
}

impl Ranks {
    pub(super) fn insert(&mut self, card: &Card, slot: Slot) {
        let peers = self
            .scores
            .entry(Reverse(millionths(card.trust.get())))
            .or_default();
        peers.insert((Reverse(card.completed), card.id.clone(), slot));
    }

    /// Takes an agent out, if it is there.
    pub(super) fn remove(&mut self, card: &Card) {
        let score = Reverse(millionths(card.trust.get()));
        let Some(peers) = self.scores.get_mut(&score) else {
            return;
        };
        let place = (Reverse(card.completed), card.id.clone(), 0);
        let found = peers.range(place..).next().cloned();
        if let Some(found) = found.filter(|found| found.1 == card.id) {
            peers.remove(&found);
            if peers.is_empty() {
                self.scores.remove(&score);
            }
        }
    }

    /// Those that completed at least `completed` tasks, in order.
    pub(super) fn completed_at_least(&self, completed: i64) -> impl Iterator<Item = Slot> {
        self.scores.values().flat_map(move |peers| {
            peers
                .iter()
                .take_while(move |(Reverse(own), _, _)| *own >= completed)
                .map(|(_, _, slot)| *slot)
        })
    }

    /// How many have at least a trust of `min` millionths, and the `limit` of them after the first `offset`, in order.
    pub(super) fn page(&self, min: u32, offset: usize, limit: usize) -> (usize, Vec<Slot>) {
        let (mut total, mut page) = (0, Vec::new());
        for (_, peers) in self.scores.range(..=Reverse(min)) {
            let skipped = offset.saturating_sub(total);
            if skipped < peers.len() {
                let missing = limit - page.len();
                let slots = peers.iter().map(|(_, _, slot)| *slot);
                page.extend(slots.skip(skipped).take(missing));
            }
            total += peers.len();
        }
        (total, page)
    }
}
