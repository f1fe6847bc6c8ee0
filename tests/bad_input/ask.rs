//! Asks, and judges the form of every answer.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::contract::{Field, Kind, Operation};
use crate::world::{World, fresh};

/// How long an answer may take. What hangs for longer hangs for ever.
const PATIENCE: Duration = Duration::from_secs(30);

/// Operations that are asked at the same time.
const AT_ONCE: usize = 16;

/// Findings that a failure shows.
const SHOWN: usize = 60;

/// What has to come back.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Expect {
    /// A success or a problem.
    Answer,
    /// A problem.
    Refusal,
    /// One of these.
    Status(&'static [u16]),
}

/// A client of the server under test.
#[derive(Debug)]
pub(crate) struct Asker {
    world: Arc<World>,
    http: Client,
}

/// What exists, and so can be named.
#[derive(Debug, Clone)]
pub(crate) struct Estate {
    pub(crate) agent: String,
    pub(crate) capability: String,
    pub(crate) task: String,
    pub(crate) chain: String,
    pub(crate) schedule: String,
    pub(crate) calendar: String,
    pub(crate) template: String,
    pub(crate) webhook: String,
    pub(crate) delivery: String,
    pub(crate) key: String,
}

/// A text that a calendar can import.
const ICALENDAR: &str =
    "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20260101\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

/// A request to be made.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &str, path: impl Into<String>) -> Self {
        Self {
            method: method.parse().expect("a method"),
            path: path.into(),
            headers: HeaderMap::new(),
            body: Vec::new(),
        }
    }

    /// With a body that says it is JSON.
    pub(crate) fn json(self, body: impl Into<Vec<u8>>) -> Self {
        let json = HeaderValue::from_static("application/json");
        self.header(CONTENT_TYPE, json).body(body)
    }

    /// With a body.
    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// With a header.
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}

/// What came back, of good form.
#[derive(Debug)]
pub(crate) struct Came {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// Null where it was not JSON.
    pub(crate) json: Value,
}

impl Asker {
    pub(crate) fn new(world: &Arc<World>) -> Self {
        let http = Client::builder().no_proxy().timeout(PATIENCE).build();
        Self {
            world: Arc::clone(world),
            http: http.expect("a client can be made"),
        }
    }

    /// Asks, and says what is wrong with the answer, if anything is.
    pub(crate) async fn ask(&self, request: Request, expect: Expect) -> Result<Came, String> {
        let asked = describe(&request);
        let complain = |fault: String| format!("{asked}: {fault}");
        let url = format!("{}{}", self.world.url(), request.path);
        let is_head = request.method == Method::HEAD;
        let mut answer = self
            .http
            .request(request.method, url)
            .headers(request.headers)
            .body(request.body)
            .send()
            .await
            .map_err(|failure| complain(format!("no answer: {failure:?}")))?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let lost = |failure| complain(format!("no body: {failure:?}"));
        let is_stream = headers
            .get(CONTENT_TYPE)
            .is_some_and(|kind| kind == "text/event-stream");
        let text = if is_stream && !is_head {
            // It does not end: how it begins must do.
            let begin = answer.chunk().await.map_err(lost)?.unwrap_or_default();
            String::from_utf8_lossy(&begin).into_owned()
        } else {
            answer.text().await.map_err(lost)?
        };
        let shown: String = text.chars().take(300).collect();
        let came = judge(status, headers, &text, is_head)
            .map_err(|fault| complain(format!("{fault}: {status} {shown}")))?;
        let as_expected = match expect {
            Expect::Answer => true,
            Expect::Refusal => status != 200,
            Expect::Status(statuses) => statuses.contains(&status),
        };
        if as_expected {
            Ok(came)
        } else {
            Err(complain(format!("not {expect:?} but {status} {shown}")))
        }
    }

    /// As [`ask`](Self::ask), for those who only want to know what is wrong.
    pub(crate) async fn finding(&self, request: Request, expect: Expect) -> Option<String> {
        self.ask(request, expect).await.err()
    }

