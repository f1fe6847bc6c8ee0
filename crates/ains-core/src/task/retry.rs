//! Whether and when a failed attempt is tried again (semantics §1.3).

use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How the delay grows from retry to retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryPolicy {
    /// 1, 2, 4 … at most 60 seconds.
    #[default]
    Exponential,
    /// 5, 10, 15 … seconds.
    Linear,
    /// 10 seconds each time.
    Fixed,
}

/// A text that names no retry or time-out policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a policy")]
pub struct UnknownPolicy(pub String);

/// Largest share of a delay that jitter adds or takes (semantics §1.3).
const JITTER: f64 = 0.1;

impl RetryPolicy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Exponential, Self::Linear, Self::Fixed];

    /// The delay before retry number `n` (from 1), without jitter.
    pub fn delay(self, n: u32) -> Duration {
        Duration::from_secs(match self {
            Self::Exponential => 1_u64.checked_shl(n.saturating_sub(1)).unwrap_or(60).clamp(1, 60),
            Self::Linear => 5 * u64::from(n),
            Self::Fixed => 10,
        })
    }

    /// The delay before retry number `n`: what the agent named is a floor without jitter;
    /// otherwise `chance` in -1.0..=1.0 moves the delay by up to a tenth.
    pub fn delay_with(self, n: u32, chance: f64, named: Option<Duration>) -> Duration {
        match named {
            Some(floor) => self.delay(n).max(floor),
            None => self.delay(n).mul_f64(1.0 + JITTER * chance.clamp(-1.0, 1.0)),
        }
    }

    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exponential => "exponential",
            Self::Linear => "linear",
            Self::Fixed => "fixed",
        }
    }
}

impl FromStr for RetryPolicy {
    type Err = UnknownPolicy;

    fn from_str(name: &str) -> Result<Self, UnknownPolicy> {
        Self::ALL
            .into_iter()
            .find(|policy| policy.as_str() == name)
            .ok_or_else(|| UnknownPolicy(name.chars().take(64).collect()))
    }
}

/// What an attempt that takes too long means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeoutPolicy {
    /// A failed attempt, tried again while retries are left.
    #[default]
    Retry,
    /// The end of the task.
    Fail,
}

impl TimeoutPolicy {
    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Fail => "fail",
        }
    }
}

impl FromStr for TimeoutPolicy {
    type Err = UnknownPolicy;

    fn from_str(name: &str) -> Result<Self, UnknownPolicy> {
        match name {
            "retry" => Ok(Self::Retry),
            "fail" => Ok(Self::Fail),
            _ => Err(UnknownPolicy(name.chars().take(64).collect())),
        }
    }
}

/// Messages of errors that another attempt would only repeat (semantics §1.3).
const PERMANENT: [&str; 6] = [
    "invalid input",
    "authentication failed",
    "permission denied",
    "not found",
    "bad request",
    "validation error",
];

/// Whether a failure with `message` is worth another attempt, in any case of letters.
pub fn is_retryable(message: &str) -> bool {
    let message = message.to_lowercase();
    !PERMANENT.iter().any(|permanent| message.contains(permanent))
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the expected values are exact")]
mod tests {
    use super::*;

    #[test]
    fn delays_follow_the_policy() {
        let seconds = |policy: RetryPolicy| [1, 2, 3, 6, 7, 8, 70].map(|n| policy.delay(n).as_secs());
        assert_eq!(seconds(RetryPolicy::Exponential), [1, 2, 4, 32, 60, 60, 60]);
        assert_eq!(seconds(RetryPolicy::Linear), [5, 10, 15, 30, 35, 40, 350]);
        assert_eq!(seconds(RetryPolicy::Fixed), [10; 7]);
    }

    #[test]
    fn jitter_moves_a_delay_by_a_tenth_but_never_below_what_the_agent_named() {
        let delay = |chance, named| RetryPolicy::Fixed.delay_with(1, chance, named).as_secs_f64();
        assert_eq!(delay(1.0, None), 11.0);
        assert_eq!(delay(-1.0, None), 9.0);
        assert_eq!(delay(-1.0, Some(Duration::from_secs(30))), 30.0);
        assert_eq!(delay(-1.0, Some(Duration::from_secs(3))), 10.0);
    }

    #[test]
    fn permanent_errors_are_known_by_their_words() {
        assert!(!is_retryable("Upstream said: Bad Request (400)"));
        assert!(!is_retryable("NOT FOUND"));
        assert!(is_retryable("connection reset"));
        assert!(is_retryable(""));
    }
}
