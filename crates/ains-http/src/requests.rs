//! Requests, counted by route: the pattern, never the path, so that a thousand ids are one series.
//!
//! A worker keeps the counters that it has used at hand ([`Desk`]), so that counting takes no lock.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use actix_web::http::{Method, StatusCode};
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry, TextEncoder,
};

/// Why nothing here fails.
const VALID: &str = "names are valid, and each is used once";

/// The route of what is none, and of what was lost with a handler that panicked.
pub(crate) const UNMATCHED: &str = "unmatched";

/// The methods that are told apart.
const METHODS: [Method; 7] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::HEAD,
    Method::OPTIONS,
];

/// The name of every other method.
const OTHER: &str = "other";

/// Seconds of requests: from what is answered from memory to the longest wait of a claim.
const SECONDS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0,
];

/// A method, or any that is not known, as a number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Verb(usize);

impl Verb {
    pub(crate) fn of(method: &Method) -> Self {
        let known = METHODS.iter().position(|known| known == method);
        Self(known.unwrap_or(METHODS.len()))
    }

    pub(crate) fn name(self) -> &'static str {
        const NAMES: [&str; METHODS.len() + 1] =
            ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", OTHER];
        NAMES[self.0]
    }
}

/// The requests of one server, over all of its workers.
pub(crate) struct Requests {
    registry: Registry,
    answered: IntCounterVec,
    seconds: HistogramVec,
}

impl Requests {
    /// None so far; the series of what is no route is there from the start.
    pub(crate) fn new() -> Self {
        let answered = Opts::new("ains_http_requests_total", "Requests answered, by route");
        let answered = IntCounterVec::new(answered, &["route", "method", "status"]).expect(VALID);
        let seconds = HistogramOpts::new(
            "ains_http_request_duration_seconds",
            "Requests, from their head to the head of their answer; waiting for work or for an end included",
        );
        let seconds = seconds.buckets(SECONDS.to_vec());
        let seconds = HistogramVec::new(seconds, &["route", "method"]).expect(VALID);
        let registry = Registry::new();
        registry.register(Box::new(answered.clone())).expect(VALID);
        registry.register(Box::new(seconds.clone())).expect(VALID);
        let requests = Self {
            registry,
            answered,
            seconds,
        };
        let get = Verb::of(&Method::GET);
        requests.counter(UNMATCHED, get, StatusCode::NOT_FOUND);
        requests.histogram(UNMATCHED, get);
        requests
    }

    fn counter(&self, route: &str, verb: Verb, status: StatusCode) -> IntCounter {
        self.answered
            .with_label_values(&[route, verb.name(), status.as_str()])
    }

    fn histogram(&self, route: &str, verb: Verb) -> Histogram {
        self.seconds.with_label_values(&[route, verb.name()])
    }

    /// In Prometheus' text format.
    pub(crate) fn text(&self) -> String {
        let families = self.registry.gather();
        let encoded = TextEncoder::new().encode_to_string(&families);
        encoded.expect("every family has a name and at least one series")
    }
}

/// The counters that one worker has used, by route. There are as many as routes, methods and status codes.
#[derive(Default)]
pub(crate) struct Desk(RefCell<HashMap<String, Known>>);

#[derive(Default)]
struct Known {
    seconds: [Option<Histogram>; METHODS.len() + 1],
    answered: Vec<(usize, StatusCode, IntCounter)>,
}

impl Desk {
    /// Counts an answer to a request of `route`, if it had one.
    pub(crate) fn count(
        &self,
        requests: &Requests,
        route: Option<&str>,
        verb: Verb,
        status: StatusCode,
        took: Duration,
    ) {
        let mut routes = self.0.borrow_mut();
        let route = route.unwrap_or(UNMATCHED);
        if !routes.contains_key(route) {
            routes.insert(route.to_owned(), Known::default());
        }
        let Some(known) = routes.get_mut(route) else {
            return;
        };
        let seconds = known.seconds[verb.0].get_or_insert_with(|| requests.histogram(route, verb));
        seconds.observe(took.as_secs_f64());
        let same = |(number, code, _): &(usize, StatusCode, IntCounter)| *number == verb.0 && *code == status;
        if let Some((_, _, counter)) = known.answered.iter().find(|answered| same(answered)) {
            counter.inc();
            return;
        }
        let counter = requests.counter(route, verb, status);
        counter.inc();
        known.answered.push((verb.0, status, counter));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_that_is_told_apart_has_its_own_name() {
        for method in &METHODS {
            assert_eq!(Verb::of(method).name(), method.as_str());
        }
        let strange = Method::from_bytes(b"BREW").unwrap();
        assert_eq!(Verb::of(&strange).name(), "other");
    }

    #[test]
    fn workers_count_together() {
        let requests = Requests::new();
        let (one, other) = (Desk::default(), Desk::default());
        let get = Verb::of(&Method::GET);
        for desk in [&one, &other, &one] {
            desk.count(&requests, Some("/a/{id}"), get, StatusCode::OK, Duration::ZERO);
        }
        one.count(&requests, None, get, StatusCode::NOT_FOUND, Duration::ZERO);
        let text = requests.text();
        for line in [
            r#"ains_http_requests_total{method="GET",route="/a/{id}",status="200"} 3"#,
            r#"ains_http_request_duration_seconds_count{method="GET",route="/a/{id}"} 3"#,
            r#"ains_http_requests_total{method="GET",route="unmatched",status="404"} 1"#,
        ] {
            assert!(text.lines().any(|own| own == line), "{line} in {text}");
        }
    }
}
