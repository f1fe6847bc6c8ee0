//! Dependencies: the edges between tasks, and the ended tasks whose dependants wait to be told.
//!
//! Who may change an edge: whoever holds the row of the task that waits (`lock`, semantics of
//! PostgreSQL). Whoever judges an edge holds the rows of both tasks.

mod reader;

use ains_core::dependency::Edge;
use ains_core::{Condition, TaskId, Timestamp};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use serde::Serialize;

pub use self::reader::{Along, MOST, Reader};
use crate::codec::{micros, number, read};
use crate::connection::Conn;
use crate::error::StoreError;
use crate::schema::task_dependencies;
use crate::set::SetQuery;
use crate::statement::{Statement, statement, values};

/// An edge, and when it was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredEdge {
    /// Who waits for whom.
    pub edge: Edge<TaskId>,
    /// When its end was judged, if it was.
    pub resolved_at: Option<Timestamp>,
}

/// An edge to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewEdge {
    /// Who waits for whom.
    pub edge: Edge<TaskId>,
    /// Its place in the list that the client gave.
    pub position: u32,
    /// When its end was judged, if it has been.
    pub resolved_at: Option<Timestamp>,
}

#[derive(Debug, Insertable, Serialize)]
#[diesel(table_name = task_dependencies, treat_none_as_default_value = false)]
struct NewRow {
    task_id: String,
    depends_on_id: String,
    condition: &'static str,
    position: i32,
    resolved_at: Option<i64>,
}

#[derive(Debug, Queryable, Selectable, QueryableByName)]
#[diesel(table_name = task_dependencies)]
struct EdgeRow {
    #[diesel(sql_type = Text)]
    task_id: String,
    #[diesel(sql_type = Text)]
    depends_on_id: String,
    #[diesel(sql_type = Text)]
    condition: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    resolved_at: Option<i64>,
}

/// The three columns that name an edge.
#[derive(Debug, Serialize)]
struct EdgeKey {
    task_id: String,
    depends_on_id: String,
    condition: &'static str,
}

const T: &str = "task_dependencies";

statement!(
    InsertEdge = "INSERT INTO task_dependencies (task_id, depends_on_id, condition, position, resolved_at) \
    VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
);

statement!(NoteUnsettled = "INSERT INTO unsettled_tasks (task_id) VALUES (?) ON CONFLICT DO NOTHING");

statement!(
    ResolveEdge = "UPDATE task_dependencies SET resolved_at = ? \
    WHERE task_id = ? AND depends_on_id = ? AND condition = ?"
);

impl EdgeRow {
    fn into_edge(self) -> Result<StoredEdge, StoreError> {
        Ok(StoredEdge {
            edge: Edge {
                on: read(T, &self.depends_on_id)?,
                task: read(T, &self.task_id)?,
                when: read::<Condition>(T, &self.condition)?,
            },
            resolved_at: self.resolved_at.map(Timestamp::from_micros),
        })
    }
}

impl EdgeKey {
    fn of(edge: &Edge<TaskId>) -> Self {
        Self {
            task_id: edge.task.to_string(),
            depends_on_id: edge.on.to_string(),
            condition: edge.when.as_str(),
        }
    }
}

/// Stores edges. One that exists already is left as it is.
///
/// # Errors
/// When the database fails.
pub fn insert(conn: &mut Conn, edges: &[NewEdge]) -> Result<(), StoreError> {
    if edges.is_empty() {
        return Ok(());
    }
    let rows = edges.iter().map(|new| NewRow {
        task_id: new.edge.task.to_string(),
        depends_on_id: new.edge.on.to_string(),
        condition: new.edge.when.as_str(),
        position: number(new.position),
        resolved_at: micros(new.resolved_at),
    });
    match conn {
        Conn::Sqlite(c) => {
            for row in rows {
                Statement::<InsertEdge>::new(values![
                    &row.task_id,
                    &row.depends_on_id,
                    row.condition,
                    row.position,
                    row.resolved_at,
                ])
                .execute(c)?;
            }
        }
        Conn::Postgres(c) => {
            SetQuery::new(
                "INSERT INTO task_dependencies SELECT * FROM json_populate_recordset(NULL::task_dependencies, ",
                &rows.collect::<Vec<_>>(),
                "::json) ON CONFLICT DO NOTHING",
            )?
            .execute(c)?;
        }
    }
    Ok(())
}

/// Notes that edges were judged at an instant; or, with `None`, that they are to be judged anew.
///
/// # Errors
/// When the database fails.
pub fn resolve(conn: &mut Conn, edges: &[Edge<TaskId>], at: Option<Timestamp>) -> Result<(), StoreError> {
    #[derive(Serialize)]
    struct Resolved {
        #[serde(flatten)]
        key: EdgeKey,
        resolved_at: Option<i64>,
    }
    if edges.is_empty() {
        return Ok(());
    }
    let resolved_at = micros(at);
    match conn {
        Conn::Sqlite(c) => {
            for edge in edges {
                let key = EdgeKey::of(edge);
                Statement::<ResolveEdge>::new(values![
                    resolved_at,
                    &key.task_id,
                    &key.depends_on_id,
                    key.condition,
                ])
                .execute(c)?;
            }
        }
        Conn::Postgres(c) => {
            let rows: Vec<Resolved> = edges
                .iter()
                .map(|edge| Resolved {
                    key: EdgeKey::of(edge),
                    resolved_at,
                })
                .collect();
            SetQuery::new(
                "UPDATE task_dependencies d SET resolved_at = n.resolved_at \
                 FROM json_populate_recordset(NULL::task_dependencies, ",
                &rows,
                "::json) n WHERE d.task_id = n.task_id AND d.depends_on_id = n.depends_on_id \
                 AND d.condition = n.condition",
            )?
            .execute(c)?;
        }
    }
    Ok(())
}

