//! What opens what: the keys that are in use, remembered for a moment.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ains_core::{KeyId, Reach, Scopes, Timestamp};
use ains_store::keys::{self, OpenedKey};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::ains::Ains;
use crate::error::Error;
use crate::model::Principal;

/// How long what was found about a key is believed: a revoked one is refused within this on every server.
const BELIEVED: Duration = Duration::from_millis(900);

/// The same for what lasts, which looks again now and then: both together within a second.
const STANDS: Duration = Duration::from_millis(400);

/// Keys of which is kept what was found at most; beyond it all are forgotten.
const KEPT: usize = 4096;

/// SHA-256 of a secret: what is stored and compared instead of it. An index and a table go by it, which takes a time that
/// depends on it, but from a digest that is partly known nobody gets to a secret.
pub(super) type Digest = [u8; 32];

/// What was last found about the keys that are in use. Secrets that open nothing are not kept, so that nobody fills it
/// with them.
#[derive(Debug, Default)]
pub(crate) struct KeyCache {
    found: Mutex<HashMap<Digest, Found>>,
    /// The same of what lasts, and when that was read.
    standing: Mutex<HashMap<Digest, Standing>>,
    /// Whom the key is for that the operator gave, if one was given.
    operator: Option<(Digest, Arc<Principal>)>,
}

/// What a secret opens, if anything, and when that was read.
type Standing = (Option<Arc<Principal>>, Timestamp);

#[derive(Debug)]
struct Found {
    principal: Arc<Principal>,
    /// When it was read; `None` if it is to be read again.
    read_at: Option<Timestamp>,
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
                secret: None,
                until: None,
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
        let is_fresh = known
            .read_at
            .is_some_and(|read| read <= now && now < read + BELIEVED);
        let is_good = is_fresh && known.principal.until.is_none_or(|until| now < until);
        is_good.then(|| Arc::clone(&known.principal))
    }

    /// Whether the secret opened a key when it was last looked up, however long ago.
    fn was_good(&self, digest: &Digest) -> bool {
        self.lock().contains_key(digest)
    }

    fn keep(&self, digest: Digest, found: Option<Found>) {
        let mut known = self.lock();
        match found {
            Some(found) => {
                if known.len() >= KEPT && !known.contains_key(&digest) {
                    known.clear();
                }
                known.insert(digest, found);
            }
            None => {
                known.remove(&digest);
            }
        }
    }

    /// What was found for what lasts, if that was looked up lately.
    #[expect(
        clippy::option_option,
        reason = "known to open nothing differs from not known"
    )]
    fn standing(&self, secret: &Digest, now: Timestamp) -> Option<Option<Arc<Principal>>> {
        let standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let (found, read_at) = standing.get(secret)?;
        (*read_at <= now && now < *read_at + STANDS).then(|| found.clone())
    }

    fn keep_standing(&self, secret: Digest, found: Option<Arc<Principal>>, now: Timestamp) {
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        if standing.len() >= KEPT {
            standing.clear();
        }
        standing.insert(secret, (found, now));
    }

    /// Has what was found looked up again by the next request.
    pub(super) fn look_again(&self, key: KeyId) {
        for found in self.lock().values_mut() {
            if found.principal.key == Some(key) {
                found.read_at = None;
            }
        }
        self.standing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, Found>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The digest of a secret.
pub(super) fn digest(secret: &str) -> Digest {
    Sha256::digest(secret.as_bytes()).into()
}

impl Ains {
    /// Whom `secret` is for, that came from `address`; `None` if it opens nothing: it is unknown, or its key is switched off,
    /// revoked or expired.
    ///
    /// # Errors
    /// When the store fails, or too many keys from this address opened nothing; one that opened something when it was
    /// last looked up is looked up all the same.
    pub async fn authenticate(
        &self,
        secret: &str,
        address: Option<IpAddr>,
    ) -> Result<Option<Arc<Principal>>, Error> {
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
        let guess = address.filter(|_| !cache.was_good(&digest));
        if let Some(address) = guess {
            self.pass_guess(address)?;
        }
        let found = self.look_up(digest, now).await;
        if let Some(address) = guess
            && !matches!(found, Ok(None))
        {
            self.guessed_right(address, now);
        }
        found
    }

    async fn look_up(&self, digest: Digest, now: Timestamp) -> Result<Option<Arc<Principal>>, Error> {
        let opened = self
            .read(move |conn| keys::open(conn, &hex::encode(digest)))
            .await?;
        let is_good =
            |opened: &OpenedKey| opened.key.is_good(now) && opened.good_until.is_none_or(|until| now < until);
        let opened = opened.filter(is_good);
        let principal = opened.and_then(|opened| {
            let principal = Principal::of(&opened.key)?;
            let until = principal.until.into_iter().chain(opened.good_until).min();
            let secret = Some(digest);
            Some(Arc::new(Principal {
                secret,
                until,
                ..principal
            }))
        });
        let found = principal.clone().map(|principal| Found {
            principal,
            read_at: Some(now),
        });
        self.inner.keys.keep(digest, found);
        Ok(principal)
    }

    /// Whether what somebody came with still opens the same: for what lasts. It does not when the key is revoked, switched off
    /// or expired, when it has another secret, or when it allows something else. Many may ask at once about one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn is_still_good(&self, principal: &Principal) -> Result<bool, Error> {
        let now = self.now();
        if principal.until.is_some_and(|until| until <= now) {
            return Ok(false);
        }
        let Some(secret) = principal.secret else {
            return Ok(true);
        };
        let cache = &self.inner.keys;
        let found = if let Some(known) = cache.standing(&secret, now) {
            known
        } else {
            let found = self.look_up(secret, now).await?;
            cache.keep_standing(secret, found.clone(), now);
            found
        };
        Ok(found.is_some_and(|found| found.scopes == principal.scopes && found.reach == principal.reach))
    }
}
