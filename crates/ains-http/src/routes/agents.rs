//! Agents: registration, heartbeats, capabilities, and what operators do to them.

use actix_web::HttpResponse;
use ains_api::{
    Agent, AgentDeleted, AgentList, AgentRegistered, Capability, CapabilityPublished, DeleteAgentQuery,
    DrainAgent, Heartbeat, HeartbeatAnswer, PatchAgent, PublishCapability, RegisterAgent, RotateAgentKey,
    Word,
};
use ains_core::AgentId;
use ains_core::agent::{AgentStatus, Availability};
use ains_service::model::{AgentChange, AgentFilter, AgentView, NewAgent};

use super::State;
use crate::auth::Caller;
use crate::convert::{agent as convert, count};
use crate::json::{Body, Faults};
use crate::once::{IdempotencyKey, answered};
use crate::page;
use crate::path::Id;
use crate::problem::Problem;
use crate::query::Query;
use crate::reply::{Answer, Reply};

/// Agents of a page where the caller does not say (api.md part A).
const DEFAULT_LIMIT: i64 = 10;

/// Register an agent.
#[utoipa::path(
    post,
    path = "/ains/agents",
    tag = "Agents",
    request_body = RegisterAgent,
    responses((status = OK, body = AgentRegistered), (status = CONFLICT, description = "Agent already registered"))
)]
pub(crate) async fn register(
    state: State,
    caller: Caller,
    key: IdempotencyKey,
    body: Body<RegisterAgent>,
) -> Result<HttpResponse, Problem> {
    let once = key.once(&caller, &body.raw(), convert::registered);
    let agent = body.check(convert::new_agent)?;
    caller.registers(&agent.id)?;
    caller.may_share(agent.shared)?;
    let client = caller.principal().and_then(|principal| principal.client.clone());
    let agent = NewAgent { client, ..agent };
    Ok(answered(
        state.ains.register(agent, once).await?,
        convert::registered,
    ))
}

/// Agents in the order of their registration: those that serve every client, and the caller's own.
#[utoipa::path(
    get,
    path = "/ains/agents",
    tag = "Agents",
    params(ains_api::AgentFilter),
    responses((status = OK, body = AgentList))
)]
pub(crate) async fn list(state: State, caller: Caller, mut query: Query) -> Answer<AgentList> {
    let status = match query.text("status") {
        None | Some("") => None,
        Some("AVAILABLE") => Some(AgentFilter::Availability(Availability::Available)),
        Some("BUSY") => Some(AgentFilter::Availability(Availability::Busy)),
        Some("DRAINING") => Some(AgentFilter::Availability(Availability::Draining)),
        Some(_) => query.parse::<AgentStatus>("status").map(AgentFilter::Status),
    };
    let limit = query.within("limit", &page::LIMIT, DEFAULT_LIMIT);
    let offset = query.within("offset", &(0..=i64::MAX), 0);
    query.finish(Some(()))?;
    let viewer = state.ains.viewer(caller.reach());
    let (agents, total) = state.ains.agents(&viewer, status, limit, offset).await?;
    Ok(Reply(AgentList {
        agents: agents.into_iter().map(convert::summary).collect(),
        total: count(total),
        limit: u32::try_from(limit).unwrap_or(u32::MAX),
        offset: count(offset),
    }))
}

/// One agent, whole.
#[utoipa::path(
    get,
    path = "/ains/agents/{id}",
    tag = "Agents",
    params(("id" = String, Path, description = "The agent.")),
    responses((status = OK, body = Agent))
)]
pub(crate) async fn one(state: State, caller: Caller, Id(id): Id<AgentId>) -> Answer<Agent> {
    let view = state.ains.agent(id).await?;
    whole(&state, &caller, view).await
}

async fn whole(state: &State, caller: &Caller, view: AgentView) -> Answer<Agent> {
    let capabilities = state.ains.capabilities(view.agent.id.clone()).await?;
    Ok(Reply(convert::whole(view, capabilities, caller.reach())))
}

/// Change an agent. Only an admin shares it with other clients.
#[utoipa::path(
    patch,
    path = "/ains/agents/{id}",
    tag = "Agents",
    params(("id" = String, Path, description = "The agent.")),
    request_body = PatchAgent,
    responses(
        (status = OK, body = Agent),
        (status = CONFLICT, description = "It belongs to no client, so it stays shared")
    )
)]
pub(crate) async fn change(
    state: State,
    caller: Caller,
    Id(id): Id<AgentId>,
    body: Body<PatchAgent>,
) -> Answer<Agent> {
    let change = body.check(convert::change)?;
    caller.manages(&id)?;
    // Whom it works for is not the agent's own to say.
    let is_own = change.shared.is_some() && caller.reach().agent().is_some();
    caller.may_share(is_own || change.shared == Some(true))?;
    let view = state.ains.change_agent(id, change).await?;
    whole(&state, &caller, view).await
}

