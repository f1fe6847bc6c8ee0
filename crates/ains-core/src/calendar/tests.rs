//! What a calendar is made of, as it is written, checked and asked.

use chrono::{NaiveDate, Weekday};
use serde_json::{Value, json};

use super::{CalendarFault, Country, Dates, Holidays, ListedDate, MAX_DATE_NAME, MAX_DATES, Weekdays};

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn dates(json: Value) -> Dates {
    serde_json::from_value(json).unwrap()
}

fn named(dates: &Dates, day: &str) -> Option<String> {
    dates.named(date(day)).map(Into::into)
}

#[test]
fn dates_are_read_and_written() {
    let read = dates(json!({
        "dates": ["2026-12-31", {"date": "2026-12-24", "name": "Christmas Eve"}],
        "weekdays": ["SUN", "SAT", "SUN"],
        "holidays": [{"country": "GB", "region": "scotland", "observed": false}, {"country": "JP"}],
    }));
    let eve = ListedDate {
        date: date("2026-12-24"),
        name: Some("Christmas Eve".into()),
    };
    let scotland = Holidays {
        observed: false,
        ..Holidays::of_region(Country::Gb, "scotland")
    };
    let made = Dates::new(
        vec![date("2026-12-31").into(), eve],
        [Weekday::Sat, Weekday::Sun].into_iter().collect(),
        vec![scotland, Holidays::of(Country::Jp)],
    );
    assert_eq!(read, made);
    assert_eq!(
        serde_json::to_value(&read).unwrap(),
        json!({
            "dates": [{"date": "2026-12-31"}, {"date": "2026-12-24", "name": "Christmas Eve"}],
            "weekdays": ["SAT", "SUN"],
            "holidays": [{"country": "GB", "region": "scotland", "observed": false}, {"country": "JP"}],
        })
    );
    assert_eq!(serde_json::to_value(Dates::default()).unwrap(), json!({}));
    assert_eq!(dates(json!({})), Dates::default());
}

#[test]
fn what_is_no_date_no_day_and_no_country_is_not_read() {
    for (json, expected) in [
        (
            json!({"dates": ["2026-2-30"]}),
            "`2026-2-30` is not a date (YYYY-MM-DD)",
        ),
        (
            json!({"dates": ["2026-02-30"]}),
            "`2026-02-30` is not a date (YYYY-MM-DD)",
        ),
        (
            json!({"dates": [{"date": "+1202-1-05"}]}),
            "`+1202-1-05` is not a date (YYYY-MM-DD)",
        ),
        (json!({"dates": [{"name": "nothing"}]}), "missing field `date`"),
        (json!({"dates": [7]}), "a date (YYYY-MM-DD), or an object"),
        (json!({"weekdays": ["Sat"]}), "`Sat` is not a day of the week"),
        (json!({"holidays": [{"country": "XX"}]}), "unknown variant `XX`"),
    ] {
        let fault = serde_json::from_value::<Dates>(json.clone())
            .unwrap_err()
            .to_string();
        assert!(fault.contains(expected), "{json}: {fault}");
    }
}

#[test]
fn a_fault_says_where_it_is() {
    let listed = |name: &str| json!({"dates": ["2026-01-01", {"date": "2026-01-02", "name": name}]});
    let cases = [
        (listed(""), "/dates/1/name", "0 characters; 1 to 200 are wanted"),
        (
            listed(&"é".repeat(MAX_DATE_NAME + 1)),
            "/dates/1/name",
            "201 characters; 1 to 200 are wanted",
        ),
        (
            listed("a\tb"),
            "/dates/1/name",
            "control characters are not allowed",
        ),
        (
            json!({"dates": ["0000-01-01"]}),
            "/dates/0/date",
            "the year is 0; 1 to 9999 is wanted",
        ),
        (
            json!({"holidays": [{"country": "GB"}, {"country": "GB", "region": "cornwall"}]}),
            "/holidays/1/region",
            "`cornwall` is not a region of GB; one of england-and-wales, scotland, northern-ireland is wanted",
        ),
        (
            json!({"holidays": [{"country": "US", "region": "TX"}]}),
            "/holidays/0/region",
            "`TX` is not known: US has no regions here",
        ),
        (
            json!({"holidays": [{"country": "GB"}, {"country": "JP"}, {"country": "GB", "region": "england-and-wales"}]}),
            "/holidays/2",
            "these are named at 0 already",
        ),
    ];
    for (json, pointer, reason) in cases {
        let fault = CalendarFault {
            pointer: pointer.to_owned(),
            reason: reason.to_owned(),
        };
        assert_eq!(dates(json).check(), Err(fault));
    }
    assert_eq!(dates(listed(&"é".repeat(MAX_DATE_NAME))).check(), Ok(()));
    let observed = json!({"holidays": [{"country": "US"}, {"country": "US", "observed": false}]});
    assert_eq!(dates(observed).check(), Ok(()));
}

#[test]
fn a_calendar_lists_at_most_so_many_dates() {
    let many = |count| {
        let days = date("2000-01-01").iter_days().take(count);
        Dates::new(
            days.map(ListedDate::from).collect(),
            Weekdays::default(),
            Vec::new(),
        )
    };
    assert_eq!(many(MAX_DATES).check(), Ok(()));
    let fault = many(MAX_DATES + 1).check().unwrap_err();
    assert_eq!(fault.to_string(), "/dates: 10001 dates; at most 10000");
}

#[test]
fn a_date_has_the_name_that_says_most() {
    let calendar = dates(json!({
        "dates": ["2026-12-25", "2026-06-01", {"date": "2026-12-26", "name": "Stock-taking"}, "2026-06-06",
                  "2026-03-02", {"date": "2026-03-02", "name": "First"}, {"date": "2026-03-02", "name": "Second"}],
        "weekdays": ["SAT"],
        "holidays": [{"country": "DE"}],
    }));
    let cases = [
        ("2026-12-26", Some("Stock-taking")),
        ("2026-12-25", Some("Christmas Day")),
        ("2026-06-06", Some("Saturday")),
        ("2026-06-01", Some("2026-06-01")),
        ("2026-03-02", Some("First")),
        ("2026-10-03", Some("German Unity Day")),
        ("2026-06-13", Some("Saturday")),
        ("2026-06-14", None),
    ];
    for (day, expected) in cases {
        assert_eq!(named(&calendar, day).as_deref(), expected, "{day}");
    }
    let of_june = calendar.within(date("2026-06-01"), date("2026-06-06"));
    let expected = [("2026-06-01", "2026-06-01"), ("2026-06-06", "Saturday")];
    assert!(of_june.eq(expected.map(|(day, name)| (date(day), name.to_owned()))));
    assert_eq!(calendar.within(date("2026-06-02"), date("2026-06-01")).count(), 0);
}

#[test]
fn a_region_that_is_not_known_holds_nothing() {
    let calendar = dates(json!({"holidays": [{"country": "GB", "region": "cornwall"}]}));
    assert_eq!(named(&calendar, "2026-12-25"), None);
}
