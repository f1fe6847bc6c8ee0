//! Scopes: what a key may be used for (semantics §9).
//!
//! A scope is `noun:action`, and every route asks for one. `noun:*` stands for all actions of a noun, `admin` for
//! everything.

use std::fmt;
use std::str::FromStr;

macro_rules! scopes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// One thing that a key may be used for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Scope {
            $($(#[$doc])* $name,)*
        }

        impl Scope {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name on the wire and in the store, such as `task:read`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

scopes! {
    /// Reading tasks and how they stand.
    TaskRead = "task:read",
    /// Submitting tasks, changing them, calling them off.
    TaskWrite = "task:write",
    /// Looking agents up.
    AgentRead = "agent:read",
    /// Registering agents, changing and removing them.
    AgentWrite = "agent:write",
    /// Working as an agent: heartbeats, claims, reports.
    AgentAct = "agent:act",
    /// Reading chains.
    ChainRead = "chain:read",
    /// Submitting chains and steering them.
    ChainWrite = "chain:write",
    /// Reading schedules and calendars.
    ScheduleRead = "schedule:read",
    /// Making, changing and steering schedules and calendars.
    ScheduleWrite = "schedule:write",
    /// Reading templates.
    TemplateRead = "template:read",
    /// Making and changing templates.
    TemplateWrite = "template:write",
    /// Reading webhooks and what they were told.
    WebhookRead = "webhook:read",
    /// Registering webhooks and operating them.
    WebhookWrite = "webhook:write",
    /// Looking keys up.
    KeyRead = "key:read",
    /// Making keys, changing and revoking them.
    KeyWrite = "key:write",
    /// Reading figures of the whole server: metrics, sizes of tables.
    StatsRead = "stats:read",
    /// Reading the audit trail.
    AuditRead = "audit:read",
    /// Everything, of every client.
    Admin = "admin",
}

impl AsRef<str> for Scope {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no scope; there are {known}", known = known())]
pub struct UnknownScope(pub String);

fn known() -> String {
    let names: Vec<&str> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
    names.join(", ")
}

/// A set of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u32);

impl Scopes {
    /// None.
    pub const NONE: Self = Self(0);
    /// Only `admin`, which is all of them.
    pub const ADMIN: Self = Self(1 << Scope::Admin as u8);
    /// What a key may have that is bound to an agent: it works as that agent, and sees what that agent works on.
    pub const OF_AGENTS: Self = Self::NONE
        .with(Scope::AgentAct)
        .with(Scope::AgentRead)
        .with(Scope::TaskRead);

    /// These and `scope`.
    #[must_use]
    pub const fn with(self, scope: Scope) -> Self {
        Self(self.0 | 1 << scope as u8)
    }

    /// Whether they allow what asks for `scope`.
    pub const fn allow(self, scope: Scope) -> bool {
        self.is_admin() || self.names(scope)
    }

    /// Whether they allow everything.
    pub const fn is_admin(self) -> bool {
        self.names(Scope::Admin)
    }

    /// Whether whoever has these may give somebody `others`.
    pub const fn cover(self, others: Self) -> bool {
        self.is_admin() || others.0 & !self.0 == 0
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those that are named, in the order of [`Scope::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.iter().copied().filter(move |scope| self.names(*scope))
    }

    /// The set that these words name: scopes, and `noun:*` for all scopes of a noun.
    ///
    /// # Errors
    /// The first word that names none.
    pub fn named<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, UnknownScope> {
        words.into_iter().try_fold(Self::NONE, |known, word| {
            let named = word.parse::<Self>()?;
            Ok(Self(known.0 | named.0))
        })
    }

    const fn names(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u8) != 0
    }
}

impl FromStr for Scopes {
    type Err = UnknownScope;

    /// Reads one word: a scope, or `noun:*`.
    fn from_str(word: &str) -> Result<Self, UnknownScope> {
        let noun = word.strip_suffix('*').filter(|noun| noun.ends_with(':'));
        let is_named = |scope: &&Scope| match noun {
            Some(noun) => scope.as_str().starts_with(noun),
            None => scope.as_str() == word,
        };
        let named = Scope::ALL.iter().filter(is_named);
        match named.fold(Self::NONE, |known, scope| known.with(*scope)) {
            Self::NONE => Err(UnknownScope(word.chars().take(64).collect())),
            named => Ok(named),
        }
    }
}

impl fmt::Display for Scopes {
    /// The names, with a comma between.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, scope) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            f.write_str(scope.as_str())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_the_scopes_of_its_noun() {
        let task = Scopes::NONE.with(Scope::TaskRead).with(Scope::TaskWrite);
        assert_eq!("task:*".parse(), Ok(task));
        let agent: Scopes = "agent:*".parse().unwrap();
        assert!(agent.allow(Scope::AgentAct));
        assert!(!agent.allow(Scope::TaskRead));
        assert_eq!("audit:*".parse(), Ok(Scopes::NONE.with(Scope::AuditRead)));
    }

    #[test]
    fn what_names_no_scope_is_refused() {
        for word in [
            "",
            "*",
            ":*",
            "task",
            "task:",
            "tas:*",
            "task:*:*",
            "TASK:READ",
            "root:*",
            "admin:*",
        ] {
            assert_eq!(
                word.parse::<Scopes>(),
                Err(UnknownScope(word.to_owned())),
                "{word}"
            );
        }
    }

    #[test]
    fn an_admin_may_do_everything_and_nobody_else_what_is_not_named() {
        for scope in Scope::ALL.iter().copied() {
            assert!(Scopes::ADMIN.allow(scope));
            assert!(!Scopes::NONE.allow(scope));
            let only = Scopes::NONE.with(scope);
            for other in Scope::ALL.iter().copied() {
                assert_eq!(only.allow(other), other == scope || scope == Scope::Admin);
            }
        }
    }

    #[test]
    fn nobody_gives_what_they_do_not_have() {
        let own = Scopes::named(["task:*", "key:write"]).unwrap();
        assert!(own.cover(Scopes::NONE.with(Scope::TaskRead)));
        assert!(own.cover(own));
        assert!(!own.cover(own.with(Scope::ChainRead)));
        assert!(!own.cover(Scopes::ADMIN));
        assert!(Scopes::ADMIN.cover(own));
    }

    #[test]
    fn names_are_written_as_they_are_read() {
        let some = Scopes::named(["webhook:*", "admin", "task:read"]).unwrap();
        assert_eq!(some.to_string(), "task:read,webhook:read,webhook:write,admin");
        assert_eq!(Scopes::named(some.to_string().split(',')), Ok(some));
    }
}
