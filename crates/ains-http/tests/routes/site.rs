//! The application on a throw-away database, and short ways to ask it something.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::HeaderMap;
use actix_web::test::{TestRequest, init_service};
use actix_web::{HttpResponse, web};
use ains_core::Clock;
use ains_core::webhook::{Attempt, Outcome};
use ains_http::{Auth, HttpState};
use ains_service::{Ains, Deliver, Later, Settings, Vault};
use ains_store::{Options, Store};
use ains_testkit::{ManualClock, TestDb};
use serde_json::{Value, json};

/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600_000_000;

/// The key of the site with authentication.
pub(crate) const KEY: &str = "ains_0123456789012345678901234567890123456789012";

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: web::Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("ASCII"))
    }

    /// The body of a success.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.json());
        self.json()
    }

    /// The sentence of a problem of this status.
    #[track_caller]
    pub(crate) fn detail(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.json());
        assert_eq!(self.header("content-type"), "application/problem+json");
        self.json()["detail"].as_str().expect("a detail").to_owned()
    }

    /// Where the faults of a 422 are.
    #[track_caller]
    pub(crate) fn faults(&self) -> Vec<String> {
        assert_eq!(self.status, 422, "{}", self.json());
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        errors
            .iter()
            .map(|fault| fault["pointer"].as_str().expect("a pointer").to_owned())
            .collect()
    }
}

/// Whom webhooks reach: it takes everything, but is gone where its address says so.
#[derive(Debug)]
struct Receiver;

impl Deliver for Receiver {
    fn judge(&self, url: &str) -> Later<Result<(), String>> {
        let refused = url
            .contains("127.0.0.1")
            .then(|| "leads to this machine".to_owned());
        Box::pin(async move { refused.map_or(Ok(()), Err) })
    }

    fn target(&self, url: &str) -> String {
        url.to_owned()
    }

    fn deliver(&self, attempt: Attempt) -> Later<Outcome> {
        let gone = attempt.url.contains("gone");
        Box::pin(async move {
            if gone {
                Outcome::Gone
            } else {
                Outcome::Delivered(204)
            }
        })
    }
}

type Call = Rc<dyn Fn(TestRequest) -> futures_util::future::LocalBoxFuture<'static, Answer>>;

/// The application.
#[derive(Clone)]
pub(crate) struct Site {
    call: Call,
    /// What is sent as `X-API-Key` with every request.
    key: Option<String>,
    clock: Arc<ManualClock>,
    #[expect(dead_code, reason = "the database goes when the site goes")]
    db: Rc<TestDb>,
}

impl Site {
    /// One without authentication.
    pub(crate) async fn open() -> Self {
        Self::with(Auth::Off).await
    }

    /// One on each database.
    pub(crate) async fn open_each() -> Vec<Self> {
        let mut sites = vec![Self::open().await];
        // Starting PostgreSQL blocks for a while.
        if let Some(db) = web::block(TestDb::postgres).await.expect("a thread") {
            sites.push(Self::on(db, Auth::Off, Settings::default(), "").await);
        }
        sites
    }

    /// One of the operator, with authentication.
    pub(crate) async fn guarded() -> Self {
        Self::with(Auth::On).await.keyed(KEY)
    }

    pub(crate) async fn with(auth: Auth) -> Self {
        Self::on(TestDb::sqlite(), auth, Settings::default(), "").await
    }

    /// One where so many requests and wrong keys pass from an address, behind these proxies.
    pub(crate) async fn limited(auth: Auth, [address_limit, guess_limit]: [u32; 2], proxies: &str) -> Self {
        let settings = Settings {
            address_limit,
            guess_limit,
            ..Settings::default()
        };
        Self::on(TestDb::sqlite(), auth, settings, proxies).await
    }

