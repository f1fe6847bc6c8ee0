//! Schedules: the next slot of ordinary and of awkward ones; one slot that is due, with and without calendars; and what is
//! most: a year of a schedule for every second that nobody was there for, a backfill, and what calendars exclude.

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::time::Duration;

use ains_core::calendar::{Calendar, Dates};
use ains_core::cron::Cron;
use ains_core::schedule::{
    CalendarUse, Catchup, Event, Fires, OnExcluded, Schedule, ScheduleDefinition, Timeline, Timing, Use,
};
use ains_core::{CalendarId, ScheduleId, Timestamp};
use chrono_tz::Tz;
use criterion::{Criterion, criterion_group, criterion_main};

/// 2026-01-01T00:00:00Z, a Thursday.
const START: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);
const HOUR: Duration = Duration::from_secs(3600);
const YEAR: Duration = Duration::from_secs(365 * 86_400);

const WEEKEND: &str = r#"{"weekdays": ["SAT", "SUN"], "holidays": [{"country": "DE"}]}"#;
const ONE_DATE: &str = r#"{"dates": ["2026-12-24", "2027-12-24"]}"#;

/// A schedule with its calendar.
struct Case {
    definition: ScheduleDefinition,
    calendars: BTreeMap<CalendarId, Calendar>,
}

impl Case {
    fn new(timing: Timing) -> Self {
        let task = r#"{"task_type": "report", "capability": "report:v1"}"#;
        let fires = Fires::Task {
            task: serde_json::from_str(task).expect("a task"),
            input: "{}".into(),
            metadata: None,
        };
        let mut definition = ScheduleDefinition::new(timing, fires);
        definition.timezone = Tz::Europe__Berlin;
        Self {
            definition,
            calendars: BTreeMap::new(),
        }
    }

    fn cron(text: &str) -> Self {
        Self::new(Timing::Cron(Cron::parse(text).expect("an entry")))
    }

    fn every(seconds: u32) -> Self {
        Self::new(Timing::Interval {
            seconds,
            anchor_at: START,
        })
    }

    fn heeds(mut self, used: Use, dates: &str, on_excluded: OnExcluded) -> Self {
        let dates: Dates = serde_json::from_str(dates).expect("the dates of a calendar");
        let id: CalendarId = "cal_0190a1b2c3d47e5f8a9b0c1d2e3f4a5b".parse().expect("an id");
        let calendar = Calendar {
            id,
            client_id: "client".parse().expect("an id"),
            name: "calendar".parse().expect("a name"),
            description: None,
            dates,
            created_at: START,
            updated_at: START,
        };
        self.definition.calendars = vec![CalendarUse {
            calendar_id: id,
            used,
        }];
        self.definition.on_excluded = on_excluded;
        self.calendars.insert(id, calendar);
        self
    }

    fn with(mut self, change: impl FnOnce(&mut ScheduleDefinition)) -> Self {
        change(&mut self.definition);
        self
    }

    fn timeline(&self) -> Timeline<'_> {
        Timeline::new(&self.definition, &self.calendars)
    }
}

fn id() -> ScheduleId {
    "sched_0190a1b2c3d47e5f8a9b0c1d2e3f4a5b".parse().expect("an id")
}

fn next_after(c: &mut Criterion) {
    use OnExcluded::{NextBusinessDay as Next, Skip};
    let mut group = c.benchmark_group("schedule/next_after");
    group
        .sample_size(20)
        .measurement_time(Duration::from_secs(1))
        .warm_up_time(Duration::from_millis(300));
    let cases = [
        ("cron", Case::cron("30 2 * * *")),
        (
            "cron_weekend",
            Case::cron("30 2 * * *").heeds(Use::Exclude, WEEKEND, Skip),
        ),
        (
            "cron_moved",
            Case::cron("30 2 1 * *").heeds(Use::Exclude, WEEKEND, Next),
        ),
        (
            "cron_one_date_moved",
            Case::cron("30 2 * * *").heeds(Use::Only, ONE_DATE, Next),
        ),
        ("interval", Case::every(3600)),
        (
            "interval_moved",
            Case::every(3600).heeds(Use::Exclude, WEEKEND, Next),
        ),
        (
            "interval_one_date_moved",
            Case::every(3600).heeds(Use::Only, ONE_DATE, Next),
        ),
        (
            "odd_interval_one_date_moved",
            Case::every(3601).heeds(Use::Only, ONE_DATE, Next),
        ),
        ("no_date", Case::cron("30 2 * * *").heeds(Use::Only, "{}", Skip)),
    ];
    for (name, case) in cases {
        let timeline = case.timeline();
        group.bench_function(name, |b| {
            let mut after = START;
            b.iter(|| {
                let slot = timeline.next_after(black_box(after));
                after = slot.map_or(START, |slot| slot.at);
            });
        });
    }
}

/// A schedule that was made at the start, and what it takes to decide about an event a while later.
fn decisions(c: &mut Criterion) {
    use OnExcluded::{NextBusinessDay as Next, Skip};
    let mut group = c.benchmark_group("schedule/decide");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(2))
        .warm_up_time(Duration::from_millis(300));
    let all = |it: &mut ScheduleDefinition| {
        it.catchup = Catchup::All;
        it.catchup_window_seconds = 31_536_000;
    };
    let backfill = || Event::Backfill {
        from: START - HOUR,
        to: START,
        overlap: None,
        taken: BTreeSet::new(),
    };
    let cases = [
        ("due", Case::cron("0 * * * *"), Event::Due, HOUR),
        (
            "due_jitter",
            Case::cron("0 * * * *").with(|it| it.jitter_seconds = 5),
            Event::Due,
            HOUR + Duration::from_secs(5),
        ),
        (
            "due_weekend",
            Case::cron("0 9 * * *").heeds(Use::Exclude, WEEKEND, Skip),
            Event::Due,
            104 * HOUR,
        ),
        ("run_now", Case::cron("0 * * * *"), Event::RunNow, HOUR),
        (
            "a_year_of_seconds",
            Case::cron("* * * * * *").with(all),
            Event::Due,
            YEAR,
        ),
        (
            "a_year_of_seconds_interval",
            Case::every(1).with(all),
            Event::Due,
            YEAR,
        ),
        (
            "a_year_of_seconds_weekend",
            Case::cron("* * * * * *")
                .heeds(Use::Exclude, WEEKEND, Skip)
                .with(all),
            Event::Due,
            YEAR,
        ),
        (
            "a_year_of_hours_moved",
            Case::every(3600).heeds(Use::Exclude, WEEKEND, Next).with(all),
            Event::Due,
            YEAR,
        ),
        (
            "a_year_of_hours_to_one_date",
            Case::every(3600).heeds(Use::Only, ONE_DATE, Next).with(all),
            Event::Due,
            YEAR,
        ),
        ("backfill_too_many", Case::every(1), backfill(), HOUR),
    ];
    for (name, case, event, later) in cases {
        let timeline = case.timeline();
        let schedule = Schedule::new(id(), &timeline, START).expect("it has slots");
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut schedule = schedule.clone();
                black_box(schedule.on(id(), &timeline, event.clone(), START + later).ok())
            });
        });
    }
}

criterion_group!(benches, next_after, decisions);
criterion_main!(benches);
