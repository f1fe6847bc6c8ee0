//! Webhooks: who is told of which events.
//!
//! Every change of one also changes the row of `webhook_changes`, so that servers that keep the webhooks in memory see by
//! one number whether theirs are still true. Lock order: the webhooks, by id, then that row.

use ains_core::webhook::{Pattern, Sealed, Webhook};
use ains_core::{ClientId, Timestamp, WebhookId};
use diesel::prelude::*;

use crate::codec::{json, micros, parse, read, read_opt};
use crate::connection::Conn;
use crate::error::StoreError;
use crate::schema::webhook_changes::dsl as changes;
use crate::schema::webhooks::{self, dsl};

const T: &str = "webhooks";

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = webhooks, treat_none_as_default_value = false)]
struct WebhookRow {
    id: String,
    owner: String,
    clients_only: bool,
    url: String,
    events: String,
    active: bool,
    secret: String,
    previous_secret: Option<String>,
    previous_until: Option<i64>,
    created_at: i64,
    updated_at: i64,
}

impl WebhookRow {
    fn new(hook: &Webhook) -> Result<Self, StoreError> {
        let events: Vec<&str> = hook.events.iter().map(Pattern::as_str).collect();
        let previous = hook.previous.as_ref();
        Ok(Self {
            id: hook.id.to_string(),
            owner: hook.owner.to_string(),
            clients_only: hook.clients_only,
            url: hook.url.to_string(),
            events: json(T, &events)?,
            active: hook.active,
            secret: hook.secret.as_str().to_owned(),
            previous_secret: previous.map(|(secret, _)| secret.as_str().to_owned()),
            previous_until: micros(previous.map(|(_, until)| *until)),
            created_at: hook.created_at.as_micros(),
            updated_at: hook.updated_at.as_micros(),
        })
    }

    fn into_hook(self) -> Result<Webhook, StoreError> {
        let events: Vec<String> = parse(T, &self.events)?;
        let previous: Option<Sealed> = read_opt(T, self.previous_secret.as_deref())?;
        let until = self.previous_until.map(Timestamp::from_micros);
        Ok(Webhook {
            id: read(T, &self.id)?,
            owner: read(T, &self.owner)?,
            clients_only: self.clients_only,
            url: self.url.into(),
            events: events.iter().map(|event| Pattern::stored(event)).collect(),
            active: self.active,
            secret: read(T, &self.secret)?,
            previous: previous.zip(until),
            created_at: Timestamp::from_micros(self.created_at),
            updated_at: Timestamp::from_micros(self.updated_at),
        })
    }
}

/// Keeps other changes of webhooks waiting until the transaction ends; how many webhooks are active.
///
/// # Errors
/// When the database fails.
pub fn lock_changes(conn: &mut Conn) -> Result<i64, StoreError> {
    Ok(per_backend!(conn, |c| {
        diesel::update(changes::webhook_changes.find(1))
            .set(changes::active.eq(changes::active))
            .returning(changes::active)
            .get_result(c)?
    }))
}

fn change(conn: &mut Conn, more_active: i64) -> Result<i64, StoreError> {
    Ok(per_backend!(conn, |c| {
        diesel::update(changes::webhook_changes.find(1))
            .set((
                changes::version.eq(changes::version + 1),
                changes::active.eq(changes::active + more_active),
            ))
            .returning(changes::active)
            .get_result(c)?
    }))
}

/// A number that is another one after every change of a webhook.
///
/// # Errors
/// When the database fails.
pub fn version(conn: &mut Conn) -> Result<i64, StoreError> {
    Ok(per_backend!(conn, |c| {
        changes::webhook_changes
            .find(1)
            .select(changes::version)
            .first(c)?
    }))
}

/// How many webhooks of `owner` are active, counted up to `most`.
///
/// # Errors
/// When the database fails.
pub fn count_active(conn: &mut Conn, owner: &ClientId, most: i64) -> Result<usize, StoreError> {
    let ids: Vec<String> = per_backend!(conn, |c| {
        dsl::webhooks
            .filter(dsl::owner.eq(owner.as_str()))
            .filter(dsl::active)
            .order(dsl::id)
            .limit(most)
            .select(dsl::id)
            .load(c)?
    });
    Ok(ids.len())
}

/// Stores a new webhook that is active.
///
/// # Errors
/// When the database fails.
pub fn insert(conn: &mut Conn, hook: &Webhook) -> Result<(), StoreError> {
    let row = WebhookRow::new(hook)?;
    per_backend!(conn, |c| {
        diesel::insert_into(webhooks::table).values(&row).execute(c)?
    });
    change(conn, i64::from(hook.active)).map(drop)
}

