//! Asks a server as the original's clients do, and checks the form of every answer.

use std::sync::Arc;
use std::time::Duration;

use ains_testkit::Backend;
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::world::{World, fresh, run_on};

/// How long a condition that nothing announces may take to come true, and a request to be answered.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often such a condition is looked at.
const GLANCE: Duration = Duration::from_millis(10);

/// A client of one server.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    world: Arc<World>,
    http: Client,
}

impl From<Arc<World>> for Api {
    fn from(world: Arc<World>) -> Self {
        let http = Client::builder().no_proxy().timeout(PATIENCE).build();
        Self {
            world,
            http: http.expect("a client can be made"),
        }
    }
}

impl Api {
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::PUT, path, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::PATCH, path, Some(body)).await
    }

    /// Without a body: the original takes many things in the query.
    pub(crate) async fn bare(&self, method: Method, path: &str) -> Answer {
        self.ask(method, path, None).await
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let asked = format!("{method} {path} {}", body.as_ref().unwrap_or(&Value::Null));
        let mut request = self.http.request(method, format!("{}{path}", self.world.url()));
        if let Some(body) = &body {
            request = request.json(body);
        }
        let answer = request
            .send()
            .await
            .unwrap_or_else(|failure| panic!("{asked}: {failure:?}"));
        let status = answer.status().as_u16();
        let header = |name| {
            let value = answer.headers().get(name);
            let value = value.and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let (content_type, link) = (header("content-type"), header("link"));
        let text = answer
            .text()
            .await
            .unwrap_or_else(|failure| panic!("{asked}: {failure:?}"));
        Answer {
            asked,
            status,
            content_type,
            link,
            text,
        }
    }

    /// Asks until `enough` holds of the answer, which is then returned.
    pub(crate) async fn until(&self, path: &str, enough: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let waiting = async {
            loop {
                last = self.get(path).await.ok();
                if enough(&last) {
                    break;
                }
                tokio::time::sleep(GLANCE).await;
            }
        };
        let came = tokio::time::timeout(PATIENCE, waiting).await.is_ok();
        assert!(
            came,
            "waited {PATIENCE:?} for something of {path}, and it is {last}"
        );
        last
    }

    /// Registers an agent as the original's tests do, and returns its id.
    pub(crate) async fn agent(&self) -> String {
        let id = fresh("agent");
        self.post("/ains/agents", registration(&id)).await.ok();
        id
    }

    /// Publishes a capability of `agent`.
    pub(crate) async fn publish(&self, agent: &str, capability: &str) {
        let path = format!("/ains/agents/{agent}/capabilities");
        self.post(&path, publication(capability)).await.ok();
    }

    /// An agent and a capability that only it has. It has sent no heartbeat, so nothing of `/aitp` is pushed to it.
    pub(crate) async fn provider(&self) -> (String, String) {
        let (agent, capability) = (self.agent().await, format!("{}:v1", fresh("capability")));
        self.publish(&agent, &capability).await;
        (agent, capability)
    }

    /// Sends a heartbeat, and returns the answer.
    pub(crate) async fn heartbeat(&self, agent: &str, status: &str) -> Answer {
        let path = format!("/ains/agents/{agent}/heartbeat");
        self.post(&path, pulse(status)).await
    }

    /// Submits a task by the earlier protocol, and returns its id.
    pub(crate) async fn submit(&self, client: &str, capability: &str, more: Value) -> String {
        let created = self
            .post("/aitp/tasks", submission(client, capability, more))
            .await
            .ok();
        text(&created, "task_id")
    }

    /// The task as the earlier protocol shows it.
    pub(crate) async fn task(&self, id: &str) -> Value {
        self.get(&format!("/aitp/tasks/{id}")).await.ok()
    }

    /// The whole task.
    pub(crate) async fn whole(&self, id: &str) -> Value {
        self.get(&format!("/ains/tasks/{id}")).await.ok()
    }

    /// The whole task, once it has ended.
    pub(crate) async fn ended(&self, id: &str) -> Value {
        let task = self.get(&format!("/ains/tasks/{id}?wait_seconds=20")).await.ok();
        let ended = ["COMPLETED", "FAILED", "CANCELLED"].map(Value::from);
        assert!(ended.contains(&task["status"]), "it has not ended: {task}");
        task
    }

    /// A provider that has sent a heartbeat, and a task of its own that it was pushed.
    pub(crate) async fn assigned(&self, more: Value) -> (String, String) {
        let (agent, capability) = self.provider().await;
        self.heartbeat(&agent, "ACTIVE").await.ok();
        let task = self.submit(&agent, &capability, more).await;
        self.until(&format!("/aitp/tasks/{task}"), |task| {
            task["status"] == "ASSIGNED"
        })
        .await;
        (agent, task)
    }

    /// As [`assigned`](Self::assigned), and the agent has begun.
    pub(crate) async fn active(&self, more: Value) -> (String, String) {
        let (agent, task) = self.assigned(more).await;
        self.report(&agent, &task, json!({"status": "ACTIVE"})).await.ok();
        (agent, task)
    }

    /// As [`active`](Self::active), and the agent has completed it.
    pub(crate) async fn completed(&self) -> (String, String) {
        let (agent, task) = self.active(json!({})).await;
        self.complete(&agent, &task, json!({})).await;
        (agent, task)
    }

    /// Reports on a task by the earlier protocol.
    pub(crate) async fn report(&self, agent: &str, task: &str, body: Value) -> Answer {
        let path = format!("/aitp/tasks/{task}/status?agent_id={agent}");
        self.put(&path, body).await
    }

    /// Reports a result.
    pub(crate) async fn complete(&self, agent: &str, task: &str, result: Value) {
        let body = json!({"status": "COMPLETED", "result_data": result});
        self.report(agent, task, body).await.ok();
    }

    /// Reports a failure.
    pub(crate) async fn fail(&self, agent: &str, task: &str, message: &str) -> Value {
        let body = json!({"status": "FAILED", "error_message": message});
        self.report(agent, task, body).await.ok()
    }

    /// Sets an agent's trust, which is 0.5 at first.
    pub(crate) async fn trust(&self, agent: &str, score: f64) {
        let path = format!("/ains/agents/{agent}/trust/adjust");
        let body = json!({"trust_delta": score - 0.5, "reason": "for this test"});
        self.post(&path, body).await.ok();
    }
}

