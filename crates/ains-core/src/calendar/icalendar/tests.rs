//! Texts, and the dates or the fault that they give.

mod refused;

use chrono::NaiveDate;

use super::import;

fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 1, 15).unwrap()
}

fn calendar(events: &str) -> String {
    format!("BEGIN:VCALENDAR\nVERSION:2.0\n{events}\nEND:VCALENDAR\n")
}

/// The text of one event; its lines begin at line 4.
fn event(lines: &str) -> String {
    calendar(&format!("BEGIN:VEVENT\n{lines}\nEND:VEVENT"))
}

/// The dates of a text, `MM-DD` of 2026 and `YYYY-MM-DD` of other years, each with its name behind it if it has one;
/// or the fault.
fn read(text: &str) -> String {
    match import(text, today()) {
        Err(fault) => fault.to_string(),
        Ok(dates) => {
            let shown = dates.iter().map(|listed| {
                let date = listed.date.to_string();
                let date = date.strip_prefix("2026-").unwrap_or(&date).to_owned();
                let name = listed.name.iter().map(|name| format!(" {name}"));
                date + &name.collect::<String>()
            });
            shown.collect::<Vec<_>>().join(", ")
        }
    }
}

#[test]
fn an_event_is_on_each_date_from_its_start_to_its_end() {
    for (lines, expected) in [
        (
            "DTSTART;VALUE=DATE:20261224\nSUMMARY:Christmas Eve",
            "12-24 Christmas Eve",
        ),
        ("DTSTART:20261224", "12-24"),
        ("DTSTART:20261224\nDTEND:20261227", "12-24, 12-25, 12-26"),
        ("DTSTART:20261224\nDTEND:20261224", "12-24"),
        ("DTSTART:20261224\nDURATION:P2D", "12-24, 12-25"),
        (
            "DTSTART:20261230\nDURATION:P1W",
            "12-30, 12-31, 2027-01-01, 2027-01-02, 2027-01-03, 2027-01-04, 2027-01-05",
        ),
        ("DTSTART:20261224T230000Z\nDTEND:20261225T010000Z", "12-24, 12-25"),
        ("DTSTART:20261224T230000\nDTEND:20261225T000000", "12-24"),
        ("DTSTART:20261224T000000\nDURATION:PT0S", "12-24"),
        ("DTSTART:20261224T220000\nDURATION:P1DT2H", "12-24, 12-25"),
        (
            "DTSTART:20261224T220000\nDURATION:P1DT2H1S",
            "12-24, 12-25, 12-26",
        ),
        ("DTSTART:20261231T235960Z", "12-31"),
        // From Tokyo to Honolulu, one arrives before one left.
        (
            "DTSTART;TZID=Asia/Tokyo:20261225T090000\nDTEND;TZID=Pacific/Honolulu:20261224T220000",
            "12-25",
        ),
        ("DTSTART:20261224\nSTATUS:CANCELLED", ""),
        ("DTSTART:20261224\nSTATUS:CONFIRMED", "12-24"),
        (
            "DTSTART:20261224\nRDATE:20261226,20261230\nRDATE:20261228",
            "12-24, 12-26, 12-28, 12-30",
        ),
        ("DTSTART:20261224\nRDATE:20261226\nEXDATE:20261224", "12-26"),
    ] {
        assert_eq!(read(&event(lines)), expected, "{lines}");
    }
}

#[test]
fn names_are_on_one_line_and_of_bounded_length() {
    let long = format!("DTSTART:20261224\nSUMMARY:{}", "é".repeat(300));
    assert_eq!(read(&event(&long)), format!("12-24 {}", "é".repeat(200)));
    for (summary, expected) in [
        (r"A\, b\; c\\d", r"12-24 A, b; c\d"),
        (r" two\nlines\N ", "12-24 two lines"),
        ("a\tb\u{85}c", "12-24 a b c"),
        (r"\n", "12-24"),
        ("folded \n over\n\t lines", "12-24 folded over lines"),
        ("colons: too", "12-24 colons: too"),
    ] {
        let lines = format!("DTSTART:20261224\nSUMMARY;LANGUAGE=en;X=\"a:b;c\":{summary}");
        assert_eq!(read(&event(&lines)), expected, "{summary}");
    }
}

