//! The keeping of an answer that has not come yet, and its sharing with those who ask the same meanwhile.

use std::{rc::Rc, sync::Arc, time::Duration};

use bytes::Bytes;

use super::{asked, now};
use crate::{
    cache::{
        NoCacheReason,
        answer::{StoredAnswer, StoredHead},
        flight::{self, Flight, Reader},
        key::CacheKey,
        memory::{Asked, MemoryStore},
        shared::{Purges, SharedStore},
        terminal::TerminalWatch,
    },
    directives::CacheDirectives,
    downstream::{Audience, GoingOn, Others},
    error::{Code, GatewayError},
    gateway::{Beginning, FlightKey, SharedHead},
    proxy::plan::{CachePolicy, Target},
};

/// How long an answer can still be joined after it was put into Redis.
const LONGEST_LINGER: Duration = Duration::from_millis(100);

pub type Lead = flight::Lead<FlightKey, Beginning>;

/// Where an answer is to be kept, and as of when.
pub enum Store {
    Memory(Arc<MemoryStore>, Asked),
    Shared(Arc<SharedStore>, Purges),
    /// Redis does not answer.
    Unavailable,
}

/// The keeping of an answer that has not come yet. Dropped, it leaves those who wait with it to themselves.
pub struct Keeping {
    pub(super) key: CacheKey,
    pub(super) policy: CachePolicy,
    pub(super) store: Store,
    pub(super) path: Box<str>,
    pub(super) lead: Lead,
}

impl Keeping {
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
pub struct Kept {
    pub(super) keeping: Box<Keeping>,
    pub(super) head: SharedHead,
    pub(super) watch: TerminalWatch,
    /// Of the connection that asked: its worker is not to end before the answer is kept.
    pub(super) others: Rc<Others>,
}

impl Kept {
    /// Tells what comes before the body; whoever reads it first.
    pub fn begin(&self) -> Reader<Beginning> {
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
    pub fn finish(self, end: Result<(), String>) {
        let answer = match &end {
            Err(_) => Err(NoCacheReason::Truncated),
            Ok(()) => self.keeping.lead.whole().and_then(|body| {
                self.watch.end(&body)?;
                Ok((self.head.head, body))
            }),
        };
        let (lead, put) = self.keeping.keep(answer);
        lead.end(end);
        if let Some(put) = put {
            put.spawn(lead, self.others);
        }
    }
}

impl Keeping {
    /// Keeps an answer, in memory at once: whoever finds nothing under way any more finds it kept.
    fn keep(self, answer: Result<(Arc<StoredHead>, Bytes), NoCacheReason>) -> (Lead, Option<Put>) {
        let Keeping {
            key,
            policy,
            store,
            mut lead,
            ..
        } = self;
        let answer = answer.map(|(head, body)| StoredAnswer::new(head, body, now(), policy.ttl));
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
    store: Arc<SharedStore>,
    key: CacheKey,
    answer: StoredAnswer,
    purges: Purges,
}

impl Put {
    /// The clients have their answer already. What fails is counted and logged there.
    fn spawn(self, lead: Lead, others: Rc<Others>) {
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
