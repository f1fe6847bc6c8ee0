//! Agents.

use std::collections::BTreeMap;

use ains_core::agent::Agent;
use ains_core::{AgentId, Name, Timestamp, TrustScore};
use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, ValidGrouping};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::Bool;
use serde::Serialize;

use crate::codec::{count, instant, length, micros, number, read, seconds};
use crate::connection::Conn;
use crate::error::StoreError;
use crate::schema::agents::{self, dsl};
use crate::set::SetQuery;
use crate::statement::{Statement, statement, values};

#[derive(Debug, Queryable, Selectable, Insertable, Serialize)]
#[diesel(table_name = agents, treat_none_as_default_value = false)]
struct AgentRow {
    agent_id: String,
    public_key: String,
    display_name: String,
    description: Option<String>,
    endpoint: String,
    tags: String,
    labels: String,
    status: String,
    draining: bool,
    shared: bool,
    max_concurrency: i32,
    heartbeat_interval_seconds: i32,
    trust_score: f64,
    average_seconds: Option<f64>,
    completed: i64,
    failed: i64,
    last_completed_at: Option<i64>,
    last_seen_at: i64,
    silent_at: i64,
    last_heartbeat_at: Option<i64>,
    last_assigned_at: Option<i64>,
    claims: bool,
    unresponsive: bool,
    created_at: i64,
    updated_at: i64,
    client_id: Option<String>,
}

impl From<&Agent> for AgentRow {
    fn from(agent: &Agent) -> Self {
        let tags: Vec<&str> = agent.tags.iter().map(Name::as_str).collect();
        Self {
            agent_id: agent.id.to_string(),
            public_key: agent.public_key.clone(),
            display_name: agent.display_name.clone(),
            description: agent.description.clone(),
            endpoint: agent.endpoint.clone(),
            tags: serde_json::json!(tags).to_string(),
            labels: serde_json::json!(agent.labels).to_string(),
            status: agent.status.as_str().to_owned(),
            draining: agent.draining,
            shared: agent.shared,
            max_concurrency: number(agent.max_concurrency),
            heartbeat_interval_seconds: seconds(agent.heartbeat_interval),
            trust_score: agent.trust.get(),
            average_seconds: agent.average_seconds,
            completed: agent.completed,
            failed: agent.failed,
            last_completed_at: micros(agent.last_completed_at),
            last_seen_at: agent.last_seen_at.as_micros(),
            silent_at: agent.silent_at().as_micros(),
            last_heartbeat_at: micros(agent.last_heartbeat_at),
            last_assigned_at: micros(agent.last_assigned_at),
            claims: agent.claims,
            unresponsive: agent.unresponsive,
            created_at: agent.created_at.as_micros(),
            updated_at: agent.updated_at.as_micros(),
            client_id: agent.client.as_ref().map(ToString::to_string),
        }
    }
}

impl AgentRow {
    fn into_agent(self) -> Result<Agent, StoreError> {
        const T: &str = "agents";
        let corrupt = |error: serde_json::Error| StoreError::Corrupt {
            table: T,
            reason: error.to_string(),
        };
        let tags: Vec<Name> = serde_json::from_str(&self.tags).map_err(corrupt)?;
        let labels: BTreeMap<String, String> = serde_json::from_str(&self.labels).map_err(corrupt)?;
        Ok(Agent {
            id: read(T, &self.agent_id)?,
            public_key: self.public_key,
            display_name: self.display_name,
            description: self.description,
            endpoint: self.endpoint,
            tags,
            labels,
            status: read(T, &self.status)?,
            draining: self.draining,
            client: self.client_id.map(|client| read(T, &client)).transpose()?,
            shared: self.shared,
            max_concurrency: count(self.max_concurrency),
            heartbeat_interval: length(self.heartbeat_interval_seconds),
            trust: TrustScore::clamped(self.trust_score),
            average_seconds: self.average_seconds,
            completed: self.completed,
            failed: self.failed,
            last_completed_at: instant(self.last_completed_at),
            last_seen_at: Timestamp::from_micros(self.last_seen_at),
            last_heartbeat_at: instant(self.last_heartbeat_at),
            last_assigned_at: instant(self.last_assigned_at),
            claims: self.claims,
            unresponsive: self.unresponsive,
            created_at: Timestamp::from_micros(self.created_at),
            updated_at: Timestamp::from_micros(self.updated_at),
        })
    }
}

