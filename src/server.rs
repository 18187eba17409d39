//! The listener, its workers, and how the gateway stops: it reports not ready, accepts for
//! `drain.delay` more, then closes idle connections and lets requests finish within the drain
//! budget.

mod drain;
mod reload;
mod worker;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use actix_server::Server;
use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;

use crate::{
    config::{Environment, ObjectStoreKind, Settings, Tls},
    control::{self, CannotOpen, Control, Opened},
    gateway::{Gateway, Process, UnusableSettings, unreachable_hosts},
    machine::descriptors::{self, Division},
    record::Consumer,
    records,
    store::Location,
    telemetry::{self, Exporter},
    tls::{PemFile, TlsError, http11_server},
};

pub use self::{
    drain::Signals,
    reload::{Asked, FileState, Reloader},
};

/// Connections that the kernel queues until a worker accepts them.
const BACKLOG: i32 = 4096;

/// How long the last spans may take to be sent.
const LAST_SPANS: Duration = Duration::from_secs(5);

/// Most client connections of one worker, where there are enough descriptors.
const MOST_CONNECTIONS: usize = 25_000;

/// The gateway cannot listen on the address of the settings.
#[derive(Debug, Error)]
#[error("cannot listen on {address}: {source}")]
pub struct CannotListen {
    address: SocketAddr,
    source: io::Error,
}

/// A running gateway.
pub struct Running {
    /// The bound address, with its port.
    pub address: SocketAddr,
    pub control: Control,
    server: Server,
    exporter: Option<Exporter>,
    drain: crate::config::Drain,
}

/// Everything that is built from the settings before a socket is opened: `check` ends here, `serve`
/// goes on to listen.
pub struct Program {
    gateway: Gateway,
    acceptor: Option<TlsAcceptor>,
    warnings: Vec<String>,
    opened: Option<Opened>,
    records: Option<(Location, records::Limits)>,
}

impl Program {
    /// Builds the gateway from the settings. Reads the files that they name, and changes nothing.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn new(settings: &Settings) -> Result<Self, UnusableSettings> {
        let acceptor = settings.tls.as_ref().map(acceptor).transpose()?;
        let gateway = Gateway::new(settings)?.listening_on(vec![settings.listen]);
        let unreachable = unreachable_hosts(settings, &gateway.policy);
        Ok(Program {
            gateway,
            acceptor,
            warnings: [&settings.warnings[..], &unreachable].concat(),
            opened: None,
            records: None,
        })
    }

    /// Opens the store of keys and teams. Without this, there are only those of the settings. Must
    /// be called inside the runtime that [`start`](Self::start) is called in.
    ///
    /// # Errors
    /// The store cannot be used, or has no key where the listener needs one.
    pub async fn with_store(
        mut self,
        settings: &Settings,
        environment: &Environment,
    ) -> Result<Self, CannotOpen> {
        self.opened = control::open(settings, environment).await?;
        control::check_exposure(settings, self.opened.as_ref())?;
        self.records = control::record_store(settings, environment)?;
        Ok(self)
    }

    /// What the operator should know, although it does not prevent the start.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The gateway, as if it listened on the address of the settings.
    pub fn into_gateway(self) -> Gateway {
        self.gateway
    }

    /// Binds the listener and starts the workers. Must be called inside an actix runtime.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub fn start(self, settings: &Arc<Settings>) -> Result<Running, CannotListen> {
        let Program {
            gateway,
            acceptor,
            opened,
            records,
            ..
        } = self;
        let at_listen = |source| CannotListen {
            address: settings.listen,
            source,
        };
        let listener = listen(settings.listen).map_err(at_listen)?;
        let address = listener.local_addr().map_err(at_listen)?;
        let control = Control::new(gateway.listening_on(vec![address]), settings, opened);
        let gateway = control.current.get();
        warn_of_counts_apart(settings, &gateway);
        let timers = worker::ActixTimers::of(settings);
        let (consumers, exporter) =
            telemetry(settings, &gateway.process, address).map_err(at_listen)?;
        let started = gateway.process.archive.start(records, consumers);
        started.map_err(at_listen)?;
        spawn_background(&control, settings);
        let shared = control.clone();
        let server = Server::build()
            .workers(settings.workers)
            .max_concurrent_connections(max_connections(settings))
            .disable_signals()
            // actix takes whole seconds only.
            .shutdown_timeout(settings.drain.budget.as_secs_f64().ceil() as u64)
            .listen("gateway", listener, move || {
                worker::service(shared.clone(), acceptor.clone(), timers)
            })
            .map_err(at_listen)?
            .run();
        Ok(Running {
            address,
            control,
            server,
            exporter,
            drain: settings.drain.clone(),
        })
    }
}

