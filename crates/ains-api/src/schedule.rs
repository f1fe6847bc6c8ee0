//! Holds schedules: what is done again and again, as clients send it, read it and list it.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::words::{
    CalendarUse, Catchup, DstFold, DstGap, OnExcluded, OverlapPolicy, RetryPolicy, RoutingStrategy,
    ScheduleStanding, TimeoutPolicy, Word,
};
use crate::{Json, SubmitStep, Timestamp};

/// Hands the fields that bodies and views of schedules have in common to the macro `$make`: when a schedule has slots,
/// what becomes of them, and what they make.
macro_rules! fields {
    ($make:ident $($rest:tt)*) => {
        $make! {
            [
                /// When, as a cron expression of at most 256 bytes: five fields, or six with the seconds in front, or a
                /// short form such as `@daily`. A schedule has one of this, `interval_seconds` and `run_at`.
                #[schema(max_length = 256, example = "30 2 * * MON-FRI")]
                cron_expression: String,
                /// When, as the distance between slots in seconds, whatever the clocks do.
                #[schema(minimum = 1, maximum = 31_536_000)]
                interval_seconds: i64,
                /// One of the slots of an interval, a whole second. Default: when the schedule is made, rounded down.
                anchor_at: Timestamp,
                /// When, if it is done once.
                run_at: Timestamp,
                /// The zone of its local times and dates, by its IANA name. Default `UTC`.
                #[schema(example = "Europe/Berlin")]
                timezone: String,
                /// There is no slot before.
                start_at: Timestamp,
                /// There is no slot after.
                end_at: Timestamp,
                /// How many slots fire; runs that somebody asks for do not count. Default: no limit.
                #[schema(minimum = 1, maximum = 1_000_000_000)]
                max_runs: i64,
                /// Slots fire up to so many seconds later than their instants. Default 0.
                #[schema(minimum = 0, maximum = 86_400, default = 0)]
                jitter_seconds: i64,
                /// What becomes of fixed local times that the clocks jump over. Default `run_after`.
                #[schema(value_type = Option<DstGap>)]
                dst_gap: String,
                /// What becomes of fixed local times that come twice. Default `first`.
                #[schema(value_type = Option<DstFold>)]
                dst_fold: String,
                /// The calendars that say on which dates it may fire, at most 10: it may where all of them let it.
                #[schema(max_items = 10)]
                calendars: Vec<ScheduleCalendar>,
                /// What becomes of a slot on another date. Default `skip`.
                #[schema(value_type = Option<OnExcluded>)]
                on_excluded: String,
                /// What becomes of a slot while an earlier run is unfinished. Default `allow_all`.
                #[schema(value_type = Option<OverlapPolicy>)]
                overlap_policy: String,
                /// What becomes of slots that no server was there for. Default `last`.
                #[schema(value_type = Option<Catchup>)]
                catchup: String,
                /// For how many seconds a missed slot is caught up. Default 3600.
                #[schema(minimum = 0, maximum = 31_536_000, default = 3600)]
                catchup_window_seconds: i64,
                /// It is paused after so many failed runs in a row. Default: never.
                #[schema(minimum = 1, maximum = 1_000_000_000)]
                pause_after_failures: i64,
                /// Of a task: the template that says what is left out here, as it is when the task is made.
                template_id: String,
                /// Of a task: the kind of work, for people and filters, 1 to 255 characters. A schedule makes tasks, or chains.
                /// Needed without a template.
                #[schema(min_length = 1, max_length = 255)]
                task_type: String,
                /// Of a task: what an agent must provide to get it, 1 to 255 characters; compared without regard to case.
                #[schema(min_length = 1, max_length = 255)]
                capability_required: String,
                /// Of a task: what the agent works on, an object. Default `{}`.
                #[schema(value_type = Option<Object>)]
                input_data: Json,
                /// Of a task: 10 is handed out first, 1 last. Default 5.
                #[schema(minimum = 1, maximum = 10, default = 5)]
                priority: i64,
                /// Of a task: seconds that one attempt may take. Default 300.
                #[schema(minimum = 1, maximum = 86_400, default = 300)]
                timeout_seconds: i64,
                /// Of a task: attempts after the first. Default 3.
                #[schema(minimum = 0, maximum = 10, default = 3)]
                max_retries: i64,
                /// Of a task: how the agent is chosen. Default `round_robin`.
                #[schema(value_type = Option<RoutingStrategy>)]
                routing_strategy: String,
                /// Of a task: how the delay before a retry grows. Default `exponential`.
                #[schema(value_type = Option<RetryPolicy>)]
                retry_policy: String,
                /// Of a task: what becomes of an attempt that takes too long. Default `retry`.
                #[schema(value_type = Option<TimeoutPolicy>)]
                timeout_policy: String,
                /// Of a task: the least trust an agent must have, 0 to 1. Default 0.
                #[schema(minimum = 0, maximum = 1)]
                min_trust: f64,
                /// Of a task: seconds after which an attempt without a progress call is lost. Default: none.
                #[schema(minimum = 1, maximum = 86_400)]
                heartbeat_timeout_seconds: i64,
                /// Of a task: anything that is to be found again with it, an object. `slot_at` is added to it.
                #[schema(value_type = Option<Object>)]
                metadata: Json,
                /// What it makes, if that is not a task: a chain.
                chain: ScheduledChain,
            ]
            $($rest)*
        }
    };
}

