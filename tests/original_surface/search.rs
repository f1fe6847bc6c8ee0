//! Finding agents: the search, and the leaderboard.

use serde_json::{Value, json};

use crate::api::{Api, each, list, members, on_own_servers, publication, registration, text};
use crate::world::{fresh, on_both};

on_both!(
    agents_are_found_by_a_part_of_a_capability,
    agents_are_found_by_tags,
    agents_are_found_by_trust,
    the_cheapest_and_the_quickest_come_first,
    a_search_that_finds_nobody_is_empty,
    a_search_out_of_bounds_is_refused,
    a_leaderboard_out_of_bounds_is_refused,
    no_agent_is_called_leaderboard,
);
on_own_servers!(
    a_search_for_anybody_finds_all_who_are_there,
    the_leaderboard_is_in_order_of_trust
);

async fn search(api: &Api, query: &str) -> Value {
    api.get(&format!("/ains/search?{query}")).await.ok()
}

fn ids(page: &Value) -> Vec<&Value> {
    each(list(page, "results"), "agent_id")
}

fn json_of(agents: &[String]) -> Vec<Value> {
    agents.iter().map(|agent| json!(agent)).collect()
}

/// An agent that offers `capability` at a price, within a time.
async fn offering(api: &Api, capability: &str, price: f64, latency: u64) -> String {
    let agent = api.agent().await;
    let mut body = publication(capability);
    body["price"] = json!(price);
    body["latency_p99_ms"] = json!(latency);
    let path = format!("/ains/agents/{agent}/capabilities");
    api.post(&path, body).await.ok();
    agent
}

async fn agents_are_found_by_a_part_of_a_capability(api: &Api) {
    let word = fresh("Translate");
    let agent = api.agent().await;
    let name = format!("text:{word}:v1");
    for published in [&name, "other:v1"] {
        api.publish(&agent, published).await;
    }
    for part in [
        word.to_uppercase(),
        word.to_lowercase(),
        format!("{word}%3Av"),
        name.clone(),
    ] {
        let page = search(api, &format!("capability={part}")).await;
        assert_eq!(members(&page), ["limit", "offset", "results", "total"]);
        assert_eq!(
            page["results"],
            json!([{
                "agent_id": agent,
                "display_name": text(&api.get(&format!("/ains/agents/{agent}")).await.ok(), "display_name"),
                "trust_score": 0.5,
                "capabilities": [name, "other:v1"],
            }])
        );
        assert_eq!(
            (&page["total"], &page["limit"], &page["offset"]),
            (&json!(1), &json!(10), &json!(0))
        );
    }
}

async fn agents_are_found_by_tags(api: &Api) {
    let (night, day) = (fresh("night"), fresh("day"));
    let mut agents = Vec::new();
    for tags in [vec![&night], vec![&day, &night], vec![&day]] {
        let mut body = registration(&fresh("agent"));
        body["tags"] = json!(tags);
        agents.push(text(&api.post("/ains/agents", body).await.ok(), "agent_id"));
    }
    let mut at_night = agents[..2].to_vec();
    at_night.sort();
    let found = search(api, &format!("tags={}", night.to_uppercase())).await;
    assert_eq!(ids(&found), json_of(&at_night).iter().collect::<Vec<_>>());
    let any = search(api, &format!("tags={day},{night},none")).await;
    agents.sort();
    assert_eq!(
        (ids(&any), &any["total"]),
        (json_of(&agents).iter().collect(), &json!(3))
    );
}

async fn agents_are_found_by_trust(api: &Api) {
    let word = fresh("count");
    let mut agents = Vec::new();
    for score in [0.3, 0.9, 0.6] {
        let agent = offering(api, &word, 1.0, 1).await;
        api.trust(&agent, score).await;
        agents.push(agent);
    }
    let [low, high, middle] = [0, 1, 2].map(|agent| json!(agents[agent]));
    let found = search(api, &format!("capability={word}")).await;
    assert_eq!(ids(&found), [&high, &middle, &low]);
    let found = search(
        api,
        &format!("capability={word}&min_trust=0.6&sort_by=trust_score"),
    )
    .await;
    assert_eq!((ids(&found), &found["total"]), (vec![&high, &middle], &json!(2)));
    let found = search(api, &format!("capability={word}&limit=1&offset=1")).await;
    assert_eq!((ids(&found), &found["total"]), (vec![&middle], &json!(3)));
}

