//! Dependency graphs against models that look at every node and every edge for every question.

#[path = "graph_properties/big.rs"]
mod big;
#[path = "graph_properties/cascade.rs"]
mod cascade;
#[path = "graph_properties/model.rs"]
mod model;
#[path = "graph_properties/walk.rs"]
mod walk;

use std::collections::BTreeMap;

use ains_core::DependencyGraph;
use ains_core::dependency::{Condition, Edge, Ending};
use ains_core::graph::{CannotFinish, Cycle};
use proptest::prelude::*;

use crate::model::{Answer, Model, Name};

#[derive(Debug, Clone)]
enum Event {
    Insert(Name),
    Connect(Edge<Name>),
    Finish(Name, Ending),
}

fn on_success<N>(on: N, task: N) -> Edge<N> {
    let when = Condition::Success;
    Edge { on, task, when }
}

fn a_condition() -> impl Strategy<Value = Condition> {
    prop::sample::select(Condition::ALL.to_vec())
}

fn an_ending() -> impl Strategy<Value = Ending> {
    prop::sample::select(vec![
        Ending::Completed,
        Ending::Failed,
        Ending::Cancelled,
        Ending::NotNeeded,
    ])
}

prop_compose! {
    fn an_edge(nodes: Name)(on in 0..nodes, task in 0..nodes, when in a_condition()) -> Edge<Name> {
        Edge { on, task, when }
    }
}

fn an_event(nodes: Name) -> impl Strategy<Value = Event> {
    prop_oneof![
        1 => (0..nodes).prop_map(Event::Insert),
        8 => an_edge(nodes).prop_map(Event::Connect),
        2 => (0..nodes, an_ending()).prop_map(|(node, ending)| Event::Finish(node, ending)),
    ]
}

/// A graph and its model, going through the same events.
#[derive(Default)]
struct Pair {
    graph: DependencyGraph<Name>,
    model: Model,
}

impl Pair {
    fn apply(&mut self, event: &Event) {
        match *event {
            Event::Insert(node) => assert_eq!(self.graph.insert(node), self.model.insert(node)),
            Event::Connect(edge) => self.connect(edge),
            Event::Finish(node, ending) => self.finish(node, ending),
        }
    }

    fn connect(&mut self, edge: Edge<Name>) {
        match (self.graph.connect(edge), self.model.connect(edge)) {
            (Ok(is_new), answer) => {
                let expected = if is_new { Answer::Added } else { Answer::Folded };
                assert_eq!(answer, expected, "{edge:?}");
            }
            (Err(cycle), answer) => {
                assert_eq!(answer, Answer::Refused(cycle.0.len()), "{edge:?} {cycle}");
                self.check_cycle(&cycle, edge);
            }
        }
    }

    /// A cycle consists of edges that are there, and of the one that was refused.
    fn check_cycle(&self, cycle: &Cycle<Name>, refused: Edge<Name>) {
        let nodes = &cycle.0;
        let ends = (nodes.first(), nodes.last());
        assert_eq!(ends, (Some(&refused.task), Some(&refused.on)), "{cycle}");
        for step in nodes.windows(2) {
            let mut dependants = self.graph.dependants(&step[0]);
            assert!(dependants.any(|(task, _)| *task == step[1]), "{cycle}");
        }
    }

    fn finish(&mut self, node: Name, ending: Ending) {
        let expected = self.model.finish(node, ending);
        match self.graph.finish(&node, ending) {
            Ok(consequences) => assert_eq!(Some(consequences), expected),
            Err(CannotFinish::Unknown(unknown)) => {
                assert_eq!((unknown, expected), (node, None));
                assert!(!self.model.nodes.contains(&node));
            }
            Err(CannotFinish::AlreadyEnded(ended)) => {
                assert_eq!((ended, expected), (node, None));
                assert!(self.model.endings.contains_key(&node));
            }
        }
    }

    /// Compares everything that can be asked.
    fn check(&self) {
        let Self { graph, model } = self;
        assert_eq!(graph.len(), model.nodes.len());
        assert_eq!(graph.is_empty(), model.nodes.is_empty());
        let ready = model.nodes.iter().filter(|node| model.is_ready(**node));
        assert!(graph.ready().eq(ready));
        for node in 0..=model.nodes.iter().copied().max().unwrap_or(0) {
            assert_eq!(graph.contains(&node), model.nodes.contains(&node));
            assert_eq!(graph.ending(&node), model.endings.get(&node).copied());
            assert_eq!(graph.is_ready(&node), model.is_ready(node));

            let edges = graph
                .dependencies(&node)
                .map(|(&on, when)| Edge { on, task: node, when });
            let mut edges: Vec<_> = edges.collect();
            edges.sort_unstable();
            let expected = model.edges.iter().filter(|edge| edge.task == node);
            assert!(edges.iter().eq(expected));

            let edges = graph
                .dependants(&node)
                .map(|(&task, when)| Edge { on: node, task, when });
            let mut edges: Vec<_> = edges.collect();
            edges.sort_unstable();
            let expected = model.edges.iter().filter(|edge| edge.on == node);
            assert!(edges.iter().eq(expected));
        }
        self.check_order();
    }

