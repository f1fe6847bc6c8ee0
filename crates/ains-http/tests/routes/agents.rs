use actix_web::http::Method;
use serde_json::json;

use crate::site::{Site, an_agent};

#[actix_web::test]
async fn an_agent_is_registered_once() {
    let site = Site::open().await;
    let agent = site.post("/ains/agents", an_agent("a1")).await.ok();
    assert_eq!(
        agent,
        json!({
            "agent_id": "a1", "public_key": "00", "display_name": "A1", "description": null,
            "endpoint": "http://agent.example", "status": "ACTIVE", "created_at": "2026-01-01T00:00:00.000000Z",
            "trust_score": 0.5, "tags": ["Text:V1"],
        })
    );
    let again = site.post("/ains/agents", an_agent("a1")).await;
    assert_eq!(again.detail(409), "Agent already registered");
}

#[actix_web::test]
async fn agents_are_listed_by_both_kinds_of_word() {
    let site = Site::open().await;
    for id in ["a1", "a2", "a3"] {
        site.agent(id).await;
    }
    let list = site.get("/ains/agents?limit=2&offset=1").await.ok();
    assert_eq!(
        (&list["total"], &list["limit"], &list["offset"]),
        (&json!(3), &json!(2), &json!(1))
    );
    assert_eq!(
        list["agents"][0],
        json!({
            "agent_id": "a2", "display_name": "A2", "status": "ACTIVE", "availability": "AVAILABLE", "trust_score": 0.5,
        })
    );
    site.post("/ains/agents/a3/drain", json!({})).await.ok();
    for (word, total) in [
        ("ACTIVE", 3),
        ("AVAILABLE", 2),
        ("DRAINING", 1),
        ("BUSY", 0),
        ("INACTIVE", 0),
    ] {
        let list = site.get(&format!("/ains/agents?status={word}")).await.ok();
        assert_eq!(list["total"], total, "{word}");
    }
    assert_eq!(
        site.get("/ains/agents?status=SLEEPING&limit=0").await.faults(),
        ["status", "limit"]
    );
}

#[actix_web::test]
async fn a_heartbeat_is_acknowledged_in_the_agents_own_word() {
    let site = Site::open().await;
    site.agent("a1").await;
    let seen = site.post(
        "/ains/agents/a1/heartbeat",
        json!({"timestamp": 1, "status": "BUSY", "uptime_ms": 5}),
    );
    assert_eq!(
        seen.await.ok(),
        json!({
            "acknowledged": true, "next_heartbeat_in": 300, "agent_health_status": "BUSY", "agent_status": "AVAILABLE",
            "last_heartbeat": "2026-01-01T00:00:00.000000Z", "cancelled": [],
        })
    );
    let nobody = site.post(
        "/ains/agents/a9/heartbeat",
        json!({"timestamp": 1, "status": "ACTIVE", "uptime_ms": 5}),
    );
    assert_eq!(nobody.await.detail(404), "Agent not found");
    let odd = site
        .post(
            "/ains/agents/a1/heartbeat",
            json!({"timestamp": "now", "status": "FINE"}),
        )
        .await;
    assert_eq!(odd.faults(), ["/timestamp", "/uptime_ms", "/status"]);
}

#[actix_web::test]
async fn capabilities_are_published_and_listed() {
    let site = Site::open().await;
    site.agent("a1").await;
    let capability = json!({
        "name": "sum:v1", "description": "adds", "input_schema": {}, "output_schema": {}, "pricing_model": "free",
        "price": 0.0, "latency_p99_ms": 100, "availability_percent": 99.5, "signature": "00",
    });
    let published = site
        .post("/ains/agents/a1/capabilities", capability.clone())
        .await
        .ok();
    assert_eq!(published["status"], "published");
    assert!(published["capability_id"].as_str().unwrap().starts_with("cap_"));
    let list = site.get("/ains/agents/a1/capabilities").await.ok();
    assert_eq!(list[0]["name"], "sum:v1");
    assert_eq!(list[0]["availability_percent"], 99.5);
    assert_eq!(
        site.get("/ains/agents/a9/capabilities").await.detail(404),
        "Agent not found"
    );
    assert_eq!(
        site.post("/ains/agents/a9/capabilities", capability)
            .await
            .detail(404),
        "Agent not found"
    );
}

#[actix_web::test]
async fn an_agent_is_changed_drained_and_removed() {
    let site = Site::open().await;
    site.agent("a1").await;
    let changed = site.call(
        Method::PATCH,
        "/ains/agents/a1",
        json!({"max_concurrency": 2, "labels": {"zone": "b"}}),
    );
    let changed = changed.await.ok();
    assert_eq!(
        (&changed["max_concurrency"], &changed["labels"]),
        (&json!(2), &json!({"zone": "b"}))
    );
    let unknown = site
        .call(
            Method::PATCH,
            "/ains/agents/a1",
            json!({"color": "red", "max_concurrency": 0}),
        )
        .await;
    assert_eq!(unknown.faults(), ["/color", "/max_concurrency"]);

    assert_eq!(
        site.post("/ains/agents/a1/drain", json!({})).await.ok()["availability"],
        "DRAINING"
    );
    assert_eq!(
        site.post("/ains/agents/a1/resume", json!({})).await.ok()["availability"],
        "AVAILABLE"
    );

    site.task("c").await;
    site.claim("a1").await;
    let remove = |force: &'static str| {
        let uri = format!("/ains/agents/a1{force}");
        let site = site.clone();
        async move { site.call(Method::DELETE, &uri, json!({})).await }
    };
    assert_eq!(remove("").await.detail(409), "Agent holds 1 tasks");
    assert_eq!(remove("?force=true").await.ok()["agent_id"], "a1");
    assert_eq!(site.get("/ains/agents/a1").await.detail(404), "Agent not found");
}

#[actix_web::test]
async fn trust_is_told_set_right_and_recorded() {
    let site = Site::open().await;
    site.agent("a1").await;
    let adjusted = site
        .post(
            "/ains/agents/a1/trust/adjust",
            json!({"trust_delta": 0.35, "reason": "audited"}),
        )
        .await;
    assert_eq!(adjusted.ok()["new_trust_score"], 0.85);
    let trust = site.get("/ains/agents/a1/trust").await.ok();
    assert_eq!(
        (&trust["trust_score"], &trust["trust_level"]),
        (&json!(0.85), &json!("high"))
    );
    let history = site.get("/ains/agents/a1/trust/history").await.ok();
    assert_eq!(history[0]["reason"], "audited");
    assert_eq!(
        (
            &history[0]["trust_score_before"],
            &history[0]["trust_score_after"]
        ),
        (&json!(0.5), &json!(0.85))
    );
    let odd = site
        .post(
            "/ains/agents/a1/trust/adjust",
            json!({"trust_delta": 1.5, "reason": " "}),
        )
        .await;
    assert_eq!(odd.faults(), ["/trust_delta", "/reason"]);
    for path in ["trust", "trust/history"] {
        assert_eq!(
            site.get(&format!("/ains/agents/a9/{path}")).await.detail(404),
            "Agent not found"
        );
    }
}
