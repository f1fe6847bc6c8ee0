//! Removes what ended long ago.

use ains_core::{Status, TaskId, Timestamp};
use diesel::dsl::{exists, not};
use diesel::prelude::*;

use crate::codec::read;
use crate::connection::Conn;
use crate::error::StoreError;
use crate::schema::task_chains;
use crate::schema::tasks::dsl;

/// Removes at most `limit` tasks of each status that ended before `before`, with all that belongs to
/// them; returns which, and their status.
///
/// Tasks of a chain stay as long as it does: it may need their results, also to be retried. So chains
/// go first ([`remove_ended`](crate::chains::remove_ended)).
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn remove_ended(
    conn: &mut Conn,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<(TaskId, Status)>, StoreError> {
    let mut removed = Vec::new();
    // What was submitted later cannot have ended before, and the index is in order of submission.
    // A task whose id ran ahead of the clock is removed some time later.
    let first_to_stay = TaskId::first_at(before).to_string();
    for status in Status::ALL.into_iter().filter(|status| status.is_terminal()) {
        let chain = task_chains::table
            .filter(task_chains::id.nullable().eq(dsl::chain_id))
            .select(task_chains::id);
        let old = dsl::tasks
            .filter(dsl::status.eq(status.as_str()))
            .filter(dsl::ended_at.is_not_null())
            .filter(dsl::id.lt(&first_to_stay))
            .filter(dsl::ended_at.lt(before.as_micros()))
            .filter(not(exists(chain)))
            .order(dsl::id)
            .limit(limit)
            .select(dsl::id);
        let ids: Vec<String> = per_backend!(conn, |c| old.load(c)?);
        for id in &ids {
            removed.push((read("tasks", id)?, status));
        }
        match conn {
            Conn::Sqlite(c) => {
                for id in &ids {
                    diesel::delete(dsl::tasks.find(id)).execute(c)?;
                }
            }
            Conn::Postgres(c) if !ids.is_empty() => {
                diesel::delete(dsl::tasks.filter(dsl::id.eq_any(&ids))).execute(c)?;
            }
            Conn::Postgres(_) => {}
        }
    }
    Ok(removed)
}
