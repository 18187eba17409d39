//! Where does a request go? Targets in their groups, with all that is inherited, and judged as far
//! as no network is needed. Equal requests share one plan (`cache`). `choose` says whether header,
//! config or settings decide; `resolve` makes the plan, `named`, `host`, `binding` and `draft` each
//! target;
//! `credentials` says whether the caller's keys go there.

mod binding;
mod cache;
mod choose;
mod credentials;
mod draft;
mod find;
mod host;
mod named;
mod order;
mod own;
mod resolve;
#[cfg(test)]
mod tests;
mod verdict;
mod weight;

use std::{rc::Rc, sync::Arc, time::Duration};

use actix_http::header::{self, HeaderMap, HeaderName, HeaderValue};

#[cfg(test)]
use self::choose::{Chosen, choose};
pub use self::{
    cache::{PlanCache, Planned},
    credentials::CredentialForwarding,
    find::find,
    own::{ByPath, Prefix, Wanted},
    verdict::{Passed, Verdict},
};
use crate::{
    cache::{key::Namespace, stored_response::GivenBy},
    credential::{Credential, Scheme},
    gateway::Known,
    guard::{BaseUrl, Denied, HostPass, NamedBy, Policy},
    record::{Begun, ModelChange, Route},
    route::{
        Provider,
        attempts::Send,
        config_types::{CacheAsked, Entry},
        limit::Scoped,
        policy::{BodyEdit, BreakerPolicy, ForwardHeaders, HeaderEdit},
        tree::{Node, TargetId, Tree},
    },
};

/// Where a target's own credential travels: a header, or a parameter of its URL. Of several, the
/// first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnCredential {
    Header(HeaderName),
    Query(Box<str>),
}

impl OwnCredential {
    fn of(scheme: &Scheme) -> Option<Self> {
        match scheme {
            Scheme::Lines(lines) => {
                let first = lines.first()?;
                Some(OwnCredential::Header(first.name().clone()))
            }
            Scheme::Query(params) => Some(OwnCredential::Query(params.names().next()?.into())),
            Scheme::Signature(_) | Scheme::Token(_) => {
                Some(OwnCredential::Header(header::AUTHORIZATION))
            }
        }
    }

    pub fn name(&self) -> &str {
        match self {
            OwnCredential::Header(name) => name.as_str(),
            OwnCredential::Query(name) => name,
        }
    }
}

/// Where a request goes. Cannot be printed: it holds keys.
pub struct Plan {
    /// What it was made of: plans of one text are alike.
    pub text: Arc<str>,
    pub tree: Tree,
    /// In the order of the config; never empty.
    pub targets: Box<[Target]>,
    /// A conditional asks for values in the body: it is read before anything is sent.
    pub reads_body: bool,
    /// The body may be sent more than once.
    pub may_replay: bool,
    /// Limits of the config that count requests; those of targets count attempts.
    pub limits: Box<[Scoped]>,
    /// What has no effect in the config, for explanations.
    pub notes: Vec<String>,
}

/// One target. The guard has judged its host; its addresses are judged before each send.
pub struct Target {
    /// Its place in the config, as replies tell it.
    pub index: HeaderValue,
    pub name: Option<Box<str>>,
    /// The value of `x-gateway-provider` in the reply.
    pub provider: HeaderValue,
    pub base: BaseUrl,
    pub named_by: NamedBy,
    /// The provider it is named by; `passthrough` where there is none.
    pub named: Provider,
    /// What the rules say of its host; acted on when it is tried, as for the addresses of a name.
    pub pass: Result<HostPass, Denied>,
    /// The config's limit for the response head; the request's own header wins.
    pub request_timeout: Option<TimeLimit>,
    pub timeouts: TargetTimeouts,
    /// A stream without its last event is broken off.
    pub strict_end: bool,
    pub breaker: Option<BreakerPolicy>,
    pub limits: Box<[Scoped]>,
    /// What the config, the provider or the settings ask of the cache.
    pub cache: Option<CachePolicy>,
    pub credentials: CredentialForwarding,
    /// Lines set or taken out, the target's own credential among them.
    pub edits: Box<[HeaderEdit]>,
    pub own_credential: Option<OwnCredential>,
    /// The operator's `credential`, bound to this target's host.
    pub scheme: Option<Arc<Credential>>,
    pub override_params: Rc<[BodyEdit]>,
    /// `@name/`, to be taken off the body's `model`: it chose this target.
    pub model_prefix: Option<Box<str>>,
    /// Which of the caller's lines it gets.
    pub forward_headers: ForwardHeaders,
    /// What would give it a credential, where a built-in provider needs one and has none of its
    /// own.
    pub lacks_credential: Option<Box<str>>,
}

/// How responses are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachePolicy {
    pub ttl: Duration,
    pub namespace: Namespace,
}

impl CachePolicy {
    /// How long responses are stored unless header or config say otherwise.
    pub const DEFAULT_TTL: Duration = Duration::from_secs(7 * 24 * 3600);

