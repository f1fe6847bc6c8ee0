//! Holds results until they are reported, and cuts them into reports the server takes.

use std::collections::VecDeque;

use ains_api::{AgentReportAnswer, Problem, TaskResult};

/// Bytes of results in one report, so that a body stays below the server's limit of 1 MiB (semantics.md §9).
const REPORT: usize = 900 * 1024;
/// Results in one report.
const RESULTS: usize = 500;
/// Bytes of one result beyond its payload, generously.
const FRAME: usize = 512;

/// Results that wait for a report, and those that travel in one.
#[derive(Default)]
pub(super) struct Results {
    waiting: VecDeque<TaskResult>,
    travelling: Vec<TaskResult>,
    /// A report was refused as a whole: each of this many results goes alone, to find the one that is to blame.
    alone: usize,
}

impl Results {
    pub(super) fn push(&mut self, mut result: TaskResult) {
        if size(&result) > REPORT {
            let about = format!(
                "the result is larger than {} KiB, more than a report may hold",
                REPORT / 1024
            );
            result = failed(&result, about);
        }
        self.waiting.push_back(result);
    }

    /// Whether something waits for a report.
    pub(super) fn are_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether nothing waits and nothing travels.
    pub(super) fn are_settled(&self) -> bool {
        self.waiting.is_empty() && self.travelling.is_empty()
    }

    /// The tasks whose results the server may not know yet.
    pub(super) fn task_ids(&self) -> impl Iterator<Item = &str> {
        self.travelling
            .iter()
            .chain(&self.waiting)
            .map(|result| &*result.task_id)
    }

    /// The results of the next report.
    pub(super) fn depart(&mut self) -> Vec<TaskResult> {
        debug_assert!(self.travelling.is_empty(), "one report travels at a time");
        let most = if self.alone > 0 { 1 } else { RESULTS };
        self.alone = self.alone.saturating_sub(1);
        let mut bytes = 0;
        while let Some(next) = self.waiting.front() {
            bytes += size(next);
            if self.travelling.len() == most || (bytes > REPORT && !self.travelling.is_empty()) {
                break;
            }
            self.travelling.extend(self.waiting.pop_front());
        }
        self.travelling.clone()
    }

    /// The report was taken: those that were, and those that were refused one by one.
    pub(super) fn arrived(
        &mut self,
        answer: &AgentReportAnswer,
    ) -> (Vec<TaskResult>, Vec<(TaskResult, Problem)>) {
        let (mut taken, mut refused) = (Vec::new(), Vec::new());
        for (index, result) in self.travelling.drain(..).enumerate() {
            match answer
                .results
                .get(index)
                .and_then(|result| result.problem.clone())
            {
                Some(problem) => refused.push((result, problem)),
                None => taken.push(result),
            }
        }
        (taken, refused)
    }

    /// The report did not get through: its results wait again, in their order.
    pub(super) fn put_back(&mut self) {
        while let Some(result) = self.travelling.pop() {
            self.waiting.push_front(result);
        }
    }

    /// Forgets everything; how many results that were.
    pub(super) fn discard(&mut self) -> u64 {
        let count = self.waiting.len() + self.travelling.len();
        self.waiting.clear();
        self.travelling.clear();
        u64::try_from(count).unwrap_or(u64::MAX)
    }

    /// The report as a whole was refused: its results are tried one by one, and one that is refused alone becomes a
    /// failure. What is returned was refused even as that.
    pub(super) fn turned_back(&mut self, reason: &str) -> Option<TaskResult> {
        if let [_] = &self.travelling[..] {
            let only = self.travelling.remove(0);
            if only.result_data.is_none() && only.usage.is_none() {
                return Some(only);
            }
            self.waiting
                .push_front(failed(&only, format!("the result was refused: {reason}")));
            self.alone += 1;
            return None;
        }
        self.alone += self.travelling.len();
        self.put_back();
        None
    }
}

/// About how long the result is on the wire, in bytes.
fn size(result: &TaskResult) -> usize {
    let payload = |json: &Option<ains_api::Json>| json.as_ref().map_or(0, |json| json.get().len());
    // A message may double in length when it is escaped.
    let message = result
        .error_message
        .as_ref()
        .map_or(0, |message| 2 * message.len());
    FRAME + payload(&result.result_data) + payload(&result.usage) + message
}

/// The same attempt, failed for good.
fn failed(result: &TaskResult, message: String) -> TaskResult {
    TaskResult {
        task_id: result.task_id.clone(),
        attempt: result.attempt,
        status: "FAILED".to_owned(),
        error_message: Some(message),
        retryable: Some(false),
        ..TaskResult::default()
    }
}

#[cfg(test)]
mod tests {
    use ains_api::{Json, TaskResultAnswer};

    use super::*;

    fn result(id: &str, bytes: usize) -> TaskResult {
        TaskResult {
            task_id: id.to_owned(),
            attempt: Some(1),
            status: "COMPLETED".to_owned(),
            result_data: Some(Json::from_value(&"x".repeat(bytes)).expect("JSON")),
            ..TaskResult::default()
        }
    }

    fn ids(results: &[TaskResult]) -> Vec<&str> {
        results.iter().map(|result| &*result.task_id).collect()
    }

    #[test]
    fn a_report_stays_below_the_limit_of_a_body() {
        let mut results = Results::default();
        for id in ["a", "b", "c"] {
            results.push(result(id, 400 * 1024));
        }
        assert_eq!(ids(&results.depart()), ["a", "b"]);
        results.arrived(&AgentReportAnswer::default());
        assert_eq!(ids(&results.depart()), ["c"]);
    }

    #[test]
    fn a_result_that_no_report_can_hold_is_a_failure() {
        let mut results = Results::default();
        results.push(result("a", 1024 * 1024));
        let report = results.depart();
        assert_eq!((&*report[0].status, report[0].retryable), ("FAILED", Some(false)));
    }

    #[test]
    fn the_result_that_spoils_a_report_is_found_and_failed() {
        let mut results = Results::default();
        results.push(result("a", 1));
        results.push(result("b", 1));
        assert_eq!(results.depart().len(), 2);
        assert!(results.turned_back("too deep").is_none());
        assert_eq!(ids(&results.depart()), ["a"]);
        results.arrived(&AgentReportAnswer::default());
        assert_eq!(ids(&results.depart()), ["b"]);
        assert!(results.turned_back("too deep").is_none());
        assert_eq!(
            results.depart()[0].error_message.as_deref(),
            Some("the result was refused: too deep")
        );
        assert_eq!(
            results.turned_back("no").map(|result| result.task_id).as_deref(),
            Some("b")
        );
        assert!(results.are_settled());
    }

    #[test]
    fn one_refusal_leaves_the_others_alone() {
        let mut results = Results::default();
        results.push(result("a", 1));
        results.push(result("b", 1));
        results.depart();
        let lost = TaskResultAnswer {
            problem: Some(Problem::default()),
            ..TaskResultAnswer::default()
        };
        let answer = AgentReportAnswer {
            results: vec![lost, TaskResultAnswer::default()],
            tasks: vec![],
        };
        let (taken, refused) = results.arrived(&answer);
        assert_eq!((ids(&taken), &*refused[0].0.task_id), (vec!["b"], "a"));
    }
}
