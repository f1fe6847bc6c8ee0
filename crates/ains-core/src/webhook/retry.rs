//! What follows from an attempt: delivered, tried again, given up, or never called again (semantics §8).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::time::Timestamp;

/// Longest wait that a receiver may ask for.
pub const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// Largest share of a wait that jitter adds or takes, as of a task's (semantics §1.3).
const JITTER: f64 = 0.1;

/// Most waits of a plan.
const MOST: usize = 50;

/// Longest wait of a plan: 30 days, in seconds.
const LONGEST: u64 = 30 * 86_400;

/// How long after a failed attempt the next one follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPlan(Vec<Duration>);

/// A text that is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPlan {
    /// An element is not a whole number of seconds up to 30 days.
    #[error("`{0}` is not a whole number of seconds, 0 to 2592000")]
    Wait(String),
    /// There are too many.
    #[error("has more than 50 waits")]
    TooLong,
}

/// How an attempt went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered with this status code, 200 to 299.
    Delivered(u16),
    /// It was not.
    Failed {
        /// The status code, if there was an answer.
        code: Option<u16>,
        /// Why, for people.
        error: String,
        /// How long the receiver asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// The receiver says that it wants nothing any more: 410.
    Gone,
}

/// What follows from an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is done.
    Delivered {
        /// The status code.
        code: u16,
    },
    /// It is tried again.
    Again {
        /// When.
        at: Timestamp,
        /// The status code, if there was an answer.
        code: Option<u16>,
        /// Why.
        error: String,
    },
    /// It is given up.
    Dead {
        /// The status code, if there was an answer.
        code: Option<u16>,
        /// Why.
        error: String,
    },
    /// The webhook is called no more, with this or anything else.
    Gone,
}

impl Default for RetryPlan {
    /// 0 s, 5 s, 30 s, 5 min, 30 min, 2 h, 6 h, 12 h, 24 h (semantics §8).
    fn default() -> Self {
        let waits = [5, 30, 300, 1800, 7200, 21_600, 43_200, 86_400];
        Self(waits.map(Duration::from_secs).to_vec())
    }
}

impl RetryPlan {
    /// Attempts in all, the first included: at least 1.
    pub fn attempts(&self) -> usize {
        self.0.len() + 1
    }

    /// What follows from attempt number `attempt` (from 1), which ended at `now`. `chance`, in -1.0..=1.0, moves the wait
    /// by up to a tenth; a receiver that asks for a longer one gets it, up to [`LONGEST_WAIT`].
    pub fn after(&self, attempt: u32, outcome: Outcome, now: Timestamp, chance: f64) -> Verdict {
        let (code, error, retry_after) = match outcome {
            Outcome::Delivered(code) => return Verdict::Delivered { code },
            Outcome::Gone => return Verdict::Gone,
            Outcome::Failed {
                code,
                error,
                retry_after,
            } => (code, error, retry_after),
        };
        let place = usize::try_from(attempt).unwrap_or(usize::MAX).saturating_sub(1);
        let Some(wait) = self.0.get(place) else {
            return Verdict::Dead { code, error };
        };
        let wait = wait.mul_f64(1.0 + JITTER * chance.clamp(-1.0, 1.0));
        let asked = retry_after.unwrap_or_default().min(LONGEST_WAIT);
        Verdict::Again {
            at: now + wait.max(asked),
            code,
            error,
        }
    }
}

impl FromStr for RetryPlan {
    type Err = InvalidPlan;

    /// Reads whole seconds with commas between them: the waits before the attempts. A 0 at the beginning stands for the
    /// first attempt, which does not wait, and may be left out; an empty text is one attempt.
    fn from_str(text: &str) -> Result<Self, InvalidPlan> {
        let wait = |text: &str| match text.trim().parse() {
            Ok(seconds @ 0..=LONGEST) => Ok(Duration::from_secs(seconds)),
            _ => Err(InvalidPlan::Wait(text.trim().chars().take(64).collect())),
        };
        if text.trim().is_empty() {
            return Ok(Self(Vec::new()));
        }
        let mut waits: Vec<Duration> = text.split(',').map(wait).collect::<Result<_, _>>()?;
        if waits.first().is_some_and(Duration::is_zero) {
            waits.remove(0);
        }
        if waits.len() > MOST {
            return Err(InvalidPlan::TooLong);
        }
        Ok(Self(waits))
    }
}

