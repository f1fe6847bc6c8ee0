//! Chance: one seeded stream for each purpose, so that an extra draw in one never shifts another.

use std::sync::{Mutex, MutexGuard, PoisonError};

use ains_core::webhook::Secret;
use ains_core::{Mint, Timestamp};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _, TryRng as _};

/// The streams of one server.
#[derive(Debug)]
pub(crate) struct Entropy {
    ids: Mutex<(Mint, StdRng)>,
    jitter: Mutex<StdRng>,
    secrets: Mutex<StdRng>,
    routing: Mutex<StdRng>,
}

impl Entropy {
    /// Streams from `seed`, or from the operating system.
    pub(crate) fn new(seed: Option<u64>) -> Self {
        let stream = |purpose: u64| {
            Mutex::new(match seed {
                Some(seed) => StdRng::seed_from_u64(seed.wrapping_add(purpose)),
                None => StdRng::try_from_rng(&mut rand::rngs::SysRng).expect("the system has random numbers"),
            })
        };
        let ids = stream(1).into_inner().unwrap_or_else(PoisonError::into_inner);
        Self {
            ids: Mutex::new((Mint::default(), ids)),
            jitter: stream(2),
            routing: stream(3),
            secrets: stream(4),
        }
    }

    /// Mints ids within `make`.
    pub(crate) fn mint<T>(&self, make: impl FnOnce(&mut Mint, &mut StdRng) -> T) -> T {
        let (mint, rng) = &mut *self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        make(mint, rng)
    }

    /// An id of `at`, whatever has been minted before: larger than those of earlier instants, and smaller than those
    /// of later ones, also where other servers mint them.
    pub(crate) fn mint_at<T>(
        &self,
        at: Timestamp,
        make: impl FnOnce(&mut Mint, Timestamp, &mut StdRng) -> T,
    ) -> T {
        self.mint(|_, rng| make(&mut Mint::default(), at, rng))
    }

    /// A number in -1.0..=1.0.
    pub(crate) fn jitter(&self) -> f64 {
        self.jitter
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .random_range(-1.0..=1.0)
    }

    /// A new secret of a webhook.
    pub(crate) fn secret(&self) -> Secret {
        let mut rng = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        Secret::mint(&mut *rng)
    }

    /// The stream of the routing strategies.
    pub(crate) fn routing(&self) -> MutexGuard<'_, StdRng> {
        self.routing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A text that no other process makes, whatever the seed.
pub(crate) fn unique() -> String {
    let mut bytes = [0_u8; 16];
    rand::rngs::SysRng
        .try_fill_bytes(&mut bytes)
        .expect("the system has random numbers");
    hex::encode(bytes)
}

/// Mints an id of a kind.
macro_rules! mint {
    ($entropy:expr, $kind:ty, $now:expr) => {
        $entropy.mint(|mint, rng| <$kind>::mint(mint, $now, rng))
    };
}
pub(crate) use mint;
