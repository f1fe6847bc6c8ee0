//! Holds one database for one test, on either backend, and writes each promise down once for both.

use crate::environment;
use crate::postgres::{Cluster, Database, Unavailable};
use crate::sqlite::SqliteFile;
use std::io::Write;
use std::sync::Once;

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A SQLite file.
    Sqlite,
    /// A database of a PostgreSQL server.
    Postgres,
}

/// A fresh, empty database that goes away with its value.
#[derive(Debug)]
pub struct TestDb {
    kept: Kept,
}

/// What has to live as long as the test does.
#[derive(Debug)]
enum Kept {
    Sqlite(SqliteFile),
    Postgres(Database),
}

impl TestDb {
    /// A SQLite file of its own.
    pub fn sqlite() -> Self {
        Self {
            kept: Kept::Sqlite(SqliteFile::new()),
        }
    }

    /// A database of its own in this process's cluster, or `None` where PostgreSQL is not installed: skip the test.
    ///
    /// # Panics
    ///
    /// When PostgreSQL is not installed and `CI` is set, and when it is installed but does not work.
    pub fn postgres() -> Option<Self> {
        let cluster = match Cluster::shared() {
            Ok(cluster) => cluster,
            Err(missing @ Unavailable::NotInstalled) if !environment::in_ci() => {
                announce_skip(&missing);
                return None;
            }
            Err(failure) => panic!("no PostgreSQL to test with: {failure}"),
        };
        match cluster.database() {
            Ok(database) => Some(Self {
                kept: Kept::Postgres(database),
            }),
            Err(failure) => panic!("could not create a database to test with: {failure:#}"),
        }
    }

    /// The URL to connect to: `sqlite:///path` or `postgres://user@host:port/name`.
    pub fn url(&self) -> String {
        match &self.kept {
            Kept::Sqlite(file) => file.url(),
            Kept::Postgres(database) => database.url().to_owned(),
        }
    }

    /// Which database this is.
    pub fn backend(&self) -> Backend {
        match &self.kept {
            Kept::Sqlite(_) => Backend::Sqlite,
            Kept::Postgres(_) => Backend::Postgres,
        }
    }
}

/// Says once per process that tests are skipped, past the test runner, which hides what passing tests print.
fn announce_skip(missing: &Unavailable) {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        // Nothing useful can be done where even standard error is gone.
        let _ = writeln!(std::io::stderr(), "tests on PostgreSQL are SKIPPED: {missing}");
    });
}

/// Turns each promise, a `fn(&TestDb)`, into one test per backend: `sqlite::promise` and `postgres::promise`.
///
/// ```
/// use ains_testkit::{TestDb, contract};
///
/// fn a_url_names_its_backend(db: &TestDb) {
///     assert!(db.url().starts_with("sqlite:") || db.url().starts_with("postgres:"));
/// }
///
/// contract!(a_url_names_its_backend);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! contract {
    ($($promise:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[test]
                fn $promise() {
                    super::$promise(&$crate::TestDb::sqlite());
                }
            )+
        }

        mod postgres {
            $(
                #[test]
                fn $promise() {
                    if let Some(db) = $crate::TestDb::postgres() {
                        super::$promise(&db);
                    }
                }
            )+
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn the_url_names_its_backend(db: &TestDb) {
        let scheme = match db.backend() {
            Backend::Sqlite => "sqlite:///",
            Backend::Postgres => "postgres://",
        };
        assert!(
            db.url().starts_with(scheme),
            "`{}` starts with `{scheme}`",
            db.url()
        );
    }

    contract!(the_url_names_its_backend);

    #[test]
    fn a_contract_runs_once_per_backend() {
        assert_eq!(TestDb::sqlite().backend(), Backend::Sqlite);
        if let Some(db) = TestDb::postgres() {
            assert_eq!(db.backend(), Backend::Postgres);
        }
    }
}
