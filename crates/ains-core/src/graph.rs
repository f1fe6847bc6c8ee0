//! Dependency graphs: what must end before what, who may begin, and what an end brings about
//! (semantics §2).
//!
//! | file | what |
//! |---|---|
//! | `graph` | [`DependencyGraph`]: a whole graph in memory |
//! | `order` | a topological order into which a node can be put anywhere |
//! | `cycle` | keeps the order true to a new edge, or names the cycle that the edge would close |
//! | `finish` | ends a node, and tells what that brings about |
//! | `cascade` | carries the end of a task to all that wait for it, however deep |
//! | `walk` | a bounded look around one node |
//!
//! Nothing here recurses, and nothing waits: a graph that lies in a store is carried on by
//! [`cascade`] and looked at by [`Walk`], which say what they must know next.

mod cascade;
mod cycle;
mod finish;
mod order;
mod walk;

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;

pub use cascade::{Dependants, cascade};
pub use cycle::Cycle;
pub use finish::{CannotFinish, Consequences, Ended};
pub use walk::Walk;

use crate::dependency::{Condition, Edge, Ending};
use order::Order;

/// A graph of nodes that wait for each other, without cycles, and what has become of them.
///
/// A node waits until every one of its dependencies has ended as the edge wants it; then it is
/// ready. A dependency that ends otherwise ends the node, too, and so on to all that wait for it.
///
/// ```
/// use ains_core::dependency::{Condition, Edge, Ending};
/// use ains_core::graph::DependencyGraph;
///
/// let mut graph = DependencyGraph::new();
/// for (on, task) in [("boil", "brew"), ("grind", "brew"), ("brew", "drink")] {
///     graph.connect(Edge { on, task, when: Condition::Success })?;
/// }
/// assert!(graph.ready().eq(&["boil", "grind"]));
/// assert!(graph.order().eq(&["boil", "grind", "brew", "drink"]));
///
/// graph.finish(&"boil", Ending::Completed)?;
/// assert_eq!(graph.finish(&"grind", Ending::Completed)?.ready, ["brew"]);
///
/// let cycle = graph.connect(Edge { on: "drink", task: "brew", when: Condition::Done }).unwrap_err();
/// assert_eq!(cycle.to_string(), "brew -> drink -> brew");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct DependencyGraph<N> {
    // These two are only asked, never iterated: their order is not the same in every process.
    nodes: HashMap<N, Node>,
    edges: HashSet<Edge<Node>>,
    vertices: Vec<Vertex<N>>,
    order: Order,
}

/// A node by its number: they are counted as they come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Node(u32);

/// The other end of an edge, and its condition.
type Link = (Node, Condition);

#[derive(Debug, Clone)]
struct Vertex<N> {
    name: N,
    dependencies: Vec<Link>,
    dependants: Vec<Link>,
    /// How many of its dependencies have not ended; of no meaning once the node has.
    open: u32,
    ending: Option<Ending>,
}

impl Node {
    fn index(self) -> usize {
        self.0 as usize
    }
}

impl<N> Vertex<N> {
    fn is_ready(&self) -> bool {
        self.ending.is_none() && self.open == 0
    }
}

impl<N> Default for DependencyGraph<N> {
    fn default() -> Self {
        Self {
            nodes: HashMap::new(),
            edges: HashSet::new(),
            vertices: Vec::new(),
            order: Order::default(),
        }
    }
}

impl<N: Clone + Eq + Hash> DependencyGraph<N> {
    /// A graph without nodes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a node that waits for nothing, and returns whether it was not there before.
    ///
    /// O(1), and O(log nodes) for its place in the order.
    ///
    /// # Panics
    /// If there are 2³⁰ nodes.
    pub fn insert(&mut self, node: N) -> bool {
        let before = self.len();
        self.number(node);
        self.len() > before
    }

