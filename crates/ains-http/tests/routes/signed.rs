use actix_web::http::Method;
use actix_web::test::TestRequest;
use ains_http::Auth;
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::site::{Answer, KEY, Site, an_agent};

/// The site's clock, in seconds.
const NOW: i64 = 1_767_225_600;

const HOST: &str = "ains.test";

/// A request that an agent signs.
#[derive(Clone)]
struct Signed {
    agent: &'static str,
    key: SigningKey,
    method: Method,
    uri: String,
    body: Option<String>,
    created: i64,
    nonce: String,
    /// What is sent instead of the body that was signed.
    sent: Option<String>,
    /// Whether the digest of the body is covered.
    digest: bool,
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn public(key: &SigningKey) -> String {
    hex::encode(key.verifying_key().as_bytes())
}

/// Base64 with padding, as structured fields have it.
fn base64(bytes: &[u8]) -> String {
    let item = sfv::BareItem::ByteSequence(bytes.to_vec());
    let text = sfv::FieldType::serialize(&sfv::Item::new(item));
    text.trim_matches(':').to_owned()
}

impl Signed {
    fn get(uri: &str, nonce: &str) -> Self {
        Self {
            agent: "a1",
            key: key(1),
            method: Method::GET,
            uri: uri.to_owned(),
            body: None,
            created: NOW,
            nonce: nonce.to_owned(),
            sent: None,
            digest: true,
        }
    }

    fn post(uri: &str, nonce: &str, body: &Value) -> Self {
        Self {
            method: Method::POST,
            body: Some(body.to_string()),
            ..Self::get(uri, nonce)
        }
    }

    async fn to(&self, site: &Site) -> Answer {
        self.to_with(site, ("x-nothing", "")).await
    }

