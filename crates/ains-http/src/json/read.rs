//! Takes the bytes of a body from the connection: JSON only, within a size and a time.

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
pub(crate) async fn read(
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
    let Some(body) = body else {
        drain(&mut payload).await;
        return Err(too_large(limit));
    };
    if !body.is_empty() {
        is_json(request)?;
    }
    Ok(body)
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
    let unsupported = |detail| Err(Problem::new(Kind::UnsupportedMediaType, detail));
    if let Some(coding) = request.headers().get(header::CONTENT_ENCODING)
        && !coding.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        return unsupported("A body with a content encoding is not accepted");
    }
    let Some(content_type) = request.headers().get(header::CONTENT_TYPE) else {
        return Ok(());
    };
    let essence = content_type
        .as_bytes()
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii();
    let json = essence.eq_ignore_ascii_case(b"application/json")
        || (essence.len() > 5 && essence[essence.len() - 5..].eq_ignore_ascii_case(b"+json"));
    if json {
        Ok(())
    } else {
        unsupported("The body has to be application/json")
    }
}
