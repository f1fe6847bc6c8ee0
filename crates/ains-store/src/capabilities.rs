//! Capabilities that agents published.

use ains_core::agent::Capability;
use ains_core::directory::Offer;
use ains_core::{AgentId, CapabilityId, Timestamp};
use diesel::prelude::*;

use crate::codec::read;
use crate::connection::Conn;
use crate::error::StoreError;
use crate::schema::agent_capabilities::{self, dsl};

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = agent_capabilities)]
struct CapabilityRow {
    capability_id: String,
    agent_id: String,
    name: String,
    description: String,
    input_schema: String,
    output_schema: String,
    pricing_model: String,
    price: f64,
    latency_p99_ms: i64,
    availability_percent: f64,
    deprecated: bool,
    created_at: i64,
}

impl CapabilityRow {
    fn into_capability(self) -> Result<Capability, StoreError> {
        const T: &str = "agent_capabilities";
        Ok(Capability {
            id: read(T, &self.capability_id)?,
            agent: read(T, &self.agent_id)?,
            name: read(T, &self.name)?,
            description: self.description,
            input_schema: self.input_schema,
            output_schema: self.output_schema,
            pricing_model: self.pricing_model,
            price: self.price,
            latency_p99_ms: self.latency_p99_ms,
            availability_percent: self.availability_percent,
            deprecated: self.deprecated,
            created_at: Timestamp::from_micros(self.created_at),
        })
    }
}

/// Stores a capability.
///
/// # Errors
/// When the database fails, or its agent does not exist.
pub fn insert(conn: &mut Conn, capability: &Capability) -> Result<(), StoreError> {
    let row = CapabilityRow {
        capability_id: capability.id.to_string(),
        agent_id: capability.agent.to_string(),
        name: capability.name.to_string(),
        description: capability.description.clone(),
        input_schema: capability.input_schema.clone(),
        output_schema: capability.output_schema.clone(),
        pricing_model: capability.pricing_model.clone(),
        price: capability.price,
        latency_p99_ms: capability.latency_p99_ms,
        availability_percent: capability.availability_percent,
        deprecated: capability.deprecated,
        created_at: capability.created_at.as_micros(),
    };
    per_backend!(conn, |c| diesel::insert_into(agent_capabilities::table)
        .values(&row)
        .execute(c)?);
    Ok(())
}

/// What an agent published, oldest first.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn of_agent(conn: &mut Conn, agent: &AgentId) -> Result<Vec<Capability>, StoreError> {
    let rows: Vec<CapabilityRow> = per_backend!(conn, |c| {
        dsl::agent_capabilities
            .filter(dsl::agent_id.eq(agent.as_str()))
            .order(dsl::capability_id)
            .select(CapabilityRow::as_select())
            .load(c)?
    });
    rows.into_iter().map(CapabilityRow::into_capability).collect()
}

/// What each of `agents` offers, oldest first, without what is deprecated.
///
/// # Errors
/// When the database fails, or a row is corrupt.
pub fn offered_by(conn: &mut Conn, agents: &[AgentId]) -> Result<Vec<(AgentId, Offer)>, StoreError> {
    const T: &str = "agent_capabilities";
    let mut rows: Vec<(String, String, String, f64, i64)> = load_in!(
        conn,
        dsl::agent_capabilities.filter(dsl::deprecated.eq(false)),
        dsl::agent_id,
        agents.iter().map(AgentId::as_str),
        (
            dsl::capability_id,
            dsl::agent_id,
            dsl::name,
            dsl::price,
            dsl::latency_p99_ms
        )
    );
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    rows.into_iter()
        .map(|(_, agent, name, price, latency_p99_ms)| {
            let offer = Offer {
                name: read(T, &name)?,
                price,
                latency_p99_ms,
            };
            Ok((read(T, &agent)?, offer))
        })
        .collect()
}

/// Removes a capability.
///
/// # Errors
/// When the database fails.
pub fn remove(conn: &mut Conn, id: CapabilityId) -> Result<(), StoreError> {
    per_backend!(conn, |c| diesel::delete(
        dsl::agent_capabilities.find(id.to_string())
    )
    .execute(c)?);
    Ok(())
}
