//! The id of a request: the caller's, if it has a usable one, or one of ours.

use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use ains_core::Timestamp;

/// The header that carries it, in and out.
pub(crate) static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id that is taken over from a caller.
const LONGEST: usize = 128;

/// The id of a request, for what handlers do with it.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) HeaderValue);

/// Mints ids that do not repeat within one process, and hardly between two.
#[derive(Debug)]
pub(crate) struct Ids {
    seed: u64,
    next: AtomicU64,
}

impl Ids {
    /// Ids that follow from `seed`, which should differ from one start of the server to the next.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            next: AtomicU64::new(0),
        }
    }

    /// Sixty-four bits that this process has not used before.
    fn next(&self) -> u64 {
        let count = self.next.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        // splitmix64, a bijection: https://prng.di.unimi.it/splitmix64.c
        let mut mixed = self.seed.wrapping_add(count.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// An id that names one batch in logs: `batch_` and a UUIDv7 (RFC 9562) of this instant.
    pub(crate) fn batch(&self, now: Timestamp) -> String {
        let millis = now.as_micros().div_euclid(1000) & 0xffff_ffff_ffff;
        format!(
            "batch_{millis:012x}7{:03x}{:016x}",
            self.next() >> 52,
            (self.next() >> 2) | (0b10 << 62)
        )
    }

    /// The id of a request with these headers.
    pub(crate) fn of(&self, headers: &HeaderMap) -> HeaderValue {
        match headers.get(&X_REQUEST_ID) {
            Some(sent) if is_usable(sent.as_bytes()) => sent.clone(),
            _ => {
                let mut digits = [0; 16];
                hex::encode_to_slice(self.next().to_be_bytes(), &mut digits).expect("8 bytes are 16 digits");
                HeaderValue::from_bytes(&digits).expect("digits are visible")
            }
        }
    }
}

/// Whether an id that was sent is short and printable.
fn is_usable(id: &[u8]) -> bool {
    (1..=LONGEST).contains(&id.len()) && id.iter().all(|byte| (b' '..=b'~').contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(id: &[u8]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(X_REQUEST_ID.clone(), HeaderValue::from_bytes(id).unwrap());
        headers
    }

    #[test]
    fn a_usable_id_is_taken_over() {
        let ids = Ids::new(1);
        assert_eq!(ids.of(&headers(b"abc-123")), "abc-123");
        for id in [&b""[..], &[b'x'; 129], b"t\tab", "\u{e4}".as_bytes()] {
            assert_eq!(ids.of(&headers(id)).len(), 16, "{id:?}");
        }
    }

    #[test]
    fn the_id_of_a_batch_has_the_form_of_one() {
        let id = Ids::new(3).batch(Timestamp::from_micros(1_700_000_000_123_456));
        assert!(id.parse::<ains_core::BatchId>().is_ok(), "{id}");
        assert!(id.starts_with("batch_018bcfe5687b7"), "{id}");
    }

    #[test]
    fn minted_ids_differ() {
        let ids = Ids::new(1);
        let mut minted: Vec<_> = (0..10_000).map(|_| ids.next()).collect();
        minted.sort_unstable();
        minted.dedup();
        assert_eq!(minted.len(), 10_000);
        assert_ne!(Ids::new(2).next(), Ids::new(1).next());
    }
}
