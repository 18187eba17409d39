//! Everything that is decided of a request before it is sent: what it says, its plan, its first
//! target and its key in the cache. One preparation for requests that are sent, for dry runs, and
//! for requests that somebody only tells of.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Instant,
};

use actix_http::{Payload, RequestHead};
use bytes::Bytes;

use super::{
    Plans, Targets, arrival, body_text,
    caching::{Cacheable, Seen},
    drive::Outside,
    explain::{self, Explained},
    facts,
    headers::Hop,
    plan::Plan,
    planning,
    presented::{Peer, Presented},
    url,
    whole::{self, Sender},
};
use crate::{
    cache::{NoCacheReason, key::CacheKey},
    directives::{DirectiveError, Directives},
    downstream::Link,
    error::GatewayError,
    gateway::Gateway,
    memory::Share,
    route::{
        attempts::{Attempts, Send},
        decided::Decided,
    },
    upstream::{BodyLength, RequestBody, Whole},
};

/// Bodies up to this many bytes are kept until the first byte of an answer, for the one retry on a
/// pooled connection that proved dead.
const KEPT_FOR_STALE_RETRY: usize = 64 * 1024;

/// A request that may be looked at, and what it asks of the gateway.
pub struct Arrived<'a> {
    pub gateway: &'a Gateway,
    pub head: &'a RequestHead,
    pub directives: Directives,
    /// As the caller sent it.
    pub path: &'a str,
    pub query: Option<&'a str>,
    /// The path after the gateway's prefix.
    pub rest: &'a str,
    pub hop: Hop<'a>,
    pub presented: Presented<'a>,
    pub length: BodyLength,
    pub body: Rc<RefCell<RequestBody>>,
    /// The body asks for a stream, if somebody has looked.
    pub says_stream: Cell<Option<bool>>,
}

/// A request ready to be sent, or to be told of.
pub struct Prepared<'a> {
    pub outside: Outside<'a>,
    pub attempts: Attempts<'a>,
    pub first: Send,
    /// The cache's part in it, if it has been asked for.
    pub cached: Option<(Cacheable<'a>, Result<CacheKey, NoCacheReason>)>,
}

impl<'a> Arrived<'a> {
    /// Looks at what a request says. `link`: the connection that it came on, if it did.
    ///
    /// # Errors
    /// What the gateway does not take: framing, size, headers of its own, paths.
    pub fn of(
        gateway: &'a Gateway,
        head: &'a RequestHead,
        payload: Payload,
        link: Option<&Rc<Link>>,
        directives: Result<Directives, DirectiveError>,
    ) -> Result<Self, GatewayError> {
        let length = arrival::body_length(head)?;
        gateway.check_body_length(length)?;
        let directives = directives?;
        let (path, query) = url::split(raw_target(head));
        let rest = arrival::unified_path(path)?;
        arrival::check_path(path)?;
        let hop = Hop::of(head.headers(), gateway.portkey)?;
        let (names, placeholder) = (
            &gateway.known.credentials,
            gateway.placeholder_credential(head.headers()),
        );
        let peer = Peer {
            address: link.and_then(|link| link.peer()).map(|peer| peer.ip()),
            trusted_proxies: &gateway.trusted_proxies,
        };
        let presented = Presented::new(names, head, query, placeholder, peer);
        let account = gateway.body_memory.account(presented.client());
        let supply = link.map(|link| link.supply());
        let body = RequestBody::new(payload, length, KEPT_FOR_STALE_RETRY, account)
            .limited_to(gateway.max_body)
            .supplied_by(supply);
        Ok(Arrived {
            gateway,
            head,
            directives,
            path,
            query,
            rest,
            hop,
            presented,
            length,
            body: Rc::new(RefCell::new(body)),
            says_stream: Cell::new(None),
        })
    }

