//! The audit log and signed requests from end to end: the real binary, killed while it works, and a worker without a key.

#[path = "crash/site.rs"]
mod site;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ains_api::{AuditFilter, RegisterAgent, SubmitTask, TrustAdjust, TrustHistoryQuery};
use ains_client::{Client, Retry, Task, Worker};
use ains_testkit::Backend;
use serde_json::json;
use tokio::sync::Notify;

use site::{Site, run};

/// Bound of everything that is waited for.
const PATIENCE: Duration = Duration::from_mins(1);

/// Changes that are acknowledged before the kill.
const ENOUGH: usize = 200;

const KEY: &str = "ains_0123456789012345678901234567890123456789012";

fn sites() -> impl Iterator<Item = Site> {
    [Backend::Sqlite, Backend::Postgres]
        .into_iter()
        .filter_map(Site::new)
}

#[test]
fn after_a_kill_the_log_tells_what_was_done_and_nothing_else() {
    for site in sites() {
        run(async {
            let mut server = site.serve(&[]);
            let client = Client::new(server.url())
                .expect("an address")
                .with_retry(Retry::NEVER);
            let agent = RegisterAgent {
                agent_id: "a".into(),
                public_key: "00".into(),
                signature: "00".into(),
                display_name: "A".into(),
                endpoint: "http://127.0.0.1:1".into(),
                ..RegisterAgent::default()
            };
            client.register_agent(&agent).await.expect("an agent");
            let (done, enough) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
            let busy: Vec<_> = (0..8)
                .map(|_| {
                    tokio::spawn(until_it_fails(
                        client.clone(),
                        Arc::clone(&done),
                        Arc::clone(&enough),
                    ))
                })
                .collect();
            tokio::time::timeout(PATIENCE, enough.notified())
                .await
                .expect("changes");
            server.crash();
            let mut acknowledged = BTreeSet::new();
            for busy in busy {
                acknowledged.extend(busy.await.expect("somebody who is busy"));
            }
            server.start_again();
            let (logged, recorded) = (logged(&client).await, recorded(&client).await);
            assert!(acknowledged.len() >= ENOUGH);
            assert!(
                acknowledged.is_subset(&logged),
                "{:?}",
                acknowledged.difference(&logged)
            );
            assert_eq!(logged, recorded, "what is in the log is what was done");
            assert!(server.terminate().success());
        });
    }
}

/// Moves trust until the server is gone; the ids of the changes that it acknowledged.
async fn until_it_fails(client: Client, done: Arc<AtomicUsize>, enough: Arc<Notify>) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for n in 0_u32.. {
        let adjust = TrustAdjust {
            trust_delta: if n % 2 == 0 { 0.01 } else { -0.01 },
            reason: "checked".into(),
        };
        let Ok(adjusted) = client.adjust_trust("a", &adjust).await else {
            break;
        };
        acknowledged.push(adjusted.record_id);
        if done.fetch_add(1, Ordering::Relaxed) == ENOUGH {
            enough.notify_one();
        }
    }
    acknowledged
}

/// The changes of trust that the log tells of.
async fn logged(client: &Client) -> BTreeSet<String> {
    let mut filter = AuditFilter {
        limit: Some(1000),
        ..AuditFilter::default()
    };
    let mut found = BTreeSet::new();
    loop {
        let page = client.audit_logs(&filter).await.expect("a page");
        let Some(last) = page.last() else { return found };
        filter.cursor = Some(last.id.clone());
        for entry in page {
            let about = serde_json::to_value(&entry.extra_metadata).expect("JSON");
            found.extend(about["record_id"].as_str().map(str::to_owned));
        }
    }
}

/// The changes of trust that were made.
async fn recorded(client: &Client) -> BTreeSet<String> {
    let mut query = TrustHistoryQuery {
        limit: Some(200),
        ..TrustHistoryQuery::default()
    };
    let mut found = BTreeSet::new();
    loop {
        let page = client.trust_history("a", &query).await.expect("a page");
        let Some(last) = page.last() else { return found };
        query.cursor = Some(last.record_id.clone());
        found.extend(page.into_iter().map(|record| record.record_id));
    }
}

#[test]
fn a_worker_needs_a_key_for_registering_only() {
    for site in sites() {
        run(async {
            let settings = [
                ("AINS_AUTH", "on"),
                ("AINS_ADMIN_KEY", KEY),
                ("AINS_AGENT_IDENTITY", "verify"),
            ];
            let mut server = site.serve(&settings);
            let admin = Client::new(server.url()).expect("an address").with_key(KEY);
            // It may register agents, and not work as one.
            let wanted =
                json!({"client_id": "c", "name": "registers", "scopes": ["agent:write", "agent:read"]});
            let request = reqwest::Client::new().post(format!("{}/ains/api-keys", server.url()));
            let made = request
                .header("x-api-key", KEY)
                .json(&wanted)
                .send()
                .await
                .expect("an answer");
            let made: serde_json::Value = made.json().await.expect("a key");
            let key = made["api_key"].as_str().expect("a key");
            let client = Client::new(server.url()).expect("an address").with_key(key);
            let stop = Arc::new(Notify::new());
            let stopped = Arc::clone(&stop);
            let worker = Worker::new(client, "signs")
                .capability("text:v1")
                .sign_requests()
                .without_signals()
                .shutdown_on(async move { stopped.notified().await });
            let work = tokio::spawn(worker.run(|task: Task| async move { task.input() }));
            let task = SubmitTask {
                client_id: Some("c".into()),
                task_type: Some("echo".into()),
                capability_required: Some("text:v1".into()),
                input_data: Some(json!({"n": 1}).into()),
                ..SubmitTask::default()
            };
            let created = admin.submit(&task).await.expect("a task");
            let ended = admin.wait_for_task(&created.task_id, 60).await.expect("an end");
            assert_eq!(ended.status, "COMPLETED");
            stop.notify_one();
            let summary = tokio::time::timeout(PATIENCE, work).await.expect("it stops");
            summary.expect("a worker").expect("a clean end");
            let denied = AuditFilter {
                event_type: Some("access_denied".into()),
                ..AuditFilter::default()
            };
            assert_eq!(admin.audit_logs(&denied).await.expect("a page"), []);
            assert!(server.terminate().success());
        });
    }
}
