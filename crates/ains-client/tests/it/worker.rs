//! The worker runtime against a server that does as the test says.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ains_api::Task as WireTask;
use ains_client::worker::Summary;
use ains_client::{Client, Error, Retry, Task, TaskError, Worker};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::fake::{self, Fake};

const CLAIM: &str = "POST /ains/agents/a1/claim";
const REPORT: &str = "POST /ains/agents/a1/report";
const HEARTBEAT: &str = "POST /ains/agents/a1/heartbeat";
const DRAIN: &str = "POST /ains/agents/a1/drain";

/// A task as a claim hands it out.
fn task(id: &str) -> WireTask {
    WireTask {
        task_id: id.into(),
        status: "ACTIVE".into(),
        attempt: 1,
        ..WireTask::default()
    }
}

fn handed_out(ids: &[&str]) -> Value {
    json!({"tasks": ids.iter().map(|id| task(id)).collect::<Vec<_>>()})
}

/// The answer to a report in which every result was taken.
fn taken(report: &Value) -> Value {
    let results = report["results"].as_array().expect("results");
    let each =
        |result: &Value| json!({"task_id": result["task_id"], "status": result["status"], "retry_count": 0});
    json!({"results": results.iter().map(each).collect::<Vec<_>>(), "tasks": []})
}

fn reported(report: &Value) -> Vec<&str> {
    let results = report["results"].as_array().expect("results");
    results
        .iter()
        .map(|result| result["task_id"].as_str().expect("an id"))
        .collect()
}

fn worker(fake: &Fake) -> Worker {
    let retry = Retry {
        tries: 3,
        first: Duration::from_millis(1),
        longest: Duration::from_millis(5),
    };
    let client = Client::new(&fake.url).expect("an address").with_retry(retry);
    Worker::new(client, "a1").capability("text:v1").without_signals()
}

/// Runs a worker beside the test, until the sender is used.
fn spawn<H, F>(worker: Worker, handler: H) -> (oneshot::Sender<()>, JoinHandle<Result<Summary, Error>>)
where
    H: Fn(Task) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Value, TaskError>> + Send + 'static,
{
    let (stop, stopped) = oneshot::channel();
    let worker = worker.shutdown_on(async move { stopped.await.unwrap_or_default() });
    (stop, tokio::spawn(worker.run(handler)))
}

/// Ends a worker that waits for work, and returns what it did.
async fn end(fake: &mut Fake, stop: oneshot::Sender<()>, run: JoinHandle<Result<Summary, Error>>) -> Summary {
    stop.send(()).expect("the worker listens");
    fake.answer(DRAIN, fake::agent("DRAINING")).await;
    tokio::select! {
        summary = run => summary.expect("no panic").expect("no fault"),
        never = fake.serve(CLAIM, json!({"tasks": []})) => match never {},
    }
}

#[tokio::test]
async fn a_claim_whose_answer_is_lost_is_repeated_under_its_name() {
    let mut fake = Fake::start().await;
    let (stop, run) = spawn(worker(&fake), |_| async { Ok(json!({})) });
    let lost = fake.next(CLAIM).await;
    let claim_id = lost.body["claim_id"].clone();
    assert!(claim_id.is_string());
    assert_eq!(
        (&lost.body["max"], &lost.body["wait_seconds"]),
        (&json!(1), &json!(20))
    );
    lost.hang_up();
    let again = fake.next(CLAIM).await;
    assert_eq!(again.body["claim_id"], claim_id);
    again.reply(200, handed_out(&["t1"]));

    let report = fake.next(REPORT).await;
    assert_eq!(reported(&report.body), ["t1"]);
    assert_ne!(report.body["claim"]["claim_id"], claim_id);
    let answer = taken(&report.body);
    report.hang_up();
    let report = fake.next(REPORT).await;
    assert_eq!(reported(&report.body), ["t1"]);
    report.reply(200, answer);
    assert_eq!(
        end(&mut fake, stop, run).await,
        Summary {
            completed: 1,
            ..Summary::default()
        }
    );
}

