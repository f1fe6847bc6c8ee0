//! The dates that an entry names, in words. A weekday is a Monday to Friday.

use super::super::days::{Days, bits};
use super::{list, numbered, ordinal, progression};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

const ORDINALS: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];

const ALL_DAYS: u64 = (1 << 32) - 2;
const ALL_MONTHS: u64 = (1 << 13) - 2;
const ALL_WEEKDAYS: u64 = (1 << 7) - 1;
const MONDAY_TO_FRIDAY: u64 = (1 << 6) - 2;
const WEEKEND: u64 = 1 | 1 << 6;

/// The dates; nothing if that is every day.
pub(super) fn dates(days: &Days) -> Option<String> {
    let (mut by_day, mut by_weekday) = (days.of_month != ALL_DAYS, days.weekdays != ALL_WEEKDAYS);
    if days.either && !(by_day && by_weekday) {
        (by_day, by_weekday) = (false, false);
    }
    let months = (days.months != ALL_MONTHS).then(|| months(days.months));
    let month = months.as_deref().unwrap_or("the month");
    match (by_day, by_weekday) {
        (false, false) => months.map(|months| format!("every day in {months}")),
        (true, false) => Some(format!("on {} of {month}", days_of_month(days))),
        (false, true) => Some(format!("on {}", weekdays(days, months.as_deref()))),
        (true, true) => {
            let by_day = format!("on {} of {month}", days_of_month(days));
            Some(if days.either {
                format!("{by_day} and on {}", weekdays(days, months.as_deref()))
            } else {
                format!("{by_day}, if it is {}", one_of_weekdays(days))
            })
        }
    }
}

fn months(set: u64) -> String {
    let names: Vec<String> = bits(set)
        .map(|month| MONTHS[month as usize - 1].to_owned())
        .collect();
    list(&names, "and")
}

/// Days of the month, to be followed by the month.
fn days_of_month(days: &Days) -> String {
    let mut items = Vec::new();
    if let Some((first, step, last)) = progression(days.of_month).filter(|(_, step, _)| *step > 1) {
        items.push(format!("every {} day from {first} to {last}", ordinal(step)));
    } else if days.of_month != 0 {
        items.push(numbered(days.of_month, "day"));
    }
    items.extend(bits(days.nearest).map(|day| format!("the weekday nearest to day {day}")));
    items.extend(bits(days.before_last).map(|before| match before {
        0 => "the last day".to_owned(),
        1 => "the day before the last".to_owned(),
        _ => format!("the {} day before the last", ordinal(before)),
    }));
    if days.last_working {
        items.push("the last weekday".to_owned());
    }
    list(&items, "and")
}

/// Days of the week: `weekdays`, `Mondays in June and the last Friday of June`.
fn weekdays(days: &Days, months: Option<&str>) -> String {
    let mut items = match days.weekdays {
        MONDAY_TO_FRIDAY => vec!["weekdays".to_owned()],
        WEEKEND => vec!["weekends".to_owned()],
        set => in_week(set).map(|day| format!("{day}s")).collect(),
    };
    if let (Some(last), Some(months)) = (items.last_mut(), months) {
        *last = format!("{last} in {months}");
    }
    items.extend(in_month(days).map(|day| format!("{day} of {}", months.unwrap_or("the month"))));
    list(&items, "and")
}

/// Days of the week, of which a date must be one: `a weekday`, `a Monday or the last Friday of the month`.
fn one_of_weekdays(days: &Days) -> String {
    let mut items: Vec<String> = match days.weekdays {
        MONDAY_TO_FRIDAY => vec!["a weekday".to_owned()],
        set => in_week(set).map(|day| format!("a {day}")).collect(),
    };
    items.extend(in_month(days).map(|day| format!("{day} of the month")));
    list(&items, "or")
}

/// The names of days of the week, from Monday.
fn in_week(set: u64) -> impl Iterator<Item = &'static str> {
    let days = (1..=7).map(|day| day % 7);
    days.filter(move |day| set >> day & 1 == 1)
        .map(|day| WEEKDAYS[day])
}

/// `the second Monday`, `the last Friday`.
fn in_month(days: &Days) -> impl Iterator<Item = String> {
    let nth = ORDINALS.into_iter().zip(days.nth).chain([("last", days.last)]);
    nth.flat_map(|(nth, set)| in_week(set).map(move |day| format!("the {nth} {day}")))
}
