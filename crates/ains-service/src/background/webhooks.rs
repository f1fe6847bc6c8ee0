//! The sender of webhooks: sleeps until a delivery is due or it is told of one, then makes the attempts.
//!
//! What is due is claimed for a time, and that is committed, before anything is sent: a server that is killed leaves
//! leases that run out, after which another attempt is made, by whichever server. Each webhook with something due is
//! worked on by itself, so a target that does not answer holds up nobody else: at most [`AT_ONCE`] attempts are made on
//! one target at the same time, one if it does not answer, and [`IN_ALL`] on all, half of them on targets that do not
//! answer.

mod results;
mod targets;
mod worker;

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ains_core::{Timestamp, WebhookId};
use ains_store::deliveries;
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::{JoinHandle, JoinSet};

use self::results::Ended;
use self::targets::Targets;
use crate::ains::Ains;
use crate::deliver::Deliver;
use crate::error::Error;

/// Attempts on one target at the same time.
const AT_ONCE: usize = 4;

/// Attempts at the same time.
const IN_ALL: usize = 64;

/// Webhooks that are worked on at the same time; each holds a few deliveries in memory.
const WORKERS: usize = 256;

/// Claims at the same time: they are short, and not to take the database from everybody else.
const CLAIMS: usize = 4;

/// How often the database is looked at where other servers may have inserted something.
const RECHECK: Duration = Duration::from_secs(1);

/// How long the sender goes by what it knows where there is no other server.
const LONGEST_WITHOUT_LOOK: Duration = Duration::from_mins(1);

/// Pause after the database failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Webhooks that are asked for at once.
const PAGE: i64 = 1000;

/// What the workers share.
struct Sender {
    ains: Ains,
    deliver: Arc<dyn Deliver>,
    in_all: Semaphore,
    /// Places of those for targets that do not answer: the rest is for those that do.
    silent: Semaphore,
    claims: Semaphore,
    targets: Targets,
    /// The webhooks that are worked on, and how their workers are told of more.
    busy: Mutex<HashMap<WebhookId, Arc<Notify>>>,
    ended: mpsc::Sender<Ended>,
}

/// Starts it; nothing without somebody to call webhooks.
pub(super) fn start(ains: &Ains) -> Vec<JoinHandle<()>> {
    let Some(deliver) = ains.inner.machine.settings.deliver.clone() else {
        return Vec::new();
    };
    let (ended, results) = mpsc::channel(IN_ALL * 4);
    let sender = Arc::new(Sender {
        ains: ains.clone(),
        deliver,
        in_all: Semaphore::new(IN_ALL),
        silent: Semaphore::new(IN_ALL / 2),
        claims: Semaphore::new(CLAIMS),
        targets: Targets::default(),
        busy: Mutex::default(),
        ended,
    });
    vec![
        tokio::spawn(run(sender)),
        tokio::spawn(results::write(ains.clone(), results)),
    ]
}

async fn run(sender: Arc<Sender>) {
    let ains = &sender.ains;
    let mut stopping = ains.inner.stopping.subscribe();
    let mut workers = JoinSet::new();
    let mut looked_at = ains.now();
    let mut next = Some(looked_at);
    // The first webhook of the next look, so that all get their turn when there are more than workers.
    let mut turn = None;
    loop {
        let sleep = next.map_or(RECHECK, |at| at.since(ains.now()).min(RECHECK));
        let woken = tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => break,
            () = ains.inner.machine.webhooks.notified() => true,
            Some(_) = workers.join_next() => true,
            () = tokio::time::sleep(sleep) => false,
        };
        let now = ains.now();
        let alone = !ains.inner.machine.has_peers.load(Ordering::Relaxed);
        // The clock may have gone back meanwhile.
        let fresh = alone && looked_at <= now && now.since(looked_at) < LONGEST_WITHOUT_LOOK;
        if !woken && fresh && next.is_none_or(|at| at > now) {
            continue;
        }
        looked_at = now;
        next = match look(&sender, &mut workers, &mut turn, now).await {
            Ok(next) => next,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the sender of webhooks could not look");
                Some(now + PAUSE)
            }
        };
    }
    // They finish what they have sent, and give back the rest.
    while workers.join_next().await.is_some() {}
}

/// Starts a worker for each webhook with something due, or tells the one it has; when the next is due of the others.
async fn look(
    sender: &Arc<Sender>,
    workers: &mut JoinSet<()>,
    turn: &mut Option<WebhookId>,
    now: Timestamp,
) -> Result<Option<Timestamp>, Error> {
    let mut waiting = waiting(&sender.ains).await?;
    let first = waiting.partition_point(|(id, _)| Some(*id) <= *turn);
    waiting.rotate_left(first);
    let mut next = None;
    for (id, at) in waiting {
        if at > now {
            next = Some(next.map_or(at, |next: Timestamp| next.min(at)));
            continue;
        }
        let mut busy = sender.busy.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(worker) = busy.get(&id) {
            worker.notify_one();
        } else if workers.len() < WORKERS {
            let more = Arc::new(Notify::new());
            busy.insert(id, Arc::clone(&more));
            workers.spawn(worker::work(Arc::clone(sender), id, more));
            *turn = Some(id);
        }
    }
    Ok(next)
}

async fn waiting(ains: &Ains) -> Result<Vec<(WebhookId, Timestamp)>, Error> {
    let mut all: Vec<(WebhookId, Timestamp)> = Vec::new();
    loop {
        let after = all.last().map(|(id, _)| *id);
        let page = ains
            .read(move |conn| deliveries::waiting(conn, after, PAGE))
            .await?;
        let more = page.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX);
        all.extend(page);
        if !more {
            return Ok(all);
        }
    }
}
