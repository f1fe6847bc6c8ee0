//! Chains: tasks one after another, where each may be given what the one before it came to.
//!
//! The original's own tests look at how a chain is created, read, listed and cancelled; what its service does besides,
//! step by step, is checked here as well.

use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Api, each, list, members, micros, text};
use crate::world::{fresh, on_both};

on_both!(
    a_chain_of_steps_is_created,
    a_chain_can_be_read,
    chains_are_listed,
    chains_are_listed_by_status,
    a_chain_is_cancelled_with_its_tasks,
    a_chain_is_cancelled_while_a_step_is_done,
    a_chain_that_has_ended_cannot_be_cancelled,
    an_unknown_chain_is_not_found,
    steps_are_done_one_after_another,
    a_step_may_be_given_what_the_one_before_it_came_to,
    what_the_steps_came_to_is_kept,
    a_failed_step_fails_the_chain,
    an_attempt_that_fails_does_not_fail_the_chain,
    the_tasks_of_a_chain_are_as_its_steps_say,
    what_is_wrong_with_a_chain_is_told,
    what_is_wrong_with_a_step_is_told,
    a_chain_that_is_refused_leaves_nothing,
);

const PATH: &str = "/ains/task-chains";

/// The members of a chain in a list.
const SUMMARY: [&str; 6] = [
    "chain_id",
    "created_at",
    "current_step",
    "name",
    "status",
    "total_steps",
];

/// A client of its own, and a provider of the work that its chains ask for.
struct Pipeline<'api> {
    api: &'api Api,
    client: String,
    agent: String,
    capability: String,
}

impl<'api> Pipeline<'api> {
    async fn new(api: &'api Api) -> Self {
        let (agent, capability) = api.provider().await;
        let client = fresh("client");
        Self {
            api,
            client,
            agent,
            capability,
        }
    }

    /// A step, with `more` over it.
    fn step(&self, name: &str, more: Value) -> Value {
        let mut step = json!({
            "name": name,
            "task_type": format!("do {name}"),
            "capability_required": self.capability,
            "input_data": {"for": name},
        });
        let (Value::Object(step_members), Value::Object(more)) = (&mut step, more) else {
            panic!("`more` is an object");
        };
        step_members.extend(more);
        step
    }

    /// Plain steps with these names.
    fn steps(&self, names: &[&str]) -> Vec<Value> {
        names.iter().map(|name| self.step(name, json!({}))).collect()
    }

    fn body(&self, steps: &[Value]) -> Value {
        json!({"name": "Some pipeline", "client_id": self.client, "steps": steps})
    }

    /// Creates a chain, and says its id.
    async fn create(&self, steps: &[Value]) -> String {
        let created = self.api.post(PATH, self.body(steps)).await.ok();
        text(&created, "chain_id")
    }

    async fn chain(&self, id: &str) -> Value {
        self.api.get(&format!("{PATH}/{id}")).await.ok()
    }

    /// The tasks that have been made for a chain.
    async fn tasks(&self, id: &str) -> Vec<Value> {
        let page = self.api.get(&format!("/ains/tasks?chain_id={id}")).await.ok();
        list(&page, "tasks").to_vec()
    }

    /// The one task of a chain that is to be done, once the agent has it and has begun.
    async fn begin(&self, chain: &str) -> Value {
        let mut open = self.tasks(chain).await;
        open.retain(|task| !["COMPLETED", "FAILED", "CANCELLED"].contains(&&*text(task, "status")));
        assert_eq!(open.len(), 1, "one at a time: {open:?}");
        let id = text(&open[0], "task_id");
        let path = format!("/ains/tasks/{id}");
        let task = self.api.until(&path, |task| task["status"] == "ASSIGNED").await;
        let body = json!({"status": "ACTIVE"});
        self.api.report(&self.agent, &id, body).await.ok();
        task
    }

    /// Does the next task of a chain, with this result.
    async fn complete(&self, chain: &str, result: Value) -> Value {
        let task = self.begin(chain).await;
        self.api
            .complete(&self.agent, &text(&task, "task_id"), result)
            .await;
        task
    }

