//! What became of attempts, written down: many in one write.

use std::collections::BTreeSet;
use std::time::Duration;

use ains_core::WebhookId;
use ains_store::deliveries::{self, End, Finished};
use ains_store::{Conn, StoreError, webhooks};
use tokio::sync::{mpsc, oneshot};

use crate::ains::Ains;
use crate::error::Error;
use crate::metrics::DeliveryOutcome;

/// Results that one write takes.
const MOST: usize = 256;

/// How often a write is tried; then the leases run out, and the attempts are made again.
const TRIES: u32 = 10;

/// Pause between two tries.
const PAUSE: Duration = Duration::from_millis(200);

/// An attempt that is over, and how its worker learns that that is written down.
pub(super) struct Ended {
    pub(super) finished: Finished,
    /// Whether the webhook is called no more.
    pub(super) gone: bool,
    pub(super) written: oneshot::Sender<()>,
}

/// Writes down what comes, until nobody sends any more.
pub(super) async fn write(ains: Ains, mut results: mpsc::Receiver<Ended>) {
    let mut ended = Vec::new();
    while results.recv_many(&mut ended, MOST).await > 0 {
        let gone: BTreeSet<WebhookId> = ended
            .iter()
            .filter(|one| one.gone)
            .map(|one| one.finished.taken.webhook)
            .collect();
        let finished: Vec<Finished> = ended.iter().map(|one| one.finished.clone()).collect();
        store(&ains, finished, gone).await;
        for one in ended.drain(..) {
            let _ = one.written.send(());
        }
        // What waited for these may be due now.
        ains.inner.machine.webhooks.notify_one();
    }
}

async fn store(ains: &Ains, finished: Vec<Finished>, gone: BTreeSet<WebhookId>) {
    let mut tried = 0;
    loop {
        let (results, ending) = (finished.clone(), gone.clone());
        let now = ains.now();
        let written = ains.write_alone(move |conn: &mut Conn| -> Result<Result<(), Error>, StoreError> {
            deliveries::finish(conn, &results)?;
            for id in &ending {
                if let Some(before) = webhooks::lock(conn, *id)?.filter(|hook| hook.active) {
                    let mut after = before.clone();
                    after.deactivate(now);
                    webhooks::save(conn, &before, &after)?;
                }
            }
            Ok(Ok(()))
        });
        tried += 1;
        match written.await {
            Ok(()) => break,
            Err(error) if tried >= TRIES => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(
                    error,
                    "what became of webhooks could not be written, so they are sent again"
                );
                break;
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
    for one in &finished {
        let outcome = match &one.end {
            End::Delivered { .. } => Some(DeliveryOutcome::Succeeded),
            End::Again { .. } => Some(DeliveryOutcome::Failed),
            End::Dead { .. } | End::Cancelled { .. } => Some(DeliveryOutcome::Dead),
            // No attempt was made.
            End::GivenBack | End::Held { .. } => None,
        };
        if let Some(outcome) = outcome {
            ains.metrics().delivered(outcome);
        }
        if let End::Dead { error, .. } = &one.end {
            let (delivery, webhook) = (one.taken.id, one.taken.webhook);
            tracing::warn!(%delivery, %webhook, error, "a delivery to a webhook was given up");
        }
    }
    for webhook in &gone {
        tracing::info!(%webhook, "a webhook is called no more: its receiver answered with 410");
    }
}
