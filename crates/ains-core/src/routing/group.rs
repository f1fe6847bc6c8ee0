//! The agents of one home that provide one capability, with one tree for each strategy.

use crate::routing::standing::Standing;
use crate::routing::tree::{Tournament, Weights};
use crate::routing::{fastest_response, least_loaded, round_robin, trust_weighted};

/// Standings in slots, and trees over those that may be handed work now.
#[derive(Debug, Default)]
pub(super) struct Group {
    slots: Vec<Option<Standing>>,
    /// Slots that nobody holds.
    free: Vec<u32>,
    /// How many could be given work, whether or not they stand at the door.
    able: u32,
    by_turn: Tournament,
    by_load: Tournament,
    by_average: Tournament,
    /// By turn too, but only those without history.
    unmeasured: Tournament,
    weights: Weights,
}

impl Group {
    /// Takes an agent in and returns its slot.
    pub(super) fn join(&mut self, standing: Standing) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            if self.slots.len() > self.by_turn.leaves() {
                self.grow((2 * self.by_turn.leaves()).max(2));
            }
            u32::try_from(self.slots.len() - 1).expect("there are fewer than 2³² agents")
        });
        self.set(slot, Some(standing));
        slot
    }

    /// Lets the agent in `slot` go.
    pub(super) fn leave(&mut self, slot: u32) {
        self.set(slot, None);
        self.free.push(slot);
    }

    /// Puts the trees right after a change of the agent in `slot`.
    pub(super) fn update(&mut self, slot: u32, standing: Standing) {
        self.set(slot, Some(standing));
    }

    fn set(&mut self, slot: u32, standing: Option<Standing>) {
        let before = std::mem::replace(&mut self.slots[slot as usize], standing);
        self.able += u32::from(standing.is_some_and(|standing| standing.able));
        self.able -= u32::from(before.is_some_and(|before| before.able));

        let before = before.filter(Standing::available);
        let now = standing.filter(Standing::available);
        let slots = &self.slots;
        if before.as_ref().map(round_robin::rank) != now.as_ref().map(round_robin::rank) {
            self.by_turn
                .update(slot, |slot| at(slots, slot).map(round_robin::rank));
        }
        if before.as_ref().map(least_loaded::rank) != now.as_ref().map(least_loaded::rank) {
            self.by_load
                .update(slot, |slot| at(slots, slot).map(least_loaded::rank));
        }
        let ranks = [&before, &now].map(|standing| standing.as_ref().and_then(fastest_response::rank));
        if ranks[0] != ranks[1] {
            self.by_average
                .update(slot, |slot| at(slots, slot).and_then(fastest_response::rank));
        }
        let ranks = [&before, &now].map(|standing| standing.as_ref().and_then(fastest_response::trial_rank));
        if ranks[0] != ranks[1] {
            self.unmeasured.update(slot, |slot| {
                at(slots, slot).and_then(fastest_response::trial_rank)
            });
        }
        self.weights
            .set(slot, now.as_ref().map_or(0, trust_weighted::weight));
    }

    fn grow(&mut self, leaves: usize) {
        let slots = &self.slots;
        self.by_turn
            .grow(leaves, |slot| at(slots, slot).map(round_robin::rank));
        self.by_load
            .grow(leaves, |slot| at(slots, slot).map(least_loaded::rank));
        self.by_average
            .grow(leaves, |slot| at(slots, slot).and_then(fastest_response::rank));
        self.unmeasured.grow(leaves, |slot| {
            at(slots, slot).and_then(fastest_response::trial_rank)
        });
        self.weights.grow(leaves);
    }

    /// Whether nobody is here.
    pub(super) fn is_empty(&self) -> bool {
        self.free.len() == self.slots.len()
    }

    /// Everybody here, also those that take no part.
    pub(super) fn standings(&self) -> impl Iterator<Item = &Standing> {
        self.slots.iter().flatten()
    }

    /// Whether anybody here could be given work, standing at the door or not.
    pub(super) fn is_able(&self) -> bool {
        self.able > 0
    }

    /// The least recently assigned.
    pub(super) fn least_recent(&self) -> Option<&Standing> {
        at(&self.slots, self.by_turn.winner()?)
    }

    /// The least loaded.
    pub(super) fn least_loaded(&self) -> Option<&Standing> {
        at(&self.slots, self.by_load.winner()?)
    }

    /// The one with the lowest average.
    pub(super) fn fastest(&self) -> Option<&Standing> {
        at(&self.slots, self.by_average.winner()?)
    }

    /// The least recently assigned of those without history.
    pub(super) fn unmeasured(&self) -> Option<&Standing> {
        at(&self.slots, self.unmeasured.winner()?)
    }

    /// The sum of the weights.
    pub(super) fn weight(&self) -> u64 {
        self.weights.total()
    }

    /// The one into whose share of the weights `point` falls, for a point below their sum.
    pub(super) fn at_weight(&self, point: u64) -> Option<&Standing> {
        at(&self.slots, self.weights.at(point))
    }
}

/// The agent in `slot` if it may be handed work now.
fn at(slots: &[Option<Standing>], slot: u32) -> Option<&Standing> {
    slots
        .get(slot as usize)?
        .as_ref()
        .filter(|standing| standing.available())
}