    /// Begins the next task of a chain, and fails it; with `invalid input`, for good.
    async fn fail(&self, chain: &str, message: &str) -> Value {
        let task = self.begin(chain).await;
        let id = text(&task, "task_id");
        self.api.fail(&self.agent, &id, message).await
    }

    async fn cancel(&self, chain: &str) -> Value {
        let path = format!("{PATH}/{chain}/cancel");
        self.api.bare(Method::POST, &path).await.ok()
    }
}

async fn a_chain_of_steps_is_created(api: &Api) {
    let pipeline = Pipeline::new(api).await;
    let steps = [
        pipeline.step("fetch", json!({"input_data": {"source": "somewhere"}})),
        pipeline.step("convert", json!({"use_previous_output": true})),
    ];
    let created = api.post(PATH, pipeline.body(&steps)).await.ok();
    assert_eq!(members(&created), SUMMARY);
    assert_eq!(
        (&created["name"], &created["status"]),
        (&json!("Some pipeline"), &json!("RUNNING"))
    );
    assert_eq!(
        (&created["current_step"], &created["total_steps"]),
        (&json!(0), &json!(2))
    );
    micros(&created["created_at"]);
    // The original has half as many digits.
    let id = text(&created, "chain_id");
    let digits = id.strip_prefix("chain_").unwrap_or_default();
    assert!(
        digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()),
        "{id}"
    );
}

async fn a_chain_can_be_read(api: &Api) {
    let pipeline = Pipeline::new(api).await;
    let steps = pipeline.steps(&["fetch", "convert"]);
    let created = api.post(PATH, pipeline.body(&steps)).await.ok();
    let id = text(&created, "chain_id");
    let chain = pipeline.chain(&id).await;
    for member in SUMMARY {
        assert_eq!(chain[member], created[member], "{member}");
    }
    assert_eq!(
        (&chain["client_id"], &chain["step_results"]),
        (&json!(pipeline.client), &json!({}))
    );
    assert!(
        micros(&chain["started_at"]) >= micros(&chain["created_at"]),
        "{chain}"
    );
    assert_eq!(
        (&chain["completed_at"], &chain["error_message"]),
        (&Value::Null, &Value::Null)
    );
    let read = list(&chain, "steps");
    assert_eq!(read.len(), steps.len());
    for (read, sent) in read.iter().zip(&steps) {
        for member in members(sent) {
            assert_eq!(read[member], sent[member], "{member} of {read}");
        }
    }
}

async fn chains_are_listed(api: &Api) {
    let pipeline = Pipeline::new(api).await;
    let mut created = Vec::new();
    for number in 0..3 {
        let mut body = pipeline.body(&pipeline.steps(&["only"]));
        body["name"] = json!(format!("Pipeline {number}"));
        created.push(api.post(PATH, body).await.ok());
    }
    created.reverse();
    let path = format!("{PATH}?client_id={}", pipeline.client);
    let listed = api.get(&path).await.ok();
    assert_eq!(listed, json!(created), "newest first, and a list as it is");
    let first = api.get(&format!("{path}&limit=2")).await.ok();
    assert_eq!(first, json!(created[..2]));
    let all = api.get(PATH).await.ok();
    let all = all.as_array().expect("a list");
    assert!(all.len() >= 3 && all.len() <= 50, "{} chains", all.len());
    for chain in all {
        assert_eq!(members(chain), SUMMARY);
    }
    let nobody = fresh("client");
    assert_eq!(
        api.get(&format!("{PATH}?client_id={nobody}")).await.ok(),
        json!([])
    );
}

async fn chains_are_listed_by_status(api: &Api) {
    let pipeline = Pipeline::new(api).await;
    let completed = pipeline.create(&pipeline.steps(&["only"])).await;
    pipeline.complete(&completed, json!({})).await;
    let failed = pipeline.create(&pipeline.steps(&["only"])).await;
    pipeline.fail(&failed, "invalid input").await;
    let cancelled = pipeline.create(&pipeline.steps(&["only"])).await;
    pipeline.cancel(&cancelled).await;
    let running = pipeline.create(&pipeline.steps(&["only"])).await;
    for (status, id) in [
        ("COMPLETED", &completed),
        ("FAILED", &failed),
        ("CANCELLED", &cancelled),
        ("RUNNING", &running),
    ] {
        let path = format!("{PATH}?client_id={}&status={status}", pipeline.client);
        let listed = api.get(&path).await.ok();
        let listed = listed.as_array().expect("a list");
        assert_eq!(each(listed, "chain_id"), [id], "{status}");
        assert_eq!(each(listed, "status"), [status]);
    }
    let odd = api.get(&format!("{PATH}?status=ASLEEP&limit=0")).await;
    assert_eq!(odd.faults(), ["limit", "status"]);
}

