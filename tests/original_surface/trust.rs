//! How far agents are trusted.

use serde_json::{Value, json};

use crate::api::{Api, assert_near, each, members, micros};
use crate::world::on_both;

on_both!(
    a_new_agent_is_trusted_half,
    trust_can_be_adjusted,
    a_completed_task_raises_trust,
    a_failed_task_lowers_trust,
    every_change_of_trust_is_kept,
    a_change_of_trust_says_why,
    the_history_of_trust_comes_in_pages,
    trust_comes_with_its_figures,
    an_unknown_agent_is_not_trusted,
);

async fn trust_of(api: &Api, agent: &str) -> Value {
    api.get(&format!("/ains/agents/{agent}/trust")).await.ok()
}

async fn history_of(api: &Api, agent: &str) -> Vec<Value> {
    let history = api.get(&format!("/ains/agents/{agent}/trust/history")).await.ok();
    history.as_array().expect("a list").clone()
}

async fn adjust(api: &Api, agent: &str, delta: f64, reason: &str) -> Value {
    let path = format!("/ains/agents/{agent}/trust/adjust");
    let body = json!({"trust_delta": delta, "reason": reason});
    api.post(&path, body).await.ok()
}

async fn a_new_agent_is_trusted_half(api: &Api) {
    let agent = api.agent().await;
    assert_eq!(
        trust_of(api, &agent).await,
        json!({
            "agent_id": agent,
            "trust_score": 0.5,
            "trust_level": "medium",
            "total_tasks_completed": 0,
            "total_tasks_failed": 0,
            "success_rate": 0.0,
            "avg_completion_time_seconds": null,
            "last_task_completed_at": null,
        })
    );
}

async fn trust_can_be_adjusted(api: &Api) {
    let agent = api.agent().await;
    let answer = adjust(api, &agent, 0.1, "Test adjustment").await;
    assert_eq!(members(&answer), ["new_trust_score", "record_id", "trust_delta"]);
    assert_near(&answer["trust_delta"], 0.1);
    assert_near(&answer["new_trust_score"], 0.6);
    assert_near(&trust_of(api, &agent).await["trust_score"], 0.6);
    let record = &history_of(api, &agent).await[0];
    assert_eq!(
        (&record["record_id"], &record["reason"]),
        (&answer["record_id"], &json!("Test adjustment"))
    );
    assert_near(&record["trust_score_before"], 0.5);
    assert_near(&record["trust_score_after"], 0.6);

    // The score stays between 0 and 1.
    assert_near(&adjust(api, &agent, 1.0, "up").await["new_trust_score"], 1.0);
    assert_eq!(trust_of(api, &agent).await["trust_level"], "high");
    assert_near(&adjust(api, &agent, -1.0, "down").await["new_trust_score"], 0.0);
    assert_eq!(trust_of(api, &agent).await["trust_level"], "low");
    let path = format!("/ains/agents/{agent}/trust/adjust");
    let refused = api.post(&path, json!({"trust_delta": 1.5})).await;
    assert_eq!(refused.faults(), ["/reason", "/trust_delta"]);
}

async fn a_completed_task_raises_trust(api: &Api) {
    let (agent, _) = api.completed().await;
    let trust = trust_of(api, &agent).await;
    // 0.02, and 0.03 for being quick.
    assert_near(&trust["trust_score"], 0.55);
    let counts = ["total_tasks_completed", "total_tasks_failed"];
    assert_eq!(
        counts.map(|name| trust[name].as_u64()),
        [1, 0].map(Some),
        "{trust}"
    );
    assert_near(&trust["success_rate"], 1.0);
    let whole = api.get(&format!("/ains/agents/{agent}")).await.ok();
    assert_near(&whole["trust_score"], 0.55);
}

async fn a_failed_task_lowers_trust(api: &Api) {
    let (agent, task) = api.active(json!({"max_retries": 0})).await;
    adjust(api, &agent, 0.2, "so that it starts at 0.7").await;
    api.fail(&agent, &task, "Task failed").await;
    let trust = trust_of(api, &agent).await;
    assert_near(&trust["trust_score"], 0.65);
    let counts = ["total_tasks_completed", "total_tasks_failed"];
    assert_eq!(
        counts.map(|name| trust[name].as_u64()),
        [0, 1].map(Some),
        "{trust}"
    );
}

