//! Bodies: read within limits, and checked so that every fault is named at once.
//!
//! | file | decides |
//! |---|---|
//! | `read` | how much is read, how long, of which type |
//! | `depth` | how deep it may nest |
//! | `shape` | what is wrong with a body that does not fit its type |
//! | `place` | where in the body a fault lies |
//! | `strict` | that a list is no object |
//! | `members` | what an object says, before it is read |
//! | `faults` | what is wrong with values: ranges, names, words |
//! | `readable` | whether a document can be read again |

mod depth;
mod faults;
mod members;
mod place;
mod read;
mod readable;
mod shape;
mod strict;

use actix_web::dev::Payload;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use serde::de::DeserializeOwned;

pub(crate) use faults::Faults;
pub(crate) use members::Members;
pub(crate) use read::{is_declared, read, read_any, take};
pub(crate) use shape::{Effort, parse};

use crate::problem::{Kind, Problem};

/// Bytes of a body, of an input and of a result (semantics §9).
pub(crate) const LIMIT: usize = 1 << 20;

/// Bytes of a body that carries many tasks or results, each of which has [`LIMIT`].
pub(crate) const LIMIT_MANY: usize = 16 << 20;

/// Levels of arrays and objects in a body (semantics §9).
pub(crate) const DEPTH: usize = 64;

/// A JSON body of at most `MAX` bytes that may still have faults; [`Body::check`] is the way to its value.
#[derive(Debug)]
pub(crate) struct Body<T, const MAX: usize = LIMIT> {
    /// None if none can be made of it.
    value: Option<T>,
    faults: Faults,
    raw: Bytes,
}

impl<T, const MAX: usize> Body<T, MAX> {
    /// The bytes as they came.
    pub(crate) fn raw(&self) -> Bytes {
        self.raw.clone()
    }

    /// The value, if one can be made of it: to find out what is needed to check it.
    pub(crate) fn peek(&self) -> Option<&T> {
        self.value.as_ref()
    }

    /// Looks at the value, if one can be made of it, and adds what is wrong with it.
    pub(crate) fn look(&mut self, look: impl FnOnce(&T, &mut Faults)) {
        if let Some(value) = &self.value {
            look(value, &mut self.faults);
        }
    }

    /// What `check` makes of the value, if neither its form nor `check` finds a fault.
    ///
    /// # Errors
    /// 422 with every fault of the form, and those that `check` adds.
    pub(crate) fn check<U>(mut self, check: impl FnOnce(T, &mut Faults) -> Option<U>) -> Result<U, Problem> {
        let checked = self.value.and_then(|value| check(value, &mut self.faults));
        self.faults.into_result(checked)
    }

    /// The value, if it has the right form.
    ///
    /// # Errors
    /// 422 with every fault of the form.
    pub(crate) fn value(self) -> Result<T, Problem> {
        self.check(|value, _| Some(value))
    }
}

impl<T: DeserializeOwned + 'static, const MAX: usize> FromRequest for Body<T, MAX> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        async move {
            let raw = read(&request, payload, MAX).await?;
            let (value, faults) = parse_bytes(&raw)?;
            Ok(Self { value, faults, raw })
        }
        .boxed_local()
    }
}

/// Reads a `T` from a body. An empty one counts as `{}`.
pub(crate) fn parse_bytes<T: DeserializeOwned>(raw: &[u8]) -> Result<(Option<T>, Faults), Problem> {
    let text = std::str::from_utf8(raw)
        .map_err(|error| {
            Problem::new(
                Kind::MalformedJson,
                format!("The body is not UTF-8 after byte {}", error.valid_up_to()),
            )
        })?
        .trim_ascii();
    if depth::exceeds(text.as_bytes(), DEPTH) {
        return Err(Faults::of("", format!("nests deeper than the limit of {DEPTH} levels")).into_problem());
    }
    parse(if text.is_empty() { "{}" } else { text }, &mut Effort::default())
}
