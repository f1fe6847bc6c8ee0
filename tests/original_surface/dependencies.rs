//! Tasks that depend on others.
//!
//! The original's own tests look at a submission, at whether dependencies are met, and at how they are told; what its
//! service does besides, to those that depend on a task that completes or fails, is checked here as well.

use serde_json::{Value, json};

use crate::api::{Api, each, list, members, micros, submission, text};
use crate::world::on_both;

on_both!(
    a_task_depends_on_others,
    a_task_whose_dependencies_are_completed_is_ready_at_once,
    an_unknown_dependency_is_not_found,
    a_dependency_is_met_when_it_is_completed,
    the_dependencies_of_a_task_are_told,
    a_task_without_dependencies_is_ready_to_run,
    the_dependencies_of_an_unknown_task_are_not_found,
    the_dependents_of_a_task_are_told,
    a_task_without_dependents_has_none,
    a_completion_unblocks_and_routes_what_depends_on_it,
    a_task_with_many_dependencies_waits_for_the_last_of_them,
    a_diamond_is_done_from_top_to_bottom,
    a_failure_fails_what_depends_on_it,
    an_attempt_that_fails_is_no_failure_yet,
    a_cancelled_task_fails_what_depends_on_it,
    what_depends_on_a_failed_task_fails_at_once,
    the_earlier_protocol_blocks_and_unblocks_too,
);

/// A provider of work that is pushed to it at once.
struct Worker<'api> {
    api: &'api Api,
    agent: String,
    capability: String,
}

impl<'api> Worker<'api> {
    async fn new(api: &'api Api) -> Self {
        let (agent, capability) = api.provider().await;
        Self {
            api,
            agent,
            capability,
        }
    }

    /// Submits a task that depends on `depends_on`; the answer.
    async fn created(&self, depends_on: &[&String]) -> Value {
        let more = json!({"depends_on": depends_on});
        let body = submission("some client", &self.capability, more);
        self.api.post("/ains/tasks", body).await.ok()
    }

    /// As [`created`](Self::created), and says the id.
    async fn submit(&self, depends_on: &[&String]) -> String {
        text(&self.created(depends_on).await, "task_id")
    }

    /// Begins a task that is pushed, which may be about to happen.
    async fn begin(&self, task: &str) {
        let path = format!("/ains/tasks/{task}");
        self.api.until(&path, |task| task["status"] == "ASSIGNED").await;
        let body = json!({"status": "ACTIVE"});
        self.api.report(&self.agent, task, body).await.ok();
    }

    /// Begins and completes a task.
    async fn complete(&self, task: &str) {
        self.begin(task).await;
        self.api.complete(&self.agent, task, json!({"of": task})).await;
    }

    /// Begins a task, and fails it for good.
    async fn fail(&self, task: &str) {
        self.begin(task).await;
        let answer = self.api.fail(&self.agent, task, "invalid input").await;
        assert_eq!(answer["status"], "FAILED", "{answer}");
    }

    /// The status of each, and whether it is blocked.
    async fn states(&self, tasks: &[&String]) -> Vec<(String, bool)> {
        let mut states = Vec::new();
        for task in tasks {
            let task = self.api.whole(task).await;
            states.push((text(&task, "status"), task["is_blocked"] == true));
        }
        states
    }

    async fn dependencies(&self, task: &str) -> Value {
        self.api
            .get(&format!("/ains/tasks/{task}/dependencies"))
            .await
            .ok()
    }

    async fn dependents(&self, task: &str) -> Value {
        self.api.get(&format!("/ains/tasks/{task}/dependents")).await.ok()
    }
}

fn state(status: &str, is_blocked: bool) -> (String, bool) {
    (status.to_owned(), is_blocked)
}

/// It has failed, because of the dependency that the message names.
#[track_caller]
fn assert_failed(task: &Value, message: &str) {
    assert_eq!(
        (&task["status"], &task["error_message"], &task["is_blocked"]),
        (&json!("FAILED"), &json!(message), &json!(false)),
        "{task}"
    );
    assert!(
        micros(&task["completed_at"]) >= micros(&task["created_at"]),
        "{task}"
    );
    assert_eq!(task["assigned_agent_id"], Value::Null, "nobody had it: {task}");
}

