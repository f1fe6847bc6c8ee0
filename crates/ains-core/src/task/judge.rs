//! What the clock says about a task (semantics §1.2, §1.4).

use std::time::Duration;

use super::{Event, Failure, Gate, IllegalTransition, Status, Task, limits};
use crate::effect::{Effect, Outcome};
use crate::time::Timestamp;
use crate::trust::{FAILURE_DELTA, TrustEvent};

/// What has run out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Its agent never began.
    NotStarted,
    /// The attempt takes too long.
    TimedOut,
    /// Its agent fell silent.
    LeaseLost,
    /// Nobody wants it after this.
    Expired,
    /// The instant it waited for has come.
    Due,
}

impl Task {
    /// What the clock alone says at `now`, if anything.
    pub fn verdict(&self, now: Timestamp) -> Option<Verdict> {
        let passed = |instant: Option<Timestamp>| instant.is_some_and(|at| at <= now);
        match self.status {
            status if status.is_terminal() => None,
            _ if passed(self.expires_at) => Some(Verdict::Expired),
            Status::Assigned if passed(self.lease_expires_at) => Some(Verdict::NotStarted),
            Status::Active if passed(self.started_at.map(|at| at + self.timeout)) => Some(Verdict::TimedOut),
            Status::Active if passed(self.lease_expires_at) => Some(Verdict::LeaseLost),
            Status::Pending if self.gate == Some(Gate::NotDue) && passed(self.due_at) => Some(Verdict::Due),
            _ => None,
        }
    }

    /// Carries out `verdict`. `chance` in -1.0..=1.0 is the jitter of a retry's delay.
    ///
    /// # Errors
    /// When the verdict does not fit the state.
    pub fn judge(
        &mut self,
        verdict: Verdict,
        chance: f64,
        now: Timestamp,
    ) -> Result<Vec<Effect>, IllegalTransition> {
        match verdict {
            Verdict::NotStarted => {
                let mut effects = self.close_attempt(Outcome::NotStarted, None, now);
                effects.extend(self.agent.clone().map(Effect::Unresponsive));
                self.requeue(now)?;
                Ok(effects)
            }
            Verdict::TimedOut => {
                let failure = Failure {
                    message: format!(
                        "attempt {} timed out after {} s",
                        self.attempt,
                        self.timeout.as_secs()
                    ),
                    ..Failure::default()
                };
                let mut effects = self.close_attempt(Outcome::TimedOut, Some(&failure.message), now);
                effects.extend(self.stop());
                effects.extend(self.end_attempt_badly(TrustEvent::TimedOut, &failure, chance, now)?);
                Ok(effects)
            }
            Verdict::LeaseLost => self.lose_lease(now),
            Verdict::Expired => {
                let mut effects = self.close_attempt(Outcome::Cancelled, Some("expired"), now);
                effects.extend(self.stop());
                self.step(Event::Failed, now)?;
                self.error = Some("expired".to_owned());
                Ok(effects)
            }
            Verdict::Due => {
                self.gate = Some(Gate::Ready);
                self.gate_since = Some(now);
                self.due_at = None;
                self.updated_at = now;
                Ok(Vec::new())
            }
        }
    }

    /// The agent is gone: requeued without using a retry, until three agents in a row were lost.
    fn lose_lease(&mut self, now: Timestamp) -> Result<Vec<Effect>, IllegalTransition> {
        let mut effects = self.close_attempt(Outcome::LeaseLost, None, now);
        if let Some(agent) = self.agent.clone() {
            let event = TrustEvent::LeaseLost;
            effects.push(Effect::Trust {
                agent: agent.clone(),
                event,
                delta: FAILURE_DELTA,
                took: None,
                reason: Some(format!("attempt {} was lost", self.attempt)),
            });
            self.lost_to.push(agent);
        }
        effects.extend(self.stop());
        if self.lost_to.len() < limits::POISON_AFTER {
            self.requeue(now)?;
        } else {
            self.step(Event::Failed, now)?;
            let agents: Vec<&str> = self.lost_to.iter().map(AsRef::as_ref).collect();
            self.error = Some(format!("poison: lost with {}", agents.join(", ")));
        }
        Ok(effects)
    }

    /// Tells the agent that holds it to stop.
    pub(super) fn stop(&self) -> Option<Effect> {
        let agent = self.agent.clone().filter(|_| self.status == Status::Active)?;
        Some(Effect::Stop { agent, task: self.id })
    }

    /// Uses one retry and waits for its delay.
    pub(super) fn wait_for_retry(&mut self, chance: f64, named: Option<Duration>, now: Timestamp) {
        self.retry_count += 1;
        self.gate = Some(Gate::NotDue);
        self.due_at = Some(now + self.retry_policy.delay_with(self.retry_count, chance, named));
    }
}
