//! Work that comes in at one server meets agents that wait at the other: no task stays ready beside an agent that could
//! take it (semantics §4).

use std::time::{Duration, Instant};

use ains_testkit::Backend;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::caller::{Caller, list, task};
use crate::site::{Site, run};

/// Rounds of each test.
const ROUNDS: usize = 60;

/// Agents that wait at the same time, in the test with several.
const AGENTS: usize = 4;

/// Seconds that a claim waits: one that comes back empty has met nothing.
const WAIT: i64 = 20;

/// How long a meeting may take at most, where a word between the servers was lost and somebody had to look.
const SLOW: Duration = Duration::from_secs(8);

/// Two servers on one database, and a caller of each.
async fn with_two(test: impl AsyncFnOnce([&Caller; 2])) {
    let Some(site) = Site::new(Backend::Postgres) else {
        return;
    };
    let mut servers = [site.serve(&[]), site.serve(&[])];
    let callers = [Caller::new([servers[0].url()]), Caller::new([servers[1].url()])];
    test([&callers[0], &callers[1]]).await;
    for server in &mut servers {
        assert!(server.terminate().success());
    }
}

/// Registers an agent at the first server and waits until the second knows it, too.
async fn register(callers: [&Caller; 2], agent: &str, max_concurrency: usize) {
    let more = json!({"max_concurrency": max_concurrency});
    callers[0].register(agent, "text:v1", more).await;
    // It has claimed from here on: it is pushed nothing that it does not wait for.
    for caller in callers {
        assert!(caller.claim(agent, json!({})).await.is_empty());
    }
}

/// A claim that must bring a task, in time.
async fn meets(caller: &Caller, agent: &str, what: &str) -> Value {
    let begun = Instant::now();
    let mut tasks = caller.claim(agent, json!({"max": 1, "wait_seconds": WAIT})).await;
    let took = begun.elapsed();
    if tasks.len() != 1 || took > SLOW {
        let picture = picture(caller).await;
        panic!(
            "{what}: {agent} waited {took:?} for {} tasks: {picture}",
            tasks.len()
        );
    }
    tasks.remove(0)
}

/// How things are, for whoever has to find out why.
async fn picture(caller: &Caller) -> String {
    let mut tasks = Vec::new();
    for status in ["PENDING", "ASSIGNED", "ACTIVE"] {
        let page = caller.get(&format!("/ains/tasks?status={status}")).await;
        tasks.extend(list(&page, "tasks").iter().map(Value::to_string));
    }
    let test = json!({"capability_required": "text:v1"});
    let routing = caller.post("/ains/routing/test", &test).await;
    format!("{}\n{routing}", tasks.join("\n"))
}

async fn submit(caller: &Caller, number: usize) {
    caller
        .submit(&task("client", "text:v1", number), &format!("task-{number}"))
        .await;
}

#[test]
fn a_submission_at_one_server_meets_a_claim_at_the_other() {
    run(with_two(async |callers| {
        register(callers, "agent", 10).await;
        for round in 0..ROUNDS {
            let [near, far] = [callers[round % 2], callers[(round + 1) % 2]];
            // At once: which is first is left to chance.
            let what = format!("round {round}");
            let ((), taken) = tokio::join!(submit(near, round), meets(far, "agent", &what));
            far.complete("agent", &taken, &json!({})).await;
        }
    }));
}

#[test]
fn room_that_a_completion_makes_at_one_server_meets_what_comes_in_at_the_other() {
    run(with_two(room_meets_what_comes_in));
}

/// The writers of one server are as concurrent as two servers are.
#[test]
fn room_that_a_completion_makes_meets_what_comes_in_at_one_server_with_several_writers() {
    run(async {
        let Some(site) = Site::new(Backend::Postgres) else {
            return;
        };
        let mut server = site.serve(&[("AINS_PG_WRITERS", "4")]);
        let caller = Caller::new([server.url()]);
        room_meets_what_comes_in([&caller, &caller]).await;
        assert!(server.terminate().success());
    });
}

async fn room_meets_what_comes_in(callers: [&Caller; 2]) {
    register(callers, "agent", 1).await;
    submit(callers[0], 0).await;
    let mut held = meets(callers[1], "agent", "the first").await;
    for round in 1..=ROUNDS {
        let [near, far] = [callers[round % 2], callers[(round + 1) % 2]];
        let waiting = callers[round / 2 % 2];
        let what = format!("round {round}");
        let result = json!({});
        let ((), (), taken) = tokio::join!(
            near.complete("agent", &held, &result),
            submit(far, round),
            meets(waiting, "agent", &what)
        );
        held = taken;
    }
}

#[test]
fn submissions_and_completions_at_both_servers_meet_all_who_wait() {
    run(with_two(async |callers| {
        let agents: Vec<String> = (0..AGENTS).map(|number| format!("agent-{number}")).collect();
        for agent in &agents {
            register(callers, agent, 1).await;
        }
        let callers = callers.map(Clone::clone);
        let mut held: Vec<Option<Value>> = vec![None; AGENTS];
        for round in 0..ROUNDS {
            let mut submissions = JoinSet::new();
            let mut meetings = JoinSet::new();
            for (place, agent) in agents.iter().cloned().enumerate() {
                let [near, far] =
                    [&callers[(round + place) % 2], &callers[(round + place + 1) % 2]].map(Clone::clone);
                submissions.spawn(async move { submit(&near, round * AGENTS + place).await });
                let before = held[place].take();
                meetings.spawn(async move {
                    let claim = meets(&far, &agent, "one of several");
                    let complete = async {
                        if let Some(task) = &before {
                            far.complete(&agent, task, &json!({})).await;
                        }
                    };
                    let (taken, ()) = tokio::join!(claim, complete);
                    (place, taken)
                });
            }
            while let Some(submitted) = submissions.join_next().await {
                submitted.expect("a submission is taken");
            }
            while let Some(met) = meetings.join_next().await {
                let (place, taken) = met.expect("every agent that waits gets a task");
                held[place] = Some(taken);
            }
        }
    }));
}
