//! What a field holds: a list of values, ranges and steps.

use super::days::Days;
use super::error::{CronError, Field, Reason};

/// A field as it is written, or a part of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'t> {
    pub(super) field: Field,
    pub(super) text: &'t str,
    /// Where it begins, in characters of the whole text from 0.
    pub(super) start: usize,
}

impl<'t> Part<'t> {
    /// The error that is at its beginning.
    pub(super) fn fault(&self, reason: Reason) -> CronError {
        let position = self.start + 1;
        CronError { position, reason }
    }

    fn slice(&self, from: usize, to: usize) -> Self {
        let (text, start) = (&self.text[from..to], self.start + from);
        Self { text, start, ..*self }
    }

    /// The items of the list that it is.
    pub(super) fn items(&self) -> impl Iterator<Item = Part<'t>> {
        let mut start = self.start;
        self.text.split(',').map(move |text| {
            let item = Part {
                field: self.field,
                text,
                start,
            };
            start += text.len() + 1;
            item
        })
    }

    /// What comes before a character, and what comes after.
    fn split(&self, at: char) -> Option<(Self, Self)> {
        let at = self.text.find(at)?;
        Some((self.slice(0, at), self.slice(at + 1, self.text.len())))
    }

    /// What comes before a letter of any case, if it ends with it.
    fn before(&self, letter: char) -> Option<Self> {
        let rest = self.text.len().checked_sub(1)?;
        let ends = self.text[rest..].eq_ignore_ascii_case(letter.encode_utf8(&mut [0]));
        ends.then(|| self.slice(0, rest))
    }

    fn owned(&self) -> String {
        self.text.to_owned()
    }

    /// The values of the whole list, in a field that has only values, ranges and steps.
    pub(super) fn values(&self) -> Result<u64, CronError> {
        self.items().try_fold(0, |set, item| Ok(set | item.range()?))
    }

    /// Adds the list to the days of a month.
    pub(super) fn add_days(&self, days: &mut Days) -> Result<(), CronError> {
        if self.text == "?" {
            days.of_month = every(Field::DayOfMonth);
            return Ok(());
        }
        for item in self.items() {
            if item.text.eq_ignore_ascii_case("L") {
                days.before_last |= 1;
            } else if item.text.eq_ignore_ascii_case("LW") {
                days.last_working = true;
            } else if let Some((_, count)) = item
                .split('-')
                .filter(|(last, _)| last.text.eq_ignore_ascii_case("L"))
            {
                days.before_last |= 1 << count.count(&item, 30)?;
            } else if let Some(day) = item.before('W').filter(Part::is_number) {
                days.nearest |= 1 << day.value()?;
            } else {
                days.of_month |= item.range()?;
            }
        }
        Ok(())
    }

    /// Adds the list to the days of a week.
    pub(super) fn add_weekdays(&self, days: &mut Days) -> Result<(), CronError> {
        if self.text == "?" {
            days.weekdays = every(Field::DayOfWeek);
            return Ok(());
        }
        for item in self.items() {
            if let Some((day, nth)) = item.split('#') {
                let weekday = 1 << (day.value()? % 7);
                let nth = nth.count(&item, 5)?;
                days.nth[nth as usize - 1] |= weekday;
            } else if let Some(day) = item.before('L').filter(|day| !day.text.is_empty()) {
                days.last |= 1 << (day.value()? % 7);
            } else {
                days.weekdays |= item.range()?;
            }
        }
        Ok(())
    }

    /// The values of an item: a value, a range or `*`, with or without a step.
    fn range(&self) -> Result<u64, CronError> {
        let (range, step) = match self.split('/') {
            Some((range, step)) => (range, Some(step.step()?)),
            None => (*self, None),
        };
        let (first, last) = if range.text == "*" {
            (self.field.least(), self.field.last())
        } else if let Some((first, last)) = range.split('-') {
            (first.value()?, last.value()?)
        } else {
            let value = range.value()?;
            (value, if step.is_some() { self.field.last() } else { value })
        };
        Ok(spread(self.field, first, last, step.unwrap_or(1)))
    }

    /// A number or a name.
    fn value(&self) -> Result<u32, CronError> {
        let field = self.field;
        if self.text.is_empty() {
            return Err(self.fault(Reason::Empty(field)));
        }
        if self.is_number() {
            let value = self.text.parse().ok();
            let value = value.filter(|value| (field.least()..=field.most()).contains(value));
            return value.ok_or_else(|| self.fault(Reason::Range(field, self.owned())));
        }
        let mut names = (field.least()..).zip(field.names());
        let found = names.find(|(_, name)| self.text.eq_ignore_ascii_case(name));
        found.map(|(value, _)| value).ok_or_else(|| {
            self.fault(match self.text {
                "?" => Reason::Question(field),
                _ if self.is_special() => Reason::Special(field, self.owned()),
                _ => Reason::Value(field, self.owned()),
            })
        })
    }

    fn step(&self) -> Result<u32, CronError> {
        let step = self
            .number()
            .filter(|step| (1..=self.field.longest_step()).contains(step));
        step.ok_or_else(|| self.fault(Reason::Step(self.field, self.owned())))
    }

    /// The number of an item that has one besides its value.
    fn count(&self, item: &Self, most: u32) -> Result<u32, CronError> {
        let count = self.number().filter(|count| (1..=most).contains(count));
        let (field, item) = (self.field, item.owned());
        count.ok_or_else(|| self.fault(Reason::Count { field, item, most }))
    }

    /// Whether it is made of what other fields know: `L`, `W` and `#`.
    fn is_special(&self) -> bool {
        let special = |byte: u8| matches!(byte.to_ascii_uppercase(), b'L' | b'W' | b'0'..=b'9');
        self.text.contains('#') || self.text.bytes().all(special)
    }

    fn is_number(&self) -> bool {
        !self.text.is_empty() && self.text.bytes().all(|byte| byte.is_ascii_digit())
    }

    fn number(&self) -> Option<u32> {
        self.is_number().then(|| self.text.parse().ok())?
    }
}

/// All values of a field.
fn every(field: Field) -> u64 {
    spread(field, field.least(), field.last(), 1)
}

/// Every `step`th value from `first` to `last`, over the end of the field if `last` is less.
fn spread(field: Field, first: u32, last: u32, step: u32) -> u64 {
    let length = field.longest_step();
    let (first, last) = match field {
        // Sunday as 7 is the end of a range, but the beginning of one that it begins.
        Field::DayOfWeek if first == 7 => (0, last % 7),
        _ if last < first => (first, last + length),
        _ => (first, last),
    };
    let values = (first..=last).step_by(step as usize);
    values.fold(0, |set, value| {
        set | 1 << (field.least() + (value - field.least()) % length)
    })
}
