//! Rate limits: whether one more request may pass, and if not, when. Counts in this process (with
//! governor's GCRA), or in Redis for all replicas. `key` determines which requests are counted
//! together; the caller decides what a refusal leads to.

mod key;
mod left;
mod memory;
mod redis;

use std::{sync::Arc, time::Duration};

use governor::clock::DefaultClock;

pub use self::{
    key::{Identity, Key, subnet},
    left::Left,
};
use self::{
    memory::{Bucket, Memory},
    redis::{RedisLimits, SharedLease},
};
use crate::{
    redis_client::{RedisClient, Unavailable},
    route::limit::{Scope, Scoped},
};

pub use crate::redis_client::OnRedisFailure;

/// What is left of a limit after a request was admitted or refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Requests per window; for a limit without a window, concurrent requests.
    pub limit: u32,
    /// The burst: requests that could pass at once if there had been none.
    pub most: u32,
    /// Requests that could pass now.
    pub remaining: u32,
    /// Time until all of `most` could pass again.
    pub reset: Duration,
}

impl Room {
    /// The one with less left.
    pub fn tighter(one: Option<Room>, other: Option<Room>) -> Option<Room> {
        let share = |it: &Room| f64::from(it.remaining) / f64::from(it.most.max(1));
        match (one, other) {
            (Some(one), Some(other)) if share(&other) < share(&one) => Some(other),
            (Some(one), _) => Some(one),
            (None, other) => other,
        }
    }
}

/// A request may pass.
#[derive(Debug)]
pub struct Admitted {
    /// `None`: nothing was counted.
    pub room: Option<Room>,
    /// To be held until the last byte of the response, if concurrent requests are limited.
    pub lease: Option<Lease>,
    pub count: Count,
}

/// Where a request was counted, for [`Limiter::give_back`].
#[derive(Debug)]
pub enum Count {
    Own(Arc<Bucket<DefaultClock>>),
    Shared(Key),
    Nowhere,
}

/// A request may not pass now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    pub room: Room,
    pub reason: Reason,
    /// After this time a request passes, unless others come first. For concurrent requests the end
    /// is unknown, so it is one second.
    pub retry_after: Duration,
}

/// Which part of a limit is exhausted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    Requests,
    Concurrent,
}

/// A place among the concurrent requests; given back when dropped.
#[derive(Debug)]
pub enum Lease {
    Own(OwnLease),
    Shared(SharedLease),
}

/// A place counted in this process.
#[derive(Debug)]
pub struct OwnLease(Arc<Bucket<DefaultClock>>);

impl Drop for OwnLease {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// Why a request is not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAdmitted {
    Refused(Refused),
    /// Redis does not respond, and the settings say to deny.
    Uncounted,
}

/// The counts of all limits.
pub struct Limiter {
    settings: Memory<DefaultClock>,
    /// Separate from those of the settings, so that callers cannot displace these.
    callers: Memory<DefaultClock>,
    shared: Option<Arc<RedisLimits>>,
    on_failure: OnRedisFailure,
}

impl Limiter {
    /// `replicas`: the shared Redis; without it counts are this process's own.
    pub fn new(replicas: Option<Arc<RedisClient>>, on_failure: OnRedisFailure) -> Self {
        let memory = || Memory::new(DefaultClock::default(), memory::MOST);
        Limiter {
            settings: memory(),
            callers: memory(),
            shared: replicas.map(|replicas| Arc::new(RedisLimits::new(replicas))),
            on_failure,
        }
    }

    /// Counts one request if the limit permits it.
    ///
    /// # Errors
    /// Which part is exhausted, and when to retry.
    pub async fn admit(&self, scoped: &Scoped, key: Key) -> Result<Admitted, NotAdmitted> {
        let Some(shared) = &self.shared else {
            return self.admit_here(scoped, key);
        };
        match (shared.admit(&scoped.limit, key).await, self.on_failure) {
            (Ok(Ok((lease, room))), _) => Ok(Admitted {
                room: Some(room),
                lease: lease.map(Lease::Shared),
                count: Count::Shared(key),
            }),
            (Ok(Err(refused)), _) => Err(NotAdmitted::Refused(refused)),
            (Err(Unavailable), OnRedisFailure::Local) => self.admit_here(scoped, key),
            (Err(Unavailable), OnRedisFailure::Allow) => Ok(Admitted {
                room: None,
                lease: None,
                count: Count::Nowhere,
            }),
            (Err(Unavailable), OnRedisFailure::Deny) => Err(NotAdmitted::Uncounted),
        }
    }

