//! The settings of the server, read and checked before anything starts.
//!
//! A flag goes before the environment, the environment before the file, the file before the default. Whatever the
//! source, a value that cannot be right ends the start with one sentence that names the setting and what it accepts.

mod keys;
mod layers;
mod settings;
mod values;

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ains_http::{Auth, Origins, Tls, TrustedProxies};
use ains_service::Settings;
use ains_store::Location;
use ains_webhook::Rules;
use tracing_subscriber::filter::Targets;

pub(crate) use keys::KeyCommand;
use layers::{Layers, Raw};

/// Why the server does not start: one sentence about a setting.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Fault(String);

/// Everything that can be set.
#[derive(Debug)]
pub(crate) struct Config {
    /// Where the data is.
    pub(crate) database: Location,
    /// Where to listen.
    pub(crate) bind: Bind,
    /// What HTTPS is served with; without, HTTP is.
    pub(crate) tls: Option<Tls>,
    /// Whose pages may ask.
    pub(crate) origins: Origins,
    /// Connections at the same time; without, as many as is usual.
    pub(crate) connections: Option<usize>,
    /// Whether a key is needed.
    pub(crate) auth: Auth,
    /// What concerns the service.
    pub(crate) service: Settings,
    /// Which addresses webhooks may have.
    pub(crate) webhook_rules: Rules,
    /// The proxies whose word is taken for where requests come from.
    pub(crate) proxies: TrustedProxies,
    /// Threads that serve HTTP.
    pub(crate) http_workers: usize,
    /// What is logged.
    pub(crate) log: Targets,
    /// The folder whose files the demo works on, if it was asked for.
    pub(crate) demo: Option<PathBuf>,
    /// What is to be done with keys, instead of serving.
    pub(crate) keys: Option<KeyCommand>,
}

/// Where to listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bind {
    /// Here and nowhere else.
    Exactly(SocketAddr),
    /// Here, or on any other port if this one is taken.
    Preferably(SocketAddr),
}

/// Where the server listens unless told otherwise.
const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8000);

/// Most threads that serve HTTP unless told otherwise: the database is busy before they are.
const HTTP_WORKERS: usize = 4;

/// Longest time an agent may be given to start what it was assigned: a day, as for the task itself.
const LONGEST_ASSIGNMENT: u64 = 86_400;

/// Longest time that anything is kept for: a hundred years.
const LONGEST_RETENTION: u64 = 100 * 366 * 86_400;

impl Config {
    /// Reads the settings from the command line, the environment and the file they name. `--help` and `--version` end the
    /// process here, and so does a flag that does not exist.
    ///
    /// # Errors
    /// The first setting that cannot be right.
    pub(crate) fn read(args: impl IntoIterator<Item = OsString>) -> Result<Self, Fault> {
        let matches = settings::command().get_matches_from(args);
        let keys = matches.subcommand_matches("key").map(keys::read);
        let keys = keys.transpose().map_err(Fault)?;
        let config = Self::from_layers(Layers::new(matches)?)?;
        Ok(Self { keys, ..config })
    }

    fn from_layers(mut layers: Layers) -> Result<Self, Fault> {
        let demo = layers.demo();
        let config = Self {
            database: match layers.take("database_url") {
                Some(raw) => values::database(&raw)?,
                None if demo.is_some() => Location::Temporary,
                None => Location::SqliteFile("ains.db".into()),
            },
            bind: match layers.take("bind") {
                Some(raw) => Bind::Exactly(values::address(&raw)?),
                None if demo.is_some() => Bind::Preferably(ADDRESS),
                None => Bind::Exactly(ADDRESS),
            },
            tls: {
                let (certificate, key) = (layers.take("tls_cert"), layers.take("tls_key"));
                values::tls(certificate.as_ref(), key.as_ref())?
            },
            origins: read(&mut layers, "cors_origins", values::origins)?.unwrap_or_default(),
            connections: read(&mut layers, "max_connections", |raw| {
                values::number(raw, 1..=1_000_000)
            })?,
            auth: read(&mut layers, "auth", |raw| {
                values::one_of(raw, &[("on", Auth::On), ("off", Auth::Off)])
            })?
            .unwrap_or(Auth::On),
            service: service(&mut layers)?,
            webhook_rules: Rules {
                allow_private: read(&mut layers, "webhook_allow_private", |raw| {
                    values::one_of(
                        raw,
                        &[
                            ("on", true),
                            ("off", false),
                            ("true", true),
                            ("false", false),
                            ("1", true),
                            ("0", false),
                        ],
                    )
                })?
                .unwrap_or(false),
            },
            proxies: read(&mut layers, "trusted_proxies", values::proxies)?.unwrap_or_default(),
            http_workers: read(&mut layers, "http_workers", |raw| values::number(raw, 1..=256))?
                .unwrap_or_else(http_workers),
            log: match layers.take("log") {
                Some(raw) => values::log(&raw)?,
                None => values::default_log(demo.is_some()),
            },
            demo: demo.as_deref().map(values::folder).transpose()?,
            keys: None,
        };
        layers.nothing_left()?;
        config.checked()
    }

