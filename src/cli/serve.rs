//! `throughway serve`: settings → logs → server, until a signal.

use std::{
    io::{self, IsTerminal as _},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use rustix::process::{Signal, getpid, kill_process};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};
use tracing::Level;

use super::{args::ServeArgs, console, start_message::start_message};
use crate::{
    config::{Environment, Settings, SettingsSource},
    control::CannotOpen,
    gateway::{Process, UnusableSettings},
    machine::descriptors,
    observe::{logs, metrics::Outcome},
    server::{Asked, CannotListen, FileState, Program, Reloader, Signals},
};

/// How long the last log lines may take to be written: standard error may block.
const LAST_LINES: Duration = Duration::from_secs(1);
/// SIGXFSZ: sent when a write fails at the size limit of files (`ulimit -f`), and ends a process
/// that does not handle it. This number holds on most systems, but not on MIPS.
const SIGXFSZ: i32 = 25;

/// Runs the gateway; returns the exit code.
pub fn run(args: &ServeArgs, environment: &Environment) -> u8 {
    let source = SettingsSource::new(args.config.as_deref(), environment, &args.flags);
    // Before it is read: what changes meanwhile is read again.
    let state = FileState::of_source(&source);
    let settings = match source.load() {
        Ok(settings) => Arc::new(settings),
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
    let served = actix_rt::System::new().block_on(serve(&settings, (source, state), environment));
    let code = match served {
        Ok(()) => 0,
        Err(error) => refuse(&error),
    };
    logs::flush(LAST_LINES);
    code
}

async fn serve(
    settings: &Arc<Settings>,
    (source, state): (SettingsSource, Option<FileState>),
    environment: &Environment,
) -> Result<(), ServeError> {
    // A handled signal does not end the process; the failed write is dealt with where it happens.
    drop(signal(SignalKind::from_raw(SIGXFSZ))?);
    let signals = Signals::of_process()?;
    let asked = reloads_asked()?;
    if !io::stderr().is_terminal() {
        outlive_usr1()?;
    }
    let program = Program::new(settings)?;
    warn_of(program.warnings(), environment);
    for notice in &settings.notices {
        tracing::info!("{notice}");
    }
    let program = program.with_store(settings, environment).await?;
    let running = program.start(settings)?;
    let process = running.control.current.get().process.clone();
    if let Some(problem) = process.resolver.problem() {
        tracing::warn!(problem, "names cannot be resolved");
    }
    let reloader = Reloader::new((source, state), settings, running.control.clone());
    actix_rt::spawn(reloader.run(asked));
    let written = console::Written::new(settings, environment, running.address, &process);
    tell_that_it_listens(settings, running.address, &process);
    running.until(signals).await?;
    drop(written);
    tracing::info!(
        aborted = process.metrics.ended(Outcome::Aborted).get(),
        "stopped"
    );
    Ok(())
}

/// Writes the start message: as text on a terminal, else as an event.
fn tell_that_it_listens(settings: &Settings, address: SocketAddr, process: &Process) {
    if logs::is_at_a_terminal() && tracing::enabled!(Level::INFO) {
        return logs::say(&start_message(
            settings,
            address,
            &console_link(settings, address, process),
        ));
    }
    tracing::info!(
        %address,
        tls = settings.tls.is_some(),
        guard = settings.guard.preset.as_str(),
        workers = settings.workers,
        "listening"
    );
}

/// Where the console is. Its link signs in by itself where the settings have no admin token; it is
/// shown on a terminal only, since a log keeps it.
fn console_link(settings: &Settings, address: SocketAddr, process: &Process) -> String {
    let url = console::url(settings, address);
    match settings.admin_token {
        Some(_) => format!("{url}{}", crate::app::console::PREFIX),
        None => console::link_of(&url, process.sessions.first_link().expose()),
    }
}

/// Reloads that SIGHUP asks for. A terminal sends it when it is closed: then the gateway stops, as
/// it would for Ctrl-C.
fn reloads_asked() -> io::Result<Asked> {
    let mut hangups = signal(SignalKind::hangup())?;
    let (ask, asked) = mpsc::channel(1);
    let began_at_terminal = io::stderr().is_terminal();
    actix_rt::spawn(async move {
        while hangups.recv().await.is_some() {
            if began_at_terminal && !io::stderr().is_terminal() {
                // A process may always signal itself.
                let _ = kill_process(getpid(), Signal::TERM);
                return;
            }
            // One that waits already is for this one, too.
            let _ = ask.try_send(());
        }
    });
    Ok(asked)
}

/// Handles the signal by which other servers reopen their logs. Unhandled, it would end the
/// process, and every request under way, silently.
fn outlive_usr1() -> io::Result<()> {
    let mut signals = signal(SignalKind::user_defined1())?;
    actix_rt::spawn(async move {
        while signals.recv().await.is_some() {
            tracing::warn!(
                signal = "SIGUSR1",
                "this signal has no effect: logs go to standard error"
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
    Store(#[from] CannotOpen),
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
