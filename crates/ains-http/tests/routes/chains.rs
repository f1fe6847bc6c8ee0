//! Chains: what is taken and what is not, how they are read and steered.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::{Value, json};

use crate::site::{Answer, Site, an_agent};

/// An id that no chain has.
const NOBODY: &str = "chain_00000000000070008000000000000000";

/// When everything happens.
pub(crate) const NOW: &str = "2026-01-01T00:00:00.000000Z";

/// Seconds without a task after which none will come any more.
const PATIENCE: u32 = 10;

/// A step that `text:v1` does.
pub(crate) fn step(name: &str) -> Value {
    json!({"name": name, "task_type": "job", "capability_required": "text:v1"})
}

/// A step with more fields.
pub(crate) fn step_with(name: &str, fields: &Value) -> Value {
    let mut step = step(name);
    for (field, value) in fields.as_object().unwrap() {
        step[field] = value.clone();
    }
    step
}

pub(crate) fn chain(steps: &[Value]) -> Value {
    json!({"name": "test", "client_id": "c1", "steps": steps})
}

/// What an agent makes of a task: a result, or an error.
pub(crate) type Done = Result<Value, &'static str>;

impl Site {
    pub(crate) async fn submit_chain(&self, body: &Value) -> Answer {
        self.post("/ains/task-chains", body.clone()).await
    }

    /// Creates a chain and gives its id.
    async fn chain(&self, body: &Value) -> String {
        let created = self.submit_chain(body).await.ok();
        created["chain_id"].as_str().unwrap().to_owned()
    }

    async fn of_chain(&self, id: &str, what: &str) -> Value {
        self.get(&format!("/ains/task-chains/{id}{what}")).await.ok()
    }

    async fn steer(&self, id: &str, verb: &str) -> Answer {
        self.post(&format!("/ains/task-chains/{id}/{verb}"), json!({}))
            .await
    }

    /// Registers an agent that claims, and provides what the steps of a chain and their compensations need.
    async fn able(&self, agent: &str, chain: &Value) {
        let steps = chain["steps"].as_array().unwrap().iter();
        let all = steps.flat_map(|step| {
            [
                &step["capability_required"],
                &step["compensate_with"]["capability_required"],
            ]
        });
        let mut registration = an_agent(agent);
        registration["tags"] = all.filter(|name| name.is_string()).cloned().collect();
        self.post("/ains/agents", registration).await.ok();
        self.claim_within(agent, 0).await;
    }

    /// Claims one task; none if none comes in time.
    async fn claim_within(&self, agent: &str, wait_seconds: u32) -> Option<Value> {
        let claim = json!({"max": 1, "wait_seconds": wait_seconds});
        let claimed = self
            .post(&format!("/ains/agents/{agent}/claim"), claim)
            .await
            .ok();
        claimed["tasks"].get(0).cloned()
    }

    /// Claims a task, which comes in time.
    async fn next(&self, agent: &str) -> Value {
        let task = self.claim_within(agent, PATIENCE).await;
        task.unwrap_or_else(|| panic!("nothing came"))
    }

    async fn report(&self, agent: &str, task: &Value, done: Done) {
        let mut report = json!({"agent_id": agent, "attempt": task["attempt"]});
        let how = match done {
            Ok(result) => {
                report["result_data"] = result;
                "complete"
            }
            Err(error) => {
                report["error_message"] = json!(error);
                report["retryable"] = json!(false);
                "fail"
            }
        };
        let id = task["task_id"].as_str().unwrap();
        self.post(&format!("/ains/tasks/{id}/{how}"), report).await.ok();
    }

    /// Does the tasks of a chain with `work` until it has ended; the chain, and its tasks in the order in which they
    /// were claimed.
    async fn follow(
        &self,
        agent: &str,
        id: &str,
        mut work: impl FnMut(&Value) -> Done,
    ) -> (Value, Vec<Value>) {
        let (mut seen, mut idle) = (Vec::new(), 0);
        while idle < PATIENCE {
            idle += 1;
            if let Some(task) = self.claim_within(agent, 1).await {
                self.report(agent, &task, work(&task)).await;
                seen.push(task);
                idle = 0;
            }
            let chain = self.of_chain(id, "").await;
            if ["COMPLETED", "FAILED", "CANCELLED"]
                .iter()
                .any(|end| chain["status"] == *end)
            {
                return (chain, seen);
            }
        }
        panic!("{} does not end", self.of_chain(id, "").await);
    }

