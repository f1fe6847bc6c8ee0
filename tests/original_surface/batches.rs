//! Many tasks at once.

use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Api, each, list, members, text};
use crate::world::on_both;

on_both!(
    a_batch_is_submitted,
    a_batch_is_whole_or_nothing,
    a_batch_has_one_to_a_thousand_tasks,
    the_status_of_a_batch_is_told,
    a_batch_is_called_off,
    what_cannot_be_called_off_is_named,
);

/// A task of a batch.
fn item(capability: &str, index: usize) -> Value {
    json!({
        "task_type": "test",
        "capability_required": capability,
        "input_data": {"index": index},
        "priority": 5,
    })
}

async fn submit(api: &Api, client: &str, capability: &str, tasks: usize) -> Value {
    let tasks: Vec<_> = (0..tasks).map(|index| item(capability, index)).collect();
    let body = json!({"client_id": client, "tasks": tasks});
    api.post("/aitp/tasks/batch", body).await.ok()
}

/// The ids of a new batch, and who has submitted it.
async fn batch(api: &Api, tasks: usize) -> (Vec<String>, String) {
    let (agent, capability) = api.provider().await;
    let answer = submit(api, &agent, &capability, tasks).await;
    let ids = list(&answer, "task_ids").iter();
    (
        ids.map(|id| id.as_str().expect("an id").to_owned()).collect(),
        agent,
    )
}

async fn a_batch_is_submitted(api: &Api) {
    let (agent, capability) = api.provider().await;
    let answer = submit(api, &agent, &capability, 10).await;
    assert_eq!(
        (&answer["success"], &answer["created"], &answer["failed"]),
        (&json!(true), &json!(10), &json!(0))
    );
    assert!(text(&answer, "batch_id").starts_with("batch_"));
    assert_eq!(list(&answer, "task_ids").len(), 10);
    for (index, id) in list(&answer, "task_ids").iter().enumerate() {
        let task = api.task(id.as_str().expect("an id")).await;
        assert_eq!(
            (&task["status"], &task["client_id"]),
            (&json!("PENDING"), &json!(agent))
        );
        assert_eq!(task["input_data"]["index"], index, "in the order of the request");
    }
}

async fn a_batch_is_whole_or_nothing(api: &Api) {
    let (agent, capability) = api.provider().await;
    let mut bad = item(&capability, 1);
    bad["priority"] = json!(11);
    bad.as_object_mut().expect("an object").remove("task_type");
    let body = json!({"client_id": agent, "tasks": [item(&capability, 0), bad]});
    let refused = api.post("/aitp/tasks/batch", body).await;
    assert_eq!(refused.faults(), ["/tasks/1/priority", "/tasks/1/task_type"]);
    let page = api.get(&format!("/aitp/tasks?client_id={agent}")).await.ok();
    assert_eq!(page["total"], 0);
}

async fn a_batch_has_one_to_a_thousand_tasks(api: &Api) {
    let (agent, capability) = api.provider().await;
    for (tasks, detail) in [
        (0, "Batch must contain at least one task"),
        (1001, "Maximum 1000 tasks per batch"),
    ] {
        let tasks: Vec<_> = (0..tasks).map(|index| item(&capability, index)).collect();
        let body = json!({"client_id": agent, "tasks": tasks});
        api.post("/aitp/tasks/batch", body).await.refused(400, detail);
    }
    assert_eq!(submit(api, &agent, &capability, 1000).await["created"], 1000);
}

async fn the_status_of_a_batch_is_told(api: &Api) {
    let (ids, agent) = batch(api, 5).await;
    let path = format!("/aitp/tasks/{}?client_id={agent}", ids[0]);
    api.bare(Method::DELETE, &path).await.ok();
    let path = format!("/aitp/tasks/batch/status?task_ids={}", ids.join(","));
    let answer = api.get(&path).await.ok();
    assert_eq!(members(&answer), ["status_counts", "tasks", "total"]);
    assert_eq!(answer["total"], 5);
    assert_eq!(answer["status_counts"], json!({"PENDING": 4, "CANCELLED": 1}));
    let tasks = list(&answer, "tasks");
    for task in tasks {
        let shown = ["completed_at", "created_at", "priority", "status", "task_id"];
        assert_eq!(members(task), shown);
        assert_eq!(task["completed_at"], Value::Null);
    }
    let mut told = each(tasks, "task_id");
    told.sort_unstable_by_key(|id| id.as_str());
    let mut sorted = ids;
    sorted.sort_unstable();
    assert_eq!(told, sorted.iter().collect::<Vec<_>>());
    assert_eq!(api.get("/aitp/tasks/batch/status").await.faults(), ["task_ids"]);
    let none = api.get("/aitp/tasks/batch/status?task_ids=nothing").await.ok();
    assert_eq!(none, json!({"total": 0, "status_counts": {}, "tasks": []}));
}

async fn a_batch_is_called_off(api: &Api) {
    let (ids, agent) = batch(api, 3).await;
    let path = format!(
        "/aitp/tasks/batch/cancel?task_ids={}&client_id={agent}&reason=Test",
        ids.join(",")
    );
    let answer = api.bare(Method::POST, &path).await.ok();
    assert_eq!(answer, json!({"cancelled": 3, "failed": 0, "errors": null}));
    for id in &ids {
        let task = api.ended(id).await;
        assert_eq!(
            (&task["status"], &task["cancel_reason"]),
            (&json!("CANCELLED"), &json!("Test"))
        );
    }
    let (ids, agent) = batch(api, 2).await;
    let body = json!({"task_ids": ids, "client_id": agent});
    let answer = api.post("/aitp/tasks/batch/cancel", body).await.ok();
    assert_eq!(answer["cancelled"], 2);
    assert_eq!(api.ended(&ids[1]).await["cancel_reason"], "Batch cancellation");
}

async fn what_cannot_be_called_off_is_named(api: &Api) {
    let (ids, agent) = batch(api, 1).await;
    let (other, _) = batch(api, 1).await;
    let (_, done) = api.completed().await;
    let unknown = format!("task_{:032x}", 7);
    let all = [&*ids[0], &other[0], &done, &unknown, "nothing"].join(",");
    let path = format!("/aitp/tasks/batch/cancel?task_ids={all}&client_id={agent}");
    let answer = api.bare(Method::POST, &path).await.ok();
    assert_eq!(
        (&answer["cancelled"], &answer["failed"]),
        (&json!(1), &json!(4)),
        "{answer}"
    );
    let mut refused: Vec<_> = list(&answer, "errors")
        .iter()
        .map(|error| (text(error, "task_id"), text(error, "error")))
        .collect();
    refused.sort_unstable();
    let not_mine = "Not authorized to cancel this task";
    let mut expected = [
        (other[0].clone(), not_mine),
        (done, not_mine),
        (unknown, "Task not found"),
        ("nothing".to_owned(), "Task not found"),
    ]
    .map(|(id, sentence)| (id, sentence.to_owned()));
    expected.sort_unstable();
    assert_eq!(refused, expected);
    assert_eq!(api.task(&other[0]).await["status"], "PENDING");
}
