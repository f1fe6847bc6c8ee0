//! Lists of tasks, newest first.

use ains_core::{AgentId, ClientId, Name, Status, TaskId, Timestamp};
use diesel::prelude::*;
use diesel::sql_types::{Integer, Text};

use super::row::TaskRow;
use super::{StoredTask, documents};
use crate::connection::Conn;
use crate::error::StoreError;
use crate::schema::tasks::dsl;

diesel::define_sql_function! {
    /// The text in lower case.
    fn lower(text: Text) -> Text;
}

/// Which tasks a list shows.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only of this client.
    pub client: Option<ClientId>,
    /// Only in this state.
    pub status: Option<Status>,
    /// Only of this type.
    pub task_type: Option<Name>,
    /// Only those that need this capability, in any case of letters.
    pub capability: Option<Name>,
    /// Only those held, or ended, by this agent.
    pub agent: Option<AgentId>,
    /// Only those submitted at or after this instant.
    pub created_after: Option<Timestamp>,
    /// Only those submitted before this instant.
    pub created_before: Option<Timestamp>,
}

/// Which part of a list.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// At most this many.
    pub limit: i64,
    /// After leaving out this many.
    pub offset: i64,
    /// Only ids below this one: the cursor.
    pub before: Option<TaskId>,
}

/// The conditions of `filter`, as text chosen so that the partial indexes apply.
macro_rules! filtered {
    ($filter:expr) => {{
        let filter = $filter;
        let mut query = dsl::tasks.into_boxed();
        if let Some(client) = &filter.client {
            query = query.filter(dsl::client_id.eq(client.to_string()));
        }
        if let Some(agent) = &filter.agent {
            query = query.filter(dsl::agent_id.eq(agent.to_string()));
        }
        if let Some(status) = filter.status {
            query = query.filter(dsl::status.eq(status.as_str()));
            query = match status {
                Status::Pending => query.filter(dsl::gate.is_not_null()),
                Status::Assigned | Status::Active => query.filter(dsl::lease_expires_at.is_not_null()),
                Status::Completed | Status::Failed | Status::Cancelled => {
                    query.filter(dsl::ended_at.is_not_null())
                }
            };
        }
        if let Some(task_type) = &filter.task_type {
            query = query.filter(dsl::task_type.eq(task_type.to_string()));
        }
        if let Some(capability) = &filter.capability {
            query = query.filter(lower(dsl::capability).eq(capability.as_str().to_lowercase()));
        }
        if let Some(after) = filter.created_after {
            query = query.filter(dsl::created_at.ge(after.as_micros()));
        }
        if let Some(before) = filter.created_before {
            query = query.filter(dsl::created_at.lt(before.as_micros()));
        }
        query
    }};
}

/// A page of the tasks that `filter` lets through, newest first.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn list(conn: &mut Conn, filter: &Filter, page: Page) -> Result<Vec<StoredTask>, StoreError> {
    let rows: Vec<TaskRow> = per_backend!(conn, |c| {
        let mut query = filtered!(filter);
        if let Some(before) = page.before {
            query = query.filter(dsl::id.lt(before.to_string()));
        }
        query
            .order(dsl::id.desc())
            .limit(page.limit)
            .offset(page.offset)
            .select(TaskRow::as_select())
            .load(c)?
    });
    documents::complete(conn, rows)
}

/// How many tasks `filter` lets through, up to `most`.
///
/// # Errors
/// When the database fails.
pub fn count(conn: &mut Conn, filter: &Filter, most: i64) -> Result<i64, StoreError> {
    // Counts ids that a bounded page would hold, so that nobody can ask for a scan of everything.
    let ids: Vec<i32> = per_backend!(conn, |c| {
        filtered!(filter)
            .order(dsl::id.desc())
            .limit(most)
            .select(diesel::dsl::sql::<Integer>("1"))
            .load(c)?
    });
    Ok(i64::try_from(ids.len()).unwrap_or(i64::MAX))
}
