//! A receiver of webhooks on this machine, and whoever registers it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ains_testkit::Backend;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::caller::Caller;
use crate::site::Site;

/// How long something may take that happens by itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// The secret of every webhook that is not made by the server.
pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What arrived.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Arrived {
    pub(crate) fn id(&self) -> &str {
        self.headers["webhook-id"].to_str().expect("text")
    }

    /// Checks the signature with the reference library.
    pub(crate) fn is_signed_with(&self, secret: &str) -> bool {
        let verifier = standardwebhooks::Webhook::new(secret).expect("a secret");
        verifier.verify(&self.body, &self.headers).is_ok()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

/// Listens on this machine until it is dropped.
#[derive(Debug)]
pub(crate) struct Receiver {
    pub(crate) url: String,
    arrived: watch::Receiver<Vec<Arrived>>,
    task: tokio::task::JoinHandle<()>,
}

impl Receiver {
    /// Answers with these status lines (and headers) one after the other, then with `200 OK`.
    pub(crate) async fn answering(answers: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let answers: VecDeque<String> = answers.iter().map(|&answer| answer.to_owned()).collect();
        let answers = Arc::new(Mutex::new(answers));
        let (sender, arrived) = watch::channel(Vec::new());
        let sender = Arc::new(sender);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&answers), Arc::clone(&sender)));
            }
        });
        Self {
            url: format!("http://127.0.0.1:{port}/hook"),
            arrived,
            task,
        }
    }

    /// Waits until `count` have arrived; they are in the order in which they did.
    pub(crate) async fn arrived(&self, count: usize) -> Vec<Arrived> {
        self.until(|arrived| arrived.len() >= count).await
    }

    /// Waits until what has arrived is `enough`; it is in the order in which it did.
    pub(crate) async fn until(&self, mut enough: impl FnMut(&[Arrived]) -> bool) -> Vec<Arrived> {
        let mut arrived = self.arrived.clone();
        let wait = async {
            loop {
                // Not held while it is looked at: others write to it.
                let now = arrived.borrow_and_update().clone();
                if enough(&now) {
                    return now;
                }
                arrived.changed().await.expect("it listens");
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("they arrive")
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut stream: TcpStream,
    answers: Arc<Mutex<VecDeque<String>>>,
    arrived: Arc<watch::Sender<Vec<Arrived>>>,
) {
    while let Some(request) = read(&mut stream).await {
        let next = answers.lock().expect("nobody panicked").pop_front();
        let answer = next.unwrap_or_else(|| "200 OK".to_owned());
        arrived.send_modify(|all| all.push(request));
        let answer = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n");
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Arrived> {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 4096];
        let count = stream.read(&mut part).await.ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&part[..count]);
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
        let fields: HashMap<String, String> = head
            .split("\r\n")
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let length: usize = fields.get("content-length")?.parse().ok()?;
        if bytes.len() >= end + 4 + length {
            return Some(Arrived {
                headers: HeaderMap::try_from(&fields).ok()?,
                body: bytes[end + 4..].to_vec(),
            });
        }
    }
}

/// Each database there is.
pub(crate) fn sites() -> impl Iterator<Item = Site> {
    [Backend::Sqlite, Backend::Postgres]
        .into_iter()
        .filter_map(Site::new)
}

/// Registers a webhook that hears of everything; the answer.
pub(crate) async fn register(caller: &Caller, url: &str) -> Value {
    let body = json!({"agent_id": "c", "url": url, "events": ["*"], "secret": SECRET});
    let answer = caller
        .ask(Method::POST, "/ains/webhooks", Some(&body), None)
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

/// Asks for something that must succeed.
pub(crate) async fn post(caller: &Caller, path: &str) -> Value {
    let answer = caller.ask(Method::POST, path, Some(&json!({})), None).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

/// Waits until the newest delivery of a webhook is in this state.
pub(crate) async fn until(caller: &Caller, webhook: &str, status: &str) -> Value {
    let path = format!("/ains/webhooks/{webhook}/deliveries?limit=1");
    let look = async {
        loop {
            let answer = caller.ask(Method::GET, &path, None, None).await;
            if answer.body["deliveries"][0]["status"] == status {
                return answer.body["deliveries"][0].clone();
            }
        }
    };
    tokio::time::timeout(PATIENCE, look).await.expect("it becomes so")
}