async fn the_cheapest_and_the_quickest_come_first(api: &Api) {
    let word = fresh("sort");
    let slow = json!(offering(api, &word, 0.5, 900).await);
    let dear = json!(offering(api, &word, 2.5, 20).await);
    let fair = json!(offering(api, &word, 1.0, 100).await);
    for (query, expected) in [
        ("sort_by=price", vec![&slow, &fair, &dear]),
        ("sort_by=latency", vec![&dear, &fair, &slow]),
        ("sort_by=price&max_latency_ms=100", vec![&fair, &dear]),
        ("sort_by=latency&max_price=1", vec![&fair, &slow]),
        ("max_price=0.99&max_latency_ms=100", vec![]),
    ] {
        let found = search(api, &format!("capability={word}&{query}")).await;
        assert_eq!(ids(&found), expected, "{query}");
    }
}

async fn a_search_that_finds_nobody_is_empty(api: &Api) {
    let nobody = json!({"results": [], "total": 0, "limit": 10, "offset": 0});
    for query in ["capability=nobody-offers-this", "tags=nobody-has-this"] {
        assert_eq!(search(api, query).await, nobody);
    }
}

async fn a_search_out_of_bounds_is_refused(api: &Api) {
    for (query, field) in [
        ("min_trust=1.1", "min_trust"),
        ("min_trust=much", "min_trust"),
        ("min_trust=NaN", "min_trust"),
        ("sort_by=beauty", "sort_by"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("offset=-1", "offset"),
        ("max_price=-1", "max_price"),
        ("max_price=inf", "max_price"),
        ("max_latency_ms=-5", "max_latency_ms"),
        ("max_latency_ms=soon", "max_latency_ms"),
        ("capability=%00", "capability"),
    ] {
        let refused = api.get(&format!("/ains/search?{query}")).await;
        assert_eq!(refused.faults(), [field], "{query}");
    }
}

async fn a_search_for_anybody_finds_all_who_are_there(api: &Api) {
    let mut agents = Vec::new();
    for _ in 0..12 {
        agents.push(api.agent().await);
    }
    api.heartbeat(&agents[3], "OFFLINE").await.ok();
    let gone = agents.remove(3);
    agents.sort();
    let page = search(api, "").await;
    let expected = json_of(&agents);
    assert_eq!(
        (&page["total"], ids(&page)),
        (&json!(11), expected[..10].iter().collect())
    );
    let rest = search(api, "limit=5&offset=10").await;
    assert_eq!(each(list(&rest, "results"), "agent_id"), [&json!(agents[10])]);
    // Who is gone is not found, and keeps its place among the leaders.
    let leaders = api.get("/ains/agents/leaderboard?limit=100").await.ok();
    assert!(each(list(&leaders, "leaderboard"), "agent_id").contains(&&json!(gone)));
}

async fn the_leaderboard_is_in_order_of_trust(api: &Api) {
    let empty = api.get("/ains/agents/leaderboard").await.ok();
    assert_eq!(empty, json!({"leaderboard": []}));
    let (worker, _) = api.completed().await;
    let (failing, task) = api.active(json!({"max_retries": 0})).await;
    api.fail(&failing, &task, "no luck").await;
    let new = api.agent().await;
    let trusted = api.agent().await;
    api.trust(&trusted, 0.8).await;
    let leaders = api.get("/ains/agents/leaderboard").await.ok();
    assert_eq!(members(&leaders), ["leaderboard"]);
    let leaders = list(&leaders, "leaderboard");
    assert_eq!(each(leaders, "agent_id")[..2], [&json!(trusted), &json!(worker)]);
    assert_eq!(each(leaders, "agent_id").last(), Some(&&json!(failing)));
    assert!(each(leaders, "agent_id").contains(&&json!(new)));
    assert_eq!(
        leaders[1],
        json!({
            "agent_id": worker,
            "display_name": text(&api.get(&format!("/ains/agents/{worker}")).await.ok(), "display_name"),
            "trust_score": 0.55,
            "total_tasks_completed": 1,
            "total_tasks_failed": 0,
            "success_rate": 1.0,
        })
    );
    let few = api.get("/ains/agents/leaderboard?min_tasks=1").await.ok();
    assert_eq!(each(list(&few, "leaderboard"), "agent_id"), [&json!(worker)]);
    let one = api.get("/ains/agents/leaderboard?limit=1").await.ok();
    assert_eq!(each(list(&one, "leaderboard"), "agent_id"), [&json!(trusted)]);
}

async fn a_leaderboard_out_of_bounds_is_refused(api: &Api) {
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("min_tasks=-1", "min_tasks"),
        ("min_tasks=x", "min_tasks"),
    ] {
        let refused = api.get(&format!("/ains/agents/leaderboard?{query}")).await;
        assert_eq!(refused.faults(), [field], "{query}");
    }
}

async fn no_agent_is_called_leaderboard(api: &Api) {
    let refused = api.post("/ains/agents", registration("leaderboard")).await;
    assert_eq!(refused.faults(), ["/agent_id"]);
}
