//! A set of days of the week.

use std::fmt;

use chrono::Weekday;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Days of the week: as JSON the list of their names, Monday first, such as `["SAT", "SUN"]`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Weekdays {
    /// One bit a day, Monday the lowest.
    bits: u8,
}

/// The days with their names on the wire and in full, Monday first.
const DAYS: [(Weekday, &str, &str); 7] = [
    (Weekday::Mon, "MON", "Monday"),
    (Weekday::Tue, "TUE", "Tuesday"),
    (Weekday::Wed, "WED", "Wednesday"),
    (Weekday::Thu, "THU", "Thursday"),
    (Weekday::Fri, "FRI", "Friday"),
    (Weekday::Sat, "SAT", "Saturday"),
    (Weekday::Sun, "SUN", "Sunday"),
];

/// The English name of a day.
pub(super) fn full_name(day: Weekday) -> &'static str {
    DAYS[day.num_days_from_monday() as usize].2
}

impl Weekdays {
    /// Whether it holds `day`.
    pub fn contains(self, day: Weekday) -> bool {
        self.bits & bit(day) != 0
    }

    /// Whether it holds no day.
    pub fn is_empty(&self) -> bool {
        self.bits == 0
    }

    /// Its days, Monday first.
    pub fn iter(self) -> impl Iterator<Item = Weekday> {
        DAYS.into_iter()
            .map(|(day, ..)| day)
            .filter(move |day| self.contains(*day))
    }
}

fn bit(day: Weekday) -> u8 {
    1 << day.num_days_from_monday()
}

impl FromIterator<Weekday> for Weekdays {
    fn from_iter<I: IntoIterator<Item = Weekday>>(days: I) -> Self {
        let bits = days.into_iter().fold(0, |bits, day| bits | bit(day));
        Self { bits }
    }
}

impl fmt::Debug for Weekdays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for Weekdays {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let named = DAYS.iter().filter(|(day, ..)| self.contains(*day));
        serializer.collect_seq(named.map(|(_, name, _)| name))
    }
}

impl<'de> Deserialize<'de> for Weekdays {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<Day>::deserialize(deserializer)?
            .into_iter()
            .map(|Day(day)| day)
            .collect())
    }
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Day(Weekday);

impl TryFrom<String> for Day {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        DAYS.iter()
            .find(|(_, name, _)| *name == text)
            .map(|(day, ..)| Self(*day))
            .ok_or_else(|| format!("`{text}` is not a day of the week (MON, TUE, WED, THU, FRI, SAT, SUN)"))
    }
}
