//! Schedules drawn by chance, with a plain reading of what their cron expressions name.

use std::collections::BTreeMap;

use ains_core::calendar::{Calendar, Dates, ListedDate, Weekdays};
use ains_core::chain::StepTask;
use ains_core::cron::{Cron, Dst, DstFold, DstGap};
use ains_core::schedule::{CalendarUse, Fires, OnExcluded, ScheduleDefinition, Timing, Use};
use ains_core::{CalendarId, ScheduleId, Timestamp};
use chrono::{DateTime, Datelike as _, Days, NaiveDate, NaiveDateTime, Offset as _, TimeZone as _, Weekday};
use chrono_tz::Tz;
use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const DAY: i64 = 86_400 * SECOND;

/// Zones whose clocks do something odd, among them at, before and after midnight, and some ordinary ones.
const ZONES: [Tz; 16] = [
    Tz::UTC,
    Tz::Europe__Berlin,
    Tz::America__New_York,
    Tz::Australia__Lord_Howe,
    Tz::America__Nuuk,
    Tz::America__Scoresbysund,
    Tz::America__St_Johns,
    Tz::America__Sao_Paulo,
    Tz::America__Havana,
    Tz::Africa__Cairo,
    Tz::Asia__Beirut,
    Tz::Pacific__Apia,
    Tz::Pacific__Kwajalein,
    Tz::America__Juneau,
    Tz::Africa__Casablanca,
    Tz::Asia__Kathmandu,
];

const SECONDS: [&str; 6] = ["0", "0", "0", "0", "*/20", "10,50"];
const MINUTES: [&str; 8] = ["0", "0", "30", "0,30", "15,45", "59", "*/20", "*"];
const HOURS: [&str; 12] = [
    "0", "2", "1-3", "0,23", "9,17", "23", "22-23", "12", "*/6", "*", "*", "0-3",
];
const DATES: [&str; 9] = [
    "* * *",
    "* * *",
    "* * *",
    "* * MON-FRI",
    "* * SAT,SUN",
    "1,15 * *",
    "L * *",
    "* * MON",
    "30 * *",
];

/// What the date fields of [`DATES`] name.
fn is_named(dates: &str, date: NaiveDate) -> bool {
    match dates {
        "* * *" => true,
        "* * MON-FRI" => !is_weekend(date),
        "* * SAT,SUN" => is_weekend(date),
        "* * MON" => date.weekday() == Weekday::Mon,
        "1,15 * *" => [1, 15].contains(&date.day()),
        "L * *" => date.succ_opt().unwrap().day() == 1,
        "30 * *" => date.day() == 30,
        other => panic!("what `{other}` names is not said"),
    }
}

fn is_weekend(date: NaiveDate) -> bool {
    [Weekday::Sat, Weekday::Sun].contains(&date.weekday())
}

/// The values of a field below `end`.
fn values(text: &str, end: i64) -> Vec<i64> {
    let number = |text: &str| text.parse::<i64>().unwrap();
    match (text.split_once('/'), text.split_once('-')) {
        (Some((_, step)), _) => (0..end).filter(|value| value % number(step) == 0).collect(),
        (_, Some((first, last))) => (number(first)..=number(last)).collect(),
        _ if text == "*" => (0..end).collect(),
        _ => text.split(',').map(number).collect(),
    }
}

/// A cron expression, and what it is made of.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) cron: Cron,
    /// The times of day that it names, in seconds.
    pub(crate) times: Vec<i64>,
    dates: &'static str,
    pub(crate) is_fixed: bool,
}

impl Entry {
    pub(crate) fn draw(rng: &mut StdRng) -> Self {
        let [seconds, minutes] = [&SECONDS[..], &MINUTES[..]].map(|field| *field.choose(rng).unwrap());
        let (hours, dates) = (*HOURS.choose(rng).unwrap(), *DATES.choose(rng).unwrap());
        let mut times = Vec::new();
        for hour in values(hours, 24) {
            for minute in values(minutes, 60) {
                let begin = hour * 3600 + minute * 60;
                times.extend(values(seconds, 60).into_iter().map(|second| begin + second));
            }
        }
        let is_fixed = ![minutes, hours].concat().contains(['*', '/']);
        let cron = Cron::parse(&format!("{seconds} {minutes} {hours} {dates}")).unwrap();
        Self {
            cron,
            times,
            dates,
            is_fixed,
        }
    }

    pub(crate) fn names(&self, date: NaiveDate) -> bool {
        is_named(self.dates, date)
    }
}

/// A schedule, with its calendars.
#[derive(Debug, Clone)]
pub(crate) struct Drawn {
    pub(crate) definition: ScheduleDefinition,
    pub(crate) calendars: BTreeMap<CalendarId, Calendar>,
    /// The expression, if it has one.
    pub(crate) entry: Option<Entry>,
}