    async fn on(db: TestDb, auth: Auth, settings: Settings, proxies: &str) -> Self {
        let options = Options::new(db.url().parse().expect("a URL"));
        let store = web::block(move || Store::open(&options))
            .await
            .expect("a thread")
            .expect("a store");
        let settings = Settings {
            seed: Some(7),
            verify_identity: false,
            admin_key: Some(KEY.to_owned()),
            deliver: Some(Arc::new(Receiver)),
            vault: Vault::fleeting(),
            ..settings
        };
        let clock = Arc::new(ManualClock::new(START));
        let ains = Ains::start(store, settings, Arc::clone(&clock) as Arc<dyn Clock>)
            .await
            .expect("a service");
        let proxies = proxies.parse().expect("networks");
        let state = web::Data::new(HttpState::new(ains, auth, "1.2.3", 1).behind(proxies));
        let app = Rc::new(init_service(ains_http::app(&state)).await);
        let call: Call = Rc::new(move |request| {
            let app = Rc::clone(&app);
            Box::pin(async move { answer(app.call(request.to_request()).await) })
        });
        Self {
            call,
            key: None,
            clock,
            db: Rc::new(db),
        }
    }

    /// The same one, for whoever has this key.
    pub(crate) fn keyed(&self, key: &str) -> Self {
        Self {
            key: Some(key.to_owned()),
            ..self.clone()
        }
    }

    /// The same one, for whoever has none.
    pub(crate) fn anonymous(&self) -> Self {
        Self {
            key: None,
            ..self.clone()
        }
    }

    /// Lets time pass.
    pub(crate) fn wait(&self, time: Duration) {
        self.clock.advance(time);
    }

    pub(crate) async fn send(&self, request: TestRequest) -> Answer {
        let request = match &self.key {
            Some(key) => request.insert_header(("x-api-key", &**key)),
            None => request,
        };
        (self.call)(request).await
    }

    pub(crate) async fn get(&self, uri: &str) -> Answer {
        self.send(TestRequest::with_uri(uri)).await
    }

    pub(crate) async fn call(&self, method: Method, uri: &str, body: Value) -> Answer {
        self.send(TestRequest::with_uri(uri).method(method).set_json(body))
            .await
    }

    pub(crate) async fn post(&self, uri: &str, body: Value) -> Answer {
        self.call(Method::POST, uri, body).await
    }

    /// Registers an agent that provides `text:v1`.
    pub(crate) async fn agent(&self, id: &str) {
        self.post("/ains/agents", an_agent(id)).await.ok();
    }

    /// Registers an agent that claims its work: nothing is pushed to it.
    pub(crate) async fn worker(&self, id: &str) {
        self.agent(id).await;
        self.post(&format!("/ains/agents/{id}/claim"), json!({}))
            .await
            .ok();
    }

    /// Submits a task for `text:v1` and gives its id.
    pub(crate) async fn task(&self, client: &str) -> String {
        let created = self.post("/ains/tasks", a_task(client)).await.ok();
        created["task_id"].as_str().expect("an id").to_owned()
    }

    /// Claims one task: its id and the attempt.
    pub(crate) async fn claim(&self, agent: &str) -> (String, Value) {
        let claimed = self
            .post(&format!("/ains/agents/{agent}/claim"), json!({"max": 1}))
            .await
            .ok();
        let task = &claimed["tasks"][0];
        (
            task["task_id"].as_str().expect("a task").to_owned(),
            task["attempt"].clone(),
        )
    }
}

fn answer(outcome: Result<ServiceResponse<BoxBody>, actix_web::Error>) -> Answer {
    let response = match outcome {
        Ok(response) => response.into_parts().1,
        Err(error) => HttpResponse::from_error(error),
    };
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = response.into_body().try_into_bytes();
    let bytes = bytes.unwrap_or_else(|_| {
        // It does not end, and is looked at elsewhere.
        assert_eq!(headers.get("content-type").unwrap(), "text/event-stream");
        web::Bytes::new()
    });
    Answer {
        status,
        headers,
        bytes,
    }
}

pub(crate) fn an_agent(id: &str) -> Value {
    json!({
        "agent_id": id, "public_key": "00", "display_name": id.to_uppercase(),
        "endpoint": "http://agent.example", "signature": "00", "tags": ["Text:V1"],
    })
}

pub(crate) fn a_task(client: &str) -> Value {
    json!({
        "client_id": client, "task_type": "job", "capability_required": "text:v1", "input_data": {"n": 1},
    })
}
