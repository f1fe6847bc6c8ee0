//! Tasks that wait for tasks: how that is said, and what can be seen of it.

use actix_web::http::Method;
use serde_json::{Value, json};

use crate::site::{Site, a_task};

/// An id that no task has.
const NOBODY: &str = "task_00000000000070008000000000000000";

/// When everything happens.
const NOW: &str = "2026-01-01T00:00:00.000000Z";

/// A submission that waits for these.
fn waiting(depends_on: &Value) -> Value {
    let mut task = a_task("c1");
    task["depends_on"] = depends_on.clone();
    task
}

impl Site {
    async fn waits_for(&self, depends_on: &Value) -> String {
        let created = self.post("/ains/tasks", waiting(depends_on)).await.ok();
        created["task_id"].as_str().unwrap().to_owned()
    }

    async fn of_task(&self, id: &str, what: &str) -> Value {
        self.get(&format!("/ains/tasks/{id}{what}")).await.ok()
    }

    /// Claims a task, which has to be `id`, and ends it: `complete`, or `fail`.
    async fn ends(&self, id: &str, how: &str) {
        let (claimed, attempt) = self.claim("a1").await;
        assert_eq!(claimed, id);
        let mut report = json!({"agent_id": "a1", "attempt": attempt});
        if how == "fail" {
            report["error_message"] = json!("no");
            report["retryable"] = json!(false);
        } else {
            report["result_data"] = json!({"of": id});
        }
        self.post(&format!("/ains/tasks/{id}/{how}"), report).await.ok();
    }
}

#[actix_web::test]
async fn a_submission_says_again_what_it_waits_for() {
    let site = Site::open().await;
    let first = site.task("c1").await;
    let sent =
        json!([first, {"task_id": first, "when": "done"}, {"task_id": first, "when": "success"}, first]);
    let created = site.post("/ains/tasks", waiting(&sent)).await.ok();
    let id = created["task_id"].as_str().unwrap();
    let depends_on = json!([first, {"task_id": first, "when": "done"}]);
    assert_eq!(
        created,
        json!({
            "task_id": id, "status": "PENDING", "priority": 5, "depends_on": depends_on, "is_blocked": true,
            "routing_strategy": "round_robin", "assigned_agent_id": null, "created_at": NOW,
        })
    );
    let task = site.of_task(id, "").await;
    for (field, value) in [
        ("depends_on", depends_on),
        ("is_blocked", json!(true)),
        ("gate", json!("blocked")),
        ("gate_since", json!(NOW)),
        ("unresolved_dependencies", json!(2)),
        ("results_from_dependencies", json!(false)),
        ("graph_id", Value::Null),
        ("name", Value::Null),
    ] {
        assert_eq!(task[field], value, "{field}");
    }
}

#[actix_web::test]
async fn both_ends_of_an_edge_are_seen() {
    let site = Site::open().await;
    site.worker("a1").await;
    let first = site.task("c1").await;
    let second = site
        .waits_for(&json!([{"task_id": first, "when": "done"}, first]))
        .await;
    let edge = |when: &str, status: &str, resolved: bool| json!({"task_id": first, "when": when, "status": status, "resolved": resolved});
    assert_eq!(
        site.of_task(&second, "/dependencies").await,
        json!({
            "task_id": second, "depends_on": [first], "dependencies_status": {&first: "PENDING"},
            "is_blocked": true, "ready_to_run": false,
            "dependencies": [edge("done", "PENDING", false), edge("success", "PENDING", false)],
        })
    );
    let dependents = site.of_task(&first, "/dependents").await;
    assert_eq!(
        (&dependents["task_id"], &dependents["dependent_count"]),
        (&json!(first), &json!(2))
    );
    assert_eq!(
        dependents["dependent_tasks"][0],
        json!({
            "task_id": second, "task_type": "job", "status": "PENDING", "is_blocked": true, "when": "done",
            "resolved": false,
        })
    );
    site.ends(&first, "complete").await;
    assert_eq!(
        site.of_task(&second, "/dependencies").await,
        json!({
            "task_id": second, "depends_on": [first], "dependencies_status": {&first: "COMPLETED"},
            "is_blocked": false, "ready_to_run": true,
            "dependencies": [edge("done", "COMPLETED", true), edge("success", "COMPLETED", true)],
        })
    );
    let alone = site.of_task(&first, "/dependencies").await;
    assert_eq!(
        (&alone["depends_on"], &alone["ready_to_run"]),
        (&json!([]), &json!(false)),
        "it has ended"
    );
    let nobody = site.of_task(&second, "/dependents").await;
    assert_eq!(
        nobody,
        json!({"task_id": second, "dependent_tasks": [], "dependent_count": 0})
    );
}

