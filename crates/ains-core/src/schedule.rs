//! Schedules: when something is done again and again, and what becomes of every slot (semantics §6).
//!
//! | file | what |
//! |---|---|
//! | `definition` | what whoever makes a schedule says |
//! | `validate` | what is wrong with that, all of it |
//! | `timeline` | its slots: when they are, and what calendars do to them |
//! | `local` | local dates and times, where the clocks change |
//! | `moved` | slots that calendars move, of what is not a cron expression |
//! | `tally` | how many slots there are in a time, without going through them all |
//! | `decide` | what an event brings about: [`Schedule::on`] |
//! | `late` | which slots are still wanted when their time has passed |
//! | `admit` | whether a slot fires while an earlier run is unfinished |
//! | `record` | what is recorded of slots that do not fire |
//! | `jitter` | how much later than its nominal instant a slot fires |
//!
//! A slot is a nominal instant of a schedule. Nothing here makes tasks: a [`Decision`] says which slots
//! fire and what is to be recorded of the others, and whoever calls does it, in one transaction. Calendars
//! are given in, so that the same schedule, calendars and instant always give the same decision.

mod admit;
mod decide;
mod definition;
mod jitter;
mod late;
mod local;
mod moved;
mod record;
mod tally;
#[cfg(test)]
mod tests;
mod timeline;
mod validate;

use std::fmt;

pub use definition::{
    CalendarUse, Catchup, Fires, OnExcluded, Overlap, ScheduleDefinition, Timing, Use, limits,
};
use serde::{Deserialize, Serialize};
pub use tally::Range;
pub use timeline::{Excluded, Slot, Timeline};
pub use validate::Fault;

use crate::dependency::Ending;
use crate::time::Timestamp;

/// How long after its instant a slot counts as on time: twice the 5 s after which a server that died is
/// replaced (semantics §6). What is later has been missed, and `catchup` says what becomes of it.
pub const ON_TIME: std::time::Duration = std::time::Duration::from_secs(10);

/// Most slots that are caught up at once, that one backfill fires, and that wait for an earlier run (semantics §6).
pub const MAX_SLOTS: usize = 1_000;

/// Where a schedule stands: what changes while it runs.
///
/// It is stored as one JSON text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// Whether its slots fire.
    pub standing: Standing,
    /// Why it is paused or has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Its slots until then are decided.
    pub decided_until: Timestamp,
    /// The next slot; `None` unless it is active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Timestamp>,
    /// When that fires: as much later as the jitter says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// Runs that have not ended.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub open_runs: u32,
    /// Slots that wait for a run to end.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub buffered: u32,
    /// Those of them that `max_runs` limits.
    #[serde(default, skip_serializing_if = "is_zero")]
    reserved: u32,
    /// Slots that fired when their time came, or later because they were caught up or waited; those that `max_runs`
    /// limits. Runs that were asked for (run now, backfill) are not among them.
    #[serde(default)]
    pub fired: u64,
    /// Runs that have ended.
    #[serde(default)]
    pub total_runs: u64,
    /// Those of them that COMPLETED.
    #[serde(default)]
    pub successful_runs: u64,
    /// Those of them that FAILED. What was cancelled is neither.
    #[serde(default)]
    pub failed_runs: u64,
    /// Failures since the last success.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failures_in_a_row: u32,
    /// When a slot last fired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run_at: Option<Timestamp>,
    /// The slot of the latest run that was asked for, so that two of one instant differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_asked: Option<Timestamp>,
    /// The latest record, if more unfired slots can be added to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unfired: Option<Record>,
}

/// Whether the slots of a schedule fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// They do.
    Active,
    /// They do not, and are not missed either.
    Paused,
    /// There are no more.
    Ended,
}

