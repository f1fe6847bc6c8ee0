//! What became of the slots of schedules.

use std::collections::BTreeMap;

use ains_core::schedule::{SlotKind, SlotState};
use ains_core::{ChainId, ScheduleId, SlotId, Status, TaskId, Timestamp};
use diesel::prelude::*;
use diesel::sql_types;
use serde::Serialize;

use crate::codec::{instant, micros, read, read_opt};
use crate::connection::Conn;
use crate::error::StoreError;
use crate::schema::schedule_slots::{self, dsl};
use crate::set::SetQuery;
use crate::statement::{Statement, statement, values};

const T: &str = "schedule_slots";

/// What became of a slot, or of several in a row that did not fire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSlot {
    /// Its id.
    pub id: SlotId,
    /// The schedule.
    pub schedule: ScheduleId,
    /// Its nominal instant; of several, that of the first.
    pub slot_at: Timestamp,
    /// Of several, the nominal instant of the last.
    pub until: Option<Timestamp>,
    /// How many there are.
    pub count: u64,
    /// How it came about.
    pub kind: SlotKind,
    /// What became of it.
    pub state: SlotState,
    /// Why, unless it fired.
    pub reason: Option<String>,
    /// What it made.
    pub run: Option<Run>,
    /// When it fired.
    pub fired_at: Option<Timestamp>,
    /// When what it made ended, the first time.
    pub ended_at: Option<Timestamp>,
    /// How.
    pub outcome: Option<Status>,
    /// When it was decided what becomes of it.
    pub decided_at: Timestamp,
}

/// What a slot made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Run {
    /// A task.
    Task(TaskId),
    /// A chain.
    Chain(ChainId),
}

#[derive(Debug, Queryable, Selectable, Serialize)]
#[diesel(table_name = schedule_slots)]
struct SlotRow {
    id: String,
    schedule_id: String,
    slot_at: i64,
    until: Option<i64>,
    count: i64,
    kind: String,
    state: String,
    reason: Option<String>,
    task_id: Option<String>,
    chain_id: Option<String>,
    open_run: Option<String>,
    buffered_at: Option<i64>,
    fired_at: Option<i64>,
    ended_at: Option<i64>,
    outcome: Option<String>,
    decided_at: i64,
}

statement!(
    /// What has fired stays as it is.
    PutSlot = "INSERT INTO schedule_slots (id, schedule_id, slot_at, until, count, kind, state, reason, task_id, \
        chain_id, open_run, buffered_at, fired_at, ended_at, outcome, decided_at) \
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (schedule_id, slot_at) DO UPDATE SET \
        until = excluded.until, count = excluded.count, kind = excluded.kind, state = excluded.state, \
        reason = excluded.reason, task_id = excluded.task_id, chain_id = excluded.chain_id, \
        open_run = excluded.open_run, buffered_at = excluded.buffered_at, fired_at = excluded.fired_at, \
        ended_at = excluded.ended_at, outcome = excluded.outcome, decided_at = excluded.decided_at \
        WHERE schedule_slots.state <> 'fired'"
);

statement!(
    EndRun = "UPDATE schedule_slots SET open_run = NULL, ended_at = ?, outcome = ? WHERE open_run = ? \
        RETURNING schedule_id, coalesce(task_id, chain_id) AS run"
);

statement!(
    DropBuffered = "UPDATE schedule_slots SET state = 'dropped', reason = ?, buffered_at = NULL \
        WHERE schedule_id = ? AND buffered_at IS NOT NULL"
);

#[derive(Debug, QueryableByName)]
struct EndedRow {
    #[diesel(sql_type = sql_types::Text)]
    schedule_id: String,
    #[diesel(sql_type = sql_types::Text)]
    run: String,
}

#[derive(Debug, Serialize)]
struct EndRow {
    open_run: String,
    ended_at: i64,
    outcome: &'static str,
}

#[derive(Debug, Serialize)]
struct DropRow<'a> {
    schedule_id: String,
    reason: &'a str,
}

impl Run {
    /// The id of the task or chain.
    pub fn id(self) -> String {
        match self {
            Self::Task(id) => id.to_string(),
            Self::Chain(id) => id.to_string(),
        }
    }
}

