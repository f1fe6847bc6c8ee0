//! Nonces of signed requests, remembered as long as a signature with them counts, so that each is accepted once.
//!
//! They are kept by the minute of their signature's `created`; a minute is forgotten when no signature of it counts any
//! more. There are [`MOST`] a minute, and [`MOST_OF_ONE`] of one agent: beyond, signed requests are turned away until
//! the next minute, for what is not remembered could be sent again. Only what was signed by an agent gets here.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use ains_core::AgentId;
use sha2::{Digest as _, Sha256};

use super::signature::{LIFE, Terms};

/// Nonces that are kept of one minute: some 10 MB.
const MOST: usize = 240_000;

/// Nonces that are kept of one agent and minute: a thousand requests a second.
const MOST_OF_ONE: usize = 60_000;

/// Seconds that are kept together.
const SPAN: i64 = 60;

/// What is known of a nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Met {
    /// It has not been seen.
    New,
    /// It has been seen: the request was sent again.
    Again,
    /// There are too many to remember it.
    TooMany,
}

/// The nonces of a server.
#[derive(Debug, Default)]
pub(crate) struct Nonces(Mutex<BTreeMap<i64, Minute>>);

#[derive(Debug, Default)]
struct Minute {
    /// Agent and nonce, digested.
    seen: HashSet<[u8; 16]>,
    /// How many there are of each agent.
    of: HashMap<AgentId, usize>,
}

impl Nonces {
    /// Remembers the nonce of a signature that counts at the second `now`.
    pub(crate) fn meet(&self, terms: &Terms, now: i64) -> Met {
        let digest = Sha256::new()
            .chain_update(terms.agent.as_str())
            .chain_update([0])
            .chain_update(&terms.nonce)
            .finalize();
        let nonce: [u8; 16] = digest[..16].try_into().expect("half of 32 bytes");
        let mut minutes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The last second of a minute counts for so long after it.
        let over = (now - LIFE).div_euclid(SPAN);
        *minutes = minutes.split_off(&over);
        if minutes.values().any(|minute| minute.seen.contains(&nonce)) {
            return Met::Again;
        }
        let minute = minutes.entry(terms.created.div_euclid(SPAN)).or_default();
        let of_agent = minute.of.entry(terms.agent.clone()).or_default();
        if *of_agent >= MOST_OF_ONE || minute.seen.len() >= MOST {
            return Met::TooMany;
        }
        *of_agent += 1;
        minute.seen.insert(nonce);
        Met::New
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_767_225_600;

    fn terms(agent: &str, nonce: impl std::fmt::Display, created: i64) -> Terms {
        Terms {
            agent: agent.parse().unwrap(),
            created,
            nonce: nonce.to_string(),
        }
    }

    #[test]
    fn a_nonce_is_new_once_as_long_as_its_signature_counts() {
        let nonces = Nonces::default();
        for created in NOW - LIFE..=NOW + LIFE {
            assert_eq!(
                nonces.meet(&terms("a", created, created), NOW),
                Met::New,
                "{created}"
            );
        }
        for created in NOW - LIFE..=NOW + LIFE {
            for now in [NOW, created + LIFE] {
                let again = nonces.meet(&terms("a", created, created), now.max(NOW));
                assert_eq!(again, Met::Again, "{created} at {now}");
            }
        }
        assert_eq!(
            nonces.meet(&terms("b", NOW + LIFE, NOW + LIFE), NOW + LIFE),
            Met::New,
            "of another"
        );
    }

    #[test]
    fn what_counts_no_more_is_forgotten() {
        let nonces = Nonces::default();
        for later in 0..100 {
            let now = NOW + later * SPAN;
            assert_eq!(
                nonces.meet(&terms("a", "n", now), now + 3 * SPAN * later),
                Met::New
            );
            assert!(nonces.0.lock().unwrap().len() <= 3);
        }
    }

    #[test]
    fn one_agent_does_not_take_the_room_of_the_others() {
        let nonces = Nonces::default();
        for n in 0..MOST_OF_ONE {
            assert_eq!(nonces.meet(&terms("a", n, NOW), NOW), Met::New);
        }
        assert_eq!(nonces.meet(&terms("a", "more", NOW), NOW), Met::TooMany);
        assert_eq!(nonces.meet(&terms("b", "more", NOW), NOW), Met::New);
        assert_eq!(
            nonces.meet(&terms("a", "more", NOW + SPAN), NOW + SPAN),
            Met::New,
            "the next minute"
        );
    }
}
