//! The original's sample agent, as it talks: it registers, sends a heartbeat, publishes a capability, polls, works, reports.

use std::convert::Infallible;
use std::time::Duration;

use serde_json::{Value, json};

use crate::api::{Api, each, list, pulse, submission, text};
use crate::world::{fresh, on_both};

on_both!(
    the_sample_agent_does_what_it_is_sent,
    the_sample_agent_does_what_waited_for_it,
    several_sample_agents_share_the_work,
    the_sample_agent_that_never_begins_is_told_so,
);

/// How often it polls; the original's polls every five seconds.
const POLL: Duration = Duration::from_millis(20);

/// Tasks that one poll asks for.
const LIMIT: usize = 10;

/// The original's sample agent.
struct SampleAgent<'api> {
    api: &'api Api,
    id: String,
}

impl<'api> SampleAgent<'api> {
    /// Registers without tags, publishes its capability, says that it is there.
    async fn begin(api: &'api Api, capability: &str) -> Self {
        let name = fresh("sample-agent");
        let id = format!("{:032x}", fnv(&name));
        let body = json!({
            "agent_id": id,
            "public_key": "5a".repeat(32),
            "display_name": name,
            "endpoint": format!("http://{name}:8080"),
            "signature": "a5".repeat(64),
        });
        api.post("/ains/agents", body).await.ok();
        let capability = json!({
            "name": capability,
            "description": "Sample capability",
            "input_schema": {},
            "output_schema": {},
            "pricing_model": "free",
            "price": 0.0,
            "latency_p99_ms": 100,
            "availability_percent": 99.9,
            "signature": "a5".repeat(64),
        });
        api.post(&format!("/ains/agents/{id}/capabilities"), capability)
            .await
            .ok();
        let mut beat = pulse("ACTIVE");
        beat["metrics"] = json!({});
        let answer = api.post(&format!("/ains/agents/{id}/heartbeat"), beat).await.ok();
        assert_eq!(answer["acknowledged"], true);
        Self { api, id }
    }

    /// What it has been assigned.
    async fn poll(&self) -> Vec<Value> {
        let path = format!(
            "/aitp/tasks?assigned_agent_id={}&status=ASSIGNED&limit={LIMIT}",
            self.id
        );
        let page = self.api.get(&path).await.ok();
        list(&page, "tasks").to_vec()
    }

    /// Works for ever.
    async fn work(&self) -> Infallible {
        loop {
            for task in self.poll().await {
                let id = text(&task, "task_id");
                let begun = self
                    .api
                    .report(&self.id, &id, json!({"status": "ACTIVE"}))
                    .await
                    .ok();
                assert_eq!(begun["status"], "ACTIVE");
                let result = json!({"processed": true, "by": self.id, "echo": task["input_data"]});
                self.api.complete(&self.id, &id, result).await;
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

/// Spreads a name over the digits of an id.
fn fnv(name: &str) -> u128 {
    name.bytes()
        .fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, |hash, byte| {
            (hash ^ u128::from(byte)).wrapping_mul(0x0100_0000_0000_0000_0000_013b)
        })
}

/// Waits for every task, and returns who completed it; checks that each got its own input.
async fn outcomes(api: &Api, tasks: &[String]) -> Vec<String> {
    let mut agents = Vec::new();
    for (number, task) in tasks.iter().enumerate() {
        let ended = api.ended(task).await;
        assert_eq!(ended["status"], "COMPLETED", "{ended}");
        let result = &ended["result_data"];
        assert_eq!(
            (&result["processed"], &result["echo"]),
            (&json!(true), &json!({"number": number}))
        );
        assert_eq!(result["by"], ended["assigned_agent_id"]);
        agents.push(text(&ended, "assigned_agent_id"));
    }
    agents
}

async fn the_sample_agent_does_what_it_is_sent(api: &Api) {
    let capability = fresh("sample-v1");
    let client = api.agent().await;
    let agent = SampleAgent::begin(api, &capability).await;
    let journey = async {
        let mut tasks = Vec::new();
        for number in 0..25 {
            let more = json!({"input_data": {"number": number}});
            // By both protocols in turn.
            let path = ["/aitp/tasks", "/ains/tasks"][number % 2];
            let created = api.post(path, submission(&client, &capability, more)).await.ok();
            tasks.push(text(&created, "task_id"));
        }
        outcomes(api, &tasks).await
    };
    let done_by = tokio::select! {
        done_by = journey => done_by,
        never = agent.work() => match never {},
    };
    assert!(done_by.iter().all(|id| *id == agent.id), "{done_by:?}");
    let trust = api.get(&format!("/ains/agents/{}/trust", agent.id)).await.ok();
    assert_eq!(trust["total_tasks_completed"], 25);
    assert_eq!(agent.poll().await, Vec::<Value>::new());
}

async fn the_sample_agent_does_what_waited_for_it(api: &Api) {
    let capability = fresh("sample-v1");
    let client = api.agent().await;
    let mut tasks = Vec::new();
    for number in 0..15 {
        let more = json!({"input_data": {"number": number}});
        let created = api
            .post("/ains/tasks", submission(&client, &capability, more))
            .await
            .ok();
        assert_eq!(created["status"], "PENDING");
        tasks.push(text(&created, "task_id"));
    }
    let agent = SampleAgent::begin(api, &capability).await;
    // No more than it has room for are its own at once.
    let first = agent.poll().await;
    assert!(first.len() <= 10, "{first:?}");
    let done_by = tokio::select! {
        done_by = outcomes(api, &tasks) => done_by,
        never = agent.work() => match never {},
    };
    assert_eq!(done_by, vec![agent.id.clone(); 15]);
}

async fn several_sample_agents_share_the_work(api: &Api) {
    let capability = fresh("sample-v1");
    let client = api.agent().await;
    let agents = [
        SampleAgent::begin(api, &capability).await,
        SampleAgent::begin(api, &capability).await,
        SampleAgent::begin(api, &capability).await,
    ];
    let mut tasks = Vec::new();
    for number in 0..9 {
        let more = json!({"input_data": {"number": number}});
        let created = api
            .post("/ains/tasks", submission(&client, &capability, more))
            .await
            .ok();
        tasks.push(text(&created, "task_id"));
    }
    let done_by = tokio::select! {
        done_by = outcomes(api, &tasks) => done_by,
        never = agents[0].work() => match never {},
        never = agents[1].work() => match never {},
        never = agents[2].work() => match never {},
    };
    for agent in &agents {
        assert_eq!(
            done_by.iter().filter(|id| **id == agent.id).count(),
            3,
            "{done_by:?}"
        );
    }
}

/// The last version of the original's sample agent reports COMPLETED without ACTIVE, and is refused there as here.
async fn the_sample_agent_that_never_begins_is_told_so(api: &Api) {
    let capability = fresh("sample-v1");
    let agent = SampleAgent::begin(api, &capability).await;
    let created = api
        .post("/ains/tasks", submission("a client", &capability, json!({})))
        .await
        .ok();
    let polled = agent.poll().await;
    assert_eq!(each(&polled, "task_id"), [&created["task_id"]]);
    let body = json!({"status": "COMPLETED", "result_data": {"processed": true}});
    let refused = api.report(&agent.id, &text(&created, "task_id"), body).await;
    refused.refused(400, "Can only complete ACTIVE tasks");
}
