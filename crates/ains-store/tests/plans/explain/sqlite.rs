//! How SQLite carries out a statement.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::{Bool, Integer, Text};

use super::Index;

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Integer)]
    id: i32,
    #[diesel(sql_type = Integer)]
    parent: i32,
    #[diesel(sql_type = Text)]
    detail: String,
}

/// A plan holds for all values only with QPSG (docs/adr/0008).
pub(super) fn check(conn: &mut SqliteConnection) {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Bool)]
        used: bool,
    }
    let row: Row = diesel::sql_query("SELECT sqlite_compileoption_used('ENABLE_QPSG') AS used")
        .get_result(conn)
        .unwrap();
    assert!(
        row.used,
        "SQLite was compiled without the flags of .cargo/config.toml"
    );
}

/// The plan of `text`, whose values are left out.
pub(super) fn plan(conn: &mut SqliteConnection, text: &str) -> Vec<String> {
    let steps: Vec<Step> = diesel::sql_query(format!("EXPLAIN QUERY PLAN {text}"))
        .load(conn)
        .unwrap();
    let mut depths = BTreeMap::from([(0, 0)]);
    steps
        .into_iter()
        .map(|step| {
            let depth = depths[&step.parent];
            depths.insert(step.id, depth + 1);
            format!("{}{}", "  ".repeat(depth), step.detail)
        })
        .collect()
}

/// Every index; its plans name the columns that they use.
pub(super) fn indexes(conn: &mut SqliteConnection) -> Vec<Index> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        name: String,
        #[diesel(sql_type = Bool)]
        made: bool,
    }
    let indexes = "SELECT name, sql IS NULL AS made FROM sqlite_master WHERE type = 'index' ORDER BY name";
    let rows: Vec<Row> = diesel::sql_query(indexes).load(conn).unwrap();
    rows.into_iter()
        .map(|Row { name, made }| Index {
            name,
            columns: Vec::new(),
            made,
        })
        .collect()
}
