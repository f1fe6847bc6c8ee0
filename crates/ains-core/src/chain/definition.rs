//! What a chain is made of, as whoever submits it says it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{ClientId, Name};
use crate::routing::Strategy;
use crate::task::{RetryPolicy, TaskSpec, TimeoutPolicy, limits};
use crate::trust::TrustScore;

/// A chain: its steps, in order.
///
/// It is stored as JSON text; what is left at its default is left out.
/// [`check`](Self::check) makes a [`Plan`](super::Plan) of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// 1 to [`MAX_STEPS`](super::MAX_STEPS).
    pub steps: Vec<StepDefinition>,
}

/// One step of a chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepDefinition {
    /// A name, unique in the chain. Expressions can refer to it as `steps.<name>` if it is an identifier, as
    /// `steps["<name>"]` in any case.
    pub name: String,
    /// What is asked of an agent.
    pub task: StepTask,
    /// The input: the text of a JSON object. Any string in it, however deep, may hold `${{ … }}`; keys are left as
    /// they are.
    #[serde(default = "no_input", skip_serializing_if = "is_no_input")]
    pub input: Box<str>,
    /// Whether `previous_output` is added to the input.
    #[serde(default, skip_serializing_if = "is_default")]
    pub use_previous_output: bool,
    /// The steps it comes after. `None`: the step before it in the list; an empty list: it starts at once.
    #[serde(default, skip_serializing_if = "is_default")]
    pub depends_on: Option<Vec<String>>,
    /// Which of them must have ended, and how.
    #[serde(default, skip_serializing_if = "is_default")]
    pub join: Join,
    /// An expression: the step is SKIPPED if it is false.
    #[serde(default, skip_serializing_if = "is_default")]
    pub when: Option<String>,
    /// An expression that gives a list: one task for each item.
    #[serde(default, skip_serializing_if = "is_default")]
    pub for_each: Option<String>,
    /// Most items at once; [`MAX_PARALLEL`](super::MAX_PARALLEL) at most, and if it is not said.
    #[serde(default, skip_serializing_if = "is_default")]
    pub max_parallel: Option<u32>,
    /// How many items may fail before the step does.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tolerate_failures: Tolerance,
    /// An expression: the step is run again until it holds.
    #[serde(default, skip_serializing_if = "is_default")]
    pub repeat_until: Option<String>,
    /// Most runs of a step that is repeated.
    #[serde(default, skip_serializing_if = "is_default")]
    pub max_iterations: Option<u32>,
    /// What its failure means for the chain.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_failure: OnFailure,
    /// How it is undone once it has COMPLETED.
    #[serde(default, skip_serializing_if = "is_default")]
    pub compensate_with: Option<Compensation>,
}

/// How a step is undone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Compensation {
    /// What is asked of an agent.
    pub task: StepTask,
    /// The input, like a step's; `previous_output`, the output of the step that is undone, is always added.
    #[serde(default = "no_input", skip_serializing_if = "is_no_input")]
    pub input: Box<str>,
}

/// What a step asks of an agent: everything of a task but whose it is and when it is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepTask {
    /// What kind of work it is.
    pub task_type: Name,
    /// What an agent must provide.
    pub capability: Name,
    /// 1..=10, 10 first.
    #[serde(default = "default_priority", skip_serializing_if = "is_default_priority")]
    pub priority: u8,
    /// How its agent is chosen.
    #[serde(default, skip_serializing_if = "is_default")]
    pub strategy: Strategy,
    /// The least trust its agent must have.
    #[serde(default = "no_trust", skip_serializing_if = "is_no_trust")]
    pub min_trust: TrustScore,
    /// Seconds one attempt may take, 1..=86400.
    #[serde(default = "default_timeout", skip_serializing_if = "is_default_timeout")]
    pub timeout_seconds: u32,
    /// What an attempt that takes longer means.
    #[serde(default, skip_serializing_if = "is_default")]
    pub timeout_policy: TimeoutPolicy,
    /// Seconds of the longest silence within an attempt.
    #[serde(default, skip_serializing_if = "is_default")]
    pub heartbeat_timeout_seconds: Option<u32>,
    /// Further attempts after the first, 0..=10.
    #[serde(default = "default_retries", skip_serializing_if = "is_default_retries")]
    pub max_retries: u32,
    /// How retries are spaced.
    #[serde(default, skip_serializing_if = "is_default")]
    pub retry_policy: RetryPolicy,
}

