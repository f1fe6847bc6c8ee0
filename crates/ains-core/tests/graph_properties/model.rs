//! A dependency graph that looks at every node and every edge for every question.

use std::collections::{BTreeMap, BTreeSet};

use ains_core::dependency::{Condition, Edge, Ending};
use ains_core::graph::{Consequences, Ended};

/// A node.
pub(crate) type Name = u32;

#[derive(Debug, Default)]
pub(crate) struct Model {
    /// In the order in which they came in.
    pub(crate) nodes: Vec<Name>,
    pub(crate) edges: BTreeSet<Edge<Name>>,
    pub(crate) endings: BTreeMap<Name, Ending>,
    /// The edges whose task knows how its dependency ended.
    told: BTreeSet<Edge<Name>>,
}

/// What becomes of an edge.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Added,
    Folded,
    /// It would close a cycle, the shortest of which has so many nodes.
    Refused(usize),
}

impl Model {
    pub(crate) fn insert(&mut self, node: Name) -> bool {
        let is_new = !self.nodes.contains(&node);
        if is_new {
            self.nodes.push(node);
        }
        is_new
    }

    pub(crate) fn connect(&mut self, edge: Edge<Name>) -> Answer {
        if let Some(&distance) = self.distances(edge.task).get(&edge.on) {
            return Answer::Refused(distance + 1);
        }
        self.insert(edge.on);
        self.insert(edge.task);
        if !self.edges.insert(edge) {
            return Answer::Folded;
        }
        if self.endings.contains_key(&edge.on) {
            let mut consequences = nothing();
            self.tell(edge, &mut consequences);
            self.carry_on(&mut consequences);
        }
        Answer::Added
    }

    /// `None` if the node cannot be ended.
    pub(crate) fn finish(&mut self, node: Name, ending: Ending) -> Option<Consequences<Name>> {
        if !self.nodes.contains(&node) || self.endings.contains_key(&node) {
            return None;
        }
        self.endings.insert(node, ending);
        let mut consequences = nothing();
        self.tell_all(node, &mut consequences);
        self.carry_on(&mut consequences);
        Some(consequences)
    }

    /// Whether a node has not ended, and everything it depends on has.
    pub(crate) fn is_ready(&self, node: Name) -> bool {
        let mut dependencies = self.edges.iter().filter(|edge| edge.task == node);
        self.nodes.contains(&node)
            && !self.endings.contains_key(&node)
            && dependencies.all(|edge| self.endings.contains_key(&edge.on))
    }

    /// How far away everything is that waits for `start`, directly or not.
    pub(crate) fn distances(&self, start: Name) -> BTreeMap<Name, usize> {
        let edges: Vec<_> = self.edges.iter().map(|edge| (edge.on, edge.task)).collect();
        distances(start, &edges)
    }

    /// Goes through those that end, in the order in which they do.
    fn carry_on(&mut self, consequences: &mut Consequences<Name>) {
        let mut next = 0;
        while let Some(ended) = consequences.ended.get(next) {
            self.tell_all(ended.node, consequences);
            next += 1;
        }
    }

    fn tell_all(&mut self, on: Name, consequences: &mut Consequences<Name>) {
        for task in self.nodes.clone() {
            for when in Condition::ALL {
                let edge = Edge { on, task, when };
                if self.edges.contains(&edge) {
                    self.tell(edge, consequences);
                }
            }
        }
    }

    fn tell(&mut self, edge: Edge<Name>, consequences: &mut Consequences<Name>) {
        if self.endings.contains_key(&edge.task) {
            return;
        }
        assert!(self.told.insert(edge), "{edge:?} is told twice");
        if let Some(ending) = end_of_a_dependant(edge.when, self.endings[&edge.on]) {
            self.endings.insert(edge.task, ending);
            let because_of = edge.on;
            consequences.ended.push(Ended {
                node: edge.task,
                ending,
                because_of,
            });
        } else {
            let mut edges = self.edges.iter().filter(|other| other.task == edge.task);
            if edges.all(|edge| self.told.contains(edge)) {
                consequences.ready.push(edge.task);
            }
        }
    }
}

/// semantics.md §2, word for word.
pub(crate) fn end_of_a_dependant(when: Condition, ending: Ending) -> Option<Ending> {
    match when {
        Condition::Success if ending == Ending::Completed => None,
        Condition::Success if ending == Ending::NotNeeded => Some(Ending::NotNeeded),
        Condition::Success => Some(Ending::Failed),
        Condition::Failure if ending == Ending::Failed => None,
        Condition::Failure => Some(Ending::NotNeeded),
        Condition::Done => None,
    }
}

/// How many edges away everything is that can be reached from `start`.
pub(crate) fn distances(start: Name, edges: &[(Name, Name)]) -> BTreeMap<Name, usize> {
    let mut distances = BTreeMap::from([(start, 0)]);
    for distance in 1.. {
        let before = distances.len();
        for (from, to) in edges {
            if distances.get(from) == Some(&(distance - 1)) {
                distances.entry(*to).or_insert(distance);
            }
        }
        if distances.len() == before {
            break;
        }
    }
    distances
}

fn nothing() -> Consequences<Name> {
    Consequences {
        ready: Vec::new(),
        ended: Vec::new(),
    }
}
