//! The raw rate that `ains-load cycle` is measured against: what diesel and the database alone do
//! when tasks are inserted, claimed and updated in batches, each batch a durable transaction, with
//! nothing else around: no leases, fairness, trust, statistics, or HTTP.
//!
//! ```text
//! cargo bench -p ains-store --bench raw_rate -- sqlite:///tmp/raw.db 50000 100
//! cargo bench -p ains-store --bench raw_rate -- postgres://postgres@127.0.0.1/raw 50000 100
//! ```

#![expect(
    missing_docs,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for measuring"
)]

use std::time::Instant;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};

diesel::table! {
    raw_tasks (id) {
        id -> Text, client_id -> Text, task_type -> Text, capability -> Text, status -> Text,
        priority -> Integer, queue_key -> BigInt, strategy -> Text, min_trust -> Double, timeout -> Integer,
        max_retries -> Integer, retry_count -> Integer, attempt -> Integer, agent_id -> Nullable<Text>,
        error -> Nullable<Text>, created_at -> BigInt, updated_at -> BigInt, started_at -> Nullable<BigInt>,
        ended_at -> Nullable<BigInt>, lease -> Nullable<BigInt>, input -> Text, result -> Nullable<Text>,
    }
}

const TABLE: &str = "DROP TABLE IF EXISTS raw_tasks; CREATE TABLE raw_tasks (id TEXT PRIMARY KEY NOT NULL, \
    client_id TEXT NOT NULL, task_type TEXT NOT NULL, capability TEXT NOT NULL, status TEXT NOT NULL, \
    priority INTEGER NOT NULL, queue_key BIGINT NOT NULL, strategy TEXT NOT NULL, min_trust DOUBLE PRECISION NOT NULL, \
    timeout INTEGER NOT NULL, max_retries INTEGER NOT NULL, retry_count INTEGER NOT NULL, attempt INTEGER NOT NULL, \
    agent_id TEXT, error TEXT, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, started_at BIGINT, \
    ended_at BIGINT, lease BIGINT, input TEXT NOT NULL, result TEXT); \
    CREATE INDEX raw_ready ON raw_tasks (capability, priority DESC, queue_key, id) WHERE started_at IS NULL; \
    CREATE INDEX raw_held ON raw_tasks (agent_id) WHERE lease IS NOT NULL; \
    CREATE INDEX raw_client ON raw_tasks (client_id, id);";

#[derive(Insertable, Clone)]
#[diesel(table_name = raw_tasks, treat_none_as_default_value = false)]
struct Row {
    id: String,
    client_id: String,
    task_type: String,
    capability: String,
    status: String,
    priority: i32,
    queue_key: i64,
    strategy: String,
    min_trust: f64,
    timeout: i32,
    max_retries: i32,
    retry_count: i32,
    attempt: i32,
    agent_id: Option<String>,
    error: Option<String>,
    created_at: i64,
    updated_at: i64,
    started_at: Option<i64>,
    ended_at: Option<i64>,
    lease: Option<i64>,
    input: String,
    result: Option<String>,
}

#[derive(QueryableByName)]
struct Claimed {
    #[diesel(sql_type = Text)]
    id: String,
}

