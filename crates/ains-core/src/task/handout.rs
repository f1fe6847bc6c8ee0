//! Handing a task to an agent: a new attempt and its lease (semantics §1.2).

use std::time::Duration;

use super::{Event, IllegalTransition, Task};
use crate::event::EventType;
use crate::ids::AgentId;
use crate::time::Timestamp;

impl Task {
    /// Gives the task to `agent`, which must start it within `assignment_timeout`.
    ///
    /// # Errors
    /// When the task is not PENDING.
    pub fn assign(
        &mut self,
        agent: AgentId,
        assignment_timeout: Duration,
        now: Timestamp,
    ) -> Result<(), IllegalTransition> {
        self.step(Event::Assigned, now)?;
        self.agent = Some(agent);
        self.attempt += 1;
        self.assigned_at = Some(self.updated_at);
        self.started_at = None;
        self.lease_expires_at = Some(self.updated_at + assignment_timeout);
        self.note(EventType::TaskAssigned);
        Ok(())
    }

    /// Gives the task to `agent`, which asked for it and so begins at once.
    ///
    /// # Errors
    /// When the task is not PENDING.
    pub fn hand_over(&mut self, agent: AgentId, now: Timestamp) -> Result<(), IllegalTransition> {
        self.assign(agent, Duration::ZERO, now)?;
        self.begin(now)
    }

    /// The agent begins: from here the time-out runs.
    pub(super) fn begin(&mut self, now: Timestamp) -> Result<(), IllegalTransition> {
        self.step(Event::Started, now)?;
        self.started_at = Some(self.updated_at);
        self.lease_expires_at = Some(self.lease_end(self.updated_at));
        Ok(())
    }

    /// When an active attempt that gave a sign at `sign` runs out: at its time-out, or earlier
    /// after too long a silence.
    pub(super) fn lease_end(&self, sign: Timestamp) -> Timestamp {
        let time_out = self.started_at.unwrap_or(sign) + self.timeout;
        self.heartbeat_timeout
            .map_or(time_out, |silence| time_out.min(sign + silence))
    }
}
