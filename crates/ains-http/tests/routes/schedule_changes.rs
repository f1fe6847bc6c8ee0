//! What a change of a schedule leaves, replaces and puts back.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::{Value, json};

use crate::schedules::{NOW, of_tasks, schedule, with};
use crate::site::{Answer, Site};

impl Site {
    async fn patch_schedule(&self, id: &str, body: Value) -> Answer {
        self.call(Method::PATCH, &format!("/ains/scheduled-tasks/{id}"), body)
            .await
    }

    /// Changes a schedule, and gives those of its fields that are other than before.
    async fn changed(&self, id: &str, body: Value) -> Value {
        let before = self.of_schedule(id, "").await;
        let answer = self.patch_schedule(id, body).await.ok();
        let after = self.of_schedule(id, "").await;
        assert_eq!(
            answer,
            json!({
                "schedule_id": id, "message": "Schedule updated successfully", "active": after["active"],
                "next_run_at": after["next_run_at"],
            })
        );
        let fields = before.as_object().unwrap().keys();
        let gone = fields.filter(|field| after.get(field).is_none());
        let mut changed: Value = gone.map(|field| (field.clone(), json!("gone"))).collect();
        for (field, value) in after.as_object().unwrap() {
            if before.get(field) != Some(value) {
                changed[field] = value.clone();
            }
        }
        changed
    }
}

fn a_chain() -> Value {
    json!({"steps": [{"name": "a", "task_type": "t", "capability_required": "x"}]})
}

#[actix_web::test]
async fn a_change_leaves_what_it_does_not_name() {
    let site = Site::open().await;
    let body = of_tasks(&json!({
        "cron_expression": "@hourly", "timezone": "Europe/Berlin", "max_runs": 9, "jitter_seconds": 5,
        "metadata": {"a": 1.0}, "min_trust": 0.25, "pause_after_failures": 2,
    }));
    let id = site.schedule(&body).await;
    assert_eq!(site.changed(&id, json!({})).await, json!({}));
    assert_eq!(
        site.changed(&id, json!({"name": "other", "colour": "red", "client_id": "c1"}))
            .await,
        json!({"name": "other"})
    );
    assert_eq!(
        site.changed(&id, json!({"priority": 9, "input_data": {"n": 2.50}}))
            .await,
        json!({"priority": 9, "input_data": {"n": 2.50}})
    );
    assert_eq!(
        site.changed(&id, json!({"jitter_seconds": 0, "cron_expression": "@daily"}))
            .await,
        json!({
            "cron_expression": "@daily", "description": "at 00:00 every day, Europe/Berlin", "jitter_seconds": 0,
            "next_run_at": "2026-01-01T23:00:00.000000Z", "next_slot_at": "2026-01-01T23:00:00.000000Z",
        })
    );
}

#[actix_web::test]
async fn null_puts_a_field_back_to_its_default() {
    let site = Site::open().await;
    let body = of_tasks(&json!({
        "interval_seconds": 60, "anchor_at": "2025-12-31T23:59:30Z", "timezone": "Europe/Berlin", "max_runs": 9,
        "start_at": "2025-01-01T00:00:00Z", "end_at": "2027-01-01T00:00:00Z", "overlap_policy": "skip",
        "catchup": "none", "catchup_window_seconds": 1, "pause_after_failures": 1, "metadata": {}, "priority": 1,
        "max_retries": 0, "retry_policy": "fixed", "dst_gap": "skip",
    }));
    let id = site.schedule(&body).await;
    let back = json!({
        "timezone": null, "max_runs": null, "start_at": null, "end_at": null, "overlap_policy": null, "catchup": null,
        "catchup_window_seconds": null, "pause_after_failures": null, "metadata": null, "priority": null,
        "max_retries": null, "retry_policy": null, "input_data": null, "dst_gap": null, "anchor_at": null,
        "name": null, "active": null, "client_id": null, "run_at": null,
    });
    assert_eq!(
        site.changed(&id, back).await,
        json!({
            "timezone": "UTC", "max_runs": "gone", "start_at": "gone", "end_at": "gone",
            "overlap_policy": "allow_all", "catchup": "last", "catchup_window_seconds": 3600,
            "pause_after_failures": "gone", "metadata": "gone", "priority": 5, "max_retries": 3,
            "retry_policy": "exponential", "input_data": {}, "dst_gap": "run_after", "anchor_at": NOW,
            "next_run_at": "2026-01-01T00:01:00.000000Z", "next_slot_at": "2026-01-01T00:01:00.000000Z",
        })
    );
    assert_eq!(
        site.patch_schedule(&id, json!({"interval_seconds": null}))
            .await
            .faults(),
        ["/anchor_at", "/cron_expression"]
    );
    assert_eq!(
        site.patch_schedule(&id, json!({"task_type": null, "capability_required": null}))
            .await
            .faults(),
        ["/task_type", "/capability_required"]
    );
}

