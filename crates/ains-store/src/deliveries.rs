//! What webhooks are told: deliveries, in order for each webhook and subject.
//!
//! The earliest delivery of a (webhook, subject) that has not ended is its *head*; the others wait. A delivery is inserted
//! as due at once, without looking at anything; who claims it and finds that it is no head takes its `due_at` away, and
//! the end of its predecessor gives it back. So one that waits is looked at once, and not again before its turn. A claim
//! moves `due_at` to the end of its lease: if the server dies, it is simply due again.
//!
//! All but [`insert`] lock the webhook, so that nobody takes a `due_at` away while another looks for whom to wake. Then
//! the head of each (webhook, subject) always has one.

mod claim;
mod finish;

pub use claim::{Claim, Taken, claim};
pub use finish::{End, Finished, finish};

use ains_core::webhook::DeliveryState;
use ains_core::{DeliveryId, Timestamp, WebhookId};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use serde::Serialize;

use crate::codec::{count, instant, read};
use crate::connection::Conn;
use crate::error::StoreError;
use crate::schema::webhook_deliveries::{self, dsl};
use crate::set::SetQuery;
use crate::statement::{Statement, statement, values};

const T: &str = "webhook_deliveries";

/// Bytes of bodies that one statement stores on PostgreSQL, before the last of them.
const PIECE: usize = 4 << 20;

/// A delivery to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    /// Its id, which the receiver sees in every attempt.
    pub id: DeliveryId,
    /// To whom.
    pub webhook: WebhookId,
    /// The type of the event.
    pub event_type: String,
    /// What the event is about; of one webhook and subject, one delivery goes after the other.
    pub subject: String,
    /// What is sent, as it is sent in every attempt.
    pub body: String,
    /// When it happened, and so when the first attempt is due.
    pub created_at: Timestamp,
}

/// A delivery without what is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// To whom.
    pub webhook: WebhookId,
    /// The type of the event.
    pub event_type: String,
    /// What the event is about.
    pub subject: String,
    /// How it stands.
    pub state: DeliveryState,
    /// Attempts that have begun, since it was inserted or last redelivered.
    pub attempt_count: u32,
    /// While it is pending: when the next attempt is made; none while it waits for an earlier one.
    pub due_at: Option<Timestamp>,
    /// What the last attempt was answered with, if it was.
    pub response_code: Option<i32>,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// When it happened.
    pub created_at: Timestamp,
    /// When it was delivered, given up or cancelled.
    pub ended_at: Option<Timestamp>,
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = webhook_deliveries)]
struct DeliveryRow {
    id: String,
    webhook_id: String,
    event_type: String,
    subject: String,
    state: String,
    attempt_count: i32,
    due_at: Option<i64>,
    response_code: Option<i32>,
    error: Option<String>,
    created_at: i64,
    ended_at: Option<i64>,
}

impl DeliveryRow {
    fn into_stored(self) -> Result<StoredDelivery, StoreError> {
        Ok(StoredDelivery {
            id: read(T, &self.id)?,
            webhook: read(T, &self.webhook_id)?,
            event_type: self.event_type,
            subject: self.subject,
            state: read(T, &self.state)?,
            attempt_count: count(self.attempt_count),
            due_at: instant(self.due_at),
            response_code: self.response_code,
            error: self.error,
            created_at: Timestamp::from_micros(self.created_at),
            ended_at: instant(self.ended_at),
        })
    }
}

statement!(
    InsertDelivery = "INSERT INTO webhook_deliveries (id, webhook_id, event_type, subject, body, state, \
        attempt_count, due_at, created_at) VALUES (?, ?, ?, ?, ?, 'pending', 0, ?, ?)"
);

#[derive(Debug, Serialize)]
struct InsertRow<'a> {
    id: String,
    webhook_id: String,
    event_type: &'a str,
    subject: &'a str,
    body: &'a str,
    created_at: i64,
}

