//! One webhook with something due: claims, attempts, and what follows.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use ains_core::WebhookId;
use ains_core::webhook::{Attempt, Outcome, Verdict, Webhook};
use ains_store::deliveries::{self, Claim, End, Finished, Taken};
use tokio::sync::{Notify, SemaphorePermit, oneshot};
use tokio::task::JoinSet;

use super::results::Ended;
use super::targets::{Leave, Target};
use super::{AT_ONCE, PAUSE, Sender};
use crate::deliver::LONGEST_ATTEMPT;
use crate::error::Error;

/// How long a delivery is one server's: if that is killed, the next attempt is made then.
const LEASE: Duration = Duration::from_secs(30);

/// Deliveries that a worker holds: those that are being sent, and as many that are sent next.
const HELD: usize = 2 * AT_ONCE;

/// Deliveries that are looked at in one claim, of which those that have to wait are set aside, and not looked at again.
const LOOKED_AT: usize = 64;

/// How long a delivery waits that cannot be signed, before it is tried again.
const HELD_FOR: Duration = Duration::from_mins(1);

/// Deliveries that are cancelled in one transaction.
const PIECE: i64 = 500;

/// How long an attempt that is under way may still take when the server stops.
const GRACE: Duration = Duration::from_secs(3);

/// Makes the attempts that are due of a webhook, until there are no more.
pub(super) async fn work(sender: Arc<Sender>, id: WebhookId, more: Arc<Notify>) {
    let _busy = Busy(&sender, id);
    if let Err(error) = attempts(&sender, id, &more).await {
        if !matches!(error, Error::Stopping) {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(webhook = %id, error, "what is due of a webhook could not be claimed");
        }
        let mut stopping = sender.ains.inner.stopping.subscribe();
        let _ = tokio::time::timeout(PAUSE, stopping.wait_for(|stopping| *stopping)).await;
    }
}

/// Notes that a webhook is worked on no more, whatever happened to its worker.
struct Busy<'a>(&'a Sender, WebhookId);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        let mut busy = self.0.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.remove(&self.1);
    }
}

async fn attempts(sender: &Arc<Sender>, id: WebhookId, more: &Notify) -> Result<(), Error> {
    let mut stopping = sender.ains.inner.stopping.subscribe();
    let mut under_way = JoinSet::new();
    let mut claimed = Ok(());
    loop {
        // One after the other would be a transaction for each.
        while claimed.is_ok() && under_way.len() <= AT_ONCE && !sender.ains.is_stopping() {
            let room = HELD - under_way.len();
            claimed = match claim(sender, id, room).await {
                Ok(claim) if claim.hook.as_ref().is_none_or(|hook| !hook.active) => {
                    cancel(sender, id).await?;
                    break;
                }
                Ok(claim) => {
                    let last = claim.seen < room;
                    start(sender, &mut under_way, claim);
                    if last {
                        break;
                    }
                    Ok(())
                }
                Err(error) => Err(error),
            };
        }
        if under_way.is_empty() {
            return claimed;
        }
        tokio::select! {
            _ = under_way.join_next() => {}
            () = more.notified() => {}
            _ = stopping.wait_for(|stopping| *stopping) => break,
        }
    }
    while under_way.join_next().await.is_some() {}
    claimed
}

/// Claims up to `room`; those that have to wait are set aside in the same transaction.
async fn claim(sender: &Sender, id: WebhookId, room: usize) -> Result<Claim, Error> {
    let _turn = sender.claims.acquire().await;
    let limit = i64::try_from(room).unwrap_or(1);
    let ains = sender.ains.clone();
    sender
        .ains
        .write_alone(move |conn| {
            // The lease counts from here: it may have waited for the writer.
            let now = ains.now();
            let mut claim = deliveries::claim(conn, id, now, now + LEASE, limit)?;
            let mut seen = claim.seen;
            while claim.taken.is_empty() && claim.seen == room && seen < LOOKED_AT {
                claim = deliveries::claim(conn, id, now, now + LEASE, limit)?;
                seen += claim.seen;
            }
            Ok(Ok(claim))
        })
        .await
}

