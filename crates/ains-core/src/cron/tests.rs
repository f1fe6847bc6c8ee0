//! Tables of entries: what each piece of the syntax names, and what is refused and where.

mod slots;

use chrono::Datelike as _;

use super::*;

fn cron(text: &str) -> Cron {
    Cron::parse(text).unwrap_or_else(|error| panic!("`{text}`: {error}"))
}

/// The days of a month that an entry names.
fn days(text: &str, year: i32, month: u32) -> Vec<u32> {
    let cron = cron(&format!("0 0 {text}"));
    let first = NaiveDate::from_ymd_opt(year, month, 1).unwrap();
    let dates = first.iter_days().take_while(|date| date.month() == month);
    dates
        .filter(|date| cron.names(*date))
        .map(|date| date.day())
        .collect()
}

#[test]
fn a_field_of_time_names_its_values() {
    let hours = |text: &str| bits_of(cron(&format!("0 {text} * * *")).times.hours);
    assert_eq!(hours("5"), [5]);
    assert_eq!(hours("05"), [5]);
    assert_eq!(hours("1,3,2,3"), [1, 2, 3]);
    assert_eq!(hours("9-12"), [9, 10, 11, 12]);
    assert_eq!(hours("22-2"), [0, 1, 2, 22, 23]);
    assert_eq!(hours("22-2/2"), [0, 2, 22]);
    assert_eq!(hours("*/7"), [0, 7, 14, 21]);
    assert_eq!(hours("*/24"), [0]);
    assert_eq!(hours("20/2"), [20, 22]);
    assert_eq!(hours("9-17/4,0"), [0, 9, 13, 17]);
    assert_eq!(hours("4-4"), [4]);
    assert_eq!(cron("1-3 0 0 * * *").times.seconds, 0b1110);
    assert_eq!(cron("0 0 * * *").times.seconds, 1);
}

fn bits_of(set: u64) -> Vec<u32> {
    days::bits(set).collect()
}