#[tokio::test]
async fn what_ends_while_a_report_travels_goes_into_one_report_with_a_claim() {
    let mut fake = Fake::start().await;
    let gates: Arc<[Semaphore]> = (0..3).map(|_| Semaphore::new(0)).collect();
    let (ends, mut ended) = mpsc::unbounded_channel();
    let handler_gates = Arc::clone(&gates);
    let (stop, run) = spawn(worker(&fake).concurrency(4), move |task| {
        let (gates, ends) = (Arc::clone(&handler_gates), ends.clone());
        async move {
            let index: usize = task.task_id.parse()?;
            gates[index].acquire().await?.forget();
            ends.send(index)?;
            Ok(json!({"index": index}))
        }
    });
    fake.answer(CLAIM, handed_out(&["0", "1", "2"])).await;
    let idle = fake.next(CLAIM).await;
    assert_eq!(idle.body["max"], 1);

    gates[0].add_permits(1);
    let first = fake.next(REPORT).await;
    assert_eq!(reported(&first.body), ["0"]);
    assert_eq!(first.body["results"][0]["result_data"], json!({"index": 0}));
    assert_eq!(first.body["results"][0]["attempt"], 1);
    assert_eq!(first.body["claim"]["max"], 1);

    gates[1].add_permits(1);
    gates[2].add_permits(1);
    for _ in 0..3 {
        ended.recv().await.expect("a handler ends");
    }
    let answer = taken(&first.body);
    first.reply(200, answer);
    let second = fake.next(REPORT).await;
    let mut ids = reported(&second.body);
    ids.sort_unstable();
    assert_eq!(ids, ["1", "2"]);
    assert_eq!(
        (
            &second.body["claim"]["max"],
            &second.body["claim"]["wait_seconds"]
        ),
        (&json!(3), &json!(0))
    );
    let answer = taken(&second.body);
    second.reply(200, answer);
    idle.reply(200, json!({"tasks": []}));
    assert_eq!(end(&mut fake, stop, run).await.completed, 3);
}

#[tokio::test]
async fn a_panic_is_a_failure() {
    let mut fake = Fake::start().await;
    let (stop, run) = spawn(worker(&fake), |task| async move {
        assert_ne!(task.attempt, 1, "out of cheese");
        Ok(json!({}))
    });
    fake.answer(CLAIM, handed_out(&["t1"])).await;
    let report = fake.next(REPORT).await;
    let result = &report.body["results"][0];
    assert_eq!(result["status"], "FAILED");
    assert!(
        result["error_message"]
            .as_str()
            .expect("a message")
            .contains("out of cheese"),
        "{result}"
    );
    let answer = taken(&report.body);
    report.reply(200, answer);
    assert_eq!(end(&mut fake, stop, run).await.failed, 1);
}

#[tokio::test]
async fn an_error_says_whether_another_attempt_can_help() {
    let mut fake = Fake::start().await;
    let (stop, run) = spawn(worker(&fake).concurrency(3), |task| async move {
        match &*task.task_id {
            "slow" => Err(TaskError::retry_after("busy", Duration::from_millis(1500))),
            "wrong" => task.input_field::<u32>("n").map(Value::from),
            _ => Ok(json!(task.task_id.parse::<i32>()?)),
        }
    });
    fake.answer(CLAIM, handed_out(&["slow", "wrong", "odd"])).await;
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let report = fake.next(REPORT).await;
        let answer = taken(&report.body);
        for result in report.body["results"].as_array().expect("results") {
            seen.push((
                result["task_id"].as_str().expect("an id").to_owned(),
                result["retryable"].clone(),
                result["retry_after_seconds"].clone(),
            ));
        }
        report.reply(200, answer);
    }
    seen.sort_by(|a, b| a.0.cmp(&b.0));
    let expected = [
        ("odd", Value::Null, Value::Null),
        ("slow", json!(true), json!(2)),
        ("wrong", json!(false), Value::Null),
    ];
    assert_eq!(
        seen,
        expected.map(|(id, retryable, pause)| (id.to_owned(), retryable, pause))
    );
    assert_eq!(end(&mut fake, stop, run).await.failed, 3);
}

/// Sends when it is dropped.
struct Dropped(Option<oneshot::Sender<()>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.take().and_then(|sender| sender.send(()).ok());
    }
}

/// A handler that never ends.
struct Endless {
    begun: oneshot::Receiver<()>,
    dropped: oneshot::Receiver<()>,
}