fn row(n: usize) -> Row {
    Row {
        id: format!("task_{n:032x}"),
        client_id: "client".into(),
        task_type: "job".into(),
        capability: "text:v1".into(),
        status: "PENDING".into(),
        priority: 5,
        queue_key: i64::try_from(n).unwrap(),
        strategy: "round_robin".into(),
        min_trust: 0.0,
        timeout: 300,
        max_retries: 3,
        retry_count: 0,
        attempt: 0,
        agent_id: None,
        error: None,
        created_at: 1,
        updated_at: 1,
        started_at: None,
        ended_at: None,
        lease: None,
        input: format!(r#"{{"n":{n},"text":"{}"}}"#, "x".repeat(64)),
        result: None,
    }
}

fn sqlite(path: &str, tasks: usize, batch: usize) {
    let mut conn = SqliteConnection::establish(path).unwrap();
    conn.batch_execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")
        .unwrap();
    conn.batch_execute(TABLE).unwrap();
    for start in (0..tasks).step_by(batch) {
        conn.batch_execute("BEGIN IMMEDIATE").unwrap();
        for n in start..start + batch {
            diesel::insert_into(raw_tasks::table)
                .values(row(n))
                .execute(&mut conn)
                .unwrap();
        }
        conn.batch_execute("COMMIT; BEGIN IMMEDIATE").unwrap();
        let claimed: Vec<Claimed> = diesel::sql_query(
            "UPDATE raw_tasks SET status = 'ACTIVE', agent_id = 'a', attempt = attempt + 1, started_at = 2, lease = 9 \
             WHERE id IN (SELECT id FROM raw_tasks WHERE capability = 'text:v1' AND started_at IS NULL \
             ORDER BY priority DESC, queue_key, id LIMIT ?) RETURNING id",
        )
        .bind::<BigInt, _>(i64::try_from(batch).unwrap())
        .load(&mut conn)
        .unwrap();
        conn.batch_execute("COMMIT; BEGIN IMMEDIATE").unwrap();
        let ids: Vec<String> = claimed.into_iter().map(|claimed| claimed.id).collect();
        diesel::sql_query(
            "UPDATE raw_tasks SET status = 'COMPLETED', ended_at = 3, lease = NULL, result = '{\"ok\":true}' \
             WHERE id IN (SELECT value FROM json_each(?))",
        )
        .bind::<Text, _>(serde_json::to_string(&ids).unwrap())
        .execute(&mut conn)
        .unwrap();
        conn.batch_execute("COMMIT").unwrap();
    }
}

fn postgres(url: &str, tasks: usize, batch: usize) {
    let mut conn = PgConnection::establish(url).unwrap();
    conn.batch_execute(TABLE).unwrap();
    for start in (0..tasks).step_by(batch) {
        let rows: Vec<Row> = (start..start + batch).map(row).collect();
        diesel::insert_into(raw_tasks::table)
            .values(&rows)
            .execute(&mut conn)
            .unwrap();
        let claimed: Vec<Claimed> = diesel::sql_query(
            "WITH next AS (SELECT id FROM raw_tasks WHERE capability = 'text:v1' AND started_at IS NULL \
             ORDER BY priority DESC, queue_key, id LIMIT $1 FOR UPDATE SKIP LOCKED) \
             UPDATE raw_tasks t SET status = 'ACTIVE', agent_id = 'a', attempt = attempt + 1, started_at = 2, lease = 9 \
             FROM next WHERE t.id = next.id RETURNING t.id",
        )
        .bind::<BigInt, _>(i64::try_from(batch).unwrap())
        .load(&mut conn)
        .unwrap();
        let ids: Vec<String> = claimed.into_iter().map(|claimed| claimed.id).collect();
        diesel::sql_query(
            "UPDATE raw_tasks t SET status = 'COMPLETED', ended_at = 3, lease = NULL, result = '{\"ok\":true}' \
             FROM unnest($1) AS n (id) WHERE t.id = n.id",
        )
        .bind::<Array<Text>, _>(ids)
        .execute(&mut conn)
        .unwrap();
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    let [url, tasks, batch] = &arguments[..] else {
        // `cargo test --benches` runs this without arguments.
        println!("usage: raw_rate sqlite://PATH|postgres://URL TASKS BATCH");
        return;
    };
    let (tasks, batch): (usize, usize) = (tasks.parse().unwrap(), batch.parse().unwrap());
    let begun = Instant::now();
    match url.strip_prefix("sqlite://") {
        Some(path) => sqlite(path, tasks, batch),
        None => postgres(url, tasks, batch),
    }
    let seconds = begun.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = tasks as f64 / seconds;
    println!(
        "{tasks} tasks inserted, claimed and updated in batches of {batch}: {seconds:.3} s, {rate:.0} tasks/s"
    );
}
