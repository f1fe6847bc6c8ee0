//! What happens to a task while it is worked on in memory.

use super::EventType;
use crate::ids::AgentId;
use crate::task::Status;
use crate::time::Timestamp;

/// What happened to a task since it was loaded, oldest first.
///
/// It is no part of what a task is: two tasks are equal whatever led there. A decision that is made on a copy and
/// given up is forgotten with the copy.
#[derive(Debug, Clone, Default)]
pub struct Log(Vec<Entry>);

/// One thing that happened to a task.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What.
    pub kind: EventType,
    /// When.
    pub at: Timestamp,
    /// Its state from then on.
    pub status: Status,
    /// The number of the attempt that it belongs to; 0 before the first.
    pub attempt: u32,
    /// Who had it in hands.
    pub agent: Option<AgentId>,
}

impl Log {
    /// Notes what happened.
    pub(crate) fn note(&mut self, entry: Entry) {
        self.0.push(entry);
    }

    /// Takes what was noted, and forgets it.
    pub fn take(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.0)
    }
}

impl PartialEq for Log {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
