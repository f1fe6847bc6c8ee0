//! Holds dependency graphs that are submitted as a whole: tasks with names, and edges among them.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::words::{DependencyCondition, RetryPolicy, RoutingStrategy, TimeoutPolicy};
use crate::{Json, Timestamp};

/// The body of `POST /ains/tasks/graph`: tasks that wait for each other, stored all or none. Unknown fields are refused.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitGraph {
    /// Who the tasks belong to, 1 to 255 characters. May be left out when the key is bound to a client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub client_id: Option<String>,
    /// What holds for every task that does not say otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defaults: Option<TaskDefaults>,
    /// 1 to 10,000 tasks.
    #[schema(min_items = 1, max_items = 10000)]
    pub tasks: Vec<GraphTask>,
    /// Who waits for whom, besides what the tasks say themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edges: Option<Vec<GraphEdge>>,
}

/// Makes the two types that have these fields, all of them optional.
macro_rules! tasks_of_graphs {
    ($($(#[$about:meta])* $field:ident: $type:ty,)+) => {
        /// What holds for every task of a graph that does not say otherwise: any field of a task. Unknown fields are
        /// refused.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct TaskDefaults {
            $($(#[$about])* #[serde(default, skip_serializing_if = "Option::is_none")] pub $field: Option<$type>,)+
        }

        /// A task of a graph. What is left out takes the graph's default, and where there is none, that of
        /// [`SubmitTask`](crate::SubmitTask). Unknown fields are refused.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct GraphTask {
            /// What the graph calls it, 1 to 255 characters; no other task of the graph has this name.
            #[schema(min_length = 1, max_length = 255)]
            pub name: String,
            /// Tasks that must end first; with those of `edges`, at most 10,000.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(max_items = 10000)]
            pub depends_on: Option<Vec<GraphDependency>>,
            $($(#[$about])* #[serde(default, skip_serializing_if = "Option::is_none")] pub $field: Option<$type>,)+
        }

        impl GraphTask {
            /// The same, with what it leaves out taken from `defaults`.
            #[must_use]
            pub fn or(self, defaults: &TaskDefaults) -> Self {
                Self {
                    name: self.name,
                    depends_on: self.depends_on,
                    $($field: self.$field.or_else(|| defaults.$field.clone()),)+
                }
            }
        }
    };
}

tasks_of_graphs! {
    /// The kind of work, for people and filters, 1 to 255 characters; needed, here or in the defaults.
    #[schema(min_length = 1, max_length = 255)]
    task_type: String,
    /// What an agent must provide to get it, 1 to 255 characters; needed, here or in the defaults.
    #[schema(min_length = 1, max_length = 255)]
    capability_required: String,
    /// What the agent works on, an object; at most 1 MiB and 64 levels. Default `{}`.
    #[schema(value_type = Option<Object>)]
    input_data: Json,
    /// 10 is handed out first, 1 last. Default 5.
    #[schema(minimum = 1, maximum = 10, default = 5)]
    priority: i64,
    /// Seconds that one attempt may take. Default 300.
    #[schema(minimum = 1, maximum = 86400, default = 300)]
    timeout_seconds: i64,
    /// Attempts after the first. Default 3.
    #[schema(minimum = 0, maximum = 10, default = 3)]
    max_retries: i64,
    /// How the agent is chosen. Default `round_robin`.
    #[schema(value_type = Option<RoutingStrategy>)]
    routing_strategy: String,
    /// How the delay before a retry grows. Default `exponential`.
    #[schema(value_type = Option<RetryPolicy>)]
    retry_policy: String,
    /// What becomes of an attempt that takes too long. Default `retry`.
    #[schema(value_type = Option<TimeoutPolicy>)]
    timeout_policy: String,
    /// Anything the client wants to find again with the task, an object; at most 1 MiB and 64 levels.
    #[schema(value_type = Option<Object>)]
    metadata: Json,
    /// The task fails with `expired` if it has not ended by then.
    expires_at: Timestamp,
    /// The task is not handed out before then.
    run_at: Timestamp,
    /// The least trust an agent must have, 0 to 1. Default 0.
    #[schema(minimum = 0, maximum = 1)]
    min_trust: f64,
    /// Seconds after which an attempt without a progress call is lost. Default: none.
    #[schema(minimum = 1, maximum = 86400)]
    heartbeat_timeout_seconds: i64,
    /// Whether the agent finds the results of the dependencies in the input, as `dependency_results`. Default false.
    results_from_dependencies: bool,
}

/// Something that a task of a graph waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum GraphDependency {
    /// A task of the graph by its name, or else one that exists already by its id; it must end as COMPLETED.
    Task(String),
    /// A task of the graph.
    Named {
        /// What the graph calls it.
        name: String,
        /// How it must end. Default `success`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<DependencyCondition>)]
        when: Option<String>,
    },
    /// A task that exists already.
    Existing {
        /// Its id.
        task_id: String,
        /// How it must end. Default `success`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<DependencyCondition>)]
        when: Option<String>,
    },
}

impl From<&str> for GraphDependency {
    fn from(task: &str) -> Self {
        Self::Task(task.to_owned())
    }
}

impl From<String> for GraphDependency {
    fn from(task: String) -> Self {
        Self::Task(task)
    }
}

/// By hand, because serde's own way keeps a copy of the value, and does not say what is wrong with it.
impl<'de> Deserialize<'de> for GraphDependency {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Edge {
            #[serde(default)]
            name: Option<String>,
            #[serde(default)]
            task_id: Option<String>,
            #[serde(default)]
            when: Option<String>,
        }

        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = GraphDependency;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name, or an object of `name` or `task_id` and `when`")
            }

            fn visit_str<E: de::Error>(self, task: &str) -> Result<GraphDependency, E> {
                Ok(task.into())
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<GraphDependency, A::Error> {
                let Edge { name, task_id, when } = Edge::deserialize(MapAccessDeserializer::new(members))?;
                match (name, task_id) {
                    (Some(name), None) => Ok(GraphDependency::Named { name, when }),
                    (None, Some(task_id)) => Ok(GraphDependency::Existing { task_id, when }),
                    _ => Err(de::Error::custom("must have either `name` or `task_id`")),
                }
            }
        }

        source.deserialize_any(Either)
    }
}

/// An edge of a graph: `from` must end before `to` may begin. Unknown fields are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GraphEdge {
    /// A task of the graph by its name, or else one that exists already by its id.
    pub from: String,
    /// A task of the graph by its name.
    pub to: String,
    /// How `from` must end. Default `success`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DependencyCondition>)]
    pub when: Option<String>,
}

