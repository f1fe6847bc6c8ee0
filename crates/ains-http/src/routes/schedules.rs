//! Schedules: what is done again and again, as somebody says when.

use actix_web::{HttpRequest, HttpResponse, web};
use ains_api::{
    Json, PatchSchedule, PauseSchedule, Schedule, ScheduleChanged, ScheduleCreated, ScheduleDeleted,
    ScheduleList, ScheduleSummary, SubmitSchedule,
};
use ains_core::schedule::{Fires, ScheduleDefinition};
use ains_core::{ClientId, Name, ScheduleId, Timestamp};
use ains_service::Error;
use ains_service::model::{
    self as service, NewSchedule, ScheduleChange, ScheduleFilter, ScheduleSteer, ScheduleView,
};
use serde::Deserialize;

use super::{State, chains};
use crate::auth::Caller;
use crate::convert::schedule as convert;
use crate::convert::task;
use crate::json::{Body, Effort, Faults, Members, parse};
use crate::once::{IdempotencyKey, answered};
use crate::page;
use crate::path::Id;
use crate::problem::Problem;
use crate::query::Query;
use crate::reply::{Answer, Reply};

/// How often a change is made anew because somebody else was faster.
const TRIES: u32 = 5;

/// Why a schedule is paused where nobody says why.
const PAUSED: &str = "paused by a client";

/// `ScheduledChain` with its steps unread, so that a bad one is found on its own.
#[derive(Debug, Deserialize)]
struct UnreadChain {
    name: Option<String>,
    #[serde(alias = "input_data")]
    input: Option<Json>,
    steps: Vec<Json>,
}

/// A body that was checked.
struct Checked {
    client: ClientId,
    name: Name,
    definition: ScheduleDefinition,
    active: Option<bool>,
}

/// Create a schedule. It has slots from now on, and never looks back.
///
/// Every fault is listed with its field. If nothing is wrong but the cron expression or the time zone, that is 400; the
/// message says at which character of the expression.
#[utoipa::path(
    post,
    path = "/ains/scheduled-tasks",
    tag = "Schedules",
    request_body = SubmitSchedule,
    responses(
        (status = OK, body = ScheduleCreated),
        (
            status = BAD_REQUEST,
            description = "The cron expression or the time zone means nothing, or there is no slot from now on"
        ),
        (status = FORBIDDEN, description = "The key is bound to another client"),
        (status = NOT_FOUND, description = "A calendar or a template does not exist")
    )
)]
pub(crate) async fn submit(
    state: State,
    caller: Caller,
    key: IdempotencyKey,
    body: Body<Members>,
) -> Result<HttpResponse, Problem> {
    let once = key.once(&caller, &body.raw(), convert::created);
    let (client, now) = (caller.client().cloned(), state.now());
    // A large chain takes a while, in which this thread has others to serve.
    let checked = web::block(move || {
        body.check(|members, faults| checked(members, client.as_ref(), None, now, faults))
    });
    let checked = checked.await.map_err(|_| Problem::internal())??;
    caller.acts_for(&checked.client)?;
    let new = NewSchedule {
        client: checked.client,
        name: checked.name,
        definition: checked.definition,
        active: checked.active.unwrap_or(true),
    };
    let answer = state.ains.create_schedule(new, once).await?;
    Ok(answered(answer, convert::created))
}

/// Checks a schedule as a whole: whose it is, when it has slots, and what it makes, unless that is known.
fn checked(
    mut members: Members,
    client: Option<&ClientId>,
    known: Option<Fires>,
    now: Timestamp,
    faults: &mut Faults,
) -> Option<Checked> {
    let chain = members.take("chain");
    let mut sent: SubmitSchedule = members.read(faults)?;
    let owner = task::owner(sent.client_id.as_deref(), client, faults);
    let name: Option<Name> = faults.parse("/name", &sent.name);
    let fires = match (known, chain) {
        (Some(known), _) => Some(known),
        (None, Some(chain)) => {
            for field in convert::TASK.iter().filter(|field| members.gives(field)) {
                faults.add(&format!("/{field}"), "not together with `chain`");
            }
            faults.below("/chain", |faults| of_chain(&chain, name.as_ref(), faults))
        }
        (None, None) => convert::task(&mut sent, faults),
    };
    let definition = convert::definition(&sent, fires, now, faults);
    Some(Checked {
        client: owner?,
        name: name?,
        definition: definition?,
        active: sent.active,
    })
}