/// What happens to a schedule.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// It was made, or what it says about time, or one of its calendars, is no longer what it was. It does not look
    /// back.
    Changed {
        /// What is recorded of slots whose time had come, but that had not fired.
        reason: String,
    },
    /// The time may have come.
    Due,
    /// Somebody wants it to run now.
    RunNow,
    /// Somebody wants it to run for slots of the past that did not fire.
    Backfill {
        /// The first instant that counts.
        from: Timestamp,
        /// The last instant that counts.
        to: Timestamp,
        /// What becomes of a slot while a run is unfinished, if it is not what the schedule says.
        overlap: Option<Overlap>,
        /// The slots of that time that have fired, or wait.
        taken: std::collections::BTreeSet<Timestamp>,
    },
    /// A run ended.
    RunEnded(Ending),
    /// Slots that waited were found not to be there any more, or not to be wanted.
    Forgotten(u32),
    /// Its slots shall not fire.
    Pause {
        /// Why, for those who ask.
        reason: String,
    },
    /// They shall fire again.
    Resume,
}

/// How fast a server can follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The most slots of one schedule that fire at once; the others stay due. At least one does.
    pub most: usize,
    /// Since when it has had more to do than it could do at once; now, if it has not. What was on time then still is:
    /// somebody was there.
    pub since: Timestamp,
}

/// What an event brings about, for the transaction that stores the schedule.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Decision {
    /// What is recorded of slots that do not fire now; a record of the same slot is overwritten.
    pub records: Vec<Record>,
    /// Why slots that waited until now do so no longer: they are dropped, before anything is recorded.
    pub drop_buffered: Option<String>,
    /// Why unfinished runs are cancelled, before anything fires.
    pub cancel_runs: Option<String>,
    /// The slots that fire, in order.
    pub fire: Vec<Firing>,
    /// Whether the oldest slot that waits fires.
    pub release: bool,
}

/// A slot that fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Firing {
    /// Its nominal instant.
    pub slot_at: Timestamp,
    /// How it came about.
    pub kind: SlotKind,
}

/// What became of a slot, or of some in a row, that do not fire now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The nominal instant of the first.
    pub slot_at: Timestamp,
    /// The nominal instant of the last.
    pub until: Timestamp,
    /// How many there are.
    pub count: u64,
    /// How they came about.
    pub kind: SlotKind,
    /// What became of them.
    pub state: SlotState,
    /// Why.
    pub reason: String,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $what:literal { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// The word for it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(UnknownWord { what: $what, text: text.chars().take(64).collect() }),
                }
            }
        }
    };
}

words! {
    /// How a slot came about.
    SlotKind, "kind of slot" {
        /// Its time came: by a cron expression, an interval, or once.
        Cron = "cron",
        /// Somebody wanted a run at that moment.
        RunNow = "run_now",
        /// Somebody wanted a run for it afterwards.
        Backfill = "backfill",
    }
}

words! {
    /// What became of a slot.
    SlotState, "state of a slot" {
        /// It made a run.
        Fired = "fired",
        /// It made none, because of a rule: a calendar, or an earlier run that was unfinished.
        Skipped = "skipped",
        /// It made none, because nobody was there in time.
        Missed = "missed",
        /// It waits for an earlier run to end.
        Buffered = "buffered",
        /// It waited, and then was not wanted any more; or it had no room to wait.
        Dropped = "dropped",
    }
}

/// A word that is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {what}")]
pub struct UnknownWord {
    /// What was expected.
    pub what: &'static str,
    /// The text that was given.
    pub text: String,
}

/// Why something cannot be done with a schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is to go on, but has no slot any more.
    #[error("the schedule has ended: {0}")]
    Ended(String),
    /// It is to begin, but has no slot from now on.
    #[error("the schedule has no slot from now on")]
    NoSlot,
    /// A backfill would fire more than [`MAX_SLOTS`]: so many, of the first 400 dates that have any.
    #[error("there are {0} slots to fire in that time; at most {MAX_SLOTS} at once")]
    TooManySlots(u64),
}

impl Standing {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Ended => "ended",
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}