async fn a_chain_is_cancelled_with_its_tasks(api: &Api) {
    let pipeline = Pipeline::new(api).await;
    let id = pipeline.create(&pipeline.steps(&["a", "b"])).await;
    assert_eq!(
        pipeline.cancel(&id).await,
        json!({"chain_id": id, "message": "Chain cancelled successfully"})
    );
    let chain = pipeline.chain(&id).await;
    assert_eq!(chain["status"], "CANCELLED");
    // The original blames a user.
    assert_eq!(chain["error_message"], "Cancelled by client");
    assert!(
        micros(&chain["completed_at"]) >= micros(&chain["created_at"]),
        "{chain}"
    );
    let tasks = pipeline.tasks(&id).await;
    assert_eq!(each(&tasks, "status"), ["CANCELLED"], "the second is never made");
}

async fn a_chain_is_cancelled_while_a_step_is_done(api: &Api) {
    let pipeline = Pipeline::new(api).await;
    let id = pipeline.create(&pipeline.steps(&["a", "b", "c"])).await;
    pipeline.complete(&id, json!({"of": "a"})).await;
    let task = text(&pipeline.begin(&id).await, "task_id");
    pipeline.cancel(&id).await;
    let whole = api.whole(&task).await;
    assert_eq!(whole["status"], "CANCELLED", "{whole}");
    micros(&whole["cancelled_at"]);
    let body = json!({"status": "COMPLETED", "result_data": {}});
    api.report(&pipeline.agent, &task, body).await.problem(400);
    let chain = pipeline.chain(&id).await;
    assert_eq!(chain["status"], "CANCELLED");
    assert_eq!(
        each(list(&chain, "steps"), "status"),
        ["COMPLETED", "CANCELLED", "CANCELLED"]
    );
    assert_eq!(chain["step_results"]["0"]["data"], json!({"of": "a"}));
    assert_eq!(pipeline.tasks(&id).await.len(), 2, "nothing more was made");
}

async fn a_chain_that_has_ended_cannot_be_cancelled(api: &Api) {
    let pipeline = Pipeline::new(api).await;
    let completed = pipeline.create(&pipeline.steps(&["only"])).await;
    pipeline.complete(&completed, json!({})).await;
    let failed = pipeline.create(&pipeline.steps(&["only"])).await;
    pipeline.fail(&failed, "invalid input").await;
    let cancelled = pipeline.create(&pipeline.steps(&["only"])).await;
    pipeline.cancel(&cancelled).await;
    for id in [completed, failed, cancelled] {
        let before = pipeline.chain(&id).await;
        let path = format!("{PATH}/{id}/cancel");
        let refused = api.post(&path, json!({"reason": "enough"})).await;
        refused.refused(400, "Chain already completed or failed");
        assert_eq!(pipeline.chain(&id).await, before);
    }
}

async fn an_unknown_chain_is_not_found(api: &Api) {
    let well_formed = format!("chain_{:032x}", 1);
    for id in ["nonexistent", "chain_123", &well_formed] {
        let path = format!("{PATH}/{id}");
        api.get(&path).await.refused(404, "Chain not found");
        let cancel = api.bare(Method::POST, &format!("{path}/cancel")).await;
        cancel.refused(404, "Chain not found");
    }
}

