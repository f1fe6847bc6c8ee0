//! Taking what is due, for a time.

use std::collections::BTreeSet;

use ains_core::webhook::Webhook;
use ains_core::{DeliveryId, Timestamp, WebhookId};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use serde::Serialize;

use super::T;
use crate::codec::{count, read};
use crate::connection::Conn;
use crate::error::StoreError;
use crate::schema::webhook_deliveries::{self, dsl};
use crate::set::SetQuery;
use crate::statement::{Statement, statement, values};
use crate::webhooks;

/// What was found due of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The webhook, as it is now; none if there is no such webhook.
    pub hook: Option<Webhook>,
    /// What was taken; nothing of a webhook that is not active.
    pub taken: Vec<Taken>,
    /// How many were due and looked at; fewer than the limit if there are no more.
    pub seen: usize,
}

/// A delivery that was taken: nobody else takes it until the lease ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Its number.
    pub number: i64,
    /// Its id.
    pub id: DeliveryId,
    /// To whom.
    pub webhook: WebhookId,
    /// What its event is about.
    pub subject: String,
    /// What is sent.
    pub body: String,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// When the lease ends.
    pub until: Timestamp,
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = webhook_deliveries)]
struct DueRow {
    number: i64,
    id: String,
    subject: String,
    body: String,
    attempt_count: i32,
}

#[derive(Debug, Serialize)]
struct HeadRow<'a> {
    number: i64,
    webhook_id: &'a str,
    subject: &'a str,
}

#[derive(Debug, Serialize)]
struct TakeRow {
    number: i64,
    due_at: Option<i64>,
    attempt_count: i32,
}

#[derive(Debug, QueryableByName)]
struct BlockedRow {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

statement!(Take = "UPDATE webhook_deliveries SET due_at = ?, attempt_count = ? WHERE number = ?");

/// Takes deliveries of a webhook that are due, until `until`; at most `limit` are looked at, longest due first. Those
/// that wait for an earlier one of their subject are set aside until that has ended.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn claim(
    conn: &mut Conn,
    webhook: WebhookId,
    now: Timestamp,
    until: Timestamp,
    limit: i64,
) -> Result<Claim, StoreError> {
    let hook = webhooks::lock(conn, webhook)?;
    let mut claim = Claim {
        hook,
        taken: Vec::new(),
        seen: 0,
    };
    if claim.hook.as_ref().is_none_or(|hook| !hook.active) {
        return Ok(claim);
    }
    let webhook_id = webhook.to_string();
    let due: Vec<DueRow> = per_backend!(conn, |c| {
        dsl::webhook_deliveries
            .filter(dsl::webhook_id.eq(&webhook_id))
            .filter(dsl::due_at.is_not_null())
            .filter(dsl::due_at.le(now.as_micros()))
            .order((dsl::due_at.asc(), dsl::number.asc()))
            .limit(limit)
            .select(DueRow::as_select())
            .load(c)?
    });
    claim.seen = due.len();
    let blocked = blocked(conn, &webhook_id, &due)?;
    let changes: Vec<TakeRow> = due
        .iter()
        .map(|row| {
            let waits = blocked.contains(&row.number);
            TakeRow {
                number: row.number,
                due_at: (!waits).then(|| until.as_micros()),
                attempt_count: row.attempt_count + i32::from(!waits),
            }
        })
        .collect();
    take(conn, &changes)?;
    for row in due {
        if !blocked.contains(&row.number) {
            claim.taken.push(Taken {
                number: row.number,
                id: read(T, &row.id)?,
                webhook,
                subject: row.subject,
                body: row.body,
                attempt: count(row.attempt_count + 1),
                until,
            });
        }
    }
    Ok(claim)
}

/// The numbers of those that an earlier one of their subject has to end before.
fn blocked(conn: &mut Conn, webhook_id: &str, due: &[DueRow]) -> Result<BTreeSet<i64>, StoreError> {
    let mut blocked = BTreeSet::new();
    match conn {
        Conn::Sqlite(c) => {
            for row in due {
                let earlier: Option<i64> = dsl::webhook_deliveries
                    .filter(dsl::webhook_id.eq(webhook_id))
                    .filter(dsl::subject.eq(&row.subject))
                    .filter(dsl::number.lt(row.number))
                    .filter(dsl::ended_at.is_null())
                    .order(dsl::number)
                    .select(dsl::number)
                    .first(c)
                    .optional()?;
                blocked.extend(earlier.map(|_| row.number));
            }
        }
        Conn::Postgres(_) if due.is_empty() => {}
        Conn::Postgres(c) => {
            let rows: Vec<HeadRow<'_>> = due
                .iter()
                .map(|row| HeadRow {
                    number: row.number,
                    webhook_id,
                    subject: &row.subject,
                })
                .collect();
            let found: Vec<BlockedRow> = SetQuery::new(
                "SELECT n.number FROM json_populate_recordset(NULL::webhook_deliveries, ",
                &rows,
                "::json) n CROSS JOIN LATERAL (SELECT 1 FROM webhook_deliveries e \
                 WHERE e.webhook_id = n.webhook_id AND e.subject = n.subject AND e.number < n.number \
                 AND e.ended_at IS NULL ORDER BY e.number LIMIT 1) earlier",
            )?
            .load(c)?;
            blocked.extend(found.iter().map(|row| row.number));
        }
    }
    Ok(blocked)
}

fn take(conn: &mut Conn, changes: &[TakeRow]) -> Result<(), StoreError> {
    match conn {
        Conn::Sqlite(c) => {
            for row in changes {
                Statement::<Take>::new(values![row.due_at, row.attempt_count, row.number]).execute(c)?;
            }
        }
        Conn::Postgres(_) if changes.is_empty() => {}
        Conn::Postgres(c) => {
            SetQuery::new(
                "UPDATE webhook_deliveries d SET due_at = n.due_at, attempt_count = n.attempt_count \
                 FROM json_populate_recordset(NULL::webhook_deliveries, ",
                changes,
                "::json) n WHERE d.number = n.number",
            )?
            .execute(c)?;
        }
    }
    Ok(())
}
