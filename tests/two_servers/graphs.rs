//! Graphs on two servers: what one tells of a task's end and what the other does meanwhile are judged exactly once.

use std::sync::Arc;

use ains_testkit::Backend;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::{Barrier, watch};
use tokio::task::JoinSet;

use crate::caller::{Answer, Caller, list, text};
use crate::flow::Flow;
use crate::judge::{Edges, Ending, When, justify, of_graph};
use crate::plan::Plan;
use crate::site::{Site, run};

/// Tasks that one task waits for, and agents that complete them.
const FAN_IN: usize = 2000;
const AGENTS: usize = 16;

/// Results of one report, when a fan comes in.
const REPORT: usize = 5;

/// Cycles of each length that are tried.
const CYCLES: usize = 30;

/// Cycles that are tried at the same time.
const AT_ONCE: usize = 6;

/// Tasks that two ends are carried to, and how often.
const WIDE: usize = 1000;
const TWICE: usize = 3;

/// Tasks of the random graph, and its seed.
const RANDOM: (usize, u64) = (400, 5);

/// Two servers on one database, and a caller of each.
pub(crate) async fn with_two(test: impl AsyncFnOnce([&Caller; 2])) {
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

/// Registers an agent that is given nothing but what it claims.
pub(crate) async fn register(callers: [&Caller; 2], agent: &str, tag: &str, room: usize) {
    let more = json!({"max_concurrency": room, "heartbeat_interval_seconds": 3600});
    callers[0].register(agent, tag, more).await;
    for caller in callers {
        assert!(caller.claim(agent, json!({})).await.is_empty());
    }
}

/// A task of a graph, which waits for these by name.
pub(crate) fn node(name: &str, after: &[(String, When)]) -> Value {
    let after = after.iter();
    let after: Vec<Value> = after
        .map(|(on, when)| json!({"name": on, "when": when.word()}))
        .collect();
    json!({"name": name, "depends_on": after})
}

/// Submits a graph; its id, and who has which name.
pub(crate) async fn submit_graph(caller: &Caller, tag: &str, tasks: &[Value], key: &str) -> (String, Value) {
    let defaults = json!({"task_type": "graph", "capability_required": tag});
    let body = json!({"client_id": "client", "defaults": defaults, "tasks": tasks});
    let created = caller.make("/ains/tasks/graph", &body, key).await;
    (text(&created, "graph_id"), created["tasks"].clone())
}

/// Submits one task that waits for these.
pub(crate) async fn submit(caller: &Caller, tag: &str, depends_on: Value, key: &str) -> String {
    let body = json!({
        "client_id": "client", "task_type": "graph", "capability_required": tag, "input_data": {},
        "depends_on": depends_on,
    });
    caller.submit(&body, key).await
}

pub(crate) async fn read(caller: &Caller, id: &str) -> Value {
    caller.get(&format!("/ains/tasks/{id}")).await
}

/// Ends an attempt that an agent has begun, or a task whoever has it.
pub(crate) async fn finish(caller: &Caller, agent: &str, task: &Value, ending: Ending) {
    let id = text(task, "task_id");
    let mut body = json!({"agent_id": agent, "attempt": task["attempt"]});
    let how = match ending {
        Ending::Completed => "complete",
        Ending::Failed => {
            body["error_message"] = json!("broken");
            body["retryable"] = json!(false);
            "fail"
        }
        Ending::Cancelled | Ending::NotNeeded => {
            body = json!({"reason": "enough"});
            "cancel"
        }
    };
    caller.post(&format!("/ains/tasks/{id}/{how}"), &body).await;
}

#[test]
fn a_fan_comes_in_at_both_servers_and_its_end_is_handed_out_once() {
    run(with_two(async |callers| {
        let names: Vec<String> = (0..FAN_IN).map(|number| format!("t{number}")).collect();
        let after: Vec<(String, When)> = names.iter().map(|name| (name.clone(), When::Success)).collect();
        let mut tasks: Vec<Value> = names.iter().map(|name| node(name, &[])).collect();
        tasks.push(node("last", &after));
        let agents: Vec<String> = (0..AGENTS).map(|number| format!("agent-{number}")).collect();
        for agent in &agents {
            register(callers, agent, "fan:v1", FAN_IN).await;
        }
        let (graph, ids) = submit_graph(callers[0], "fan:v1", &tasks, "fan").await;
        let (last, ready) = (text(&ids, "last"), Arc::new(Barrier::new(AGENTS)));
        let over = watch::Sender::new(false);
        let mut at_work = JoinSet::new();
        for (number, agent) in agents.into_iter().enumerate() {
            let (caller, ready, over) = (callers[number % 2].clone(), Arc::clone(&ready), over.clone());
            at_work.spawn(async move { come_in(&caller, &agent, &ready, &over).await });
        }
        let mut found = Vec::new();
        while let Some(ended) = at_work.join_next().await {
            found.extend(ended.expect("no agent fails"));
        }
        assert_eq!(found, std::slice::from_ref(&last));
        let attempts = callers[0].get(&format!("/ains/tasks/{last}/attempts")).await;
        assert_eq!(list(&attempts, "attempts").len(), 1, "{attempts}");
        let tasks = of_graph(callers[1], &graph).await;
        let task = &tasks[&last];
        let counted = ["attempt", "unresolved_dependencies", "lost_leases"].map(|name| &task[name]);
        assert_eq!(counted, [&json!(1), &json!(0), &json!(0)], "{task}");
        assert!(tasks.values().all(|task| task["status"] == "COMPLETED"));
        let after = names.iter().map(|name| (text(&ids, name), When::Success));
        justify(&tasks, &Edges::from([(last, after.collect())]));
    }));
}

/// Takes a fair share of the fan, completes it when all have theirs, and then waits for what is behind it; what it got.
async fn come_in(
    caller: &Caller,
    agent: &str,
    ready: &Barrier,
    over: &watch::Sender<bool>,
) -> Option<String> {
    let mut held = Vec::new();
    while held.len() < FAN_IN / AGENTS {
        let max = (FAN_IN / AGENTS - held.len()).min(100);
        held.extend(caller.claim(agent, json!({"max": max})).await);
    }
    ready.wait().await;
    for some in held.chunks(REPORT) {
        let result = |task: &Value| json!({"task_id": task["task_id"], "attempt": 1, "status": "COMPLETED"});
        let results: Vec<Value> = some.iter().map(result).collect();
        let path = format!("/ains/agents/{agent}/report");
        let answer = caller.post(&path, &json!({"results": results})).await;
        for outcome in list(&answer, "results") {
            assert_eq!(outcome["status"], "COMPLETED", "{outcome}");
        }
    }
    let mut watched = over.subscribe();
    let claim = json!({"wait_seconds": 20});
    let last = tokio::select! {
        tasks = caller.claim(agent, claim) => tasks.into_iter().next()?,
        _ = watched.wait_for(|over| *over) => return None,
    };
    caller.complete(agent, &last, &json!({})).await;
    over.send_replace(true);
    Some(text(&last, "task_id"))
}

#[test]
fn two_ends_at_once_are_carried_to_the_same_tasks() {
    run(with_two(async |callers| {
        for round in 0..TWICE {
            let tag = format!("wide-{round}:v1");
            let agent = format!("agent-{round}");
            register(callers, &agent, &tag, 10).await;
            two_ends(callers, &agent, &tag).await;
        }
    }));
}

/// Some wait for both in all ways, the others in a ladder below them; both end badly, at once.
async fn two_ends(callers: [&Caller; 2], agent: &str, tag: &str) {
    let after = |place: usize| -> Vec<(usize, When)> {
        match place {
            0 | 1 => vec![],
            2..WIDE => vec![(0, When::ALL[place % 3]), (1, When::ALL[place / 3 % 3])],
            _ => vec![(place - 1, When::Success), (place - WIDE + 2, When::Done)],
        }
    };
    let name = |place: usize| format!("t{place}");
    let nodes = (0..WIDE * 3 / 2).map(|place| {
        let after: Vec<_> = after(place)
            .into_iter()
            .map(|(on, when)| (name(on), when))
            .collect();
        node(&name(place), &after)
    });
    let (graph, ids) = submit_graph(callers[0], tag, &nodes.collect::<Vec<_>>(), tag).await;
    let edges = (0..WIDE * 3 / 2).map(|place| {
        let after = after(place).into_iter();
        let after = after.map(|(on, when)| (text(&ids, &name(on)), when));
        (text(&ids, &name(place)), after.collect())
    });
    let held = callers[0]
        .claim(agent, json!({"max": 10, "wait_seconds": 20}))
        .await;
    assert_eq!(held.len(), 2, "{held:?}");
    tokio::join!(
        finish(callers[0], agent, &held[0], Ending::Failed),
        finish(callers[1], agent, &held[1], Ending::Cancelled),
    );
    justify(&of_graph(callers[1], &graph).await, &edges.collect::<Edges>());
}

#[test]
fn two_servers_never_close_a_cycle_of_two() {
    run(with_two(async |callers| cycles(callers, 2).await));
}

#[test]
fn two_servers_never_close_a_cycle_of_three() {
    run(with_two(async |callers| cycles(callers, 3).await));
}

/// Adds all edges of cycles at once, by turns at both servers: all but one must be taken, and one must not.
async fn cycles(callers: [&Caller; 2], length: usize) {
    for first in (0..CYCLES).step_by(AT_ONCE) {
        let mut at_once = JoinSet::new();
        for number in first..first + AT_ONCE {
            let callers = callers.map(Clone::clone);
            at_once.spawn(async move { cycle([&callers[0], &callers[1]], length, number).await });
        }
        while let Some(ended) = at_once.join_next().await {
            ended.expect("a cycle is refused");
        }
    }
}

async fn cycle(callers: [&Caller; 2], length: usize, number: usize) {
    let mut ids = Vec::new();
    for place in 0..length {
        let key = format!("cycle-{number}-{place}");
        ids.push(submit(callers[place % 2], "cycle:v1", json!([]), &key).await);
    }
    let mut changes = JoinSet::new();
    for place in 0..length {
        // Every server has the first word of some.
        let caller = callers[(place + number) % 2].clone();
        let (id, on) = (ids[place].clone(), ids[(place + 1) % length].clone());
        changes.spawn(async move {
            let body = json!({"depends_on": [on]});
            let path = format!("/ains/tasks/{id}");
            let answer = caller.ask(Method::PATCH, &path, Some(&body), None).await;
            (id, on, answer)
        });
    }
    let mut refused = Vec::new();
    while let Some(changed) = changes.join_next().await {
        let (id, on, answer) = changed.expect("a change is answered");
        match answer.status {
            200 => assert_eq!(answer.body["is_blocked"], true, "{answer:?}"),
            _ => refused.push((id, on, answer)),
        }
    }
    let [(id, on, answer)] = &refused[..] else {
        panic!("one of {length} must be refused, and these were: {refused:?}");
    };
    names_the_cycle(answer, &ids);
    let detail = text(&answer.body, "detail");
    assert!(
        detail.contains(&format!("{on} -> {id}")),
        "`{on}` would have to end before: {detail}"
    );
    for task in &ids {
        let shown = read(callers[0], task).await;
        let stored = list(&shown, "depends_on").len();
        assert_eq!(stored, usize::from(task != id), "{shown}");
        assert_eq!(shown["is_blocked"], task != id, "{shown}");
    }
}

/// The refusal is that of a cycle, and names every task of it and the first one twice.
#[track_caller]
fn names_the_cycle(answer: &Answer, ids: &[String]) {
    assert_eq!(
        (answer.status, &answer.body["type"]),
        (409, &json!("/problems/dependency-cycle")),
        "{answer:?}"
    );
    let detail = text(&answer.body, "detail");
    let named = ids.iter().map(|id| detail.matches(&**id).count());
    assert_eq!(named.sum::<usize>(), ids.len() + 1, "{detail}");
}

#[test]
fn a_random_graph_is_done_by_agents_at_both_servers() {
    run(with_two(async |callers| {
        let plan = Plan::random(RANDOM.1, RANDOM.0);
        let reports = plan.reports;
        let callers = callers.map(Clone::clone);
        let mut flow = Flow::begin(&callers, plan).await;
        flow.reached(reports / 2).await;
        let ways = flow.finish(&callers[1]).await;
        tell(&format!("{ways:?}"));
    }));
}

#[expect(clippy::print_stderr, reason = "figures for whoever runs it by hand")]
pub(crate) fn tell(text: &str) {
    eprintln!("{text}");
}
