//! Calendars: dates that schedules leave out, or keep to.

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use ains_api::{
    Calendar, CalendarDates, CalendarDeleted, CalendarImported, CalendarList, CalendarSummary, DatesQuery,
    ImportCalendar, ImportQuery, PatchCalendar, SubmitCalendar,
};
use ains_core::calendar::{Dates, MAX_DATES};
use ains_core::{CalendarId, Name};
use ains_service::Error;
use ains_service::model::{CalendarChange, CalendarFilter, CalendarView, NewCalendar};
use chrono::{NaiveDate, TimeDelta};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use super::State;
use crate::auth::Caller;
use crate::convert::calendar as convert;
use crate::convert::task;
use crate::json::{self, Body, Faults, LIMIT};
use crate::page;
use crate::path::Id;
use crate::problem::Problem;
use crate::query::Query;
use crate::reply::{Answer, Reply};

/// Days that a list of dates looks at: five years.
const LONGEST: i64 = 5 * 366;

/// Days that a list of dates looks at where it does not say.
const A_YEAR: i64 = 365;

/// How often a change is made anew because somebody else was faster.
const TRIES: u32 = 5;

/// The type of an iCalendar text (RFC 5545).
const ICALENDAR: &str = "text/calendar";

/// Create a calendar: dates that are listed, days of the week, public holidays, in any mixture.
#[utoipa::path(
    post,
    path = "/ains/calendars",
    tag = "Calendars",
    request_body = SubmitCalendar,
    responses(
        (status = OK, body = CalendarSummary),
        (status = FORBIDDEN, description = "The key is bound to another client")
    )
)]
pub(crate) async fn submit(
    state: State,
    caller: Caller,
    body: Body<SubmitCalendar>,
) -> Answer<CalendarSummary> {
    let now = state.now();
    let new = body.check(|calendar, faults| {
        let client = task::owner(calendar.client_id.as_deref(), caller.client(), faults);
        let name = faults.parse("/name", &calendar.name);
        let description = faults.text_opt("/description", calendar.description);
        let listed = convert::listed(calendar.dates.as_deref().unwrap_or_default(), faults);
        let imported = match calendar.ical {
            Some(text) => convert::imported("/ical", &text, now, faults),
            None => Some(Vec::new()),
        };
        let weekdays = convert::weekdays(calendar.weekdays.as_deref().unwrap_or_default(), faults);
        let holidays = convert::holidays(calendar.holidays.as_deref().unwrap_or_default(), faults);
        let (listed, _) = convert::joined(listed?, imported?);
        Some(NewCalendar {
            client: client?,
            name: name?,
            description: description?,
            dates: convert::checked(Dates::new(listed, weekdays?, holidays?), faults)?,
        })
    })?;
    caller.acts_for(&new.client)?;
    Ok(Reply(convert::summary(&state.ains.create_calendar(new).await?)))
}

/// Calendars, newest first.
#[utoipa::path(
    get,
    path = "/ains/calendars",
    tag = "Calendars",
    params(ains_api::CalendarFilter),
    responses((
        status = OK,
        body = CalendarList,
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
    let filter = CalendarFilter {
        client: query.parse("client_id"),
        before: query.parse("cursor"),
        limit: limit + 1,
    };
    let mut filter = query.finish(Some(filter))?;
    filter.client = caller.only(filter.client)?;
    let mut calendars = state.ains.calendars(filter).await?;
    let more = page::cut(&mut calendars, limit);
    let last = calendars.last().filter(|_| more);
    let next_cursor = last.map(|last| last.calendar.id.to_string());
    let list = CalendarList {
        calendars: calendars.iter().map(convert::summary).collect(),
        next_cursor,
    };
    Ok(page::answer(&request, &list, list.next_cursor.as_deref()))
}

/// One calendar, whole.
#[utoipa::path(
    get,
    path = "/ains/calendars/{id}",
    tag = "Calendars",
    params(("id" = String, Path, description = "The calendar.")),
    responses((status = OK, body = Calendar))
)]
pub(crate) async fn one(state: State, Id(id): Id<CalendarId>) -> Answer<Calendar> {
    Ok(Reply(convert::whole(&state.ains.calendar(id).await?)))
}

