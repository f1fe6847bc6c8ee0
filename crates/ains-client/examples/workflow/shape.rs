//! Measures a workflow: how many levels it has, how wide they are, and how long it takes at best.

use std::time::Duration;

use crate::wfformat::Workflow;

impl Workflow {
    /// How many edges there are.
    pub(crate) fn edges(&self) -> usize {
        self.jobs.iter().map(|job| job.parents.len()).sum()
    }

    /// How many tasks each level has. A task is one level below the lowest that it waits for, so there are as many levels
    /// as the longest chain has tasks.
    pub(crate) fn levels(&self) -> Vec<usize> {
        let mut widths = Vec::new();
        let mut levels: Vec<usize> = Vec::with_capacity(self.jobs.len());
        for job in &self.jobs {
            let above = job.parents.iter().map(|&parent| levels[parent] + 1);
            let level = above.max().unwrap_or(0);
            widths.resize(widths.len().max(level + 1), 0);
            widths[level] += 1;
            levels.push(level);
        }
        widths
    }

    /// How long each task sleeps when a recorded second takes `scale` seconds.
    ///
    /// # Errors
    /// When one would sleep for longer than `longest`; its id.
    pub(crate) fn sleeps(&self, scale: f64, longest: Duration) -> Result<Vec<Duration>, &str> {
        let sleep = |seconds: f64| Duration::try_from_secs_f64(seconds * scale).ok();
        self.jobs
            .iter()
            .map(|job| {
                sleep(job.seconds)
                    .filter(|sleep| *sleep <= longest)
                    .ok_or(&*job.id)
            })
            .collect()
    }

    /// The longest way through the workflow when each task takes as long as it sleeps: nothing can be faster.
    pub(crate) fn critical_path(&self, sleeps: &[Duration]) -> Duration {
        let mut ends: Vec<Duration> = Vec::with_capacity(self.jobs.len());
        for (job, sleep) in self.jobs.iter().zip(sleeps) {
            let begin = job.parents.iter().map(|&parent| ends[parent]).max();
            ends.push(begin.unwrap_or_default() + *sleep);
        }
        ends.into_iter().max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wfformat::Job;

    const DAY: Duration = Duration::from_secs(86_400);

    /// A workflow of tasks that ran for so many seconds, each after those at these places.
    fn workflow(jobs: &[(f64, &[usize])]) -> Workflow {
        let job = |(place, (seconds, parents)): (usize, &(f64, &[usize]))| Job {
            id: place.to_string(),
            seconds: *seconds,
            parents: parents.to_vec(),
        };
        Workflow {
            name: "test".to_owned(),
            jobs: jobs.iter().enumerate().map(job).collect(),
            one_sided: 0,
        }
    }

    #[test]
    fn the_critical_path_is_the_longest_and_not_the_deepest() {
        // 0 -> 1 -> 2 takes 4 seconds, 0 -> 3 takes 11.
        let workflow = workflow(&[(1.0, &[]), (1.0, &[0]), (2.0, &[1]), (10.0, &[0]), (0.0, &[])]);
        let sleeps = workflow.sleeps(0.01, DAY).unwrap();
        assert_eq!(workflow.critical_path(&sleeps), Duration::from_millis(110));
        assert_eq!(workflow.levels(), [2, 2, 1]);
        assert_eq!(workflow.edges(), 3);
    }

    #[test]
    fn tasks_that_do_not_wait_take_as_long_as_the_longest() {
        let workflow = workflow(&[(3.0, &[]), (5.0, &[]), (4.0, &[])]);
        let sleeps = workflow.sleeps(1.0, DAY).unwrap();
        assert_eq!(workflow.critical_path(&sleeps), Duration::from_secs(5));
        assert_eq!(workflow.levels(), [3]);
    }

    #[test]
    fn a_task_that_would_sleep_too_long_is_named() {
        let workflow = workflow(&[(1.0, &[]), (90_000.0, &[])]);
        assert_eq!(workflow.sleeps(1.0, DAY), Err("1"));
        assert_eq!(workflow.sleeps(1e300, DAY), Err("0"));
        assert_eq!(workflow.sleeps(0.5, DAY).unwrap()[1], Duration::from_secs(45_000));
    }

    #[test]
    fn the_workflow_that_comes_along_is_fit() {
        let workflow = Workflow::parse(crate::SMALL).unwrap();
        let sleeps = workflow.sleeps(0.01, DAY).unwrap();
        assert_eq!(workflow.jobs.len(), 12);
        assert_eq!(
            (workflow.edges(), workflow.levels(), workflow.one_sided),
            (17, vec![1, 5, 2, 1, 2, 1], 0)
        );
        assert_eq!(workflow.critical_path(&sleeps), Duration::from_millis(2900));
    }
}
