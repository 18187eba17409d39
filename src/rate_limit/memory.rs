//! Counts in this process: a bucket for each key, bounded in number. A bucket is forgotten only when it is full again and nobody
//! is under way, so that forgetting it changes nothing; those for whom there is no room share one.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use foldhash::fast::RandomState;
use governor::{
    Quota, RateLimiter,
    clock::{Clock, Reference as _},
    middleware::StateInformationMiddleware,
    state::{InMemoryState, NotKeyed},
};

use super::{Key, Reason, Refused, Room};
use crate::route::limit::{Limit, Rate, Scope, Scoped};

/// Buckets at most; about 200 bytes each.
pub const MOST: usize = 100_000;
/// Buckets beyond, for callers' limits that share; those of the settings are as few as the settings say.
const MOST_SHARED: usize = 64;
/// Parts with a lock each, so that workers seldom wait for one another.
const SHARDS: usize = 16;
/// How often a full part is searched for buckets to forget.
const SWEEP: Duration = Duration::from_secs(1);

const CONCURRENT_RETRY: Duration = Duration::from_secs(1);

type Gcra<C> = RateLimiter<NotKeyed, InMemoryState, C, StateInformationMiddleware>;

/// Buckets by key.
pub struct Memory<C: Clock> {
    shards: [Mutex<Shard<C>>; SHARDS],
    clock: C,
    start: C::Instant,
    most: usize,
}

struct Shard<C: Clock> {
    buckets: HashMap<Key, Arc<Bucket<C>>, RandomState>,
    swept: Duration,
}

/// What one key has left.
#[derive(Debug)]
pub struct Bucket<C: Clock> {
    /// Written only to make it anew.
    gcra: Option<RwLock<Gcra<C>>>,
    under_way: AtomicU32,
    /// Nanoseconds since the start; the bucket is full from then on.
    full_at: AtomicU64,
}

impl<C: Clock> Bucket<C> {
    /// A request under way has ended.
    pub fn leave(&self) {
        self.under_way.fetch_sub(1, Ordering::AcqRel);
    }
}

impl<C: Clock + Clone> Memory<C>
where
    C::Instant: std::fmt::Debug,
{
    pub fn new(clock: C, most: usize) -> Self {
        let shard = || {
            Mutex::new(Shard {
                buckets: HashMap::default(),
                swept: Duration::ZERO,
            })
        };
        Memory {
            shards: std::array::from_fn(|_| shard()),
            start: clock.now(),
            clock,
            most: most / SHARDS,
        }
    }

    /// Counts one request. The place among those under way is taken where the limit counts them, and is the caller's to give
    /// back.
    ///
    /// # Errors
    /// No room.
    pub fn admit(&self, scoped: &Scoped, key: Key) -> Result<(Arc<Bucket<C>>, Room), Refused> {
        let limit = &scoped.limit;
        let bucket = self.bucket(scoped, key)?;
        let under_way = match limit.concurrent {
            Some(most) => enter(&bucket.under_way, most)?,
            None => 0,
        };
        let room = match (&bucket.gcra, limit.rate, limit.concurrent) {
            (Some(gcra), Some(rate), _) => match self.take(gcra, rate, &bucket.full_at) {
                Ok(room) => room,
                Err(refused) => {
                    if limit.concurrent.is_some() {
                        bucket.leave();
                    }
                    return Err(refused);
                }
            },
            (_, _, most) => at_once(most.map_or(0, NonZeroU32::get), under_way),
        };
        Ok((bucket, room))
    }

    /// Takes a request back that was counted and is not sent. To a fraction of a request, in favour of the limit.
    pub fn give_back(&self, bucket: &Bucket<C>, rate: Rate) {
        let (Some(gcra), Some(fresh)) = (&bucket.gcra, self.gcra(rate)) else {
            return;
        };
        let mut gcra = gcra.write().unwrap_or_else(PoisonError::into_inner);
        let now = self.since_start();
        let full_at = Duration::from_nanos(bucket.full_at.load(Ordering::Relaxed));
        let missing = full_at.saturating_sub(now).as_nanos();
        let missing = missing.div_ceil(rate.interval().as_nanos());
        let missing = u32::try_from(missing).unwrap_or(u32::MAX).saturating_sub(1);
        if let Some(missing) = NonZeroU32::new(missing) {
            // No more than there were.
            let _ = fresh.check_n(missing);
        }
        *gcra = fresh;
        let full_at = now.saturating_add(rate.interval().saturating_mul(missing));
        bucket.full_at.store(nanos(full_at), Ordering::Relaxed);
    }

    fn take(
        &self,
        gcra: &RwLock<Gcra<C>>,
        rate: Rate,
        full_at: &AtomicU64,
    ) -> Result<Room, Refused> {
        let limit = rate.requests.get();
        let gcra = gcra.read().unwrap_or_else(PoisonError::into_inner);
        match gcra.check() {
            Ok(snapshot) => {
                let remaining = snapshot.remaining_burst_capacity();
                let missing = rate.burst.get().saturating_sub(remaining);
                let reset = rate.interval().saturating_mul(missing);
                let full = self.since_start().saturating_add(reset);
                full_at.fetch_max(nanos(full), Ordering::Relaxed);
                Ok(Room {
                    limit,
                    most: rate.burst.get(),
                    remaining,
                    reset,
                })
            }
            Err(not_until) => {
                let wait = not_until.wait_time_from(self.clock.now());
                let full = rate.interval().saturating_mul(rate.burst.get() - 1);
                let room = Room {
                    limit,
                    most: rate.burst.get(),
                    remaining: 0,
                    reset: wait.saturating_add(full),
                };
                Err(Refused {
                    room,
                    reason: Reason::Requests,
                    retry_after: wait,
                })
            }
        }
    }

    fn bucket(&self, scoped: &Scoped, key: Key) -> Result<Arc<Bucket<C>>, Refused> {
        if let Some(bucket) = self.shard(key).find(key, &scoped.limit, self) {
            return Ok(bucket);
        }
        let shared = Key::overflow(scoped);
        let bucket = self.shard(shared).find_shared(shared, scoped, self);
        bucket.ok_or_else(|| Refused {
            room: at_once(0, 0),
            reason: Reason::Requests,
            retry_after: CONCURRENT_RETRY,
        })
    }

    fn shard(&self, key: Key) -> MutexGuard<'_, Shard<C>> {
        let shard = &self.shards[key.shard(SHARDS)];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn since_start(&self) -> Duration {
        Duration::from(self.clock.now().duration_since(self.start))
    }

    fn make(&self, limit: &Limit) -> Arc<Bucket<C>> {
        let gcra = limit.rate.and_then(|rate| self.gcra(rate));
        Arc::new(Bucket {
            gcra: gcra.map(RwLock::new),
            under_way: AtomicU32::new(0),
            full_at: AtomicU64::new(0),
        })
    }

    fn gcra(&self, rate: Rate) -> Option<Gcra<C>> {
        let quota = Quota::with_period(rate.interval())?.allow_burst(rate.burst);
        let gcra = RateLimiter::direct_with_clock(quota, self.clock.clone());
        Some(gcra.with_middleware::<StateInformationMiddleware>())
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        let lengths = self
            .shards
            .iter()
            .map(|it| it.lock().unwrap().buckets.len());
        lengths.sum()
    }
}

