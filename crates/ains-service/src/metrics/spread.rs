//! How the trust of the agents is spread, kept up to date with each change, so that nobody counts over all of them.

use ains_core::trust::TrustScore;
use prometheus::proto::{Bucket, Histogram, Metric, MetricFamily, MetricType};

/// Buckets: one for each tenth.
const TENTHS: usize = 10;

/// How many agents have which trust.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Spread {
    /// By the tenth that a score does not exceed.
    tenths: [u64; TENTHS],
    /// In millionths, so that it does not drift.
    sum: i64,
}

impl Spread {
    /// An agent has come.
    pub(crate) fn add(&mut self, trust: TrustScore) {
        self.tenths[tenth(trust)] += 1;
        self.sum += millionths(trust);
    }

    /// An agent has gone.
    pub(crate) fn take(&mut self, trust: TrustScore) {
        let agents = &mut self.tenths[tenth(trust)];
        *agents = agents.saturating_sub(1);
        self.sum -= millionths(trust);
    }

    /// In the form that is shown.
    #[expect(clippy::cast_precision_loss, reason = "sums of scores stay far below 2^52")]
    pub(super) fn family(&self, name: &str, help: &str) -> MetricFamily {
        let mut agents = 0;
        let buckets = self.tenths.iter().zip(1_u8..).map(|(count, tenth)| {
            agents += count;
            let mut bucket = Bucket::default();
            bucket.set_cumulative_count(agents);
            bucket.set_upper_bound(f64::from(tenth) / 10.0);
            bucket
        });
        let mut histogram = Histogram::default();
        histogram.set_bucket(buckets.collect());
        histogram.set_sample_count(agents);
        histogram.set_sample_sum(self.sum as f64 / 1e6);
        let mut metric = Metric::default();
        metric.set_histogram(histogram);
        let mut family = MetricFamily::default();
        family.set_name(name.to_owned());
        family.set_help(help.to_owned());
        family.set_field_type(MetricType::HISTOGRAM);
        family.set_metric(vec![metric]);
        family
    }
}

/// The bucket of a score: the tenth that it does not exceed.
fn tenth(trust: TrustScore) -> usize {
    let millionths = usize::try_from(millionths(trust)).unwrap_or(0);
    millionths.div_ceil(1_000_000 / TENTHS).clamp(1, TENTHS) - 1
}

#[expect(clippy::cast_possible_truncation, reason = "within 0..=1000000")]
fn millionths(trust: TrustScore) -> i64 {
    (trust.get() * 1e6).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(spread: &Spread) -> Vec<u64> {
        let family = spread.family("n", "h");
        let histogram = family.get_metric()[0].get_histogram();
        let buckets = histogram.get_bucket().iter();
        buckets.map(Bucket::cumulative_count).collect()
    }

    #[test]
    fn a_score_is_counted_up_to_its_tenth_and_everything_above() {
        let mut spread = Spread::default();
        for score in [0.0, 0.1, 0.1 + 0.2, 0.5, 0.51, 1.0] {
            spread.add(TrustScore::clamped(score));
        }
        assert_eq!(counted(&spread), [2, 2, 3, 3, 4, 5, 5, 5, 5, 6]);
        assert_eq!(spread.sum, 2_410_000);
    }

    #[test]
    fn what_comes_and_goes_leaves_nothing() {
        let mut spread = Spread::default();
        for step in 0..=100 {
            spread.add(TrustScore::clamped(f64::from(step) / 100.0));
        }
        for step in (0..=100).rev() {
            spread.take(TrustScore::clamped(f64::from(step) / 100.0));
        }
        assert_eq!(spread, Spread::default());
    }
}
