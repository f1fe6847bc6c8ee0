//! The gate of a route: whether whoever calls may do this, with what the path names. No handler runs before it.

use std::future::{Ready, ready};
use std::rc::Rc;
use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::http::Method;
use actix_web::{Error, HttpMessage, HttpResponse};
use ains_core::{Reach, Scope};
use ains_service::access::{Thing, Use};
use ains_service::model::Principal;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use super::need::{Need, Noun, Rule};
use super::standing::while_good;
use super::{Auth, challenge};
use crate::app::HttpState;
use crate::problem::{Kind, Problem};
use crate::refusals::OutOfReach;
use crate::routes::State;

/// The middleware around a route.
pub(crate) struct Gate {
    pub(crate) noun: Noun,
    pub(crate) rules: Rc<[Rule]>,
}

impl<S> Transform<S, ServiceRequest> for Gate
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error> + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Transform = Gated<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inside: S) -> Self::Future {
        ready(Ok(Gated {
            inside: Rc::new(inside),
            noun: self.noun,
            rules: Rc::clone(&self.rules),
        }))
    }
}

/// The middleware at work.
pub(crate) struct Gated<S> {
    inside: Rc<S>,
    noun: Noun,
    rules: Rc<[Rule]>,
}

impl<S> Service<ServiceRequest> for Gated<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error> + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Error>>;

    forward_ready!(inside);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let rule = self.rules.iter().find(|rule| rule.method == *request.method());
        // Another method is answered with those that there are.
        let Some(rule) = rule else {
            return self.inside.call(request).boxed_local();
        };
        let state = request
            .app_data::<State>()
            .expect("every route has the state")
            .clone();
        let principal = request.extensions().get::<Arc<Principal>>().cloned();
        if let Err(problem) = may(&state, rule.need, principal.as_deref(), &request) {
            return ready(Ok(refused(request, problem))).boxed_local();
        }
        let Some(principal) = principal else {
            return self.inside.call(request).boxed_local();
        };
        let named = request.match_info().get("id").and_then(|id| self.noun.thing(id));
        within(Rc::clone(&self.inside), state, request, principal, named).boxed_local()
    }
}

/// Lets a request pass that may, for as long as its key is good.
async fn within<S>(
    inside: Rc<S>,
    state: State,
    request: ServiceRequest,
    principal: Arc<Principal>,
    named: Option<Thing>,
) -> Result<ServiceResponse<BoxBody>, Error>
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    if let Err(problem) = reached(&state, &request, &principal, named).await {
        if problem.kind() == Kind::NotFound {
            request.extensions_mut().insert(OutOfReach);
        }
        return Ok(refused(request, problem));
    }
    let asked = request.request().clone();
    match while_good(&state, &principal, inside.call(request)).await {
        Ok(answer) => answer,
        Err(problem) => Ok(ServiceResponse::new(asked, HttpResponse::from_error(problem))),
    }
}

/// Whether a key reaches what the path names, and is still bound to an agent of its client, if it is to one.
async fn reached(
    state: &HttpState,
    request: &ServiceRequest,
    principal: &Principal,
    named: Option<Thing>,
) -> Result<(), Problem> {
    if principal.reach == Reach::Everything {
        return Ok(());
    }
    if !state.ains.is_bound(principal).await? {
        let detail = "The agent that this key is bound to is not its client's";
        return Err(Problem::new(Kind::Forbidden, detail));
    }
    let wanted = if request.method() == Method::GET {
        Use::Look
    } else {
        Use::Change
    };
    match named {
        Some(thing) => Ok(state.ains.reaches(&principal.reach, &thing, wanted).await?),
        None => Ok(()),
    }
}

/// Whether the key of a request allows what a route asks for.
fn may(
    state: &HttpState,
    need: Need,
    principal: Option<&Principal>,
    request: &ServiceRequest,
) -> Result<(), Problem> {
    match principal {
        Some(principal) if need.is_met_by(principal) => Ok(()),
        Some(_) => Err(Problem::new(Kind::Forbidden, missing(need))),
        None if need == Need::Nothing => Ok(()),
        None if need != Need::KeyAlways && state.auth == Auth::Off => Ok(()),
        None => Err(challenge("API key required", request)),
    }
}

fn missing(need: Need) -> String {
    let scopes: Vec<&str> = need.scopes().iter().map(Scope::as_str).collect();
    format!("This needs a key with the scope {}", scopes.join(" or "))
}

fn refused(request: ServiceRequest, problem: Problem) -> ServiceResponse<BoxBody> {
    // Not `into_response`, which forgets the problem that the front finishes.
    ServiceResponse::new(request.into_parts().0, HttpResponse::from_error(problem))
}
