//! A total order of nodes that tells in O(1) which of two comes first, and into which nodes can be
//! put at any place.
//!
//! Every node has a label, and the order is that of the labels. Where there is no room left between
//! two labels, those around are spread evenly over the smallest aligned range that is populated
//! thinly enough, which costs O(log² n) for each node that was ever put, amortised (Bender, Cole,
//! Demaine, Farach-Colton and Zito: Two simplified algorithms for maintaining order in a list, 2002).

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::Node;

/// The label of the first node: there is as much room before it as after it.
const MIDDLE: u64 = 1 << 63;

/// The distance of labels at either end of the order, where there is room.
const STEP: u64 = 1 << 32;

/// Most nodes for which there is always a range that is populated thinly enough.
const MOST: usize = 1 << 30;

#[derive(Debug, Clone, Default)]
pub(super) struct Order {
    /// The label of each node, by its number.
    labels: Vec<u64>,
    nodes: BTreeMap<u64, Node>,
}

impl Order {
    /// Adds the node of the next number, as the last one.
    pub(super) fn push(&mut self) -> Node {
        let node = u32::try_from(self.labels.len()).ok().map(Node);
        let node = node
            .filter(|node| node.index() < MOST)
            .expect("there are fewer than 2³⁰ nodes");
        let last = self.nodes.last_key_value().map(|(_, last)| *last);
        self.labels.push(MIDDLE);
        self.put(&[node], last, None);
        node
    }

    /// All nodes, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Node> {
        self.nodes.values().copied()
    }

    /// A number that is less than that of every later node, until the next change.
    pub(super) fn label(&self, node: Node) -> u64 {
        self.labels[node.index()]
    }

    /// Puts nodes immediately before another one, in the order in which they were.
    pub(super) fn put_before(&mut self, nodes: &[Node], anchor: Node) {
        let nodes = self.take_out(nodes);
        let mut before = self.nodes.range(..self.label(anchor));
        let low = before.next_back().map(|(_, node)| *node);
        self.put(&nodes, low, Some(anchor));
    }

    /// Puts nodes immediately after another one, in the order in which they were.
    pub(super) fn put_after(&mut self, nodes: &[Node], anchor: Node) {
        let nodes = self.take_out(nodes);
        let mut after = self.nodes.range(self.label(anchor) + 1..);
        let high = after.next().map(|(_, node)| *node);
        self.put(&nodes, Some(anchor), high);
    }

    /// Takes nodes out, and returns them in the order in which they were.
    fn take_out(&mut self, nodes: &[Node]) -> Vec<Node> {
        let mut labels: Vec<u64> = nodes.iter().map(|&node| self.label(node)).collect();
        labels.sort_unstable();
        labels
            .iter()
            .filter_map(|label| self.nodes.remove(label))
            .collect()
    }

    /// Puts nodes, which are not in, between two that follow each other, or at an end.
    fn put(&mut self, nodes: &[Node], low: Option<Node>, high: Option<Node>) {
        let parts = nodes.len() as u64 + 1;
        loop {
            let label = |node| self.label(node);
            let (from, to) = match (low.map(label), high.map(label)) {
                (Some(low), Some(high)) => (low, high),
                (Some(low), None) => (low, low.saturating_add(parts * STEP)),
                (None, Some(high)) => (high.saturating_sub(parts * STEP), high),
                (None, None) => (MIDDLE, MIDDLE + parts * STEP),
            };
            let distance = (to - from) / parts;
            if distance > 0 {
                for (&node, part) in nodes.iter().zip(1..) {
                    self.set(node, from + part * distance);
                }
                return;
            }
            self.spread(if low.is_some() { from } else { to }, parts);
        }
    }

    /// Spreads the labels around one of them, so that there is room for `more` on either side of it.
    fn spread(&mut self, around: u64, more: u64) {
        let (range, distance) = (2..63)
            .find_map(|bits| {
                let size = 1 << bits;
                let range: RangeInclusive<u64> = around & !(size - 1)..=around | (size - 1);
                let count = self.nodes.range(range.clone()).count() as u64;
                // The distance then is at least 4 (count + more), and half of that at the borders.
                (4 * (count + more).pow(2) <= size).then(|| (range, size / count))
            })
            .expect("2³⁰ nodes leave room in 2⁶² labels");
        let crowd: Vec<(u64, Node)> = self
            .nodes
            .range(range.clone())
            .map(|(label, node)| (*label, *node))
            .collect();
        for (label, _) in &crowd {
            self.nodes.remove(label);
        }
        for ((_, node), place) in crowd.into_iter().zip(0..) {
            self.set(node, range.start() + distance / 2 + place * distance);
        }
    }

    fn set(&mut self, node: Node, label: u64) {
        self.labels[node.index()] = label;
        self.nodes.insert(label, node);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An order and the list that it should be.
    fn both(len: u32) -> (Order, Vec<Node>) {
        let mut order = Order::default();
        let list = (0..len).map(|_| order.push()).collect();
        (order, list)
    }

    #[test]
    fn there_is_always_room_between_two_neighbours() {
        let (mut order, mut list) = both(20_000);
        let low = list.remove(9_999);
        let high = list.remove(9_999);
        for (turn, &node) in list.iter().enumerate() {
            if turn % 3 == 0 {
                order.put_after(&[node], low);
            } else {
                order.put_before(&[node], high);
            }
        }
        let middle = |keep: fn(usize) -> bool| {
            let turns = list.iter().enumerate().filter(move |(turn, _)| keep(*turn));
            turns.map(|(_, &node)| node)
        };
        let after = middle(|turn| turn % 3 == 0).collect::<Vec<_>>();
        let expected = [low].into_iter().chain(after.into_iter().rev());
        let expected = expected.chain(middle(|turn| turn % 3 != 0)).chain([high]);
        assert!(order.iter().eq(expected));
        assert!(order.iter().is_sorted_by_key(|node| order.label(node)));
    }

    #[test]
    fn there_is_always_room_at_the_ends() {
        let (mut order, list) = both(2);
        order.set(list[1], u64::MAX - 2);
        order.nodes.remove(&(MIDDLE + 2 * STEP));
        for _ in 0..100 {
            order.push();
        }
        assert!(order.iter().eq((0..102).map(Node)));
        assert!(order.iter().is_sorted_by_key(|node| order.label(node)));
    }

    proptest! {
        #[test]
        fn nodes_are_put_as_in_a_list(
            moves in prop::collection::vec((0..40_u32, any::<u64>(), any::<bool>()), 0..200),
        ) {
            let (mut order, mut list) = both(40);
            for (anchor, chosen, before) in moves {
                let anchor = Node(anchor);
                let is_chosen = |node: &Node| *node != anchor && chosen >> node.0 & 1 == 1;
                let moved: Vec<Node> = list.extract_if(.., |node| is_chosen(node)).collect();
                let place = list.iter().position(|node| *node == anchor).expect("it is not moved");
                let place = if before { place } else { place + 1 };
                list.splice(place..place, moved.iter().copied());

                let mut unsorted = moved;
                unsorted.sort_unstable();
                if before {
                    order.put_before(&unsorted, anchor);
                } else {
                    order.put_after(&unsorted, anchor);
                }
                prop_assert!(order.iter().eq(list.iter().copied()));
                prop_assert!(order.iter().is_sorted_by_key(|node| order.label(node)));
            }
        }
    }
}
