//! How a PostgreSQL server is reached: its address, and the TLS that the address asks for.
//!
//! Two drivers read one address: libpq, under diesel, and tokio-postgres, which listens for notifications and knows
//! fewer parameters. What only libpq knows of TLS is done here for the other, so that both ask the same of the server.

use std::fmt;
use std::str::FromStr;

use openssl::error::ErrorStack;
use openssl::ssl::{SslConnector, SslFiletype, SslMethod, SslVerifyMode, SslVersion};
use openssl::x509::store::X509StoreBuilder;
use percent_encoding::percent_decode_str;
use postgres_openssl::MakeTlsConnector;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::error::StoreError;

/// The address of a PostgreSQL server. It may hold a password, so what shows it shows it without: see
/// `PostgresUrl::reveal`.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl(Box<str>);

/// Parameters whose values are secrets.
const SECRET: [&str; 2] = ["password", "sslpassword"];

/// What is put in the place of a secret.
const HIDDEN: &str = "…";

impl PostgresUrl {
    /// The whole address, for the drivers.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// `text`, in which a driver may have quoted the address, without its secrets.
    pub(crate) fn hide(&self, text: &str) -> String {
        let mut text = text.replace(&*self.0, &self.to_string());
        let (_, rest) = self.0.split_once("://").unwrap_or_default();
        let password = rest
            .split_once('@')
            .and_then(|(user, _)| user.split_once(':'))
            .map(|(_, password)| password);
        let given = parameters(rest).filter(|(name, _)| SECRET.contains(name));
        for secret in password.into_iter().chain(given.map(|(_, value)| value)) {
            let decoded = percent_decode_str(secret).decode_utf8_lossy();
            for secret in [secret, &*decoded] {
                if !secret.is_empty() {
                    text = text.replace(secret, HIDDEN);
                }
            }
        }
        text
    }

    /// How tokio-postgres reaches the server.
    pub(crate) fn for_tokio(&self) -> Result<(Config, MakeTlsConnector), StoreError> {
        let rest = self.0.split_once("://").map_or("", |(_, rest)| rest);
        let mut asked = Asked::default();
        let mut known = Vec::new();
        for (name, value) in parameters(rest) {
            let text = || percent_decode_str(value).decode_utf8_lossy().into_owned();
            match name {
                "sslmode" => asked.mode = text().parse()?,
                "sslrootcert" => asked.root = Some(text()),
                "sslcert" => asked.certificate = Some(text()),
                "sslkey" => asked.key = Some(text()),
                _ => known.push(format!("{name}={value}")),
            }
        }
        let base = self.0.split_once('?').map_or(&*self.0, |(base, _)| base);
        let mut config: Config = format!("{base}?{}", known.join("&"))
            .parse()
            .map_err(|error| unfit(&error))?;
        let sockets = config
            .get_hosts()
            .iter()
            .all(|host| matches!(host, Host::Unix(_)));
        // As libpq does: nobody is between the two ends of a Unix socket.
        config.ssl_mode(if sockets {
            SslMode::Disable
        } else {
            asked.mode.negotiated()
        });
        Ok((config, asked.connector()?))
    }
}

/// The parameters of an address, as they are written.
fn parameters(rest: &str) -> impl Iterator<Item = (&str, &str)> {
    let parameters = rest.split_once('?').map_or("", |(_, parameters)| parameters);
    parameters.split('&').filter_map(|pair| pair.split_once('='))
}

/// What is wrong with an address, in words that do not repeat its values.
fn unfit(error: &tokio_postgres::Error) -> StoreError {
    use std::error::Error as _;
    let source = error.source().map(ToString::to_string).unwrap_or_default();
    StoreError::Address(match source.split_once("unknown option") {
        Some((_, name)) => format!("has a parameter that is not known, {}", name.trim()),
        None => "is not as postgres://USER:PASSWORD@HOST:PORT/NAME".to_owned(),
    })
}