#[actix_web::test]
async fn a_dependency_that_does_not_exist_is_not_found() {
    let site = Site::open().await;
    site.agent("c1").await;
    let known = site.task("c1").await;
    let waits = site.waits_for(&json!([known])).await;
    for (text, sent) in [
        ("t1", json!(["t1"])),
        (NOBODY, json!([NOBODY])),
        ("", json!([{"task_id": "", "when": "done"}])),
        ("t2", json!([known, "t2", "t3"])),
    ] {
        let task = waiting(&sent);
        let many = json!({"client_id": "c1", "tasks": [a_task("c1"), task]});
        for (uri, body) in [
            ("/ains/tasks", &task),
            ("/aitp/tasks", &task),
            ("/ains/tasks/batch", &many),
            ("/aitp/tasks/batch", &many),
        ] {
            let refused = site.post(uri, body.clone()).await;
            assert_eq!(
                refused.detail(404),
                format!("Dependency task {text} not found"),
                "{uri}"
            );
        }
        let change = json!({"depends_on": sent});
        let refused = site
            .call(Method::PATCH, &format!("/ains/tasks/{waits}"), change)
            .await;
        assert_eq!(refused.detail(404), format!("Dependency task {text} not found"));
    }
    let all = site.get("/ains/tasks").await.ok();
    assert_eq!(all["tasks"].as_array().unwrap().len(), 2, "nothing was stored");
}

#[actix_web::test]
async fn in_a_batch_of_which_each_stands_alone_an_unknown_dependency_refuses_one() {
    let site = Site::open().await;
    let known = site.task("c1").await;
    let tasks = json!([
        waiting(&json!([known])),
        waiting(&json!([NOBODY])),
        waiting(&json!(["t1"])),
        waiting(&json!([known, {"task_id": known, "when": "never"}])),
    ]);
    let answer = site
        .post("/ains/tasks/batch", json!({"tasks": tasks, "atomic": false}))
        .await
        .ok();
    assert_eq!((&answer["created"], &answer["failed"]), (&json!(1), &json!(3)));
    let problem = |index: usize| &answer["tasks"][index]["problem"];
    assert_eq!(
        problem(1)["detail"],
        format!("Dependency task {NOBODY} not found")
    );
    assert_eq!(problem(1)["status"], 404);
    assert_eq!(problem(2)["detail"], "Dependency task t1 not found");
    assert_eq!(problem(3)["errors"][0]["pointer"], "/tasks/3/depends_on/1/when");
    let made = answer["tasks"][0]["task_id"].as_str().unwrap();
    assert_eq!(site.of_task(made, "").await["is_blocked"], true);
}

#[actix_web::test]
async fn every_fault_of_a_list_of_dependencies_has_its_place() {
    let site = Site::open().await;
    site.agent("c1").await;
    let sent = json!([
        "t1", {"task_id": "t2", "when": "always"}, {"task_id": "t3", "when": "done"}, {"task_id": "t4", "when": "Done"},
    ]);
    for uri in ["/ains/tasks", "/aitp/tasks"] {
        let refused = site.post(uri, waiting(&sent)).await;
        assert_eq!(refused.faults(), ["/depends_on/1/when", "/depends_on/3/when"]);
        assert_eq!(
            refused.json()["errors"][0]["message"],
            "`always` is not one of success, failure and done"
        );
        for (sent, place) in [
            (json!([1]), "/depends_on/0"),
            (json!([{"when": "done"}]), "/depends_on/0/task_id"),
            (json!({}), "/depends_on"),
            (json!(vec!["t1"; 10_001]), "/depends_on"),
        ] {
            assert_eq!(site.post(uri, waiting(&sent)).await.faults(), [place]);
        }
    }
}

