//! The slots of schedules: what became of them, which will come, and runs that somebody asks for.

use std::ops::RangeInclusive;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use ains_api::{
    BackfillSchedule, Backfilled, PreviewQuery, PreviewSchedule, RunNow, SchedulePreview, SlotList, SlotQuery,
};
use ains_core::{ClientId, ScheduleId};
use ains_service::model::{self as service, ScheduleSteer};
use serde::Deserialize;

use super::State;
use crate::auth::Caller;
use crate::convert::instant;
use crate::convert::schedule as convert;
use crate::json::Body;
use crate::once::{IdempotencyKey, answered};
use crate::page;
use crate::path::Id;
use crate::problem::{Kind, Problem};
use crate::query::Query;
use crate::reply::{self, Answer, Reply};

/// Slots that a preview tells (api.md).
const PREVIEWED: RangeInclusive<u16> = 1..=1000;

/// Slots that a preview tells where it does not say.
const DEFAULT_PREVIEWED: u16 = 10;

/// `BackfillSchedule` with instants that may be missing, so that both of them are told.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnreadBackfill {
    from: Option<ains_api::Timestamp>,
    to: Option<ains_api::Timestamp>,
    overlap_policy: Option<String>,
}

/// Run a schedule now, whether it is active or not; its slots come as before.
#[utoipa::path(
    post,
    path = "/ains/scheduled-tasks/{id}/run-now",
    tag = "Schedules",
    params(("id" = String, Path, description = "The schedule.")),
    responses(
        (status = OK, body = RunNow),
        (status = ACCEPTED, body = RunNow, description = "An earlier run is unfinished, and this one waits for its end"),
        (status = CONFLICT, description = "An earlier run is unfinished, and the schedule does not let another begin")
    )
)]
pub(crate) async fn run_now(
    state: State,
    caller: Caller,
    Id(id): Id<ScheduleId>,
    key: IdempotencyKey,
) -> Result<HttpResponse, Problem> {
    let once = key.once(&caller, &[], convert::ran_now);
    let owner = caller.client().cloned();
    let steer = ScheduleSteer::RunNow;
    let run = match state.ains.steer_schedule(id, steer, owner, once).await? {
        service::Answer::Fresh(steered) => convert::ran_now(&steered),
        service::Answer::Replayed(text) => serde_json::from_str(&text).unwrap_or_default(),
    };
    let status = match &*run.state {
        "fired" => StatusCode::OK,
        "buffered" => StatusCode::ACCEPTED,
        "" => return Err(Problem::internal()),
        state => {
            let reason = run.reason.unwrap_or_default();
            let detail = format!("The run was {state}: {reason}");
            return Err(Problem::new(Kind::IllegalTransition, detail));
        }
    };
    let mut answer = reply::json(reply::to_text(&run));
    *answer.status_mut() = status;
    Ok(answer)
}

/// Let slots of the past fire that did not; those that fired are left alone.
#[utoipa::path(
    post,
    path = "/ains/scheduled-tasks/{id}/backfill",
    tag = "Schedules",
    params(("id" = String, Path, description = "The schedule.")),
    request_body = BackfillSchedule,
    responses((status = OK, body = Backfilled))
)]
pub(crate) async fn backfill(
    state: State,
    caller: Caller,
    key: IdempotencyKey,
    Id(id): Id<ScheduleId>,
    body: Body<UnreadBackfill>,
) -> Result<HttpResponse, Problem> {
    let once = key.once(&caller, &body.raw(), convert::backfilled);
    let steer = body.check(|backfill, faults| {
        for (place, sent) in [("/from", backfill.from), ("/to", backfill.to)] {
            if sent.is_none() {
                faults.add(place, "is missing");
            }
        }
        let (from, to) = (backfill.from.map(instant), backfill.to.map(instant));
        if from.zip(to).is_some_and(|(from, to)| to < from) {
            faults.add("/to", "is before `from`");
        }
        let overlap = backfill
            .overlap_policy
            .map(|word| faults.choice("/overlap_policy", Some(&word), &convert::OVERLAP));
        Some(ScheduleSteer::Backfill {
            from: from?,
            to: to?,
            overlap: overlap.flatten(),
        })
    })?;
    let owner = caller.client().cloned();
    let filled = state.ains.steer_schedule(id, steer, owner, once).await?;
    Ok(answered(filled, convert::backfilled))
}

