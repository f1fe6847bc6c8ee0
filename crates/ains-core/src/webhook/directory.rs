//! Which webhooks want an event: in memory, since it is asked for every event.

use std::collections::BTreeMap;

use super::{Pattern, Webhook};
use crate::event::{EventType, EventTypes};
use crate::ids::{AgentId, ClientId, WebhookId};

/// The active webhooks by their owners.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    by_owner: BTreeMap<ClientId, Vec<Entry>>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    id: WebhookId,
    types: EventTypes,
    clients_only: bool,
}

impl Directory {
    /// Those of `hooks` that are active.
    pub fn new(hooks: impl IntoIterator<Item = Webhook>) -> Self {
        let mut by_owner: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for hook in hooks.into_iter().filter(|hook| hook.active) {
            let types = hook.events.iter().map(Pattern::types);
            let types = types.flat_map(EventTypes::iter).collect();
            by_owner.entry(hook.owner).or_default().push(Entry {
                id: hook.id,
                types,
                clients_only: hook.clients_only,
            });
        }
        Self { by_owner }
    }

    /// Whether there is none, so that nothing needs to be asked.
    pub fn is_empty(&self) -> bool {
        self.by_owner.is_empty()
    }

    /// The webhooks that want an event of type `kind` of this client or this agent, each once. O(log owners), and the
    /// hooks of these two.
    pub fn wanting(
        &self,
        kind: EventType,
        client: Option<&ClientId>,
        agent: Option<&AgentId>,
    ) -> impl Iterator<Item = WebhookId> {
        let client = client.map(ClientId::as_str);
        let agent = agent.map(AgentId::as_str).filter(|agent| client != Some(agent));
        let of = |owner: Option<&str>| owner.and_then(|owner| self.by_owner.get(owner));
        let of_client = of(client).into_iter().flatten();
        let of_agent = of(agent).into_iter().flatten();
        of_client
            .chain(of_agent.filter(|entry| !entry.clients_only))
            .filter(move |entry| entry.types.contains(kind))
            .map(|entry| entry.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Mint;
    use crate::time::Timestamp;
    use rand::SeedableRng;

    #[test]
    fn an_event_is_wanted_by_hooks_of_its_client_and_of_its_agent() {
        let mut mint = Mint::default();
        let mut rng = rand::rngs::StdRng::seed_from_u64(1);
        let at = Timestamp::from_micros(1);
        let mut hook = |owner: &str, events: &[&str], active| Webhook {
            id: WebhookId::mint(&mut mint, at, &mut rng),
            owner: owner.parse().unwrap(),
            clients_only: false,
            url: "https://example.com".into(),
            events: events.iter().map(|event| event.parse().unwrap()).collect(),
            active,
            secret: "s".parse().unwrap(),
            previous: None,
            created_at: at,
            updated_at: at,
        };
        let hooks = [
            hook("client", &["task.*", "task.completed"], true),
            hook("client", &["agent.*"], true),
            hook("agent", &["*"], true),
            hook("agent", &["*"], false),
            hook("other", &["*"], true),
        ];
        let ids = hooks.each_ref().map(|hook| hook.id);
        let directory = Directory::new(hooks);
        let wanting = |kind, client: Option<&str>, agent: Option<&str>| -> Vec<WebhookId> {
            let client = client.map(|client| client.parse().unwrap());
            let agent = agent.map(|agent| agent.parse().unwrap());
            directory.wanting(kind, client.as_ref(), agent.as_ref()).collect()
        };
        let done = EventType::TaskCompleted;
        assert_eq!(wanting(done, Some("client"), Some("agent")), [ids[0], ids[2]]);
        assert_eq!(wanting(done, Some("client"), None), [ids[0]]);
        assert_eq!(wanting(EventType::AgentInactive, None, Some("client")), [ids[1]]);
        assert_eq!(
            wanting(EventType::TaskFailed, Some("agent"), Some("agent")),
            [ids[2]]
        );
        assert!(wanting(done, None, None).is_empty());
        assert!(wanting(done, Some("nobody"), Some("nobody")).is_empty());
        assert!(!directory.is_empty() && Directory::default().is_empty());
    }

    #[test]
    fn a_hook_of_a_client_hears_of_no_agent_of_that_name() {
        let mut mint = Mint::default();
        let mut rng = rand::rngs::StdRng::seed_from_u64(1);
        let at = Timestamp::from_micros(1);
        let hook = Webhook {
            id: WebhookId::mint(&mut mint, at, &mut rng),
            owner: "acme".parse().unwrap(),
            clients_only: true,
            url: "https://example.com".into(),
            events: vec!["*".parse().unwrap()],
            active: true,
            secret: "s".parse().unwrap(),
            previous: None,
            created_at: at,
            updated_at: at,
        };
        let id = hook.id;
        let directory = Directory::new([hook]);
        let (acme, other): (ClientId, ClientId) = ("acme".parse().unwrap(), "other".parse().unwrap());
        let agent: AgentId = "acme".parse().unwrap();
        let wanting = |client: &ClientId| -> Vec<_> {
            let kind = EventType::TaskCompleted;
            directory.wanting(kind, Some(client), Some(&agent)).collect()
        };
        assert_eq!(wanting(&other), []);
        assert_eq!(wanting(&acme), [id]);
    }
}
