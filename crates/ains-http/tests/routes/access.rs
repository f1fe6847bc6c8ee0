//! Every route against every kind of key that must not pass: what they are answered, and that nothing changes.

use std::collections::BTreeSet;
use std::time::Duration;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use ains_core::Scope;
use ains_http::Auth;
use serde_json::{Value, json};

use crate::site::{Answer, Site, a_task, an_agent};

/// An operation of the contract.
struct Operation {
    method: Method,
    path: String,
    /// The scopes, one of which it asks for.
    scopes: BTreeSet<String>,
    /// Whether it asks for a key.
    keyed: bool,
}

async fn operations(site: &Site) -> Vec<Operation> {
    let document = site.get("/openapi.json").await.ok();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let ways = operation["security"].as_array().unwrap();
            let scopes = ways.iter().flat_map(|way| way.as_object().unwrap().values());
            let scopes = scopes.flat_map(|scopes| scopes.as_array().unwrap());
            all.push(Operation {
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                scopes: scopes.map(|scope| scope.as_str().unwrap().to_owned()).collect(),
                keyed: ways.iter().all(|way| !way.as_object().unwrap().is_empty()),
            });
        }
    }
    assert!(all.len() > 90, "the contract has {} operations", all.len());
    all
}

/// One of everything, of client `a`.
struct Estate {
    task: String,
    chain: String,
    schedule: String,
    calendar: String,
    template: String,
    webhook: String,
    delivery: String,
    key: String,
}

impl Estate {
    /// Makes it as an admin.
    async fn of_a(site: &Site) -> Self {
        let id = |answer: Value, field: &str| answer[field].as_str().expect(field).to_owned();
        let owner = key(site, json!({"client_id": "a", "scopes": ["agent:write"]})).await;
        let owner = site.keyed(&owner);
        owner.post("/ains/agents", an_agent("agent-a")).await.ok();
        let step =
            json!({"name": "one", "task_type": "job", "capability_required": "other:v1", "input_data": {}});
        let chain = json!({"client_id": "a", "name": "chain of a", "steps": [step]});
        let task = json!({"task_type": "job", "capability_required": "other:v1", "input_data": {}});
        let mut schedule = json!({"client_id": "a", "name": "schedule of a", "cron_expression": "@daily"});
        schedule
            .as_object_mut()
            .unwrap()
            .append(&mut task.as_object().unwrap().clone());
        let calendar = json!({"client_id": "a", "name": "calendar of a", "weekdays": ["SUN"]});
        let template = json!({
            "client_id": "a", "name": "template of a", "task_type": "job", "capability_required": "other:v1",
            "default_input_data": {},
        });
        let webhook = json!({"agent_id": "a", "url": "https://hooks.example/a", "events": ["*"]});
        let webhook = id(site.post("/ains/webhooks", webhook).await.ok(), "webhook_id");
        let sent = site
            .post(&format!("/ains/webhooks/{webhook}/test"), Value::Null)
            .await
            .ok();
        let key = json!({"client_id": "a", "name": "key of a", "scopes": ["task:*"]});
        Self {
            task: id(site.post("/ains/tasks", a_task("a")).await.ok(), "task_id"),
            chain: id(site.post("/ains/task-chains", chain).await.ok(), "chain_id"),
            schedule: id(
                site.post("/ains/scheduled-tasks", schedule).await.ok(),
                "schedule_id",
            ),
            calendar: id(site.post("/ains/calendars", calendar).await.ok(), "calendar_id"),
            template: id(
                site.post("/ains/task-templates", template).await.ok(),
                "template_id",
            ),
            delivery: id(sent, "delivery_id"),
            key: id(site.post("/ains/api-keys", key).await.ok(), "key_id"),
            webhook,
        }
    }

    /// What stands for `{id}` in a path.
    fn id(&self, path: &str) -> Option<&str> {
        let id = match path.split('/').nth(2)? {
            "tasks" => &self.task,
            "task-chains" => &self.chain,
            "scheduled-tasks" => &self.schedule,
            "calendars" => &self.calendar,
            "task-templates" => &self.template,
            "webhooks" => &self.webhook,
            "webhook-deliveries" => &self.delivery,
            "api-keys" => &self.key,
            "agents" => "agent-a",
            "clients" => "a",
            _ => return None,
        };
        Some(id)
    }

