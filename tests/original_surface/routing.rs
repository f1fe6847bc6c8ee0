//! How agents are chosen.

use serde_json::{Value, json};

use crate::api::{Api, each, list, members, micros, submission, text};
use crate::world::{fresh, on_both};

on_both!(
    the_strategies_are_listed_the_original_four_first,
    of_agents_without_work_the_most_trusted_comes_first,
    a_waiting_task_is_routed_when_its_agent_shows_itself,
    where_nobody_is_capable_nobody_is_chosen,
    round_robin_gives_every_agent_its_turn,
    trust_weighted_prefers_the_trusted,
    a_choice_can_be_tried_out,
    every_strategy_finds_the_only_agent,
);

const ORIGINAL_FOUR: [&str; 4] = [
    "round_robin",
    "least_loaded",
    "trust_weighted",
    "fastest_response",
];

/// So many agents of one capability, which have room for everything.
async fn several(api: &Api, agents: usize) -> (Vec<String>, String) {
    let capability = format!("{}:v1", fresh("capability"));
    let mut ids = Vec::new();
    for _ in 0..agents {
        let agent = api.agent().await;
        let patch = json!({"max_concurrency": 1000});
        api.patch(&format!("/ains/agents/{agent}"), patch).await.ok();
        api.publish(&agent, &capability).await;
        ids.push(agent);
    }
    (ids, capability)
}

async fn test(api: &Api, capability: &str, strategy: &str) -> Value {
    let body = json!({"capability_required": capability, "routing_strategy": strategy});
    api.post("/ains/routing/test", body).await.ok()
}

/// Submits so many tasks, and counts what each agent got.
async fn spread(api: &Api, agents: &[String], capability: &str, strategy: &str, tasks: usize) -> Vec<usize> {
    let mut counts = vec![0; agents.len()];
    for _ in 0..tasks {
        let body = submission("a client", capability, json!({"routing_strategy": strategy}));
        let task = api.post("/ains/tasks", body).await.ok();
        let agent = text(&task, "assigned_agent_id");
        let index = agents
            .iter()
            .position(|id| *id == agent)
            .expect("an agent that can");
        counts[index] += 1;
    }
    counts
}

async fn the_strategies_are_listed_the_original_four_first(api: &Api) {
    let answer = api.get("/ains/routing/strategies").await.ok();
    assert_eq!(members(&answer), ["default", "strategies"]);
    assert_eq!(answer["default"], "round_robin");
    let strategies = list(&answer, "strategies");
    assert_eq!(each(&strategies[..4], "name"), ORIGINAL_FOUR);
    for strategy in strategies {
        assert!(!text(strategy, "description").is_empty(), "{strategy}");
    }
}

async fn of_agents_without_work_the_most_trusted_comes_first(api: &Api) {
    let (agents, capability) = several(api, 2).await;
    api.trust(&agents[0], 0.7).await;
    api.trust(&agents[1], 0.9).await;
    let answer = test(api, &capability, "round_robin").await;
    assert_eq!(
        answer["selected_agent"]["agent_id"],
        agents[1].as_str(),
        "{answer}"
    );
}

async fn a_waiting_task_is_routed_when_its_agent_shows_itself(api: &Api) {
    let (agent, capability) = api.provider().await;
    let task = api.submit(&agent, &capability, json!({})).await;
    assert_eq!(api.task(&task).await["status"], "PENDING");
    api.heartbeat(&agent, "ACTIVE").await.ok();
    let path = format!("/aitp/tasks/{task}");
    let routed = api.until(&path, |task| task["status"] != "PENDING").await;
    assert_eq!(
        (&routed["status"], &routed["assigned_agent_id"]),
        (&json!("ASSIGNED"), &json!(agent))
    );
    micros(&routed["assigned_at"]);
}

async fn where_nobody_is_capable_nobody_is_chosen(api: &Api) {
    let answer = test(api, "nonexistent_capability:v1", "round_robin").await;
    assert_eq!(answer["selected_agent"], Value::Null);
    assert_eq!(answer["message"], "No capable agents found");
    assert_eq!(
        (&answer["strategy_used"], &answer["candidates"]),
        (&json!("round_robin"), &json!([]))
    );
}

async fn round_robin_gives_every_agent_its_turn(api: &Api) {
    let (agents, capability) = several(api, 3).await;
    let counts = spread(api, &agents, &capability, "round_robin", 6).await;
    assert_eq!(counts, [2, 2, 2]);
}

async fn trust_weighted_prefers_the_trusted(api: &Api) {
    let (agents, capability) = several(api, 3).await;
    for (agent, trust) in agents.iter().zip([0.9, 0.5, 0.3]) {
        api.trust(agent, trust).await;
    }
    // Expected are 79, 44 and 26: that the order is another one happens less than once in a million times.
    let counts = spread(api, &agents, &capability, "trust_weighted", 150).await;
    assert!(counts[0] > counts[2], "{counts:?}");
}

async fn a_choice_can_be_tried_out(api: &Api) {
    let (agents, capability) = several(api, 1).await;
    api.trust(&agents[0], 0.8).await;
    let answer = test(api, &capability, "trust_weighted").await;
    assert_eq!(answer["strategy_used"], "trust_weighted");
    let chosen = &answer["selected_agent"];
    assert_eq!(
        members(chosen),
        ["agent_id", "display_name", "total_tasks", "trust_score"]
    );
    assert_eq!(
        (&chosen["agent_id"], &chosen["total_tasks"]),
        (&json!(agents[0]), &json!(0))
    );
    assert_eq!(chosen["trust_score"], 0.8);
    assert!(!text(&answer, "reason").is_empty());
    let candidates = list(&answer, "candidates");
    assert_eq!(each(candidates, "agent_id"), [&agents[0]]);
    assert_eq!(each(candidates, "eligible"), [true]);
    // Nothing is changed by it.
    let agent = api.get(&format!("/ains/agents/{}", agents[0])).await.ok();
    assert_eq!(agent["active_tasks"], 0);
}

async fn every_strategy_finds_the_only_agent(api: &Api) {
    let (agents, capability) = several(api, 1).await;
    for strategy in ORIGINAL_FOUR {
        // Capabilities are compared without regard to case.
        let answer = test(api, &capability.to_uppercase(), strategy).await;
        assert_eq!(
            answer["selected_agent"]["agent_id"],
            agents[0].as_str(),
            "{answer}"
        );
        assert_eq!(answer["strategy_used"], strategy);
    }
    let body = json!({"capability_required": capability});
    let answer = api.post("/ains/routing/test", body).await.ok();
    assert_eq!(answer["strategy_used"], "round_robin");
    let body = json!({"capability_required": capability, "routing_strategy": "by_colour"});
    assert_eq!(
        api.post("/ains/routing/test", body).await.faults(),
        ["/routing_strategy"]
    );
}
