//! What each answer of the server means for a running worker.

use std::sync::Arc;

use ains_api::{AgentReportAnswer, ClaimAnswer, HeartbeatAnswer};
use futures_util::FutureExt as _;
use tokio::time::Instant;

use super::{Claim, PAUSE, Phase, Pulse, Run};
use crate::Error;

impl Run {
    pub(super) fn claimed(&mut self, claim: Claim, answer: Result<ClaimAnswer, Error>) {
        match answer {
            Ok(answer) => {
                // An empty answer long before its time: the server has a reason, a drain by an operator for instance.
                if answer.tasks.is_empty() && claim.sent.elapsed() < PAUSE {
                    self.not_before = Instant::now() + PAUSE;
                }
                answer.tasks.into_iter().for_each(|task| self.accept(task));
            }
            Err(error) if self.phase != Phase::Working => {
                tracing::warn!(%error, "could not learn what was claimed last");
            }
            Err(error) => match error.status() {
                Some(404) => self.register_again(),
                Some(500..) => {
                    tracing::warn!(%error, "a claim failed");
                    self.not_before = Instant::now() + PAUSE;
                    self.send_claim(claim.request);
                }
                _ => self.give_up(error),
            },
        }
    }

    pub(super) fn reported(&mut self, answer: Result<AgentReportAnswer, Error>) {
        let error = match answer {
            Ok(answer) => return self.recorded(answer),
            Err(error) => error,
        };
        match error.status() {
            Some(404) => {
                self.results.put_back();
                self.register_again();
            }
            Some(500..) => {
                tracing::warn!(%error, "a report failed");
                self.results.put_back();
                self.not_before = Instant::now() + PAUSE;
            }
            Some(400 | 413 | 422) => {
                if let Some(result) = self.results.turned_back(&error.to_string()) {
                    tracing::error!(task_id = result.task_id, %error, "a result was refused");
                    self.summary.refused += 1;
                }
            }
            _ => {
                self.summary.refused += self.results.discard();
                self.give_up(error);
            }
        }
    }

    /// The server has answered each result.
    pub(super) fn recorded(&mut self, answer: AgentReportAnswer) {
        let (taken, refused) = self.results.arrived(&answer);
        for result in taken {
            let count = if result.status == "COMPLETED" {
                &mut self.summary.completed
            } else {
                &mut self.summary.failed
            };
            *count += 1;
        }
        for (result, problem) in refused {
            tracing::warn!(task_id = result.task_id, %problem, "a result was refused");
            if problem.status == 429 || problem.status >= 500 {
                self.not_before = Instant::now() + PAUSE;
                self.results.push(result);
            } else {
                self.summary.refused += 1;
            }
        }
        answer.tasks.into_iter().for_each(|task| self.accept(task));
    }

    pub(super) fn pulsed(&mut self, pulse: &Pulse, answer: Result<HeartbeatAnswer, Error>) {
        match answer {
            Ok(answer) => {
                for task_id in answer.cancelled {
                    // The attempt that runs now may be newer than the one the server speaks of.
                    let spoken_of = pulse.holding.get(&task_id);
                    if let Some(running) = self.running.get(&task_id)
                        && spoken_of == Some(&running.attempt)
                    {
                        running.cancel.cancel();
                    }
                }
            }
            Err(error) if error.status() == Some(404) && self.phase == Phase::Working => {
                self.register_again();
            }
            Err(error) => tracing::warn!(%error, "a heartbeat failed"),
        }
    }

    /// The server does not know the agent (any more).
    pub(super) fn register_again(&mut self) {
        if self.registering.is_none() {
            tracing::warn!(
                agent_id = &*self.agent_id,
                "the agent is not known; registering again"
            );
            let (registration, client) = (Arc::clone(&self.registration), self.registrar.clone());
            let not_before = Instant::now() + PAUSE;
            let answer = async move {
                tokio::time::sleep_until(not_before).await;
                registration.register(&client).await
            };
            self.registering = Some(answer.boxed());
        }
    }
}