async fn a_task_depends_on_others(api: &Api) {
    let worker = Worker::new(api).await;
    let (first, second) = (worker.submit(&[]).await, worker.submit(&[]).await);
    let created = worker.created(&[&first, &second]).await;
    assert_eq!(created["depends_on"], json!([first, second]));
    let seen = ["status", "is_blocked", "assigned_agent_id"].map(|name| &created[name]);
    assert_eq!(seen, [&json!("PENDING"), &json!(true), &Value::Null]);
    let whole = api.whole(&text(&created, "task_id")).await;
    assert_eq!(
        (&whole["depends_on"], &whole["is_blocked"]),
        (&json!([first, second]), &json!(true))
    );
}

async fn a_task_whose_dependencies_are_completed_is_ready_at_once(api: &Api) {
    let worker = Worker::new(api).await;
    let (first, second) = (worker.submit(&[]).await, worker.submit(&[]).await);
    worker.complete(&first).await;
    worker.complete(&second).await;
    let created = worker.created(&[&first, &second]).await;
    assert_eq!(created["depends_on"], json!([first, second]));
    assert_eq!(created["is_blocked"], false, "{created}");
    worker.complete(&text(&created, "task_id")).await;
}

async fn an_unknown_dependency_is_not_found(api: &Api) {
    let worker = Worker::new(api).await;
    let known = worker.submit(&[]).await;
    let well_formed = format!("task_{:032x}", 1);
    for unknown in ["task_999", &well_formed, "nonexistent"] {
        let more = json!({"depends_on": [known, unknown]});
        let body = submission("nobody's client", &worker.capability, more);
        let refused = api.post("/ains/tasks", body).await;
        refused.refused(404, &format!("Dependency task {unknown} not found"));
    }
    let stored = api.get("/ains/tasks?client_id=nobody's%20client").await.ok();
    assert_eq!(stored["tasks"], json!([]), "nothing was stored");
    assert_eq!(worker.dependents(&known).await["dependent_count"], 0);
}

async fn a_dependency_is_met_when_it_is_completed(api: &Api) {
    let worker = Worker::new(api).await;
    let (first, second) = (worker.submit(&[]).await, worker.submit(&[]).await);
    let third = worker.submit(&[&first, &second]).await;
    worker.complete(&first).await;
    worker.begin(&second).await;
    let told = worker.dependencies(&third).await;
    assert_eq!(
        told["dependencies_status"],
        json!({&first: "COMPLETED", &second: "ACTIVE"})
    );
    assert_eq!(
        (&told["is_blocked"], &told["ready_to_run"]),
        (&json!(true), &json!(false))
    );
    api.complete(&worker.agent, &second, json!({})).await;
    let told = worker.dependencies(&third).await;
    assert_eq!(
        told["dependencies_status"],
        json!({&first: "COMPLETED", &second: "COMPLETED"})
    );
    assert_eq!(told["is_blocked"], false);
}

/// Semantics §2 adds to the original's members the list `dependencies`.
async fn the_dependencies_of_a_task_are_told(api: &Api) {
    let worker = Worker::new(api).await;
    let first = worker.submit(&[]).await;
    // Nobody can do it, so that it stays where it is.
    let more = json!({"depends_on": [first]});
    let body = submission("some client", &format!("no-{}", worker.capability), more);
    let second = text(&api.post("/ains/tasks", body).await.ok(), "task_id");
    for (status, is_blocked) in [("ASSIGNED", true), ("COMPLETED", false)] {
        let told = worker.dependencies(&second).await;
        assert_eq!(
            members(&told),
            [
                "dependencies",
                "dependencies_status",
                "depends_on",
                "is_blocked",
                "ready_to_run",
                "task_id"
            ]
        );
        let expected = json!({
            "task_id": second,
            "depends_on": [first],
            "dependencies_status": {&first: status},
            "is_blocked": is_blocked,
            "ready_to_run": !is_blocked,
            "dependencies": [{"task_id": first, "when": "success", "status": status, "resolved": !is_blocked}],
        });
        assert_eq!(told, expected);
        if is_blocked {
            worker.complete(&first).await;
        }
    }
}

async fn a_task_without_dependencies_is_ready_to_run(api: &Api) {
    let worker = Worker::new(api).await;
    let body = submission("some client", &format!("no-{}", worker.capability), json!({}));
    let task = text(&api.post("/ains/tasks", body).await.ok(), "task_id");
    let told = worker.dependencies(&task).await;
    assert_eq!(
        (&told["depends_on"], &told["dependencies_status"]),
        (&json!([]), &json!({}))
    );
    assert_eq!(
        (&told["is_blocked"], &told["ready_to_run"]),
        (&json!(false), &json!(true))
    );
}

