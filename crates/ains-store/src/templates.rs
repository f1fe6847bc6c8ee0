//! Templates: what tasks of a kind have in common, how often it was used, and what refers to it.

use std::collections::{BTreeMap, BTreeSet};

use ains_core::{ChainId, ClientId, Name, ScheduleId, Template, TemplateId, Timestamp};
use diesel::prelude::*;
use serde::Serialize;

use crate::codec::{json, parse, read};
use crate::connection::Conn;
use crate::error::StoreError;
use crate::schema::task_templates::{self, dsl};
use crate::schema::{chain_templates, schedule_templates, scheduled_tasks};
use crate::set::SetQuery;
use crate::statement::{Statement, statement, values};

const T: &str = "task_templates";

/// A template, how often it was changed, and how often it was used.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredTemplate {
    /// The template.
    pub template: Template,
    /// How often it was changed.
    pub revision: i64,
    /// How many tasks were made from it.
    pub times_used: i64,
}

/// What lists show of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateSummary {
    /// Its id.
    pub id: TemplateId,
    /// Whose it is.
    pub client: ClientId,
    /// What it is called.
    pub name: Name,
    /// What it is for.
    pub description: Option<String>,
    /// What kind of work its tasks are, unless they say otherwise.
    pub task_type: Name,
    /// How many tasks were made from it.
    pub times_used: i64,
    /// When it was created.
    pub created_at: Timestamp,
}

/// What refers to a template.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct References {
    /// Schedules that have not ended, by id.
    pub schedules: Vec<ScheduleId>,
    /// Chains that have not ended, by id.
    pub chains: Vec<ChainId>,
}

impl References {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.schedules.is_empty() && self.chains.is_empty()
    }
}

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = task_templates, treat_none_as_default_value = false)]
struct TemplateRow {
    id: String,
    client_id: String,
    name: String,
    description: Option<String>,
    task_type: String,
    defaults: String,
    input_schema: Option<String>,
    revision: i64,
    times_used: i64,
    created_at: i64,
    updated_at: i64,
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = task_templates)]
struct SummaryRow {
    id: String,
    client_id: String,
    name: String,
    description: Option<String>,
    task_type: String,
    times_used: i64,
    created_at: i64,
}

#[derive(Debug, Serialize)]
struct UseRow {
    id: String,
    uses: i64,
}

#[derive(Debug, Serialize)]
struct ChainTemplateRow {
    chain_id: String,
    template_id: String,
}

statement!(CountUses = "UPDATE task_templates SET times_used = times_used + ? WHERE id = ?");

statement!(
    ReferFromChain =
        "INSERT INTO chain_templates (chain_id, template_id) VALUES (?, ?) ON CONFLICT DO NOTHING"
);

statement!(ForgetChain = "DELETE FROM chain_templates WHERE chain_id = ?");

impl TemplateRow {
    fn new(stored: &StoredTemplate) -> Result<Self, StoreError> {
        let template = &stored.template;
        Ok(Self {
            id: template.id.to_string(),
            client_id: template.client.to_string(),
            name: template.name.to_string(),
            description: template.description.clone(),
            task_type: template.defaults.task_type.to_string(),
            defaults: json(T, &template.defaults)?,
            input_schema: template.input_schema.as_deref().map(str::to_owned),
            revision: stored.revision,
            times_used: stored.times_used,
            created_at: template.created_at.as_micros(),
            updated_at: template.updated_at.as_micros(),
        })
    }

    fn into_stored(self) -> Result<StoredTemplate, StoreError> {
        Ok(StoredTemplate {
            template: Template {
                id: read(T, &self.id)?,
                client: read(T, &self.client_id)?,
                name: read(T, &self.name)?,
                description: self.description,
                defaults: parse(T, &self.defaults)?,
                input_schema: self.input_schema.map(Into::into),
                created_at: Timestamp::from_micros(self.created_at),
                updated_at: Timestamp::from_micros(self.updated_at),
            },
            revision: self.revision,
            times_used: self.times_used,
        })
    }
}

impl SummaryRow {
    fn into_summary(self) -> Result<TemplateSummary, StoreError> {
        Ok(TemplateSummary {
            id: read(T, &self.id)?,
            client: read(T, &self.client_id)?,
            name: read(T, &self.name)?,
            description: self.description,
            task_type: read(T, &self.task_type)?,
            times_used: self.times_used,
            created_at: Timestamp::from_micros(self.created_at),
        })
    }
}

/// Stores a new template.
///
/// # Errors
/// When the database fails.
pub fn insert(conn: &mut Conn, stored: &StoredTemplate) -> Result<(), StoreError> {
    let row = TemplateRow::new(stored)?;
    per_backend!(conn, |c| {
        diesel::insert_into(task_templates::table)
            .values(&row)
            .execute(c)?
    });
    Ok(())
}

