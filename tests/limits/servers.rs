//! Servers with authentication, and somebody who asks them.

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use ains_testkit::{ServerProcess, TestDb};
use reqwest::Client;
use serde_json::{Value, json};

/// The operator's key.
pub(crate) const OPERATOR: &str = "ains_the-operators";

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// Starts a server on `db`.
pub(crate) fn serve(db: &TestDb, settings: &[(&str, &str)]) -> ServerProcess {
    let url = db.url();
    let own = [
        ("AINS_DATABASE_URL", &*url),
        ("AINS_BIND", "127.0.0.1:0"),
        ("AINS_ADMIN_KEY", OPERATOR),
        ("AINS_LOG", "warn"),
    ];
    let binary = Path::new(env!("CARGO_BIN_EXE_ains-server"));
    let envs = own.into_iter().chain(settings.iter().copied());
    ServerProcess::start(binary, [""; 0], envs).expect("the server starts")
}

/// Runs a test with a runtime of its own.
pub(crate) fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a test can have a runtime")
        .block_on(test);
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<u64>,
    /// What is left of the minute's limit, if there is one, and the minute in which it was judged, since 1970.
    pub(crate) minute: Option<(u64, u64)>,
    pub(crate) body: Value,
}

/// One connection, with a key.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    http: Client,
    url: String,
    key: String,
}

impl Connection {
    pub(crate) fn new(server: &ServerProcess, key: &str) -> Self {
        let http = Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .pool_max_idle_per_host(1);
        Self {
            http: http.build().expect("a client can be made"),
            url: server.url().to_owned(),
            key: key.to_owned(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.http.get(format!("{}{path}", self.url))).await
    }

    /// Makes a key of a client with a limit a minute: what opens it.
    pub(crate) async fn make_key(&self, per_minute: u32) -> String {
        let wanted = json!({
            "client_id": "c",
            "name": "limited",
            "scopes": ["task:read"],
            "rate_limit_per_minute": per_minute,
            "rate_limit_per_hour": null,
        });
        let url = format!("{}/ains/api-keys", self.url);
        let made = self.send(self.http.post(url).json(&wanted)).await;
        let key = made.body["api_key"].as_str();
        key.unwrap_or_else(|| panic!("no key: {made:?}")).to_owned()
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let answer = request.header("x-api-key", &self.key).send().await;
        let answer = answer.expect("the server answers");
        let header = |name: &str| {
            let value = answer.headers().get(name)?;
            Some(value.to_str().expect("ASCII").to_owned())
        };
        let date = header("date").expect("every answer has a date");
        let retry_after = header("retry-after").map(|seconds| seconds.parse().expect("seconds"));
        let minute = header("ratelimit").map(|standing| judged(&standing, &date));
        Answer {
            status: answer.status().as_u16(),
            retry_after,
            minute,
            body: answer.json().await.unwrap_or_default(),
        }
    }
}

/// What `"minute";r=12;t=34` says, in an answer of this date: how many are left, and of which minute. The answer may bear the
/// date of the next one; so the end of the minute, which is at a whole one, is what date and `t` come nearest to.
fn judged(standing: &str, date: &str) -> (u64, u64) {
    let rest = standing.strip_prefix(r#""minute";r="#).expect("a limit a minute");
    let (left, seconds) = rest.split_once(";t=").expect("how long it lasts");
    let date = httpdate::parse_http_date(date).expect("a date");
    let date = date.duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let end = date + seconds.parse::<u64>().expect("seconds");
    (left.parse().expect("a number"), (end + 30) / 60 - 1)
}
