//! What replicas share: one Redis (or Valkey, or a cluster of either), asked for 50 ms (or what the settings say) and no
//! longer. While it does not answer, one request a second asks whether it does again, and all others are told at once; that it went
//! and that it came back is logged once each.

mod outage_log;

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use redis::{
    Client, Cmd, ErrorKind, IntoConnectionInfo as _, Pipeline, RedisError, RedisFuture,
    RedisResult, ServerErrorKind, Value,
    aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig},
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
};

use prometheus_client::metrics::{counter::Counter, gauge::Gauge};

use self::outage_log::{News, Told};
use crate::secret::Secret;

/// What making the connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a server that did not answer is left alone.
const LEFT_ALONE: Duration = Duration::from_secs(1);

/// How often it is logged that a server that answers refuses.
const REFUSALS_TOLD: Duration = Duration::from_secs(60);

/// Where it is, as the settings say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaSettings {
    /// One URL, or several of a cluster, with commas between; passwords stand in them.
    pub url: Secret,
    pub cluster: bool,
    /// What one question may take.
    pub timeout: Duration,
}

/// The server did not answer in time, or not as it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable;

/// One Redis for all replicas. Made once for all workers.
pub struct RedisClient {
    server: Server,
    connection: OnceLock<Connection>,
    timeout: Duration,
    is_down: AtomicBool,
    /// It comes and goes: whoever gets an answer has a look whether it stays.
    is_unsteady: AtomicBool,
    told: Mutex<Told>,
    /// When a refusal is to be logged again, in milliseconds since `start`.
    refusals_from: AtomicU64,
    /// When it may be asked again, in milliseconds since `start`.
    ask_again: AtomicU64,
    start: Instant,
    /// For the log.
    name: &'static str,
    counts: Counts,
}

/// What is counted of it.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Questions without an answer.
    pub failures: Counter,
    /// Whether it answered last.
    pub up: Gauge,
}

enum Server {
    Single(Box<Client>),
    Cluster(Box<ClusterClient>),
}

/// What a question is, besides a question.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// The server answers, as far as is known. An answer that comes after a failure of others says nothing new.
    Ordinary,
    /// The server is down, and this one finds out whether it still is.
    FindsOut,
}

/// A connection that all requests share, and that makes itself anew.
#[derive(Clone)]
pub enum Connection {
    Single(ConnectionManager),
    Cluster(ClusterConnection),
}

impl RedisClient {
    /// Opens nothing yet.
    ///
    /// # Errors
    /// A URL that is none.
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

    /// How long an answer is awaited.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Connects, on the runtime it is awaited on, which must outlive all questions; tries until it succeeds.
    pub async fn connect(self: Arc<Self>) {
        loop {
            match self.open().await {
                Ok(connection) => {
                    let _ = self.connection.set(connection);
                    return self.note_answer();
                }
                Err(error) => {
                    self.note_failure(&error);
                    tokio::time::sleep(LEFT_ALONE).await;
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

    /// Asks one question.
    ///
    /// # Errors
    /// No answer within the budget; that is counted, and logged the first time.
    pub async fn ask<T>(
        &self,
        question: impl AsyncFnOnce(Connection) -> RedisResult<T>,
    ) -> Result<T, Unavailable> {
        let connection = self.connection.get().ok_or(Unavailable)?;
        let turn = self.turn().ok_or(Unavailable)?;
        match tokio::time::timeout(self.timeout, question(connection.clone())).await {
            Ok(Ok(answer)) => {
                if turn == Turn::FindsOut {
                    self.note_answer();
                } else if self.is_unsteady.load(Ordering::Relaxed) {
                    self.tell(Told::stays, None);
                }
                Ok(answer)
            }
            Ok(Err(error)) => {
                match concerns_the_question(&error) {
                    true => self.note_refusal(turn, &error),
                    false => self.note_failure(&error),
                }
                Err(Unavailable)
            }
            Err(_) => {
                self.note_failure(&format!("no answer within {:?}", self.timeout));
                Err(Unavailable)
            }
        }
    }

    /// Whether to ask at all, and what the answer tells.
    fn turn(&self) -> Option<Turn> {
        if !self.is_down.load(Ordering::Acquire) {
            return Some(Turn::Ordinary);
        }
        let (due, now) = (self.ask_again.load(Ordering::Acquire), self.now());
        let next = now + LEFT_ALONE.as_millis() as u64;
        let claim = || {
            self.ask_again
                .compare_exchange(due, next, Ordering::AcqRel, Ordering::Acquire)
        };
        (now >= due && claim().is_ok()).then_some(Turn::FindsOut)
    }

    fn note_answer(&self) {
        self.counts.up.set(1);
        if self.is_down.swap(false, Ordering::AcqRel) {
            self.tell(Told::came, None);
        }
    }

    fn note_failure(&self, error: &dyn std::fmt::Display) {
        self.counts.failures.inc();
        self.counts.up.set(0);
        let next = self.now() + LEFT_ALONE.as_millis() as u64;
        self.ask_again.fetch_max(next, Ordering::AcqRel);
        if !self.is_down.swap(true, Ordering::AcqRel) {
            self.tell(Told::went, Some(error));
        }
    }

    /// It answers, and that it will not: to others it may still say yes.
    fn note_refusal(&self, turn: Turn, error: &RedisError) {
        self.counts.failures.inc();
        if turn == Turn::FindsOut {
            self.note_answer();
        }
        let (due, now) = (self.refusals_from.load(Ordering::Acquire), self.now());
        let next = now + REFUSALS_TOLD.as_millis() as u64;
        let claim = || {
            self.refusals_from
                .compare_exchange(due, next, Ordering::AcqRel, Ordering::Acquire)
        };
        if now >= due && claim().is_ok() {
            let name = self.name;
            tracing::warn!(%error, "{name} refuses: what it does not take is not shared between replicas");
        }
    }

    /// Logs what is new of it.
    fn tell(
        &self,
        happened: fn(&mut Told, Duration) -> Option<News>,
        error: Option<&dyn std::fmt::Display>,
    ) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(news) = happened(&mut told, self.start.elapsed()) else {
            return;
        };
        let unsteady = news == News::ComesAndGoes;
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
            News::ComesAndGoes => {
                tracing::warn!(
                    error,
                    "{name} comes and goes: what replicas share is shared only while it answers; logged again when it stays"
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

/// An answer about this one question (no memory for more, another type under that key, no right to it): the next may fare better.
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

/// Whether servers can be asked for by this: one URL, or several of a cluster with commas between.
///
/// # Errors
/// What is wrong, without the URL: passwords stand in it.
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
            "must be redis://HOST:PORT/DATABASE, or rediss:// for TLS, with a port up to 65535 and a database that is a number",
        ),
    }
}

/// A URL that cannot be used, in words without it: passwords stand in it.
pub fn unusable(error: &RedisError) -> String {
    format!("must be a redis:// or rediss:// URL ({:?})", error.kind())
}