async fn steps_are_done_one_after_another(api: &Api) {
    let pipeline = Pipeline::new(api).await;
    let names = ["a", "b", "c", "d"];
    let id = pipeline.create(&pipeline.steps(&names)).await;
    let mut done = Vec::new();
    for (place, name) in names.iter().enumerate() {
        let chain = pipeline.chain(&id).await;
        assert_eq!(
            (&chain["status"], &chain["current_step"]),
            (&json!("RUNNING"), &json!(place))
        );
        assert_eq!(pipeline.tasks(&id).await.len(), place + 1, "made in its turn");
        let task = pipeline.complete(&id, json!({})).await;
        assert_eq!(task["task_type"], format!("do {name}"));
        done.push(api.whole(&text(&task, "task_id")).await);
    }
    for pair in done.windows(2) {
        let (before, after) = (&pair[0]["completed_at"], &pair[1]["created_at"]);
        assert!(micros(before) <= micros(after), "{pair:?}");
    }
    let chain = pipeline.chain(&id).await;
    assert_eq!(
        (&chain["status"], &chain["current_step"], &chain["error_message"]),
        (&json!("COMPLETED"), &json!(4), &Value::Null)
    );
    assert!(
        micros(&chain["completed_at"]) >= micros(&done[3]["completed_at"]),
        "{chain}"
    );
}

async fn a_step_may_be_given_what_the_one_before_it_came_to(api: &Api) {
    let pipeline = Pipeline::new(api).await;
    let given = json!({"use_previous_output": true});
    let steps = [
        pipeline.step("a", given.clone()),
        pipeline.step("b", given.clone()),
        pipeline.step("c", json!({})),
        pipeline.step("d", given.clone()),
        pipeline.step("e", given),
    ];
    let id = pipeline.create(&steps).await;
    let rows = json!({"rows": [1, {"two": null}], "total": 2});
    for (result, input) in [
        (&rows, json!({"for": "a"})),
        (&json!({"of": "b"}), json!({"for": "b", "previous_output": rows})),
        (&json!({}), json!({"for": "c"})),
        // The original hands on nothing that is empty.
        (&json!({"of": "d"}), json!({"for": "d", "previous_output": {}})),
        (&json!({}), json!({"for": "e", "previous_output": {"of": "d"}})),
    ] {
        let task = pipeline.complete(&id, result.clone()).await;
        assert_eq!(task["input_data"], input);
    }
    assert_eq!(pipeline.chain(&id).await["status"], "COMPLETED");
}

async fn what_the_steps_came_to_is_kept(api: &Api) {
    let pipeline = Pipeline::new(api).await;
    let id = pipeline.create(&pipeline.steps(&["a", "b"])).await;
    let mut kept = json!({});
    for (place, result) in [json!({"rows": 3}), json!({"rows": [1, "two", null]})]
        .into_iter()
        .enumerate()
    {
        let task = pipeline.complete(&id, result.clone()).await;
        let task = api.whole(&text(&task, "task_id")).await;
        kept[place.to_string()] =
            json!({"status": "COMPLETED", "data": result, "completed_at": task["completed_at"]});
        assert_eq!(pipeline.chain(&id).await["step_results"], kept);
    }
}

async fn a_failed_step_fails_the_chain(api: &Api) {
    let pipeline = Pipeline::new(api).await;
    let id = pipeline.create(&pipeline.steps(&["a", "b", "c"])).await;
    pipeline.complete(&id, json!({"of": "a"})).await;
    let failed = pipeline.fail(&id, "invalid input").await;
    assert_eq!(failed["status"], "FAILED", "{failed}");
    let chain = pipeline.chain(&id).await;
    assert_eq!(chain["status"], "FAILED");
    micros(&chain["completed_at"]);
    // The original names it by its number.
    assert_eq!(chain["error_message"], "step `b`: invalid input");
    let results = &chain["step_results"];
    assert_eq!(results["0"]["data"], json!({"of": "a"}));
    assert_eq!(
        (&results["1"]["status"], &results["1"]["data"]),
        (&json!("FAILED"), &Value::Null)
    );
    assert_eq!(pipeline.tasks(&id).await.len(), 2, "the third is never made");
}

async fn an_attempt_that_fails_does_not_fail_the_chain(api: &Api) {
    let pipeline = Pipeline::new(api).await;
    let id = pipeline.create(&pipeline.steps(&["a", "b"])).await;
    let answer = pipeline.fail(&id, "Connection timeout").await;
    assert_eq!(
        (&answer["status"], &answer["retry_count"]),
        (&json!("PENDING"), &json!(1))
    );
    let chain = pipeline.chain(&id).await;
    assert_eq!(
        (&chain["status"], &chain["current_step"], &chain["step_results"]),
        (&json!("RUNNING"), &json!(0), &json!({}))
    );
    assert_eq!(pipeline.tasks(&id).await.len(), 1, "the same task is tried again");
}

