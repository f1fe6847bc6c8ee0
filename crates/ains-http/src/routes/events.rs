//! Following what happens: server-sent events.

use std::fmt::Write as _;
use std::time::Duration;

use actix_web::http::header::{self, HeaderValue};
use actix_web::rt::time::{Instant, sleep_until, timeout};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use ains_api::{Event, EventQuery};
use ains_core::EventTypes;
use ains_service::{EventFilter, EventId, Followed, Follower, Happening};
use futures_util::stream;

use super::State;
use crate::auth::{Caller, Watch};
use crate::problem::Problem;
use crate::query::Query;

/// How often a follower that hears nothing is told that the stream is alive.
const ALIVE: Duration = Duration::from_secs(15);

/// The least time between two pieces of a stream: what happens meanwhile is sent together.
const SPACING: Duration = Duration::from_millis(50);

/// How long a client waits before it comes back, in milliseconds.
const RETRY: u32 = 1000;

/// What a stream is about to do.
enum Stage {
    Begin,
    Follow,
    End,
}

/// Follow what happens, as server-sent events.
///
/// Every message has an `id`; a client that comes back with the last one as `Last-Event-ID` goes on behind it, as long
/// as that is kept (`AINS_EVENT_RETENTION_SECONDS`). `data` is a `CloudEvent`. Two notices come in between: `ains.gap`,
/// when something that happened since `Last-Event-ID` is not kept any more, and `ains.too_slow`, the last message to
/// a client that does not read fast enough; it may come back.
#[utoipa::path(
    get,
    path = "/ains/events",
    tag = "Events",
    params(
        EventQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was received.")
    ),
    responses((status = OK, body = Event, content_type = "text/event-stream"))
)]
pub(crate) async fn follow(
    state: State,
    caller: Caller,
    request: HttpRequest,
    mut query: Query,
) -> Result<HttpResponse, Problem> {
    let types = match query.list("types") {
        None => EventTypes::ALL,
        Some(names) => match EventTypes::named(names.iter().map(String::as_str)) {
            Ok(types) => types,
            Err(unknown) => {
                query.faults.add("types", unknown.to_string());
                EventTypes::ALL
            }
        },
    };
    let filter = EventFilter {
        types,
        client: query.parse("client_id"),
        subject: query.free_text("subject"),
    };
    let last = last_event_id(&request, &mut query);
    let mut filter = query.finish(Some(filter))?;
    filter.client = caller.only(filter.client)?;
    filter.types = caller.hears(filter.types)?;
    let follower = state.ains.follow(filter, last).await?;
    let watch = Watch::over(caller.principal());
    let begin = (follower, watch, Stage::Begin, Instant::now());
    let stream = stream::unfold(begin, move |(mut follower, mut watch, stage, next)| {
        let state = state.clone();
        async move {
            sleep_until(next).await;
            let piece = step(&mut follower, stage);
            let (text, stage) = watch.while_good(&state, piece).await?;
            let next = Instant::now() + SPACING;
            Some((
                Ok::<Bytes, actix_web::Error>(text.into()),
                (follower, watch, stage, next),
            ))
        }
    });
    let mut answer = HttpResponse::Ok().streaming(stream);
    let headers = answer.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that gather answers would hold events back.
    headers.insert(
        header::HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    Ok(answer)
}

/// Where the client goes on, if it has been here before.
fn last_event_id(request: &HttpRequest, query: &mut Query) -> Option<EventId> {
    let sent = match request.headers().get("last-event-id") {
        Some(sent) => String::from_utf8_lossy(sent.as_bytes()).into_owned(),
        None => query.text("last_event_id")?.to_owned(),
    };
    if sent.is_empty() {
        return None;
    }
    match sent.parse() {
        Ok(id) => Some(id),
        Err(unknown) => {
            let unknown: ains_service::UnknownEventId = unknown;
            query.faults.add("last_event_id", unknown.to_string());
            None
        }
    }
}

/// The next piece of a stream.
async fn step(follower: &mut Follower, stage: Stage) -> Option<(String, Stage)> {
    let text = match stage {
        Stage::End => return None,
        // Tells the client that it is heard, and where to go on even if nothing happens.
        Stage::Begin => return Some((format!("retry: {RETRY}\n{}", position(follower)), Stage::Follow)),
        Stage::Follow => match timeout(ALIVE, follower.next()).await {
            Err(_) => {
                follower.pass_over();
                position(follower)
            }
            Ok(Ok(Some(Followed::Events(events)))) => {
                let mut text = String::with_capacity(events.len() * 512);
                for happening in &events {
                    message(&mut text, happening);
                }
                text
            }
            Ok(Ok(Some(Followed::Gap))) => notice(
                "ains.gap",
                "some of what happened since the last event is not kept any more",
            ),
            Ok(Ok(Some(Followed::TooSlow))) => {
                let text = notice("ains.too_slow", "too much waited to be read");
                return Some((text, Stage::End));
            }
            Ok(Ok(None)) => return None,
            Ok(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a follower was let go");
                return None;
            }
        },
    };
    Some((text, Stage::Follow))
}

/// A comment, with the id where the client would go on.
fn position(follower: &Follower) -> String {
    format!(": following\nid: {}\n\n", follower.seen())
}

fn notice(name: &str, detail: &str) -> String {
    format!("event: {name}\ndata: {{\"detail\":\"{detail}\"}}\n\n")
}

/// Writes an event as `ains_api::Event`. All but the subject is text that JSON holds as it is, or JSON already.
fn message(text: &mut String, happening: &Happening) {
    let (id, event) = (happening.id, &happening.event);
    let subject = serde_json::to_string(&event.subject).unwrap_or_default();
    let _ = write!(
        text,
        "id: {id}\nevent: {kind}\ndata: {{\"specversion\":\"1.0\",\"id\":\"{id}\",\"source\":\"/ains\",\
         \"type\":\"{kind}\",\"subject\":{subject},\"time\":\"{at}\",\"data\":{data}}}\n\n",
        kind = event.kind.as_str(),
        at = event.at,
        data = event.data,
    );
}
