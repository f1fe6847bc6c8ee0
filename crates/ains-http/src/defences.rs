//! Headers that protect whoever reads an answer in a browser: what it may guess, keep, load, embed and tell others.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

/// A type is what it is declared to be, and addresses, which hold ids, are not told to where a link leads.
const ALWAYS: [(HeaderName, &str); 2] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
];

/// A page loads what this server has and nothing else, asks this server and nobody else, and is in nobody's frame.
/// Swagger UI writes styles into its elements, and has its pictures in its style sheet.
const OF_PAGES: [(HeaderName, &str); 2] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (X_FRAME_OPTIONS, "DENY"),
];

/// For a year no browser that was here once asks without TLS. Other servers below the name are others' business.
const OVER_TLS: (HeaderName, &str) = (STRICT_TRANSPORT_SECURITY, "max-age=31536000");

/// What answers carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Defences {
    tls: bool,
}

impl Defences {
    /// Those of a server with or without TLS of its own.
    pub(crate) fn new(tls: bool) -> Self {
        Self { tls }
    }

    /// Adds them to the headers of an answer. What a handler said of keeping its answer stays.
    pub(crate) fn put(self, headers: &mut HeaderMap) {
        for (name, value) in ALWAYS {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let page = headers
            .get(CONTENT_TYPE)
            .is_some_and(|content| content.as_bytes().starts_with(b"text/html"));
        if page {
            for (name, value) in OF_PAGES {
                headers.insert(name, HeaderValue::from_static(value));
            }
        }
        if !headers.contains_key(CACHE_CONTROL) {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        if self.tls {
            let (name, value) = OVER_TLS;
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(content_type: &'static str, tls: bool) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Defences::new(tls).put(&mut headers);
        headers
    }

    #[test]
    fn an_answer_is_not_guessed_at_kept_or_told_of() {
        let headers = of("application/json", false);
        assert_eq!(headers.get(X_CONTENT_TYPE_OPTIONS).unwrap(), "nosniff");
        assert_eq!(headers.get(REFERRER_POLICY).unwrap(), "no-referrer");
        assert_eq!(headers.get(CACHE_CONTROL).unwrap(), "no-store");
        for name in [
            CONTENT_SECURITY_POLICY,
            X_FRAME_OPTIONS,
            STRICT_TRANSPORT_SECURITY,
        ] {
            assert!(!headers.contains_key(&name), "{name}");
        }
    }

    #[test]
    fn a_page_loads_nothing_from_elsewhere_and_is_in_no_frame() {
        let headers = of("text/html; charset=utf-8", false);
        let policy = headers.get(CONTENT_SECURITY_POLICY).unwrap().to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self';"),
            "{policy}"
        );
        assert!(policy.ends_with("frame-ancestors 'none'"), "{policy}");
        assert_eq!(headers.get(X_FRAME_OPTIONS).unwrap(), "DENY");
    }

    #[test]
    fn browsers_are_told_to_keep_to_tls_only_over_tls() {
        let headers = of("application/json", true);
        assert_eq!(
            headers.get(STRICT_TRANSPORT_SECURITY).unwrap(),
            "max-age=31536000"
        );
    }

    #[test]
    fn what_a_handler_says_of_keeping_its_answer_stays() {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=60"));
        Defences::new(false).put(&mut headers);
        assert_eq!(headers.get(CACHE_CONTROL).unwrap(), "max-age=60");
    }
}
