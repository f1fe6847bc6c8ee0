//! What is done to keys, in one transaction; with a service or, from a command line, without one.

use std::time::Duration;

use ains_core::{AuditEvent, Key, KeyId, Reach, Timestamp};
use ains_store::keys::{self, StoredKey};
use ains_store::{Conn, Store, StoreError};

use super::cache::digest;
use crate::audit::{Note, Scribe};
use crate::entropy::{Entropy, mint};
use crate::error::Error;
use crate::model::{Actor, KeyChange, KeyFilter, KeyMade, NewKey, Principal};

/// The keys of a store, for an operator: without a service, beside one or before there is any. Services hear of what is
/// done here within a second. It blocks.
#[derive(Debug)]
pub struct Keychain {
    store: Store,
}

impl Keychain {
    /// The keys of `store`.
    pub fn of(store: Store) -> Self {
        Self { store }
    }

    /// Makes a key; its secret is shown once.
    ///
    /// # Errors
    /// When the key cannot be as it is wanted, or the store fails.
    pub fn create(&self, new: NewKey, now: Timestamp) -> Result<KeyMade, Error> {
        let made = prepare(&Entropy::new(None), new, now)?;
        self.transact(now, |conn, scribe| insert(conn, &made, scribe).map(Ok))?;
        Ok(made)
    }

    /// Keys that `filter` lets through, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn list(&self, filter: &KeyFilter) -> Result<Vec<StoredKey>, Error> {
        self.store
            .connect()?
            .transact(|conn| list(conn, filter).map(Ok))?
    }

    /// Revokes a key for ever.
    ///
    /// # Errors
    /// When there is no such key, or the store fails.
    pub fn revoke(&self, id: KeyId, now: Timestamp) -> Result<Key, Error> {
        self.transact(now, |conn, scribe| revoke(conn, id, None, scribe))
    }

    /// Gives a key another secret; the one before is good until the instant that comes with it.
    ///
    /// # Errors
    /// When there is no such key, it is revoked, or the store fails.
    pub fn rotate(&self, id: KeyId, grace: Duration, now: Timestamp) -> Result<(KeyMade, Timestamp), Error> {
        self.transact(now, |conn, scribe| rotate(conn, id, grace, None, scribe))
    }

    fn transact<T>(
        &self,
        now: Timestamp,
        act: impl FnOnce(&mut Conn, &Scribe<'_>) -> Result<Result<T, Error>, StoreError>,
    ) -> Result<T, Error> {
        let entropy = Entropy::new(None);
        let scribe = Scribe {
            by: &Actor::NOBODY,
            entropy: &entropy,
            now,
        };
        self.store.connect()?.transact(|conn| act(conn, &scribe))?
    }
}

