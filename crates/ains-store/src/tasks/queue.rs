//! The queues of ready tasks: where a new one stands, and which come first.

use ains_core::{ClientId, Lane, Task, TaskId, fair};
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::row::TaskRow;
use super::{StoredTask, documents};
use crate::codec::read;
use crate::connection::Conn;
use crate::error::StoreError;
use crate::schema::tasks::dsl;

/// One priority of one lane.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Queue {
    /// The lane.
    pub lane: Lane,
    /// The priority, 1..=10.
    pub priority: u8,
}

/// The two ends of a queue, as seen by `client`.
///
/// # Errors
/// When the database fails.
pub fn ends(conn: &mut Conn, queue: &Queue, client: &ClientId) -> Result<fair::Ends, StoreError> {
    let lane = queue.lane.to_string();
    let priority = i32::from(queue.priority);
    let (lowest, own_highest): (Option<Option<i64>>, Option<Option<i64>>) = per_backend!(conn, |c| (
        dsl::tasks
            .filter(dsl::lane.eq(&lane))
            .filter(dsl::priority.eq(priority))
            .filter(dsl::queue_key.is_not_null())
            .order((dsl::queue_key.asc(), dsl::id.asc()))
            .select(dsl::queue_key)
            .first(c)
            .optional()?,
        dsl::tasks
            .filter(dsl::lane.eq(&lane))
            .filter(dsl::priority.eq(priority))
            .filter(dsl::client_id.eq(client.as_str()))
            .filter(dsl::queue_key.is_not_null())
            .order(dsl::queue_key.desc())
            .select(dsl::queue_key)
            .first(c)
            .optional()?,
    ));
    Ok(fair::Ends {
        lowest: lowest.flatten(),
        own_highest: own_highest.flatten(),
    })
}

/// Whether the heads of a queue are only looked at, or taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Not locked: to be locked with [`lock`](super::lock) and judged again.
    Peek,
    /// Locked on PostgreSQL, without those that another transaction has locked.
    Take,
}

/// Loads what a query finds; to take it where there are other writers, without what they hold.
macro_rules! heads {
    ($conn:expr, $look:expr, $query:expr) => {
        match (&mut *$conn, $look) {
            (Conn::Sqlite(c), _) => $query.load(c)?,
            (Conn::Postgres(c), Look::Peek) => $query.load(c)?,
            (Conn::Postgres(c), Look::Take) => $query.for_update().skip_locked().load(c)?,
        }
    };
}

/// The first `limit` ready tasks of a lane, of one client and of one priority if these are given, best
/// first; without what they waited for.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn heads(
    conn: &mut Conn,
    lane: &Lane,
    client: Option<&ClientId>,
    priority: Option<u8>,
    limit: i64,
    look: Look,
) -> Result<Vec<StoredTask>, StoreError> {
    let lane = lane.to_string();
    let ready = dsl::tasks
        .filter(dsl::lane.eq(lane))
        .filter(dsl::queue_key.is_not_null());
    // One text for each instead of one with optional conditions, so that all stay prepared.
    let rows: Vec<TaskRow> = match (client.map(ClientId::as_str), priority.map(i32::from)) {
        (None, None) => heads!(
            conn,
            look,
            ready
                .order((dsl::priority.desc(), dsl::queue_key.asc(), dsl::id.asc()))
                .limit(limit)
                .select(TaskRow::as_select())
        ),
        (None, Some(priority)) => heads!(
            conn,
            look,
            ready
                .filter(dsl::priority.eq(priority))
                .order((dsl::queue_key.asc(), dsl::id.asc()))
                .limit(limit)
                .select(TaskRow::as_select())
        ),
        (Some(client), None) => heads!(
            conn,
            look,
            ready
                .filter(dsl::client_id.eq(client))
                .order((dsl::priority.desc(), dsl::queue_key.asc(), dsl::id.asc()))
                .limit(limit)
                .select(TaskRow::as_select())
        ),
        (Some(client), Some(priority)) => heads!(
            conn,
            look,
            ready
                .filter(dsl::client_id.eq(client))
                .filter(dsl::priority.eq(priority))
                .order((dsl::queue_key.asc(), dsl::id.asc()))
                .limit(limit)
                .select(TaskRow::as_select())
        ),
    };
    documents::with_documents(conn, rows)
}

