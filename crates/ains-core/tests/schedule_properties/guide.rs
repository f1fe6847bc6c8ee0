//! The user's guide (`docs/guides/schedules.md`): what its tables and examples say is what the code does.

use std::collections::BTreeMap;

use ains_core::calendar::Calendar;
use ains_core::calendar::Dates;
use ains_core::cron::{Cron, Dst};
use ains_core::dependency::Ending;
use ains_core::schedule::{
    CalendarUse, Catchup, Decision, Event, OnExcluded, Overlap, Schedule, ScheduleDefinition, SlotKind,
    SlotState, Timeline, Timing, Use,
};
use ains_core::{CalendarId, Timestamp};
use chrono::{DateTime, NaiveDate, Utc};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::drawn::{a_calendar, a_task, id};

const GUIDE: &str = include_str!("../../../../docs/guides/schedules.md");

type Row = Vec<&'static str>;

/// The rows of the table whose head begins so.
fn table(head: &str) -> Vec<Row> {
    let mut lines = GUIDE.lines().skip_while(|line| !line.starts_with(head)).skip(2);
    let rows: Vec<Row> = std::iter::from_fn(|| lines.next().filter(|line| line.starts_with('|')))
        .map(|line| line[1..line.len() - 1].split('|').map(str::trim).collect())
        .collect();
    assert!(rows.len() > 3, "the guide has no table `{head}`");
    rows
}

/// The JSON that is sent to `path` in an example, and what is answered.
fn example(path: &str) -> (Value, &'static str) {
    let begin = GUIDE
        .find(&format!("POST {path}\n"))
        .expect("the guide has the example")
        + 6
        + path.len();
    let end = begin + GUIDE[begin..].find("```").unwrap();
    let (sent, answered) = GUIDE[begin..end].split_once("\n→ ").unwrap();
    (
        serde_json::from_str(sent).unwrap_or_else(|error| panic!("{error}: {sent}")),
        answered,
    )
}

/// What is in backticks.
fn code(cell: &str) -> &str {
    cell.trim_start_matches('`').split('`').next().unwrap()
}

/// A word of the guide, such as `next_business_day`.
fn word<T: DeserializeOwned>(word: &str) -> T {
    serde_json::from_value(json!(word)).unwrap_or_else(|error| panic!("`{word}`: {error}"))
}

/// A cron expression, or the seconds of an interval and the instant from which it counts.
fn define(cell: &str) -> ScheduleDefinition {
    let timing = match cell.split_once("interval_seconds: ") {
        Some((_, rest)) => {
            let (seconds, from) = rest.split_once("` from `").unwrap();
            Timing::Interval {
                seconds: seconds.parse().unwrap(),
                anchor_at: instant(code(from)),
            }
        }
        None => Timing::Cron(Cron::parse(code(cell)).unwrap()),
    };
    ScheduleDefinition::new(timing, a_task())
}

fn instant(text: &str) -> Timestamp {
    text.parse::<DateTime<Utc>>().unwrap().into()
}

/// The slots on dates, in local time.
fn slots(timeline: &Timeline<'_>, from: NaiveDate, to: NaiveDate) -> Vec<DateTime<chrono::FixedOffset>> {
    let begin = instant(&format!("{}T00:00:00Z", from.pred_opt().unwrap()));
    let slots = timeline.after(begin).map(|slot| timeline.local(slot.at));
    let slots = slots.skip_while(|slot| slot.date_naive() < from);
    slots.take_while(|slot| slot.date_naive() <= to).collect()
}

fn listed<T: ToString>(of: impl IntoIterator<Item = T>) -> String {
    let all: Vec<String> = of.into_iter().map(|one| one.to_string()).collect();
    if all.is_empty() {
        "none".to_owned()
    } else {
        all.join(", ")
    }
}

#[test]
fn cron_expressions_of_the_guide_mean_what_it_says() {
    for row in table("| `cron_expression` | in words |") {
        let [expression, words, first] = row[..] else {
            panic!("{row:?}")
        };
        let definition = define(expression);
        assert_eq!(definition.describe(), format!("{words}, UTC"), "{expression}");
        let calendars = BTreeMap::new();
        let timeline = Timeline::new(&definition, &calendars);
        let form = if first.len() > 5 && first.split(", ").all(|slot| slot.len() > 12) {
            "%m-%d %T"
        } else {
            "%m-%d %R"
        };
        let count = first.split(", ").count();
        let found = timeline.after(instant("2026-01-01T00:00:00Z") - std::time::Duration::from_secs(1));
        let found = found
            .filter(|slot| slot.at > instant("2026-01-01T00:00:00Z") || count == 1)
            .take(count);
        assert_eq!(
            listed(found.map(|slot| timeline.local(slot.at).format(form))),
            first,
            "{expression}"
        );
    }
}

