//! What came of the demo, as the server tells it.

use std::collections::BTreeMap;
use std::time::Duration;

use ains_client::Client;
use ains_client::api::{Task, TaskFilter};
use anyhow::{Context as _, bail};

use super::kinds::{Digest, Kind, Lines, Words};

/// Tasks a page.
const PAGE: i64 = 200;

/// Tasks that a failure names.
const NAMED: usize = 3;

/// Everything that the tables show.
#[derive(Default)]
pub(super) struct Figures {
    pub(super) took: Duration,
    /// Tasks that have not ended.
    pub(super) unfinished: usize,
    pub(super) completed: usize,
    /// What became of the rest.
    pub(super) others: Vec<String>,
    pub(super) retries: u64,
    /// Tasks that needed any.
    pub(super) retried: usize,
    /// Tasks completed, by agent.
    pub(super) by_agent: BTreeMap<String, u64>,
    /// Microseconds from submission to completion, by kind.
    pub(super) latencies: BTreeMap<&'static str, Vec<u64>>,
    /// What is known of each file.
    pub(super) files: BTreeMap<String, FileFigures>,
}

/// What the three tasks of a file found out.
#[derive(Default)]
pub(super) struct FileFigures {
    pub(super) words: u64,
    pub(super) lines: u64,
    pub(super) language: String,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

impl Figures {
    /// Reads all tasks of the client `owner`.
    pub(super) async fn read(client: &Client, owner: &str) -> anyhow::Result<Self> {
        let mut figures = Self::default();
        let mut filter = TaskFilter {
            client_id: Some(owner.to_owned()),
            limit: Some(PAGE),
            ..TaskFilter::default()
        };
        loop {
            let page = client
                .tasks(&filter)
                .await
                .context("the tasks could not be read")?;
            for task in &page.tasks {
                figures.count(task)?;
            }
            if page.next_cursor.is_none() {
                return Ok(figures);
            }
            filter.cursor = page.next_cursor;
        }
    }

    fn count(&mut self, task: &Task) -> anyhow::Result<()> {
        self.retries += u64::from(task.retry_count);
        self.retried += usize::from(task.retry_count > 0);
        match (&*task.status, task.completed_at) {
            ("COMPLETED", Some(at)) => {
                self.completed += 1;
                let micros = u64::try_from(at.as_micros() - task.created_at.as_micros()).unwrap_or(0);
                self.latencies.entry(kind(task)?.name()).or_default().push(micros);
                *self
                    .by_agent
                    .entry(task.assigned_agent_id.clone().unwrap_or_default())
                    .or_default() += 1;
                self.add_result(task)
                    .with_context(|| format!("the result of {} is not what was sent", task.task_id))
            }
            ("FAILED" | "CANCELLED", _) => {
                let message = task.error_message.as_deref().unwrap_or("no message");
                self.others
                    .push(format!("{} is {}: {message}", task.task_id, task.status));
                Ok(())
            }
            _ => {
                self.unfinished += 1;
                self.others.push(format!("{} is {}", task.task_id, task.status));
                Ok(())
            }
        }
    }

    fn add_result(&mut self, task: &Task) -> anyhow::Result<()> {
        let input: BTreeMap<String, String> = task.input_data.to()?;
        let path = input.get("path").context("its input has no path")?;
        let file = self.files.entry(path.clone()).or_default();
        let result = task.result_data.as_ref().context("it has no result")?;
        match kind(task)? {
            Kind::Words => file.words = result.to::<Words>()?.total,
            Kind::Digest => {
                let digest: Digest = result.to()?;
                (file.sha256, file.bytes) = (digest.sha256, digest.bytes);
            }
            Kind::Lines => {
                let lines: Lines = result.to()?;
                (file.lines, file.language) = (lines.total, lines.language);
            }
        }
        Ok(())
    }

    /// Whether all went well.
    ///
    /// # Errors
    /// When a task is missing, too many, or not COMPLETED.
    pub(super) fn verify(&self, tasks: usize) -> anyhow::Result<()> {
        if self.completed == tasks && self.others.is_empty() {
            return Ok(());
        }
        let named: Vec<_> = self.others.iter().take(NAMED).map(String::as_str).collect();
        bail!(
            "the demo failed: of {tasks} tasks {} are COMPLETED and {} are not ({})",
            self.completed,
            self.others.len(),
            named.join("; ")
        )
    }

    /// Files and lines by language, the most lines first.
    pub(super) fn languages(&self) -> Vec<(&str, usize, u64)> {
        let mut languages: BTreeMap<&str, (usize, u64)> = BTreeMap::new();
        for file in self.files.values() {
            let (files, lines) = languages.entry(&file.language).or_default();
            *files += 1;
            *lines += file.lines;
        }
        let mut languages: Vec<_> = languages
            .into_iter()
            .map(|(language, (files, lines))| (language, files, lines))
            .collect();
        languages.sort_by_key(|(_, _, lines)| std::cmp::Reverse(*lines));
        languages
    }

    /// The files with the most words, the largest first.
    pub(super) fn largest(&self, most: usize) -> Vec<(&str, &FileFigures)> {
        let mut files: Vec<_> = self
            .files
            .iter()
            .map(|(path, file)| (path.as_str(), file))
            .collect();
        files.sort_by_key(|(_, file)| std::cmp::Reverse(file.words));
        files.truncate(most);
        files
    }
}

fn kind(task: &Task) -> anyhow::Result<Kind> {
    Kind::named(&task.task_type).with_context(|| format!("{} is of an unknown kind", task.task_id))
}

/// The value below which `percent` of the sorted values lie, by the nearest rank; 0 if there is none.
pub(super) fn percentile(sorted: &[u64], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occur() {
        let values: Vec<u64> = (1..=200).collect();
        assert_eq!(
            [50, 95, 100].map(|percent| percentile(&values, percent)),
            [100, 190, 200]
        );
        assert_eq!(percentile(&[7], 50), 7);
        assert_eq!(percentile(&[], 50), 0);
    }

    #[test]
    fn a_task_that_is_not_completed_is_named() {
        let figures = Figures {
            completed: 1,
            others: vec!["task_2 is FAILED: broken".to_owned()],
            ..Figures::default()
        };
        let failure = figures.verify(2).unwrap_err().to_string();
        assert_eq!(
            failure,
            "the demo failed: of 2 tasks 1 are COMPLETED and 1 are not (task_2 is FAILED: broken)"
        );
    }
}
