//! Sets of dates against a set that is searched from end to end.

use std::fmt::Write as _;

use ains_core::calendar::{Country, Dates, Holidays, ListedDate, Weekdays, import};
use chrono::{Datelike, Days, NaiveDate, Weekday};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::{date, holidays};

fn day() -> impl Strategy<Value = NaiveDate> {
    (0..800_u64).prop_map(|days| date(2025, 1, 1) + Days::new(days))
}

fn listed() -> impl Strategy<Value = ListedDate> {
    let name = prop::option::of("[A-Z][a-z]{0,5}".prop_map(Box::from));
    (day(), name).prop_map(|(date, name)| ListedDate { date, name })
}

fn weekdays() -> impl Strategy<Value = Vec<Weekday>> {
    subsequence(vec![Weekday::Mon, Weekday::Wed, Weekday::Sat, Weekday::Sun], 0..3)
}

fn rules() -> impl Strategy<Value = Vec<Holidays>> {
    let rule = (
        select(&Country::ALL[..]),
        any::<bool>(),
        any::<prop::sample::Index>(),
    );
    let rule = rule.prop_map(|(country, observed, index)| {
        let regions: Vec<&str> = country.regions().collect();
        let region = (!regions.is_empty()).then(|| regions[index.index(regions.len())].to_owned());
        Holidays {
            country,
            region,
            observed,
        }
    });
    vec(rule, 0..3)
}

/// What a date is called, by looking at everything.
fn model(listed: &[ListedDate], weekdays: &[Weekday], rules: &[Holidays], date: NaiveDate) -> Option<String> {
    let mut here = listed.iter().filter(|listed| listed.date == date);
    let given = here
        .clone()
        .find_map(|listed| listed.name.as_deref().map(str::to_owned));
    let mut holidays = rules
        .iter()
        .map(|rule| holidays(rule.country, rule.region.as_deref(), rule.observed));
    given
        .or_else(|| holidays.find_map(|holidays| Some(holidays.named(date)?.into_owned())))
        .or_else(|| {
            weekdays
                .contains(&date.weekday())
                .then(|| date.format("%A").to_string())
        })
        .or_else(|| here.next().map(|listed| listed.date.to_string()))
}

proptest! {
    #![proptest_config(crate::config(64))]

    #[test]
    fn a_date_is_called_what_a_search_from_end_to_end_finds(
        listed in vec(listed(), 0..60), weekdays in weekdays(), rules in rules(), from in day(), days in 0..500_u64,
    ) {
        let dates = Dates::new(listed.clone(), weekdays.iter().copied().collect(), rules.clone());
        let to = from + Days::new(days);
        let expected: Vec<(NaiveDate, String)> = from
            .iter_days()
            .take_while(|date| *date <= to)
            .filter_map(|date| Some((date, model(&listed, &weekdays, &rules, date)?)))
            .collect();
        prop_assert_eq!(dates.within(from, to).collect::<Vec<_>>(), expected);
        for date in from.iter_days().take_while(|date| *date <= to) {
            prop_assert_eq!(dates.contains(date), dates.named(date).is_some());
        }
    }

    #[test]
    fn dates_read_back_as_they_were_written(
        listed in vec(listed(), 0..20), weekdays in weekdays(), rules in rules(),
    ) {
        let dates = Dates::new(listed, weekdays.into_iter().collect(), rules);
        let text = serde_json::to_string(&dates).unwrap();
        prop_assert_eq!(serde_json::from_str::<Dates>(&text).unwrap(), dates);
    }

    #[test]
    fn imported_dates_are_those_of_the_text(days in btree_map(day(), "[A-Za-zé,;\\\\]{1,40}", 0..40)) {
        let mut text = "BEGIN:VCALENDAR\r\n".to_owned();
        for (date, name) in days.iter().rev() {
            let escaped = name.replace('\\', "\\\\").replace(',', "\\,").replace(';', "\\;");
            // Folded in the middle.
            let middle = escaped.char_indices().nth(escaped.chars().count() / 2).unwrap().0;
            let (one, other) = escaped.split_at(middle);
            write!(text,
                "BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:{}\r\nSUMMARY:{one}\r\n {other}\r\nEND:VEVENT\r\n",
                date.format("%Y%m%d"),
            )
            .unwrap();
        }
        text += "END:VCALENDAR\r\n";
        let dates = Dates::new(import(&text, date(2026, 1, 1)).unwrap(), Weekdays::default(), Vec::new());
        prop_assert_eq!(dates.check(), Ok(()));
        let within: Vec<_> = dates.within(date(2025, 1, 1), date(2028, 1, 1)).collect();
        prop_assert_eq!(within, days.into_iter().collect::<Vec<_>>());
    }
}
