use std::time::Duration;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use ains_http::Auth;
use serde_json::{Value, json};

use crate::site::{Answer, KEY, Site, a_task, an_agent};

/// Bound of everything that is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

async fn ask(site: &Site, key: &str, method: Method, uri: &str, body: Value) -> Answer {
    let request = TestRequest::with_uri(uri).method(method).set_json(body);
    let request = request.peer_addr("192.0.2.7:4711".parse().unwrap());
    site.send(request.insert_header(("x-api-key", key))).await
}

async fn logs(site: &Site, query: &str) -> Vec<Value> {
    let answer = ask(
        site,
        KEY,
        Method::GET,
        &format!("/ains/audit-logs{query}"),
        json!({}),
    )
    .await;
    answer.ok().as_array().expect("a list").clone()
}

/// Waits until there are `count` requests in the entries that the query finds; the entries.
async fn counted(site: &Site, query: &str, count: u64) -> Vec<Value> {
    let until = async {
        loop {
            let entries = logs(site, query).await;
            let sum: u64 = entries.iter().filter_map(|entry| entry["count"].as_u64()).sum();
            assert!(sum <= count, "{entries:?}");
            if sum == count {
                return entries;
            }
            actix_web::rt::task::yield_now().await;
        }
    };
    actix_web::rt::time::timeout(PATIENCE, until)
        .await
        .expect("what was refused")
}

/// A key with these scopes: its id and its secret.
async fn a_key(site: &Site, client: &str, scopes: &[&str]) -> (String, String) {
    let body = json!({"client_id": client, "name": "k", "scopes": scopes});
    let made = ask(site, KEY, Method::POST, "/ains/api-keys", body).await.ok();
    let text = |name: &str| made[name].as_str().expect("a text").to_owned();
    (text("key_id"), text("api_key"))
}

#[actix_web::test]
async fn what_is_done_is_told_with_who_did_it() {
    let site = Site::with(Auth::On).await;
    ask(&site, KEY, Method::POST, "/ains/agents", an_agent("a1"))
        .await
        .ok();
    let adjust = json!({"trust_delta": 0.25, "reason": "a reason of my own"});
    let request = TestRequest::post()
        .uri("/ains/agents/a1/trust/adjust")
        .set_json(adjust);
    let request = request.peer_addr("[::ffff:192.0.2.7]:4711".parse().unwrap());
    let request = request
        .insert_header(("x-api-key", KEY))
        .insert_header(("x-request-id", "r-1"));
    let adjusted = site.send(request).await.ok();
    let entries = logs(&site, "").await;
    assert_eq!(entries.len(), 1, "{entries:?}");
    let mut entry = entries[0].clone();
    assert!(entry["id"].as_str().unwrap().starts_with("audit_"));
    entry["id"] = json!("");
    assert_eq!(
        entry,
        json!({
            "id": "", "event_type": "trust_adjusted", "action": "adjust_trust", "client_id": null, "key_id": null,
            "agent_id": null, "resource_type": "agent", "resource_id": "a1", "success": true,
            "error_message": null,
            "extra_metadata": {"before": 0.5, "after": 0.75, "record_id": adjusted["record_id"]},
            "ip_address": "192.0.2.7", "request_id": "r-1", "count": 1, "created_at": "2026-01-01T00:00:00.000000Z",
        })
    );
}

#[actix_web::test]
async fn keys_are_followed_through_their_lives() {
    let site = Site::with(Auth::On).await;
    let (id, _) = a_key(&site, "c1", &["task:read"]).await;
    let path = format!("/ains/api-keys/{id}");
    ask(&site, KEY, Method::PATCH, &path, json!({"active": false}))
        .await
        .ok();
    ask(&site, KEY, Method::POST, &format!("{path}/rotate"), json!({}))
        .await
        .ok();
    for _ in 0..2 {
        ask(&site, KEY, Method::DELETE, &path, json!({})).await.ok();
    }
    let entries = logs(&site, "").await;
    let kinds: Vec<&str> = entries
        .iter()
        .map(|entry| entry["event_type"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "api_key_revoked",
            "api_key_rotated",
            "api_key_updated",
            "api_key_created"
        ]
    );
    for entry in entries {
        assert_eq!(
            (&entry["resource_type"], &entry["resource_id"]),
            (&json!("api_key"), &json!(id))
        );
        assert_eq!(entry["extra_metadata"]["for_client"], "c1");
    }
}

