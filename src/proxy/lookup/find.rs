//! Looking for an answer: one that is kept, or one that is under way for somebody who asks the same.

use std::{future::poll_fn, sync::Arc, task::Poll, time::Duration};

use actix_http::StatusCode;

use super::{
    now,
    store::{Leader, PendingStore, Store},
};
use crate::{
    cache::{
        NoCacheReason,
        coalesce::{Abandoned, Entered, Follower},
        key::CacheKey,
        stored_response::{GivenBy, StoredResponse},
    },
    directives::Directives,
    downstream::ClientConnection,
    error::GatewayError,
    gateway::{Beginning, FlightKey, PurgeCount, SharedHead},
    memory::Account,
    proxy::{
        admit::Admitted,
        exchange::Exchange,
        pipeline::Reply,
        plan::Target,
        prepare::{Prepared, cache_key::Cacheable},
    },
    record::CacheStatus,
    redis_client::Unavailable,
};

/// What came of looking.
enum Looked {
    /// The cache has no part in the request.
    Nowhere(NoCacheReason),
    Found(Arc<StoredResponse>),
    /// Somebody asks the same: this is what comes of it.
    Joined(Result<Joined, GatewayError>),
    /// What keeps the answer to come, or why nothing does.
    Missed(Result<Box<PendingStore>, NoCacheReason>),
}

