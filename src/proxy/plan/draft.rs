//! One target of a plan: everything it inherits and names put together, then what depends on the
//! others.

use std::time::Duration;

use actix_http::header::HeaderValue;

use super::{
    CachePolicy, Makers, Target, TargetTimeouts, TimeLimit,
    binding::{self, At, Bound, Parts},
    credentials::{Claim, CredentialForwarding},
    named::{Forward, Named},
    resolve::{Given, Inherited},
};
use crate::{
    config::Timeouts,
    error::GatewayError,
    gateway::Known,
    guard::NamedBy,
    route::{
        Provider,
        config_types::Entry,
        limit::{Scope, Scoped},
        policy::{BreakerPolicy, ForwardHeaders, Hedge, Retry, TimeoutsAsked},
    },
};

/// A target but for what depends on the other targets.
pub(super) struct Draft {
    path: Box<str>,
    target_name: Option<Box<str>>,
    provider: HeaderValue,
    named: Provider,
    bound: Bound,
    forward: Forward,
    request_timeout: Option<TimeLimit>,
    timeouts: TargetTimeouts,
    strict_end: bool,
    breaker: Option<BreakerPolicy>,
    pub retry: Retry,
    pub hedge: Option<Hedge>,
    limits: Vec<Scoped>,
    cache: Option<CachePolicy>,
    model_prefix: Option<Box<str>>,
    forward_headers: ForwardHeaders,
    needs_credential: Option<Box<str>>,
}

impl Draft {
    /// `scheme://host:port`.
    pub fn origin(&self) -> &str {
        self.bound.binding.base.origin()
    }

    pub fn of(
        entry: &Entry,
        here: &Inherited<'_>,
        path: &str,
        given: &Given<'_>,
        makers: Makers<'_>,
    ) -> Result<Self, GatewayError> {
        let named = Named::of(entry, here, path, given, makers.known)?;
        let bound = bind(&named, entry, here, path, given, makers)?;
        let provided = named.settings;
        let request_timeout = provided.and_then(|it| it.request_timeout);
        Ok(Draft {
            path: path.into(),
            target_name: entry.name.clone(),
            provider: named.reply_value(),
            named: named.as_named(),
            forward: named.forward(here, path, bound.binding.named_by, given)?,
            request_timeout: set_by(given.named_by, here.request_timeout)
                .or(set_by(NamedBy::Settings, request_timeout)),
            timeouts: match here.timeouts {
                Some(asked) => TargetTimeouts::of(&makers.known.timeouts, asked, given.named_by),
                None => TargetTimeouts::of_settings(makers.known, provided),
            },
            strict_end: here
                .strict_end
                .or(provided.and_then(|it| it.strict_end))
                .unwrap_or_default(),
            breaker: here.breaker.cloned(),
            retry: here
                .retry
                .or(provided.and_then(|it| it.retry.as_ref()))
                .cloned()
                .unwrap_or_default(),
            hedge: here.hedge.or(provided.and_then(|it| it.hedge)),
            limits: limits(here, &named, provided),
            cache: cache(here, provided, given, makers),
            model_prefix: named.model_prefix(given),
            forward_headers: named.forward_headers(),
            needs_credential: named.needs_credential(),
            bound,
        })
    }

    /// `only_origin`: the plan has no other.
    ///
    /// # Errors
    /// `invalid_config` for a credential of the caller's that may not go there.
    pub fn finish(self, only_origin: bool, makers: Makers<'_>) -> Result<Target, GatewayError> {
        let binding = self.bound.binding;
        let claim = Claim {
            named_by: binding.named_by,
            has_own: binding.credential.is_some(),
            forward: self.forward,
            only_origin,
        };
        let (credentials, own_credential) = match self.bound.callers {
            None => (CredentialForwarding::decide(claim), binding.credential),
            Some((own, _)) if claim.admits_callers() => (CredentialForwarding::Replaced, Some(own)),
            Some((_, key)) => return Err(binding::refuse_credential(&self.path, key)),
        };
        let edits = self.bound.request_lines.into_iter().chain(binding.lines);
        Ok(Target {
            index: HeaderValue::from_str(&self.path)
                .unwrap_or_else(|_| HeaderValue::from_static("config")),
            name: self.target_name,
            provider: self.provider,
            credentials,
            pass: makers.policy.judge_host(&binding.base, binding.named_by),
            base: binding.base,
            named_by: binding.named_by,
            named: self.named,
            request_timeout: self.request_timeout,
            timeouts: self.timeouts,
            strict_end: self.strict_end,
            breaker: self.breaker,
            limits: self.limits.into(),
            cache: self.cache,
            edits: edits.collect(),
            lacks_credential: self.needs_credential.filter(|_| own_credential.is_none()),
            own_credential,
            scheme: binding.scheme,
            override_params: binding::merged(&self.bound.request_params, &binding.params),
            model_prefix: self.model_prefix,
            forward_headers: self.forward_headers,
        })
    }
}

/// Binds what caller and operator say of the target to its host.
fn bind(
    named: &Named<'_>,
    entry: &Entry,
    here: &Inherited<'_>,
    path: &str,
    given: &Given<'_>,
    makers: Makers<'_>,
) -> Result<Bound, GatewayError> {
    let at = At {
        path,
        names: &makers.known.credentials,
        catalogue: named.catalogue,
    };
    let params = here.override_params.clone();
    let (caller, operator) = match given.named_by {
        NamedBy::Caller => (Parts::of(entry, params), Parts::default()),
        NamedBy::Settings => (Parts::default(), Parts::of(entry, params)),
    };
    let operator = match named.settings {
        Some(provider) => operator.over(provider),
        None => operator,
    };
    Bound::of(&named.host(path, given)?, caller, operator, &at)
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

fn set_by(set_by: NamedBy, time: Option<Duration>) -> Option<TimeLimit> {
    time.map(|time| TimeLimit::set_by(set_by, time))
}

impl TargetTimeouts {
    /// `asked_by`: who wrote the config that asks for these.
    fn of(settings: &Timeouts, asked: TimeoutsAsked, asked_by: NamedBy) -> Self {
        let asked_or = |asked, settings| {
            let asked = set_by(asked_by, asked);
            asked.unwrap_or(TimeLimit::set_by(NamedBy::Settings, settings))
        };
        TargetTimeouts {
            connect: asked_or(asked.connect, settings.connect),
            head: asked_or(asked.head, settings.head),
            first_token: set_by(asked_by, asked.first_token),
            idle: asked_or(asked.idle, settings.idle),
            total: set_by(asked_by, asked.total).or(set_by(NamedBy::Settings, settings.total)),
            exact: true,
        }
    }

    /// The provider's, or else the settings'.
    fn of_settings(known: &Known, provided: Option<&Entry>) -> Self {
        let asked = provided.and_then(|it| it.timeouts);
        TargetTimeouts {
            exact: asked.is_some(),
            ..Self::of(
                &known.timeouts,
                asked.unwrap_or_default(),
                NamedBy::Settings,
            )
        }
    }
}
