//! A graph at work: tasks that wait for each other, agents that complete some and fail others, a client that cancels
//! some, whatever happens to the servers; and what must be true at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::caller::{Caller, list, text};
use crate::judge::{Edges, Ending, Tasks, When, end, justify, of_graph};
use crate::plan::{Fate, Plan};

/// Agents that work.
const AGENTS: usize = 8;

/// How long nothing at all may be reported.
const PATIENCE: Duration = Duration::from_secs(30);

/// Tasks that are looked at from all sides at the same time.
const READERS: usize = 16;

const CAPABILITY: &str = "flow:v1";
const CLIENT: &str = "flow";

/// The reason of those that the client cancels.
const ENOUGH: &str = "enough of this";

/// What an agent or the client was told of its report.
#[derive(Debug, Clone, PartialEq)]
enum Told {
    Completed(Value),
    Failed(String),
    /// The attempt failed, and there will be another.
    Retried,
    /// The task is no longer the agent's.
    Refused,
    Cancelled,
}

impl Told {
    fn is_end(&self) -> bool {
        matches!(self, Self::Completed(_) | Self::Failed(_) | Self::Cancelled)
    }
}

/// What was acknowledged.
#[derive(Debug, Default)]
struct Ledger {
    /// Attempts that were handed out, by task and number, with the agent.
    handed: BTreeMap<(String, u64), String>,
    /// What was told of each task.
    told: BTreeMap<String, Vec<Told>>,
}

#[derive(Debug)]
struct Shared {
    plan: Plan,
    graph: String,
    /// The ids, by number.
    ids: Vec<String>,
    ledger: Mutex<Ledger>,
    /// Reports that were answered.
    reported: watch::Sender<usize>,
    over: watch::Sender<bool>,
}

/// A graph at work.
#[derive(Debug)]
pub(crate) struct Flow {
    shared: Arc<Shared>,
    at_work: JoinSet<()>,
}

impl Flow {
    /// Submits the graph and lets agents begin, which are spread over the callers.
    pub(crate) async fn begin(callers: &[Caller], plan: Plan) -> Self {
        let agents: Vec<String> = (0..AGENTS).map(|number| format!("agent-{number}")).collect();
        for agent in &agents {
            let more = json!({"heartbeat_interval_seconds": 3600, "max_concurrency": 20});
            callers[0].register(agent, CAPABILITY, more).await;
            // From now on it is given nothing that it does not claim.
            assert!(callers[0].claim(agent, json!({})).await.is_empty());
        }
        let created = callers[0]
            .make("/ains/tasks/graph", &plan.body(CLIENT, CAPABILITY), "flow")
            .await;
        let id = |number: usize| text(&created["tasks"], &format!("t{number}"));
        let shared = Arc::new(Shared {
            ids: (0..plan.nodes.len()).map(id).collect(),
            graph: text(&created, "graph_id"),
            plan,
            ledger: Mutex::default(),
            reported: watch::Sender::new(0),
            over: watch::Sender::new(false),
        });
        let mut at_work = JoinSet::new();
        for (number, agent) in agents.into_iter().enumerate() {
            let (caller, shared) = (callers[number % callers.len()].clone(), Arc::clone(&shared));
            // Neighbours, and so agents of each server, work in both ways.
            let singly = number / 2 % 2 == 0;
            at_work.spawn(async move { shared.work(&caller, &agent, singly).await });
        }
        let (caller, client) = (callers[callers.len() - 1].clone(), Arc::clone(&shared));
        at_work.spawn(async move { client.cancel_some(&caller).await });
        Self { shared, at_work }
    }

    /// Waits until so many reports are answered.
    pub(crate) async fn reached(&mut self, reports: usize) {
        let mut watched = self.shared.reported.subscribe();
        // What is waited for is let go of here: a writer that waits for it would let nobody else read.
        let reached = async { watched.wait_for(|reported| *reported >= reports).await.is_ok() };
        tokio::select! {
            reached = timeout(PATIENCE, reached) => {
                let reached = reached == Ok(true);
                let so_far = *self.shared.reported.borrow();
                assert!(reached, "{so_far} reports in {PATIENCE:?}, and not {reports}");
            }
            Some(ended) = self.at_work.join_next() => {
                ended.expect("agents do not fail");
                panic!("agents do not end before all is done");
            }
        }
    }

