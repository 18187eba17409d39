//! A response's head has come: may it be shared, may it be stored?

use std::{rc::Rc, sync::Arc};

use actix_http::{
    StatusCode,
    body::BodySize,
    header::{HeaderMap, HeaderName},
};

use super::{
    fill::{BodyTimes, Fill, FillStart},
    store::{PendingStore, StoringResponse},
};
use crate::{
    cache::{
        cacheable,
        completeness::CompletenessCheck,
        noise::Noise,
        stored_response::{GivenBy, StoredHead},
    },
    downstream::ClientConnection,
    gateway::{Beginning, SharedHead},
    proxy::send::OpenResponse,
    record::Route,
};

/// A response's head, as it goes to clients.
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

impl Head<'_> {
    /// The head for the requests that share the response.
    fn shared(&self) -> SharedHead {
        let given_by = self.route.map(|route| GivenBy {
            provider: route.provider.clone(),
            index: route.index.clone(),
        });
        let stored = StoredHead::new(self.status, self.headers).of_target(given_by);
        SharedHead {
            head: Arc::new(stored),
            size: self.size,
            route: self.route.cloned(),
        }
    }
}

impl PendingStore {
    /// The response's head has come.
    pub fn begin(
        mut self: Box<Self>,
        head: Head<'_>,
        incoming: Box<OpenResponse>,
        times: BodyTimes,
        connection: &Rc<ClientConnection>,
    ) -> FillStart {
        if let Err(reason) = cacheable::sharing_verdict(head.headers, head.noise) {
            self.lead.begin(Beginning::NotShared(reason));
            return FillStart::Alone(incoming, reason);
        }
        let shared = self.policy.namespace.is_shared();
        let verdict = cacheable::response_verdict(cacheable::Response {
            status: head.status,
            headers: head.headers,
            shared: shared.then_some(head.credentials),
            noise: head.noise,
        });
        if let Err(reason) = verdict {
            if self.lead.close_if_alone() {
                return FillStart::Alone(incoming, reason);
            }
            self.lead.refuse(reason);
        }
        let watch = CompletenessCheck::new(head.headers, &self.path);
        let storing = StoringResponse {
            head: head.shared(),
            watch,
            pending: self,
            others: connection.others().clone(),
        };
        Fill::start(storing, incoming, times, connection)
    }
}