/// Checks the chain that a schedule of this name makes.
fn of_chain(sent: &Json, schedule: Option<&Name>, faults: &mut Faults) -> Option<Fires> {
    // It is JSON: the body was read.
    let (chain, of_form) = parse::<UnreadChain>(sent.get(), &mut Effort::default()).ok()?;
    faults.absorb(of_form);
    let chain = chain?;
    let name = faults.parse_opt("/name", chain.name.as_deref());
    let input = faults.object("/input", chain.input.unwrap_or_default());
    let plan = chains::steps(&chain.steps, faults)?;
    let name = name?.or_else(|| schedule.cloned())?;
    Some(convert::chain(name, &plan, input?))
}

/// Schedules, newest first; of those whose slots fire, unless all are wanted.
#[utoipa::path(
    get,
    path = "/ains/scheduled-tasks",
    tag = "Schedules",
    params(ains_api::ScheduleFilter),
    responses((
        status = OK,
        body = ScheduleList,
        headers(("Link" = String, description = "`<…>; rel=\"next\"` where there is a next page."))
    ))
)]
pub(crate) async fn list(
    state: State,
    caller: Caller,
    request: HttpRequest,
    mut query: Query,
) -> Result<HttpResponse, Problem> {
    let limit = query.within("limit", &page::LIMIT, page::DEFAULT_LIMIT);
    let filter = ScheduleFilter {
        client: query.parse("client_id"),
        active_only: query.flag_or("active_only", true),
        before: query.parse("cursor"),
        limit: limit + 1,
    };
    let mut filter = query.finish(Some(filter))?;
    filter.client = caller.only(filter.client)?;
    let mut schedules = state.ains.schedules(filter).await?;
    let more = page::cut(&mut schedules, limit);
    let next_cursor = schedules.last().filter(|_| more).map(|last| last.id.to_string());
    let list = ScheduleList {
        schedules: schedules.iter().map(convert::summary).collect(),
        next_cursor,
    };
    Ok(page::answer(&request, &list, list.next_cursor.as_deref()))
}

/// One schedule, whole.
#[utoipa::path(
    get,
    path = "/ains/scheduled-tasks/{id}",
    tag = "Schedules",
    params(("id" = String, Path, description = "The schedule.")),
    responses((status = OK, body = Schedule))
)]
pub(crate) async fn one(state: State, Id(id): Id<ScheduleId>) -> Answer<Schedule> {
    Ok(Reply(convert::whole(&state.ains.schedule(id).await?)))
}

/// Change a schedule. If that changes when it has slots, it does not look back.
#[utoipa::path(
    patch,
    path = "/ains/scheduled-tasks/{id}",
    tag = "Schedules",
    params(("id" = String, Path, description = "The schedule.")),
    request_body = PatchSchedule,
    responses(
        (status = OK, body = ScheduleChanged),
        (
            status = BAD_REQUEST,
            description = "The cron expression or the time zone means nothing, or there is no slot from now on"
        ),
        (status = NOT_FOUND, description = "The schedule, or a calendar or a template, does not exist"),
        (status = CONFLICT, description = "The schedule is to go on and has ended, or others change it all the time")
    )
)]
pub(crate) async fn change(
    state: State,
    caller: Caller,
    Id(id): Id<ScheduleId>,
    body: Body<Members>,
) -> Answer<ScheduleChanged> {
    let patch = body.value()?;
    let mut tries = 0;
    loop {
        let view = state.ains.schedule(id).await?;
        let (patch, now) = (patch.clone(), state.now());
        let change = web::block(move || changed(&view, patch, now)).await;
        let change = change.map_err(|_| Problem::internal())??;
        let steer = ScheduleSteer::Change(Box::new(change));
        tries += 1;
        match steered(&state, &caller, id, steer).await {
            Err(Error::Stale { .. }) if tries < TRIES => {}
            outcome => return Ok(Reply(convert::changed(&outcome?))),
        }
    }
}

