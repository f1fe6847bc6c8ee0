//! What tasks resulted in, for those that wait for them.

use ains_core::{GraphId, Name, TaskId};
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};

use super::texts;
use crate::codec::{read, read_opt};
use crate::connection::Conn;
use crate::error::StoreError;
use crate::schema::tasks::dsl;

diesel::define_sql_function! {
    /// Characters of a text.
    fn length(text: Nullable<Text>) -> Nullable<Integer>;
}

/// What a task gives to one that waits for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Given {
    /// The task.
    pub id: TaskId,
    /// The graph that it was submitted with, and its name there.
    pub name: Option<(GraphId, Name)>,
    /// Its result as JSON text, if it has one.
    pub result: Option<Box<str>>,
    /// Whether its result was left out because all of them would be too long.
    pub left_out: bool,
}

/// The results of `ids`, in that order, as many as have at most `most` characters together; the
/// others are left out, and say so.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn results(conn: &mut Conn, ids: &[TaskId], most: usize) -> Result<Vec<Given>, StoreError> {
    type Row = (String, Option<String>, Option<String>, Option<i32>);
    let texts: Vec<String> = texts(ids);
    let mut rows: Vec<Row> = load_in!(
        conn,
        dsl::tasks,
        dsl::id,
        &texts,
        (dsl::id, dsl::graph_id, dsl::name, length(dsl::result_data))
    );
    let place: std::collections::BTreeMap<&str, usize> =
        texts.iter().enumerate().map(|(n, id)| (&**id, n)).collect();
    rows.sort_by_key(|row| place.get(&*row.0).copied());
    let mut left = most;
    let mut wanted = Vec::new();
    let mut given = Vec::with_capacity(rows.len());
    for (id, graph, name, length) in rows {
        let length = length.map(|length| usize::try_from(length).unwrap_or(0));
        let fits = length.is_none_or(|length| length <= left);
        if let Some(length) = length.filter(|_| fits) {
            left -= length;
            wanted.push(id.clone());
        }
        let graph: Option<GraphId> = read_opt("tasks", graph.as_deref())?;
        given.push(Given {
            id: read("tasks", &id)?,
            name: graph.zip(read_opt("tasks", name.as_deref())?),
            result: None,
            left_out: !fits,
        });
    }
    let results: Vec<(String, Option<String>)> =
        load_in!(conn, dsl::tasks, dsl::id, &wanted, (dsl::id, dsl::result_data));
    let mut results: std::collections::BTreeMap<String, Option<String>> = results.into_iter().collect();
    for one in &mut given {
        one.result = results.remove(&one.id.to_string()).flatten().map(Into::into);
    }
    Ok(given)
}
