//! Health, statistics and clean-up.

use reqwest::Method;
use serde_json::json;

use crate::api::{Api, assert_near, members, micros, on_own_servers, text};
use crate::world::on_both;

on_both!(
    the_service_says_that_it_is_healthy_and_which_version_it_is,
    the_task_protocol_says_that_it_is_healthy,
    waiting_tasks_show_in_the_health_of_the_task_protocol,
    the_statistics_cover_tasks_agents_and_capabilities,
    the_statistics_of_the_database_count_rows,
    a_task_that_has_just_ended_is_not_cleaned_up,
);
on_own_servers!(the_figures_are_exact);

async fn the_service_says_that_it_is_healthy_and_which_version_it_is(api: &Api) {
    for path in ["/health", "/health/live", "/health/ready"] {
        let health = api.get(path).await.ok();
        assert_eq!(members(&health), ["service", "status", "version"]);
        assert_eq!(
            (&health["status"], &health["service"]),
            (&json!("healthy"), &json!("AINS"))
        );
        assert!(!text(&health, "version").is_empty());
    }
}

async fn the_task_protocol_says_that_it_is_healthy(api: &Api) {
    let health = api.get("/health/aitp").await.ok();
    assert_eq!(members(&health), ["metrics", "service", "status", "timestamp"]);
    assert_eq!(
        (&health["status"], &health["service"]),
        (&json!("healthy"), &json!("AITP"))
    );
    micros(&health["timestamp"]);
    assert_eq!(
        members(&health["metrics"]),
        [
            "active_tasks",
            "assigned_tasks",
            "completed_tasks",
            "failed_tasks",
            "failure_rate_percent",
            "queue_depth"
        ]
    );
}

async fn waiting_tasks_show_in_the_health_of_the_task_protocol(api: &Api) {
    let (agent, capability) = api.provider().await;
    for _ in 0..3 {
        api.submit(&agent, &capability, json!({})).await;
    }
    let health = api.get("/health/aitp").await.ok();
    let waiting = health["metrics"]["queue_depth"].as_u64();
    assert!(waiting >= Some(3), "{health}");
}

async fn the_statistics_cover_tasks_agents_and_capabilities(api: &Api) {
    let stats = api.get("/ains/stats").await.ok();
    assert_eq!(members(&stats), ["agents", "capabilities", "tasks", "timestamp"]);
    assert_eq!(
        members(&stats["tasks"]),
        [
            "active",
            "avg_completion_time_seconds",
            "completed",
            "completed_last_hour",
            "pending",
            "throughput_last_hour",
            "total"
        ]
    );
    assert_eq!(members(&stats["agents"]), ["active", "total"]);
    assert_eq!(members(&stats["capabilities"]), ["total"]);
    micros(&stats["timestamp"]);
}

async fn the_statistics_of_the_database_count_rows(api: &Api) {
    api.provider().await;
    let stats = api.get("/ains/stats/database").await.ok();
    assert_eq!(
        members(&stats),
        [
            "agents",
            "capabilities",
            "tasks",
            "trust_records",
            "webhook_deliveries",
            "webhooks"
        ]
    );
    for table in members(&stats) {
        assert!(stats[table]["rows"].is_u64(), "{stats}");
    }
    assert!(stats["agents"]["rows"].as_u64() >= Some(1), "{stats}");
    assert!(stats["capabilities"]["rows"].as_u64() >= Some(1), "{stats}");
}

/// The original's own test ages a row of the database by hand; over HTTP nothing is ever old enough.
async fn a_task_that_has_just_ended_is_not_cleaned_up(api: &Api) {
    let (_, task) = api.completed().await;
    for path in ["/ains/maintenance/cleanup", "/ains/maintenance/cleanup?days=7"] {
        let cleaned = api.bare(Method::POST, path).await.ok();
        assert_eq!(cleaned, json!({"deleted_tasks": 0, "deleted_deliveries": 0}));
    }
    assert_eq!(api.task(&task).await["status"], "COMPLETED");
    for days in ["6", "366", "many"] {
        let path = format!("/ains/maintenance/cleanup?days={days}");
        let refused = api.bare(Method::POST, &path).await;
        assert_eq!(refused.faults(), ["days"]);
    }
}

async fn the_figures_are_exact(api: &Api) {
    let (agent, capability) = api.provider().await;
    let waiting = api.submit(&agent, &capability, json!({})).await;
    let cancelled = api.submit(&agent, &capability, json!({})).await;
    let path = format!("/aitp/tasks/{cancelled}?client_id={agent}");
    api.bare(Method::DELETE, &path).await.ok();
    let (worker, done) = api.completed().await;
    let (failing, broken) = api.active(json!({"max_retries": 0})).await;
    api.fail(&failing, &broken, "no luck").await;
    api.active(json!({})).await;
    api.assigned(json!({})).await;

    let health = api.get("/health/aitp").await.ok();
    assert_eq!(
        health["metrics"],
        json!({
            "queue_depth": 1,
            "active_tasks": 1,
            "assigned_tasks": 1,
            "completed_tasks": 1,
            "failed_tasks": 1,
            "failure_rate_percent": 50.0,
        })
    );
    let stats = api.get("/ains/stats").await.ok();
    let tasks = &stats["tasks"];
    let counts = ["total", "pending", "active", "completed", "completed_last_hour"];
    assert_eq!(
        counts.map(|name| tasks[name].as_u64()),
        [6, 1, 2, 1, 1].map(Some),
        "{stats}"
    );
    assert_near(&tasks["throughput_last_hour"], 1.0);
    assert!(
        tasks["avg_completion_time_seconds"].as_f64() >= Some(0.0),
        "{stats}"
    );
    assert_eq!(stats["agents"], json!({"total": 5, "active": 5}));
    assert_eq!(stats["capabilities"], json!({"total": 5}));
    let rows = api.get("/ains/stats/database").await.ok();
    let tables = [
        "tasks",
        "agents",
        "capabilities",
        "webhooks",
        "webhook_deliveries",
    ];
    assert_eq!(
        tables.map(|table| rows[table]["rows"].as_u64()),
        [6, 5, 5, 0, 0].map(Some),
        "{rows}"
    );
    for (task, status) in [
        (waiting, "PENDING"),
        (cancelled, "CANCELLED"),
        (done, "COMPLETED"),
        (broken, "FAILED"),
    ] {
        assert_eq!(api.task(&task).await["status"], status);
    }
    assert_eq!(
        api.get(&format!("/ains/agents/{worker}")).await.ok()["active_tasks"],
        0
    );
}
