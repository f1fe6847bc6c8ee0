//! What is wrong with a schedule, told by its field.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::schedules::{of_tasks, schedule, with};
use crate::site::{Answer, Site};

/// The status and the messages of a refusal by their places.
fn messages(refused: &Answer) -> (u16, BTreeMap<String, String>) {
    let problem: ains_api::Problem = serde_json::from_value(refused.json()).unwrap();
    let faults = problem.errors.into_iter();
    (
        refused.status,
        faults.map(|fault| (fault.pointer, fault.message)).collect(),
    )
}

fn one(status: u16, place: &str, message: &str) -> (u16, BTreeMap<String, String>) {
    (status, BTreeMap::from([(place.to_owned(), message.to_owned())]))
}

#[actix_web::test]
async fn every_fault_of_a_schedule_is_named_with_its_field() {
    let site = Site::open().await;
    let body = json!({
        "name": "", "client_id": "", "cron_expression": "* * *", "timezone": "Mars/Olympus", "end_at": "soon",
        "max_runs": 0, "jitter_seconds": -1, "dst_gap": "fall_in", "dst_fold": 1, "on_excluded": "cry",
        "calendars": [{"calendar_id": "cal_1", "use": "burn"}, 7], "overlap_policy": "hope", "catchup": "some",
        "catchup_window_seconds": 31_536_001, "pause_after_failures": 0, "anchor_at": "2026-01-01T00:00:00Z",
        "task_type": "", "input_data": [], "priority": 11, "timeout_seconds": 0, "max_retries": 11,
        "routing_strategy": "luck", "retry_policy": "never", "timeout_policy": "wait", "min_trust": 2,
        "heartbeat_timeout_seconds": 0, "metadata": 1, "active": "yes",
    });
    let refused = site.submit_schedule(&body).await;
    let mut faults = refused.faults();
    faults.sort();
    assert_eq!(
        faults,
        [
            "/active",
            "/anchor_at",
            "/calendars/0/use",
            "/calendars/1",
            "/capability_required",
            "/catchup",
            "/catchup_window_seconds",
            "/client_id",
            "/cron_expression",
            "/dst_fold",
            "/dst_gap",
            "/end_at",
            "/heartbeat_timeout_seconds",
            "/input_data",
            "/jitter_seconds",
            "/max_retries",
            "/max_runs",
            "/metadata",
            "/min_trust",
            "/name",
            "/on_excluded",
            "/overlap_policy",
            "/pause_after_failures",
            "/priority",
            "/retry_policy",
            "/routing_strategy",
            "/task_type",
            "/timeout_policy",
            "/timeout_seconds",
            "/timezone",
        ]
    );
    assert_eq!(refused.detail(422), "30 fields are wrong");
    let missing = site.submit_schedule(&json!({})).await;
    assert_eq!(
        missing.faults(),
        [
            "/name",
            "/client_id",
            "/task_type",
            "/capability_required",
            "/cron_expression"
        ]
    );
    let listed = site.get("/ains/scheduled-tasks?active_only=false").await.ok();
    assert_eq!(listed["schedules"], json!([]));
}

