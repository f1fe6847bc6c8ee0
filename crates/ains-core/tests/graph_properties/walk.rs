//! A walk against the distances that a model finds by looking at every edge again and again.

use ains_core::graph::Walk;
use proptest::prelude::*;

use crate::model::{Name, distances};

/// Feeds a walk until it wants nothing any more.
fn walk(edges: &[(Name, Name)], start: Name, depth: usize, most: usize) -> Walk<Name> {
    let mut walk = Walk::new(start, depth, most);
    let mut steps = 0;
    while !walk.wants().is_empty() {
        let wanted = walk.wants().to_vec();
        walk.feed(edges.iter().copied().filter(|(from, _)| wanted.contains(from)));
        steps += 1;
        assert!(steps <= depth, "a walk ends after as many steps as it may go far");
    }
    walk
}

fn edges() -> impl Strategy<Value = Vec<(Name, Name)>> {
    prop::collection::vec((0..20_u32, 0..20_u32), 0..60)
}

proptest! {
    #[test]
    fn a_walk_reaches_what_is_near_enough_and_nearest_first(
        edges in edges(), start in 0..20_u32, depth in 0..8_usize, most in 0..25_usize,
    ) {
        let walk = walk(&edges, start, depth, most);
        let mut near = distances(start, &edges);
        near.retain(|_, distance| *distance <= depth);

        prop_assert_eq!(walk.reached()[0], start);
        prop_assert!(walk.reached().iter().all(|node| near.contains_key(node)));
        prop_assert!(walk.reached().is_sorted_by_key(|node| near[node]));
        prop_assert_eq!(walk.reached().len(), near.len().min(most.max(1)), "each once, and no more");
        prop_assert_eq!(walk.is_cut(), near.len() > most.max(1));
        for node in 0..20 {
            prop_assert_eq!(walk.has_reached(&node), walk.reached().contains(&node));
        }
    }

    #[test]
    fn the_way_to_a_node_is_a_shortest_one(
        edges in edges(), start in 0..20_u32, depth in 0..8_usize, most in 1..25_usize,
    ) {
        let walk = walk(&edges, start, depth, most);
        let distances = distances(start, &edges);
        for node in 0..20 {
            let way = walk.path_to(&node);
            prop_assert_eq!(way.is_some(), walk.has_reached(&node));
            let Some(way) = way else { continue };
            prop_assert_eq!((way[0], way[way.len() - 1]), (start, node));
            prop_assert_eq!(way.len() - 1, distances[&node]);
            prop_assert!(way.windows(2).all(|step| edges.contains(&(step[0], step[1]))));
        }
    }
}
