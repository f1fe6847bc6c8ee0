//! Attempts that ended without a result.

use ains_core::effect::{Attempt, Outcome};
use ains_core::{TaskId, Timestamp};
use diesel::prelude::*;
use serde::Serialize;

use crate::codec::{count, instant, micros, number, read};
use crate::connection::Conn;
use crate::error::StoreError;
use crate::schema::task_attempts::{self, dsl};
use crate::set::SetQuery;

#[derive(Debug, Queryable, Selectable, Insertable, Serialize)]
#[diesel(table_name = task_attempts, treat_none_as_default_value = false)]
struct AttemptRow {
    task_id: String,
    attempt: i32,
    agent_id: String,
    assigned_at: i64,
    started_at: Option<i64>,
    ended_at: i64,
    outcome: String,
    error: Option<String>,
}

/// Records attempts.
///
/// # Errors
/// When the database fails.
pub fn insert(conn: &mut Conn, attempts: &[Attempt]) -> Result<(), StoreError> {
    if attempts.is_empty() {
        return Ok(());
    }
    let rows: Vec<AttemptRow> = attempts
        .iter()
        .map(|attempt| AttemptRow {
            task_id: attempt.task.to_string(),
            attempt: number(attempt.number),
            agent_id: attempt.agent.to_string(),
            assigned_at: attempt.assigned_at.as_micros(),
            started_at: micros(attempt.started_at),
            ended_at: attempt.ended_at.as_micros(),
            outcome: attempt.outcome.as_str().to_owned(),
            error: attempt.error.clone(),
        })
        .collect();
    match conn {
        Conn::Sqlite(c) => {
            for row in &rows {
                diesel::insert_into(task_attempts::table).values(row).execute(c)?;
            }
        }
        Conn::Postgres(c) => {
            SetQuery::new(
                "INSERT INTO task_attempts SELECT * FROM json_populate_recordset(NULL::task_attempts, ",
                &rows,
                "::json)",
            )?
            .execute(c)?;
        }
    }
    Ok(())
}

/// The recorded attempts of a task, oldest first.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn of_task(conn: &mut Conn, task: TaskId) -> Result<Vec<Attempt>, StoreError> {
    let rows: Vec<AttemptRow> = per_backend!(conn, |c| {
        dsl::task_attempts
            .filter(dsl::task_id.eq(task.to_string()))
            .order(dsl::attempt)
            .select(AttemptRow::as_select())
            .load(c)?
    });
    rows.into_iter().map(|row| row.into_attempt(task)).collect()
}

impl AttemptRow {
    fn into_attempt(self, task: TaskId) -> Result<Attempt, StoreError> {
        const T: &str = "task_attempts";
        let outcome = Outcome::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == self.outcome);
        Ok(Attempt {
            task,
            number: count(self.attempt),
            agent: read(T, &self.agent_id)?,
            assigned_at: Timestamp::from_micros(self.assigned_at),
            started_at: instant(self.started_at),
            ended_at: Timestamp::from_micros(self.ended_at),
            outcome: outcome.ok_or_else(|| StoreError::Corrupt {
                table: T,
                reason: format!("outcome `{}`", self.outcome),
            })?,
            error: self.error,
        })
    }
}