#[actix_web::test]
async fn one_way_to_say_when_replaces_another() {
    let site = Site::open().await;
    let id = site
        .schedule(&of_tasks(&json!({"cron_expression": "@hourly"})))
        .await;
    let (minute, hour) = ("2026-01-01T00:01:00.000000Z", "2026-01-01T01:00:00.000000Z");
    assert_eq!(
        site.changed(&id, json!({"interval_seconds": 60})).await,
        json!({
            "cron_expression": "gone", "interval_seconds": 60, "anchor_at": NOW, "description": "every minute",
            "next_run_at": minute, "next_slot_at": minute,
        })
    );
    let anchor = "2026-01-01T00:00:10.000000Z";
    site.patch_schedule(&id, json!({"anchor_at": anchor})).await.ok();
    let changed = site.changed(&id, json!({"interval_seconds": 120})).await;
    assert_eq!(
        (&changed["interval_seconds"], changed.get("anchor_at")),
        (&json!(120), None),
        "the anchor stays"
    );
    assert_eq!(
        site.changed(&id, json!({"run_at": hour})).await,
        json!({
            "interval_seconds": "gone", "anchor_at": "gone", "run_at": hour,
            "description": format!("once, at {hour}"), "next_run_at": hour, "next_slot_at": hour,
        })
    );
    let two = json!({"cron_expression": "@daily", "interval_seconds": 5});
    assert_eq!(
        site.patch_schedule(&id, two).await.faults(),
        ["/cron_expression", "/interval_seconds"]
    );
    let past = site.patch_schedule(&id, json!({"run_at": NOW})).await;
    assert_eq!(past.detail(400), "The schedule has no slot from now on");
    assert_eq!(site.of_schedule(&id, "").await["run_at"], hour);
}

#[actix_web::test]
async fn a_chain_replaces_a_task_and_a_task_a_chain() {
    let site = Site::open().await;
    let id = site
        .schedule(&of_tasks(&json!({"cron_expression": "@hourly", "priority": 9})))
        .await;
    site.patch_schedule(&id, json!({"chain": a_chain()})).await.ok();
    let read = site.of_schedule(&id, "").await;
    assert_eq!(read["chain"]["name"], "test");
    assert!(read.get("task_type").is_none() && read.get("priority").is_none());

    // What is made is left alone by a change of something else.
    assert_eq!(
        site.changed(&id, json!({"name": "other"})).await,
        json!({"name": "other"})
    );
    assert_eq!(
        site.patch_schedule(&id, json!({"priority": 3})).await.json()["detail"],
        "/priority not together with `chain`"
    );
    assert_eq!(
        site.patch_schedule(&id, json!({"chain": null})).await.faults(),
        ["/task_type", "/capability_required"]
    );
    let task = json!({"task_type": "job", "capability_required": "x"});
    site.patch_schedule(&id, task).await.ok();
    let read = site.of_schedule(&id, "").await;
    assert_eq!(
        (&read["task_type"], &read["priority"], read.get("chain")),
        (&json!("job"), &json!(5), None)
    );
    assert_eq!(
        site.changed(&id, json!({"chain": null, "priority": 2})).await,
        json!({"priority": 2})
    );
    let both = json!({"chain": a_chain(), "task_type": "t"});
    assert_eq!(site.patch_schedule(&id, both).await.faults(), ["/task_type"]);
}