/// Whether an agent is not INACTIVE, said as the index `agents_by_silence` says it: SQLite does not use
/// it for a bound status. What diesel calls `sql` would be parsed each time.
#[derive(Debug, Clone, Copy, QueryId, ValidGrouping)]
struct NotInactive;

impl Expression for NotInactive {
    type SqlType = Bool;
}

impl AppearsOnTable<agents::table> for NotInactive {}

impl<DB: Backend> QueryFragment<DB> for NotInactive {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("(status <> 'INACTIVE')");
        Ok(())
    }
}

statement!(
    SaveAgent = "UPDATE agents SET public_key = ?, display_name = ?, description = ?, endpoint = ?, tags = ?, \
        labels = ?, status = ?, draining = ?, shared = ?, max_concurrency = ?, heartbeat_interval_seconds = ?, \
        trust_score = ?, average_seconds = ?, completed = ?, failed = ?, last_completed_at = ?, last_seen_at = ?, \
        silent_at = ?, last_heartbeat_at = ?, last_assigned_at = ?, claims = ?, unresponsive = ?, updated_at = ? \
        WHERE agent_id = ?"
);

statement!(
    /// Of two instants the later; of one, that: `max` is NULL then.
    SaveSign = "UPDATE agents SET last_seen_at = max(last_seen_at, ?), silent_at = max(silent_at, ?), \
        last_heartbeat_at = coalesce(max(last_heartbeat_at, ?), last_heartbeat_at, ?), \
        last_assigned_at = coalesce(max(last_assigned_at, ?), last_assigned_at, ?) WHERE agent_id = ?"
);

fn into_agents(rows: Vec<AgentRow>) -> Result<Vec<Agent>, StoreError> {
    rows.into_iter().map(AgentRow::into_agent).collect()
}

/// Stores a new agent; `false` if there is one of that id.
///
/// # Errors
/// When the database fails.
pub fn insert(conn: &mut Conn, agent: &Agent) -> Result<bool, StoreError> {
    let row = AgentRow::from(agent);
    let inserted = per_backend!(conn, |c| diesel::insert_into(agents::table)
        .values(&row)
        .on_conflict_do_nothing()
        .execute(c)?);
    Ok(inserted == 1)
}

/// Loads agents to be changed, by id; on PostgreSQL locks them, in order of id. Those that do
/// not exist are left out.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn lock(conn: &mut Conn, ids: &[AgentId]) -> Result<Vec<Agent>, StoreError> {
    let mut rows = Vec::with_capacity(ids.len());
    match conn {
        Conn::Sqlite(c) => {
            for id in ids {
                rows.extend(
                    dsl::agents
                        .find(id.as_str())
                        .select(AgentRow::as_select())
                        .first(c)
                        .optional()?,
                );
            }
        }
        Conn::Postgres(c) => {
            rows = dsl::agents
                .filter(dsl::agent_id.eq_any(ids.iter().map(AgentId::as_str)))
                .order(dsl::agent_id)
                .for_update()
                .select(AgentRow::as_select())
                .load(c)?;
        }
    }
    into_agents(rows)
}

/// As [`lock`], but leaves out those that another transaction has locked, and so waits for nobody.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn lock_free(conn: &mut Conn, ids: &[AgentId]) -> Result<Vec<Agent>, StoreError> {
    let rows: Vec<AgentRow> = match conn {
        Conn::Sqlite(_) => return lock(conn, ids),
        Conn::Postgres(c) => dsl::agents
            .filter(dsl::agent_id.eq_any(ids.iter().map(AgentId::as_str)))
            .order(dsl::agent_id)
            .for_update()
            .skip_locked()
            .select(AgentRow::as_select())
            .load(c)?,
    };
    into_agents(rows)
}

