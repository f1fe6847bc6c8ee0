//! Graphs that are submitted as a whole.

use std::collections::BTreeMap;

use actix_web::test::TestRequest;
use serde_json::{Value, json};

use crate::site::{Answer, Site};

/// A graph of tasks with these names and dependencies.
fn graph(tasks: &[(&str, Value)]) -> Value {
    let tasks = tasks
        .iter()
        .map(|(name, depends_on)| json!({"name": name, "depends_on": depends_on}));
    json!({
        "client_id": "c1",
        "defaults": {"task_type": "job", "capability_required": "text:v1", "input_data": {"n": 1}, "priority": 7},
        "tasks": tasks.collect::<Vec<_>>(),
    })
}

async fn submit(site: &Site, body: Value) -> Answer {
    site.post("/ains/tasks/graph", body).await
}

/// The names and ids of the answer.
fn ids(created: &Value) -> BTreeMap<String, String> {
    serde_json::from_value(created["tasks"].clone()).unwrap()
}

/// The messages of a 422 by their places.
fn messages(refused: &Answer) -> BTreeMap<String, String> {
    refused.faults();
    let problem: ains_api::Problem = serde_json::from_value(refused.json()).unwrap();
    let faults = problem.errors.into_iter();
    faults.map(|fault| (fault.pointer, fault.message)).collect()
}

#[actix_web::test]
async fn a_graph_is_stored_as_it_is_meant() {
    let site = Site::open().await;
    let before = site.task("c2").await;
    let mut body = graph(&[
        ("d", json!(["b", {"name": "c", "when": "done"}])),
        ("b", json!(["a", "a", {"name": "a"}])),
        ("a", Value::Null),
        ("c", json!([before, {"task_id": before, "when": "failure"}])),
    ]);
    body["edges"] = json!([{"from": "a", "to": "c"}, {"from": before, "to": "a", "when": "done"}]);
    body["tasks"][3]["priority"] = json!(1);
    body["tasks"][3]["input_data"] = json!({});
    let created = submit(&site, body).await.ok();
    let ids = ids(&created);
    assert_eq!(ids.keys().collect::<Vec<_>>(), ["a", "b", "c", "d"]);
    let graph_id = created["graph_id"].as_str().unwrap();
    assert!(
        graph_id.starts_with("graph_") && graph_id.len() == 38,
        "{graph_id}"
    );

    let list = site.get(&format!("/ains/tasks?graph_id={graph_id}")).await.ok();
    let tasks = list["tasks"].as_array().unwrap();
    assert_eq!(tasks.len(), 4);
    for task in tasks {
        let name = task["name"].as_str().unwrap();
        assert_eq!(task["task_id"], json!(ids[name]));
        assert_eq!(
            (&task["graph_id"], &task["client_id"], &task["task_type"]),
            (&json!(graph_id), &json!("c1"), &json!("job"))
        );
        let (own, input) = if name == "c" {
            (1, json!({}))
        } else {
            (7, json!({"n": 1}))
        };
        assert_eq!((&task["priority"], &task["input_data"]), (&json!(own), &input));
        let mut edges = task["depends_on"].as_array().unwrap().clone();
        edges.sort_by_key(ToString::to_string);
        let mut expected = match name {
            "a" => vec![json!({"task_id": before, "when": "done"})],
            "b" => vec![json!(ids["a"])],
            "c" => vec![
                json!(before),
                json!({"task_id": before, "when": "failure"}),
                json!(ids["a"]),
            ],
            _ => vec![json!(ids["b"]), json!({"task_id": ids["c"], "when": "done"})],
        };
        expected.sort_by_key(ToString::to_string);
        assert_eq!(edges, expected, "{name}");
    }
    let picture = site.get(&format!("/ains/tasks/{}/graph", ids["b"])).await.ok();
    assert_eq!(picture["nodes"][0]["name"], "b");
}

#[actix_web::test]
async fn every_fault_of_a_graph_is_named_at_once() {
    let site = Site::open().await;
    let refused = submit(
        &site,
        json!({
            "client_id": "", "nodes": [],
            "defaults": {"task_type": "job", "priority": 0, "colour": "red"},
            "tasks": [
                {"name": "a", "capability_required": "x", "max_retries": 11, "depends_on": ["nobody", "b", {"name": "task_1"}]},
                {"name": "b", "input_data": [], "depends_on": [{"task_id": "t1"}, {"name": "a", "when": "never"}, {}]},
                {"name": "a", "capability_required": "x", "task_type": "", "client_id": "c2"},
                {"capability_required": "x"},
                {"name": "", "capability_required": "x"},
                {"name": "long".repeat(64), "capability_required": "x", "depends_on": 1},
            ],
            "edges": [{"from": "nobody", "to": "b"}, {"from": "a", "to": "nobody", "when": "soon"}, {"to": "a"}],
        }),
    );
    let refused = refused.await;
    let mut faults = refused.faults();
    faults.sort();
    assert_eq!(
        faults,
        [
            "/client_id",
            "/defaults/colour",
            "/defaults/priority",
            "/edges/0/from",
            "/edges/1/to",
            "/edges/1/when",
            "/edges/2/from",
            "/nodes",
            "/tasks/0/depends_on/0",
            "/tasks/0/depends_on/2/name",
            "/tasks/0/max_retries",
            "/tasks/1/capability_required",
            "/tasks/1/depends_on/0/task_id",
            "/tasks/1/depends_on/1/when",
            "/tasks/1/depends_on/2",
            "/tasks/1/input_data",
            "/tasks/2/client_id",
            "/tasks/2/name",
            "/tasks/2/task_type",
            "/tasks/3/name",
            "/tasks/4/name",
            "/tasks/5/depends_on",
            "/tasks/5/name",
        ]
    );
    let messages = messages(&refused);
    for (place, message) in [
        (
            "/tasks/0/depends_on/0",
            "is neither the name of a task of this graph nor a task id",
        ),
        (
            "/tasks/0/depends_on/2/name",
            "is not the name of a task of this graph",
        ),
        (
            "/tasks/1/capability_required",
            "is missing, here and in the defaults",
        ),
        ("/tasks/1/depends_on/0/task_id", "`t1` is not a task id"),
        ("/tasks/1/depends_on/2", "must have either `name` or `task_id`"),
        ("/tasks/2/name", "is the name of /tasks/0 as well"),
        ("/tasks/3/name", "is missing"),
    ] {
        assert_eq!(messages[place], message, "{place}");
    }
    let nothing = site.get("/ains/tasks").await.ok();
    assert_eq!(nothing["tasks"], json!([]));
}

