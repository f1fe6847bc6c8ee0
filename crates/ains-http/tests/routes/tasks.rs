use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::{Value, json};

use crate::site::{Site, a_task};

#[actix_web::test]
async fn a_task_is_submitted_with_every_default_and_read_back() {
    let site = Site::open().await;
    let created = site.post("/ains/tasks", a_task("c1")).await.ok();
    let id = created["task_id"].as_str().unwrap();
    assert_eq!(
        created,
        json!({
            "task_id": id, "status": "PENDING", "priority": 5, "depends_on": [], "is_blocked": false,
            "routing_strategy": "round_robin", "assigned_agent_id": null, "created_at": "2026-01-01T00:00:00.000000Z",
        })
    );
    let task = site.get(&format!("/ains/tasks/{id}")).await.ok();
    assert_eq!(task["input_data"], json!({"n": 1}));
    for (field, value) in [
        ("timeout_seconds", json!(300)),
        ("max_retries", json!(3)),
        ("retry_policy", json!("exponential")),
        ("gate", json!("ready")),
        ("result_data", Value::Null),
        ("attempt", json!(0)),
    ] {
        assert_eq!(task[field], value, "{field}");
    }
}

#[actix_web::test]
async fn every_field_of_a_submission_comes_back() {
    let site = Site::open().await;
    let mut body = a_task("c1");
    let fields = json!({
        "priority": 9, "timeout_seconds": 60, "max_retries": 0, "routing_strategy": "least_loaded",
        "retry_policy": "linear", "timeout_policy": "fail", "metadata": {"who": "me"}, "min_trust": 0.25,
        "heartbeat_timeout_seconds": 30, "run_at": "2026-01-02T00:00:00.000000Z",
        "expires_at": "2026-01-03T00:00:00.000000Z",
    });
    body.as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    body["not_a_field"] = json!("ignored");
    let created = site.post("/ains/tasks", body).await.ok();
    let task = site
        .get(&format!("/ains/tasks/{}", created["task_id"].as_str().unwrap()))
        .await
        .ok();
    for (field, value) in fields.as_object().unwrap() {
        assert_eq!(&task[field], value, "{field}");
    }
    assert_eq!(
        (&task["gate"], &task["next_retry_at"]),
        (&json!("not_due"), &Value::Null)
    );
}

#[actix_web::test]
async fn every_fault_of_a_submission_is_named_at_once() {
    let site = Site::open().await;
    let refused = site.post(
        "/ains/tasks",
        json!({
            "client_id": "", "task_type": 7, "input_data": [], "priority": 11, "timeout_seconds": 0, "max_retries": 11,
            "routing_strategy": "best", "retry_policy": "never", "min_trust": 2, "metadata": 1, "expires_at": "soon",
            "depends_on": ["task_0", {"task_id": "task_0", "when": "never"}],
        }),
    );
    let mut faults = refused.await.faults();
    faults.sort();
    assert_eq!(
        faults,
        [
            "/capability_required",
            "/client_id",
            "/depends_on/1/when",
            "/expires_at",
            "/input_data",
            "/max_retries",
            "/metadata",
            "/min_trust",
            "/priority",
            "/retry_policy",
            "/routing_strategy",
            "/task_type",
            "/timeout_seconds",
        ]
    );
}

#[actix_web::test]
async fn a_cancelled_task_is_not_cancelled_again() {
    let site = Site::open().await;
    let id = site.task("c1").await;
    let uri = format!("/ains/tasks/{id}/cancel");
    let cancelled = site.post(&uri, json!({"reason": "changed my mind"})).await.ok();
    assert_eq!(
        cancelled,
        json!({
            "task_id": id, "status": "CANCELLED", "cancelled_at": "2026-01-01T00:00:00.000000Z", "reason": "changed my mind",
        })
    );
    let again = site.send(TestRequest::post().uri(&uri)).await;
    assert_eq!(again.detail(400), "Cannot cancel task in CANCELLED status");
    let task = site.get(&format!("/ains/tasks/{id}")).await.ok();
    assert_eq!(
        (&task["cancel_reason"], &task["completed_at"]),
        (&json!("changed my mind"), &Value::Null)
    );
    let unknown = site
        .post(
            "/ains/tasks/task_00000000000070008000000000000000/cancel",
            json!({}),
        )
        .await;
    assert_eq!(unknown.detail(404), "Task not found");
}

