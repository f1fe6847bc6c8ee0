//! Sends requests and reads answers; the typed calls are in one file per noun.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ains_api::Problem;
use rand::rngs::{StdRng, SysRng};
use rand::{RngExt as _, SeedableRng as _};
use reqwest::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Request, Response, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::signing::Signer;
use crate::{AgentKey, Error, Retry};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an unused connection is kept: less than the 5 seconds after which actix-web closes one, so that no request
/// meets a connection that is being closed.
const IDLE: Duration = Duration::from_secs(4);
/// How long an answer may take, beyond what the call itself waits for.
const ANSWER: Duration = Duration::from_secs(30);
/// The longest the server keeps a reader waiting, in seconds (`wait_seconds`).
pub(crate) const LONGEST_WAIT: u64 = 60;
/// The longest text kept of an answer that is neither JSON nor a problem, in bytes.
const EXCERPT: usize = 300;

/// A server, and how to talk to it. Cloning is cheap; clones share connections.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    key: Option<Arc<str>>,
    signer: Option<Signer>,
    retry: Retry,
    idempotency_keys: bool,
}

/// What clones have in common.
struct Shared {
    http: reqwest::Client,
    base: String,
    rng: Mutex<StdRng>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base", &self.shared.base)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

/// One request, before it is sent.
pub(crate) struct Call {
    method: Method,
    path: String,
    query: Option<String>,
    repeatable: bool,
    idempotency_key: Option<String>,
    patience: Duration,
}

impl Call {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path, true)
    }

    /// A call that must not reach the server twice.
    pub(crate) fn once(method: Method, path: impl Into<String>) -> Self {
        Self::new(method, path, false)
    }

    /// A call that does no more when it reaches the server twice.
    pub(crate) fn repeatable(method: Method, path: impl Into<String>) -> Self {
        Self::new(method, path, true)
    }

    fn new(method: Method, path: impl Into<String>, repeatable: bool) -> Self {
        Self {
            method,
            path: path.into(),
            query: None,
            repeatable,
            idempotency_key: None,
            patience: ANSWER,
        }
    }

    /// The server may take this many seconds before it begins to answer.
    pub(crate) fn waiting(mut self, seconds: Option<i64>) -> Self {
        self.patience += Duration::from_secs(
            seconds
                .and_then(|seconds| u64::try_from(seconds).ok())
                .unwrap_or(0),
        );
        self
    }

    /// A parameter of the query.
    pub(crate) fn with(mut self, name: &str, value: impl fmt::Display) -> Self {
        let query = self.query.get_or_insert_default();
        if !query.is_empty() {
            query.push('&');
        }
        query.extend([name, "=", &segment(&value.to_string())]);
        self
    }

    /// Makes a creation repeatable.
    pub(crate) fn keyed(mut self, key: Option<String>) -> Self {
        self.repeatable = key.is_some();
        self.idempotency_key = key;
        self
    }
}

/// The hexadecimal digit of a number below 16.
fn digit(value: u8) -> char {
    char::from_digit(value.into(), 16)
        .expect("half a byte is one digit")
        .to_ascii_uppercase()
}

/// `text` as one segment of a path, or one value of a query.
pub(crate) fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b':' | b'@' | b',' => {
                out.push(char::from(byte));
            }
            _ => out.extend(['%', digit(byte >> 4), digit(byte & 15)]),
        }
    }
    out
}

