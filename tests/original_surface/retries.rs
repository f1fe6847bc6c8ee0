//! What becomes of failures: which are tried again, when, and by hand.

use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Api, list, members, micros};
use crate::world::on_both;

on_both!(
    exponential_delays_double,
    linear_and_fixed_delays_are_as_long_as_their_names_say,
    passing_faults_are_tried_again,
    lasting_faults_are_not_tried_again,
    a_task_without_retries_left_fails,
    a_failed_task_can_be_tried_again_by_hand,
    only_a_failed_task_can_be_tried_again_by_hand,
    a_task_that_cannot_succeed_is_not_tried_again_by_hand,
);

/// Seconds from the failure to the next attempt.
#[expect(
    clippy::cast_precision_loss,
    reason = "delays are far below 2^52 microseconds"
)]
fn delay(task: &Value) -> f64 {
    (micros(&task["next_retry_at"]) - micros(&task["updated_at"])) as f64 / 1e6
}

#[track_caller]
fn assert_delay(task: &Value, seconds: f64) {
    let delay = delay(task);
    // Jitter is ±10 %.
    assert!(
        (seconds * 0.899..=seconds * 1.101).contains(&delay),
        "{delay} s is not {seconds} s"
    );
}

async fn exponential_delays_double(api: &Api) {
    let (agent, task) = api.active(json!({"retry_policy": "exponential"})).await;
    for seconds in [1.0, 2.0] {
        let answer = api.fail(&agent, &task, "Connection timeout").await;
        assert_eq!(answer["status"], "PENDING");
        assert_delay(&api.whole(&task).await, seconds);
        if seconds < 2.0 {
            // The long poll ends when the delay does.
            let path = format!("/ains/agents/{agent}/claim");
            let claimed = api.post(&path, json!({"wait_seconds": 20})).await.ok();
            assert_eq!(list(&claimed, "tasks")[0]["task_id"], task.as_str());
            api.report(&agent, &task, json!({"status": "ACTIVE"})).await.ok();
        }
    }
    assert_eq!(api.task(&task).await["retry_count"], 2);
}

async fn linear_and_fixed_delays_are_as_long_as_their_names_say(api: &Api) {
    for (policy, seconds) in [("linear", 5.0), ("fixed", 10.0)] {
        let (agent, task) = api.active(json!({"retry_policy": policy})).await;
        api.fail(&agent, &task, "Connection timeout").await;
        assert_delay(&api.whole(&task).await, seconds);
    }
}

async fn passing_faults_are_tried_again(api: &Api) {
    for message in [
        "Connection timeout",
        "Service temporarily unavailable",
        "Internal server error",
    ] {
        let (agent, task) = api.active(json!({"max_retries": 3})).await;
        let answer = api.fail(&agent, &task, message).await;
        assert_eq!(
            (&answer["status"], &answer["retry_count"]),
            (&json!("PENDING"), &json!(1)),
            "{message}"
        );
    }
}

async fn lasting_faults_are_not_tried_again(api: &Api) {
    for message in [
        "Invalid input provided",
        "Authentication failed",
        "Permission denied",
        "Not found",
    ] {
        let (agent, task) = api.active(json!({"max_retries": 3})).await;
        let answer = api.fail(&agent, &task, message).await;
        assert_eq!(
            (&answer["status"], &answer["retry_count"]),
            (&json!("FAILED"), &json!(0)),
            "{message}"
        );
    }
}

async fn a_task_without_retries_left_fails(api: &Api) {
    let (agent, task) = api.active(json!({"max_retries": 0})).await;
    let answer = api.fail(&agent, &task, "Connection timeout").await;
    assert_eq!(answer["status"], "FAILED");
    let retry = api.bare(Method::POST, &format!("/aitp/tasks/{task}/retry")).await;
    retry.refused(400, "Task has exceeded maximum retries or is not retryable");
    assert_eq!(api.task(&task).await["status"], "FAILED");
}

/// A task that has failed although it has retries left, and although it could be tried again.
async fn given_up(api: &Api) -> String {
    let (agent, task) = api.active(json!({"max_retries": 3})).await;
    let body = json!({
        "agent_id": agent,
        "attempt": 1,
        "error_message": "Connection timeout",
        "retryable": false,
    });
    let failed = api.post(&format!("/ains/tasks/{task}/fail"), body).await.ok();
    assert_eq!(failed["status"], "FAILED");
    task
}

async fn a_failed_task_can_be_tried_again_by_hand(api: &Api) {
    let task = given_up(api).await;
    let answer = api
        .bare(Method::POST, &format!("/aitp/tasks/{task}/retry"))
        .await
        .ok();
    assert_eq!(
        members(&answer),
        ["next_retry_at", "retry_count", "status", "task_id"]
    );
    assert_eq!(
        (&answer["task_id"], &answer["status"]),
        (&json!(task), &json!("PENDING"))
    );
    assert_eq!(answer["retry_count"], 1);
    let whole = api.whole(&task).await;
    assert_eq!(whole["next_retry_at"], answer["next_retry_at"]);
    assert_delay(&whole, 1.0);
}

async fn only_a_failed_task_can_be_tried_again_by_hand(api: &Api) {
    let (agent, capability) = api.provider().await;
    let waiting = api.submit(&agent, &capability, json!({})).await;
    let (_, done) = api.completed().await;
    for (task, status) in [(waiting, "PENDING"), (done, "COMPLETED")] {
        let refused = api.bare(Method::POST, &format!("/aitp/tasks/{task}/retry")).await;
        refused.refused(
            400,
            &format!("Can only retry FAILED tasks, current status: {status}"),
        );
    }
    let unknown = api.bare(Method::POST, "/aitp/tasks/nothing/retry").await;
    unknown.refused(404, "Task not found");
}

async fn a_task_that_cannot_succeed_is_not_tried_again_by_hand(api: &Api) {
    let (agent, task) = api.active(json!({"max_retries": 3})).await;
    api.fail(&agent, &task, "Invalid input provided").await;
    let refused = api.bare(Method::POST, &format!("/aitp/tasks/{task}/retry")).await;
    refused.refused(400, "Task has exceeded maximum retries or is not retryable");
}
