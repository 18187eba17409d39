//! What recent requests say of each origin: circuit breakers, retry and hedge budgets. One for all workers, bounded, and touched
//! only by requests whose config asks for them. Knows clocks and locks; what opens a breaker is `route::breaker`'s to say.

use std::{
    hash::{BuildHasher as _, Hash as _, Hasher as _, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use moka::sync::Cache;

use crate::{
    observe::metrics::Metrics,
    route::{
        breaker::{Admission, Breaker, Transition},
        budget::{HedgeBudget, RetryBudget},
        policy::BreakerPolicy,
    },
};

/// Origins remembered at most: callers name them.
const MOST: u64 = 10_000;
/// An origin nobody asked for so long is forgotten; longer than any window or usual cooldown.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3600);

type Shared<T> = Arc<Mutex<T>>;

/// Breakers and budgets of all origins.
pub struct Standing {
    breakers: Cache<BreakerKey, Shared<Breaker>>,
    retries: Cache<Box<str>, Shared<RetryBudget>>,
    hedges: Cache<(Box<str>, u64), Shared<HedgeBudget>>,
    /// Keyed anew in each process: nobody can aim at another's breaker.
    hasher: RandomState,
    metrics: Arc<Metrics>,
}

/// Whose breaker it is. Holds no credential, only its keyed hash.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BreakerKey {
    origin: Box<str>,
    credential: u64,
    policy: u64,
}

impl Standing {
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Standing {
            breakers: remembered_while_used(),
            retries: remembered(),
            hedges: remembered_while_used(),
            hasher: RandomState::new(),
            metrics,
        }
    }

    /// One breaker for each origin, credential and policy.
    pub fn breaker_key<'c>(
        &self,
        origin: &str,
        credentials: impl Iterator<Item = &'c [u8]>,
        policy: &BreakerPolicy,
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
        BreakerKey {
            origin: origin.into(),
            credential,
            policy: hasher.finish(),
        }
    }

    /// A request would be let through now.
    pub fn admits(&self, key: &BreakerKey) -> bool {
        let breaker = self.breakers.get(key);
        breaker.is_none_or(|breaker| locked(&breaker).admits(Instant::now()))
    }

    /// Lets a request through, or not. `forced`: in any case.
    pub fn begin(&self, key: &BreakerKey, policy: &BreakerPolicy, forced: bool) -> Option<Permit> {
        let breaker = self.breakers.get_with_by_ref(key, || {
            Arc::new(Mutex::new(Breaker::new(policy.clone(), Instant::now())))
        });
        let (admission, transition) = locked(&breaker).begin(Instant::now(), forced)?;
        self.count(transition);
        Some(Permit {
            breaker,
            admission: Some(admission),
            metrics: self.metrics.clone(),
        })
    }

    /// The retries that an origin gets, to be kept and asked often.
    pub fn retries_of(&self, origin: &str) -> Retries {
        let new = || Arc::new(Mutex::new(RetryBudget::new(Instant::now())));
        Retries(self.retries.get_with(origin.into(), new))
    }

    /// A hedge is sent, if the origin's budget for this ratio has one more.
    pub fn take_hedge(&self, origin: &str, max_ratio: f64) -> bool {
        locked(&self.hedge_budget(origin, max_ratio)).take()
    }

    /// A request is sent that may be hedged.
    pub fn note_hedgeable(&self, origin: &str, max_ratio: f64) {
        locked(&self.hedge_budget(origin, max_ratio)).note_request();
    }

    fn hedge_budget(&self, origin: &str, max_ratio: f64) -> Shared<HedgeBudget> {
        let key = (origin.into(), max_ratio.to_bits());
        self.hedges
            .get_with(key, || Arc::new(Mutex::new(HedgeBudget::new(max_ratio))))
    }

    fn count(&self, transition: Option<Transition>) {
        if let Some(transition) = transition {
            self.metrics.count_breaker(transition);
        }
    }
}

/// The retry budget of one origin.
#[derive(Clone)]
pub struct Retries(Shared<RetryBudget>);

impl Retries {
    /// A request is sent for the first time, to an origin for which retries are configured.
    pub fn note_request(&self) {
        locked(&self.0).note_request(Instant::now());
    }

    /// A retry is sent, if the budget has one more.
    pub fn take(&self) -> bool {
        locked(&self.0).take(Instant::now())
    }
}

/// Leave to send one request. Dropped without a word, it says nothing of the target: the client left.
pub struct Permit {
    breaker: Shared<Breaker>,
    admission: Option<Admission>,
    metrics: Arc<Metrics>,
}

impl Permit {
    /// The target has answered. It may still fail later, by breaking off.
    pub fn succeed(&mut self) {
        if let Some(admission) = self.admission.take() {
            let transition = locked(&self.breaker).succeed(Instant::now(), admission);
            self.count(transition);
        }
    }

    /// The target is at fault.
    pub fn fail(mut self) {
        let admission = self.admission.take().unwrap_or(Admission::Normal);
        let transition = locked(&self.breaker).fail(Instant::now(), admission);
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

fn remembered_while_used<K, V>() -> Cache<K, V>
where
    K: Eq + std::hash::Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    Cache::builder()
        .max_capacity(MOST)
        .time_to_idle(FORGOTTEN_AFTER)
        .build()
}

/// Plans keep what they find here, and use it without asking again: time says nothing of its use.
fn remembered<K, V>() -> Cache<K, V>
where
    K: Eq + std::hash::Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    Cache::new(MOST)
}

/// A panic elsewhere leaves counts that are as good as before.
fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
