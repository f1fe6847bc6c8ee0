//! How far the workflow is: the handlers say which tasks they have done, so nobody has to ask the server.

use std::collections::HashSet;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::watch;

/// Counts tasks that are done.
pub(crate) struct Progress {
    tasks: usize,
    /// A set, because a second attempt at a task is no progress.
    done: watch::Sender<HashSet<String>>,
    /// Drawn on standard error, and only on a terminal.
    bar: ProgressBar,
}

impl Progress {
    pub(crate) fn new(tasks: usize) -> Self {
        let style = ProgressStyle::with_template("{bar:40} {pos} of {len} tasks, {elapsed}");
        let bar = ProgressBar::new(tasks as u64).with_style(style.expect("the template is sound"));
        Self {
            tasks,
            done: watch::Sender::default(),
            bar,
        }
    }

    /// A handler is done with a task.
    pub(crate) fn done(&self, task_id: &str) {
        if self.done.send_if_modified(|done| done.insert(task_id.to_owned())) {
            self.bar.inc(1);
        }
    }

    /// Waits until all are done; whether they are, or none was for as long as `patience`.
    pub(crate) async fn finished(&self, patience: Duration) -> bool {
        let mut changes = self.done.subscribe();
        while changes.borrow_and_update().len() < self.tasks {
            if tokio::time::timeout(patience, changes.changed()).await.is_err() {
                return false;
            }
        }
        true
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn a_second_attempt_is_no_progress() {
        let progress = Progress::new(2);
        progress.done("a");
        progress.done("a");
        assert!(!progress.finished(PATIENCE).await);
        progress.done("b");
        assert!(progress.finished(PATIENCE).await);
    }
}
