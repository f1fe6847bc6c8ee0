//! How far the demo is: a bar on a terminal, else a line every now and then.

use std::io::{self, IsTerminal as _};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::bail;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::watch;
use tokio::time::Instant;

use super::kinds::Kind;
use crate::screen;

/// Between two lines where there is no bar.
const INTERVAL: Duration = Duration::from_secs(2);

/// Failures that are told one by one; the rest is counted.
const TOLD: usize = 6;

/// Counts what the agents do.
pub(super) struct Progress {
    tasks: usize,
    now: watch::Sender<Now>,
    bar: Option<ProgressBar>,
    /// When the last line was printed.
    told: Mutex<Instant>,
}

#[derive(Clone, Copy)]
struct Now {
    completed: usize,
    failed: usize,
    /// Of the last completion.
    at: Instant,
}

impl Progress {
    pub(super) fn new(tasks: usize) -> Self {
        let at = Instant::now();
        let bar = io::stdout().is_terminal().then(|| {
            let target = ProgressDrawTarget::stdout();
            let style = ProgressStyle::with_template("{bar:40} {pos} of {len} tasks, {elapsed}{msg}");
            ProgressBar::with_draw_target(Some(tasks as u64), target)
                .with_style(style.expect("the template is sound"))
        });
        Self {
            tasks,
            now: watch::Sender::new(Now {
                completed: 0,
                failed: 0,
                at,
            }),
            bar,
            told: Mutex::new(at),
        }
    }

    pub(super) fn tasks(&self) -> usize {
        self.tasks
    }

    /// An agent is done with a task.
    pub(super) fn completed(&self) {
        self.now.send_modify(|now| {
            now.completed += 1;
            now.at = Instant::now();
        });
        if let Some(bar) = &self.bar {
            bar.inc(1);
            return;
        }
        let mut told = self
            .told
            .lock()
            .expect("nothing panics while it looks at the time");
        if told.elapsed() >= INTERVAL && !self.is_finished() {
            *told = Instant::now();
            let now = *self.now.borrow();
            screen::line(format_args!(
                "  {} of {} tasks, {} failed attempts",
                now.completed, self.tasks, now.failed
            ));
        }
    }

    /// An agent failed on purpose.
    pub(super) fn failed(&self, agent: &str, kind: Kind, path: &str, attempt: u32) {
        let mut failed = 0;
        self.now.send_modify(|now| {
            now.failed += 1;
            failed = now.failed;
        });
        if let Some(bar) = &self.bar {
            bar.set_message(format!(", {failed} failed attempts"));
        }
        if self.is_finished() {
            return;
        }
        if failed <= TOLD {
            self.tell(&format!(
                "  {agent} failed {} of {path} on purpose, attempt {attempt}: it will be tried again",
                kind.name()
            ));
        } else if failed == TOLD + 1 {
            self.tell("  … further failures are only counted");
        }
    }

    /// Prints a line above the bar.
    fn tell(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| screen::line(text)),
            None => screen::line(text),
        }
    }

    fn is_finished(&self) -> bool {
        self.now.borrow().completed >= self.tasks
    }

    /// Waits until as many tasks were done as there are.
    ///
    /// # Errors
    /// When none was for as long as `patience`.
    pub(super) async fn finished(&self, patience: Duration) -> anyhow::Result<()> {
        let mut changes = self.now.subscribe();
        while !self.is_finished() {
            if tokio::time::timeout(patience, changes.changed()).await.is_err() {
                bail!(
                    "the demo stands still: {} of {} tasks were completed, and none in the last {patience:?}",
                    self.now.borrow().completed,
                    self.tasks
                );
            }
        }
        Ok(())
    }

    /// Whether no task was done for so long.
    pub(super) fn idle_for(&self, time: Duration) -> bool {
        self.now.borrow().at.elapsed() >= time
    }

    /// Removes the bar.
    pub(super) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
