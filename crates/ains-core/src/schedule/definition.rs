//! What a schedule is made of, as whoever makes it says it.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::chain::{self, StepTask};
use crate::cron::{Cron, Dst};
use crate::ids::{CalendarId, Name, TemplateId};
use crate::time::Timestamp;

/// Bounds and defaults (semantics §6, api.md).
pub mod limits {
    /// Seconds between the slots of an interval: to a year.
    pub const INTERVAL_SECONDS: std::ops::RangeInclusive<u32> = 1..=31_536_000;
    /// Seconds of jitter: to a day.
    pub const JITTER_SECONDS: std::ops::RangeInclusive<u32> = 0..=86_400;
    /// Seconds for which missed slots are caught up: to a year.
    pub const CATCHUP_WINDOW_SECONDS: std::ops::RangeInclusive<u32> = 0..=31_536_000;
    /// Seconds for which missed slots are caught up where the schedule does not say.
    pub const DEFAULT_CATCHUP_WINDOW_SECONDS: u32 = 3600;
    /// Calendars of one schedule.
    pub const CALENDARS: usize = 10;
    /// The shortest interval, in seconds, whose slots calendars can move: an hour.
    pub const MOVED_INTERVAL_SECONDS: u32 = 3600;
}

/// A schedule, as it was made or last changed.
///
/// It is stored as JSON text; what is left at its default is left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScheduleDefinition {
    /// When.
    pub timing: Timing,
    /// The zone of its local times and dates.
    #[serde(with = "zone", default = "zone::utc", skip_serializing_if = "zone::is_utc")]
    pub timezone: Tz,
    /// No slot before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_at: Option<Timestamp>,
    /// No slot after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_at: Option<Timestamp>,
    /// How many slots fire; those that somebody asks for do not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_runs: Option<u64>,
    /// Slots fire up to so many seconds later than their nominal instants.
    #[serde(default, skip_serializing_if = "is_default")]
    pub jitter_seconds: u32,
    /// What becomes of fixed times when the clocks change.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dst: Dst,
    /// The calendars that say on which dates it may fire: it may where all of them let it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calendars: Vec<CalendarUse>,
    /// What becomes of a slot on another date.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_excluded: OnExcluded,
    /// What becomes of a slot while an earlier run is unfinished.
    #[serde(default, skip_serializing_if = "is_default")]
    pub overlap: Overlap,
    /// What becomes of slots that nobody was there for.
    #[serde(default, skip_serializing_if = "is_default")]
    pub catchup: Catchup,
    /// For how many seconds that is so.
    #[serde(default = "default_window", skip_serializing_if = "is_default_window")]
    pub catchup_window_seconds: u32,
    /// It is paused after so many failed runs in a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_after_failures: Option<u32>,
    /// What is done.
    pub fires: Fires,
}

/// When a schedule has slots.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timing {
    /// When a cron expression says so, in local time.
    Cron(#[serde(with = "cron")] Cron),
    /// At equal distances, whatever the clocks do.
    Interval {
        /// The distance.
        seconds: u32,
        /// One of the slots, whether it is in the past or not.
        anchor_at: Timestamp,
    },
    /// Once.
    Once(Timestamp),
}

/// A calendar that a schedule heeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalendarUse {
    /// Which.
    pub calendar_id: CalendarId,
    /// How.
    #[serde(rename = "use")]
    pub used: Use,
}

/// What the dates of a calendar are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Use {
    /// There are no slots on them.
    Exclude,
    /// There are slots only on them.
    Only,
}

/// What becomes of a slot on a date that a calendar excludes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnExcluded {
    /// It is skipped.
    #[default]
    Skip,
    /// It is moved to the same local time of the next date that is not excluded.
    NextBusinessDay,
    /// It is moved to the same local time of the last date before that is not excluded.
    PreviousBusinessDay,
}

