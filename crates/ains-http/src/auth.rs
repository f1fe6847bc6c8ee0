//! Who is calling, and whether they may: the one place that every request passes.
//!
//! - Everything but `/health…` needs a key: `X-API-Key`, `Authorization: Bearer`, or HTTP Basic with the key as
//!   the password, so that a browser can open the documentation.
//! - With authentication off no key is needed, but one that is sent is still checked.
//! - What a known key may do is decided by [`authorize`] alone.

mod base64;

use std::future::{Ready, ready};

use actix_web::dev::{Payload, ServiceRequest};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderName};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use ains_core::ClientId;
use ains_service::model::Principal;

use crate::app::HttpState;
use crate::problem::{Kind, Problem};

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

/// Lets a request in: with whom it is from, if it carries a key.
///
/// # Errors
/// 401 without a key where one is needed, or with one that is not known; 403 if the key may not do this.
pub(crate) async fn admit(state: &HttpState, request: &ServiceRequest) -> Result<Option<Principal>, Problem> {
    let path = request.path();
    if path == "/health" || path.starts_with("/health/") {
        return Ok(None);
    }
    let refuse = |detail| {
        let challenge = if is_for_browsers(request.method(), path) {
            r#"Basic realm="AINS""#
        } else {
            "Bearer"
        };
        Problem::new(Kind::Unauthorized, detail).challenged(challenge)
    };
    match key(request.headers()) {
        Key::None if state.auth == Auth::Off => Ok(None),
        Key::None => Err(refuse("API key required")),
        Key::Unreadable => Err(refuse("Invalid API key")),
        Key::Sent(secret) => {
            let principal = state
                .ains
                .authenticate(&secret)
                .await?
                .ok_or_else(|| refuse("Invalid API key"))?;
            authorize(&principal, request.method(), path)?;
            Ok(Some(principal))
        }
    }
}

/// Whether `principal` may do this. Scopes come in here: this function is asked once for every request with a key,
/// before anything else looks at it.
///
/// So far a key is an admin's or not, and what reaches beyond one client is the admin's.
fn authorize(principal: &Principal, method: &Method, path: &str) -> Result<(), Problem> {
    let for_admins = path.starts_with("/ains/clients/")
        || path.contains("/maintenance/")
        || (path.ends_with("/trust/adjust") && method == Method::POST);
    if for_admins && !principal.admin {
        return Err(Problem::new(Kind::Forbidden, "This needs an admin key"));
    }
    Ok(())
}

/// Pages that people open, and what those pages load.
fn is_for_browsers(method: &Method, path: &str) -> bool {
    method == Method::GET
        && (matches!(path, "/" | "/docs" | "/openapi.json")
            || path.starts_with("/docs/")
            || path.starts_with("/problems/"))
}

#[derive(Debug, PartialEq, Eq)]
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

/// Whom a request is from, for handlers.
#[derive(Debug, Clone)]
pub(crate) struct Caller(Option<Principal>);

impl Caller {
    /// The client that the key is bound to.
    pub(crate) fn client(&self) -> Option<&ClientId> {
        self.0.as_ref()?.client.as_ref()
    }

    /// Whose idempotency keys its own are: its client's, its key's, or everybody's who has none.
    pub(crate) fn scope(&self) -> String {
        match &self.0 {
            Some(Principal {
                client: Some(client), ..
            }) => format!("client:{client}"),
            Some(Principal { key: Some(key), .. }) => format!("key:{key}"),
            _ => "anonymous".to_owned(),
        }
    }

    /// Refuses to act for a client that the key is not bound to.
    ///
    /// # Errors
    /// 403 for another client than its own.
    pub(crate) fn acts_for(&self, client: &ClientId) -> Result<(), Problem> {
        match self.client() {
            Some(own) if own != client => Err(Problem::new(
                Kind::Forbidden,
                "This key is bound to another client",
            )),
            _ => Ok(()),
        }
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(request.extensions().get::<Principal>().cloned())))
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
