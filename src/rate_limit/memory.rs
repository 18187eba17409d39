//! Counts in this process: a bounded number of buckets, one for each key. A bucket is removed only
//! when it is full and has no concurrent requests, so removing it changes nothing. Keys that find
//! no room share a bucket.

mod arrival;

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use foldhash::fast::RandomState;
use governor::{
    Quota, RateLimiter,
    clock::{Clock, Reference as _},
    middleware::StateInformationMiddleware,
    state::NotKeyed,
};

use self::arrival::Arrival;
use super::{Key, Left, Reason, Refused, Room};
use crate::route::limit::{Limit, Rate, Scope, Scoped};

/// The most buckets; each takes about 200 bytes.
pub const MOST: usize = 100_000;
/// Additional shared buckets for callers' limits. Those of the settings are limited by the
/// settings.
const MAX_SHARED: usize = 64;
/// Shards with a lock each, so that workers rarely wait for each other.
const SHARDS: usize = 16;
/// How often a full shard is searched for buckets to remove.
const SWEEP: Duration = Duration::from_secs(1);

const CONCURRENT_RETRY: Duration = Duration::from_secs(1);

type Limiter<C> = RateLimiter<NotKeyed, Arrival, C, StateInformationMiddleware>;

/// The buckets by key.
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

/// What a shard has for a key.
enum Known<C: Clock> {
    Bucket(Arc<Bucket<C>>),
    /// The key has not been counted lately.
    Nothing,
    /// Nothing, and a shared bucket would count the key.
    NoRoom,
}

/// The state of one key.
#[derive(Debug)]
pub struct Bucket<C: Clock> {
    gcra: Option<Gcra<C>>,
    concurrent: AtomicU32,
}

/// The requests over time of one key.
#[derive(Debug)]
struct Gcra<C: Clock> {
    limiter: Limiter<C>,
    /// The limiter's state.
    arrival: Arrival,
    /// When the limiter was made, since the start of [`Memory`].
    made: Duration,
}

impl<C: Clock> Bucket<C> {
    /// A concurrent request has ended.
    pub fn leave(&self) {
        self.concurrent.fetch_sub(1, Ordering::AcqRel);
    }

    /// Undoes the count of a request that is not sent.
    pub fn give_back(&self, rate: Rate) {
        if let Some(gcra) = &self.gcra {
            gcra.arrival.advance(rate.interval());
        }
    }

    /// Whether removing the bucket would change nothing.
    fn is_full(&self, now: Duration) -> bool {
        self.refilled_in(now).is_zero() && self.concurrent.load(Ordering::Acquire) == 0
    }