    /// Runs a chain with an agent of its own.
    pub(crate) async fn run(&self, body: &Value, work: impl FnMut(&Value) -> Done) -> (Value, Vec<Value>) {
        self.able("doer", body).await;
        let id = self.chain(body).await;
        self.follow("doer", &id, work).await
    }
}

/// Name and status of each step.
pub(crate) fn statuses(chain: &Value) -> Vec<(&str, &str)> {
    let steps = chain["steps"].as_array().unwrap().iter();
    steps
        .map(|step| (step["name"].as_str().unwrap(), step["status"].as_str().unwrap()))
        .collect()
}

/// Step and input of each task.
pub(crate) fn inputs(tasks: &[Value]) -> Vec<(&str, &Value)> {
    tasks
        .iter()
        .map(|task| (task["step"].as_str().unwrap(), &task["input_data"]))
        .collect()
}

#[actix_web::test]
async fn a_chain_is_created_read_and_listed_as_the_original_did() {
    let site = Site::open().await;
    site.worker("a1").await;
    let body = chain(&[step("a"), step_with("b", &json!({"use_previous_output": true}))]);
    let created = site.submit_chain(&body).await.ok();
    let id = created["chain_id"].as_str().unwrap();
    assert!(id.starts_with("chain_") && id.len() == 38, "{id}");
    let summary = json!({
        "chain_id": id, "name": "test", "status": "RUNNING", "current_step": 0, "total_steps": 2, "created_at": NOW,
    });
    assert_eq!(created, summary);
    assert_eq!(site.get("/ains/task-chains").await.ok(), json!([summary]));
    let of_step = |index: u32, name: &str, status: &str, previous: bool| {
        json!({
            "index": index, "name": name, "status": status, "task_type": "job", "capability_required": "text:v1",
            "input_data": {}, "use_previous_output": previous, "join": "all", "on_failure": "fail", "priority": 5,
            "timeout_seconds": 300, "max_retries": 3, "routing_strategy": "round_robin",
            "retry_policy": "exponential", "timeout_policy": "retry", "min_trust": 0.0,
        })
    };
    let mut first = of_step(0, "a", "RUNNING", false);
    first["started_at"] = json!(NOW);
    let mut expected = json!({
        "chain_id": id, "name": "test", "client_id": "c1", "status": "RUNNING", "run": 1, "current_step": 0,
        "total_steps": 2, "input": {}, "steps": [first, of_step(1, "b", "PENDING", true)], "step_results": {},
        "created_at": NOW, "started_at": NOW, "completed_at": null, "error_message": null,
    });
    assert_eq!(site.of_chain(id, "").await, expected);

    let (ended, tasks) = site
        .follow("a1", id, |task| Ok(json!({"done": task["step"]})))
        .await;
    assert_eq!(
        inputs(&tasks),
        [
            ("a", &json!({})),
            ("b", &json!({"previous_output": {"done": "a"}}))
        ]
    );
    expected["status"] = json!("COMPLETED");
    expected["current_step"] = json!(2);
    expected["completed_at"] = json!(NOW);
    for (index, name) in ["a", "b"].iter().enumerate() {
        let step = &mut expected["steps"][index];
        step["status"] = json!("COMPLETED");
        step["started_at"] = json!(NOW);
        step["completed_at"] = json!(NOW);
        expected["step_results"][index.to_string()] =
            json!({"status": "COMPLETED", "data": {"done": name}, "completed_at": NOW});
    }
    assert_eq!(ended, expected);
}

#[actix_web::test]
async fn a_step_says_again_what_was_submitted() {
    let site = Site::open().await;
    let asked = json!({
        "priority": 9, "timeout_seconds": 7, "max_retries": 0, "routing_strategy": "least_loaded",
        "retry_policy": "fixed", "timeout_policy": "fail", "min_trust": 0.5, "heartbeat_timeout_seconds": 3,
        "input_data": {"n": 1.50, "x": "${{ input.x }}"},
    });
    let mut undo = asked.clone();
    undo["task_type"] = json!("undo");
    undo["capability_required"] = json!("Text:V2");
    let mut one = step_with("a b", &asked);
    for (field, value) in [
        ("depends_on", json!([])),
        ("join", json!("any")),
        ("when", json!("input.x == 1")),
        ("for_each", json!("[1, 2]")),
        ("max_parallel", json!(1)),
        ("tolerate_failures", json!("2.5%")),
        ("on_failure", json!("compensate")),
        ("use_previous_output", json!(true)),
        ("compensate_with", undo),
    ] {
        one[field] = value;
    }
    let other = step_with(
        "b",
        &json!({
            "depends_on": ["a b"], "repeat_until": "iteration == 2", "max_iterations": 5,
            "join": "all_done", "on_failure": "continue", "colour": "red",
        }),
    );
    let mut body = chain(&[one.clone(), other.clone()]);
    body["input"] = json!({"x": 1});
    body["colour"] = json!("red");
    let id = site.chain(&body).await;
    let read = site.of_chain(&id, "").await;
    assert_eq!(read["input"], json!({"x": 1}));
    for (index, sent) in [one, other].iter().enumerate() {
        for (field, value) in sent.as_object().unwrap() {
            let told = &read["steps"][index][field];
            match &**field {
                "colour" => assert!(told.is_null()),
                _ => assert_eq!(told, value, "{field}"),
            }
        }
    }
}

