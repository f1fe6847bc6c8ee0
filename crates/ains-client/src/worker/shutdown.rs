//! Waits for what ends a worker: a future of the program's, SIGTERM or Ctrl-C.

use futures_util::future::{self, BoxFuture, FutureExt as _};
use futures_util::stream::{BoxStream, StreamExt as _};

/// What asks the worker to stop.
pub(super) struct Shutdown {
    future: future::Fuse<BoxFuture<'static, ()>>,
    signals: BoxStream<'static, ()>,
}

impl Shutdown {
    pub(super) fn new(future: BoxFuture<'static, ()>, signals: bool) -> Self {
        let signals = if signals {
            system_signals()
        } else {
            futures_util::stream::pending().boxed()
        };
        Self {
            future: future.fuse(),
            signals,
        }
    }

    /// The next request to stop. The future asks once, every signal once more.
    pub(super) async fn asked(&mut self) {
        tokio::select! {
            () = &mut self.future => {}
            Some(()) = self.signals.next() => {}
        }
    }
}

/// One item for every SIGTERM and Ctrl-C.
fn system_signals() -> BoxStream<'static, ()> {
    let interrupts = futures_util::stream::unfold((), |()| async {
        if tokio::signal::ctrl_c().await.is_err() {
            // Without a way to listen there is nothing to hear.
            future::pending::<()>().await;
        }
        Some(((), ()))
    });
    futures_util::stream::select(interrupts, terminations()).boxed()
}

/// One item for every SIGTERM.
#[cfg(unix)]
fn terminations() -> BoxStream<'static, ()> {
    use tokio::signal::unix::{SignalKind, signal};

    match signal(SignalKind::terminate()) {
        Ok(signal) => futures_util::stream::unfold(signal, |mut signal| async {
            signal.recv().await.map(|()| ((), signal))
        })
        .chain(futures_util::stream::pending())
        .boxed(),
        Err(error) => {
            tracing::warn!(%error, "SIGTERM will not be heard");
            futures_util::stream::pending().boxed()
        }
    }
}

/// One item for every SIGTERM; there is none on this system.
#[cfg(not(unix))]
fn terminations() -> BoxStream<'static, ()> {
    futures_util::stream::pending().boxed()
}
