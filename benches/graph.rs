//! The dependency graph at 100, 10,000 and 1,000,000 edges: adding an edge, refusing one that would
//! close a cycle, adding one that turns the topological order around, and the end of a node.
//!
//! Every node waits for three random earlier ones, so that it has three dependants on average.

use std::hint::black_box;
use std::time::{Duration, Instant};

use ains_core::DependencyGraph;
use ains_core::dependency::{Condition, Edge, Ending};
use criterion::{Bencher, BenchmarkId, Criterion, criterion_group, criterion_main};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

type Graph = DependencyGraph<u32>;

const SIZES: [u32; 3] = [100, 10_000, 1_000_000];

/// Edges that are prepared for one copy of a graph: most, and as a part of the graph.
const PREPARED: (u32, u32) = (10_000, 10);

fn edge(on: u32, task: u32) -> Edge<u32> {
    let when = Condition::Success;
    Edge { on, task, when }
}

/// A graph, whose nodes are numbered from zero.
fn a_graph(edges: u32, rng: &mut StdRng) -> Graph {
    let mut graph = Graph::new();
    for task in 3..3 + edges.div_ceil(3) {
        let mut count = 0;
        while count < 3 {
            let is_new = graph.connect(edge(rng.random_range(0..task), task));
            count += u32::from(is_new == Ok(true));
        }
    }
    graph
}

/// New edges for a graph, one after the other; the draw gives two nodes, the earlier first.
fn new_edges(graph: &Graph, count: u32, mut draw: impl FnMut(u32, u32) -> Edge<u32>) -> Vec<Edge<u32>> {
    let mut graph = graph.clone();
    let rng = &mut StdRng::seed_from_u64(2);
    let nodes = u32::try_from(graph.len()).expect("they are numbered");
    let drawn = std::iter::repeat_with(|| {
        let later = rng.random_range(1..nodes);
        draw(rng.random_range(0..later), later)
    });
    let new = drawn.filter(|edge| graph.connect(*edge) == Ok(true));
    new.take(count as usize).collect()
}

/// Edges from nodes to others that they wait for, over up to ten nodes in between.
fn closing_edges(graph: &Graph, count: u32) -> Vec<Edge<u32>> {
    let rng = &mut StdRng::seed_from_u64(3);
    let nodes = u32::try_from(graph.len()).expect("they are numbered");
    let mut closing = Vec::new();
    for _ in 0..count {
        let start = rng.random_range(3..nodes);
        let mut end = start;
        for _ in 0..rng.random_range(1..=10) {
            let choice = rng.random_range(0..3);
            end = graph.dependencies(&end).nth(choice).map_or(end, |(on, _)| *on);
        }
        closing.push(edge(start, end));
    }
    closing
}

/// Measures what changes a graph, on copies of it: a copy is thrown away when everything that was
/// prepared for it has been used. Neither copying nor throwing away is measured.
fn on_copies<T>(b: &mut Bencher<'_>, graph: &Graph, prepared: &[T], act: impl Fn(&mut Graph, &T)) {
    let (mut copy, mut used) = (graph.clone(), 0);
    b.iter_custom(|iterations| {
        let mut left = usize::try_from(iterations).expect("a count");
        let mut spent = Duration::ZERO;
        while left > 0 {
            if used == prepared.len() {
                (copy, used) = (graph.clone(), 0);
            }
            let now = &prepared[used..prepared.len().min(used + left)];
            let start = Instant::now();
            for next in now {
                act(&mut copy, next);
            }
            spent += start.elapsed();
            used += now.len();
            left -= now.len();
        }
        spent
    });
}

fn graph(c: &mut Criterion) {
    let mut group = c.benchmark_group("graph");
    group.sample_size(20).measurement_time(Duration::from_secs(2));
    for edges in SIZES {
        let mut graph = a_graph(edges, &mut StdRng::seed_from_u64(1));
        let count = PREPARED.0.min(edges / PREPARED.1);
        let connect = |graph: &mut Graph, edge: &Edge<u32>| {
            black_box(graph.connect(*edge)).expect("it was accepted when it was prepared");
        };

        let new = new_edges(&graph, count, edge);
        group.bench_function(BenchmarkId::new("insert_edge", edges), |b| {
            on_copies(b, &graph, &new, connect);
        });
        let turning = new_edges(&graph, count, |earlier, later| edge(later, earlier));
        group.bench_function(BenchmarkId::new("insert_edge_and_reorder", edges), |b| {
            on_copies(b, &graph, &turning, connect);
        });
        let nodes: Vec<u32> = graph.order().copied().collect();
        group.bench_function(BenchmarkId::new("finish_node", edges), |b| {
            on_copies(b, &graph, &nodes, |graph, node| {
                black_box(graph.finish(node, Ending::Completed)).expect("it has not ended");
            });
        });
        let closing = closing_edges(&graph, count);
        let mut closing = closing.iter().cycle();
        group.bench_function(BenchmarkId::new("refuse_cycle", edges), |b| {
            b.iter(|| {
                let edge = closing.next().expect("they are repeated");
                black_box(graph.connect(*edge)).expect_err("it closes a cycle")
            });
        });
    }
    group.finish();
}

criterion_group!(benches, graph);
criterion_main!(benches);
