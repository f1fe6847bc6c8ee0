//! Chains: what changes with every step, and apart from it what does not.
//!
//! | file | what |
//! |---|---|
//! | `places` | the tasks of a chain, by their places |
//! | `lists` | what steps go through, and what came out |

mod lists;
mod places;

use ains_core::chain::{Chain, ChainStatus, Definition};
use ains_core::{ChainId, ClientId, Name, ScheduleId, Timestamp};
use diesel::prelude::*;
use serde::Serialize;

pub use self::lists::{StepList, StepLists, keep, lists};
pub use self::places::{PlacedResult, results, unfinished};
use crate::codec::{count, json, micros, number, parse, read, read_opt};
use crate::connection::Conn;
use crate::error::StoreError;
use crate::schema::{chain_definitions, task_chains};
use crate::set::SetQuery;
use crate::statement::{Statement, statement, values};

const T: &str = "task_chains";

/// A chain as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredChain {
    /// Its id.
    pub id: ChainId,
    /// Whose it is.
    pub client: ClientId,
    /// Its name for people.
    pub name: Name,
    /// How it stands.
    pub chain: Chain,
    /// The index of its first step that has not ended.
    pub current_step: u32,
    /// How many steps it has.
    pub total_steps: u32,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Since when an expression must be evaluated before it can go on.
    pub asked_at: Option<Timestamp>,
    /// The schedule that made it.
    pub schedule: Option<ScheduleId>,
}

/// What a list shows of a chain.
#[derive(Debug, Clone, PartialEq)]
pub struct ChainHead {
    /// Its id.
    pub id: ChainId,
    /// Whose it is.
    pub client: ClientId,
    /// Its name for people.
    pub name: Name,
    /// Where it stands.
    pub status: ChainStatus,
    /// The index of its first step that has not ended.
    pub current_step: u32,
    /// How many steps it has.
    pub total_steps: u32,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What does not change of a chain.
#[derive(Debug, Clone, PartialEq)]
pub struct Fixed {
    /// What it is made of.
    pub definition: Definition,
    /// Its input, JSON text.
    pub input: Box<str>,
}

#[derive(Debug, Queryable, Selectable, Insertable, Serialize)]
#[diesel(table_name = task_chains, treat_none_as_default_value = false)]
struct ChainRow {
    id: String,
    client_id: String,
    name: String,
    status: String,
    current_step: i32,
    total_steps: i32,
    state: String,
    created_at: i64,
    updated_at: i64,
    ended_at: Option<i64>,
    asked_at: Option<i64>,
    schedule_id: Option<String>,
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = task_chains)]
struct HeadRow {
    id: String,
    client_id: String,
    name: String,
    status: String,
    current_step: i32,
    total_steps: i32,
    created_at: i64,
    updated_at: i64,
}

#[derive(Debug, Insertable, Serialize)]
#[diesel(table_name = chain_definitions)]
struct DefinitionRow {
    chain_id: String,
    definition: String,
    input: String,
}

statement!(
    InsertChain = "INSERT INTO task_chains (id, client_id, name, status, current_step, total_steps, \
    state, created_at, updated_at, ended_at, asked_at, schedule_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
);

statement!(InsertDefinition = "INSERT INTO chain_definitions (chain_id, definition, input) VALUES (?, ?, ?)");

statement!(
    SaveChain = "UPDATE task_chains SET status = ?, current_step = ?, state = ?, updated_at = ?, \
    ended_at = ?, asked_at = ? WHERE id = ?"
);

impl ChainRow {
    fn new(stored: &StoredChain) -> Result<Self, StoreError> {
        let chain = &stored.chain;
        Ok(Self {
            id: stored.id.to_string(),
            client_id: stored.client.to_string(),
            name: stored.name.to_string(),
            status: chain.status.as_str().to_owned(),
            current_step: number(stored.current_step),
            total_steps: number(stored.total_steps),
            state: json(T, chain)?,
            created_at: stored.created_at.as_micros(),
            updated_at: stored.updated_at.as_micros(),
            ended_at: micros(chain.ended_at),
            asked_at: micros(stored.asked_at),
            schedule_id: stored.schedule.map(|schedule| schedule.to_string()),
        })
    }

    fn into_stored(self) -> Result<StoredChain, StoreError> {
        Ok(StoredChain {
            id: read(T, &self.id)?,
            client: read(T, &self.client_id)?,
            name: read(T, &self.name)?,
            chain: parse(T, &self.state)?,
            current_step: count(self.current_step),
            total_steps: count(self.total_steps),
            created_at: Timestamp::from_micros(self.created_at),
            updated_at: Timestamp::from_micros(self.updated_at),
            asked_at: self.asked_at.map(Timestamp::from_micros),
            schedule: read_opt(T, self.schedule_id.as_deref())?,
        })
    }
}

