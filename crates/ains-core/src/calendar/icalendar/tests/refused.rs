//! Texts that are refused: for what is wrong with them, or because they are too much.

use chrono::{Days, NaiveDate};

use super::super::{MAX_TEXT, import};
use super::{calendar, event, read, today};
use crate::calendar::MAX_DATES;

#[test]
fn components_must_be_within_each_other() {
    for (text, expected) in [
        ("", "line 1: there is no VCALENDAR in this text"),
        ("hello", "line 1: `hello` is not a property (NAME:VALUE)"),
        ("\n\nVERSION:2.0", "line 3: this is outside of a VCALENDAR"),
        ("BEGIN:VEVENT", "line 1: VEVENT outside of a VCALENDAR"),
        ("BEGIN:VCALENDAR", "line 1: BEGIN:VCALENDAR without its END"),
        ("BEGIN:VCALENDAR\nEND:X", "line 2: END:X without its BEGIN"),
        ("END:VCALENDAR", "line 1: END:VCALENDAR without its BEGIN"),
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn a_value_that_is_not_possible_is_refused() {
    for value in [
        "2026-01-01",
        "20260230",
        "00000101",
        "20260101T2400",
        "2026010é",
        "",
        "+2026011",
    ] {
        let expected = "is not a date (YYYYMMDD) or a date and time (YYYYMMDDThhmmss)";
        let text = event(&format!("DTSTART:{value}"));
        assert_eq!(read(&text), format!("line 4: `{value}` {expected}"));
    }
    for value in [
        "-P1D",
        "P1M",
        "PT",
        "P",
        "P1",
        "1D",
        "P10001D",
        "P1DT",
        "PT1D",
        "P99999999999D",
    ] {
        let text = event(&format!("DTSTART:20260102\nDURATION:{value}"));
        let expected = "is not a length (P1D, P1W, PT30M) of at most 10,000 days";
        assert_eq!(read(&text), format!("line 5: `{value}` {expected}"));
    }
}

#[test]
fn an_event_whose_properties_do_not_go_together_is_refused() {
    for (lines, expected) in [
        ("SUMMARY:x", "line 3: this event has no DTSTART"),
        ("DTSTART:20260101,20260102", "line 4: DTSTART must have one value"),
        (
            "DTSTART;VALUE=PERIOD:x",
            "line 4: DTSTART with VALUE=PERIOD is not supported",
        ),
        (
            "DTSTART;X=\"o:1",
            "line 4: `DTSTART;X=\"o:1` is not a property (NAME:VALUE)",
        ),
        (
            "DTSTART;X:1",
            "line 4: `DTSTART;X:1` is not a property (NAME:VALUE)",
        ),
        ("DURATION:P1D\nDURATION:P2D", "line 5: DURATION is there twice"),
        ("EXRULE:FREQ=DAILY", "line 4: EXRULE is not supported"),
        (
            "RECURRENCE-ID;RANGE=X:1",
            "line 4: RECURRENCE-ID with RANGE is not supported",
        ),
    ] {
        assert_eq!(read(&event(lines)), expected, "{lines}");
    }
    for (lines, expected) in [
        ("DTEND:20260101", "line 5: DTEND is before DTSTART"),
        (
            "DTEND:20260103T000000",
            "line 5: DTSTART and DTEND must both be dates, or neither",
        ),
        (
            "DTEND:20260103\nDURATION:P1D",
            "line 6: an event has either DTEND or DURATION",
        ),
        (
            "DURATION:PT5H",
            "line 5: an event without a time of day lasts whole days",
        ),
        (
            "RECURRENCE-ID:20260101",
            "line 5: an event with RECURRENCE-ID needs a UID",
        ),
        (
            "UID:a\nRECURRENCE-ID:20260101\nRRULE:FREQ=DAILY",
            "line 7: an event with RECURRENCE-ID cannot repeat",
        ),
        (
            "RRULE:FREQ=DAILY;COUNT=1\nRRULE:FREQ=DAILY",
            "line 6: RRULE is there twice",
        ),
    ] {
        let text = event(&format!("DTSTART:20260102\n{lines}"));
        assert_eq!(read(&text), expected, "{lines}");
    }
}

#[test]
fn a_rule_that_is_not_possible_or_not_supported_is_refused_by_name() {
    for (rule, expected) in [
        ("COUNT=3", "RRULE has no FREQ"),
        ("FREQ=DAILY;COUNT", "`COUNT` is not a part of RRULE (NAME=VALUE)"),
        ("FREQ=HOURLY", "FREQ=HOURLY is not supported in RRULE"),
        ("FREQ=YEARLY;BYWEEKNO=20", "BYWEEKNO is not supported in RRULE"),
        ("FREQ=YEARLY;BYYEARDAY=20", "BYYEARDAY is not supported in RRULE"),
        ("FREQ=YEARLY;BYEASTER=0", "BYEASTER is not supported in RRULE"),
        ("FREQ=DAILY;BYHOUR=9", "BYHOUR is not supported in RRULE"),
        ("FREQ=DAILY;COUNT=0", "COUNT=0 is not possible in RRULE"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL=-1 is not possible in RRULE"),
        ("FREQ=DAILY;COUNT=1;count=2", "COUNT is there twice in RRULE"),
        (
            "FREQ=DAILY;COUNT=1;UNTIL=20260105",
            "COUNT and UNTIL together are not supported in RRULE",
        ),
        ("FREQ=YEARLY;BYMONTH=13", "BYMONTH=13 is not possible in RRULE"),
        (
            "FREQ=MONTHLY;BYMONTHDAY=32",
            "BYMONTHDAY=32 is not possible in RRULE",
        ),
        (
            "FREQ=MONTHLY;BYMONTHDAY=-0",
            "BYMONTHDAY=-0 is not possible in RRULE",
        ),
        ("FREQ=MONTHLY;BYDAY=6MO", "BYDAY=6MO is not possible in RRULE"),
        ("FREQ=MONTHLY;BYDAY=éa", "BYDAY=éa is not possible in RRULE"),
        ("FREQ=YEARLY;BYDAY=54MO", "BYDAY=54MO is not possible in RRULE"),
        (
            "FREQ=YEARLY;BYDAY=MO;BYSETPOS=367",
            "BYSETPOS=367 is not possible in RRULE",
        ),
        (
            "FREQ=DAILY;BYDAY=1MO",
            "a number in BYDAY with FREQ=DAILY or WEEKLY is not supported in RRULE",
        ),
        (
            "FREQ=WEEKLY;BYMONTHDAY=1",
            "BYMONTHDAY with FREQ=WEEKLY is not supported in RRULE",
        ),
        (
            "FREQ=WEEKLY;BYSETPOS=1",
            "BYSETPOS with FREQ=DAILY or WEEKLY is not supported in RRULE",
        ),
    ] {
        let text = event(&format!("DTSTART:20260101\nRRULE:{rule}"));
        assert_eq!(read(&text), format!("line 5: {expected}"), "{rule}");
    }
}

#[test]
fn a_text_gives_a_bounded_number_of_dates() {
    let last = NaiveDate::from_ymd_opt(2000, 1, 1).unwrap() + Days::new(MAX_DATES as u64);
    let lasting = |end: NaiveDate| event(&format!("DTSTART:20000101\nDTEND:{}", end.format("%Y%m%d")));
    assert_eq!(import(&lasting(last), today()).unwrap().len(), MAX_DATES);
    let too_many = "line 3: with this event there are more than 10000 dates";
    assert_eq!(read(&lasting(last + Days::new(1))), too_many);
    assert_eq!(read(&event("DTSTART:00010101\nDTEND:99991231")), too_many);
    assert_eq!(
        read(&event("DTSTART:99991231\nDURATION:P2D")),
        "line 3: this event ends after the year 9999"
    );
    assert_eq!(
        read(&event("DTSTART:00010101\nRRULE:FREQ=DAILY")),
        "line 5: with this event there are more than 10000 dates"
    );
}

#[test]
fn a_text_takes_a_bounded_amount_of_work() {
    let never = "BEGIN:VEVENT\nDTSTART:00010101\nRRULE:FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=2,4\nEND:VEVENT\n";
    let fault = read(&calendar(&never.repeat(1000)));
    assert!(
        fault.ends_with("up to here, more than 4000000 dates must be looked at to find those that repeat"),
        "{fault}"
    );
    let long = " ".repeat(MAX_TEXT + 1);
    assert_eq!(read(&long), "the text has 1048577 bytes; at most 1048576");
    assert_eq!(read(&long[1..]), "line 1: there is no VCALENDAR in this text");
    // So deep that a reader which calls itself would end the process.
    let deep = "BEGIN:A\n".repeat(60_000) + &"END:A\n".repeat(60_000);
    assert_eq!(read(&calendar(&deep)), "");
}