impl SlotRow {
    fn new(slot: &StoredSlot) -> Self {
        let is_open = slot.state == SlotState::Fired && slot.ended_at.is_none();
        Self {
            id: slot.id.to_string(),
            schedule_id: slot.schedule.to_string(),
            slot_at: slot.slot_at.as_micros(),
            until: micros(slot.until),
            count: i64::try_from(slot.count).unwrap_or(i64::MAX),
            kind: slot.kind.as_str().to_owned(),
            state: slot.state.as_str().to_owned(),
            reason: slot.reason.clone(),
            task_id: slot
                .run
                .and_then(|run| matches!(run, Run::Task(_)).then(|| run.id())),
            chain_id: slot
                .run
                .and_then(|run| matches!(run, Run::Chain(_)).then(|| run.id())),
            open_run: slot.run.filter(|_| is_open).map(Run::id),
            buffered_at: (slot.state == SlotState::Buffered).then(|| slot.decided_at.as_micros()),
            fired_at: micros(slot.fired_at),
            ended_at: micros(slot.ended_at),
            outcome: slot.outcome.map(|status| status.as_str().to_owned()),
            decided_at: slot.decided_at.as_micros(),
        }
    }

    fn into_stored(self) -> Result<StoredSlot, StoreError> {
        let task = read_opt(T, self.task_id.as_deref())?.map(Run::Task);
        let chain = read_opt(T, self.chain_id.as_deref())?.map(Run::Chain);
        Ok(StoredSlot {
            id: read(T, &self.id)?,
            schedule: read(T, &self.schedule_id)?,
            slot_at: Timestamp::from_micros(self.slot_at),
            until: instant(self.until),
            count: u64::try_from(self.count).unwrap_or(0),
            kind: read(T, &self.kind)?,
            state: read(T, &self.state)?,
            reason: self.reason,
            run: task.or(chain),
            fired_at: instant(self.fired_at),
            ended_at: instant(self.ended_at),
            outcome: read_opt(T, self.outcome.as_deref())?,
            decided_at: Timestamp::from_micros(self.decided_at),
        })
    }
}

fn stored(rows: Vec<SlotRow>) -> Result<Vec<StoredSlot>, StoreError> {
    rows.into_iter().map(SlotRow::into_stored).collect()
}

/// Records slots. A record of the same slot that has not fired is overwritten, but for its id; no two of `slots` are
/// of the same slot.
///
/// # Errors
/// [`StoreError::Conflict`] when one of them has fired already; when the database fails.
pub fn put(conn: &mut Conn, slots: &[StoredSlot]) -> Result<(), StoreError> {
    if slots.is_empty() {
        return Ok(());
    }
    let rows: Vec<SlotRow> = slots.iter().map(SlotRow::new).collect();
    let written = match conn {
        Conn::Sqlite(c) => {
            let mut written = 0;
            for row in &rows {
                written += Statement::<PutSlot>::new(values![
                    &row.id,
                    &row.schedule_id,
                    row.slot_at,
                    row.until,
                    row.count,
                    &row.kind,
                    &row.state,
                    row.reason.as_deref(),
                    row.task_id.as_deref(),
                    row.chain_id.as_deref(),
                    row.open_run.as_deref(),
                    row.buffered_at,
                    row.fired_at,
                    row.ended_at,
                    row.outcome.as_deref(),
                    row.decided_at,
                ])
                .execute(c)?;
            }
            written
        }
        Conn::Postgres(c) => SetQuery::new(
            "INSERT INTO schedule_slots SELECT * FROM json_populate_recordset(NULL::schedule_slots, ",
            &rows,
            "::json) ON CONFLICT (schedule_id, slot_at) DO UPDATE SET \
             until = excluded.until, count = excluded.count, kind = excluded.kind, state = excluded.state, \
             reason = excluded.reason, task_id = excluded.task_id, chain_id = excluded.chain_id, \
             open_run = excluded.open_run, buffered_at = excluded.buffered_at, fired_at = excluded.fired_at, \
             ended_at = excluded.ended_at, outcome = excluded.outcome, decided_at = excluded.decided_at \
             WHERE schedule_slots.state <> 'fired'",
        )?
        .execute(c)?,
    };
    if written == rows.len() {
        Ok(())
    } else {
        Err(StoreError::Conflict("schedule_slots_by_slot".to_owned()))
    }
}

