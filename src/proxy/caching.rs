//! The cache's part in one request: whether it has one, the answer that was given before, and the keeping of a new one. What may
//! be kept, and under which key, is `cache`'s to say.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use actix_http::{
    Response, StatusCode,
    header::{self, HeaderMap, HeaderValue},
};
use bytes::{Bytes, BytesMut};

use super::{
    ReplyBody,
    headers::Hop,
    plan::{CachePolicy, CallerCredentials, Plan, Target},
    presented::Presented,
    reply, url,
};
use crate::{
    cache::{
        NoCacheReason, Route,
        answer::{StoredAnswer, UnixMillis},
        cacheable,
        key::{self, CacheKey, Caller, Namespace},
        memory::{Epoch, MemoryStore},
        shared::{Purges, SharedStore},
        terminal::TerminalWatch,
    },
    dialect,
    directives::{self, CacheDirectives},
    downstream::ExchangeGuard,
    error::GatewayError,
    gateway::Gateway,
    observe::metrics::Outcome,
    record::{CacheStatus, Recorder},
    replicas::Unavailable,
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
    pub gateway: &'a Gateway,
    pub plan: &'a Plan,
    pub presented: Presented<'a>,
    pub hop: &'a Hop<'a>,
    /// The path after the gateway's prefix.
    pub rest: &'a str,
    pub policy: CachePolicy,
}

impl Cacheable<'_> {
    /// Judges what is known before the body is read.
    ///
    /// # Errors
    /// Why the cache has no part in it.
    fn check_head(&self) -> Result<Route, NoCacheReason> {
        cacheable::head_verdict(cacheable::Request {
            method: &self.presented.head.method,
            path: self.rest,
            headers: self.presented.head.headers(),
            more_paths: &self.gateway.cache.paths,
        })
    }

    /// The key under which an answer is kept, or why the cache has no part in the request. `read`: the whole body, or nothing if it is
    /// too large.
    ///
    /// # Errors
    /// What goes wrong with the body.
    pub async fn key(
        &self,
        read: impl AsyncFnOnce() -> Result<Option<Bytes>, GatewayError>,
        candidates: &[TargetId],
    ) -> Result<Result<CacheKey, NoCacheReason>, GatewayError> {
        let route = match self.check_head() {
            Ok(route) => route,
            Err(reason) => return Ok(Err(reason)),
        };
        let Some(body) = read().await? else {
            return Ok(Err(NoCacheReason::BodyOverLimit));
        };
        Ok(self.key_of(route, &body, candidates))
    }

    fn key_of(
        &self,
        route: Route,
        body: &[u8],
        candidates: &[TargetId],
    ) -> Result<CacheKey, NoCacheReason> {
        let body_streams = cacheable::body_verdict(route, body)?;
        let Presented {
            names, head, query, ..
        } = self.presented;
        let shared = self.policy.namespace.is_shared();
        let targets: Vec<key::Target<'_>> = candidates.iter().map(|id| self.target(*id)).collect();
        let headers: Vec<_> = head
            .headers()
            .iter()
            .filter(|(name, _)| !self.hop.ends_here(name))
            .filter(|(name, _)| !directives::is_ours(name, self.gateway.portkey))
            .filter(|(name, _)| !shared || !names.headers.contains(name))
            .collect();
        let query = match shared {
            true => query.and_then(|it| url::without(it, &names.query)),
            false => query.map(Into::into),
        };
        let credentials: Vec<_> = self.presented.credentials().collect();
        let accept = self.presented.head.headers().get(header::ACCEPT);
        let accept = accept.map(HeaderValue::as_bytes).unwrap_or_default();
        let asks =
            dialect::asks_for_stream(accept, self.rest, self.presented.query.unwrap_or_default());
        let request = key::Request {
            namespace: &self.policy.namespace,
            caller: Caller::Credentials(&credentials),
            targets: &targets,
            method: self.presented.head.method.as_str(),
            path: self.rest,
            query: query.as_deref(),
            headers: &headers,
            streams: asks || body_streams,
            body,
        };
        Ok(request.key())
    }

    fn target(&self, id: TargetId) -> key::Target<'_> {
        let target = self.plan.target(id);
        key::Target {
            base: &target.base,
            gets_credentials: target.credentials == CallerCredentials::Forwarded,
            edits: &target.edits,
            override_params: &target.override_params,
            model_prefix: target.model_prefix.as_deref(),
        }
    }

    /// Looks for an answer that is kept.
    pub async fn look(&self, key: Result<CacheKey, NoCacheReason>, refresh: bool) -> Looked {
        let key = match key {
            Ok(key) => key,
            Err(reason) => return Looked::Nowhere(reason),
        };
        let (found, store) = match &self.gateway.cache.shared {
            None => self.look_here(&key),
            Some(shared) => match shared.get(&key, &self.policy.namespace).await {
                Ok((found, purges)) => (found.map(Arc::new), Store::Shared(shared.clone(), purges)),
                Err(Unavailable) => return Looked::Missed(Err(NoCacheReason::StoreUnavailable)),
            },
        };
        match found.filter(|answer| !refresh && answer.is_fresh(now())) {
            Some(answer) => Looked::Found(answer),
            None => Looked::Missed(Ok(Keeping {
                key,
                policy: self.policy.clone(),
                store,
                path: self.rest.into(),
            })),
        }
    }

    fn look_here(&self, key: &CacheKey) -> (Option<Arc<StoredAnswer>>, Store) {
        let memory = &self.gateway.cache.memory;
        let epoch = memory.epoch();
        (memory.get(key, now()), Store::Memory(memory.clone(), epoch))
    }
}