#[actix_web::test]
async fn the_earlier_protocol_takes_dependencies_too() {
    let site = Site::open().await;
    site.worker("a1").await;
    let first = site.task("c1").await;
    let mut second = waiting(&json!([first]));
    second["client_id"] = json!("a1");
    second["results_from_dependencies"] = json!(true);
    let created = site.post("/aitp/tasks", second).await.ok();
    let second = created["task_id"].as_str().unwrap();
    assert_eq!(
        (&created["status"], &created.get("depends_on")),
        (&json!("PENDING"), &None)
    );
    assert_eq!(site.of_task(second, "").await["is_blocked"], true);
    site.ends(&first, "complete").await;
    let claimed = site.post("/ains/agents/a1/claim", json!({})).await.ok();
    assert_eq!(
        claimed["tasks"][0]["input_data"],
        json!({"n": 1, "dependency_results": {&first: {"of": first}}})
    );
}

#[actix_web::test]
async fn what_a_waiting_task_depends_on_is_changed() {
    let site = Site::open().await;
    site.worker("a1").await;
    let first = site.task("c1").await;
    let second = site.task("c1").await;
    let third = site.waits_for(&json!([first])).await;
    let change = |id: &str, depends_on: Value| {
        let (site, uri) = (site.clone(), format!("/ains/tasks/{id}"));
        async move {
            site.call(Method::PATCH, &uri, json!({"depends_on": depends_on}))
                .await
        }
    };
    let edges = json!([{"task_id": second, "when": "failure"}]);
    let changed = change(&third, edges.clone()).await.ok();
    assert_eq!(
        (&changed["depends_on"], &changed["is_blocked"]),
        (&edges, &json!(true))
    );
    let own = change(&second, json!([second])).await;
    assert_eq!(
        own.detail(409),
        format!("The dependencies form a cycle: {second} -> {second}")
    );
    let free = change(&third, json!([])).await.ok();
    assert_eq!(
        (&free["depends_on"], &free["is_blocked"], &free["gate"]),
        (&json!([]), &json!(false), &json!("ready"))
    );
    let (claimed, _) = site.claim("a1").await;
    let late = change(&claimed, json!([])).await;
    assert_eq!(late.json()["type"], "/problems/illegal-transition");
    assert_eq!(
        late.detail(409),
        "A task that is ACTIVE waits for nothing any more"
    );
}

#[actix_web::test]
async fn a_change_that_would_close_a_cycle_is_told_who_is_in_it() {
    let site = Site::open().await;
    let first = site.task("c1").await;
    let second = site.waits_for(&json!([first])).await;
    let third = site
        .waits_for(&json!([{"task_id": second, "when": "done"}]))
        .await;
    let change = json!({"priority": 9, "depends_on": [{"task_id": third, "when": "failure"}]});
    let refused = site
        .call(Method::PATCH, &format!("/ains/tasks/{first}"), change)
        .await;
    assert_eq!(refused.json()["type"], "/problems/dependency-cycle");
    let detail = refused.detail(409);
    let named = detail.strip_prefix("The dependencies form a cycle: ").unwrap();
    let begun_anywhere = [
        [&first, &second, &third, &first],
        [&second, &third, &first, &second],
        [&third, &first, &second, &third],
    ];
    let told = |cycle: &[&String; 4]| cycle.map(|id| &**id).join(" -> ") == named;
    assert!(begun_anywhere.iter().any(told), "{named}");
    let unchanged = site.of_task(&first, "").await;
    assert_eq!(
        (&unchanged["priority"], &unchanged["depends_on"]),
        (&json!(5), &json!([]))
    );
}

#[actix_web::test]
async fn a_retry_takes_those_along_that_failed_because_of_the_task() {
    let site = Site::open().await;
    site.worker("a1").await;
    let first = site.task("c1").await;
    let second = site.waits_for(&json!([first])).await;
    site.ends(&first, "fail").await;
    let failed = site.of_task(&second, "").await;
    assert_eq!(
        (&failed["status"], &failed["error_message"]),
        (
            &json!("FAILED"),
            &json!(format!("Dependency task {first} failed"))
        )
    );
    let retried = site
        .post(&format!("/ains/tasks/{first}/retry?cascade=true"), json!({}))
        .await;
    assert_eq!(retried.ok()["status"], "PENDING");
    let again = site.of_task(&second, "").await;
    assert_eq!(
        (&again["status"], &again["is_blocked"]),
        (&json!("PENDING"), &json!(true))
    );
}

