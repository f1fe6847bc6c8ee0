//! The dates that a rule gives.

use std::collections::BTreeSet;

use chrono::{Datelike, Days, Months, NaiveDate};

use super::{Frequency, Rule};
use crate::calendar::icalendar::{Import, ImportFault, too_many};
use crate::calendar::{MAX_DATES, Weekdays};

impl Rule {
    /// Adds the dates that it gives from `start` to `last`.
    pub(in super::super) fn expand(
        &self,
        start: NaiveDate,
        last: NaiveDate,
        line: usize,
        import: &mut Import,
        dates: &mut BTreeSet<NaiveDate>,
    ) -> Result<(), ImportFault> {
        let days = Filter::new(self, start);
        let mut left = self.count.unwrap_or(u32::MAX);
        let mut found = Vec::new();
        for turn in 0.. {
            let Some((first, end)) = self.period(start, turn).filter(|(first, _)| *first <= last) else {
                break;
            };
            found.clear();
            let mut date = first;
            while date < end {
                import.spend(1, line)?;
                if !days.holds_month(date) {
                    let Some(next) = next_month(date) else { break };
                    date = next;
                    continue;
                }
                if days.holds(date) {
                    found.push(date);
                }
                let Some(next) = date.succ_opt() else { break };
                date = next;
            }
            for date in self.at_positions(&found).filter(|date| *date >= start) {
                if date > last {
                    return Ok(());
                }
                if dates.len() == MAX_DATES {
                    return Err(too_many(line));
                }
                dates.insert(date);
                left -= 1;
                if left == 0 {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The first day of a day, week, month or year, and the day after its last: the one of `start`, or the one `turn`
    /// times the interval later.
    fn period(&self, start: NaiveDate, turn: u32) -> Option<(NaiveDate, NaiveDate)> {
        let later = turn.checked_mul(self.interval)?;
        Some(match self.frequency {
            Frequency::Daily => {
                let first = start.checked_add_days(Days::new(later.into()))?;
                (first, first.succ_opt()?)
            }
            Frequency::Weekly => {
                let back = start.weekday().days_since(self.week_start);
                let first = start.checked_sub_days(Days::new(back.into()))?;
                let first = first.checked_add_days(Days::new(7 * u64::from(later)))?;
                (first, first.checked_add_days(Days::new(7))?)
            }
            Frequency::Monthly => {
                let first = start.with_day(1)?.checked_add_months(Months::new(later))?;
                (first, next_month(first)?)
            }
            Frequency::Yearly => {
                let year = start.year().checked_add_unsigned(later)?;
                let first = |year| NaiveDate::from_ymd_opt(year, 1, 1);
                (first(year)?, first(year + 1)?)
            }
        })
    }

    /// Those of the dates found in one period that the rule wants.
    fn at_positions<'f>(&'f self, found: &'f [NaiveDate]) -> impl Iterator<Item = NaiveDate> + 'f {
        let wanted = move |index: usize| {
            let position = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
            self.positions.is_empty()
                || self.positions.contains(&position(index + 1))
                || self.positions.contains(&-position(found.len() - index))
        };
        found
            .iter()
            .enumerate()
            .filter(move |(index, _)| wanted(*index))
            .map(|(_, date)| *date)
    }
}

/// Which days a rule wants, with what it leaves to its first date.
struct Filter<'r> {
    rule: &'r Rule,
    months: u16,
    month_days: [u32; 2],
    weekdays: Weekdays,
    /// Whether days of the week are counted through the year, and not through the month.
    in_year: bool,
    has_nth: bool,
}

impl<'r> Filter<'r> {
    fn new(rule: &'r Rule, start: NaiveDate) -> Self {
        let has_nth = rule.has_nth();
        let mut filter = Self {
            rule,
            months: rule.months,
            month_days: rule.month_days,
            weekdays: rule.weekdays,
            in_year: rule.frequency == Frequency::Yearly && rule.months == 0,
            has_nth,
        };
        if has_nth || !filter.weekdays.is_empty() || filter.month_days != [0; 2] {
            return filter;
        }
        match rule.frequency {
            Frequency::Daily => {}
            Frequency::Weekly => filter.weekdays = [start.weekday()].into_iter().collect(),
            Frequency::Monthly => filter.month_days[0] = 1 << start.day(),
            Frequency::Yearly => {
                filter.month_days[0] = 1 << start.day();
                if filter.months == 0 {
                    filter.months = 1 << start.month();
                }
            }
        }
        filter
    }

    fn holds_month(&self, date: NaiveDate) -> bool {
        self.months == 0 || self.months & 1 << date.month() != 0
    }

    /// Whether it holds a date of a month that it holds.
    fn holds(&self, date: NaiveDate) -> bool {
        self.holds_month_day(date) && self.holds_weekday(date)
    }

    fn holds_month_day(&self, date: NaiveDate) -> bool {
        let [from_begin, from_end] = self.month_days;
        self.month_days == [0; 2]
            || from_begin & 1 << date.day() != 0
            || from_end & 1 << (u32::from(date.num_days_in_month()) + 1 - date.day()) != 0
    }

    fn holds_weekday(&self, date: NaiveDate) -> bool {
        let day = date.weekday();
        if self.weekdays.contains(day) || self.weekdays.is_empty() && !self.has_nth {
            return true;
        }
        let (day_of, days) = if self.in_year {
            (date.ordinal(), if date.leap_year() { 366 } else { 365 })
        } else {
            (date.day(), u32::from(date.num_days_in_month()))
        };
        let [from_begin, from_end] = self.rule.nth[day.num_days_from_monday() as usize];
        from_begin & 1 << ((day_of - 1) / 7 + 1) != 0 || from_end & 1 << ((days - day_of) / 7 + 1) != 0
    }
}

/// The first day of the month after that of `date`.
fn next_month(date: NaiveDate) -> Option<NaiveDate> {
    date.with_day(1)?.checked_add_months(Months::new(1))
}
