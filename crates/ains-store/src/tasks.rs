//! Tasks: reading, listing, and the hot batch statements.
//!
//! The forms that are fastest differ by database and stand side by side: prepared statements
//! in a loop on SQLite (`hot_sqlite`), one set-based statement on PostgreSQL (`hot_postgres`).

mod documents;
mod hot_postgres;
mod hot_sqlite;
mod list;
mod queue;
mod removal;
mod results;
mod row;

use std::collections::BTreeSet;

use ains_core::{AgentId, ChainId, Dependency, ScheduleId, Task, TaskId, Timestamp};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use serde::{Deserialize, Serialize};

use crate::codec::read_opt;
use crate::connection::Conn;
use crate::error::StoreError;
use crate::schema::tasks::dsl;
use crate::set::SetQuery;
pub use documents::{INLINE_LIMIT, add_dependencies};
pub use list::{Filter, Page, count, list};
pub use queue::{Look, Queue, before, ends, first, heads, ready_lanes, waiting_clients, waiting_priorities};
pub use removal::{Piece, remove_ended};
pub use results::{Given, results};
use row::{StateRow, TaskRow};

/// JSON texts of a task that no decision looks into.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Documents {
    /// What the client gave.
    pub input: Option<Box<str>>,
    /// What the client noted.
    pub metadata: Option<Box<str>>,
    /// What the agent made of it.
    pub result: Option<Box<str>>,
    /// What it cost.
    pub usage: Option<Box<str>>,
    /// How far the agent has come.
    pub progress: Option<Box<str>>,
}

/// A task with its documents.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredTask {
    /// The task.
    pub task: Task,
    /// Its documents.
    pub documents: Documents,
    /// The claim that it was handed out for.
    pub claim_id: Option<String>,
    /// What it waits or waited for, in the order given; read together with the documents.
    pub depends_on: Vec<Dependency>,
}

/// A changed task to be saved. Documents that are `None` stay as they are.
#[derive(Debug, Clone, PartialEq)]
pub struct Save<'a> {
    /// The task after the change.
    pub task: &'a Task,
    /// New documents.
    pub documents: &'a Documents,
    /// The claim that it was handed out for.
    pub claim_id: Option<&'a str>,
}

/// Stores new tasks. An id that exists already is left as it is, so a batch may be run again.
///
/// # Errors
/// When the database fails.
pub fn insert(conn: &mut Conn, tasks: &[StoredTask]) -> Result<(), StoreError> {
    if tasks.is_empty() {
        return Ok(());
    }
    documents::insert_after(conn, tasks, |conn, rows| match conn {
        Conn::Sqlite(c) => hot_sqlite::insert(c, rows),
        Conn::Postgres(c) => hot_postgres::insert(c, rows),
    })
}

/// Saves changed tasks; each must have been loaded with [`lock`] or [`heads`] in this transaction.
///
/// # Errors
/// When the database fails.
pub fn save(conn: &mut Conn, changes: &[Save<'_>]) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    documents::save_metadata(conn, changes)?;
    match conn {
        Conn::Sqlite(c) => hot_sqlite::save(c, changes),
        Conn::Postgres(c) => hot_postgres::save(c, changes),
    }
}

/// Loads tasks to be changed, without their documents (all `None`); on PostgreSQL locks them, in
/// order of id. Those that do not exist are left out.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn lock(conn: &mut Conn, ids: &[TaskId]) -> Result<Vec<StoredTask>, StoreError> {
    let rows: Vec<StateRow> = match conn {
        Conn::Sqlite(c) => hot_sqlite::find(c, ids)?,
        Conn::Postgres(c) => dsl::tasks
            .filter(dsl::id.eq_any(texts(ids)))
            .order(dsl::id)
            .for_update()
            .select(StateRow::as_select())
            .load(c)?,
    };
    rows.into_iter().map(StateRow::into_stored).collect()
}

/// The tasks with these ids, with their documents, in the order asked; unknown ids are left out.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn by_ids(conn: &mut Conn, ids: &[TaskId]) -> Result<Vec<StoredTask>, StoreError> {
    let rows: Vec<TaskRow> = load_in!(conn, dsl::tasks, dsl::id, &texts(ids), TaskRow::as_select());
    let mut found = documents::complete(conn, rows)?;
    let place: std::collections::BTreeMap<TaskId, usize> =
        ids.iter().enumerate().map(|(n, id)| (*id, n)).collect();
    found.sort_by_key(|stored| place.get(&stored.task.id).copied());
    Ok(found)
}

