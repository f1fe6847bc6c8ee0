//! Writes chains: a step a line.

use std::ops::Deref;

use ains_api::{
    Compensation, Join, Json, OnFailure, RetryPolicy, RoutingStrategy, SubmitChain, SubmitStep,
    TimeoutPolicy, Tolerance,
};

/// A chain as it is written: what [`Client::create_chain`](crate::Client::create_chain) and
/// [`Client::run_chain`](crate::Client::run_chain) take.
///
/// Without a word on what it comes after, a step follows the one before it. What is wrong with a chain is for the server to
/// say: it lists every fault.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chain(SubmitChain);

impl Chain {
    /// A chain of no steps, with a name for people.
    pub fn new(name: impl Into<String>) -> Self {
        Self(SubmitChain {
            name: name.into(),
            ..SubmitChain::default()
        })
    }

    /// Who it belongs to. Not needed when the key is bound to a client.
    #[must_use]
    pub fn client(mut self, client_id: impl Into<String>) -> Self {
        self.0.client_id = Some(client_id.into());
        self
    }

    /// What its expressions know as `input`, an object.
    #[must_use]
    pub fn input(mut self, input: impl Into<Json>) -> Self {
        self.0.input = Some(input.into());
        self
    }

    /// One more step.
    #[must_use]
    pub fn step(mut self, step: impl Into<SubmitStep>) -> Self {
        self.0.steps.push(step.into());
        self
    }
}

impl Deref for Chain {
    type Target = SubmitChain;

    fn deref(&self) -> &SubmitChain {
        &self.0
    }
}

impl From<Chain> for SubmitChain {
    fn from(chain: Chain) -> Self {
        chain.0
    }
}

/// A step of a chain as it is written: what is asked of an agent, and when.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step(SubmitStep);

/// What undoes a step once it has COMPLETED: a task, which finds the output of the step in its input, as
/// `previous_output`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Undo(Compensation);

/// What is asked of an agent, by a step and by what undoes it.
macro_rules! ask {
    ($($builder:ident of $wire:ident),+) => {$(
        impl $builder {
            /// What the agent works on, an object. `${{ … }}` in any string of it is replaced by the value of the expression.
            #[must_use]
            pub fn input(mut self, input: impl Into<Json>) -> Self {
                self.0.input_data = Some(input.into());
                self
            }

            /// 10 is handed out first, 1 last. Default 5.
            #[must_use]
            pub fn priority(mut self, priority: u8) -> Self {
                self.0.priority = Some(priority.into());
                self
            }

            /// Seconds that one attempt may take, 1 to 86,400. Default 300.
            #[must_use]
            pub fn timeout_seconds(mut self, seconds: u32) -> Self {
                self.0.timeout_seconds = Some(seconds.into());
                self
            }

            /// What becomes of an attempt that takes too long. Default: it is tried again.
            #[must_use]
            pub fn on_timeout(mut self, policy: TimeoutPolicy) -> Self {
                self.0.timeout_policy = Some(policy.into());
                self
            }

            /// Seconds after which an attempt without a progress call is lost, 1 to 86,400. Default: none.
            #[must_use]
            pub fn heartbeat_timeout_seconds(mut self, seconds: u32) -> Self {
                self.0.heartbeat_timeout_seconds = Some(seconds.into());
                self
            }

            /// Attempts after the first, 0 to 10. Default 3.
            #[must_use]
            pub fn max_retries(mut self, retries: u32) -> Self {
                self.0.max_retries = Some(retries.into());
                self
            }

            /// How the delay before a retry grows. Default: exponentially.
            #[must_use]
            pub fn retry_policy(mut self, policy: RetryPolicy) -> Self {
                self.0.retry_policy = Some(policy.into());
                self
            }

            /// How the agent is chosen. Default: in turn.
            #[must_use]
            pub fn routing(mut self, strategy: RoutingStrategy) -> Self {
                self.0.routing_strategy = Some(strategy.into());
                self
            }

            /// The least trust an agent must have, 0 to 1. Default 0.
            #[must_use]
            pub fn min_trust(mut self, trust: f64) -> Self {
                self.0.min_trust = Some(trust);
                self
            }
        }

        impl From<$builder> for $wire {
            fn from(built: $builder) -> Self {
                built.0
            }
        }
    )+};
}

ask!(Step of SubmitStep, Undo of Compensation);

impl Step {
    /// A step of this name, which asks an agent that provides `capability` for a task of this type.
    pub fn new(name: impl Into<String>, task_type: impl Into<String>, capability: impl Into<String>) -> Self {
        Self(SubmitStep {
            name: name.into(),
            task_type: Some(task_type.into()),
            capability_required: Some(capability.into()),
            ..SubmitStep::default()
        })
    }

    /// A step of this name, which is as a template says, but for what is said here.
    pub fn of_template(name: impl Into<String>, template_id: impl Into<String>) -> Self {
        Self(SubmitStep {
            name: name.into(),
            template_id: Some(template_id.into()),
            ..SubmitStep::default()
        })
    }

    /// It comes after no other step: it starts at once.
    #[must_use]
    pub fn at_once(mut self) -> Self {
        self.0.depends_on = Some(Vec::new());
        self
    }