/// A key that can be, with a secret.
pub(super) fn prepare(entropy: &Entropy, new: NewKey, now: Timestamp) -> Result<KeyMade, Error> {
    let key = Key {
        id: mint!(entropy, KeyId, now),
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
    Ok(KeyMade {
        key,
        secret: new_secret(),
    })
}

/// Stores a new key.
pub(super) fn insert(conn: &mut Conn, made: &KeyMade, scribe: &Scribe<'_>) -> Result<(), StoreError> {
    // Of 256 random bits, none are met twice.
    keys::insert(conn, &made.key, &hex::encode(digest(&made.secret)))?;
    scribe.note(conn, about(AuditEvent::ApiKeyCreated, "create", &made.key))
}

pub(super) fn list(conn: &mut Conn, filter: &KeyFilter) -> Result<Vec<StoredKey>, StoreError> {
    let KeyFilter {
        client,
        active_only,
        before,
        limit,
    } = filter;
    keys::list(conn, client.as_ref(), *active_only, *before, *limit)
}

pub(super) fn change(
    conn: &mut Conn,
    id: KeyId,
    change: &KeyChange,
    by: Option<&Principal>,
    scribe: &Scribe<'_>,
) -> Result<Result<Key, Error>, StoreError> {
    let key = match lock(conn, id)? {
        Ok(key) if key.revoked_at.is_some() => return Ok(Err(Error::KeyRevoked)),
        Ok(key) => key,
        Err(missing) => return Ok(Err(missing)),
    };
    let changed = key.clone().changed(change.clone(), scribe.now);
    // What it allows already, too: nobody takes hold of a key that is worth more than their own.
    let allowed = may_give(by, &key).and_then(|()| may_give(by, &changed));
    if let Err(refused) = allowed.and_then(|()| Ok(changed.check()?)) {
        return Ok(Err(refused));
    }
    keys::save(conn, &changed)?;
    scribe.note(conn, about(AuditEvent::ApiKeyUpdated, "update", &changed))?;
    Ok(Ok(changed))
}

pub(super) fn revoke(
    conn: &mut Conn,
    id: KeyId,
    by: Option<&Principal>,
    scribe: &Scribe<'_>,
) -> Result<Result<Key, Error>, StoreError> {
    let key = match lock(conn, id)? {
        Ok(key) if key.revoked_at.is_some() => return Ok(Ok(key)),
        Ok(key) => key,
        Err(missing) => return Ok(Err(missing)),
    };
    if by.is_some_and(|by| !by.scopes.cover(key.scopes)) {
        return Ok(Err(Error::MoreThanOwn("scopes")));
    }
    let revoked = Key {
        revoked_at: Some(scribe.now),
        updated_at: scribe.now,
        ..key
    };
    keys::save(conn, &revoked)?;
    scribe.note(conn, about(AuditEvent::ApiKeyRevoked, "revoke", &revoked))?;
    Ok(Ok(revoked))
}

pub(super) fn rotate(
    conn: &mut Conn,
    id: KeyId,
    grace: Duration,
    by: Option<&Principal>,
    scribe: &Scribe<'_>,
) -> Result<Result<(KeyMade, Timestamp), Error>, StoreError> {
    let key = match lock(conn, id)? {
        Ok(key) if key.revoked_at.is_some() => return Ok(Err(Error::KeyRevoked)),
        Ok(key) => key,
        Err(missing) => return Ok(Err(missing)),
    };
    if let Err(refused) = may_give(by, &key) {
        return Ok(Err(refused));
    }
    let (secret, until) = (new_secret(), key.grace(scribe.now, grace));
    keys::rotate(conn, id, &hex::encode(digest(&secret)), until)?;
    let key = Key {
        updated_at: scribe.now,
        ..key
    };
    keys::save(conn, &key)?;
    scribe.note(conn, about(AuditEvent::ApiKeyRotated, "rotate", &key))?;
    Ok(Ok((KeyMade { key, secret }, until)))
}

/// What is noted of a change of a key: what it may be used for, and for whom. What people wrote of it is left out.
fn about(event: AuditEvent, action: &'static str, key: &Key) -> Note {
    let note = Note::new(event, action).of("api_key", key.id);
    let note = note
        .with("scopes", key.scopes.to_string())
        .with("active", key.active);
    let note = note.with("for_client", key.client.as_ref().map(ToString::to_string));
    note.with("for_agent", key.agent.as_ref().map(ToString::to_string))
}

fn lock(conn: &mut Conn, id: KeyId) -> Result<Result<Key, Error>, StoreError> {
    let stored = keys::lock(conn, id)?;
    Ok(stored.map(|stored| stored.key).ok_or_else(|| no_key(id)))
}

/// Whether `by` may give somebody what `key` allows: no scope that they do not have, no client but their own, no higher
/// limits, and nothing that lasts longer than what they came with. Without a caller, authentication is off.
pub(super) fn may_give(by: Option<&Principal>, key: &Key) -> Result<(), Error> {
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
    } else if by
        .until
        .is_some_and(|until| key.expires_at.is_none_or(|end| until < end))
    {
        Err(Error::MoreThanOwn("days"))
    } else {
        Ok(())
    }
}

pub(super) fn no_key(id: KeyId) -> Error {
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
