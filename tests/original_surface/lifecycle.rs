//! The life of a task in the earlier protocol, and the lists it is found in.

use serde_json::{Value, json};

use crate::api::{Api, each, list, members, micros};
use crate::world::on_both;

on_both!(
    a_task_can_be_read,
    an_unknown_task_is_not_found,
    an_assigned_task_becomes_active,
    an_assigned_task_cannot_be_completed_before_it_is_begun,
    a_completed_task_keeps_its_result,
    a_failed_attempt_is_tried_again,
    a_failed_task_keeps_its_error,
    only_its_agent_may_report_on_a_task,
    a_task_that_has_ended_does_not_change,
    tasks_are_listed,
    tasks_are_listed_by_status,
    tasks_are_listed_in_pages,
    tasks_are_listed_by_the_agent_that_has_them,
    tasks_are_listed_by_client_and_type,
);

async fn a_task_can_be_read(api: &Api) {
    let (agent, capability) = api.provider().await;
    let id = api.submit(&agent, &capability, json!({})).await;
    let task = api.task(&id).await;
    assert_eq!(task["task_id"], id.as_str());
    assert_eq!(
        (&task["client_id"], &task["status"]),
        (&json!(agent), &json!("PENDING"))
    );
    assert_eq!(task["input_data"], json!({"test": "data"}));
    assert_eq!(
        members(&task).len(),
        16,
        "the fifteen fields and the input: {task}"
    );
}

async fn an_unknown_task_is_not_found(api: &Api) {
    let well_formed = format!("task_{:032x}", 1);
    for id in ["nonexistent_task_id", "nonexistent", &well_formed] {
        let paths = [format!("/aitp/tasks/{id}"), format!("/ains/tasks/{id}")];
        for path in paths {
            api.get(&path).await.refused(404, "Task not found");
        }
        let report = api.report("somebody", id, json!({"status": "ACTIVE"})).await;
        report.refused(404, "Task not found");
    }
}

async fn an_assigned_task_becomes_active(api: &Api) {
    let (agent, task) = api.assigned(json!({})).await;
    let before = api.task(&task).await;
    assert_eq!(
        (&before["assigned_agent_id"], &before["started_at"]),
        (&json!(agent), &Value::Null)
    );
    let answer = api.report(&agent, &task, json!({"status": "ACTIVE"})).await.ok();
    assert_eq!(
        members(&answer),
        ["retry_count", "status", "task_id", "updated_at"]
    );
    assert_eq!(
        (&answer["task_id"], &answer["status"]),
        (&json!(task), &json!("ACTIVE"))
    );
    let after = api.task(&task).await;
    assert_eq!(
        (&after["status"], &after["updated_at"]),
        (&json!("ACTIVE"), &answer["updated_at"])
    );
    assert!(
        micros(&after["started_at"]) >= micros(&after["assigned_at"]),
        "{after}"
    );
}

async fn an_assigned_task_cannot_be_completed_before_it_is_begun(api: &Api) {
    let (agent, task) = api.assigned(json!({})).await;
    let early = api.report(&agent, &task, json!({"status": "COMPLETED"})).await;
    early.refused(400, "Can only complete ACTIVE tasks");
    let odd = api.report(&agent, &task, json!({"status": "DONE"})).await;
    odd.refused(400, "Invalid status: DONE");
    assert_eq!(api.task(&task).await["status"], "ASSIGNED");
}

async fn a_completed_task_keeps_its_result(api: &Api) {
    let (agent, task) = api.active(json!({})).await;
    let result =
        json!({"summary": "Task completed successfully", "items_processed": 42, "nested": [{"a": null}]});
    let body = json!({"status": "COMPLETED", "result_data": result});
    let answer = api.report(&agent, &task, body).await.ok();
    assert_eq!(
        (&answer["status"], &answer["retry_count"]),
        (&json!("COMPLETED"), &json!(0))
    );
    let read = api.task(&task).await;
    assert_eq!(
        (&read["status"], &read["result_data"]),
        (&json!("COMPLETED"), &result)
    );
    assert!(
        micros(&read["completed_at"]) >= micros(&read["started_at"]),
        "{read}"
    );
    let whole = api.ended(&task).await;
    assert_eq!(
        (&whole["status"], &whole["result_data"]),
        (&json!("COMPLETED"), &result)
    );
}

async fn a_failed_attempt_is_tried_again(api: &Api) {
    let (agent, task) = api.active(json!({})).await;
    let answer = api
        .fail(&agent, &task, "Task execution failed due to timeout")
        .await;
    assert_eq!(
        (&answer["status"], &answer["retry_count"]),
        (&json!("PENDING"), &json!(1))
    );
    let read = api.task(&task).await;
    assert_eq!(
        (&read["status"], &read["retry_count"]),
        (&json!("PENDING"), &json!(1))
    );
    assert_eq!(read["error_message"], "Task execution failed due to timeout");
    assert_eq!(read["completed_at"], Value::Null);
}

async fn a_failed_task_keeps_its_error(api: &Api) {
    let (agent, task) = api.active(json!({"max_retries": 0})).await;
    let answer = api
        .fail(&agent, &task, "Task execution failed due to timeout")
        .await;
    assert_eq!(
        (&answer["status"], &answer["retry_count"]),
        (&json!("FAILED"), &json!(0))
    );
    let read = api.task(&task).await;
    assert_eq!(read["status"], "FAILED");
    assert_eq!(read["error_message"], "Task execution failed due to timeout");
    micros(&read["completed_at"]);
}

