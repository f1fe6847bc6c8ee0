//! The webhooks, as every batch needs them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ains_core::webhook::{Directory, MAX_WEBHOOKS};
use ains_store::{Conn, StoreError, webhooks};

/// The active webhooks, read again when they have been changed.
#[derive(Debug, Default)]
pub(crate) struct Hooks {
    /// With the version that was read; none at the start.
    known: Mutex<(Option<i64>, Arc<Directory>)>,
}

impl Hooks {
    /// The webhooks that are committed. The database is asked for their version each time, so that whoever has been
    /// answered that a webhook is registered is told of all that comes later, from whichever writer of whichever server.
    pub(crate) fn current(&self, conn: &mut Conn) -> Result<Arc<Directory>, StoreError> {
        let version = webhooks::version(conn)?;
        {
            let known = self.lock();
            if known.0 == Some(version) {
                return Ok(Arc::clone(&known.1));
            }
        }
        let most = i64::try_from(MAX_WEBHOOKS).unwrap_or(i64::MAX);
        let directory = Arc::new(Directory::new(webhooks::all_active(conn, most)?));
        let mut known = self.lock();
        // Versions grow; another writer may have read a later one meanwhile.
        if known.0.is_none_or(|other| other < version) {
            *known = (Some(version), Arc::clone(&directory));
        }
        Ok(directory)
    }

    fn lock(&self) -> MutexGuard<'_, (Option<i64>, Arc<Directory>)> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
