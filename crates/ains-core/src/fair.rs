//! Whose turn it is: start-time fair queueing over clients, one number a task (semantics §1.5,
//! architecture §5).
//!
//! A ready task's **position** is computed once, from the two ends of the stored queue, so
//! that handing out is a scan of one index. Lower comes first; equal positions go by id, that
//! is, by age.

use std::collections::BTreeMap;

/// The distance between two tasks of one client of weight 1.
pub const STRIDE: i64 = 1 << 20;

/// How large a client's share is: 0.01..=100.0, 1.0 by default (semantics §1.5).
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Weight(f64);

impl Default for Weight {
    fn default() -> Self {
        Self(1.0)
    }
}

impl Weight {
    /// The weight `value`, if it is in range.
    pub fn new(value: f64) -> Option<Self> {
        (0.01..=100.0).contains(&value).then_some(Self(value))
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }

    /// How far apart the tasks of a client of this weight stand.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "2^20 / 0.01 fits"
    )]
    fn stride(self) -> i64 {
        (STRIDE as f64 / self.0) as i64
    }
}

/// The two ends of a queue (one priority of one lane) that decide a new position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ends {
    /// The lowest position that waits, if any does.
    pub lowest: Option<i64>,
    /// The highest position at which this client waits, if it does.
    pub own_highest: Option<i64>,
}

/// The position of a task that becomes ready: behind its client's own, but never before what
/// is at the head now, so a client neither saves up turns nor pays for idle capacity.
pub fn position(ends: Ends, weight: Weight) -> i64 {
    match (ends.lowest, ends.own_highest) {
        (None, _) => 0,
        (Some(lowest), None) => lowest,
        (Some(lowest), Some(own)) => lowest.max(own.saturating_add(weight.stride())),
    }
}

/// The position of a task that comes back without an outcome: the head of the queue. Being
/// older than what waits there, it wins the tie.
pub fn returned_position(ends: Ends) -> i64 {
    ends.lowest.unwrap_or(0)
}

/// Every so many hand-outs of a lane, one goes to the priority that has been unserved longest
/// (semantics §1.5).
pub const RESCUE_EVERY: u64 = 8;

/// Which priorities of one lane were served when, on one server.
#[derive(Debug, Clone, Default)]
pub struct Turns {
    handed_out: u64,
    /// Priority to the number of the hand-out that served it last.
    served: BTreeMap<u8, u64>,
}

impl Turns {
    /// How many of the next `n` hand-outs are rescues.
    pub fn rescues_within(&self, n: u64) -> u64 {
        (self.handed_out + n) / RESCUE_EVERY - self.handed_out / RESCUE_EVERY
    }

    /// The priority, among those waiting (highest first), that the next hand-out goes to.
    pub fn next(&self, waiting: impl IntoIterator<Item = u8>) -> Option<u8> {
        let waiting = waiting.into_iter();
        if (self.handed_out + 1).is_multiple_of(RESCUE_EVERY) {
            // The longest unserved; of several never served, the lowest, which waits most.
            waiting.min_by_key(|priority| (self.served.get(priority).copied().unwrap_or(0), *priority))
        } else {
            waiting.max()
        }
    }

    /// Notes that a task of `priority` was handed out.
    pub fn served(&mut self, priority: u8) {
        self.handed_out += 1;
        self.served.insert(priority, self.handed_out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A queue of (position, age, client), as the store keeps it.
    #[derive(Default)]
    struct Queue {
        waiting: Vec<(i64, usize, char)>,
        born: usize,
    }

    impl Queue {
        fn add(&mut self, client: char, weight: f64) {
            let ends = Ends {
                lowest: self.waiting.iter().map(|task| task.0).min(),
                own_highest: self
                    .waiting
                    .iter()
                    .filter(|task| task.2 == client)
                    .map(|task| task.0)
                    .max(),
            };
            self.waiting
                .push((position(ends, Weight::new(weight).unwrap()), self.born, client));
            self.born += 1;
        }

        fn hand_out(&mut self, n: usize) -> String {
            self.waiting.sort_unstable();
            self.waiting
                .drain(..n.min(self.waiting.len()))
                .map(|task| task.2)
                .collect()
        }
    }

    #[test]
    fn a_late_client_takes_turns_with_one_that_filled_the_queue() {
        let mut queue = Queue::default();
        (0..1000).for_each(|_| queue.add('a', 1.0));
        queue.hand_out(100);
        (0..10).for_each(|_| queue.add('b', 1.0));
        assert_eq!(queue.hand_out(20).matches('b').count(), 10, "every other one");
    }

    #[test]
    fn a_heavier_client_gets_its_share() {
        let mut queue = Queue::default();
        for _ in 0..400 {
            queue.add('a', 1.0);
            queue.add('b', 3.0);
        }
        let first = queue.hand_out(100);
        assert!((74..=76).contains(&first.matches('b').count()), "{first}");
    }

    #[test]
    fn nobody_pays_for_capacity_that_nobody_else_wanted() {
        let mut queue = Queue::default();
        (0..500).for_each(|_| queue.add('a', 1.0));
        queue.hand_out(499);
        (0..10).for_each(|_| queue.add('a', 1.0));
        (0..10).for_each(|_| queue.add('b', 1.0));
        let first = queue.hand_out(10);
        assert!((4..=6).contains(&first.matches('a').count()), "{first}");
    }

    #[test]
    fn one_hand_out_in_eight_goes_to_the_priority_unserved_longest() {
        let mut turns = Turns::default();
        let mut order = Vec::new();
        for _ in 0..24 {
            let next = turns.next([10, 5, 1]).unwrap();
            turns.served(next);
            order.push(next);
        }
        let rescued: Vec<u8> = order.iter().copied().filter(|priority| *priority != 10).collect();
        assert_eq!(rescued, [1, 5, 1]);
        assert_eq!([order[7], order[15], order[23]], [1, 5, 1]);
    }

    #[test]
    fn rescues_are_counted_ahead() {
        let mut turns = Turns::default();
        assert_eq!([0, 7, 8, 16].map(|n| turns.rescues_within(n)), [0, 0, 1, 2]);
        (0..7).for_each(|_| turns.served(5));
        assert_eq!(turns.rescues_within(1), 1);
    }
}
