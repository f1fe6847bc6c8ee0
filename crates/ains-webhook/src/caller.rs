//! Calling: one attempt, bounded in everything.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use ains_core::webhook::{Attempt, Outcome};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;

use crate::connector::{self, Connector};
use crate::names::{Names, SystemNames};
use crate::resolver::Resolver;
use crate::retry_after;
use crate::rules::Rules;
use crate::signature;
use crate::target::{self, Refused};

/// How long an attempt may take, from looking the name up to the answer's head (Standard Webhooks: 15 to 30 s).
const TIMEOUT: Duration = Duration::from_secs(15);

/// What is read of an answer's body, so that the connection can be used again; of a longer one it is closed. A connection
/// that is kept leads where it was allowed to lead when it was made.
const READ: usize = 16 * 1024;

/// How long that may take.
const READ_FOR: Duration = Duration::from_millis(500);

/// How long a connection is kept that is not used.
const IDLE: Duration = Duration::from_secs(30);

/// How many connections to a host and port are kept that are not used.
const MOST_IDLE: usize = 4;

/// Who calls.
const AGENT: &str = concat!("AINS-Webhook/", env!("CARGO_PKG_VERSION"));

/// How webhooks are called.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which addresses may be called.
    pub rules: Rules,
    /// How names become addresses.
    pub names: Arc<dyn Names>,
    /// How long an attempt may take: 15 seconds, but in tests.
    pub timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            rules: Rules::default(),
            names: Arc::new(SystemNames),
            timeout: TIMEOUT,
        }
    }
}

/// Why webhooks cannot be called at all.
#[derive(Debug, thiserror::Error)]
#[error("could not prepare to call webhooks")]
pub struct NotBuilt(#[source] pub(crate) Box<dyn Error + Send + Sync>);

/// Calls webhooks. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Caller {
    client: Client<Connector, Full<Bytes>>,
    options: Options,
}

impl Caller {
    /// Prepares to call webhooks.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(options: Options) -> Result<Self, NotBuilt> {
        Ok(Self::with(connector::tls()?, options))
    }

    fn with(tls: ClientConfig, options: Options) -> Self {
        let resolver = Resolver {
            names: Arc::clone(&options.names),
            rules: options.rules,
        };
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(MOST_IDLE)
            .build(Connector::new(resolver, tls, options.timeout));
        Self { client, options }
    }

    /// Judges an address that somebody wants to register.
    ///
    /// # Errors
    /// Why it is not called.
    pub async fn judge(&self, url: &str) -> Result<(), Refused> {
        target::judge(url, self.options.rules, &*self.options.names).await
    }

    /// Makes an attempt. It ends within the time-out, and half a second in which the rest of the answer is read.
    pub async fn call(&self, attempt: &Attempt) -> Outcome {
        // hyper asks the resolver for names only, so an address that stands there as a number is judged here.
        let url = match target::read(&attempt.url, self.options.rules) {
            Ok(url) => url,
            Err(refused) => return failed(format!("the address {refused}")),
        };
        let timestamp = attempt.at.as_micros().div_euclid(1_000_000);
        let standard = signature::standard(&attempt.secrets, attempt.id, timestamp, &attempt.body);
        let mut request = Request::post(url.as_str())
            .header(ACCEPT, "*/*")
            .header(USER_AGENT, AGENT)
            .header(CONTENT_TYPE, "application/json")
            .header(signature::ID, attempt.id.to_string())
            .header(signature::TIMESTAMP, timestamp)
            .header(signature::SIGNATURE, standard);
        if let Some(current) = attempt.secrets.first() {
            let original = signature::original(current, &attempt.body);
            request = request.header(signature::ORIGINAL, original);
        }
        // The URL standard takes hosts with signs in them that HTTP does not.
        let Ok(request) = request.body(Full::from(attempt.body.to_string())) else {
            return failed(format!("the address {}", Refused::NoAddress));
        };
        match tokio::time::timeout(self.options.timeout, self.client.request(request)).await {
            Ok(Ok(response)) => {
                let outcome = judged(response.status(), response.headers(), attempt);
                finish(response.into_body()).await;
                outcome
            }
            Ok(Err(error)) => failed(self.explained(&error)),
            Err(_) => failed(self.late()),
        }
    }

    fn late(&self) -> String {
        format!("no answer within {} s", self.options.timeout.as_secs_f32())
    }

    /// Why there was no answer, without what only the operator may know.
    fn explained(&self, error: &legacy::Error) -> String {
        let causes = causes(error);
        if causes.iter().any(|cause| cause.is::<Refused>()) {
            format!("the address {}", Refused::Private)
        } else if causes.iter().any(|cause| timed_out(*cause)) {
            self.late()
        } else if error.is_connect() {
            let root = causes.last().map(ToString::to_string).unwrap_or_default();
            format!("could not connect: {}", shortened(&root))
        } else {
            "the connection broke, or the answer was not HTTP".to_owned()
        }
    }
}

/// What an error comes from, the root last.
fn causes(error: &legacy::Error) -> Vec<&(dyn Error + 'static)> {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause);
        next = cause.source();
    }
    causes
}

fn timed_out(cause: &(dyn Error + 'static)) -> bool {
    let io = cause.downcast_ref::<io::Error>();
    io.is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
}

/// At most 200 characters, of one line.
fn shortened(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(plain).take(200).collect()
}

fn failed(error: String) -> Outcome {
    Outcome::Failed {
        code: None,
        error,
        retry_after: None,
    }
}

/// What an answer means: 200 to 299 is success, 410 the end, all else a failure; redirects are not followed.
fn judged(status: StatusCode, headers: &HeaderMap, attempt: &Attempt) -> Outcome {
    let code = status.as_u16();
    if status.is_success() {
        return Outcome::Delivered(code);
    }
    if status == StatusCode::GONE {
        return Outcome::Gone;
    }
    let retry_after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    Outcome::Failed {
        code: Some(code),
        error: if status.is_redirection() {
            format!("answered with {code}; redirects are not followed")
        } else {
            format!("answered with {code}")
        },
        retry_after: retry_after.and_then(|value| retry_after::read(value, attempt.at)),
    }
}

/// Reads the rest of a short answer; the connection of a long one is closed.
async fn finish(mut body: Incoming) {
    let read = async {
        let mut left = READ;
        while let Some(Ok(frame)) = body.frame().await {
            let count = frame.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(count) {
                Some(rest) => left = rest,
                None => break,
            }
        }
    };
    // What it says does not matter, nor whether it is said in time.
    let _ = tokio::time::timeout(READ_FOR, read).await;
}

#[cfg(test)]
mod tests;
