use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::{Value, json};

use crate::site::{Site, a_task};

/// A site with the agent `a1`, which has sent a heartbeat, and the client `c1`.
async fn site() -> Site {
    let site = Site::open().await;
    site.agent("c1").await;
    site.agent("a1").await;
    let heartbeat = json!({"timestamp": 1, "status": "ACTIVE", "uptime_ms": 1});
    site.post("/ains/agents/a1/heartbeat", heartbeat).await.ok();
    site
}

async fn submit(site: &Site) -> String {
    site.post("/aitp/tasks", a_task("c1")).await.ok()["task_id"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Submits a task and waits until it has been pushed.
async fn assigned(site: &Site) -> String {
    let id = submit(site).await;
    for _ in 0..1000 {
        if site.get(&format!("/aitp/tasks/{id}")).await.ok()["status"] == "ASSIGNED" {
            return id;
        }
        actix_web::rt::task::yield_now().await;
    }
    panic!("{id} was not pushed");
}

async fn report(site: &Site, id: &str, agent: &str, body: Value) -> crate::site::Answer {
    site.call(
        Method::PUT,
        &format!("/aitp/tasks/{id}/status?agent_id={agent}"),
        body,
    )
    .await
}

#[actix_web::test]
async fn a_submission_is_answered_as_pending_with_fifteen_fields() {
    let site = site().await;
    let created = site.post("/aitp/tasks", a_task("c1")).await.ok();
    assert_eq!(created["status"], "PENDING");
    assert_eq!(created.as_object().unwrap().len(), 15);
    let task = site
        .get(&format!("/aitp/tasks/{}", created["task_id"].as_str().unwrap()))
        .await
        .ok();
    assert_eq!(task["input_data"], json!({"n": 1}));
    assert_eq!(task.as_object().unwrap().len(), 16);
}

#[actix_web::test]
async fn a_submission_needs_a_registered_client_and_a_provider() {
    let site = site().await;
    assert_eq!(
        site.post("/aitp/tasks", a_task("c9")).await.detail(400),
        "Client agent 'c9' not found"
    );
    let mut body = a_task("c1");
    body["capability_required"] = json!("fly:v1");
    assert_eq!(
        site.post("/aitp/tasks", body).await.detail(400),
        "No agents provide capability 'fly:v1'"
    );
    let mut body = a_task("c1");
    body["expires_at"] = json!("soon");
    assert_eq!(
        site.post("/aitp/tasks", body).await.detail(400),
        "Invalid expires_at timestamp format"
    );
}

#[actix_web::test]
async fn the_originals_agent_polls_starts_and_completes() {
    let site = site().await;
    let id = assigned(&site).await;
    let agent = site.get(&format!("/aitp/tasks/{id}")).await.ok()["assigned_agent_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let polled = site
        .get(&format!("/aitp/tasks?assigned_agent_id={agent}&status=ASSIGNED"))
        .await
        .ok();
    assert_eq!((&polled["total"], &polled["limit"]), (&json!(1), &json!(20)));
    assert_eq!(polled["tasks"][0]["input_data"], json!({"n": 1}));

    let early = report(&site, &id, &agent, json!({"status": "COMPLETED"})).await;
    assert_eq!(early.detail(400), "Can only complete ACTIVE tasks");
    let started = report(&site, &id, &agent, json!({"status": "ACTIVE"})).await.ok();
    assert_eq!(
        (&started["status"], &started["retry_count"]),
        (&json!("ACTIVE"), &json!(0))
    );
    let done = report(
        &site,
        &id,
        &agent,
        json!({"status": "COMPLETED", "result_data": {"ok": true}}),
    )
    .await
    .ok();
    assert_eq!(done["status"], "COMPLETED");
    let late = report(&site, &id, &agent, json!({"status": "FAILED"})).await;
    assert_eq!(late.detail(400), "Invalid status transition to FAILED");
    assert_eq!(
        site.get(&format!("/aitp/tasks/{id}")).await.ok()["result_data"],
        json!({"ok": true})
    );
    let odd = report(&site, &id, &agent, json!({"status": "SLEEPING"})).await;
    assert_eq!(odd.detail(400), "Invalid status: SLEEPING");
    assert_eq!(
        report(&site, &id, "c1x", json!({"status": "ACTIVE"}))
            .await
            .detail(403),
        "Agent not assigned to this task"
    );
    let retry = site.post(&format!("/aitp/tasks/{id}/retry"), json!({})).await;
    assert_eq!(
        retry.detail(400),
        "Can only retry FAILED tasks, current status: COMPLETED"
    );
    let missing = site
        .call(Method::PUT, &format!("/aitp/tasks/{id}/status"), json!({}))
        .await;
    assert_eq!(missing.faults(), ["/status", "agent_id"]);
}

#[actix_web::test]
async fn priority_and_timeout_are_the_clients_to_change() {
    let site = site().await;
    let id = submit(&site).await;
    let put = |tail: &str| {
        let (site, uri) = (site.clone(), format!("/aitp/tasks/{id}/{tail}"));
        async move { site.send(TestRequest::put().uri(&uri)).await }
    };
    let changed = put("priority?new_priority=9&client_id=c1").await.ok();
    assert_eq!(
        (&changed["old_priority"], &changed["new_priority"]),
        (&json!(5), &json!(9))
    );
    let foreign = put("priority?new_priority=9&client_id=c2").await;
    assert_eq!(foreign.detail(403), "Not authorized to modify this task");
    assert_eq!(
        put("priority?new_priority=11").await.faults(),
        ["new_priority", "client_id"]
    );
    assert_eq!(
        put("timeout?timeout_seconds=60&client_id=c1").await.ok()["timeout_seconds"],
        60
    );
    let body = json!({"timeout_seconds": 61, "client_id": "c1"});
    let by_body = site
        .call(Method::PUT, &format!("/aitp/tasks/{id}/timeout"), body)
        .await
        .ok();
    assert_eq!(by_body["timeout_seconds"], 61);

    let delete = |query: &str| TestRequest::delete().uri(&format!("/aitp/tasks/{id}?{query}"));
    assert_eq!(
        site.send(delete("client_id=c2")).await.detail(403),
        "Not authorized to cancel this task"
    );
    let cancelled = site.send(delete("client_id=c1")).await.ok();
    assert_eq!(
        (&cancelled["status"], &cancelled["reason"]),
        (&json!("CANCELLED"), &json!("Cancelled by client"))
    );
    assert_eq!(
        site.send(delete("client_id=c1")).await.detail(400),
        "Cannot cancel task in CANCELLED status"
    );
    let ended = put("priority?new_priority=9&client_id=c1").await;
    assert_eq!(ended.detail(400), "Cannot adjust priority of CANCELLED task");
    let ended = put("timeout?timeout_seconds=9&client_id=c1").await;
    assert_eq!(ended.detail(400), "Cannot set timeout on CANCELLED task");
}

#[actix_web::test]
async fn a_batch_is_stored_asked_after_and_cancelled() {
    let site = site().await;
    let batch = json!({"client_id": "c1", "tasks": [a_task("c1"), {"task_type": "job", "capability_required": "text:v1", "input_data": {}}]});
    let stored = site.post("/aitp/tasks/batch", batch).await.ok();
    assert_eq!(
        (&stored["success"], &stored["created"], &stored["failed"]),
        (&json!(true), &json!(2), &json!(0))
    );
    let ids: Vec<_> = stored["task_ids"]
        .as_array()
        .unwrap()
        .iter()
        .map(|id| id.as_str().unwrap())
        .collect();
    let status = site
        .get(&format!(
            "/aitp/tasks/batch/status?task_ids={},nonsense",
            ids.join(",")
        ))
        .await
        .ok();
    assert_eq!(status["total"], 2);

    let uri = "/aitp/tasks/batch/cancel";
    let query = format!("{uri}?task_ids={}&client_id=c1", ids[0]);
    assert_eq!(
        site.send(TestRequest::post().uri(&query)).await.ok(),
        json!({"cancelled": 1, "failed": 0, "errors": null})
    );
    let by_body = site
        .post(uri, json!({"task_ids": ids, "client_id": "c1"}))
        .await
        .ok();
    assert_eq!(
        (&by_body["cancelled"], &by_body["failed"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        by_body["errors"][0]["error"],
        "Cannot cancel task in CANCELLED status"
    );
    let by_list = site
        .post(&format!("{uri}?client_id=c1"), json!(["nonsense"]))
        .await
        .ok();
    assert_eq!(
        by_list["errors"][0],
        json!({"task_id": "nonsense", "error": "Task not found"})
    );
}

#[actix_web::test]
async fn a_batch_has_its_limits() {
    let site = site().await;
    let send = |tasks: Value| {
        let site = site.clone();
        async move {
            site.post("/aitp/tasks/batch", json!({"client_id": "c1", "tasks": tasks}))
                .await
        }
    };
    assert_eq!(
        send(json!([])).await.detail(400),
        "Batch must contain at least one task"
    );
    assert_eq!(
        send(json!(vec![a_task("c1"); 1001])).await.detail(400),
        "Maximum 1000 tasks per batch"
    );
    assert_eq!(
        send(json!([a_task("c1"), {"task_type": "x"}]))
            .await
            .faults()
            .len(),
        2
    );
    assert_eq!(site.get("/aitp/tasks").await.ok()["total"], 0);
}
