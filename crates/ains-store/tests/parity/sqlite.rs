//! What SQLite says that it holds.

use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::facts::{Fact, Facts, plain};

/// Tables of ours, as `m`.
const OURS: &str = "(SELECT * FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' \
    AND name <> '__diesel_schema_migrations') m";

/// What follows `SELECT … AS fact FROM`.
const QUERIES: [(&str, &str); 6] = [
    (
        // A number that SQLite gives out itself has 64 bits, but has to be declared as INTEGER.
        "m.name || ': column ' || format('%02d', c.cid + 1) || ' ' || c.name || ' ' \
         || iif(c.pk AND m.sql LIKE '%AUTOINCREMENT%', 'BIGINT', upper(c.type)) || iif(c.\"notnull\", ' not null', '')",
        "JOIN pragma_table_info(m.name) c",
    ),
    (
        "m.name || ': default ' || c.name || ' ' || lower(c.dflt_value)",
        "JOIN pragma_table_info(m.name) c WHERE c.dflt_value IS NOT NULL",
    ),
    (
        "m.name || ': primary key (' || group_concat(c.name, ', ' ORDER BY c.pk) || ')'",
        "JOIN pragma_table_info(m.name) c WHERE c.pk > 0 GROUP BY m.name",
    ),
    (
        "m.name || ': unique (' || group_concat(c.name, ', ' ORDER BY c.seqno) || ')'",
        "JOIN pragma_index_list(m.name) i JOIN pragma_index_info(i.name) c \
         WHERE i.origin = 'u' GROUP BY m.name, i.name",
    ),
    (
        "m.name || ': foreign key (' || group_concat(k.\"from\", ', ' ORDER BY k.seq) || ') to ' || k.\"table\" \
         || ' (' || group_concat(k.\"to\", ', ' ORDER BY k.seq) || ') on update ' || lower(k.on_update) \
         || ' on delete ' || lower(k.on_delete)",
        "JOIN pragma_foreign_key_list(m.name) k GROUP BY m.name, k.id",
    ),
    (
        "m.name || ': ' || iif(i.\"unique\", 'unique ', '') || 'index ' || i.name || ' (' \
         || group_concat(coalesce(c.name, 'an expression') || iif(c.desc, ' desc', ''), ', ' ORDER BY c.seqno) \
         || ')' || (SELECT iif(i.partial, ' where ' || substr(x.sql, instr(x.sql, ' WHERE ') + 7), '') \
                    FROM sqlite_master x WHERE x.name = i.name)",
        "JOIN pragma_index_list(m.name) i JOIN pragma_index_xinfo(i.name) c \
         WHERE i.origin = 'c' AND c.key GROUP BY m.name, i.name",
    ),
];

pub(crate) fn facts(conn: &mut SqliteConnection) -> Facts {
    let mut facts = Facts::new();
    for (fact, from) in QUERIES {
        let rows: Vec<Fact> = diesel::sql_query(format!("SELECT {fact} AS fact FROM {OURS} {from}"))
            .load(conn)
            .unwrap();
        facts.extend(rows.into_iter().map(|row| match row.fact.split_once(" where ") {
            Some((index, condition)) => format!("{index} where {}", plain(condition)),
            None => row.fact,
        }));
    }
    facts.extend(checks(conn));
    facts
}

#[derive(QueryableByName)]
struct Table {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    sql: String,
}

/// SQLite keeps checks in the text of their table only.
fn checks(conn: &mut SqliteConnection) -> Facts {
    let tables: Vec<Table> = diesel::sql_query(format!("SELECT m.name, m.sql FROM {OURS}"))
        .load(conn)
        .unwrap();
    let mut facts = Facts::new();
    for Table { name, sql } in tables {
        for after in sql.split("CHECK (").skip(1) {
            let mut open = 1;
            let end = after.find(|c| {
                open += i32::from(c == '(') - i32::from(c == ')');
                open == 0
            });
            facts.insert(format!("{name}: check {}", plain(&after[..end.unwrap()])));
        }
    }
    facts
}