impl Looked {
    /// As replies tell it.
    fn status(&self, refresh: bool) -> CacheStatus {
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

/// A response that another request has begun.
pub struct Joined {
    pub head: Arc<SharedHead>,
    pub reader: Follower<Beginning>,
    /// A stream without its last event is an aborted transfer.
    pub strict_end: bool,
}

/// What is left to do.
pub enum Lookup {
    /// Nothing: this is the reply.
    Found(Reply),
    /// Send; and store the response there, if there is a place.
    Missed(Option<Box<PendingStore>>),
}

/// Looks for a response that is stored or under way, if the cache was asked for.
///
/// # Errors
/// The client left, or the request that this one joined failed.
pub async fn lookup(
    admitted: &Admitted<'_>,
    prepared: &mut Prepared<'_>,
    exchange: &mut Exchange,
) -> Result<Lookup, GatewayError> {
    let Some((cacheable, key)) = prepared.cached.take() else {
        return Ok(Lookup::Missed(None));
    };
    let directives = &admitted.directives;
    let refresh = directives.cache.force_refresh == Some(true);
    let looked = cacheable
        .look(key, directives, exchange.connection())
        .await?;
    exchange.notes.note_cache(looked.status(refresh));
    Ok(match looked {
        Looked::Nowhere(_) => Lookup::Missed(None),
        Looked::Found(answer) => {
            note_found(prepared, exchange, answer.head().given_by());
            Lookup::Found(Reply::Hit(answer))
        }
        Looked::Joined(joined) => {
            // Followers report the leader's target.
            note_found(prepared, exchange, None);
            let mut joined = joined?;
            joined.strict_end = prepared.plan.ends_strictly(joined.head.route.as_ref());
            Lookup::Found(Reply::Joined(joined))
        }
        Looked::Missed(Ok(store)) => {
            exchange
                .connection()
                .set_audience(Some(store.flight().clone()));
            Lookup::Missed(Some(store))
        }
        Looked::Missed(Err(reason)) => {
            exchange.notes.recorder.note_not_kept(reason);
            Lookup::Missed(None)
        }
    })
}

/// The reply tells of the target that gave the response, or else of the one that would be tried.
fn note_found(prepared: &Prepared<'_>, exchange: &mut Exchange, given_by: Option<&GivenBy>) {
    let plan = prepared.plan;
    let target = given_by.and_then(|it| plan.target_of(it));
    let target = target.unwrap_or_else(|| plan.target(prepared.first.target));
    let route = target.route(prepared.world.withheld(target));
    exchange.notes.note_route(route);
    exchange.discard_body();
}

/// Where the response of `target` is stored: it may ask for something else than the target that was
/// tried first.
pub fn of_target(
    store: Option<Box<PendingStore>>,
    target: &Target,
    admitted: &Admitted<'_>,
    exchange: &mut Exchange,
) -> Option<Box<PendingStore>> {
    match store?.of_target(target, &admitted.directives.cache) {
        Ok(store) => Some(store),
        Err(reason) => {
            exchange.notes.recorder.note_not_kept(reason);
            None
        }
    }
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
    async fn look(
        &self,
        key: Result<CacheKey, NoCacheReason>,
        directives: &Directives,
        connection: &ClientConnection,
    ) -> Result<Looked, GatewayError> {
        let key = match key {
            Ok(key) => key,
            Err(reason) => return Ok(Looked::Nowhere(reason)),
        };
        if directives.cache.force_refresh == Some(true) {
            let store = self.refresh(&key).await;
            // What is under way may have been asked for before this was wanted.
            let lead = self.admitted.gateway.cache.flights.alone();
            return Ok(Looked::Missed(Ok(self.keeping(key, store, lead))));
        }
        loop {
            let ended = self.admitted.gateway.cache.flights.ended();
            let (found, store) = self.ask(&key).await;
            if let Some(answer) = found.filter(|answer| self.is_good(answer)) {
                return Ok(Looked::Found(answer));
            }
            let flight = self.flight(key, &store, directives.request_timeout);
            let reader = match self.admitted.gateway.cache.flights.enter(&flight) {
                Entered::Leader(lead) => {
                    // Another may have come to its end since.
                    if let Some(answer) = self.look_here_again(&key, ended) {
                        return Ok(Looked::Found(answer));
                    }
                    return Ok(Looked::Missed(Ok(self.keeping(key, store, lead))));
                }
                Entered::Join(reader) => reader,
            };
            self.admitted.gateway.metrics.cache_joined.inc();
            match beginning(&reader, connection).await? {
                Ok(Beginning::Answer(head)) => {
                    return Ok(Looked::Joined(Ok(Joined {
                        head,
                        reader,
                        strict_end: false,
                    })));
                }
                Ok(Beginning::Failed(error)) => return Ok(Looked::Joined(Err(error))),
                Ok(Beginning::NotShared(reason)) => return Ok(Looked::Missed(Err(reason))),
                Err(Abandoned) => {}
            }
        }
    }

    async fn ask(&self, key: &CacheKey) -> (Option<Arc<StoredResponse>>, Store) {
        match &self.admitted.gateway.cache.shared {
            None => self.look_here(key),
            Some(shared) => match shared.get(key, &self.policy.namespace).await {
                Ok((found, purges)) => (self.counted(found), Store::Shared(shared.clone(), purges)),
                Err(Unavailable) => (None, Store::Unavailable),
            },
        }
    }

    /// An answer from outside the process takes memory for as long as it is read. Without room for
    /// it the upstream is asked, whose answer passes piece by piece.
    fn counted(&self, found: Option<StoredResponse>) -> Option<Arc<StoredResponse>> {
        let found = found?;
        let room = self.account().reserve(found.body().len()).ok()?;
        Some(Arc::new(found.in_room(room)))
    }

    fn account(&self) -> Account {
        let client = self.admitted.presented.client();
        self.admitted.gateway.body_memory.account(client)
    }

    /// Where an answer is kept that is asked for whatever is kept already.
    async fn refresh(&self, key: &CacheKey) -> Store {
        let cache = &self.admitted.gateway.cache;
        match &cache.shared {
            None => Store::Memory(cache.memory.clone(), cache.memory.refreshes()),
            Some(shared) => match shared.purges(key, &self.policy.namespace).await {
                Ok(purges) => Store::Shared(shared.clone(), purges),
                Err(Unavailable) => Store::Unavailable,
            },
        }
    }

    fn look_here(&self, key: &CacheKey) -> (Option<Arc<StoredResponse>>, Store) {
        let memory = &self.admitted.gateway.cache.memory;
        let asked = memory.asks();
        (memory.get(key, now()), Store::Memory(memory.clone(), asked))
    }

    fn look_here_again(&self, key: &CacheKey, ended: u64) -> Option<Arc<StoredResponse>> {
        let cache = &self.admitted.gateway.cache;
        match cache.shared {
            None if cache.flights.ended() != ended => {
                let found = cache.memory.get(key, now());
                found.filter(|answer| self.is_good(answer))
            }
            _ => None,
        }
    }

    /// Not too old, neither for whoever had it kept nor for this caller.
    fn is_good(&self, answer: &StoredResponse) -> bool {
        let now = now();
        answer.is_fresh(now) && answer.age(now) < self.policy.ttl
    }

    fn flight(&self, cache: CacheKey, store: &Store, timeout: Option<Duration>) -> FlightKey {
        let shared = self.policy.namespace.is_shared();
        let caller = shared.then(|| self.admitted.presented.identity().copied());
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

    fn keeping(&self, key: CacheKey, store: Store, lead: Leader) -> Box<PendingStore> {
        Box::new(PendingStore {
            key,
            policy: self.policy.clone(),
            store,
            path: self.admitted.path.into(),
            lead,
            client: self.account().share(),
        })
    }
}

/// What the one who leads has to tell, for as long as the client waits for it.
async fn beginning(
    reader: &Follower<Beginning>,
    connection: &ClientConnection,
) -> Result<Result<Beginning, Abandoned>, GatewayError> {
    poll_fn(|cx| match reader.poll_beginning(cx) {
        Poll::Ready(told) => Poll::Ready(Ok(told)),
        Poll::Pending => match connection.expired() {
            Some(expired) => Poll::Ready(Err(expired.into())),
            None => Poll::Pending,
        },
    })
    .await
}
