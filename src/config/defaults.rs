//! Every default, and every rule between two settings.
//! Single values were checked before they came here.

use std::mem::take;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use actix_http::header::HeaderName;

use super::error::ConfigError;
use super::file::{CacheSection, File, LimitStoreSection, TlsSection, UpstreamTlsSection};
use super::in_vain;
use super::measure::{ByteSize, Delay, Period, Unlimited};
use super::objects;
use super::settings::{
    Cache, Cors, CredentialNames, Dns, Downstream, Drain, Guard, LimitStore, Log, Memory, Settings,
    Timeouts, Tls, Upstream, UpstreamTls,
};
use super::value::Count;
use super::word::{AccessLog, GuardPreset, LogFormat, Store};
use crate::cache::memory::MemoryStore;
use crate::replicas::{self, ReplicaSettings};
use crate::secret::Secret;

const LISTEN: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 8787));
const CONNECT: Duration = Duration::from_secs(5);
const HEAD: Duration = Duration::from_secs(600);
const IDLE: Duration = Duration::from_secs(300);
const DOWNSTREAM_HEAD: Duration = Duration::from_secs(30);
const BODY_IDLE: Duration = Duration::from_secs(60);
const WRITE_STALL: Duration = Duration::from_secs(60);
pub(super) const REDIS_TIMEOUT: Duration = Duration::from_millis(50);
const KEEP_ALIVE: Duration = Duration::from_secs(75);
const MAX_REQUESTS: usize = 16_384;
/// A second less than uvicorn's 5 s, so that we close first.
const UPSTREAM_KEEPALIVE: Duration = Duration::from_secs(4);
const MAX_IDLE_PER_HOST: usize = 256;
const DNS_TIMEOUT: Duration = Duration::from_secs(3);
const DRAIN_DELAY_EXPOSED: Duration = Duration::from_secs(5);
const DRAIN_BUDGET: Duration = Duration::from_secs(20);
const REPLAY_LIMIT: u64 = 32 << 20;
const LOG_LEVEL: &str = "info";

