//! Coalescing of identical requests that are in flight at the same time: the leader makes the
//! upstream call, the followers read its response as it arrives. Shared by all workers. Works on
//! keys and bytes only and knows nothing about HTTP.
//!
//! As long as the whole response may still be stored, all of it stays available to new followers.
//! After that nobody can join, chunks that all have read are released, the leader reads no faster
//! than its fastest follower, and followers that are too slow are cut off.

mod follower;
mod leader;
mod state;

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, Hash},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use foldhash::fast::RandomState;

use self::state::{AHEAD, Room};
#[cfg(test)]
use self::state::{MOST_BEHIND, MOST_WITHOUT_ROOM};
pub use self::{
    follower::{Abandoned, Broken, Follower},
    leader::Leader,
    state::Flight,
};

const SHARDS: usize = 16;

type Shard<K, B> = HashMap<K, Arc<Flight<B>>, RandomState>;

/// All flights. `B` is the type of the response head.
pub struct Flights<K, B> {
    shards: [Mutex<Shard<K, B>>; SHARDS],
    hasher: RandomState,
    /// How many flights have been closed.
    ended: AtomicU64,
    room: Arc<Room>,
}

/// The result of [`Flights::enter`].
pub enum Entered<K: Hash + Eq + Clone, B: Clone> {
    /// No identical request is in flight; the caller makes the upstream call.
    Leader(Leader<K, B>),
    Join(Follower<B>),
}

impl<K: Hash + Eq + Clone, B: Clone> Flights<K, B> {
    /// `most_bytes` limits the memory of all flights together.
    pub fn new(most_bytes: u64) -> Self {
        Flights {
            shards: Default::default(),
            hasher: RandomState::default(),
            ended: AtomicU64::new(0),
            room: Arc::new(Room::new(most_bytes)),
        }
    }

    /// Joins the flight of an identical request, or starts a new one.
    pub fn enter(self: &Arc<Self>, key: &K) -> Entered<K, B> {
        let mut shard = self.shard(key);
        // A flight that cannot be joined any more is replaced.
        if let Some(reader) = shard.get(key).and_then(Follower::join) {
            return Entered::Join(reader);
        }
        let lead = self.lead(Some(key.clone()));
        shard.insert(key.clone(), lead.flight().clone());
        Entered::Leader(lead)
    }

    /// Starts a flight that nobody can join.
    pub fn alone(self: &Arc<Self>) -> Leader<K, B> {
        self.lead(None)
    }

    /// How many flights have been closed so far. While this number stays the same, no new response
    /// has been stored.
    pub fn ended(&self) -> u64 {
        self.ended.load(Ordering::Acquire)
    }

    /// How many flights can be joined.
    #[cfg(test)]
    fn count(&self) -> usize {
        self.shards.iter().map(|shard| locked(shard).len()).sum()
    }

    fn lead(self: &Arc<Self>, key: Option<K>) -> Leader<K, B> {
        Leader::new(self.clone(), key, Arc::new(Flight::new(self.room.clone())))
    }

    fn shard(&self, key: &K) -> MutexGuard<'_, Shard<K, B>> {
        // Truncation is harmless: any shard will do.
        let hash = self.hasher.hash_one(key) as usize;
        locked(&self.shards[hash % SHARDS])
    }

    /// Removes the flight from `shard`, unless another has replaced it.
    fn remove(&self, shard: &mut Shard<K, B>, key: &K, flight: &Arc<Flight<B>>) {
        // Counted first, so that nobody sees the entry removed before the count changes.
        self.ended.fetch_add(1, Ordering::Release);
        if shard.get(key).is_some_and(|it| Arc::ptr_eq(it, flight)) {
            shard.remove(key);
        }
    }
}

/// A panic elsewhere cannot leave the state inconsistent, so poisoning is ignored.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
