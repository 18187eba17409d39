//! What all workers share, built once from the settings: policy, resolver, TLS, counters. Anything
//! made inside a worker exists once per worker and multiplies every limit.

mod cache;
mod door;
mod known;
mod limits;
mod list_lines;
mod loops;
mod operator;
mod unreachable;
mod unusable_settings;

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

pub use self::{
    cache::{Beginning, FlightKey, PurgeCount, ResponseCache, SharedHead},
    door::{Door, Visitor},
    known::{CredentialNames, Known},
    limits::Limits,
    loops::{Loops, Waiting},
    unreachable::unreachable_hosts,
    unusable_settings::UnusableSettings,
};
use self::{
    list_lines::{joined, push_joined},
    operator::bearer,
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
        tls::{HostTls, TlsClients},
    },
};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// The credential that Portkey's SDK sends when it was given no provider key.
const PLACEHOLDER_CREDENTIAL: &[u8] = b"Bearer OPENAI_API_KEY";
/// Most idle upstream connections of one worker, all hosts together.
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
    /// How often the process ran out of descriptors.
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

impl Gateway {
    /// Builds the gateway from the settings. Reads certificate files and opens no socket. Before it
    /// serves, it must be told where it listens.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub(crate) fn new(settings: &Settings) -> Result<Self, UnusableSettings> {
        let policy = Policy::new(settings.guard.preset, settings.guard.allow.clone());
        let division = Division::of(descriptors::limit(), settings.workers);
        let metrics = Arc::new(Metrics::new());
        Ok(Gateway {
            portkey: settings.portkey,
            door: door(settings),
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
            downstream: client_timeouts(settings),
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

    /// The gateway that listens on these addresses, to which it must never connect itself.
    pub fn listening_on(mut self, listeners: Vec<SocketAddr>) -> Self {
        let own_addresses = own_addresses(&listeners);
        let policy = Policy::clone(&self.policy).with_own_listeners(listeners, own_addresses);
        self.policy = Arc::new(policy);
        self
    }

    /// Refuses a request if too many are in flight; the request itself is counted already.
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

    /// Refuses a body whose announced length is over the settings' limit, before any of it is read.
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

    /// The header lines that are added: `via` where the settings or [`Loops`] ask for it, and
    /// `x-forwarded-for` where the settings do. Each contains and replaces the caller's line of
    /// that name. `waiting` is given for requests that name no target.
    ///
    /// # Errors
    /// `loop_detected` if the request's `Via` says that it has been here.
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

    /// Credentials that are never sent on: the placeholder, and the admin token, which is for the
    /// gateway alone.
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

    /// From here on, readiness says 503.
    pub fn begin_drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// From here on, client connections close as soon as they are idle; requests under way have
    /// `budget`.
    pub fn begin_closing(&self, budget: Duration) {
        self.closing.begin(budget);
    }

    pub fn closing(&self) -> Arc<Closing> {
        self.closing.clone()
    }
}

fn door(settings: &Settings) -> Door {
    let has_host_rule = !settings.allow_unauthenticated;
    Door {
        hosts: has_host_rule.then(|| settings.hosts.clone()),
        origins: settings.cors.origins.clone(),
    }
}

fn client_timeouts(settings: &Settings) -> DownstreamTimeouts {
    DownstreamTimeouts {
        head: settings.downstream.head,
        body_idle: settings.downstream.body_idle,
        write_stall: settings.downstream.write_stall,
        keep_alive: settings.downstream.keep_alive,
    }
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

/// The addresses of this machine, if a listener is bound to a wildcard address.
fn own_addresses(listeners: &[SocketAddr]) -> Vec<IpAddr> {
    if !listeners
        .iter()
        .any(|listener| listener.ip().is_unspecified())
    {
        return Vec::new();
    }
    // Without the list, a caller who names an address of this machine is only refused later.
    if_addrs::get_if_addrs()
        .unwrap_or_default()
        .iter()
        .map(if_addrs::Interface::ip)
        .collect()
}
