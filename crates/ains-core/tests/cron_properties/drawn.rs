//! Entries drawn by chance, with a plain reading of what they name: each item is asked for each value.

use chrono::{Datelike as _, NaiveDate, NaiveDateTime, Timelike as _};
use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

/// A field's item as it is written.
#[derive(Debug, Clone)]
pub(crate) enum Item {
    Every(Option<u32>),
    One(u32),
    From(u32, u32),
    Range(u32, u32, Option<u32>),
    Last,
    BeforeLast(u32),
    Nearest(u32),
    LastWorking,
    Nth(u32, u32),
    LastOf(u32),
}

/// An entry: second, minute, hour, day of month, month, day of week.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) fields: [Vec<Item>; 6],
    pub(crate) has_seconds: bool,
    /// Whether names are written, where there are.
    named: bool,
}

/// Least and greatest value.
const RANGES: [(u32, u32); 6] = [(0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6)];
const MONTHS: [&str; 12] = [
    "jan", "FEB", "Mar", "apr", "MAY", "Jun", "jul", "AUG", "Sep", "oct", "NOV", "Dec",
];
pub(crate) const WEEKDAYS: [&str; 7] = ["sun", "MON", "Tue", "wed", "THU", "Fri", "sAt"];

impl Entry {
    /// One with all that the syntax has.
    pub(crate) fn draw(rng: &mut StdRng) -> Self {
        let has_seconds = rng.random_bool(0.2);
        let mut fields = [0, 1, 2, 3, 4, 5].map(|field| draw_list(rng, field));
        if !has_seconds {
            fields[0] = vec![Item::One(0)];
        }
        let named = rng.random_bool(0.5);
        Self {
            fields,
            has_seconds,
            named,
        }
    }

    /// One that names every date.
    pub(crate) fn draw_times(rng: &mut StdRng) -> Self {
        let mut entry = Self::draw(rng);
        for field in &mut entry.fields[3..] {
            *field = vec![Item::Every(None)];
        }
        entry
    }

    pub(crate) fn text(&self) -> String {
        let first = usize::from(!self.has_seconds);
        let fields: Vec<String> = (first..6).map(|field| self.field(field)).collect();
        fields.join(" ")
    }

    fn field(&self, field: usize) -> String {
        let items: Vec<String> = self.fields[field]
            .iter()
            .map(|item| self.item(item, field))
            .collect();
        items.join(",")
    }

    fn item(&self, item: &Item, field: usize) -> String {
        let value = |value: &u32| match field {
            4 if self.named => MONTHS[*value as usize - 1].to_owned(),
            5 if self.named => WEEKDAYS[*value as usize].to_owned(),
            5 if *value == 0 => "7".to_owned(),
            _ => value.to_string(),
        };
        let step = |step: &Option<u32>| step.map_or_else(String::new, |step| format!("/{step}"));
        match item {
            Item::Every(every) => format!("*{}", step(every)),
            Item::One(one) => value(one),
            Item::From(first, every) => format!("{}/{every}", value(first)),
            Item::Range(first, last, every) => format!("{}-{}{}", value(first), value(last), step(every)),
            Item::Last => "L".to_owned(),
            Item::BeforeLast(days) => format!("l-{days}"),
            Item::Nearest(day) => format!("{day}W"),
            Item::LastWorking => "Lw".to_owned(),
            Item::Nth(day, nth) => format!("{}#{nth}", value(day)),
            Item::LastOf(day) => format!("{}L", value(day)),
        }
    }

    /// How many values a field may have.
    pub(crate) fn length(field: usize) -> usize {
        (RANGES[field].1 - RANGES[field].0 + 1) as usize
    }

    /// The values of a field, without what depends on the month.
    pub(crate) fn values(&self, field: usize) -> Vec<u32> {
        let has = |value: &u32| self.fields[field].iter().any(|item| has(item, field, *value));
        (RANGES[field].0..=RANGES[field].1).filter(has).collect()
    }

    pub(crate) fn is_fixed(&self) -> bool {
        !(1..=2).any(|field| self.field(field).contains(['*', '/']))
    }

