//! Agents and whose they are: who sees them, who changes them, and who shares them.

use actix_web::http::Method;
use serde_json::{Value, json};

use crate::site::{Site, a_task, an_agent};

/// Every scope that a client needs for agents, their keys, and tasks.
const SCOPES: [&str; 6] = [
    "agent:read",
    "agent:write",
    "agent:act",
    "task:read",
    "task:write",
    "key:write",
];

/// Those that a key may have which is bound to an agent.
const SCOPES_OF_AGENTS: [&str; 3] = ["agent:read", "agent:act", "task:read"];

/// The same site for a key of `client`.
async fn of(admin: &Site, client: &str) -> Site {
    let key = json!({"name": client, "client_id": client, "scopes": SCOPES});
    let made = admin.post("/ains/api-keys", key).await.ok();
    admin.keyed(made["api_key"].as_str().expect("a key"))
}

fn ids(list: &Value) -> Vec<&str> {
    let all = list.as_array().expect("a list").iter();
    let mut ids: Vec<&str> = all.map(|one| one["agent_id"].as_str().expect("an id")).collect();
    ids.sort_unstable();
    ids
}

fn patched(site: &Site, id: &str, body: Value) -> impl Future<Output = crate::site::Answer> {
    let (site, uri) = (site.clone(), format!("/ains/agents/{id}"));
    async move { site.call(Method::PATCH, &uri, body).await }
}

/// An agent of each of two clients, and a shared one.
async fn a_site() -> (Site, Site, Site) {
    let admin = Site::guarded().await;
    let (a, b) = (of(&admin, "a").await, of(&admin, "b").await);
    for (site, id) in [(&a, "of-a"), (&b, "of-b"), (&admin, "shared")] {
        site.agent(id).await;
    }
    (admin, a, b)
}

#[actix_web::test]
async fn a_client_sees_its_own_agents_and_shared_ones() {
    let (admin, a, _) = a_site().await;
    for (site, seen) in [
        (&admin, &["of-a", "of-b", "shared"][..]),
        (&a, &["of-a", "shared"]),
    ] {
        let list = site.get("/ains/agents?limit=1").await.ok();
        assert_eq!(list["total"], seen.len());
        let list = site.get("/ains/agents?status=ACTIVE").await.ok();
        assert_eq!(
            (ids(&list["agents"]), &list["total"]),
            (seen.to_vec(), &json!(seen.len()))
        );
        for search in ["/ains/search", "/ains/search?tags=text:v1"] {
            let found = site.get(search).await.ok();
            assert_eq!(
                (ids(&found["results"]), &found["total"]),
                (seen.to_vec(), &json!(seen.len()))
            );
        }
        let leaders = site.get("/ains/agents/leaderboard").await.ok();
        assert_eq!(ids(&leaders["leaderboard"]), seen);
    }
    let shown = async |site: &Site, id: &str| {
        let agent = site.get(&format!("/ains/agents/{id}")).await.ok();
        (agent["client_id"].clone(), agent["shared"].clone())
    };
    assert_eq!(shown(&a, "of-a").await, (json!("a"), json!(false)));
    assert_eq!(shown(&admin, "of-b").await, (json!("b"), json!(false)));
    assert_eq!(shown(&a, "shared").await, (Value::Null, json!(true)));
}

#[actix_web::test]
async fn an_agent_of_another_client_does_not_exist_but_its_id_is_taken() {
    let (admin, a, _) = a_site().await;
    let before = admin.get("/ains/agents/of-b").await.ok();
    let heartbeat = json!({"timestamp": 1, "status": "DEGRADED", "uptime_ms": 1});
    for (method, rest, body) in [
        (Method::GET, "", Value::Null),
        (Method::PATCH, "", json!({"max_concurrency": 2})),
        (Method::DELETE, "", Value::Null),
        (Method::GET, "/capabilities", Value::Null),
        (Method::POST, "/capabilities", json!({})),
        (Method::GET, "/trust", Value::Null),
        (Method::GET, "/trust/history", Value::Null),
        (Method::POST, "/heartbeat", heartbeat),
        (Method::POST, "/drain", json!({})),
        (Method::POST, "/resume", json!({})),
        (Method::POST, "/claim", json!({})),
        (Method::POST, "/report", json!({"results": []})),
    ] {
        let [foreign, nobody] = ["of-b", "nobody"].map(|id| {
            let (a, uri) = (a.clone(), format!("/ains/agents/{id}{rest}"));
            let (method, body) = (method.clone(), body.clone());
            async move { a.call(method, &uri, body).await.detail(404) }
        });
        assert_eq!(foreign.await, nobody.await, "{method} {rest}");
    }
    assert_eq!(admin.get("/ains/agents/of-b").await.ok(), before);
    let taken = a.post("/ains/agents", an_agent("of-b")).await;
    assert_eq!(taken.detail(409), "Agent already registered");
}

