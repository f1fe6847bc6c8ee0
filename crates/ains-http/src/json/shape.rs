//! Reads a text as a type, and finds out everything that does not fit, not only the first thing.
//!
//! serde stops at the first fault. So, where one was met, it is noted, the text is mended at that place with
//! something that does fit, and read again. That costs some readings a fault. Only bad requests pay it, and they get
//! no more than their [`Effort`].

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Error;

use super::faults::{Faults, clip};
use super::place::{self, Place};
use super::strict;
use crate::problem::{Kind, Problem};

/// What may stand in for a value of the wrong type.
const STAND_INS: [&str; 6] = ["null", "0", "\"\"", "false", "[]", "{}"];

/// Faults of form that are looked for in one text. With each of them well below a millisecond, a body of a few
/// kilobytes never costs more than a few.
const MOST: usize = 20;

/// Bytes that are read again in search of further faults: some milliseconds.
const BYTES: usize = 4 << 20;

/// What one reading costs besides the bytes it reads, in bytes.
const READING: usize = 256;

/// What may still be spent on finding faults. Texts that come in one request share it.
#[derive(Debug)]
pub(crate) struct Effort(usize);

impl Default for Effort {
    fn default() -> Self {
        Self(BYTES)
    }
}

impl Effort {
    /// Whether so much can still be read; if so, it is taken off.
    fn spend(&mut self, length: usize) -> bool {
        let left = self.0.checked_sub(length + READING);
        self.0 = left.unwrap_or(0);
        left.is_some()
    }
}

/// Reads `text`: the value, if one can be made of it, and what was wrong with its form. Where that is something, the
/// value is of no use but to look for further faults.
///
/// # Errors
/// 400 if it is not JSON.
pub(crate) fn parse<T: DeserializeOwned>(
    text: &str,
    effort: &mut Effort,
) -> Result<(Option<T>, Faults), Problem> {
    let first = if text.starts_with('{') {
        match strict::from_str(text) {
            Ok(value) => return Ok((Some(value), Faults::default())),
            Err(error) => Some(error),
        }
    } else {
        None
    };
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| {
        Problem::new(
            Kind::MalformedJson,
            clip(format!("The body is not JSON: {error}")),
        )
    })?;
    Ok(match first {
        Some(error) => mend(text, &error, effort),
        None => (None, Faults::of("", "must be an object")),
    })
}

/// Goes from fault to fault.
fn mend<T: DeserializeOwned>(text: &str, error: &Error, effort: &mut Effort) -> (Option<T>, Faults) {
    let mut faults = Faults::default();
    let mut fault = Fault::of(text, error);
    let mut text = Cow::Borrowed(text);
    while faults.len() < MOST {
        faults.add(&fault.pointer, fault.message.clone());
        let mut next = None;
        for candidate in fault.mends(&text) {
            if !effort.spend(candidate.len()) {
                faults.leave_off();
                return (None, faults);
            }
            match strict::from_str(&candidate) {
                Ok(value) => return (Some(value), faults),
                Err(error) => {
                    let other = Fault::of(&candidate, &error);
                    if other.pointer != fault.pointer {
                        next = Some((candidate, other));
                        break;
                    }
                }
            }
        }
        let Some((mended, other)) = next else {
            return (None, faults);
        };
        (text, fault) = (Cow::Owned(mended), other);
    }
    faults.leave_off();
    (None, faults)
}

/// What serde stopped at.
struct Fault {
    pointer: String,
    message: String,
    cure: Cure,
}

enum Cure {
    /// Put something else there.
    Replace(Place),
    /// Put something of that name into the object that begins there.
    Insert(usize, String),
    /// Take that range out.
    Remove(std::ops::Range<usize>),
}

impl Fault {
    fn of(text: &str, error: &Error) -> Self {
        let place = place::at(text, offset(text, error));
        let said = error.to_string();
        let said = said.rfind(" at line ").map_or(&*said, |end| &said[..end]);
        let named = |prefix| said.strip_prefix(prefix).and_then(|rest| rest.split('`').next());
        if let Some(name) = named("missing field `") {
            let pointer = format!("{}/{}", place.pointer, place::escape(name));
            return Self {
                pointer,
                message: "is missing".to_owned(),
                cure: Cure::Insert(place.start, name.to_owned()),
            };
        }
        for (prefix, message) in [
            ("unknown field `", "is not a known field"),
            ("duplicate field `", "is given twice"),
        ] {
            if let Some(name) = named(prefix)
                && let Some(range) = place::member(text, place.start, name)
            {
                let pointer = format!("{}/{}", place.pointer, place::escape(name));
                return Self {
                    pointer,
                    message: message.to_owned(),
                    cure: Cure::Remove(range),
                };
            }
        }
        Self {
            pointer: place.pointer.clone(),
            message: message(said),
            cure: Cure::Replace(place),
        }
    }

    /// The text with the fault mended, in every way that may do, the likeliest first.
    fn mends<'a>(&'a self, text: &'a str) -> impl Iterator<Item = String> + 'a {
        let likely = match &*self.message {
            "must be an integer" | "must be a number" => "0",
            "must be a string" | "is missing" => "\"\"",
            "must be a boolean" => "false",
            "must be a list" => "[]",
            "must be an object" => "{}",
            _ => "null",
        };
        let others = STAND_INS.into_iter().filter(move |other| *other != likely);
        // What is taken out needs nothing in its place.
        let ways = if matches!(self.cure, Cure::Remove(_)) {
            1
        } else {
            usize::MAX
        };
        std::iter::once(likely)
            .chain(others)
            .take(ways)
            .map(|stand_in| self.cure.mend(text, stand_in))
    }
}

impl Cure {
    fn mend(&self, text: &str, stand_in: &str) -> String {
        match self {
            Self::Replace(place) => {
                [&text[..place.start], stand_in, &text[place.end.min(text.len())..]].concat()
            }
            Self::Insert(start, name) => {
                let (before, after) = text.split_at((start + 1).min(text.len()));
                let comma = if after.trim_ascii_start().starts_with('}') {
                    ""
                } else {
                    ","
                };
                format!("{before}\"{name}\":{stand_in}{comma}{after}")
            }
            Self::Remove(range) => [&text[..range.start], &text[range.end..]].concat(),
        }
    }
}

/// The byte that serde stopped at, from the line and the column that it counts.
fn offset(text: &str, error: &Error) -> usize {
    let line = error.line().saturating_sub(1);
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    start + error.column()
}

/// What serde said, for someone who does not know Rust.
fn message(said: &str) -> String {
    let Some((_, expected)) = said
        .strip_prefix("invalid ")
        .and_then(|rest| rest.rsplit_once(", expected "))
    else {
        return clip(said.to_owned());
    };
    let expected = match expected {
        "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" => "an integer",
        "f32" | "f64" => "a number",
        "a sequence" => "a list",
        "a map" => "an object",
        "unit" => "null",
        other if other.starts_with("struct ") => "an object",
        other => other,
    };
    clip(format!("must be {expected}"))
}
