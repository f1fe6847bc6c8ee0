//! Schedules: creating, reading, steering, and what became of their slots.

use std::collections::BTreeMap;
use std::sync::Arc;

use ains_core::calendar::Calendar;
use ains_core::schedule::{Event, Schedule, ScheduleDefinition, Standing, Timeline};
use ains_core::{CalendarId, ClientId, ScheduleId, Timestamp};
use ains_store::calendars::StoredCalendar;
use ains_store::schedules::{self, StoredSchedule};
use ains_store::slots::{self, StoredSlot};
use ains_store::{Conn, StoreError, calendars};

use crate::ains::Ains;
use crate::audit::{self, Note};
use crate::batch::once::{earlier_answer, keep_answer};
use crate::entropy::mint;
use crate::error::Error;
use crate::model::{
    Actor, Answer, NewSchedule, Once, Preview, PreviewEntry, ScheduleFilter, ScheduleSteer, ScheduleView,
    Steered,
};
use crate::op::Op;
use crate::templates;

/// Why a schedule is paused that was not to begin at once, or that somebody paused without saying why.
pub(crate) const PAUSED: &str = "paused by a client";

/// Records that one piece of a removal takes.
const PIECE: i64 = 500;

impl Ains {
    /// Creates a schedule. It has slots from now on.
    ///
    /// # Errors
    /// When it has no slot at all, a calendar or a template does not exist, its input is not as the template wants it, the
    /// idempotency key is not good, or the store fails.
    pub async fn create_schedule(
        &self,
        new: NewSchedule,
        once: Option<Once<ScheduleView>>,
    ) -> Result<Answer<ScheduleView>, Error> {
        let id = mint!(self.entropy(), ScheduleId, self.now());
        let definition = Arc::new(new.definition);
        if let Some(answer) = self.earlier(once.as_ref()).await? {
            return Ok(Answer::Replayed(answer));
        }
        self.check_made(&new.client, &definition).await?;
        let answer = self.write(move |tx| {
            if let Some(once) = &once
                && let Some(earlier) = earlier_answer(tx.conn, once, tx.now)?
            {
                return Ok(earlier.map(Answer::Replayed));
            }
            let calendars = match heeded(tx.conn, &definition, &new.client)? {
                Ok(calendars) => calendars,
                Err(error) => return Ok(Err(error)),
            };
            if let Err(error) = templates::kept(tx.conn, &definition.templates(), &new.client)? {
                return Ok(Err(error));
            }
            let timeline = Timeline::new(&definition, &calendars);
            let mut schedule = match Schedule::new(id, &timeline, tx.now) {
                Ok(schedule) => schedule,
                Err(refusal) => return Ok(Err(refusal.into())),
            };
            if !new.active {
                let pause = Event::Pause {
                    reason: PAUSED.to_owned(),
                };
                if let Err(refusal) = schedule.on(id, &timeline, pause, tx.now) {
                    return Ok(Err(refusal.into()));
                }
            }
            let stored = StoredSchedule {
                id,
                client: new.client.clone(),
                name: new.name.clone(),
                definition: Arc::clone(&definition),
                revision: 0,
                look_since: None,
                schedule,
                created_at: tx.now,
                updated_at: tx.now,
            };
            schedules::insert(tx.conn, &stored)?;
            tx.after.due(stored.schedule.due_at);
            let created = view(stored);
            if let Some(once) = &once {
                keep_answer(tx.conn, once, (once.render)(&created), tx.now)?;
            }
            Ok(Ok(Answer::Fresh(created)))
        });
        answer.await
    }

    /// A schedule.
    ///
    /// # Errors
    /// When there is no such schedule, or the store fails.
    pub async fn schedule(&self, id: ScheduleId) -> Result<ScheduleView, Error> {
        let found = self.read(move |conn| schedules::find(conn, id));
        found.await?.map(view).ok_or_else(|| no_schedule(id))
    }

