//! The vault: what has to be read again, and must not be read by whoever reads the database.
//!
//! Secrets of webhooks sign, so a digest of them would not do. They are stored sealed: XChaCha20-Poly1305 under a key that
//! the database does not have, with 24 random bytes for each, so that chance never repeats itself, and bound to what they
//! belong to, so that one does not pass for another's. The text names the key, which is how several are told apart while
//! one takes the place of another: the first of them seals, all of them open.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use ains_core::WebhookId;
use ains_core::webhook::{Sealed, Secret};
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use rand::TryRng as _;
use sha2::{Digest as _, Sha256};

use crate::model::Once;

/// Bytes of a key.
const KEY: usize = 32;

/// Bytes of the random number beside each sealed text.
const NONCE: usize = 24;

/// How it is sealed; another way would have another number.
const VERSION: &str = "1";

/// Most keys at the same time.
const MOST: usize = 16;

/// Seals and opens; without keys it opens nothing but what is in the clear. Cheap to clone.
#[derive(Clone, Default)]
pub struct Vault(Arc<[Key]>);

struct Key {
    /// What a sealed text calls it: eight hexadecimal digits of a digest.
    name: Box<str>,
    cipher: XChaCha20Poly1305,
}

/// A text that holds no keys. It does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not 1 to {MOST} keys of 64 hexadecimal digits each, with commas or line ends between them")]
pub struct InvalidKeys;

/// Why something is not sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Locked {
    /// There is no key to seal with.
    #[error("this server has no key to keep secrets with (AINS_SECRET_KEY)")]
    NoKey,
    /// There is no key of the name that it was sealed under.
    #[error("it is sealed under key {0}, which this server does not have (AINS_SECRET_KEY)")]
    OtherKey(String),
    /// What is stored was changed, or belongs elsewhere.
    #[error("what is stored is not what was sealed")]
    Broken,
}

impl Vault {
    /// A vault with a key of its own that nobody else has, for what ends with the process.
    pub fn fleeting() -> Self {
        let mut key = [0; KEY];
        fill(&mut key);
        Self([Key::new(&key)].into())
    }

    /// Text of a new key, for people to keep.
    pub fn new_key() -> String {
        let mut key = [0; KEY];
        fill(&mut key);
        hex::encode(key)
    }

    /// Whether there is a key to seal with.
    pub fn has_key(&self) -> bool {
        !self.0.is_empty()
    }

    /// Seals the secret of a webhook.
    ///
    /// # Errors
    /// When there is no key.
    pub(crate) fn seal(&self, webhook: WebhookId, secret: &Secret) -> Result<Sealed, Locked> {
        let sealed = self.seal_text(&of_webhook(webhook), secret.reveal())?;
        Ok(Sealed::new(&sealed))
    }

    /// The secret of a webhook.
    ///
    /// # Errors
    /// When its key is not here, or it was not sealed for this webhook.
    pub(crate) fn open(&self, webhook: WebhookId, sealed: &Sealed) -> Result<Secret, Locked> {
        let text = match sealed.sealed() {
            Some(text) => self.open_text(&of_webhook(webhook), text)?,
            None => sealed.as_str().to_owned(),
        };
        text.parse().map_err(|_| Locked::Broken)
    }

    /// Whether it is sealed as it would be now.
    pub(crate) fn is_up_to_date(&self, sealed: &Sealed) -> bool {
        let name = sealed.sealed().and_then(|text| text.split(':').nth(1));
        self.0.first().is_none_or(|key| name == Some(&*key.name))
    }

    /// Seals an answer that shows a secret, and is kept to be repeated.
    ///
    /// # Errors
    /// When there is no key.
    pub(crate) fn seal_answer<T: ?Sized>(&self, once: &Once<T>, answer: &str) -> Result<String, Locked> {
        let sealed = self.seal_text(&of_answer(once), answer)?;
        Ok(Sealed::new(&sealed).as_str().to_owned())
    }

    /// An answer that was kept.
    ///
    /// # Errors
    /// When its key is not here, or it was not kept for this.
    pub(crate) fn open_answer<T: ?Sized>(&self, once: &Once<T>, kept: &str) -> Result<String, Locked> {
        let Ok(kept) = kept.parse::<Sealed>();
        match kept.sealed() {
            Some(sealed) => self.open_text(&of_answer(once), sealed),
            None => Ok(kept.as_str().to_owned()),
        }
    }

    /// Seals a text that belongs to `whose`, which has to be said again to open it.
    ///
    /// # Errors
    /// When there is no key.
    pub(crate) fn seal_text(&self, whose: &str, text: &str) -> Result<String, Locked> {
        let key = self.0.first().ok_or(Locked::NoKey)?;
        let mut nonce = [0; NONCE];
        fill(&mut nonce);
        let payload = Payload {
            msg: text.as_bytes(),
            aad: whose.as_bytes(),
        };
        let sealed = key.cipher.encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.expect("a short text is within what the cipher takes");
        let name = &key.name;
        Ok(format!(
            "{VERSION}:{name}:{}{}",
            hex::encode(nonce),
            hex::encode(sealed)
        ))
    }

