//! Heartbeats, and agents that stop sending them.

use serde_json::{Value, json};

use crate::api::{Api, members, micros, pulse, registration, text};
use crate::world::{fresh, on_both};

on_both!(
    a_heartbeat_is_acknowledged,
    a_heartbeat_is_remembered_with_its_time,
    a_heartbeat_makes_an_agent_active,
    an_unknown_agent_has_no_heartbeat,
    heartbeats_may_follow_one_another,
    a_heartbeat_may_carry_metrics,
    a_degraded_agent_says_so,
    an_agent_that_goes_offline_says_so,
    a_heartbeat_of_nothing_but_a_status_is_refused,
    an_agent_that_falls_silent_becomes_inactive,
);

async fn a_heartbeat_is_acknowledged(api: &Api) {
    let agent = api.agent().await;
    let answer = api.heartbeat(&agent, "ACTIVE").await.ok();
    assert_eq!(
        members(&answer),
        [
            "acknowledged",
            "agent_health_status",
            "agent_status",
            "cancelled",
            "last_heartbeat",
            "next_heartbeat_in"
        ]
    );
    assert_eq!(
        (&answer["acknowledged"], &answer["next_heartbeat_in"]),
        (&json!(true), &json!(300))
    );
    assert_eq!(
        (&answer["agent_health_status"], &answer["agent_status"]),
        (&json!("ACTIVE"), &json!("AVAILABLE"))
    );
    assert_eq!(answer["cancelled"], json!([]));
}

async fn a_heartbeat_is_remembered_with_its_time(api: &Api) {
    let agent = api.agent().await;
    let path = format!("/ains/agents/{agent}");
    assert_eq!(api.get(&path).await.ok()["last_heartbeat"], Value::Null);
    let first = api.heartbeat(&agent, "ACTIVE").await.ok();
    assert_eq!(
        api.get(&path).await.ok()["last_heartbeat"],
        first["last_heartbeat"]
    );
    let second = api.heartbeat(&agent, "ACTIVE").await.ok();
    assert_eq!(
        api.get(&path).await.ok()["last_heartbeat"],
        second["last_heartbeat"]
    );
    assert!(micros(&second["last_heartbeat"]) > micros(&first["last_heartbeat"]));
}

async fn a_heartbeat_makes_an_agent_active(api: &Api) {
    let agent = api.agent().await;
    for (status, availability) in [("OFFLINE", "INACTIVE"), ("ACTIVE", "AVAILABLE")] {
        let answer = api.heartbeat(&agent, status).await.ok();
        assert_eq!(answer["agent_status"], availability);
    }
    let read = api.get(&format!("/ains/agents/{agent}")).await.ok();
    assert_eq!(
        (&read["status"], &read["availability"]),
        (&json!("ACTIVE"), &json!("AVAILABLE"))
    );
}

async fn an_unknown_agent_has_no_heartbeat(api: &Api) {
    api.heartbeat("nonexistent_agent_xyz", "ACTIVE")
        .await
        .refused(404, "Agent not found");
}

async fn heartbeats_may_follow_one_another(api: &Api) {
    let agent = api.agent().await;
    for beat in 0..5 {
        let mut body = pulse("ACTIVE");
        body["uptime_ms"] = json!(10_000 + beat * 1_000);
        let path = format!("/ains/agents/{agent}/heartbeat");
        assert_eq!(api.post(&path, body).await.ok()["acknowledged"], true);
    }
}

async fn a_heartbeat_may_carry_metrics(api: &Api) {
    let agent = api.agent().await;
    let mut body = pulse("ACTIVE");
    body["metrics"] = json!({"cpu_usage": 45.2, "memory_usage": 1024, "requests_per_second": 100});
    api.post(&format!("/ains/agents/{agent}/heartbeat"), body)
        .await
        .ok();
}

async fn a_degraded_agent_says_so(api: &Api) {
    let agent = api.agent().await;
    let answer = api.heartbeat(&agent, "DEGRADED").await.ok();
    assert_eq!(answer["agent_health_status"], "DEGRADED");
    let read = api.get(&format!("/ains/agents/{agent}")).await.ok();
    assert_eq!(read["status"], "DEGRADED");
}

/// The original stores the word as it came; api.md has three words for what an agent says of itself.
async fn an_agent_that_goes_offline_says_so(api: &Api) {
    let agent = api.agent().await;
    let answer = api.heartbeat(&agent, "OFFLINE").await.ok();
    assert_eq!(
        (&answer["agent_health_status"], &answer["agent_status"]),
        (&json!("OFFLINE"), &json!("INACTIVE"))
    );
    let read = api.get(&format!("/ains/agents/{agent}")).await.ok();
    assert_eq!(read["status"], "INACTIVE");
}

/// Several of the original's sample agents send such ones.
async fn a_heartbeat_of_nothing_but_a_status_is_refused(api: &Api) {
    let agent = api.agent().await;
    let path = format!("/ains/agents/{agent}/heartbeat");
    let refused = api.post(&path, json!({"status": "AVAILABLE"})).await;
    assert_eq!(refused.faults(), ["/timestamp", "/uptime_ms"]);
    let refused = api.post(&path, pulse("SLEEPY")).await;
    assert_eq!(refused.faults(), ["/status"]);
}

/// The original's own test looks for old heartbeats in the database. The limit is three intervals.
async fn an_agent_that_falls_silent_becomes_inactive(api: &Api) {
    let id = fresh("agent");
    let mut body = registration(&id);
    body["heartbeat_interval_seconds"] = json!(1);
    api.post("/ains/agents", body).await.ok();
    let beat = api.heartbeat(&id, "ACTIVE").await.ok();
    assert_eq!(beat["next_heartbeat_in"], 1);
    let path = format!("/ains/agents/{id}");
    assert_eq!(text(&api.get(&path).await.ok(), "status"), "ACTIVE");
    let silent = api
        .until(&path, |agent| agent["availability"] == "INACTIVE")
        .await;
    assert_eq!(silent["status"], "INACTIVE");
    assert_eq!(silent["last_heartbeat"], beat["last_heartbeat"]);
}
