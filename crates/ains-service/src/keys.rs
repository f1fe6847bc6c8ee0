//! API keys: who calls. Scopes and the rest come later; this is the place for them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ains_core::KeyId;
use ains_store::keys::{self, ApiKey};
use sha2::{Digest as _, Sha256};

use crate::ains::Ains;
use crate::entropy::mint;
use crate::error::Error;
use crate::model::Principal;

/// How long an answer about a key is believed: a revoked one is refused within this.
const BELIEVED: Duration = Duration::from_secs(1);

/// Answers about keys that are kept at most; beyond it all are forgotten.
const KEPT: usize = 4096;

/// What was last found about the keys that are in use.
#[derive(Debug, Default)]
pub(crate) struct KeyCache {
    found: Mutex<HashMap<String, (Option<Principal>, Instant)>>,
    /// Digest of the key that the operator gave, if one was given.
    admin: Option<String>,
}

impl KeyCache {
    /// A cache that accepts `admin` as the operator's key.
    pub(crate) fn new(admin: Option<&str>) -> Self {
        Self {
            admin: admin.map(digest),
            ..Self::default()
        }
    }

    /// What was found about a key, if that is fresh.
    #[expect(clippy::option_option, reason = "known to be nobody's differs from not known")]
    fn known(&self, digest: &str) -> Option<Option<Principal>> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let (principal, at) = found.get(digest)?;
        (at.elapsed() < BELIEVED).then(|| principal.clone())
    }

    fn keep(&self, digest: String, principal: Option<Principal>) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if found.len() >= KEPT {
            found.clear();
        }
        found.insert(digest, (principal, Instant::now()));
    }
}

/// SHA-256 in lower hex: what is stored and compared instead of the secret. Comparing digests
/// tells nothing about the secret, however long it takes.
fn digest(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

impl Ains {
    /// Who holds `secret`; `None` if nobody does.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn authenticate(&self, secret: &str) -> Result<Option<Principal>, Error> {
        let digest = digest(secret);
        let cache = &self.inner.keys;
        if cache.admin.as_ref() == Some(&digest) {
            return Ok(Some(Principal {
                key: None,
                client: None,
                admin: true,
            }));
        }
        if let Some(known) = cache.known(&digest) {
            return Ok(known);
        }
        let wanted = digest.clone();
        let found = self.read(move |conn| keys::find(conn, &wanted)).await?;
        let principal = found.map(|key| Principal {
            key: Some(key.id),
            client: key.client,
            admin: key.admin,
        });
        cache.keep(digest, principal.clone());
        Ok(principal)
    }

    /// Makes the first admin key if there is no key at all: its secret, which is shown once.
    /// Of several servers starting together, each may make one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn first_admin_key(&self) -> Result<Option<String>, Error> {
        let secret = new_secret();
        let secret_sha256 = digest(&secret);
        let made = self
            .write(move |tx| {
                if keys::any(tx.conn)? {
                    return Ok(Ok(false));
                }
                let key = ApiKey {
                    id: mint!(tx.entropy, KeyId, tx.now),
                    secret_sha256: secret_sha256.clone(),
                    name: "admin".to_owned(),
                    client: None,
                    admin: true,
                    created_at: tx.now,
                };
                keys::insert(tx.conn, &key).map(Ok)
            })
            .await?;
        Ok(made.then_some(secret))
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
