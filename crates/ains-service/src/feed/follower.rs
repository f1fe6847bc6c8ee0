//! One follower: what was told before it came, then what is told.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ains_store::{Backend, events};

use super::hub::Membership;
use super::{EventFilter, EventId, Happening};
use crate::ains::Ains;
use crate::error::Error;

/// Rows that are read at once of what was told before; each is what one transaction told.
const ROWS: i64 = 16;

/// Rows that are given positions at once.
const NUMBERED: u32 = 5000;

/// Events that are handed out at once.
const MOST: usize = 256;

/// What a follower hears.
#[derive(Debug)]
pub enum Followed {
    /// What happened, in order: at least one event.
    Events(Vec<Arc<Happening>>),
    /// Some of what happened since the event that it had seen last is not kept any more; it goes on with the oldest that
    /// is.
    Gap,
    /// It did not keep up, and is let go.
    TooSlow,
}

/// A follower of what happens. Dropping it ends that.
#[derive(Debug)]
pub struct Follower {
    ains: Ains,
    filter: EventFilter,
    /// What it has been handed last, or passed over.
    seen: EventId,
    /// How far what was told before has been read.
    read: EventId,
    /// Whether there is more of that.
    is_behind: bool,
    /// Its place among those who hear what is told now; none while it is far behind.
    membership: Option<Membership>,
    waiting: VecDeque<Arc<Happening>>,
    has_gap: bool,
}

impl Ains {
    /// Follows what happens from now on, or from after the event `last` on.
    ///
    /// # Errors
    /// When too many follow, or the store fails.
    pub async fn follow(&self, filter: EventFilter, last: Option<EventId>) -> Result<Follower, Error> {
        let (oldest, newest) = self.known_positions().await?;
        let from_now = EventId::all_of(newest);
        let (seen, has_gap) = match last {
            None => (from_now, false),
            // What happened meanwhile was not stored.
            Some(_) if self.inner.machine.settings.event_retention.is_zero() => (from_now, true),
            Some(last @ EventId::Kept { position, .. }) if position <= newest => {
                // Of a row that was read to its end nothing is missed when it goes.
                let next = position + i64::from(last == EventId::all_of(position));
                let oldest = oldest.unwrap_or(newest + 1);
                if oldest > next {
                    (EventId::all_of(oldest - 1), true)
                } else {
                    (last, false)
                }
            }
            // It was not kept, or by another database.
            Some(_) => (from_now, true),
        };
        let mut follower = Follower {
            ains: self.clone(),
            filter,
            seen,
            read: seen,
            is_behind: true,
            membership: None,
            waiting: VecDeque::new(),
            has_gap,
        };
        if seen == from_now {
            follower.join()?;
        }
        self.engine().feed.followed.notify_one();
        Ok(follower)
    }

    /// The oldest position that is still there, and the newest, once all that is stored has one.
    async fn known_positions(&self) -> Result<(Option<i64>, i64), Error> {
        loop {
            let (numbered, oldest, newest) = self
                .read(|conn| {
                    let numbered = match conn.backend() {
                        // The one writer is not to wait for that.
                        Backend::Sqlite => 0,
                        Backend::Postgres => conn.transact(|conn| events::number(conn, NUMBERED))?,
                    };
                    Ok((
                        numbered,
                        events::first_position(conn)?,
                        events::last_position(conn)?,
                    ))
                })
                .await?;
            if numbered < NUMBERED as usize {
                self.engine().feed.hub.begin_at(newest);
                return Ok((oldest, newest));
            }
        }
    }
}

impl Follower {
    /// Where it would go on: what it has been handed last, or passed over.
    pub fn seen(&self) -> EventId {
        self.seen
    }