impl HeadRow {
    fn into_head(self) -> Result<ChainHead, StoreError> {
        Ok(ChainHead {
            id: read(T, &self.id)?,
            client: read(T, &self.client_id)?,
            name: read(T, &self.name)?,
            status: read(T, &self.status)?,
            current_step: count(self.current_step),
            total_steps: count(self.total_steps),
            created_at: Timestamp::from_micros(self.created_at),
            updated_at: Timestamp::from_micros(self.updated_at),
        })
    }
}

/// Stores new chains with what does not change of them.
///
/// # Errors
/// When the database fails.
pub fn insert(conn: &mut Conn, chains: &[(&StoredChain, &Definition, &str)]) -> Result<(), StoreError> {
    if chains.is_empty() {
        return Ok(());
    }
    let mut rows = Vec::with_capacity(chains.len());
    let mut definitions = Vec::with_capacity(chains.len());
    for (stored, definition, input) in chains {
        rows.push(ChainRow::new(stored)?);
        definitions.push(DefinitionRow {
            chain_id: stored.id.to_string(),
            definition: json("chain_definitions", definition)?,
            input: (*input).to_owned(),
        });
    }
    match conn {
        Conn::Sqlite(c) => {
            for row in &rows {
                Statement::<InsertChain>::new(values![
                    &row.id,
                    &row.client_id,
                    &row.name,
                    &row.status,
                    row.current_step,
                    row.total_steps,
                    &row.state,
                    row.created_at,
                    row.updated_at,
                    row.ended_at,
                    row.asked_at,
                    row.schedule_id.as_deref(),
                ])
                .execute(c)?;
            }
            for row in &definitions {
                Statement::<InsertDefinition>::new(values![&row.chain_id, &row.definition, &row.input])
                    .execute(c)?;
            }
        }
        Conn::Postgres(c) => {
            SetQuery::new(
                "INSERT INTO task_chains SELECT * FROM json_populate_recordset(NULL::task_chains, ",
                &rows,
                "::json)",
            )?
            .execute(c)?;
            SetQuery::new(
                "INSERT INTO chain_definitions SELECT * FROM json_populate_recordset(NULL::chain_definitions, ",
                &definitions,
                "::json)",
            )?
            .execute(c)?;
        }
    }
    Ok(())
}

/// Saves changed chains; each must have been loaded with [`lock`] in this transaction.
///
/// # Errors
/// When the database fails.
pub fn save(conn: &mut Conn, chains: &[&StoredChain]) -> Result<(), StoreError> {
    if chains.is_empty() {
        return Ok(());
    }
    let rows = chains
        .iter()
        .map(|stored| ChainRow::new(stored))
        .collect::<Result<Vec<_>, _>>()?;
    match conn {
        Conn::Sqlite(c) => {
            for row in &rows {
                Statement::<SaveChain>::new(values![
                    &row.status,
                    row.current_step,
                    &row.state,
                    row.updated_at,
                    row.ended_at,
                    row.asked_at,
                    &row.id,
                ])
                .execute(c)?;
            }
        }
        Conn::Postgres(c) => {
            SetQuery::new(
                "UPDATE task_chains c SET status = n.status, current_step = n.current_step, \
                 state = n.state, updated_at = n.updated_at, ended_at = n.ended_at, asked_at = n.asked_at \
                 FROM json_populate_recordset(NULL::task_chains, ",
                &rows,
                "::json) n WHERE c.id = n.id",
            )?
            .execute(c)?;
        }
    }
    Ok(())
}

/// Loads chains to be changed; on PostgreSQL locks them, in order of id. Those that do not exist
/// are left out.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn lock(conn: &mut Conn, ids: &[ChainId]) -> Result<Vec<StoredChain>, StoreError> {
    use task_chains::dsl;
    let mut rows: Vec<ChainRow> = Vec::new();
    match conn {
        Conn::Sqlite(c) => {
            for id in ids {
                rows.extend(
                    dsl::task_chains
                        .find(id.to_string())
                        .select(ChainRow::as_select())
                        .first(c)
                        .optional()?,
                );
            }
        }
        Conn::Postgres(c) => {
            rows = dsl::task_chains
                .filter(dsl::id.eq_any(ids.iter().map(ChainId::to_string)))
                .order(dsl::id)
                .for_update()
                .select(ChainRow::as_select())
                .load(c)?;
        }
    }
    rows.into_iter().map(ChainRow::into_stored).collect()
}

