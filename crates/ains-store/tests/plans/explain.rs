//! How each database carries out a statement.

#[path = "explain/postgres.rs"]
mod postgres;
#[path = "explain/sqlite.rs"]
mod sqlite;

use ains_store::{Backend, Conn};

use crate::trace::{Statement, Traced};

/// How a statement is carried out.
#[derive(Debug, Clone)]
pub(crate) struct Explained {
    /// What is worth knowing beside the plan; may be empty.
    pub(crate) remark: &'static str,
    /// The plan, indented as the database nests it; none for what has none, such as SET.
    pub(crate) plan: Vec<String>,
}

/// An index.
#[derive(Debug, Clone)]
pub(crate) struct Index {
    pub(crate) name: String,
    /// Its columns, in order.
    pub(crate) columns: Vec<String>,
    /// Whether a constraint made it.
    pub(crate) made: bool,
}

/// The major version of PostgreSQL whose plans are expected; others plan a little differently.
pub(crate) const POSTGRES: i32 = 15;

/// Explains what was traced, on the connection that sent it, with tables that are empty again.
pub(crate) struct Explainer<'c> {
    conn: &'c mut Conn,
    /// The texts that the connection keeps prepared.
    kept: &'c [String],
}

impl<'c> Explainer<'c> {
    pub(crate) fn new(conn: &'c mut Conn, traced: &'c Traced) -> Self {
        match conn {
            Conn::Sqlite(conn) => sqlite::check(conn),
            Conn::Postgres(conn) => postgres::empty(conn),
        }
        Self {
            conn,
            kept: &traced.kept,
        }
    }

    pub(crate) fn explain(&mut self, statement: &Statement) -> Explained {
        let planned = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"];
        if !planned.iter().any(|word| statement.text.starts_with(word)) {
            return Explained {
                remark: "no plan",
                plan: Vec::new(),
            };
        }
        let kept = self.kept.contains(&statement.text);
        match self.conn {
            Conn::Sqlite(conn) => Explained {
                remark: if kept { "" } else { "parsed each time" },
                plan: sqlite::plan(conn, &statement.text),
            },
            Conn::Postgres(conn) if kept => postgres::prepared(conn, statement),
            Conn::Postgres(conn) => postgres::not_prepared(conn, statement),
        }
    }

    pub(crate) fn backend(&self) -> Backend {
        self.conn.backend()
    }

    /// Every index of the tables.
    pub(crate) fn indexes(&mut self) -> Vec<Index> {
        match self.conn {
            Conn::Sqlite(conn) => sqlite::indexes(conn),
            Conn::Postgres(conn) => postgres::indexes(conn),
        }
    }

    /// The name of the expected plans, unless none are expected of the version of this database.
    pub(crate) fn expected(&mut self) -> Option<&'static str> {
        match self.conn {
            Conn::Sqlite(_) => Some("sqlite"),
            Conn::Postgres(conn) => (postgres::version(conn) == POSTGRES).then_some("postgres"),
        }
    }
}