#[actix_web::test]
async fn what_is_refused_is_counted() {
    let site = Site::with(Auth::On).await;
    let (id, secret) = a_key(&site, "c1", &["task:read"]).await;
    for n in 0..500 {
        let key = format!("ains_wrong{n}");
        ask(
            &site,
            &key,
            Method::GET,
            &format!("/ains/tasks/{n}?secret={n}"),
            json!({}),
        )
        .await
        .detail(401);
    }
    ask(&site, "ains_wrong", Method::POST, "/nothing", json!({}))
        .await
        .detail(401);
    let failed = counted(&site, "?event_type=auth_failed", 501).await;
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0]["action"], "GET /ains/tasks/{id}");
    assert_eq!(failed[0]["extra_metadata"]["last_action"], "POST unmatched");
    assert_eq!(failed[0]["ip_address"], "192.0.2.7");
    assert_eq!(failed[0]["error_message"], "Invalid API key");
    assert_eq!(failed[0]["success"], false);

    ask(&site, &secret, Method::POST, "/ains/tasks", a_task("c1"))
        .await
        .detail(403);
    let foreign = ask(&site, KEY, Method::POST, "/ains/tasks", a_task("c2"))
        .await
        .ok();
    let foreign = format!("/ains/tasks/{}", foreign["task_id"].as_str().unwrap());
    ask(&site, &secret, Method::GET, &foreign, json!({}))
        .await
        .detail(404);
    // Something that an admin does not find is not refused to anybody.
    ask(&site, KEY, Method::GET, "/ains/agents/a9", json!({}))
        .await
        .detail(404);
    let denied = counted(&site, "?event_type=access_denied", 2).await;
    assert_eq!(denied.len(), 1, "{denied:?}");
    assert_eq!(denied[0]["key_id"], json!(id));
    assert_eq!(denied[0]["client_id"], "c1");
    assert_eq!(denied[0]["action"], "POST /ains/tasks");
    assert_eq!(denied[0]["extra_metadata"]["last_action"], "GET /ains/tasks/{id}");
    let by_key = logs(&site, &format!("?key_id={id}")).await;
    assert_eq!(by_key, denied);
}

#[actix_web::test]
async fn a_client_sees_what_was_done_with_its_keys() {
    let site = Site::with(Auth::On).await;
    let (_, one) = a_key(&site, "c1", &["audit:read", "template:*"]).await;
    let (_, other) = a_key(&site, "c2", &["audit:read"]).await;
    let (_, none) = a_key(&site, "c1", &["template:*"]).await;
    let template = json!({"client_id": "c1", "name": "t", "task_type": "job", "capability_required": "text:v1", "default_input_data": {}});
    let made = ask(&site, &one, Method::POST, "/ains/task-templates", template)
        .await
        .ok();
    let path = format!("/ains/task-templates/{}", made["template_id"].as_str().unwrap());
    ask(&site, &one, Method::DELETE, &path, json!({})).await.ok();
    let own = ask(&site, &one, Method::GET, "/ains/audit-logs", json!({}))
        .await
        .ok();
    let own = own.as_array().unwrap();
    assert_eq!(own.len(), 1, "{own:?}");
    assert_eq!(own[0]["event_type"], "resource_deleted");
    assert_eq!(own[0]["resource_type"], "template");
    assert_eq!(own[0]["client_id"], "c1");
    let others = ask(&site, &other, Method::GET, "/ains/audit-logs", json!({}))
        .await
        .ok();
    assert_eq!(others, json!([]));
    ask(
        &site,
        &other,
        Method::GET,
        "/ains/audit-logs?client_id=c1",
        json!({}),
    )
    .await
    .detail(403);
    ask(&site, &none, Method::GET, "/ains/audit-logs", json!({}))
        .await
        .detail(403);
}

