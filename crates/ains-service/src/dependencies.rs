//! Dependencies: graphs submitted as a whole, and what can be seen of them.

use std::collections::{BTreeMap, HashSet};

use ains_core::dependency::{Edge, MAX_EDGES};
use ains_core::graph::{Cycle, Walk};
use ains_core::{DependencyGraph, GraphId, Task, TaskId};
use ains_store::dependencies::{self, Along, MOST, Reader};
use ains_store::{Conn, StoreError, tasks};

use crate::ains::Ains;
use crate::entropy::mint;
use crate::error::Error;
use crate::input::{Raw, raw, to_raw, with};
use crate::model::{
    Answer, DependenciesView, DependencyView, DependentView, DependentsView, Direction, GraphNode, GraphView,
    NewTask, Once, StoredTask,
};

/// Most characters of dependencies' results that are put into the input of a task: 4 MiB.
const RESULTS: usize = 4 << 20;

impl Ains {
    /// Stores the tasks of a graph, all or none, and hands those that are ready to agents as far
    /// as there are any. The tasks come back dependencies first, with their names and the id of
    /// the graph.
    ///
    /// # Errors
    /// When they would wait for each other, or for a task that does not exist; when the
    /// idempotency key is not good, too much is waiting, or the store fails.
    pub async fn submit_graph(
        &self,
        nodes: Vec<GraphNode>,
        once: Option<Once<[Task]>>,
    ) -> Result<Answer<Vec<Task>>, Error> {
        let edges = nodes.iter().map(|node| node.after.len()).sum();
        bounded(edges)?;
        let ains = self.clone();
        // Large ones take long enough to hold up other requests of the thread.
        let ordered = tokio::task::spawn_blocking(move || ains.ordered(nodes)).await;
        let tasks = ordered.map_err(|_| Error::Stopping)??;
        self.submit_made(tasks, once, true).await
    }

    /// The tasks of a graph with their ids, dependencies first.
    fn ordered(&self, nodes: Vec<GraphNode>) -> Result<Vec<(TaskId, NewTask)>, Error> {
        let mut order = DependencyGraph::new();
        for (place, node) in nodes.iter().enumerate() {
            order.insert(place);
            for (on, when) in &node.after {
                let edge = Edge {
                    on: *on,
                    task: place,
                    when: *when,
                };
                order
                    .connect(edge)
                    .map_err(|cycle| Error::Cycle(named(&nodes, cycle)))?;
            }
        }
        let now = self.now();
        let graph = mint!(self.entropy(), GraphId, now);
        let mut nodes: Vec<Option<GraphNode>> = nodes.into_iter().map(Some).collect();
        let mut ids = vec![None; nodes.len()];
        let mut tasks = Vec::with_capacity(nodes.len());
        for place in order.order() {
            let Some(mut node) = nodes.get_mut(*place).and_then(Option::take) else {
                continue;
            };
            let id = mint!(self.entropy(), TaskId, now);
            ids[*place] = Some(id);
            node.task.spec.graph = Some(graph);
            let inside = node.after.iter().filter_map(|(on, when)| {
                let on = ids.get(*on).copied().flatten()?;
                Some(ains_core::Dependency { on, when: *when })
            });
            node.task.depends_on.extend(inside);
            tasks.push((id, node.task));
        }
        Ok(tasks)
    }