    fn check_order(&self) {
        let places: BTreeMap<_, _> = self.graph.order().copied().zip(0..).collect();
        assert_eq!(
            self.graph.order().count(),
            places.len(),
            "each node stands there once"
        );
        assert_eq!(places.len(), self.model.nodes.len());
        for edge in &self.model.edges {
            assert!(places[&edge.on] < places[&edge.task], "{edge:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_graph_decides_like_a_model_that_scans_everything(
        events in prop::collection::vec(an_event(14), 1..120),
    ) {
        let mut pair = Pair::default();
        for event in events {
            pair.apply(&event);
            pair.check();
        }
    }

    #[test]
    fn what_a_whole_graph_comes_to_is_what_the_model_says(
        edges in prop::collection::vec(an_edge(24), 1..100),
        endings in prop::collection::vec((0..24_u32, an_ending()), 1..24),
    ) {
        let mut pair = Pair::default();
        for edge in edges {
            pair.connect(edge);
        }
        for (node, ending) in endings {
            pair.finish(node, ending);
        }
        pair.check();
    }

    #[test]
    fn the_order_is_topological_whatever_the_order_of_the_edges(
        nodes in Just((0..60_u32).collect::<Vec<_>>()).prop_shuffle(),
        edges in prop::collection::vec((0..60_u32, 1..30_u32, a_condition()), 1..150),
    ) {
        // Hardly any of these is refused, so that there is much to be kept in order.
        let mut pair = Pair::default();
        for node in nodes {
            pair.apply(&Event::Insert(node));
        }
        for (on, ahead, when) in edges {
            pair.connect(Edge { on, task: (on + ahead).min(59), when });
            pair.check_order();
        }
    }
}

#[test]
fn a_cycle_is_named_in_order() {
    let mut graph = DependencyGraph::new();
    for (on, task) in [("a", "b"), ("b", "c"), ("b", "x"), ("x", "c")] {
        assert_eq!(graph.connect(on_success(on, task)), Ok(true));
    }
    let cycle = graph.connect(on_success("c", "a")).unwrap_err();
    assert_eq!(cycle.to_string(), "a -> b -> c -> a");
    let cycle = graph.connect(on_success("a", "a")).unwrap_err();
    assert_eq!(cycle.to_string(), "a -> a");
}

#[test]
fn a_refused_edge_leaves_nothing_behind() {
    let mut graph = DependencyGraph::new();
    assert_eq!(graph.connect(on_success("a", "a")), Err(Cycle(vec!["a"])));
    assert!(graph.is_empty());
}

#[test]
fn an_edge_from_what_has_ended_is_judged_at_once() {
    let mut graph = DependencyGraph::new();
    graph.connect(on_success("build", "deploy")).unwrap();
    let (on, task, when) = ("deploy", "report", Condition::Done);
    graph.connect(Edge { on, task, when }).unwrap();
    graph.insert("lint");
    graph.finish(&"lint", Ending::Failed).unwrap();

    let (on, task, when) = ("lint", "complain", Condition::Failure);
    graph.connect(Edge { on, task, when }).unwrap();
    assert!(graph.is_ready(&"complain"));
    graph.connect(on_success("lint", "build")).unwrap();
    assert_eq!(graph.ending(&"build"), Some(Ending::Failed));
    assert_eq!(graph.ending(&"deploy"), Some(Ending::Failed));
    assert!(graph.is_ready(&"report"));
}

#[test]
fn what_cannot_be_ended_is_named() {
    let mut graph = DependencyGraph::new();
    graph.insert("a");
    graph.finish(&"a", Ending::Cancelled).unwrap();
    let again = graph.finish(&"a", Ending::Completed).unwrap_err();
    assert_eq!(again.to_string(), "`a` has already ended");
    let unknown = graph.finish(&"b", Ending::Completed).unwrap_err();
    assert_eq!(unknown.to_string(), "`b` is not in the graph");
}
