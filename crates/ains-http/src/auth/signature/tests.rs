use actix_web::http::header::{HeaderName, HeaderValue};
use ed25519_dalek::{Signer as _, SigningKey};

use super::*;

/// The public key `test-key-ed25519` of RFC 9421, section B.1.4.
const RFC_KEY: &str = "26b40b8f93fff3d897112f7ebc582b232dbd72517d082fe83cfb30ddce43d1bb";

/// 2026-01-01T00:00:00Z, in seconds.
const NOW: i64 = 1_767_225_600;

/// What requests of agents cover.
const COVERED: &str = r#"("@method" "@authority" "@path" "@query" "content-digest")"#;

/// `{"n":1}` by SHA-256.
const DIGEST: &str = "sha-256=:W8kFuyTtPgO5U7E3JQ7gh5aVujo3zc2iPRI4EQebeUo=:";

fn fields(lines: &[(&str, &str)]) -> HeaderMap {
    let lines = lines.iter().map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        (name, HeaderValue::from_str(value).unwrap())
    });
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        map.append(name, value);
    }
    map
}

fn message(fields: &HeaderMap) -> Message<'_> {
    Message {
        method: "POST",
        scheme: "http",
        authority: "Example.com:80",
        path: "/ains/agents/a1/claim",
        query: Some("x=%20y"),
        fields,
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(second * 1_000_000)
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[3; 32])
}

fn public() -> PublicKey {
    PublicKey::from_hex("key", &hex::encode(key().verifying_key().as_bytes())).unwrap()
}

/// The fields of a request, signed as `input` says.
fn signed(input: &str) -> HeaderMap {
    let draft = fields(&[
        ("content-digest", DIGEST),
        ("signature-input", &format!("sig={input}")),
        ("signature", &format!("sig=:{}==:", "A".repeat(86))),
    ]);
    let base = Signature::of(&draft).unwrap().base(&message(&draft)).unwrap();
    let bytes = key().sign(base.as_bytes()).to_bytes();
    let mut item = Dictionary::new();
    item.insert(
        sfv::key_ref("sig").to_owned(),
        BareItem::ByteSequence(bytes.to_vec()).into(),
    );
    let mut fields = draft;
    let value = HeaderValue::from_str(&item.serialize().unwrap()).unwrap();
    fields.insert(HeaderName::from_static("signature"), value);
    fields
}

