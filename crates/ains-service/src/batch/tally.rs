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

/// A task went from one (status, priority) to another; from nothing if it is new.
pub(super) fn moved(after: &mut After, from: Option<(Status, u8)>, to: (Status, u8)) {
    if from == Some(to) {
        return;
    }
    let mut count = |(status, priority): (Status, u8), delta| {
        after.count(&format!("tasks.{status}"), delta);
        if status == Status::Pending {
            after.count(&format!("pending.{priority}"), delta);
        }
    };
    if let Some(from) = from {
        count(from, -1);
    }
    count(to, 1);
}

/// A task was submitted.
pub(super) fn submitted(after: &mut After, now: Timestamp) {
    after.count("tasks", 1);
    *after
        .deltas
        .entry(("submitted".to_owned(), minute(now)))
        .or_default() += 1;
}

/// A task was completed.
pub(super) fn completed(after: &mut After, task: &Task, now: Timestamp) {
    let took = now.since(task.started_at.unwrap_or(now)).as_micros();
    *after
        .deltas
        .entry(("completed".to_owned(), minute(now)))
        .or_default() += 1;
    *after
        .deltas
        .entry(("completion_micros".to_owned(), minute(now)))
        .or_default() += i64::try_from(took).unwrap_or(i64::MAX);
}