    fn uri(&self, path: &str) -> String {
        let uri = path.replace("{slug}", "not-found");
        match self.id(path) {
            Some(id) => uri.replace("{id}", id),
            None => uri,
        }
    }

    /// All of it, as an admin sees it.
    async fn seen_by(&self, site: &Site) -> String {
        let mut seen = String::new();
        for path in [
            "/ains/tasks/{id}",
            "/ains/task-chains/{id}",
            "/ains/scheduled-tasks/{id}",
            "/ains/scheduled-tasks/{id}/slots",
            "/ains/calendars/{id}",
            "/ains/task-templates/{id}",
            "/ains/webhooks/{id}",
            "/ains/webhooks/{id}/deliveries",
            "/ains/api-keys/{id}",
            "/ains/agents/{id}",
            "/ains/tasks",
            "/ains/agents",
        ] {
            seen.push_str(&site.get(&self.uri(path)).await.ok().to_string());
        }
        seen
    }

    /// Every id in it.
    fn ids(&self) -> [&str; 8] {
        [
            &self.task,
            &self.chain,
            &self.schedule,
            &self.calendar,
            &self.template,
            &self.webhook,
            &self.delivery,
            &self.key,
        ]
    }
}

async fn key(site: &Site, wanted: Value) -> String {
    let mut wanted = wanted;
    wanted["name"] = json!("test");
    wanted["rate_limit_per_minute"] = Value::Null;
    wanted["rate_limit_per_hour"] = Value::Null;
    let made = site.post("/ains/api-keys", wanted).await.ok();
    made["api_key"].as_str().unwrap().to_owned()
}

async fn tried(site: &Site, operation: &Operation, uri: &str) -> Answer {
    site.send(TestRequest::with_uri(uri).method(operation.method.clone()))
        .await
}

/// All scopes that may be given to a client, but for these.
fn all_but(scopes: &BTreeSet<String>) -> Vec<&'static str> {
    let names = Scope::ALL.iter().map(|scope| scope.as_str());
    names
        .filter(|name| *name != "admin" && !scopes.contains(*name))
        .collect()
}

#[actix_web::test]
async fn no_key_and_no_good_key_open_nothing() {
    let admin = Site::guarded().await;
    let estate = Estate::of_a(&admin).await;
    let all = json!({"client_id": "a", "scopes": all_but(&BTreeSet::new())});
    let (expired, revoked, off) = (
        key(&admin, json!({"scopes": ["admin"], "expires_in_days": 1})).await,
        key(&admin, json!({"scopes": ["admin"]})).await,
        key(&admin, all).await,
    );
    let keys = admin.get("/ains/api-keys").await.ok();
    let id = |index: usize| keys[index]["key_id"].as_str().unwrap().to_owned();
    let gone = admin
        .call(Method::DELETE, &format!("/ains/api-keys/{}", id(1)), json!({}))
        .await;
    assert_eq!(gone.ok()["message"], "API key revoked successfully");
    let switched = json!({"active": false});
    admin
        .call(Method::PATCH, &format!("/ains/api-keys/{}", id(0)), switched)
        .await
        .ok();
    admin.wait(Duration::from_hours(24));
    let before = estate.seen_by(&admin).await;
    for operation in operations(&admin).await {
        let uri = estate.uri(&operation.path);
        let at = format!("{} {}", operation.method, operation.path);
        let anonymous = tried(&admin.anonymous(), &operation, &uri).await;
        if !operation.keyed {
            assert_eq!(anonymous.status, 200, "{at}");
            continue;
        }
        assert_eq!(anonymous.detail(401), "API key required", "{at}");
        for bad in [
            "ains_0000000000000000000000000000000000000000000",
            "",
            "x",
            &expired,
            &revoked,
            &off,
        ] {
            let refused = tried(&admin.keyed(bad), &operation, &uri).await;
            assert_eq!(refused.detail(401), "Invalid API key", "{at} with {bad}");
        }
    }
    assert_eq!(estate.seen_by(&admin).await, before);
}

