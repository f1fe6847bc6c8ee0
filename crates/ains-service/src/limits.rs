//! Whose requests pass: the limits of keys, of addresses, and of guesses at keys (semantics §9).
//!
//! Of each key a server holds what is left of the blocks that it drew from the database ([`Meter`]); within a block a
//! request is judged in memory. One draw at a time is made for a key, ahead of need where blocks are large; whoever comes
//! meanwhile and finds nothing left waits for it, in order. A draw that cannot be made, because too much waits to be
//! written or the database is away, fails those that wait for it and nobody else: nothing passes uncounted.
//!
//! What is kept is bounded. A key that is forgotten loses what its block had left, and begins with a new one.

mod draw;

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ains_core::rate::{Addresses, Answer, Meter, Quota, Standing};
use ains_core::{KeyId, Timestamp};
use tokio::sync::oneshot;

use crate::ains::Ains;
use crate::error::Error;
use crate::metrics::Limit;
use crate::settings::Settings;

/// Keys of which something is held at most.
const KEYS: usize = 65_536;

/// Addresses that are counted apart in a minute; those beyond share one count.
const ADDRESSES: usize = 65_536;

/// What became of a request of a key, and how the key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// It passes, and was counted.
    Passed(Standing),
    /// It does not; it was not counted.
    Refused(Standing),
}

/// The limits as one server knows them.
#[derive(Debug)]
pub(crate) struct Limits {
    keys: Mutex<HashMap<KeyId, Limited>>,
    strangers: Option<Mutex<Addresses>>,
    guesses: Option<Mutex<Addresses>>,
}

/// A key with limits.
#[derive(Debug, Default)]
struct Limited {
    meter: Meter,
    /// Whether more is being drawn.
    is_drawing: bool,
    /// Who waits for that.
    waiting: VecDeque<Waiting>,
}

/// A request that waits for a draw.
#[derive(Debug)]
struct Waiting {
    quota: Quota,
    reply: oneshot::Sender<Result<Passage, Error>>,
}

/// What is said to a request at once.
enum Judged {
    Now(Passage),
    Later(oneshot::Receiver<Result<Passage, Error>>),
}

impl Limits {
    pub(crate) fn new(settings: &Settings) -> Self {
        let table = |limit: u32| (limit > 0).then(|| Mutex::new(Addresses::new(limit, ADDRESSES)));
        Self {
            keys: Mutex::default(),
            strangers: table(settings.address_limit),
            guesses: table(settings.guess_limit),
        }
    }

    fn keys(&self) -> MutexGuard<'_, HashMap<KeyId, Limited>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Limited {
    /// Judges a request, if no draw is needed for that.
    fn judge(&mut self, quota: Quota, now: Timestamp) -> (Answer, Option<Passage>) {
        let answer = self.meter.ask(quota, now);
        let passage = match answer {
            Answer::Passed => Some(Passage::Passed(self.meter.standing(now))),
            Answer::Refused => Some(Passage::Refused(self.meter.standing(now))),
            Answer::Dry => None,
        };
        (answer, passage)
    }
}

impl Ains {
    /// Lets a request of `key` pass, if its limits allow it; and counts it then.
    ///
    /// # Errors
    /// When it cannot be found out: too much waits to be written, or the database is away.
    pub async fn pass(&self, key: KeyId, quota: Quota) -> Result<Passage, Error> {
        let now = self.now();
        let passage = if quota.is_unlimited() {
            Passage::Passed(Standing::default())
        } else {
            match self.judge(key, quota, now) {
                Judged::Now(passage) => passage,
                Judged::Later(answer) => answer.await.unwrap_or(Err(Error::Stopping))?,
            }
        };
        match passage {
            Passage::Passed(_) => self.inner.usage.count(key, now),
            Passage::Refused(standing) => {
                if let Some((period, _)) = standing.exhausted() {
                    self.metrics().limited(period.into());
                }
            }
        }
        Ok(passage)
    }

    /// Judges a request, and draws if something is missing or soon will be.
    fn judge(&self, key: KeyId, quota: Quota, now: Timestamp) -> Judged {
        let mut keys = self.inner.limits.keys();
        if keys.len() >= KEYS && !keys.contains_key(&key) {
            make_room(&mut keys, now);
        }
        let limited = keys.entry(key).or_default();
        // Those that wait come first.
        let (answer, passage) = if limited.waiting.is_empty() {
            limited.judge(quota, now)
        } else {
            (Answer::Dry, None)
        };
        let judged = passage.map_or_else(
            || {
                let (reply, answer) = oneshot::channel();
                limited.waiting.push_back(Waiting { quota, reply });
                Judged::Later(answer)
            },
            Judged::Now,
        );
        if !limited.is_drawing {
            let draws = limited.meter.draws(answer);
            if !draws.is_empty() {
                limited.is_drawing = true;
                drop(keys);
                tokio::spawn(self.clone().draw(key, draws));
            }
        }
        judged
    }

    /// Counts a request from `address` that comes without a valid key.
    ///
    /// # Errors
    /// When there were too many.
    pub fn pass_stranger(&self, address: IpAddr) -> Result<(), Error> {
        self.take(self.inner.limits.strangers.as_ref(), address, Limit::Address)
    }

    /// Counts a guess at a key from `address`: a key that is not known to be good. One that turns out not to be wrong is to
    /// be taken back, with [`Ains::guessed_right`].
    ///
    /// # Errors
    /// When there were too many.
    pub(crate) fn pass_guess(&self, address: IpAddr) -> Result<(), Error> {
        self.take(self.inner.limits.guesses.as_ref(), address, Limit::Guess)
    }

    /// What was counted as a guess at `at` was none.
    pub(crate) fn guessed_right(&self, address: IpAddr, at: Timestamp) {
        if let Some(guesses) = &self.inner.limits.guesses {
            let mut guesses = guesses.lock().unwrap_or_else(PoisonError::into_inner);
            guesses.give_back(address.into(), at);
        }
    }

    fn take(&self, table: Option<&Mutex<Addresses>>, address: IpAddr, limit: Limit) -> Result<(), Error> {
        let Some(table) = table else { return Ok(()) };
        let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
        table.take(address.into(), self.now()).map_err(|retry_after| {
            self.metrics().limited(limit);
            Error::TooManyRequests { retry_after }
        })
    }
}

/// Forgets keys: those whose windows are over, and if that is not enough all that nobody waits for.
fn make_room(keys: &mut HashMap<KeyId, Limited>, now: Timestamp) {
    keys.retain(|_, limited| limited.is_drawing || !limited.meter.is_over(now));
    if keys.len() >= KEYS {
        keys.retain(|_, limited| limited.is_drawing);
    }
}
