//! Random graphs, and what is to become of their tasks.

use std::collections::BTreeSet;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::judge::{Ending, When};

/// Levels of a random graph; a task waits for tasks of those before its own.
const LEVELS: usize = 8;

/// What is to become of a task that is handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Completes,
    Fails,
    /// Its second attempt completes.
    FailsOnce,
    /// The client cancels it at some moment, wherever it stands.
    IsCancelled,
    /// The client cancels it while an agent works on it.
    IsCancelledAtWork,
}

/// What a task waits for, by number.
pub(crate) type After = BTreeSet<(usize, When)>;

/// A graph, and what is to become of its tasks. A task has a number that is higher than those of what it waits for.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) nodes: Vec<(After, Fate)>,
    /// Reports there will be, about.
    pub(crate) reports: usize,
}

impl Plan {
    /// As `seed` has it: with all conditions and fates, of which most fit so well that most tasks are handed out.
    pub(crate) fn random(seed: u64, tasks: usize) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let (mut nodes, mut likely, mut reports) = (Vec::new(), Vec::new(), 0);
        for number in 0..tasks {
            let level = number * LEVELS / tasks;
            let first_of = |level: usize| (level * tasks).div_ceil(LEVELS);
            let mut after = After::new();
            let edges = if level == 0 { 0 } else { rng.random_range(1..=4) };
            for _ in 0..edges {
                let from = first_of(if rng.random_bool(0.7) { level - 1 } else { 0 });
                let on = rng.random_range(from..first_of(level));
                let mut fitting: Vec<When> = When::ALL.to_vec();
                let fits = if likely[on] == Ending::Completed { 0.9 } else { 0.5 };
                if rng.random_bool(fits) {
                    fitting.retain(|when| when.after(likely[on]).is_none());
                }
                after.insert((on, fitting[rng.random_range(0..fitting.len())]));
            }
            let (fate, ending) = match rng.random_range(0..100) {
                0..80 => (Fate::Completes, Ending::Completed),
                80..88 => (Fate::Fails, Ending::Failed),
                88..92 => (Fate::FailsOnce, Ending::Completed),
                92..96 => (Fate::IsCancelled, Ending::Cancelled),
                _ => (Fate::IsCancelledAtWork, Ending::Cancelled),
            };
            let mut followed = after.iter().filter_map(|(on, when)| when.after(likely[*on]));
            let early = followed.next();
            reports += usize::from(early.is_none());
            likely.push(early.unwrap_or(ending));
            nodes.push((after, fate));
        }
        Self { nodes, reports }
    }

    /// The body of its submission.
    pub(crate) fn body(&self, client: &str, capability: &str) -> Value {
        let task = |(number, (after, _)): (usize, &(After, Fate))| {
            let on = |(on, when): &(usize, When)| json!({"name": format!("t{on}"), "when": when.word()});
            let after: Vec<Value> = after.iter().map(on).collect();
            json!({"name": format!("t{number}"), "input_data": {"number": number}, "depends_on": after})
        };
        let tasks: Vec<Value> = self.nodes.iter().enumerate().map(task).collect();
        let defaults = json!({"task_type": "flow", "capability_required": capability});
        json!({"client_id": client, "defaults": defaults, "tasks": tasks})
    }
}
