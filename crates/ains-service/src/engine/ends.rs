//! Who waits for a task to end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ains_core::TaskId;
use tokio::sync::Notify;

/// The tasks somebody waits for. An entry lives as long as somebody does.
#[derive(Debug, Default)]
pub(crate) struct EndWatch {
    watched: Mutex<HashMap<TaskId, (Arc<Notify>, usize)>>,
}

/// Interest in the end of one task; ends when dropped.
#[derive(Debug)]
pub(crate) struct Watching<'a> {
    watch: &'a EndWatch,
    task: TaskId,
    notify: Arc<Notify>,
}

impl EndWatch {
    /// Registers interest; to be done before the task is read.
    pub(crate) fn watch(&self, task: TaskId) -> Watching<'_> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = watched.entry(task).or_default();
        entry.1 += 1;
        Watching {
            watch: self,
            task,
            notify: Arc::clone(&entry.0),
        }
    }

    /// Wakes whoever waits for one of `ended`.
    pub(crate) fn ended<'a>(&self, ended: impl IntoIterator<Item = &'a TaskId>) {
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if watched.is_empty() {
            return;
        }
        for task in ended {
            if let Some((notify, _)) = watched.get(task) {
                notify.notify_waiters();
            }
        }
    }

    /// Wakes everybody, to look again.
    pub(crate) fn look_again(&self) {
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.values().for_each(|(notify, _)| notify.notify_waiters());
    }
}

impl Watching<'_> {
    /// Resolves with the next wake-up after this call.
    pub(crate) fn woken(&self) -> tokio::sync::futures::Notified<'_> {
        self.notify.notified()
    }
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        let mut watched = self.watch.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, interested)) = watched.get_mut(&self.task) {
            *interested -= 1;
            if *interested == 0 {
                watched.remove(&self.task);
            }
        }
    }
}
