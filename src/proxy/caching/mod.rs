//! The cache's part in one request: whether it has one, the answer that was given before or is under way, and the keeping of a new
//! one. What may be kept, and under which key, is `cache`'s to say.

mod again;
mod begin;
mod keeping;
mod look;
mod pump;

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;

pub use self::{
    again::hit,
    begin::Head,
    keeping::Keeping,
    look::{Joined, Looked},
    pump::{Begun, BodyTimes},
};
use super::{
    headers::Hop,
    offload,
    plan::{CachePolicy, CallerCredentials, Plan, Target},
    presented::Presented,
    url,
};
use crate::{
    cache::{
        NoCacheReason, Route,
        answer::UnixMillis,
        cacheable,
        key::{self, BodyDigest, CacheKey, Caller, Namespace},
    },
    directives::{self, CacheDirectives},
    error::GatewayError,
    gateway::Gateway,
    memory::Share,
    rate_limit::Identity,
    route::tree::TargetId,
};

/// What config and headers ask for, taken together; `None`: no cache.
fn asked(target: &Target, headers: &CacheDirectives) -> Option<CachePolicy> {
    let given = target.cache.clone();
    let mut policy = match headers.enabled {
        Some(false) => return None,
        Some(true) => given.unwrap_or(CachePolicy {
            ttl: CachePolicy::DEFAULT_TTL,
            namespace: Namespace::None,
        }),
        None => given?,
    };
    policy.ttl = headers.ttl.unwrap_or(policy.ttl);
    // A caller's word sets its own entries apart; it never lets others in.
    if let Some(name) = &headers.namespace {
        policy.namespace = Namespace::Caller(name.as_str().into());
    }
    Some(policy)
}

/// A request that the cache looks at.
pub struct Cacheable<'a> {
    pub gateway: &'a Gateway,
    pub plan: &'a Plan,
    pub presented: &'a Presented<'a>,
    pub hop: &'a Hop<'a>,
    /// The path as the caller sent it.
    pub path: &'a str,
    /// The path after the gateway's prefix.
    pub rest: &'a str,
    pub policy: CachePolicy,
}

impl<'a> Cacheable<'a> {
    /// If config or headers ask for the cache; `first`: the target that is tried first.
    pub fn asked(
        gateway: &'a Gateway,
        plan: &'a Plan,
        first: TargetId,
        headers: &CacheDirectives,
        seen: Seen<'a>,
    ) -> Option<Self> {
        let Seen {
            presented,
            hop,
            path,
            rest,
        } = seen;
        let policy = asked(plan.target(first), headers)?;
        Some(Cacheable {
            gateway,
            plan,
            presented,
            hop,
            path,
            rest,
            policy,
        })
    }
}

/// What the cache looks at of a request.
pub struct Seen<'a> {
    pub presented: &'a Presented<'a>,
    pub hop: &'a Hop<'a>,
    /// The path as the caller sent it.
    pub path: &'a str,
    /// The path after the gateway's prefix.
    pub rest: &'a str,
}

impl Cacheable<'_> {
    /// Judges what is known before the body is read.
    ///
    /// # Errors
    /// Why the cache has no part in it.
    fn check_head(&self) -> Result<Route, NoCacheReason> {
        cacheable::head_verdict(cacheable::Request {
            method: &self.presented.head.method,
            path: self.path,
            headers: self.presented.head.headers(),
            more_paths: &self.gateway.cache.paths,
        })
    }

    /// The key under which an answer is kept, or why the cache has no part in the request. `read`:
    /// the whole body, or why it cannot be looked at.
    ///
    /// # Errors
    /// What goes wrong with the body.
    pub async fn key(
        &self,
        client: Share,
        read: impl AsyncFnOnce() -> Result<Result<Bytes, NoCacheReason>, GatewayError>,
        candidates: &[TargetId],
    ) -> Result<Result<CacheKey, NoCacheReason>, GatewayError> {
        let route = match self.check_head() {
            Ok(route) => route,
            Err(reason) => return Ok(Err(reason)),
        };
        let body = match read().await? {
            Ok(body) => body,
            Err(reason) => return Ok(Err(reason)),
        };
        let length = body.len();
        let judge = move || {
            let verdict = cacheable::body_verdict(route, &body);
            verdict.map(|()| BodyDigest::of(&body))
        };
        match offload::by_size(client, length, judge).await? {
            Ok(digest) => Ok(self.key_of(route, &digest, candidates)),
            Err(reason) => Ok(Err(reason)),
        }
    }

    fn key_of(
        &self,
        route: Route,
        body: &BodyDigest,
        candidates: &[TargetId],
    ) -> Result<CacheKey, NoCacheReason> {
        for id in candidates {
            cacheable::edits_verdict(route, &self.plan.target(*id).override_params)?;
        }
        let Presented {
            names, head, query, ..
        } = *self.presented;
        let shared = self.policy.namespace.is_shared();
        let targets: Vec<key::Target<'_>> = candidates.iter().map(|id| self.target(*id)).collect();
        let headers = head
            .headers()
            .iter()
            .filter(|(name, _)| !self.hop.ends_here(name))
            .filter(|(name, _)| !directives::is_ours(name, self.gateway.portkey))
            .filter(|(name, _)| !names.headers.contains(name))
            .collect();
        let query = match shared {
            true => query.and_then(|it| url::without(it, &names.query)),
            false => query.map(Into::into),
        };
        let request = key::Request {
            namespace: &self.policy.namespace,
            caller: Caller::Credentials(self.presented.identity().map(Identity::as_bytes)),
            targets: &targets,
            method: self.presented.head.method.as_str(),
            path: self.rest,
            query: query.as_deref(),
            headers,
            noise: &self.gateway.cache.noise,
            body,
        };
        Ok(request.key())
    }

    fn target(&self, id: TargetId) -> key::Target<'_> {
        let target = self.plan.target(id);
        key::Target {
            base: &target.base,
            named_by: target.named_by,
            gets_credentials: target.credentials == CallerCredentials::Forwarded,
            edits: &target.edits,
            override_params: &target.override_params,
            model_prefix: target.model_prefix.as_deref(),
        }
    }
}

fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    UnixMillis(since.map_or(0, |it| u64::try_from(it.as_millis()).unwrap_or(u64::MAX)))
}