/// What became of the slots of a schedule, newest first.
#[utoipa::path(
    get,
    path = "/ains/scheduled-tasks/{id}/slots",
    tag = "Schedules",
    params(("id" = String, Path, description = "The schedule."), SlotQuery),
    responses((
        status = OK,
        body = SlotList,
        headers(("Link" = String, description = "`<…>; rel=\"next\"` where there is a next page."))
    ))
)]
pub(crate) async fn slots(
    state: State,
    request: HttpRequest,
    Id(id): Id<ScheduleId>,
    mut query: Query,
) -> Result<HttpResponse, Problem> {
    let limit = query.within("limit", &page::LIMIT, page::DEFAULT_LIMIT);
    let before = query.instant("cursor");
    query.finish(Some(()))?;
    let mut slots = state.ains.slots(id, before, limit + 1).await?;
    let more = page::cut(&mut slots, limit);
    let slots: Vec<_> = slots.into_iter().map(convert::slot).collect();
    let next_cursor = slots.last().filter(|_| more).map(|last| last.slot_at.to_string());
    let list = SlotList { slots, next_cursor };
    Ok(page::answer(&request, &list, list.next_cursor.as_deref()))
}

/// The slots that a schedule would have that does not exist yet, and what calendars exclude between them.
#[utoipa::path(
    post,
    path = "/ains/scheduled-tasks/preview",
    tag = "Schedules",
    request_body = PreviewSchedule,
    responses(
        (status = OK, body = SchedulePreview),
        (status = BAD_REQUEST, description = "The cron expression or the time zone means nothing"),
        (status = FORBIDDEN, description = "The key is bound to another client"),
        (status = NOT_FOUND, description = "A calendar does not exist")
    )
)]
pub(crate) async fn preview(
    state: State,
    caller: Caller,
    body: Body<PreviewSchedule>,
) -> Answer<SchedulePreview> {
    let now = state.now();
    let (named, definition, from, n) = body.check(|asked, faults| {
        let from = asked.from.map_or(now, instant);
        let n = faults.within_or("/n", asked.n, &PREVIEWED, DEFAULT_PREVIEWED);
        let named = faults.parse_opt::<ClientId>("/client_id", asked.client_id.as_deref());
        let definition = convert::definition(&asked.into(), Some(convert::nothing()), now, faults);
        Some((named?, definition?, from, n?))
    })?;
    if let Some(named) = &named {
        caller.acts_for(named)?;
    }
    let client = named.or_else(|| caller.client().cloned());
    let found = state.ains.preview(client, definition, from, n.into()).await?;
    Ok(Reply(convert::preview(found)))
}

/// The next slots of a schedule, paused or not, and what calendars exclude between them.
#[utoipa::path(
    get,
    path = "/ains/scheduled-tasks/{id}/preview",
    tag = "Schedules",
    params(("id" = String, Path, description = "The schedule."), PreviewQuery),
    responses((status = OK, body = SchedulePreview))
)]
pub(crate) async fn preview_of(
    state: State,
    Id(id): Id<ScheduleId>,
    mut query: Query,
) -> Answer<SchedulePreview> {
    let n = query.within("n", &PREVIEWED, DEFAULT_PREVIEWED);
    let from = query.instant("from");
    query.finish(Some(()))?;
    let from = from.unwrap_or_else(|| state.now());
    let found = state.ains.preview_schedule(id, from, n.into()).await?;
    Ok(Reply(convert::preview(found)))
}
