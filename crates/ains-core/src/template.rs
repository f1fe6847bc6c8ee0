//! Templates: what tasks of a kind have in common, kept once (semantics §7).
//!
//! Whoever uses a template says what is different; everything else is as the template says. The inputs are merged
//! shallowly: a member that is given takes the place of the template's of that name, whatever either holds.
//!
//! A template may have a JSON Schema that every merged input must satisfy. It is kept as text here: reading it takes a
//! library, which is not needed to merge.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::chain::StepTask;
use crate::ids::{ClientId, Name, TemplateId};
use crate::routing::Strategy;
use crate::task::{RetryPolicy, TaskSpec, limits};
use crate::time::Timestamp;

/// Most bytes of a merged input (semantics §9).
pub const MAX_INPUT: usize = 1 << 20;

/// A template.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// Its id.
    pub id: TemplateId,
    /// Whose it is.
    pub client: ClientId,
    /// What it is called.
    pub name: Name,
    /// What it is for.
    pub description: Option<String>,
    /// What a task made from it is, as far as nobody says otherwise.
    pub defaults: Defaults,
    /// What its inputs must satisfy: the text of a JSON Schema.
    pub input_schema: Option<Box<str>>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What a task is, as far as nobody says otherwise.
///
/// It is stored as JSON text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Defaults {
    /// What kind of work it is.
    pub task_type: Name,
    /// What an agent must provide.
    pub capability: Name,
    /// The input: the text of a JSON object.
    pub input: Box<str>,
    /// 1..=10, 10 first.
    pub priority: u8,
    /// Seconds one attempt may take, 1..=86400.
    pub timeout_seconds: u32,
    /// Further attempts after the first, 0..=10.
    pub max_retries: u32,
    /// How its agent is chosen.
    pub strategy: Strategy,
    /// How retries are spaced.
    pub retry_policy: RetryPolicy,
}

impl Defaults {
    /// What every task is that is asked for without a template.
    pub fn new(task_type: Name, capability: Name) -> Self {
        Self {
            task_type,
            capability,
            input: "{}".into(),
            priority: limits::DEFAULT_PRIORITY,
            timeout_seconds: limits::DEFAULT_TIMEOUT_SECONDS,
            max_retries: limits::DEFAULT_MAX_RETRIES,
            strategy: Strategy::default(),
            retry_policy: RetryPolicy::default(),
        }
    }
}

impl Template {
    /// What `client` submits who asks for `own` with `input`, the text of a JSON object, and leaves the rest to this
    /// template: what is asked for, and the input.
    pub fn merge(&self, own: &StepTask, client: ClientId, input: &str) -> (TaskSpec, Box<str>) {
        let mut spec = own.spec_with(client, &self.defaults);
        spec.template = Some(self.id);
        (spec, merged(&self.defaults.input, input))
    }
}

/// The members of `default` and of `own`, both texts of JSON objects; of those that both have, the ones of `own`. Values
/// are kept to the letter.
///
/// What is no object counts as one without members.
pub fn merged(default: &str, own: &str) -> Box<str> {
    let own: Members<'_> = serde_json::from_str(own).unwrap_or_default();
    if own.is_empty() {
        return default.into();
    }
    let mut members: Members<'_> = serde_json::from_str(default).unwrap_or_default();
    members.extend(own);
    // Texts and raw values can always be written.
    serde_json::to_string(&members).unwrap_or_default().into()
}

type Members<'a> = BTreeMap<String, &'a RawValue>;
