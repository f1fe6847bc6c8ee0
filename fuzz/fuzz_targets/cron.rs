//! Any text is refused as an entry, with a position in it, or it works: it has slots, in order, and words.
//!
//! The input is an instant (eight bytes), a zone (two), what becomes of changes of the clocks (one), and the text.

#![no_main]

use ains_core::Timestamp;
use ains_core::cron::{Cron, Dst, DstFold, DstGap};
use chrono_tz::TZ_VARIANTS;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (i64, u16, u8, &str)| {
    let (micros, zone, dst, text) = input;
    let cron = match Cron::parse(text) {
        Ok(cron) => cron,
        Err(error) => {
            assert!(
                (1..=text.chars().count() + 1).contains(&error.position),
                "{error}"
            );
            return;
        }
    };
    assert_eq!(Cron::parse(&cron.to_string()).as_ref(), Ok(&cron));
    let zone = TZ_VARIANTS[usize::from(zone) % TZ_VARIANTS.len()];
    assert!(cron.describe(zone).ends_with(zone.name()));
    let gap = if dst & 1 == 0 {
        DstGap::RunAfter
    } else {
        DstGap::Skip
    };
    let fold = if dst & 2 == 0 {
        DstFold::First
    } else {
        DstFold::Both
    };
    let mut last = Timestamp::from_micros(micros);
    for slot in cron.occurrences(last, zone, Dst { gap, fold }).take(10) {
        assert!(last < slot.at, "{} does not follow {last}", slot.at);
        last = slot.at;
    }
});