#[actix_web::test]
async fn a_change_pauses_and_resumes() {
    let site = Site::open().await;
    let id = site
        .schedule(&of_tasks(&json!({"cron_expression": "@hourly"})))
        .await;
    let next = "2026-01-01T01:00:00.000000Z";
    assert_eq!(
        site.changed(&id, json!({"active": false})).await,
        json!({
            "active": false, "standing": "paused", "paused_reason": "paused by a client", "next_run_at": null,
            "next_slot_at": null,
        })
    );
    assert_eq!(
        site.changed(&id, json!({"priority": 1})).await,
        json!({"priority": 1}),
        "it stays paused"
    );
    assert_eq!(
        site.changed(&id, json!({"active": true})).await,
        json!({
            "active": true, "standing": "active", "paused_reason": null, "next_run_at": next, "next_slot_at": next,
        })
    );
}

#[actix_web::test]
async fn a_change_is_checked_as_a_creation_is() {
    let site = Site::open().await;
    let id = site
        .schedule(&of_tasks(
            &json!({"cron_expression": "@hourly", "start_at": "2026-02-01T00:00:00Z"}),
        ))
        .await;
    for (change, status, places) in [
        (
            json!({"cron_expression": "* 25 * * *"}),
            400,
            vec!["/cron_expression"],
        ),
        (json!({"timezone": "Mars/Olympus"}), 400, vec!["/timezone"]),
        (
            json!({"timezone": "x", "max_runs": 0}),
            422,
            vec!["/timezone", "/max_runs"],
        ),
        (
            json!({"name": "", "input_data": 1}),
            422,
            vec!["/name", "/input_data"],
        ),
        (json!({"end_at": "2026-01-15T00:00:00Z"}), 422, vec!["/end_at"]),
        (json!({"client_id": "c2"}), 422, vec!["/client_id"]),
        (json!({"template_id": "tmpl_1"}), 404, vec![]),
        (json!({"active": 1}), 422, vec!["/active"]),
        (json!({"chain": {"steps": []}}), 422, vec!["/chain/steps"]),
    ] {
        let refused = site.patch_schedule(&id, change.clone()).await;
        let problem: ains_api::Problem = serde_json::from_value(refused.json()).unwrap();
        let mut told: Vec<_> = problem.errors.iter().map(|fault| &*fault.pointer).collect();
        let mut places = places;
        told.sort_unstable();
        places.sort_unstable();
        assert_eq!((refused.status, told), (status, places), "{change}");
    }
    let unknown = json!({"calendars": [{"calendar_id": "cal_1", "use": "only"}]});
    assert_eq!(
        site.patch_schedule(&id, unknown).await.detail(404),
        "Calendar cal_1 not found"
    );
    let twice = TestRequest::patch()
        .uri(&format!("/ains/scheduled-tasks/{id}"))
        .set_payload(r#"{"max_runs": 1, "max_runs": 2}"#);
    assert_eq!(site.send(twice).await.faults(), ["/max_runs"]);
    assert_eq!(site.of_schedule(&id, "").await.get("max_runs"), None);
}

#[actix_web::test]
async fn changes_at_the_same_time_are_all_made() {
    let site = Site::open().await;
    let id = site
        .schedule(&of_tasks(&json!({"cron_expression": "@hourly"})))
        .await;
    let changes = [
        json!({"priority": 1}),
        json!({"max_runs": 2}),
        json!({"timeout_seconds": 3}),
        json!({"name": "four"}),
    ];
    let made = changes
        .iter()
        .map(|change| site.patch_schedule(&id, change.clone()));
    for answer in futures_util::future::join_all(made).await {
        answer.ok();
    }
    let read = site.of_schedule(&id, "").await;
    for change in &changes {
        assert_eq!(with(&read, change), read);
    }
    // Nothing has been made by all that.
    assert_eq!(site.get("/ains/tasks").await.ok()["tasks"], json!([]));
    let other = schedule(&json!({"cron_expression": "@daily", "chain": a_chain()}));
    site.submit_schedule(&other).await.ok();
}