#[test]
fn an_event_repeats() {
    for (lines, expected) in [
        ("20261130\nRRULE:FREQ=DAILY;COUNT=3", "11-30, 12-01, 12-02"),
        (
            "20261130\nRRULE:FREQ=DAILY;INTERVAL=10;UNTIL=20261220",
            "11-30, 12-10, 12-20",
        ),
        ("20261201\nRRULE:FREQ=WEEKLY;COUNT=3", "12-01, 12-08, 12-15"),
        (
            "20261201\nRRULE:FREQ=WEEKLY;BYDAY=MO,FR;COUNT=3",
            "12-04, 12-07, 12-11",
        ),
        // The two examples for WKST of the standard.
        (
            "19970805\nRRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
            "1997-08-05, 1997-08-10, 1997-08-19, 1997-08-24",
        ),
        (
            "19970805\nRRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
            "1997-08-05, 1997-08-17, 1997-08-19, 1997-08-31",
        ),
        ("20260131\nRRULE:FREQ=MONTHLY;COUNT=3", "01-31, 03-31, 05-31"),
        (
            "20260131\nRRULE:FREQ=MONTHLY;COUNT=3;BYMONTHDAY=-1",
            "01-31, 02-28, 03-31",
        ),
        (
            "20260101\nRRULE:FREQ=MONTHLY;COUNT=3;BYDAY=-1FR,1MO",
            "01-05, 01-30, 02-02",
        ),
        // The last working day of a month.
        (
            "20260101\nRRULE:FREQ=MONTHLY;COUNT=3;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
            "01-30, 02-27, 03-31",
        ),
        // Presidents elected in the United States: the example of the standard.
        (
            "19961105\nRRULE:FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8;COUNT=3",
            "1996-11-05, 2000-11-07, 2004-11-02",
        ),
        (
            "20260101\nRRULE:FREQ=YEARLY;COUNT=2;BYDAY=20MO",
            "05-18, 2027-05-17",
        ),
        (
            "20260101\nRRULE:FREQ=YEARLY;COUNT=2;BYMONTH=5;BYDAY=-1MO",
            "05-25, 2027-05-31",
        ),
        (
            "20240229\nRRULE:FREQ=YEARLY;COUNT=3",
            "2024-02-29, 2028-02-29, 2032-02-29",
        ),
        // Until ten years after today.
        (
            "20260101\nRRULE:FREQ=YEARLY;INTERVAL=5",
            "01-01, 2031-01-01, 2036-01-01",
        ),
        ("20260116\nRRULE:FREQ=YEARLY;INTERVAL=5", "01-16, 2031-01-16"),
        ("20360116\nRRULE:FREQ=DAILY", ""),
        ("20260101\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", ""),
        (
            "20261201\nDURATION:P2D\nRRULE:FREQ=WEEKLY;COUNT=2",
            "12-01, 12-02, 12-08, 12-09",
        ),
        (
            "20261201\nRRULE:FREQ=DAILY;COUNT=4\nEXDATE:20261202,20261203",
            "12-01, 12-04",
        ),
        (
            "20261201T100000\nRRULE:FREQ=DAILY;UNTIL=20261203T100000",
            "12-01, 12-02, 12-03",
        ),
        (
            "20261201T100000\nRRULE:FREQ=DAILY;UNTIL=20261203T095959",
            "12-01, 12-02",
        ),
        ("20261201\nrrule:freq=daily;count=2", "12-01, 12-02"),
    ] {
        assert_eq!(read(&event(&format!("DTSTART:{lines}"))), expected, "{lines}");
    }
}

#[test]
fn times_in_utc_are_compared_where_the_event_is() {
    let berlin = "DTSTART;TZID=Europe/Berlin:20261201T003000\nRRULE:FREQ=DAILY;";
    for (lines, expected) in [
        // 23:30 in UTC is half past midnight in Berlin.
        ("UNTIL=20261202T233000Z", "12-01, 12-02, 12-03"),
        ("UNTIL=20261202T232959Z", "12-01, 12-02"),
        ("COUNT=3\nEXDATE:20261201T233000Z", "12-01, 12-03"),
        (
            "COUNT=3\nEXDATE;TZID=Europe/Berlin:20261202T003000",
            "12-01, 12-03",
        ),
        (
            "COUNT=3\nEXDATE;TZID=Europe/Paris:20261202T003000",
            "line 6: this is in another time zone than DTSTART",
        ),
    ] {
        assert_eq!(read(&event(&format!("{berlin}{lines}"))), expected, "{lines}");
    }
    let unknown = "DTSTART;TZID=Our Zone:20261201T003000\nRRULE:FREQ=DAILY;UNTIL=20261202T233000Z";
    assert_eq!(
        read(&event(unknown)),
        "line 5: this is in UTC, and the time zone `Our Zone` is not known"
    );
}

#[test]
fn one_time_of_a_repeated_event_can_be_moved_or_cancelled() {
    let daily =
        "BEGIN:VEVENT\nUID:a\nDTSTART:20261201\nRRULE:FREQ=DAILY;COUNT=3\nSUMMARY:Daily\nEND:VEVENT\n";
    let other = "BEGIN:VEVENT\nUID:a\nRECURRENCE-ID:20261202\nDTSTART:20261220\nSUMMARY:Moved\n";
    for (rest, expected) in [
        ("END:VEVENT", "12-01 Daily, 12-03 Daily, 12-20 Moved"),
        ("STATUS:CANCELLED\nEND:VEVENT", "12-01 Daily, 12-03 Daily"),
    ] {
        assert_eq!(read(&calendar(&format!("{other}{rest}\n{daily}"))), expected);
        assert_eq!(read(&calendar(&format!("{daily}{other}{rest}"))), expected);
    }
}

#[test]
fn a_text_as_calendars_write_it_is_read() {
    let text = "\u{feff}BEGIN:VCALENDAR\r\nPRODID:-//Example//EN\r\nBEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\n\
        BEGIN:STANDARD\r\nDTSTART:19701025T030000\r\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nEND:STANDARD\r\n\
        END:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:1@example.org\r\nDTSTAMP:20260101T000000Z\r\n\
        DTSTART;VALUE=DATE:20260501\r\nDTEND;VALUE=DATE:20260502\r\nSUMMARY:Tag der Ar\r\n beit\r\nTRANSP:TRANSPARENT\r\n\
        BEGIN:VALARM\r\nTRIGGER:-PT15M\r\nDURATION:oops\r\nEND:VALARM\r\nEND:VEVENT\r\n\
        BEGIN:VTODO\r\nDTSTART:20260101\r\nEND:VTODO\r\nEND:VCALENDAR\r\n\r\n";
    assert_eq!(read(text), "05-01 Tag der Arbeit");
    assert_eq!(read("BEGIN:VCALENDAR\nEND:VCALENDAR"), "");
    let twice = event("DTSTART:20260501\nSUMMARY:b").repeat(2) + &event("DTSTART:20260501\nSUMMARY:a");
    assert_eq!(read(&twice), "05-01 a, 05-01 b");
}
