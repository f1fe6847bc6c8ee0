//! API keys, of which only a digest is kept.

use ains_core::{ClientId, KeyId, Timestamp};
use diesel::prelude::*;

use crate::codec::{read, read_opt};
use crate::connection::Conn;
use crate::error::StoreError;
use crate::schema::api_keys::{self, dsl};

/// A key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: KeyId,
    /// SHA-256 of the secret, in lower hex.
    pub secret_sha256: String,
    /// For people.
    pub name: String,
    /// The client it is bound to.
    pub client: Option<ClientId>,
    /// Whether it may do everything.
    pub admin: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = api_keys, treat_none_as_default_value = false)]
struct KeyRow {
    key_id: String,
    secret_sha256: String,
    name: String,
    client_id: Option<String>,
    admin: bool,
    created_at: i64,
}

/// Stores a key, unless its secret is known already.
///
/// # Errors
/// When the database fails.
pub fn insert(conn: &mut Conn, key: &ApiKey) -> Result<bool, StoreError> {
    let row = KeyRow {
        key_id: key.id.to_string(),
        secret_sha256: key.secret_sha256.clone(),
        name: key.name.clone(),
        client_id: key.client.as_ref().map(ClientId::to_string),
        admin: key.admin,
        created_at: key.created_at.as_micros(),
    };
    Ok(per_backend!(conn, |c| {
        diesel::insert_into(api_keys::table)
            .values(&row)
            .on_conflict_do_nothing()
            .execute(c)?
    }) == 1)
}

/// The key whose secret has this digest.
///
/// # Errors
/// When the database fails, or the row is corrupt.
pub fn find(conn: &mut Conn, secret_sha256: &str) -> Result<Option<ApiKey>, StoreError> {
    const T: &str = "api_keys";
    let row: Option<KeyRow> = per_backend!(conn, |c| {
        dsl::api_keys
            .filter(dsl::secret_sha256.eq(secret_sha256))
            .select(KeyRow::as_select())
            .first(c)
            .optional()?
    });
    row.map(|row| {
        Ok(ApiKey {
            id: read(T, &row.key_id)?,
            secret_sha256: row.secret_sha256,
            name: row.name,
            client: read_opt(T, row.client_id.as_deref())?,
            admin: row.admin,
            created_at: Timestamp::from_micros(row.created_at),
        })
    })
    .transpose()
}

/// Whether there is any key.
///
/// # Errors
/// When the database fails.
pub fn any(conn: &mut Conn) -> Result<bool, StoreError> {
    let id: Option<String> = per_backend!(conn, |c| dsl::api_keys.select(dsl::key_id).first(c).optional()?);
    Ok(id.is_some())
}
