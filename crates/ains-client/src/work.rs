//! Calls about tasks, from an agent's side: claims and reports.
//!
//! Reports are safe to repeat when they carry the attempt: the server answers the same one as the first time.

use ains_api::{
    AgentReport, AgentReportAnswer, ClaimAnswer, ClaimRequest, CompleteReport, FailReport, ProgressReport,
    ReleaseReport, ReportAnswer, StartReport,
};
use reqwest::Method;

use crate::client::{Call, segment};
use crate::{Client, Error};

/// A report on one task.
fn report(task_id: &str, what: &str, repeatable: bool) -> Call {
    let path = format!("/ains/tasks/{}/{what}", segment(task_id));
    if repeatable {
        Call::repeatable(Method::POST, path)
    } else {
        Call::once(Method::POST, path)
    }
}

/// Whether a claim that is part of a report may be sent twice.
fn nameable(claim: Option<&ClaimRequest>) -> bool {
    claim.is_none_or(|claim| claim.claim_id.is_some())
}

impl Client {
    /// Takes work: `POST /ains/agents/{id}/claim`. Repeated after a failure only if it has a `claim_id`.
    ///
    /// # Errors
    ///
    /// If it is refused, there is no such agent (404), or the call fails.
    pub async fn claim(&self, agent_id: &str, claim: &ClaimRequest) -> Result<ClaimAnswer, Error> {
        let path = format!("/ains/agents/{}/claim", segment(agent_id));
        let call = if claim.claim_id.is_some() {
            Call::repeatable(Method::POST, path)
        } else {
            Call::once(Method::POST, path)
        };
        self.call_with(call.waiting(claim.wait_seconds), claim).await
    }

    /// Says that work on a task begins: `POST /ains/tasks/{id}/start`.
    ///
    /// # Errors
    ///
    /// If the agent no longer holds the task (409), or the call fails.
    pub async fn start_task(&self, task_id: &str, start: &StartReport) -> Result<ReportAnswer, Error> {
        self.call_with(report(task_id, "start", true), start).await
    }

    /// Says how far a task is, and renews its lease: `POST /ains/tasks/{id}/progress`.
    ///
    /// # Errors
    ///
    /// If the agent no longer holds the task (409), or the call fails.
    pub async fn progress(&self, task_id: &str, progress: &ProgressReport) -> Result<ReportAnswer, Error> {
        self.call_with(report(task_id, "progress", true), progress).await
    }

    /// Ends a task well: `POST /ains/tasks/{id}/complete`.
    ///
    /// # Errors
    ///
    /// If the agent no longer holds the task (409), or the call fails.
    pub async fn complete(&self, task_id: &str, complete: &CompleteReport) -> Result<ReportAnswer, Error> {
        let claim = complete.claim_next.as_ref();
        let call = report(task_id, "complete", complete.attempt.is_some() && nameable(claim));
        self.call_with(call.waiting(claim.and_then(|claim| claim.wait_seconds)), complete)
            .await
    }

    /// Ends an attempt badly: `POST /ains/tasks/{id}/fail`.
    ///
    /// # Errors
    ///
    /// If the agent no longer holds the task (409), or the call fails.
    pub async fn fail(&self, task_id: &str, fail: &FailReport) -> Result<ReportAnswer, Error> {
        let claim = fail.claim_next.as_ref();
        let call = report(task_id, "fail", fail.attempt.is_some() && nameable(claim));
        self.call_with(call.waiting(claim.and_then(|claim| claim.wait_seconds)), fail)
            .await
    }

    /// Gives a task back, without consuming a retry: `POST /ains/tasks/{id}/release`.
    ///
    /// # Errors
    ///
    /// If the agent no longer holds the task (409), or the call fails.
    pub async fn release(&self, task_id: &str, release: &ReleaseReport) -> Result<ReportAnswer, Error> {
        self.call_with(report(task_id, "release", release.attempt.is_some()), release)
            .await
    }

    /// Reports many results and takes more work, in one request: `POST /ains/agents/{id}/report`.
    ///
    /// # Errors
    ///
    /// If the report as a whole is refused, or the call fails. A single result that is refused has its problem in the answer.
    pub async fn report(&self, agent_id: &str, results: &AgentReport) -> Result<AgentReportAnswer, Error> {
        let path = format!("/ains/agents/{}/report", segment(agent_id));
        let claim = results.claim.as_ref();
        let attempts = results.results.iter().all(|result| result.attempt.is_some());
        let call = if attempts && nameable(claim) {
            Call::repeatable(Method::POST, path)
        } else {
            Call::once(Method::POST, path)
        };
        self.call_with(call.waiting(claim.and_then(|claim| claim.wait_seconds)), results)
            .await
    }
}
