//! Limits, as those who meet them see them.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use actix_web::test::TestRequest;
use ains_http::Auth;
use serde_json::{Value, json};

use crate::site::{Answer, KEY, Site};

/// A key with these limits: its id, and what opens it.
async fn a_key(site: &Site, per_minute: Value, per_hour: Value) -> (String, String) {
    let wanted = json!({
        "client_id": "c",
        "name": "limited",
        "scopes": ["task:*", "key:read"],
        "rate_limit_per_minute": per_minute,
        "rate_limit_per_hour": per_hour,
    });
    let made = site.keyed(KEY).post("/ains/api-keys", wanted).await.ok();
    let text = |member: &str| made[member].as_str().unwrap().to_owned();
    (text("key_id"), text("api_key"))
}

/// What an answer says of limits.
fn told(answer: &Answer) -> [&str; 3] {
    ["ratelimit-policy", "ratelimit", "retry-after"].map(|name| answer.header(name))
}

/// Asks from an address, with a key or without.
async fn from(site: &Site, address: &str, uri: &str, key: Option<&str>) -> Answer {
    let peer = SocketAddr::new(address.parse::<IpAddr>().unwrap(), 4711);
    let request = TestRequest::with_uri(uri).peer_addr(peer);
    let request = match key {
        Some(key) => request.insert_header(("x-api-key", key)),
        None => request,
    };
    site.send(request).await
}

#[actix_web::test]
async fn every_answer_says_how_the_key_stands() {
    let site = Site::limited(Auth::On, [0, 0], "").await;
    let (_, key) = a_key(&site, json!(3), json!(40)).await;
    let site = site.keyed(&key);
    site.wait(Duration::from_millis(20_500));
    let policy = r#""minute";q=3;w=60, "hour";q=40;w=3600"#;
    let answer = site.get("/ains/tasks").await;
    let rest = r#""minute";r=2;t=40, "hour";r=39;t=3580"#;
    assert_eq!((answer.status, told(&answer)), (200, [policy, rest, ""]));
    let answer = site.get("/nothing").await;
    let rest = r#""minute";r=1;t=40, "hour";r=38;t=3580"#;
    assert_eq!((answer.status, told(&answer)), (404, [policy, rest, ""]));
    let answer = site.get("/docs/").await;
    let rest = r#""minute";r=0;t=40, "hour";r=37;t=3580"#;
    assert_eq!((answer.status, told(&answer)), (200, [policy, rest, ""]));
    for uri in ["/ains/tasks", "/openapi.json", "/metrics", "/nothing"] {
        let answer = site.get(uri).await;
        assert_eq!(answer.detail(429), "Rate limit exceeded", "{uri}");
        assert_eq!(told(&answer), [policy, rest, "40"]);
        assert_eq!(answer.json()["type"], "/problems/rate-limited");
        assert!(answer.json()["instance"].is_string());
    }
    let answer = site.get("/health").await;
    assert_eq!(
        (answer.status, told(&answer)),
        (200, ["", "", ""]),
        "it needs no key"
    );
    site.wait(Duration::from_secs(40));
    assert_eq!(site.get("/ains/tasks").await.status, 200);
}

