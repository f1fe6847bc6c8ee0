//! Graphs of 100,000 nodes: nothing runs out of stack, and every result is checked.

use std::collections::HashSet;

use ains_core::DependencyGraph;
use ains_core::dependency::{Condition, Edge, Ending};
use ains_core::graph::Ended;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{RngExt as _, SeedableRng as _};

use crate::model::{Name, end_of_a_dependant};
use crate::on_success;

const MANY: Name = 100_000;

fn a_graph(edges: impl IntoIterator<Item = Edge<Name>>) -> DependencyGraph<Name> {
    let mut graph = DependencyGraph::new();
    for edge in edges {
        assert_eq!(graph.connect(edge), Ok(true));
    }
    graph
}

/// Every node waits for the one before it.
fn rungs() -> impl DoubleEndedIterator<Item = Edge<Name>> {
    (1..MANY).map(|task| on_success(task - 1, task))
}

/// Layers of a thousand nodes, each of which waits for three of the layer before.
fn layers(rng: &mut StdRng) -> Vec<Edge<Name>> {
    let mut edges = HashSet::new();
    for task in 1000..MANY {
        let layer = task / 1000;
        for _ in 0..3 {
            let on = rng.random_range((layer - 1) * 1000..layer * 1000);
            let when = *Condition::ALL.choose(rng).expect("there are three");
            edges.insert(Edge { on, task, when });
        }
    }
    let mut edges: Vec<_> = edges.into_iter().collect();
    edges.sort_unstable_by_key(|edge| (edge.task, edge.on, edge.when));
    edges
}

#[test]
fn a_ladder_fails_from_its_top() {
    let mut graph = a_graph(rungs());
    let fallen = graph.finish(&0, Ending::Failed).unwrap();
    let expected = (1..MANY).map(|node| Ended {
        node,
        ending: Ending::Failed,
        because_of: node - 1,
    });
    assert!(fallen.ended.into_iter().eq(expected));
    assert!(fallen.ready.is_empty());
    assert_eq!(graph.ready().count(), 0);
}

#[test]
fn a_ladder_is_climbed_rung_by_rung() {
    let mut graph = a_graph(rungs());
    for node in 0..MANY {
        assert!(graph.is_ready(&node));
        let climbed = graph.finish(&node, Ending::Completed).unwrap();
        assert!(climbed.ready.into_iter().eq((node + 1..MANY).take(1)));
        assert_eq!(climbed.ended, []);
    }
}

#[test]
fn a_ladder_may_be_built_in_any_order_but_not_closed() {
    let mut rungs: Vec<_> = rungs().collect();
    let mut shuffled = rungs.clone();
    shuffled.shuffle(&mut StdRng::seed_from_u64(1));
    rungs.reverse();
    for rungs in [rungs, shuffled] {
        let mut graph = DependencyGraph::new();
        for node in (0..MANY).rev() {
            graph.insert(node);
        }
        for rung in rungs {
            assert_eq!(graph.connect(rung), Ok(true));
        }
        assert!(graph.order().copied().eq(0..MANY));
        let cycle = graph.connect(on_success(MANY - 1, 0)).unwrap_err();
        assert!(cycle.0.into_iter().eq(0..MANY));
    }
}

#[test]
fn two_ladders_side_by_side_may_be_joined_rung_by_rung() {
    let half = MANY / 2;
    let sides = rungs().filter(|rung| rung.task != half);
    let mut graph = a_graph(sides);
    for node in 0..half {
        assert_eq!(graph.connect(on_success(half + node, node)), Ok(true));
    }
    let fallen = graph.finish(&half, Ending::Cancelled).unwrap();
    assert_eq!(fallen.ended.len(), MANY as usize - 1);
    assert!(fallen.ended.iter().all(|ended| ended.ending == Ending::Failed));
}

