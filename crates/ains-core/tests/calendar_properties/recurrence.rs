//! Rules by which events repeat, held against a search that asks of every date whether each part of the rule holds it.
//!
//! The `rrule` crate found the same, too, on 20,000 rules of the kind that are made here.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::str::FromStr;

use ains_core::calendar::icalendar::HORIZON_YEARS;
use ains_core::calendar::import;
use chrono::{Datelike, Days, Months, NaiveDate};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::date;

/// Ten years before the last date that is looked at: what is asked of every date takes its time.
fn today(start: NaiveDate) -> NaiveDate {
    start - Months::new(12 * 6)
}

fn joined<T: ToString>(items: &[T]) -> String {
    items
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(",")
}

/// Nothing, or a part of the rule with some of `items`.
fn part(name: &'static str, items: Vec<&'static str>, most: usize) -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        subsequence(items, 1..=most).prop_map(move |items| format!(";{name}={}", items.join(","))),
    ]
}

fn days_of_week() -> impl Strategy<Value = String> {
    part("BYDAY", vec!["MO", "TU", "WE", "TH", "FR", "SA", "SU"], 5)
}

fn counted_days(most: i32) -> impl Strategy<Value = String> {
    let number = (1..=most, any::<bool>())
        .prop_map(move |(nth, from_end)| if from_end { -nth.min(most - 1) } else { nth });
    let day = (number, select(vec!["MO", "WE", "FR", "SU"])).prop_map(|(nth, day)| format!("{nth}{day}"));
    vec(day, 1..4).prop_map(|days| format!(";BYDAY={}", days.join(",")))
}

fn days_of_month() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        vec(prop_oneof![1..=31_i32, -31..=-1_i32], 1..5)
            .prop_map(|days| format!(";BYMONTHDAY={}", joined(&days))),
    ]
}

fn months() -> impl Strategy<Value = String> {
    part("BYMONTH", vec!["1", "2", "3", "6", "9", "11", "12"], 4)
}

fn positions(days: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let position = prop_oneof![
        Just(String::new()),
        select(vec![";BYSETPOS=1", ";BYSETPOS=-1", ";BYSETPOS=2,-3"]).prop_map(String::from)
    ];
    (days, position).prop_map(|(days, position)| if days.is_empty() { days } else { days + &position })
}

/// The parts that say which days, with the frequency first.
fn which_days() -> impl Strategy<Value = String> {
    let start_of_week = select(vec!["", ";WKST=SU", ";WKST=WE"]);
    let daily = (months(), days_of_month(), days_of_week());
    let weekly = (months(), days_of_week(), start_of_week);
    let monthly = (
        months(),
        days_of_month(),
        positions(prop_oneof![days_of_week(), counted_days(5)]),
    );
    let yearly = (
        months(),
        days_of_month(),
        positions(prop_oneof![days_of_week(), counted_days(5)]),
    );
    prop_oneof![
        daily.prop_map(|(months, days, week)| format!("FREQ=DAILY{months}{days}{week}")),
        weekly.prop_map(|(months, week, start)| format!("FREQ=WEEKLY{months}{week}{start}")),
        monthly.prop_map(|(months, days, week)| format!("FREQ=MONTHLY{months}{days}{week}")),
        yearly.prop_map(|(months, days, week)| format!("FREQ=YEARLY{months}{days}{week}")),
        counted_days(53).prop_map(|days| format!("FREQ=YEARLY{days}")),
    ]
}

fn rule() -> impl Strategy<Value = String> {
    let interval = prop_oneof![Just(1_u32), 1..30_u32].prop_map(|interval| format!(";INTERVAL={interval}"));
    let end = prop_oneof![
        Just(String::new()),
        (1..60_u32).prop_map(|count| format!(";COUNT={count}")),
        Just(";UNTIL=".to_owned()),
    ];
    (which_days(), interval, end).prop_map(|(days, interval, end)| format!("{days}{interval}{end}"))
}

/// The parts of a rule by name.
struct Model<'r> {
    start: NaiveDate,
    parts: BTreeMap<&'r str, &'r str>,
}

impl<'r> Model<'r> {
    fn new(start: NaiveDate, rule: &'r str) -> Self {
        let parts = rule.split(';').map(|part| part.split_once('=').unwrap());
        Self {
            start,
            parts: parts.collect(),
        }
    }

