//! Who waits for a task or a chain to end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ains_core::{ChainId, TaskId};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

/// What can end. Its id says which it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Subject {
    Task(TaskId),
    Chain(ChainId),
}

/// What somebody waits for. An entry lives as long as somebody does.
#[derive(Debug, Default)]
pub(crate) struct EndWatch {
    watched: Mutex<HashMap<Subject, (Arc<Notify>, usize)>>,
}

/// Interest in one end; ends when dropped.
#[derive(Debug)]
pub(crate) struct Watching<'a> {
    watch: &'a EndWatch,
    subject: Subject,
    notify: Arc<Notify>,
}

impl EndWatch {
    /// Registers interest; to be done before the subject is read.
    pub(crate) fn watch(&self, subject: Subject) -> Watching<'_> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = watched.entry(subject).or_default();
        entry.1 += 1;
        Watching {
            watch: self,
            subject,
            notify: Arc::clone(&entry.0),
        }
    }

    /// Wakes whoever waits for one of `ended`.
    pub(crate) fn ended<'a>(&self, ended: impl IntoIterator<Item = &'a Subject>) {
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if watched.is_empty() {
            return;
        }
        for subject in ended {
            if let Some((notify, _)) = watched.get(subject) {
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
        if let Some((_, interested)) = watched.get_mut(&self.subject) {
            *interested -= 1;
            if *interested == 0 {
                watched.remove(&self.subject);
            }
        }
    }
}
