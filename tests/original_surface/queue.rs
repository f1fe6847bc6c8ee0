//! The order in which tasks are handed out, and changing it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Api, each, list, members, micros, on_own_servers, submission};
use crate::world::on_both;

on_both!(
    what_is_urgent_is_handed_out_first,
    what_is_not_urgent_does_not_starve,
    the_priority_of_a_task_can_be_changed,
    only_its_client_may_change_the_priority_of_a_task,
    the_priority_of_a_task_in_work_stays,
);
on_own_servers!(the_queue_is_counted_by_priority_and_agent);

async fn claim(api: &Api, agent: &str, max: usize) -> Vec<Value> {
    let path = format!("/ains/agents/{agent}/claim");
    let answer = api.post(&path, json!({"max": max})).await.ok();
    list(&answer, "tasks").to_vec()
}

/// Submits one task of each priority, in this order.
async fn submit_all(api: &Api, client: &str, capability: &str, priorities: &[u8]) {
    for priority in priorities {
        api.submit(client, capability, json!({"priority": priority}))
            .await;
    }
}

async fn what_is_urgent_is_handed_out_first(api: &Api) {
    let (agent, capability) = api.provider().await;
    submit_all(api, &agent, &capability, &[3, 8, 5, 10, 1]).await;
    let tasks = claim(api, &agent, 5).await;
    assert_eq!(
        each(&tasks, "priority"),
        [10, 8, 5, 3, 1].map(Value::from).each_ref()
    );
}

/// The original raises the priority of tasks that are a day old; here one hand-out in eight goes to who waits longest.
async fn what_is_not_urgent_does_not_starve(api: &Api) {
    let (agent, capability) = api.provider().await;
    let patch = json!({"max_concurrency": 100});
    api.patch(&format!("/ains/agents/{agent}"), patch).await.ok();
    submit_all(api, &agent, &capability, &[1]).await;
    submit_all(api, &agent, &capability, &[9; 24]).await;
    let mut handed_out = Vec::new();
    for _ in 0..16 {
        handed_out.extend(claim(api, &agent, 1).await);
    }
    assert_eq!(handed_out.len(), 16);
    assert!(
        each(&handed_out, "priority").contains(&&json!(1)),
        "{handed_out:?}"
    );
}

async fn the_queue_is_counted_by_priority_and_agent(api: &Api) {
    let (agent, capability) = api.provider().await;
    submit_all(api, &agent, &capability, &[2, 5, 8, 10]).await;
    let stats = api.get("/aitp/queue/stats").await.ok();
    assert_eq!(members(&stats), ["queue", "timestamp", "workload"]);
    micros(&stats["timestamp"]);
    let by_priority = json!({"2": 1, "5": 1, "8": 1, "10": 1});
    assert_eq!(
        stats["queue"],
        json!({
            "by_priority": by_priority,
            "total_pending": 4,
            "high_priority": 2,
            "medium_priority": 1,
            "low_priority": 1,
        })
    );
    assert_eq!(stats["workload"]["total_active"], 0);

    assert_eq!(claim(api, &agent, 3).await.len(), 3);
    let stats = api.get("/aitp/queue/stats").await.ok();
    assert_eq!(stats["queue"]["total_pending"], 1, "{stats}");
    assert_eq!(stats["queue"]["low_priority"], 1, "{stats}");
    assert_eq!(
        stats["workload"],
        json!({"agents": [{"agent_id": agent, "active_tasks": 3}], "total_active": 3})
    );
}

async fn the_priority_of_a_task_can_be_changed(api: &Api) {
    let (agent, capability) = api.provider().await;
    let task = api.submit(&agent, &capability, json!({})).await;
    let path = format!("/aitp/tasks/{task}/priority?new_priority=9&client_id={agent}");
    let answer = api.bare(Method::PUT, &path).await.ok();
    assert_eq!(
        answer,
        json!({"task_id": task, "old_priority": 5, "new_priority": 9, "status": "PENDING"})
    );
    assert_eq!(api.task(&task).await["priority"], 9);
    // It counts: the task overtakes one of priority 8.
    api.post(
        "/aitp/tasks",
        submission(&agent, &capability, json!({"priority": 8})),
    )
    .await
    .ok();
    assert_eq!(
        each(&claim(api, &agent, 2).await, "priority"),
        [9, 8].map(Value::from).each_ref()
    );
}

async fn only_its_client_may_change_the_priority_of_a_task(api: &Api) {
    let (agent, capability) = api.provider().await;
    let task = api.submit(&agent, &capability, json!({})).await;
    let at = |query: &str| format!("/aitp/tasks/{task}/priority?{query}");
    let stranger = api
        .bare(Method::PUT, &at("new_priority=9&client_id=stranger"))
        .await;
    stranger.refused(403, "Not authorized to modify this task");
    for (query, places) in [
        ("new_priority=0&client_id=x", vec!["new_priority"]),
        ("new_priority=11&client_id=x", vec!["new_priority"]),
        ("new_priority=high", vec!["client_id", "new_priority"]),
        ("", vec!["client_id", "new_priority"]),
    ] {
        assert_eq!(api.bare(Method::PUT, &at(query)).await.faults(), places);
    }
    let unknown = format!("/aitp/tasks/nothing/priority?new_priority=9&client_id={agent}");
    api.bare(Method::PUT, &unknown)
        .await
        .refused(404, "Task not found");
    assert_eq!(api.task(&task).await["priority"], 5);
}

async fn the_priority_of_a_task_in_work_stays(api: &Api) {
    let (agent, task) = api.active(json!({})).await;
    let path = format!("/aitp/tasks/{task}/priority?new_priority=9&client_id={agent}");
    let refused = api.bare(Method::PUT, &path).await;
    refused.refused(400, "Cannot adjust priority of ACTIVE task");
    api.complete(&agent, &task, json!({})).await;
    let refused = api.bare(Method::PUT, &path).await;
    refused.refused(400, "Cannot adjust priority of COMPLETED task");
}