impl Settings {
    /// Fills the defaults in and checks the rules.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub(super) fn checked(mut file: File) -> Result<Self, ConfigError> {
        let upstream_tls = upstream_tls(take(&mut file.upstream.tls))?;
        let limit_store = limit_store(take(&mut file.limit_store))?;
        let cache = cache(take(&mut file.cache))?;
        let mut settings = Self {
            limit_store,
            cache,
            ..Self::filled(file, upstream_tls)
        };
        settings.check()?;
        Ok(settings)
    }

    /// Puts the defaults in.
    fn filled(file: File, upstream_tls: Vec<UpstreamTls>) -> Self {
        let listen = file.listen.map_or(LISTEN, |it| it.0);
        let loopback = is_loopback(listen);
        Self {
            listen,
            workers: file.workers.map_or_else(cores, |it| it.0.get()),
            guard: Guard {
                preset: file.guard.preset.unwrap_or(match loopback {
                    true => GuardPreset::Dev,
                    false => GuardPreset::Public,
                }),
                allow: file.guard.allow,
            },
            portkey: file.portkey.unwrap_or(false),
            allow_unauthenticated: file.allow_unauthenticated.unwrap_or(false),
            default_target: file.default_target,
            providers: file.objects.0,
            configs: file.objects.1,
            default_config: file.default_config,
            limits: file.checked_limits,
            limit_store: LimitStore::default(),
            cache: Cache::default(),
            trusted_proxies: file.trusted_proxies.into_iter().map(|it| it.0).collect(),
            hosts: file.hosts.into_iter().map(|it| it.0).collect(),
            cors: Cors {
                origins: file.cors.origins.into_iter().map(|it| it.0).collect(),
            },
            admin_token: file.admin_token,
            timeouts: Timeouts {
                connect: period(file.timeouts.connect, CONNECT),
                head: period(file.timeouts.head, HEAD),
                idle: period(file.timeouts.idle, IDLE),
                total: unlimited(file.timeouts.total).map(|it: Period| it.0),
            },
            downstream: Downstream {
                head: period(file.downstream.head, DOWNSTREAM_HEAD),
                body_idle: period(file.downstream.body_idle, BODY_IDLE),
                write_stall: period(file.downstream.write_stall, WRITE_STALL),
                keep_alive: delay(file.downstream.keep_alive, KEEP_ALIVE),
                max_connections: file.downstream.max_connections.map(|it| it.0),
                max_requests: count(file.downstream.max_requests, MAX_REQUESTS),
                max_body: unlimited(file.downstream.max_body).map(|it: ByteSize| it.0),
            },
            upstream: Upstream {
                keepalive: delay(file.upstream.keepalive, UPSTREAM_KEEPALIVE),
                max_idle_per_host: count(file.upstream.max_idle_per_host, MAX_IDLE_PER_HOST),
                tls: upstream_tls,
            },
            dns: Dns {
                servers: file.dns.servers.into_iter().map(|it| it.0).collect(),
                timeout: period(file.dns.timeout, DNS_TIMEOUT),
            },
            drain: Drain {
                delay: file
                    .drain
                    .delay
                    .map_or_else(|| drain_delay(loopback), |it| it.0),
                budget: delay(file.drain.budget, DRAIN_BUDGET),
            },
            tls: file.tls.map(|TlsSection { cert, key }| Tls { cert, key }),
            via: file.via.and_then(|it| it.0),
            x_forwarded_for: file.x_forwarded_for.unwrap_or(false),
            server_timing: file.server_timing.unwrap_or(false),
            replay_limit: file.replay_limit.map_or(REPLAY_LIMIT, |it| it.0),
            memory: Memory {
                bodies: file.memory.bodies.map(|it| it.0),
            },
            log: Log {
                level: file
                    .log
                    .level
                    .map_or_else(|| LOG_LEVEL.to_owned(), |it| it.0),
                format: file.log.format.unwrap_or(LogFormat::Auto),
                access: file.log.access.unwrap_or(AccessLog::All),
            },
            credentials: CredentialNames {
                headers: file
                    .credentials
                    .headers
                    .into_iter()
                    .map(|it| it.0)
                    .collect(),
                query: file.credentials.query.into_iter().map(|it| it.0).collect(),
            },
            warnings: Vec::new(),
        }
    }

    /// The rules between settings.
    fn check(&mut self) -> Result<(), ConfigError> {
        let (listen, exposed) = (self.listen, !self.on_loopback());
        if exposed && self.guard.preset == GuardPreset::Dev {
            return Err(ConfigError::DevGuardExposed { listen });
        }
        if exposed && !self.allow_unauthenticated {
            return Err(ConfigError::ExposedWithoutKeys { listen });
        }
        objects::check(
            &self.providers,
            &self.configs,
            &self.credentials,
            self.default_config.as_deref(),
            self.default_target.is_some(),
        )?;
        if self.admin_token.as_ref().is_some_and(Secret::is_empty) {
            return Err(conflict("admin_token", "must not be empty"));
        }
        self.check_ignored_headers()?;
        self.warnings.extend(in_vain::warnings(self));
        Ok(())
    }
}

impl Settings {
    /// Those that any settings refuse were refused when they were read.
    fn check_ignored_headers(&self) -> Result<(), ConfigError> {
        let (ignored, carriers) = (&self.cache.ignore_headers, &self.credentials.headers);
        let is_carrier = |name: &HeaderName| carriers.iter().any(|it| it == name.as_str());
        match ignored.iter().position(is_carrier) {
            None => Ok(()),
            Some(place) => Err(conflict(
                format!("cache.ignore_headers[{place}]"),
                "names a header that carries a credential, as credentials.headers says",
            )),
        }
    }
}

fn limit_store(file: LimitStoreSection) -> Result<LimitStore, ConfigError> {
    let on_redis_failure = file.on_redis_failure;
    let redis = RedisSection {
        store: file.store.unwrap_or_default(),
        url: file.url,
        cluster: file.cluster,
        timeout: file.timeout,
    };
    let redis = redis.settings("limit_store")?;
    if redis.is_none() && on_redis_failure.is_some() {
        return Err(conflict("limit_store.on_redis_failure", NEEDS_REDIS));
    }
    Ok(LimitStore {
        redis,
        on_redis_failure: on_redis_failure.unwrap_or_default(),
    })
}

