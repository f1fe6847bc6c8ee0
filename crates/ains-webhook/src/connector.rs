//! Connections: TCP or TLS, made within a time.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use hyper::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::ClientConfig;
use rustls::crypto::CryptoProvider;
use tower_service::Service;

use crate::caller::NotBuilt;
use crate::resolver::Resolver;

type Inner = HttpsConnector<HttpConnector<Resolver>>;

/// Connects to what the resolver allows, by TLS where the address says https. No proxy is used.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    inner: Inner,
    timeout: Duration,
}

impl Connector {
    /// `timeout` bounds all of it: looking the name up, TCP and the handshake of TLS.
    pub(crate) fn new(resolver: Resolver, tls: ClientConfig, timeout: Duration) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(resolver);
        // The connector of TLS, which is around it, gives it https addresses too.
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        // Shared among the addresses of a name, so that the first one that says nothing does not use up all of it.
        tcp.set_connect_timeout(Some(timeout));
        let inner = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Self { inner, timeout }
    }
}

impl Service<Uri> for Connector {
    type Response = <Inner as Service<Uri>>::Response;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        // The client goes on with it when the attempt has found another connection, which no longer bounds it then.
        let connecting = tokio::time::timeout(self.timeout, self.inner.call(uri));
        Box::pin(async move { connecting.await.map_err(io::Error::from)? })
    }
}

/// TLS by rustls with ring, and the certificates that the machine trusts: a company that runs AINS for itself has
/// authorities of its own, and they are kept up to date with the system.
pub(crate) fn tls() -> Result<ClientConfig, NotBuilt> {
    let builder = || {
        ClientConfig::builder_with_provider(provider())
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

/// Given by name, so that the process needs none and may have another.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
