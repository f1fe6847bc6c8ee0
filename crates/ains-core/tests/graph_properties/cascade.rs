//! A cascade that stops after so many edges and is gone on with, against one without a limit.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use ains_core::dependency::{Edge, Ending};
use ains_core::graph::{Dependants, cascade};
use proptest::prelude::*;

use crate::model::Name;
use crate::{a_condition, an_ending, on_success};

/// Edges as a store keeps them: in no order that means anything.
#[derive(Debug, Clone)]
struct Rows {
    edges: Vec<Edge<Name>>,
    told: BTreeSet<Edge<Name>>,
    endings: BTreeMap<Name, Ending>,
}

impl Rows {
    fn new(edges: Vec<Edge<Name>>, endings: impl Into<BTreeMap<Name, Ending>>) -> Self {
        Self {
            edges,
            told: BTreeSet::new(),
            endings: endings.into(),
        }
    }

    /// Goes on until nothing is left, telling no more than `most` edges at a time.
    fn settle(&mut self, ended: &[Name], most: usize) {
        let mut ended = ended.to_vec();
        while !ended.is_empty() {
            let before = self.told.len();
            let with_endings: Vec<_> = ended.iter().map(|node| (*node, self.endings[node])).collect();
            let Ok(rest) = cascade(with_endings, most, self);
            let told = self.told.len() - before;
            assert!(told == most || told < most && rest.is_empty(), "{told} of {most}");
            ended = rest;
        }
    }

    /// The edges that mean anything: those to tasks that still wait.
    fn told_to_those_that_wait(&self) -> Vec<Edge<Name>> {
        let told = self.told.iter();
        told.filter(|edge| !self.endings.contains_key(&edge.task))
            .copied()
            .collect()
    }
}

impl Dependants<Name> for Rows {
    type Error = Infallible;

    fn of(&mut self, ended: &[Name]) -> Result<Vec<Edge<Name>>, Infallible> {
        let edges = self.edges.iter().filter(|edge| {
            ended.contains(&edge.on) && !self.told.contains(edge) && !self.endings.contains_key(&edge.task)
        });
        Ok(edges.copied().collect())
    }

    fn tell(&mut self, edge: &Edge<Name>, ending: Ending) -> Result<Option<Ending>, Infallible> {
        assert_eq!(self.endings[&edge.on], ending);
        assert!(self.told.insert(*edge), "{edge:?} is told twice");
        if self.endings.contains_key(&edge.task) {
            return Ok(None);
        }
        let told = edge.when.judge(ending).ending();
        self.endings.extend(told.map(|ending| (edge.task, ending)));
        Ok(told)
    }
}

prop_compose! {
    /// Edges from lower to higher nodes.
    fn edges()(
        edges in prop::collection::btree_set((0..20_u32, 1..5_u32, a_condition()), 0..80),
    ) -> Vec<Edge<Name>> {
        edges.into_iter().map(|(on, ahead, when)| Edge { on, task: on + ahead, when }).collect()
    }
}

proptest! {
    #[test]
    fn a_limit_changes_nothing_but_how_often_one_goes_on(
        edges in edges().prop_shuffle(),
        ended in prop::collection::btree_map(0..6_u32, an_ending(), 1..6),
        most in 1..12_usize,
    ) {
        let mut at_once = Rows::new(edges, ended.clone());
        let mut in_parts = at_once.clone();
        let ended: Vec<Name> = ended.into_keys().collect();
        at_once.settle(&ended, usize::MAX);
        in_parts.settle(&ended, most);
        prop_assert_eq!(&at_once.endings, &in_parts.endings);
        prop_assert_eq!(at_once.told_to_those_that_wait(), in_parts.told_to_those_that_wait());
    }

    #[test]
    fn the_order_of_the_rows_does_not_matter(
        (edges, shuffled) in edges().prop_flat_map(|edges| (Just(edges.clone()), Just(edges).prop_shuffle())),
        ended in prop::collection::btree_map(0..6_u32, an_ending(), 1..6),
    ) {
        let settled = |edges| {
            let mut rows = Rows::new(edges, ended.clone());
            rows.settle(&ended.keys().copied().collect::<Vec<_>>(), usize::MAX);
            rows.endings
        };
        prop_assert_eq!(settled(edges), settled(shuffled));
    }
}

#[test]
fn nothing_is_told_when_nothing_may_be() {
    let mut rows = Rows::new(vec![on_success(0, 1)], [(0, Ending::Failed)]);
    assert_eq!(cascade([(0, Ending::Failed)], 0, &mut rows), Ok(vec![0]));
    assert!(rows.told.is_empty());
    let left = cascade([(1, Ending::Failed)], 0, &mut rows);
    assert_eq!(left, Ok(vec![]), "nobody waits for it");
}

#[test]
fn where_it_is_cut_the_generation_is_left_with_those_that_ended_through_it() {
    let edges = [(0, 10), (1, 11), (2, 12), (2, 13), (10, 14)].map(|(on, task)| on_success(on, task));
    let ended = [(0, Ending::Failed), (1, Ending::Completed), (2, Ending::Failed)];
    let mut rows = Rows::new(edges.to_vec(), ended);
    // All of it, because edges may be missing from what the rows gave of any of them.
    assert_eq!(cascade(ended, 3, &mut rows), Ok(vec![0, 1, 2, 10, 12]));
}
