//! Takes the bytes of a body from the connection: of a known type, within a size and a time.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::{Bytes, BytesMut};
use futures_util::StreamExt;

use crate::problem::{Kind, Problem};

/// How long a body may take to arrive; a client that sends 1 MiB at 300 kbit/s still makes it.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long the rest of a body that is too large is read, so that its sender gets to see the answer.
const GRACE: Duration = Duration::from_secs(2);

/// The body of `request`, which must be JSON of at most `limit` bytes.
///
/// # Errors
/// 408, 413, 415, and 400 if the connection breaks off.
pub(crate) async fn read(request: &HttpRequest, payload: Payload, limit: usize) -> Result<Bytes, Problem> {
    let body = take(request, payload, limit).await?;
    if !body.is_empty() {
        is_json(request)?;
    }
    Ok(body)
}

/// The body of `request`, of at most `limit` bytes, whatever its type.
///
/// # Errors
/// 408, 413, 415 if it has a content encoding, and 400 if the connection breaks off.
pub(crate) async fn read_any(
    request: &HttpRequest,
    payload: Payload,
    limit: usize,
) -> Result<Bytes, Problem> {
    let body = take(request, payload, limit).await?;
    is_not_encoded(request)?;
    Ok(body)
}

/// Whether the body of `request` is declared to be of the type `essence`.
pub(crate) fn is_declared(request: &HttpRequest, essence: &str) -> bool {
    declared_type(request).is_some_and(|declared| declared.eq_ignore_ascii_case(essence.as_bytes()))
}

/// The body of `request`, of at most `limit` bytes, whatever it is.
///
/// # Errors
/// 408, 413, and 400 if the connection breaks off.
pub(crate) async fn take(
    request: &HttpRequest,
    mut payload: Payload,
    limit: usize,
) -> Result<Bytes, Problem> {
    let declared = request.headers().get(header::CONTENT_LENGTH);
    let declared = declared
        .and_then(|length| length.to_str().ok())
        .and_then(|length| length.parse::<u64>().ok());
    if declared.is_some_and(|length| length > limit as u64) {
        drain(&mut payload).await;
        return Err(too_large(limit));
    }
    let body = actix_web::rt::time::timeout(PATIENCE, collect(&mut payload, limit))
        .await
        .map_err(|_| {
            Problem::new(
                Kind::RequestTimeout,
                format!("The body took longer than {PATIENCE:?}"),
            )
        })??;
    if body.is_none() {
        drain(&mut payload).await;
    }
    body.ok_or_else(|| too_large(limit))
}

/// The whole payload, or `None` as soon as it passes `limit`.
async fn collect(payload: &mut Payload, limit: usize) -> Result<Option<Bytes>, Problem> {
    let broken = |_| Problem::bad_request("The body ended before it was complete");
    let first = payload
        .next()
        .await
        .transpose()
        .map_err(broken)?
        .unwrap_or_default();
    if first.len() > limit {
        return Ok(None);
    }
    // Most bodies come in one piece, and that piece is not copied.
    let Some(second) = payload.next().await.transpose().map_err(broken)? else {
        return Ok(Some(first));
    };
    let mut all = BytesMut::with_capacity((first.len() + second.len()).min(limit));
    all.extend_from_slice(&first);
    let mut next = Some(second);
    while let Some(piece) = next {
        if all.len() + piece.len() > limit {
            return Ok(None);
        }
        all.extend_from_slice(&piece);
        next = payload.next().await.transpose().map_err(broken)?;
    }
    Ok(Some(all.freeze()))
}

/// Reads and forgets, for a while.
async fn drain(payload: &mut Payload) {
    let rest = async { while let Some(Ok(_)) = payload.next().await {} };
    let _ = actix_web::rt::time::timeout(GRACE, rest).await;
}

fn too_large(limit: usize) -> Problem {
    Problem::new(
        Kind::BodyTooLarge,
        format!("The body is larger than the limit of {limit} bytes"),
    )
}

/// No content type is as good as the right one: some of the original's clients send none.
fn is_json(request: &HttpRequest) -> Result<(), Problem> {
    is_not_encoded(request)?;
    let json = declared_type(request).is_none_or(|essence| {
        essence.eq_ignore_ascii_case(b"application/json")
            || (essence.len() > 5 && essence[essence.len() - 5..].eq_ignore_ascii_case(b"+json"))
    });
    if json {
        Ok(())
    } else {
        Err(unsupported("The body has to be application/json"))
    }
}

fn is_not_encoded(request: &HttpRequest) -> Result<(), Problem> {
    match request.headers().get(header::CONTENT_ENCODING) {
        Some(coding) if !coding.as_bytes().eq_ignore_ascii_case(b"identity") => {
            Err(unsupported("A body with a content encoding is not accepted"))
        }
        _ => Ok(()),
    }
}

/// The type that the body is declared to be of, without its parameters.
fn declared_type(request: &HttpRequest) -> Option<&[u8]> {
    let declared = request.headers().get(header::CONTENT_TYPE)?.as_bytes();
    let essence = declared.split(|byte| *byte == b';').next().unwrap_or_default();
    Some(essence.trim_ascii())
}

fn unsupported(detail: &'static str) -> Problem {
    Problem::new(Kind::UnsupportedMediaType, detail)
}
