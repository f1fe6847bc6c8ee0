//! Agents that let their tasks down: one that vanishes, one that reports late, one that never starts, and a task that
//! takes every agent down with it.

use ains_testkit::Backend;
use reqwest::Method;
use serde_json::{Value, json};

use crate::caller::{Caller, list, task, text};
use crate::site::{Server, Site, run};

/// Both databases for each of these.
macro_rules! on_both {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[test] fn $test() { super::on(ains_testkit::Backend::Sqlite, super::$test); })+
        }
        mod postgres {
            $(#[test] fn $test() { super::on(ains_testkit::Backend::Postgres, super::$test); })+
        }
    };
}

on_both!(
    the_task_of_an_agent_that_vanishes_is_done_by_another,
    what_an_agent_never_starts_is_given_to_another,
    a_task_that_takes_three_agents_down_is_poison_and_names_them,
    what_was_pushed_before_the_first_claim_comes_with_the_claims,
);

/// Seconds after which silence of these agents is noticed: three of their intervals.
const BRIEF: i64 = 1;

/// Claims of that many seconds after which a task should have come.
const CLAIMS: usize = 20;

fn on(backend: Backend, test: impl AsyncFnOnce(&Caller)) {
    run(async {
        let Some(site) = Site::new(backend) else { return };
        let mut server: Server = site.serve(&[("AINS_ASSIGNMENT_TIMEOUT_SECONDS", "1")]);
        test(&Caller::new([server.url()])).await;
        server.terminate();
    });
}

/// Registers an agent that is expected to call every second.
async fn brief(caller: &Caller, id: &str, tag: &str) {
    let more = json!({"heartbeat_interval_seconds": BRIEF});
    caller.register(id, tag, more).await;
}

/// The one task that an agent gets that asks again and again, each time a sign of life.
async fn take(caller: &Caller, agent: &str) -> Value {
    for _ in 0..CLAIMS {
        if let Some(task) = caller.claim(agent, json!({"wait_seconds": BRIEF})).await.pop() {
            return task;
        }
    }
    panic!("{agent} waits in vain");
}

async fn read(caller: &Caller, id: &str) -> Value {
    caller.get(&format!("/ains/tasks/{id}")).await
}

/// Every kind of report that `agent` may send about an attempt is refused, and changes nothing.
async fn is_refused(caller: &Caller, agent: &str, id: &str, attempt: Value) {
    let before = read(caller, id).await;
    // To say that a task failed which has failed is to say nothing new.
    let has_failed = before["status"] == "FAILED";
    let reports = [
        ("start", json!({})),
        ("progress", json!({"percent": 99.0, "message": "nearly"})),
        ("complete", json!({"result_data": {"by": agent}})),
        ("fail", json!({"error_message": "invalid input"})),
        ("release", json!({})),
    ];
    for (kind, mut body) in reports
        .into_iter()
        .filter(|(kind, _)| *kind != "fail" || !has_failed)
    {
        body["agent_id"] = json!(agent);
        if !attempt.is_null() {
            body["attempt"] = attempt.clone();
        }
        let path = format!("/ains/tasks/{id}/{kind}");
        let answer = caller.ask(Method::POST, &path, Some(&body), None).await;
        assert_eq!(
            (answer.status, &answer.body["type"]),
            (409, &json!("/problems/lease-lost")),
            "{kind} {body}: {answer:?}"
        );
    }
    let result =
        json!({"task_id": id, "attempt": attempt, "status": "COMPLETED", "result_data": {"by": agent}});
    let path = format!("/ains/agents/{agent}/report");
    let answer = caller.post(&path, &json!({"results": [result]})).await;
    let problem = &list(&answer, "results")[0]["problem"];
    assert_eq!(problem["type"], "/problems/lease-lost", "{answer}");
    assert_eq!(read(caller, id).await, before, "nothing has changed");
}

async fn attempts(caller: &Caller, id: &str) -> Vec<(String, String)> {
    let answer = caller.get(&format!("/ains/tasks/{id}/attempts")).await;
    list(&answer, "attempts")
        .iter()
        .map(|attempt| (text(attempt, "agent_id"), text(attempt, "outcome")))
        .collect()
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter()
        .map(|(agent, outcome)| ((*agent).to_owned(), (*outcome).to_owned()))
        .collect()
}

