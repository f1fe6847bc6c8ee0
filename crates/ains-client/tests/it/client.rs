//! What is repeated, and what is not.

use std::time::Duration;

use ains_api::{CompleteReport, Json, SubmitTask, TaskFilter};
use ains_client::{Chain, Client, Error, Retry, Step};
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
