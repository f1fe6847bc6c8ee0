//! Holds an agent's identity: an Ed25519 key, and what it signs.

use std::fmt;
use std::io::{Error as IoError, ErrorKind, Write as _};
use std::path::Path;

use ains_api::RotateAgentKey;
use ed25519_dalek::{Signer as _, SigningKey};
use rand::TryRng as _;
use rand::rngs::SysRng;

use crate::Error;

/// The Ed25519 key of an agent. It is never sent; only its public half and signatures are.
#[derive(Clone)]
pub struct AgentKey(SigningKey);

impl AgentKey {
    /// A new key from the randomness of the operating system.
    ///
    /// # Panics
    ///
    /// If the operating system has no randomness to give.
    pub fn generate() -> Self {
        let mut seed = [0; 32];
        SysRng
            .try_fill_bytes(&mut seed)
            .expect("the operating system provides randomness");
        Self::from_seed(&seed)
    }

    /// The key of a seed of 32 secret bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The key kept in the file at `path` as 64 hexadecimal digits. Where there is no file, a new key is made and kept
    /// there, readable by its owner only.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or written, or holds something else.
    pub fn load_or_create(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        Self::load(path)
            .or_else(|error| match error.kind() {
                ErrorKind::NotFound => Self::create(path),
                _ => Err(error),
            })
            .map_err(|source| Error::Key {
                path: path.display().to_string(),
                source,
            })
    }

    fn load(path: &Path) -> Result<Self, IoError> {
        let mut seed = [0; 32];
        hex::decode_to_slice(std::fs::read_to_string(path)?.trim(), &mut seed)
            .map_err(|error| IoError::new(ErrorKind::InvalidData, error))?;
        Ok(Self::from_seed(&seed))
    }

    fn create(path: &Path) -> Result<Self, IoError> {
        let key = Self::generate();
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        writeln!(options.open(path)?, "{}", hex::encode(key.0.as_bytes()))?;
        Ok(key)
    }

    /// The public key, 64 hexadecimal digits.
    pub fn public_hex(&self) -> String {
        hex::encode(self.0.verifying_key().as_bytes())
    }

    /// The signature over the parts, one after the other; 128 hexadecimal digits. An agent registers with the
    /// signature over its id and its endpoint.
    pub fn sign(&self, parts: &[&str]) -> String {
        hex::encode(self.sign_bytes(parts.concat().as_bytes()))
    }

    pub(crate) fn sign_bytes(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }

    /// What makes `new` the key of the agent whose key this is; `endpoint` as it stands at the server.
    pub fn rotate(&self, new: &Self, agent_id: &str, endpoint: &str) -> RotateAgentKey {
        let public_key = new.public_hex();
        RotateAgentKey {
            signature: new.sign(&[agent_id, endpoint]),
            proof: self.sign(&["ains-rotate-key:", agent_id, ":", &public_key]),
            public_key,
        }
    }
}

impl fmt::Debug for AgentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AgentKey({})", self.public_hex())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_rfc_8032() {
        // RFC 8032, section 7.1, test 1: the empty message.
        let mut seed = [0; 32];
        hex::decode_to_slice(
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            &mut seed,
        )
        .expect("hex");
        let key = AgentKey::from_seed(&seed);
        assert_eq!(
            key.public_hex(),
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        );
        assert!(
            key.sign(&["", ""])
                .starts_with("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8")
        );
    }

    #[test]
    fn a_kept_key_is_found_again() {
        let path = std::env::temp_dir().join(format!("ains-key-{}", AgentKey::generate().public_hex()));
        let made = AgentKey::load_or_create(&path).expect("a new key");
        let found = AgentKey::load_or_create(&path).expect("the same key");
        std::fs::write(&path, "not a key").expect("a writable file");
        let error = AgentKey::load_or_create(&path).expect_err("not a key");
        std::fs::remove_file(&path).expect("a removable file");
        assert_eq!(made.public_hex(), found.public_hex());
        assert!(matches!(error, Error::Key { .. }), "{error}");
    }
}
