//! Decides how long to wait before a call is tried again, and how often.

use std::time::Duration;

use rand::{Rng, RngExt};

/// How often a call that may be repeated is tried, and how the pauses between grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Tries in all, the first included; 1 or more.
    pub tries: u32,
    /// The pause after the first try; every further one is twice as long.
    pub first: Duration,
    /// The longest pause, unless the server asks for a longer one by `Retry-After`.
    pub longest: Duration,
}

impl Default for Retry {
    /// 6 tries within about 3 seconds.
    fn default() -> Self {
        Self {
            tries: 6,
            first: Duration::from_millis(100),
            longest: Duration::from_secs(5),
        }
    }
}

impl Retry {
    /// No second try.
    pub const NEVER: Self = Self {
        tries: 1,
        first: Duration::ZERO,
        longest: Duration::ZERO,
    };

    /// The same pauses, without an end.
    #[must_use]
    pub const fn endless(self) -> Self {
        Self {
            tries: u32::MAX,
            ..self
        }
    }

    /// The pause after try number `tried` (from 1): at random between half of the nominal pause and all of it, but never
    /// less than `asked`, what the server asked for.
    pub(crate) fn pause(self, tried: u32, asked: Option<Duration>, rng: &mut impl Rng) -> Duration {
        let doublings = tried.saturating_sub(1).min(16);
        let nominal = self.first.saturating_mul(1 << doublings).min(self.longest);
        let pause = nominal.mul_f64(rng.random_range(0.5..=1.0));
        asked.map_or(pause, |asked| asked.max(pause))
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let mut rng = StdRng::seed_from_u64(1);
        let retry = Retry {
            tries: 9,
            first: Duration::from_millis(100),
            longest: Duration::from_secs(1),
        };
        for (tried, nominal) in [(1, 100), (2, 200), (3, 400), (4, 800), (5, 1000), (60, 1000)] {
            let pause = retry.pause(tried, None, &mut rng);
            assert!(pause <= Duration::from_millis(nominal), "{tried}: {pause:?}");
            assert!(pause >= Duration::from_millis(nominal / 2), "{tried}: {pause:?}");
        }
    }

    #[test]
    fn what_the_server_asks_for_is_a_floor() {
        let mut rng = StdRng::seed_from_u64(1);
        let asked = Duration::from_secs(7);
        assert_eq!(Retry::default().pause(1, Some(asked), &mut rng), asked);
    }
}
