//! Schedules whose runs are chains, with the SDK at work: from the cron expression to the result of the last step.

use ains_client::{Client, Task, TaskError, Worker};
use ains_testkit::Backend;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::book::{Book, CLIENT, PATH, SECOND, at, book_when, create, every, micros, until};
use crate::caller::{Caller, text};
use crate::site::{Site, run};

const CAPABILITY: &str = "chains:v1";

/// Runs of the schedule that does well, and failures after which the other one is paused.
const RUNS: usize = 3;
const FAILURES: usize = 2;

#[test]
fn a_chain_is_run_by_cron_on_sqlite() {
    run(a_chain_is_run_by_cron(Backend::Sqlite));
}

#[test]
fn a_chain_is_run_by_cron_on_postgres() {
    run(a_chain_is_run_by_cron(Backend::Postgres));
}

async fn a_chain_is_run_by_cron(backend: Backend) {
    let Some(site) = Site::new(backend) else { return };
    let mut server = site.serve(&[]);
    let caller = Caller::new([server.url()]);
    let client = Client::new(server.url()).expect("a client can be made");
    let (end, ended) = oneshot::channel::<()>();
    let worker = Worker::new(client, "worker")
        .capability(CAPABILITY)
        .concurrency(4)
        .without_signals()
        .shutdown_on(async {
            let _ = ended.await;
        });
    let work = tokio::spawn(worker.run(work));
    tokio::join!(runs_end_well(&caller), runs_fail(&caller));
    end.send(()).expect("the worker is at work");
    work.await
        .expect("it does not panic")
        .expect("it ends as it should");
    assert!(server.terminate().success());
}

/// What the worker does: two numbers are added, what was given is shown, and what is broken fails.
async fn work(task: Task) -> Result<Value, TaskError> {
    let input: Value = task.input()?;
    let number = |name: &str| input[name].as_i64().unwrap_or_default();
    match &*task.task_type {
        "add" => Ok(json!({"sum": number("left") + number("right"), "slot": input["slot"]})),
        "show" => Ok(json!({"shown": input["previous_output"]})),
        _ => Err(TaskError::permanent("it is broken")),
    }
}

fn step(name: &str, task_type: &str, input: &Value) -> Value {
    json!({"name": name, "task_type": task_type, "capability_required": CAPABILITY, "input_data": input})
}

fn body(name: &str, steps: &[Value], more: &Value) -> Value {
    let mut body = json!({
        "name": name,
        "client_id": CLIENT,
        "cron_expression": "* * * * * *",
        "chain": {"name": format!("chain of {name}"), "input": {"by": 20}, "steps": steps},
    });
    let members = body.as_object_mut().expect("an object");
    members.extend(more.as_object().expect("an object").clone());
    body
}

async fn runs_end_well(caller: &Caller) {
    let mut show = step("show", "show", &json!({}));
    show["use_previous_output"] = json!(true);
    let input = json!({"left": "${{ input.by }}", "right": 22, "slot": "${{ input.slot_at }}"});
    let steps = [step("add", "add", &input), show];
    let id = create(caller, body("good", &steps, &json!({"max_runs": RUNS}))).await;
    let path = format!("{PATH}/{id}");
    let all_ran = |schedule: &Value| schedule["total_runs"] == RUNS;
    let schedule = until(caller, &path, all_ran).await;
    let counts = ["successful_runs", "failed_runs", "open_runs", "fired"].map(|name| &schedule[name]);
    assert_eq!(
        counts,
        [&json!(RUNS), &json!(0), &json!(0), &json!(RUNS)],
        "{schedule}"
    );
    assert_eq!(
        (
            &schedule["standing"],
            &schedule["ended_reason"],
            &schedule["next_run_at"]
        ),
        (
            &json!("ended"),
            &json!("`max_runs` slots have fired"),
            &Value::Null
        )
    );
    let book = Book::read(caller, &id).await;
    let last = at(book.slots.last().expect("it has slots"));
    let known = book.account(&every(1, 0, micros(&schedule["created_at"]), last));
    assert_eq!(known.len(), RUNS);
    for slot in book.fired() {
        let chain = text(slot, "chain_id");
        let chain = caller.get(&format!("/ains/task-chains/{chain}")).await;
        assert_eq!(chain["status"], "COMPLETED", "{chain}");
        assert_eq!(
            (&chain["name"], &chain["client_id"]),
            (&json!("chain of good"), &json!(CLIENT))
        );
        let added = json!({"sum": 42, "slot": slot["slot_at"]});
        let results = ["0", "1"].map(|step| &chain["step_results"][step]["data"]);
        assert_eq!(results, [&added, &json!({"shown": added})], "{chain}");
        assert_eq!(
            (&slot["outcome"], &slot["ended_at"]),
            (&json!("COMPLETED"), &chain["completed_at"])
        );
    }
}

async fn runs_fail(caller: &Caller) {
    let mut broken = step("broken", "break", &json!({}));
    broken["max_retries"] = json!(0);
    let more = json!({"pause_after_failures": FAILURES, "overlap_policy": "skip"});
    let id = create(caller, body("bad", &[broken], &more)).await;
    let schedule = until(caller, &format!("{PATH}/{id}"), |schedule| {
        schedule["active"] == false
    })
    .await;
    assert_eq!(
        (&schedule["standing"], &schedule["paused_reason"]),
        (&json!("paused"), &json!("2 runs in a row failed"))
    );
    let book = book_when(caller, &id, |book| book.schedule["open_runs"] == 0).await;
    let counts = ["total_runs", "successful_runs", "failed_runs"].map(|name| &book.schedule[name]);
    assert_eq!(
        counts,
        [&json!(FAILURES), &json!(0), &json!(FAILURES)],
        "{}",
        book.schedule
    );
    let outcomes: Vec<&Value> = book.fired().iter().map(|slot| &slot["outcome"]).collect();
    assert_eq!(outcomes, [&json!("FAILED"); FAILURES]);
    let until =
        at(book.slots.last().expect("it has slots")).max(micros(&book.fired()[FAILURES - 1]["ended_at"]));
    book.account(&every(
        1,
        0,
        micros(&schedule["created_at"]),
        until / SECOND * SECOND,
    ));
}
