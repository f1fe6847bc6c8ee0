//! Holds why a handler failed, and whether another attempt can help.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// Why a handler failed.
///
/// Any error turns into one with `?`; then the server judges by the message whether another attempt can help (semantics.md
/// §1.3). The constructors say so themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskError {
    pub(crate) message: String,
    pub(crate) retryable: Option<bool>,
    pub(crate) retry_after: Option<Duration>,
}

impl TaskError {
    /// Another attempt can help.
    pub fn retryable(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            retryable: Some(true),
            retry_after: None,
        }
    }

    /// Another attempt cannot help.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            retryable: Some(false),
            retry_after: None,
        }
    }

    /// Another attempt can help, but not before this much time, counted in whole seconds, has passed.
    pub fn retry_after(message: impl Into<String>, pause: Duration) -> Self {
        Self {
            message: message.into(),
            retryable: Some(true),
            retry_after: Some(pause),
        }
    }

    /// What went wrong.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

// `TaskError` is no `std::error::Error` itself, or this would overlap with `From<T> for T`.
impl<E: StdError> From<E> for TaskError {
    /// The error and everything behind it, in one line.
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message = format!("{message}: {cause}");
            source = cause.source();
        }
        Self {
            message,
            retryable: None,
            retry_after: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("could not count")]
    struct Outer(#[source] std::fmt::Error);

    #[test]
    fn an_error_brings_its_causes() {
        let error = TaskError::from(Outer(std::fmt::Error));
        assert_eq!(error.message(), format!("could not count: {}", std::fmt::Error));
        assert_eq!(error.retryable, None);
    }
}
