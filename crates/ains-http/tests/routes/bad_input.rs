//! Every operation with everything that can be wrong with a request: a problem, and never ours.

use actix_web::http::Method;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::test::TestRequest;
use serde_json::{Value, json};

use crate::schedules::{of_tasks, with};
use crate::site::{Answer, Site};

#[track_caller]
fn is_a_problem_of_theirs(answer: &Answer, what: &str) {
    assert!(answer.status < 500, "{what}: {} {}", answer.status, answer.json());
    if answer.status >= 300 {
        assert_eq!(
            answer.header("content-type"),
            "application/problem+json",
            "{what}"
        );
        let problem = answer.json();
        assert_eq!(problem["status"], answer.status, "{what}");
        assert!(
            problem["type"].as_str().unwrap().starts_with("/problems/"),
            "{what}"
        );
        assert!(
            problem["instance"].is_string() && problem["detail"].is_string(),
            "{what}"
        );
    }
}

/// Method and path of every operation, for things that exist and ones that do not; removals last.
async fn operations(site: &Site) -> Vec<(Method, String)> {
    site.agent("a1").await;
    let task = site.task("c1").await;
    let schedule = site
        .schedule(&of_tasks(&json!({"cron_expression": "@daily"})))
        .await;
    let calendar = json!({"name": "off", "client_id": "c1", "weekdays": ["SUN"]});
    let calendar = site.post("/ains/calendars", calendar).await.ok();
    let document = site.get("/openapi.json").await.ok();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let known = match path.split('/').nth(2) {
            Some("tasks") => &*task,
            Some("scheduled-tasks") => &*schedule,
            Some("calendars") => calendar["calendar_id"].as_str().unwrap(),
            _ => "a1",
        };
        for method in item.as_object().unwrap().keys() {
            let method: Method = method.to_uppercase().parse().unwrap();
            for id in [known, "task_ffffffffffffffffffffffffffffffff", "no%20id"] {
                operations.push((method.clone(), path.replace("{id}", id).replace("{slug}", id)));
            }
        }
    }
    operations.sort_by_key(|(method, _)| method == Method::DELETE);
    operations
}

#[actix_web::test]
async fn no_body_is_our_fault() {
    for site in Site::open_each().await {
        any_body(&site).await;
    }
}

