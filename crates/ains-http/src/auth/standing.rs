//! Requests that last: a key that is revoked, switched off or expires while one waits ends it.

use std::pin::pin;
use std::time::Duration;

use actix_web::rt::time::{Instant, sleep, sleep_until};
use ains_service::model::Principal;
use futures_util::future::{Either, select};

use crate::problem::{Kind, Problem};
use crate::routes::State;

/// How often it is looked whether a key is still good: so that a request ends within a second of it.
const LOOK: Duration = Duration::from_millis(400);

/// What `work` gives, if the key stays good for as long as it takes.
///
/// # Errors
/// 401 if it does not; the work is dropped then. What it had written stays: it was allowed to when it did.
pub(crate) async fn while_good<T>(
    state: &State,
    principal: &Principal,
    work: impl Future<Output = T>,
) -> Result<T, Problem> {
    let mut work = pin!(work);
    loop {
        match select(work, pin!(sleep(LOOK))).await {
            Either::Left((done, _)) => return Ok(done),
            Either::Right(((), waiting)) => work = waiting,
        }
        // While the database is away, nobody knows; the work fails by itself then.
        if !state.ains.is_still_good(principal).await.unwrap_or(true) {
            return Err(Problem::new(Kind::Unauthorized, "Invalid API key").challenged("Bearer"));
        }
    }
}

/// The same for a stream, piece by piece.
#[derive(Debug)]
pub(crate) struct Watch {
    principal: Option<Principal>,
    next: Instant,
}

impl Watch {
    /// Watches the key of `principal`; without one there is nothing to watch.
    pub(crate) fn over(principal: Option<&Principal>) -> Self {
        Self {
            principal: principal.cloned(),
            next: Instant::now() + LOOK,
        }
    }

    /// The next piece, or `None` if the key is good no more.
    pub(crate) async fn while_good<T>(
        &mut self,
        state: &State,
        piece: impl Future<Output = Option<T>>,
    ) -> Option<T> {
        let Some(principal) = &self.principal else {
            return piece.await;
        };
        let mut piece = pin!(piece);
        loop {
            if self.next <= Instant::now() {
                self.next = Instant::now() + LOOK;
                // While the database is away, nobody knows; then nothing happens either.
                if !state.ains.is_still_good(principal).await.unwrap_or(true) {
                    return None;
                }
            }
            match select(piece, pin!(sleep_until(self.next))).await {
                Either::Left((done, _)) => return done,
                Either::Right(((), waiting)) => piece = waiting,
            }
        }
    }
}
