//! Slots that calendars move, of schedules that are not cron expressions.
//!
//! Those of a cron expression move with their date: all dates have the same times of day. These keep their own local
//! time of day.

use chrono::NaiveDate;

use super::definition::{OnExcluded, Timing};
use super::timeline::{FARTHEST, Found, INSTANT, Timeline, next_on_grid};
use crate::time::Timestamp;

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
            Timing::Interval { .. } => self.next_of_interval(after),
        }
    }

    fn next_of_interval(&self, after: Timestamp) -> Option<Found> {
        let last = self.date(self.horizon(after));
        // Where the clocks go back over midnight, a date comes once more after the first instants of the next.
        let first = self.date(after).pred_opt()?;
        let mut best: Option<Found> = None;
        let mut enough: Option<NaiveDate> = None;
        for date in first.iter_days().take_while(|date| *date <= last) {
            if enough.is_some_and(|enough| date > enough) {
                break;
            }
            if !self.receives(date) {
                continue;
            }
            let origins = std::iter::once(date).chain(self.moved_here(date));
            let slots = origins.flat_map(|origin| self.slots_on(origin).map(move |at| (at, origin)));
            let slots = slots.map(|(at, origin)| self.land(at, origin, date));
            // Of those that coincide, the first: its own, or from the nearest date.
            for slot in slots.filter(|slot| slot.at > after) {
                if best.is_none_or(|best| slot.at < best.at) {
                    best = Some(slot);
                }
            }
            if best.is_some() && enough.is_none() {
                enough = date.succ_opt();
            }
        }
        best
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
