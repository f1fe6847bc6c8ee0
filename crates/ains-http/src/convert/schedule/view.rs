//! Schedules as they stand.

use ains_api::{
    Compensation, Schedule, ScheduleCalendar, ScheduleChanged, ScheduleCreated, ScheduleDeleted,
    ScheduleSummary, ScheduledChain, Word,
};
use ains_core::schedule::{Fires, ScheduleDefinition, Standing, Timing};
use ains_core::{ScheduleId, schedule};
use ains_service::model::ScheduleView;

use super::{CATCHUP, DST_FOLD, DST_GAP, ON_EXCLUDED, OVERLAP, USES};
use crate::convert::{at, chain, json, word};

/// The answer to a creation.
pub(crate) fn created(view: &ScheduleView) -> ScheduleCreated {
    ScheduleCreated {
        schedule_id: view.id.into(),
        name: view.name.to_string(),
        cron_expression: cron(&view.definition),
        timezone: view.definition.timezone.to_string(),
        description: view.definition.describe(),
        active: is_active(&view.schedule),
        next_run_at: view.schedule.due_at.map(at),
        created_at: at(view.created_at),
    }
}

/// The answer to a change.
pub(crate) fn changed(view: &ScheduleView) -> ScheduleChanged {
    ScheduleChanged {
        schedule_id: view.id.into(),
        message: Word::Borrowed("Schedule updated successfully"),
        active: is_active(&view.schedule),
        next_run_at: view.schedule.due_at.map(at),
    }
}

/// The answer to a removal.
pub(crate) fn deleted(id: ScheduleId) -> ScheduleDeleted {
    ScheduleDeleted {
        schedule_id: id.into(),
        message: Word::Borrowed("Schedule deleted successfully"),
    }
}

/// What lists show of a schedule.
pub(crate) fn summary(view: &ScheduleView) -> ScheduleSummary {
    let schedule = &view.schedule;
    let (task_type, chain_name) = match &view.definition.fires {
        Fires::Task { task, .. } => (task.task_type.as_ref().map(ToString::to_string), None),
        Fires::Chain { name, .. } => (None, Some(name.to_string())),
    };
    ScheduleSummary {
        schedule_id: view.id.into(),
        name: view.name.to_string(),
        client_id: view.client.to_string(),
        cron_expression: cron(&view.definition),
        description: view.definition.describe(),
        task_type,
        chain_name,
        active: is_active(schedule),
        standing: Word::Borrowed(schedule.standing.as_str()),
        paused_reason: reason_if(schedule, Standing::Paused),
        ended_reason: reason_if(schedule, Standing::Ended),
        last_run_at: schedule.last_run_at.map(at),
        next_run_at: schedule.due_at.map(at),
        total_runs: schedule.total_runs,
        successful_runs: schedule.successful_runs,
        failed_runs: schedule.failed_runs,
        created_at: at(view.created_at),
    }
}

/// The whole schedule.
pub(crate) fn whole(view: &ScheduleView) -> Schedule {
    let ScheduleView {
        definition, schedule, ..
    } = view;
    let (interval_seconds, anchor_at, run_at) = match definition.timing {
        Timing::Cron(_) => (None, None, None),
        Timing::Interval { seconds, anchor_at } => (Some(seconds.into()), Some(at(anchor_at)), None),
        Timing::Once(once) => (None, None, Some(at(once))),
    };
    let calendars = definition.calendars.iter().map(|used| ScheduleCalendar {
        calendar_id: used.calendar_id.into(),
        used: word(&USES, used.used),
    });
    let stands = Schedule {
        schedule_id: view.id.into(),
        name: view.name.to_string(),
        client_id: view.client.to_string(),
        description: definition.describe(),
        active: is_active(schedule),
        standing: Word::Borrowed(schedule.standing.as_str()),
        paused_reason: reason_if(schedule, Standing::Paused),
        ended_reason: reason_if(schedule, Standing::Ended),
        next_run_at: schedule.due_at.map(at),
        next_slot_at: schedule.next_at.map(at),
        last_run_at: schedule.last_run_at.map(at),
        total_runs: schedule.total_runs,
        successful_runs: schedule.successful_runs,
        failed_runs: schedule.failed_runs,
        failures_in_a_row: schedule.failures_in_a_row,
        open_runs: schedule.open_runs,
        buffered: schedule.buffered,
        fired: schedule.fired,
        created_at: at(view.created_at),
        updated_at: at(view.updated_at),
        ..makes(&definition.fires)
    };
    Schedule {
        cron_expression: cron(definition),
        interval_seconds,
        anchor_at,
        run_at,
        timezone: Some(definition.timezone.to_string()),
        start_at: definition.start_at.map(at),
        end_at: definition.end_at.map(at),
        max_runs: definition
            .max_runs
            .map(|runs| i64::try_from(runs).unwrap_or(i64::MAX)),
        jitter_seconds: Some(definition.jitter_seconds.into()),
        dst_gap: Some(word(&DST_GAP, definition.dst.gap)),
        dst_fold: Some(word(&DST_FOLD, definition.dst.fold)),
        calendars: Some(calendars.collect()),
        on_excluded: Some(word(&ON_EXCLUDED, definition.on_excluded)),
        overlap_policy: Some(word(&OVERLAP, definition.overlap)),
        catchup: Some(word(&CATCHUP, definition.catchup)),
        catchup_window_seconds: Some(definition.catchup_window_seconds.into()),
        pause_after_failures: definition.pause_after_failures.map(Into::into),
        ..stands
    }
}

/// What a schedule makes, and nothing else of it.
fn makes(fires: &Fires) -> Schedule {
    match fires {
        Fires::Task {
            task,
            input,
            metadata,
        } => {
            let Compensation {
                template_id,
                task_type,
                capability_required,
                input_data,
                priority,
                timeout_seconds,
                max_retries,
                routing_strategy,
                retry_policy,
                timeout_policy,
                min_trust,
                heartbeat_timeout_seconds,
            } = chain::submitted(task, input);
            Schedule {
                template_id,
                task_type,
                capability_required,
                input_data,
                priority,
                timeout_seconds,
                max_retries,
                routing_strategy,
                retry_policy,
                timeout_policy,
                min_trust,
                heartbeat_timeout_seconds,
                metadata: metadata.clone().map(json),
                ..Schedule::default()
            }
        }
        Fires::Chain {
            name,
            definition,
            input,
        } => Schedule {
            chain: Some(ScheduledChain {
                name: Some(name.to_string()),
                input: Some(json(input.clone())),
                steps: definition.steps.iter().map(chain::written).collect(),
            }),
            ..Schedule::default()
        },
    }
}

fn cron(definition: &ScheduleDefinition) -> Option<String> {
    match &definition.timing {
        Timing::Cron(cron) => Some(cron.to_string()),
        Timing::Interval { .. } | Timing::Once(_) => None,
    }
}

fn is_active(schedule: &schedule::Schedule) -> bool {
    schedule.standing == Standing::Active
}

fn reason_if(schedule: &schedule::Schedule, standing: Standing) -> Option<String> {
    schedule.reason.clone().filter(|_| schedule.standing == standing)
}
