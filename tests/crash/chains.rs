//! `kill -9` while chains run: in the end each has ended as its definition says, with the results of a run that nobody
//! disturbs, and nothing of it was started twice.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ains_testkit::Backend;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::caller::{Caller, list, text};
use crate::site::{Site, run};

/// Chains: as many of each shape.
const CHAINS: usize = 20;

/// Kills, while they run, unless `AINS_CRASH_KILLS` says otherwise.
const KILLS: usize = 12;

/// Agents that work; every other one with a request for each step, the others with one for many.
const AGENTS: usize = 4;

/// Steps of a sequence.
const STEPS: usize = 8;

/// Items of a list.
const ITEMS: usize = 6;

/// Which of them fails.
const BROKEN: usize = 4;

/// How long nothing at all may happen.
const PATIENCE: Duration = Duration::from_secs(30);

const CAPABILITY: &str = "chains:v1";

#[test]
fn chains_end_as_they_are_defined_on_sqlite() {
    run(chains_end_as_they_are_defined(Backend::Sqlite, 0));
}

#[test]
fn chains_end_as_they_are_defined_on_postgres() {
    run(chains_end_as_they_are_defined(Backend::Postgres, 0));
}

#[test]
fn chains_go_on_when_the_server_is_killed_on_sqlite() {
    run(chains_end_as_they_are_defined(Backend::Sqlite, kills()));
}

#[test]
fn chains_go_on_when_the_server_is_killed_on_postgres() {
    run(chains_end_as_they_are_defined(Backend::Postgres, kills()));
}

async fn chains_end_as_they_are_defined(backend: Backend, kills: usize) {
    let Some(site) = Site::new(backend) else { return };
    let mut server = site.serve(&[]);
    let caller = Caller::new([server.url()]);
    let all: Vec<Expected> = (0..CHAINS).map(expected).collect();
    // Each chain is created, and each of its attempts reported.
    let moves = CHAINS + all.iter().map(Expected::attempts).sum::<usize>();
    let mut works = Works::begin(&caller).await;
    for kill in 1..=kills {
        works.reached(kill * moves / (kills + 1)).await;
        // So that it is not always the same moment after an answer.
        for _ in 0..kill % 4 {
            caller.get("/ains/stats").await;
        }
        server.crash();
        server.start_again();
    }
    works.reached(moves).await;
    let handed = works.finish(&caller).await;
    let mut seen = 0;
    for (id, expected) in handed.chains.iter().zip(&all) {
        seen += expected.check(&caller, id, &handed.attempts).await;
    }
    assert_eq!(handed.attempts.len(), seen, "nothing else was handed out");
    server.terminate();
}

/// What a task of a chain is expected to be like: its step, its input, and how each of its attempts ends.
#[derive(Debug, PartialEq)]
struct Job {
    task_type: &'static str,
    step: String,
    input: Value,
    outcomes: Vec<&'static str>,
}

impl Job {
    fn new(task_type: &'static str, step: &str, input: Value) -> Self {
        let outcomes = vec!["completed"];
        Self {
            task_type,
            step: step.to_owned(),
            input,
            outcomes,
        }
    }