/// Saves agents that were loaded with [`lock`] in this transaction.
///
/// # Errors
/// When the database fails.
pub fn save(conn: &mut Conn, changed: &[&Agent]) -> Result<(), StoreError> {
    if changed.is_empty() {
        return Ok(());
    }
    let rows: Vec<AgentRow> = changed.iter().map(|agent| AgentRow::from(*agent)).collect();
    match conn {
        Conn::Sqlite(c) => {
            for row in &rows {
                Statement::<SaveAgent>::new(values![
                    &row.public_key,
                    &row.display_name,
                    row.description.as_deref(),
                    &row.endpoint,
                    &row.tags,
                    &row.labels,
                    &row.status,
                    row.draining,
                    row.shared,
                    row.max_concurrency,
                    row.heartbeat_interval_seconds,
                    row.trust_score,
                    row.average_seconds,
                    row.completed,
                    row.failed,
                    row.last_completed_at,
                    row.last_seen_at,
                    row.silent_at,
                    row.last_heartbeat_at,
                    row.last_assigned_at,
                    row.claims,
                    row.unresponsive,
                    row.updated_at,
                    &row.agent_id,
                ])
                .execute(c)?;
            }
        }
        Conn::Postgres(c) => {
            SetQuery::new(
                "UPDATE agents a SET public_key = n.public_key, display_name = n.display_name, \
                 description = n.description, endpoint = n.endpoint, tags = n.tags, labels = n.labels, \
                 status = n.status, draining = n.draining, shared = n.shared, \
                 max_concurrency = n.max_concurrency, \
                 heartbeat_interval_seconds = n.heartbeat_interval_seconds, trust_score = n.trust_score, \
                 average_seconds = n.average_seconds, completed = n.completed, failed = n.failed, \
                 last_completed_at = n.last_completed_at, last_seen_at = n.last_seen_at, \
                 silent_at = n.silent_at, last_heartbeat_at = n.last_heartbeat_at, \
                 last_assigned_at = n.last_assigned_at, claims = n.claims, unresponsive = n.unresponsive, \
                 updated_at = n.updated_at FROM json_populate_recordset(NULL::agents, ",
                &rows,
                "::json) n WHERE a.agent_id = n.agent_id",
            )?
            .execute(c)?;
        }
    }
    Ok(())
}

/// An agent.
///
/// # Errors
/// When the database fails, or the row is corrupt.
pub fn find(conn: &mut Conn, id: &AgentId) -> Result<Option<Agent>, StoreError> {
    let row: Option<AgentRow> = per_backend!(conn, |c| dsl::agents
        .find(id.as_str())
        .select(AgentRow::as_select())
        .first(c)
        .optional()?);
    row.map(AgentRow::into_agent).transpose()
}

/// The agents with these ids, in order of registration.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn by_ids(conn: &mut Conn, ids: &[AgentId]) -> Result<Vec<Agent>, StoreError> {
    let mut rows: Vec<AgentRow> = load_in!(
        conn,
        dsl::agents,
        dsl::agent_id,
        ids.iter().map(AgentId::as_str),
        AgentRow::as_select()
    );
    rows.sort_by(|a, b| (a.created_at, &a.agent_id).cmp(&(b.created_at, &b.agent_id)));
    into_agents(rows)
}

/// Agents that changed at or after `since`, oldest change first: what another server did.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn changed_since(conn: &mut Conn, since: Timestamp, limit: i64) -> Result<Vec<Agent>, StoreError> {
    let rows: Vec<AgentRow> = per_backend!(conn, |c| {
        dsl::agents
            .filter(dsl::updated_at.ge(since.as_micros()))
            .order((dsl::updated_at, dsl::agent_id))
            .limit(limit)
            .select(AgentRow::as_select())
            .load(c)?
    });
    into_agents(rows)
}

