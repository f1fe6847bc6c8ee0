//! How a worker ends: it drains, drops what takes too long, gives back, and says goodbye.

use std::sync::Arc;

use ains_api::{ClaimRequest, ReleaseReport};
use futures_util::FutureExt as _;
use tokio::time::Instant;

use super::{GOODBYE, Phase, Run};
use crate::{Error, Retry};

impl Run {
    pub(super) fn give_back(&mut self, task_id: String, attempt: u32) {
        let (client, agent_id) = (self.client.clone(), self.agent_id.to_string());
        self.releases.spawn(async move {
            let release = ReleaseReport {
                agent_id,
                attempt: Some(attempt.into()),
            };
            match client.release(&task_id, &release).await {
                Ok(_) => true,
                Err(error) => {
                    tracing::warn!(task_id, %error, "could not give a task back");
                    false
                }
            }
        });
    }

    /// Something went wrong that no patience cures.
    pub(super) fn give_up(&mut self, error: Error) {
        tracing::error!(agent_id = &*self.agent_id, %error, "stopping");
        self.fault.get_or_insert(error);
        if self.phase == Phase::Working {
            self.stop();
        }
    }

    /// Begins the shutdown; asked for a second time, does not wait for the handlers any longer.
    pub(super) fn stop(&mut self) {
        match self.phase {
            Phase::Working => {
                tracing::info!(
                    agent_id = &*self.agent_id,
                    running = self.running.len(),
                    "draining"
                );
                self.phase = Phase::Draining(Instant::now() + self.drain);
                self.registering = None;
                let (client, agent_id) = (self.client.clone(), Arc::clone(&self.agent_id));
                self.draining = Some(async move { client.drain_agent(&agent_id).await }.boxed());
            }
            Phase::Draining(_) => self.leave(),
            Phase::Leaving(_) => {}
        }
    }

    /// The claim that still waits will get nothing new. Repeated without waiting, it tells what it got before.
    pub(super) fn collect_claim(&mut self) {
        if let Some(claim) = self.claim.take() {
            self.send_claim(ClaimRequest {
                wait_seconds: Some(0),
                ..claim.request
            });
        }
    }

    /// Drops the handlers; their tasks are given back.
    pub(super) fn leave(&mut self) {
        self.phase = Phase::Leaving(Instant::now() + GOODBYE);
        for running in self.running.values_mut() {
            running.release = true;
            running.cancel.cancel();
        }
    }

    /// The last heartbeat, so that the server need not find out by silence.
    pub(super) fn goodbye(&self) -> impl Future<Output = ()> + Send + use<> {
        let client = self.client.clone().with_retry(Retry::NEVER);
        let (agent_id, heartbeat) = (Arc::clone(&self.agent_id), self.heartbeat("OFFLINE"));
        async move {
            let told = tokio::time::timeout(GOODBYE, client.heartbeat(&agent_id, &heartbeat)).await;
            if !matches!(told, Ok(Ok(_))) {
                tracing::debug!(agent_id = &*agent_id, "could not say goodbye");
            }
        }
    }
}
