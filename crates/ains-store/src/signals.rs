//! What servers on one PostgreSQL tell each other: NOTIFY after a commit, LISTEN all the time.
//!
//! A notification takes a global lock of the server at commit, so it is never part of a write
//! transaction: it goes over a connection of its own, which does not wait for the disk
//! (architecture §6). A notification can be lost with its connection; whoever listens is told
//! when the connection is there again, and looks for itself.
//!
//! diesel cannot wait for a notification without polling, hence tokio-postgres here.

use std::error::Error as _;
use std::future::poll_fn;
use std::time::Duration;

use postgres_openssl::TlsStream;
use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, Client, Socket};

use crate::error::StoreError;
use crate::postgres::PostgresUrl;
use crate::store::Store;

const CHANNEL: &str = "ains";

/// Longest payload, in bytes, that PostgreSQL carries (its limit is 8,000).
pub const MAX_PAYLOAD: usize = 7_900;

/// Messages that wait in each direction before more are dropped.
const QUEUE: usize = 256;

/// Pause before a lost connection is tried again.
const RECONNECT: Duration = Duration::from_millis(500);

/// What is heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// The connection is there (again): something may have been missed.
    Connected,
    /// A server sent this; one's own messages come back too.
    Message(String),
}

/// The way to the other servers.
#[derive(Debug, Clone)]
pub struct Signals {
    outgoing: mpsc::Sender<String>,
}

impl Signals {
    /// Sends `payload` to every server, after those sent before. Waits while too many are queued.
    pub async fn send(&self, payload: String) {
        // Nobody to send to any more: the service is ending.
        let _ = self.outgoing.send(payload).await;
    }
}

/// Connects to the other servers: `None` with SQLite, where there are none. Runs on the current
/// tokio runtime until the [`Signals`] and the receiver are dropped.
pub fn start(store: &Store) -> Option<(Signals, mpsc::Receiver<Heard>)> {
    let url = store.postgres_url()?.clone();
    let (outgoing, mut to_send) = mpsc::channel::<String>(QUEUE);
    let (heard, incoming) = mpsc::channel(QUEUE);
    tokio::spawn(async move {
        while !heard.is_closed() {
            match serve(&url, &mut to_send, &heard).await {
                Ok(()) => return,
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "lost the connection for notifications"
                    );
                    tokio::time::sleep(RECONNECT).await;
                }
            }
        }
    });
    Some((Signals { outgoing }, incoming))
}

/// Connects once, and lets go: whether the other servers can be reached.
///
/// # Errors
/// When they cannot.
pub async fn probe(url: &PostgresUrl) -> Result<(), StoreError> {
    connect(url).await.map(drop)
}

/// Serves one connection until it breaks, or nobody is interested any more.
async fn serve(
    url: &PostgresUrl,
    to_send: &mut mpsc::Receiver<String>,
    heard: &mpsc::Sender<Heard>,
) -> Result<(), StoreError> {
    let unavailable = |error| unavailable(url, &error);
    let (client, mut connection) = connect(url).await?;
    let messages = heard.clone();
    let mut reading = tokio::spawn(async move {
        while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(notification) = message? {
                // Dropped when nobody keeps up: the slow re-check finds what was missed.
                let _ = messages.try_send(Heard::Message(notification.payload().to_owned()));
            }
        }
        Ok::<(), tokio_postgres::Error>(())
    });
    let listen = format!("SET synchronous_commit = off; LISTEN {CHANNEL}");
    client.batch_execute(&listen).await.map_err(unavailable)?;
    let notify = client
        .prepare("SELECT pg_notify($1, $2)")
        .await
        .map_err(unavailable)?;
    if heard.send(Heard::Connected).await.is_err() {
        return Ok(());
    }
    loop {
        tokio::select! {
            ended = &mut reading => {
                return match ended {
                    Ok(Err(error)) => Err(unavailable(error)),
                    _ => Err(StoreError::Unavailable("the server closed the connection".to_owned())),
                };
            }
            payload = to_send.recv() => {
                let Some(payload) = payload else {
                    reading.abort();
                    return Ok(());
                };
                client.execute(&notify, &[&CHANNEL, &payload]).await.map_err(unavailable)?;
            }
        }
    }
}

type Connection = tokio_postgres::Connection<Socket, TlsStream<Socket>>;

async fn connect(url: &PostgresUrl) -> Result<(Client, Connection), StoreError> {
    let (config, tls) = url.for_tokio()?;
    config
        .connect(tls)
        .await
        .map_err(|error| unavailable(url, &error))
}

/// An error with its cause, such as why a certificate was refused.
fn unavailable(url: &PostgresUrl, error: &tokio_postgres::Error) -> StoreError {
    let said = match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    };
    StoreError::Unavailable(url.hide(&said))
}
