//! Carries the end of tasks to all that wait for them, generation by generation: no recursion,
//! so a ladder of any length is as good as a fan.

use std::collections::BTreeMap;

use crate::dependency::{Edge, Ending};

/// Who waits for whom, and what becomes of them: a graph in memory, or rows of a store.
pub trait Dependants<N> {
    /// What can go wrong in finding out.
    type Error;

    /// The edges from `ended` to tasks that still wait, without those that have been told, in any
    /// order; some may be left out if there are more than may be told. Asked once for each generation.
    ///
    /// # Errors
    /// When they cannot be found out.
    fn of(&mut self, ended: &[N]) -> Result<Vec<Edge<N>>, Self::Error>;

    /// Tells the task of `edge` how what it waited for ended, and returns how the task itself
    /// ended through that, if it did. It may have ended through an earlier edge already; then it
    /// does not end again.
    ///
    /// # Errors
    /// When it cannot be told.
    fn tell(&mut self, edge: &Edge<N>, ending: Ending) -> Result<Option<Ending>, Self::Error>;
}

/// Tells everyone who waits for `ended`, and everyone who waits for those that end through that,
/// and so on, but no more than `most` edges.
///
/// First come, first told: the edges of one that ended earlier before those of one that ended later,
/// and those of one by the order of tasks and conditions. So what becomes of a task does not depend
/// on how `dependants` sorts its answers.
///
/// Those whose dependants may not all have been told are returned in the order in which they ended.
/// To go on with them, in that order, tells nobody twice who was told, and comes to the same end as
/// if there had been no limit.
///
/// # Errors
/// The first of `dependants`.
pub fn cascade<N: Clone + Ord, D: Dependants<N>>(
    ended: impl IntoIterator<Item = (N, Ending)>,
    most: usize,
    dependants: &mut D,
) -> Result<Vec<N>, D::Error> {
    let mut generation: Vec<(N, Ending)> = ended.into_iter().collect();
    let mut room = most;
    while !generation.is_empty() {
        let nodes: Vec<N> = generation.iter().map(|(node, _)| node.clone()).collect();
        let places: BTreeMap<&N, usize> = nodes.iter().zip(0..).collect();
        let edges = dependants.of(&nodes)?;
        let mut edges: Vec<(usize, Edge<N>)> = edges
            .into_iter()
            .filter_map(|edge| Some((*places.get(&edge.on)?, edge)))
            .collect();
        edges.sort_unstable();

        let mut next = Vec::new();
        let now = edges.len().min(room);
        for (place, edge) in &edges[..now] {
            if let Some(ending) = dependants.tell(edge, generation[*place].1)? {
                next.push((edge.task.clone(), ending));
            }
        }
        room -= now;
        if now < edges.len() {
            // The whole generation: of which of them edges were left out, nobody knows.
            let ended = generation.into_iter().chain(next);
            return Ok(ended.map(|(node, _)| node).collect());
        }
        generation = next;
    }
    Ok(Vec::new())
}