/// Stores deliveries, in the order of their events.
///
/// They are due at once, or when the earlier ones of their webhook and subject have ended; whoever inserts them has
/// locked the subject, or is the only one to tell of it.
///
/// # Errors
/// When the database fails.
pub fn insert(conn: &mut Conn, deliveries: &[NewDelivery]) -> Result<(), StoreError> {
    if deliveries.is_empty() {
        return Ok(());
    }
    match conn {
        Conn::Sqlite(c) => {
            for new in deliveries {
                let (id, webhook) = (new.id.to_string(), new.webhook.to_string());
                let at = new.created_at.as_micros();
                let values = values![&id, &webhook, &new.event_type, &new.subject, &new.body, at, at];
                Statement::<InsertDelivery>::new(values).execute(c)?;
            }
        }
        Conn::Postgres(c) => {
            let mut size = 0;
            // A statement takes a gigabyte at most, and a good deal less is enough.
            let pieces = deliveries.chunk_by(|new, _| {
                size += new.body.len();
                let fits = size < PIECE;
                if !fits {
                    size = 0;
                }
                fits
            });
            for piece in pieces {
                let rows: Vec<InsertRow<'_>> = piece
                    .iter()
                    .map(|new| InsertRow {
                        id: new.id.to_string(),
                        webhook_id: new.webhook.to_string(),
                        event_type: &new.event_type,
                        subject: &new.subject,
                        body: &new.body,
                        created_at: new.created_at.as_micros(),
                    })
                    .collect();
                SetQuery::new(
                "INSERT INTO webhook_deliveries (id, webhook_id, event_type, subject, body, state, \
                 attempt_count, due_at, created_at) SELECT id, webhook_id, event_type, subject, body, 'pending', \
                 0, created_at, created_at FROM json_populate_recordset(NULL::webhook_deliveries, ",
                &rows,
                "::json)",
            )?
            .execute(c)?;
            }
        }
    }
    Ok(())
}

/// The webhooks after `after` that have a delivery that is due or will be, by id, and when the first is; at most `limit`.
/// One index entry is read for each, however many deliveries it has.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn waiting(
    conn: &mut Conn,
    after: Option<WebhookId>,
    limit: i64,
) -> Result<Vec<(WebhookId, Timestamp)>, StoreError> {
    const TEXT: &str = "WITH RECURSIVE r(webhook_id) AS ( \
        SELECT (SELECT min(webhook_id) FROM webhook_deliveries WHERE due_at IS NOT NULL AND webhook_id > $1) \
        UNION ALL \
        SELECT (SELECT min(d.webhook_id) FROM webhook_deliveries d \
            WHERE d.due_at IS NOT NULL AND d.webhook_id > r.webhook_id) \
        FROM r WHERE r.webhook_id IS NOT NULL) \
        SELECT r.webhook_id, (SELECT min(f.due_at) FROM webhook_deliveries f \
            WHERE f.due_at IS NOT NULL AND f.webhook_id = r.webhook_id) AS due_at \
        FROM r WHERE r.webhook_id IS NOT NULL LIMIT $2";
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        webhook_id: String,
        #[diesel(sql_type = BigInt)]
        due_at: i64,
    }
    let after = after.map_or_else(String::new, |after| after.to_string());
    let rows: Vec<Row> = per_backend!(conn, |c| {
        diesel::sql_query(TEXT)
            .bind::<Text, _>(after)
            .bind::<BigInt, _>(limit)
            .load(c)?
    });
    rows.iter()
        .map(|row| Ok((read(T, &row.webhook_id)?, Timestamp::from_micros(row.due_at))))
        .collect()
}

/// A delivery.
///
/// # Errors
/// When the database fails, or the row is corrupt.
pub fn find(conn: &mut Conn, id: DeliveryId) -> Result<Option<StoredDelivery>, StoreError> {
    let row: Option<DeliveryRow> = per_backend!(conn, |c| {
        dsl::webhook_deliveries
            .filter(dsl::id.eq(id.to_string()))
            .select(DeliveryRow::as_select())
            .first(c)
            .optional()?
    });
    row.map(DeliveryRow::into_stored).transpose()
}

