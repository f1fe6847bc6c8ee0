//! What is repeated, and what is not.

use std::time::Duration;

use ains_api::{
    CompleteReport, Json, PatchSchedule, PreviewQuery, ScheduleFilter, SubmitCalendar, SubmitTask,
    TaskFilter, Timestamp,
};
use ains_client::{Chain, Client, Error, Retry, Schedule, Step};
use serde_json::json;

use crate::fake::Fake;

fn client(fake: &Fake) -> Client {
    let retry = Retry {
        tries: 3,
        first: Duration::from_millis(1),
        longest: Duration::from_millis(5),
    };
    Client::new(&fake.url)
        .expect("an address")
        .with_retry(retry)
        .with_key("ains_secret")
}

fn created() -> serde_json::Value {
    json!({"task_id": "t1", "status": "PENDING", "priority": 5, "depends_on": [], "is_blocked": false,
        "routing_strategy": "round_robin", "assigned_agent_id": null, "created_at": "2026-01-02T03:04:05.000000Z"})
}

#[tokio::test]
async fn a_submission_is_repeated_under_its_key() {
    let mut fake = Fake::start().await;
    let client = client(&fake);
    let call = tokio::spawn(async move { client.submit(&SubmitTask::default()).await });
    let first = fake.next("POST /ains/tasks").await;
    let key = first.header("idempotency-key").expect("a key").to_owned();
    assert_eq!(first.header("x-api-key"), Some("ains_secret"));
    first.hang_up();
    let second = fake.next("POST /ains/tasks").await;
    assert_eq!(second.header("idempotency-key"), Some(&*key));
    second.reply(503, json!({"title": "Busy"}));
    fake.answer("POST /ains/tasks", created()).await;
    assert_eq!(call.await.expect("no panic").expect("created").task_id, "t1");
}

#[tokio::test]
async fn a_submission_without_a_key_is_sent_once() {
    let mut fake = Fake::start().await;
    let client = client(&fake).without_idempotency_keys();
    let call = tokio::spawn(async move { client.submit(&SubmitTask::default()).await });
    let first = fake.next("POST /ains/tasks").await;
    assert_eq!(first.header("idempotency-key"), None);
    first.reply(503, json!({"title": "Busy"}));
    let error = call.await.expect("no panic").expect_err("refused");
    assert_eq!(error.status(), Some(503));
}

