//! Pages of other sites: which of them a browser lets ask this server and read the answer.
//!
//! None, unless origins were named. A browser asks first, by a preflight, which carries no key, so it is answered before
//! anybody is asked for one. Keys travel in headers that a page has to set itself; cookies are not used, so credentials are
//! never allowed. But a browser that has been given a key for the documentation sends it along by itself, whatever page asks: so what changes something
//! is refused when the browser says that a page of another site asks for it.

use std::str::FromStr;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::problem::{Kind, Problem};

/// What a page may send beyond what every page may.
const REQUEST_HEADERS: &str = "authorization, content-type, content-digest, idempotency-key, if-match, if-none-match, last-event-id, signature, signature-input, traceparent, x-api-key, x-request-id";

/// What a page may read beyond what every page may.
const ANSWER_HEADERS: &str = "deprecation, etag, idempotent-replayed, link, location, ratelimit, ratelimit-policy, retry-after, x-request-id";

/// The methods of the routes.
const METHODS: &str = "GET, POST, PUT, PATCH, DELETE";

/// How long a browser keeps the answer to a preflight, in seconds: what it does at most is two hours.
const MAX_AGE: &str = "600";

/// How a browser says whose page asks.
static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The origins whose pages may ask; none by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(Arc<[Box<str>]>);

/// A text that is no list of origins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "is not a list of origins such as https://app.example or http://localhost:3000, with commas between them"
)]
pub struct InvalidOrigins;

impl FromStr for Origins {
    type Err = InvalidOrigins;

    fn from_str(text: &str) -> Result<Self, InvalidOrigins> {
        let origins = text.split(',').map(|origin| {
            let origin = origin.trim();
            let (scheme, host) = origin.split_once("://").ok_or(InvalidOrigins)?;
            let sound = matches!(scheme, "http" | "https")
                && !host.is_empty()
                && host.bytes().all(|byte| {
                    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.:[]".contains(&byte)
                });
            sound.then(|| origin.into()).ok_or(InvalidOrigins)
        });
        Ok(Self(origins.collect::<Result<_, _>>()?))
    }
}

impl Origins {
    /// The origin of a request, if it was named.
    pub(crate) fn named(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        if self.0.is_empty() {
            return None;
        }
        let origin = headers.get(header::ORIGIN)?;
        let named = self.0.iter().any(|named| named.as_bytes() == origin.as_bytes());
        named.then(|| origin.clone())
    }

    /// The answer to a preflight from an origin that was named.
    pub(crate) fn preflight(request: &ServiceRequest, named: Option<&HeaderValue>) -> Option<HttpResponse> {
        let asks = request.method() == Method::OPTIONS
            && request
                .headers()
                .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        (asks && named.is_some()).then(|| {
            HttpResponse::NoContent()
                .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, METHODS))
                .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS))
                .insert_header((header::ACCESS_CONTROL_MAX_AGE, MAX_AGE))
                .finish()
        })
    }

    /// Refuses what would change something and is asked for by a page of another site.
    ///
    /// # Errors
    /// 403.
    pub(crate) fn refuse_forged(
        request: &ServiceRequest,
        named: Option<&HeaderValue>,
    ) -> Result<(), Problem> {
        let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        let site = request.headers().get(&SEC_FETCH_SITE).map(HeaderValue::as_bytes);
        let own = match site {
            Some(site) => matches!(site, b"same-origin" | b"none"),
            // Browsers do not say it over HTTP; whose page asks they say all the same. What is no browser says neither.
            None => request
                .headers()
                .get(header::ORIGIN)
                .is_none_or(|origin| is_of_host(origin, request.headers().get(header::HOST))),
        };
        if reads || own || named.is_some() {
            return Ok(());
        }
        Err(Problem::new(
            Kind::Forbidden,
            "A page of another site may not ask for this",
        ))
    }

    /// Lets the page that asked read the answer, if its origin was named.
    pub(crate) fn put(&self, named: Option<HeaderValue>, headers: &mut HeaderMap) {
        if self.0.is_empty() {
            return;
        }
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = named {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(
                header::ACCESS_CONTROL_EXPOSE_HEADERS,
                HeaderValue::from_static(ANSWER_HEADERS),
            );
        }
    }
}

/// Whether an origin, such as `http://10.0.0.1:8000`, is that of the host which is asked.
fn is_of_host(origin: &HeaderValue, host: Option<&HeaderValue>) -> bool {
    let authority = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    let host = host.and_then(|host| host.to_str().ok());
    authority
        .zip(host)
        .is_some_and(|((_, authority), host)| authority.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn over_http_the_origin_tells_whose_page_asks() {
        let refused = |origin: Option<&'static str>, site: Option<&'static str>| {
            let mut request = TestRequest::post().insert_header((header::HOST, "10.0.0.1:8000"));
            if let Some(origin) = origin {
                request = request.insert_header((header::ORIGIN, origin));
            }
            if let Some(site) = site {
                request = request.insert_header((SEC_FETCH_SITE.clone(), site));
            }
            Origins::refuse_forged(&request.to_srv_request(), None).is_err()
        };
        assert!(!refused(None, None), "no browser");
        assert!(!refused(Some("http://10.0.0.1:8000"), None), "its own page");
        for other in ["http://evil.example", "http://10.0.0.1:8001", "null", ""] {
            assert!(refused(Some(other), None), "{other}");
        }
        assert!(!refused(Some("http://other.example"), Some("same-origin")));
        assert!(refused(Some("http://10.0.0.1:8000"), Some("cross-site")));
    }

    #[test]
    fn origins_are_exact() {
        let origins: Origins = "https://app.example, http://localhost:3000".parse().unwrap();
        let named = |origin: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            origins.named(&headers).is_some()
        };
        assert!(named("https://app.example") && named("http://localhost:3000"));
        for other in [
            "http://app.example",
            "https://app.example:8443",
            "https://app.example.evil",
            "null",
            "",
        ] {
            assert!(!named(other), "{other}");
        }
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for wrong in [
            "",
            "*",
            "null",
            "app.example",
            "https://",
            "https://app.example/",
            "https://*.example",
            "https://App.example",
            "ftp://app.example",
            "https://a.example,",
        ] {
            assert_eq!(wrong.parse::<Origins>(), Err(InvalidOrigins), "{wrong}");
        }
    }
}
