//! Puts the application together and serves it.

use std::fmt;
use std::net::TcpListener;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::{Server, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::web::{Data, ServiceConfig};
use actix_web::{App, Error, HttpServer};
use ains_core::Timestamp;
use ains_service::Ains;

use crate::address::TrustedProxies;
use crate::auth::{Auth, Nonces};
use crate::cors::Origins;
use crate::defences::Defences;
use crate::front::Front;
use crate::request_id::Ids;
use crate::requests::Requests;
use crate::routes;
use crate::tls::Tls;

/// How long an idle connection is kept: longer than the usual 60 s of proxies, so that they close first.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How long the head of a request may take to arrive, and the handshake of TLS before it.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long answers in flight may take when the server stops (semantics §10).
const SHUTDOWN_SECONDS: u64 = 10;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// What every handler has at hand.
pub struct HttpState {
    /// The use cases.
    pub(crate) ains: Ains,
    /// Whether a key is needed.
    pub(crate) auth: Auth,
    /// What `/health` calls the version.
    pub(crate) version: String,
    pub(crate) ids: Ids,
    /// Whose word is taken for where requests come from.
    pub(crate) proxies: TrustedProxies,
    /// What signed requests may not repeat.
    pub(crate) nonces: Nonces,
    /// What was asked, counted.
    pub(crate) requests: Requests,
    /// What answers carry to protect whoever reads them in a browser.
    pub(crate) defences: Defences,
    /// Whose pages may ask.
    pub(crate) origins: Origins,
}

impl HttpState {
    /// `seed` makes request ids differ from one start of the server to the next.
    pub fn new(ains: Ains, auth: Auth, version: impl Into<String>, seed: u64) -> Self {
        Self {
            ains,
            auth,
            version: version.into(),
            ids: Ids::new(seed),
            proxies: TrustedProxies::default(),
            nonces: Nonces::default(),
            requests: Requests::new(),
            defences: Defences::new(false),
            origins: Origins::default(),
        }
    }

    /// The same behind these proxies, whose word is taken for where requests come from.
    #[must_use]
    pub fn behind(mut self, proxies: TrustedProxies) -> Self {
        self.proxies = proxies;
        self
    }

    /// Lets pages of these origins ask.
    #[must_use]
    pub fn with_origins(mut self, origins: Origins) -> Self {
        self.origins = origins;
        self
    }

    /// The present instant.
    pub(crate) fn now(&self) -> Timestamp {
        self.ains.now()
    }
}

impl fmt::Debug for HttpState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpState")
            .field("auth", &self.auth)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// Adds the state and every route, but not what stands in front of them.
pub fn configure(state: &Data<HttpState>) -> impl FnOnce(&mut ServiceConfig) + use<> {
    let state = state.clone();
    move |config| {
        config.app_data(state).configure(routes::configure);
    }
}

/// The whole application, as the server and in-process tests run it.
pub fn app(
    state: &Data<HttpState>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = Error,
        InitError = (),
    > + use<>,
> {
    App::new().configure(configure(state)).wrap(Front(state.clone()))
}

/// How the application is served.
#[derive(Debug, Clone)]
pub struct Serving {
    /// Threads.
    pub workers: usize,
    /// Connections at the same time; more wait to be accepted.
    pub connections: usize,
    /// With what HTTPS is served; without, HTTP is.
    pub tls: Option<Tls>,
}

/// Serves on `listener` until the server's handle is told to stop. Signals are left to whoever runs it.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve(listener: TcpListener, mut state: HttpState, how: Serving) -> std::io::Result<Server> {
    state.defences = Defences::new(how.tls.is_some());
    let state = Data::new(state);
    // Of each worker, also while they shake hands: those that do so slowly keep nobody else out.
    let of_each = how.connections.div_ceil(how.workers.max(1));
    let server = HttpServer::new(move || app(&state))
        .workers(how.workers)
        .max_connections(of_each)
        .max_connection_rate(of_each)
        .backlog(BACKLOG)
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(HEAD_TIMEOUT)
        .tls_handshake_timeout(HEAD_TIMEOUT)
        .client_disconnect_timeout(Duration::from_secs(1))
        .shutdown_timeout(SHUTDOWN_SECONDS)
        .disable_signals();
    let server = match how.tls {
        Some(tls) => server.listen_rustls_0_23(listener, tls.0)?,
        None => server.listen(listener)?,
    };
    Ok(server.run())
}