/// The dates and instants that matter: two weeks, most of the time with a change of the clocks in them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) zone: Tz,
    pub(crate) begin: i64,
    pub(crate) end: i64,
}

impl Window {
    pub(crate) fn draw(rng: &mut StdRng) -> Self {
        let zone = *ZONES.choose(rng).unwrap();
        let odd = match zone {
            Tz::Pacific__Apia => 1_325_239_200,
            Tz::Pacific__Kwajalein => *[745_934_400, -7_988_400].choose(rng).unwrap(),
            // The date line moved, and with it the clocks by a day.
            Tz::America__Juneau => -3_225_223_728,
            _ => rng.random_range(1980..2036) * 31_556_952 - 1970 * 31_556_952,
        };
        let change = match zone {
            Tz::Pacific__Apia | Tz::Pacific__Kwajalein | Tz::America__Juneau if rng.random_bool(0.7) => odd,
            _ => change_after(zone, odd).unwrap_or(odd),
        };
        // Often shortly before it: most schedules with many slots a day are only looked at for a day.
        let before = *[86_400, 9 * 86_400].choose(rng).unwrap();
        let begin = change - rng.random_range(0..before);
        let [begin, end] = [begin, begin + rng.random_range(2..14) * 86_400].map(|at| at * SECOND);
        Self { zone, begin, end }
    }

    /// The first days only, if there are slots every few minutes.
    pub(crate) fn narrow(&mut self, drawn: &Drawn) {
        let a_day = match (&drawn.entry, &drawn.definition.timing) {
            (Some(entry), _) => entry.times.len(),
            (_, Timing::Interval { seconds, .. }) => 86_400 / *seconds as usize,
            _ => 1,
        };
        if a_day > 300 {
            self.end = self.end.min(self.begin + 3 * DAY / 2);
        } else if a_day > 50 {
            self.end = self.end.min(self.begin + 5 * DAY);
        }
    }

    pub(crate) fn instant(&self, rng: &mut StdRng) -> i64 {
        rng.random_range(self.begin..self.end)
    }
}

/// From UTC to local time, in microseconds: all that the model asks of a zone.
pub(crate) fn offset(zone: Tz, at: i64) -> i64 {
    let offset = zone.offset_from_utc_datetime(&naive(at));
    i64::from(offset.fix().local_minus_utc()) * SECOND
}

/// A date and time of day, in microseconds after 1970 began.
pub(crate) fn naive(micros: i64) -> NaiveDateTime {
    DateTime::from_timestamp_micros(micros).unwrap().naive_utc()
}

/// The next change of the clocks within a year.
fn change_after(zone: Tz, from: i64) -> Option<i64> {
    let offset = |seconds: i64| offset(zone, seconds * SECOND);
    let mut begin = from;
    while offset(begin) == offset(begin + 5 * 86_400) {
        begin += 5 * 86_400;
        if begin > from + 366 * 86_400 {
            return None;
        }
    }
    let (mut low, mut high) = (begin, begin + 5 * 86_400);
    while high - low > 1 {
        let middle = low.midpoint(high);
        *if offset(middle) == offset(begin) {
            &mut low
        } else {
            &mut high
        } = middle;
    }
    Some(high)
}

pub(crate) fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

pub(crate) fn id() -> ScheduleId {
    "sched_0190a1b2c3d47e5f8a9b0c1d2e3f4a5b".parse().unwrap()
}

