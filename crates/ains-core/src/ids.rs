//! Identifiers: those the server mints (time-ordered) and those callers choose (checked text).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use rand_core::Rng;
use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// A text that is not an identifier of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {kind}")]
pub struct InvalidId {
    /// What was expected, with its article: `a task id`.
    pub kind: &'static str,
    /// The text that was given.
    pub text: String,
}

/// Mints strictly increasing UUIDv7 values: 48 bits of milliseconds, 12 bits of the fraction
/// of the millisecond (RFC 9562, method 3), 62 random bits.
///
/// Ids of one mint never go back, even when its clock does, so inserts append to an index and
/// a list ordered by id is ordered by creation.
#[derive(Debug, Default)]
pub struct Mint {
    /// The last time part used: milliseconds shifted by 12, plus the fraction.
    last: u64,
}

impl Mint {
    /// The next value at `now`, larger than every earlier one of this mint.
    pub fn next<R: Rng + ?Sized>(&mut self, now: Timestamp, rng: &mut R) -> u128 {
        self.last = time_part(now).max(self.last + 1) & LAST_TIME_PART;
        uuid(self.last, rng.next_u64() >> 2)
    }
}

/// The largest time part: 48 bits of milliseconds, 12 bits of the fraction.
const LAST_TIME_PART: u64 = (1 << 60) - 1;

/// Milliseconds shifted by 12, plus the fraction; the same for all instants before 1970, and for
/// all after the year 10,889.
fn time_part(instant: Timestamp) -> u64 {
    let micros = u64::try_from(instant.as_micros()).unwrap_or(0);
    let millis = micros / 1000;
    if millis > LAST_TIME_PART >> 12 {
        return LAST_TIME_PART;
    }
    (millis << 12) | ((micros % 1000) * 4096 / 1000)
}

fn uuid(time_part: u64, random: u64) -> u128 {
    let (millis, fraction) = (u128::from(time_part >> 12), u128::from(time_part & 0xfff));
    (millis << 80) | (0x7 << 76) | (fraction << 64) | (0b10 << 62) | u128::from(random)
}

macro_rules! minted {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal, $kind:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name(u128);

        impl $name {
            /// Mints the next id of this kind.
            pub fn mint<R: Rng + ?Sized>(mint: &mut Mint, now: Timestamp, rng: &mut R) -> Self {
                Self(mint.next(now, rng))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{:032x}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.strip_prefix($prefix)
                    .and_then(unhex)
                    .map(Self)
                    .ok_or_else(|| InvalidId { kind: $kind, text: text.chars().take(64).collect() })
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    )+};
}

/// The value of 32 lower hex digits.
fn unhex(digits: &str) -> Option<u128> {
    let lower = digits
        .bytes()
        .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    (digits.len() == 32 && lower)
        .then(|| u128::from_str_radix(digits, 16).ok())
        .flatten()
}

minted! {
    /// A task: `task_` and 32 lower hex digits.
    TaskId = "task_", "a task id";
    /// A batch of tasks submitted together: `batch_` and 32 lower hex digits.
    BatchId = "batch_", "a batch id";
    /// Tasks submitted together as one dependency graph: `graph_` and 32 lower hex digits.
    GraphId = "graph_", "a graph id";
    /// A chain of tasks: `chain_` and 32 lower hex digits.
    ChainId = "chain_", "a chain id";
    /// A published capability: `cap_` and 32 lower hex digits.
    CapabilityId = "cap_", "a capability id";
    /// A recorded change of trust: `trust_` and 32 lower hex digits.
    TrustRecordId = "trust_", "a trust record id";
    /// A calendar: `cal_` and 32 lower hex digits.
    CalendarId = "cal_", "a calendar id";
    /// A schedule: `sched_` and 32 lower hex digits.
    ScheduleId = "sched_", "a schedule id";
    /// A template of tasks: `tmpl_` and 32 lower hex digits.
    TemplateId = "tmpl_", "a template id";
    /// The record of a slot of a schedule: `slot_` and 32 lower hex digits.
    SlotId = "slot_", "a slot id";
    /// A webhook: `webhook_` and 32 lower hex digits.
    WebhookId = "webhook_", "a webhook id";
    /// A delivery to a webhook: `delivery_` and 32 lower hex digits.
    DeliveryId = "delivery_", "a delivery id";
    /// An entry of the audit log: `audit_` and 32 lower hex digits.
    AuditId = "audit_", "an audit id";
    /// An API key: `key_` and 32 lower hex digits.
    KeyId = "key_", "a key id";
}

impl SlotId {
    /// The id of the record of a slot: the same however often it is recorded, and by whichever server.
    pub fn of(schedule: ScheduleId, slot_at: Timestamp) -> Self {
        let bytes = schedule
            .0
            .to_le_bytes()
            .into_iter()
            .chain(slot_at.as_micros().to_le_bytes());
        Self(uuid(time_part(slot_at), spread(bytes) >> 2))
    }
}

