//! What waits for another transaction.

use std::thread::JoinHandle;

use ains_store::Conn;
use diesel::RunQueryDsl as _;
use diesel::sql_types::Bool;

#[derive(diesel::QueryableByName)]
struct Row {
    #[diesel(sql_type = Bool)]
    waits: bool,
}

const WAITS: &str =
    "SELECT EXISTS (SELECT FROM pg_locks WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))) AS waits";

/// Begins `act` on a thread, and returns once that waits for the transaction of `conn`, on PostgreSQL, or is done.
pub(crate) fn while_waiting<T: Send + 'static>(
    conn: &mut Conn,
    act: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    let Conn::Postgres(conn) = conn else {
        panic!("SQLite has one writer")
    };
    let thread = std::thread::spawn(act);
    loop {
        let row: Row = diesel::sql_query(WAITS).get_result(conn).unwrap();
        if row.waits || thread.is_finished() {
            return thread;
        }
        std::thread::yield_now();
    }
}
