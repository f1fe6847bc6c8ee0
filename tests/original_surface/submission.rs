//! Submitting one task, by both protocols.

use serde_json::{Value, json};

use crate::api::{Api, members, micros, submission, text};
use crate::world::{fresh, on_both};

on_both!(
    a_task_is_submitted,
    a_task_of_an_unknown_client_is_refused,
    a_task_for_a_capability_that_nobody_has_is_refused,
    a_bad_instant_of_expiry_is_refused_in_the_words_of_the_original,
    a_submission_that_lacks_fields_is_refused_with_every_one_of_them,
    a_task_of_the_later_protocol_needs_neither_client_nor_agent,
    a_task_of_the_later_protocol_is_pushed_at_once,
    an_unknown_strategy_is_refused,
);

async fn a_task_is_submitted(api: &Api) {
    let (agent, capability) = api.provider().await;
    let body = submission(&agent, &capability, json!({"priority": 7}));
    let task = api.post("/aitp/tasks", body).await.ok();
    assert_eq!(
        members(&task),
        [
            "assigned_agent_id",
            "assigned_at",
            "capability_required",
            "client_id",
            "completed_at",
            "created_at",
            "error_message",
            "priority",
            "result_data",
            "retry_count",
            "started_at",
            "status",
            "task_id",
            "task_type",
            "updated_at"
        ]
    );
    let known = ["status", "client_id", "capability_required", "task_type"];
    assert_eq!(
        known.map(|name| text(&task, name)),
        ["PENDING", &agent, &capability, "surface"]
    );
    assert_eq!((&task["priority"], &task["retry_count"]), (&json!(7), &json!(0)));
    assert_eq!(micros(&task["created_at"]), micros(&task["updated_at"]));
    for unknown in [
        "assigned_agent_id",
        "assigned_at",
        "started_at",
        "completed_at",
        "result_data",
        "error_message",
    ] {
        assert_eq!(task[unknown], Value::Null, "{unknown} of {task}");
    }
    let (prefix, digits) = task["task_id"]
        .as_str()
        .and_then(|id| id.split_once('_'))
        .expect("a prefix");
    assert_eq!((prefix, digits.len()), ("task", 32), "{task}");
}

/// The original's test still expects 200; its service answers this, and so does api.md.
async fn a_task_of_an_unknown_client_is_refused(api: &Api) {
    let (_, capability) = api.provider().await;
    let body = submission("nonexistent_agent", &capability, json!({}));
    let refused = api.post("/aitp/tasks", body).await;
    refused.refused(400, "Client agent 'nonexistent_agent' not found");
    let body = submission("nonexistent_agent", "nonexistent_capability", json!({}));
    api.post("/aitp/tasks", body).await.problem(400);
}

async fn a_task_for_a_capability_that_nobody_has_is_refused(api: &Api) {
    let agent = api.agent().await;
    let body = submission(&agent, "nonexistent_capability", json!({}));
    let refused = api.post("/aitp/tasks", body).await;
    refused.refused(400, "No agents provide capability 'nonexistent_capability'");
}

async fn a_bad_instant_of_expiry_is_refused_in_the_words_of_the_original(api: &Api) {
    let (agent, capability) = api.provider().await;
    let body = submission(&agent, &capability, json!({"expires_at": "tomorrow"}));
    let refused = api.post("/aitp/tasks", body).await;
    refused.refused(400, "Invalid expires_at timestamp format");
    // Without an offset it is UTC, as Python writes it.
    let good = json!({"expires_at": "2999-01-02T03:04:05.678"});
    let task = api.submit(&agent, &capability, good).await;
    assert_eq!(
        api.whole(&task).await["expires_at"],
        "2999-01-02T03:04:05.678000Z"
    );
}

async fn a_submission_that_lacks_fields_is_refused_with_every_one_of_them(api: &Api) {
    let refused = api.post("/aitp/tasks", json!({"priority": 11})).await;
    assert_eq!(
        refused.faults(),
        [
            "/capability_required",
            "/client_id",
            "/input_data",
            "/priority",
            "/task_type"
        ]
    );
}

async fn a_task_of_the_later_protocol_needs_neither_client_nor_agent(api: &Api) {
    let capability = format!("{}:v1", fresh("nobody-can"));
    let body = submission("some client", &capability, json!({"priority": 8}));
    let task = api.post("/ains/tasks", body).await.ok();
    let shown = json!({
        "task_id": task["task_id"],
        "status": "PENDING",
        "priority": 8,
        "depends_on": [],
        "is_blocked": false,
        "routing_strategy": "round_robin",
        "assigned_agent_id": null,
        "created_at": task["created_at"],
    });
    for member in members(&shown) {
        assert_eq!(task[member], shown[member], "{member} of {task}");
    }
    let whole = api.whole(&text(&task, "task_id")).await;
    assert_eq!(whole["client_id"], "some client");
    let limits = ["timeout_seconds", "max_retries", "retry_count"];
    assert_eq!(
        limits.map(|name| whole[name].as_u64()),
        [300, 3, 0].map(Some),
        "{whole}"
    );
}

async fn a_task_of_the_later_protocol_is_pushed_at_once(api: &Api) {
    let (agent, capability) = api.provider().await;
    let body = submission(
        "some client",
        &capability,
        json!({"routing_strategy": "least_loaded"}),
    );
    let task = api.post("/ains/tasks", body).await.ok();
    assert_eq!(
        (&task["status"], &task["assigned_agent_id"]),
        (&json!("ASSIGNED"), &json!(agent))
    );
    assert_eq!(task["routing_strategy"], "least_loaded");
}

async fn an_unknown_strategy_is_refused(api: &Api) {
    let (agent, capability) = api.provider().await;
    let body = submission(&agent, &capability, json!({"routing_strategy": "by_colour"}));
    assert_eq!(
        api.post("/ains/tasks", body).await.faults(),
        ["/routing_strategy"]
    );
}