/// Notes that runs ended, and how; returns those that had not ended before, with their schedules.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn end(
    conn: &mut Conn,
    ended: &BTreeMap<Run, Status>,
    now: Timestamp,
) -> Result<Vec<(ScheduleId, Run)>, StoreError> {
    if ended.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<EndRow> = ended
        .iter()
        .map(|(run, status)| EndRow {
            open_run: run.id(),
            ended_at: now.as_micros(),
            outcome: status.as_str(),
        })
        .collect();
    let known: Vec<EndedRow> = match conn {
        Conn::Sqlite(c) => {
            let mut known = Vec::new();
            for row in &rows {
                let end = Statement::<EndRun>::new(values![row.ended_at, row.outcome, &row.open_run]);
                known.extend(end.load::<EndedRow>(c)?);
            }
            known
        }
        Conn::Postgres(c) => SetQuery::new(
            "UPDATE schedule_slots s SET open_run = NULL, ended_at = n.ended_at, outcome = n.outcome \
             FROM json_populate_recordset(NULL::schedule_slots, ",
            &rows,
            "::json) n WHERE s.open_run = n.open_run \
             RETURNING s.schedule_id, coalesce(s.task_id, s.chain_id) AS run",
        )?
        .load(c)?,
    };
    known
        .iter()
        .map(|row| Ok((read(T, &row.schedule_id)?, run(&row.run)?)))
        .collect()
}

fn run(id: &str) -> Result<Run, StoreError> {
    match id.parse() {
        Ok(task) => Ok(Run::Task(task)),
        Err(_) => read(T, id).map(Run::Chain),
    }
}

/// What a schedule made and has not ended.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn open_runs(conn: &mut Conn, schedule: ScheduleId) -> Result<Vec<Run>, StoreError> {
    let open: Vec<Option<String>> = per_backend!(conn, |c| {
        dsl::schedule_slots
            .filter(dsl::schedule_id.eq(schedule.to_string()))
            .filter(dsl::open_run.is_not_null())
            .order(dsl::slot_at)
            .select(dsl::open_run)
            .load(c)?
    });
    open.iter().flatten().map(|id| run(id)).collect()
}

/// The oldest slot of a schedule that waits.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn oldest_buffered(conn: &mut Conn, schedule: ScheduleId) -> Result<Option<StoredSlot>, StoreError> {
    let row: Option<SlotRow> = per_backend!(conn, |c| {
        dsl::schedule_slots
            .filter(dsl::schedule_id.eq(schedule.to_string()))
            .filter(dsl::buffered_at.is_not_null())
            .order(dsl::slot_at)
            .select(SlotRow::as_select())
            .first(c)
            .optional()?
    });
    row.map(SlotRow::into_stored).transpose()
}

/// Drops all slots of a schedule that wait; those, in order.
///
/// # Errors
/// When the database fails.
pub fn drop_buffered(
    conn: &mut Conn,
    schedule: ScheduleId,
    reason: &str,
) -> Result<Vec<StoredSlot>, StoreError> {
    let schedule_id = schedule.to_string();
    let rows: Vec<SlotRow> = per_backend!(conn, |c| dsl::schedule_slots
        .filter(dsl::schedule_id.eq(&schedule_id))
        .filter(dsl::buffered_at.is_not_null())
        .order(dsl::slot_at)
        .select(SlotRow::as_select())
        .load(c)?);
    match conn {
        Conn::Sqlite(c) => {
            Statement::<DropBuffered>::new(values![reason, &schedule_id]).execute(c)?;
        }
        Conn::Postgres(c) => {
            let rows = [DropRow { schedule_id, reason }];
            SetQuery::new(
                "UPDATE schedule_slots s SET state = 'dropped', reason = n.reason, buffered_at = NULL \
                 FROM json_populate_recordset(NULL::schedule_slots, ",
                &rows,
                "::json) n WHERE s.schedule_id = n.schedule_id AND s.buffered_at IS NOT NULL",
            )?
            .execute(c)?;
        }
    }
    let dropped = rows.into_iter().map(|row| {
        let mut slot = row.into_stored()?;
        slot.state = SlotState::Dropped;
        slot.reason = Some(reason.to_owned());
        Ok(slot)
    });
    dropped.collect()
}

