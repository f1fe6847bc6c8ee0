//! Holds what tasks wait for: edges as clients send them, and the graph that they make.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::words::{DependencyCondition, GraphDirection, TaskStatus, Word};

/// Something a task waits for: an id, or an id with the condition it must end with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Dependency {
    /// A task that must end as COMPLETED.
    Id(String),
    /// A task that must end in a certain way.
    Edge {
        /// The task.
        task_id: String,
        /// How it must end. Default `success`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<DependencyCondition>)]
        when: Option<String>,
    },
}

impl Dependency {
    /// The task that is waited for.
    pub fn task_id(&self) -> &str {
        match self {
            Self::Id(task_id) | Self::Edge { task_id, .. } => task_id,
        }
    }

    /// The condition, `success` where none is given.
    pub fn when(&self) -> &str {
        match self {
            Self::Id(_) => DependencyCondition::Success.as_str(),
            Self::Edge { when, .. } => when.as_deref().unwrap_or(DependencyCondition::Success.as_str()),
        }
    }
}

/// By hand, because serde's own way keeps a copy of the value and takes a list for the object.
impl<'de> Deserialize<'de> for Dependency {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Edge {
            task_id: String,
            #[serde(default)]
            when: Option<String>,
        }

        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Dependency;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a task id, or an object of `task_id` and `when`")
            }

            fn visit_str<E: de::Error>(self, id: &str) -> Result<Dependency, E> {
                Ok(Dependency::Id(id.to_owned()))
            }

            fn visit_string<E: de::Error>(self, id: String) -> Result<Dependency, E> {
                Ok(Dependency::Id(id))
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Dependency, A::Error> {
                let Edge { task_id, when } = Edge::deserialize(MapAccessDeserializer::new(members))?;
                Ok(Dependency::Edge { task_id, when })
            }
        }

        source.deserialize_any(Either)
    }
}

/// The answer of `GET /ains/tasks/{id}/dependencies`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskDependencies {
    /// The task.
    pub task_id: String,
    /// The tasks that it waits or waited for.
    pub depends_on: Vec<String>,
    /// The status of each of them; null if it has been removed since.
    #[schema(value_type = BTreeMap<String, Option<String>>)]
    pub dependencies_status: BTreeMap<String, Option<Word>>,
    /// Whether any of them holds it back.
    pub is_blocked: bool,
    /// Whether it is PENDING, and none of them holds it back.
    pub ready_to_run: bool,
    /// Every dependency, in the order in which they were given.
    pub dependencies: Vec<TaskDependency>,
}

/// One dependency of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskDependency {
    /// The task that is waited for.
    pub task_id: String,
    /// How it must end.
    #[schema(value_type = DependencyCondition)]
    pub when: Word,
    /// Where it stands; null if it has been removed since.
    #[schema(value_type = Option<TaskStatus>)]
    pub status: Option<Word>,
    /// Whether its end has been judged. What is resolved is never judged again.
    pub resolved: bool,
}

/// The answer of `GET /ains/tasks/{id}/dependents`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskDependents {
    /// The task.
    pub task_id: String,
    /// The tasks that wait or waited for it; the first 10,000.
    pub dependent_tasks: Vec<TaskDependent>,
    /// How many there are; 100,000 stands for more as well.
    pub dependent_count: u64,
}

/// One task that waits or waited for another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskDependent {
    /// The task that waits.
    pub task_id: String,
    /// Its kind of work.
    pub task_type: String,
    /// Where it stands.
    #[schema(value_type = TaskStatus)]
    pub status: Word,
    /// Whether a dependency holds it back.
    pub is_blocked: bool,
    /// How the other must end.
    #[schema(value_type = DependencyCondition)]
    pub when: Word,
    /// Whether the end of the other has been judged for it.
    pub resolved: bool,
}

/// The query of `GET /ains/tasks/{id}/graph`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct GraphQuery {
    /// Which way to look. Default `both`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub direction: Option<GraphDirection>,
    /// How many edges away a task may be. Default 10,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 10000, default = 10000)]
    pub depth: Option<i64>,
}

/// The answer of `GET /ains/tasks/{id}/graph`: the dependency graph around a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskGraph {
    /// The task in the middle.
    pub root: String,
    /// The tasks, the root first and the nearest next; at most 2,000.
    pub nodes: Vec<TaskNode>,
    /// Every edge between them.
    pub edges: Vec<TaskEdge>,
    /// Whether there are more tasks within the depth.
    pub truncated: bool,
}

/// A task in a dependency graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskNode {
    /// The task.
    pub task_id: String,
    /// Its name in the graph that it was submitted with.
    pub name: Option<String>,
    /// Its kind of work.
    pub task_type: String,
    /// Where it stands.
    #[schema(value_type = TaskStatus)]
    pub status: Word,
    /// Whether a dependency holds it back.
    pub is_blocked: bool,
}

/// An edge of a dependency graph: `from` must end before `to` may begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskEdge {
    /// The task that is waited for.
    pub from: String,
    /// The task that waits.
    pub to: String,
    /// How `from` must end.
    #[schema(value_type = DependencyCondition)]
    pub when: Word,
    /// Whether the end of `from` has been judged for `to`.
    pub resolved: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_is_an_id_or_an_edge() {
        let text = r#"["task_1",{"task_id":"task_2","when":"done"},{"task_id":"task_3"}]"#;
        let all: Vec<Dependency> = serde_json::from_str(text).expect("dependencies");
        let read: Vec<_> = all.iter().map(|one| (one.task_id(), one.when())).collect();
        assert_eq!(
            read,
            [("task_1", "success"), ("task_2", "done"), ("task_3", "success")]
        );
        assert_eq!(serde_json::to_string(&all).expect("JSON"), text);
    }

    #[test]
    fn a_dependency_is_an_id_or_an_object_and_never_a_list() {
        let read = serde_json::from_str::<Dependency>;
        assert_eq!(read(r#""t""#).expect("an id"), Dependency::Id("t".to_owned()));
        let edge = read(r#"{"task_id":"t","when":null,"new":1}"#).expect("an edge");
        assert_eq!((edge.task_id(), edge.when()), ("t", "success"));
        for text in [r#"["t","any"]"#, "1", "null", r#"{"when":"any"}"#] {
            read(text).expect_err(text);
        }
    }
}