async fn the_task_of_an_agent_that_vanishes_is_done_by_another(caller: &Caller) {
    brief(caller, "vanishing", "text:v1").await;
    caller.register("faithful", "text:v1", json!({})).await;
    let id = caller.submit(&task("client", "text:v1", 1), "one").await;
    let lost = take(caller, "vanishing").await;
    assert_eq!((&lost["task_id"], &lost["attempt"]), (&json!(id), &json!(1)));
    // Not a sign of life from here on: only others call.
    let again = take(caller, "faithful").await;
    assert_eq!(
        (&again["task_id"], &again["attempt"], &again["lost_leases"]),
        (&json!(id), &json!(2), &json!(1))
    );
    let gone = caller.get("/ains/agents/vanishing").await;
    assert_eq!(
        (&gone["status"], &gone["active_tasks"]),
        (&json!("INACTIVE"), &json!(0))
    );
    assert!(gone["trust_score"].as_f64() < Some(0.5), "{gone}");

    for attempt in [json!(1), Value::Null] {
        is_refused(caller, "vanishing", &id, attempt).await;
    }
    caller
        .complete("faithful", &again, &json!({"by": "faithful"}))
        .await;
    for attempt in [json!(1), Value::Null] {
        is_refused(caller, "vanishing", &id, attempt).await;
    }
    let done = read(caller, &id).await;
    assert_eq!(
        (&done["status"], &done["result_data"]),
        (&json!("COMPLETED"), &json!({"by": "faithful"}))
    );
    assert_eq!(done["retry_count"], 0, "a lost lease costs no retry");
    let expected = pairs(&[("vanishing", "lease_lost"), ("faithful", "completed")]);
    assert_eq!(attempts(caller, &id).await, expected);
}

async fn what_an_agent_never_starts_is_given_to_another(caller: &Caller) {
    caller.register("sleeping", "text:v1", json!({})).await;
    let id = caller.submit(&task("client", "text:v1", 1), "one").await;
    let pushed = read(caller, &id).await;
    assert_eq!(
        (&pushed["status"], &pushed["assigned_agent_id"]),
        (&json!("ASSIGNED"), &json!("sleeping"))
    );

    caller.register("awake", "text:v1", json!({})).await;
    let taken = take(caller, "awake").await;
    assert_eq!((&taken["task_id"], &taken["attempt"]), (&json!(id), &json!(2)));
    assert_eq!(
        (&taken["retry_count"], &taken["lost_leases"]),
        (&json!(0), &json!(0))
    );

    // Nothing more is pushed to it, until it calls again.
    let second = caller.submit(&task("client", "text:v1", 2), "two").await;
    assert_eq!(read(caller, &second).await["status"], "PENDING");
    is_refused(caller, "sleeping", &id, json!(1)).await;
    let second = read(caller, &second).await;
    let woken = caller.submit(&task("client", "text:v1", 3), "three").await;
    let woken = read(caller, &woken).await;
    assert_eq!(
        woken["assigned_agent_id"], "sleeping",
        "it has called: {second} {woken}"
    );

    caller.complete("awake", &taken, &json!({})).await;
    let expected = pairs(&[("sleeping", "not_started"), ("awake", "completed")]);
    assert_eq!(attempts(caller, &id).await, expected);
}

async fn a_task_that_takes_three_agents_down_is_poison_and_names_them(caller: &Caller) {
    let victims = ["first", "second", "third"];
    let id = caller.submit(&task("client", "text:v1", 1), "poison").await;
    for (number, victim) in victims.into_iter().enumerate() {
        brief(caller, victim, "text:v1").await;
        let taken = take(caller, victim).await;
        assert_eq!(
            (&taken["task_id"], &taken["attempt"]),
            (&json!(id), &json!(number + 1))
        );
    }
    let ended = caller.get(&format!("/ains/tasks/{id}?wait_seconds=30")).await;
    assert_eq!(
        (&ended["status"], &ended["retry_count"]),
        (&json!("FAILED"), &json!(0)),
        "{ended}"
    );
    let message = text(&ended, "error_message");
    assert!(message.starts_with("poison"), "{message}");
    assert!(victims.iter().all(|victim| message.contains(victim)), "{message}");
    assert_eq!(
        attempts(caller, &id).await,
        pairs(&victims.map(|victim| (victim, "lease_lost")))
    );
    is_refused(caller, "third", &id, json!(3)).await;
}

async fn what_was_pushed_before_the_first_claim_comes_with_the_claims(caller: &Caller) {
    caller.register("eager", "text:v1", json!({})).await;
    let mut pushed = Vec::new();
    for number in 0..5 {
        let id = caller
            .submit(&task("client", "text:v1", number), &format!("task-{number}"))
            .await;
        assert_eq!(read(caller, &id).await["status"], "ASSIGNED");
        pushed.push(id);
    }
    let mut taken = Vec::new();
    for _ in &pushed {
        let tasks = caller.claim("eager", json!({"max": 1})).await;
        assert_eq!(tasks.len(), 1, "{} of {} came", taken.len(), pushed.len());
        caller.complete("eager", &tasks[0], &json!({})).await;
        taken.push(text(&tasks[0], "task_id"));
    }
    taken.sort_unstable();
    pushed.sort_unstable();
    assert_eq!(taken, pushed);
}
