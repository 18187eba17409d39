//! What all workers share, built once from the settings: policy, resolver, TLS, counters. Anything made inside a worker exists
//! once per worker; what must not is here.

mod cache;
mod door;
mod known;
mod limits;
mod loops;
mod unreachable;

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix_http::{
    RequestHead,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};
use ipnet::IpNet;
use thiserror::Error;

pub use self::{
    cache::{Beginning, FlightKey, PurgeCount, ResponseCache, SharedHead},
    door::{Door, Visitor, authority},
    known::{CredentialNames, Known},
    limits::Limits,
    loops::{Loops, Waiting},
    unreachable::unreachable_hosts,
};
use crate::{
    config::{AccessLog, Settings},
    downstream::{Closing, DownstreamTimeouts},
    error::{Code, GatewayError},
    guard::Policy,
    machine::{
        self,
        descriptors::{self, Division, Shortages},
    },
    memory::BodyMemory,
    observe::metrics::Metrics,
    origin_health::OriginHealth,
    resolve::{DnsSettings, Resolver},
    route::policy::HeaderEdit,
    secret::Secret,
    upstream::{
        BodyLength, PoolLimits,
        tls::{HostTls, TlsClients, TlsError},
    },
};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// What Portkey's SDK sends when it was given no provider key.
const PLACEHOLDER_CREDENTIAL: &[u8] = b"Bearer OPENAI_API_KEY";
/// Idle upstream connections of one worker, all hosts together.
const MOST_IDLE: usize = 4096;

/// The gateway, as every worker sees it.
pub struct Gateway {
    pub portkey: bool,
    pub door: Door,
    pub known: Arc<Known>,
    pub origin_health: OriginHealth,
    pub limits: Limits,
    pub cache: ResponseCache,
    pub replay_limit: usize,
    pub body_memory: Arc<BodyMemory>,
    max_requests: usize,
    pub downstream: DownstreamTimeouts,
    pub max_body: u64,
    pub server_timing: bool,
    pub access_log: AccessLog,
    pub metrics: Arc<Metrics>,
    pub policy: Arc<Policy>,
    pub resolver: Arc<Resolver>,
    pub tls: Arc<TlsClients>,
    pub pool: PoolLimits,
    /// Of descriptors.
    pub shortages: Arc<Shortages>,
    pub trusted_proxies: Vec<IpNet>,
    pub loops: Loops,
    x_forwarded_for: bool,
    admin_token: Option<Secret>,
    /// Only this machine can connect.
    on_loopback: bool,
    draining: AtomicBool,
    closing: Arc<Closing>,
}

/// Settings that are well-formed, but cannot be put to use.
#[derive(Debug, Error)]
pub enum UnusableSettings {
    #[error("cache.url: {0}")]
    CacheRedis(String),
    #[error("limit_store.url: {0}")]
    Redis(String),
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl Gateway {
    /// Puts the settings to use. Reads certificate files; opens no socket. Before it serves, it
    /// must be told where it listens.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub(crate) fn new(settings: &Settings) -> Result<Self, UnusableSettings> {
        let policy = Policy::new(settings.guard.preset, settings.guard.allow.clone());
        let division = Division::of(descriptors::limit(), settings.workers);
        let host_rule = !settings.allow_unauthenticated;
        let metrics = Arc::new(Metrics::new());
        Ok(Gateway {
            portkey: settings.portkey,
            door: Door {
                hosts: host_rule.then(|| settings.hosts.clone()),
                origins: settings.cors.origins.clone(),
            },
            known: Arc::new(Known::of(settings)),
            origin_health: OriginHealth::new(metrics.clone()),
            limits: Limits::of(settings, &metrics)?,
            cache: ResponseCache::of(settings, &metrics)?,
            replay_limit: usize::try_from(settings.replay_limit).unwrap_or(usize::MAX),
            body_memory: BodyMemory::new(
                settings
                    .memory
                    .bodies
                    .unwrap_or_else(machine::memory::for_bodies),
                metrics.bodies(),
            ),
            max_requests: settings.downstream.max_requests,
            downstream: DownstreamTimeouts {
                head: settings.downstream.head,
                body_idle: settings.downstream.body_idle,
                write_stall: settings.downstream.write_stall,
                keep_alive: settings.downstream.keep_alive,
            },
            max_body: settings.downstream.max_body.unwrap_or(u64::MAX),
            server_timing: settings.server_timing,
            access_log: settings.log.access,
            metrics,
            policy: Arc::new(policy),
            resolver: Arc::new(Resolver::new(&DnsSettings {
                servers: settings.dns.servers.clone(),
                timeout: settings.dns.timeout,
            })),
            tls: Arc::new(TlsClients::new(&host_tls(settings))?),
            pool: PoolLimits {
                max_idle: settings.upstream.keepalive,
                max_idle_per_key: settings.upstream.max_idle_per_host,
                max_idle_total: MOST_IDLE,
                max_open: division.clients + division.idle,
            },
            shortages: Arc::default(),
            trusted_proxies: settings.trusted_proxies.clone(),
            loops: Loops::new(settings.via.clone()),
            x_forwarded_for: settings.x_forwarded_for,
            admin_token: settings.admin_token.clone(),
            on_loopback: settings.on_loopback(),
            draining: AtomicBool::new(false),
            closing: Arc::default(),
        })
    }

