use serde_json::{Value, json};

use crate::site::Site;

#[actix_web::test]
async fn a_task_goes_to_an_agent_and_back() {
    let site = Site::open().await;
    site.worker("a1").await;
    assert_eq!(
        site.post("/ains/agents/a1/claim", json!({})).await.ok(),
        json!({"tasks": []})
    );
    let id = site.task("c1").await;
    let claimed = site
        .post("/ains/agents/a1/claim", json!({"max": 10, "claim_id": "x"}))
        .await
        .ok();
    let task = &claimed["tasks"][0];
    assert_eq!(
        (&task["task_id"], &task["status"], &task["attempt"]),
        (&json!(id), &json!("ACTIVE"), &json!(1))
    );
    assert!(task["lease_expires_at"].is_string());
    assert_eq!(
        site.post("/ains/agents/a1/claim", json!({"max": 10, "claim_id": "x"}))
            .await
            .ok(),
        claimed
    );

    let report = |verb: &str| format!("/ains/tasks/{id}/{verb}");
    let started = site
        .post(&report("start"), json!({"agent_id": "a1", "attempt": 1}))
        .await
        .ok();
    assert_eq!(started["status"], "ACTIVE");
    let progress = json!({"agent_id": "a1", "attempt": 1, "percent": 50, "message": "half", "data": [1]});
    site.post(&report("progress"), progress).await.ok();
    let seen = site.get(&format!("/ains/tasks/{id}")).await.ok()["progress"].clone();
    assert_eq!(
        (&seen["percent"], &seen["message"], &seen["data"]),
        (&json!(50.0), &json!("half"), &json!([1]))
    );

    let done = json!({"agent_id": "a1", "attempt": 1, "result_data": {"sum": 3}, "usage": {"tokens": 1}, "claim_next": {}});
    let done = site.post(&report("complete"), done).await.ok();
    assert_eq!(
        (&done["status"], &done["next"]),
        (&json!("COMPLETED"), &json!([]))
    );
    let task = site.get(&format!("/ains/tasks/{id}")).await.ok();
    assert_eq!(
        (&task["result_data"], &task["status"]),
        (&json!({"sum": 3}), &json!("COMPLETED"))
    );
    let attempts = site.get(&report("attempts")).await.ok()["attempts"].clone();
    assert_eq!(attempts[0]["outcome"], "completed");
    assert_eq!(attempts.as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn a_report_from_an_attempt_that_is_over_is_refused() {
    let site = Site::open().await;
    site.worker("a1").await;
    site.worker("a2").await;
    site.task("c1").await;
    let (id, attempt) = site.claim("a1").await;
    for body in [json!({"agent_id": "a2"}), json!({"agent_id": "a1", "attempt": 2})] {
        let refused = site.post(&format!("/ains/tasks/{id}/complete"), body).await;
        assert_eq!(refused.status, 409);
        assert_eq!(refused.json()["type"], "/problems/lease-lost");
    }
    let released = site
        .post(
            &format!("/ains/tasks/{id}/release"),
            json!({"agent_id": "a1", "attempt": attempt}),
        )
        .await;
    assert_eq!(released.ok()["status"], "PENDING");
}

#[actix_web::test]
async fn a_failure_is_tried_again_or_ends_the_task() {
    let site = Site::open().await;
    site.worker("a1").await;
    site.task("c1").await;
    let (id, _) = site.claim("a1").await;
    let uri = format!("/ains/tasks/{id}/fail");
    let failure = json!({"agent_id": "a1", "error_message": "oops", "retry_after_seconds": 30});
    let failed = site.post(&uri, failure).await.ok();
    assert_eq!(
        (&failed["status"], &failed["retry_count"]),
        (&json!("PENDING"), &json!(1))
    );
    let task = site.get(&format!("/ains/tasks/{id}")).await.ok();
    assert_eq!(task["next_retry_at"], "2026-01-01T00:00:30.000000Z");
    assert_eq!(task["error_message"], "oops");
    let attempts = site.get(&format!("/ains/tasks/{id}/attempts")).await.ok();
    assert_eq!(
        (&attempts["attempts"][0]["outcome"], &attempts["attempts"][1]),
        (&json!("failed"), &Value::Null)
    );
    let refused = site
        .post(&uri, json!({"agent_id": "a b", "retryable": "no", "why": 1}))
        .await;
    assert_eq!(
        refused.faults(),
        ["/retryable", "/why", "/error_message", "/agent_id"]
    );
}

#[actix_web::test]
async fn of_many_results_a_bad_one_fails_alone() {
    let site = Site::open().await;
    site.worker("a1").await;
    for _ in 0..3 {
        site.task("c1").await;
    }
    let (first, _) = site.claim("a1").await;
    let (second, _) = site.claim("a1").await;
    let answer = site.post(
        "/ains/agents/a1/report",
        json!({
            "results": [
                {"task_id": first, "attempt": 1, "status": "COMPLETED", "result_data": {"n": 1}},
                {"task_id": "nonsense", "status": "COMPLETED"},
                {"task_id": second, "attempt": 0, "status": "DONE"},
                {"task_id": second, "attempt": 1, "status": "FAILED", "error_message": "no", "retryable": false},
            ],
            "claim": {"max": 5},
        }),
    );
    let answer = answer.await.ok();
    let results = &answer["results"];
    assert_eq!(results[0]["status"], "COMPLETED");
    assert_eq!(results[1]["problem"]["detail"], "Task not found");
    assert_eq!(results[2]["problem"]["errors"][0]["pointer"], "/results/2/status");
    assert_eq!(results[3]["status"], "FAILED");
    assert_eq!(answer["tasks"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn a_claim_is_checked() {
    let site = Site::open().await;
    site.agent("a1").await;
    let refused = site.post(
        "/ains/agents/a1/claim",
        json!({"max": 101, "wait_seconds": 61, "claim_id": "", "x": 1}),
    );
    assert_eq!(
        refused.await.faults(),
        ["/x", "/max", "/wait_seconds", "/claim_id"]
    );
    assert_eq!(
        site.post("/ains/agents/a9/claim", json!({})).await.detail(404),
        "Agent not found"
    );
}
