//! On which days holidays are kept, in all years of the rules.

use ains_core::calendar::holidays::{FIRST_YEAR, LAST_YEAR};
use ains_core::calendar::{Country, Dates};
use chrono::{Datelike, Days, NaiveDate, Weekday};

use crate::{date, holidays};

fn all(dates: &Dates) -> Vec<(NaiveDate, String)> {
    let (first, last) = (date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 12, 31));
    dates.within(first, last).collect()
}

fn is_weekend(date: NaiveDate) -> bool {
    matches!(date.weekday(), Weekday::Sat | Weekday::Sun)
}

/// Holidays that are moved, and none of which is lost: with each, the dates on which it may be kept.
fn moved(country: Country, region: Option<&str>, may_be_kept: impl Fn(NaiveDate) -> Vec<NaiveDate>) {
    let kept = all(&holidays(country, region, true));
    let named = all(&holidays(country, region, false));
    assert!(named.len() > 800, "{country:?} {region:?}: {}", named.len());
    assert_eq!(kept.len(), named.len(), "{country:?} {region:?}");
    for (date, name) in &kept {
        assert!(!is_weekend(*date), "{date} {name}");
    }
    for (date, name) in &named {
        let moved = format!("{name} (observed)");
        let found = |date: &NaiveDate| kept.iter().find(|(kept, _)| kept == date).map(|(_, name)| name);
        if is_weekend(*date) {
            let days = may_be_kept(*date);
            let times = days.iter().filter(|day| found(day) == Some(&moved)).count();
            assert_eq!(times, 1, "{date} {name}");
        } else {
            assert_eq!(found(date), Some(name), "{date}");
        }
    }
}

#[test]
fn a_federal_holiday_on_a_weekend_is_kept_on_the_nearest_other_day() {
    moved(Country::Us, None, |date| {
        let day = match date.weekday() {
            Weekday::Sat => date - Days::new(1),
            _ => date + Days::new(1),
        };
        vec![day]
    });
}

#[test]
fn a_bank_holiday_on_a_weekend_is_kept_on_one_of_the_first_days_after_it() {
    for region in Country::Gb.regions() {
        moved(Country::Gb, Some(region), |date| {
            date.iter_days()
                .skip(1)
                .take(3)
                .filter(|date| !is_weekend(*date))
                .collect()
        });
    }
}

#[test]
fn a_japanese_holiday_on_a_sunday_has_one_substitute() {
    let (kept, named) = (
        holidays(Country::Jp, None, true),
        holidays(Country::Jp, None, false),
    );
    let mut sundays = 0;
    for (date, name) in all(&named) {
        assert_eq!(kept.named(date).unwrap(), name, "{date}");
        if date.weekday() != Weekday::Sun {
            continue;
        }
        sundays += 1;
        let next = date
            .iter_days()
            .skip(1)
            .find(|next| named.named(*next).is_none())
            .unwrap();
        // Until 2006 it is the Monday, and none if that is a holiday: which none was.
        assert!(date.year() >= 2007 || next == date + Days::new(1), "{date}");
        assert_eq!(kept.named(next).unwrap(), format!("{name} (observed)"), "{date}");
    }
    assert!(sundays > 150, "{sundays}");
    assert_eq!(all(&kept).len(), all(&named).len() + sundays);
}

#[test]
fn a_day_between_two_japanese_holidays_is_one() {
    let named = holidays(Country::Jp, None, false);
    let mut between = 0;
    for (date, name) in all(&named) {
        let after = date + Days::new(2);
        if name != "Citizens' Holiday" && named.named(after).is_some_and(|name| name != "Citizens' Holiday") {
            // Not even a substitute is without a holiday here, unless it is of the years in which that came first.
            let middle = date + Days::new(1);
            let is_one = named.contains(middle);
            assert!(is_one || date.year() < 2007, "{middle}");
            between += usize::from(named.named(middle).as_deref() == Some("Citizens' Holiday"));
        }
    }
    let citizens = all(&named)
        .iter()
        .filter(|(_, name)| name == "Citizens' Holiday")
        .count();
    assert_eq!(citizens, between);
    assert!(citizens > 20, "{citizens}");
}

#[test]
fn a_region_has_all_holidays_of_its_country() {
    for country in [Country::De, Country::Fr] {
        let everywhere = all(&holidays(country, None, true));
        assert_eq!(all(&holidays(country, None, false)), everywhere);
        for region in country.regions() {
            let here = all(&holidays(country, Some(region), true));
            let missing = everywhere.iter().find(|holiday| !here.contains(holiday));
            assert_eq!(missing, None, "{region}");
            assert!(here.len() > everywhere.len(), "{region}");
            assert_eq!(all(&holidays(country, Some(region), false)), here);
        }
    }
}