async fn every_change_of_trust_is_kept(api: &Api) {
    let (agent, task) = api.completed().await;
    for reason in ["Test 0", "Test 1", "Test 2"] {
        adjust(api, &agent, 0.01, reason).await;
    }
    let history = history_of(api, &agent).await;
    assert_eq!(history.len(), 4, "{history:?}");
    for record in &history {
        assert_eq!(
            members(record),
            [
                "created_at",
                "event_type",
                "reason",
                "record_id",
                "task_id",
                "trust_delta",
                "trust_score_after",
                "trust_score_before"
            ]
        );
    }
    assert_eq!(
        each(&history[..3], "reason"),
        ["Test 2", "Test 1", "Test 0"],
        "newest first"
    );
    assert_eq!(history[3]["task_id"], task.as_str());
    for (newer, older) in history.iter().zip(&history[1..]) {
        assert_eq!(newer["trust_score_before"], older["trust_score_after"]);
        assert!(micros(&newer["created_at"]) >= micros(&older["created_at"]));
    }
    let newest = api
        .get(&format!("/ains/agents/{agent}/trust/history?limit=1"))
        .await
        .ok();
    assert_eq!(newest, json!([history[0]]));
    for limit in ["0", "201"] {
        let path = format!("/ains/agents/{agent}/trust/history?limit={limit}");
        assert_eq!(api.get(&path).await.faults(), ["limit"]);
    }
}

async fn a_change_of_trust_says_why(api: &Api) {
    let (agent, task) = api.active(json!({"max_retries": 0})).await;
    api.fail(&agent, &task, "the disk is full").await;
    let record = &history_of(api, &agent).await[0];
    assert_eq!(
        (&record["event_type"], &record["reason"], &record["task_id"]),
        (&json!("failed"), &json!("the disk is full"), &json!(task))
    );
    assert_eq!(record["trust_delta"], -0.05, "not -0.04999999999999999");
}

async fn the_history_of_trust_comes_in_pages(api: &Api) {
    let agent = api.agent().await;
    for turn in 0..5 {
        adjust(api, &agent, 0.01, &format!("turn {turn}")).await;
    }
    let all = history_of(api, &agent).await;
    let path = format!("/ains/agents/{agent}/trust/history");
    let (mut seen, mut next) = (Vec::new(), Some(format!("{path}?limit=2")));
    while let Some(page) = next {
        let page = api.get(&page).await;
        seen.extend(page.ok().as_array().expect("a list").clone());
        next = page.next();
    }
    assert_eq!(seen, all);
    let refused = api.get(&format!("{path}?cursor=yesterday")).await;
    assert_eq!(refused.faults(), ["cursor"]);
}

async fn trust_comes_with_its_figures(api: &Api) {
    let (agent, capability) = api.provider().await;
    api.heartbeat(&agent, "ACTIVE").await.ok();
    adjust(api, &agent, 0.25, "so that it starts at 0.75").await;
    for failing in [false, false, true] {
        let task = api.submit(&agent, &capability, json!({"max_retries": 0})).await;
        let path = format!("/aitp/tasks/{task}");
        api.until(&path, |task| task["status"] == "ASSIGNED").await;
        api.report(&agent, &task, json!({"status": "ACTIVE"})).await.ok();
        if failing {
            api.fail(&agent, &task, "Task failed").await;
        } else {
            api.complete(&agent, &task, json!({})).await;
        }
    }
    let trust = trust_of(api, &agent).await;
    assert_near(&trust["trust_score"], 0.75 + 0.05 + 0.05 - 0.05);
    assert_eq!(trust["trust_level"], "high");
    let counts = ["total_tasks_completed", "total_tasks_failed"];
    assert_eq!(
        counts.map(|name| trust[name].as_u64()),
        [2, 1].map(Some),
        "{trust}"
    );
    assert_near(&trust["success_rate"], 2.0 / 3.0);
    assert!(
        trust["avg_completion_time_seconds"].as_f64() > Some(0.0),
        "{trust}"
    );
    micros(&trust["last_task_completed_at"]);
}

async fn an_unknown_agent_is_not_trusted(api: &Api) {
    for path in ["/ains/agents/nobody/trust", "/ains/agents/nobody/trust/history"] {
        api.get(path).await.refused(404, "Agent not found");
    }
    let body = json!({"trust_delta": 0.1, "reason": "none"});
    let refused = api.post("/ains/agents/nobody/trust/adjust", body).await;
    refused.refused(404, "Agent not found");
}