impl Client {
    /// A client of the server at `url`, such as `http://127.0.0.1:8000`.
    ///
    /// # Errors
    ///
    /// If `url` is not an `http` URL (or `https`, with the feature `tls`).
    ///
    /// # Panics
    ///
    /// If the operating system has no randomness to give.
    pub fn new(url: impl AsRef<str>) -> Result<Self, Error> {
        let url = url.as_ref();
        let tls = cfg!(feature = "tls");
        let known = Url::parse(url).is_ok_and(|parsed| {
            parsed.has_host() && (parsed.scheme() == "http" || (tls && parsed.scheme() == "https"))
        });
        if !known {
            return Err(Error::Address(url.to_owned()));
        }
        let http = reqwest::Client::builder()
            .user_agent(concat!("ains-client/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .build()?;
        let rng = StdRng::try_from_rng(&mut SysRng).expect("the operating system provides randomness");
        let shared = Shared {
            http,
            base: url.trim_end_matches('/').to_owned(),
            rng: Mutex::new(rng),
        };
        Ok(Self {
            shared: Arc::new(shared),
            key: None,
            signer: None,
            retry: Retry::default(),
            idempotency_keys: true,
        })
    }

    /// Sends this API key with every request.
    #[must_use]
    pub fn with_key(mut self, key: impl AsRef<str>) -> Self {
        self.key = Some(key.as_ref().into());
        self.signer = None;
        self
    }

    /// Signs every request with the key of the registered agent `agent_id`, and sends no API key: for a client that does
    /// nothing but what that agent may. The clock must be within a minute of the server's.
    #[must_use]
    pub fn signed_by(mut self, agent_id: impl AsRef<str>, key: AgentKey) -> Self {
        self.key = None;
        self.signer = Some(Signer::new(agent_id.as_ref(), key));
        self
    }

    /// Tries calls that may be repeated in this way.
    #[must_use]
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Sends no `Idempotency-Key` with what creates: somewhat less work for the server, but such a call is then not
    /// repeated when its answer is lost.
    #[must_use]
    pub fn without_idempotency_keys(mut self) -> Self {
        self.idempotency_keys = false;
        self
    }

    /// The address of the server, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.shared.base
    }

    /// How calls that may be repeated are tried.
    pub fn retry(&self) -> Retry {
        self.retry
    }

    /// A new name for something, unlike any other: 32 random hexadecimal digits.
    pub fn mint(&self) -> String {
        let bits: u128 = self
            .shared
            .rng
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .random();
        format!("{bits:032x}")
    }

    /// A key for a creation, unless they are turned off.
    pub(crate) fn idempotency_key(&self) -> Option<String> {
        self.idempotency_keys.then(|| self.mint())
    }

    /// Sends a call without a body.
    pub(crate) async fn call<A: DeserializeOwned>(&self, call: Call) -> Result<A, Error> {
        self.send(call, None).await
    }

    /// Sends a call with a query and without a body.
    pub(crate) async fn call_with_query<Q, A>(&self, call: Call, query: &Q) -> Result<A, Error>
    where
        Q: Serialize + ?Sized,
        A: DeserializeOwned,
    {
        let request = self
            .shared
            .http
            .request(Method::GET, &self.shared.base)
            .query(query)
            .build()?;
        let query = request.url().query().map(str::to_owned);
        self.send(Call { query, ..call }, None).await
    }

    /// Sends a call with a body.
    pub(crate) async fn call_with<B, A>(&self, call: Call, body: &B) -> Result<A, Error>
    where
        B: Serialize + ?Sized,
        A: DeserializeOwned,
    {
        let body = serde_json::to_vec(body).map_err(Error::Encode)?;
        self.send(call, Some(body)).await
    }

    /// Sends a call whose answer does not end.
    pub(crate) async fn stream<Q: Serialize + ?Sized>(
        &self,
        call: Call,
        query: &Q,
    ) -> Result<Response, Error> {
        let request = self
            .shared
            .http
            .request(Method::GET, &self.shared.base)
            .query(query)
            .build()?;
        let query = request.url().query().map(str::to_owned);
        let call = Call { query, ..call };
        let mut request = self.request(&call, None)?;
        *request.timeout_mut() = None;
        self.repeat(&call, &request, |copy| self.execute(copy)).await
    }

    async fn send<A: DeserializeOwned>(&self, call: Call, body: Option<Vec<u8>>) -> Result<A, Error> {
        let request = self.request(&call, body)?;
        self.repeat(&call, &request, |copy| self.attempt(copy)).await
    }

    /// Sends a request until it is answered, or must not be sent again.
    async fn repeat<A, F>(
        &self,
        call: &Call,
        request: &Request,
        attempt: impl Fn(Request) -> F,
    ) -> Result<A, Error>
    where
        F: Future<Output = Result<A, (Error, Option<Duration>)>>,
    {
        let mut tried = 0;
        loop {
            // A body in memory is shared between the copies, not copied.
            let copy = request.try_clone().expect("a body in memory can be sent again");
            tried += 1;
            let (error, asked) = match attempt(copy).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            if tried >= self.retry.tries || !may_repeat(call, &error) {
                return Err(error);
            }
            let pause = {
                let mut rng = self.shared.rng.lock().unwrap_or_else(PoisonError::into_inner);
                self.retry.pause(tried, asked, &mut *rng)
            };
            tracing::debug!(path = call.path, tried, ?pause, %error, "trying again");
            tokio::time::sleep(pause).await;
        }
    }

    fn request(&self, call: &Call, body: Option<Vec<u8>>) -> Result<Request, Error> {
        let mut url = format!("{}{}", self.shared.base, call.path);
        if let Some(query) = &call.query {
            url.push('?');
            url += query;
        }
        let mut request = self
            .shared
            .http
            .request(call.method.clone(), url)
            .timeout(call.patience);
        if let Some(key) = &self.key {
            request = request.header("x-api-key", &**key);
        }
        if let Some(key) = &call.idempotency_key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = body {
            request = request
                .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
                .body(body);
        }
        Ok(request.build()?)
    }

    /// Sends a request once. A failure comes with the pause that the server asked for.
    async fn attempt<A: DeserializeOwned>(&self, request: Request) -> Result<A, (Error, Option<Duration>)> {
        let response = self.execute(request).await?;
        let body = response.bytes().await.map_err(|error| (error.into(), None))?;
        serde_json::from_slice(&body).map_err(|error| (Error::Decode(error), None))
    }

    /// Sends a request once, for an answer that is a success. A failure comes with the pause that the server asked for.
    async fn execute(&self, mut request: Request) -> Result<Response, (Error, Option<Duration>)> {
        if let Some(signer) = &self.signer {
            signer.sign(&mut request, &self.mint());
        }
        let response = self
            .shared
            .http
            .execute(request)
            .await
            .map_err(|error| (error.into(), None))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let asked = retry_after(&response);
        let problem = problem(response).await.map_err(|error| (error.into(), asked))?;
        Err((Error::Problem(Box::new(problem)), asked))
    }
}

/// Whether the call may be sent again after this error: it passes, and either twice is as good as once, or the server
/// cannot have begun to work on it.
fn may_repeat(call: &Call, error: &Error) -> bool {
    let untouched = match error {
        Error::Transport(error) => error.is_connect(),
        error => error.status() == Some(429),
    };
    error.is_passing() && (call.repeatable || untouched)
}

/// The pause that the server asks for; only the form in seconds is known.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response
        .headers()
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds))
}