/// What becomes of a slot while an earlier run is unfinished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// It fires.
    #[default]
    AllowAll,
    /// It is skipped.
    Skip,
    /// It waits; if another waits already, that one is dropped.
    BufferOne,
    /// It waits for all before it.
    BufferAll,
    /// Unfinished runs are cancelled, then it fires.
    CancelOther,
}

/// What becomes of slots that nobody was there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Catchup {
    /// They are missed.
    None,
    /// The newest fires.
    #[default]
    Last,
    /// They fire, in order.
    All,
}

/// What a schedule does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fires {
    /// A task.
    Task {
        /// What is asked of an agent.
        task: StepTask,
        /// The input: the text of a JSON object.
        input: Box<str>,
        /// The text of a JSON object that is kept with the task.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        metadata: Option<Box<str>>,
    },
    /// A chain.
    Chain {
        /// Its name.
        name: Name,
        /// What it is made of.
        definition: chain::Definition,
        /// Its input: the text of a JSON object.
        input: Box<str>,
    },
}

impl ScheduleDefinition {
    /// A schedule with every default.
    pub fn new(timing: Timing, fires: Fires) -> Self {
        Self {
            timing,
            timezone: Tz::UTC,
            start_at: None,
            end_at: None,
            max_runs: None,
            jitter_seconds: 0,
            dst: Dst::default(),
            calendars: Vec::new(),
            on_excluded: OnExcluded::default(),
            overlap: Overlap::default(),
            catchup: Catchup::default(),
            catchup_window_seconds: limits::DEFAULT_CATCHUP_WINDOW_SECONDS,
            pause_after_failures: None,
            fires,
        }
    }

    /// Whether `other` has the same slots, and fires them at the same instants.
    pub fn has_slots_of(&self, other: &Self) -> bool {
        self.timing == other.timing
            && self.timezone == other.timezone
            && self.start_at == other.start_at
            && self.end_at == other.end_at
            && self.jitter_seconds == other.jitter_seconds
            && self.dst == other.dst
            && self.calendars == other.calendars
            && self.on_excluded == other.on_excluded
    }

    /// The templates that it, or the steps of its chain, name.
    pub fn templates(&self) -> BTreeSet<TemplateId> {
        match &self.fires {
            Fires::Task { task, .. } => task.template.into_iter().collect(),
            Fires::Chain { definition, .. } => definition.templates(),
        }
    }

    pub(super) fn catchup_window(&self) -> Duration {
        Duration::from_secs(self.catchup_window_seconds.into())
    }

    pub(super) fn jitter(&self) -> Duration {
        Duration::from_secs(self.jitter_seconds.into())
    }

    /// When it has slots, in words.
    pub fn describe(&self) -> String {
        match &self.timing {
            Timing::Cron(cron) => cron.describe(self.timezone),
            Timing::Interval { seconds, .. } => format!("every {}", length(*seconds)),
            Timing::Once(at) => format!("once, at {at}"),
        }
    }
}

/// A length in words, in the largest unit that it is a whole number of.
fn length(seconds: u32) -> String {
    let units = [(86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")];
    let (unit, name) = units
        .into_iter()
        .find(|(unit, _)| seconds.is_multiple_of(*unit))
        .unwrap_or((1, "second"));
    match seconds / unit {
        1 => name.to_owned(),
        count => format!("{count} {name}s"),
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn default_window() -> u32 {
    limits::DEFAULT_CATCHUP_WINDOW_SECONDS
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_default_window(seconds: &u32) -> bool {
    *seconds == limits::DEFAULT_CATCHUP_WINDOW_SECONDS
}

/// Cron expressions as their text.
mod cron {
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    use crate::cron::Cron;

    pub(super) fn serialize<S: Serializer>(cron: &Cron, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(cron)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cron, D::Error> {
        Cron::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// Zones by their names.
mod zone {
    use chrono_tz::Tz;
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    pub(super) fn utc() -> Tz {
        Tz::UTC
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
    pub(super) fn is_utc(zone: &Tz) -> bool {
        *zone == Tz::UTC
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
    pub(super) fn serialize<S: Serializer>(zone: &Tz, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(zone.name())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Tz, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}
