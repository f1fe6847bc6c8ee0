//! What keys are used for: how many requests they made, by hours, and when they were last used.
//!
//! It is counted in memory and written once a minute, and when the service stops. A server that is killed loses what it
//! counted since.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ains_core::rate::Period;
use ains_core::{KeyId, Timestamp};
use ains_store::usage::Uses;
use ains_store::{Backend, Conn, StoreError, keys, usage};

use crate::ains::Ains;
use crate::error::Error;

/// How often it is written.
pub(crate) const INTERVAL: Duration = Duration::from_mins(1);

/// How long it is kept.
pub(crate) const KEPT: Duration = Duration::from_hours(30 * 24);

/// Hours of keys that one transaction writes.
const PIECE: usize = 500;

/// What was counted and is not written yet.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    counted: Mutex<HashMap<KeyId, Used>>,
    /// Held while it is written, and while it is read.
    writing: tokio::sync::Mutex<()>,
}

/// How a key was used.
#[derive(Debug, Clone, Default)]
struct Used {
    /// Hours, by when they began, and the requests in them; rarely more than one.
    hours: Vec<(Timestamp, u64)>,
    last: Timestamp,
}

/// How many requests a key made, by the hour.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyUsage {
    /// The hours in which there were any, by when they began.
    pub hours: BTreeMap<Timestamp, u64>,
    /// When this server last saw it, if that is not written yet.
    pub seen_at: Option<Timestamp>,
}

impl KeyUsage {
    /// How many there were in all.
    pub fn total(&self) -> u64 {
        self.hours.values().sum()
    }
}

impl Usage {
    /// Counts a request of `key`.
    pub(crate) fn count(&self, key: KeyId, now: Timestamp) {
        self.add(key, Period::Hour.window(now), 1, now);
    }

    fn add(&self, key: KeyId, hour: Timestamp, requests: u64, last: Timestamp) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let used = counted.entry(key).or_default();
        match used.hours.iter_mut().find(|(known, _)| *known == hour) {
            Some((_, count)) => *count += requests,
            None => used.hours.push((hour, requests)),
        }
        used.last = used.last.max(last);
    }

    /// What is not written yet of `key`.
    fn of(&self, key: KeyId) -> Option<Used> {
        let counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        counted.get(&key).cloned()
    }

    /// Takes out all that was counted, in the order of the keys.
    fn take(&self) -> Vec<(KeyId, Used)> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken: Vec<(KeyId, Used)> = counted.drain().collect();
        taken.sort_unstable_by_key(|(key, _)| *key);
        taken
    }
}

impl Ains {
    /// What `key` was used for in the last `hours` hours, the present one among them; what other servers counted may be a
    /// minute late.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn usage(&self, key: KeyId, hours: u32) -> Result<KeyUsage, Error> {
        let _writing = self.inner.usage.writing.lock().await;
        let length = Duration::from_hours(hours.saturating_sub(1).into());
        let from = Period::Hour.window(self.now()) - length;
        let stored = self.read(move |conn| usage::of(conn, key, from)).await?;
        let counted = self.inner.usage.of(key);
        let mut found = KeyUsage {
            seen_at: counted.as_ref().map(|used| used.last),
            ..KeyUsage::default()
        };
        let counted = counted.map(|used| used.hours).unwrap_or_default();
        for (hour, requests) in stored.into_iter().chain(counted) {
            if hour >= from {
                *found.hours.entry(hour).or_default() += requests;
            }
        }
        Ok(found)
    }

    /// Writes what was counted.
    ///
    /// # Errors
    /// When the store fails; what was not written is kept for the next time.
    pub(crate) async fn store_usage(&self) -> Result<(), Error> {
        let _writing = self.inner.usage.writing.lock().await;
        let mut taken = self.inner.usage.take();
        while !taken.is_empty() {
            let rest = taken.split_off(taken.len().min(PIECE));
            if let Err(error) = self.store_used(&taken).await {
                for (key, used) in taken.into_iter().chain(rest) {
                    for (hour, requests) in used.hours {
                        self.inner.usage.add(key, hour, requests, used.last);
                    }
                }
                return Err(error);
            }
            taken = rest;
        }
        Ok(())
    }

    /// On PostgreSQL in a transaction of its own: many keys locked within that of a batch would make servers wait for each
    /// other.
    async fn store_used(&self, used: &[(KeyId, Used)]) -> Result<(), Error> {
        let mut uses = Vec::new();
        let last: Vec<(KeyId, Timestamp)> = used.iter().map(|(key, used)| (*key, used.last)).collect();
        for (key, used) in used {
            uses.extend(used.hours.iter().map(|(hour, requests)| Uses {
                key: *key,
                hour: *hour,
                requests: *requests,
            }));
        }
        let store = move |conn: &mut Conn| -> Result<(), StoreError> {
            // The rows of the keys are locked by it, and what follows is one server's after the other's.
            keys::used(conn, &last)?;
            usage::add(conn, &uses)
        };
        match self.inner.store.backend() {
            Backend::Sqlite => self.write(move |tx| store(tx.conn).map(Ok)).await,
            Backend::Postgres => self.read(move |conn| conn.transact(store)).await,
        }
    }

    /// Forgets what is older than it is kept.
    pub(crate) async fn remove_old_usage(&self, piece: i64) -> Result<(), Error> {
        loop {
            let removed = self
                .write(move |tx| usage::remove_before(tx.conn, tx.now - KEPT, piece).map(Ok))
                .await?;
            if removed == 0 {
                return Ok(());
            }
        }
    }
}
