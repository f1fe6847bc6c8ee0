//! TLS: the certificate with which the server shows who it is, and the key of that.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What it takes to serve HTTPS: TLS 1.2 and 1.3 by rustls, with ring.
#[derive(Clone)]
pub struct Tls(pub(crate) ServerConfig);

/// Why nothing can be served with the two files.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file of the certificate; the text says what is wrong with it.
    #[error("{0}")]
    Certificate(String),
    /// The file of the key; the text says what is wrong with it.
    #[error("{0}")]
    Key(String),
    /// The key is not that of the first certificate, or of a kind that cannot be used with it.
    #[error("the key does not fit the certificate: {0}")]
    Mismatch(#[source] rustls::Error),
}

impl Tls {
    /// Reads the certificate, with those that lead from it to an authority behind it, and its key, both in PEM.
    ///
    /// # Errors
    /// When a file cannot be read, or holds something else, or the two do not belong together.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let unreadable = |error: rustls::pki_types::pem::Error| TlsError::Certificate(reason(&error));
        let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
            .map_err(unreadable)?
            .collect::<Result<_, _>>()
            .map_err(unreadable)?;
        if chain.is_empty() {
            return Err(TlsError::Certificate("there is no certificate in it".to_owned()));
        }
        let key = PrivateKeyDer::from_pem_file(key).map_err(|error| TlsError::Key(reason(&error)))?;
        // Given by name: the process has no provider of its own, and needs none.
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(TlsError::Mismatch)?;
        Ok(Self(config))
    }
}

/// What is wrong with a file. Nothing of what it holds is repeated.
fn reason(error: &rustls::pki_types::pem::Error) -> String {
    use rustls::pki_types::pem::Error;
    match error {
        Error::Io(error) => error.to_string(),
        Error::NoItemsFound => "there is none in it".to_owned(),
        _ => "it is not PEM".to_owned(),
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls(…)")
    }
}