/// Runs a test on a server that no other test asks, so that it knows all there is.
pub(crate) fn run_alone(backend: Backend, test: impl AsyncFnOnce(&Api)) {
    if let Some(world) = World::alone(backend) {
        run_on(&world, async |world| test(&world.into()).await);
    }
}

/// As `on_both`, each test on a server of its own.
macro_rules! on_own_servers {
    ($($test:ident),+ $(,)?) => {
        mod alone {
            mod sqlite {
                $(#[test] fn $test() { crate::api::run_alone(ains_testkit::Backend::Sqlite, super::super::$test); })+
            }
            mod postgres {
                $(#[test] fn $test() { crate::api::run_alone(ains_testkit::Backend::Postgres, super::super::$test); })+
            }
        }
    };
}
pub(crate) use on_own_servers;

/// What the server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    asked: String,
    status: u16,
    content_type: String,
    link: String,
    text: String,
}

impl Answer {
    /// The JSON of a success, which is always 200.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        let Self { asked, text, .. } = self;
        assert_eq!(self.status, 200, "{asked}: {text}");
        assert_eq!(self.content_type, "application/json", "{asked}: {text}");
        self.json()
    }

    /// The path of the next page, if there is one.
    pub(crate) fn next(&self) -> Option<String> {
        let (path, rest) = self.link.strip_prefix('<')?.split_once('>')?;
        assert_eq!(rest, "; rel=\"next\"", "{}", self.asked);
        Some(path.to_owned())
    }

    /// The problem of a refusal with this status.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16) -> Value {
        let Self { asked, text, .. } = self;
        assert_eq!(self.status, status, "{asked}: {text}");
        assert_eq!(self.content_type, "application/problem+json", "{asked}: {text}");
        let problem = self.json();
        assert_eq!(problem["status"], status, "{asked}: {text}");
        for member in ["type", "title", "detail", "instance"] {
            assert!(problem[member].is_string(), "{asked}: no `{member}` in {text}");
        }
        problem
    }

    /// Checks that it is a refusal with this status and this sentence.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, detail: &str) {
        assert_eq!(self.problem(status)["detail"], detail, "{}", self.asked);
    }

    /// The places of the faults of a 422, in order.
    #[track_caller]
    pub(crate) fn faults(&self) -> Vec<String> {
        let problem = self.problem(422);
        let faults = problem["errors"].as_array().expect("a 422 lists its faults");
        let mut places: Vec<_> = faults.iter().map(|fault| text(fault, "pointer")).collect();
        places.sort_unstable();
        places
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("{}: {error} in {}", self.asked, self.text))
    }
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
pub(crate) fn list<'value>(value: &'value Value, member: &str) -> &'value [Value] {
    let list = value[member].as_array();
    list.unwrap_or_else(|| panic!("no list `{member}` in {value}"))
}

