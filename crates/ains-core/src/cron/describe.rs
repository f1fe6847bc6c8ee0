//! An entry in words, made from its sets: however it is written, what is said is what it does.

mod dates;
#[cfg(test)]
mod tests;

use super::days::{Days, bits};
use super::times::Times;

/// Most times of day that are named one by one.
const MOST_TIMES: u32 = 6;

const ALL_MINUTES: u64 = (1 << 60) - 1;
const ALL_HOURS: u64 = (1 << 24) - 1;

/// What is said of one field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    /// Nothing yet.
    Nothing,
    /// That it goes on evenly, so that the next field can be left out if it has all its values.
    Evenly,
    /// Some of its values.
    Values,
}

/// An entry in words, without its zone.
pub(super) fn describe(times: &Times, days: &Days) -> String {
    let (times, is_all_day) = self::times(times);
    match dates::dates(days) {
        Some(dates) => format!("{times} {dates}"),
        None if is_all_day => times,
        None => format!("{times} every day"),
    }
}

/// The times of day, and whether it is plain that they go on all day, every day.
fn times(times: &Times) -> (String, bool) {
    if times.hours.count_ones() * times.minutes.count_ones() * times.seconds.count_ones() <= MOST_TIMES {
        return (format!("at {}", one_by_one(times)), false);
    }
    let is_once_an_hour = times.seconds == 1 && times.minutes.is_power_of_two();
    if is_once_an_hour
        && times.hours != ALL_HOURS
        && let Some((first, step, last)) = progression(times.hours)
    {
        let minute = times.minutes.trailing_zeros();
        let every = counted(step, "hour");
        return (
            format!("{every} from {first:02}:{minute:02} to {last:02}:{minute:02}"),
            false,
        );
    }
    let (mut words, mut said) = (String::new(), Said::Nothing);
    if times.seconds != 1 {
        said = lead(&mut words, times.seconds, "second");
    }
    match said {
        Said::Nothing => said = lead(&mut words, times.minutes, "minute"),
        Said::Evenly if times.minutes == ALL_MINUTES => {}
        Said::Evenly | Said::Values => {
            words += " of ";
            words += &values(times.minutes, "minute", 60);
            said = if times.minutes == ALL_MINUTES {
                Said::Evenly
            } else {
                Said::Values
            };
        }
    }
    let is_all_day = times.hours == ALL_HOURS;
    let runs = runs(times.hours);
    if said != Said::Evenly || (!is_all_day && runs.len() > 2) {
        words += " of ";
        words += &values(times.hours, "hour", 24);
    } else if !is_all_day {
        let runs: Vec<String> = runs
            .iter()
            .map(|(first, last)| format!("from {first:02}:00 to {last:02}:59"))
            .collect();
        words += " ";
        words += &list(&runs, "and");
    }
    (words, is_all_day)
}

/// Every time, as a clock shows it.
fn one_by_one(times: &Times) -> String {
    let mut all = Vec::new();
    for hour in bits(times.hours) {
        for minute in bits(times.minutes) {
            for second in bits(times.seconds) {
                let second = if times.seconds == 1 {
                    String::new()
                } else {
                    format!(":{second:02}")
                };
                all.push(format!("{hour:02}:{minute:02}{second}"));
            }
        }
    }
    list(&all, "and")
}

/// The shortest field that is not the same at all times: seconds or minutes.
fn lead(words: &mut String, set: u64, noun: &str) -> Said {
    if let Some((0, step, last)) = progression(set)
        && last + step == 60
    {
        *words += &counted(step, noun);
        return Said::Evenly;
    }
    *words += if set.is_power_of_two() || progression(set).is_none_or(|(_, step, _)| step == 1) {
        "at "
    } else {
        ""
    };
    *words += &values(set, noun, 60);
    Said::Values
}

/// The values of a field of `length` values: `every minute`, `every 5th minute from 0 to 55`, `minutes 5 and 7 to 9`.
fn values(set: u64, noun: &str, length: u32) -> String {
    match progression(set) {
        Some((_, 1, _)) if set.count_ones() == length => format!("every {noun}"),
        Some((first, step, last)) if step > 1 => {
            format!("every {} {noun} from {first} to {last}", ordinal(step))
        }
        _ => numbered(set, noun),
    }
}

/// `day 15`, `days 1 to 5 and 20`.
fn numbered(set: u64, noun: &str) -> String {
    let plural = if set.is_power_of_two() { "" } else { "s" };
    let runs = runs(set);
    let mut items = Vec::new();
    for (first, last) in runs {
        match last - first {
            0 => items.push(first.to_string()),
            1 => items.extend([first.to_string(), last.to_string()]),
            _ => items.push(format!("{first} to {last}")),
        }
    }
    format!("{noun}{plural} {}", list(&items, "and"))
}

/// First, step and last of four values or more that are evenly spaced.
fn progression(set: u64) -> Option<(u32, u32, u32)> {
    let values: Vec<u32> = bits(set).collect();
    let [first, second, .., last] = values[..] else {
        return None;
    };
    let step = second - first;
    let is_even = values.windows(2).all(|pair| pair[1] - pair[0] == step);
    (values.len() >= 4 && is_even).then_some((first, step, last))
}

/// First and last of the values that follow each other without a break.
fn runs(set: u64) -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for value in bits(set) {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == value => *last = value,
            _ => runs.push((value, value)),
        }
    }
    runs
}

/// `every hour`, `every 2 hours`.
fn counted(step: u32, noun: &str) -> String {
    match step {
        1 => format!("every {noun}"),
        _ => format!("every {step} {noun}s"),
    }
}

/// `2nd`, `11th`, `23rd`.
fn ordinal(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// `a`, `a and b`, `a, b and c`.
fn list(items: &[String], word: &str) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} {word} {last}", rest.join(", ")),
    }
}
