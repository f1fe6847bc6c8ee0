//! The JSON Schemas of templates: read once, bounded, and asked often.
//!
//! Drafts 6 to 2020-12. A schema is checked against the one for schemas when it is read, and everything that it refers
//! to must be part of it. How much work it can be is bounded before it is used: see `bounds`.

mod bounds;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ains_core::TemplateId;
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

use self::bounds::Weight;

/// Most bytes of a schema.
pub const MAX_SCHEMA: usize = 64 << 10;

/// Most faults that are told at once.
pub const MAX_FAULTS: usize = 20;

/// Most steps of a check of which everything that is wrong is looked for: the library collects it all, and every step can
/// find something.
const THOROUGH: usize = 100_000;

/// Most steps of a check: some tenths of a second.
const MAX_STEPS: usize = 10_000_000;

/// Bytes that a regular expression may take once it is read, and again while it is used.
const PATTERN_SIZE: usize = 64 << 10;

/// Bytes that one part of a schema takes, roughly.
const PART_SIZE: usize = 1 << 10;

/// Bytes that all schemas take that are kept in memory, roughly.
const KEPT: usize = 64 << 20;

/// Characters of a message.
const MESSAGE: usize = 200;

/// Something that is wrong at one place of a JSON document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where: a JSON Pointer, empty for the whole document.
    pub pointer: String,
    /// What, without a full stop.
    pub message: String,
}

/// A schema that was read.
#[derive(Debug)]
pub struct InputSchema {
    validator: Validator,
    weight: Weight,
    /// Bytes, roughly.
    size: usize,
}

impl InputSchema {
    /// Reads a schema.
    ///
    /// # Errors
    /// What is wrong with it, and where in it: at least one thing, at most [`MAX_FAULTS`].
    pub fn read(text: &str) -> Result<Self, Vec<Fault>> {
        let fault = |message: String| {
            vec![Fault {
                pointer: String::new(),
                message,
            }]
        };
        if text.len() > MAX_SCHEMA {
            return Err(fault(format!("is larger than the limit of {MAX_SCHEMA} bytes")));
        }
        let schema: Value = serde_json::from_str(text).map_err(|error| fault(shortened(&error)))?;
        let weight = bounds::check(&schema)?;
        let meta = jsonschema::meta::validator_for(&schema).map_err(|error| fault(shortened(&error)))?;
        let faults: Vec<Fault> = meta.iter_errors(&schema).take(MAX_FAULTS).map(told).collect();
        if !faults.is_empty() {
            return Err(faults);
        }
        let patterns = PatternOptions::regex()
            .size_limit(PATTERN_SIZE)
            .dfa_size_limit(PATTERN_SIZE);
        let validator = jsonschema::options()
            .offline()
            .with_pattern_options(patterns)
            .build(&schema)
            .map_err(|error| vec![told(error)])?;
        Ok(Self {
            validator,
            weight,
            size: weight.parts * PART_SIZE + weight.patterns * 2 * PATTERN_SIZE + text.len(),
        })
    }

    /// What is wrong with `input`, a JSON text, and where in it; nothing if it is as the schema wants it, at most
    /// [`MAX_FAULTS`]. Of an input that takes more than 100,000 steps to check, only the first is looked for, and not even
    /// where it is if the schema has alternatives; one that takes more than 10,000,000 steps is refused unchecked.
    pub fn check(&self, input: &str) -> Vec<Fault> {
        let whole = |message: String| {
            vec![Fault {
                pointer: String::new(),
                message,
            }]
        };
        let value: Value = match serde_json::from_str(input) {
            Ok(value) => value,
            Err(error) => return whole(shortened(&error)),
        };
        let steps = bounds::steps(self.weight.parts, &value);
        if steps > MAX_STEPS {
            return whole(format!(
                "is too large to be checked: its values times the {} parts of the schema are more than {MAX_STEPS}",
                self.weight.parts
            ));
        }
        if steps <= THOROUGH {
            let faults = self.validator.iter_errors(&value).take(MAX_FAULTS);
            return faults.map(told).collect();
        }
        if self.validator.is_valid(&value) {
            return Vec::new();
        }
        if self.weight.collects {
            return whole("is not as the schema wants it, and too large to say where".to_owned());
        }
        self.validator
            .validate(&value)
            .err()
            .map(told)
            .into_iter()
            .collect()
    }
}

/// The message does not repeat the value, which may be long, or not for everybody to see.
#[expect(clippy::needless_pass_by_value, reason = "as the caller maps over them")]
fn told(error: ValidationError<'_>) -> Fault {
    Fault {
        pointer: error.instance_path().as_str().to_owned(),
        message: shortened(&error.masked_with("the value")),
    }
}

fn shortened(message: &impl ToString) -> String {
    let message = message.to_string();
    match message.char_indices().nth(MESSAGE) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message,
    }
}

/// Schemas that were read, by template and revision; those read last are kept in memory.
#[derive(Debug, Default)]
pub(crate) struct Schemas {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    schemas: HashMap<(TemplateId, i64), Arc<InputSchema>>,
    /// Oldest first.
    order: VecDeque<(TemplateId, i64)>,
    /// Bytes that they take, roughly.
    size: usize,
}

impl Schemas {
    /// The schema `text` of a template, as it was at `revision`.
    ///
    /// # Errors
    /// What is wrong with it, as [`InputSchema::read`].
    pub(crate) fn of(
        &self,
        template: TemplateId,
        revision: i64,
        text: &str,
    ) -> Result<Arc<InputSchema>, Vec<Fault>> {
        let known = self.lock().schemas.get(&(template, revision)).cloned();
        if let Some(schema) = known {
            return Ok(schema);
        }
        let schema = Arc::new(InputSchema::read(text)?);
        self.lock().put((template, revision), &schema);
        Ok(schema)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn put(&mut self, key: (TemplateId, i64), schema: &Arc<InputSchema>) {
        if self.schemas.insert(key, Arc::clone(schema)).is_some() {
            return;
        }
        self.order.push_back(key);
        self.size += schema.size;
        while self.size > KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            if let Some(gone) = self.schemas.remove(&oldest) {
                self.size -= gone.size;
            }
        }
    }
}