    /// Opens what [`Vault::seal_text`] has made.
    ///
    /// # Errors
    /// When its key is not here, or it belongs elsewhere.
    pub(crate) fn open_text(&self, whose: &str, sealed: &str) -> Result<String, Locked> {
        let mut parts = sealed.splitn(3, ':');
        let (Some(VERSION), Some(name), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Locked::Broken);
        };
        let key = self.0.iter().find(|key| *key.name == *name);
        let key = key.ok_or_else(|| Locked::OtherKey(name.chars().take(8).collect()))?;
        let bytes = hex::decode(rest).map_err(|_| Locked::Broken)?;
        let (nonce, msg) = bytes.split_first_chunk::<NONCE>().ok_or(Locked::Broken)?;
        let aad = whose.as_bytes();
        let opened = key.cipher.decrypt(&XNonce::from(*nonce), Payload { msg, aad });
        let opened = opened.map_err(|_| Locked::Broken)?;
        String::from_utf8(opened).map_err(|_| Locked::Broken)
    }
}

/// What the secret of a webhook is bound to.
fn of_webhook(id: WebhookId) -> String {
    format!("secret of {id}")
}

/// What a kept answer is bound to.
fn of_answer<T: ?Sized>(once: &Once<T>) -> String {
    format!("answer to {} {}", once.scope, once.key)
}

impl Key {
    fn new(bytes: &[u8; KEY]) -> Self {
        let digest = Sha256::new()
            .chain_update("name of an AINS key")
            .chain_update(bytes)
            .finalize();
        Self {
            name: hex::encode(&digest[..4]).into(),
            cipher: XChaCha20Poly1305::new(bytes.into()),
        }
    }
}

impl FromStr for Vault {
    type Err = InvalidKeys;

    /// Reads keys of 64 hexadecimal digits, with commas or line ends between them; the first one seals.
    fn from_str(text: &str) -> Result<Self, InvalidKeys> {
        let keys: Vec<Key> = text
            .split([',', '\n'])
            .map(str::trim)
            .filter(|key| !key.is_empty())
            .map(|key| {
                let mut bytes = [0; KEY];
                hex::decode_to_slice(key, &mut bytes).map_err(|_| InvalidKeys)?;
                Ok(Key::new(&bytes))
            })
            .collect::<Result<_, _>>()?;
        if keys.is_empty() || keys.len() > MOST {
            return Err(InvalidKeys);
        }
        Ok(Self(keys.into()))
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({} keys)", self.0.len())
    }
}

/// Random bytes of the operating system: never of a seed, which would repeat them.
fn fill(bytes: &mut [u8]) {
    rand::rngs::SysRng
        .try_fill_bytes(bytes)
        .expect("the system has random numbers");
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "0101010101010101010101010101010101010101010101010101010101010101";
    const TWO: &str = "0202020202020202020202020202020202020202020202020202020202020202";

    fn vault(keys: &str) -> Vault {
        keys.parse().unwrap()
    }

    #[test]
    fn what_is_sealed_is_opened_and_never_looks_the_same() {
        let vault = vault(ONE);
        let (first, second) = (
            vault.seal_text("a", "hunter2").unwrap(),
            vault.seal_text("a", "hunter2").unwrap(),
        );
        assert_ne!(first, second);
        assert!(first.starts_with("1:") && !first.contains("hunter2"));
        assert_eq!(vault.open_text("a", &first).unwrap(), "hunter2");
    }

    #[test]
    fn what_belongs_elsewhere_or_was_changed_is_not_opened() {
        let vault = vault(ONE);
        let sealed = vault.seal_text("a", "hunter2").unwrap();
        assert_eq!(vault.open_text("b", &sealed), Err(Locked::Broken));
        for place in ["1:".len() + 9, sealed.len() - 1] {
            let mut changed = sealed.clone().into_bytes();
            changed[place] = if changed[place] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(vault.open_text("a", &changed), Err(Locked::Broken), "{place}");
        }
        for wrong in ["", "1:", "2:00000000:00", "1:x"] {
            assert_eq!(vault.open_text("a", wrong), Err(Locked::Broken), "{wrong}");
        }
        let short = sealed[..30].to_owned();
        assert_eq!(vault.open_text("a", &short), Err(Locked::Broken));
    }

    #[test]
    fn the_first_key_seals_and_all_of_them_open() {
        let (old, both, new) = (vault(ONE), vault(&format!("{TWO},{ONE}")), vault(TWO));
        let sealed = Sealed::new(&old.seal_text("a", "hunter2").unwrap());
        let text = sealed.sealed().unwrap();
        assert_eq!(both.open_text("a", text).unwrap(), "hunter2");
        assert!(old.is_up_to_date(&sealed) && !both.is_up_to_date(&sealed));
        let again = both.seal_text("a", "hunter2").unwrap();
        assert_eq!(new.open_text("a", &again).unwrap(), "hunter2");
        let name = text.split(':').nth(1).unwrap().to_owned();
        assert_eq!(new.open_text("a", text), Err(Locked::OtherKey(name)));
    }

    #[test]
    fn without_a_key_nothing_is_sealed() {
        assert_eq!(Vault::default().seal_text("a", "hunter2"), Err(Locked::NoKey));
        assert!(!Vault::default().has_key() && Vault::fleeting().has_key());
    }

    #[test]
    fn keys_are_read_from_a_list_or_from_lines_and_not_shown() {
        assert_eq!(vault(&format!(" {ONE} ,{TWO}\n")).0.len(), 2);
        assert_eq!(vault(&format!("{ONE}\n{TWO}\n")).0.len(), 2);
        assert_eq!(format!("{:?}", vault(ONE)), "Vault(1 keys)");
        assert_eq!(vault(&Vault::new_key()).0.len(), 1);
        for wrong in [
            "",
            ",",
            "hunter2",
            &ONE[1..],
            &format!("{ONE},hunter2"),
            &format!("{ONE},").repeat(17),
        ] {
            assert_eq!(wrong.parse::<Vault>().unwrap_err(), InvalidKeys, "{wrong}");
        }
    }
}
