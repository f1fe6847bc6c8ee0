//! The servers that work on this database. Each holds a slot, the smallest that is free; the
//! slot names its writers, so that counters do not grow with every start.

use ains_core::Timestamp;
use diesel::prelude::*;

use crate::connection::Conn;
use crate::error::StoreError;
use crate::schema::server_nodes::{self, dsl};

/// A server.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = server_nodes)]
pub struct Node {
    /// Its slot.
    pub slot: i32,
    /// What it calls itself, unique for each start.
    pub node_id: String,
    /// When it started, in microseconds.
    pub started_at: i64,
    /// When it was last seen alive, in microseconds.
    pub seen_at: i64,
}

/// Takes the smallest slot whose holder was not seen since `dead_before`. On PostgreSQL the
/// table is locked, so that two servers do not take the same one.
///
/// # Errors
/// When the database fails.
pub fn join(
    conn: &mut Conn,
    node_id: &str,
    now: Timestamp,
    dead_before: Timestamp,
) -> Result<Node, StoreError> {
    if matches!(conn, Conn::Postgres(_)) {
        conn.execute("LOCK TABLE server_nodes IN EXCLUSIVE MODE")?;
    }
    let live: Vec<i32> = all(conn)?
        .into_iter()
        .filter(|node| node.seen_at >= dead_before.as_micros())
        .map(|node| node.slot)
        .collect();
    let slot = (0..=i32::MAX)
        .find(|slot| !live.contains(slot))
        .unwrap_or(i32::MAX);
    let node = Node {
        slot,
        node_id: node_id.to_owned(),
        started_at: now.as_micros(),
        seen_at: now.as_micros(),
    };
    per_backend!(conn, |c| {
        diesel::insert_into(server_nodes::table)
            .values(&node)
            .on_conflict(dsl::slot)
            .do_update()
            .set(&node)
            .execute(c)?
    });
    Ok(node)
}

/// Says that a server lives. `false` if its slot was given to another, because it was thought dead.
///
/// # Errors
/// When the database fails.
pub fn beat(conn: &mut Conn, node: &Node, now: Timestamp) -> Result<bool, StoreError> {
    let own = dsl::server_nodes
        .find(node.slot)
        .filter(dsl::node_id.eq(&node.node_id));
    Ok(per_backend!(conn, |c| diesel::update(own)
        .set(dsl::seen_at.eq(now.as_micros()))
        .execute(c)?)
        == 1)
}

/// Every server that is or was there, by slot.
///
/// # Errors
/// When the database fails.
pub fn all(conn: &mut Conn) -> Result<Vec<Node>, StoreError> {
    Ok(per_backend!(conn, |c| dsl::server_nodes
        .order(dsl::slot)
        .select(Node::as_select())
        .load(c)?))
}