    /// An agent with a capability, a task that it was assigned, a chain of which it has the first step, a schedule whose
    /// slots are far away, a calendar, a template, and a webhook with a delivery.
    pub(crate) async fn estate(&self) -> Estate {
        let id = |made: &Value, field: &str| made[field].as_str().expect("an id").to_owned();
        let (agent, capability) = (fresh("agent"), format!("{}:v1", fresh("capability")));
        let registration = json!({
            "agent_id": agent,
            "public_key": "1f".repeat(32),
            "display_name": agent,
            "endpoint": "http://localhost:8001",
            "signature": "2e".repeat(64),
            "tags": [capability],
        });
        self.make("/ains/agents", &registration).await;
        let task = json!({
            "client_id": agent,
            "task_type": "test",
            "capability_required": capability,
            "input_data": {},
        });
        let task = self.make("/ains/tasks", &task).await;
        assert_eq!(task["status"], "ASSIGNED", "{task}");
        let chain = json!({"name": "test", "client_id": agent, "steps": [a_step(&capability)]});
        let chain = self.make("/ains/task-chains", &chain).await;
        let calendar = json!({"name": "test", "client_id": agent, "dates": ["2026-01-01"]});
        let calendar = self.make("/ains/calendars", &calendar).await;
        let schedule = json!({
            "name": "test",
            "client_id": agent,
            "cron_expression": "@yearly",
            "task_type": "test",
            "capability_required": capability,
            "calendars": [{"calendar_id": calendar["calendar_id"], "use": "exclude"}],
            "on_excluded": "next_business_day",
        });
        let schedule = self.make("/ains/scheduled-tasks", &schedule).await;
        let template = json!({
            "name": "test",
            "client_id": agent,
            "task_type": "test",
            "capability_required": capability,
            "default_input_data": {},
        });
        let template = self.make("/ains/task-templates", &template).await;
        // Nobody listens there.
        let webhook = json!({"agent_id": agent, "url": "http://127.0.0.1:1/", "events": ["agent.inactive"]});
        let webhook = self.make("/ains/webhooks", &webhook).await;
        let test = format!("/ains/webhooks/{}/test", id(&webhook, "webhook_id"));
        let delivery = self.make(&test, &json!({})).await;
        let key = json!({"client_id": agent, "name": "test"});
        let key = self.make("/ains/api-keys", &key).await;
        Estate {
            agent,
            capability,
            task: id(&task, "task_id"),
            chain: id(&chain, "chain_id"),
            schedule: id(&schedule, "schedule_id"),
            calendar: id(&calendar, "calendar_id"),
            template: id(&template, "template_id"),
            webhook: id(&webhook, "webhook_id"),
            delivery: id(&delivery, "delivery_id"),
            key: id(&key, "key_id"),
        }
    }

    async fn make(&self, path: &str, body: &Value) -> Value {
        let request = Request::new("POST", path).json(body.to_string());
        let came = self.ask(request, Expect::Status(&[200])).await;
        came.unwrap_or_else(|finding| panic!("{finding}")).json
    }

    /// The operations of the contract.
    pub(crate) async fn operations(&self) -> Vec<Operation> {
        let request = Request::new("GET", "/openapi.json");
        let came = self.ask(request, Expect::Status(&[200])).await;
        let document = came.unwrap_or_else(|finding| panic!("{finding}")).json;
        let operations = Operation::all(&document);
        assert!(operations.len() > 50, "the contract is there");
        operations
    }
}

