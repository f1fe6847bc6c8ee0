//! Secrets are nowhere but where they are asked for: the real program, logging all it can, is given secrets in places
//! right and wrong, and then everything it said is searched for them.

#![expect(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

use ains_testkit::{ServerProcess, SqliteFile, TestDb};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_ains-server");
/// The admin's key.
const ADMIN: &str = "admin-key-hunter-0";
/// What secrets are kept with.
const SECRET_KEY: &str = "a1a2a3a4a5a6a7a8a9b0b1b2b3b4b5b6b7b8b9c0c1c2c3c4c5c6c7c8c9d0d1d2";
/// One for each place; all of them contain this.
const MARK: &str = "hunter";

/// A server, and all that it answered.
struct Site {
    server: ServerProcess,
    client: Client,
    /// Answers, without those that show a secret on purpose.
    answers: String,
    /// What was shown on purpose.
    shown: Vec<String>,
}

impl Site {
    fn start(url: &str) -> Self {
        let args = [
            "--bind",
            "127.0.0.1:0",
            "--webhook-allow-private",
            "on",
            "--database-url",
            url,
        ];
        let envs = [
            ("AINS_ADMIN_KEY", ADMIN),
            ("AINS_SECRET_KEY", SECRET_KEY),
            ("AINS_LOG", "trace"),
        ];
        Self {
            server: ServerProcess::start(Path::new(BINARY), args, envs).unwrap(),
            client: Client::new(),
            answers: String::new(),
            shown: Vec::new(),
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.server.url());
        self.client.request(method, url).header("x-api-key", ADMIN)
    }

    async fn send(&self, request: RequestBuilder) -> (u16, String) {
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let headers = format!("{:?}", answer.headers());
        (status, format!("{headers}\n{}", answer.text().await.unwrap()))
    }

    /// Asks, and keeps the answer to be searched.
    async fn ask(&mut self, request: RequestBuilder) -> u16 {
        let (status, answer) = self.send(request).await;
        writeln!(self.answers, "{answer}").unwrap();
        status
    }

    /// Asks for something that shows `field` on purpose; the answer as JSON.
    async fn ask_for(&mut self, request: RequestBuilder, field: &str) -> Value {
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
        let mut answer: Value = answer.json().await.unwrap();
        let shown = answer.as_object_mut().unwrap().remove(field).unwrap();
        self.shown.push(shown.as_str().unwrap().to_owned());
        writeln!(self.answers, "{answer}").unwrap();
        answer
    }
}

async fn hooks(site: &mut Site) {
    let hook = |url: &str| json!({"agent_id": "c", "url": url, "events": ["*"]});
    let mut given = hook("http://127.0.0.1:1/hook");
    given["secret"] = json!("given-hunter-1");
    let create = site.request(Method::POST, "/ains/webhooks").json(&given);
    assert_eq!(site.ask(create).await, 200);
    let create = site
        .request(Method::POST, "/ains/webhooks")
        .header("idempotency-key", "once");
    let made = site
        .ask_for(create.json(&hook("http://127.0.0.1:1/hook")), "secret")
        .await;
    let path = format!(
        "/ains/webhooks/{}",
        made["webhook_id"].as_str().or(made["id"].as_str()).unwrap()
    );
    let rotate = site
        .request(Method::POST, &format!("{path}/rotate-secret"))
        .json(&json!({}));
    site.ask_for(rotate, "secret").await;
    let rotate = site.request(Method::POST, &format!("{path}/rotate-secret"));
    assert_eq!(
        site.ask(rotate.json(&json!({"secret": "rotated-hunter-2"})))
            .await,
        200
    );
    // It is called, in vain.
    let test = site
        .request(Method::POST, &format!("{path}/test"))
        .json(&json!({}));
    assert_eq!(site.ask(test).await, 200);
    for path in [&*path, "/ains/webhooks", &format!("{path}/deliveries")] {
        let read = site.request(Method::GET, path);
        assert_eq!(site.ask(read).await, 200);
    }
    // What is wrong with a secret is said without it.
    given["secret"] = json!("whsec_hunter-3!");
    let wrong = site.request(Method::POST, "/ains/webhooks").json(&given);
    assert_eq!(site.ask(wrong).await, 422);
    // A password in an address.
    for url in [
        "http://me:hunter-4@127.0.0.1:1/hook",
        "http://me:hunter-5@169.254.169.254/",
    ] {
        let create = site.request(Method::POST, "/ains/webhooks").json(&hook(url));
        let status = site.ask(create).await;
        assert!((400..500).contains(&status), "{url}: {status}");
    }
}