#[actix_web::test]
async fn the_same_key_makes_one_chain() {
    let site = Site::open().await;
    let send = |body: Value| {
        let request = TestRequest::post()
            .uri("/ains/task-chains")
            .insert_header(("idempotency-key", "k1"));
        site.send(request.set_json(body))
    };
    let body = chain(&[step("a"), step("b")]);
    let first = send(body.clone()).await;
    first.ok();
    assert_eq!(send(body).await.bytes, first.bytes);
    assert_eq!(
        site.get("/ains/task-chains").await.ok().as_array().unwrap().len(),
        1
    );
    let other = send(chain(&[step("a")])).await;
    assert_eq!(other.json()["type"], "/problems/idempotency-key-reused");
}

#[actix_web::test]
async fn chains_are_listed_in_pages_newest_first() {
    let site = Site::open().await;
    let mut ids = Vec::new();
    for client in ["c1", "c2", "c1", "c1"] {
        let mut body = chain(&[step("a")]);
        body["client_id"] = json!(client);
        ids.insert(0, site.chain(&body).await);
    }
    site.steer(&ids[0], "cancel").await.ok();
    let listed = |answer: &Answer| -> Vec<String> {
        let chains: Vec<ains_api::ChainSummary> = serde_json::from_value(answer.ok()).unwrap();
        chains.into_iter().map(|chain| chain.chain_id).collect()
    };
    for (query, expected) in [
        ("", vec![&ids[0], &ids[1], &ids[2], &ids[3]]),
        ("?client_id=c1", vec![&ids[0], &ids[1], &ids[3]]),
        ("?status=CANCELLED", vec![&ids[0]]),
        ("?client_id=c1&status=RUNNING", vec![&ids[1], &ids[3]]),
        ("?client_id=nobody", vec![]),
    ] {
        let answer = site.get(&format!("/ains/task-chains{query}")).await;
        assert_eq!(listed(&answer).iter().collect::<Vec<_>>(), expected, "{query}");
        assert_eq!(answer.header("link"), "");
    }
    let first = site.get("/ains/task-chains?client_id=c1&limit=2").await;
    assert_eq!(listed(&first), ids[..2]);
    let link = format!(
        "</ains/task-chains?client_id=c1&limit=2&cursor={}>; rel=\"next\"",
        ids[1]
    );
    assert_eq!(first.header("link"), link);
    let uri = format!("/ains/task-chains?client_id=c1&limit=2&cursor={}", ids[1]);
    let second = site.get(&uri).await;
    assert_eq!(
        (listed(&second), second.header("link")),
        (vec![ids[3].clone()], "")
    );
    let refused = site
        .get("/ains/task-chains?limit=201&status=ACTIVE&cursor=x&client_id=")
        .await;
    let mut faults = refused.faults();
    faults.sort();
    assert_eq!(faults, ["client_id", "cursor", "limit", "status"]);
}

#[actix_web::test]
async fn a_chain_that_there_is_not_is_not_found() {
    let site = Site::open().await;
    for id in [NOBODY, "c1"] {
        for what in ["", "?wait_seconds=1", "/graph", "/graph?format=dot"] {
            let refused = site.get(&format!("/ains/task-chains/{id}{what}")).await;
            assert_eq!(refused.detail(404), "Chain not found", "{what}");
        }
        for verb in ["cancel", "pause", "resume", "retry"] {
            assert_eq!(
                site.steer(id, verb).await.detail(404),
                "Chain not found",
                "{verb}"
            );
        }
    }
}

