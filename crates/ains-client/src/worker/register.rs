//! Makes the agent known to the server: registration, or an update where it is known already.

use std::collections::BTreeSet;

use ains_api::{Json, PatchAgent, PublishCapability, RegisterAgent};

use super::{KeySource, Offer, Worker};
use crate::client::segment;
use crate::{AgentKey, Client, Error};

/// Everything needed to register, any number of times.
pub(super) struct Registration {
    agent: RegisterAgent,
    capabilities: Vec<PublishCapability>,
    key: AgentKey,
    /// Whether the key outlives this run, so that another key at the server means another agent.
    lasting: bool,
}

impl Registration {
    pub(super) fn new(worker: &mut Worker) -> Result<Self, Error> {
        let (key, lasting) = match std::mem::replace(&mut worker.key, KeySource::Fresh) {
            KeySource::Fresh => (AgentKey::generate(), false),
            KeySource::Given(key) => (key, true),
            KeySource::File(path) => (AgentKey::load_or_create(path)?, true),
        };
        let agent_id = worker.agent_id.clone();
        // `.invalid` is never anybody's (RFC 2606).
        let endpoint = worker
            .endpoint
            .take()
            .unwrap_or_else(|| format!("https://agents.invalid/{}", segment(&agent_id)));
        let capabilities: Vec<_> = worker
            .capabilities
            .drain(..)
            .map(|offer| publication(offer, &agent_id, &key))
            .collect();
        let names = capabilities.iter().map(|capability| capability.name.clone());
        let tags: BTreeSet<_> = names.chain(worker.tags.drain(..)).collect();
        let interval = worker.heartbeat.as_secs() + u64::from(worker.heartbeat.subsec_nanos() > 0);

        let agent = RegisterAgent {
            signature: key.sign(&[&agent_id, &endpoint]),
            public_key: key.public_hex(),
            agent_id,
            display_name: worker.display_name.clone(),
            endpoint,
            description: worker.description.take(),
            tags: Some(tags.into_iter().collect()),
            heartbeat_interval_seconds: i64::try_from(interval).ok(),
            max_concurrency: i64::try_from(worker.concurrency).ok(),
            shared: None,
            labels: (!worker.labels.is_empty()).then(|| std::mem::take(&mut worker.labels)),
        };
        Ok(Self {
            agent,
            capabilities,
            key,
            // Who signs its requests has to be the one that the server knows.
            lasting: lasting || worker.sign_requests,
        })
    }

    /// What the agent signs with.
    pub(super) fn key(&self) -> AgentKey {
        self.key.clone()
    }

    /// Registers. An agent that is known already is brought up to date and resumed.
    pub(super) async fn register(&self, client: &Client) -> Result<(), Error> {
        let known = match client.register_agent(&self.agent).await {
            Ok(_) => BTreeSet::new(),
            Err(error) if error.status() == Some(409) => self.update(client).await?,
            Err(error) => return Err(error),
        };
        for capability in &self.capabilities {
            if !known.contains(&capability.name) {
                client
                    .publish_capability(&self.agent.agent_id, capability)
                    .await?;
            }
        }
        Ok(())
    }

    /// Brings the known agent up to date; the names of what it has published.
    async fn update(&self, client: &Client) -> Result<BTreeSet<String>, Error> {
        let known = client.agent(&self.agent.agent_id).await?;
        if self.lasting && !known.public_key.eq_ignore_ascii_case(&self.agent.public_key) {
            return Err(Error::OtherAgent(known.agent_id));
        }
        let patch = PatchAgent {
            tags: self.agent.tags.clone(),
            endpoint: Some(self.agent.endpoint.clone()),
            max_concurrency: self.agent.max_concurrency,
            labels: self.agent.labels.clone(),
            heartbeat_interval_seconds: self.agent.heartbeat_interval_seconds,
            shared: self.agent.shared,
        };
        match client.patch_agent(&self.agent.agent_id, &patch).await {
            // The agent's own key may not change what the agent says of itself; that stays as it is.
            Err(error) if error.status() == Some(403) => tracing::debug!(%error, "not brought up to date"),
            other => drop(other?),
        }
        // Always: of an agent that has left, which drained itself, the availability says only that it is INACTIVE.
        client.resume_agent(&self.agent.agent_id).await?;
        Ok(known
            .capabilities
            .into_iter()
            .map(|capability| capability.name)
            .collect())
    }
}

/// What is published of an offer: signed over the agent's id followed by the name of the capability.
fn publication(offer: Offer, agent_id: &str, key: &AgentKey) -> PublishCapability {
    let mut capability = match offer {
        Offer::Full(capability) => *capability,
        Offer::Name(name) => PublishCapability {
            description: String::new(),
            input_schema: Json::empty_object(),
            output_schema: Json::empty_object(),
            pricing_model: "free".to_owned(),
            price: 0.0,
            latency_p99_ms: 0,
            availability_percent: 100.0,
            signature: String::new(),
            name,
        },
    };
    if capability.signature.is_empty() {
        capability.signature = key.sign(&[agent_id, &capability.name]);
    }
    capability
}
