//! Making tasks wait for others: new ones, those whose dependencies are changed, and those that
//! get another chance.

use std::collections::{BTreeMap, BTreeSet};

use ains_core::dependency::{Edge, Ending};
use ains_core::graph::{Cycle, Walk};
use ains_core::task::NotPending;
use ains_core::{Condition, Dependency, Status, Task, TaskId, Timestamp};
use ains_store::StoreError;
use ains_store::dependencies::{self, Along, NewEdge, Reader, StoredEdge};
use ains_store::tasks::{self, Documents, Save};

use super::{Batch, Outcome};
use crate::dependencies::add_results;
use crate::error::Error;

/// Most tasks that a look for a cycle, or a retry of all that failed, goes over.
const MOST: usize = 100_000;

/// Most characters of dependencies' results that one batch hands out: what is beyond is left out, and
/// can be read with the task.
const HANDED: usize = 16 << 20;

/// How a task ended, and when.
pub(super) type End = (Ending, Timestamp);

/// How and when a task ended, if it has.
pub(super) fn end(task: &Task) -> Option<End> {
    task.ending().zip(task.ended_at)
}

/// Without what stands there twice.
fn folded(depends_on: &[Dependency]) -> Vec<Dependency> {
    let mut seen = BTreeSet::new();
    depends_on
        .iter()
        .filter(|dependency| seen.insert(**dependency))
        .copied()
        .collect()
}

fn edge_of(task: TaskId, Dependency { on, when }: Dependency) -> Edge<TaskId> {
    Edge { on, task, when }
}

