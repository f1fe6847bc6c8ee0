//! The front: what every request passes on its way in, and every answer on its way out.
//!
//! In: a request id, a tracing span, authentication, limits. Out: the request id, how the key stands, problems in their final form, a log line; and
//! every answer is counted.
//! A handler that panics is answered as any other fault of the server.

use std::any::Any;
use std::error::Error as _;
use std::future::{Ready, ready};
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::error::InternalError;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpResponse};
use ains_core::rate::Standing;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use tracing::{Instrument, Level};

use crate::app::HttpState;
use crate::auth;
use crate::cors::Origins;
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::refusals;
use crate::request_id::{RequestId, X_REQUEST_ID};
use crate::requests::{Desk, Verb};

/// The middleware around the whole application.
#[derive(Debug, Clone)]
pub(crate) struct Front(pub(crate) Data<HttpState>);

impl<S> Transform<S, ServiceRequest> for Front
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error> + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Transform = Passage<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inside: S) -> Self::Future {
        ready(Ok(Passage {
            inside: Rc::new(inside),
            state: self.0.clone(),
            desk: Rc::default(),
        }))
    }
}

/// The middleware at work.
pub(crate) struct Passage<S> {
    inside: Rc<S>,
    state: Data<HttpState>,
    /// The counters of this worker.
    desk: Rc<Desk>,
}

impl<S> Service<ServiceRequest> for Passage<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error> + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Error>>;

    forward_ready!(inside);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let id = self.state.ids.of(request.headers());
        let span = tracing::debug_span!(
            "request",
            id = text(&id),
            method = %request.method(),
            path = request.path(),
            traceparent = request.headers().get("traceparent").map(text),
        );
        let (inside, state) = (Rc::clone(&self.inside), self.state.clone());
        let passing = count(Rc::clone(&self.desk), inside, state, request, id);
        if span.is_disabled() {
            return passing.boxed_local();
        }
        passing.instrument(span).boxed_local()
    }
}

/// Lets a request pass, and counts the answer.
async fn count<S>(
    desk: Rc<Desk>,
    inside: Rc<S>,
    state: Data<HttpState>,
    request: ServiceRequest,
    id: HeaderValue,
) -> Result<ServiceResponse<BoxBody>, Error>
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    let begun = Instant::now();
    let verb = Verb::of(request.method());
    let answer = pass(inside, state.clone(), request, id).await;
    let took = begun.elapsed();
    let (route, status) = match &answer {
        Ok(answer) => (answer.request().match_pattern(), answer.status()),
        Err(error) => (None, error.as_response_error().status_code()),
    };
    if tracing::enabled!(Level::DEBUG) {
        let status = status.as_u16();
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        tracing::debug!(route, status, micros, "answered");
    }
    desk.count(&state.requests, route.as_deref(), verb, status, took);
    answer
}

async fn pass<S>(
    inside: Rc<S>,
    state: Data<HttpState>,
    mut request: ServiceRequest,
    id: HeaderValue,
) -> Result<ServiceResponse<BoxBody>, Error>
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    let mut marks = Marks {
        id,
        origin: state.origins.named(request.headers()),
        standing: Standing::default(),
    };
    if let Some(answer) = Origins::preflight(&request, marks.origin.as_ref()) {
        let mut answer = request.into_response(answer);
        marks.put(&state, answer.headers_mut());
        return Ok(answer);
    }
    let admitted = match Origins::refuse_forged(&request, marks.origin.as_ref()) {
        Ok(()) => admit(&state, &mut request, &mut marks.standing).await,
        Err(problem) => Err(problem),
    };
    let answer = match admitted {
        Ok(()) => {
            if request.method() != Method::GET {
                request.extensions_mut().insert(RequestId(marks.id.clone()));
            }
            // Called within the future, so that a panic before its first await is caught too.
            match AssertUnwindSafe(async { inside.call(request).await })
                .catch_unwind()
                .await
            {
                Ok(Ok(answer)) => answer,
                Ok(Err(error)) => return Err(finished(HttpResponse::from_error(error), &marks, &state)),
                Err(panic) => return Err(finished(panicked(panic.as_ref()), &marks, &state)),
            }
        }
        Err(problem) => {
            refusals::note(&state, request.request(), &problem);
            request.into_response(explained(HttpResponse::from_error(problem), &marks.id))
        }
    };
    let mut answer = if answer.status().is_client_error() || answer.status().is_server_error() {
        let (request, response) = answer.into_parts();
        if let Some(problem) = response.error().and_then(|error| error.as_error()) {
            refusals::note(&state, &request, problem);
        }
        ServiceResponse::new(request, explained(response, &marks.id))
    } else {
        answer
    };
    marks.put(&state, answer.headers_mut());
    Ok(answer)
}