/// Stores a template that was changed, but not how often it was used; it must have been loaded with [`lock`] in this
/// transaction.
///
/// # Errors
/// When the database fails.
pub fn save(conn: &mut Conn, stored: &StoredTemplate) -> Result<(), StoreError> {
    let row = TemplateRow::new(stored)?;
    per_backend!(conn, |c| {
        diesel::update(dsl::task_templates.find(&row.id))
            .set((
                dsl::name.eq(&row.name),
                dsl::description.eq(&row.description),
                dsl::task_type.eq(&row.task_type),
                dsl::defaults.eq(&row.defaults),
                dsl::input_schema.eq(&row.input_schema),
                dsl::revision.eq(row.revision),
                dsl::updated_at.eq(row.updated_at),
            ))
            .execute(c)?
    });
    Ok(())
}

/// Loads a template to be changed; on PostgreSQL locks it, so that nobody else changes or removes it. Others may begin
/// to refer to it meanwhile.
///
/// # Errors
/// When the database fails, or the row is corrupt.
pub fn lock(conn: &mut Conn, id: TemplateId) -> Result<Option<StoredTemplate>, StoreError> {
    let one = dsl::task_templates.find(id.to_string());
    let row: Option<TemplateRow> = match conn {
        Conn::Sqlite(c) => one.select(TemplateRow::as_select()).first(c).optional()?,
        Conn::Postgres(c) => {
            let locked = one.for_no_key_update().select(TemplateRow::as_select());
            locked.first(c).optional()?
        }
    };
    row.map(TemplateRow::into_stored).transpose()
}

/// Whose a template is that is to be removed; on PostgreSQL locks it, so that nobody begins to refer to it.
///
/// # Errors
/// When the database fails, or the row is corrupt.
pub fn lock_to_remove(conn: &mut Conn, id: TemplateId) -> Result<Option<ClientId>, StoreError> {
    let one = dsl::task_templates.find(id.to_string());
    let client: Option<String> = match conn {
        Conn::Sqlite(c) => one.select(dsl::client_id).first(c).optional()?,
        Conn::Postgres(c) => one.for_update().select(dsl::client_id).first(c).optional()?,
    };
    client.map(|client| read(T, &client)).transpose()
}

/// Templates by id; those that do not exist, or cannot be read, are left out.
///
/// # Errors
/// When the database fails.
pub fn find(
    conn: &mut Conn,
    ids: &BTreeSet<TemplateId>,
) -> Result<BTreeMap<TemplateId, StoredTemplate>, StoreError> {
    let ids: Vec<String> = ids.iter().map(TemplateId::to_string).collect();
    let rows: Vec<TemplateRow> = load_in!(conn, dsl::task_templates, dsl::id, &ids, TemplateRow::as_select());
    let stored = rows.into_iter().filter_map(|row| {
        let id = row.id.clone();
        let stored = row.into_stored();
        stored
            .inspect_err(|error| tracing::error!(template = id, %error, "a template cannot be read"))
            .ok()
    });
    Ok(stored.map(|stored| (stored.template.id, stored)).collect())
}

/// Whose templates are; those that do not exist are left out. On PostgreSQL nobody removes them until the transaction
/// ends: for what begins to refer to them.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn keep(
    conn: &mut Conn,
    ids: &BTreeSet<TemplateId>,
) -> Result<BTreeMap<TemplateId, ClientId>, StoreError> {
    let ids: Vec<String> = ids.iter().map(TemplateId::to_string).collect();
    let rows: Vec<(String, String)> = match conn {
        Conn::Sqlite(_) => load_in!(
            conn,
            dsl::task_templates,
            dsl::id,
            &ids,
            (dsl::id, dsl::client_id)
        ),
        Conn::Postgres(_) if ids.is_empty() => Vec::new(),
        Conn::Postgres(c) => dsl::task_templates
            .filter(dsl::id.eq_any(&ids))
            .order(dsl::id)
            .for_key_share()
            .select((dsl::id, dsl::client_id))
            .load(c)?,
    };
    let kept = rows
        .iter()
        .map(|(id, client)| Ok((read(T, id)?, read(T, client)?)));
    kept.collect()
}

/// Templates, newest first: of a client, with ids below `before`; at most `limit`.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn list(
    conn: &mut Conn,
    client: Option<&ClientId>,
    before: Option<TemplateId>,
    limit: i64,
) -> Result<Vec<TemplateSummary>, StoreError> {
    let rows: Vec<SummaryRow> = per_backend!(conn, |c| {
        let mut query = dsl::task_templates.into_boxed();
        if let Some(client) = client {
            query = query.filter(dsl::client_id.eq(client.to_string()));
        }
        if let Some(before) = before {
            query = query.filter(dsl::id.lt(before.to_string()));
        }
        query
            .order(dsl::id.desc())
            .limit(limit)
            .select(SummaryRow::as_select())
            .load(c)?
    });
    rows.into_iter().map(SummaryRow::into_summary).collect()
}