    /// Counts everything as seen that was told and did not concern it, so that it need not be read when it comes back.
    pub fn pass_over(&mut self) {
        let Some(membership) = &self.membership else {
            return;
        };
        // In this order: what is told from here on comes after it.
        let told = EventId::all_of(self.ains.engine().feed.hub.position());
        let is_idle = !self.is_behind && self.waiting.is_empty() && membership.queue.is_empty();
        if is_idle && matches!(self.seen, EventId::Kept { .. }) {
            self.seen = self.seen.max(told);
        }
    }

    /// What happens next; `None` when the service stops, or after [`Followed::TooSlow`].
    ///
    /// # Errors
    /// When the store fails, or too many follow; it can be asked again.
    pub async fn next(&mut self) -> Result<Option<Followed>, Error> {
        while self.waiting.is_empty() && !self.has_gap {
            if self.is_behind {
                self.read_on().await?;
            } else if let Some(end) = self.listen().await {
                return Ok(end);
            }
        }
        if std::mem::take(&mut self.has_gap) {
            return Ok(Some(Followed::Gap));
        }
        let most = self.waiting.len().min(MOST);
        let events: Vec<Arc<Happening>> = self.waiting.drain(..most).collect();
        if let Some(last) = events.last() {
            self.seen = last.id;
        }
        Ok(Some(Followed::Events(events)))
    }

    /// Waits for what is told now; what to say if there is no more.
    async fn listen(&mut self) -> Option<Option<Followed>> {
        let mut stopping = self.ains.inner.stopping.subscribe();
        let Some(membership) = self.membership.as_mut() else {
            return Some(None);
        };
        let first = tokio::select! {
            first = membership.queue.recv() => first,
            _ = stopping.wait_for(|stopping| *stopping) => return Some(None),
        };
        let Some(first) = first else {
            let too_slow = membership.too_slow.load(Ordering::Relaxed);
            self.leave();
            return Some(too_slow.then_some(Followed::TooSlow));
        };
        let mut told = vec![first];
        while told.len() < MOST
            && let Ok(more) = membership.queue.try_recv()
        {
            told.push(more);
        }
        // What has been read is not told again.
        let read = self.read;
        let is_new = |happening: &Arc<Happening>| match happening.id {
            EventId::Kept { .. } => happening.id > read,
            EventId::Unkept(_) => true,
        };
        self.waiting.extend(told.into_iter().filter(is_new));
        None
    }

    /// Reads some of what was told before; joins those who hear what is told now when there is no more.
    async fn read_on(&mut self) -> Result<(), Error> {
        let EventId::Kept { position, .. } = self.read else {
            self.is_behind = false;
            return Ok(());
        };
        // All that it had before has been handed out.
        self.seen = self.seen.max(self.read);
        let told = self
            .ains
            .read(move |conn| events::from(conn, position, ROWS))
            .await?;
        let newest = told.last().map_or(position, |told| told.position);
        // Positions have no holes: what is not there has been removed meanwhile.
        self.has_gap |= told.first().is_some_and(|told| told.position > position + 1);
        for told in told {
            for (index, event) in told.events.into_iter().enumerate() {
                let id = EventId::kept(told.position, index);
                if id > self.read && self.filter.passes(&event) {
                    self.waiting.push_back(Arc::new(Happening { id, event }));
                }
            }
        }
        self.read = EventId::all_of(newest);
        if newest > position {
            return Ok(());
        }
        match &self.membership {
            None => self.join()?,
            // Nothing is left of what it should have read.
            Some(_) => self.is_behind = false,
        }
        Ok(())
    }

    fn join(&mut self) -> Result<(), Error> {
        let hub = &self.ains.engine().feed.hub;
        let membership = hub.join(self.filter.clone()).ok_or(Error::Overloaded)?;
        self.is_behind = self.read < EventId::all_of(membership.joined_at);
        self.membership = Some(membership);
        Ok(())
    }

    fn leave(&mut self) {
        if let Some(membership) = self.membership.take() {
            self.ains.engine().feed.hub.leave(&membership);
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.leave();
    }
}