    /// The same, that answers on these sockets, which it must never call itself.
    pub fn listening_on(mut self, listeners: Vec<SocketAddr>) -> Self {
        let own_addresses = own_addresses(&listeners);
        let policy = Policy::clone(&self.policy).with_own_listeners(listeners, own_addresses);
        self.policy = Arc::new(policy);
        self
    }

    /// Refuses a request, which is counted already, that is one too many.
    ///
    /// # Errors
    /// `overloaded`.
    pub fn check_in_flight(&self) -> Result<(), GatewayError> {
        let in_flight = usize::try_from(self.metrics.in_flight.get()).unwrap_or_default();
        match in_flight > self.max_requests {
            true => Err(GatewayError::overloaded(
                "too many requests are under way (`downstream.max_requests`)",
            )),
            false => Ok(()),
        }
    }

    /// Refuses a body whose announced length is over the settings' limit, before a byte of it is read.
    pub fn check_body_length(&self, length: BodyLength) -> Result<(), GatewayError> {
        match length {
            BodyLength::Exact(length) if length > self.max_body => Err(self.body_too_large()),
            _ => Ok(()),
        }
    }

    fn body_too_large(&self) -> GatewayError {
        let limit = self.max_body;
        let message =
            format!("the request body is larger than {limit} bytes (`downstream.max_body`)");
        GatewayError::new(Code::BodyTooLarge, message)
    }

    /// The lines that are added: `via` where the settings ask for it, or [`Loops`] does;
    /// `x-forwarded-for` where the settings do. Each replaces the caller's line of that name, which
    /// it contains. `waiting`: the request names no target.
    ///
    /// # Errors
    /// `loop_detected` when the request's `Via` says that it has been here.
    pub fn added_lines(
        &self,
        head: &RequestHead,
        peer: Option<SocketAddr>,
        waiting: Option<&Waiting<'_>>,
    ) -> Result<Vec<HeaderEdit>, GatewayError> {
        let mut added = Vec::new();
        self.loops.via(head.headers(), waiting, &mut added)?;
        if let (true, Some(peer)) = (self.x_forwarded_for, peer) {
            let so_far = joined(head.headers(), &X_FORWARDED_FOR);
            let client = peer.ip().to_canonical().to_string();
            push_joined(&mut added, X_FORWARDED_FOR, &so_far, &client);
        }
        Ok(added)
    }

