//! Lets in the requests that an agent has signed: an alternative to a key, for what that agent may do.
//!
//! What the signature must cover says [`signature`](super::signature). The signature is checked first, so that only what
//! an agent has signed is remembered, and read: the body is read whole before any handler sees it, and compared with
//! its digest.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::HttpMessage as _;
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::error::PayloadError;
use actix_web::http::header::{self, HeaderMap};
use actix_web::web::Bytes;
use ains_service::model::Principal;
use futures_util::{Stream, stream};

use super::challenge;
use super::nonces::Met;
use super::signature::{CONTENT_DIGEST, Fault, Message, Signature, digest_matches};
use crate::app::HttpState;
use crate::json::{self, LIMIT_MANY};
use crate::problem::{Kind, Problem};

/// Whether a request says that it is signed.
pub(crate) fn is_signed(fields: &HeaderMap) -> bool {
    fields.contains_key("signature-input")
}

/// The agent that has signed a request, which came from `address`.
///
/// # Errors
/// 401 if the signature is not good, was used before, or is another body's; 429 if there are too many; those of reading
/// the body.
pub(crate) async fn admit(
    state: &HttpState,
    request: &mut ServiceRequest,
    address: Option<IpAddr>,
) -> Result<Arc<Principal>, Problem> {
    let now = state.now();
    let principal = {
        let refuse = |fault: Fault| challenge(format!("Invalid signature: {fault}"), request);
        let signature = Signature::of(request.headers()).map_err(refuse)?;
        let terms = signature.terms(now).map_err(refuse)?;
        let has_digest = signature.covers(CONTENT_DIGEST);
        if !has_digest && has_body(request.headers()) {
            return Err(refuse(Fault::NotCovered(CONTENT_DIGEST)));
        }
        // Before anybody is looked up, and an agent that is not there does not match: nobody learns which agents there are.
        let base = signature.base(&message(request)).map_err(refuse)?;
        let signer = state.ains.signer(&terms.agent, address).await?;
        let signer = signer.ok_or_else(|| refuse(Fault::Mismatch))?;
        signature.verify(&signer.key, &base).map_err(refuse)?;
        let second = now.as_micros().div_euclid(1_000_000);
        match state.nonces.meet(&terms, second) {
            Met::New => {}
            Met::Again => return Err(refuse(Fault::Again)),
            Met::TooMany => {
                let detail = "There were too many signed requests within a minute";
                return Err(Problem::new(Kind::RateLimited, detail));
            }
        }
        if !has_digest {
            request.set_payload(Payload::None);
            return Ok(signer.principal);
        }
        signer.principal
    };
    let payload = request.take_payload();
    let body = json::take(request.request(), payload, LIMIT_MANY).await?;
    digest_matches(request.headers(), &body)
        .map_err(|fault| challenge(format!("Invalid signature: {fault}"), request))?;
    request.set_payload(once(body));
    Ok(principal)
}

/// Whether a request with these fields has a body.
fn has_body(fields: &HeaderMap) -> bool {
    let length = fields.get(header::CONTENT_LENGTH);
    length.is_some_and(|length| length != "0") || fields.contains_key(header::TRANSFER_ENCODING)
}

/// What of a request a signature can cover.
fn message(request: &ServiceRequest) -> Message<'_> {
    let host = request.headers().get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok());
    let uri = request.uri();
    Message {
        method: request.method().as_str(),
        scheme: if request.app_config().secure() {
            "https"
        } else {
            "http"
        },
        authority: uri
            .authority()
            .map_or(host.unwrap_or_default(), |own| own.as_str()),
        path: uri.path(),
        query: uri.query(),
        fields: request.headers(),
    }
}

/// A body that has been read, for the handler to read.
fn once(body: Bytes) -> Payload {
    let body: Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>> = Box::pin(stream::iter([Ok(body)]));
    Payload::Stream { payload: body }
}
