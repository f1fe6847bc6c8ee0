//! Calls servers, for as long as it takes, also while they are killed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::{Client, Method};
use serde_json::{Value, json};

/// How long an answer may take: longer than the longest claim of these tests waits.
const ANSWER: Duration = Duration::from_secs(40);

/// How long no server at all may answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(20);

/// Whoever calls. Clones share what they know of the servers.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    http: Client,
    urls: Arc<[String]>,
    /// Which server answered last.
    current: Arc<AtomicUsize>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Caller {
    /// Somebody who calls the first of these servers, and the next whenever one does not answer.
    pub(crate) fn new(urls: impl IntoIterator<Item = String>) -> Self {
        let http = Client::builder().no_proxy().timeout(ANSWER).build();
        Self {
            http: http.expect("a client can be made"),
            urls: urls.into_iter().collect(),
            current: Arc::default(),
        }
    }

    /// Asks until there is an answer that is not "come again": one that may be sent twice.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Answer {
        let begun = Instant::now();
        loop {
            let current = self.current.load(Ordering::Relaxed);
            let url = format!("{}{path}", self.urls[current % self.urls.len()]);
            let mut request = self.http.request(method.clone(), &url);
            if let Some(body) = body {
                request = request.json(body);
            }
            if let Some(key) = key {
                request = request.header("idempotency-key", key);
            }
            let fault = match once(request).await {
                Ok(answer) if !matches!(answer.status, 429 | 502 | 503 | 504) => return answer,
                Ok(answer) => format!("{answer:?}"),
                Err(failure) => format!("{failure:?}"),
            };
            assert!(
                begun.elapsed() < PATIENCE,
                "{method} {url} for {PATIENCE:?}: {fault}"
            );
            let next = current.wrapping_add(1);
            let _ = self
                .current
                .compare_exchange(current, next, Ordering::Relaxed, Ordering::Relaxed);
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The answer to a GET, which must be a success.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self.ask(Method::GET, path, None, None).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.body
    }

    /// The answer to a POST that may be sent twice, which must be a success.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.ask(Method::POST, path, Some(body), None).await;
        assert_eq!(answer.status, 200, "{path} {body}: {answer:?}");
        answer.body
    }

    /// As [`post`](Self::post), for what is not to be made twice.
    pub(crate) async fn make(&self, path: &str, body: &Value, key: &str) -> Value {
        let answer = self.ask(Method::POST, path, Some(body), Some(key)).await;
        assert_eq!(answer.status, 200, "{path} {body}: {answer:?}");
        answer.body
    }

    /// Registers an agent of this name and with this one tag; `more` goes over it.
    pub(crate) async fn register(&self, id: &str, tag: &str, more: Value) {
        let mut body = json!({
            "agent_id": id,
            "public_key": "1f".repeat(32),
            "display_name": id,
            "endpoint": "http://127.0.0.1:1",
            "signature": "2e".repeat(64),
            "tags": [tag],
        });
        if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
            body.extend(more);
        }
        self.make("/ains/agents", &body, &format!("register-{id}")).await;
    }

    /// Claims, and says the tasks.
    pub(crate) async fn claim(&self, agent: &str, claim: Value) -> Vec<Value> {
        let answer = self.post(&format!("/ains/agents/{agent}/claim"), &claim).await;
        list(&answer, "tasks")
    }

    /// Submits one task under a key, and says its id.
    pub(crate) async fn submit(&self, task: &Value, key: &str) -> String {
        text(&self.make("/ains/tasks", task, key).await, "task_id")
    }

    /// Completes an attempt that must still be the agent's.
    pub(crate) async fn complete(&self, agent: &str, task: &Value, result: &Value) {
        let path = format!("/ains/tasks/{}/complete", text(task, "task_id"));
        let body = json!({"agent_id": agent, "attempt": task["attempt"], "result_data": result});
        let answer = self.post(&path, &body).await;
        assert_eq!(answer["status"], "COMPLETED", "{answer}");
    }
}

async fn once(request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
    let answer = request.send().await?;
    let status = answer.status().as_u16();
    let body = answer.bytes().await?;
    Ok(Answer {
        status,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    })
}

/// The body of a submission.
pub(crate) fn task(client: &str, capability: &str, number: usize) -> Value {
    json!({
        "client_id": client,
        "task_type": "crash",
        "capability_required": capability,
        "input_data": {"number": number},
    })
}

/// The text of a member.
#[track_caller]
pub(crate) fn text(value: &Value, member: &str) -> String {
    let text = value[member].as_str();
    text.unwrap_or_else(|| panic!("no text `{member}` in {value}"))
        .to_owned()
}

/// The elements of a member that is a list.
#[track_caller]
pub(crate) fn list(value: &Value, member: &str) -> Vec<Value> {
    let list = value[member].as_array();
    list.unwrap_or_else(|| panic!("no list `{member}` in {value}"))
        .clone()
}
