//! What the end of a task means for those that wait for it, in the same transaction, however
//! deep it goes (semantics §2).
//!
//! On PostgreSQL an edge is read after both of its tasks are locked: two dependencies that end at
//! once, and a dependency that ends while somebody comes to wait for it, are judged exactly once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::Duration;

use ains_core::dependency::{Edge, Ending};
use ains_core::graph::{Dependants, cascade};
use ains_core::{Dependency, TaskId};
use ains_store::dependencies::{self, Along, Reader};
use ains_store::{Backend, Conn, StoreError};

use super::{Batch, Plan};
use crate::metrics::Repair;

/// An end whose dependants have not all been told after so long is not being carried on.
const ABANDONED: Duration = Duration::from_secs(30);

impl Batch<'_> {
    /// Tells everyone who waits for what ended in this batch.
    pub(super) fn settle(&mut self, plan: &mut Plan) -> Result<(), StoreError> {
        let ended = self.ended(plan);
        if ended.is_empty() && plan.unsettled.is_empty() {
            return Ok(());
        }
        self.settled.extend(ended.keys());
        let more = plan.is_more_unsettled();
        let most = self.settings.cascade;
        let others_write = self.tx.conn.backend() == Backend::Postgres;
        let mut reader = std::mem::replace(&mut plan.edges, Reader::new(Along::Waiting));
        if others_write || plan.edges_may_change {
            reader.forget();
        }
        let mut telling = Telling {
            batch: self,
            reader,
            judged: Vec::new(),
        };
        let rest = cascade(ended, most, &mut telling)?;
        let judged = std::mem::take(&mut telling.judged);
        dependencies::resolve(self.tx.conn, &judged, Some(self.tx.now))?;
        if !plan.unsettled.is_empty() {
            self.note_left_unsettled(plan);
            dependencies::settled(self.tx.conn, &std::mem::take(&mut plan.unsettled))?;
        }
        if !rest.is_empty() {
            dependencies::note_unsettled(self.tx.conn, &rest)?;
        }
        self.tx.after.is_unsettled |= !rest.is_empty() || more;
        Ok(())
    }

    /// Counts ends whose dependants nobody was about to tell any more: the server was killed before this one started
    /// alone, or it was too long ago.
    fn note_left_unsettled(&mut self, plan: &Plan) {
        if !plan.found_unsettled {
            return;
        }
        let now = self.tx.now;
        let unsettled = plan.unsettled.iter().filter_map(|task| self.tasks.get(task));
        let left = unsettled.filter_map(|loaded| loaded.stored.task.ended_at);
        let left = left.filter(|ended| {
            self.alone_since.is_some_and(|started| *ended < started) || *ended + ABANDONED <= now
        });
        for _ in 0..left.count() {
            self.tx.after.counts.repaired(Repair::Settle);
        }
    }

    /// What ended in this batch, or before it without everyone being told.
    fn ended(&self, plan: &Plan) -> BTreeMap<TaskId, Ending> {
        // What has ended does not change any more, unless it got another chance and ended again.
        let now_ended = self.tasks.values().filter(|loaded| loaded.dirty);
        let before = plan.unsettled.iter().filter_map(|task| self.tasks.get(task));
        now_ended
            .chain(before)
            .filter(|loaded| !self.settled.contains(&loaded.stored.task.id))
            .filter_map(|loaded| Some((loaded.stored.task.id, loaded.stored.task.ending()?)))
            .collect()
    }
}

/// Every task that the ends of `endings` would reach, as far as can be said without locks.
pub(super) fn reached(
    conn: &mut Conn,
    endings: &BTreeMap<TaskId, Ending>,
    most: usize,
) -> Result<BTreeSet<TaskId>, StoreError> {
    let mut foresight = Foresight {
        conn,
        reader: Reader::new(Along::Waiting),
        told: BTreeSet::new(),
        ends: BTreeSet::new(),
    };
    let ended = endings.iter().map(|(task, ending)| (*task, *ending));
    cascade(ended, most, &mut foresight)?;
    Ok(foresight.told)
}

/// Carries ends to the loaded tasks.
struct Telling<'b, 'a> {
    batch: &'b mut Batch<'a>,
    reader: Reader,
    judged: Vec<Edge<TaskId>>,
}

impl Dependants<TaskId> for Telling<'_, '_> {
    type Error = StoreError;

    fn of(&mut self, ended: &[TaskId]) -> Result<Vec<Edge<TaskId>>, StoreError> {
        loop {
            let edges = self.reader.read(self.batch.tx.conn, ended)?;
            let loaded = self.batch.tasks.len();
            self.batch.load(edges.iter().map(|stored| stored.edge.task))?;
            if self.batch.tasks.len() == loaded || self.batch.tx.conn.backend() == Backend::Sqlite {
                return Ok(edges.into_iter().map(|stored| stored.edge).collect());
            }
            // What was read was read before these were locked, and may have changed.
            self.reader.forget();
        }
    }

    fn tell(&mut self, edge: &Edge<TaskId>, ending: Ending) -> Result<Option<Ending>, StoreError> {
        let ended_at = self
            .batch
            .tasks
            .get(&edge.on)
            .and_then(|on| on.stored.task.ended_at);
        let at = ended_at.unwrap_or(self.batch.tx.now);
        let Some(loaded) = self.batch.tasks.get_mut(&edge.task) else {
            return Ok(None);
        };
        let dependency = Dependency {
            on: edge.on,
            when: edge.when,
        };
        let Some(verdict) = loaded.stored.task.dependency_ended(dependency, ending, at) else {
            return Ok(None);
        };
        loaded.dirty = true;
        self.judged.push(*edge);
        let ending = verdict.ending();
        if ending.is_some() && !self.batch.graphs_locked {
            // Nobody expected that it goes further: the batch is run again, with the graphs locked first.
            self.batch.engine.graphs_first.store(true, Ordering::Relaxed);
            return Err(StoreError::again());
        }
        Ok(ending)
    }
}

/// What ends would reach, as far as can be said without locks.
struct Foresight<'c> {
    conn: &'c mut Conn,
    reader: Reader,
    told: BTreeSet<TaskId>,
    ends: BTreeSet<TaskId>,
}

impl Dependants<TaskId> for Foresight<'_> {
    type Error = StoreError;

    fn of(&mut self, ended: &[TaskId]) -> Result<Vec<Edge<TaskId>>, StoreError> {
        let edges = self.reader.read(self.conn, ended)?;
        Ok(edges.into_iter().map(|stored| stored.edge).collect())
    }

    fn tell(&mut self, edge: &Edge<TaskId>, ending: Ending) -> Result<Option<Ending>, StoreError> {
        self.told.insert(edge.task);
        let ending = edge.when.judge(ending).ending();
        Ok(ending.filter(|_| self.ends.insert(edge.task)))
    }
}
