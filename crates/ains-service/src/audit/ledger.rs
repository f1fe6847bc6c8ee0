//! What was refused, counted in memory until it is written.
//!
//! There is one tally for each type, caller and minute: whoever asks a million times has one. A new tally is written at
//! the next look, which comes within [`SOON`]; what is added to it later, every few looks and at a clean stop. Tallies are
//! at most [`MOST`] callers and a few for all others together, so that somebody who asks from everywhere fills neither
//! memory nor the table.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ains_core::audit::minute_of;
use ains_core::{AgentId, AuditEvent, AuditId, ClientId, KeyId, Timestamp};
use ains_store::audit::AuditEntry;

/// How often it is looked for what was refused for the first time.
pub(crate) const SOON: Duration = Duration::from_millis(500);

/// Callers that are told apart.
const MOST: usize = 1024;

/// Tallies beyond [`MOST`], of all other callers together: while the database is away, several minutes wait.
const SPARE: usize = 64;

/// The address of callers that are not told apart.
const MANY: &str = "many";

/// Longest reason that is kept, in bytes.
const LONGEST_REASON: usize = 200;

/// A request that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why: [`AuditEvent::AuthFailed`], [`AuditEvent::AccessDenied`] or [`AuditEvent::RateLimitExceeded`].
    pub event: AuditEvent,
    /// The key that it was asked with.
    pub key: Option<KeyId>,
    /// The client that the key is bound to.
    pub client: Option<ClientId>,
    /// The agent that asked.
    pub agent: Option<AgentId>,
    /// Where it came from.
    pub address: Option<String>,
    /// What was asked for: method and route, without what the caller has put into it.
    pub action: String,
    /// What was answered.
    pub reason: String,
}

/// What is told apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Place {
    event: AuditEvent,
    /// The key, or else the agent, or else the address.
    whom: String,
    minute: Timestamp,
}

/// What is known of one place.
#[derive(Debug)]
struct Tally {
    first: Refusal,
    last_action: String,
    last_at: Timestamp,
    /// How many have not been written yet.
    pending: i64,
    /// Whether some have been.
    written: bool,
}

/// What a server refused.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<HashMap<Place, Tally>>);

impl Ledger {
    /// Counts a refusal.
    pub(crate) fn count(&self, mut refusal: Refusal, now: Timestamp) {
        let minute = minute_of(now);
        let mut place = Place {
            event: refusal.event,
            whom: whom(&refusal),
            minute,
        };
        let mut tallies = self.lock();
        if tallies.len() >= MOST && !tallies.contains_key(&place) {
            MANY.clone_into(&mut place.whom);
            if tallies.len() >= MOST + SPARE && !tallies.contains_key(&place) {
                return;
            }
            (refusal.key, refusal.client, refusal.agent) = (None, None, None);
            refusal.address = Some(MANY.to_owned());
        }
        if let Some(tally) = tallies.get_mut(&place) {
            tally.pending += 1;
            tally.last_at = now;
            if tally.last_action != refusal.action {
                tally.last_action = refusal.action;
            }
            return;
        }
        let end = refusal.reason.floor_char_boundary(LONGEST_REASON);
        refusal.reason.truncate(end);
        let tally = Tally {
            last_action: refusal.action.clone(),
            first: refusal,
            last_at: now,
            pending: 1,
            written: false,
        };
        tallies.insert(place, tally);
    }

    /// Takes what has not been written: of new tallies, or with `everything` of all. What is over is forgotten.
    pub(crate) fn take(&self, everything: bool, now: Timestamp) -> Vec<AuditEntry> {
        let mut tallies = self.lock();
        if tallies.is_empty() {
            return Vec::new();
        }
        let waiting = tallies
            .iter_mut()
            .filter(|(_, tally)| tally.pending > 0 && (everything || !tally.written));
        let entries = waiting.map(|(place, tally)| {
            let entry = entry(place, tally);
            tally.pending = 0;
            tally.written = true;
            entry
        });
        let entries = entries.collect();
        let minute = minute_of(now);
        tallies.retain(|place, tally| tally.pending > 0 || place.minute >= minute);
        entries
    }