impl Endless {
    fn new() -> (
        Self,
        impl Fn(Task) -> BoxFuture<'static, Result<Value, TaskError>> + Send + Sync + 'static,
    ) {
        let ((first, begun), (last, dropped)) = (oneshot::channel(), oneshot::channel());
        let senders = Mutex::new(Some((first, Dropped(Some(last)))));
        let handler = move |_: Task| {
            let (first, guard) = senders.lock().expect("no panic").take().expect("one task");
            async move {
                let _guard = guard;
                first.send(()).expect("the test waits");
                std::future::pending().await
            }
            .boxed()
        };
        (Self { begun, dropped }, handler)
    }
}

#[tokio::test]
async fn the_handler_of_a_cancelled_task_is_dropped_and_not_reported() {
    let mut fake = Fake::start().await;
    let (endless, handler) = Endless::new();
    let (stop, run) = spawn(worker(&fake).heartbeat_every(Duration::from_millis(2)), handler);
    fake.answer(CLAIM, handed_out(&["t1"])).await;
    loop {
        let heartbeat = fake.next(HEARTBEAT).await;
        let holds = heartbeat.body["holding"] == json!(["t1"]);
        heartbeat.reply(200, fake::acknowledged(if holds { &["t1"] } else { &[] }));
        if holds {
            break;
        }
    }
    endless.dropped.await.expect("the handler was begun");
    assert_eq!(
        end(&mut fake, stop, run).await,
        Summary {
            cancelled: 1,
            ..Summary::default()
        }
    );
}

#[tokio::test]
async fn a_lease_is_renewed_until_it_is_lost() {
    let mut fake = Fake::start().await;
    let (endless, handler) = Endless::new();
    let (stop, run) = spawn(worker(&fake), handler);
    let strict = WireTask {
        heartbeat_timeout_seconds: Some(1),
        ..task("t1")
    };
    fake.answer(CLAIM, json!({"tasks": [strict]})).await;
    let renewal = fake.next("POST /ains/tasks/t1/progress").await;
    assert_eq!(
        (&renewal.body["agent_id"], &renewal.body["attempt"]),
        (&json!("a1"), &json!(1))
    );
    renewal.reply(
        409,
        json!({"type": "/problems/lease-lost", "title": "Lease lost", "status": 409}),
    );
    endless.dropped.await.expect("the handler was begun");
    assert_eq!(end(&mut fake, stop, run).await.cancelled, 1);
}

#[tokio::test]
async fn a_drain_finishes_what_runs_and_gives_back_what_comes_late() {
    let mut fake = Fake::start().await;
    let gate = Arc::new(Semaphore::new(0));
    let handler_gate = Arc::clone(&gate);
    let (stop, run) = spawn(worker(&fake).concurrency(2), move |_| {
        let gate = Arc::clone(&handler_gate);
        async move {
            gate.acquire().await?.forget();
            Ok(json!({}))
        }
    });
    fake.answer(CLAIM, handed_out(&["t1"])).await;
    let waiting = fake.next(CLAIM).await;
    stop.send(()).expect("the worker listens");
    fake.answer(DRAIN, fake::agent("DRAINING")).await;
    let again = fake.next(CLAIM).await;
    assert_eq!(again.body["claim_id"], waiting.body["claim_id"]);
    assert_eq!(again.body["wait_seconds"], 0);
    again.reply(200, handed_out(&["t2"]));
    let release = fake.next("POST /ains/tasks/t2/release").await;
    assert_eq!(release.body, json!({"agent_id": "a1", "attempt": 1}));
    release.reply(200, fake::report_answer("t2", "PENDING"));
    gate.add_permits(1);
    let report = fake.next(REPORT).await;
    assert_eq!(reported(&report.body), ["t1"]);
    assert_eq!(report.body.get("claim"), None);
    let answer = taken(&report.body);
    report.reply(200, answer);
    let goodbye = loop {
        let heartbeat = fake.next(HEARTBEAT).await;
        let status = heartbeat.body["status"].clone();
        heartbeat.reply(200, fake::acknowledged(&[]));
        if status != "ACTIVE" {
            break status;
        }
    };
    assert_eq!(goodbye, "OFFLINE");
    let summary = run.await.expect("no panic").expect("no fault");
    assert_eq!(
        summary,
        Summary {
            completed: 1,
            released: 1,
            ..Summary::default()
        }
    );
}

