//! What is printed for people: on standard output, plain text whether it is a terminal or not.
//!
//! Nothing here fails: a server whose standard output is closed goes on serving.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::ExitCode;

/// What is known of the admin's key.
#[derive(Debug)]
pub(crate) enum AdminKey {
    /// Authentication is off.
    NotNeeded,
    /// The operator gave one.
    Given(String),
    /// Made on this first start; its only appearance.
    Made(String),
    /// Made on an earlier start.
    Stored,
    /// Accepted as long as the demo runs.
    ForDemo(String),
}

impl AdminKey {
    /// The key, if it is known.
    pub(crate) fn known(&self) -> Option<&str> {
        match self {
            Self::Given(key) | Self::Made(key) | Self::ForDemo(key) => Some(key),
            Self::NotNeeded | Self::Stored => None,
        }
    }
}

/// Prints a line.
pub(crate) fn line(text: impl Display) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// Says something beside what was asked for, on standard error.
pub(crate) fn remark(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Says why the program ends, in one sentence on standard error.
pub(crate) fn failed(why: &dyn Display, status: u8) -> ExitCode {
    let _ = writeln!(io::stderr().lock(), "ains-server: {why}.");
    ExitCode::from(status)
}

/// Says where the server is and how to use it. The line with its URL comes first.
pub(crate) fn started(url: &str, database: &str, key: &AdminKey) {
    line(format_args!(
        "AINS {} listens on {url}",
        env!("CARGO_PKG_VERSION")
    ));
    line(format_args!("  docs       {url}/docs"));
    line(format_args!("  database   {database}"));
    match key {
        AdminKey::NotNeeded => line("  admin key  none is needed: authentication is off"),
        AdminKey::Given(_) => line("  admin key  the one that was given"),
        AdminKey::Stored => line("  admin key  the one that was shown on the first start"),
        AdminKey::Made(key) => {
            line(format_args!("  admin key  {key}"));
            line("             Keep it: it is shown only this once.");
        }
        AdminKey::ForDemo(key) => line(format_args!("  admin key  {key} (for as long as the demo runs)")),
    }
    if !matches!(key, AdminKey::NotNeeded) {
        line(
            "             In a browser it is the password, with any user name; elsewhere it goes into X-API-Key.",
        );
    }
}