fn dependency_of(stored: &StoredEdge) -> Dependency {
    let Edge { on, when, .. } = stored.edge;
    Dependency { on, when }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Tells `task` of the dependencies that have ended, in their order; returns those that it heard.
fn hear(
    task: &mut Task,
    dependencies: &[Dependency],
    ended: impl Fn(TaskId) -> Option<End>,
) -> BTreeSet<Dependency> {
    let mut heard = BTreeSet::new();
    for dependency in dependencies {
        if let Some((ending, at)) = ended(dependency.on)
            && task.dependency_ended(*dependency, ending, at).is_some()
        {
            heard.insert(*dependency);
        }
    }
    heard
}

impl Batch<'_> {
    /// How and when a task ended that this batch has loaded or makes.
    fn end_of(&self, task: TaskId, fresh: &BTreeMap<TaskId, End>) -> Option<End> {
        let loaded = self.tasks.get(&task).and_then(|loaded| end(&loaded.stored.task));
        loaded.or_else(|| fresh.get(&task).copied())
    }

    /// Lets a new task wait for `depends_on`: loaded tasks, or new ones of which `fresh` tells those
    /// that have ended already.
    pub(super) fn depend(
        &mut self,
        task: &mut Task,
        depends_on: &[Dependency],
        fresh: &BTreeMap<TaskId, End>,
    ) -> Vec<Dependency> {
        let depends_on = folded(depends_on);
        let (now, number) = (self.tx.now, count(depends_on.len()));
        // A new task is PENDING, so it is never refused.
        if depends_on.is_empty() || task.set_dependencies(number, number, now).is_err() {
            return Vec::new();
        }
        let heard = hear(task, &depends_on, |on| self.end_of(on, fresh));
        self.new_edges
            .extend((0_u32..).zip(&depends_on).map(|(position, dependency)| NewEdge {
                edge: edge_of(task.id, *dependency),
                position,
                resolved_at: heard.contains(dependency).then_some(now),
            }));
        depends_on
    }

    /// Lets a PENDING task wait for `depends_on` instead of what it waited for; what was judged is
    /// not judged again.
    pub(super) fn change_dependencies(
        &mut self,
        id: TaskId,
        depends_on: &[Dependency],
    ) -> Result<Result<(), Error>, StoreError> {
        let depends_on = folded(depends_on);
        let status = self.tasks.get(&id).map(|loaded| loaded.stored.task.status);
        if let Some(status) = status.filter(|status| *status != Status::Pending) {
            return Ok(Err(NotPending(status).into()));
        }
        for dependency in &depends_on {
            if !self.tasks.contains_key(&dependency.on) {
                return Ok(Err(Error::UnknownDependency(dependency.on)));
            }
        }
        let now = self.tx.now;
        let old = dependencies::of_tasks(self.tx.conn, &[id])?;
        let known: BTreeSet<TaskId> = old.iter().map(|stored| stored.edge.on).collect();
        let new = depends_on.iter().map(|dependency| dependency.on);
        let new: BTreeSet<TaskId> = new.filter(|on| !known.contains(on)).collect();
        if let Err(error) = self.find_cycle(id, &new)? {
            return Ok(Err(error));
        }
        let judged: BTreeMap<Dependency, Timestamp> = old
            .iter()
            .filter_map(|stored| Some((dependency_of(stored), stored.resolved_at?)))
            .collect();
        let judged_at = |dependency: &Dependency| judged.get(dependency).copied();
        let unjudged: Vec<Dependency> = depends_on
            .iter()
            .filter(|dependency| judged_at(dependency).is_none())
            .copied()
            .collect();
        let Some(mut task) = self.tasks.get(&id).map(|loaded| loaded.stored.task.clone()) else {
            return Ok(Ok(()));
        };
        if let Err(error) = task.set_dependencies(count(depends_on.len()), count(unjudged.len()), now) {
            return Ok(Err(error.into()));
        }
        let heard = hear(&mut task, &unjudged, |on| self.end_of(on, &BTreeMap::new()));
        let edges: Vec<NewEdge> = (0_u32..)
            .zip(&depends_on)
            .map(|(position, dependency)| NewEdge {
                edge: edge_of(id, *dependency),
                position,
                resolved_at: judged_at(dependency).or(heard.contains(dependency).then_some(now)),
            })
            .collect();
        dependencies::remove_of(self.tx.conn, id)?;
        dependencies::insert(self.tx.conn, &edges)?;
        if let Some(loaded) = self.tasks.get_mut(&id) {
            loaded.stored.task = task;
        }
        Ok(Ok(()))
    }

    /// Whether one of `wanted` waits for `task`, however far away; then they must not be waited for.
    fn find_cycle(
        &mut self,
        task: TaskId,
        wanted: &BTreeSet<TaskId>,
    ) -> Result<Result<(), Error>, StoreError> {
        if wanted.is_empty() {
            return Ok(Ok(()));
        }
        let mut walk = Walk::new(task, usize::MAX, MOST);
        let mut reader = Reader::new(Along::Dependents);
        let mut looked = 0;
        loop {
            if let Some(on) = walk.reached()[looked..].iter().find(|on| wanted.contains(on)) {
                let cycle = Cycle(walk.path_to(on).unwrap_or_default());
                return Ok(Err(Error::Cycle(cycle.to_string())));
            }
            looked = walk.reached().len();
            let wants = walk.wants().to_vec();
            if wants.is_empty() {
                break;
            }
            let edges = reader.read(self.tx.conn, &wants)?;
            if edges.len() > dependencies::MOST {
                return Ok(Err(Error::TooManyTasks(MOST)));
            }
            walk.feed(edges.iter().map(|stored| (stored.edge.on, stored.edge.task)));
        }
        Ok(if walk.is_cut() {
            Err(Error::TooManyTasks(MOST))
        } else {
            Ok(())
        })
    }

    /// After a task was given another chance: gives it to those as well that failed because of it, if
    /// `cascade`, and judges what ended meanwhile of what they still wait for.
    pub(super) fn retried(&mut self, id: TaskId, cascade: bool) -> Result<Result<(), Error>, StoreError> {
        let waits = |loaded: &super::Loaded| loaded.stored.task.unresolved > 0;
        if !cascade && !self.tasks.get(&id).is_some_and(waits) {
            return Ok(Ok(()));
        }
        let mut revived = BTreeSet::from([id]);
        if cascade {
            match self.failed_because_of(id)? {
                Ok(failed) => revived.extend(failed),
                Err(error) => return Ok(Err(error)),
            }
        }
        let ids: Vec<TaskId> = revived.iter().copied().collect();
        let mut edges: BTreeMap<TaskId, Vec<StoredEdge>> = BTreeMap::new();
        for stored in dependencies::of_tasks(self.tx.conn, &ids)? {
            edges.entry(stored.edge.task).or_default().push(stored);
        }
        self.load(edges.values().flatten().map(|stored| stored.edge.on))?;
        let now = self.tx.now;
        let (mut anew, mut judged) = (Vec::new(), Vec::new());
        for task_id in ids {
            let Some(mut task) = self.tasks.get(&task_id).map(|loaded| loaded.stored.task.clone()) else {
                continue;
            };
            let edges = edges.remove(&task_id).unwrap_or_default();
            let is_open = |stored: &&StoredEdge| stored.resolved_at.is_none();
            let (open, resolved): (Vec<&StoredEdge>, Vec<_>) = edges.iter().partition(is_open);
            let again = resolved.iter().filter(|stored| revived.contains(&stored.edge.on));
            let before = anew.len();
            anew.extend(again.map(|stored| stored.edge));
            if task_id != id {
                // It was found FAILED, so it is never refused.
                let Ok(effects) = task.retry_with(count(anew.len() - before), now) else {
                    continue;
                };
                self.apply(task_id, effects);
            }
            for stored in open {
                let Dependency { on, when } = dependency_of(stored);
                // What has been removed had ended; how, nobody knows any more, so it is in nobody's way.
                let (end, when) = match self.tasks.get(&on).map(|loaded| end(&loaded.stored.task)) {
                    Some(end) => (end.filter(|_| !revived.contains(&on)), when),
                    None => (Some((Ending::Completed, now)), Condition::Done),
                };
                if let Some((ending, at)) = end
                    && task
                        .dependency_ended(Dependency { on, when }, ending, at)
                        .is_some()
                {
                    judged.push(stored.edge);
                }
            }
            if let Some(loaded) = self.tasks.get_mut(&task_id) {
                loaded.stored.task = task;
                loaded.dirty = true;
            }
        }
        dependencies::resolve(self.tx.conn, &anew, None)?;
        dependencies::resolve(self.tx.conn, &judged, Some(now))?;
        // Whoever looks for tasks that wait looks into the store.
        let nothing = Documents::default();
        let revived = revived.iter().filter_map(|task| self.tasks.get(task));
        let saves: Vec<Save<'_>> = revived
            .map(|loaded| Save {
                task: &loaded.stored.task,
                documents: &nothing,
                claim_id: None,
            })
            .collect();
        tasks::save(self.tx.conn, &saves)?;
        Ok(Ok(()))
    }

    /// The tasks that failed because of `id`, and because of those, and so on.
    fn failed_because_of(&mut self, id: TaskId) -> Result<Result<BTreeSet<TaskId>, Error>, StoreError> {
        let mut walk = Walk::new(id, usize::MAX, MOST);
        let mut reader = Reader::new(Along::Dependents);
        while !walk.wants().is_empty() {
            let wants = walk.wants().to_vec();
            let edges = reader.read(self.tx.conn, &wants)?;
            if edges.len() > dependencies::MOST {
                return Ok(Err(Error::TooManyTasks(MOST)));
            }
            self.load(edges.iter().map(|stored| stored.edge.task))?;
            let failed = edges.iter().filter(|stored| {
                self.tasks
                    .get(&stored.edge.task)
                    .is_some_and(|loaded| loaded.stored.task.failed_because_of(stored.edge.on))
            });
            walk.feed(failed.map(|stored| (stored.edge.on, stored.edge.task)));
        }
        Ok(if walk.is_cut() {
            Err(Error::TooManyTasks(MOST))
        } else {
            Ok(walk.reached()[1..].iter().copied().collect())
        })
    }

    /// Completes what is handed out: what it waited for, and the results of that, if it asked for them.
    pub(super) fn complete_handed(&mut self, outcomes: &mut [Outcome]) -> Result<(), StoreError> {
        let claimed = outcomes.iter_mut().filter_map(|outcome| match outcome {
            Outcome::Claimed(Ok(tasks))
            | Outcome::Reported {
                claimed: Some(Ok(tasks)),
                ..
            } => Some(tasks),
            _ => None,
        });
        let mut room = HANDED;
        for handed in claimed.chain(self.tx.after.deliveries.values_mut()) {
            tasks::add_dependencies(self.tx.conn, handed)?;
            for stored in handed {
                add_results(self.tx.conn, stored, &mut room)?;
            }
        }
        Ok(())
    }
}