impl<C: Clock + Clone> Shard<C>
where
    C::Instant: std::fmt::Debug,
{
    /// The key's own bucket, old or new; `None`: there is no room for one.
    fn find(&mut self, key: Key, limit: &Limit, memory: &Memory<C>) -> Option<Arc<Bucket<C>>> {
        if let Some(bucket) = self.buckets.get(&key) {
            return Some(bucket.clone());
        }
        if self.buckets.len() >= memory.most && !self.forget(memory.since_start(), memory.most) {
            return None;
        }
        let bucket = memory.make(limit);
        self.buckets.insert(key, bucket.clone());
        Some(bucket)
    }

    fn find_shared(
        &mut self,
        key: Key,
        scoped: &Scoped,
        memory: &Memory<C>,
    ) -> Option<Arc<Bucket<C>>> {
        if let Some(bucket) = self.buckets.get(&key) {
            return Some(bucket.clone());
        }
        let is_bounded = scoped.scope == Scope::Caller;
        if is_bounded && self.buckets.len() >= memory.most + MOST_SHARED {
            return None;
        }
        let bucket = memory.make(&scoped.limit);
        self.buckets.insert(key, bucket.clone());
        Some(bucket)
    }

    /// Forgets what is full again; whether there is room then.
    fn forget(&mut self, now: Duration, most: usize) -> bool {
        if now.saturating_sub(self.swept) < SWEEP && !self.swept.is_zero() {
            return false;
        }
        self.swept = now;
        let now = nanos(now);
        self.buckets.retain(|_, bucket| {
            let in_use = Arc::strong_count(bucket) > 1;
            in_use
                || bucket.under_way.load(Ordering::Acquire) > 0
                || bucket.full_at.load(Ordering::Relaxed) > now
        });
        self.buckets.len() < most
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Takes a place among those under way; how many there are then.
fn enter(under_way: &AtomicU32, most: NonZeroU32) -> Result<u32, Refused> {
    let one_more = |count: u32| (count < most.get()).then_some(count + 1);
    match under_way.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more) {
        Ok(before) => Ok(before + 1),
        Err(_) => Err(Refused {
            room: at_once(most.get(), most.get()),
            reason: Reason::Concurrent,
            retry_after: CONCURRENT_RETRY,
        }),
    }
}

fn at_once(most: u32, under_way: u32) -> Room {
    Room {
        limit: most,
        most,
        remaining: most.saturating_sub(under_way),
        reset: Duration::ZERO,
    }
}

#[cfg(test)]
mod tests;