    pub(crate) fn names_date(&self, date: NaiveDate) -> bool {
        let on = |field: usize| self.fields[field].iter().any(|item| names(item, field, date));
        let is_free = |field: usize| self.field(field).starts_with('*');
        let (day, weekday) = (on(3), on(5));
        let is_day = if is_free(3) || is_free(5) {
            day && weekday
        } else {
            day || weekday
        };
        is_day && self.fields[4].iter().any(|item| has(item, 4, date.month()))
    }

    /// What tells whether it names a time of day.
    pub(crate) fn times(&self) -> impl Fn(NaiveDateTime) -> bool {
        let fields = [0, 1, 2].map(|field| {
            let mut named = [false; 60];
            self.values(field)
                .iter()
                .for_each(|value| named[*value as usize] = true);
            named
        });
        move |time| {
            let values = [time.second(), time.minute(), time.hour()];
            fields
                .iter()
                .zip(values)
                .all(|(named, value)| named[value as usize])
        }
    }
}

fn draw_list(rng: &mut StdRng, field: usize) -> Vec<Item> {
    if rng.random_bool(if field < 3 { 0.25 } else { 0.5 }) {
        return vec![Item::Every(None)];
    }
    let count = *[1, 1, 1, 2, 3].choose(rng).unwrap();
    (0..count).map(|_| draw_item(rng, field)).collect()
}

fn draw_item(rng: &mut StdRng, field: usize) -> Item {
    let (least, most) = RANGES[field];
    let value = |rng: &mut StdRng| rng.random_range(least..=most);
    let step = |rng: &mut StdRng| rng.random_range(1..=(most - least + 1).min(20));
    match (rng.random_range(0..16), field) {
        (0 | 1, 3) => Item::Last,
        (2, 3) => Item::BeforeLast(rng.random_range(1..=30)),
        (3 | 4, 3) => Item::Nearest(value(rng)),
        (5, 3) => Item::LastWorking,
        (0..=3, 5) => Item::Nth(value(rng), rng.random_range(1..=5)),
        (4 | 5, 5) => Item::LastOf(value(rng)),
        (6 | 7, _) => Item::Every(Some(step(rng))),
        (8, _) => Item::From(value(rng), step(rng)),
        (9 | 10, _) => Item::Range(value(rng), value(rng), None),
        (11, _) => Item::Range(value(rng), value(rng), Some(step(rng))),
        _ => Item::One(value(rng)),
    }
}

/// Whether an item of values, ranges and steps has a value: found by walking to it.
fn has(item: &Item, field: usize, value: u32) -> bool {
    let (least, most) = RANGES[field];
    let (first, last, step) = match *item {
        Item::Every(step) => (least, most, step.unwrap_or(1)),
        Item::One(one) => (one, one, 1),
        Item::From(first, step) => (first, most, step),
        Item::Range(first, last, step) => (first, last, step.unwrap_or(1)),
        _ => return false,
    };
    let (mut at, mut taken) = (first, 0);
    loop {
        if at == value {
            return taken % step == 0;
        }
        if at == last {
            return false;
        }
        at = if at == most { least } else { at + 1 };
        taken += 1;
    }
}

/// Whether an item of the day of month or the day of week names a date.
fn names(item: &Item, field: usize, date: NaiveDate) -> bool {
    let weekday = |date: NaiveDate| date.weekday().num_days_from_sunday();
    let is_working = |date: &NaiveDate| (1..=5).contains(&weekday(*date));
    let month = || (1..=31).filter_map(|day| date.with_day(day));
    match *item {
        Item::Last => month().next_back() == Some(date),
        Item::BeforeLast(days) => month().rev().nth(days as usize) == Some(date),
        Item::LastWorking => month().rev().find(is_working) == Some(date),
        Item::Nearest(day) => {
            let near = date.with_day(day).and_then(|near| {
                let distance = |other: &NaiveDate| (*other - near).num_days().abs();
                month().filter(is_working).min_by_key(distance)
            });
            near == Some(date)
        }
        Item::Nth(day, nth) => {
            weekday(date) == day
                && month()
                    .filter(|other| weekday(*other) == day)
                    .nth(nth as usize - 1)
                    == Some(date)
        }
        Item::LastOf(day) => month().rev().find(|other| weekday(*other) == day) == Some(date),
        _ if field == 3 => has(item, 3, date.day()),
        _ => has(item, 5, weekday(date)),
    }
}
