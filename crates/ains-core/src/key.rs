//! API keys: who may do what, and until when (semantics §9).

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::ids::{AgentId, ClientId, KeyId};
use crate::reach::Reach;
use crate::scope::Scopes;
use crate::time::Timestamp;

/// Bounds and defaults of keys (api.md; what is not there is ours).
pub mod limits {
    use super::RangeInclusive;

    /// Requests a minute.
    pub const PER_MINUTE: RangeInclusive<u32> = 1..=10_000_000;
    /// Requests an hour.
    pub const PER_HOUR: RangeInclusive<u32> = 1..=100_000_000;
    /// Requests a minute where nobody says.
    pub const DEFAULT_PER_MINUTE: u32 = 60;
    /// Requests an hour where nobody says.
    pub const DEFAULT_PER_HOUR: u32 = 1000;
    /// Days after which a key expires.
    pub const EXPIRES_IN_DAYS: RangeInclusive<u32> = 1..=36_500;
    /// Seconds for which the secret before a rotation is still good.
    pub const GRACE_SECONDS: RangeInclusive<u32> = 0..=2_592_000;
    /// Seconds for which it is where nobody says: a day.
    pub const DEFAULT_GRACE_SECONDS: u32 = 86_400;
}

/// A key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its id.
    pub id: KeyId,
    /// For people.
    pub name: String,
    /// More, for people.
    pub description: Option<String>,
    /// The client whose things alone it sees and changes; only an admin's key has none.
    pub client: Option<ClientId>,
    /// The agent as which alone it works.
    pub agent: Option<AgentId>,
    /// What it may be used for.
    pub scopes: Scopes,
    /// Most requests a minute; `None` for no limit.
    pub per_minute: Option<u32>,
    /// Most requests an hour; `None` for no limit.
    pub per_hour: Option<u32>,
    /// Whether it may be used at all; somebody may switch it off and on.
    pub active: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// From when on it is good no more.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked, for ever.
    pub revoked_at: Option<Timestamp>,
}

/// What somebody changes about a key; `None` leaves it as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyChange {
    /// Another name.
    pub name: Option<String>,
    /// Another description, or none.
    pub description: Option<Option<String>>,
    /// Other scopes.
    pub scopes: Option<Scopes>,
    /// Another limit a minute, or none.
    pub per_minute: Option<Option<u32>>,
    /// Another limit an hour, or none.
    pub per_hour: Option<Option<u32>>,
    /// Off or on.
    pub active: Option<bool>,
}

/// Why a key cannot be as it is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// Only an admin's key is bound to no client and no agent.
    #[error("a key that is not an admin's is bound to a client or an agent")]
    Unbound,
    /// A key bound to an agent has a scope that agents do not need.
    #[error("a key that is bound to an agent has no scopes but agent:act, agent:read and task:read")]
    NotForAgents,
}

impl Key {
    /// Whether it opens anything at `now`.
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.active && self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    /// Whose things it sees and changes; `None` if it can open nothing, being bound to nobody and not an admin's. An
    /// admin's key may be bound to a client, and sees everything.
    pub fn reach(&self) -> Option<Reach> {
        match (&self.agent, &self.client) {
            _ if self.scopes.is_admin() => Some(Reach::Everything),
            (Some(agent), _) => Some(Reach::Agent(agent.clone())),
            (None, Some(client)) => Some(Reach::Client(client.clone())),
            (None, None) => None,
        }
    }

    /// Whether it can be: bound to somebody, or an admin's.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), Misfit> {
        if self.reach().is_none() {
            Err(Misfit::Unbound)
        } else if self.agent.is_some() && !Scopes::OF_AGENTS.cover(self.scopes) {
            Err(Misfit::NotForAgents)
        } else {
            Ok(())
        }
    }

    /// The key with a change made to it.
    #[must_use]
    pub fn changed(self, change: KeyChange, now: Timestamp) -> Self {
        Self {
            name: change.name.unwrap_or(self.name),
            description: change.description.unwrap_or(self.description),
            scopes: change.scopes.unwrap_or(self.scopes),
            per_minute: change.per_minute.unwrap_or(self.per_minute),
            per_hour: change.per_hour.unwrap_or(self.per_hour),
            active: change.active.unwrap_or(self.active),
            updated_at: now,
            ..self
        }
    }

    /// Until when the secret before a rotation at `now` is good: never longer than the key itself.
    pub fn grace(&self, now: Timestamp, grace: Duration) -> Timestamp {
        let end = now + grace;
        self.expires_at.map_or(end, |expires| expires.min(end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::Scope;

    fn key() -> Key {
        Key {
            id: "key_0123456789abcdef0123456789abcdef".parse().unwrap(),
            name: "k".to_owned(),
            description: None,
            client: Some("c1".parse().unwrap()),
            agent: None,
            scopes: Scopes::NONE.with(Scope::TaskRead),
            per_minute: Some(60),
            per_hour: Some(1000),
            active: true,
            created_at: Timestamp::from_micros(0),
            updated_at: Timestamp::from_micros(0),
            expires_at: None,
            revoked_at: None,
        }
    }

    #[test]
    fn a_key_is_good_until_it_expires_is_switched_off_or_revoked() {
        let at = Timestamp::from_micros;
        let expiring = Key {
            expires_at: Some(at(10)),
            ..key()
        };
        assert!(expiring.is_good(at(9)));
        assert!(!expiring.is_good(at(10)));
        let off = key().changed(
            KeyChange {
                active: Some(false),
                ..KeyChange::default()
            },
            at(3),
        );
        assert!(!off.is_good(at(4)));
        assert_eq!(off.updated_at, at(3));
        let revoked = Key {
            revoked_at: Some(at(5)),
            ..key()
        };
        assert!(!revoked.is_good(at(1)), "for ever, whatever a clock says");
    }

    #[test]
    fn only_an_admin_is_bound_to_nobody() {
        let unbound = Key {
            client: None,
            ..key()
        };
        assert_eq!(unbound.check(), Err(Misfit::Unbound));
        assert_eq!(unbound.reach(), None);
        let admin = Key {
            scopes: Scopes::ADMIN,
            ..unbound
        };
        assert_eq!(admin.check(), Ok(()));
        assert_eq!(admin.reach(), Some(Reach::Everything));
    }

    #[test]
    fn a_key_of_an_agent_does_what_agents_do() {
        let agents = Key {
            agent: Some("a1".parse().unwrap()),
            scopes: Scopes::OF_AGENTS,
            ..key()
        };
        assert_eq!(agents.check(), Ok(()));
        let more = Key {
            scopes: Scopes::OF_AGENTS.with(Scope::TaskWrite),
            ..agents.clone()
        };
        assert_eq!(more.check(), Err(Misfit::NotForAgents));
        let admin = Key {
            scopes: Scopes::ADMIN,
            ..agents
        };
        assert_eq!(admin.check(), Err(Misfit::NotForAgents));
    }

    #[test]
    fn the_secret_before_is_not_good_for_longer_than_the_key() {
        let at = Timestamp::from_micros;
        let expiring = Key {
            expires_at: Some(at(5)),
            ..key()
        };
        assert_eq!(expiring.grace(at(1), Duration::from_micros(2)), at(3));
        assert_eq!(expiring.grace(at(1), Duration::from_micros(9)), at(5));
    }
}