    /// Schedules that `filter` lets through, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn schedules(&self, filter: ScheduleFilter) -> Result<Vec<ScheduleView>, Error> {
        let standing = filter.active_only.then_some(Standing::Active);
        let found = self
            .read(move |conn| {
                schedules::list(
                    conn,
                    filter.client.as_ref(),
                    standing,
                    filter.before,
                    filter.limit,
                )
            })
            .await?;
        Ok(found.into_iter().map(view).collect())
    }

    /// Does with a schedule what somebody wants of it; with `owner`, only if it is that client's.
    ///
    /// # Errors
    /// When there is no such schedule, how it stands does not allow it, it was changed meanwhile, a calendar or a
    /// template does not exist, its input is not as the template wants it, it is another's, the idempotency key is not good, or the store fails.
    pub async fn steer_schedule(
        &self,
        id: ScheduleId,
        steer: ScheduleSteer,
        owner: Option<ClientId>,
        once: Option<Once<Steered>>,
    ) -> Result<Answer<Steered>, Error> {
        if let ScheduleSteer::Change(change) = &steer
            && !change.definition.templates().is_empty()
        {
            if let Some(answer) = self.earlier(once.as_ref()).await? {
                return Ok(Answer::Replayed(answer));
            }
            let view = self.schedule(id).await?;
            if view.definition.fires != change.definition.fires {
                self.check_made(&view.client, &change.definition).await?;
            }
        }
        self.ask(|reply| Op::SteerSchedule {
            schedule: id,
            owner,
            steer,
            once,
            reply,
        })
        .await
    }

    /// Removes a schedule with the records of its slots; with `owner`, only if it is that client's. What it made goes
    /// on. The records go in pieces, so that nobody waits for them; if the server dies meanwhile, the schedule is left
    /// paused.
    ///
    /// # Errors
    /// When there is no such schedule, it is another's, or the store fails.
    pub async fn delete_schedule(
        &self,
        by: &Actor,
        id: ScheduleId,
        owner: Option<ClientId>,
    ) -> Result<(), Error> {
        let by = by.clone();
        let reason = "it is removed".to_owned();
        let pause = ScheduleSteer::Pause { reason };
        self.steer_schedule(id, pause, owner, None).await?;
        loop {
            let removed = self
                .write(move |tx| slots::remove_of(tx.conn, id, PIECE).map(Ok))
                .await?;
            if removed == 0 {
                break;
            }
        }
        let removed = self
            .write(move |tx| {
                let removed = schedules::remove(tx.conn, id)?;
                if removed {
                    audit::note(tx, &by, Note::deleted("schedule", id))?;
                }
                Ok(Ok(removed))
            })
            .await?;
        if removed { Ok(()) } else { Err(no_schedule(id)) }
    }

    /// What became of the slots of a schedule before `before`, newest first; at most `limit` records.
    ///
    /// # Errors
    /// When there is no such schedule, or the store fails.
    pub async fn slots(
        &self,
        id: ScheduleId,
        before: Option<Timestamp>,
        limit: i64,
    ) -> Result<Vec<StoredSlot>, Error> {
        let found = self.read(move |conn| {
            if schedules::find(conn, id)?.is_none() {
                return Ok(None);
            }
            slots::list(conn, id, before, limit).map(Some)
        });
        found.await?.ok_or_else(|| no_schedule(id))
    }

    /// The next `n` slots of a schedule that does not exist yet, after `from`, and what calendars exclude between them.
    ///
    /// # Errors
    /// When a calendar does not exist or is not the client's, or the store fails.
    pub async fn preview(
        &self,
        client: Option<ClientId>,
        definition: ScheduleDefinition,
        from: Timestamp,
        n: usize,
    ) -> Result<Preview, Error> {
        self.read(move |conn| {
            let calendars = match &client {
                Some(client) => heeded(conn, &definition, client)?,
                None => known(conn, &definition)?,
            };
            Ok(calendars.map(|calendars| look(None, &definition, &calendars, from, n)))
        })
        .await?
    }

    /// The next `n` slots of a schedule after `from`, paused or not, and what calendars exclude between them.
    ///
    /// # Errors
    /// When there is no such schedule, or the store fails.
    pub async fn preview_schedule(
        &self,
        id: ScheduleId,
        from: Timestamp,
        n: usize,
    ) -> Result<Preview, Error> {
        self.read(move |conn| {
            let Some(stored) = schedules::find(conn, id)? else {
                return Ok(Err(no_schedule(id)));
            };
            let definition = &stored.definition;
            Ok(known(conn, definition)?.map(|calendars| look(Some(id), definition, &calendars, from, n)))
        })
        .await?
    }
}