/// The tasks with these ids, without their documents, in order of id; unknown ids are left out.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn states(conn: &mut Conn, ids: &[TaskId]) -> Result<Vec<Task>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut rows: Vec<StateRow> = match conn {
        Conn::Sqlite(c) => hot_sqlite::find(c, ids)?,
        Conn::Postgres(c) => dsl::tasks
            .filter(dsl::id.eq_any(texts(ids)))
            .select(StateRow::as_select())
            .load(c)?,
    };
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    rows.into_iter()
        .map(|row| row.into_stored().map(|stored| stored.task))
        .collect()
}

/// What tasks are part of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wholes {
    /// Their chains.
    pub chains: BTreeSet<ChainId>,
    /// The schedules that made them, or their chains.
    pub schedules: BTreeSet<ScheduleId>,
}

/// What `ids` are part of. That never changes, so nothing is locked.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn wholes(conn: &mut Conn, ids: &[TaskId]) -> Result<Wholes, StoreError> {
    let some = dsl::chain_id.is_not_null().or(dsl::schedule_id.is_not_null());
    let rows: Vec<(Option<String>, Option<String>)> = load_in!(
        conn,
        dsl::tasks.filter(some),
        dsl::id,
        &texts(ids),
        (dsl::chain_id, dsl::schedule_id)
    );
    let mut wholes = Wholes::default();
    for (chain, schedule) in &rows {
        wholes
            .chains
            .extend(read_opt::<ChainId>("tasks", chain.as_deref())?);
        wholes
            .schedules
            .extend(read_opt::<ScheduleId>("tasks", schedule.as_deref())?);
    }
    Ok(wholes)
}

/// What an agent holds for a claim.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn held_for_claim(conn: &mut Conn, agent: &AgentId, claim: &str) -> Result<Vec<StoredTask>, StoreError> {
    let rows: Vec<TaskRow> = per_backend!(conn, |c| {
        dsl::tasks
            .filter(dsl::agent_id.eq(agent.as_str()))
            .filter(dsl::lease_expires_at.is_not_null())
            .filter(dsl::claim_id.eq(claim))
            .order(dsl::id)
            .select(TaskRow::as_select())
            .load(c)?
    });
    documents::complete(conn, rows)
}

/// What an agent was given and has not started, oldest first; locked on PostgreSQL.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn assigned_to(conn: &mut Conn, agent: &AgentId) -> Result<Vec<StoredTask>, StoreError> {
    macro_rules! assigned {
        () => {
            dsl::tasks
                .filter(dsl::agent_id.eq(agent.as_str()))
                .filter(dsl::lease_expires_at.is_not_null())
                .filter(dsl::status.eq("ASSIGNED"))
                .order(dsl::id)
                .select(TaskRow::as_select())
        };
    }
    let rows: Vec<TaskRow> = match conn {
        Conn::Sqlite(c) => assigned!().load(c)?,
        Conn::Postgres(c) => assigned!().for_update().load(c)?,
    };
    documents::complete(conn, rows)
}

/// Ids of what an agent holds, oldest first.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn held_by(conn: &mut Conn, agent: &AgentId) -> Result<Vec<TaskId>, StoreError> {
    let ids: Vec<String> = per_backend!(conn, |c| {
        dsl::tasks
            .filter(dsl::agent_id.eq(agent.as_str()))
            .filter(dsl::lease_expires_at.is_not_null())
            .order(dsl::id)
            .select(dsl::id)
            .load(c)?
    });
    ids.iter().map(|id| crate::codec::read("tasks", id)).collect()
}

/// How many tasks an agent holds, and when that was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Load {
    /// How many.
    pub held: u32,
    /// When the count began, in microseconds by the database's clock; 0 on SQLite, where counts
    /// come in order anyway. Of two counts made under the lock of the agent, the later holds.
    pub counted_at: i64,
}