/// The answer of `POST /ains/tasks/graph`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GraphCreated {
    /// `graph_` and 32 hexadecimal digits; a filter of `GET /ains/tasks`.
    pub graph_id: String,
    /// The new tasks: names and ids.
    pub tasks: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_is_a_name_or_an_object_that_says_which_task() {
        let text = r#"["a",{"name":"b","when":"done"},{"task_id":"task_1"}]"#;
        let all: Vec<GraphDependency> = serde_json::from_str(text).expect("dependencies");
        assert_eq!(all[0], "a".into());
        assert_eq!(serde_json::to_string(&all).expect("JSON"), text);
        for text in [
            "1",
            "null",
            r#"["a"]"#,
            "{}",
            r#"{"when":"done"}"#,
            r#"{"name":"a","task_id":"b"}"#,
            r#"{"name":"a","new":1}"#,
        ] {
            serde_json::from_str::<GraphDependency>(text).expect_err(text);
        }
    }

    #[test]
    fn a_task_takes_what_it_leaves_out_from_the_defaults_and_nothing_else() {
        let defaults = r#"{"task_type":"job","priority":9,"input_data":{"a":1},"min_trust":0.5}"#;
        let defaults: TaskDefaults = serde_json::from_str(defaults).expect("defaults");
        let task = r#"{"name":"a","depends_on":["b"],"priority":1,"input_data":{"b":2}}"#;
        let task: GraphTask = serde_json::from_str(task).expect("a task");
        let filled = r#"{"name":"a","depends_on":["b"],"task_type":"job","input_data":{"b":2},"priority":1,"min_trust":0.5}"#;
        assert_eq!(serde_json::to_string(&task.or(&defaults)).expect("JSON"), filled);
    }

    #[test]
    fn a_graph_refuses_what_it_does_not_know() {
        for text in [
            r#"{"tasks":[],"atomic":false}"#,
            r#"{"tasks":[{"name":"a","client_id":"c"}]}"#,
            r#"{"tasks":[],"defaults":{"name":"a"}}"#,
            r#"{"tasks":[],"edges":[{"from":"a","to":"b","if":"c"}]}"#,
        ] {
            let error = serde_json::from_str::<SubmitGraph>(text).expect_err(text);
            assert!(error.to_string().contains("unknown field"), "{error}");
        }
    }
}