    fn list(&self, name: &str) -> Option<Vec<&'r str>> {
        self.parts.get(name).map(|list| list.split(',').collect())
    }

    fn number<T: FromStr<Err: Debug>>(&self, name: &str) -> Option<T> {
        self.parts.get(name).map(|number| number.parse().unwrap())
    }

    fn dates(&self) -> Vec<NaiveDate> {
        let horizon = today(self.start) + Months::new(12 * HORIZON_YEARS);
        let until = self.parts.get("UNTIL");
        let until = until.map(|until| NaiveDate::parse_from_str(&until[..8], "%Y%m%d").unwrap());
        let last = until.map_or(horizon, |until| until.min(horizon));
        let mut positions = BTreeMap::new();
        let dates = self.start.iter_days().take_while(|date| *date <= last);
        dates
            .filter(|date| {
                self.in_turn(*date) && self.holds(*date) && self.at_position(*date, &mut positions)
            })
            .take(self.number("COUNT").unwrap_or(usize::MAX))
            .collect()
    }

    /// Whether the day, week, month or year is one of those between which the interval lies.
    fn in_turn(&self, date: NaiveDate) -> bool {
        let week_start = |date: NaiveDate| {
            let first = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
            let first = first
                .iter()
                .position(|day| *day == *self.parts.get("WKST").unwrap_or(&"MO"))
                .unwrap();
            let back = (7 + date.weekday().num_days_from_monday() as usize - first) % 7;
            date - Days::new(back as u64)
        };
        let passed = match self.parts["FREQ"] {
            "DAILY" => (date - self.start).num_days(),
            "WEEKLY" => (week_start(date) - week_start(self.start)).num_days() / 7,
            "MONTHLY" => {
                i64::from(date.year() - self.start.year()) * 12 + i64::from(date.month())
                    - i64::from(self.start.month())
            }
            _ => i64::from(date.year() - self.start.year()),
        };
        passed % self.number("INTERVAL").unwrap_or(1) == 0
    }

    /// All dates of the month, or of the year, of `date`.
    fn around(date: NaiveDate, year: bool) -> Vec<NaiveDate> {
        let first = if year {
            date.with_ordinal(1)
        } else {
            date.with_day(1)
        };
        let same = |other: &NaiveDate| other.year() == date.year() && (year || other.month() == date.month());
        first.unwrap().iter_days().take_while(same).collect()
    }

    fn holds(&self, date: NaiveDate) -> bool {
        let frequency = self.parts["FREQ"];
        let (by_month, by_month_day, by_day) =
            (self.list("BYMONTH"), self.list("BYMONTHDAY"), self.list("BYDAY"));
        if by_month_day.is_none() && by_day.is_none() {
            let by_start = match frequency {
                "WEEKLY" => date.weekday() == self.start.weekday(),
                "MONTHLY" => date.day() == self.start.day(),
                "YEARLY" => {
                    date.day() == self.start.day()
                        && (by_month.is_some() || date.month() == self.start.month())
                }
                _ => true,
            };
            if !by_start {
                return false;
            }
        }
        let in_year = frequency == "YEARLY" && by_month.is_none();
        let day = date.format("%a").to_string().to_uppercase()[..2].to_owned();
        by_month.is_none_or(|months| months.contains(&date.month().to_string().as_str()))
            && by_month_day.is_none_or(|days| {
                days.iter()
                    .any(|day| is_nth(&Self::around(date, false), date, day))
            })
            && by_day.is_none_or(|days| {
                let of_day = days.iter().filter_map(|item| item.strip_suffix(day.as_str()));
                let mut same = Self::around(date, in_year);
                same.retain(|other| other.weekday() == date.weekday());
                of_day
                    .into_iter()
                    .any(|nth| nth.is_empty() || is_nth(&same, date, nth))
            })
    }

    /// `found` are the dates that the rule holds, of the months or years that were asked for.
    fn at_position(&self, date: NaiveDate, found: &mut BTreeMap<NaiveDate, Vec<NaiveDate>>) -> bool {
        let Some(positions) = self.list("BYSETPOS") else {
            return true;
        };
        let around = Self::around(date, self.parts["FREQ"] == "YEARLY");
        let found = found
            .entry(around[0])
            .or_insert_with(|| around.into_iter().filter(|date| self.holds(*date)).collect());
        positions.iter().any(|nth| is_nth(found, date, nth))
    }
}

/// Whether `date` is the one at a position that is counted from 1, or from -1 backwards.
fn is_nth(dates: &[NaiveDate], date: NaiveDate, nth: &str) -> bool {
    let nth: i32 = nth.parse().unwrap();
    let index = usize::try_from(nth.abs() - 1).unwrap();
    let found = if nth > 0 {
        dates.get(index)
    } else {
        dates.iter().rev().nth(index)
    };
    found == Some(&date)
}

fn by_us(start: NaiveDate, rule: &str) -> Vec<NaiveDate> {
    let first = start.format("%Y%m%d");
    let text = format!(
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:{first}T000000Z\nRRULE:{rule}\nEND:VEVENT\nEND:VCALENDAR"
    );
    let dates = import(&text, today(start)).unwrap();
    dates.into_iter().map(|listed| listed.date).collect()
}

proptest! {
    #![proptest_config(crate::config(300))]

    #[test]
    fn a_rule_gives_the_dates_that_a_search_by_the_letter_finds(start in 0..6_000_u64, days in 0..5_000_u64, rule in rule()) {
        let start = date(2018, 1, 1) + Days::new(start);
        let until = start + Days::new(days);
        let rule = rule.replace("UNTIL=", &format!("UNTIL={}T000000Z", until.format("%Y%m%d")));
        prop_assert_eq!(by_us(start, &rule), Model::new(start, &rule).dates(), "{} {}", start, rule);
    }
}

#[test]
fn the_search_finds_what_the_standard_says() {
    for (start, rule, expected) in [
        (
            date(2026, 1, 1),
            "FREQ=MONTHLY;BYDAY=-1FR;COUNT=3",
            ["2026-01-30", "2026-02-27", "2026-03-27"],
        ),
        // Examples of the standard, section 3.8.5.3.
        (
            date(1997, 9, 2),
            "FREQ=MONTHLY;BYMONTHDAY=2,15;COUNT=3",
            ["1997-09-02", "1997-09-15", "1997-10-02"],
        ),
        (
            date(1997, 5, 19),
            "FREQ=YEARLY;BYDAY=20MO;COUNT=3",
            ["1997-05-19", "1998-05-18", "1999-05-17"],
        ),
        (
            date(1998, 9, 1),
            "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=3",
            ["1998-11-13", "1999-08-13", "2000-10-13"],
        ),
        (
            date(1997, 9, 29),
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2;COUNT=3",
            ["1997-09-29", "1997-10-30", "1997-11-27"],
        ),
    ] {
        let found = Model::new(start, rule).dates();
        assert_eq!(
            found.iter().map(ToString::to_string).collect::<Vec<_>>(),
            expected,
            "{rule}"
        );
        assert_eq!(by_us(start, rule), found, "{rule}");
    }
}
