use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::json;

use crate::site::Site;

#[actix_web::test]
async fn health_names_the_service_and_its_version() {
    let site = Site::open().await;
    for uri in ["/health", "/health/live", "/health/ready"] {
        let health = site.get(uri).await.ok();
        assert_eq!(
            health,
            json!({"status": "healthy", "service": "AINS", "version": "1.2.3"}),
            "{uri}"
        );
    }
    let aitp = site.get("/health/aitp").await.ok();
    assert_eq!(
        (&aitp["service"], &aitp["metrics"]["failure_rate_percent"]),
        (&json!("AITP"), &json!(0.0))
    );
}

#[actix_web::test]
async fn figures_follow_what_happens() {
    let site = Site::open().await;
    site.worker("a1").await;
    site.task("c1").await;
    site.task("c1").await;
    let (id, _) = site.claim("a1").await;
    site.post(&format!("/ains/tasks/{id}/complete"), json!({"agent_id": "a1"}))
        .await
        .ok();
    let stats = site.get("/ains/stats").await.ok();
    for (field, value) in [
        ("total", 2),
        ("pending", 1),
        ("active", 0),
        ("completed", 1),
        ("completed_last_hour", 1),
    ] {
        assert_eq!(stats["tasks"][field], value, "{field}");
    }
    assert_eq!(stats["tasks"]["throughput_last_hour"], 1.0, "an hour");
    assert_eq!(stats["agents"], json!({"total": 1, "active": 1}));
    let queue = site.get("/aitp/queue/stats").await.ok();
    assert_eq!(
        (&queue["queue"]["by_priority"], &queue["queue"]["medium_priority"]),
        (&json!({"5": 1}), &json!(1))
    );
    let rows = site.get("/ains/stats/database").await.ok();
    assert_eq!(
        (
            &rows["tasks"]["rows"],
            &rows["agents"]["rows"],
            &rows["webhooks"]["rows"]
        ),
        (&json!(2), &json!(1), &json!(0))
    );
}

#[actix_web::test]
async fn maintenance_says_what_it_did() {
    let site = Site::open().await;
    let cleanup = |query: &str| TestRequest::post().uri(&format!("/ains/maintenance/cleanup{query}"));
    assert_eq!(
        site.send(cleanup("")).await.ok(),
        json!({"deleted_tasks": 0, "deleted_deliveries": 0})
    );
    assert_eq!(site.send(cleanup("?days=6")).await.faults(), ["days"]);
    let checked = site
        .post("/aitp/maintenance/check-timeouts", json!({}))
        .await
        .ok();
    assert_eq!(checked["timed_out_count"], 0);
}

#[actix_web::test]
async fn strategies_are_listed_and_tried_out() {
    let site = Site::open().await;
    let list = site.get("/ains/routing/strategies").await.ok();
    assert_eq!(list["default"], "round_robin");
    assert_eq!(list["strategies"].as_array().unwrap().len(), 4);
    let nobody = site
        .post("/ains/routing/test", json!({"capability_required": "text:v1"}))
        .await
        .ok();
    assert_eq!(
        (&nobody["selected_agent"], &nobody["message"]),
        (&json!(null), &json!("No capable agents found"))
    );
    site.worker("a1").await;
    let body = json!({"capability_required": "TEXT:v1", "routing_strategy": "least_loaded"});
    let chosen = site.post("/ains/routing/test", body).await.ok();
    assert_eq!(chosen["selected_agent"]["agent_id"], "a1");
    assert_eq!(
        (&chosen["strategy_used"], &chosen["candidates"][0]["eligible"]),
        (&json!("least_loaded"), &json!(true))
    );
    let odd = site
        .post("/ains/routing/test", json!({"routing_strategy": "best"}))
        .await;
    assert_eq!(odd.faults(), ["/capability_required", "/routing_strategy"]);
}

#[actix_web::test]
async fn a_client_gets_its_share() {
    let site = Site::open().await;
    let set = |body| site.call(Method::PUT, "/ains/clients/big%20one", body);
    assert_eq!(
        set(json!({"weight": 2.5})).await.ok(),
        json!({"client_id": "big one", "weight": 2.5})
    );
    assert_eq!(set(json!({"weight": 0})).await.faults(), ["/weight"]);
    assert_eq!(set(json!({"share": 1})).await.faults(), ["/share", "/weight"]);
}
