//! Judges a run by what the server recorded, and says so in a table.

use std::fmt;
use std::time::Duration;

use ains_client::api::{Task, Timestamp};

use crate::run::{End, Outcome, Plan};
use crate::wfformat::Workflow;

/// What the makespan may exceed the critical path by: a part of it, and this for each level.
const TARGET: (f64, Duration) = (0.05, Duration::from_millis(50));
/// Faults that are shown one by one.
const SHOWN: usize = 10;

/// A run, judged.
pub(crate) struct Report {
    rows: Vec<(&'static str, String)>,
    faults: Vec<String>,
}

impl Report {
    pub(crate) fn new(plan: &Plan<'_>, outcome: &Outcome) -> Self {
        let workflow = plan.workflow;
        let levels = workflow.levels();
        let depth = u32::try_from(levels.len()).unwrap_or(u32::MAX);
        let widest = levels.iter().max().copied().unwrap_or(0);
        let path = workflow.critical_path(plan.sleeps);
        let mut rows = vec![
            ("tasks", workflow.jobs.len().to_string()),
            ("edges", workflow.edges().to_string()),
            ("depth", format!("{depth} levels, the widest of {widest} tasks")),
            ("agents", plan.agents.to_string()),
            ("submission", seconds(outcome.submission)),
            ("critical path", seconds(path)),
        ];
        let mut faults = match outcome.end {
            End::Done => incomplete(workflow, &outcome.tasks),
            End::StoodStill => {
                let mut faults = vec!["the workflow stood still, and was cancelled".to_owned()];
                faults.extend(incomplete(workflow, &outcome.tasks));
                faults
            }
            End::Stopped => {
                let left = incomplete(workflow, &outcome.tasks).len();
                vec![format!("stopped and cancelled with {left} tasks to do")]
            }
        };
        faults.extend(out_of_order(workflow, &outcome.tasks));
        if let Some(makespan) = makespan(&outcome.tasks) {
            rows.extend(compare(makespan, path, depth));
            rows.extend(delays(plan, &outcome.tasks));
        }
        Self { rows, faults }
    }

    /// Whether everything was done, and in order.
    pub(crate) fn is_good(&self) -> bool {
        self.faults.is_empty()
    }
}

/// How long it took beside how long it takes at best.
fn compare(makespan: Duration, path: Duration, depth: u32) -> Vec<(&'static str, String)> {
    let over = makespan.as_secs_f64() - path.as_secs_f64();
    let most = path.mul_f64(1.0 + TARGET.0) + TARGET.1 * depth;
    let kept = if makespan <= most { "kept" } else { "missed" };
    let mut rows = vec![("makespan", seconds(makespan))];
    if !path.is_zero() {
        let ratio = makespan.as_secs_f64() / path.as_secs_f64();
        rows.push(("ratio", format!("{ratio:.3}")));
    }
    rows.push((
        "overhead",
        format!("{:.1} ms a level", over * 1000.0 / f64::from(depth)),
    ));
    let target = format!("{kept}: at most 5 % and 50 ms a level more, {}", seconds(most));
    rows.push(("target", target));
    rows
}

/// Where the time went that the tasks did not sleep.
fn delays(plan: &Plan<'_>, tasks: &[Option<Task>]) -> [(&'static str, String); 2] {
    let (mut starts, mut ends) = (Vec::new(), Vec::new());
    for ((job, task), sleep) in plan.workflow.jobs.iter().zip(tasks).zip(plan.sleeps) {
        let Some(task) = task else { continue };
        let (Some(started), Some(ended)) = (task.started_at, task.completed_at) else {
            continue;
        };
        let before = job
            .parents
            .iter()
            .filter_map(|&parent| tasks[parent].as_ref()?.completed_at);
        starts.push(since(before.max().unwrap_or(task.created_at), started));
        ends.push(since(started, ended).saturating_sub(*sleep));
    }
    [
        ("ready to start", spread(starts)),
        ("end to record", spread(ends)),
    ]
}

/// The median and the longest.
fn spread(mut lengths: Vec<Duration>) -> String {
    lengths.sort_unstable();
    let median = lengths.get(lengths.len() / 2).copied().unwrap_or_default();
    let longest = lengths.last().copied().unwrap_or_default();
    format!(
        "{:.1} ms, {:.1} ms the longest",
        median.as_secs_f64() * 1000.0,
        longest.as_secs_f64() * 1000.0
    )
}

/// From one instant to another; nothing if they are the other way round.
fn since(from: Timestamp, to: Timestamp) -> Duration {
    Duration::from_micros(u64::try_from(to.as_micros() - from.as_micros()).unwrap_or(0))
}

