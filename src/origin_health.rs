//! Circuit breakers, retry and hedge budgets of all origins. Each caller has its own, so callers
//! cannot open breakers or use up budgets for each other. Shared by all workers, bounded in number,
//! and used only by requests whose config asks for them. This file deals with clocks and locks;
//! `route::breaker` decides when a breaker opens.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher as _, Hash, Hasher as _, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use moka::sync::Cache;
use serde::Serialize;

use crate::{
    machine::clock,
    observe::metrics::Metrics,
    route::{
        breaker::{Admission, Breaker, CallerId, ClientId, Evidence, Transition, Who},
        budget::{HedgeBudget, RetryBudget, Spare},
        policy::BreakerPolicy,
    },
};

/// The most entries of each kind, since callers choose origins and identities. An evicted caller
/// starts again with a closed breaker and a fresh budget.
const MOST: u64 = 10_000;
/// Entries unused for this long are evicted; longer than any window or usual cooldown.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3600);

type Shared<T> = Arc<Mutex<T>>;

/// The breakers and budgets of all origins and callers.
pub struct OriginHealth {
    breakers: Cache<BreakerKey, Shared<Breaker>>,
    /// The origins that have breakers, for operators.
    origins: Cache<OriginId, Arc<str>>,
    evidence: Cache<TargetKey, Shared<Evidence>>,
    retries: Cache<BudgetKey, Shared<RetryBudget>>,
    hedges: Cache<BudgetKey, Shared<HedgeBudget>>,
    spare_retries: Cache<OriginId, Shared<Spare>>,
    spare_hedges: Cache<OriginId, Shared<Spare>>,
    /// Seeded randomly in each process, so nobody can construct a collision with another caller.
    hasher: RandomState,
    metrics: Arc<Metrics>,
}

/// Identifies an origin by a keyed hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct OriginId(u64);

/// A target: an origin together with the credential sent and the breaker policy. Contains only a
/// keyed hash of the credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct TargetKey {
    origin: OriginId,
    credential: u64,
    policy: u64,
}

/// Identifies the breaker of one caller at one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BreakerKey {
    target: TargetKey,
    caller: CallerId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct BudgetKey {
    origin: OriginId,
    caller: CallerId,
}

impl OriginHealth {
    pub fn new(metrics: Arc<Metrics>) -> Self {
        OriginHealth {
            breakers: remembered_while_used(),
            origins: remembered_while_used(),
            evidence: remembered_while_used(),
            retries: remembered_while_used(),
            hedges: remembered_while_used(),
            spare_retries: remembered_while_used(),
            spare_hedges: remembered_while_used(),
            hasher: RandomState::new(),
            metrics,
        }
    }

    /// Identifies a caller by its identity.
    pub fn caller(&self, identity: &[u8]) -> CallerId {
        CallerId(self.hasher.hash_one(identity))
    }

    /// Identifies a client by its network.
    pub fn client(&self, subnet: &str) -> ClientId {
        ClientId(self.hasher.hash_one(subnet))
    }

