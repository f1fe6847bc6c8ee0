//! How many requests keys made, by hours of UTC.

use ains_core::{KeyId, Timestamp};
use diesel::prelude::*;
use serde::Serialize;

use crate::connection::Conn;
use crate::error::StoreError;
use crate::schema::key_usage::dsl;
use crate::set::SetQuery;
use crate::statement::{Statement, statement, values};

/// Requests of a key in an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uses {
    /// The key.
    pub key: KeyId,
    /// When the hour began.
    pub hour: Timestamp,
    /// How many more there were.
    pub requests: u64,
}

#[derive(Debug, Serialize)]
struct UseRow {
    key_id: String,
    hour: i64,
    requests: i64,
}

statement!(
    AddUses = "INSERT INTO key_usage AS u (key_id, hour, requests) VALUES (?, ?, ?) \
        ON CONFLICT (key_id, hour) DO UPDATE SET requests = u.requests + excluded.requests"
);

/// Adds to what keys used, each key and hour at most once. Servers that add at once do not wait for each other in a circle
/// if all name them in order.
///
/// # Errors
/// When the database fails.
pub fn add(conn: &mut Conn, uses: &[Uses]) -> Result<(), StoreError> {
    if uses.is_empty() {
        return Ok(());
    }
    let rows = uses.iter().map(|uses| UseRow {
        key_id: uses.key.to_string(),
        hour: uses.hour.as_micros(),
        requests: i64::try_from(uses.requests).unwrap_or(i64::MAX),
    });
    match conn {
        Conn::Sqlite(c) => {
            for row in rows {
                Statement::<AddUses>::new(values![&row.key_id, row.hour, row.requests]).execute(c)?;
            }
        }
        Conn::Postgres(c) => {
            SetQuery::new(
                "INSERT INTO key_usage AS u SELECT * FROM json_populate_recordset(NULL::key_usage, ",
                &rows.collect::<Vec<_>>(),
                "::json) ON CONFLICT (key_id, hour) DO UPDATE SET requests = u.requests + excluded.requests",
            )?
            .execute(c)?;
        }
    }
    Ok(())
}

/// The hours in which `key` made requests, from the one that began at `from`, and how many; by time.
///
/// # Errors
/// When the database fails.
pub fn of(conn: &mut Conn, key: KeyId, from: Timestamp) -> Result<Vec<(Timestamp, u64)>, StoreError> {
    let rows: Vec<(i64, i64)> = per_backend!(conn, |c| dsl::key_usage
        .filter(dsl::key_id.eq(key.to_string()))
        .filter(dsl::hour.ge(from.as_micros()))
        .order(dsl::hour)
        .select((dsl::hour, dsl::requests))
        .load(c)?);
    let read = |(hour, requests): (i64, i64)| {
        let requests = u64::try_from(requests).unwrap_or(0);
        (Timestamp::from_micros(hour), requests)
    };
    Ok(rows.into_iter().map(read).collect())
}

/// Removes at most `limit` hours that began before `oldest`; returns how many.
///
/// # Errors
/// When the database fails.
pub fn remove_before(conn: &mut Conn, oldest: Timestamp, limit: i64) -> Result<usize, StoreError> {
    Ok(per_backend!(conn, |c| {
        let old: Vec<(String, i64)> = dsl::key_usage
            .filter(dsl::hour.lt(oldest.as_micros()))
            .order(dsl::hour)
            .limit(limit)
            .select((dsl::key_id, dsl::hour))
            .load(c)?;
        for (key, hour) in &old {
            diesel::delete(dsl::key_usage.find((key, hour))).execute(c)?;
        }
        old.len()
    }))
}