    /// In Portkey mode, the SDK's placeholder for a key it was not given; it is not sent on.
    pub fn placeholder_credential<'h>(&self, headers: &'h HeaderMap) -> Option<&'h HeaderValue> {
        let mut credentials = headers.get_all(header::AUTHORIZATION);
        credentials.find(|credential| self.is_placeholder(credential))
    }

    /// Credentials that are not sent on, whoever names the target: the placeholder, and the admin
    /// token, which is for the gateway alone.
    pub fn kept_back<'h>(&self, headers: &'h HeaderMap) -> Vec<&'h HeaderValue> {
        let credentials = headers.get_all(header::AUTHORIZATION);
        credentials
            .filter(|credential| self.is_placeholder(credential) || self.is_admin_token(credential))
            .collect()
    }

    fn is_placeholder(&self, credential: &HeaderValue) -> bool {
        self.portkey && credential.as_bytes() == PLACEHOLDER_CREDENTIAL
    }

    fn is_admin_token(&self, credential: &HeaderValue) -> bool {
        let token = self.admin_token.as_ref();
        token.is_some_and(|token| bearer(credential.as_bytes()).is_some_and(|it| token.matches(it)))
    }

    /// Whether the request may see what concerns the operator: the admin token's holder; where none
    /// is set, anybody on loopback and nobody elsewhere.
    pub fn admits_operator(&self, headers: &HeaderMap) -> bool {
        match &self.admin_token {
            Some(token) => presented(headers).is_some_and(|it| token.matches(it)),
            None => self.on_loopback,
        }
    }

    /// What concerns the operator is for the admin token's holder alone.
    pub fn has_admin_token(&self) -> bool {
        self.admin_token.is_some()
    }

    /// Lets only the admin token's holder pass; nobody, where the settings have none.
    ///
    /// # Errors
    /// `not_allowed` for anybody else.
    pub fn check_admin(&self, headers: &HeaderMap) -> Result<(), GatewayError> {
        match (&self.admin_token, presented(headers)) {
            (Some(token), Some(presented)) if token.matches(presented) => Ok(()),
            (Some(_), _) => {
                let message = "administration needs the admin token as Authorization: Bearer";
                Err(GatewayError::new(Code::NotAllowed, message))
            }
            (None, _) => {
                let message = "administration is closed: the settings have no `admin_token`";
                Err(GatewayError::new(Code::NotAllowed, message))
            }
        }
    }

    /// Lets only those pass who may see what concerns the operator.
    ///
    /// # Errors
    /// `not_allowed` for anybody else.
    pub fn check_operator(&self, headers: &HeaderMap, what: &str) -> Result<(), GatewayError> {
        match self.admits_operator(headers) {
            true => Ok(()),
            false => {
                let message = format!(
                    "{what} need the admin token (`admin_token` in the settings) as Authorization: Bearer"
                );
                Err(GatewayError::new(Code::NotAllowed, message))
            }
        }
    }

    /// Readiness says 503 from here on.
    pub fn begin_drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Client connections close from here on as soon as they are idle; what runs has this much
    /// time.
    pub fn begin_closing(&self, budget: Duration) {
        self.closing.begin(budget);
    }

    pub fn closing(&self) -> Arc<Closing> {
        self.closing.clone()
    }
}

/// The token that a request brings to the gateway itself.
fn presented(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?;
    bearer(value.as_bytes())
}

/// The token of `Authorization: Bearer`; the scheme in any case (RFC 9110 §11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    const SCHEME: usize = "Bearer ".len();
    let (scheme, token) = value.split_at_checked(SCHEME)?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then_some(token)
}

fn host_tls(settings: &Settings) -> Vec<HostTls> {
    let entries = settings.upstream.tls.iter().enumerate();
    entries
        .map(|(place, entry)| HostTls {
            key: format!("upstream.tls[{place}]"),
            host: entry.host.clone(),
            ca_file: entry.ca_file.clone(),
            client_auth: entry.client_cert.clone().zip(entry.client_key.clone()),
        })
        .collect()
}

/// The addresses a wildcard listener answers on, besides loopback's.
fn own_addresses(listeners: &[SocketAddr]) -> Vec<IpAddr> {
    if !listeners
        .iter()
        .any(|listener| listener.ip().is_unspecified())
    {
        return Vec::new();
    }
    // Without the list, a caller could at worst name an address of ours and be told that the gateway refuses itself late.
    if_addrs::get_if_addrs()
        .unwrap_or_default()
        .iter()
        .map(if_addrs::Interface::ip)
        .collect()
}

/// The values of a header as one list, bytes as they came.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Vec<u8> {
    let values: Vec<_> = headers
        .get_all(name)
        .map(HeaderValue::as_bytes)
        .filter(|value| !value.is_empty())
        .collect();
    values.join(&b", "[..])
}

fn push_joined(added: &mut Vec<HeaderEdit>, name: HeaderName, so_far: &[u8], ours: &str) {
    let value = match so_far {
        [] => ours.as_bytes().to_vec(),
        _ => [so_far, b", ", ours.as_bytes()].concat(),
    };
    if let Ok(value) = HeaderValue::from_bytes(&value) {
        added.push((name, Some(value)));
    }
}
