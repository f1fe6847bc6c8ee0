//! What a route asks of whoever calls it.

use actix_web::http::Method;
use ains_core::{Scope, Scopes};
use ains_service::access::Thing;
use ains_service::model::Principal;

/// What a route asks of whoever calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing: not even a key.
    Nothing,
    /// Any key.
    Key,
    /// A key, even while authentication is off.
    KeyAlways,
    /// A key with one of these scopes.
    OneOf(Scopes),
}

impl Need {
    /// Whether a key allows it.
    pub(crate) fn is_met_by(self, principal: &Principal) -> bool {
        match self {
            Self::Nothing | Self::Key | Self::KeyAlways => true,
            Self::OneOf(scopes) => scopes.iter().any(|scope| principal.scopes.allow(scope)),
        }
    }

    /// The scopes, one of which it asks for.
    pub(crate) fn scopes(self) -> Scopes {
        match self {
            Self::OneOf(scopes) => scopes,
            Self::Nothing | Self::Key | Self::KeyAlways => Scopes::NONE,
        }
    }
}

impl From<Scope> for Need {
    fn from(scope: Scope) -> Self {
        Self::OneOf(Scopes::NONE.with(scope))
    }
}

impl<const N: usize> From<[Scope; N]> for Need {
    fn from(scopes: [Scope; N]) -> Self {
        Self::OneOf(scopes.into_iter().fold(Scopes::NONE, Scopes::with))
    }
}

/// What a method of a route does, and what it asks for.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    /// The method.
    pub(crate) method: Method,
    /// What it asks for.
    pub(crate) need: Need,
}

/// What the `{id}` in a path stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Noun {
    /// A task.
    Task,
    /// A task that an agent reports on: whether it holds it, the report finds out.
    HeldTask,
    /// A chain.
    Chain,
    /// A schedule.
    Schedule,
    /// A calendar.
    Calendar,
    /// A template.
    Template,
    /// A webhook.
    Webhook,
    /// A delivery to a webhook.
    Delivery,
    /// An API key.
    Key,
    /// An agent.
    Agent,
    /// Nothing that belongs to anybody.
    Plain,
}

impl Noun {
    /// The thing that an id in a path names; `None` if there can be none of that name, or it belongs to nobody.
    pub(crate) fn thing(self, id: &str) -> Option<Thing> {
        match self {
            Self::Task => id.parse().ok().map(Thing::Task),
            Self::Chain => id.parse().ok().map(Thing::Chain),
            Self::Schedule => id.parse().ok().map(Thing::Schedule),
            Self::Calendar => id.parse().ok().map(Thing::Calendar),
            Self::Template => id.parse().ok().map(Thing::Template),
            Self::Webhook => id.parse().ok().map(Thing::Webhook),
            Self::Delivery => id.parse().ok().map(Thing::Delivery),
            Self::Key => id.parse().ok().map(Thing::Key),
            Self::Agent => id.parse().ok().map(Thing::Agent),
            Self::HeldTask | Self::Plain => None,
        }
    }
}
