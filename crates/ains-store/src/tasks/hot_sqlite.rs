//! The hot statements on SQLite: prepared once, run row by row inside the batch's transaction.
//! A multi-row text would be parsed anew for each size, which costs more than it saves.

use ains_core::TaskId;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};

use super::Save;
use super::documents::inline;
use super::row::{StateRow, TaskRow};
use crate::error::StoreError;
use crate::schema::tasks::{self, dsl};

diesel::define_sql_function! {
    /// The first of its arguments that is not null.
    fn coalesce(first: Nullable<Text>, second: Nullable<Text>) -> Nullable<Text>;
}

pub(super) fn insert(conn: &mut SqliteConnection, rows: &[TaskRow]) -> Result<(), StoreError> {
    for row in rows {
        diesel::insert_into(tasks::table)
            .values(row)
            .on_conflict_do_nothing()
            .execute(conn)?;
    }
    Ok(())
}

pub(super) fn find(conn: &mut SqliteConnection, ids: &[TaskId]) -> Result<Vec<StateRow>, StoreError> {
    let mut rows = Vec::with_capacity(ids.len());
    for id in ids {
        rows.extend(
            dsl::tasks
                .find(id.to_string())
                .select(StateRow::as_select())
                .first(conn)
                .optional()?,
        );
    }
    Ok(rows)
}

pub(super) fn save(conn: &mut SqliteConnection, changes: &[Save<'_>]) -> Result<(), StoreError> {
    for change in changes {
        let row = StateRow::new(change.task, change.claim_id);
        let documents = change.documents;
        diesel::update(dsl::tasks.find(&row.id))
            .set((
                dsl::status.eq(&row.status),
                dsl::gate.eq(&row.gate),
                dsl::priority.eq(row.priority),
                dsl::queue_key.eq(row.queue_key),
                dsl::timeout_seconds.eq(row.timeout_seconds),
                dsl::retry_count.eq(row.retry_count),
                dsl::attempt.eq(row.attempt),
                dsl::lost_to.eq(&row.lost_to),
                dsl::agent_id.eq(&row.agent_id),
                dsl::claim_id.eq(&row.claim_id),
                dsl::error.eq(&row.error),
                dsl::updated_at.eq(row.updated_at),
                dsl::assigned_at.eq(row.assigned_at),
                dsl::started_at.eq(row.started_at),
                dsl::ended_at.eq(row.ended_at),
                dsl::expires_at.eq(row.expires_at),
                dsl::due_at.eq(row.due_at),
                dsl::lease_expires_at.eq(row.lease_expires_at),
                dsl::metadata.eq(coalesce(documents.metadata.as_deref().map(inline), dsl::metadata)),
                dsl::result_data.eq(coalesce(documents.result.as_deref(), dsl::result_data)),
                dsl::usage_data.eq(coalesce(documents.usage.as_deref(), dsl::usage_data)),
                dsl::progress.eq(coalesce(documents.progress.as_deref(), dsl::progress)),
            ))
            .execute(conn)?;
    }
    Ok(())
}