    fn ending(mut self, outcomes: &[&'static str]) -> Self {
        self.outcomes = outcomes.to_vec();
        self
    }

    /// In which order jobs are compared: no two of a chain are alike.
    fn key(&self) -> (&'static str, String, String) {
        (self.task_type, self.step.clone(), self.input.to_string())
    }
}

/// What a chain is, and what it is expected to come to.
#[derive(Debug)]
struct Expected {
    body: Value,
    status: &'static str,
    /// Status and data of each step.
    results: Vec<(&'static str, Value)>,
    /// How being undone ends for each step.
    undone: Vec<Option<&'static str>>,
    jobs: Vec<Job>,
}

impl Expected {
    /// One that is COMPLETED, and of which nothing is undone.
    fn new(steps: &[Value], results: Vec<(&'static str, Value)>, jobs: Vec<Job>) -> Self {
        Self {
            status: "COMPLETED",
            body: json!({"client_id": "client", "steps": steps}),
            undone: vec![None; results.len()],
            results,
            jobs,
        }
    }

    fn attempts(&self) -> usize {
        self.jobs.iter().map(|job| job.outcomes.len()).sum()
    }

    /// Checks the chain and its tasks, and says how many attempts it took.
    async fn check(&self, caller: &Caller, id: &str, handed: &BTreeMap<(String, u64), String>) -> usize {
        let chain = caller.get(&format!("/ains/task-chains/{id}")).await;
        let whole = (&chain["status"], &chain["run"], &chain["current_step"]);
        let expected = (json!(self.status), json!(1), json!(self.results.len()));
        assert_eq!(whole, (&expected.0, &expected.1, &expected.2), "{chain}");
        let mut results = BTreeMap::new();
        for (index, (status, data)) in self.results.iter().enumerate() {
            let told = &chain["step_results"][index.to_string()];
            assert_eq!(
                (&told["status"], &told["data"]),
                (&json!(status), data),
                "{index} of {chain}"
            );
            results.insert(index.to_string(), told);
            let step = &chain["steps"][index];
            let undone = step["compensation"]["status"].as_str();
            assert_eq!(
                (&step["status"], undone),
                (&json!(status), self.undone[index]),
                "{chain}"
            );
        }
        assert_eq!(chain["step_results"], json!(results), "nothing else");

        let page = caller.get(&format!("/ains/tasks?chain_id={id}&limit=200")).await;
        assert_eq!(page["next_cursor"], Value::Null, "few tasks");
        let tasks = list(&page, "tasks");
        let mut told: Vec<_> = tasks.iter().map(place).collect();
        let mut jobs: Vec<&Job> = self.jobs.iter().collect();
        told.sort_unstable();
        jobs.sort_by_key(|job| job.key());
        let keys: Vec<_> = jobs.iter().map(|job| job.key()).collect();
        let keys: Vec<_> = keys
            .iter()
            .map(|(task_type, step, input)| (*task_type, &**step, input.clone()))
            .collect();
        assert_eq!(told, keys, "every place has one task, of {chain}");
        for task in &tasks {
            let (key, task_id) = (place(task), text(task, "task_id"));
            let job = &jobs[keys.binary_search(&key).expect("it is one of them")];
            let answer = caller.get(&format!("/ains/tasks/{task_id}/attempts")).await;
            let attempts = list(&answer, "attempts");
            let outcomes: Vec<_> = attempts.iter().map(|attempt| &attempt["outcome"]).collect();
            assert_eq!(outcomes, job.outcomes, "{task} {answer}");
            for attempt in &attempts {
                let number = attempt["attempt"].as_u64().expect("a number");
                let agent = handed.get(&(task_id.clone(), number));
                assert_eq!(
                    attempt["agent_id"].as_str(),
                    agent.map(String::as_str),
                    "{answer}"
                );
            }
        }
        one_after_another(&tasks);
        self.attempts()
    }
}

/// The kind, the step and the input of a task.
fn place(task: &Value) -> (&str, &str, String) {
    let told = |member: &str| task[member].as_str().unwrap_or_default();
    (told("task_type"), told("step"), task["input_data"].to_string())
}

/// The hotel is given back before the flight is.
fn one_after_another(tasks: &[Value]) {
    let undo = |step: &str| {
        let mut undo = tasks
            .iter()
            .filter(|task| task["task_type"] == "undo" && task["step"] == step);
        undo.next()
    };
    if let (Some(hotel), Some(flight)) = (undo("hotel"), undo("flight")) {
        // Instants are texts that sort as they follow each other.
        assert!(
            text(hotel, "completed_at") <= text(flight, "created_at"),
            "{hotel} {flight}"
        );
    }
}

/// The chain of this number, and what is expected of it.
fn expected(number: usize) -> Expected {
    let mut expected = match number % 5 {
        0 => sequence(number),
        1 => branches(number),
        2 => items(number),
        3 => repetition(number),
        _ => saga(number),
    };
    expected.body["name"] = json!(format!("chain {number}"));
    expected
}

fn step(task_type: &str, name: &str, input: &Value, more: Value) -> Value {
    let mut step = json!({
        "name": name,
        "task_type": task_type,
        "capability_required": CAPABILITY,
        "input_data": input,
    });
    let (Value::Object(step_members), Value::Object(more)) = (&mut step, more) else {
        panic!("`more` is an object");
    };
    step_members.extend(more);
    step
}

fn sum(number: usize) -> Value {
    json!({"sum": number})
}

/// Each step adds something to what the one before it came to.
fn sequence(number: usize) -> Expected {
    let (mut steps, mut results, mut jobs) = (Vec::new(), Vec::new(), Vec::new());
    let mut total = 0;
    for place in 0..STEPS {
        let (name, mut input) = (format!("s{place}"), json!({"by": number + place}));
        steps.push(step(
            "add",
            &name,
            &input,
            json!({"use_previous_output": place > 0}),
        ));
        if place > 0 {
            input["previous_output"] = sum(total);
        }
        total += number + place;
        jobs.push(Job::new("add", &name, input));
        results.push(("COMPLETED", sum(total)));
    }
    Expected::new(&steps, results, jobs)
}

/// Three at the same time, one of which needs a second attempt; what comes after them all; and what is not needed then.
fn branches(number: usize) -> Expected {
    let at_once = json!({"depends_on": []});
    let by = |more: usize| json!({"by": number + more});
    let steps = [
        step("add", "a", &by(1), at_once.clone()),
        step("unsteady", "b", &by(2), at_once.clone()),
        step("add", "c", &by(3), at_once),
        step(
            "total",
            "join",
            &json!({}),
            json!({"depends_on": ["a", "b", "c"], "use_previous_output": true}),
        ),
        step(
            "add",
            "alarm",
            &by(4),
            json!({"when": "steps.join.output.sum < 0"}),
        ),
    ];
    let results = vec![
        ("COMPLETED", sum(number + 1)),
        ("COMPLETED", sum(number + 2)),
        ("COMPLETED", sum(number + 3)),
        ("COMPLETED", sum(3 * number + 6)),
        ("SKIPPED", Value::Null),
    ];
    let joined = json!({"a": results[0].1, "b": results[1].1, "c": results[2].1});
    let jobs = vec![
        Job::new("add", "a", by(1)),
        Job::new("unsteady", "b", by(2)).ending(&["failed", "completed"]),
        Job::new("add", "c", by(3)),
        Job::new("total", "join", json!({"previous_output": joined})),
    ];
    Expected::new(&steps, results, jobs)
}

/// Something is done with every item of a list, and one of them may fail.
fn items(number: usize) -> Expected {
    let wanted: Vec<usize> = (0..ITEMS).map(|index| number * 10 + index).collect();
    let each = json!({"by": "${{ item }}", "index": "${{ index }}"});
    let steps = [
        step("list", "list", &json!({"of": wanted}), json!({})),
        step(
            "item",
            "each",
            &each,
            json!({"for_each": "steps.list.output.items", "max_parallel": 2, "tolerate_failures": 1}),
        ),
        step("total", "total", &json!({}), json!({"use_previous_output": true})),
    ];
    let mut jobs = vec![Job::new("list", "list", json!({"of": wanted}))];
    let mut outputs = Vec::new();
    for (index, item) in wanted.iter().enumerate() {
        let job = Job::new("item", "each", json!({"by": item, "index": index}));
        if index == BROKEN {
            jobs.push(job.ending(&["failed"]));
            outputs.push(Value::Null);
        } else {
            jobs.push(job);
            outputs.push(sum(*item));
        }
    }
    let total = wanted.iter().sum::<usize>() - wanted[BROKEN];
    jobs.push(Job::new("total", "total", json!({"previous_output": outputs})));
    let results = vec![
        ("COMPLETED", json!({"items": wanted})),
        ("COMPLETED", json!(outputs)),
        ("COMPLETED", sum(total)),
    ];
    Expected::new(&steps, results, jobs)
}

/// A step is done again until its sum is enough, which is after four times.
fn repetition(number: usize) -> Expected {
    let by = number + 1;
    let input = json!({"by": by, "iteration": "${{ iteration }}"});
    let until = format!("output.sum >= {}", 4 * by);
    let steps = [
        step(
            "add",
            "grow",
            &input,
            json!({"repeat_until": until, "max_iterations": 9}),
        ),
        step(
            "add",
            "after",
            &json!({"by": "${{ steps.grow.output.sum + 1 }}"}),
            json!({}),
        ),
    ];
    let mut jobs: Vec<Job> = (1..=4)
        .map(|iteration| {
            let mut input = json!({"by": by, "iteration": iteration});
            if iteration > 1 {
                input["previous_output"] = sum((iteration - 1) * by);
            }
            Job::new("add", "grow", input)
        })
        .collect();
    let after = 4 * by + 1;
    jobs.push(Job::new("add", "after", json!({"by": after})));
    Expected::new(
        &steps,
        vec![("COMPLETED", sum(4 * by)), ("COMPLETED", sum(after))],
        jobs,
    )
}

/// What was booked is given back, because it cannot be paid; for odd numbers, the hotel does not take it back.
fn saga(number: usize) -> Expected {
    let undo = json!({"task_type": "undo", "capability_required": CAPABILITY, "max_retries": 0,
                      "input_data": {"booking": "${{ output.sum }}", "refused": "${{ output.refused }}"}});
    let is_odd = number % 2 == 1;
    let of_flight = json!({"by": number, "refused": false});
    let of_hotel = json!({"by": number + 1, "refused": is_odd});
    let of_charge = json!({"amount": "${{ steps.flight.output.sum + steps.hotel.output.sum }}"});
    let steps = [
        step("book", "flight", &of_flight, json!({"compensate_with": undo})),
        step("book", "hotel", &of_hotel, json!({"compensate_with": undo})),
        step(
            "charge",
            "charge",
            &of_charge,
            json!({"on_failure": "compensate"}),
        ),
        step("add", "enjoy", &json!({}), json!({})),
    ];
    let booked = |by: usize, refused: bool| json!({"sum": by, "refused": refused});
    let given_back = |by: usize, refused: bool| json!({"booking": by, "refused": refused, "previous_output": booked(by, refused)});
    let ends: &[&str] = if is_odd { &["failed"] } else { &["completed"] };
    let jobs = vec![
        Job::new("book", "flight", of_flight),
        Job::new("book", "hotel", of_hotel),
        Job::new("charge", "charge", json!({"amount": 2 * number + 1})).ending(&["failed"]),
        Job::new("undo", "hotel", given_back(number + 1, is_odd)).ending(ends),
        Job::new("undo", "flight", given_back(number, false)),
    ];
    let results = vec![
        ("COMPLETED", booked(number, false)),
        ("COMPLETED", booked(number + 1, is_odd)),
        ("FAILED", Value::Null),
        ("CANCELLED", Value::Null),
    ];
    let mut expected = Expected::new(&steps, results, jobs);
    expected.status = "FAILED";
    let of_hotel = if is_odd { "FAILED" } else { "COMPLETED" };
    expected.undone = vec![Some("COMPLETED"), Some(of_hotel), None, None];
    expected
}

/// What an agent makes of a task: a result, or whether there may be another attempt.
fn outcome(task: &Value) -> Result<Value, bool> {
    let input = &task["input_data"];
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    let before = &input["previous_output"];
    match task["task_type"].as_str() {
        Some("unsteady") if task["attempt"] == 1 => Err(true),
        Some("item") if input["index"] == BROKEN => Err(false),
        Some("charge") => Err(false),
        Some("undo") if input["refused"] == true => Err(false),
        Some("undo") => Ok(json!({})),
        Some("list") => Ok(json!({"items": input["of"]})),
        Some("book") => Ok(json!({"sum": input["by"], "refused": input["refused"]})),
        Some("total") => {
            let sums: u64 = match before {
                Value::Object(all) => all.values().map(|one| number(&one["sum"])).sum(),
                Value::Array(all) => all.iter().map(|one| number(&one["sum"])).sum(),
                _ => panic!("nothing to add: {task}"),
            };
            Ok(json!({"sum": sums}))
        }
        Some("add" | "unsteady" | "item") => {
            Ok(json!({"sum": number(&input["by"]) + number(&before["sum"])}))
        }
        _ => panic!("nobody can do this: {task}"),
    }
}

/// What was seen from outside.
#[derive(Debug, Default)]
struct Seen {
    /// The ids of the chains, in order.
    chains: Vec<String>,
    /// Attempts that were handed out, by task and number, with the agent.
    attempts: BTreeMap<(String, u64), String>,
}

#[derive(Debug)]
struct Shared {
    seen: Mutex<Seen>,
    /// Chains that were created and attempts that were reported, as far as that was answered.
    moves: watch::Sender<usize>,
    over: watch::Sender<bool>,
}

/// A client that creates chains, and agents that do what they ask for.
#[derive(Debug)]
struct Works {
    shared: Arc<Shared>,
    at_work: JoinSet<()>,
}

impl Works {
    async fn begin(caller: &Caller) -> Self {
        let shared = Arc::new(Shared {
            seen: Mutex::default(),
            moves: watch::Sender::new(0),
            over: watch::Sender::new(false),
        });
        let mut at_work = JoinSet::new();
        for number in 0..AGENTS {
            let agent = format!("agent-{number}");
            let more = json!({"heartbeat_interval_seconds": 3600, "max_concurrency": 20});
            caller.register(&agent, CAPABILITY, more).await;
            // From now on it is given nothing that it does not claim.
            assert!(caller.claim(&agent, json!({})).await.is_empty());
            let (caller, shared) = (caller.clone(), Arc::clone(&shared));
            at_work.spawn(async move { shared.work(&caller, &agent, number % 2 == 0).await });
        }
        let (caller, client) = (caller.clone(), Arc::clone(&shared));
        at_work.spawn(async move { client.create(&caller).await });
        Self { shared, at_work }
    }

