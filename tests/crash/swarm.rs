//! Clients that submit and agents that work, whatever happens to the servers, and what must be true at the end: every
//! acknowledged task is COMPLETED with the one outcome that was acknowledged, and nothing else is there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::caller::{Caller, list, task, text};

/// Agents that work.
const AGENTS: usize = 8;

/// Clients that submit.
const CLIENTS: usize = 4;

/// Tasks that a client submits at once, every other time.
const BATCH: usize = 7;

/// Tasks that may be under way, so that submissions go on to the end.
const WINDOW: usize = 64;

/// How long nothing at all may be completed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Tasks of one page.
const PAGE: usize = 200;

/// Tasks whose attempts are read at the same time.
const READERS: usize = 16;

const CAPABILITY: &str = "crash:v1";
/// The client of its tasks.
pub(crate) const CLIENT: &str = "swarm";

/// What was acknowledged.
#[derive(Debug, Default)]
struct Ledger {
    /// The number of each task, by its id.
    submitted: BTreeMap<String, usize>,
    /// The outcome of each task, by its id.
    outcomes: BTreeMap<String, Value>,
    /// Attempts that were handed out, with the agent.
    handed: BTreeMap<(String, u64), String>,
}

#[derive(Debug)]
struct Shared {
    tasks: usize,
    next: AtomicUsize,
    window: Semaphore,
    ledger: Mutex<Ledger>,
    /// Completions that were acknowledged.
    completed: watch::Sender<usize>,
}

/// Clients and agents at work.
#[derive(Debug)]
pub(crate) struct Swarm {
    caller: Caller,
    shared: Arc<Shared>,
    at_work: JoinSet<()>,
}

impl Swarm {
    /// Lets clients and agents begin; they are spread over the callers.
    pub(crate) async fn begin(callers: &[Caller], tasks: usize) -> Self {
        let shared = Arc::new(Shared {
            tasks,
            next: AtomicUsize::new(0),
            window: Semaphore::new(WINDOW),
            ledger: Mutex::default(),
            completed: watch::Sender::new(0),
        });
        let mut at_work = JoinSet::new();
        for number in 0..AGENTS {
            let (caller, shared) = (callers[number % callers.len()].clone(), Arc::clone(&shared));
            let id = format!("agent-{number}");
            let more = json!({"heartbeat_interval_seconds": 3600, "max_concurrency": 20});
            caller.register(&id, CAPABILITY, more).await;
            at_work.spawn(async move { shared.work(&caller, &id, number % 2 == 0).await });
        }
        for number in 0..CLIENTS {
            let (caller, shared) = (callers[number % callers.len()].clone(), Arc::clone(&shared));
            at_work.spawn(async move { shared.submit(&caller).await });
        }
        Self {
            caller: callers[0].clone(),
            shared,
            at_work,
        }
    }

    /// Waits until so many completions are acknowledged.
    pub(crate) async fn reached(&mut self, completed: usize) {
        let mut watched = self.shared.completed.subscribe();
        loop {
            let so_far = *watched.borrow_and_update();
            if so_far >= completed {
                return;
            }
            let stuck = async { timeout(PATIENCE, watched.changed()).await.is_err() };
            tokio::select! {
                stuck = stuck => {
                    let picture = if stuck { self.picture().await } else { String::new() };
                    assert!(!stuck, "{so_far} are completed, and nothing moves: {picture}");
                }
                Some(ended) = self.at_work.join_next() => ended.expect("clients and agents do not fail"),
            }
        }
    }