    /// There is one breaker for each origin, credential, policy and caller.
    pub fn breaker_key<'c>(
        &self,
        origin: &str,
        credentials: impl Iterator<Item = &'c [u8]>,
        policy: &BreakerPolicy,
        caller: CallerId,
    ) -> BreakerKey {
        let mut hasher = self.hasher.build_hasher();
        credentials.for_each(|credential| credential.hash(&mut hasher));
        let credential = hasher.finish();
        let mut hasher = self.hasher.build_hasher();
        let percentage = policy.failure_threshold_percentage.map(f64::to_bits);
        (
            policy.failure_threshold,
            percentage,
            policy.minimum_requests,
        )
            .hash(&mut hasher);
        (policy.cooldown, &policy.failure_status_codes).hash(&mut hasher);
        let target = TargetKey {
            origin: self.origin(origin),
            credential,
            policy: hasher.finish(),
        };
        BreakerKey { target, caller }
    }

    /// Whether a request would be admitted now.
    pub fn admits(&self, key: &BreakerKey) -> bool {
        let breaker = self.breakers.get(key);
        breaker.is_none_or(|breaker| locked(&breaker).admits(clock::now()))
    }

    /// Admits a request, or refuses it with `None`. With `forced` it is admitted in any case.
    pub fn begin(
        &self,
        key: &BreakerKey,
        policy: &BreakerPolicy,
        (origin, client): (&str, ClientId),
        forced: bool,
    ) -> Option<Permit> {
        let breaker = kept(&self.breakers, *key, || {
            self.origins.insert(key.target.origin, origin.into());
            Breaker::new(policy, clock::now())
        });
        let (admission, transition) = locked(&breaker).begin(clock::now(), forced)?;
        let evidence = kept(&self.evidence, key.target, || {
            Evidence::new(policy, clock::now())
        });
        let permit = Permit {
            breaker,
            evidence,
            client,
            admission: Some(admission),
            metrics: self.metrics.clone(),
        };
        permit.count(transition);
        Some(permit)
    }

    /// The origins that have breakers, with how many of them are in which state: one for each
    /// credential, policy and caller.
    pub fn breakers(&self) -> Vec<BreakersOfOrigin> {
        let now = clock::now();
        let mut origins: BTreeMap<Arc<str>, BTreeMap<&str, usize>> = BTreeMap::new();
        for (key, breaker) in &self.breakers {
            if let Some(origin) = self.origins.get(&key.target.origin) {
                let states = origins.entry(origin).or_default();
                *states.entry(locked(&breaker).state(now)).or_default() += 1;
            }
        }
        let of = |(origin, states)| BreakersOfOrigin { origin, states };
        origins.into_iter().map(of).collect()
    }

    /// This caller sends a request for the first time to an origin with retries configured.
    pub fn note_request(&self, origin: &str, caller: CallerId) {
        let budget = self.retry_budget(self.origin(origin), caller);
        locked(&budget).note_request(clock::now());
    }

    /// Takes a retry from the caller's budget at this origin; false if none is left.
    pub fn take_retry(&self, origin: &str, who: Who) -> bool {
        let (origin, now) = (self.origin(origin), clock::now());
        let spare = kept(&self.spare_retries, origin, || Spare::new(now));
        let budget = self.retry_budget(origin, who.caller);
        locked(&budget).take(now, who.client, &mut locked(&spare))
    }

    /// This caller sends a request that may be hedged.
    pub fn note_hedgeable(&self, origin: &str, caller: CallerId, max_ratio: f64) {
        let budget = self.hedge_budget(self.origin(origin), caller);
        locked(&budget).note_request(max_ratio);
    }

    /// Takes a hedge from the caller's budget at this origin; false if none is left.
    pub fn take_hedge(&self, origin: &str, who: Who, max_ratio: f64) -> bool {
        let (origin, now) = (self.origin(origin), clock::now());
        let spare = kept(&self.spare_hedges, origin, || Spare::new(now));
        let budget = self.hedge_budget(origin, who.caller);
        locked(&budget).take(now, max_ratio, who.client, &mut locked(&spare))
    }

    fn origin(&self, origin: &str) -> OriginId {
        OriginId(self.hasher.hash_one(origin))
    }

    fn retry_budget(&self, origin: OriginId, caller: CallerId) -> Shared<RetryBudget> {
        let key = BudgetKey { origin, caller };
        kept(&self.retries, key, || RetryBudget::new(clock::now()))
    }

    fn hedge_budget(&self, origin: OriginId, caller: CallerId) -> Shared<HedgeBudget> {
        let key = BudgetKey { origin, caller };
        kept(&self.hedges, key, HedgeBudget::default)
    }
}

/// The breakers of one origin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BreakersOfOrigin {
    pub origin: Arc<str>,
    /// How many are closed, open or half-open.
    pub states: BTreeMap<&'static str, usize>,
}

/// Permission to send one request. Dropped without an outcome, it changes nothing: the client left,
/// or its own timeout expired.
pub struct Permit {
    breaker: Shared<Breaker>,
    evidence: Shared<Evidence>,
    client: ClientId,
    admission: Option<Admission>,
    metrics: Arc<Metrics>,
}

impl Permit {
    /// The target has responded. It may still fail later by aborting the response.
    pub fn succeed(&mut self) {
        let Some(admission) = self.admission.take() else {
            return;
        };
        let now = clock::now();
        let transition = locked(&self.breaker).succeed(now, admission);
        let mut evidence = locked(&self.evidence);
        match transition {
            Some(Transition::Closed) => evidence.forget(),
            _ => evidence.note_success(now),
        }
        drop(evidence);
        self.count(transition);
    }

    /// The request failed because of the target.
    pub fn fail(mut self) {
        let now = clock::now();
        let others_say = locked(&self.evidence).note_failure(now, self.client);
        let admission = self.admission.take().unwrap_or(Admission::Normal);
        let transition = locked(&self.breaker).fail(now, admission, others_say);
        self.count(transition);
    }

    fn count(&self, transition: Option<Transition>) {
        if let Some(transition) = transition {
            self.metrics.count_breaker(transition);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(admission) = self.admission.take() {
            locked(&self.breaker).abandon(admission);
        }
    }
}

fn kept<K, T>(cache: &Cache<K, Shared<T>>, key: K, new: impl FnOnce() -> T) -> Shared<T>
where
    K: Eq + Hash + Send + Sync + 'static,
    T: Send + 'static,
{
    cache.get_with(key, || Arc::new(Mutex::new(new())))
}

fn remembered_while_used<K, V>() -> Cache<K, V>
where
    K: Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    Cache::builder()
        .max_capacity(MOST)
        .time_to_idle(FORGOTTEN_AFTER)
        .build()
}

/// A panic elsewhere cannot leave the counts inconsistent, so poisoning is ignored.
fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
