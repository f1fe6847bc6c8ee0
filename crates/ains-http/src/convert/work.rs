//! Claims and reports.

use std::ops::RangeInclusive;
use std::time::Duration;

use ains_api::{AgentReport, ReportAnswer, TaskResult, TaskResultAnswer};
use ains_core::task::{Failure, Report, ReportKind};
use ains_core::{AgentId, Task, TaskId};
use ains_service::model::{ClaimRequest, Delivery, Progress};

use super::{at, task};
use crate::json::Faults;
use crate::problem::Problem;

/// Tasks of one claim (api.md part B).
const CLAIM: RangeInclusive<u32> = 1..=100;

/// Seconds of a long poll (api.md).
pub(crate) const WAIT_SECONDS: RangeInclusive<u32> = 0..=60;

/// Numbers that an attempt can have.
const ATTEMPT: RangeInclusive<u32> = 1..=u32::MAX;

/// Seconds before a retry that an agent may name: up to a year.
const RETRY_AFTER: RangeInclusive<u64> = 0..=31_536_000;

/// Results of one report (api.md part B).
pub(crate) const RESULTS: usize = 1000;

/// Checks a claim.
pub(crate) fn claim(claim: ains_api::ClaimRequest, faults: &mut Faults) -> Option<ClaimRequest> {
    let max = faults.within_or("/max", claim.max, &CLAIM, 1);
    let wait = faults.within_or("/wait_seconds", claim.wait_seconds, &WAIT_SECONDS, 0);
    let capabilities = claim.capabilities.map_or(Some(None), |names| {
        faults.parse_all("/capabilities", &names).map(Some)
    });
    let claim_id = claim
        .claim_id
        .map_or(Some(None), |id| faults.label("/claim_id", id).map(Some));
    Some(ClaimRequest {
        max: max?,
        wait: Duration::from_secs(wait?.into()),
        capabilities: capabilities?,
        claim_id: claim_id?,
    })
}

/// Checks a claim that comes with a report.
#[expect(
    clippy::option_option,
    reason = "the outer option is the verdict, as in every check"
)]
pub(crate) fn claim_at(
    pointer: &str,
    next: Option<ains_api::ClaimRequest>,
    faults: &mut Faults,
) -> Option<Option<ClaimRequest>> {
    next.map_or(Some(None), |next| {
        faults.below(pointer, |faults| claim(next, faults)).map(Some)
    })
}

/// Checks who reports on which attempt.
pub(crate) fn report(
    task: TaskId,
    agent: &str,
    attempt: Option<i64>,
    kind: ReportKind,
    faults: &mut Faults,
) -> Option<Report> {
    let agent = faults.parse("/agent_id", agent);
    let attempt = faults.within_opt("/attempt", attempt, &ATTEMPT);
    Some(Report {
        task,
        agent: agent?,
        attempt: attempt?,
        kind,
    })
}

/// A report that brings nothing along.
pub(crate) fn bare(report: Report) -> Delivery {
    Delivery {
        report,
        result: None,
        usage: None,
        progress: None,
    }
}

/// Checks a progress report.
pub(crate) fn progress(id: TaskId, body: ains_api::ProgressReport, faults: &mut Faults) -> Option<Delivery> {
    let report = report(id, &body.agent_id, body.attempt, ReportKind::Progress, faults);
    let percent = body.percent.map_or(Some(None), |percent| {
        faults.number("/percent", percent, &(0.0..=100.0)).map(Some)
    });
    let message = faults.text_opt("/message", body.message);
    let data = faults.document_opt("/data", body.data);
    let progress = Progress {
        percent: percent?,
        message: message?,
        data: data?,
    };
    Some(Delivery {
        progress: Some(progress),
        ..bare(report?)
    })
}

/// Checks a completion.
pub(crate) fn complete(id: TaskId, body: ains_api::CompleteReport, faults: &mut Faults) -> Option<Both> {
    let report = report(id, &body.agent_id, body.attempt, ReportKind::Complete, faults);
    let result = faults.document_opt("/result_data", body.result_data);
    let usage = faults.object_opt("/usage", body.usage);
    let claim = claim_at("/claim_next", body.claim_next, faults);
    Some((
        Delivery {
            result: result?,
            usage: usage?,
            ..bare(report?)
        },
        claim?,
    ))
}

