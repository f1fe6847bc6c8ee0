//! How many connections there may be, and what ends one whose client does not read.

use std::io;

use anyhow::bail;
use tokio::net::TcpSocket;

/// Connections at the same time, unless told otherwise: what an attack with slow clients has to exceed within the ten
/// seconds that a head may take.
const USUAL: usize = 10_000;

/// Files that are kept for everything else: the database, webhooks, the log.
const RESERVED: usize = 256;

/// How long what was sent may stay unread before the connection is given up.
#[cfg(target_os = "linux")]
const UNREAD: std::time::Duration = std::time::Duration::from_mins(1);

/// As many as were asked for, or as are usual and the system lets us have. The limit of open files is raised as far as
/// that goes without asking anybody.
///
/// # Errors
/// When more were asked for than files may be open.
pub(crate) fn allowed(asked: Option<usize>) -> anyhow::Result<usize> {
    let most = files().saturating_sub(RESERVED).max(1);
    match asked {
        Some(asked) if asked > most => bail!(
            "`max_connections` is {asked}, but with the limit of open files of this process there are {most} at most: \
             raise the limit (`ulimit -n`, or LimitNOFILE in systemd), or lower the setting"
        ),
        Some(asked) => Ok(asked),
        None => Ok(most.min(USUAL)),
    }
}

/// How many files the process may open, after it was raised as far as it goes.
#[cfg(unix)]
fn files() -> usize {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    let before = limit.current;
    limit.current = limit.maximum;
    let current = match setrlimit(Resource::Nofile, limit) {
        Ok(()) => limit.current,
        Err(_) => before,
    };
    // None is no limit.
    current.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX))
}

#[cfg(not(unix))]
fn files() -> usize {
    usize::MAX
}

/// Has the system end connections whose client is there but does not read, which else would last for ever. Connections that are accepted take it over.
///
/// # Errors
/// When the system refuses.
#[cfg(target_os = "linux")]
pub(crate) fn end_what_is_not_read(socket: &TcpSocket) -> io::Result<()> {
    socket2::SockRef::from(socket).set_tcp_user_timeout(Some(UNREAD))
}

/// Other systems have no such setting.
///
/// # Errors
/// Never.
#[cfg(not(target_os = "linux"))]
pub(crate) fn end_what_is_not_read(_: &TcpSocket) -> io::Result<()> {
    Ok(())
}
