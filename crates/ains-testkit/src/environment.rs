//! The environment variables the test kit reads, and the only place that reads them.

/// An administrator's URL of an existing PostgreSQL server, used instead of a throw-away cluster.
pub(crate) const POSTGRES_URL: &str = "AINS_TEST_POSTGRES_URL";

/// Set by continuous integration: what may be skipped on a laptop must then run.
const CI: &str = "CI";

/// The value of the variable `name`, unless it is unset or empty.
#[expect(
    clippy::disallowed_methods,
    reason = "tests are set up by the environment, in this one place"
)]
pub(crate) fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The folders in which programs are looked up, in order.
pub(crate) fn program_folders() -> Vec<std::path::PathBuf> {
    setting("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default()
}

/// Whether a missing PostgreSQL is a failure rather than a skipped test.
pub(crate) fn in_ci() -> bool {
    setting(CI).is_some_and(|value| value != "false" && value != "0")
}
