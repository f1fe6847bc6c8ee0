//! What the tasks say that a task waits for (semantics §2).

use super::{Event, Gate, IllegalTransition, Status, Task};
use crate::dependency::{Dependency, Ending, NOT_NEEDED, Verdict};
use crate::ids::TaskId;
use crate::time::Timestamp;

/// The dependencies of a task were to be changed that waits no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a task that is {0} waits for nothing any more")]
pub struct NotPending(pub Status);

impl Task {
    /// How it ended, as far as those care that wait for it; `None` if it has not.
    pub fn ending(&self) -> Option<Ending> {
        Some(match self.status {
            Status::Completed => Ending::Completed,
            Status::Failed => Ending::Failed,
            Status::Cancelled if self.error.as_deref() == Some(NOT_NEEDED) => Ending::NotNeeded,
            Status::Cancelled => Ending::Cancelled,
            Status::Pending | Status::Assigned | Status::Active => return None,
        })
    }

    /// Gives a PENDING task `dependencies` of which `unresolved` have not been judged; it is
    /// blocked by those, and by nothing else of its kind.
    ///
    /// # Errors
    /// When it is not PENDING.
    pub fn set_dependencies(
        &mut self,
        dependencies: u32,
        unresolved: u32,
        now: Timestamp,
    ) -> Result<(), NotPending> {
        if self.status != Status::Pending {
            return Err(NotPending(self.status));
        }
        self.dependencies = dependencies;
        self.updated_at = now;
        let was_blocked = self.unresolved > 0;
        self.unresolved = unresolved;
        if was_blocked != (unresolved > 0) {
            self.wait_or_go(now);
        }
        Ok(())
    }

    /// Hears how a dependency ended that had not been judged, and when: not before its end, so that
    /// whatever follows of this task is not either. Returns what that means; `None` if the task does
    /// not wait any more, which leaves the dependency unresolved.
    pub fn dependency_ended(
        &mut self,
        dependency: Dependency,
        ending: Ending,
        at: Timestamp,
    ) -> Option<Verdict> {
        if self.status != Status::Pending || self.unresolved == 0 {
            return None;
        }
        let now = at.max(self.updated_at);
        let verdict = dependency.when.judge(ending);
        self.unresolved -= 1;
        self.updated_at = now;
        let end = match verdict {
            Verdict::Satisfied => {
                if self.unresolved == 0 {
                    self.wait_or_go(now);
                }
                return Some(verdict);
            }
            Verdict::Fails => (Event::Failed, reason(dependency.on, ending)),
            Verdict::NotNeeded => (Event::Cancelled, NOT_NEEDED.to_owned()),
        };
        // A PENDING task can always fail and be cancelled.
        self.step(end.0, now).ok()?;
        self.error = Some(end.1);
        Some(verdict)
    }

    /// Whether it failed because `dependency` ended as FAILED or CANCELLED.
    pub fn failed_because_of(&self, dependency: TaskId) -> bool {
        let because = |ending| self.error.as_deref() == Some(&*reason(dependency, ending));
        // What an agent reports leaves its name; a task that waits has none.
        let by_itself = self.agent.is_some();
        self.status == Status::Failed && !by_itself && (because(Ending::Failed) || because(Ending::Cancelled))
    }

    /// Waits again for `dependencies` that had been judged, and gets a fresh budget of retries: it
    /// failed because of them, and they have got another chance.
    ///
    /// # Errors
    /// When it has not failed.
    pub fn retry_with(
        &mut self,
        dependencies: u32,
        now: Timestamp,
    ) -> Result<Vec<crate::Effect>, IllegalTransition> {
        let effects = self.retry_now(now)?;
        self.unresolved += dependencies;
        self.wait_or_go(now);
        Ok(effects)
    }

    /// Closes or opens the gates of a PENDING task: dependencies, then its instant, then ready. The
    /// instant of a retry that was waited for still counts, as one before which it is not routed.
    pub(super) fn wait_or_go(&mut self, now: Timestamp) {
        self.run_at = self.run_at.max(self.due_at);
        let due_at = self.run_at.filter(|at| *at > now);
        self.queue_key = None;
        self.due_at = None;
        self.gate_since = Some(now);
        self.gate = Some(if self.unresolved > 0 {
            Gate::Blocked
        } else if due_at.is_some() {
            self.due_at = due_at;
            Gate::NotDue
        } else {
            Gate::Ready
        });
    }
}

/// What a task says that failed because of a dependency.
fn reason(dependency: TaskId, ending: Ending) -> String {
    match ending {
        Ending::Cancelled => format!("Dependency task {dependency} was cancelled"),
        _ => format!("Dependency task {dependency} failed"),
    }
}
