//! Answers in this process's memory, shared by all workers and weighed in bytes. A purge is exact: what was asked for before it is
//! not served after it, not even an answer that was still on its way.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use foldhash::fast::RandomState;
use moka::{Expiry, policy::EvictionPolicy, sync::Cache};

use super::{
    NoCacheReason,
    key::{CacheKey, Namespace},
    stored_response::{StoredResponse, UnixMillis},
};

/// Purges remembered by name; beyond it the older ones are remembered as one purge of everything.
const MOST_PURGES: usize = 1024;

/// moka lets go of what is too much when it has gathered enough to do; of large answers that would be late. It is made to at the
/// latest when so many of the store's bytes are new.
const UNTIDIED: u64 = 16;

/// A moment between two purges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(u64);

/// When a request was sent: it tells whether its answer still may be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    pub epoch: Epoch,
    /// The refreshes until then, itself included.
    refreshes: u64,
}

/// What is in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    pub entries: u64,
    pub bytes: u64,
}

/// Answers by key. When it is full, those go first that nobody asked for longest: a request that is repeated at once is a hit,
/// which a policy that makes newcomers prove themselves would not grant.
pub struct MemoryStore {
    entries: Cache<CacheKey, Arc<Entry>, RandomState>,
    purges: RwLock<Purges>,
    /// The last purge, for those who only want to know when they are.
    epoch: AtomicU64,
    refreshes: AtomicU64,
    max_bytes: u64,
    /// Bytes that were stored since everything was tidy.
    untidied: AtomicU64,
}

struct Entry {
    namespace: Namespace,
    asked: Asked,
    answer: Arc<StoredResponse>,
}

impl MemoryStore {
    /// Bytes kept unless the settings say otherwise.
    pub const DEFAULT_MAX_BYTES: u64 = 256 * 1024 * 1024;

    pub fn new(max_bytes: u64) -> Self {
        let weight = |_: &CacheKey, entry: &Arc<Entry>| entry.weight();
        let entries = Cache::builder()
            .max_capacity(max_bytes)
            .weigher(weight)
            .eviction_policy(EvictionPolicy::lru())
            .expire_after(ByTtl)
            .build_with_hasher(RandomState::default());
        MemoryStore {
            entries,
            purges: RwLock::default(),
            epoch: AtomicU64::new(0),
            refreshes: AtomicU64::new(0),
            max_bytes,
            untidied: AtomicU64::new(0),
        }
    }

    /// The present, to be given to [`put`](Self::put) with what is asked for from now on.
    pub fn asks(&self) -> Asked {
        Asked {
            epoch: self.epoch(),
            refreshes: self.refreshes.load(Ordering::Acquire),
        }
    }

    /// The same for a refresh: what was asked for earlier does not take its answer's place.
    pub fn refreshes(&self) -> Asked {
        Asked {
            epoch: self.epoch(),
            refreshes: self.refreshes.fetch_add(1, Ordering::AcqRel) + 1,
        }
    }

    fn epoch(&self) -> Epoch {
        Epoch(self.epoch.load(Ordering::Acquire))
    }

    pub fn get(&self, key: &CacheKey, now: UnixMillis) -> Option<Arc<StoredResponse>> {
        let entry = self.entries.get(key)?;
        let good = entry.answer.is_fresh(now) && !self.is_purged(&entry);
        good.then(|| entry.answer.clone())
    }

    /// Stores an answer that was asked for at `asked`, in the place of any other.
    ///
    /// # Errors
    /// It was purged since, or refreshed, and is never seen.
    pub fn put(
        &self,
        key: CacheKey,
        namespace: Namespace,
        answer: Arc<StoredResponse>,
        asked: Asked,
    ) -> Result<(), NoCacheReason> {
        let entry = Entry {
            namespace,
            asked,
            answer,
        };
        let weight = entry.weight().into();
        // Held until it is there: a purge that begins now finds it.
        let purges = self.purges();
        if purges.cover(&entry) || purges.cover_key(&key, asked.epoch) {
            return Err(NoCacheReason::Purged);
        }
        if self.is_superseded(&key, asked, &purges) {
            return Err(NoCacheReason::Superseded);
        }
        self.entries.insert(key, Arc::new(entry));
        drop(purges);
        if self.untidied.fetch_add(weight, Ordering::Relaxed) + weight > self.max_bytes / UNTIDIED {
            self.untidied.store(0, Ordering::Relaxed);
            self.entries.run_pending_tasks();
        }
        Ok(())
    }

    /// What is there was asked for by a refresh that came later.
    fn is_superseded(&self, key: &CacheKey, asked: Asked, purges: &Purges) -> bool {
        if self.refreshes.load(Ordering::Acquire) == asked.refreshes {
            return false;
        }
        let there = self.entries.get(key);
        there.is_some_and(|it| it.asked.refreshes > asked.refreshes && !purges.cover(&it))
    }

