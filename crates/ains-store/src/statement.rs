//! Hot statements for SQLite: constant text, prepared once per connection.
//!
//! diesel never keeps an UPDATE or an upsert prepared, because their text may depend on their
//! values; parsing one costs more than running it. The text of these does not.

use std::marker::PhantomData;

use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool, Double, Nullable, Text, Untyped};
use diesel::sqlite::Sqlite;
use diesel::{QueryResult, RunQueryDsl, SqliteConnection};

/// A statement by its text, with `?` for each value (and for nothing else).
pub(crate) trait Sql: 'static {
    const TEXT: &'static str;
}

/// A value of a statement.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    Text(Option<&'a str>),
    Integer(Option<i64>),
    Real(Option<f64>),
    Bool(bool),
}

/// A statement with its values.
#[derive(Debug)]
pub(crate) struct Statement<'a, S> {
    values: Vec<Value<'a>>,
    sql: PhantomData<S>,
}

impl<'a, S: Sql> Statement<'a, S> {
    pub(crate) fn new(values: impl Into<Vec<Value<'a>>>) -> Self {
        Self {
            values: values.into(),
            sql: PhantomData,
        }
    }
}

impl<S: Sql> QueryFragment<Sqlite> for Statement<'_, S> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let mut parts = S::TEXT.split('?');
        out.push_sql(parts.next().unwrap_or_default());
        for (value, part) in self.values.iter().zip(parts) {
            match value {
                Value::Text(text) => out.push_bind_param::<Nullable<Text>, _>(text)?,
                Value::Integer(number) => out.push_bind_param::<Nullable<BigInt>, _>(number)?,
                Value::Real(number) => out.push_bind_param::<Nullable<Double>, _>(number)?,
                Value::Bool(bit) => out.push_bind_param::<Bool, _>(bit)?,
            }
            out.push_sql(part);
        }
        Ok(())
    }
}

impl<S: Sql> QueryId for Statement<'_, S> {
    type QueryId = S;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<S: Sql> Query for Statement<'_, S> {
    type SqlType = Untyped;
}

impl<S: Sql> RunQueryDsl<SqliteConnection> for Statement<'_, S> {}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(text))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(Some(text))
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Integer(Some(number))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(number: Option<i64>) -> Self {
        Self::Integer(number)
    }
}

impl From<i32> for Value<'_> {
    fn from(number: i32) -> Self {
        Self::Integer(Some(number.into()))
    }
}

impl From<Option<i32>> for Value<'_> {
    fn from(number: Option<i32>) -> Self {
        Self::Integer(number.map(i64::from))
    }
}

impl From<f64> for Value<'_> {
    fn from(number: f64) -> Self {
        Self::Real(Some(number))
    }
}

impl From<Option<f64>> for Value<'_> {
    fn from(number: Option<f64>) -> Self {
        Self::Real(number)
    }
}

impl From<bool> for Value<'_> {
    fn from(bit: bool) -> Self {
        Self::Bool(bit)
    }
}

/// Declares a statement: its name, and its text with `?` for each value.
macro_rules! statement {
    ($(#[$doc:meta])* $name:ident = $text:expr) => {
        $(#[$doc])*
        struct $name;

        impl $crate::statement::Sql for $name {
            const TEXT: &'static str = $text;
        }
    };
}

/// The values of a statement, in order.
macro_rules! values {
    ($($value:expr),+ $(,)?) => { [$($crate::statement::Value::from($value)),+] };
}

pub(crate) use {statement, values};
