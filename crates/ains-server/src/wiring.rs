//! The way from the settings to a running server, and back to nothing.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use ains_client::Client;
use ains_http::{Auth, HttpState, Serving};
use ains_service::{Ains, Settings, SystemClock};
use ains_store::{Location, Options, Store};
use anyhow::{Context as _, anyhow, bail};
use rand::TryRng as _;
use tokio::net::TcpSocket;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::{Bind, Config};
use crate::connections;
use crate::demo::Demo;
use crate::screen::{self, AdminKey};
use crate::secret_key;
use crate::shutdown::{self, Signals};
use crate::webhooks::Outlet;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// How long the agents of the demo may take to leave.
const FAREWELL: Duration = Duration::from_secs(6);

/// A server that serves.
struct Running {
    ains: Ains,
    url: String,
    key: AdminKey,
    http: ServerHandle,
    serving: JoinHandle<io::Result<()>>,
}

/// Starts the server, serves until it is told to stop, and stops.
///
/// # Errors
/// When it cannot start, cannot go on, or the demo did not end well.
pub(crate) async fn run(config: Config) -> anyhow::Result<()> {
    let mut signals = Signals::listen().context("could not listen for signals")?;
    let demo = config.demo.as_deref().map(Demo::prepare).transpose()?;
    let mut running = tokio::select! {
        started = start(&config) => started?,
        signal = signals.next() => {
            tracing::info!(signal, "stopped before it had started");
            return Ok(());
        }
    };
    screen::started(&running.url, &config.database.shown(), &running.key);
    tracing::info!(url = running.url, database = config.database.shown(), "started");

    let (stop, stopped) = watch::channel(false);
    let mut show = Box::pin(show(demo, &running, config.service.seed, stopped)?);
    let ended = tokio::select! {
        signal = signals.next() => {
            tracing::info!(signal, "stopping");
            Ok(true)
        }
        shown = &mut show => shown.map(|()| false),
        served = &mut running.serving => {
            served.context("the HTTP server broke")?.context("the HTTP server failed")?;
            bail!("the HTTP server ended by itself");
        }
    };
    let leaving = async {
        stop.send_replace(true);
        // The agents go first, while there is still somebody to give their tasks back to.
        if matches!(ended, Ok(true)) && config.demo.is_some() {
            let _ = tokio::time::timeout(FAREWELL, &mut show).await;
        }
        shutdown::stop(running.http.clone(), &running.ains).await;
    };
    tokio::select! {
        () = leaving => tracing::info!("stopped"),
        signal = signals.next() => bail!("stopped at once by a second {signal}"),
    }
    ended.map(drop)
}

/// Does with the keys what the operator wants, and ends.
///
/// # Errors
/// When the database cannot be opened, or it cannot be done.
pub(crate) async fn keys(config: Config) -> anyhow::Result<()> {
    let store = open(&config.database).await?;
    let Some(command) = config.keys else { return Ok(()) };
    tokio::task::spawn_blocking(move || crate::keys::run(store, command)).await?
}

/// The demo, if there is one; without one it never ends.
fn show(
    demo: Option<Demo>,
    running: &Running,
    seed: Option<u64>,
    stopped: watch::Receiver<bool>,
) -> anyhow::Result<impl Future<Output = anyhow::Result<()>> + use<>> {
    let key = running.key.known().map(str::to_owned);
    let demo = match demo {
        Some(demo) => Some((demo, Client::new(&running.url)?)),
        None => None,
    };
    Ok(async move {
        match demo {
            Some((demo, client)) => {
                let client = match &key {
                    Some(key) => client.with_key(key),
                    None => client,
                };
                demo.run(client, key, seed, stopped).await
            }
            None => std::future::pending().await,
        }
    })
}

