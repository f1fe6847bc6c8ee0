//! Schedules: tasks that come again and again by cron expressions.
//!
//! The original asks for the time only when somebody looks; here, slots also fire by themselves, which is checked elsewhere
//! (`tests/schedules`). What its six operations take and answer is checked here.

use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Api, each, list, members, micros, text};
use crate::world::{fresh, on_both};

on_both!(
    a_schedule_is_created,
    a_schedule_has_the_defaults_of_the_original,
    a_schedule_can_be_read,
    schedules_are_listed,
    a_schedule_is_switched_off_and_on,
    a_schedule_is_changed,
    a_schedule_is_removed,
    a_schedule_is_run_now,
    runs_are_counted_by_how_they_end,
    an_unknown_schedule_is_not_found,
    expressions_say_when_the_next_run_is,
    an_expression_that_means_nothing_is_refused,
    a_time_zone_that_there_is_not_is_refused,
    what_is_wrong_with_a_schedule_is_told,
);

const PATH: &str = "/ains/scheduled-tasks";

/// The members of the original's answer to a creation.
const CREATED: [&str; 6] = [
    "schedule_id",
    "name",
    "cron_expression",
    "active",
    "next_run_at",
    "created_at",
];

/// The members of a schedule in the original's list.
const SUMMARY: [&str; 10] = [
    "schedule_id",
    "name",
    "cron_expression",
    "task_type",
    "active",
    "last_run_at",
    "next_run_at",
    "total_runs",
    "successful_runs",
    "failed_runs",
];

/// What the original shows besides of one schedule.
const MORE: [&str; 7] = [
    "client_id",
    "timezone",
    "capability_required",
    "input_data",
    "priority",
    "timeout_seconds",
    "created_at",
];

/// Microseconds of a minute and of a day.
const MINUTE: i64 = 60_000_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// A schedule as the original's tests make it, for nobody in particular, with `more` over it.
fn body(client: &str, more: Value) -> Value {
    let mut body = json!({
        "name": "Daily report",
        "client_id": client,
        "cron_expression": "0 0 1 1 *",
        "task_type": "report",
        "capability_required": format!("{}:v1", fresh("nobody")),
        "input_data": {"report": "daily"},
        "priority": 7,
        "timeout_seconds": 120,
        "timezone": "America/New_York",
    });
    let (Value::Object(known), Value::Object(more)) = (&mut body, more) else {
        panic!("`more` is an object");
    };
    known.extend(more);
    body
}

/// Creates a schedule, and says its id.
async fn create(api: &Api, more: Value) -> String {
    let body = body(&fresh("client"), more);
    text(&api.post(PATH, body).await.ok(), "schedule_id")
}

async fn read(api: &Api, id: &str) -> Value {
    api.get(&format!("{PATH}/{id}")).await.ok()
}

#[track_caller]
fn has(shown: &Value, wanted: &[&str]) {
    let there = members(shown);
    let missing: Vec<_> = wanted.iter().filter(|name| !there.contains(*name)).collect();
    assert!(missing.is_empty(), "no {missing:?} in {shown}");
}

async fn a_schedule_is_created(api: &Api) {
    let created = api.post(PATH, body(&fresh("client"), json!({}))).await.ok();
    has(&created, &CREATED);
    assert_eq!(
        (&created["name"], &created["cron_expression"], &created["active"]),
        (&json!("Daily report"), &json!("0 0 1 1 *"), &json!(true))
    );
    assert!(
        micros(&created["next_run_at"]) > micros(&created["created_at"]),
        "{created}"
    );
    // The original has another form.
    let id = text(&created, "schedule_id");
    let digits = id.strip_prefix("sched_").unwrap_or_default();
    assert!(
        digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()),
        "{id}"
    );
}

async fn a_schedule_has_the_defaults_of_the_original(api: &Api) {
    let client = fresh("client");
    let least = json!({"name": "least", "client_id": client, "cron_expression": "@yearly", "task_type": "t",
                       "capability_required": "nobody:v1"});
    let created = api.post(PATH, least).await.ok();
    let schedule = read(api, &text(&created, "schedule_id")).await;
    for (name, value) in [
        ("priority", json!(5)),
        ("timeout_seconds", json!(300)),
        ("timezone", json!("UTC")),
        ("input_data", json!({})),
        ("active", json!(true)),
    ] {
        assert_eq!(schedule[name], value, "{name}");
    }
}