/// Does `job` for every operation, each with an estate of its own, and fails with all that was found.
pub(crate) async fn every_operation<J, F>(world: &Arc<World>, job: J)
where
    J: Fn(Arc<Asker>, Operation, Estate) -> F,
    F: Future<Output = Vec<String>> + Send + 'static,
{
    let asker = Arc::new(Asker::new(world));
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut jobs = JoinSet::new();
    for operation in asker.operations().await {
        let permit = Arc::clone(&room)
            .acquire_owned()
            .await
            .expect("it is never closed");
        let estate = asker.estate().await;
        let done = job(Arc::clone(&asker), operation, estate);
        jobs.spawn(async move {
            let findings = done.await;
            drop(permit);
            findings
        });
    }
    let mut findings = jobs.join_all().await.concat();
    findings.extend(
        asker
            .finding(Request::new("GET", "/health"), Expect::Status(&[200]))
            .await,
    );
    report(&findings);
}

/// Fails if anything was found.
#[track_caller]
pub(crate) fn report(findings: &[String]) {
    let shown = findings[..findings.len().min(SHOWN)].join("\n");
    assert!(findings.is_empty(), "{} findings:\n{shown}", findings.len());
}

/// The path of an operation for what exists.
pub(crate) fn path_to(operation: &Operation, estate: &Estate) -> String {
    let id = if operation.path.starts_with("/ains/agents/") {
        &estate.agent
    } else if operation.path.starts_with("/ains/clients/") {
        "a-client"
    } else if operation.path.starts_with("/ains/task-chains/") {
        &estate.chain
    } else if operation.path.starts_with("/ains/scheduled-tasks/") {
        &estate.schedule
    } else if operation.path.starts_with("/ains/calendars/") {
        &estate.calendar
    } else if operation.path.starts_with("/ains/task-templates/") {
        &estate.template
    } else if operation.path.starts_with("/ains/webhooks/") {
        &estate.webhook
    } else if operation.path.starts_with("/ains/webhook-deliveries/") {
        &estate.delivery
    } else if operation.path.starts_with("/ains/api-keys/") {
        &estate.key
    } else {
        &estate.task
    };
    let path = operation.path.replace("{id}", id).replace("{slug}", "not-found");
    with_query(&path, &good_query(operation, estate))
}

/// What the query of an operation has to have.
pub(crate) fn good_query(operation: &Operation, estate: &Estate) -> Vec<(String, String)> {
    let required = operation.query.iter().filter(|field| field.required);
    required
        .map(|field| {
            let value = match &*field.name {
                "new_priority" => "5",
                "timeout_seconds" => "60",
                "task_ids" => &estate.task,
                _ => &estate.agent,
            };
            (field.name.clone(), value.to_owned())
        })
        .collect()
}

/// A path and its query, in which nothing is encoded any more.
pub(crate) fn with_query(path: &str, query: &[(String, String)]) -> String {
    let fields: Vec<_> = query
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    if fields.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", fields.join("&"))
    }
}

/// The members of a good body, each with its JSON: those that there have to be.
pub(crate) fn good_body(operation: &Operation, estate: &Estate) -> Vec<(String, String)> {
    let mut good: Vec<_> = operation
        .fields()
        .iter()
        .filter(|field| field.required)
        .map(|field| (field.name.clone(), good_value(operation, field, estate)))
        .collect();
    // May be left out only with a key that is bound to a client.
    if operation
        .fields()
        .iter()
        .any(|field| field.name == "client_id" && !field.required)
    {
        good.push(("client_id".to_owned(), json!(estate.agent).to_string()));
    }
    // One of several fields that say the same has to be there.
    let task = || {
        vec![
            ("task_type", json!("test")),
            ("capability_required", json!(estate.capability)),
        ]
    };
    let chosen = match (&*operation.method, &*operation.path) {
        ("POST", "/ains/scheduled-tasks") => [vec![("cron_expression", json!("@yearly"))], task()].concat(),
        ("POST", "/ains/scheduled-tasks/preview") => vec![("cron_expression", json!("@yearly"))],
        ("POST", "/ains/tasks") => [vec![("input_data", json!({}))], task()].concat(),
        ("POST", "/ains/tasks/from-template") => vec![("template_id", json!(estate.template))],
        ("POST", "/ains/webhooks") => vec![("agent_id", json!(estate.agent))],
        _ => Vec::new(),
    };
    let chosen = chosen
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_string()));
    good.extend(chosen);
    good
}