/// What the server said, or something in between on its behalf.
async fn problem(response: Response) -> Result<Problem, reqwest::Error> {
    let status = response.status();
    let body = response.bytes().await?;
    let mut problem = serde_json::from_slice(&body).unwrap_or_else(|_| Problem {
        kind: "about:blank".into(),
        detail: Some(
            String::from_utf8_lossy(&body[..body.len().min(EXCERPT)])
                .into_owned()
                .into(),
        ),
        ..Problem::default()
    });
    problem.status = status.as_u16();
    if problem.title.is_empty() {
        problem.title = status.canonical_reason().unwrap_or("Unknown status").into();
    }
    Ok(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_can_be_called_are_taken() {
        assert!(Client::new("http://127.0.0.1:8000/").is_ok());
        for url in ["", "127.0.0.1:8000", "ftp://host", "sqlite://ains.db"] {
            assert!(matches!(Client::new(url), Err(Error::Address(_))), "{url}");
        }
    }

    #[test]
    fn what_a_caller_names_cannot_leave_its_segment() {
        assert_eq!(segment("a.b:c@d-1_2"), "a.b:c@d-1_2");
        assert_eq!(segment("../x?y#z ü"), "..%2Fx%3Fy%23z%20%C3%BC");
        let call = Call::get("/x").with("force", true).with("name", "a&b");
        assert_eq!(call.query.as_deref(), Some("force=true&name=a%26b"));
    }
}
