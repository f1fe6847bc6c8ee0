//! A client that comes second does not wait for all that the first has put in.

use ains_testkit::Backend;
use serde_json::{Value, json};

use crate::caller::{Caller, task};
use crate::site::{Site, run};

/// Tasks of the client that came first: the issue says 100,000, and the number must not matter.
const MANY: usize = 5_000;

/// Tasks of one request.
const BATCH: usize = 1_000;

/// Tasks of the client that came second.
const FEW: usize = 10;

/// Hand-outs within which it must have got all of them.
const SOON: usize = 30;

#[test]
fn few_tasks_do_not_wait_for_many_on_sqlite() {
    run(few_do_not_wait_for_many(Backend::Sqlite));
}

#[test]
fn few_tasks_do_not_wait_for_many_on_postgres() {
    run(few_do_not_wait_for_many(Backend::Postgres));
}

async fn few_do_not_wait_for_many(backend: Backend) {
    let Some(site) = Site::new(backend) else { return };
    let mut server = site.serve(&[]);
    let caller = Caller::new([server.url()]);
    caller
        .register("agent", "text:v1", json!({"max_concurrency": 1000}))
        .await;
    // An agent that has claimed is pushed nothing.
    assert!(caller.claim("agent", json!({})).await.is_empty());
    put_in(&caller, "many", MANY).await;
    // The first has had its turns for a while.
    assert_eq!(caller.claim("agent", json!({"max": 50})).await.len(), 50);
    put_in(&caller, "few", FEW).await;
    let mut handed = Vec::new();
    for _ in 0..SOON {
        let tasks = caller.claim("agent", json!({"max": 1})).await;
        assert_eq!(tasks.len(), 1);
        handed.push(tasks[0]["client_id"].clone());
    }
    let of_few = handed.iter().filter(|client| **client == "few").count();
    assert_eq!(of_few, FEW, "{handed:?}");
    server.terminate();
}

async fn put_in(caller: &Caller, client: &str, count: usize) {
    let tasks: Vec<Value> = (0..count).map(|number| task(client, "text:v1", number)).collect();
    for (number, batch) in tasks.chunks(BATCH).enumerate() {
        let body = json!({"tasks": batch});
        let answer = caller
            .make("/ains/tasks/batch", &body, &format!("{client}-{number}"))
            .await;
        assert_eq!(answer["created"], batch.len());
    }
}
