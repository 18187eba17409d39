//! The resolved plan as JSON, for dry runs and for `explain`: targets in order with the guard's
//! verdict, credentials by name only. Sends nothing.

mod budgets;
mod request;

use std::time::Duration;

use actix_http::{Response, StatusCode, header};
use bytes::Bytes;
use serde_json::{Value, json};

pub use self::request::{Described, DescribedRequest, Lines};
use super::{
    admit::Admitted,
    plan::{CachePolicy, CredentialForwarding, OwnCredential, Planned, Target, TargetTimeouts},
    prepare::Prepared,
    send::vet::{Unvetted, Vetter},
    world::LiveWorld,
};
use crate::{
    cache::{
        NoCacheReason,
        key::{CacheKey, Namespace},
    },
    error::{Code, GatewayError},
    gateway::Gateway,
    guard::{NamedBy, VettedTarget},
    route::{
        attempts::{Send, World as _},
        limit::{Scope, Scoped},
        policy::{BreakerPolicy, Hedge, Retry},
        tree::{Node, TargetId},
    },
};

/// The response to any other method than POST (RFC 9110 §15.5.6).
pub fn only_post() -> Response<Bytes> {
    let message = "explain takes a POST with a JSON body";
    let mut response = GatewayError::new(Code::MethodNotAllowed, message).response();
    let post = header::HeaderValue::from_static("POST");
    response.headers_mut().insert(header::ALLOW, post);
    response
}

/// Tells the plan instead of carrying it out. `is_running`: this process serves requests, and
/// knows what is spent of budgets.
pub async fn explain(
    admitted: &Admitted<'_>,
    prepared: &Prepared<'_>,
    targets: &Vetter,
    is_running: bool,
) -> Response<Bytes> {
    let cached = prepared.cached.as_ref();
    let explained = Explained {
        targets,
        gateway: admitted.gateway,
        plan: prepared.plan,
        world: &prepared.world,
        rest: admitted.routed.rest,
        request_timeout: admitted.directives.request_timeout,
        first: prepared.first,
        cache: cache(cached.map(|(it, key)| (&it.policy, key))),
        budgets: budgets::shown(admitted, prepared.plan, is_running).await,
    };
    explained.response().await
}

struct Explained<'a> {
    targets: &'a Vetter,
    gateway: &'a Gateway,
    plan: &'a Planned,
    world: &'a LiveWorld<'a>,
    /// The path after the gateway's prefix.
    rest: &'a str,
    request_timeout: Option<Duration>,
    first: Send,
    /// What the cache would do, as [`cache`] tells it.
    cache: Value,
    budgets: Vec<Value>,
}

impl Explained<'_> {
    /// The plan as a response.
    async fn response(&self) -> Response<Bytes> {
        let mut text = serde_json::to_vec_pretty(&self.plan().await).unwrap_or_default();
        text.push(b'\n');
        let mut response = Response::with_body(StatusCode::OK, Bytes::from(text));
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static("application/json"),
        );
        response
    }

    async fn plan(&self) -> Value {
        let plan = self.plan;
        let mut targets = Vec::with_capacity(plan.targets.len());
        for node in &plan.tree.nodes {
            if let Node::Target {
                target,
                retry,
                hedge,
            } = node
            {
                let verdict = self.targets.vet(plan, *target).await;
                targets.push(self.described(*target, retry, hedge.as_ref(), verdict));
            }
        }
        json!({
            "method": self.world.presented.head.method.as_str(),
            "first": text(&plan.target(self.first.target).index),
            "order": plan.order(),
            "targets": targets,
            "body": {
                "read_first": plan.needs_body(),
                "kept_for_replay": plan.may_replay,
                "replay_limit": self.gateway.replay_limit,
            },
            "cache": self.cache,
            "limits": limits(self.gateway.limits.requests.iter().chain(&plan.limits)),
            "budgets": self.budgets,
            "notes": plan.notes,
        })
    }

    /// The base path of a host of the settings may hold a credential: it is for the operator, and
    /// where no admin token is needed, others see plans, too.
    fn path(&self, target: &Target) -> String {
        let base = match (target.named_by, self.gateway.has_admin_token()) {
            (NamedBy::Caller, _) | (_, true) => target.base.raw_path(),
            (NamedBy::Settings, false) => "...",
        };
        format!("{base}{}", self.rest)
    }

    fn credentials(&self, target: &Target) -> Value {
        json!({
            "callers": match target.credentials {
                CredentialForwarding::Forwarded => "forwarded",
                CredentialForwarding::Withheld => "withheld",
                CredentialForwarding::Replaced => "replaced",
            },
            "withheld": self.world.withheld(target).as_ref().map(text),
            "own": target.own_credential.as_ref().map(OwnCredential::name),
        })
    }

    fn described(
        &self,
        id: TargetId,
        retry: &Retry,
        hedge: Option<&Hedge>,
        verdict: Result<VettedTarget, Unvetted>,
    ) -> Value {
        let target = self.world.plan.target(id);
        let of_config = target.request_timeout.map(|it| it.time);
        let limit = self.request_timeout.or(of_config);
        json!({
            "index": text(&target.index),
            "name": target.name,
            "provider": text(&target.provider),
            "origin": target.base.origin(),
            "path": self.path(target),
            "named_by": match target.named_by {
                NamedBy::Caller => "caller",
                NamedBy::Settings => "settings",
            },
            "guard": guard(verdict),
            "credentials": self.credentials(target),
            "headers": { "set": edited(target, true), "removed": edited(target, false) },
            "body_edits": edited_keys(target),
            "retry": retries(retry),
            "hedge": hedge.map(hedging),
            "request_timeout": limit.map(milliseconds),
            "timeouts": timeouts(&target.timeouts),
            "limits": limits(self.gateway.limits.attempts.iter().chain(&target.limits)),
            "breaker": target.breaker.as_ref().map(|policy| breaker(policy, self.world.admits(id))),
        })
    }
}

