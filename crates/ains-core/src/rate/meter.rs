//! What one server knows of one key: what is left of the blocks that it drew.

use super::{Period, Quota, block};
use crate::time::Timestamp;

/// Smallest block that the next one is drawn ahead of. Ahead of smaller ones it is not: a server that is asked no more
/// would keep from the others what they need.
const AHEAD_OF: u32 = 4;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It passes; one of each block has been used for it.
    Passed,
    /// It does not, nor will another in this window. Nothing has been used.
    Refused,
    /// That shows once more has been drawn. Nothing has been used.
    Dry,
}

/// What is to be drawn from the count that all servers share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    /// Of which windows.
    pub period: Period,
    /// When the window began.
    pub window: Timestamp,
    /// How much is wanted; less is given if less is left.
    pub block: u32,
    /// How much the window may give in all.
    pub limit: u32,
}

/// What a [`Draw`] gave, if it gave anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drawn {
    /// The window that it is of: the one asked for, or a later one that another server has begun.
    pub window: Timestamp,
    /// How much was given, at least 1.
    pub granted: u32,
    /// How much the window has given in all.
    pub used: u32,
}

/// How a key stands in one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figure {
    /// The limit.
    pub limit: u32,
    /// How many more requests pass, as far as this server knows.
    pub remaining: u32,
    /// When the window began.
    pub window: Timestamp,
    /// Seconds until the next one begins, at least 1.
    pub resets_in: u64,
}

/// How a key stands, where it is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// In this minute.
    pub minute: Option<Figure>,
    /// In this hour.
    pub hour: Option<Figure>,
}

impl Standing {
    /// The figures with their periods, the shorter one first.
    pub fn figures(&self) -> impl Iterator<Item = (Period, Figure)> {
        let figures = [(Period::Minute, self.minute), (Period::Hour, self.hour)];
        figures
            .into_iter()
            .filter_map(|(period, figure)| Some((period, figure?)))
    }

    /// The period that is used up for longest, if one is, and the seconds until it ends.
    pub fn exhausted(&self) -> Option<(Period, u64)> {
        let exhausted = self.figures().filter(|(_, figure)| figure.remaining == 0);
        exhausted
            .map(|(period, figure)| (period, figure.resets_in))
            .max_by_key(|(_, resets_in)| *resets_in)
    }
}

/// What is left of the blocks of one key.
#[derive(Debug, Clone, Default)]
pub struct Meter {
    minute: Bucket,
    hour: Bucket,
}

/// What is left of the blocks of one window.
#[derive(Debug, Clone, Default)]
struct Bucket {
    /// The limit, if there is one.
    limit: Option<u32>,
    window: Timestamp,
    /// What was drawn here and not used.
    left: u32,
    /// What all servers have drawn, as far as is known here.
    drawn: u32,
}

impl Meter {
    /// Whether a request passes at `now`.
    pub fn ask(&mut self, quota: Quota, now: Timestamp) -> Answer {
        self.minute.turn(Period::Minute, quota, now);
        self.hour.turn(Period::Hour, quota, now);
        let limited = || {
            [&self.minute, &self.hour]
                .into_iter()
                .filter(|bucket| bucket.limit.is_some())
        };
        if limited().any(|bucket| bucket.remaining() == 0) {
            return Answer::Refused;
        }
        if limited().any(|bucket| bucket.left == 0) {
            return Answer::Dry;
        }
        for bucket in [&mut self.minute, &mut self.hour] {
            bucket.left = bucket.left.saturating_sub(1);
        }
        Answer::Passed
    }

