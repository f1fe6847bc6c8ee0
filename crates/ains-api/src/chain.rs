//! Holds chains: small workflows as clients send them, read them and list them.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::words::{
    ChainStatus, CompensationStatus, Join, OnFailure, RetryPolicy, RoutingStrategy, StepStatus,
    TimeoutPolicy, Word,
};
use crate::{Json, Timestamp};

/// The body of `POST /ains/task-chains`: a workflow to be run. Unknown fields are ignored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SubmitChain {
    /// What people call it, 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    pub name: String,
    /// Who it belongs to, 1 to 255 characters. May be left out when the key is bound to a client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub client_id: Option<String>,
    /// What its expressions know as `input`, an object; at most 1 MiB and 64 levels. Default `{}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub input: Option<Json>,
    /// 1 to 1,000 steps.
    #[schema(min_items = 1, max_items = 1000)]
    pub steps: Vec<SubmitStep>,
}

/// Makes a type that has what is asked of an agent in common with others, behind fields of its own. With `and flow` it
/// also has in common what decides when and how often a step is done.
macro_rules! asked_of_agents {
    ($(#[$about:meta])* $name:ident { $($own:tt)* }) => {
        $(#[$about])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
        pub struct $name {
            $($own)*
            /// The template that says what is left out here, as it is when the task is made.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub template_id: Option<String>,
            /// The kind of work, for people and filters, 1 to 255 characters. Needed without a template.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(min_length = 1, max_length = 255)]
            pub task_type: Option<String>,
            /// What an agent must provide to get it, 1 to 255 characters; compared without regard to case. Needed without a
            /// template.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(min_length = 1, max_length = 255)]
            pub capability_required: Option<String>,
            /// What the agent works on, an object; at most 1 MiB and 64 levels. `${{ … }}` in any string of it is replaced
            /// by the value of the expression. Over that of a template it is laid member by member. Default `{}`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(value_type = Option<Object>)]
            pub input_data: Option<Json>,
            /// 10 is handed out first, 1 last. Default 5.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(minimum = 1, maximum = 10, default = 5)]
            pub priority: Option<i64>,
            /// Seconds that one attempt may take. Default 300.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(minimum = 1, maximum = 86400, default = 300)]
            pub timeout_seconds: Option<i64>,
            /// Attempts after the first. Default 3.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(minimum = 0, maximum = 10, default = 3)]
            pub max_retries: Option<i64>,
            /// How the agent is chosen. Default `round_robin`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(value_type = Option<RoutingStrategy>)]
            pub routing_strategy: Option<String>,
            /// How the delay before a retry grows. Default `exponential`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(value_type = Option<RetryPolicy>)]
            pub retry_policy: Option<String>,
            /// What becomes of an attempt that takes too long. Default `retry`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(value_type = Option<TimeoutPolicy>)]
            pub timeout_policy: Option<String>,
            /// The least trust an agent must have, 0 to 1. Default 0.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(minimum = 0, maximum = 1)]
            pub min_trust: Option<f64>,
            /// Seconds after which an attempt without a progress call is lost. Default: none.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(minimum = 1, maximum = 86400)]
            pub heartbeat_timeout_seconds: Option<i64>,
        }
    };
    ($(#[$about:meta])* $name:ident { $($own:tt)* } and flow) => {
        asked_of_agents! {
            $(#[$about])*
            $name {
                $($own)*
                /// Whether the agent finds in the input, as `previous_output`, the output of the step before it; if it
                /// comes after several, an object of their names and outputs. Default false.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub use_previous_output: Option<bool>,
                /// The steps that it comes after, by name. Left out: the one before it in the list. Empty: it starts at once.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub depends_on: Option<Vec<String>>,
                /// Which of those must have ended, and how. Default `all`.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                #[schema(value_type = Option<Join>)]
                pub join: Option<String>,
                /// An expression: the step is SKIPPED if it is false.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                #[schema(max_length = 1024)]
                pub when: Option<String>,
                /// An expression that gives a list of at most 10,000 items: one task for each.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                #[schema(max_length = 1024)]
                pub for_each: Option<String>,
                /// Items that are worked on at once. Default 1,000.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                #[schema(minimum = 1, maximum = 1000)]
                pub max_parallel: Option<i64>,
                /// How many items may fail before the step does: a number, or a part of them such as `"5%"`. Default 0.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub tolerate_failures: Option<Tolerance>,
                /// An expression: the step is run again until it holds.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                #[schema(max_length = 1024)]
                pub repeat_until: Option<String>,
                /// How often it is run at most; needed with `repeat_until`.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                #[schema(minimum = 1, maximum = 1000)]
                pub max_iterations: Option<i64>,
                /// What its failure means for the chain. Default `fail`.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                #[schema(value_type = Option<OnFailure>)]
                pub on_failure: Option<String>,
                /// What undoes it once it has COMPLETED.
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub compensate_with: Option<Compensation>,
            }
        }
    };
}

asked_of_agents! {
    /// One step of a chain: when it is done, and what is asked of an agent. Unknown fields are ignored.
    SubmitStep {
        /// What the chain calls it, 1 to 255 characters; no other step has this name. Expressions know it as `steps.<name>`
        /// if it is an identifier, and as `steps["<name>"]` in any case.
        #[schema(min_length = 1, max_length = 255)]
        pub name: String,
    } and flow
}

asked_of_agents! {
    /// A task that undoes a step. Its agent finds the output of the step in the input, as `previous_output`. Unknown fields
    /// are ignored.
    Compensation {}
}

asked_of_agents! {
    /// A step of a chain and how it stands. What was submitted has its defaults filled in; what the step does not have is left
    /// out.
    ChainStep {
        /// Its place in the chain, from 0.
        pub index: u32,
        /// What the chain calls it.
        pub name: String,
        /// Where it stands.
        #[schema(value_type = StepStatus)]
        pub status: Word,
        /// When its first task was made.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub started_at: Option<Timestamp>,
        /// When it ended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub completed_at: Option<Timestamp>,
        /// What went wrong, or why it was skipped or cancelled.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub error_message: Option<String>,
        /// Of a step that is repeated: which time it is, from 1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub iteration: Option<u32>,
        /// Of a step with `for_each`: how far it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub items: Option<StepItems>,
        /// How far it is with being undone, once that has begun.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub compensation: Option<StepCompensation>,
    } and flow
}

/// How many items of a `for_each` may fail before the step does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Tolerance {
    /// So many.
    Count(i64),
    /// So many of a hundred, such as `5%` or `0.5%`.
    Percent(String),
}

impl From<i64> for Tolerance {
    fn from(count: i64) -> Self {
        Self::Count(count)
    }
}

impl From<&str> for Tolerance {
    fn from(percent: &str) -> Self {
        Self::Percent(percent.to_owned())
    }
}

/// By hand, because serde's own way keeps a copy of the value, and does not say what is wrong with it.
impl<'de> Deserialize<'de> for Tolerance {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct Either;

        impl Visitor<'_> for Either {
            type Value = Tolerance;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number, or a text such as `5%`")
            }

            fn visit_i64<E: de::Error>(self, count: i64) -> Result<Tolerance, E> {
                Ok(Tolerance::Count(count))
            }

            fn visit_u64<E: de::Error>(self, count: u64) -> Result<Tolerance, E> {
                Ok(Tolerance::Count(i64::try_from(count).unwrap_or(i64::MAX)))
            }

            fn visit_str<E: de::Error>(self, percent: &str) -> Result<Tolerance, E> {
                Ok(percent.into())
            }
        }

        source.deserialize_any(Either)
    }
}

