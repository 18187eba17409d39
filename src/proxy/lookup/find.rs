//! Is a response stored, or under way for an equal request?

use std::{future::poll_fn, ops::ControlFlow, sync::Arc, time::Duration};

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
        sender::while_present,
    },
    record::CacheStatus,
    redis_client::Unavailable,
};

/// The result of a lookup.
enum Looked {
    /// The cache has no part in the request.
    Nowhere(NoCacheReason),
    Found(Arc<StoredResponse>),
    /// An equal request is under way: its response or its failure.
    Joined(Result<Joined, GatewayError>),
    /// Where the response will be stored, or why it will not be.
    Missed(Result<Box<PendingStore>, NoCacheReason>),
}

impl Looked {
    fn joined(head: Arc<SharedHead>, reader: Follower<Beginning>) -> Self {
        Looked::Joined(Ok(Joined {
            head,
            reader,
            strict_end: false,
        }))
    }

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
        Looked::Found(stored) => {
            note_found(prepared, exchange, stored.head().given_by());
            Lookup::Found(Reply::Hit(stored))
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
    /// Looks for a response, and waits for one that is under way.
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
            // A response under way may have been sent for before this one was wanted.
            let lead = self.admitted.gateway.process.cache.flights.alone();
            return Ok(Looked::Missed(Ok(self.pending(key, store, lead))));
        }
        loop {
            let reader = match self.enter(&key, directives.request_timeout).await {
                ControlFlow::Break(looked) => return Ok(looked),
                ControlFlow::Continue(reader) => reader,
            };
            self.admitted.gateway.process.metrics.cache_joined.inc();
            let beginning = poll_fn(|cx| reader.poll_beginning(cx));
            match while_present(connection, beginning).await? {
                Ok(Beginning::Head(head)) => return Ok(Looked::joined(head, reader)),
                Ok(Beginning::Failed(error)) => return Ok(Looked::Joined(Err(error))),
                Ok(Beginning::NotShared(reason)) => return Ok(Looked::Missed(Err(reason))),
                Err(Abandoned) => {}
            }
        }
    }

    /// Looks for a stored response; without one, leads the request or follows the one that does.
    async fn enter(
        &self,
        key: &CacheKey,
        timeout: Option<Duration>,
    ) -> ControlFlow<Looked, Follower<Beginning>> {
        let flights = &self.admitted.gateway.process.cache.flights;
        let ended = flights.ended();
        let (found, store) = self.ask(key).await;
        if let Some(stored) = found.filter(|stored| self.is_good(stored)) {
            return ControlFlow::Break(Looked::Found(stored));
        }
        match flights.enter(&self.flight(*key, &store, timeout)) {
            Entered::Join(reader) => ControlFlow::Continue(reader),
            Entered::Leader(lead) => {
                // Another leader may have stored its response since.
                let found = self.look_here_again(key, ended);
                ControlFlow::Break(found.map_or_else(
                    || Looked::Missed(Ok(self.pending(*key, store, lead))),
                    Looked::Found,
                ))
            }
        }
    }

    async fn ask(&self, key: &CacheKey) -> (Option<Arc<StoredResponse>>, Store) {
        match &self.admitted.gateway.process.cache.shared {
            None => self.look_here(key),
            Some(shared) => match shared.get(key, &self.policy.namespace).await {
                Ok((found, purges)) => (self.counted(found), Store::Shared(shared.clone(), purges)),
                Err(Unavailable) => (None, Store::Unavailable),
            },
        }
    }

    /// A response from outside the process takes memory for as long as it is read. Without room for
    /// it the upstream is asked, whose response passes piece by piece.
    fn counted(&self, found: Option<StoredResponse>) -> Option<Arc<StoredResponse>> {
        let found = found?;
        let room = self.account().reserve(found.body().len()).ok()?;
        Some(Arc::new(found.in_room(room)))
    }

    fn account(&self) -> Account {
        let client = self.admitted.presented.client();
        self.admitted.gateway.process.body_memory.account(client)
    }

    /// Where a fresh response goes, whatever is stored already.
    async fn refresh(&self, key: &CacheKey) -> Store {
        let cache = &self.admitted.gateway.process.cache;
        match &cache.shared {
            None => Store::Memory(cache.memory.clone(), cache.memory.refreshes()),
            Some(shared) => match shared.purges(key, &self.policy.namespace).await {
                Ok(purges) => Store::Shared(shared.clone(), purges),
                Err(Unavailable) => Store::Unavailable,
            },
        }
    }

    fn look_here(&self, key: &CacheKey) -> (Option<Arc<StoredResponse>>, Store) {
        let memory = &self.admitted.gateway.process.cache.memory;
        let asked = memory.asks();
        (memory.get(key, now()), Store::Memory(memory.clone(), asked))
    }

    fn look_here_again(&self, key: &CacheKey, ended: u64) -> Option<Arc<StoredResponse>> {
        let cache = &self.admitted.gateway.process.cache;
        match cache.shared {
            None if cache.flights.ended() != ended => {
                let found = cache.memory.get(key, now());
                found.filter(|stored| self.is_good(stored))
            }
            _ => None,
        }
    }

    /// Fresh by the lifetime it was stored with, and by this request's own.
    fn is_good(&self, stored: &StoredResponse) -> bool {
        let now = now();
        stored.is_fresh(now) && stored.age(now) < self.policy.ttl
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

    fn pending(&self, key: CacheKey, store: Store, lead: Leader) -> Box<PendingStore> {
        Box::new(PendingStore {
            key,
            policy: self.policy.clone(),
            store,
            path: self.admitted.routed.path.into(),
            lead,
            client: self.account().share(),
        })
    }
}
