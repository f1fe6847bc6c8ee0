//! What the audit log tells: what was done to the service, or refused, by whom and from where.

use std::fmt;
use std::str::FromStr;

use crate::ids::{AuditId, spread};
use crate::time::Timestamp;

/// A word that is no type of entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a type of audit entry")]
pub struct UnknownAuditEvent(String);

macro_rules! audit_events {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// A type of entry.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum AuditEvent {
            $($(#[$doc])* $name,)*
        }

        impl AuditEvent {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name on the wire and in the store, such as `auth_failed`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

audit_events! {
    /// A key was made.
    ApiKeyCreated = "api_key_created",
    /// What a key may do was changed.
    ApiKeyUpdated = "api_key_updated",
    /// A key counts no more.
    ApiKeyRevoked = "api_key_revoked",
    /// A key has a new secret.
    ApiKeyRotated = "api_key_rotated",
    /// Requests came without a key where one is needed, or with one that does not count.
    AuthFailed = "auth_failed",
    /// Requests were more than are allowed.
    RateLimitExceeded = "rate_limit_exceeded",
    /// Requests were known whom they were from, and refused.
    AccessDenied = "access_denied",
    /// An agent's trust was moved by hand.
    TrustAdjusted = "trust_adjusted",
    /// Something was removed.
    ResourceDeleted = "resource_deleted",
    /// An agent has another key.
    AgentKeyRotated = "agent_key_rotated",
    /// A clean-up was asked for.
    MaintenanceRun = "maintenance_run",
}

impl fmt::Display for AuditEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for AuditEvent {
    type Err = UnknownAuditEvent;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.iter().find(|event| event.as_str() == text);
        known.copied().ok_or_else(|| UnknownAuditEvent(text.to_owned()))
    }
}

/// Microseconds of a minute.
const MINUTE: i64 = 60_000_000;

/// The beginning of the minute of an instant: what is refused within one, to the same caller and for the same reason,
/// is one entry.
pub fn minute_of(instant: Timestamp) -> Timestamp {
    Timestamp::from_micros(instant.as_micros().div_euclid(MINUTE) * MINUTE)
}

impl AuditId {
    /// The id of the entry that counts what was refused to `whom` within the minute that begins at `minute`: the same on
    /// every server, so that all add to one entry.
    pub fn of(event: AuditEvent, whom: &str, minute: Timestamp) -> Self {
        let parts = event.as_str().bytes().chain([0]).chain(whom.bytes());
        Self::at(minute, spread(parts.chain(minute.as_micros().to_le_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_read_back() {
        for event in AuditEvent::ALL {
            assert_eq!(event.as_str().parse(), Ok(*event));
        }
        assert!("auth_Failed".parse::<AuditEvent>().is_err());
    }

    #[test]
    fn an_entry_is_of_one_type_caller_and_minute() {
        let minute = minute_of(Timestamp::from_micros(1_767_225_659_999_999));
        assert_eq!(minute, Timestamp::from_micros(1_767_225_600_000_000));
        let id = AuditId::of(AuditEvent::AuthFailed, "192.0.2.1", minute);
        assert_eq!(id, AuditId::of(AuditEvent::AuthFailed, "192.0.2.1", minute));
        let next = Timestamp::from_micros(minute.as_micros() + MINUTE);
        for other in [
            AuditId::of(AuditEvent::AccessDenied, "192.0.2.1", minute),
            AuditId::of(AuditEvent::AuthFailed, "192.0.2.2", minute),
            AuditId::of(AuditEvent::AuthFailed, "192.0.2.1", next),
        ] {
            assert_ne!(id, other);
        }
        assert!(
            AuditId::first_at(minute) <= id && id < AuditId::first_at(next),
            "in order of time"
        );
        assert_eq!(id.to_string().parse(), Ok(id));
    }
}