/// The calendars that a schedule heeds, if all of them exist.
fn known(
    conn: &mut Conn,
    definition: &ScheduleDefinition,
) -> Result<Result<BTreeMap<CalendarId, Calendar>, Error>, StoreError> {
    let found = calendars::find(conn, &ids(definition))?;
    Ok(all_of(definition, found))
}

fn ids(definition: &ScheduleDefinition) -> Vec<CalendarId> {
    definition.calendars.iter().map(|used| used.calendar_id).collect()
}

fn all_of(
    definition: &ScheduleDefinition,
    found: BTreeMap<CalendarId, StoredCalendar>,
) -> Result<BTreeMap<CalendarId, Calendar>, Error> {
    if let Some(unknown) = ids(definition).iter().find(|id| !found.contains_key(id)) {
        return Err(Error::UnknownCalendar(*unknown));
    }
    let calendars = found.into_iter().map(|(id, stored)| (id, stored.calendar));
    Ok(calendars.collect())
}

/// The calendars that a schedule of `client` begins to heed, if all of them exist and are that client's; nobody changes
/// them until the transaction ends.
pub(crate) fn heeded(
    conn: &mut Conn,
    definition: &ScheduleDefinition,
    client: &ClientId,
) -> Result<Result<BTreeMap<CalendarId, Calendar>, Error>, StoreError> {
    let found = calendars::find_kept(conn, &ids(definition))?;
    Ok(all_of(definition, found).and_then(|calendars| {
        match calendars.values().find(|calendar| calendar.client_id != *client) {
            Some(other) => Err(Error::UnknownCalendar(other.id)),
            None => Ok(calendars),
        }
    }))
}

/// The slots after `from`, and what is excluded between them.
fn look(
    id: Option<ScheduleId>,
    definition: &ScheduleDefinition,
    calendars: &BTreeMap<CalendarId, Calendar>,
    from: Timestamp,
    n: usize,
) -> Preview {
    let timeline = Timeline::new(definition, calendars);
    let local = |at: Timestamp| timeline.local(at).to_rfc3339();
    let mut entries = Vec::new();
    let mut last = from;
    for slot in timeline.after(from).take(n) {
        for excluded in timeline.excluded(last, slot.at) {
            let range = excluded.range;
            entries.push(PreviewEntry {
                slot_at: range.first,
                local: local(range.first),
                fires_at: None,
                until: (range.count > 1).then_some(range.last),
                count: range.count,
                note: None,
                excluded: Some(excluded.reason),
            });
        }
        entries.push(PreviewEntry {
            slot_at: slot.at,
            local: local(slot.at),
            fires_at: id.map(|id| timeline.due(id, slot.at)),
            until: None,
            count: 1,
            note: slot.note,
            excluded: None,
        });
        last = slot.at;
    }
    Preview {
        description: definition.describe(),
        entries,
    }
}

pub(crate) fn view(stored: StoredSchedule) -> ScheduleView {
    ScheduleView {
        id: stored.id,
        client: stored.client,
        name: stored.name,
        definition: stored.definition,
        revision: stored.revision,
        schedule: stored.schedule,
        created_at: stored.created_at,
        updated_at: stored.updated_at,
    }
}

pub(crate) fn no_schedule(id: ScheduleId) -> Error {
    Error::NotFound {
        entity: "Schedule",
        id: id.to_string(),
    }
}