    /// The time until all of the burst could pass again.
    fn refilled_in(&self, now: Duration) -> Duration {
        let arrival = |it: &Gcra<C>| it.made + it.arrival.since_made();
        let refilled = self.gcra.as_ref().map_or(Duration::ZERO, arrival);
        refilled.saturating_sub(now)
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

    /// Counts one request. If the limit counts concurrent requests, the caller must call
    /// [`Bucket::leave`] at the end.
    ///
    /// # Errors
    /// The limit is exhausted.
    pub fn admit(&self, scoped: &Scoped, key: Key) -> Result<(Arc<Bucket<C>>, Room), Refused> {
        let limit = &scoped.limit;
        let bucket = self.bucket(scoped, key)?;
        let concurrent = match limit.concurrent {
            Some(most) => enter(&bucket.concurrent, most)?,
            None => 0,
        };
        let room = match (&bucket.gcra, limit.rate, limit.concurrent) {
            (Some(gcra), Some(rate), _) => match self.take(gcra, rate) {
                Ok(room) => room,
                Err(refused) => {
                    if limit.concurrent.is_some() {
                        bucket.leave();
                    }
                    return Err(refused);
                }
            },
            (_, _, most) => concurrent_room(most.map_or(0, NonZeroU32::get), concurrent),
        };
        Ok((bucket, room))
    }

    /// What a request would find, without counting one.
    pub fn left(&self, scoped: &Scoped, key: Key) -> Left {
        let found = self.shard(key).known(key, self.most);
        let bucket = match found {
            Known::Bucket(bucket) => Some(bucket),
            Known::Nothing => None,
            Known::NoRoom => {
                let shared = Key::overflow(scoped);
                self.shard(shared).buckets.get(&shared).cloned()
            }
        };
        let now = self.since_start();
        let reset = bucket.as_ref().map(|it| it.refilled_in(now));
        let concurrent = bucket.map(|it| it.concurrent.load(Ordering::Acquire));
        Left::of(
            &scoped.limit,
            reset.unwrap_or_default(),
            concurrent.unwrap_or_default(),
        )
    }

    fn take(&self, gcra: &Gcra<C>, rate: Rate) -> Result<Room, Refused> {
        let limit = rate.requests.get();
        match gcra.limiter.check() {
            Ok(snapshot) => {
                let remaining = snapshot.remaining_burst_capacity();
                let missing = rate.burst.get().saturating_sub(remaining);
                Ok(Room {
                    limit,
                    most: rate.burst.get(),
                    remaining,
                    reset: rate.interval().saturating_mul(missing),
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
            room: concurrent_room(0, 0),
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
        Arc::new(Bucket {
            gcra: limit.rate.and_then(|rate| self.gcra(rate)),
            concurrent: AtomicU32::new(0),
        })
    }

    fn gcra(&self, rate: Rate) -> Option<Gcra<C>> {
        let quota = Quota::with_period(rate.interval())?.allow_burst(rate.burst);
        let arrival = Arrival::default();
        let limiter = Limiter::new(quota, arrival.clone(), self.clock.clone());
        Some(Gcra {
            limiter,
            arrival,
            made: self.since_start(),
        })
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
    fn known(&self, key: Key, most: usize) -> Known<C> {
        match self.buckets.get(&key) {
            Some(bucket) => Known::Bucket(bucket.clone()),
            None if self.buckets.len() < most => Known::Nothing,
            None => Known::NoRoom,
        }
    }

    /// The key's own bucket, existing or new; `None` if there is no room for another.
    fn find(&mut self, key: Key, limit: &Limit, memory: &Memory<C>) -> Option<Arc<Bucket<C>>> {
        if let Some(bucket) = self.buckets.get(&key) {
            return Some(bucket.clone());
        }
        let is_full = self.buckets.len() >= memory.most;
        if is_full && !self.remove_full(memory.since_start(), memory.most) {
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
        if is_bounded && self.buckets.len() >= memory.most + MAX_SHARED {
            return None;
        }
        let bucket = memory.make(&scoped.limit);
        self.buckets.insert(key, bucket.clone());
        Some(bucket)
    }

    /// Removes full buckets; returns whether there is room now.
    fn remove_full(&mut self, now: Duration, most: usize) -> bool {
        if now.saturating_sub(self.swept) < SWEEP && !self.swept.is_zero() {
            return false;
        }
        self.swept = now;
        self.buckets.retain(|_, bucket| {
            let is_in_use = Arc::strong_count(bucket) > 1;
            is_in_use || !bucket.is_full(now)
        });
        self.buckets.len() < most
    }
}

/// Takes a place among the concurrent requests; returns their number.
fn enter(concurrent: &AtomicU32, most: NonZeroU32) -> Result<u32, Refused> {
    let one_more = |count: u32| (count < most.get()).then_some(count + 1);
    match concurrent.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more) {
        Ok(before) => Ok(before + 1),
        Err(_) => Err(Refused {
            room: concurrent_room(most.get(), most.get()),
            reason: Reason::Concurrent,
            retry_after: CONCURRENT_RETRY,
        }),
    }
}

fn concurrent_room(most: u32, concurrent: u32) -> Room {
    Room {
        limit: most,
        most,
        remaining: most.saturating_sub(concurrent),
        reset: Duration::ZERO,
    }
}

#[cfg(test)]
mod tests;
