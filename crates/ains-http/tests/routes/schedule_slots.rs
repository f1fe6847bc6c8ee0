//! What comes of schedules: runs now, backfills, slots, previews.

use actix_web::test::TestRequest;
use serde_json::{Value, json};

use crate::schedules::{NOW, of_tasks, schedule, with};
use crate::site::{Answer, Site};

/// The instant of a run now: the first that is no whole second.
const RUN: &str = "2026-01-01T00:00:00.000001Z";

impl Site {
    async fn preview(&self, body: Value) -> Value {
        self.post("/ains/scheduled-tasks/preview", body).await.ok()
    }

    async fn calendar(&self, body: Value) -> Value {
        let body = with(&json!({"name": "off", "client_id": "c1"}), &body);
        self.post("/ains/calendars", body).await.ok()["calendar_id"].clone()
    }

    /// Completes the task that a run made.
    async fn complete(&self, agent: &str) {
        let (task, attempt) = self.claim(agent).await;
        let report = json!({"agent_id": agent, "attempt": attempt, "result_data": {}});
        self.post(&format!("/ains/tasks/{task}/complete"), report)
            .await
            .ok();
    }
}

#[actix_web::test]
async fn a_run_now_makes_a_task() {
    let site = Site::open().await;
    site.worker("a1").await;
    let body = of_tasks(&json!({"cron_expression": "@hourly", "priority": 8, "metadata": {"k": 1}}));
    let id = site.schedule(&body).await;
    let run = site.steer_schedule(&id, "run-now", json!({})).await.ok();
    let task = run["task_id"].as_str().unwrap();
    assert_eq!(
        run,
        json!({
            "message": "Task triggered successfully", "task_id": task, "schedule_id": id,
            "slot_id": run["slot_id"], "slot_at": RUN, "state": "fired",
        })
    );
    let made = site.get(&format!("/ains/tasks/{task}")).await.ok();
    assert_eq!(
        (
            &made["schedule_id"],
            &made["priority"],
            &made["input_data"],
            &made["client_id"]
        ),
        (&json!(id), &json!(8), &json!({"n": 1}), &json!("c1"))
    );
    assert_eq!(made["metadata"], json!({"k": 1, "slot_at": RUN}));
    let other = site.task("c1").await;
    let listed = site.get(&format!("/ains/tasks?schedule_id={id}")).await.ok();
    assert_eq!(listed["tasks"], json!([made]));
    let other = site.get(&format!("/ains/tasks/{other}")).await.ok();
    assert_eq!(other["schedule_id"], Value::Null);

    let read = site.of_schedule(&id, "").await;
    assert_eq!(
        (
            &read["open_runs"],
            &read["total_runs"],
            &read["last_run_at"],
            &read["fired"]
        ),
        (&json!(1), &json!(0), &json!(NOW), &json!(0))
    );
    site.complete("a1").await;
    let read = site.of_schedule(&id, "").await;
    assert_eq!(
        (&read["open_runs"], &read["total_runs"], &read["successful_runs"]),
        (&json!(0), &json!(1), &json!(1))
    );
    let slots = site.of_schedule(&id, "/slots").await;
    assert_eq!(
        slots,
        json!({
            "slots": [{
                "slot_id": run["slot_id"], "slot_at": RUN, "count": 1, "kind": "run_now", "state": "fired",
                "task_id": task, "fired_at": NOW, "ended_at": NOW, "outcome": "COMPLETED",
            }],
            "next_cursor": null,
        })
    );
}

