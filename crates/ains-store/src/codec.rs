//! Turning columns into core's types and back.

use std::str::FromStr;
use std::time::Duration;

use ains_core::Timestamp;

use crate::error::StoreError;

/// Reads a column that core must accept.
pub(crate) fn read<T: FromStr<Err: std::fmt::Display>>(
    table: &'static str,
    text: &str,
) -> Result<T, StoreError> {
    text.parse().map_err(|error: T::Err| StoreError::Corrupt {
        table,
        reason: error.to_string(),
    })
}

pub(crate) fn read_opt<T: FromStr<Err: std::fmt::Display>>(
    table: &'static str,
    text: Option<&str>,
) -> Result<Option<T>, StoreError> {
    text.map(|text| read(table, text)).transpose()
}

pub(crate) fn micros(at: Option<Timestamp>) -> Option<i64> {
    at.map(Timestamp::as_micros)
}

pub(crate) fn instant(micros: Option<i64>) -> Option<Timestamp> {
    micros.map(Timestamp::from_micros)
}

/// Whole seconds; lengths in the store never exceed a day or so.
pub(crate) fn seconds(length: Duration) -> i32 {
    i32::try_from(length.as_secs()).unwrap_or(i32::MAX)
}

pub(crate) fn length(seconds: i32) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

pub(crate) fn count(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

pub(crate) fn number(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// A value as JSON text.
pub(crate) fn json(table: &'static str, value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt {
        table,
        reason: error.to_string(),
    })
}

/// Reads JSON text that core must accept.
pub(crate) fn parse<V: serde::de::DeserializeOwned>(
    table: &'static str,
    text: &str,
) -> Result<V, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt {
        table,
        reason: error.to_string(),
    })
}
