//! The beginning of an answer that is kept, or shared: who may have it, and who takes it from upstream.

use std::{rc::Rc, sync::Arc};

use actix_http::{
    StatusCode,
    body::BodySize,
    header::{HeaderMap, HeaderName},
};

use super::{
    fill::{Begun, BodyTimes, Pump},
    store::{Keeping, Kept},
};
use crate::{
    cache::{
        answer::{GivenBy, StoredHead},
        cacheable,
        noise::Noise,
        terminal::TerminalWatch,
    },
    downstream::Link,
    gateway::{Beginning, SharedHead},
    proxy::send::upstream_body::Incoming,
    record::Route,
};

/// An answer's head, as it goes to clients.
pub struct Head<'a> {
    pub status: StatusCode,
    pub headers: &'a HeaderMap,
    pub size: BodySize,
    pub route: Option<&'a Route>,
    /// The names under which callers' credentials travel.
    pub credentials: &'a [HeaderName],
    /// What the cache key leaves out of requests.
    pub noise: &'a Noise,
}

impl Keeping {
    /// The answer's head has come.
    pub fn begin(
        mut self: Box<Self>,
        head: Head<'_>,
        incoming: Incoming,
        times: BodyTimes,
        link: &Rc<Link>,
    ) -> Begun {
        if let Err(reason) = cacheable::sharing_verdict(head.headers, head.noise) {
            self.lead.begin(Beginning::NotShared(reason));
            return Begun::Alone(incoming, reason);
        }
        let shared = self.policy.namespace.is_shared();
        let verdict = cacheable::answer_verdict(cacheable::Answer {
            status: head.status,
            headers: head.headers,
            shared: shared.then_some(head.credentials),
            noise: head.noise,
        });
        if let Err(reason) = verdict {
            if self.lead.close_if_alone() {
                return Begun::Alone(incoming, reason);
            }
            self.lead.refuse(reason);
        }
        let given_by = head.route.map(|route| GivenBy {
            provider: route.provider.clone(),
            index: route.index.clone(),
        });
        let stored = Arc::new(StoredHead::new(head.status, head.headers).of_target(given_by));
        let watch = TerminalWatch::new(head.headers, &self.path);
        let kept = Kept {
            head: SharedHead {
                head: stored,
                size: head.size,
                route: head.route.cloned(),
            },
            watch,
            keeping: self,
            others: link.others().clone(),
        };
        Pump::start(kept, incoming, times, link)
    }
}