fn good_value(operation: &Operation, field: &Field, estate: &Estate) -> String {
    let value = match &*field.name {
        "agent_id" if operation.path == "/ains/agents" => json!(fresh("agent")),
        "agent_id" | "client_id" => json!(estate.agent),
        "capability_required" => json!(estate.capability),
        "public_key" => json!("1f".repeat(32)),
        "signature" | "proof" => json!("2e".repeat(64)),
        "endpoint" => json!("http://localhost:8001"),
        "status" => json!("ACTIVE"),
        // What is to come is nothing to be filled in, and so it is fine at any time.
        "from" | "to" => json!("9000-01-01T00:00:00Z"),
        "ical" => json!(ICALENDAR),
        "url" => json!("http://127.0.0.1:1/"),
        "events" => json!(["task.completed"]),
        "task_ids" => json!([estate.task]),
        "steps" => json!([a_step(&estate.capability)]),
        "tasks" if operation.path == "/ains/tasks/graph" => json!([{
            "name": "a",
            "task_type": "test",
            "capability_required": estate.capability,
            "input_data": {},
        }]),
        "tasks" => json!([{
            "client_id": estate.agent,
            "task_type": "test",
            "capability_required": estate.capability,
            "input_data": {},
        }]),
        _ => match field.kind {
            Kind::Text => json!("text"),
            Kind::Integer => json!(1),
            Kind::Number => json!(0.5),
            Kind::Flag => json!(false),
            Kind::Object | Kind::Any => json!({}),
            Kind::List => json!([]),
        },
    };
    value.to_string()
}

/// A step of a chain that an agent with this capability does.
fn a_step(capability: &str) -> Value {
    json!({"name": "a", "task_type": "test", "capability_required": capability})
}

/// An object of members that are JSON already, good or bad.
pub(crate) fn object(members: &[(String, String)]) -> String {
    let members: Vec<_> = members
        .iter()
        .map(|(name, json)| format!("\"{name}\":{json}"))
        .collect();
    format!("{{{}}}", members.join(","))
}

fn describe(request: &Request) -> String {
    let short = |bytes: &[u8]| -> String { String::from_utf8_lossy(bytes).chars().take(120).collect() };
    let headers = request.headers.iter();
    let headers: Vec<_> = headers
        .map(|(name, value)| format!(" {name}:{}", short(value.as_bytes())))
        .collect();
    let Request {
        method, path, body, ..
    } = request;
    let path = short(path.as_bytes());
    format!(
        "{method} {path}{} <{}> [{}]",
        headers.concat(),
        short(body),
        body.len()
    )
}

/// Reads an answer, if it has the form that every answer has.
fn judge(status: u16, headers: HeaderMap, text: &str, is_head: bool) -> Result<Came, &'static str> {
    let content_type = headers
        .get(CONTENT_TYPE)
        .map_or("", |value| value.to_str().unwrap_or("?"));
    let json = serde_json::from_str(text).unwrap_or_default();
    match status {
        200 if content_type == "application/json" && Value::is_null(&json) && !is_head => {
            return Err("no JSON");
        }
        200 => {}
        400..=499 if is_head => {}
        400..=499 => {
            if content_type != "application/problem+json" {
                return Err("not application/problem+json");
            }
            if json["status"] != status {
                return Err("another status inside");
            }
            if ["type", "title", "detail", "instance"]
                .iter()
                .any(|name| !json[name].is_string())
            {
                return Err("a problem without type, title, detail or instance");
            }
        }
        _ => return Err("neither 200 nor 4xx"),
    }
    if !headers.contains_key("x-request-id") {
        return Err("no request id");
    }
    Ok(Came {
        status,
        headers,
        json,
    })
}