/// 64 even bits of some bytes: FNV-1a, then the finalizer of `SplitMix64`, since FNV alone leaves neighbours close
/// together.
pub(crate) fn spread(bytes: impl Iterator<Item = u8>) -> u64 {
    let mut hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

impl AuditId {
    /// The smallest id of `instant`.
    pub fn first_at(instant: Timestamp) -> Self {
        Self(uuid(time_part(instant), 0))
    }

    /// An id of `instant` that these bits tell from others.
    pub(crate) fn at(instant: Timestamp, bits: u64) -> Self {
        Self(uuid(time_part(instant), bits >> 2))
    }
}

impl TaskId {
    /// The smallest id that a mint gives at `instant`. Ids minted at an earlier instant are smaller,
    /// unless the mint was ahead of its clock: because that had gone back, or because more than four
    /// ids a microsecond were wanted of it.
    pub fn first_at(instant: Timestamp) -> Self {
        Self(uuid(time_part(instant), 0))
    }
}

macro_rules! chosen {
    ($($(#[$doc:meta])* $name:ident, $kind:literal, $check:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let valid: fn(&str) -> bool = $check;
                if valid(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(InvalidId { kind: $kind, text: text.chars().take(64).collect() })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.as_ref().to_owned()
            }
        }
    )+};
}

/// Longest name anywhere, in characters (semantics §9).
pub const MAX_NAME: usize = 255;

/// Whether `text` is a name: 1 to [`MAX_NAME`] characters, none of them a control character.
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= MAX_NAME && !text.chars().any(char::is_control)
}

fn is_agent_id(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text != "leaderboard"
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._:@-".contains(&byte))
}

chosen! {
    /// An agent, as it calls itself: `[A-Za-z0-9._:@-]{1,128}`, but not `leaderboard`,
    /// which is a path of the API.
    AgentId, "an agent id ([A-Za-z0-9._:@-], 1 to 128 characters, not `leaderboard`)", is_agent_id;
    /// Whoever submits tasks: a name.
    ClientId, "a client id (1 to 255 characters, no control characters)", is_name;
    /// A capability, a task type or a tag: a name.
    Name, "a name (1 to 255 characters, no control characters)", is_name;
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn minted_ids_grow_even_when_the_clock_goes_back() {
        let mut rng = rand::rngs::StdRng::seed_from_u64(1);
        let mut mint = Mint::default();
        let instants = [5_000_000, 5_000_000, 4_000_000, 5_000_001, 6_000_000];
        let ids = instants.map(|at| TaskId::mint(&mut mint, Timestamp::from_micros(at), &mut rng));
        assert!(
            ids.is_sorted() && ids.windows(2).all(|pair| pair[0] != pair[1]),
            "{ids:?}"
        );
    }

    #[test]
    fn a_minted_id_is_a_uuid_of_version_7_and_reads_back() {
        let mut rng = rand::rngs::StdRng::seed_from_u64(2);
        let at = Timestamp::from_micros(1_700_000_000_123_456);
        let id = TaskId::mint(&mut Mint::default(), at, &mut rng);
        let text = id.to_string();
        assert_eq!(text.len(), 37);
        assert_eq!(
            &text[5..17],
            format!("{:012x}", 1_700_000_000_123_u64),
            "milliseconds first"
        );
        assert_eq!(&text[17..18], "7", "version");
        assert!(matches!(&text[21..22], "8" | "9" | "a" | "b"), "variant");
        assert_eq!(text.parse::<TaskId>(), Ok(id));
    }

    #[test]
    fn the_first_id_of_an_instant_stands_between_those_before_and_those_from_then_on() {
        let mut rng = rand::rngs::StdRng::seed_from_u64(3);
        let instants = [
            0,
            1,
            999,
            1_000,
            1_700_000_000_123_456,
            1_700_000_000_123_457,
            (1 << 48) * 1_000,
        ];
        for micros in instants {
            let first = TaskId::first_at(Timestamp::from_micros(micros));
            let mut mint =
                |micros| TaskId::mint(&mut Mint::default(), Timestamp::from_micros(micros), &mut rng);
            assert!(micros == 0 || mint(micros - 1) < first, "{micros}");
            assert!(first <= mint(micros), "{micros}");
            assert_eq!(first.to_string().parse(), Ok(first));
        }
        let last = TaskId::first_at(Timestamp::from_micros(i64::MAX));
        assert_eq!(&last.to_string()[..17], "task_ffffffffffff");
        assert_eq!(
            TaskId::first_at(Timestamp::from_micros(-5)),
            TaskId::first_at(Timestamp::from_micros(0))
        );
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        for text in ["", "task_", "task_0123", "chain_00000000000000000000000000000000"] {
            assert!(text.parse::<TaskId>().is_err(), "{text}");
        }
        assert!("task_0000000000000000000000000000000G".parse::<TaskId>().is_err());
        assert!("task_ABCDEF00000000000000000000000000".parse::<TaskId>().is_err());
        for text in ["", "a b", "leaderboard", "ä", "a/b", &"x".repeat(129)] {
            assert!(text.parse::<AgentId>().is_err(), "{text}");
        }
        for text in ["", "a\0b", "a\nb", &"x".repeat(256)] {
            assert!(text.parse::<ClientId>().is_err(), "{text}");
        }
    }
}