#[actix_web::test]
async fn a_run_now_makes_a_chain() {
    let site = Site::open().await;
    let chain = json!({
        "name": "nightly", "input": {"n": 1},
        "steps": [{"name": "a", "task_type": "job", "capability_required": "text:v1"}],
    });
    let id = site
        .schedule(&schedule(&json!({"cron_expression": "@hourly", "chain": chain})))
        .await;
    let run = site.steer_schedule(&id, "run-now", json!({})).await.ok();
    let chain = run["chain_id"].as_str().unwrap();
    assert_eq!(
        run,
        json!({
            "message": "Chain triggered successfully", "chain_id": chain, "schedule_id": id,
            "slot_id": run["slot_id"], "slot_at": RUN, "state": "fired",
        })
    );
    let made = site.get(&format!("/ains/task-chains/{chain}")).await.ok();
    assert_eq!(
        (&made["name"], &made["input"], &made["client_id"]),
        (&json!("nightly"), &json!({"n": 1, "slot_at": RUN}), &json!("c1"))
    );
    let tasks = site.get(&format!("/ains/tasks?schedule_id={id}")).await.ok();
    assert_eq!(
        (&tasks["tasks"][0]["chain_id"], &tasks["tasks"][0]["schedule_id"]),
        (&json!(chain), &json!(id))
    );
    site.post(&format!("/ains/task-chains/{chain}/cancel"), json!({}))
        .await
        .ok();
    let slots = site.of_schedule(&id, "/slots").await;
    assert_eq!(
        (&slots["slots"][0]["chain_id"], &slots["slots"][0]["outcome"]),
        (&json!(chain), &json!("CANCELLED"))
    );
}

#[actix_web::test]
async fn a_run_now_waits_or_is_refused_while_another_is_unfinished() {
    let site = Site::open().await;
    site.worker("a1").await;
    let unfinished = "an earlier run was unfinished";
    let policy = |policy: &str| of_tasks(&json!({"cron_expression": "@hourly", "overlap_policy": policy}));

    let id = site.schedule(&policy("skip")).await;
    site.steer_schedule(&id, "run-now", json!({})).await.ok();
    let refused = site.steer_schedule(&id, "run-now", json!({})).await;
    assert_eq!(refused.detail(409), format!("The run was skipped: {unfinished}"));
    assert_eq!(refused.json()["type"], "/problems/illegal-transition");

    let id = site.schedule(&policy("buffer_one")).await;
    let first = site.steer_schedule(&id, "run-now", json!({})).await.ok();
    let waits = site.steer_schedule(&id, "run-now", json!({})).await;
    assert_eq!(waits.status, 202);
    let waits = waits.json();
    let second = "2026-01-01T00:00:00.000002Z";
    assert_eq!(
        waits,
        json!({
            "message": "The run waits", "schedule_id": id, "slot_id": waits["slot_id"], "slot_at": second,
            "state": "buffered", "reason": unfinished,
        })
    );
    let newer = site.steer_schedule(&id, "run-now", json!({})).await;
    assert_eq!(newer.status, 202);
    let slots = site.of_schedule(&id, "/slots").await;
    let states: Vec<_> = slots["slots"]
        .as_array()
        .unwrap()
        .iter()
        .map(|slot| (slot["state"].as_str().unwrap(), slot["reason"].as_str()))
        .collect();
    assert_eq!(
        states,
        [
            ("buffered", Some(unfinished)),
            ("dropped", Some("a newer slot took its place")),
            ("fired", None),
        ]
    );
    assert_eq!(site.of_schedule(&id, "").await["buffered"], 1);

    let id = site.schedule(&policy("cancel_other")).await;
    let run = site.steer_schedule(&id, "run-now", json!({})).await.ok();
    site.steer_schedule(&id, "run-now", json!({})).await.ok();
    let task = site
        .get(&format!("/ains/tasks/{}", run["task_id"].as_str().unwrap()))
        .await
        .ok();
    assert_eq!(task["status"], "CANCELLED");
    assert!(first["task_id"].is_string());
}