async fn start(config: &Config) -> anyhow::Result<Running> {
    let connections = connections::allowed(config.connections)?;
    // Taken before the database is opened, so that a second server on the same address leaves it alone.
    let socket = socket(config.bind)?;
    let store = open(&config.database).await?;
    let (mut settings, key) = admin_key(config)?;
    let outlet = Outlet::new(config.webhook_rules).context("could not prepare to call webhooks")?;
    settings.deliver = Some(Arc::new(outlet));
    if !settings.vault.has_key() {
        settings.vault = secret_key::vault(&config.database)?;
    }
    let seed = settings.seed.map_or_else(random, Ok)?;
    let ains = Ains::start(store, settings, Arc::new(SystemClock))
        .await
        .context("could not start the service")?;
    let key = match key {
        Some(key) => key,
        None => ains
            .first_admin_key()
            .await
            .context("could not make the first admin key")?
            .map_or(AdminKey::Stored, AdminKey::Made),
    };
    let listener = socket.listen(BACKLOG).and_then(tokio::net::TcpListener::into_std);
    let listener = listener.context("could not listen")?;
    let address = listener.local_addr().context("could not listen")?;
    if config.tls.is_none() && !address.ip().is_loopback() {
        tracing::warn!(
            %address,
            "HTTP is served without TLS where others can listen in: give `tls_cert` and `tls_key`, or keep a proxy \
             with TLS in front"
        );
    }
    let url = url(address, config.tls.is_some());
    let state = HttpState::new(ains.clone(), config.auth, env!("CARGO_PKG_VERSION"), seed)
        .behind(config.proxies.clone())
        .with_origins(config.origins.clone());
    let serving = Serving {
        workers: config.http_workers,
        connections,
        tls: config.tls.clone(),
    };
    let server = ains_http::serve(listener, state, serving).context("could not serve HTTP")?;
    Ok(Running {
        ains,
        url,
        key,
        http: server.handle(),
        serving: tokio::spawn(server),
    })
}

fn socket(bind: Bind) -> anyhow::Result<TcpSocket> {
    let at = |address: SocketAddr| -> io::Result<TcpSocket> {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()
        } else {
            TcpSocket::new_v6()
        }?;
        // Else a restarted server has to wait for the connections of the one before to be forgotten.
        #[cfg(unix)]
        socket.set_reuseaddr(true)?;
        connections::end_what_is_not_read(&socket)?;
        socket.bind(address)?;
        Ok(socket)
    };
    let (Bind::Exactly(address) | Bind::Preferably(address)) = bind;
    let socket = match bind {
        Bind::Exactly(address) => at(address),
        Bind::Preferably(address) => at(address).or_else(|_| at(SocketAddr::new(address.ip(), 0))),
    };
    socket.with_context(|| {
        format!("could not listen on {address} (`--bind` or AINS_BIND names another address)")
    })
}

async fn open(location: &Location) -> anyhow::Result<Store> {
    let options = Options::new(location.clone());
    let opened = tokio::task::spawn_blocking(move || Store::open(&options)).await?;
    opened.map_err(|error| {
        let shown = location.shown();
        let reason = error.to_string();
        // libpq indents the hints that it gives.
        let lines: Vec<_> = reason.lines().filter(|line| !line.starts_with('\t')).collect();
        anyhow!("could not open the database {shown}: {}", lines.join("; "))
    })
}

/// The settings of the service, with the key that the demo gets for the time it runs, and what is known of the admin's
/// key so far; `None` if one may have to be made.
fn admin_key(config: &Config) -> anyhow::Result<(Settings, Option<AdminKey>)> {
    let mut settings = config.service.clone();
    let key = match (&settings.admin_key, config.auth) {
        (_, Auth::Off) => Some(AdminKey::NotNeeded),
        (Some(given), Auth::On) => Some(AdminKey::Given(given.clone())),
        (None, Auth::On) if config.demo.is_some() => {
            let secret = format!("ains_{:016x}{:016x}", random()?, random()?);
            settings.admin_key = Some(secret.clone());
            Some(AdminKey::ForDemo(secret))
        }
        (None, Auth::On) => None,
    };
    Ok((settings, key))
}

/// 64 bits from the operating system.
fn random() -> anyhow::Result<u64> {
    rand::rngs::SysRng
        .try_next_u64()
        .context("the operating system has no randomness to give")
}

/// Where people find the server: on this machine, if it listens everywhere.
fn url(mut address: SocketAddr, tls: bool) -> String {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    let scheme = if tls { "https" } else { "http" };
    format!("{scheme}://{address}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_listens_everywhere_is_found_on_this_machine() {
        for (address, expected) in [
            ("127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("0.0.0.0:80", "http://127.0.0.1:80"),
            ("[::]:8000", "http://[::1]:8000"),
            ("192.0.2.7:8000", "http://192.0.2.7:8000"),
        ] {
            assert_eq!(url(address.parse().unwrap(), false), expected);
        }
        let address = "192.0.2.7:8000".parse().unwrap();
        assert_eq!(url(address, true), "https://192.0.2.7:8000");
    }
}
