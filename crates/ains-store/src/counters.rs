//! Statistics: rows keyed (writer, name, minute), to which each writer adds its own deltas once
//! a batch; readers sum them. No row is shared between writers, so none serialises them.

use std::collections::BTreeMap;

use diesel::prelude::*;
use serde::Serialize;

use crate::connection::Conn;
use crate::error::StoreError;
use crate::schema::counters::dsl;
use crate::set::SetQuery;
use crate::statement::{Statement, statement, values};

/// Deltas by (name, minute); minute 0 is a running total, others are minutes since 1970.
pub type Deltas = BTreeMap<(&'static str, i64), i64>;

#[derive(Debug, Serialize)]
struct CounterRow<'a> {
    writer: &'a str,
    name: &'a str,
    minute: i64,
    value: i64,
}

statement!(
    AddToCounter = "INSERT INTO counters (writer, name, minute, value) VALUES (?, ?, ?, ?) \
        ON CONFLICT (writer, name, minute) DO UPDATE SET value = value + excluded.value"
);

/// Adds `deltas` to the counters of `writer`.
///
/// # Errors
/// When the database fails.
pub fn add(conn: &mut Conn, writer: &str, deltas: &Deltas) -> Result<(), StoreError> {
    let rows: Vec<CounterRow<'_>> = deltas
        .iter()
        .filter(|(_, delta)| **delta != 0)
        .map(|((name, minute), delta)| CounterRow {
            writer,
            name,
            minute: *minute,
            value: *delta,
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    match conn {
        Conn::Sqlite(c) => {
            for row in &rows {
                Statement::<AddToCounter>::new(values![row.writer, row.name, row.minute, row.value])
                    .execute(c)?;
            }
        }
        Conn::Postgres(c) => {
            SetQuery::new(
                "INSERT INTO counters AS c SELECT * FROM json_populate_recordset(NULL::counters, ",
                &rows,
                "::json) ON CONFLICT (writer, name, minute) DO UPDATE SET value = c.value + excluded.value",
            )?
            .execute(c)?;
        }
    }
    Ok(())
}

/// Every running total, summed over writers.
///
/// # Errors
/// When the database fails.
pub fn totals(conn: &mut Conn) -> Result<BTreeMap<String, i64>, StoreError> {
    since(conn, 0, 0)
}

/// The sums of the minutes `from..=to`.
///
/// # Errors
/// When the database fails.
pub fn since(conn: &mut Conn, from: i64, to: i64) -> Result<BTreeMap<String, i64>, StoreError> {
    // Summed here, not in SQL: PostgreSQL gives the sum of BIGINTs as NUMERIC.
    let rows: Vec<(String, i64)> = per_backend!(conn, |c| dsl::counters
        .filter(dsl::minute.between(from, to))
        .select((dsl::name, dsl::value))
        .load(c)?);
    let mut sums = BTreeMap::new();
    for (name, value) in rows {
        *sums.entry(name).or_default() += value;
    }
    Ok(sums)
}

/// Forgets the minutes before `minute`.
///
/// # Errors
/// When the database fails.
pub fn forget_before(conn: &mut Conn, minute: i64) -> Result<(), StoreError> {
    per_backend!(conn, |c| {
        diesel::delete(
            dsl::counters
                .filter(dsl::minute.gt(0))
                .filter(dsl::minute.lt(minute)),
        )
        .execute(c)?
    });
    Ok(())
}
