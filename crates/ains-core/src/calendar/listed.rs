//! A date that is listed, perhaps with a name.

use std::fmt;

use chrono::{Datelike, NaiveDate};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::{CalendarFault, LAST_YEAR, MAX_DATE_NAME};

/// One date of a calendar: `{"date": "2026-12-24", "name": "Christmas Eve"}`. It is read from the date alone as well:
/// `"2026-12-24"`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ListedDate {
    /// The date.
    pub date: NaiveDate,
    /// What it is called; at most [`MAX_DATE_NAME`] characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Box<str>>,
}

impl ListedDate {
    /// Whether year and name are within bounds.
    pub(super) fn check(&self) -> Result<(), CalendarFault> {
        if !(1..=LAST_YEAR).contains(&self.date.year()) {
            return Err(CalendarFault::new(
                "date",
                format!("the year is {}; 1 to {LAST_YEAR} is wanted", self.date.year()),
            ));
        }
        let Some(name) = &self.name else { return Ok(()) };
        let length = name.chars().count();
        if !(1..=MAX_DATE_NAME).contains(&length) {
            return Err(CalendarFault::new(
                "name",
                format!("{length} characters; 1 to {MAX_DATE_NAME} are wanted"),
            ));
        }
        if name.chars().any(char::is_control) {
            return Err(CalendarFault::new("name", "control characters are not allowed"));
        }
        Ok(())
    }
}

impl From<NaiveDate> for ListedDate {
    fn from(date: NaiveDate) -> Self {
        Self { date, name: None }
    }
}

impl<'de> Deserialize<'de> for ListedDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DateOrObject)
    }
}

struct DateOrObject;

#[derive(Deserialize)]
struct Object {
    #[serde(deserialize_with = "date")]
    date: NaiveDate,
    #[serde(default)]
    name: Option<Box<str>>,
}

impl<'de> Visitor<'de> for DateOrObject {
    type Value = ListedDate;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a date (YYYY-MM-DD), or an object with `date` and `name`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<ListedDate, E> {
        parse(text).map(ListedDate::from)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ListedDate, A::Error> {
        let Object { date, name } = Object::deserialize(MapAccessDeserializer::new(map))?;
        Ok(ListedDate { date, name })
    }
}

fn date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveDate, D::Error> {
    parse(&String::deserialize(deserializer)?)
}

/// The date of a text `YYYY-MM-DD`; chrono alone would take `+12026-1-5`, too.
fn parse<E: Error>(text: &str) -> Result<NaiveDate, E> {
    let date = (text.len() == 10 && text.as_bytes()[0].is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten();
    date.ok_or_else(|| E::custom(format_args!("`{text}` is not a date (YYYY-MM-DD)")))
}
