//! `throughway serve`: settings → logs → server, until a signal.

use std::{
    io::{self, IsTerminal as _},
    net::SocketAddr,
    time::Duration,
};

use tokio::signal::unix::{SignalKind, signal};
use tracing::Level;

use super::{args::ServeArgs, start_message::start_message};
use crate::{
    config::{Environment, Settings},
    gateway::UnusableSettings,
    machine::descriptors,
    observe::{logs, metrics::Outcome},
    server::{CannotListen, Program, Signals},
};

/// How long the last log lines may take to be written: standard error may block.
const LAST_LINES: Duration = Duration::from_secs(1);
/// SIGXFSZ: sent when a write fails at the size limit of files (`ulimit -f`), and ends a process
/// that does not handle it. This number holds on most systems, but not on MIPS.
const SIGXFSZ: i32 = 25;

/// Runs the gateway; returns the exit code.
pub fn run(args: &ServeArgs, environment: &Environment) -> u8 {
    let settings = match Settings::load(args.config.as_deref(), environment, &args.flags) {
        Ok(settings) => settings,
        Err(error) => return refuse(&error),
    };
    if let Err(error) = logs::install(
        &settings.log.level,
        settings.log.format,
        environment.takes_colour(),
    ) {
        return refuse(&format_args!("nothing can be logged: {error}"));
    }
    raise_descriptor_limit();
    let served = actix_rt::System::new().block_on(serve(&settings, environment));
    let code = match served {
        Ok(()) => 0,
        Err(error) => refuse(&error),
    };
    logs::flush(LAST_LINES);
    code
}

async fn serve(settings: &Settings, environment: &Environment) -> Result<(), ServeError> {
    // A handled signal does not end the process; the failed write is dealt with where it happens.
    drop(signal(SignalKind::from_raw(SIGXFSZ))?);
    let signals = Signals::of_process()?;
    if !io::stderr().is_terminal() {
        outlive("SIGHUP", SignalKind::hangup())?;
        outlive("SIGUSR1", SignalKind::user_defined1())?;
    }
    let program = Program::new(settings)?;
    warn_of(program.warnings(), environment);
    let running = program.start(settings)?;
    if let Some(problem) = running.gateway.resolver.problem() {
        tracing::warn!(problem, "names cannot be resolved");
    }
    tell_that_it_listens(settings, running.address);
    let metrics = running.gateway.metrics.clone();
    running.until(signals).await?;
    tracing::info!(aborted = metrics.ended(Outcome::Aborted).get(), "stopped");
    Ok(())
}

/// Writes the start message: as text on a terminal, else as an event.
fn tell_that_it_listens(settings: &Settings, address: SocketAddr) {
    if logs::is_at_a_terminal() && tracing::enabled!(Level::INFO) {
        return logs::say(&start_message(settings, address));
    }
    tracing::info!(
        %address,
        tls = settings.tls.is_some(),
        guard = settings.guard.preset.as_str(),
        workers = settings.workers,
        "listening"
    );
}

/// Handles a signal by which other servers reload their settings or reopen their logs. Unhandled,
/// it would end the process, and every request under way, silently. On a terminal that is right:
/// there SIGHUP means that the terminal is gone.
fn outlive(name: &'static str, kind: SignalKind) -> io::Result<()> {
    let mut signals = signal(kind)?;
    actix_rt::spawn(async move {
        while signals.recv().await.is_some() {
            tracing::warn!(
                signal = name,
                "this signal has no effect: settings are read at start only, and logs go to \
                 standard error"
            );
        }
    });
    Ok(())
}

#[derive(Debug, thiserror::Error)]
enum ServeError {
    #[error(transparent)]
    Settings(#[from] UnusableSettings),
    #[error(transparent)]
    Listen(#[from] CannotListen),
    #[error(transparent)]
    Io(#[from] io::Error),
}

fn refuse(error: &dyn std::fmt::Display) -> u8 {
    logs::say(&format!("error: {error}"));
    1
}

/// With fewer descriptors than this, only a few hundred clients can be served.
const FEW_DESCRIPTORS: usize = 4096;

fn raise_descriptor_limit() {
    let limit = descriptors::raise_limit();
    descriptors::make_room(limit);
    if limit < FEW_DESCRIPTORS {
        tracing::warn!(limit, "few files may be open at a time: see `ulimit -n`");
    }
}

fn warn_of(warnings: &[String], environment: &Environment) {
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    if environment.names_a_proxy() {
        tracing::warn!("HTTPS_PROXY and HTTP_PROXY are ignored: the gateway connects directly");
    }
}
