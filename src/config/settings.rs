//! The checked settings and how they are put together from file, environment and flags.
//! Defaults and rules are in `defaults`; sockets and certificates are opened by what uses them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use actix_http::header::HeaderName;
use ipnet::IpNet;

use super::address::BaseText;
use super::defaults::is_loopback;
use super::error::ConfigError;
use super::file::File;
use super::layers::{self, Environment, Flags};
use super::objects::Objects;
use super::word::{AccessLog, GuardPreset, LogFormat, OnRedisFailure};
use crate::cache::memory::MemoryStore;
use crate::egress::AllowEntry;
use crate::replicas::ReplicaSettings;
use crate::route::limit::Scoped;
use crate::route::object::CacheAsked;
use crate::secret::Secret;

/// Everything the operator can decide, checked. Each field's reference is in `docs/settings.md`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where clients connect. Default 127.0.0.1:8787; a wider address changes the defaults of
    /// `guard.preset` and `drain.delay` and needs keys or `allow_unauthenticated`.
    pub listen: SocketAddr,
    /// Worker threads. Default one per core; each has its own connection pool.
    pub workers: usize,
    /// Where requests may go.
    pub guard: Guard,
    /// Whether `x-portkey-*` is another name for `x-gateway-*`. Default false.
    pub portkey: bool,
    /// Whether strangers may use a gateway without keys. Default false; also lifts the `Host` rule.
    pub allow_unauthenticated: bool,
    /// Where a request goes that names no target. Default none: such a request is a 400.
    pub default_target: Option<BaseText>,
    /// Targets with their credentials, chosen by `@name`.
    pub providers: Objects,
    /// Config objects that requests name.
    pub configs: Objects,
    /// The config of a request that names no target. Default none.
    pub default_config: Option<String>,
    /// Limits for all requests.
    pub limits: Vec<Scoped>,
    /// Where limits count.
    pub limit_store: LimitStore,
    /// What is kept of answers.
    pub cache: Cache,
    /// Who may say in `X-Forwarded-For` whom a request is from. Default nobody.
    pub trusted_proxies: Vec<IpNet>,
    /// Names, lower-cased, that `Host` may have besides loopback's while no key is needed.
    pub hosts: Vec<String>,
    /// What browsers may do.
    pub cors: Cors,
    /// The key of `/gateway/admin` and of metrics. Default none: on loopback open, else closed.
    pub admin_token: Option<Secret>,
    /// How long an upstream may take.
    pub timeouts: Timeouts,
    /// How long and how much clients may take.
    pub downstream: Downstream,
    /// Connections to upstreams.
    pub upstream: Upstream,
    /// How names are resolved.
    pub dns: Dns,
    /// How the gateway goes down.
    pub drain: Drain,
    /// The certificate clients see. Default none: plain HTTP.
    pub tls: Option<Tls>,
    /// The name to add in `Via`. Default none: no `Via`, and loops over other proxies stay unseen.
    pub via: Option<String>,
    /// Whether upstreams are told the client's address. Default false.
    pub x_forwarded_for: bool,
    /// Whether replies carry `server-timing`. Default false.
    pub server_timing: bool,
    /// Bytes of a request body kept for retries, routing and edits. Default 32 MiB; a body beyond
    /// it cannot be sent a second time.
    pub replay_limit: u64,
    /// What the process may hold in memory.
    pub memory: Memory,
    /// What is logged.
    pub log: Log,
    /// Names of credentials besides the built-in ones.
    pub credentials: CredentialNames,
    /// What the operator should know though it stops nothing; for the log at start.
    pub warnings: Vec<String>,
}

/// Where requests may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Default `dev` when listening on loopback, else `public`.
    pub preset: GuardPreset,
    /// Hosts, `*.suffix`, networks, with or without a port.
    pub allow: Vec<AllowEntry>,
}

/// What browsers may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cors {
    /// Origins, as browsers send them, whose pages may use the gateway. Default none.
    pub origins: Vec<String>,
}

/// How long an upstream may take. The earliest expiry wins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Connecting and TLS; resolving has `dns.timeout`. Default 5 s.
    pub connect: Duration,
    /// From the request sent to the response head. Default 600 s.
    pub head: Duration,
    /// Between two pieces of a response body. Default 300 s.
    pub idle: Duration,
    /// The whole exchange. Default none.
    pub total: Option<Duration>,
}

/// How long and how much clients may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Downstream {
    /// For the whole request head. Default 30 s.
    pub head: Duration,
    /// Between two pieces of a request body. Default 60 s.
    pub body_idle: Duration,
    /// For a client that does not read. Default 60 s, then its connection is reset.
    pub write_stall: Duration,
    /// How long an idle connection stays open. Default 75 s; zero closes after each reply.
    pub keep_alive: Duration,
    /// Open connections for each worker; more wait in the system's queue. Default `None`: 25 000,
    /// and no more than the limit of open files lets be served.
    pub max_connections: Option<usize>,
    /// Requests under way in the whole process. Default 16 384; one more is a 503.
    pub max_requests: usize,
    /// Bytes of a request body. Default none: no limit.
    pub max_body: Option<u64>,
}

