//! HTTPS: the real program, with a certificate that the test makes.

#![expect(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use ains_testkit::ServerProcess;
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_ains-server");

/// A certificate for `localhost`, and files with it and its key.
struct Files {
    folder: TempDir,
    certificate: CertificateDer<'static>,
}

impl Files {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(folder.path().join("cert.pem"), cert.pem()).unwrap();
        fs::write(folder.path().join("key.pem"), signing_key.serialize_pem()).unwrap();
        Self {
            folder,
            certificate: cert.der().clone(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The arguments that name two of the files.
    fn args(&self, certificate: &str, key: &str) -> Vec<String> {
        let shown = |name| self.path(name).display().to_string();
        vec![
            "--tls-cert".to_owned(),
            shown(certificate),
            "--tls-key".to_owned(),
            shown(key),
        ]
    }
}

fn start(args: &[String]) -> ServerProcess {
    let common = [
        "--bind",
        "127.0.0.1:0",
        "--database-url",
        "sqlite://:memory:",
        "--auth",
        "off",
    ];
    let args = common.iter().copied().chain(args.iter().map(String::as_str));
    ServerProcess::start(Path::new(BINARY), args, [("AINS_LOG", "info")]).unwrap()
}

/// Asks for `/health` over TLS as `localhost`, trusting `root` and nobody else.
fn ask(server: &ServerProcess, root: &CertificateDer<'static>) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connection = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let tcp = TcpStream::connect(server.url().strip_prefix("https://").unwrap())?;
    tcp.set_read_timeout(Some(Duration::from_secs(20)))?;
    let mut stream = StreamOwned::new(connection, tcp);
    stream.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn https_is_served_with_the_certificate_that_was_given() {
    let files = Files::new();
    let mut server = start(&files.args("cert.pem", "key.pem"));
    assert!(server.url().starts_with("https://127.0.0.1:"), "{}", server.url());
    let answer = ask(&server, &files.certificate).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(
        answer.contains("strict-transport-security: max-age=31536000\r\n"),
        "{answer}"
    );
    let failure = ask(&server, &Files::new().certificate).unwrap_err();
    assert!(failure.to_string().contains("certificate"), "{failure}");
    assert!(server.terminate().unwrap().success(), "{}", server.output());
}

#[test]
fn what_is_no_tls_gets_no_answer() {
    let files = Files::new();
    let server = start(&files.args("cert.pem", "key.pem"));
    let mut stream = TcpStream::connect(server.url().strip_prefix("https://").unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
        .write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
        .unwrap();
    let mut answer = Vec::new();
    // Closed, or reset for the bytes that were not read; an alert of TLS may come before that.
    let _ = stream.read_to_end(&mut answer);
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP"), "{answer:?}");
    assert!(ask(&server, &files.certificate).unwrap().contains("200 OK"));
}

#[test]
fn only_a_server_that_others_can_listen_in_to_is_warned_of() {
    const WARNING: &str = "HTTP is served without TLS";
    let files = Files::new();
    for (bind, tls, warned) in [
        ("0.0.0.0:0", false, 1),
        ("0.0.0.0:0", true, 0),
        ("127.0.0.1:0", false, 0),
    ] {
        let mut args = vec!["--bind", bind, "--database-url", "sqlite://:memory:"];
        let given = files.args("cert.pem", "key.pem");
        if tls {
            args.extend(given.iter().map(String::as_str));
        }
        let mut server = ServerProcess::start(Path::new(BINARY), args, [("AINS_LOG", "warn")]).unwrap();
        assert!(server.terminate().unwrap().success());
        let lines = server.stderr_lines();
        let warnings = lines.iter().filter(|line| line.contains(WARNING)).count();
        assert_eq!(warnings, warned, "{bind} {tls}: {lines:?}");
    }
}

#[test]
fn files_that_are_no_certificate_and_its_key_end_the_start() {
    let files = Files::new();
    let another = KeyPair::generate().unwrap();
    fs::write(files.path("other.pem"), another.serialize_pem()).unwrap();
    fs::write(files.path("text.pem"), "hello").unwrap();
    fs::write(
        files.path("broken.pem"),
        "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    for (certificate, key, sentence) in [
        (
            "none.pem",
            "key.pem",
            "--tls-cert must be a file with a certificate in PEM, not",
        ),
        (
            "text.pem",
            "key.pem",
            "--tls-cert must be a file with a certificate in PEM, not",
        ),
        (
            "key.pem",
            "key.pem",
            "--tls-cert must be a file with a certificate in PEM, not",
        ),
        (
            "cert.pem",
            "none.pem",
            "--tls-key must be a file with a private key in PEM, not",
        ),
        (
            "cert.pem",
            "cert.pem",
            "--tls-key must be a file with a private key in PEM, not",
        ),
        (
            "cert.pem",
            "other.pem",
            "--tls-key must be the key of the certificate, not",
        ),
        (
            "broken.pem",
            "key.pem",
            "--tls-key must be the key of the certificate, not",
        ),
    ] {
        let said = refusal(&files.args(certificate, key));
        assert!(said.starts_with(&format!("ains-server: {sentence}")), "{said}");
        assert!(!said.contains("PRIVATE KEY") && !said.contains("hello"), "{said}");
    }
    // One without the other.
    let said = refusal(&files.args("cert.pem", "key.pem")[..2]);
    assert!(said.contains("--tls-cert needs `tls_key` beside it"), "{said}");
}

/// What a start says that its settings do not allow: one line.
fn refusal(args: &[String]) -> String {
    let Output { status, stderr, .. } = Command::new(BINARY)
        .args(["--bind", "127.0.0.1:0", "--database-url", "sqlite://:memory:"])
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(2), "{args:?}: {said}");
    assert_eq!(said.lines().count(), 1, "{args:?}: {said}");
    said
}