async fn any_body(site: &Site) {
    let deep = [&b"{\"a\":"[..], &b"[".repeat(100_000)].concat();
    let bodies: Vec<Vec<u8>> = [
        "", " ", "{}", "[]", "null", "1", "\"x\"", "{", "}", "{]", "{\"a\"}", "[[[", "nul", "{}{}", "\u{feff}{}",
        r#"{"client_id": null, "tasks": null, "task_ids": null, "results": null, "status": null}"#,
        r#"{"client_id": {}, "agent_id": [], "tasks": {}, "task_ids": {}, "results": {}, "status": 5}"#,
        r#"{"client_id": "a\u0000b", "agent_id": "a\u0000b", "reason": "a\u0000b", "status": "a\u0000b"}"#,
        r#"{"priority": 1e999, "attempt": 99999999999999999999, "weight": -0.0, "max": 1.5}"#,
        r#"{"agent_id": "a1", "attempt": -1, "error_message": "\u0000", "percent": -1, "retry_after_seconds": 9223372036854775807}"#,
        r#"{"client_id": "\ud800", "task_type": "\ud800"}"#,
        r#"{"a": 1, "a": 2}"#,
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .chain([b"\xff\xfe".to_vec(), b"{\"client_id\":\"\xc3\x28\"}".to_vec(), deep])
    .chain([json!({"client_id": "x".repeat(300_000), "reason": "y".repeat(300_000)}).to_string().into_bytes()])
    .collect();
    for (method, uri) in operations(site).await {
        for body in &bodies {
            let request = TestRequest::with_uri(&uri)
                .method(method.clone())
                .set_payload(body.clone());
            let answer = site.send(request).await;
            let start = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
            if !uri.starts_with("/problems/") || answer.status != 200 {
                is_a_problem_of_theirs(&answer, &format!("{method} {uri} {start}"));
            }
        }
    }
}

#[actix_web::test]
async fn no_field_of_the_wrong_type_is_our_fault() {
    for site in Site::open_each().await {
        any_field(&site).await;
    }
}

/// Values that most fields do not take.
fn wrong_values() -> [Value; 15] {
    [
        json!(null),
        json!(true),
        json!(-1),
        json!(1.5),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(""),
        json!("\u{0}"),
        json!("é".repeat(256)),
        json!([]),
        json!([[]]),
        json!({}),
        json!({"a": {"b": []}}),
        json!("9999-12-31T23:59:59Z"),
        json!("-0001-01-01T00:00:00Z"),
    ]
}

async fn any_field(site: &Site) {
    let good = json!({
        "client_id": "c1", "task_type": "t", "capability_required": "text:v1", "input_data": {}, "priority": 1,
        "timeout_seconds": 1, "max_retries": 1, "depends_on": [], "routing_strategy": "round_robin",
        "retry_policy": "fixed", "timeout_policy": "fail", "metadata": {}, "expires_at": "2030-01-01T00:00:00Z",
        "run_at": "2030-01-01T00:00:00Z", "min_trust": 0.5, "heartbeat_timeout_seconds": 5,
        "results_from_dependencies": true,
    });
    let wrong = wrong_values();
    for uri in [
        "/ains/tasks",
        "/aitp/tasks",
        "/ains/tasks/batch",
        "/aitp/tasks/batch",
        "/ains/tasks/graph",
        "/ains/task-chains",
    ] {
        for field in good.as_object().unwrap().keys() {
            for value in &wrong {
                let mut task = good.clone();
                task[field] = value.clone();
                let body = match uri.rsplit('/').next() {
                    Some("batch") => json!({"tasks": [task]}),
                    Some(kind @ ("graph" | "task-chains")) => {
                        task["name"] = json!("a");
                        let client = task.as_object_mut().and_then(|task| task.remove("client_id"));
                        let list = if kind == "graph" { "tasks" } else { "steps" };
                        json!({"client_id": client, "name": "n", list: [task]})
                    }
                    _ => task,
                };
                let answer = site.post(uri, body).await;
                is_a_problem_of_theirs(&answer, &format!("{uri} {field} {value}"));
            }
        }
    }
}

#[actix_web::test]
async fn no_field_of_a_step_is_our_fault() {
    let site = Site::open().await;
    let good = json!({
        "name": "a", "task_type": "t", "capability_required": "text:v1", "input_data": {"a": "${{ item }}"},
        "use_previous_output": true, "depends_on": [], "join": "all", "when": "true", "for_each": "[1, 2]",
        "max_parallel": 1, "tolerate_failures": "5%", "on_failure": "continue",
        "compensate_with": {"task_type": "t", "capability_required": "text:v1"},
    });
    let submit = |step: Value| {
        let body = json!({"client_id": "c1", "name": "n", "steps": [step]});
        let site = site.clone();
        async move { site.post("/ains/task-chains", body).await }
    };
    submit(good.clone()).await.ok();
    for field in good.as_object().unwrap().keys() {
        for value in wrong_values() {
            let mut step = good.clone();
            step[field] = value.clone();
            is_a_problem_of_theirs(&submit(step).await, &format!("{field} {value}"));
            let mut step = good.clone();
            step["for_each"] = Value::Null;
            step["repeat_until"] = value.clone();
            step["max_iterations"] = value.clone();
            step["compensate_with"][field] = value.clone();
            is_a_problem_of_theirs(&submit(step).await, &format!("compensate_with {field} {value}"));
        }
    }
}

#[actix_web::test]
async fn no_field_of_a_schedule_or_a_calendar_is_our_fault() {
    let site = Site::open().await;
    let calendar = json!({
        "name": "off", "client_id": "c1", "description": "d", "weekdays": ["SUN"], "dates": ["2026-01-01"],
        "holidays": [{"country": "DE"}],
    });
    let known = site.post("/ains/calendars", calendar.clone()).await.ok();
    let known = known["calendar_id"].as_str().unwrap();
    let schedule = |when: Value| {
        let fields = json!({
            "name": "n", "client_id": "c1", "timezone": "Europe/Berlin", "start_at": "2020-01-01T00:00:00Z",
            "end_at": "2030-01-01T00:00:00Z", "max_runs": 5, "jitter_seconds": 5, "dst_gap": "skip",
            "dst_fold": "both", "calendars": [{"calendar_id": known, "use": "exclude"}],
            "on_excluded": "next_business_day", "overlap_policy": "skip", "catchup": "all",
            "catchup_window_seconds": 5, "pause_after_failures": 5, "active": true, "task_type": "t",
            "capability_required": "x", "input_data": {}, "metadata": {}, "priority": 1, "min_trust": 0.5,
            "heartbeat_timeout_seconds": 5, "retry_policy": "fixed", "timeout_policy": "fail",
            "routing_strategy": "round_robin", "timeout_seconds": 5, "max_retries": 5,
            "chain": null, "template_id": null,
        });
        with(&fields, &when)
    };
    let whens = [
        json!({"cron_expression": "0 9 * * *"}),
        json!({"interval_seconds": 3600, "anchor_at": "2026-01-01T00:00:00Z"}),
        json!({"run_at": "2029-01-01T00:00:00Z"}),
    ];
    let time =
        json!({"from": "2020-01-01T00:00:00Z", "to": "2020-01-02T00:00:00Z", "overlap_policy": "skip"});
    let chain = json!({"steps": [{"name": "a", "task_type": "t", "capability_required": "x"}], "name": "n", "input": {}});
    for when in whens {
        let good = schedule(when);
        let id = site.schedule(&good).await;
        let uri = format!("/ains/scheduled-tasks/{id}");
        for value in wrong_values() {
            for field in good.as_object().unwrap().keys() {
                let bad = with(&good, &json!({field: value}));
                let what = format!("{field} {value}");
                is_a_problem_of_theirs(&site.submit_schedule(&bad).await, &what);
                let preview = site.post("/ains/scheduled-tasks/preview", bad).await;
                is_a_problem_of_theirs(&preview, &what);
                let change = site.call(Method::PATCH, &uri, json!({field: value})).await;
                is_a_problem_of_theirs(&change, &what);
                if change.status == 200 {
                    site.call(Method::PATCH, &uri, good.clone()).await.ok();
                }
            }
            for field in ["from", "to", "overlap_policy"] {
                let bad = with(&time, &json!({field: value}));
                let filled = site.steer_schedule(&id, "backfill", bad).await;
                is_a_problem_of_theirs(&filled, &format!("{field} {value}"));
            }
            for field in ["steps", "name", "input", "input_data"] {
                let chain = with(&chain, &json!({field: value}));
                let change = site.call(Method::PATCH, &uri, json!({"chain": chain})).await;
                is_a_problem_of_theirs(&change, &format!("chain {field} {value}"));
                if change.status == 200 {
                    site.call(Method::PATCH, &uri, good.clone()).await.ok();
                }
            }
        }
        let from = json!({"from": "0000-01-01T00:00:00Z", "n": 1000});
        let preview = with(&with(&good, &from), &json!({"start_at": null, "end_at": null}));
        site.post("/ains/scheduled-tasks/preview", preview).await.ok();
    }
    for value in wrong_values() {
        for field in calendar.as_object().unwrap().keys() {
            let bad = with(&calendar, &json!({field: value}));
            is_a_problem_of_theirs(
                &site.post("/ains/calendars", bad).await,
                &format!("{field} {value}"),
            );
            let uri = format!("/ains/calendars/{known}");
            let change = site.call(Method::PATCH, &uri, json!({field: value})).await;
            is_a_problem_of_theirs(&change, &format!("{field} {value}"));
        }
    }
}

#[actix_web::test]
async fn no_query_is_our_fault() {
    for site in Site::open_each().await {
        any_query(&site).await;
    }
}

async fn any_query(site: &Site) {
    let fields = [
        "limit",
        "offset",
        "status",
        "client_id",
        "cursor",
        "wait_seconds",
        "days",
        "task_ids",
        "new_priority",
        "timeout_seconds",
        "agent_id",
        "force",
        "cascade",
        "direction",
        "depth",
        "format",
        "graph_id",
        "reason",
        "assigned_agent_id",
        "task_type",
        "created_after",
        "active_only",
        "n",
        "from",
        "to",
        "replace",
    ];
    let values = [
        "",
        "x",
        "-1",
        "0",
        "9223372036854775807",
        "99999999999999999999",
        "%00",
        "%ff",
        "%",
        "a,b,,",
        "1.5",
        "task_",
    ];
    for (method, uri) in operations(site).await {
        if uri.contains("wait") || uri.starts_with("/problems/") || uri == "/openapi.json" {
            continue;
        }
        for value in values {
            let query: Vec<_> = fields.iter().map(|field| format!("{field}={value}")).collect();
            let request = TestRequest::with_uri(&format!("{uri}?{}", query.join("&"))).method(method.clone());
            is_a_problem_of_theirs(&site.send(request).await, &format!("{method} {uri} {value}"));
        }
    }
}

#[actix_web::test]
async fn no_header_is_our_fault() {
    let site = Site::open().await;
    let names = [
        "x-api-key",
        "authorization",
        "idempotency-key",
        "x-request-id",
        "traceparent",
        "content-type",
        "content-encoding",
    ];
    let values = [
        &b""[..],
        b"\xff\xfe",
        b"Basic ",
        b"Basic ====",
        b"Bearer",
        b"gzip",
        &[b'x'; 4000],
    ];
    for name in names {
        for value in values {
            let header = (
                HeaderName::from_static(name),
                HeaderValue::from_bytes(value).unwrap(),
            );
            let request = TestRequest::post()
                .uri("/ains/tasks")
                .set_payload(r#"{"client_id": "c"}"#)
                .insert_header(header);
            let answer = site.send(request).await;
            is_a_problem_of_theirs(&answer, name);
            assert_ne!(answer.status, 200, "{name} {value:?}");
        }
    }
}

#[actix_web::test]
async fn what_is_stored_is_what_was_sent() {
    for site in Site::open_each().await {
        stored_is_sent(&site).await;
    }
}

async fn stored_is_sent(site: &Site) {
    let odd = r#"{"z": 1.0, "a": 1e-400, "é": "\u0000\ud83d\ude00", "n": [ ], "big": 123456789012345678901234567890}"#;
    let body = format!(r#"{{"client_id":"ü","task_type":"t","capability_required":"x","input_data":{odd}}}"#);
    let created = site
        .send(TestRequest::post().uri("/ains/tasks").set_payload(body))
        .await
        .ok();
    let read = site
        .get(&format!("/ains/tasks/{}", created["task_id"].as_str().unwrap()))
        .await;
    let text = String::from_utf8(read.bytes.to_vec()).unwrap();
    assert!(text.contains(odd), "{text}");
    assert_eq!(
        read.ok()["input_data"],
        serde_json::from_str::<Value>(odd).unwrap()
    );
}
