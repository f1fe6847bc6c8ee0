//! What happened, for those who follow it: what one transaction told is one row, written in that transaction.
//!
//! A follower remembers how far it has read, so what it reads must have an order that is final: nothing may be put
//! before what somebody has read. On PostgreSQL, ids do not have that order: a transaction takes its id before it ends,
//! and one with a higher id may end before it. So rows get a second number, their position, once their transaction has
//! ended ([`number`]): whoever looks first gives positions to all rows that can be seen and have none, in the order of
//! their ids, behind the lock of the one row that holds the last position. Two transactions that tell of the same
//! subject hold its lock one after the other, and take their ids while they hold it: so the second is seen only with or
//! after the first, and has the higher id. On SQLite there is one writer, and rows have their position at once.

use ains_core::{Event, Timestamp};
use diesel::prelude::*;
use diesel::sql_types;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::codec::{read, read_opt};
use crate::connection::Conn;
use crate::error::StoreError;
use crate::schema::event_feed::dsl as feed;
use crate::schema::events::{self, dsl};
use crate::set::SetQuery;
use crate::statement::{Statement, statement, values};

const T: &str = "events";

/// Most events of one row: what one transaction told may be several.
const CHUNK: usize = 1000;

/// The id of the only row that holds the last position.
const ONLY: i32 = 1;

/// What one transaction told, or a part of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Where it stands: 1 or more, each one more than the one before.
    pub position: i64,
    /// In the order in which it happened.
    pub events: Vec<Event>,
}

/// An event as it is stored.
#[derive(Deserialize)]
struct Row<'a>(
    #[serde(borrow)] std::borrow::Cow<'a, str>,
    #[serde(borrow)] std::borrow::Cow<'a, str>,
    #[serde(borrow)] Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)] Option<std::borrow::Cow<'a, str>>,
    i64,
    #[serde(borrow)] &'a RawValue,
);

statement!(
    NextPosition =
        "UPDATE event_feed SET last_position = last_position + 1 WHERE id = 1 RETURNING last_position"
);

statement!(InsertEvents = "INSERT INTO events (id, position, recorded_at, told) VALUES (?, ?, ?, ?)");

#[derive(Debug, QueryableByName)]
struct PositionRow {
    #[diesel(sql_type = sql_types::BigInt)]
    last_position: i64,
}

/// Stores what a transaction told. The positions of the rows on SQLite, with how many events each holds; nothing on
/// PostgreSQL, where they are given later.
///
/// # Errors
/// When the database fails.
pub fn insert(conn: &mut Conn, told: &[Event], now: Timestamp) -> Result<Vec<(i64, usize)>, StoreError> {
    let mut positions = Vec::new();
    for chunk in told.chunks(CHUNK) {
        let text = encode(chunk)?;
        match conn {
            Conn::Sqlite(c) => {
                let next: PositionRow = Statement::<NextPosition>::new([]).get_result(c)?;
                let position = next.last_position;
                let values = values![position, position, now.as_micros(), &text];
                Statement::<InsertEvents>::new(values).execute(c)?;
                positions.push((position, chunk.len()));
            }
            Conn::Postgres(c) => {
                diesel::insert_into(events::table)
                    .values((dsl::recorded_at.eq(now.as_micros()), dsl::told.eq(text)))
                    .execute(c)?;
            }
        }
    }
    Ok(positions)
}

/// Gives positions to at most `limit` rows that have none; how many. To be called in a transaction; only on
/// PostgreSQL there is something to do. While another server does it, it is waited for.
///
/// # Errors
/// When the database fails.
pub fn number(conn: &mut Conn, limit: u32) -> Result<usize, StoreError> {
    let Conn::Postgres(c) = conn else { return Ok(0) };
    let last: i64 = feed::event_feed
        .find(ONLY)
        .select(feed::last_position)
        .for_update()
        .first(c)?;
    // A statement of its own, after the lock: it sees all that the one who held it before has done.
    let numbered = SetQuery::new(
        "WITH given AS MATERIALIZED (SELECT * FROM json_to_record(",
        &Given { last, most: limit },
        "::json) AS given (last bigint, most bigint)), \
         fresh AS MATERIALIZED (SELECT e.id, row_number() OVER (ORDER BY e.id) AS place FROM \
         (SELECT id FROM events WHERE position IS NULL ORDER BY id LIMIT (SELECT most FROM given)) e) \
         UPDATE events SET position = (SELECT last FROM given) + fresh.place FROM fresh WHERE events.id = fresh.id",
    )?
    .execute(c)?;
    if numbered == 0 {
        return Ok(0);
    }
    let last = last + i64::try_from(numbered).unwrap_or(0);
    diesel::update(feed::event_feed.find(ONLY))
        .set(feed::last_position.eq(last))
        .execute(c)?;
    Ok(numbered)
}

