use actix_web::http::Method;
use serde_json::json;

use crate::site::Site;

const METHODS: [Method; 5] = [
    Method::GET,
    Method::PUT,
    Method::POST,
    Method::PATCH,
    Method::DELETE,
];

#[actix_web::test]
async fn every_operation_of_the_document_is_there_and_no_other() {
    let site = Site::open().await;
    let document = site.get("/openapi.json").await.ok();
    for (path, item) in document["paths"].as_object().unwrap() {
        let id = if path.contains("/tasks/") {
            "task_00000000000070008000000000000000"
        } else {
            "nobody"
        };
        let uri = path.replace("{id}", id).replace("{slug}", "not-found");
        for method in METHODS {
            let answer = site.call(method.clone(), &uri, json!({})).await;
            let documented = item.get(method.as_str().to_lowercase()).is_some();
            assert_eq!(
                documented,
                answer.status != 405,
                "{method} {path} is answered with {}",
                answer.status
            );
            assert_ne!(
                answer.json()["detail"],
                "There is nothing at this path",
                "{method} {path}"
            );
            assert!(answer.status < 500, "{method} {path}: {}", answer.json());
        }
    }
}