fn good() -> String {
    format!(r#"{COVERED};created={NOW};keyid="a1";nonce="n1""#)
}

/// Whether `key` signed `message`.
fn verified(signature: &Signature, key: &PublicKey, message: &Message<'_>) -> Result<(), Fault> {
    signature.verify(key, &signature.base(message)?)
}

#[test]
fn the_signature_of_the_rfc_is_good() {
    // RFC 9421, section B.2.6.
    let fields = fields(&[
        ("host", "example.com"),
        ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
        ("content-type", "application/json"),
        ("content-length", "18"),
        (
            "signature-input",
            r#"sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519""#,
        ),
        (
            "signature",
            "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:",
        ),
    ]);
    let message = Message {
        method: "POST",
        scheme: "https",
        authority: "example.com",
        path: "/foo",
        query: Some("param=Value&Pet=dog"),
        fields: &fields,
    };
    let signature = Signature::of(&fields).unwrap();
    assert_eq!(
        signature.base(&message).unwrap(),
        "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n\"@method\": POST\n\"@path\": /foo\n\
         \"@authority\": example.com\n\"content-type\": application/json\n\"content-length\": 18\n\
         \"@signature-params\": (\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \
         \"content-length\");created=1618884473;keyid=\"test-key-ed25519\""
    );
    let key = PublicKey::from_hex("key", RFC_KEY).unwrap();
    assert_eq!(verified(&signature, &key, &message), Ok(()));
    let other = Message {
        method: "PUT",
        ..message
    };
    assert_eq!(verified(&signature, &key, &other), Err(Fault::Mismatch));
    // It is no request of an agent: it does not cover the query, and has no nonce.
    let refused = signature.terms(at(1_618_884_473)).unwrap_err();
    assert_eq!(refused, Fault::NotCovered("@query"));
}

#[test]
fn what_is_covered_is_bound() {
    let fields = signed(&good());
    let signature = Signature::of(&fields).unwrap();
    let own = || message(&fields);
    assert_eq!(verified(&signature, &public(), &own()), Ok(()));
    let terms = signature.terms(at(NOW)).unwrap();
    assert_eq!(
        (terms.agent.as_str(), terms.created, terms.nonce.as_str()),
        ("a1", NOW, "n1")
    );
    let mut other = fields.clone();
    other.insert(
        HeaderName::from_static(CONTENT_DIGEST),
        HeaderValue::from_static("sha-256=:AA==:"),
    );
    let changed = [
        Message {
            method: "GET",
            ..own()
        },
        Message {
            authority: "example.org",
            ..own()
        },
        Message {
            authority: "example.com:81",
            ..own()
        },
        Message {
            path: "/ains/agents/a2/claim",
            ..own()
        },
        Message { query: None, ..own() },
        Message {
            query: Some("x=y"),
            ..own()
        },
        Message {
            fields: &other,
            ..own()
        },
    ];
    for changed in changed {
        assert_eq!(
            verified(&signature, &public(), &changed),
            Err(Fault::Mismatch),
            "{changed:?}"
        );
    }
    let same = Message {
        authority: "example.COM",
        ..own()
    };
    assert_eq!(
        verified(&signature, &public(), &same),
        Ok(()),
        "the usual port, and case, do not count"
    );
}

#[test]
fn the_whole_target_may_be_covered_instead() {
    let fields = signed(&good().replace(r#""@authority" "@path" "@query""#, r#""@target-uri""#));
    let signature = Signature::of(&fields).unwrap();
    assert!(signature.terms(at(NOW)).is_ok());
    let base = signature.base(&message(&fields)).unwrap();
    assert!(
        base.contains("\"@target-uri\": http://example.com/ains/agents/a1/claim?x=%20y\n"),
        "{base}"
    );
    assert_eq!(verified(&signature, &public(), &message(&fields)), Ok(()));
    let other = Message {
        query: None,
        ..message(&fields)
    };
    assert_eq!(verified(&signature, &public(), &other), Err(Fault::Mismatch));
}

#[test]
fn terms_that_will_not_do_are_refused() {
    let terms = |input: &str, now| {
        let fields = signed(input);
        Signature::of(&fields).unwrap().terms(at(now)).unwrap_err()
    };
    let good = good();
    assert_eq!(terms(&good, NOW + 61), Fault::Untimely);
    assert_eq!(terms(&good, NOW - 61), Fault::Untimely);
    assert_eq!(
        terms(&format!("{good};expires={}", NOW + 5), NOW + 5),
        Fault::Expired
    );
    assert_eq!(
        terms(&format!("{good};expires=\"soon\""), NOW),
        Fault::Parameter("expires")
    );
    assert_eq!(
        terms(&format!("{good};alg=\"rsa-pss-sha512\""), NOW),
        Fault::Parameter("alg")
    );
    assert_eq!(
        terms(&good.replace(";nonce=\"n1\"", ""), NOW),
        Fault::Parameter("nonce")
    );
    assert_eq!(
        terms(&good.replace("\"n1\"", "\"\""), NOW),
        Fault::Parameter("nonce")
    );
    assert_eq!(
        terms(&good.replace("\"a1\"", "\"a 1\""), NOW),
        Fault::Parameter("keyid")
    );
    assert_eq!(
        terms(&good.replace(";keyid=\"a1\"", ""), NOW),
        Fault::Parameter("keyid")
    );
    let created = format!("created={NOW}");
    assert_eq!(
        terms(&good.replace(&created, "created=1.5"), NOW),
        Fault::Parameter("created")
    );
    for (covered, name) in [
        (r#""@method" "#, "@method"),
        (r#""@authority" "#, "@authority"),
        (r#""@path" "#, "@path"),
        (r#""@query" "#, "@query"),
    ] {
        assert_eq!(terms(&good.replace(covered, ""), NOW), Fault::NotCovered(name));
    }
    for late in [NOW + 60, NOW - 60] {
        assert!(Signature::of(&signed(&good)).unwrap().terms(at(late)).is_ok());
    }
}

#[test]
fn what_is_no_signature_is_refused() {
    let of = |input: &str, signature: &str| {
        let fields = fields(&[("signature-input", input), ("signature", signature)]);
        Signature::of(&fields).unwrap_err()
    };
    let bytes = format!("sig=:{}==:", "A".repeat(86));
    assert_eq!(of("sig=(", &bytes), Fault::Unreadable("signature-input"));
    assert_eq!(of("sig=1", &bytes), Fault::Unreadable("signature-input"));
    assert_eq!(of("sig=()", "sig=:AAAA:"), Fault::Unreadable("signature"));
    assert_eq!(of("sig=()", "sig=\"x\""), Fault::Unreadable("signature"));
    assert_eq!(of("sig=()", &bytes.replace("sig", "other")), Fault::NotOne);
    assert_eq!(of("a=(), sig=()", &bytes), Fault::NotOne);
    assert_eq!(of("", &bytes), Fault::NotOne);
    assert_eq!(
        Signature::of(&HeaderMap::new()).unwrap_err(),
        Fault::Unreadable("signature-input")
    );
}

#[test]
fn what_cannot_be_covered_is_refused() {
    let base = |covered: &str| {
        let input = format!("sig=({covered})");
        let bytes = format!("sig=:{}==:", "A".repeat(86));
        let fields = fields(&[
            ("signature-input", &input),
            ("signature", &bytes),
            ("x", "1"),
            ("x", " 2"),
        ]);
        Signature::of(&fields).unwrap().base(&message(&fields))
    };
    assert_eq!(
        base("\"x\"").unwrap(),
        "\"x\": 1, 2\n\"@signature-params\": (\"x\")"
    );
    assert_eq!(base("\"x\" \"x\""), Err(Fault::Twice("x".into())));
    assert_eq!(base("\"x\";sf"), Err(Fault::Unsupported("\"x\";sf".into())));
    assert_eq!(base("\"@status\""), Err(Fault::Unsupported("@status".into())));
    assert_eq!(base("\"X\""), Err(Fault::Unsupported("X".into())));
    assert_eq!(base("\"y\""), Err(Fault::Absent("y".into())));
    assert_eq!(base("x"), Err(Fault::Unreadable("signature-input")));
    let many: Vec<String> = (0..33).map(|n| format!("\"x{n}\"")).collect();
    assert!(matches!(base(&many.join(" ")), Err(Fault::Unsupported(_))));
}

#[test]
fn a_body_is_compared_with_every_known_digest() {
    let check = |value: &str, body: &[u8]| digest_matches(&fields(&[(CONTENT_DIGEST, value)]), body);
    let body = br#"{"n":1}"#;
    let encode = |algorithm: &str, bytes: &[u8]| {
        let mut digest = Dictionary::new();
        let name = sfv::Key::from_string(algorithm.to_owned()).unwrap();
        digest.insert(name, BareItem::ByteSequence(bytes.to_vec()).into());
        digest.serialize().unwrap()
    };
    let (short, long) = (Sha256::digest(body), Sha512::digest(body));
    let (short, long) = (encode("sha-256", &short), encode("sha-512", &long));
    assert_eq!(check(&short, body), Ok(()));
    assert_eq!(check(&long, body), Ok(()));
    assert_eq!(check(&format!("{short}, {long}, md5=:AA==:"), body), Ok(()));
    assert_eq!(check(&short, b"{\"n\":2}"), Err(Fault::OtherBody));
    let mixed = format!("{short}, {}", encode("sha-512", b"other"));
    assert_eq!(check(&mixed, body), Err(Fault::OtherBody));
    for value in ["md5=:AA==:", "", "sha-256=1", "sha-256=("] {
        assert_eq!(
            check(value, body),
            Err(Fault::Unreadable(CONTENT_DIGEST)),
            "{value}"
        );
    }
    assert_eq!(
        digest_matches(&HeaderMap::new(), b""),
        Err(Fault::Unreadable(CONTENT_DIGEST))
    );
}
