//! Reads a graph while it is walked: generation by generation, and ever further ahead, so that a
//! ladder of thousands of levels takes a few queries and a single step reads no more than it must.

use std::collections::HashMap;

use ains_core::TaskId;
use diesel::prelude::*;
use diesel::sql_types::Text;
use serde::Serialize;

use super::{EdgeRow, StoredEdge};
use crate::codec::read;
use crate::connection::Conn;
use crate::error::StoreError;
use crate::set::SetQuery;
use crate::statement::{Sql, Statement, statement, values};

/// Most edges that one reading gives for sure; one more says that there are more.
pub const MOST: usize = 100_000;

/// Tasks that the first reading beyond a single step looks ahead, and how that grows.
const AHEAD: std::ops::RangeInclusive<usize> = 64..=16_384;

/// Which way a graph is walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Along {
    /// From a task to those that still wait for it: PENDING, the edge not judged.
    Waiting,
    /// From a task to all that wait or waited for it.
    Dependents,
    /// From a task to all that it waits or waited for.
    Dependencies,
}

impl Along {
    /// The end of an edge where it is found.
    fn from(self, stored: &StoredEdge) -> TaskId {
        match self {
            Self::Waiting | Self::Dependents => stored.edge.on,
            Self::Dependencies => stored.edge.task,
        }
    }
}

/// A walk's view of the stored edges.
#[derive(Debug)]
pub struct Reader {
    along: Along,
    /// Edges that were read ahead, by the task that they were found from.
    known: HashMap<TaskId, Vec<StoredEdge>>,
    ahead: usize,
}

impl Reader {
    /// A reader that knows nothing yet.
    pub fn new(along: Along) -> Self {
        Self {
            along,
            known: HashMap::new(),
            ahead: 0,
        }
    }

    /// The edges from `tasks`; each task is asked for once.
    ///
    /// # Errors
    /// When the database fails, or a row is corrupt.
    pub fn read(&mut self, conn: &mut Conn, tasks: &[TaskId]) -> Result<Vec<StoredEdge>, StoreError> {
        let unknown: Vec<TaskId> = tasks
            .iter()
            .filter(|task| !self.known.contains_key(task))
            .copied()
            .collect();
        if !unknown.is_empty() {
            self.read_ahead(conn, &unknown)?;
        }
        Ok(tasks
            .iter()
            .flat_map(|task| self.known.remove(task).unwrap_or_default())
            .collect())
    }

    /// The edges from `tasks`, which are kept to be read later.
    ///
    /// # Errors
    /// When the database fails, or a row is corrupt.
    pub fn look(&mut self, conn: &mut Conn, tasks: &[TaskId]) -> Result<Vec<StoredEdge>, StoreError> {
        let found = self.read(conn, tasks)?;
        if found.len() > MOST {
            // Some are missing, and nobody knows of which.
            return Ok(found);
        }
        self.known.extend(tasks.iter().map(|task| (*task, Vec::new())));
        for stored in &found {
            self.known
                .entry(self.along.from(stored))
                .or_default()
                .push(*stored);
        }
        Ok(found)
    }

    /// Forgets what was read ahead: others may have changed it since.
    pub fn forget(&mut self) {
        self.known.clear();
    }

    fn read_ahead(&mut self, conn: &mut Conn, tasks: &[TaskId]) -> Result<(), StoreError> {
        let mut asked = tasks.to_vec();
        if self.ahead > 0 {
            asked = reach(conn, self.along, tasks, tasks.len() + self.ahead)?;
        }
        let mut edges = edges(conn, self.along, &asked)?;
        if edges.len() > MOST && asked.len() > tasks.len() {
            // Some edges of those further away are missing, and nobody knows of which.
            asked = tasks.to_vec();
            edges = self::edges(conn, self.along, &asked)?;
        }
        self.ahead = (self.ahead * 4).clamp(*AHEAD.start(), *AHEAD.end());
        self.known
            .extend(asked.into_iter().map(|task| (task, Vec::new())));
        for stored in edges {
            self.known
                .entry(self.along.from(&stored))
                .or_default()
                .push(stored);
        }
        Ok(())
    }
}

