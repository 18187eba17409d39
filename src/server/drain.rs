//! Stops the gateway: the first signal drains it, the second stops it at once.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{Ordering, fence},
    },
    time::{Duration, Instant},
};

use actix_server::ServerHandle;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    config::Drain,
    gateway::Process,
    observe::{
        logs,
        metrics::{Metrics, Outcome},
    },
};

/// How long the last log lines may take to be written when the process stops at once.
const LAST_LINES: Duration = Duration::from_millis(250);
/// How long workers may take to drop what they had no time to finish.
const DROPPING: Duration = Duration::from_secs(5);

/// The signals to stop: the first drains, every later one stops at once.
pub struct Signals {
    first: Pin<Box<dyn Future<Output = ()>>>,
    second: Pin<Box<dyn Future<Output = ()>>>,
}

impl Signals {
    /// Drains once `first` is ready, with no second signal: for programs that embed the gateway.
    pub fn when(first: impl Future<Output = ()> + 'static) -> Self {
        Signals {
            first: Box::pin(first),
            second: Box::pin(std::future::pending()),
        }
    }

    /// SIGTERM and SIGINT (Ctrl-C) of this process.
    ///
    /// # Errors
    /// The process may not listen for signals.
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
                // These streams have seen the first signal, too.
                tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
                tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            }),
        })
    }
}

/// Waits for the first signal, then drains the server; the second signal cuts that short.
#[expect(
    clippy::disallowed_methods,
    reason = "the second signal ends the process at once"
)]
pub async fn on_signal(
    signals: Signals,
    process: Arc<Process>,
    server: ServerHandle,
    drain: Drain,
) {
    signals.first.await;
    tracing::info!(delay = ?drain.delay, budget = ?drain.budget, "draining");
    process.begin_drain();
    let gracefully = async {
        tokio::time::sleep(drain.delay).await;
        process.begin_closing(drain.budget);
        server.stop(true).await;
    };
    tokio::select! {
        () = gracefully => {}
        () = signals.second => {
            tracing::info!(requests = process.metrics.in_flight.get(), "stopping at once");
            let metrics = &process.metrics;
            let closed = Outcome::ALL.map(|outcome| metrics.ended(outcome).get());
            process.archive.give_up(closed.iter().sum());
            logs::flush(LAST_LINES);
            // Once it drains, the server waits for its workers' timeout; the process does not.
            std::process::exit(1);
        }
    }
}

/// Waits until no record of a request is open. A worker that is out of time ends before its
/// requests do: its thread drops them afterwards, without a notice.
pub async fn until_all_is_recorded(metrics: &Metrics) {
    const LOOK: Duration = Duration::from_millis(2);
    let deadline = Instant::now() + DROPPING;
    loop {
        let requests = metrics.in_flight.get();
        // Pairs with the release in `Recorder`, which counts a request as ended last.
        fence(Ordering::Acquire);
        if requests <= 0 {
            return;
        }
        if Instant::now() >= deadline {
            tracing::error!(requests, "requests are left without a record");
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}
