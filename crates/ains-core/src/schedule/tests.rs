//! Schedules by tables: one line per case.

mod asked;
mod definition;
mod late;
mod overlap;
mod records;
mod slots;
mod steer;
mod work;

use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::{
    CalendarUse, Decision, Event, Fires, OnExcluded, Schedule, ScheduleDefinition, SlotState, Timeline,
    Timing, Use,
};
use crate::calendar::{Calendar, Dates};
use crate::dependency::Ending;
use crate::ids::{CalendarId, ScheduleId};
use crate::time::Timestamp;

/// The rows of a table, a line each: cells between `|`. What begins with `#` says something about those below.
fn rows<const CELLS: usize>(table: &'static str) -> Vec<[&'static str; CELLS]> {
    let lines = table
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let cells = lines.map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    cells
        .map(|cells| cells.try_into().expect("every row has as many cells"))
        .collect()
}

/// The cells of a cell: between `;`. An empty one has none.
fn each(cell: &str) -> Vec<&str> {
    cell.split(';')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect()
}

/// A word of definitions, such as `next_business_day`.
fn word<T: serde::de::DeserializeOwned>(word: &str) -> T {
    serde_json::from_str(&format!("\"{word}\"")).expect("a word of definitions")
}

/// An instant: `2026-03-29 02:30`, or with seconds and their fractions, in UTC.
fn at(text: &str) -> Timestamp {
    let text = if text.len() == 16 {
        format!("{text}:00")
    } else {
        text.to_owned()
    };
    let instant: chrono::NaiveDateTime = text.replace(' ', "T").parse().expect("a test's instant");
    instant.and_utc().into()
}

fn seconds(count: i64) -> Timestamp {
    Timestamp::from_micros(count * 1_000_000)
}

fn id() -> ScheduleId {
    "sched_0190a1b2c3d47e5f8a9b0c1d2e3f4a5b".parse().expect("an id")
}

/// A schedule: `every 600`, from 2026-01-01T00:00:00Z on and before, `once 2026-03-29 02:30`, or a cron expression.
fn define(when: &str) -> ScheduleDefinition {
    let timing = match when.split_once(' ') {
        Some(("every", length)) => Timing::Interval {
            seconds: length.parse().expect("a number"),
            anchor_at: at("2026-01-01 00:00"),
        },
        Some(("once", instant)) => Timing::Once(at(instant)),
        _ => Timing::Cron(when.parse_cron()),
    };
    let task = r#"{"task_type": "report", "capability": "report:v1"}"#;
    let task = serde_json::from_str(task).expect("a task");
    let fires = Fires::Task {
        task,
        input: "{}".into(),
        metadata: None,
    };
    ScheduleDefinition::new(timing, fires)
}

trait ParseCron {
    fn parse_cron(&self) -> crate::cron::Cron;
}

impl ParseCron for str {
    fn parse_cron(&self) -> crate::cron::Cron {
        crate::cron::Cron::parse(self).expect("a cron expression")
    }
}

/// A schedule with its calendars, and how it stands.
struct Case {
    definition: ScheduleDefinition,
    calendars: BTreeMap<CalendarId, Calendar>,
    schedule: Option<Schedule>,
}

impl Case {
    fn new(when: &str) -> Self {
        Self {
            definition: define(when),
            calendars: BTreeMap::new(),
            schedule: None,
        }
    }

    fn zone(mut self, zone: Tz) -> Self {
        self.definition.timezone = zone;
        self
    }

    fn with(mut self, change: impl FnOnce(&mut ScheduleDefinition)) -> Self {
        change(&mut self.definition);
        self
    }

    /// Heeds a calendar: the JSON of its dates.
    fn heeds(mut self, used: Use, dates: &str) -> Self {
        let number = self.calendars.len();
        let calendar_id: CalendarId = format!("cal_0190a1b2c3d47e5f8a9b0c1d2e3f4a{number:02}")
            .parse()
            .expect("an id");
        let dates: Dates = serde_json::from_str(dates).expect("the dates of a calendar");
        let calendar = Calendar {
            id: calendar_id,
            client_id: "client".parse().expect("an id"),
            name: format!("c{number}").parse().expect("a name"),
            description: None,
            dates,
            created_at: seconds(0),
            updated_at: seconds(0),
        };
        self.definition.calendars.push(CalendarUse { calendar_id, used });
        self.calendars.insert(calendar_id, calendar);
        self
    }

    /// Heeds the weekend, and moves what is on it.
    fn moves(mut self, on_excluded: OnExcluded) -> Self {
        self.definition.on_excluded = on_excluded;
        self.heeds(Use::Exclude, WEEKEND)
    }

    fn timeline(&self) -> Timeline<'_> {
        Timeline::new(&self.definition, &self.calendars)
    }

    /// Creates it.
    fn begin(mut self, now: &str) -> Self {
        self.schedule = Some(Schedule::new(id(), &self.timeline(), at(now)).expect("it has slots"));
        self
    }

    fn now(&self) -> &Schedule {
        self.schedule.as_ref().expect("it has begun")
    }

    /// An event; a slot that is released fires.
    fn on(&mut self, event: Event, now: &str) -> Decision {
        let mut schedule = self.schedule.take().expect("it has begun");
        let timeline = self.timeline();
        let decision = schedule
            .on(id(), &timeline, event, at(now))
            .expect("it can be done");
        if decision.release {
            schedule.released(&timeline, super::SlotKind::Cron, at(now));
        }
        self.schedule = Some(schedule);
        decision
    }

    fn due(&mut self, now: &str) -> String {
        tell(&self.on(Event::Due, now))
    }

    fn ended(&mut self, ending: Ending, now: &str) -> String {
        tell(&self.on(Event::RunEnded(ending), now))
    }
}

const WEEKEND: &str = r#"{"weekdays": ["SAT", "SUN"]}"#;

/// A time of day, with seconds only if there are any.
fn time(at: Timestamp) -> String {
    let text = at.to_string();
    let time = text[11..]
        .trim_end_matches('Z')
        .trim_end_matches('0')
        .trim_end_matches('.');
    if text[17..].starts_with("00.000000") {
        text[11..16].to_owned()
    } else {
        time.to_owned()
    }
}

/// A decision in a line, with the times of day of the slots.
fn tell(decision: &Decision) -> String {
    let mut told = Vec::new();
    told.extend(decision.drop_buffered.iter().map(|_| "drop".to_owned()));
    told.extend(decision.cancel_runs.iter().map(|_| "cancel".to_owned()));
    for record in &decision.records {
        let slots = match record.count {
            1 => time(record.slot_at),
            count => format!("{}..{} ({count})", time(record.slot_at), time(record.until)),
        };
        let state = match record.state {
            SlotState::Buffered => "wait",
            SlotState::Dropped => "dropped",
            SlotState::Skipped => "skip",
            SlotState::Missed => "miss",
            SlotState::Fired => "fired?",
        };
        told.push(format!("{state} {slots}"));
    }
    let fire: Vec<String> = decision.fire.iter().map(|firing| time(firing.slot_at)).collect();
    if !fire.is_empty() {
        told.push(format!("fire {}", fire.join(" ")));
    }
    told.extend(decision.release.then(|| "release".to_owned()));
    told.join(", ")
}
