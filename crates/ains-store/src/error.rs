//! What can go wrong in the store.

use diesel::result::{DatabaseErrorKind, Error as Diesel};

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, or a connection broke.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The queue to the writer, or to the readers, is full.
    #[error("too much is waiting for the database")]
    Overloaded,
    /// The store is shutting down.
    #[error("the store is shutting down")]
    Stopping,
    /// Another transaction was in the way; the same again may succeed.
    #[error("another transaction was in the way")]
    Contended(#[source] Diesel),
    /// A constraint of the schema refused the change.
    #[error("constraint `{0}` refused the change")]
    Conflict(String),
    /// A row holds something that core refuses.
    #[error("a row of `{table}` is corrupt: {reason}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// What is wrong with the row.
        reason: String,
    },
    /// The database address is not one of ours, which the text says why. It does not repeat the address, which may hold
    /// a password.
    #[error("the database address {0}")]
    Address(String),
    /// The migrations failed.
    #[error("the migrations failed: {0}")]
    Migration(String),
    /// A fault in the program; what was said of it is in the log.
    #[error("the transaction could not be worked out: a fault in the program")]
    Panicked,
    /// A query failed.
    #[error("a query failed")]
    Query(#[source] Diesel),
}

impl StoreError {
    /// Asks for the transaction to be run again.
    pub fn again() -> Self {
        Self::Contended(Diesel::RollbackTransaction)
    }

    /// Whether the same request may succeed later without anybody changing anything.
    pub fn is_unavailable(&self) -> bool {
        matches!(
            self,
            Self::Unavailable(_) | Self::Overloaded | Self::Stopping | Self::Contended(_)
        )
    }
}

/// What SQLite says when it could not wait any longer for a lock.
const SQLITE_BUSY: [&str; 2] = ["database is locked", "database table is locked"];

impl From<Diesel> for StoreError {
    fn from(error: Diesel) -> Self {
        match &error {
            Diesel::DatabaseError(kind, info) => match kind {
                DatabaseErrorKind::ClosedConnection => Self::Unavailable(info.message().to_owned()),
                DatabaseErrorKind::SerializationFailure => Self::Contended(error),
                DatabaseErrorKind::UniqueViolation
                | DatabaseErrorKind::ForeignKeyViolation
                | DatabaseErrorKind::CheckViolation
                | DatabaseErrorKind::NotNullViolation => Self::Conflict(
                    info.constraint_name()
                        .unwrap_or_else(|| info.message())
                        .to_owned(),
                ),
                _ if SQLITE_BUSY.contains(&info.message())
                    || ["deadlock detected", "due to lock timeout"]
                        .iter()
                        .any(|sign| info.message().contains(sign)) =>
                {
                    Self::Contended(error)
                }
                _ if broken(info.message()) => Self::Unavailable(info.message().to_owned()),
                _ => Self::Query(error),
            },
            Diesel::BrokenTransactionManager => Self::Unavailable("the connection broke".to_owned()),
            _ => Self::Query(error),
        }
    }
}

/// Whether libpq says that the server is gone, or going.
fn broken(message: &str) -> bool {
    [
        "server closed the connection",
        "terminating connection",
        "connection to server",
        "no connection to the server",
        "could not receive data",
        "could not send data",
        "shutting down",
        "starting up",
        "SSL connection has been closed",
    ]
    .iter()
    .any(|sign| message.contains(sign))
}

impl From<diesel::ConnectionError> for StoreError {
    fn from(error: diesel::ConnectionError) -> Self {
        Self::Unavailable(error.to_string())
    }
}