    /// How things are, for whoever has to find out why.
    async fn picture(&self) -> String {
        let stats = self.caller.get("/ains/stats").await;
        let queue = self.caller.get("/aitp/queue/stats").await;
        let test = json!({"capability_required": CAPABILITY});
        let routing = self.caller.post("/ains/routing/test", &test).await;
        let mut stored = everything(&self.caller).await;
        stored.retain(|_, task| task["status"] != "COMPLETED");
        let (submitted, window) = (self.shared.ledger().submitted.len(), &self.shared.window);
        let unfinished: Vec<_> = stored.values().take(5).collect();
        format!(
            "{submitted} of {} are submitted, {window:?}\n{stats}\n{queue}\n{routing}\n{} unfinished, such as {unfinished:#?}",
            self.shared.tasks,
            stored.len(),
        )
    }

    /// Waits for the end, and checks all that was promised.
    pub(crate) async fn finish(mut self, caller: &Caller) {
        self.reached(self.shared.tasks).await;
        while let Some(ended) = self.at_work.join_next().await {
            ended.expect("clients and agents do not fail");
        }
        let ledger = std::mem::take(&mut *self.shared.ledger());
        let tasks = self.shared.tasks;
        assert_eq!(ledger.submitted.len(), tasks, "each has an id of its own");
        assert_eq!(ledger.outcomes.len(), tasks);
        let numbers: BTreeSet<_> = ledger.submitted.values().collect();
        assert_eq!(numbers.len(), tasks, "each was stored once");
        let stored = everything(caller).await;
        assert_eq!(stored.len(), tasks, "nothing is there that was not acknowledged");
        for (id, task) in &stored {
            let number = ledger.submitted.get(id);
            assert_eq!(
                task["input_data"]["number"].as_u64(),
                number.map(|number| *number as u64),
                "{task}"
            );
            assert_eq!(task["status"], "COMPLETED", "{task}");
            assert_eq!(Some(&task["result_data"]), ledger.outcomes.get(id), "{task}");
            assert_eq!(
                (&task["attempt"], &task["lost_leases"]),
                (&json!(1), &json!(0)),
                "{task}"
            );
        }
        one_attempt_each(caller, stored.keys().cloned()).await;
        figures(caller, tasks).await;
    }
}

impl Shared {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Submits until there is no more to submit: in turn one alone, and several at once.
    async fn submit(&self, caller: &Caller) {
        for round in 0.. {
            let wanted = if round % 2 == 0 { 1 } else { BATCH };
            let permits = u32::try_from(wanted).expect("a small number");
            self.window
                .acquire_many(permits)
                .await
                .expect("the window stays open")
                .forget();
            let first = self.next.fetch_add(wanted, Ordering::Relaxed);
            let numbers: Vec<usize> = (first..self.tasks.min(first + wanted)).collect();
            let Some(last) = numbers.last() else {
                self.window.add_permits(wanted);
                return;
            };
            let key = format!("submit-{first}-{last}");
            let tasks: Vec<Value> = numbers
                .iter()
                .map(|number| task(CLIENT, CAPABILITY, *number))
                .collect();
            let ids = if wanted == 1 {
                vec![caller.submit(&tasks[0], &key).await]
            } else {
                let answer = caller
                    .make("/ains/tasks/batch", &json!({"tasks": tasks}), &key)
                    .await;
                list(&answer, "tasks")
                    .iter()
                    .map(|item| text(item, "task_id"))
                    .collect()
            };
            assert_eq!(ids.len(), numbers.len());
            self.ledger().submitted.extend(ids.into_iter().zip(numbers));
        }
    }