/// The member `name` of every element.
pub(crate) fn each<'value>(elements: &'value [Value], name: &str) -> Vec<&'value Value> {
    elements.iter().map(|element| &element[name]).collect()
}

/// The names of the members, in alphabetical order.
#[track_caller]
pub(crate) fn members(value: &Value) -> Vec<&str> {
    let object = value
        .as_object()
        .unwrap_or_else(|| panic!("not an object: {value}"));
    let mut names: Vec<_> = object.keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

/// The microseconds of an instant, which must have the form of the contract.
#[track_caller]
pub(crate) fn micros(value: &Value) -> i64 {
    let text = value
        .as_str()
        .unwrap_or_else(|| panic!("not an instant: {value}"));
    let instant = ains_api::Timestamp::parse(text).filter(|_| text.len() == 27 && text.ends_with('Z'));
    instant
        .unwrap_or_else(|| panic!("not UTC with microseconds: {text}"))
        .as_micros()
}

/// Whether a number is `expected`, up to the last bits.
#[track_caller]
pub(crate) fn assert_near(value: &Value, expected: f64) {
    let number = value.as_f64().unwrap_or_else(|| panic!("not a number: {value}"));
    assert!((number - expected).abs() < 1e-9, "{number} is not {expected}");
}

/// The body of a registration as the original's tests send it: hexadecimal, and no real signature.
pub(crate) fn registration(id: &str) -> Value {
    json!({
        "agent_id": id,
        "public_key": "1f".repeat(32),
        "display_name": format!("Agent {id}"),
        "endpoint": "http://localhost:8001",
        "signature": "2e".repeat(64),
        "tags": ["surface"],
    })
}

/// The body that publishes a capability.
pub(crate) fn publication(capability: &str) -> Value {
    json!({
        "name": capability,
        "description": "Does what a test needs",
        "input_schema": {},
        "output_schema": {},
        "pricing_model": "per_request",
        "price": 0.01,
        "latency_p99_ms": 100,
        "availability_percent": 99.0,
        "signature": "3d".repeat(64),
    })
}

/// The body of a heartbeat.
pub(crate) fn pulse(status: &str) -> Value {
    json!({"timestamp": 1_767_225_600, "status": status, "uptime_ms": 10_000})
}

/// The body of a submission, with `more` over it.
pub(crate) fn submission(client: &str, capability: &str, more: Value) -> Value {
    let mut body = json!({
        "client_id": client,
        "task_type": "surface",
        "capability_required": capability,
        "input_data": {"test": "data"},
        "priority": 5,
    });
    let (Value::Object(body_members), Value::Object(more)) = (&mut body, more) else {
        panic!("`more` is an object");
    };
    body_members.extend(more);
    body
}
