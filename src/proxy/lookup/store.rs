//! Storing a response that has not come yet, and sharing it with equal requests meanwhile.

use std::{rc::Rc, sync::Arc, time::Duration};

use bytes::Bytes;

use super::now;
use crate::{
    cache::{
        NoCacheReason,
        coalesce::{self, Flight, Follower},
        completeness::{CompletenessCheck, SHORT_PLAIN},
        key::CacheKey,
        memory::{Asked, MemoryStore},
        redis::{Purges, RedisStore},
        stored_response::{StoredHead, StoredResponse},
    },
    directives::CacheDirectives,
    downstream::{Audience, GoingOn, Others},
    error::{Code, GatewayError},
    gateway::{Beginning, FlightKey, SharedHead},
    memory::Share,
    proxy::{
        offload,
        plan::{CachePolicy, Target},
        prepare::cache_key::asked,
    },
};

/// How long a response can still be joined after it was put into Redis.
const LONGEST_LINGER: Duration = Duration::from_millis(100);

pub type Leader = coalesce::Leader<FlightKey, Beginning>;

/// Where a response is to be stored, and as of which purge.
pub enum Store {
    Memory(Arc<MemoryStore>, Asked),
    Shared(Arc<RedisStore>, Purges),
    /// Redis does not respond.
    Unavailable,
}

/// A place for a response that has not come yet. If it is dropped, followers send for themselves.
pub struct PendingStore {
    pub(super) key: CacheKey,
    pub(super) policy: CachePolicy,
    pub(super) store: Store,
    pub(super) path: Box<str>,
    pub(super) lead: Leader,
    /// The client on whose account the response is judged.
    pub(super) client: Share,
}

impl PendingStore {
    /// The requests that wait for this response.
    pub fn flight(&self) -> &Arc<Flight<Beginning>> {
        self.lead.flight()
    }

    /// For a response of `target`, whose cache policy may differ from the first target's.
    ///
    /// # Errors
    /// Its policy does not allow it: followers send for themselves.
    pub fn of_target(
        mut self: Box<Self>,
        target: &Target,
        headers: &CacheDirectives,
    ) -> Result<Box<Self>, NoCacheReason> {
        match asked(target, headers) {
            Some(policy) if policy.namespace == self.policy.namespace => {
                self.policy.ttl = policy.ttl;
                Ok(self)
            }
            Some(_) | None => {
                let reason = NoCacheReason::OtherTarget;
                self.lead.begin(Beginning::NotShared(reason));
                Err(reason)
            }
        }
    }

    /// There will be no response.
    pub fn fail(self: Box<Self>, error: &GatewayError) {
        match error.code {
            // These concern this client alone.
            Code::ClientClosed | Code::RateLimited => {}
            _ => self.lead.begin(Beginning::Failed(error.clone())),
        }
    }
}

impl Audience for Flight<Beginning> {
    fn is_there(&self) -> bool {
        self.is_read()
    }

    fn poll_gone(&self, cx: &std::task::Context<'_>) -> std::task::Poll<()> {
        self.poll_unread(cx)
    }
}

/// A response that is being stored while it comes.
pub struct StoringResponse {
    pub(super) pending: Box<PendingStore>,
    pub(super) head: SharedHead,
    pub(super) watch: CompletenessCheck,
    /// Of the client's connection: its worker must not end before the response is stored.
    pub(super) others: Rc<Others>,
}

impl StoringResponse {
    /// Whether a complete body can be stored at once.
    pub fn is_quick(&self, body: &Bytes) -> bool {
        self.watch.is_quick(body)
    }

    /// Tells followers the head; returns the first reader of the body.
    pub fn begin(&self) -> Follower<Beginning> {
        let lead = &self.pending.lead;
        let reader = lead.reader();
        lead.begin(Beginning::Head(Arc::new(self.head.clone())));
        reader
    }