/// Where an answer is to be kept, and as of when.
enum Store {
    Memory(Arc<MemoryStore>, Epoch),
    Shared(Arc<SharedStore>, Purges),
}

/// What came of looking.
pub enum Looked {
    /// The cache has no part in the request.
    Nowhere(NoCacheReason),
    Found(Arc<StoredAnswer>),
    /// What keeps the answer to come, or why nothing does.
    Missed(Result<Keeping, NoCacheReason>),
}

impl Looked {
    /// As replies tell it.
    pub fn status(&self, refresh: bool) -> CacheStatus {
        match self {
            Looked::Nowhere(reason) => CacheStatus::Disabled(*reason),
            Looked::Found(_) => CacheStatus::Hit,
            Looked::Missed(_) if refresh => CacheStatus::Refresh,
            Looked::Missed(_) => CacheStatus::Miss,
        }
    }
}

/// The keeping of an answer that has not come yet.
pub struct Keeping {
    key: CacheKey,
    policy: CachePolicy,
    store: Store,
    path: Box<str>,
}

impl Keeping {
    /// The answer's head has come, as it goes to the client.
    ///
    /// # Errors
    /// Why it is not kept.
    pub fn begin(self, status: StatusCode, headers: &HeaderMap) -> Result<Kept, NoCacheReason> {
        cacheable::answer_verdict(cacheable::Answer {
            status,
            headers,
            shared: self.policy.namespace.is_shared(),
        })?;
        Ok(Kept {
            watch: TerminalWatch::new(headers, &self.path),
            headers: headers.clone(),
            status,
            chunks: Vec::new(),
            bytes: 0,
            keeping: self,
        })
    }
}

/// An answer that is being kept while it passes.
pub struct Kept {
    keeping: Keeping,
    status: StatusCode,
    headers: HeaderMap,
    watch: TerminalWatch,
    chunks: Vec<Bytes>,
    bytes: u64,
}

impl Kept {
    /// The body's next bytes have passed.
    ///
    /// # Errors
    /// Why the answer is not kept after all.
    pub fn feed(&mut self, chunk: &Bytes) -> Result<(), NoCacheReason> {
        self.bytes += chunk.len() as u64;
        cacheable::size_verdict(self.bytes)?;
        self.watch.feed(chunk);
        self.chunks.push(chunk.clone());
        Ok(())
    }

    /// The body has ended cleanly.
    ///
    /// # Errors
    /// Why the answer is not kept after all.
    pub fn finish(self) -> Result<(), NoCacheReason> {
        self.watch.end()?;
        // A buffer of its own: a piece of a larger one would keep all of that.
        let mut body = BytesMut::with_capacity(usize::try_from(self.bytes).unwrap_or_default());
        self.chunks
            .iter()
            .for_each(|chunk| body.extend_from_slice(chunk));
        let Keeping {
            key, policy, store, ..
        } = self.keeping;
        let answer =
            StoredAnswer::new(self.status, &self.headers, body.freeze(), now(), policy.ttl);
        match store {
            Store::Memory(store, epoch) => {
                store.put(key, policy.namespace, Arc::new(answer), epoch);
            }
            Store::Shared(store, purges) => {
                // The client has its answer already. What fails is counted and logged there.
                actix_rt::spawn(async move {
                    let _ = store.put(&key, &answer, purges).await;
                });
            }
        }
        Ok(())
    }
}

/// Gives an answer again.
pub fn hit(
    answer: &StoredAnswer,
    mut recorder: Recorder,
    guard: ExchangeGuard,
) -> Response<ReplyBody> {
    recorder.note_status(answer.status().as_u16());
    recorder.note_bytes_out(answer.body().len());
    let body = ReplyBody::own(answer.body().clone(), guard);
    let mut response = Response::with_body(answer.status(), body);
    let headers = response.headers_mut();
    for (name, value) in answer.headers() {
        headers.append(name.clone(), value.clone());
    }
    let age: Duration = answer.age(now());
    headers.insert(header::AGE, HeaderValue::from(age.as_secs()));
    reply::trace(headers, recorder.trace_id().clone());
    reply::describe(headers, &recorder);
    recorder.close(Outcome::answered);
    response
}

fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    UnixMillis(since.map_or(0, |it| u64::try_from(it.as_millis()).unwrap_or(u64::MAX)))
}