/// Every agent after `after` in order of id, a page at a time: for the start of a server.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn page(conn: &mut Conn, after: &str, limit: i64) -> Result<Vec<Agent>, StoreError> {
    let rows: Vec<AgentRow> = per_backend!(conn, |c| {
        dsl::agents
            .filter(dsl::agent_id.gt(after))
            .order(dsl::agent_id)
            .limit(limit)
            .select(AgentRow::as_select())
            .load(c)?
    });
    into_agents(rows)
}

/// Agents that are not INACTIVE and whose time to give a sign of life ran out before `now`.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn silent(conn: &mut Conn, now: Timestamp, limit: i64) -> Result<Vec<AgentId>, StoreError> {
    let ids: Vec<String> = per_backend!(conn, |c| {
        dsl::agents
            .filter(dsl::silent_at.le(now.as_micros()))
            .filter(NotInactive)
            .order(dsl::silent_at)
            .limit(limit)
            .select(dsl::agent_id)
            .load(c)?
    });
    ids.iter().map(|id| read("agents", id)).collect()
}

/// When the next agent counts as silent.
///
/// # Errors
/// When the database fails.
pub fn next_silence(conn: &mut Conn) -> Result<Option<Timestamp>, StoreError> {
    let at: Option<i64> = per_backend!(conn, |c| {
        dsl::agents
            .filter(NotInactive)
            .order(dsl::silent_at)
            .select(dsl::silent_at)
            .first(c)
            .optional()?
    });
    Ok(instant(at))
}

/// Signs of life that a server has collected in memory.
#[derive(Debug, Clone, Serialize)]
pub struct Sign {
    /// The agent's id.
    pub agent_id: AgentId,
    /// When it was last seen, in microseconds.
    pub last_seen_at: i64,
    /// When it counts as silent after that, in microseconds.
    pub silent_at: i64,
    /// When it last sent a heartbeat, in microseconds, if it did.
    pub last_heartbeat_at: Option<i64>,
    /// When it was last given a task, in microseconds, if it was.
    pub last_assigned_at: Option<i64>,
}

/// Writes signs of life, never back in time.
///
/// # Errors
/// When the database fails.
pub fn save_signs(conn: &mut Conn, signs: &[Sign]) -> Result<(), StoreError> {
    if signs.is_empty() {
        return Ok(());
    }
    match conn {
        Conn::Sqlite(c) => {
            for sign in signs {
                Statement::<SaveSign>::new(values![
                    sign.last_seen_at,
                    sign.silent_at,
                    sign.last_heartbeat_at,
                    sign.last_heartbeat_at,
                    sign.last_assigned_at,
                    sign.last_assigned_at,
                    sign.agent_id.as_str(),
                ])
                .execute(c)?;
            }
        }
        Conn::Postgres(c) => {
            // Locked by id first, as everywhere, so that two servers do not wait for each other.
            let _: Vec<String> = dsl::agents
                .filter(dsl::agent_id.eq_any(signs.iter().map(|sign| sign.agent_id.as_str())))
                .order(dsl::agent_id)
                .for_update()
                .select(dsl::agent_id)
                .load(c)?;
            SetQuery::new(
                "UPDATE agents a SET last_seen_at = greatest(a.last_seen_at, n.last_seen_at), \
                 silent_at = greatest(a.silent_at, n.silent_at), \
                 last_heartbeat_at = greatest(a.last_heartbeat_at, n.last_heartbeat_at), \
                 last_assigned_at = greatest(a.last_assigned_at, n.last_assigned_at) \
                 FROM json_populate_recordset(NULL::agents, ",
                signs,
                "::json) n WHERE a.agent_id = n.agent_id",
            )?
            .execute(c)?;
        }
    }
    Ok(())
}

/// Removes an agent with its capabilities.
///
/// # Errors
/// When the database fails.
pub fn remove(conn: &mut Conn, id: &AgentId) -> Result<bool, StoreError> {
    Ok(
        per_backend!(conn, |c| diesel::delete(dsl::agents.find(id.as_str()))
            .execute(c)?)
            == 1,
    )
}