    /// Takes out the answer of one key; whether there was one.
    pub fn remove(&self, key: &CacheKey) -> bool {
        let mut purges = self.purges_mut();
        let epoch = purges.note_key(*key);
        self.epoch.store(epoch.0, Ordering::Release);
        drop(purges);
        self.entries.remove(key).is_some()
    }

    /// Removes all answers of a namespace, whoever's they are. Looks at every entry: not for a request's path.
    pub fn purge(&self, namespace: &Namespace) {
        self.begin_epoch(namespace);
        // From here on nothing old is served; what follows only frees memory, and may meet a newer answer under the same key.
        let covered = |entry: &Entry| self.purges().cover(entry);
        let old = self.entries.iter().filter(|(_, entry)| covered(entry));
        let keys: Vec<Arc<CacheKey>> = old.map(|(key, _)| key).collect();
        keys.iter().for_each(|key| self.entries.invalidate(&**key));
        self.entries.run_pending_tasks();
    }

    /// Exact, for which it tidies up first.
    pub fn stats(&self) -> Stats {
        self.entries.run_pending_tasks();
        Stats {
            entries: self.entries.entry_count(),
            bytes: self.entries.weighted_size(),
        }
    }

    /// Removes all answers.
    pub fn purge_all(&self) {
        let mut purges = self.purges_mut();
        let epoch = purges.note_all();
        self.epoch.store(epoch.0, Ordering::Release);
        drop(purges);
        self.entries.invalidate_all();
        self.entries.run_pending_tasks();
    }

    fn is_purged(&self, entry: &Entry) -> bool {
        entry.asked.epoch != self.epoch() && self.purges().cover(entry)
    }

    fn begin_epoch(&self, namespace: &Namespace) {
        let mut purges = self.purges_mut();
        let epoch = purges.note(namespace.clone());
        self.epoch.store(epoch.0, Ordering::Release);
    }

    /// A panic elsewhere leaves purges that are as good as before.
    fn purges(&self) -> RwLockReadGuard<'_, Purges> {
        self.purges.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn purges_mut(&self) -> RwLockWriteGuard<'_, Purges> {
        self.purges.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn weight(&self) -> u32 {
        let name = match &self.namespace {
            Namespace::None => 0,
            Namespace::Caller(name) | Namespace::Settings(name) => name.len(),
        };
        u32::try_from(self.answer.weight() + name).unwrap_or(u32::MAX)
    }
}

/// What was purged, and when. moka's own invalidation by a predicate forgets the predicate once it has looked at all entries that
/// its queue knows, and may miss one that is just being inserted.
#[derive(Default)]
struct Purges {
    last: u64,
    by_namespace: Noted<Namespace>,
    /// For those that are on their way; what was there is gone.
    by_key: Noted<CacheKey>,
}

/// When each was purged last.
struct Noted<K> {
    last: HashMap<K, u64>,
    /// What is older is purged, whatever it is.
    floor: u64,
}

impl<K> Default for Noted<K> {
    fn default() -> Self {
        Noted {
            last: HashMap::new(),
            floor: 0,
        }
    }
}

impl<K: Hash + Eq> Noted<K> {
    fn note(&mut self, what: K, when: u64) {
        if self.last.len() >= MOST_PURGES && !self.last.contains_key(&what) {
            self.note_all(when);
        }
        self.last.insert(what, when);
    }

    fn note_all(&mut self, when: u64) {
        self.last.clear();
        self.floor = when;
    }

    fn covers(&self, what: &K, asked: Epoch) -> bool {
        let since = self.last.get(what).copied().unwrap_or(0);
        asked.0 < since.max(self.floor)
    }
}

impl Purges {
    fn note(&mut self, namespace: Namespace) -> Epoch {
        self.last += 1;
        self.by_namespace.note(namespace, self.last);
        Epoch(self.last)
    }

    fn note_key(&mut self, key: CacheKey) -> Epoch {
        self.last += 1;
        self.by_key.note(key, self.last);
        Epoch(self.last)
    }

    fn note_all(&mut self) -> Epoch {
        self.last += 1;
        self.by_namespace.note_all(self.last);
        Epoch(self.last)
    }

    fn cover(&self, entry: &Entry) -> bool {
        self.by_namespace
            .covers(&entry.namespace, entry.asked.epoch)
    }

    fn cover_key(&self, key: &CacheKey, asked: Epoch) -> bool {
        self.by_key.covers(key, asked)
    }
}

/// Each entry for as long as its answer says, anew when it is replaced.
struct ByTtl;

impl Expiry<CacheKey, Arc<Entry>> for ByTtl {
    fn expire_after_create(
        &self,
        _: &CacheKey,
        entry: &Arc<Entry>,
        _: Instant,
    ) -> Option<Duration> {
        Some(entry.answer.ttl())
    }

    fn expire_after_update(
        &self,
        _: &CacheKey,
        entry: &Arc<Entry>,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(entry.answer.ttl())
    }
}

#[cfg(test)]
mod tests;