#[actix_web::test]
async fn a_key_without_the_scope_is_refused_and_changes_nothing() {
    let admin = Site::guarded().await;
    let estate = Estate::of_a(&admin).await;
    let nothing = key(&admin, json!({"client_id": "a", "scopes": []})).await;
    let before = estate.seen_by(&admin).await;
    for operation in operations(&admin).await {
        if operation.scopes.is_empty() {
            continue;
        }
        let uri = estate.uri(&operation.path);
        let others = all_but(&operation.scopes);
        let others = key(&admin, json!({"client_id": "a", "scopes": others})).await;
        for key in [&nothing, &others] {
            let refused = tried(&admin.keyed(key), &operation, &uri).await;
            let at = format!("{} {}", operation.method, operation.path);
            assert_eq!(refused.status, 403, "{at}: {}", refused.json());
            let named = operation
                .scopes
                .iter()
                .all(|scope| refused.detail(403).contains(&**scope));
            assert!(named, "{at}: {}", refused.json());
        }
    }
    assert_eq!(estate.seen_by(&admin).await, before);
}

/// Whoever has every scope but `admin`, for client `b`.
async fn stranger(admin: &Site) -> Site {
    let all = json!({"client_id": "b", "scopes": all_but(&BTreeSet::new())});
    admin.keyed(&key(admin, all).await)
}

#[actix_web::test]
async fn what_is_anothers_does_not_exist() {
    let admin = Site::guarded().await;
    let estate = Estate::of_a(&admin).await;
    let stranger = stranger(&admin).await;
    let another =
        json!({"client_id": "b", "agent_id": "agent-b", "scopes": ["agent:act", "agent:read", "task:read"]});
    let another = admin.keyed(&key(&admin, another).await);
    let before = estate.seen_by(&admin).await;
    let mut seen = 0;
    for operation in operations(&admin).await {
        // What agents report on a task is about what they hold, and is tried below.
        let reports = operation.scopes.contains("agent:act") && !operation.path.starts_with("/ains/agents");
        if !operation.path.contains("{id}") || reports {
            continue;
        }
        let uri = estate.uri(&operation.path);
        let at = format!("{} {}", operation.method, operation.path);
        let of_admins = operation.scopes.contains("admin");
        let refused = tried(&stranger, &operation, &uri).await;
        let expected = if of_admins { 403 } else { 404 };
        assert_eq!(refused.status, expected, "{at}: {}", refused.json());
        let refused = tried(&another, &operation, &uri).await;
        assert!([403, 404].contains(&refused.status), "{at}: {}", refused.json());
        seen += 1;
    }
    assert!(seen > 50, "{seen} operations name a thing");
    assert_eq!(estate.seen_by(&admin).await, before);
}

#[actix_web::test]
async fn lists_show_what_is_ones_own() {
    let admin = Site::guarded().await;
    let estate = Estate::of_a(&admin).await;
    let stranger = stranger(&admin).await;
    let own = stranger.task("b").await;
    for list in [
        "/ains/tasks",
        "/aitp/tasks",
        "/ains/task-chains",
        "/ains/scheduled-tasks",
        "/ains/calendars",
        "/ains/task-templates",
        "/ains/webhooks",
        "/ains/api-keys",
    ] {
        let shown = stranger.get(list).await.ok().to_string();
        for id in estate.ids() {
            assert!(!shown.contains(id), "{list}: {shown}");
        }
        assert_eq!(shown.contains(&own), list.ends_with("/tasks"), "{list}: {shown}");
        let whose = if list == "/ains/webhooks" {
            "agent_id"
        } else {
            "client_id"
        };
        let refused = stranger.get(&format!("{list}?{whose}=a")).await;
        assert_eq!(
            refused.detail(403),
            "This key is bound to another client",
            "{list}"
        );
    }
    assert_eq!(stranger.get("/aitp/tasks").await.ok()["total"], 1);
    let both = format!("/aitp/tasks/batch/status?task_ids={own},{}", estate.task);
    assert_eq!(stranger.get(&both).await.ok()["total"], 1);
    assert_eq!(stranger.get("/ains/events?client_id=a").await.status, 403);
}