/// What the process may hold in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Bytes of all request bodies together. Default `None`: a part of the machine's memory.
    pub bodies: Option<u64>,
}

/// Connections to upstreams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// How long an idle connection is kept for reuse. Default 4 s; zero keeps none.
    pub keepalive: Duration,
    /// Idle connections kept for each host, in each worker. Default 256.
    pub max_idle_per_host: usize,
    /// TLS beyond the public authorities, by host.
    pub tls: Vec<UpstreamTls>,
}

/// TLS for one upstream host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamTls {
    /// The host, lower-cased, with a port where the entry is for that port only.
    pub host: String,
    /// PEM certificates to trust for this host instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// The certificate the gateway shows this host.
    pub client: Option<Tls>,
}

/// A certificate chain and its private key, as PEM files; not opened yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The chain, leaf first.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// How names are resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dns {
    /// Servers to ask. Default none: the system's way, hosts file and search domains included.
    pub servers: Vec<SocketAddr>,
    /// For one name. Default 3 s.
    pub timeout: Duration,
}

/// What is kept of answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    /// The Redis that replicas share. Default none: each process keeps its own.
    pub redis: Option<ReplicaSettings>,
    /// Memory for them. Default 256 MiB.
    pub max_bytes: u64,
    /// Ends of paths that are cached besides those of the table.
    pub paths: Vec<String>,
    /// Request headers that the key leaves out besides the built-in ones.
    pub ignore_headers: Vec<HeaderName>,
    /// For requests whose config says nothing. Default none: off.
    pub default: Option<CacheAsked>,
}

impl Default for Cache {
    fn default() -> Self {
        Cache {
            redis: None,
            max_bytes: MemoryStore::DEFAULT_MAX_BYTES,
            paths: Vec::new(),
            ignore_headers: Vec::new(),
            default: None,
        }
    }
}

/// Where limits count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitStore {
    /// The Redis that replicas share. Default none: each process counts for itself.
    pub redis: Option<ReplicaSettings>,
    /// Default `local`.
    pub on_redis_failure: OnRedisFailure,
}

/// How the gateway goes down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drain {
    /// How long it goes on accepting while readiness says 503. Default 0 on loopback, else 5 s.
    pub delay: Duration,
    /// How long open requests may still take. Default 20 s, then they are cut.
    pub budget: Duration,
}

/// What is logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// A level, or a list such as `info,throughway=debug`. Default `info`.
    pub level: String,
    /// Default `auto`.
    pub format: LogFormat,
    /// Default `all`.
    pub access: AccessLog,
}

/// Names of credentials besides the built-in ones, for forwarding, cache identity and redaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CredentialNames {
    /// Header names, lower-cased.
    pub headers: Vec<String>,
    /// Query parameter names.
    pub query: Vec<String>,
}

impl Settings {
    /// Reads the settings: the file (`path`, or else `THROUGHWAY_CONFIG`, or else none), then the
    /// environment, then the flags; the later wins. Without all three, the defaults.
    ///
    /// # Errors
    /// The first thing wrong, with its place.
    pub fn load(
        path: Option<&Path>,
        environment: &Environment,
        flags: &Flags,
    ) -> Result<Self, ConfigError> {
        let mut used = Vec::new();
        let path = path.map(Path::to_owned).or(environment.config_file());
        let file = match path {
            Some(path) => File::read(&path, &mut environment.noting(&mut used))?,
            None => File::default(),
        };
        Self::layered(file, environment, flags, &used)
    }

    /// Like [`Settings::load`], with the text of the file at hand; `name` is for messages.
    ///
    /// # Errors
    /// The first thing wrong, with its place.
    pub fn parse(
        text: &str,
        name: &Path,
        environment: &Environment,
        flags: &Flags,
    ) -> Result<Self, ConfigError> {
        let mut used = Vec::new();
        let file = File::parse(text, name, &mut environment.noting(&mut used))?;
        Self::layered(file, environment, flags, &used)
    }

    fn layered(
        mut file: File,
        environment: &Environment,
        flags: &Flags,
        used: &[String],
    ) -> Result<Self, ConfigError> {
        layers::environment_over(&mut file, environment)?;
        layers::flags_over(&mut file, flags);
        let mut settings = Self::checked(file)?;
        settings.warnings.extend(environment.unknown(used));
        Ok(settings)
    }

    /// Whether only this machine can connect.
    pub fn on_loopback(&self) -> bool {
        is_loopback(self.listen)
    }
}