/// What `patch` makes of a schedule.
fn changed(view: &ScheduleView, patch: Members, now: Timestamp) -> Result<ScheduleChange, Problem> {
    let mut faults = Faults::default();
    let (members, known) = convert::merged(view, patch);
    let checked = checked(members, Some(&view.client), known, now, &mut faults);
    if checked
        .as_ref()
        .is_some_and(|checked| checked.client != view.client)
    {
        faults.add("/client_id", "cannot be changed");
    }
    let change = checked.map(|checked| ScheduleChange {
        revision: view.revision,
        name: checked.name,
        definition: checked.definition,
        active: checked.active,
    });
    faults.into_result(change)
}

/// Remove a schedule with the records of its slots. What it made goes on.
#[utoipa::path(
    delete,
    path = "/ains/scheduled-tasks/{id}",
    tag = "Schedules",
    params(("id" = String, Path, description = "The schedule.")),
    responses((status = OK, body = ScheduleDeleted))
)]
pub(crate) async fn remove(state: State, caller: Caller, Id(id): Id<ScheduleId>) -> Answer<ScheduleDeleted> {
    state
        .ains
        .delete_schedule(&caller.actor(), id, caller.client().cloned())
        .await?;
    Ok(Reply(convert::deleted(id)))
}

/// Pause a schedule: its slots do not fire, and are not missed either. Runs go on.
#[utoipa::path(
    post,
    path = "/ains/scheduled-tasks/{id}/pause",
    tag = "Schedules",
    params(("id" = String, Path, description = "The schedule.")),
    request_body(content = Option<PauseSchedule>),
    responses((status = OK, body = ScheduleSummary))
)]
pub(crate) async fn pause(
    state: State,
    caller: Caller,
    Id(id): Id<ScheduleId>,
    body: Body<PauseSchedule>,
) -> Answer<ScheduleSummary> {
    let reason = body.check(|pause, faults| faults.text_opt("/reason", pause.reason))?;
    let reason = reason.unwrap_or_else(|| PAUSED.to_owned());
    let paused = steered(&state, &caller, id, ScheduleSteer::Pause { reason }).await?;
    Ok(Reply(convert::summary(&paused)))
}

/// Let the slots of a paused schedule fire again, from now on.
#[utoipa::path(
    post,
    path = "/ains/scheduled-tasks/{id}/resume",
    tag = "Schedules",
    params(("id" = String, Path, description = "The schedule.")),
    responses(
        (status = OK, body = ScheduleSummary),
        (status = CONFLICT, description = "The schedule has ended")
    )
)]
pub(crate) async fn resume(state: State, caller: Caller, Id(id): Id<ScheduleId>) -> Answer<ScheduleSummary> {
    let resumed = steered(&state, &caller, id, ScheduleSteer::Resume).await?;
    Ok(Reply(convert::summary(&resumed)))
}

/// Does with a schedule what the caller wants, if it is the caller's.
async fn steered(
    state: &State,
    caller: &Caller,
    id: ScheduleId,
    steer: ScheduleSteer,
) -> Result<ScheduleView, Error> {
    let owner = caller.client().cloned();
    match state.ains.steer_schedule(id, steer, owner, None).await? {
        service::Answer::Fresh(steered) => Ok(steered.view),
        // There is no earlier answer without an idempotency key.
        service::Answer::Replayed(_) => state.ains.schedule(id).await,
    }
}