    /// Waits until so much has happened.
    async fn reached(&mut self, moves: usize) {
        let mut watched = self.shared.moves.subscribe();
        // What is waited for is let go of here: a writer that waits for it would let nobody else read.
        let reached = async { watched.wait_for(|so_far| *so_far >= moves).await.is_ok() };
        tokio::select! {
            reached = timeout(PATIENCE, reached) => {
                let reached = reached == Ok(true);
                let so_far = *self.shared.moves.borrow();
                assert!(reached, "{so_far} in {PATIENCE:?}, and not {moves}");
            }
            Some(ended) = self.at_work.join_next() => {
                ended.expect("agents do not fail");
                panic!("agents do not end before all is done");
            }
        }
    }

    /// Waits for the end of every chain, and says what was seen.
    async fn finish(mut self, caller: &Caller) -> Seen {
        let chains = self.shared.seen(|seen| seen.chains.clone());
        assert_eq!(chains.len(), CHAINS);
        for id in &chains {
            let path = format!("/ains/task-chains/{id}?wait_seconds={}", PATIENCE.as_secs());
            let chain = caller.get(&path).await;
            assert!(
                ["COMPLETED", "FAILED"].contains(&&*text(&chain, "status")),
                "it does not end: {chain}"
            );
        }
        self.shared.over.send_replace(true);
        while let Some(ended) = self.at_work.join_next().await {
            ended.expect("agents do not fail");
        }
        self.shared.seen(std::mem::take)
    }
}

impl Shared {
    fn seen<T>(&self, with: impl FnOnce(&mut Seen) -> T) -> T {
        with(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn moved(&self) {
        self.moves.send_modify(|moves| *moves += 1);
    }

    /// Creates the chains, one after another as those before them go on.
    async fn create(&self, caller: &Caller) {
        let (mut moves, mut over) = (self.moves.subscribe(), self.over.subscribe());
        for number in 0..CHAINS {
            // A chain is more than three moves, so that enough are to come.
            let _ = moves.wait_for(|moves| *moves >= 3 * number).await;
            let body = expected(number).body;
            let created = caller
                .make("/ains/task-chains", &body, &format!("chain-{number}"))
                .await;
            self.seen(|seen| seen.chains.push(text(&created, "chain_id")));
            self.moved();
        }
        let _ = over.wait_for(|over| *over).await;
    }

    /// Works until everything has ended.
    async fn work(&self, caller: &Caller, agent: &str, singly: bool) {
        let mut over = self.over.subscribe();
        let mut held: Vec<Value> = Vec::new();
        for round in 0.. {
            let wait = if held.is_empty() || singly { 5 } else { 0 };
            let claim = json!({"max": 2, "wait_seconds": wait, "claim_id": format!("{agent}-{round}")});
            let step = async {
                let reports: Vec<Value> = held.iter().map(report).collect();
                if singly {
                    for report in &reports {
                        self.send(caller, agent, report).await;
                    }
                    return caller.claim(agent, claim).await;
                }
                let body = json!({"results": reports, "claim": claim});
                let answer = caller.post(&format!("/ains/agents/{agent}/report"), &body).await;
                for told in list(&answer, "results") {
                    assert_eq!(told["problem"], Value::Null, "{told}");
                    self.moved();
                }
                list(&answer, "tasks")
            };
            held = tokio::select! {
                tasks = step => tasks,
                _ = over.wait_for(|over| *over) => return,
            };
            for task in &held {
                let attempt = (text(task, "task_id"), task["attempt"].as_u64().expect("a number"));
                let before = self.seen(|seen| seen.attempts.insert(attempt, agent.to_owned()));
                assert_eq!(before, None, "handed to {agent} too: {task}");
            }
        }
    }

    /// Sends one element of a report as a request of its own.
    async fn send(&self, caller: &Caller, agent: &str, report: &Value) {
        let how = if report["status"] == "FAILED" {
            "fail"
        } else {
            "complete"
        };
        let path = format!("/ains/tasks/{}/{how}", text(report, "task_id"));
        let mut body = report.clone();
        body["agent_id"] = json!(agent);
        let members = body.as_object_mut().expect("an object");
        members.retain(|name, _| name != "task_id" && name != "status");
        let answer = caller.ask(Method::POST, &path, Some(&body), None).await;
        assert_eq!(answer.status, 200, "{body}: {answer:?}");
        self.moved();
    }
}

/// What an agent has to say of a task.
fn report(task: &Value) -> Value {
    let mut report = json!({"task_id": task["task_id"], "attempt": task["attempt"]});
    match outcome(task) {
        Ok(result) => {
            report["status"] = json!("COMPLETED");
            report["result_data"] = result;
        }
        Err(retryable) => {
            report["status"] = json!("FAILED");
            report["error_message"] = json!("it did not work");
            report["retryable"] = json!(retryable);
        }
    }
    report
}

#[expect(
    clippy::disallowed_methods,
    reason = "this test is run at other sizes by hand"
)]
fn kills() -> usize {
    match std::env::var("AINS_CRASH_KILLS") {
        Ok(kills) => kills.parse().unwrap_or_else(|_| panic!("no number: {kills}")),
        Err(_) => KILLS,
    }
}
