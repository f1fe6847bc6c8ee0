//! Texts of all kinds: they are refused, with a position in them, or they work.

use ains_core::Timestamp;
use ains_core::cron::{Cron, Dst, DstFold, DstGap};
use chrono::NaiveDate;
use chrono_tz::Tz;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

use super::drawn::Entry;
use super::instant;

fn config() -> Config {
    let rng_seed = RngSeed::Fixed(1);
    Config {
        cases: 2_000,
        failure_persistence: None,
        rng_seed,
        ..Config::default()
    }
}

/// Whether it is accepted. If so, everything that can be asked of it is.
fn holds(text: &str) -> bool {
    let cron = match Cron::parse(text) {
        Ok(cron) => cron,
        Err(error) => {
            let characters = text.chars().count();
            assert!(
                (1..=characters + 1).contains(&error.position),
                "`{text}`: {error}"
            );
            return false;
        }
    };
    let again = Cron::parse(&cron.to_string()).unwrap();
    assert_eq!(again, cron, "`{text}` is not what it was written as");
    let gap_and_fold = Dst {
        gap: DstGap::Skip,
        fold: DstFold::Both,
    };
    for (zone, dst) in [
        (Tz::UTC, Dst::default()),
        (Tz::Europe__Berlin, gap_and_fold),
        (Tz::Pacific__Apia, Dst::default()),
    ] {
        let description = cron.describe(zone);
        assert!(
            description.ends_with(zone.name()) && !description.contains("  "),
            "`{text}`: {description}"
        );
        for after in [
            instant(-1),
            instant(1_325_000_000),
            instant(1_774_746_000),
            instant(4_102_444_800),
        ] {
            let slot = cron.next_after(after, zone, dst);
            assert!(
                slot.is_some_and(|slot| after < slot.at),
                "`{text}` after {after} in {zone}: {slot:?}"
            );
        }
        // At the ends of time there may be none.
        for micros in [
            i64::MIN,
            -62_135_596_800_000_000,
            253_402_300_799_999_999,
            i64::MAX,
        ] {
            let after = Timestamp::from_micros(micros);
            assert!(
                cron.next_after(after, zone, dst)
                    .is_none_or(|slot| after < slot.at),
                "`{text}` after {after}"
            );
            let on = cron.next_after_on(after, zone, dst, |_| false, after);
            assert_eq!(on, None, "`{text}`: no day is named");
        }
    }
    assert!(!cron.names(NaiveDate::MIN) || cron.names(NaiveDate::MIN));
    true
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_text_is_refused_or_works(text in "\\PC{0,40}|.{0,300}") {
        holds(&text);
    }

    #[test]
    fn what_looks_like_an_entry_is_refused_or_works(
        text in "([0-9*?LW#/,-]|JAN|mon| ){0,12}|[0-9*,/-]{1,4}( [0-9*LW#,/?-]{1,5}){4,5}",
    ) {
        holds(&text);
    }
}

#[test]
fn valid_entries_are_accepted_and_broken_ones_refused_or_work() {
    let (mut accepted, mut refused) = (0, 0);
    for seed in 0..2_000 {
        let rng = &mut StdRng::seed_from_u64(seed);
        let mut text = Entry::draw(rng).text().into_bytes();
        for _ in 0..rng.random_range(0..=3) {
            let at = rng.random_range(0..text.len());
            let other = *b"0123456789*/,-?LW#@ \tAajN\x00\xc3".choose(rng).unwrap();
            match rng.random_range(0..4) {
                0 if text.len() > 1 => drop(text.remove(at)),
                1 => text.insert(at, other),
                2 => text.extend_from_within(at..),
                _ => text[at] = other,
            }
        }
        *if holds(&String::from_utf8_lossy(&text)) {
            &mut accepted
        } else {
            &mut refused
        } += 1;
    }
    assert!(
        accepted > 400 && refused > 400,
        "{accepted} accepted, {refused} refused"
    );
}