    async fn to_with(&self, site: &Site, header: (&str, &str)) -> Answer {
        let (path, query) = self.uri.split_once('?').unwrap_or((&self.uri, ""));
        let mut base = format!(
            "\"@method\": {}\n\"@authority\": {HOST}\n\"@path\": {path}\n\"@query\": ?{query}\n",
            self.method
        );
        let mut covered = r#""@method" "@authority" "@path" "@query""#.to_owned();
        let mut request = TestRequest::with_uri(&self.uri).method(self.method.clone());
        if let Some(body) = self.body.as_ref().filter(|_| self.digest) {
            let digest = format!("sha-256=:{}:", base64(&Sha256::digest(body)));
            base.extend(["\"content-digest\": ", &digest, "\n"]);
            covered += " \"content-digest\"";
            request = request.insert_header(("content-digest", digest));
        }
        let Self {
            agent,
            created,
            nonce,
            ..
        } = self;
        let input = format!(r#"({covered});created={created};keyid="{agent}";nonce="{nonce}""#);
        base.extend(["\"@signature-params\": ", &input]);
        let signature = base64(&self.key.sign(base.as_bytes()).to_bytes());
        request = request
            .insert_header(("host", HOST))
            .insert_header(("signature-input", format!("sig={input}")))
            .insert_header(("signature", format!("sig=:{signature}:")))
            .insert_header(header);
        if let Some(body) = self.sent.clone().or_else(|| self.body.clone()) {
            request = request
                .insert_header(("content-type", "application/json"))
                .insert_header(("content-length", body.len()))
                .set_payload(body);
        }
        site.send(request).await
    }
}

/// A heartbeat.
fn beat(status: &str) -> Value {
    json!({"status": status, "timestamp": 1, "uptime_ms": 1})
}

/// A site with authentication, where two agents are registered.
async fn site() -> Site {
    let site = Site::with(Auth::On).await;
    for (id, seed) in [("a1", 1), ("a2", 2)] {
        let mut agent = an_agent(id);
        agent["public_key"] = public(&key(seed)).into();
        let request = TestRequest::post().uri("/ains/agents").set_json(agent);
        site.send(request.insert_header(("x-api-key", KEY))).await.ok();
    }
    site
}

#[actix_web::test]
async fn an_agent_works_with_signed_requests_alone() {
    let site = site().await;
    let task =
        json!({"client_id": "c", "task_type": "job", "capability_required": "text:v1", "input_data": {}});
    let submitted = TestRequest::post().uri("/ains/tasks").set_json(task);
    site.send(submitted.insert_header(("x-api-key", KEY))).await.ok();

    let own = Signed::get("/ains/agents/a1", "1").to(&site).await.ok();
    assert_eq!(own["agent_id"], "a1");
    Signed::post("/ains/agents/a1/heartbeat", "2", &beat("ACTIVE"))
        .to(&site)
        .await
        .ok();
    let claimed = Signed::post("/ains/agents/a1/claim?x=%20y", "3", &json!({"max": 1}))
        .to(&site)
        .await;
    let claimed = claimed.ok();
    let id = claimed["tasks"][0]["task_id"].as_str().expect("a task");
    let done = json!({"agent_id": "a1", "result_data": {"n": 1}, "attempt": 1});
    Signed::post(&format!("/ains/tasks/{id}/complete"), "4", &done)
        .to(&site)
        .await
        .ok();
    let seen = Signed::get(&format!("/ains/tasks/{id}"), "5")
        .to(&site)
        .await
        .ok();
    assert_eq!(seen["status"], "COMPLETED");
}

#[actix_web::test]
async fn a_signature_is_good_for_what_the_agent_may() {
    let site = site().await;
    for (n, request) in [
        Signed::post("/ains/agents/a2/claim", "", &json!({})),
        Signed::post(
            "/ains/agents/a2/rotate-key",
            "",
            &json!({"public_key": "00", "signature": "00", "proof": "00"}),
        ),
        Signed::post("/ains/tasks", "", &json!({})),
        Signed::get("/ains/audit-logs", ""),
        Signed::get("/ains/api-keys", ""),
        Signed::get("/metrics", ""),
    ]
    .into_iter()
    .enumerate()
    {
        let nonce = n.to_string();
        let answer = Signed {
            nonce,
            ..request.clone()
        }
        .to(&site)
        .await;
        assert_eq!(answer.status, 403, "{} {}", request.uri, answer.json());
    }
}

#[actix_web::test]
async fn what_is_not_as_it_was_signed_is_refused() {
    let site = site().await;
    let good = Signed::post("/ains/agents/a1/heartbeat", "1", &beat("ACTIVE"));
    let refused = async |request: Signed| request.to(&site).await.detail(401);
    let other = Signed {
        sent: Some(beat("INACTIVE").to_string()),
        ..good.clone()
    };
    assert_eq!(
        refused(other).await,
        "Invalid signature: the body is not the one of `content-digest`"
    );
    let bare = Signed {
        digest: false,
        nonce: "2".to_owned(),
        ..good.clone()
    };
    assert_eq!(
        refused(bare).await,
        "Invalid signature: `content-digest` must be covered"
    );
    let none = Signed {
        digest: false,
        body: None,
        sent: Some("{}".to_owned()),
        ..good.clone()
    };
    assert_eq!(
        refused(none).await,
        "Invalid signature: `content-digest` must be covered"
    );
    let mismatch = "Invalid signature: it does not match the agent's key";
    assert_eq!(
        refused(Signed {
            key: key(2),
            ..good.clone()
        })
        .await,
        mismatch
    );
    assert_eq!(
        refused(Signed {
            agent: "a3",
            ..good.clone()
        })
        .await,
        mismatch
    );
    assert_eq!(
        refused(Signed {
            agent: "a2",
            ..good.clone()
        })
        .await,
        mismatch
    );
    let late = Signed {
        created: NOW - 61,
        ..good.clone()
    };
    assert_eq!(
        refused(late).await,
        "Invalid signature: `created` is more than 60 seconds away from the server's clock"
    );
    // Nothing of this has reached a handler, and what did not pass the signature has left no trace.
    let good = Signed {
        nonce: "3".to_owned(),
        ..good
    };
    assert_eq!(good.to(&site).await.ok()["acknowledged"], true);
    assert_eq!(
        refused(good.clone()).await,
        "Invalid signature: its nonce was used before"
    );
    let agent = Signed {
        key: key(2),
        agent: "a2",
        nonce: "3".to_owned(),
        ..Signed::get("/ains/agents/a1", "")
    };
    assert_eq!(
        agent.to(&site).await.ok()["status"],
        "ACTIVE",
        "the nonce of another agent"
    );
}

#[actix_web::test]
async fn a_body_is_bounded_as_ever() {
    let site = site().await;
    let mut long = beat("ACTIVE");
    long["x"] = "x".repeat(1 << 20).into();
    let answer = Signed::post("/ains/agents/a1/heartbeat", "1", &long)
        .to(&site)
        .await;
    assert!(answer.detail(413).contains("1048576"), "{}", answer.json());
}

#[actix_web::test]
async fn a_key_counts_before_a_signature() {
    let site = site().await;
    let stranger = Signed {
        key: key(9),
        ..Signed::get("/ains/audit-logs", "1")
    };
    assert_eq!(stranger.to_with(&site, ("x-api-key", KEY)).await.status, 200);
    let own = Signed::get("/ains/agents/a1", "2");
    let refused = own.to_with(&site, ("x-api-key", "ains_wrong")).await;
    assert_eq!(refused.detail(401), "Invalid API key");
}

#[actix_web::test]
async fn the_old_key_signs_no_more_after_a_rotation() {
    let site = site().await;
    Signed::get("/ains/agents/a1", "1").to(&site).await.ok();
    let rotate = json!({"public_key": public(&key(3)), "signature": "00", "proof": "00"});
    Signed::post("/ains/agents/a1/rotate-key", "2", &rotate)
        .to(&site)
        .await
        .ok();
    let old = Signed::get("/ains/agents/a1", "3");
    let refused = old.to(&site).await.detail(401);
    assert_eq!(refused, "Invalid signature: it does not match the agent's key");
    let new = Signed {
        key: key(3),
        ..Signed::get("/ains/agents/a1", "4")
    };
    assert_eq!(new.to(&site).await.ok()["public_key"], public(&key(3)));
}

#[actix_web::test]
async fn without_authentication_a_bad_signature_is_refused_too() {
    let site = Site::open().await;
    site.agent("a1").await;
    let answer = Signed::get("/ains/agents/a1", "1").to(&site).await;
    assert!(answer.detail(401).starts_with("Invalid signature"));
}
