//! Schedules: what they are made of, and how they stand.

use std::collections::BTreeSet;
use std::sync::Arc;

use ains_core::schedule::{Schedule, ScheduleDefinition, Standing};
use ains_core::{CalendarId, ClientId, Name, ScheduleId, Timestamp};
use diesel::prelude::*;
use serde::Serialize;

use crate::codec::{json, micros, parse, read};
use crate::connection::Conn;
use crate::error::StoreError;
use crate::schema::{schedule_calendars, schedule_templates, scheduled_tasks};
use crate::set::SetQuery;
use crate::statement::{Statement, statement, values};

const T: &str = "scheduled_tasks";

/// A schedule as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredSchedule {
    /// Its id.
    pub id: ScheduleId,
    /// Whose it is.
    pub client: ClientId,
    /// Its name for people.
    pub name: Name,
    /// What it is made of.
    pub definition: Arc<ScheduleDefinition>,
    /// How often that, or the name, was changed.
    pub revision: i64,
    /// How it stands.
    pub schedule: Schedule,
    /// Since when a calendar of it has been changed, and its next slot has not been looked for.
    pub look_since: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When somebody last changed it.
    pub updated_at: Timestamp,
}

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = scheduled_tasks, treat_none_as_default_value = false)]
struct ScheduleRow {
    id: String,
    client_id: String,
    name: String,
    definition: String,
    revision: i64,
    standing: String,
    due_at: Option<i64>,
    look_since: Option<i64>,
    state: String,
    created_at: i64,
    updated_at: i64,
}

#[derive(Debug, Serialize)]
struct StateRow {
    id: String,
    standing: &'static str,
    due_at: Option<i64>,
    look_since: Option<i64>,
    state: String,
}

statement!(
    LookAgain = "UPDATE scheduled_tasks SET look_since = ? WHERE look_since IS NULL AND standing <> 'paused' \
        AND id IN (SELECT schedule_id FROM schedule_calendars WHERE calendar_id = ?)"
);

statement!(
    SaveState = "UPDATE scheduled_tasks SET standing = ?, due_at = ?, look_since = ?, state = ? WHERE id = ?"
);

impl ScheduleRow {
    fn new(stored: &StoredSchedule) -> Result<Self, StoreError> {
        Ok(Self {
            id: stored.id.to_string(),
            client_id: stored.client.to_string(),
            name: stored.name.to_string(),
            definition: json(T, &*stored.definition)?,
            revision: stored.revision,
            standing: stored.schedule.standing.as_str().to_owned(),
            due_at: micros(stored.schedule.due_at),
            look_since: micros(stored.look_since),
            state: json(T, &stored.schedule)?,
            created_at: stored.created_at.as_micros(),
            updated_at: stored.updated_at.as_micros(),
        })
    }

    fn into_stored(self) -> Result<StoredSchedule, StoreError> {
        Ok(StoredSchedule {
            id: read(T, &self.id)?,
            client: read(T, &self.client_id)?,
            name: read(T, &self.name)?,
            definition: Arc::new(parse(T, &self.definition)?),
            revision: self.revision,
            schedule: parse(T, &self.state)?,
            look_since: self.look_since.map(Timestamp::from_micros),
            created_at: Timestamp::from_micros(self.created_at),
            updated_at: Timestamp::from_micros(self.updated_at),
        })
    }
}

/// The schedules in `rows` that can be read; the others are passed over, so that one does not stop all.
fn readable(rows: Vec<ScheduleRow>) -> Vec<StoredSchedule> {
    let stored = rows.into_iter().filter_map(|row| {
        let id = row.id.clone();
        let stored = row.into_stored();
        stored
            .inspect_err(|error| tracing::error!(schedule = id, %error, "a schedule cannot be read"))
            .ok()
    });
    stored.collect()
}

/// Stores a new schedule, which calendars it heeds, and which templates it refers to.
///
/// # Errors
/// [`StoreError::Conflict`] when a calendar does not exist; when the database fails.
pub fn insert(conn: &mut Conn, stored: &StoredSchedule) -> Result<(), StoreError> {
    let row = ScheduleRow::new(stored)?;
    per_backend!(conn, |c| {
        diesel::insert_into(scheduled_tasks::table)
            .values(&row)
            .execute(c)?
    });
    heed(conn, stored)?;
    refer(conn, stored)
}

