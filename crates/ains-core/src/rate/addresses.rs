//! Limits by where requests come from, for those that say nothing else about who sent them.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Period;
use crate::time::Timestamp;

/// Where requests come from: an IPv4 address, or the 64 leading bits of an IPv6 one, which is what one site has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// An address.
    V4(Ipv4Addr),
    /// The leading bits of an address.
    V6(u64),
}

impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => Self::V6(leading(address)),
        }
    }
}

fn leading(address: Ipv6Addr) -> u64 {
    (address.to_bits() >> 64) as u64
}

/// How much came from where in this minute. Its size is bounded: sources beyond that share one count.
#[derive(Debug)]
pub struct Addresses {
    limit: u32,
    most: usize,
    window: Timestamp,
    // Looked up only, never walked: the order does not matter, and its hashes cannot be aimed at.
    counts: HashMap<Source, u32>,
    others: u32,
}

impl Addresses {
    /// Lets `limit` a minute pass from each of `most` sources, and as many from all others together.
    pub fn new(limit: u32, most: usize) -> Self {
        Self {
            limit,
            most,
            window: Timestamp::default(),
            counts: HashMap::new(),
            others: 0,
        }
    }

    /// Counts one more from `source`.
    ///
    /// # Errors
    /// Seconds until the minute ends, if that is more than may be; it is not counted.
    pub fn take(&mut self, source: Source, now: Timestamp) -> Result<(), u64> {
        let window = Period::Minute.window(now);
        if window > self.window {
            self.window = window;
            self.counts.clear();
            self.others = 0;
        }
        let is_full = self.counts.len() >= self.most;
        let count = match self.counts.get_mut(&source) {
            Some(count) => count,
            None if is_full => &mut self.others,
            None => self.counts.entry(source).or_insert(0),
        };
        if *count >= self.limit {
            return Err(Period::Minute.seconds_left(self.window, now));
        }
        *count += 1;
        Ok(())
    }

    /// Takes back what was counted: it was something else. What was counted in an earlier minute is over.
    pub fn give_back(&mut self, source: Source, counted_at: Timestamp) {
        if Period::Minute.window(counted_at) < self.window {
            return;
        }
        let count = self.counts.get_mut(&source).unwrap_or(&mut self.others);
        *count = count.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn source(address: &str) -> Source {
        address.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn a_site_is_one_source() {
        assert_eq!(source("2001:db8:1:2::1"), source("2001:db8:1:2:ffff::9"));
        assert_ne!(source("2001:db8:1:2::1"), source("2001:db8:1:3::1"));
        assert_eq!(source("::ffff:192.0.2.1"), source("192.0.2.1"));
        assert_ne!(source("192.0.2.1"), source("192.0.2.2"));
    }

    #[test]
    fn each_source_has_its_own_count_in_each_minute() {
        let mut addresses = Addresses::new(2, 10);
        let (a, b) = (source("192.0.2.1"), source("192.0.2.2"));
        let taken = [a, a, a, b].map(|source| addresses.take(source, at(15)));
        assert_eq!(taken, [Ok(()), Ok(()), Err(45), Ok(())]);
        assert_eq!(addresses.take(a, at(60)), Ok(()));
        assert_eq!(
            addresses.take(a, at(59)),
            Ok(()),
            "the clock went back: still the later minute"
        );
        assert_eq!(addresses.take(a, at(59)), Err(61));
    }

    #[test]
    fn sources_beyond_the_most_share_a_count() {
        let mut addresses = Addresses::new(2, 1);
        let [a, b, c] = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(source);
        assert_eq!([a, b, c].map(|source| addresses.take(source, at(0))), [Ok(()); 3]);
        assert_eq!([b, c].map(|source| addresses.take(source, at(0))), [Err(60); 2]);
        assert_eq!(
            addresses.take(a, at(0)),
            Ok(()),
            "whoever came before is not in their way"
        );
    }

    #[test]
    fn what_is_taken_back_was_not_counted() {
        let mut addresses = Addresses::new(1, 1);
        let [a, b] = ["192.0.2.1", "192.0.2.2"].map(source);
        for source in [a, b] {
            assert_eq!(addresses.take(source, at(0)), Ok(()));
            addresses.give_back(source, at(0));
            assert_eq!(addresses.take(source, at(0)), Ok(()));
        }
        assert_eq!(addresses.take(a, at(60)), Ok(()));
        addresses.give_back(a, at(59));
        assert_eq!(
            addresses.take(a, at(60)),
            Err(60),
            "that was of the minute before"
        );
    }
}