#[tokio::test]
async fn what_the_server_asks_for_by_retry_after_is_waited_for() {
    let mut fake = Fake::start().await;
    let client = client(&fake);
    let call = tokio::spawn(async move { client.task("t1").await });
    let begun = tokio::time::Instant::now();
    fake.next("GET /ains/tasks/t1").await.reply_with(
        429,
        "retry-after: 1\r\n",
        json!({"title": "Too many requests"}),
    );
    fake.answer("GET /ains/tasks/t1", json!(ains_api::Task::default()))
        .await;
    call.await.expect("no panic").expect("a task");
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_report_without_an_attempt_is_sent_once() {
    let mut fake = Fake::start().await;
    let client = client(&fake);
    let report = CompleteReport {
        agent_id: "a1".into(),
        ..CompleteReport::default()
    };
    let call = tokio::spawn(async move { client.complete("t1", &report).await });
    fake.next("POST /ains/tasks/t1/complete")
        .await
        .reply(503, json!({"title": "Busy"}));
    assert_eq!(
        call.await.expect("no panic").expect_err("refused").status(),
        Some(503)
    );
}

#[tokio::test]
async fn a_refusal_without_a_problem_still_says_what_happened() {
    let mut fake = Fake::start().await;
    let client = client(&fake);
    let call = tokio::spawn(async move {
        client
            .tasks(&TaskFilter {
                limit: Some(2),
                ..TaskFilter::default()
            })
            .await
    });
    fake.next("GET /ains/tasks?limit=2")
        .await
        .reply(418, json!("short and stout"));
    let error = call.await.expect("no panic").expect_err("refused");
    assert_eq!(
        error.to_string(),
        "the server refused: 418 I'm a teapot: \"short and stout\""
    );
}

#[tokio::test]
async fn an_answer_of_another_shape_is_told_from_a_lost_one() {
    let mut fake = Fake::start().await;
    let client = client(&fake);
    let call = tokio::spawn(async move { client.task("t1").await });
    fake.answer("GET /ains/tasks/t1", json!([])).await;
    assert!(matches!(call.await.expect("no panic"), Err(Error::Decode(_))));
}

fn chain(status: &str) -> serde_json::Value {
    let data = json!({"status": "COMPLETED", "data": {"n": 1}, "completed_at": null});
    let step =
        json!({"index": 0, "name": "a", "status": "COMPLETED", "task_type": "t", "capability_required": "x"});
    json!({"chain_id": "chain_1", "name": "n", "client_id": "c", "status": status, "run": 1, "current_step": 0,
        "total_steps": 1, "input": {}, "steps": [step], "step_results": {"0": data},
        "created_at": "2026-01-02T03:04:05.000000Z", "started_at": null, "completed_at": null, "error_message": null})
}

#[tokio::test]
async fn a_chain_is_created_once_and_followed_to_its_end() {
    let mut fake = Fake::start().await;
    let client = client(&fake);
    let run = Chain::new("n").client("c").step(Step::new("a", "t", "x"));
    let call = tokio::spawn(async move { client.run_chain(&run).await });
    let created = json!({"chain_id": "chain_1", "name": "n", "status": "RUNNING", "current_step": 0, "total_steps": 1,
        "created_at": "2026-01-02T03:04:05.000000Z"});
    let first = fake.next("POST /ains/task-chains").await;
    let key = first.header("idempotency-key").expect("a key").to_owned();
    first.hang_up();
    let second = fake.next("POST /ains/task-chains").await;
    assert_eq!(second.header("idempotency-key"), Some(&*key));
    assert_eq!(
        second.body["steps"],
        json!([{"name": "a", "task_type": "t", "capability_required": "x"}])
    );
    second.reply(200, created);
    for status in ["RUNNING", "PAUSED", "FAILED"] {
        fake.answer("GET /ains/task-chains/chain_1?wait_seconds=60", chain(status))
            .await;
    }
    let outcome = call.await.expect("no panic").expect("an outcome");
    assert_eq!(outcome.status, "FAILED");
    let result = outcome.result("a").expect("a result");
    assert_eq!(result.data.as_ref().map(Json::get), Some(r#"{"n":1}"#));
}

#[tokio::test]
async fn a_schedule_is_created_once_and_what_is_asked_of_it_is_sent() {
    let mut fake = Fake::start().await;
    let client = client(&fake);
    let calls = tokio::spawn(async move {
        let schedule = Schedule::new("n").client("c").cron("@daily").task("t", "x");
        let id = client.create_schedule(&schedule).await?.schedule_id;
        let preview = PreviewQuery {
            n: Some(2),
            from: Some(Timestamp(0)),
        };
        let preview = client.schedule_preview(&id, &preview).await?;
        let filter = ScheduleFilter {
            active_only: Some(false),
            ..ScheduleFilter::default()
        };
        client.schedules(&filter).await?;
        let patch = PatchSchedule {
            timezone: Some(None),
            priority: Some(Some(3)),
            ..PatchSchedule::default()
        };
        client.patch_schedule(&id, &patch).await?;
        let run = client.run_schedule(&id).await?;
        Ok::<_, Error>((preview, run))
    });
    let created = json!({"schedule_id": "sched_1", "name": "n", "cron_expression": "@daily", "timezone": "UTC",
        "description": "daily", "active": true, "next_run_at": null, "created_at": "2026-01-02T03:04:05.000000Z"});
    let first = fake.next("POST /ains/scheduled-tasks").await;
    let key = first.header("idempotency-key").expect("a key").to_owned();
    first.hang_up();
    let second = fake.next("POST /ains/scheduled-tasks").await;
    assert_eq!(second.header("idempotency-key"), Some(&*key));
    assert_eq!(
        second.body,
        json!({"name": "n", "client_id": "c", "cron_expression": "@daily", "task_type": "t", "capability_required": "x"})
    );
    second.reply(200, created);
    let path = "/ains/scheduled-tasks/sched_1";
    let slots = json!([{"slot_at": "2026-01-02T00:00:00.000000Z", "local": "l", "note": null}]);
    fake.answer(
        &format!("GET {path}/preview?n=2&from=1970-01-01T00%3A00%3A00.000000Z"),
        json!({"description": "daily", "slots": slots}),
    )
    .await;
    fake.answer(
        "GET /ains/scheduled-tasks?active_only=false",
        json!({"schedules": [], "next_cursor": null}),
    )
    .await;
    let patch = fake.next(&format!("PATCH {path}")).await;
    assert_eq!(patch.body, json!({"timezone": null, "priority": 3}));
    patch.reply(
        200,
        json!({"schedule_id": "sched_1", "message": "m", "active": true, "next_run_at": null}),
    );
    let waits = json!({"message": "The run waits", "schedule_id": "sched_1", "slot_id": "slot_1",
        "slot_at": "2026-01-02T03:04:05.000000Z", "state": "buffered", "reason": "r"});
    let run = fake.next(&format!("POST {path}/run-now")).await;
    assert!(run.header("idempotency-key").is_some());
    run.reply(202, waits);
    let (preview, run) = calls.await.expect("no panic").expect("answers");
    assert_eq!(preview.slots[0].excluded, None);
    assert_eq!((&*run.state, run.task_id), ("buffered", None));
}

#[tokio::test]
async fn a_calendar_is_sent_once() {
    let mut fake = Fake::start().await;
    let client = client(&fake);
    let call = tokio::spawn(async move {
        let calendar = SubmitCalendar {
            name: "off".into(),
            weekdays: Some(vec!["SUN".into()]),
            ..SubmitCalendar::default()
        };
        client.create_calendar(&calendar).await
    });
    let first = fake.next("POST /ains/calendars").await;
    assert_eq!(first.header("idempotency-key"), None);
    assert_eq!(first.body, json!({"name": "off", "weekdays": ["SUN"]}));
    first.reply(503, json!({"title": "Busy"}));
    let error = call.await.expect("no panic").expect_err("refused");
    assert_eq!(error.status(), Some(503));
}