/// Removes what a task waits for.
///
/// # Errors
/// When the database fails.
pub fn remove_of(conn: &mut Conn, task: TaskId) -> Result<(), StoreError> {
    use crate::schema::task_dependencies::dsl;
    per_backend!(conn, |c| diesel::delete(
        dsl::task_dependencies.filter(dsl::task_id.eq(task.to_string()))
    )
    .execute(c)?);
    Ok(())
}

/// What each of `tasks` waits or waited for, in the order given.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn of_tasks(conn: &mut Conn, tasks: &[TaskId]) -> Result<Vec<StoredEdge>, StoreError> {
    use crate::schema::task_dependencies::dsl;
    let mut rows: Vec<EdgeRow> = Vec::new();
    match conn {
        Conn::Sqlite(c) => {
            for task in tasks {
                rows.extend(
                    dsl::task_dependencies
                        .filter(dsl::task_id.eq(task.to_string()))
                        .order(dsl::position)
                        .select(EdgeRow::as_select())
                        .load(c)?,
                );
            }
        }
        Conn::Postgres(c) => {
            let ids: Vec<String> = tasks.iter().map(TaskId::to_string).collect();
            rows = dsl::task_dependencies
                .filter(dsl::task_id.eq_any(ids))
                .order((dsl::task_id, dsl::position))
                .select(EdgeRow::as_select())
                .load(c)?;
        }
    }
    rows.into_iter().map(EdgeRow::into_edge).collect()
}

/// The edges to the tasks that wait or waited for `task`, by their ids, at most `limit`.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn on_task(conn: &mut Conn, task: TaskId, limit: i64) -> Result<Vec<StoredEdge>, StoreError> {
    use crate::schema::task_dependencies::dsl;
    let rows: Vec<EdgeRow> = per_backend!(conn, |c| {
        dsl::task_dependencies
            .filter(dsl::depends_on_id.eq(task.to_string()))
            .order(dsl::task_id)
            .limit(limit)
            .select(EdgeRow::as_select())
            .load(c)?
    });
    rows.into_iter().map(EdgeRow::into_edge).collect()
}

/// Lets one transaction at a time change stored edges or carry ends far: for the rest of the
/// transaction, on PostgreSQL. On SQLite there is only one that writes.
///
/// # Errors
/// When the database fails, or it takes a minute.
pub fn lock_graphs(conn: &mut Conn) -> Result<(), StoreError> {
    /// Any number will do; this one is "EDGE" in ASCII.
    const LOCK: &str = "SET LOCAL lock_timeout = '60s'; SELECT pg_advisory_xact_lock(1162102597)";
    match conn {
        Conn::Sqlite(_) => Ok(()),
        Conn::Postgres(_) => conn.execute(LOCK),
    }
}

/// Notes ended tasks whose dependants have not all been told.
///
/// # Errors
/// When the database fails.
pub fn note_unsettled(conn: &mut Conn, tasks: &[TaskId]) -> Result<(), StoreError> {
    match conn {
        Conn::Sqlite(c) => {
            for task in tasks {
                Statement::<NoteUnsettled>::new(values![&task.to_string()]).execute(c)?;
            }
        }
        Conn::Postgres(c) => {
            SetQuery::new(
                "INSERT INTO unsettled_tasks SELECT json_array_elements_text(",
                tasks,
                "::json) ON CONFLICT DO NOTHING",
            )?
            .execute(c)?;
        }
    }
    Ok(())
}

/// Some of the ended tasks whose dependants have not all been told.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn unsettled(conn: &mut Conn, limit: i64) -> Result<Vec<TaskId>, StoreError> {
    use crate::schema::unsettled_tasks::dsl;
    let ids: Vec<String> = per_backend!(conn, |c| {
        dsl::unsettled_tasks
            .order(dsl::task_id)
            .limit(limit)
            .select(dsl::task_id)
            .load(c)?
    });
    ids.iter().map(|id| read("unsettled_tasks", id)).collect()
}

/// Forgets tasks whose dependants have all been told.
///
/// # Errors
/// When the database fails.
pub fn settled(conn: &mut Conn, tasks: &[TaskId]) -> Result<(), StoreError> {
    use crate::schema::unsettled_tasks::dsl;
    let ids: Vec<String> = tasks.iter().map(TaskId::to_string).collect();
    per_backend!(conn, |c| diesel::delete(
        dsl::unsettled_tasks.filter(dsl::task_id.eq_any(ids))
    )
    .execute(c)?);
    Ok(())
}

/// How many tasks wait or waited for `task`, counted up to `most`.
///
/// # Errors
/// When the database fails.
pub fn count_on(conn: &mut Conn, task: TaskId, most: i64) -> Result<i64, StoreError> {
    use crate::schema::task_dependencies::dsl;
    let ones: Vec<i32> = per_backend!(conn, |c| {
        dsl::task_dependencies
            .filter(dsl::depends_on_id.eq(task.to_string()))
            .limit(most)
            .select(dsl::position)
            .load(c)?
    });
    Ok(i64::try_from(ones.len()).unwrap_or(i64::MAX))
}
