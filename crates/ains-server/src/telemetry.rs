//! The log: on standard error, for people on a terminal, else one JSON object a line.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts it; once a process.
pub(crate) fn start(targets: Targets) {
    // A log that cannot be written must not end the server, which telling so on standard error would.
    let lines = fmt::layer().with_writer(io::stderr).log_internal_errors(false);
    let lines = if io::stderr().is_terminal() {
        lines.compact().boxed()
    } else {
        lines.json().flatten_event(true).boxed()
    };
    tracing_subscriber::registry()
        .with(lines.with_filter(targets))
        .init();
}
