//! A bounded look around one node of a graph that somebody else keeps: the walk says whose
//! neighbours it must know next, and is fed with them.

use std::collections::HashMap;
use std::hash::Hash;

/// A breadth-first walk from one node along edges of one direction.
#[derive(Debug, Clone)]
pub struct Walk<N> {
    /// Every node that was reached, in order: nearest first.
    reached: Vec<N>,
    /// From where each was reached first; the start from nowhere.
    from: HashMap<N, Option<N>>,
    /// Where in `reached` those begin whose neighbours are not known yet.
    frontier: usize,
    /// Generations that may still be taken.
    depth: usize,
    most: usize,
    is_cut: bool,
}

impl<N: Clone + Eq + Hash> Walk<N> {
    /// A walk from `start` over at most `most` nodes (the start included, which is always one of
    /// them), none of them further away than `depth` edges.
    pub fn new(start: N, depth: usize, most: usize) -> Self {
        Self {
            from: HashMap::from([(start.clone(), None)]),
            reached: vec![start],
            frontier: 0,
            depth,
            most,
            is_cut: false,
        }
    }

    /// The nodes whose neighbours must be fed next, all in one go; none when the walk has ended.
    pub fn wants(&self) -> &[N] {
        if self.depth == 0 || self.is_cut {
            return &[];
        }
        &self.reached[self.frontier..]
    }

    /// Takes in the neighbours of all nodes that the walk wanted, as pairs (node, neighbour).
    pub fn feed(&mut self, neighbours: impl IntoIterator<Item = (N, N)>) {
        self.frontier = self.reached.len();
        self.depth = self.depth.saturating_sub(1);
        for (node, neighbour) in neighbours {
            if self.from.contains_key(&neighbour) {
                continue;
            }
            if self.reached.len() >= self.most {
                self.is_cut = true;
                return;
            }
            self.from.insert(neighbour.clone(), Some(node));
            self.reached.push(neighbour);
        }
    }

    /// Every node that was reached, nearest first; the start is the first.
    pub fn reached(&self) -> &[N] {
        &self.reached
    }

    /// Whether a node was reached.
    pub fn has_reached(&self, node: &N) -> bool {
        self.from.contains_key(node)
    }

    /// Whether there were more nodes than the walk may take.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// The nodes from the start to `node`, both included, along the way on which it was reached.
    pub fn path_to(&self, node: &N) -> Option<Vec<N>> {
        let mut path = Vec::new();
        let mut at = Some(node);
        while let Some(node) = at {
            at = self.from.get(node)?.as_ref();
            path.push(node.clone());
        }
        path.reverse();
        Some(path)
    }
}