/// What refers to a template: at most `most` schedules and `most` chains. For a removal, which must have locked it with
/// [`lock_to_remove`].
///
/// Schedules are read before chains: a schedule that ends with the chain that it makes is found, or else the chain is.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn references(conn: &mut Conn, id: TemplateId, most: i64) -> Result<References, StoreError> {
    let schedules: Vec<String> = per_backend!(conn, |c| {
        schedule_templates::table
            .inner_join(scheduled_tasks::table)
            .filter(schedule_templates::template_id.eq(id.to_string()))
            .filter(scheduled_tasks::standing.ne("ended"))
            .order(schedule_templates::schedule_id)
            .limit(most)
            .select(schedule_templates::schedule_id)
            .load(c)?
    });
    let chains: Vec<String> = per_backend!(conn, |c| {
        chain_templates::table
            .filter(chain_templates::template_id.eq(id.to_string()))
            .order(chain_templates::chain_id)
            .limit(most)
            .select(chain_templates::chain_id)
            .load(c)?
    });
    let (schedules, chains) = (schedules.iter(), chains.iter());
    Ok(References {
        schedules: schedules.map(|id| read(T, id)).collect::<Result<_, _>>()?,
        chains: chains.map(|id| read(T, id)).collect::<Result<_, _>>()?,
    })
}

/// Removes a template; it must have been locked with [`lock_to_remove`] in this transaction. Whether it existed.
///
/// # Errors
/// When the database fails.
pub fn remove(conn: &mut Conn, id: TemplateId) -> Result<bool, StoreError> {
    let removed = per_backend!(conn, |c| {
        diesel::delete(dsl::task_templates.find(id.to_string())).execute(c)?
    });
    Ok(removed > 0)
}

/// Counts tasks that were made from templates; on PostgreSQL locks these in order of id. Those that are gone are passed
/// over.
///
/// # Errors
/// When the database fails.
pub fn count_uses(conn: &mut Conn, uses: &BTreeMap<TemplateId, i64>) -> Result<(), StoreError> {
    if uses.is_empty() {
        return Ok(());
    }
    let rows: Vec<UseRow> = uses
        .iter()
        .map(|(id, uses)| UseRow {
            id: id.to_string(),
            uses: *uses,
        })
        .collect();
    match conn {
        Conn::Sqlite(c) => {
            for row in &rows {
                Statement::<CountUses>::new(values![row.uses, &row.id]).execute(c)?;
            }
        }
        Conn::Postgres(c) => {
            SetQuery::new(
                "UPDATE task_templates t SET times_used = t.times_used + n.uses FROM ( \
                 SELECT l.id, u.uses FROM json_to_recordset(",
                &rows,
                "::json) u (id text, uses bigint) JOIN task_templates l ON l.id = u.id \
                 ORDER BY l.id FOR NO KEY UPDATE OF l) n WHERE t.id = n.id",
            )?
            .execute(c)?;
        }
    }
    Ok(())
}

/// Notes to which templates unfinished chains refer.
///
/// # Errors
/// [`StoreError::Conflict`] when a chain does not exist; when the database fails.
pub fn refer(conn: &mut Conn, chains: &[(ChainId, BTreeSet<TemplateId>)]) -> Result<(), StoreError> {
    let rows = chains.iter().flat_map(|(chain, templates)| {
        templates.iter().map(move |template| ChainTemplateRow {
            chain_id: chain.to_string(),
            template_id: template.to_string(),
        })
    });
    let rows: Vec<ChainTemplateRow> = rows.collect();
    if rows.is_empty() {
        return Ok(());
    }
    match conn {
        Conn::Sqlite(c) => {
            for row in &rows {
                Statement::<ReferFromChain>::new(values![&row.chain_id, &row.template_id]).execute(c)?;
            }
        }
        Conn::Postgres(c) => {
            SetQuery::new(
                "INSERT INTO chain_templates SELECT * FROM json_populate_recordset(NULL::chain_templates, ",
                &rows,
                "::json) ON CONFLICT DO NOTHING",
            )?
            .execute(c)?;
        }
    }
    Ok(())
}

/// Chains that have ended refer to no template any more.
///
/// # Errors
/// When the database fails.
pub fn forget(conn: &mut Conn, chains: &[ChainId]) -> Result<(), StoreError> {
    if chains.is_empty() {
        return Ok(());
    }
    match conn {
        Conn::Sqlite(c) => {
            for chain in chains {
                Statement::<ForgetChain>::new(values![&chain.to_string()]).execute(c)?;
            }
        }
        Conn::Postgres(c) => {
            let chains = chains.iter().map(ChainId::to_string);
            diesel::delete(chain_templates::table.filter(chain_templates::chain_id.eq_any(chains)))
                .execute(c)?;
        }
    }
    Ok(())
}