/// Finds out whom a request is from, and whether it may pass.
async fn admit(
    state: &HttpState,
    request: &mut ServiceRequest,
    standing: &mut Standing,
) -> Result<(), Problem> {
    let Some(principal) = auth::admit(state, request).await? else {
        return Ok(());
    };
    // By it the gate of the route decides, and handlers and the audit log know their caller.
    request.extensions_mut().insert(Arc::clone(&principal));
    let (stands, passed) = limits::pass(state, &principal).await;
    *standing = stands;
    passed
}

/// What every answer to a request says of it.
struct Marks {
    id: HeaderValue,
    /// Whose page asks, if it may.
    origin: Option<HeaderValue>,
    /// How its key stands.
    standing: Standing,
}

impl Marks {
    fn put(&self, state: &HttpState, headers: &mut HeaderMap) {
        state.defences.put(headers);
        state.origins.put(self.origin.clone(), headers);
        limits::tell(&self.standing, headers);
        headers.insert(X_REQUEST_ID.clone(), self.id.clone());
    }
}

/// An answer for which there is no request any more, as an error that carries it.
fn finished(response: HttpResponse, marks: &Marks, state: &HttpState) -> Error {
    let mut response = explained(response, &marks.id);
    marks.put(state, response.headers_mut());
    InternalError::from_response("the request was lost", response).into()
}

/// The problem that `response` stands for, in its final form, and logged if it is ours.
fn explained(response: HttpResponse, id: &HeaderValue) -> HttpResponse {
    let Some(error) = response.error() else {
        // A status that the framework answered with, such as 405; or a problem that was rendered already.
        let rendered = response.headers().contains_key(header::CONTENT_TYPE);
        return if rendered {
            response
        } else {
            keep_allow(&response, &Problem::of_status(response.status()), id)
        };
    };
    match error.as_error::<Problem>() {
        Some(problem) => {
            log(problem, id);
            problem.response(Some(text(id)))
        }
        None => keep_allow(&response, &Problem::of_status(response.status()), id),
    }
}

fn keep_allow(response: &HttpResponse, problem: &Problem, id: &HeaderValue) -> HttpResponse {
    let mut explained = problem.response(Some(text(id)));
    if let Some(allow) = response.headers().get(header::ALLOW) {
        explained.headers_mut().insert(header::ALLOW, allow.clone());
    }
    explained
}

/// Writes down what the caller is not told.
fn log(problem: &Problem, id: &HeaderValue) {
    if !problem.kind().status().is_server_error() {
        return;
    }
    let mut causes = problem.cause().map(ToString::to_string).unwrap_or_default();
    let mut cause = problem.cause().and_then(|cause| cause.source());
    while let Some(deeper) = cause {
        causes.push_str(": ");
        causes.push_str(&deeper.to_string());
        cause = deeper.source();
    }
    if problem.kind() == Kind::Internal {
        tracing::error!(request = text(id), causes, "a request failed");
    } else {
        tracing::warn!(request = text(id), causes, "a request was turned away");
    }
}

fn panicked(panic: &(dyn Any + Send)) -> HttpResponse {
    let message = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    tracing::error!(message, "a handler panicked");
    HttpResponse::from_error(Problem::internal())
}

fn text(value: &HeaderValue) -> &str {
    value.to_str().unwrap_or("?")
}

#[cfg(test)]
mod tests {
    use actix_web::body::MessageBody;
    use actix_web::test::{TestRequest, init_service};
    use actix_web::{App, web};
    use ains_service::{Ains, Settings, SystemClock};
    use ains_store::{Options, Store};
    use ains_testkit::TestDb;

    use super::*;
    use crate::auth::Auth;

    async fn broken() -> HttpResponse {
        panic!("a secret of the inside")
    }

    #[actix_web::test]
    async fn a_handler_that_panics_is_a_fault_of_ours_and_tells_nothing() {
        let db = TestDb::sqlite();
        let options = Options::new(db.url().parse().expect("a URL"));
        let store = web::block(move || Store::open(&options))
            .await
            .expect("a thread")
            .expect("a store");
        let ains = Ains::start(store, Settings::default(), Arc::new(SystemClock))
            .await
            .expect("a service");
        let state = Data::new(HttpState::new(ains, Auth::Off, "1", 1));
        let app = init_service(
            App::new()
                .route("/broken", web::get().to(broken))
                .wrap(Front(state)),
        )
        .await;
        let request = TestRequest::with_uri("/broken")
            .insert_header(("x-request-id", "my-id"))
            .to_request();
        let response = match app.call(request).await {
            Ok(answered) => answered.into_parts().1,
            Err(error) => HttpResponse::from_error(error),
        };
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers().get("x-request-id").unwrap(), "my-id");
        let body = response.into_body().try_into_bytes().unwrap();
        let problem: ains_api::Problem = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            (&*problem.kind, problem.instance.as_deref()),
            ("/problems/internal", Some("my-id"))
        );
        assert!(!problem.to_string().contains("secret"));
    }
}
