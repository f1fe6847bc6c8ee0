//! The store: where it is, its readers, and how a connection is opened.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use crate::connection::{Backend, Conn};
use crate::error::StoreError;
use crate::migrate;
use crate::observer::{Observer, Operation};
use crate::postgres::PostgresUrl;

/// Where the data is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A file; one server.
    SqliteFile(PathBuf),
    /// A file that is made at start and removed at the end.
    Temporary,
    /// A PostgreSQL server.
    Postgres(PostgresUrl),
}

impl std::str::FromStr for Location {
    type Err = StoreError;

    /// Reads `sqlite://path`, `sqlite://:memory:`, `postgres://…` or `postgresql://…`.
    fn from_str(url: &str) -> Result<Self, StoreError> {
        match url.split_once("://") {
            Some(("sqlite", ":memory:")) => Ok(Self::Temporary),
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::SqliteFile(PathBuf::from(path))),
            Some(("postgres" | "postgresql", rest)) if !rest.is_empty() => url.parse().map(Self::Postgres),
            _ => Err(StoreError::Address(
                "is none of sqlite://PATH, sqlite://:memory: and postgres://USER@HOST/NAME".to_owned(),
            )),
        }
    }
}

impl Location {
    /// The address for people, without a password.
    pub fn shown(&self) -> String {
        match self {
            Self::SqliteFile(path) => format!("sqlite://{}", path.display()),
            Self::Temporary => "sqlite://:memory: (a temporary file, removed at the end)".to_owned(),
            Self::Postgres(url) => url.to_string(),
        }
    }
}

/// How the store is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the data is.
    pub location: Location,
    /// Connections for readers, at least 1.
    pub readers: usize,
    /// Reads that may wait for a connection before more are refused.
    pub read_queue: usize,
}

impl Options {
    /// The usual settings for `location`: 4 readers and at most 1,024 waiting reads.
    pub fn new(location: Location) -> Self {
        Self {
            location,
            readers: 4,
            read_queue: 1024,
        }
    }
}

/// The data of one AINS, on either database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
    observer: Option<Arc<dyn Observer>>,
}

struct Inner {
    address: Address,
    /// Connections at rest; opened when first needed.
    idle: Mutex<Vec<Conn>>,
    /// As many permits as there may be readers.
    permits: Semaphore,
    /// As many permits as reads may run or wait.
    queue: Semaphore,
    /// Removes a temporary database with the last clone of the store.
    _folder: Option<tempfile::TempDir>,
}

#[derive(Debug, Clone)]
enum Address {
    Sqlite(String),
    Postgres(PostgresUrl),
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("backend", &self.backend())
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the database and brings its schema up to date. Blocks.
    ///
    /// # Errors
    /// When it cannot be reached, or the migrations fail.
    pub fn open(options: &Options) -> Result<Self, StoreError> {
        let (address, folder) = match &options.location {
            Location::SqliteFile(path) => (Address::Sqlite(sqlite_path(path)?), None),
            Location::Temporary => {
                let folder = tempfile::Builder::new().prefix("ains-").tempdir();
                let folder = folder.map_err(|error| StoreError::Unavailable(error.to_string()))?;
                (
                    Address::Sqlite(sqlite_path(&folder.path().join("ains.db"))?),
                    Some(folder),
                )
            }
            Location::Postgres(url) => (Address::Postgres(url.clone()), None),
        };
        let store = Self {
            inner: Arc::new(Inner {
                address,
                idle: Mutex::new(Vec::new()),
                permits: Semaphore::new(options.readers.max(1)),
                queue: Semaphore::new(options.readers.max(1) + options.read_queue),
                _folder: folder,
            }),
            observer: None,
        };
        let mut conn = store.connect()?;
        migrate::run(&mut conn)?;
        Ok(store)
    }

    /// The same data; `observer` is told how long takes what is done by way of this store, its clones, and the
    /// writers that are started on them.
    #[must_use]
    pub fn observed_by(&self, observer: Arc<dyn Observer>) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            observer: Some(observer),
        }
    }

    /// Tells the observer, if there is one.
    pub(crate) fn took(&self, operation: Operation, time: Duration) {
        if let Some(observer) = &self.observer {
            observer.took(operation, time);
        }
    }

    /// Which database it is.
    pub fn backend(&self) -> Backend {
        match self.inner.address {
            Address::Sqlite(_) => Backend::Sqlite,
            Address::Postgres(_) => Backend::Postgres,
        }
    }

    /// The address of a PostgreSQL server, for its notifications.
    pub(crate) fn postgres_url(&self) -> Option<&PostgresUrl> {
        match &self.inner.address {
            Address::Sqlite(_) => None,
            Address::Postgres(url) => Some(url),
        }
    }

    /// A connection of its own, outside of the pool of readers. Blocks.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub fn connect(&self) -> Result<Conn, StoreError> {
        match &self.inner.address {
            Address::Sqlite(path) => Conn::sqlite(path),
            Address::Postgres(url) => Conn::postgres(url),
        }
    }

    /// Runs `query` on a reader, off the async threads.
    ///
    /// # Errors
    /// What the query returns; [`StoreError::Overloaded`] when too many reads wait already.
    pub async fn read<T, F>(&self, query: F) -> Result<T, StoreError>
    where
        F: FnOnce(&mut Conn) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let store = self.clone();
        let _place = self
            .inner
            .queue
            .try_acquire()
            .map_err(|_| StoreError::Overloaded)?;
        let _permit = self
            .inner
            .permits
            .acquire()
            .await
            .map_err(|_| StoreError::Stopping)?;
        tokio::task::spawn_blocking(move || store.read_now(query))
            .await
            .map_err(|_| StoreError::Stopping)?
    }

    /// Runs `query` on a reader, on this thread. Blocks.
    ///
    /// # Errors
    /// What the query returns.
    pub fn read_now<T>(
        &self,
        query: impl FnOnce(&mut Conn) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = self
            .inner
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let mut conn = match idle {
            Some(conn) => conn,
            None => self.connect()?,
        };
        let begun = Instant::now();
        let answer = query(&mut conn);
        self.took(Operation::Read, begun.elapsed());
        // A connection that broke is not used again; the next read opens another.
        if !matches!(answer, Err(StoreError::Unavailable(_))) {
            self.inner
                .idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(conn);
        }
        answer
    }
}

fn sqlite_path(path: &Path) -> Result<String, StoreError> {
    path.to_str()
        .map(str::to_owned)
        .ok_or_else(|| StoreError::Address("has a path that is not UTF-8".to_owned()))
}