async fn only_its_agent_may_report_on_a_task(api: &Api) {
    let (_, task) = api.assigned(json!({})).await;
    let other = api.agent().await;
    for status in ["ACTIVE", "COMPLETED", "FAILED"] {
        let refused = api.report(&other, &task, json!({"status": status})).await;
        refused.refused(403, "Agent not assigned to this task");
    }
    let (agent, capability) = api.provider().await;
    let waiting = api.submit(&agent, &capability, json!({})).await;
    let refused = api.report(&agent, &waiting, json!({"status": "ACTIVE"})).await;
    refused.refused(403, "Agent not assigned to this task");
    let body = json!({"status": "ACTIVE"});
    let nobody = api.put(&format!("/aitp/tasks/{task}/status"), body).await;
    assert_eq!(nobody.faults(), ["agent_id"]);
}

async fn a_task_that_has_ended_does_not_change(api: &Api) {
    let (agent, task) = api.completed().await;
    let before = api.whole(&task).await;
    let start = api.report(&agent, &task, json!({"status": "ACTIVE"})).await;
    start.refused(400, "Can only start ASSIGNED tasks");
    let fail = api.report(&agent, &task, json!({"status": "FAILED"})).await;
    fail.refused(400, "Invalid status transition to FAILED");
    // Semantics §1.2: the same report again is answered as the first time. The original refuses it.
    let body = json!({"status": "COMPLETED", "result_data": {}});
    let again = api.report(&agent, &task, body).await.ok();
    assert_eq!(again["updated_at"], before["updated_at"]);
    assert_eq!(api.whole(&task).await, before);
}

async fn tasks_are_listed(api: &Api) {
    let (agent, capability) = api.provider().await;
    for _ in 0..2 {
        api.submit(&agent, &capability, json!({})).await;
    }
    let page = api.get("/aitp/tasks").await.ok();
    assert_eq!(members(&page), ["limit", "offset", "tasks", "total"]);
    assert_eq!((&page["limit"], &page["offset"]), (&json!(20), &json!(0)));
    assert!(page["total"].as_u64() >= Some(2), "{page}");
    assert!(list(&page, "tasks").len() >= 2, "{page}");
    for task in list(&page, "tasks") {
        assert_eq!(
            members(task),
            [
                "assigned_agent_id",
                "client_id",
                "created_at",
                "input_data",
                "priority",
                "status",
                "task_id",
                "task_type",
                "updated_at"
            ]
        );
    }
}

async fn tasks_are_listed_by_status(api: &Api) {
    let (agent, capability) = api.provider().await;
    let waiting = api.submit(&agent, &capability, json!({})).await;
    let (worker, active) = api.active(json!({})).await;
    for (client, status, task) in [
        (&agent, "PENDING", &waiting),
        (&worker, "ACTIVE", &active),
        (&worker, "RUNNING", &active),
    ] {
        let path = format!("/aitp/tasks?status={status}&client_id={client}");
        let page = api.get(&path).await.ok();
        assert_eq!(each(list(&page, "tasks"), "task_id"), [task], "{path}");
    }
    let page = api.get("/aitp/tasks?status=PENDING").await.ok();
    for status in each(list(&page, "tasks"), "status") {
        assert_eq!(status, "PENDING");
    }
    let none = api
        .get(&format!("/aitp/tasks?status=ACTIVE&client_id={agent}"))
        .await
        .ok();
    assert_eq!((&none["tasks"], &none["total"]), (&json!([]), &json!(0)));
    assert_eq!(api.get("/aitp/tasks?status=ASLEEP").await.faults(), ["status"]);
}

async fn tasks_are_listed_in_pages(api: &Api) {
    let (agent, capability) = api.provider().await;
    let mut tasks = Vec::new();
    for _ in 0..5 {
        tasks.push(api.submit(&agent, &capability, json!({})).await);
    }
    tasks.reverse();
    let mut seen = Vec::new();
    for (offset, length) in [(0, 2), (2, 2), (4, 1), (6, 0)] {
        let page = api
            .get(&format!("/aitp/tasks?limit=2&offset={offset}&client_id={agent}"))
            .await
            .ok();
        assert_eq!(
            (&page["limit"], &page["offset"], &page["total"]),
            (&json!(2), &json!(offset), &json!(5))
        );
        assert_eq!(list(&page, "tasks").len(), length);
        seen.extend(list(&page, "tasks").iter().map(|task| task["task_id"].clone()));
    }
    assert_eq!(seen, tasks, "newest first");
    for limit in ["0", "101", "-1", "x"] {
        let path = format!("/aitp/tasks?limit={limit}");
        assert_eq!(api.get(&path).await.faults(), ["limit"]);
    }
}

async fn tasks_are_listed_by_the_agent_that_has_them(api: &Api) {
    let (agent, task) = api.assigned(json!({})).await;
    api.assigned(json!({})).await;
    let page = api
        .get(&format!("/aitp/tasks?assigned_agent_id={agent}"))
        .await
        .ok();
    assert_eq!(each(list(&page, "tasks"), "task_id"), [&task]);
    assert_eq!(each(list(&page, "tasks"), "assigned_agent_id"), [&agent]);
}

async fn tasks_are_listed_by_client_and_type(api: &Api) {
    let (agent, capability) = api.provider().await;
    let (other, _) = api.provider().await;
    let task = api.submit(&agent, &capability, json!({})).await;
    let odd = api.submit(&agent, &capability, json!({"task_type": "odd"})).await;
    api.submit(&other, &capability, json!({})).await;
    let page = api.get(&format!("/aitp/tasks?client_id={agent}")).await.ok();
    assert_eq!(each(list(&page, "tasks"), "task_id"), [&odd, &task]);
    let page = api
        .get(&format!("/aitp/tasks?client_id={agent}&task_type=odd"))
        .await
        .ok();
    assert_eq!(each(list(&page, "tasks"), "task_id"), [&odd]);
}
