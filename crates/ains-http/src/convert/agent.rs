//! Agents and what they offer.

use std::time::Duration;

use ains_api::{
    AgentRegistered, AgentSummary, HeartbeatAnswer, PatchAgent, PublishCapability, RegisterAgent,
    RotateAgentKey, Trust, Word,
};
use ains_core::Reach;
use ains_core::agent::{Agent, Capability, HeartbeatStatus, limits};
use ains_service::model::{
    AgentChange, AgentView, Heartbeat, HeartbeatSeen, KeyRotation, NewAgent, NewCapability,
};

use super::{at, count, seconds};
use crate::json::Faults;

/// A share of a hundred.
const PERCENT: std::ops::RangeInclusive<f64> = 0.0..=100.0;

/// Checks a registration.
pub(crate) fn new_agent(agent: RegisterAgent, faults: &mut Faults) -> Option<NewAgent> {
    let id = faults.parse("/agent_id", &agent.agent_id);
    let public_key = faults.text("/public_key", agent.public_key);
    let signature = faults.text("/signature", agent.signature);
    let display_name = faults.label("/display_name", agent.display_name);
    let description = faults.text_opt("/description", agent.description);
    let endpoint = endpoint(agent.endpoint, faults);
    let tags = faults.parse_all("/tags", &agent.tags.unwrap_or_default());
    let labels = labels(agent.labels.unwrap_or_default(), faults);
    let heartbeat_interval = faults.within_or(
        "/heartbeat_interval_seconds",
        agent.heartbeat_interval_seconds,
        &limits::HEARTBEAT_SECONDS,
        limits::DEFAULT_HEARTBEAT_SECONDS,
    );
    let max_concurrency = faults.within_or(
        "/max_concurrency",
        agent.max_concurrency,
        &limits::MAX_CONCURRENCY,
        limits::DEFAULT_MAX_CONCURRENCY,
    );
    Some(NewAgent {
        id: id?,
        public_key: public_key?,
        signature: signature?,
        display_name: display_name?,
        description: description?,
        endpoint: endpoint?,
        tags: tags?,
        labels: labels?,
        heartbeat_interval: Duration::from_secs(heartbeat_interval?.into()),
        max_concurrency: max_concurrency?,
        client: None,
        shared: agent.shared.unwrap_or(false),
    })
}

/// Checks another key.
pub(crate) fn key_rotation(rotate: RotateAgentKey, faults: &mut Faults) -> Option<KeyRotation> {
    let public_key = faults.text("/public_key", rotate.public_key);
    let signature = faults.text("/signature", rotate.signature);
    let proof = faults.text("/proof", rotate.proof);
    Some(KeyRotation {
        public_key: public_key?,
        signature: signature?,
        proof: proof?,
    })
}

/// Checks a change.
pub(crate) fn change(patch: PatchAgent, faults: &mut Faults) -> Option<AgentChange> {
    let endpoint = patch
        .endpoint
        .map_or(Some(None), |url| endpoint(url, faults).map(Some));
    let tags = patch
        .tags
        .map_or(Some(None), |tags| faults.parse_all("/tags", &tags).map(Some));
    let labels = patch
        .labels
        .map_or(Some(None), |map| labels(map, faults).map(Some));
    let max_concurrency = faults.within_opt(
        "/max_concurrency",
        patch.max_concurrency,
        &limits::MAX_CONCURRENCY,
    );
    let interval = faults.within_opt(
        "/heartbeat_interval_seconds",
        patch.heartbeat_interval_seconds,
        &limits::HEARTBEAT_SECONDS,
    );
    Some(AgentChange {
        endpoint: endpoint?,
        tags: tags?,
        labels: labels?,
        max_concurrency: max_concurrency?,
        heartbeat_interval: interval?.map(|seconds| Duration::from_secs(seconds.into())),
        shared: patch.shared,
        ..AgentChange::default()
    })
}

/// A URL as far as it is looked at: something with a scheme, a host, and no white space.
fn endpoint(url: String, faults: &mut Faults) -> Option<String> {
    let url = faults.text("/endpoint", url)?;
    let host = url
        .split_once("://")
        .filter(|(scheme, host)| !scheme.is_empty() && !host.is_empty());
    if host.is_none() || url.len() > 2048 || url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        faults.add("/endpoint", "must be a URL of at most 2048 bytes");
        return None;
    }
    Some(url)
}

fn labels(labels: ains_api::Labels, faults: &mut Faults) -> Option<ains_api::Labels> {
    let mut good = true;
    for (name, value) in &labels {
        if !ains_core::ids::is_name(name) || value.contains('\0') {
            faults.add(
                "/labels",
                "must have names of 1 to 255 characters, and no NUL characters",
            );
            good = false;
        }
    }
    good.then_some(labels)
}

