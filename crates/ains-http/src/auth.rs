//! Who is calling, and whether they may: the one place that every request passes.
//!
//! - Everything but `/health…` needs a key: `X-API-Key`, `Authorization: Bearer`, or HTTP Basic with the key as
//!   the password, so that a browser can open the documentation.
//! - An agent may sign its requests instead ([`signed`]). Where a key is sent, that counts.
//! - With authentication off no key is needed, but one that is sent is still checked.
//! - What a known key may do is decided by the [gate](gate) of each route, from what the route asks for ([`need`]).

mod base64;
mod caller;
mod gate;
mod need;
mod nonces;
mod signature;
mod signed;
mod standing;

use std::borrow::Cow;
use std::sync::Arc;

use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderName};
use ains_service::model::Principal;

use crate::address::client_address;
use crate::app::HttpState;
use crate::problem::{Kind, Problem};

pub(crate) use caller::Caller;
pub(crate) use gate::Gate;
pub(crate) use need::{Need, Noun, Rule};
pub(crate) use nonces::Nonces;
pub(crate) use standing::Watch;

/// The header of a key.
static X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Whether a key is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// It is.
    On,
    /// It is not; for a server that only this machine can reach.
    Off,
}

/// Whom a request is from, if it carries a key. Whether they may do what they want, the [gate](gate) of the route decides;
/// so a request without a key that needs none passes.
///
/// What comes without a good key is limited by where it comes from, unless authentication is off.
///
/// # Errors
/// 401 without a key where one is needed, or with one that is not good, and those of a signature; 429 if there was too much of
/// that.
pub(crate) async fn admit(
    state: &HttpState,
    request: &mut ServiceRequest,
) -> Result<Option<Arc<Principal>>, Problem> {
    let address = match state.auth {
        Auth::On => client_address(request.request(), &state.proxies),
        Auth::Off => None,
    };
    let stranger = || address.map_or(Ok(()), |address| state.ains.pass_stranger(address));
    if is_open(request.path()) {
        stranger()?;
        return Ok(None);
    }
    let refusal = match key(request.headers()) {
        Key::None if signed::is_signed(request.headers()) => {
            let signed = signed::admit(state, request, address).await.map(Some);
            if signed.is_err() {
                stranger()?;
            }
            return signed;
        }
        Key::None if state.auth == Auth::Off => return Ok(None),
        Key::None => "API key required",
        Key::Unreadable => "Invalid API key",
        Key::Sent(secret) => {
            let found = state.ains.authenticate(&secret, address).await?;
            if found.is_some() {
                return Ok(found);
            }
            "Invalid API key"
        }
    };
    stranger()?;
    Err(challenge(refusal, request))
}

/// 401, with what to send.
fn challenge(detail: impl Into<Cow<'static, str>>, request: &ServiceRequest) -> Problem {
    let challenge = if is_for_browsers(request.method(), request.path()) {
        r#"Basic realm="AINS""#
    } else {
        "Bearer"
    };
    Problem::new(Kind::Unauthorized, detail).challenged(challenge)
}

/// Whether a path is for everybody: what it answers says nothing about anybody's work.
fn is_open(path: &str) -> bool {
    path == "/health" || path.starts_with("/health/")
}

/// Pages that people open, and what those pages load.
fn is_for_browsers(method: &Method, path: &str) -> bool {
    method == Method::GET
        && (matches!(path, "/" | "/docs" | "/openapi.json")
            || path.starts_with("/docs/")
            || path.starts_with("/problems/"))
}

#[derive(PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
enum Key {
    None,
    Unreadable,
    Sent(String),
}

fn key(headers: &HeaderMap) -> Key {
    if let Some(sent) = headers.get(&X_API_KEY) {
        return sent
            .to_str()
            .map_or(Key::Unreadable, |key| Key::Sent(key.trim().to_owned()));
    }
    let Some(sent) = headers.get(header::AUTHORIZATION) else {
        return Key::None;
    };
    let Ok(sent) = sent.to_str() else {
        return Key::Unreadable;
    };
    let (scheme, rest) = sent.split_once(' ').unwrap_or((sent, ""));
    if scheme.eq_ignore_ascii_case("bearer") {
        Key::Sent(rest.trim().to_owned())
    } else if scheme.eq_ignore_ascii_case("basic") {
        let pair = base64::decode(rest.trim()).and_then(|bytes| String::from_utf8(bytes).ok());
        let password = pair
            .as_deref()
            .and_then(|pair| pair.split_once(':'))
            .map(|(_, password)| password);
        password.map_or(Key::Unreadable, |password| Key::Sent(password.to_owned()))
    } else {
        Key::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn sent(name: &'static str, value: &[u8]) -> Key {
        let mut headers = HeaderMap::new();
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_bytes(value).unwrap(),
        );
        key(&headers)
    }

    #[test]
    fn a_key_is_found_in_three_places() {
        let key = Key::Sent("ains_secret".to_owned());
        assert_eq!(sent("x-api-key", b"ains_secret"), key);
        assert_eq!(sent("authorization", b"Bearer ains_secret"), key);
        assert_eq!(sent("authorization", b"bearer  ains_secret "), key);
        assert_eq!(
            sent("authorization", b"Basic YWRtaW46YWluc19zZWNyZXQ="),
            key,
            "admin:ains_secret"
        );
        assert_eq!(
            sent("authorization", b"Basic OmFpbnNfc2VjcmV0"),
            key,
            ":ains_secret"
        );
    }

    #[test]
    fn what_cannot_be_a_key_is_not_taken_for_none() {
        for value in [&b"Basic %%%"[..], b"Basic YWRtaW4=", b"Bearer \xe4"] {
            assert_eq!(sent("authorization", value), Key::Unreadable, "{value:?}");
        }
        assert_eq!(sent("x-api-key", b"\xff"), Key::Unreadable);
        assert_eq!(sent("authorization", b"Digest x"), Key::None);
        assert_eq!(sent("authorization", b"Bearer"), Key::Sent(String::new()));
    }

    #[test]
    fn pages_are_for_browsers() {
        assert!(is_for_browsers(&Method::GET, "/docs/swagger-ui.css"));
        assert!(!is_for_browsers(&Method::GET, "/ains/tasks"));
        assert!(!is_for_browsers(&Method::POST, "/docs"));
    }
}