    /// Takes back what could not be written.
    pub(crate) fn give_back(&self, entries: &[AuditEntry]) {
        let mut tallies = self.lock();
        for entry in entries {
            let refusal = Refusal {
                event: entry.event,
                key: entry.key,
                client: entry.client.clone(),
                agent: entry.agent.clone(),
                address: entry.address.clone(),
                action: entry.action.clone(),
                reason: entry.error.clone().unwrap_or_default(),
            };
            let place = Place {
                event: entry.event,
                whom: whom(&refusal),
                minute: entry.created_at,
            };
            if tallies.len() >= MOST + SPARE && !tallies.contains_key(&place) {
                continue;
            }
            let tally = tallies.entry(place).or_insert_with(|| Tally {
                last_action: entry.last_action.clone().unwrap_or_default(),
                first: refusal,
                last_at: entry.last_at,
                pending: 0,
                written: false,
            });
            tally.pending += entry.count;
            tally.written = false;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Place, Tally>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn whom(refusal: &Refusal) -> String {
    match refusal {
        Refusal { key: Some(key), .. } => key.to_string(),
        Refusal {
            agent: Some(agent), ..
        } => format!("agent:{agent}"),
        Refusal { address, .. } => address.clone().unwrap_or_default(),
    }
}

/// The row of a tally, with what is to be added to it.
fn entry(place: &Place, tally: &Tally) -> AuditEntry {
    let Tally {
        first,
        last_action,
        last_at,
        pending,
        ..
    } = tally;
    AuditEntry {
        id: AuditId::of(place.event, &place.whom, place.minute),
        event: place.event,
        action: first.action.clone(),
        last_action: Some(last_action.clone()),
        client: first.client.clone(),
        key: first.key,
        agent: first.agent.clone(),
        resource: None,
        success: false,
        error: Some(first.reason.clone()),
        metadata: "{}".into(),
        address: first.address.clone(),
        request: None,
        count: *pending,
        created_at: place.minute,
        last_at: *last_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-01T00:00:00Z.
    const NOON: i64 = 1_767_225_600_000_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(NOON + seconds * 1_000_000)
    }

    fn from(address: &str, action: &str) -> Refusal {
        Refusal {
            event: AuditEvent::AuthFailed,
            key: None,
            client: None,
            agent: None,
            address: Some(address.to_owned()),
            action: action.to_owned(),
            reason: "Invalid API key".to_owned(),
        }
    }

    #[test]
    fn a_million_requests_are_one_entry() {
        let ledger = Ledger::default();
        for _ in 0..1_000_000 {
            ledger.count(from("192.0.2.1", "GET /ains/tasks"), at(1));
        }
        ledger.count(from("192.0.2.1", "POST /ains/tasks"), at(2));
        let entries = ledger.take(false, at(2));
        let [entry] = entries.as_slice() else {
            panic!("{entries:?}");
        };
        assert_eq!(entry.count, 1_000_001);
        assert_eq!(entry.action, "GET /ains/tasks");
        assert_eq!(entry.last_action.as_deref(), Some("POST /ains/tasks"));
        assert_eq!((entry.created_at, entry.last_at), (at(0), at(2)));
        assert!(!entry.success);
    }

    #[test]
    fn the_first_is_taken_at_once_and_the_rest_with_everything() {
        let ledger = Ledger::default();
        let count = |second| ledger.count(from("a", "GET /"), at(second));
        let take = |everything, second| -> Vec<i64> {
            let entries = ledger.take(everything, at(second));
            entries.iter().map(|entry| entry.count).collect()
        };
        count(1);
        assert_eq!(take(false, 1), [1]);
        count(2);
        count(3);
        assert_eq!(take(false, 3), [0; 0]);
        assert_eq!(take(true, 3), [2]);
        assert_eq!(take(true, 3), [0; 0]);
        // Another minute is another entry, and what waits of the last is not forgotten.
        count(59);
        count(60);
        assert_eq!(take(false, 60), [1]);
        assert_eq!(take(true, 60), [1]);
        assert_eq!(ledger.lock().len(), 1, "the minute before is over");
    }

    #[test]
    fn callers_are_told_apart_up_to_a_bound() {
        let ledger = Ledger::default();
        for n in 0..100_000 {
            ledger.count(from(&n.to_string(), "GET /"), at(0));
        }
        let entries = ledger.take(true, at(0));
        assert_eq!(entries.len(), MOST + 1);
        let many: Vec<_> = entries
            .iter()
            .filter(|entry| entry.address.as_deref() == Some(MANY))
            .collect();
        assert_eq!(many.len(), 1);
        let counted: i64 = entries.iter().map(|entry| entry.count).sum();
        assert_eq!(counted, 100_000);
        // While the database is away there is a bound as well.
        for minute in 0..1000 {
            ledger.count(from("a", "GET /"), at(60 * minute));
        }
        assert!(ledger.lock().len() <= MOST + SPARE);
    }

    #[test]
    fn what_could_not_be_written_is_counted_again() {
        let ledger = Ledger::default();
        for second in 0..3 {
            ledger.count(from("a", "GET /"), at(second));
        }
        let taken = ledger.take(false, at(3));
        ledger.count(from("a", "PUT /"), at(4));
        ledger.give_back(&taken);
        let again = ledger.take(false, at(5));
        assert_eq!(again.len(), 1);
        assert_eq!((again[0].count, again[0].id), (4, taken[0].id));
        assert_eq!(again[0].last_action.as_deref(), Some("PUT /"));
    }
}
