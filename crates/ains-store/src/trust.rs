//! The record of every change of trust.

use ains_core::{AgentId, TaskId, Timestamp, TrustRecordId};
use diesel::prelude::*;
use serde::Serialize;

use crate::codec::{read, read_opt};
use crate::connection::Conn;
use crate::error::StoreError;
use crate::schema::trust_records::{self, dsl};
use crate::set::SetQuery;

/// One change of trust.
#[derive(Debug, Clone, PartialEq)]
pub struct TrustRecord {
    /// Its id.
    pub id: TrustRecordId,
    /// Whose trust.
    pub agent: AgentId,
    /// What for: `completed`, `failed`, `timed_out`, `lease_lost`, `adjusted`.
    pub event: String,
    /// By how much, after clamping.
    pub delta: f64,
    /// The score before.
    pub before: f64,
    /// The score after.
    pub after: f64,
    /// What a person said, or what went wrong, or why it earned more than another.
    pub reason: Option<String>,
    /// For which task.
    pub task: Option<TaskId>,
    /// When.
    pub created_at: Timestamp,
}

#[derive(Debug, Queryable, Selectable, Insertable, Serialize)]
#[diesel(table_name = trust_records, treat_none_as_default_value = false)]
struct TrustRow {
    id: String,
    agent_id: String,
    event: String,
    delta: f64,
    score_before: f64,
    score_after: f64,
    reason: Option<String>,
    task_id: Option<String>,
    created_at: i64,
}

/// Records changes.
///
/// # Errors
/// When the database fails.
pub fn insert(conn: &mut Conn, records: &[TrustRecord]) -> Result<(), StoreError> {
    if records.is_empty() {
        return Ok(());
    }
    let rows: Vec<TrustRow> = records
        .iter()
        .map(|record| TrustRow {
            id: record.id.to_string(),
            agent_id: record.agent.to_string(),
            event: record.event.clone(),
            delta: record.delta,
            score_before: record.before,
            score_after: record.after,
            reason: record.reason.clone(),
            task_id: record.task.map(|task| task.to_string()),
            created_at: record.created_at.as_micros(),
        })
        .collect();
    match conn {
        Conn::Sqlite(c) => {
            for row in &rows {
                diesel::insert_into(trust_records::table).values(row).execute(c)?;
            }
        }
        Conn::Postgres(c) => {
            SetQuery::new(
                "INSERT INTO trust_records SELECT * FROM json_populate_recordset(NULL::trust_records, ",
                &rows,
                "::json)",
            )?
            .execute(c)?;
        }
    }
    Ok(())
}

/// Changes of an agent's trust, newest first: the latest ones, or those before `before`; at most `limit`.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn of_agent(
    conn: &mut Conn,
    agent: &AgentId,
    before: Option<TrustRecordId>,
    limit: i64,
) -> Result<Vec<TrustRecord>, StoreError> {
    const T: &str = "trust_records";
    // No id is larger than this.
    let before = before.map_or_else(|| "trust_g".to_owned(), |id| id.to_string());
    let rows: Vec<TrustRow> = per_backend!(conn, |c| {
        dsl::trust_records
            .filter(dsl::agent_id.eq(agent.as_str()))
            .filter(dsl::id.lt(&before))
            .order(dsl::id.desc())
            .limit(limit)
            .select(TrustRow::as_select())
            .load(c)?
    });
    rows.into_iter()
        .map(|row| {
            Ok(TrustRecord {
                id: read(T, &row.id)?,
                agent: read(T, &row.agent_id)?,
                event: row.event,
                delta: row.delta,
                before: row.score_before,
                after: row.score_after,
                reason: row.reason,
                task: read_opt(T, row.task_id.as_deref())?,
                created_at: Timestamp::from_micros(row.created_at),
            })
        })
        .collect()
}