#[test]
fn a_fan_opens_at_once() {
    let mut graph = a_graph((1..MANY).map(|task| on_success(0, task)));
    let opened = graph.finish(&0, Ending::Completed).unwrap();
    assert!(opened.ready.into_iter().eq(1..MANY));
    assert_eq!(opened.ended, []);
}

#[test]
fn a_fan_falls_at_once() {
    let mut graph = a_graph((1..MANY).map(|task| on_success(0, task)));
    let fallen = graph.finish(&0, Ending::NotNeeded).unwrap();
    let expected = (1..MANY).map(|node| Ended {
        node,
        ending: Ending::NotNeeded,
        because_of: 0,
    });
    assert!(fallen.ended.into_iter().eq(expected));
}

#[test]
fn a_fan_in_waits_for_the_last() {
    let mut graph = DependencyGraph::new();
    for node in 0..MANY {
        graph.insert(node);
    }
    for on in 1..MANY {
        assert_eq!(graph.connect(on_success(on, 0)), Ok(true));
    }
    assert!(graph.order().copied().eq((1..MANY).chain([0])));
    for node in 1..MANY {
        let ended = graph.finish(&node, Ending::Completed).unwrap();
        assert_eq!(ended.ready.is_empty(), node + 1 < MANY);
    }
    assert!(graph.is_ready(&0));
}

#[test]
fn a_failure_reaches_all_who_follow_in_layers_and_nobody_else() {
    let rng = &mut StdRng::seed_from_u64(2);
    let mut graph = DependencyGraph::new();
    let mut reached = HashSet::from([0]);
    for edge in layers(rng) {
        graph.connect(on_success(edge.on, edge.task)).unwrap();
        if reached.contains(&edge.on) {
            reached.insert(edge.task);
        }
    }
    let fallen = graph.finish(&0, Ending::Failed).unwrap();
    assert_eq!(fallen.ended.len() + 1, reached.len());
    let is_sorted = fallen.ended.is_sorted_by_key(|ended| ended.node / 1000);
    assert!(is_sorted, "nearest first");
    for ended in fallen.ended {
        assert_eq!(ended.ending, Ending::Failed);
        assert!(reached.contains(&ended.node) && reached.contains(&ended.because_of));
        assert_eq!(ended.because_of / 1000 + 1, ended.node / 1000);
    }
}

#[test]
fn layers_end_each_node_once_and_for_a_reason() {
    let rng = &mut StdRng::seed_from_u64(3);
    let mut edges = layers(rng);
    edges.shuffle(rng);
    let mut graph = a_graph(edges);
    let mut ready: Vec<Name> = graph.ready().copied().collect();
    let mut count = 0;
    while !ready.is_empty() {
        let node = ready.swap_remove(rng.random_range(0..ready.len()));
        // Mostly completed, so that some of every layer are left to begin.
        let [completed, failed, cancelled] = [Ending::Completed, Ending::Failed, Ending::Cancelled];
        let endings = [completed, completed, failed, cancelled];
        let ending = *endings.choose(rng).expect("there are four");
        let consequences = graph.finish(&node, ending).unwrap();
        count += 1 + consequences.ended.len();
        for ended in consequences.ended {
            assert_eq!(graph.ending(&ended.node), Some(ended.ending));
            let because_of = graph.ending(&ended.because_of).expect("it has ended");
            let mut conditions = graph
                .dependencies(&ended.node)
                .filter(|(on, _)| **on == ended.because_of);
            assert!(conditions.any(|(_, when)| end_of_a_dependant(when, because_of) == Some(ended.ending)));
        }
        for &node in &consequences.ready {
            assert!(graph.is_ready(&node));
            let mut dependencies = graph.dependencies(&node);
            assert!(dependencies.all(|(on, when)| {
                graph
                    .ending(on)
                    .is_some_and(|ending| end_of_a_dependant(when, ending).is_none())
            }));
        }
        ready.extend(consequences.ready);
    }
    assert_eq!(count, graph.len(), "each once, and none is left waiting");
}
