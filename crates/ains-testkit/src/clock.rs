//! Holds a clock that stands still until a test moves it.
//!
//! Instants are microseconds since 1970-01-01T00:00Z, the unit in which instants are stored.

use ains_core::{Clock, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// A clock that only moves when told to. Clones show the same time.
#[derive(Clone, Debug)]
pub struct ManualClock {
    micros: Arc<AtomicI64>,
}

impl ManualClock {
    /// A clock that stands at `start_micros` microseconds since 1970-01-01T00:00Z.
    pub fn new(start_micros: i64) -> Self {
        Self {
            micros: Arc::new(AtomicI64::new(start_micros)),
        }
    }

    /// The time it shows, in microseconds since 1970-01-01T00:00Z.
    pub fn now_micros(&self) -> i64 {
        self.micros.load(Ordering::SeqCst)
    }

    /// Moves the clock forward by `by`, cut down to whole microseconds.
    ///
    /// # Panics
    ///
    /// When the new time is beyond what 64 bits of microseconds hold (some 290 000 years).
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_micros()).expect("a test stays within 290 000 years");
        self.micros
            .try_update(Ordering::SeqCst, Ordering::SeqCst, |now| now.checked_add(by))
            .expect("a test stays within 290 000 years of 1970");
    }

    /// Sets the clock, backwards too, as clocks of real machines sometimes do.
    pub fn set(&self, micros: i64) {
        self.micros.store(micros, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.now_micros())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_stands_still_until_it_is_moved() {
        let clock = ManualClock::new(1_000);
        assert_eq!(clock.now_micros(), 1_000);
        assert_eq!(clock.now_micros(), 1_000);
        clock.advance(Duration::from_secs(2));
        assert_eq!(clock.now_micros(), 2_001_000);
    }

    #[test]
    fn parts_of_a_microsecond_are_cut_off() {
        let clock = ManualClock::new(0);
        clock.advance(Duration::from_nanos(1_999));
        assert_eq!(clock.now_micros(), 1);
    }

    #[test]
    fn a_clock_can_be_set_back() {
        let clock = ManualClock::new(10);
        clock.set(-10);
        assert_eq!(clock.now_micros(), -10);
    }

    #[test]
    fn services_read_the_same_clock() {
        let clock = ManualClock::new(3);
        let held: Arc<dyn Clock> = Arc::new(clock.clone());
        clock.advance(Duration::from_micros(4));
        assert_eq!(held.now(), Timestamp::from_micros(7));
    }

    #[test]
    fn clones_show_the_same_time() {
        let clock = ManualClock::new(0);
        let other = clock.clone();
        std::thread::spawn(move || other.advance(Duration::from_micros(7)))
            .join()
            .unwrap();
        assert_eq!(clock.now_micros(), 7);
    }
}
