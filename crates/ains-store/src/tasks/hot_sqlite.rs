//! The hot statements on SQLite: prepared once, run row by row inside the batch's transaction.
//! A multi-row text would be parsed anew for each size, which costs more than it saves.

use ains_core::TaskId;
use diesel::prelude::*;

use super::Save;
use super::documents::inline;
use super::row::{StateRow, TaskRow};
use crate::error::StoreError;
use crate::schema::tasks::dsl;
use crate::statement::{Statement, statement, values};

statement!(
    /// A task that exists already is left as it is.
    InsertTask = "INSERT INTO tasks (id, client_id, task_type, capability, lane, heartbeat_needed, status, gate, \
        priority, queue_key, routing_strategy, min_trust, timeout_seconds, timeout_policy, \
        heartbeat_timeout_seconds, max_retries, retry_policy, retry_count, attempt, lost_to, agent_id, claim_id, \
        error, created_at, updated_at, assigned_at, started_at, ended_at, expires_at, run_at, due_at, \
        lease_expires_at, gate_since, dependencies, unresolved_dependencies, results_from_dependencies, graph_id, \
        name, chain_id, chain_place, schedule_id, template_id, input_data, metadata, result_data, usage_data, progress) \
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, \
        ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"
);

statement!(
    /// Documents that are not given stay as they are.
    SaveTask = "UPDATE tasks SET status = ?, gate = ?, priority = ?, queue_key = ?, timeout_seconds = ?, \
        retry_count = ?, attempt = ?, lost_to = ?, agent_id = ?, claim_id = ?, error = ?, updated_at = ?, \
        assigned_at = ?, started_at = ?, ended_at = ?, expires_at = ?, run_at = ?, due_at = ?, lease_expires_at = ?, \
        gate_since = ?, dependencies = ?, unresolved_dependencies = ?, \
        metadata = coalesce(?, metadata), result_data = coalesce(?, result_data), \
        usage_data = coalesce(?, usage_data), progress = coalesce(?, progress) WHERE id = ?"
);

pub(super) fn insert(conn: &mut SqliteConnection, rows: &[TaskRow]) -> Result<(), StoreError> {
    for TaskRow {
        state: row,
        documents,
    } in rows
    {
        Statement::<InsertTask>::new(values![
            &row.id,
            &row.client_id,
            &row.task_type,
            &row.capability,
            &row.lane,
            row.heartbeat_needed,
            &row.status,
            row.gate.as_deref(),
            row.priority,
            row.queue_key,
            &row.routing_strategy,
            row.min_trust,
            row.timeout_seconds,
            &row.timeout_policy,
            row.heartbeat_timeout_seconds,
            row.max_retries,
            &row.retry_policy,
            row.retry_count,
            row.attempt,
            &row.lost_to,
            row.agent_id.as_deref(),
            row.claim_id.as_deref(),
            row.error.as_deref(),
            row.created_at,
            row.updated_at,
            row.assigned_at,
            row.started_at,
            row.ended_at,
            row.expires_at,
            row.run_at,
            row.due_at,
            row.lease_expires_at,
            row.gate_since,
            row.dependencies,
            row.unresolved_dependencies,
            row.results_from_dependencies,
            row.graph_id.as_deref(),
            row.name.as_deref(),
            row.chain_id.as_deref(),
            row.chain_place.as_deref(),
            row.schedule_id.as_deref(),
            row.template_id.as_deref(),
            documents.input_data.as_deref(),
            documents.metadata.as_deref(),
            documents.result_data.as_deref(),
            documents.usage_data.as_deref(),
            documents.progress.as_deref(),
        ])
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
        Statement::<SaveTask>::new(values![
            &row.status,
            row.gate.as_deref(),
            row.priority,
            row.queue_key,
            row.timeout_seconds,
            row.retry_count,
            row.attempt,
            &row.lost_to,
            row.agent_id.as_deref(),
            row.claim_id.as_deref(),
            row.error.as_deref(),
            row.updated_at,
            row.assigned_at,
            row.started_at,
            row.ended_at,
            row.expires_at,
            row.run_at,
            row.due_at,
            row.lease_expires_at,
            row.gate_since,
            row.dependencies,
            row.unresolved_dependencies,
            documents.metadata.as_deref().map(inline),
            documents.result.as_deref(),
            documents.usage.as_deref(),
            documents.progress.as_deref(),
            &row.id,
        ])
        .execute(conn)?;
    }
    Ok(())
}
