//! Set-based statements for PostgreSQL: constant text, one JSON parameter holding the rows.
//!
//! On PostgreSQL each statement is a round trip, so a batch is one statement. The rows travel
//! as one JSON array that the server turns into a set; the text of the statement never changes,
//! so it is prepared once per connection (diesel's own `sql_query` is prepared afresh each time).

use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Text, Untyped};
use diesel::{PgConnection, QueryResult, RunQueryDsl};
use serde::Serialize;

/// `before` `$1` `after`.
#[derive(Debug)]
pub(crate) struct SetQuery {
    before: &'static str,
    rows: String,
    after: &'static str,
}

impl SetQuery {
    pub(crate) fn new(
        before: &'static str,
        rows: &(impl Serialize + ?Sized),
        after: &'static str,
    ) -> QueryResult<Self> {
        let rows = serde_json::to_string(rows)
            .map_err(|error| diesel::result::Error::SerializationError(error.into()))?;
        Ok(Self { before, rows, after })
    }
}

impl QueryFragment<Pg> for SetQuery {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(self.before);
        out.push_bind_param::<Text, _>(&self.rows)?;
        out.push_sql(self.after);
        Ok(())
    }
}

impl QueryId for SetQuery {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for SetQuery {
    type SqlType = Untyped;
}

impl RunQueryDsl<PgConnection> for SetQuery {}
