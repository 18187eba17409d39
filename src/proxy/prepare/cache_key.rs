//! The cache's part in a request: whether config and headers ask for it, and the key under which a
//! response to it is stored.

use bytes::Bytes;

use crate::{
    cache::{
        NoCacheReason, Route, cacheable,
        key::{self, BodyDigest, CacheKey, Namespace},
    },
    directives::CacheDirectives,
    error::GatewayError,
    proxy::{
        admit::{Admitted, caller::CallerCredentials},
        offload,
        plan::{CachePolicy, CredentialForwarding, Plan, Target},
        url,
    },
    rate_limit::Identity,
    route::tree::TargetId,
};

/// What config and headers ask for, taken together; `None`: no cache.
pub fn asked(target: &Target, headers: &CacheDirectives) -> Option<CachePolicy> {
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
    pub admitted: &'a Admitted<'a>,
    pub plan: &'a Plan,
    pub policy: CachePolicy,
}

impl<'a> Cacheable<'a> {
    /// If config or headers ask for the cache; `first`: the target that is tried first.
    pub fn asked(admitted: &'a Admitted<'_>, plan: &'a Plan, first: TargetId) -> Option<Self> {
        let policy = asked(plan.target(first), &admitted.directives.cache)?;
        Some(Cacheable {
            admitted,
            plan,
            policy,
        })
    }
}

impl Cacheable<'_> {
    /// Judges what is known before the body is read.
    ///
    /// # Errors
    /// Why the cache has no part in it.
    fn check_head(&self) -> Result<Route, NoCacheReason> {
        cacheable::head_verdict(cacheable::Request {
            method: &self.admitted.head.method,
            path: self.admitted.routed.path,
            headers: self.admitted.head.headers(),
            more_paths: &self.admitted.gateway.cache.paths,
        })
    }

    /// The key under which a response is stored, or why the cache has no part in the request.
    /// `read`: the whole body, or why it cannot be looked at.
    ///
    /// # Errors
    /// What goes wrong with the body.
    pub async fn key(
        &self,
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
        match offload::by_size(self.admitted.client(), length, judge).await? {
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
        let CallerCredentials { names, query, .. } = self.admitted.presented;
        let shared = self.policy.namespace.is_shared();
        let targets: Vec<key::Target<'_>> = candidates.iter().map(|id| self.target(*id)).collect();
        let lines = self.admitted.fields.end_to_end.iter().copied();
        let headers = lines
            .filter(|(name, _)| !names.headers.contains(*name))
            .collect();
        let query = match shared {
            true => query.and_then(|it| url::without(it, &names.query)),
            false => query.map(Into::into),
        };
        let request = key::Request {
            namespace: &self.policy.namespace,
            caller: self.admitted.presented.identity().map(Identity::as_bytes),
            targets: &targets,
            method: self.admitted.presented.head.method.as_str(),
            path: self.admitted.routed.rest,
            query: query.as_deref(),
            headers,
            noise: &self.admitted.gateway.cache.noise,
            body,
        };
        Ok(request.key())
    }

    fn target(&self, id: TargetId) -> key::Target<'_> {
        let target = self.plan.target(id);
        key::Target {
            base: &target.base,
            named_by: target.named_by,
            gets_credentials: target.credentials == CredentialForwarding::Forwarded,
            edits: &target.edits,
            credential: target.scheme.as_ref().map(|it| it.fingerprint().as_bytes()),
            override_params: &target.override_params,
            model_prefix: target.model_prefix.as_deref(),
        }
    }
}