/// The deliveries of a webhook, newest first; only those before `before`, at most `limit`. None if `before` is unknown.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn list(
    conn: &mut Conn,
    webhook: WebhookId,
    before: Option<DeliveryId>,
    limit: i64,
) -> Result<Vec<StoredDelivery>, StoreError> {
    let before: i64 = match before {
        None => i64::MAX,
        Some(before) => per_backend!(conn, |c| {
            dsl::webhook_deliveries
                .filter(dsl::id.eq(before.to_string()))
                .select(dsl::number)
                .first(c)
                .optional()?
        })
        .unwrap_or(i64::MIN),
    };
    let rows: Vec<DeliveryRow> = per_backend!(conn, |c| {
        dsl::webhook_deliveries
            .filter(dsl::webhook_id.eq(webhook.to_string()))
            .filter(dsl::number.lt(before))
            .order(dsl::number.desc())
            .limit(limit)
            .select(DeliveryRow::as_select())
            .load(c)?
    });
    rows.into_iter().map(DeliveryRow::into_stored).collect()
}

/// Makes a delivery that has ended due at once, as if it had not been tried yet; whether it had ended. Its webhook must
/// have been loaded with [`lock`](crate::webhooks::lock) in this transaction.
///
/// # Errors
/// When the database fails.
pub fn redeliver(conn: &mut Conn, id: DeliveryId, now: Timestamp) -> Result<bool, StoreError> {
    let changed = per_backend!(conn, |c| {
        diesel::update(
            dsl::webhook_deliveries
                .filter(dsl::id.eq(id.to_string()))
                .filter(dsl::ended_at.is_not_null()),
        )
        .set((
            dsl::state.eq(DeliveryState::Pending.as_str()),
            dsl::attempt_count.eq(0),
            dsl::due_at.eq(now.as_micros()),
            dsl::response_code.eq(None::<i32>),
            dsl::error.eq(None::<String>),
            dsl::ended_at.eq(None::<i64>),
        ))
        .execute(c)?
    });
    Ok(changed == 1)
}

/// Cancels at most `limit` deliveries of a webhook that is called no more; how many.
///
/// It must have been loaded with [`lock`](crate::webhooks::lock) in this transaction. Of a subject the head goes last: it
/// is due, and so leads to the others if the rest is never asked for.
///
/// # Errors
/// When the database fails.
pub fn cancel(conn: &mut Conn, webhook: WebhookId, now: Timestamp, limit: i64) -> Result<usize, StoreError> {
    let numbers: Vec<i64> = per_backend!(conn, |c| {
        dsl::webhook_deliveries
            .filter(dsl::webhook_id.eq(webhook.to_string()))
            .filter(dsl::ended_at.is_null())
            .order((dsl::subject.desc(), dsl::number.desc()))
            .limit(limit)
            .select(dsl::number)
            .load(c)?
    });
    let set = (
        dsl::state.eq(DeliveryState::Cancelled.as_str()),
        dsl::due_at.eq(None::<i64>),
        dsl::ended_at.eq(now.as_micros()),
    );
    match conn {
        Conn::Sqlite(c) => {
            for number in &numbers {
                diesel::update(dsl::webhook_deliveries.find(number))
                    .set(set)
                    .execute(c)?;
            }
        }
        Conn::Postgres(c) if !numbers.is_empty() => {
            diesel::update(dsl::webhook_deliveries.filter(dsl::number.eq_any(&numbers)))
                .set(set)
                .execute(c)?;
        }
        Conn::Postgres(_) => {}
    }
    Ok(numbers.len())
}

/// Removes at most `limit` deliveries that ended before `before`, oldest first; how many.
///
/// # Errors
/// When the database fails.
pub fn delete_before(conn: &mut Conn, before: Timestamp, limit: i64) -> Result<usize, StoreError> {
    let old = dsl::webhook_deliveries
        .filter(dsl::ended_at.lt(before.as_micros()))
        .order(dsl::ended_at)
        .limit(limit)
        .select(dsl::number);
    let numbers: Vec<i64> = match conn {
        Conn::Sqlite(c) => old.load(c)?,
        Conn::Postgres(c) => old.for_update().skip_locked().load(c)?,
    };
    match conn {
        Conn::Sqlite(c) => {
            for number in &numbers {
                diesel::delete(dsl::webhook_deliveries.find(number)).execute(c)?;
            }
        }
        Conn::Postgres(c) if !numbers.is_empty() => {
            diesel::delete(dsl::webhook_deliveries.filter(dsl::number.eq_any(&numbers))).execute(c)?;
        }
        Conn::Postgres(_) => {}
    }
    Ok(numbers.len())
}
