//! Holds the servers that tests ask: one for each backend, shared by the tests that run at the same time.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use ains_testkit::{Backend, ServerProcess, TestDb};

/// A server as the original ran, on a database of its own. It ends, by SIGTERM, with the last test that uses it.
#[derive(Debug)]
pub(crate) struct World {
    url: String,
    server: Mutex<ServerProcess>,
    /// Goes after the server.
    _db: Option<TestDb>,
}

impl World {
    /// A server for the caller alone; `None` where PostgreSQL is not installed.
    pub(crate) fn alone(backend: Backend) -> Option<Arc<Self>> {
        let (url, db) = match backend {
            Backend::Sqlite => ("sqlite://:memory:".to_owned(), None),
            Backend::Postgres => {
                let db = TestDb::postgres()?;
                (db.url(), Some(db))
            }
        };
        let binary = Path::new(env!("CARGO_BIN_EXE_ains-server"));
        let args = [
            ["--database-url", &url],
            ["--bind", "127.0.0.1:0"],
            ["--auth", "off"],
            ["--agent-identity", "hex-only"],
            ["--webhook-allow-private", "on"],
            [
                "--secret-key",
                "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            ],
        ];
        let server = ServerProcess::start(binary, args.as_flattened(), [("RUST_BACKTRACE", "1")])
            .expect("the server starts");
        Some(Arc::new(Self {
            url: server.url().to_owned(),
            server: Mutex::new(server),
            _db: db,
        }))
    }

    /// The server that the tests on `backend` share; `None` where PostgreSQL is not installed.
    fn shared(backend: Backend) -> Option<Arc<Self>> {
        static SQLITE: Mutex<Weak<World>> = Mutex::new(Weak::new());
        static POSTGRES: Mutex<Weak<World>> = Mutex::new(Weak::new());
        let shared = match backend {
            Backend::Sqlite => &SQLITE,
            Backend::Postgres => &POSTGRES,
        };
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(world) = shared.upgrade() {
            return Some(world);
        }
        let world = Self::alone(backend)?;
        *shared = Arc::downgrade(&world);
        Some(world)
    }

    /// Where the server listens, without a slash at the end.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // A server that does not end is killed; that it ends in time is proved elsewhere.
        let server = self.server.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = server.terminate();
    }
}

/// A name that no other test of this process has, such as `agent-17`.
pub(crate) fn fresh(word: &str) -> String {
    static LAST: AtomicU64 = AtomicU64::new(0);
    format!("{word}-{}", LAST.fetch_add(1, Ordering::Relaxed))
}

/// Runs a test on the server that the tests on `backend` share.
pub(crate) fn run(backend: Backend, test: impl AsyncFnOnce(Arc<World>)) {
    if let Some(world) = World::shared(backend) {
        run_on(&world, test);
    }
}

/// Runs a test on `world`, in which no handler may panic meanwhile.
pub(crate) fn run_on(world: &Arc<World>, test: impl AsyncFnOnce(Arc<World>)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a test can have a runtime");
    runtime.block_on(test(Arc::clone(world)));
    let printed = world
        .server
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .output();
    assert!(!printed.contains("panicked"), "the server panicked:\n{printed}");
}

/// Turns each `async fn(&T)`, where `T` is made from a shared `Arc<World>`, into `sqlite::…` and `postgres::…`.
macro_rules! on_both {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[test] fn $test() {
                crate::world::run(ains_testkit::Backend::Sqlite, async |world| super::$test(&world.into()).await);
            })+
        }
        mod postgres {
            $(#[test] fn $test() {
                crate::world::run(ains_testkit::Backend::Postgres, async |world| super::$test(&world.into()).await);
            })+
        }
    };
}
pub(crate) use on_both;
