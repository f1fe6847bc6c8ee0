//! Files that fit, and files that do not.

use serde_json::{Value, json};

use super::*;

/// A document of tasks and their parents; each ran for one second.
fn document(tasks: &[(&str, &[&str])]) -> Value {
    let specified = tasks
        .iter()
        .map(|(id, parents)| json!({"name": id, "id": id, "parents": parents}));
    let executed = tasks
        .iter()
        .map(|(id, _)| json!({"id": id, "runtimeInSeconds": 1}));
    json!({
        "name": "test", "schemaVersion": "1.5", "author": {"name": "nobody"},
        "workflow": {
            "specification": {"tasks": specified.collect::<Vec<_>>(), "files": []},
            "execution": {"makespanInSeconds": 9, "tasks": executed.collect::<Vec<_>>()},
        },
    })
}

fn order(document: &Value) -> Vec<(String, Vec<usize>)> {
    let workflow = Workflow::parse(&document.to_string()).unwrap();
    let jobs = workflow.jobs.into_iter();
    jobs.map(|job| (job.id, job.parents)).collect()
}

fn refusal(document: &Value) -> String {
    Workflow::parse(&document.to_string())
        .expect_err("it is unfit")
        .to_string()
}

#[test]
fn tasks_come_after_those_they_wait_for() {
    let text = document(&[("c", &["b", "a"]), ("b", &["a"]), ("a", &[])]);
    let expected = [("a", vec![]), ("b", vec![0]), ("c", vec![0, 1])];
    assert_eq!(
        order(&text),
        expected.map(|(id, parents)| (id.to_owned(), parents))
    );
}

#[test]
fn an_edge_that_one_end_names_counts_and_is_noted() {
    let mut text = document(&[("a", &[]), ("b", &["a", "a"]), ("c", &[])]);
    let tasks = &mut text["workflow"]["specification"]["tasks"];
    tasks[0]["children"] = json!(["b", "c"]);
    let workflow = Workflow::parse(&text.to_string()).unwrap();
    assert_eq!((&workflow.jobs[2].parents, workflow.one_sided), (&vec![0], 1));
    assert_eq!(workflow.jobs[1].parents, [0]);
}

#[test]
fn what_does_not_fit_together_is_refused_by_name() {
    assert_eq!(refusal(&document(&[])), "it has no tasks");
    assert_eq!(
        refusal(&document(&[("a", &[]), ("a", &[])])),
        "`workflow.specification.tasks` has the id `a` twice"
    );
    assert_eq!(
        refusal(&document(&[("a", &["z"])])),
        "`parents` of task `a` names `z`, which is not a task"
    );
    let cases: [(&str, Value, &str); 6] = [
        (
            "/workflow/specification/tasks/1/children",
            json!(["z"]),
            "`children` of task `b` names `z`, which is not a task",
        ),
        (
            "/workflow/execution/tasks/1/id",
            json!("z"),
            "`workflow.execution.tasks` has the id `z`, which is not a task",
        ),
        (
            "/workflow/execution/tasks/1/id",
            json!("a"),
            "`workflow.execution.tasks` has the id `a` twice",
        ),
        (
            "/workflow/execution/tasks/1/runtimeInSeconds",
            Value::Null,
            "task `b` has no `runtimeInSeconds` in `workflow.execution.tasks`",
        ),
        (
            "/workflow/execution/tasks/0/runtimeInSeconds",
            json!(-0.5),
            "task `a` has the `runtimeInSeconds` -0.5, which is not a length of time",
        ),
        (
            "/schemaVersion",
            json!("1.4"),
            "it has version `1.4` of the WfFormat, and only 1.5 is known here",
        ),
    ];
    for (place, value, expected) in cases {
        let mut text = document(&[("a", &[]), ("b", &["a"])]);
        text["workflow"]["specification"]["tasks"][1]["children"] = json!([]);
        *text.pointer_mut(place).expect("a place in the document") = value;
        assert_eq!(refusal(&text), expected);
    }
}

#[test]
fn a_task_that_did_not_run_is_missed() {
    let mut text = document(&[("a", &[]), ("b", &["a"])]);
    text["workflow"]["execution"]["tasks"] = json!([{"id": "a", "runtimeInSeconds": 1}]);
    assert_eq!(
        refusal(&text),
        "task `b` has no `runtimeInSeconds` in `workflow.execution.tasks`"
    );
    text["workflow"]
        .as_object_mut()
        .expect("an object")
        .remove("execution");
    assert_eq!(refusal(&text), "it does not have the shape of the WfFormat");
}

#[test]
fn a_cycle_is_named_in_order() {
    let text = document(&[("a", &["d"]), ("b", &["a"]), ("c", &["b"]), ("d", &["b"])]);
    assert_eq!(refusal(&text), "tasks wait for each other: a -> b -> d -> a");
    assert_eq!(
        refusal(&document(&[("a", &["a"])])),
        "tasks wait for each other: a -> a"
    );
}