async fn the_tasks_of_a_chain_are_as_its_steps_say(api: &Api) {
    let pipeline = Pipeline::new(api).await;
    let steps = [
        pipeline.step("a", json!({"priority": 9})),
        json!({"name": "b", "task_type": "short", "capability_required": pipeline.capability}),
    ];
    let id = pipeline.create(&steps).await;
    let first = pipeline.complete(&id, json!({})).await;
    let second = pipeline.complete(&id, json!({})).await;
    for (task, step, priority, input) in [
        (&first, "a", 9, json!({"for": "a"})),
        (&second, "b", 5, json!({})),
    ] {
        assert_eq!(
            (&task["client_id"], &task["chain_id"], &task["step"]),
            (&json!(pipeline.client), &json!(id), &json!(step))
        );
        assert_eq!(
            (
                &task["priority"],
                &task["input_data"],
                &task["capability_required"]
            ),
            (&json!(priority), &input, &json!(pipeline.capability))
        );
        assert_eq!(task["assigned_agent_id"], pipeline.agent.as_str());
    }
}

async fn what_is_wrong_with_a_chain_is_told(api: &Api) {
    let pipeline = Pipeline::new(api).await;
    let good = pipeline.body(&pipeline.steps(&["only"]));
    for member in ["name", "steps"] {
        let mut body = good.clone();
        body.as_object_mut().expect("an object").remove(member);
        let refused = api.post(PATH, body).await;
        assert_eq!(refused.faults(), [format!("/{member}")]);
    }
    for (member, value) in [
        ("name", json!("")),
        ("name", json!("n".repeat(256))),
        ("name", json!(1)),
        ("client_id", json!("")),
        ("client_id", Value::Null),
        ("steps", json!([])),
        ("steps", json!({})),
        ("steps", json!(vec![pipeline.step("only", json!({})); 1001])),
    ] {
        let mut body = good.clone();
        body[member] = value;
        let refused = api.post(PATH, body).await;
        assert_eq!(refused.faults(), [format!("/{member}")]);
    }
    api.post(PATH, json!([])).await.problem(422);
}

async fn what_is_wrong_with_a_step_is_told(api: &Api) {
    let pipeline = Pipeline::new(api).await;
    for member in ["name", "task_type", "capability_required"] {
        let mut step = pipeline.step("b", json!({}));
        step.as_object_mut().expect("an object").remove(member);
        let body = pipeline.body(&[pipeline.step("a", json!({})), step]);
        let refused = api.post(PATH, body).await;
        assert_eq!(refused.faults(), [format!("/steps/1/{member}")]);
    }
    for (member, value) in [
        ("name", json!("a")),
        ("input_data", json!([])),
        ("priority", json!(11)),
        ("priority", json!("high")),
        ("use_previous_output", json!("yes")),
    ] {
        let step = pipeline.step("b", json!({member: value}));
        let body = pipeline.body(&[pipeline.step("a", json!({})), step]);
        let refused = api.post(PATH, body).await;
        assert_eq!(refused.faults(), [format!("/steps/1/{member}")]);
    }
    let several = [
        pipeline.step("a", json!({"priority": 0})),
        pipeline.step("b", json!({})),
        pipeline.step("c", json!({"task_type": ""})),
    ];
    let refused = api.post(PATH, pipeline.body(&several)).await;
    assert_eq!(refused.faults(), ["/steps/0/priority", "/steps/2/task_type"]);
}

async fn a_chain_that_is_refused_leaves_nothing(api: &Api) {
    let pipeline = Pipeline::new(api).await;
    let steps = [
        pipeline.step("a", json!({})),
        pipeline.step("b", json!({"priority": 11})),
    ];
    assert_eq!(
        api.post(PATH, pipeline.body(&steps)).await.faults(),
        ["/steps/1/priority"]
    );
    let client = &pipeline.client;
    assert_eq!(
        api.get(&format!("{PATH}?client_id={client}")).await.ok(),
        json!([])
    );
    let page = api.get(&format!("/ains/tasks?client_id={client}")).await.ok();
    assert_eq!(page["tasks"], json!([]));
}