#[actix_web::test]
async fn a_fault_of_one_field_says_what_is_wanted() {
    let site = Site::open().await;
    for (fields, place, message) in [
        (
            json!({}),
            "/cron_expression",
            "is missing: one of `cron_expression`, `interval_seconds` and `run_at` is wanted",
        ),
        (
            json!({"interval_seconds": 0}),
            "/interval_seconds",
            "must be between 1 and 31536000",
        ),
        (
            json!({"interval_seconds": 60, "anchor_at": "2026-01-01T00:00:00.000001Z"}),
            "/anchor_at",
            "must be a whole second",
        ),
        (
            json!({"run_at": "2026-02-01T00:00:00Z", "anchor_at": "2026-01-01T00:00:00Z"}),
            "/anchor_at",
            "only with `interval_seconds`",
        ),
        (
            json!({"cron_expression": "@daily", "max_runs": 0}),
            "/max_runs",
            "must be between 1 and 1000000000",
        ),
        (
            json!({"cron_expression": "@daily", "overlap_policy": "x"}),
            "/overlap_policy",
            "must be one of allow_all, skip, buffer_one, buffer_all, cancel_other",
        ),
        (
            json!({"cron_expression": "@daily", "start_at": "2026-02-01T00:00:00Z", "end_at": "2026-01-01T00:00:00Z"}),
            "/end_at",
            "is before start_at, 2026-02-01T00:00:00.000000Z",
        ),
        (
            json!({"interval_seconds": 60, "on_excluded": "next_business_day"}),
            "/on_excluded",
            "slots of an interval below 3600 seconds are not moved, only skipped",
        ),
        (
            json!({"run_at": "tomorrow"}),
            "/run_at",
            "`tomorrow` is not an RFC 3339 instant such as 2026-01-02T03:04:05Z",
        ),
    ] {
        let refused = site.submit_schedule(&of_tasks(&fields)).await;
        assert_eq!(messages(&refused), one(422, place, message), "{fields}");
    }
    let calendar = json!({"calendar_id": "cal_00000000000070008000000000000000", "use": "only"});
    let twice = json!({"cron_expression": "@daily", "calendars": [calendar, calendar]});
    let refused = site.submit_schedule(&of_tasks(&twice)).await;
    assert_eq!(refused.faults(), ["/calendars/1"]);
    let many = json!({"cron_expression": "@daily", "calendars": vec![calendar; 11]});
    let refused = site.submit_schedule(&of_tasks(&many)).await;
    assert_eq!(
        messages(&refused),
        one(422, "/calendars", "must have at most 10 elements")
    );
}

#[actix_web::test]
async fn several_ways_to_say_when_are_all_named() {
    let site = Site::open().await;
    let all = json!({"cron_expression": "@daily", "interval_seconds": 60, "run_at": "2026-02-01T00:00:00Z"});
    let refused = site.submit_schedule(&of_tasks(&all)).await;
    let (status, told) = messages(&refused);
    assert_eq!((status, told.len()), (422, 3));
    assert_eq!(
        told["/run_at"],
        "not together with `cron_expression` and `interval_seconds`"
    );
    let two = json!({"cron_expression": "no", "interval_seconds": 0});
    let (_, told) = messages(&site.submit_schedule(&of_tasks(&two)).await);
    assert_eq!(
        told.into_iter().collect::<Vec<_>>(),
        [
            (
                "/cron_expression".to_owned(),
                "not together with `interval_seconds`".to_owned()
            ),
            (
                "/interval_seconds".to_owned(),
                "not together with `cron_expression`".to_owned()
            ),
        ]
    );
}

#[actix_web::test]
async fn an_expression_that_means_nothing_is_told_with_its_position() {
    let site = Site::open().await;
    for (text, message) in [
        ("* 25 * * *", "at 3: the hour `25` is not from 0 to 23"),
        ("0 0 30 2 *", "at 5: it never fires: no year has such a date"),
        ("", ""),
        ("ä * * * *", "at 1: "),
        ("0 0 * * * MOON", "at 11: "),
    ] {
        let refused = site
            .submit_schedule(&of_tasks(&json!({"cron_expression": text})))
            .await;
        let detail = refused.detail(400);
        assert_eq!(refused.json()["type"], "/problems/bad-request");
        let (_, told) = messages(&refused);
        let told = &told["/cron_expression"];
        assert!(told.starts_with(message), "{text}: {told}");
        assert_eq!(detail, format!("/cron_expression {told}"));
    }
}

#[actix_web::test]
async fn a_zone_that_there_is_not_is_told_and_with_the_expression() {
    let site = Site::open().await;
    let zone = "`Mars/Olympus` is not the name of a time zone, such as Europe/Berlin";
    let bad = json!({"cron_expression": "@daily", "timezone": "Mars/Olympus"});
    let refused = site.submit_schedule(&of_tasks(&bad)).await;
    assert_eq!(messages(&refused), one(400, "/timezone", zone));
    let worse = with(&bad, &json!({"cron_expression": "@never"}));
    let refused = site.submit_schedule(&of_tasks(&worse)).await;
    let (status, told) = messages(&refused);
    assert_eq!(
        (status, told.keys().map(String::as_str).collect::<Vec<_>>()),
        (400, vec!["/cron_expression", "/timezone"])
    );
    let worst = with(&worse, &json!({"priority": 0}));
    let refused = site.submit_schedule(&of_tasks(&worst)).await;
    assert_eq!(refused.faults().len(), 3);
    let preview = site.post("/ains/scheduled-tasks/preview", worse).await;
    assert_eq!(messages(&preview).0, 400);
}