/// A chain.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn find(conn: &mut Conn, id: ChainId) -> Result<Option<StoredChain>, StoreError> {
    use task_chains::dsl;
    let row: Option<ChainRow> = per_backend!(conn, |c| {
        dsl::task_chains
            .find(id.to_string())
            .select(ChainRow::as_select())
            .first(c)
            .optional()?
    });
    row.map(ChainRow::into_stored).transpose()
}

/// The schedules that made chains. That never changes, so nothing is locked.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn schedules_of(conn: &mut Conn, ids: &[ChainId]) -> Result<Vec<ScheduleId>, StoreError> {
    use task_chains::dsl;
    let ids: Vec<String> = ids.iter().map(ChainId::to_string).collect();
    let schedules: Vec<Option<String>> = load_in!(
        conn,
        dsl::task_chains.filter(dsl::schedule_id.is_not_null()),
        dsl::id,
        &ids,
        dsl::schedule_id
    );
    schedules.iter().flatten().map(|id| read(T, id)).collect()
}

/// What does not change of a chain.
///
/// # Errors
/// When the database fails, a row is corrupt, or there is no such chain.
pub fn fixed(conn: &mut Conn, id: ChainId) -> Result<Fixed, StoreError> {
    use chain_definitions::dsl;
    let row: Option<(String, String)> = per_backend!(conn, |c| {
        dsl::chain_definitions
            .find(id.to_string())
            .select((dsl::definition, dsl::input))
            .first(c)
            .optional()?
    });
    let (definition, input) = row.ok_or_else(|| StoreError::Corrupt {
        table: "chain_definitions",
        reason: format!("{id} has no definition"),
    })?;
    Ok(Fixed {
        definition: parse("chain_definitions", &definition)?,
        input: input.into(),
    })
}

/// Chains, newest first: of a client, in a state, with ids below `before`; at most `limit`.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn list(
    conn: &mut Conn,
    client: Option<&ClientId>,
    status: Option<ChainStatus>,
    before: Option<ChainId>,
    limit: i64,
) -> Result<Vec<ChainHead>, StoreError> {
    use task_chains::dsl;
    let rows: Vec<HeadRow> = per_backend!(conn, |c| {
        let mut query = dsl::task_chains.into_boxed();
        if let Some(client) = client {
            query = query.filter(dsl::client_id.eq(client.to_string()));
        }
        if let Some(status) = status {
            query = match client {
                None => query.filter(dsl::status.eq(status.as_str())),
                // Of one client, rather than in this state of all clients: the index of states does
                // not apply.
                Some(_) => query.filter(dsl::status.concat("").eq(status.as_str())),
            };
        }
        if let Some(before) = before {
            query = query.filter(dsl::id.lt(before.to_string()));
        }
        query
            .order(dsl::id.desc())
            .limit(limit)
            .select(HeadRow::as_select())
            .load(c)?
    });
    rows.into_iter().map(HeadRow::into_head).collect()
}

/// Chains that wait for expressions to be evaluated since `until` or longer, longest first.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn asked(conn: &mut Conn, until: Timestamp, limit: i64) -> Result<Vec<ChainId>, StoreError> {
    use task_chains::dsl;
    let ids: Vec<String> = per_backend!(conn, |c| {
        dsl::task_chains
            .filter(dsl::asked_at.le(until.as_micros()))
            .order(dsl::asked_at)
            .limit(limit)
            .select(dsl::id)
            .load(c)?
    });
    ids.iter().map(|id| read(T, id)).collect()
}

/// Removes at most `limit` chains that ended before `before`; returns which, and their status.
///
/// Their tasks stay, for [`tasks::remove_ended`](crate::tasks::remove_ended) to remove from then on.
/// On PostgreSQL chains that another transaction has locked, perhaps to retry them, are left out.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn remove_ended(
    conn: &mut Conn,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<(ChainId, ChainStatus)>, StoreError> {
    use task_chains::dsl;
    let old = dsl::task_chains
        .filter(dsl::ended_at.lt(before.as_micros()))
        .order(dsl::ended_at)
        .limit(limit)
        .select((dsl::id, dsl::status));
    let rows: Vec<(String, String)> = match conn {
        Conn::Sqlite(c) => old.load(c)?,
        Conn::Postgres(c) => old.for_update().skip_locked().load(c)?,
    };
    match conn {
        Conn::Sqlite(c) => {
            for (id, _) in &rows {
                diesel::delete(dsl::task_chains.find(id)).execute(c)?;
            }
        }
        Conn::Postgres(c) if !rows.is_empty() => {
            let ids = rows.iter().map(|(id, _)| id);
            diesel::delete(dsl::task_chains.filter(dsl::id.eq_any(ids))).execute(c)?;
        }
        Conn::Postgres(_) => {}
    }
    rows.iter()
        .map(|(id, status)| Ok((read(T, id)?, read(T, status)?)))
        .collect()
}
