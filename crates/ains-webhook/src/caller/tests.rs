use rcgen::CertifiedKey;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::*;

const BODY: &str = "{}";

/// A receiver that speaks TLS with a certificate of its own making.
#[derive(Debug)]
struct Receiver {
    url: String,
    certificate: CertificateDer<'static>,
    /// What came over its only connection; an error if there was no handshake.
    came: JoinHandle<io::Result<String>>,
}

impl Receiver {
    /// The certificate says that it is `name`.
    async fn named(name: &str) -> Self {
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let certificate = cert.der().clone();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(connector::provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://127.0.0.1:{}/hook", listener.local_addr().unwrap().port());
        let came = tokio::spawn(async move {
            let (stream, _) = listener.accept().await?;
            serve(TlsAcceptor::from(Arc::new(config)).accept(stream).await?).await
        });
        Self {
            url,
            certificate,
            came,
        }
    }

    fn attempt(&self) -> Attempt {
        Attempt {
            url: self.url.as_str().into(),
            id: "delivery_019b76da7800700080000000000000aa".parse().unwrap(),
            at: ains_core::Timestamp::from_micros(0),
            body: BODY.into(),
            secrets: vec!["s".parse().unwrap()],
        }
    }

    /// A client that trusts its certificate and no other.
    fn trusting(&self) -> Caller {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let tls = ClientConfig::builder_with_provider(connector::provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Caller::with(tls, options())
    }
}

/// Reads a request and answers it.
async fn serve(mut stream: TlsStream<TcpStream>) -> io::Result<String> {
    let mut came = String::new();
    while !came.ends_with(&format!("\r\n\r\n{BODY}")) {
        let mut part = [0; 4096];
        let count = stream.read(&mut part).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        came.push_str(&String::from_utf8_lossy(&part[..count]));
    }
    stream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        .await?;
    stream.shutdown().await?;
    Ok(came)
}

fn options() -> Options {
    Options {
        rules: Rules { allow_private: true },
        ..Options::default()
    }
}

fn refusal(outcome: Outcome) -> String {
    match outcome {
        Outcome::Failed {
            code: None, error, ..
        } => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_certificate_that_is_trusted_lets_the_call_through() {
    let receiver = Receiver::named("127.0.0.1").await;
    let outcome = receiver.trusting().call(&receiver.attempt()).await;
    assert_eq!(outcome, Outcome::Delivered(200));
    let came = receiver.came.await.unwrap().unwrap();
    assert!(came.starts_with("POST /hook HTTP/1.1\r\n"), "{came}");
}

#[tokio::test]
async fn a_certificate_that_the_machine_does_not_trust_is_refused() {
    let receiver = Receiver::named("127.0.0.1").await;
    let caller = Caller::new(options()).unwrap();
    let error = refusal(caller.call(&receiver.attempt()).await);
    assert!(
        error.starts_with("could not connect: invalid peer certificate"),
        "{error}"
    );
    assert!(receiver.came.await.unwrap().is_err(), "nothing is sent");
}

#[tokio::test]
async fn a_certificate_of_somebody_else_is_refused() {
    let receiver = Receiver::named("hook.example").await;
    let error = refusal(receiver.trusting().call(&receiver.attempt()).await);
    assert!(
        error.starts_with("could not connect: invalid peer certificate"),
        "{error}"
    );
    assert!(receiver.came.await.unwrap().is_err(), "nothing is sent");
}