#[actix_web::test]
async fn the_hour_is_waited_for_when_it_is_used_up() {
    let site = Site::limited(Auth::On, [0, 0], "").await;
    let (_, key) = a_key(&site, Value::Null, json!(1)).await;
    let site = site.keyed(&key);
    site.get("/ains/tasks").await.ok();
    let refused = site.get("/ains/tasks").await;
    refused.detail(429);
    let [policy, rest, retry] = told(&refused);
    assert_eq!(policy, r#""hour";q=1;w=3600"#);
    assert_eq!(rest, r#""hour";r=0;t=3600"#);
    assert_eq!(retry, "3600");
}

#[actix_web::test]
async fn keys_without_limits_pass_always() {
    let site = Site::limited(Auth::On, [0, 0], "").await;
    let (_, key) = a_key(&site, Value::Null, Value::Null).await;
    for key in [KEY, &*key] {
        for _ in 0..150 {
            let answer = site.keyed(key).get("/ains/tasks").await;
            assert_eq!((answer.status, told(&answer)), (200, ["", "", ""]));
        }
    }
}

#[actix_web::test]
async fn what_comes_without_a_key_is_limited_by_its_address() {
    let site = Site::limited(Auth::On, [3, 0], "").await;
    for (uri, status) in [("/health", 200), ("/ains/tasks", 401), ("/docs/", 401)] {
        assert_eq!(from(&site, "192.0.2.1", uri, None).await.status, status);
    }
    for (uri, key) in [
        ("/health", None),
        ("/ains/tasks", None),
        ("/ains/tasks", Some("wrong")),
    ] {
        let refused = from(&site, "192.0.2.1", uri, key).await;
        assert_eq!(refused.detail(429), "Rate limit exceeded");
        assert_eq!(told(&refused), ["", "", "60"]);
    }
    assert_eq!(
        from(&site, "192.0.2.1", "/ains/tasks", Some(KEY)).await.status,
        200
    );
    assert_eq!(from(&site, "192.0.2.2", "/health", None).await.status, 200);
    for (address, status) in [("2001:db8::1", 200), ("2001:db8::2", 200), ("2001:db8::3", 200)] {
        assert_eq!(from(&site, address, "/health", None).await.status, status);
    }
    assert_eq!(
        from(&site, "2001:db8::4", "/health", None).await.status,
        429,
        "the same site"
    );
    site.wait(Duration::from_secs(60));
    assert_eq!(from(&site, "192.0.2.1", "/health", None).await.status, 200);
}

#[actix_web::test]
async fn wrong_keys_are_not_looked_up_for_ever_and_good_ones_pass_beside_them() {
    let site = Site::limited(Auth::On, [0, 5], "").await;
    let (_, known) = a_key(&site, Value::Null, Value::Null).await;
    let (_, unknown) = a_key(&site, Value::Null, Value::Null).await;
    let ask = |address, key: String| {
        let site = site.clone();
        async move { from(&site, address, "/ains/tasks", Some(&key)).await }
    };
    for _ in 0..10 {
        assert_eq!(
            ask("192.0.2.1", known.clone()).await.status,
            200,
            "a good key is no guess"
        );
    }
    for number in 0..5 {
        assert_eq!(ask("192.0.2.1", format!("ains_{number}")).await.status, 401);
    }
    for number in 0..10 {
        let refused = ask("192.0.2.1", format!("ains_{number}")).await;
        assert_eq!((refused.status, refused.header("retry-after")), (429, "60"));
    }
    assert_eq!(ask("192.0.2.1", known.clone()).await.status, 200);
    assert_eq!(ask("192.0.2.1", KEY.to_owned()).await.status, 200);
    assert_eq!(
        ask("192.0.2.1", unknown.clone()).await.status,
        429,
        "nobody has seen it yet"
    );
    assert_eq!(ask("192.0.2.2", unknown.clone()).await.status, 200);
    assert_eq!(ask("192.0.2.1", unknown).await.status, 200, "now somebody has");
    // A change of any key has all of them looked up again, but not forgotten.
    a_key(&site, Value::Null, Value::Null).await;
    let (id, _) = a_key(&site, Value::Null, Value::Null).await;
    let admin = site.keyed(KEY);
    admin
        .call(
            actix_web::http::Method::PATCH,
            &format!("/ains/api-keys/{id}"),
            json!({"name": "other"}),
        )
        .await
        .ok();
    assert_eq!(ask("192.0.2.1", known).await.status, 200);
}

#[actix_web::test]
async fn behind_a_proxy_the_address_that_it_names_counts() {
    let site = Site::limited(Auth::On, [1, 0], "10.0.0.0/8").await;
    let ask = |peer: &'static str, forwarded: &'static str| {
        let site = site.clone();
        async move {
            let peer = SocketAddr::new(peer.parse().unwrap(), 4711);
            let request = TestRequest::with_uri("/health")
                .peer_addr(peer)
                .insert_header(("x-forwarded-for", forwarded));
            site.send(request).await.status
        }
    };
    assert_eq!(ask("10.0.0.1", "192.0.2.1").await, 200);
    assert_eq!(
        ask("10.0.0.2", "198.51.100.9, 192.0.2.1").await,
        429,
        "another proxy, the same client"
    );
    assert_eq!(ask("10.0.0.1", "192.0.2.2").await, 200);
    assert_eq!(ask("192.0.2.3", "192.0.2.4").await, 200);
    assert_eq!(
        ask("192.0.2.3", "192.0.2.5").await,
        429,
        "not a proxy, so not believed"
    );
}

#[actix_web::test]
async fn without_authentication_addresses_have_no_limits() {
    let site = Site::limited(Auth::Off, [1, 1], "").await;
    for _ in 0..3 {
        assert_eq!(from(&site, "192.0.2.1", "/ains/tasks", None).await.status, 200);
        assert_eq!(
            from(&site, "192.0.2.1", "/ains/tasks", Some("wrong"))
                .await
                .status,
            401
        );
        assert_eq!(from(&site, "192.0.2.1", "/health/live", None).await.status, 200);
    }
}

#[actix_web::test]
async fn the_usage_of_a_key_is_told_by_the_hour() {
    let site = Site::limited(Auth::On, [0, 0], "").await;
    let (id, key) = a_key(&site, json!(2), Value::Null).await;
    let limited = site.keyed(&key);
    let uri = format!("/ains/api-keys/{id}/usage");
    let admin = site.keyed(KEY);
    let none = admin.get(&uri).await.ok();
    assert_eq!(
        (&none["total_requests"], &none["hourly_usage"]),
        (&json!(0), &json!({}))
    );
    assert_eq!(none["last_used_at"], Value::Null);
    for status in [200, 200, 429] {
        assert_eq!(limited.get("/ains/tasks").await.status, status);
    }
    site.wait(Duration::from_secs(3600));
    limited.get("/ains/tasks").await.ok();
    let expected = json!({
        "key_id": id,
        "client_id": "c",
        "period_hours": 24,
        "total_requests": 3,
        "rate_limit_per_minute": 2,
        "rate_limit_per_hour": null,
        "hourly_usage": {"2026-01-01 00:00": 2, "2026-01-01 01:00": 1},
        "last_used_at": "2026-01-01T01:00:00.000000Z",
    });
    assert_eq!(admin.get(&uri).await.ok(), expected);
    let hour = admin.get(&format!("{uri}?hours=1")).await.ok();
    assert_eq!(hour["hourly_usage"], json!({"2026-01-01 01:00": 1}));
    for wrong in ["0", "721", "x"] {
        let refused = admin.get(&format!("{uri}?hours={wrong}")).await;
        assert_eq!(refused.faults(), ["hours"]);
    }
    let (other, _) = a_key(&site, json!(2), Value::Null).await;
    assert_ne!(other, id);
    let missing = admin
        .get("/ains/api-keys/key_00000000000000000000000000000000/usage")
        .await;
    missing.detail(404);
}
