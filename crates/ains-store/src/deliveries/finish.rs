//! Writing down what became of attempts, and whose turn it is then.

use std::collections::BTreeSet;

use ains_core::webhook::DeliveryState;
use ains_core::{Timestamp, WebhookId};
use diesel::prelude::*;
use serde::Serialize;

use super::Taken;
use crate::codec::number;
use crate::connection::Conn;
use crate::error::StoreError;
use crate::schema::webhooks::dsl as hooks;
use crate::set::SetQuery;
use crate::statement::{Statement, statement, values};

/// An attempt that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// What was taken. Its body is not looked at.
    pub taken: Taken,
    /// How it ended.
    pub end: End,
    /// When.
    pub at: Timestamp,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It was answered with success.
    Delivered {
        /// The status code.
        code: u16,
    },
    /// It is tried again.
    Again {
        /// When.
        at: Timestamp,
        /// The status code, if there was an answer.
        code: Option<u16>,
        /// Why.
        error: String,
    },
    /// It is given up.
    Dead {
        /// The status code, if there was an answer.
        code: Option<u16>,
        /// Why.
        error: String,
    },
    /// The receiver wants nothing any more.
    Cancelled {
        /// The status code.
        code: u16,
        /// Why.
        error: String,
    },
    /// It was not made: it is due again at once, and does not count.
    GivenBack,
    /// It could not be made, for a reason of this server's: it is due again later, and does not count.
    Held {
        /// When.
        until: Timestamp,
        /// Why.
        error: String,
    },
}

#[derive(Debug, Serialize)]
struct FinishRow<'a> {
    number: i64,
    /// As they were when it was taken: else it was taken again, or has ended otherwise.
    attempt: i32,
    lease: i64,
    state: &'static str,
    attempt_count: i32,
    due_at: Option<i64>,
    response_code: Option<i32>,
    error: Option<&'a str>,
    ended_at: Option<i64>,
}

impl<'a> FinishRow<'a> {
    fn new(finished: &'a Finished) -> Self {
        let taken = &finished.taken;
        let attempt = number(taken.attempt);
        let (state, due_at, code, error) = match &finished.end {
            End::Delivered { code } => (DeliveryState::Delivered, None, Some(*code), None),
            End::Again { at, code, error } => (DeliveryState::Pending, Some(*at), *code, Some(error)),
            End::Dead { code, error } => (DeliveryState::Dead, None, *code, Some(error)),
            End::Cancelled { code, error } => (DeliveryState::Cancelled, None, Some(*code), Some(error)),
            End::GivenBack => (DeliveryState::Pending, Some(finished.at), None, None),
            End::Held { until, error } => (DeliveryState::Pending, Some(*until), None, Some(error)),
        };
        let made = !matches!(finished.end, End::GivenBack | End::Held { .. });
        Self {
            number: taken.number,
            attempt,
            lease: taken.until.as_micros(),
            state: state.as_str(),
            attempt_count: attempt - i32::from(!made),
            due_at: due_at.map(Timestamp::as_micros),
            response_code: code.map(i32::from),
            error: error.map(String::as_str),
            ended_at: (state != DeliveryState::Pending).then(|| finished.at.as_micros()),
        }
    }
}

statement!(
    /// One that was not made keeps what the attempt before it left, if it has nothing to say itself.
    FinishOne = "UPDATE webhook_deliveries SET state = ?, attempt_count = ?, due_at = ?, \
        response_code = CASE WHEN ? THEN response_code ELSE ? END, error = COALESCE(?, CASE WHEN ? THEN error END), \
        ended_at = ? WHERE number = ? AND attempt_count = ? AND due_at = ?"
);

statement!(
    WakeNext = "UPDATE webhook_deliveries SET due_at = ? WHERE number = (SELECT e.number \
        FROM webhook_deliveries e WHERE e.webhook_id = ? AND e.subject = ? AND e.ended_at IS NULL \
        ORDER BY e.number LIMIT 1) AND due_at IS NULL"
);