#[actix_web::test]
async fn what_a_body_names_is_ones_own() {
    let admin = Site::guarded().await;
    let estate = Estate::of_a(&admin).await;
    let stranger = stranger(&admin).await;
    let own = stranger.task("b").await;
    let before = estate.seen_by(&admin).await;
    let merged = |extra: Value| {
        let mut task = a_task("b");
        task.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        task
    };
    let waits = merged(json!({"depends_on": [estate.task]}));
    let templated = merged(json!({"template_id": estate.template}));
    let for_a = a_task("a");
    let unknown = format!("Dependency task {} not found", estate.task);
    for (method, uri, body, status) in [
        (Method::POST, "/ains/tasks", waits.clone(), 404),
        (Method::POST, "/ains/tasks", templated.clone(), 404),
        (Method::POST, "/ains/tasks", for_a.clone(), 403),
        (Method::POST, "/ains/tasks/from-template", templated.clone(), 404),
        (Method::POST, "/ains/tasks/batch", json!({"tasks": [waits]}), 404),
        (Method::POST, "/ains/tasks/batch", json!({"tasks": [for_a]}), 403),
        (
            Method::POST,
            "/ains/tasks/graph",
            json!({"client_id": "b", "tasks": [{"name": "x", "task_type": "t", "capability_required": "c",
                "depends_on": [{"task_id": estate.task}]}]}),
            404,
        ),
        (
            Method::PATCH,
            &*format!("/ains/tasks/{own}"),
            json!({"depends_on": [estate.task]}),
            404,
        ),
        (
            Method::POST,
            "/aitp/tasks/batch",
            json!({"client_id": "a", "tasks": [a_task("a")]}),
            403,
        ),
        (
            Method::POST,
            "/aitp/tasks/batch/cancel",
            json!({"client_id": "a", "task_ids": [estate.task]}),
            403,
        ),
        (
            Method::POST,
            "/ains/task-chains",
            json!({"client_id": "a", "name": "x", "steps": [{"name": "s", "task_type": "t", "capability_required": "c"}]}),
            403,
        ),
        (
            Method::POST,
            "/ains/task-chains",
            json!({"client_id": "b", "name": "x", "steps": [{"name": "s", "template_id": estate.template}]}),
            404,
        ),
        (
            Method::POST,
            "/ains/scheduled-tasks",
            json!({"client_id": "b", "name": "x", "cron_expression": "@daily", "task_type": "t",
                "capability_required": "c", "input_data": {},
                "calendars": [{"calendar_id": estate.calendar, "use": "exclude"}]}),
            404,
        ),
        (
            Method::POST,
            "/ains/webhooks",
            json!({"agent_id": "a", "url": "https://hooks.example/b", "events": ["*"]}),
            403,
        ),
        (
            Method::POST,
            "/ains/api-keys",
            json!({"client_id": "a", "name": "x"}),
            403,
        ),
        (
            Method::POST,
            "/ains/api-keys",
            json!({"name": "x", "scopes": ["admin"]}),
            403,
        ),
    ] {
        let refused = stranger.call(method, uri, body.clone()).await;
        assert_eq!(refused.status, status, "{uri} {body}: {}", refused.json());
        if body.to_string().contains("depends_on") {
            assert_eq!(refused.detail(404), unknown, "{uri} {body}");
        }
    }
    let each = json!({"tasks": [merged(json!({"depends_on": [estate.task]})), a_task("b")], "atomic": false});
    let each = stranger.post("/ains/tasks/batch", each).await.ok();
    assert_eq!((&each["created"], &each["failed"]), (&json!(1), &json!(1)));
    assert_eq!(each["tasks"][0]["problem"]["detail"], unknown);
    for many in ["/ains/tasks/cancel", "/ains/tasks/retry"] {
        let outcome = stranger.post(many, json!({"task_ids": [estate.task]})).await.ok();
        assert_eq!(
            outcome["results"][0]["problem"]["detail"], "Task not found",
            "{many}"
        );
    }
    let cancel = json!({"client_id": "b", "task_ids": [estate.task, own]});
    let cancelled = stranger.post("/aitp/tasks/batch/cancel", cancel).await.ok();
    assert_eq!(cancelled["cancelled"], 1);
    assert_eq!(cancelled["errors"][0]["error"], "Task not found");
    assert_eq!(
        without_lists(&estate.seen_by(&admin).await),
        without_lists(&before)
    );
}

/// What was seen of the things alone: the lists have what strangers made.
fn without_lists(seen: &str) -> String {
    seen.split("{\"next_cursor\"")
        .next()
        .unwrap_or_default()
        .to_owned()
}

