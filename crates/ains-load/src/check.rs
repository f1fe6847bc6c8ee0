//! Checks that nothing was lost and no outcome recorded twice.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use futures_util::{TryStreamExt as _, stream};

use crate::plan::Plan;

/// Tasks that are read back in one request.
const PAGE: usize = 200;
/// Requests at once.
const READERS: usize = 4;

/// Checks the acknowledgements: each submitted task completed, once, and no other.
pub(crate) fn acknowledged(submitted: &[String], completed: &[String]) -> anyhow::Result<()> {
    let known: HashSet<&str> = submitted.iter().map(String::as_str).collect();
    ensure!(
        known.len() == submitted.len(),
        "the server gave {} tasks ids that others have",
        submitted.len() - known.len()
    );
    let mut seen = HashSet::with_capacity(completed.len());
    for id in completed {
        ensure!(
            known.contains(&**id),
            "{id} was handed out, but was never submitted in this run"
        );
        ensure!(
            seen.insert(&**id),
            "the completion of {id} was acknowledged twice"
        );
    }
    if let Some(lost) = submitted.iter().find(|id| !seen.contains(&***id)) {
        bail!(
            "{} of {} tasks were not acknowledged as completed, {lost} for one",
            known.len() - seen.len(),
            known.len()
        );
    }
    Ok(())
}

/// Reads every task back. All must be there, and in the given status if there is one.
pub(crate) async fn read_back(
    plan: &Arc<Plan>,
    submitted: &[String],
    status: Option<&str>,
) -> anyhow::Result<()> {
    stream::iter(submitted.chunks(PAGE).enumerate().map(anyhow::Ok))
        .try_for_each_concurrent(READERS, |(number, page)| page_is(plan, number, page, status))
        .await
}

async fn page_is(plan: &Plan, number: usize, page: &[String], status: Option<&str>) -> anyhow::Result<()> {
    let answer = plan
        .client(number)
        .aitp_batch_status(page)
        .await
        .context("tasks could not be read back")?;
    let found: HashSet<&str> = answer.tasks.iter().map(|task| &*task.task_id).collect();
    if let Some(lost) = page.iter().find(|id| !found.contains(&***id)) {
        bail!("{lost} was acknowledged when it was submitted, but is not there");
    }
    let wrong = answer
        .tasks
        .iter()
        .find(|task| status.is_some_and(|status| task.status != status));
    match wrong {
        Some(task) => bail!(
            "{} is {}, not {}",
            task.task_id,
            task.status,
            status.unwrap_or_default()
        ),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(all: &[&str]) -> Vec<String> {
        all.iter().map(|&id| id.to_owned()).collect()
    }

    #[test]
    fn each_fault_has_its_sentence() {
        let said = |submitted: &[&str], completed: &[&str]| {
            acknowledged(&ids(submitted), &ids(completed))
                .err()
                .map(|error| error.to_string())
        };
        assert_eq!(said(&["a", "b"], &["b", "a"]), None);
        for (submitted, completed, sentence) in [
            (
                &["a", "b"],
                &["a"][..],
                "1 of 2 tasks were not acknowledged as completed, b for one",
            ),
            (
                &["a", "b"],
                &["a", "b", "a"],
                "the completion of a was acknowledged twice",
            ),
            (
                &["a", "b"],
                &["a", "c"],
                "c was handed out, but was never submitted in this run",
            ),
            (
                &["a", "a"],
                &["a"],
                "the server gave 1 tasks ids that others have",
            ),
        ] {
            assert_eq!(said(submitted, completed).as_deref(), Some(sentence));
        }
    }
}