#[test]
fn the_clocks_change_as_the_guide_says() {
    for row in table("| zone | date | slots of |") {
        let [zone, date, expression, with, fires] = row[..] else {
            panic!("{row:?}")
        };
        let mut definition = define(expression);
        definition.timezone = zone.parse().unwrap();
        if with != "defaults" {
            let (field, value) = code(with).split_once(": ").unwrap();
            let dst: Dst = serde_json::from_value(json!({field.trim_start_matches("dst_"): value})).unwrap();
            assert_ne!(dst, Dst::default(), "`{with}` says nothing");
            definition.dst = dst;
        }
        let calendars = BTreeMap::new();
        let date = date.parse().unwrap();
        let found = slots(&Timeline::new(&definition, &calendars), date, date);
        let found = match fires.strip_suffix(" slots") {
            Some(_) => format!("{} slots", found.len()),
            None => listed(found.iter().map(|slot| slot.format("%R%:z"))),
        };
        assert_eq!(found, fires, "{row:?}");
    }
    for row in table("| zone | date | expression |") {
        let [zone, date, expression, fires] = row[..] else {
            panic!("{row:?}")
        };
        let mut definition = define(expression);
        definition.timezone = zone.parse().unwrap();
        let calendars = BTreeMap::new();
        let date = date.parse().unwrap();
        let found = slots(&Timeline::new(&definition, &calendars), date, date);
        assert_eq!(
            listed(found.iter().map(DateTime::to_rfc3339)).replace(',', ""),
            fires,
            "{row:?}"
        );
    }
}

/// The calendar of the guide, as a schedule has it that excludes it.
fn days_off(definition: &mut ScheduleDefinition) -> BTreeMap<CalendarId, Calendar> {
    let (mut sent, _) = example("/ains/calendars");
    let name = sent["name"].as_str().unwrap().to_owned();
    for field in ["name", "client_id"] {
        sent.as_object_mut().unwrap().remove(field).unwrap();
    }
    let dates: Dates = serde_json::from_value(sent).unwrap();
    assert_eq!(dates.check(), Ok(()));
    assert_eq!((dates.listed().len(), dates.holidays().len()), (2, 1));
    let mut calendar = a_calendar(0, dates);
    calendar.name = name.parse().unwrap();
    definition.calendars = vec![CalendarUse {
        calendar_id: calendar.id,
        used: Use::Exclude,
    }];
    BTreeMap::from([(calendar.id, calendar)])
}

#[test]
fn calendars_of_the_guide_move_what_it_says() {
    for row in table("| slots | `on_excluded` | from |") {
        let [expression, on_excluded, from, to, expected] = row[..] else {
            panic!("{row:?}")
        };
        let mut definition = define(expression);
        definition.on_excluded = word::<OnExcluded>(code(on_excluded));
        let calendars = days_off(&mut definition);
        let found = slots(
            &Timeline::new(&definition, &calendars),
            from.parse().unwrap(),
            to.parse().unwrap(),
        );
        assert_eq!(
            listed(found.iter().map(|slot| slot.format("%m-%d %R"))),
            expected,
            "{row:?}"
        );
    }
    let mut definition = define("0 9 3 4 *");
    let calendars = days_off(&mut definition);
    let timeline = Timeline::new(&definition, &calendars);
    let excluded = timeline.excluded(instant("2026-04-01T00:00:00Z"), instant("2026-05-01T00:00:00Z"));
    assert!(
        GUIDE.contains(&format!("``{}``", excluded[0].reason)),
        "{excluded:?}"
    );
}

#[test]
fn examples_of_the_guide_are_answered_as_it_says() {
    let (sent, answered) = example("/ains/scheduled-tasks");
    let mut definition = define(sent["cron_expression"].as_str().unwrap());
    definition.timezone = sent["timezone"].as_str().unwrap().parse().unwrap();
    assert!(
        answered.contains(&format!("\"description\": \"{}\"", definition.describe())),
        "{}",
        definition.describe()
    );
    assert_eq!(
        word::<Overlap>(sent["overlap_policy"].as_str().unwrap()),
        Overlap::Skip
    );

    let (sent, answered) = example("/ains/scheduled-tasks/preview");
    let mut definition = define(sent["cron_expression"].as_str().unwrap());
    definition.timezone = sent["timezone"].as_str().unwrap().parse().unwrap();
    let calendars = BTreeMap::new();
    let timeline = Timeline::new(&definition, &calendars);
    let count = usize::try_from(sent["n"].as_u64().unwrap()).unwrap();
    let slots = timeline.after(instant(sent["from"].as_str().unwrap())).take(count).map(|slot| {
        json!({"slot_at": slot.at.to_string(), "local": timeline.local(slot.at).to_rfc3339(), "note": slot.note})
    });
    let expected = json!({"description": definition.describe(), "slots": slots.collect::<Vec<_>>()});
    assert_eq!(serde_json::from_str::<Value>(answered).unwrap(), expected);
}