#[actix_web::test]
async fn a_chain_is_cancelled_once_and_its_tasks_with_it() {
    let site = Site::open().await;
    let id = site.chain(&chain(&[step("a"), step("b")])).await;
    let cancelled = site
        .post(
            &format!("/ains/task-chains/{id}/cancel"),
            json!({"reason": "no more need"}),
        )
        .await;
    assert_eq!(
        cancelled.ok(),
        json!({"chain_id": id, "message": "Chain cancelled successfully"})
    );
    let read = site.of_chain(&id, "").await;
    assert_eq!(
        (&read["status"], &read["error_message"], &read["completed_at"]),
        (&json!("CANCELLED"), &json!("no more need"), &json!(NOW))
    );
    assert_eq!(statuses(&read), [("a", "CANCELLED"), ("b", "CANCELLED")]);
    let tasks = site.get(&format!("/ains/tasks?chain_id={id}")).await.ok();
    assert_eq!(tasks["tasks"].as_array().unwrap().len(), 1);
    assert_eq!(tasks["tasks"][0]["status"], "CANCELLED");
    let again = site.steer(&id, "cancel").await;
    assert_eq!(again.detail(400), "Chain already completed or failed");
    for verb in ["pause", "resume", "retry"] {
        let refused = site.steer(&id, verb).await;
        assert_eq!(refused.json()["type"], "/problems/illegal-transition");
        assert!(
            refused
                .detail(409)
                .starts_with("A chain that is CANCELLED cannot be ")
        );
    }
    let odd = site
        .post(
            &format!("/ains/task-chains/{id}/cancel"),
            json!({"reason": "a\u{0}b"}),
        )
        .await;
    assert_eq!(odd.faults(), ["/reason"]);
}

#[actix_web::test]
async fn a_paused_chain_starts_nothing_until_it_is_resumed() {
    let site = Site::open().await;
    site.worker("a1").await;
    let id = site.chain(&chain(&[step("a"), step("b")])).await;
    let paused = site.steer(&id, "pause").await.ok();
    assert_eq!(
        paused,
        json!({
            "chain_id": id, "name": "test", "status": "PAUSED", "current_step": 0, "total_steps": 2,
            "created_at": NOW,
        })
    );
    let twice = site.steer(&id, "pause").await;
    assert_eq!(twice.detail(409), "A chain that is PAUSED cannot be paused");
    let task = site.next("a1").await;
    site.report("a1", &task, Ok(json!({}))).await;
    assert_eq!(site.claim_within("a1", 0).await, None);
    let read = site.of_chain(&id, "").await;
    assert_eq!(
        (statuses(&read), &read["current_step"]),
        (vec![("a", "COMPLETED"), ("b", "PENDING")], &json!(1))
    );
    assert_eq!(site.steer(&id, "resume").await.ok()["status"], "RUNNING");
    let (ended, tasks) = site.follow("a1", &id, |_| Ok(json!({}))).await;
    assert_eq!((&ended["status"], tasks.len()), (&json!("COMPLETED"), 1));
}

#[actix_web::test]
async fn a_failed_chain_tries_again_what_it_did_not_do() {
    let site = Site::open().await;
    site.worker("a1").await;
    let id = site.chain(&chain(&[step("a"), step("b"), step("c")])).await;
    let (failed, _) = site
        .follow("a1", &id, |task| match task["step"].as_str() {
            Some("b") => Err("no luck"),
            _ => Ok(json!({"from": task["task_id"]})),
        })
        .await;
    assert_eq!(
        (&failed["status"], &failed["current_step"]),
        (&json!("FAILED"), &json!(3))
    );
    let told = failed["error_message"].as_str().unwrap();
    assert!(told.contains("no luck"), "{told}");
    assert_eq!(
        statuses(&failed),
        [("a", "COMPLETED"), ("b", "FAILED"), ("c", "CANCELLED")]
    );
    assert_eq!(failed["steps"][1]["error_message"], "no luck");
    assert_eq!(
        failed["step_results"]["1"],
        json!({"status": "FAILED", "data": null, "completed_at": NOW})
    );
    let tasks = site
        .get(&format!("/ains/tasks?chain_id={id}&status=FAILED"))
        .await
        .ok();
    let task = &tasks["tasks"][0];
    assert_eq!(
        (&task["step"], &task["chain_id"], &task["name"]),
        (&json!("b"), &json!(id), &Value::Null)
    );
    let task = task["task_id"].as_str().unwrap();
    let refused = site.post(&format!("/ains/tasks/{task}/retry"), json!({})).await;
    assert_eq!(
        refused.detail(409),
        format!("The task belongs to chain {id}, which decides when it is tried again")
    );

    assert_eq!(site.steer(&id, "retry").await.ok()["status"], "RUNNING");
    let (ended, tasks) = site.follow("a1", &id, |_| Ok(json!({}))).await;
    assert_eq!(
        (&ended["status"], &ended["run"]),
        (&json!("COMPLETED"), &json!(2))
    );
    assert_eq!(ended["error_message"], Value::Null);
    let again: Vec<_> = inputs(&tasks)
        .iter()
        .map(|(step, _)| (*step).to_owned())
        .collect();
    assert_eq!(again, ["b", "c"]);
    assert_eq!(ended["step_results"]["0"], failed["step_results"]["0"]);
    let late = site.steer(&id, "retry").await;
    assert_eq!(late.detail(409), "A chain that is COMPLETED cannot be retried");
}

