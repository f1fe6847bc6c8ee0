//! Holds calendars: named sets of dates, which schedules leave out or keep to.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Timestamp;
use crate::schedule::given;
use crate::words::{HolidayCountry, Weekday, Word};

/// The body of `POST /ains/calendars`: a set of dates. It holds a date that is listed, falls on one of the days of the
/// week, or is one of the holidays. Unknown fields are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitCalendar {
    /// What people call it, 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    pub name: String,
    /// Who it belongs to, 1 to 255 characters. May be left out when the key is bound to a client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub client_id: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Dates, one by one; at most 10,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 10_000)]
    pub dates: Option<Vec<CalendarDate>>,
    /// Days of the week.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Weekday>>)]
    pub weekdays: Option<Vec<String>>,
    /// The public holidays of countries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holidays: Option<Vec<PublicHolidays>>,
    /// An iCalendar text (RFC 5545), whose dates are listed as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ical: Option<String>,
}

/// The body of `PATCH /ains/calendars/{id}`: what to change. What is left out stays as it is; null empties a field.
/// Unknown fields are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchCalendar {
    /// What people call it, 1 to 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub name: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub description: Option<Option<String>>,
    /// Dates, one by one; at most 10,000. They replace those that were listed.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(max_items = 10_000)]
    pub dates: Option<Option<Vec<CalendarDate>>>,
    /// Days of the week.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(value_type = Option<Vec<Weekday>>)]
    pub weekdays: Option<Option<Vec<String>>>,
    /// The public holidays of countries.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub holidays: Option<Option<Vec<PublicHolidays>>>,
}

/// A date of a calendar: the date alone, or with a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum CalendarDate {
    /// The date, `YYYY-MM-DD`.
    #[schema(format = Date)]
    Date(String),
    /// A date and what it is called.
    Named {
        /// The date, `YYYY-MM-DD`.
        #[schema(format = Date)]
        date: String,
        /// What it is called, 1 to 200 characters.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(min_length = 1, max_length = 200)]
        name: Option<String>,
    },
}

impl CalendarDate {
    /// The date.
    pub fn date(&self) -> &str {
        match self {
            Self::Date(date) | Self::Named { date, .. } => date,
        }
    }

    /// What it is called.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Date(_) => None,
            Self::Named { name, .. } => name.as_deref(),
        }
    }
}

/// By hand, because serde's own way keeps a copy of the value and takes a list for the object.
impl<'de> Deserialize<'de> for CalendarDate {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Named {
            date: String,
            #[serde(default)]
            name: Option<String>,
        }

        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = CalendarDate;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a date (YYYY-MM-DD), or an object of `date` and `name`")
            }

            fn visit_str<E: de::Error>(self, date: &str) -> Result<CalendarDate, E> {
                Ok(CalendarDate::Date(date.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<CalendarDate, A::Error> {
                let Named { date, name } = Named::deserialize(MapAccessDeserializer::new(members))?;
                Ok(CalendarDate::Named { date, name })
            }
        }

        source.deserialize_any(Either)
    }
}

/// The public holidays of a country, or of a region of it. Unknown fields are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PublicHolidays {
    /// Its code (ISO 3166-1).
    #[schema(value_type = HolidayCountry)]
    pub country: String,
    /// A region: of GB `england-and-wales` (where none is named), `scotland` or `northern-ireland`; of DE the code of a
    /// Land such as `BY`; of FR `alsace-moselle`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Whether a holiday that falls on a day off anyway is kept on another day, where the law says so. Default true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<bool>,
}

