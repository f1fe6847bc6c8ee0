//! TLS to PostgreSQL: what `sslmode` asks for is asked by both drivers, the one that queries and the one that listens.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use ains_store::signals::{self, Heard};
use ains_store::{Location, Options, PostgresUrl, Store, StoreError};
use ains_testkit::TestDb;
use ains_testkit::postgres::{Cluster, Database, Unavailable};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

/// A PostgreSQL with a certificate for `localhost`, and authorities: its own, and one that does not know it.
struct Site {
    cluster: Cluster,
    folder: TempDir,
}

impl Site {
    /// `None` where PostgreSQL is not installed, as with any other test on it.
    fn get() -> Option<&'static Self> {
        static SITE: OnceLock<Option<Site>> = OnceLock::new();
        SITE.get_or_init(Self::new).as_ref()
    }

    fn new() -> Option<Self> {
        // Says so where it is skipped, and fails where it may not be.
        TestDb::postgres()?;
        let authority = |name: &str| {
            let mut params = CertificateParams::new([name.to_owned()]).unwrap();
            params.distinguished_name.push(DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let key = KeyPair::generate().unwrap();
            let certificate = params.self_signed(&key).unwrap().pem();
            (Issuer::new(params, key), certificate)
        };
        let (issuer, known) = authority("an authority");
        let (_, stranger) = authority("another authority");
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("known.pem"), known).unwrap();
        std::fs::write(folder.path().join("stranger.pem"), stranger).unwrap();
        let cluster = match Cluster::with_tls(&certificate.pem(), &key.serialize_pem()) {
            Ok(cluster) => cluster,
            // Only a server that was given: its settings are not ours to change.
            Err(Unavailable::NotInstalled) => return None,
            Err(failure) => panic!("{failure}"),
        };
        Some(Self { cluster, folder })
    }

    fn root(&self, name: &str) -> String {
        let path: PathBuf = self.folder.path().join(name);
        path.display().to_string()
    }

    /// The address of `database` under another name of the host, with these parameters.
    fn url(&self, database: &Database, host: &str, parameters: &str) -> String {
        let port = self.cluster.port().unwrap();
        format!(
            "postgres://postgres@{host}:{port}/{}?{parameters}",
            database.name()
        )
    }
}

fn open(url: &str) -> Result<Store, StoreError> {
    let url: PostgresUrl = url.parse()?;
    Store::open(&Options::new(Location::Postgres(url)))
}

fn reason(url: &str) -> String {
    open(url).expect_err(url).to_string()
}

/// Who of the connections to `database` is encrypted, by application.
fn encrypted(database: &Database) -> String {
    database
        .psql(
            "select distinct ssl from pg_stat_ssl join pg_stat_activity using (pid) \
             where datname = current_database() and application_name = 'under-test' order by 1",
        )
        .unwrap()
}

/// Listens with the other driver until it is connected.
fn listen(store: &Store) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (_signals, mut heard) = signals::start(store).unwrap();
        let first = tokio::time::timeout(Duration::from_secs(20), heard.recv()).await;
        first == Ok(Some(Heard::Connected))
    })
}

#[test]
fn a_server_that_is_known_by_its_name_is_reached_by_both_drivers() {
    let Some(site) = Site::get() else { return };
    let database = site.cluster.database().unwrap();
    for mode in ["require", "verify-ca", "verify-full"] {
        let known = format!(
            "sslmode={mode}&sslrootcert={}&application_name=under-test",
            site.root("known.pem")
        );
        let store = open(&site.url(&database, "localhost", &known)).unwrap();
        // One connection of libpq rests in the store, and one listens meanwhile.
        store.read_now(|_| Ok(())).unwrap();
        assert_eq!(encrypted(&database), "t", "{mode}");
        assert!(listen(&store), "{mode}");
    }
    let store = open(&site.url(
        &database,
        "127.0.0.1",
        "sslmode=require&application_name=under-test",
    ))
    .unwrap();
    store.read_now(|_| Ok(())).unwrap();
    assert_eq!(encrypted(&database), "t");
    assert!(listen(&store));
}

#[test]
fn a_server_that_an_unknown_authority_vouches_for_is_refused() {
    let Some(site) = Site::get() else { return };
    let database = site.cluster.database().unwrap();
    for mode in ["require", "verify-ca", "verify-full"] {
        let stranger = format!("sslmode={mode}&sslrootcert={}", site.root("stranger.pem"));
        let reason = reason(&site.url(&database, "localhost", &stranger));
        assert!(reason.contains("certificate verify failed"), "{mode}: {reason}");
    }
}

#[test]
fn a_server_of_another_name_is_refused() {
    let Some(site) = Site::get() else { return };
    let database = site.cluster.database().unwrap();
    let parameters = |mode| format!("sslmode={mode}&sslrootcert={}", site.root("known.pem"));
    let reason = reason(&site.url(&database, "127.0.0.1", &parameters("verify-full")));
    assert!(reason.contains("does not match host name"), "{reason}");
    let store = open(&site.url(&database, "127.0.0.1", &parameters("verify-ca"))).unwrap();
    assert!(listen(&store));
}

#[test]
fn the_driver_that_listens_refuses_what_the_other_refuses() {
    let Some(site) = Site::get() else { return };
    let database = site.cluster.database().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for (host, root, expected) in [
        ("localhost", "known.pem", None),
        ("localhost", "stranger.pem", Some("certificate verify failed")),
        ("127.0.0.1", "known.pem", Some("certificate verify failed")),
    ] {
        let parameters = format!("sslmode=verify-full&sslrootcert={}", site.root(root));
        let url: PostgresUrl = site.url(&database, host, &parameters).parse().unwrap();
        let tried = runtime.block_on(signals::probe(&url));
        match expected {
            None => tried.unwrap(),
            Some(reason) => {
                let error = tried.unwrap_err().to_string();
                assert!(error.contains(reason), "{host} {root}: {error}");
            }
        }
    }
}

#[test]
fn a_server_without_tls_is_refused_where_tls_is_asked_for() {
    let Some(db) = TestDb::postgres() else { return };
    let url = db.url();
    // A server that was given may have TLS.
    if url.contains('?') {
        return;
    }
    let reason = reason(&format!("{url}?sslmode=require"));
    assert!(reason.contains("server does not support SSL"), "{reason}");
    open(&format!("{url}?sslmode=prefer")).unwrap();
}
