//! Reads a workflow of the [WfFormat](https://github.com/wfcommons/WfFormat), version 1.5: which tasks there are, which
//! of them wait for which, and how long each one ran.
//!
//! An edge counts if either of its ends names it, since real files leave one of the lists out here and there. Anything
//! else that does not fit together is refused.

use std::collections::{BTreeSet, HashMap};

use serde::Deserialize;

/// The version of the format.
const VERSION: &str = "1.5";

/// A workflow.
#[derive(Debug)]
pub(crate) struct Workflow {
    pub(crate) name: String,
    /// Its tasks; each comes after those it waits for.
    pub(crate) jobs: Vec<Job>,
    /// Edges that only one of their ends names.
    pub(crate) one_sided: usize,
}

/// A task of a workflow.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) id: String,
    /// How long it ran when the workflow was recorded.
    pub(crate) seconds: f64,
    /// What it waits for: places in [`Workflow::jobs`], in order.
    pub(crate) parents: Vec<usize>,
}

/// Why a file is not a workflow that can be run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfit {
    #[error("it does not have the shape of the WfFormat")]
    Shape(#[source] serde_json::Error),
    #[error("it has version `{0}` of the WfFormat, and only {VERSION} is known here")]
    Version(String),
    #[error("it has no tasks")]
    Empty,
    #[error("`workflow.{part}.tasks` has the id `{id}` twice")]
    Twice { part: &'static str, id: String },
    #[error("`{list}` of task `{id}` names `{unknown}`, which is not a task")]
    UnknownEnd {
        list: &'static str,
        id: String,
        unknown: String,
    },
    #[error("`workflow.execution.tasks` has the id `{0}`, which is not a task")]
    UnknownRun(String),
    #[error("task `{0}` has no `runtimeInSeconds` in `workflow.execution.tasks`")]
    NoRuntime(String),
    #[error("task `{id}` has the `runtimeInSeconds` {seconds}, which is not a length of time")]
    Runtime { id: String, seconds: f64 },
    #[error("tasks wait for each other: {0}")]
    Cycle(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    name: String,
    schema_version: String,
    workflow: Parts,
}

#[derive(Deserialize)]
struct Parts {
    specification: Tasks<Specified>,
    execution: Tasks<Executed>,
}

#[derive(Deserialize)]
struct Tasks<T> {
    tasks: Vec<T>,
}

#[derive(Deserialize)]
struct Specified {
    id: String,
    #[serde(default)]
    parents: Vec<String>,
    #[serde(default)]
    children: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Executed {
    id: String,
    runtime_in_seconds: Option<f64>,
}

impl Workflow {
    /// Reads a file's text.
    ///
    /// # Errors
    /// When it is not a whole workflow.
    pub(crate) fn parse(text: &str) -> Result<Self, Unfit> {
        let document: Document = serde_json::from_str(text).map_err(Unfit::Shape)?;
        if document.schema_version != VERSION {
            return Err(Unfit::Version(document.schema_version));
        }
        let specified = document.workflow.specification.tasks;
        if specified.is_empty() {
            return Err(Unfit::Empty);
        }
        let mut places = HashMap::new();
        for (place, task) in specified.iter().enumerate() {
            if places.insert(&*task.id, place).is_some() {
                return Err(Unfit::Twice {
                    part: "specification",
                    id: task.id.clone(),
                });
            }
        }
        let (parents, one_sided) = edges(&specified, &places)?;
        let seconds = runtimes(&specified, &places, document.workflow.execution.tasks)?;
        Ok(Self {
            name: document.name,
            jobs: in_order(&specified, &seconds, &parents)?,
            one_sided,
        })
    }
}

/// What each task waits for, and how many of these edges only one end names.
fn edges(
    specified: &[Specified],
    places: &HashMap<&str, usize>,
) -> Result<(Vec<BTreeSet<usize>>, usize), Unfit> {
    let place = |list, task: &Specified, end: &String| {
        places.get(&**end).copied().ok_or_else(|| Unfit::UnknownEnd {
            list,
            id: task.id.clone(),
            unknown: end.clone(),
        })
    };
    let (mut by_child, mut by_parent) = (BTreeSet::new(), BTreeSet::new());
    for (own, task) in specified.iter().enumerate() {
        for parent in &task.parents {
            by_child.insert((place("parents", task, parent)?, own));
        }
        for child in &task.children {
            by_parent.insert((own, place("children", task, child)?));
        }
    }
    let mut parents = vec![BTreeSet::new(); specified.len()];
    for &(parent, child) in by_child.union(&by_parent) {
        parents[child].insert(parent);
    }
    Ok((parents, by_child.symmetric_difference(&by_parent).count()))
}

/// How long each task ran, in seconds.
fn runtimes(
    specified: &[Specified],
    places: &HashMap<&str, usize>,
    executed: Vec<Executed>,
) -> Result<Vec<f64>, Unfit> {
    let mut all = vec![None; specified.len()];
    let mut met = BTreeSet::new();
    for Executed {
        id,
        runtime_in_seconds,
    } in executed
    {
        let Some(&place) = places.get(&*id) else {
            return Err(Unfit::UnknownRun(id));
        };
        if !met.insert(place) {
            return Err(Unfit::Twice {
                part: "execution",
                id,
            });
        }
        match runtime_in_seconds {
            Some(seconds) if !seconds.is_finite() || seconds < 0.0 => {
                return Err(Unfit::Runtime { id, seconds });
            }
            seconds => all[place] = seconds,
        }
    }
    all.into_iter()
        .zip(specified)
        .map(|(seconds, task)| seconds.ok_or_else(|| Unfit::NoRuntime(task.id.clone())))
        .collect()
}

/// The tasks, each after those it waits for, else as in the file.
fn in_order(
    specified: &[Specified],
    seconds: &[f64],
    parents: &[BTreeSet<usize>],
) -> Result<Vec<Job>, Unfit> {
    let mut children = vec![Vec::new(); specified.len()];
    for (child, parents) in parents.iter().enumerate() {
        for &parent in parents {
            children[parent].push(child);
        }
    }
    let mut missing: Vec<usize> = parents.iter().map(BTreeSet::len).collect();
    let mut ready: BTreeSet<usize> = (0..specified.len()).filter(|&task| missing[task] == 0).collect();
    // Where a task of the file stands among the jobs.
    let mut moved: Vec<Option<usize>> = vec![None; specified.len()];
    let mut jobs = Vec::with_capacity(specified.len());
    while let Some(task) = ready.pop_first() {
        moved[task] = Some(jobs.len());
        let mut before: Vec<usize> = parents[task].iter().filter_map(|&parent| moved[parent]).collect();
        before.sort_unstable();
        jobs.push(Job {
            id: specified[task].id.clone(),
            seconds: seconds[task],
            parents: before,
        });
        for &child in &children[task] {
            missing[child] -= 1;
            if missing[child] == 0 {
                ready.insert(child);
            }
        }
    }
    match moved.iter().position(Option::is_none) {
        None => Ok(jobs),
        Some(stuck) => Err(Unfit::Cycle(cycle(specified, parents, &moved, stuck))),
    }
}

/// The cycle that a task waits for, named in the direction of the work.
fn cycle(
    specified: &[Specified],
    parents: &[BTreeSet<usize>],
    moved: &[Option<usize>],
    stuck: usize,
) -> String {
    let mut way = vec![stuck];
    loop {
        let last = way[way.len() - 1];
        let next = parents[last]
            .iter()
            .copied()
            .find(|&parent| moved[parent].is_none())
            .expect("what could not be put in order waits for something that could not either");
        let met = way.iter().position(|&task| task == next);
        way.push(next);
        if let Some(begin) = met {
            let ids = way[begin..].iter().rev().map(|&task| &*specified[task].id);
            return ids.collect::<Vec<_>>().join(" -> ");
        }
    }
}

#[cfg(test)]
mod tests;
