//! The audit log: rows are added, counted up, and removed when they are old; nothing else happens to them.

use ains_core::{AgentId, AuditEvent, AuditId, ClientId, KeyId, Timestamp};
use diesel::prelude::*;
use serde::Serialize;

use crate::codec::{read, read_opt};
use crate::connection::Conn;
use crate::error::StoreError;
use crate::schema::audit_log::{self, dsl};
use crate::set::SetQuery;
use crate::statement::{Statement, statement, values};

const T: &str = "audit_log";

/// An entry: one request, or all that were refused to one caller within a minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its id, in order of time.
    pub id: AuditId,
    /// What kind of thing happened.
    pub event: AuditEvent,
    /// What was asked for: `delete`; of what was refused, method and route of the first request.
    pub action: String,
    /// Of what was refused, method and route of the last request.
    pub last_action: Option<String>,
    /// The client that the key of the caller is bound to.
    pub client: Option<ClientId>,
    /// The key of the caller.
    pub key: Option<KeyId>,
    /// The agent that the caller is.
    pub agent: Option<AgentId>,
    /// What it happened to: its kind, such as `agent`, and its id.
    pub resource: Option<(String, String)>,
    /// Whether it was done.
    pub success: bool,
    /// Why not.
    pub error: Option<String>,
    /// More about it: a JSON object.
    pub metadata: Box<str>,
    /// Where the request came from.
    pub address: Option<String>,
    /// The id of the request.
    pub request: Option<String>,
    /// How many requests it stands for.
    pub count: i64,
    /// When it happened; of what was refused, the beginning of the minute.
    pub created_at: Timestamp,
    /// When the last request came.
    pub last_at: Timestamp,
}

/// Which entries a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Those of callers that are bound to this client.
    pub client: Option<ClientId>,
    /// Those of this key.
    pub key: Option<KeyId>,
    /// Those of this type.
    pub event: Option<AuditEvent>,
    /// From this id on.
    pub from: Option<AuditId>,
    /// Below this id.
    pub before: Option<AuditId>,
}

#[derive(Debug, Queryable, Selectable, Insertable, Serialize)]
#[diesel(table_name = audit_log, treat_none_as_default_value = false)]
struct AuditRow {
    id: String,
    event_type: String,
    action: String,
    last_action: Option<String>,
    client_id: Option<String>,
    key_id: Option<String>,
    agent_id: Option<String>,
    resource_type: Option<String>,
    resource_id: Option<String>,
    success: bool,
    error_message: Option<String>,
    extra_metadata: String,
    address: Option<String>,
    request_id: Option<String>,
    count: i64,
    created_at: i64,
    last_at: i64,
}

impl From<&AuditEntry> for AuditRow {
    fn from(entry: &AuditEntry) -> Self {
        let (resource_type, resource_id) = entry.resource.clone().unzip();
        Self {
            id: entry.id.to_string(),
            event_type: entry.event.as_str().to_owned(),
            action: entry.action.clone(),
            last_action: entry.last_action.clone(),
            client_id: entry.client.as_ref().map(ToString::to_string),
            key_id: entry.key.as_ref().map(ToString::to_string),
            agent_id: entry.agent.as_ref().map(ToString::to_string),
            resource_type,
            resource_id,
            success: entry.success,
            error_message: entry.error.clone(),
            extra_metadata: entry.metadata.to_string(),
            address: entry.address.clone(),
            request_id: entry.request.clone(),
            count: entry.count,
            created_at: entry.created_at.as_micros(),
            last_at: entry.last_at.as_micros(),
        }
    }
}

impl AuditRow {
    fn into_entry(self) -> Result<AuditEntry, StoreError> {
        Ok(AuditEntry {
            id: read(T, &self.id)?,
            event: read(T, &self.event_type)?,
            action: self.action,
            last_action: self.last_action,
            client: read_opt(T, self.client_id.as_deref())?,
            key: read_opt(T, self.key_id.as_deref())?,
            agent: read_opt(T, self.agent_id.as_deref())?,
            resource: self.resource_type.zip(self.resource_id),
            success: self.success,
            error: self.error_message,
            metadata: self.extra_metadata.into(),
            address: self.address,
            request: self.request_id,
            count: self.count,
            created_at: Timestamp::from_micros(self.created_at),
            last_at: Timestamp::from_micros(self.last_at),
        })
    }
}

