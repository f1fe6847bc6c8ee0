//! Drawing for a key, one draw after the other as long as requests wait for one.

use std::collections::VecDeque;

use ains_core::rate::{Answer, Draw, Drawn};
use ains_core::{KeyId, Timestamp};
use ains_store::{Backend, StoreError, rates};

use super::{Limited, Waiting};
use crate::ains::Ains;
use crate::error::Error;

/// Who draws for a key. If it is dropped before it has ended, with its runtime, nobody is left waiting.
struct Drawing {
    ains: Ains,
    key: KeyId,
    has_ended: bool,
}

impl Drawing {
    /// Lets another draw, at the moment at which nobody waits for this one.
    fn end(&mut self, limited: &mut Limited) -> VecDeque<Waiting> {
        self.has_ended = true;
        limited.is_drawing = false;
        std::mem::take(&mut limited.waiting)
    }
}

impl Drop for Drawing {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        if let Some(limited) = self.ains.inner.limits.keys().get_mut(&self.key) {
            limited.is_drawing = false;
            // Their ways back are dropped, which tells them that the service stops.
            limited.waiting.clear();
        }
    }
}

impl Ains {
    /// Draws until nobody waits any more.
    pub(super) async fn draw(self, key: KeyId, mut draws: Vec<Draw>) {
        let ains = self.clone();
        let mut drawing = Drawing {
            ains: self,
            key,
            has_ended: false,
        };
        loop {
            let drawn = ains.store_draws(key, draws.clone()).await;
            let now = ains.now();
            let mut keys = ains.inner.limits.keys();
            // Who draws is not forgotten.
            let limited = keys.entry(key).or_default();
            match drawn {
                Ok(drawn) => {
                    for (draw, drawn) in draws.iter().zip(drawn) {
                        limited.meter.drawn(*draw, drawn);
                    }
                    let answer = limited.serve(now);
                    draws = limited.meter.draws(answer);
                    if answer != Answer::Dry {
                        drawing.end(limited);
                        return;
                    }
                }
                Err(error) => {
                    let waiting = drawing.end(limited);
                    drop(keys);
                    tell(waiting, error);
                    return;
                }
            }
        }
    }

    /// On SQLite in the next transaction of the writer. On PostgreSQL in one of its own: in one with others, drawn in another
    /// order elsewhere, servers would wait for each other.
    async fn store_draws(&self, key: KeyId, draws: Vec<Draw>) -> Result<Vec<Option<Drawn>>, Error> {
        match self.inner.store.backend() {
            Backend::Sqlite => {
                self.write(move |tx| rates::draw(tx.conn, key, &draws).map(Ok))
                    .await
            }
            Backend::Postgres => self.read(move |conn| rates::draw(conn, key, &draws)).await,
        }
    }
}

impl Limited {
    /// Judges those that wait, in order, until more must be drawn. Who went away is passed over, and uses nothing.
    fn serve(&mut self, now: Timestamp) -> Answer {
        let mut last = Answer::Passed;
        while let Some(waiting) = self.waiting.pop_front() {
            if waiting.reply.is_closed() {
                continue;
            }
            let (answer, passage) = self.judge(waiting.quota, now);
            last = answer;
            let Some(passage) = passage else {
                self.waiting.push_front(waiting);
                break;
            };
            // Who went away just now has used one up.
            let _ = waiting.reply.send(Ok(passage));
        }
        last
    }
}

/// Tells those that wait why it failed.
fn tell(waiting: impl IntoIterator<Item = Waiting>, error: Error) {
    let text = error.to_string();
    let mut first = Some(error);
    for waiting in waiting {
        let error = match &first {
            Some(Error::Overloaded) => Error::Overloaded,
            Some(Error::Stopping) => Error::Stopping,
            _ => first
                .take()
                .unwrap_or_else(|| Error::Store(StoreError::Unavailable(text.clone()))),
        };
        let _ = waiting.reply.send(Err(error));
    }
}