#[actix_web::test]
async fn a_schedule_without_a_slot_is_refused() {
    let site = Site::open().await;
    for when in [
        json!({"run_at": "2025-12-31T23:59:59Z"}),
        json!({"run_at": "2026-01-01T00:00:00Z"}),
        json!({"cron_expression": "@yearly", "end_at": "2026-12-31T00:00:00Z"}),
        json!({"interval_seconds": 60, "end_at": "2026-01-01T00:00:59Z"}),
    ] {
        let refused = site.submit_schedule(&of_tasks(&when)).await;
        assert_eq!(
            refused.detail(400),
            "The schedule has no slot from now on",
            "{when}"
        );
    }
}

#[actix_web::test]
async fn a_calendar_that_there_is_not_is_not_found() {
    let site = Site::open().await;
    let unknown = "cal_00000000000070008000000000000000";
    let calendar = json!({"name": "off", "client_id": "c2", "weekdays": ["SUN"]});
    let others = site.post("/ains/calendars", calendar).await.ok();
    let others = others["calendar_id"].as_str().unwrap();
    for id in [unknown, "cal_1", others] {
        let fields =
            json!({"cron_expression": "@daily", "calendars": [{"calendar_id": id, "use": "exclude"}]});
        let detail = format!("Calendar {id} not found");
        let body = of_tasks(&fields);
        assert_eq!(site.submit_schedule(&body).await.detail(404), detail);
        let preview = site.post("/ains/scheduled-tasks/preview", body).await;
        assert_eq!(preview.detail(404), detail);
        let faulty = of_tasks(&with(&fields, &json!({"max_runs": 0})));
        assert_eq!(site.submit_schedule(&faulty).await.faults(), ["/max_runs"]);
    }
}

#[actix_web::test]
async fn the_faults_of_a_chain_are_told_below_it() {
    let site = Site::open().await;
    let submit = |chain: Value| {
        let (site, body) = (
            site.clone(),
            schedule(&json!({"cron_expression": "@daily", "chain": chain})),
        );
        async move { messages(&site.submit_schedule(&body).await) }
    };
    let step = |name: &str| json!({"name": name, "task_type": "t", "capability_required": "x"});
    for (chain, place, message) in [
        (json!([]), "/chain", "must be an object"),
        (json!({}), "/chain/steps", "is missing"),
        (
            json!({"steps": []}),
            "/chain/steps",
            "must have 1 to 1000 elements",
        ),
        (
            json!({"steps": [step("a")], "input": 1}),
            "/chain/input",
            "must be an object",
        ),
        (
            json!({"steps": [with(&step("a"), &json!({"priority": 0}))]}),
            "/chain/steps/0/priority",
            "in step `a`: must be between 1 and 10",
        ),
        (
            json!({"steps": [step("a"), with(&step("b"), &json!({"when": "inputs"}))]}),
            "/chain/steps/1/when",
            "in step `b`: at 1: unknown name `inputs`",
        ),
        (
            json!({"steps": [step("a"), step("a")]}),
            "/chain/steps/1/name",
            "in step `a`: `a` is the name of step 0, too",
        ),
    ] {
        assert_eq!(submit(chain.clone()).await, one(422, place, message), "{chain}");
    }
    let (_, told) = submit(json!({"name": "", "steps": [json!({"name": "a"})], "input": []})).await;
    assert_eq!(
        told.keys().map(String::as_str).collect::<Vec<_>>(),
        [
            "/chain/input",
            "/chain/name",
            "/chain/steps/0/capability_required",
            "/chain/steps/0/task_type"
        ]
    );
}

#[actix_web::test]
async fn a_schedule_makes_tasks_or_chains_but_not_both() {
    let site = Site::open().await;
    let chain = json!({"steps": [{"name": "a", "task_type": "t", "capability_required": "x"}]});
    let body = of_tasks(&json!({"cron_expression": "@daily", "chain": chain, "priority": 5}));
    let (status, told) = messages(&site.submit_schedule(&body).await);
    assert_eq!(status, 422);
    assert_eq!(
        told.keys().map(String::as_str).collect::<Vec<_>>(),
        ["/capability_required", "/input_data", "/priority", "/task_type"]
    );
    assert_eq!(told["/task_type"], "not together with `chain`");
}