/// A task, since something must be fired.
pub(crate) fn a_task() -> Fires {
    let task: StepTask =
        serde_json::from_str(r#"{"task_type": "report", "capability": "report:v1"}"#).unwrap();
    Fires::Task {
        task,
        input: "{}".into(),
        metadata: None,
    }
}

fn calendar_id(number: usize) -> CalendarId {
    format!("cal_0190a1b2c3d47e5f8a9b0c1d2e3f4a{number:02}")
        .parse()
        .unwrap()
}

pub(crate) fn a_calendar(number: usize, dates: Dates) -> Calendar {
    Calendar {
        id: calendar_id(number),
        client_id: "client".parse().unwrap(),
        name: format!("calendar {number}").parse().unwrap(),
        description: None,
        dates,
        created_at: at(0),
        updated_at: at(0),
    }
}

/// Dates around a window: days of the week, listed ones, or long runs of them.
fn draw_dates(rng: &mut StdRng, window: &Window) -> Dates {
    let listed = |days: Vec<i64>| {
        let dates = days.into_iter().map(|day| naive(window.begin + day * DAY).date());
        dates
            .map(|date| ListedDate {
                date,
                name: (date.day() % 3 == 0).then(|| "holiday".into()),
            })
            .collect()
    };
    let days = |text: &str| -> Weekdays { serde_json::from_str(text).unwrap() };
    let weekend = days(r#"["SAT", "SUN"]"#);
    match rng.random_range(0..8) {
        0 | 1 => Dates::new(Vec::new(), weekend, Vec::new()),
        2 => Dates::new(
            Vec::new(),
            days(r#"["MON", "TUE", "WED", "THU", "FRI"]"#),
            Vec::new(),
        ),
        3 => Dates::new(
            listed((0..6).map(|_| rng.random_range(-3..16)).collect()),
            weekend,
            Vec::new(),
        ),
        4 => {
            let begin = rng.random_range(-5..12);
            Dates::new(
                listed((begin..begin + rng.random_range(2..12)).collect()),
                Weekdays::default(),
                Vec::new(),
            )
        }
        // Far from each other: a year is the farthest that slots are moved.
        5 => Dates::new(
            listed(vec![-380, -370, -5, 3, 9, 374, 383]),
            Weekdays::default(),
            Vec::new(),
        ),
        6 => Dates::new(Vec::new(), days(r#"["WED"]"#), Vec::new()),
        _ => Dates::new(
            listed((0..4).map(|_| rng.random_range(-3..16)).collect()),
            Weekdays::default(),
            Vec::new(),
        ),
    }
}

impl Drawn {
    pub(crate) fn draw(rng: &mut StdRng, window: &Window) -> Self {
        let mut entry = None;
        let timing = match rng.random_range(0..10) {
            0..=5 => {
                let drawn = Entry::draw(rng);
                let cron = drawn.cron.clone();
                entry = Some(drawn);
                Timing::Cron(cron)
            }
            6..=8 => {
                let seconds = [
                    60, 600, 3000, 3600, 3600, 5400, 7200, 21_600, 86_400, 86_400, 100_000, 604_800,
                ];
                let whole = if rng.random_bool(0.5) { SECOND } else { 1 };
                let anchor = window.instant(rng) + rng.random_range(-500..500) * DAY;
                Timing::Interval {
                    seconds: *seconds.choose(rng).unwrap(),
                    anchor_at: at(anchor - anchor.rem_euclid(whole)),
                }
            }
            _ => Timing::Once(at(window.instant(rng))),
        };
        let mut definition = ScheduleDefinition::new(timing, a_task());
        definition.timezone = window.zone;
        definition.dst = Dst {
            gap: *[DstGap::RunAfter, DstGap::RunAfter, DstGap::Skip]
                .choose(rng)
                .unwrap(),
            fold: *[DstFold::First, DstFold::Both].choose(rng).unwrap(),
        };
        if rng.random_bool(0.3) {
            definition.start_at = Some(at(window.instant(rng)));
        }
        if rng.random_bool(0.3) {
            definition.end_at = Some(at(window.instant(rng)));
        }
        let mut drawn = Self {
            definition,
            calendars: BTreeMap::new(),
            entry,
        };
        drawn.draw_calendars(rng, window);
        drawn
    }

    /// Draws other calendars, and what becomes of what they exclude.
    pub(crate) fn draw_calendars(&mut self, rng: &mut StdRng, window: &Window) {
        self.calendars.clear();
        self.definition.calendars.clear();
        let is_hourly =
            matches!(self.definition.timing, Timing::Interval { seconds, .. } if seconds < 86_400);
        for number in 0..*[0, 1, 1, 1, 2].choose(rng).unwrap() {
            let calendar = a_calendar(number, draw_dates(rng, window));
            // To look at each hour of a year takes its time.
            let used = if rng.random_bool(if is_hourly { 0.97 } else { 0.7 }) {
                Use::Exclude
            } else {
                Use::Only
            };
            self.definition.calendars.push(CalendarUse {
                calendar_id: calendar.id,
                used,
            });
            self.calendars.insert(calendar.id, calendar);
        }
        let whats = [
            OnExcluded::Skip,
            OnExcluded::NextBusinessDay,
            OnExcluded::PreviousBusinessDay,
        ];
        let is_short = matches!(self.definition.timing, Timing::Interval { seconds, .. } if seconds < 3600);
        self.definition.on_excluded = if is_short {
            OnExcluded::Skip
        } else {
            *whats.choose(rng).unwrap()
        };
    }

    /// Why there is no slot on a date.
    pub(crate) fn excludes(&self, date: NaiveDate) -> Option<String> {
        self.definition.calendars.iter().find_map(|used| {
            let calendar = &self.calendars[&used.calendar_id];
            let name = &calendar.name;
            match (used.used, calendar.dates.named(date)) {
                (Use::Exclude, Some(why)) => Some(format!("excluded by `{name}`: {why}")),
                (Use::Only, None) => Some(format!("not in `{name}`")),
                _ => None,
            }
        })
    }
}

/// The dates from one to another, both included.
pub(crate) fn dates(from: NaiveDate, to: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    from.iter_days().take_while(move |date| *date <= to)
}

/// So many days later.
pub(crate) fn later(date: NaiveDate, days: i64) -> NaiveDate {
    let length = Days::new(days.unsigned_abs());
    if days < 0 { date - length } else { date + length }
}