/// Adds an entry.
///
/// # Errors
/// When the database fails.
pub fn insert(conn: &mut Conn, entry: &AuditEntry) -> Result<(), StoreError> {
    let row = AuditRow::from(entry);
    per_backend!(conn, |c| {
        diesel::insert_into(audit_log::table).values(&row).execute(c)?
    });
    Ok(())
}

statement!(
    Count = "INSERT INTO audit_log (id, event_type, action, last_action, client_id, key_id, agent_id, \
        resource_type, resource_id, success, error_message, extra_metadata, address, request_id, count, \
        created_at, last_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
        ON CONFLICT (id) DO UPDATE SET count = count + excluded.count, last_action = excluded.last_action, \
        last_at = max(last_at, excluded.last_at)"
);

/// Adds entries that count, or counts up those that there are.
///
/// # Errors
/// When the database fails.
pub fn count(conn: &mut Conn, entries: &[AuditEntry]) -> Result<(), StoreError> {
    if entries.is_empty() {
        return Ok(());
    }
    let mut rows: Vec<AuditRow> = entries.iter().map(AuditRow::from).collect();
    // Several servers count at the same time, and all take the rows in this order.
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    match conn {
        Conn::Sqlite(c) => {
            for row in &rows {
                Statement::<Count>::new(values![
                    &row.id,
                    &row.event_type,
                    &row.action,
                    row.last_action.as_deref(),
                    row.client_id.as_deref(),
                    row.key_id.as_deref(),
                    row.agent_id.as_deref(),
                    row.resource_type.as_deref(),
                    row.resource_id.as_deref(),
                    row.success,
                    row.error_message.as_deref(),
                    &row.extra_metadata,
                    row.address.as_deref(),
                    row.request_id.as_deref(),
                    row.count,
                    row.created_at,
                    row.last_at,
                ])
                .execute(c)?;
            }
        }
        Conn::Postgres(c) => {
            SetQuery::new(
                "INSERT INTO audit_log AS a SELECT * FROM json_populate_recordset(NULL::audit_log, ",
                &rows,
                "::json) ON CONFLICT (id) DO UPDATE SET count = a.count + excluded.count, \
                 last_action = excluded.last_action, last_at = greatest(a.last_at, excluded.last_at)",
            )?
            .execute(c)?;
        }
    }
    Ok(())
}

/// Entries, newest first; at most `limit`.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn list(conn: &mut Conn, filter: &Filter, limit: i64) -> Result<Vec<AuditEntry>, StoreError> {
    let rows: Vec<AuditRow> = per_backend!(conn, |c| {
        let mut query = dsl::audit_log.into_boxed();
        if let Some(client) = &filter.client {
            query = query.filter(dsl::client_id.eq(client.to_string()));
        }
        if let Some(key) = &filter.key {
            query = query.filter(dsl::key_id.eq(key.to_string()));
        }
        if let Some(event) = filter.event {
            query = query.filter(dsl::event_type.eq(event.as_str()));
        }
        if let Some(from) = filter.from {
            query = query.filter(dsl::id.ge(from.to_string()));
        }
        if let Some(before) = filter.before {
            query = query.filter(dsl::id.lt(before.to_string()));
        }
        query
            .order(dsl::id.desc())
            .limit(limit)
            .select(AuditRow::as_select())
            .load(c)?
    });
    rows.into_iter().map(AuditRow::into_entry).collect()
}

/// Removes at most `limit` entries that are older than `before`, oldest first; how many.
///
/// # Errors
/// When the database fails.
pub fn delete_before(conn: &mut Conn, before: Timestamp, limit: i64) -> Result<usize, StoreError> {
    let old = dsl::audit_log
        .filter(dsl::id.lt(AuditId::first_at(before).to_string()))
        .order(dsl::id)
        .limit(limit)
        .select(dsl::id);
    let ids: Vec<String> = match conn {
        Conn::Sqlite(c) => old.load(c)?,
        Conn::Postgres(c) => old.for_update().skip_locked().load(c)?,
    };
    match conn {
        Conn::Sqlite(c) => {
            for id in &ids {
                diesel::delete(dsl::audit_log.find(id)).execute(c)?;
            }
        }
        Conn::Postgres(c) if !ids.is_empty() => {
            diesel::delete(dsl::audit_log.filter(dsl::id.eq_any(&ids))).execute(c)?;
        }
        Conn::Postgres(_) => {}
    }
    Ok(ids.len())
}
