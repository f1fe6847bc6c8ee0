//! What goes into the use cases of schedules and calendars, and what comes out.

use std::sync::Arc;

use ains_core::calendar::{Calendar, Dates};
use ains_core::schedule::{Overlap, Schedule, ScheduleDefinition};
use ains_core::{CalendarId, ClientId, Name, ScheduleId, Timestamp};
pub use ains_store::slots::{Run, StoredSlot};

/// A schedule to create; its definition, and that of the chain in it, has been checked.
#[derive(Debug, Clone)]
pub struct NewSchedule {
    /// Whose it is.
    pub client: ClientId,
    /// Its name for people.
    pub name: Name,
    /// What it is made of.
    pub definition: ScheduleDefinition,
    /// Whether it begins at once; otherwise it is paused.
    pub active: bool,
}

/// A schedule, whole.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduleView {
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
    /// When it was created.
    pub created_at: Timestamp,
    /// When somebody last changed it.
    pub updated_at: Timestamp,
}

/// Which schedules a list shows.
#[derive(Debug, Clone, Default)]
pub struct ScheduleFilter {
    /// Only of this client.
    pub client: Option<ClientId>,
    /// Only those that are active.
    pub active_only: bool,
    /// Only ids below this one: the cursor.
    pub before: Option<ScheduleId>,
    /// At most this many.
    pub limit: i64,
}

/// What is changed of a schedule. It is made from what the schedule was at a revision.
#[derive(Debug, Clone)]
pub struct ScheduleChange {
    /// The revision that it was made from.
    pub revision: i64,
    /// The name from now on.
    pub name: Name,
    /// What it is made of from now on, checked.
    pub definition: ScheduleDefinition,
    /// Whether it is active from now on, if that is changed.
    pub active: Option<bool>,
}

/// What somebody wants of a schedule.
#[derive(Debug, Clone)]
pub enum ScheduleSteer {
    /// Its slots shall not fire.
    Pause {
        /// Why, for those who ask.
        reason: String,
    },
    /// They shall fire again.
    Resume,
    /// A run now.
    RunNow,
    /// Runs for the slots of a time in the past that did not fire.
    Backfill {
        /// The first instant that counts.
        from: Timestamp,
        /// The last instant that counts.
        to: Timestamp,
        /// What becomes of a slot while a run is unfinished, if it is not what the schedule says.
        overlap: Option<Overlap>,
    },
    /// Something about it is changed.
    Change(Box<ScheduleChange>),
}

/// A schedule after it was steered.
#[derive(Debug, Clone)]
pub struct Steered {
    /// The schedule.
    pub view: ScheduleView,
    /// What became of the slots that this made: of a run now, and of a backfill; in order.
    pub slots: Vec<StoredSlot>,
}

/// The slots that a schedule would have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// When it has slots, in words.
    pub description: String,
    /// What there is, in order.
    pub entries: Vec<PreviewEntry>,
}

/// A slot that there will be, or slots in a row that a calendar excludes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewEntry {
    /// Its nominal instant; of several, that of the first.
    pub slot_at: Timestamp,
    /// That in local time.
    pub local: String,
    /// When it fires, jitter included; `None` if it is excluded, or the schedule has no id yet that the jitter depends
    /// on.
    pub fires_at: Option<Timestamp>,
    /// Of several excluded ones, the nominal instant of the last.
    pub until: Option<Timestamp>,
    /// How many there are.
    pub count: u64,
    /// What is special about it.
    pub note: Option<String>,
    /// Which calendar excludes it, and why.
    pub excluded: Option<String>,
}

/// A calendar to create; its dates have been checked.
#[derive(Debug, Clone)]
pub struct NewCalendar {
    /// Whose it is.
    pub client: ClientId,
    /// What it is called.
    pub name: Name,
    /// What it is for.
    pub description: Option<String>,
    /// The dates that it holds.
    pub dates: Dates,
}

/// A calendar, and how often it was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarView {
    /// The calendar.
    pub calendar: Calendar,
    /// How often it was changed.
    pub revision: i64,
}

/// Which calendars a list shows.
#[derive(Debug, Clone, Default)]
pub struct CalendarFilter {
    /// Only of this client.
    pub client: Option<ClientId>,
    /// Only ids below this one: the cursor.
    pub before: Option<CalendarId>,
    /// At most this many.
    pub limit: i64,
}

/// What a calendar is from now on. It is made from what it was at a revision.
#[derive(Debug, Clone)]
pub struct CalendarChange {
    /// The revision that it was made from.
    pub revision: i64,
    /// What it is called.
    pub name: Name,
    /// What it is for.
    pub description: Option<String>,
    /// The dates that it holds, checked.
    pub dates: Dates,
}
