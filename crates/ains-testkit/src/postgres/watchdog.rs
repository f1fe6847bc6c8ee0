//! Keeps a cluster exactly as long as this process lives.
//!
//! Values in statics are never dropped, and nothing is dropped on `kill -9`; so the server is started by a small shell
//! process, `watchdog.sh`, that reads orders from a pipe we hold. When we end, however we end, the kernel closes the
//! pipe; the shell then stops the server at once and removes its folder.

use super::Durability;
use super::programs::{OtherUser, Programs, shell};
use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

/// A free port can be taken before the server listens on it; so many are tried.
const PORTS_TRIED: usize = 8;

/// Bytes. A socket's path may have 107 (`unix(7)`), of which `/ains-pg-XXXXXX/.s.PGSQL.65535` takes 31.
const LONGEST_TEMPORARY_FOLDER: usize = 76;

/// Lines of the server's log that an error shows.
const LOG_LINES_SHOWN: usize = 20;

/// The shell process that runs one cluster.
#[derive(Debug)]
pub(super) struct Watchdog {
    process: Child,
    /// `None` once it was told to end.
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    folder: PathBuf,
}

impl Watchdog {
    /// Makes a cluster in a new folder and starts it; returns the port it listens on.
    pub(super) fn start(programs: &Programs, durability: Durability) -> Result<(Self, u16)> {
        let mut watchdog = Self::spawn(programs, durability)?;
        watchdog.order("init")?;
        let mut attempt = 1;
        loop {
            let port = free_port()?;
            match watchdog.start_server(port) {
                Ok(()) => return Ok((watchdog, port)),
                Err(_) if attempt < PORTS_TRIED => attempt += 1,
                Err(failure) => return Err(failure),
            }
        }
    }

    fn spawn(programs: &Programs, durability: Durability) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("ains-pg-")
            .tempdir_in(short_temporary_folder())
            .context("could not make a folder for PostgreSQL")?;
        let complaints = File::create(folder.path().join("watchdog.log"))?;
        // What we make belongs to whom we run as.
        let running_as_root = fs::metadata(folder.path())?.uid() == 0;
        let user = if running_as_root {
            Some(OtherUser::find()?)
        } else {
            None
        };
        if let Some(user) = &user {
            chown(folder.path(), Some(user.uid), Some(user.gid)).context("could not give a folder away")?;
        }
        let mut process = shell(include_str!("watchdog.sh"), user.as_ref())?
            .env("AINS_PG_BIN", programs.folder())
            .env("AINS_PG_FOLDER", folder.path())
            .env(
                "AINS_PG_SYNC",
                if durability == Durability::Fast {
                    "--no-sync"
                } else {
                    ""
                },
            )
            .env("AINS_PG_SETTINGS", settings(folder.path(), durability))
            .env_remove("PGDATA")
            .current_dir("/")
            // Apart from the terminal's process group, so that Ctrl-C ends the tests and not the one that cleans up.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(complaints)
            .spawn()
            .context("could not start the watchdog of PostgreSQL")?;
        Ok(Self {
            orders: process.stdin.take(),
            answers: BufReader::new(
                process
                    .stdout
                    .take()
                    .context("the watchdog's answers are piped")?,
            ),
            process,
            // From here on the watchdog removes it.
            folder: folder.keep(),
        })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn start_server(&mut self, port: u16) -> Result<()> {
        self.order(&format!("start {port}"))
    }

    pub(super) fn crash(&mut self) -> Result<()> {
        self.order("crash")
    }

    /// Gives one order and waits until it is carried out.
    fn order(&mut self, order: &str) -> Result<()> {
        let mut answer = String::new();
        if let Some(orders) = &mut self.orders {
            // A watchdog that is gone answers nothing, which is told below with its last words.
            let _ = writeln!(orders, "{order}");
            self.answers.read_line(&mut answer)?;
        }
        if answer.trim_end() != "done" {
            bail!("PostgreSQL could not be told to `{order}`\n{}", self.last_words());
        }
        Ok(())
    }

    /// The end of what the programs printed.
    fn last_words(&self) -> String {
        let mut lines = Vec::new();
        for name in ["watchdog.log", "postgres.log"] {
            let text = fs::read_to_string(self.folder.join(name)).unwrap_or_default();
            let all: Vec<&str> = text.lines().collect();
            let shown = all.len().saturating_sub(LOG_LINES_SHOWN);
            lines.extend(all[shown..].iter().map(|line| format!("{name}: {line}")));
        }
        lines.join("\n")
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.orders = None;
        // Until the folder is gone; an error would mean that someone else has waited for it.
        let _ = self.process.wait();
    }
}

/// The lines added to `postgresql.conf`.
fn settings(folder: &Path, durability: Durability) -> String {
    let socket_folder = folder.display().to_string().replace('\'', "''");
    let sync = if durability == Durability::Durable {
        "on"
    } else {
        "off"
    };
    format!(
        "listen_addresses = '127.0.0.1'\n\
         unix_socket_directories = '{socket_folder}'\n\
         max_connections = 200\n\
         timezone = 'UTC'\n\
         fsync = {sync}\n\
         full_page_writes = {sync}\n\
         synchronous_commit = {sync}\n"
    )
}

/// The temporary folder, or `/tmp` where that is too deep for a socket.
///
/// Root takes `/tmp` at once: the user it runs the server as may not be let into root's own.
fn short_temporary_folder() -> PathBuf {
    let shared = Path::new("/tmp");
    let own = std::env::temp_dir();
    let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    if shared.is_dir() && (is_root || own.as_os_str().len() > LONGEST_TEMPORARY_FOLDER) {
        shared.to_owned()
    } else {
        own
    }
}

/// A port of 127.0.0.1 that nobody listens on just now.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
