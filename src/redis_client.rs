//! The shared Redis (or Valkey, or a cluster of either). Commands time out after 50 ms, or what the
//! settings say. While the server does not respond, one request per second tries it and all others
//! fail at once; the outage and its end are logged once each.

mod outage_log;

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use prometheus_client::metrics::{counter::Counter, gauge::Gauge};
use redis::{
    Client, Cmd, ErrorKind, IntoConnectionInfo as _, Pipeline, RedisError, RedisFuture,
    RedisResult, ServerErrorKind, Value,
    aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig},
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::outage_log::{News, OutageLog};
use crate::secret::Secret;

/// Timeout for making the connection.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an unresponsive server is not tried again.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// How often errors returned by a working server are logged.
const REFUSAL_LOG_INTERVAL: Duration = Duration::from_secs(60);

/// The connection settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaSettings {
    /// One URL, or several of a cluster separated by commas. They may contain passwords.
    pub url: Secret,
    pub cluster: bool,
    /// The timeout of a command.
    pub timeout: Duration,
}

/// What happens while Redis does not respond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnRedisFailure {
    /// Each replica counts on its own.
    #[default]
    Local,
    /// Nothing is counted.
    Allow,
    /// Limited requests get 503 `overloaded`.
    Deny,
}

/// The server did not respond in time, or responded with an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable;

/// The client of the shared Redis, one for all workers.
pub struct RedisClient {
    server: Server,
    connection: OnceLock<Connection>,
    timeout: Duration,
    is_down: AtomicBool,
    /// The server has been unstable, so each success must check whether it is stable again.
    is_unsteady: AtomicBool,
    told: Mutex<OutageLog>,
    /// When a refusal may be logged again, in milliseconds since `start`.
    refusals_from: AtomicU64,
    /// When the server may be tried again, in milliseconds since `start`.
    ask_again: AtomicU64,
    start: Instant,
    /// The name in the log.
    name: &'static str,
    counts: Counts,
}

/// The client's metrics.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Commands that failed.
    pub failures: Counter,
    /// Whether the last command succeeded.
    pub up: Gauge,
}

enum Server {
    Single(Box<Client>),
    Cluster(Box<ClusterClient>),
}

/// The role of a command beside its own purpose.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// The server is believed to be up. A success does not end an outage that others noticed
    /// meanwhile.
    Ordinary,
    /// The server is down, and this command probes it.
    Probe,
}

/// A connection that all requests share and that reconnects by itself.
#[derive(Clone)]
pub enum Connection {
    Single(ConnectionManager),
    Cluster(ClusterConnection),
}

impl RedisClient {
    /// Does not connect yet.
    ///
    /// # Errors
    /// The URL is invalid.
    pub fn new(
        settings: &ReplicaSettings,
        name: &'static str,
        counts: Counts,
    ) -> RedisResult<Self> {
        let url = settings.url.expose();
        let server = match settings.cluster {
            false => Server::Single(Box::new(Client::open(url)?)),
            true => {
                let nodes = url.split(',').map(str::trim);
                let client = ClusterClient::builder(nodes)
                    .connection_timeout(CONNECT)
                    .response_timeout(settings.timeout);
                Server::Cluster(Box::new(client.build()?))
            }
        };
        Ok(RedisClient {
            server,
            connection: OnceLock::new(),
            timeout: settings.timeout,
            is_down: AtomicBool::new(false),
            is_unsteady: AtomicBool::new(false),
            told: Mutex::default(),
            refusals_from: AtomicU64::new(0),
            ask_again: AtomicU64::new(0),
            start: Instant::now(),
            name,
            counts,
        })
    }

    /// The timeout of a command.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Connects, retrying until it succeeds. The connection belongs to the current runtime, which
    /// must outlive all commands.
    pub async fn connect(self: Arc<Self>) {
        loop {
            match self.open().await {
                Ok(connection) => {
                    let _ = self.connection.set(connection);
                    return self.note_reply();
                }
                Err(error) => {
                    self.note_failure(&error);
                    tokio::time::sleep(PROBE_INTERVAL).await;
                }
            }
        }
    }

    async fn open(&self) -> RedisResult<Connection> {
        match &self.server {
            Server::Single(client) => {
                let config = ConnectionManagerConfig::new()
                    .set_connection_timeout(Some(CONNECT))
                    .set_response_timeout(Some(self.timeout))
                    .set_number_of_retries(0);
                let manager = ConnectionManager::new_with_config((**client).clone(), config);
                Ok(Connection::Single(manager.await?))
            }
            Server::Cluster(client) => {
                Ok(Connection::Cluster(client.get_async_connection().await?))
            }
        }
    }

    /// Runs one command.
    ///
    /// # Errors
    /// It did not succeed in time; the failure is counted and an outage is logged once.
    pub async fn ask<T>(
        &self,
        question: impl AsyncFnOnce(Connection) -> RedisResult<T>,
    ) -> Result<T, Unavailable> {
        let connection = self.connection.get().ok_or(Unavailable)?;
        let turn = self.turn().ok_or(Unavailable)?;
        match tokio::time::timeout(self.timeout, question(connection.clone())).await {
            Ok(Ok(reply)) => {
                if turn == Turn::Probe {
                    self.note_reply();
                } else if self.is_unsteady.load(Ordering::Relaxed) {
                    self.tell(OutageLog::stays, None);
                }
                Ok(reply)
            }
            Ok(Err(error)) => {
                match concerns_the_question(&error) {
                    true => self.note_refusal(turn, &error),
                    false => self.note_failure(&error),
                }
                Err(Unavailable)
            }
            Err(_) => {
                self.note_failure(&format!("no reply within {:?}", self.timeout));
                Err(Unavailable)
            }
        }
    }

