//! Reach: whose things a caller sees and changes (semantics §9).

use crate::ids::{AgentId, ClientId};

/// Whose things a caller sees and changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Everybody's: an admin, or anybody while authentication is off.
    Everything,
    /// Only those of one client.
    Client(ClientId),
    /// Only the tasks that one agent holds or held, and the agent itself.
    Agent(AgentId),
}

impl Reach {
    /// Whether things of `owner` are within it.
    pub fn covers(&self, owner: &ClientId) -> bool {
        match self {
            Self::Everything => true,
            Self::Client(own) => own == owner,
            Self::Agent(_) => false,
        }
    }

    /// The client whose things alone are within it.
    pub fn client(&self) -> Option<&ClientId> {
        match self {
            Self::Client(client) => Some(client),
            _ => None,
        }
    }

    /// The agent whose tasks alone are within it.
    pub fn agent(&self) -> Option<&AgentId> {
        match self {
            Self::Agent(agent) => Some(agent),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_reaches_its_own_an_agent_nobodys() {
        let (a, b): (ClientId, ClientId) = ("a".parse().unwrap(), "b".parse().unwrap());
        assert!(Reach::Everything.covers(&a));
        assert!(Reach::Client(a.clone()).covers(&a));
        assert!(!Reach::Client(a.clone()).covers(&b));
        assert!(!Reach::Agent("a".parse().unwrap()).covers(&a));
    }
}