#[derive(Serialize)]
struct Given {
    last: i64,
    most: u32,
}

/// The last position that was given out; 0 before the first.
///
/// # Errors
/// When the database fails.
pub fn last_position(conn: &mut Conn) -> Result<i64, StoreError> {
    Ok(per_backend!(conn, |c| feed::event_feed
        .find(ONLY)
        .select(feed::last_position)
        .first(c)?))
}

/// The lowest position that is still there.
///
/// # Errors
/// When the database fails.
pub fn first_position(conn: &mut Conn) -> Result<Option<i64>, StoreError> {
    Ok(per_backend!(conn, |c| dsl::events
        .filter(dsl::position.is_not_null())
        .order(dsl::position)
        .select(dsl::position)
        .first::<Option<i64>>(c)
        .optional()?
        .flatten()))
}

/// What was told from `position` on, at most `limit` rows in their order. A row that cannot be read is empty.
///
/// # Errors
/// When the database fails.
pub fn from(conn: &mut Conn, position: i64, limit: i64) -> Result<Vec<Told>, StoreError> {
    let rows: Vec<(Option<i64>, String)> = per_backend!(conn, |c| dsl::events
        .filter(dsl::position.is_not_null())
        .filter(dsl::position.ge(position))
        .order(dsl::position)
        .limit(limit)
        .select((dsl::position, dsl::told))
        .load(c)?);
    let told = rows.into_iter().filter_map(|(position, text)| {
        let events = decode(&text).unwrap_or_else(|error| {
            tracing::warn!(
                ?position,
                error = &error as &dyn std::error::Error,
                "events cannot be read"
            );
            Vec::new()
        });
        Some(Told {
            position: position?,
            events,
        })
    });
    Ok(told.collect())
}

/// Removes at most `limit` rows, of the oldest, that were stored before `oldest`; how many.
///
/// # Errors
/// When the database fails.
pub fn remove_before(conn: &mut Conn, oldest: Timestamp, limit: i64) -> Result<usize, StoreError> {
    Ok(per_backend!(conn, |c| {
        let first: Vec<(i64, i64)> = dsl::events
            .order(dsl::id)
            .limit(limit)
            .select((dsl::id, dsl::recorded_at))
            .load(c)?;
        let old = first
            .iter()
            .take_while(|(_, recorded_at)| *recorded_at < oldest.as_micros());
        match old.last() {
            Some((last, _)) => diesel::delete(dsl::events.filter(dsl::id.le(last))).execute(c)?,
            None => 0,
        }
    }))
}

/// The text of a row: a list of [`Row`]s. What an event says is JSON already, and is not read again for that.
fn encode(told: &[Event]) -> Result<String, StoreError> {
    let mut text = String::with_capacity(told.iter().map(|event| event.data.len() + 128).sum());
    for event in told {
        text.push(if text.is_empty() { '[' } else { ',' });
        let head = (
            event.kind.as_str(),
            &event.subject,
            event.client.as_ref().map(AsRef::<str>::as_ref),
            event.agent.as_ref().map(AsRef::<str>::as_ref),
            event.at.as_micros(),
        );
        let head = serde_json::to_string(&head).map_err(corrupt)?;
        text.push_str(head.trim_end_matches(']'));
        text.push(',');
        text.push_str(&event.data);
        text.push(']');
    }
    text.push(']');
    Ok(text)
}

/// The events of a row, but for those that cannot be read: another version of the server may tell of more.
fn decode(text: &str) -> Result<Vec<Event>, StoreError> {
    let rows: Vec<Row<'_>> = serde_json::from_str(text).map_err(corrupt)?;
    let event = |Row(kind, subject, client, agent, at, data): Row<'_>| {
        Ok(Event {
            kind: read(T, &kind)?,
            subject: subject.into_owned(),
            client: read_opt(T, client.as_deref())?,
            agent: read_opt(T, agent.as_deref())?,
            at: Timestamp::from_micros(at),
            data: data.get().into(),
        })
    };
    let events = rows.into_iter().map(event);
    Ok(events
        .filter_map(|event: Result<Event, StoreError>| event.ok())
        .collect())
}

#[expect(clippy::needless_pass_by_value, reason = "given to map_err")]
fn corrupt(error: serde_json::Error) -> StoreError {
    StoreError::Corrupt {
        table: T,
        reason: error.to_string(),
    }
}
