//! What a chain is made of, as whoever submits it says it.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{ClientId, Name, TemplateId};
use crate::routing::Strategy;
use crate::task::{RetryPolicy, TaskSpec, TimeoutPolicy, limits};
use crate::template::Defaults;
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
///
/// What it does not say is as its template says, if it names one, and otherwise as every task has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepTask {
    /// The template that says what this does not.
    #[serde(default, skip_serializing_if = "is_default")]
    pub template: Option<TemplateId>,
    /// What kind of work it is. Without a template, it is wanted.
    #[serde(default, skip_serializing_if = "is_default")]
    pub task_type: Option<Name>,
    /// What an agent must provide. Without a template, it is wanted.
    #[serde(default, skip_serializing_if = "is_default")]
    pub capability: Option<Name>,
    /// 1..=10, 10 first.
    #[serde(default, skip_serializing_if = "is_default")]
    pub priority: Option<u8>,
    /// How its agent is chosen.
    #[serde(default, skip_serializing_if = "is_default")]
    pub strategy: Option<Strategy>,
    /// The least trust its agent must have.
    #[serde(default = "no_trust", skip_serializing_if = "is_no_trust")]
    pub min_trust: TrustScore,
    /// Seconds one attempt may take, 1..=86400.
    #[serde(default, skip_serializing_if = "is_default")]
    pub timeout_seconds: Option<u32>,
    /// What an attempt that takes longer means.
    #[serde(default, skip_serializing_if = "is_default")]
    pub timeout_policy: TimeoutPolicy,
    /// Seconds of the longest silence within an attempt.
    #[serde(default, skip_serializing_if = "is_default")]
    pub heartbeat_timeout_seconds: Option<u32>,
    /// Further attempts after the first, 0..=10.
    #[serde(default, skip_serializing_if = "is_default")]
    pub max_retries: Option<u32>,
    /// How retries are spaced.
    #[serde(default, skip_serializing_if = "is_default")]
    pub retry_policy: Option<RetryPolicy>,
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

impl Definition {
    /// The templates that its steps name, compensations included.
    pub fn templates(&self) -> BTreeSet<TemplateId> {
        let undone = self.steps.iter().filter_map(|step| step.compensate_with.as_ref());
        let undone = undone.map(|compensation| &compensation.task);
        let tasks = self.steps.iter().map(|step| &step.task).chain(undone);
        tasks.filter_map(|task| task.template).collect()
    }
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
            task_type: Some(task_type),
            capability: Some(capability),
            ..Self::nothing()
        }
    }

    /// A task that is as its template says.
    pub fn of(template: TemplateId) -> Self {
        Self {
            template: Some(template),
            ..Self::nothing()
        }
    }

    fn nothing() -> Self {
        Self {
            template: None,
            task_type: None,
            capability: None,
            priority: None,
            strategy: None,
            min_trust: no_trust(),
            timeout_seconds: None,
            timeout_policy: TimeoutPolicy::default(),
            heartbeat_timeout_seconds: None,
            max_retries: None,
            retry_policy: None,
        }
    }

    /// The names of the fields that it must give and does not.
    pub(crate) fn missing(&self) -> impl Iterator<Item = &'static str> {
        let needed = [
            ("task_type", &self.task_type),
            ("capability_required", &self.capability),
        ];
        let missing = needed.into_iter().filter(|(_, given)| given.is_none());
        missing
            .filter(|_| self.template.is_none())
            .map(|(field, _)| field)
    }

    /// The fields with a number that is out of its range: the name, the number, the range.
    pub(crate) fn out_of_range(&self) -> impl Iterator<Item = (&'static str, u32, RangeInclusive<u32>)> {
        let priority = u32::from(*limits::PRIORITY.start())..=u32::from(*limits::PRIORITY.end());
        let bounds = [
            ("priority", self.priority.map(u32::from), priority),
            ("timeout_seconds", self.timeout_seconds, limits::TIMEOUT_SECONDS),
            ("max_retries", self.max_retries, limits::MAX_RETRIES),
            (
                "heartbeat_timeout_seconds",
                self.heartbeat_timeout_seconds,
                limits::TIMEOUT_SECONDS,
            ),
        ];
        let given = bounds
            .into_iter()
            .filter_map(|(field, value, range)| Some((field, value?, range)));
        given.filter(|(_, value, range)| !range.contains(value))
    }

    /// What `client` submits when the step is started, if it names no template; `None` if it does not say what kind of
    /// work it is, or what an agent must provide.
    pub fn spec(&self, client: ClientId) -> Option<TaskSpec> {
        let defaults = Defaults::new(self.task_type.clone()?, self.capability.clone()?);
        Some(self.spec_with(client, &defaults))
    }

    /// What `client` submits when the step is started, where `defaults` say what it does not.
    pub(crate) fn spec_with(&self, client: ClientId, defaults: &Defaults) -> TaskSpec {
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        let task_type = self.task_type.as_ref().unwrap_or(&defaults.task_type);
        let capability = self.capability.as_ref().unwrap_or(&defaults.capability);
        TaskSpec {
            priority: self.priority.unwrap_or(defaults.priority),
            strategy: self.strategy.unwrap_or(defaults.strategy),
            min_trust: self.min_trust,
            timeout: seconds(self.timeout_seconds.unwrap_or(defaults.timeout_seconds)),
            timeout_policy: self.timeout_policy,
            heartbeat_timeout: self.heartbeat_timeout_seconds.map(seconds),
            max_retries: self.max_retries.unwrap_or(defaults.max_retries),
            retry_policy: self.retry_policy.unwrap_or(defaults.retry_policy),
            ..TaskSpec::new(client, task_type.clone(), capability.clone())
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