/// The original answers `{}` for one, and an empty list for the other; `api.md` has 404 for both.
async fn the_dependencies_of_an_unknown_task_are_not_found(api: &Api) {
    let well_formed = format!("task_{:032x}", 1);
    for id in ["nonexistent", &well_formed] {
        for what in ["dependencies", "dependents"] {
            let answer = api.get(&format!("/ains/tasks/{id}/{what}")).await;
            answer.refused(404, "Task not found");
        }
    }
}

/// The original tells those that are PENDING; here they are told as long as they are stored, and with the edge.
async fn the_dependents_of_a_task_are_told(api: &Api) {
    let worker = Worker::new(api).await;
    let first = worker.submit(&[]).await;
    let other = worker.submit(&[]).await;
    let second = worker.submit(&[&first]).await;
    let third = worker.submit(&[&other, &first]).await;
    worker.submit(&[&other]).await;
    let told = worker.dependents(&first).await;
    assert_eq!(members(&told), ["dependent_count", "dependent_tasks", "task_id"]);
    assert_eq!(
        (&told["task_id"], &told["dependent_count"]),
        (&json!(first), &json!(2))
    );
    let tasks = list(&told, "dependent_tasks");
    assert_eq!(each(tasks, "task_id"), [&second, &third]);
    for task in tasks {
        let known = ["task_type", "status", "is_blocked"].map(|name| &task[name]);
        assert_eq!(known, [&json!("surface"), &json!("PENDING"), &json!(true)]);
    }
    worker.complete(&first).await;
    let told = worker.dependents(&first).await;
    assert_eq!(told["dependent_count"], 2);
    assert_eq!(
        each(list(&told, "dependent_tasks"), "is_blocked"),
        [&json!(false), &json!(true)]
    );
}

async fn a_task_without_dependents_has_none(api: &Api) {
    let worker = Worker::new(api).await;
    let task = worker.submit(&[]).await;
    let none = json!({"task_id": task, "dependent_tasks": [], "dependent_count": 0});
    assert_eq!(worker.dependents(&task).await, none);
}

async fn a_completion_unblocks_and_routes_what_depends_on_it(api: &Api) {
    let worker = Worker::new(api).await;
    let first = worker.submit(&[]).await;
    let second = worker.submit(&[&first]).await;
    let third = worker.submit(&[&second]).await;
    let waiting = [state("PENDING", true), state("PENDING", true)];
    assert_eq!(worker.states(&[&second, &third]).await, waiting);
    worker.complete(&first).await;
    let path = format!("/ains/tasks/{second}");
    let routed = api.until(&path, |task| task["status"] == "ASSIGNED").await;
    assert_eq!(
        (&routed["assigned_agent_id"], &routed["is_blocked"]),
        (&json!(worker.agent), &json!(false))
    );
    let first = api.whole(&first).await;
    assert!(
        micros(&routed["assigned_at"]) >= micros(&first["completed_at"]),
        "{routed}"
    );
    assert_eq!(worker.states(&[&third]).await, [state("PENDING", true)]);
}

async fn a_task_with_many_dependencies_waits_for_the_last_of_them(api: &Api) {
    let worker = Worker::new(api).await;
    let mut on = Vec::new();
    for _ in 0..6 {
        on.push(worker.submit(&[]).await);
    }
    let last = worker.submit(&on.iter().collect::<Vec<_>>()).await;
    for (done, task) in on.iter().rev().enumerate() {
        let whole = api.whole(&last).await;
        let counted = (&whole["is_blocked"], &whole["unresolved_dependencies"]);
        assert_eq!(counted, (&json!(true), &json!(on.len() - done)));
        worker.complete(task).await;
    }
    assert_eq!(api.whole(&last).await["is_blocked"], false);
    worker.complete(&last).await;
}

