//! Requests that are carried out once however often they are sent (semantics §1.6).

use ains_core::Timestamp;
use ains_store::idempotency::{self, Answered};
use ains_store::{Conn, StoreError};

use crate::error::Error;
use crate::model::Once;

/// How long the answer to a request with an idempotency key is kept (semantics §1.6).
pub(crate) const WINDOW: std::time::Duration = std::time::Duration::from_hours(24);

/// The answer that an earlier request with this key got, or why the key is not good.
pub(crate) fn earlier_answer<T: ?Sized>(
    conn: &mut Conn,
    once: &Once<T>,
    now: Timestamp,
) -> Result<Option<Result<String, Error>>, StoreError> {
    let earlier = idempotency::find(conn, &once.scope, &once.key, now - WINDOW)?;
    Ok(earlier.map(|earlier| {
        if earlier.fingerprint == once.fingerprint {
            Ok(earlier.answer)
        } else {
            Err(Error::KeyReused)
        }
    }))
}

/// Keeps the answer for the next request with this key.
pub(crate) fn keep_answer<T: ?Sized>(
    conn: &mut Conn,
    once: &Once<T>,
    answer: String,
    now: Timestamp,
) -> Result<(), StoreError> {
    let answered = Answered {
        scope: once.scope.clone(),
        idempotency_key: once.key.clone(),
        fingerprint: once.fingerprint.clone(),
        answer,
        created_at: now.as_micros(),
    };
    idempotency::insert(conn, &answered, now - WINDOW)
}
