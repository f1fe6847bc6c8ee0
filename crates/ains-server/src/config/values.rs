//! What each kind of setting accepts.

use std::fmt::Display;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ains_core::webhook::RetryPlan;
use ains_http::{Origins, Tls, TlsError, TrustedProxies};
use ains_service::Vault;
use ains_store::{Location, StoreError};
use tracing_subscriber::filter::{LevelFilter, Targets};

use super::Fault;
use super::layers::Raw;

/// The levels of the log.
const LEVELS: [(&str, LevelFilter); 6] = [
    ("off", LevelFilter::OFF),
    ("error", LevelFilter::ERROR),
    ("warn", LevelFilter::WARN),
    ("info", LevelFilter::INFO),
    ("debug", LevelFilter::DEBUG),
    ("trace", LevelFilter::TRACE),
];

/// One of a few words.
pub(super) fn one_of<T: Copy>(raw: &Raw, words: &[(&str, T)]) -> Result<T, Fault> {
    let found = words.iter().find(|(word, _)| raw.text == *word);
    found.map(|(_, meaning)| *meaning).ok_or_else(|| {
        let words: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
        raw.refused(words.join(" or "))
    })
}

/// A whole number within bounds.
pub(super) fn number<T>(raw: &Raw, bounds: RangeInclusive<T>) -> Result<T, Fault>
where
    T: FromStr + PartialOrd + Display,
{
    let number = raw.text.parse().ok().filter(|number| bounds.contains(number));
    number.ok_or_else(|| {
        raw.refused(format!(
            "a whole number from {} to {}",
            bounds.start(),
            bounds.end()
        ))
    })
}

/// A database. The value may hold a password, so it is not repeated.
pub(super) fn database(raw: &Raw) -> Result<Location, Fault> {
    raw.text.parse().map_err(|error: StoreError| raw.unusable(&error))
}

/// An address with a port; `localhost` is the one of IPv4.
pub(super) fn address(raw: &Raw) -> Result<SocketAddr, Fault> {
    let local = raw
        .text
        .strip_prefix("localhost:")
        .and_then(|port| port.parse().ok());
    local
        .map(|port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .or_else(|| raw.text.parse().ok())
        .ok_or_else(|| {
            raw.refused("an IP address and a port, such as 127.0.0.1:8000, 0.0.0.0:8000 or [::1]:8000")
        })
}

/// What HTTPS is served with: both files or neither.
pub(super) fn tls(certificate: Option<&Raw>, key: Option<&Raw>) -> Result<Option<Tls>, Fault> {
    let (certificate, key) = match (certificate, key) {
        (Some(certificate), Some(key)) => (certificate, key),
        (None, None) => return Ok(None),
        (Some(given), None) => return Err(given.alone("tls_key")),
        (None, Some(given)) => return Err(given.alone("tls_cert")),
    };
    let read = Tls::read(Path::new(&certificate.text), Path::new(&key.text));
    let refused = |error| match error {
        TlsError::Certificate(reason) => {
            certificate.refused_because("a file with a certificate in PEM", &reason)
        }
        TlsError::Key(reason) => key.refused_because("a file with a private key in PEM", &reason),
        TlsError::Mismatch(reason) => key.refused_because("the key of the certificate", &reason.to_string()),
    };
    read.map(Some).map_err(refused)
}

/// A key: what can travel in a header as it is. Not repeated.
pub(super) fn key(raw: &Raw) -> Result<String, Fault> {
    let sound = !raw.text.is_empty() && raw.text.bytes().all(|byte| byte.is_ascii_graphic());
    sound
        .then(|| raw.text.clone())
        .ok_or_else(|| raw.refused_unseen("one or more visible ASCII characters without spaces"))
}

/// Whose pages may ask.
pub(super) fn origins(raw: &Raw) -> Result<Origins, Fault> {
    let origins = raw.text.parse();
    origins.map_err(|_| {
        raw.refused("a list of origins such as https://app.example or http://localhost:3000, with commas between them")
    })
}

/// What secrets are kept with. Not repeated.
pub(super) fn keys(raw: &Raw) -> Result<Vault, Fault> {
    let keys = raw.text.parse();
    keys.map_err(|_| {
        raw.refused_unseen("1 to 16 keys of 64 hexadecimal digits each, with commas between them")
    })
}

/// When something is tried again.
pub(super) fn plan(raw: &Raw) -> Result<RetryPlan, Fault> {
    let plan = raw.text.parse();
    plan.map_err(|_| {
        raw.refused("at most 50 whole numbers of seconds up to 2592000 with commas between them")
    })
}

/// Addresses and networks of proxies.
pub(super) fn proxies(raw: &Raw) -> Result<TrustedProxies, Fault> {
    let proxies = raw.text.parse();
    proxies.map_err(|_| {
        raw.refused("IP addresses and networks with commas between them, such as 10.0.0.7,192.168.0.0/16")
    })
}

/// What is logged: a level, or several for parts of the program.
pub(super) fn log(raw: &Raw) -> Result<Targets, Fault> {
    let mut targets = Targets::new();
    for directive in raw.text.split(',').map(str::trim) {
        let (target, level) = match directive.split_once('=') {
            Some((target, level)) => (Some(target), level),
            None => (None, directive),
        };
        let found = LEVELS.iter().find(|(word, _)| level.eq_ignore_ascii_case(word));
        let Some((_, level)) = found.filter(|_| target != Some("")) else {
            return Err(raw.refused(
                "`off`, `error`, `warn`, `info`, `debug` or `trace`, also by part, as in `info,ains_http=debug`",
            ));
        };
        targets = match target {
            Some(target) => targets.with_target(target, *level),
            None => targets.with_default(*level),
        };
    }
    Ok(targets)
}

/// What is logged unless told otherwise; in the demo little, for it has a screen of its own.
pub(super) fn default_log(demo: bool) -> Targets {
    if demo {
        return Targets::new().with_default(LevelFilter::WARN);
    }
    // actix tells how many threads it starts and ends, and with which runtime.
    Targets::new()
        .with_default(LevelFilter::INFO)
        .with_target("actix_server", LevelFilter::WARN)
}

/// The folder, or the one file, that the demo works on.
pub(super) fn folder(path: &Path) -> Result<PathBuf, Fault> {
    path.canonicalize().map_err(|error| {
        Fault(format!(
            "--demo must be a folder that can be read, not `{}`: {error}",
            path.display()
        ))
    })
}
