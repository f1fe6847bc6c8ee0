//! The way out: whoever calls webhooks. In the server that is the crate `ains-webhook`, in tests one that notes.

use std::fmt;
use std::pin::Pin;

use ains_core::webhook::{Attempt, Outcome};

/// What is known later.
pub type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Calls webhooks.
pub trait Deliver: fmt::Debug + Send + Sync {
    /// Judges an address that somebody wants to register; says why it may not be called.
    fn judge(&self, url: &str) -> Later<Result<(), String>>;

    /// Whom an address reaches, as host and port: attempts on one are limited together.
    fn target(&self, url: &str) -> String;

    /// Makes an attempt. It ends, and within [`LONGEST_ATTEMPT`].
    fn deliver(&self, attempt: Attempt) -> Later<Outcome>;
}

/// How long an attempt takes at most.
pub const LONGEST_ATTEMPT: std::time::Duration = std::time::Duration::from_secs(20);
