//! Answers to requests that carried an idempotency key.

use ains_core::Timestamp;
use diesel::prelude::*;

use crate::connection::Conn;
use crate::error::StoreError;
use crate::schema::idempotency_keys::{self, dsl};

/// A stored answer.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = idempotency_keys)]
pub struct Answered {
    /// Whose key it is.
    pub scope: String,
    /// The key.
    pub idempotency_key: String,
    /// A digest of the request.
    pub fingerprint: String,
    /// The answer, as JSON.
    pub answer: String,
    /// When it was answered, in microseconds.
    pub created_at: i64,
}

/// The answer to an earlier request with this key, unless it is older than `oldest`.
///
/// # Errors
/// When the database fails.
pub fn find(
    conn: &mut Conn,
    scope: &str,
    key: &str,
    oldest: Timestamp,
) -> Result<Option<Answered>, StoreError> {
    Ok(per_backend!(conn, |c| {
        dsl::idempotency_keys
            .find((scope, key))
            .filter(dsl::created_at.ge(oldest.as_micros()))
            .select(Answered::as_select())
            .first(c)
            .optional()?
    }))
}

/// Stores an answer in place of an outdated one. A concurrent request with the same key makes
/// one of the two transactions fail, which is then run again and finds the answer.
///
/// # Errors
/// When the database fails, or another transaction stored an answer meanwhile.
pub fn insert(conn: &mut Conn, answered: &Answered, oldest: Timestamp) -> Result<(), StoreError> {
    per_backend!(conn, |c| {
        diesel::delete(
            dsl::idempotency_keys
                .find((&answered.scope, &answered.idempotency_key))
                .filter(dsl::created_at.lt(oldest.as_micros())),
        )
        .execute(c)?;
        diesel::insert_into(idempotency_keys::table)
            .values(answered)
            .execute(c)?
    });
    Ok(())
}

/// Removes at most `limit` answers older than `oldest`; returns how many.
///
/// # Errors
/// When the database fails.
pub fn remove_before(conn: &mut Conn, oldest: Timestamp, limit: i64) -> Result<usize, StoreError> {
    Ok(per_backend!(conn, |c| {
        let old: Vec<(String, String)> = dsl::idempotency_keys
            .filter(dsl::created_at.lt(oldest.as_micros()))
            .order(dsl::created_at)
            .limit(limit)
            .select((dsl::scope, dsl::idempotency_key))
            .load(c)?;
        for (scope, key) in &old {
            diesel::delete(dsl::idempotency_keys.find((scope, key))).execute(c)?;
        }
        old.len()
    }))
}