/// Checks a capability.
pub(crate) fn new_capability(capability: PublishCapability, faults: &mut Faults) -> Option<NewCapability> {
    let name = faults.parse("/name", &capability.name);
    let description = faults.text("/description", capability.description);
    let input_schema = faults.object("/input_schema", capability.input_schema);
    let output_schema = faults.object("/output_schema", capability.output_schema);
    let pricing_model = faults.label("/pricing_model", capability.pricing_model);
    let price = faults.amount("/price", capability.price);
    let latency_p99_ms = faults.within("/latency_p99_ms", capability.latency_p99_ms, &(0..=i64::MAX));
    let availability_percent =
        faults.number("/availability_percent", capability.availability_percent, &PERCENT);
    Some(NewCapability {
        name: name?,
        description: description?,
        input_schema: input_schema?,
        output_schema: output_schema?,
        pricing_model: pricing_model?,
        price: price?,
        latency_p99_ms: latency_p99_ms?,
        availability_percent: availability_percent?,
    })
}

/// Checks a heartbeat. A task id that is none is a task it does not hold.
pub(crate) fn heartbeat(heartbeat: ains_api::Heartbeat, faults: &mut Faults) -> Option<Heartbeat> {
    let status = faults.parse::<HeartbeatStatus>("/status", &heartbeat.status);
    let metrics = faults.object_opt("/metrics", heartbeat.metrics);
    let holding = heartbeat.holding;
    let holding = holding.map(|ids| ids.iter().filter_map(|id| id.parse().ok()).collect());
    metrics?;
    Some(Heartbeat {
        status: status?,
        holding,
    })
}

/// The answer to a heartbeat; `sent` is the status in the agent's own word.
pub(crate) fn seen(seen: &HeartbeatSeen, sent: String) -> HeartbeatAnswer {
    HeartbeatAnswer {
        acknowledged: true,
        next_heartbeat_in: seconds(seen.view.agent.heartbeat_interval),
        agent_health_status: sent,
        agent_status: availability(&seen.view),
        // What the agent shows from now on; the service may have stored it a moment after it came.
        last_heartbeat: at(seen.view.agent.last_heartbeat_at.unwrap_or(seen.at)),
        cancelled: seen.cancelled.iter().map(ToString::to_string).collect(),
    }
}

fn availability(view: &AgentView) -> Word {
    Word::Borrowed(view.agent.availability(view.active).as_str())
}

/// The answer to a registration.
pub(crate) fn registered(agent: &Agent) -> AgentRegistered {
    AgentRegistered {
        agent_id: agent.id.to_string(),
        public_key: agent.public_key.clone(),
        display_name: agent.display_name.clone(),
        description: agent.description.clone(),
        endpoint: agent.endpoint.clone(),
        status: Word::Borrowed(agent.status.as_str()),
        created_at: at(agent.created_at),
        trust_score: agent.trust.get(),
        tags: agent.tags.iter().map(ToString::to_string).collect(),
    }
}

/// The whole agent; whom it belongs to, if that is within `reach`.
pub(crate) fn whole(view: AgentView, capabilities: Vec<Capability>, reach: &Reach) -> ains_api::Agent {
    let availability = availability(&view);
    let AgentView { agent, active } = view;
    ains_api::Agent {
        agent_id: agent.id.into(),
        public_key: agent.public_key,
        display_name: agent.display_name,
        description: agent.description,
        endpoint: agent.endpoint,
        status: Word::Borrowed(agent.status.as_str()),
        availability,
        created_at: at(agent.created_at),
        updated_at: at(agent.updated_at),
        trust_score: agent.trust.get(),
        tags: agent.tags.into_iter().map(Into::into).collect(),
        labels: agent.labels,
        client_id: agent.client.filter(|client| reach.covers(client)).map(Into::into),
        shared: agent.shared,
        total_tasks_completed: count(agent.completed),
        total_tasks_failed: count(agent.failed),
        avg_completion_time_seconds: agent.average_seconds,
        active_tasks: active,
        max_concurrency: agent.max_concurrency,
        heartbeat_interval_seconds: seconds(agent.heartbeat_interval),
        last_heartbeat: agent.last_heartbeat_at.map(at),
        capabilities: capabilities.into_iter().map(capability).collect(),
    }
}

/// One agent of a list.
pub(crate) fn summary(view: AgentView) -> AgentSummary {
    AgentSummary {
        availability: availability(&view),
        status: Word::Borrowed(view.agent.status.as_str()),
        trust_score: view.agent.trust.get(),
        agent_id: view.agent.id.into(),
        display_name: view.agent.display_name,
    }
}

/// One capability.
pub(crate) fn capability(capability: Capability) -> ains_api::Capability {
    ains_api::Capability {
        capability_id: capability.id.to_string(),
        name: capability.name.into(),
        description: capability.description,
        pricing_model: capability.pricing_model,
        price: capability.price,
        availability_percent: capability.availability_percent,
    }
}

/// How far an agent is trusted.
pub(crate) fn trust(agent: Agent) -> Trust {
    Trust {
        trust_score: agent.trust.get(),
        trust_level: Word::Borrowed(agent.trust.level()),
        total_tasks_completed: count(agent.completed),
        total_tasks_failed: count(agent.failed),
        success_rate: agent.success_rate(),
        avg_completion_time_seconds: agent.average_seconds,
        last_task_completed_at: agent.last_completed_at.map(at),
        agent_id: agent.id.into(),
    }
}
