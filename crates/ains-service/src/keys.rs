//! API keys: who calls, and what becomes of keys.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ains_core::{Key, KeyId, Reach, Scopes, Timestamp};
use ains_store::keys::{self, OpenedKey, StoredKey};
use ains_store::{Conn, StoreError};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::access::{Thing, Use};
use crate::ains::Ains;
use crate::entropy::mint;
use crate::error::Error;
use crate::model::{KeyChange, KeyFilter, KeyMade, NewKey, Principal};

/// How long what was found about a key is believed: a revoked one is refused within this on every server.
const BELIEVED: Duration = Duration::from_millis(900);

/// Keys of which is kept what was found at most; beyond it all are forgotten.
const KEPT: usize = 4096;

/// SHA-256 of a secret: what is stored and compared instead of it. An index and a table go by it, which takes a time that
/// depends on it, but from a digest that is partly known nobody gets to a secret.
type Digest = [u8; 32];

/// What was last found about the keys that are in use. Secrets that open nothing are not kept, so that nobody fills it
/// with them.
#[derive(Debug, Default)]
pub(crate) struct KeyCache {
    found: Mutex<HashMap<Digest, Found>>,
    /// Whom the key is for that the operator gave, if one was given.
    operator: Option<(Digest, Arc<Principal>)>,
}

#[derive(Debug)]
struct Found {
    principal: Arc<Principal>,
    /// From when on the key is good no more.
    until: Option<Timestamp>,
    /// When it was read.
    read_at: Timestamp,
}

impl KeyCache {
    /// A cache that accepts `admin` as the operator's key.
    pub(crate) fn new(admin: Option<&str>) -> Self {
        let operator = admin.map(|secret| {
            let principal = Principal {
                key: None,
                name: "operator".to_owned(),
                reach: Reach::Everything,
                client: None,
                scopes: Scopes::ADMIN,
                per_minute: None,
                per_hour: None,
            };
            (digest(secret), Arc::new(principal))
        });
        Self {
            operator,
            ..Self::default()
        }
    }

    /// Whom the key is for, if that was found lately.
    fn known(&self, digest: &Digest, now: Timestamp) -> Option<Arc<Principal>> {
        let found = self.lock();
        let known = found.get(digest)?;
        // A clock that went back proves nothing.
        let is_fresh = known.read_at <= now && now < known.read_at + BELIEVED;
        let is_good = is_fresh && known.until.is_none_or(|until| now < until);
        is_good.then(|| Arc::clone(&known.principal))
    }

    fn keep(&self, digest: Digest, found: Option<Found>) {
        let mut known = self.lock();
        match found {
            Some(found) => {
                if known.len() >= KEPT {
                    known.clear();
                }
                known.insert(digest, found);
            }
            None => {
                known.remove(&digest);
            }
        }
    }

    /// Forgets what was found, for the next request to look again.
    fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, Found>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn digest(secret: &str) -> Digest {
    Sha256::digest(secret.as_bytes()).into()
}

impl Ains {
    /// Whom `secret` is for; `None` if it opens nothing: it is unknown, or its key is switched off, revoked or expired.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn authenticate(&self, secret: &str) -> Result<Option<Arc<Principal>>, Error> {
        let digest = digest(secret);
        let (cache, now) = (&self.inner.keys, self.now());
        if let Some((operators, principal)) = &cache.operator
            && bool::from(operators.ct_eq(&digest))
        {
            return Ok(Some(Arc::clone(principal)));
        }
        if let Some(known) = cache.known(&digest, now) {
            return Ok(Some(known));
        }
        let opened = self
            .read(move |conn| keys::open(conn, &hex::encode(digest)))
            .await?;
        let is_good =
            |opened: &OpenedKey| opened.key.is_good(now) && opened.good_until.is_none_or(|until| now < until);
        let opened = opened.filter(is_good);
        let principal = opened.as_ref().and_then(|opened| Principal::of(&opened.key));
        let principal = principal.map(Arc::new);
        let found = opened.zip(principal.clone()).map(|(opened, principal)| Found {
            principal,
            until: opened.key.expires_at.into_iter().chain(opened.good_until).min(),
            read_at: now,
        });
        cache.keep(digest, found);
        Ok(principal)
    }