/// The headers that are set for the target, or taken out.
fn edited(target: &Target, set: bool) -> Vec<&str> {
    let edits = target.edits.iter();
    let edits = edits.filter(|(_, value)| value.is_some() == set);
    edits.map(|(name, _)| name.as_str()).collect()
}

fn hedging(hedge: &Hedge) -> Value {
    json!({ "after": milliseconds(hedge.after), "max_ratio": hedge.max_ratio })
}

fn retries(retry: &Retry) -> Value {
    json!({
        "attempts": retry.attempts,
        "on_status_codes": retry.on_status_codes.iter().collect::<Vec<_>>(),
        "use_retry_after_header": retry.use_retry_after_header,
    })
}

/// What the cache would do: the key, or why it has no part in the request. `None`: it was not
/// asked.
fn cache(asked: Option<(&CachePolicy, &Result<CacheKey, NoCacheReason>)>) -> Value {
    let reason = match asked {
        None => &NoCacheReason::NotAsked,
        Some((_, Err(reason))) => reason,
        Some((policy, Ok(key))) => {
            let (namespace, shared) = match &policy.namespace {
                Namespace::None => (None, false),
                Namespace::Caller(name) => (Some(name), false),
                Namespace::Settings(name) => (Some(name), true),
            };
            return json!({
                "cacheable": true,
                "key": key.to_string(),
                "ttl": policy.ttl.as_secs(),
                "namespace": namespace,
                "shared": shared,
            });
        }
    };
    json!({ "cacheable": false, "reason": reason.name() })
}

fn limits<'l>(limits: impl Iterator<Item = &'l Scoped>) -> Vec<Value> {
    let limit = |scoped: &Scoped| {
        let rate = scoped.limit.rate;
        let of_tokens = scoped.limit.tokens.map(|it| it.window);
        let window = rate.map(|it| it.window).or(of_tokens);
        json!({
            "place": scoped.place,
            "requests": rate.map(|it| it.requests),
            "tokens": scoped.limit.tokens.map(|it| it.tokens),
            "window": window.map(milliseconds),
            "burst": rate.map(|it| it.burst),
            "concurrent": scoped.limit.concurrent,
            "by": scoped.limit.by.name(),
            "counts": match scoped.scope {
                Scope::Caller => "this caller",
                Scope::Settings => "everybody",
            },
        })
    };
    limits.map(limit).collect()
}

fn guard(verdict: Result<VettedTarget, Unvetted>) -> Value {
    match verdict {
        Ok(_) => json!({ "verdict": "allowed" }),
        Err(unvetted) => {
            let error = GatewayError::from(unvetted);
            json!({ "verdict": "refused", "code": error.code.name(), "message": error.message })
        }
    }
}

fn edited_keys(target: &Target) -> Vec<&str> {
    let overridden = target.override_params.iter().map(|(key, _)| &**key);
    let prefix = target.model_prefix.as_ref().map(|_| "model");
    let mut keys: Vec<&str> = prefix.into_iter().chain(overridden).collect();
    keys.dedup();
    keys
}

fn breaker(policy: &BreakerPolicy, admits: bool) -> Value {
    json!({
        "admits": admits,
        "failure_threshold": policy.failure_threshold,
        "failure_threshold_percentage": policy.failure_threshold_percentage,
        "minimum_requests": policy.minimum_requests,
        "cooldown_interval": milliseconds(policy.cooldown),
    })
}

fn timeouts(times: &TargetTimeouts) -> Value {
    json!({
        "connect": milliseconds(times.connect.time),
        "head": milliseconds(times.head.time),
        "first_token": times.first_token.map(|it| milliseconds(it.time)),
        "idle": milliseconds(times.idle.time),
        "total": times.total.map(|it| milliseconds(it.time)),
    })
}

fn text(value: &header::HeaderValue) -> &str {
    value.to_str().unwrap_or_default()
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
