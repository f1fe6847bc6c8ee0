//! Schedules: how they are made, read, listed, paused, resumed and removed.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::{Value, json};

use crate::site::{Answer, Site};

/// An id that no schedule has.
pub(crate) const NOBODY: &str = "sched_00000000000070008000000000000000";

/// When everything happens, a Thursday.
pub(crate) const NOW: &str = "2026-01-01T00:00:00.000000Z";

/// A schedule with these fields besides its name and whose it is.
pub(crate) fn schedule(fields: &Value) -> Value {
    with(&json!({"name": "test", "client_id": "c1"}), fields)
}

/// One that makes tasks for `text:v1`.
pub(crate) fn of_tasks(fields: &Value) -> Value {
    with(
        &schedule(&json!({"task_type": "job", "capability_required": "text:v1", "input_data": {"n": 1}})),
        fields,
    )
}

/// `body` with more fields, or others in their place.
pub(crate) fn with(body: &Value, fields: &Value) -> Value {
    let mut body = body.clone();
    for (field, value) in fields.as_object().unwrap() {
        body[field] = value.clone();
    }
    body
}

impl Site {
    pub(crate) async fn submit_schedule(&self, body: &Value) -> Answer {
        self.post("/ains/scheduled-tasks", body.clone()).await
    }

    /// Creates a schedule and gives its id.
    pub(crate) async fn schedule(&self, body: &Value) -> String {
        let created = self.submit_schedule(body).await.ok();
        created["schedule_id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn of_schedule(&self, id: &str, what: &str) -> Value {
        self.get(&format!("/ains/scheduled-tasks/{id}{what}")).await.ok()
    }

    pub(crate) async fn steer_schedule(&self, id: &str, verb: &str, body: Value) -> Answer {
        self.post(&format!("/ains/scheduled-tasks/{id}/{verb}"), body)
            .await
    }
}

#[actix_web::test]
async fn a_schedule_is_created_read_and_listed_as_the_original_did() {
    let site = Site::open().await;
    let body =
        of_tasks(&json!({"cron_expression": "30 2 * * *", "timezone": "Europe/Berlin", "priority": 7}));
    let created = site.submit_schedule(&body).await.ok();
    let id = created["schedule_id"].as_str().unwrap();
    assert!(id.starts_with("sched_") && id.len() == 38, "{id}");
    let next = "2026-01-01T01:30:00.000000Z";
    assert_eq!(
        created,
        json!({
            "schedule_id": id, "name": "test", "cron_expression": "30 2 * * *", "timezone": "Europe/Berlin",
            "description": "at 02:30 every day, Europe/Berlin", "active": true, "next_run_at": next,
            "created_at": NOW,
        })
    );
    let listed = site.get("/ains/scheduled-tasks").await.ok();
    assert_eq!(
        listed,
        json!({
            "schedules": [{
                "schedule_id": id, "name": "test", "client_id": "c1", "cron_expression": "30 2 * * *",
                "description": "at 02:30 every day, Europe/Berlin", "task_type": "job", "chain_name": null,
                "active": true, "standing": "active", "paused_reason": null, "ended_reason": null,
                "last_run_at": null, "next_run_at": next, "total_runs": 0, "successful_runs": 0,
                "failed_runs": 0, "created_at": NOW,
            }],
            "next_cursor": null,
        })
    );
    assert_eq!(
        site.of_schedule(id, "").await,
        json!({
            "schedule_id": id, "name": "test", "client_id": "c1", "description": "at 02:30 every day, Europe/Berlin",
            "active": true, "standing": "active", "paused_reason": null, "ended_reason": null, "next_run_at": next,
            "next_slot_at": next, "last_run_at": null, "total_runs": 0, "successful_runs": 0, "failed_runs": 0,
            "failures_in_a_row": 0, "open_runs": 0, "buffered": 0, "fired": 0, "created_at": NOW, "updated_at": NOW,
            "cron_expression": "30 2 * * *", "timezone": "Europe/Berlin", "jitter_seconds": 0,
            "dst_gap": "run_after", "dst_fold": "first", "calendars": [], "on_excluded": "skip",
            "overlap_policy": "allow_all", "catchup": "last", "catchup_window_seconds": 3600, "task_type": "job",
            "capability_required": "text:v1", "input_data": {"n": 1}, "priority": 7, "timeout_seconds": 300,
            "max_retries": 3, "routing_strategy": "round_robin", "retry_policy": "exponential",
            "timeout_policy": "retry", "min_trust": 0.0,
        })
    );
}

#[actix_web::test]
async fn a_schedule_says_again_what_was_submitted() {
    let site = Site::open().await;
    let calendar = site
        .post(
            "/ains/calendars",
            json!({"name": "off", "client_id": "c1", "weekdays": ["SUN"]}),
        )
        .await
        .ok();
    let body = schedule(&json!({
        "interval_seconds": 86_400, "anchor_at": "2026-01-01T06:00:00.000000Z", "timezone": "Asia/Tokyo",
        "start_at": "2026-01-02T00:00:00.000000Z", "end_at": "2026-02-01T00:00:00.000000Z", "max_runs": 5,
        "jitter_seconds": 60, "dst_gap": "skip", "dst_fold": "both",
        "calendars": [{"calendar_id": calendar["calendar_id"], "use": "exclude"}],
        "on_excluded": "next_business_day", "overlap_policy": "buffer_one", "catchup": "all",
        "catchup_window_seconds": 60, "pause_after_failures": 3,
        "task_type": "job", "capability_required": "Text:V1", "input_data": {"n": 1.50}, "priority": 9,
        "timeout_seconds": 7, "max_retries": 0, "routing_strategy": "least_loaded", "retry_policy": "fixed",
        "timeout_policy": "fail", "min_trust": 0.5, "heartbeat_timeout_seconds": 3, "metadata": {"why": "so"},
        "active": false,
    }));
    let id = site
        .schedule(&with(&body, &json!({"colour": "red", "chain": null})))
        .await;
    let read = site.of_schedule(&id, "").await;
    for (field, value) in body.as_object().unwrap() {
        assert_eq!(&read[field], value, "{field}");
    }
    assert_eq!(read["description"], "every day");
    assert_eq!(
        (&read["standing"], &read["paused_reason"], &read["next_run_at"]),
        (&json!("paused"), &json!("paused by a client"), &Value::Null)
    );
    for absent in ["cron_expression", "run_at", "chain", "colour"] {
        assert!(read.get(absent).is_none(), "{absent}");
    }
}

#[actix_web::test]
async fn a_schedule_may_make_chains() {
    let site = Site::open().await;
    let chain = json!({
        "name": "nightly", "input": {"n": 1},
        "steps": [
            {"name": "a", "task_type": "job", "capability_required": "text:v1", "tolerate_failures": "5%",
                "for_each": "input.list"},
            {"name": "b", "task_type": "job", "capability_required": "text:v1", "when": "input.n > 0"},
        ],
    });
    let id = site
        .schedule(&schedule(&json!({"cron_expression": "@daily", "chain": chain})))
        .await;
    let read = site.of_schedule(&id, "").await;
    for field in ["name", "input"] {
        assert_eq!(read["chain"][field], chain[field]);
    }
    for (index, step) in chain["steps"].as_array().unwrap().iter().enumerate() {
        for (field, value) in step.as_object().unwrap() {
            assert_eq!(&read["chain"]["steps"][index][field], value, "{field}");
        }
    }
    assert!(read.get("task_type").is_none() && read.get("input_data").is_none());
    let listed = site.get("/ains/scheduled-tasks").await.ok();
    let listed = &listed["schedules"][0];
    assert_eq!(
        (&listed["task_type"], &listed["chain_name"]),
        (&Value::Null, &json!("nightly"))
    );

    let plain = json!({"steps": [{"name": "a", "task_type": "job", "capability_required": "x"}], "input_data": {"m": 2}});
    let id = site
        .schedule(&schedule(&json!({"cron_expression": "@daily", "chain": plain})))
        .await;
    let read = site.of_schedule(&id, "").await;
    assert_eq!(
        (&read["chain"]["name"], &read["chain"]["input"]),
        (&json!("test"), &json!({"m": 2}))
    );
}

#[actix_web::test]
async fn there_are_three_ways_to_say_when() {
    let site = Site::open().await;
    for (when, description, next, said) in [
        (
            json!({"cron_expression": " 0 0 9 ? * MON#1 "}),
            "at 09:00 on the first Monday of the month, UTC",
            "2026-01-05T09:00:00.000000Z",
            json!({"cron_expression": "0 0 9 ? * MON#1"}),
        ),
        (
            json!({"interval_seconds": 90}),
            "every 90 seconds",
            "2026-01-01T00:01:30.000000Z",
            json!({"anchor_at": NOW}),
        ),
        (
            json!({"interval_seconds": 3600, "anchor_at": "2020-01-01T00:20:00+01:00"}),
            "every hour",
            "2026-01-01T00:20:00.000000Z",
            json!({"anchor_at": "2019-12-31T23:20:00.000000Z"}),
        ),
        (
            json!({"run_at": "2026-01-01T00:00:00.25Z"}),
            "once, at 2026-01-01T00:00:00.250000Z",
            "2026-01-01T00:00:00.250000Z",
            json!({"run_at": "2026-01-01T00:00:00.250000Z"}),
        ),
    ] {
        let created = site.submit_schedule(&of_tasks(&when)).await.ok();
        assert_eq!(
            (&created["description"], &created["next_run_at"]),
            (&json!(description), &json!(next))
        );
        let read = site
            .of_schedule(created["schedule_id"].as_str().unwrap(), "")
            .await;
        for (field, value) in said.as_object().unwrap() {
            assert_eq!(&read[field], value);
        }
        assert_eq!(
            created["cron_expression"],
            said.get("cron_expression").cloned().unwrap_or_default()
        );
    }
}

#[actix_web::test]
async fn the_same_key_makes_one_schedule() {
    let site = Site::open().await;
    let send = |body: Value| {
        let request = TestRequest::post()
            .uri("/ains/scheduled-tasks")
            .insert_header(("idempotency-key", "k1"));
        site.send(request.set_json(body))
    };
    let body = of_tasks(&json!({"cron_expression": "@hourly"}));
    let first = send(body.clone()).await;
    first.ok();
    assert_eq!(send(body).await.bytes, first.bytes);
    let listed = site.get("/ains/scheduled-tasks").await.ok();
    assert_eq!(listed["schedules"].as_array().unwrap().len(), 1);
    let other = send(of_tasks(&json!({"cron_expression": "@daily"}))).await;
    assert_eq!(other.json()["type"], "/problems/idempotency-key-reused");
}

#[actix_web::test]
async fn schedules_are_listed_in_pages_newest_first() {
    let site = Site::open().await;
    let mut ids = Vec::new();
    for client in ["c1", "c2", "c1", "c1"] {
        let body = of_tasks(&json!({"cron_expression": "@hourly", "client_id": client}));
        ids.insert(0, site.schedule(&body).await);
    }
    site.steer_schedule(&ids[0], "pause", json!({})).await.ok();
    let listed = |answer: &Answer| -> (Vec<String>, Option<String>) {
        let list: ains_api::ScheduleList = serde_json::from_value(answer.ok()).unwrap();
        let ids = list.schedules.into_iter().map(|one| one.schedule_id);
        (ids.collect(), list.next_cursor)
    };
    for (query, expected) in [
        ("", vec![&ids[1], &ids[2], &ids[3]]),
        ("?active_only=true", vec![&ids[1], &ids[2], &ids[3]]),
        ("?active_only=false", vec![&ids[0], &ids[1], &ids[2], &ids[3]]),
        ("?client_id=c1", vec![&ids[1], &ids[3]]),
        ("?client_id=c1&active_only=false", vec![&ids[0], &ids[1], &ids[3]]),
        ("?client_id=nobody", vec![]),
    ] {
        let answer = site.get(&format!("/ains/scheduled-tasks{query}")).await;
        assert_eq!(listed(&answer).0.iter().collect::<Vec<_>>(), expected, "{query}");
        assert_eq!(answer.header("link"), "");
    }
    let uri = "/ains/scheduled-tasks?client_id=c1&active_only=false&limit=2";
    let first = site.get(uri).await;
    assert_eq!(listed(&first), (ids[..2].to_vec(), Some(ids[1].clone())));
    let next = format!("{uri}&cursor={}", ids[1]);
    assert_eq!(first.header("link"), format!("<{next}>; rel=\"next\""));
    assert_eq!(listed(&site.get(&next).await), (vec![ids[3].clone()], None));
    let refused = site
        .get("/ains/scheduled-tasks?limit=201&active_only=some&cursor=x&client_id=")
        .await;
    let mut faults = refused.faults();
    faults.sort();
    assert_eq!(faults, ["active_only", "client_id", "cursor", "limit"]);
}

#[actix_web::test]
async fn a_schedule_that_there_is_not_is_not_found() {
    let site = Site::open().await;
    for id in [NOBODY, "c1"] {
        for what in ["", "/slots", "/preview"] {
            let refused = site.get(&format!("/ains/scheduled-tasks/{id}{what}")).await;
            assert_eq!(refused.detail(404), "Schedule not found", "{what}");
        }
        for verb in ["run-now", "pause", "resume"] {
            let refused = site.steer_schedule(id, verb, json!({})).await;
            assert_eq!(refused.detail(404), "Schedule not found", "{verb}");
        }
        let time = json!({"from": NOW, "to": NOW});
        let refused = site.steer_schedule(id, "backfill", time).await;
        assert_eq!(refused.detail(404), "Schedule not found");
        for method in [Method::PATCH, Method::DELETE] {
            let uri = format!("/ains/scheduled-tasks/{id}");
            let refused = site.call(method, &uri, json!({})).await;
            assert_eq!(refused.detail(404), "Schedule not found");
        }
    }
}

#[actix_web::test]
async fn a_schedule_is_paused_resumed_and_removed() {
    let site = Site::open().await;
    let id = site
        .schedule(&of_tasks(&json!({"cron_expression": "@hourly"})))
        .await;
    let next = "2026-01-01T01:00:00.000000Z";
    let summary = json!({
        "schedule_id": id, "name": "test", "client_id": "c1", "cron_expression": "@hourly",
        "description": "every hour, UTC", "task_type": "job", "chain_name": null, "active": false,
        "standing": "paused", "paused_reason": "holidays", "ended_reason": null, "last_run_at": null,
        "next_run_at": null, "total_runs": 0, "successful_runs": 0, "failed_runs": 0, "created_at": NOW,
    });
    let paused = site
        .steer_schedule(&id, "pause", json!({"reason": "holidays"}))
        .await
        .ok();
    assert_eq!(
        paused,
        with(&summary, &json!({"description": paused["description"]}))
    );
    assert_eq!(
        site.steer_schedule(&id, "pause", json!({})).await.ok()["paused_reason"],
        "holidays",
        "it was paused before"
    );
    let resumed = site.steer_schedule(&id, "resume", json!({})).await.ok();
    let changed = json!({
        "active": true, "standing": "active", "paused_reason": null, "next_run_at": next,
        "description": paused["description"],
    });
    assert_eq!(resumed, with(&summary, &changed));
    let without_reason = site.steer_schedule(&id, "pause", json!({})).await.ok();
    assert_eq!(without_reason["paused_reason"], "paused by a client");
    for (body, fault) in [
        (json!({"reason": "a\u{0}b"}), "/reason"),
        (json!({"colour": "red"}), "/colour"),
    ] {
        assert_eq!(site.steer_schedule(&id, "pause", body).await.faults(), [fault]);
    }

    let uri = format!("/ains/scheduled-tasks/{id}");
    let removed = site.call(Method::DELETE, &uri, json!({})).await.ok();
    assert_eq!(
        removed,
        json!({"schedule_id": id, "message": "Schedule deleted successfully"})
    );
    assert_eq!(site.get(&uri).await.detail(404), "Schedule not found");
    assert_eq!(
        site.call(Method::DELETE, &uri, json!({})).await.detail(404),
        "Schedule not found"
    );
}

#[actix_web::test]
async fn a_schedule_that_has_ended_is_not_resumed() {
    let site = Site::open().await;
    let body = of_tasks(&json!({"cron_expression": "@hourly", "max_runs": 1}));
    let id = site.schedule(&body).await;
    // A backfill does not count, so it ends by its time.
    let change = json!({"end_at": "2026-01-01T01:00:00Z"});
    let uri = format!("/ains/scheduled-tasks/{id}");
    site.call(Method::PATCH, &uri, change).await.ok();
    let refused = site
        .call(Method::PATCH, &uri, json!({"end_at": "2026-01-01T00:30:00Z"}))
        .await;
    assert_eq!(refused.detail(400), "The schedule has no slot from now on");
    assert_eq!(
        site.of_schedule(&id, "").await["end_at"],
        "2026-01-01T01:00:00.000000Z"
    );
}

#[actix_web::test]
async fn other_methods_are_refused() {
    let site = Site::open().await;
    for (method, uri) in [
        (Method::DELETE, "/ains/scheduled-tasks".to_owned()),
        (Method::GET, "/ains/scheduled-tasks/preview".to_owned()),
        (Method::POST, format!("/ains/scheduled-tasks/{NOBODY}")),
        (Method::POST, format!("/ains/scheduled-tasks/{NOBODY}/preview")),
        (Method::GET, format!("/ains/scheduled-tasks/{NOBODY}/run-now")),
    ] {
        site.call(method, &uri, json!({})).await.detail(405);
    }
}