impl FromStr for PostgresUrl {
    type Err = StoreError;

    fn from_str(url: &str) -> Result<Self, StoreError> {
        let rest = url.split_once("://").map_or("", |(_, rest)| rest);
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let path = rest.split('?').next().unwrap_or_default();
        // Else a part of the password would be taken for a host and a port, and be told of as such.
        if path.matches('@').count() > 1 || (path.contains('@') && !authority.contains('@')) {
            return Err(StoreError::Address(
                "needs the `/`, `?` and `@` of a user or password written as %2F, %3F and %40".to_owned(),
            ));
        }
        let url = Self(url.into());
        url.for_tokio().map(|_| url)
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("postgres", ""));
        let base = rest.split('?').next().unwrap_or_default();
        write!(f, "{scheme}://")?;
        match base.split_once('@') {
            Some((user, host)) => write!(f, "{}@{host}", user.split(':').next().unwrap_or_default())?,
            None => f.write_str(base)?,
        }
        for (number, (name, value)) in parameters(rest).enumerate() {
            let value = if SECRET.contains(&name) { HIDDEN } else { value };
            write!(f, "{}{name}={value}", if number == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresUrl({self})")
    }
}

/// What an address asks of TLS.
#[derive(Debug, Default)]
struct Asked {
    mode: Mode,
    /// The authorities that are trusted.
    root: Option<String>,
    /// What shows the server who we are.
    certificate: Option<String>,
    key: Option<String>,
}

/// The modes of libpq.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Disable,
    /// TLS if the server has it. `allow`, which tries without first, comes to the same: no promise.
    #[default]
    Prefer,
    /// TLS, with whomever.
    Require,
    /// TLS, and an authority that is trusted knows the server.
    VerifyCa,
    /// TLS, and it knows it by the name of its host.
    VerifyFull,
}

/// The root that stands for the authorities that the machine trusts.
const SYSTEM: &str = "system";

impl Mode {
    fn negotiated(self) -> SslMode {
        match self {
            Self::Disable => SslMode::Disable,
            Self::Prefer => SslMode::Prefer,
            Self::Require | Self::VerifyCa | Self::VerifyFull => SslMode::Require,
        }
    }
}

impl FromStr for Mode {
    type Err = StoreError;

    fn from_str(mode: &str) -> Result<Self, StoreError> {
        Ok(match mode {
            "disable" => Self::Disable,
            "allow" | "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => {
                return Err(StoreError::Address(
                    "has a sslmode that is none of disable, allow, prefer, require, verify-ca and verify-full"
                        .to_owned(),
                ));
            }
        })
    }
}

impl Asked {
    /// What makes TLS for tokio-postgres, as libpq makes it.
    fn connector(&self) -> Result<MakeTlsConnector, StoreError> {
        let mode = match (self.mode, self.root.as_deref()) {
            (Mode::VerifyCa | Mode::VerifyFull, None) => {
                return Err(StoreError::Address(
                    "asks to verify the server without saying by which `sslrootcert`".to_owned(),
                ));
            }
            // As in libpq: who names authorities means them, and by those of the machine anybody could be known.
            (Mode::Require, Some(root)) if root != SYSTEM => Mode::VerifyCa,
            (mode, Some(SYSTEM)) if mode != Mode::VerifyFull => {
                return Err(StoreError::Address(
                    "has sslrootcert=system, which goes with sslmode=verify-full only".to_owned(),
                ));
            }
            (mode, _) => mode,
        };
        let connector = self.build(mode).map_err(|error| {
            StoreError::Address(format!("names files for TLS that cannot be used: {error}"))
        })?;
        let mut connector = MakeTlsConnector::new(connector);
        connector.set_callback(move |connection, _| {
            connection.set_verify_hostname(mode == Mode::VerifyFull);
            Ok(())
        });
        Ok(connector)
    }

