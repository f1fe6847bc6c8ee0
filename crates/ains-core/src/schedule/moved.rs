//! Slots that calendars move, of schedules that are not cron expressions.
//!
//! Those of a cron expression move with their date: all dates have the same times of day. These keep their own local
//! time of day.

use chrono::{FixedOffset, NaiveDate};

use super::definition::{OnExcluded, Timing};
use super::timeline::{FARTHEST, Found, INSTANT, Timeline, next_on_grid};
use crate::time::Timestamp;

/// Seconds of a date on which the clocks do not change.
const A_DAY: u32 = 86_400;

impl Timeline<'_> {
    /// The first slot after an instant, of those that are not moved and those that are.
    pub(super) fn next_moved(&self, after: Timestamp) -> Option<Found> {
        match &self.definition.timing {
            Timing::Cron(_) => None,
            Timing::Once(at) => {
                // One that is not within the years is not moved into them.
                self.slots_on(self.date(*at)).find(|slot| slot == at)?;
                let date = self.date(*at);
                let found = self.land(*at, date, self.target(date)?);
                (found.at > after).then_some(found)
            }
            Timing::Interval { seconds, .. } => self.next_of_interval(*seconds, after),
        }
    }

    fn next_of_interval(&self, seconds: u32, after: Timestamp) -> Option<Found> {
        let last = self.date(self.horizon(after));
        // Where the clocks go back over midnight, a date goes on after the first instants of the next.
        let today = self.date(after);
        let first = if self.begins_twice(today) {
            today.pred_opt()?
        } else {
            today
        };
        let mut best: Option<Found> = None;
        for date in first.iter_days().take_while(|date| *date <= last) {
            if self.receives(date) {
                for slot in self.slots_to(date, seconds).filter(|slot| slot.at > after) {
                    // Of those that coincide, the first: its own, or from the nearest date.
                    if best.is_none_or(|best| slot.at < best.at) {
                        best = Some(slot);
                    }
                }
            }
            if best.is_some() && !date.succ_opt().is_some_and(|next| self.begins_twice(next)) {
                break;
            }
        }
        best
    }

    /// The slots on a date that is let through: its own, then those that are moved there, from the nearest date on.
    fn slots_to(&self, date: NaiveDate, seconds: u32) -> impl Iterator<Item = Found> + '_ {
        let mut known: Vec<FixedOffset> = Vec::new();
        let is_new = move |origin: &NaiveDate| {
            // Where days are whole numbers of intervals, dates with the same offset have the same times of day.
            let offset = self.offset_on(*origin).filter(|_| A_DAY.is_multiple_of(seconds));
            let is_known = offset.is_some_and(|offset| known.contains(&offset));
            known.extend(offset.filter(|_| !is_known));
            !is_known
        };
        let origins = std::iter::once(date).chain(self.moved_here(date)).filter(is_new);
        let slots = origins.flat_map(|origin| self.slots_on(origin).map(move |at| (at, origin)));
        slots.map(move |(at, origin)| self.land(at, origin, date))
    }

    /// The slots of a local date, if there were no calendars.
    fn slots_on(&self, date: NaiveDate) -> impl Iterator<Item = Timestamp> + '_ {
        let (begin, end) = self.whole(date);
        let next = move |after: Timestamp| match &self.definition.timing {
            Timing::Cron(_) => None,
            Timing::Interval { seconds, anchor_at } => next_on_grid(after, *anchor_at, *seconds),
            Timing::Once(at) => (*at > after).then_some(*at),
        };
        std::iter::successors(next(begin - INSTANT), move |at| next(*at))
            .take_while(move |at| *at < end)
            .filter(move |at| self.date(*at) == date)
    }

    /// The date to which the slots of a date are moved; itself if it is not excluded.
    fn target(&self, date: NaiveDate) -> Option<NaiveDate> {
        let step = |date: &NaiveDate| match self.definition.on_excluded {
            OnExcluded::NextBusinessDay => date.succ_opt(),
            OnExcluded::PreviousBusinessDay => date.pred_opt(),
            OnExcluded::Skip => None,
        };
        let mut dates = std::iter::successors(Some(date), step).take(FARTHEST + 1);
        dates.find(|date| self.receives(*date))
    }

    /// The slot at `at` on `date`, moved to the date where it lands.
    fn land(&self, at: Timestamp, date: NaiveDate, lands: NaiveDate) -> Found {
        if lands == date {
            return self.plain(at);
        }
        Found {
            at: self.at_local(lands.and_time(self.local(at).time())),
            date: lands,
            note: None,
            origin: Some(date),
        }
    }
}
