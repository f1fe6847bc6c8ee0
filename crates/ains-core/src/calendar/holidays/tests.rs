//! Whole years, as they were published.

use chrono::{Datelike, NaiveDate};

use super::moving::easter;
use super::{Country, FIRST_YEAR, Holidays, LAST_YEAR};
use crate::calendar::{Dates, Weekdays};

fn date(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

fn of(country: Country, region: &str) -> Holidays {
    match region {
        "" => Holidays::of(country),
        region => Holidays::of_region(country, region),
    }
}

/// The holidays of a year, as `MM-DD Name`.
fn year(holidays: Holidays, year: i32) -> Vec<String> {
    let dates = Dates::new(Vec::new(), Weekdays::default(), vec![holidays]);
    assert_eq!(dates.check(), Ok(()));
    dates
        .within(date(year, 1, 1), date(year, 12, 31))
        .map(|(date, name)| format!("{} {name}", date.format("%m-%d")))
        .collect()
}

/// The dates only, as `MM-DD`.
fn days(holidays: Holidays, of: i32) -> String {
    let named = year(holidays, of);
    let days: Vec<&str> = named.iter().map(|named| &named[..5]).collect();
    days.join(" ")
}

/// Source: opm.gov, federal holidays.
#[test]
fn federal_holidays_are_those_that_were_published() {
    assert_eq!(
        year(of(Country::Us, ""), 2026),
        [
            "01-01 New Year's Day",
            "01-19 Martin Luther King Jr. Day",
            "02-16 Washington's Birthday",
            "05-25 Memorial Day",
            "06-19 Juneteenth National Independence Day",
            "07-03 Independence Day (observed)",
            "09-07 Labor Day",
            "10-12 Columbus Day",
            "11-11 Veterans Day",
            "11-26 Thanksgiving Day",
            "12-25 Christmas Day",
        ]
    );
    // Two of 2021 and New Year's Day of 2022 on Fridays before.
    assert_eq!(
        days(of(Country::Us, ""), 2021),
        "01-01 01-18 02-15 05-31 06-18 07-05 09-06 10-11 11-11 11-25 12-24 12-31"
    );
    // Before Juneteenth; Veterans Day on a Sunday.
    assert_eq!(
        days(of(Country::Us, ""), 2018),
        "01-01 01-15 02-19 05-28 07-04 09-03 10-08 11-12 11-22 12-25"
    );
    let as_named = Holidays {
        observed: false,
        ..of(Country::Us, "")
    };
    assert_eq!(
        days(as_named, 2021),
        "01-01 01-18 02-15 05-31 06-19 07-04 09-06 10-11 11-11 11-25 12-25"
    );
}

/// Source: gov.uk, bank holidays.
#[test]
fn bank_holidays_are_those_that_were_published() {
    assert_eq!(
        year(of(Country::Gb, ""), 2022),
        [
            "01-03 New Year's Day (observed)",
            "04-15 Good Friday",
            "04-18 Easter Monday",
            "05-02 Early May bank holiday",
            "06-02 Spring bank holiday",
            "06-03 Platinum Jubilee bank holiday",
            "08-29 Summer bank holiday",
            "09-19 Bank holiday for the State Funeral of Queen Elizabeth II",
            "12-26 Boxing Day",
            "12-27 Christmas Day (observed)",
        ]
    );
    assert_eq!(
        year(of(Country::Gb, "scotland"), 2026),
        [
            "01-01 New Year's Day",
            "01-02 2nd January",
            "04-03 Good Friday",
            "05-04 Early May bank holiday",
            "05-25 Spring bank holiday",
            "06-15 World Cup bank holiday",
            "08-03 Summer bank holiday",
            "11-30 St Andrew's Day",
            "12-25 Christmas Day",
            "12-28 Boxing Day (observed)",
        ]
    );
    assert_eq!(
        year(of(Country::Gb, "northern-ireland"), 2026),
        [
            "01-01 New Year's Day",
            "03-17 St Patrick's Day",
            "04-03 Good Friday",
            "04-06 Easter Monday",
            "05-04 Early May bank holiday",
            "05-25 Spring bank holiday",
            "07-13 Battle of the Boyne (Orangemen's Day) (observed)",
            "08-31 Summer bank holiday",
            "12-25 Christmas Day",
            "12-28 Boxing Day (observed)",
        ]
    );
    let cases = [
        // Two on a weekend: Monday and Tuesday.
        ("", 2021, "01-01 04-02 04-05 05-03 05-31 08-30 12-27 12-28"),
        (
            "scotland",
            2022,
            "01-03 01-04 04-15 05-02 06-02 06-03 08-01 09-19 11-30 12-26 12-27",
        ),
        // The Monday is a holiday itself: Tuesday.
        (
            "scotland",
            2023,
            "01-02 01-03 04-07 05-01 05-08 05-29 08-07 11-30 12-25 12-26",
        ),
        // Moved, and additional.
        ("", 2020, "01-01 04-10 04-13 05-08 05-25 08-31 12-25 12-28"),
        ("", 2012, "01-02 04-06 04-09 05-07 06-04 06-05 08-27 12-25 12-26"),
        ("", 2011, "01-03 04-22 04-25 04-29 05-02 05-30 08-29 12-26 12-27"),
        ("", 2002, "01-01 03-29 04-01 05-06 06-03 06-04 08-26 12-25 12-26"),
        ("", 1999, "01-01 04-02 04-05 05-03 05-31 08-30 12-27 12-28 12-31"),
    ];
    for (region, year, expected) in cases {
        assert_eq!(days(of(Country::Gb, region), year), expected, "{region} {year}");
    }
    assert_eq!(
        year(of(Country::Gb, "england-and-wales"), 2022),
        year(of(Country::Gb, ""), 2022)
    );
}

/// Source: the tables of the ministries of the interior of Bund and Länder.
#[test]
fn german_holidays_are_those_that_were_published() {
    let everywhere = [
        "01-01 New Year's Day",
        "04-03 Good Friday",
        "04-06 Easter Monday",
        "05-01 Labour Day",
        "05-14 Ascension Day",
        "05-25 Whit Monday",
        "10-03 German Unity Day",
        "12-25 Christmas Day",
        "12-26 Second Day of Christmas",
    ];
    assert_eq!(year(of(Country::De, ""), 2026), everywhere);
    let further = [
        (
            "BB",
            "04-05 Easter Sunday, 05-24 Whit Sunday, 10-31 Reformation Day",
        ),
        ("BE", "03-08 International Women's Day"),
        (
            "BW",
            "01-06 Epiphany, 06-04 Corpus Christi, 11-01 All Saints' Day",
        ),
        (
            "BY",
            "01-06 Epiphany, 06-04 Corpus Christi, 11-01 All Saints' Day",
        ),
        (
            "BY-AUGSBURG",
            "01-06 Epiphany, 06-04 Corpus Christi, 08-08 Peace Festival, 08-15 Assumption Day, 11-01 All Saints' Day",
        ),
        (
            "BY-CATHOLIC",
            "01-06 Epiphany, 06-04 Corpus Christi, 08-15 Assumption Day, 11-01 All Saints' Day",
        ),
        ("HB", "10-31 Reformation Day"),
        ("HE", "06-04 Corpus Christi"),
        ("HH", "10-31 Reformation Day"),
        ("MV", "03-08 International Women's Day, 10-31 Reformation Day"),
        ("NI", "10-31 Reformation Day"),
        ("NW", "06-04 Corpus Christi, 11-01 All Saints' Day"),
        ("RP", "06-04 Corpus Christi, 11-01 All Saints' Day"),
        ("SH", "10-31 Reformation Day"),
        (
            "SL",
            "06-04 Corpus Christi, 08-15 Assumption Day, 11-01 All Saints' Day",
        ),
        ("SN", "10-31 Reformation Day, 11-18 Day of Repentance and Prayer"),
        ("ST", "01-06 Epiphany, 10-31 Reformation Day"),
        ("TH", "09-20 World Children's Day, 10-31 Reformation Day"),
    ];
    assert_eq!(
        further.map(|(land, _)| land).as_slice(),
        Country::De.regions().collect::<Vec<_>>()
    );
    for (land, expected) in further {
        let mut more = year(of(Country::De, land), 2026);
        more.retain(|day| !everywhere.contains(&day.as_str()));
        assert_eq!(more.join(", "), expected, "{land}");
    }
}

#[test]
fn german_laws_change_with_the_years() {
    let holds = |land: &str, year, month, day| {
        let dates = Dates::new(Vec::new(), Weekdays::default(), vec![of(Country::De, land)]);
        dates.contains(date(year, month, day))
    };
    // The land, month and day, and the first and last year of some years in which it is one.
    let cases = [
        ("", 10, 31, 2017, 2017),
        ("", 11, 16, 1994, 1994),
        ("HH", 10, 31, 2017, LAST_YEAR),
        ("NI", 10, 31, 2017, LAST_YEAR),
        ("BE", 3, 8, 2019, LAST_YEAR),
        ("MV", 3, 8, 2023, LAST_YEAR),
        ("TH", 9, 20, 2019, LAST_YEAR),
        ("BE", 6, 17, 2028, 2028),
    ];
    for (land, month, day, first, last) in cases {
        for year in FIRST_YEAR..=LAST_YEAR {
            let expected = (first..=last).contains(&year);
            assert_eq!(
                holds(land, year, month, day),
                expected,
                "{land} {year}-{month}-{day}"
            );
        }
    }
    let liberation: Vec<i32> = (FIRST_YEAR..=LAST_YEAR)
        .filter(|year| holds("BE", *year, 5, 8) && !holds("", *year, 5, 8))
        .collect();
    assert_eq!(liberation, [2020, 2025]);
    assert!(holds("SN", 1995, 11, 22) && !holds("BY", 1995, 11, 22));
}

/// Source: service-public.fr, jours fériés.
#[test]
fn french_holidays_are_those_that_were_published() {
    assert_eq!(
        year(of(Country::Fr, "alsace-moselle"), 2026),
        [
            "01-01 New Year's Day",
            "04-03 Good Friday",
            "04-06 Easter Monday",
            "05-01 Labour Day",
            "05-08 Victory Day 1945",
            "05-14 Ascension Day",
            "05-25 Whit Monday",
            "07-14 National Day",
            "08-15 Assumption Day",
            "11-01 All Saints' Day",
            "11-11 Armistice Day 1918",
            "12-25 Christmas Day",
            "12-26 St Stephen's Day",
        ]
    );
    assert_eq!(
        days(of(Country::Fr, ""), 2025),
        "01-01 04-21 05-01 05-08 05-29 06-09 07-14 08-15 11-01 11-11 12-25"
    );
    // Ascension on Labour Day.
    assert_eq!(
        days(of(Country::Fr, ""), 2008),
        "01-01 03-24 05-01 05-08 05-12 07-14 08-15 11-01 11-11 12-25"
    );
}

/// Source: the Cabinet Office (内閣府), 国民の祝日について.
#[test]
fn japanese_holidays_are_those_that_were_published() {
    assert_eq!(
        year(of(Country::Jp, ""), 2019),
        [
            "01-01 New Year's Day",
            "01-14 Coming of Age Day",
            "02-11 National Foundation Day",
            "03-21 Vernal Equinox Day",
            "04-29 Showa Day",
            "04-30 Citizens' Holiday",
            "05-01 Accession of the Emperor",
            "05-02 Citizens' Holiday",
            "05-03 Constitution Memorial Day",
            "05-04 Greenery Day",
            "05-05 Children's Day",
            "05-06 Children's Day (observed)",
            "07-15 Marine Day",
            "08-11 Mountain Day",
            "08-12 Mountain Day (observed)",
            "09-16 Respect for the Aged Day",
            "09-23 Autumnal Equinox Day",
            "10-14 Health and Sports Day",
            "10-22 Enthronement Ceremony",
            "11-03 Culture Day",
            "11-04 Culture Day (observed)",
            "11-23 Labour Thanksgiving Day",
        ]
    );
    let cases = [
        // Until 2002 on fixed days, until 2006 with 4 May between two holidays.
        (
            1993,
            "01-01 01-15 02-11 03-20 04-29 05-03 05-04 05-05 06-09 09-15 09-23 10-10 10-11 11-03 11-23 12-23",
        ),
        (
            2002,
            "01-01 01-14 02-11 03-21 04-29 05-03 05-04 05-05 05-06 07-20 09-15 09-16 09-23 10-14 11-03 11-04 11-23 12-23",
        ),
        (
            2009,
            "01-01 01-12 02-11 03-20 04-29 05-03 05-04 05-05 05-06 07-20 09-21 09-22 09-23 10-12 11-03 11-23 12-23",
        ),
        (
            2020,
            "01-01 01-13 02-11 02-23 02-24 03-20 04-29 05-03 05-04 05-05 05-06 07-23 07-24 08-10 09-21 09-22 11-03 11-23",
        ),
        (
            2021,
            "01-01 01-11 02-11 02-23 03-20 04-29 05-03 05-04 05-05 07-22 07-23 08-08 08-09 09-20 09-23 11-03 11-23",
        ),
        (
            2026,
            "01-01 01-12 02-11 02-23 03-20 04-29 05-03 05-04 05-05 05-06 07-20 08-11 09-21 09-22 09-23 10-12 11-03 11-23",
        ),
    ];
    for (year, expected) in cases {
        assert_eq!(days(of(Country::Jp, ""), year), expected, "{year}");
    }
    let as_named = Holidays {
        observed: false,
        ..of(Country::Jp, "")
    };
    assert_eq!(
        days(as_named, 2026),
        "01-01 01-12 02-11 02-23 03-20 04-29 05-03 05-04 05-05 07-20 08-11 09-21 09-22 09-23 10-12 11-03 11-23"
    );
}

/// The algorithm of Meeus, Jones and Butcher.
fn easter_by_butcher(year: u32) -> NaiveDate {
    let (golden, century, of_century) = (year % 19, year / 100, year % 100);
    let corrected = (century - (century + 8) / 25 + 1) / 3;
    let epact = (19 * golden + century - century / 4 - corrected + 15) % 30;
    let weekday = (32 + 2 * (century % 4) + 2 * (of_century / 4) - epact - of_century % 4) % 7;
    let late = (golden + 11 * epact + 22 * weekday) / 451;
    let day = epact + weekday - 7 * late + 114;
    date(i32::try_from(year).unwrap(), day / 31, day % 31 + 1)
}

#[test]
fn easter_is_where_a_second_algorithm_has_it() {
    for year in 1583..=4099_u32 {
        let expected = easter_by_butcher(year);
        assert_eq!(easter(expected.year()), expected.ordinal(), "{year}");
    }
    assert_eq!(easter_by_butcher(2026), date(2026, 4, 5));
    assert_eq!(easter_by_butcher(2038), date(2038, 4, 25));
}

#[test]
fn no_date_of_another_year_is_a_holiday() {
    for country in Country::ALL {
        for (of_year, expected) in [(FIRST_YEAR - 1, 0), (LAST_YEAR + 1, 0), (-1, 0)] {
            assert_eq!(
                year(Holidays::of(country), of_year).len(),
                expected,
                "{country:?} {of_year}"
            );
        }
        for of_year in [FIRST_YEAR, LAST_YEAR] {
            assert!(
                year(Holidays::of(country), of_year).len() >= 8,
                "{country:?} {of_year}"
            );
        }
    }
}
