//! A connection to either database, and how a query text is run on whichever it is.

use diesel::connection::{AnsiTransactionManager, SimpleConnection as _, TransactionManager as _};
use diesel::{Connection as _, PgConnection, SqliteConnection};

use crate::error::StoreError;
use crate::postgres::PostgresUrl;

/// Runs one query text on whichever database is behind `$conn`.
macro_rules! per_backend {
    ($conn:expr, |$c:ident| $query:expr) => {
        match $conn {
            $crate::connection::Conn::Sqlite($c) => $query,
            $crate::connection::Conn::Postgres($c) => $query,
        }
    };
}

/// Loads `$columns` of the rows of `$table` with one of `$values` as their `$key`, in any order.
///
/// SQLite is asked for one value after the other: the text of `IN (…)` would differ with their
/// number, and be parsed each time.
macro_rules! load_in {
    ($conn:expr, $table:expr, $key:expr, $values:expr, $columns:expr) => {
        match $conn {
            $crate::connection::Conn::Sqlite(c) => {
                let mut rows = Vec::new();
                for value in std::collections::BTreeSet::from_iter($values) {
                    rows.append(&mut $table.filter($key.eq(value)).select($columns).load(c)?);
                }
                rows
            }
            $crate::connection::Conn::Postgres(c) => match Vec::from_iter($values) {
                values if values.is_empty() => Vec::new(),
                values => $table.filter($key.eq_any(values)).select($columns).load(c)?,
            },
        }
    };
}

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// The embedded one: one server.
    Sqlite,
    /// Any number of servers.
    Postgres,
}

/// A connection. Its inside is for this crate only.
#[expect(missing_debug_implementations, reason = "diesel's connections have none")]
pub enum Conn {
    /// To the embedded database.
    #[doc(hidden)]
    Sqlite(SqliteConnection),
    /// To a PostgreSQL server.
    #[doc(hidden)]
    Postgres(PgConnection),
}

/// Durable WAL; a busy reader waits instead of failing; 64 MiB of page cache at most; a WAL
/// that is kept small by checkpoints of 4,000 pages.
const SQLITE_SETTINGS: &str = "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; \
    PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -65536; \
    PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 4000;";

/// A statement does not wait for a lock for ever. Every query has an index and joins few rows, but
/// PostgreSQL keeps the plan of a prepared statement: one made while a table was small scans it,
/// until statistics are next gathered. So plans that read whole tables are out (docs/adr/0008), and
/// compiling a query, which takes longer than any of ours, is too.
const POSTGRES_SETTINGS: &str = "SET client_min_messages = warning; SET lock_timeout = '10s'; \
    SET idle_in_transaction_session_timeout = '60s'; SET jit = off; SET random_page_cost = 1.1; \
    SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;";

impl Conn {
    /// Opens a connection to `path`.
    pub(crate) fn sqlite(path: &str) -> Result<Self, StoreError> {
        let mut conn = SqliteConnection::establish(path)?;
        conn.batch_execute(SQLITE_SETTINGS)?;
        Ok(Self::Sqlite(conn))
    }

    /// Opens a connection to the server at `url`.
    pub(crate) fn postgres(url: &PostgresUrl) -> Result<Self, StoreError> {
        let connected = PgConnection::establish(url.reveal());
        let mut conn = connected.map_err(|error| StoreError::Unavailable(url.hide(&error.to_string())))?;
        conn.batch_execute(POSTGRES_SETTINGS)?;
        Ok(Self::Postgres(conn))
    }

    /// Which database it is.
    pub fn backend(&self) -> Backend {
        match self {
            Self::Sqlite(_) => Backend::Sqlite,
            Self::Postgres(_) => Backend::Postgres,
        }
    }

    pub(crate) fn execute(&mut self, sql: &str) -> Result<(), StoreError> {
        Ok(per_backend!(self, |c| c.batch_execute(sql))?)
    }

    /// Begins a transaction; on SQLite one that may write at once, so that it never fails
    /// half-way for want of the lock.
    pub(crate) fn begin(&mut self) -> Result<(), StoreError> {
        Ok(match self {
            Self::Sqlite(c) => AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE"),
            Self::Postgres(c) => AnsiTransactionManager::begin_transaction(c),
        }?)
    }

    /// Runs `act` in a transaction of its own: for the start and the end of a server, when there
    /// is no writer.
    ///
    /// # Errors
    /// What `act` returns, or the database; nothing is changed then.
    pub fn transact<T>(
        &mut self,
        act: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.begin()?;
        match act(self) {
            Ok(value) => self.commit().map(|()| value),
            Err(error) => {
                self.rollback()?;
                Err(error)
            }
        }
    }

    /// From here on nothing of what this connection changes or deletes is left over in the file. PostgreSQL has its own
    /// time for that.
    ///
    /// # Errors
    /// When the database fails.
    pub fn leave_no_traces(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => self.execute("PRAGMA secure_delete = ON"),
            Self::Postgres(_) => Ok(()),
        }
    }

    /// Moves what is in the log into the file, and empties the log: at the start, when nobody reads.
    ///
    /// # Errors
    /// When the database fails.
    pub fn empty_log(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => self.execute("PRAGMA wal_checkpoint(TRUNCATE)"),
            Self::Postgres(_) => Ok(()),
        }
    }

    pub(crate) fn commit(&mut self) -> Result<(), StoreError> {
        Ok(per_backend!(self, |c| {
            AnsiTransactionManager::commit_transaction(c)
        })?)
    }

    pub(crate) fn rollback(&mut self) -> Result<(), StoreError> {
        Ok(per_backend!(self, |c| {
            AnsiTransactionManager::rollback_transaction(c)
        })?)
    }
}
