//! Calling: one attempt, bounded in everything.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use ains_core::webhook::{Attempt, Outcome};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode};
use rustls::ClientConfig;

use crate::names::{Names, SystemNames};
use crate::resolver::Resolver;
use crate::retry_after;
use crate::rules::Rules;
use crate::signature;
use crate::target::{self, Refused};

/// How long an attempt may take, from looking the name up to the answer's head (Standard Webhooks: 15 to 30 s).
const TIMEOUT: Duration = Duration::from_secs(15);

/// What is read of an answer's body, so that the connection can be used again; of a longer one it is closed.
const READ: usize = 16 * 1024;

/// How long that may take.
const READ_FOR: Duration = Duration::from_millis(500);

/// How long a connection is kept that is not used.
const IDLE: Duration = Duration::from_secs(30);

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
pub struct NotBuilt(#[source] Box<dyn Error + Send + Sync>);

/// Calls webhooks. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Caller {
    client: Client,
    options: Options,
}

impl Caller {
    /// Prepares to call webhooks.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(options: Options) -> Result<Self, NotBuilt> {
        let client = Client::builder()
            .tls_backend_preconfigured(tls()?)
            .dns_resolver(Arc::new(Resolver {
                names: Arc::clone(&options.names),
                rules: options.rules,
            }))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(options.timeout)
            .timeout(options.timeout)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(4)
            .retry(reqwest::retry::never())
            .user_agent(concat!("AINS-Webhook/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| NotBuilt(error.into()))?;
        Ok(Self { client, options })
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
        // reqwest asks the resolver for names only, so an address that stands there as a number is judged here.
        let url = match target::read(&attempt.url, self.options.rules) {
            Ok(url) => url,
            Err(refused) => return failed(format!("the address {refused}")),
        };
        let timestamp = attempt.at.as_micros().div_euclid(1_000_000);
        let standard = signature::standard(&attempt.secrets, attempt.id, timestamp, &attempt.body);
        let mut request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header(signature::ID, attempt.id.to_string())
            .header(signature::TIMESTAMP, timestamp)
            .header(signature::SIGNATURE, standard);
        if let Some(current) = attempt.secrets.first() {
            let original = signature::original(current, &attempt.body);
            request = request.header(HeaderName::from_static(signature::ORIGINAL), original);
        }
        match request.body(attempt.body.to_string()).send().await {
            Ok(response) => {
                let outcome = judged(response.status(), response.headers(), attempt);
                finish(response).await;
                outcome
            }
            Err(error) => failed(self.explained(&error)),
        }
    }

    /// Why there was no answer, without what only the operator may know.
    fn explained(&self, error: &reqwest::Error) -> String {
        let causes = causes(error);
        if causes.iter().any(|cause| cause.is::<Refused>()) {
            format!("the address {}", Refused::Private)
        } else if error.is_timeout() {
            format!("no answer within {} s", self.options.timeout.as_secs_f32())
        } else if error.is_connect() {
            let root = causes.last().map(ToString::to_string).unwrap_or_default();
            format!("could not connect: {}", shortened(&root))
        } else {
            "the connection broke, or the answer was not HTTP".to_owned()
        }
    }
}

/// What an error comes from, the root last.
fn causes(error: &reqwest::Error) -> Vec<&(dyn Error + 'static)> {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause);
        next = cause.source();
    }
    causes
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
async fn finish(mut response: Response) {
    let read = async {
        let mut left = READ;
        while let Ok(Some(part)) = response.chunk().await {
            match left.checked_sub(part.len()) {
                Some(rest) => left = rest,
                None => break,
            }
        }
    };
    // What it says does not matter, nor whether it is said in time.
    let _ = tokio::time::timeout(READ_FOR, read).await;
}

/// Makes ring the cryptography of every client in the process that does not bring its own.
///
/// reqwest asks for that as soon as any crate of the program has it speak TLS without a provider of its own, as this one
/// does; a client that is built before panics. To be called once, at the start; later calls change nothing.
pub fn install_cryptography() {
    // An error says that somebody has chosen already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// TLS by rustls with ring, and the certificates that the machine trusts: a company that runs AINS for itself has
/// authorities of its own, and they are kept up to date with the system.
fn tls() -> Result<ClientConfig, NotBuilt> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = || {
        ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| NotBuilt(error.into()))
    };
    match rustls_platform_verifier::BuilderVerifierExt::with_platform_verifier(builder()?) {
        Ok(builder) => Ok(builder.with_no_client_auth()),
        Err(error) => {
            // As in a container without any; plain http still works.
            tracing::warn!(%error, "this machine trusts no certificates, so no https webhook can be called");
            let roots = rustls::RootCertStore::empty();
            Ok(builder()?.with_root_certificates(roots).with_no_client_auth())
        }
    }
}