    fn build(&self, mode: Mode) -> Result<SslConnector, ErrorStack> {
        let mut builder = SslConnector::builder(SslMethod::tls_client())?;
        builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
        if !matches!(mode, Mode::VerifyCa | Mode::VerifyFull) {
            builder.set_verify(SslVerifyMode::NONE);
        }
        if let Some(root) = self.root.as_deref().filter(|root| *root != SYSTEM) {
            // In the place of those that the machine trusts, not beside them.
            builder.set_cert_store(X509StoreBuilder::new()?.build());
            builder.set_ca_file(root)?;
        }
        if let Some(certificate) = &self.certificate {
            builder.set_certificate_chain_file(certificate)?;
        }
        if let Some(key) = &self.key {
            builder.set_private_key_file(key, SslFiletype::PEM)?;
        }
        Ok(builder.build())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Result<PostgresUrl, String> {
        text.parse().map_err(|error: StoreError| error.to_string())
    }

    #[test]
    fn what_shows_an_address_shows_it_without_its_secrets() {
        let secret = "postgres://me:hunter2@db.example:5433/ains?application_name=a&password=hunter3";
        // libpq takes a password as a parameter, tokio-postgres does too.
        let url = url(secret).unwrap();
        let shown = "postgres://me@db.example:5433/ains?application_name=a&password=…";
        assert_eq!(url.to_string(), shown);
        assert_eq!(format!("{url:?}"), format!("PostgresUrl({shown})"));
        assert_eq!(
            url.hide(&format!("no `{secret}`, nor hunter2, nor hunter3")),
            format!("no `{shown}`, nor …, nor …")
        );
        let encoded = super::tests::url("postgres://me:a%2Fb@h/x").unwrap();
        assert_eq!(encoded.hide("a/b or a%2Fb"), "… or …");
    }

    #[test]
    fn what_cannot_be_right_is_refused_without_being_repeated() {
        for (text, reason) in [
            ("postgres://me:hun/ter2@h/x", "written as %2F"),
            ("postgres://me:hun@ter2@h/x", "written as %2F"),
            ("postgres://me:hun?ter2@h/x", "is not as postgres://"),
            ("postgres://me:hunter2@h:port/x", "is not as postgres://"),
            ("postgres://me:hunter2@h/x?sslcrl=f", "not known, `sslcrl`"),
            (
                "postgres://me:hunter2@h/x?sslmode=none",
                "has a sslmode that is none of",
            ),
            (
                "postgres://me:hunter2@h/x?sslmode=verify-full",
                "by which `sslrootcert`",
            ),
            (
                "postgres://me:hunter2@h/x?sslmode=require&sslrootcert=system",
                "verify-full only",
            ),
            (
                "postgres://me:hunter2@h/x?sslmode=verify-full&sslrootcert=/no/such.pem",
                "files for TLS that cannot be used",
            ),
        ] {
            let refused = url(text).expect_err(text);
            assert!(refused.contains(reason), "{text}: {refused}");
            assert!(!refused.contains("hun") && !refused.contains("ter2"), "{refused}");
        }
    }

    #[test]
    fn the_parameters_of_tls_are_taken_from_what_the_other_driver_reads() {
        let parsed = url("postgres://me@h/x?sslmode=require&connect_timeout=3").unwrap();
        let (config, _) = parsed.for_tokio().unwrap();
        assert_eq!(config.get_ssl_mode(), SslMode::Require);
        assert_eq!(
            config.get_connect_timeout(),
            Some(&std::time::Duration::from_secs(3))
        );
        let socket = url("postgres://me@%2Fvar%2Frun:5432/x?sslmode=require").unwrap();
        assert_eq!(socket.for_tokio().unwrap().0.get_ssl_mode(), SslMode::Disable);
        assert_eq!(
            url("postgres://h").unwrap().for_tokio().unwrap().0.get_ssl_mode(),
            SslMode::Prefer
        );
    }
}