async fn a_schedule_can_be_read(api: &Api) {
    let body = body(&fresh("client"), json!({}));
    let created = api.post(PATH, body.clone()).await.ok();
    let schedule = read(api, &text(&created, "schedule_id")).await;
    has(&schedule, &SUMMARY);
    has(&schedule, &MORE);
    for name in members(&body) {
        assert_eq!(schedule[name], body[name], "{name}");
    }
    for name in CREATED {
        assert_eq!(schedule[name], created[name], "{name}");
    }
    assert_eq!(schedule["last_run_at"], Value::Null);
    for name in ["total_runs", "successful_runs", "failed_runs"] {
        assert_eq!(schedule[name], 0, "{name}");
    }
}

async fn schedules_are_listed(api: &Api) {
    let client = fresh("client");
    let mut ids = Vec::new();
    for number in 0..3 {
        let body = body(&client, json!({"name": format!("Schedule {number}")}));
        ids.push(text(&api.post(PATH, body).await.ok(), "schedule_id"));
    }
    let path = format!("{PATH}?client_id={client}");
    api.patch(&format!("{PATH}/{}", ids[1]), json!({"active": false}))
        .await
        .ok();
    let active = api.get(&path).await.ok();
    let shown = each(list(&active, "schedules"), "schedule_id");
    assert_eq!(shown, [&ids[2], &ids[0]], "the active ones, newest first");
    for (flag, expected) in [("true", vec![2, 0]), ("false", vec![2, 1, 0])] {
        let listed = api.get(&format!("{path}&active_only={flag}")).await.ok();
        let listed = list(&listed, "schedules");
        let expected: Vec<&String> = expected.into_iter().map(|place: usize| &ids[place]).collect();
        assert_eq!(each(listed, "schedule_id"), expected, "{flag}");
        for schedule in listed {
            has(schedule, &SUMMARY);
            let whole = read(api, &text(schedule, "schedule_id")).await;
            for name in SUMMARY {
                assert_eq!(schedule[name], whole[name], "{name}");
            }
        }
    }
    let all = api.get(PATH).await.ok();
    assert!(list(&all, "schedules").len() >= 2, "{all}");
    let nobody = api
        .get(&format!("{PATH}?client_id={}", fresh("client")))
        .await
        .ok();
    assert_eq!(nobody["schedules"], json!([]));
}

async fn a_schedule_is_switched_off_and_on(api: &Api) {
    let id = create(api, json!({})).await;
    let path = format!("{PATH}/{id}");
    let before = read(api, &id).await;
    let off = api.patch(&path, json!({"active": false})).await.ok();
    assert_eq!(
        (&off["schedule_id"], &off["message"]),
        (&json!(id), &json!("Schedule updated successfully"))
    );
    let schedule = read(api, &id).await;
    // The original goes on to show when it would have been.
    assert_eq!(
        (&schedule["active"], &schedule["next_run_at"]),
        (&json!(false), &Value::Null)
    );
    api.patch(&path, json!({"active": true})).await.ok();
    let schedule = read(api, &id).await;
    assert_eq!(
        (&schedule["active"], &schedule["next_run_at"]),
        (&json!(true), &before["next_run_at"])
    );
}

async fn a_schedule_is_changed(api: &Api) {
    let id = create(api, json!({})).await;
    let path = format!("{PATH}/{id}");
    for (name, value) in [
        ("name", json!("Another name")),
        ("priority", json!(9)),
        ("timeout_seconds", json!(60)),
        ("input_data", json!({"report": ["weekly", null]})),
        ("task_type", json!("another report")),
        ("capability_required", json!("another:v1")),
    ] {
        let mut expected = read(api, &id).await;
        api.patch(&path, json!({name: value})).await.ok();
        let changed = read(api, &id).await;
        expected[name] = value;
        expected["updated_at"] = changed["updated_at"].clone();
        assert_eq!(changed, expected, "{name}, and nothing else");
    }
    let before = read(api, &id).await;
    api.patch(&path, json!({"cron_expression": "30 6 * * *"}))
        .await
        .ok();
    let changed = read(api, &id).await;
    assert_eq!(changed["cron_expression"], "30 6 * * *");
    assert!(
        micros(&changed["next_run_at"]) <= micros(&changed["updated_at"]) + 25 * 60 * MINUTE,
        "{changed}"
    );
    assert!(micros(&changed["updated_at"]) >= micros(&before["updated_at"]));
    api.patch(&path, json!({"timezone": "Asia/Kolkata"})).await.ok();
    let changed = read(api, &id).await;
    // 06:30 there.
    assert_eq!(micros(&changed["next_run_at"]) % DAY, 60 * MINUTE, "{changed}");
    for (patch, status) in [
        (json!({"cron_expression": "61 * * * *"}), 400),
        (json!({"timezone": "Mars/Olympus"}), 400),
        (json!({"priority": 11}), 422),
        (json!({"name": ""}), 422),
    ] {
        api.patch(&path, patch).await.problem(status);
    }
    assert_eq!(read(api, &id).await, changed, "what is refused changes nothing");
}

