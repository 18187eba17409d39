//! What all workers share, built once from the settings: policy, rules, and the process's own
//! counts and stores (`process`). Anything made inside a worker exists once per worker and
//! multiplies every limit.

mod access;
mod budgets;
mod cache;
mod current;
mod door;
mod endpoints;
mod item;
mod known;
mod limits;
mod list_lines;
mod loops;
mod objects;
mod operator;
mod process;
mod provider_routes;
mod reload_notes;
mod sessions;
mod store_health;
mod unreachable;
mod unusable_settings;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use actix_http::{
    RequestHead,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};
use ipnet::IpNet;

pub use self::{
    access::{Access, Taken},
    budgets::{add_standing, part, shown_budget},
    cache::{Beginning, FlightKey, PurgeCount, SharedHead},
    current::{Current, Latest},
    door::{Door, Visitor},
    endpoints::{Basis, Endpoints, Owner as EndpointOwner, StoredEndpoint},
    item::Item,
    known::{CredentialNames, Known},
    limits::Limits,
    loops::{Loops, Waiting},
    objects::{Candidate, LeftOut, Objects, Stored, Version, parsed},
    operator::{Actor, SESSION_COOKIE, Viewer, check_fetch_site},
    process::Process,
    provider_routes::{ProviderRoute, ProviderRoutes},
    reload_notes::{Reload, ReloadNotes},
    sessions::{LONGEST as SESSION_LONGEST, Sessions, SignedIn},
    store_health::StoreHealth,
    unreachable::unreachable_hosts,
    unusable_settings::UnusableSettings,
};
use self::{
    cache::CacheRules,
    list_lines::{joined, push_joined},
    operator::bearer,
};
use crate::{
    config::{AccessLog, Auth, Settings},
    directives,
    error::{Code, GatewayError},
    guard::Policy,
    http::request_fields::RequestFields,
    identity::Budgets,
    observe::metrics::list_providers,
    price::{PriceOf, Prices},
    record::Accounts,
    route::policy::HeaderEdit,
    secret::Secret,
    upstream::BodyLength,
};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// The credential that Portkey's SDK sends when it was given no provider key.
const PLACEHOLDER_CREDENTIAL: &[u8] = b"Bearer OPENAI_API_KEY";

/// A snapshot of everything that may change while the process runs. A request is served by the one
/// that was current when it arrived; a change makes another and replaces it whole.
pub struct Gateway {
    pub process: Arc<Process>,
    pub portkey: bool,
    pub door: Door,
    /// The rules for endpoints that need no key, where nothing else keeps other sites' pages out.
    pub open_door: Door,
    /// The rules for the gateway's own pages, some of which need no key.
    pub page_door: Door,
    pub access: Access,
    /// Which of the keys and teams are the store's.
    pub stored: Arc<Stored>,
    /// Which of the endpoints are the store's.
    pub endpoints: Arc<Endpoints>,
    pub known: Arc<Known>,
    pub limits: Limits,
    /// The budgets of the settings.
    pub budgets: Budgets,
    pub cache: CacheRules,
    pub prices: Arc<Prices>,
    /// By what budgets reserve.
    pub estimates: Arc<dyn PriceOf>,
    pub replay_limit: usize,
    max_requests: usize,
    pub max_body: u64,
    pub server_timing: bool,
    pub access_log: AccessLog,
    pub policy: Arc<Policy>,
    pub trusted_proxies: Vec<IpNet>,
    pub loops: Loops,
    x_forwarded_for: bool,
    admin_token: Option<Secret>,
    /// Only this machine can connect.
    on_loopback: bool,
    /// Clients connect by TLS.
    pub has_tls: bool,
}