    /// Whether to run a command at all, and in which role.
    fn turn(&self) -> Option<Turn> {
        if !self.is_down.load(Ordering::Acquire) {
            return Some(Turn::Ordinary);
        }
        let (due, now) = (self.ask_again.load(Ordering::Acquire), self.now());
        let next = now + PROBE_INTERVAL.as_millis() as u64;
        let claim = || {
            self.ask_again
                .compare_exchange(due, next, Ordering::AcqRel, Ordering::Acquire)
        };
        (now >= due && claim().is_ok()).then_some(Turn::Probe)
    }

    fn note_reply(&self) {
        self.counts.up.set(1);
        if self.is_down.swap(false, Ordering::AcqRel) {
            self.tell(OutageLog::came, None);
        }
    }

    fn note_failure(&self, error: &dyn std::fmt::Display) {
        self.counts.failures.inc();
        self.counts.up.set(0);
        let next = self.now() + PROBE_INTERVAL.as_millis() as u64;
        self.ask_again.fetch_max(next, Ordering::AcqRel);
        if !self.is_down.swap(true, Ordering::AcqRel) {
            self.tell(OutageLog::went, Some(error));
        }
    }

    /// The server responded with an error, so it is up; other commands may succeed.
    fn note_refusal(&self, turn: Turn, error: &RedisError) {
        self.counts.failures.inc();
        if turn == Turn::Probe {
            self.note_reply();
        }
        let (due, now) = (self.refusals_from.load(Ordering::Acquire), self.now());
        let next = now + REFUSAL_LOG_INTERVAL.as_millis() as u64;
        let claim = || {
            self.refusals_from
                .compare_exchange(due, next, Ordering::AcqRel, Ordering::Acquire)
        };
        if now >= due && claim().is_ok() {
            let name = self.name;
            tracing::warn!(
                %error,
                "{name} refuses a command: its data is not shared between replicas"
            );
        }
    }

    /// Logs a change of availability.
    fn tell(
        &self,
        happened: fn(&mut OutageLog, Duration) -> Option<News>,
        error: Option<&dyn std::fmt::Display>,
    ) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(news) = happened(&mut told, self.start.elapsed()) else {
            return;
        };
        let unsteady = news == News::Unstable;
        self.is_unsteady.store(unsteady, Ordering::Relaxed);
        drop(told);
        let name = self.name;
        let error = error.map(tracing::field::display);
        match news {
            News::Gone => {
                tracing::warn!(
                    error,
                    "{name} does not answer: until it does, nothing is shared between replicas"
                );
            }
            News::Back => {
                tracing::warn!("{name} answers again: what replicas share is shared from here on");
            }
            News::Unstable => {
                tracing::warn!(
                    error,
                    "{name} comes and goes: what replicas share is shared only while it answers; \
                     logged again when it stays"
                );
            }
            News::Steady => {
                tracing::warn!(
                    "{name} has answered for a minute: what replicas share is shared from here on"
                );
            }
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Connection::Single(it) => it.req_packed_command(command),
            Connection::Cluster(it) => it.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Connection::Single(it) => it.req_packed_commands(pipeline, offset, count),
            Connection::Cluster(it) => it.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Connection::Single(it) => it.get_db(),
            Connection::Cluster(it) => it.get_db(),
        }
    }
}

/// The error concerns this command only (out of memory, wrong type, no permission), so others may
/// succeed.
fn concerns_the_question(error: &RedisError) -> bool {
    const CODES: [&str; 3] = ["OOM", "WRONGTYPE", "MISCONF"];
    match error.kind() {
        ErrorKind::UnexpectedReturnType
        | ErrorKind::Server(
            ServerErrorKind::ResponseError | ServerErrorKind::ReadOnly | ServerErrorKind::NoPerm,
        ) => true,
        _ => error.code().is_some_and(|code| CODES.contains(&code)),
    }
}

/// Checks the URLs: one, or several of a cluster separated by commas.
///
/// # Errors
/// What is wrong, without the URL, which may contain a password.
pub fn check_urls(urls: &str, cluster: bool) -> Result<(), &'static str> {
    let several = urls.split(',').filter(|url| url.contains("://")).count() > 1;
    if several && !cluster {
        return Err(
            "names several servers, which only a cluster has: set `cluster: true` beside it",
        );
    }
    let is_url = |url: &str| url.trim().into_connection_info().is_ok();
    let good = match cluster {
        true => urls.split(',').all(is_url),
        false => is_url(urls),
    };
    match good {
        true => Ok(()),
        false => Err(
            "must be redis://HOST:PORT/DATABASE, or rediss:// for TLS, with a port up to 65535 \
             and a numeric database",
        ),
    }
}

/// Describes an unusable URL without repeating it, since it may contain a password.
pub fn unusable(error: &RedisError) -> String {
    format!("must be a redis:// or rediss:// URL ({:?})", error.kind())
}
