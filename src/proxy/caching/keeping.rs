//! The keeping of an answer that has not come yet, and its sharing with those who ask the same meanwhile.

use std::sync::Arc;

use actix_http::{StatusCode, body::BodySize, header::HeaderMap};
use bytes::Bytes;

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
    /// Nobody has to any more: this is all of it, and why it is not kept.
    Whole(Bytes, Option<NoCacheReason>),
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
    pub fn begin(
        mut self: Box<Self>,
        head: Head<'_>,
        incoming: Incoming,
        times: BodyTimes,
    ) -> Begun {
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
        let watch = TerminalWatch::new(head.headers, &self.path);
        let kept = Kept {
            head: SharedHead {
                head: stored,
                size: head.size,
                route: head.route.cloned(),
            },
            watch,
            keeping: self,
        };
        Pump::start(kept, incoming, times)
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
}

impl Kept {
    /// All of the body has come before anything was told: keeps it, if it may be kept, and tells those who wait. Why it is not kept.
    pub fn finish_at_once(self, body: &Bytes) -> Option<NoCacheReason> {
        let Kept {
            keeping,
            head,
            watch,
        } = self;
        let verdict = keeping.lead.refused().map_or_else(|| watch.end(), Err);
        let tell = |lead: &Lead, head| {
            lead.begin(Beginning::Answer(Arc::new(head)));
            lead.push(body.clone());
            lead.end(Ok(()));
        };
        let (mut lead, put) = match verdict {
            Ok(()) => keeping.put(head.head.clone(), body.clone()),
            Err(reason) => {
                keeping.lead.refuse(reason);
                (keeping.lead, None)
            }
        };
        let refused = lead.refused();
        if put.is_some() || !lead.close_if_alone() {
            tell(&lead, head);
        }
        if let Some(put) = put {
            put.spawn(lead);
        }
        refused
    }

    /// Tells what comes before the body; whoever reads it.
    pub fn begin(&self) -> Reader<Beginning> {
        let SharedHead { head, size, route } = &self.head;
        let lead = &self.keeping.lead;
        let reader = lead.reader();
        lead.begin(Beginning::Answer(Arc::new(SharedHead {
            head: head.clone(),
            size: *size,
            route: route.clone(),
        })));
        reader
    }

    /// The body has come to its end: keeps it, if it may be kept, and tells all who read.
    pub fn finish(self, end: Result<(), String>) {
        let Kept {
            keeping,
            head,
            watch,
        } = self;
        let verdict = match (&end, keeping.lead.refused()) {
            (Err(_), _) => Err(NoCacheReason::Truncated),
            (Ok(()), Some(reason)) => Err(reason),
            (Ok(()), None) => watch.end(),
        };
        let (lead, put) = match verdict {
            Ok(()) => {
                let body = keeping.lead.whole();
                keeping.put(head.head, body)
            }
            Err(reason) => {
                keeping.lead.refuse(reason);
                (keeping.lead, None)
            }
        };
        lead.end(end);
        if let Some(put) = put {
            put.spawn(lead);
        }
    }
}

impl Keeping {
    /// Keeps an answer, in memory at once: whoever finds nothing under way any more finds it kept.
    fn put(self, head: Arc<StoredHead>, body: Bytes) -> (Lead, Option<Put>) {
        let Keeping {
            key,
            policy,
            store,
            lead,
            ..
        } = self;
        let answer = StoredAnswer::new(head, body, now(), policy.ttl);
        match store {
            Store::Memory(store, epoch) => {
                // Unless it is being purged.
                let put = || store.put(key, policy.namespace, Arc::new(answer), epoch);
                let _ = lead.keep(put);
                (lead, None)
            }
            Store::Unavailable => {
                lead.refuse(NoCacheReason::StoreUnavailable);
                (lead, None)
            }
            Store::Shared(store, purges) => {
                let put = Put {
                    store,
                    key,
                    answer,
                    purges,
                };
                (lead, Some(put))
            }
        }
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
    fn spawn(self, lead: Lead) {
        actix_rt::spawn(async move {
            let _ = self.store.put(&self.key, &self.answer, self.purges).await;
            // Who looked before that and found nothing is here by then.
            tokio::time::sleep(self.store.timeout()).await;
            drop(lead);
        });
    }
}
