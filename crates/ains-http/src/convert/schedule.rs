//! Schedules: checked bodies in; what they become by a change, in `merge`; schedules out, in `view`; their slots, in
//! `slot`.

mod merge;
mod slot;
mod view;

use std::ops::RangeInclusive;
use std::str::FromStr;

use ains_api::{Compensation, ScheduleCalendar, SubmitSchedule};
use ains_core::chain::{Definition, Plan};
use ains_core::cron::{Cron, Dst, DstFold, DstGap};
use ains_core::schedule::{
    CalendarUse, Catchup, Fires, OnExcluded, Overlap, ScheduleDefinition, Timing, Use, limits,
};
use ains_core::{Name, Timestamp};
pub(crate) use merge::{TASK, merged};
pub(crate) use slot::{backfilled, preview, ran_now, slot};
pub(crate) use view::{changed, created, deleted, summary, whole};

use super::chain::{asked, pointer, stand_in};
use super::instant;
use crate::json::Faults;

/// What becomes of local times that do not exist, the default first.
const DST_GAP: [(&str, DstGap); 2] = [("run_after", DstGap::RunAfter), ("skip", DstGap::Skip)];

/// What becomes of local times that come twice, the default first.
const DST_FOLD: [(&str, DstFold); 2] = [("first", DstFold::First), ("both", DstFold::Both)];

/// What the dates of a calendar are for.
const USES: [(&str, Use); 2] = [("exclude", Use::Exclude), ("only", Use::Only)];

/// What becomes of a slot on another date, the default first.
const ON_EXCLUDED: [(&str, OnExcluded); 3] = [
    ("skip", OnExcluded::Skip),
    ("next_business_day", OnExcluded::NextBusinessDay),
    ("previous_business_day", OnExcluded::PreviousBusinessDay),
];

/// What becomes of a slot while an earlier run is unfinished, the default first.
pub(crate) const OVERLAP: [(&str, Overlap); 5] = [
    ("allow_all", Overlap::AllowAll),
    ("skip", Overlap::Skip),
    ("buffer_one", Overlap::BufferOne),
    ("buffer_all", Overlap::BufferAll),
    ("cancel_other", Overlap::CancelOther),
];

/// What becomes of slots that nobody was there for, the default first.
const CATCHUP: [(&str, Catchup); 3] = [
    ("last", Catchup::Last),
    ("none", Catchup::None),
    ("all", Catchup::All),
];

/// The ways to say when a schedule has slots. It has one of them.
const WAYS: [&str; 3] = ["cron_expression", "interval_seconds", "run_at"];

/// Slots, or failures, that can be counted to.
const COUNTS: RangeInclusive<u32> = 1..=1_000_000_000;

/// Microseconds of a second.
const SECOND: i64 = 1_000_000;

/// Characters of a text that a message repeats.
const SHOWN: usize = 64;

/// Checks when a schedule has slots and what becomes of them. Where something is wrong with that, or with what it makes,
/// something else stands in for it, so that the schedule can be looked at as a whole all the same.
pub(crate) fn definition(
    sent: &SubmitSchedule,
    fires: Option<Fires>,
    now: Timestamp,
    faults: &mut Faults,
) -> Option<ScheduleDefinition> {
    let timing = timing(sent, now, faults);
    let is_whole = timing.is_some() && fires.is_some();
    let stand_in = ScheduleDefinition::new(Timing::Once(now), nothing());
    let timezone = sent.timezone.as_deref().and_then(|name| zone(name, faults));
    let definition = ScheduleDefinition {
        timing: timing.unwrap_or(stand_in.timing),
        timezone: timezone.unwrap_or(stand_in.timezone),
        start_at: sent.start_at.map(instant),
        end_at: sent.end_at.map(instant),
        max_runs: within(faults, "/max_runs", sent.max_runs, &COUNTS).map(u64::from),
        jitter_seconds: within(
            faults,
            "/jitter_seconds",
            sent.jitter_seconds,
            &limits::JITTER_SECONDS,
        )
        .unwrap_or(stand_in.jitter_seconds),
        dst: Dst {
            gap: word(faults, "/dst_gap", sent.dst_gap.as_deref(), &DST_GAP),
            fold: word(faults, "/dst_fold", sent.dst_fold.as_deref(), &DST_FOLD),
        },
        calendars: calendars(sent.calendars.as_deref().unwrap_or_default(), faults),
        on_excluded: word(faults, "/on_excluded", sent.on_excluded.as_deref(), &ON_EXCLUDED),
        overlap: word(
            faults,
            "/overlap_policy",
            sent.overlap_policy.as_deref(),
            &OVERLAP,
        ),
        catchup: word(faults, "/catchup", sent.catchup.as_deref(), &CATCHUP),
        catchup_window_seconds: within(
            faults,
            "/catchup_window_seconds",
            sent.catchup_window_seconds,
            &limits::CATCHUP_WINDOW_SECONDS,
        )
        .unwrap_or(stand_in.catchup_window_seconds),
        pause_after_failures: within(
            faults,
            "/pause_after_failures",
            sent.pause_after_failures,
            &COUNTS,
        ),
        fires: fires.unwrap_or(stand_in.fires),
    };
    for fault in definition.check().err().unwrap_or_default() {
        faults.add(&pointer(&fault.field), fault.message);
    }
    is_whole.then_some(definition)
}