impl fmt::Display for RetryPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0")?;
        self.0
            .iter()
            .try_for_each(|wait| write!(f, ",{}", wait.as_secs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(retry_after: Option<u64>) -> Outcome {
        Outcome::Failed {
            code: Some(503),
            error: "HTTP 503".to_owned(),
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    fn wait(verdict: &Verdict) -> Option<u64> {
        match verdict {
            Verdict::Again { at, .. } => Some(u64::try_from(at.as_micros() / 1_000_000).unwrap()),
            _ => None,
        }
    }

    #[test]
    fn attempts_follow_the_plan_and_end() {
        let (plan, now) = (RetryPlan::default(), Timestamp::from_micros(0));
        let waits: Vec<_> = (1..=9)
            .map(|attempt| wait(&plan.after(attempt, failed(None), now, 0.0)))
            .collect();
        let expected = [5, 30, 300, 1800, 7200, 21_600, 43_200, 86_400].map(Some);
        assert_eq!(waits[..8], expected);
        assert_eq!(waits[8], None);
        assert!(matches!(
            plan.after(9, failed(None), now, 0.0),
            Verdict::Dead { code: Some(503), .. }
        ));
        assert_eq!(plan.attempts(), 9);
    }

    #[test]
    fn jitter_moves_a_wait_by_up_to_a_tenth() {
        let (plan, now) = (RetryPlan::default(), Timestamp::from_micros(0));
        for (chance, expected) in [(-1.0, 270), (0.5, 315), (1.0, 330), (9.0, 330)] {
            assert_eq!(wait(&plan.after(3, failed(None), now, chance)), Some(expected));
        }
    }

    #[test]
    fn a_receiver_may_ask_for_a_longer_wait_of_up_to_a_day() {
        let (plan, now) = (RetryPlan::default(), Timestamp::from_micros(0));
        for (asked, expected) in [(1, 5), (60, 60), (86_400, 86_400), (1_000_000, 86_400)] {
            assert_eq!(
                wait(&plan.after(1, failed(Some(asked)), now, 0.0)),
                Some(expected)
            );
        }
        assert_eq!(
            wait(&plan.after(9, failed(Some(60)), now, 0.0)),
            None,
            "the last stays the last"
        );
    }

    #[test]
    fn success_and_gone_end_it_at_any_attempt() {
        let (plan, now) = (RetryPlan::default(), Timestamp::from_micros(0));
        for attempt in [0, 1, 9, u32::MAX] {
            let verdict = plan.after(attempt, Outcome::Delivered(204), now, 0.0);
            assert_eq!(verdict, Verdict::Delivered { code: 204 });
            assert_eq!(plan.after(attempt, Outcome::Gone, now, 0.0), Verdict::Gone);
        }
    }

    #[test]
    fn a_plan_is_a_list_of_seconds() {
        let read = |text: &str| text.parse::<RetryPlan>().map(|plan| plan.to_string());
        assert_eq!(read("0,5, 30"), Ok("0,5,30".to_owned()));
        assert_eq!(read("5,30"), Ok("0,5,30".to_owned()));
        assert_eq!(read("0"), Ok("0".to_owned()));
        assert_eq!(read(""), Ok("0".to_owned()));
        assert_eq!(read("0,0,0"), Ok("0,0,0".to_owned()));
        assert_eq!(
            read(&RetryPlan::default().to_string()),
            Ok(RetryPlan::default().to_string())
        );
        for text in ["5,", "a", "-1", "1.5", "2592001"] {
            assert!(matches!(read(text), Err(InvalidPlan::Wait(_))), "{text}");
        }
        assert_eq!(read(&"1,".repeat(51)[..101]), Err(InvalidPlan::TooLong));
    }
}