fn cache(file: CacheSection) -> Result<Cache, ConfigError> {
    let redis = RedisSection {
        store: file.store.unwrap_or_default(),
        url: file.url,
        cluster: file.cluster,
        timeout: file.timeout,
    };
    Ok(Cache {
        redis: redis.settings("cache")?,
        max_bytes: file
            .max_bytes
            .map_or(MemoryStore::DEFAULT_MAX_BYTES, |it| it.0),
        paths: file.paths.into_iter().map(|it| it.0).collect(),
        ignore_headers: file.ignore_headers.into_iter().map(|it| it.0).collect(),
        default: file.asked,
    })
}

const NEEDS_REDIS: &str = "needs the store beside it to be redis";

/// What a section says of its Redis.
struct RedisSection {
    store: Store,
    url: Option<Secret>,
    cluster: Option<bool>,
    timeout: Option<Period>,
}

impl RedisSection {
    /// Where it is; `None`: the store is memory.
    fn settings(self, section: &str) -> Result<Option<ReplicaSettings>, ConfigError> {
        let key = |name: &str| format!("{section}.{name}");
        let (store, url) = (self.store, self.url);
        let in_vain = [
            ("url", url.is_some()),
            ("cluster", self.cluster.is_some()),
            ("timeout", self.timeout.is_some()),
        ];
        let in_vain = in_vain.into_iter().find(|(_, given)| *given);
        let url = match (store, url, in_vain) {
            (Store::Redis, Some(url), _) => url,
            (Store::Redis, None, _) => {
                return Err(conflict(key("url"), "is needed where the store is redis"));
            }
            (Store::Memory, _, Some((name, _))) => return Err(conflict(key(name), NEEDS_REDIS)),
            (Store::Memory, _, None) => return Ok(None),
        };
        let cluster = self.cluster.unwrap_or(false);
        let bad = |reason| conflict(key("url"), reason);
        replicas::check_urls(url.expose(), cluster).map_err(bad)?;
        Ok(Some(ReplicaSettings {
            url,
            cluster,
            timeout: period(self.timeout, REDIS_TIMEOUT),
        }))
    }
}

impl Default for Settings {
    /// The settings without file, environment and flags.
    fn default() -> Self {
        Self::filled(File::default(), Vec::new())
    }
}

/// The one test of whether an address is this machine's own; an IPv4 address in IPv6 clothes
/// counts as what it is.
pub(super) fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn drain_delay(loopback: bool) -> Duration {
    match loopback {
        true => Duration::ZERO,
        false => DRAIN_DELAY_EXPOSED,
    }
}

fn period(given: Option<Period>, default: Duration) -> Duration {
    given.map_or(default, |it| it.0)
}

fn delay(given: Option<Delay>, default: Duration) -> Duration {
    given.map_or(default, |it| it.0)
}

fn count(given: Option<Count>, default: usize) -> usize {
    given.map_or(default, |it| it.0)
}

fn unlimited<T>(given: Option<Unlimited<T>>) -> Option<T> {
    given.and_then(|it| it.0)
}

fn conflict(key: impl Into<String>, reason: &'static str) -> ConfigError {
    ConfigError::Conflict {
        key: key.into(),
        reason,
    }
}

fn upstream_tls(sections: Vec<UpstreamTlsSection>) -> Result<Vec<UpstreamTls>, ConfigError> {
    let mut entries: Vec<UpstreamTls> = Vec::with_capacity(sections.len());
    for (place, section) in sections.into_iter().enumerate() {
        let here = format!("upstream.tls[{place}]");
        let host = section.host.0;
        if entries.iter().any(|entry| entry.host == host) {
            return Err(conflict(here, "names a host that an entry before it names"));
        }
        let client = match (section.client_cert, section.client_key) {
            (Some(cert), Some(key)) => Some(Tls { cert, key }),
            (None, None) => None,
            _ => {
                return Err(conflict(
                    here,
                    "needs both client_cert and client_key, or neither",
                ));
            }
        };
        if client.is_none() && section.ca_file.is_none() {
            return Err(conflict(
                here,
                "needs ca_file, or client_cert and client_key, or all three",
            ));
        }
        entries.push(UpstreamTls {
            host,
            ca_file: section.ca_file,
            client,
        });
    }
    Ok(entries)
}