/// The whole calendar: the answer of `GET /ains/calendars/{id}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Calendar {
    /// `cal_` and 32 hexadecimal digits.
    pub calendar_id: String,
    /// What people call it.
    pub name: String,
    /// Who it belongs to.
    pub client_id: String,
    /// What it is for.
    pub description: Option<String>,
    /// The dates that are listed, in the order in which they were given.
    pub dates: Vec<CalendarDate>,
    /// Days of the week, Monday first.
    #[schema(value_type = Vec<Weekday>)]
    pub weekdays: Vec<String>,
    /// The public holidays of countries.
    pub holidays: Vec<PublicHolidays>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A calendar in a list, and the answer of making, changing and importing: all but the dates that it lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CalendarSummary {
    /// `cal_` and 32 hexadecimal digits.
    pub calendar_id: String,
    /// What people call it.
    pub name: String,
    /// Who it belongs to.
    pub client_id: String,
    /// What it is for.
    pub description: Option<String>,
    /// How many dates it lists.
    pub listed_dates: u64,
    /// Days of the week, Monday first.
    #[schema(value_type = Vec<Weekday>)]
    pub weekdays: Vec<String>,
    /// The public holidays of countries.
    pub holidays: Vec<PublicHolidays>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// One page of calendars, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CalendarList {
    /// The calendars.
    pub calendars: Vec<CalendarSummary>,
    /// Where the next page begins; null on the last.
    pub next_cursor: Option<String>,
}

/// The query of `GET /ains/calendars`; every filter narrows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CalendarFilter {
    /// Calendars of this client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Calendars a page, 1 to 200. Default 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<i64>,
    /// Where the page begins: `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// The body of `POST /ains/calendars/{id}/import`, if it is JSON. Unknown fields are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportCalendar {
    /// An iCalendar text (RFC 5545) of at most 1 MiB.
    pub ical: String,
    /// Whether its dates replace those that are listed, rather than being added to them. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replace: Option<bool>,
}

/// The query of `POST /ains/calendars/{id}/import`, for a body that is `text/calendar`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ImportQuery {
    /// Whether the dates replace those that are listed, rather than being added to them. Default false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replace: Option<bool>,
}

/// The answer to an import.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CalendarImported {
    /// The calendar.
    pub calendar_id: String,
    /// How many dates the text has.
    pub imported: u64,
    /// How many of them were not listed yet.
    pub added: u64,
    /// How many dates the calendar lists now.
    pub listed_dates: u64,
}

/// The answer to the removal of a calendar.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CalendarDeleted {
    /// The calendar.
    pub calendar_id: String,
    /// `Calendar deleted successfully`.
    #[schema(value_type = String)]
    pub message: Word,
}

/// The query of `GET /ains/calendars/{id}/dates`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DatesQuery {
    /// The first date that counts, `YYYY-MM-DD`. Default: today, in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(format = Date)]
    pub from: Option<String>,
    /// The last date that counts, at most five years later. Default: a year later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(format = Date)]
    pub to: Option<String>,
}

/// The dates of some time that a calendar holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CalendarDates {
    /// The calendar.
    pub calendar_id: String,
    /// The dates, in order.
    pub dates: Vec<NamedDate>,
}

/// A date that a calendar holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NamedDate {
    /// The date, `YYYY-MM-DD`.
    #[schema(format = Date)]
    pub date: String,
    /// What it is called: the name that it is listed with, that of the holiday, that of the day of the week, or the date.
    pub name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_a_text_or_an_object_and_never_a_list() {
        let text = r#"["2026-12-24",{"date":"2026-12-25","name":"Christmas"},{"date":"2026-12-26"}]"#;
        let all: Vec<CalendarDate> = serde_json::from_str(text).expect("dates");
        let read: Vec<_> = all.iter().map(|one| (one.date(), one.name())).collect();
        assert_eq!(
            read,
            [
                ("2026-12-24", None),
                ("2026-12-25", Some("Christmas")),
                ("2026-12-26", None)
            ]
        );
        assert_eq!(serde_json::to_string(&all).expect("JSON"), text);
        for text in [
            r#"["2026-12-24"]"#,
            "1",
            "null",
            r#"{"name":"n"}"#,
            r#"{"date":"d","colour":"red"}"#,
        ] {
            serde_json::from_str::<CalendarDate>(text).expect_err(text);
        }
    }

    #[test]
    fn a_change_tells_null_from_nothing() {
        let text = r#"{"description":null,"weekdays":["SAT"]}"#;
        let patch: PatchCalendar = serde_json::from_str(text).expect("a change");
        assert_eq!((&patch.description, &patch.dates), (&Some(None), &None));
        assert_eq!(serde_json::to_string(&patch).expect("JSON"), text);
    }
}
