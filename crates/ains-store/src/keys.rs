//! API keys, of whose secrets only a digest is kept.

use ains_core::{ClientId, Key, KeyId, Scopes, Timestamp};
use diesel::prelude::*;
use serde::Serialize;

use crate::codec::{instant, micros, read, read_opt};
use crate::connection::Conn;
use crate::error::StoreError;
use crate::schema::api_key_secrets::{self, dsl as secrets};
use crate::schema::api_keys::{self, dsl};
use crate::set::SetQuery;
use crate::statement::{Statement, statement, values};

const T: &str = "api_keys";

/// A key, and when it was last used, to the minute or so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// The key.
    pub key: Key,
    /// When it was last used, if ever.
    pub last_used_at: Option<Timestamp>,
}

/// A key that a secret opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedKey {
    /// The key.
    pub key: Key,
    /// Until when the secret is good; `None` for as long as the key is.
    pub good_until: Option<Timestamp>,
}

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = api_keys, treat_none_as_default_value = false)]
struct KeyRow {
    key_id: String,
    name: String,
    description: Option<String>,
    client_id: Option<String>,
    agent_id: Option<String>,
    scopes: String,
    rate_limit_per_minute: Option<i64>,
    rate_limit_per_hour: Option<i64>,
    active: bool,
    created_at: i64,
    updated_at: i64,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
    last_used_at: Option<i64>,
}

impl KeyRow {
    fn new(key: &Key) -> Self {
        Self {
            key_id: key.id.to_string(),
            name: key.name.clone(),
            description: key.description.clone(),
            client_id: key.client.as_ref().map(ToString::to_string),
            agent_id: key.agent.as_ref().map(ToString::to_string),
            scopes: key.scopes.to_string(),
            rate_limit_per_minute: key.per_minute.map(i64::from),
            rate_limit_per_hour: key.per_hour.map(i64::from),
            active: key.active,
            created_at: key.created_at.as_micros(),
            updated_at: key.updated_at.as_micros(),
            expires_at: micros(key.expires_at),
            revoked_at: micros(key.revoked_at),
            last_used_at: None,
        }
    }

    fn into_stored(self) -> Result<StoredKey, StoreError> {
        Ok(StoredKey {
            key: Key {
                id: read(T, &self.key_id)?,
                name: self.name,
                description: self.description,
                client: read_opt(T, self.client_id.as_deref())?,
                agent: read_opt(T, self.agent_id.as_deref())?,
                scopes: scopes(&self.scopes)?,
                per_minute: self.rate_limit_per_minute.map(limit),
                per_hour: self.rate_limit_per_hour.map(limit),
                active: self.active,
                created_at: Timestamp::from_micros(self.created_at),
                updated_at: Timestamp::from_micros(self.updated_at),
                expires_at: instant(self.expires_at),
                revoked_at: instant(self.revoked_at),
            },
            last_used_at: instant(self.last_used_at),
        })
    }
}

fn scopes(names: &str) -> Result<Scopes, StoreError> {
    let names = names.split(',').filter(|name| !name.is_empty());
    Scopes::named(names).map_err(|unknown| StoreError::Corrupt {
        table: T,
        reason: unknown.to_string(),
    })
}

/// A limit is stored as it was given, which fits.
fn limit(requests: i64) -> u32 {
    u32::try_from(requests).unwrap_or(0)
}

/// Stores a key and the digest of its secret (SHA-256 in lower hex), unless the secret is known already.
///
/// # Errors
/// When the database fails.
pub fn insert(conn: &mut Conn, key: &Key, secret_sha256: &str) -> Result<bool, StoreError> {
    if open(conn, secret_sha256)?.is_some() {
        return Ok(false);
    }
    let row = KeyRow::new(key);
    per_backend!(conn, |c| {
        diesel::insert_into(api_keys::table).values(&row).execute(c)?
    });
    add_secret(conn, key.id, secret_sha256)?;
    Ok(true)
}

fn add_secret(conn: &mut Conn, key: KeyId, secret_sha256: &str) -> Result<(), StoreError> {
    per_backend!(conn, |c| {
        diesel::insert_into(api_key_secrets::table)
            .values((
                secrets::secret_sha256.eq(secret_sha256),
                secrets::key_id.eq(key.to_string()),
            ))
            .execute(c)?
    });
    Ok(())
}

/// Gives a key another secret. The one that was good is good until `grace`, the one before that no more.
///
/// # Errors
/// When the database fails.
pub fn rotate(conn: &mut Conn, key: KeyId, secret_sha256: &str, grace: Timestamp) -> Result<(), StoreError> {
    per_backend!(conn, |c| {
        let of_key = || secrets::api_key_secrets.filter(secrets::key_id.eq(key.to_string()));
        diesel::delete(of_key().filter(secrets::good_until.is_not_null())).execute(c)?;
        diesel::update(of_key())
            .set(secrets::good_until.eq(grace.as_micros()))
            .execute(c)?
    });
    add_secret(conn, key, secret_sha256)
}