async fn a_schedule_is_removed(api: &Api) {
    let id = create(api, json!({})).await;
    let path = format!("{PATH}/{id}");
    assert_eq!(
        api.bare(Method::DELETE, &path).await.ok(),
        json!({"schedule_id": id, "message": "Schedule deleted successfully"})
    );
    api.get(&path).await.refused(404, "Schedule not found");
    api.bare(Method::DELETE, &path)
        .await
        .refused(404, "Schedule not found");
}

async fn a_schedule_is_run_now(api: &Api) {
    let (agent, capability) = api.provider().await;
    api.heartbeat(&agent, "ACTIVE").await.ok();
    let id = create(api, json!({"capability_required": capability})).await;
    let before = read(api, &id).await;
    let run = api.bare(Method::POST, &format!("{PATH}/{id}/run-now")).await.ok();
    assert_eq!(
        (&run["message"], &run["schedule_id"]),
        (&json!("Task triggered successfully"), &json!(id))
    );
    let task = api.whole(&text(&run, "task_id")).await;
    for name in [
        "client_id",
        "task_type",
        "capability_required",
        "input_data",
        "priority",
        "timeout_seconds",
        "schedule_id",
    ] {
        assert_eq!(task[name], before[name], "{name}");
    }
    assert_eq!(task["assigned_agent_id"], agent.as_str(), "{task}");
    let after = read(api, &id).await;
    assert_eq!(
        after["next_run_at"], before["next_run_at"],
        "its slots come as before"
    );
    assert!(
        micros(&after["last_run_at"]) >= micros(&before["created_at"]),
        "{after}"
    );
}

async fn runs_are_counted_by_how_they_end(api: &Api) {
    let (agent, capability) = api.provider().await;
    api.heartbeat(&agent, "ACTIVE").await.ok();
    let id = create(api, json!({"capability_required": capability})).await;
    let mut expected = [0, 0, 0];
    for fails in [false, true, false] {
        let run = api.bare(Method::POST, &format!("{PATH}/{id}/run-now")).await.ok();
        let task = text(&run, "task_id");
        let path = format!("/ains/tasks/{task}");
        api.until(&path, |task| task["status"] == "ASSIGNED").await;
        api.report(&agent, &task, json!({"status": "ACTIVE"})).await.ok();
        if fails {
            api.fail(&agent, &task, "invalid input").await;
        } else {
            api.complete(&agent, &task, json!({})).await;
        }
        expected[0] += 1;
        expected[1] += i32::from(!fails);
        expected[2] += i32::from(fails);
        let schedule = read(api, &id).await;
        let counts = ["total_runs", "successful_runs", "failed_runs"].map(|name| &schedule[name]);
        assert_eq!(counts.map(Clone::clone), expected.map(Value::from), "{schedule}");
    }
}

async fn an_unknown_schedule_is_not_found(api: &Api) {
    let well_formed = format!("sched_{:032x}", 1);
    for id in ["nonexistent", "sched_123", &well_formed] {
        let path = format!("{PATH}/{id}");
        api.get(&path).await.refused(404, "Schedule not found");
        api.patch(&path, json!({"name": "n"}))
            .await
            .refused(404, "Schedule not found");
        api.bare(Method::DELETE, &path)
            .await
            .refused(404, "Schedule not found");
        let run = api.bare(Method::POST, &format!("{path}/run-now")).await;
        run.refused(404, "Schedule not found");
    }
}