    /// What no setting shows by itself.
    fn checked(self) -> Result<Self, Fault> {
        if self.demo.is_some() && self.tls.is_some() {
            return Err(Fault(
                "the agents of the demo come without TLS: leave `tls_cert` and `tls_key` out".to_owned(),
            ));
        }
        let Bind::Exactly(address) = self.bind else {
            return Ok(self);
        };
        if self.auth == Auth::Off && !address.ip().is_loopback() {
            return Err(Fault(format!(
                "authentication can be off only on a loopback address such as 127.0.0.1, and the address to listen on \
                 is {address}: set `auth` to `on`, or change `bind`"
            )));
        }
        Ok(self)
    }
}

/// What concerns the service.
fn service(layers: &mut Layers) -> Result<Settings, Fault> {
    let defaults = Settings::default();
    Ok(Settings {
        admin_key: read(layers, "admin_key", values::key)?,
        verify_identity: read(layers, "agent_identity", |raw| {
            values::one_of(raw, &[("verify", true), ("hex-only", false)])
        })?
        .unwrap_or(defaults.verify_identity),
        assignment_timeout: read(layers, "assignment_timeout_seconds", |raw| {
            values::number(raw, 1..=LONGEST_ASSIGNMENT).map(Duration::from_secs)
        })?
        .unwrap_or(defaults.assignment_timeout),
        pg_writers: read(layers, "pg_writers", |raw| values::number(raw, 1..=64))?
            .unwrap_or(defaults.pg_writers),
        write_queue: read(layers, "write_queue", |raw| values::number(raw, 1..=1_000_000))?
            .unwrap_or(defaults.write_queue),
        cascade: defaults.cascade,
        slot_retention: read(layers, "slot_retention_seconds", |raw| {
            values::number(raw, 1..=LONGEST_RETENTION).map(Duration::from_secs)
        })?
        .unwrap_or(defaults.slot_retention),
        event_retention: read(layers, "event_retention_seconds", |raw| {
            values::number(raw, 0..=LONGEST_RETENTION).map(Duration::from_secs)
        })?
        .unwrap_or(defaults.event_retention),
        task_retention: read(layers, "task_retention_seconds", |raw| {
            values::number(raw, 0..=LONGEST_RETENTION)
        })?
        .filter(|seconds| *seconds > 0)
        .map_or(defaults.task_retention, |seconds| {
            Some(Duration::from_secs(seconds))
        }),
        audit_retention: read(layers, "audit_retention_seconds", |raw| {
            values::number(raw, 0..=LONGEST_RETENTION)
        })?
        .map_or(defaults.audit_retention, |seconds| {
            (seconds > 0).then(|| Duration::from_secs(seconds))
        }),
        // Made when the server starts: see `wiring`.
        deliver: None,
        vault: read(layers, "secret_key", values::keys)?.unwrap_or_default(),
        webhook_retries: read(layers, "webhook_retry_seconds", values::plan)?
            .unwrap_or(defaults.webhook_retries),
        address_limit: read(layers, "address_limit_per_minute", |raw| {
            values::number(raw, 0..=u32::MAX)
        })?
        .unwrap_or(defaults.address_limit),
        guess_limit: read(layers, "guess_limit_per_minute", |raw| {
            values::number(raw, 0..=u32::MAX)
        })?
        .unwrap_or(defaults.guess_limit),
        seed: read(layers, "seed", |raw| values::number(raw, 0..=u64::MAX))?,
    })
}

/// Takes a setting and checks it, if it was given.
fn read<T>(
    layers: &mut Layers,
    name: &str,
    check: impl FnOnce(&Raw) -> Result<T, Fault>,
) -> Result<Option<T>, Fault> {
    layers.take(name).map(|raw| check(&raw)).transpose()
}

/// A thread for every core, up to a limit.
fn http_workers() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().min(HTTP_WORKERS))
}

#[cfg(test)]
mod tests;