#[actix_web::test]
async fn a_task_says_why_it_is_not_running() {
    let site = Site::open().await;
    let first = site.task("c1").await;
    let second = site.waits_for(&json!([first])).await;
    assert_eq!(
        site.of_task(&second, "/why").await,
        json!({
            "task_id": second, "status": "PENDING", "gate": "dependency", "since": NOW,
            "detail": format!("waits for {first} (PENDING)"), "tasks": [first], "agents": [], "position": null,
        })
    );
    let alone = site.of_task(&first, "/why").await;
    assert_eq!(
        (&alone["gate"], &alone["status"]),
        (&json!("no_capable_agent"), &json!("PENDING"))
    );
    site.post(&format!("/ains/tasks/{first}/cancel"), json!({}))
        .await
        .ok();
    let ended = site.of_task(&first, "/why").await;
    assert_eq!(
        (&ended["gate"], &ended["status"], &ended["since"]),
        (&Value::Null, &json!("CANCELLED"), &json!(NOW))
    );
}

#[actix_web::test]
async fn a_task_that_there_is_not_has_no_graph() {
    let site = Site::open().await;
    for id in [NOBODY, "t1"] {
        for what in ["dependencies", "dependents", "graph", "graph?format=dot", "why"] {
            let refused = site.get(&format!("/ains/tasks/{id}/{what}")).await;
            assert_eq!(refused.detail(404), "Task not found", "{what}");
        }
    }
}

#[actix_web::test]
async fn the_graph_around_a_task_is_told_and_drawn() {
    let site = Site::open().await;
    site.worker("a1").await;
    let first = site.task("c1").await;
    let second = site.waits_for(&json!([first])).await;
    let third = site
        .waits_for(&json!([{"task_id": second, "when": "failure"}]))
        .await;
    site.ends(&first, "complete").await;
    let node = |id: &str, status: &str, is_blocked: bool| json!({"task_id": id, "name": null, "task_type": "job", "status": status, "is_blocked": is_blocked});
    let whole = site.of_task(&second, "/graph").await;
    assert_eq!(
        whole,
        json!({
            "root": second,
            "nodes": [node(&second, "PENDING", false), node(&first, "COMPLETED", false), node(&third, "PENDING", true)],
            "edges": [
                {"from": first, "to": second, "when": "success", "resolved": true},
                {"from": second, "to": third, "when": "failure", "resolved": false},
            ],
            "truncated": false,
        })
    );
    for (query, nodes) in [
        (
            "direction=both&depth=1&format=json",
            vec![&second, &first, &third],
        ),
        ("direction=dependencies", vec![&second, &first]),
        ("direction=upstream", vec![&second, &first]),
        ("direction=dependents", vec![&second, &third]),
        ("direction=downstream", vec![&second, &third]),
    ] {
        let graph = site.of_task(&second, &format!("/graph?{query}")).await;
        let shown = graph["nodes"].as_array().unwrap().iter();
        let shown: Vec<_> = shown.map(|node| node["task_id"].as_str().unwrap()).collect();
        assert_eq!(shown, nodes, "{query}");
    }
    let near = site.of_task(&third, "/graph?depth=1").await;
    assert_eq!(near["nodes"].as_array().unwrap().len(), 2);

    let dot = site.get(&format!("/ains/tasks/{second}/graph?format=dot")).await;
    assert_eq!(dot.header("content-type"), "text/vnd.graphviz; charset=utf-8");
    let text = String::from_utf8(dot.bytes.to_vec()).unwrap();
    assert!(
        text.contains(&format!("{first} -> {second} [label=\"\", style=solid];")),
        "{text}"
    );
    let mermaid = site
        .get(&format!("/ains/tasks/{second}/graph?format=mermaid"))
        .await;
    assert_eq!(mermaid.header("content-type"), "text/vnd.mermaid; charset=utf-8");
    let text = String::from_utf8(mermaid.bytes.to_vec()).unwrap();
    assert!(text.contains("n0 -.->|failure| n2"), "{text}");

    let refused = site
        .get(&format!(
            "/ains/tasks/{second}/graph?direction=up&depth=0&format=png"
        ))
        .await;
    assert_eq!(refused.faults(), ["direction", "depth", "format"]);
}