#[actix_web::test]
async fn tasks_are_listed_newest_first_in_pages() {
    let site = Site::open().await;
    let mut ids = Vec::new();
    for client in ["c1", "c2", "c1", "c1"] {
        ids.push(site.task(client).await);
    }
    let first = site.get("/ains/tasks?client_id=c1&limit=2").await;
    let list = first.ok();
    let shown = |list: &Value| -> Vec<String> {
        let tasks = list["tasks"].as_array().unwrap().iter();
        tasks
            .map(|task| task["task_id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(shown(&list), [ids[3].clone(), ids[2].clone()]);
    let cursor = list["next_cursor"].as_str().unwrap();
    let link = first.header("link");
    assert_eq!(
        link,
        format!("</ains/tasks?client_id=c1&limit=2&cursor={cursor}>; rel=\"next\"")
    );
    let next = link.strip_prefix('<').unwrap().split('>').next().unwrap();
    let last = site.get(next).await;
    assert_eq!(shown(&last.ok()), [ids[0].clone()]);
    assert_eq!(
        (&last.json()["next_cursor"], last.header("link")),
        (&Value::Null, "")
    );
    for (query, count) in [
        ("status=RUNNING", 0),
        ("status=PENDING", 4),
        ("capability=TEXT:v1", 4),
        ("chain_id=chain_00000000000070008000000000000000", 0),
        ("schedule_id=sched_00000000000070008000000000000000", 0),
        ("template_id=tmpl_00000000000070008000000000000000", 0),
    ] {
        let list = site.get(&format!("/ains/tasks?{query}")).await.ok();
        assert_eq!(list["tasks"].as_array().unwrap().len(), count, "{query}");
    }
}

#[actix_web::test]
async fn a_batch_is_all_or_nothing_unless_asked_otherwise() {
    let site = Site::open().await;
    let mut bad = a_task("c1");
    bad["priority"] = json!(0);
    bad["task_type"] = json!(1);
    let tasks =
        json!([a_task("c1"), bad, {"task_type": "job", "capability_required": "x", "input_data": {}}]);

    let refused = site
        .post("/ains/tasks/batch", json!({"tasks": tasks, "client_id": "c2"}))
        .await;
    assert_eq!(refused.faults(), ["/tasks/1/task_type", "/tasks/1/priority"]);
    assert_eq!(site.get("/ains/tasks").await.ok()["tasks"], json!([]));

    let apart = site
        .post(
            "/ains/tasks/batch",
            json!({"tasks": tasks, "client_id": "c2", "atomic": false}),
        )
        .await
        .ok();
    assert_eq!((&apart["created"], &apart["failed"]), (&json!(2), &json!(1)));
    assert_eq!(
        apart["tasks"][1]["problem"]["errors"][0]["pointer"],
        "/tasks/1/task_type"
    );
    assert_eq!(apart["tasks"][2]["status"], "PENDING");
    let third = site
        .get(&format!(
            "/ains/tasks/{}",
            apart["tasks"][2]["task_id"].as_str().unwrap()
        ))
        .await
        .ok();
    assert_eq!(third["client_id"], "c2");

    assert_eq!(
        site.post("/ains/tasks/batch", json!({"tasks": []}))
            .await
            .faults(),
        ["/tasks"]
    );
    let unknown = site
        .post("/ains/tasks/batch", json!({"tasks": [a_task("c")], "all": true}))
        .await;
    assert_eq!(unknown.faults(), ["/all"]);
}

#[actix_web::test]
async fn the_same_key_makes_one_task() {
    let site = Site::open().await;
    let send = |key: &'static str, client: &'static str| {
        let site = site.clone();
        async move {
            let request = TestRequest::post()
                .uri("/ains/tasks")
                .insert_header(("idempotency-key", key));
            site.send(request.set_json(a_task(client))).await
        }
    };
    let first = send("k1", "c1").await;
    let second = send("k1", "c1").await;
    assert_eq!(first.bytes, second.bytes);
    assert_eq!(second.header("content-type"), "application/json");
    assert_eq!(
        site.get("/ains/tasks").await.ok()["tasks"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        send("k1", "c2").await.json()["type"],
        "/problems/idempotency-key-reused"
    );
    send("k2", "c2").await.ok();
    assert_eq!(send("", "c2").await.status, 400);
}

#[actix_web::test]
async fn an_unfinished_task_is_changed() {
    let site = Site::open().await;
    let id = site.task("c1").await;
    let uri = format!("/ains/tasks/{id}");
    let change = json!({"priority": 8, "timeout_seconds": 10, "metadata": {"a": 1}});
    let task = site.call(Method::PATCH, &uri, change).await.ok();
    assert_eq!(
        (&task["priority"], &task["timeout_seconds"], &task["metadata"]),
        (&json!(8), &json!(10), &json!({"a": 1}))
    );
    let refused = site
        .call(
            Method::PATCH,
            &uri,
            json!({"priority": 0, "depends_on": [{"task_id": "t", "when": 1}], "status": "FAILED"}),
        )
        .await;
    assert_eq!(refused.faults(), ["/depends_on/0/when", "/status", "/priority"]);
    site.post(&format!("{uri}/cancel"), json!({})).await.ok();
    let ended = site.call(Method::PATCH, &uri, json!({"priority": 1})).await;
    assert_eq!(ended.json()["type"], "/problems/illegal-transition");
}

#[actix_web::test]
async fn many_are_cancelled_and_tried_again_each_on_its_own() {
    let site = Site::open().await;
    let id = site.task("c1").await;
    let answer = site
        .post("/ains/tasks/cancel", json!({"task_ids": [id, "nonsense"]}))
        .await
        .ok();
    assert_eq!(answer["results"][0]["status"], "CANCELLED");
    assert_eq!(answer["results"][1]["problem"]["detail"], "Task not found");
    let answer = site
        .post("/ains/tasks/retry", json!({"task_ids": [id]}))
        .await
        .ok();
    assert_eq!(
        answer["results"][0]["problem"]["type"],
        "/problems/illegal-transition"
    );
    assert_eq!(
        site.post("/ains/tasks/cancel", json!({"task_ids": [], "all": 1}))
            .await
            .faults(),
        ["/all", "/task_ids"]
    );
}
