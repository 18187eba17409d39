//! The keeping of an answer that has not come yet, and its sharing with those who ask the same meanwhile.

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

/// How long an answer can still be joined after it was put into Redis.
const LONGEST_LINGER: Duration = Duration::from_millis(100);

pub type Leader = coalesce::Leader<FlightKey, Beginning>;

/// Where an answer is to be kept, and as of when.
pub enum Store {
    Memory(Arc<MemoryStore>, Asked),
    Shared(Arc<RedisStore>, Purges),
    /// Redis does not answer.
    Unavailable,
}

/// The keeping of an answer that has not come yet. Dropped, it leaves those who wait with it to themselves.
pub struct PendingStore {
    pub(super) key: CacheKey,
    pub(super) policy: CachePolicy,
    pub(super) store: Store,
    pub(super) path: Box<str>,
    pub(super) lead: Leader,
    /// Whose work it is to look at the answer.
    pub(super) client: Share,
}

impl PendingStore {
    /// Those who wait with this request for its answer.
    pub fn flight(&self) -> &Arc<Flight<Beginning>> {
        self.lead.flight()
    }

    /// For an answer of `target`, which may ask for something else than the one that was tried first.
    ///
    /// # Errors
    /// It is not to be kept like that: whoever waits asks for itself.
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

    /// There will be no answer.
    pub fn fail(self: Box<Self>, error: &GatewayError) {
        match error.code {
            // What is about this one client says nothing to the others.
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

/// An answer that is being kept while it comes.
pub struct StoringResponse {
    pub(super) keeping: Box<PendingStore>,
    pub(super) head: SharedHead,
    pub(super) watch: CompletenessCheck,
    /// Of the connection that asked: its worker is not to end before the answer is kept.
    pub(super) others: Rc<Others>,
}

impl StoringResponse {
    /// Whether a body that is all there can be kept at once.
    pub fn is_quick(&self, body: &Bytes) -> bool {
        self.watch.is_quick(body)
    }

    /// Tells what comes before the body; whoever reads it first.
    pub fn begin(&self) -> Follower<Beginning> {
        let lead = &self.keeping.lead;
        let reader = lead.reader();
        lead.begin(Beginning::Answer(Arc::new(self.head.clone())));
        reader
    }

    /// All of the body has come before anything was told: keeps it, if it may be kept, and tells those who wait. Why it is not kept.
    pub fn finish_at_once(self, body: &Bytes) -> Option<NoCacheReason> {
        let refused = self.keeping.lead.refused();
        let verdict = refused.map_or_else(|| self.watch.end(body), Err);
        let (mut lead, put) = self
            .keeping
            .keep(verdict.map(|()| (self.head.head.clone(), body.clone())));
        let refused = lead.refused();
        if put.is_some() || !lead.close_if_alone() {
            lead.begin(Beginning::Answer(Arc::new(self.head)));
            lead.push(body.clone());
            lead.end(Ok(()));
        }
        if let Some(put) = put {
            put.spawn(lead, self.others);
        }
        refused
    }

    /// The body has come to its end: keeps it, if it may be kept, and tells all who read.
    pub async fn finish(self, end: Result<(), String>) {
        let pieces = match &end {
            Err(_) => Err(NoCacheReason::Truncated),
            Ok(()) => self.keeping.lead.pieces(),
        };
        let body = match pieces {
            Ok(pieces) => judged(pieces, self.watch, &self.keeping).await,
            Err(reason) => Err(reason),
        };
        let (lead, put) = self.keeping.keep(body.map(|body| (self.head.head, body)));
        lead.end(end);
        if let Some(put) = put {
            put.spawn(lead, self.others);
        }
    }
}

/// The body as one piece, if it may be kept; beside the worker, where that may take long.
async fn judged(
    pieces: Vec<Bytes>,
    watch: CompletenessCheck,
    keeping: &PendingStore,
) -> Result<Bytes, NoCacheReason> {
    let judge = |body: Bytes, watch: CompletenessCheck| watch.end(&body).map(|()| body);
    let join = |pieces: Vec<Bytes>| Bytes::from(pieces.concat());
    let length: usize = pieces.iter().map(Bytes::len).sum();
    let judging = if length > SHORT_PLAIN {
        keeping.lead.begin_judging();
        offload::offload(keeping.client, move || judge(join(pieces), watch)).await
    } else {
        let body = join(pieces);
        if watch.is_quick(&body) {
            return judge(body, watch);
        }
        keeping.lead.begin_judging();
        offload::offload(keeping.client, move || judge(body, watch)).await
    };
    // A look that ends in a panic has seen no answer.
    judging.unwrap_or(Err(NoCacheReason::NotAnAnswer))
}

impl PendingStore {
    /// Keeps an answer, in memory at once: whoever finds nothing under way any more finds it kept.
    fn keep(
        self,
        answer: Result<(Arc<StoredHead>, Bytes), NoCacheReason>,
    ) -> (Leader, Option<Put>) {
        let PendingStore {
            key,
            policy,
            store,
            mut lead,
            ..
        } = self;
        let answer = answer.map(|(head, body)| StoredResponse::new(head, body, now(), policy.ttl));
        let refused = match (answer, store) {
            (Err(reason), _) => reason,
            (Ok(_), Store::Unavailable) => NoCacheReason::StoreUnavailable,
            (Ok(answer), Store::Memory(store, asked)) => {
                match store.put(key, policy.namespace, Arc::new(answer), asked) {
                    Ok(()) => return (lead, None),
                    Err(reason) => reason,
                }
            }
            (Ok(answer), Store::Shared(store, purges)) => {
                let put = Put {
                    store,
                    key,
                    answer,
                    purges,
                };
                return (lead, Some(put));
            }
        };
        lead.refuse(refused);
        (lead, None)
    }
}

/// An answer on its way to Redis.
struct Put {
    store: Arc<RedisStore>,
    key: CacheKey,
    answer: StoredResponse,
    purges: Purges,
}

impl Put {
    /// The clients have their answer already. What fails is counted and logged there.
    fn spawn(self, lead: Leader, others: Rc<Others>) {
        let going_on = GoingOn::of(others);
        actix_rt::spawn(async move {
            let _ = self.store.put(&self.key, &self.answer, self.purges).await;
            drop(going_on);
            // Who looked before that and found nothing is here by then, unless Redis is slow: that one sends.
            tokio::time::sleep(self.store.timeout().min(LONGEST_LINGER)).await;
            drop(lead);
        });
    }
}
