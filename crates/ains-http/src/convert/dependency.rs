//! Dependencies: checked lists in, what tasks wait for and why out.

use std::collections::BTreeSet;

use ains_api::{
    TaskDependencies, TaskDependency, TaskDependent, TaskDependents, TaskEdge, TaskGraph, TaskNode, Why, Word,
};
use ains_core::dependency::MAX_DEPENDENCIES;
use ains_core::{Condition, Dependency, Status, Task, TaskId};
use ains_service::model::{DependenciesView, DependentsView, GraphView, WhyView};

use super::task::{is_blocked, status};
use super::{at, count};
use crate::json::Faults;

/// Checks `/depends_on`, what a task waits for; what stands there twice counts once. A text that is no task id names a
/// task that does not exist.
pub(crate) fn checked(list: &[ains_api::Dependency], faults: &mut Faults) -> Option<Vec<Dependency>> {
    if list.len() > MAX_DEPENDENCIES {
        faults.add(
            "/depends_on",
            format!("must have at most {MAX_DEPENDENCIES} elements"),
        );
        return None;
    }
    let mut known = BTreeSet::new();
    let mut checked = Vec::with_capacity(list.len());
    for (index, dependency) in list.iter().enumerate() {
        let when = faults.parse(&format!("/depends_on/{index}/when"), dependency.when());
        let on = dependency.task_id().parse::<TaskId>();
        let on = on
            .map_err(|error| faults.absent(format!("Dependency task {}", error.text)))
            .ok();
        let one = on.zip(when).map(|(on, when)| Dependency { on, when });
        if one.is_none_or(|one| known.insert(one)) {
            checked.push(one);
        }
    }
    checked.into_iter().collect()
}

/// What a task waits for, as clients send it: an id where it must succeed.
pub(crate) fn listed(dependencies: &[Dependency]) -> Vec<ains_api::Dependency> {
    let listed = dependencies.iter().map(|dependency| match dependency.when {
        Condition::Success => ains_api::Dependency::Id(dependency.on.into()),
        when => ains_api::Dependency::Edge {
            task_id: dependency.on.into(),
            when: Some(when.as_str().to_owned()),
        },
    });
    listed.collect()
}

/// What a task waits or waited for.
pub(crate) fn dependencies(view: DependenciesView) -> TaskDependencies {
    let mut depends_on: Vec<String> = Vec::with_capacity(view.dependencies.len());
    let mut known = BTreeSet::new();
    let dependencies: Vec<_> = view
        .dependencies
        .into_iter()
        .map(|one| {
            if known.insert(one.dependency.on) {
                depends_on.push(one.dependency.on.into());
            }
            TaskDependency {
                task_id: one.dependency.on.into(),
                when: condition(one.dependency.when),
                status: one.status.map(|status| Word::Borrowed(status.as_str())),
                resolved: one.resolved,
            }
        })
        .collect();
    let status_of_each = dependencies
        .iter()
        .map(|one| (one.task_id.clone(), one.status.clone()));
    let is_blocked = is_blocked(&view.task);
    TaskDependencies {
        task_id: view.task.id.into(),
        depends_on,
        dependencies_status: status_of_each.collect(),
        is_blocked,
        ready_to_run: view.task.status == Status::Pending && !is_blocked,
        dependencies,
    }
}

/// The tasks that wait or waited for `task`.
pub(crate) fn dependents(task: TaskId, view: DependentsView) -> TaskDependents {
    let dependents = view.dependents.into_iter().map(|one| TaskDependent {
        task_id: one.task.id.into(),
        status: status(&one.task),
        is_blocked: is_blocked(&one.task),
        task_type: one.task.task_type.into(),
        when: condition(one.when),
        resolved: one.resolved,
    });
    TaskDependents {
        task_id: task.into(),
        dependent_tasks: dependents.collect(),
        dependent_count: count(view.count),
    }
}

/// The graph around a task.
pub(crate) fn graph(view: GraphView) -> TaskGraph {
    let node = |task: Task| TaskNode {
        task_id: task.id.into(),
        status: status(&task),
        is_blocked: is_blocked(&task),
        name: task.name.map(Into::into),
        task_type: task.task_type.into(),
    };
    let edges = view.edges.into_iter().map(|(edge, resolved)| TaskEdge {
        from: edge.on.into(),
        to: edge.task.into(),
        when: condition(edge.when),
        resolved,
    });
    TaskGraph {
        root: view.root.into(),
        nodes: view.nodes.into_iter().map(node).collect(),
        edges: edges.collect(),
        truncated: view.truncated,
    }
}

/// Why a task is not running.
pub(crate) fn why(view: WhyView) -> Why {
    Why {
        status: status(&view.task),
        task_id: view.task.id.into(),
        gate: view.hindrance.map(|gate| Word::Borrowed(gate.as_str())),
        since: at(view.since),
        detail: view.detail,
        tasks: view.tasks.into_iter().map(Into::into).collect(),
        agents: view.agents.into_iter().map(Into::into).collect(),
        position: view.position.map(count),
    }
}

fn condition(when: Condition) -> Word {
    Word::Borrowed(when.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<Vec<Dependency>>, Faults) {
        let mut faults = Faults::default();
        let list: Vec<_> = serde_json::from_str(text).unwrap();
        (checked(&list, &mut faults), faults)
    }

    #[test]
    fn what_stands_there_twice_counts_once_and_the_order_is_kept() {
        let id = |digit: u8| format!("task_{digit:032x}");
        let (one, two) = (id(1), id(2));
        let sent =
            format!(r#"["{two}",{{"task_id":"{one}","when":"done"}},{{"task_id":"{two}"}},"{one}","{two}"]"#);
        let (list, faults) = read(&sent);
        assert!(faults.is_empty());
        let told = serde_json::to_string(&listed(&list.unwrap())).unwrap();
        assert_eq!(
            told,
            format!(r#"["{two}",{{"task_id":"{one}","when":"done"}},"{one}"]"#)
        );
    }

    #[test]
    fn a_text_that_is_no_id_is_a_task_that_does_not_exist_unless_something_else_is_wrong() {
        let (list, faults) = read(r#"["t1"]"#);
        let problem = faults.into_result(list).unwrap_err();
        assert_eq!(
            (problem.kind().status().as_u16(), problem.detail()),
            (404, "Dependency task t1 not found")
        );
        let (list, faults) = read(r#"["t1",{"task_id":"t2","when":"never"}]"#);
        let problem = faults.into_result(list).unwrap_err();
        assert_eq!(problem.kind().status(), 422);
        assert_eq!(problem.to_wire(None).errors[0].pointer, "/depends_on/1/when");
    }
}
