//! Holds the slots of schedules: what became of those that came, and which will come.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Timestamp;
use crate::words::{ChainStatus, OverlapPolicy, SlotKind, SlotState, Word};

/// What became of a slot, or of several in a row that did not fire. What it does not have is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Slot {
    /// `slot_` and 32 hexadecimal digits.
    pub slot_id: String,
    /// Its instant; of several, that of the first.
    pub slot_at: Timestamp,
    /// Of several, the instant of the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// How many there are.
    pub count: u64,
    /// How it came about.
    #[schema(value_type = SlotKind)]
    pub kind: Word,
    /// What became of it.
    #[schema(value_type = SlotState)]
    pub state: Word,
    /// Why, unless it fired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The task that it made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    /// The chain that it made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain_id: Option<String>,
    /// When it fired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fired_at: Option<Timestamp>,
    /// When what it made ended, the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// How that ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ChainStatus>)]
    pub outcome: Option<Word>,
}

/// One page of slots, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SlotList {
    /// The slots.
    pub slots: Vec<Slot>,
    /// Where the next page begins; null on the last.
    pub next_cursor: Option<String>,
}

/// The query of `GET /ains/scheduled-tasks/{id}/slots`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SlotQuery {
    /// Slots a page, 1 to 200. Default 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<i64>,
    /// Where the page begins: `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// The answer of `POST /ains/scheduled-tasks/{id}/run-now`: with 200 a run, with 202 one that waits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunNow {
    /// `Task triggered successfully`, `Chain triggered successfully`, or that it waits.
    #[schema(value_type = String)]
    pub message: Word,
    /// The schedule.
    pub schedule_id: String,
    /// The task that was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    /// The chain that was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain_id: Option<String>,
    /// The slot of the run.
    pub slot_id: String,
    /// Its instant.
    pub slot_at: Timestamp,
    /// `fired`, or `buffered`.
    #[schema(value_type = SlotState)]
    pub state: Word,
    /// Why it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The body of `POST /ains/scheduled-tasks/{id}/backfill`: runs for the slots of a time in the past that did not fire; at
/// most 1,000 at once. Unknown fields are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BackfillSchedule {
    /// The first instant that counts.
    pub from: Timestamp,
    /// The last instant that counts.
    pub to: Timestamp,
    /// What becomes of a slot while a run is unfinished. Default: what the schedule says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<OverlapPolicy>)]
    pub overlap_policy: Option<String>,
}

/// The answer to a backfill.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Backfilled {
    /// The schedule.
    pub schedule_id: String,
    /// What became of the slots that had not fired, in order.
    pub slots: Vec<Slot>,
    /// How many of them fired.
    pub fired: u64,
    /// How many wait for a run to end.
    pub buffered: u64,
    /// How many were left out, for the reasons that they say.
    pub skipped: u64,
    /// How many had no room to wait, or were replaced by newer ones.
    pub dropped: u64,
}

/// The query of `GET /ains/scheduled-tasks/{id}/preview`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PreviewQuery {
    /// How many slots are told, 1 to 1000. Default 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1000, default = 10)]
    pub n: Option<i64>,
    /// The slots after this instant are told. Default: now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>, format = DateTime)]
    pub from: Option<Timestamp>,
}

/// The slots that a schedule has from some instant on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SchedulePreview {
    /// When it has slots, in words.
    pub description: String,
    /// The slots, and between them what calendars exclude.
    pub slots: Vec<PreviewSlot>,
}

/// A slot that will come, or slots in a row that a calendar excludes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PreviewSlot {
    /// Its instant; of several, that of the first.
    pub slot_at: Timestamp,
    /// The local time then, with its distance from UTC.
    #[schema(example = "2026-03-28T02:30:00+01:00")]
    pub local: String,
    /// What is special about it: that the clocks change, or that a calendar moved it.
    pub note: Option<String>,
    /// When it fires, jitter included; only of a schedule that exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fires_at: Option<Timestamp>,
    /// Which calendar excludes it, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excluded: Option<String>,
    /// Of several excluded ones, the instant of the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Of excluded ones, how many there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}
