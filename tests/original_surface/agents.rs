//! Agents and what they offer.

use serde_json::{Value, json};

use crate::api::{Api, each, list, members, micros, publication, registration, text};
use crate::world::{fresh, on_both};

on_both!(
    an_agent_registers,
    an_agent_registers_with_the_least_there_is,
    an_agent_cannot_register_twice,
    a_registered_agent_can_be_read,
    an_agent_that_never_registered_is_not_found,
    registered_agents_are_listed,
    the_list_of_agents_has_a_limit_and_an_offset,
    a_signature_or_key_that_is_not_hexadecimal_is_refused,
    a_registration_that_lacks_fields_is_refused_with_every_one_of_them,
    a_published_capability_is_listed,
    an_unknown_agent_has_no_capabilities,
);

async fn an_agent_registers(api: &Api) {
    let mut body = registration(&fresh("agent"));
    body["description"] = json!("An agent of a test");
    let agent = api.post("/ains/agents", body.clone()).await.ok();
    assert_eq!(
        members(&agent),
        [
            "agent_id",
            "created_at",
            "description",
            "display_name",
            "endpoint",
            "public_key",
            "status",
            "tags",
            "trust_score"
        ]
    );
    for given in [
        "agent_id",
        "description",
        "display_name",
        "endpoint",
        "public_key",
        "tags",
    ] {
        assert_eq!(agent[given], body[given], "{agent}");
    }
    assert_eq!(agent["status"], "ACTIVE");
    // The original's first service said 50.0, its later one and api.md say 0.5.
    assert_eq!(agent["trust_score"], 0.5);
    micros(&agent["created_at"]);
}

async fn an_agent_registers_with_the_least_there_is(api: &Api) {
    let mut body = registration(&fresh("agent"));
    body.as_object_mut().expect("an object").remove("tags");
    body["endpoint"] = json!("http://test-agent:8080");
    let agent = api.post("/ains/agents", body).await.ok();
    assert_eq!(
        (&agent["description"], &agent["tags"]),
        (&Value::Null, &json!([]))
    );
    assert_eq!(agent["endpoint"], "http://test-agent:8080");
}

async fn an_agent_cannot_register_twice(api: &Api) {
    let body = registration(&fresh("agent"));
    api.post("/ains/agents", body.clone()).await.ok();
    let again = api.post("/ains/agents", body).await;
    again.refused(409, "Agent already registered");
}

async fn a_registered_agent_can_be_read(api: &Api) {
    let body = registration(&fresh("agent"));
    let registered = api.post("/ains/agents", body).await.ok();
    let path = format!("/ains/agents/{}", text(&registered, "agent_id"));
    let read = api.get(&path).await.ok();
    for member in members(&registered) {
        assert_eq!(read[member], registered[member], "{member} of {read}");
    }
    assert_eq!(
        (&read["active_tasks"], &read["max_concurrency"]),
        (&json!(0), &json!(10))
    );
    assert_eq!(
        (&read["last_heartbeat"], &read["capabilities"]),
        (&Value::Null, &json!([]))
    );
}

async fn an_agent_that_never_registered_is_not_found(api: &Api) {
    api.get("/ains/agents/nonexistent_agent")
        .await
        .refused(404, "Agent not found");
}

async fn registered_agents_are_listed(api: &Api) {
    for _ in 0..3 {
        api.agent().await;
    }
    let page = api.get("/ains/agents").await.ok();
    assert_eq!(members(&page), ["agents", "limit", "offset", "total"]);
    assert_eq!((&page["limit"], &page["offset"]), (&json!(10), &json!(0)));
    assert!(page["total"].as_u64() >= Some(3), "{page}");
    let agents = list(&page, "agents");
    assert!((3..=10).contains(&agents.len()), "{page}");
    for agent in agents {
        let shown = [
            "agent_id",
            "availability",
            "display_name",
            "status",
            "trust_score",
        ];
        assert_eq!(members(agent), shown);
    }
}

async fn the_list_of_agents_has_a_limit_and_an_offset(api: &Api) {
    for _ in 0..3 {
        api.agent().await;
    }
    let first = api.get("/ains/agents?limit=2&offset=0").await.ok();
    assert_eq!((&first["limit"], &first["offset"]), (&json!(2), &json!(0)));
    let second = api.get("/ains/agents?limit=1&offset=2").await.ok();
    assert_eq!((&second["limit"], &second["offset"]), (&json!(1), &json!(2)));
    let ids: Vec<_> = [&first, &second]
        .into_iter()
        .flat_map(|page| each(list(page, "agents"), "agent_id"))
        .collect();
    let together = api.get("/ains/agents?limit=3").await.ok();
    assert_eq!(ids, each(list(&together, "agents"), "agent_id"));
}

/// As some of the original's sample agents register, and were refused.
async fn a_signature_or_key_that_is_not_hexadecimal_is_refused(api: &Api) {
    for (member, value) in [
        ("signature", "sig_placeholder"),
        ("signature", "abc"),
        ("public_key", "pk_1"),
    ] {
        let id = fresh("agent");
        let mut body = registration(&id);
        body[member] = json!(value);
        let detail = text(&api.post("/ains/agents", body).await.problem(400), "detail");
        assert!(detail.starts_with("Invalid signature: "), "{detail}");
        api.get(&format!("/ains/agents/{id}")).await.problem(404);
    }
}

async fn a_registration_that_lacks_fields_is_refused_with_every_one_of_them(api: &Api) {
    let body = json!({
        "agent_id": fresh("agent"),
        "agent_name": "an older name of the display name",
        "public_key": "1f",
        "capabilities": ["test"],
        "metadata": {},
    });
    let refused = api.post("/ains/agents", body).await;
    assert_eq!(refused.faults(), ["/display_name", "/endpoint", "/signature"]);
}

async fn a_published_capability_is_listed(api: &Api) {
    let agent = api.agent().await;
    let path = format!("/ains/agents/{agent}/capabilities");
    let mut body = publication("Test Capability");
    body["input_schema"] = json!({"type": "object"});
    let published = api.post(&path, body.clone()).await.ok();
    assert_eq!(members(&published), ["capability_id", "status"]);
    assert_eq!(published["status"], "published");

    let listed = api.get(&path).await.ok();
    let expected = json!([{
        "capability_id": published["capability_id"],
        "name": "Test Capability",
        "description": body["description"],
        "pricing_model": "per_request",
        "price": 0.01,
        "availability_percent": 99.0,
    }]);
    assert_eq!(listed, expected);
    let whole = api.get(&format!("/ains/agents/{agent}")).await.ok();
    assert_eq!(whole["capabilities"], expected);
}

async fn an_unknown_agent_has_no_capabilities(api: &Api) {
    let path = "/ains/agents/nonexistent_agent/capabilities";
    api.get(path).await.refused(404, "Agent not found");
    api.post(path, publication("x:v1"))
        .await
        .refused(404, "Agent not found");
}