#[derive(Debug, Serialize)]
struct WakeRow<'a> {
    webhook_id: String,
    subject: &'a str,
    due_at: i64,
}

/// Writes down how attempts ended, and makes the next of each webhook and subject due where one has ended.
///
/// What was taken again meanwhile, because its lease ran out, or has ended otherwise, is left as it is.
///
/// # Errors
/// When the database fails.
pub fn finish(conn: &mut Conn, finished: &[Finished]) -> Result<(), StoreError> {
    if finished.is_empty() {
        return Ok(());
    }
    lock(conn, finished)?;
    let rows: Vec<FinishRow<'_>> = finished.iter().map(FinishRow::new).collect();
    let mut seen = BTreeSet::new();
    let wake: Vec<WakeRow<'_>> = finished
        .iter()
        .zip(&rows)
        .filter(|(finished, row)| {
            let taken = &finished.taken;
            row.ended_at.is_some() && seen.insert((taken.webhook, &*taken.subject))
        })
        .map(|(finished, _)| WakeRow {
            webhook_id: finished.taken.webhook.to_string(),
            subject: &finished.taken.subject,
            due_at: finished.at.as_micros(),
        })
        .collect();
    match conn {
        Conn::Sqlite(c) => {
            for row in &rows {
                let keeps = row.attempt_count < row.attempt;
                let values = values![
                    row.state,
                    row.attempt_count,
                    row.due_at,
                    keeps,
                    row.response_code,
                    row.error,
                    keeps,
                    row.ended_at,
                    row.number,
                    row.attempt,
                    row.lease,
                ];
                Statement::<FinishOne>::new(values).execute(c)?;
            }
            for row in &wake {
                let values = values![row.due_at, &row.webhook_id, row.subject];
                Statement::<WakeNext>::new(values).execute(c)?;
            }
        }
        Conn::Postgres(c) => {
            SetQuery::new(
                "UPDATE webhook_deliveries d SET state = n.state, attempt_count = n.attempt_count, \
                 due_at = n.due_at, ended_at = n.ended_at, response_code = CASE WHEN n.attempt_count < n.attempt \
                 THEN d.response_code ELSE n.response_code END, \
                 error = COALESCE(n.error, CASE WHEN n.attempt_count < n.attempt THEN d.error END) \
                 FROM json_to_recordset(",
                &rows,
                "::json) n(number BIGINT, attempt INTEGER, lease BIGINT, state TEXT, attempt_count INTEGER, \
                 due_at BIGINT, response_code INTEGER, error TEXT, ended_at BIGINT) \
                 WHERE d.number = n.number AND d.attempt_count = n.attempt AND d.due_at = n.lease",
            )?
            .execute(c)?;
            if !wake.is_empty() {
                SetQuery::new(
                    "UPDATE webhook_deliveries d SET due_at = h.due_at FROM (SELECT e.number, n.due_at \
                     FROM json_populate_recordset(NULL::webhook_deliveries, ",
                    &wake,
                    "::json) n CROSS JOIN LATERAL (SELECT e.number FROM webhook_deliveries e \
                     WHERE e.webhook_id = n.webhook_id AND e.subject = n.subject AND e.ended_at IS NULL \
                     ORDER BY e.number LIMIT 1) e) h WHERE d.number = h.number AND d.due_at IS NULL",
                )?
                .execute(c)?;
            }
        }
    }
    Ok(())
}

/// Locks the webhooks on PostgreSQL, by id.
fn lock(conn: &mut Conn, finished: &[Finished]) -> Result<(), StoreError> {
    let Conn::Postgres(c) = conn else { return Ok(()) };
    let ids: BTreeSet<WebhookId> = finished.iter().map(|one| one.taken.webhook).collect();
    let ids: Vec<String> = ids.iter().map(WebhookId::to_string).collect();
    let _: Vec<String> = hooks::webhooks
        .filter(hooks::id.eq_any(&ids))
        .order(hooks::id)
        .for_update()
        .select(hooks::id)
        .load(c)?;
    Ok(())
}