    /// The whole body came with the head: stores it if it may be stored, and tells followers.
    /// Returns why it is not stored.
    pub fn finish_at_once(self, body: &Bytes) -> Option<NoCacheReason> {
        let refused = self.pending.lead.refused();
        let verdict = refused.map_or_else(|| self.watch.end(body), Err);
        let (mut lead, put) = self
            .pending
            .keep(verdict.map(|()| (self.head.head.clone(), body.clone())));
        let refused = lead.refused();
        if put.is_some() || !lead.close_if_alone() {
            lead.begin(Beginning::Head(Arc::new(self.head)));
            lead.push(body.clone());
            lead.end(Ok(()));
        }
        if let Some(put) = put {
            put.spawn(lead, self.others);
        }
        refused
    }

    /// The body has ended: stores it if it may be stored, and tells all readers.
    pub async fn finish(self, end: Result<(), String>) {
        let pieces = match &end {
            Err(_) => Err(NoCacheReason::Truncated),
            Ok(()) => self.pending.lead.pieces(),
        };
        let body = match pieces {
            Ok(pieces) => judged(pieces, self.watch, &self.pending).await,
            Err(reason) => Err(reason),
        };
        let (lead, put) = self.pending.keep(body.map(|body| (self.head.head, body)));
        lead.end(end);
        if let Some(put) = put {
            put.spawn(lead, self.others);
        }
    }
}

/// The body as one piece, if it may be stored; judged beside the worker if that may take long.
async fn judged(
    pieces: Vec<Bytes>,
    watch: CompletenessCheck,
    pending: &PendingStore,
) -> Result<Bytes, NoCacheReason> {
    let judge = |body: Bytes, watch: CompletenessCheck| watch.end(&body).map(|()| body);
    let join = |pieces: Vec<Bytes>| Bytes::from(pieces.concat());
    let length: usize = pieces.iter().map(Bytes::len).sum();
    let judging = if length > SHORT_PLAIN {
        pending.lead.begin_judging();
        offload::offload(pending.client, move || judge(join(pieces), watch)).await
    } else {
        let body = join(pieces);
        if watch.is_quick(&body) {
            return judge(body, watch);
        }
        pending.lead.begin_judging();
        offload::offload(pending.client, move || judge(body, watch)).await
    };
    // A panic while judging counts as no valid response.
    judging.unwrap_or(Err(NoCacheReason::UnusableResponse))
}

impl PendingStore {
    /// Stores a response; in memory at once, so that a request that finds none under way finds it.
    fn keep(
        self,
        response: Result<(Arc<StoredHead>, Bytes), NoCacheReason>,
    ) -> (Leader, Option<Put>) {
        let PendingStore {
            key,
            policy,
            store,
            mut lead,
            ..
        } = self;
        let stored = |(head, body)| StoredResponse::new(head, body, now(), policy.ttl);
        let response = response.map(stored);
        let refused = match (response, store) {
            (Err(reason), _) => reason,
            (Ok(_), Store::Unavailable) => NoCacheReason::StoreUnavailable,
            (Ok(response), Store::Memory(store, asked)) => {
                match store.put(key, policy.namespace, Arc::new(response), asked) {
                    Ok(()) => return (lead, None),
                    Err(reason) => reason,
                }
            }
            (Ok(response), Store::Shared(store, purges)) => {
                let put = Put {
                    store,
                    key,
                    response,
                    purges,
                };
                return (lead, Some(put));
            }
        };
        lead.refuse(refused);
        (lead, None)
    }
}

/// A response on its way to Redis.
struct Put {
    store: Arc<RedisStore>,
    key: CacheKey,
    response: StoredResponse,
    purges: Purges,
}

impl Put {
    /// The clients have their response already. What fails is counted and logged there.
    fn spawn(self, lead: Leader, others: Rc<Others>) {
        let going_on = GoingOn::of(others);
        actix_rt::spawn(async move {
            let _ = self.store.put(&self.key, &self.response, self.purges).await;
            drop(going_on);
            // A request that looked before the put and found nothing joins within this time.
            tokio::time::sleep(self.store.timeout().min(LONGEST_LINGER)).await;
            drop(lead);
        });
    }
}
