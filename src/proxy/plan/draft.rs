//! One target of a plan: everything it inherits and names put together, then what depends on the others.

use std::{
    cell::{OnceCell, RefCell},
    time::Duration,
};

use actix_http::header::{HeaderName, HeaderValue};

use super::{
    CachePolicy, Makers, Target, TargetTimeouts,
    credentials::{CallerCredentials, Claim},
    named::Named,
    resolve::{Given, Inherited},
};
use crate::{
    config::Timeouts,
    egress::{BaseUrl, NamedBy},
    error::GatewayError,
    route::{
        limit::{Scope, Scoped},
        object::Entry,
        policy::{BreakerPolicy, HeaderEdit, Hedge, Retry, TimeoutsAsked},
    },
};

/// A target but for what depends on the other targets.
pub(super) struct Draft {
    path: Box<str>,
    target_name: Option<Box<str>>,
    provider: HeaderValue,
    base: BaseUrl,
    named_by: NamedBy,
    forward: Option<bool>,
    own_credential: Option<HeaderName>,
    edits: Vec<HeaderEdit>,
    request_timeout: Option<Duration>,
    timeouts: TargetTimeouts,
    breaker: Option<BreakerPolicy>,
    override_params: Box<[(Box<str>, Box<str>)]>,
    pub retry: Retry,
    pub hedge: Option<Hedge>,
    limits: Vec<Scoped>,
    cache: Option<CachePolicy>,
    model_prefix: Option<Box<str>>,
}

impl Draft {
    /// `scheme://host:port`.
    pub fn origin(&self) -> &str {
        self.base.origin()
    }

    pub fn of(
        entry: &Entry,
        here: &Inherited<'_>,
        path: &str,
        given: &Given<'_>,
        makers: Makers<'_>,
    ) -> Result<Self, GatewayError> {
        let named = Named::of(entry, here, path, given, makers.known)?;
        named.check_operators_secrets(entry, path, given)?;
        let host = named.host(path, given)?;
        let base = BaseUrl::parse(host.text).map_err(|error| host.unreadable(path, &error))?;
        let edits = named.edits(entry, path, &makers.known.credentials.headers)?;
        let provided = named.settings;
        let timeouts = here.timeouts.or(provided.and_then(|it| it.timeouts));
        let request_timeout = provided.and_then(|it| it.request_timeout);
        Ok(Draft {
            path: path.into(),
            target_name: entry.name.clone(),
            provider: named.reply_value(),
            named_by: host.named_by,
            forward: named.forward(here, path, host.named_by, given)?,
            own_credential: edits.own_credential,
            edits: edits.lines,
            request_timeout: here.request_timeout.or(request_timeout),
            timeouts: TargetTimeouts::of(&makers.known.timeouts, timeouts),
            breaker: here.breaker.cloned(),
            override_params: override_params(here, provided),
            retry: here
                .retry
                .or(provided.and_then(|it| it.retry.as_ref()))
                .cloned()
                .unwrap_or_default(),
            hedge: here.hedge.or(provided.and_then(|it| it.hedge)),
            limits: limits(here, &named, provided),
            cache: cache(here, provided, given, makers),
            model_prefix: named.model_prefix(given),
            base,
        })
    }

    /// `only_origin`: the plan has no other.
    pub fn finish(self, only_origin: bool, makers: Makers<'_>) -> Result<Target, GatewayError> {
        let pass = makers.policy.judge_host(&self.base, self.named_by);
        let pass = pass.map_err(|denied| {
            let mut error = GatewayError::from(denied);
            if &*self.path != "config" {
                error.message = format!("{}: {}", self.path, error.message).into();
            }
            error
        })?;
        Ok(Target {
            index: HeaderValue::from_str(&self.path)
                .unwrap_or_else(|_| HeaderValue::from_static("config")),
            name: self.target_name,
            provider: self.provider,
            credentials: CallerCredentials::decide(Claim {
                named_by: self.named_by,
                has_own: self.own_credential.is_some(),
                forward: self.forward,
                only_origin,
            }),
            base: self.base,
            named_by: self.named_by,
            pass,
            request_timeout: self.request_timeout,
            timeouts: self.timeouts,
            breaker: self.breaker,
            limits: self.limits.into(),
            cache: self.cache,
            edits: self.edits.into(),
            own_credential: self.own_credential,
            override_params: self.override_params,
            model_prefix: self.model_prefix,
            verdict: RefCell::default(),
            retries: OnceCell::new(),
        })
    }
}

/// The config's word, else the provider's, else the settings'.
fn cache(
    here: &Inherited<'_>,
    provided: Option<&Entry>,
    given: &Given<'_>,
    makers: Makers<'_>,
) -> Option<CachePolicy> {
    if let Some(asked) = here.cache {
        return CachePolicy::of(asked, given.named_by);
    }
    let provided = provided.and_then(|it| it.cache.as_ref());
    let asked = provided.or(makers.known.cache.as_ref())?;
    CachePolicy::of(asked, NamedBy::Settings)
}

/// Those of the config, and the provider's own.
fn limits(here: &Inherited<'_>, named: &Named<'_>, provided: Option<&Entry>) -> Vec<Scoped> {
    let own = provided.and_then(|it| it.rate_limit.clone());
    let place = || format!("providers.{}.rate_limit", named.name());
    let own = own.map(|limit| Scoped::new(limit, Scope::Settings, place()));
    here.limits.iter().cloned().chain(own).collect()
}

/// A provider's own are the outermost.
fn override_params(here: &Inherited<'_>, provided: Option<&Entry>) -> Box<[(Box<str>, Box<str>)]> {
    let own = || here.override_params.iter().copied();
    let is_replaced = |key: &str| own().any(|(own, _)| **own == *key);
    let outer = provided.map_or(&[][..], |it| &it.override_params);
    let outer = outer.iter().filter(|(key, _)| !is_replaced(key));
    outer.chain(own()).cloned().collect()
}

impl TargetTimeouts {
    fn of(settings: &Timeouts, asked: Option<TimeoutsAsked>) -> Self {
        let exact = asked.is_some();
        let asked = asked.unwrap_or_default();
        TargetTimeouts {
            connect: asked.connect.unwrap_or(settings.connect),
            head: asked.head.unwrap_or(settings.head),
            first_token: asked.first_token,
            idle: asked.idle.unwrap_or(settings.idle),
            total: asked.total.or(settings.total),
            exact,
        }
    }
}