    /// Makes the first admin key if there is no key at all: its secret, which is shown once.
    /// Of several servers starting together, each may make one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn first_admin_key(&self) -> Result<Option<String>, Error> {
        let (secret, now) = (new_secret(), self.now());
        let key = Key {
            id: mint!(self.entropy(), KeyId, now),
            name: "admin".to_owned(),
            description: None,
            client: None,
            agent: None,
            scopes: Scopes::ADMIN,
            per_minute: None,
            per_hour: None,
            active: true,
            created_at: now,
            updated_at: now,
            expires_at: None,
            revoked_at: None,
        };
        let digest = hex::encode(digest(&secret));
        let made = self
            .write(move |tx| {
                if keys::any(tx.conn)? {
                    return Ok(Ok(false));
                }
                keys::insert(tx.conn, &key, &digest).map(Ok)
            })
            .await?;
        Ok(made.then_some(secret))
    }

    /// Makes a key for `by`, who gives nothing that they do not have: its secret is shown once.
    ///
    /// # Errors
    /// When the key cannot be as it is wanted, it would allow more than `by` may, or the store fails.
    pub async fn create_key(&self, new: NewKey, by: Option<&Principal>) -> Result<KeyMade, Error> {
        let now = self.now();
        let key = Key {
            id: mint!(self.entropy(), KeyId, now),
            name: new.name,
            description: new.description,
            client: new.client,
            agent: new.agent,
            scopes: new.scopes,
            per_minute: new.per_minute,
            per_hour: new.per_hour,
            active: true,
            created_at: now,
            updated_at: now,
            expires_at: new.expires_in.map(|length| now + length),
            revoked_at: None,
        };
        key.check()?;
        may_give(by, &key)?;
        if let (Some(by), Some(agent)) = (by, &key.agent) {
            let agent = Thing::Agent(agent.clone());
            self.reaches(&by.reach, &agent, Use::Change).await?;
        }
        let secret = new_secret();
        let (made, digest) = (key.clone(), hex::encode(digest(&secret)));
        self.write(move |tx| keys::insert(tx.conn, &key, &digest).map(Ok))
            .await?;
        Ok(KeyMade { key: made, secret })
    }

    /// A key.
    ///
    /// # Errors
    /// When there is no such key, or the store fails.
    pub async fn key(&self, id: KeyId) -> Result<StoredKey, Error> {
        let found = self.read(move |conn| keys::find(conn, id)).await?;
        found.ok_or_else(|| no_key(id))
    }

    /// Keys that `filter` lets through, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn keys(&self, filter: KeyFilter) -> Result<Vec<StoredKey>, Error> {
        self.read(move |conn| {
            let KeyFilter {
                client,
                active_only,
                before,
                limit,
            } = filter;
            keys::list(conn, client.as_ref(), active_only, before, limit)
        })
        .await
    }

    /// Changes a key for `by`, who gives nothing that they do not have. It holds at once on this server, and on others
    /// within a second.
    ///
    /// # Errors
    /// When there is no such key, it is revoked, it cannot be as it is wanted, it allows more than `by` may or would, or
    /// the store fails.
    pub async fn change_key(
        &self,
        id: KeyId,
        change: KeyChange,
        by: Option<&Principal>,
    ) -> Result<Key, Error> {
        let by = by.cloned();
        self.change_stored_key(id, move |_, key, now| {
            if key.revoked_at.is_some() {
                return Ok(Err(Error::KeyRevoked));
            }
            let changed = key.clone().changed(change.clone(), now);
            // What it allows already, too: nobody takes hold of a key that is worth more than their own.
            let allowed = may_give(by.as_ref(), key).and_then(|()| may_give(by.as_ref(), &changed));
            Ok(allowed.and_then(|()| Ok(changed.check()?)).map(|()| changed))
        })
        .await
    }

    /// Revokes a key for ever. It holds at once on this server, and on others within a second. One that is revoked stays
    /// as it is.
    ///
    /// # Errors
    /// When there is no such key, or the store fails.
    pub async fn revoke_key(&self, id: KeyId) -> Result<Key, Error> {
        self.change_stored_key(id, |_, key, now| {
            let revoked_at = key.revoked_at.or(Some(now));
            Ok(Ok(Key {
                revoked_at,
                updated_at: now,
                ..key.clone()
            }))
        })
        .await
    }

    /// Gives a key another secret, which is shown once, for `by`. The one before is good for `grace` yet, and the one before
    /// that no more.
    ///
    /// # Errors
    /// When there is no such key, it is revoked, it allows more than `by` may, or the store fails.
    pub async fn rotate_key(
        &self,
        id: KeyId,
        grace: Duration,
        by: Option<&Principal>,
    ) -> Result<(KeyMade, Timestamp), Error> {
        let (by, secret) = (by.cloned(), new_secret());
        let (digest, until) = (hex::encode(digest(&secret)), self.now());
        let key = self
            .change_stored_key(id, move |conn, key, now| {
                if key.revoked_at.is_some() {
                    return Ok(Err(Error::KeyRevoked));
                }
                if let Err(refused) = may_give(by.as_ref(), key) {
                    return Ok(Err(refused));
                }
                keys::rotate(conn, id, &digest, key.grace(now, grace))?;
                Ok(Ok(Key {
                    updated_at: now,
                    ..key.clone()
                }))
            })
            .await?;
        let until = key.grace(key.updated_at.max(until), grace);
        Ok((KeyMade { key, secret }, until))
    }

    async fn change_stored_key<F>(&self, id: KeyId, mut act: F) -> Result<Key, Error>
    where
        F: FnMut(&mut Conn, &Key, Timestamp) -> Result<Result<Key, Error>, StoreError> + Send + 'static,
    {
        let changed = self
            .write(move |tx| {
                let Some(stored) = keys::lock(tx.conn, id)? else {
                    return Ok(Err(no_key(id)));
                };
                match act(tx.conn, &stored.key, tx.now)? {
                    Ok(changed) => {
                        keys::save(tx.conn, &changed)?;
                        Ok(Ok(changed))
                    }
                    Err(refused) => Ok(Err(refused)),
                }
            })
            .await?;
        self.inner.keys.forget();
        Ok(changed)
    }
}

