//! What agents do: claim, and report.

use ains_api::{
    AgentReport, AgentReportAnswer, ClaimAnswer, ClaimRequest, CompleteReport, FailReport, ProgressReport,
    ReleaseReport, ReportAnswer, StartReport, Task,
};
use ains_core::task::ReportKind;
use ains_core::{AgentId, TaskId};
use ains_service::model::{Delivery, StoredTask};

use super::State;
use crate::auth::Caller;
use crate::convert::{task, work as convert};
use crate::json::{Body, LIMIT_MANY};
use crate::path::Id;
use crate::problem::Problem;
use crate::reply::{Answer, Reply};

/// Take work, on request waiting for it.
#[utoipa::path(
    post,
    path = "/ains/agents/{id}/claim",
    tag = "Work",
    params(("id" = String, Path, description = "The agent.")),
    request_body = ClaimRequest,
    responses((status = OK, body = ClaimAnswer))
)]
pub(crate) async fn claim(
    state: State,
    Id(agent): Id<AgentId>,
    body: Body<ClaimRequest>,
) -> Answer<ClaimAnswer> {
    let claim = body.check(convert::claim)?;
    Ok(Reply(ClaimAnswer {
        tasks: whole(state.ains.claim(agent, claim).await?),
    }))
}

fn whole(tasks: Vec<StoredTask>) -> Vec<Task> {
    tasks.into_iter().map(task::whole).collect()
}

async fn tell(state: &State, caller: &Caller, (delivery, claim): convert::Both) -> Answer<ReportAnswer> {
    caller.acts_as(state, &delivery.report.agent).await?;
    let task = delivery.report.task;
    let reported = match state.ains.report(delivery, claim).await {
        Ok(reported) => reported,
        Err(refused) => return Err(caller.told(state, task, refused).await.into()),
    };
    Ok(Reply(convert::reported(&reported.task, whole(reported.next))))
}

/// Begin.
#[utoipa::path(
    post,
    path = "/ains/tasks/{id}/start",
    tag = "Work",
    params(("id" = String, Path, description = "The task.")),
    request_body = StartReport,
    responses((status = OK, body = ReportAnswer), (status = CONFLICT, description = "The lease is lost"))
)]
pub(crate) async fn start(
    state: State,
    caller: Caller,
    Id(id): Id<TaskId>,
    body: Body<StartReport>,
) -> Answer<ReportAnswer> {
    let delivery = body.check(|body, faults| {
        convert::report(id, &body.agent_id, body.attempt, ReportKind::Start, faults).map(convert::bare)
    })?;
    tell(&state, &caller, (delivery, None)).await
}

/// Say how far it has come; this keeps the lease.
#[utoipa::path(
    post,
    path = "/ains/tasks/{id}/progress",
    tag = "Work",
    params(("id" = String, Path, description = "The task.")),
    request_body = ProgressReport,
    responses((status = OK, body = ReportAnswer), (status = CONFLICT, description = "The lease is lost"))
)]
pub(crate) async fn progress(
    state: State,
    caller: Caller,
    Id(id): Id<TaskId>,
    body: Body<ProgressReport>,
) -> Answer<ReportAnswer> {
    let delivery = body.check(|body, faults| convert::progress(id, body, faults))?;
    tell(&state, &caller, (delivery, None)).await
}

/// Report a result, and on request take more work.
#[utoipa::path(
    post,
    path = "/ains/tasks/{id}/complete",
    tag = "Work",
    params(("id" = String, Path, description = "The task.")),
    request_body = CompleteReport,
    responses((status = OK, body = ReportAnswer), (status = CONFLICT, description = "The lease is lost"))
)]
pub(crate) async fn complete(
    state: State,
    caller: Caller,
    Id(id): Id<TaskId>,
    body: Body<CompleteReport>,
) -> Answer<ReportAnswer> {
    let both = body.check(|body, faults| convert::complete(id, body, faults))?;
    tell(&state, &caller, both).await
}

