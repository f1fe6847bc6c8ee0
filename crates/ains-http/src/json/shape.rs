//! Reads a text as a type, and finds out everything that does not fit, not only the first thing.
//!
//! serde stops at the first fault. So, where one was met, it is noted, the text is mended at that place with
//! something that does fit, and read again. That costs one reading a fault, and only bad requests pay it.

#[cfg(test)]
mod tests;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Error;

use super::faults::{Faults, clip};
use super::place::{self, Place};
use crate::problem::{Kind, Problem};

/// What may stand in for a value of the wrong type.
const STAND_INS: [&str; 6] = ["null", "0", "\"\"", "false", "[]", "{}"];

/// Bytes read again, altogether, in search of further faults of one body.
const BUDGET: usize = 8 << 20;

/// Reads `text`: the value, and what was wrong with its form. Where that is something, the value is of no use but
/// to look for further faults.
///
/// # Errors
/// 400 if it is not JSON; 422 if no value can be made of it at all.
pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<(T, Faults), Problem> {
    if text.starts_with('{')
        && let Ok(value) = serde_json::from_str(text)
    {
        return Ok((value, Faults::default()));
    }
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| {
        Problem::new(
            Kind::MalformedJson,
            clip(format!("The body is not JSON: {error}")),
        )
    })?;
    if text.starts_with('{') {
        mend(text.to_owned())
    } else {
        Err(Faults::of("", "must be an object").into_problem())
    }
}

fn mend<T: DeserializeOwned>(mut text: String) -> Result<(T, Faults), Problem> {
    let mut faults = Faults::default();
    let mut budget = BUDGET;
    loop {
        let error = match serde_json::from_str(&text) {
            Ok(value) => return Ok((value, faults)),
            Err(error) => error,
        };
        let fault = Fault::of(&text, &error);
        faults.add(&fault.pointer, fault.message.clone());
        let mended = fault.mends(&text).into_iter().find(|candidate| {
            budget = budget.saturating_sub(candidate.len());
            budget > 0
                && serde_json::from_str::<T>(candidate)
                    .map_err(|error| Fault::of(candidate, &error))
                    .err()
                    .is_none_or(|next| next.pointer != fault.pointer)
        });
        match mended {
            Some(mended) => text = mended,
            None => return Err(faults.into_problem()),
        }
    }
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

    /// The text with the fault mended, in every way that may do.
    fn mends(&self, text: &str) -> Vec<String> {
        match &self.cure {
            Cure::Replace(place) => STAND_INS
                .iter()
                .map(|stand_in| [&text[..place.start], stand_in, &text[place.end.min(text.len())..]].concat())
                .collect(),
            Cure::Insert(start, name) => {
                let (before, after) = text.split_at((start + 1).min(text.len()));
                let comma = if after.trim_ascii_start().starts_with('}') {
                    ""
                } else {
                    ","
                };
                STAND_INS
                    .iter()
                    .map(|stand_in| format!("{before}\"{name}\":{stand_in}{comma}{after}"))
                    .collect()
            }
            Cure::Remove(range) => vec![[&text[..range.start], &text[range.end..]].concat()],
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