/// The priorities at which tasks of a lane wait, of one client if it is given, highest first: one short
/// seek each.
///
/// # Errors
/// When the database fails.
pub fn waiting_priorities(
    conn: &mut Conn,
    lane: &Lane,
    client: Option<&ClientId>,
) -> Result<Vec<u8>, StoreError> {
    let lane = lane.to_string();
    let mut waiting = Vec::new();
    let mut below = i32::MAX;
    loop {
        let ready = dsl::tasks
            .filter(dsl::lane.eq(&lane))
            .filter(dsl::priority.lt(below))
            .filter(dsl::queue_key.is_not_null());
        let next: Option<i32> = match client {
            None => per_backend!(conn, |c| ready
                .order(dsl::priority.desc())
                .select(dsl::priority)
                .first(c)
                .optional()?),
            Some(client) => per_backend!(conn, |c| ready
                .filter(dsl::client_id.eq(client.as_str()))
                .order(dsl::priority.desc())
                .select(dsl::priority)
                .first(c)
                .optional()?),
        };
        let Some(priority) = next else { return Ok(waiting) };
        waiting.extend(u8::try_from(priority));
        below = priority;
    }
}

/// Those of `clients` of which a task is ready in a lane: one short seek each.
///
/// # Errors
/// When the database fails.
pub fn waiting_clients<'c>(
    conn: &mut Conn,
    lane: &Lane,
    clients: impl IntoIterator<Item = &'c ClientId>,
) -> Result<Vec<ClientId>, StoreError> {
    let lane = lane.to_string();
    let mut waiting = Vec::new();
    for client in clients {
        let ready: Option<i32> = per_backend!(conn, |c| {
            dsl::tasks
                .filter(dsl::lane.eq(&lane))
                .filter(dsl::client_id.eq(client.as_str()))
                .filter(dsl::queue_key.is_not_null())
                .order(dsl::priority.desc())
                .select(dsl::priority)
                .first(c)
                .optional()?
        });
        waiting.extend(ready.map(|_| client.clone()));
    }
    Ok(waiting)
}

/// How many ready tasks of its lane stand before a ready task, counted up to `most`.
///
/// # Errors
/// When the database fails.
pub fn before(conn: &mut Conn, task: &Task, most: i64) -> Result<i64, StoreError> {
    let lane = task.lane().to_string();
    let (priority, key, id) = (i32::from(task.priority), task.queue_key, task.id.to_string());
    // In the order of `tasks_ready`, because PostgreSQL would take the index of clients for a new
    // table, and then go on with it through the whole queue.
    let (above, level, same): (Vec<i32>, Vec<i32>, Vec<i32>) = per_backend!(conn, |c| (
        dsl::tasks
            .filter(dsl::lane.eq(&lane))
            .filter(dsl::queue_key.is_not_null())
            .filter(dsl::priority.gt(priority))
            .order((dsl::priority.desc(), dsl::queue_key, dsl::id))
            .limit(most)
            .select(dsl::priority)
            .load(c)?,
        dsl::tasks
            .filter(dsl::lane.eq(&lane))
            .filter(dsl::priority.eq(priority))
            .filter(dsl::queue_key.lt(key))
            .order((dsl::queue_key, dsl::id))
            .limit(most)
            .select(dsl::priority)
            .load(c)?,
        dsl::tasks
            .filter(dsl::lane.eq(&lane))
            .filter(dsl::priority.eq(priority))
            .filter(dsl::queue_key.eq(key))
            .filter(dsl::id.lt(&id))
            .order(dsl::id)
            .limit(most)
            .select(dsl::priority)
            .load(c)?,
    ));
    let found = above.len() + level.len() + same.len();
    Ok(i64::try_from(found).unwrap_or(i64::MAX).min(most))
}

/// The ids of the first `limit` ready tasks of a lane, best first.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn first(conn: &mut Conn, lane: &Lane, limit: i64) -> Result<Vec<TaskId>, StoreError> {
    let ids: Vec<String> = per_backend!(conn, |c| {
        dsl::tasks
            .filter(dsl::lane.eq(lane.to_string()))
            .filter(dsl::queue_key.is_not_null())
            .order((dsl::priority.desc(), dsl::queue_key.asc(), dsl::id.asc()))
            .limit(limit)
            .select(dsl::id)
            .load(c)?
    });
    ids.iter().map(|id| read("tasks", id)).collect()
}

/// Every lane in which a task is ready: one short seek each.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn ready_lanes(conn: &mut Conn) -> Result<Vec<Lane>, StoreError> {
    const TEXT: &str = "WITH RECURSIVE lanes(lane) AS ( \
        SELECT (SELECT min(lane) FROM tasks WHERE queue_key IS NOT NULL) \
        UNION ALL \
        SELECT (SELECT min(t.lane) FROM tasks t WHERE t.queue_key IS NOT NULL AND t.lane > lanes.lane) \
        FROM lanes WHERE lanes.lane IS NOT NULL) \
        SELECT lane FROM lanes WHERE lane IS NOT NULL";
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        lane: String,
    }
    let rows: Vec<Row> = per_backend!(conn, |c| diesel::sql_query(TEXT).load(c)?);
    rows.iter().map(|row| read("tasks", &row.lane)).collect()
}
