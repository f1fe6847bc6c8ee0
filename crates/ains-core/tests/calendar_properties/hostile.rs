//! Texts that nobody means well with: they are read or refused, and nothing else.

use ains_core::calendar::{Dates, ImportFault, MAX_DATES, Weekdays, import};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::date;

/// Reads it; what comes of it must be what is promised.
fn read(text: &str) -> Result<(), TestCaseError> {
    match import(text, date(2026, 1, 1)) {
        Ok(listed) => {
            prop_assert!(listed.len() <= MAX_DATES);
            prop_assert!(listed.is_sorted());
            let dates = Dates::new(listed, Weekdays::default(), Vec::new());
            prop_assert_eq!(dates.check(), Ok(()));
        }
        Err(ImportFault::At { line, reason }) => {
            prop_assert!((1..=text.lines().count().max(1)).contains(&line), "{}", line);
            prop_assert!(reason.len() < 500, "{}", reason);
        }
        Err(ImportFault::TooLarge { bytes }) => prop_assert_eq!(bytes, text.len()),
    }
    Ok(())
}

/// What a text may be made of.
const PIECES: [&str; 48] = [
    "BEGIN:VCALENDAR",
    "END:VCALENDAR",
    "BEGIN:VEVENT",
    "END:VEVENT",
    "DTSTART",
    "DTEND",
    "DURATION",
    "RRULE",
    "RDATE",
    "EXDATE",
    "RECURRENCE-ID",
    "UID",
    "SUMMARY",
    "STATUS:CANCELLED",
    ";VALUE=DATE",
    ";TZID=Europe/Berlin",
    ";TZID=\"",
    ":",
    ";",
    "=",
    ",",
    "\n",
    "\r\n",
    "\n ",
    "20260101",
    "20261231T235959Z",
    "99991231",
    "00010101T000000",
    "é",
    "\\",
    "FREQ=DAILY",
    "FREQ=WEEKLY",
    "FREQ=MONTHLY",
    "FREQ=YEARLY",
    "INTERVAL=4294967295",
    "COUNT=9",
    "UNTIL=",
    "BYDAY=",
    "-1MO",
    "53SU",
    "BYMONTH=",
    "BYMONTHDAY=-31",
    "BYSETPOS=366",
    "WKST=SU",
    "P1D",
    "PT9999999999H",
    "\"",
    "\u{0}",
];

const STARTS: [&str; 6] = [
    "DTSTART:",
    "DTEND:",
    "DTSTART;TZID=Asia/Tokyo:",
    "RDATE:",
    "EXDATE:",
    "RECURRENCE-ID:",
];
const MOMENTS: [&str; 6] = [
    "00010101",
    "20240229",
    "20260101T120000",
    "20261101T003000Z",
    "99991231",
    "99991231T235959Z",
];
const RULES: [&str; 10] = [
    "RRULE:FREQ=YEARLY",
    "RRULE:FREQ=DAILY;INTERVAL=4294967295",
    "RRULE:FREQ=WEEKLY;INTERVAL=700000000;WKST=SU",
    "RRULE:FREQ=MONTHLY;BYMONTHDAY=-31,31;INTERVAL=11",
    "RRULE:FREQ=YEARLY;BYDAY=-53SU,53MO;COUNT=4294967295",
    "RRULE:FREQ=YEARLY;UNTIL=99991231T235959Z;BYSETPOS=-366,366;BYMONTH=12",
    "DURATION:P10000D",
    "DURATION:P1428W",
    "UID:a",
    "STATUS:CANCELLED",
];

fn lines() -> impl Strategy<Value = String> {
    let moment =
        (select(&STARTS[..]), select(&MOMENTS[..])).prop_map(|(start, moment)| format!("{start}{moment}\n"));
    let line = prop_oneof![3 => moment, 2 => select(&RULES[..]).prop_map(|rule| format!("{rule}\n"))];
    vec(line, 1..6).prop_map(|lines| format!("BEGIN:VEVENT\n{}END:VEVENT\n", lines.concat()))
}

proptest! {
    #![proptest_config(crate::config(1000))]

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        read(&text)?;
        read(&format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260101\n{text}\nEND:VEVENT\nEND:VCALENDAR"))?;
        read(&format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260101\nRRULE:{text}\nEND:VEVENT\nEND:VCALENDAR"))?;
        read(&format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260101\nSUMMARY:{text}\nEND:VEVENT\nEND:VCALENDAR"))?;
    }

    #[test]
    fn any_mixture_of_pieces_is_read_or_refused(pieces in vec(select(&PIECES[..]), 0..60)) {
        let text = pieces.concat();
        read(&text)?;
        read(&format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\n{text}\nEND:VEVENT\nEND:VCALENDAR"))?;
    }
}

proptest! {
    #![proptest_config(crate::config(200))]

    #[test]
    fn any_events_at_the_ends_of_time_are_read_or_refused(events in vec(lines(), 1..4)) {
        read(&format!("BEGIN:VCALENDAR\n{}END:VCALENDAR", events.concat()))?;
    }
}
