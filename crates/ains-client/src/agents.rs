//! Calls about agents, their capabilities and their trust.

use ains_api::{
    Agent, AgentDeleted, AgentFilter, AgentList, AgentRegistered, Capability, CapabilityPublished,
    DrainAgent, Heartbeat, HeartbeatAnswer, Leaderboard, LeaderboardQuery, PatchAgent, PublishCapability,
    RegisterAgent, RotateAgentKey, SearchAnswer, SearchQuery, Trust, TrustAdjust, TrustAdjusted,
    TrustHistoryQuery, TrustRecord,
};
use reqwest::Method;

use crate::client::{Call, segment};
use crate::{Client, Error};

/// The path of an agent, and of what is below it.
fn path(agent_id: &str, rest: &str) -> String {
    format!("/ains/agents/{}{rest}", segment(agent_id))
}

impl Client {
    /// Registers an agent: `POST /ains/agents`. [`AgentKey`](crate::AgentKey) makes the signature.
    ///
    /// # Errors
    ///
    /// If the id is taken (409), the signature does not verify (400), or the call fails.
    pub async fn register_agent(&self, agent: &RegisterAgent) -> Result<AgentRegistered, Error> {
        self.call_with(
            Call::once(Method::POST, "/ains/agents").keyed(self.idempotency_key()),
            agent,
        )
        .await
    }

    /// Reads an agent: `GET /ains/agents/{id}`.
    ///
    /// # Errors
    ///
    /// If there is no such agent (404), or the call fails.
    pub async fn agent(&self, agent_id: &str) -> Result<Agent, Error> {
        self.call(Call::get(path(agent_id, ""))).await
    }

    /// Reads one page of agents: `GET /ains/agents`.
    ///
    /// # Errors
    ///
    /// If the filter is refused (422), or the call fails.
    pub async fn agents(&self, filter: &AgentFilter) -> Result<AgentList, Error> {
        self.call_with_query(Call::get("/ains/agents"), filter).await
    }

    /// Changes an agent: `PATCH /ains/agents/{id}`.
    ///
    /// # Errors
    ///
    /// If the change is refused (422), there is no such agent (404), or the call fails.
    pub async fn patch_agent(&self, agent_id: &str, patch: &PatchAgent) -> Result<Agent, Error> {
        self.call_with(Call::repeatable(Method::PATCH, path(agent_id, "")), patch)
            .await
    }

    /// Unregisters an agent: `DELETE /ains/agents/{id}`; with `force` also while it holds tasks.
    ///
    /// # Errors
    ///
    /// If it holds tasks (409), there is no such agent (404), or the call fails.
    pub async fn delete_agent(&self, agent_id: &str, force: bool) -> Result<AgentDeleted, Error> {
        let call = Call::once(Method::DELETE, path(agent_id, ""));
        self.call(if force { call.with("force", true) } else { call })
            .await
    }

    /// Says that an agent is alive: `POST /ains/agents/{id}/heartbeat`.
    ///
    /// # Errors
    ///
    /// If there is no such agent (404), or the call fails.
    pub async fn heartbeat(&self, agent_id: &str, heartbeat: &Heartbeat) -> Result<HeartbeatAnswer, Error> {
        self.call_with(
            Call::repeatable(Method::POST, path(agent_id, "/heartbeat")),
            heartbeat,
        )
        .await
    }

    /// Stops giving an agent work: `POST /ains/agents/{id}/drain`.
    ///
    /// # Errors
    ///
    /// If there is no such agent (404), or the call fails.
    pub async fn drain_agent(&self, agent_id: &str) -> Result<Agent, Error> {
        self.call_with(
            Call::repeatable(Method::POST, path(agent_id, "/drain")),
            &DrainAgent {},
        )
        .await
    }

    /// Gives a drained agent work again: `POST /ains/agents/{id}/resume`.
    ///
    /// # Errors
    ///
    /// If there is no such agent (404), or the call fails.
    pub async fn resume_agent(&self, agent_id: &str) -> Result<Agent, Error> {
        self.call_with(
            Call::repeatable(Method::POST, path(agent_id, "/resume")),
            &DrainAgent {},
        )
        .await
    }

    /// Gives an agent another key: `POST /ains/agents/{id}/rotate-key`.
    /// [`AgentKey::rotate`](crate::AgentKey::rotate) makes the signatures.
    ///
    /// # Errors
    ///
    /// If a signature does not verify (400), there is no such agent (404), or the call fails.
    pub async fn rotate_agent_key(&self, agent_id: &str, rotate: &RotateAgentKey) -> Result<Agent, Error> {
        self.call_with(
            Call::repeatable(Method::POST, path(agent_id, "/rotate-key")),
            rotate,
        )
        .await
    }

    /// Publishes a capability: `POST /ains/agents/{id}/capabilities`.
    ///
    /// # Errors
    ///
    /// If it is refused (422), there is no such agent (404), or the call fails.
    pub async fn publish_capability(
        &self,
        agent_id: &str,
        capability: &PublishCapability,
    ) -> Result<CapabilityPublished, Error> {
        let call = Call::once(Method::POST, path(agent_id, "/capabilities")).keyed(self.idempotency_key());
        self.call_with(call, capability).await
    }

    /// Reads what an agent has published: `GET /ains/agents/{id}/capabilities`.
    ///
    /// # Errors
    ///
    /// If there is no such agent (404), or the call fails.
    pub async fn capabilities(&self, agent_id: &str) -> Result<Vec<Capability>, Error> {
        self.call(Call::get(path(agent_id, "/capabilities"))).await
    }

    /// Reads how far an agent is trusted: `GET /ains/agents/{id}/trust`.
    ///
    /// # Errors
    ///
    /// If there is no such agent (404), or the call fails.
    pub async fn trust(&self, agent_id: &str) -> Result<Trust, Error> {
        self.call(Call::get(path(agent_id, "/trust"))).await
    }

    /// Reads one page of the changes of an agent's trust, newest first: `GET /ains/agents/{id}/trust/history`. The next
    /// page begins at the `record_id` of the last one.
    ///
    /// # Errors
    ///
    /// If the query is refused (422), there is no such agent (404), or the call fails.
    pub async fn trust_history(
        &self,
        agent_id: &str,
        query: &TrustHistoryQuery,
    ) -> Result<Vec<TrustRecord>, Error> {
        self.call_with_query(Call::get(path(agent_id, "/trust/history")), query)
            .await
    }

    /// Looks for agents: `GET /ains/search`.
    ///
    /// # Errors
    ///
    /// If the query is refused (422), or the call fails.
    pub async fn search(&self, query: &SearchQuery) -> Result<SearchAnswer, Error> {
        self.call_with_query(Call::get("/ains/search"), query).await
    }

    /// Reads who is trusted most: `GET /ains/agents/leaderboard`.
    ///
    /// # Errors
    ///
    /// If the query is refused (422), or the call fails.
    pub async fn leaderboard(&self, query: &LeaderboardQuery) -> Result<Leaderboard, Error> {
        self.call_with_query(Call::get("/ains/agents/leaderboard"), query)
            .await
    }

    /// Adds to an agent's trust, with a reason: `POST /ains/agents/{id}/trust/adjust`.
    ///
    /// # Errors
    ///
    /// If it is refused (422, 403), there is no such agent (404), or the call fails.
    pub async fn adjust_trust(&self, agent_id: &str, adjust: &TrustAdjust) -> Result<TrustAdjusted, Error> {
        self.call_with(Call::once(Method::POST, path(agent_id, "/trust/adjust")), adjust)
            .await
    }
}