/// Stands in for what a schedule makes, where that does not matter.
pub(crate) fn nothing() -> Fires {
    Fires::Task {
        task: stand_in(),
        input: "{}".into(),
        metadata: None,
    }
}

/// The number that was sent, if it is within `range`.
fn within(faults: &mut Faults, at: &str, sent: Option<i64>, range: &RangeInclusive<u32>) -> Option<u32> {
    faults.within_opt(at, sent, range).flatten()
}

/// What was sent stands for, or the default.
fn word<T: Copy + Default>(faults: &mut Faults, at: &str, sent: Option<&str>, words: &[(&str, T)]) -> T {
    faults.choice(at, sent, words).unwrap_or_default()
}

/// The zone of this name.
fn zone<Z: FromStr>(name: &str, faults: &mut Faults) -> Option<Z> {
    let zone = name.parse().ok();
    if zone.is_none() {
        let shown: String = name.chars().take(SHOWN).collect();
        faults.unusable(
            "/timezone",
            format!("`{shown}` is not the name of a time zone, such as Europe/Berlin"),
        );
    }
    zone
}

fn timing(sent: &SubmitSchedule, now: Timestamp, faults: &mut Faults) -> Option<Timing> {
    if sent.anchor_at.is_some() && sent.interval_seconds.is_none() {
        faults.add("/anchor_at", "only with `interval_seconds`");
    }
    match (&sent.cron_expression, sent.interval_seconds, sent.run_at) {
        (Some(text), None, None) => {
            let cron = Cron::parse(text).map_err(|fault| {
                faults.unusable("/cron_expression", fault.to_string());
            });
            cron.ok().map(Timing::Cron)
        }
        (None, Some(seconds), None) => {
            let seconds = faults.within("/interval_seconds", seconds, &limits::INTERVAL_SECONDS);
            let anchor_at = match sent.anchor_at.map(instant) {
                None => Timestamp::from_micros(now.as_micros().div_euclid(SECOND) * SECOND),
                Some(anchor_at) => {
                    if anchor_at.as_micros() % SECOND != 0 {
                        faults.add("/anchor_at", "must be a whole second");
                    }
                    anchor_at
                }
            };
            Some(Timing::Interval {
                seconds: seconds?,
                anchor_at,
            })
        }
        (None, None, Some(at)) => Some(Timing::Once(instant(at))),
        (None, None, None) => {
            // What could not be read was given all the same.
            if !WAYS.iter().any(|way| faults.name(&format!("/{way}"))) {
                faults.add(
                    "/cron_expression",
                    "is missing: one of `cron_expression`, `interval_seconds` and `run_at` is wanted",
                );
            }
            None
        }
        (cron, interval, once) => {
            let given = [cron.is_some(), interval.is_some(), once.is_some()];
            let given: Vec<_> = WAYS.iter().zip(given).filter(|(_, given)| *given).collect();
            for (way, _) in &given {
                let others = given.iter().filter(|(other, _)| other != way);
                let others: Vec<_> = others.map(|(other, _)| format!("`{other}`")).collect();
                faults.add(
                    &format!("/{way}"),
                    format!("not together with {}", others.join(" and ")),
                );
            }
            None
        }
    }
}

/// Checks which calendars a schedule heeds. A text that is no calendar id names a calendar that does not exist.
fn calendars(sent: &[ScheduleCalendar], faults: &mut Faults) -> Vec<CalendarUse> {
    if sent.len() > limits::CALENDARS {
        faults.add(
            "/calendars",
            format!("must have at most {} elements", limits::CALENDARS),
        );
        return Vec::new();
    }
    let mut read = Vec::with_capacity(sent.len());
    for (index, calendar) in sent.iter().enumerate() {
        let used = faults.choice(&format!("/calendars/{index}/use"), Some(&calendar.used), &USES);
        if let Ok(calendar_id) = calendar.calendar_id.parse() {
            read.push(CalendarUse {
                calendar_id,
                used: used.unwrap_or(Use::Exclude),
            });
        } else {
            let shown: String = calendar.calendar_id.chars().take(SHOWN).collect();
            faults.absent(format!("Calendar {shown}"));
        }
    }
    read
}

/// Checks what is asked of an agent, if the schedule makes tasks.
pub(crate) fn task(sent: &mut SubmitSchedule, faults: &mut Faults) -> Option<Fires> {
    let own = Compensation {
        template_id: sent.template_id.take(),
        task_type: sent.task_type.take(),
        capability_required: sent.capability_required.take(),
        input_data: sent.input_data.take(),
        priority: sent.priority,
        timeout_seconds: sent.timeout_seconds,
        max_retries: sent.max_retries,
        routing_strategy: sent.routing_strategy.take(),
        retry_policy: sent.retry_policy.take(),
        timeout_policy: sent.timeout_policy.take(),
        min_trust: sent.min_trust,
        heartbeat_timeout_seconds: sent.heartbeat_timeout_seconds,
    };
    let (task, input) = asked(own, faults);
    let metadata = faults.object_opt("/metadata", sent.metadata.take())?;
    Some(Fires::Task {
        task,
        input,
        metadata,
    })
}

/// What a schedule makes, if that is a chain.
pub(crate) fn chain(name: Name, plan: &Plan, input: Box<str>) -> Fires {
    let definition: Definition = plan.definition().clone();
    Fires::Chain {
        name,
        definition,
        input,
    }
}
