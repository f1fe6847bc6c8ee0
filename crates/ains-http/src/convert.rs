//! Between the wire and the domain: one file per noun.

pub(crate) mod agent;
pub(crate) mod aitp;
pub(crate) mod audit;
pub(crate) mod calendar;
pub(crate) mod chain;
pub(crate) mod dependency;
pub(crate) mod drawing;
pub(crate) mod graph;
pub(crate) mod key;
pub(crate) mod schedule;
pub(crate) mod task;
pub(crate) mod template;
pub(crate) mod trust;
pub(crate) mod webhook;
pub(crate) mod work;

use std::time::Duration;

use ains_api::{Json, Timestamp};

/// An instant for the wire.
pub(crate) fn at(instant: ains_core::Timestamp) -> Timestamp {
    Timestamp::from_micros(instant.as_micros())
}

/// An instant from the wire.
pub(crate) fn instant(at: Timestamp) -> ains_core::Timestamp {
    ains_core::Timestamp::from_micros(at.as_micros())
}

/// Whole seconds for the wire.
pub(crate) fn seconds(length: Duration) -> u32 {
    u32::try_from(length.as_secs()).unwrap_or(u32::MAX)
}

/// A count for the wire; a counter that is off by a crash never shows as negative.
pub(crate) fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// The word for one of the values that have one.
pub(crate) fn word<T: Copy + PartialEq>(words: &[(&str, T)], value: T) -> String {
    let found = words.iter().find(|(_, meant)| *meant == value);
    found.map_or_else(String::new, |(word, _)| (*word).to_owned())
}

/// A stored document for the wire. Stored texts are JSON; one that is not shows as null.
pub(crate) fn json(text: Box<str>) -> Json {
    Json::from_text(text.into_string()).unwrap_or_else(|error| {
        tracing::error!(%error, "a stored document is not JSON");
        serde_json::Value::Null.into()
    })
}