#[actix_web::test]
async fn a_shared_agent_is_seen_by_all_and_changed_by_its_owner() {
    let (admin, a, b) = a_site().await;
    for refused in [
        patched(&b, "of-b", json!({"shared": true})).await,
        b.post("/ains/agents", {
            let mut agent = an_agent("another");
            agent["shared"] = json!(true);
            agent
        })
        .await,
    ] {
        assert_eq!(refused.detail(403), "Only an admin shares agents");
    }
    let shared = patched(&admin, "of-b", json!({"shared": true})).await.ok();
    assert_eq!(
        (&shared["client_id"], &shared["shared"]),
        (&json!("b"), &json!(true))
    );
    let seen = a.get("/ains/agents/of-b").await.ok();
    assert_eq!(
        (&seen["client_id"], &seen["shared"]),
        (&Value::Null, &json!(true))
    );
    for id in ["of-b", "shared"] {
        for refused in [
            patched(&a, id, json!({"max_concurrency": 2})).await,
            a.call(Method::DELETE, &format!("/ains/agents/{id}"), Value::Null)
                .await,
            a.post(&format!("/ains/agents/{id}/drain"), json!({})).await,
            a.post(&format!("/ains/agents/{id}/claim"), json!({})).await,
        ] {
            assert_eq!(refused.status, 403, "{}", refused.json());
        }
        assert_eq!(a.get(&format!("/ains/agents/{id}/trust")).await.status, 200);
    }
    assert_eq!(
        patched(&b, "of-b", json!({"max_concurrency": 2})).await.ok()["max_concurrency"],
        2
    );
    // Whom it belongs to may take it back.
    assert_eq!(
        patched(&b, "of-b", json!({"shared": false})).await.ok()["shared"],
        false
    );
    assert_eq!(a.get("/ains/agents/of-b").await.status, 404);
    let refused = patched(&admin, "shared", json!({"shared": false})).await;
    assert_eq!(
        refused.detail(409),
        "The agent belongs to no client, so it serves every client"
    );
}

#[actix_web::test]
async fn an_agent_is_given_the_tasks_of_its_client_alone() {
    let (admin, a, b) = a_site().await;
    admin
        .call(Method::DELETE, "/ains/agents/shared", Value::Null)
        .await
        .ok();
    for (site, id) in [(&a, "of-a"), (&b, "of-b")] {
        site.post(&format!("/ains/agents/{id}/claim"), json!({}))
            .await
            .ok();
    }
    let (of_a, of_b) = (a.task("a").await, b.task("b").await);
    assert_eq!(b.claim("of-b").await.0, of_b);
    assert_eq!(a.claim("of-a").await.0, of_a);
    let waiting = admin.task("c").await;
    for (site, id) in [(&a, "of-a"), (&b, "of-b")] {
        let claimed = site
            .post(&format!("/ains/agents/{id}/claim"), json!({}))
            .await
            .ok();
        assert_eq!(claimed["tasks"], json!([]));
    }
    let why = admin.get(&format!("/ains/tasks/{waiting}/why")).await.ok();
    assert_eq!(why["detail"], "no agent provides `text:v1`");
    // An agent's key that is bound to a client as well registers an agent of that client.
    let key = json!({"name": "x", "client_id": "c", "agent_id": "of-c", "scopes": SCOPES_OF_AGENTS});
    let key = admin.post("/ains/api-keys", key).await.ok();
    let agent = admin.keyed(key["api_key"].as_str().unwrap());
    agent.agent("of-c").await;
    assert_eq!(admin.get("/ains/agents/of-c").await.ok()["client_id"], "c");
    agent.post("/ains/agents/of-c/claim", json!({})).await.ok();
    assert_eq!(ids(&agent.get("/ains/agents").await.ok()["agents"]), ["of-c"]);
    assert_eq!(agent.post("/ains/tasks", a_task("c")).await.status, 403);
}

#[actix_web::test]
async fn a_key_of_an_agent_is_not_a_key_to_who_takes_its_id_later() {
    let (_, a, b) = a_site().await;
    let key = json!({"name": "x", "agent_id": "of-b", "scopes": SCOPES_OF_AGENTS});
    let key = b.post("/ains/api-keys", key).await.ok();
    let agent = b.keyed(key["api_key"].as_str().unwrap());
    agent.post("/ains/agents/of-b/claim", json!({})).await.ok();
    b.call(Method::DELETE, "/ains/agents/of-b", Value::Null)
        .await
        .ok();
    assert_eq!(agent.post("/ains/agents/of-b/claim", json!({})).await.status, 404);
    a.agent("of-b").await;
    a.task("a").await;
    for refused in [
        agent.post("/ains/agents/of-b/claim", json!({})).await,
        agent.get("/ains/agents/of-b").await,
        agent.get("/ains/tasks").await,
    ] {
        assert_eq!(
            refused.detail(403),
            "The agent that this key is bound to is not its client's"
        );
    }
}

#[actix_web::test]
async fn routing_is_tried_for_a_client() {
    let (admin, a, _) = a_site().await;
    let considered = async |site: &Site, client: Option<&str>| {
        let test = json!({"capability_required": "text:v1", "client_id": client});
        let answer = site.post("/ains/routing/test", test).await.ok();
        ids(&answer["candidates"]).join(" ")
    };
    assert_eq!(considered(&admin, None).await, "shared");
    assert_eq!(considered(&admin, Some("b")).await, "of-b shared");
    assert_eq!(considered(&a, None).await, "of-a shared");
    assert_eq!(considered(&a, Some("a")).await, "of-a shared");
    let test = json!({"capability_required": "text:v1", "client_id": "b"});
    assert_eq!(a.post("/ains/routing/test", test).await.status, 403);
}

#[actix_web::test]
async fn without_authentication_every_agent_serves_every_client() {
    let site = Site::open().await;
    let mut agent = an_agent("x");
    agent["shared"] = json!(false);
    site.post("/ains/agents", agent).await.ok();
    let shown = site.get("/ains/agents/x").await.ok();
    assert_eq!(
        (&shown["client_id"], &shown["shared"]),
        (&Value::Null, &json!(true))
    );
}