#[actix_web::test]
async fn an_agents_key_works_as_that_agent_and_sees_what_it_holds() {
    let admin = Site::guarded().await;
    for agent in ["agent-a", "agent-b"] {
        admin.worker(agent).await;
    }
    let task = admin.task("a").await;
    let other = admin.task("a").await;
    let of = async |agent: &str| {
        let scopes = ["agent:act", "agent:read", "task:read"];
        let made = key(&admin, json!({"agent_id": agent, "scopes": scopes})).await;
        admin.keyed(&made)
    };
    let (a, b) = (of("agent-a").await, of("agent-b").await);
    assert_eq!(
        a.get(&format!("/ains/tasks/{task}")).await.status,
        404,
        "not yet its own"
    );
    let (held, attempt) = a.claim("agent-a").await;
    assert_eq!(held, task);
    for foreign in [
        b.post("/ains/agents/agent-a/claim", json!({})).await,
        b.post("/ains/agents/agent-a/report", json!({"results": []}))
            .await,
        b.post(
            "/ains/agents/agent-a/heartbeat",
            json!({"timestamp": 1, "status": "ACTIVE", "uptime_ms": 1}),
        )
        .await,
        b.post("/ains/agents/agent-a/drain", json!({})).await,
        b.post(
            &format!("/ains/tasks/{task}/complete"),
            json!({"agent_id": "agent-a", "attempt": attempt}),
        )
        .await,
        b.call(
            Method::PUT,
            &format!("/aitp/tasks/{task}/status?agent_id=agent-a"),
            json!({"status": "COMPLETED"}),
        )
        .await,
        b.post("/ains/agents", an_agent("agent-c")).await,
    ] {
        assert_eq!(foreign.status, 403, "{}", foreign.json());
    }
    let stolen = json!({"agent_id": "agent-b", "attempt": attempt});
    let stolen = b.post(&format!("/ains/tasks/{task}/complete"), stolen).await;
    assert_eq!(stolen.status, 404, "{}", stolen.json());
    assert_eq!(b.get(&format!("/ains/tasks/{task}")).await.status, 404);
    assert_eq!(a.get(&format!("/ains/tasks/{other}")).await.status, 404);
    assert_eq!(
        a.get(&format!("/ains/tasks/{task}")).await.ok()["status"],
        "ACTIVE"
    );
    let listed = a.get("/ains/tasks").await.ok();
    assert_eq!(listed["tasks"].as_array().unwrap().len(), 1);
    assert_eq!(listed["tasks"][0]["task_id"], task);
    let done = json!({"agent_id": "agent-a", "attempt": attempt, "result_data": {}});
    let done = a.post(&format!("/ains/tasks/{task}/complete"), done).await.ok();
    assert_eq!(done["status"], "COMPLETED");
    assert_eq!(
        a.get(&format!("/ains/tasks/{task}")).await.ok()["status"],
        "COMPLETED",
        "it held it"
    );
    assert_eq!(a.post("/ains/tasks", a_task("a")).await.status, 403);
    assert_eq!(a.get("/ains/events").await.status, 403);
}

#[actix_web::test]
async fn every_route_is_in_the_contract_with_what_it_asks_for() {
    let site = Site::with(Auth::Off).await;
    let operations = operations(&site).await;
    for operation in &operations {
        let public = operation.path.starts_with("/health");
        assert_eq!(operation.keyed, !public, "{}", operation.path);
        let any_key = [
            "/",
            "/docs/{file}",
            "/openapi.json",
            "/problems/{slug}",
            "/ains/routing/strategies",
        ];
        let asks = !operation.scopes.is_empty();
        let needs_none =
            public || any_key.contains(&&*operation.path) || operation.path == "/ains/protected/test";
        assert_eq!(asks, !needs_none, "{} {}", operation.method, operation.path);
    }
}