/// Unregister an agent; 409 while it holds tasks, unless forced.
#[utoipa::path(
    delete,
    path = "/ains/agents/{id}",
    tag = "Agents",
    params(("id" = String, Path, description = "The agent."), DeleteAgentQuery),
    responses((status = OK, body = AgentDeleted), (status = CONFLICT, description = "It holds tasks"))
)]
pub(crate) async fn remove(
    state: State,
    caller: Caller,
    Id(id): Id<AgentId>,
    mut query: Query,
) -> Answer<AgentDeleted> {
    let force = query.flag("force");
    let force = query.finish(Some(force))?;
    state
        .ains
        .remove_agent(&caller.actor(), id.clone(), force)
        .await?;
    Ok(Reply(AgentDeleted {
        agent_id: id.into(),
        message: "Agent unregistered successfully".to_owned(),
    }))
}

/// Stop giving an agent work; it finishes what it holds.
#[utoipa::path(
    post,
    path = "/ains/agents/{id}/drain",
    tag = "Agents",
    params(("id" = String, Path, description = "The agent.")),
    request_body(content = Option<DrainAgent>),
    responses((status = OK, body = Agent))
)]
pub(crate) async fn drain(
    state: State,
    caller: Caller,
    Id(id): Id<AgentId>,
    body: Body<DrainAgent>,
) -> Answer<Agent> {
    set_draining(&state, &caller, id, body, true).await
}

/// Give an agent work again.
#[utoipa::path(
    post,
    path = "/ains/agents/{id}/resume",
    tag = "Agents",
    params(("id" = String, Path, description = "The agent.")),
    request_body(content = Option<DrainAgent>),
    responses((status = OK, body = Agent))
)]
pub(crate) async fn resume(
    state: State,
    caller: Caller,
    Id(id): Id<AgentId>,
    body: Body<DrainAgent>,
) -> Answer<Agent> {
    set_draining(&state, &caller, id, body, false).await
}

async fn set_draining(
    state: &State,
    caller: &Caller,
    id: AgentId,
    body: Body<DrainAgent>,
    draining: bool,
) -> Answer<Agent> {
    body.value()?;
    caller.manages(&id)?;
    let change = AgentChange {
        draining: Some(draining),
        ..AgentChange::default()
    };
    let view = state.ains.change_agent(id, change).await?;
    whole(state, caller, view).await
}

/// Change an agent's key, with a signature of each: the new key's as at registration, and the old key's, which lets the
/// new one take its place.
#[utoipa::path(
    post,
    path = "/ains/agents/{id}/rotate-key",
    tag = "Agents",
    params(("id" = String, Path, description = "The agent.")),
    request_body = RotateAgentKey,
    responses((status = OK, body = Agent))
)]
pub(crate) async fn rotate_key(
    state: State,
    caller: Caller,
    Id(id): Id<AgentId>,
    body: Body<RotateAgentKey>,
) -> Answer<Agent> {
    let rotation = body.check(convert::key_rotation)?;
    let view = state.ains.rotate_agent_key(&caller.actor(), id, rotation).await?;
    whole(&state, &caller, view).await
}

/// Say that an agent is alive, and learn what it should stop.
#[utoipa::path(
    post,
    path = "/ains/agents/{id}/heartbeat",
    tag = "Agents",
    params(("id" = String, Path, description = "The agent.")),
    request_body = Heartbeat,
    responses((status = OK, body = HeartbeatAnswer))
)]
pub(crate) async fn heartbeat(
    state: State,
    Id(id): Id<AgentId>,
    body: Body<Heartbeat>,
) -> Answer<HeartbeatAnswer> {
    let (heartbeat, sent) = body.check(|body, faults: &mut Faults| {
        let sent = body.status.clone();
        Some((convert::heartbeat(body, faults)?, sent))
    })?;
    let seen = state.ains.heartbeat(id, heartbeat).await?;
    Ok(Reply(convert::seen(&seen, sent)))
}

/// Publish a capability; one of the same name is replaced.
#[utoipa::path(
    post,
    path = "/ains/agents/{id}/capabilities",
    tag = "Agents",
    params(("id" = String, Path, description = "The agent.")),
    request_body = PublishCapability,
    responses((status = OK, body = CapabilityPublished))
)]
pub(crate) async fn publish(
    state: State,
    caller: Caller,
    key: IdempotencyKey,
    Id(id): Id<AgentId>,
    body: Body<PublishCapability>,
) -> Result<HttpResponse, Problem> {
    let published = |capability: &ains_core::agent::Capability| CapabilityPublished {
        capability_id: capability.id.to_string(),
        status: Word::Borrowed("published"),
    };
    let once = key.once(&caller, &body.raw(), published);
    let capability = body.check(convert::new_capability)?;
    caller.manages(&id)?;
    Ok(answered(
        state.ains.publish(id, capability, once).await?,
        published,
    ))
}

/// What an agent has published.
#[utoipa::path(
    get,
    path = "/ains/agents/{id}/capabilities",
    tag = "Agents",
    params(("id" = String, Path, description = "The agent.")),
    responses((status = OK, body = Vec<Capability>))
)]
pub(crate) async fn capabilities(state: State, Id(id): Id<AgentId>) -> Answer<Vec<Capability>> {
    let capabilities = state.ains.capabilities(id).await?;
    Ok(Reply(capabilities.into_iter().map(convert::capability).collect()))
}