/// From the submission to the last completion; `None` if not everything was completed.
fn makespan(tasks: &[Option<Task>]) -> Option<Duration> {
    let begin = tasks.iter().flatten().map(|task| task.created_at).min()?;
    let ends = tasks.iter().map(|task| task.as_ref()?.completed_at);
    let end = ends.collect::<Option<Vec<_>>>()?.into_iter().max()?;
    Some(since(begin, end))
}

/// Every task that was not completed.
fn incomplete(workflow: &Workflow, tasks: &[Option<Task>]) -> Vec<String> {
    let mut faults = Vec::new();
    for (job, task) in workflow.jobs.iter().zip(tasks) {
        match task {
            None => faults.push(format!("`{}` is not in the server's list", job.id)),
            Some(task) if task.status != "COMPLETED" => {
                let why = task.error_message.as_ref().or(task.cancel_reason.as_ref());
                let why = why.map(|why| format!(": {why}")).unwrap_or_default();
                faults.push(format!("`{}` is {}{why}", job.id, task.status));
            }
            Some(_) => {}
        }
    }
    faults
}

/// Every edge that was not respected.
fn out_of_order(workflow: &Workflow, tasks: &[Option<Task>]) -> Vec<String> {
    let mut faults = Vec::new();
    for (job, task) in workflow.jobs.iter().zip(tasks) {
        for &parent in &job.parents {
            let started = task.as_ref().and_then(|task| task.started_at);
            let ended = tasks[parent].as_ref().and_then(|task| task.completed_at);
            let about = match (started, ended) {
                (Some(started), Some(ended)) if started < ended => format!(
                    "started {} µs before `{}` had ended",
                    ended.as_micros() - started.as_micros(),
                    workflow.jobs[parent].id
                ),
                (Some(_), None) => format!("started, and `{}` has not ended", workflow.jobs[parent].id),
                _ => continue,
            };
            faults.push(format!("`{}` {about}", job.id));
        }
    }
    faults
}

fn seconds(length: Duration) -> String {
    format!("{:.3} s", length.as_secs_f64())
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.rows {
            writeln!(f, "  {name:<14}  {value}")?;
        }
        if self.is_good() {
            return f.write_str(
                "Every task is COMPLETED, and none was started before those it waits for had ended.",
            );
        }
        for fault in self.faults.iter().take(SHOWN) {
            writeln!(f, "  {fault}")?;
        }
        match self.faults.len().saturating_sub(SHOWN) {
            0 => f.write_str("This did not go well."),
            more => write!(f, "  … and {more} more\nThis did not go well."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wfformat::Job;

    /// Two tasks of which the second waits for the first.
    fn pair() -> Workflow {
        let job = |id: &str, parents: &[usize]| Job {
            id: id.to_owned(),
            seconds: 1.0,
            parents: parents.to_vec(),
        };
        Workflow {
            name: "test".to_owned(),
            jobs: vec![job("a", &[]), job("b", &[0])],
            one_sided: 0,
        }
    }

    fn completed(started: i64, ended: i64) -> Task {
        Task {
            status: "COMPLETED".into(),
            created_at: Timestamp::from_micros(5),
            started_at: Some(Timestamp::from_micros(started)),
            completed_at: Some(Timestamp::from_micros(ended)),
            ..Task::default()
        }
    }

    #[test]
    fn a_child_may_start_at_the_instant_its_parent_ends() {
        let tasks = [completed(10, 20), completed(20, 30)].map(Some);
        assert!(out_of_order(&pair(), &tasks).is_empty());
        assert!(incomplete(&pair(), &tasks).is_empty());
        assert_eq!(makespan(&tasks), Some(Duration::from_micros(25)));
        assert_eq!(makespan(&[tasks[0].clone(), None]), None);
    }

    #[test]
    fn an_edge_that_was_not_respected_is_a_fault() {
        let early = [completed(10, 20), completed(19, 30)].map(Some);
        assert_eq!(
            out_of_order(&pair(), &early),
            ["`b` started 1 µs before `a` had ended"]
        );
        let running = Task {
            completed_at: None,
            ..completed(10, 20)
        };
        assert_eq!(
            out_of_order(&pair(), &[running, completed(20, 30)].map(Some)),
            ["`b` started, and `a` has not ended"]
        );
    }

    #[test]
    fn a_task_that_was_not_completed_is_a_fault() {
        let failed = Task {
            status: "FAILED".into(),
            error_message: Some("no luck".to_owned()),
            ..Task::default()
        };
        assert_eq!(
            incomplete(&pair(), &[Some(failed), None]),
            ["`a` is FAILED: no luck", "`b` is not in the server's list"]
        );
    }
}