    /// What is left of the limit, without counting a request. `None`: the shared store does not
    /// respond, and nothing is counted here in its place.
    pub async fn left(&self, scoped: &Scoped, key: Key) -> Option<Left> {
        let here = || self.memory(scoped).left(scoped, key);
        let Some(shared) = &self.shared else {
            return Some(here());
        };
        match (shared.left(&scoped.limit, key).await, self.on_failure) {
            (Ok(left), _) => Some(left),
            (Err(Unavailable), OnRedisFailure::Local) => Some(here()),
            (Err(Unavailable), OnRedisFailure::Allow | OnRedisFailure::Deny) => None,
        }
    }

    /// Undoes the count of a request that is not sent. Its lease is given back when dropped.
    pub async fn give_back(&self, scoped: &Scoped, count: &Count) {
        let Some(rate) = scoped.limit.rate else {
            return;
        };
        match (count, &self.shared) {
            (Count::Own(bucket), _) => bucket.give_back(rate),
            (Count::Shared(key), Some(shared)) => shared.take_back(rate, *key).await,
            (Count::Shared(_), None) | (Count::Nowhere, _) => {}
        }
    }

    fn memory(&self, scoped: &Scoped) -> &Memory<DefaultClock> {
        match scoped.scope {
            Scope::Settings => &self.settings,
            Scope::Caller => &self.callers,
        }
    }

    fn admit_here(&self, scoped: &Scoped, key: Key) -> Result<Admitted, NotAdmitted> {
        let admitted = self.memory(scoped).admit(scoped, key);
        let (bucket, room) = admitted.map_err(NotAdmitted::Refused)?;
        let concurrent = scoped.limit.concurrent;
        Ok(Admitted {
            room: Some(room),
            lease: concurrent.map(|_| Lease::Own(OwnLease(bucket.clone()))),
            count: Count::Own(bucket),
        })
    }

    /// Maintains this process's leases in Redis until the future is dropped.
    pub async fn keep_leases(self: Arc<Self>) {
        if let Some(shared) = &self.shared {
            shared.clone().keep_leases().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::route::limit::{By, Limit, Rate};

    fn limit(scope: Scope, burst: u32) -> Scoped {
        let one = NonZeroU32::MIN;
        let rate = Rate {
            requests: one,
            window: Duration::from_secs(3600),
            burst: NonZeroU32::new(burst).unwrap(),
        };
        let limit = Limit {
            tokens: None,
            rate: Some(rate),
            concurrent: None,
            by: By::Caller,
        };
        Scoped::new(limit, scope, "limits[0]")
    }

    #[test]
    fn limits_of_callers_do_not_displace_those_of_the_settings() {
        let limiter = Limiter::new(None, OnRedisFailure::Local);
        let caller = |place: u32| {
            let credential = place.to_le_bytes();
            Identity::by_credentials([("authorization", &credential[..])].into_iter()).unwrap()
        };
        let own = limit(Scope::Settings, 1);
        for place in 0..110_000 {
            // Each with different numbers, so they share nothing.
            let made_up = limit(Scope::Caller, place % 2000 + 1);
            let _ = limiter.admit_here(&made_up, Key::of_caller(&made_up, &caller(place)));
        }
        let known = Key::of_caller(&own, &caller(1));
        assert!(limiter.admit_here(&own, known).is_ok());
        assert!(limiter.admit_here(&own, known).is_err());
        // Even when the settings have too many keys, requests are counted, though together.
        for place in 0..110_000 {
            let _ = limiter.admit_here(&own, Key::of_caller(&own, &caller(place)));
        }
        let other = limit(Scope::Settings, 1000);
        assert!(
            limiter
                .admit_here(&other, Key::of_caller(&other, &caller(7)))
                .is_ok()
        );
    }

    #[test]
    fn the_tighter_limit_is_the_one_with_the_smaller_share_left() {
        let room = |limit, most, remaining| Room {
            limit,
            most,
            remaining,
            reset: Duration::ZERO,
        };
        let (fresh, used) = (room(600, 10, 9), room(100, 100, 50));
        for (one, other) in [(fresh, used), (used, fresh)] {
            assert_eq!(Room::tighter(Some(one), Some(other)), Some(used));
        }
    }
}
