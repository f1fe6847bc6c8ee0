use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::json;

use crate::site::{Site, a_task};

#[actix_web::test]
async fn what_is_not_there_is_a_problem_too() {
    let site = Site::open().await;
    assert_eq!(
        site.get("/nothing/here").await.detail(404),
        "There is nothing at this path"
    );
    for id in [
        "x",
        "task_1",
        "task_0000000000000000000000000000000G",
        "%ff",
        "%00",
        &"x".repeat(5000),
    ] {
        assert_eq!(
            site.get(&format!("/ains/tasks/{id}")).await.detail(404),
            "Task not found",
            "{id}"
        );
        assert_eq!(
            site.get(&format!("/ains/agents/{id}")).await.detail(404),
            "Agent not found",
            "{id}"
        );
    }
}

#[actix_web::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let site = Site::open().await;
    let refused = site.call(Method::PUT, "/ains/tasks", json!({})).await;
    assert_eq!(refused.detail(405), "This path does not take this method");
    assert_eq!(refused.header("allow"), "GET, POST");
}

#[actix_web::test]
async fn every_answer_carries_the_id_of_its_request() {
    let site = Site::open().await;
    for uri in ["/health", "/nothing", "/ains/tasks/x"] {
        let request = TestRequest::with_uri(uri).insert_header(("x-request-id", "my-id"));
        let answer = site.send(request).await;
        assert_eq!(answer.header("x-request-id"), "my-id", "{uri}");
        if answer.status >= 400 {
            assert_eq!(answer.json()["instance"], "my-id");
        }
        assert_eq!(site.get(uri).await.header("x-request-id").len(), 16, "minted");
    }
}

#[actix_web::test]
async fn a_body_has_to_be_json_of_bounded_size_and_depth() {
    let site = Site::open().await;
    let post = |body: Vec<u8>| TestRequest::post().uri("/ains/tasks").set_payload(body);
    let typed = |content_type: &'static str| {
        let body = a_task("c1").to_string().into_bytes();
        post(body).insert_header(("content-type", content_type))
    };
    for content_type in [
        "application/json; charset=utf-8",
        "application/vnd.ains+json",
        "APPLICATION/JSON",
    ] {
        site.send(typed(content_type)).await.ok();
    }
    assert_eq!(site.send(typed("text/plain")).await.status, 415);
    site.send(post(a_task("c1").to_string().into_bytes())).await.ok();

    assert_eq!(
        site.send(post(vec![b' '; (1 << 20) + 1])).await.detail(413),
        "The body is larger than the limit of 1048576 bytes"
    );
    let deep = format!(
        r#"{{"client_id": "c", "input_data": {}{}}}"#,
        "[".repeat(64),
        "]".repeat(64)
    );
    assert_eq!(
        site.send(post(deep.into_bytes())).await.detail(422),
        "The body nests deeper than the limit of 64 levels"
    );
    assert_eq!(
        site.send(post(b"{\"client_id\": \"\xff\"}".to_vec()))
            .await
            .detail(400),
        "The body is not UTF-8 after byte 15"
    );
    let broken = site.send(post(b"{\"client_id\": }".to_vec())).await;
    assert_eq!(
        broken.detail(400),
        "The body is not JSON: expected value at line 1 column 15"
    );
    assert_eq!(site.send(post(Vec::new())).await.faults().len(), 4);
}

#[actix_web::test]
async fn a_kind_of_problem_has_a_page() {
    let site = Site::open().await;
    let kind = site.get("/nothing").await.json()["type"]
        .as_str()
        .unwrap()
        .to_owned();
    let page = site.get(&kind).await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, "text/html; charset=utf-8")
    );
    assert!(String::from_utf8_lossy(&page.bytes).contains("<h1>Not found</h1>"));
    assert_eq!(
        site.get("/problems/nonsense").await.detail(404),
        "Problem not found"
    );
}

#[actix_web::test]
async fn the_documentation_is_served_without_a_network() {
    let site = Site::open().await;
    assert_eq!(site.get("/").await.header("location"), "/docs/");
    let page = site.get("/docs/").await;
    assert!(
        page.header("content-type").starts_with("text/html"),
        "{}",
        page.header("content-type")
    );
    let script = site.get("/docs/swagger-initializer.js").await;
    assert!(String::from_utf8_lossy(&script.bytes).contains("/openapi.json"));
    for file in ["swagger-ui.css", "swagger-ui-bundle.js"] {
        assert_eq!(site.get(&format!("/docs/{file}")).await.status, 200, "{file}");
    }
    assert_eq!(site.get("/docs/../Cargo.toml").await.status, 404);
}
