//! Identical requests that are under way at the same time: one is sent, the others read along what comes of it. Shared by all
//! workers. Bytes and their order only: what makes requests identical, and what an answer is, are the caller's to say.
//!
//! While everything that has come may still be kept, it is there for whoever joins. Beyond that, the flight takes nobody in, lets go
//! of what all have read, goes on no faster than its fastest reader, and leaves behind who is too slow for it.

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

use self::state::Room;
pub use self::{
    follower::{Abandoned, Broken, Follower},
    leader::Leader,
    state::{AHEAD, Flight, MOST_BEHIND, MOST_WITHOUT_ROOM},
};

const SHARDS: usize = 16;

type Shard<K, B> = HashMap<K, Arc<Flight<B>>, RandomState>;

/// Those under way. `B`: what readers learn before the body.
pub struct Flights<K, B> {
    shards: [Mutex<Shard<K, B>>; SHARDS],
    hasher: RandomState,
    /// How many cannot be joined any more.
    ended: AtomicU64,
    room: Arc<Room>,
}

/// What came of entering.
pub enum Entered<K: Hash + Eq + Clone, B: Clone> {
    /// Nobody else is asking: the caller sends.
    Leader(Leader<K, B>),
    Join(Follower<B>),
}

impl<K: Hash + Eq + Clone, B: Clone> Flights<K, B> {
    /// All together hold at most `most_bytes` for those who come late or read slowly.
    pub fn new(most_bytes: u64) -> Self {
        Flights {
            shards: Default::default(),
            hasher: RandomState::default(),
            ended: AtomicU64::new(0),
            room: Arc::new(Room::new(most_bytes)),
        }
    }

    /// Joins who is asking the same, or else leads.
    pub fn enter(self: &Arc<Self>, key: &K) -> Entered<K, B> {
        let mut shard = self.shard(key);
        // One that takes nobody in any more makes room for the next.
        if let Some(reader) = shard.get(key).and_then(Follower::join) {
            return Entered::Join(reader);
        }
        let lead = self.lead(Some(key.clone()));
        shard.insert(key.clone(), lead.flight().clone());
        Entered::Leader(lead)
    }

    /// Leads where nobody may join.
    pub fn alone(self: &Arc<Self>) -> Leader<K, B> {
        self.lead(None)
    }

    /// How many have ceased to be joinable so far: as long as that stays the same, nothing new is kept.
    pub fn ended(&self) -> u64 {
        self.ended.load(Ordering::Acquire)
    }

    /// How many can be joined.
    pub fn count(&self) -> usize {
        self.shards.iter().map(|shard| locked(shard).len()).sum()
    }

    fn lead(self: &Arc<Self>, key: Option<K>) -> Leader<K, B> {
        Leader::new(self.clone(), key, Arc::new(Flight::new(self.room.clone())))
    }

    fn shard(&self, key: &K) -> MutexGuard<'_, Shard<K, B>> {
        // Which of them does not matter: truncated.
        let hash = self.hasher.hash_one(key) as usize;
        locked(&self.shards[hash % SHARDS])
    }

    /// Takes it out of `shard`, unless another has taken its place since.
    fn remove(&self, shard: &mut Shard<K, B>, key: &K, flight: &Arc<Flight<B>>) {
        // First: whoever finds the place empty sees that there was an end.
        self.ended.fetch_add(1, Ordering::Release);
        if shard.get(key).is_some_and(|it| Arc::ptr_eq(it, flight)) {
            shard.remove(key);
        }
    }
}

/// A panic elsewhere leaves a state that is as good as before.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