/// A schedule of the guide: every so many seconds, from 10:00 on.
struct Example {
    definition: ScheduleDefinition,
    schedule: Schedule,
}

fn today(time: &str) -> Timestamp {
    instant(&format!("2026-01-05T{time}Z"))
}

impl Example {
    fn every(seconds: u32, change: impl FnOnce(&mut ScheduleDefinition)) -> Self {
        let timing = Timing::Interval {
            seconds,
            anchor_at: today("10:00:00"),
        };
        let mut definition = ScheduleDefinition::new(timing, a_task());
        change(&mut definition);
        let calendars = BTreeMap::new();
        let schedule =
            Schedule::new(id(), &Timeline::new(&definition, &calendars), today("10:00:00")).unwrap();
        Self { definition, schedule }
    }

    fn on(&mut self, event: Event, now: &str) -> Decision {
        let calendars = BTreeMap::new();
        let timeline = Timeline::new(&self.definition, &calendars);
        self.schedule.on(id(), &timeline, event, today(now)).unwrap()
    }
}

/// What becomes of one slot, in the words of the guide.
fn one(decision: &Decision) -> String {
    let of = |state| {
        decision
            .records
            .iter()
            .any(|record| record.state == state && record.kind == SlotKind::Cron)
    };
    let other = if decision.drop_buffered.is_some() {
        ", the other is dropped"
    } else {
        ""
    };
    match (&decision.cancel_runs, decision.fire.len()) {
        (Some(_), 1) => format!("the run is cancelled{other}, it fires"),
        (None, 1) => format!("fires{other}"),
        _ if of(SlotState::Buffered) => format!("waits{other}"),
        _ if of(SlotState::Skipped) => format!("is skipped{other}"),
        _ => panic!("{decision:?}"),
    }
}

/// What becomes of three slots, in the words of the guide.
fn three(decision: &Decision) -> String {
    let fired: Vec<Timestamp> = decision.fire.iter().map(|firing| firing.slot_at).collect();
    let count = |state| -> u64 {
        decision
            .records
            .iter()
            .filter(|it| it.state == state)
            .map(|it| it.count)
            .sum()
    };
    let counts = (
        count(SlotState::Skipped),
        count(SlotState::Buffered),
        count(SlotState::Dropped),
    );
    let [first, last] = [today("10:00:05"), today("10:00:15")];
    match (fired.as_slice(), counts) {
        ([_, _, _], (0, 0, 0)) => "all fire",
        ([at], (2, 0, 0)) if *at == first => "the first fires, the others are skipped",
        ([at], (0, 1, 1)) if *at == first => "the first fires, the last waits, the other is dropped",
        ([at], (0, 2, 0)) if *at == first => "the first fires, the others wait",
        ([at], (2, 0, 0)) if *at == last => "the last fires, the others are skipped",
        _ => panic!("{decision:?}"),
    }
    .to_owned()
}

#[test]
fn slots_overlap_as_the_guide_says() {
    let rows = table("| `overlap_policy` | nothing is unfinished |");
    assert_eq!(rows.len(), 5);
    for row in rows {
        let [policy, free, busy, waits, together] = row[..] else {
            panic!("{row:?}")
        };
        let overlap: Overlap = word(code(policy));
        assert_eq!(
            policy.ends_with("(default)"),
            overlap == Overlap::default(),
            "{policy}"
        );
        let begin = |overlap| Example::every(5, |it| (it.overlap, it.catchup) = (overlap, Catchup::All));
        assert_eq!(one(&begin(overlap).on(Event::Due, "10:00:05")), free, "{policy}");
        let mut example = begin(overlap);
        example.on(Event::Due, "10:00:05");
        assert_eq!(one(&example.on(Event::Due, "10:00:10")), busy, "{policy}");
        let mut example = begin(Overlap::BufferAll);
        example.on(Event::Due, "10:00:05");
        example.on(Event::Due, "10:00:10");
        assert_eq!(example.schedule.buffered, 1);
        example.definition.overlap = overlap;
        assert_eq!(one(&example.on(Event::Due, "10:00:15")), waits, "{policy}");
        assert_eq!(
            three(&begin(overlap).on(Event::Due, "10:00:15")),
            together,
            "{policy}"
        );
    }
    // What waits fires one after another.
    let mut example = Example::every(5, |it| it.overlap = Overlap::BufferAll);
    example.on(Event::Due, "10:00:15");
    assert_eq!((example.schedule.open_runs, example.schedule.buffered), (1, 2));
    assert!(example.on(Event::RunEnded(Ending::Completed), "10:00:16").release);
}

