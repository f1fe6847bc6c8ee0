//! What is an entry: its short forms and its fields.

use super::days::Days;
use super::error::{CronError, Field, Reason};
use super::item::Part;
use super::times::Times;
use super::{Cron, MAX_TEXT};

/// The short forms, and what they stand for.
const SHORT_FORMS: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

/// The fields of an entry that has six.
const FIELDS: [Field; 6] = [
    Field::Second,
    Field::Minute,
    Field::Hour,
    Field::DayOfMonth,
    Field::Month,
    Field::DayOfWeek,
];

/// What separates fields.
const SPACE: [char; 2] = [' ', '\t'];

pub(super) fn parse(text: &str) -> Result<Cron, CronError> {
    bounded(text)?;
    let trimmed = text.trim_matches(SPACE);
    if trimmed.starts_with('@') {
        let mut forms = SHORT_FORMS.iter();
        let found = forms.find(|(form, _)| trimmed.eq_ignore_ascii_case(form));
        let position = text.find('@').map_or(1, |byte| byte + 1);
        let reason = || Reason::ShortForm(trimmed.to_owned());
        let (_, meaning) = found.ok_or_else(|| CronError {
            position,
            reason: reason(),
        })?;
        let text = trimmed.into();
        return Ok(Cron {
            text,
            ..fields(meaning)?
        });
    }
    fields(text)
}

/// Refuses what would make positions other than bytes, or faults long.
fn bounded(text: &str) -> Result<(), CronError> {
    if let Some((byte, character)) = text
        .char_indices()
        .find(|(_, c)| !(c.is_ascii_graphic() || SPACE.contains(c)))
    {
        let reason = Reason::Character(character);
        return Err(CronError {
            position: byte + 1,
            reason,
        });
    }
    if text.len() > MAX_TEXT {
        return Err(CronError {
            position: MAX_TEXT + 1,
            reason: Reason::TooLong,
        });
    }
    Ok(())
}

fn fields(text: &str) -> Result<Cron, CronError> {
    let words: Vec<(usize, &str)> = words(text).collect();
    let kinds = match words.len() {
        5 => &FIELDS[1..],
        6 => &FIELDS[..],
        count => {
            let position = words.get(6).map_or(text.len(), |(start, _)| *start) + 1;
            return Err(CronError {
                position,
                reason: Reason::Fields(count),
            });
        }
    };
    let mut times = Times {
        seconds: 1,
        minutes: 0,
        hours: 0,
    };
    let mut days = Days {
        either: true,
        ..Days::default()
    };
    let (mut is_fixed, mut restricted) = (true, None);
    for (&field, (start, text)) in kinds.iter().zip(words) {
        let part = Part { field, text, start };
        match field {
            Field::Second => times.seconds = part.values()?,
            Field::Minute => times.minutes = part.values()?,
            Field::Hour => times.hours = part.values()?,
            Field::DayOfMonth => part.add_days(&mut days)?,
            Field::Month => days.months = part.values()?,
            Field::DayOfWeek => part.add_weekdays(&mut days)?,
        }
        match field {
            Field::Minute | Field::Hour => is_fixed &= !text.contains(['*', '/']),
            Field::DayOfMonth | Field::DayOfWeek if text.starts_with(['*', '?']) => days.either = false,
            Field::DayOfMonth | Field::DayOfWeek => restricted = restricted.or(Some(part)),
            Field::Second | Field::Month => {}
        }
    }
    if !days.exist() {
        let position = restricted.map_or(1, |part| part.start + 1);
        return Err(CronError {
            position,
            reason: Reason::Never,
        });
    }
    let text = text.trim_matches(SPACE).into();
    Ok(Cron {
        text,
        days,
        times,
        is_fixed,
    })
}

/// The words of a text, with where they begin.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split(SPACE)
        .scan(0, |next, word| {
            let start = *next;
            *next += word.len() + 1;
            Some((start, word))
        })
        .filter(|(_, word)| !word.is_empty())
}