    /// Which targets, in which order? The body is read first only where it decides.
    ///
    /// # Errors
    /// What makes no plan, and what goes wrong with the body.
    pub async fn plan(
        &self,
        plans: &Plans,
        sender: &impl Sender,
    ) -> Result<Rc<Plan>, GatewayError> {
        let model = async || {
            whole::read(sender, &self.body, self.gateway.replay_limit).await?;
            let said = body_text::said(self.client(), whole::joined(&self.body)?).await?;
            self.says_stream.set(Some(said.stream));
            Ok(said.model)
        };
        let plan = planning::find(plans, self.head, &self.directives, self.client(), model);
        whole::while_there(sender, plan).await
    }

    /// Reads the body where the plan needs it, and finds the first target and the key in the cache.
    ///
    /// # Errors
    /// What goes wrong with the body, and a conditional in which nothing holds.
    pub async fn prepare<'r>(
        &'r self,
        plan: &'r Plan,
        sender: &impl Sender,
        received: Instant,
    ) -> Result<Prepared<'r>, GatewayError> {
        let (gateway, directives) = (self.gateway, &self.directives);
        if plan.needs_body() {
            whole::read(sender, &self.body, gateway.replay_limit).await?;
        } else if plan.may_replay {
            let mut body = self.body.borrow_mut();
            body.keep_for_replay(gateway.replay_limit);
        }
        let outside = Outside {
            plan,
            standing: &gateway.standing,
            presented: &self.presented,
            body: self.body.clone(),
            received,
        };
        let decided = whole::while_there(sender, self.decide(plan)).await?;
        let (attempts, first) = Attempts::begin(&plan.tree, &decided, &outside)?;
        let seen = Seen {
            presented: &self.presented,
            hop: &self.hop,
            path: self.path,
            rest: self.rest,
        };
        let cacheable = Cacheable::asked(gateway, plan, first.target, &directives.cache, seen);
        let read = async || {
            let whole = whole::try_read(sender, &self.body, gateway.replay_limit).await?;
            // What cannot be looked at as one piece is sent all the same.
            let joined = (whole == Whole::Kept).then(|| self.body.borrow_mut().joined());
            Ok(match (whole, joined) {
                (Whole::Kept, Some(Ok(joined))) => Ok(joined.unwrap_or_default()),
                (Whole::TooLarge, _) => Err(NoCacheReason::BodyOverLimit),
                _ => Err(NoCacheReason::NoBodyMemory),
            })
        };
        let cached = match cacheable {
            Some(cacheable) => {
                let key = cacheable
                    .key(self.client(), read, &attempts.candidates())
                    .await?;
                Some((cacheable, key))
            }
            None => None,
        };
        Ok(Prepared {
            outside,
            attempts,
            first,
            cached,
        })
    }

    /// Whose work it makes.
    fn client(&self) -> Share {
        self.body.borrow().account().share()
    }

    /// What the request's facts decide of the plan.
    async fn decide(&self, plan: &Plan) -> Result<Decided, GatewayError> {
        let body = match plan.reads_body {
            true => whole::joined(&self.body)?,
            false => Bytes::new(),
        };
        let source = facts::Source {
            head: self.head,
            path: self.path,
            metadata: self.directives.metadata.as_ref(),
            body: &body,
        };
        facts::decide(self.client(), &plan.tree, source).await
    }
}

impl Prepared<'_> {
    /// The plan as it would be carried out, in place of carrying it out.
    pub fn explained<'e>(
        &'e self,
        arrived: &'e Arrived<'_>,
        targets: &'e Targets,
    ) -> Explained<'e> {
        Explained {
            targets,
            gateway: arrived.gateway,
            outside: &self.outside,
            rest: arrived.rest,
            request_timeout: arrived.directives.request_timeout,
            first: self.first,
            cache: explain::cache(self.cached.as_ref().map(|(it, key)| (&it.policy, key))),
        }
    }
}

fn raw_target(head: &RequestHead) -> &str {
    head.uri
        .path_and_query()
        .map_or("/", |target| target.as_str())
}
