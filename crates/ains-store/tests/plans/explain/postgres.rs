//! How PostgreSQL carries out a statement.

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Text};
use serde_json::Value;

use super::{Explained, Index};
use crate::trace::Statement;

/// A session plans a prepared statement for the values of each of its first five executions, and
/// then settles: on one plan for all values, or on going on so.
const SETTLED: usize = 7;

/// Tables of ours, by the alias `t`.
const OURS: &str =
    "t.relnamespace = current_schema()::regnamespace AND t.relname <> '__diesel_schema_migrations'";

#[derive(QueryableByName)]
struct Prepared {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    generic_plans: i64,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    line: String,
}

/// The major version of the server.
pub(super) fn version(conn: &mut PgConnection) -> i32 {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Integer)]
        version: i32,
    }
    let version = "SELECT current_setting('server_version_num')::integer / 10000 AS version";
    let row: Row = diesel::sql_query(version).get_result(conn).unwrap();
    row.version
}

/// Every index of our tables.
pub(super) fn indexes(conn: &mut PgConnection) -> Vec<Index> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        name: String,
        #[diesel(sql_type = Array<Text>)]
        columns: Vec<String>,
        #[diesel(sql_type = Bool)]
        made: bool,
    }
    let rows: Vec<Row> = diesel::sql_query(format!(
        "SELECT n.relname::text AS name, array_agg(a.attname::text ORDER BY a.attnum) AS columns, \
         EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = n.oid) AS made \
         FROM pg_index i JOIN pg_class n ON n.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid \
         JOIN pg_attribute a ON a.attrelid = n.oid WHERE {OURS} GROUP BY n.oid, n.relname ORDER BY n.relname"
    ))
    .load(conn)
    .unwrap();
    rows.into_iter()
        .map(|Row { name, columns, made }| Index { name, columns, made })
        .collect()
}

/// Gives the tables back the size of new ones, by which plans are made.
pub(super) fn empty(conn: &mut PgConnection) {
    conn.batch_execute(&format!(
        "DO $$ BEGIN EXECUTE (SELECT 'TRUNCATE ' || string_agg(t.relname, ', ') FROM pg_class t \
         WHERE t.relkind = 'r' AND {OURS}); END $$"
    ))
    .unwrap();
}

/// The plan on which the session settles for what it has prepared itself.
pub(super) fn prepared(conn: &mut PgConnection, statement: &Statement) -> Explained {
    let name = find(conn, "statement", &statement.text).name;
    let plan = (0..SETTLED).map(|_| explain(conn, &name, statement)).last();
    let settled = find(conn, "name", &name).generic_plans > 0;
    Explained {
        remark: if settled { "" } else { "planned each time" },
        plan: plan.unwrap(),
    }
}

/// The plan of what diesel has parsed each time, and so planned for its values.
pub(super) fn not_prepared(conn: &mut PgConnection, statement: &Statement) -> Explained {
    let name = "not_kept";
    conn.batch_execute(&format!("PREPARE {name} AS {}", statement.text))
        .unwrap();
    let plan = explain(conn, name, statement);
    conn.batch_execute(&format!("DEALLOCATE {name}")).unwrap();
    Explained {
        remark: "parsed each time",
        plan,
    }
}

fn find(conn: &mut PgConnection, column: &str, value: &str) -> Prepared {
    let of = format!("SELECT name, generic_plans FROM pg_prepared_statements WHERE {column} = $1");
    diesel::sql_query(of)
        .bind::<Text, _>(value)
        .get_result(conn)
        .unwrap()
}

/// Of a recursion's second part the sub-plans are missing (`tasks::ready_lanes`): PostgreSQL makes
/// them ready only when it carries the statement out.
fn explain(conn: &mut PgConnection, prepared: &str, statement: &Statement) -> Vec<String> {
    let values: Vec<String> = statement.values.iter().map(literal).collect();
    let values = match &values[..] {
        [] => String::new(),
        values => format!("({})", values.join(", ")),
    };
    let explain = format!("EXPLAIN (COSTS OFF) EXECUTE {prepared}{values}");
    let lines: Vec<Line> = diesel::sql_query(explain).load(conn).unwrap();
    lines.into_iter().map(|line| without_values(&line.line)).collect()
}

fn literal(value: &Value) -> String {
    match value {
        Value::String(text) => format!("'{}'", text.replace('\'', "''")),
        Value::Array(values) if values.is_empty() => "'{}'".to_owned(),
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(literal).collect();
            format!("ARRAY[{}]", values.join(", "))
        }
        other => other.to_string(),
    }
}

/// Leaves out quoted values, such as ids.
fn without_values(line: &str) -> String {
    let mut shown = String::new();
    for (at, part) in line.split('\'').enumerate() {
        shown.push_str(if at % 2 == 0 { part } else { "'…'" });
    }
    shown
}
