//! Implements the state machine's `World` for one request: clock, dice, budgets, breakers.

use std::{
    cell::RefCell,
    rc::Rc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use actix_http::header::HeaderValue;

use crate::{
    origin_health::{BreakerKey, OriginHealth},
    proxy::{
        admit::caller::CallerCredentials,
        clock,
        plan::{CredentialForwarding, Plan, Target},
    },
    rate_limit,
    route::{
        attempts::World,
        breaker::{CallerId, ClientId, Who},
        policy::BreakerPolicy,
        tree::TargetId,
    },
    upstream::RequestBody,
};

/// One request's view of what lies outside the state machine.
pub struct LiveWorld<'a> {
    pub plan: &'a Plan,
    pub origin_health: &'a OriginHealth,
    pub presented: &'a CallerCredentials<'a>,
    pub body: Rc<RefCell<RequestBody>>,
    pub received: Instant,
}

impl LiveWorld<'_> {
    /// When the exchange's time is over, if this target bounds it.
    pub fn ends_at(&self, target: &Target) -> Option<Instant> {
        let total = target.timeouts.total?.time;
        self.received.checked_add(total)
    }

    /// Whose request it is, to breakers and budgets.
    pub fn caller(&self) -> CallerId {
        self.origin_health
            .caller(self.presented.caller().as_bytes())
    }

    /// Where it is from.
    pub fn client(&self) -> ClientId {
        let subnet = rate_limit::subnet(self.presented.client());
        self.origin_health.client(&subnet)
    }

    fn who(&self) -> Who {
        Who {
            caller: self.caller(),
            client: self.client(),
        }
    }

    /// Breakers are one for each origin, credential, policy and caller: none opens another's.
    pub fn breaker_key(&self, target: &Target, policy: &BreakerPolicy) -> BreakerKey {
        let names = &self.presented.names.headers;
        let own = target.edits.iter().filter_map(|(name, value)| {
            let value = value.as_ref()?;
            names.contains(name).then_some(value.as_bytes())
        });
        let crosses = target.credentials == CredentialForwarding::Forwarded;
        let callers = crosses.then(|| self.presented.credentials());
        let callers = callers.into_iter().flatten().map(|(_, value)| value);
        let scheme = target.scheme.as_ref();
        let scheme = scheme.map(|it| &it.fingerprint().as_bytes()[..]);
        let credentials = own.chain(scheme).chain(callers);
        let origin = target.base.origin();
        self.origin_health
            .breaker_key(origin, credentials, policy, self.caller())
    }

    /// The request is sent to this target for the first time, and may be retried there.
    pub fn note_request(&self, target: &Target) {
        self.origin_health
            .note_request(target.base.origin(), self.caller());
    }

    /// The request is sent to this target, and may be hedged.
    pub fn note_hedgeable(&self, target: &Target, max_ratio: f64) {
        let origin = target.base.origin();
        self.origin_health
            .note_hedgeable(origin, self.caller(), max_ratio);
    }

    /// Names of the caller's credentials that this target does not get, for the reply.
    pub fn withheld(&self, target: &Target) -> Option<HeaderValue> {
        if target.credentials == CredentialForwarding::Forwarded {
            return None;
        }
        let mut given: Vec<&str> = self.presented.credentials().map(|(name, _)| name).collect();
        given.dedup();
        match given.is_empty() {
            true => None,
            false => HeaderValue::from_str(&given.join(", ")).ok(),
        }
    }
}

impl World for LiveWorld<'_> {
    fn admits(&self, target: TargetId) -> bool {
        let target = self.plan.target(target);
        target
            .breaker
            .as_ref()
            .is_none_or(|policy| self.origin_health.admits(&self.breaker_key(target, policy)))
    }

    fn take_retry(&self, target: TargetId) -> bool {
        let origin = self.plan.target(target).base.origin();
        self.origin_health.take_retry(origin, self.who())
    }

    fn take_hedge(&self, target: TargetId, max_ratio: f64) -> bool {
        let origin = self.plan.target(target).base.origin();
        self.origin_health.take_hedge(origin, self.who(), max_ratio)
    }

    fn replayable(&self) -> bool {
        self.body.borrow().is_replayable()
    }

    fn time_left(&self) -> Option<Duration> {
        // Targets may differ in `timeouts.total`: where one has none, neither has the exchange.
        let ends = self.plan.targets.iter().map(|target| self.ends_at(target));
        let latest = ends.reduce(|a, b| Some(a?.max(b?)))??;
        Some(latest.saturating_duration_since(clock::now()))
    }

    fn dice(&self) -> f64 {
        rand::random()
    }

    fn unix_seconds(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| since.as_secs())
    }
}