    /// Which of `ids` name no task.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn unknown_tasks(&self, ids: Vec<TaskId>) -> Result<Vec<TaskId>, Error> {
        self.read(move |conn| {
            let known: HashSet<TaskId> = tasks::states(conn, &ids)?.iter().map(|task| task.id).collect();
            Ok(ids.into_iter().filter(|id| !known.contains(id)).collect())
        })
        .await
    }

    /// What a task waits or waited for.
    ///
    /// # Errors
    /// When there is no such task, or the store fails.
    pub async fn dependencies(&self, id: TaskId) -> Result<DependenciesView, Error> {
        self.look(id, move |conn, task| {
            let edges = dependencies::of_tasks(conn, &[id])?;
            let on: Vec<TaskId> = edges.iter().map(|stored| stored.edge.on).collect();
            let status: BTreeMap<TaskId, _> = tasks::states(conn, &on)?
                .into_iter()
                .map(|task| (task.id, task.status))
                .collect();
            let dependencies = edges.into_iter().map(|stored| DependencyView {
                dependency: ains_core::Dependency {
                    on: stored.edge.on,
                    when: stored.edge.when,
                },
                status: status.get(&stored.edge.on).copied(),
                resolved: stored.resolved_at.is_some(),
            });
            Ok(DependenciesView {
                dependencies: dependencies.collect(),
                task,
            })
        })
        .await
    }

    /// The tasks that wait or waited for a task.
    ///
    /// # Errors
    /// When there is no such task, or the store fails.
    pub async fn dependents(&self, id: TaskId) -> Result<DependentsView, Error> {
        self.look(id, move |conn, _| {
            let edges = dependencies::on_task(conn, id, DependentsView::SHOWN)?;
            let waiting: Vec<TaskId> = edges.iter().map(|stored| stored.edge.task).collect();
            let tasks: BTreeMap<TaskId, Task> = tasks::states(conn, &waiting)?
                .into_iter()
                .map(|task| (task.id, task))
                .collect();
            let shown = i64::try_from(edges.len()).unwrap_or(i64::MAX);
            let count = if shown < DependentsView::SHOWN {
                shown
            } else {
                dependencies::count_on(conn, id, i64::try_from(MOST).unwrap_or(i64::MAX))?
            };
            let dependents = edges.into_iter().filter_map(|stored| {
                Some(DependentView {
                    task: tasks.get(&stored.edge.task)?.clone(),
                    when: stored.edge.when,
                    resolved: stored.resolved_at.is_some(),
                })
            });
            Ok(DependentsView {
                count,
                dependents: dependents.collect(),
            })
        })
        .await
    }

    /// The dependency graph around a task, no further than `depth` edges away.
    ///
    /// # Errors
    /// When there is no such task, or the store fails.
    pub async fn graph(&self, id: TaskId, direction: Direction, depth: usize) -> Result<GraphView, Error> {
        self.look(id, move |conn, _| {
            let ways: &[Along] = match direction {
                Direction::Dependencies => &[Along::Dependencies],
                Direction::Dependents => &[Along::Dependents],
                Direction::Both => &[Along::Dependencies, Along::Dependents],
            };
            let mut truncated = false;
            let mut sides: Vec<Vec<TaskId>> = Vec::new();
            for along in ways {
                let walk = walk(conn, *along, Walk::new(id, depth, GraphView::MOST))?;
                truncated |= walk.is_cut();
                sides.push(walk.reached()[1..].to_vec());
            }
            // If both sides together are too many, each keeps half, or what the other leaves.
            let room = GraphView::MOST - 1;
            let lengths: Vec<usize> = sides.iter().map(Vec::len).collect();
            let all: usize = lengths.iter().sum();
            let mut reached = vec![id];
            for (side, length) in sides.iter().zip(&lengths) {
                let others = all - length;
                let kept = (room / 2).max(room.saturating_sub(others)).min(*length);
                truncated |= kept < *length;
                reached.extend(&side[..kept]);
            }
            let edges = Reader::new(Along::Dependencies).read(conn, &reached)?;
            truncated |= edges.len() > MOST;
            let mut tasks: BTreeMap<TaskId, Task> = tasks::states(conn, &reached)?
                .into_iter()
                .map(|task| (task.id, task))
                .collect();
            let edges = edges
                .into_iter()
                .filter(|stored| tasks.contains_key(&stored.edge.on))
                .map(|stored| (stored.edge, stored.resolved_at.is_some()))
                .collect();
            Ok(GraphView {
                root: id,
                edges,
                // A dependency that has been removed is no node any more.
                nodes: reached.iter().filter_map(|id| tasks.remove(id)).collect(),
                truncated,
            })
        })
        .await
    }

    /// Looks at a task that must exist, and at what is around it.
    pub(crate) async fn look<T: Send + 'static>(
        &self,
        id: TaskId,
        around: impl FnOnce(&mut Conn, Task) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Error> {
        let seen = self.read(move |conn| {
            let task = tasks::states(conn, &[id])?.pop();
            task.map(|task| around(conn, task)).transpose()
        });
        seen.await?.ok_or_else(|| Error::NotFound {
            entity: "Task",
            id: id.to_string(),
        })
    }
}

/// Refuses more dependencies than one transaction may store.
pub(crate) fn bounded(edges: usize) -> Result<(), Error> {
    if edges > MAX_EDGES {
        return Err(Error::TooManyDependencies(MAX_EDGES));
    }
    Ok(())
}

/// The cycle by the names of its nodes.
fn named(nodes: &[GraphNode], cycle: Cycle<usize>) -> String {
    let name = |place: usize| {
        let spec = nodes.get(place).map(|node| &node.task.spec);
        let name = spec.and_then(|spec| spec.name.as_ref());
        name.map_or_else(|| place.to_string(), ToString::to_string)
    };
    Cycle(cycle.0.into_iter().map(name).collect()).to_string()
}

/// Walks the stored graph to the end of `walk`.
fn walk(conn: &mut Conn, along: Along, mut walk: Walk<TaskId>) -> Result<Walk<TaskId>, StoreError> {
    let mut reader = Reader::new(along);
    loop {
        let wants = walk.wants().to_vec();
        if wants.is_empty() {
            return Ok(walk);
        }
        let edges = reader.read(conn, &wants)?;
        walk.feed(edges.into_iter().map(|stored| match along {
            Along::Dependencies => (stored.edge.task, stored.edge.on),
            Along::Waiting | Along::Dependents => (stored.edge.on, stored.edge.task),
        }));
    }
}

/// Puts the results of what a task waited for into its input, if it asked for them: under
/// `dependency_results`, by name within the same graph, by id otherwise. Results beyond 4 MiB in all
/// or beyond `room` are left out, and named under `dependency_results_left_out`.
pub(crate) fn add_results(
    conn: &mut Conn,
    stored: &mut StoredTask,
    room: &mut usize,
) -> Result<(), StoreError> {
    if !stored.task.results_from_dependencies || stored.depends_on.is_empty() {
        return Ok(());
    }
    let on: Vec<TaskId> = stored.depends_on.iter().map(|dependency| dependency.on).collect();
    let mut results: BTreeMap<String, Option<Raw>> = BTreeMap::new();
    let mut left_out = Vec::new();
    for given in tasks::results(conn, &on, RESULTS.min(*room))? {
        let key = match given.name {
            Some((graph, name)) if Some(graph) == stored.task.graph => name.to_string(),
            _ => given.id.to_string(),
        };
        if given.left_out {
            left_out.push(key);
        } else {
            *room = room.saturating_sub(given.result.as_deref().map_or(0, str::len));
            let result = given.result.as_deref().and_then(raw);
            results.insert(key, result);
        }
    }
    let input = stored.documents.input.as_deref().unwrap_or("{}");
    let named = (!left_out.is_empty()).then(|| to_raw(&left_out)).flatten();
    stored.documents.input = Some(with(
        input,
        [
            ("dependency_results", to_raw(&results)),
            ("dependency_results_left_out", named),
        ],
    ));
    Ok(())
}