/// The expressions that the original gives as examples.
async fn expressions_say_when_the_next_run_is(api: &Api) {
    for (expression, timezone, check) in [
        (
            "*/5 * * * *",
            "UTC",
            (|at| at % (5 * MINUTE) == 0) as fn(i64) -> bool,
        ),
        ("0 2 * * *", "UTC", |at| at % DAY == 120 * MINUTE),
        // The first day of all was a Thursday.
        ("0 9 * * 1-5", "UTC", |at| {
            at % DAY == 540 * MINUTE && (at / DAY + 3) % 7 < 5
        }),
        ("0 0 1 * *", "UTC", |at| at % DAY == 0),
        ("0 2 * * *", "Asia/Kolkata", |at| {
            at % DAY == (20 * 60 + 30) * MINUTE
        }),
        ("0 0 * * 0", "UTC", |at| at % DAY == 0 && (at / DAY + 3) % 7 == 6),
    ] {
        let more = json!({"cron_expression": expression, "timezone": timezone});
        let created = api.post(PATH, body(&fresh("client"), more)).await.ok();
        let (next, now) = (micros(&created["next_run_at"]), micros(&created["created_at"]));
        assert!(next > now && check(next), "{expression}, {timezone}: {created}");
        let longest = match expression {
            "*/5 * * * *" => 5 * MINUTE,
            "0 2 * * *" => DAY,
            "0 9 * * 1-5" => 3 * DAY,
            "0 0 * * 0" => 7 * DAY,
            _ => 31 * DAY,
        };
        assert!(next - now <= longest, "{expression}: {created}");
        if longest == 31 * DAY {
            assert_eq!(&text(&created, "next_run_at")[7..11], "-01T", "{created}");
        }
        // No test shall see it fire.
        let id = text(&created, "schedule_id");
        api.bare(Method::DELETE, &format!("{PATH}/{id}")).await.ok();
    }
}

async fn an_expression_that_means_nothing_is_refused(api: &Api) {
    let client = fresh("client");
    for (expression, position) in [
        ("invalid cron", 13),
        ("60 * * * *", 1),
        ("* 24 * * *", 3),
        ("* * * *", 8),
        ("* * * * * * *", 13),
        ("", 1),
        ("*/0 * * * *", 3),
        ("0 0 30 2 *", 5),
        ("0 0 1-b * *", 7),
    ] {
        let body = body(&client, json!({"cron_expression": expression}));
        let problem = api.post(PATH, body).await.problem(400);
        let faults = list(&problem, "errors");
        assert_eq!(
            each(faults, "pointer"),
            ["/cron_expression"],
            "{expression}: {problem}"
        );
        let message = text(&faults[0], "message");
        let place = format!("at {position}: ");
        assert!(
            message.starts_with(&place),
            "{expression}: not {place}but {message}"
        );
    }
    let listed = api
        .get(&format!("{PATH}?client_id={client}&active_only=false"))
        .await
        .ok();
    assert_eq!(listed["schedules"], json!([]), "what is refused leaves nothing");
}

async fn a_time_zone_that_there_is_not_is_refused(api: &Api) {
    for zone in ["Mars/Olympus", "", "UTC+25", "europe/"] {
        let body = body(&fresh("client"), json!({"timezone": zone}));
        let problem = api.post(PATH, body).await.problem(400);
        assert_eq!(
            each(list(&problem, "errors"), "pointer"),
            ["/timezone"],
            "{zone}: {problem}"
        );
    }
}

async fn what_is_wrong_with_a_schedule_is_told(api: &Api) {
    let good = body(&fresh("client"), json!({}));
    for member in ["name", "cron_expression", "task_type", "capability_required"] {
        let mut body = good.clone();
        body.as_object_mut().expect("an object").remove(member);
        assert_eq!(api.post(PATH, body).await.faults(), [format!("/{member}")]);
    }
    for (member, value) in [
        ("name", json!("")),
        ("name", json!(1)),
        ("client_id", Value::Null),
        ("task_type", json!("")),
        ("capability_required", json!("")),
        ("input_data", json!([])),
        ("priority", json!(0)),
        ("priority", json!("high")),
        ("timeout_seconds", json!(0)),
        ("timeout_seconds", json!(86_401)),
        ("cron_expression", json!(5)),
        ("timezone", json!(1)),
    ] {
        let mut body = good.clone();
        body[member] = value;
        assert_eq!(api.post(PATH, body).await.faults(), [format!("/{member}")]);
    }
    // A value that means nothing beside one of a wrong form: all are told, and it is a matter of form.
    let several = body(
        &fresh("client"),
        json!({"cron_expression": "61 * * * *", "priority": 11, "timezone": "Mars/Olympus"}),
    );
    assert_eq!(
        api.post(PATH, several).await.faults(),
        ["/cron_expression", "/priority", "/timezone"]
    );
}
