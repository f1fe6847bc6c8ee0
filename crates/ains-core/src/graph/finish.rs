//! Ends a node, and tells who becomes ready and who ends through that.

use std::convert::Infallible;
use std::hash::Hash;

use super::{Dependants, DependencyGraph, Node, cascade};
use crate::dependency::{Edge, Ending};

/// What the end of a node brought about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consequences<N> {
    /// Who waits for nothing any more, in the order in which that came about.
    pub ready: Vec<N>,
    /// Who ended through it, in the order in which that came about: nearest first.
    pub ended: Vec<Ended<N>>,
}

/// A node that ended because of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended<N> {
    /// Which.
    pub node: N,
    /// How.
    pub ending: Ending,
    /// The dependency that did not end as the node needed it.
    pub because_of: N,
}

/// Why a node cannot be ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotFinish<N> {
    /// There is no such node.
    #[error("`{0}` is not in the graph")]
    Unknown(N),
    /// It has ended before.
    #[error("`{0}` has already ended")]
    AlreadyEnded(N),
}

impl<N: Clone + Eq + Hash> DependencyGraph<N> {
    /// Ends a node, whether it was ready or still waits (what is cancelled or expires ends while it
    /// waits), and carries its end on to all that wait for it. Where several ends concern one node,
    /// the one that came about first decides.
    ///
    /// O(edges from the nodes that end), times the logarithm of their number where one end brings
    /// about many.
    ///
    /// # Errors
    /// [`CannotFinish`] if it is unknown or has ended before: nothing has changed.
    pub fn finish(&mut self, node: &N, ending: Ending) -> Result<Consequences<N>, CannotFinish<N>> {
        let Some(&number) = self.nodes.get(node) else {
            return Err(CannotFinish::Unknown(node.clone()));
        };
        let vertex = self.vertex_mut(number);
        if vertex.ending.is_some() {
            return Err(CannotFinish::AlreadyEnded(node.clone()));
        }
        vertex.ending = Some(ending);
        Ok(Telling::new(self).carry_on([(number, ending)]))
    }

    /// Judges a new edge if its dependency has ended.
    pub(super) fn judge(&mut self, edge: &Edge<Node>) {
        if let Some(ending) = self.vertex(edge.on).ending {
            let mut telling = Telling::new(self);
            let Ok(ended) = telling.tell(edge, ending);
            telling.carry_on(ended.map(|ending| (edge.task, ending)));
        }
    }
}

/// A graph in which ends are told, and what has come of it.
struct Telling<'g, N> {
    graph: &'g mut DependencyGraph<N>,
    consequences: Consequences<N>,
}

impl<'g, N: Clone> Telling<'g, N> {
    fn new(graph: &'g mut DependencyGraph<N>) -> Self {
        let consequences = Consequences {
            ready: Vec::new(),
            ended: Vec::new(),
        };
        Self { graph, consequences }
    }

    fn carry_on(mut self, ended: impl IntoIterator<Item = (Node, Ending)>) -> Consequences<N> {
        let Ok(_) = cascade(ended, usize::MAX, &mut self);
        self.consequences
    }
}

impl<N: Clone> Dependants<Node> for Telling<'_, N> {
    type Error = Infallible;

    fn of(&mut self, ended: &[Node]) -> Result<Vec<Edge<Node>>, Infallible> {
        let mut edges = Vec::new();
        for &on in ended {
            let links = self.graph.vertex(on).dependants.iter();
            let waiting = links.filter(|(task, _)| self.graph.vertex(*task).ending.is_none());
            edges.extend(waiting.map(|&(task, when)| Edge { on, task, when }));
        }
        Ok(edges)
    }

    fn tell(&mut self, edge: &Edge<Node>, ending: Ending) -> Result<Option<Ending>, Infallible> {
        let task = self.graph.vertex_mut(edge.task);
        if task.ending.is_some() {
            return Ok(None);
        }
        let ended = edge.when.judge(ending).ending();
        task.ending = ended;
        task.open -= 1;
        match ended {
            Some(ending) => self.consequences.ended.push(Ended {
                node: task.name.clone(),
                ending,
                because_of: self.graph.name(edge.on).clone(),
            }),
            None if task.is_ready() => self.consequences.ready.push(task.name.clone()),
            None => {}
        }
        Ok(ended)
    }
}
