//! The listener, its workers, and how the gateway comes down: readiness off, accepting on for
//! `drain.delay`, then idle connections close and what runs may finish within the drain budget.

mod drain;
mod worker;

use std::{io, net::SocketAddr, sync::Arc};

use actix_server::Server;
use rustls::{ServerConfig, crypto::ring};
use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;

use crate::{
    config::{Settings, Tls},
    gateway::{Gateway, UnusableSettings, unreachable_hosts},
    machine::descriptors::{self, Division},
    upstream::tls::{PemFile, TlsError, unusable_pair},
};

pub use self::drain::Signals;

/// Connections the kernel holds until a worker takes them.
const BACKLOG: i32 = 4096;

/// Client connections of one worker, where descriptors are plenty.
const MOST_CONNECTIONS: usize = 25_000;

/// Why the gateway did not start.
#[derive(Debug, Error)]
pub enum StartError {
    #[error("cannot listen on {address}: {source}")]
    Listen {
        address: SocketAddr,
        source: io::Error,
    },
    #[error(transparent)]
    Settings(#[from] UnusableSettings),
}

/// A running gateway.
pub struct Running {
    /// Where it listens, with the port it got.
    pub address: SocketAddr,
    pub gateway: Arc<Gateway>,
    server: Server,
    drain: crate::config::Drain,
}

/// What the settings make, short of a socket: `check` ends here, and `serve` goes on to listen.
pub struct Program {
    gateway: Gateway,
    acceptor: Option<TlsAcceptor>,
    warnings: Vec<String>,
}

impl Program {
    /// Puts the settings to use. Reads the files that they name, and changes nothing.
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
        })
    }

    /// What the operator should know though it stops nothing.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The gateway, as if it listened where the settings say.
    pub fn into_gateway(self) -> Gateway {
        self.gateway
    }

    /// Binds the listener and starts the workers. Must be called inside an actix runtime.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub fn start(self, settings: &Settings) -> Result<Running, StartError> {
        let Program {
            gateway, acceptor, ..
        } = self;
        let at_listen = |source| StartError::Listen {
            address: settings.listen,
            source,
        };
        let listener = listen(settings.listen).map_err(at_listen)?;
        let address = listener.local_addr().map_err(at_listen)?;
        let gateway = Arc::new(gateway.listening_on(vec![address]));
        let timers = worker::ActixTimers::of(settings);
        let sharing = gateway.clone();
        actix_rt::spawn(async move { sharing.limits.share().await });
        if let Some(store) = gateway.cache.shared.clone() {
            actix_rt::spawn(async move { store.connect().await });
        }
        let shared = gateway.clone();
        let server = Server::build()
            .workers(settings.workers)
            .max_concurrent_connections(max_connections(settings))
            .disable_signals()
            // Whole seconds are all it takes; a budget of less is a second.
            .shutdown_timeout(settings.drain.budget.as_secs_f64().ceil() as u64)
            .listen("gateway", listener, move || {
                worker::service(shared.clone(), acceptor.clone(), timers)
            })
            .map_err(at_listen)?
            .run();
        Ok(Running {
            address,
            gateway,
            server,
            drain: settings.drain.clone(),
        })
    }
}

/// Binds the listener and starts the workers. Must be called inside an actix runtime.
///
/// # Errors
/// When the address cannot be had, or the settings cannot be put to use.
pub fn start(settings: &Settings) -> Result<Running, StartError> {
    Program::new(settings)?.start(settings)
}

impl Running {
    /// Stops the server at once when awaited, whatever it is doing.
    pub fn killer(&self) -> impl Future<Output = ()> + use<> {
        let handle = self.server.handle();
        async move { handle.stop(false).await }
    }

    /// Serves until told to stop, then drains.
    ///
    /// # Errors
    /// When the server itself fails.
    pub async fn until(self, signals: Signals) -> io::Result<()> {
        let metrics = self.gateway.metrics.clone();
        let draining = drain::on_signal(signals, self.gateway, self.server.handle(), self.drain);
        let draining = actix_rt::spawn(draining);
        let outcome = self.server.await;
        draining.abort();
        drain::until_all_is_recorded(&metrics).await;
        outcome
    }
}

/// Client connections of one worker.
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
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain.certificates()?, key.private_key()?)
        .map_err(unusable_pair("tls"))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