    /// What to draw after this answer: what is missing, and what soon will be.
    pub fn draws(&self, answer: Answer) -> Vec<Draw> {
        if answer == Answer::Refused {
            return Vec::new();
        }
        let buckets = [(Period::Minute, &self.minute), (Period::Hour, &self.hour)];
        buckets
            .into_iter()
            .filter_map(|(period, bucket)| {
                let limit = bucket.limit?;
                let block = block(limit);
                let is_missing = answer == Answer::Dry && bucket.left == 0;
                let is_low = block >= AHEAD_OF && bucket.left <= block / AHEAD_OF;
                let wanted = bucket.drawn < limit && (is_missing || is_low);
                wanted.then_some(Draw {
                    period,
                    window: bucket.window,
                    block,
                    limit,
                })
            })
            .collect()
    }

    /// Takes in what a draw gave; `None`: nothing is left of its window.
    pub fn drawn(&mut self, draw: Draw, drawn: Option<Drawn>) {
        match draw.period {
            Period::Minute => self.minute.drawn(draw, drawn),
            Period::Hour => self.hour.drawn(draw, drawn),
        }
    }

    /// How the key stands.
    pub fn standing(&self, now: Timestamp) -> Standing {
        Standing {
            minute: self.minute.figure(Period::Minute, now),
            hour: self.hour.figure(Period::Hour, now),
        }
    }

    /// Whether nothing is known here that still matters at `now`.
    pub fn is_over(&self, now: Timestamp) -> bool {
        let buckets = [(Period::Minute, &self.minute), (Period::Hour, &self.hour)];
        buckets
            .into_iter()
            .all(|(period, bucket)| bucket.window < period.window(now))
    }
}

impl Bucket {
    /// Goes on to the window of `now`, and heeds a changed limit.
    fn turn(&mut self, period: Period, quota: Quota, now: Timestamp) {
        self.go_on(period.window(now));
        let limit = quota.of(period);
        if limit != self.limit {
            // Of a block that is larger than the new limit, more might pass than that.
            if limit < self.limit {
                self.left = 0;
            }
            self.limit = limit;
        }
    }

    fn go_on(&mut self, window: Timestamp) {
        if window > self.window {
            *self = Self {
                limit: self.limit,
                window,
                ..Self::default()
            };
        }
    }

    fn drawn(&mut self, draw: Draw, drawn: Option<Drawn>) {
        let Some(limit) = self.limit else { return };
        match drawn {
            Some(drawn) => {
                self.go_on(drawn.window);
                if drawn.window == self.window {
                    self.drawn = self.drawn.max(drawn.used);
                    // What was drawn for a higher limit is given up, as in `turn`.
                    if draw.limit <= limit {
                        self.left = self.left.saturating_add(drawn.granted);
                    }
                }
            }
            None if draw.window == self.window && draw.limit >= limit => self.drawn = self.drawn.max(limit),
            None => {}
        }
    }

    fn remaining(&self) -> u32 {
        let limit = self.limit.unwrap_or(0);
        self.left.saturating_add(limit.saturating_sub(self.drawn))
    }

