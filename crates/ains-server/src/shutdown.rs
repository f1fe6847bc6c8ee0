//! What asks the server to end, and the order in which it ends.

use std::future::poll_fn;
use std::io;
use std::task::Poll;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use ains_service::Ains;

/// How long answers in flight may take (semantics.md §10).
const LIMIT: Duration = Duration::from_secs(10);

/// How long what is answered at once is given before waiting claims and readers are ended. The service refuses writes
/// from then on, so it is long against the time of one commit.
const AT_ONCE: Duration = Duration::from_millis(300);

/// SIGTERM and Ctrl-C, listened for from the moment it is made.
pub(crate) struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// # Errors
    /// When the system does not let it listen.
    pub(crate) fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// The name of the next one.
    pub(crate) async fn next(&mut self) -> &'static str {
        poll_fn(|context| {
            if self.terminate.poll_recv(context).is_ready() {
                return Poll::Ready("SIGTERM");
            }
            self.interrupt.poll_recv(context).map(|_| "SIGINT")
        })
        .await
    }
}

#[cfg(not(unix))]
impl Signals {
    /// # Errors
    /// Never, on this system.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    /// The name of the next one.
    pub(crate) async fn next(&mut self) -> &'static str {
        if tokio::signal::ctrl_c().await.is_err() {
            // Without a way to listen there is nothing to hear.
            std::future::pending::<()>().await;
        }
        "Ctrl-C"
    }
}

/// Stops accepting, answers what is in flight, ends what waits, writes what is queued. Stored leases stay as they are.
pub(crate) async fn stop(http: ServerHandle, ains: &Ains) {
    let ended = tokio::time::timeout(LIMIT, async {
        let mut answered = Box::pin(http.stop(true));
        // Accepting ends now; long polls are all that keeps this from being ready soon.
        let soon = tokio::time::timeout(AT_ONCE, &mut answered).await;
        ains.stop().await;
        if soon.is_err() {
            answered.await;
        }
    });
    if ended.await.is_err() {
        tracing::warn!(?LIMIT, "stopped with requests unanswered");
    }
}
