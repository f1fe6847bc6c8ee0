//! The times of day that an entry names.

use chrono::{NaiveTime, Timelike as _};

/// Seconds, minutes and hours as bit sets, none of them empty: bit `n` is the value `n`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) seconds: u64,
    pub(super) minutes: u64,
    pub(super) hours: u64,
}

impl Times {
    /// The first of a day.
    pub(super) fn first(&self) -> NaiveTime {
        self.with(self.hours.trailing_zeros(), None, None)
    }

    /// The first at `time` or later on the same day; `time` is a whole second.
    pub(super) fn at_or_after(&self, time: NaiveTime) -> Option<NaiveTime> {
        let (hour, minute, second) = (time.hour(), time.minute(), time.second());
        if self.hours >> hour & 1 == 1 {
            if self.minutes >> minute & 1 == 1
                && let Some(second) = from(self.seconds, second)
            {
                return Some(self.with(hour, Some(minute), Some(second)));
            }
            if let Some(minute) = from(self.minutes, minute + 1) {
                return Some(self.with(hour, Some(minute), None));
            }
        }
        Some(self.with(from(self.hours, hour + 1)?, None, None))
    }

    /// A time with this hour, and the first minute and second if there is none.
    fn with(&self, hour: u32, minute: Option<u32>, second: Option<u32>) -> NaiveTime {
        let minute = minute.unwrap_or(self.minutes.trailing_zeros());
        let second = second.unwrap_or(self.seconds.trailing_zeros());
        NaiveTime::from_hms_opt(hour, minute, second).expect("the sets hold what their fields may")
    }
}

/// The least value of a set from `start`, which is at most 60.
fn from(set: u64, start: u32) -> Option<u32> {
    let rest = set >> start;
    (rest != 0).then(|| start + rest.trailing_zeros())
}
