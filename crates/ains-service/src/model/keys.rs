//! What goes into the use cases of keys and what comes out.

use std::time::Duration;

pub use ains_core::key::KeyChange;
use ains_core::rate::Quota;
use ains_core::{AgentId, ClientId, Key, KeyId, Reach, Scopes, Timestamp};
pub use ains_store::keys::StoredKey;

/// Who is calling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The key; `None` for the one that the operator gave the server.
    pub key: Option<KeyId>,
    /// The key's name, for people.
    pub name: String,
    /// Whose things it sees and changes.
    pub reach: Reach,
    /// The client that the key is bound to, also if it reaches further or less far.
    pub client: Option<ClientId>,
    /// What it may be used for.
    pub scopes: Scopes,
    /// Most requests a minute; `None` for no limit.
    pub per_minute: Option<u32>,
    /// Most requests an hour; `None` for no limit.
    pub per_hour: Option<u32>,
    /// The SHA-256 of what was sent; `None` for what is no stored key.
    pub secret: Option<[u8; 32]>,
    /// From when on what was sent opens nothing any more.
    pub until: Option<Timestamp>,
}

impl Principal {
    /// Whom a key is for; `None` if it can open nothing.
    pub fn of(key: &Key) -> Option<Self> {
        Some(Self {
            key: Some(key.id),
            name: key.name.clone(),
            reach: key.reach()?,
            client: key.client.clone(),
            scopes: key.scopes,
            per_minute: key.per_minute,
            per_hour: key.per_hour,
            secret: None,
            until: key.expires_at,
        })
    }

    /// How many requests it may make.
    pub fn quota(&self) -> Quota {
        Quota {
            per_minute: self.per_minute,
            per_hour: self.per_hour,
        }
    }

    /// Whether it may do everything.
    pub fn is_admin(&self) -> bool {
        self.scopes.is_admin()
    }
}

/// Who did something, and from where: for the audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Actor {
    /// The key that it was done with, if it has an id.
    pub key: Option<KeyId>,
    /// The client that the key is bound to.
    pub client: Option<ClientId>,
    /// The agent that did it.
    pub agent: Option<AgentId>,
    /// The address that the request came from.
    pub address: Option<String>,
    /// The id of the request.
    pub request: Option<String>,
}

impl Actor {
    /// Nobody in particular: the server itself, or the program that it is a part of.
    pub const NOBODY: Self = Self {
        key: None,
        client: None,
        agent: None,
        address: None,
        request: None,
    };
}

/// A key to make.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// For people.
    pub name: String,
    /// More, for people.
    pub description: Option<String>,
    /// The client whose things alone it sees and changes.
    pub client: Option<ClientId>,
    /// The agent as which alone it works.
    pub agent: Option<AgentId>,
    /// What it may be used for.
    pub scopes: Scopes,
    /// Most requests a minute; `None` for no limit.
    pub per_minute: Option<u32>,
    /// Most requests an hour; `None` for no limit.
    pub per_hour: Option<u32>,
    /// After which time it is good no more.
    pub expires_in: Option<Duration>,
}

impl NewKey {
    /// One that may do everything, without limits.
    pub fn admin(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            description: None,
            client: None,
            agent: None,
            scopes: Scopes::ADMIN,
            per_minute: None,
            per_hour: None,
            expires_in: None,
        }
    }
}

/// A key that was made, or got another secret.
#[derive(Clone)]
pub struct KeyMade {
    /// The key.
    pub key: Key,
    /// What opens it; it is not known to anybody afterwards.
    pub secret: String,
}

impl std::fmt::Debug for KeyMade {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyMade")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// Which keys a list shows.
#[derive(Debug, Clone, Default)]
pub struct KeyFilter {
    /// Only of this client.
    pub client: Option<ClientId>,
    /// Only those that are not switched off or revoked.
    pub active_only: bool,
    /// Only ids below this one: the cursor.
    pub before: Option<KeyId>,
    /// At most this many.
    pub limit: i64,
}
