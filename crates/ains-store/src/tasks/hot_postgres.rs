//! The hot statements on PostgreSQL: one round trip for a whole batch.

use diesel::prelude::*;
use serde::Serialize;

use super::Save;
use super::documents::inline;
use super::row::{StateRow, TaskRow};
use crate::error::StoreError;
use crate::set::SetQuery;

pub(super) fn insert(conn: &mut PgConnection, rows: &[TaskRow]) -> Result<(), StoreError> {
    SetQuery::new(
        "INSERT INTO tasks SELECT * FROM json_populate_recordset(NULL::tasks, ",
        rows,
        "::json) ON CONFLICT (id) DO NOTHING",
    )?
    .execute(conn)?;
    Ok(())
}

#[derive(Serialize)]
struct Change<'a> {
    #[serde(flatten)]
    state: StateRow,
    metadata: Option<&'a str>,
    result_data: Option<&'a str>,
    usage_data: Option<&'a str>,
    progress: Option<&'a str>,
}

/// One row at most for each task: an update from a set applies only one of two.
pub(super) fn save(conn: &mut PgConnection, changes: &[Save<'_>]) -> Result<(), StoreError> {
    let rows: Vec<Change<'_>> = changes
        .iter()
        .map(|change| Change {
            state: StateRow::new(change.task, change.claim_id),
            metadata: change.documents.metadata.as_deref().map(inline),
            result_data: change.documents.result.as_deref(),
            usage_data: change.documents.usage.as_deref(),
            progress: change.documents.progress.as_deref(),
        })
        .collect();
    SetQuery::new(
        "UPDATE tasks t SET status = n.status, gate = n.gate, priority = n.priority, queue_key = n.queue_key, \
         timeout_seconds = n.timeout_seconds, retry_count = n.retry_count, attempt = n.attempt, \
         lost_to = n.lost_to, agent_id = n.agent_id, claim_id = n.claim_id, error = n.error, \
         updated_at = n.updated_at, assigned_at = n.assigned_at, started_at = n.started_at, \
         ended_at = n.ended_at, expires_at = n.expires_at, run_at = n.run_at, due_at = n.due_at, \
         lease_expires_at = n.lease_expires_at, gate_since = n.gate_since, dependencies = n.dependencies, \
         unresolved_dependencies = n.unresolved_dependencies, metadata = coalesce(n.metadata, t.metadata), \
         result_data = coalesce(n.result_data, t.result_data), \
         usage_data = coalesce(n.usage_data, t.usage_data), progress = coalesce(n.progress, t.progress) \
         FROM json_populate_recordset(NULL::tasks, ",
        &rows,
        "::json) n WHERE t.id = n.id",
    )?
    .execute(conn)?;
    Ok(())
}
