//! How far an agent is trusted: a score in 0..=1 that every outcome moves (semantics §5).

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A trust score, always within 0.0..=1.0.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TrustScore(f64);

/// What a change of trust was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrustEvent {
    /// An attempt ended well.
    Completed,
    /// An attempt failed by the agent's own word.
    Failed,
    /// An attempt took longer than the task allows.
    TimedOut,
    /// The agent fell silent while it held the task.
    LeaseLost,
    /// A person set it right.
    Adjusted,
}

impl TrustEvent {
    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::LeaseLost => "lease_lost",
            Self::Adjusted => "adjusted",
        }
    }
}

impl TrustScore {
    /// What a new agent starts with (semantics §5).
    pub const INITIAL: Self = Self(0.5);

    /// The score `value`, clamped to 0.0..=1.0; not-a-number counts as 0.
    pub fn clamped(value: f64) -> Self {
        // Rounded to a millionth, so that 0.5 + 3 × 0.02 prints as 0.56.
        Self(if value.is_nan() {
            0.0
        } else {
            (value.clamp(0.0, 1.0) * 1e6).round() / 1e6
        })
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }

    /// The tenth it reaches, 0..=10: 0.73 gives 7. Together with [`lane_tenth`] this decides
    /// eligibility: an agent serves the lanes of its own tenth and below.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "within 0..=10"
    )]
    pub fn tenth(self) -> u8 {
        (self.0 * 10.0 + 1e-9).floor() as u8
    }

    /// `high` from 0.8, `medium` from 0.5, else `low`.
    pub fn level(self) -> &'static str {
        match self.0 {
            score if score >= 0.8 => "high",
            score if score >= 0.5 => "medium",
            _ => "low",
        }
    }

    /// What must be added to `before` to get this score, rounded like a score.
    pub fn change_from(self, before: Self) -> f64 {
        ((self.0 - before.0) * 1e6).round() / 1e6
    }

    /// The score after `delta`.
    #[must_use]
    pub fn moved(self, delta: f64) -> Self {
        Self::clamped(self.0 + delta)
    }
}

/// `min_trust` rounded up to tenths, 0..=10 (semantics §1.5).
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "within 0..=10"
)]
pub fn lane_tenth(min_trust: TrustScore) -> u8 {
    (min_trust.0 * 10.0 - 1e-9).ceil().max(0.0) as u8
}

/// What a completed attempt earns: +0.02, and +0.03 more if it took less than half of what the
/// task allows (semantics §5).
pub fn completion_delta(took: Duration, timeout: Duration) -> f64 {
    if is_quick(took, timeout) { 0.05 } else { 0.02 }
}

/// Whether `took` is less than half of what the task allows.
pub fn is_quick(took: Duration, timeout: Duration) -> bool {
    took * 2 < timeout
}

/// Why a completion earned more than another: shown with the change.
pub const QUICK: &str = "took less than half of the time allowed";

/// Most characters of the reason that is kept with a change.
pub const MAX_REASON: usize = 500;

/// What a failed, timed-out or lost attempt costs (semantics §5).
pub const FAILURE_DELTA: f64 = -0.05;

/// The average completion time after one more of `took` seconds: the first as it is, then
/// 0.7 · old + 0.3 · new (semantics §5).
pub fn average_seconds(before: Option<f64>, took: Duration) -> f64 {
    match before {
        Some(old) => 0.7 * old + 0.3 * took.as_secs_f64(),
        None => took.as_secs_f64(),
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the expected values are exact")]
mod tests {
    use super::*;

    #[test]
    fn an_agent_reaches_every_lane_up_to_its_own_trust() {
        for hundredth in 0..=100_u32 {
            let trust = TrustScore::clamped(f64::from(hundredth) / 100.0);
            for wanted in 0..=100_u32 {
                let min = TrustScore::clamped(f64::from(wanted) / 100.0);
                let served = trust.tenth() >= lane_tenth(min);
                assert_eq!(
                    served,
                    hundredth / 10 >= wanted.div_ceil(10),
                    "{trust:?} for {min:?}"
                );
            }
        }
    }

    #[test]
    fn a_score_never_leaves_its_range() {
        assert_eq!(TrustScore::clamped(f64::NAN).get(), 0.0);
        assert_eq!(TrustScore::INITIAL.moved(7.0).get(), 1.0);
        assert_eq!(TrustScore::INITIAL.moved(-7.0).get(), 0.0);
        assert_eq!(TrustScore::INITIAL.moved(0.05).moved(0.02).get(), 0.57);
        let (before, after) = (TrustScore::clamped(0.97), TrustScore::clamped(0.97).moved(0.05));
        assert_eq!(
            (after.change_from(before), before.change_from(after)),
            (0.03, -0.03)
        );
    }

    #[test]
    fn speed_is_rewarded_below_half_the_time_allowed() {
        let allowed = Duration::from_secs(10);
        assert_eq!(completion_delta(Duration::from_millis(4_999), allowed), 0.05);
        assert_eq!(completion_delta(Duration::from_secs(5), allowed), 0.02);
    }

    #[test]
    fn the_average_follows_the_newest_by_three_tenths() {
        let first = average_seconds(None, Duration::from_secs(10));
        assert_eq!(first, 10.0);
        assert_eq!(average_seconds(Some(first), Duration::from_secs(20)), 13.0);
    }
}