/// A type with fields of its own, and those.
macro_rules! schedule {
    (
        [$($(#[$field_meta:meta])* $field:ident: $type:ident $(<$item:ident>)?,)+]
        $(#[$meta:meta])*
        $name:ident { $($own:tt)* }
    ) => {
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
        $(#[$meta])*
        pub struct $name {
            $($own)*
            $(
                $(#[$field_meta])*
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub $field: Option<$type$(<$item>)?>,
            )+
        }
    };
}

/// A type that changes those: each is left as it is, put back to its default, or set.
macro_rules! patch {
    (
        [$($(#[$field_meta:meta])* $field:ident: $type:ident $(<$item:ident>)?,)+]
        $(#[$meta:meta])*
        $name:ident { $($own:tt)* }
    ) => {
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
        $(#[$meta])*
        pub struct $name {
            $($own)*
            $(
                $(#[$field_meta])*
                #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
                pub $field: Option<Option<$type$(<$item>)?>>,
            )+
        }
    };
}

/// The ways between what is previewed and what is submitted.
macro_rules! same {
    ([$($(#[$field_meta:meta])* $field:ident: $type:ident $(<$item:ident>)?,)+]) => {
        impl From<SubmitSchedule> for PreviewSchedule {
            fn from(schedule: SubmitSchedule) -> Self {
                Self {
                    from: None,
                    n: None,
                    name: Some(schedule.name),
                    client_id: schedule.client_id,
                    active: schedule.active,
                    $($field: schedule.$field,)+
                }
            }
        }

        impl From<PreviewSchedule> for SubmitSchedule {
            fn from(preview: PreviewSchedule) -> Self {
                Self {
                    name: preview.name.unwrap_or_default(),
                    client_id: preview.client_id,
                    active: preview.active,
                    $($field: preview.$field,)+
                }
            }
        }
    };
}

/// A value that is there, if only to say null.
pub(crate) fn given<'de, T, D>(source: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(source).map(Some)
}

fields! { schedule
    /// The body of `POST /ains/scheduled-tasks`: something to be done again and again. Unknown fields are ignored.
    SubmitSchedule {
        /// What people call it, 1 to 255 characters.
        #[schema(min_length = 1, max_length = 255)]
        pub name: String,
        /// Who it belongs to, 1 to 255 characters. May be left out when the key is bound to a client.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(min_length = 1, max_length = 255)]
        pub client_id: Option<String>,
        /// Whether it begins at once; otherwise it is paused. Default true.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub active: Option<bool>,
    }
}

fields! { schedule
    /// The body of `POST /ains/scheduled-tasks/preview`: a schedule that does not exist yet, or a part of one. What it
    /// makes may be left out, and is not looked at. Unknown fields are refused.
    #[serde(deny_unknown_fields)]
    PreviewSchedule {
        /// The slots after this instant are told. Default: now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub from: Option<Timestamp>,
        /// How many slots are told. Default 10.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(minimum = 1, maximum = 1000, default = 10)]
        pub n: Option<i64>,
        /// What people would call it; not looked at.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub name: Option<String>,
        /// Whose calendars it heeds, 1 to 255 characters. Default: the client that the key is bound to, or anybody.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(min_length = 1, max_length = 255)]
        pub client_id: Option<String>,
        /// Whether it would begin at once; not looked at.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub active: Option<bool>,
    }
}

fields! { same }

fields! { patch
    /// The body of `PATCH /ains/scheduled-tasks/{id}`: what to change.
    ///
    /// What is left out stays as it is; null puts a field back to its default. One of `cron_expression`,
    /// `interval_seconds` and `run_at` takes the place of the others, `chain` that of the task, `task_type` that of the chain, and
    /// `template_id` that of both: what is not given with it is as the template says. Unknown fields are ignored.
    PatchSchedule {
        /// What people call it, 1 to 255 characters.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(min_length = 1, max_length = 255)]
        pub name: Option<String>,
        /// Whether its slots fire: `true` resumes it, `false` pauses it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub active: Option<bool>,
    }
}

fields! { schedule
    /// The whole schedule: the answer of `GET /ains/scheduled-tasks/{id}`. What was submitted has its defaults filled in;
    /// what it does not have of that is left out.
    Schedule {
        /// `sched_` and 32 hexadecimal digits.
        pub schedule_id: String,
        /// What people call it.
        pub name: String,
        /// Who it belongs to.
        pub client_id: String,
        /// When it has slots, in words.
        pub description: String,
        /// Whether its slots fire.
        pub active: bool,
        /// Where it stands.
        #[schema(value_type = ScheduleStanding)]
        pub standing: Word,
        /// Why it is paused, if it is.
        pub paused_reason: Option<String>,
        /// Why it has ended, if it has.
        pub ended_reason: Option<String>,
        /// When its next slot fires, jitter included.
        pub next_run_at: Option<Timestamp>,
        /// The instant of its next slot.
        pub next_slot_at: Option<Timestamp>,
        /// When a slot last fired.
        pub last_run_at: Option<Timestamp>,
        /// Runs that have ended.
        pub total_runs: u64,
        /// Those of them that COMPLETED.
        pub successful_runs: u64,
        /// Those of them that FAILED; what was cancelled is neither.
        pub failed_runs: u64,
        /// Failed runs since the last one that COMPLETED.
        pub failures_in_a_row: u32,
        /// Runs that have not ended.
        pub open_runs: u32,
        /// Slots that wait for a run to end.
        pub buffered: u32,
        /// Slots that fired, of those that `max_runs` limits.
        pub fired: u64,
        /// When it was made.
        pub created_at: Timestamp,
        /// When somebody last changed it.
        pub updated_at: Timestamp,
    }
}

/// A calendar that a schedule heeds. Unknown fields are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScheduleCalendar {
    /// Which.
    pub calendar_id: String,
    /// What its dates are for.
    #[serde(rename = "use")]
    #[schema(value_type = CalendarUse)]
    pub used: String,
}

/// A chain that a schedule makes, as `POST /ains/task-chains` takes it. Unknown fields are ignored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ScheduledChain {
    /// What people call it, 1 to 255 characters. Default: the name of the schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub name: Option<String>,
    /// What its expressions know as `input`, an object; `slot_at` is added to it. `input_data` is read as well. Default
    /// `{}`.
    #[serde(default, alias = "input_data", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub input: Option<Json>,
    /// 1 to 1,000 steps.
    #[schema(min_items = 1, max_items = 1000)]
    pub steps: Vec<SubmitStep>,
}

/// The answer of `POST /ains/scheduled-tasks`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScheduleCreated {
    /// `sched_` and 32 hexadecimal digits.
    pub schedule_id: String,
    /// What people call it.
    pub name: String,
    /// The cron expression, if that is what it has.
    pub cron_expression: Option<String>,
    /// The zone of its local times and dates.
    pub timezone: String,
    /// When it has slots, in words.
    pub description: String,
    /// Whether its slots fire.
    pub active: bool,
    /// When its next slot fires, jitter included.
    pub next_run_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A schedule in a list, and the answer of pausing and resuming.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScheduleSummary {
    /// `sched_` and 32 hexadecimal digits.
    pub schedule_id: String,
    /// What people call it.
    pub name: String,
    /// Who it belongs to.
    pub client_id: String,
    /// The cron expression, if that is what it has.
    pub cron_expression: Option<String>,
    /// When it has slots, in words.
    pub description: String,
    /// The kind of work of its tasks, unless it makes chains.
    pub task_type: Option<String>,
    /// The name of its chains, if it makes some.
    pub chain_name: Option<String>,
    /// Whether its slots fire.
    pub active: bool,
    /// Where it stands.
    #[schema(value_type = ScheduleStanding)]
    pub standing: Word,
    /// Why it is paused, if it is.
    pub paused_reason: Option<String>,
    /// Why it has ended, if it has.
    pub ended_reason: Option<String>,
    /// When a slot last fired.
    pub last_run_at: Option<Timestamp>,
    /// When its next slot fires, jitter included.
    pub next_run_at: Option<Timestamp>,
    /// Runs that have ended.
    pub total_runs: u64,
    /// Those of them that COMPLETED.
    pub successful_runs: u64,
    /// Those of them that FAILED; what was cancelled is neither.
    pub failed_runs: u64,
    /// When it was made.
    pub created_at: Timestamp,
}

/// One page of schedules, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScheduleList {
    /// The schedules.
    pub schedules: Vec<ScheduleSummary>,
    /// Where the next page begins; null on the last.
    pub next_cursor: Option<String>,
}

/// The query of `GET /ains/scheduled-tasks`; every filter narrows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ScheduleFilter {
    /// Schedules of this client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Only schedules whose slots fire. Default true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(default = true)]
    pub active_only: Option<bool>,
    /// Schedules a page, 1 to 200. Default 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<i64>,
    /// Where the page begins: `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// The answer to a change of a schedule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScheduleChanged {
    /// The schedule.
    pub schedule_id: String,
    /// `Schedule updated successfully`.
    #[schema(value_type = String)]
    pub message: Word,
    /// Whether its slots fire.
    pub active: bool,
    /// When its next slot fires, jitter included.
    pub next_run_at: Option<Timestamp>,
}

/// The answer to the removal of a schedule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScheduleDeleted {
    /// The schedule.
    pub schedule_id: String,
    /// `Schedule deleted successfully`.
    #[schema(value_type = String)]
    pub message: Word,
}

/// The body of `POST /ains/scheduled-tasks/{id}/pause`, which may be left out. Unknown fields are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PauseSchedule {
    /// Why, for those who ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_sent_as_short_as_it_is() {
        let text = r#"{"name":"n","cron_expression":"@daily","calendars":[{"calendar_id":"cal_1","use":"only"}],"chain":{"steps":[]}}"#;
        let schedule: SubmitSchedule = serde_json::from_str(text).expect("a schedule");
        assert_eq!(serde_json::to_string(&schedule).expect("JSON"), text);
        let more = text.replacen('{', r#"{"colour":"red","timezone":null,"#, 1);
        assert_eq!(
            serde_json::from_str::<SubmitSchedule>(&more).expect("a schedule"),
            schedule
        );
        serde_json::from_str::<PreviewSchedule>(&more).expect_err("refused");
    }

    #[test]
    fn what_was_previewed_can_be_submitted() {
        let schedule = SubmitSchedule {
            name: "n".to_owned(),
            cron_expression: Some("@daily".to_owned()),
            task_type: Some("t".to_owned()),
            ..SubmitSchedule::default()
        };
        let preview = PreviewSchedule::from(schedule.clone());
        assert_eq!(preview.cron_expression, schedule.cron_expression);
        assert_eq!(SubmitSchedule::from(preview), schedule);
    }

    #[test]
    fn a_change_tells_null_from_nothing() {
        let text = r#"{"timezone":null,"max_runs":3}"#;
        let patch: PatchSchedule = serde_json::from_str(text).expect("a change");
        assert_eq!(
            (&patch.timezone, &patch.max_runs, &patch.end_at),
            (&Some(None), &Some(Some(3)), &None)
        );
        assert_eq!(serde_json::to_string(&patch).expect("JSON"), text);
    }

    #[test]
    fn the_input_of_a_chain_goes_by_two_names() {
        let chain: ScheduledChain =
            serde_json::from_str(r#"{"input_data":{"n":1},"steps":[]}"#).expect("a chain");
        assert_eq!(
            serde_json::to_string(&chain).expect("JSON"),
            r#"{"input":{"n":1},"steps":[]}"#
        );
    }
}