#[actix_web::test]
async fn a_cycle_is_told_by_the_names_in_it() {
    let site = Site::open().await;
    for (tasks, edges, place, cycle) in [
        (
            vec![("a", json!(["a"]))],
            json!([]),
            "/tasks/0/depends_on/0",
            "a -> a",
        ),
        (
            vec![("a", json!([])), ("b", json!(["a"])), ("c", json!(["b"]))],
            json!([{"from": "c", "to": "a", "when": "done"}]),
            "/edges/0",
            "a -> b -> c -> a",
        ),
        (
            vec![
                ("a", json!(["c"])),
                ("b", json!(["a"])),
                ("c", json!([{"name": "b"}])),
            ],
            json!([]),
            "/tasks/2/depends_on/0",
            "c -> a -> b -> c",
        ),
    ] {
        let mut body = graph(&tasks);
        body["edges"] = edges;
        let messages = messages(&submit(&site, body).await);
        let expected = format!("the dependencies form a cycle: {cycle}");
        assert_eq!(messages, BTreeMap::from([(place.to_owned(), expected)]));
    }
    let two = graph(&[
        ("a", json!(["b"])),
        ("b", json!(["a"])),
        ("c", json!(["d"])),
        ("d", json!(["c"])),
    ]);
    let places = submit(&site, two).await.faults();
    assert_eq!(places, ["/tasks/1/depends_on/0", "/tasks/3/depends_on/0"]);
}

#[actix_web::test]
async fn a_graph_has_a_task_and_not_too_many() {
    let site = Site::open().await;
    assert_eq!(submit(&site, graph(&[])).await.faults(), ["/tasks"]);
    let names: Vec<_> = (0..10_001).map(|number| number.to_string()).collect();
    let tasks: Vec<_> = names.iter().map(|name| (&**name, Value::Null)).collect();
    assert_eq!(submit(&site, graph(&tasks)).await.faults(), ["/tasks"]);
    let missing = submit(&site, json!({"client_id": "c1"})).await;
    assert_eq!(missing.faults(), ["/tasks"]);
    let mut large = graph(&tasks[..1000]);
    large["defaults"]["input_data"] = json!({"x": "x".repeat(20_000)});
    assert_eq!(submit(&site, large).await.faults(), ["/defaults/input_data"]);
}

#[actix_web::test]
async fn a_graph_does_not_wait_for_a_task_that_does_not_exist() {
    let site = Site::open().await;
    let nobody = "task_00000000000070008000000000000000";
    for depends_on in [json!([nobody]), json!([{"task_id": nobody, "when": "done"}])] {
        let refused = submit(&site, graph(&[("a", json!([])), ("b", depends_on)])).await;
        assert_eq!(refused.detail(404), format!("Dependency task {nobody} not found"));
    }
    assert_eq!(site.get("/ains/tasks").await.ok()["tasks"], json!([]));
    let named = graph(&[(nobody, json!([])), ("b", json!([nobody]))]);
    let ids = ids(&submit(&site, named).await.ok());
    let waits = site.get(&format!("/ains/tasks/{}", ids["b"])).await.ok();
    assert_eq!(waits["depends_on"], json!([ids[nobody]]), "a name comes first");
}

#[actix_web::test]
async fn the_same_key_makes_one_graph() {
    let site = Site::open().await;
    let send = |body: Value| {
        let request = TestRequest::post()
            .uri("/ains/tasks/graph")
            .insert_header(("idempotency-key", "k1"));
        site.send(request.set_json(body))
    };
    let body = graph(&[("a", json!([])), ("b", json!(["a"]))]);
    let first = send(body.clone()).await;
    first.ok();
    assert_eq!(send(body).await.bytes, first.bytes);
    assert_eq!(
        site.get("/ains/tasks").await.ok()["tasks"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let other = send(graph(&[("a", json!([]))])).await;
    assert_eq!(other.json()["type"], "/problems/idempotency-key-reused");
}

#[actix_web::test]
async fn the_results_of_a_graph_go_by_their_names() {
    let site = Site::open().await;
    site.worker("a1").await;
    let mut body = graph(&[("first one", json!([])), ("b", json!(["first one"]))]);
    body["defaults"]["results_from_dependencies"] = json!(true);
    let ids = ids(&submit(&site, body).await.ok());
    let (first, attempt) = site.claim("a1").await;
    assert_eq!(first, ids["first one"]);
    let done = json!({"agent_id": "a1", "attempt": attempt, "result_data": {"words": 3}, "claim_next": {}});
    let answer = site
        .post(&format!("/ains/tasks/{first}/complete"), done)
        .await
        .ok();
    let next = &answer["next"][0];
    assert_eq!(next["task_id"], json!(ids["b"]));
    assert_eq!(
        next["input_data"],
        json!({"n": 1, "dependency_results": {"first one": {"words": 3}}})
    );
}