async fn a_diamond_is_done_from_top_to_bottom(api: &Api) {
    let worker = Worker::new(api).await;
    let top = worker.submit(&[]).await;
    let (left, right) = (worker.submit(&[&top]).await, worker.submit(&[&top]).await);
    let bottom = worker.submit(&[&left, &right]).await;
    worker.complete(&top).await;
    worker.complete(&right).await;
    assert_eq!(worker.states(&[&bottom]).await, [state("PENDING", true)]);
    worker.complete(&left).await;
    worker.complete(&bottom).await;
    let mut ends = Vec::new();
    for task in [&top, &right, &left, &bottom] {
        let task = api.ended(task).await;
        assert_eq!(task["status"], "COMPLETED", "{task}");
        ends.push(micros(&task["completed_at"]));
    }
    assert!(ends.is_sorted(), "{ends:?}");
}

/// The original fails only those that depend on the task itself, and leaves what depends on them PENDING for ever.
async fn a_failure_fails_what_depends_on_it(api: &Api) {
    let worker = Worker::new(api).await;
    let (first, other) = (worker.submit(&[]).await, worker.submit(&[]).await);
    let second = worker.submit(&[&other, &first]).await;
    let third = worker.submit(&[&second]).await;
    let apart = worker.submit(&[&other]).await;
    worker.fail(&first).await;
    assert_failed(
        &api.whole(&second).await,
        &format!("Dependency task {first} failed"),
    );
    assert_failed(
        &api.whole(&third).await,
        &format!("Dependency task {second} failed"),
    );
    let told = worker.dependencies(&second).await;
    assert_eq!(
        (&told["is_blocked"], &told["ready_to_run"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(worker.states(&[&apart]).await, [state("PENDING", true)]);
    // What comes later changes nothing any more.
    worker.complete(&other).await;
    assert_failed(
        &api.whole(&second).await,
        &format!("Dependency task {first} failed"),
    );
    worker.complete(&apart).await;
}

async fn an_attempt_that_fails_is_no_failure_yet(api: &Api) {
    let worker = Worker::new(api).await;
    let first = worker.submit(&[]).await;
    let second = worker.submit(&[&first]).await;
    worker.begin(&first).await;
    let answer = api.fail(&worker.agent, &first, "Connection timeout").await;
    assert_eq!(answer["status"], "PENDING", "{answer}");
    assert_eq!(worker.states(&[&second]).await, [state("PENDING", true)]);
    let told = worker.dependencies(&second).await;
    assert_eq!(told["dependencies_status"], json!({&first: "PENDING"}));
}

/// The original leaves what depends on a cancelled task PENDING for ever.
async fn a_cancelled_task_fails_what_depends_on_it(api: &Api) {
    let worker = Worker::new(api).await;
    let first = worker.submit(&[]).await;
    let second = worker.submit(&[&first]).await;
    let third = worker.submit(&[&second]).await;
    let path = format!("/ains/tasks/{first}/cancel");
    let answer = api.post(&path, json!({"reason": "enough"})).await.ok();
    assert_eq!(answer["status"], "CANCELLED");
    let message = format!("Dependency task {first} was cancelled");
    assert_failed(&api.whole(&second).await, &message);
    assert_failed(
        &api.whole(&third).await,
        &format!("Dependency task {second} failed"),
    );
}

async fn what_depends_on_a_failed_task_fails_at_once(api: &Api) {
    let worker = Worker::new(api).await;
    let first = worker.submit(&[]).await;
    worker.fail(&first).await;
    let created = worker.created(&[&first]).await;
    assert_eq!(
        (&created["status"], &created["is_blocked"]),
        (&json!("FAILED"), &json!(false))
    );
    let second = api.whole(&text(&created, "task_id")).await;
    assert_failed(&second, &format!("Dependency task {first} failed"));
}

/// The original drops `depends_on` here; `api.md` takes the same fields in both protocols.
async fn the_earlier_protocol_blocks_and_unblocks_too(api: &Api) {
    let (agent, first) = api.active(json!({})).await;
    let capability = text(&api.task(&first).await, "capability_required");
    let second = api
        .submit(&agent, &capability, json!({"depends_on": [first]}))
        .await;
    assert_eq!(api.whole(&second).await["is_blocked"], true);
    api.complete(&agent, &first, json!({})).await;
    api.until(&format!("/aitp/tasks/{second}"), |task| {
        task["status"] == "ASSIGNED"
    })
    .await;
    let unknown = submission(&agent, &capability, json!({"depends_on": ["task_999"]}));
    let refused = api.post("/aitp/tasks", unknown).await;
    refused.refused(404, "Dependency task task_999 not found");
}
