//! Signs the requests of an agent, as an alternative to a key: HTTP message signatures (RFC 9421) with the agent's
//! Ed25519 key, over the method, the whole target and, by its digest (RFC 9530), the body.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Request, Url};
use sha2::{Digest as _, Sha256};

use crate::AgentKey;

/// Who signs, and with what.
#[derive(Clone, Debug)]
pub(crate) struct Signer {
    agent_id: Arc<str>,
    key: AgentKey,
}

impl Signer {
    pub(crate) fn new(agent_id: &str, key: AgentKey) -> Self {
        Self {
            agent_id: agent_id.into(),
            key,
        }
    }

    /// Signs `request` as it will be sent now. `nonce` has not been used before: the server takes it once, so a request
    /// that is sent again is signed again.
    pub(crate) fn sign(&self, request: &mut Request, nonce: &str) {
        self.sign_at(request, nonce, now());
    }

    fn sign_at(&self, request: &mut Request, nonce: &str, created: u64) {
        let mut base = target(request);
        let mut covered = r#""@method" "@authority" "@path" "@query""#.to_owned();
        if let Some(body) = request.body().and_then(|body| body.as_bytes()) {
            let digest = format!("sha-256=:{}:", BASE64.encode(Sha256::digest(body)));
            base.extend(["\"content-digest\": ", &digest, "\n"]);
            covered.push_str(r#" "content-digest""#);
            put(request, "content-digest", &digest);
        }
        // An agent's id and a nonce have no character that a string would have to escape.
        let agent_id = &self.agent_id;
        let input =
            format!(r#"({covered});created={created};keyid="{agent_id}";alg="ed25519";nonce="{nonce}""#);
        base.extend(["\"@signature-params\": ", &input]);
        let signature = BASE64.encode(self.key.sign_bytes(base.as_bytes()));
        put(request, "signature-input", &format!("ains={input}"));
        put(request, "signature", &format!("ains=:{signature}:"));
    }
}

/// The lines of the signature base that say what is called.
fn target(request: &Request) -> String {
    let url = request.url();
    format!(
        "\"@method\": {}\n\"@authority\": {}\n\"@path\": {}\n\"@query\": ?{}\n",
        request.method(),
        authority(url),
        url.path(),
        url.query().unwrap_or_default()
    )
}

/// The host, and the port where it is not the usual one: the header `Host`.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn put(request: &mut Request, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        request.headers_mut().insert(HeaderName::from_static(name), value);
    }
}

#[expect(clippy::disallowed_methods, reason = "a signature says when it was made")]
fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use reqwest::Method;

    use super::*;

    #[test]
    fn method_target_and_body_are_signed() {
        let url = Url::parse("http://Example.com:80/ains/agents/a1/claim?x=1").expect("a URL");
        let mut request = Request::new(Method::POST, url);
        *request.body_mut() = Some(r#"{"hello": "world"}"#.into());
        let key = AgentKey::from_seed(&[1; 32]);
        Signer::new("a1", key.clone()).sign_at(&mut request, "n1", 1_618_884_473);
        let sent = |name: &str| request.headers()[name].to_str().expect("ASCII").to_owned();
        // The digest of RFC 9530, appendix D.
        let digest = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";
        let input = r#"("@method" "@authority" "@path" "@query" "content-digest");created=1618884473;keyid="a1";alg="ed25519";nonce="n1""#;
        assert_eq!(sent("content-digest"), digest);
        assert_eq!(sent("signature-input"), format!("ains={input}"));
        let base = format!(
            "\"@method\": POST\n\"@authority\": example.com\n\"@path\": /ains/agents/a1/claim\n\
             \"@query\": ?x=1\n\"content-digest\": {digest}\n\"@signature-params\": {input}"
        );
        let signature = BASE64.encode(key.sign_bytes(base.as_bytes()));
        assert_eq!(sent("signature"), format!("ains=:{signature}:"));
    }

    #[test]
    fn without_a_body_there_is_no_digest() {
        let url = Url::parse("http://127.0.0.1:8000/ains/tasks").expect("a URL");
        let mut request = Request::new(Method::GET, url);
        Signer::new("a1", AgentKey::from_seed(&[1; 32])).sign_at(&mut request, "n1", 1);
        assert!(target(&request).contains("\"@authority\": 127.0.0.1:8000\n"));
        assert!(target(&request).ends_with("\"@query\": ?\n"));
        assert!(!request.headers().contains_key("content-digest"));
    }
}