    /// Waits for the end, and checks all that was promised. Returns how many tasks ended in which way.
    pub(crate) async fn finish(mut self, caller: &Caller) -> BTreeMap<&'static str, usize> {
        let shared = Arc::clone(&self.shared);
        tokio::select! {
            () = shared.all_have_ended(caller) => {}
            Some(ended) = self.at_work.join_next() => {
                ended.expect("agents do not fail");
                panic!("agents do not end before all is done");
            }
        }
        shared.over.send_replace(true);
        while let Some(ended) = self.at_work.join_next().await {
            ended.expect("agents do not fail");
        }
        let tasks = of_graph(caller, &shared.graph).await;
        shared.check(&tasks);
        justify(&tasks, &shared.edges());
        let ways = ways(&tasks);
        shared.check_closely(caller, tasks).await;
        ways
    }
}

/// How many tasks ended in which way: in every way there is, or little is proved.
fn ways(tasks: &Tasks) -> BTreeMap<&'static str, usize> {
    let mut ways = BTreeMap::new();
    for task in tasks.values() {
        let way = match end(task).map(|(ending, _)| ending) {
            Some(Ending::Completed) => "completed",
            Some(Ending::Failed) if task["attempt"] == 0 => "failed by a dependency",
            Some(Ending::Failed) => "failed",
            Some(Ending::Cancelled) => "cancelled",
            Some(Ending::NotNeeded) => "not needed",
            None => "open",
        };
        *ways.entry(way).or_default() += 1;
    }
    assert_eq!(ways.len(), 5, "not in every way: {ways:?}");
    ways
}

impl Shared {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn number(task: &Value) -> usize {
        let number = task["input_data"]["number"].as_u64();
        usize::try_from(number.expect("a number")).expect("a small number")
    }

    fn edges(&self) -> Edges {
        let on = |(on, when): &(usize, When)| (self.ids[*on].clone(), *when);
        let nodes = self.plan.nodes.iter().zip(&self.ids);
        nodes
            .map(|((after, _), id)| (id.clone(), after.iter().map(on).collect()))
            .collect()
    }

    /// Works until everything has ended: `singly` with a request for each step, else with one for many.
    async fn work(&self, caller: &Caller, agent: &str, singly: bool) {
        let mut over = self.over.subscribe();
        let mut held: Vec<Value> = Vec::new();
        for round in 0.. {
            let wait = if held.is_empty() || singly { 5 } else { 0 };
            let claim = json!({"max": 3, "wait_seconds": wait, "claim_id": format!("{agent}-{round}")});
            let step = async {
                for task in &held {
                    if self.plan.nodes[Self::number(task)].1 == Fate::IsCancelledAtWork {
                        self.cancel(caller, &text(task, "task_id")).await;
                    }
                }
                let reports: Vec<Value> = held.iter().map(|task| self.report(agent, task)).collect();
                if singly {
                    for report in reports {
                        self.send(caller, agent, report).await;
                    }
                    return caller.claim(agent, claim).await;
                }
                let body = json!({"results": reports, "claim": claim});
                let answer = caller.post(&format!("/ains/agents/{agent}/report"), &body).await;
                for (report, answer) in reports.iter().zip(list(&answer, "results")) {
                    self.answered(report, &answer["status"], &answer["problem"]);
                }
                list(&answer, "tasks")
            };
            held = tokio::select! {
                tasks = step => tasks,
                _ = over.wait_for(|over| *over) => return,
            };
            for task in &held {
                let attempt = (text(task, "task_id"), task["attempt"].as_u64().expect("a number"));
                let before = self.ledger().handed.insert(attempt, agent.to_owned());
                assert_eq!(before, None, "handed to {agent} too: {task}");
            }
        }
    }

