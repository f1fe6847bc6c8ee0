//! Calendars: named sets of dates.

use std::collections::BTreeMap;

use ains_core::calendar::Calendar;
use ains_core::{CalendarId, ClientId, ScheduleId, Timestamp};
use diesel::prelude::*;

use crate::codec::{json, parse, read};
use crate::connection::Conn;
use crate::error::StoreError;
use crate::schema::calendars::{self, dsl};
use crate::schema::schedule_calendars;

const T: &str = "calendars";

/// A calendar, and how often it was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCalendar {
    /// The calendar.
    pub calendar: Calendar,
    /// How often it was changed.
    pub revision: i64,
}

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = calendars, treat_none_as_default_value = false)]
struct CalendarRow {
    id: String,
    client_id: String,
    name: String,
    description: Option<String>,
    dates: String,
    revision: i64,
    created_at: i64,
    updated_at: i64,
}

impl CalendarRow {
    fn new(stored: &StoredCalendar) -> Result<Self, StoreError> {
        let calendar = &stored.calendar;
        Ok(Self {
            id: calendar.id.to_string(),
            client_id: calendar.client_id.to_string(),
            name: calendar.name.to_string(),
            description: calendar.description.clone(),
            dates: json(T, &calendar.dates)?,
            revision: stored.revision,
            created_at: calendar.created_at.as_micros(),
            updated_at: calendar.updated_at.as_micros(),
        })
    }

    fn into_stored(self) -> Result<StoredCalendar, StoreError> {
        Ok(StoredCalendar {
            calendar: Calendar {
                id: read(T, &self.id)?,
                client_id: read(T, &self.client_id)?,
                name: read(T, &self.name)?,
                description: self.description,
                dates: parse(T, &self.dates)?,
                created_at: Timestamp::from_micros(self.created_at),
                updated_at: Timestamp::from_micros(self.updated_at),
            },
            revision: self.revision,
        })
    }
}

/// Stores a new calendar.
///
/// # Errors
/// When the database fails.
pub fn insert(conn: &mut Conn, stored: &StoredCalendar) -> Result<(), StoreError> {
    let row = CalendarRow::new(stored)?;
    per_backend!(conn, |c| {
        diesel::insert_into(calendars::table).values(&row).execute(c)?
    });
    Ok(())
}

/// Stores a calendar that was changed; it must have been loaded with [`lock`] in this transaction.
///
/// # Errors
/// When the database fails.
pub fn save(conn: &mut Conn, stored: &StoredCalendar) -> Result<(), StoreError> {
    let row = CalendarRow::new(stored)?;
    per_backend!(conn, |c| {
        diesel::update(dsl::calendars.find(&row.id))
            .set((
                dsl::name.eq(&row.name),
                dsl::description.eq(&row.description),
                dsl::dates.eq(&row.dates),
                dsl::revision.eq(row.revision),
                dsl::updated_at.eq(row.updated_at),
            ))
            .execute(c)?
    });
    Ok(())
}

/// Loads a calendar to be changed or removed; on PostgreSQL locks it.
///
/// # Errors
/// When the database fails, or the row is corrupt.
pub fn lock(conn: &mut Conn, id: CalendarId) -> Result<Option<StoredCalendar>, StoreError> {
    let one = dsl::calendars.find(id.to_string());
    let row: Option<CalendarRow> = match conn {
        Conn::Sqlite(c) => one.select(CalendarRow::as_select()).first(c).optional()?,
        Conn::Postgres(c) => {
            let locked = one.for_update().select(CalendarRow::as_select());
            locked.first(c).optional()?
        }
    };
    row.map(CalendarRow::into_stored).transpose()
}

/// Calendars by id; those that do not exist, or cannot be read, are left out.
///
/// # Errors
/// When the database fails.
pub fn find(conn: &mut Conn, ids: &[CalendarId]) -> Result<BTreeMap<CalendarId, StoredCalendar>, StoreError> {
    let ids: Vec<String> = ids.iter().map(CalendarId::to_string).collect();
    let rows: Vec<CalendarRow> = load_in!(conn, dsl::calendars, dsl::id, &ids, CalendarRow::as_select());
    Ok(readable(rows))
}

/// As [`find`], and nobody changes them until the transaction ends: for a schedule that begins to heed them.
///
/// # Errors
/// When the database fails.
pub fn find_kept(
    conn: &mut Conn,
    ids: &[CalendarId],
) -> Result<BTreeMap<CalendarId, StoredCalendar>, StoreError> {
    match conn {
        Conn::Sqlite(_) => find(conn, ids),
        Conn::Postgres(_) if ids.is_empty() => Ok(BTreeMap::new()),
        Conn::Postgres(c) => {
            let rows: Vec<CalendarRow> = dsl::calendars
                .filter(dsl::id.eq_any(ids.iter().map(CalendarId::to_string)))
                .order(dsl::id)
                .for_key_share()
                .select(CalendarRow::as_select())
                .load(c)?;
            Ok(readable(rows))
        }
    }
}

fn readable(rows: Vec<CalendarRow>) -> BTreeMap<CalendarId, StoredCalendar> {
    let stored = rows.into_iter().filter_map(|row| {
        let id = row.id.clone();
        let stored = row.into_stored();
        stored
            .inspect_err(|error| tracing::error!(calendar = id, %error, "a calendar cannot be read"))
            .ok()
    });
    stored.map(|stored| (stored.calendar.id, stored)).collect()
}

/// Calendars, newest first: of a client, with ids below `before`; at most `limit`.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn list(
    conn: &mut Conn,
    client: Option<&ClientId>,
    before: Option<CalendarId>,
    limit: i64,
) -> Result<Vec<StoredCalendar>, StoreError> {
    let rows: Vec<CalendarRow> = per_backend!(conn, |c| {
        let mut query = dsl::calendars.into_boxed();
        if let Some(client) = client {
            query = query.filter(dsl::client_id.eq(client.to_string()));
        }
        if let Some(before) = before {
            query = query.filter(dsl::id.lt(before.to_string()));
        }
        query
            .order(dsl::id.desc())
            .limit(limit)
            .select(CalendarRow::as_select())
            .load(c)?
    });
    rows.into_iter().map(CalendarRow::into_stored).collect()
}

/// A schedule that heeds a calendar, if there is one.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn heeded_by(conn: &mut Conn, id: CalendarId) -> Result<Option<ScheduleId>, StoreError> {
    let schedule: Option<String> = per_backend!(conn, |c| {
        schedule_calendars::table
            .filter(schedule_calendars::calendar_id.eq(id.to_string()))
            .order(schedule_calendars::schedule_id)
            .select(schedule_calendars::schedule_id)
            .first(c)
            .optional()?
    });
    schedule.map(|id| read(T, &id)).transpose()
}

/// Removes a calendar that no schedule heeds; it must have been loaded with [`lock`] in this transaction.
///
/// # Errors
/// [`StoreError::Conflict`] when a schedule heeds it; when the database fails.
pub fn remove(conn: &mut Conn, id: CalendarId) -> Result<(), StoreError> {
    per_backend!(conn, |c| {
        diesel::delete(dsl::calendars.find(id.to_string())).execute(c)?
    });
    Ok(())
}