#[tokio::test]
async fn a_handler_that_outlasts_the_drain_is_dropped_and_its_task_given_back() {
    let mut fake = Fake::start().await;
    let (endless, handler) = Endless::new();
    let (stop, run) = spawn(worker(&fake).drain_within(Duration::from_millis(1)), handler);
    fake.answer(CLAIM, handed_out(&["t1"])).await;
    endless.begun.await.expect("the handler is called");
    stop.send(()).expect("the worker listens");
    fake.answer(DRAIN, fake::agent("DRAINING")).await;
    fake.answer(
        "POST /ains/tasks/t1/release",
        fake::report_answer("t1", "PENDING"),
    )
    .await;
    endless.dropped.await.expect("the handler was begun");
    let summary = tokio::select! {
        summary = run => summary.expect("no panic").expect("no fault"),
        never = fake.serve(CLAIM, json!({"tasks": []})) => match never {},
    };
    assert_eq!(
        summary,
        Summary {
            released: 1,
            ..Summary::default()
        }
    );
}

#[tokio::test]
async fn an_agent_that_is_known_is_brought_up_to_date() {
    let mut fake = Fake::start_without_registration().await;
    let (stop, run) = spawn(worker(&fake).tag("fast").concurrency(3), |_| async {
        Ok(json!({}))
    });
    let registration = fake.next("POST /ains/agents").await;
    assert_eq!(registration.body["tags"], json!(["fast", "text:v1"]));
    assert_eq!(registration.body["heartbeat_interval_seconds"], 15);
    assert_eq!(registration.body["signature"].as_str().map(str::len), Some(128));
    registration.reply(
        409,
        json!({"type": "/problems/conflict", "title": "Conflict", "detail": "Agent already registered"}),
    );
    fake.answer("GET /ains/agents/a1", fake::agent("DRAINING")).await;
    let patch = fake.next("PATCH /ains/agents/a1").await;
    assert_eq!(patch.body["max_concurrency"], 3);
    patch.reply(200, fake::agent("DRAINING"));
    fake.answer("POST /ains/agents/a1/resume", fake::agent("AVAILABLE"))
        .await;
    let published = fake.next("POST /ains/agents/a1/capabilities").await;
    assert_eq!(published.body["name"], "text:v1");
    published.reply(200, json!({"capability_id": "cap_1", "status": "published"}));
    fake.answer(CLAIM, json!({"tasks": []})).await;
    assert_eq!(end(&mut fake, stop, run).await, Summary::default());
}

/// A worker drains its agent when it leaves, and the server shows what has left as INACTIVE only.
#[tokio::test]
async fn an_agent_that_has_left_is_resumed_when_it_is_taken_over() {
    for availability in ["INACTIVE", "AVAILABLE"] {
        let mut fake = Fake::start_without_registration().await;
        let (stop, run) = spawn(worker(&fake), |_| async { Ok(json!({})) });
        let taken = json!({"type": "/problems/already-exists", "title": "Already exists", "status": 409});
        fake.next("POST /ains/agents").await.reply(409, taken);
        fake.answer("GET /ains/agents/a1", fake::agent(availability))
            .await;
        fake.answer("PATCH /ains/agents/a1", fake::agent(availability))
            .await;
        fake.answer("POST /ains/agents/a1/resume", fake::agent("AVAILABLE"))
            .await;
        let published = json!({"capability_id": "cap_1", "status": "published"});
        fake.answer("POST /ains/agents/a1/capabilities", published).await;
        fake.answer(CLAIM, json!({"tasks": []})).await;
        assert_eq!(end(&mut fake, stop, run).await, Summary::default());
    }
}

#[tokio::test]
async fn a_worker_whose_key_has_no_right_to_claim_ends_with_that_problem() {
    let mut fake = Fake::start().await;
    let (_stop, run) = spawn(worker(&fake), |_| async { Ok(json!({})) });
    fake.next(CLAIM).await.reply(403, json!({"title": "Forbidden"}));
    fake.answer(DRAIN, fake::agent("DRAINING")).await;
    fake.answer(HEARTBEAT, fake::acknowledged(&[])).await;
    let error = tokio::select! {
        ended = run => ended.expect("no panic").expect_err("a fault"),
        never = fake.serve(HEARTBEAT, fake::acknowledged(&[])) => match never {},
    };
    assert_eq!(error.status(), Some(403));
}
