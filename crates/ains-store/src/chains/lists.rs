//! The lists of steps with `for_each`: what they go through, and what came out.

use std::collections::BTreeMap;

use ains_core::ChainId;
use diesel::prelude::*;

use crate::codec::{count, number};
use crate::connection::Conn;
use crate::error::StoreError;
use crate::schema::chain_steps::{self, dsl};

/// A list that belongs to a step with `for_each`, JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepList {
    /// What it goes through.
    Items(Box<str>),
    /// What came out.
    Output(Box<str>),
}

/// The lists of steps, by step: items and output, JSON text.
pub type StepLists = BTreeMap<u32, (Option<String>, Option<String>)>;

/// The lists of steps of a chain that go through some, by step: items and output.
///
/// # Errors
/// When the database fails.
pub fn lists(conn: &mut Conn, id: ChainId, steps: &[u32]) -> Result<StepLists, StoreError> {
    if steps.is_empty() {
        return Ok(BTreeMap::new());
    }
    let steps: Vec<i32> = steps.iter().map(|step| number(*step)).collect();
    let rows: Vec<(i32, Option<String>, Option<String>)> = load_in!(
        conn,
        dsl::chain_steps.filter(dsl::chain_id.eq(id.to_string())),
        dsl::step,
        steps,
        (dsl::step, dsl::items, dsl::output)
    );
    Ok(rows
        .into_iter()
        .map(|(step, items, output)| (count(step), (items, output)))
        .collect())
}

/// Keeps a list of a step; a new list of what it goes through forgets what came out of an older one.
///
/// # Errors
/// When the database fails.
pub fn keep(conn: &mut Conn, id: ChainId, step: u32, list: &StepList) -> Result<(), StoreError> {
    let key = (dsl::chain_id.eq(id.to_string()), dsl::step.eq(number(step)));
    let (items, output) = match list {
        StepList::Items(items) => (Some(items.as_ref()), None),
        StepList::Output(output) => (None, Some(output.as_ref())),
    };
    per_backend!(conn, |c| {
        let new = (key, dsl::items.eq(items), dsl::output.eq(output));
        let insert = diesel::insert_into(chain_steps::table).values(new);
        let conflict = insert.on_conflict((dsl::chain_id, dsl::step)).do_update();
        match list {
            StepList::Items(_) => conflict
                .set((dsl::items.eq(items), dsl::output.eq(output)))
                .execute(c)?,
            StepList::Output(_) => conflict.set(dsl::output.eq(output)).execute(c)?,
        }
    });
    Ok(())
}
