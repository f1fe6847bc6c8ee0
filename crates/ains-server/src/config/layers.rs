//! The sources of the settings, one over the other, and where each value came from.

use std::ffi::OsString;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use clap::parser::ValueSource;
use toml::{Table, Value};

use super::Fault;
use super::settings::SETTINGS;

/// A value as it was given.
pub(super) struct Raw {
    pub(super) text: String,
    /// Where, for people: `--bind`, `AINS_BIND` or `` `bind` in `ains.toml` ``.
    origin: String,
}

impl Raw {
    /// The sentence that refuses it: `AINS_AUTH must be on or off, not maybe`.
    pub(super) fn refused(&self, accepted: impl AsRef<str>) -> Fault {
        Fault(format!(
            "{} must be {}, not `{}`",
            self.origin,
            accepted.as_ref(),
            self.text
        ))
    }

    /// The sentence with a reason behind it.
    pub(super) fn refused_because(&self, accepted: &str, reason: &str) -> Fault {
        Fault(format!("{}: {reason}", self.refused(accepted)))
    }

    /// The sentence about a value that is not to be repeated, for which there is a reason.
    pub(super) fn unusable(&self, reason: &dyn Display) -> Fault {
        Fault(format!("{} cannot be used: {reason}", self.origin))
    }

    /// Says that another setting has to be given with it.
    pub(super) fn alone(&self, other: &str) -> Fault {
        Fault(format!("{} needs `{other}` beside it", self.origin))
    }

    /// The sentence about a value that is not to be repeated.
    pub(super) fn refused_unseen(&self, accepted: impl AsRef<str>) -> Fault {
        Fault(format!("{} must be {}", self.origin, accepted.as_ref()))
    }
}

/// All the sources.
pub(super) struct Layers {
    matches: ArgMatches,
    file: PathBuf,
    table: Table,
}

impl Layers {
    /// The command line and the environment, and the file that they name.
    pub(super) fn new(matches: ArgMatches) -> Result<Self, Fault> {
        let file = matches
            .get_one::<OsString>("config")
            .map(PathBuf::from)
            .unwrap_or_default();
        let table = if file.as_os_str().is_empty() {
            Table::new()
        } else {
            table(&file)?
        };
        Ok(Self { matches, file, table })
    }

    /// The folder of the demo, if it was asked for; the current one unless it was named.
    pub(super) fn demo(&self) -> Option<PathBuf> {
        self.matches.contains_id("demo").then(|| {
            self.matches
                .get_one("demo")
                .cloned()
                .unwrap_or_else(|| ".".into())
        })
    }

    /// The value of a setting from the first source that has one.
    pub(super) fn take(&mut self, name: &str) -> Option<Raw> {
        let from_file = self.table.remove(name);
        let given = self.matches.get_one::<String>(name);
        let by_environment = self.matches.value_source(name) == Some(ValueSource::EnvVariable);
        // A variable that is set to nothing is as good as unset: scripts and containers often leave them so.
        if let Some(text) = given.filter(|text| !(by_environment && text.is_empty())) {
            let setting = SETTINGS.iter().find(|setting| setting.name == name);
            let setting = setting.expect("what is asked for is in the table");
            let origin = if by_environment {
                setting.env.to_owned()
            } else {
                format!("--{}", setting.flag)
            };
            return Some(Raw {
                text: text.clone(),
                origin,
            });
        }
        from_file.map(|value| Raw {
            text: text(value),
            origin: format!("`{name}` in `{}`", self.file.display()),
        })
    }

    /// Refuses what the file holds beyond what was taken.
    pub(super) fn nothing_left(&self) -> Result<(), Fault> {
        let Some(name) = self.table.keys().next() else {
            return Ok(());
        };
        let known: Vec<_> = SETTINGS.iter().map(|setting| setting.name).collect();
        Err(Fault(format!(
            "`{name}` in `{}` is not a setting; the settings are {}",
            self.file.display(),
            known.join(", ")
        )))
    }
}

/// What the file holds.
fn table(file: &Path) -> Result<Table, Fault> {
    let shown = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|error| Fault(format!("the settings in `{shown}` could not be read: {error}")))?;
    text.parse::<Table>().map_err(|error| {
        let before = error
            .span()
            .and_then(|span| text.get(..span.start))
            .unwrap_or_default();
        let line = before.lines().count().max(1) + usize::from(before.ends_with('\n'));
        let message = error.message().replace('\n', ", ");
        Fault(format!("`{shown}` is not a TOML file: line {line}: {message}"))
    })
}

/// A value of the file as it would stand on the command line.
fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(truth) => truth.to_string(),
        Value::Datetime(instant) => instant.to_string(),
        Value::Array(_) => "a list".to_owned(),
        Value::Table(_) => "a table".to_owned(),
    }
}