/// Whether `by` may give somebody what `key` allows: no scope that they do not have, no client but their own, and no
/// higher limits. Without a caller, authentication is off.
fn may_give(by: Option<&Principal>, key: &Key) -> Result<(), Error> {
    let Some(by) = by.filter(|by| !by.is_admin()) else {
        return Ok(());
    };
    let is_within =
        |limit: Option<u32>, own: Option<u32>| own.is_none_or(|own| limit.is_some_and(|limit| limit <= own));
    let of_client = match &by.reach {
        Reach::Everything => true,
        Reach::Client(own) => key.client.as_ref() == Some(own),
        Reach::Agent(_) => false,
    };
    if !of_client {
        Err(Error::NotOwner)
    } else if !by.scopes.cover(key.scopes) {
        Err(Error::MoreThanOwn("scopes"))
    } else if !is_within(key.per_minute, by.per_minute) || !is_within(key.per_hour, by.per_hour) {
        Err(Error::MoreThanOwn("limits"))
    } else {
        Ok(())
    }
}

fn no_key(id: KeyId) -> Error {
    Error::NotFound {
        entity: "API key",
        id: id.to_string(),
    }
}

/// `ains_` and 43 url-safe characters: 256 bits from the operating system, whatever the seed.
fn new_secret() -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bytes = [0_u8; 33];
    let mut system = rand::rngs::SysRng;
    rand::TryRng::try_fill_bytes(&mut system, &mut bytes[..32]).expect("the system has random numbers");
    let text: String = bytes
        .chunks(3)
        .flat_map(|chunk| {
            let bits = u32::from(chunk[0]) << 16 | u32::from(chunk[1]) << 8 | u32::from(chunk[2]);
            [18, 12, 6, 0].map(|shift| char::from(ALPHABET[(bits >> shift) as usize & 63]))
        })
        .take(43)
        .collect();
    format!("ains_{text}")
}
