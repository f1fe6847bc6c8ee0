//! The migrations, embedded, run at start.

use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};

use crate::connection::Conn;
use crate::error::StoreError;

const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

/// Held while migrating, so that of several servers starting together one migrates and the
/// others wait. Any number will do; this one is "AINS" in ASCII.
const LOCK: &str = "1095323219";

/// Brings the schema up to date.
pub(crate) fn run(conn: &mut Conn) -> Result<(), StoreError> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| StoreError::Migration(error.to_string());
    match conn {
        Conn::Sqlite(c) => c.run_pending_migrations(SQLITE).map(drop).map_err(failed),
        Conn::Postgres(_) => {
            conn.execute("SET lock_timeout = '120s'")?;
            conn.execute(&format!("SELECT pg_advisory_lock({LOCK})"))?;
            let Conn::Postgres(c) = conn else { return Ok(()) };
            let done = c.run_pending_migrations(POSTGRES).map(drop).map_err(failed);
            conn.execute(&format!("SELECT pg_advisory_unlock({LOCK})"))?;
            done
        }
    }
}

/// Takes every migration back, then applies them again: for the test that a `down.sql` works.
#[doc(hidden)]
pub fn redo_all(conn: &mut Conn) -> Result<(), StoreError> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| StoreError::Migration(error.to_string());
    match conn {
        Conn::Sqlite(c) => c.revert_all_migrations(SQLITE).map(drop).map_err(failed)?,
        Conn::Postgres(c) => c.revert_all_migrations(POSTGRES).map(drop).map_err(failed)?,
    }
    run(conn)
}
