//! What signs: a text that the receiver knows, too.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand_core::Rng;

/// How Standard Webhooks marks a secret whose bytes are written in base64.
const MARK: &str = "whsec_";

/// Bytes of a secret that the server makes; Standard Webhooks asks for 24 to 64.
const BYTES: usize = 32;

/// Longest secret, in characters.
const LONGEST: usize = 255;

/// A secret. What shows it, shows it on purpose: [`Secret::reveal`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

/// A text that is no secret. It does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecret {
    /// It is empty, too long, or has characters that cannot be typed.
    #[error("must be 1 to 255 printable ASCII characters")]
    Text,
    /// What follows `whsec_` is not base64, or is empty.
    #[error("must have base64 after `whsec_`")]
    Base64,
}

impl Secret {
    /// A new one: `whsec_` and 32 bytes of `rng` in base64.
    pub fn mint<R: Rng + ?Sized>(rng: &mut R) -> Self {
        let mut bytes = [0; BYTES];
        rng.fill_bytes(&mut bytes);
        Self(format!("{MARK}{}", STANDARD.encode(bytes)).into())
    }

    /// The text, for whoever may see it: the store, and the one who asked for the secret.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The bytes that sign: what `whsec_…` encodes, or else the bytes of the text.
    pub fn key(&self) -> Vec<u8> {
        match self.0.strip_prefix(MARK) {
            // Checked when it was made.
            Some(encoded) => decode(encoded).unwrap_or_default(),
            None => self.0.as_bytes().to_vec(),
        }
    }
}

/// The bytes of a text in base64, with or without its padding.
fn decode(encoded: &str) -> Option<Vec<u8>> {
    let unpadded = encoded.trim_end_matches('=');
    let engine = base64::engine::general_purpose::STANDARD_NO_PAD;
    (encoded.len() - unpadded.len() <= 2)
        .then(|| engine.decode(unpadded).ok())
        .flatten()
}

impl FromStr for Secret {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        let printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if text.is_empty() || text.len() > LONGEST || !printable {
            return Err(InvalidSecret::Text);
        }
        if let Some(encoded) = text.strip_prefix(MARK)
            && decode(encoded).is_none_or(|bytes| bytes.is_empty())
        {
            return Err(InvalidSecret::Base64);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn a_secret_of_the_server_is_32_bytes_and_reads_back() {
        let secret = Secret::mint(&mut rand::rngs::StdRng::seed_from_u64(1));
        assert!(secret.reveal().starts_with("whsec_"));
        assert_eq!(secret.key().len(), 32);
        assert_eq!(secret.reveal().parse(), Ok(secret.clone()));
        assert_ne!(secret, Secret::mint(&mut rand::rngs::StdRng::seed_from_u64(2)));
    }

    #[test]
    fn a_marked_secret_is_decoded_and_any_other_is_its_bytes() {
        let key = |text: &str| text.parse::<Secret>().map(|secret| secret.key());
        assert_eq!(key("whsec_aGVsbG8="), Ok(b"hello".to_vec()));
        assert_eq!(key("whsec_aGVsbG8"), Ok(b"hello".to_vec()));
        assert_eq!(key("aGVsbG8="), Ok(b"aGVsbG8=".to_vec()));
        assert_eq!(key("a secret"), Ok(b"a secret".to_vec()));
    }

    #[test]
    fn what_cannot_sign_is_refused() {
        for text in ["", "a\nb", "ä", &"x".repeat(256)] {
            assert_eq!(text.parse::<Secret>(), Err(InvalidSecret::Text), "{text}");
        }
        for text in ["whsec_", "whsec_!", "whsec_a", "whsec_aGVsbG8===", "whsec_="] {
            assert_eq!(text.parse::<Secret>(), Err(InvalidSecret::Base64), "{text}");
        }
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        let secret: Secret = "hunter2".parse().unwrap();
        assert_eq!(
            format!("{secret:?} {:?}", Some(&secret)),
            "Secret(…) Some(Secret(…))"
        );
    }
}