/// Checks a failure.
pub(crate) fn fail(id: TaskId, body: ains_api::FailReport, faults: &mut Faults) -> Option<Both> {
    let failure = failure(
        body.error_message,
        body.retryable,
        body.retry_after_seconds,
        faults,
    );
    let report = report(
        id,
        &body.agent_id,
        body.attempt,
        ReportKind::Fail(Failure::default()),
        faults,
    );
    let claim = claim_at("/claim_next", body.claim_next, faults);
    Some((
        bare(Report {
            kind: ReportKind::Fail(failure?),
            ..report?
        }),
        claim?,
    ))
}

/// A report, and a claim that comes with it.
pub(crate) type Both = (Delivery, Option<ClaimRequest>);

fn failure(
    message: String,
    retryable: Option<bool>,
    after: Option<i64>,
    faults: &mut Faults,
) -> Option<Failure> {
    let message = faults.text("/error_message", message);
    let retry_after = faults.within_opt("/retry_after_seconds", after, &RETRY_AFTER);
    Some(Failure {
        message: message?,
        retryable,
        retry_after: retry_after?.map(Duration::from_secs),
    })
}

/// Checks a report of many results. Of the results only their number is checked here: one bad result fails alone.
pub(crate) fn many(
    body: AgentReport,
    faults: &mut Faults,
) -> Option<(Vec<TaskResult>, Option<ClaimRequest>)> {
    if body.results.len() > RESULTS {
        faults.add("/results", format!("must have at most {RESULTS} elements"));
    }
    let claim = claim_at("/claim", body.claim, faults);
    Some((body.results, claim?))
}

/// Checks one result of many.
pub(crate) fn one_of_many(index: usize, agent: &AgentId, result: TaskResult) -> Result<Delivery, Problem> {
    let id = result.task_id.parse().map_err(|_| Problem::not_found("Task"))?;
    let mut faults = Faults::default();
    let delivery = faults.below(&format!("/results/{index}"), |faults| {
        result_of(id, agent, result, faults)
    });
    faults.into_result(delivery)
}

fn result_of(id: TaskId, agent: &AgentId, result: TaskResult, faults: &mut Faults) -> Option<Delivery> {
    let kind = match &*result.status {
        "COMPLETED" => Some(ReportKind::Complete),
        "FAILED" => {
            let message = result.error_message.unwrap_or_default();
            failure(message, result.retryable, result.retry_after_seconds, faults).map(ReportKind::Fail)
        }
        _ => {
            faults.add("/status", "must be COMPLETED or FAILED");
            None
        }
    };
    let attempt = faults.within_opt("/attempt", result.attempt, &ATTEMPT);
    let document = faults.document_opt("/result_data", result.result_data);
    let usage = faults.object_opt("/usage", result.usage);
    let report = Report {
        task: id,
        agent: agent.clone(),
        attempt: attempt?,
        kind: kind?,
    };
    Some(Delivery {
        result: document?,
        usage: usage?,
        ..bare(report)
    })
}

/// The answer to a report.
pub(crate) fn reported(task: &Task, next: Vec<ains_api::Task>) -> ReportAnswer {
    ReportAnswer {
        task_id: task.id.to_string(),
        status: task::status(task),
        retry_count: task.retry_count,
        updated_at: at(task.updated_at),
        lease_expires_at: task.lease_expires_at.map(at),
        next,
    }
}

/// What became of one of many.
pub(crate) fn outcome(task_id: String, outcome: Result<Task, Problem>) -> TaskResultAnswer {
    match outcome {
        Ok(task) => TaskResultAnswer {
            task_id,
            status: Some(task::status(&task)),
            retry_count: Some(task.retry_count),
            updated_at: Some(at(task.updated_at)),
            problem: None,
        },
        Err(problem) => TaskResultAnswer {
            task_id,
            problem: Some(problem.to_wire(None)),
            ..TaskResultAnswer::default()
        },
    }
}