/// The slots of a schedule between `from` and `to`, both included, that have fired or wait, in order; at most `limit`.
///
/// # Errors
/// When the database fails.
pub fn taken(
    conn: &mut Conn,
    schedule: ScheduleId,
    from: Timestamp,
    to: Timestamp,
    limit: i64,
) -> Result<Vec<Timestamp>, StoreError> {
    let taken = [SlotState::Fired.as_str(), SlotState::Buffered.as_str()];
    let slots: Vec<i64> = per_backend!(conn, |c| {
        dsl::schedule_slots
            .filter(dsl::schedule_id.eq(schedule.to_string()))
            .filter(dsl::slot_at.between(from.as_micros(), to.as_micros()))
            .filter(dsl::state.eq(taken[0]).or(dsl::state.eq(taken[1])))
            .order(dsl::slot_at)
            .limit(limit)
            .select(dsl::slot_at)
            .load(c)?
    });
    Ok(slots.into_iter().map(Timestamp::from_micros).collect())
}

/// The records of several slots in a row that have a part between `from` and `to`, both included, in order.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn ranges(
    conn: &mut Conn,
    schedule: ScheduleId,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<StoredSlot>, StoreError> {
    let mut rows: Vec<SlotRow> = per_backend!(conn, |c| {
        dsl::schedule_slots
            .filter(dsl::schedule_id.eq(schedule.to_string()))
            .filter(dsl::until.ge(from.as_micros()))
            .filter(dsl::slot_at.le(to.as_micros()))
            .select(SlotRow::as_select())
            .load(c)?
    });
    rows.sort_by_key(|row| row.slot_at);
    stored(rows)
}

/// The records of a schedule before `before`, newest slot first; at most `limit`.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn list(
    conn: &mut Conn,
    schedule: ScheduleId,
    before: Option<Timestamp>,
    limit: i64,
) -> Result<Vec<StoredSlot>, StoreError> {
    let last = before.map_or(i64::MAX, |before| before.as_micros().saturating_sub(1));
    let rows: Vec<SlotRow> = per_backend!(conn, |c| {
        dsl::schedule_slots
            .filter(dsl::schedule_id.eq(schedule.to_string()))
            .filter(dsl::slot_at.le(last))
            .order(dsl::slot_at.desc())
            .limit(limit)
            .select(SlotRow::as_select())
            .load(c)?
    });
    stored(rows)
}

/// Removes records.
///
/// # Errors
/// When the database fails.
pub fn remove(conn: &mut Conn, ids: &[SlotId]) -> Result<(), StoreError> {
    let ids: Vec<String> = ids.iter().map(SlotId::to_string).collect();
    delete(conn, &ids)
}

/// Removes at most `limit` records of a schedule that is removed, whatever they are; how many it removed.
///
/// # Errors
/// When the database fails.
pub fn remove_of(conn: &mut Conn, schedule: ScheduleId, limit: i64) -> Result<usize, StoreError> {
    let ids: Vec<String> = per_backend!(conn, |c| {
        dsl::schedule_slots
            .filter(dsl::schedule_id.eq(schedule.to_string()))
            .order(dsl::slot_at)
            .limit(limit)
            .select(dsl::id)
            .load(c)?
    });
    delete(conn, &ids)?;
    Ok(ids.len())
}

/// Removes at most `limit` records of what was decided before `before`, oldest first, but for slots that wait and those
/// whose runs have not ended; how many it looked at.
///
/// # Errors
/// When the database fails.
pub fn remove_before(conn: &mut Conn, before: Timestamp, limit: i64) -> Result<usize, StoreError> {
    let old = dsl::schedule_slots
        .filter(dsl::decided_at.lt(before.as_micros()))
        .filter(dsl::open_run.is_null())
        .filter(dsl::buffered_at.is_null())
        .order(dsl::decided_at)
        .limit(limit)
        .select(dsl::id);
    let ids: Vec<String> = match conn {
        Conn::Sqlite(c) => old.load(c)?,
        Conn::Postgres(c) => old.for_update().skip_locked().load(c)?,
    };
    delete(conn, &ids)?;
    Ok(ids.len())
}

fn delete(conn: &mut Conn, ids: &[String]) -> Result<(), StoreError> {
    match conn {
        Conn::Sqlite(c) => {
            for id in ids {
                diesel::delete(dsl::schedule_slots.find(id)).execute(c)?;
            }
        }
        Conn::Postgres(c) if !ids.is_empty() => {
            diesel::delete(dsl::schedule_slots.filter(dsl::id.eq_any(ids))).execute(c)?;
        }
        Conn::Postgres(_) => {}
    }
    Ok(())
}
