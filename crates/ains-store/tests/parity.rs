//! Both databases hold the same tables, columns, keys, checks and indexes, and `src/schema.rs`
//! says so too.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "parity/declared.rs"]
mod declared;
#[path = "parity/facts.rs"]
mod facts;
#[path = "parity/postgres.rs"]
mod on_postgres;
#[path = "parity/sqlite.rs"]
mod on_sqlite;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ains_store::{Conn, Options, Store, migrate};
use ains_testkit::TestDb;
use diesel::connection::SimpleConnection as _;

use facts::{Facts, difference};

ains_testkit::contract!(
    the_schema_of_diesel_is_that_of_the_database,
    migrations_taken_back_and_applied_again_leave_the_same,
    what_refers_to_a_row_is_found_by_an_index,
    whatever_is_changed_shows,
);

fn connect(db: &TestDb) -> Conn {
    let store = Store::open(&Options::new(db.url().parse().unwrap())).unwrap();
    store.connect().unwrap()
}

fn facts(conn: &mut Conn) -> Facts {
    match conn {
        Conn::Sqlite(conn) => on_sqlite::facts(conn),
        Conn::Postgres(conn) => on_postgres::facts(conn),
    }
}

#[test]
fn both_databases_hold_the_same() {
    let Some(postgres) = TestDb::postgres() else {
        return;
    };
    let sqlite = facts(&mut connect(&TestDb::sqlite()));
    let postgres = facts(&mut connect(&postgres));
    for sort in [
        "column",
        "default",
        "primary key",
        "unique",
        "foreign key",
        "check",
        "index",
    ] {
        let named = |facts: &Facts| facts.iter().any(|fact| fact.contains(&format!(": {sort} ")));
        assert!(named(&sqlite) && named(&postgres), "no {sort} was found at all");
    }
    let difference = difference(("SQLite", &sqlite), ("PostgreSQL", &postgres));
    assert!(difference.is_empty(), "{difference}");
}

fn the_schema_of_diesel_is_that_of_the_database(db: &TestDb) {
    let declared = declared::facts(include_str!("../src/schema.rs"));
    let mut found = facts(&mut connect(db));
    found.retain(|fact| fact.contains(": column ") || fact.contains(": primary key "));
    let difference = difference(("schema.rs", &declared), ("the database", &found));
    assert!(difference.is_empty(), "{difference}");
}

fn migrations_taken_back_and_applied_again_leave_the_same(db: &TestDb) {
    let mut conn = connect(db);
    let before = facts(&mut conn);
    migrate::redo_all(&mut conn).unwrap();
    let after = facts(&mut conn);
    let difference = difference(("the first time", &before), ("the second time", &after));
    assert!(difference.is_empty(), "{difference}");
}

/// Neither database shows in a plan how it looks for what a removed row takes with it.
fn what_refers_to_a_row_is_found_by_an_index(db: &TestDb) {
    let facts = facts(&mut connect(db));
    for fact in &facts {
        let Some((table, reference)) = fact.split_once(": foreign key (") else {
            continue;
        };
        let columns = reference.split(')').next().unwrap();
        let found = facts
            .iter()
            .filter_map(|other| other.strip_prefix(table)?.split_once('('))
            .any(|(kind, indexed)| {
                [": index ", ": unique index ", ": primary key "]
                    .iter()
                    .any(|sort| kind.starts_with(sort))
                    && !indexed.contains(" where ")
                    && (indexed.starts_with(&format!("{columns},"))
                        || indexed.starts_with(&format!("{columns})")))
            });
        assert!(found, "no index for {fact}");
    }
}

/// Tests the test: facts that miss something would agree on it.
fn whatever_is_changed_shows(db: &TestDb) {
    const TABLE: &str = "DROP TABLE unsettled_tasks; CREATE TABLE unsettled_tasks";
    const INDEX: &str = "DROP INDEX tasks_pending; CREATE INDEX tasks_pending ON";
    let mut conn = connect(db);
    let mut before = facts(&mut conn);
    for change in [
        "ALTER TABLE clients ADD COLUMN more TEXT",
        "ALTER TABLE clients ADD COLUMN much BIGINT DEFAULT 1",
        "DROP INDEX agents_by_change",
        &format!("{TABLE} (task_id TEXT NOT NULL)"),
        &format!("{TABLE} (task_id TEXT)"),
        &format!("{TABLE} (task_id BIGINT)"),
        &format!("{TABLE} (task_id TEXT UNIQUE)"),
        &format!("{TABLE} (task_id TEXT CHECK (task_id IN ('a', 'b')))"),
        &format!("{TABLE} (task_id TEXT CHECK (task_id IN ('a', 'c')))"),
        &format!("{TABLE} (task_id TEXT REFERENCES tasks (id))"),
        &format!("{TABLE} (task_id TEXT REFERENCES tasks (id) ON DELETE CASCADE)"),
        &format!("{INDEX} tasks (id) WHERE gate IS NULL"),
        &format!("{INDEX} tasks (id)"),
        &format!("{INDEX} tasks (id DESC)"),
        &format!("{INDEX} tasks (id DESC, agent_id)"),
        &format!("{INDEX} tasks (agent_id, id DESC)"),
    ] {
        match &mut conn {
            Conn::Sqlite(conn) => conn.batch_execute(change).unwrap(),
            Conn::Postgres(conn) => conn.batch_execute(change).unwrap(),
        }
        let after = facts(&mut conn);
        assert_ne!(before, after, "{change}");
        before = after;
    }
}

#[test]
fn both_databases_have_the_same_migrations() {
    let [sqlite, postgres] = ["sqlite", "postgres"].map(migrations);
    let difference = difference(("SQLite", &sqlite), ("PostgreSQL", &postgres));
    assert!(difference.is_empty(), "{difference}");
    assert!(!sqlite.is_empty());
}

fn folder(database: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../migrations")
        .join(database)
}

/// The names of the migrations of a database, each of which goes up and down.
fn migrations(database: &str) -> BTreeSet<String> {
    let folder = folder(database);
    let names: BTreeSet<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for name in &names {
        for way in ["up.sql", "down.sql"] {
            let path = folder.join(name).join(way);
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(!text.trim().is_empty(), "{} is missing or empty", path.display());
        }
    }
    names
}
