//! Tasks that take too long, and tasks that are called off.

use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Api, members, micros, text};
use crate::world::on_both;

on_both!(
    a_task_that_takes_too_long_fails,
    time_outs_can_be_judged_by_hand,
    a_task_can_be_called_off,
    a_task_can_be_called_off_by_the_later_protocol,
    only_its_client_may_call_a_task_off,
    a_completed_task_cannot_be_called_off,
    the_time_out_of_a_task_can_be_changed,
    the_time_out_of_a_task_that_has_ended_stays,
);

async fn a_task_that_takes_too_long_fails(api: &Api) {
    let (_, task) = api
        .active(json!({"timeout_seconds": 1, "timeout_policy": "fail"}))
        .await;
    let ended = api.ended(&task).await;
    assert_eq!(ended["status"], "FAILED");
    let message = text(&ended, "error_message");
    assert!(message.to_lowercase().contains("timed out"), "{message}");
    assert!(
        micros(&ended["completed_at"]) - micros(&ended["started_at"]) >= 1_000_000,
        "{ended}"
    );
}

async fn time_outs_can_be_judged_by_hand(api: &Api) {
    let path = "/aitp/maintenance/check-timeouts";
    let answer = api.bare(Method::POST, path).await.ok();
    assert_eq!(members(&answer), ["timed_out_count", "timestamp"]);
    assert!(answer["timed_out_count"].is_u64(), "{answer}");
    micros(&answer["timestamp"]);
}

async fn a_task_can_be_called_off(api: &Api) {
    let (agent, capability) = api.provider().await;
    let task = api.submit(&agent, &capability, json!({})).await;
    let path = format!("/aitp/tasks/{task}?client_id={agent}&reason=Test+cancellation");
    let answer = api.bare(Method::DELETE, &path).await.ok();
    assert_eq!(members(&answer), ["cancelled_at", "reason", "status", "task_id"]);
    assert_eq!(
        (&answer["task_id"], &answer["status"]),
        (&json!(task), &json!("CANCELLED"))
    );
    assert_eq!(answer["reason"], "Test cancellation");
    let whole = api.ended(&task).await;
    assert_eq!(whole["cancelled_at"], answer["cancelled_at"]);
    micros(&answer["cancelled_at"]);

    let unreasoned = api.submit(&agent, &capability, json!({})).await;
    let path = format!("/aitp/tasks/{unreasoned}?client_id={agent}");
    assert_eq!(
        api.bare(Method::DELETE, &path).await.ok()["reason"],
        "Cancelled by client"
    );
}

async fn a_task_can_be_called_off_by_the_later_protocol(api: &Api) {
    let (agent, task) = api.active(json!({})).await;
    let path = format!("/ains/tasks/{task}/cancel");
    let answer = api.post(&path, json!({"reason": "no longer needed"})).await.ok();
    assert_eq!(
        (&answer["status"], &answer["reason"]),
        (&json!("CANCELLED"), &json!("no longer needed"))
    );
    let again = api.bare(Method::POST, &path).await;
    again.refused(400, "Cannot cancel task in CANCELLED status");
    let beat = api.heartbeat(&agent, "ACTIVE").await.ok();
    assert_eq!(beat["acknowledged"], true);
    let late = api.report(&agent, &task, json!({"status": "COMPLETED"})).await;
    late.refused(400, "Can only complete ACTIVE tasks");
}

async fn only_its_client_may_call_a_task_off(api: &Api) {
    let (agent, capability) = api.provider().await;
    let task = api.submit(&agent, &capability, json!({})).await;
    let stranger = format!("/aitp/tasks/{task}?client_id=stranger");
    let refused = api.bare(Method::DELETE, &stranger).await;
    refused.refused(403, "Not authorized to cancel this task");
    let nobody = api.bare(Method::DELETE, &format!("/aitp/tasks/{task}")).await;
    assert_eq!(nobody.faults(), ["client_id"]);
    let unknown = format!("/aitp/tasks/nothing?client_id={agent}");
    api.bare(Method::DELETE, &unknown)
        .await
        .refused(404, "Task not found");
    assert_eq!(api.task(&task).await["status"], "PENDING");
}

async fn a_completed_task_cannot_be_called_off(api: &Api) {
    let (agent, task) = api.completed().await;
    let path = format!("/aitp/tasks/{task}?client_id={agent}&reason=Test");
    let refused = api.bare(Method::DELETE, &path).await;
    refused.refused(400, "Cannot cancel task in COMPLETED status");
    let refused = api.post(&format!("/ains/tasks/{task}/cancel"), json!({})).await;
    refused.refused(400, "Cannot cancel task in COMPLETED status");
    let whole = api.whole(&task).await;
    assert_eq!(
        (&whole["status"], &whole["cancelled_at"]),
        (&json!("COMPLETED"), &Value::Null)
    );
}

async fn the_time_out_of_a_task_can_be_changed(api: &Api) {
    let (agent, capability) = api.provider().await;
    let task = api.submit(&agent, &capability, json!({})).await;
    let at = |query: &str| format!("/aitp/tasks/{task}/timeout?{query}");
    let path = at(&format!("timeout_seconds=600&client_id={agent}"));
    let answer = api.bare(Method::PUT, &path).await.ok();
    assert_eq!(
        answer,
        json!({"task_id": task, "timeout_seconds": 600, "status": "PENDING"})
    );
    assert_eq!(api.whole(&task).await["timeout_seconds"], 600);

    let stranger = at("timeout_seconds=700&client_id=stranger");
    let refused = api.bare(Method::PUT, &stranger).await;
    refused.refused(403, "Not authorized to modify this task");
    for seconds in ["0", "86401", "long"] {
        let path = at(&format!("timeout_seconds={seconds}&client_id={agent}"));
        assert_eq!(api.bare(Method::PUT, &path).await.faults(), ["timeout_seconds"]);
    }
    assert_eq!(api.whole(&task).await["timeout_seconds"], 600);
}

async fn the_time_out_of_a_task_that_has_ended_stays(api: &Api) {
    let (agent, task) = api.completed().await;
    let path = format!("/aitp/tasks/{task}/timeout?timeout_seconds=600&client_id={agent}");
    let refused = api.bare(Method::PUT, &path).await;
    refused.refused(400, "Cannot set timeout on COMPLETED task");
    let unknown = format!("/aitp/tasks/nothing/timeout?timeout_seconds=600&client_id={agent}");
    api.bare(Method::PUT, &unknown)
        .await
        .refused(404, "Task not found");
}
