use actix_web::test::TestRequest;
use ains_http::Auth;

use crate::site::{KEY, Site};

async fn with(site: &Site, uri: &str, header: (&str, &str)) -> u16 {
    site.send(TestRequest::with_uri(uri).insert_header(header))
        .await
        .status
}

#[actix_web::test]
async fn everything_but_health_needs_a_key() {
    let site = Site::with(Auth::On).await;
    for uri in ["/health", "/health/live", "/health/ready", "/health/aitp"] {
        assert_eq!(site.get(uri).await.status, 200, "{uri}");
    }
    for uri in [
        "/ains/tasks",
        "/aitp/tasks",
        "/ains/stats",
        "/nothing",
        "/healthy",
        "/openapi.json",
        "/docs/",
    ] {
        assert_eq!(site.get(uri).await.detail(401), "API key required", "{uri}");
    }
    assert_eq!(site.get("/ains/tasks").await.header("www-authenticate"), "Bearer");
    for uri in [
        "/docs/",
        "/docs/swagger-ui.css",
        "/openapi.json",
        "/problems/not-found",
        "/",
    ] {
        assert_eq!(
            site.get(uri).await.header("www-authenticate"),
            "Basic realm=\"AINS\"",
            "{uri}"
        );
    }
}

#[actix_web::test]
async fn a_key_opens_in_three_ways() {
    let site = Site::with(Auth::On).await;
    assert_eq!(with(&site, "/ains/tasks", ("x-api-key", KEY)).await, 200);
    assert_eq!(
        with(&site, "/ains/tasks", ("authorization", &format!("Bearer {KEY}"))).await,
        200
    );
    let basic = "Basic YWRtaW46YWluc18wMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEy";
    assert_eq!(with(&site, "/docs/", ("authorization", basic)).await, 200);
    assert_eq!(with(&site, "/nothing", ("x-api-key", KEY)).await, 404);
}

#[actix_web::test]
async fn a_wrong_key_is_refused_even_where_none_is_needed() {
    for auth in [Auth::On, Auth::Off] {
        let site = Site::with(auth).await;
        let request = TestRequest::with_uri("/ains/tasks").insert_header(("x-api-key", "ains_wrong"));
        let refused = site.send(request).await;
        assert_eq!(refused.detail(401), "Invalid API key");
        assert!(refused.json()["instance"].is_string());
        assert_eq!(with(&site, "/health", ("x-api-key", "ains_wrong")).await, 200);
    }
}

#[actix_web::test]
async fn the_test_of_a_key_always_wants_one() {
    for auth in [Auth::On, Auth::Off] {
        let site = Site::with(auth).await;
        let refused = site.get("/ains/protected/test").await;
        assert_eq!(refused.detail(401), "API key required");
        assert_eq!(refused.header("www-authenticate"), "Bearer");
        assert!(refused.json()["instance"].is_string(), "{}", refused.json());
        let request = TestRequest::with_uri("/ains/protected/test").insert_header(("x-api-key", KEY));
        let passed = site.send(request).await.ok();
        assert_eq!(passed["message"], "Authentication successful!");
        assert_eq!(passed["scopes"], serde_json::json!(["admin"]));
    }
}