/// The times of day of slots.
fn times(slots: impl IntoIterator<Item = Timestamp>) -> String {
    listed(slots.into_iter().map(|slot| slot.to_string()[11..16].to_owned()))
}

#[test]
fn what_was_missed_is_caught_up_as_the_guide_says() {
    for row in table("| `catchup` | `catchup_window_seconds` | back at |") {
        let [catchup, window, back, fires, missed] = row[..] else {
            panic!("{row:?}")
        };
        let mut example = Example::every(600, |it| {
            it.catchup = word(code(catchup));
            it.catchup_window_seconds = window.parse().unwrap();
        });
        let decision = example.on(Event::Due, back);
        assert_eq!(
            times(decision.fire.iter().map(|firing| firing.slot_at)),
            fires,
            "{row:?}"
        );
        let slots = (1..=3).map(|index| today("10:00:00") + std::time::Duration::from_secs(600 * index));
        let is_missed = |slot: &Timestamp| {
            let mut missed = decision
                .records
                .iter()
                .filter(|record| record.state == SlotState::Missed);
            missed.any(|record| (record.slot_at..=record.until).contains(slot))
        };
        assert_eq!(times(slots.filter(is_missed)), missed, "{row:?}");
    }
}

#[test]
fn the_rules_of_the_guide_for_what_was_missed_hold() {
    let policies = [Catchup::None, Catchup::Last, Catchup::All];
    let rows = table("| a slot is | `none` |");
    for (index, row) in rows.iter().enumerate() {
        for (catchup, expected) in policies.into_iter().zip(&row[1..]) {
            // How far apart slots are, for how long they are caught up, when it is back, and the slots that the row is
            // about: the newest is one of those that come.
            let (every, window, back, about) = match (index, row[0]) {
                (0, "on time, and none was missed") => (5, 3600, "10:00:10", 1..=2),
                (1, "on time, but one before it was missed") => (5, 3600, "10:00:20", 2..=4),
                (2, "late, within the window") => (600, 3600, "10:20:11", 1..=2),
                (3, "late, after the window") => (600, 60, "10:29:00", 1..=2),
                (4, "older than the newest 1,000") => (1, 86_400, "10:30:00", 1..=800),
                other => panic!("{other:?}"),
            };
            let mut example = Example::every(every, |it| {
                it.catchup = catchup;
                it.catchup_window_seconds = window;
            });
            let decision = example.on(Event::Due, back);
            let slot =
                |index: u64| today("10:00:00") + std::time::Duration::from_secs(index * u64::from(every));
            let fires: Vec<bool> = about
                .map(|index| decision.fire.iter().any(|it| it.slot_at == slot(index)))
                .collect();
            let (newest, older) = fires.split_last().unwrap();
            let found = match (older.iter().any(|fires| *fires), newest) {
                (true, true) => "fires",
                (false, true) => "fires if it is the newest",
                (false, false) => "is missed",
                (true, false) => panic!("{decision:?}"),
            };
            assert_eq!(found, *expected, "{} with {catchup:?}: {fires:?}", row[0]);
        }
    }
    assert_eq!(rows.len(), 5);
}

/// Words and numbers of the guide that are constants of the code.
#[test]
fn limits_of_the_guide_are_those_of_the_code() {
    use ains_core::schedule::{MAX_SLOTS, ON_TIME, limits};
    assert_eq!((MAX_SLOTS, ON_TIME.as_secs()), (1000, 10));
    assert_eq!(limits::INTERVAL_SECONDS, 1..=365 * 86_400);
    assert_eq!(limits::JITTER_SECONDS, 0..=86_400);
    assert_eq!(limits::CATCHUP_WINDOW_SECONDS, 0..=365 * 86_400);
    assert_eq!(limits::DEFAULT_CATCHUP_WINDOW_SECONDS, 3600);
    assert_eq!((limits::CALENDARS, limits::MOVED_INTERVAL_SECONDS), (10, 3600));
    for text in [
        "up to 10 seconds after it was due",
        "1 second to 365 days",
        "0 to 86,400",
        "(0 to a year, default 3600)",
    ] {
        assert!(GUIDE.contains(text), "the guide does not say `{text}`");
    }
    let states = table("| `state` | what it means |");
    let states: Vec<SlotState> = states.iter().map(|row| code(row[0]).parse().unwrap()).collect();
    let all = [
        SlotState::Fired,
        SlotState::Skipped,
        SlotState::Missed,
        SlotState::Buffered,
        SlotState::Dropped,
    ];
    assert_eq!(states, all);
}