/// Keys in places right and wrong, all of them bad.
async fn keys(site: &mut Site) {
    let url = site.server.url().to_owned();
    let client = site.client.clone();
    let get = |path: &str| client.get(format!("{url}{path}"));
    let requests = [
        get("/ains/tasks").header("x-api-key", "ains_hunter-6"),
        get("/ains/tasks").bearer_auth("ains_hunter-7"),
        get("/docs/").basic_auth("hunter-user", Some("ains_hunter-8")),
        get("/ains/tasks").header("authorization", "Digest hunter-9"),
        get("/ains/tasks?api_key=ains_hunter-10&key=hunter-11"),
        get("/ains/tasks").header("cookie", "key=hunter-12"),
        get("/ains/tasks")
            .header("x-api-key", "ains_hunter-6")
            .header("x-forwarded-for", "hunter-13"),
    ];
    for request in requests {
        assert_eq!(site.ask(request).await, 401);
    }
    let scheme = site
        .request(Method::POST, "/ains/tasks")
        .json(&json!({"api_key": "ains_hunter-14"}));
    assert_eq!(site.ask(scheme).await, 422);
    let broken = site
        .request(Method::POST, "/ains/tasks")
        .header("content-type", "application/json");
    assert_eq!(site.ask(broken.body(r#"{"password": "hunter-15", "#)).await, 400);
    let query = site.request(Method::GET, "/ains/tasks?status=COMPLETED&token=hunter-16");
    assert_eq!(site.ask(query).await, 200);
}

/// Everything that the server said, after its end.
async fn end(mut site: Site) -> (String, Vec<String>) {
    let metrics = site.request(Method::GET, "/metrics");
    assert_eq!(site.ask(metrics).await, 200);
    assert!(site.server.terminate().unwrap().success());
    (format!("{}\n{}", site.answers, site.server.output()), site.shown)
}

async fn nothing_is_said_of_any_secret(url: &str) {
    let mut site = Site::start(url);
    hooks(&mut site).await;
    keys(&mut site).await;
    let (said, shown) = end(site).await;
    assert!(said.contains("TRACE"), "all is logged");
    let lines = said
        .lines()
        .filter(|line| line.contains(MARK) || line.contains(SECRET_KEY));
    let found: Vec<&str> = lines.collect();
    assert!(found.is_empty(), "{found:#?}");
    for secret in shown {
        assert!(
            !said.contains(&secret),
            "what is shown once is nowhere else: {secret}"
        );
        assert!(!said.contains(secret.trim_start_matches("whsec_")));
    }
}

#[tokio::test]
async fn nothing_is_said_of_any_secret_on_sqlite() {
    let file = SqliteFile::new();
    nothing_is_said_of_any_secret(&file.url()).await;
    // Nor is one in the file, but for what clients asked to be kept.
    let mut stored = Vec::new();
    for suffix in ["", "-wal"] {
        if let Ok(mut file) = std::fs::File::open(format!("{}{suffix}", file.path().display())) {
            file.read_to_end(&mut stored).unwrap();
        }
    }
    let stored = String::from_utf8_lossy(&stored);
    assert!(!stored.contains(MARK) && !stored.contains(SECRET_KEY));
}

#[tokio::test]
async fn nothing_is_said_of_any_secret_on_postgres() {
    let Some(db) = TestDb::postgres() else { return };
    // A password that nobody asks for.
    let url = db.url().replacen("://postgres@", "://postgres:hunter-17@", 1);
    nothing_is_said_of_any_secret(&url).await;
}
