//! How metrics are made: each belongs to a registry, and is there from the start with 0.

use prometheus::core::Collector;
use prometheus::proto::{Counter, Gauge, Metric, MetricFamily, MetricType};
use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};
use prometheus::{Opts, Registry};

/// Why nothing here fails.
const VALID: &str = "names are valid, and each is used once";

fn known<C: Collector + Clone + 'static>(registry: &Registry, metric: C) -> C {
    registry.register(Box::new(metric.clone())).expect(VALID);
    metric
}

pub(super) fn counter(registry: &Registry, name: &str, help: &str) -> IntCounter {
    known(registry, IntCounter::new(name, help).expect(VALID))
}

/// A counter for each of `values` of `label`.
pub(super) fn counters<const N: usize>(
    registry: &Registry,
    (name, help): (&str, &str),
    label: &str,
    values: [&str; N],
) -> [IntCounter; N] {
    let family = IntCounterVec::new(Opts::new(name, help), &[label]).expect(VALID);
    let family = known(registry, family);
    values.map(|value| family.with_label_values(&[value]))
}

pub(super) fn gauge(registry: &Registry, name: &str, help: &str) -> IntGauge {
    known(registry, IntGauge::new(name, help).expect(VALID))
}

/// Gauges by one label, whose values come from a bounded set.
pub(super) fn gauges(registry: &Registry, (name, help): (&str, &str), label: &str) -> IntGaugeVec {
    let family = IntGaugeVec::new(Opts::new(name, help), &[label]).expect(VALID);
    known(registry, family)
}

/// One figure that is counted elsewhere.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
pub(super) fn shown(kind: MetricType, (name, help): (&str, &str), value: usize) -> MetricFamily {
    let mut metric = Metric::default();
    if kind == MetricType::COUNTER {
        let mut counter = Counter::default();
        counter.set_value(value as f64);
        metric.set_counter(counter);
    } else {
        let mut gauge = Gauge::default();
        gauge.set_value(value as f64);
        metric.set_gauge(gauge);
    }
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(vec![metric]);
    family
}

pub(super) fn histogram(registry: &Registry, (name, help): (&str, &str), buckets: &[f64]) -> Histogram {
    let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
    known(registry, Histogram::with_opts(options).expect(VALID))
}

/// A histogram for each of `values` of `label`.
pub(super) fn histograms<const N: usize>(
    registry: &Registry,
    (name, help): (&str, &str),
    label: &str,
    values: [&str; N],
    buckets: &[f64],
) -> [Histogram; N] {
    let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
    let family = known(registry, HistogramVec::new(options, &[label]).expect(VALID));
    values.map(|value| family.with_label_values(&[value]))
}
