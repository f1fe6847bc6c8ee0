//! HTTP message signatures (RFC 9421) with Ed25519, as far as requests of agents use them.
//!
//! This reads the fields `Signature-Input` and `Signature`, builds the text that was signed, and says whether what the
//! signature covers, and when it was made, will do. It knows neither agents nor connections.
//!
//! - There is one signature. Covered are `@method`, the target (`@target-uri`, or `@authority`, `@path` and `@query`),
//!   and `content-digest` (RFC 9530) where there is a body; other fields may be covered too.
//! - The parameters `created`, `keyid` and `nonce` are there; `expires`, `alg` and `tag` may be. A signature counts for
//!   [`LIFE`] seconds before and after `created`.

use actix_web::http::header::HeaderMap;
use ains_core::identity::PublicKey;
use ains_core::{AgentId, Timestamp};
use sfv::{BareItem, Dictionary, FieldType as _, InnerList, ListEntry, Parser};
use sha2::{Digest as _, Sha256, Sha512};

/// Seconds by which a signature may be older than the server's clock, or newer.
pub(crate) const LIFE: i64 = 60;

/// Longest nonce, in bytes.
const LONGEST_NONCE: usize = 128;

/// Most components that a signature may cover.
const MOST_COMPONENTS: usize = 32;

/// What a body's digest is sent in.
pub(crate) const CONTENT_DIGEST: &str = "content-digest";

/// Why a signature does not let a request in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("`{0}` is missing or cannot be read")]
    Unreadable(&'static str),
    #[error("there must be one signature, under the same label in both fields")]
    NotOne,
    #[error("`{0}` must be covered")]
    NotCovered(&'static str),
    #[error("`{0}` is covered twice")]
    Twice(String),
    #[error("`{0}` cannot be covered")]
    Unsupported(String),
    #[error("`{0}` is covered, but the request has none")]
    Absent(String),
    #[error("the parameter `{0}` is missing or is not what it should be")]
    Parameter(&'static str),
    #[error("`created` is more than {LIFE} seconds away from the server's clock")]
    Untimely,
    #[error("it has expired")]
    Expired,
    #[error("it does not match the agent's key")]
    Mismatch,
    #[error("its nonce was used before")]
    Again,
    #[error("the body is not the one of `content-digest`")]
    OtherBody,
}

/// A request, as far as a signature can cover it.
#[derive(Debug)]
pub(crate) struct Message<'a> {
    pub(crate) method: &'a str,
    /// `http` or `https`.
    pub(crate) scheme: &'a str,
    /// As sent: the host, and the port if there is one.
    pub(crate) authority: &'a str,
    /// As sent, with everything that is escaped.
    pub(crate) path: &'a str,
    /// Without the question mark.
    pub(crate) query: Option<&'a str>,
    pub(crate) fields: &'a HeaderMap,
}

/// A signature, and what it says of itself.
#[derive(Debug)]
pub(crate) struct Signature {
    input: InnerList,
    bytes: [u8; 64],
}

/// What a signature promises.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    /// Who says to have signed.
    pub(crate) agent: AgentId,
    /// Second since 1970.
    pub(crate) created: i64,
    /// Sent once only.
    pub(crate) nonce: String,
}

impl Signature {
    /// The signature of a request with these fields.
    pub(crate) fn of(fields: &HeaderMap) -> Result<Self, Fault> {
        let dictionary = |name| {
            let text = joined(fields, name).ok_or(Fault::Unreadable(name))?;
            let parsed: Result<Dictionary, _> = Parser::new(&text).parse();
            parsed.map_err(|_| Fault::Unreadable(name))
        };
        let mut inputs = dictionary("signature-input")?;
        let signatures = dictionary("signature")?;
        let (Some((label, input)), true, 1) = (inputs.pop(), inputs.is_empty(), signatures.len()) else {
            return Err(Fault::NotOne);
        };
        let ListEntry::InnerList(input) = input else {
            return Err(Fault::Unreadable("signature-input"));
        };
        let signature = match signatures.get(&label) {
            Some(ListEntry::Item(item)) => item.bare_item.as_byte_sequence(),
            Some(ListEntry::InnerList(_)) => None,
            None => return Err(Fault::NotOne),
        };
        let bytes = signature.and_then(|bytes| bytes.try_into().ok());
        let bytes = bytes.ok_or(Fault::Unreadable("signature"))?;
        Ok(Self { input, bytes })
    }

    /// The names of what is covered.
    fn covered(&self) -> impl Iterator<Item = &str> {
        let names = self
            .input
            .items
            .iter()
            .filter_map(|item| item.bare_item.as_string());
        names.map(sfv::StringRef::as_str)
    }

    pub(crate) fn covers(&self, name: &str) -> bool {
        self.covered().any(|covered| covered == name)
    }