    /// What an agent has to say of a task: one element of a report.
    fn report(&self, agent: &str, task: &Value) -> Value {
        let attempt = &task["attempt"];
        let (number, mark) = (Self::number(task), json!({"by": agent, "attempt": attempt}));
        let mut report = json!({"task_id": task["task_id"], "attempt": attempt, "status": "FAILED"});
        match self.plan.nodes[number].1 {
            Fate::Fails => {
                report["error_message"] = json!(format!("{number} is broken, says {agent}"));
                report["retryable"] = json!(false);
            }
            Fate::FailsOnce if *attempt == 1 => {
                report["error_message"] = json!("come again");
                report["retryable"] = json!(true);
            }
            _ => {
                report["status"] = json!("COMPLETED");
                report["result_data"] = mark;
            }
        }
        report
    }

    /// Sends one element of a report as a request of its own.
    async fn send(&self, caller: &Caller, agent: &str, report: Value) {
        let how = if report["status"] == "FAILED" {
            "fail"
        } else {
            "complete"
        };
        let path = format!("/ains/tasks/{}/{how}", text(&report, "task_id"));
        let mut body = report.clone();
        body["agent_id"] = json!(agent);
        let members = body.as_object_mut().expect("an object");
        members.retain(|name, _| name != "task_id" && name != "status");
        let answer = caller.ask(Method::POST, &path, Some(&body), None).await;
        let problem = if answer.status == 200 {
            Value::Null
        } else {
            answer.body.clone()
        };
        self.answered(&report, &answer.body["status"], &problem);
    }

    fn answered(&self, report: &Value, status: &Value, problem: &Value) {
        let told = match status.as_str() {
            _ if problem["type"] == "/problems/lease-lost" => Told::Refused,
            Some("COMPLETED") => Told::Completed(report["result_data"].clone()),
            Some("FAILED") => Told::Failed(text(report, "error_message")),
            Some("PENDING") => Told::Retried,
            _ => panic!("{report} was answered with {status} {problem}"),
        };
        self.note(&text(report, "task_id"), told);
        self.reported.send_modify(|reported| *reported += 1);
    }

    fn note(&self, id: &str, told: Told) {
        let mut ledger = self.ledger();
        let all = ledger.told.entry(id.to_owned()).or_default();
        assert!(
            !told.is_end() || !all.iter().any(Told::is_end),
            "{id} has ended twice: {all:?} and {told:?}"
        );
        all.push(told);
    }

    /// Cancels some tasks, each when its time has come or all else is done.
    async fn cancel_some(&self, caller: &Caller) {
        let nodes = self.plan.nodes.iter().zip(&self.ids);
        let chosen = nodes.filter(|((_, fate), _)| *fate == Fate::IsCancelled);
        let chosen: Vec<&String> = chosen.map(|(_, id)| id).collect();
        let (mut reported, mut over) = (self.reported.subscribe(), self.over.subscribe());
        for (place, id) in chosen.iter().enumerate() {
            let when = place * self.plan.reports * 2 / 3 / chosen.len();
            tokio::select! {
                _ = reported.wait_for(|reported| *reported >= when) => {}
                _ = over.wait_for(|over| *over) => return,
            }
            self.cancel(caller, id).await;
        }
        let _ = over.wait_for(|over| *over).await;
    }

    async fn cancel(&self, caller: &Caller, id: &str) {
        let path = format!("/ains/tasks/{id}/cancel");
        let answer = caller
            .ask(Method::POST, &path, Some(&json!({"reason": ENOUGH})), None)
            .await;
        match answer.status {
            200 => self.note(id, Told::Cancelled),
            // It has ended: also by this very request, if its answer was lost.
            400 => {}
            _ => panic!("{answer:?}"),
        }
    }

    /// Waits until every task has ended.
    async fn all_have_ended(&self, caller: &Caller) {
        for id in &self.ids {
            let path = format!("/ains/tasks/{id}?wait_seconds={}", PATIENCE.as_secs());
            let task = caller.get(&path).await;
            if end(&task).is_none() {
                let why = caller.get(&format!("/ains/tasks/{id}/why")).await;
                panic!("it does not end: {task}\n{why}");
            }
        }
    }

