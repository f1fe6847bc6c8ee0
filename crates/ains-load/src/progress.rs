//! Counts completions while a run goes on, and tells everyone when the last one is in.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// How many of the measured tasks are done.
pub(crate) struct Progress {
    target: usize,
    done: AtomicUsize,
    ended: OnceLock<Instant>,
    end: watch::Sender<bool>,
}

impl Progress {
    pub(crate) fn new(target: usize) -> Self {
        Self {
            target,
            done: AtomicUsize::new(0),
            ended: OnceLock::new(),
            end: watch::Sender::new(false),
        }
    }

    /// So many more are done.
    pub(crate) fn add(&self, count: usize) {
        if self.done.fetch_add(count, Ordering::Relaxed) + count >= self.target {
            self.ended.get_or_init(Instant::now);
            self.end.send_replace(true);
        }
    }

    /// Waits until all are done.
    ///
    /// # Errors
    ///
    /// If nothing was done for as long as `patience`.
    pub(crate) async fn guard(&self, patience: Duration) -> anyhow::Result<()> {
        let mut done = 0;
        loop {
            tokio::select! {
                _ = self.end() => return Ok(()),
                () = tokio::time::sleep(patience) => {}
            }
            let now = self.done.load(Ordering::Relaxed);
            let (target, seconds) = (self.target, patience.as_secs());
            anyhow::ensure!(
                now > done,
                "{now} of {target} tasks are completed, and no more for {seconds} seconds"
            );
            done = now;
        }
    }

    /// Waits until all are done; when that was.
    pub(crate) async fn end(&self) -> Instant {
        let mut end = self.end.subscribe();
        end.wait_for(|ended| *ended)
            .await
            .expect("the sender is held here");
        *self.ended.get().expect("set before it is told")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_run_that_stands_still_is_ended() {
        let progress = Progress::new(2);
        progress.add(1);
        let error = progress
            .guard(Duration::from_mins(1))
            .await
            .expect_err("one is missing");
        assert_eq!(
            error.to_string(),
            "1 of 2 tasks are completed, and no more for 60 seconds"
        );
        progress.add(1);
        progress
            .guard(Duration::from_mins(1))
            .await
            .expect("all are done");
    }
}