/// Report that it did not work, and on request take more work.
#[utoipa::path(
    post,
    path = "/ains/tasks/{id}/fail",
    tag = "Work",
    params(("id" = String, Path, description = "The task.")),
    request_body = FailReport,
    responses((status = OK, body = ReportAnswer), (status = CONFLICT, description = "The lease is lost"))
)]
pub(crate) async fn fail(
    state: State,
    caller: Caller,
    Id(id): Id<TaskId>,
    body: Body<FailReport>,
) -> Answer<ReportAnswer> {
    let both = body.check(|body, faults| convert::fail(id, body, faults))?;
    tell(&state, &caller, both).await
}

/// Give a task back; no retry is consumed.
#[utoipa::path(
    post,
    path = "/ains/tasks/{id}/release",
    tag = "Work",
    params(("id" = String, Path, description = "The task.")),
    request_body = ReleaseReport,
    responses((status = OK, body = ReportAnswer), (status = CONFLICT, description = "The lease is lost"))
)]
pub(crate) async fn release(
    state: State,
    caller: Caller,
    Id(id): Id<TaskId>,
    body: Body<ReleaseReport>,
) -> Answer<ReportAnswer> {
    let delivery = body.check(|body, faults| {
        convert::report(id, &body.agent_id, body.attempt, ReportKind::Release, faults).map(convert::bare)
    })?;
    tell(&state, &caller, (delivery, None)).await
}

/// Report many results, and on request take more work, in one transaction. One bad result fails alone.
#[utoipa::path(
    post,
    path = "/ains/agents/{id}/report",
    tag = "Work",
    params(("id" = String, Path, description = "The agent.")),
    request_body = AgentReport,
    responses((status = OK, body = AgentReportAnswer))
)]
pub(crate) async fn report(
    state: State,
    caller: Caller,
    Id(agent): Id<AgentId>,
    body: Body<AgentReport, LIMIT_MANY>,
) -> Answer<AgentReportAnswer> {
    let (results, claim) = body.check(convert::many)?;
    if results.is_empty() && claim.is_none() {
        // Nothing below would notice that there is no such agent.
        state.ains.agent(agent.clone()).await?;
    }
    let ids: Vec<_> = results.iter().map(|result| result.task_id.clone()).collect();
    let checked: Vec<_> = results
        .into_iter()
        .enumerate()
        .map(|(index, result)| convert::one_of_many(index, &agent, result))
        .collect();
    let (slots, deliveries) = split(checked);
    let tasks: Vec<TaskId> = deliveries.iter().map(|delivery| delivery.report.task).collect();
    let reported = state.ains.report_each(agent, deliveries, claim).await?;
    let mut outcomes = Vec::with_capacity(tasks.len());
    for (task, outcome) in tasks.into_iter().zip(reported.results) {
        outcomes.push(match outcome {
            Ok(task) => Ok(task),
            Err(refused) => Err(caller.told(&state, task, refused).await),
        });
    }
    let mut outcomes = outcomes.into_iter();
    let results = ids
        .into_iter()
        .zip(slots)
        .map(|(id, refused)| {
            let outcome = match refused {
                Some(problem) => Err(problem),
                None => outcomes
                    .next()
                    .map_or_else(|| Err(Problem::internal()), |one| one.map_err(Problem::from)),
            };
            convert::outcome(id, outcome)
        })
        .collect();
    Ok(Reply(AgentReportAnswer {
        results,
        tasks: whole(reported.next),
    }))
}

/// Those that can be delivered, and for each of all what is wrong with it.
fn split(checked: Vec<Result<Delivery, Problem>>) -> (Vec<Option<Problem>>, Vec<Delivery>) {
    let mut deliveries = Vec::with_capacity(checked.len());
    let slots = checked
        .into_iter()
        .map(|one| one.map(|delivery| deliveries.push(delivery)).err())
        .collect();
    (slots, deliveries)
}
