//! Removes what ended long ago.

use std::collections::BTreeSet;

use ains_core::{Status, TaskId, Timestamp};
use diesel::prelude::*;

use super::{dsl, texts};
use crate::codec::{read, read_opt};
use crate::connection::Conn;
use crate::error::StoreError;
use crate::schema::{task_chains, task_dependencies, tasks};

/// Most edges that one piece looks at, and about the most that it removes: tens of milliseconds on SQLite.
const MOST_EDGES: usize = 10_000;

/// What one piece of a removal did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Piece {
    /// What it removed.
    pub removed: Vec<TaskId>,
    /// The last task that it looked at: the next piece begins after it. `None` if there is nothing more.
    pub last: Option<TaskId>,
}

/// A task that ended and may have to stay.
struct Candidate {
    id: TaskId,
    ended_at: Option<i64>,
    chain: Option<String>,
    dependencies: usize,
}

/// Looks at the next tasks in this status, and removes those that ended before `before`.
///
/// The next are those after `after`, in order of submission, at most `limit`. With a task goes what belongs to it: its
/// documents, its attempts, and what it waited for.
///
/// A task stays as long as somebody may still need it: while an unfinished task waited for it (it may want the result),
/// while its chain is stored (so chains go first, [`remove_ended`](crate::chains::remove_ended)), and while more than
/// 10,000 tasks are stored that waited for it. On PostgreSQL tasks that another transaction has locked, perhaps to
/// retry them or to let another wait for them, are left out.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn remove_ended(
    conn: &mut Conn,
    status: Status,
    before: Timestamp,
    after: Option<TaskId>,
    limit: i64,
) -> Result<Piece, StoreError> {
    let candidates = candidates(conn, status, before, after, limit)?;
    let (Some(first), Some(last)) = (candidates.first(), candidates.last()) else {
        return Ok(Piece::default());
    };
    // In statements of their own after the locks: only then it is seen what became known before them.
    let chains = stored_chains(conn, &candidates)?;
    let waiting = Waiting::on(conn, first.id, last.id)?;
    let mut piece = Piece::default();
    let (mut edges, mut cut) = (0, false);
    for (place, candidate) in candidates.iter().enumerate() {
        // One that very many wait for is passed by, lest the removal stops there.
        let unknown = waiting.is_unknown(candidate.id);
        edges += candidate.dependencies;
        if place > 0 && (unknown || edges > MOST_EDGES) {
            cut = true;
            break;
        }
        piece.last = Some(candidate.id);
        let is_old = candidate.ended_at.is_some_and(|at| at < before.as_micros());
        let in_chain = candidate.chain.as_ref().is_some_and(|id| chains.contains(id));
        if is_old && !in_chain && !unknown && !waiting.unfinished.contains(&candidate.id) {
            piece.removed.push(candidate.id);
        }
    }
    let full = i64::try_from(candidates.len()).is_ok_and(|found| found >= limit);
    if !cut && !full {
        piece.last = None;
    }
    remove(conn, &piece.removed)?;
    Ok(piece)
}

/// The next tasks to look at; locked on PostgreSQL.
fn candidates(
    conn: &mut Conn,
    status: Status,
    before: Timestamp,
    after: Option<TaskId>,
    limit: i64,
) -> Result<Vec<Candidate>, StoreError> {
    const T: &str = "tasks";
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    // What was submitted later cannot have ended before. A task whose id ran ahead of the clock is removed some time
    // later.
    let first_to_stay = TaskId::first_at(before).to_string();
    let old = dsl::tasks
        .filter(dsl::status.eq(status.as_str()))
        .filter(dsl::ended_at.is_not_null())
        .filter(dsl::id.gt(&after))
        .filter(dsl::id.lt(&first_to_stay))
        .order(dsl::id)
        .limit(limit)
        .select((dsl::id, dsl::ended_at, dsl::chain_id, dsl::dependencies));
    let rows: Vec<(String, Option<i64>, Option<String>, i32)> = match conn {
        Conn::Sqlite(c) => old.load(c)?,
        Conn::Postgres(c) => old.for_update().skip_locked().load(c)?,
    };
    rows.into_iter()
        .map(|(id, ended_at, chain, dependencies)| {
            Ok(Candidate {
                id: read(T, &id)?,
                ended_at,
                chain,
                dependencies: usize::try_from(dependencies).unwrap_or(0),
            })
        })
        .collect()
}

/// Which of the chains of some tasks are stored.
fn stored_chains(conn: &mut Conn, candidates: &[Candidate]) -> Result<BTreeSet<String>, StoreError> {
    let chains: BTreeSet<&String> = candidates.iter().filter_map(|one| one.chain.as_ref()).collect();
    let stored: Vec<String> = load_in!(conn, task_chains::table, task_chains::id, chains, task_chains::id);
    Ok(stored.into_iter().collect())
}

/// Who waited for some tasks.
struct Waiting {
    /// Those for which an unfinished task waited.
    unfinished: BTreeSet<TaskId>,
    /// From this on it has not been looked who waited.
    unknown: Option<TaskId>,
}

impl Waiting {
    /// Looks who waited for the tasks from `first` to `last`.
    fn on(conn: &mut Conn, first: TaskId, last: TaskId) -> Result<Self, StoreError> {
        const T: &str = "task_dependencies";
        let limit = i64::try_from(MOST_EDGES + 1).unwrap_or(i64::MAX);
        let edges = task_dependencies::table
            .inner_join(tasks::table.on(tasks::id.eq(task_dependencies::task_id)))
            .filter(task_dependencies::depends_on_id.between(first.to_string(), last.to_string()))
            .order((task_dependencies::depends_on_id, task_dependencies::task_id))
            .limit(limit)
            .select((task_dependencies::depends_on_id, tasks::ended_at));
        let edges: Vec<(String, Option<i64>)> = per_backend!(conn, |c| edges.load(c)?);
        let unknown = edges.get(MOST_EDGES).map(|(on, _)| &**on);
        let unknown = read_opt(T, unknown)?;
        let unfinished = edges.iter().filter(|(_, ended_at)| ended_at.is_none());
        let unfinished: Result<_, _> = unfinished.map(|(on, _)| read(T, on)).collect();
        Ok(Self {
            unfinished: unfinished?,
            unknown,
        })
    }

    fn is_unknown(&self, id: TaskId) -> bool {
        self.unknown.is_some_and(|unknown| id >= unknown)
    }
}

/// Removes tasks with all that belongs to them.
fn remove(conn: &mut Conn, ids: &[TaskId]) -> Result<(), StoreError> {
    match conn {
        Conn::Sqlite(c) => {
            for id in texts(ids) {
                diesel::delete(dsl::tasks.find(id)).execute(c)?;
            }
        }
        Conn::Postgres(c) if !ids.is_empty() => {
            diesel::delete(dsl::tasks.filter(dsl::id.eq_any(texts(ids)))).execute(c)?;
        }
        Conn::Postgres(_) => {}
    }
    Ok(())
}