    fn of(asked: &CacheAsked, by: NamedBy) -> Option<Self> {
        let CacheAsked::On { max_age, namespace } = asked else {
            return None;
        };
        let namespace = namespace.clone().map(|name| match by {
            NamedBy::Caller => Namespace::Caller(name),
            NamedBy::Settings => Namespace::Settings(name),
        });
        Some(CachePolicy {
            ttl: max_age.unwrap_or(Self::DEFAULT_TTL),
            namespace: namespace.unwrap_or_default(),
        })
    }
}

/// A time that is allowed, and who set it: the end of one that a caller set says nothing against a
/// target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeLimit {
    pub time: Duration,
    pub set_by: NamedBy,
}

impl TimeLimit {
    pub fn set_by(set_by: NamedBy, time: Duration) -> Self {
        TimeLimit { time, set_by }
    }
}

/// How long a target may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetTimeouts {
    pub connect: TimeLimit,
    pub head: TimeLimit,
    pub first_token: Option<TimeLimit>,
    pub idle: TimeLimit,
    pub total: Option<TimeLimit>,
    /// Some of these come from a config, and are exact to the millisecond by timers of their own.
    pub exact: bool,
}

impl Target {
    /// A body sent to this target is not the caller's, byte for byte.
    pub fn edits_body(&self) -> bool {
        !self.override_params.is_empty() || self.model_prefix.is_some()
    }

    /// A body sent to this target is signed, and so has to be here whole.
    pub fn signs_body(&self) -> bool {
        self.scheme.as_ref().is_some_and(|it| it.needs_body())
    }

    /// Takes a credential that was part of the URL out of a response's headers: a redirect repeats
    /// the URL, and would tell the caller.
    pub fn hide_credential(&self, headers: &mut HeaderMap) {
        if let Some(Scheme::Query(params)) = self.scheme.as_ref().map(|it| it.scheme()) {
            params.hide_in(headers);
        }
    }

    /// An attempt at it, for the record.
    pub fn begun(&self, send: Send) -> Begun<'_> {
        Begun {
            ticket: send.ticket,
            index: &self.index,
            provider: &self.provider,
            origin: self.base.origin(),
            is_operators: self.named_by == NamedBy::Settings,
            model: self.model_change(),
        }
    }

    /// How it changes the model that the caller asks for.
    pub fn model_change(&self) -> ModelChange<'_> {
        let mut set = self.override_params.iter().rev();
        let set = set.find(|(key, _)| &**key == "model");
        ModelChange {
            set: set.map(|(_, json)| &**json),
            prefix: self.model_prefix.as_deref(),
        }
    }

    /// What a reply tells of it. `withheld`: names of the caller's credentials that it does not
    /// get.
    pub fn route(&self, withheld: Option<HeaderValue>) -> Route {
        Route {
            provider: self.provider.clone(),
            index: self.index.clone(),
            retries: 0,
            withheld,
            replay_lost: false,
        }
    }
}

impl Plan {
    pub fn target(&self, id: TargetId) -> &Target {
        &self.targets[id]
    }

    /// The target that replies call so.
    pub fn target_of(&self, given_by: &GivenBy) -> Option<&Target> {
        let is_it = |it: &&Target| it.index == given_by.index && it.provider == given_by.provider;
        self.targets.iter().find(is_it)
    }

    /// The target that replies tell of so breaks off streams without a last event.
    pub fn ends_strictly(&self, route: Option<&Route>) -> bool {
        let is_it = |target: &&Target| route.is_some_and(|it| it.index == target.index);
        self.targets
            .iter()
            .find(is_it)
            .is_some_and(|it| it.strict_end)
    }

    /// The target may be tried again.
    pub fn retries(&self, id: TargetId) -> bool {
        self.tree.nodes.iter().any(|node| {
            matches!(node, Node::Target { target, retry, .. }
                if *target == id && retry.attempts > 0)
        })
    }

    /// Hedges for each request to the target, if it is hedged.
    pub fn hedge_ratio(&self, id: TargetId) -> Option<f64> {
        self.tree.nodes.iter().find_map(|node| match node {
            Node::Target { target, hedge, .. } if *target == id => hedge.map(|it| it.max_ratio),
            Node::Target { .. } | Node::Group { .. } => None,
        })
    }

    /// The body is read whole before anything is sent.
    pub fn needs_body(&self) -> bool {
        let needs = |target: &Target| target.edits_body() || target.signs_body();
        self.reads_body || self.targets.iter().any(needs)
    }
}

impl<'a> Makers<'a> {
    /// The config of requests that name no target, with its name.
    fn default_config(&self) -> Option<(&'a str, &'a Entry)> {
        let name = self.default_config?;
        let entry = self.known.configs.get(name)?;
        Some((name, entry))
    }
}

/// What a plan is made with.
#[derive(Clone, Copy)]
pub struct Makers<'a> {
    pub known: &'a Known,
    pub policy: &'a Policy,
    /// The config under `configs` of requests that name no target.
    pub default_config: Option<&'a str>,
}
