//! SIGTERM while agents wait for work and clients submit.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ains_testkit::Backend;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::caller::{Caller, list, task, text};
use crate::site::{Site, run};

/// Agents that wait.
const WAITING: usize = 20;

/// Clients that submit.
const CLIENTS: usize = 8;

/// Submissions that are acknowledged before it ends.
const BEFORE: usize = 100;

/// How long the end may take (semantics §10).
const END: Duration = Duration::from_secs(10);

/// How long the agents may take to wait, and between two looks whether they do.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(20), Duration::from_millis(10));

#[test]
fn sigterm_answers_everybody_and_keeps_what_was_acknowledged_on_sqlite() {
    run(sigterm_answers_everybody(Backend::Sqlite));
}

#[test]
fn sigterm_answers_everybody_and_keeps_what_was_acknowledged_on_postgres() {
    run(sigterm_answers_everybody(Backend::Postgres));
}

/// What became of a client's submissions.
#[derive(Debug, Default)]
struct Submitted {
    acknowledged: Vec<String>,
    refused: usize,
    /// Requests that the server never took: it had stopped accepting.
    not_taken: Vec<String>,
}

async fn sigterm_answers_everybody(backend: Backend) {
    let Some(site) = Site::new(backend) else { return };
    let mut server = site.serve(&[]);
    let caller = Caller::new([server.url()]);
    let mut polls = JoinSet::new();
    for number in 0..WAITING {
        let id = format!("agent-{number}");
        caller.register(&id, "awaited:v1", json!({})).await;
        // From now on it can be handed something only while a claim of its waits.
        caller.claim(&id, json!({})).await;
        let url = format!("{}/ains/agents/{id}/claim", server.url());
        polls.spawn(async move { post(&http(), &url, &json!({"wait_seconds": 60})).await });
    }
    until_all_wait(&caller).await;

    let acknowledged = Arc::new(watch::Sender::new(0_usize));
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let (url, acknowledged) = (format!("{}/ains/tasks", server.url()), Arc::clone(&acknowledged));
        clients.spawn(async move { submit(&url, number, &acknowledged).await });
    }
    let mut watched = acknowledged.subscribe();
    let enough = watched.wait_for(|count| *count >= BEFORE);
    tokio::time::timeout(PATIENCE.0, enough)
        .await
        .expect("submissions go on")
        .expect("clients submit");

    let asked = Instant::now();
    let status = server.terminate();
    let took = asked.elapsed();
    assert_eq!(status.code(), Some(0));
    assert!(took < END, "it took {took:?}");
    while let Some(poll) = polls.join_next().await {
        let (status, body) = poll.expect("a claim is sent").expect("a claim is answered");
        assert_eq!((status, body), (200, json!({"tasks": []})));
    }
    let mut all = Submitted::default();
    while let Some(client) = clients.join_next().await {
        let client = client.expect("a client does not fail");
        all.acknowledged.extend(client.acknowledged);
        all.refused += client.refused;
        all.not_taken.extend(client.not_taken);
    }

    server.start_again();
    let mut stored = stored(&caller).await;
    stored.sort_unstable();
    all.acknowledged.sort_unstable();
    // Not one less, and not one more: what was taken was answered.
    assert_eq!(
        stored, all.acknowledged,
        "refused {}, not taken {:?}",
        all.refused, all.not_taken
    );
    server.terminate();
}

fn http() -> Client {
    Client::builder()
        .no_proxy()
        .build()
        .expect("a client can be made")
}

async fn post(http: &Client, url: &str, body: &Value) -> reqwest::Result<(u16, Value)> {
    let answer = http.post(url).json(body).send().await?;
    let status = answer.status().as_u16();
    let body = answer.bytes().await?;
    Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
}

/// Waits until every agent could be handed a task, which is to say that its claim waits.
async fn until_all_wait(caller: &Caller) {
    let test = json!({"capability_required": "awaited:v1"});
    let begun = Instant::now();
    loop {
        let routing = caller.post("/ains/routing/test", &test).await;
        let candidates = list(&routing, "candidates");
        let waiting = candidates
            .iter()
            .filter(|candidate| candidate["score"].is_number())
            .count();
        if waiting == WAITING {
            return;
        }
        assert!(begun.elapsed() < PATIENCE.0, "{waiting} wait: {routing}");
        tokio::time::sleep(PATIENCE.1).await;
    }
}

/// Submits until the server is gone.
async fn submit(url: &str, client: usize, acknowledged: &watch::Sender<usize>) -> Submitted {
    let (http, mut submitted) = (http(), Submitted::default());
    for number in 0.. {
        let body = task(&format!("client-{client}"), "other:v1", number);
        match post(&http, url, &body).await {
            Ok((200, created)) => {
                submitted.acknowledged.push(text(&created, "task_id"));
                acknowledged.send_modify(|count| *count += 1);
            }
            Ok((503, problem)) => {
                assert_eq!(problem["type"], "/problems/unavailable", "{problem}");
                submitted.refused += 1;
            }
            Ok(other) => panic!("{other:?}"),
            Err(failure) => {
                let is_end = failure.is_connect();
                submitted.not_taken.push(format!("{failure:?}"));
                if is_end {
                    break;
                }
            }
        }
    }
    submitted
}

/// The ids of all tasks.
async fn stored(caller: &Caller) -> Vec<String> {
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = caller.get(&format!("/ains/tasks?limit=200{cursor}")).await;
        ids.extend(list(&page, "tasks").iter().map(|task| text(task, "task_id")));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return ids,
        }
    }
}
