//! The tasks of a chain, by their places.

use std::collections::BTreeMap;

use ains_core::chain::Place;
use ains_core::{ChainId, TaskId};
use diesel::prelude::*;
use diesel::sql_types::Text;
use serde::Serialize;

use crate::codec::read;
use crate::connection::Conn;
use crate::error::StoreError;
use crate::schema::tasks::dsl;
use crate::set::SetQuery;
use crate::statement::{Statement, statement, values};
use crate::tasks;

/// What the task at a place resulted in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedResult {
    /// JSON text, if it has a result.
    pub result: Option<Box<str>>,
    /// Whether it was left out because all of them would be too long.
    pub left_out: bool,
}

statement!(AtPlace = "SELECT chain_place, id FROM tasks WHERE chain_id = ? AND chain_place = ?");

#[derive(Debug, QueryableByName)]
struct PlacedRow {
    #[diesel(sql_type = Text)]
    chain_place: String,
    #[diesel(sql_type = Text)]
    id: String,
}

#[derive(Debug, Serialize)]
struct AtPlaceRow<'a> {
    chain_id: &'a str,
    chain_place: &'a str,
}

/// The tasks of a chain that have not ended.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn unfinished(conn: &mut Conn, id: ChainId) -> Result<Vec<(Place, TaskId)>, StoreError> {
    let rows: Vec<(Option<String>, String)> = per_backend!(conn, |c| {
        dsl::tasks
            .filter(dsl::chain_id.eq(id.to_string()))
            .filter(dsl::ended_at.is_null())
            .select((dsl::chain_place, dsl::id))
            .load(c)?
    });
    rows.iter()
        .filter_map(|(place, id)| Some((place.as_deref()?, id)))
        .map(|(place, id)| Ok((read("tasks", place)?, read("tasks", id)?)))
        .collect()
}

/// The results of the tasks at `places` of a chain, as many as have at most `most` characters
/// together; the others are left out, and say so. Places without a task are not in it.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn results(
    conn: &mut Conn,
    id: ChainId,
    places: &[Place],
    most: usize,
) -> Result<BTreeMap<Place, PlacedResult>, StoreError> {
    let placed: BTreeMap<TaskId, Place> = at(conn, id, places)?;
    let tasks: Vec<TaskId> = placed.keys().copied().collect();
    let given = tasks::results(conn, &tasks, most)?;
    Ok(given
        .into_iter()
        .filter_map(|given| {
            let result = PlacedResult {
                result: given.result,
                left_out: given.left_out,
            };
            Some((*placed.get(&given.id)?, result))
        })
        .collect())
}

/// The tasks at `places` of a chain.
fn at(conn: &mut Conn, id: ChainId, places: &[Place]) -> Result<BTreeMap<TaskId, Place>, StoreError> {
    if places.is_empty() {
        return Ok(BTreeMap::new());
    }
    let texts: Vec<String> = places.iter().map(Place::to_string).collect();
    let chain = id.to_string();
    let rows: Vec<PlacedRow> = match conn {
        Conn::Sqlite(c) => {
            let mut rows = Vec::with_capacity(texts.len());
            for place in &texts {
                rows.extend(Statement::<AtPlace>::new(values![&chain, place]).load::<PlacedRow>(c)?);
            }
            rows
        }
        // With `= ANY`, the plan for a new table would go on to read all tasks of the chain.
        Conn::Postgres(c) => {
            let given: Vec<AtPlaceRow<'_>> = texts
                .iter()
                .map(|place| AtPlaceRow {
                    chain_id: &chain,
                    chain_place: place,
                })
                .collect();
            SetQuery::new(
                "SELECT t.chain_place, t.id FROM json_populate_recordset(NULL::tasks, ",
                &given,
                "::json) n JOIN tasks t ON t.chain_id = n.chain_id AND t.chain_place = n.chain_place",
            )?
            .load(c)?
        }
    };
    rows.iter()
        .map(|row| Ok((read("tasks", &row.id)?, read("tasks", &row.chain_place)?)))
        .collect()
}
