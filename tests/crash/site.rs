//! Databases as in production, and servers that come back where they were.

use std::any::Any;
use std::fmt;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::ExitStatus;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};

use ains_testkit::postgres::{Cluster, Unavailable};
use ains_testkit::{Backend, ServerProcess, SqliteFile, TestDb};

/// An empty database that syncs to disk as in production.
pub(crate) struct Site {
    url: String,
    _kept: Box<dyn Any + Send>,
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Site").field(&self.url).finish()
    }
}

impl Site {
    /// `None` where PostgreSQL is not installed.
    pub(crate) fn new(backend: Backend) -> Option<Self> {
        static CLUSTER: OnceLock<Result<Cluster, Unavailable>> = OnceLock::new();
        if backend == Backend::Sqlite {
            let file = SqliteFile::new();
            let (url, kept) = (file.url(), Box::new(file));
            return Some(Self { url, _kept: kept });
        }
        match CLUSTER.get_or_init(Cluster::durable) {
            Ok(cluster) => {
                let database = cluster.database().expect("a database can be made");
                let (url, kept) = (database.url().to_owned(), Box::new(database));
                Some(Self { url, _kept: kept })
            }
            // It says that the test is skipped, or fails where nothing may be skipped.
            Err(Unavailable::NotInstalled) => TestDb::postgres().map(|db| Self {
                url: db.url(),
                _kept: Box::new(db),
            }),
            Err(failure) => panic!("no PostgreSQL to test with: {failure}"),
        }
    }

    /// Starts a server on this database.
    pub(crate) fn serve(&self, settings: &[(&'static str, &'static str)]) -> Server {
        let envs: Vec<_> = [
            ("AINS_DATABASE_URL", self.url.clone()),
            ("AINS_BIND", format!("127.0.0.1:{}", free_port())),
        ]
        .into_iter()
        .chain(
            FIXED
                .iter()
                .chain(settings)
                .map(|(name, value)| (*name, (*value).to_owned())),
        )
        .collect();
        let process = start(&envs);
        Server { process, envs }
    }
}

/// Settings of every server of these tests.
const FIXED: [(&str, &str); 5] = [
    ("AINS_AUTH", "off"),
    ("AINS_AGENT_IDENTITY", "hex-only"),
    ("AINS_LOG", "warn"),
    (
        "AINS_SECRET_KEY",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    ),
    ("RUST_BACKTRACE", "1"),
];

/// A server that has the same address whenever it runs.
#[derive(Debug)]
pub(crate) struct Server {
    process: ServerProcess,
    envs: Vec<(&'static str, String)>,
}

impl Server {
    /// Where it listens, without a slash at the end.
    pub(crate) fn url(&self) -> String {
        self.process.url().to_owned()
    }

    /// `kill -9`. What it has printed must be sound.
    pub(crate) fn crash(&mut self) {
        self.process.kill().expect("a server can be killed");
        self.check_log();
    }

    /// SIGTERM, and its end. What it has printed must be sound.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        let status = self
            .process
            .terminate()
            .expect("a server ends when it is asked to");
        self.check_log();
        status
    }

    /// Starts it again, after its end, on the same address.
    pub(crate) fn start_again(&mut self) {
        self.process = start(&self.envs);
    }

    /// No handler has panicked, and nothing that the server is to blame for has failed.
    fn check_log(&self) {
        let printed = self.process.output();
        let sound = !printed.contains("panicked") && !printed.contains("\"level\":\"ERROR\"");
        assert!(sound, "the server is not sound:\n{printed}");
    }
}

fn start(envs: &[(&'static str, String)]) -> ServerProcess {
    let binary = Path::new(env!("CARGO_BIN_EXE_ains-server"));
    let envs = envs.iter().map(|(name, value)| (*name, value.as_str()));
    ServerProcess::start(binary, [""; 0], envs).expect("the server starts")
}

/// A port that nobody has, below those that the system gives to outgoing connections: while the server is down, no client
/// that calls for it may be given its port.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 15_000 + u16::try_from(std::process::id() % 1_000).expect("below 1,000") * 16;
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// Runs a test with a runtime of its own, whose clients go on while the test itself blocks.
pub(crate) fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a test can have a runtime")
        .block_on(test);
}