/// Declares the texts of one way through the graph: how far it reaches, and its edges.
///
/// The order of the joins is written into the texts (`CROSS JOIN` on SQLite, `LATERAL` with
/// `OFFSET 0` on PostgreSQL): a planner that has no statistics yet would read every edge instead.
macro_rules! way {
    ($reach:ident, $edges:ident, $reach_set:ident, $edges_set:ident, $from:literal, $to:literal, $only:literal) => {
        statement!($reach = concat!(
            "WITH RECURSIVE reached(id) AS (SELECT value FROM json_each(?) UNION SELECT d.", $to,
            " FROM reached r CROSS JOIN task_dependencies d ON d.", $from, " = r.id", $only,
            " LIMIT ?) SELECT id FROM reached"
        ));
        statement!($edges = concat!(
            "SELECT d.task_id, d.depends_on_id, d.condition, d.resolved_at FROM json_each(?) e \
             CROSS JOIN task_dependencies d ON d.", $from, " = e.value", $only, " LIMIT 100001"
        ));
        const $reach_set: (&str, &str) = (
            "WITH RECURSIVE given AS MATERIALIZED (SELECT ",
            concat!(
                "::json AS j), reached(id) AS (SELECT json_array_elements_text(j->'ids') FROM given UNION SELECT n.",
                $to, " FROM reached r CROSS JOIN LATERAL (SELECT * FROM task_dependencies d WHERE d.", $from,
                " = r.id", $only, " OFFSET 0) n) \
                 SELECT id FROM reached LIMIT (SELECT (j->>'most')::bigint FROM given)"
            ),
        );
        const $edges_set: (&str, &str) = (
            "SELECT n.task_id, n.depends_on_id, n.condition, n.resolved_at FROM json_array_elements_text(",
            concat!(
                "::json) e(id) CROSS JOIN LATERAL (SELECT * FROM task_dependencies d WHERE d.", $from, " = e.id",
                $only, " OFFSET 0) n LIMIT 100001"
            ),
        );
    };
}

way!(
    ReachWaiting,
    EdgesWaiting,
    REACH_WAITING,
    EDGES_WAITING,
    "depends_on_id",
    "task_id",
    " AND d.resolved_at IS NULL AND (SELECT t.gate FROM tasks t WHERE t.id = d.task_id) IS NOT NULL"
);
way!(
    ReachDependents,
    EdgesDependents,
    REACH_DEPENDENTS,
    EDGES_DEPENDENTS,
    "depends_on_id",
    "task_id",
    ""
);
way!(
    ReachDependencies,
    EdgesDependencies,
    REACH_DEPENDENCIES,
    EDGES_DEPENDENCIES,
    "task_id",
    "depends_on_id",
    ""
);

#[derive(QueryableByName)]
struct IdRow {
    #[diesel(sql_type = Text)]
    id: String,
}

/// `tasks` and what is reached from them, nearest first, at most `most`.
fn reach(conn: &mut Conn, along: Along, tasks: &[TaskId], most: usize) -> Result<Vec<TaskId>, StoreError> {
    #[derive(Serialize)]
    struct Given<'a> {
        ids: &'a [TaskId],
        most: usize,
    }
    let rows: Vec<IdRow> = match (conn, along) {
        (Conn::Sqlite(c), Along::Waiting) => reach_on_sqlite::<ReachWaiting>(c, tasks, most)?,
        (Conn::Sqlite(c), Along::Dependents) => reach_on_sqlite::<ReachDependents>(c, tasks, most)?,
        (Conn::Sqlite(c), Along::Dependencies) => reach_on_sqlite::<ReachDependencies>(c, tasks, most)?,
        (Conn::Postgres(c), along) => {
            let (before, after) = match along {
                Along::Waiting => REACH_WAITING,
                Along::Dependents => REACH_DEPENDENTS,
                Along::Dependencies => REACH_DEPENDENCIES,
            };
            SetQuery::new(before, &Given { ids: tasks, most }, after)?.load(c)?
        }
    };
    rows.iter()
        .map(|row| read("task_dependencies", &row.id))
        .collect()
}

/// The edges from `tasks`, at most [`MOST`] and one.
fn edges(conn: &mut Conn, along: Along, tasks: &[TaskId]) -> Result<Vec<StoredEdge>, StoreError> {
    let rows: Vec<EdgeRow> = match (conn, along) {
        (Conn::Sqlite(c), Along::Waiting) => edges_on_sqlite::<EdgesWaiting>(c, tasks)?,
        (Conn::Sqlite(c), Along::Dependents) => edges_on_sqlite::<EdgesDependents>(c, tasks)?,
        (Conn::Sqlite(c), Along::Dependencies) => edges_on_sqlite::<EdgesDependencies>(c, tasks)?,
        (Conn::Postgres(c), along) => {
            let (before, after) = match along {
                Along::Waiting => EDGES_WAITING,
                Along::Dependents => EDGES_DEPENDENTS,
                Along::Dependencies => EDGES_DEPENDENCIES,
            };
            SetQuery::new(before, tasks, after)?.load(c)?
        }
    };
    rows.into_iter().map(EdgeRow::into_edge).collect()
}

fn reach_on_sqlite<S: Sql>(
    conn: &mut SqliteConnection,
    tasks: &[TaskId],
    most: usize,
) -> Result<Vec<IdRow>, StoreError> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    Ok(Statement::<S>::new(values![&ids(tasks), most]).load(conn)?)
}

fn edges_on_sqlite<S: Sql>(
    conn: &mut SqliteConnection,
    tasks: &[TaskId],
) -> Result<Vec<EdgeRow>, StoreError> {
    Ok(Statement::<S>::new(values![&ids(tasks)]).load(conn)?)
}

/// A JSON array of ids.
fn ids(tasks: &[TaskId]) -> String {
    let quoted: Vec<String> = tasks.iter().map(|task| format!("\"{task}\"")).collect();
    format!("[{}]", quoted.join(","))
}