    /// What is stored is what was acknowledged.
    fn check(&self, tasks: &Tasks) {
        let ledger = self.ledger();
        let expected: BTreeSet<&String> = self.ids.iter().collect();
        assert_eq!(tasks.keys().collect::<BTreeSet<_>>(), expected);
        for (id, task) in tasks {
            let told = ledger.told.get(id).map(Vec::as_slice).unwrap_or_default();
            let (how, _) = end(task).unwrap_or_else(|| panic!("it has not ended: {task}"));
            match told.iter().find(|told| told.is_end()) {
                Some(Told::Completed(result)) => {
                    assert_eq!((how, &task["result_data"]), (Ending::Completed, result), "{task}");
                }
                Some(Told::Failed(message)) => {
                    assert_eq!(
                        (how, &task["error_message"]),
                        (Ending::Failed, &json!(message)),
                        "{task}"
                    );
                }
                Some(_) => {
                    assert_eq!(
                        (how, &task["cancel_reason"]),
                        (Ending::Cancelled, &json!(ENOUGH)),
                        "{task}"
                    );
                }
                // A dependency has ended it, or the answer to the client's cancelling was lost.
                None => assert!(
                    task["attempt"] == 0 || task["cancel_reason"] == ENOUGH,
                    "{task} {told:?}"
                ),
            }
            let was_refused = told.contains(&Told::Refused);
            assert!(!was_refused || how == Ending::Cancelled, "{task} {told:?}");
            assert_eq!(how == Ending::Completed, !task["result_data"].is_null(), "{task}");
        }
    }

    /// Every attempt is one that was handed out, and ended as it was told; every edge that had to be judged was.
    async fn check_closely(self: &Arc<Self>, caller: &Caller, tasks: Tasks) {
        let tasks = Arc::new(Mutex::new(tasks));
        let mut readers = JoinSet::new();
        for _ in 0..READERS {
            let (shared, caller, tasks) = (Arc::clone(self), caller.clone(), Arc::clone(&tasks));
            let next = move || tasks.lock().unwrap_or_else(PoisonError::into_inner).pop_first();
            readers.spawn(async move {
                while let Some((id, task)) = next() {
                    let attempts = caller.get(&format!("/ains/tasks/{id}/attempts")).await;
                    shared.check_attempts(&id, &task, &list(&attempts, "attempts"));
                    let edges = caller.get(&format!("/ains/tasks/{id}/dependencies")).await;
                    let open = list(&edges, "dependencies")
                        .into_iter()
                        .filter(|edge| edge["resolved"] == false);
                    assert_eq!(task["unresolved_dependencies"], open.count(), "{task} {edges}");
                }
            });
        }
        while let Some(read) = readers.join_next().await {
            read.expect("every task is as it must be");
        }
    }

    fn check_attempts(&self, id: &str, task: &Value, attempts: &[Value]) {
        let ledger = self.ledger();
        let told = ledger.told.get(id).map(Vec::as_slice).unwrap_or_default();
        let shown = || format!("{task} {attempts:?} {told:?}");
        let (how, _) = end(task).expect("it has ended");
        let retried = told.iter().filter(|told| **told == Told::Retried).count();
        let last = match how {
            Ending::Completed => "completed",
            Ending::Failed => "failed",
            Ending::Cancelled | Ending::NotNeeded => "cancelled",
        };
        let mut expected = vec!["failed"; retried];
        // It may also be cancelled, or end by what it waits for, while nobody has it.
        if attempts.len() > retried || how == Ending::Completed {
            expected.push(last);
        }
        let outcomes: Vec<&Value> = attempts.iter().map(|attempt| &attempt["outcome"]).collect();
        assert_eq!(outcomes, expected, "{}", shown());
        assert_eq!(task["attempt"], attempts.len(), "{}", shown());
        for attempt in attempts {
            let number = attempt["attempt"].as_u64().expect("a number");
            let agent = ledger.handed.get(&(id.to_owned(), number));
            // What is cancelled before the answer to a claim arrives is not in the next answer to it.
            let is_unheard = agent.is_none() && attempt["outcome"] == "cancelled";
            let is_its = agent.is_some_and(|agent| attempt["agent_id"] == **agent);
            assert!(is_its || is_unheard, "{}", shown());
        }
    }
}