/// How far a step with `for_each` is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepItems {
    /// How many items there are.
    pub total: u32,
    /// How many have completed.
    pub completed: u32,
    /// How many have failed.
    pub failed: u32,
}

/// How far a step is with being undone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepCompensation {
    /// Where that stands.
    #[schema(value_type = CompensationStatus)]
    pub status: Word,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
}

/// The answer of `POST /ains/task-chains`, and of pausing, resuming and retrying; and a chain in a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChainSummary {
    /// `chain_` and 32 hexadecimal digits.
    pub chain_id: String,
    /// What people call it.
    pub name: String,
    /// Where it stands.
    #[schema(value_type = ChainStatus)]
    pub status: Word,
    /// The index of the first step that has not ended; how many steps there are if all have.
    pub current_step: u32,
    /// How many steps it has.
    pub total_steps: u32,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The whole chain: the answer of `GET /ains/task-chains/{id}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskChain {
    /// `chain_` and 32 hexadecimal digits.
    pub chain_id: String,
    /// What people call it.
    pub name: String,
    /// Who it belongs to.
    pub client_id: String,
    /// Where it stands.
    #[schema(value_type = ChainStatus)]
    pub status: Word,
    /// 1, and one more with every retry.
    pub run: u32,
    /// The index of the first step that has not ended; how many steps there are if all have.
    pub current_step: u32,
    /// How many steps it has.
    pub total_steps: u32,
    /// What its expressions know as `input`.
    #[schema(value_type = Object)]
    pub input: Json,
    /// Its steps, in order.
    pub steps: Vec<ChainStep>,
    /// What the steps that ended came to, by their index.
    #[schema(value_type = BTreeMap<String, StepResult>)]
    pub step_results: BTreeMap<u32, StepResult>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its first run began.
    pub started_at: Option<Timestamp>,
    /// When it ended, well or badly.
    pub completed_at: Option<Timestamp>,
    /// Why it is FAILED or CANCELLED, or why its steps are being undone.
    pub error_message: Option<String>,
}

impl TaskChain {
    /// The step of this name.
    pub fn step(&self, name: &str) -> Option<&ChainStep> {
        self.steps.iter().find(|step| step.name == name)
    }

    /// What the step of this name came to, if it has ended.
    pub fn result(&self, name: &str) -> Option<&StepResult> {
        self.step_results.get(&self.step(name)?.index)
    }
}

/// What a step came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StepResult {
    /// How it ended.
    #[schema(value_type = StepStatus)]
    pub status: Word,
    /// Its output: what its agent reported, the list of those of its items, or null if it has none.
    #[schema(value_type = Json, required = false)]
    pub data: Option<Json>,
    /// Present and true if it has an output, which is not here because all of them together are too long. It can be read with
    /// `GET /ains/tasks?chain_id=…`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub data_left_out: bool,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
}

/// The body of `POST /ains/task-chains/{id}/cancel`, which may be left out. Unknown fields are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CancelChain {
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The answer to cancelling a chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChainCancelled {
    /// The chain.
    pub chain_id: String,
    /// `Chain cancelled successfully`.
    #[schema(value_type = String)]
    pub message: Word,
}

/// The query of `GET /ains/task-chains`; every filter narrows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ChainFilter {
    /// Chains of this client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Chains in this status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Chains a page, 1 to 200. Default 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<i64>,
    /// Where the page begins: the id of the last chain of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// The answer of `GET /ains/task-chains/{id}/graph`: the steps of a chain and which of them come after which.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChainGraph {
    /// The chain.
    pub chain_id: String,
    /// Its steps, in order.
    pub nodes: Vec<StepNode>,
    /// Which of them come after which.
    pub edges: Vec<StepEdge>,
}

/// A step in the graph of its chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepNode {
    /// Its place in the chain, from 0.
    pub index: u32,
    /// What the chain calls it.
    pub name: String,
    /// Its kind of work; null if its template says it.
    pub task_type: Option<String>,
    /// Where it stands.
    #[schema(value_type = StepStatus)]
    pub status: Word,
}

/// An edge of the graph of a chain: `to` comes after `from`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepEdge {
    /// The name of a step.
    pub from: String,
    /// The name of a step that comes after it.
    pub to: String,
    /// Whether `from` has ended.
    pub resolved: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_sent_as_short_as_it_is() {
        let text = r#"{"name":"a","when":"input.n > 0","tolerate_failures":"5%","compensate_with":{"task_type":"undo","capability_required":"x"},"task_type":"t","capability_required":"x","input_data":{"n": 1.0}}"#;
        let step: SubmitStep = serde_json::from_str(text).expect("a step");
        assert_eq!(step.tolerate_failures, Some("5%".into()));
        assert_eq!(serde_json::to_string(&step).expect("JSON"), text);
        let more = text.replacen('{', r#"{"colour":"red","join":null,"#, 1);
        assert_eq!(serde_json::from_str::<SubmitStep>(&more).expect("a step"), step);
    }

    #[test]
    fn a_tolerance_is_a_number_or_a_text() {
        let read = serde_json::from_str::<Tolerance>;
        assert_eq!(read("3").expect("a number"), 3.into());
        assert_eq!(read("-1").expect("a number"), Tolerance::Count(-1));
        assert_eq!(read("18446744073709551615").expect("a number"), i64::MAX.into());
        assert_eq!(read(r#""5\u0025""#).expect("a text"), "5%".into());
        for text in ["1.5", "true", "[]", "{}"] {
            let error = read(text).expect_err(text).to_string();
            assert!(
                error.contains("expected a whole number, or a text such as `5%`"),
                "{error}"
            );
        }
    }

    #[test]
    fn results_go_by_the_index_of_their_step() {
        let step = |index: u32, name: &str| ChainStep {
            index,
            name: name.to_owned(),
            ..ChainStep::default()
        };
        let result = |status: &'static str| StepResult {
            status: status.into(),
            ..StepResult::default()
        };
        let chain = TaskChain {
            steps: vec![step(0, "a"), step(1, "b"), step(2, "c")],
            step_results: [(0, result("COMPLETED")), (1, result("SKIPPED"))].into(),
            ..TaskChain::default()
        };
        assert_eq!(chain.result("b").expect("an end").status, StepStatus::Skipped);
        assert_eq!((chain.result("c"), chain.result("d")), (None, None));
        let text = serde_json::to_string(&chain).expect("JSON");
        let results = r#""step_results":{"0":{"status":"COMPLETED","data":null,"completed_at":null},"1":"#;
        assert!(text.contains(results), "{text}");
        assert_eq!(serde_json::from_str::<TaskChain>(&text).expect("a chain"), chain);
    }
}
