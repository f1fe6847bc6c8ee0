//! Holds a PostgreSQL server of the tests' own and hands out databases in it.
//!
//! One cluster a test process, started by the first test that wants one (about 1.5 s) and gone with the process, however
//! it ends: see `postgres/watchdog.rs`. It listens on a free port of 127.0.0.1 and on a Unix socket, trusts whoever connects, and
//! does not sync to disk unless it was asked for with [`Cluster::durable`].

mod programs;
#[cfg(test)]
mod tests;
mod watchdog;

use crate::environment;
use anyhow::{Context, Result, bail};
use programs::Programs;
use std::fs::Permissions;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use watchdog::Watchdog;

/// Why there is no PostgreSQL to test with.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Unavailable {
    /// Its programs were not found.
    #[error(
        "PostgreSQL's `initdb` was found neither in PATH nor in /usr/lib/postgresql/*/bin; on Debian or Ubuntu \
         `apt-get install postgresql` brings it, and `AINS_TEST_POSTGRES_URL` names a running server to use instead"
    )]
    NotInstalled,
    /// Its programs were found and something failed; the text says what.
    #[error("{0}")]
    Broken(String),
}

/// Whether what was committed outlives a crash of PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Durability {
    /// Never waits for the disk: fast, and lost in a crash.
    Fast,
    /// As in production: `fsync`, full pages and synchronous commit.
    Durable,
}

/// A running PostgreSQL server.
#[derive(Debug)]
pub struct Cluster {
    programs: Programs,
    /// A URL of its administrator, in the database `postgres` or the one that was given.
    admin_url: String,
    own: Option<OwnServer>,
}

/// The server this process started, in contrast to one it was pointed at.
#[derive(Debug)]
struct OwnServer {
    watchdog: Mutex<Watchdog>,
    folder: PathBuf,
    port: u16,
}

impl Cluster {
    /// The cluster of this process, started by the first call; the server of `AINS_TEST_POSTGRES_URL` where that is set.
    ///
    /// # Errors
    ///
    /// When PostgreSQL is not installed or does not start. Later calls repeat the first one's error.
    pub fn shared() -> Result<&'static Self, Unavailable> {
        static SHARED: OnceLock<Result<Cluster, Unavailable>> = OnceLock::new();
        SHARED
            .get_or_init(|| match environment::setting(environment::POSTGRES_URL) {
                Some(url) => Ok(Self {
                    programs: Programs::find_client()?,
                    admin_url: url,
                    own: None,
                }),
                None => Self::start(Durability::Fast),
            })
            .as_ref()
            .map_err(Clone::clone)
    }

    /// A new cluster that syncs to disk as in production, for tests that [crash](Self::crash) it. It stops on drop.
    ///
    /// # Errors
    ///
    /// When PostgreSQL is not installed or does not start.
    pub fn durable() -> Result<Self, Unavailable> {
        Self::start(Durability::Durable)
    }

    /// A new cluster that speaks TLS with this certificate and key, both in PEM. It stops on drop.
    ///
    /// # Errors
    ///
    /// When PostgreSQL is not installed, does not start, or refuses the two.
    pub fn with_tls(certificate: &str, key: &str) -> Result<Self, Unavailable> {
        let cluster = Self::start(Durability::Fast)?;
        cluster
            .switch_tls_on(certificate, key)
            .map_err(|failure| Unavailable::Broken(format!("{failure:#}")))?;
        Ok(cluster)
    }

    fn switch_tls_on(&self, certificate: &str, key: &str) -> Result<()> {
        let folder = self.folder().context("a cluster of our own has a folder")?;
        let owner = std::fs::metadata(folder)?;
        for (name, text) in [("server.crt", certificate), ("server.key", key)] {
            let path = folder.join(name);
            std::fs::write(&path, text)?;
            // The server refuses a key that others may read, or that is somebody else's.
            std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
            chown(&path, Some(owner.uid()), Some(owner.gid()))?;
            let setting = if name == "server.crt" {
                "ssl_cert_file"
            } else {
                "ssl_key_file"
            };
            let sql = format!("alter system set {setting} = '{}'", path.display());
            self.programs.psql(&self.admin_url, &sql)?;
        }
        self.programs.psql(&self.admin_url, "alter system set ssl = on")?;
        self.crash()?;
        self.restart()
    }

    fn start(durability: Durability) -> Result<Self, Unavailable> {
        let programs = Programs::find_server()?;
        let (watchdog, port) = Watchdog::start(&programs, durability)
            .map_err(|failure| Unavailable::Broken(format!("{failure:#}")))?;
        Ok(Self {
            programs,
            admin_url: format!("postgres://postgres@127.0.0.1:{port}/postgres"),
            own: Some(OwnServer {
                folder: watchdog.folder().to_owned(),
                watchdog: Mutex::new(watchdog),
                port,
            }),
        })
    }

    /// Creates an empty database that is dropped with its value.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub fn database(&self) -> Result<Database> {
        // Nobody can be connected to template0, and nothing was ever added to it.
        self.create_database("template0")
    }

    /// Creates a copy of `original`, which nobody may be connected to meanwhile: faster than migrating each anew.
    ///
    /// # Errors
    ///
    /// When the server refuses, as it does while someone is connected to `original`.
    pub fn database_like(&self, original: &Database) -> Result<Database> {
        self.create_database(original.name())
    }

    fn create_database(&self, template: &str) -> Result<Database> {
        let name = unique_name();
        let admin = Admin {
            programs: self.programs.clone(),
            url: self.admin_url.clone(),
        };
        admin.run(&format!("create database {name} template {template}"))?;
        Ok(Database {
            url: with_database(&self.admin_url, &name),
            socket_url: self.own.as_ref().map(|own| own.socket_url(&name)),
            name,
            admin,
        })
    }

    /// The folder of the server, which holds its data, its socket and its logs; `None` for a server that was given.
    pub fn folder(&self) -> Option<&Path> {
        self.own.as_ref().map(|own| own.folder.as_path())
    }

    /// The port on 127.0.0.1; `None` for a server that was given.
    pub fn port(&self) -> Option<u16> {
        self.own.as_ref().map(|own| own.port)
    }

    /// Ends the server as a crash would: at once, without a checkpoint and with every connection cut.
    ///
    /// # Errors
    ///
    /// When the server does not run, or is not ours to crash.
    pub fn crash(&self) -> Result<()> {
        self.own_watchdog()?.0.crash()
    }

    /// Starts the server again after a [crash](Self::crash), on the same port; it replays its log first.
    ///
    /// # Errors
    ///
    /// When the server does not start, or is not ours to start.
    pub fn restart(&self) -> Result<()> {
        let (mut watchdog, port) = self.own_watchdog()?;
        watchdog.start_server(port)
    }

    fn own_watchdog(&self) -> Result<(MutexGuard<'_, Watchdog>, u16)> {
        let Some(own) = &self.own else {
            bail!(
                "the server of `{}` is not ours to stop",
                environment::POSTGRES_URL
            )
        };
        Ok((
            own.watchdog.lock().unwrap_or_else(PoisonError::into_inner),
            own.port,
        ))
    }
}