    /// What it promises, if that will do at `now`.
    pub(crate) fn terms(&self, now: Timestamp) -> Result<Terms, Fault> {
        let text = |name: &'static str| match self.input.params.get(name) {
            None => Ok(None),
            Some(BareItem::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(Fault::Parameter(name)),
        };
        let number = |name: &'static str| match self.input.params.get(name) {
            None => Ok(None),
            Some(BareItem::Integer(number)) => Ok(Some(i64::from(*number))),
            Some(_) => Err(Fault::Parameter(name)),
        };
        if text("alg")?.is_some_and(|alg| alg != "ed25519") {
            return Err(Fault::Parameter("alg"));
        }
        let agent = text("keyid")?.and_then(|id| id.parse().ok());
        let nonce = text("nonce")?.filter(|nonce| (1..=LONGEST_NONCE).contains(&nonce.len()));
        let created = number("created")?.ok_or(Fault::Parameter("created"))?;
        let expires = number("expires")?;
        for needed in ["@method"] {
            if !self.covers(needed) {
                return Err(Fault::NotCovered(needed));
            }
        }
        if !self.covers("@target-uri") {
            for needed in ["@authority", "@path", "@query"] {
                if !self.covers(needed) {
                    return Err(Fault::NotCovered(needed));
                }
            }
        }
        let second = now.as_micros().div_euclid(1_000_000);
        if second.abs_diff(created) > LIFE.unsigned_abs() {
            return Err(Fault::Untimely);
        }
        if expires.is_some_and(|expires| expires <= second) {
            return Err(Fault::Expired);
        }
        Ok(Terms {
            agent: agent.ok_or(Fault::Parameter("keyid"))?,
            created,
            nonce: nonce.ok_or(Fault::Parameter("nonce"))?.to_owned(),
        })
    }

    /// Whether `key` signed `base`, which is the [text](Self::base) of a message.
    ///
    /// # Errors
    /// When it did not.
    pub(crate) fn verify(&self, key: &PublicKey, base: &str) -> Result<(), Fault> {
        if key.signed(base.as_bytes(), &self.bytes) {
            Ok(())
        } else {
            Err(Fault::Mismatch)
        }
    }

    /// The text that was signed (RFC 9421, section 2.5).
    ///
    /// # Errors
    /// What of it is not as this server reads it: the same whoever has signed.
    pub(crate) fn base(&self, message: &Message<'_>) -> Result<String, Fault> {
        if self.input.items.len() > MOST_COMPONENTS {
            return Err(Fault::Unsupported("more than 32 components".to_owned()));
        }
        let mut base = String::new();
        for (place, item) in self.input.items.iter().enumerate() {
            let name = item
                .bare_item
                .as_string()
                .ok_or(Fault::Unreadable("signature-input"))?;
            let name = name.as_str();
            if !item.params.is_empty() {
                return Err(Fault::Unsupported(item.serialize()));
            }
            if self.covered().take(place).any(|earlier| earlier == name) {
                return Err(Fault::Twice(name.to_owned()));
            }
            base.extend(["\"", name, "\": ", &message.component(name)?, "\n"]);
        }
        let input = ListEntry::InnerList(self.input.clone());
        let params = vec![input]
            .serialize()
            .ok_or(Fault::Unreadable("signature-input"))?;
        base.extend(["\"@signature-params\": ", &params]);
        Ok(base)
    }
}

impl Message<'_> {
    /// The value of a component (RFC 9421, section 2).
    fn component(&self, name: &str) -> Result<String, Fault> {
        let path = if self.path.is_empty() { "/" } else { self.path };
        Ok(match name {
            "@method" => self.method.to_owned(),
            "@scheme" => self.scheme.to_owned(),
            "@authority" => self.host(),
            "@path" => path.to_owned(),
            "@query" => format!("?{}", self.query.unwrap_or_default()),
            "@request-target" => format!("{path}{}", self.with_mark()),
            "@target-uri" => format!("{}://{}{path}{}", self.scheme, self.host(), self.with_mark()),
            derived if derived.starts_with('@') => return Err(Fault::Unsupported(derived.to_owned())),
            field if field.bytes().any(|byte| byte.is_ascii_uppercase()) => {
                return Err(Fault::Unsupported(field.to_owned()));
            }
            field => joined(self.fields, field).ok_or_else(|| Fault::Absent(field.to_owned()))?,
        })
    }

    fn with_mark(&self) -> String {
        self.query.map(|query| format!("?{query}")).unwrap_or_default()
    }

    /// The authority in its normal form: in lower case, and without the port that the scheme has anyway.
    fn host(&self) -> String {
        let usual = if self.scheme == "https" { ":443" } else { ":80" };
        let host = self.authority.to_ascii_lowercase();
        host.strip_suffix(usual)
            .map_or_else(|| host.clone(), str::to_owned)
    }
}

/// The value of a field, of which there may be several lines; `None` without any, or if one is not ASCII.
fn joined(fields: &HeaderMap, name: &str) -> Option<String> {
    let lines: Option<Vec<&str>> = fields.get_all(name).map(|line| line.to_str().ok()).collect();
    let lines: Vec<&str> = lines?.into_iter().map(str::trim).collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}

/// Whether `body` is what the field `Content-Digest` (RFC 9530) says: by every algorithm in it that is known here, of
/// which there must be one.
pub(crate) fn digest_matches(fields: &HeaderMap, body: &[u8]) -> Result<(), Fault> {
    let unreadable = Fault::Unreadable(CONTENT_DIGEST);
    let text = joined(fields, CONTENT_DIGEST).ok_or_else(|| unreadable.clone())?;
    let digests: Dictionary = Parser::new(&text).parse().map_err(|_| unreadable.clone())?;
    let mut known = 0;
    for (algorithm, entry) in &digests {
        let digest = match algorithm.as_str() {
            "sha-256" => Sha256::digest(body).to_vec(),
            "sha-512" => Sha512::digest(body).to_vec(),
            _ => continue,
        };
        known += 1;
        let sent = match entry {
            ListEntry::Item(item) => item.bare_item.as_byte_sequence(),
            ListEntry::InnerList(_) => None,
        };
        if sent.ok_or_else(|| unreadable.clone())? != digest {
            return Err(Fault::OtherBody);
        }
    }
    if known == 0 { Err(unreadable) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