/// Change a calendar. The schedules that heed it look at once when their next slot is, and do not look back.
#[utoipa::path(
    patch,
    path = "/ains/calendars/{id}",
    tag = "Calendars",
    params(("id" = String, Path, description = "The calendar.")),
    request_body = PatchCalendar,
    responses(
        (status = OK, body = CalendarSummary),
        (status = CONFLICT, description = "Others change the calendar all the time")
    )
)]
pub(crate) async fn change(
    state: State,
    caller: Caller,
    Id(id): Id<CalendarId>,
    body: Body<PatchCalendar>,
) -> Answer<CalendarSummary> {
    let patch = body.check(|patch, faults| {
        let name = faults.parse_opt::<Name>("/name", patch.name.as_deref());
        let description = match patch.description {
            None => Some(None),
            Some(text) => faults.text_opt("/description", text).map(Some),
        };
        let dates = given(patch.dates, |dates| convert::listed(&dates, faults));
        let weekdays = given(patch.weekdays, |days| convert::weekdays(&days, faults));
        let holidays = given(patch.holidays, |holidays| convert::holidays(&holidays, faults));
        Some((name?, description?, dates?, weekdays?, holidays?))
    })?;
    let (name, description, dates, weekdays, holidays) = patch;
    let changed = changed(&state, &caller, id, |view, faults| {
        let known = &view.calendar;
        let dates = Dates::new(
            dates.clone().unwrap_or_else(|| known.dates.listed().to_vec()),
            weekdays.unwrap_or_else(|| known.dates.weekdays()),
            holidays
                .clone()
                .unwrap_or_else(|| known.dates.holidays().to_vec()),
        );
        Some(CalendarChange {
            revision: view.revision,
            name: name.clone().unwrap_or_else(|| known.name.clone()),
            description: description.clone().unwrap_or_else(|| known.description.clone()),
            dates: convert::checked(dates, faults)?,
        })
    });
    Ok(Reply(convert::summary(&changed.await?)))
}

/// What `check` makes of a value that is given, and the empty one of null. `None` is a fault, `Some(None)` is none given.
#[expect(
    clippy::option_option,
    reason = "the outer options are whether it is given, and the verdict, as in every check"
)]
fn given<T, U: Default>(sent: Option<Option<T>>, check: impl FnOnce(T) -> Option<U>) -> Option<Option<U>> {
    match sent {
        None => Some(None),
        Some(None) => Some(Some(U::default())),
        Some(Some(value)) => check(value).map(Some),
    }
}

/// Makes a calendar what `change` makes of it, however often somebody else is faster.
async fn changed(
    state: &State,
    caller: &Caller,
    id: CalendarId,
    mut change: impl FnMut(&CalendarView, &mut Faults) -> Option<CalendarChange>,
) -> Result<CalendarView, Problem> {
    let mut tries = 0;
    loop {
        let view = state.ains.calendar(id).await?;
        let mut faults = Faults::default();
        let change = change(&view, &mut faults);
        let change = faults.into_result(change)?;
        tries += 1;
        let owner = caller.client().cloned();
        match state.ains.change_calendar(id, change, owner).await {
            Err(Error::Stale { .. }) if tries < TRIES => {}
            outcome => return Ok(outcome?),
        }
    }
}

/// Remove a calendar that no schedule heeds.
#[utoipa::path(
    delete,
    path = "/ains/calendars/{id}",
    tag = "Calendars",
    params(("id" = String, Path, description = "The calendar.")),
    responses(
        (status = OK, body = CalendarDeleted),
        (status = CONFLICT, description = "A schedule heeds the calendar")
    )
)]
pub(crate) async fn remove(state: State, caller: Caller, Id(id): Id<CalendarId>) -> Answer<CalendarDeleted> {
    state
        .ains
        .delete_calendar(&caller.actor(), id, caller.client().cloned())
        .await?;
    Ok(Reply(convert::deleted(id)))
}

/// An iCalendar text, as it came: as it is, or within JSON.
#[derive(Debug)]
pub(crate) struct Sent {
    text: String,
    replace: Option<bool>,
    /// Its place in the body.
    place: &'static str,
}

