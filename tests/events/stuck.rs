//! A follower that reads nothing costs nobody else anything.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use ains_client::api::EventQuery;
use ains_client::{Client, Heard};
use ains_testkit::Backend;
use serde_json::{Value, json};

use crate::caller::{Caller, list, text};
use crate::site::{Site, run};

/// Tasks that are submitted, and cancelled, at once.
const BATCH: usize = 1000;

/// More than the queue of a follower and the buffers of its connection hold.
const ROUNDS: usize = 8;

#[test]
fn who_reads_nothing_is_let_go_and_delays_nobody_on_sqlite() {
    run(who_reads_nothing_is_let_go(Backend::Sqlite));
}

#[test]
fn who_reads_nothing_is_let_go_and_delays_nobody_on_postgres() {
    run(who_reads_nothing_is_let_go(Backend::Postgres));
}

async fn who_reads_nothing_is_let_go(backend: Backend) {
    let Some(site) = Site::new(backend) else { return };
    let mut server = site.serve(&[]);
    let address = server.url().trim_start_matches("http://").to_owned();
    let mut stuck = TcpStream::connect(&address).expect("a connection");
    stuck
        .write_all(b"GET /ains/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .expect("the server reads");
    let mut first = [0; 12];
    stuck.read_exact(&mut first).expect("the server answers");
    assert_eq!(&first, b"HTTP/1.1 200");

    let client = Client::new(server.url()).expect("a URL");
    let mut events = client
        .follow(EventQuery::default())
        .await
        .expect("it can be followed");
    let expected = 2 * BATCH * ROUNDS;
    let listener = tokio::spawn(async move {
        let mut heard = 0;
        while heard < expected {
            let next = tokio::time::timeout(Duration::from_secs(60), events.next()).await;
            match next.expect("something happens").expect("the server goes on") {
                Heard::Event(_) => heard += 1,
                Heard::Gap => panic!("nothing is old"),
            }
        }
    });
    let caller = Caller::new([server.url()]);
    let (long, reason) = ("x".repeat(200), "because ".repeat(128));
    for round in 0..ROUNDS {
        let task = json!({
            "client_id": long, "task_type": long, "capability_required": long, "input_data": {}, "name": long
        });
        let tasks: Vec<Value> = vec![task; BATCH];
        let key = format!("batch-{round}");
        let created = caller
            .make("/ains/tasks/batch", &json!({"tasks": tasks}), &key)
            .await;
        let ids: Vec<String> = list(&created, "tasks")
            .iter()
            .map(|task| text(task, "task_id"))
            .collect();
        let cancelled = caller
            .post("/ains/tasks/cancel", &json!({"task_ids": ids, "reason": reason}))
            .await;
        let results = list(&cancelled, "results");
        assert!(
            results.iter().all(|result| result["status"] == "CANCELLED"),
            "{cancelled}"
        );
    }
    listener.await.expect("who listens hears everything");
    let told = tokio::task::spawn_blocking(move || {
        stuck
            .set_read_timeout(Some(Duration::from_secs(30)))
            .expect("a time-out");
        let mut told = Vec::new();
        stuck.read_to_end(&mut told).map(|_| told)
    });
    let told = told.await.expect("a thread").expect("the stream ends");
    let told = String::from_utf8(told).expect("text");
    assert_eq!(told.matches("event: ains.too_slow").count(), 1);
    assert!(told.matches("event: task.").count() < expected);
    assert!(server.terminate().success());
}
