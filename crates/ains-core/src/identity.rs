//! Who an agent is: the holder of an Ed25519 key (RFC 8032).
//!
//! - An agent registers with its key's signature over its id followed by its endpoint ([`registration`]).
//! - It changes its key with the new key's signature over the same, and the old key's over [`rotation`]: who holds
//!   only one of the two keys cannot.
//! - Verification is strict: a key must be the canonical encoding of a point that is not of small order, and of all
//!   signatures of a text by a key only the one that the key makes has a chance. So nothing can be signed for
//!   everybody, and a signature cannot be turned into another.

use ed25519_dalek::{Signature, VerifyingKey};

use crate::AgentId;

/// A public key that may stand for an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// Why a key or a signature does not say who an agent is.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum IdentityError {
    /// Not hexadecimal digits.
    #[error("{field} is not hex: {reason}")]
    NotHex {
        /// Which text.
        field: &'static str,
        /// What is wrong with it.
        reason: hex::FromHexError,
    },
    /// Not as many bytes as a key or a signature has.
    #[error("{field} is not {bytes} bytes")]
    WrongLength {
        /// Which text.
        field: &'static str,
        /// How many bytes it should be.
        bytes: usize,
    },
    /// No point of the curve, or one that is not written as it should be.
    #[error("{0} is not an Ed25519 key")]
    NotAKey(&'static str),
    /// A point of small order: everybody can make signatures that fit it.
    #[error("{0} is a weak key")]
    Weak(&'static str),
    /// The signature is of something else, or by another key.
    #[error("{field} does not match {key} over {text}")]
    Mismatch {
        /// Which signature.
        field: &'static str,
        /// Whose it should be.
        key: &'static str,
        /// What it should be over.
        text: &'static str,
    },
}

impl PublicKey {
    /// The key of 64 hexadecimal digits, which errors call `field`.
    ///
    /// # Errors
    /// When it is none that could stand for somebody.
    pub fn from_hex(field: &'static str, text: &str) -> Result<Self, IdentityError> {
        let bytes: [u8; 32] = sized(field, unhex(field, text)?)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| IdentityError::NotAKey(field))?;
        if key.is_weak() {
            return Err(IdentityError::Weak(field));
        }
        if key.to_edwards().compress().as_bytes() != &bytes {
            return Err(IdentityError::NotAKey(field));
        }
        Ok(Self(key))
    }

    /// Whether `signature` is this key's over `message`.
    pub fn signed(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let signature = Signature::from_bytes(signature);
        self.0.verify_strict(message, &signature).is_ok()
    }
}

/// What an agent's key signs when it registers: its id followed by its endpoint.
pub fn registration(agent: &AgentId, endpoint: &str) -> String {
    format!("{agent}{endpoint}")
}

/// What the old key signs when an agent changes its key: `ains-rotate-key:<agent id>:<new key>`, the new key in lower
/// case.
pub fn rotation(agent: &AgentId, new_key: &str) -> String {
    format!("ains-rotate-key:{agent}:{}", new_key.to_ascii_lowercase())
}

/// How much is asked of keys and signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Signatures must be good.
    Signature,
    /// Any hexadecimal text will do: for development, and for agents that cannot sign.
    HexOnly,
}

impl Proof {
    /// Whether this is the registration of an agent by the holder of `key`.
    ///
    /// # Errors
    /// When key or signature are not what they should be.
    pub fn of_registration(
        self,
        agent: &AgentId,
        endpoint: &str,
        key: &str,
        signature: &str,
    ) -> Result<(), IdentityError> {
        if self == Self::HexOnly {
            unhex("public_key", key)?;
            unhex("signature", signature)?;
            return Ok(());
        }
        let key = PublicKey::from_hex("public_key", key)?;
        let signature: [u8; 64] = sized("signature", unhex("signature", signature)?)?;
        if key.signed(registration(agent, endpoint).as_bytes(), &signature) {
            return Ok(());
        }
        Err(IdentityError::Mismatch {
            field: "signature",
            key: "public_key",
            text: "agent_id followed by endpoint",
        })
    }

    /// Whether the holder of the agent's key `old` lets `new` take its place.
    ///
    /// # Errors
    /// When the old key or the proof are not what they should be.
    pub fn of_rotation(
        self,
        agent: &AgentId,
        old: &str,
        new: &str,
        proof: &str,
    ) -> Result<(), IdentityError> {
        let proof = unhex("proof", proof)?;
        if self == Self::HexOnly {
            return Ok(());
        }
        let old = PublicKey::from_hex("the agent's present key", old)?;
        if old.signed(rotation(agent, new).as_bytes(), &sized("proof", proof)?) {
            return Ok(());
        }
        Err(IdentityError::Mismatch {
            field: "proof",
            key: "the agent's present key",
            text: "ains-rotate-key:<agent_id>:<public_key>",
        })
    }
}

fn unhex(field: &'static str, text: &str) -> Result<Vec<u8>, IdentityError> {
    hex::decode(text).map_err(|reason| IdentityError::NotHex { field, reason })
}

fn sized<const N: usize>(field: &'static str, bytes: Vec<u8>) -> Result<[u8; N], IdentityError> {
    bytes
        .try_into()
        .map_err(|_| IdentityError::WrongLength { field, bytes: N })
}
