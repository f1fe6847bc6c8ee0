use serde_json::json;

use crate::site::Site;

fn a_capability(name: &str, price: f64) -> serde_json::Value {
    json!({
        "name": name, "description": "", "input_schema": {}, "output_schema": {}, "pricing_model": "per_call",
        "price": price, "latency_p99_ms": 50, "availability_percent": 99.0, "signature": "00",
    })
}

#[actix_web::test]
async fn a_search_answers_with_a_page_and_the_total() {
    let site = Site::open().await;
    for (id, price) in [("a1", 2.0), ("a2", 1.0), ("a3", 3.0)] {
        site.agent(id).await;
        let path = format!("/ains/agents/{id}/capabilities");
        site.post(&path, a_capability("Sort:V1", price)).await.ok();
    }
    let page = site
        .get("/ains/search?capability=sort&sort_by=price&limit=1&offset=1&max_price=2.5&tags=text:v1,x")
        .await;
    assert_eq!(
        page.ok(),
        json!({
            "results": [{
                "agent_id": "a1", "display_name": "A1", "trust_score": 0.5, "capabilities": ["Sort:V1"],
            }],
            "total": 2, "limit": 1, "offset": 1,
        })
    );
    let everyone = site.get("/ains/search?capability=&tags=").await.ok();
    assert_eq!(everyone["total"], 3, "an empty field asks for nothing");
    let far = site
        .get("/ains/search?offset=9223372036854775807&sort_by=latency")
        .await
        .ok();
    assert_eq!((&far["total"], &far["results"]), (&json!(3), &json!([])));
}

#[actix_web::test]
async fn every_fault_of_a_search_is_named() {
    let site = Site::open().await;
    let odd = site
        .get("/ains/search?min_trust=2&max_price=-1&max_latency_ms=x&sort_by=age&limit=0&offset=-1")
        .await;
    let expected = [
        "min_trust",
        "max_price",
        "max_latency_ms",
        "sort_by",
        "limit",
        "offset",
    ];
    assert_eq!(odd.faults(), expected);
    let odd = site.get("/ains/agents/leaderboard?limit=101&min_tasks=-1").await;
    assert_eq!(odd.faults(), ["limit", "min_tasks"]);
}

#[actix_web::test]
async fn the_leaderboard_shows_who_is_trusted_most() {
    let site = Site::open().await;
    for id in ["a1", "a2"] {
        site.agent(id).await;
    }
    let adjust = json!({"trust_delta": 0.25, "reason": "vouched for"});
    site.post("/ains/agents/a2/trust/adjust", adjust).await.ok();
    let leader = |id: &str, name: &str, trust: f64| {
        json!({
            "agent_id": id, "display_name": name, "trust_score": trust, "total_tasks_completed": 0,
            "total_tasks_failed": 0, "success_rate": 0.0,
        })
    };
    assert_eq!(
        site.get("/ains/agents/leaderboard").await.ok(),
        json!({"leaderboard": [leader("a2", "A2", 0.75), leader("a1", "A1", 0.5)]})
    );
    let few = site.get("/ains/agents/leaderboard?min_tasks=1").await.ok();
    assert_eq!(few, json!({"leaderboard": []}));
}

#[actix_web::test]
async fn the_history_of_trust_names_its_next_page() {
    let site = Site::open().await;
    site.agent("a1").await;
    for reason in ["first", "second", "third"] {
        let adjust = json!({"trust_delta": 0.01, "reason": reason});
        site.post("/ains/agents/a1/trust/adjust", adjust).await.ok();
    }
    let page = site.get("/ains/agents/a1/trust/history?limit=2").await;
    let records = page.ok();
    assert_eq!(
        (&records[0]["reason"], &records[1]["reason"]),
        (&json!("third"), &json!("second"))
    );
    let cursor = records[1]["record_id"].as_str().unwrap();
    assert_eq!(
        page.header("link"),
        format!("</ains/agents/a1/trust/history?limit=2&cursor={cursor}>; rel=\"next\"")
    );
    let last = site
        .get(&format!("/ains/agents/a1/trust/history?limit=2&cursor={cursor}"))
        .await;
    assert_eq!(last.header("link"), "");
    let last = last.ok();
    assert_eq!(
        (
            &last[0]["reason"],
            &last[0]["trust_delta"],
            last.as_array().unwrap().len()
        ),
        (&json!("first"), &json!(0.01), 1)
    );
    let odd = site.get("/ains/agents/a1/trust/history?cursor=x&limit=201").await;
    assert_eq!(odd.faults(), ["limit", "cursor"]);
}
