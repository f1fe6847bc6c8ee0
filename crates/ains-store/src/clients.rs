//! Clients with a share of their own.

use ains_core::fair::Weight;
use ains_core::{ClientId, Timestamp};
use diesel::prelude::*;

use crate::codec::read;
use crate::connection::Conn;
use crate::error::StoreError;
use crate::schema::clients::{self, dsl};

/// Sets a client's weight.
///
/// # Errors
/// When the database fails.
pub fn set_weight(
    conn: &mut Conn,
    client: &ClientId,
    weight: Weight,
    now: Timestamp,
) -> Result<(), StoreError> {
    let values = (
        dsl::client_id.eq(client.as_str()),
        dsl::weight.eq(weight.get()),
        dsl::updated_at.eq(now.as_micros()),
    );
    let change = (dsl::weight.eq(weight.get()), dsl::updated_at.eq(now.as_micros()));
    per_backend!(conn, |c| {
        diesel::insert_into(clients::table)
            .values(values)
            .on_conflict(dsl::client_id)
            .do_update()
            .set(change)
            .execute(c)?
    });
    Ok(())
}

/// The weights of `clients` that have one of their own.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn weights(conn: &mut Conn, clients: &[ClientId]) -> Result<Vec<(ClientId, Weight)>, StoreError> {
    let rows: Vec<(String, f64)> = match conn {
        Conn::Sqlite(c) => {
            let mut rows = Vec::new();
            for client in clients {
                let found = dsl::clients
                    .find(client.as_str())
                    .select((dsl::client_id, dsl::weight));
                rows.extend(found.first(c).optional()?);
            }
            rows
        }
        Conn::Postgres(c) => dsl::clients
            .filter(dsl::client_id.eq_any(clients.iter().map(ClientId::as_str)))
            .select((dsl::client_id, dsl::weight))
            .load(c)?,
    };
    rows.into_iter()
        .map(|(client, weight)| Ok((read("clients", &client)?, Weight::new(weight).unwrap_or_default())))
        .collect()
}
