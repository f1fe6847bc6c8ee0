//! What a client or an operator changes about a task.

use std::time::Duration;

use super::{Event, IllegalTransition, Status, Task, is_retryable};
use crate::effect::{Effect, Outcome};
use crate::time::Timestamp;

/// Why a FAILED task is not tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotRetryable {
    /// It is in another state.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
    /// It has no retry left, or failed in a way that is not retried.
    #[error("no retry is left, or the error is of a kind that is not retried")]
    Spent,
}

impl Task {
    /// Gives the task up, from any state but a terminal one.
    ///
    /// # Errors
    /// When it has already ended.
    pub fn cancel(&mut self, reason: &str, now: Timestamp) -> Result<Vec<Effect>, IllegalTransition> {
        let mut effects = self.close_attempt(Outcome::Cancelled, Some(reason), now);
        effects.extend(self.stop());
        self.step(Event::Cancelled, now)?;
        self.error = Some(reason.to_owned());
        Ok(effects)
    }

    /// Gives a FAILED task a fresh budget of retries, now (semantics §1.3).
    ///
    /// # Errors
    /// When it has not failed.
    pub fn retry_now(&mut self, now: Timestamp) -> Result<Vec<Effect>, IllegalTransition> {
        self.revive(now)?;
        self.retry_count = 0;
        // A deadline that has passed would fail it again at once.
        self.expires_at = self.expires_at.filter(|at| *at > now);
        Ok(vec![Effect::Retry])
    }

    /// Tries a FAILED task again as one retry more, after its delay (`/aitp`, semantics §1.3).
    ///
    /// # Errors
    /// When it has not failed, has no retry left, or failed in a way that is not retried.
    pub fn retry_later(&mut self, chance: f64, now: Timestamp) -> Result<Vec<Effect>, NotRetryable> {
        self.status.after(Event::Retried)?;
        if self.retry_count >= self.max_retries || !is_retryable(self.error.as_deref().unwrap_or_default()) {
            return Err(NotRetryable::Spent);
        }
        self.revive(now)?;
        self.wait_for_retry(chance, None, now);
        if self.unresolved > 0 {
            self.wait_or_go(now);
        }
        Ok(vec![Effect::Retry])
    }

    fn revive(&mut self, now: Timestamp) -> Result<(), IllegalTransition> {
        self.step(Event::Retried, now)?;
        self.agent = None;
        self.assigned_at = None;
        self.started_at = None;
        self.lost_to.clear();
        self.wait_or_go(now);
        Ok(())
    }

    /// Changes the priority of an unfinished task; a waiting one takes a new position.
    ///
    /// # Errors
    /// When it has already ended.
    pub fn set_priority(&mut self, priority: u8, now: Timestamp) -> Result<(), IllegalTransition> {
        self.unfinished()?;
        self.priority = priority;
        self.queue_key = None;
        self.updated_at = now;
        Ok(())
    }

    /// Changes what an attempt may take, counted from the start of the running one too.
    ///
    /// # Errors
    /// When it has already ended.
    pub fn set_timeout(&mut self, timeout: Duration, now: Timestamp) -> Result<(), IllegalTransition> {
        self.unfinished()?;
        self.timeout = timeout;
        self.updated_at = now;
        if self.status == Status::Active {
            self.lease_expires_at = Some(self.lease_end(now));
        }
        Ok(())
    }

    /// Notes that something about an unfinished task changed that no decision looks into.
    ///
    /// # Errors
    /// When it has already ended.
    pub fn touch(&mut self, now: Timestamp) -> Result<(), IllegalTransition> {
        self.unfinished()?;
        self.updated_at = now;
        Ok(())
    }

    fn unfinished(&self) -> Result<(), IllegalTransition> {
        self.status.after(Event::Cancelled).map(|_| ())
    }
}
