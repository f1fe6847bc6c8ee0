//! `Idempotency-Key`: a request that is carried out once however often it is sent (semantics §1.6).

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::HeaderName;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use ains_service::model::{Answer, Once};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::app::HttpState;
use crate::auth::Caller;
use crate::problem::Problem;
use crate::reply;

/// The header that carries it.
static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Longest key, in bytes.
const LONGEST: usize = 255;

/// The key of this request, if it has one.
#[derive(Debug, Clone)]
pub(crate) struct IdempotencyKey(Option<Keyed>);

#[derive(Debug, Clone)]
struct Keyed {
    key: String,
    /// Method and path.
    target: String,
}

impl IdempotencyKey {
    /// What the service needs to carry out `raw` once, answering with what `render` makes of the outcome.
    pub(crate) fn once<T: ?Sized, A: Serialize>(
        self,
        caller: &Caller,
        raw: &[u8],
        render: impl Fn(&T) -> A + Send + 'static,
    ) -> Option<Once<T>> {
        self.0.map(|keyed| {
            let digest = Sha256::new()
                .chain_update(keyed.target.as_bytes())
                .chain_update([0])
                .chain_update(raw);
            Once {
                scope: caller.scope(),
                key: keyed.key,
                fingerprint: hex::encode(digest.finalize()),
                render: Box::new(move |outcome| reply::to_text(&render(outcome))),
            }
        })
    }
}

/// The answer to the same request that was sent before, if it was: for what has to be looked up to check a request, and
/// may have changed since.
pub(crate) async fn earlier(
    state: &HttpState,
    key: &IdempotencyKey,
    caller: &Caller,
    raw: &[u8],
) -> Result<Option<HttpResponse>, Problem> {
    let once = key.clone().once(caller, raw, |(): &()| ());
    Ok(state.ains.earlier(once.as_ref()).await?.map(reply::json))
}

/// The answer to a request that may have been sent before.
pub(crate) fn answered<T, A: Serialize>(answer: Answer<T>, render: impl FnOnce(&T) -> A) -> HttpResponse {
    match answer {
        Answer::Fresh(outcome) => reply::json(reply::to_text(&render(&outcome))),
        Answer::Replayed(text) => reply::json(text),
    }
}

impl FromRequest for IdempotencyKey {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(sent) = request.headers().get(&IDEMPOTENCY_KEY) else {
            return ready(Ok(Self(None)));
        };
        let printable = |key: &&str| key.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        let key = sent
            .to_str()
            .ok()
            .filter(|key| (1..=LONGEST).contains(&key.len()))
            .filter(printable);
        ready(match key {
            Some(key) => {
                let target = format!("{} {}", request.method(), request.uri());
                Ok(Self(Some(Keyed {
                    key: key.to_owned(),
                    target,
                })))
            }
            None => Err(Problem::bad_request(format!(
                "The Idempotency-Key must have 1 to {LONGEST} printable ASCII characters"
            ))),
        })
    }
}