/// Cancels what is left of a webhook that is called no more, in pieces.
async fn cancel(sender: &Sender, id: WebhookId) -> Result<(), Error> {
    loop {
        let now = sender.ains.now();
        let cancelled = sender.ains.write_alone(move |conn| {
            // Others may not claim meanwhile.
            ains_store::webhooks::lock(conn, id)?;
            deliveries::cancel(conn, id, now, PIECE).map(Ok)
        });
        if cancelled.await? == 0 || sender.ains.is_stopping() {
            return Ok(());
        }
    }
}

fn start(sender: &Arc<Sender>, under_way: &mut JoinSet<()>, claim: Claim) {
    let Some(hook) = claim.hook.map(Arc::new) else {
        return;
    };
    let target = sender.targets.get(sender.deliver.target(&hook.url));
    for taken in claim.taken {
        let (sender, hook, target) = (Arc::clone(sender), Arc::clone(&hook), Arc::clone(&target));
        under_way.spawn(async move {
            let (end, gone) = attempt(&sender, &hook, &target, &taken).await;
            let (written, answer) = oneshot::channel();
            let finished = Finished {
                taken,
                end,
                at: sender.ains.now(),
            };
            let ended = Ended {
                finished,
                gone,
                written,
            };
            if sender.ended.send(ended).await.is_ok() {
                let _ = answer.await;
            }
        });
    }
}

/// Waits for leave to make an attempt: of its target, of those that do not answer if it is one, and of all.
async fn leave<'s>(
    sender: &'s Sender,
    target: &Target,
) -> Option<(Leave, Option<SemaphorePermit<'s>>, SemaphorePermit<'s>)> {
    let of_target = target.leave().await?;
    let of_silent = if target.is_silent() {
        Some(sender.silent.acquire().await.ok()?)
    } else {
        None
    };
    Some((of_target, of_silent, sender.in_all.acquire().await.ok()?))
}

/// Makes an attempt, when it is its turn; how it ended, and whether the webhook wants nothing any more.
async fn attempt(sender: &Sender, hook: &Webhook, target: &Target, taken: &Taken) -> (End, bool) {
    let mut stopping = sender.ains.inner.stopping.subscribe();
    let leave = tokio::select! {
        biased;
        _ = stopping.wait_for(|stopping| *stopping) => None,
        leave = leave(sender, target) => leave,
    };
    let now = sender.ains.now();
    // Else it might still be under way when another server takes it.
    if leave.is_none() || now + LONGEST_ATTEMPT > taken.until {
        return (End::GivenBack, false);
    }
    let vault = sender.ains.vault();
    let sealed = hook.secrets_at(now);
    let current = sealed.first().map(|sealed| vault.open(hook.id, sealed));
    let secrets = match current.transpose() {
        // One before a rotation whose key is gone signs no more: whoever still goes by it has to take the new one.
        Ok(current) => {
            let before = sealed.iter().skip(1);
            let before = before.filter_map(|sealed| vault.open(hook.id, sealed).ok());
            current.into_iter().chain(before).collect()
        }
        Err(locked) => {
            tracing::warn!(webhook = %hook.id, delivery = %taken.id, reason = %locked, "a delivery cannot be signed, and waits");
            let (until, error) = (now + HELD_FOR, format!("not sent: {locked}"));
            return (End::Held { until, error }, false);
        }
    };
    let call = sender.deliver.deliver(Attempt {
        url: hook.url.clone(),
        id: taken.id,
        at: now,
        body: taken.body.clone().into(),
        secrets,
    });
    let outcome = tokio::select! {
        outcome = call => outcome,
        () = async {
            let _ = stopping.wait_for(|stopping| *stopping).await;
            tokio::time::sleep(GRACE).await;
        } => return (End::GivenBack, false),
    };
    target.note(!matches!(outcome, Outcome::Failed { code: None, .. }));
    let plan = &sender.ains.inner.machine.settings.webhook_retries;
    let chance = sender.ains.entropy().jitter();
    match plan.after(taken.attempt, outcome, sender.ains.now(), chance) {
        Verdict::Delivered { code } => (End::Delivered { code }, false),
        Verdict::Again { at, code, error } => (End::Again { at, code, error }, false),
        Verdict::Dead { code, error } => (End::Dead { code, error }, false),
        Verdict::Gone => {
            let error = "answered with 410: the webhook is called no more".to_owned();
            (End::Cancelled { code: 410, error }, true)
        }
    }
}
