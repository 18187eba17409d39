//! The keeping of an answer that has not come yet, and its sharing with those who ask the same meanwhile.

use std::sync::Arc;

use actix_http::{StatusCode, body::BodySize, header::HeaderMap};

use super::{
    now,
    pump::{BodyTimes, Pump},
};
use crate::{
    cache::{
        NoCacheReason,
        answer::{StoredAnswer, StoredHead},
        cacheable,
        flight::{self, Flight, Reader},
        key::CacheKey,
        memory::{Epoch, MemoryStore},
        shared::{Purges, SharedStore},
        terminal::TerminalWatch,
    },
    downstream::Audience,
    error::{Code, GatewayError},
    gateway::{Beginning, FlightKey, SharedHead},
    proxy::{incoming::Incoming, plan::CachePolicy},
    record::Route,
};

pub type Lead = flight::Lead<FlightKey, Beginning>;

/// Where an answer is to be kept, and as of when.
pub enum Store {
    Memory(Arc<MemoryStore>, Epoch),
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

/// An answer's head, as it goes to clients.
pub struct Head<'a> {
    pub status: StatusCode,
    pub headers: &'a HeaderMap,
    pub size: BodySize,
    pub route: Option<&'a Route>,
}

/// Who takes the body from upstream.
#[expect(clippy::large_enum_variant, reason = "taken apart at once")]
pub enum Begun {
    /// All who asked read along, this request's client as one of them.
    Shared(Reader<Beginning>),
    /// The client alone. Nothing is kept.
    Alone(Incoming, NoCacheReason),
}

impl Keeping {
    /// Those who wait with this request for its answer.
    pub fn flight(&self) -> &Arc<Flight<Beginning>> {
        self.lead.flight()
    }

    /// There will be no answer.
    pub fn fail(self, error: &GatewayError) {
        match error.code {
            // What is about this one client says nothing to the others.
            Code::ClientClosed | Code::RateLimited => {}
            _ => self.lead.begin(Beginning::Failed(error.clone())),
        }
    }

    /// The answer's head has come.
    pub fn begin(mut self, head: Head<'_>, incoming: Incoming, times: BodyTimes) -> Begun {
        if let Err(reason) = cacheable::sharing_verdict(head.headers) {
            self.lead.begin(Beginning::NotShared(reason));
            return Begun::Alone(incoming, reason);
        }
        let verdict = cacheable::answer_verdict(cacheable::Answer {
            status: head.status,
            headers: head.headers,
            shared: self.policy.namespace.is_shared(),
        });
        if let Err(reason) = verdict {
            if self.lead.close_if_alone() {
                return Begun::Alone(incoming, reason);
            }
            self.lead.refuse(reason);
        }
        let stored = Arc::new(StoredHead::new(head.status, head.headers));
        let reader = self.lead.reader();
        self.lead.begin(Beginning::Answer(Arc::new(SharedHead {
            head: stored.clone(),
            size: head.size,
            route: head.route.cloned(),
        })));
        let kept = Kept {
            watch: TerminalWatch::new(head.headers, &self.path),
            head: stored,
            keeping: self,
        };
        Pump::start(kept, incoming, times);
        Begun::Shared(reader)
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
    pub(super) keeping: Keeping,
    pub(super) head: Arc<StoredHead>,
    pub(super) watch: TerminalWatch,
}

impl Kept {
    /// The body has come to its end: keeps it, if it may be kept, and tells all who read.
    pub fn finish(self, end: Result<(), String>) {
        let Kept {
            keeping,
            head,
            watch,
        } = self;
        let Keeping {
            key,
            policy,
            store,
            lead,
            ..
        } = keeping;
        let verdict = match (&end, lead.refused()) {
            (Err(_), _) => Err(NoCacheReason::Truncated),
            (Ok(()), Some(reason)) => Err(reason),
            (Ok(()), None) => watch.end(),
        };
        if let Err(reason) = verdict {
            lead.refuse(reason);
            lead.end(end);
            return;
        }
        let answer = StoredAnswer::new(head, lead.whole(), now(), policy.ttl);
        match store {
            Store::Memory(store, epoch) => {
                // First: whoever finds nothing under way any more finds it kept. Unless it is being purged.
                let put = || store.put(key, policy.namespace, Arc::new(answer), epoch);
                let _ = lead.keep(put);
                lead.end(end);
            }
            Store::Unavailable => {
                lead.refuse(NoCacheReason::StoreUnavailable);
                lead.end(end);
            }
            Store::Shared(store, purges) => {
                lead.end(end);
                // The clients have their answer already. What fails is counted and logged there.
                actix_rt::spawn(async move {
                    let _ = store.put(&key, &answer, purges).await;
                    // Who looked before that and found nothing is here by then.
                    tokio::time::sleep(store.timeout()).await;
                    drop(lead);
                });
            }
        }
    }
}
