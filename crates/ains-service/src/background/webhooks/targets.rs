//! How many attempts are made on one target at the same time.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::AT_ONCE;

/// Targets that are remembered while nothing is sent to them.
const REMEMBERED: usize = 4096;

/// The targets that attempts are made on, by host and port.
#[derive(Debug, Default)]
pub(super) struct Targets(Mutex<HashMap<String, Arc<Target>>>);

#[derive(Debug)]
pub(super) struct Target {
    places: Arc<Semaphore>,
    /// The only place while it does not answer.
    last: Arc<Semaphore>,
    silent: AtomicBool,
}

/// Leave to make an attempt.
#[derive(Debug)]
pub(super) struct Leave {
    _place: OwnedSemaphorePermit,
    _last: Option<OwnedSemaphorePermit>,
}

impl Targets {
    pub(super) fn get(&self, name: String) -> Arc<Target> {
        let mut targets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if targets.len() >= REMEMBERED && !targets.contains_key(&name) {
            targets.retain(|_, target| Arc::strong_count(target) > 1);
        }
        Arc::clone(targets.entry(name).or_insert_with(|| {
            Arc::new(Target {
                places: Arc::new(Semaphore::new(AT_ONCE)),
                last: Arc::new(Semaphore::new(1)),
                silent: AtomicBool::new(false),
            })
        }))
    }
}

impl Target {
    /// Waits for leave to make an attempt; `None` never happens, for the semaphores stay open.
    pub(super) async fn leave(&self) -> Option<Leave> {
        let place = Arc::clone(&self.places).acquire_owned().await.ok()?;
        let last = if self.silent.load(Ordering::Relaxed) {
            Some(Arc::clone(&self.last).acquire_owned().await.ok()?)
        } else {
            None
        };
        Some(Leave {
            _place: place,
            _last: last,
        })
    }

    /// Whether it did not answer the last time.
    pub(super) fn is_silent(&self) -> bool {
        self.silent.load(Ordering::Relaxed)
    }

    /// Takes note of whether it answered at all.
    pub(super) fn note(&self, answered: bool) {
        self.silent.store(!answered, Ordering::Relaxed);
    }
}