    fn figure(&self, period: Period, now: Timestamp) -> Option<Figure> {
        Some(Figure {
            limit: self.limit?,
            remaining: self.remaining(),
            window: self.window,
            resets_in: period.seconds_left(self.window, now),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn quota(per_minute: u32, per_hour: u32) -> Quota {
        Quota {
            per_minute: Some(per_minute),
            per_hour: Some(per_hour),
        }
    }

    /// Answers the draws of `meter` as if nobody else drew and so much had been drawn before.
    fn fill(meter: &mut Meter, answer: Answer, used: [u32; 2]) -> Vec<Draw> {
        let draws = meter.draws(answer);
        for draw in &draws {
            let used = used[draw.period as usize];
            let granted = draw.block.min(draw.limit.saturating_sub(used));
            let drawn = Drawn {
                window: draw.window,
                granted,
                used: used + granted,
            };
            meter.drawn(*draw, (granted > 0).then_some(drawn));
        }
        draws
    }

    #[test]
    fn a_meter_draws_blocks_and_counts_down() {
        let mut meter = Meter::default();
        let quota = quota(40, 400);
        assert_eq!(meter.ask(quota, at(5)), Answer::Dry);
        let drawn = fill(&mut meter, Answer::Dry, [0, 0]);
        assert_eq!(drawn.iter().map(|draw| draw.block).collect::<Vec<_>>(), [2, 20]);
        assert_eq!([(); 2].map(|()| meter.ask(quota, at(5))), [Answer::Passed; 2]);
        assert_eq!(meter.ask(quota, at(5)), Answer::Dry);
        let standing = meter.standing(at(5));
        let figures: Vec<_> = standing.figures().map(|(_, figure)| figure).collect();
        assert_eq!(
            figures.iter().map(|figure| figure.remaining).collect::<Vec<_>>(),
            [38, 398]
        );
        assert_eq!(
            figures.iter().map(|figure| figure.resets_in).collect::<Vec<_>>(),
            [55, 3595]
        );
        assert_eq!(standing.exhausted(), None);
    }

    #[test]
    fn what_one_window_refuses_uses_up_nothing_of_the_other() {
        let mut meter = Meter::default();
        let quota = quota(1, 400);
        meter.ask(quota, at(5));
        fill(&mut meter, Answer::Dry, [0, 0]);
        assert_eq!(meter.ask(quota, at(5)), Answer::Passed);
        fill(&mut meter, Answer::Dry, [1, 0]);
        for _ in 0..50 {
            assert_eq!(meter.ask(quota, at(6)), Answer::Refused);
        }
        let standing = meter.standing(at(6));
        assert_eq!(standing.hour.unwrap().remaining, 399);
        assert_eq!(standing.exhausted(), Some((Period::Minute, 54)));
        assert_eq!(meter.draws(Answer::Refused), []);
    }

    #[test]
    fn large_blocks_are_drawn_ahead_and_small_ones_are_not() {
        for (limit, passes) in [(80, 3), (60, 3)] {
            let mut meter = Meter::default();
            let quota = Quota {
                per_minute: Some(limit),
                per_hour: None,
            };
            meter.ask(quota, at(0));
            fill(&mut meter, Answer::Dry, [0, 0]);
            for _ in 0..passes {
                assert_eq!(meter.ask(quota, at(0)), Answer::Passed);
            }
            assert_eq!(
                meter.draws(Answer::Passed).len(),
                usize::from(limit == 80),
                "{limit}"
            );
        }
    }

    #[test]
    fn a_window_that_another_server_has_begun_is_this_ones_too() {
        let mut meter = Meter::default();
        let quota = quota(100, 1000);
        meter.ask(quota, at(59));
        let draw = meter.draws(Answer::Dry)[0];
        let drawn = Drawn {
            window: at(60),
            granted: 5,
            used: 50,
        };
        meter.drawn(draw, Some(drawn));
        let minute = meter.standing(at(59)).minute.unwrap();
        assert_eq!(
            (minute.remaining, minute.window, minute.resets_in),
            (55, at(60), 61)
        );
    }

    #[test]
    fn a_clock_that_goes_back_is_no_second_quota() {
        let mut meter = Meter::default();
        let quota = quota(1, 100);
        meter.ask(quota, at(3600));
        fill(&mut meter, Answer::Dry, [0, 0]);
        assert_eq!(meter.ask(quota, at(3600)), Answer::Passed);
        for now in [3599, 3540, 0, -100_000] {
            assert_ne!(meter.ask(quota, at(now)), Answer::Passed, "{now}");
            fill(&mut meter, Answer::Dry, [1, 100]);
        }
    }

    #[test]
    fn no_limit_asks_for_nothing() {
        let mut meter = Meter::default();
        assert_eq!(meter.ask(Quota::UNLIMITED, at(5)), Answer::Passed);
        assert_eq!(meter.draws(Answer::Passed), []);
        assert_eq!(meter.standing(at(5)), Standing::default());
    }

    #[test]
    fn a_limit_of_nothing_lets_nothing_pass() {
        let mut meter = Meter::default();
        assert_eq!(meter.ask(quota(0, 100), at(5)), Answer::Refused);
    }
}
