//! API keys: making them, changing them, taking them back. What a key opens is in `cache`.

mod cache;
mod keychain;

use std::time::Duration;

use ains_core::{KeyId, Timestamp};
use ains_store::keys::{self, StoredKey};
use ains_store::{Conn, StoreError};

use crate::access::{Thing, Use};
use crate::ains::Ains;
use crate::audit::Scribe;
use crate::error::Error;
use crate::model::{Actor, KeyChange, KeyFilter, KeyMade, NewKey, Principal};

pub(crate) use cache::KeyCache;
pub use keychain::Keychain;

impl Ains {
    /// Makes the first admin key if there is no key at all: its secret, which is shown once.
    /// Of several servers starting together, each may make one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn first_admin_key(&self) -> Result<Option<String>, Error> {
        let prepared = keychain::prepare(self.entropy(), NewKey::admin("admin"), self.now())?;
        let secret = prepared.secret.clone();
        let made = self
            .write(move |tx| {
                if keys::any(tx.conn)? {
                    return Ok(Ok(false));
                }
                let scribe = Scribe {
                    by: &Actor::NOBODY,
                    entropy: tx.entropy,
                    now: tx.now,
                };
                keychain::insert(tx.conn, &prepared, &scribe).map(|()| Ok(true))
            })
            .await?;
        Ok(made.then_some(secret))
    }

    /// Makes a key for `by`, who gives nothing that they do not have: its secret is shown once. One for an agent of a client
    /// is that client's.
    ///
    /// # Errors
    /// When the key cannot be as it is wanted, it would allow more than `by` may, its agent is out of their reach, or the
    /// store fails.
    pub async fn create_key(
        &self,
        actor: &Actor,
        new: NewKey,
        by: Option<&Principal>,
    ) -> Result<KeyMade, Error> {
        let mut new = new;
        if let (None, Some(agent)) = (&new.client, &new.agent) {
            new.client = self.owner_of_agent(agent).await?;
        }
        let made = keychain::prepare(self.entropy(), new, self.now())?;
        keychain::may_give(by, &made.key)?;
        if let (Some(by), Some(agent)) = (by, &made.key.agent) {
            let agent = Thing::Agent(agent.clone());
            self.reaches(&by.reach, &agent, Use::Change).await?;
        }
        if let (Some(key), Some(agent)) = (Principal::of(&made.key), &made.key.agent)
            && !self.is_bound(&key).await?
        {
            return Err(Error::NotTheClientsAgent(agent.clone()));
        }
        let stored = made.clone();
        self.write_key(actor, made.key.id, move |conn, scribe| {
            keychain::insert(conn, &stored, scribe).map(Ok)
        })
        .await?;
        Ok(made)
    }

    /// A key.
    ///
    /// # Errors
    /// When there is no such key, or the store fails.
    pub async fn key(&self, id: KeyId) -> Result<StoredKey, Error> {
        let found = self.read(move |conn| keys::find(conn, id)).await?;
        found.ok_or_else(|| keychain::no_key(id))
    }

    /// Keys that `filter` lets through, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn keys(&self, filter: KeyFilter) -> Result<Vec<StoredKey>, Error> {
        self.read(move |conn| keychain::list(conn, &filter)).await
    }

    /// Changes a key for `by`, who gives nothing that they do not have. It holds at once on this server, and on others
    /// within a second.
    ///
    /// # Errors
    /// When there is no such key, it is revoked, it cannot be as it is wanted, it allows more than `by` may or would, or
    /// the store fails.
    pub async fn change_key(
        &self,
        actor: &Actor,
        id: KeyId,
        change: KeyChange,
        by: Option<&Principal>,
    ) -> Result<ains_core::Key, Error> {
        let by = by.cloned();
        self.write_key(actor, id, move |conn, scribe| {
            keychain::change(conn, id, &change, by.as_ref(), scribe)
        })
        .await
    }

    /// Revokes a key for ever. It holds at once on this server, and on others within a second. One that is revoked stays
    /// as it is.
    ///
    /// # Errors
    /// When there is no such key, it has scopes that `by` does not have, or the store fails.
    pub async fn revoke_key(
        &self,
        actor: &Actor,
        id: KeyId,
        by: Option<&Principal>,
    ) -> Result<ains_core::Key, Error> {
        let by = by.cloned();
        self.write_key(actor, id, move |conn, scribe| {
            keychain::revoke(conn, id, by.as_ref(), scribe)
        })
        .await
    }

    /// Gives a key another secret, which is shown once, for `by`. The one before is good for `grace` yet, until the instant
    /// that comes with it, and the one before that no more.
    ///
    /// # Errors
    /// When there is no such key, it is revoked, it allows more than `by` may, or the store fails.
    pub async fn rotate_key(
        &self,
        actor: &Actor,
        id: KeyId,
        grace: Duration,
        by: Option<&Principal>,
    ) -> Result<(KeyMade, Timestamp), Error> {
        let by = by.cloned();
        self.write_key(actor, id, move |conn, scribe| {
            keychain::rotate(conn, id, grace, by.as_ref(), scribe)
        })
        .await
    }

    /// Changes a key, and has this server look up again what it knows of keys.
    async fn write_key<T, F>(&self, by: &Actor, key: KeyId, mut act: F) -> Result<T, Error>
    where
        F: FnMut(&mut Conn, &Scribe<'_>) -> Result<Result<T, Error>, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let by = by.clone();
        let done = self
            .write(move |tx| {
                let scribe = Scribe {
                    by: &by,
                    entropy: tx.entropy,
                    now: tx.now,
                };
                act(tx.conn, &scribe)
            })
            .await?;
        self.inner.keys.look_again(key);
        Ok(done)
    }
}