#[test]
fn a_field_of_dates_names_its_values() {
    let months = |text: &str| bits_of(cron(&format!("0 0 * {text} *")).days.months);
    assert_eq!(months("NOV-FEB"), [1, 2, 11, 12]);
    assert_eq!(months("jan,Mar-May"), [1, 3, 4, 5]);
    assert_eq!(months("*/6"), [1, 7]);
    let weekdays = |text: &str| bits_of(cron(&format!("0 0 * * {text}")).days.weekdays);
    assert_eq!(weekdays("0"), [0]);
    assert_eq!(weekdays("7"), [0]);
    assert_eq!(weekdays("1-5"), [1, 2, 3, 4, 5]);
    assert_eq!(weekdays("FRI-MON"), [0, 1, 5, 6]);
    assert_eq!(weekdays("5-7"), [0, 5, 6]);
    assert_eq!(weekdays("0-7"), [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(weekdays("7-2"), [0, 1, 2]);
    assert_eq!(weekdays("mon-SUN/2"), [0, 1, 3, 5]);
    assert_eq!(weekdays("*/2"), [0, 2, 4, 6]);
    assert_eq!(weekdays("5/2"), [5], "a week ends with Saturday");
    assert_eq!(
        bits_of(cron("0 0 28-3 * *").days.of_month),
        [1, 2, 3, 28, 29, 30, 31]
    );
}

#[test]
fn days_are_named_by_their_month() {
    // January 2026 begins with a Thursday, February with a Sunday and has 28 days, May ends with a Sunday.
    assert_eq!(days("L * *", 2026, 2), [28]);
    assert_eq!(days("L * *", 2024, 2), [29]);
    assert_eq!(days("L-3,l * *", 2026, 1), [28, 31]);
    assert_eq!(days("L-30 * *", 2026, 1), [1]);
    assert_eq!(days("L-30 * *", 2026, 2), [0; 0]);
    assert_eq!(days("LW * *", 2026, 1), [30]);
    assert_eq!(days("LW * *", 2026, 5), [29]);
    assert_eq!(days("15,LW * *", 2026, 5), [15, 29]);
    assert_eq!(days("17W * *", 2026, 1), [16], "a Saturday");
    assert_eq!(days("18w * *", 2026, 1), [19], "a Sunday");
    assert_eq!(
        days("1W * *", 2026, 8),
        [3],
        "a Saturday that has no Friday in its month"
    );
    assert_eq!(
        days("31W * *", 2026, 5),
        [29],
        "a Sunday that has no Monday in its month"
    );
    assert_eq!(days("31W * *", 2026, 6), [0; 0], "June has no such day");
    assert_eq!(days("* * THU#1,7#2", 2026, 1), [1, 11]);
    assert_eq!(days("* * FRIL,0l", 2026, 1), [25, 30]);
    assert_eq!(days("* * 4#5", 2026, 1), [29]);
    assert_eq!(days("* * 4#5", 2026, 2), [0; 0]);
    assert_eq!(days("* * MON,FRI#2", 2026, 2), [2, 9, 13, 16, 23]);
}

#[test]
fn day_of_month_and_day_of_week_are_joined_as_in_vixie_cron() {
    assert_eq!(days("13 * FRI", 2026, 1), [2, 9, 13, 16, 23, 30], "either");
    assert_eq!(
        days("*/2 * MON", 2026, 1),
        [5, 19],
        "both: a field begins with `*`"
    );
    assert_eq!(days("1-31/2 * MON", 2026, 2).len(), 16, "either: it does not");
    assert_eq!(days("13 * *", 2026, 1), [13]);
    assert_eq!(days("? * FRI", 2026, 1), [2, 9, 16, 23, 30]);
    assert_eq!(days("13 * ?", 2026, 1), [13]);
    assert_eq!(days("? * ?", 2026, 2).len(), 28);
    assert_eq!(days("13 * */2", 2026, 1), [13], "a Tuesday");
    assert_eq!(days("13 * */3", 2026, 1), [0; 0]);
    assert_eq!(days("1-31 * MON", 2026, 1).len(), 31);
}

#[test]
fn short_forms_stand_for_fields() {
    let forms = [
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@Midnight", "0 0 * * *"),
        ("@WEEKLY", "0 0 * * SUN"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 JAN *"),
        ("@annually", "0 0 1 1 *"),
    ];
    for (form, meaning) in forms {
        let (form, meaning) = (cron(form), cron(meaning));
        assert_eq!(
            (form.days, form.times, form.is_fixed),
            (meaning.days, meaning.times, meaning.is_fixed),
            "{form}"
        );
    }
    assert_eq!(cron("  @Midnight\t").to_string(), "@Midnight");
    assert_eq!(cron(" 0  0 * * Sun ").to_string(), "0  0 * * Sun");
}

#[test]
fn what_is_no_entry_is_refused_with_its_position() {
    let table = [
        (
            "",
            "at 1: there are 0 fields: it needs 5, or 6 with the seconds first",
        ),
        (
            "* * * *",
            "at 8: there are 4 fields: it needs 5, or 6 with the seconds first",
        ),
        (
            " 0 0 0 1 * * 2027",
            "at 14: there are 7 fields: it needs 5, or 6 with the seconds first",
        ),
        ("60 * * * *", "at 1: the minute `60` is not from 0 to 59"),
        ("0 24 * * *", "at 3: the hour `24` is not from 0 to 23"),
        ("0 0 0 * *", "at 5: the day of month `0` is not from 1 to 31"),
        (
            "0 0 1,5-32 * *",
            "at 9: the day of month `32` is not from 1 to 31",
        ),
        ("0 0 * 13 *", "at 7: the month `13` is not from 1 to 12"),
        ("0 0 * * 8", "at 9: the day of week `8` is not from 0 to 7"),
        (
            "99999999999999999999 * * * *",
            "at 1: the minute `99999999999999999999` is not from 0 to 59",
        ),
        ("60 0 0 * * *", "at 1: the second `60` is not from 0 to 59"),
        ("*/0 * * * *", "at 3: the minute step `0` is not from 1 to 60"),
        ("*/90 * * * *", "at 3: the minute step `90` is not from 1 to 60"),
        (
            "0 0 * * */8",
            "at 11: the day of week step `8` is not from 1 to 7",
        ),
        ("*/ * * * *", "at 3: the minute step `` is not from 1 to 60"),
        ("1/2/3 * * * *", "at 3: the minute step `2/3` is not from 1 to 60"),
        (", * * * *", "at 1: a value of the minute is missing"),
        ("1, * * * *", "at 3: a value of the minute is missing"),
        ("0 1,,2 * * *", "at 5: a value of the hour is missing"),
        ("0 1- * * *", "at 5: a value of the hour is missing"),
        ("-1 * * * *", "at 1: a value of the minute is missing"),
        ("0 0 * * #1", "at 9: a value of the day of week is missing"),
        ("five * * * *", "at 1: the minute `five` is not a number"),
        (
            "0 0 * JANUARY *",
            "at 7: the month `JANUARY` is not a number or a name from `JAN` to `DEC`",
        ),
        (
            "0 0 * * MON-FOO",
            "at 13: the day of week `FOO` is not a number or a name from `SUN` to `SAT`",
        ),
        ("0 *-5 * * *", "at 3: the hour `*` is not a number"),
        (
            "? * * * *",
            "at 1: the minute has a `?`, which must stand alone, as day of month or day of week",
        ),
        (
            "0 0 1,? * *",
            "at 7: the day of month has a `?`, which must stand alone, as day of month or day of week",
        ),
        ("0 L * * *", "at 3: the hour cannot be `L`"),
        ("0 0 * * L", "at 9: the day of week cannot be `L`"),
        ("0 0 * * 5W", "at 9: the day of week cannot be `5W`"),
        ("0 0 3#2 * *", "at 5: the day of month cannot be `3#2`"),
        ("0 0 10-15W * *", "at 8: the day of month cannot be `15W`"),
        ("0 0 L/2 * *", "at 5: the day of month cannot be `L`"),
        ("0 0 32W * *", "at 5: the day of month `32` is not from 1 to 31"),
        (
            "0 0 L-31 * *",
            "at 7: the day of month `L-31` needs a number from 1 to 30",
        ),
        (
            "0 0 L-3W * *",
            "at 7: the day of month `L-3W` needs a number from 1 to 30",
        ),
        (
            "0 0 * * MON#6",
            "at 13: the day of week `MON#6` needs a number from 1 to 5",
        ),
        (
            "0 0 * * FRI#L",
            "at 13: the day of week `FRI#L` needs a number from 1 to 5",
        ),
        ("0 0 * * 8L", "at 9: the day of week `8` is not from 0 to 7"),
        (
            " @reboot",
            "at 2: `@reboot` is none of `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`, `@yearly` and `@annually`",
        ),
        ("0 0 * * *\n", "at 10: `\\n` is not used in cron expressions"),
        ("0 0 * * é", "at 9: `\\u{e9}` is not used in cron expressions"),
        ("0 0 30 2 *", "at 5: it never fires: no year has such a date"),
        (
            "0 0 31 2,4,6,9,11 *",
            "at 5: it never fires: no year has such a date",
        ),
        ("0 0 30W 2 *", "at 5: it never fires: no year has such a date"),
        ("0 0 L-29 2 */2", "at 5: it never fires: no year has such a date"),
    ];
    for (text, message) in table {
        assert_eq!(Cron::parse(text).unwrap_err().to_string(), message, "`{text}`");
    }
}

#[test]
fn a_long_text_is_refused() {
    let list = |count: usize| format!("{}0 0 * * *", "0,".repeat(count));
    assert_eq!(list(123).len(), 255);
    assert!(Cron::parse(&list(123)).is_ok());
    let error = Cron::parse(&list(124)).unwrap_err();
    assert_eq!((error.position, error.reason), (257, Reason::TooLong));
}

#[test]
fn what_is_rare_is_not_taken_for_what_never_is() {
    for text in [
        "0 0 29 2 *",
        "0 0 * 2 MON#5",
        "0 0 29W 2 *",
        "0 0 L-28 2 *",
        "0 0 30 2 MON",
        "0 0 */28 2 0#5",
    ] {
        cron(text);
    }
}

#[test]
fn an_entry_is_elapsed_by_its_minutes_and_hours() {
    for text in [
        "0 0 */2 * *",
        "*/10 30 2 * * *",
        "* 30 2 * * *",
        "0-59 0-23 * * *",
        "@daily",
    ] {
        assert!(cron(text).is_fixed(), "{text}");
    }
    for text in [
        "* 2 * * *",
        "0 * * * *",
        "5/10 2 * * *",
        "0 2-8/3 * * *",
        "1,*/30 2 * * *",
        "@hourly",
    ] {
        assert!(!cron(text).is_fixed(), "{text}");
    }
}

#[test]
fn settings_read_as_they_are_written() {
    let dst: Dst = serde_json::from_str(r#"{"gap": "skip"}"#).unwrap();
    assert_eq!(
        dst,
        Dst {
            gap: DstGap::Skip,
            fold: DstFold::First
        }
    );
    assert_eq!(
        serde_json::to_string(&Dst::default()).unwrap(),
        r#"{"gap":"run_after","fold":"first"}"#
    );
}
