//! Followers: each hears what happens to the tasks of one client, and must hear of all of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ains_api::EventQuery;
use ains_client::{Events, Heard};
use anyhow::{Context as _, bail, ensure};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::plan::Plan;

/// Followers at work.
#[derive(Default)]
pub(crate) struct Followers {
    /// Each ends with how many events it has heard.
    at_work: JoinSet<anyhow::Result<usize>>,
}

impl Followers {
    /// Lets `count` followers begin: the first follows the first client, and so on.
    pub(crate) async fn begin(plan: &Arc<Plan>, count: usize, tasks: usize) -> anyhow::Result<Self> {
        let mut followers = Self::default();
        for number in 0..count {
            let clients = plan.client_ids.len();
            let place = number % clients;
            let query = EventQuery {
                client_id: Some(plan.client_ids[place].clone()),
                ..EventQuery::default()
            };
            let events = plan.client(number).follow(query).await;
            let events = events.context("a follower could not begin")?;
            // Tasks go to the clients in turn.
            let expected = tasks / clients + usize::from(place < tasks % clients);
            followers.at_work.spawn(hear(events, expected));
        }
        Ok(followers)
    }

    /// Waits until each has heard everything, for at most `patience` without any of them getting there; how many events
    /// that were.
    pub(crate) async fn end(mut self, patience: Duration) -> anyhow::Result<usize> {
        let mut heard = 0;
        loop {
            let next = timeout(patience, self.at_work.join_next()).await;
            match next.with_context(|| format!("{} followers miss events", self.at_work.len()))? {
                Some(ended) => heard += ended??,
                None => return Ok(heard),
            }
        }
    }
}

/// Hears until `expected` tasks have been completed, each created before and completed once.
async fn hear(mut events: Events, expected: usize) -> anyhow::Result<usize> {
    let mut heard = 0;
    let mut completed: HashMap<String, bool> = HashMap::with_capacity(expected);
    let mut ends = 0;
    while ends < expected {
        let Heard::Event(event) = events.next().await? else {
            bail!("a follower was told that it has missed something");
        };
        heard += 1;
        match &*event.kind {
            "task.created" => {
                ensure!(
                    completed.insert(event.subject, false).is_none(),
                    "{} was created twice",
                    event.id
                );
            }
            "task.completed" => {
                let before = completed.insert(event.subject, true);
                ensure!(before == Some(false), "{} is out of turn", event.id);
                ends += 1;
            }
            _ => {}
        }
    }
    Ok(heard)
}