impl FromRequest for Sent {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        async move {
            if !json::is_declared(&request, ICALENDAR) {
                let body = Body::<ImportCalendar>::from_request(&request, &mut payload).await?;
                let import = body.value()?;
                return Ok(Self {
                    text: import.ical,
                    replace: import.replace,
                    place: "/ical",
                });
            }
            let raw = json::read_any(&request, payload, LIMIT).await?;
            let text = String::from_utf8(raw.to_vec()).map_err(|error| {
                let after = error.utf8_error().valid_up_to();
                Problem::bad_request(format!("The body is not UTF-8 after byte {after}"))
            })?;
            Ok(Self {
                text,
                replace: None,
                place: "",
            })
        }
        .boxed_local()
    }
}

/// Add the dates of an iCalendar text to those that a calendar lists, or put them in their place.
///
/// Every date on which an event is counts, by the name of the event; events that repeat, until ten years from now. What a
/// text has that is not understood is refused, with its line, and never passed over.
#[utoipa::path(
    post,
    path = "/ains/calendars/{id}/import",
    tag = "Calendars",
    params(("id" = String, Path, description = "The calendar."), ImportQuery),
    request_body(content((String = "text/calendar"), (ImportCalendar = "application/json"))),
    responses(
        (status = OK, body = CalendarImported),
        (status = CONFLICT, description = "Others change the calendar all the time"),
        (status = UNSUPPORTED_MEDIA_TYPE, description = "The body is declared to be neither text/calendar nor JSON")
    )
)]
pub(crate) async fn import(
    state: State,
    caller: Caller,
    Id(id): Id<CalendarId>,
    mut query: Query,
    sent: Sent,
) -> Answer<CalendarImported> {
    let replace = query.flag("replace");
    let replace = sent.replace.unwrap_or(query.finish(Some(replace))?);
    let now = state.now();
    // A text that repeats much takes a while, in which this thread has others to serve.
    let read = web::block(move || {
        let mut faults = Faults::default();
        let read = convert::imported(sent.place, &sent.text, now, &mut faults);
        faults.into_result(read)
    });
    let read = read.await.map_err(|_| Problem::internal())??;
    let mut added = 0;
    let changed = changed(&state, &caller, id, |view, faults| {
        let known = &view.calendar;
        let (joined, new) = convert::joined(known.dates.listed().to_vec(), read.clone());
        added = new;
        let listed = if replace { read.clone() } else { joined };
        if listed.len() > MAX_DATES {
            let count = listed.len();
            faults.add(
                sent.place,
                format!("would make it {count} dates that are listed; at most {MAX_DATES}"),
            );
            return None;
        }
        let dates = Dates::new(listed, known.dates.weekdays(), known.dates.holidays().to_vec());
        Some(CalendarChange {
            revision: view.revision,
            name: known.name.clone(),
            description: known.description.clone(),
            dates: convert::checked(dates, faults)?,
        })
    });
    let view = changed.await?;
    Ok(Reply(convert::after_import(&view, read.len(), added)))
}

/// The dates of some time that a calendar holds, with their names.
#[utoipa::path(
    get,
    path = "/ains/calendars/{id}/dates",
    tag = "Calendars",
    params(("id" = String, Path, description = "The calendar."), DatesQuery),
    responses((status = OK, body = CalendarDates))
)]
pub(crate) async fn dates(state: State, Id(id): Id<CalendarId>, mut query: Query) -> Answer<CalendarDates> {
    let from = date(&mut query, "from").unwrap_or_else(|| convert::today(state.now()));
    let to = date(&mut query, "to").or_else(|| from.checked_add_signed(TimeDelta::days(A_YEAR)));
    let to = to.unwrap_or(NaiveDate::MAX);
    if query.faults.is_empty() && to < from {
        query.faults.add("to", "is before `from`");
    }
    if query.faults.is_empty() && (to - from).num_days() > LONGEST {
        query.faults.add("to", "is more than five years after `from`");
    }
    query.finish(Some(()))?;
    let view = state.ains.calendar(id).await?;
    Ok(Reply(convert::dates(&view, from, to)))
}

fn date(query: &mut Query, name: &str) -> Option<NaiveDate> {
    let date = convert::date(query.text(name)?);
    if date.is_none() {
        query.faults.add(name, convert::NO_DATE);
    }
    date
}
