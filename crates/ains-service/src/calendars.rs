//! Calendars: creating, reading, changing, removing.

use std::sync::Arc;
use std::time::Duration;

use ains_core::calendar::Calendar;
use ains_core::{CalendarId, ClientId};
use ains_store::calendars::{self, StoredCalendar};
use ains_store::{Backend, Conn, StoreError, schedules};

use crate::ains::Ains;
use crate::audit::{self, Note};
use crate::entropy::mint;
use crate::error::Error;
use crate::model::{Actor, CalendarChange, CalendarFilter, CalendarView, NewCalendar};

/// How often a change is tried while other transactions are in its way.
const ATTEMPTS: u32 = 5;

/// When a change has been committed in any case.
const SOON: Duration = Duration::from_secs(2);

impl Ains {
    /// Creates a calendar.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn create_calendar(&self, new: NewCalendar) -> Result<CalendarView, Error> {
        let now = self.now();
        let stored = StoredCalendar {
            calendar: Calendar {
                id: mint!(self.entropy(), CalendarId, now),
                client_id: new.client,
                name: new.name,
                description: new.description,
                dates: new.dates,
                created_at: now,
                updated_at: now,
            },
            revision: 0,
        };
        let kept = stored.clone();
        self.write(move |tx| calendars::insert(tx.conn, &kept).map(Ok))
            .await?;
        Ok(view(stored))
    }

    /// A calendar.
    ///
    /// # Errors
    /// When there is no such calendar, or the store fails.
    pub async fn calendar(&self, id: CalendarId) -> Result<CalendarView, Error> {
        let found = self.read(move |conn| Ok(calendars::find(conn, &[id])?.remove(&id)));
        found.await?.map(view).ok_or_else(|| no_calendar(id))
    }

    /// Calendars that `filter` lets through, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn calendars(&self, filter: CalendarFilter) -> Result<Vec<CalendarView>, Error> {
        let found = self
            .read(move |conn| calendars::list(conn, filter.client.as_ref(), filter.before, filter.limit))
            .await?;
        Ok(found.into_iter().map(view).collect())
    }

    /// Changes a calendar; with `owner`, only if it is that client's. The schedules that heed it look at once when
    /// their next slot is, and do not look back.
    ///
    /// # Errors
    /// When there is no such calendar, it was changed meanwhile, it is another's, or the store fails.
    pub async fn change_calendar(
        &self,
        id: CalendarId,
        change: CalendarChange,
        owner: Option<ClientId>,
    ) -> Result<CalendarView, Error> {
        let now = self.now();
        let machine = Arc::clone(&self.inner.machine);
        self.write_alone(move |conn| {
            let Some(mut stored) = calendars::lock(conn, id)? else {
                return Ok(Err(no_calendar(id)));
            };
            if owner
                .as_ref()
                .is_some_and(|owner| *owner != stored.calendar.client_id)
            {
                return Ok(Err(Error::NotOwner));
            }
            if change.revision != stored.revision {
                return Ok(Err(Error::Stale {
                    entity: "Calendar",
                    id: id.to_string(),
                }));
            }
            let moves = stored.calendar.dates != change.dates;
            stored.revision += 1;
            stored.calendar.name = change.name.clone();
            stored.calendar.description.clone_from(&change.description);
            stored.calendar.dates = change.dates.clone();
            stored.calendar.updated_at = now.max(stored.calendar.updated_at);
            calendars::save(conn, &stored)?;
            if moves {
                schedules::look_again(conn, id, now)?;
                // The timer looks then, should nobody be left to wait for the commit.
                machine.note_instant(&mut machine.engine.lock(), Some(now + SOON));
            }
            Ok(Ok(view(stored)))
        })
        .await
        .inspect(|_| {
            let machine = &self.inner.machine;
            machine.note_instant(&mut machine.engine.lock(), Some(now));
        })
    }

    /// Removes a calendar that no schedule heeds; with `owner`, only if it is that client's.
    ///
    /// # Errors
    /// When there is no such calendar, a schedule heeds it, it is another's, or the store fails.
    pub async fn delete_calendar(
        &self,
        by: &Actor,
        id: CalendarId,
        owner: Option<ClientId>,
    ) -> Result<(), Error> {
        let by = by.clone();
        self.write(move |tx| {
            let Some(stored) = calendars::lock(tx.conn, id)? else {
                return Ok(Err(no_calendar(id)));
            };
            if owner
                .as_ref()
                .is_some_and(|owner| *owner != stored.calendar.client_id)
            {
                return Ok(Err(Error::NotOwner));
            }
            if let Some(schedule) = calendars::heeded_by(tx.conn, id)? {
                return Ok(Err(Error::CalendarInUse(schedule)));
            }
            calendars::remove(tx.conn, id)?;
            audit::note(tx, &by, Note::deleted("calendar", id)).map(Ok)
        })
        .await
    }

    /// Runs `act` in a transaction of its own on PostgreSQL, where it may lock more rows than those of a batch, in
    /// another order; on SQLite on the writer. It may be run again.
    pub(crate) async fn write_alone<T, F>(&self, mut act: F) -> Result<T, Error>
    where
        F: FnMut(&mut Conn) -> Result<Result<T, Error>, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        match self.inner.store.backend() {
            Backend::Sqlite => self.write(move |tx| act(tx.conn)).await,
            Backend::Postgres => {
                self.read(move |conn| {
                    let mut tried = 0;
                    loop {
                        tried += 1;
                        match conn.transact(&mut act) {
                            Err(StoreError::Contended(_)) if tried < ATTEMPTS => {}
                            other => return other,
                        }
                    }
                })
                .await?
            }
        }
    }
}

fn view(stored: StoredCalendar) -> CalendarView {
    CalendarView {
        calendar: stored.calendar,
        revision: stored.revision,
    }
}

fn no_calendar(id: CalendarId) -> Error {
    Error::NotFound {
        entity: "Calendar",
        id: id.to_string(),
    }
}