#[actix_web::test]
async fn a_backfill_fires_what_did_not() {
    let site = Site::open().await;
    let id = site
        .schedule(&of_tasks(&json!({"cron_expression": "0 * * * *"})))
        .await;
    let time = json!({"from": "2025-12-31T20:00:00Z", "to": "2025-12-31T22:59:59Z"});
    let filled = site.steer_schedule(&id, "backfill", time.clone()).await.ok();
    let slot = |index: usize, hour: u32| {
        json!({
            "slot_id": filled["slots"][index]["slot_id"], "slot_at": format!("2025-12-31T{hour}:00:00.000000Z"),
            "count": 1, "kind": "backfill", "state": "fired", "task_id": filled["slots"][index]["task_id"],
            "fired_at": NOW,
        })
    };
    assert_eq!(
        filled,
        json!({
            "schedule_id": id, "slots": [slot(0, 20), slot(1, 21), slot(2, 22)], "fired": 3, "buffered": 0,
            "skipped": 0, "dropped": 0,
        })
    );
    let again = site.steer_schedule(&id, "backfill", time).await.ok();
    assert_eq!((&again["fired"], &again["slots"]), (&json!(0), &json!([])));

    let more =
        json!({"from": "2025-12-31T18:00:00Z", "to": "2027-01-01T00:00:00Z", "overlap_policy": "skip"});
    let more = site.steer_schedule(&id, "backfill", more).await.ok();
    assert_eq!(
        (&more["fired"], &more["skipped"]),
        (&json!(0), &json!(4)),
        "18, 19, 23 and 0 o'clock: {more}"
    );

    let pages = |query: String| {
        let (site, id) = (site.clone(), id.clone());
        async move {
            let page = site
                .get(&format!("/ains/scheduled-tasks/{id}/slots{query}"))
                .await;
            let link = page.header("link").to_owned();
            let list: ains_api::SlotList = serde_json::from_value(page.ok()).unwrap();
            let hours = list
                .slots
                .iter()
                .map(|slot| slot.slot_at.to_string()[11..13].to_owned());
            (hours.collect::<Vec<_>>(), list.next_cursor, link)
        }
    };
    let (all, none, _) = pages(String::new()).await;
    assert_eq!(
        (all, none),
        (
            ["00", "23", "22", "21", "20", "19", "18"]
                .map(str::to_owned)
                .to_vec(),
            None
        )
    );
    let (first, cursor, link) = pages("?limit=3".to_owned()).await;
    assert_eq!(first, ["00", "23", "22"]);
    let cursor = cursor.unwrap();
    assert_eq!(
        link,
        format!("</ains/scheduled-tasks/{id}/slots?limit=3&cursor={cursor}>; rel=\"next\"")
    );
    let (rest, none, link) = pages(format!("?limit=4&cursor={cursor}")).await;
    assert_eq!(
        (rest, none, link),
        (
            ["21", "20", "19", "18"].map(str::to_owned).to_vec(),
            None,
            String::new()
        )
    );
    let refused = site
        .get(&format!("/ains/scheduled-tasks/{id}/slots?limit=0&cursor=x"))
        .await;
    assert_eq!(refused.faults(), ["limit", "cursor"]);
}

#[actix_web::test]
async fn the_same_key_makes_one_run() {
    let site = Site::open().await;
    let body = of_tasks(&json!({"cron_expression": "@hourly", "overlap_policy": "buffer_one"}));
    let id = site.schedule(&body).await;
    let other = site
        .schedule(&with(&body, &json!({"overlap_policy": "skip"})))
        .await;
    let send = |id: &str, verb: &str, key: &'static str, body: Value| {
        let request = TestRequest::post()
            .uri(&format!("/ains/scheduled-tasks/{id}/{verb}"))
            .insert_header(("idempotency-key", key));
        let (site, request) = (site.clone(), request.set_json(body));
        async move { site.send(request).await }
    };
    let run = |id: &str, key| send(id, "run-now", key, json!({}));
    // What was made, what waits, and what was refused: each is answered as the first time.
    for (id, key, status) in [
        (&id, "a", 200),
        (&id, "b", 202),
        (&other, "c", 200),
        (&other, "d", 409),
    ] {
        let first = run(id, key).await;
        let again = run(id, key).await;
        assert_eq!((first.status, again.status), (status, status), "{key}");
        let same = |answer: &Answer| with(&answer.json(), &json!({"instance": null}));
        assert_eq!(same(&again), same(&first));
    }
    for (id, slots) in [(&id, 2), (&other, 2)] {
        let known = site.of_schedule(id, "/slots").await;
        assert_eq!(known["slots"].as_array().unwrap().len(), slots);
    }
    let time = json!({"from": "2025-12-31T22:00:00Z", "to": NOW, "overlap_policy": "allow_all"});
    let first = send(&id, "backfill", "e", time.clone()).await;
    assert_eq!(first.ok()["fired"], 3);
    let again = send(&id, "backfill", "e", time).await;
    assert_eq!(again.bytes, first.bytes);
    let reused = send(&id, "backfill", "e", json!({"from": NOW, "to": NOW})).await;
    assert_eq!(reused.json()["type"], "/problems/idempotency-key-reused");
}