/// Stores a schedule with another name, definition or revision; it must have been loaded with [`lock`] in this
/// transaction.
///
/// # Errors
/// As [`insert`].
pub fn change(conn: &mut Conn, stored: &StoredSchedule) -> Result<(), StoreError> {
    use scheduled_tasks::dsl;
    let row = ScheduleRow::new(stored)?;
    per_backend!(conn, |c| {
        diesel::update(dsl::scheduled_tasks.find(&row.id))
            .set((
                dsl::name.eq(&row.name),
                dsl::definition.eq(&row.definition),
                dsl::revision.eq(row.revision),
                dsl::standing.eq(&row.standing),
                dsl::due_at.eq(row.due_at),
                dsl::look_since.eq(row.look_since),
                dsl::state.eq(&row.state),
                dsl::updated_at.eq(row.updated_at),
            ))
            .execute(c)?
    });
    change_references(conn, stored)?;
    let heeded: BTreeSet<String> = per_backend!(conn, |c| {
        schedule_calendars::table
            .filter(schedule_calendars::schedule_id.eq(&row.id))
            .select(schedule_calendars::calendar_id)
            .load::<String>(c)?
    })
    .into_iter()
    .collect();
    let wanted = stored.definition.calendars.iter();
    if wanted
        .map(|used| used.calendar_id.to_string())
        .collect::<BTreeSet<_>>()
        == heeded
    {
        return Ok(());
    }
    per_backend!(conn, |c| {
        diesel::delete(schedule_calendars::table.filter(schedule_calendars::schedule_id.eq(&row.id)))
            .execute(c)?
    });
    heed(conn, stored)
}

fn heed(conn: &mut Conn, stored: &StoredSchedule) -> Result<(), StoreError> {
    use schedule_calendars::dsl;
    for used in &stored.definition.calendars {
        let row = (
            dsl::schedule_id.eq(stored.id.to_string()),
            dsl::calendar_id.eq(used.calendar_id.to_string()),
        );
        per_backend!(conn, |c| {
            diesel::insert_into(dsl::schedule_calendars)
                .values(row)
                .execute(c)?
        });
    }
    Ok(())
}

/// Notes to which templates a changed schedule refers.
fn change_references(conn: &mut Conn, stored: &StoredSchedule) -> Result<(), StoreError> {
    use schedule_templates::dsl;
    let own = || schedule_templates::table.filter(dsl::schedule_id.eq(stored.id.to_string()));
    let known: Vec<String> = per_backend!(conn, |c| own().select(dsl::template_id).load(c)?);
    let wanted = stored.definition.templates();
    if wanted.iter().map(ToString::to_string).collect::<BTreeSet<_>>() == known.into_iter().collect() {
        return Ok(());
    }
    per_backend!(conn, |c| diesel::delete(own()).execute(c)?);
    refer(conn, stored)
}

fn refer(conn: &mut Conn, stored: &StoredSchedule) -> Result<(), StoreError> {
    use schedule_templates::dsl;
    for template in stored.definition.templates() {
        let row = (
            dsl::schedule_id.eq(stored.id.to_string()),
            dsl::template_id.eq(template.to_string()),
        );
        per_backend!(conn, |c| {
            diesel::insert_into(dsl::schedule_templates)
                .values(row)
                .execute(c)?
        });
    }
    Ok(())
}