#[actix_web::test]
async fn a_key_that_acts_does_not_change_agents() {
    let admin = Site::guarded().await;
    let keyed =
        async |scopes: &[&str]| admin.keyed(&key(&admin, json!({"client_id": "a", "scopes": scopes})).await);
    let (acts, writes) = (keyed(&["agent:act"]).await, keyed(&["agent:write"]).await);
    writes.post("/ains/agents", an_agent("mine")).await.ok();
    let capability = json!({
        "name": "x", "description": "", "input_schema": {}, "output_schema": {}, "pricing_model": "free", "price": 0,
        "latency_p99_ms": 1, "availability_percent": 99, "signature": "00",
    });
    for (method, uri, body) in [
        (Method::PATCH, "/ains/agents/mine", json!({"tags": ["other:v1"]})),
        (Method::POST, "/ains/agents/mine/drain", json!({})),
        (Method::POST, "/ains/agents/mine/capabilities", capability),
        (Method::POST, "/ains/agents", an_agent("another")),
    ] {
        let refused = acts.call(method.clone(), uri, body.clone()).await;
        assert_eq!(refused.status, 403, "{uri}: {}", refused.json());
        writes.call(method, uri, body).await.ok();
    }
    let own = json!({"agent_id": "mine", "scopes": ["agent:act"]});
    let own = admin.keyed(&key(&admin, own).await);
    let tags = json!({"tags": ["third:v1"]});
    own.call(Method::PATCH, "/ains/agents/mine", tags).await.ok();
    let shared = own
        .call(Method::PATCH, "/ains/agents/mine", json!({"shared": false}))
        .await;
    assert_eq!(shared.status, 403, "whom it works for is not its own to say");
}

#[actix_web::test]
async fn a_key_of_an_agent_alone_registers_nobody_who_serves_everybody() {
    let admin = Site::guarded().await;
    let alone = admin.keyed(&key(&admin, json!({"agent_id": "x", "scopes": ["agent:act"]})).await);
    assert_eq!(alone.post("/ains/agents", an_agent("x")).await.status, 403);
    let writes = json!({"client_id": "b", "scopes": ["agent:write"]});
    let writes = admin.keyed(&key(&admin, writes).await);
    writes.post("/ains/agents", an_agent("x")).await.ok();
    let claim = alone.post("/ains/agents/x/claim", json!({})).await;
    assert_eq!(claim.status, 403, "it is another client's now: {}", claim.json());
}

#[actix_web::test]
async fn the_history_of_a_shared_agent_names_no_tasks_of_others() {
    let admin = Site::guarded().await;
    admin.worker("shared").await;
    let mut task = a_task("a");
    task["max_retries"] = json!(0);
    admin.post("/ains/tasks", task).await.ok();
    let (task, attempt) = admin.claim("shared").await;
    let failed = json!({"agent_id": "shared", "attempt": attempt, "error_message": "secrets of a"});
    admin.post(&format!("/ains/tasks/{task}/fail"), failed).await.ok();
    let history = "/ains/agents/shared/trust/history";
    assert_eq!(admin.get(history).await.ok()[0]["task_id"], task);
    let seen = stranger(&admin).await.get(history).await.ok();
    assert_eq!(
        seen[0]["event_type"],
        admin.get(history).await.ok()[0]["event_type"]
    );
    let seen = seen.to_string();
    assert!(!seen.contains(&task) && !seen.contains("secrets of a"), "{seen}");
}

#[actix_web::test]
async fn webhooks_hear_of_nothing_that_their_maker_may_not_read() {
    let admin = Site::guarded().await;
    let maker = json!({"client_id": "a", "scopes": ["webhook:write", "chain:read"]});
    let maker = admin.keyed(&key(&admin, maker).await);
    let hook = |events: &str| json!({"agent_id": "a", "url": "https://hooks.example/a", "events": [events]});
    for events in ["*", "task.completed", "agent.*"] {
        assert_eq!(
            maker.post("/ains/webhooks", hook(events)).await.status,
            403,
            "{events}"
        );
    }
    maker.post("/ains/webhooks", hook("chain.*")).await.ok();
}

#[actix_web::test]
async fn a_stronger_key_is_not_revoked() {
    let admin = Site::guarded().await;
    let weak = json!({"client_id": "a", "scopes": ["key:*"]});
    let weak = admin.keyed(&key(&admin, weak).await);
    key(&admin, json!({"client_id": "a", "scopes": ["admin"]})).await;
    let strong = admin.get("/ains/api-keys").await.ok()[0]["key_id"].clone();
    let uri = format!("/ains/api-keys/{}", strong.as_str().unwrap());
    assert_eq!(weak.call(Method::DELETE, &uri, json!({})).await.status, 403);
    assert_eq!(admin.get(&uri).await.ok()["active"], true);
}