#[actix_web::test]
async fn a_backfill_has_a_time_and_is_bounded() {
    let site = Site::open().await;
    let id = site.schedule(&of_tasks(&json!({"interval_seconds": 1}))).await;
    for (body, faults) in [
        (json!({}), vec!["/from", "/to"]),
        (json!({"from": "x", "to": 1}), vec!["/from", "/to"]),
        (
            json!({"from": NOW, "to": "2025-01-01T00:00:00Z", "overlap_policy": "x"}),
            vec!["/to", "/overlap_policy"],
        ),
        (json!({"from": NOW, "to": NOW, "colour": "red"}), vec!["/colour"]),
    ] {
        assert_eq!(site.steer_schedule(&id, "backfill", body).await.faults(), faults);
    }
    let old = json!({"from": "2025-12-01T23:59:59Z", "to": NOW});
    let refused = site.steer_schedule(&id, "backfill", old).await;
    assert_eq!(
        refused.detail(422),
        "It is known since 2025-12-02T00:00:00.000000Z only which slots have fired"
    );
    let long = json!({"from": "2025-12-31T00:00:00Z", "to": NOW});
    let refused = site.steer_schedule(&id, "backfill", long).await;
    assert_eq!(
        refused.detail(422),
        "There are 86401 slots to fire in that time; at most 1000 at once"
    );
}

#[actix_web::test]
async fn a_schedule_is_previewed_before_it_is_made() {
    let site = Site::open().await;
    let body = json!({
        "cron_expression": "30 2 * * *", "timezone": "Europe/Berlin", "from": "2026-03-28T00:00:00Z", "n": 3,
    });
    assert_eq!(
        site.preview(body).await,
        json!({
            "description": "at 02:30 every day, Europe/Berlin",
            "slots": [
                {"slot_at": "2026-03-28T01:30:00.000000Z", "local": "2026-03-28T02:30:00+01:00", "note": null},
                {"slot_at": "2026-03-29T01:00:00.000000Z", "local": "2026-03-29T03:00:00+02:00", "note": "after the gap"},
                {"slot_at": "2026-03-30T00:30:00.000000Z", "local": "2026-03-30T02:30:00+02:00", "note": null},
            ],
        })
    );
    // All of what will be submitted may be there.
    let whole =
        of_tasks(&json!({"interval_seconds": 60, "active": true, "template_id": "tmpl_1", "max_runs": 5}));
    let preview = site.preview(whole).await;
    assert_eq!(preview["slots"].as_array().unwrap().len(), 10);
    assert_eq!(preview["slots"][0]["slot_at"], "2026-01-01T00:01:00.000000Z");
    let past = site.preview(json!({"run_at": "2025-01-01T00:00:00Z"})).await;
    assert_eq!(past["slots"], json!([]));
    for (fields, fault) in [
        (json!({"n": 0}), "/n"),
        (json!({"n": 1001}), "/n"),
        (json!({"from": "now"}), "/from"),
        (json!({"colour": "red"}), "/colour"),
        (json!({"time_zone": "UTC"}), "/time_zone"),
        (json!({"client_id": ""}), "/client_id"),
        (json!({"run_at": NOW}), "/cron_expression"),
    ] {
        let body = with(&json!({"cron_expression": "@daily"}), &fields);
        let refused = site.post("/ains/scheduled-tasks/preview", body).await;
        assert_eq!(refused.faults()[0], fault, "{fields}");
    }
    let nothing = site.post("/ains/scheduled-tasks/preview", json!({})).await;
    assert_eq!(nothing.faults(), ["/cron_expression"]);
}