/// Saves how schedules stand; each must have been loaded with [`lock`] in this transaction.
///
/// # Errors
/// When the database fails.
pub fn save(conn: &mut Conn, schedules: &[&StoredSchedule]) -> Result<(), StoreError> {
    if schedules.is_empty() {
        return Ok(());
    }
    let rows = schedules
        .iter()
        .map(|stored| {
            Ok(StateRow {
                id: stored.id.to_string(),
                standing: stored.schedule.standing.as_str(),
                due_at: micros(stored.schedule.due_at),
                look_since: micros(stored.look_since),
                state: json(T, &stored.schedule)?,
            })
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    match conn {
        Conn::Sqlite(c) => {
            for row in &rows {
                let save = values![row.standing, row.due_at, row.look_since, &row.state, &row.id];
                Statement::<SaveState>::new(save).execute(c)?;
            }
        }
        Conn::Postgres(c) => {
            SetQuery::new(
                "UPDATE scheduled_tasks s SET standing = n.standing, due_at = n.due_at, \
                 look_since = n.look_since, state = n.state \
                 FROM json_populate_recordset(NULL::scheduled_tasks, ",
                &rows,
                "::json) n WHERE s.id = n.id",
            )?
            .execute(c)?;
        }
    }
    Ok(())
}

/// Loads schedules to be changed; on PostgreSQL locks them, in order of id. Those that do not exist, or cannot be read,
/// are left out.
///
/// # Errors
/// When the database fails.
pub fn lock(conn: &mut Conn, ids: &[ScheduleId]) -> Result<Vec<StoredSchedule>, StoreError> {
    use scheduled_tasks::dsl;
    let mut rows: Vec<ScheduleRow> = Vec::new();
    match conn {
        Conn::Sqlite(c) => {
            for id in ids {
                rows.extend(
                    dsl::scheduled_tasks
                        .find(id.to_string())
                        .select(ScheduleRow::as_select())
                        .first(c)
                        .optional()?,
                );
            }
        }
        Conn::Postgres(c) if !ids.is_empty() => {
            rows = dsl::scheduled_tasks
                .filter(dsl::id.eq_any(ids.iter().map(ScheduleId::to_string)))
                .order(dsl::id)
                .for_update()
                .select(ScheduleRow::as_select())
                .load(c)?;
        }
        Conn::Postgres(_) => {}
    }
    Ok(readable(rows))
}

/// Loads at most `limit` schedules whose time has come, the longest due first; on PostgreSQL locks them, and leaves out
/// those that another server has locked.
///
/// One that cannot be read is paused and left out, so that it does not stop all others.
///
/// # Errors
/// When the database fails.
pub fn lock_due(conn: &mut Conn, now: Timestamp, limit: i64) -> Result<Vec<StoredSchedule>, StoreError> {
    use scheduled_tasks::dsl;
    let due = dsl::scheduled_tasks
        .filter(dsl::due_at.le(now.as_micros()))
        .order(dsl::due_at)
        .limit(limit);
    let rows: Vec<ScheduleRow> = match conn {
        Conn::Sqlite(c) => due.select(ScheduleRow::as_select()).load(c)?,
        Conn::Postgres(c) => {
            let locked = due.for_update().skip_locked().select(ScheduleRow::as_select());
            locked.load(c)?
        }
    };
    taken(conn, rows)
}

/// Loads at most `limit` schedules of which a calendar was changed, so that their next slot is to be looked for, the
/// longest waiting first; otherwise as [`lock_due`].
///
/// # Errors
/// When the database fails.
pub fn lock_to_look(conn: &mut Conn, limit: i64) -> Result<Vec<StoredSchedule>, StoreError> {
    use scheduled_tasks::dsl;
    let marked = dsl::scheduled_tasks
        .filter(dsl::look_since.is_not_null())
        .order(dsl::look_since)
        .limit(limit);
    let rows: Vec<ScheduleRow> = match conn {
        Conn::Sqlite(c) => marked.select(ScheduleRow::as_select()).load(c)?,
        Conn::Postgres(c) => {
            let locked = marked.for_update().skip_locked().select(ScheduleRow::as_select());
            locked.load(c)?
        }
    };
    taken(conn, rows)
}

/// The schedules in `rows` that can be read; the others are set aside.
fn taken(conn: &mut Conn, rows: Vec<ScheduleRow>) -> Result<Vec<StoredSchedule>, StoreError> {
    let mut taken = Vec::with_capacity(rows.len());
    for row in rows {
        let id = row.id.clone();
        match row.into_stored() {
            Ok(stored) => taken.push(stored),
            Err(error) => {
                tracing::error!(schedule = id, %error, "a schedule cannot be read: it is paused");
                set_aside(conn, &id)?;
            }
        }
    }
    Ok(taken)
}

/// Pauses a schedule that cannot be read.
fn set_aside(conn: &mut Conn, id: &str) -> Result<(), StoreError> {
    use scheduled_tasks::dsl;
    per_backend!(conn, |c| {
        diesel::update(dsl::scheduled_tasks.find(id))
            .set((
                dsl::standing.eq(Standing::Paused.as_str()),
                dsl::due_at.eq(None::<i64>),
                dsl::look_since.eq(None::<i64>),
            ))
            .execute(c)?
    });
    Ok(())
}

/// When the next schedule is due, or is to be looked at.
///
/// # Errors
/// When the database fails.
pub fn next_due(conn: &mut Conn) -> Result<Option<Timestamp>, StoreError> {
    use scheduled_tasks::dsl;
    let marked: Option<Option<i64>> = per_backend!(conn, |c| {
        dsl::scheduled_tasks
            .filter(dsl::look_since.is_not_null())
            .order(dsl::look_since)
            .select(dsl::look_since)
            .first(c)
            .optional()?
    });
    let due: Option<Option<i64>> = per_backend!(conn, |c| {
        dsl::scheduled_tasks
            .filter(dsl::due_at.is_not_null())
            .order(dsl::due_at)
            .select(dsl::due_at)
            .first(c)
            .optional()?
    });
    let next = [due.flatten(), marked.flatten()].into_iter().flatten().min();
    Ok(next.map(Timestamp::from_micros))
}

/// A schedule.
///
/// # Errors
/// When the database fails, or the row is corrupt.
pub fn find(conn: &mut Conn, id: ScheduleId) -> Result<Option<StoredSchedule>, StoreError> {
    use scheduled_tasks::dsl;
    let row: Option<ScheduleRow> = per_backend!(conn, |c| {
        dsl::scheduled_tasks
            .find(id.to_string())
            .select(ScheduleRow::as_select())
            .first(c)
            .optional()?
    });
    row.map(ScheduleRow::into_stored).transpose()
}

/// Schedules, newest first: of a client, in a standing, with ids below `before`; at most `limit`.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn list(
    conn: &mut Conn,
    client: Option<&ClientId>,
    standing: Option<Standing>,
    before: Option<ScheduleId>,
    limit: i64,
) -> Result<Vec<StoredSchedule>, StoreError> {
    use scheduled_tasks::dsl;
    let rows: Vec<ScheduleRow> = per_backend!(conn, |c| {
        let mut query = dsl::scheduled_tasks.into_boxed();
        if let Some(client) = client {
            query = query.filter(dsl::client_id.eq(client.to_string()));
        }
        if let Some(standing) = standing {
            query = match client {
                None => query.filter(dsl::standing.eq(standing.as_str())),
                // Of one client, rather than in this standing of all clients: the index of standings does not apply.
                Some(_) => query.filter(dsl::standing.concat("").eq(standing.as_str())),
            };
        }
        if let Some(before) = before {
            query = query.filter(dsl::id.lt(before.to_string()));
        }
        query
            .order(dsl::id.desc())
            .limit(limit)
            .select(ScheduleRow::as_select())
            .load(c)?
    });
    Ok(readable(rows))
}

/// Removes a schedule with the records of its slots; whether it was there. What it made stays.
///
/// # Errors
/// When the database fails.
pub fn remove(conn: &mut Conn, id: ScheduleId) -> Result<bool, StoreError> {
    let removed: usize = per_backend!(conn, |c| {
        diesel::delete(scheduled_tasks::table.find(id.to_string())).execute(c)?
    });
    Ok(removed > 0)
}

/// Marks every schedule that heeds a calendar, unless it is paused, as one whose next slot is to be looked for.
///
/// The calendar must have been loaded with [`calendars::lock`](crate::calendars::lock) in this transaction, which so
/// waits for who begins to heed it.
///
/// # Errors
/// When the database fails.
pub fn look_again(conn: &mut Conn, calendar: CalendarId, now: Timestamp) -> Result<(), StoreError> {
    let (calendar, now) = (calendar.to_string(), now.as_micros());
    match conn {
        Conn::Sqlite(c) => {
            Statement::<LookAgain>::new(values![now, &calendar]).execute(c)?;
        }
        Conn::Postgres(c) => {
            use scheduled_tasks::dsl;
            let heeding: Vec<String> = schedule_calendars::table
                .filter(schedule_calendars::calendar_id.eq(&calendar))
                .select(schedule_calendars::schedule_id)
                .load(c)?;
            if heeding.is_empty() {
                return Ok(());
            }
            // All of them, in order of id as everywhere: what another transaction works on, by the calendar as it
            // was, is looked at as that leaves it.
            let locked: Vec<String> = dsl::scheduled_tasks
                .filter(dsl::id.eq_any(heeding))
                .order(dsl::id)
                .for_update()
                .select(dsl::id)
                .load(c)?;
            diesel::update(
                dsl::scheduled_tasks
                    .filter(dsl::id.eq_any(locked))
                    .filter(dsl::look_since.is_null())
                    .filter(dsl::standing.ne(Standing::Paused.as_str())),
            )
            .set(dsl::look_since.eq(now))
            .execute(c)?;
        }
    }
    Ok(())
}
