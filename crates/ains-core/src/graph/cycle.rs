//! Keeps the topological order true to a new edge, or finds the cycle that the edge would close.
//!
//! Where the order already has the edge's nodes the right way round, there is nothing to do.
//! Otherwise only the nodes between the two can be in the way (Pearce and Kelly: A dynamic
//! topological sort algorithm for directed acyclic graphs, 2006). They are searched from both ends,
//! one edge further at a time on the side where fewer edges will have been looked at. Where the
//! searches meet is a shortest cycle. If one of them has seen everything first, its nodes are moved
//! past the start of the other. So no more than twice the edges of the cheaper search are looked at.

use std::fmt;
use std::ops::RangeInclusive;

use super::{DependencyGraph, Link, Node, Vertex, Walk};

/// The cycle that an edge would have closed. Each node must end before the next one, and by the
/// refused edge the last before the first. No cycle through that edge is shorter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cycle<N>(pub Vec<N>);

impl<N: fmt::Display> fmt::Display for Cycle<N> {
    /// What must end first stands first: `a -> b -> c -> a`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for node in &self.0 {
            write!(f, "{node} -> ")?;
        }
        self.0.first().map_or(Ok(()), |first| first.fmt(f))
    }
}

impl<N: fmt::Debug + fmt::Display> std::error::Error for Cycle<N> {}

/// A search from one node along the edges of one direction.
struct Search<N> {
    walk: Walk<Node>,
    links: fn(&Vertex<N>) -> &[Link],
    /// How many edges will have been looked at after the next step.
    cost: usize,
}

impl<N> DependencyGraph<N> {
    /// Sees to it that `on` comes before `task` in the order, or returns a way from `task` to `on`.
    pub(super) fn make_way(&mut self, on: Node, task: Node) -> Result<(), Vec<Node>> {
        let (first, last) = (self.order.label(task), self.order.label(on));
        if last < first {
            return Ok(());
        }
        let mut onward = Search::new(self, task, |vertex| &vertex.dependants);
        let mut back = Search::new(self, on, |vertex| &vertex.dependencies);
        loop {
            if back.has_seen_all() {
                self.order.put_before(back.walk.reached(), task);
                return Ok(());
            }
            if onward.has_seen_all() {
                self.order.put_after(onward.walk.reached(), on);
                return Ok(());
            }
            let (near, far) = if onward.cost < back.cost {
                (&mut onward, &back)
            } else {
                (&mut back, &onward)
            };
            near.step(self, &(first..=last));
            if let Some(meeting) = near.meets(far) {
                let way_to = |walk: &Walk<Node>| walk.path_to(&meeting).expect("both have reached it");
                let (mut way, rest) = (way_to(&onward.walk), way_to(&back.walk));
                way.extend(rest.into_iter().rev().skip(1));
                return Err(way);
            }
        }
    }
}

impl<N> Search<N> {
    fn new(graph: &DependencyGraph<N>, start: Node, links: fn(&Vertex<N>) -> &[Link]) -> Self {
        Self {
            walk: Walk::new(start, usize::MAX, usize::MAX),
            links,
            cost: links(graph.vertex(start)).len(),
        }
    }

    fn has_seen_all(&self) -> bool {
        self.walk.wants().is_empty()
    }

    /// Goes one edge further, to nodes whose labels lie in the region.
    fn step(&mut self, graph: &DependencyGraph<N>, region: &RangeInclusive<u64>) {
        let mut neighbours = Vec::new();
        for &node in self.walk.wants() {
            let links = (self.links)(graph.vertex(node)).iter();
            let inside = links.filter(|(to, _)| region.contains(&graph.order.label(*to)));
            neighbours.extend(inside.map(|&(to, _)| (node, to)));
        }
        self.walk.feed(neighbours);
        for &node in self.walk.wants() {
            self.cost += (self.links)(graph.vertex(node)).len();
        }
    }

    /// A node of the last step that the other search has reached, too.
    fn meets(&self, other: &Self) -> Option<Node> {
        let mut latest = self.walk.wants().iter();
        latest.find(|node| other.walk.has_reached(node)).copied()
    }
}