impl Gateway {
    /// Builds the gateway from the settings of the start. Reads certificate files and opens no
    /// socket. Before it serves, it must be told where it listens.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub(crate) fn new(settings: &Settings) -> Result<Self, UnusableSettings> {
        let process = Arc::new(Process::new(settings)?);
        let policy = Policy::new(settings.guard.preset, settings.guard.allow.clone());
        let loops = Loops::new(settings.via.clone());
        let objects = Objects::of_settings(settings);
        let access = Access::new(settings, objects.directory.clone(), None);
        let parts = (access, Arc::new(prices(settings)));
        Ok(Gateway::of(
            settings, process, policy, loops, parts, objects,
        ))
    }

    /// The gateway of the same process with other settings, or other objects. What the
    /// settings say of the process itself has no effect.
    pub fn renewed(&self, settings: &Settings, objects: Objects) -> Self {
        let policy = Policy::new(settings.guard.preset, settings.guard.allow.clone());
        let policy = policy.with_listeners_of(&self.policy);
        let loops = self.loops.named(settings.via.clone());
        let access = Access::new(settings, objects.directory.clone(), Some(&self.access));
        let process = self.process.clone();
        let parts = (access, prices(settings).or_same(&self.prices));
        Gateway::of(settings, process, policy, loops, parts, objects)
    }

    fn of(
        settings: &Settings,
        process: Arc<Process>,
        policy: Policy,
        loops: Loops,
        (access, prices): (Access, Arc<Prices>),
        objects: Objects,
    ) -> Self {
        list_providers(settings.providers.entries().keys().map(String::as_str));
        Gateway {
            process,
            portkey: settings.portkey,
            door: door(settings, !access.needs_key()),
            open_door: door(settings, true),
            page_door: page_door(settings),
            access,
            stored: objects.stored,
            known: Arc::new(Known {
                endpoints: objects.endpoints.table.clone(),
                ..Known::of(settings)
            }),
            endpoints: objects.endpoints,
            limits: Limits::of(settings),
            budgets: settings.budgets.clone(),
            cache: CacheRules::of(settings),
            estimates: prices.clone(),
            prices,
            replay_limit: usize::try_from(settings.replay_limit).unwrap_or(usize::MAX),
            max_requests: settings.downstream.max_requests,
            max_body: settings.downstream.max_body.unwrap_or(u64::MAX),
            server_timing: settings.server_timing,
            access_log: settings.log.access,
            policy: Arc::new(policy),
            trusted_proxies: settings.trusted_proxies.clone(),
            loops,
            x_forwarded_for: settings.x_forwarded_for,
            admin_token: settings.admin_token.clone(),
            on_loopback: settings.on_loopback(),
            has_tls: settings.tls.is_some(),
        }
    }

    /// The gateway that listens on these addresses, to which it must never connect itself.
    pub fn listening_on(mut self, listeners: Vec<SocketAddr>) -> Self {
        let own_addresses = own_addresses(&listeners);
        let policy = Policy::clone(&self.policy).with_own_listeners(listeners, own_addresses);
        self.policy = Arc::new(policy);
        self
    }

    /// The keys, teams and endpoints in force.
    pub fn objects(&self) -> Objects {
        Objects {
            directory: self.access.directory().clone(),
            endpoints: self.endpoints.clone(),
            stored: self.stored.clone(),
        }
    }

    /// What the account of a request needs besides the request.
    pub fn accounts(&self) -> Accounts {
        self.prices.prepare();
        Accounts {
            queue: self.process.records.clone(),
            prices: self.prices.clone(),
        }
    }

    /// The same, if anybody wants records of all requests.
    pub fn records(&self) -> Option<Accounts> {
        self.process.records.is_on().then(|| self.accounts())
    }

    /// Sorts the header lines of a request.
    pub fn sort<'h>(&self, headers: &'h HeaderMap) -> RequestFields<'h> {
        RequestFields::of(headers, |name| directives::is_ours(name, self.portkey))
    }

    /// Requests that may be under way at once.
    pub fn most_requests(&self) -> usize {
        self.max_requests
    }

    /// Refuses a request if too many are in flight; the request itself is counted already.
    ///
    /// # Errors
    /// `overloaded`.
    pub fn check_in_flight(&self) -> Result<(), GatewayError> {
        let in_flight = usize::try_from(self.process.metrics.in_flight.get()).unwrap_or_default();
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
        fields: &RequestFields<'_>,
        head: &RequestHead,
        peer: Option<SocketAddr>,
        waiting: Option<&Waiting<'_>>,
    ) -> Result<Vec<HeaderEdit>, GatewayError> {
        let mut added = Vec::new();
        if fields.has_via || self.loops.adds_via(waiting) {
            self.loops.via(head.headers(), waiting, &mut added)?;
        }
        if let (true, Some(peer)) = (self.x_forwarded_for, peer) {
            let so_far = joined(head.headers(), &X_FORWARDED_FOR);
            let client = peer.ip().to_canonical().to_string();
            push_joined(&mut added, X_FORWARDED_FOR, &so_far, &client);
        }
        Ok(added)
    }

    /// In Portkey mode, the SDK's placeholder for a key it was not given; it is not sent on.
    pub fn placeholder_credential<'h>(&self, headers: &'h HeaderMap) -> Option<&'h HeaderValue> {
        if !self.portkey {
            return None;
        }
        let mut credentials = headers.get_all(header::AUTHORIZATION);
        credentials.find(|credential| self.is_placeholder(credential))
    }

    /// Credentials that are never sent on: the placeholder, and the admin token, which is for the
    /// gateway alone.
    pub fn kept_back<'h>(&self, headers: &'h HeaderMap) -> Vec<&'h HeaderValue> {
        if !self.portkey && self.admin_token.is_none() {
            return Vec::new();
        }
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
}

/// `has_host_rule`: nothing but the rules for browsers keeps a page of another site out.
fn door(settings: &Settings, has_host_rule: bool) -> Door {
    let is_open = settings.allow_unauthenticated || settings.auth == Auth::Open;
    Door {
        hosts: (!is_open).then(|| settings.hosts.clone()),
        any_host: is_open || !has_host_rule,
        origins: settings.cors.origins.clone(),
    }
}

/// The console is a page of the gateway's own, wherever it listens: under a loopback name or one
/// that is listed, which no other site can take, it may sign in and change things.
fn page_door(settings: &Settings) -> Door {
    Door {
        hosts: Some(settings.hosts.clone()),
        ..door(settings, true)
    }
}

fn prices(settings: &Settings) -> Prices {
    Prices::new(
        settings.prices.overrides.clone(),
        settings.price_file.clone(),
    )
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
