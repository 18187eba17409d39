//! Looking for an answer: one that is kept, or one that is under way for somebody who asks the same.

use std::{future::poll_fn, sync::Arc, task::Poll, time::Duration};

use actix_http::StatusCode;

use super::{
    Cacheable, Keeping,
    keeping::{Lead, Store},
    now,
};
use crate::{
    cache::{
        NoCacheReason,
        answer::StoredAnswer,
        flight::{Abandoned, Entered, Reader},
        key::CacheKey,
    },
    directives::Directives,
    downstream::Link,
    error::GatewayError,
    gateway::{Beginning, FlightKey, PurgeCount, SharedHead},
    memory::Account,
    proxy::drive::client_fault,
    record::CacheStatus,
    replicas::Unavailable,
};

/// What came of looking.
pub enum Looked {
    /// The cache has no part in the request.
    Nowhere(NoCacheReason),
    Found(Arc<StoredAnswer>),
    /// Somebody asks the same: this is what comes of it.
    Joined(Result<Joined, GatewayError>),
    /// What keeps the answer to come, or why nothing does.
    Missed(Result<Box<Keeping>, NoCacheReason>),
}

impl Looked {
    /// As replies tell it.
    pub fn status(&self, refresh: bool) -> CacheStatus {
        match self {
            Looked::Nowhere(reason) => CacheStatus::Disabled(*reason),
            Looked::Found(_) => CacheStatus::Hit,
            Looked::Joined(joined) => CacheStatus::Joined {
                well: joined.as_ref().is_ok_and(Joined::is_well),
            },
            Looked::Missed(_) if refresh => CacheStatus::Refresh,
            Looked::Missed(_) => CacheStatus::Miss,
        }
    }
}

/// An answer that another request has begun.
pub struct Joined {
    pub head: Arc<SharedHead>,
    pub reader: Reader<Beginning>,
}

impl Joined {
    fn is_well(&self) -> bool {
        self.head.head.status() == StatusCode::OK
    }
}

impl Cacheable<'_> {
    /// Looks for an answer, and waits for one that is under way.
    ///
    /// # Errors
    /// The client left.
    pub async fn look(
        &self,
        key: Result<CacheKey, NoCacheReason>,
        directives: &Directives,
        link: &Link,
    ) -> Result<Looked, GatewayError> {
        let key = match key {
            Ok(key) => key,
            Err(reason) => return Ok(Looked::Nowhere(reason)),
        };
        if directives.cache.force_refresh == Some(true) {
            let store = self.refresh(&key).await;
            // What is under way may have been asked for before this was wanted.
            let lead = self.gateway.cache.flights.alone();
            return Ok(Looked::Missed(Ok(self.keeping(key, store, lead))));
        }
        loop {
            let ended = self.gateway.cache.flights.ended();
            let (found, store) = self.ask(&key).await;
            if let Some(answer) = found.filter(|answer| self.is_good(answer)) {
                return Ok(Looked::Found(answer));
            }
            let flight = self.flight(key, &store, directives.request_timeout);
            let reader = match self.gateway.cache.flights.enter(&flight) {
                Entered::Lead(lead) => {
                    // Another may have come to its end since.
                    if let Some(answer) = self.look_here_again(&key, ended) {
                        return Ok(Looked::Found(answer));
                    }
                    return Ok(Looked::Missed(Ok(self.keeping(key, store, lead))));
                }
                Entered::Join(reader) => reader,
            };
            self.gateway.metrics.cache_joined.inc();
            match beginning(&reader, link).await? {
                Ok(Beginning::Answer(head)) => {
                    return Ok(Looked::Joined(Ok(Joined { head, reader })));
                }
                Ok(Beginning::Failed(error)) => return Ok(Looked::Joined(Err(error))),
                Ok(Beginning::NotShared(reason)) => return Ok(Looked::Missed(Err(reason))),
                Err(Abandoned) => {}
            }
        }
    }

    async fn ask(&self, key: &CacheKey) -> (Option<Arc<StoredAnswer>>, Store) {
        match &self.gateway.cache.shared {
            None => self.look_here(key),
            Some(shared) => match shared.get(key, &self.policy.namespace).await {
                Ok((found, purges)) => (self.counted(found), Store::Shared(shared.clone(), purges)),
                Err(Unavailable) => (None, Store::Unavailable),
            },
        }
    }

    /// An answer from outside the process takes memory for as long as it is read. Without room for
    /// it the upstream is asked, whose answer passes piece by piece.
    fn counted(&self, found: Option<StoredAnswer>) -> Option<Arc<StoredAnswer>> {
        let found = found?;
        let room = self.account().reserve(found.body().len()).ok()?;
        Some(Arc::new(found.in_room(room)))
    }

    fn account(&self) -> Account {
        let client = self.presented.client();
        self.gateway.body_memory.account(client)
    }

    /// Where an answer is kept that is asked for whatever is kept already.
    async fn refresh(&self, key: &CacheKey) -> Store {
        let cache = &self.gateway.cache;
        match &cache.shared {
            None => Store::Memory(cache.memory.clone(), cache.memory.refreshes()),
            Some(shared) => match shared.purges(key, &self.policy.namespace).await {
                Ok(purges) => Store::Shared(shared.clone(), purges),
                Err(Unavailable) => Store::Unavailable,
            },
        }
    }

    fn look_here(&self, key: &CacheKey) -> (Option<Arc<StoredAnswer>>, Store) {
        let memory = &self.gateway.cache.memory;
        let asked = memory.asks();
        (memory.get(key, now()), Store::Memory(memory.clone(), asked))
    }

    fn look_here_again(&self, key: &CacheKey, ended: u64) -> Option<Arc<StoredAnswer>> {
        let cache = &self.gateway.cache;
        match cache.shared {
            None if cache.flights.ended() != ended => {
                let found = cache.memory.get(key, now());
                found.filter(|answer| self.is_good(answer))
            }
            _ => None,
        }
    }

    /// Not too old, neither for whoever had it kept nor for this caller.
    fn is_good(&self, answer: &StoredAnswer) -> bool {
        let now = now();
        answer.is_fresh(now) && answer.age(now) < self.policy.ttl
    }

    fn flight(&self, cache: CacheKey, store: &Store, timeout: Option<Duration>) -> FlightKey {
        let shared = self.policy.namespace.is_shared();
        let caller = shared.then(|| self.presented.identity().copied());
        FlightKey {
            cache,
            caller: caller.flatten(),
            purges: match store {
                Store::Memory(_, asked) => PurgeCount::Memory(asked.epoch),
                Store::Shared(_, purges) => PurgeCount::Shared(*purges),
                Store::Unavailable => PurgeCount::Unknown,
            },
            plan: self.plan.text.clone(),
            request_timeout: timeout,
        }
    }

    fn keeping(&self, key: CacheKey, store: Store, lead: Lead) -> Box<Keeping> {
        Box::new(Keeping {
            key,
            policy: self.policy.clone(),
            store,
            path: self.path.into(),
            lead,
            client: self.account().share(),
        })
    }
}

/// What the one who leads has to tell, for as long as the client waits for it.
async fn beginning(
    reader: &Reader<Beginning>,
    link: &Link,
) -> Result<Result<Beginning, Abandoned>, GatewayError> {
    poll_fn(|cx| match reader.poll_beginning(cx) {
        Poll::Ready(told) => Poll::Ready(Ok(told)),
        Poll::Pending => match link.expired() {
            Some(expired) => Poll::Ready(Err(client_fault(expired))),
            None => Poll::Pending,
        },
    })
    .await
}
