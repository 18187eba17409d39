//! Rate limits: may one more request pass, and if not, when? Counts in this process (governor's GCRA). Who is counted together is
//! decided before (`key`); what a refusal leads to is the line's business.

mod key;
mod memory;

use std::{sync::Arc, time::Duration};

use governor::clock::DefaultClock;

pub use self::key::{Identity, Key, subnet};
use self::memory::{Bucket, Memory};
use crate::route::limit::Limit;

/// What is left of a limit, after a request has passed or has been refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Requests in each window; for a limit without one, requests at once.
    pub limit: u32,
    /// Requests that would pass now.
    pub remaining: u32,
    /// Until all of them are back.
    pub reset: Duration,
}

impl Room {
    /// This one is nearer its end.
    pub fn is_tighter_than(&self, other: &Room) -> bool {
        let share = |it: &Room| f64::from(it.remaining) / f64::from(it.limit.max(1));
        share(self) < share(other)
    }
}

/// A request may pass.
#[derive(Debug)]
pub struct Admitted {
    pub room: Room,
    /// To be held until the answer's last byte, where requests under way are counted.
    pub lease: Option<Lease>,
}

/// A request may not pass now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    pub room: Room,
    pub reason: Reason,
    /// Whoever waits so long passes, unless others took the place. Of requests under way nobody knows when they end: a second.
    pub retry_after: Duration,
}

/// What there is no room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    Requests,
    Concurrent,
}

/// A place among the requests under way; dropping it gives the place back.
#[derive(Debug)]
pub struct Lease(Arc<Bucket<DefaultClock>>);

impl Drop for Lease {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// All limits' counts.
pub struct Limiter {
    memory: Memory<DefaultClock>,
}

impl Default for Limiter {
    fn default() -> Self {
        Limiter {
            memory: Memory::new(DefaultClock::default(), memory::MOST),
        }
    }
}

impl Limiter {
    /// Counts one request, if there is room for it.
    ///
    /// # Errors
    /// What there is no room for, and when there will be.
    pub fn admit(&self, limit: &Limit, key: Key) -> Result<Admitted, Refused> {
        let (bucket, room) = self.memory.admit(limit, key)?;
        let lease = limit.concurrent.map(|_| Lease(bucket));
        Ok(Admitted { room, lease })
    }
}