#[actix_web::test]
async fn a_reader_may_wait_for_the_end_of_a_chain() {
    let site = Site::open().await;
    site.worker("a1").await;
    let id = site.chain(&chain(&[step("a")])).await;
    let read = site.of_chain(&id, "?wait_seconds=1").await;
    assert_eq!(read["status"], "RUNNING");
    let task = site.next("a1").await;
    let ended = site.of_chain(&id, "?wait_seconds=60");
    let (read, ()) = futures_util::future::join(ended, site.report("a1", &task, Ok(json!({"n": 1})))).await;
    assert_eq!(
        (&read["status"], &read["step_results"]["0"]["data"]),
        (&json!("COMPLETED"), &json!({"n": 1}))
    );
    let refused = site.get(&format!("/ains/task-chains/{id}?wait_seconds=61")).await;
    assert_eq!(refused.faults(), ["wait_seconds"]);
}

#[actix_web::test]
async fn a_chain_is_told_and_drawn_as_a_graph() {
    let site = Site::open().await;
    site.worker("a1").await;
    let body = chain(&[
        step("a"),
        step_with("b \"2\"", &json!({"depends_on": ["a"]})),
        step_with("c", &json!({"depends_on": ["a", "b \"2\""]})),
    ]);
    let id = site.chain(&body).await;
    let task = site.next("a1").await;
    site.report("a1", &task, Ok(json!({}))).await;
    let node = |index: u32, name: &str, status: &str| json!({"index": index, "name": name, "task_type": "job", "status": status});
    let edge = |from: &str, to: &str, resolved: bool| json!({"from": from, "to": to, "resolved": resolved});
    assert_eq!(
        site.of_chain(&id, "/graph").await,
        json!({
            "chain_id": id,
            "nodes": [node(0, "a", "COMPLETED"), node(1, "b \"2\"", "RUNNING"), node(2, "c", "PENDING")],
            "edges": [edge("a", "b \"2\"", true), edge("a", "c", true), edge("b \"2\"", "c", false)],
        })
    );
    let drawn = |format: &str| {
        let (site, uri) = (
            site.clone(),
            format!("/ains/task-chains/{id}/graph?format={format}"),
        );
        async move {
            let answer = site.get(&uri).await;
            let text = String::from_utf8(answer.bytes.to_vec()).unwrap();
            (answer.header("content-type").to_owned(), text)
        }
    };
    let (content_type, text) = drawn("mermaid").await;
    assert_eq!(content_type, "text/vnd.mermaid; charset=utf-8");
    let expected = [
        "flowchart LR",
        r#"  n0["a<br/>COMPLETED"]:::COMPLETED"#,
        r#"  n1["b #34;2#34;<br/>RUNNING"]:::RUNNING"#,
        r#"  n2["c<br/>PENDING"]:::PENDING"#,
        "  n0 --> n1",
        "  n0 --> n2",
        "  n1 -.-> n2",
        "  classDef PENDING fill:#eceff1",
        "  classDef RUNNING fill:#bbdefb",
        "  classDef COMPLETED fill:#c8e6c9\n",
    ];
    assert_eq!(text, expected.join("\n"));
    let (content_type, text) = drawn("dot").await;
    assert_eq!(content_type, "text/vnd.graphviz; charset=utf-8");
    assert!(
        text.contains("  step_1 -> step_2 [label=\"\", style=dashed];\n"),
        "{text}"
    );
    let refused = site
        .get(&format!("/ains/task-chains/{id}/graph?format=png"))
        .await;
    assert_eq!(refused.faults(), ["format"]);
}

#[actix_web::test]
async fn other_methods_are_refused() {
    let site = Site::open().await;
    for (method, uri) in [
        (Method::DELETE, "/ains/task-chains".to_owned()),
        (Method::PATCH, format!("/ains/task-chains/{NOBODY}")),
        (Method::GET, format!("/ains/task-chains/{NOBODY}/cancel")),
    ] {
        site.call(method, &uri, json!({})).await.detail(405);
    }
}
