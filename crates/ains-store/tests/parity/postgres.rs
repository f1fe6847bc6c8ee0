//! What PostgreSQL says that it holds.

use diesel::prelude::*;

use crate::facts::{Fact, Facts, plain};

/// Tables of ours, as `m`.
const OURS: &str = "(SELECT oid, relname AS name FROM pg_class WHERE relkind IN ('r', 'p') \
    AND relnamespace = current_schema()::regnamespace AND relname <> '__diesel_schema_migrations') m";

/// The names of the columns of a constraint `k`, from one of its arrays.
macro_rules! columns {
    ($table:literal, $numbers:literal) => {
        concat!(
            "(SELECT string_agg(a.attname, ', ' ORDER BY u.place) \
              FROM unnest(k.",
            $numbers,
            ") WITH ORDINALITY u (number, place) JOIN pg_attribute a ON a.attnum = u.number AND a.attrelid = k.",
            $table,
            ")"
        )
    };
}

/// What `pg_constraint` calls an action.
macro_rules! action {
    ($column:literal) => {
        concat!(
            "CASE k.",
            $column,
            " WHEN 'a' THEN 'no action' WHEN 'r' THEN 'restrict' WHEN 'c' THEN 'cascade' \
              WHEN 'n' THEN 'set null' ELSE 'set default' END"
        )
    };
}

/// What follows `SELECT … AS fact FROM`.
const QUERIES: [(&str, &str); 7] = [
    (
        "m.name || ': column ' || to_char(row_number() OVER (PARTITION BY m.name ORDER BY c.attnum), 'FM00') \
         || ' ' || c.attname || ' ' \
         || replace(upper(format_type(c.atttypid, c.atttypmod)), 'DOUBLE PRECISION', 'DOUBLE') \
         || CASE WHEN c.attnotnull THEN ' not null' ELSE '' END",
        "JOIN pg_attribute c ON c.attrelid = m.oid WHERE c.attnum > 0 AND NOT c.attisdropped",
    ),
    (
        "m.name || ': default ' || c.attname || ' ' || lower(pg_get_expr(d.adbin, d.adrelid))",
        "JOIN pg_attrdef d ON d.adrelid = m.oid JOIN pg_attribute c ON c.attrelid = m.oid AND c.attnum = d.adnum",
    ),
    (
        concat!(
            "m.name || ': primary key (' || ",
            columns!("conrelid", "conkey"),
            " || ')'"
        ),
        "JOIN pg_constraint k ON k.conrelid = m.oid WHERE k.contype = 'p'",
    ),
    (
        concat!(
            "m.name || ': unique (' || ",
            columns!("conrelid", "conkey"),
            " || ')'"
        ),
        "JOIN pg_constraint k ON k.conrelid = m.oid WHERE k.contype = 'u'",
    ),
    (
        concat!(
            "m.name || ': foreign key (' || ",
            columns!("conrelid", "conkey"),
            " || ') to ' || k.confrelid::regclass || ' (' || ",
            columns!("confrelid", "confkey"),
            " || ') on update ' || ",
            action!("confupdtype"),
            " || ' on delete ' || ",
            action!("confdeltype")
        ),
        "JOIN pg_constraint k ON k.conrelid = m.oid WHERE k.contype = 'f'",
    ),
    (
        "m.name || ': check ' || substr(pg_get_constraintdef(k.oid), 7)",
        "JOIN pg_constraint k ON k.conrelid = m.oid WHERE k.contype = 'c'",
    ),
    // A bit for the direction, and one for where nulls stand, about which SQLite has no choice.
    (
        "m.name || ': ' || CASE WHEN i.indisunique THEN 'unique ' ELSE '' END || 'index ' || n.relname || ' (' \
         || (SELECT string_agg(replace(pg_get_indexdef(i.indexrelid, u.place::integer, false), '\"', '') \
             || CASE u.bits WHEN 0 THEN '' WHEN 3 THEN ' desc' ELSE ' with nulls elsewhere' END, \
             ', ' ORDER BY u.place) FROM unnest(i.indoption) WITH ORDINALITY u (bits, place)) || ')' \
         || coalesce(' where ' || replace(pg_get_expr(i.indpred, i.indrelid), '\"', ''), '')",
        "JOIN pg_index i ON i.indrelid = m.oid JOIN pg_class n ON n.oid = i.indexrelid \
         WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype <> 'f')",
    ),
];

pub(crate) fn facts(conn: &mut PgConnection) -> Facts {
    let mut facts = Facts::new();
    for (fact, from) in QUERIES {
        let rows: Vec<Fact> = diesel::sql_query(format!("SELECT {fact} AS fact FROM {OURS} {from}"))
            .load(conn)
            .unwrap();
        facts.extend(rows.into_iter().map(|Fact { fact }| {
            for mark in [" where ", ": check "] {
                if let Some((before, condition)) = fact.split_once(mark) {
                    return format!("{before}{mark}{}", plain(condition));
                }
            }
            fact
        }));
    }
    facts
}