/// Stores what was changed of a webhook; `before` must have been loaded with [`lock`] in this transaction. Its owner,
/// address and events stay as they are.
///
/// # Errors
/// When the database fails.
pub fn save(conn: &mut Conn, before: &Webhook, hook: &Webhook) -> Result<(), StoreError> {
    let row = WebhookRow::new(hook)?;
    per_backend!(conn, |c| {
        diesel::update(dsl::webhooks.find(&row.id))
            .set((
                dsl::active.eq(row.active),
                dsl::secret.eq(&row.secret),
                dsl::previous_secret.eq(&row.previous_secret),
                dsl::previous_until.eq(row.previous_until),
                dsl::updated_at.eq(row.updated_at),
            ))
            .execute(c)?
    });
    change(conn, i64::from(hook.active) - i64::from(before.active)).map(drop)
}

/// Loads a webhook; on PostgreSQL locks it. Whoever holds the lock is the only one to claim, finish, cancel or redeliver
/// its deliveries; new ones are inserted without it.
///
/// # Errors
/// When the database fails, or the row is corrupt.
pub fn lock(conn: &mut Conn, id: WebhookId) -> Result<Option<Webhook>, StoreError> {
    let one = dsl::webhooks.find(id.to_string());
    let row: Option<WebhookRow> = match conn {
        Conn::Sqlite(c) => one.select(WebhookRow::as_select()).first(c).optional()?,
        Conn::Postgres(c) => {
            let locked = one.for_update().select(WebhookRow::as_select());
            locked.first(c).optional()?
        }
    };
    row.map(WebhookRow::into_hook).transpose()
}

/// A webhook.
///
/// # Errors
/// When the database fails, or the row is corrupt.
pub fn find(conn: &mut Conn, id: WebhookId) -> Result<Option<Webhook>, StoreError> {
    let row: Option<WebhookRow> = per_backend!(conn, |c| {
        let one = dsl::webhooks.find(id.to_string());
        one.select(WebhookRow::as_select()).first(c).optional()?
    });
    row.map(WebhookRow::into_hook).transpose()
}

/// Webhooks, newest first: of an owner, only active ones, with ids below `before`; at most `limit`.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn list(
    conn: &mut Conn,
    owner: Option<&ClientId>,
    active_only: bool,
    before: Option<WebhookId>,
    limit: i64,
) -> Result<Vec<Webhook>, StoreError> {
    let rows: Vec<WebhookRow> = per_backend!(conn, |c| {
        let mut query = dsl::webhooks.into_boxed();
        if let Some(owner) = owner {
            query = query.filter(dsl::owner.eq(owner.to_string()));
        }
        if active_only {
            query = query.filter(dsl::active);
        }
        if let Some(before) = before {
            query = query.filter(dsl::id.lt(before.to_string()));
        }
        query
            .order(dsl::id.desc())
            .limit(limit)
            .select(WebhookRow::as_select())
            .load(c)?
    });
    rows.into_iter().map(WebhookRow::into_hook).collect()
}

/// The active webhooks, for a server to keep in memory; at most `limit`. One that cannot be read is left out.
///
/// # Errors
/// When the database fails.
pub fn all_active(conn: &mut Conn, limit: i64) -> Result<Vec<Webhook>, StoreError> {
    let rows: Vec<WebhookRow> = per_backend!(conn, |c| {
        dsl::webhooks
            .filter(dsl::active)
            .order(dsl::id)
            .limit(limit)
            .select(WebhookRow::as_select())
            .load(c)?
    });
    let hooks = rows.into_iter().filter_map(|row| {
        let id = row.id.clone();
        let hook = row.into_hook();
        hook.inspect_err(|error| tracing::error!(webhook = id, %error, "a webhook cannot be read"))
            .ok()
    });
    Ok(hooks.collect())
}

/// What is stored of the secrets of webhooks with ids above `after`, in the order of the ids; at most `limit`. On PostgreSQL
/// they are locked.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn lock_secrets(
    conn: &mut Conn,
    after: Option<WebhookId>,
    limit: i64,
) -> Result<Vec<(WebhookId, Sealed, Option<Sealed>)>, StoreError> {
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    let page = dsl::webhooks
        .filter(dsl::id.gt(after))
        .order(dsl::id)
        .limit(limit)
        .select((dsl::id, dsl::secret, dsl::previous_secret));
    let rows: Vec<(String, String, Option<String>)> = match conn {
        Conn::Sqlite(c) => page.load(c)?,
        Conn::Postgres(c) => page.for_update().load(c)?,
    };
    rows.into_iter()
        .map(|(id, secret, previous)| {
            Ok((
                read(T, &id)?,
                read(T, &secret)?,
                read_opt(T, previous.as_deref())?,
            ))
        })
        .collect()
}

/// Stores the secrets of a webhook, which are the same, sealed otherwise. Nothing else about it has changed.
///
/// # Errors
/// When the database fails.
pub fn save_secrets(
    conn: &mut Conn,
    id: WebhookId,
    secret: &Sealed,
    previous: Option<&Sealed>,
) -> Result<(), StoreError> {
    per_backend!(conn, |c| {
        diesel::update(dsl::webhooks.find(id.to_string()))
            .set((
                dsl::secret.eq(secret.as_str()),
                dsl::previous_secret.eq(previous.map(Sealed::as_str)),
            ))
            .execute(c)?
    });
    Ok(())
}