/// How many tasks each of `agents` holds. To be exact, the agents must have been locked in an
/// earlier statement.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn loads(conn: &mut Conn, agents: &[AgentId]) -> Result<Vec<(AgentId, Load)>, StoreError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        agent_id: String,
        #[diesel(sql_type = BigInt)]
        held: i64,
        #[diesel(sql_type = BigInt)]
        counted_at: i64,
    }
    let count = |held: i64| u32::try_from(held).unwrap_or(u32::MAX);
    match conn {
        Conn::Sqlite(c) => agents
            .iter()
            .map(|agent| {
                let held = dsl::tasks
                    .filter(dsl::agent_id.eq(agent.as_str()))
                    .filter(dsl::lease_expires_at.is_not_null());
                let held = count(held.count().get_result(c)?);
                Ok((agent.clone(), Load { held, counted_at: 0 }))
            })
            .collect(),
        Conn::Postgres(c) => {
            let rows: Vec<Row> = SetQuery::new(
                "SELECT a.agent_id, (SELECT count(*) FROM tasks t WHERE t.agent_id = a.agent_id \
                 AND t.lease_expires_at IS NOT NULL) AS held, \
                 (extract(epoch FROM statement_timestamp()) * 1000000)::bigint AS counted_at \
                 FROM json_array_elements_text(",
                agents,
                "::json) AS a (agent_id)",
            )?
            .load(c)?;
            rows.into_iter()
                .map(|row| {
                    let load = Load {
                        held: count(row.held),
                        counted_at: row.counted_at,
                    };
                    Ok((crate::codec::read("tasks", &row.agent_id)?, load))
                })
                .collect()
        }
    }
}

/// How many tasks every agent holds that holds any: for the start of a server.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn all_loads(conn: &mut Conn) -> Result<Vec<(AgentId, u32)>, StoreError> {
    let rows: Vec<(Option<String>, i64)> = per_backend!(conn, |c| {
        dsl::tasks
            .filter(dsl::lease_expires_at.is_not_null())
            .group_by(dsl::agent_id)
            .select((dsl::agent_id, diesel::dsl::count_star()))
            .load(c)?
    });
    row::loads(rows)
}

/// Tasks for which an instant has come: lease over, due, or expired; at most `limit` of each,
/// with who holds them. Nothing is locked: judge them again after [`lock`].
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn overdue(
    conn: &mut Conn,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(TaskId, Option<AgentId>)>, StoreError> {
    let now = now.as_micros();
    let rows: Vec<(String, Option<String>)> = per_backend!(conn, |c| {
        let columns = (dsl::id, dsl::agent_id);
        let mut rows = dsl::tasks
            .filter(dsl::lease_expires_at.le(now))
            .order(dsl::lease_expires_at)
            .limit(limit)
            .select(columns)
            .load(c)?;
        rows.extend(
            dsl::tasks
                .filter(dsl::due_at.le(now))
                .order(dsl::due_at)
                .limit(limit)
                .select(columns)
                .load::<(String, Option<String>)>(c)?,
        );
        rows.extend(
            dsl::tasks
                .filter(dsl::expires_at.le(now))
                .filter(dsl::ended_at.is_null())
                .order(dsl::expires_at)
                .limit(limit)
                .select(columns)
                .load::<(String, Option<String>)>(c)?,
        );
        rows
    });
    let mut found = rows
        .iter()
        .map(|(id, agent)| {
            Ok((
                crate::codec::read("tasks", id)?,
                crate::codec::read_opt("tasks", agent.as_deref())?,
            ))
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    found.sort();
    found.dedup();
    Ok(found)
}

/// The next instant at which a lease ends, a task is due, or one expires.
///
/// # Errors
/// When the database fails.
pub fn next_instant(conn: &mut Conn) -> Result<Option<Timestamp>, StoreError> {
    let instants: [Option<Option<i64>>; 3] = per_backend!(conn, |c| [
        dsl::tasks
            .filter(dsl::lease_expires_at.is_not_null())
            .order(dsl::lease_expires_at)
            .select(dsl::lease_expires_at)
            .first(c)
            .optional()?,
        dsl::tasks
            .filter(dsl::due_at.is_not_null())
            .order(dsl::due_at)
            .select(dsl::due_at)
            .first(c)
            .optional()?,
        dsl::tasks
            .filter(dsl::expires_at.is_not_null())
            .filter(dsl::ended_at.is_null())
            .order(dsl::expires_at)
            .select(dsl::expires_at)
            .first(c)
            .optional()?,
    ]);
    Ok(instants
        .into_iter()
        .flatten()
        .flatten()
        .min()
        .map(Timestamp::from_micros))
}

fn texts(ids: &[TaskId]) -> Vec<String> {
    ids.iter().map(TaskId::to_string).collect()
}
