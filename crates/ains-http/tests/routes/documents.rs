//! Documents: what is taken, what is not, and what one bad document does to those beside it.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::{Value, json};

use crate::schedules::{of_tasks, schedule};
use crate::site::{Answer, Site, a_task};

/// Bytes that one document may have.
const LIMIT: usize = 1 << 20;

/// JSON by its grammar, and nothing that can be read; and where in a document it is.
const UNREADABLE: [(&str, &str); 6] = [
    (r#"{"a":"\ud800"}"#, "/a"),
    (r#"{"a":["x","\udc00\ud83d"]}"#, "/a/1"),
    (r#"{"\udfff":1}"#, ""),
    (r#"{"a":[1e999999]}"#, "/a/0"),
    (r#"{"a":-1e400}"#, "/a"),
    (r#"{"a/b":{"c":1e309}}"#, "/a~1b/c"),
];

async fn raw(site: &Site, method: Method, uri: &str, body: String) -> Answer {
    site.send(TestRequest::with_uri(uri).method(method).set_payload(body))
        .await
}

/// `body` with `document` where it says `"DOCUMENT"`.
fn filled(body: &Value, document: &str) -> String {
    body.to_string().replace("\"DOCUMENT\"", document)
}

#[actix_web::test]
async fn what_no_reader_can_take_is_refused_by_its_place() {
    let site = Site::open().await;
    site.worker("a1").await;
    let id = site.task("c1").await;
    site.claim("a1").await;
    let task = |field: &str| {
        let mut task = a_task("c1");
        task[field] = json!("DOCUMENT");
        task
    };
    let capability = |field: &str| {
        let mut capability = json!({
            "name": "text:v2", "description": "", "input_schema": {}, "output_schema": {}, "pricing_model": "free",
            "price": 0, "latency_p99_ms": 1, "availability_percent": 99, "signature": "00",
        });
        capability[field] = json!("DOCUMENT");
        capability
    };
    let report = |field: &str| json!({"agent_id": "a1", field: "DOCUMENT"});
    let in_graph = |mut defaults: Value, task: Value| {
        defaults["task_type"] = json!("t");
        defaults["capability_required"] = json!("x");
        json!({"client_id": "c1", "defaults": defaults, "tasks": [task]})
    };
    let step = |input: Value| json!({"name": "a", "task_type": "t", "capability_required": "x", "input_data": input});
    let of_task = |verb: &str| format!("/ains/tasks/{id}{verb}");
    let scheduled = site
        .schedule(&of_tasks(&json!({"cron_expression": "@daily"})))
        .await;
    let asked = [
        (
            Method::POST,
            "/ains/tasks".to_owned(),
            task("input_data"),
            "/input_data",
        ),
        (
            Method::POST,
            "/ains/tasks".to_owned(),
            task("metadata"),
            "/metadata",
        ),
        (
            Method::POST,
            "/aitp/tasks".to_owned(),
            task("input_data"),
            "/input_data",
        ),
        (
            Method::POST,
            "/ains/tasks/batch".to_owned(),
            json!({"tasks": [task("input_data")]}),
            "/tasks/0/input_data",
        ),
        (
            Method::POST,
            "/ains/tasks/graph".to_owned(),
            in_graph(json!({}), json!({"name": "a", "input_data": "DOCUMENT"})),
            "/tasks/0/input_data",
        ),
        (
            Method::POST,
            "/ains/tasks/graph".to_owned(),
            in_graph(json!({"metadata": "DOCUMENT"}), json!({"name": "a"})),
            "/defaults/metadata",
        ),
        (
            Method::POST,
            "/ains/task-chains".to_owned(),
            json!({"client_id": "c1", "name": "n", "input": "DOCUMENT", "steps": [step(json!({}))]}),
            "/input",
        ),
        (
            Method::POST,
            "/ains/task-chains".to_owned(),
            json!({"client_id": "c1", "name": "n", "steps": [step(json!("DOCUMENT"))]}),
            "/steps/0/input_data",
        ),
        (
            Method::POST,
            "/ains/scheduled-tasks".to_owned(),
            of_tasks(&json!({"cron_expression": "@daily", "input_data": "DOCUMENT"})),
            "/input_data",
        ),
        (
            Method::POST,
            "/ains/scheduled-tasks".to_owned(),
            of_tasks(&json!({"cron_expression": "@daily", "metadata": "DOCUMENT"})),
            "/metadata",
        ),
        (
            Method::POST,
            "/ains/scheduled-tasks".to_owned(),
            schedule(
                &json!({"cron_expression": "@daily", "chain": {"input": "DOCUMENT", "steps": [step(json!({}))]}}),
            ),
            "/chain/input",
        ),
        (
            Method::POST,
            "/ains/scheduled-tasks".to_owned(),
            schedule(&json!({"cron_expression": "@daily", "chain": {"steps": [step(json!("DOCUMENT"))]}})),
            "/chain/steps/0/input_data",
        ),
        (
            Method::PATCH,
            format!("/ains/scheduled-tasks/{scheduled}"),
            json!({"input_data": "DOCUMENT"}),
            "/input_data",
        ),
        (
            Method::PATCH,
            of_task(""),
            json!({"metadata": "DOCUMENT"}),
            "/metadata",
        ),
        (Method::POST, of_task("/progress"), report("data"), "/data"),
        (
            Method::POST,
            of_task("/complete"),
            report("result_data"),
            "/result_data",
        ),
        (Method::POST, of_task("/complete"), report("usage"), "/usage"),
        (
            Method::PUT,
            format!("/aitp/tasks/{id}/status?agent_id=a1"),
            json!({"status": "COMPLETED", "result_data": "DOCUMENT"}),
            "/result_data",
        ),
        (
            Method::POST,
            "/ains/agents/a1/capabilities".to_owned(),
            capability("input_schema"),
            "/input_schema",
        ),
        (
            Method::POST,
            "/ains/agents/a1/capabilities".to_owned(),
            capability("output_schema"),
            "/output_schema",
        ),
        (
            Method::POST,
            "/ains/agents/a1/heartbeat".to_owned(),
            json!({"timestamp": 1, "status": "ACTIVE", "uptime_ms": 1, "metrics": "DOCUMENT"}),
            "/metrics",
        ),
    ];
    for (method, uri, body, field) in asked {
        for (document, place) in UNREADABLE {
            let answer = raw(&site, method.clone(), &uri, filled(&body, document)).await;
            assert_eq!(answer.faults(), [format!("{field}{place}")], "{uri} {document}");
        }
    }
}

#[actix_web::test]
async fn a_result_is_any_json_but_of_the_earlier_protocol() {
    let site = Site::open().await;
    site.worker("a1").await;
    for result in [json!(1), json!("x"), json!([1]), json!(false), json!({"a": 1})] {
        let id = site.task("c1").await;
        site.claim("a1").await;
        let earlier = format!("/aitp/tasks/{id}/status?agent_id=a1");
        let update = json!({"status": "COMPLETED", "result_data": result});
        if !result.is_object() {
            let refused = site.call(Method::PUT, &earlier, update).await;
            assert_eq!(refused.faults(), ["/result_data"], "{result}");
            let usage = json!({"agent_id": "a1", "usage": result});
            let refused = site.post(&format!("/ains/tasks/{id}/complete"), usage).await;
            assert_eq!(refused.faults(), ["/usage"], "{result}");
        }
        let done = json!({"agent_id": "a1", "result_data": result});
        site.post(&format!("/ains/tasks/{id}/complete"), done).await.ok();
        assert_eq!(
            site.get(&format!("/ains/tasks/{id}")).await.ok()["result_data"],
            result
        );
    }
}

#[actix_web::test]
async fn a_bad_document_of_a_report_fails_alone() {
    let site = Site::open().await;
    site.worker("a1").await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        site.task("c1").await;
        ids.push(site.claim("a1").await.0);
    }
    let long = "x".repeat(LIMIT);
    let results = json!([
        {"task_id": ids[0], "status": "COMPLETED", "result_data": "DOCUMENT"},
        {"task_id": ids[1], "status": "COMPLETED", "result_data": {"a": long}},
        {"task_id": ids[2], "status": "FAILED", "error_message": long + "y"},
        {"task_id": ids[3], "status": "COMPLETED", "result_data": {}},
    ]);
    let body = filled(&json!({"results": results}), r#"{"a":"\ud800"}"#);
    let answer = raw(&site, Method::POST, "/ains/agents/a1/report", body)
        .await
        .ok();
    let problem = |index: usize| answer["results"][index]["problem"]["errors"][0].clone();
    assert_eq!(problem(0)["pointer"], "/results/0/result_data/a", "{answer}");
    for (index, field) in [(1, "result_data"), (2, "error_message")] {
        assert_eq!(problem(index)["pointer"], format!("/results/{index}/{field}"));
        assert!(problem(index)["message"].to_string().contains("1048576"));
    }
    assert_eq!(answer["results"][3]["status"], "COMPLETED");
}

#[actix_web::test]
async fn a_batch_may_be_large_and_its_tasks_may_not() {
    let site = Site::open().await;
    let mut large = a_task("c1");
    large["input_data"] = json!({"a": "x".repeat(LIMIT - 8)});
    let mut larger = large.clone();
    larger["input_data"] = json!({"a": "x".repeat(LIMIT - 7)});
    for uri in ["/ains/tasks/batch", "/aitp/tasks/batch"] {
        let batch = json!({"tasks": [large, larger]});
        assert_eq!(
            site.post(uri, batch).await.faults(),
            ["/tasks/1/input_data"],
            "{uri}"
        );
    }
    let each = json!({"tasks": [large, larger], "atomic": false});
    let each = site.post("/ains/tasks/batch", each).await.ok();
    assert_eq!((&each["created"], &each["failed"]), (&json!(1), &json!(1)));
    for uri in ["/ains/tasks", "/aitp/tasks", "/ains/tasks/cancel"] {
        let refused = site.post(uri, large.clone()).await;
        assert!(refused.detail(413).contains("1048576"), "{uri}");
    }
}

#[actix_web::test]
async fn a_list_is_no_object() {
    let site = Site::open().await;
    site.worker("a1").await;
    let id = site.task("c1").await;
    site.claim("a1").await;
    let of_task = |verb: &str| format!("/ains/tasks/{id}/{verb}");
    let report = "/ains/agents/a1/report".to_owned();
    for (uri, body, place) in [
        (report.clone(), json!({"claim": [1]}), "/claim"),
        (
            report,
            json!({"results": [{"task_id": id, "status": "COMPLETED"}, [id, 1, "COMPLETED", {}]]}),
            "/results/1",
        ),
        (
            of_task("complete"),
            json!({"agent_id": "a1", "claim_next": [1]}),
            "/claim_next",
        ),
        (
            of_task("fail"),
            json!({"agent_id": "a1", "error_message": "x", "claim_next": []}),
            "/claim_next",
        ),
        (
            "/ains/tasks/batch".to_owned(),
            json!({"tasks": [["c1"]]}),
            "/tasks/0",
        ),
    ] {
        let refused = site.post(&uri, body).await;
        assert_eq!(refused.faults(), [place], "{uri}");
        assert_eq!(
            refused.json()["errors"][0]["message"],
            "must be an object",
            "{uri}"
        );
    }
}

#[actix_web::test]
async fn an_unknown_agent_with_nothing_to_report_is_not_found() {
    let site = Site::open().await;
    for body in [json!({}), json!({"results": []}), json!({"claim": null})] {
        let refused = site.post("/ains/agents/nobody/report", body.clone()).await;
        assert_eq!(refused.detail(404), "Agent not found", "{body}");
    }
    site.agent("a1").await;
    let nothing = site.post("/ains/agents/a1/report", json!({})).await.ok();
    assert_eq!(nothing, json!({"results": [], "tasks": []}));
}