/// Which of a step's predecessors must have ended, and how, before it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Join {
    /// It runs when all have ended. If all were SKIPPED, it is SKIPPED.
    #[default]
    All,
    /// It runs as soon as one has COMPLETED. If all have ended and none did, it is SKIPPED.
    Any,
    /// It runs when all have ended, whatever they came to.
    AllDone,
}

/// How many items of a `for_each` may fail before the step does.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tolerance {
    /// Not one.
    #[default]
    None,
    /// So many.
    Count(u32),
    /// So many of a hundred, 0..=100: `failed * 100 <= percent * items`.
    Percent(f64),
}

/// What the failure of a step means for its chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// The chain fails, and what runs is cancelled.
    #[default]
    Fail,
    /// The chain goes on; successors see the status.
    Continue,
    /// What runs is cancelled, what COMPLETED is undone in reverse order, then the chain fails.
    Compensate,
}

impl StepDefinition {
    /// A step with every default: it follows the one before it, and has no input.
    pub fn new(name: impl Into<String>, task: StepTask) -> Self {
        Self {
            name: name.into(),
            task,
            input: no_input(),
            use_previous_output: false,
            depends_on: None,
            join: Join::default(),
            when: None,
            for_each: None,
            max_parallel: None,
            tolerate_failures: Tolerance::default(),
            repeat_until: None,
            max_iterations: None,
            on_failure: OnFailure::default(),
            compensate_with: None,
        }
    }
}

impl StepTask {
    /// A task with every default.
    pub fn new(task_type: Name, capability: Name) -> Self {
        Self {
            task_type,
            capability,
            priority: limits::DEFAULT_PRIORITY,
            strategy: Strategy::default(),
            min_trust: no_trust(),
            timeout_seconds: limits::DEFAULT_TIMEOUT_SECONDS,
            timeout_policy: TimeoutPolicy::default(),
            heartbeat_timeout_seconds: None,
            max_retries: limits::DEFAULT_MAX_RETRIES,
            retry_policy: RetryPolicy::default(),
        }
    }

    /// What `client` submits when the step is started.
    pub fn spec(&self, client: ClientId) -> TaskSpec {
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        TaskSpec {
            priority: self.priority,
            strategy: self.strategy,
            min_trust: self.min_trust,
            timeout: seconds(self.timeout_seconds),
            timeout_policy: self.timeout_policy,
            heartbeat_timeout: self.heartbeat_timeout_seconds.map(seconds),
            max_retries: self.max_retries,
            retry_policy: self.retry_policy,
            ..TaskSpec::new(client, self.task_type.clone(), self.capability.clone())
        }
    }
}

impl Tolerance {
    /// Whether `failed` of `total` items are too many.
    pub fn is_exceeded(self, failed: u32, total: u32) -> bool {
        match self {
            Self::None => failed > 0,
            Self::Count(count) => failed > count,
            Self::Percent(percent) => f64::from(failed) * 100.0 > percent * f64::from(total),
        }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn no_input() -> Box<str> {
    "{}".into()
}

#[expect(clippy::borrowed_box, reason = "as serde calls it")]
fn is_no_input(input: &Box<str>) -> bool {
    &**input == "{}"
}

fn no_trust() -> TrustScore {
    TrustScore::clamped(0.0)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_no_trust(trust: &TrustScore) -> bool {
    *trust == no_trust()
}

fn default_priority() -> u8 {
    limits::DEFAULT_PRIORITY
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_default_priority(priority: &u8) -> bool {
    *priority == limits::DEFAULT_PRIORITY
}

fn default_timeout() -> u32 {
    limits::DEFAULT_TIMEOUT_SECONDS
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_default_timeout(seconds: &u32) -> bool {
    *seconds == limits::DEFAULT_TIMEOUT_SECONDS
}

fn default_retries() -> u32 {
    limits::DEFAULT_MAX_RETRIES
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_default_retries(retries: &u32) -> bool {
    *retries == limits::DEFAULT_MAX_RETRIES
}