#[actix_web::test]
async fn the_log_comes_in_pages() {
    let site = Site::with(Auth::On).await;
    for _ in 0..5 {
        a_key(&site, "c1", &["task:read"]).await;
    }
    let all = logs(
        &site,
        "?created_after=2026-01-01T00:00:00Z&created_before=2026-01-01T00:01:00Z",
    )
    .await;
    assert_eq!(all.len(), 5);
    assert_eq!(
        logs(&site, "?created_before=2026-01-01T00:00:00Z").await,
        [Value::Null; 0]
    );
    let mut uri = "/ains/audit-logs?limit=2".to_owned();
    let mut read = Vec::new();
    loop {
        let page = ask(&site, KEY, Method::GET, &uri, json!({})).await;
        read.extend(page.ok().as_array().unwrap().clone());
        let link = page.header("link");
        let Some(next) = link.strip_prefix('<').and_then(|link| link.split_once('>')) else {
            break;
        };
        next.0.clone_into(&mut uri);
    }
    assert_eq!(read, all);
    for query in [
        "?limit=0",
        "?limit=1001",
        "?event_type=x",
        "?cursor=x",
        "?key_id=x",
        "?created_after=x",
    ] {
        let refused = ask(
            &site,
            KEY,
            Method::GET,
            &format!("/ains/audit-logs{query}"),
            json!({}),
        )
        .await;
        assert_eq!(refused.faults().len(), 1, "{query}");
    }
}

#[actix_web::test]
async fn no_secret_and_no_payload_is_in_it() {
    let site = Site::with(Auth::On).await;
    let marker = "tell-nobody";
    let (id, secret) = a_key(&site, "c1", &["task:*", "webhook:*"]).await;
    let rotated = ask(
        &site,
        KEY,
        Method::POST,
        &format!("/ains/api-keys/{id}/rotate"),
        json!({}),
    )
    .await
    .ok();
    let named = json!({"name": marker, "description": marker});
    ask(&site, KEY, Method::PATCH, &format!("/ains/api-keys/{id}"), named)
        .await
        .ok();
    ask(&site, KEY, Method::POST, "/ains/agents", an_agent("a1"))
        .await
        .ok();
    let adjust = json!({"trust_delta": 0.25, "reason": marker});
    ask(&site, KEY, Method::POST, "/ains/agents/a1/trust/adjust", adjust)
        .await
        .ok();
    let mut task = a_task("c1");
    task["input_data"] = json!({"x": marker});
    ask(&site, &secret, Method::POST, "/ains/tasks", task.clone())
        .await
        .ok();
    task["client_id"] = json!("c2");
    ask(&site, &secret, Method::POST, "/ains/tasks", task)
        .await
        .detail(403);
    let hook =
        json!({"agent_id": "c1", "url": "https://example.com/x", "events": ["task.*"], "secret": marker});
    let hook = ask(&site, &secret, Method::POST, "/ains/webhooks", hook)
        .await
        .ok();
    let hook = format!(
        "/ains/webhooks/{}?agent_id=c1",
        hook["webhook_id"].as_str().unwrap()
    );
    ask(&site, &secret, Method::DELETE, &hook, json!({})).await.ok();
    ask(
        &site,
        marker,
        Method::GET,
        &format!("/ains/tasks/{marker}?{marker}"),
        json!({}),
    )
    .await
    .detail(401);
    ask(
        &site,
        KEY,
        Method::POST,
        "/ains/maintenance/cleanup?days=7",
        json!({}),
    )
    .await
    .ok();
    counted(&site, "?event_type=auth_failed", 1).await;
    counted(&site, "?event_type=access_denied", 1).await;
    let entries = logs(&site, "?limit=1000").await;
    assert_eq!(entries.len(), 8, "{entries:?}");
    let text = Value::from(entries).to_string();
    let new_secret = rotated["api_key"].as_str().unwrap();
    for hidden in [marker, KEY, &secret, new_secret, "ains_"] {
        assert!(!text.contains(hidden), "{hidden} in {text}");
    }
}
