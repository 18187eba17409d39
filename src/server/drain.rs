//! Coming down: the first signal drains, the second stops at once.

use std::{future::Future, pin::Pin, sync::Arc};

use actix_server::ServerHandle;
use tokio::signal::unix::{SignalKind, signal};

use crate::{config::Drain, gateway::Gateway};

/// What makes the gateway stop: each item once more urgent than the one before.
pub struct Signals {
    first: Pin<Box<dyn Future<Output = ()>>>,
    second: Pin<Box<dyn Future<Output = ()>>>,
}

impl Signals {
    /// Drains once `first` has come; nothing stops it at once.
    pub fn when(first: impl Future<Output = ()> + 'static) -> Self {
        Signals {
            first: Box::pin(first),
            second: Box::pin(std::future::pending()),
        }
    }

    /// SIGTERM and SIGINT (Ctrl-C) of this process.
    ///
    /// # Errors
    /// When the process may not listen for signals.
    pub fn of_process() -> std::io::Result<Self> {
        let (mut terminate, mut interrupt) = (
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        );
        let (again_terminate, again_interrupt) = (
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        );
        Ok(Signals {
            first: Box::pin(async move {
                tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            }),
            second: Box::pin(async move {
                let (mut terminate, mut interrupt) = (again_terminate, again_interrupt);
                // These saw the first signal too.
                tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
                tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            }),
        })
    }
}

/// Waits for the first signal, then brings the server down; the second cuts that short.
#[expect(
    clippy::disallowed_methods,
    reason = "the second signal ends the process at once"
)]
pub async fn on_signal(
    signals: Signals,
    gateway: Arc<Gateway>,
    server: ServerHandle,
    drain: Drain,
) {
    signals.first.await;
    tracing::info!(delay = ?drain.delay, budget = ?drain.budget, "draining");
    gateway.begin_drain();
    let gracefully = async {
        tokio::time::sleep(drain.delay).await;
        gateway.begin_closing();
        server.stop(true).await;
    };
    tokio::select! {
        () = gracefully => {}
        () = signals.second => {
            tracing::info!("stopping at once");
            // The server waits for its workers' timeout once it drains; the process does not.
            std::process::exit(1);
        }
    }
}
