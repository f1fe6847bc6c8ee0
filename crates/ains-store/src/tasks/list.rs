//! Lists of tasks, newest first.

use std::time::Duration;

use ains_core::{
    AgentId, ChainId, ClientId, GraphId, Name, ScheduleId, Status, TaskId, TemplateId, Timestamp,
};
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
    /// Only those of this chain.
    pub chain: Option<ChainId>,
    /// Only those that this schedule made, alone or in a chain.
    pub schedule: Option<ScheduleId>,
    /// Only those made from this template.
    pub template: Option<TemplateId>,
    /// Only those of this graph.
    pub graph: Option<GraphId>,
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

/// Which of the partial indexes serves a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The primary key, or the index by client.
    All,
    /// What waits.
    Pending,
    /// What agents hold.
    Held,
    /// What has ended.
    Ended,
}

/// How far the time within an id may lie before that of the submission: it waits for the writer.
const WAITED: Duration = Duration::from_secs(120);

/// How far it may lie after that: ids go on growing when the clock is set back, and when more are
/// minted than fit in their time.
const AHEAD: Duration = Duration::from_secs(10);

impl Filter {
    /// The parts of the table that a list has to look into. Tasks of an agent are held or ended.
    fn parts(&self) -> &'static [Part] {
        if self.graph.is_some() || self.chain.is_some() || self.schedule.is_some() || self.template.is_some()
        {
            // Its own index serves it, whatever else is asked.
            return &[Part::All];
        }
        match (self.status, &self.agent) {
            (Some(Status::Pending), _) => &[Part::Pending],
            (Some(Status::Assigned | Status::Active), _) => &[Part::Held],
            (Some(Status::Completed | Status::Failed | Status::Cancelled), _) => &[Part::Ended],
            (None, Some(_)) => &[Part::Held, Part::Ended],
            (None, None) => &[Part::All],
        }
    }
}

/// The conditions of `filter`, as text chosen so that the index of `part` applies.
macro_rules! filtered {
    ($filter:expr, $part:expr) => {{
        let filter = $filter;
        let mut query = dsl::tasks.into_boxed();
        query = match $part {
            Part::All => query,
            Part::Pending => query.filter(dsl::gate.is_not_null()),
            Part::Held => query.filter(dsl::lease_expires_at.is_not_null()),
            Part::Ended => query.filter(dsl::ended_at.is_not_null()),
        };
        if let Some(client) = &filter.client {
            query = query.filter(dsl::client_id.eq(client.to_string()));
        }
        query = match (&filter.agent, $part) {
            (Some(agent), _) => query.filter(dsl::agent_id.eq(agent.to_string())),
            // True of every held task; names the first column of their index.
            (None, Part::Held) => query.filter(dsl::agent_id.gt("")),
            (None, _) => query,
        };
        // Every PENDING task has a gate. PostgreSQL, which does not know that, would take a second
        // condition for so rare that it reads and sorts all that wait.
        if let Some(status) = filter.status.filter(|_| *$part != Part::Pending) {
            query = query.filter(dsl::status.eq(status.as_str()));
        }
        if let Some(task_type) = &filter.task_type {
            query = query.filter(dsl::task_type.eq(task_type.to_string()));
        }
        if let Some(capability) = &filter.capability {
            query = query.filter(lower(dsl::capability).eq(capability.as_str().to_lowercase()));
        }
        if let Some(chain) = &filter.chain {
            query = query.filter(dsl::chain_id.eq(chain.to_string()));
        }
        if let Some(schedule) = &filter.schedule {
            query = query.filter(dsl::schedule_id.eq(schedule.to_string()));
        }
        if let Some(template) = &filter.template {
            query = query.filter(dsl::template_id.eq(template.to_string()));
        }
        if let Some(graph) = &filter.graph {
            query = query.filter(dsl::graph_id.eq(graph.to_string()));
        }
        // Ids are in order of time, but for a little; what agents hold is not in order of id.
        let by_id = *$part != Part::Held || filter.agent.is_some();
        if let Some(after) = filter.created_after {
            query = query.filter(dsl::created_at.ge(after.as_micros()));
            if by_id {
                query = query.filter(dsl::id.ge(TaskId::first_at(after - WAITED).to_string()));
            }
        }
        if let Some(before) = filter.created_before {
            query = query.filter(dsl::created_at.lt(before.as_micros()));
            if by_id {
                query = query.filter(dsl::id.lt(TaskId::first_at(before + AHEAD).to_string()));
            }
        }
        query
    }};
}

/// A page of the tasks that `filter` lets through, newest first.
///
/// A task type and a capability have no index: where little else is asked, and such tasks are rare,
/// this walks all tasks to find a page of them.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn list(conn: &mut Conn, filter: &Filter, page: Page) -> Result<Vec<StoredTask>, StoreError> {
    let parts = filter.parts();
    // Of several parts each may hold the whole page, so the offset is taken from their union.
    let (limit, offset) = if parts.len() == 1 {
        (page.limit, page.offset)
    } else {
        (page.limit + page.offset, 0)
    };
    let mut rows: Vec<TaskRow> = Vec::new();
    for part in parts {
        per_backend!(conn, |c| {
            let mut query = filtered!(filter, part);
            if let Some(before) = page.before {
                query = query.filter(dsl::id.lt(before.to_string()));
            }
            query = match (part, &filter.agent) {
                // Few, so they are sorted; by the plain id SQLite would walk the whole primary key.
                (Part::Held, None) => query.order(dsl::id.concat("").desc()),
                _ => query.order(dsl::id.desc()),
            };
            let found: Vec<TaskRow> = query
                .limit(limit)
                .offset(offset)
                .select(TaskRow::as_select())
                .load(c)?;
            rows.extend(found);
        });
    }
    if parts.len() > 1 {
        rows.sort_by(|a, b| b.state.id.cmp(&a.state.id));
        rows = rows
            .into_iter()
            .skip(usize::try_from(page.offset).unwrap_or(0))
            .take(usize::try_from(page.limit).unwrap_or(0))
            .collect();
    }
    documents::complete(conn, rows)
}

/// How many tasks `filter` lets through, up to `most`. It walks as far as [`list`] does.
///
/// # Errors
/// When the database fails.
pub fn count(conn: &mut Conn, filter: &Filter, most: i64) -> Result<i64, StoreError> {
    let mut found = 0;
    for part in filter.parts() {
        // Counts what a bounded page would hold, so that nobody can ask for a count of everything.
        let ones: Vec<i32> = per_backend!(conn, |c| {
            filtered!(filter, part)
                .limit(most)
                .select(diesel::dsl::sql::<Integer>("1"))
                .load(c)?
        });
        found += i64::try_from(ones.len()).unwrap_or(i64::MAX);
    }
    Ok(found.min(most))
}