/// The key that the secret of this digest belongs to, good or not.
///
/// # Errors
/// When the database fails, or the row is corrupt.
pub fn open(conn: &mut Conn, secret_sha256: &str) -> Result<Option<OpenedKey>, StoreError> {
    let found: Option<(KeyRow, Option<i64>)> = per_backend!(conn, |c| {
        secrets::api_key_secrets
            .inner_join(api_keys::table)
            .filter(secrets::secret_sha256.eq(secret_sha256))
            .select((KeyRow::as_select(), secrets::good_until))
            .first(c)
            .optional()?
    });
    let opened = found.map(|(row, good_until)| {
        Ok(OpenedKey {
            key: row.into_stored()?.key,
            good_until: instant(good_until),
        })
    });
    opened.transpose()
}

/// One key.
///
/// # Errors
/// When the database fails, or the row is corrupt.
pub fn find(conn: &mut Conn, id: KeyId) -> Result<Option<StoredKey>, StoreError> {
    let row: Option<KeyRow> = per_backend!(conn, |c| {
        dsl::api_keys
            .find(id.to_string())
            .select(KeyRow::as_select())
            .first(c)
            .optional()?
    });
    row.map(KeyRow::into_stored).transpose()
}

/// Loads a key to be changed; on PostgreSQL locks it.
///
/// # Errors
/// When the database fails, or the row is corrupt.
pub fn lock(conn: &mut Conn, id: KeyId) -> Result<Option<StoredKey>, StoreError> {
    let one = dsl::api_keys.find(id.to_string());
    let row: Option<KeyRow> = match conn {
        Conn::Sqlite(c) => one.select(KeyRow::as_select()).first(c).optional()?,
        Conn::Postgres(c) => {
            let locked = one.for_no_key_update().select(KeyRow::as_select());
            locked.first(c).optional()?
        }
    };
    row.map(KeyRow::into_stored).transpose()
}

/// Stores a key that was changed, but not when it was used; it must have been loaded with [`lock`] in this transaction.
///
/// # Errors
/// When the database fails.
pub fn save(conn: &mut Conn, key: &Key) -> Result<(), StoreError> {
    let row = KeyRow::new(key);
    per_backend!(conn, |c| {
        diesel::update(dsl::api_keys.find(&row.key_id))
            .set((
                dsl::name.eq(&row.name),
                dsl::description.eq(&row.description),
                dsl::scopes.eq(&row.scopes),
                dsl::rate_limit_per_minute.eq(row.rate_limit_per_minute),
                dsl::rate_limit_per_hour.eq(row.rate_limit_per_hour),
                dsl::active.eq(row.active),
                dsl::updated_at.eq(row.updated_at),
                dsl::revoked_at.eq(row.revoked_at),
            ))
            .execute(c)?
    });
    Ok(())
}

/// Keys, newest first: of a client, only active ones or all, with ids below `before`; at most `limit`.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn list(
    conn: &mut Conn,
    client: Option<&ClientId>,
    active_only: bool,
    before: Option<KeyId>,
    limit: i64,
) -> Result<Vec<StoredKey>, StoreError> {
    let rows: Vec<KeyRow> = per_backend!(conn, |c| {
        let mut query = dsl::api_keys.into_boxed();
        if let Some(client) = client {
            query = query.filter(dsl::client_id.eq(client.to_string()));
        }
        if active_only {
            query = query.filter(dsl::active).filter(dsl::revoked_at.is_null());
        }
        if let Some(before) = before {
            query = query.filter(dsl::key_id.lt(before.to_string()));
        }
        query
            .order(dsl::key_id.desc())
            .limit(limit)
            .select(KeyRow::as_select())
            .load(c)?
    });
    rows.into_iter().map(KeyRow::into_stored).collect()
}

statement!(Used = "UPDATE api_keys SET last_used_at = max(coalesce(last_used_at, 0), ?) WHERE key_id = ?");

#[derive(Debug, Serialize)]
struct UsedRow {
    key_id: String,
    last_used_at: i64,
}

/// Notes when keys were last used, unless they have been used since.
///
/// # Errors
/// When the database fails.
pub fn used(conn: &mut Conn, keys: &[(KeyId, Timestamp)]) -> Result<(), StoreError> {
    if keys.is_empty() {
        return Ok(());
    }
    let rows: Vec<UsedRow> = keys
        .iter()
        .map(|(key, at)| UsedRow {
            key_id: key.to_string(),
            last_used_at: at.as_micros(),
        })
        .collect();
    match conn {
        Conn::Sqlite(c) => {
            for row in &rows {
                Statement::<Used>::new(values![row.last_used_at, &row.key_id]).execute(c)?;
            }
        }
        Conn::Postgres(c) => {
            // Locked by id first, so that two servers do not wait for each other.
            let _: Vec<String> = dsl::api_keys
                .filter(dsl::key_id.eq_any(rows.iter().map(|row| &row.key_id)))
                .order(dsl::key_id)
                .for_no_key_update()
                .select(dsl::key_id)
                .load(c)?;
            SetQuery::new(
                "UPDATE api_keys k SET last_used_at = greatest(k.last_used_at, n.last_used_at) \
                 FROM json_populate_recordset(NULL::api_keys, ",
                &rows,
                "::json) n WHERE k.key_id = n.key_id",
            )?
            .execute(c)?;
        }
    }
    Ok(())
}

/// Whether there is any key.
///
/// # Errors
/// When the database fails.
pub fn any(conn: &mut Conn) -> Result<bool, StoreError> {
    let id: Option<String> = per_backend!(conn, |c| dsl::api_keys.select(dsl::key_id).first(c).optional()?);
    Ok(id.is_some())
}
