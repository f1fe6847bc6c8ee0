//! Two flat trees over the slots of a group: who comes first, and the sum of weights.
//!
//! Both are complete binary trees in a `Vec`: node 1 is the root, node n has the children 2n and
//! 2n + 1, and slot s is the leaf `leaves + s`. A change of one slot walks up one path, in place.

/// No slot at all.
const NOBODY: u32 = u32::MAX;

/// Every inner node names the slot that comes first below it; the ranks stay with the owner.
#[derive(Debug, Default)]
pub(super) struct Tournament {
    /// As many as there are leaves; the first is unused.
    winners: Vec<u32>,
}

impl Tournament {
    /// The slot that comes first of all.
    pub(super) fn winner(&self) -> Option<u32> {
        self.winners.get(1).copied().filter(|winner| *winner != NOBODY)
    }

    /// For how many slots there is room.
    pub(super) fn leaves(&self) -> usize {
        self.winners.len()
    }

    /// Makes room for `leaves` slots, a power of two and at least 2, and plays all matches anew.
    ///
    /// `rank` gives the rank of a slot, or nothing for one that takes no part or does not exist.
    pub(super) fn grow<K: Ord>(&mut self, leaves: usize, rank: impl Fn(u32) -> Option<K>) {
        self.winners.clear();
        self.winners.resize(leaves, NOBODY);
        for node in (1..leaves).rev() {
            let (left, right) = (self.below(2 * node), self.below(2 * node + 1));
            self.winners[node] = match (rank(left), rank(right)) {
                (Some(first), Some(second)) if second < first => right,
                (Some(_), _) => left,
                (None, Some(_)) => right,
                (None, None) => NOBODY,
            };
        }
    }

    /// Plays the matches of `slot` again, after its rank changed.
    pub(super) fn update<K: Ord>(&mut self, slot: u32, rank: impl Fn(u32) -> Option<K>) {
        let mut node = self.winners.len() + slot as usize;
        let mut best = (rank(slot), slot);
        while node > 1 {
            let rival = self.below(node ^ 1);
            if let Some(theirs) = rank(rival)
                && best.0.as_ref().is_none_or(|ours| theirs < *ours)
            {
                best = (Some(theirs), rival);
            }
            node /= 2;
            let winner = if best.0.is_some() { best.1 } else { NOBODY };
            if self.winners[node] == winner && winner != slot {
                return; // Neither before nor now does `slot` go further.
            }
            self.winners[node] = winner;
        }
    }

    /// The slot that comes first below `node`, which may be a leaf.
    fn below(&self, node: usize) -> u32 {
        match self.winners.get(node) {
            Some(winner) => *winner,
            None => u32::try_from(node - self.winners.len()).unwrap_or(NOBODY),
        }
    }
}

/// Every node holds the sum of the weights below it: whole numbers, so that sums never drift.
#[derive(Debug, Default)]
pub(super) struct Weights {
    /// Twice as many as there are leaves; the first is unused.
    sums: Vec<u64>,
}

impl Weights {
    /// The sum of all weights.
    pub(super) fn total(&self) -> u64 {
        self.sums.get(1).copied().unwrap_or(0)
    }

    /// Makes room for `leaves` slots, a power of two and at least 2.
    pub(super) fn grow(&mut self, leaves: usize) {
        let mut sums = vec![0; 2 * leaves];
        let before = self.sums.len() / 2;
        sums[leaves..leaves + before].copy_from_slice(&self.sums[before..]);
        for node in (1..leaves).rev() {
            sums[node] = sums[2 * node] + sums[2 * node + 1];
        }
        self.sums = sums;
    }

    /// Gives `slot` this weight.
    pub(super) fn set(&mut self, slot: u32, weight: u64) {
        let mut node = self.sums.len() / 2 + slot as usize;
        let before = self.sums[node];
        while before != weight && node > 0 {
            self.sums[node] = self.sums[node] - before + weight;
            node /= 2;
        }
    }

    /// The slot into whose share `point` falls, for a point below the total.
    pub(super) fn at(&self, mut point: u64) -> u32 {
        let leaves = self.sums.len() / 2;
        let mut node = 1;
        while node < leaves {
            node *= 2;
            if point >= self.sums[node] {
                point -= self.sums[node];
                node += 1;
            }
        }
        u32::try_from(node - leaves).unwrap_or(NOBODY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_rank_wins_after_every_change_and_growth() {
        let mut ranks: Vec<Option<u32>> = Vec::new();
        let mut tree = Tournament::default();
        assert_eq!(tree.winner(), None);
        for step in 0..500_u32 {
            let rank = step.wrapping_mul(2_654_435_761) >> 16;
            if step % 5 == 0 {
                ranks.push(None);
                if ranks.len() == 1 || ranks.len().is_power_of_two() {
                    let leaves = ranks.len() * 2;
                    tree.grow(leaves, |slot| ranks.get(slot as usize).copied().flatten());
                }
            }
            let slot = rank % u32::try_from(ranks.len()).expect("few");
            ranks[slot as usize] = (step % 3 != 0).then_some(rank << 10 | step);
            tree.update(slot, |slot| ranks.get(slot as usize).copied().flatten());
            let lowest = ranks.iter().flatten().min().copied();
            let winner = tree.winner().and_then(|slot| ranks[slot as usize]);
            assert_eq!(winner, lowest, "step {step}");
        }
    }

    #[test]
    fn every_point_falls_into_the_share_of_its_slot() {
        let mut tree = Weights::default();
        assert_eq!(tree.total(), 0);
        tree.grow(2);
        tree.set(0, 3);
        tree.set(1, 9);
        tree.grow(4);
        tree.set(1, 0);
        tree.set(3, 2);
        assert_eq!(tree.total(), 5);
        let slots: Vec<_> = (0..5).map(|point| tree.at(point)).collect();
        assert_eq!(slots, [0, 0, 0, 3, 3]);
    }
}
