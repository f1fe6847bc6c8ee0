//! Agents that do whatever schedules make, whatever happens to the servers.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::book::CAPABILITY;
use crate::caller::{Caller, text};

/// Agents at work.
#[derive(Debug)]
pub(crate) struct Hands {
    done: Arc<Mutex<BTreeSet<String>>>,
    over: watch::Sender<bool>,
    at_work: JoinSet<()>,
}

impl Hands {
    /// One agent for each caller.
    pub(crate) async fn begin(callers: &[Caller]) -> Self {
        let mut hands = Self {
            done: Arc::default(),
            over: watch::Sender::new(false),
            at_work: JoinSet::new(),
        };
        for (number, caller) in callers.iter().enumerate() {
            let agent = format!("agent-{number}");
            let more = json!({"heartbeat_interval_seconds": 3600, "max_concurrency": 100});
            caller.register(&agent, CAPABILITY, more).await;
            let (caller, done) = (caller.clone(), Arc::clone(&hands.done));
            let mut over = hands.over.subscribe();
            hands.at_work.spawn(async move {
                for round in 0.. {
                    let claim = json!({"max": 20, "wait_seconds": 5, "claim_id": format!("{agent}-{round}")});
                    let held = tokio::select! {
                        held = caller.claim(&agent, claim) => held,
                        _ = over.wait_for(|over| *over) => return,
                    };
                    for task in held {
                        caller.complete(&agent, &task, &json!({"by": agent})).await;
                        let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                        assert!(done.insert(text(&task, "task_id")), "done twice: {task}");
                    }
                }
            });
        }
        hands
    }

    /// Ends the work; the tasks that were done.
    pub(crate) async fn end(mut self) -> BTreeSet<String> {
        self.over.send_replace(true);
        while let Some(ended) = self.at_work.join_next().await {
            ended.expect("agents do not fail");
        }
        std::mem::take(&mut self.done.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
