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
}

/// Agents of one kind: everyone, and those of them that are not INACTIVE.
#[derive(Debug, Default)]
pub(super) struct Ranking {
    pub(super) all: Ranks,
    pub(super) present: Ranks,
}

impl Ranking {
    pub(super) fn insert(&mut self, card: &Card, slot: Slot) {
        self.all.insert(card, slot);
        if card.present {
            self.present.insert(card, slot);
        }
    }

    pub(super) fn remove(&mut self, card: &Card) {
        self.all.remove(card);
        self.present.remove(card);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.scores.is_empty()
    }
}

/// Nobody.
static NOBODY: BTreeSet<Peer> = BTreeSet::new();

/// Two orders as one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Both<'a>(pub(super) &'a Ranks, pub(super) Option<&'a Ranks>);

impl<'a> Both<'a> {
    /// Those that completed at least `completed` tasks, in order.
    pub(super) fn completed_at_least(self, completed: i64) -> impl Iterator<Item = Slot> + use<'a> {
        self.by_score(0).flat_map(move |(first, second)| {
            let peers = first.union(second);
            peers
                .take_while(move |(Reverse(own), _, _)| *own >= completed)
                .map(|(_, _, slot)| *slot)
        })
    }

    /// How many have at least a trust of `min` millionths, and the `limit` of them after the first `offset`, in order.
    pub(super) fn page(self, min: u32, offset: usize, limit: usize) -> (usize, Vec<Slot>) {
        let (mut total, mut page) = (0, Vec::new());
        for (first, second) in self.by_score(min) {
            let peers = first.len() + second.len();
            let skipped = offset.saturating_sub(total);
            if skipped < peers && page.len() < limit {
                let missing = limit - page.len();
                let slots = first.union(second).map(|(_, _, slot)| *slot);
                page.extend(slots.skip(skipped).take(missing));
            }
            total += peers;
        }
        (total, page)
    }

    /// The peers of either order, score by score, from the best down to `min` millionths.
    fn by_score(self, min: u32) -> impl Iterator<Item = (&'a BTreeSet<Peer>, &'a BTreeSet<Peer>)> + use<'a> {
        let Self(first, second) = self;
        let mut first = first.scores.range(..=Reverse(min)).peekable();
        let mut second = second
            .into_iter()
            .flat_map(move |ranks| ranks.scores.range(..=Reverse(min)))
            .peekable();
        std::iter::from_fn(move || {
            let heads = [
                first.peek().map(|(score, _)| **score),
                second.peek().map(|(score, _)| **score),
            ];
            let score = heads.into_iter().flatten().min()?;
            let first = first.next_if(|(own, _)| **own == score);
            let second = second.next_if(|(own, _)| **own == score);
            let peers = |found: Option<(_, &'a BTreeSet<Peer>)>| found.map_or(&NOBODY, |(_, peers)| peers);
            Some((peers(first), peers(second)))
        })
    }
}
