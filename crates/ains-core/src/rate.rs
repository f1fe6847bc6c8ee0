//! Rate limits: how many requests pass in a minute and in an hour (semantics §9).
//!
//! Windows are the minutes and hours of UTC. What a key may still send is counted in one place for all servers, from
//! which each server draws **blocks** of a twentieth of the limit; within a block it decides alone, by its [`Meter`].
//! The count never exceeds the limit, and every request that passes was counted, so the limit is never overshot,
//! whatever the servers do. A block that a server does not use up is not given back: at most that much less passes.
//!
//! A window never gives way to an earlier one, so a clock that goes back is no second quota.
//!
//! Traffic without a key is limited by [`Addresses`], on each server for itself.

mod addresses;
mod meter;

use std::time::Duration;

pub use addresses::{Addresses, Source};
pub use meter::{Answer, Draw, Drawn, Figure, Meter, Standing};

use crate::time::Timestamp;

/// The length of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    /// A minute of UTC.
    Minute,
    /// An hour of UTC.
    Hour,
}

impl Period {
    /// Both, the shorter one first.
    pub const ALL: [Self; 2] = [Self::Minute, Self::Hour];

    /// `minute` or `hour`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
        }
    }

    /// How many seconds it lasts.
    pub const fn seconds(self) -> u32 {
        match self {
            Self::Minute => 60,
            Self::Hour => 3600,
        }
    }

    /// When the window began that `now` is in.
    pub const fn window(self, now: Timestamp) -> Timestamp {
        let length = self.seconds() as i64 * 1_000_000;
        Timestamp::from_micros(now.as_micros().div_euclid(length) * length)
    }

    /// Seconds from `now` to the end of the window that began at `window`: whole ones, rounded up, and at least 1.
    pub fn seconds_left(self, window: Timestamp, now: Timestamp) -> u64 {
        let end = window + Duration::from_secs(self.seconds().into());
        let left = end.since(now);
        (left.as_secs() + u64::from(left.subsec_nanos() > 0)).max(1)
    }
}

/// How many requests of one key pass; `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quota {
    /// In each minute.
    pub per_minute: Option<u32>,
    /// In each hour.
    pub per_hour: Option<u32>,
}

impl Quota {
    /// No limit at all.
    pub const UNLIMITED: Self = Self {
        per_minute: None,
        per_hour: None,
    };

    /// The limit of windows of this length.
    pub const fn of(self, period: Period) -> Option<u32> {
        match period {
            Period::Minute => self.per_minute,
            Period::Hour => self.per_hour,
        }
    }

    /// Whether nothing is limited.
    pub const fn is_unlimited(self) -> bool {
        self.per_minute.is_none() && self.per_hour.is_none()
    }
}

/// How much of `limit` is drawn at once: a twentieth, at least 1 (semantics §9).
pub const fn block(limit: u32) -> u32 {
    if limit < 20 { 1 } else { limit / 20 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_those_of_utc() {
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
        // 2026-01-01T10:59:59.5Z
        let now = Timestamp::from_micros(1_767_265_199_500_000);
        assert_eq!(Period::Minute.window(now), at(1_767_265_140));
        assert_eq!(Period::Hour.window(now), at(1_767_261_600));
        assert_eq!(Period::Hour.window(at(1_767_261_600)), at(1_767_261_600));
        assert_eq!(Period::Minute.window(at(-1)), at(-60), "before 1970 too");
    }

    #[test]
    fn seconds_left_are_rounded_up() {
        let left =
            |micros| Period::Minute.seconds_left(Timestamp::from_micros(0), Timestamp::from_micros(micros));
        assert_eq!(
            [left(0), left(1), left(1_000_000), left(59_999_999)],
            [60, 60, 59, 1]
        );
        assert_eq!(
            left(60_000_000),
            1,
            "never 0, which would ask for a request at once"
        );
        assert_eq!(left(-1_000_000), 61, "a clock that is behind");
    }

    #[test]
    fn a_block_is_a_twentieth() {
        assert_eq!(
            [0, 1, 19, 20, 39, 40, 100, 1000].map(block),
            [1, 1, 1, 1, 1, 2, 5, 50]
        );
    }
}