    /// Adds an edge, with the nodes of it that are not there yet, and returns whether it is new:
    /// the same one again is folded, one of another condition between the same nodes is not.
    ///
    /// An edge from a node that has ended is judged at once. If that ends the one that waits, it is
    /// carried on to all that wait for it in turn: [`ending`](Self::ending) and
    /// [`is_ready`](Self::is_ready) tell how everyone stands. An edge to a node that has ended is
    /// kept and changes nothing.
    ///
    /// O(1) when the topological order already agrees with the edge. Otherwise only the part of the
    /// order between its two nodes is searched, from both ends, and only as far as the easier of the
    /// two searches goes.
    ///
    /// # Errors
    /// [`Cycle`] if `edge.on` waits for `edge.task` already, or is the same: nothing has changed.
    ///
    /// # Panics
    /// If there are 2³⁰ nodes.
    pub fn connect(&mut self, edge: Edge<N>) -> Result<bool, Cycle<N>> {
        if edge.on == edge.task {
            return Err(Cycle(vec![edge.task]));
        }
        let edge = Edge {
            on: self.number(edge.on),
            task: self.number(edge.task),
            when: edge.when,
        };
        if !self.edges.insert(edge) {
            return Ok(false);
        }
        if let Err(way) = self.make_way(edge.on, edge.task) {
            // Both its nodes were there before, or there would be no way between them.
            self.edges.remove(&edge);
            return Err(Cycle(
                way.into_iter().map(|node| self.name(node).clone()).collect(),
            ));
        }
        self.vertex_mut(edge.on).dependants.push((edge.task, edge.when));
        let task = self.vertex_mut(edge.task);
        task.dependencies.push((edge.on, edge.when));
        task.open += 1;
        self.judge(&edge);
        Ok(true)
    }

    /// Whether there is such a node.
    pub fn contains(&self, node: &N) -> bool {
        self.nodes.contains_key(node)
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.vertices.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.vertices.is_empty()
    }

    /// All nodes in a topological order: each after everything it depends on. The same calls give
    /// the same order.
    pub fn order(&self) -> impl Iterator<Item = &N> {
        self.order.iter().map(|node| self.name(node))
    }

    /// What a node depends on, and how that must end, in the order in which the edges came in;
    /// nothing for an unknown node.
    pub fn dependencies(&self, node: &N) -> impl Iterator<Item = (&N, Condition)> + use<'_, N> {
        self.named(self.find(node).map_or(&[], |vertex| &vertex.dependencies))
    }

    /// What depends on a node, and how the node must end for it, in the order in which the edges
    /// came in; nothing for an unknown node.
    pub fn dependants(&self, node: &N) -> impl Iterator<Item = (&N, Condition)> + use<'_, N> {
        self.named(self.find(node).map_or(&[], |vertex| &vertex.dependants))
    }

    /// How a node has ended; `None` as long as it has not, and for an unknown one.
    pub fn ending(&self, node: &N) -> Option<Ending> {
        self.find(node)?.ending
    }

    /// Whether a node has not ended and waits for nothing.
    pub fn is_ready(&self, node: &N) -> bool {
        self.find(node).is_some_and(Vertex::is_ready)
    }

    /// The nodes that have not ended and wait for nothing, in the order in which they came in.
    /// Looks at every node; [`finish`](Self::finish) tells who becomes ready without that.
    pub fn ready(&self) -> impl Iterator<Item = &N> {
        let ready = self.vertices.iter().filter(|vertex| vertex.is_ready());
        ready.map(|vertex| &vertex.name)
    }

    /// The number of a node, which is added if it is not there.
    fn number(&mut self, name: N) -> Node {
        match self.nodes.entry(name) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                self.vertices.push(Vertex {
                    name: new.key().clone(),
                    dependencies: Vec::new(),
                    dependants: Vec::new(),
                    open: 0,
                    ending: None,
                });
                *new.insert(self.order.push())
            }
        }
    }

    fn find(&self, name: &N) -> Option<&Vertex<N>> {
        self.nodes.get(name).map(|&node| self.vertex(node))
    }
}

impl<N> DependencyGraph<N> {
    fn name(&self, node: Node) -> &N {
        &self.vertex(node).name
    }

    fn named<'g>(&'g self, links: &'g [Link]) -> impl Iterator<Item = (&'g N, Condition)> {
        links.iter().map(|&(node, when)| (self.name(node), when))
    }

    fn vertex(&self, node: Node) -> &Vertex<N> {
        &self.vertices[node.index()]
    }

    fn vertex_mut(&mut self, node: Node) -> &mut Vertex<N> {
        &mut self.vertices[node.index()]
    }
}