impl Running {
    /// Stops the server when awaited, without draining: for programs that embed the gateway.
    pub fn stop_at_once(&self) -> impl Future<Output = ()> + use<> {
        let handle = self.server.handle();
        async move { handle.stop(false).await }
    }

    /// Serves until a signal to stop comes, then drains.
    ///
    /// # Errors
    /// The server itself fails.
    pub async fn until(self, signals: Signals) -> io::Result<()> {
        let control = self.control.clone();
        let process = control.current.get().process.clone();
        let served = process.clone();
        let draining = drain::on_signal(signals, process, self.server.handle(), self.drain);
        let draining = actix_rt::spawn(draining);
        let outcome = self.server.await;
        draining.abort();
        drain::until_all_is_recorded(&served.metrics).await;
        served.budgets.spend.tell_shared().await;
        if let Err(error) = control.save_spend().await {
            tracing::error!(%error, "what was spent of budgets in the last second is not saved");
        }
        served.archive.finish().await;
        if let Some(exporter) = self.exporter {
            let stopping = tokio::task::spawn_blocking(move || exporter.stop(LAST_SPANS));
            // A panic there loses spans and nothing else.
            let _ = stopping.await;
        }
        outcome
    }
}

type Consumers = Vec<Box<dyn Consumer>>;

/// Begins to send telemetry, if the settings name a receiver.
fn telemetry(
    settings: &Settings,
    process: &Process,
    own: SocketAddr,
) -> io::Result<(Consumers, Option<Exporter>)> {
    let otlp = &settings.telemetry.otlp;
    let started = telemetry::start(otlp, &process.tls, process.metrics.clone(), own);
    let started = started.map_err(io::Error::other)?;
    Ok(match started {
        None => (Vec::new(), None),
        Some((telemetry, exporter)) => (vec![Box::new(telemetry)], Some(exporter)),
    })
}

/// What goes on beside requests, for as long as the runtime does.
fn spawn_background(control: &Control, settings: &Settings) {
    let process = control.current.get().process.clone();
    actix_rt::spawn(process.budgets.spend.clone().keep_shared());
    if let Some(store) = process.cache.shared.clone() {
        actix_rt::spawn(async move { store.connect().await });
    }
    actix_rt::spawn(async move { process.limits.share().await });
    actix_rt::spawn(control.clone().follow());
    actix_rt::spawn(control.clone().keep_spend());
    actix_rt::spawn(control.clone().forget(settings.store.audit_retention));
}

/// Replicas that share their keys do not share what is spent, unless they have a Redis.
fn warn_of_counts_apart(settings: &Settings, gateway: &Gateway) {
    let has_replicas = settings.store.kind == ObjectStoreKind::Postgres;
    let budgets = &gateway.process.budgets.spend;
    if has_replicas && !budgets.is_shared() && gateway.all_budgets().next().is_some() {
        tracing::warn!(
            "budgets are counted by each replica for itself, and added up when one starts: with \
             limit_store.store: redis they are counted together"
        );
    }
}

/// The limit of client connections of one worker.
fn max_connections(settings: &Settings) -> usize {
    let (limit, workers) = (descriptors::limit(), settings.workers);
    let Some(given) = settings.downstream.max_connections else {
        return MOST_CONNECTIONS.min(Division::of(limit, workers).clients);
    };
    let needed = Division::needed(given, workers);
    if needed > limit {
        tracing::warn!(
            limit,
            needed,
            "the limit of open files is too small for downstream.max_connections"
        );
    }
    given
}

fn listen(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Inbound TLS: HTTP/1.1 only, as on the upstream side.
fn acceptor(tls: &Tls) -> Result<TlsAcceptor, TlsError> {
    let chain = PemFile {
        key: "tls.cert",
        path: &tls.cert,
    };
    let key = PemFile {
        key: "tls.key",
        path: &tls.key,
    };
    let config = http11_server("tls", chain.certificates()?, key.private_key()?)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