#[actix_web::test]
async fn a_preview_tells_what_calendars_do() {
    let site = Site::open().await;
    let weekend = site
        .calendar(json!({"name": "weekend", "weekdays": ["SAT", "SUN"]}))
        .await;
    let daily = json!({
        "cron_expression": "0 9 * * *", "n": 3, "calendars": [{"calendar_id": weekend, "use": "exclude"}],
    });
    let slot = |day: u32, note: Value| {
        json!({
            "slot_at": format!("2026-01-0{day}T09:00:00.000000Z"),
            "local": format!("2026-01-0{day}T09:00:00+00:00"), "note": note,
        })
    };
    let excluded = |day: u32, why: &str| {
        let slot = slot(day, Value::Null);
        with(
            &slot,
            &json!({"excluded": format!("excluded by `weekend`: {why}"), "count": 1}),
        )
    };
    let preview = site.preview(daily.clone()).await;
    assert_eq!(
        preview["slots"],
        json!([
            slot(1, Value::Null),
            slot(2, Value::Null),
            excluded(3, "Saturday"),
            excluded(4, "Sunday"),
            slot(5, Value::Null),
        ])
    );
    let hourly = with(
        &daily,
        &json!({"cron_expression": "0 * * * FRI,SAT", "from": "2026-01-02T22:00:00Z", "n": 2}),
    );
    let preview = site.preview(hourly).await;
    assert_eq!(
        preview["slots"][1],
        json!({
            "slot_at": "2026-01-03T00:00:00.000000Z", "local": "2026-01-03T00:00:00+00:00", "note": null,
            "excluded": "excluded by `weekend`: Saturday", "until": "2026-01-03T23:00:00.000000Z", "count": 24,
        })
    );
    let moved = with(
        &daily,
        &json!({"cron_expression": "0 9 3 * *", "on_excluded": "next_business_day", "n": 1}),
    );
    let preview = site.preview(moved).await;
    let slots = preview["slots"].as_array().unwrap();
    assert_eq!(
        slots.last().unwrap(),
        &slot(5, json!("moved from 2026-01-03, excluded by `weekend`: Saturday"))
    );
}

#[actix_web::test]
async fn a_schedule_is_previewed_paused_or_not() {
    let site = Site::open().await;
    let id = site
        .schedule(&of_tasks(
            &json!({"cron_expression": "0 9 * * *", "jitter_seconds": 60}),
        ))
        .await;
    let preview = site.of_schedule(&id, "/preview?n=2").await;
    let at = |index: usize| preview["slots"][index]["fires_at"].as_str().unwrap().to_owned();
    let slot = |index: usize| {
        let day = format!("2026-01-0{}", index + 1);
        assert!(at(index).starts_with(&format!("{day}T09:0")), "{}", at(index));
        json!({
            "slot_at": format!("{day}T09:00:00.000000Z"), "local": format!("{day}T09:00:00+00:00"), "note": null,
            "fires_at": at(index),
        })
    };
    assert_eq!(
        preview,
        json!({"description": "at 09:00 every day, UTC", "slots": [slot(0), slot(1)]})
    );
    let read = site.of_schedule(&id, "").await;
    assert_eq!(
        (&read["next_run_at"], &read["next_slot_at"]),
        (&json!(at(0)), &preview["slots"][0]["slot_at"])
    );
    site.steer_schedule(&id, "pause", json!({})).await.ok();
    assert_eq!(site.of_schedule(&id, "/preview?n=2").await, preview);
    let later = site.of_schedule(&id, "/preview?from=2026-01-01T09:00:00Z").await;
    assert_eq!(later["slots"].as_array().unwrap().len(), 10);
    assert_eq!(later["slots"][0], preview["slots"][1]);
    let refused = site
        .get(&format!("/ains/scheduled-tasks/{id}/preview?n=x&from=y"))
        .await;
    assert_eq!(refused.faults(), ["n", "from"]);
}
