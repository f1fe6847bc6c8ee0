//! What an agent says about a task that it holds (semantics §1.2, §1.3).

use std::time::Duration;

use super::{Event, IllegalTransition, Status, Task, TimeoutPolicy, is_retryable};
use crate::effect::{Effect, Outcome};
use crate::event::EventType;
use crate::ids::{AgentId, TaskId};
use crate::time::Timestamp;
use crate::trust::{FAILURE_DELTA, QUICK, TrustEvent, completion_delta, is_quick};

/// One report of an agent.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The task it is about.
    pub task: TaskId,
    /// Who reports.
    pub agent: AgentId,
    /// The attempt it is about; the current one if it is not named.
    pub attempt: Option<u32>,
    /// What is reported.
    pub kind: ReportKind,
}

/// What an agent can report.
#[derive(Debug, Clone, PartialEq)]
pub enum ReportKind {
    /// It begins.
    Start,
    /// It still works.
    Progress,
    /// It is done.
    Complete,
    /// It could not do it.
    Fail(Failure),
    /// It gives the task back.
    Release,
}

/// Why an attempt failed, and what the agent advises.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Failure {
    /// The message.
    pub message: String,
    /// Whether another attempt makes sense; by the message if not said.
    pub retryable: Option<bool>,
    /// The least delay before the next attempt.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// Whether another attempt makes sense: as the agent says, or by the words of the message.
    fn may_be_retried(&self) -> bool {
        self.retryable.unwrap_or_else(|| is_retryable(&self.message))
    }
}

/// Why a report is refused. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The agent does not hold this attempt (any more).
    #[error("the lease is lost: the task is {status}, its current attempt is {attempt}")]
    LeaseLost {
        /// The state of the task.
        status: Status,
        /// The number of its latest attempt.
        attempt: u32,
        /// Whether the task is, or was last, this agent's.
        own: bool,
    },
    /// The agent holds it, but that cannot happen now.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
}

impl Task {
    /// Applies an agent's report. `chance` in -1.0..=1.0 is the jitter of a retry's delay.
    ///
    /// Start and complete may be repeated: the same one again changes nothing. Whether a failure
    /// was reported before is for whoever keeps the record of attempts to say.
    ///
    /// # Errors
    /// When the agent does not hold the attempt, or the event does not fit the state.
    pub fn apply(&mut self, report: &Report, chance: f64, now: Timestamp) -> Result<Vec<Effect>, Refusal> {
        if self.repeats(report) {
            return Ok(Vec::new());
        }
        let own = self.agent.as_ref() == Some(&report.agent);
        if !own || !self.status.is_leased() || report.attempt.is_some_and(|attempt| attempt != self.attempt) {
            return Err(Refusal::LeaseLost {
                status: self.status,
                attempt: self.attempt,
                own,
            });
        }
        match &report.kind {
            ReportKind::Start => {
                self.begin(now)?;
                Ok(Vec::new())
            }
            ReportKind::Progress => {
                if self.status != Status::Active {
                    return Err(IllegalTransition {
                        from: self.status,
                        event: Event::Started,
                    }
                    .into());
                }
                self.lease_expires_at = Some(self.lease_end(now));
                self.updated_at = now;
                self.note(EventType::TaskProgress);
                Ok(Vec::new())
            }
            ReportKind::Complete => Ok(self.complete(report.agent.clone(), now)?),
            ReportKind::Fail(failure) => {
                let mut effects = self.close_attempt(Outcome::Failed, Some(&failure.message), now);
                effects.extend(self.end_attempt_badly(TrustEvent::Failed, failure, chance, now)?);
                Ok(effects)
            }
            ReportKind::Release => {
                let effects = self.close_attempt(Outcome::Released, None, now);
                self.requeue(now)?;
                Ok(effects)
            }
        }
    }

    /// Whether `failure` would end the task, rather than be tried again.
    pub fn is_final(&self, failure: &Failure) -> bool {
        !failure.may_be_retried() || self.retry_count >= self.max_retries
    }

    /// Whether `report` says again what has already been recorded.
    fn repeats(&self, report: &Report) -> bool {
        let said = match report.kind {
            ReportKind::Start => Status::Active,
            ReportKind::Complete => Status::Completed,
            // A failure may have been the server's own verdict; the record of attempts tells.
            ReportKind::Fail(_) | ReportKind::Progress | ReportKind::Release => return false,
        };
        self.status == said
            && self.agent.as_ref() == Some(&report.agent)
            && report.attempt.is_none_or(|attempt| attempt == self.attempt)
    }

    fn complete(&mut self, agent: AgentId, now: Timestamp) -> Result<Vec<Effect>, IllegalTransition> {
        let took = now.since(self.started_at.unwrap_or(now));
        self.step(Event::Completed, now)?;
        self.error = None;
        self.lost_to.clear();
        let trust = Effect::Trust {
            agent: agent.clone(),
            event: TrustEvent::Completed,
            delta: completion_delta(took, self.timeout),
            took: Some(took),
            reason: is_quick(took, self.timeout).then(|| QUICK.to_owned()),
        };
        Ok(vec![trust, Effect::Free(agent)])
    }

    /// A failed or timed-out attempt: costs trust, and is tried again if that is allowed.
    /// The attempt itself must have been closed.
    pub(super) fn end_attempt_badly(
        &mut self,
        event: TrustEvent,
        failure: &Failure,
        chance: f64,
        now: Timestamp,
    ) -> Result<Vec<Effect>, IllegalTransition> {
        let Some(agent) = self.agent.clone() else {
            return Ok(Vec::new());
        };
        let mut effects = vec![Effect::Trust {
            agent,
            event,
            delta: FAILURE_DELTA,
            took: None,
            reason: Some(failure.message.clone()),
        }];
        self.lost_to.clear();
        let allowed = match event {
            TrustEvent::TimedOut => self.timeout_policy == TimeoutPolicy::Retry,
            _ => failure.may_be_retried(),
        };
        if allowed && self.retry_count < self.max_retries {
            self.requeue(now)?;
            self.wait_for_retry(chance, failure.retry_after, now);
            effects.push(Effect::Retry);
        } else {
            self.step(Event::Failed, now)?;
        }
        self.error = Some(failure.message.clone());
        Ok(effects)
    }
}