impl OwnServer {
    /// libpq and tokio-postgres read a host that starts with an (escaped) slash as the folder of a socket.
    fn socket_url(&self, database: &str) -> String {
        let folder = self
            .folder
            .display()
            .to_string()
            .replace('%', "%25")
            .replace('/', "%2F");
        format!("postgres://postgres@{folder}:{}/{database}", self.port)
    }
}

/// A database of its own for one test, dropped with its value.
#[derive(Debug)]
pub struct Database {
    name: String,
    url: String,
    socket_url: Option<String>,
    admin: Admin,
}

impl Database {
    /// Its URL over TCP: `postgres://postgres@127.0.0.1:PORT/NAME`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its URL over the Unix socket; `None` on a server that was given.
    pub fn socket_url(&self) -> Option<&str> {
        self.socket_url.as_deref()
    }

    /// Its name: lower case letters, digits and `_`, so it needs no quotes.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `sql` with `psql` and returns what it prints: a row a line, columns apart by `|`.
    ///
    /// # Errors
    ///
    /// When a statement fails, with the words of the server.
    pub fn psql(&self, sql: &str) -> Result<String> {
        self.admin.programs.psql(&self.url, sql)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A server that was crashed cannot drop it, and need not: its folder goes as a whole.
        let _ = self
            .admin
            .run(&format!("drop database if exists {} with (force)", self.name));
    }
}

/// What it takes to create and drop databases.
#[derive(Debug)]
struct Admin {
    programs: Programs,
    url: String,
}

impl Admin {
    fn run(&self, sql: &str) -> Result<()> {
        self.programs
            .psql(&self.url, sql)
            .map(drop)
            .with_context(|| format!("could not run `{sql}`"))
    }
}

/// A name no other test has, in this process or in another one that shares the server.
fn unique_name() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    static PROCESS: OnceLock<u64> = OnceLock::new();
    // The standard library's one source of chance that needs no further crate.
    let process = PROCESS.get_or_init(|| RandomState::new().build_hasher().finish());
    format!(
        "ains_test_{process:016x}_{}",
        COUNT.fetch_add(1, Ordering::Relaxed)
    )
}

/// The URL with its database replaced by `name`; user, host and parameters stay.
fn with_database(url: &str, name: &str) -> String {
    let (address, parameters) = match url.split_once('?') {
        Some((address, parameters)) => (address, format!("?{parameters}")),
        None => (url, String::new()),
    };
    let host_at = address.find("://").map_or(0, |scheme| scheme + "://".len());
    let host_end = address[host_at..]
        .find('/')
        .map_or(address.len(), |slash| host_at + slash);
    format!("{}/{name}{parameters}", &address[..host_end])
}
