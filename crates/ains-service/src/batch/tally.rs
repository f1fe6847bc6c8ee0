//! Statistics: what a change of state adds to which counter.
//!
//! | counter | meaning |
//! |---|---|
//! | `tasks` | tasks stored |
//! | `tasks.<STATUS>` | tasks in that state |
//! | `pending.<priority>` | PENDING tasks of that priority |
//! | `submitted`, `completed`, `completion_micros` | by minute: how many, and how long they took in all |

use ains_core::{Status, Task, Timestamp};

use super::After;

/// The minute of an instant, since 1970.
pub(crate) fn minute(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(60_000_000)
}

/// The counter of tasks in a state.
pub(crate) fn in_status(status: Status) -> &'static str {
    match status {
        Status::Pending => "tasks.PENDING",
        Status::Assigned => "tasks.ASSIGNED",
        Status::Active => "tasks.ACTIVE",
        Status::Completed => "tasks.COMPLETED",
        Status::Failed => "tasks.FAILED",
        Status::Cancelled => "tasks.CANCELLED",
    }
}

/// The counter of PENDING tasks of a priority.
pub(crate) fn pending_of(priority: u8) -> &'static str {
    const NAMES: [&str; 10] = [
        "pending.1",
        "pending.2",
        "pending.3",
        "pending.4",
        "pending.5",
        "pending.6",
        "pending.7",
        "pending.8",
        "pending.9",
        "pending.10",
    ];
    NAMES[usize::from(priority.clamp(1, 10)) - 1]
}

/// A task went from one (status, priority) to another; from nothing if it is new.
pub(super) fn moved(after: &mut After, from: Option<(Status, u8)>, to: (Status, u8)) {
    if from == Some(to) {
        return;
    }
    let mut count = |(status, priority): (Status, u8), delta| {
        after.count(in_status(status), delta);
        if status == Status::Pending {
            after.count(pending_of(priority), delta);
        }
    };
    if let Some(from) = from {
        count(from, -1);
    }
    count(to, 1);
    if to.0 == Status::Failed && from.is_none_or(|(status, _)| status != Status::Failed) {
        after.counts.failed();
    }
}

/// A task was submitted.
pub(super) fn submitted(after: &mut After, now: Timestamp) {
    after.counts.created();
    after.count("tasks", 1);
    after.count_at("submitted", minute(now), 1);
}

/// A task was completed.
pub(super) fn completed(after: &mut After, task: &Task, now: Timestamp) {
    let took = now.since(task.started_at.unwrap_or(now));
    after.counts.completed(took);
    let took = took.as_micros();
    after.count_at("completed", minute(now), 1);
    after.count_at(
        "completion_micros",
        minute(now),
        i64::try_from(took).unwrap_or(i64::MAX),
    );
}
