//! The rate limits of one request: whom it counts for, and whether there is room. What counts is
//! `rate_limit`'s business.

use std::collections::BTreeMap;

use crate::{
    error::{Code, GatewayError},
    identity::{Identity, limits::OwnLimit},
    proxy::admit::{Admitted, caller::CallerCredentials},
    rate_limit::{self, Key, Lease, Limiter, NotAdmitted, Reason, Refused, Room},
    route::limit::{By, Scope, Scoped},
};

/// A request, as limits see it.
pub struct LimitCheck<'a> {
    pub limiter: &'a Limiter,
    pub presented: &'a CallerCredentials<'a>,
    pub metadata: Option<&'a BTreeMap<String, String>>,
}

impl<'a> LimitCheck<'a> {
    pub fn of(admitted: &'a Admitted<'_>) -> Self {
        LimitCheck {
            limiter: &admitted.gateway.process.limits.limiter,
            presented: &admitted.presented,
            metadata: admitted.directives.metadata.as_ref(),
        }
    }
}

/// A limit, and by what it counts.
#[derive(Clone, Copy)]
pub struct Applied<'l> {
    pub scoped: &'l Scoped,
    /// All requests of its owner together, whatever the limit's `by` says.
    pub counts_all: bool,
}

impl Applied<'_> {
    /// It counts requests or attempts, and not tokens alone.
    pub fn counts_requests(&self) -> bool {
        self.scoped.limit.counts_requests()
    }

    /// It counts attempts, and not requests.
    pub fn counts_attempts(&self) -> bool {
        self.scoped.limit.by == By::Origin
    }

    /// Where a request is counted, if that depends on the request's key and team alone.
    pub fn key_by_holder(
        self,
        holder: Option<&Identity>,
        caller: impl Fn() -> rate_limit::Identity,
    ) -> Option<Key> {
        let scoped = self.scoped;
        if self.counts_all {
            return Some(Key::of_all(scoped));
        }
        match (&scoped.limit.by, holder.and_then(|it| it.team.as_ref())) {
            (By::Caller | By::Key, _) | (By::Team, None) => Some(Key::of_caller(scoped, &caller())),
            (By::Team, Some(team)) => Some(Key::of_value(scoped, caller, team.id.as_bytes())),
            (By::Metadata(name), _) if !counts_by(holder, scoped, name) => {
                Some(Key::of_caller(scoped, &caller()))
            }
            (By::ClientAddress | By::Origin | By::Metadata(_), _) => None,
        }
    }
}

/// Whether a limit counts by what the request says of itself. A caller's own limit may; one of the
/// operator's only where the request's key trusts it. Without keys all are trusted.
fn counts_by(holder: Option<&Identity>, scoped: &Scoped, name: &str) -> bool {
    scoped.scope == Scope::Caller || holder.is_none_or(|it| it.trusts_metadata(name))
}

impl<'l> From<&'l OwnLimit> for Applied<'l> {
    fn from(own: &'l OwnLimit) -> Self {
        Applied {
            scoped: &own.scoped,
            counts_all: own.counts_all,
        }
    }
}

impl<'l> From<&'l Scoped> for Applied<'l> {
    fn from(scoped: &'l Scoped) -> Self {
        Applied {
            scoped,
            counts_all: false,
        }
    }
}

/// The limits of the key that a request came with, and of its team.
pub fn of_holder(holder: Option<&Identity>) -> impl Iterator<Item = Applied<'_>> {
    let limits = holder.into_iter().flat_map(Identity::limits);
    limits.map(|(_, own)| own.into())
}

impl LimitCheck<'_> {
    /// Counts the request for each of these limits. `origin`: the upstream of the attempt, where
    /// one is counted. What is left of the limit nearest its end, and the places taken, to be held
    /// until the response's last byte, or the first limit without room; what was counted before it
    /// is taken back.
    pub async fn admit<'l>(
        &self,
        limits: impl Iterator<Item = Applied<'l>>,
        origin: &str,
    ) -> (Option<Room>, Result<Vec<Lease>, GatewayError>) {
        let (mut tightest, mut leases) = (None::<Room>, Vec::new());
        let mut counted = Vec::new();
        let mut limits = limits.peekable();
        while let Some(applied) = limits.next() {
            let scoped = applied.scoped;
            let key = self.key(applied, origin);
            let refused = match self.limiter.admit(scoped, key).await {
                Ok(admitted) => {
                    tightest = Room::tighter(tightest, admitted.room);
                    leases.extend(admitted.lease);
                    if limits.peek().is_some() {
                        counted.push((scoped, admitted.count));
                    }
                    continue;
                }
                Err(NotAdmitted::Refused(refused)) => {
                    (Some(refused.room), Err(over(applied, &refused)))
                }
                Err(NotAdmitted::Uncounted) => (tightest, Err(uncounted())),
            };
            for (scoped, count) in &counted {
                self.limiter.give_back(scoped, count).await;
            }
            return refused;
        }
        (tightest, Ok(leases))
    }

    /// Where the request is counted.
    pub fn key(&self, applied: Applied<'_>, origin: &str) -> Key {
        let scoped = applied.scoped;
        let caller = || *self.presented.caller();
        let value = |value: &[u8]| Key::of_value(scoped, caller, value);
        applied
            .key_by_holder(self.presented.holder, caller)
            .unwrap_or_else(|| match &scoped.limit.by {
                By::Caller | By::Key | By::Team => Key::of_caller(scoped, &caller()),
                By::ClientAddress => value(rate_limit::subnet(self.presented.client()).as_bytes()),
                By::Origin => value(origin.as_bytes()),
                By::Metadata(name) => {
                    let given = self.metadata.and_then(|metadata| metadata.get(&**name));
                    value(given.map(String::as_bytes).unwrap_or_default())
                }
            })
    }
}

fn over(applied: Applied<'_>, refused: &Refused) -> GatewayError {
    let scoped = applied.scoped;
    let by = match applied.counts_all {
        true => String::new(),
        false => format!(" by {}", scoped.limit.by.name()),
    };
    let limit = match (refused.reason, scoped.limit.rate, scoped.limit.concurrent) {
        (Reason::Requests, Some(rate), _) => {
            let (requests, window) = (rate.requests, rate.window);
            format!("{requests} requests in {window:?}")
        }
        (_, _, concurrent) => format!("{} requests at a time", concurrent.map_or(0, |it| it.get())),
    };
    let message = format!("over the limit of {limit}{by} ({})", scoped.place);
    let mut error = GatewayError::new(Code::RateLimited, message);
    error.retry_after = Some(refused.retry_after);
    error
}

/// The limits' store does not respond.
fn uncounted() -> GatewayError {
    let message = "rate limits cannot be counted now (`limit_store.on_redis_failure: deny`)";
    let mut error = GatewayError::new(Code::Overloaded, message);
    error.retry_after = Some(std::time::Duration::from_secs(1));
    error
}