    /// It comes after these steps. Default: after the one before it.
    #[must_use]
    pub fn after<N: Into<String>>(mut self, steps: impl IntoIterator<Item = N>) -> Self {
        self.0.depends_on = Some(steps.into_iter().map(Into::into).collect());
        self
    }

    /// Which of the steps before it must have ended, and how. Default: all.
    #[must_use]
    pub fn join(mut self, join: Join) -> Self {
        self.0.join = Some(join.into());
        self
    }

    /// The agent finds the output of the step before it in the input, as `previous_output`.
    #[must_use]
    pub fn use_previous_output(mut self) -> Self {
        self.0.use_previous_output = Some(true);
        self
    }

    /// It is SKIPPED if this expression is false.
    #[must_use]
    pub fn when(mut self, expression: impl Into<String>) -> Self {
        self.0.when = Some(expression.into());
        self
    }

    /// It is one task for each item of the list that this expression gives.
    #[must_use]
    pub fn for_each(mut self, expression: impl Into<String>) -> Self {
        self.0.for_each = Some(expression.into());
        self
    }

    /// Items that are worked on at once, 1 to 1,000. Default 1,000.
    #[must_use]
    pub fn max_parallel(mut self, items: u32) -> Self {
        self.0.max_parallel = Some(items.into());
        self
    }

    /// How many items may fail before the step does: a number, or a part such as `"5%"`. Default 0.
    #[must_use]
    pub fn tolerate_failures(mut self, tolerance: impl Into<Tolerance>) -> Self {
        self.0.tolerate_failures = Some(tolerance.into());
        self
    }

    /// It is run again until this expression holds, over its `output` and the `iteration`; so many times at most, 1 to 1,000.
    #[must_use]
    pub fn repeat_until(mut self, expression: impl Into<String>, max_iterations: u32) -> Self {
        self.0.repeat_until = Some(expression.into());
        self.0.max_iterations = Some(max_iterations.into());
        self
    }

    /// What its failure means for the chain. Default: the chain fails.
    #[must_use]
    pub fn on_failure(mut self, meaning: OnFailure) -> Self {
        self.0.on_failure = Some(meaning.into());
        self
    }

    /// What undoes it, if a later step fails whose failure means [`OnFailure::Compensate`].
    #[must_use]
    pub fn compensate_with(mut self, undo: impl Into<Compensation>) -> Self {
        self.0.compensate_with = Some(undo.into());
        self
    }
}

impl Undo {
    /// An agent that provides `capability` is asked for a task of this type.
    pub fn new(task_type: impl Into<String>, capability: impl Into<String>) -> Self {
        Self(Compensation {
            task_type: Some(task_type.into()),
            capability_required: Some(capability.into()),
            ..Compensation::default()
        })
    }

    /// What is done is as a template says, but for what is said here.
    pub fn of_template(template_id: impl Into<String>) -> Self {
        Self(Compensation {
            template_id: Some(template_id.into()),
            ..Compensation::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_chain_is_what_was_written() {
        let book = Step::new("book", "booking", "travel:v1")
            .input(json!({"trip": "${{ input.trip }}"}))
            .compensate_with(Undo::new("cancel-booking", "travel:v1").max_retries(10));
        let pay = Step::new("pay", "payment", "bank:v1")
            .after(["book"])
            .use_previous_output()
            .on_failure(OnFailure::Compensate)
            .on_timeout(TimeoutPolicy::Fail)
            .min_trust(0.5);
        let tell = Step::new("tell", "mail", "mail:v1")
            .for_each("input.friends")
            .max_parallel(2)
            .tolerate_failures("50%")
            .join(Join::AllDone)
            .priority(1);
        let check = Step::new("check", "check", "travel:v1")
            .at_once()
            .when("input.trip != ''")
            .repeat_until("output.ready", 5)
            .tolerate_failures(3);
        let chain = Chain::new("trip")
            .client("me")
            .input(json!({"trip": "Rome"}))
            .step(book)
            .step(pay)
            .step(tell)
            .step(check);
        let expected = json!({
            "name": "trip", "client_id": "me", "input": {"trip": "Rome"},
            "steps": [
                {
                    "name": "book", "task_type": "booking", "capability_required": "travel:v1",
                    "input_data": {"trip": "${{ input.trip }}"},
                    "compensate_with": {
                        "task_type": "cancel-booking", "capability_required": "travel:v1", "max_retries": 10,
                    },
                },
                {
                    "name": "pay", "task_type": "payment", "capability_required": "bank:v1", "depends_on": ["book"],
                    "use_previous_output": true, "on_failure": "compensate", "timeout_policy": "fail", "min_trust": 0.5,
                },
                {
                    "name": "tell", "task_type": "mail", "capability_required": "mail:v1", "for_each": "input.friends",
                    "max_parallel": 2, "tolerate_failures": "50%", "join": "all_done", "priority": 1,
                },
                {
                    "name": "check", "task_type": "check", "capability_required": "travel:v1", "depends_on": [],
                    "when": "input.trip != ''", "repeat_until": "output.ready", "max_iterations": 5,
                    "tolerate_failures": 3,
                },
            ],
        });
        assert_eq!(serde_json::to_value(&*chain).expect("JSON"), expected);
        assert_eq!(
            serde_json::to_value(SubmitChain::from(chain)).expect("JSON"),
            expected
        );
    }
}