    /// Works until everything is done: `singly` with a request for each step, else with one for many.
    async fn work(&self, caller: &Caller, agent: &str, singly: bool) {
        let mut done = self.completed.subscribe();
        let mut held: Vec<Value> = Vec::new();
        for round in 0.. {
            let claim = json!({"max": 3, "wait_seconds": 5, "claim_id": format!("{agent}-{round}")});
            let result =
                |task: &Value| json!({"by": agent, "round": round, "number": task["input_data"]["number"]});
            let results: Vec<Value> = held.iter().map(result).collect();
            let step = async {
                if singly {
                    for (task, result) in held.iter().zip(&results) {
                        caller.complete(agent, task, result).await;
                        self.acknowledged(&text(task, "task_id"), result);
                    }
                    return caller.claim(agent, claim).await;
                }
                // Results do not wait for new work.
                let mut claim = claim;
                claim["wait_seconds"] = json!(if held.is_empty() { 5 } else { 0 });
                let reports: Vec<Value> = held
                    .iter()
                    .zip(&results)
                    .map(|(task, result)| {
                        json!({"task_id": task["task_id"], "attempt": task["attempt"], "status": "COMPLETED",
                               "result_data": result})
                    })
                    .collect();
                let body = json!({"results": reports, "claim": claim});
                let answer = caller.post(&format!("/ains/agents/{agent}/report"), &body).await;
                for (outcome, result) in list(&answer, "results").iter().zip(&results) {
                    assert_eq!(outcome["status"], "COMPLETED", "{outcome}");
                    self.acknowledged(&text(outcome, "task_id"), result);
                }
                list(&answer, "tasks")
            };
            held = tokio::select! {
                tasks = step => tasks,
                _ = done.wait_for(|done| *done >= self.tasks) => return,
            };
            for task in &held {
                let attempt = task["attempt"].as_u64().expect("a number");
                let before = self
                    .ledger()
                    .handed
                    .insert((text(task, "task_id"), attempt), agent.to_owned());
                assert_eq!(before, None, "handed to {agent} too: {task}");
            }
        }
    }

    fn acknowledged(&self, id: &str, outcome: &Value) {
        let before = self.ledger().outcomes.insert(id.to_owned(), outcome.clone());
        assert_eq!(before, None, "{id} has another outcome: {outcome}");
        self.window.add_permits(1);
        self.completed.send_modify(|completed| *completed += 1);
    }
}

/// Every task that is stored, by its id.
async fn everything(caller: &Caller) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    let mut cursor = String::new();
    loop {
        let page = caller.get(&format!("/ains/tasks?limit={PAGE}{cursor}")).await;
        all.extend(
            list(&page, "tasks")
                .into_iter()
                .map(|task| (text(&task, "task_id"), task)),
        );
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

/// Every task was handed out once, and that attempt completed it.
async fn one_attempt_each(caller: &Caller, ids: impl Iterator<Item = String>) {
    let ids: Arc<Mutex<Vec<String>>> = Arc::new(Mutex::new(ids.collect()));
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        let (caller, ids) = (caller.clone(), Arc::clone(&ids));
        let next = move || ids.lock().unwrap_or_else(PoisonError::into_inner).pop();
        readers.spawn(async move {
            while let Some(id) = next() {
                let answer = caller.get(&format!("/ains/tasks/{id}/attempts")).await;
                let attempts = list(&answer, "attempts");
                let outcomes: Vec<_> = attempts.iter().map(|attempt| &attempt["outcome"]).collect();
                assert_eq!(outcomes, ["completed"], "{id}: {answer}");
            }
        });
    }
    while let Some(read) = readers.join_next().await {
        read.expect("every task has one attempt");
    }
}

/// What was counted is what was done.
async fn figures(caller: &Caller, tasks: usize) {
    let stats = caller.get("/ains/stats").await;
    let counted = ["total", "completed", "pending", "active"].map(|name| stats["tasks"][name].as_u64());
    let done = Some(tasks as u64);
    assert_eq!(counted, [done, done, Some(0), Some(0)], "{stats}");
    let mut completed = 0;
    for number in 0..AGENTS {
        let agent = caller.get(&format!("/ains/agents/agent-{number}")).await;
        assert_eq!(
            (&agent["active_tasks"], &agent["total_tasks_failed"]),
            (&json!(0), &json!(0)),
            "{agent}"
        );
        completed += agent["total_tasks_completed"].as_u64().expect("a number");
    }
    assert_eq!(completed, tasks as u64, "each completion was counted once");
}
